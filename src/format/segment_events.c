/* segment_events.c: recent events from the rings of all threads. */
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "format/segment_internal.h"

#define CHUNK 256 /* events copied at a time, and then once more */

/* Where a ring stands, made sense of. False: it holds nothing that could be read. */
static bool read_ring(struct segment *segment, uint32_t index, uint64_t *ret_head,
                      uint32_t *ret_count, struct error *err)
{
    struct tacho_segment_ring ring;
    uint64_t offset = segment->rings.offset + index * segment->rings.stride;
    if (segment_copy(segment, offset, &ring, sizeof(ring), err) < 0)
        return false;
    uint64_t room = (segment->rings.stride - sizeof(ring)) / sizeof(struct tacho_segment_event);
    if (ring.count == 0 || (ring.count & (ring.count - 1)) != 0 || ring.count > room)
        return false;
    *ret_head = ring.head;
    *ret_count = ring.count;
    return true;
}

/* Takes events first..first+n-1 of a ring, which lie behind one another in the file: those of which
 * two copies agree. Returns how many were good. */
static ssize_t take_chunk(const struct segment *segment, uint32_t ring, uint64_t offset,
                          uint64_t first, size_t n, struct segment_event *events, struct error *err)
{
    struct tacho_segment_event before[CHUNK], after[CHUNK];
    size_t good = 0;
    if (segment_copy(segment, offset, before, n * sizeof(before[0]), err) < 0 ||
        segment_copy(segment, offset, after, n * sizeof(after[0]), err) < 0)
        return -ERROR_IO;
    for (size_t i = 0; i < n; i++) {
        const struct tacho_segment_event *event = &before[i];
        if (event->seq != 2 * (first + i) + 2 || memcmp(event, &after[i], sizeof(*event)) != 0 ||
            event->name >= segment->view.channel_count || !segment->channels[event->name].name[0])
            continue;
        events[good++] = (struct segment_event){.channel = event->name,
                                                .ring = ring,
                                                .flags = event->flags,
                                                .depth = event->depth,
                                                .begin_ns = event->begin_ns,
                                                .duration_ns = event->duration_ns};
    }
    return (ssize_t)good;
}

static ssize_t take_ring(struct segment *segment, uint32_t index, struct segment_event *events,
                         size_t capacity, uint64_t *lost, struct error *err)
{
    uint64_t head, *next = &segment->event_next[index];
    uint32_t count;
    size_t taken = 0;
    if (!read_ring(segment, index, &head, &count, err))
        return err && err->code ? -err->code : 0;
    if (head < *next) /* it only grows; whatever this is, begin anew behind it */
        *next = head;
    if (head - *next > count) {
        *lost += head - count - *next;
        *next = head - count;
    }
    while (*next < head && taken < capacity) {
        uint64_t place = *next & (count - 1);
        uint64_t n = u64_min(u64_min(head - *next, count - place), CHUNK);
        n = u64_min(n, capacity - taken);
        uint64_t offset = segment->rings.offset + index * segment->rings.stride +
                          sizeof(struct tacho_segment_ring) +
                          place * sizeof(struct tacho_segment_event);
        ssize_t good = take_chunk(segment, index, offset, *next, (size_t)n, events + taken, err);
        if (good < 0)
            return good;
        *lost += n - (uint64_t)good;
        *next += n;
        taken += (size_t)good;
    }
    return (ssize_t)taken;
}

static int by_end(const void *a, const void *b)
{
    const struct segment_event *left = a, *right = b;
    uint64_t left_ns = left->begin_ns + left->duration_ns;
    uint64_t right_ns = right->begin_ns + right->duration_ns;
    return left_ns < right_ns ? -1 : left_ns > right_ns;
}

ssize_t segment_take_events(struct segment *segment, struct segment_event *events, size_t capacity,
                            uint64_t *ret_lost, struct error *err)
{
    struct error own = {0};
    uint64_t lost = 0;
    size_t taken = 0;
    int rc = segment_check_size(segment, &own);
    for (uint32_t i = 0; i < segment->rings.count && rc == 0; i++) {
        ssize_t n = take_ring(segment, i, events + taken, capacity - taken, &lost, &own);
        rc = n < 0 ? (int)n : 0;
        taken += n > 0 ? (size_t)n : 0;
    }
    if (rc < 0) {
        if (err)
            *err = own;
        return rc;
    }
    qsort(events, taken, sizeof(*events), by_end);
    *ret_lost = lost;
    return (ssize_t)taken;
}
