/* sampler_late.c: see sampler_late.h. */
#include "collect/sampler_late.h"

#include <math.h>

#include "base/util.h"

#define SUB_BITS 3 /* eight buckets an octave */
#define SUB_COUNT (1u << SUB_BITS)

/* Values below SUB_COUNT have a bucket each; then every octave has SUB_COUNT of equal width. */
static size_t bucket_of(uint64_t ns)
{
    if (ns < SUB_COUNT)
        return (size_t)ns;
    unsigned shift = 63u - (unsigned)__builtin_clzll(ns) - SUB_BITS;
    size_t bucket = ((size_t)shift << SUB_BITS) + (size_t)(ns >> shift);
    return bucket < SAMPLER_LATE_BUCKETS ? bucket : SAMPLER_LATE_BUCKETS - 1;
}

/* The largest value that falls into a bucket. */
static uint64_t top_of(size_t bucket)
{
    if (bucket < SUB_COUNT)
        return bucket;
    unsigned shift = (unsigned)(bucket >> SUB_BITS) - 1;
    uint64_t begin = (uint64_t)(bucket - ((size_t)shift << SUB_BITS)) << shift;
    return begin + (UINT64_C(1) << shift) - 1;
}

static uint64_t load(const _Atomic uint64_t *value)
{
    return atomic_load_explicit((_Atomic uint64_t *)value, memory_order_relaxed);
}

/* One thread writes, so no read-modify-write is needed. */
void sampler_late_add(struct sampler_late *late, uint64_t ns)
{
    _Atomic uint64_t *bucket = &late->buckets[bucket_of(ns)];
    atomic_store_explicit(bucket, load(bucket) + 1, memory_order_relaxed);
    if (ns > load(&late->max_ns))
        atomic_store_explicit(&late->max_ns, ns, memory_order_relaxed);
}

uint64_t sampler_late_quantile_ns(const struct sampler_late *late, double q)
{
    uint64_t n = 0, seen = 0, max_ns = load(&late->max_ns);
    for (size_t i = 0; i < SAMPLER_LATE_BUCKETS; i++)
        n += load(&late->buckets[i]);
    uint64_t rank = u64_max((uint64_t)ceil(q * (double)n), 1);
    for (size_t i = 0; i < SAMPLER_LATE_BUCKETS && n > 0; i++) {
        seen += load(&late->buckets[i]);
        if (seen >= rank)
            return i == SAMPLER_LATE_BUCKETS - 1 ? max_ns : u64_min(top_of(i), max_ns);
    }
    return n > 0 ? max_ns : 0;
}
