/* series.c: see series.h. */
#include "analyze/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int values_of(const struct run *run, const char *metric, struct values *ret_values,
              struct error *err)
{
    *ret_values = (struct values){.series = run_find_series(run, metric, NULL)};
    if (!ret_values->series)
        return 0;
    return run_collect(run, ret_values->series, PHASE_STEADY, &ret_values->value,
                       &ret_values->invocation, &ret_values->count, err);
}

void values_free(struct values *values)
{
    free(values->value);
    free(values->invocation);
    *values = (struct values){0};
}

const char *latency_metric_of(const struct run *run)
{
    return facts_get_text(&run->workload, "latency_metric", "wall_ms");
}

const char *unit_name_of(const struct run *run)
{
    return facts_get_text(&run->workload, "unit", "unit");
}

const char *unit_plural_of(const struct run *run)
{
    return facts_get_text(&run->workload, "units", "units");
}

double steady_mean(const struct run *run, const char *metric)
{
    struct values values;
    if (values_of(run, metric, &values, NULL) < 0)
        return NAN;
    double sum = 0;
    for (size_t i = 0; i < values.count; i++)
        sum += values.value[i];
    double mean = values.count ? sum / (double)values.count : NAN;
    values_free(&values);
    return mean;
}

double overall_max(const struct run *run, const char *metric)
{
    double max = NAN;
    for (size_t i = 0; i < run->series_count; i++) {
        const struct run_series *series = &run->series[i];
        if (strcmp(series->series.metric->name, metric) != 0)
            continue;
        for (size_t j = 0; j < series->count; j++) {
            double value = series->samples[j].value;
            if (!isnan(value) && !(value <= max))
                max = value;
        }
    }
    return max;
}
