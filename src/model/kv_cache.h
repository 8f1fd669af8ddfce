/* kv_cache.h: how much memory the keys and values of a transformer take.
 *
 * Formula: 2 (keys and values) * layers * batch * length * kv_heads * head_size * bytes per value
 *          (Pope et al. 2022, "Efficiently Scaling Transformer Inference", 3.3; with grouped-query
 *          attention, Ainslie et al. 2023, kv_heads is less than the model's heads).
 * Not in it: weights, activations, what an engine rounds up to (pages, its own reserve), and layers
 *            that keep only a window of the tokens or a compressed form of them.
 * Units: bytes; MB are 2^20. Sizes are doubles: exact up to 2^53 bytes. Pure. Threads: any.
 */
#ifndef TACHO_MODEL_KV_CACHE_H
#define TACHO_MODEL_KV_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* A format that values are kept in: so many bytes hold so many values. */
struct kv_precision {
    const char *name;
    uint32_t bytes, values;
};

extern const struct kv_precision kv_precisions[];               /* ended by a NULL name */
const struct kv_precision *kv_precision_find(const char *name); /* NULL: unknown */

struct kv_shape {
    uint64_t layers, heads, kv_heads, head_size;
    uint64_t batch, length;
    const struct kv_precision *precision;
};

/* -ERROR_USAGE: something is 0, kv_heads does not divide heads, or a block of the precision does
 * not divide head_size (llama.cpp refuses that too). */
int kv_cache_check(const struct kv_shape *shape, struct error *err);
double kv_cache_bytes_per_token(const struct kv_shape *shape); /* of one sequence */
double kv_cache_bytes(const struct kv_shape *shape);
/* The longest length that so many bytes hold at this batch size, and the largest batch at this
 * length; 0: not even one. */
uint64_t kv_cache_longest(const struct kv_shape *shape, double bytes);
uint64_t kv_cache_largest_batch(const struct kv_shape *shape, double bytes);
/* Up to count lengths in even steps; the last one is `length` itself. Returns how many. */
size_t kv_cache_lengths(uint64_t length, uint64_t *ret_lengths, size_t count);

#endif
