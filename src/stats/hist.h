/* hist.h: log-linear histogram of uint64 values, relative error at most 1/2^8 (0.39 %).
 *
 * What: 2^7 sub-buckets per power of two: values below 2^8 are exact; above, a bucket spans 2^-7 of
 *       its value and its middle is reported, so the error is at most 2^-8. Covers the whole
 *       uint64.
 * Memory: one flat array of 7424 counters (58 KiB), no allocation after hist_new.
 * Threads: one writer.
 * Errors: none; no counter overflows in practice (2^64).
 * Source: the log-linear layout is HdrHistogram's (G. Tene); the bucket function is ours.
 */
#ifndef TACHO_STATS_HIST_H
#define TACHO_STATS_HIST_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HIST_SUB_BITS 7
#define HIST_SUB (1u << HIST_SUB_BITS)
#define HIST_BUCKETS ((64 - HIST_SUB_BITS + 1) * HIST_SUB)
#define HIST_RELATIVE_ERROR (1.0 / (2 * HIST_SUB))

struct hist {
    uint64_t count;
    uint64_t min, max;  /* exact; min is UINT64_MAX while empty */
    double sum, sum_sq; /* of the values themselves */
    uint64_t buckets[HIST_BUCKETS];
};

struct hist *hist_new(void); /* NULL: out of memory */
void hist_free(struct hist *hist);
void hist_reset(struct hist *hist);
void hist_record(struct hist *hist, uint64_t value);
void hist_record_n(struct hist *hist, uint64_t value, uint64_t count);
void hist_merge(struct hist *dst, const struct hist *src);
static inline size_t hist_bucket_of(uint64_t value)
{
    if (value < 2 * HIST_SUB)
        return (size_t)value;
    unsigned shift = 63 - (unsigned)__builtin_clzll(value) - HIST_SUB_BITS;
    return (size_t)shift * HIST_SUB + (size_t)(value >> shift);
}
/* The bucket of a value >= 0 that is rounded to a whole number, read off its bits: exponent and
 * mantissa of a double are log-linear already. What is above 2^64 goes to the last one. */
static inline size_t hist_bucket_of_double(double value)
{
    double rounded = value + 0.5;
    uint64_t bits;
    memcpy(&bits, &rounded, sizeof(bits));
    if (rounded < HIST_SUB)
        return (size_t)rounded;
    size_t bucket = (size_t)(bits >> (52 - HIST_SUB_BITS)) - (1023 + HIST_SUB_BITS - 1) * HIST_SUB;
    return bucket < HIST_BUCKETS ? bucket : HIST_BUCKETS - 1;
}
static inline uint64_t hist_rounded(double value)
{
    return value + 0.5 < 0x1p64 ? (uint64_t)(value + 0.5) : UINT64_MAX;
}
/* Counts it, and no more: min, max and moments are the caller's. */
static inline void hist_count_double(struct hist *hist, double value)
{
    hist->buckets[hist_bucket_of_double(value)]++;
    hist->count++;
}
uint64_t hist_bucket_low(size_t bucket);  /* smallest value of the bucket */
uint64_t hist_bucket_high(size_t bucket); /* largest value of the bucket */
/* Type-7 quantile (0 <= p <= 1) of the recorded values, each taken at its bucket's middle but
 * clipped to the exact min and max; NaN while empty. */
double hist_quantile(const struct hist *hist, double p);
/* Between which bounds the values of that quantile's ranks lie for certain: the edges of their
 * buckets, clipped to the exact min and max. NaN while empty. */
void hist_quantile_edges(const struct hist *hist, double p, double *ret_lo, double *ret_hi);
uint64_t hist_count_above(const struct hist *hist, uint64_t value); /* buckets wholly above */
double hist_mean(const struct hist *hist);                          /* exact, NaN while empty */
double hist_std(const struct hist *hist);                           /* n-1, NaN below 2 */

#endif
