/* kv_cache.c: see kv_cache.h. */
#include "model/kv_cache.h"

#include <math.h>
#include <string.h>

/* The formats with a number behind q are those of ggml (ggml-common.h): blocks of 32 values, each
 * with a scale of 16 bits, with a _1 also a minimum; q5 keeps the fifth bits in 4 bytes of their
 * own. int8, int4 and fp8 are counted without scales: engines keep one per tensor, head or token.
 */
const struct kv_precision kv_precisions[] = {
    {"fp32", 4, 1},   {"fp16", 2, 1},     {"bf16", 2, 1},   {"fp8", 1, 1},    {"int8", 1, 1},
    {"int4", 1, 2},   {"q8_0", 34, 32},   {"q5_1", 24, 32}, {"q5_0", 22, 32}, {"q4_1", 20, 32},
    {"q4_0", 18, 32}, {"iq4_nl", 18, 32}, {NULL, 0, 0},
};

const struct kv_precision *kv_precision_find(const char *name)
{
    for (const struct kv_precision *precision = kv_precisions; precision->name; precision++) {
        if (strcmp(precision->name, name) == 0)
            return precision;
    }
    return NULL;
}

int kv_cache_check(const struct kv_shape *shape, struct error *err)
{
    if (!shape->layers || !shape->heads || !shape->kv_heads || !shape->head_size || !shape->batch ||
        !shape->length || !shape->precision)
        return error_set(err, ERROR_USAGE, "a transformer has no dimension of 0");
    if (shape->kv_heads > shape->heads || shape->heads % shape->kv_heads) {
        error_set(err, ERROR_USAGE, "%llu key-value heads do not divide %llu heads",
                  (unsigned long long)shape->kv_heads, (unsigned long long)shape->heads);
        return error_hint(err, "config.json of the model has num_attention_heads and "
                               "num_key_value_heads");
    }
    if (shape->head_size % shape->precision->values) {
        error_set(err, ERROR_USAGE, "%s keeps blocks of %u values, and %llu is no multiple of it",
                  shape->precision->name, shape->precision->values,
                  (unsigned long long)shape->head_size);
        return error_hint(err, "--head-size must be a multiple of %u for it",
                          shape->precision->values);
    }
    return 0;
}

double kv_cache_bytes_per_token(const struct kv_shape *shape)
{
    return 2.0 * (double)shape->layers * (double)shape->kv_heads * (double)shape->head_size *
           shape->precision->bytes / shape->precision->values;
}

double kv_cache_bytes(const struct kv_shape *shape)
{
    return kv_cache_bytes_per_token(shape) * (double)shape->batch * (double)shape->length;
}

static uint64_t whole_part(double value)
{
    return value >= 1 ? (uint64_t)fmin(floor(value), 9e18) : 0;
}

uint64_t kv_cache_longest(const struct kv_shape *shape, double bytes)
{
    return whole_part(bytes / (kv_cache_bytes_per_token(shape) * (double)shape->batch));
}

uint64_t kv_cache_largest_batch(const struct kv_shape *shape, double bytes)
{
    return whole_part(bytes / (kv_cache_bytes_per_token(shape) * (double)shape->length));
}

size_t kv_cache_lengths(uint64_t length, uint64_t *ret_lengths, size_t count)
{
    size_t n = 0;
    for (uint64_t i = 1; i <= count; i++) {
        /* length * i / count without overflow */
        uint64_t at = length / count * i + length % count * i / count;
        if (at > 0 && (n == 0 || at > ret_lengths[n - 1]))
            ret_lengths[n++] = at;
    }
    return n;
}
