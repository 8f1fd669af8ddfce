/* store_sink.c: records one run: its row at begin, everything else in transactions of at most 5 s
 * or 64 KiB, the final state together with the last of it.
 *
 * What waits between two flushes is held in memory only, so kill -9 loses no more than that. A
 * flush that fails ends the recording: the error is told once, the rows so far stay, marked as
 * crashed, and the caller still has the run in memory.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "format/run_json.h"
#include "store/store_rows.h"

#define SERIES_MAX 65536
#define ROW_BYTES 64 /* about what a phase, an invocation or an event takes on disk */

struct series_buffer {
    struct series series; /* instance, source and why are owned */
    bool known, dirty;    /* seen at all; its row has yet to be written */
    struct chunk chunk;
    struct strbuf hists; /* blocks that are distributions, as bytes */
    uint64_t hist_values;
};

enum recorder_state { RECORDER_IDLE, RECORDER_RECORDING, RECORDER_FAILED };

struct recorder {
    struct run_sink sink; /* first: the sink is cast to its recorder */
    struct store *store;
    enum recorder_state state;
    int failed_code;
    int64_t run; /* key of the run's row */
    int64_t seq; /* of the next row of any table, so their order is kept */
    struct series_buffer *series;
    size_t series_count, series_capacity;
    struct store_row *rows;
    size_t row_count, row_capacity;
    size_t pending_bytes;
    uint64_t flushed_ns; /* CLOCK_MONOTONIC of the last flush */
    int64_t last_ns;     /* the latest time that was told: how far a crashed run came */
};

/* ---- memory ---- */

static void series_deinit(struct series *series)
{
    free((char *)series->instance);
    free((char *)series->source);
    free((char *)series->why);
    *series = (struct series){0};
}

static void drop_rows(struct recorder *recorder)
{
    for (size_t i = 0; i < recorder->row_count; i++)
        store_row_deinit(&recorder->rows[i]);
    recorder->row_count = 0;
}

static void recorder_reset(struct recorder *recorder)
{
    drop_rows(recorder);
    for (size_t i = 0; i < recorder->series_count; i++) {
        series_deinit(&recorder->series[i].series);
        chunk_deinit(&recorder->series[i].chunk);
        strbuf_deinit(&recorder->series[i].hists);
    }
    free(recorder->series);
    free(recorder->rows);
    struct recorder fresh = {.sink = recorder->sink, .store = recorder->store};
    *recorder = fresh;
}

/* ---- writing ---- */

/* The recording ends here; what is on disk is not the whole run, and its row says so if that can
 * still be written. */
static int recorder_fail(struct recorder *recorder, int rc)
{
    struct store *store = recorder->store;
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    recorder->state = RECORDER_FAILED;
    recorder->failed_code = rc;
    drop_rows(recorder);
    sqlite3_busy_timeout(store->db, 0); /* whoever holds it was waited for already */
    if (store_prepare(store, "UPDATE runs SET state='crashed' WHERE run=?1", &stmt, NULL) == 0)
        store_run(store, stmt, sqlite3_bind_int64(stmt, 1, recorder->run), NULL);
    sqlite3_busy_timeout(store->db, STORE_BUSY_TIMEOUT_MS);
    return rc;
}

static int write_series(struct recorder *recorder, struct error *err)
{
    for (size_t i = 0; i < recorder->series_count; i++) {
        struct series_buffer *buffer = &recorder->series[i];
        if (!buffer->known || !buffer->dirty)
            continue;
        int rc = store_write_series(recorder->store, recorder->run, &buffer->series, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int write_chunk(struct recorder *recorder, sqlite3_stmt *stmt, int64_t seq,
                       const struct series_buffer *buffer, const struct strbuf *bytes, int encoding,
                       struct error *err)
{
    uint64_t n = encoding == 1 ? buffer->chunk.n : buffer->hist_values;
    if (bytes->failed)
        return store_no_memory(err);
    int bound = sqlite3_bind_int64(stmt, 1, recorder->run);
    bound |= sqlite3_bind_int64(stmt, 2, seq);
    bound |= sqlite3_bind_int64(stmt, 3, buffer->series.id);
    bound |= sqlite3_bind_int64(stmt, 4, (int64_t)u64_min(n, INT64_MAX));
    bound |= sqlite3_bind_int(stmt, 5, encoding);
    bound |= sqlite3_bind_blob64(stmt, 6, bytes->data, bytes->len, SQLITE_STATIC);
    return store_run(recorder->store, stmt, bound, err);
}

static int write_chunks(struct recorder *recorder, int64_t *seq, struct error *err)
{
    CLEANUP(strbuf_deinit) struct strbuf bytes = {0};
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    int rc = store_prepare(recorder->store,
                           "INSERT INTO chunks(run,seq,series,n,encoding,bytes) "
                           "VALUES(?1,?2,?3,?4,?5,?6)",
                           &stmt, err);
    for (size_t i = 0; rc == 0 && i < recorder->series_count; i++) {
        const struct series_buffer *buffer = &recorder->series[i];
        if (buffer->chunk.n > 0) {
            strbuf_clear(&bytes);
            chunk_encode(&buffer->chunk, &bytes);
            rc = write_chunk(recorder, stmt, (*seq)++, buffer, &bytes, 1, err);
        }
        if (rc == 0 && buffer->hists.len > 0)
            rc = write_chunk(recorder, stmt, (*seq)++, buffer, &buffer->hists, 2, err);
    }
    return rc;
}

static int write_progress(struct recorder *recorder, struct error *err)
{
    CLEANUP_STMT sqlite3_stmt *stmt = NULL;
    int rc = store_prepare(recorder->store, "UPDATE runs SET end_ns=?2 WHERE run=?1", &stmt, err);
    if (rc < 0)
        return rc;
    int bound = sqlite3_bind_int64(stmt, 1, recorder->run);
    bound |= sqlite3_bind_int64(stmt, 2, recorder->last_ns);
    return store_run(recorder->store, stmt, bound, err);
}

static int write_pending(struct recorder *recorder, const struct run_end *end, int64_t *seq,
                         struct error *err)
{
    int rc = write_series(recorder, err);
    for (size_t i = 0; rc == 0 && i < recorder->row_count; i++)
        rc = store_write_row(recorder->store, recorder->run, (*seq)++, &recorder->rows[i], err);
    if (rc == 0)
        rc = write_chunks(recorder, seq, err);
    if (rc < 0)
        return rc;
    return end ? store_write_end(recorder->store, recorder->run, end, err)
               : write_progress(recorder, err);
}

/* Everything that waits, in one transaction; with `end` also the run's final state. */
static int flush(struct recorder *recorder, const struct run_end *end, struct error *err)
{
    int64_t seq = recorder->seq;
    int rc = store_begin(recorder->store, err);
    if (rc < 0)
        return recorder_fail(recorder, rc);
    rc = write_pending(recorder, end, &seq, err);
    if (rc == 0) {
        rc = store_commit(recorder->store, err);
    } else {
        store_rollback(recorder->store);
    }
    if (rc < 0)
        return recorder_fail(recorder, rc);
    recorder->seq = seq;
    for (size_t i = 0; i < recorder->series_count; i++) {
        recorder->series[i].dirty = false;
        chunk_clear(&recorder->series[i].chunk);
        strbuf_clear(&recorder->series[i].hists);
        recorder->series[i].hist_values = 0;
    }
    drop_rows(recorder);
    recorder->pending_bytes = 0;
    recorder->flushed_ns = clock_mono_ns();
    return 0;
}

static int flush_if_due(struct recorder *recorder, struct error *err)
{
    bool due = recorder->pending_bytes >= STORE_FLUSH_BYTES ||
               clock_mono_ns() - recorder->flushed_ns >= STORE_FLUSH_NS;
    return due ? flush(recorder, NULL, err) : 0;
}

/* ---- the sink ---- */

/* 0 if a run is being recorded. */
static int check_recording(const struct recorder *recorder, struct error *err)
{
    if (recorder->state == RECORDER_RECORDING)
        return 0;
    if (recorder->state == RECORDER_FAILED)
        return error_set(err, -recorder->failed_code, "the store stopped recording this run");
    return error_set(err, ERROR_INTERNAL, "the store's sink was used outside begin and end");
}

static int on_begin(struct run_sink *sink, const struct run_info *info, struct error *err)
{
    struct recorder *recorder = (struct recorder *)sink;
    if (recorder->state == RECORDER_RECORDING)
        return error_set(err, ERROR_INTERNAL, "the store records another run already");
    recorder_reset(recorder);
    int rc = store_write_begin(recorder->store, info, &recorder->run, err);
    if (rc < 0) {
        recorder->state = RECORDER_FAILED;
        recorder->failed_code = rc;
        return rc;
    }
    recorder->state = RECORDER_RECORDING;
    recorder->flushed_ns = clock_mono_ns();
    return 0;
}

/* Takes over what `row` owns, also when it fails. */
static int push_row(struct recorder *recorder, struct store_row *row, size_t bytes,
                    struct error *err)
{
    int rc = check_recording(recorder, err);
    if (rc == 0 && array_reserve(&recorder->rows, &recorder->row_capacity, recorder->row_count + 1,
                                 sizeof(*recorder->rows)) < 0)
        rc = recorder_fail(recorder, store_no_memory(err));
    if (rc < 0) {
        store_row_deinit(row);
        return rc;
    }
    recorder->rows[recorder->row_count++] = *row;
    recorder->pending_bytes += bytes;
    return flush_if_due(recorder, err);
}

static void note_time(struct recorder *recorder, int64_t t_ns)
{
    if (t_ns > recorder->last_ns)
        recorder->last_ns = t_ns;
}

static int on_phase(struct run_sink *sink, const struct phase *phase, struct error *err)
{
    struct store_row row = {.kind = ROW_PHASE, .phase = *phase};
    return push_row((struct recorder *)sink, &row, ROW_BYTES, err);
}

static int on_invocation(struct run_sink *sink, const struct invocation *invocation,
                         struct error *err)
{
    struct store_row row = {.kind = ROW_INVOCATION, .invocation = *invocation};
    note_time((struct recorder *)sink, invocation->end_ns);
    return push_row((struct recorder *)sink, &row, ROW_BYTES, err);
}

static int on_event(struct run_sink *sink, const struct event *event, struct error *err)
{
    struct recorder *recorder = (struct recorder *)sink;
    struct store_row row = {.kind = ROW_EVENT, .event = *event};
    row.event.name = strdup(event->name ? event->name : "");
    row.event.text = strdup(event->text ? event->text : "");
    if (!row.event.name || !row.event.text) {
        store_row_deinit(&row);
        int rc = check_recording(recorder, err);
        return rc < 0 ? rc : recorder_fail(recorder, store_no_memory(err));
    }
    return push_row(recorder, &row, ROW_BYTES + strlen(row.event.text), err);
}

static int on_finding(struct run_sink *sink, const struct finding *finding, struct error *err)
{
    struct recorder *recorder = (struct recorder *)sink;
    struct store_row row = {.kind = ROW_FINDING, .finding = malloc(sizeof(*finding))};
    if (!row.finding) {
        int rc = check_recording(recorder, err);
        return rc < 0 ? rc : recorder_fail(recorder, store_no_memory(err));
    }
    *row.finding = *finding;
    return push_row(recorder, &row, sizeof(*finding), err);
}

/* What the recorder keeps of a series. -1: out of memory (*ret untouched). */
static int series_copy(const struct series *series, struct series *ret)
{
    struct series copy = *series;
    copy.instance = strdup(series->instance ? series->instance : "");
    copy.source = strdup(series->source ? series->source : "");
    copy.why = series->why ? strdup(series->why) : NULL;
    if (!copy.instance || !copy.source || (series->why && !copy.why)) {
        series_deinit(&copy);
        return -1;
    }
    *ret = copy;
    return 0;
}

static int find_series(struct recorder *recorder, const struct series *series,
                       struct series_buffer **ret_buffer, struct error *err)
{
    size_t id = series->id;
    if (id >= SERIES_MAX)
        return error_set(err, ERROR_INTERNAL, "series id %zu is not dense", id);
    if (array_reserve(&recorder->series, &recorder->series_capacity, id + 1,
                      sizeof(*recorder->series)) < 0)
        return store_no_memory(err);
    while (recorder->series_count <= id)
        recorder->series[recorder->series_count++] = (struct series_buffer){0};
    struct series_buffer *buffer = &recorder->series[id];
    /* A reason may become known late: a counter that never got time on the hardware. */
    if (!buffer->known || buffer->series.reason != series->reason) {
        struct series copy;
        if (series_copy(series, &copy) < 0)
            return store_no_memory(err);
        series_deinit(&buffer->series);
        buffer->series = copy;
        buffer->known = buffer->dirty = true;
        recorder->pending_bytes += ROW_BYTES;
    }
    *ret_buffer = buffer;
    return 0;
}

static int take_block(struct recorder *recorder, const struct sample_block *block,
                      struct error *err)
{
    struct series_buffer *buffer = NULL;
    int rc = find_series(recorder, block->series, &buffer, err);
    if (rc == 0 && block->hist) {
        size_t before = buffer->hists.len;
        chunk_append_hist(block, &buffer->hists);
        if (buffer->hists.failed)
            return store_no_memory(err);
        buffer->hist_values += block->hist->count;
        recorder->pending_bytes += buffer->hists.len - before;
    }
    if (rc < 0 || block->n == 0)
        return rc;
    if (!(block->series->metric->kind == METRIC_NS ? (void *)block->value_ns : block->value))
        return error_set(err, ERROR_INTERNAL, "a block of %s holds no values",
                         block->series->metric->name);
    if (chunk_append(&buffer->chunk, block) < 0)
        return store_no_memory(err);
    recorder->pending_bytes += block->n * (block->t_ns ? 16 : 8);
    if (block->t_ns)
        note_time(recorder, block->t_ns[block->n - 1]);
    return 0;
}

static int on_samples(struct run_sink *sink, const struct sample_block *block, struct error *err)
{
    struct recorder *recorder = (struct recorder *)sink;
    int rc = check_recording(recorder, err);
    if (rc < 0)
        return rc;
    rc = take_block(recorder, block, err);
    return rc < 0 ? recorder_fail(recorder, rc) : flush_if_due(recorder, err);
}

static int on_end(struct run_sink *sink, const struct run_end *end, struct error *err)
{
    struct recorder *recorder = (struct recorder *)sink;
    int rc = check_recording(recorder, err);
    if (rc == 0)
        rc = flush(recorder, end, err);
    if (rc == 0)
        recorder_reset(recorder);
    return rc;
}

static const struct run_sink_ops recorder_ops = {.name = "store",
                                                 .begin = on_begin,
                                                 .phase = on_phase,
                                                 .invocation = on_invocation,
                                                 .samples = on_samples,
                                                 .event = on_event,
                                                 .finding = on_finding,
                                                 .end = on_end};

int store_sink(struct store *store, struct run_sink **ret_sink, struct error *err)
{
    if (!store->writable)
        return error_set(err, ERROR_INTERNAL, "the store was opened for reading");
    if (!store->recorder) {
        store->recorder = calloc(1, sizeof(*store->recorder));
        if (!store->recorder)
            return store_no_memory(err);
        store->recorder->sink.ops = &recorder_ops;
        store->recorder->store = store;
    }
    if (store->recorder->state == RECORDER_RECORDING)
        return error_set(err, ERROR_INTERNAL, "the store records another run already");
    *ret_sink = &store->recorder->sink;
    return 0;
}

void store_recorder_free(struct recorder *recorder)
{
    if (!recorder)
        return;
    /* Nobody called end: what came so far is kept, and is no whole run. */
    if (recorder->state == RECORDER_RECORDING && flush(recorder, NULL, NULL) == 0)
        recorder_fail(recorder, -ERROR_INTERRUPTED);
    recorder_reset(recorder);
    free(recorder);
}
