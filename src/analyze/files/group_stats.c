/* group_stats.c: what can be said of a group, from its values or from its histogram. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/files/groups.h"
#include "base/util.h"

#define LEVEL 0.95
#define FEW ((size_t)1 << 18) /* values whose dependence is looked at one by one */
#define BATCHES 512           /* of more of them */

/* ---- dependence ---- */

/* n_eff from the means of successive parts of as many values each: their variance against that of
 * independent values. */
static double batch_effective_n(const struct moments *batches, double size, double variance,
                                double n)
{
    double seen = moments_std(batches), factor = seen * seen / (variance / size);
    return batches->n >= 2 && factor > 1 ? n / factor : n;
}

static double value_of(const struct group *group, size_t i,
                       double (*f)(double value, const void *context), const void *context)
{
    return f ? f(group->values[i], context) : group->values[i];
}

/* The means of successive parts, and the moments of all of them. */
struct batches {
    size_t size; /* of each */
    struct moments means, all;
};

static void add_batch(struct batches *batches, size_t count, double mean, double m2)
{
    struct moments *all = &batches->all;
    double n = (double)all->n, delta = mean - all->mean, sum = n + (double)count;
    if (count == batches->size) /* the last one may be short */
        moments_add(&batches->means, mean);
    all->m2 += m2 + delta * delta * n * (double)count / sum; /* Chan et al. 1979 */
    all->mean += delta * (double)count / sum;
    all->n += count;
}

static struct group_mean mean_of_batches(const struct batches *batches)
{
    double std = moments_std(&batches->all);
    return (struct group_mean){batches->all.mean, std,
                               batch_effective_n(&batches->means, (double)batches->size, std * std,
                                                 (double)batches->all.n)};
}

static int many_values(const struct group *group, double (*f)(double, const void *),
                       const void *context, struct group_mean *ret)
{
    struct batches batches = {.size = (group->n + BATCHES - 1) / BATCHES};
    CLEANUP_FREE double *room = malloc(batches.size * sizeof(*room));
    if (!room)
        return -ERROR_NOMEM;
    for (size_t i = 0; i < group->n; i += batches.size) {
        size_t count = u64_min(batches.size, group->n - i);
        const double *values = f ? room : group->values + i;
        double sum = 0, m2 = 0;
        for (size_t k = 0; k < count && f; k++)
            room[k] = f(group->values[i + k], context);
        for (size_t k = 0; k < count; k++)
            sum += values[k];
        double mean = sum / (double)count;
        for (size_t k = 0; k < count; k++)
            m2 += (values[k] - mean) * (values[k] - mean);
        add_batch(&batches, count, mean, m2);
    }
    *ret = mean_of_batches(&batches);
    return 0;
}

int group_mean_of(const struct group *group, double (*f)(double value, const void *context),
                  const void *context, struct group_mean *ret)
{
    *ret = (struct group_mean){NAN, NAN, NAN};
    if (group->hist || group->n == 0)
        return 0;
    if (group->n > FEW)
        return many_values(group, f, context, ret);
    CLEANUP_FREE double *values = malloc(group->n * sizeof(*values));
    if (!values)
        return -ERROR_NOMEM;
    for (size_t i = 0; i < group->n; i++)
        values[i] = value_of(group, i, f, context);
    ret->mean = stats_mean(values, group->n);
    ret->std = stats_std(values, group->n);
    ret->n_eff = effective_n(values, group->n);
    return 0;
}

static double parts_effective_n(const struct group *group)
{
    struct moments means = {.n = 0};
    double sizes = 0, n = (double)group->n;
    for (size_t i = 0; i + 1 < group->part_count; i++) { /* the last one may be short */
        moments_add(&means, group->parts[i].sum / (double)group->parts[i].n);
        sizes += (double)group->parts[i].n;
    }
    return batch_effective_n(&means, sizes / (double)means.n, group->moments.m2 / (n - 1), n);
}

int group_effective_n(const struct group *group, double *ret)
{
    struct group_mean mean;
    if (group->hist) {
        *ret = parts_effective_n(group);
        return 0;
    }
    int rc = group_mean_of(group, NULL, NULL, &mean);
    *ret = mean.n_eff;
    return rc;
}

/* ---- quantiles ---- */

/* The rank (0-based, fractional) of a quantile: Hyndman & Fan (1996), as numpy has them. */
static double rank_of(double p, double n, enum percentile_method method)
{
    double alpha = 1, beta = 1; /* LINEAR, and those that round it */
    if (method == PERCENTILE_HAZEN)
        alpha = beta = 0.5;
    else if (method == PERCENTILE_WEIBULL)
        alpha = beta = 0;
    else if (method == PERCENTILE_MEDIAN_UNBIASED)
        alpha = beta = 1.0 / 3;
    double rank = n * p + (alpha + p * (1 - alpha - beta)) - 1;
    return fmin(fmax(rank, 0), n - 1);
}

static double between(double rank, double below, double above, enum percentile_method method)
{
    double share = rank - floor(rank);
    bool is_odd = fmod(floor(rank), 2) == 1;
    switch (method) {
    case PERCENTILE_LOWER:
        return below;
    case PERCENTILE_HIGHER:
        return share > 0 ? above : below;
    case PERCENTILE_NEAREST: /* halves to the even rank, as numpy */
        return share > 0.5 || (share == 0.5 && is_odd) ? above : below;
    default:
        return below + share * (above - below);
    }
}

static int compare_sizes(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

/* The values at ranks in any order, some of them SIZE_MAX: NaN. */
static int values_at(const struct group *group, const size_t *ranks, size_t count, double *ret)
{
    size_t ascending[STATS_RANKS_MAX], known = 0;
    double values[STATS_RANKS_MAX];
    for (size_t i = 0; i < count; i++) {
        if (ranks[i] != SIZE_MAX)
            ascending[known++] = ranks[i] < group->n ? ranks[i] : group->n - 1;
    }
    qsort(ascending, known, sizeof(ascending[0]), compare_sizes);
    if (stats_ranks(group->values, group->n, NAN, ascending, known, values) < 0)
        return -ERROR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        ret[i] = NAN;
        for (size_t k = 0; k < known && ranks[i] != SIZE_MAX; k++) {
            if (ascending[k] == ranks[i] || (ranks[i] >= group->n && k + 1 == known))
                ret[i] = values[k];
        }
    }
    return 0;
}

static double is_at_most(double value, const void *bound)
{
    return value <= *(const double *)bound;
}

/* What many values answer, 1 or 0: as group_mean_of. */
static struct group_mean many_answers(const struct group *group, double bound)
{
    struct batches batches = {.size = (group->n + BATCHES - 1) / BATCHES};
    for (size_t i = 0; i < group->n; i += batches.size) {
        size_t count = u64_min(batches.size, group->n - i);
        uint64_t yes = 0;
        for (size_t k = i; k < i + count; k++)
            yes += group->values[k] <= bound;
        double share = (double)yes / (double)count;
        add_batch(&batches, count, share, (double)yes * (1 - share));
    }
    return mean_of_batches(&batches);
}

/* What counts is the dependence of the answers "at or below the quantile" (see
 * quantile_interval_ordered). */
static int exact_intervals(const struct group *group, const double *p, size_t count,
                           const double *quantiles, struct interval *ret)
{
    size_t ranks[2 * GROUP_QUANTILES_MAX] = {0};
    double values[2 * GROUP_QUANTILES_MAX];
    for (size_t i = 0; i < count; i++) {
        struct group_mean answers;
        if (group->n > FEW)
            answers = many_answers(group, quantiles[i]);
        else if (group_mean_of(group, is_at_most, &quantiles[i], &answers) < 0)
            return -ERROR_NOMEM;
        quantile_interval_ranks(group->n, answers.n_eff, p[i], LEVEL, &ranks[2 * i],
                                &ranks[2 * i + 1]);
    }
    int rc = values_at(group, ranks, 2 * count, values);
    for (size_t i = 0; i < count; i++) {
        double lo = values[2 * i], hi = values[2 * i + 1];
        /* The quantile itself may lie between two values: of two, p99 is below the larger. */
        ret[i] = (struct interval){lo > quantiles[i] ? quantiles[i] : lo,
                                   hi < quantiles[i] ? quantiles[i] : hi};
    }
    return rc;
}

static int exact_quantiles(const struct group *group, const double *p, size_t count,
                           enum percentile_method method, double *ret)
{
    size_t ranks[2 * GROUP_QUANTILES_MAX] = {0};
    double values[2 * GROUP_QUANTILES_MAX];
    for (size_t i = 0; i < count; i++) {
        ranks[2 * i] = (size_t)rank_of(p[i], (double)group->n, method);
        ranks[2 * i + 1] = u64_min(ranks[2 * i] + 1, group->n - 1);
    }
    if (values_at(group, ranks, 2 * count, values) < 0)
        return -ERROR_NOMEM;
    for (size_t i = 0; i < count; i++)
        ret[i] = between(rank_of(p[i], (double)group->n, method), values[2 * i], values[2 * i + 1],
                         method);
    return 0;
}

/* Of a histogram: the shares that the ranks of the interval stand for, and of their buckets the
 * outer edges, so that the interval holds the exact one. */
static struct interval hist_interval(const struct group *group, double n_eff, double p)
{
    size_t lo, hi;
    double last = (double)(group->n - 1), inner;
    struct interval interval = {NAN, NAN};
    quantile_interval_ranks(group->n, n_eff, p, LEVEL, &lo, &hi);
    if (lo != SIZE_MAX)
        hist_quantile_edges(group->hist, (double)lo / last, &interval.lo, &inner);
    if (hi != SIZE_MAX)
        hist_quantile_edges(group->hist, (double)hi / last, &inner, &interval.hi);
    return (struct interval){interval.lo / group->hist_scale, interval.hi / group->hist_scale};
}

int group_quantiles(const struct group *group, const double *p, size_t count,
                    enum percentile_method method, double *ret, struct interval *intervals)
{
    if (!group->hist) {
        int rc = exact_quantiles(group, p, count, method, ret);
        return rc == 0 && intervals ? exact_intervals(group, p, count, ret, intervals) : rc;
    }
    double n_eff = parts_effective_n(group);
    for (size_t i = 0; i < count; i++) {
        ret[i] = hist_quantile(group->hist, p[i]) / group->hist_scale;
        if (intervals)
            intervals[i] = hist_interval(group, n_eff, p[i]);
    }
    return 0;
}

/* ---- spread ---- */

double group_count_outside(const struct group *group, double lo, double hi)
{
    double count = 0;
    for (size_t i = 0; !group->hist && i < group->n; i++)
        count += group->values[i] < lo || group->values[i] > hi;
    for (size_t i = 0; group->hist && i < HIST_BUCKETS; i++) {
        double low = (double)hist_bucket_low(i), high = (double)hist_bucket_high(i);
        double value = (low + high) / 2 / group->hist_scale;
        count += value < lo || value > hi ? (double)group->hist->buckets[i] : 0;
    }
    return count;
}

/* The distance from the median within which half of the values of a histogram lie. */
static double hist_mad(const struct group *group, double median)
{
    double lo = 0, hi = group->moments.max - group->moments.min;
    for (int i = 0; i < 60; i++) {
        double distance = (lo + hi) / 2;
        double outside = group_count_outside(group, median - distance, median + distance);
        if (outside > (double)group->n / 2)
            lo = distance;
        else
            hi = distance;
    }
    return hi;
}

int group_mad(const struct group *group, double median, double *ret)
{
    if (group->hist) {
        *ret = hist_mad(group, median);
        return 0;
    }
    size_t ranks[2] = {(group->n - 1) / 2, group->n / 2};
    double values[2];
    if (stats_ranks(group->values, group->n, median, ranks, 2, values) < 0)
        return -ERROR_NOMEM;
    *ret = (values[0] + values[1]) / 2;
    return 0;
}

double group_jitter(const struct group *group)
{
    return group->n > 1 ? group->jitter_sum / (double)(group->n - 1) : NAN;
}

/* Σ (x[i]-m)(x[i-1]-m) / Σ (x[i]-m)²: the usual estimator (Box, Jenkins 1976), from sums around
 * `shift`. */
double group_autocorrelation(const struct group *group)
{
    double n = (double)group->n, off = group->moments.mean - group->shift;
    if (group->n < 2 || !(group->moments.m2 > 0))
        return NAN;
    double sum = n * off; /* of x - shift */
    double all_but_first = sum - (group->first - group->shift);
    double all_but_last = sum - (group->last - group->shift);
    double product = group->lag_sum - off * (all_but_first + all_but_last) + (n - 1) * off * off;
    return product / group->moments.m2;
}
