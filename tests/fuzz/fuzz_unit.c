/* fuzz_unit.c: any text as a number with a unit: refused, or within its range and read back after
 * writing. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/unit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

static void check_list(const char *text)
{
    uint64_t values[64], again[64];
    size_t count, count_again;
    char written[64 * 21];
    if (unit_parse_list(text, UINT64_MAX, values, 64, &count, NULL) < 0)
        return;
    require(count >= 1 && count <= 64);
    unit_format_list(values, count, written, sizeof(written));
    require(unit_parse_list(written, UINT64_MAX, again, 64, &count_again, NULL) == 0);
    require(count == count_again && memcmp(values, again, count * sizeof(*values)) == 0);
    char small[12];
    unit_format_list(values, count, small, sizeof(small));
    require(strlen(small) < sizeof(small));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    if (!text)
        return 0;
    uint64_t whole;
    double number;
    char buf[64];
    struct error err = {0};
    if (unit_parse_u64(text, 3, 1000000, &whole, &err) == 0)
        require(whole >= 3 && whole <= 1000000);
    if (unit_parse_double(text, &number, &err) == 0) {
        require(isfinite(number));
        unit_format_number(number, 4, buf, sizeof(buf));
        double again;
        require(unit_parse_double(buf, &again, NULL) == 0);
        require(fabs(again - number) <= fabs(number) * 6e-4);
        unit_format_ns(number, buf, sizeof(buf));
        unit_format_bytes(number, buf, sizeof(buf));
    }
    if (unit_parse_duration(text, &whole, &err) == 0)
        unit_format_ns((double)whole, buf, sizeof(buf));
    if (unit_parse_size(text, &whole, &err) == 0)
        unit_format_bytes((double)whole, buf, sizeof(buf));
    check_list(text);
    free(text);
    return 0;
}
