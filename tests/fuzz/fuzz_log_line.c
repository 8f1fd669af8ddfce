/* fuzz_log_line.c: any bytes as the line of a log: what is found lies inside of it, and what its
 * shape is said to tell of a line with other digits is what is found in that line. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "format/log_line.h"
#include "format/log_shape.h"
#include "format/oom_log.h"

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

/* ---- shapes ---- */

#define SITES_MAX 64

struct sites {
    const char *text;
    struct log_site items[SITES_MAX];
    size_t count;
};

static void take_site(void *context, const struct log_site *site)
{
    struct sites *sites = context;
    if (sites->count < SITES_MAX)
        sites->items[sites->count++] = *site;
}

static void require_same_place(const struct sites *a, struct log_text x, const struct sites *b,
                               struct log_text y)
{
    require(x.size == y.size && (x.size == 0 || x.at - a->text == y.at - b->text));
}

static void require_same_double(double x, double y)
{
    require(memcmp(&x, &y, sizeof(x)) == 0 || (isnan(x) && isnan(y)));
}

static void require_same_sites(const struct sites *a, const struct sites *b)
{
    require(a->count == b->count);
    for (size_t i = 0; i < a->count; i++) {
        const struct log_site *x = &a->items[i], *y = &b->items[i];
        require_same_place(a, x->number, b, y->number);
        require_same_place(a, x->outer, b, y->outer);
        require_same_place(a, x->label, b, y->label);
        require_same_place(a, x->unit, b, y->unit);
        require_same_double(x->unit_ms, y->unit_ms);
        require(x->if_whole == y->if_whole);
    }
}

static void require_same_template(struct log_text a, struct log_text b)
{
    char first[LOG_TEMPLATE_MAX], second[LOG_TEMPLATE_MAX];
    size_t size = log_line_template(a.at, a.size, first);
    if (log_line_template_varies(a.at, a.size, first, size))
        return;
    require(log_line_template(b.at, b.size, second) == size && memcmp(first, second, size) == 0);
}

/* What was found in `known` holds in `text`, if its digits decide the same. */
static void same_shape(const char *known, const struct log_line *first,
                       struct log_decisions *decisions, const char *text, size_t size)
{
    struct log_line second;
    struct timestamp time;
    struct sites a = {.text = known}, b = {.text = text};
    log_line_parse(text, size, &second);
    require(oom_log_is_about(known, size) == oom_log_is_about(text, size));
    if (decisions->has_more || !log_line_holds(text, size, decisions, &time))
        return;
    require(first->level == second.level && first->is_json == second.is_json);
    require_same_place(&a, first->message, &b, second.message);
    require(time.kind == second.time.kind && time.has_zone == second.time.has_zone &&
            time.no_year == second.time.no_year);
    require_same_double(time.s, second.time.s);
    log_line_sites(known, size, first, take_site, &a);
    log_line_sites(text, size, &second, take_site, &b);
    require_same_sites(&a, &b);
    require_same_template(first->message, second.message);
}

/* Other digits, most often a few of them only: else no date would remain one. */
static void other_digits(const char *text, size_t size, char *dst, uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    uint32_t every = 1 + (*state >> 28);
    for (size_t i = 0; i < size; i++) {
        *state = *state * 1664525 + 1013904223;
        bool is_changed = (unsigned)(text[i] - '0') <= 9 && (*state >> 16) % every == 0;
        dst[i] = is_changed ? (char)('0' + (*state >> 8) % 10) : text[i];
    }
}

static void shapes(const char *text, size_t size)
{
    char *other = malloc(size > 0 ? size : 1);
    char *shape = malloc(size + LOG_SHAPE_BLOCK), *other_shape = malloc(size + LOG_SHAPE_BLOCK);
    uint32_t state = (uint32_t)size;
    struct log_line line;
    struct log_decisions decisions;
    struct timestamp time;
    require(other && shape && other_shape);
    log_line_read(text, size, &line, &decisions);
    require(decisions.has_more || log_line_holds(text, size, &decisions, &time));
    for (size_t i = 0; i < size; i++)
        state = state * 31 + (unsigned char)text[i];
    for (int i = 0; i < 8; i++) {
        other_digits(text, size, other, &state);
        require(log_shape(text, size, shape) == log_shape(other, size, other_shape));
        require(memcmp(shape, other_shape, size) == 0);
        same_shape(text, &line, &decisions, other, size);
    }
    for (size_t i = 0; i < size; i++)
        require(shape[i] == ((unsigned)(text[i] - '0') <= 9 ? '0' : text[i]));
    free(other);
    free(shape);
    free(other_shape);
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
    shapes(exact, size);
    free(exact);
    free(copy);
    return 0;
}
