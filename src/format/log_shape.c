/* log_shape.c: see log_shape.h. */
#include "format/log_shape.h"

#include <stdbool.h>

#include "format/log_vector.h"

#define ODD_1 0x9e3779b97f4a7c15u /* 2^64 by the golden ratio */
#define ODD_2 0xc2b2ae3d27d4eb4fu /* primes of xxHash (Y. Collet) */
#define ODD_3 0x165667b19e3779f9u

/* One block, and the hash of it and those before. */
LOG_VECTOR_INLINE void take_block(const char *text, char *dst, log_words *hash)
{
    log_bytes bytes;
    log_words words;
    memcpy(&bytes, text, sizeof(bytes));
    log_bytes above = bytes - '0';
    bytes -= above & (log_bytes)(above <= 9);
    memcpy(dst, &bytes, sizeof(bytes));
    memcpy(&words, &bytes, sizeof(words));
    *hash = (*hash << 11 | *hash >> 53) ^ words;
}

/* The last block is the last 32 bytes, which may have been in the one before. */
LOG_VECTOR_INLINE uint64_t shape_by_blocks(const char *text, size_t size, char *dst)
{
    log_words hash = {0};
    for (size_t at = 0; at + LOG_VECTOR < size; at += LOG_VECTOR)
        take_block(text + at, dst + at, &hash);
    take_block(text + size - LOG_VECTOR, dst + size - LOG_VECTOR, &hash);
    uint64_t mixed = (hash[0] + size) * ODD_1 ^ (hash[1] ^ ODD_3) * ODD_2;
    mixed = (mixed ^ mixed >> 29 ^ hash[2]) * ODD_1 ^ (hash[3] ^ ODD_1) * ODD_3;
    return mixed ^ mixed >> 32;
}

static uint64_t shape_anywhere(const char *text, size_t size, char *dst)
{
    return shape_by_blocks(text, size, dst);
}

LOG_VECTOR_AVX2 static uint64_t shape_avx2(const char *text, size_t size, char *dst)
{
    return shape_by_blocks(text, size, dst);
}

uint64_t log_shape(const char *text, size_t size, char *dst)
{
    char small[LOG_VECTOR] = {0};
    _Static_assert(LOG_SHAPE_BLOCK == LOG_VECTOR, "dst has room for a block");
    if (size >= LOG_VECTOR)
        return LOG_VECTOR_HAS_AVX2() ? shape_avx2(text, size, dst)
                                     : shape_anywhere(text, size, dst);
    memcpy(small, text, size);
    return shape_anywhere(small, LOG_VECTOR, dst) + size * ODD_2;
}
