/* logs_scan.c: a chunk of a log: what each of its lines tells. By any thread. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "analyze/files/logs_internal.h"
#include "base/util.h"

uint64_t logs_hash(const char *at, size_t size)
{
    /* FNV-1a. */
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)at[i]) * 1099511628211u;
    return hash;
}

/* ---- the chunk's own tables ---- */

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
    free(chunk->labels.items);
    free(chunk->labels.slots);
    free(chunk->messages.items);
    free(chunk->messages.slots);
    free(chunk->pool);
    free(chunk->scratch);
    free(chunk);
}

static void names_clear(struct logs_names *names)
{
    names->count = 0;
    if (names->slots)
        memset(names->slots, 0, names->slot_count * sizeof(*names->slots));
}

void logs_chunk_clear(struct logs_chunk *chunk)
{
    chunk->record_count = chunk->number_count = chunk->pool_size = 0;
    chunk->lines = 0;
    chunk->skips = (struct skips){.rows = 0};
    chunk->failed = false;
    names_clear(&chunk->labels);
    names_clear(&chunk->messages);
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

static int names_grow(struct logs_names *names)
{
    size_t count = names->slot_count ? names->slot_count * 2 : 256;
    uint32_t *slots = calloc(count, sizeof(*slots));
    if (!slots)
        return -ERROR_NOMEM;
    for (size_t i = 0; i < names->count; i++) {
        size_t slot = names->items[i].hash & (count - 1);
        while (slots[slot])
            slot = (slot + 1) & (count - 1);
        slots[slot] = (uint32_t)i + 1;
    }
    free(names->slots);
    names->slots = slots;
    names->slot_count = count;
    return 0;
}

/* The name with this key, new where it is not known yet; or NULL: out of memory. */
static struct logs_name *name_of(struct logs_chunk *chunk, struct logs_names *names,
                                 const char *key, size_t size, uint64_t salt)
{
    uint64_t hash = logs_hash(key, size) + salt;
    if (2 * (names->count + 1) > names->slot_count && names_grow(names) < 0) {
        chunk->failed = true;
        return NULL;
    }
    size_t slot = hash & (names->slot_count - 1);
    for (; names->slots[slot]; slot = (slot + 1) & (names->slot_count - 1)) {
        struct logs_name *name = &names->items[names->slots[slot] - 1];
        if (name->hash == hash && name->size == size &&
            memcmp(chunk->pool + name->at, key, size) == 0)
            return name;
    }
    uint32_t at = keep(chunk, key, size);
    if (chunk->failed || array_reserve(&names->items, &names->capacity, names->count + 1,
                                       sizeof(*names->items)) < 0) {
        chunk->failed = true;
        return NULL;
    }
    names->items[names->count] = (struct logs_name){.hash = hash, .at = at, .size = (uint32_t)size};
    names->slots[slot] = (uint32_t)names->count + 1;
    return &names->items[names->count++];
}

/* ---- numbers ---- */

struct scanner {
    struct logs_chunk *chunk;
    struct logs_record *record;
    bool has_patterns;
};

static void add_number(struct scanner *scanner, const char *key, size_t label, size_t unit,
                       bool is_duration, bool is_pattern, double value)
{
    struct logs_chunk *chunk = scanner->chunk;
    struct logs_name *name = name_of(chunk, &chunk->labels, key, label + unit,
                                     (uint64_t)is_duration + 2 * (uint64_t)is_pattern + 4 * unit);
    if (!name || array_reserve(&chunk->numbers, &chunk->number_capacity, chunk->number_count + 1,
                               sizeof(*chunk->numbers)) < 0) {
        chunk->failed = true;
        return;
    }
    name->unit = (uint32_t)unit;
    name->is_duration = is_duration;
    name->is_pattern = is_pattern;
    chunk->numbers[chunk->number_count++] = (struct logs_number){
        .label = (uint32_t)(name - chunk->labels.items),
        .value = value,
    };
    scanner->record->numbers++;
}

static void on_number(void *context, const struct log_number *number)
{
    struct scanner *scanner = context;
    struct skips *skips = &scanner->chunk->skips;
    char key[2 * LOG_LABEL_MAX + 40];
    size_t size = 0;
    if (!isfinite(number->value)) {
        skips_add(skips, SKIP_NOT_FINITE, scanner->record->line);
        return;
    }
    bool is_duration = !isnan(number->ms);
    if (is_duration && number->value < 0) {
        skips_add(skips, SKIP_NEGATIVE, scanner->record->line);
        return;
    }
    if (number->outer.size > 0) {
        memcpy(key, number->outer.at, number->outer.size);
        size = number->outer.size;
        key[size++] = '.';
    }
    memcpy(key + size, number->label.at, number->label.size);
    size += number->label.size;
    if (size == 0) {
        static const char none[] = {'(', 'n', 'o', ' ', 'l', 'a', 'b', 'e', 'l', ')'};
        memcpy(key, none, sizeof(none));
        size = sizeof(none);
    }
    size_t unit = is_duration ? 2 : number->unit.size < 24 ? number->unit.size : 24;
    memcpy(key + size, is_duration ? "ms" : number->unit.at, unit);
    add_number(scanner, key, size, unit, is_duration, false,
               is_duration ? number->ms : number->value);
}

static void find_patterns(struct scanner *scanner, const struct logs_patterns *patterns,
                          const char *text, size_t size)
{
    for (size_t i = 0; i < patterns->count; i++) {
        double ms;
        char key[LOG_LABEL_MAX + 2];
        const struct logs_pattern *pattern = &patterns->items[i];
        if (!logs_pattern_find(pattern, text, size, &ms))
            continue;
        if (!isfinite(ms) || ms < 0) {
            skips_add(&scanner->chunk->skips, isfinite(ms) ? SKIP_NEGATIVE : SKIP_NOT_FINITE,
                      scanner->record->line);
            continue;
        }
        int wrote = snprintf(key, sizeof(key), "%sms", pattern->label);
        add_number(scanner, key, (size_t)wrote - 2, 2, true, true, ms);
    }
}

/* ---- messages ---- */

/* Whether the word that goes on at `at` is the label of a number: "dropped=0" tells of no drop. */
static bool is_label(const char *at, const char *end)
{
    while (at < end && (isalnum((unsigned char)*at) || *at == '_' || *at == '"'))
        at++;
    if (at >= end || (*at != ':' && *at != '='))
        return false;
    for (at++; at < end && *at == ' ';)
        at++;
    return at < end && isdigit((unsigned char)*at);
}

/* Words of lines without a level that say that something is wrong. */
static bool is_notable(const char *text, size_t size)
{
#define WORD(text) (text), sizeof(text) - 1
    static const struct {
        const char *text;
        size_t size;
    } words[] = {
        {WORD("thermal")},   {WORD("throttl")},   {WORD("overheat")}, {WORD("overrun")},
        {WORD("drop")},      {WORD("saturat")},   {WORD("stall")},    {WORD("timeout")},
        {WORD("timed out")}, {WORD("reconnect")}, {WORD("retry")},    {WORD("context switch")},
    };
#undef WORD
    /* Which first two letters there are: looked up at each byte, so that few are compared. */
    static const uint32_t second['z' - 'a' + 1] = {
        ['t' - 'a'] = 1u << ('h' - 'a') | 1u << ('i' - 'a'),
        ['o' - 'a'] = 1u << ('v' - 'a'),
        ['d' - 'a'] = 1u << ('r' - 'a'),
        ['s' - 'a'] = 1u << ('a' - 'a') | 1u << ('t' - 'a'),
        ['r' - 'a'] = 1u << ('e' - 'a'),
        ['c' - 'a'] = 1u << ('o' - 'a'),
    };
    for (size_t i = 0; i + 4 <= size; i++) {
        unsigned a = (unsigned)((text[i] | 0x20) - 'a'), b = (unsigned)((text[i + 1] | 0x20) - 'a');
        if ((i > 0 && isalpha((unsigned char)text[i - 1])) || a >= ARRAY_LEN(second) ||
            b >= ARRAY_LEN(second) || !(second[a] >> b & 1))
            continue;
        for (size_t w = 0; w < ARRAY_LEN(words); w++) {
            size_t length = words[w].size;
            if (words[w].text[0] == (text[i] | 0x20) && words[w].text[2] == (text[i + 2] | 0x20) &&
                i + length <= size && strncasecmp(text + i, words[w].text, length) == 0 &&
                !is_label(text + i + length, text + size))
                return true;
        }
    }
    return false;
}

static void find_message(struct logs_chunk *chunk, struct logs_record *record,
                         const struct log_line *line)
{
    char text[LOG_TEMPLATE_MAX];
    const char *at = line->message.at;
    size_t size = line->message.size;
    bool is_bad = line->level >= LOG_LEVEL_WARNING;
    if (!is_bad && !is_notable(at, size))
        return;
    size_t length = log_line_template(at, size < 1024 ? size : 1024, text);
    struct logs_name *name =
        name_of(chunk, &chunk->messages, text, length, (uint64_t)line->level << 32);
    if (!name)
        return;
    name->level = (uint8_t)line->level;
    record->message = (uint32_t)(name - chunk->messages.items) + 1;
}

/* ---- lines ---- */

static void scan_line(struct logs_chunk *chunk, const struct logs_patterns *patterns,
                      const char *text, size_t size, uint64_t number)
{
    struct logs_record *record = &chunk->records[chunk->record_count];
    struct log_line line;
    *record = (struct logs_record){.line = number, .first_number = (uint32_t)chunk->number_count};
    log_line_parse(text, size, &line);
    record->time = line.time;
    record->level = (uint8_t)line.level;
    struct scanner scanner = {chunk, record, patterns->count > 0};
    log_line_numbers(text, size, &line, on_number, &scanner);
    if (patterns->count > 0)
        find_patterns(&scanner, patterns, text, size);
    find_message(chunk, record, &line);
    if (oom_log_is_about(text, size)) {
        record->kill_size = (uint32_t)(size < 4096 ? size : 4096);
        record->kill = keep(chunk, text, record->kill_size);
    }
    if (record->time.kind == TIMESTAMP_NONE && line.level == LOG_LEVEL_NONE &&
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
    if (array_reserve(&chunk->scratch, &chunk->scratch_capacity, *size, 1) < 0) {
        chunk->failed = true;
        return text;
    }
    *size = log_line_strip_colours(text, *size, chunk->scratch);
    return chunk->scratch;
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
