/* csv_each.c: a table read on several cores: chunks without quotes by any of them at once, those
 * with quotes one after the other, when their turn comes: only then it is known whether a row is
 * open in which they begin.
 */
#include <stdlib.h>
#include <string.h>

#include "format/csv_internal.h"

struct reading {
    struct csv *csv;
    const struct csv_job *job;
    struct csv_scan *in_turn; /* of the chunks with quotes */
};

static void scan_free(void *context, void *pointer)
{
    struct reading *reading = context;
    struct csv_scan *scan = pointer;
    if (scan->result)
        reading->job->result_free(reading->job->context, scan->result);
    strbuf_deinit(&scan->unquoted);
    strbuf_deinit(&scan->carry);
    free(scan->texts);
    free(scan->numbers);
    free(scan);
}

static void *scan_new(void *context)
{
    struct reading *reading = context;
    const struct csv *csv = reading->csv;
    struct csv_scan *scan = calloc(1, sizeof(*scan));
    if (!scan)
        return NULL;
    size_t cells = csv->want_count * CSV_BATCH;
    scan->csv = csv;
    scan->job = reading->job;
    scan->texts = calloc(cells, sizeof(*scan->texts));
    scan->numbers = calloc(cells, sizeof(*scan->numbers));
    scan->result = reading->job->result_new(reading->job->context);
    if (!scan->texts || !scan->numbers || !scan->result) {
        scan_free(context, scan);
        return NULL;
    }
    scan->rows.line = scan->lines;
    for (size_t i = 0; i < csv->want_count; i++) {
        if (csv->column_of[i] < 0)
            continue;
        if (csv->wants[i].kind == CSV_TEXT || csv->wants[i].kind == CSV_LAZY_TIME)
            scan->rows.text[i] = scan->texts + i * CSV_BATCH;
        else
            scan->rows.number[i] = scan->numbers + i * CSV_BATCH;
    }
    return scan;
}

/* ---- a chunk ---- */

static int end_chunk(struct csv_scan *scan, int rc, struct error *err)
{
    bool goes_on = rc == 0 && scan->job->chunk_end;
    return goes_on ? scan->job->chunk_end(scan->job->context, scan->result, err) : rc;
}

static void begin_chunk(struct csv_scan *scan, const struct chunk *chunk)
{
    bool has_header = chunk->first_line == 1 && scan->csv->header_line > 0;
    scan->line = 0;
    scan->header_line = has_header ? (uint32_t)scan->csv->header_line - 1 : UINT32_MAX;
}

static int scan_chunk(void *context, void *pointer, const struct chunk *chunk, struct error *err)
{
    struct csv_scan *scan = pointer;
    scan->chunk = *chunk;
    if (chunk->has_quotes)
        return 0;
    begin_chunk(scan, chunk);
    int rc = end_chunk(scan, csv_scan_plain(scan, chunk, err), err);
    return rc == 0 ? (int)scan->line : rc;
}

/* ---- in the order of the file ---- */

static int hand_over(struct reading *reading, struct csv_scan *scan, uint64_t first_line,
                     struct error *err)
{
    skips_merge(&reading->csv->skips, &scan->skips, first_line);
    memset(&scan->skips, 0, sizeof(scan->skips));
    return reading->job->merge(reading->job->context, scan->result, first_line, err);
}

static int read_in_turn(struct reading *reading, const struct chunk *chunk, uint64_t first_line,
                        struct error *err)
{
    struct csv_scan *scan = reading->in_turn;
    uint64_t begin = first_line - scan->carry_lines;
    begin_chunk(scan, chunk);
    int rc = end_chunk(scan, csv_scan_quoted(scan, chunk, err), err);
    if (rc < 0 && err->line > 0)
        err->line += (int)begin - 1;
    scan->carry_lines = 0;
    for (size_t i = 0; i < scan->carry.len; i++)
        scan->carry_lines += scan->carry.data[i] == '\n';
    return rc == 0 ? hand_over(reading, scan, begin, err) : rc;
}

/* A quote that is still open where none follows for a whole chunk is never closed. */
static int end_open_row(struct reading *reading, uint64_t next_line, struct error *err)
{
    static const struct chunk nothing = {.text = "", .is_last = true};
    return reading->in_turn->carry.len > 0 ? read_in_turn(reading, &nothing, next_line, err) : 0;
}

static int merge_scan(void *context, void *pointer, uint64_t first_line, struct error *err)
{
    struct reading *reading = context;
    struct csv_scan *scan = pointer;
    struct chunk chunk = scan->chunk;
    scan->chunk = (struct chunk){.text = NULL}; /* one that is empty is not scanned */
    if (chunk.has_quotes)
        return read_in_turn(reading, &chunk, first_line, err);
    int rc = chunk.size > 0 ? end_open_row(reading, first_line, err) : 0;
    return rc == 0 ? hand_over(reading, scan, first_line, err) : rc;
}

int csv_each(struct csv *csv, unsigned threads, const struct csv_job *job, struct error *err)
{
    struct reading reading = {.csv = csv, .job = job};
    struct source_job chunks = {.context = &reading,
                                .result_new = scan_new,
                                .result_free = scan_free,
                                .work = scan_chunk,
                                .merge = merge_scan,
                                .finds_quotes = true};
    reading.in_turn = scan_new(&reading);
    if (!reading.in_turn)
        return error_set(err, ERROR_NOMEM, "out of memory");
    int rc = source_each(csv->source, threads, &chunks, &csv->lines, err);
    if (rc == 0)
        rc = end_open_row(&reading, csv->lines + 1, err);
    scan_free(&reading, reading.in_turn);
    return rc;
}
