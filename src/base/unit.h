/* unit.h: what people type and read: durations, sizes, lists, and numbers with units.
 *
 * Parsing is strict: the whole text must be used, values must be finite and in range, and the error
 * says what was expected. Suffixes of sizes are powers of two (512M is 512 * 2^20).
 */
#ifndef TACHO_BASE_UNIT_H
#define TACHO_BASE_UNIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

int unit_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret, struct error *err);
int unit_parse_double(const char *text, double *ret, struct error *err); /* finite, '.' decimal */
/* "30" (seconds), "1.5s", "200ms", "50us", "10ns", "5m", "1h", "2d". Not negative. */
int unit_parse_duration(const char *text, uint64_t *ret_ns, struct error *err);
/* "4096", "512K", "512M", "1.5G", also "MB", "MiB" (all binary). */
int unit_parse_size(const char *text, uint64_t *ret_bytes, struct error *err);
/* "1,4,8" and ranges "0-3", in the order typed, duplicates kept. At most `capacity` values. */
int unit_parse_list(const char *text, uint64_t max_value, uint64_t *ret_values, size_t capacity,
                    size_t *ret_count, struct error *err);

/* Formatting writes into buf and returns it. */
/* Three significant digits and a unit that fits: "1.23 ms", "45.6 s", "780 ns". */
const char *unit_format_ns(double ns, char *buf, size_t size);
const char *unit_format_bytes(double bytes, char *buf, size_t size); /* "12.3 MB" (2^20) */
/* A bare number with about `digits` significant digits, no exponent below 1e15, no trailing ".0".
 */
const char *unit_format_number(double value, int digits, char *buf, size_t size);
/* "p = 0.012", "p < 0.001". */
const char *unit_format_p(double p, char *buf, size_t size);
/* Formats 0,1,2,5 as "0-2,5". */
const char *unit_format_list(const uint64_t *values, size_t count, char *buf, size_t size);

#endif
