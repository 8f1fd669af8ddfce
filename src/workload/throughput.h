/* throughput.h: from calls to items per second, window by window.
 *
 * What: each call's items are spread evenly over the time that it ran in, so a window holds the
 *       work done in it, also where calls are longer than windows; the mean over equal windows is
 *       items over time, whatever the calls look like. A window is told when every stream has
 *       passed it: until then a call that is still running may add to it.
 * Units: ns of any one clock; values in items per second.
 * Memory: the open windows only; at most THROUGHPUT_OPEN_MAX wait for a stream that does nothing,
 *       then the oldest is told, and what still comes for it counts in the oldest open one.
 * Threads: one at a time. Errors: -1 out of memory, with everything as it was.
 */
#ifndef TACHO_WORKLOAD_THROUGHPUT_H
#define TACHO_WORKLOAD_THROUGHPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define THROUGHPUT_OPEN_MAX 4096u

struct throughput {
    uint64_t origin_ns, window_ns;
    double items_per_call;
    size_t streams;
    uint64_t *passed_ns; /* of each stream: the end of its last call */
    double *items;       /* of the open windows, oldest first */
    size_t count, capacity;
    uint64_t told; /* windows that were told: the index of items[0] */
    uint64_t last_end_ns;
};

struct throughput_window {
    uint64_t begin_ns;
    double per_s;
};

/* Ten times the median latency, from 10 ms to 1 s. Sorts `latencies`. n 0: 1 s. */
uint64_t throughput_window_ns(double *latencies_ns, size_t n);

int throughput_init(struct throughput *throughput, uint64_t origin_ns, uint64_t window_ns,
                    size_t streams, double items_per_call);
void throughput_deinit(struct throughput *throughput); /* accepts a zeroed one */
/* The calls of one stream come in order of time; begin_ns <= end_ns. */
int throughput_add(struct throughput *throughput, size_t stream, uint64_t begin_ns,
                   uint64_t end_ns);
/* The next window that every stream has passed; false: none yet. */
bool throughput_take(struct throughput *throughput, struct throughput_window *ret_window);
/* No call comes any more: the windows that are left, and at last the part of one that is at least
 * half a window long, or the only one. */
bool throughput_take_last(struct throughput *throughput, struct throughput_window *ret_window);

#endif
