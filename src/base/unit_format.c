/* unit_format.c: writing numbers with units (unit.h). */
#include "base/unit.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

#define P_MIN 0.001 /* smaller ones rest on what a test approximates, and 0 is none */

struct scale {
    double from; /* used for values of at least this, before rounding */
    double factor;
    const char *unit;
};

/* Three significant digits; more when the whole part has more ("1010 KB"). */
static const char *format_scaled(double value, const struct scale *scales, size_t count, char *buf,
                                 size_t size)
{
    if (isnan(value)) {
        snprintf(buf, size, "-");
        return buf;
    }
    double amount = fabs(value);
    size_t row = 0;
    /* The comparison allows for rounding: 999.7 ns are written "1.00 µs", not "1000 ns". */
    while (row + 1 < count && amount * 1.0005 >= scales[row + 1].from)
        row++;
    double scaled = value / scales[row].factor;
    double shown = fabs(scaled);
    int decimals = shown >= 99.95 || scaled == 0 ? 0 : shown >= 9.995 ? 1 : 2;
    /* Bytes and nanoseconds that are whole are shown so: "5 ns", not "5.00 ns". */
    if (row == 0 && scaled == floor(scaled))
        decimals = 0;
    snprintf(buf, size, "%.*f %s", decimals, scaled, scales[row].unit);
    return buf;
}

const char *unit_format_ns(double ns, char *buf, size_t size)
{
    static const struct scale scales[] = {
        {0, 1, "ns"},         {1e3, 1e3, "\u00b5s"}, {1e6, 1e6, "ms"},         {1e9, 1e9, "s"},
        {120e9, 60e9, "min"}, {7200e9, 3600e9, "h"}, {172800e9, 86400e9, "d"},
    };
    return format_scaled(ns, scales, ARRAY_LEN(scales), buf, size);
}

const char *unit_format_bytes(double bytes, char *buf, size_t size)
{
    static const struct scale scales[] = {
        {0, 1, "B"},
        {0x1p10, 0x1p10, "KB"},
        {0x1p20, 0x1p20, "MB"},
        {0x1p30, 0x1p30, "GB"},
        {0x1p40, 0x1p40, "TB"},
    };
    return format_scaled(bytes, scales, ARRAY_LEN(scales), buf, size);
}

const char *unit_format_number(double value, int digits, char *buf, size_t size)
{
    double amount = fabs(value);
    if (isnan(value)) {
        snprintf(buf, size, "-");
        return buf;
    }
    if (amount >= 1e15 || (amount > 0 && amount < 1e-12)) {
        snprintf(buf, size, "%.*g", digits, value);
        return buf;
    }
    int exponent = amount > 0 ? (int)floor(log10(amount)) : 0;
    int decimals = digits - 1 - exponent;
    snprintf(buf, size, "%.*f", decimals > 0 ? decimals : 0, value);
    if (strchr(buf, '.')) {
        size_t length = strlen(buf);
        while (buf[length - 1] == '0')
            length--;
        if (buf[length - 1] == '.')
            length--;
        buf[length] = '\0';
    }
    if (strcmp(buf, "-0") == 0)
        snprintf(buf, size, "0");
    return buf;
}

const char *unit_format_p(double p, char *buf, size_t size)
{
    if (p < P_MIN)
        snprintf(buf, size, "p < %g", P_MIN);
    else
        snprintf(buf, size, "p = %.2g", p);
    return buf;
}

const char *unit_format_list(const uint64_t *values, size_t count, char *buf, size_t size)
{
    size_t used = 0;
    if (size > 0)
        buf[0] = '\0';
    for (size_t i = 0; i < count;) {
        size_t last = i;
        while (last + 1 < count && values[last] < values[last + 1] &&
               values[last + 1] - values[last] == 1)
            last++;
        char part[48];
        const char *comma = i > 0 ? "," : "";
        int length =
            last > i ? snprintf(part, sizeof(part), "%s%llu-%llu", comma,
                                (unsigned long long)values[i], (unsigned long long)values[last])
                     : snprintf(part, sizeof(part), "%s%llu", comma, (unsigned long long)values[i]);
        bool is_end = last + 1 == count;
        /* Room for what says that the list goes on is kept until the end is reached. */
        if (used + (size_t)length + (is_end ? 0 : 4) >= size) {
            if (size >= used + 5)
                memcpy(buf + used, ",...", 5);
            break;
        }
        memcpy(buf + used, part, (size_t)length + 1);
        used += (size_t)length;
        i = last + 1;
    }
    return buf;
}
