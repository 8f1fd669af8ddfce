/* number_field.h: the usual number of a table, where it is known where it ends: a sign, up to 17
 * digits, a point among them, without a branch for each digit. Eight bytes at a time,
 * right-aligned: what stands before the number is masked out. In the header, as it is called for
 * every field of a file.
 *
 * Exact: two exact doubles are divided (see number.h). Memory: none. Threads: any.
 * Reads up to 24 bytes before `end`, but none before `floor`.
 */
#ifndef TACHO_FORMAT_NUMBER_FIELD_H
#define TACHO_FORMAT_NUMBER_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define NUMBER_EXACT ((uint64_t)1 << 53) /* whole numbers up to it are doubles */
static const double number_tens[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7};

#define NUMBER_EACH(byte) ((uint64_t)0x0101010101010101u * (byte))
#define NUMBER_ZEROS NUMBER_EACH('0')

/* Eight digits, the first in the lowest byte (D. Lemire, "Quickly parsing eight digits", 2018). */
static inline uint64_t number_eight_digits(uint64_t bytes)
{
    bytes -= NUMBER_ZEROS;
    bytes = bytes * 10 + (bytes >> 8); /* pairs in every second byte */
    uint64_t high = (bytes & 0x000000ff000000ffu) * 0x000f424000000064u;
    uint64_t low = (bytes >> 16 & 0x000000ff000000ffu) * 0x0000271000000001u;
    return (high + low) >> 32;
}

/* Bit 7 of each byte that is not '0' to '9'; nothing carries from byte to byte. */
static inline uint64_t number_no_digits(uint64_t bytes)
{
    const uint64_t high = NUMBER_EACH(0x80);
    uint64_t above = (bytes & ~high) + NUMBER_EACH(0x80 - '9' - 1),
             not_below = (bytes | high) - NUMBER_ZEROS;
    return (above | ~not_below | bytes) & high;
}

/* Up to eight bytes, the last of them in the highest byte, zeros before them. */
static inline bool number_parse_short(uint64_t bytes, double *ret)
{
    uint64_t others = number_no_digits(bytes);
    if (others == 0) {
        *ret = (double)number_eight_digits(bytes);
        return true;
    }
    /* One of them, and that a point: what stands before it moves up by one byte. */
    unsigned bit = (unsigned)__builtin_ctzll(others) & ~7u;
    if ((others & (others - 1)) != 0 || (bytes >> bit & 0xff) != '.')
        return false;
    uint64_t before = ((uint64_t)1 << bit) - 1;
    uint64_t behind = ~(before << 8 | 0xff);
    bytes = (bytes & behind) | (bytes & before) << 8 | '0';
    *ret = (double)number_eight_digits(bytes) / number_tens[7 - bit / 8];
    return true;
}

static inline uint64_t number_load_before(const char *end, size_t size)
{
    uint64_t bytes;
    memcpy(&bytes, end - 8, sizeof(bytes));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    bytes = __builtin_bswap64(bytes);
#endif
    uint64_t ours = ~(uint64_t)0 << (8 * (8 - size)); /* 1 <= size <= 8 */
    return (bytes & ours) | (NUMBER_ZEROS & ~ours);
}

/* 9 to 24 bytes: the last eight hold the point, or none is there. */
static inline bool number_parse_long(const char *text, const char *end, double *ret)
{
    size_t above = (size_t)(end - text) - 8;
    uint64_t low = number_load_before(end, 8),
             high = number_load_before(end - 8, above < 8 ? above : 8);
    uint64_t mantissa = 0, scale = 100000000, others = number_no_digits(low);
    double divisor = 1;
    if (above > 8) {
        uint64_t top = number_load_before(end - 16, above - 8);
        if (number_no_digits(top) != 0 ||
            (top ^ NUMBER_ZEROS) << 8 != 0) /* one digit at most: 17 in all */
            return false;
        mantissa = (top >> 56) - '0';
    }
    if (number_no_digits(high) != 0)
        return false;
    if (others != 0) {
        unsigned bit = (unsigned)__builtin_ctzll(others) & ~7u;
        if ((others & (others - 1)) != 0 || (low >> bit & 0xff) != '.')
            return false;
        uint64_t before = ((uint64_t)1 << bit) - 1;
        uint64_t behind = ~(before << 8 | 0xff);
        low = (low & behind) | (low & before) << 8 | '0';
        divisor = number_tens[7 - bit / 8];
        scale = 10000000;
    }
    mantissa =
        (mantissa * 100000000 + number_eight_digits(high)) * scale + number_eight_digits(low);
    *ret = (double)mantissa / divisor;
    return mantissa <= NUMBER_EXACT;
}

/* False: it is none of those, or floor is NULL; number_parse tells. */
static inline bool number_parse_field(const char *text, const char *end, const char *floor,
                                      double *ret_value)
{
    bool is_negative = text < end && *text == '-';
    text += is_negative;
    size_t size = (size_t)(end - text);
    double value = 0;
    if (size - 1 >= 24 || !floor || end - floor < 24) /* size 0, too */
        return false;
    if (size == 1 && (unsigned)(*text - '0') > 9)
        return false;
    if (!(size <= 8 ? number_parse_short(number_load_before(end, size), &value)
                    : number_parse_long(text, end, &value)))
        return false;
    *ret_value = is_negative ? -value : value;
    return true;
}

#undef NUMBER_EACH
#undef NUMBER_ZEROS

#endif
