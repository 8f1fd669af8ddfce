/* stats.h: the statistics of tacho. Pure functions over arrays of double: no I/O, no global state.
 *
 * Conventions: n is a size_t; arrays are not changed unless the name says sort; NaN must not be
 * among the values; what cannot be computed is NaN (or false), never 0. Functions that need scratch
 *   memory return 0 or -1 (out of memory). Units: those of the values.
 * Sources are named at each function; tests/unit/stats/ checks them against values computed
 * independently (SciPy, mpmath), which are named there.
 */
#ifndef TACHO_STATS_STATS_H
#define TACHO_STATS_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct interval {
    double lo, hi;
};

/* ---- distributions: special.c ---- */
double normal_cdf(double z);
double normal_quantile(double p);
double beta_inc(double a, double b, double x); /* regularised incomplete beta I_x(a,b) */
double beta_quantile(double p, double a, double b);
double t_cdf(double t, double df);
double t_quantile(double p, double df);
double binomial_cdf(uint64_t k, uint64_t n, double p); /* P[X <= k] */

/* ---- moments: moments.c ---- */
struct moments {
    uint64_t n;
    double mean, m2, min, max; /* Welford; min/max NaN while empty */
};
void moments_add(struct moments *moments, double value); /* zeroed struct is empty */
double moments_std(const struct moments *moments);       /* n-1; NaN below 2 */
double stats_mean(const double *x, size_t n);
double stats_std(const double *x, size_t n); /* n-1 */

/* ---- order statistics: quantile.c ---- */
void stats_sort(double *x, size_t n);
/* Type 7 (Hyndman & Fan 1996; R's and numpy's default) of ascending x, 0 <= p <= 1. */
double quantile_sorted(const double *ascending, size_t n, double p);
/* The same of values in any order, which it changes. O(n). */
double quantile_unsorted(double *x, size_t n, double p);
/* The values of those 0-based ranks among x, or among |x - center| where center is no NaN: exact,
 * with a copy of an eighth of them at most (ranks.c). Ranks ascend; at most STATS_RANKS_MAX. -1:
 * out of memory. */
#define STATS_RANKS_MAX 32
int stats_ranks(const double *x, size_t n, double center, const size_t *ranks, size_t count,
                double *ret);
/* The 0-based ranks of the interval of quantile_interval for n_eff independent values among n; an
 * end that the sample does not reach is SIZE_MAX. */
void quantile_interval_ranks(size_t n, double n_eff, double p, double level, size_t *ret_lo,
                             size_t *ret_hi);
/* Two-sided distribution-free interval by order statistics (binomial; Conover 1999, 3.2). false
 * when n is too small for the level: then *ret holds [min or -inf … max or inf] ends that do exist.
 */
bool quantile_interval(const double *ascending, size_t n, double p, double level,
                       struct interval *ret);
/* The same where the values depend on each other: x in the order in which they came, `ascending`
 * the same values sorted. What counts is the dependence of the answers "at or below the quantile",
 * so the ranks are those of that many independent ones (effective_n), spread over the n values. -1:
 * out of memory. */
int quantile_interval_ordered(const double *x, const double *ascending, size_t n, double p,
                              double level, struct interval *ret, bool *ret_both);
/* Median absolute deviation from the median, not scaled. Sorts scratch copies: -1 out of memory. */
int stats_mad(const double *x, size_t n, double *ret_median, double *ret_mad);

/* ---- binomial bounds: binomial.c ---- */
/* One-sided Clopper-Pearson bounds on a proportion from k successes in n (n may be an effective,
 * fractional number; k is scaled with it). */
double proportion_upper(double k, double n, double confidence);
double proportion_lower(double k, double n, double confidence);
/* Smallest n for which k exceedances still give proportion_upper(k, n) <= 1-p: MLPerf's
 * early-stopping minimum (p99, k=0, 99 %: 459). */
uint64_t percentile_samples_needed(double p, uint64_t k, double confidence);

/* ---- counts: poisson.c ---- */
double gamma_cdf(double x, double shape); /* regularised lower incomplete gamma P(shape, x) */
double gamma_quantile(double p, double shape);
/* Two-sided exact interval of a Poisson mean of which k were seen (Garwood 1936); of a rate:
 * divided by the time. */
struct interval poisson_interval(uint64_t k, double level);
/* P[an index of dispersion (variance over mean, of n counts) of at least `index`] where the counts
 * are Poisson: (n-1) times it is chi squared with n-1 degrees of freedom (Fisher 1950). Small: they
 * come in bursts. NaN below n = 2. */
double poisson_dispersion_p(double index, uint64_t n);

/* ---- two shares: fisher.c ---- */
/* P[a or more] of a in a + b against c in c + d, where both shares are the same: Fisher's exact
 * test (1935), one-sided. NaN: one of both has no cases. */
double fisher_greater(uint64_t a, uint64_t b, uint64_t c, uint64_t d);

/* ---- means: mean_ci.c ---- */
bool mean_interval(double mean, double std, double n_eff, double level, struct interval *ret);
/* Percentile bootstrap of a statistic with a fixed seed (Efron 1979). statistic gets a resample
 * (may reorder it). */
int bootstrap_interval(const double *x, size_t n, double (*statistic)(double *x, size_t n),
                       size_t resamples, double level, uint64_t seed, struct interval *ret);
double bootstrap_mean(double *x, size_t n);
double bootstrap_median(double *x, size_t n);
uint64_t random_next(uint64_t *state);  /* splitmix64 */
double random_uniform(uint64_t *state); /* [0,1) */

/* ---- dependence: autocorrelation.c ---- */
double autocorrelation(const double *x, size_t n, size_t lag); /* NaN if variance is 0 */
/* n / (1 + 2 Σ rho_k) by Geyer's initial positive sequence (Geyer 1992); 1 <= n_eff <= n. */
double effective_n(const double *x, size_t n);

/* ---- trends and steady state: trend.c, steady.c ---- */
struct trend {
    double slope, lo, hi; /* Theil-Sen per unit of t, with the interval of Sen 1968 from the
                           * variance that p_value uses, so that both tell the same */
    double intercept;     /* median of y - slope*t */
    double p_value;       /* Mann-Kendall, two-sided, ties corrected, variance inflated for
                           * autocorrelation (Hamed & Rao 1998) */
    size_t n;
};
/* t ascending, or NULL for 0,1,2… Exact up to 2,000 points; beyond, points are thinned evenly to
 * 2,000 medians of bins. -1: out of memory. n < 4: all NaN. */
int trend_theil_sen(const double *t, const double *y, size_t n, double level, struct trend *ret);
/* How many leading values are warm-up: the smallest k <= n/2 after which no significant level shift
 * remains. Rule in steady.c. *ret_steady false: never settled. n < 6: k 0 and steady true. */
int steady_warmup(const double *x, size_t n, size_t *ret_k, bool *ret_steady);

/* ---- shape: modality.c ---- */
struct modality {
    bool bimodal;
    double low, high;  /* medians of the two groups; with high_share NaN unless bimodal */
    double high_share; /* share of values in the upper group */
    double p_value;    /* Hartigan's dip test: an upper bound, 0.0005 at least; NaN below n = 10 */
};
int modality_test(const double *x, size_t n, struct modality *ret);
/* Values with |x - median| > 14.826 * MAD (a modified z of 10): indices into x, ascending. At most
 * capacity are written; *ret_count is how many there are. MAD 0: none. */
int outliers_find(const double *x, size_t n, size_t *ret_indices, size_t capacity,
                  size_t *ret_count);

/* ---- comparison: rank.c ---- */
/* Mann-Whitney U, two-sided p, normal approximation with tie and continuity correction (exact for
 * n1+n2 <= 20 without ties). */
int mann_whitney(const double *a, size_t na, const double *b, size_t nb, double *ret_p);

#endif
