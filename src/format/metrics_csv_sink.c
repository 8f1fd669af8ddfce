/* metrics_csv_sink.c: the monitor's rows from the time series of a run (metrics_csv.h).
 *
 * A run hands its series over column by column, many times at once: all that one series measured
 * since the last time, then all of the next. So rows are gathered in a ring: a value goes into the
 * row of its time. When the first series comes round again, all of them have told what they had,
 * and the rows up to there are complete. Series are declared when the run begins, before any value,
 * so the first value settles the columns.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/util.h"
#include "format/metrics_csv_internal.h"

#define ROWS 1024 /* a round is at most 256 ticks, and rows are no closer than ticks */

struct column {
    uint32_t id; /* of the series */
    int64_t last_ns;
    uint64_t interval_ns; /* between its last two values: its own pace */
    double *values;       /* ROWS */
    double held;          /* its last value, and the row that it was of */
    uint64_t held_row;
};

struct csv_sink {
    struct run_sink sink; /* first */
    char *path, *columns;
    uint64_t interval_ns;
    double begin_epoch_s;
    struct arena arena;             /* names of instances */
    struct metrics_source *sources; /* declared so far */
    struct column *items;
    size_t count, source_capacity, item_capacity;
    struct metrics_csv *csv; /* NULL: opened with the first value, when the columns are known */
    bool is_bound;
    struct metrics_csv_stats stats;
    double *row;         /* count values */
    uint64_t next_row;   /* 1 is the first: it ends one interval after the beginning */
    uint64_t newest_row; /* the last that has a value */
    uint64_t round_row;  /* the last that had one when this round began */
    uint32_t last_id;    /* of the last block: a smaller one begins a round */
};

static struct csv_sink *of(struct run_sink *sink)
{
    return (struct csv_sink *)sink;
}

/* ---- rows ---- */

/* The row in whose interval t lies: (0, interval] is row 1. */
static uint64_t row_of(const struct csv_sink *sink, int64_t t_ns)
{
    if (t_ns <= 0)
        return 1;
    return ((uint64_t)t_ns + sink->interval_ns - 1) / sink->interval_ns;
}

/* What stands in this row: its own value, or an earlier one for less than the series' own pace. */
static double value_in_row(struct csv_sink *sink, struct column *column, uint64_t row,
                           bool *ret_fresh)
{
    double *slot = &column->values[row % ROWS], value = *slot;
    *slot = NAN;
    if (!isnan(value)) {
        column->held = value;
        column->held_row = row;
        *ret_fresh = true;
        return value;
    }
    uint64_t age_ns = (row - column->held_row) * sink->interval_ns;
    uint64_t spare_ns = sink->interval_ns / 2; /* the ticks' jitter */
    return row > column->held_row && age_ns + spare_ns < column->interval_ns ? column->held : NAN;
}

static void write_row(struct csv_sink *sink, uint64_t row)
{
    bool is_fresh = false;
    for (size_t i = 0; i < sink->count; i++)
        sink->row[i] = value_in_row(sink, &sink->items[i], row, &is_fresh);
    if (!is_fresh)
        return;
    int64_t end_ns = (int64_t)(row * sink->interval_ns);
    metrics_csv_row(sink->csv, sink->begin_epoch_s + (double)end_ns / 1e9, end_ns, sink->row);
}

/* Writes all rows up to this one. */
static void write_up_to(struct csv_sink *sink, uint64_t row)
{
    for (; sink->next_row <= row && sink->next_row <= sink->newest_row; sink->next_row++)
        write_row(sink, sink->next_row);
    if (sink->next_row <= row)
        sink->next_row = row + 1; /* nothing was measured for so long */
}

/* ---- series ---- */

static bool is_wanted(const struct series *series)
{
    if (series->kind != SERIES_TIME || series->reason != REASON_NONE)
        return false;
    for (size_t i = 0; i < metrics_columns_count; i++) {
        if (strcmp(metrics_columns[i].metric, series->metric->name) == 0)
            return true;
    }
    return false;
}

static struct column *find_column(struct csv_sink *sink, uint32_t id)
{
    for (size_t i = 0; i < sink->count; i++) {
        if (sink->items[i].id == id)
            return &sink->items[i];
    }
    return NULL;
}

static int declare(struct csv_sink *sink, const struct series *series)
{
    size_t need = sink->count + 1;
    char *instance = arena_strdup(&sink->arena, series->instance ? series->instance : "");
    double *values = malloc(ROWS * sizeof(*values));
    if (!instance || !values ||
        array_reserve(&sink->sources, &sink->source_capacity, need, sizeof(*sink->sources)) < 0 ||
        array_reserve(&sink->items, &sink->item_capacity, need, sizeof(*sink->items)) < 0) {
        free(values);
        return -ERROR_NOMEM;
    }
    for (size_t i = 0; i < ROWS; i++)
        values[i] = NAN;
    sink->sources[sink->count] = (struct metrics_source){series->metric, instance, 0};
    sink->items[sink->count++] =
        (struct column){.id = series->id, .last_ns = INT64_MIN, .values = values, .held = NAN};
    return 0;
}

static int open_file(struct csv_sink *sink, struct error *err)
{
    struct metrics_csv_options options = {.path = sink->path,
                                          .columns = sink->columns,
                                          .sources = sink->sources,
                                          .source_count = sink->count,
                                          .interval_ns = sink->interval_ns};
    return metrics_csv_open(&options, &sink->csv, err);
}

/* With the first value: all series are known. */
static int bind(struct csv_sink *sink, struct error *err)
{
    int rc = 0;
    if (!sink->csv)
        rc = open_file(sink, err);
    else if (metrics_csv_bind(sink->csv, sink->sources, sink->count, sink->interval_ns) < 0)
        rc = error_set(err, ERROR_NOMEM, "out of memory for a CSV");
    sink->row = rc == 0 ? calloc(sink->count + 1, sizeof(*sink->row)) : NULL;
    if (rc == 0 && !sink->row)
        rc = error_set(err, ERROR_NOMEM, "out of memory for a CSV");
    sink->is_bound = rc == 0;
    return rc;
}

/* ---- the sink ---- */

static void put_value(struct csv_sink *sink, struct column *column, int64_t t_ns, double value)
{
    uint64_t row = row_of(sink, t_ns);
    if (t_ns > column->last_ns && column->last_ns != INT64_MIN)
        column->interval_ns = (uint64_t)(t_ns - column->last_ns);
    column->last_ns = t_ns;
    if (isnan(value))
        return;
    if (row >= sink->next_row + ROWS)
        write_up_to(sink, row - ROWS + 1);
    if (row >= sink->next_row) {
        column->values[row % ROWS] = value;
        sink->newest_row = u64_max(sink->newest_row, row);
    } else if (row >= column->held_row) { /* its row is written: it still holds */
        column->held = value;
        column->held_row = row;
    }
}

static int sink_on_begin(struct run_sink *base, const struct run_info *info, struct error *err)
{
    of(base)->begin_epoch_s = info->begin_epoch_s;
    return 0;
}

static int sink_on_samples(struct run_sink *base, const struct sample_block *block,
                           struct error *err)
{
    struct csv_sink *sink = of(base);
    if (!is_wanted(block->series))
        return 0;
    struct column *column = find_column(sink, block->series->id);
    if (!column && !sink->is_bound) {
        if (declare(sink, block->series) < 0)
            return error_set(err, ERROR_NOMEM, "out of memory for a CSV");
        column = find_column(sink, block->series->id);
    }
    if (!column || block->n == 0 || !block->t_ns || !block->value)
        return 0;
    if (!sink->is_bound) {
        int rc = bind(sink, err);
        if (rc < 0)
            return rc;
    } else if (block->series->id <= sink->last_id) {
        /* Not the row that is still going on, and one round more for a series that comes late. */
        write_up_to(sink, sink->newest_row > sink->round_row ? sink->round_row
                                                             : u64_max(sink->newest_row, 1) - 1);
        sink->round_row = sink->newest_row;
    }
    sink->last_id = block->series->id;
    for (size_t i = 0; i < block->n; i++)
        put_value(sink, column, block->t_ns[i], block->value[i]);
    return 0;
}

static int sink_on_end(struct run_sink *base, const struct run_end *end, struct error *err)
{
    struct csv_sink *sink = of(base);
    if (sink->is_bound && end->end_ns > 0)
        write_up_to(sink, (uint64_t)end->end_ns / sink->interval_ns);
    return 0;
}

static const struct run_sink_ops csv_sink_ops = {
    .name = "metrics csv", .begin = sink_on_begin, .samples = sink_on_samples, .end = sink_on_end};

int metrics_csv_sink_open(const char *path, const char *columns, uint64_t interval_ns,
                          struct run_sink **ret_sink, struct error *err)
{
    struct csv_sink *sink = calloc(1, sizeof(*sink));
    if (!sink)
        return error_set(err, ERROR_NOMEM, "out of memory for a CSV");
    *sink = (struct csv_sink){
        .sink = {&csv_sink_ops}, .interval_ns = u64_max(interval_ns, 1), .next_row = 1};
    sink->path = strdup(path);
    sink->columns = columns ? strdup(columns) : NULL;
    int rc = !sink->path || (columns && !sink->columns)
                 ? error_set(err, ERROR_NOMEM, "out of memory for a CSV")
                 : 0;
    /* Fixed columns are known now: a file that cannot be used is found before anything runs. */
    if (rc == 0 && !columns)
        rc = open_file(sink, err);
    if (rc < 0) {
        metrics_csv_sink_close(&sink->sink, NULL);
        return rc;
    }
    *ret_sink = &sink->sink;
    return 0;
}

const struct metrics_csv_stats *metrics_csv_sink_stats(struct run_sink *base)
{
    struct csv_sink *sink = of(base);
    if (sink->csv)
        metrics_csv_get_stats(sink->csv, &sink->stats);
    return &sink->stats;
}

int metrics_csv_sink_close(struct run_sink *base, struct error *err)
{
    if (!base)
        return 0;
    struct csv_sink *sink = of(base);
    int rc = metrics_csv_close(sink->csv, err);
    for (size_t i = 0; i < sink->count; i++)
        free(sink->items[i].values);
    free(sink->items);
    free(sink->sources);
    free(sink->row);
    free(sink->path);
    free(sink->columns);
    arena_deinit(&sink->arena);
    free(sink);
    return rc;
}
