/* fuzz_number.c: any bytes as a number and as a time: what number_parse takes is, bit for bit, what
 * strtod reads; nothing outside of the text is looked at.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "format/number.h"
#include "format/number_field.h"
#include "format/timestamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FIELD_PAD 24 /* that number_parse_field may read before the end */

static void require(int condition)
{
    if (!condition)
        abort();
}

static int is_same(double a, double b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof(a)) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* On the heap, without a byte to spare: a sanitizer sees what is read around it. */
    char *text = malloc(size ? size : 1), *copy = malloc(size + 1);
    require(text && copy);
    memcpy(text, data, size);
    double value = 0, field = 0;
    const char *behind = number_parse(text, text + size, &value);
    require(behind == NULL || (behind > text && behind <= text + size));
    if (behind) {
        size_t taken = (size_t)(behind - text);
        memcpy(copy, text, taken);
        copy[taken] = '\0';
        char *end;
        require(is_same(strtod(copy, &end), value) && end == copy + taken);
    }
    for (size_t begin = 0; begin < size && size >= FIELD_PAD; begin++) {
        if (!number_parse_field(text + begin, text + size, &field))
            continue;
        memcpy(copy, text + begin, size - begin);
        copy[size - begin] = '\0';
        char *end;
        require(is_same(strtod(copy, &end), field) && *end == '\0');
    }
    struct timestamp time;
    char shown[40];
    size_t taken = timestamp_parse(text, text + size, &time);
    require(taken <= size && (taken == 0) == (time.kind == TIMESTAMP_NONE));
    timestamp_format(time.s, shown, sizeof(shown));
    free(text);
    free(copy);
    return 0;
}
