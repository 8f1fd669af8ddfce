/* trtexec.c: see trtexec.h. trtexec prints these files with C++ streams and escapes nothing:
 *
 *   [                                                       [
 *     { "startEnqMs" : 0.1, …, "latencyMs" : 1.5 }            { "count" : 41400 }
 *   , { "startEnqMs" : 2.1, …, "latencyMs" : inf }          , { "name" : "a "b"", "timeMs" : 1.2, …
 * } ]                                                       ]
 */
#include "format/trtexec.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "base/util.h"
#include "format/json_scan.h"

#define TEXT_BYTES_MAX ((size_t)1 << 30)
#define MS_MAX 9e9 /* 2^63 ns are 9.2e12 ms; a hundred days are enough */

/* Milliseconds as nanoseconds; false: inf, nan, negative, beyond belief. */
static bool ns_from_ms(double ms, uint64_t *ret_ns)
{
    if (!(ms >= 0 && ms <= MS_MAX))
        return false;
    *ret_ns = (uint64_t)llround(ms * 1e6);
    return true;
}

/* ---- times -------------------------------------------------------------------------------- */

enum column { LATENCY, H2D, COMPUTE, D2H, ENQUEUE_START, TRANSFER_START, COMPUTE_START, COLUMNS };

struct row {
    double ms[COLUMNS]; /* NaN: not said */
};

struct times_reader {
    struct json_scan scan;
    struct trtexec_time *items;
    size_t count, capacity;
    uint64_t bad;
    double first_start_ms; /* NaN: none yet */
};

static int column_of(const char *key)
{
    static const struct {
        const char *key;
        enum column column;
    } keys[] = {
        {"latencyMs", LATENCY},
        {"h2dMs", H2D},
        {"inMs", H2D}, /* TensorRT 7 */
        {"computeMs", COMPUTE},
        {"d2hMs", D2H},
        {"outMs", D2H},
        {"startEnqMs", ENQUEUE_START},
        {"startH2dMs", TRANSFER_START},
        {"startInMs", TRANSFER_START},
        {"startComputeMs", COMPUTE_START},
    };
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (strcmp(keys[i].key, key) == 0)
            return (int)keys[i].column;
    return -1;
}

/* Also "inf", "nan" and "-nan". */
static double value_of(const char *text)
{
    char *end;
    double value = strtod(text, &end);
    return end != text && *end == '\0' ? value : NAN;
}

/* Behind "{". */
static enum json_scan_token read_row(struct json_scan *scan, struct row *row)
{
    enum json_scan_token token;
    for (int i = 0; i < COLUMNS; i++)
        row->ms[i] = NAN;
    while ((token = json_scan_next(scan)) == SCAN_KEY) {
        int column = column_of(strbuf_get(&scan->text));
        token = json_scan_next(scan);
        if (column >= 0 && (token == SCAN_NUMBER || token == SCAN_WORD))
            row->ms[column] = value_of(strbuf_get(&scan->text));
        token = json_scan_skip(scan, token);
        if (token <= SCAN_CUT)
            return token;
    }
    if (token > SCAN_CUT && token != SCAN_OBJECT_END) {
        json_scan_fail(scan, "not what trtexec --exportTimes writes: a key should stand here");
        return SCAN_ERROR;
    }
    return token;
}

static double start_of(const struct row *row)
{
    for (int i = ENQUEUE_START; i <= COMPUTE_START; i++)
        if (isfinite(row->ms[i]))
            return row->ms[i];
    return NAN;
}

static int take_row(struct times_reader *reader, const struct row *row)
{
    struct trtexec_time time = {0};
    if (!ns_from_ms(row->ms[LATENCY], &time.latency_ns)) {
        reader->bad++;
        return 0;
    }
    ns_from_ms(row->ms[H2D], &time.h2d_ns);
    ns_from_ms(row->ms[COMPUTE], &time.compute_ns);
    ns_from_ms(row->ms[D2H], &time.d2h_ns);
    double start = start_of(row);
    if (isnan(reader->first_start_ms))
        reader->first_start_ms = start;
    ns_from_ms(start - reader->first_start_ms, &time.start_ns);
    if (array_reserve(&reader->items, &reader->capacity, reader->count + 1, sizeof(time)) < 0) {
        reader->scan.rc = error_set(reader->scan.err, ERROR_NOMEM, "out of memory");
        return reader->scan.rc;
    }
    reader->items[reader->count++] = time;
    return 0;
}

static int read_rows(struct times_reader *reader)
{
    struct json_scan *scan = &reader->scan;
    enum json_scan_token token = json_scan_next(scan);
    struct row row;
    if (token == SCAN_END)
        return json_scan_fail(scan, "the file is empty");
    if (token != SCAN_ARRAY)
        return json_scan_fail(scan, "not what trtexec --exportTimes writes: it begins with [");
    while ((token = json_scan_next(scan)) == SCAN_OBJECT) {
        token = read_row(scan, &row);
        if (token == SCAN_CUT)
            reader->bad++; /* the last one, of a file that was cut off */
        if (token != SCAN_OBJECT_END || take_row(reader, &row) < 0)
            return scan->rc;
    }
    if (token != SCAN_ARRAY_END && token != SCAN_CUT)
        json_scan_fail(scan, "not what trtexec --exportTimes writes: a row should stand here");
    return scan->rc;
}

/* The scan is open; closes it. */
static int read_times(struct times_reader *reader, struct trtexec_times *ret_times)
{
    reader->first_start_ms = NAN;
    int rc = read_rows(reader);
    struct trtexec_times times = {.count = reader->count, .bad = reader->bad};
    if (rc == 0) {
        times.items = arena_alloc(&times.arena, (reader->count + 1) * sizeof(*times.items));
        if (!times.items)
            rc = error_set(reader->scan.err, ERROR_NOMEM, "out of memory");
        else if (reader->count > 0)
            memcpy(times.items, reader->items, reader->count * sizeof(*times.items));
    }
    free(reader->items);
    json_scan_close(&reader->scan);
    if (rc == 0)
        *ret_times = times;
    return rc;
}

int trtexec_times_read(const char *path, struct trtexec_times *ret_times, struct error *err)
{
    struct times_reader reader = {0};
    int rc = json_scan_open(&reader.scan, path, err);
    return rc < 0 ? rc : read_times(&reader, ret_times);
}

int trtexec_times_read_text(const char *text, size_t size, const char *path,
                            struct trtexec_times *ret_times, struct error *err)
{
    struct times_reader reader = {0};
    json_scan_open_text(&reader.scan, text, size, path, err);
    return read_times(&reader, ret_times);
}

void trtexec_times_deinit(struct trtexec_times *times)
{
    arena_deinit(&times->arena);
    *times = (struct trtexec_times){0};
}

/* ---- layers ------------------------------------------------------------------------------- */

/* A name may hold quotes, so this file is no JSON, and is read by hand. */
struct cursor {
    const char *at, *end, *begin;
    const char *path;
    struct error *err;
};

static int fail(const struct cursor *cursor, const char *what)
{
    int line = 1;
    const char *line_begin = cursor->begin;
    for (const char *p = cursor->begin; p < cursor->at; p++)
        if (*p == '\n') {
            line++;
            line_begin = p + 1;
        }
    error_set(cursor->err, ERROR_INPUT, "not what trtexec --exportProfile writes: %s", what);
    error_at(cursor->err, cursor->path, line, (int)(cursor->at - line_begin) + 1);
    return -ERROR_INPUT;
}

static void skip_space(struct cursor *cursor)
{
    while (cursor->at < cursor->end && isspace((unsigned char)*cursor->at))
        cursor->at++;
}

static bool take_char(struct cursor *cursor, char c)
{
    skip_space(cursor);
    if (cursor->at == cursor->end || *cursor->at != c)
        return false;
    cursor->at++;
    return true;
}

static bool take_key(struct cursor *cursor, char *key, size_t size)
{
    if (!take_char(cursor, '"'))
        return false;
    const char *close = memchr(cursor->at, '"', (size_t)(cursor->end - cursor->at));
    if (!close || (size_t)(close - cursor->at) >= size)
        return false;
    memcpy(key, cursor->at, (size_t)(close - cursor->at));
    key[close - cursor->at] = '\0';
    cursor->at = close + 1;
    return take_char(cursor, ':');
}

static bool take_number(struct cursor *cursor, double *ret)
{
    char text[64];
    size_t length = 0;
    skip_space(cursor);
    while (cursor->at < cursor->end && length < sizeof(text) - 1 &&
           (isalnum((unsigned char)*cursor->at) || strchr("+-.", *cursor->at)) && *cursor->at)
        text[length++] = *cursor->at++;
    text[length] = '\0';
    *ret = value_of(text);
    return length > 0;
}

/* A name ends where its quote is followed by the next key, which is "timeMs". */
static bool ends_name(struct cursor cursor)
{
    char key[16];
    cursor.at++;
    return take_char(&cursor, ',') && take_key(&cursor, key, sizeof(key)) &&
           strcmp(key, "timeMs") == 0;
}

static const char *take_name(struct cursor *cursor, struct arena *arena, bool *ret_cut)
{
    *ret_cut = true;
    if (!take_char(cursor, '"'))
        return NULL;
    const char *begin = cursor->at;
    for (; cursor->at < cursor->end; cursor->at++) {
        if (*cursor->at != '"' || !ends_name(*cursor))
            continue;
        char *name = arena_strndup(arena, begin, (size_t)(cursor->at - begin));
        *ret_cut = false;
        cursor->at++;
        if (name)
            str_make_printable(name);
        return name;
    }
    cursor->at = begin;
    return NULL;
}

struct layers_reader {
    struct cursor in;
    struct trtexec_layers layers;
    size_t capacity;
    struct trtexec_layer *items;
};

static int no_memory(struct layers_reader *reader)
{
    return error_set(reader->in.err, ERROR_NOMEM, "out of memory");
}

/* Behind the key. */
static int read_value(struct layers_reader *reader, const char *key, struct trtexec_layer *layer)
{
    double value = NAN;
    bool cut;
    if (strcmp(key, "name") == 0) {
        layer->name = take_name(&reader->in, &reader->layers.arena, &cut);
        if (layer->name)
            return 0;
        return cut ? fail(&reader->in, "a name that does not end") : no_memory(reader);
    }
    if (!take_number(&reader->in, &value))
        return fail(&reader->in, "a number should stand here");
    if (strcmp(key, "count") == 0 && value >= 0 && value < 1e18)
        reader->layers.count = (uint64_t)value;
    else if (strcmp(key, "timeMs") == 0)
        ns_from_ms(value, &layer->total_ns);
    else if (strcmp(key, "averageMs") == 0)
        ns_from_ms(value, &layer->average_ns);
    else if (strcmp(key, "medianMs") == 0)
        ns_from_ms(value, &layer->median_ns);
    return 0;
}

/* Behind "{". */
static int read_layer(struct layers_reader *reader)
{
    struct trtexec_layer layer = {0};
    char key[64];
    while (!take_char(&reader->in, '}')) {
        if (!take_key(&reader->in, key, sizeof(key)))
            return fail(&reader->in, "a key should stand here");
        int rc = read_value(reader, key, &layer);
        if (rc < 0)
            return rc;
        take_char(&reader->in, ',');
    }
    if (!layer.name)
        return 0; /* the row of the count */
    size_t count = reader->layers.item_count;
    if (array_reserve(&reader->items, &reader->capacity, count + 1, sizeof(layer)) < 0)
        return no_memory(reader);
    reader->items[count] = layer;
    reader->layers.item_count++;
    return 0;
}

static int read_layers(struct layers_reader *reader)
{
    if (!take_char(&reader->in, '['))
        return fail(&reader->in, "it begins with [");
    while (!take_char(&reader->in, ']')) {
        take_char(&reader->in, ',');
        if (!take_char(&reader->in, '{'))
            return fail(&reader->in, "a row should stand here");
        int rc = read_layer(reader);
        if (rc < 0)
            return rc;
    }
    struct trtexec_layers *layers = &reader->layers;
    layers->items = arena_alloc(&layers->arena, (layers->item_count + 1) * sizeof(*layers->items));
    if (!layers->items)
        return no_memory(reader);
    if (layers->item_count > 0)
        memcpy(layers->items, reader->items, layers->item_count * sizeof(*layers->items));
    return 0;
}

int trtexec_layers_read_text(const char *text, size_t size, const char *path,
                             struct trtexec_layers *ret_layers, struct error *err)
{
    struct layers_reader reader = {
        .in = {.at = text, .end = text + size, .begin = text, .path = path, .err = err}};
    int rc = read_layers(&reader);
    free(reader.items);
    if (rc < 0) {
        trtexec_layers_deinit(&reader.layers);
        return rc;
    }
    *ret_layers = reader.layers;
    return 0;
}

int trtexec_layers_read(const char *path, struct trtexec_layers *ret_layers, struct error *err)
{
    CLEANUP_FREE char *text = NULL;
    size_t size;
    int rc = file_read_all(path, TEXT_BYTES_MAX, &text, &size, err);
    return rc < 0 ? rc : trtexec_layers_read_text(text, size, path, ret_layers, err);
}

void trtexec_layers_deinit(struct trtexec_layers *layers)
{
    arena_deinit(&layers->arena);
    *layers = (struct trtexec_layers){0};
}

/* ---- version ------------------------------------------------------------------------------ */

/* NV_TENSORRT_VERSION: major * 1000 + minor * 100 + patch up to 9, then major * 10000 + …: v8601 is
 * 8.6.1 and v100200 is 10.2.0. */
bool trtexec_version(const char *text, size_t size, char *version, size_t version_size)
{
    static const char mark[] = "TensorRT.trtexec [TensorRT v";
    const char *found = memmem(text, size, mark, strlen(mark));
    if (!found)
        return false;
    uint32_t number = 0;
    int digits = 0;
    for (const char *p = found + strlen(mark); p < text + size && isdigit((unsigned char)*p); p++) {
        if (++digits > 8)
            return false;
        number = number * 10 + (uint32_t)(*p - '0');
    }
    if (digits < 4)
        return false;
    uint32_t unit = number >= 100000 ? 10000 : 1000;
    snprintf(version, version_size, "%u.%u.%u", number / unit, number % unit / 100, number % 100);
    return true;
}
