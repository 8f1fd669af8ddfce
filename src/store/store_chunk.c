/* store_chunk.c: samples of one series as bytes (docs/store.md), and back: encoding 1 holds values,
 * encoding 2 distributions. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "stats/hist.h"
#include "store/store_internal.h"

#define VARINT_MAX 10

/* ---- gathering ---- */

/* Whether the block goes on where the last span ends. */
static bool continues(const struct chunk *chunk, const struct sample_block *block, bool has_t)
{
    if (chunk->span_count == 0)
        return false;
    const struct chunk_span *last = &chunk->spans[chunk->span_count - 1];
    return last->invocation == block->invocation && last->has_t == has_t &&
           (block->series->kind != SERIES_UNIT ||
            last->first_unit + last->count == block->first_unit);
}

int chunk_append(struct chunk *chunk, const struct sample_block *block)
{
    bool has_t = block->t_ns != NULL;
    /* All room first: a failure must leave the columns equally long. */
    if (array_reserve(&chunk->values, &chunk->value_capacity, chunk->n + block->n,
                      sizeof(*chunk->values)) < 0 ||
        (has_t && array_reserve(&chunk->t_ns, &chunk->t_capacity, chunk->t_count + block->n,
                                sizeof(*chunk->t_ns)) < 0) ||
        array_reserve(&chunk->spans, &chunk->span_capacity, chunk->span_count + 1,
                      sizeof(*chunk->spans)) < 0)
        return -1;
    if (!continues(chunk, block, has_t)) {
        uint64_t first = block->series->kind == SERIES_UNIT ? block->first_unit : 0;
        chunk->spans[chunk->span_count++] = (struct chunk_span){
            .invocation = block->invocation, .first_unit = first, .has_t = has_t};
    }
    chunk->spans[chunk->span_count - 1].count += block->n;
    if (has_t) {
        memcpy(chunk->t_ns + chunk->t_count, block->t_ns, block->n * sizeof(*chunk->t_ns));
        chunk->t_count += block->n;
    }
    const void *values = block->value_ns ? (const void *)block->value_ns : block->value;
    memcpy(chunk->values + chunk->n, values, block->n * sizeof(*chunk->values));
    chunk->n += block->n;
    return 0;
}

void chunk_clear(struct chunk *chunk)
{
    chunk->span_count = chunk->t_count = chunk->n = 0;
}

void chunk_deinit(struct chunk *chunk)
{
    free(chunk->spans);
    free(chunk->t_ns);
    free(chunk->values);
    *chunk = (struct chunk){0};
}

/* ---- bytes ---- */

/* Seven bits a byte, the lowest first, the high bit set on all but the last (LEB128). */
static void put_varint(struct strbuf *out, uint64_t value)
{
    char bytes[VARINT_MAX];
    size_t n = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[n++] = (char)(0x80 | (value & 0x7f));
    bytes[n++] = (char)value;
    strbuf_append_n(out, bytes, n);
}

static void put_u64(struct strbuf *out, uint64_t value)
{
    char bytes[8];
    for (size_t i = 0; i < 8; i++)
        bytes[i] = (char)(value >> (8 * i));
    strbuf_append_n(out, bytes, 8);
}

void chunk_encode(const struct chunk *chunk, struct strbuf *out)
{
    put_varint(out, chunk->span_count);
    for (size_t i = 0; i < chunk->span_count; i++) {
        const struct chunk_span *span = &chunk->spans[i];
        put_varint(out, span->invocation);
        put_varint(out, span->first_unit);
        put_varint(out, span->count);
        put_varint(out, span->has_t);
    }
    uint64_t previous = 0;
    for (size_t i = 0; i < chunk->t_count; i++) {
        /* Zigzag of the difference modulo 2^64: small either way, and never overflows. */
        uint64_t delta = (uint64_t)chunk->t_ns[i] - previous;
        put_varint(out, (delta << 1) ^ (delta >> 63 ? UINT64_MAX : 0));
        previous = (uint64_t)chunk->t_ns[i];
    }
    for (size_t i = 0; i < chunk->n; i++)
        put_u64(out, chunk->values[i]);
}

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

void chunk_append_hist(const struct sample_block *block, struct strbuf *out)
{
    const struct hist *hist = block->hist;
    uint64_t used = 0, last = 0;
    for (size_t i = 0; i < HIST_BUCKETS; i++)
        used += hist->buckets[i] > 0;
    put_varint(out, block->invocation);
    put_varint(out, hist->min);
    put_varint(out, hist->max);
    put_u64(out, bits_of(hist->sum));
    put_u64(out, bits_of(hist->sum_sq));
    put_varint(out, used);
    for (size_t i = 0; i < HIST_BUCKETS; i++) {
        if (hist->buckets[i] == 0)
            continue;
        put_varint(out, i - last);
        put_varint(out, hist->buckets[i]);
        last = i;
    }
}

struct cursor {
    const unsigned char *at, *end;
    bool bad;
};

static uint64_t get_varint(struct cursor *cursor)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (cursor->at == cursor->end)
            break;
        unsigned char byte = *cursor->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    cursor->bad = true;
    return 0;
}

static uint64_t get_u64(struct cursor *cursor)
{
    uint64_t value = 0;
    for (size_t i = 0; i < 8; i++)
        value |= (uint64_t)cursor->at[i] << (8 * i);
    cursor->at += 8;
    return value;
}

static double get_double(struct cursor *cursor)
{
    double value = NAN;
    if (cursor->end - cursor->at < 8) {
        cursor->bad = true;
        return value;
    }
    uint64_t bits = get_u64(cursor);
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* One distribution; false: damaged. */
static bool decode_hist(struct cursor *cursor, uint32_t *ret_invocation, struct hist *hist)
{
    hist_reset(hist);
    uint64_t invocation = get_varint(cursor), bucket = 0;
    uint64_t min = get_varint(cursor), max = get_varint(cursor);
    hist->sum = get_double(cursor);
    hist->sum_sq = get_double(cursor);
    uint64_t used = get_varint(cursor);
    for (uint64_t i = 0; i < used && !cursor->bad; i++) {
        uint64_t step = get_varint(cursor), count = get_varint(cursor);
        if (step >= HIST_BUCKETS - bucket || (i > 0 && step == 0) || count == 0 ||
            count > UINT64_MAX - hist->count)
            return false;
        bucket += step;
        hist->buckets[bucket] = count;
        hist->count += count;
    }
    if (cursor->bad || invocation > UINT32_MAX || min > max || !isfinite(hist->sum) ||
        !isfinite(hist->sum_sq))
        return false;
    hist->min = min;
    hist->max = max;
    *ret_invocation = (uint32_t)invocation;
    return true;
}

int chunk_replay_hist(const unsigned char *bytes, size_t size, const struct series *series,
                      struct run_sink *sink, struct error *err)
{
    struct cursor cursor = {.at = bytes, .end = bytes + size};
    CLEANUP_FREE struct hist *hist = hist_new();
    if (!hist)
        return store_no_memory(err);
    while (cursor.at < cursor.end) {
        struct sample_block block = {.series = series, .hist = hist};
        if (series->kind == SERIES_TIME || !decode_hist(&cursor, &block.invocation, hist))
            return error_set(err, ERROR_INPUT, "the distribution of %s is damaged",
                             series->metric->name);
        int rc = sink_samples(sink, &block, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Spans and times; false: damaged, or out of memory (*ret_memory). */
static bool decode_head(struct cursor *cursor, uint64_t n, struct chunk *chunk, bool *ret_memory)
{
    uint64_t left = (uint64_t)(cursor->end - cursor->at);
    uint64_t span_count = get_varint(cursor), total = 0, timed = 0;
    /* A span takes 4 bytes, a value 8: so no count can make more be allocated than is there. */
    if (cursor->bad || span_count > left / 4 || n > left / 8)
        return false;
    chunk->spans = calloc(span_count + 1, sizeof(*chunk->spans));
    chunk->t_ns = calloc(n + 1, sizeof(*chunk->t_ns));
    *ret_memory = !chunk->spans || !chunk->t_ns;
    if (*ret_memory)
        return false;
    for (uint64_t i = 0; i < span_count; i++) {
        struct chunk_span *span = &chunk->spans[i];
        uint64_t invocation = get_varint(cursor);
        span->invocation = (uint32_t)invocation;
        span->first_unit = get_varint(cursor);
        span->count = get_varint(cursor);
        span->has_t = get_varint(cursor) != 0;
        if (cursor->bad || invocation > UINT32_MAX || span->count > n - total)
            return false;
        total += span->count;
        timed += span->has_t ? span->count : 0;
    }
    uint64_t t_ns = 0;
    for (uint64_t i = 0; i < timed; i++) {
        uint64_t zigzag = get_varint(cursor);
        t_ns += (zigzag >> 1) ^ (zigzag & 1 ? UINT64_MAX : 0);
        chunk->t_ns[i] = (int64_t)t_ns;
    }
    chunk->span_count = span_count;
    return !cursor->bad && total == n && (uint64_t)(cursor->end - cursor->at) == 8 * n;
}

int chunk_replay(const unsigned char *bytes, size_t size, uint64_t n, const struct series *series,
                 struct run_sink *sink, struct error *err)
{
    CLEANUP(chunk_deinit) struct chunk chunk = {0};
    struct cursor cursor = {.at = bytes, .end = bytes + size};
    bool memory = false;
    if (!decode_head(&cursor, n, &chunk, &memory))
        return memory
                   ? store_no_memory(err)
                   : error_set(err, ERROR_INPUT, "samples of %s are damaged", series->metric->name);
    CLEANUP_FREE double *doubles = calloc(n + 1, sizeof(*doubles));
    chunk.values = calloc(n + 1, sizeof(*chunk.values));
    if (!doubles || !chunk.values)
        return store_no_memory(err);
    for (uint64_t i = 0; i < n; i++)
        chunk.values[i] = get_u64(&cursor);
    memcpy(doubles, chunk.values, n * sizeof(*doubles));
    bool whole = series->metric->kind == METRIC_NS;
    size_t at = 0, t_at = 0;
    for (size_t i = 0; i < chunk.span_count; i++) {
        const struct chunk_span *span = &chunk.spans[i];
        struct sample_block block = {.series = series,
                                     .invocation = span->invocation,
                                     .first_unit = span->first_unit,
                                     .n = span->count,
                                     .t_ns = span->has_t ? chunk.t_ns + t_at : NULL,
                                     .value_ns = whole ? chunk.values + at : NULL,
                                     .value = whole ? NULL : doubles + at};
        int rc = sink_samples(sink, &block, err);
        if (rc < 0)
            return rc;
        at += span->count;
        t_at += span->has_t ? span->count : 0;
    }
    return 0;
}
