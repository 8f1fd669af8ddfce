/* mean_ci.c: intervals of means, the bootstrap, and its random numbers. */
#include <math.h>
#include <stdlib.h>

#include "base/util.h"
#include "stats/order.h"
#include "stats/stats.h"

/* Student 1908, with the number of independent values instead of n: mean ± t · std / sqrt(n_eff),
 * n_eff - 1 degrees of freedom. */
bool mean_interval(double mean, double std, double n_eff, double level, struct interval *ret)
{
    if (!(n_eff > 1 && std >= 0 && level > 0 && level < 1) || !isfinite(mean))
        return false;
    double half = t_quantile(0.5 + level / 2, n_eff - 1) * std / sqrt(n_eff);
    if (!isfinite(half))
        return false;
    ret->lo = mean - half;
    ret->hi = mean + half;
    return true;
}

int bootstrap_interval(const double *x, size_t n, double (*statistic)(double *x, size_t n),
                       size_t resamples, double level, uint64_t seed, struct interval *ret)
{
    /* One value resampled is always itself: an interval of width 0 would claim to know. */
    if (n < 2 || resamples == 0 || !(level > 0 && level < 1)) {
        ret->lo = ret->hi = NAN;
        return 0;
    }
    CLEANUP_FREE double *resample = calloc(n, sizeof(*resample));
    CLEANUP_FREE double *values = calloc(resamples, sizeof(*values));
    if (!resample || !values)
        return -1;

    uint64_t state = seed;
    for (size_t i = 0; i < resamples; i++) {
        for (size_t j = 0; j < n; j++)
            resample[j] = x[(size_t)(random_uniform(&state) * (double)n)];
        values[i] = statistic(resample, n);
    }
    stats_sort(values, resamples);
    ret->lo = quantile_sorted(values, resamples, (1 - level) / 2);
    ret->hi = quantile_sorted(values, resamples, (1 + level) / 2);
    return 0;
}

double bootstrap_mean(double *x, size_t n)
{
    return stats_mean(x, n);
}

double bootstrap_median(double *x, size_t n)
{
    return order_median(x, n);
}

/* Steele, Lea & Flood 2014. */
uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double random_uniform(uint64_t *state)
{
    return (double)(random_next(state) >> 11) * 0x1p-53;
}
