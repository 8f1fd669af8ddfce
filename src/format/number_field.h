/* number_field.h: the usual number of a table, where it is known where it ends: a sign, up to 17
 * digits, a point among them, without a branch for each digit. Eight bytes at a time,
 * right-aligned: what stands before the number is masked out. In the header, as it is called for
 * every field of a file.
 *
 * Exact: two exact doubles are divided (see number.h). Memory: none. Threads: any.
 * Reads the 24 bytes before `end`, also where the number is shorter: they must be there.
 */
#ifndef TACHO_FORMAT_NUMBER_FIELD_H
#define TACHO_FORMAT_NUMBER_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define NUMBER_EXACT ((uint64_t)1 << 53) /* whole numbers up to it are doubles */
#define NUMBER_EACH(byte) ((uint64_t)0x0101010101010101u * (byte))

/* By the byte, of eight, in which the point stands. */
static const double number_tens[] = {1e7, 1e6, 1e5, 1e4, 1e3, 1e2, 1e1, 1e0};

/* The bytes before `end`, 1 to 8 of them, less '0' each: the last is the highest, and those below
 * the first are 0. */
static inline uint64_t number_load(const char *end, size_t size)
{
    uint64_t bytes;
    memcpy(&bytes, end - 8, sizeof(bytes));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    bytes = __builtin_bswap64(bytes);
#endif
    return (bytes ^ NUMBER_EACH('0')) & ~(uint64_t)0 << (8 * (8 - size));
}

/* Eight digits, the first in the lowest byte (D. Lemire, "Quickly parsing eight digits", 2018). */
static inline uint64_t number_eight_digits(uint64_t bytes)
{
    bytes = bytes * 10 + (bytes >> 8); /* pairs in every second byte */
    uint64_t high = (bytes & 0x000000ff000000ffu) * 0x000f424000000064u;
    uint64_t low = (bytes >> 16 & 0x000000ff000000ffu) * 0x0000271000000001u;
    return (high + low) >> 32;
}

/* Bit 7 of each byte that is no digit. Above a byte of 0x8a and more, digits may be among them. */
static inline uint64_t number_no_digits(uint64_t bytes)
{
    return ((bytes + NUMBER_EACH(0x80 - 10)) | bytes) & NUMBER_EACH(0x80);
}

/* Takes out the only byte that is no digit, which must be a point. */
static inline bool number_take_point(uint64_t *bytes, uint64_t no_digits, double *ret_divisor)
{
    uint64_t upto = no_digits ^ (no_digits - 1), before = upto >> 8;
    uint64_t no_point = (*bytes ^ NUMBER_EACH('.' ^ '0')) & (upto ^ before);
    if (((no_digits & (no_digits - 1)) | no_point) != 0)
        return false;
    *ret_divisor = number_tens[__builtin_ctzll(no_digits) / 8];
    *bytes = (*bytes & ~upto) | (*bytes & before) << 8;
    return true;
}

static inline bool number_parse_short(uint64_t bytes, size_t size, double *ret)
{
    uint64_t no_digits = number_no_digits(bytes);
    double divisor = 1;
    if (no_digits == 0) {
        *ret = (double)(int64_t)number_eight_digits(bytes);
        return true;
    }
    if (size == 1 || !number_take_point(&bytes, no_digits, &divisor))
        return false;
    *ret = (double)(int64_t)number_eight_digits(bytes) / divisor;
    return true;
}

/* 9 to 24 bytes: the last eight hold the point, or none is there. */
static inline bool number_parse_long(const char *text, const char *end, double *ret)
{
    size_t above = (size_t)(end - text) - 8;
    uint64_t low = number_load(end, 8), high = number_load(end - 8, above < 8 ? above : 8);
    uint64_t mantissa = 0, scale = 100000000, no_digits = number_no_digits(low);
    double divisor = 1;
    if (above > 8) {
        uint64_t top = number_load(end - 16, above - 8);
        if (number_no_digits(top) != 0 || top << 8 != 0) /* one digit at most: 17 in all */
            return false;
        mantissa = top >> 56;
    }
    if (number_no_digits(high) != 0)
        return false;
    if (no_digits != 0) {
        if (!number_take_point(&low, no_digits, &divisor))
            return false;
        scale = 10000000;
    }
    mantissa =
        (mantissa * 100000000 + number_eight_digits(high)) * scale + number_eight_digits(low);
    *ret = (double)mantissa / divisor;
    return mantissa <= NUMBER_EXACT;
}

static inline __attribute__((always_inline)) bool
number_parse_positive(const char *text, const char *end, double *ret)
{
    size_t size = (size_t)(end - text);
    if (size - 1 < 8) /* not 0 */
        return number_parse_short(number_load(end, size), size, ret);
    return size - 1 < 24 && number_parse_long(text, end, ret);
}

/* With a sign, perhaps. False: it is none of those; number_parse tells. */
static inline bool number_parse_field(const char *text, const char *end, double *ret)
{
    bool is_negative = text < end && *text == '-';
    if (!number_parse_positive(text + is_negative, end, ret))
        return false;
    *ret = is_negative ? -*ret : *ret;
    return true;
}

#undef NUMBER_EACH

#endif
