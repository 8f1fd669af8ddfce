/* memory_series.c: samples of memory into trackers, and the verdict over them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/files/memory_internal.h"
#include "base/str.h"
#include "base/util.h"

/* A hole of so many usual steps, and of a minute, ends a stretch. */
#define HOLE_STEPS 20.0
#define HOLE_MIN_S 60.0
#define STEPS_KNOWN 5
/* So many samples in a row that lie before the last one: the clock was set back. Fewer are strays.
 */
#define BEHIND_MAX 16
/* Samples of a series without times that are enough: three minutes of one every 2 s. */
#define UNTIMED_MIN 90.0

/* ---- stretches ---- */

static size_t tracker_count(const struct memory_file *file)
{
    size_t count = (file->counter_count + GROWTH_WORK_MAX - 1) / GROWTH_WORK_MAX;
    return count > 0 ? count : 1;
}

static void stretch_deinit(struct memory_stretch *stretch)
{
    for (size_t i = 0; i < MEMORY_TRACKERS; i++)
        growth_tracker_deinit(&stretch->trackers[i]);
}

static int stretch_init(const struct memory_file *file, struct memory_stretch *stretch)
{
    for (size_t i = 0; i < tracker_count(file); i++) {
        size_t left = file->counter_count - i * GROWTH_WORK_MAX;
        if (growth_tracker_init(&stretch->trackers[i], 1, left) < 0)
            return -1;
    }
    return 0;
}

static void stretch_reset(struct memory_stretch *stretch)
{
    for (size_t i = 0; i < MEMORY_TRACKERS; i++)
        growth_tracker_reset(&stretch->trackers[i]);
    stretch->mb = (struct moments){.n = 0};
}

/* The longest stretch is judged: by its samples. */
static void begin_stretch(struct memory_series *series)
{
    struct memory_stretch *other =
        series->now == &series->stretches[0] ? &series->stretches[1] : &series->stretches[0];
    if (series->now == series->longest || series->now->mb.n > series->longest->mb.n) {
        series->longest = series->now;
        series->now = other;
    }
    stretch_reset(series->now);
    series->stretch_count++;
}

/* ---- series ---- */

static void series_free(struct memory_series *series)
{
    stretch_deinit(&series->stretches[0]);
    stretch_deinit(&series->stretches[1]);
    free(series);
}

static struct memory_series *series_new(const struct memory_file *file, int64_t pid)
{
    struct memory_series *series = calloc(1, sizeof(*series));
    if (!series)
        return NULL;
    series->pid = pid;
    series->now = series->longest = &series->stretches[0];
    series->stretch_count = 1;
    if (stretch_init(file, &series->stretches[0]) < 0 ||
        stretch_init(file, &series->stretches[1]) < 0) {
        series_free(series);
        return NULL;
    }
    return series;
}

struct memory_series *memory_series_of(struct memory_file *file, int64_t pid, const char *name,
                                       size_t name_length, bool *ret_full)
{
    *ret_full = false;
    for (size_t i = 0; i < file->series_count; i++) {
        if (file->series[i]->pid == pid)
            return file->series[i];
    }
    *ret_full = file->series_count == MEMORY_SERIES_MAX;
    struct memory_series *series = *ret_full ? NULL : series_new(file, pid);
    if (!series)
        return NULL;
    size_t length = name ? u64_min(name_length, MEMORY_NAME - 24) : 0;
    if (pid >= 0)
        snprintf(series->name, sizeof(series->name), "%.*s%s%lld%s", (int)length, name ? name : "",
                 length > 0 ? " (" : "pid ", (long long)pid, length > 0 ? ")" : "");
    else
        snprintf(series->name, sizeof(series->name), "%.*s", (int)length, name ? name : "");
    str_make_printable(series->name);
    file->series[file->series_count++] = series;
    return series;
}

static bool is_hole(const struct memory_series *series, double step_s)
{
    return series->steps >= STEPS_KNOWN && step_s > HOLE_MIN_S &&
           step_s > HOLE_STEPS * series->step_mean_s;
}

bool memory_series_add(struct memory_file *file, struct memory_series *series, double t_s,
                       double mb, const double *counters)
{
    struct memory_stretch *now = series->now;
    if (isnan(t_s))
        t_s = (double)series->samples; /* is_untimed: all of them, see memory_read.c */
    if (now->mb.n > 0) {
        double step_s = t_s - now->end_s;
        if (step_s < 0 && ++series->behind < BEHIND_MAX)
            return false;
        if (step_s < 0 || is_hole(series, step_s)) {
            series->longest_hole_s = fmax(series->longest_hole_s, step_s);
            series->set_back_count += step_s < 0;
            begin_stretch(series);
            now = series->now;
        } else {
            series->steps++;
            series->step_mean_s += (step_s - series->step_mean_s) / (double)series->steps;
        }
    }
    series->behind = 0;
    if (now->mb.n == 0) {
        now->begin_s = t_s;
        now->first_mb = mb;
    }
    moments_add(&now->mb, mb);
    now->end_s = t_s;
    now->last_mb = mb;
    series->samples++;
    for (size_t i = 0; i < tracker_count(file); i++)
        growth_tracker_add(&now->trackers[i], t_s, mb,
                           counters ? counters + i * GROWTH_WORK_MAX : NULL);
    file->begin_s = fmin(file->begin_s, t_s);
    file->end_s = fmax(file->end_s, t_s);
    return true;
}

/* ---- judging ---- */

static bool is_counter(const struct memory_counter *counter)
{
    return !counter->went_back && counter->last > counter->first;
}

/* The floors with the columns that turned out to be counters, at most as many as a tracker has. */
static int gather(const struct memory_file *file, struct memory_series *series,
                  struct growth_tracker *ret)
{
    const struct growth_tracker *first = &series->longest->trackers[0];
    size_t count = 0;
    for (size_t i = 0; i < file->counter_count && count < GROWTH_WORK_MAX; i++) {
        if (!is_counter(&file->counters[i]))
            continue;
        series->work_counter[count] = (int)i;
        series->work_name[count++] = file->counters[i].name;
    }
    if (growth_tracker_init(ret, 1, count) < 0)
        return -1;
    struct growth_floor *floors = ret->floors;
    *ret = *first;
    ret->floors = floors;
    ret->work_count = count;
    memcpy(floors, first->floors, first->count * sizeof(*floors));
    for (size_t i = 0; i < first->count; i++) {
        for (size_t k = 0; k < count; k++) {
            size_t column = (size_t)series->work_counter[k];
            /* All trackers have the same samples, so their floors stand at the same times. */
            floors[i].work[k] = series->longest->trackers[column / GROWTH_WORK_MAX]
                                    .floors[i]
                                    .work[column % GROWTH_WORK_MAX];
        }
    }
    return 0;
}

int memory_series_judge(const struct memory_file *file, struct memory_series *series,
                        double limit_mb)
{
    CLEANUP(growth_tracker_deinit) struct growth_tracker tracker = {.floors = NULL};
    struct growth_options options = {.limit_mb = isnan(limit_mb) ? 0 : limit_mb};
    if (file->is_untimed)
        options.min_duration_s = UNTIMED_MIN;
    if (series->now->mb.n > series->longest->mb.n)
        series->longest = series->now;
    if (gather(file, series, &tracker) < 0)
        return -1;
    return growth_tracker_judge(&tracker, &options, &series->verdict);
}

void memory_file_deinit(struct memory_file *file)
{
    for (size_t i = 0; i < file->series_count; i++)
        series_free(file->series[i]);
    file->series_count = 0;
}
