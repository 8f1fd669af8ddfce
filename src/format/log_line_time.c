/* log_line_time.c: the time that a line begins with, in the forms that timestamp.h leaves to the
 * loggers that have them: kmsg, glog, logcat, dmesg -T in any language, logfmt. */
#include "format/log_line_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && is_blank(*at))
        at++;
    return at;
}

/* All of `count` digits. */
static bool digits(const char *at, const char *end, size_t count, int *ret)
{
    int value = 0;
    if ((size_t)(end - at) < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!is_digit(at[i]))
            return false;
        value = value * 10 + (at[i] - '0');
    }
    *ret = value;
    return true;
}

/* A month and a day without a year, and the clock time that stands at `clock`. Behind it, or NULL.
 */
static const char *yearless(int month, int day, const char *clock, const char *end,
                            struct timestamp *ret)
{
    char text[64] = "1972-00-00 ";
    size_t size = 0, head = strlen(text);
    while (clock + size < end && size < 24 &&
           (is_digit(clock[size]) || clock[size] == ':' || clock[size] == '.')) {
        text[head + size] = clock[size];
        size++;
    }
    text[5] = (char)('0' + month / 10);
    text[6] = (char)('0' + month % 10);
    text[8] = (char)('0' + day / 10);
    text[9] = (char)('0' + day % 10);
    size_t took = timestamp_parse(text, text + head + size, ret);
    if (took == 0 || ret->kind != TIMESTAMP_DATE)
        return NULL;
    /* 1972 had a 29th of February; a year that was not written is 1970, as in timestamp.h. */
    ret->s -= (2 * 365 + (month > 2)) * 86400.0;
    ret->no_year = true;
    return clock + size;
}

/* "6,1234,98765,-;text" of /dev/kmsg: priority, number, microseconds since boot. */
static const char *kmsg(const char *at, const char *end, struct timestamp *ret,
                        enum log_level *ret_level)
{
    const char *c = at;
    double fields[3] = {0};
    while (c < end && is_digit(*c))
        c++;
    if (c == at || c == end || *c != ',') /* most often */
        return NULL;
    c = at;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        const char *first = c;
        for (; c < end && is_digit(*c) && c - first < 18; c++)
            fields[i] = fields[i] * 10 + (*c - '0');
        if (c == first || c >= end || *c++ != ',')
            return NULL;
    }
    const char *stop = memchr(c, ';', end - c < 64 ? (size_t)(end - c) : 64);
    if (!stop || fields[0] > 1023)
        return NULL;
    *ret = (struct timestamp){.kind = TIMESTAMP_RELATIVE, .s = fields[2] / 1e6};
    *ret_level = log_level_of_priority((long)fields[0]);
    return stop + 1;
}

/* "E1120 08:15:24.012345  1234 file.cc:12] text" of glog and klog. */
static const char *glog(const char *at, const char *end, struct timestamp *ret,
                        enum log_level *ret_level)
{
    int month, day;
    if (end - at < 14 || at[5] != ' ' || !digits(at + 1, end, 2, &month) ||
        !digits(at + 3, end, 2, &day) || !strchr("DIWEF", *at))
        return NULL;
    const char *behind = yearless(month, day, at + 6, end, ret);
    const char *stop = behind ? memchr(behind, ']', (size_t)(end - behind)) : NULL;
    if (!behind)
        return NULL;
    *ret_level = *at == 'D'   ? LOG_LEVEL_DEBUG
                 : *at == 'I' ? LOG_LEVEL_INFO
                 : *at == 'W' ? LOG_LEVEL_WARNING
                 : *at == 'E' ? LOG_LEVEL_ERROR
                              : LOG_LEVEL_FATAL;
    return stop && stop - behind < 128 ? stop + 1 : behind;
}

static enum log_level level_of_letter(char c)
{
    switch (c) {
    case 'V':
    case 'D':
        return LOG_LEVEL_DEBUG;
    case 'I':
        return LOG_LEVEL_INFO;
    case 'W':
        return LOG_LEVEL_WARNING;
    case 'E':
        return LOG_LEVEL_ERROR;
    case 'F':
    case 'A':
        return LOG_LEVEL_FATAL;
    default:
        return LOG_LEVEL_NONE;
    }
}

/* "11-20 08:15:24.012  1234  5678 E Tag: text" of logcat. */
static const char *logcat(const char *at, const char *end, struct timestamp *ret,
                          enum log_level *ret_level)
{
    int month, day;
    if (end - at < 18 || !digits(at, end, 2, &month) || at[2] != '-' ||
        !digits(at + 3, end, 2, &day) || at[5] != ' ')
        return NULL;
    const char *c = yearless(month, day, at + 6, end, ret);
    if (!c)
        return NULL;
    const char *behind = c;
    for (int i = 0; i < 2; i++) { /* process and thread */
        c = skip_blanks(c, end);
        while (c < end && is_digit(*c))
            c++;
    }
    c = skip_blanks(c, end);
    if (end - c < 2 || (!is_blank(c[1]) && c[1] != '/'))
        return behind;
    *ret_level = level_of_letter(*c);
    return *ret_level == LOG_LEVEL_NONE ? behind : c + 2;
}

/* The month that a word is: "Nov", "11월", "5月", "11". 0: none of these languages. */
static int month_of(struct log_text word)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    int value = 0;
    size_t i = 0;
    for (; i < word.size && is_digit(word.at[i]) && i < 2; i++)
        value = value * 10 + (word.at[i] - '0');
    if (i > 0)
        return value <= 12 ? value : 0;
    for (int month = 0; month < 12 && word.size >= 3; month++) {
        if (strncasecmp(word.at, names + (ptrdiff_t)(3 * month), 3) == 0)
            return month + 1;
    }
    return 0;
}

/* "[Thu Nov 20 08:15:24 2026]", "[五 5月 15 17:19:17 2026]" of dmesg -T: the year last, the names
 * of the machine's language. A month in letters of another language leaves the line without a time,
 * and the brackets are passed over all the same. */
static const char *dmesg_date(const char *at, const char *end, struct timestamp *ret)
{
    const char *stop = end - at > 1 && *at == '[' ? memchr(at, ']', (size_t)(end - at)) : NULL;
    struct log_text words[6];
    size_t count = 0;
    if (!stop || stop - at > 64)
        return NULL;
    for (const char *c = at + 1; c < stop;) {
        c = skip_blanks(c, stop);
        const char *first = c;
        while (c < stop && !is_blank(*c))
            c++;
        if (c > first) {
            if (count == ARRAY_LEN(words))
                return NULL;
            words[count++] = (struct log_text){first, (size_t)(c - first)};
        }
    }
    int year;
    if (count < 4 || words[count - 1].size != 4 || !digits(words[count - 1].at, stop, 4, &year) ||
        words[count - 2].size < 8 || words[count - 2].at[2] != ':')
        return NULL;
    struct log_text clock = words[count - 2];
    int month = month_of(words[count - 4]), day = 0;
    for (size_t i = 0; i < words[count - 3].size && is_digit(words[count - 3].at[i]) && i < 2; i++)
        day = day * 10 + (words[count - 3].at[i] - '0');
    char text[64];
    int size = snprintf(text, sizeof(text), "%04d-%02d-%02d %.*s", year, month, day,
                        (int)(clock.size < 20 ? clock.size : 20), clock.at);
    if (month == 0 || timestamp_parse(text, text + size, ret) == 0 || ret->kind != TIMESTAMP_DATE)
        *ret = (struct timestamp){.kind = TIMESTAMP_NONE, .s = NAN};
    return stop + 1;
}

/* time="2026-11-20T08:15:24Z" at the beginning of a line (logfmt). */
static const char *logfmt(const char *at, const char *end, struct timestamp *ret)
{
    static const char *const keys[] = {"time=", "ts=", "timestamp=", "t=", "at="};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (*at != *keys[i] || !begins_with(at, end, keys[i]))
            continue;
        const char *c = at + strlen(keys[i]);
        bool is_quoted = c < end && *c == '"';
        c += is_quoted;
        size_t took = timestamp_parse(c, end, ret);
        if (took == 0)
            return NULL;
        c += took;
        return is_quoted && c < end && *c == '"' ? c + 1 : c;
    }
    return NULL;
}

/* What timestamp.h takes, without the numbers that only look like a time. */
static const char *plain(const char *at, const char *end, struct timestamp *ret)
{
    size_t took = timestamp_parse(at, end, ret);
    const char *behind = at + took;
    bool is_bracketed = took > 1 && *at == '[' && behind[-1] == ']';
    if (took == 0)
        return NULL;
    if (ret->kind == TIMESTAMP_RELATIVE && (!is_bracketed || !memchr(at, '.', took)))
        return NULL;
    if (ret->kind == TIMESTAMP_EPOCH && behind < end && !is_bracketed &&
        !(is_blank(*behind) || *behind == ',' || *behind == ':' || *behind == ';' ||
          *behind == '|' || begins_with(behind, end, "%N")))
        return NULL;
    return behind;
}

const char *log_time_parse(const char *at, const char *end, struct timestamp *ret,
                           enum log_level *ret_level)
{
    *ret = (struct timestamp){.kind = TIMESTAMP_NONE, .s = NAN};
    const char *behind = NULL;
    if (at >= end)
        return at;
    if (is_digit(*at)) {
        behind = kmsg(at, end, ret, ret_level);
        behind = behind ? behind : logcat(at, end, ret, ret_level);
    } else if (*at == '[') {
        behind = dmesg_date(at, end, ret);
    } else if (is_letter(*at)) {
        behind = glog(at, end, ret, ret_level);
        behind = behind ? behind : logfmt(at, end, ret);
    }
    behind = behind ? behind : plain(at, end, ret);
    if (!behind)
        *ret = (struct timestamp){.kind = TIMESTAMP_NONE, .s = NAN};
    return behind ? behind : at;
}
