/* json_reader.h: reading JSON with jansson; inside format/ only (the door to jansson.h).
 *
 * What: parses a text within limits, and takes typed members out of objects. Getters do not return
 *       errors: the reader keeps the first one (`rc`) and every later getter gives its default, so
 *       callers check once per object. A member that is missing or null has the value `otherwise`;
 *       one of another type is an error that names it and where it stands.
 * Memory: the tree and its texts belong to the reader, until json_reader_close: never decref it,
 *         and build nothing in it.
 * Threads: any; one parses at a time.
 * Limits: JSON_TEXT_MAX bytes, JSON_DEPTH_MAX levels.
 */
#ifndef TACHO_FORMAT_JSON_READER_H
#define TACHO_FORMAT_JSON_READER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

#define JSON_TEXT_MAX ((size_t)1 << 31)
#define JSON_DEPTH_MAX 64

struct json_reader {
    const char *file; /* for messages, or NULL */
    struct error *err;
    int rc;
    struct arena arena; /* the tree */
    char where[96];     /* what is being read: "series[3]" */
};

/* Once per reader. */
int json_reader_parse(struct json_reader *reader, const char *text, size_t size, json_t **ret_root);
void json_reader_close(struct json_reader *reader);
/* Sets the error unless there is one already; returns reader->rc. */
__attribute__((format(printf, 3, 4))) int json_reader_fail(struct json_reader *reader, int code,
                                                           const char *fmt, ...);
int json_reader_fail_memory(struct json_reader *reader);
__attribute__((format(printf, 2, 3))) void json_reader_at(struct json_reader *reader,
                                                          const char *fmt, ...);

const char *json_get_text(struct json_reader *reader, const json_t *object, const char *key,
                          const char *otherwise);
bool json_get_flag(struct json_reader *reader, const json_t *object, const char *key);
int64_t json_get_i64(struct json_reader *reader, const json_t *object, const char *key, int64_t min,
                     int64_t max, int64_t otherwise);
double json_get_double(struct json_reader *reader, const json_t *object, const char *key,
                       double otherwise);
/* Seconds as whole nanoseconds. */
int64_t json_get_ns(struct json_reader *reader, const json_t *object, const char *key,
                    int64_t otherwise);
const json_t *json_get_object(struct json_reader *reader, const json_t *object, const char *key);
const json_t *json_get_array(struct json_reader *reader, const json_t *object, const char *key);
/* One number of seconds as nanoseconds; false: not a number or out of range. */
bool json_seconds_to_ns(const json_t *value, int64_t *ret_ns);

#endif
