/* memory_read.c: memory over time from a table or a log.
 *
 * Tables: the column is --column, else the first of the names below; its unit stands in its name.
 * Every other column of numbers that never go back may be a counter of work, unless its name says
 * that it is a time, memory, or a measurement.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "analyze/files/memory_internal.h"
#include "base/str.h"
#include "base/util.h"
#include "format/number.h"

/* Of a want that the table has not: no column can be called so. */
#define NO_COLUMN "\n"
/* A sample before the last one has no place in a trace: it is lost, and not only out of order. */
#define LEFT_OUT_FOR_TIME SKIP_BAD_TIME
/* More than this is no memory in MB: the unit is another. */
#define MB_MAX (1024.0 * 1024)

static const char *const time_names[] = {
    "timestamp", "time",    "t",          "t_s",      "time_s",      "elapsed_s",
    "elapsed",   "seconds", "date",       "datetime", "epoch",       "ts",
    "time_ms",   "t_ms",    "elapsed_ms", "time_min", "elapsed_min", NULL};
/* Of the same thing the better measure comes first: what was allocated before what is resident,
 * of a process before of the machine. */
static const char *const memory_names[] = {"mem_track_anon_mb",
                                           "rss_anon_mb",
                                           "rss_anon",
                                           "rss_anon_kb",
                                           "anon_mb",
                                           "mem_track_rss_mb",
                                           "rss_mb",
                                           "rss_kb",
                                           "rss_bytes",
                                           "rss",
                                           "memory_mb",
                                           "mem_mb",
                                           "mb",
                                           "memory",
                                           "mem",
                                           "process_memory_mb",
                                           "memory_used_mb",
                                           "used_mb",
                                           "mem_used_mb",
                                           "peak_memory_mb",
                                           NULL};
static const char *const not_work[] = {"time",    "elapsed", "uptime", "date",   "mem",  "rss",
                                       "vms",     "vsz",     "swap",   "heap",   "anon", "pct",
                                       "percent", "temp",    "power",  "energy", NULL};

static void source_cleanup(struct source **source)
{
    source_close(*source);
}

static void csv_cleanup(struct csv **csv)
{
    csv_close(*csv);
}

/* ---- columns ---- */

static bool is_any(const char *name, const char *const *names)
{
    for (; *names; names++) {
        if (strcasecmp(name, *names) == 0)
            return true;
    }
    return false;
}

static bool holds_any(const char *name, const char *const *parts)
{
    for (; *parts; parts++) {
        if (strcasestr(name, *parts))
            return true;
    }
    return false;
}

/* The first of the names that the table has; -1: none. */
static int column_of(const struct csv *csv, const char *const *names)
{
    for (; *names; names++) {
        for (size_t i = 0; i < csv_column_count(csv); i++) {
            if (strcasecmp(csv_column_name(csv, i), *names) == 0)
                return (int)i;
        }
    }
    return -1;
}

static bool ends_with_any(const char *name, const char *a, const char *b)
{
    size_t length = strlen(name), la = strlen(a), lb = strlen(b);
    return (length >= la && strcasecmp(name + length - la, a) == 0) ||
           (length >= lb && strcasecmp(name + length - lb, b) == 0);
}

/* MB for each unit of this column, and how that is known. */
static double scale_of(const char *name, char *source, size_t size)
{
    double scale = 0;
    if (ends_with_any(name, "mb", "mib"))
        scale = 1;
    else if (ends_with_any(name, "kb", "kib"))
        scale = 1.0 / 1024;
    else if (ends_with_any(name, "gb", "gib"))
        scale = 1024;
    else if (ends_with_any(name, "bytes", "_b"))
        scale = 1.0 / (1024 * 1024);
    snprintf(source, size, scale > 0 ? "by the name %.64s" : "MB: the name %.64s tells no unit",
             name);
    return scale > 0 ? scale : 1;
}

/* What is wanted of a table: 0 the time, 1 the memory, 2 what of it is swapped out, then what may
 * be counters, as text: a word in one of them must not cost the row. */
struct table {
    struct csv_want wants[CSV_WANTS_MAX];
    size_t count;
    bool has_time;
    char time_name[256], memory_name[256];
};

static int no_memory_column(const struct csv *csv, const char *file, struct error *err)
{
    struct strbuf names = {0};
    for (size_t i = 0; i < csv_column_count(csv) && i < 12; i++)
        strbuf_printf(&names, "%s%s", i ? ", " : "", csv_column_name(csv, i));
    error_set(err, ERROR_INPUT, "no column of memory that is known by its name");
    error_at(err, file, (int)csv_header_line(csv), 0);
    error_hint(err, "name it with --column; there are: %s", strbuf_get(&names));
    strbuf_deinit(&names);
    return -ERROR_INPUT;
}

static int time_is_no_memory(const struct csv *csv, const char *name, const char *file,
                             struct error *err)
{
    error_set(err, ERROR_USAGE, "column %s holds the times, and not the memory", name);
    error_at(err, file, (int)csv_header_line(csv), 0);
    return error_hint(err, "name the column of memory, or leave --column out");
}

static void add_want(struct table *table, const char *name, enum csv_kind kind, bool is_required)
{
    table->wants[table->count++] =
        (struct csv_want){.name = name, .kind = kind, .is_required = is_required};
}

/* Chooses the columns by their names, which are the analysis's from here on. */
static int choose_columns(const struct csv *csv, const struct analyze_options *options,
                          struct memory_file *file, struct table *table, struct analysis *analysis,
                          struct error *err)
{
    int time_at = column_of(csv, time_names), memory_at = column_of(csv, memory_names);
    const char *memory = options->column;
    if (!memory && memory_at < 0)
        return no_memory_column(csv, file->name, err);
    if (memory && time_at >= 0 && strcasecmp(memory, csv_column_name(csv, (size_t)time_at)) == 0)
        return time_is_no_memory(csv, memory, file->name, err);
    memory = memory ? memory : csv_column_name(csv, (size_t)memory_at);
    str_copy(table->memory_name, sizeof(table->memory_name), memory);
    str_copy(file->column, sizeof(file->column), memory);
    file->is_rss = strcasestr(memory, "rss") && !strcasestr(memory, "anon");
    file->mb_scale = scale_of(memory, file->unit_source, sizeof(file->unit_source));
    table->has_time = time_at >= 0;
    str_copy(table->time_name, sizeof(table->time_name),
             time_at >= 0 ? csv_column_name(csv, (size_t)time_at) : NO_COLUMN);
    file->is_untimed = !table->has_time;
    add_want(table, table->time_name, CSV_TIME, table->has_time);
    add_want(table, table->memory_name, CSV_NUMBER, true);
    /* Swapped out is still held; RSS would only tell half of it, and has no such partner. */
    add_want(table, strcasecmp(memory, "mem_track_anon_mb") == 0 ? "mem_track_swap_mb" : NO_COLUMN,
             CSV_NUMBER, false);
    for (size_t i = 0; i < csv_column_count(csv); i++) {
        const char *name = csv_column_name(csv, i);
        if (name[0] == '\0' || strcasecmp(name, table->memory_name) == 0 ||
            is_any(name, time_names) || holds_any(name, not_work))
            continue;
        if (file->counter_count == MEMORY_COUNTERS_MAX) {
            file->counters_left_out++;
            continue;
        }
        const char *copy = arena_strdup(&analysis->arena, name);
        if (!copy)
            return error_set(err, ERROR_NOMEM, "out of memory");
        struct memory_counter *counter = &file->counters[file->counter_count++];
        *counter = (struct memory_counter){.first = NAN, .last = NAN};
        str_copy(counter->name, sizeof(counter->name), name);
        counter->is_summed = strcasecmp(name, "inference_n") == 0;
        add_want(table, copy, CSV_TEXT, false);
    }
    return 0;
}

/* ---- rows ---- */

struct reading {
    struct memory_file *file;
    struct memory_series *series;
    struct skips skips; /* of this chunk: lines since it began */
    bool has_swap;
};

static void *reading_get(void *context)
{
    return context; /* one thread, so there is one result: the reading itself */
}

static void reading_keep(void *context, void *result)
{
    (void)context;
    (void)result;
}

/* The column's value so far, NaN: none yet. */
static double count_on(struct memory_counter *counter, struct csv_text text)
{
    double value;
    if (!text.data || !number_parse_all(text.data, text.data + text.size, &value) ||
        !isfinite(value))
        return counter->last; /* a counter keeps its value */
    if (counter->is_summed)
        value += isnan(counter->last) ? 0 : counter->last;
    if (isnan(counter->last))
        counter->first = value;
    else if (value < counter->last)
        counter->went_back = true;
    counter->last = value;
    return value;
}

static int too_large(const struct memory_file *file, double value, struct error *err)
{
    error_set(err, ERROR_INPUT, "column %s holds %.0f, which is no memory in MB", file->column,
              value);
    error_at(err, file->name, 0, 0);
    return error_hint(err, "say the unit in its name: %.40s_kb or %.40s_bytes", file->column,
                      file->column);
}

static int take_rows(void *context, void *result, const struct csv_rows *rows, struct error *err)
{
    struct reading *reading = result;
    struct memory_file *file = reading->file;
    (void)context;
    for (size_t i = 0; i < rows->count; i++) {
        double counters[MEMORY_TRACKERS * GROWTH_WORK_MAX];
        double mb = rows->number[1][i] * file->mb_scale;
        double t_s = rows->number[0] ? rows->number[0][i] : NAN;
        if (mb > MB_MAX)
            return too_large(file, rows->number[1][i], err);
        if (mb < 0) {
            skips_add(&reading->skips, SKIP_NEGATIVE, rows->line[i]);
            continue;
        }
        if (rows->number[2] && rows->number[2][i] > 0)
            mb += rows->number[2][i];
        for (size_t k = 0; k < ARRAY_LEN(counters); k++)
            counters[k] = k < file->counter_count && rows->text[k + 3]
                              ? count_on(&file->counters[k], rows->text[k + 3][i])
                              : NAN;
        if (!memory_series_add(file, reading->series, t_s, mb, counters))
            skips_add(&reading->skips, LEFT_OUT_FOR_TIME, rows->line[i]);
    }
    return 0;
}

static int merge_rows(void *context, void *result, uint64_t first_line, struct error *err)
{
    struct reading *reading = result;
    (void)context;
    (void)err;
    skips_merge(&reading->file->skips, &reading->skips, first_line);
    reading->skips = (struct skips){.rows = 0};
    return 0;
}

static int read_table(struct source *source, const struct analyze_options *options,
                      struct memory_file *file, struct analysis *analysis, uint64_t *ret_lines,
                      struct error *err)
{
    CLEANUP(csv_cleanup) struct csv *names = NULL;
    CLEANUP(csv_cleanup) struct csv *csv = NULL;
    struct table table = {.count = 0};
    bool is_full;
    file->format = "CSV";
    int rc = csv_open(source, NULL, 0, &names, err); /* only looks at its head */
    if (rc == 0)
        rc = choose_columns(names, options, file, &table, analysis, err);
    if (rc == 0)
        rc = csv_open(source, table.wants, table.count, &csv, err);
    if (rc < 0)
        return rc;
    struct reading reading = {.file = file};
    reading.series = memory_series_of(file, -1, file->column, strlen(file->column), &is_full);
    if (!reading.series)
        return error_set(err, ERROR_NOMEM, "out of memory");
    struct csv_job job = {.context = &reading,
                          .result_new = reading_get,
                          .result_free = reading_keep,
                          .rows = take_rows,
                          .merge = merge_rows};
    rc = csv_each(csv, 1, &job, err);
    skips_merge(&file->skips, csv_skips(csv), 0);
    *ret_lines = csv_lines(csv);
    return rc;
}

/* ---- logs ---- */

static int take_sample(struct memory_file *file, const struct memory_sample *sample,
                       uint64_t number, struct error *err)
{
    bool is_full;
    /* The first sample decides: a time that is missing later is a row without one. */
    if (file->series_count == 0)
        file->is_untimed = isnan(sample->t_s);
    if (!file->is_untimed && isnan(sample->t_s)) {
        skips_add(&file->skips, SKIP_BAD_TIME, number);
        return 0;
    }
    struct memory_series *series =
        memory_series_of(file, sample->pid, sample->name, sample->name_length, &is_full);
    if (is_full) {
        file->series_left_out++;
        return 0;
    }
    if (!series)
        return error_set(err, ERROR_NOMEM, "out of memory reading %s", file->name);
    if (!memory_series_add(file, series, file->is_untimed ? NAN : sample->t_s, sample->mb, NULL))
        skips_add(&file->skips, LEFT_OUT_FOR_TIME, number);
    return 0;
}

static int read_lines(struct source *source, struct memory_file *file, uint64_t *ret_lines,
                      struct error *err)
{
    struct memory_log log;
    struct memory_sample sample;
    struct line line;
    int rc;
    memory_log_init(&log);
    while ((rc = source_next_line(source, &line, err)) > 0) {
        *ret_lines = line.number;
        if (memory_log_line(&log, &line, &sample)) {
            rc = take_sample(file, &sample, line.number, err);
            if (rc < 0)
                return rc;
        }
    }
    file->format = memory_log_kind_name(log.kind);
    file->is_rss = log.kind == MEMORY_LOG_PROCESSES;
    file->is_machine = log.kind == MEMORY_LOG_FREE;
    str_copy(file->unit_source, sizeof(file->unit_source),
             log.kind == MEMORY_LOG_PROCESSES ? "ps and pidstat tell RSS in kB"
             : log.kind == MEMORY_LOG_PAIRS   ? "MB: pairs tell no unit"
             : log.scale == 1                 ? "MB, by the size of the total"
             : log.scale == 0                 ? "as it stands behind the numbers"
             : log.scale > 1e-4               ? "kB, by the size of the total"
                                              : "bytes, by the size of the total");
    skips_merge(&file->skips, &log.skips, 0);
    return rc;
}

static int nothing_in_it(const struct memory_file *file, const struct analysis_input *input,
                         struct error *err)
{
    if (input->bytes == 0)
        error_set(err, ERROR_NOTHING, "it is empty");
    else
        error_set(err, ERROR_NOTHING, "there is no value of memory in it");
    error_at(err, file->name, 0, 0);
    return error_hint(err, "expected a table with a column like rss_mb, the output of ps -o "
                           "pid,rss,comm, pidstat -r or free, or lines of time and MB");
}

int memory_file_read(const char *path, const struct analyze_options *options,
                     struct memory_file *ret_file, struct analysis *analysis, struct error *err)
{
    CLEANUP(source_cleanup) struct source *source = NULL;
    size_t size = 0;
    struct memory_file *file = ret_file;
    int rc = source_open(path, &source, err);
    if (rc < 0)
        return rc;
    file->name = arena_strdup(&analysis->arena, source_name(source));
    const char *head = source_head(source, &size, err);
    if (!head || !file->name)
        return head ? error_set(err, ERROR_NOMEM, "out of memory") : err ? -err->code : -ERROR_IO;
    struct analysis_input *input = analysis_add_input(analysis, file->name, "memory");
    file->begin_s = file->end_s = NAN;
    if (size > 0)
        rc = memory_log_accepts(head, size)
                 ? read_lines(source, file, &input->lines, err)
                 : read_table(source, options, file, analysis, &input->lines, err);
    if (rc < 0)
        return rc;
    input->format = file->format ? file->format : "memory";
    input->bytes = source_bytes_read(source);
    input->skips = file->skips;
    if (!file->is_untimed) {
        input->begin_s = file->begin_s;
        input->end_s = file->end_s;
    }
    uint64_t samples = 0;
    for (size_t i = 0; i < file->series_count; i++)
        samples += file->series[i]->samples;
    return samples > 0 ? 0 : nothing_in_it(file, input, err);
}
