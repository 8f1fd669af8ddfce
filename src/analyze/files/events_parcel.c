/* events_parcel.c: what becomes of a parcel: where it was seen, how it ended, how long it took. */
#include <math.h>
#include <strings.h>

#include "analyze/files/events_internal.h"
#include "base/util.h"

/* ---- which parcel ---- */

/* An id that comes again long after its end, or its last row, stands for another parcel. */
static bool is_another(const struct events *events, const struct event_parcel *parcel, double s)
{
    if (parcel->last_segment + 1 != events->segment_count)
        return parcel->end != EVENT_OPEN;
    if (parcel->end != EVENT_OPEN && s - parcel->end_s >= EVENTS_ENDED_AGAIN_S)
        return true;
    return s - parcel->last_s >= EVENTS_SEEN_AGAIN_S;
}

static struct event_parcel *parcel_of(struct events *events, const struct event_row *row,
                                      uint64_t *ret_new)
{
    struct event_id *id = &events->ids.items[row->id - 1];
    if (id->parcel != EVENTS_NO_PARCEL) {
        struct event_parcel *parcel = &events->parcels[id->parcel];
        if (!is_another(events, parcel, row->s))
            return parcel;
        event_note(events, ANOMALY_ID_AGAIN, row->seq);
    }
    if (events->parcel_count >= EVENTS_NO_PARCEL ||
        array_reserve(&events->parcels, &events->parcel_capacity, events->parcel_count + 1,
                      sizeof(*events->parcels)) < 0)
        return NULL;
    id->parcel = (uint32_t)events->parcel_count;
    struct event_parcel *parcel = &events->parcels[events->parcel_count++];
    uint32_t segment = (uint32_t)events->segment_count - 1;
    *parcel = (struct event_parcel){.first_s = row->s,
                                    .tracking_s = NAN,
                                    .matched_s = NAN,
                                    .end_s = NAN,
                                    .last_s = row->s,
                                    .cam_s = NAN,
                                    .change_s = {NAN, NAN, NAN, NAN},
                                    .first_seq = row->seq,
                                    .id = row->id - 1,
                                    .segment = segment,
                                    .last_segment = segment,
                                    .cam = EVENTS_NONE};
    *ret_new = 1;
    if (++events->open > events->open_peak) {
        events->open_peak = events->open;
        events->open_peak_s = row->s;
    }
    return parcel;
}

/* ---- tracks ---- */

/* The track becomes one of this parcel; counts it once for each of the two. */
static int join(struct events *events, struct event_track *track, struct event_parcel *parcel,
                uint64_t seq)
{
    uint32_t number = (uint32_t)(parcel - events->parcels);
    if (track->parcel == number)
        return 0;
    uint32_t before = track->parcel;
    track->parcel = number;
    if (before == EVENTS_NO_PARCEL) {
        events->tracks_with_parcel++;
    } else {
        /* Both pairs are remembered, so that going back and forth counts no third one. */
        for (size_t i = 0; i < 2; i++) {
            uint64_t parts[] = {track->key, i == 0 ? before : number};
            uint64_t key = event_hash((const char *)parts, sizeof(parts), 1);
            struct event_track *pair = event_tracks_get(&events->pairs, key);
            if (!pair)
                return -ERROR_NOMEM;
            if (pair->key && i == 1)
                return 0;
            pair->key = key;
        }
        if (track->parcels == 1) {
            events->tracks_switched++;
            event_note(events, ANOMALY_SWITCHED, seq);
        }
    }
    track->parcels += track->parcels < UINT16_MAX;
    parcel->tracks += parcel->tracks < UINT16_MAX;
    events->track_pairs++;
    events->track_parcels_max = u64_max(events->track_parcels_max, track->parcels);
    return 0;
}

/* *ret_first_s: when the camera began to follow it, under no id as a rule; NaN: no local_uid, or
 * the track was another parcel's before. */
static int track_seen(struct events *events, const struct event_row *row,
                      struct event_parcel *parcel, double *ret_first_s)
{
    *ret_first_s = NAN;
    if (!row->track || !row->is_seen || row->is_late)
        return 0;
    uint32_t segment = (uint32_t)events->segment_count - 1;
    struct event_track *track = event_tracks_get(&events->tracks, row->track);
    if (!track)
        return -ERROR_NOMEM;
    bool is_new =
        !track->key || track->segment != segment || row->s - track->last_s >= EVENTS_ENDED_AGAIN_S;
    if (is_new) {
        *track = (struct event_track){
            .key = row->track, .first_s = row->s, .parcel = EVENTS_NO_PARCEL, .segment = segment};
        if (row->cam != EVENTS_NONE)
            events->cam[row->cam].tracks++;
    } else if (track->last_s == row->s && track->last_kind == row->kind) {
        event_note(events, ANOMALY_REPEATED, row->seq);
    }
    track->last_s = row->s;
    track->last_kind = row->kind;
    double first_s = track->first_s;
    int rc = parcel ? join(events, track, parcel, row->seq) : 0;
    *ret_first_s = track->parcels <= 1 ? first_s : NAN;
    return rc;
}

/* ---- cameras ---- */

/* It came to the camera when that began to follow it, even if it had no id then. */
static int visit(struct events *events, struct event_parcel *parcel, const struct event_row *row,
                 double track_s)
{
    if (row->cam == EVENTS_NONE || !row->is_seen || row->is_late ||
        parcel->cams & (uint64_t)1 << row->cam)
        return 0;
    parcel->cams |= (uint64_t)1 << row->cam;
    events->cam[row->cam].visits++;
    events->cam[row->cam].visits_then = ++events->visits;
    uint8_t from = parcel->cam;
    double came_s = isnan(track_s) ? row->s : track_s;
    double travel_s = came_s - parcel->cam_s;
    bool is_timed = parcel->segment + 1 == events->segment_count;
    parcel->cam = row->cam;
    parcel->cam_s = came_s;
    if (!is_timed)
        return 0;
    int rc = event_values_add(&events->lags, &events->budget, came_s - parcel->first_s);
    if (rc < 0 || from == EVENTS_NONE)
        return rc;
    struct event_values **edge = &events->edges[from * EVENTS_CAMS_MAX + row->cam];
    if (!*edge)
        *edge = calloc(1, sizeof(**edge));
    return *edge ? event_values_add(*edge, &events->budget, travel_s) : -ERROR_NOMEM;
}

static void take_route(const struct events *events, struct event_parcel *parcel, uint16_t route)
{
    if (route == 0 || route == parcel->route)
        return;
    bool is_unknown = strcasecmp(events->routes.name[route], "UNKNOWN") == 0;
    bool was_unknown =
        parcel->route == 0 || strcasecmp(events->routes.name[parcel->route], "UNKNOWN") == 0;
    if (is_unknown && parcel->route != 0)
        return;
    if (!was_unknown)
        parcel->flags |= PARCEL_ROUTE_CHANGED;
    parcel->route = route;
}

/* ---- life cycle ---- */

static int step(struct events *events, enum event_step which, double from_s, double to_s)
{
    if (isnan(from_s) || isnan(to_s))
        return 0;
    return event_values_add(&events->steps[which], &events->budget, to_s - from_s);
}

static int matched(struct events *events, struct event_parcel *parcel, double s, double track_s,
                   bool is_timed)
{
    if (!isnan(parcel->matched_s))
        return 0;
    parcel->matched_s = s;
    double first_s = fmin(parcel->tracking_s, track_s); /* of two: fmin leaves NaN out */
    if (!is_timed || isnan(first_s))
        return 0;
    return step(events, STEP_MATCHED, first_s, s);
}

static int ended(struct events *events, struct event_parcel *parcel, const struct event_row *row,
                 bool is_timed)
{
    if (parcel->end != EVENT_OPEN) {
        if (!(parcel->flags & PARCEL_ENDED_TWICE))
            event_note(events, ANOMALY_ENDED_TWICE, row->seq);
        parcel->flags |= PARCEL_ENDED_TWICE;
        return 0;
    }
    bool is_pickup = row->kind == EVENT_PICKUP;
    parcel->end = is_pickup ? EVENT_PICKED : EVENT_DISAPPEARED;
    parcel->end_s = row->s;
    events->open--;
    if (!is_timed)
        return 0;
    int rc = step(events, is_pickup ? STEP_PICKUP : STEP_DISAPPEAR, parcel->matched_s, row->s);
    return rc < 0 ? rc : step(events, STEP_PRESENT, parcel->first_s, row->s);
}

/* MATCHED, MISSING, PICKUP, DISAPPEAR: told once, so a second time within a second is a duplicate.
 */
static bool is_duplicate(const struct events *events, struct event_parcel *parcel,
                         const struct event_row *row)
{
    double *last_s = &parcel->change_s[row->kind - EVENT_MATCHED];
    bool is_same =
        parcel->last_segment + 1 == events->segment_count && row->s - *last_s <= EVENTS_DUPLICATE_S;
    *last_s = row->s;
    return is_same;
}

static int live(struct events *events, struct event_parcel *parcel, const struct event_row *row,
                double track_s)
{
    bool is_end = row->kind == EVENT_PICKUP || row->kind == EVENT_DISAPPEAR;
    bool is_timed = !row->is_late && parcel->segment + 1 == events->segment_count;
    if (row->kind >= EVENT_MATCHED && row->kind <= EVENT_DISAPPEAR &&
        is_duplicate(events, parcel, row)) {
        event_note(events, ANOMALY_DUPLICATE, row->seq);
        return 0;
    }
    if (!is_end && parcel->end != EVENT_OPEN && row->is_seen && !row->is_late &&
        row->s - parcel->end_s > EVENTS_DUPLICATE_S && !(parcel->flags & PARCEL_SEEN_AFTER_END)) {
        parcel->flags |= PARCEL_SEEN_AFTER_END;
        event_note(events, ANOMALY_SEEN_AFTER_END, row->seq);
    }
    if (row->kind == EVENT_TRACKING && isnan(parcel->tracking_s) && is_timed)
        parcel->tracking_s = row->s;
    if (row->kind == EVENT_MATCHED)
        return matched(events, parcel, row->s, track_s, is_timed);
    return is_end ? ended(events, parcel, row, is_timed) : 0;
}

int event_parcel_seen(struct events *events, const struct event_row *row, uint64_t *ret_new)
{
    struct event_parcel *parcel = NULL;
    double track_s;
    if (row->id) {
        parcel = parcel_of(events, row, ret_new);
        if (!parcel)
            return -ERROR_NOMEM;
    }
    int rc = track_seen(events, row, parcel, &track_s);
    if (rc < 0 || !parcel)
        return rc;
    unsigned bit = row->kind < EVENT_KIND_COUNT ? row->kind : EVENT_KIND_COUNT;
    if (!(parcel->kinds >> bit & 1))
        events->kind_parcels[bit]++;
    parcel->kinds |= (uint8_t)(1u << bit);
    if (*ret_new && (row->kind == EVENT_PICKUP || row->kind == EVENT_DISAPPEAR)) {
        parcel->flags |= PARCEL_BEGAN_WITH_END;
        event_note(events, ANOMALY_BEGAN_WITH_END, row->seq);
    }
    take_route(events, parcel, row->route);
    rc = visit(events, parcel, row, track_s);
    if (rc == 0)
        rc = live(events, parcel, row, track_s);
    parcel->last_s = row->s;
    parcel->last_segment = (uint32_t)events->segment_count - 1;
    return rc;
}
