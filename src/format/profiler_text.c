/* profiler_text.c: see profiler_text.h. Lines are taken apart by words: what regular expressions
 * would find anywhere in a line is found here by trying each word as the beginning. */
#include "format/profiler_text.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "format/number.h"

#define WORDS_MAX 64

struct word {
    const char *begin, *end;
};

/* The words of a line; of a longer one the first. */
static size_t split(const char *text, size_t size, struct word words[WORDS_MAX])
{
    const char *at = text, *end = text + size;
    size_t count = 0;
    while (count < WORDS_MAX) {
        while (at < end && isspace((unsigned char)*at))
            at++;
        if (at == end)
            break;
        words[count].begin = at;
        while (at < end && !isspace((unsigned char)*at))
            at++;
        words[count++].end = at;
    }
    return count;
}

static bool is_word(const struct word *word, const char *text)
{
    size_t size = (size_t)(word->end - word->begin);
    return strlen(text) == size && strncasecmp(word->begin, text, size) == 0;
}

/* Why a value is no time; SKIP_COUNT: it is one. Of a word that has nothing of a number, nobody
 * said that it is one: SKIP_OTHER_LINE. */
static enum skip time_of(const struct word *value, double *ret_ms)
{
    const char *end = number_parse(value->begin, value->end, ret_ms);
    bool has_digit = false;
    for (const char *at = value->begin; at < value->end; at++)
        has_digit = has_digit || isdigit((unsigned char)*at);
    if (end != value->end)
        return has_digit ? SKIP_NOT_A_NUMBER : SKIP_OTHER_LINE;
    if (!isfinite(*ret_ms))
        return SKIP_NOT_FINITE;
    return *ret_ms >= 0 ? SKIP_COUNT : SKIP_NEGATIVE;
}

/* "2.5 ms" and "2.5ms", from words[at] on: how many words it takes, 0: it is none. */
static size_t time_at(const struct word *words, size_t count, size_t at, double *ret_ms,
                      enum skip *ret_why)
{
    if (at >= count)
        return 0;
    struct word value = words[at], unit = {value.end - 2, value.end};
    bool is_joined = value.end - value.begin > 2 && is_word(&unit, "ms");
    if (is_joined)
        value.end = unit.begin;
    else if (at + 1 >= count || !is_word(&words[at + 1], "ms"))
        return 0;
    *ret_why = time_of(&value, ret_ms);
    return is_joined ? 1 : 2;
}

/* GPU, DLA, DLA0, DLA1, CPU; what follows them (a comma) is left out. */
static size_t device_size(const struct word *word)
{
    static const char *const names[] = {"GPU", "DLA", "CPU"};
    size_t size = (size_t)(word->end - word->begin);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (size < 3 || strncmp(word->begin, names[i], 3) != 0)
            continue;
        size_t taken = 3;
        while (taken < size && isdigit((unsigned char)word->begin[taken]))
            taken++;
        return taken == size || !isalpha((unsigned char)word->begin[taken]) ? taken : 0;
    }
    return 0;
}

/* A line of a known form whose time is none is a row of data that is lost. */
static bool is_spoilt(struct profiler_item *item, enum skip why)
{
    if (why != SKIP_COUNT && why != SKIP_OTHER_LINE)
        item->why = why;
    return why != SKIP_COUNT;
}

static bool find_layer(const struct word *words, size_t count, struct profiler_item *ret)
{
    for (size_t at = 2; at < count; at++) {
        enum skip why;
        size_t taken = time_at(words, count, at, &ret->time_ms, &why);
        if (taken == 0 || at + taken >= count)
            continue;
        ret->device_size = device_size(&words[at + taken]);
        if (ret->device_size == 0 || is_spoilt(ret, why))
            continue;
        ret->device = words[at + taken].begin;
        ret->name = words[at - 2].begin;
        ret->name_size = (size_t)(words[at - 2].end - words[at - 2].begin);
        ret->type = words[at - 1].begin;
        ret->type_size = (size_t)(words[at - 1].end - words[at - 1].begin);
        return true;
    }
    return false;
}

static bool find_transfer(const struct word *words, size_t count, struct profiler_item *ret)
{
    for (size_t at = 0; at + 3 < count; at++) {
        struct word name = words[at];
        if (name.end > name.begin && name.end[-1] == ':')
            name.end--;
        ret->to_device = is_word(&name, "H2D");
        if (!ret->to_device && !is_word(&name, "D2H"))
            continue;
        if (number_parse(words[at + 1].begin, words[at + 1].end, &ret->bytes) !=
                words[at + 1].end ||
            !(ret->bytes >= 0) || !isfinite(ret->bytes))
            continue;
        if (!is_word(&words[at + 2], "bytes") && !is_word(&words[at + 2], "byte"))
            continue;
        enum skip why;
        if (time_at(words, count, at + 3, &ret->time_ms, &why) > 0 && !is_spoilt(ret, why))
            return true;
    }
    return false;
}

/* "Total: 12.5 ms", "Total:12.5ms" */
static bool find_total(const struct word *words, size_t count, struct profiler_item *ret)
{
    static const char name[] = "Total:";
    size_t length = strlen(name);
    for (size_t at = 0; at < count; at++) {
        struct word word = words[at];
        size_t size = (size_t)(word.end - word.begin);
        if (size < length || strncmp(word.begin, name, length) != 0)
            continue;
        struct word own[2] = {{word.begin + length, word.end}, {NULL, NULL}};
        enum skip why;
        if (size == length)
            return time_at(words, count, at + 1, &ret->time_ms, &why) > 0 && !is_spoilt(ret, why);
        if (at + 1 < count)
            own[1] = words[at + 1];
        return time_at(own, at + 1 < count ? 2 : 1, 0, &ret->time_ms, &why) > 0 &&
               !is_spoilt(ret, why);
    }
    return false;
}

/* "Batch Size: 4", "batchsize 4", "[batch size: 4]" */
static bool find_batch(const char *text, size_t size, struct profiler_item *ret)
{
    const char *end = text + size;
    for (const char *at = text; at + 9 < end; at++) {
        if (strncasecmp(at, "batch", 5) != 0)
            continue;
        const char *rest = at + 5;
        while (rest < end && isspace((unsigned char)*rest))
            rest++;
        if (end - rest < 5 || strncasecmp(rest, "size", 4) != 0)
            continue;
        rest += 4;
        const char *digits = rest;
        while (digits < end && (*digits == ':' || isspace((unsigned char)*digits)))
            digits++;
        uint64_t batch = 0;
        const char *last = digits;
        for (; last < end && isdigit((unsigned char)*last) && last - digits < 9; last++)
            batch = batch * 10 + (uint64_t)(*last - '0');
        if (digits == rest || last == digits || batch == 0)
            continue;
        ret->batch = batch;
        return true;
    }
    return false;
}

enum profiler_line profiler_text_line(const char *text, size_t size, struct profiler_item *ret)
{
    struct word words[WORDS_MAX];
    *ret = (struct profiler_item){.why = SKIP_OTHER_LINE};
    size_t count = split(text, size, words);
    if (find_transfer(words, count, ret))
        return PROFILER_TRANSFER;
    if (find_layer(words, count, ret))
        return PROFILER_LAYER;
    if (find_total(words, count, ret))
        return PROFILER_TOTAL;
    return find_batch(text, size, ret) ? PROFILER_BATCH : PROFILER_OTHER;
}

bool profiler_text_accepts(const char *text, size_t size)
{
    const char *end = text + size;
    struct profiler_item item;
    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *line_end = newline ? newline : end;
        enum profiler_line kind = profiler_text_line(text, (size_t)(line_end - text), &item);
        if (kind == PROFILER_LAYER || kind == PROFILER_TRANSFER)
            return true;
        text = line_end + (newline ? 1 : 0);
    }
    return false;
}

/* ---- the whole text ---- */

struct reading {
    const struct layer_sink *sink;
    bool is_open;   /* a pass has begun, and has something in it */
    uint64_t batch; /* of the passes that follow; 0: not said */
    bool any_layer;
    struct strbuf name, type, device;
};

static void copy(struct strbuf *to, const char *text, size_t size)
{
    strbuf_clear(to);
    strbuf_append_n(to, text, size);
    if (to->data)
        str_make_printable(to->data);
}

static int open_pass(struct reading *reading, struct error *err)
{
    if (reading->is_open)
        return 0;
    reading->is_open = true;
    return reading->sink->pass(reading->sink->context, reading->batch, true, err);
}

static int take_layer(struct reading *reading, const struct profiler_item *item, uint64_t line,
                      struct error *err)
{
    copy(&reading->name, item->name, item->name_size);
    copy(&reading->type, item->type, item->type_size);
    copy(&reading->device, item->device, item->device_size);
    if (reading->name.failed || reading->type.failed || reading->device.failed)
        return error_set(err, ERROR_NOMEM, "out of memory");
    struct layer_row row = {.name = strbuf_get(&reading->name),
                            .type = strbuf_get(&reading->type),
                            .device = strbuf_get(&reading->device),
                            .time_ms = item->time_ms,
                            .line = line};
    reading->any_layer = true;
    return reading->sink->layer(reading->sink->context, &row, err);
}

static int take(struct reading *reading, enum profiler_line kind, const struct profiler_item *item,
                uint64_t line, struct error *err)
{
    const struct layer_sink *sink = reading->sink;
    if (kind == PROFILER_BATCH) {
        bool is_late = reading->batch == 0 && reading->any_layer;
        reading->batch = item->batch;
        reading->is_open = false;
        return is_late ? sink->batch(sink->context, item->batch, err) : 0;
    }
    int rc = open_pass(reading, err);
    if (rc == 0 && kind == PROFILER_LAYER)
        return take_layer(reading, item, line, err);
    if (rc == 0 && kind == PROFILER_TRANSFER) {
        struct transfer_row row = {item->to_device, item->bytes, item->time_ms, line};
        return sink->transfer(sink->context, &row, err);
    }
    if (rc == 0 && kind == PROFILER_TOTAL) {
        rc = sink->total(sink->context, item->time_ms, err);
        reading->is_open = false;
    }
    return rc;
}

static int nothing(const struct source *source, struct error *err)
{
    error_set(err, ERROR_NOTHING, "no line of a layer in it");
    error_at(err, source_name(source), 0, 0);
    return error_hint(err, "expected: NAME TYPE 2.5 ms GPU, one layer a line");
}

int profiler_text_read(struct source *source, const struct layer_sink *sink,
                       struct skips *ret_skips, uint64_t *ret_lines, struct error *err)
{
    struct reading reading = {.sink = sink};
    struct skips skips = {0};
    struct line line = {.number = 0};
    int rc;
    while ((rc = source_next_line(source, &line, err)) > 0) {
        struct profiler_item item;
        enum profiler_line kind = profiler_text_line(line.text, line.size, &item);
        if (kind == PROFILER_OTHER) {
            skips_add(&skips, line.size == 0 ? SKIP_BLANK : item.why, line.number);
            continue;
        }
        /* A total of nothing is one of something else. */
        if (kind == PROFILER_TOTAL && !reading.is_open) {
            skips_add(&skips, SKIP_OTHER_LINE, line.number);
            continue;
        }
        skips.rows++;
        rc = take(&reading, kind, &item, line.number, err);
        if (rc < 0)
            break;
    }
    strbuf_deinit(&reading.name);
    strbuf_deinit(&reading.type);
    strbuf_deinit(&reading.device);
    if (rc == 0 && !reading.any_layer)
        rc = nothing(source, err);
    if (rc == 0) {
        *ret_skips = skips;
        *ret_lines = line.number;
    }
    return rc;
}
