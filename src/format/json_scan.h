/* json_scan.h: JSON read token by token, for files that are too large or too long-lived to be held
 * as a tree (json_reader.h); inside format/ only.
 *
 * What: a scanner over a text or a file, through a window of 64 KiB. It is as strict as JSON where
 *       that says which value belongs to what, and lenient where writers err: control characters in
 *       strings, a byte order mark, commas too many, text behind the end.
 * Cut off: a file whose writer was killed ends anywhere: SCAN_CUT, and what was whole can be used.
 * Memory: one string (at most JSON_SCAN_TEXT_MAX bytes, longer ones are cut) and the window.
 * Errors: the first one stays (`rc`), with line and column: every later token is SCAN_ERROR.
 * Threads: one at a time.
 */
#ifndef TACHO_FORMAT_JSON_SCAN_H
#define TACHO_FORMAT_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

#define JSON_SCAN_DEPTH_MAX 64
#define JSON_SCAN_TEXT_MAX 65536

enum json_scan_token {
    SCAN_ERROR = -1,
    SCAN_END, /* the source ended, and every bracket is closed */
    SCAN_CUT, /* the source ended before that */
    SCAN_OBJECT,
    SCAN_OBJECT_END,
    SCAN_ARRAY,
    SCAN_ARRAY_END,
    SCAN_KEY,    /* text */
    SCAN_STRING, /* text */
    SCAN_NUMBER, /* text */
    SCAN_WORD,   /* true, false, null: text */
};

struct json_scan {
    int fd; /* -1: a text */
    char *buffer;
    const char *window;
    size_t window_size, at; /* at: the next byte in it */
    bool at_end;
    int line, column; /* of the next byte, from 1; the column counts bytes */
    int depth;
    bool is_object[JSON_SCAN_DEPTH_MAX];
    bool wants_key;     /* in an object: the next string is a key */
    bool after_key;     /* a value has to follow */
    struct strbuf text; /* of the last KEY, STRING, NUMBER or WORD */
    const char *path;
    struct error *err;
    int rc;
};

void json_scan_open_text(struct json_scan *scan, const char *text, size_t size, const char *path,
                         struct error *err);
/* Only regular files; -ERROR_ABSENT/-ERROR_DENIED from opening. */
int json_scan_open(struct json_scan *scan, const char *path, struct error *err);
void json_scan_close(struct json_scan *scan);
enum json_scan_token json_scan_next(struct json_scan *scan);
/* Steps over the value whose first token was `token`. Its own last token, or SCAN_CUT/SCAN_ERROR.
 */
enum json_scan_token json_scan_skip(struct json_scan *scan, enum json_scan_token token);
/* Sets the error at the present place unless there is one already. */
__attribute__((format(printf, 2, 3))) int json_scan_fail(struct json_scan *scan, const char *fmt,
                                                         ...);

#endif
