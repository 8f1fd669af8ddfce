/* growth_tracker.c: ten hours of samples as at most GROWTH_FLOORS_MAX windows (growth.h).
 *
 * Windows stand on a grid. When there is no room for another one, their width doubles and
 * neighbours are put together, so a floor is always the least of all samples of its window, however
 * often that happened.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "stats/growth_internal.h"

int growth_tracker_init(struct growth_tracker *tracker, double window_s, size_t work_count)
{
    *tracker = (struct growth_tracker){.work_count = work_count < GROWTH_WORK_MAX ? work_count
                                                                                  : GROWTH_WORK_MAX,
                                       .window_s = window_s > 0 ? window_s : 1};
    tracker->floors = calloc(GROWTH_FLOORS_MAX, sizeof(*tracker->floors));
    return tracker->floors ? 0 : -1;
}

void growth_tracker_deinit(struct growth_tracker *tracker)
{
    free(tracker->floors);
    *tracker = (struct growth_tracker){0};
}

void growth_tracker_reset(struct growth_tracker *tracker)
{
    tracker->count = 0;
    tracker->samples = tracker->left_out = 0;
}

static double slot_of(const struct growth_tracker *tracker, double t_s)
{
    return floor((t_s - tracker->begin_s) / tracker->window_s + 1e-9);
}

static void join(struct growth_floor *into, const struct growth_floor *from)
{
    if (from->floor_mb < into->floor_mb) {
        into->floor_mb = from->floor_mb;
        into->floor_s = from->floor_s;
        memcpy(into->work, from->work, sizeof(into->work));
    }
    into->top_mb = fmax(into->top_mb, from->top_mb);
    into->last_s = from->last_s;
    into->n += from->n;
}

static void double_width(struct growth_tracker *tracker)
{
    size_t count = 0;
    tracker->window_s *= 2;
    for (size_t i = 0; i < tracker->count; i++) {
        const struct growth_floor *floor = &tracker->floors[i];
        if (count > 0 && slot_of(tracker, tracker->floors[count - 1].first_s) ==
                             slot_of(tracker, floor->first_s))
            join(&tracker->floors[count - 1], floor);
        else
            tracker->floors[count++] = *floor;
    }
    tracker->count = count;
}

void growth_tracker_add(struct growth_tracker *tracker, double t_s, double mb, const double *work)
{
    struct growth_floor *last = tracker->count > 0 ? &tracker->floors[tracker->count - 1] : NULL;
    if (!isfinite(t_s) || !isfinite(mb) || (last && t_s < last->last_s)) {
        tracker->left_out++;
        return;
    }
    struct growth_floor sample = {
        .first_s = t_s, .last_s = t_s, .floor_mb = mb, .floor_s = t_s, .top_mb = mb, .n = 1};
    for (size_t i = 0; i < tracker->work_count; i++)
        sample.work[i] = work ? work[i] : NAN;
    tracker->samples++;
    if (!last)
        tracker->begin_s = t_s;
    /* Samples with long holes between them take a window each, whatever its width: so once more. */
    while (tracker->count == GROWTH_FLOORS_MAX &&
           slot_of(tracker, t_s) != slot_of(tracker, tracker->floors[tracker->count - 1].first_s))
        double_width(tracker);
    last = tracker->count > 0 ? &tracker->floors[tracker->count - 1] : NULL;
    if (last && slot_of(tracker, t_s) == slot_of(tracker, last->first_s))
        join(last, &sample);
    else
        tracker->floors[tracker->count++] = sample;
}

int growth_tracker_judge(const struct growth_tracker *tracker, const struct growth_options *options,
                         struct growth_verdict *ret)
{
    static const struct growth_options defaults;
    return growth_judge(tracker->floors, tracker->count, tracker->work_count,
                        options ? options : &defaults, ret);
}

int growth_of(const double *t_s, const double *mb, size_t n, const double *const *work,
              size_t work_count, const struct growth_options *options, struct growth_verdict *ret)
{
    CLEANUP(growth_tracker_deinit) struct growth_tracker tracker = {0};
    /* The finest grid that holds all of it, so that no window is wider than it must be. */
    double span_s = n > 1 ? t_s[n - 1] - t_s[0] : 0;
    double window_s = isfinite(span_s) && span_s > 0 ? span_s / (GROWTH_FLOORS_MAX - 2) : 1;
    if (growth_tracker_init(&tracker, window_s, work_count) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        double counters[GROWTH_WORK_MAX];
        for (size_t j = 0; j < tracker.work_count; j++)
            counters[j] = work[j][i];
        growth_tracker_add(&tracker, t_s[i], mb[i], counters);
    }
    return growth_tracker_judge(&tracker, options, ret);
}

bool growth_is_leak(enum growth_class class)
{
    return class == GROWTH_LINEAR_LEAK || class == GROWTH_ACCELERATING || class == GROWTH_WITH_WORK;
}

const char *growth_class_name(enum growth_class class)
{
    static const char *const names[GROWTH_CLASS_COUNT] = {
        [GROWTH_TOO_SHORT] = "too-short",
        [GROWTH_NONE] = "none",
        [GROWTH_UNEVEN] = "uneven",
        [GROWTH_WARMING] = "warming",
        [GROWTH_DECELERATING] = "decelerating",
        [GROWTH_STEPS] = "steps",
        [GROWTH_LINEAR_LEAK] = "linear-leak",
        [GROWTH_ACCELERATING] = "accelerating",
        [GROWTH_WITH_WORK] = "with-work",
    };
    return (unsigned)class < GROWTH_CLASS_COUNT ? names[class] : "unknown";
}
