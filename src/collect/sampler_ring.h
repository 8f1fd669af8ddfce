/* sampler_ring.h: rows on their way from the sampling thread to the one that drains them.
 *
 * What: a ring of records {time, target, the columns that are due}. Of most rows few columns are
 *       due (the others are slower), so a record is as long as its row, not as the table is wide:
 *       the ring touches a tenth of the memory, and clearing what is not due costs nothing.
 * Full: the new row does not fit and is not taken; the caller counts it.
 * Memory: all of it in init. Threads: one writes (put), one reads (drain).
 */
#ifndef TACHO_COLLECT_SAMPLER_RING_H
#define TACHO_COLLECT_SAMPLER_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sample_row;

struct sampler_ring {
    char *data;
    size_t size;                 /* bytes; a multiple of 8 */
    _Atomic uint64_t head, tail; /* bytes written and read; both only grow */
    size_t column_count;
    /* the reader's: the row as it is handed out */
    double *values;
    uint8_t *due;
};

/* Room for row_count rows of mean_columns each, and for a few with all of them. -1: no memory. */
int sampler_ring_init(struct sampler_ring *ring, size_t row_count, double mean_columns,
                      size_t column_count);
void sampler_ring_deinit(struct sampler_ring *ring); /* accepts a zeroed one */
/* false: it does not fit now. */
bool sampler_ring_put(struct sampler_ring *ring, uint64_t t_ns, pid_t target, const double *values,
                      const uint8_t *due);
/* Hands over every row that was there when it began. Returns how many. */
size_t sampler_ring_drain(struct sampler_ring *ring,
                          void (*fn)(const struct sample_row *row, void *context), void *context);

#endif
