/* sampler.h: samples the opened collectors at a fixed rate, on its own thread.
 *
 * What: ticks stand on absolute CLOCK_MONOTONIC times, so the pace never drifts; each collector is
 *       sampled every max(interval, its min_interval) rounded up to whole ticks (tiers). Rows go
 *       into a preallocated single-producer ring; the measuring thread drains it. A full ring drops
 *       the new row and counts it. Collectors of which nothing is wanted at the interval
 *       (collect_env.is_wanted) are sampled seldom.
 * Memory: all of it in sampler_open; the loop allocates nothing (tested with an allocator that
 *         aborts).
 * Threads: open, start, set_target, drain, stop, close on one thread, on which set_target and drain
 *          also let collectors attend to what comes and goes; the loop on its own, with all signals
 *          blocked.
 */
#ifndef TACHO_COLLECT_SAMPLER_H
#define TACHO_COLLECT_SAMPLER_H

#include "collect/collector.h"

struct sampler;

struct sampler_stats {
    uint64_t ticks, missed_ticks; /* missed: the loop came more than one interval late */
    uint64_t rows, dropped_rows;
    uint64_t failed_samples; /* a collector's sample() returned an error */
    uint64_t cpu_ns;         /* CPU time of the sampling thread */
    /* How late ticks began; quantiles at most 12.5 % too high. */
    uint64_t late_ns_p50, late_ns_p99, late_ns_max;
};

/* names: collectors to use, each by name or alias; count 0: every one that is present and not
 * synthetic. A named one that cannot work here is an error (ABSENT/DENIED with its probe detail as
 * message); of the unnamed, those that cannot are left out, but for one that is here and denied:
 * its columns are opened without values and say why. */
int sampler_open(const struct collect_env *env, const char *const *names, size_t count,
                 struct sampler **ret_sampler, struct error *err);
/* The channels of all opened collectors in order; valid until close. Channel index = column;
 * min_interval_ns is that of the collector where the channel is not slower. */
const struct channel *sampler_channels(const struct sampler *sampler, size_t *ret_count);
bool sampler_is_synthetic(const struct sampler *sampler);
/* Also after sampler_stop: what happened in between is in no row. */
int sampler_start(struct sampler *sampler, struct error *err);
/* pid 0: nothing to follow for now. */
void sampler_set_target(struct sampler *sampler, pid_t pid);
/* Several trees at once: their columns are sums. One that ends drops out by itself. */
void sampler_set_targets(struct sampler *sampler, const struct collect_targets *targets);
/* Calls fn for every row that is waiting: one row per tick, columns that were not due are NaN with
 * their bit in `due` clear. Returns the number of rows. */
struct sample_row {
    uint64_t t_ns; /* CLOCK_MONOTONIC */
    pid_t target;
    const double *values; /* one per channel */
    /* One per channel: 1 if it has a value, or has had none for a whole interval of its own (then
     * NaN means missing). 0: its collector or column is slower than the tick, its first reading
     * only began a difference, or it is about a target and there is none. */
    const uint8_t *due;
};
size_t sampler_drain(struct sampler *sampler,
                     void (*fn)(const struct sample_row *row, void *context), void *context);
/* A descriptor for poll(2): readable once rows wait, of a fast sampler five times a second, until
 * they are drained. Whoever waits for it needs no timer of its own. Before the first start; owned
 * by the sampler. Returns it, or a negative code. */
int sampler_fd(struct sampler *sampler, struct error *err);
bool sampler_has_rows(const struct sampler *sampler); /* waiting to be drained */
void sampler_stop(struct sampler *sampler); /* joins the thread; drain once more after it */
void sampler_get_stats(const struct sampler *sampler, struct sampler_stats *ret);
void sampler_close(struct sampler *sampler); /* stops first; accepts NULL */

#endif
