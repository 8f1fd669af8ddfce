/* number.c: decimal text to double. See number.h. */
#include "format/number.h"

#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"

#define EXACT_POWERS 22
#define EXACT_MANTISSA ((uint64_t)1 << 53)
#define DIGITS_MAX 19 /* that a uint64_t always holds */

static const double powers_of_ten[EXACT_POWERS + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};

/* What no two exact doubles make. strtod needs a terminator, and text in a file has none. */
static double by_strtod(const char *text, const char *end)
{
    char small[128];
    size_t size = (size_t)(end - text);
    if (size < sizeof(small)) {
        memcpy(small, text, size);
        small[size] = '\0';
        return strtod(small, NULL);
    }
    CLEANUP_FREE char *large = malloc(size + 1);
    if (!large)
        return NAN;
    memcpy(large, text, size);
    large[size] = '\0';
    return strtod(large, NULL);
}

static const char *parse_word(const char *text, const char *at, const char *end, double *ret)
{
    static const struct {
        const char *word;
        double value;
    } words[] = {{"infinity", INFINITY}, {"inf", INFINITY}, {"nan", NAN}};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t length = strlen(words[i].word);
        if ((size_t)(end - at) < length || strncasecmp(at, words[i].word, length) != 0)
            continue;
        *ret = *text == '-' ? -words[i].value : words[i].value;
        return at + length;
    }
    return NULL;
}

/* The exponent behind 'e', or `at` where none stands. Cut at a size at which all is 0 or infinite.
 */
static const char *parse_exponent(const char *at, const char *end, int *ret_exponent)
{
    const char *digit = at + 1;
    bool is_negative = false;
    if (digit < end && (*digit == '+' || *digit == '-'))
        is_negative = *digit++ == '-';
    if (digit >= end || (unsigned)(*digit - '0') > 9)
        return at;
    int exponent = 0;
    for (; digit < end && (unsigned)(*digit - '0') <= 9; digit++)
        exponent = exponent < 100000 ? exponent * 10 + (*digit - '0') : exponent;
    *ret_exponent = is_negative ? -exponent : exponent;
    return digit;
}

const char *number_parse(const char *text, const char *end, double *ret_value)
{
    const char *at = text;
    bool is_negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    uint64_t mantissa = 0;
    const char *first = at;
    for (; at < end && (unsigned)(*at - '0') <= 9; at++)
        mantissa = mantissa * 10 + (uint64_t)(*at - '0');
    size_t digits = (size_t)(at - first);
    int exponent = 0;
    if (at < end && *at == '.') {
        const char *point = at++;
        for (; at < end && (unsigned)(*at - '0') <= 9; at++)
            mantissa = mantissa * 10 + (uint64_t)(*at - '0');
        size_t decimals = (size_t)(at - point - 1);
        digits += decimals;
        exponent = -(int)(decimals < 100000 ? decimals : 100000);
    }
    if (digits == 0)
        return parse_word(text, first, end, ret_value);
    if (at < end && (*at | 0x20) == 'e') {
        int written = 0;
        at = parse_exponent(at, end, &written);
        exponent += written;
    }
    if (digits > DIGITS_MAX || mantissa > EXACT_MANTISSA || exponent < -EXACT_POWERS ||
        exponent > EXACT_POWERS) {
        *ret_value = by_strtod(text, at);
        return at;
    }
    double value = (double)mantissa;
    value = exponent < 0 ? value / powers_of_ten[-exponent] : value * powers_of_ten[exponent];
    *ret_value = is_negative ? -value : value;
    return at;
}

/* ---- fields of known length ---- */

#define EACH(byte) ((uint64_t)0x0101010101010101u * (byte))
#define ZEROS EACH('0')

/* Eight digits, the first in the lowest byte (D. Lemire, "Quickly parsing eight digits", 2018). */
static inline uint64_t eight_digits(uint64_t bytes)
{
    bytes -= ZEROS;
    bytes = bytes * 10 + (bytes >> 8); /* pairs in every second byte */
    uint64_t high = (bytes & 0x000000ff000000ffu) * 0x000f424000000064u;
    uint64_t low = (bytes >> 16 & 0x000000ff000000ffu) * 0x0000271000000001u;
    return (high + low) >> 32;
}

/* Bit 7 of each byte that is not '0' to '9'; nothing carries from byte to byte. */
static inline uint64_t no_digits(uint64_t bytes)
{
    const uint64_t high = EACH(0x80);
    uint64_t above = (bytes & ~high) + EACH(0x80 - '9' - 1), not_below = (bytes | high) - ZEROS;
    return (above | ~not_below | bytes) & high;
}

/* Up to eight bytes, the last of them in the highest byte, zeros before them. */
static inline bool parse_short(uint64_t bytes, double *ret)
{
    uint64_t others = no_digits(bytes);
    if (others == 0) {
        *ret = (double)eight_digits(bytes);
        return true;
    }
    /* One of them, and that a point: what stands before it moves up by one byte. */
    unsigned bit = (unsigned)__builtin_ctzll(others) & ~7u;
    if ((others & (others - 1)) != 0 || (bytes >> bit & 0xff) != '.')
        return false;
    uint64_t before = ((uint64_t)1 << bit) - 1;
    uint64_t behind = ~(before << 8 | 0xff);
    bytes = (bytes & behind) | (bytes & before) << 8 | '0';
    *ret = (double)eight_digits(bytes) / powers_of_ten[7 - bit / 8];
    return true;
}

static inline uint64_t load_before(const char *end, size_t size)
{
    uint64_t bytes;
    memcpy(&bytes, end - 8, sizeof(bytes));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    bytes = __builtin_bswap64(bytes);
#endif
    uint64_t ours = ~(uint64_t)0 << (8 * (8 - size)); /* 1 <= size <= 8 */
    return (bytes & ours) | (ZEROS & ~ours);
}

/* 9 to 24 bytes: the last eight hold the point, or none is there. */
static inline bool parse_long(const char *text, const char *end, double *ret)
{
    size_t above = (size_t)(end - text) - 8;
    uint64_t low = load_before(end, 8), high = load_before(end - 8, above < 8 ? above : 8);
    uint64_t mantissa = 0, scale = 100000000, others = no_digits(low);
    double divisor = 1;
    if (above > 8) {
        uint64_t top = load_before(end - 16, above - 8);
        if (no_digits(top) != 0 || (top ^ ZEROS) << 8 != 0) /* one digit at most: 17 in all */
            return false;
        mantissa = (top >> 56) - '0';
    }
    if (no_digits(high) != 0)
        return false;
    if (others != 0) {
        unsigned bit = (unsigned)__builtin_ctzll(others) & ~7u;
        if ((others & (others - 1)) != 0 || (low >> bit & 0xff) != '.')
            return false;
        uint64_t before = ((uint64_t)1 << bit) - 1;
        uint64_t behind = ~(before << 8 | 0xff);
        low = (low & behind) | (low & before) << 8 | '0';
        divisor = powers_of_ten[7 - bit / 8];
        scale = 10000000;
    }
    mantissa = (mantissa * 100000000 + eight_digits(high)) * scale + eight_digits(low);
    *ret = (double)mantissa / divisor;
    return mantissa <= EXACT_MANTISSA;
}

bool number_parse_field(const char *text, const char *end, const char *floor, double *ret_value)
{
    bool is_negative = text < end && *text == '-';
    text += is_negative;
    size_t size = (size_t)(end - text);
    double value;
    if (size - 1 >= 24 || !floor || end - floor < 24) /* size 0, too */
        return false;
    if (size == 1 && (unsigned)(*text - '0') > 9)
        return false;
    if (!(size <= 8 ? parse_short(load_before(end, size), &value) : parse_long(text, end, &value)))
        return false;
    *ret_value = is_negative ? -value : value;
    return true;
}

bool number_parse_all(const char *text, const char *end, double *ret_value)
{
    while (text < end && (*text == ' ' || *text == '\t'))
        text++;
    while (text < end && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        end--;
    double value;
    if (text >= end || number_parse(text, end, &value) != end)
        return false;
    *ret_value = value;
    return true;
}
