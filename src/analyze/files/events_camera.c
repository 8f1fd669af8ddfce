/* events_camera.c: when a camera saw something, and its gaps. */
#include <math.h>

#include "analyze/files/events_internal.h"

/* From its last row to now; `cam` may be EVENTS_ALL. */
static struct event_gap gap_of(const struct events *events, size_t cam, double end_s, bool is_edge)
{
    const struct event_camera *camera = &events->cam[cam];
    return (struct event_gap){.begin_s = camera->last_s,
                              .end_s = end_s,
                              .visits = events->visits - camera->visits_then,
                              .rows = events->seen - camera->seen_then,
                              .segment = (uint32_t)events->segment_count - 1,
                              .is_edge = is_edge};
}

static int seen_by(struct events *events, size_t cam, double s)
{
    struct event_camera *camera = &events->cam[cam];
    int rc = 0;
    bool is_edge = !camera->is_in_segment;
    if (s > camera->last_s) {
        struct event_gap gap = gap_of(events, cam, s, is_edge);
        event_gaps_offer(&camera->longest, &gap);
        if (!is_edge)
            rc = event_values_add(&camera->gaps, &events->gap_budget, s - camera->last_s);
    }
    camera->last_s = s;
    camera->is_in_segment = true;
    return rc;
}

int event_camera_seen(struct events *events, const struct event_row *row)
{
    int rc = seen_by(events, EVENTS_ALL, row->s);
    if (rc == 0 && row->cam != EVENTS_NONE)
        rc = seen_by(events, row->cam, row->s);
    events->cam[EVENTS_ALL].seen_then = ++events->seen;
    if (row->cam == EVENTS_NONE)
        return rc;
    struct event_camera *camera = &events->cam[row->cam];
    camera->seen_then = events->seen;
    camera->visits_then = events->visits; /* grows when this row is the parcel's first one here */
    return rc;
}

void event_camera_begin_segment(struct events *events, double s)
{
    for (size_t i = 0; i <= EVENTS_CAMS_MAX; i++) {
        struct event_camera *camera = &events->cam[i];
        camera->last_s = s;
        camera->visits_then = events->visits;
        camera->seen_then = events->seen;
        camera->is_in_segment = false;
    }
}

/* What was silent until the end. A camera that never saw anything in the log is none. */
void event_camera_end_segment(struct events *events, double s)
{
    for (size_t i = 0; i < events->cams.count; i++) {
        if (s <= events->cam[i].last_s)
            continue;
        struct event_gap gap = gap_of(events, i, s, true);
        event_gaps_offer(&events->cam[i].longest, &gap);
    }
}
