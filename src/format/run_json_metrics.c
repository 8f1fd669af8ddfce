/* run_json_metrics.c: what the series of a run come to, as JSON. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format/run_json.h"
#include "format/run_json_internal.h"
#include "model/summary.h"

#define CI_LEVEL 0.95

void run_json_write_interval(struct json_writer *writer, const char *key, bool has, double lo,
                             double hi)
{
    if (!has) {
        json_write_null(writer, key);
        return;
    }
    json_write_array_line(writer, key);
    json_write_number(writer, NULL, lo);
    json_write_number(writer, NULL, hi);
    json_write_end(writer);
}

static void write_ci(struct json_writer *writer, const struct summary *summary)
{
    json_write_object(writer, "ci");
    json_write_number(writer, "level", CI_LEVEL);
    json_write_text(writer, "method", "student_t,order_statistics");
    json_write_text(writer, "unit", summary->ci_by_invocation ? "invocation" : "sample");
    run_json_write_interval(writer, "mean", summary->has_mean_ci, summary->mean_lo,
                            summary->mean_hi);
    for (size_t i = 0; i < SUMMARY_QUANTILES; i++) {
        run_json_write_interval(writer, summary_quantile_name[i], summary->has_quantile_ci[i],
                                summary->quantile_lo[i], summary->quantile_hi[i]);
    }
    json_write_end(writer);
}

static void write_too_few(struct json_writer *writer, const char *key, uint64_t have, uint64_t need)
{
    json_write_object_line(writer, key);
    json_write_text(writer, "code", reason_name(REASON_TOO_FEW));
    json_write_u64(writer, "have", have);
    json_write_u64(writer, "need", need);
    json_write_end(writer);
}

static void write_reasons(struct json_writer *writer, const struct summary *summary)
{
    json_write_object(writer, "reasons");
    if (summary->n < 2)
        write_too_few(writer, "std", summary->n, 2);
    for (size_t i = 0; i < SUMMARY_QUANTILES; i++) {
        if (summary->quantile_need[i] > 0)
            write_too_few(writer, summary_quantile_name[i], summary->n,
                          summary->n + summary->quantile_need[i]);
    }
    json_write_end(writer);
}

static void write_figures(struct json_writer *writer, const struct summary *summary)
{
    json_write_u64(writer, "n", summary->n);
    json_write_u64(writer, "n_missing", summary->n_missing);
    json_write_number(writer, "n_eff", summary->n_eff);
    json_write_u64(writer, "n_invocations", summary->n_invocations);
    json_write_number(writer, "mean", summary->mean);
    json_write_number(writer, "std", summary->std);
    json_write_number(writer, "min", summary->min);
    json_write_number(writer, "max", summary->max);
    for (size_t i = 0; i < SUMMARY_QUANTILES; i++)
        json_write_number(writer, summary_quantile_name[i], summary->quantile[i]);
    if (summary->quantile_error > 0)
        json_write_number(writer, "quantile_error", summary->quantile_error);
    write_ci(writer, summary);
    write_reasons(writer, summary);
}

/* "wall_ms", "temperature_c@cpu0"; a second series of the same name gets its id, since a JSON
 * object holds a name once. */
static void metric_key(const struct run *run, size_t index, char *key, size_t size)
{
    const struct series *series = &run->series[index].series;
    const char *instance = series->instance ? series->instance : "";
    int length =
        snprintf(key, size, "%s%s%s", series->metric->name, instance[0] ? "@" : "", instance);
    for (size_t i = 0; i < index; i++) {
        const struct series *other = &run->series[i].series;
        if (strcmp(other->metric->name, series->metric->name) == 0 &&
            strcmp(other->instance ? other->instance : "", instance) == 0) {
            if (length >= 0 && (size_t)length < size)
                snprintf(key + length, size - (size_t)length, "#%u", series->id);
            return;
        }
    }
}

int run_json_write_metrics(struct json_writer *writer, const struct run *run, struct error *err)
{
    json_write_object(writer, "metrics");
    for (size_t i = 0; i < run->series_count; i++) {
        const struct run_series *series = &run->series[i];
        struct summary summary = {0};
        int rc = summary_of(run, series, PHASE_STEADY, &summary, err);
        if (rc < 0)
            return rc;
        char key[512];
        metric_key(run, i, key, sizeof(key));
        json_write_object(writer, key);
        json_write_text(writer, "unit", series->series.metric->unit);
        json_write_text(writer, "direction", direction_name(series->series.metric->direction));
        json_write_text(writer, "source", series->series.source);
        if (summary.reason != REASON_NONE) {
            json_write_null(writer, "value");
            json_write_text(writer, "reason", reason_name(summary.reason));
            json_write_text(writer, "why", summary.why);
        } else {
            write_figures(writer, &summary);
        }
        json_write_end(writer);
    }
    json_write_end(writer);
    return 0;
}
