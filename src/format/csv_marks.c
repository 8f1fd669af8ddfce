/* csv_marks.c: separators and newlines of 64 bytes become bits of two masks, and the bits become
 * positions, many of them without a branch: where they stand cannot be foretold, so that asking
 * after each would cost more than writing a few in vain.
 */
#include "format/csv_marks.h"

#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif

#define BLOCK 64

struct masks {
    uint64_t any, newline;
};

/* ---- any processor ---- */

static inline unsigned count_bits(uint64_t bits)
{
    bits -= bits >> 1 & 0x5555555555555555u;
    bits = (bits & 0x3333333333333333u) + (bits >> 2 & 0x3333333333333333u);
    bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (unsigned)(bits * 0x0101010101010101u >> 56);
}

/* Positions of the lowest bits, `step` at a time; what is too many is overwritten by the next. */
static inline __attribute__((always_inline)) uint32_t *
positions(uint32_t *to, uint32_t base, uint64_t bits, unsigned count, unsigned first, unsigned step)
{
    const uint64_t stop = (uint64_t)1 << 63; /* so that there is always one to find */
    for (unsigned i = 0; i < first; i++, bits &= bits - 1)
        to[i] = base + (uint32_t)__builtin_ctzll(bits | stop);
    for (unsigned done = first; __builtin_expect(done < count, 0); done += step) {
        for (unsigned i = 0; i < step; i++, bits &= bits - 1)
            to[done + i] = base + (uint32_t)__builtin_ctzll(bits | stop);
    }
    return to + count;
}

/* Whole blocks from marks->at to `end`, as long as there is room. The functions are known when it
 * is inlined, and are so too: every way but the widest is this. */
static inline __attribute__((always_inline)) void
fill_by(struct csv_marks *marks, size_t end, struct masks (*masks_of)(const char *, char),
        unsigned (*count)(uint64_t))
{
    uint32_t *any = marks->any + marks->any_count, *last = marks->any + CSV_MARKS - BLOCK;
    uint32_t *newline = marks->newline + marks->newline_count;
    size_t at = marks->at;
    for (; at < end && any <= last; at += BLOCK) {
        struct masks masks = masks_of(marks->text + at, marks->delimiter);
        any = positions(any, (uint32_t)at, masks.any, count(masks.any), 12, 4);
        newline = positions(newline, (uint32_t)at, masks.newline, count(masks.newline), 3, 4);
    }
    marks->any_count = (size_t)(any - marks->any);
    marks->newline_count = (size_t)(newline - marks->newline);
    marks->at = at;
}

#if defined(__x86_64__)
static inline struct masks masks_of(const char *block, char delimiter)
{
    uint64_t separators = 0, newlines = 0;
    __m128i separator = _mm_set1_epi8(delimiter), newline = _mm_set1_epi8('\n');
    for (int i = 0; i < BLOCK / 16; i++) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(block + 16 * i));
        uint64_t s = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, separator));
        uint64_t n = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, newline));
        separators |= s << (16 * i);
        newlines |= n << (16 * i);
    }
    return (struct masks){separators | newlines, newlines};
}
#elif defined(__ARM_NEON) && defined(__aarch64__)
/* One bit of each of 64 bytes that are 0 or 255. */
static inline uint64_t bits_of(uint8x16_t a, uint8x16_t b, uint8x16_t c, uint8x16_t d)
{
    static const uint8_t weights[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t weight = vld1q_u8(weights);
    uint8x16_t ab = vpaddq_u8(vandq_u8(a, weight), vandq_u8(b, weight));
    uint8x16_t cd = vpaddq_u8(vandq_u8(c, weight), vandq_u8(d, weight));
    uint8x16_t all = vpaddq_u8(ab, cd);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(all, all)), 0);
}

static inline struct masks masks_of(const char *block, char delimiter)
{
    uint8x16_t separator = vdupq_n_u8((uint8_t)delimiter), newline = vdupq_n_u8('\n');
    uint8x16_t s[4], n[4];
    for (int i = 0; i < BLOCK / 16; i++) {
        uint8x16_t bytes = vld1q_u8((const uint8_t *)block + 16 * i);
        n[i] = vceqq_u8(bytes, newline);
        s[i] = vorrq_u8(vceqq_u8(bytes, separator), n[i]);
    }
    return (struct masks){bits_of(s[0], s[1], s[2], s[3]), bits_of(n[0], n[1], n[2], n[3])};
}
#else
static inline struct masks masks_of(const char *block, char delimiter)
{
    struct masks masks = {0, 0};
    for (int i = 0; i < BLOCK; i++) {
        masks.any |= (uint64_t)(block[i] == delimiter || block[i] == '\n') << i;
        masks.newline |= (uint64_t)(block[i] == '\n') << i;
    }
    return masks;
}
#endif

static void fill(struct csv_marks *marks, size_t end)
{
    fill_by(marks, end, masks_of, count_bits);
}

/* ---- what later processors can do ---- */

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2,bmi,popcnt")))
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vbmi2,bmi,popcnt")))

AVX2 static inline unsigned count_bits_avx2(uint64_t bits)
{
    return (unsigned)__builtin_popcountll(bits);
}

AVX2 static inline uint64_t equal_avx2(__m256i low, __m256i high, __m256i what)
{
    uint32_t first = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, what));
    uint32_t last = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, what));
    return (uint64_t)last << 32 | first;
}

AVX2 static inline struct masks masks_avx2(const char *block, char delimiter)
{
    const __m256i *bytes = (const __m256i *)(const void *)block;
    __m256i low = _mm256_loadu_si256(bytes), high = _mm256_loadu_si256(bytes + 1);
    uint64_t newlines = equal_avx2(low, high, _mm256_set1_epi8('\n'));
    return (struct masks){newlines | equal_avx2(low, high, _mm256_set1_epi8(delimiter)), newlines};
}

AVX2 static void fill_avx2(struct csv_marks *marks, size_t end)
{
    fill_by(marks, end, masks_avx2, count_bits_avx2);
}

/* Sixteen of the numbers 0 to 63 that a mask left over, as positions. */
AVX512 static inline void store_avx512(uint32_t *to, __m512i base, __m128i numbers)
{
    _mm512_storeu_si512(to, _mm512_add_epi32(base, _mm512_cvtepu8_epi32(numbers)));
}

AVX512 static inline uint32_t *positions_avx512(uint32_t *to, size_t at, uint64_t bits,
                                                __m512i all_numbers)
{
    unsigned count = (unsigned)__builtin_popcountll(bits);
    __m512i numbers = _mm512_maskz_compress_epi8(bits, all_numbers);
    __m512i base = _mm512_set1_epi32((int)(uint32_t)at);
    store_avx512(to, base, _mm512_castsi512_si128(numbers));
    if (__builtin_expect(count > 16, 0)) {
        store_avx512(to + 16, base, _mm512_extracti32x4_epi32(numbers, 1));
        store_avx512(to + 32, base, _mm512_extracti32x4_epi32(numbers, 2));
        store_avx512(to + 48, base, _mm512_extracti32x4_epi32(numbers, 3));
    }
    return to + count;
}

AVX512 static void fill_avx512(struct csv_marks *marks, size_t end)
{
    char order[BLOCK];
    for (int i = 0; i < BLOCK; i++)
        order[i] = (char)i;
    __m512i numbers = _mm512_loadu_si512(order);
    __m512i separator = _mm512_set1_epi8(marks->delimiter), newline = _mm512_set1_epi8('\n');
    uint32_t *any = marks->any + marks->any_count, *last = marks->any + CSV_MARKS - BLOCK;
    uint32_t *newlines = marks->newline + marks->newline_count;
    size_t at = marks->at;
    for (; at < end && any <= last; at += BLOCK) {
        __m512i bytes = _mm512_loadu_si512(marks->text + at);
        uint64_t lines = _mm512_cmpeq_epi8_mask(bytes, newline);
        uint64_t both = lines | _mm512_cmpeq_epi8_mask(bytes, separator);
        any = positions_avx512(any, at, both, numbers);
        newlines = positions_avx512(newlines, at, lines, numbers);
    }
    marks->any_count = (size_t)(any - marks->any);
    marks->newline_count = (size_t)(newlines - marks->newline);
    marks->at = at;
}
#endif

csv_marks_fill *csv_marks_way(size_t index, const char **ret_name)
{
    static const char *const names[CSV_MARKS_WAYS] = {"AVX-512", "AVX2", "any processor"};
    if (ret_name)
        *ret_name = names[index];
#if defined(__x86_64__)
    if (index == 0)
        return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi2")
                   ? fill_avx512
                   : NULL;
    if (index == 1)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") ? fill_avx2 : NULL;
#endif
    return index == CSV_MARKS_WAYS - 1 ? fill : NULL;
}

/* ---- the lists ---- */

void csv_marks_begin(struct csv_marks *marks, const char *text, size_t size, char delimiter)
{
    marks->fill = NULL;
    for (size_t way = 0; !marks->fill; way++)
        marks->fill = csv_marks_way(way, NULL);
    marks->text = text;
    marks->size = size;
    marks->delimiter = delimiter;
    marks->at = 0;
    marks->any[0] = UINT32_MAX;
    marks->any_at = marks->any_count = 1;
    marks->newline_at = marks->newline_count = 0;
}

/* Less than a block, and the newline that may lack. */
static void fill_rest(struct csv_marks *marks)
{
    for (; marks->at < marks->size; marks->at++) {
        char byte = marks->text[marks->at];
        if (byte == '\n')
            marks->newline[marks->newline_count++] = (uint32_t)marks->at;
        if (byte == '\n' || byte == marks->delimiter)
            marks->any[marks->any_count++] = (uint32_t)marks->at;
    }
    if (marks->size > 0 && marks->text[marks->size - 1] != '\n') {
        marks->newline[marks->newline_count++] = (uint32_t)marks->size;
        marks->any[marks->any_count++] = (uint32_t)marks->size;
    }
    marks->at = marks->size + 1;
}

bool csv_marks_more(struct csv_marks *marks)
{
    size_t any_left = marks->any_count - marks->any_at;
    size_t newline_left = marks->newline_count - marks->newline_at;
    size_t whole = marks->size / BLOCK * BLOCK;
    memmove(marks->any, marks->any + marks->any_at - 1, (1 + any_left) * sizeof(*marks->any));
    memmove(marks->newline, marks->newline + marks->newline_at,
            newline_left * sizeof(*marks->newline));
    marks->any_at = 1;
    marks->newline_at = 0;
    marks->any_count = 1 + any_left;
    marks->newline_count = newline_left;
    if (marks->at < whole)
        marks->fill(marks, whole);
    if (marks->at >= whole && marks->at <= marks->size && marks->any_count <= CSV_MARKS - BLOCK)
        fill_rest(marks);
    return marks->any_count > 1 + any_left;
}
