/* log_line.c: the head of a line, and the template of its message. */
#include "format/log_line_internal.h"

#include <math.h>
#include <stdlib.h>

#include "base/util.h"
#include "format/number.h"

/* ---- the head ---- */

/* "<13>", "<34>1 ": the priority of syslog. */
static const char *priority(struct log_reading *reading, const char *at, enum log_level *ret_level)
{
    const char *c = at + 1, *end = reading->end;
    long value = 0;
    for (; c < end && is_digit(*c) && c - at < 5; c++)
        value = value * 10 + (*c - '0');
    if (c >= end || *c != '>' || c == at + 1)
        return at;
    *ret_level = log_level_of_priority(value);
    c++;
    log_decide_same(reading, (struct log_text){at, (size_t)(c - at) + (end > c)});
    return end - c > 2 && c[0] == '1' && c[1] == ' ' ? c + 2 : c;
}

/* "[ T9694]", "[ C0]": the thread or CPU that a kernel may add to its time. */
static const char *kernel_caller(const char *at, const char *end)
{
    const char *c = at;
    if (c >= end || *c++ != '[')
        return at;
    while (c < end && *c == ' ')
        c++;
    if (c >= end || (*c != 'T' && *c != 'C'))
        return at;
    for (c++; c < end && is_digit(*c);)
        c++;
    return c < end && *c == ']' ? c + 1 : at;
}

/* Behind "host program[12]: " of syslog and the journal, or `at`. Where the date is not syslog's,
 * only a process number or a name that the system uses makes it one: "Frame latency: 3ms" is none.
 */
static const char *syslog_tag(const char *at, const char *end, bool is_syslog)
{
    const char *c = at, *tag;
    while (c < end && !is_blank(*c))
        c++;
    tag = c < end ? c + 1 : c;
    for (c = tag; c < end && !is_blank(*c) && *c != ':' && *c != '[';)
        c++;
    if (c == tag || c >= end)
        return at;
    bool has_number = *c == '[';
    while (has_number && c < end && *c != ']' && !is_blank(*c))
        c++;
    c += has_number && c < end && *c == ']';
    if (c >= end || *c != ':')
        return at;
    bool is_known = has_number || begins_with(tag, c, "kernel") || begins_with(tag, c, "systemd");
    return is_syslog || is_known ? c + 1 : at;
}

static const char *skip_separators(const char *at, const char *end)
{
    while (at < end && (is_blank(*at) || *at == '|' || *at == ',' || *at == ';' ||
                        ((*at == '-' || *at == ':') && (at + 1 == end || !is_digit(at[1])))))
        at++;
    return at;
}

static bool is_syslog_date(const char *at, const struct timestamp *time)
{
    return time->kind == TIMESTAMP_DATE && time->no_year && is_letter(*at) && is_letter(at[1]);
}

/* A level before the time: "INFO 2026-…", "[ERROR] [1700000000.1] [node]: …" */
static const char *level_then_time(struct log_reading *reading, const char *at,
                                   struct log_line *ret)
{
    const char *message, *end = reading->end;
    enum log_level ignored = LOG_LEVEL_NONE, level = log_level_find(at, end, &message);
    if (level == LOG_LEVEL_NONE || message == at)
        return at;
    struct timestamp time;
    const char *behind = log_decide_time(reading, message, &time, &ignored);
    if (behind == message)
        return at;
    ret->time = time;
    ret->level = level;
    return skip_separators(behind, end);
}

static const char *skip_second(const char *at, const char *behind, const char *end)
{
    return behind == at ? at : skip_separators(behind, end);
}

static bool is_json_head(const char *at, const char *end)
{
    if (at >= end || *at != '{')
        return false;
    for (at++; at < end && is_blank(*at);)
        at++;
    return at < end && *at == '"';
}

static void parse(struct log_reading *reading, struct log_line *ret)
{
    const char *at = reading->text, *end = reading->end;
    *ret = (struct log_line){.time = {.kind = TIMESTAMP_NONE, .s = NAN}};
    while (at < end && is_blank(*at))
        at++;
    ret->message = (struct log_text){at, (size_t)(end - at)};
    if (is_json_head(at, end) && log_json_line(reading, at, ret))
        return;
    if (at < end && *at == '<')
        at = priority(reading, at, &ret->level);
    const char *behind = log_decide_time(reading, at, &ret->time, &ret->level);
    if (behind == at) {
        at = level_then_time(reading, at, ret);
    } else {
        bool is_syslog = is_syslog_date(at, &ret->time) || ret->level != LOG_LEVEL_NONE;
        at = skip_separators(kernel_caller(behind, end), end);
        at = skip_separators(syslog_tag(at, end, is_syslog), end);
        /* The journal's line of a kernel that writes its own time, too. */
        size_t first = reading->decisions ? reading->decisions->time : 0;
        struct timestamp second;
        enum log_level ignored = LOG_LEVEL_NONE;
        if (at < end && *at == '[')
            at = skip_second(at, log_decide_time(reading, at, &second, &ignored), end);
        if (reading->decisions)
            reading->decisions->time = first;
    }
    if (ret->level == LOG_LEVEL_NONE)
        ret->level = log_level_find(at, end, &at);
    ret->message = (struct log_text){at, (size_t)(end - at)};
}

void log_line_parse(const char *text, size_t size, struct log_line *ret)
{
    struct log_reading reading = {text, text + size, NULL};
    parse(&reading, ret);
}

void log_line_read(const char *text, size_t size, struct log_line *ret,
                   struct log_decisions *ret_decisions)
{
    struct log_reading reading = {text, text + size, ret_decisions};
    ret_decisions->count = ret_decisions->time = 0;
    ret_decisions->has_more = false;
    parse(&reading, ret);
}

void log_line_sites(const char *text, size_t size, const struct log_line *line, log_site_fn *fn,
                    void *context)
{
    if (line->is_json)
        log_json_sites(text, text + size, fn, context);
    else
        log_text_sites(line->message.at, line->message.at + line->message.size, fn, context);
}

bool log_site_value(const struct log_site *site, struct log_number *ret)
{
    ret->outer = site->outer;
    ret->label = site->label;
    ret->unit = site->unit;
    if (!number_parse(site->number.at, site->number.at + site->number.size, &ret->value))
        ret->value = NAN;
    ret->ms = ret->value * site->unit_ms;
    return !site->if_whole || ret->value == floor(ret->value);
}

struct numbers {
    log_number_fn *fn;
    void *context;
};

static void take_site(void *context, const struct log_site *site)
{
    const struct numbers *numbers = context;
    struct log_number number;
    if (log_site_value(site, &number))
        numbers->fn(numbers->context, &number);
}

void log_line_numbers(const char *text, size_t size, const struct log_line *line, log_number_fn *fn,
                      void *context)
{
    struct numbers numbers = {fn, context};
    log_line_sites(text, size, line, take_site, &numbers);
}

size_t log_line_strip_colours(const char *text, size_t size, char *dst)
{
    size_t to = 0;
    for (size_t i = 0; i < size;) {
        if (text[i] == '\033' && i + 1 < size && text[i + 1] == '[') {
            for (i += 2; i < size && (is_digit(text[i]) || text[i] == ';');)
                i++;
            i += i < size;
        } else {
            dst[to++] = text[i++];
        }
    }
    return to;
}

/* ---- the template ---- */

struct template
{
    char *buf;
    size_t size;
};

static void put(struct template *into, const char *text, size_t size)
{
    size_t room = LOG_TEMPLATE_MAX - into->size;
    if (size > room)
        size = room;
    memcpy(into->buf + into->size, text, size);
    into->size += size;
}

static void put_word(struct template *into, const char *word)
{
    put(into, word, strlen(word));
}

static bool is_hex(const char *at, size_t size)
{
    size_t digits = 0;
    if (size > 2 && at[0] == '0' && (at[1] | 0x20) == 'x')
        return true;
    for (size_t i = 0; i < size; i++) {
        if (!isxdigit((unsigned char)at[i]))
            return false;
        digits += is_digit(at[i]);
    }
    return size >= 6 && digits > 0 && digits < size;
}

/* One run of letters, digits and '_': what is a number in it goes. "E2E" has none. */
static void put_run(struct template *into, const char *at, size_t size)
{
    size_t head = 0, tail = size;
    if (is_hex(at, size)) {
        put_word(into, "<hex>");
        return;
    }
    while (head < size && is_digit(at[head]))
        head++;
    if (head > 0) {
        put_word(into, "<n>");
        put(into, at + head, size - head);
        return;
    }
    while (tail > 0 && is_digit(at[tail - 1]))
        tail--;
    put(into, at, tail);
    if (tail < size)
        put_word(into, "<n>");
}

/* Behind a quoted text that begins at `at`; NULL: it is an apostrophe. */
static const char *quoted(const char *message, const char *at, const char *end)
{
    if (*at != '"' && *at != '\'' && *at != '`')
        return NULL;
    if (at > message && is_word(at[-1]))
        return NULL;
    const char *stop = memchr(at + 1, *at, (size_t)(end - at - 1));
    return stop ? stop + 1 : NULL;
}

/* Behind a path that begins at `at`: "/a/b", "./a"; NULL: it is none. */
static const char *path(const char *message, const char *at, const char *end)
{
    if (at > message && (is_word(at[-1]) || at[-1] == '/'))
        return NULL;
    const char *c = *at == '.' || *at == '~' ? at + 1 : at;
    if (end - c < 2 || *c != '/' || !(is_word(c[1]) || c[1] == '.'))
        return NULL;
    while (c < end && !is_blank(*c) && !strchr(",;:\"'()[]{}<>|=", *c))
        c++;
    return c;
}

/* Behind a number with its point: "12", "-12.5", "10.0.0.1". */
static const char *number(const char *message, const char *at, const char *end)
{
    const char *c = at;
    if ((*c == '-' || *c == '+') && (at == message || !is_word(at[-1])))
        c++;
    if (c >= end || !is_digit(*c))
        return NULL;
    while (c < end && is_digit(*c))
        c++;
    while (end - c > 1 && *c == '.' && is_digit(c[1])) {
        for (c++; c < end && is_digit(*c);)
            c++;
    }
    return c < end && (is_digit(*c) || is_letter(*c)) && c - at == 1 && *at == '0' ? NULL : c;
}

size_t log_line_template(const char *message, size_t size, char *buf)
{
    struct template into = {.buf = buf};
    const char *end = message + size;
    for (const char *at = message; at < end && into.size < LOG_TEMPLATE_MAX;) {
        const char *behind = quoted(message, at, end), *run = at;
        if (behind) {
            put_word(&into, "<text>");
        } else if ((behind = path(message, at, end))) {
            put_word(&into, "<path>");
        } else {
            while (run < end && is_word(*run))
                run++;
            bool is_run_hex = is_hex(at, (size_t)(run - at));
            if (!is_run_hex && (behind = number(message, at, end))) {
                put_word(&into, "<n>");
                /* A unit stays: "12ms" and "12 ms" differ, "12ms" and "13ms" do not. */
                for (run = behind; run < end && is_word(*run);)
                    run++;
                put(&into, behind, (size_t)(run - behind));
                behind = run;
            } else if (run > at) {
                put_run(&into, at, (size_t)(run - at));
                behind = run;
            } else {
                put(&into, at, 1);
                behind = at + 1;
            }
        }
        at = behind;
    }
    while (into.size > 0 && is_blank(buf[into.size - 1]))
        into.size--;
    /* Not in the middle of a character. */
    if (into.size == LOG_TEMPLATE_MAX) {
        while (into.size > 0 && ((unsigned char)buf[into.size - 1] & 0xc0) == 0x80)
            into.size--;
        if (into.size > 0 && (unsigned char)buf[into.size - 1] >= 0xc0)
            into.size--;
    }
    return into.size;
}

bool log_line_template_varies(const char *message, size_t size, const char *template_text,
                              size_t template_size)
{
    /* A digit that was kept, or "0x12", which "1x12" is not. */
    for (size_t i = 0; i < template_size; i++) {
        if (is_digit(template_text[i]))
            return true;
    }
    for (size_t i = 0; i + 1 < size; i++) {
        if (is_digit(message[i]) && (message[i + 1] | 0x20) == 'x')
            return true;
    }
    return false;
}
