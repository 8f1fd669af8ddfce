/* log_line_internal.h: what the parts of log_line share. */
#ifndef TACHO_FORMAT_LOG_LINE_INTERNAL_H
#define TACHO_FORMAT_LOG_LINE_INTERNAL_H

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "format/log_line.h"

static inline bool is_digit(char c)
{
    return (unsigned)(c - '0') <= 9;
}

/* Letters of other scripts are parts of words. */
static inline bool is_letter(char c)
{
    return (unsigned)((c | 0x20) - 'a') < 26 || (unsigned char)c >= 0x80;
}

static inline bool is_word(char c)
{
    return is_digit(c) || is_letter(c) || c == '_';
}

static inline bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static inline bool begins_with(const char *at, const char *end, const char *word)
{
    size_t size = strlen(word);
    return (size_t)(end - at) >= size && memcmp(at, word, size) == 0;
}

static inline bool text_is(struct log_text text, const char *word)
{
    return text.size == strlen(word) && strncasecmp(text.at, word, text.size) == 0;
}

/* ---- log_line_decide.c ---- */

/* A line that is read, and what its digits decided so far; decisions may be NULL. */
struct log_reading {
    const char *text, *end;
    struct log_decisions *decisions;
};

/* log_time_parse. */
const char *log_decide_time(struct log_reading *reading, const char *at, struct timestamp *ret,
                            enum log_level *ret_level);
void log_decide_stamp(struct log_reading *reading, struct log_text text, struct timestamp *ret);
/* The text decides by more than its shape. */
void log_decide_same(struct log_reading *reading, struct log_text text);

/* ---- log_line_level.c ---- */

/* The level that a word is, any case; its size must be exact. */
enum log_level log_level_of_word(const char *word, size_t size);
enum log_level log_level_of_priority(long priority); /* of syslog: 0 is the worst */
/* The level word in the head of [at, end), and where the message behind it begins (or `at` where
 * the level stands inside of the message). */
enum log_level log_level_find(const char *at, const char *end, const char **ret_message);

/* ---- log_line_time.c ---- */

/* The time that the line begins with, in any form; *ret_level where the form tells it. Behind it,
 * or `at`. */
const char *log_time_parse(const char *at, const char *end, struct timestamp *ret,
                           enum log_level *ret_level);

/* ---- log_line_numbers.c ---- */

/* The unit that a label ends with: "latency_ms", "latencyMs", "latency (ms)". */
double log_label_unit_ms(struct log_text label, struct log_text *ret_unit);
void log_text_sites(const char *text, const char *end, log_site_fn *fn, void *context);
/* The number that all of [at, end) is, with its unit. */
bool log_site_of_text(const char *at, const char *end, struct log_site *ret);

/* ---- log_line_json.c ---- */

enum log_json_kind { LOG_JSON_STRING, LOG_JSON_NUMBER, LOG_JSON_OTHER };

struct log_json_member {
    struct log_text outer, key, value; /* strings without their quotes, escapes as written */
    enum log_json_kind kind;
};

typedef void log_json_fn(void *context, const struct log_json_member *member);

/* False: it is no object. What is behind a mistake is left out. */
bool log_json_each(const char *text, const char *end, log_json_fn *fn, void *context);
bool log_json_line(struct log_reading *reading, const char *at, struct log_line *ret);
void log_json_sites(const char *text, const char *end, log_site_fn *fn, void *context);

#endif
