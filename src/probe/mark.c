/* mark.c: gauges and marks, which any thread writes: nothing here belongs to a slot. */
#include "probe/probe.h"

#include <errno.h>
#include <string.h>

static inline uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static inline double value_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* *extreme = value, unless it is further out already. sign: 1 for the largest, -1 for the smallest.
 */
static inline void reach(uint64_t *extreme, double value, int sign)
{
    uint64_t bits = PROBE_LOAD(extreme);
    while (sign * value > sign * value_of(bits) &&
           !__atomic_compare_exchange_n(extreme, &bits, bits_of(value), true, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
        ;
}

void tacho_gauge_id(uint32_t gauge, double value)
{
    if (!probe_can_record(gauge) || !probe_id_is(gauge, TACHO_NAME_GAUGE) ||
        probe_id_slot(gauge) >= probe.sizes.gauges || value != value)
        return;
    struct tacho_segment_gauge *shared =
        (struct tacho_segment_gauge *)(probe.base + probe.layout.gauges +
                                       probe_id_slot(gauge) * probe.layout.gauge_stride);
    reach(&shared->smallest, value, -1);
    reach(&shared->largest, value, 1);
    PROBE_STORE(&shared->value, bits_of(value));
    PROBE_STORE(&shared->set_ns, probe_now_ns());
    /* Last: once it counts a value, there are a smallest and a largest. */
    __atomic_fetch_add(&shared->count, 1, __ATOMIC_RELEASE);
}

/* Marks are handed out in order; once there are no more, they are counted only. */
static struct tacho_segment_mark *mark_take(void)
{
    uint32_t index = PROBE_LOAD(&probe.header->marks_used);
    do {
        if (index >= probe.sizes.marks) {
            __atomic_fetch_add(&probe.header->dropped_marks, 1, __ATOMIC_RELAXED);
            return NULL;
        }
    } while (!__atomic_compare_exchange_n(&probe.header->marks_used, &index, index + 1, true,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return (struct tacho_segment_mark *)(probe.base + probe.layout.marks) + index;
}

void tacho_mark_id(uint32_t mark)
{
    if (!probe_can_record(mark) || !probe_id_is(mark, TACHO_NAME_MARK))
        return;
    int errno_before = errno;
    struct tacho_segment_mark *shared = mark_take();
    if (shared) {
        PROBE_STORE(&shared->name, probe_id_index(mark));
        PROBE_STORE(&shared->t_ns, probe_now_ns());
        PROBE_STORE(&shared->rss_bytes, probe_rss_bytes());
        PROBE_STORE(&shared->cpu_ns, probe_cpu_ns());
        PROBE_STORE_RELEASE(&shared->ready, 1);
    }
    errno = errno_before;
}
