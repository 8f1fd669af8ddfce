/* efficiency_run.c: the same figures from a run that tacho measured. Latency and power are series
 * of their own there, sampled at different times, so their errors are independent. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/files/efficiency_internal.h"
#include "analyze/series.h"
#include "base/util.h"

#define NS_PER_S 1e9

/* Metrics that tell power, in the order in which they are looked for. */
static const char *const power_metrics[] = {"power_w", "gpu_power_w"};

struct run_reading {
    const struct run *run;
    struct efficiency *efficiency;
    struct estimate latency_ms;
    double batch;
    double steady_s;
    uint64_t calls;
};

/* Items per call; NaN where the workload says that it does not know. */
static double batch_of(const struct run *run, const struct analyze_options *options)
{
    if (options->batch_size > 0)
        return (double)options->batch_size;
    const struct fact *fact = facts_get(&run->workload, "batch_size");
    if (!fact)
        return 1;
    return fact->kind == FACT_INTEGER  ? (double)fact->integer
           : fact->kind == FACT_NUMBER ? fact->number
                                       : NAN;
}

/* Of the invocations that count; a phase that was told later covers the ones before it. */
static double steady_seconds(const struct run *run)
{
    double seconds = 0;
    for (size_t i = 0; i < run->invocation_count; i++) {
        uint32_t invocation = run->invocations[i].index;
        double last = 0;
        for (size_t k = 0; k < run->phase_count; k++) {
            const struct phase *phase = &run->phases[k];
            if (phase->kind == PHASE_STEADY && phase->invocation == invocation)
                last = (double)(phase->end_ns - phase->begin_ns) / NS_PER_S;
        }
        seconds += run_invocation_counts(run, invocation) ? last : 0;
    }
    return seconds > 0 ? seconds : NAN;
}

static int estimate_of(const double *values, size_t count, struct estimate *ret, struct error *err)
{
    struct means means = {.series = 1};
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = means_add(&means, &values[i]);
    if (rc == 0)
        rc = means_estimate(&means, 0, ret);
    means_deinit(&means);
    return rc < 0 ? error_set(err, ERROR_NOMEM, "out of memory") : 0;
}

/* factor · a / b of independent means; b may be a constant of error 0. */
static struct estimate quotient(double factor, const struct estimate *a, const struct estimate *b)
{
    struct estimate of_a = *a, of_b = *b;
    of_a.error /= of_a.value;
    of_b.error /= of_b.value;
    struct estimate ret = estimate_ratio(&of_b, &of_a, 0.95);
    ret.value *= factor;
    ret.lo *= factor;
    ret.hi *= factor;
    return ret;
}

static struct estimate inverse(const struct estimate *a)
{
    struct estimate ret = *a;
    ret.value = 1 / a->value;
    ret.lo = 1 / a->hi;
    ret.hi = 1 / a->lo;
    ret.error = a->error / (a->value * a->value); /* as that of a mean: relative error x value */
    return ret;
}

static void fill_figures(const struct run_reading *reading, const struct estimate *power,
                         struct efficiency_group *group)
{
    struct efficiency_figures *figures = &group->figures;
    struct estimate none = {
        .value = 1, .error = 0, .n_eff = reading->latency_ms.n_eff, .n = reading->latency_ms.n};
    struct estimate per_ms = inverse(&reading->latency_ms);
    figures->n = reading->calls;
    figures->batch = reading->batch;
    figures->latency_ms = reading->latency_ms;
    figures->power_w = *power;
    figures->throughput_per_s = quotient(1000 * reading->batch, &per_ms, &none);
    struct estimate per_power = inverse(power);
    figures->call_j = quotient(1e-3, &reading->latency_ms, &per_power);
    figures->item_j = quotient(1e-3 / reading->batch, &reading->latency_ms, &per_power);
    figures->per_watt = quotient(1000 * reading->batch, &per_ms, power);
    figures->busy = reading->latency_ms.value / 1e3 * (double)reading->calls / reading->steady_s;
    figures->timed_call_j = group->wall_item_j * reading->batch;
}

/* Power over time, within the steady phase. */
static int add_energy(const struct run *run, const struct run_series *series,
                      struct efficiency_group *group, struct error *err)
{
    struct energy_sum *energy = &group->energy;
    bool backwards;
    efficiency_energy_break(energy);
    energy->gap_s = NAN;
    group->power_min = group->power_max = NAN;
    for (size_t i = 0; i < series->count; i++) {
        const struct run_sample *sample = &series->samples[i];
        if (isnan(sample->value) || sample->t_ns == INT64_MIN ||
            !run_time_in_phase(run, sample->t_ns, PHASE_STEADY))
            continue;
        group->power_min = fmin(group->power_min, sample->value);
        group->power_max = fmax(group->power_max, sample->value);
        if (efficiency_energy_add(energy, (double)sample->t_ns / NS_PER_S, sample->value,
                                  &backwards) < 0)
            return error_set(err, ERROR_NOMEM, "out of memory");
    }
    return efficiency_energy_finish(energy) < 0 ? error_set(err, ERROR_NOMEM, "out of memory") : 0;
}

/* The run's own figure: power over the whole steady phase by the items inferred in it. */
static double wall_energy(const struct run *run, const char *instance)
{
    const struct run_series *series = run_find_series(run, "energy_per_inference_j", instance);
    double sum = 0;
    uint64_t n = 0;
    for (size_t i = 0; series && i < series->count; i++) {
        if (!isnan(series->samples[i].value)) {
            sum += series->samples[i].value;
            n++;
        }
    }
    return n > 0 ? sum / (double)n : NAN;
}

/* A group for each sensor: their power is not that of another. */
static int add_sensor(struct run_reading *reading, const struct run_series *series,
                      struct error *err)
{
    struct efficiency *efficiency = reading->efficiency;
    CLEANUP_FREE double *values = NULL;
    size_t count = 0;
    struct estimate power = {.value = NAN};
    int rc = run_collect(reading->run, series, PHASE_STEADY, &values, NULL, &count, err);
    if (rc < 0 || count == 0 || efficiency->index.count == EFFICIENCY_GROUPS_MAX)
        return rc;
    rc = estimate_of(values, count, &power, err);
    if (rc < 0)
        return rc;
    struct efficiency_group *group = &efficiency->groups[efficiency->index.count++];
    char *label = arena_printf(&efficiency->index.arena, "%s%s%s", series->series.metric->name,
                               *series->series.instance ? "@" : "", series->series.instance);
    if (!label)
        return error_set(err, ERROR_NOMEM, "out of memory");
    group->label = label;
    group->workload = "";
    group->file = *reading->run->id ? reading->run->id : "the run";
    group->is_run = true;
    group->batch_min = group->batch_max = reading->batch;
    group->wall_item_j = wall_energy(reading->run, series->series.instance);
    fill_figures(reading, &power, group);
    return add_energy(reading->run, series, group, err);
}

/* Which sensor is missing, why, and how to get one. */
static int no_power(const struct run *run, struct error *err)
{
    const char *why = NULL, *instance = "";
    for (size_t i = 0; i < run->series_count && !why; i++) {
        const struct series *series = &run->series[i].series;
        if (strcmp(series->metric->name, power_metrics[0]) == 0 && series->reason != REASON_NONE) {
            why = series->why && *series->why ? series->why : reason_meaning(series->reason);
            instance = series->instance;
        }
    }
    error_set(err, ERROR_NOTHING, "the run has no power_w%s%s%s%s", *instance ? " of " : "",
              instance, why ? ": " : ": no sensor of power was read", why ? why : "");
    return error_hint(err, "a reading needs RAPL (permission to read energy_uj), the rails of a "
                           "board (INA3221), a battery or NVML: `tacho doctor` says which are here "
                           "and how to get them; or give a file with a column power_w");
}

static int find_latency(struct run_reading *reading, struct error *err)
{
    const char *metric = latency_metric_of(reading->run);
    CLEANUP(values_free) struct values values;
    int rc = values_of(reading->run, metric, &values, err);
    if (rc < 0)
        return rc;
    if (values.count == 0) {
        error_set(err, ERROR_NOTHING, "the run has no %s in its steady phase", metric);
        return error_hint(err, "measure for longer: --duration, -n");
    }
    reading->calls = values.count;
    return estimate_of(values.value, values.count, &reading->latency_ms, err);
}

static int read_run(struct run_reading *reading, struct error *err)
{
    const struct run *run = reading->run;
    int rc = find_latency(reading, err);
    for (size_t k = 0; k < ARRAY_LEN(power_metrics) && rc == 0; k++) {
        for (size_t i = 0; i < run->series_count && rc == 0; i++) {
            const struct run_series *series = &run->series[i];
            if (strcmp(series->series.metric->name, power_metrics[k]) == 0)
                rc = add_sensor(reading, series, err);
        }
    }
    if (rc == 0 && reading->efficiency->index.count == 0)
        return no_power(run, err);
    return rc;
}

int efficiency_run(const struct run *run, const struct analyze_options *options,
                   struct analysis *analysis, struct error *err)
{
    CLEANUP(efficiency_free) struct efficiency *efficiency = calloc(1, sizeof(*efficiency));
    if (!efficiency)
        return error_set(err, ERROR_NOMEM, "out of memory");
    efficiency->options = options;
    efficiency->analysis = analysis;
    efficiency->has_time = true;
    struct run_reading reading = {.run = run,
                                  .efficiency = efficiency,
                                  .batch = batch_of(run, options),
                                  .steady_s = steady_seconds(run)};
    int rc = read_run(&reading, err);
    if (rc < 0)
        return rc;
    struct analysis_input *input = analysis_add_input(analysis, run->id, "run");
    input->skips.rows = reading.calls;
    facts_bool(&analysis->facts, "synthetic", run->synthetic, "run");
    efficiency_add_facts(efficiency);
    return efficiency_tell(efficiency, err);
}
