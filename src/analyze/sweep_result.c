/* sweep_result.c: the figures of each configuration, and which of them are best. */
#include "analyze/sweep_result.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/series.h"
#include "base/str.h"
#include "base/util.h"

#define SEED 1
#define LEVEL 0.95
/* Below this many values a bootstrap of medians promises too much. */
#define BOOTSTRAP_MIN 5
#define ENOUGH_SHARE 1.05

static int no_memory(struct error *err)
{
    return error_set(err, ERROR_NOMEM, "out of memory comparing configurations");
}

/* ---- one row ------------------------------------------------------------------------------ */

static struct sweep_figure missing(const char *unit, const char *why)
{
    struct sweep_figure figure = {.value = NAN, .lo = NAN, .hi = NAN, .unit = unit};
    str_copy(figure.why, sizeof(figure.why), why);
    return figure;
}

static struct sweep_figure quantile_figure(const struct summary *summary, int quantile, double by)
{
    return (struct sweep_figure){.value = summary->quantile[quantile] / by,
                                 .has_interval = summary->has_quantile_ci[quantile],
                                 .lo = summary->quantile_lo[quantile] / by,
                                 .hi = summary->quantile_hi[quantile] / by,
                                 .unit = summary->series->series.metric->unit};
}

static const char *reason_of(const struct summary *summary)
{
    return summary->why && summary->why[0] ? summary->why : reason_meaning(summary->reason);
}

/* The mean of a series with its interval. */
static int mean_figure(const struct run *run, const char *metric, const char *absent,
                       struct sweep_figure *ret, struct error *err)
{
    const struct run_series *series = run_find_series(run, metric, NULL);
    struct summary summary = {0};
    *ret = missing(metric_find(metric)->unit, absent);
    int rc = series ? summary_of(run, series, PHASE_STEADY, &summary, err) : 0;
    if (rc < 0 || !series)
        return rc;
    if (summary.n == 0) {
        str_copy(ret->why, sizeof(ret->why), reason_of(&summary));
        return 0;
    }
    *ret = (struct sweep_figure){.value = summary.mean,
                                 .has_interval = summary.has_mean_ci,
                                 .lo = summary.mean_lo,
                                 .hi = summary.mean_hi,
                                 .unit = series->series.metric->unit};
    return 0;
}

/* The whole tree where it was sampled, else the largest process. Over the whole run: a peak is one
 * also while a session is made. */
static struct sweep_figure memory_figure(const struct run *run)
{
    double peak = overall_max(run, "peak_tree_rss_mb");
    if (isnan(peak))
        peak = overall_max(run, "peak_rss_mb");
    if (isnan(peak))
        return missing("MB", "the run holds no peak memory");
    return (struct sweep_figure){.value = peak, .lo = NAN, .hi = NAN, .unit = "MB"};
}

/* One call after the other, so items over time is batch size over mean latency. */
static struct sweep_figure closed_loop_throughput(const struct sweep_row *row)
{
    const struct summary *latency = &row->latency;
    double items = row->batch_size * 1e3; /* per ms -> per s */
    return (struct sweep_figure){.value = items / latency->mean,
                                 .has_interval = latency->has_mean_ci && latency->mean_lo > 0,
                                 .lo = items / latency->mean_hi,
                                 .hi = items / latency->mean_lo,
                                 .unit = "1/s"};
}

static double number_of(const struct facts *facts, const char *key, double otherwise)
{
    const struct fact *fact = facts_get(facts, key);
    if (fact && fact->kind == FACT_INTEGER)
        return (double)fact->integer;
    return fact && fact->kind == FACT_NUMBER ? fact->number : otherwise;
}

static int fill_throughput(struct sweep_row *row, struct error *err)
{
    const struct facts *workload = &row->run->workload;
    bool is_closed = number_of(workload, "streams", 1) <= 1 && !facts_get(workload, "rate_per_s");
    int rc = mean_figure(row->run, "throughput_per_s", "the run holds no throughput",
                         &row->throughput, err);
    if (rc == 0 && isnan(row->throughput.value) && is_closed)
        row->throughput = closed_loop_throughput(row);
    return rc;
}

/* The values that scaling rests on: see the header. */
static int fill_times(struct sweep_row *row, struct error *err)
{
    struct values values CLEANUP(values_free) = {0};
    int rc = values_of(row->run, row->latency_metric, &values, err);
    if (rc < 0)
        return rc;
    row->times = calloc(values.count + 1, sizeof(*row->times));
    CLEANUP_FREE double *scratch = calloc(values.count + 1, sizeof(*scratch));
    if (!row->times || !scratch)
        return no_memory(err);
    for (size_t begin = 0, end; begin < values.count; begin = end) {
        for (end = begin; end < values.count && values.invocation[end] == values.invocation[begin];)
            end++;
        memcpy(scratch, values.value + begin, (end - begin) * sizeof(*scratch));
        row->times[row->time_count++] = bootstrap_median(scratch, end - begin);
    }
    return 0;
}

static void clear_row(struct sweep_row *row)
{
    const char *why = row->error.code ? row->error.message : "it was not measured";
    struct sweep_figure nothing = missing("", why);
    row->latency_p50 = row->latency_p99 = row->per_item = nothing;
    row->throughput = row->memory = row->energy = nothing;
    row->speedup = row->efficiency = nothing;
    row->latency_p50.unit = row->latency_p99.unit = row->per_item.unit = "ms";
    row->throughput.unit = "1/s";
    row->memory.unit = "MB";
    row->energy.unit = "J";
    row->cv = row->tail = NAN;
    row->batch_size = 1;
}

static int fill_row(struct sweep_row *row, struct error *err)
{
    clear_row(row);
    row->latency_metric = "wall_ms";
    const struct run_series *series = NULL;
    if (row->run) {
        row->latency_metric = latency_metric_of(row->run);
        series = run_find_series(row->run, row->latency_metric, NULL);
        row->batch_size = number_of(&row->run->workload, "batch_size", 1);
    }
    if (!series)
        return 0;
    int rc = summary_of(row->run, series, PHASE_STEADY, &row->latency, err);
    row->is_measured = rc == 0 && row->latency.n > 0;
    if (!row->is_measured)
        return rc;
    row->latency.series = series;
    row->latency_p50 = quantile_figure(&row->latency, SUMMARY_P50, 1);
    row->latency_p99 = quantile_figure(&row->latency, SUMMARY_P99, 1);
    row->per_item = quantile_figure(&row->latency, SUMMARY_P50, row->batch_size);
    row->cv = row->latency.std / row->latency.mean;
    row->tail = row->latency.quantile[SUMMARY_P99] / row->latency.quantile[SUMMARY_P50];
    row->memory = memory_figure(row->run);
    rc = fill_throughput(row, err);
    if (rc == 0)
        rc = mean_figure(row->run, "energy_per_inference_j", "no power sensor was read",
                         &row->energy, err);
    return rc < 0 ? rc : fill_times(row, err);
}

/* ---- best --------------------------------------------------------------------------------- */

static bool overlap(const struct sweep_figure *a, const struct sweep_figure *b)
{
    return a->has_interval && b->has_interval && a->lo <= b->hi && b->lo <= a->hi;
}

static const struct sweep_figure *figure_at(const struct sweep_row *row, size_t offset)
{
    return (const struct sweep_figure *)((const char *)row + offset);
}

static int find_best(const struct sweep_result *result, size_t offset, double sign,
                     struct sweep_best *ret, struct error *err)
{
    ret->row = SWEEP_NONE;
    ret->is_equal = calloc(result->count + 1, sizeof(*ret->is_equal));
    if (!ret->is_equal)
        return no_memory(err);
    for (size_t i = 0; i < result->count; i++) {
        double value = sign * figure_at(&result->rows[i], offset)->value;
        if (!isnan(value) && (ret->row == SWEEP_NONE ||
                              value < sign * figure_at(&result->rows[ret->row], offset)->value))
            ret->row = i;
    }
    for (size_t i = 0; i < result->count && ret->row != SWEEP_NONE; i++)
        ret->is_equal[i] = i != ret->row && overlap(figure_at(&result->rows[i], offset),
                                                    figure_at(&result->rows[ret->row], offset));
    return 0;
}

static int find_front(struct sweep_result *result, struct error *err)
{
    CLEANUP_FREE double *latency = calloc(result->count + 1, sizeof(*latency));
    CLEANUP_FREE double *throughput = calloc(result->count + 1, sizeof(*throughput));
    CLEANUP_FREE bool *front = calloc(result->count + 1, sizeof(*front));
    if (!latency || !throughput || !front)
        return no_memory(err);
    for (size_t i = 0; i < result->count; i++) {
        latency[i] = result->rows[i].latency_p50.value;
        throughput[i] = result->rows[i].throughput.value;
    }
    pareto_front(latency, true, throughput, false, result->count, front);
    for (size_t i = 0; i < result->count; i++)
        result->rows[i].is_on_front = front[i];
    return 0;
}

/* Of what was measured, in order. */
static int find_knee(struct sweep_result *result, struct error *err)
{
    CLEANUP_FREE double *x = calloc(result->count + 1, sizeof(*x));
    CLEANUP_FREE double *y = calloc(result->count + 1, sizeof(*y));
    CLEANUP_FREE size_t *rows = calloc(result->count + 1, sizeof(*rows));
    size_t count = 0;
    if (!x || !y || !rows)
        return no_memory(err);
    for (size_t i = 0; i < result->count; i++) {
        if (isnan(result->rows[i].throughput.value))
            continue;
        x[count] = result->rows[i].x;
        y[count] = result->rows[i].throughput.value;
        rows[count++] = i;
    }
    size_t knee = knee_find(x, y, count);
    if (knee != SIZE_MAX)
        result->knee = rows[knee];
    return 0;
}

/* ---- scaling ------------------------------------------------------------------------------ */

/* Of few processes: each round gives one ratio, and their logarithms an interval of Student's. */
static void ratio_by_round(const struct sweep_row *base, const struct sweep_row *row,
                           struct sweep_figure *ret)
{
    size_t n = base->time_count < row->time_count ? base->time_count : row->time_count;
    struct moments moments = {0};
    struct interval interval;
    for (size_t i = 0; i < n; i++)
        moments_add(&moments, log(base->times[i] / row->times[i]));
    ret->value = exp(moments.mean);
    ret->has_interval =
        mean_interval(moments.mean, moments_std(&moments), (double)n, LEVEL, &interval);
    if (ret->has_interval) {
        ret->lo = exp(interval.lo);
        ret->hi = exp(interval.hi);
    }
}

static int ratio_of_medians(const struct sweep_row *base, const struct sweep_row *row,
                            struct sweep_figure *ret, struct error *err)
{
    struct interval interval;
    ret->value = base->latency_p50.value / row->latency_p50.value;
    if (base->time_count < BOOTSTRAP_MIN || row->time_count < BOOTSTRAP_MIN)
        return 0;
    if (median_ratio_interval(base->times, base->time_count, row->times, row->time_count, LEVEL,
                              SEED, &interval) < 0)
        return no_memory(err);
    ret->has_interval = true;
    ret->lo = interval.lo;
    ret->hi = interval.hi;
    return 0;
}

static int fill_scaling(const struct sweep_row *base, struct sweep_row *row, struct error *err)
{
    struct sweep_figure speedup = {.value = 1, .lo = NAN, .hi = NAN, .unit = ""};
    int rc = 0;
    bool is_unit_a_process = row->latency.n == row->time_count;
    if (row != base && is_unit_a_process)
        rc = ratio_of_medians(base, row, &speedup, err);
    else if (row != base)
        ratio_by_round(base, row, &speedup);
    double by = base->x / row->x;
    row->speedup = row->efficiency = speedup;
    row->efficiency.value *= by;
    row->efficiency.lo *= by;
    row->efficiency.hi *= by;
    return rc;
}

static int fit_amdahl(struct sweep_result *result, struct error *err)
{
    size_t total = 0, n = 0;
    for (size_t i = 0; i < result->count; i++)
        total += result->rows[i].time_count;
    CLEANUP_FREE double *cores = calloc(total + 1, sizeof(*cores));
    CLEANUP_FREE double *times = calloc(total + 1, sizeof(*times));
    if (!cores || !times)
        return no_memory(err);
    for (size_t i = 0; i < result->count; i++)
        for (size_t j = 0; j < result->rows[i].time_count; j++) {
            cores[n] = result->rows[i].x;
            times[n++] = result->rows[i].times[j];
        }
    result->has_fit = amdahl_fit(cores, times, n, SEED, &result->fit) == 0;
    return 0;
}

static int fill_cores(struct sweep_result *result, struct error *err)
{
    double fastest = NAN;
    for (size_t i = result->count; i-- > 0;)
        if (result->rows[i].is_measured)
            result->base = i;
    if (result->base == SWEEP_NONE)
        return 0;
    for (size_t i = 0; i < result->count; i++) {
        struct sweep_row *row = &result->rows[i];
        int rc = row->is_measured ? fill_scaling(&result->rows[result->base], row, err) : 0;
        if (rc < 0)
            return rc;
        fastest = fmin(fastest, row->latency_p50.value);
    }
    for (size_t i = result->count; i-- > 0;)
        if (result->rows[i].latency_p50.value <= ENOUGH_SHARE * fastest)
            result->enough = i;
    return fit_amdahl(result, err);
}

/* ---- all ---------------------------------------------------------------------------------- */

static struct verdict verdict_over(const struct sweep_result *result)
{
    struct verdict verdict = {.outcome = OUTCOME_NOT_JUDGED};
    bool is_judged = false;
    for (size_t i = 0; i < result->count; i++) {
        if (!result->rows[i].run)
            continue;
        const struct verdict *one = &result->rows[i].run->verdict;
        verdict.passed += one->passed;
        verdict.failed += one->failed;
        verdict.undecided += one->undecided;
        verdict.waived += one->waived;
        is_judged = is_judged || one->outcome != OUTCOME_NOT_JUDGED;
        if (one->outcome == OUTCOME_FAIL ||
            (one->outcome == OUTCOME_UNDECIDED && verdict.outcome != OUTCOME_FAIL))
            verdict.outcome = one->outcome;
    }
    if (is_judged && verdict.outcome == OUTCOME_NOT_JUDGED)
        verdict.outcome = OUTCOME_PASS;
    return verdict;
}

static int compare_rows(struct sweep_result *result, struct error *err)
{
    int rc = find_best(result, offsetof(struct sweep_row, latency_p50), 1, &result->latency, err);
    if (rc == 0)
        rc =
            find_best(result, offsetof(struct sweep_row, throughput), -1, &result->throughput, err);
    if (rc == 0)
        rc = find_best(result, offsetof(struct sweep_row, energy), 1, &result->energy, err);
    if (rc == 0)
        rc = find_front(result, err);
    if (rc == 0 && result->kind == SWEEP_BATCHING)
        rc = find_knee(result, err);
    if (rc == 0 && result->kind == SWEEP_CORES)
        rc = fill_cores(result, err);
    return rc;
}

int sweep_result_make(struct sweep_result *result, struct error *err)
{
    int rc = 0;
    result->knee = result->base = result->enough = SWEEP_NONE;
    for (size_t i = 0; rc == 0 && i < result->count; i++) {
        rc = fill_row(&result->rows[i], err);
        result->measured += result->rows[i].is_measured;
    }
    if (rc == 0)
        rc = compare_rows(result, err);
    if (rc < 0)
        return rc;
    result->findings = calloc(SWEEP_FINDINGS_MAX, sizeof(*result->findings));
    if (!result->findings)
        return no_memory(err);
    sweep_result_find(result);
    result->verdict = verdict_over(result);
    return 0;
}

void sweep_result_deinit(struct sweep_result *result)
{
    for (size_t i = 0; i < result->count; i++) {
        free(result->rows[i].times);
        result->rows[i].times = NULL;
    }
    free(result->latency.is_equal);
    free(result->throughput.is_equal);
    free(result->energy.is_equal);
    free(result->findings);
    result->latency.is_equal = result->throughput.is_equal = result->energy.is_equal = NULL;
    result->findings = NULL;
}
