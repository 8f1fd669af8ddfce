/* json_writer.h: JSON text, written as it comes: no tree is built, so ten million samples cost no
 * more memory than their text.
 *
 * What: open an object or array, write members, end it; commas, indentation and escapes are done
 *       here. `key` is the member's name inside an object and NULL inside an array.
 * Text: invalid UTF-8 becomes U+FFFD, so the output is always valid JSON. NaN and infinity have no
 *       JSON form and become null.
 * Numbers: the shortest of 15 to 17 significant digits that reads back as the same double.
 * Memory: appends to a strbuf, whose `failed` is the one error. Depth: at most 64.
 */
#ifndef TACHO_FORMAT_JSON_WRITER_H
#define TACHO_FORMAT_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct json_writer {
    struct strbuf *out;
    bool compact;     /* everything on one line */
    unsigned depth;   /* objects and arrays that are open */
    unsigned line;    /* the depth from which on everything stands on one line; 0: none */
    uint64_t filled;  /* bit d: the container at depth d holds something already */
    uint64_t bracket; /* bit d: the container at depth d is an array */
};

void json_write_object(struct json_writer *writer, const char *key);
void json_write_array(struct json_writer *writer, const char *key);
/* The same, but with its content on one line: rows of a table, columns of samples. */
void json_write_object_line(struct json_writer *writer, const char *key);
void json_write_array_line(struct json_writer *writer, const char *key);
void json_write_end(struct json_writer *writer); /* of what was opened last */

void json_write_text(struct json_writer *writer, const char *key, const char *text); /* or null */
void json_write_null(struct json_writer *writer, const char *key);
void json_write_bool(struct json_writer *writer, const char *key, bool value);
void json_write_i64(struct json_writer *writer, const char *key, int64_t value);
/* Above INT64_MAX it is cut to that: readers of JSON hold no more. */
void json_write_u64(struct json_writer *writer, const char *key, uint64_t value);
void json_write_number(struct json_writer *writer, const char *key, double value);
/* As a number that reads back as floating point, also when it is whole: 5.0. */
void json_write_real(struct json_writer *writer, const char *key, double value);
/* Nanoseconds as seconds, every digit kept: 1.000000001. */
void json_write_seconds(struct json_writer *writer, const char *key, int64_t ns);

/* The shortest decimal text of a finite number, '.' whatever the locale; buf of 32 bytes. */
const char *json_format_number(double value, char buf[32]);

#endif
