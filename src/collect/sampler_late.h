/* sampler_late.h: how late ticks were, as a small histogram.
 *
 * What: eight buckets an octave of nanoseconds, so that a quantile is told at most 12.5 % too high
 *       (and never above the maximum, which is exact); 3 KB and no allocation, where stats/hist.h
 *       takes 58 KB.
 * Threads: one adds, any may ask; an answer while it goes on is as of about now.
 */
#ifndef TACHO_COLLECT_SAMPLER_LATE_H
#define TACHO_COLLECT_SAMPLER_LATE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define SAMPLER_LATE_BUCKETS 384

struct sampler_late {
    _Atomic uint64_t buckets[SAMPLER_LATE_BUCKETS];
    _Atomic uint64_t max_ns;
};

void sampler_late_add(struct sampler_late *late, uint64_t ns);
/* Nearest rank: the least value such that a share q of all are not above it; 0: there are none. */
uint64_t sampler_late_quantile_ns(const struct sampler_late *late, double q);

#endif
