/* efficiency_read.c: rows of a CSV into groups. Threads parse; the groups are filled in the order
 * of the file, because intervals and energy over time depend on it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "analyze/files/efficiency_internal.h"
#include "base/unit.h"
#include "base/util.h"
#include "format/csv.h"

#define GROUP_COLUMNS_MAX 12

enum {
    WANT_LATENCY,
    WANT_POWER,
    WANT_THROUGHPUT,
    WANT_BATCH,
    WANT_TIME,
    WANT_WARMUP,
    WANT_WORKLOAD,
    WANT_RUN,
    WANT_OWN, /* those of --group-by follow */
};

static const char *const latency_names[] = {
    "latency",      "lat_ms",  "latency (ms)",      "latency(ms)", "inference_ms",
    "infer_ms",     "time_ms", "inference_time_ms", "duration_ms", "elapsed_ms",
    "wall_ms",      "e2e_ms",  "latency_us",        "latency_ns",  "latency_s",
    "inference_us", NULL};
static const char *const power_names[] = {"power",    "power_watts",    "watts",
                                          "power(w)", "power (w)",      "gpu_power_w",
                                          "power_mw", "power.draw [w]", NULL};
static const char *const throughput_names[] = {"throughput_fps", "throughput_per_s", "fps",
                                               "items_per_s", NULL};
static const char *const batch_names[] = {"batch", "batchsize", "bs", NULL};
static const char *const time_names[] = {"time",      "ts",  "time_s", "datetime",
                                         "date_time", "t_s", NULL};
static const char *const warmup_names[] = {"warmup", NULL};
static const char *const workload_names[] = {"model", "model_name", "network", NULL};
static const char *const run_names[] = {"label", "run", NULL};

static const struct csv_want fixed[WANT_OWN] = {
    [WANT_LATENCY] = {"latency_ms", latency_names, CSV_NUMBER, true},
    [WANT_POWER] = {"power_w", power_names, CSV_NUMBER, true},
    [WANT_THROUGHPUT] = {"throughput", throughput_names, CSV_NUMBER, false},
    [WANT_BATCH] = {"batch_size", batch_names, CSV_NUMBER, false},
    [WANT_TIME] = {"timestamp", time_names, CSV_TIME, false},
    [WANT_WARMUP] = {"is_warmup", warmup_names, CSV_TEXT, false},
    [WANT_WORKLOAD] = {"workload", workload_names, CSV_TEXT, false},
    [WANT_RUN] = {"run_label", run_names, CSV_TEXT, false},
};

struct reading {
    struct efficiency *efficiency;
    const char *file; /* NULL: the only one, and not part of the groups' names */
    const char *path;
    struct csv_want wants[CSV_WANTS_MAX];
    size_t want_count;
    size_t by[GROUP_COLUMNS_MAX]; /* wants that make the groups */
    size_t by_count;
    const struct csv *csv;
    double latency_scale, power_scale; /* to ms and W, by the names of the columns */
    struct skips skips;                /* of values that the CSV reader cannot judge */
    double begin_s, end_s;
    int last_group; /* of the row before; -1: none */
};

/* Rows of a chunk, until it is known which lines they are. */
struct chunk_rows {
    struct efficiency_row *rows; /* line: since the chunk began */
    uint16_t *groups;            /* in the index of this thread */
    size_t count, rows_capacity, groups_capacity;
    struct efficiency_index index;
    int global[EFFICIENCY_GROUPS_MAX]; /* in that of all; -1: not known yet */
    struct strbuf key;
    int last; /* group of the row before, -1: none */
    uint64_t warmup;
    struct skips skips;
};

static void *rows_new(void *context)
{
    struct chunk_rows *rows = calloc(1, sizeof(*rows));
    for (size_t i = 0; rows && i < EFFICIENCY_GROUPS_MAX; i++)
        rows->global[i] = -1;
    if (rows)
        rows->last = -1;
    return rows;
}

static void rows_free(void *context, void *result)
{
    struct chunk_rows *rows = result;
    free(rows->rows);
    free(rows->groups);
    arena_deinit(&rows->index.arena);
    strbuf_deinit(&rows->key);
    free(rows);
}

/* ---- one row ---- */

static void append_value(const struct reading *reading, const struct csv_rows *from, size_t row,
                         size_t want, struct strbuf *key)
{
    char number[32];
    uint64_t batch = reading->efficiency->options->batch_size;
    if (want == WANT_BATCH && batch > 0)
        strbuf_printf(key, "%llu", (unsigned long long)batch);
    else if (from->text[want])
        strbuf_append_n(key, from->text[want][row].data, from->text[want][row].size);
    else if (from->number[want] && isfinite(from->number[want][row]))
        strbuf_append(key, unit_format_number(from->number[want][row], 15, number, sizeof(number)));
}

/* "resnet50_batch4", as `analyze latency` names it; other columns stand between slashes. Empty
 * values are left out. */
static int make_key(const struct reading *reading, const struct csv_rows *from, size_t row,
                    struct strbuf *key)
{
    strbuf_clear(key);
    if (from->text[WANT_WORKLOAD])
        strbuf_append_n(key, from->text[WANT_WORKLOAD][row].data,
                        from->text[WANT_WORKLOAD][row].size);
    strbuf_putc(key, EFFICIENCY_SEPARATOR);
    size_t label = key->len;
    if (reading->file)
        strbuf_append(key, reading->file);
    for (size_t i = 0; i < reading->by_count; i++) {
        size_t before = key->len;
        bool is_batch = reading->by[i] == WANT_BATCH;
        strbuf_append(key, is_batch         ? before > label ? "_batch" : "batch"
                           : before > label ? " / "
                                            : "");
        size_t empty = key->len;
        append_value(reading, from, row, reading->by[i], key);
        if (key->len == empty && !key->failed) {
            key->len = before;
            key->data[before] = '\0';
        }
    }
    if (key->len == label)
        strbuf_append(key, "all");
    return key->failed ? -1 : 0;
}

static int find_group(const struct reading *reading, struct chunk_rows *rows, struct error *err)
{
    const struct efficiency_index *index = &rows->index;
    if (rows->last >= 0 && index->entries[rows->last].size == rows->key.len &&
        memcmp(index->entries[rows->last].key, rows->key.data, rows->key.len) == 0)
        return rows->last;
    int group = efficiency_index_of(&rows->index, strbuf_get(&rows->key), rows->key.len);
    if (group < 0)
        return error_set(err, ERROR_NOMEM, "out of memory");
    if (group == EFFICIENCY_GROUPS_MAX) {
        error_set(err, ERROR_INPUT, "more than %d groups", EFFICIENCY_GROUPS_MAX);
        error_at(err, reading->path, 0, 0);
        return error_hint(err, "--group-by columns with fewer values");
    }
    rows->last = group;
    return group;
}

static bool is_warmup(const struct csv_rows *from, size_t row)
{
    const struct csv_text *text = from->text[WANT_WARMUP];
    if (!text || text[row].size == 0)
        return false;
    return strchr("1tTyY", text[row].data[0]) != NULL; /* 1, true, True, yes */
}

static double value_at(const struct csv_rows *from, size_t want, size_t row)
{
    return from->number[want] ? from->number[want][row] : NAN;
}

/* What makes a row useless; SKIP_COUNT: nothing. */
static enum skip fault_of(const struct efficiency_row *row)
{
    if (row->latency_ms <= 0 || row->power_w < 0 || row->batch <= 0)
        return SKIP_NEGATIVE;
    return isnan(row->batch) ? SKIP_EMPTY_VALUE : SKIP_COUNT;
}

static int take_rows(void *context, void *result, const struct csv_rows *from, struct error *err)
{
    struct reading *reading = context;
    struct chunk_rows *rows = result;
    double batch = (double)u64_max(1, reading->efficiency->options->batch_size);
    bool own_batch = from->number[WANT_BATCH] && reading->efficiency->options->batch_size == 0;
    size_t need = rows->count + from->count;
    if (array_reserve(&rows->rows, &rows->rows_capacity, need, sizeof(*rows->rows)) < 0 ||
        array_reserve(&rows->groups, &rows->groups_capacity, need, sizeof(*rows->groups)) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory");
    for (size_t i = 0; i < from->count; i++) {
        struct efficiency_row row = {.latency_ms =
                                         from->number[WANT_LATENCY][i] * reading->latency_scale,
                                     .power_w = from->number[WANT_POWER][i] * reading->power_scale,
                                     .throughput_per_s = value_at(from, WANT_THROUGHPUT, i),
                                     .batch = own_batch ? from->number[WANT_BATCH][i] : batch,
                                     .time_s = value_at(from, WANT_TIME, i),
                                     .line = from->line[i]};
        enum skip fault = fault_of(&row);
        if (fault != SKIP_COUNT || is_warmup(from, i)) {
            rows->warmup += fault == SKIP_COUNT;
            if (fault != SKIP_COUNT)
                skips_add(&rows->skips, fault, row.line);
            continue;
        }
        if (make_key(reading, from, i, &rows->key) < 0)
            return error_set(err, ERROR_NOMEM, "out of memory");
        int group = find_group(reading, rows, err);
        if (group < 0)
            return group;
        rows->rows[rows->count] = row;
        rows->groups[rows->count++] = (uint16_t)group;
    }
    return 0;
}

/* ---- in order ---- */

static int global_of(struct reading *reading, struct chunk_rows *rows, uint16_t local,
                     struct error *err)
{
    if (rows->global[local] >= 0)
        return rows->global[local];
    struct efficiency *efficiency = reading->efficiency;
    size_t before = efficiency->index.count;
    int group = efficiency_index_of(&efficiency->index, rows->index.entries[local].key,
                                    rows->index.entries[local].size);
    if (group < 0)
        return error_set(err, ERROR_NOMEM, "out of memory");
    if (group == EFFICIENCY_GROUPS_MAX) {
        error_set(err, ERROR_INPUT, "more than %d groups", EFFICIENCY_GROUPS_MAX);
        error_at(err, reading->path, 0, 0);
        return error_hint(err, "--group-by columns with fewer values");
    }
    if (efficiency->index.count > before) {
        struct efficiency_group *made = &efficiency->groups[group];
        const char *key = efficiency->index.entries[group].key;
        const char *separator = strchr(key, EFFICIENCY_SEPARATOR);
        made->workload = arena_strndup(&efficiency->index.arena, key, (size_t)(separator - key));
        made->label = separator + 1;
        made->file = reading->path;
        if (!made->workload)
            return error_set(err, ERROR_NOMEM, "out of memory");
    }
    return rows->global[local] = group;
}

static int merge_rows(void *context, void *result, uint64_t first_line, struct error *err)
{
    struct reading *reading = context;
    struct chunk_rows *rows = result;
    for (size_t i = 0; i < rows->count; i++) {
        struct efficiency_row *row = &rows->rows[i];
        bool backwards;
        int group = global_of(reading, rows, rows->groups[i], err);
        if (group < 0)
            return group;
        row->line += first_line;
        /* The time until a group comes again is that of the rows in between: it is theirs. */
        if (group != reading->last_group)
            efficiency_energy_break(&reading->efficiency->groups[group].energy);
        reading->last_group = group;
        if (efficiency_group_add(&reading->efficiency->groups[group], row, &backwards) < 0)
            return error_set(err, ERROR_NOMEM, "out of memory");
        if (backwards)
            skips_add(&reading->skips, SKIP_TIME_BACKWARDS, row->line);
        if (!isnan(row->time_s)) {
            reading->begin_s = fmin(reading->begin_s, row->time_s);
            reading->end_s = fmax(reading->end_s, row->time_s);
        }
    }
    skips_merge(&reading->skips, &rows->skips, first_line);
    reading->efficiency->warmup_rows += rows->warmup;
    rows->warmup = 0;
    rows->skips = (struct skips){0};
    rows->count = 0;
    return 0;
}

/* ---- columns ---- */

static bool is_named(const struct csv_want *want, const char *name)
{
    if (strcasecmp(want->name, name) == 0)
        return true;
    for (size_t i = 0; want->synonyms && want->synonyms[i]; i++) {
        if (strcasecmp(want->synonyms[i], name) == 0)
            return true;
    }
    return false;
}

/* A column of --group-by: one that is read anyway, or one more. */
static int group_by(struct reading *reading, const char *name, struct error *err)
{
    size_t want = 0;
    while (want < reading->want_count && !is_named(&reading->wants[want], name))
        want++;
    if (reading->by_count == GROUP_COLUMNS_MAX)
        return error_set(err, ERROR_USAGE, "--group-by takes %d columns at most",
                         GROUP_COLUMNS_MAX);
    if (want == reading->want_count)
        reading->wants[reading->want_count++] =
            (struct csv_want){.name = name, .kind = CSV_TEXT, .is_required = true};
    else
        reading->wants[want].is_required = true;
    reading->by[reading->by_count++] = want;
    return 0;
}

static int choose_columns(struct reading *reading, struct error *err)
{
    const struct analyze_options *options = reading->efficiency->options;
    memcpy(reading->wants, fixed, sizeof(fixed));
    reading->want_count = WANT_OWN;
    if (options->batch_size > 0)
        reading->wants[WANT_BATCH].is_required = false;
    for (size_t i = 0; i < options->group_count; i++) {
        int rc = group_by(reading, options->groups[i], err);
        if (rc < 0)
            return rc;
    }
    if (options->group_count == 0) {
        static const size_t usual[] = {WANT_RUN, WANT_WORKLOAD, WANT_BATCH};
        memcpy(reading->by, usual, sizeof(usual));
        reading->by_count = ARRAY_LEN(usual);
    }
    return 0;
}

/* What a unit at the end of a column's name makes of its values; 1 where it says none. */
static double scale_of(const struct csv *csv, size_t want)
{
    static const struct {
        const char *suffix;
        double scale;
    } units[] = {{"_us", 1e-3}, {"_ns", 1e-6}, {"_s", 1e3}, {"_mw", 1e-3}};
    const char *name = csv_column_name(csv, (size_t)csv_column_of(csv, want));
    size_t length = strlen(name);
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        size_t suffix = strlen(units[i].suffix);
        if (length >= suffix && strcasecmp(name + length - suffix, units[i].suffix) == 0)
            return units[i].scale;
    }
    return 1;
}

/* What the analysis says of this file. */
static void tell_input(const struct reading *reading, struct source *source, uint64_t used)
{
    struct analysis_input *input =
        analysis_add_input(reading->efficiency->analysis, reading->path, "CSV");
    input->bytes = source_bytes_read(source);
    input->lines = csv_lines(reading->csv);
    input->skips = *csv_skips(reading->csv);
    skips_merge(&input->skips, &reading->skips, 0);
    input->skips.rows = used;
    if (reading->begin_s <= reading->end_s) {
        input->begin_s = reading->begin_s;
        input->end_s = reading->end_s;
    }
}

static uint64_t rows_of(const struct efficiency *efficiency)
{
    uint64_t rows = 0;
    for (size_t i = 0; i < efficiency->index.count; i++)
        rows += efficiency->groups[i].means.n;
    return rows;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Of several files each has groups of its own; the folder is named where that is the difference. */
static const char *name_in_groups(const struct analyze_options *options, const char *path)
{
    size_t alike = 0;
    if (options->path_count < 2)
        return NULL;
    for (size_t i = 0; i < options->path_count; i++)
        alike += strcmp(base_name(options->paths[i]), base_name(path)) == 0;
    return alike > 1 ? path : base_name(path);
}

int efficiency_read(struct efficiency *efficiency, const char *path, struct error *err)
{
    static const struct csv_job job = {
        .result_new = rows_new, .result_free = rows_free, .rows = take_rows, .merge = merge_rows};
    struct source *source = NULL;
    struct csv *csv = NULL;
    int rc = source_open(path, &source, err);
    if (rc < 0)
        return rc;
    struct reading reading = {.efficiency = efficiency,
                              .path = source_name(source),
                              .begin_s = INFINITY,
                              .end_s = -INFINITY,
                              .last_group = -1};
    struct csv_job with_context = job;
    with_context.context = &reading;
    reading.file = name_in_groups(efficiency->options, reading.path);
    char *name = arena_strdup(&efficiency->index.arena, reading.path);
    uint64_t before = rows_of(efficiency);
    rc = name ? choose_columns(&reading, err) : error_set(err, ERROR_NOMEM, "out of memory");
    if (rc == 0) {
        reading.path = name;
        rc = csv_open(source, reading.wants, reading.want_count, &csv, err);
    }
    if (rc == 0) {
        reading.csv = csv;
        reading.latency_scale = scale_of(csv, WANT_LATENCY);
        reading.power_scale = scale_of(csv, WANT_POWER);
        rc = csv_each(csv, efficiency->options->threads, &with_context, err);
    }
    if (rc == 0) {
        bool own = efficiency->options->batch_size > 0;
        efficiency->has_batch =
            efficiency->has_batch && (own || csv_column_of(csv, WANT_BATCH) >= 0);
        efficiency->has_time = efficiency->has_time || csv_column_of(csv, WANT_TIME) >= 0;
        efficiency->has_column = efficiency->has_column || csv_column_of(csv, WANT_THROUGHPUT) >= 0;
        tell_input(&reading, source, rows_of(efficiency) - before);
    }
    csv_close(csv);
    source_close(source);
    return rc;
}
