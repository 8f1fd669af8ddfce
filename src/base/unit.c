/* unit.c: reading numbers with units; unit_format.c writes them. */
#include "base/unit.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/util.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *skip_digits(const char *text)
{
    while (is_digit(*text))
        text++;
    return text;
}

/* Where the decimal number at the start of text ends, NULL: there is none. strtod alone would also
 * take blanks, hexadecimal, "inf" and "nan". */
static const char *number_end(const char *text)
{
    if (*text == '-' || *text == '+')
        text++;
    const char *end = skip_digits(text);
    bool digits = end > text;
    if (*end == '.') {
        const char *fraction = skip_digits(end + 1);
        digits = digits || fraction > end + 1;
        end = fraction;
    }
    if (!digits)
        return NULL;
    if (*end == 'e' || *end == 'E') {
        const char *exponent = end + 1;
        exponent += *exponent == '-' || *exponent == '+';
        if (is_digit(*exponent))
            end = skip_digits(exponent);
    }
    return end;
}

/* Reads a finite decimal number with '.' whatever the locale says. Returns where it ended, or NULL.
 */
static const char *scan_number(const char *text, double *ret_value)
{
    const char *expected = number_end(text);
    if (!expected)
        return NULL;
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c_locale)
        return NULL;
    char *end;
    double value = strtod_l(text, &end, c_locale);
    freelocale(c_locale);
    if (end != expected || !isfinite(value))
        return NULL;
    *ret_value = value;
    return end;
}

int unit_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret, struct error *err)
{
    uint64_t value = 0;
    bool valid = is_digit(*text);
    const char *at = text;
    for (; valid && is_digit(*at); at++) {
        valid = !__builtin_mul_overflow(value, (uint64_t)10, &value) &&
                !__builtin_add_overflow(value, (uint64_t)(*at - '0'), &value);
    }
    if (valid && *at == '\0' && value >= min && value <= max) {
        *ret = value;
        return 0;
    }
    if (max == UINT64_MAX)
        return error_set(err, ERROR_INPUT, "'%s' is not a whole number of at least %llu", text,
                         (unsigned long long)min);
    return error_set(err, ERROR_INPUT, "'%s' is not a whole number between %llu and %llu", text,
                     (unsigned long long)min, (unsigned long long)max);
}

int unit_parse_double(const char *text, double *ret, struct error *err)
{
    double value;
    const char *end = scan_number(text, &value);
    if (!end || *end)
        return error_set(err, ERROR_INPUT, "'%s' is not a number", text);
    *ret = value;
    return 0;
}

struct unit_row {
    const char *suffix;
    double factor;
};

/* Reads "NUMBER UNIT" and multiplies. Returns 0, or -1: not of this form or negative, or -2: more
 * than 64 bits. */
static int scan_with_unit(const char *text, const struct unit_row *rows, size_t count,
                          int (*compare)(const char *, const char *), uint64_t *ret_value)
{
    double value;
    const char *suffix = scan_number(text, &value);
    if (!suffix || value < 0 || *text == '-')
        return -1;
    if (suffix[0] == ' ' && suffix[1]) /* "16 GB", but nothing trails a bare number */
        suffix++;
    for (size_t i = 0; i < count; i++) {
        if (compare(suffix, rows[i].suffix) != 0)
            continue;
        double scaled = round(value * rows[i].factor);
        if (scaled >= 18446744073709551616.0) /* 2^64 */
            return -2;
        *ret_value = (uint64_t)scaled;
        return 0;
    }
    return -1;
}

int unit_parse_duration(const char *text, uint64_t *ret_ns, struct error *err)
{
    static const struct unit_row rows[] = {
        {"", 1e9},         {"ns", 1},     {"us", 1e3},    {"\u00b5s", 1e3},
        {"\u03bcs", 1e3},  {"ms", 1e6},   {"s", 1e9},     {"m", 60 * 1e9},
        {"min", 60 * 1e9}, {"h", 3600e9}, {"d", 86400e9},
    };
    uint64_t value;
    int result = scan_with_unit(text, rows, ARRAY_LEN(rows), strcmp, &value);
    if (result == 0) {
        *ret_ns = value;
        return 0;
    }
    if (result == -2)
        error_set(err, ERROR_INPUT, "'%s' is too long a duration", text);
    else
        error_set(err, ERROR_INPUT, "'%s' is not a duration", text);
    return error_hint(err, "write 30 or 1.5s (seconds), 200ms, 50us, 10ns, 5m, 1h or 2d");
}

int unit_parse_size(const char *text, uint64_t *ret_bytes, struct error *err)
{
    static const struct unit_row rows[] = {
        {"", 1},         {"B", 1},       {"K", 0x1p10},   {"KB", 0x1p10},  {"KiB", 0x1p10},
        {"M", 0x1p20},   {"MB", 0x1p20}, {"MiB", 0x1p20}, {"G", 0x1p30},   {"GB", 0x1p30},
        {"GiB", 0x1p30}, {"T", 0x1p40},  {"TB", 0x1p40},  {"TiB", 0x1p40},
    };
    uint64_t value;
    int result = scan_with_unit(text, rows, ARRAY_LEN(rows), strcasecmp, &value);
    if (result == 0) {
        *ret_bytes = value;
        return 0;
    }
    if (result == -2)
        error_set(err, ERROR_INPUT, "'%s' is too large a size", text);
    else
        error_set(err, ERROR_INPUT, "'%s' is not a size", text);
    return error_hint(err, "write 4096 (bytes), 512K, 512M, 1.5G or 2T");
}

/* Reads the digits at *text and moves it behind them. */
static bool scan_u64(const char **text, uint64_t max, uint64_t *ret_value)
{
    const char *at = *text;
    uint64_t value = 0;
    if (!is_digit(*at))
        return false;
    for (; is_digit(*at); at++) {
        if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
            return false;
    }
    *text = at;
    *ret_value = value;
    return value <= max;
}

int unit_parse_list(const char *text, uint64_t max_value, uint64_t *ret_values, size_t capacity,
                    size_t *ret_count, struct error *err)
{
    size_t count = 0;
    for (const char *at = text;; at++) {
        uint64_t first = 0;
        bool valid = scan_u64(&at, max_value, &first);
        uint64_t last = first;
        if (valid && *at == '-') {
            at++;
            valid = scan_u64(&at, max_value, &last) && last >= first;
        }
        if (!valid || (*at && *at != ',')) {
            error_set(err, ERROR_INPUT, "'%s' is not a list of whole numbers from 0 to %llu", text,
                      (unsigned long long)max_value);
            error_hint(err, "write single numbers and ascending ranges: 1,4,8 or 0-3,6");
            return -ERROR_INPUT;
        }
        if (last - first >= capacity - count)
            return error_set(err, ERROR_INPUT, "'%s' lists more than %zu values", text, capacity);
        for (uint64_t value = first;; value++) {
            ret_values[count++] = value;
            if (value == last)
                break;
        }
        if (!*at)
            break;
    }
    *ret_count = count;
    return 0;
}
