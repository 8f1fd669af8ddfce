/* logs_pattern.c: --pattern: POSIX extended expressions with named groups. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/files/logs_internal.h"
#include "base/str.h"
#include "base/util.h"
#include "format/number.h"

#define GROUPS_MAX 16

/* Behind "(?<name>" or "(?P<name>" at `at`; NULL: it is another group. */
static const char *named_group(const char *at, const char **ret_name, size_t *ret_size)
{
    const char *c = at + 2;
    if (at[0] != '(' || at[1] != '?')
        return NULL;
    c += *c == 'P';
    if (*c != '<')
        return NULL;
    const char *stop = strchr(c, '>');
    if (!stop || stop == c + 1)
        return NULL;
    for (const char *letter = c + 1; letter < stop; letter++) {
        if (!isalnum((unsigned char)*letter) && *letter != '_')
            return NULL;
    }
    *ret_name = c + 1;
    *ret_size = (size_t)(stop - c - 1);
    return stop + 1;
}

/* What POSIX does not know of the expressions that people write: \d, \s, \w. */
static const char *class_of(char c, bool is_inside)
{
    switch (c) {
    case 'd':
        return is_inside ? "0-9" : "[0-9]";
    case 's':
        return is_inside ? "[:space:]" : "[[:space:]]";
    case 'w':
        return is_inside ? "[:alnum:]_" : "[[:alnum:]_]";
    default:
        return NULL;
    }
}

/* One bracket expression, with the classes in it. Behind it. */
static const char *brackets(const char *at, struct strbuf *out)
{
    const char *first = at + 1 + (at[1] == '^');
    strbuf_append_n(out, at, (size_t)(first - at));
    if (*first == ']')
        strbuf_putc(out, *first++);
    for (at = first; *at && *at != ']'; at++) {
        const char *class = *at == '\\' ? class_of(at[1], true) : NULL;
        const char *stop = *at == '[' && at[1] == ':' ? strstr(at + 2, ":]") : NULL;
        if (class) {
            strbuf_append(out, class);
            at++;
        } else if (stop) {
            strbuf_append_n(out, at, (size_t)(stop + 2 - at));
            at = stop + 1;
        } else {
            strbuf_putc(out, *at);
        }
    }
    if (*at)
        strbuf_putc(out, *at++);
    return at;
}

/* Translates to POSIX; the group that is meant: the first with a name, else the first. 0: none. */
static unsigned translate(const char *text, struct strbuf *out, const char **ret_name,
                          size_t *ret_size, bool *ret_lookaround)
{
    unsigned groups = 0, meant = 0;
    const char *at = text;
    *ret_name = NULL;
    while (*at) {
        const char *name, *behind;
        size_t size;
        const char *class = *at == '\\' ? class_of(at[1], false) : NULL;
        if (class) {
            strbuf_append(out, class);
            at += 2;
        } else if (*at == '\\' && at[1]) {
            strbuf_append_n(out, at, 2);
            at += 2;
        } else if (*at == '[') {
            at = brackets(at, out);
        } else if ((behind = named_group(at, &name, &size))) {
            groups++;
            if (!*ret_name) {
                meant = groups;
                *ret_name = name;
                *ret_size = size;
            }
            strbuf_putc(out, '(');
            at = behind;
        } else if (strncmp(at, "(?:", 3) == 0) {
            groups++;
            strbuf_putc(out, '(');
            at += 3;
        } else {
            *ret_lookaround = *ret_lookaround || (at[0] == '(' && at[1] == '?');
            if (*at == '(') {
                groups++;
                meant = meant ? meant : groups;
            }
            strbuf_putc(out, *at++);
        }
    }
    return meant;
}

static int compile(struct logs_pattern *pattern, const char *text, size_t number, struct error *err)
{
    struct strbuf posix = {0};
    const char *name = NULL;
    size_t size = 0;
    bool has_lookaround = false;
    pattern->group = translate(text, &posix, &name, &size, &has_lookaround);
    int rc = 0;
    if (posix.failed) {
        rc = error_set(err, ERROR_NOMEM, "out of memory");
    } else if (has_lookaround) {
        error_set(err, ERROR_USAGE, "--pattern %s: (?…) is no group that can be used here", text);
        rc = error_hint(err, "named groups are (?<name>…); the rest is POSIX extended syntax");
    } else if (pattern->group == 0 || pattern->group >= GROUPS_MAX) {
        error_set(err, ERROR_USAGE, "--pattern %s: no group holds the number", text);
        rc = error_hint(err, "put the number in a group: 'E2E: (?<latency_ms>[0-9.]+)'");
    } else {
        char message[128];
        int code = regcomp(&pattern->regex, strbuf_get(&posix), REG_EXTENDED);
        pattern->is_compiled = code == 0;
        if (code != 0) {
            regerror(code, &pattern->regex, message, sizeof(message));
            rc = error_set(err, code == REG_ESPACE ? ERROR_NOMEM : ERROR_USAGE, "--pattern %s: %s",
                           text, message);
        }
    }
    strbuf_deinit(&posix);
    if (rc < 0)
        return rc;
    if (name && size < sizeof(pattern->label)) {
        memcpy(pattern->label, name, size);
    } else {
        memcpy(pattern->label, "pattern 1", 10);
        pattern->label[8] = (char)('1' + number);
    }
    /* The unit in the name: "latency_us". */
    pattern->unit_ms = 1;
    size_t label = strlen(pattern->label);
    static const struct {
        const char *suffix;
        double ms;
    } suffixes[] = {{"_ns", 1e-6}, {"_us", 1e-3}, {"_s", 1e3}, {"_sec", 1e3}, {"_min", 6e4}};
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        if (label > strlen(suffixes[i].suffix) && str_ends_with(pattern->label, suffixes[i].suffix))
            pattern->unit_ms = suffixes[i].ms;
    }
    return 0;
}

int logs_patterns_init(struct logs_patterns *patterns, const char *const *texts, size_t count,
                       struct error *err)
{
    if (count > LOGS_PATTERNS_MAX)
        return error_set(err, ERROR_USAGE, "%zu times --pattern; %d are possible", count,
                         LOGS_PATTERNS_MAX);
    for (size_t i = 0; i < count; i++) {
        patterns->count = i + 1;
        int rc = compile(&patterns->items[i], texts[i], i, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

void logs_patterns_deinit(struct logs_patterns *patterns)
{
    for (size_t i = 0; i < patterns->count; i++) {
        if (patterns->items[i].is_compiled)
            regfree(&patterns->items[i].regex);
    }
    patterns->count = 0;
}

bool logs_pattern_find(const struct logs_pattern *pattern, const char *text, size_t size,
                       double *ret_ms)
{
    regmatch_t matches[GROUPS_MAX] = {{.rm_so = 0, .rm_eo = (regoff_t)size}};
    /* REG_STARTEND: the text is not terminated. */
    if (regexec(&pattern->regex, text, pattern->group + 1, matches, REG_STARTEND) != 0)
        return false;
    const regmatch_t *group = &matches[pattern->group];
    if (group->rm_so < 0)
        return false;
    const char *at = text + group->rm_so, *end = text + size;
    double value, unit_ms = pattern->unit_ms;
    while (at < text + group->rm_eo && *at == ' ')
        at++;
    const char *behind = number_parse(at, text + group->rm_eo, &value);
    if (!behind)
        return false;
    /* The unit may stand in the group or behind it. */
    size_t unit_size;
    const char *unit = behind < end && *behind == ' ' ? behind + 1 : behind;
    double written = log_unit_ms(unit, end, &unit_size);
    *ret_ms = value * (isnan(written) ? unit_ms : written);
    return true;
}
