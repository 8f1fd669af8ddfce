/* logs_scan.c: a chunk of a log: what each of its lines tells. By any thread. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "analyze/files/logs_internal.h"
#include "base/util.h"
#include "format/number.h"
#include "format/number_field.h"

#define NAMES_MAX 2048 /* that are kept from chunk to chunk */
#define NAMES_POOL_MAX (1u << 20)

/* ---- chunks ---- */

struct logs_chunk *logs_chunk_new(void)
{
    return calloc(1, sizeof(struct logs_chunk));
}

void logs_chunk_free(struct logs_chunk *chunk)
{
    if (!chunk)
        return;
    free(chunk->records);
    free(chunk->numbers);
    free(chunk->pool);
    free(chunk->scratch);
    logs_names_deinit(&chunk->labels);
    logs_names_deinit(&chunk->messages);
    logs_shapes_deinit(&chunk->shapes);
    free(chunk);
}

static bool is_full(const struct logs_names *names)
{
    return names->count > NAMES_MAX || names->pool_size > NAMES_POOL_MAX;
}

void logs_chunk_clear(struct logs_chunk *chunk)
{
    chunk->record_count = chunk->number_count = chunk->pool_size = 0;
    chunk->lines = 0;
    chunk->skips = (struct skips){.rows = 0};
    chunk->failed = false;
    if (is_full(&chunk->labels) || is_full(&chunk->messages)) {
        logs_names_clear(&chunk->labels);
        logs_names_clear(&chunk->messages);
        logs_shapes_clear(&chunk->shapes);
    }
}

static uint32_t keep(struct logs_chunk *chunk, const char *at, size_t size)
{
    if (array_reserve(&chunk->pool, &chunk->pool_capacity, chunk->pool_size + size, 1) < 0) {
        chunk->failed = true;
        return 0;
    }
    memcpy(chunk->pool + chunk->pool_size, at, size);
    chunk->pool_size += size;
    return (uint32_t)(chunk->pool_size - size);
}

/* ---- numbers ---- */

static void add_number(struct logs_chunk *chunk, struct logs_record *record, uint32_t label,
                       double value)
{
    bool has_room = chunk->number_count < chunk->number_capacity ||
                    array_reserve(&chunk->numbers, &chunk->number_capacity, chunk->number_count + 1,
                                  sizeof(*chunk->numbers)) == 0;
    if (label == 0 || !has_room) {
        chunk->failed = true;
        return;
    }
    chunk->numbers[chunk->number_count++] = (struct logs_number){label - 1, value};
    record->numbers++;
}

static double value_of(const char *text, struct logs_span span)
{
    const char *at = text + span.at, *end = at + span.size;
    double value;
    if (number_parse_field(at, end, &value) || number_parse(at, end, &value))
        return value;
    return NAN;
}

static void take_number(struct logs_chunk *chunk, struct logs_record *record,
                        const struct logs_site *site, const char *text)
{
    double value = value_of(text, site->number);
    bool is_duration = !isnan(site->unit_ms);
    if (site->if_whole && value != floor(value))
        return;
    if (!isfinite(value))
        skips_add(&chunk->skips, SKIP_NOT_FINITE, record->line);
    else if (is_duration && value < 0)
        skips_add(&chunk->skips, SKIP_NEGATIVE, record->line);
    else
        add_number(chunk, record, site->name ? site->name : logs_site_name(chunk, site, text),
                   is_duration ? value * site->unit_ms : value);
}

static void find_patterns(struct logs_chunk *chunk, struct logs_record *record,
                          const struct logs_patterns *patterns, const char *text, size_t size)
{
    for (size_t i = 0; i < patterns->count; i++) {
        double ms;
        char key[LOG_LABEL_MAX + 2];
        const struct logs_pattern *pattern = &patterns->items[i];
        if (!logs_pattern_find(pattern, text, size, &ms))
            continue;
        if (!isfinite(ms) || ms < 0) {
            skips_add(&chunk->skips, isfinite(ms) ? SKIP_NEGATIVE : SKIP_NOT_FINITE, record->line);
            continue;
        }
        int wrote = snprintf(key, sizeof(key), "%sms", pattern->label);
        add_number(chunk, record, logs_label_of(chunk, key, (size_t)wrote, 2, true, true), ms);
    }
}

/* ---- lines ---- */

static void scan_line(struct logs_chunk *chunk, const struct logs_patterns *patterns,
                      const char *text, size_t size, uint64_t number)
{
    struct logs_record *record = &chunk->records[chunk->record_count];
    *record = (struct logs_record){.line = number, .first_number = (uint32_t)chunk->number_count};
    const struct logs_shape *shape = logs_shape_of(chunk, text, size, &record->time);
    if (!shape)
        return;
    const struct logs_site *sites = chunk->shapes.sites + shape->first_site;
    record->level = shape->level;
    for (uint32_t i = 0; i < shape->sites; i++)
        take_number(chunk, record, &sites[i], text);
    if (patterns->count > 0)
        find_patterns(chunk, record, patterns, text, size);
    if (shape->has_message)
        record->message =
            shape->message_name ? shape->message_name : logs_message_name(chunk, shape, text, NULL);
    if (shape->is_kill) {
        record->kill_size = (uint32_t)(size < 4096 ? size : 4096);
        record->kill = keep(chunk, text, record->kill_size);
    }
    if (record->time.kind == TIMESTAMP_NONE && record->level == LOG_LEVEL_NONE &&
        record->numbers == 0 && record->kill_size == 0 && record->message == 0)
        skips_add(&chunk->skips, SKIP_OTHER_LINE, number);
    else
        chunk->record_count++;
}

static bool is_blank_line(const char *text, size_t size)
{
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t'))
        size--;
    return size == 0;
}

/* Colours make words end where they do not. */
static const char *plain_text(struct logs_chunk *chunk, const char *text, size_t *size)
{
    if (!memchr(text, '\033', *size))
        return text;
    if (array_reserve(&chunk->scratch, &chunk->scratch_capacity, SOURCE_PAD + *size, 1) < 0) {
        chunk->failed = true;
        return text;
    }
    memset(chunk->scratch, 0, SOURCE_PAD); /* as before the text of a chunk */
    *size = log_line_strip_colours(text, *size, chunk->scratch + SOURCE_PAD);
    return chunk->scratch + SOURCE_PAD;
}

int logs_scan(struct logs_chunk *result, const struct logs_patterns *patterns,
              const struct chunk *chunk, struct error *err)
{
    const char *at = chunk->text, *end = at + chunk->size;
    bool may_be_binary = memchr(at, '\0', chunk->size) != NULL;
    while (at < end && !result->failed) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        bool is_cut = !stop && chunk->is_cut;
        size_t size = (size_t)((stop ? stop : end) - at);
        uint64_t number = result->lines++;
        if (size > 0 && at[size - 1] == '\r')
            size--;
        if (array_reserve(&result->records, &result->record_capacity, result->record_count + 1,
                          sizeof(*result->records)) < 0) {
            result->failed = true;
        } else if (is_cut) {
            skips_add(&result->skips, SKIP_TOO_LONG, number);
        } else if (is_blank_line(at, size)) {
            skips_add(&result->skips, SKIP_BLANK, number);
        } else if (may_be_binary && memchr(at, '\0', size)) {
            skips_add(&result->skips, SKIP_BINARY, number);
        } else {
            const char *text = plain_text(result, at, &size);
            scan_line(result, patterns, text, size, number);
        }
        at = stop ? stop + 1 : end;
    }
    if (result->failed)
        return error_set(err, ERROR_NOMEM, "out of memory reading a log");
    return 0;
}
