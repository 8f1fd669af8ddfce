/* yaml.c: see yaml.h. The tree is built from libyaml's events, whose marks count from 0. */
#include "base/yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/file.h"
#include "base/util.h"

#define YAML_BYTES_MAX (1024u * 1024u)
#define YAML_DEPTH_MAX 16
#define YAML_NODES_MAX 100000

/* A collection that is being read. */
struct frame {
    struct yaml_node *node;
    struct yaml_node **tail; /* where the next child is hung in */
    size_t children;
    const char *key; /* of a mapping: read, its value is still to come */
    int key_line, key_column;
};

struct builder {
    struct yaml_document *doc;
    struct frame frames[YAML_DEPTH_MAX];
    size_t depth;
    size_t nodes;
    bool has_document;
    struct error *err; /* never NULL */
};

__attribute__((format(printf, 4, 5))) static int yaml_refuse(struct builder *builder, int line,
                                                             int column, const char *fmt, ...)
{
    va_list args;
    char message[256];
    va_start(args, fmt);
    vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);
    error_set(builder->err, ERROR_INPUT, "%s", message);
    error_at(builder->err, builder->doc->file, line, column);
    return -ERROR_INPUT;
}

static int yaml_no_memory(struct error *err)
{
    return error_set(err, ERROR_NOMEM, "out of memory");
}

static int compare_children(const void *a, const void *b)
{
    const struct yaml_node *x = *(const struct yaml_node *const *)a;
    const struct yaml_node *y = *(const struct yaml_node *const *)b;
    int order = strcmp(x->key, y->key);
    if (order == 0)
        order = (x->key_line > y->key_line) - (x->key_line < y->key_line);
    return order ? order : (x->key_column > y->key_column) - (x->key_column < y->key_column);
}

/* Sorting keeps this fast for a mapping of 100,000 keys. */
static int refuse_duplicates(struct builder *builder, const struct frame *frame)
{
    if (frame->children < 2)
        return 0;
    CLEANUP_FREE const struct yaml_node **children = calloc(frame->children, sizeof(*children));
    if (!children)
        return yaml_no_memory(builder->err);
    size_t count = 0;
    for (const struct yaml_node *child = frame->node->child; child; child = child->next)
        children[count++] = child;
    qsort(children, count, sizeof(*children), compare_children);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(children[i - 1]->key, children[i]->key) == 0)
            return yaml_refuse(builder, children[i]->key_line, children[i]->key_column,
                               "'%s' stands here a second time; the first is in line %d",
                               children[i]->key, children[i - 1]->key_line);
    }
    return 0;
}

/* Hangs a new node into the tree. Returns NULL, with err filled, if it may not stand here. */
static struct yaml_node *add_node(struct builder *builder, enum yaml_kind kind, yaml_mark_t mark)
{
    int line = (int)mark.line + 1, column = (int)mark.column + 1;
    struct frame *frame = builder->depth ? &builder->frames[builder->depth - 1] : NULL;
    if (frame && frame->node->kind == YAML_MAPPING && !frame->key) {
        yaml_refuse(builder, line, column, "a key must be plain text");
        return NULL;
    }
    if (builder->nodes++ >= YAML_NODES_MAX) {
        yaml_refuse(builder, line, column, "more than %d values", YAML_NODES_MAX);
        return NULL;
    }
    struct yaml_node *node = arena_alloc(&builder->doc->arena, sizeof(*node));
    if (!node) {
        yaml_no_memory(builder->err);
        return NULL;
    }
    *node = (struct yaml_node){.kind = kind, .line = line, .column = column};
    if (!frame) {
        builder->doc->root = node;
        return node;
    }
    node->key = frame->key;
    node->key_line = frame->key_line;
    node->key_column = frame->key_column;
    frame->key = NULL;
    *frame->tail = node;
    frame->tail = &node->next;
    frame->children++;
    return node;
}

static int refuse_properties(struct builder *builder, const yaml_event_t *event,
                             const yaml_char_t *anchor, const yaml_char_t *tag)
{
    int line = (int)event->start_mark.line + 1, column = (int)event->start_mark.column + 1;
    if (anchor)
        return yaml_refuse(builder, line, column, "anchors (&%s) are not supported",
                           (const char *)anchor);
    if (tag)
        return yaml_refuse(builder, line, column, "tags (%s) are not supported", (const char *)tag);
    return 0;
}

static int on_scalar(struct builder *builder, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    int code = refuse_properties(builder, event, event->data.scalar.anchor, event->data.scalar.tag);
    if (code < 0)
        return code;
    int line = (int)event->start_mark.line + 1, column = (int)event->start_mark.column + 1;
    if (memchr(text, '\0', length))
        return yaml_refuse(builder, line, column, "text must not hold a NUL character");
    const char *copy = arena_strndup(&builder->doc->arena, text, length);
    if (!copy)
        return yaml_no_memory(builder->err);

    struct frame *frame = builder->depth ? &builder->frames[builder->depth - 1] : NULL;
    if (frame && frame->node->kind == YAML_MAPPING && !frame->key) {
        if (builder->nodes++ >= YAML_NODES_MAX)
            return yaml_refuse(builder, line, column, "more than %d values", YAML_NODES_MAX);
        frame->key = copy;
        frame->key_line = line;
        frame->key_column = column;
        return 0;
    }
    bool quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (!frame && !quoted && length == 0)
        return 0; /* "---" and nothing else: an empty document */
    struct yaml_node *node = add_node(builder, YAML_SCALAR, event->start_mark);
    if (!node)
        return -builder->err->code;
    node->scalar = copy;
    node->quoted = quoted;
    return 0;
}

static int on_start(struct builder *builder, const yaml_event_t *event, enum yaml_kind kind,
                    const yaml_char_t *anchor, const yaml_char_t *tag)
{
    int code = refuse_properties(builder, event, anchor, tag);
    if (code < 0)
        return code;
    if (builder->depth == YAML_DEPTH_MAX)
        return yaml_refuse(builder, (int)event->start_mark.line + 1,
                           (int)event->start_mark.column + 1, "more than %d levels deep",
                           YAML_DEPTH_MAX);
    struct yaml_node *node = add_node(builder, kind, event->start_mark);
    if (!node)
        return -builder->err->code;
    builder->frames[builder->depth++] = (struct frame){.node = node, .tail = &node->child};
    return 0;
}

static int on_event(struct builder *builder, const yaml_event_t *event)
{
    int line = (int)event->start_mark.line + 1, column = (int)event->start_mark.column + 1;
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (builder->has_document)
            return yaml_refuse(builder, line, column, "a second document starts here");
        builder->has_document = true;
        return 0;
    case YAML_SCALAR_EVENT:
        return on_scalar(builder, event);
    case YAML_SEQUENCE_START_EVENT:
        return on_start(builder, event, YAML_SEQUENCE, event->data.sequence_start.anchor,
                        event->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return on_start(builder, event, YAML_MAPPING, event->data.mapping_start.anchor,
                        event->data.mapping_start.tag);
    case YAML_SEQUENCE_END_EVENT:
        builder->depth--;
        return 0;
    case YAML_MAPPING_END_EVENT:
        return refuse_duplicates(builder, &builder->frames[--builder->depth]);
    case YAML_ALIAS_EVENT:
        return yaml_refuse(builder, line, column, "aliases (*%s) are not supported",
                           (const char *)event->data.alias.anchor);
    default:
        return 0;
    }
}

/* Line and column of a byte that is not text at all; libyaml gives only its offset. */
static void locate_byte(const char *text, size_t size, size_t offset, int *ret_line,
                        int *ret_column)
{
    int line = 1, column = 1;
    for (size_t i = 0; i < offset && i < size; i++) {
        bool continuation = ((unsigned char)text[i] & 0xc0) == 0x80;
        line += text[i] == '\n';
        column = text[i] == '\n' ? 1 : column + !continuation;
    }
    *ret_line = line;
    *ret_column = column;
}

static int syntax_error(struct builder *builder, const yaml_parser_t *parser, const char *text,
                        size_t size)
{
    if (parser->error == YAML_MEMORY_ERROR)
        return yaml_no_memory(builder->err);
    const char *problem = parser->problem ? parser->problem : "not YAML";
    int line = (int)parser->problem_mark.line + 1, column = (int)parser->problem_mark.column + 1;
    if (parser->error == YAML_READER_ERROR) {
        locate_byte(text, size, parser->problem_offset, &line, &column);
        return yaml_refuse(builder, line, column, "%s", problem);
    }
    const char *context = parser->context ? parser->context : "";
    yaml_refuse(builder, line, column, "%s%s%s", context, *context ? ": " : "", problem);
    if (parser->problem_mark.index < size && text[parser->problem_mark.index] == '\t')
        error_hint(builder->err, "indent with blanks: YAML does not allow tabs there");
    return -ERROR_INPUT;
}

static int build(struct builder *builder, const char *text, size_t size)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return yaml_no_memory(builder->err);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    int code = 0;
    bool at_end = false;
    while (code == 0 && !at_end) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            code = syntax_error(builder, &parser, text, size);
            break;
        }
        at_end = event.type == YAML_STREAM_END_EVENT;
        code = on_event(builder, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return code;
}

int yaml_parse_text(const char *text, size_t size, const char *file, struct yaml_document *ret_doc,
                    struct error *err)
{
    if (size > YAML_BYTES_MAX) {
        error_set(err, ERROR_INPUT, "larger than %u bytes", YAML_BYTES_MAX);
        error_at(err, file, 0, 0);
        return -ERROR_INPUT;
    }
    struct yaml_document doc = {0};
    doc.file = arena_strdup(&doc.arena, file ? file : "");
    if (!doc.file)
        return yaml_no_memory(err);
    /* Always with an error to fill, so that the code of a failure is known where it matters. */
    struct error own = {0};
    struct builder builder = {.doc = &doc, .err = err ? err : &own};
    int code = build(&builder, text, size);
    if (code < 0) {
        yaml_deinit(&doc);
        return code;
    }
    *ret_doc = doc;
    return 0;
}

int yaml_parse_file(const char *path, struct yaml_document *ret_doc, struct error *err)
{
    CLEANUP_FREE char *text = NULL;
    size_t size;
    int code = file_read_all(path, YAML_BYTES_MAX, &text, &size, err);
    return code < 0 ? code : yaml_parse_text(text, size, path, ret_doc, err);
}

void yaml_deinit(struct yaml_document *doc)
{
    arena_deinit(&doc->arena);
    *doc = (struct yaml_document){0};
}

const struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key)
{
    if (!mapping || mapping->kind != YAML_MAPPING)
        return NULL;
    for (const struct yaml_node *child = mapping->child; child; child = child->next) {
        if (strcmp(child->key, key) == 0)
            return child;
    }
    return NULL;
}
