/* binomial.c: bounds on proportions, and the samples a percentile needs. */
#include <math.h>

#include "stats/stats.h"

/* Beyond this many samples nobody measures; it also keeps the doubling below from wrapping. */
#define SAMPLES_MAX ((uint64_t)1 << 50)

/* Clopper & Pearson 1934 through the beta distribution, which takes fractional k and n. */
double proportion_upper(double k, double n, double confidence)
{
    if (!(n >= 0 && k >= 0 && k <= n && confidence >= 0 && confidence <= 1))
        return NAN;
    return k >= n ? 1 : beta_quantile(confidence, k + 1, n - k);
}

double proportion_lower(double k, double n, double confidence)
{
    if (!(n >= 0 && k >= 0 && k <= n && confidence >= 0 && confidence <= 1))
        return NAN;
    return k <= 0 ? 0 : beta_quantile(1 - confidence, k, n - k + 1);
}

/* proportion_upper(k, n) <= 1-p is the same as P[Bin(n, 1-p) <= k] <= 1-confidence, which falls
 * with n: so double, then bisect. UINT64_MAX where no n is enough. */
uint64_t percentile_samples_needed(double p, uint64_t k, double confidence)
{
    if (!(p < 1 && confidence < 1) || k >= SAMPLES_MAX)
        return UINT64_MAX;
    double share = p > 0 ? 1 - p : 1, risk = 1 - confidence;
    uint64_t low = k, high = k + 1; /* low is not enough, high is to become enough */

    while (binomial_cdf(k, high, share) > risk) {
        low = high;
        high *= 2;
        if (high > SAMPLES_MAX)
            return UINT64_MAX;
    }
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (binomial_cdf(k, middle, share) > risk)
            low = middle;
        else
            high = middle;
    }
    return high;
}
