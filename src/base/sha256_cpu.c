/* sha256_cpu.c: blocks by the instructions that a CPU has for SHA-256: four rounds at a time.
 *
 * Sources: Intel, "Intel SHA Extensions" (2013): SHA256RNDS2 wants the state as ABEF and CDGH;
 * Arm, "Arm A64 Instruction Set Architecture": SHA256H, SHA256H2, SHA256SU0, SHA256SU1. Both make
 * the next four words of the schedule from the last sixteen.
 */
#include "base/sha256_internal.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>
#include <stdatomic.h>

enum { UNKNOWN, ABSENT, PRESENT };

static bool has_instructions(void)
{
    static atomic_int known = UNKNOWN;
    unsigned a, b = 0, c = 0, d;
    int answer = atomic_load_explicit(&known, memory_order_relaxed);
    if (answer == UNKNOWN) {
        bool has_sse4 = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_1) && (c & bit_SSSE3);
        bool has_sha = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
        answer = has_sse4 && has_sha ? PRESENT : ABSENT;
        atomic_store_explicit(&known, answer, memory_order_relaxed);
    }
    return answer == PRESENT;
}

#define TARGET __attribute__((target("sha,sse4.1,ssse3")))

TARGET static inline __m128i next_words(__m128i w0, __m128i w4, __m128i w8, __m128i w12)
{
    __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w4), _mm_alignr_epi8(w12, w8, 4));
    return _mm_sha256msg2_epu32(sum, w12);
}

TARGET static void hash_block(__m128i *abef, __m128i *cdgh, const uint8_t *block)
{
    const __m128i order = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i w[4], before[2] = {*abef, *cdgh};
    for (int i = 0; i < 4; i++)
        w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(block + 16 * i)), order);
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) {
        __m128i constants = _mm_loadu_si128((const __m128i *)&sha256_constants[4 * i]);
        __m128i words = _mm_add_epi32(w[i % 4], constants);
        if (i < 12)
            w[i % 4] = next_words(w[i % 4], w[(i + 1) % 4], w[(i + 2) % 4], w[(i + 3) % 4]);
        *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, words);
        *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32(words, 0x0e));
    }
    *abef = _mm_add_epi32(*abef, before[0]);
    *cdgh = _mm_add_epi32(*cdgh, before[1]);
}

TARGET static void hash_blocks(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)&state[0]), 0xb1);
    __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)&state[4]), 0x1b);
    __m128i abef = _mm_alignr_epi8(badc, hgfe, 8);
    __m128i cdgh = _mm_blend_epi16(hgfe, badc, 0xf0);
    for (size_t i = 0; i < count; i++)
        hash_block(&abef, &cdgh, blocks + SHA256_BLOCK_BYTES * i);
    __m128i feba = _mm_shuffle_epi32(abef, 0x1b);
    __m128i dchg = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)&state[0], _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)&state[4], _mm_alignr_epi8(dchg, feba, 8));
}

bool sha256_blocks_cpu(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    if (!has_instructions())
        return false;
    hash_blocks(state, blocks, count);
    return true;
}

/* clang before 16 declares these only where every CPU that is built for has them. */
#elif defined(__aarch64__) && !defined(__AARCH64EB__) &&                                           \
    (!defined(__clang__) || __clang_major__ >= 16 || defined(__ARM_FEATURE_SHA2))

#ifdef __clang__
#define TARGET __attribute__((target("sha2")))
#else
#define TARGET __attribute__((target("+crypto")))
#endif

#include <arm_neon.h>
#include <sys/auxv.h>

#ifndef HWCAP_SHA2
#define HWCAP_SHA2 (1 << 6)
#endif

TARGET static void hash_blocks(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    uint32x4_t abcd = vld1q_u32(&state[0]), efgh = vld1q_u32(&state[4]);
    for (; count > 0; count--, blocks += SHA256_BLOCK_BYTES) {
        uint32x4_t w[4], before[2] = {abcd, efgh};
        for (int i = 0; i < 4; i++)
            w[i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(blocks + 16 * i)));
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) {
            uint32x4_t words = vaddq_u32(w[i % 4], vld1q_u32(&sha256_constants[4 * i]));
            uint32x4_t old = abcd;
            if (i < 12)
                w[i % 4] = vsha256su1q_u32(vsha256su0q_u32(w[i % 4], w[(i + 1) % 4]),
                                           w[(i + 2) % 4], w[(i + 3) % 4]);
            abcd = vsha256hq_u32(abcd, efgh, words);
            efgh = vsha256h2q_u32(efgh, old, words);
        }
        abcd = vaddq_u32(abcd, before[0]);
        efgh = vaddq_u32(efgh, before[1]);
    }
    vst1q_u32(&state[0], abcd);
    vst1q_u32(&state[4], efgh);
}

bool sha256_blocks_cpu(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    if (!(getauxval(AT_HWCAP) & HWCAP_SHA2))
        return false;
    hash_blocks(state, blocks, count);
    return true;
}

#else

bool sha256_blocks_cpu(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    (void)state, (void)blocks, (void)count;
    return false;
}

#endif
