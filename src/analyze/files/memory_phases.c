/* memory_phases.c: the course of memory, phase by phase: start-up, level, growth, steps.
 *
 * The verdict says what there is (stats/growth.h); here it is laid out over the windows that were
 * judged. Values are floors: the least of a window.
 */
#include <math.h>
#include <string.h>

#include "analyze/files/memory_internal.h"

struct course {
    size_t count;
    double t_s[GROWTH_FLOORS_MAX], mb[GROWTH_FLOORS_MAX];
};

static void make_course(const struct memory_series *series, struct course *course)
{
    const struct growth_tracker *tracker = &series->longest->trackers[0];
    double width_s = series->verdict.window_s, current = -1;
    course->count = 0;
    for (size_t i = 0; i < tracker->count; i++) {
        const struct growth_floor *floor_i = &tracker->floors[i];
        double index =
            width_s > 0 ? floor((floor_i->first_s - tracker->begin_s) / width_s + 1e-9) : (double)i;
        size_t at = course->count - (index == current);
        if (index == current && !(floor_i->floor_mb < course->mb[at]))
            continue;
        course->t_s[at] = floor_i->floor_s - tracker->begin_s;
        course->mb[at] = floor_i->floor_mb;
        course->count = at + 1;
        current = index;
    }
}

static size_t window_at(const struct course *course, double t_s)
{
    size_t at = 0;
    while (at + 1 < course->count && course->t_s[at] < t_s)
        at++;
    return at;
}

static size_t add(struct memory_phase *phases, size_t count, const char *name,
                  const struct course *course, size_t first, size_t last)
{
    if (count == MEMORY_PHASES_MAX || first >= last)
        return count;
    phases[count] = (struct memory_phase){.name = name,
                                          .begin_s = course->t_s[first],
                                          .end_s = course->t_s[last],
                                          .from_mb = course->mb[first],
                                          .to_mb = course->mb[last]};
    return count + 1;
}

/* Whether the rise into window i is one of the `wanted` largest behind `first`. */
static bool is_step(const struct course *course, size_t first, size_t i, size_t wanted)
{
    size_t larger = 0;
    double rise = course->mb[i] - course->mb[i - 1];
    for (size_t k = first + 1; k < course->count; k++) {
        double other = course->mb[k] - course->mb[k - 1];
        larger += other > rise || (other == rise && k < i);
    }
    return larger < wanted;
}

static size_t add_steps(struct memory_phase *phases, size_t count, const struct course *course,
                        size_t first, size_t steps)
{
    size_t from = first;
    for (size_t i = first + 1; i < course->count; i++) {
        if (!is_step(course, first, i, steps))
            continue;
        count = add(phases, count, "level", course, from, i - 1);
        count = add(phases, count, "step", course, i - 1, i);
        from = i;
    }
    return add(phases, count, "level", course, from, course->count - 1);
}

/* Of memory whose growth is beyond no doubt: what its slope is, within its interval. */
static const char *name_of_rest(const struct growth_verdict *verdict)
{
    if (verdict->class == GROWTH_UNEVEN)
        return "uneven growth";
    return verdict->per_min.hi < 0 ? "decline" : "level";
}

size_t memory_phases_of(const struct memory_series *series, struct memory_phase *ret)
{
    struct course course;
    const struct growth_verdict *verdict = &series->verdict;
    size_t count = 0;
    make_course(series, &course);
    if (course.count < 2)
        return 0;
    size_t first = verdict->warmup_s > 0 ? window_at(&course, verdict->warmup_s) : 0;
    size_t last = course.count - 1, half = first + (last - first) / 2;
    if (verdict->class != GROWTH_TOO_SHORT)
        count = add(ret, count, "start-up", &course, 0, first);
    switch (verdict->class) {
    case GROWTH_TOO_SHORT:
        return add(ret, count, "too short to tell", &course, 0, last);
    case GROWTH_LINEAR_LEAK:
    case GROWTH_WITH_WORK:
        return add(ret, count, "growth", &course, first, last);
    case GROWTH_ACCELERATING:
    case GROWTH_DECELERATING: /* the change is what there is to see */
        count = add(ret, count, "growth, first half", &course, first, half);
        return add(ret, count, "growth, second half", &course, half, last);
    case GROWTH_STEPS:
        return add_steps(ret, count, &course, first, verdict->step_count);
    default:
        return add(ret, count, name_of_rest(verdict), &course, first, last);
    }
}
