/* timestamp.h: the many ways in which logs write the time, as seconds since 1970.
 *
 * Forms: ISO 8601 and its relatives: 2026-11-20T08:15:24.012Z, 2026-11-20 08:15:24,012 +0900,
 *        2026/11/20 08:15:24, 20261120T081524; syslog "Nov 20 08:15:24" (no year), tegrastats
 *        "11-20-2026 08:15:24"; plain numbers: seconds, ms, us or ns since 1970, told apart by
 * their size; a number that is none of them is seconds since the log began. Zones: Z, +09:00,
 * +0900, +09. Without one the time is taken as UTC, so that differences are right (but where summer
 * time ended in between) and the machine's zone changes nothing; `has_zone` tells. Threads: any.
 * Memory: none. Formulas: days from civil after H. Hinnant (chrono-compatible low-level date
 * algorithms).
 */
#ifndef TACHO_FORMAT_TIMESTAMP_H
#define TACHO_FORMAT_TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>

/* A number below is seconds since the log began. */
#define TIMESTAMP_EPOCH_MIN 3e8

enum timestamp_kind {
    TIMESTAMP_NONE,
    TIMESTAMP_DATE,     /* date and time; no_year where syslog left it out (then 1970) */
    TIMESTAMP_EPOCH,    /* a number that is seconds, ms, us or ns since 1970 */
    TIMESTAMP_RELATIVE, /* a smaller number: seconds */
};

struct timestamp {
    enum timestamp_kind kind;
    double s; /* since 1970, or since the log began */
    bool has_zone, no_year;
};

/* The time that [text, end) begins with, blanks and one '[' before it left out. Returns how many
 * bytes it took, with a ']' behind it; 0: there is none, and kind is NONE. */
size_t timestamp_parse(const char *text, const char *end, struct timestamp *ret);
/* A number that is seconds since 1970, and nothing else: 1979 to the year 11,476. */
static inline bool timestamp_is_epoch_s(double value)
{
    return value >= TIMESTAMP_EPOCH_MIN && value < TIMESTAMP_EPOCH_MIN * 1e3;
}
/* A number as one: what `value` is, by its size. */
struct timestamp timestamp_of_number(double value);
/* "2026-11-20 08:15:24.012", or "12.5 s" of a relative one; buf of 40 bytes. */
const char *timestamp_format(double s, char *buf, size_t size);

#endif
