/* hist.c: see hist.h. */
#include "stats/hist.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

_Static_assert(HIST_BUCKETS == 7424, "the stored form of histograms depends on this number");

struct hist *hist_new(void)
{
    struct hist *hist = calloc(1, sizeof(*hist));
    if (hist)
        hist->min = UINT64_MAX;
    return hist;
}

void hist_free(struct hist *hist)
{
    free(hist);
}

void hist_reset(struct hist *hist)
{
    memset(hist, 0, sizeof(*hist));
    hist->min = UINT64_MAX;
}

void hist_record(struct hist *hist, uint64_t value)
{
    hist_record_n(hist, value, 1);
}

void hist_record_n(struct hist *hist, uint64_t value, uint64_t count)
{
    if (count == 0)
        return;
    hist->count += count;
    hist->min = u64_min(hist->min, value);
    hist->max = u64_max(hist->max, value);
    hist->sum += (double)value * (double)count;
    hist->sum_sq += (double)value * (double)value * (double)count;
    hist->buckets[hist_bucket_of(value)] += count;
}

void hist_merge(struct hist *dst, const struct hist *src)
{
    if (src->count == 0)
        return;
    dst->count += src->count;
    dst->min = u64_min(dst->min, src->min);
    dst->max = u64_max(dst->max, src->max);
    dst->sum += src->sum;
    dst->sum_sq += src->sum_sq;
    for (size_t i = 0; i < HIST_BUCKETS; i++)
        dst->buckets[i] += src->buckets[i];
}

/* Row 0 holds the values below HIST_SUB one by one; row s+1 holds those whose HIST_SUB_BITS + 1
 * leading bits are kept after dropping s low bits. */
static unsigned bucket_shift(size_t bucket)
{
    return bucket < HIST_SUB ? 0 : (unsigned)(bucket / HIST_SUB) - 1;
}

uint64_t hist_bucket_low(size_t bucket)
{
    unsigned shift = bucket_shift(bucket);
    return (uint64_t)(bucket - (size_t)shift * HIST_SUB) << shift;
}

uint64_t hist_bucket_high(size_t bucket)
{
    return hist_bucket_low(bucket) + (((uint64_t)1 << bucket_shift(bucket)) - 1);
}

static double bucket_value(const struct hist *hist, size_t bucket)
{
    double low = (double)hist_bucket_low(bucket), high = (double)hist_bucket_high(bucket);
    double middle = low + (high - low) / 2;
    return fmin(fmax(middle, (double)hist->min), (double)hist->max);
}

/* The value of a 0-based rank. *bucket and *below (how many values lie before it) carry the
 * position, so that the next, larger rank goes on from there. */
static double rank_value(const struct hist *hist, uint64_t rank, size_t *bucket, uint64_t *below)
{
    if (rank == 0)
        return (double)hist->min;
    if (rank >= hist->count - 1)
        return (double)hist->max;
    while (*bucket < HIST_BUCKETS - 1 && *below + hist->buckets[*bucket] <= rank)
        *below += hist->buckets[(*bucket)++];
    return bucket_value(hist, *bucket);
}

double hist_quantile(const struct hist *hist, double p)
{
    if (hist->count == 0 || !(p >= 0 && p <= 1))
        return NAN;
    double position = (double)(hist->count - 1) * p;
    uint64_t rank = (uint64_t)position;
    double fraction = position - (double)rank;
    size_t bucket = 0;
    uint64_t below = 0;

    double lower = rank_value(hist, rank, &bucket, &below);
    if (fraction <= 0)
        return lower;
    double upper = rank_value(hist, rank + 1, &bucket, &below);
    return lower + fraction * (upper - lower);
}

void hist_quantile_edges(const struct hist *hist, double p, double *ret_lo, double *ret_hi)
{
    *ret_lo = *ret_hi = NAN;
    if (hist->count == 0 || !(p >= 0 && p <= 1))
        return;
    double position = (double)(hist->count - 1) * p;
    uint64_t below = 0;
    size_t lo = 0, hi;
    while (lo < HIST_BUCKETS - 1 && below + hist->buckets[lo] <= (uint64_t)position)
        below += hist->buckets[lo++];
    for (hi = lo; hi < HIST_BUCKETS - 1 && below + hist->buckets[hi] <= (uint64_t)ceil(position);)
        below += hist->buckets[hi++];
    *ret_lo = fmax((double)hist_bucket_low(lo), (double)hist->min);
    *ret_hi = fmin((double)hist_bucket_high(hi), (double)hist->max);
}

uint64_t hist_count_above(const struct hist *hist, uint64_t value)
{
    if (hist->count == 0 || value >= hist->max)
        return 0;
    if (value < hist->min)
        return hist->count;
    uint64_t above = 0;
    for (size_t i = hist_bucket_of(value) + 1; i < HIST_BUCKETS; i++)
        above += hist->buckets[i];
    return above;
}

double hist_mean(const struct hist *hist)
{
    return hist->count ? hist->sum / (double)hist->count : NAN;
}

/* The two sums cancel when the spread is tiny beside the mean: below a coefficient of variation of
 * about 1e-7 the result is rounding noise. Latencies are far from that; equal values give exactly 0
 * through min and max. */
double hist_std(const struct hist *hist)
{
    if (hist->count < 2)
        return NAN;
    if (hist->min == hist->max)
        return 0;
    double n = (double)hist->count;
    double m2 = hist->sum_sq - hist->sum * (hist->sum / n);
    return m2 > 0 ? sqrt(m2 / (n - 1)) : 0;
}
