/* events_take.c: a row in the order of time is counted: segments, bins, kinds; then the camera's
 * and the parcel's parts. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/files/events_internal.h"
#include "base/util.h"

#define MINUTE_S 60.0

void event_note(struct events *events, enum event_anomaly what, uint64_t seq)
{
    struct event_seen *seen = &events->anomalies[what];
    if (seen->count++ == 0)
        seen->first_seq = seq;
}

double events_covered_s(const struct events *events)
{
    double sum = 0;
    for (size_t i = 0; i < events->segment_count; i++)
        sum += events->segments[i].end_s - events->segments[i].begin_s;
    return sum;
}

/* ---- seconds ---- */

static int rate_add(struct events *events, struct event_rate *rate, uint64_t count, double covered)
{
    const struct event_second *second = &events->second;
    if (covered < EVENTS_COVERED_MIN)
        return 0;
    double value = (double)count / covered;
    if (covered >= 1)
        moments_add(&rate->full, (double)count);
    if (rate->values.n == 0 || value > rate->peak) {
        rate->peak = value;
        rate->peak_s = (double)second->second;
    }
    return event_values_add(&rate->values, &events->budget, value);
}

/* The second is over, or the segment is, at `end_s`. */
static int end_second(struct events *events, double end_s)
{
    struct event_second *second = &events->second;
    double covered = end_s - second->begin_s;
    int rc = rate_add(events, &events->second_parcels, second->parcels, covered);
    if (rc == 0)
        rc = rate_add(events, &events->second_rows, second->rows, covered);
    *second = (struct event_second){.second = second->second + 1};
    second->begin_s = (double)second->second;
    return rc;
}

/* ---- minutes ---- */

static int begin_bin(struct events *events, int64_t minute)
{
    if (array_reserve(&events->bins, &events->bin_capacity, events->bin_count + 1,
                      sizeof(*events->bins)) < 0)
        return -ERROR_NOMEM;
    events->bins[events->bin_count++] =
        (struct event_bin){.minute = minute, .segment = (uint32_t)events->segment_count - 1};
    return 0;
}

/* Time goes on to s, at most EVENTS_PAUSE_S. */
static int advance(struct events *events, double s)
{
    events->open_area_s += (double)events->open * (s - events->now_s);
    int64_t second = (int64_t)floor(s), minute = (int64_t)floor(s / MINUTE_S);
    int rc = 0;
    while (rc == 0 && events->second.second < second)
        rc = end_second(events, (double)events->second.second + 1);
    while (rc == 0 && events->bins[events->bin_count - 1].minute < minute)
        rc = begin_bin(events, events->bins[events->bin_count - 1].minute + 1);
    events->now_s = s;
    return rc;
}

int events_begin_segment(struct events *events, double s)
{
    if (array_reserve(&events->segments, &events->segment_capacity, events->segment_count + 1,
                      sizeof(*events->segments)) < 0)
        return -ERROR_NOMEM;
    events->segments[events->segment_count++] = (struct event_segment){
        .begin_s = s, .end_s = s, .first_seq = events->starts_seq, .why = events->starts};
    events->starts = EVENT_STARTS_NOT;
    events->now_s = s;
    events->second = (struct event_second){.second = (int64_t)floor(s), .begin_s = s};
    event_camera_begin_segment(events, s);
    return begin_bin(events, (int64_t)floor(s / MINUTE_S));
}

int events_end_segment(struct events *events)
{
    events->segments[events->segment_count - 1].end_s = events->now_s;
    event_camera_end_segment(events, events->now_s);
    return end_second(events, events->now_s);
}

int events_periods(const struct events *events, int64_t minutes, struct event_period **ret,
                   size_t *ret_count)
{
    struct event_period *periods = calloc(events->bin_count + 1, sizeof(*periods));
    size_t count = 0;
    int64_t last = 0;
    if (!periods)
        return -ERROR_NOMEM;
    for (size_t i = 0; i < events->bin_count; i++) {
        const struct event_bin *bin = &events->bins[i];
        const struct event_segment *segment = &events->segments[bin->segment];
        int64_t first = bin->minute - (bin->minute % minutes + minutes) % minutes;
        if (count == 0 || first != last || periods[count - 1].segment != bin->segment)
            periods[count++] =
                (struct event_period){.begin_s = (double)first * MINUTE_S, .segment = bin->segment};
        last = first;
        double begin = (double)bin->minute * MINUTE_S, end = begin + MINUTE_S;
        periods[count - 1].covered_s += fmin(end, segment->end_s) - fmax(begin, segment->begin_s);
        periods[count - 1].parcels += bin->parcels;
        periods[count - 1].rows += bin->rows;
    }
    *ret = periods;
    *ret_count = count;
    return 0;
}

/* ---- a row ---- */

/* What the file covers: a time that is not used is no part of it. */
static void cover(struct events *events, const struct event_row *row)
{
    size_t file = row->seq >> 40;
    if (file >= events->analysis->input_count) /* out of memory for it: the analysis has failed */
        return;
    struct analysis_input *input = events->analysis->inputs[file];
    input->begin_s = fmin(input->begin_s, row->s);
    input->end_s = fmax(input->end_s, row->s);
}

int events_take(struct events *events, const struct event_row *row)
{
    uint64_t is_new = 0;
    if (!row->is_late)
        cover(events, row);
    int rc = advance(events, row->s);
    if (rc < 0)
        return rc;
    struct event_bin *bin = &events->bins[events->bin_count - 1];
    bin->rows++;
    events->second.rows++;
    events->rows++;
    events->kind_rows[row->kind]++;
    events->route_rows[row->route]++;
    if (row->cam != EVENTS_NONE)
        events->cam[row->cam].rows++;
    if (row->is_seen && !row->is_late)
        rc = event_camera_seen(events, row);
    if (rc == 0)
        rc = event_parcel_seen(events, row, &is_new);
    bin->parcels += (uint32_t)is_new;
    events->second.parcels += is_new;
    return rc;
}
