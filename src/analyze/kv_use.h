/* kv_use.h: what the use of a KV cache over time says: full, requests that wait, growth.
 *
 * Rules: kv_cache_full      use above 90 % in a reading (engines then preempt or defer requests)
 *        requests_waiting   requests wait in at least three readings and in a tenth of them; with a
 *                           full cache that is the reason, without one the limit of requests is
 *        kv_cache_growth    use rises over the whole watch: the lower end of the 95 % interval of
 *                           its slope (Theil-Sen) is positive and makes 10 points or more, of 20
 *                           readings at least. A note: a cache may fill up and stay full.
 * Units: percent, s since the run began; NaN: not known. Pure: no I/O. Memory: scratch only; the
 *        caller may thin what it hands over, but must tell the counts in totals.
 */
#ifndef TACHO_ANALYZE_KV_USE_H
#define TACHO_ANALYZE_KV_USE_H

#include <stddef.h>
#include <stdint.h>

#include "model/sink.h"

#define KV_USE_FULL_PCT 90.0
#define KV_USE_RANGES_MAX 4

struct kv_use_range {
    double begin_s, end_s;
};

/* Of one engine: kept while its rows come, so that hours need no memory. */
struct kv_use {
    char name[64];
    uint64_t rows;         /* with a use */
    uint64_t full;         /* rows above KV_USE_FULL_PCT */
    uint64_t waiting;      /* rows in which requests waited */
    uint64_t waiting_full; /* of those, rows with a full cache */
    uint64_t request_rows; /* rows that tell of waiting requests */
    double use_max_pct, use_max_s, waiting_max;
    bool is_full; /* in the last row */
    uint64_t episodes;
    struct kv_use_range ranges[KV_USE_RANGES_MAX];
};

void kv_use_init(struct kv_use *use, const char *name);
void kv_use_add(struct kv_use *use, double t_s, double use_pct, double waiting);
/* t_s and use_pct: n of its readings in order, for the trend. -ERROR_NOMEM. */
int kv_use_tell(const struct kv_use *use, const double *t_s, const double *use_pct, size_t n,
                struct run_sink *sink, struct error *err);

#endif
