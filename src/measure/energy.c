/* energy.c: what one item cost: mean power of the steady phase times its length, over the items.
 *
 * Mean power is the slope of the hardware's own energy counter where there is one, else the mean of
 * the power readings. Power of the whole machine gives the figure; where only parts of it are seen
 * (a package, a GPU that the model runs on) each part has its own, called after it. An instance
 * "total" that has no value keeps limits from passing by the parts alone (model/limit.h).
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"
#include "measure/measure_internal.h"

#define METRIC "energy_per_inference_j"
#define TOTAL "total"

/* A metric that tells power, and the counter that tells it better. */
struct power_kind {
    const char *power, *counter;
    bool is_gpu;
};

static const struct power_kind kinds[] = {
    {"power_w", "energy_j", false},
    {"gpu_power_w", "gpu_energy_j", true},
};

/* ---- mean power over a time ---- */

static bool is_within(const struct run_sample *sample, const struct phase *phase)
{
    return sample->t_ns != INT64_MIN && sample->t_ns >= phase->begin_ns &&
           sample->t_ns < phase->end_ns && !isnan(sample->value);
}

/* Watts; NaN: no reading lies in it. */
static double mean_power(const struct run_series *series, const struct phase *phase)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; series && i < series->count; i++) {
        if (is_within(&series->samples[i], phase)) {
            sum += series->samples[i].value;
            n++;
        }
    }
    return n > 0 ? sum / (double)n : NAN;
}

/* Watts, from the first and last reading of a counter; NaN: fewer than two, or it ran backwards. */
static double counted_power(const struct run_series *series, const struct phase *phase)
{
    const struct run_sample *first = NULL, *last = NULL;
    for (size_t i = 0; series && i < series->count; i++) {
        if (is_within(&series->samples[i], phase)) {
            first = first ? first : &series->samples[i];
            last = &series->samples[i];
        }
    }
    if (!first || last->t_ns <= first->t_ns || last->value < first->value)
        return NAN;
    return (last->value - first->value) / ((double)(last->t_ns - first->t_ns) / (double)NS_PER_S);
}

/* ---- the steady part of an invocation ---- */

/* The last that was told: it covers all of it. NULL: none. */
static const struct phase *steady_of(const struct run *run, uint32_t invocation)
{
    for (size_t i = run->phase_count; i-- > 0;) {
        const struct phase *phase = &run->phases[i];
        if (phase->kind == PHASE_STEADY && phase->invocation == invocation)
            return phase;
    }
    return NULL;
}

/* Items per unit; NaN where the workload says that it does not know. */
static double batch_size(const struct run *run)
{
    const struct fact *fact = facts_get(&run->workload, "batch_size");
    if (!fact)
        return 1;
    return fact->kind == FACT_INTEGER  ? (double)fact->integer
           : fact->kind == FACT_NUMBER ? fact->number
                                       : NAN;
}

/* ---- one source of power: an instance of a kind ---- */

/* Joules per item in an invocation; NaN: cannot be had. The series are looked up anew each time:
 * telling a value may move them. */
static double energy_of(const struct run *run, const struct power_kind *kind, const char *instance,
                        uint32_t invocation, bool *ret_counted)
{
    const struct phase *steady = steady_of(run, invocation);
    if (!steady || !run_invocation_counts(run, invocation) || steady->unit_count == 0)
        return NAN;
    double watts = counted_power(run_find_series(run, kind->counter, instance), steady);
    *ret_counted = !isnan(watts);
    if (isnan(watts))
        watts = mean_power(run_find_series(run, kind->power, instance), steady);
    double seconds = (double)(steady->end_ns - steady->begin_ns) / (double)NS_PER_S;
    return watts * seconds / ((double)steady->unit_count * batch_size(run));
}

static int tell_block(struct measure *measure, struct series *series, uint32_t invocation,
                      const double *value, struct error *err)
{
    struct sample_block block = {
        .series = series, .invocation = invocation, .n = value ? 1 : 0, .value = value};
    return sink_samples(measure->sink, &block, err);
}

/* Its id follows the largest so far: those of a workload may have gaps. */
static struct series new_series(const struct measure *measure, const char *instance,
                                const char *source)
{
    uint32_t id = 0;
    for (size_t i = 0; i < measure->run.series_count; i++)
        id = (uint32_t)u64_max(id, measure->run.series[i].series.id + 1ULL);
    return (struct series){.id = id,
                           .kind = SERIES_VALUE,
                           .metric = metric_find(METRIC),
                           .instance = instance,
                           .source = source};
}

/* *ret_any: the source had a value for one invocation at least. */
static int tell_source(struct measure *measure, const struct power_kind *kind, const char *instance,
                       bool *ret_any, struct error *err)
{
    const struct run *run = &measure->run;
    char words[160];
    struct series series = new_series(measure, instance, words);
    for (size_t i = 0; i < run->invocation_count; i++) {
        bool is_counted = false;
        uint32_t invocation = run->invocations[i].index;
        double joules = energy_of(run, kind, instance, invocation, &is_counted);
        if (isnan(joules))
            continue;
        snprintf(words, sizeof(words), "%s %s@%.60s over the steady phase, by items",
                 is_counted ? "rise of" : "mean of", is_counted ? kind->counter : kind->power,
                 instance);
        int rc = tell_block(measure, &series, invocation, &joules, err);
        if (rc < 0)
            return rc;
        *ret_any = true;
    }
    return 0;
}

/* ---- all sources ---- */

/* A GPU's power says something about a model that runs on that GPU. */
static bool runs_on(const struct run *run, const char *instance)
{
    const char *device = facts_get_text(&run->workload, "device", "");
    return strcmp(device, instance) == 0;
}

static int tell_parts(struct measure *measure, const struct power_kind *kind, bool *ret_any,
                      struct error *err)
{
    const struct run *run = &measure->run;
    size_t count = run->series_count; /* what is told here is none of them */
    for (size_t i = 0; i < count; i++) {
        const struct series *series = &run->series[i].series;
        const char *instance = series->instance;
        if (strcmp(series->metric->name, kind->power) != 0 || !strcmp(instance, TOTAL) ||
            (kind->is_gpu && !runs_on(run, instance)))
            continue;
        int rc = tell_source(measure, kind, instance, ret_any, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Why the whole machine's is not known. */
static int tell_absence(struct measure *measure, bool has_parts, struct error *err)
{
    struct series series = new_series(measure, has_parts ? TOTAL : "", "power_w, energy_j");
    series.reason = REASON_ABSENT;
    series.why = has_parts ? "nothing measures the power of the whole machine"
                           : "no power sensor gave a value in the steady phase";
    return tell_block(measure, &series, 0, NULL, err);
}

int energy_tell(struct measure *measure, struct error *err)
{
    if (!has_many_units(measure) || run_find_series(&measure->run, METRIC, NULL))
        return 0;
    bool has_total = false, has_parts = false;
    int rc = tell_source(measure, &kinds[0], TOTAL, &has_total, err);
    for (size_t i = 0; rc == 0 && !has_total && i < ARRAY_LEN(kinds); i++)
        rc = tell_parts(measure, &kinds[i], &has_parts, err);
    return rc < 0 || has_total ? rc : tell_absence(measure, has_parts, err);
}
