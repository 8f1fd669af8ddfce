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

bool number_parse_all(const char *text, const char *end, double *ret_value)
{
    while (text < end && (*text == ' ' || *text == '\t'))
        text++;
    while (text < end && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        end--;
    double value = 0;
    if (text >= end || number_parse(text, end, &value) != end)
        return false;
    *ret_value = value;
    return true;
}
