/* log_shape.h: the shape of a line: its bytes, with a '0' for each digit.
 *
 * Nearly all lines of a log differ from another one in their digits only; log_line.h says what
 * follows from that.
 * Memory: none. Threads: any. No reading behind the end.
 */
#ifndef TACHO_FORMAT_LOG_SHAPE_H
#define TACHO_FORMAT_LOG_SHAPE_H

#include <stddef.h>
#include <stdint.h>

#define LOG_SHAPE_BLOCK 32

/* Writes the shape into dst, of `size` bytes and LOG_SHAPE_BLOCK at least; returns its hash. Who
 * relies on it compares the shapes, too: lines of one hash are easily made. */
uint64_t log_shape(const char *text, size_t size, char *dst);

#endif
