/* layer_csv.c: see layer_csv.h. In order: a pass follows the other. */
#include "format/layer_csv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"

enum { NAME, TYPE, TIME_MS, TIME_US, TIME_S, DEVICE, BATCH, PASS, WANTS };

static const char *const name_names[] = {"name", "layer", "op_name", "node", NULL};
static const char *const type_names[] = {"type", "op_type", "op", "layertype", NULL};
static const char *const ms_names[] = {"time",        "avg_ms",      "averagems",
                                       "duration_ms", "latency_ms",  "time(ms)",
                                       "time (ms)",   "avg_time_ms", NULL};
static const char *const us_names[] = {"duration_us", "time(us)", "avg_us", NULL};
static const char *const s_names[] = {"duration_s", "time(s)", NULL};
static const char *const device_names[] = {"processor", "unit", "engine", "provider", NULL};
static const char *const batch_names[] = {"batch", "batchsize", "bs", NULL};
static const char *const pass_names[] = {"run_id", "run_label", "iteration", "iter",
                                         "frame",  "pass",      NULL};

static const struct csv_want wants[WANTS] = {
    [NAME] = {"layer_name", name_names, CSV_TEXT, true},
    [TYPE] = {"layer_type", type_names, CSV_TEXT, false},
    [TIME_MS] = {"time_ms", ms_names, CSV_NUMBER, false},
    [TIME_US] = {"time_us", us_names, CSV_NUMBER, false},
    [TIME_S] = {"time_s", s_names, CSV_NUMBER, false},
    [DEVICE] = {"device", device_names, CSV_TEXT, false},
    [BATCH] = {"batch_size", batch_names, CSV_NUMBER, false},
    [PASS] = {"run", pass_names, CSV_TEXT, false},
};

struct row {
    size_t name, type, device, pass; /* in texts */
    double time_ms, batch;
    uint32_t line;
};

struct rows { /* of a chunk */
    struct row *items;
    size_t count, capacity;
    struct strbuf texts;
    struct skips skips;
};

struct reading {
    const struct layer_sink *sink;
    bool has_pass;  /* the column */
    bool has_begun; /* a pass */
    double batch;   /* of it; NaN: not said */
    struct strbuf pass;
    struct skips skips;
};

static void *rows_new(void *context)
{
    return calloc(1, sizeof(struct rows));
}

static void rows_free(void *context, void *result)
{
    struct rows *rows = result;
    free(rows->items);
    strbuf_deinit(&rows->texts);
    free(rows);
}

static size_t keep(struct strbuf *texts, const struct csv_rows *from, size_t want, size_t row)
{
    size_t at = texts->len;
    if (from->text[want])
        strbuf_append_n(texts, from->text[want][row].data, from->text[want][row].size);
    strbuf_putc(texts, '\0');
    return at;
}

static double time_of(const struct csv_rows *from, size_t row)
{
    static const double scale[] = {[TIME_MS] = 1, [TIME_US] = 1e-3, [TIME_S] = 1e3};
    for (size_t want = TIME_MS; want <= TIME_S; want++) {
        if (from->number[want])
            return from->number[want][row] * scale[want];
    }
    return NAN;
}

static int take_rows(void *context, void *result, const struct csv_rows *from, struct error *err)
{
    struct rows *rows = result;
    if (array_reserve(&rows->items, &rows->capacity, rows->count + from->count,
                      sizeof(*rows->items)) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory");
    for (size_t i = 0; i < from->count; i++) {
        double time_ms = time_of(from, i);
        if (!(time_ms >= 0)) {
            skips_add(&rows->skips, isnan(time_ms) ? SKIP_EMPTY_VALUE : SKIP_NEGATIVE,
                      from->line[i]);
            continue;
        }
        rows->items[rows->count++] =
            (struct row){.name = keep(&rows->texts, from, NAME, i),
                         .type = keep(&rows->texts, from, TYPE, i),
                         .device = keep(&rows->texts, from, DEVICE, i),
                         .pass = keep(&rows->texts, from, PASS, i),
                         .time_ms = time_ms,
                         .batch = from->number[BATCH] ? from->number[BATCH][i] : NAN,
                         .line = from->line[i]};
    }
    return rows->texts.failed ? error_set(err, ERROR_NOMEM, "out of memory") : 0;
}

static bool is_same(double a, double b)
{
    return (isnan(a) && isnan(b)) || !(a < b || a > b);
}

/* A new pass: the first row, another batch size, another value of the column of passes. */
static int begin_pass(struct reading *reading, const struct row *row, const char *pass,
                      struct error *err)
{
    if (reading->has_begun && strcmp(strbuf_get(&reading->pass), pass) == 0 &&
        is_same(row->batch, reading->batch))
        return 0;
    reading->has_begun = true;
    reading->batch = row->batch;
    strbuf_clear(&reading->pass);
    strbuf_append(&reading->pass, pass);
    if (reading->pass.failed)
        return error_set(err, ERROR_NOMEM, "out of memory");
    bool has_batch = row->batch >= 1 && row->batch <= 1e9;
    return reading->sink->pass(reading->sink->context, has_batch ? (uint64_t)row->batch : 0,
                               reading->has_pass, err);
}

static int merge_rows(void *context, void *result, uint64_t first_line, struct error *err)
{
    struct reading *reading = context;
    struct rows *rows = result;
    int rc = 0;
    for (size_t i = 0; i < rows->count && rc == 0; i++) {
        const struct row *row = &rows->items[i];
        char *texts = rows->texts.data;
        str_make_printable(texts + row->name);
        str_make_printable(texts + row->type);
        str_make_printable(texts + row->device);
        struct layer_row layer = {.name = texts + row->name,
                                  .type = texts + row->type,
                                  .device = texts + row->device,
                                  .time_ms = row->time_ms,
                                  .line = first_line + row->line};
        rc = begin_pass(reading, row, texts + row->pass, err);
        if (rc == 0)
            rc = reading->sink->layer(reading->sink->context, &layer, err);
    }
    reading->skips.rows += rows->count;
    skips_merge(&reading->skips, &rows->skips, first_line);
    rows->skips = (struct skips){0};
    rows->count = 0;
    strbuf_clear(&rows->texts);
    return rc;
}

/* One of three columns is required, which csv_open cannot know. */
static int no_time(const struct csv *csv, const struct source *source, struct error *err)
{
    char names[160] = "";
    size_t length = 0;
    for (size_t i = 0; i < csv_column_count(csv) && length < sizeof(names) - 40; i++) {
        length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%.30s",
                                   i > 0 ? ", " : "", csv_column_name(csv, i));
    }
    error_set(err, ERROR_INPUT, "no column time_ms");
    error_at(err, source_name(source), (int)csv_header_line(csv), 0);
    return error_hint(err, "a time of each layer is needed: time_ms, time, time_us; there are: %s",
                      names);
}

int layer_csv_read(struct source *source, const struct layer_sink *sink, struct skips *ret_skips,
                   uint64_t *ret_lines, struct error *err)
{
    struct reading reading = {.sink = sink, .batch = NAN};
    struct csv_job job = {.context = &reading,
                          .result_new = rows_new,
                          .result_free = rows_free,
                          .rows = take_rows,
                          .merge = merge_rows};
    struct csv *csv = NULL;
    int rc = csv_open(source, wants, WANTS, &csv, err);
    if (rc < 0)
        return rc;
    reading.has_pass = csv_column_of(csv, PASS) >= 0;
    bool has_time = csv_column_of(csv, TIME_MS) >= 0 || csv_column_of(csv, TIME_US) >= 0 ||
                    csv_column_of(csv, TIME_S) >= 0;
    rc = has_time ? csv_each(csv, 1, &job, err) : no_time(csv, source, err);
    if (rc == 0) {
        *ret_skips = *csv_skips(csv);
        skips_merge(ret_skips, &reading.skips, 0);
        ret_skips->rows = reading.skips.rows;
        *ret_lines = csv_lines(csv);
    }
    strbuf_deinit(&reading.pass);
    csv_close(csv);
    return rc;
}
