/* trtexec_log.c: see trtexec_log.h. Every line begins with "[10/03/2024-10:47:59] [I] ", and what
 * comes from the library itself has "[TRT] " behind that. */
#include "format/trtexec_log.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"
#include "format/number.h"

#define MS_MAX 9e9
#define NUMBERS_MAX 4

struct span {
    const char *begin, *end;
};

enum table { TABLE_NONE, TABLE_TITLE, TABLE_ROWS };

struct reader {
    struct trtexec_log log;
    size_t layer_capacity, placed_capacity, fallback_capacity;
    struct trtexec_log_layer *layers;
    struct trtexec_log_placed *placed;
    struct trtexec_log_fallback *fallbacks;
    enum table table;
    bool name_first; /* TensorRT 7: the name stands before the numbers */
    size_t numbers;  /* in a row: time, mean, (median,) share */
    uint64_t line;
};

/* ---- lines ---- */

static struct span trimmed(struct span text)
{
    while (text.begin < text.end && isspace((unsigned char)*text.begin))
        text.begin++;
    while (text.end > text.begin && isspace((unsigned char)text.end[-1]))
        text.end--;
    return text;
}

/* Without the time and the letter in front. Layers' names may begin with a bracket, too. */
static struct span message_of(struct span line)
{
    if (line.end - line.begin > 3 && line.begin[0] == '[' &&
        isdigit((unsigned char)line.begin[1])) {
        const char *close = memchr(line.begin, ']', (size_t)(line.end - line.begin));
        if (close)
            line.begin = close + 1;
        while (line.begin < line.end && *line.begin == ' ')
            line.begin++;
    }
    if (line.end - line.begin >= 3 && line.begin[0] == '[' && line.begin[2] == ']')
        line.begin += 3;
    return line;
}

static const char *find(struct span text, const char *what)
{
    size_t size = (size_t)(text.end - text.begin), length = strlen(what);
    return size >= length ? memmem(text.begin, size, what, length) : NULL;
}

static bool begins(struct span text, const char *what)
{
    size_t length = strlen(what);
    return (size_t)(text.end - text.begin) >= length && memcmp(text.begin, what, length) == 0;
}

static const char *keep(struct reader *reader, struct span text)
{
    size_t size = (size_t)(text.end - text.begin);
    char *copy = arena_strndup(&reader->log.arena, text.begin, size), *nul;
    if (!copy)
        return NULL;
    while ((nul = memchr(copy, '\0', size)) != NULL)
        *nul = '?';
    str_make_printable(copy);
    return copy;
}

/* A whole number behind `what`; 0: there is none. */
static uint64_t integer_after(struct span text, const char *what)
{
    const char *at = find(text, what);
    uint64_t value = 0;
    if (!at)
        return 0;
    at += strlen(what);
    for (int digits = 0; at < text.end && isdigit((unsigned char)*at) && digits < 15; digits++)
        value = value * 10 + (uint64_t)(*at++ - '0');
    return value;
}

/* ---- the table ---- */

static bool ns_of(double ms, uint64_t *ret_ns)
{
    if (!(ms >= 0 && ms <= MS_MAX))
        return false;
    *ret_ns = (uint64_t)llround(ms * 1e6);
    return true;
}

/* "Time(ms)  Avg.(ms)  Median(ms)  Time(%)  Layer", or the name first. */
static void take_heading(struct reader *reader, struct span text)
{
    const char *layer = find(text, "Layer"), *time = find(text, "Time");
    if (!layer || !time)
        return;
    reader->name_first = layer < time;
    reader->numbers = find(text, "Median") ? 4 : 3;
    reader->table = TABLE_ROWS;
}

/* The last word of the text, which is cut off. */
static struct span take_last_word(struct span *text)
{
    *text = trimmed(*text);
    struct span word = {text->end, text->end};
    while (word.begin > text->begin && !isspace((unsigned char)word.begin[-1]))
        word.begin--;
    text->end = word.begin;
    return word;
}

static struct span take_first_word(struct span *text)
{
    *text = trimmed(*text);
    struct span word = {text->begin, text->begin};
    while (word.end < text->end && !isspace((unsigned char)*word.end))
        word.end++;
    text->begin = word.end;
    return word;
}

/* Numbers of a row, in the order of the columns; what is left of the text is the name. */
static bool take_numbers(const struct reader *reader, struct span *text,
                         double numbers[NUMBERS_MAX])
{
    for (size_t i = 0; i < reader->numbers; i++) {
        size_t column = reader->name_first ? reader->numbers - 1 - i : i;
        struct span word = reader->name_first ? take_last_word(text) : take_first_word(text);
        if (word.begin == word.end ||
            number_parse(word.begin, word.end, &numbers[column]) != word.end)
            return false;
    }
    *text = trimmed(*text);
    return text->begin < text->end;
}

static int take_row(struct reader *reader, struct span text)
{
    double numbers[NUMBERS_MAX] = {0};
    struct trtexec_log_layer layer = {.line = reader->line};
    if (!take_numbers(reader, &text, numbers)) {
        reader->table = TABLE_NONE;
        return 0;
    }
    if (begins(text, "Total") && text.end - text.begin == 5) {
        reader->table = TABLE_NONE;
        return 0;
    }
    if (!ns_of(numbers[1], &layer.average_ns))
        return 0;
    if (reader->numbers == 4)
        ns_of(numbers[2], &layer.median_ns);
    layer.name = keep(reader, text);
    if (!layer.name || array_reserve(&reader->layers, &reader->layer_capacity,
                                     reader->log.layer_count + 1, sizeof(layer)) < 0)
        return -1;
    reader->layers[reader->log.layer_count++] = layer;
    return 0;
}

/* ---- the DLA ---- */

/* "[DlaLayer] {ForeignNode[a...b]}", "[GpuLayer] CONVOLUTION: a + b". */
static int take_placed(struct reader *reader, struct span text, bool on_dla)
{
    struct trtexec_log_placed placed = {.on_dla = on_dla, .type = "", .line = reader->line};
    text = trimmed(text);
    const char *colon = find(text, ": ");
    bool is_type = colon != NULL;
    for (const char *at = text.begin; colon && at < colon; at++)
        is_type =
            is_type && (isupper((unsigned char)*at) || isdigit((unsigned char)*at) || *at == '_');
    if (is_type) {
        placed.type = keep(reader, (struct span){text.begin, colon});
        text.begin = colon + 2;
    }
    placed.name = keep(reader, text);
    if (!placed.name || !placed.type ||
        array_reserve(&reader->placed, &reader->placed_capacity, reader->log.placed_count + 1,
                      sizeof(placed)) < 0)
        return -1;
    reader->placed[reader->log.placed_count++] = placed;
    return 0;
}

static const struct {
    const char *before, *after, *reason; /* the name stands in between; after "": up to the end */
} fallbacks[] = {
    {"Default DLA is enabled but layer ", " is not supported on DLA", "not supported on the DLA"},
    {"Default DLA is enabled but layer ", " is not running on DLA", "not run on the DLA"},
    {"Switching to GPU for layer ", "", "too many parts of the network on one DLA core"},
};

/* "Layer 'NAME' (TYPE): Unsupported on DLA. Switching this layer's device type to GPU." */
static bool find_switched(struct span text, struct span *ret_name)
{
    const char *begin = find(text, "Layer '"), *end = find(text, "): Unsupported on DLA");
    if (!begin || !end || end < begin)
        return false;
    *ret_name = (struct span){begin + strlen("Layer '"), end};
    while (ret_name->end > ret_name->begin && *ret_name->end != '(')
        ret_name->end--;
    *ret_name = trimmed(*ret_name);
    if (ret_name->end > ret_name->begin && ret_name->end[-1] == '\'')
        ret_name->end--;
    return ret_name->end > ret_name->begin;
}

static int take_fallback(struct reader *reader, struct span text)
{
    struct trtexec_log_fallback fallback = {.line = reader->line};
    struct span name = {NULL, NULL};
    if (find_switched(text, &name))
        fallback.reason = "not supported on the DLA";
    for (size_t i = 0; !fallback.reason && i < ARRAY_LEN(fallbacks); i++) {
        const char *before = find(text, fallbacks[i].before);
        const char *after = *fallbacks[i].after ? find(text, fallbacks[i].after) : text.end;
        if (!before || !after || after <= before + strlen(fallbacks[i].before))
            continue;
        name = trimmed((struct span){before + strlen(fallbacks[i].before), after});
        fallback.reason = fallbacks[i].reason;
    }
    if (!fallback.reason || name.begin == name.end)
        return 0;
    fallback.name = keep(reader, name);
    if (!fallback.name || array_reserve(&reader->fallbacks, &reader->fallback_capacity,
                                        reader->log.fallback_count + 1, sizeof(fallback)) < 0)
        return -1;
    reader->fallbacks[reader->log.fallback_count++] = fallback;
    return 0;
}

/* ---- the whole ---- */

/* --batch=8, or the first dimension of the first of --shapes=input:8x3x224x224. */
static uint64_t batch_of(struct span command)
{
    static const char *const flags[] = {" --shapes=", " --optShapes="};
    uint64_t batch = integer_after(command, " --batch=");
    for (size_t i = 0; batch == 0 && i < ARRAY_LEN(flags); i++) {
        const char *shapes = find(command, flags[i]);
        if (!shapes)
            continue;
        struct span rest = {shapes + strlen(flags[i]), command.end};
        const char *space = memchr(rest.begin, ' ', (size_t)(rest.end - rest.begin));
        rest.end = space ? space : rest.end;
        /* A name may hold a colon ("input:0:4x3"): the dimensions stand behind the last one. */
        const char *comma = memchr(rest.begin, ',', (size_t)(rest.end - rest.begin));
        rest.end = comma ? comma : rest.end;
        const char *colon = memrchr(rest.begin, ':', (size_t)(rest.end - rest.begin));
        if (colon)
            batch = integer_after((struct span){colon, rest.end}, ":");
    }
    return batch;
}

static int take_line(struct reader *reader, struct span line)
{
    struct span text = message_of(line);
    if (find(text, "=== Profile (")) {
        reader->log.iterations = integer_after(text, "=== Profile (");
        reader->table = TABLE_TITLE;
        reader->log.layer_count = 0; /* of several the last one counts */
        return 0;
    }
    if (reader->table == TABLE_TITLE) {
        take_heading(reader, text);
        return 0;
    }
    if (reader->table == TABLE_ROWS)
        return take_row(reader, text);
    const char *mark;
    if ((mark = find(text, "[DlaLayer] ")) != NULL || (mark = find(text, "[GpuLayer] ")) != NULL)
        return take_placed(reader, (struct span){mark + strlen("[DlaLayer] "), text.end},
                           mark[1] == 'D');
    if (find(text, "&&&& RUNNING"))
        reader->log.batch_size = batch_of(text);
    else if (find(text, "Timing trace has "))
        reader->log.queries = integer_after(text, "Timing trace has ");
    else if (find(text, "DLA"))
        return take_fallback(reader, text);
    return 0;
}

/* An array that the arena owns; NULL: out of memory. */
static void *move(struct arena *arena, void *items, size_t count, size_t size)
{
    void *copy = arena_alloc(arena, (count + 1) * size);
    if (copy && count > 0)
        memcpy(copy, items, count * size);
    free(items);
    return copy;
}

int trtexec_log_read_text(const char *text, size_t size, struct trtexec_log *ret_log,
                          struct error *err)
{
    struct reader reader = {.table = TABLE_NONE};
    const char *at = text, *end = text + size;
    int rc = 0;
    while (at < end && rc == 0) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        struct span line = {at, newline ? newline : end};
        at = newline ? newline + 1 : end;
        reader.line++;
        rc = take_line(&reader, trimmed(line));
    }
    struct trtexec_log *log = &reader.log;
    log->lines = reader.line;
    log->layers = move(&log->arena, reader.layers, log->layer_count, sizeof(*log->layers));
    log->placed = move(&log->arena, reader.placed, log->placed_count, sizeof(*log->placed));
    log->fallbacks =
        move(&log->arena, reader.fallbacks, log->fallback_count, sizeof(*log->fallbacks));
    if (rc < 0 || !log->layers || !log->placed || !log->fallbacks) {
        trtexec_log_deinit(log);
        return error_set(err, ERROR_NOMEM, "out of memory");
    }
    *ret_log = *log;
    return 0;
}

void trtexec_log_deinit(struct trtexec_log *log)
{
    arena_deinit(&log->arena);
    *log = (struct trtexec_log){0};
}
