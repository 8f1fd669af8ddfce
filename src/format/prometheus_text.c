/* prometheus_text.c: see prometheus_text.h. One pass, line by line. */
#include "format/prometheus_text.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

/* A place within one line. end points behind its last character. */
struct cursor {
    const char *at, *begin, *end;
    int line;
    const char *file;
    struct prometheus_text *text;
    struct error *err;
};

static int fail(const struct cursor *cursor, const char *at, const char *what)
{
    error_set(cursor->err, ERROR_INPUT, "%s", what);
    error_at(cursor->err, cursor->file, cursor->line, (int)(at - cursor->begin) + 1);
    return -ERROR_INPUT;
}

static int no_memory(const struct cursor *cursor)
{
    return error_set(cursor->err, ERROR_NOMEM, "out of memory reading metrics");
}

static void skip_blanks(struct cursor *cursor)
{
    while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t'))
        cursor->at++;
}

static bool is_at(const struct cursor *cursor, char c)
{
    return cursor->at < cursor->end && *cursor->at == c;
}

static bool is_name_char(char c, bool is_first, bool with_colon)
{
    return isalpha((unsigned char)c) || c == '_' || (with_colon && c == ':') ||
           (!is_first && isdigit((unsigned char)c));
}

/* ---- tokens ---- */

/* A bare name; "" when there is none. */
static const char *take_name(struct cursor *cursor, bool with_colon)
{
    const char *begin = cursor->at;
    while (cursor->at < cursor->end && is_name_char(*cursor->at, cursor->at == begin, with_colon))
        cursor->at++;
    return arena_strndup(&cursor->text->arena, begin, (size_t)(cursor->at - begin));
}

/* Undoes \\, \n and, where quotes end the text, \" from [at, end). A backslash before anything else
 * stands for itself, as Prometheus has it. */
static char *unescape(struct arena *arena, const char *at, const char *end, bool quoted)
{
    char *text = arena_strndup(arena, at, (size_t)(end - at));
    if (!text)
        return NULL;
    char *out = text;
    for (; at < end; at++) {
        char next = at + 1 < end ? at[1] : '\0';
        if (*at == '\\' && (next == '\\' || next == 'n' || (quoted && next == '"'))) {
            *out++ = next == 'n' ? '\n' : next;
            at++;
        } else {
            *out++ = *at;
        }
    }
    *out = '\0';
    return text;
}

/* "…" with its escapes. */
static int take_quoted(struct cursor *cursor, const char **ret)
{
    const char *begin = cursor->at + 1;
    for (cursor->at = begin; cursor->at < cursor->end && *cursor->at != '"'; cursor->at++) {
        if (*cursor->at == '\\' && cursor->at + 1 < cursor->end)
            cursor->at++;
    }
    if (!is_at(cursor, '"'))
        return fail(cursor, begin - 1, "a text that begins with a quote and does not end");
    *ret = unescape(&cursor->text->arena, begin, cursor->at, true);
    cursor->at++;
    return *ret ? 0 : no_memory(cursor);
}

/* A number as Go's ParseFloat takes it: decimal, NaN, Inf in any case, with a sign. */
static int take_number(struct cursor *cursor, double *ret, const char *what)
{
    char token[64];
    const char *begin = cursor->at;
    while (cursor->at < cursor->end && *cursor->at != ' ' && *cursor->at != '\t')
        cursor->at++;
    size_t length = (size_t)(cursor->at - begin);
    /* strtod would take blanks, hexadecimal digits and "nan(…)" too. */
    bool is_plain = length > 0 && length < sizeof(token);
    for (size_t i = 0; is_plain && i < length; i++)
        is_plain = begin[i] && strchr("0123456789+-.eEnNaAiIfFtTyY", begin[i]);
    if (!is_plain)
        return fail(cursor, begin, what);
    memcpy(token, begin, length);
    token[length] = '\0';
    char *end;
    *ret = strtod(token, &end);
    return *end ? fail(cursor, begin, what) : 0;
}

/* ---- samples ---- */

static int add_label(struct cursor *cursor, struct prometheus_label **labels, size_t *count,
                     size_t *capacity, struct prometheus_label label)
{
    if (array_reserve(labels, capacity, *count + 1, sizeof(**labels)) < 0)
        return no_memory(cursor);
    (*labels)[(*count)++] = label;
    return 0;
}

/* NAME="VALUE", or in a line without a bare name "NAME OF THE METRIC". */
static int take_label(struct cursor *cursor, const char **name, struct prometheus_label *ret,
                      bool *ret_is_label)
{
    const char *begin = cursor->at;
    int rc = 0;
    if (is_at(cursor, '"'))
        rc = take_quoted(cursor, &ret->name);
    else if (!(ret->name = take_name(cursor, false)))
        rc = no_memory(cursor);
    if (rc < 0)
        return rc;
    if (!ret->name[0])
        return fail(cursor, begin, "no name of a label");
    skip_blanks(cursor);
    *ret_is_label = is_at(cursor, '=');
    if (!*ret_is_label) {
        if (*begin != '"' || (*name)[0])
            return fail(cursor, cursor->at, "a label without '='");
        *name = ret->name;
        return 0;
    }
    cursor->at++;
    skip_blanks(cursor);
    if (!is_at(cursor, '"'))
        return fail(cursor, cursor->at, "the value of a label stands in quotes");
    return take_quoted(cursor, &ret->value);
}

static int take_labels(struct cursor *cursor, struct prometheus_sample *sample,
                       struct prometheus_label **labels, size_t *capacity)
{
    cursor->at++;
    for (;;) {
        struct prometheus_label label = {0};
        bool is_label;
        skip_blanks(cursor);
        if (is_at(cursor, '}'))
            break;
        int rc = take_label(cursor, &sample->name, &label, &is_label);
        if (rc == 0 && is_label)
            rc = add_label(cursor, labels, &sample->label_count, capacity, label);
        if (rc < 0)
            return rc;
        skip_blanks(cursor);
        if (is_at(cursor, ','))
            cursor->at++;
        else if (!is_at(cursor, '}'))
            return fail(cursor, cursor->at, "labels end with '}'");
    }
    cursor->at++;
    return 0;
}

/* Value, time, and the exemplar of OpenMetrics, which nothing here needs. */
static int take_values(struct cursor *cursor, struct prometheus_sample *sample)
{
    skip_blanks(cursor);
    int rc = take_number(cursor, &sample->value, "no value");
    if (rc < 0)
        return rc;
    skip_blanks(cursor);
    if (cursor->at < cursor->end && *cursor->at != '#') {
        rc = take_number(cursor, &sample->time, "no time stamp");
        sample->has_time = true;
        skip_blanks(cursor);
        if (rc == 0 && !isfinite(sample->time))
            rc = fail(cursor, cursor->at, "no time stamp");
    }
    if (rc == 0 && cursor->at < cursor->end && *cursor->at != '#')
        rc = fail(cursor, cursor->at, "something behind value and time stamp");
    return rc;
}

static int read_sample(struct cursor *cursor)
{
    struct prometheus_text *text = cursor->text;
    CLEANUP_FREE struct prometheus_label *labels = NULL;
    struct prometheus_sample sample = {0};
    size_t capacity = 0;
    const char *begin = cursor->at;
    int rc = 0;
    sample.name = take_name(cursor, true);
    if (!sample.name)
        return no_memory(cursor);
    skip_blanks(cursor);
    if (is_at(cursor, '{'))
        rc = take_labels(cursor, &sample, &labels, &capacity);
    if (rc == 0 && !sample.name[0])
        rc = fail(cursor, begin, "no name of a metric");
    /* "name-1.5" is no name and a value; behind '}' a value may follow at once. */
    if (rc == 0 && cursor->at < cursor->end && !strchr("} \t", cursor->at[-1]))
        rc = fail(cursor, cursor->at, "a character that no name of a metric has");
    if (rc == 0)
        rc = take_values(cursor, &sample);
    if (rc < 0)
        return rc;
    if (sample.label_count > 0) {
        size_t size = sample.label_count * sizeof(*labels);
        sample.labels = arena_alloc(&text->arena, size);
        if (!sample.labels)
            return no_memory(cursor);
        memcpy(sample.labels, labels, size);
    }
    if (array_reserve(&text->samples, &text->capacity, text->count + 1, sizeof(sample)) < 0)
        return no_memory(cursor);
    text->samples[text->count++] = sample;
    return 0;
}

/* ---- comments ---- */

/* The family of a # TYPE or # HELP; that of the line before when it is the same. */
static struct prometheus_family *family_of(struct prometheus_text *text, const char *name)
{
    if (text->family_count > 0) {
        struct prometheus_family *last = &text->families[text->family_count - 1];
        if (strcmp(last->name, name) == 0)
            return last;
    }
    if (array_reserve(&text->families, &text->family_capacity, text->family_count + 1,
                      sizeof(*text->families)) < 0)
        return NULL;
    struct prometheus_family *family = &text->families[text->family_count++];
    *family = (struct prometheus_family){.name = name};
    return family;
}

static int take_family_name(struct cursor *cursor, const char **ret_name)
{
    const char *begin = cursor->at;
    if (is_at(cursor, '"'))
        return take_quoted(cursor, ret_name);
    *ret_name = take_name(cursor, true);
    if (!*ret_name)
        return no_memory(cursor);
    return (*ret_name)[0] ? 0 : fail(cursor, begin, "no name of a metric");
}

static int read_type(struct cursor *cursor, struct prometheus_family *family)
{
    static const char *const types[] = {"counter",  "gauge",   "histogram",
                                        "summary",  "untyped", "info",
                                        "stateset", "unknown", "gaugehistogram"};
    const char *begin = cursor->at;
    while (cursor->at < cursor->end && *cursor->at != ' ' && *cursor->at != '\t')
        cursor->at++;
    size_t length = (size_t)(cursor->at - begin);
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (strlen(types[i]) == length && memcmp(types[i], begin, length) == 0)
            family->type = types[i];
    }
    return family->type ? 0 : fail(cursor, begin, "no type of a metric");
}

/* "# TYPE name gauge", "# HELP name text"; anything else behind # is a comment. */
static int read_comment(struct cursor *cursor)
{
    cursor->at++;
    skip_blanks(cursor);
    size_t left = (size_t)(cursor->end - cursor->at);
    bool is_type = left > 4 && memcmp(cursor->at, "TYPE", 4) == 0;
    bool is_help = left > 4 && memcmp(cursor->at, "HELP", 4) == 0;
    if ((!is_type && !is_help) || (cursor->at[4] != ' ' && cursor->at[4] != '\t'))
        return 0;
    const char *name;
    cursor->at += 4;
    skip_blanks(cursor);
    int rc = take_family_name(cursor, &name);
    if (rc < 0)
        return rc;
    struct prometheus_family *family = family_of(cursor->text, name);
    if (!family)
        return no_memory(cursor);
    skip_blanks(cursor);
    if (is_type)
        return read_type(cursor, family);
    family->help = unescape(&cursor->text->arena, cursor->at, cursor->end, false);
    return family->help ? 0 : no_memory(cursor);
}

/* ---- the text ---- */

static int read_line(struct cursor *cursor)
{
    while (cursor->end > cursor->begin && (cursor->end[-1] == '\r' || cursor->end[-1] == ' '))
        cursor->end--;
    cursor->at = cursor->begin;
    skip_blanks(cursor);
    const char *nul = memchr(cursor->at, '\0', (size_t)(cursor->end - cursor->at));
    if (nul)
        return fail(cursor, nul, "a NUL: this is no text");
    if (cursor->at == cursor->end)
        return 0;
    return is_at(cursor, '#') ? read_comment(cursor) : read_sample(cursor);
}

int prometheus_text_read(const char *text, size_t size, const char *file,
                         struct prometheus_text *ret_text, struct error *err)
{
    struct prometheus_text result = {0};
    struct cursor cursor = {.file = file, .text = &result, .err = err};
    const char *end = text + size;
    for (const char *line = text; line < end; line = cursor.end + 1) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        cursor.line++;
        cursor.begin = line;
        cursor.end = newline ? newline : end;
        const char *line_end = cursor.end;
        int rc = read_line(&cursor);
        cursor.end = line_end;
        if (rc < 0) {
            prometheus_text_deinit(&result);
            return rc;
        }
    }
    *ret_text = result;
    return 0;
}

void prometheus_text_deinit(struct prometheus_text *text)
{
    free(text->samples);
    free(text->families);
    arena_deinit(&text->arena);
    *text = (struct prometheus_text){0};
}

const struct prometheus_sample *prometheus_find(const struct prometheus_text *text,
                                                const char *name,
                                                const struct prometheus_sample *from)
{
    for (size_t i = from ? (size_t)(from - text->samples) : 0; i < text->count; i++) {
        if (strcmp(text->samples[i].name, name) == 0)
            return &text->samples[i];
    }
    return NULL;
}

const char *prometheus_label_get(const struct prometheus_sample *sample, const char *name)
{
    for (size_t i = 0; i < sample->label_count; i++) {
        if (strcmp(sample->labels[i].name, name) == 0)
            return sample->labels[i].value;
    }
    return NULL;
}
