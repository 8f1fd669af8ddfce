/* limit.c: the grammar of limits. Judging stands in limit_judge.c. */
#include "model/limit.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/unit.h"
#include "base/util.h"
#include "model/limit_internal.h"
#include "stats/stats.h"

#define GRAMMAR "a limit is STAT(METRIC) OP NUMBER [UNIT], as in \"p99(wall_ms)<=250\""

static const char *const op_text[] = {
    [LIMIT_LE] = "<=", [LIMIT_LT] = "<", [LIMIT_GE] = ">=", [LIMIT_GT] = ">"};

/* ---- units ---- */

/* Units of one row convert into each other; factor is into the row's smallest. */
static const struct unit_factor {
    const char *kind;
    const char *unit;
    double factor;
} unit_factors[] = {
    {"time", "ns", 1},
    {"time", "us", 1e3},
    {"time", "\u00b5s", 1e3},
    {"time", "ms", 1e6},
    {"time", "s", 1e9},
    {"time", "min", 60e9},
    {"size", "B", 1},
    {"size", "K", 1024},
    {"size", "KB", 1024},
    {"size", "KiB", 1024},
    {"size", "M", 1048576},
    {"size", "MB", 1048576},
    {"size", "MiB", 1048576},
    {"size", "G", 1073741824},
    {"size", "GB", 1073741824},
    {"size", "GiB", 1073741824},
    {"power", "mW", 1},
    {"power", "W", 1e3},
    {"power", "kW", 1e6},
    {"energy", "mJ", 1},
    {"energy", "J", 1e3},
    {"energy", "kJ", 1e6},
    {"clock", "Hz", 1},
    {"clock", "kHz", 1e3},
    {"clock", "MHz", 1e6},
    {"clock", "GHz", 1e9},
    {"temperature", "\u00b0C", 1},
    {"temperature", "C", 1},
    {"rate", "1/s", 1},
    {"rate", "/s", 1},
    {"rate", "fps", 1},
};

static const struct unit_factor *unit_find(const char *unit)
{
    for (size_t i = 0; i < ARRAY_LEN(unit_factors); i++) {
        if (strcmp(unit_factors[i].unit, unit) == 0)
            return &unit_factors[i];
    }
    return NULL;
}

/* Turns a bound given in `from` into one in `to`. false: they do not convert. */
static bool unit_convert(double *bound, const char *from, const char *to)
{
    if (strcmp(from, to) == 0)
        return true;
    const struct unit_factor *a = unit_find(from), *b = unit_find(to);
    if (!a || !b || strcmp(a->kind, b->kind) != 0)
        return false;
    /* One division: 0.25 s is exactly 250 ms. */
    *bound = a->factor >= b->factor ? *bound * (a->factor / b->factor)
                                    : *bound / (b->factor / a->factor);
    return true;
}

/* ---- statistics ---- */

static bool parse_percentile(const char *digits, double *ret_p)
{
    char text[16];
    if (!str_copy(text, sizeof(text), digits))
        return false;
    char *underscore = strchr(text, '_'); /* p99_9, as the JSON has it */
    if (underscore)
        *underscore = '.';
    if (strspn(text, "0123456789.") != strlen(text))
        return false;
    double percent;
    if (unit_parse_double(text, &percent, NULL) < 0 || !(percent > 0 && percent < 100))
        return false;
    *ret_p = percent / 100;
    return true;
}

int statistic_parse(const char *name, struct statistic *ret_statistic)
{
    static const struct {
        const char *name;
        struct statistic statistic;
    } rows[] = {
        {"mean", {STATISTIC_MEAN, 0}}, {"median", {STATISTIC_PERCENTILE, 0.5}},
        {"min", {STATISTIC_MIN, 0}},   {"max", {STATISTIC_MAX, 0}},
        {"std", {STATISTIC_STD, 0}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (strcmp(rows[i].name, name) == 0) {
            *ret_statistic = rows[i].statistic;
            return 0;
        }
    }
    double p;
    if (name[0] != 'p' || !parse_percentile(name + 1, &p))
        return -1;
    *ret_statistic = (struct statistic){STATISTIC_PERCENTILE, p};
    return 0;
}

const char *limit_stat_get(const struct limit *limit)
{
    if (limit->stat[0])
        return limit->stat;
    const struct metric *metric = metric_find(limit->metric);
    return metric && metric->limit_stat ? metric->limit_stat : "mean";
}

const char *limit_unit_get(const struct limit *limit)
{
    if (limit->unit[0])
        return limit->unit;
    const struct metric *metric = metric_find(limit->metric);
    return metric ? metric->unit : "";
}

double limit_allowed_share(const struct limit *limit, double p)
{
    return limit_is_minimum(limit) ? p : 1 - p;
}

/* ---- parsing ---- */

struct parser {
    const char *text; /* all of it, for messages */
    const char *at;
    const char *origin;
    struct error *err;
};

__attribute__((format(printf, 2, 3))) static int bad(struct parser *parser, const char *fmt, ...)
{
    char what[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    error_set(parser->err, ERROR_INPUT, "%s: limit \"%.100s\": %s", parser->origin, parser->text,
              what);
    error_hint(parser->err, "%s", GRAMMAR);
    return -ERROR_INPUT;
}

static void skip_blanks(struct parser *parser)
{
    while (isspace((unsigned char)*parser->at))
        parser->at++;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-' || c == '/';
}

/* Copies the span of `length` bytes at the parser, without the blanks behind it, and steps over it.
 */
static int take(struct parser *parser, size_t length, char *dst, size_t size, const char *what)
{
    size_t used = length;
    while (used > 0 && isspace((unsigned char)parser->at[used - 1]))
        used--;
    if (used == 0)
        return bad(parser, "%s is missing", what);
    if (used >= size)
        return bad(parser, "%s is longer than %zu characters", what, size - 1);
    memcpy(dst, parser->at, used);
    dst[used] = '\0';
    parser->at += length;
    skip_blanks(parser);
    return 0;
}

static size_t word_length(const char *text)
{
    size_t length = 0;
    while (is_word(text[length]))
        length++;
    return length;
}

/* "NAME:" in front, if there is one. */
static int take_name(struct parser *parser, struct limit *limit)
{
    size_t length = word_length(parser->at), colon = length;
    while (isspace((unsigned char)parser->at[colon]))
        colon++;
    if (length == 0 || parser->at[colon] != ':')
        return 0;
    int rc = take(parser, length, limit->name, sizeof(limit->name), "the name");
    if (rc == 0) {
        parser->at++;
        skip_blanks(parser);
    }
    return rc;
}

/* METRIC[@INSTANCE], up to one of the characters in `end`. */
static int take_metric(struct parser *parser, struct limit *limit, const char *end)
{
    int rc =
        take(parser, word_length(parser->at), limit->metric, sizeof(limit->metric), "the metric");
    if (rc < 0 || *parser->at != '@')
        return rc;
    parser->at++;
    skip_blanks(parser);
    return take(parser, strcspn(parser->at, end), limit->instance, sizeof(limit->instance),
                "the instance");
}

static int take_subject(struct parser *parser, struct limit *limit)
{
    size_t length = word_length(parser->at), next = length;
    while (isspace((unsigned char)parser->at[next]))
        next++;
    if (parser->at[next] != '(')
        return take_metric(parser, limit, "<>=()");
    int rc = take(parser, length, limit->stat, sizeof(limit->stat), "the statistic");
    if (rc < 0)
        return rc;
    struct statistic statistic;
    if (statistic_parse(limit->stat, &statistic) < 0) {
        bad(parser, "no such statistic: %s", limit->stat);
        error_hint(parser->err,
                   "known are mean, median, min, max, std and percentiles above p0 and "
                   "below p100, as p99 or p99.9");
        return -ERROR_INPUT;
    }
    char *underscore = strchr(limit->stat, '_');
    if (underscore)
        *underscore = '.';
    parser->at++;
    skip_blanks(parser);
    rc = take_metric(parser, limit, ")");
    if (rc < 0)
        return rc;
    if (*parser->at != ')')
        return bad(parser, "expected ) behind the metric");
    parser->at++;
    skip_blanks(parser);
    return 0;
}

static int take_op(struct parser *parser, struct limit *limit)
{
    char sign = *parser->at;
    if (sign != '<' && sign != '>')
        return bad(parser, "expected <=, <, >= or >%s",
                   sign == '=' ? " (= alone cannot be judged)" : "");
    parser->at++;
    bool or_equal = *parser->at == '=';
    if (or_equal)
        parser->at++;
    if (sign == '<')
        limit->op = or_equal ? LIMIT_LE : LIMIT_LT;
    else
        limit->op = or_equal ? LIMIT_GE : LIMIT_GT;
    skip_blanks(parser);
    return 0;
}

static size_t digits_length(const char *text)
{
    return strspn(text, "0123456789");
}

/* Length of the longest number at text; 0: none. An e counts only with digits behind it. */
static size_t number_length(const char *text)
{
    size_t length = *text == '-' || *text == '+';
    size_t digits = digits_length(text + length);
    length += digits;
    if (text[length] == '.') {
        size_t fraction = digits_length(text + length + 1);
        length += 1 + fraction;
        digits += fraction;
    }
    if (digits == 0)
        return 0;
    if (text[length] == 'e' || text[length] == 'E') {
        size_t sign = text[length + 1] == '-' || text[length + 1] == '+';
        size_t exponent = digits_length(text + length + 1 + sign);
        if (exponent > 0)
            length += 1 + sign + exponent;
    }
    return length;
}

static int take_bound(struct parser *parser, struct limit *limit)
{
    char number[64] = "", unit[16] = "";
    int rc = take(parser, number_length(parser->at), number, sizeof(number), "the number");
    if (rc < 0)
        return rc;
    const char *digits = number[0] == '+' ? number + 1 : number;
    if (unit_parse_double(digits, &limit->bound, NULL) < 0)
        return bad(parser, "%s is not a number that can be used", number);
    if (*parser->at) {
        rc = take(parser, strlen(parser->at), unit, sizeof(unit), "the unit");
        if (rc < 0)
            return rc;
    }
    if (!unit[0] || unit_convert(&limit->bound, unit, limit->unit))
        return isfinite(limit->bound) ? 0 : bad(parser, "%s %s is too large", number, unit);
    if (limit->unit[0])
        return bad(parser, "%s is given in %s, which %s does not convert to", limit->metric,
                   limit->unit, unit);
    return bad(parser, "%s is a bare number, without a unit like %s", limit->metric, unit);
}

static int resolve_metric(struct parser *parser, struct limit *limit, const struct metric *own,
                          size_t own_count)
{
    const struct metric *metric = NULL;
    for (size_t i = 0; i < own_count && !metric; i++) {
        if (strcmp(own[i].name, limit->metric) == 0)
            metric = &own[i];
    }
    if (!metric)
        metric = metric_find(limit->metric);
    if (!metric) {
        bad(parser, "no such metric: %s", limit->metric);
        const char *nearest = metric_nearest(limit->metric);
        const char *names[64];
        size_t count = own_count < ARRAY_LEN(names) ? own_count : ARRAY_LEN(names);
        for (size_t i = 0; i < count; i++)
            names[i] = own[i].name;
        int own_nearest = str_nearest(limit->metric, names, count);
        if (own_nearest >= 0)
            nearest = names[own_nearest];
        if (nearest)
            error_hint(parser->err, "did you mean %s?", nearest);
        return -ERROR_INPUT;
    }
    str_copy(limit->metric, sizeof(limit->metric), metric->name);
    str_copy(limit->unit, sizeof(limit->unit), metric->unit ? metric->unit : "");
    if (!limit->stat[0])
        str_copy(limit->stat, sizeof(limit->stat),
                 metric->limit_stat ? metric->limit_stat : "mean");
    return 0;
}

/* A limit without a name is called what was typed, without blanks. */
static void name_by_text(struct limit *limit, const char *text)
{
    char compact[sizeof(limit->name)];
    size_t length = 0;
    for (; *text && length + 1 < sizeof(compact); text++) {
        if (!isspace((unsigned char)*text))
            compact[length++] = *text;
    }
    compact[length] = '\0';
    str_copy(limit->name, sizeof(limit->name), compact);
}

int limit_parse(const char *text, const char *origin, const struct metric *own, size_t own_count,
                struct limit *ret_limit, struct error *err)
{
    struct limit limit = {0};
    struct parser parser = {text, text, origin ? origin : "limit", err};
    str_copy(limit.origin, sizeof(limit.origin), parser.origin);
    skip_blanks(&parser);
    if (!*parser.at)
        return bad(&parser, "it is empty");
    int rc = take_name(&parser, &limit);
    if (rc == 0)
        rc = take_subject(&parser, &limit);
    if (rc == 0)
        rc = resolve_metric(&parser, &limit, own, own_count);
    if (rc == 0)
        rc = take_op(&parser, &limit);
    if (rc == 0)
        rc = take_bound(&parser, &limit);
    if (rc < 0)
        return rc;
    if (!limit.name[0])
        name_by_text(&limit, text);
    *ret_limit = limit;
    return 0;
}

/* ---- what is asked of a limit ---- */

uint64_t limit_samples_needed(const struct limit *limit)
{
    struct statistic statistic;
    if (statistic_parse(limit_stat_get(limit), &statistic) < 0)
        return 0;
    switch (statistic.kind) {
    case STATISTIC_PERCENTILE:
        return percentile_samples_needed(1 - limit_allowed_share(limit, statistic.p), 0,
                                         LIMIT_CONFIDENCE);
    case STATISTIC_MEAN:
    case STATISTIC_STD:
        return 2; /* fewer have no spread */
    default:
        return 1;
    }
}

const char *limit_format(const struct limit *limit, char *buf, size_t size)
{
    char number[64];
    unit_format_number(limit->bound, 10, number, sizeof(number));
    const char *unit = limit_unit_get(limit);
    snprintf(buf, size, "%s(%s%s%s) %s %s%s%s", limit_stat_get(limit), limit->metric,
             limit->instance[0] ? "@" : "", limit->instance, op_text[limit->op], number,
             unit[0] ? " " : "", unit);
    return buf;
}
