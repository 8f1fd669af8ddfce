/* log_line_json.c: lines that are JSON objects, read one level deep. */
#include "format/log_line_internal.h"

#include <math.h>
#include <stdlib.h>

#include "base/util.h"
#include "format/number.h"

struct reader {
    const char *at, *end;
    log_json_fn *fn;
    void *context;
};

static void blanks(struct reader *reader)
{
    while (reader->at < reader->end && (is_blank(*reader->at) || *reader->at == '\r'))
        reader->at++;
}

static bool take(struct reader *reader, char c)
{
    blanks(reader);
    if (reader->at >= reader->end || *reader->at != c)
        return false;
    reader->at++;
    return true;
}

static bool string(struct reader *reader, struct log_text *ret)
{
    if (!take(reader, '"'))
        return false;
    const char *first = reader->at, *c = first;
    while (c < reader->end && *c != '"')
        c += *c == '\\' ? 2 : 1;
    if (c >= reader->end)
        return false;
    *ret = (struct log_text){first, (size_t)(c - first)};
    reader->at = c + 1;
    return true;
}

/* Over an array, or an object that is too deep. */
static bool nested(struct reader *reader)
{
    size_t depth = 0;
    struct log_text ignored;
    for (;;) {
        blanks(reader);
        if (reader->at >= reader->end)
            return false;
        char c = *reader->at;
        if (c == '"') {
            if (!string(reader, &ignored))
                return false;
        } else {
            reader->at++;
            depth += c == '{' || c == '[';
            depth -= (c == '}' || c == ']') && depth > 0;
        }
        if (depth == 0)
            return true;
    }
}

static bool object(struct reader *reader, struct log_text outer, bool is_inner);

static bool value(struct reader *reader, struct log_json_member *member, bool is_inner)
{
    blanks(reader);
    if (reader->at >= reader->end)
        return false;
    char c = *reader->at;
    member->kind = LOG_JSON_OTHER;
    if (c == '{' && !is_inner)
        return object(reader, member->key, true);
    if (c == '{' || c == '[')
        return nested(reader);
    if (c == '"') {
        member->kind = LOG_JSON_STRING;
        if (!string(reader, &member->value))
            return false;
    } else {
        const char *first = reader->at;
        while (reader->at < reader->end && !strchr(",}] \t\r", *reader->at))
            reader->at++;
        if (reader->at == first)
            return false;
        /* Python writes NaN and Infinity, too. */
        member->kind =
            is_digit(c) || c == '-' || c == 'N' || c == 'I' ? LOG_JSON_NUMBER : LOG_JSON_OTHER;
        member->value = (struct log_text){first, (size_t)(reader->at - first)};
    }
    reader->fn(reader->context, member);
    return true;
}

static bool object(struct reader *reader, struct log_text outer, bool is_inner)
{
    if (!take(reader, '{'))
        return false;
    if (take(reader, '}'))
        return true;
    do {
        struct log_json_member member = {.outer = outer};
        if (!string(reader, &member.key) || !take(reader, ':') || !value(reader, &member, is_inner))
            return false;
    } while (take(reader, ','));
    return take(reader, '}');
}

bool log_json_each(const char *text, const char *end, log_json_fn *fn, void *context)
{
    struct reader reader = {.at = text, .end = end, .fn = fn, .context = context};
    return object(&reader, (struct log_text){text, 0}, false);
}

/* ---- what the keys of loggers mean ---- */

static bool key_in(struct log_text key, const char *const *names)
{
    if (key.size == 0)
        return false;
    for (; *names; names++) {
        if ((**names | 0x20) == (*key.at | 0x20) && text_is(key, *names))
            return true;
    }
    return false;
}

static const char *const time_keys[] = {"time",     "ts",   "timestamp", "@timestamp",
                                        "datetime", "date", "asctime",   "__REALTIME_TIMESTAMP",
                                        "t",        NULL};
static const char *const level_keys[] = {"level", "severity", "lvl", "levelname", "loglevel", NULL};
static const char *const message_keys[] = {"msg", "message", "event", "text", "log", NULL};
/* Numbers that name something instead of measuring it. */
static const char *const name_keys[] = {"pid",    "tid",       "line",     "lineno",
                                        "thread", "thread_id", "process",  "port",
                                        "v",      "id",        "PRIORITY", NULL};

static enum log_level level_of_number(double value)
{
    /* pino, bunyan: 10 trace … 60 fatal; Python's levelno has the same steps from 10 debug to 50.
     */
    return value >= 60   ? LOG_LEVEL_FATAL
           : value >= 50 ? LOG_LEVEL_ERROR
           : value >= 40 ? LOG_LEVEL_WARNING
           : value >= 30 ? LOG_LEVEL_INFO
           : value >= 10 ? LOG_LEVEL_DEBUG
                         : LOG_LEVEL_NONE;
}

struct line_reading {
    struct log_reading *reading;
    struct log_line *line;
};

static enum log_level level_of_value(struct log_reading *reading, struct log_text value,
                                     enum log_json_kind kind)
{
    double number;
    if (kind == LOG_JSON_STRING)
        return log_level_of_word(value.at, value.size);
    log_decide_same(reading, value);
    return number_parse_all(value.at, value.at + value.size, &number)
               ? level_of_number(number)
               : log_level_of_word(value.at, value.size);
}

/* The journal's. */
static bool take_priority(struct line_reading *into, struct log_text value)
{
    double number;
    log_decide_same(into->reading, value);
    if (!number_parse_all(value.at, value.at + value.size, &number) || !(number >= 0) || number > 7)
        return false;
    into->line->level = log_level_of_priority((long)number);
    return true;
}

static void line_member(void *context, const struct log_json_member *member)
{
    struct line_reading *into = context;
    struct log_line *line = into->line;
    if (member->outer.size > 0 || member->kind == LOG_JSON_OTHER)
        return;
    if (line->time.kind == TIMESTAMP_NONE && key_in(member->key, time_keys))
        log_decide_stamp(into->reading, member->value, &line->time);
    else if (key_in(member->key, level_keys))
        line->level = level_of_value(into->reading, member->value, member->kind);
    else if (text_is(member->key, "PRIORITY") && take_priority(into, member->value))
        return;
    else if (member->kind == LOG_JSON_STRING && key_in(member->key, message_keys))
        line->message = member->value;
}

bool log_json_line(struct log_reading *reading, const char *at, struct log_line *ret)
{
    struct log_line line = {
        .time = {.kind = TIMESTAMP_NONE, .s = NAN}, .message = {at, 0}, .is_json = true};
    struct line_reading into = {reading, &line};
    if (!log_json_each(at, reading->end, line_member, &into)) {
        if (reading->decisions)
            *reading->decisions = (struct log_decisions){.count = 0};
        return false;
    }
    *ret = line;
    return true;
}

struct sites {
    log_site_fn *fn;
    void *context;
};

static void site_member(void *context, const struct log_json_member *member)
{
    const struct sites *sites = context;
    const char *at = member->value.at, *end = at + member->value.size;
    struct log_site site = {.outer = member->outer, .label = member->key, .unit_ms = NAN};
    if (member->kind == LOG_JSON_STRING && key_in(member->key, message_keys)) {
        log_text_sites(at, end, sites->fn, sites->context);
        return;
    }
    if (member->kind == LOG_JSON_OTHER || member->key.size == 0 ||
        member->key.size > LOG_LABEL_MAX || member->outer.size > LOG_LABEL_MAX ||
        member->key.at[0] == '_' || key_in(member->key, time_keys) ||
        key_in(member->key, level_keys) || key_in(member->key, name_keys) ||
        strncmp(member->key.at, "SYSLOG_", u64_min(7, member->key.size)) == 0)
        return;
    if (!log_site_of_text(at, end, &site))
        return;
    if (site.unit.size == 0)
        site.unit_ms = log_label_unit_ms(member->key, &site.unit);
    sites->fn(sites->context, &site);
}

void log_json_sites(const char *text, const char *end, log_site_fn *fn, void *context)
{
    struct sites sites = {fn, context};
    while (text < end && is_blank(*text))
        text++;
    log_json_each(text, end, site_member, &sites);
}
