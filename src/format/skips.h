/* skips.h: what of a file could not be used, by reason, with the first line of each.
 *
 * "Nothing is left out silently": every reader of files counts here, every analysis shows it.
 * Memory: plain data. Threads: one at a time; skips_merge puts several together.
 */
#ifndef TACHO_FORMAT_SKIPS_H
#define TACHO_FORMAT_SKIPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum skip_kind {
    SKIP_LOST,  /* a row of data is left out */
    SKIP_NOTED, /* it is used all the same */
    SKIP_PASSED /* it is no row of data: a comment or the like */
};

/* X(ID, name, meaning, what becomes of it) */
#define SKIP_MAP(X)                                                                                \
    X(COMMENT, "comment", "comment lines", PASSED)                                                 \
    X(BLANK, "blank", "blank lines", PASSED)                                                       \
    X(REPEATED_HEADER, "repeated_header", "the header again", PASSED)                              \
    X(OTHER_LINE, "other_line", "lines of another form", PASSED)                                   \
    X(TOO_FEW_FIELDS, "too_few_fields", "rows with too few fields", LOST)                          \
    X(TOO_MANY_FIELDS, "too_many_fields", "rows with more fields than the header", LOST)           \
    X(EMPTY_VALUE, "empty_value", "rows without the value", LOST)                                  \
    X(NOT_A_NUMBER, "not_a_number", "values that are no number", LOST)                             \
    X(NOT_FINITE, "not_finite", "values that are NaN or infinite", LOST)                           \
    X(NEGATIVE, "negative", "negative values where none can be", LOST)                             \
    X(BAD_TIME, "bad_time", "times that cannot be used", LOST)                                     \
    X(TIME_BACKWARDS, "time_backwards", "times that go backwards", NOTED)                          \
    X(NO_TIME, "no_time", "rows whose time cannot be read", NOTED)                                 \
    X(OPEN_QUOTE, "open_quote", "quotes that are never closed", LOST)                              \
    X(TOO_LONG, "too_long", "lines longer than 16 MB", LOST)                                       \
    X(CUT_OFF, "cut_off", "a last line that is cut off", LOST)                                     \
    X(BINARY, "binary", "lines with bytes that are no text", LOST)

enum skip {
#define SKIP_ENUM(id, name, meaning, kind) SKIP_##id,
    SKIP_MAP(SKIP_ENUM)
#undef SKIP_ENUM
        SKIP_COUNT
};

struct skips {
    uint64_t rows; /* that were used */
    struct {
        uint64_t count, first_line;
    } of[SKIP_COUNT];
};

void skips_add(struct skips *skips, enum skip why, uint64_t line);
/* Adds src, whose lines are counted from first_line (1-based; its own are 0-based). */
void skips_merge(struct skips *skips, const struct skips *src, uint64_t first_line);
uint64_t skips_data(const struct skips *skips); /* rows of data that were lost */
const char *skip_name(enum skip why);
const char *skip_meaning(enum skip why);
enum skip_kind skip_kind(enum skip why);
bool skip_is_data(enum skip why); /* LOST */

#endif
