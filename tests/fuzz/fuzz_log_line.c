/* fuzz_log_line.c: any bytes as the line of a log: what is found lies inside of it. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "format/log_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

struct bounds {
    const char *begin, *end;
};

static void inside(const struct bounds *bounds, struct log_text text)
{
    if (text.size > 0)
        require(text.at >= bounds->begin && text.at + text.size <= bounds->end);
}

static void take(void *context, const struct log_number *number)
{
    const struct bounds *bounds = context;
    inside(bounds, number->outer);
    inside(bounds, number->label);
    inside(bounds, number->unit);
    require(number->label.size <= LOG_LABEL_MAX && number->outer.size <= LOG_LABEL_MAX);
    require(!isnan(number->ms) || number->label.size > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A block of its own, so that reading behind the end is seen. */
    char *text = malloc(size + 1), *copy = malloc(size + 1);
    char buf[LOG_TEMPLATE_MAX];
    struct log_line line;
    require(text && copy);
    if (size > 0)
        memcpy(text, data, size);
    char *exact = realloc(text, size > 0 ? size : 1);
    require(exact != NULL);
    struct bounds bounds = {exact, exact + size};
    log_line_parse(exact, size, &line);
    inside(&bounds, line.message);
    require((line.time.kind == TIMESTAMP_NONE) == (isnan(line.time.s) != 0));
    log_line_numbers(exact, size, &line, take, &bounds);
    require(log_line_template(line.message.at, line.message.size, buf) <= sizeof(buf));
    require(log_line_strip_colours(exact, size, copy) <= size);
    free(exact);
    free(copy);
    return 0;
}
