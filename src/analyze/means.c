/* means.c: see means.h. */
#include "analyze/means.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/util.h"
#include "stats/stats.h"

#define LEVEL 0.95

/* Neumaier 1974: sums of ten million values lose no digit that is shown. */
static void add_to_sum(struct means *means, size_t series, double value)
{
    double sum = means->sum[series] + value;
    if (fabs(means->sum[series]) >= fabs(value))
        means->lost[series] += (means->sum[series] - sum) + value;
    else
        means->lost[series] += (value - sum) + means->sum[series];
    means->sum[series] = sum;
}

static void halve(struct means *means)
{
    size_t series = means->series;
    for (size_t i = 0; i < means->count / 2; i++) {
        for (size_t s = 0; s < series; s++)
            means->blocks[i * series + s] =
                (means->blocks[2 * i * series + s] + means->blocks[(2 * i + 1) * series + s]) / 2;
    }
    means->count /= 2;
    means->block_size *= 2;
}

int means_add(struct means *means, const double *values)
{
    size_t series = means->series;
    if (array_reserve(&means->blocks, &means->capacity, (means->count + 1) * series,
                      sizeof(*means->blocks)) < 0)
        return -1;
    if (means->block_size == 0)
        means->block_size = 1;
    means->n++;
    means->open_n++;
    for (size_t s = 0; s < series; s++) {
        add_to_sum(means, s, values[s]);
        means->open[s] += values[s];
    }
    if (means->open_n < means->block_size)
        return 0;
    for (size_t s = 0; s < series; s++) {
        means->blocks[means->count * series + s] = means->open[s] / (double)means->open_n;
        means->open[s] = 0;
    }
    means->open_n = 0;
    means->count++;
    if (means->count == MEANS_BLOCKS_MAX)
        halve(means);
    return 0;
}

void means_deinit(struct means *means)
{
    free(means->blocks);
    *means = (struct means){.series = means->series};
}

double means_of(const struct means *means, size_t series)
{
    if (means->n == 0)
        return NAN;
    return (means->sum[series] + means->lost[series]) / (double)means->n;
}

/* Standard error of the mean of Σ weight_s · x_s, and how many independent values it rests on. */
static int error_of(const struct means *means, const double *weights, struct estimate *ret)
{
    ret->error = ret->n_eff = NAN;
    if (means->count < 2)
        return 0;
    CLEANUP_FREE double *z = calloc(means->count, sizeof(*z));
    if (!z)
        return -1;
    for (size_t i = 0; i < means->count; i++) {
        for (size_t s = 0; s < means->series; s++)
            z[i] += weights[s] * means->blocks[i * means->series + s];
    }
    ret->n_eff = effective_n(z, means->count);
    ret->error = stats_std(z, means->count) / sqrt(ret->n_eff);
    return 0;
}

static double t_of(double n_eff, double level)
{
    return n_eff > 1 ? t_quantile(0.5 + level / 2, n_eff - 1) : NAN;
}

int means_estimate(const struct means *means, size_t series, struct estimate *ret)
{
    double weights[MEANS_SERIES_MAX] = {0};
    weights[series] = 1;
    *ret = (struct estimate){.value = means_of(means, series), .n = means->n};
    if (error_of(means, weights, ret) < 0)
        return -1;
    double half = t_of(ret->n_eff, LEVEL) * ret->error;
    ret->lo = ret->value - half;
    ret->hi = ret->value + half;
    return 0;
}

static void set_ends(struct estimate *estimate, double level)
{
    double half = t_of(estimate->n_eff, level) * estimate->error;
    estimate->lo = estimate->value * exp(-half);
    estimate->hi = estimate->value * exp(half);
}

int means_product(const struct means *means, double factor, const double *powers,
                  struct estimate *ret)
{
    double weights[MEANS_SERIES_MAX] = {0}, value = factor;
    bool is_positive = factor > 0 && means->n > 0;
    for (size_t s = 0; s < means->series; s++) {
        double mean = means_of(means, s);
        if (fabs(powers[s]) > 0) {
            value *= pow(mean, powers[s]);
            weights[s] = powers[s] / mean;
            is_positive = is_positive && mean > 0;
        }
    }
    *ret = (struct estimate){.value = NAN, .lo = NAN, .hi = NAN, .n = means->n};
    if (!is_positive)
        return 0;
    ret->value = value;
    if (error_of(means, weights, ret) < 0)
        return -1;
    set_ends(ret, LEVEL);
    return 0;
}

/* Welch-Satterthwaite: degrees of freedom, and one more, as n_eff. */
static struct estimate combined(const struct estimate *a, const struct estimate *b)
{
    double va = a->error * a->error, vb = b->error * b->error;
    double df = (va + vb) * (va + vb) / (va * va / (a->n_eff - 1) + vb * vb / (b->n_eff - 1));
    struct estimate both = {.error = sqrt(va + vb), .n_eff = df + 1, .n = u64_min(a->n, b->n)};
    if (!(va + vb > 0))
        both.n_eff = a->n_eff < b->n_eff ? a->n_eff : b->n_eff;
    return both;
}

struct estimate estimate_difference(const struct estimate *a, const struct estimate *b)
{
    struct estimate both = combined(a, b);
    double half = t_of(both.n_eff, LEVEL) * both.error;
    both.value = b->value - a->value;
    both.lo = both.value - half;
    both.hi = both.value + half;
    return both;
}

struct estimate estimate_ratio(const struct estimate *a, const struct estimate *b, double level)
{
    struct estimate both = combined(a, b);
    both.value = b->value / a->value;
    set_ends(&both, level);
    return both;
}
