/* noise.h: seeded noise for the tests of stats/, by inversion of distribution functions. */
#ifndef TESTS_STATS_NOISE_H
#define TESTS_STATS_NOISE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/stats.h"

static inline double noise_uniform(uint64_t *state)
{
    return (random_uniform(state) * 0x1p53 + 0.5) * 0x1p-53; /* never 0 */
}

static inline double noise_normal(uint64_t *state)
{
    return normal_quantile(noise_uniform(state));
}

static inline double noise_exponential(uint64_t *state)
{
    return -log(noise_uniform(state));
}

/* First-order autoregressive, variance 1, from its stationary distribution on. */
static inline void noise_autoregressive(uint64_t *state, double phi, double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = i == 0 ? noise_normal(state)
                      : phi * x[i - 1] + sqrt(1 - phi * phi) * noise_normal(state);
}

#endif
