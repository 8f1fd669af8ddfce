/* autocorrelation.c: how much a series resembles itself, and what that makes of n. */
#include <math.h>

#include "stats/stats.h"

/* A series of up to this length gets every lag; so does the series of block means that stands for
 * a longer one. */
#define FULL_LAGS 2048
/* Multiplications spent on the lags of a longer series before going over to block means. */
#define LAG_BUDGET ((size_t)1 << 23)
#define LAGS_MIN 16

static double autocovariance(const double *x, size_t n, double mean, size_t lag)
{
    double sum = 0;
    for (size_t i = 0; i + lag < n; i++)
        sum += (x[i] - mean) * (x[i + lag] - mean);
    return sum / (double)n;
}

/* The usual estimator with divisor n at every lag (Box & Jenkins): biased, but positive definite,
 * which Geyer's sequence relies on. */
double autocorrelation(const double *x, size_t n, size_t lag)
{
    if (n < 2 || lag >= n)
        return NAN;
    double mean = stats_mean(x, n), variance = autocovariance(x, n, mean, 0);
    if (!(variance > 0))
        return NAN;
    return lag == 0 ? 1 : autocovariance(x, n, mean, lag) / variance;
}

/* 1 + 2 Σ rho_k: pairs rho_2m + rho_2m+1 are summed up to the first that is not positive. false
 * when no such pair came up to lags_max. */
static bool geyer_sum(const double *x, size_t n, double mean, double variance, size_t lags_max,
                      double *ret_tau)
{
    double sum = 0;
    for (size_t lag = 0; lag + 1 < n; lag += 2) {
        if (lag >= lags_max)
            return false;
        double even = lag == 0 ? variance : autocovariance(x, n, mean, lag);
        double pair = (even + autocovariance(x, n, mean, lag + 1)) / variance;
        if (!(pair > 0))
            break;
        sum += pair;
    }
    *ret_tau = 2 * sum - 1;
    return true;
}

/* The mean of a long, slowly changing series has the same variance as the mean of its block means,
 * so tau = n · Var(mean) / Var(x) is found from at most FULL_LAGS of those. A remainder of less
 * than a block at the end is left out. */
static double blocked_tau(const double *x, size_t n, double variance)
{
    double means[FULL_LAGS] = {0};
    size_t size = (n + FULL_LAGS - 1) / FULL_LAGS, count = n / size;

    for (size_t i = 0; i < count; i++)
        means[i] = stats_mean(x + i * size, size);
    double mean = stats_mean(means, count), tau = 1;
    double block_variance = autocovariance(means, count, mean, 0);
    if (!(block_variance > 0))
        return 1;
    geyer_sum(means, count, mean, block_variance, count, &tau);
    return tau * block_variance / variance * (double)size;
}

/* A constant or very short series shows no dependence: n. */
double effective_n(const double *x, size_t n)
{
    if (n < 4)
        return (double)n;
    double mean = stats_mean(x, n), variance = autocovariance(x, n, mean, 0), tau;
    if (!(variance > 0))
        return (double)n;
    size_t lags_max = n;
    if (n > FULL_LAGS)
        lags_max = LAG_BUDGET / n > LAGS_MIN ? LAG_BUDGET / n : LAGS_MIN;
    if (!geyer_sum(x, n, mean, variance, lags_max, &tau))
        tau = blocked_tau(x, n, variance);
    return fmin((double)n, fmax(1, (double)n / fmax(tau, 1)));
}
