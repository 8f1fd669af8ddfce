/* number.h: decimal text to double, bit for bit what strtod says, several times as fast.
 *
 * What: [+-]digits[.digits][e[+-]digits], at least one digit; no blanks, no hexadecimal. "nan",
 *       "inf" and "infinity" in any case are numbers too, with an optional sign.
 * How: up to 19 digits and a power of ten up to 22 are exact by one multiplication or division of
 *      two exact doubles (W. D. Clinger, PLDI 1990); what is not goes to strtod.
 * Fields of a table: number_field.h, which is faster still.
 * Locale: '.' always. Memory: none. Threads: any. No reading at or behind `end`.
 */
#ifndef TACHO_FORMAT_NUMBER_H
#define TACHO_FORMAT_NUMBER_H

#include <stdbool.h>

/* Behind the number that begins at text, or NULL: none begins there. */
const char *number_parse(const char *text, const char *end, double *ret_value);
/* True if all of [text, end) is one number, blanks around it aside. */
bool number_parse_all(const char *text, const char *end, double *ret_value);

#endif
