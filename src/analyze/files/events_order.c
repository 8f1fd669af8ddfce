/* events_order.c: rows in the order of their times.
 *
 * Several threads write such a log, so that rows come a little out of order: a heap holds those of
 * the last second. A row that is later than that is set aside: when the next ones are later, too,
 * the clock jumped back (or the log was begun again) and they open a new segment; when the log goes
 * on where it was, it is a straggler: counted, but its time is not used.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/files/events_internal.h"
#include "base/util.h"

static bool is_before(const struct event_row *a, const struct event_row *b)
{
    return a->s < b->s || (a->s == b->s && a->seq < b->seq);
}

static int heap_push(struct events *events, const struct event_row *row)
{
    if (array_reserve(&events->window, &events->window_capacity, events->window_count + 1,
                      sizeof(*events->window)) < 0)
        return -ERROR_NOMEM;
    struct event_row *heap = events->window;
    size_t at = events->window_count++;
    for (; at > 0 && is_before(row, &heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = *row;
    return 0;
}

static struct event_row heap_pop(struct events *events)
{
    struct event_row *heap = events->window;
    struct event_row first = heap[0], last = heap[--events->window_count];
    size_t count = events->window_count, at = 0;
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && is_before(&heap[child + 1], &heap[child]))
            child++;
        if (!is_before(&heap[child], &last))
            break;
        heap[at] = heap[child];
    }
    heap[at] = last;
    return first;
}

/* Counts the rows up to `until`, and more where too many wait. */
static int release(struct events *events, double until)
{
    while (events->window_count > 0 &&
           (events->window[0].s <= until || events->window_count > EVENTS_WINDOW_MAX)) {
        struct event_row row = heap_pop(events);
        if (events->starts != EVENT_STARTS_NOT) {
            int begun = events_begin_segment(events, row.s);
            if (begun < 0)
                return begun;
        }
        /* Only where too many waited: it would have come before what is counted already. */
        row.s = fmax(row.s, events->now_s);
        int rc = events_take(events, &row);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int release_late(struct events *events)
{
    size_t count = events->late_count;
    events->late_count = 0;
    if (count > 0 && events->starts != EVENT_STARTS_NOT && events->window_count > 0) {
        int rc = release(events, events->window[0].s);
        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; i < count; i++) {
        struct event_row row = events->late[i];
        event_note(events, ANOMALY_LATE, row.seq);
        row.is_late = true;
        row.s = events->now_s;
        int rc = events_take(events, &row);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* The next row opens a segment; where that begins is known when the first row is released. */
static int start_segment(struct events *events, const struct event_row *row, enum event_starts why)
{
    int rc = release(events, INFINITY);
    if (rc == 0 && events->segment_count > 0)
        rc = events_end_segment(events);
    events->starts = why;
    events->starts_seq = row->seq;
    events->newest_s = row->s;
    return rc;
}

/* All that was set aside opens a new segment. */
static int jump_back(struct events *events)
{
    struct event_row rows[EVENTS_LATE_MAX];
    size_t count = events->late_count;
    memcpy(rows, events->late, count * sizeof(*rows));
    events->late_count = 0;
    int rc = start_segment(events, &rows[0], EVENT_STARTS_BACK);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = events_push(events, &rows[i]);
    return rc;
}

int events_push(struct events *events, const struct event_row *row)
{
    int rc = 0;
    if (events->segment_count == 0 && events->starts == EVENT_STARTS_NOT)
        rc = start_segment(events, row, EVENT_STARTS_FIRST);
    if (rc < 0)
        return rc;
    if (row->s < events->newest_s - EVENTS_TOLERANCE_S) {
        events->late[events->late_count++] = *row;
        return events->late_count == EVENTS_LATE_MAX ? jump_back(events) : 0;
    }
    if (events->late_count > 0)
        rc = release_late(events);
    if (rc == 0 && row->s > events->newest_s + EVENTS_PAUSE_S)
        rc = start_segment(events, row, EVENT_STARTS_PAUSE);
    if (row->s < events->newest_s)
        event_note(events, ANOMALY_OUT_OF_ORDER, row->seq);
    events->newest_s = fmax(events->newest_s, row->s);
    if (rc == 0)
        rc = heap_push(events, row);
    return rc < 0 ? rc : release(events, events->newest_s - EVENTS_TOLERANCE_S);
}

int events_flush(struct events *events)
{
    int rc = release(events, INFINITY);
    if (rc == 0)
        rc = release_late(events);
    if (rc == 0 && events->segment_count > 0)
        rc = events_end_segment(events);
    return rc;
}
