/* str.h: growing strings, and the few questions about text that the C library does not answer.
 *
 * Memory: struct strbuf owns its bytes; a zeroed one is valid and empty. Appending never reports an
 *         error by itself: `failed` stays set once memory ran out, so that callers check once, at
 *         the end. Threads: one at a time. Text is UTF-8.
 */
#ifndef TACHO_BASE_STR_H
#define TACHO_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf {
    char *data; /* NUL-terminated once anything was appended, else NULL */
    size_t len;
    size_t cap;
    bool failed; /* out of memory happened; what is held is incomplete */
};

void strbuf_append(struct strbuf *buf, const char *text);
void strbuf_append_n(struct strbuf *buf, const char *text, size_t length);
void strbuf_putc(struct strbuf *buf, char c);
void strbuf_repeat(struct strbuf *buf, char c, size_t count);
__attribute__((format(printf, 2, 3))) void strbuf_printf(struct strbuf *buf, const char *fmt, ...);
const char *strbuf_get(const struct strbuf *buf); /* never NULL */
void strbuf_clear(struct strbuf *buf);            /* keeps the memory */
void strbuf_deinit(struct strbuf *buf);

/* Copies with guaranteed termination; returns false if text was cut. The cut never splits a UTF-8
 * character. */
bool str_copy(char *dst, size_t size, const char *src);
bool str_starts_with(const char *text, const char *prefix);
bool str_ends_with(const char *text, const char *suffix);
/* Index of the candidate with the smallest edit distance to name, if it is close enough to be a
 * plausible typing error (distance at most a third of the length, at least 1), else -1. */
int str_nearest(const char *name, const char *const *candidates, size_t count);
/* Columns that text takes on a terminal: counts code points, wide East Asian ones twice, combining
 * ones and colours (ESC [ … m) not. Invalid bytes count one. */
size_t str_width(const char *text);
/* Replaces control characters (also newline and escape) by spaces or '?', in place, and bytes that
 * are not UTF-8 by '?': what comes from a file or program must not steer the terminal. */
void str_make_printable(char *text);

#endif
