/* util.h: the few macros everybody needs. No state, no functions of its own but trivial inlines. */
#ifndef TACHO_BASE_UTIL_H
#define TACHO_BASE_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define CLEANUP(fn) __attribute__((cleanup(fn)))

static inline void free_cleanup(void *pointer)
{
    free(*(void **)pointer);
}

static inline void close_cleanup(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

#define CLEANUP_FREE CLEANUP(free_cleanup)
#define CLEANUP_CLOSE CLEANUP(close_cleanup)

static inline uint64_t u64_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t u64_max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Grows *data (an array of *capacity elements of element_size bytes) so that `need` elements fit.
 * At least doubles, so n pushes cost O(n). Returns 0, or -1 out of memory (*data untouched). */
int array_reserve(void *data, size_t *capacity, size_t need, size_t element_size);

#endif
