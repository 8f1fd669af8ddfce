/* date_line.c: see date_line.h. */
#include "format/date_line.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define WORDS_MAX 8   /* "2026년 3월 1일 일요일 오후 12:00:00 KST" has seven */
#define LETTERS_MAX 3 /* words beside the numbers: a day's name, AM or PM, a zone */

struct date {
    int year, month, day;     /* 0: none yet */
    int hour, minute, second; /* hour -1: none yet */
    bool is_am, is_pm;
    int words;
};

static bool is_digit(char c)
{
    return (unsigned)(c - '0') <= 9;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_any(const char *word, size_t size, const char *const *names)
{
    for (; *names; names++) {
        if (strlen(*names) == size && strncasecmp(word, *names, size) == 0)
            return true;
    }
    return false;
}

static int two_digits(const char *at)
{
    return (at[0] - '0') * 10 + at[1] - '0';
}

static bool take_clock(const char *at, size_t size, struct date *date)
{
    for (size_t i = 0; i < size; i++) {
        if (i % 3 == 2 ? at[i] != ':' : !is_digit(at[i]))
            return false;
    }
    if (size != 8 || date->hour >= 0)
        return false;
    date->hour = two_digits(at);
    date->minute = two_digits(at + 3);
    date->second = two_digits(at + 6);
    return true;
}

/* "2026", "03.", "1일": a year has four digits; a month without a name comes before its day. */
static bool take_number(const char *at, size_t size, struct date *date)
{
    int value = 0;
    size_t digits = 0;
    for (; digits < size && digits < 5 && is_digit(at[digits]); digits++)
        value = value * 10 + at[digits] - '0';
    for (size_t i = digits; i < size; i++) {
        if (at[i] != '.' && at[i] != ',' && (unsigned char)at[i] < 0x80)
            return false;
    }
    int *to = digits == 4                      ? &date->year
              : date->month > 0 || !date->year ? &date->day
                                               : &date->month;
    if (digits == 0 || digits == 3 || digits > 4 || *to > 0)
        return false;
    *to = value;
    return value > 0;
}

static bool take_word(const char *at, size_t size, struct date *date)
{
    static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    static const char *const am[] = {"AM", "오전", "午前", "上午", NULL};
    static const char *const pm[] = {"PM", "오후", "午後", "下午", NULL};
    for (int month = 0; month < 12 && size == 3 && date->month == 0; month++) {
        if (strncasecmp(at, months + (ptrdiff_t)(3 * month), 3) == 0) {
            date->month = month + 1;
            return true;
        }
    }
    for (size_t i = 0; i < size; i++) {
        if (is_digit(at[i]) && at[0] != '+' && at[0] != '-') /* the zone +09 */
            return false;
    }
    date->is_am |= is_any(at, size, am);
    date->is_pm |= is_any(at, size, pm);
    return ++date->words <= LETTERS_MAX;
}

static bool to_timestamp(struct date *date, struct timestamp *ret)
{
    char text[64];
    bool is_12h = date->is_am || date->is_pm;
    if (date->year == 0 || date->month == 0 || date->day == 0 || date->hour < 0 ||
        (is_12h && (date->hour == 0 || date->hour > 12)))
        return false;
    if (is_12h)
        date->hour = date->hour % 12 + (date->is_pm ? 12 : 0);
    int size = snprintf(text, sizeof(text), "%04d-%02d-%02d %02d:%02d:%02d", date->year,
                        date->month, date->day, date->hour, date->minute, date->second);
    return timestamp_parse(text, text + size, ret) == (size_t)size && ret->kind == TIMESTAMP_DATE;
}

bool date_line_parse(const char *text, const char *end, struct timestamp *ret)
{
    struct date date = {.hour = -1};
    size_t count = 0;
    for (const char *at = text; at < end;) {
        const char *first = at;
        while (at < end && !is_blank(*at))
            at++;
        size_t size = (size_t)(at - first);
        if (size > 0 && (++count > WORDS_MAX ||
                         !(take_clock(first, size, &date) || take_number(first, size, &date) ||
                           take_word(first, size, &date))))
            return false;
        at += at < end;
    }
    return to_timestamp(&date, ret);
}
