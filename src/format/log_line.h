/* log_line.h: what a line of anybody's log says: when, how bad, and which numbers with which names.
 *
 * What: log_line_parse finds the time and the level that a line begins with, in the forms of the
 *       common loggers (ISO and epoch times, syslog, the journal, dmesg also with names of days in
 *       other languages, kmsg, glog, logcat, ROS 2, Python's logging, logfmt, JSON) and where the
 *       message begins. log_line_numbers finds the numbers with a label in it: "E2E latency:
 *       78.3ms", "queue=48", "took 12 ms", {"latency_ms": 12.3}. log_line_template writes the
 *       message without what changes from line to line, so that equal messages are equal.
 * Shapes: the lines of a log are of a few shapes, with other digits. Nearly all that is found in a
 *       line does not depend on which digits stand in it: that is why log_line_sites tells where
 *       numbers are, and not their values, and why log_line_read notes the few things that digits
 *       decide (is this a time?). Where log_line_holds says that they decide the same in another
 *       line of the same shape (log_shape.h), all of it is at the same places there.
 * Units: durations in ms, wherever they are told apart by a unit behind the number or at the end of
 *        the label; times as timestamp.h.
 * Bounds: a label is at most LOG_LABEL_MAX bytes; objects in JSON are read one level deep.
 * Memory: none; what is found points into the line. Threads: any. No reading behind the end.
 */
#ifndef TACHO_FORMAT_LOG_LINE_H
#define TACHO_FORMAT_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/timestamp.h"

#define LOG_LABEL_MAX 64
#define LOG_TEMPLATE_MAX 160

enum log_level {
    LOG_LEVEL_NONE,
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_ERROR,
    LOG_LEVEL_FATAL,
};

struct log_text {
    const char *at;
    size_t size;
};

struct log_line {
    struct timestamp time; /* kind NONE: it has none */
    enum log_level level;
    struct log_text message; /* behind time, host, program and level where they were recognised;
                              * of JSON: the value of "msg" or its like; may be empty */
    bool is_json;
};

/* Where a number stands. */
struct log_site {
    struct log_text number; /* with its sign */
    struct log_text outer;  /* JSON: the key of the object that the label stands in; else empty */
    struct log_text label;  /* empty: a duration without one */
    struct log_text unit;   /* as written, behind the number or in the label: "ms", "%" */
    double unit_ms;         /* of a duration; NaN: it is none */
    bool if_whole;          /* "Frame 12:" has that label, "Frame 1.5:" none */
};

typedef void log_site_fn(void *context, const struct log_site *site);

struct log_number {
    struct log_text outer; /* JSON: the key of the object that the label stands in; else empty */
    struct log_text label; /* empty: a duration without one */
    double value;          /* as written; may be NaN or infinite */
    double ms;             /* of a duration; NaN: it is none */
    struct log_text
        unit; /* as written, behind the number or in the label: "ms", "%"; empty: none */
};

typedef void log_number_fn(void *context, const struct log_number *number);

#define LOG_DECISIONS_MAX 4

/* What the values of digits decided. */
struct log_decision {
    enum log_decision_way {
        LOG_DECISION_TIME,  /* whether a line's time begins at `at` */
        LOG_DECISION_STAMP, /* what time stands in [at, end) */
        LOG_DECISION_SAME,  /* something else: all of [at, end) must be the same */
    } way;
    uint32_t at, end; /* in the line */
    uint32_t behind;  /* of the time */
    enum timestamp_kind kind;
    bool has_zone, no_year;
    enum log_level level_before, level;
    char same[8];
    /* A date of the usual form, as the last line of that shape had it: its day is most often that
     * of the next one. */
    uint32_t date_at; /* in the line; has_date */
    bool has_date;
    uint8_t decimals; /* of the seconds; 9 at most */
    char date[10];
    double midnight_s;
};

struct log_decisions {
    struct log_decision items[LOG_DECISIONS_MAX];
    size_t count;
    size_t time; /* which of them told the line's time, + 1; 0: it has none */
    bool has_more;
};

void log_line_parse(const char *text, size_t size, struct log_line *ret);
/* The same, and what digits decided in it; size below 4 GB. */
void log_line_read(const char *text, size_t size, struct log_line *ret,
                   struct log_decisions *ret_decisions);
/* Whether they decide the same in this line, which has the shape of the other one. *ret_time: its
 * time. The decisions remember the day. */
bool log_line_holds(const char *text, size_t size, struct log_decisions *decisions,
                    struct timestamp *ret_time);
/* In the order in which they stand. text: the whole line that `line` was parsed from. */
void log_line_sites(const char *text, size_t size, const struct log_line *line, log_site_fn *fn,
                    void *context);
/* The value of a site; false: none, after all. */
bool log_site_value(const struct log_site *site, struct log_number *ret);
void log_line_numbers(const char *text, size_t size, const struct log_line *line, log_number_fn *fn,
                      void *context);
/* Numbers, hexadecimal words, paths and quoted text become <n>, <hex>, <path> and <text>. Returns
 * the size of what it wrote, at most LOG_TEMPLATE_MAX; not terminated. */
size_t log_line_template(const char *message, size_t size, char *buf);
/* Whether a message of the same shape may have another template. */
bool log_line_template_varies(const char *message, size_t size, const char *template_text,
                              size_t template_size);
/* Without the colours of a terminal (ESC [ … m): into dst, of `size` bytes; returns its new size.
 */
size_t log_line_strip_colours(const char *text, size_t size, char *dst);

const char *log_level_name(enum log_level level); /* "warning"; "-" for none */
/* The unit that [text, end) begins with, in ms each; NaN: none. *ret_size: its bytes. A unit ends
 * where the word ends. */
double log_unit_ms(const char *text, const char *end, size_t *ret_size);

#endif
