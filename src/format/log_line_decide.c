/* log_line_decide.c: what the values of digits decide in a line, and whether they decide the same
 * in another one. */
#include "format/log_line_internal.h"

#include <math.h>

/* The next one, or NULL: nobody wants to know, or there are too many. */
static struct log_decision *next(struct log_reading *reading, enum log_decision_way way,
                                 const char *at, const char *end)
{
    struct log_decisions *decisions = reading->decisions;
    if (!decisions)
        return NULL;
    decisions->has_more = decisions->has_more || decisions->count == LOG_DECISIONS_MAX;
    if (decisions->has_more)
        return NULL;
    struct log_decision *decision = &decisions->items[decisions->count++];
    *decision = (struct log_decision){
        .way = way,
        .at = (uint32_t)(at - reading->text),
        .end = (uint32_t)(end - reading->text),
    };
    return decision;
}

/* ---- dates of the usual form ---- */

static int two(const char *at)
{
    return (at[0] - '0') * 10 + (at[1] - '0');
}

/* Seconds since midnight of "hh:mm:ss.…" as timestamp.h has them; false: no time of day. */
static inline bool time_of_day(const char *at, unsigned decimals, double *ret)
{
    static const double units[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    int hour = two(at), minute = two(at + 3), second = two(at + 6);
    uint32_t fraction = 0;
    for (unsigned i = 0; i < decimals; i++)
        fraction = fraction * 10 + (uint32_t)(at[9 + i] - '0');
    *ret = hour * 3600 + minute * 60 + second + (double)fraction / units[decimals];
    return hour <= 23 && minute <= 59 && second <= 60;
}

/* Whether the shape is that of "2026-11-20 08:15:24": nothing else is tried where that stands. */
static bool has_date_shape(const char *at, const char *end)
{
    static const char shape[] = "0000-00-00 00:00:00";
    if (end - at < (ptrdiff_t)strlen(shape))
        return false;
    for (size_t i = 0; i < strlen(shape); i++) {
        bool is_like = shape[i] == '0'   ? is_digit(at[i])
                       : shape[i] == ':' ? at[i] == ':'
                       : shape[i] == ' ' ? at[i] == ' ' || at[i] == 'T'
                                         : at[i] == '-' || at[i] == '/';
        if (!is_like)
            return false;
    }
    return true;
}

/* Behind the date at `at`, its decimals and a Z; NULL: what follows may be a zone of digits. */
static const char *behind_date(const char *at, const char *end, bool has_zone,
                               unsigned *ret_decimals)
{
    const char *behind = at + 19;
    unsigned decimals = 0;
    if (behind < end && (*behind == '.' || *behind == ',')) {
        while (behind + 1 + decimals < end && is_digit(behind[1 + decimals]))
            decimals++;
        behind += decimals > 0 ? 1 + decimals : 0;
    }
    *ret_decimals = decimals;
    const char *zone = behind + (behind < end && *behind == ' ');
    bool may_be_zone = end - zone > 1 && (*zone == '+' || *zone == '-') && is_digit(zone[1]);
    return may_be_zone || decimals > 9 ? NULL : has_zone ? zone + 1 : behind;
}

/* Notes the date where all of the time [at, behind) is one, but for a key, a bracket or a quote
 * around it: only its digits decide then. */
static void note_date(struct log_decision *decision, const char *text, const char *at,
                      const char *behind, const char *end, const struct timestamp *time)
{
    const char *first = at;
    unsigned decimals = 0;
    double of_day;
    while (first < behind && first - at < 16 && !is_digit(*first))
        first++;
    decision->has_date = false;
    if (time->kind != TIMESTAMP_DATE || time->no_year || !has_date_shape(first, behind))
        return;
    const char *stop = behind_date(first, end, time->has_zone, &decimals);
    if (!stop || behind < stop || behind - stop > 1 || !time_of_day(first + 11, decimals, &of_day))
        return;
    decision->midnight_s = (double)(int64_t)(time->s - of_day + 0.5);
    decision->has_date = decision->midnight_s + of_day == time->s;
    decision->date_at = (uint32_t)(first - text);
    decision->decimals = (uint8_t)decimals;
    memcpy(decision->date, first, sizeof(decision->date));
}

/* The time where the date is the one that was noted. */
static inline bool same_date(const char *text, const struct log_decision *decision,
                             struct timestamp *ret)
{
    const char *at = text + decision->date_at;
    double of_day;
    if (!decision->has_date || memcmp(at, decision->date, sizeof(decision->date)) != 0 ||
        !time_of_day(at + 11, decision->decimals, &of_day))
        return false;
    *ret = (struct timestamp){
        .kind = TIMESTAMP_DATE,
        .s = decision->midnight_s + of_day,
        .has_zone = decision->has_zone,
    };
    return true;
}

/* ---- decisions ---- */

static void note(struct log_decision *decision, const struct timestamp *time, size_t behind,
                 enum log_level level)
{
    decision->behind = (uint32_t)behind;
    decision->kind = time->kind;
    decision->has_zone = time->has_zone;
    decision->no_year = time->no_year;
    decision->level = level;
}

/* Forms of times end their own search for digits within the first few signs: where none stand, the
 * shape has decided. The number of signs is that of the longest key with what may follow it, and
 * the month. */
static bool is_certain(const char *at, const char *end)
{
    size_t signs = 0;
    end = end - at > 64 ? at + 64 : end;
    for (; at < end; at++) {
        if (is_digit(*at))
            return false;
        signs += !is_blank(*at);
    }
    return signs >= 20;
}

const char *log_decide_time(struct log_reading *reading, const char *at, struct timestamp *ret,
                            enum log_level *ret_level)
{
    enum log_level before = *ret_level;
    const char *behind = log_time_parse(at, reading->end, ret, ret_level);
    if (!reading->decisions || (behind == at && is_certain(at, reading->end)))
        return behind;
    struct log_decision *decision = next(reading, LOG_DECISION_TIME, at, reading->end);
    if (decision) {
        note(decision, ret, (size_t)(behind - reading->text), *ret_level);
        decision->level_before = before;
        if (behind != at)
            reading->decisions->time = reading->decisions->count;
    }
    return behind;
}

void log_decide_stamp(struct log_reading *reading, struct log_text text, struct timestamp *ret)
{
    const char *behind = text.at + timestamp_parse(text.at, text.at + text.size, ret);
    struct log_decision *decision = next(reading, LOG_DECISION_STAMP, text.at, text.at + text.size);
    if (decision) {
        note(decision, ret, (size_t)(behind - reading->text), LOG_LEVEL_NONE);
        reading->decisions->time = reading->decisions->count;
    }
}

void log_decide_same(struct log_reading *reading, struct log_text text)
{
    struct log_decision *decision = next(reading, LOG_DECISION_SAME, text.at, text.at + text.size);
    if (!decision)
        return;
    if (text.size > sizeof(decision->same))
        reading->decisions->has_more = true;
    else
        memcpy(decision->same, text.at, text.size);
}

/* Whether this time is parsed as it was then. */
static bool is_same_time(const char *text, size_t size, struct log_decision *decision,
                         struct timestamp *ret)
{
    const char *at = text + decision->at, *end = text + size;
    enum log_level level = decision->level_before;
    const char *behind;
    if (decision->way == LOG_DECISION_TIME) {
        behind = log_time_parse(at, end, ret, &level);
    } else {
        end = text + decision->end;
        behind = at + timestamp_parse(at, end, ret);
    }
    bool is_same = behind - text == decision->behind && ret->kind == decision->kind &&
                   ret->has_zone == decision->has_zone && ret->no_year == decision->no_year &&
                   level == decision->level;
    if (is_same) /* else it would hold for dates that this shape's line has none of */
        note_date(decision, text, at, behind, end, ret);
    return is_same;
}

bool log_line_holds(const char *text, size_t size, struct log_decisions *decisions,
                    struct timestamp *ret_time)
{
    *ret_time = (struct timestamp){.kind = TIMESTAMP_NONE, .s = NAN};
    for (size_t i = 0; i < decisions->count; i++) {
        struct log_decision *decision = &decisions->items[i];
        struct timestamp time;
        if (decision->way == LOG_DECISION_SAME) {
            if (memcmp(text + decision->at, decision->same, decision->end - decision->at) != 0)
                return false;
        } else if (!same_date(text, decision, &time) &&
                   !is_same_time(text, size, decision, &time)) {
            return false;
        } else if (i + 1 == decisions->time) {
            *ret_time = time;
        }
    }
    return true;
}
