/* events_silence.c: which gaps of a camera are no accident.
 *
 * A gap is one when both hold:
 *   it is longer than EVENTS_SILENCE_FACTOR times the p99.9 of the camera's other gaps;
 *   by what the other cameras saw meanwhile, this one should have seen so many parcels (expected)
 *   that none at all would be rarer than EVENTS_CHANCE among all gaps of the camera: with arrivals
 *   at random, the chance of none is exp(-expected) for one gap, and (visits + 1) times that for
 *   one of them. Without it, an outage could not be told from a slow hour: most gaps of a log are
 *   those between two frames, so that p99.9 says little about those between two parcels.
 * The p99.9 is that of the gaps that are neither so rare nor hold a silence of all cameras: in a
 * log of a thousand rows the outage itself would be its own p99.9. Of all cameras together,
 * `expected` comes from the mean rate of the log. Where no row has an id, only the first rule can
 * be asked.
 */
#include <math.h>
#include <stdlib.h>

#include "analyze/files/events_internal.h"
#include "base/util.h"

/* Of a gap, what counts. */
static double length_of(const struct events *events, const struct event_gap *gap)
{
    double length_s = gap->end_s - gap->begin_s;
    return gap->is_edge ? fmax(0, length_s - events->lag_s) : length_s;
}

/* Parcels that the camera should have seen. NaN: not known. */
static double expected_of(const struct events *events, size_t cam, const struct event_gap *gap)
{
    const struct event_camera *camera = &events->cam[cam];
    double covered_s = events_covered_s(events), length_s = gap->end_s - gap->begin_s;
    if (events->visits == 0)
        return NAN;
    if (cam == EVENTS_ALL)
        return (double)events->parcel_count / (covered_s - length_s) * length_s;
    uint64_t others = events->visits - camera->visits;
    if (others <= gap->visits)
        return NAN;
    double share = length_s > 0 ? length_of(events, gap) / length_s : 0;
    return share * (double)gap->visits * (double)camera->visits / (double)(others - gap->visits);
}

static double chance_of(const struct events *events, size_t cam, double expected)
{
    uint64_t visits = cam == EVENTS_ALL ? events->parcel_count : events->cam[cam].visits;
    return fmin(1, (double)(visits + 1) * exp(-expected));
}

static int add_silence(struct events *events, const struct event_silence *silence)
{
    if (array_reserve(&events->silences, &events->silence_capacity, events->silence_count + 1,
                      sizeof(*events->silences)) < 0)
        return -ERROR_NOMEM;
    events->silences[events->silence_count++] = *silence;
    return 0;
}

/* Without others that went on, a camera's gap is not its own. */
static bool may_be(const struct events *events, size_t cam, const struct event_gap *gap,
                   double *ret_expected, double *ret_chance)
{
    *ret_expected = expected_of(events, cam, gap);
    *ret_chance = chance_of(events, cam, *ret_expected);
    if (cam != EVENTS_ALL && gap->rows == 0)
        return false;
    return events->visits == 0 || *ret_chance < EVENTS_CHANCE;
}

static bool holds_silence(const struct events *events, const struct event_gap *gap)
{
    for (size_t i = 0; i < events->silence_count; i++) {
        const struct event_silence *silence = &events->silences[i];
        if (silence->cam == EVENTS_ALL && silence->begin_s < gap->end_s &&
            silence->end_s > gap->begin_s)
            return true;
    }
    return false;
}

static int judge_camera(struct events *events, size_t cam)
{
    const struct event_camera *camera = &events->cam[cam];
    double lengths[EVENTS_GAPS_MAX], expected, chance, usual_s;
    size_t count = 0;
    for (size_t i = 0; i < camera->longest.count && events->visits > 0; i++) {
        const struct event_gap *gap = &camera->longest.longest[i];
        if (!gap->is_edge &&
            (may_be(events, cam, gap, &expected, &chance) || holds_silence(events, gap)))
            lengths[count++] = gap->end_s - gap->begin_s;
    }
    if (event_quantile_without(&camera->gaps, 0.999, lengths, count, &usual_s) < 0)
        return -ERROR_NOMEM;
    for (size_t i = 0; i < camera->longest.count; i++) {
        const struct event_gap *gap = &camera->longest.longest[i];
        if (!may_be(events, cam, gap, &expected, &chance) ||
            !(length_of(events, gap) > EVENTS_SILENCE_FACTOR * usual_s))
            continue;
        struct event_silence silence = {
            .kind = cam == EVENTS_ALL ? SILENCE_ALL : SILENCE_CAMERA,
            .cam = cam,
            .begin_s = gap->begin_s,
            .end_s = gap->end_s,
            .usual_s = usual_s,
            .expected = expected,
            .chance = events->visits > 0 ? chance : NAN,
            .others_rows = gap->rows,
            .missing_s = NAN,
        };
        int rc = add_silence(events, &silence);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int by_begin(const void *a, const void *b)
{
    const struct event_silence *x = a, *y = b;
    if (x->begin_s != y->begin_s)
        return x->begin_s < y->begin_s ? -1 : 1;
    return x->cam < y->cam ? -1 : x->cam > y->cam;
}

int events_find_silences(struct events *events)
{
    struct event_spread lags;
    if (event_spread_of(&events->lags, false, &lags) < 0)
        return -ERROR_NOMEM;
    events->lag_s = lags.n > 0 ? lags.p99_9 : 0;
    int rc = judge_camera(events, EVENTS_ALL); /* first: see holds_silence */
    for (size_t i = 0; i < events->cams.count && rc == 0; i++)
        rc = judge_camera(events, i);
    if (rc == 0 && events->silence_count > 0)
        qsort(events->silences, events->silence_count, sizeof(*events->silences), by_begin);
    return rc;
}
