/* number.h: decimal text to double, bit for bit what strtod says, several times as fast.
 *
 * What: [+-]digits[.digits][e[+-]digits], at least one digit; no blanks, no hexadecimal. "nan",
 *       "inf" and "infinity" in any case are numbers too, with an optional sign.
 * How: up to 19 digits and a power of ten up to 22 are exact by one multiplication or division of
 *      two exact doubles (W. D. Clinger, PLDI 1990); what is not goes to strtod.
 * Locale: '.' always. Memory: none. Threads: any. No reading at or behind `end`.
 */
#ifndef TACHO_FORMAT_NUMBER_H
#define TACHO_FORMAT_NUMBER_H

#include <stdbool.h>

/* Behind the number that begins at text, or NULL: none begins there. */
const char *number_parse(const char *text, const char *end, double *ret_value);
/* The usual number of a table (a sign, up to 17 digits, a point among them) without a branch for
 * each digit. Reads up to 24 bytes before `end`, but none before `floor`. False: it is none of
 * those, or floor is NULL; number_parse tells. */
bool number_parse_field(const char *text, const char *end, const char *floor, double *ret_value);
/* True if all of [text, end) is one number, blanks around it aside. */
bool number_parse_all(const char *text, const char *end, double *ret_value);

#endif
