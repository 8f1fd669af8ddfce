/* sensor.h: what hwmon, thermal zones, powercap and cpufreq have in common: one whole number in a
 * small file, opened once and read again and again.
 *
 * What: opening tells apart what is missing, denied, or too slow to be read on a timer. A file that
 *       opens but cannot be read now (a zone that is powered off answers EAGAIN) is fine: it may
 *       answer later. Units: the file's own. Memory: none. Threads: a descriptor belongs to one.
 * Errors: as file.h; -ERROR_INPUT for text that is no whole number.
 */
#ifndef TACHO_COLLECT_SENSOR_H
#define TACHO_COLLECT_SENSOR_H

#include <stdint.h>

#include "base/file.h"

/* A reading that takes longer than this holds up the sampling of everything else, and may well
 * disturb the device (a disk answers for its temperature between two requests). */
#define SENSOR_SLOW_NS 5000000ULL

/* Decimal, sign allowed, surrounding white space allowed, nothing else. */
int sensor_parse_i64(const char *text, int64_t *ret_value);
int sensor_read_i64(int fd, int64_t *ret_value);
/* Opens and reads once. Returns the descriptor, or -ERROR_ABSENT, -ERROR_DENIED, -ERROR_IO, or
 * -ERROR_UNSUPPORTED when it is too slow; err says so in one phrase. ret_value (may be NULL) is set
 * when the first reading succeeded; *ret_readable (may be NULL) says whether it did. */
int sensor_open(const struct root *root, const char *path, int64_t *ret_value, bool *ret_readable,
                struct error *err);

#endif
