/* logs_shapes.c: what lines of one shape hold, found once: where their numbers stand and which
 * labels those have, the level, the message. What came but once is not kept: it costs more than it
 * gives. The tables are emptied when they are full, so that their size does not depend on the log,
 * and what is found does not depend on them.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/files/logs_internal.h"
#include "base/util.h"
#include "format/log_shape.h"

#define SHAPES_MAX 4096
#define SITES_MAX (4 * SHAPES_MAX)
#define POOL_MAX (1u << 20)
#define SLOTS (2 * SHAPES_MAX)
#define SEEN 8192
#define PROBES 8 /* one shape may be there several times: digits decide otherwise in them */
#define SIZE_MAX_KEPT 1024
#define TEMPLATE_BYTES 1024 /* of a message that make its template */

void logs_shapes_deinit(struct logs_shapes *shapes)
{
    free(shapes->items);
    free(shapes->sites);
    free(shapes->pool);
    free(shapes->slots);
    free(shapes->seen);
}

void logs_shapes_clear(struct logs_shapes *shapes)
{
    shapes->count = shapes->site_count = shapes->pool_size = 0;
    if (shapes->slots)
        memset(shapes->slots, 0, SLOTS * sizeof(*shapes->slots));
}

static int reserve(struct logs_shapes *shapes, size_t size)
{
    if (!shapes->slots)
        shapes->slots = calloc(SLOTS, sizeof(*shapes->slots));
    if (!shapes->seen)
        shapes->seen = calloc(SEEN, sizeof(*shapes->seen));
    return !shapes->slots || !shapes->seen ||
                   array_reserve(&shapes->items, &shapes->capacity, shapes->count + 1,
                                 sizeof(*shapes->items)) < 0 ||
                   array_reserve(&shapes->pool, &shapes->pool_capacity, shapes->pool_size + size,
                                 1) < 0
               ? -ERROR_NOMEM
               : 0;
}

/* ---- what one line holds ---- */

static bool has_digit(const char *text, struct logs_span span)
{
    for (uint32_t i = 0; i < span.size; i++) {
        if ((unsigned)(text[span.at + i] - '0') <= 9)
            return true;
    }
    return false;
}

uint32_t logs_site_name(struct logs_chunk *chunk, const struct logs_site *site, const char *text)
{
    char key[2 * LOG_LABEL_MAX + 40];
    size_t size = site->outer.size;
    bool is_duration = !isnan(site->unit_ms);
    if (size > 0) {
        memcpy(key, text + site->outer.at, size);
        key[size++] = '.';
    }
    memcpy(key + size, text + site->label.at, site->label.size);
    size += site->label.size;
    if (size == 0) {
        static const char none[] = {'(', 'n', 'o', ' ', 'l', 'a', 'b', 'e', 'l', ')'};
        memcpy(key, none, sizeof(none));
        size = sizeof(none);
    }
    size_t unit = is_duration ? 2 : site->unit.size < 24 ? site->unit.size : 24;
    memcpy(key + size, is_duration ? "ms" : text + site->unit.at, unit);
    return logs_label_of(chunk, key, size + unit, unit, is_duration, false);
}

uint32_t logs_message_name(struct logs_chunk *chunk, const struct logs_shape *shape,
                           const char *text, bool *ret_varies)
{
    char template_text[LOG_TEMPLATE_MAX];
    const char *at = text + shape->message.at;
    size_t size = log_line_template(at, shape->message.size, template_text);
    uint32_t name =
        logs_name_of(chunk, &chunk->messages, template_text, size, (uint64_t)shape->level << 32);
    if (name > 0)
        chunk->messages.items[name - 1].level = shape->level;
    if (ret_varies)
        *ret_varies = log_line_template_varies(at, shape->message.size, template_text, size);
    return name;
}

struct making {
    struct logs_chunk *chunk;
    struct logs_shape *shape;
    const char *text;
};

static struct logs_span span_of(const struct making *making, struct log_text text)
{
    return (struct logs_span){text.size > 0 ? (uint32_t)(text.at - making->text) : 0,
                              (uint32_t)text.size};
}

static void add_site(void *context, const struct log_site *found)
{
    struct making *making = context;
    struct logs_chunk *chunk = making->chunk;
    struct logs_shapes *shapes = &chunk->shapes;
    size_t index = making->shape->first_site + making->shape->sites;
    if (array_reserve(&shapes->sites, &shapes->site_capacity, index + 1, sizeof(*shapes->sites)) <
        0) {
        chunk->failed = true;
        return;
    }
    struct logs_site *site = &shapes->sites[index];
    *site = (struct logs_site){
        .number = span_of(making, found->number),
        .outer = span_of(making, found->outer),
        .label = span_of(making, found->label),
        .unit = span_of(making, found->unit),
        .unit_ms = found->unit_ms,
        .if_whole = found->if_whole,
    };
    if (!has_digit(making->text, site->label) && !has_digit(making->text, site->outer) &&
        (!isnan(site->unit_ms) || !has_digit(making->text, site->unit)))
        site->name = logs_site_name(chunk, site, making->text);
    making->shape->sites++;
}

static void make(struct logs_chunk *chunk, const char *text, size_t size, struct logs_shape *shape,
                 struct timestamp *ret_time)
{
    struct log_line line;
    struct making making = {chunk, shape, text};
    shape->first_site = (uint32_t)chunk->shapes.site_count;
    shape->sites = 0;
    log_line_read(text, size, &line, &shape->head);
    *ret_time = line.time;
    log_line_sites(text, size, &line, add_site, &making);
    shape->level = (uint8_t)line.level;
    shape->is_kill = oom_log_is_about(text, size);
    shape->has_message = false;
    shape->message_name = 0;
    if (line.level < LOG_LEVEL_WARNING && !logs_is_notable(line.message.at, line.message.size))
        return;
    if (line.message.size > TEMPLATE_BYTES)
        line.message.size = TEMPLATE_BYTES;
    bool varies;
    shape->has_message = true;
    shape->message = span_of(&making, line.message);
    shape->message_name = logs_message_name(chunk, shape, text, &varies);
    shape->message_name = varies ? 0 : shape->message_name;
}

/* ---- those that are kept ---- */

static void keep(struct logs_shapes *shapes, const char *bytes, size_t size, uint64_t hash)
{
    struct logs_shape *shape = &shapes->items[shapes->count];
    size_t probe = 0, slot = hash;
    while (probe < PROBES && shapes->slots[slot % SLOTS]) {
        probe++;
        slot++;
    }
    if (shape->head.has_more || probe == PROBES)
        return;
    memcpy(shapes->pool + shapes->pool_size, bytes, size);
    shape->at = (uint32_t)shapes->pool_size;
    shapes->pool_size += size;
    shape->size = (uint32_t)size;
    shape->hash = hash;
    shapes->site_count += shape->sites;
    shapes->slots[slot % SLOTS] = (uint32_t)++shapes->count;
}

static const struct logs_shape *find(struct logs_shapes *shapes, const char *bytes, size_t size,
                                     uint64_t hash, const char *text, struct timestamp *ret_time)
{
    for (size_t slot = hash; slot < hash + PROBES && shapes->slots[slot % SLOTS]; slot++) {
        struct logs_shape *shape = &shapes->items[shapes->slots[slot % SLOTS] - 1];
        if (shape->hash == hash && shape->size == size &&
            memcmp(shapes->pool + shape->at, bytes, size) == 0 &&
            log_line_holds(text, size, &shape->head, ret_time))
            return shape;
    }
    return NULL;
}

/* Priorities of syslog differ in digits only, and decide: lines of each are looked for apart. */
static uint64_t hash_of(const char *text, size_t size, char *ret_bytes)
{
    uint64_t hash = log_shape(text, size, ret_bytes);
    for (size_t i = 1; *text == '<' && i < size && i <= 3; i++)
        hash = (hash ^ (unsigned char)text[i]) * 1099511628211u; /* FNV-1a */
    return hash;
}

const struct logs_shape *logs_shape_of(struct logs_chunk *chunk, const char *text, size_t size,
                                       struct timestamp *ret_time)
{
    struct logs_shapes *shapes = &chunk->shapes;
    char bytes[SIZE_MAX_KEPT];
    bool may_keep = size <= sizeof(bytes);
    uint64_t hash = may_keep ? hash_of(text, size, bytes) : 0;
    if (shapes->count == SHAPES_MAX || shapes->site_count > SITES_MAX ||
        shapes->pool_size > POOL_MAX)
        logs_shapes_clear(shapes);
    if (reserve(shapes, may_keep ? size : 0) < 0) {
        chunk->failed = true;
        return NULL;
    }
    const struct logs_shape *known =
        may_keep ? find(shapes, bytes, size, hash, text, ret_time) : NULL;
    if (known)
        return known;
    struct logs_shape *shape = &shapes->items[shapes->count];
    make(chunk, text, size, shape, ret_time);
    uint32_t *seen = &shapes->seen[hash % SEEN], mark = (uint32_t)(hash >> 32);
    if (may_keep && *seen == mark && !chunk->failed)
        keep(shapes, bytes, size, hash);
    *seen = mark;
    return chunk->failed ? NULL : shape;
}
