/* sha256.c: see sha256.h. Names as in FIPS 180-4, section 6.2. */
#include "base/sha256.h"

#include <stdio.h>
#include <string.h>

#include "base/sha256_internal.h"

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
const uint32_t sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static inline uint32_t rotr(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static inline uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* One round. The variables keep their places: who calls turns their names around instead. */
static inline __attribute__((always_inline)) void round_of(uint32_t a, uint32_t b, uint32_t c,
                                                           uint32_t *d, uint32_t e, uint32_t f,
                                                           uint32_t g, uint32_t *h, uint32_t word)
{
    uint32_t t1 = *h + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + (g ^ (e & (f ^ g))) + word;
    *d += t1;
    *h = t1 + (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & b) | (c & (a | b)));
}

/* The word of round t: those of the last sixteen rounds are kept. */
static inline __attribute__((always_inline)) uint32_t next_word(uint32_t w[16], unsigned t)
{
    uint32_t w2 = w[(t - 2) % 16], w15 = w[(t - 15) % 16];
    uint32_t s0 = rotr(w15, 7) ^ rotr(w15, 18) ^ w15 >> 3;
    uint32_t s1 = rotr(w2, 17) ^ rotr(w2, 19) ^ w2 >> 10;
    return w[t % 16] += s0 + w[(t - 7) % 16] + s1;
}

static void compress(uint32_t state[8], const uint8_t *block)
{
    uint32_t w[16], s[8];
    for (int t = 0; t < 16; t++)
        w[t] = load_be32(block + 4 * t);
    memcpy(s, state, sizeof(s));
#pragma GCC unroll 64
    for (unsigned t = 0; t < 64; t++) {
        uint32_t word = t < 16 ? w[t] : next_word(w, t);
        round_of(s[(64 - t) % 8], s[(65 - t) % 8], s[(66 - t) % 8], &s[(67 - t) % 8],
                 s[(68 - t) % 8], s[(69 - t) % 8], s[(70 - t) % 8], &s[(71 - t) % 8],
                 sha256_constants[t] + word);
    }
    for (int i = 0; i < 8; i++)
        state[i] += s[i];
}

void sha256_blocks_portable(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        compress(state, blocks + SHA256_BLOCK_BYTES * i);
}

static void hash_blocks(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    if (!sha256_blocks_cpu(state, blocks, count))
        sha256_blocks_portable(state, blocks, count);
}

void sha256_init(struct sha256 *sha)
{
    *sha = (struct sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
                                     0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void sha256_update(struct sha256 *sha, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    size_t held = (size_t)(sha->size % sizeof(sha->block));
    sha->size += size;
    if (held > 0) {
        size_t room = sizeof(sha->block) - held;
        size_t part = size < room ? size : room;
        memcpy(sha->block + held, bytes, part);
        bytes += part;
        size -= part;
        if (part < room)
            return;
        hash_blocks(sha->state, sha->block, 1);
    }
    hash_blocks(sha->state, bytes, size / sizeof(sha->block));
    bytes += size - size % sizeof(sha->block);
    if (size % sizeof(sha->block) > 0)
        memcpy(sha->block, bytes, size % sizeof(sha->block));
}

void sha256_finish_hex(struct sha256 *sha, char hex[SHA256_HEX_SIZE])
{
    static const uint8_t padding[64] = {0x80};
    uint64_t bits = sha->size * 8;
    uint8_t length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)(bits >> (56 - 8 * i));
    size_t held = (size_t)(sha->size % 64);
    sha256_update(sha, padding, held < 56 ? 56 - held : 120 - held);
    sha256_update(sha, length, sizeof(length));
    for (int i = 0; i < 8; i++)
        snprintf(hex + 8 * i, 9, "%08x", sha->state[i]);
}
