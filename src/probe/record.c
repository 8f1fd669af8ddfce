/* record.c: the fast paths: spans, frames and counters. Two readings of the clock are nine tenths
 * of a span; the rest is plain stores, since every place has one writer. */
#include "probe/probe.h"

#include <string.h>

/* ---- histograms ---- */

static struct tacho_segment_hist *hist_at(uint32_t index)
{
    return (struct tacho_segment_hist *)(probe.base + probe.layout.hists +
                                         index * probe.layout.hist_stride);
}

/* Takes one more of `room` things counted in *used; UINT32_MAX: there is none left. */
static uint32_t take_one(uint32_t *used, uint32_t room)
{
    uint32_t index = PROBE_LOAD(used);
    do {
        if (index >= room)
            return UINT32_MAX;
    } while (!__atomic_compare_exchange_n(used, &index, index + 1, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return index;
}

static uint16_t hist_claim(const struct probe_thread *self, uint32_t name)
{
    uint32_t index = take_one(&probe.header->hists_used, probe.sizes.hists);
    if (index == UINT32_MAX) {
        __atomic_fetch_add(&probe.header->dropped_hists, 1, __ATOMIC_RELAXED);
        return PROBE_HIST_NONE;
    }
    struct tacho_segment_hist *hist = hist_at(index);
    PROBE_STORE(&hist->name, name);
    PROBE_STORE_RELEASE(&hist->owner, self->owner);
    return (uint16_t)(index + 1);
}

/* NULL: the pool is empty. */
static inline struct tacho_segment_hist *hist_of(struct probe_thread *self, uint32_t name)
{
    uint16_t hist = self->hist_of[name];
    if (!PROBE_LIKELY(hist))
        hist = self->hist_of[name] = hist_claim(self, name);
    return PROBE_LIKELY(hist != PROBE_HIST_NONE) ? hist_at(hist - 1u) : NULL;
}

/* The bucket before `errors`: a reader copies upwards and so never sees more errors than values. */
static inline void hist_record(struct tacho_segment_hist *hist, uint64_t value_ns, bool is_error)
{
    if (value_ns < PROBE_LOAD(&hist->min_ns))
        PROBE_STORE(&hist->min_ns, value_ns);
    if (value_ns > PROBE_LOAD(&hist->max_ns))
        PROBE_STORE(&hist->max_ns, value_ns);
    if (!PROBE_LIKELY(PROBE_LOAD(&hist->first_ns)))
        PROBE_STORE(&hist->first_ns, value_ns);
    probe_add(&hist->sum_ns, value_ns);
    if (PROBE_LIKELY(value_ns < (uint64_t)1 << TACHO_SEGMENT_HIST_TOP_BIT))
        probe_add(&hist->buckets[probe_bucket_of(value_ns)], 1);
    else
        probe_add(&hist->over, 1);
    if (is_error)
        PROBE_STORE_RELEASE(&hist->errors, PROBE_LOAD(&hist->errors) + 1);
}

/* ---- rings ---- */

static void ring_claim(struct probe_thread *self)
{
    self->is_ring_asked = true;
    uint32_t index = take_one(&probe.header->rings_used, probe.sizes.rings);
    if (index == UINT32_MAX)
        return;
    self->ring = (struct tacho_segment_ring *)(probe.base + probe.layout.rings +
                                               index * probe.layout.ring_stride);
    self->events = (struct tacho_segment_event *)(self->ring + 1);
    PROBE_STORE(&self->shared->ring, index + 1);
}

/* The two numbers around the fields let a reader see that it was overtaken (tacho/segment.h). */
static inline void ring_put(struct probe_thread *self, uint32_t name, uint64_t begin_ns,
                            uint64_t duration_ns, unsigned flags, uint32_t depth)
{
    if (!PROBE_LIKELY(self->ring)) {
        if (!self->is_ring_asked)
            ring_claim(self);
        if (!self->ring)
            return;
    }
    uint64_t i = self->head++;
    struct tacho_segment_event *event = &self->events[i & (probe.sizes.events - 1)];
    PROBE_STORE(&event->seq, 2 * i + 1);
    probe_release_fence();
    PROBE_STORE(&event->begin_ns, begin_ns);
    PROBE_STORE(&event->duration_ns, duration_ns);
    PROBE_STORE(&event->name, name);
    PROBE_STORE(&event->flags, (uint16_t)flags);
    PROBE_STORE(&event->depth, (uint16_t)(depth < UINT16_MAX ? depth : UINT16_MAX));
    PROBE_STORE_RELEASE(&event->seq, 2 * i + 2);
    PROBE_STORE_RELEASE(&self->ring->head, i + 1);
}

static inline void record(struct probe_thread *self, uint32_t name, uint64_t begin_ns,
                          uint64_t duration_ns, unsigned flags, uint32_t depth)
{
    struct tacho_segment_hist *hist = hist_of(self, name);
    if (hist)
        hist_record(hist, duration_ns, flags & TACHO_EVENT_ERROR);
    ring_put(self, name, begin_ns, duration_ns, flags, depth);
}

/* ---- spans ---- */

/* The order lets a reader trust an entry of which two copies agree in it and in `depth`: while an
 * entry changes, depth does not count it. */
static inline void span_begin(struct probe_thread *self, uint32_t name, uint64_t now_ns)
{
    if (PROBE_LIKELY(self->depth < TACHO_SEGMENT_OPEN_MAX)) {
        struct tacho_segment_open *open = &self->shared->open[self->depth];
        PROBE_STORE_RELEASE(&open->begin_ns, now_ns);
        PROBE_STORE(&open->name, name);
    }
    self->depth++;
    PROBE_STORE_RELEASE(&self->shared->depth, self->depth);
}

static void depth_set(struct probe_thread *self, uint32_t depth)
{
    self->depth = depth;
    PROBE_STORE_RELEASE(&self->shared->depth, depth);
}

/* The innermost open span is another one: those begun in this one were forgotten, or this one was
 * never begun, or it is nested so deep that nobody knows its beginning. */
static bool span_find(struct probe_thread *self, uint32_t name)
{
    if (self->depth > TACHO_SEGMENT_OPEN_MAX) {
        depth_set(self, self->depth - 1);
        probe_add(&self->shared->dropped_spans, 1);
        return false;
    }
    uint32_t at = self->depth;
    while (at > 0 && PROBE_LOAD(&self->shared->open[at - 1].name) != name)
        at--;
    if (at == 0) {
        probe_add(&self->shared->dropped_spans, 1);
        return false;
    }
    probe_add(&self->shared->dropped_spans, self->depth - at);
    depth_set(self, at);
    return true;
}

static inline void span_end(struct probe_thread *self, uint32_t name, uint64_t now_ns,
                            unsigned flags)
{
    uint32_t depth = self->depth;
    bool is_innermost = depth - 1 < TACHO_SEGMENT_OPEN_MAX &&
                        PROBE_LOAD(&self->shared->open[depth - 1].name) == name;
    if (!PROBE_LIKELY(is_innermost) && !span_find(self, name))
        return;
    depth = self->depth - 1;
    uint64_t begin_ns = PROBE_LOAD(&self->shared->open[depth].begin_ns);
    if (depth == 0)
        flags |= TACHO_EVENT_OUTER;
    record(self, name, begin_ns, now_ns > begin_ns ? now_ns - begin_ns : 0, flags, depth);
    depth_set(self, depth);
}

void tacho_begin_id(uint32_t span)
{
    struct probe_thread *self = span ? probe_thread_self() : NULL;
    if (self && probe_id_is(span, TACHO_NAME_SPAN))
        span_begin(self, probe_id_index(span), probe_now_ns());
}

void tacho_end_id(uint32_t span)
{
    struct probe_thread *self = span ? probe_thread_self() : NULL;
    if (self && probe_id_is(span, TACHO_NAME_SPAN))
        span_end(self, probe_id_index(span), probe_now_ns(), 0);
}

void tacho_end_error_id(uint32_t span)
{
    struct probe_thread *self = span ? probe_thread_self() : NULL;
    if (self && probe_id_is(span, TACHO_NAME_SPAN))
        span_end(self, probe_id_index(span), probe_now_ns(), TACHO_EVENT_ERROR);
}

void tacho_next_id(uint32_t from, uint32_t to)
{
    struct probe_thread *self = from | to ? probe_thread_self() : NULL;
    if (!self)
        return;
    uint64_t now_ns = probe_now_ns();
    if (from && probe_id_is(from, TACHO_NAME_SPAN))
        span_end(self, probe_id_index(from), now_ns, 0);
    if (to && probe_id_is(to, TACHO_NAME_SPAN))
        span_begin(self, probe_id_index(to), now_ns);
}

uint64_t tacho_begin_token(void)
{
    return PROBE_LOAD(&probe.state) == PROBE_OFF ? 0 : probe_now_ns();
}

void tacho_end_token_id(uint32_t span, uint64_t token, bool is_error)
{
    struct probe_thread *self = span && token ? probe_thread_self() : NULL;
    uint64_t now_ns = probe_now_ns();
    if (self && now_ns >= token && probe_id_is(span, TACHO_NAME_SPAN))
        record(self, probe_id_index(span), token, now_ns - token,
               TACHO_EVENT_ASYNC | (is_error ? TACHO_EVENT_ERROR : 0), 0);
}

void tacho_record_id(uint32_t span, uint64_t end_ns, uint64_t duration_ns)
{
    struct probe_thread *self = span ? probe_thread_self() : NULL;
    if (self && probe_id_is(span, TACHO_NAME_SPAN))
        record(self, probe_id_index(span), end_ns > duration_ns ? end_ns - duration_ns : 0,
               duration_ns, TACHO_EVENT_ASYNC, 0);
}

/* ---- counters and frames ---- */

static void count(struct probe_thread *self, uint32_t slot, uint64_t add)
{
    if (PROBE_LIKELY(self)) {
        probe_add(&self->counters[slot], add);
        return;
    }
    /* No slot of its own: the last row is for all of them. */
    uint64_t *row = (uint64_t *)(probe.base + probe.layout.counters +
                                 probe.sizes.threads * probe.layout.counter_stride);
    __atomic_fetch_add(&row[slot], add, __ATOMIC_RELAXED);
}

void tacho_count_id(uint32_t counter, uint64_t add)
{
    struct probe_thread *self = counter ? probe_thread_self() : NULL;
    if ((self || probe_can_record(counter)) && probe_id_is(counter, TACHO_NAME_COUNTER) &&
        probe_id_slot(counter) < probe.sizes.counters)
        count(self, probe_id_slot(counter), add);
}

void tacho_frame_id(uint32_t frame)
{
    struct probe_thread *self = frame ? probe_thread_self() : NULL;
    uint32_t slot = probe_id_slot(frame);
    if (!(self || probe_can_record(frame)) || !probe_id_is(frame, TACHO_NAME_FRAME) ||
        slot >= probe.sizes.counters)
        return;
    uint64_t now_ns = probe_now_ns();
    /* The frames of one camera may come from many threads; the time between two is theirs all. */
    uint64_t last_ns =
        __atomic_exchange_n(&probe.private->frame_ns[slot], now_ns, __ATOMIC_RELAXED);
    count(self, slot, 1);
    struct tacho_segment_hist *hist = last_ns && self ? hist_of(self, probe_id_index(frame)) : NULL;
    if (hist)
        hist_record(hist, now_ns > last_ns ? now_ns - last_ns : 0, false);
}

/* ---- what a span costs here ---- */

uint64_t probe_span_cost_ps(void)
{
    enum { BATCHES = 8, SPANS = 64 };
    struct probe_thread *self = probe_thread_at(0);
    uint64_t best_ns = UINT64_MAX;
    probe_thread_open(self, 0);
    self->hist_of[0] = 1;
    for (int batch = 0; batch < BATCHES; batch++) {
        uint64_t begin_ns = probe_now_ns();
        for (int i = 0; i < SPANS; i++) {
            span_begin(self, 0, probe_now_ns());
            span_end(self, 0, probe_now_ns(), 0);
        }
        uint64_t taken_ns = probe_now_ns() - begin_ns;
        best_ns = taken_ns < best_ns ? taken_ns : best_ns;
    }
    /* Nothing of it may be seen: the slot, its histogram and its ring are as new again. */
    if (self->ring)
        memset(self->ring, 0, probe.layout.ring_stride);
    memset(hist_at(0), 0, sizeof(*hist_at(0)));
    memset(self->shared, 0, sizeof(*self->shared));
    memset(self, 0, probe.private->thread_stride);
    probe.header->rings_used = 0;
    return best_ns * 1000 / SPANS;
}
