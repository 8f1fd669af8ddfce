/* timestamp.c: times as logs write them. See timestamp.h. */
#include "format/timestamp.h"

#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "format/number.h"

#define DAY_SECONDS 86400

struct cursor {
    const char *at, *end;
};

/* Exactly `count` digits. This and the next are for every line of a log: counts and sets are known
 * where they are inlined, and loops over them are none then. */
static inline __attribute__((always_inline)) bool digits(struct cursor *cursor, int count, int *ret)
{
    if (cursor->end - cursor->at < count)
        return false;
    int value = 0;
    for (int i = 0; i < count; i++) {
        unsigned digit = (unsigned)(cursor->at[i] - '0');
        if (digit > 9)
            return false;
        value = value * 10 + (int)digit;
    }
    cursor->at += count;
    *ret = value;
    return true;
}

static inline __attribute__((always_inline)) bool one_of(struct cursor *cursor, const char *set)
{
    bool is_found = false;
    if (cursor->at >= cursor->end)
        return false;
    for (const char *c = set; *c; c++)
        is_found = is_found || *cursor->at == *c;
    cursor->at += is_found;
    return is_found;
}

static int64_t days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* "12:34:56.789": seconds since midnight, a comma as good as a point. */
static bool clock_time(struct cursor *cursor, bool is_compact, double *ret)
{
    int hour, minute, second;
    struct cursor start = *cursor;
    if (!digits(cursor, 2, &hour) || (!is_compact && !one_of(cursor, ":")) ||
        !digits(cursor, 2, &minute) || (!is_compact && !one_of(cursor, ":")) ||
        !digits(cursor, 2, &second) || hour > 23 || minute > 59 || second > 60) {
        *cursor = start;
        return false;
    }
    double fraction = 0;
    struct cursor before = *cursor;
    if (one_of(cursor, ".,")) {
        const char *first = cursor->at;
        while (cursor->at < cursor->end && (unsigned)(*cursor->at - '0') <= 9)
            cursor->at++;
        uint64_t value = 0, unit = 1;
        for (const char *at = first; at < cursor->at && at < first + 9; at++, unit *= 10)
            value = value * 10 + (uint64_t)(*at - '0');
        fraction = (double)value / (double)unit;
        if (cursor->at == first)
            *cursor = before;
    }
    *ret = hour * 3600 + minute * 60 + second + fraction;
    return true;
}

/* Z, +09:00, +0900, +09: what has to be added to have UTC. */
static bool zone(struct cursor *cursor, double *ret_add)
{
    struct cursor start = *cursor;
    one_of(cursor, " ");
    if (one_of(cursor, "Zz")) {
        *ret_add = 0;
        return true;
    }
    int hour, minute = 0;
    bool is_west = cursor->at < cursor->end && *cursor->at == '-';
    if (one_of(cursor, "+-") && digits(cursor, 2, &hour) && hour <= 14) {
        struct cursor behind = *cursor;
        one_of(cursor, ":");
        if (!digits(cursor, 2, &minute) || minute > 59) {
            *cursor = behind;
            minute = 0;
        }
        bool ends = cursor->at >= cursor->end || !isalnum((unsigned char)*cursor->at);
        if (ends) {
            *ret_add = (is_west ? 1 : -1) * (hour * 3600.0 + minute * 60.0);
            return true;
        }
    }
    *cursor = start;
    return false;
}

static bool date_is_valid(int year, int month, int day)
{
    static const int lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= lengths[month - 1];
}

static bool finish(struct cursor *cursor, int year, int month, int day, bool is_compact,
                   struct timestamp *ret)
{
    double s, add = 0;
    if (!date_is_valid(year, month, day) || !clock_time(cursor, is_compact, &s))
        return false;
    bool has_zone = zone(cursor, &add);
    *ret = (struct timestamp){
        .kind = TIMESTAMP_DATE,
        .s = (double)(days_from_civil(year, month, day) * DAY_SECONDS) + s + add,
        .has_zone = has_zone,
    };
    return true;
}

/* 2026-11-20T08:15:24, 2026/11/20 08:15:24 */
static bool year_first(struct cursor *cursor, struct timestamp *ret)
{
    int year, month, day;
    return digits(cursor, 4, &year) && one_of(cursor, "-/.") && digits(cursor, 2, &month) &&
           one_of(cursor, "-/.") && digits(cursor, 2, &day) && one_of(cursor, "T t_") &&
           finish(cursor, year, month, day, false, ret);
}

/* 20261120T081524 */
static bool compact(struct cursor *cursor, struct timestamp *ret)
{
    int year, month, day;
    return digits(cursor, 4, &year) && digits(cursor, 2, &month) && digits(cursor, 2, &day) &&
           one_of(cursor, "T") && finish(cursor, year, month, day, true, ret);
}

/* tegrastats: 11-20-2026 08:15:24 */
static bool year_last(struct cursor *cursor, struct timestamp *ret)
{
    int year, month, day;
    return digits(cursor, 2, &month) && one_of(cursor, "-/") && digits(cursor, 2, &day) &&
           one_of(cursor, "-/") && digits(cursor, 4, &year) && one_of(cursor, " ") &&
           finish(cursor, year, month, day, false, ret);
}

/* syslog: Nov 20 08:15:24, with a blank before a day of one digit */
static bool month_name(struct cursor *cursor, struct timestamp *ret)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int month = 0, day;
    if (cursor->end - cursor->at < 15)
        return false;
    if (cursor->at[3] != ' ')
        return false;
    for (int i = 0; i < 12 && month == 0; i++)
        month = strncasecmp(cursor->at, names + (ptrdiff_t)(3 * i), 3) == 0 ? i + 1 : 0;
    cursor->at += 4;
    if (month == 0)
        return false;
    bool is_short = one_of(cursor, " ");
    if (!digits(cursor, is_short ? 1 : 2, &day) || !one_of(cursor, " ") ||
        !finish(cursor, 1970, month, day, false, ret))
        return false;
    ret->no_year = true;
    return true;
}

struct timestamp timestamp_of_number(double value)
{
    struct timestamp time = {.kind = TIMESTAMP_RELATIVE, .s = value};
    if (isnan(value) || fabs(value) < TIMESTAMP_EPOCH_MIN)
        return time;
    time.kind = TIMESTAMP_EPOCH;
    /* Each unit from 1979 to the year 11,500: none of them overlap. */
    static const double units[] = {1, 1e3, 1e6, 1e9};
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        time.s = value / units[i];
        if (time.s < TIMESTAMP_EPOCH_MIN * 1e3)
            break;
    }
    return time;
}

static size_t number(struct cursor *cursor, struct timestamp *ret)
{
    double value;
    const char *behind = number_parse(cursor->at, cursor->end, &value);
    if (!behind || !isfinite(value))
        return 0;
    *ret = timestamp_of_number(value);
    return (size_t)(behind - cursor->at);
}

size_t timestamp_parse(const char *text, const char *end, struct timestamp *ret)
{
    static bool (*const forms[])(struct cursor *, struct timestamp *) = {year_first, compact,
                                                                         year_last, month_name};
    const char *at = text;
    *ret = (struct timestamp){.kind = TIMESTAMP_NONE, .s = NAN};
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    bool is_bracketed = at < end && *at == '[';
    for (at += is_bracketed; at < end && *at == ' ';)
        at++;
    struct cursor cursor = {at, end};
    size_t taken = 0;
    for (size_t i = 0; i < ARRAY_LEN(forms) && taken == 0; i++) {
        cursor.at = at;
        if (forms[i](&cursor, ret))
            taken = (size_t)(cursor.at - at);
    }
    if (taken == 0) {
        cursor.at = at;
        taken = number(&cursor, ret);
    }
    if (taken == 0) {
        *ret = (struct timestamp){.kind = TIMESTAMP_NONE, .s = NAN};
        return 0;
    }
    at += taken;
    if (is_bracketed && at < end && *at == ']')
        at++;
    return (size_t)(at - text);
}

const char *timestamp_format(double s, char *buf, size_t size)
{
    if (!(fabs(s) >= TIMESTAMP_EPOCH_MIN)) {
        snprintf(buf, size, isnan(s) ? "-" : "%.3f s", s);
        return buf;
    }
    int64_t all_ms = (int64_t)floor(s * 1e3 + 0.5), ms = (all_ms % 1000 + 1000) % 1000;
    int64_t seconds = (all_ms - ms) / 1000;
    int64_t days = seconds / DAY_SECONDS, of_day = seconds % DAY_SECONDS;
    if (of_day < 0) {
        of_day += DAY_SECONDS;
        days--;
    }
    /* The inverse of days_from_civil, by the same source. */
    int64_t shifted = days + 719468, era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t of_era = shifted - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t part = (5 * of_year + 2) / 153;
    int64_t month = part < 10 ? part + 3 : part - 9;
    snprintf(buf, size, "%04d-%02d-%02d %02d:%02d:%02d.%03d",
             (int)(year + era * 400 + (month <= 2 ? 1 : 0)), (int)month,
             (int)(of_year - (153 * part + 2) / 5 + 1), (int)(of_day / 3600),
             (int)(of_day / 60 % 60), (int)(of_day % 60), (int)ms);
    return buf;
}
