/* ort_profile.c: see ort_profile.h. One event per object of an array:
 *
 *   {"cat":"Node","pid":1,"tid":1,"dur":408,"ts":7215,"ph":"X","name":"conv1_kernel_time",
 *    "args":{"op_name":"Conv","provider":"CPUExecutionProvider","node_index":"7",
 *            "input_type_shape":[{"float":[1,3,64,64]},{"float":[16,3,3,3]}], …}}
 *
 * "Session" events say how long a whole run, the loading and the initialisation took. "Kernel"
 * events are what a GPU did within a node and would count twice. */
#include "format/ort_profile.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"
#include "format/json_scan.h"
#include "format/ort_profile_internal.h"

#define NODE_SUFFIX "_kernel_time"
#define TYPES_MAX 1024 /* bytes of the element types of a node's inputs */

struct event {
    struct strbuf category, name, op, provider, index, types;
    double duration_us, start_us; /* NaN: not said */
    double thread;                /* 0: not said */
};

struct builder {
    struct json_scan scan;
    struct ort_profile *profile;
    struct event event;
    struct ort_builder_node *nodes;
    size_t node_count, node_capacity;
    uint32_t *slots; /* hash table: index into nodes + 1, 0: free */
    size_t slot_count;
    struct ort_spans runs;
    uint64_t spans; /* so far */
};

/* ---- one event ---------------------------------------------------------------------------- */

static void event_clear(struct event *event)
{
    strbuf_clear(&event->category);
    strbuf_clear(&event->name);
    strbuf_clear(&event->op);
    strbuf_clear(&event->provider);
    strbuf_clear(&event->index);
    strbuf_clear(&event->types);
    event->duration_us = event->start_us = NAN;
    event->thread = 0;
}

static void event_deinit(struct event *event)
{
    strbuf_deinit(&event->category);
    strbuf_deinit(&event->name);
    strbuf_deinit(&event->op);
    strbuf_deinit(&event->provider);
    strbuf_deinit(&event->index);
    strbuf_deinit(&event->types);
}

static bool is_scalar(enum json_scan_token token)
{
    return token == SCAN_STRING || token == SCAN_NUMBER || token == SCAN_WORD;
}

static void keep_text(struct builder *builder, enum json_scan_token token, struct strbuf *ret)
{
    if (!is_scalar(token))
        return;
    strbuf_clear(ret);
    strbuf_append(ret, strbuf_get(&builder->scan.text));
}

/* Numbers are texts in some versions. */
static void keep_number(struct builder *builder, enum json_scan_token token, double *ret)
{
    const char *text = strbuf_get(&builder->scan.text);
    char *end;
    if (token != SCAN_NUMBER && token != SCAN_STRING)
        return;
    double value = strtod(text, &end);
    if (end != text && *end == '\0' && fabs(value) < 9e15)
        *ret = value;
}

/* [{"float":[1,3,64,64]},{"int64":[]}]: the keys of the objects. Its last token. */
static enum json_scan_token read_types(struct builder *builder, enum json_scan_token token)
{
    struct json_scan *scan = &builder->scan;
    struct strbuf *types = &builder->event.types;
    if (token != SCAN_ARRAY)
        return json_scan_skip(scan, token);
    strbuf_clear(types);
    int depth = scan->depth;
    while ((token = json_scan_next(scan)) > SCAN_CUT) {
        if (token == SCAN_ARRAY_END && scan->depth < depth)
            break;
        if (token != SCAN_KEY || scan->depth != depth + 1 || types->len > TYPES_MAX)
            continue;
        strbuf_append(types, types->len ? "," : "");
        strbuf_append(types, strbuf_get(&scan->text));
    }
    return token;
}

/* Calls member for every key of the object that has begun. SCAN_OBJECT_END, SCAN_CUT, SCAN_ERROR.
 */
static enum json_scan_token
read_object(struct builder *builder,
            enum json_scan_token (*member)(struct builder *, const char *, enum json_scan_token))
{
    struct json_scan *scan = &builder->scan;
    enum json_scan_token token;
    char key[32];
    while ((token = json_scan_next(scan)) > SCAN_CUT && token != SCAN_OBJECT_END) {
        if (token != SCAN_KEY) {
            json_scan_fail(scan, "not JSON: a key should stand here");
            return SCAN_ERROR;
        }
        str_copy(key, sizeof(key), strbuf_get(&scan->text));
        token = json_scan_next(scan);
        if (token > SCAN_CUT)
            token = member(builder, key, token);
        if (token <= SCAN_CUT)
            return token;
    }
    return token;
}

static enum json_scan_token read_argument(struct builder *builder, const char *key,
                                          enum json_scan_token token)
{
    if (strcmp(key, "op_name") == 0)
        keep_text(builder, token, &builder->event.op);
    else if (strcmp(key, "provider") == 0)
        keep_text(builder, token, &builder->event.provider);
    else if (strcmp(key, "node_index") == 0)
        keep_text(builder, token, &builder->event.index);
    else if (strcmp(key, "input_type_shape") == 0)
        return read_types(builder, token);
    return json_scan_skip(&builder->scan, token);
}

static enum json_scan_token read_member(struct builder *builder, const char *key,
                                        enum json_scan_token token)
{
    if (strcmp(key, "cat") == 0)
        keep_text(builder, token, &builder->event.category);
    else if (strcmp(key, "name") == 0)
        keep_text(builder, token, &builder->event.name);
    else if (strcmp(key, "dur") == 0)
        keep_number(builder, token, &builder->event.duration_us);
    else if (strcmp(key, "ts") == 0)
        keep_number(builder, token, &builder->event.start_us);
    else if (strcmp(key, "tid") == 0)
        keep_number(builder, token, &builder->event.thread);
    else if (strcmp(key, "args") == 0 && token == SCAN_OBJECT)
        return read_object(builder, read_argument);
    return json_scan_skip(&builder->scan, token);
}

/* ---- nodes -------------------------------------------------------------------------------- */

static int no_memory(struct builder *builder)
{
    if (builder->scan.rc == 0)
        builder->scan.rc = error_set(builder->scan.err, ERROR_NOMEM, "out of memory");
    return builder->scan.rc;
}

static uint64_t hash_text(uint64_t hash, const struct strbuf *text)
{
    for (size_t i = 0; i < text->len; i++)
        hash = (hash ^ (uint8_t)text->data[i]) * 0x100000001b3;
    return (hash ^ 0xff) * 0x100000001b3;
}

/* Nodes without a name, and nodes of the same name in different branches, differ by their index. */
static uint64_t hash_event(const struct event *event)
{
    uint64_t hash = hash_text(0xcbf29ce484222325, &event->name);
    hash = hash_text(hash, &event->op);
    hash = hash_text(hash, &event->provider);
    hash = hash_text(hash, &event->index);
    return hash ^ hash >> 29;
}

static bool is_same(const struct ort_builder_node *node, const struct event *event, uint64_t hash)
{
    return node->hash == hash && strcmp(node->name, strbuf_get(&event->name)) == 0 &&
           strcmp(node->op, strbuf_get(&event->op)) == 0 &&
           strcmp(node->provider, strbuf_get(&event->provider)) == 0 &&
           strcmp(node->index, strbuf_get(&event->index)) == 0;
}

static int grow_slots(struct builder *builder)
{
    size_t count = builder->slot_count ? builder->slot_count * 2 : 256;
    uint32_t *slots = calloc(count, sizeof(*slots));
    if (!slots)
        return no_memory(builder);
    for (size_t i = 0; i < builder->node_count; i++) {
        size_t slot = builder->nodes[i].hash & (count - 1);
        while (slots[slot])
            slot = (slot + 1) & (count - 1);
        slots[slot] = (uint32_t)(i + 1);
    }
    free(builder->slots);
    builder->slots = slots;
    builder->slot_count = count;
    return 0;
}

static const char *take(struct builder *builder, const struct strbuf *text)
{
    char *copy = arena_strdup(&builder->profile->arena, strbuf_get(text));
    if (!copy)
        no_memory(builder);
    else
        str_make_printable(copy);
    return copy;
}

static struct ort_builder_node *add_node(struct builder *builder, uint64_t hash, size_t slot)
{
    const struct event *event = &builder->event;
    if (array_reserve(&builder->nodes, &builder->node_capacity, builder->node_count + 1,
                      sizeof(*builder->nodes)) < 0) {
        no_memory(builder);
        return NULL;
    }
    struct ort_builder_node node = {
        .name = take(builder, &event->name),
        .op = take(builder, &event->op),
        .provider = take(builder, &event->provider),
        .types = take(builder, &event->types),
        .index = take(builder, &event->index),
        .hash = hash,
    };
    if (builder->scan.rc < 0)
        return NULL;
    builder->nodes[builder->node_count] = node;
    builder->slots[slot] = (uint32_t)++builder->node_count;
    return &builder->nodes[builder->node_count - 1];
}

static struct ort_builder_node *find_node(struct builder *builder)
{
    if (builder->node_count * 2 >= builder->slot_count && grow_slots(builder) < 0)
        return NULL;
    uint64_t hash = hash_event(&builder->event);
    size_t slot = hash & (builder->slot_count - 1);
    for (; builder->slots[slot]; slot = (slot + 1) & (builder->slot_count - 1)) {
        struct ort_builder_node *node = &builder->nodes[builder->slots[slot] - 1];
        if (is_same(node, &builder->event, hash))
            return node;
    }
    return add_node(builder, hash, slot);
}

static void add_span(struct builder *builder, struct ort_spans *spans)
{
    double start = builder->event.start_us, duration = builder->event.duration_us;
    uint64_t duration_ns = duration > 0 ? (uint64_t)(duration * 1e3) : 0;
    if (array_reserve(&spans->items, &spans->capacity, spans->count + 1, sizeof(*spans->items)) <
        0) {
        no_memory(builder);
        return;
    }
    spans->items[spans->count++] = (struct ort_span){
        .start_ns = start > 0 ? (uint64_t)(start * 1e3) : 0,
        .duration_ns = duration_ns,
        .own_ns = duration_ns,
        .thread = builder->event.thread > 0 ? (uint64_t)builder->event.thread : 0,
        .order = builder->spans++,
    };
}

static void take_session_event(struct builder *builder)
{
    const char *name = strbuf_get(&builder->event.name);
    double ns = fmax(builder->event.duration_us, 0) * 1e3;
    if (strcmp(name, "model_run") == 0)
        add_span(builder, &builder->runs);
    else if (strcmp(name, "session_initialization") == 0)
        builder->profile->session_ns += (uint64_t)ns;
    else if (str_starts_with(name, "model_loading"))
        builder->profile->load_ns += (uint64_t)ns;
}

/* A whole event was read. Those without a duration are none ("ph":"M" names processes). */
static int take_event(struct builder *builder)
{
    struct event *event = &builder->event;
    struct strbuf *texts[] = {&event->category, &event->name,  &event->op,
                              &event->provider, &event->index, &event->types};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (texts[i]->failed)
            return no_memory(builder);
    if (isnan(event->duration_us) || isnan(event->start_us))
        return 0;
    if (strcmp(strbuf_get(&event->category), "Session") == 0) {
        take_session_event(builder);
        return builder->scan.rc;
    }
    if (strcmp(strbuf_get(&event->category), "Node") != 0 || !event->op.len ||
        !str_ends_with(strbuf_get(&event->name), NODE_SUFFIX))
        return 0; /* …_fence_before, …_fence_after */
    event->name.len -= strlen(NODE_SUFFIX);
    event->name.data[event->name.len] = '\0';
    struct ort_builder_node *node = find_node(builder);
    if (node)
        add_span(builder, &node->calls);
    return builder->scan.rc;
}

/* ---- the whole file ----------------------------------------------------------------------- */

static int read_events(struct builder *builder)
{
    struct json_scan *scan = &builder->scan;
    enum json_scan_token token = json_scan_next(scan);
    if (scan->rc < 0)
        return scan->rc;
    if (token == SCAN_END)
        return json_scan_fail(scan, "the file is empty");
    if (token != SCAN_ARRAY)
        return json_scan_fail(scan, "not a profile of ONNX Runtime: it should begin with [");
    while ((token = json_scan_next(scan)) > SCAN_CUT && token != SCAN_ARRAY_END) {
        if (token != SCAN_OBJECT)
            return json_scan_fail(scan,
                                  "not a profile of ONNX Runtime: an event should stand here");
        event_clear(&builder->event);
        token = read_object(builder, read_member);
        if (token != SCAN_OBJECT_END)
            break; /* cut off within an event, which is lost; those before it are whole */
        if (take_event(builder) < 0)
            return scan->rc;
    }
    if (token != SCAN_ARRAY_END)
        builder->profile->cut_line = (uint64_t)scan->line;
    return scan->rc;
}

static void builder_deinit(struct builder *builder)
{
    for (size_t i = 0; i < builder->node_count; i++)
        free(builder->nodes[i].calls.items);
    free(builder->nodes);
    free(builder->slots);
    free(builder->runs.items);
    event_deinit(&builder->event);
    json_scan_close(&builder->scan);
}

/* The scan is open; closes it. */
static int build(struct builder *builder, const char *path, struct ort_profile *ret_profile,
                 struct error *err)
{
    struct ort_profile profile = {0};
    builder->profile = &profile;
    int rc = read_events(builder);
    if (rc == 0 && builder->node_count == 0) {
        rc = error_set(err, ERROR_NOTHING, "no node in this profile");
        error_hint(err, "ONNX Runtime writes the nodes while the model runs: was it run at all?");
        error_at(err, path, 0, 0);
    }
    if (rc == 0)
        rc = ort_profile_unnest(builder->nodes, builder->node_count, err);
    if (rc == 0)
        rc = ort_profile_assemble(&profile, builder->nodes, builder->node_count, &builder->runs,
                                  err);
    builder_deinit(builder);
    if (rc < 0) {
        arena_deinit(&profile.arena);
        return rc;
    }
    *ret_profile = profile;
    return 0;
}

int ort_profile_read(const char *path, struct ort_profile *ret_profile, struct error *err)
{
    struct builder builder = {0};
    int rc = json_scan_open(&builder.scan, path, err);
    return rc < 0 ? rc : build(&builder, path, ret_profile, err);
}

int ort_profile_read_text(const char *text, size_t size, const char *path,
                          struct ort_profile *ret_profile, struct error *err)
{
    struct builder builder = {0};
    json_scan_open_text(&builder.scan, text, size, path, err);
    return build(&builder, path, ret_profile, err);
}

void ort_profile_deinit(struct ort_profile *profile)
{
    arena_deinit(&profile->arena);
    *profile = (struct ort_profile){0};
}
