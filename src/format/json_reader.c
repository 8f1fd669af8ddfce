/* json_reader.c: see json_reader.h. */
#include "format/json_reader.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

int json_reader_fail(struct json_reader *reader, int code, const char *fmt, ...)
{
    if (reader->rc < 0)
        return reader->rc;
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    const char *where = reader->where;
    reader->rc = error_set(reader->err, code, "%s%s%s", where, where[0] ? ": " : "", text);
    if (reader->file)
        error_at(reader->err, reader->file, 0, 0);
    return reader->rc;
}

int json_reader_fail_memory(struct json_reader *reader)
{
    return json_reader_fail(reader, ERROR_NOMEM, "out of memory reading JSON");
}

void json_reader_at(struct json_reader *reader, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(reader->where, sizeof(reader->where), fmt, args);
    va_end(args);
}

/* jansson's own limit is 2048 levels; a run needs 8. Checked before, with line and column. */
static int check_depth(struct json_reader *reader, const char *text, size_t size)
{
    int depth = 0, line = 1;
    size_t line_start = 0;
    bool quoted = false;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == '\n') {
            line++;
            line_start = i + 1;
        } else if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > JSON_DEPTH_MAX) {
                json_reader_fail(reader, ERROR_INPUT, "JSON is nested deeper than %d levels",
                                 JSON_DEPTH_MAX);
                error_at(reader->err, reader->file, line, (int)(i - line_start + 1));
                return reader->rc;
            }
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return 0;
}

/* jansson does not survive an allocation that fails within a token: it goes on with a character
 * missing, or ends the program by an assertion. So it never sees one fail: while it parses, it
 * allocates from the reader's arena and frees nothing, and when that is out of memory the parse is
 * left by a jump; what jansson held goes with the arena. Its allocator is one for the whole
 * process, hence the lock. */
static pthread_mutex_t parse_lock = PTHREAD_MUTEX_INITIALIZER;
static struct arena *parse_arena;
static jmp_buf parse_out_of_memory;

static void *parse_malloc(size_t size)
{
    void *block = arena_alloc(parse_arena, size);
    if (!block)
        longjmp(parse_out_of_memory, 1); /* NOLINT(cert-err52-cpp): the only way out of jansson */
    return block;
}

static void parse_free(void *block)
{
}

/* NULL: not JSON (*ret_error says where), or out of memory (*ret_memory). */
static json_t *parse(struct arena *arena, const char *text, size_t size, json_error_t *ret_error,
                     bool *ret_memory)
{
    json_t *volatile root = NULL;
    *ret_memory = false;
    pthread_mutex_lock(&parse_lock);
    parse_arena = arena;
    json_set_alloc_funcs(parse_malloc, parse_free);
    if (setjmp(parse_out_of_memory) == 0) /* NOLINT(cert-err52-cpp): see above */
        root = json_loadb(text, size, JSON_REJECT_DUPLICATES, ret_error);
    else
        *ret_memory = true;
    json_set_alloc_funcs(malloc, free);
    pthread_mutex_unlock(&parse_lock);
    return root;
}

int json_reader_parse(struct json_reader *reader, const char *text, size_t size, json_t **ret_root)
{
    if (size > JSON_TEXT_MAX)
        return json_reader_fail(reader, ERROR_INPUT, "JSON is longer than %zu MB",
                                JSON_TEXT_MAX >> 20);
    if (check_depth(reader, text, size) < 0)
        return reader->rc;
    json_error_t error;
    bool memory = false;
    json_t *root = parse(&reader->arena, text, size, &error, &memory);
    if (memory)
        return json_reader_fail_memory(reader);
    if (root) {
        *ret_root = root;
        return 0;
    }
    json_reader_fail(reader, ERROR_INPUT, "not valid JSON: %s", error.text);
    error_at(reader->err, reader->file, error.line > 0 ? error.line : 0,
             error.column > 0 ? error.column : 0);
    return reader->rc;
}

void json_reader_close(struct json_reader *reader)
{
    arena_deinit(&reader->arena);
}

static const json_t *member(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

const char *json_get_text(struct json_reader *reader, const json_t *object, const char *key,
                          const char *otherwise)
{
    const json_t *value = member(object, key);
    if (!value || reader->rc < 0)
        return otherwise;
    if (!json_is_string(value)) {
        json_reader_fail(reader, ERROR_INPUT, "\"%s\" must be text", key);
        return otherwise;
    }
    return json_string_value(value);
}

bool json_get_flag(struct json_reader *reader, const json_t *object, const char *key)
{
    const json_t *value = member(object, key);
    if (!value || reader->rc < 0)
        return false;
    if (!json_is_boolean(value))
        json_reader_fail(reader, ERROR_INPUT, "\"%s\" must be true or false", key);
    return json_is_true(value);
}

int64_t json_get_i64(struct json_reader *reader, const json_t *object, const char *key, int64_t min,
                     int64_t max, int64_t otherwise)
{
    const json_t *value = member(object, key);
    if (!value || reader->rc < 0)
        return otherwise;
    int64_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < min || number > max) {
        json_reader_fail(reader, ERROR_INPUT,
                         "\"%s\" must be a whole number from %" PRId64 " to %" PRId64, key, min,
                         max);
        return otherwise;
    }
    return number;
}

double json_get_double(struct json_reader *reader, const json_t *object, const char *key,
                       double otherwise)
{
    const json_t *value = member(object, key);
    if (!value || reader->rc < 0)
        return otherwise;
    if (!json_is_number(value)) {
        json_reader_fail(reader, ERROR_INPUT, "\"%s\" must be a number", key);
        return otherwise;
    }
    return json_number_value(value);
}

bool json_seconds_to_ns(const json_t *value, int64_t *ret_ns)
{
    double s = json_number_value(value);
    /* 292 years are what int64 nanoseconds hold; written so that NaN fails too. */
    if (!json_is_number(value) || !(fabs(s) < 9.2e9))
        return false;
    *ret_ns = llround(s * 1e9);
    return true;
}

int64_t json_get_ns(struct json_reader *reader, const json_t *object, const char *key,
                    int64_t otherwise)
{
    const json_t *value = member(object, key);
    if (!value || reader->rc < 0)
        return otherwise;
    int64_t ns = otherwise;
    if (!json_seconds_to_ns(value, &ns))
        json_reader_fail(reader, ERROR_INPUT, "\"%s\" must be seconds", key);
    return ns;
}

const json_t *json_get_object(struct json_reader *reader, const json_t *object, const char *key)
{
    const json_t *value = member(object, key);
    if (!value || reader->rc < 0)
        return NULL;
    if (!json_is_object(value)) {
        json_reader_fail(reader, ERROR_INPUT, "\"%s\" must be an object", key);
        return NULL;
    }
    return value;
}

const json_t *json_get_array(struct json_reader *reader, const json_t *object, const char *key)
{
    const json_t *value = member(object, key);
    if (!value || reader->rc < 0)
        return NULL;
    if (!json_is_array(value)) {
        json_reader_fail(reader, ERROR_INPUT, "\"%s\" must be an array", key);
        return NULL;
    }
    return value;
}
