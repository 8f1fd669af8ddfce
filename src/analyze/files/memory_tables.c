/* memory_tables.c: series, phases and counters of work as tables. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analyze/files/memory_internal.h"
#include "base/util.h"

static const struct analysis_column series_columns[] = {
    {.key = "file", .title = "file", .kind = ANALYSIS_TEXT},
    {.key = "series", .title = "memory of", .kind = ANALYSIS_TEXT},
    {.key = "n", .title = "n", .kind = ANALYSIS_COUNT},
    {.key = "duration_s", .title = "lasts", .unit = "s", .kind = ANALYSIS_NUMBER, .digits = 5},
    {.key = "first_mb", .title = "first", .unit = "MB", .kind = ANALYSIS_NUMBER, .digits = 5},
    {.key = "mean_mb",
     .title = "mean",
     .unit = "MB",
     .kind = ANALYSIS_NUMBER,
     .digits = 5,
     .is_detail = true},
    {.key = "max_mb", .title = "max", .unit = "MB", .kind = ANALYSIS_NUMBER, .digits = 5},
    {.key = "last_mb", .title = "last", .unit = "MB", .kind = ANALYSIS_NUMBER, .digits = 5},
    {.key = "verdict", .title = "verdict", .kind = ANALYSIS_TEXT},
    {.key = "per_min_mb", .title = "a minute", .unit = "MB", .kind = ANALYSIS_INTERVAL},
    {.key = "pace_mb",
     .title = "now",
     .unit = "MB/min",
     .kind = ANALYSIS_INTERVAL,
     .is_detail = true},
    {.key = "per_sample_mb", .title = "a sample", .unit = "MB", .kind = ANALYSIS_INTERVAL},
    {.key = "ends_per_min_mb",
     .title = "first to last",
     .unit = "MB/min",
     .kind = ANALYSIS_NUMBER,
     .is_detail = true},
    {.key = "smallest_per_min_mb",
     .title = "smallest seen",
     .unit = "MB/min",
     .kind = ANALYSIS_NUMBER,
     .is_detail = true},
    {.key = "to_limit_min", .title = "to the limit", .unit = "min", .kind = ANALYSIS_INTERVAL},
};
static const struct analysis_column phase_columns[] = {
    {.key = "file", .title = "file", .kind = ANALYSIS_TEXT},
    {.key = "series", .title = "memory of", .kind = ANALYSIS_TEXT},
    {.key = "phase", .title = "phase", .kind = ANALYSIS_TEXT},
    {.key = "begin_s", .title = "from", .unit = "s", .kind = ANALYSIS_NUMBER, .digits = 5},
    {.key = "end_s", .title = "to", .unit = "s", .kind = ANALYSIS_NUMBER, .digits = 5},
    {.key = "from_mb", .title = "from", .unit = "MB", .kind = ANALYSIS_NUMBER, .digits = 5},
    {.key = "to_mb", .title = "to", .unit = "MB", .kind = ANALYSIS_NUMBER, .digits = 5},
    {.key = "per_min_mb", .title = "a minute", .unit = "MB", .kind = ANALYSIS_NUMBER},
};
static const struct analysis_column work_columns[] = {
    {.key = "file", .title = "file", .kind = ANALYSIS_TEXT},
    {.key = "counter", .title = "counter", .kind = ANALYSIS_TEXT},
    {.key = "units", .title = "advance", .kind = ANALYSIS_NUMBER, .digits = 6},
    {.key = "per_unit_mb", .title = "for each", .unit = "MB", .kind = ANALYSIS_INTERVAL},
    {.key = "residual_mb", .title = "residuals", .unit = "MB", .kind = ANALYSIS_NUMBER},
    {.key = "delta_aic", .title = "delta AIC", .kind = ANALYSIS_NUMBER, .digits = 3},
    {.key = "explains", .title = "explains it best", .kind = ANALYSIS_FLAG},
};

static double per_sample(const struct memory_file *file, double per_min)
{
    return file->is_untimed ? per_min / 60 : NAN;
}

static double per_minute(const struct memory_file *file, double per_min)
{
    return file->is_untimed ? NAN : per_min;
}

static void add_series(struct analysis_table *table, const struct memory_file *file,
                       const struct memory_series *series)
{
    const struct memory_stretch *stretch = series->longest;
    const struct growth_verdict *verdict = &series->verdict;
    double duration_s = stretch->end_s - stretch->begin_s;
    struct analysis_cell *row = analysis_add_row(table);
    struct growth_rate rate = verdict->per_min, pace = verdict->pace, end = verdict->to_limit_s;
    row[0] = cell_text(table, file->name);
    row[1] = cell_text(table, series->name[0] ? series->name : NULL);
    row[2] = cell_number((double)stretch->mb.n);
    row[3] = cell_number(file->is_untimed ? NAN : duration_s);
    row[4] = cell_number(stretch->first_mb);
    row[5] = cell_number(stretch->mb.mean);
    row[6] = cell_number(stretch->mb.max);
    row[7] = cell_number(stretch->last_mb);
    row[8] = cell_text(table, growth_class_name(verdict->class));
    row[9] = cell_interval(per_minute(file, rate.value), per_minute(file, rate.lo),
                           per_minute(file, rate.hi));
    row[10] = cell_interval(per_minute(file, pace.value), per_minute(file, pace.lo),
                            per_minute(file, pace.hi));
    row[11] = cell_interval(per_sample(file, rate.value), per_sample(file, rate.lo),
                            per_sample(file, rate.hi));
    if (!file->is_untimed && duration_s > 0)
        row[12] = cell_number(60 * (stretch->last_mb - stretch->first_mb) / duration_s);
    row[13] = cell_number(per_minute(file, verdict->smallest_per_min));
    if (!file->is_untimed && isfinite(end.value))
        row[14] = cell_interval(end.value / 60, end.lo / 60, end.hi / 60);
}

static void add_phases(struct analysis_table *table, const struct memory_file *file,
                       const struct memory_series *series)
{
    struct memory_phase phases[MEMORY_PHASES_MAX];
    size_t count = memory_phases_of(series, phases);
    for (size_t i = 0; i < count; i++) {
        const struct memory_phase *phase = &phases[i];
        double length_s = phase->end_s - phase->begin_s;
        struct analysis_cell *row = analysis_add_row(table);
        row[0] = cell_text(table, file->name);
        row[1] = cell_text(table, series->name[0] ? series->name : NULL);
        row[2] = cell_text(table, phase->name);
        row[3] = cell_number(phase->begin_s);
        row[4] = cell_number(phase->end_s);
        row[5] = cell_number(phase->from_mb);
        row[6] = cell_number(phase->to_mb);
        if (length_s > 0 && series->verdict.class != GROWTH_TOO_SHORT)
            row[7] = cell_number(per_minute(file, 60 * (phase->to_mb - phase->from_mb) / length_s));
    }
}

static bool is_growing(const struct growth_verdict *verdict)
{
    return growth_is_leak(verdict->class) || verdict->class == GROWTH_DECELERATING;
}

/* Time is one of the explanations; where nothing grows, there is nothing to explain. */
static void add_work(struct analysis_table *table, const struct memory_file *file,
                     const struct memory_series *series)
{
    const struct growth_verdict *verdict = &series->verdict;
    for (size_t i = 0; i < verdict->work_count; i++) {
        const struct growth_work *work = &verdict->work[i];
        if (!work->usable)
            continue;
        struct analysis_cell *row = analysis_add_row(table);
        row[0] = cell_text(table, file->name);
        row[1] = cell_text(table, series->work_name[i]);
        row[2] = cell_number(work->units);
        row[3] = cell_interval(work->rate.value, work->rate.lo, work->rate.hi);
        row[4] = cell_number(work->residual_mb);
        row[5] = cell_number(work->delta_aic);
        if (is_growing(verdict))
            row[6] = cell_number(verdict->best_work == (int)i);
    }
    if (verdict->work_count == 0 || isnan(verdict->time_delta_aic))
        return;
    const struct memory_stretch *stretch = series->longest;
    double scale = file->is_untimed ? 60 : 1;
    struct growth_rate rate = verdict->per_min;
    struct analysis_cell *row = analysis_add_row(table);
    row[0] = cell_text(table, file->name);
    row[1] = cell_text(table, file->is_untimed ? "(samples)" : "(time, minutes)");
    row[2] = cell_number((stretch->end_s - stretch->begin_s - verdict->warmup_s) / 60 * scale);
    row[3] = cell_interval(rate.value / scale, rate.lo / scale, rate.hi / scale);
    row[5] = cell_number(verdict->time_delta_aic);
    if (is_growing(verdict))
        row[6] = cell_number(verdict->best_work < 0);
}

/* What all files have in common takes no room in the text. */
struct shape {
    bool has_files, has_series, has_untimed, has_times, has_limit;
};

static struct shape shape_of(const struct memory_file *files, size_t count)
{
    struct shape shape = {.has_files = count > 1};
    for (size_t i = 0; i < count; i++) {
        shape.has_untimed |= files[i].is_untimed;
        shape.has_times |= !files[i].is_untimed;
        for (size_t k = 0; k < files[i].series_count; k++) {
            shape.has_series |= files[i].series[k]->name[0] != '\0';
            shape.has_limit |= !isnan(files[i].series[k]->verdict.to_limit_s.value);
        }
    }
    return shape;
}

static bool is_needed(const struct shape *shape, const char *key)
{
    static const char *const of_times[] = {"per_min_mb", "duration_s", "to_limit_min"};
    if (strcmp(key, "file") == 0)
        return shape->has_files;
    if (strcmp(key, "series") == 0)
        return shape->has_series;
    if (strcmp(key, "per_sample_mb") == 0)
        return shape->has_untimed;
    if (strcmp(key, "to_limit_min") == 0 && !shape->has_limit)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(of_times); i++) {
        if (strcmp(key, of_times[i]) == 0)
            return shape->has_times;
    }
    return true;
}

static struct analysis_table *add_table(struct analysis *analysis, const struct shape *shape,
                                        const char *key, const char *title,
                                        const struct analysis_column *columns, size_t count)
{
    struct analysis_column *shown = arena_alloc(&analysis->arena, count * sizeof(*shown));
    if (!shown) {
        analysis->failed = true;
        return analysis_add_table(analysis, key, title, columns, count);
    }
    memcpy(shown, columns, count * sizeof(*shown));
    for (size_t i = 0; i < count; i++)
        shown[i].is_detail = shown[i].is_detail || !is_needed(shape, shown[i].key);
    return analysis_add_table(analysis, key, title, shown, count);
}

void memory_tables(const struct memory_file *files, size_t count, struct analysis *analysis)
{
    struct shape shape = shape_of(files, count);
    struct analysis_table *series =
        add_table(analysis, &shape, "series", "Memory", series_columns, ARRAY_LEN(series_columns));
    struct analysis_table *phases =
        add_table(analysis, &shape, "phases", "Phases, by the floors of the windows", phase_columns,
                  ARRAY_LEN(phase_columns));
    struct analysis_table *work = add_table(analysis, &shape, "work", "What the growth follows",
                                            work_columns, ARRAY_LEN(work_columns));
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < files[i].series_count; k++) {
            add_series(series, &files[i], files[i].series[k]);
            add_phases(phases, &files[i], files[i].series[k]);
            add_work(work, &files[i], files[i].series[k]);
        }
    }
    if (shape.has_untimed)
        analysis_note(phases, "where there are no times, seconds are samples");
    if (work->row_count > 0)
        analysis_note(work, "delta AIC 0: the best explanation; below 2 as good as it; from 4 on "
                            "considerably less supported");
}
