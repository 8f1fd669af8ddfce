/* summary.h: what a series comes to: the `metrics{}` of a run's JSON.
 *
 * What: n, mean, standard deviation (n-1), min, max, type-7 percentiles, 95 % intervals, and for
 * each figure that cannot be had the reason. Over the steady phase of invocations that count.
 * Interval of the mean: Student t over n_eff (autocorrelation-corrected) samples, or over the means
 * of the invocations where a run has more than one and they hold several samples each (ci_unit
 * "invocation"). Interval of a percentile: order statistics, by as many independent values as
 * the answers "at or below it" are worth (stats.h: quantile_interval_ordered); of several
 * invocations by theirs, too (summary_quantile_interval). One invocation alone tells nothing about
 * how others differ: its intervals are about that process. Units: the metric's shown unit.
 */
#ifndef TACHO_MODEL_SUMMARY_H
#define TACHO_MODEL_SUMMARY_H

#include "model/run.h"

enum summary_quantile {
    SUMMARY_P50,
    SUMMARY_P90,
    SUMMARY_P95,
    SUMMARY_P99,
    SUMMARY_P99_9,
    SUMMARY_QUANTILES
};
extern const double summary_quantile_p[SUMMARY_QUANTILES];         /* 0.5, 0.9, … */
extern const char *const summary_quantile_name[SUMMARY_QUANTILES]; /* "p50", … "p99_9" */

struct summary {
    const struct run_series *series;
    enum reason reason; /* not NONE: no values at all */
    const char *why;
    uint64_t n;         /* values that count */
    uint64_t n_missing; /* values that were null */
    double n_eff;       /* corrected for autocorrelation, <= n */
    uint64_t n_invocations;
    double mean, std, min, max; /* std is NaN for n < 2 */
    double quantile[SUMMARY_QUANTILES];
    double quantile_error; /* relative bound when taken from a histogram, 0: exact */
    /* More samples needed before the percentile is trustworthy (MLPerf's minimum n at 99 %
     * confidence, zero over-limit samples); 0: enough. */
    uint64_t quantile_need[SUMMARY_QUANTILES];
    bool ci_by_invocation;
    bool has_mean_ci;
    double mean_lo, mean_hi;
    bool has_quantile_ci[SUMMARY_QUANTILES];
    double quantile_lo[SUMMARY_QUANTILES], quantile_hi[SUMMARY_QUANTILES];
};

int summary_of(const struct run *run, const struct run_series *series, enum phase_kind phase,
               struct summary *ret_summary, struct error *err);
/* 95 % interval of a percentile; values in the order in which they came, `ascending` the same
 * sorted. Of several invocations: that of the share of values at or below it, over the invocations
 * as for the mean, read off as percentiles (Woodruff 1952, J. Am. Stat. Assoc. 47: 635). *ret_has
 * false: too few of them for that percentile. -1: out of memory. */
int summary_quantile_interval(const double *values, const uint32_t *invocations,
                              const double *ascending, size_t n, double p, struct interval *ret,
                              bool *ret_has);
/* The figure that a limit or a table names: "mean", "median", "min", "max", "std", "n", "p50",
 * "p99.9", "p99_9". -ERROR_INPUT if there is no such statistic; NaN if it cannot be had. */
int summary_statistic(const struct summary *summary, const char *name, double *ret_value,
                      struct error *err);

#endif
