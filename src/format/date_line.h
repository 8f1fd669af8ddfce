/* date_line.h: the line that `date` prints, in the forms of its usual languages.
 *
 * What: "Sun Mar  1 12:00:00 UTC 2026", "Sun Mar  1 12:00:00 PM UTC 2026", "Sun 01 Mar 2026
 * 12:00:00 PM UTC", "2026. 03. 01. (일) 12:00:00 KST": a clock time, a year of four digits, a month
 * by its English name or as the number before the day, and words beside them. All of the line must
 * be of these: a sentence with a time in it is none. Units: seconds since 1970, as timestamp.h. The
 * zone's name is not a time: it is taken as UTC, so that differences are right. Memory: none.
 * Threads: any. No reading behind the end.
 */
#ifndef TACHO_FORMAT_DATE_LINE_H
#define TACHO_FORMAT_DATE_LINE_H

#include <stdbool.h>

#include "format/timestamp.h"

bool date_line_parse(const char *text, const char *end, struct timestamp *ret);

#endif
