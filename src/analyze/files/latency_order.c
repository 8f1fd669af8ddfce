/* latency_order.c: what the order of the rows tells, which is that in which things happened: a
 * start that is slower, a level that changes, a trend. Of a histogram only the parts know it.
 *
 * A series that does not keep its level (steady_warmup) is described by whichever fits better, by
 * the sum of absolute deviations: two levels, or Theil and Sen's line.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/files/latency_internal.h"
#include "base/util.h"

#define TREND_P 0.01
#define TREND_POINTS 500
#define CHANGE_MIN 0.05 /* of the median: a trend over the whole file, or a change of level */
#define SIDE_MIN 14     /* points: fewer never bound a median at SURE */
#define SURE 0.9998     /* two-sided: the place was looked for, see STEP_Z in stats/steady.c */
#define LEVEL 0.95
#define WARMUP_MIN 0.05       /* slower than the rest by that */
#define FEW ((size_t)1 << 18) /* values that are looked at one by one */
#define BLOCKS 1000           /* else medians of so many blocks of them */

/* ---- what comes in order: values, medians of as many values each, or means of parts ---- */

struct ordered {
    double *values, *at;
    size_t count;
    size_t each; /* values that one stands for; 0: as many as its part has */
};

static int take_medians(const struct latency_view *view, struct ordered *ret)
{
    const struct group *group = view->group;
    CLEANUP_FREE double *scratch = malloc(ret->each * sizeof(*scratch));
    if (!scratch)
        return -1;
    for (size_t i = 0; i < ret->count; i++) {
        size_t from = i * ret->each, n = u64_min(ret->each, group->n - from);
        memcpy(scratch, group->values + from, n * sizeof(*scratch));
        ret->values[i] = quantile_unsorted(scratch, n, 0.5);
        ret->at[i] = group_position(view->groups, group, from);
    }
    return 0;
}

static int ordered_of(const struct latency_view *view, struct ordered *ret)
{
    const struct group *group = view->group;
    ret->each = group->hist ? 0 : group->n > FEW ? (group->n + BLOCKS - 1) / BLOCKS : 1;
    ret->count = group->hist ? group->part_count : (group->n + ret->each - 1) / ret->each;
    ret->values = malloc((ret->count + 1) * sizeof(double));
    ret->at = malloc((ret->count + 1) * sizeof(double));
    if (!ret->values || !ret->at)
        return -1;
    if (ret->each > 1)
        return take_medians(view, ret);
    for (size_t i = 0; i < ret->count; i++) {
        const struct group_part *part = group->hist ? &group->parts[i] : NULL;
        ret->values[i] = part ? part->sum / (double)part->n : group->values[i];
        ret->at[i] = part ? part->first_at : group_position(view->groups, group, i);
    }
    return 0;
}

static void ordered_free(struct ordered *ordered)
{
    free(ordered->values);
    free(ordered->at);
}

/* ---- warm-up ---- */

/* Whether the start is unlike what follows: of the later stretches that are as long (they overlap
 * by half), one of a thousand at most comes halfway to it. A spike that returns is no warm-up
 * because the first one happens to be the first value. */
static bool is_unlike_the_rest(const struct ordered *ordered, size_t warmup, double halfway)
{
    size_t stretches = 0, as_slow = 0;
    for (size_t i = warmup; i + warmup <= ordered->count; i += (warmup + 1) / 2, stretches++)
        as_slow += stats_mean(ordered->values + i, warmup) > halfway;
    return (double)as_slow <= 0.001 * (double)stretches;
}

/* "the first row", "the first 20 rows", "the first part of the file" */
static const char *start_of(const struct ordered *ordered, size_t warmup, char *buf, size_t size)
{
    size_t count = warmup * u64_max(ordered->each, 1);
    const char *what = ordered->each ? "row" : "part", *of = ordered->each ? "" : " of the file";
    if (count == 1)
        snprintf(buf, size, "the first %s%s", what, of);
    else
        snprintf(buf, size, "the first %zu %ss%s", count, what, of);
    return buf;
}

/* ret_is_steady: what follows the warm-up keeps its level. A start that is cut off as faster than
 * the rest is none: it is the level before a rise. */
static int find_warmup(const struct latency_view *view, const struct ordered *ordered,
                       size_t *ret_warmup, bool *ret_is_steady)
{
    size_t warmup = 0;
    char start[64], first[32], rest[32], buf[256];
    *ret_warmup = 0;
    if (steady_warmup(ordered->values, ordered->count, &warmup, ret_is_steady) < 0)
        return -1;
    if (warmup == 0 || warmup >= ordered->count)
        return 0;
    double before = stats_mean(ordered->values, warmup);
    double behind = stats_mean(ordered->values + warmup, ordered->count - warmup);
    if (!(before > behind * (1 + WARMUP_MIN))) {
        *ret_is_steady = false;
        return 0;
    }
    if (!is_unlike_the_rest(ordered, warmup, (before + behind) / 2))
        return 0;
    *ret_warmup = warmup;
    struct finding finding;
    latency_begin(view, &finding, "warmup_in_file", SEVERITY_INFO);
    finding_value(&finding, before, NULL);
    finding_sentence(
        &finding, "%s: %s took %s, the others %s on average: warm-up is among the values",
        view->group->name, start_of(ordered, warmup, start, sizeof(start)),
        latency_ms(before, first, sizeof(first)), latency_ms(behind, rest, sizeof(rest)));
    finding_evidence(
        &finding, "%s",
        latency_where(view, ordered->at[0], ordered->at[warmup - 1], buf, sizeof(buf)));
    finding_advice(&finding, "leave them out when you compare: they count in every figure of the "
                             "table; a column is_warmup keeps them apart");
    analysis_add_finding(view->analysis, &finding);
    return 0;
}

/* ---- trend or change of level ---- */

/* What the warm-up leaves, thinned. */
struct course {
    double *at, *values;
    size_t count;
    double *scratch; /* count */
};

/* Medians of bins of as many points each, in place: there is a slope for each pair of points, so
 * that time and memory grow with their square. */
static size_t thin(double *at, double *values, size_t count)
{
    size_t each = (count + TREND_POINTS - 1) / TREND_POINTS, bins = 0;
    if (each < 2)
        return count;
    for (size_t i = 0; i + each <= count; i += each, bins++) {
        at[bins] = at[i + each / 2];
        values[bins] = quantile_unsorted(values + i, each, 0.5);
    }
    return bins;
}

static const char *advice_of(bool rises)
{
    return rises ? "temperature, memory or a growing queue: tacho monitor beside it shows which; "
                   "tacho analyze memory and tegrastats read what was recorded"
                 : "a start that is not over, or less and less load: measure longer";
}

static double median_of(const struct course *course, size_t from, size_t count)
{
    memcpy(course->scratch, course->values + from, count * sizeof(*course->scratch));
    return quantile_unsorted(course->scratch, count, 0.5);
}

/* Sum of absolute deviations from the median. */
static double scatter_of(const struct course *course, size_t from, size_t count)
{
    double median = median_of(course, from, count), sum = 0;
    for (size_t i = from; i < from + count; i++)
        sum += fabs(course->values[i] - median);
    return sum;
}

static double scatter_of_line(const struct course *course, const struct trend *trend)
{
    double sum = 0;
    for (size_t i = 0; i < course->count; i++)
        sum += fabs(course->values[i] - trend->intercept - trend->slope * course->at[i]);
    return sum;
}

struct step {
    size_t split; /* points before it */
    double before, after;
    double scatter;
    struct interval change; /* of after - before */
};

/* An interval of the difference of two medians, from those of each (MOVER: Zou & Donner 2008). */
static int difference(const struct course *course, const struct step *step, double level,
                      struct interval *ret)
{
    const size_t from[] = {0, step->split}, count[] = {step->split, course->count - step->split};
    struct interval of[2];
    for (size_t i = 0; i < 2; i++) {
        bool both;
        memcpy(course->scratch, course->values + from[i], count[i] * sizeof(*course->scratch));
        stats_sort(course->scratch, count[i]);
        if (quantile_interval_ordered(course->values + from[i], course->scratch, count[i], 0.5,
                                      level, &of[i], &both) < 0)
            return -1;
        if (!both)
            of[i] = (struct interval){-INFINITY, INFINITY};
    }
    double change = step->after - step->before;
    ret->lo = change - hypot(step->after - of[1].lo, of[0].hi - step->before);
    ret->hi = change + hypot(of[1].hi - step->after, step->before - of[0].lo);
    return 0;
}

/* Whether every quarter of both sides lies nearer to the median of its side than to that of the
 * other: what comes and goes is no change of level. */
static bool is_kept(const struct course *course, const struct step *step)
{
    double middle = (step->before + step->after) / 2;
    for (size_t side = 0; side < 2; side++) {
        size_t from = side ? step->split : 0;
        size_t count = side ? course->count - step->split : step->split;
        for (size_t i = 0; i < 4; i++) {
            size_t begin = from + count * i / 4, end = from + count * (i + 1) / 4;
            bool is_above = median_of(course, begin, end - begin) > middle;
            if (is_above != ((step->after > step->before) == (side == 1)))
                return false;
        }
    }
    return true;
}

/* The two levels that fit best. *ret_found false: there is no change that is sure, matters and
 * stays. */
static int step_of(const struct course *course, double median, struct step *ret, bool *ret_found)
{
    struct interval sure;
    *ret = (struct step){.scatter = INFINITY};
    *ret_found = false;
    for (size_t i = SIDE_MIN; i + SIDE_MIN <= course->count; i++) {
        double scatter = scatter_of(course, 0, i) + scatter_of(course, i, course->count - i);
        if (scatter < ret->scatter)
            *ret = (struct step){.split = i, .scatter = scatter};
    }
    if (ret->split == 0)
        return 0;
    ret->before = median_of(course, 0, ret->split);
    ret->after = median_of(course, ret->split, course->count - ret->split);
    if (!(fabs(ret->after - ret->before) > CHANGE_MIN * median) || !is_kept(course, ret))
        return 0;
    if (difference(course, ret, SURE, &sure) < 0 || difference(course, ret, LEVEL, &ret->change))
        return -1;
    *ret_found = sure.lo > 0 || sure.hi < 0;
    return 0;
}

static void tell_step(const struct latency_view *view, const struct course *course,
                      const struct step *step)
{
    char before[32], after[32], lo[32], hi[32], buf[256];
    struct finding finding;
    bool rises = step->after > step->before;
    latency_begin(view, &finding, "level_change", rises ? SEVERITY_WARNING : SEVERITY_INFO);
    finding_value(&finding, step->after - step->before, NULL);
    finding_interval(&finding, step->change.lo, step->change.hi);
    double least = fmin(fabs(step->change.lo), fabs(step->change.hi));
    double most = fmax(fabs(step->change.lo), fabs(step->change.hi));
    finding_sentence(&finding,
                     "%s: latency %s from %s to %s after %.0f %% of the file, and stays there (95 "
                     "%% interval of the difference %s to %s)",
                     view->group->name, rises ? "rises" : "falls",
                     latency_ms(step->before, before, sizeof(before)),
                     latency_ms(step->after, after, sizeof(after)),
                     100 * (double)step->split / (double)course->count,
                     latency_ms(least, lo, sizeof(lo)), latency_ms(most, hi, sizeof(hi)));
    finding_evidence(&finding, "%s",
                     latency_where(view, course->at[step->split - 1], course->at[step->split], buf,
                                   sizeof(buf)));
    finding_advice(&finding,
                   "look what changed then: clock and temperature (tacho monitor beside the next "
                   "run), another program, the input; percentiles over both levels describe "
                   "neither");
    analysis_add_finding(view->analysis, &finding);
}

static void tell_trend(const struct latency_view *view, const struct course *course,
                       const struct trend *trend)
{
    size_t count = course->count;
    const double *at = course->at;
    double span = at[count - 1] - at[0], median = view->latency->percentile[0];
    double change = trend->slope * span;
    char by[32], level[32], lo[32], hi[32], buf[256];
    struct finding finding;
    bool rises = change > 0;
    latency_begin(view, &finding, "latency_trend", rises ? SEVERITY_WARNING : SEVERITY_INFO);
    finding_value(&finding, change, NULL);
    finding_interval(&finding, trend->lo * span, trend->hi * span);
    finding_sentence(&finding,
                     "%s: latency %s by %s from beginning to end (95 %% interval %s to %s), of a "
                     "median of %s",
                     view->group->name, rises ? "rises" : "falls",
                     latency_ms(fabs(change), by, sizeof(by)),
                     latency_ms(fmin(fabs(finding.lo), fabs(finding.hi)), lo, sizeof(lo)),
                     latency_ms(fmax(fabs(finding.lo), fabs(finding.hi)), hi, sizeof(hi)),
                     latency_ms(median, level, sizeof(level)));
    finding_evidence(&finding, "%s", latency_where(view, at[0], at[count - 1], buf, sizeof(buf)));
    finding_advice(&finding, "%s", advice_of(rises));
    analysis_add_finding(view->analysis, &finding);
}

static int find_course(const struct latency_view *view, struct ordered *ordered, size_t warmup,
                       bool is_steady)
{
    struct trend trend;
    struct step step;
    bool has_step = false;
    double median = view->latency->percentile[0];
    struct course course = {.at = ordered->at + warmup, .values = ordered->values + warmup};
    course.count = thin(course.at, course.values, ordered->count - warmup);
    if (course.count < 20)
        return 0;
    CLEANUP_FREE double *scratch = malloc(course.count * sizeof(*scratch));
    course.scratch = scratch;
    if (!scratch || trend_theil_sen(course.at, course.values, course.count, LEVEL, &trend) < 0)
        return -1;
    double change = trend.slope * (course.at[course.count - 1] - course.at[0]);
    bool has_trend = trend.p_value < TREND_P && fabs(change) > CHANGE_MIN * median;
    if (!is_steady && step_of(&course, median, &step, &has_step) < 0)
        return -1;
    if (has_step && (!has_trend || step.scatter < scatter_of_line(&course, &trend)))
        tell_step(view, &course, &step);
    else if (has_trend)
        tell_trend(view, &course, &trend);
    return 0;
}

int latency_order(const struct latency_view *view)
{
    struct ordered ordered = {.count = 0};
    size_t warmup = 0;
    bool is_steady = true;
    int rc = ordered_of(view, &ordered);
    if (rc == 0)
        rc = find_warmup(view, &ordered, &warmup, &is_steady);
    if (rc == 0)
        rc = find_course(view, &ordered, warmup, is_steady);
    ordered_free(&ordered);
    return rc;
}
