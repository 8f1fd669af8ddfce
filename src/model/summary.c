/* summary.c: see summary.h. */
#include "model/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "stats/stats.h"

#define LEVEL 0.95      /* of the intervals */
#define CONFIDENCE 0.99 /* of the fewest samples a percentile needs: the same as for limits */

const double summary_quantile_p[SUMMARY_QUANTILES] = {0.5, 0.9, 0.95, 0.99, 0.999};
const char *const summary_quantile_name[SUMMARY_QUANTILES] = {"p50", "p90", "p95", "p99", "p99_9"};

/* ---- no values ---- */

static bool any_invocation_counts(const struct run *run)
{
    for (size_t i = 0; i < run->invocation_count; i++) {
        if (run->invocations[i].outcome == INVOCATION_OK)
            return true;
    }
    return run->invocation_count == 0;
}

static void explain_nothing(const struct run *run, const struct run_series *series,
                            struct summary *summary)
{
    if (series->series.reason != REASON_NONE) {
        summary->reason = series->series.reason;
        summary->why = series->series.why;
    } else if (summary->n_missing > 0) {
        summary->reason = REASON_FAILED;
        summary->why = "every value is missing";
    } else if (!any_invocation_counts(run)) {
        summary->reason = REASON_FAILED;
        summary->why = "no invocation succeeded";
    } else {
        summary->reason = REASON_TOO_FEW;
        summary->why =
            series->series.kind == SERIES_TIME
                ? "no sample fell into this phase: it was shorter than the time between two, or "
                  "than the window of a rate (10 ms and more)"
                : "no value belongs to this phase";
    }
}

static void summary_clear(struct summary *summary, const struct run_series *series)
{
    *summary = (struct summary){.series = series};
    summary->mean = summary->std = summary->min = summary->max = NAN;
    summary->mean_lo = summary->mean_hi = NAN;
    for (int i = 0; i < SUMMARY_QUANTILES; i++)
        summary->quantile[i] = summary->quantile_lo[i] = summary->quantile_hi[i] = NAN;
}

/* ---- the interval of the mean ---- */

struct cluster {
    uint64_t n;
    double sum;
};

/* Sums up runs of equal invocation: they come one after the other. *ret_smallest is the size of the
 * smallest. */
static int clusters_make(const double *values, const uint32_t *invocations, size_t n,
                         struct cluster **ret, size_t *ret_count, uint64_t *ret_smallest)
{
    size_t count = 0, capacity = 0;
    struct cluster *clusters = NULL;
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || invocations[i] != invocations[i - 1]) {
            if (array_reserve(&clusters, &capacity, count + 1, sizeof(*clusters)) < 0) {
                free(clusters);
                return -1;
            }
            clusters[count++] = (struct cluster){0};
        }
        clusters[count - 1].n++;
        clusters[count - 1].sum += values[i];
    }
    *ret_smallest = n;
    for (size_t i = 0; i < count; i++)
        *ret_smallest = u64_min(*ret_smallest, clusters[i].n);
    *ret = clusters;
    *ret_count = count;
    return 0;
}

/* Between invocations lies variation that no number of samples within one shows, so the invocation
 * is the unit: the ratio estimator for clusters of unequal size (Cochran 1977, 6.3); with equal
 * sizes it is the t interval over the invocations' means. */
static bool interval_by_invocation(const struct cluster *clusters, size_t count, uint64_t n,
                                   double mean, struct interval *ret)
{
    double sum_sq = 0;
    for (size_t i = 0; i < count; i++) {
        double share = (double)clusters[i].n / (double)n;
        double deviation = clusters[i].sum / (double)clusters[i].n - mean;
        sum_sq += share * share * deviation * deviation;
    }
    double k = (double)count;
    double variance_of_mean = k / (k - 1) * sum_sq;
    return mean_interval(mean, sqrt(variance_of_mean * k), k, LEVEL, ret);
}

/* By invocation only where there are several with several values in each: one value each is what a
 * t interval over them is made for, too. */
static bool are_units(const struct cluster *clusters, size_t count, uint64_t smallest)
{
    return clusters && count > 1 && smallest > 1;
}

int summary_quantile_interval(const double *values, const uint32_t *invocations,
                              const double *ascending, size_t n, double p, struct interval *ret,
                              bool *ret_has)
{
    CLEANUP_FREE struct cluster *clusters = NULL;
    CLEANUP_FREE double *answers = malloc((n + 1) * sizeof(*answers));
    size_t count = 0;
    uint64_t smallest = 0;
    double quantile = quantile_sorted(ascending, n, p);
    if (!answers)
        return -1;
    for (size_t i = 0; i < n; i++)
        answers[i] = values[i] <= quantile ? 1 : 0;
    if (clusters_make(answers, invocations, n, &clusters, &count, &smallest) < 0)
        return -1;
    if (!are_units(clusters, count, smallest))
        return quantile_interval_ordered(values, ascending, n, p, LEVEL, ret, ret_has);
    struct interval share;
    double mean = stats_mean(answers, n);
    *ret_has = interval_by_invocation(clusters, count, n, mean, &share) &&
               p - (mean - share.lo) >= 0 && p + (share.hi - mean) <= 1;
    if (*ret_has)
        *ret = (struct interval){quantile_sorted(ascending, n, p - (mean - share.lo)),
                                 quantile_sorted(ascending, n, p + (share.hi - mean))};
    return 0;
}

static int fill_mean_interval(struct summary *summary, const double *values,
                              const uint32_t *invocations, size_t n)
{
    struct cluster *clusters = NULL;
    size_t count;
    uint64_t smallest;
    if (clusters_make(values, invocations, n, &clusters, &count, &smallest) < 0)
        return -1;
    summary->n_invocations = count;
    struct interval interval;
    /* Samples that are only in the histogram know no invocation. */
    summary->ci_by_invocation = are_units(clusters, count, smallest) && n == summary->n;
    if (summary->ci_by_invocation)
        summary->has_mean_ci = interval_by_invocation(clusters, count, n, summary->mean, &interval);
    else
        summary->has_mean_ci =
            mean_interval(summary->mean, summary->std, summary->n_eff, LEVEL, &interval);
    if (summary->has_mean_ci) {
        summary->mean_lo = interval.lo;
        summary->mean_hi = interval.hi;
    }
    free(clusters);
    return 0;
}

/* ---- from raw values, or from the histogram ---- */

static void fill_from_values(struct summary *summary, double *values, size_t n)
{
    struct moments moments = {0};
    for (size_t i = 0; i < n; i++)
        moments_add(&moments, values[i]);
    summary->n = n;
    summary->n_eff = effective_n(values, n);
    summary->mean = moments.mean;
    summary->std = moments_std(&moments);
    summary->min = moments.min;
    summary->max = moments.max;
}

/* Thinning keeps the extremes, so a mean over what it left would lean; where the run knows better,
 * that holds. What was kept is worth at least as many independent values as it shows. */
static void fill_from_moments(struct summary *summary, const struct moments *moments)
{
    summary->n = moments->n;
    summary->mean = moments->mean;
    summary->std = moments_std(moments);
    summary->min = moments->min;
    summary->max = moments->max;
}

static void fill_from_hist(struct summary *summary, const struct hist *hist, double *values,
                           size_t n)
{
    const struct metric *metric = summary->series->series.metric;
    summary->n = hist->count;
    /* The order of what was not kept is gone: as dependent as what was. */
    summary->n_eff =
        n > 0 ? (double)hist->count * effective_n(values, n) / (double)n : (double)hist->count;
    summary->mean = run_hist_to_shown(metric, hist_mean(hist));
    summary->std = run_hist_to_shown(metric, hist_std(hist));
    summary->min = run_hist_to_shown(metric, (double)hist->min);
    summary->max = run_hist_to_shown(metric, (double)hist->max);
    summary->quantile_error = HIST_RELATIVE_ERROR;
}

/* Order statistics of a histogram's values, which are worth n independent ones: the ranks of
 * quantile_interval, read off by quantile. */
static bool hist_interval(const struct hist *hist, double p, double n, struct interval *ret)
{
    double half = normal_quantile(0.5 + LEVEL / 2) * sqrt(n * p * (1 - p));
    double low = (floor(n * p - half) - 1) / (n - 1), high = ceil(n * p + half) / (n - 1);
    if (!(n > 1 && low >= 0 && high <= 1))
        return false;
    *ret = (struct interval){hist_quantile(hist, low), hist_quantile(hist, high)};
    return true;
}

static void set_quantile_interval(struct summary *summary, int quantile, bool has,
                                  const struct interval *interval)
{
    summary->has_quantile_ci[quantile] = has;
    if (has) {
        summary->quantile_lo[quantile] = interval->lo;
        summary->quantile_hi[quantile] = interval->hi;
    }
}

static void fill_hist_quantiles(struct summary *summary, const struct hist *hist)
{
    const struct metric *metric = summary->series->series.metric;
    for (int i = 0; i < SUMMARY_QUANTILES; i++) {
        double p = summary_quantile_p[i];
        struct interval interval = {NAN, NAN};
        summary->quantile[i] = run_hist_to_shown(metric, hist_quantile(hist, p));
        bool has = hist_interval(hist, p, summary->n_eff, &interval);
        interval.lo = run_hist_to_shown(metric, interval.lo);
        interval.hi = run_hist_to_shown(metric, interval.hi);
        set_quantile_interval(summary, i, has, &interval);
    }
}

/* values: in the order in which they came. */
static int fill_raw_quantiles(struct summary *summary, const double *values,
                              const uint32_t *invocations, size_t n)
{
    CLEANUP_FREE double *ascending = malloc((n + 1) * sizeof(*ascending));
    if (!ascending)
        return -1;
    memcpy(ascending, values, n * sizeof(*ascending));
    stats_sort(ascending, n);
    for (int i = 0; i < SUMMARY_QUANTILES; i++) {
        double p = summary_quantile_p[i];
        struct interval interval;
        bool has;
        summary->quantile[i] = quantile_sorted(ascending, n, p);
        if (summary_quantile_interval(values, invocations, ascending, n, p, &interval, &has) < 0)
            return -1;
        set_quantile_interval(summary, i, has, &interval);
    }
    return 0;
}

static void fill_needs(struct summary *summary)
{
    for (int i = 0; i < SUMMARY_QUANTILES; i++) {
        uint64_t wanted = percentile_samples_needed(summary_quantile_p[i], 0, CONFIDENCE);
        summary->quantile_need[i] = wanted > summary->n ? wanted - summary->n : 0;
    }
}

int summary_of(const struct run *run, const struct run_series *series, enum phase_kind phase,
               struct summary *ret_summary, struct error *err)
{
    struct summary summary;
    summary_clear(&summary, series);
    CLEANUP_FREE double *values = NULL;
    CLEANUP_FREE uint32_t *invocations = NULL;
    CLEANUP_FREE struct hist *hist = NULL;
    size_t n = 0;
    int rc = run_collect_missing(run, series, phase, &summary.n_missing, err);
    if (rc == 0)
        rc = run_collect(run, series, phase, &values, &invocations, &n, err);
    if (rc == 0)
        rc = run_collect_hist(run, series, phase, &hist, err);
    if (rc < 0)
        return rc;
    if (series->hist && !hist) /* what is told rests on the raw values alone */
        summary.n_missing += series->raw_dropped;
    if (n == 0 && (!hist || hist->count == 0)) {
        explain_nothing(run, series, &summary);
        *ret_summary = summary;
        return 0;
    }
    if (hist)
        fill_from_hist(&summary, hist, values, n);
    else
        fill_from_values(&summary, values, n);
    if (phase == PHASE_STEADY && run->time_samples_each > 0 && series->raw_dropped > 0 &&
        series->moments.n > 0)
        fill_from_moments(&summary, &series->moments);
    fill_needs(&summary);
    if (hist)
        fill_hist_quantiles(&summary, hist);
    if (fill_mean_interval(&summary, values, invocations, n) < 0 ||
        (!hist && fill_raw_quantiles(&summary, values, invocations, n) < 0))
        return error_set(err, ERROR_NOMEM, "out of memory while summing up %s",
                         series->series.metric->name);
    *ret_summary = summary;
    return 0;
}

/* ---- by name ---- */

int summary_statistic(const struct summary *summary, const char *name, double *ret_value,
                      struct error *err)
{
    const struct {
        const char *name;
        double value;
    } figures[] = {
        {"mean", summary->mean},
        {"median", summary->quantile[SUMMARY_P50]},
        {"min", summary->min},
        {"max", summary->max},
        {"std", summary->std},
        {"n", (double)summary->n},
        {"p99.9", summary->quantile[SUMMARY_P99_9]},
    };
    for (size_t i = 0; i < ARRAY_LEN(figures); i++) {
        if (strcmp(figures[i].name, name) == 0) {
            *ret_value = figures[i].value;
            return 0;
        }
    }
    for (int i = 0; i < SUMMARY_QUANTILES; i++) {
        if (strcmp(summary_quantile_name[i], name) == 0) {
            *ret_value = summary->quantile[i];
            return 0;
        }
    }
    error_set(err, ERROR_INPUT, "no such statistic: %s", name);
    return error_hint(err, "known are mean, median, min, max, std, n, p50, p90, p95, p99, p99_9"),
           -ERROR_INPUT;
}
