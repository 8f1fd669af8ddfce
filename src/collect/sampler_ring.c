/* sampler_ring.c: see sampler_ring.h.
 *
 * A record lies in one piece: where it would not fit before the end, a record without columns and
 * with the flag REST takes the rest, and it stands at the beginning. The writer publishes by
 * storing head (release), the reader frees by storing tail (release).
 */
#include "collect/sampler_ring.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "collect/sampler.h"

#define WIDE_ROWS 16 /* rows with every column that always fit beside the others */
#define REST UINT32_MAX

struct record {
    uint64_t t_ns;
    pid_t target;
    uint32_t count;  /* of columns; REST: nothing more before the end */
    double values[]; /* count, then as many uint16_t: which columns */
};

static size_t record_size(size_t count)
{
    size_t size = sizeof(struct record) + count * (sizeof(double) + sizeof(uint16_t));
    return (size + 7) / 8 * 8;
}

int sampler_ring_init(struct sampler_ring *ring, size_t row_count, double mean_columns,
                      size_t column_count)
{
    *ring = (struct sampler_ring){.column_count = column_count};
    ring->size = row_count * record_size((size_t)ceil(mean_columns)) +
                 (WIDE_ROWS + 1) * record_size(column_count);
    ring->data = calloc(ring->size, 1);
    ring->values = calloc(column_count + 1, sizeof(*ring->values));
    ring->due = calloc(column_count + 1, 1);
    if (!ring->data || !ring->values || !ring->due) {
        sampler_ring_deinit(ring);
        return -1;
    }
    for (size_t i = 0; i < column_count; i++)
        ring->values[i] = NAN;
    return 0;
}

void sampler_ring_deinit(struct sampler_ring *ring)
{
    free(ring->data);
    free(ring->values);
    free(ring->due);
    ring->data = NULL;
    ring->values = NULL;
    ring->due = NULL;
}

static struct record *record_at(const struct sampler_ring *ring, uint64_t position)
{
    return (struct record *)(ring->data + position % ring->size);
}

bool sampler_ring_put(struct sampler_ring *ring, uint64_t t_ns, pid_t target, const double *values,
                      const uint8_t *due)
{
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    size_t count = 0;
    for (size_t i = 0; i < ring->column_count; i++)
        count += due[i];
    size_t size = record_size(count), to_end = ring->size - (size_t)(head % ring->size);
    size_t skip = size > to_end ? to_end : 0;
    if (head + skip + size - tail > ring->size)
        return false;
    /* Sizes are multiples of 8, and so may the rest be too short for a whole record. */
    if (skip >= sizeof(struct record))
        record_at(ring, head)->count = REST;
    head += skip;
    struct record *record = record_at(ring, head);
    *record = (struct record){.t_ns = t_ns, .target = target, .count = (uint32_t)count};
    uint16_t *columns = (uint16_t *)(record->values + count);
    for (size_t i = 0, at = 0; at < count; i++) {
        if (!due[i])
            continue;
        record->values[at] = values[i];
        columns[at++] = (uint16_t)i;
    }
    atomic_store_explicit(&ring->head, head + size, memory_order_release);
    return true;
}

/* Shows a record as a row, and clears the row for the next one. */
static void hand_over(struct sampler_ring *ring, const struct record *record,
                      void (*fn)(const struct sample_row *row, void *context), void *context)
{
    const uint16_t *columns = (const uint16_t *)(record->values + record->count);
    struct sample_row row = {
        .t_ns = record->t_ns, .target = record->target, .values = ring->values, .due = ring->due};
    for (uint32_t i = 0; i < record->count; i++) {
        ring->values[columns[i]] = record->values[i];
        ring->due[columns[i]] = 1;
    }
    fn(&row, context);
    for (uint32_t i = 0; i < record->count; i++) {
        ring->values[columns[i]] = NAN;
        ring->due[columns[i]] = 0;
    }
}

size_t sampler_ring_drain(struct sampler_ring *ring,
                          void (*fn)(const struct sample_row *row, void *context), void *context)
{
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    size_t count = 0;
    while (tail < head) {
        size_t to_end = ring->size - (size_t)(tail % ring->size);
        const struct record *record = record_at(ring, tail);
        if (to_end < sizeof(*record) || record->count == REST) {
            tail += to_end;
            continue;
        }
        hand_over(ring, record, fn, context);
        tail += record_size(record->count);
        count++;
        atomic_store_explicit(&ring->tail, tail, memory_order_release);
    }
    atomic_store_explicit(&ring->tail, tail, memory_order_release);
    return count;
}
