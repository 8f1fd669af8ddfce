/* tegrastats.c: one line of tegrastats, group by group. */
#include "format/tegrastats.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "format/log_line.h"

#define PREFIX_MAX 128          /* bytes before the groups */
#define TIME_MAX_S 253402300800 /* the year 10000 */

struct scan {
    const char *at, *end;
    struct tegrastats_line *line;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blanks(struct scan *scan)
{
    while (scan->at < scan->end && is_blank(*scan->at))
        scan->at++;
}

static bool looking_at(const struct scan *scan, const char *word)
{
    size_t length = strlen(word);
    return (size_t)(scan->end - scan->at) >= length && memcmp(scan->at, word, length) == 0;
}

static bool take(struct scan *scan, char c)
{
    if (scan->at == scan->end || *scan->at != c)
        return false;
    scan->at++;
    return true;
}

static bool take_word(struct scan *scan, const char *word)
{
    if (!looking_at(scan, word))
        return false;
    scan->at += strlen(word);
    return true;
}

/* Digits with an optional sign and fraction; no exponent ever occurs. */
static bool take_number(struct scan *scan, double *ret_value)
{
    const char *at = scan->at;
    bool is_negative = at < scan->end && *at == '-';
    at += is_negative;
    if (at == scan->end || !isdigit((unsigned char)*at))
        return false;
    double value = 0, digit = 1;
    for (; at < scan->end && isdigit((unsigned char)*at); at++)
        value = value * 10 + (*at - '0');
    if (at < scan->end && *at == '.') {
        double fraction = 0;
        for (at++; at < scan->end && isdigit((unsigned char)*at); at++) {
            fraction = fraction * 10 + (*at - '0');
            digit *= 10;
        }
        value += fraction / digit;
    }
    scan->at = at;
    *ret_value = is_negative ? -value : value;
    return true;
}

static struct tegrastats_item *add_item(struct scan *scan, enum tegrastats_kind kind,
                                        const char *name, size_t length)
{
    struct tegrastats_line *line = scan->line;
    if (line->count == TEGRASTATS_ITEMS_MAX) {
        line->unknown++;
        return NULL;
    }
    struct tegrastats_item *item = &line->items[line->count++];
    *item = (struct tegrastats_item){.kind = kind,
                                     .name = name,
                                     .name_length = length,
                                     .value = NAN,
                                     .second = NAN,
                                     .third = NAN};
    return item;
}

/* To the end of the word; what stands there is of no form that is known. */
static void skip_word(struct scan *scan)
{
    while (scan->at < scan->end && !is_blank(*scan->at))
        scan->at++;
}

static bool at_word_end(const struct scan *scan)
{
    return scan->at == scan->end || is_blank(*scan->at);
}

/* ---- groups ---- */

/* "1179/3983MB (lfb 120x4MB)", "0/252kB(lfb 252kB)" behind RAM, SWAP or IRAM. */
static bool take_memory(struct scan *scan, const char *name, size_t length)
{
    double used, total;
    if (!take_number(scan, &used) || !take(scan, '/') || !take_number(scan, &total))
        return false;
    double scale = take_word(scan, "kB") ? 1 / 1024.0 : take_word(scan, "MB") ? 1 : NAN;
    if (isnan(scale))
        return false;
    if (used > total) { /* digits that ran together */
        scan->line->is_spoilt = true;
        return false;
    }
    struct tegrastats_item *item = add_item(scan, TEGRASTATS_MEMORY, name, length);
    if (item) {
        item->value = used * scale;
        item->second = total * scale;
    }
    skip_blanks(scan);
    if (take(scan, '(')) {
        while (scan->at < scan->end && *scan->at != ')')
            scan->at++;
        scan->line->is_cut = !take(scan, ')');
    }
    return true;
}

/* "@1300", "@[305,0]": MHz, of several the largest. */
static bool take_clock(struct scan *scan, double *ret_mhz)
{
    double mhz;
    if (!take(scan, '@'))
        return true; /* not said */
    if (!take(scan, '['))
        return take_number(scan, ret_mhz);
    do {
        if (!take_number(scan, &mhz))
            return false;
        *ret_mhz = isnan(*ret_mhz) || mhz > *ret_mhz ? mhz : *ret_mhz;
    } while (take(scan, ','));
    return take(scan, ']');
}

/* "[12%@1497,off,…]", and the old "[17%,13%]@408" whose clock is that of all. */
static bool take_cores(struct scan *scan)
{
    size_t first = scan->line->count;
    unsigned index = 0;
    do {
        struct tegrastats_item *item = add_item(scan, TEGRASTATS_CORE, "cpu", 3);
        struct tegrastats_item spare;
        item = item ? item : &spare;
        item->index = index++;
        item->is_off = take_word(scan, "off");
        if (!item->is_off && (!take_number(scan, &item->value) || !take(scan, '%') ||
                              !take_clock(scan, &item->second))) {
            scan->line->count -= item != &spare;
            return false;
        }
    } while (take(scan, ','));
    if (!take(scan, ']'))
        return false;
    double mhz = NAN;
    if (!take_clock(scan, &mhz))
        return false;
    for (size_t i = first; !isnan(mhz) && i < scan->line->count; i++)
        scan->line->items[i].second = mhz;
    return true;
}

/* "0/252", "2763mW/2846mW/2900mW": the value before the first slash was taken already. */
static bool take_rail(struct scan *scan, struct tegrastats_item *item, double now)
{
    item->kind = TEGRASTATS_RAIL;
    item->value = now;
    take_word(scan, "mW");
    if (take(scan, '/') && take_number(scan, &item->second))
        take_word(scan, "mW");
    if (take(scan, '/') && take_number(scan, &item->third))
        take_word(scan, "mW");
    return at_word_end(scan);
}

/* What stands behind a name: "off", "716", "3%@1300", "@[305,0]", "N/A%@…", "4067/4067". */
static bool take_value(struct scan *scan, struct tegrastats_item *item)
{
    double value;
    if (take_word(scan, "off")) {
        item->is_off = true;
        return at_word_end(scan);
    }
    if (looking_at(scan, "@"))
        return take_clock(scan, &item->second) && at_word_end(scan);
    if (take_word(scan, "N/A%"))
        return take_clock(scan, &item->second) && at_word_end(scan);
    if (!take_number(scan, &value))
        return false;
    if (take(scan, '%')) {
        item->value = value;
        return take_clock(scan, &item->second) && at_word_end(scan);
    }
    if (at_word_end(scan)) {
        item->second = value; /* "APE 150": a clock */
        return true;
    }
    return take_rail(scan, item, value);
}

/* "45.5C", "34.312C/34.843C" behind NAME@. */
static bool take_temperature(struct scan *scan, struct tegrastats_item *item)
{
    if (!take_number(scan, &item->value) || !take(scan, 'C'))
        return false;
    if (take(scan, '/') && (!take_number(scan, &item->second) || !take(scan, 'C')))
        return false;
    return at_word_end(scan);
}

static size_t name_length(const struct scan *scan)
{
    const char *at = scan->at;
    while (at < scan->end && !is_blank(*at) && *at != '@')
        at++;
    return (size_t)(at - scan->at);
}

static bool is_name(const char *name, size_t length, const char *wanted)
{
    return length == strlen(wanted) && memcmp(name, wanted, length) == 0;
}

/* Takes back what a group that turned out to be none of them has added. */
static void give_up(struct scan *scan, size_t count)
{
    scan->line->count = count;
    scan->line->unknown++;
    skip_word(scan);
    scan->line->is_cut |= scan->at == scan->end;
}

static void take_group(struct scan *scan)
{
    const char *name = scan->at;
    size_t length = name_length(scan), count = scan->line->count;
    bool is_good = false;
    scan->at += length;
    if (take(scan, '@')) {
        struct tegrastats_item *item = add_item(scan, TEGRASTATS_TEMP, name, length);
        is_good = item && take_temperature(scan, item);
    } else {
        skip_blanks(scan);
        if (is_name(name, length, "RAM") || is_name(name, length, "SWAP") ||
            is_name(name, length, "IRAM")) {
            is_good = take_memory(scan, name, length);
        } else if (is_name(name, length, "MTS")) {
            /* Shares of the cores' own translator: foreground and background. */
            double share;
            is_good = take_word(scan, "fg ") && take_number(scan, &share) &&
                      take_word(scan, "% bg ") && take_number(scan, &share) && take(scan, '%');
        } else if ((is_name(name, length, "CPU") || is_name(name, length, "cpu")) &&
                   take(scan, '[')) {
            is_good = take_cores(scan);
            count = is_good ? count : scan->line->count;
        } else {
            struct tegrastats_item *item = add_item(scan, TEGRASTATS_UNIT, name, length);
            is_good = item && take_value(scan, item);
        }
    }
    if (!is_good)
        give_up(scan, count);
}

/* "09:08:28" of `date +%T`: as on the first day of 1970. */
static bool parse_clock(const char *text, const char *end, double *ret_s)
{
    double part[3];
    struct scan scan = {.at = text, .end = end};
    take(&scan, '[');
    for (size_t i = 0; i < 3; i++) {
        if (!take_number(&scan, &part[i]) || part[i] < 0 || (i < 2 && !take(&scan, ':')))
            return false;
    }
    *ret_s = part[0] * 3600 + part[1] * 60 + part[2];
    return part[0] < 24 && part[1] < 60 && part[2] < 61;
}

/* "07-25-2026 09:08:28", month first, is tegrastats' own; another stands before it where a log
 * daemon, `ts` or a shell wrote the line. */
static void find_time(const char *text, const char *end, struct tegrastats_line *line)
{
    struct log_line log;
    struct tm tm;
    log_line_parse(text, (size_t)(end - text), &log);
    double s = log.time.s;
    if (log.time.kind == TIMESTAMP_NONE && !parse_clock(text, end, &s))
        return;
    time_t whole = s >= 0 && s < TIME_MAX_S ? (time_t)s : -1;
    line->has_time = whole >= 0 && gmtime_r(&whole, &tm);
    if (!line->has_time)
        return;
    line->month = tm.tm_mon + 1;
    line->day = tm.tm_mday;
    line->year = tm.tm_year + 1900;
    line->hour = tm.tm_hour;
    line->minute = tm.tm_min;
    line->second = tm.tm_sec;
}

/* Behind the time, a host and a program. */
static bool skip_to_groups(struct scan *scan)
{
    const char *text = scan->at;
    for (; scan->at < scan->end && scan->at - text <= PREFIX_MAX; scan->at++) {
        bool begins_word = scan->at == text || !isalnum((unsigned char)scan->at[-1]);
        if (begins_word && looking_at(scan, "RAM "))
            return true;
    }
    return false;
}

bool tegrastats_line_parse(const char *text, size_t size, struct tegrastats_line *ret_line)
{
    struct scan scan = {.at = text, .end = text + size, .line = ret_line};
    ret_line->has_time = ret_line->is_cut = ret_line->is_spoilt = false;
    ret_line->count = ret_line->unknown = 0;
    skip_blanks(&scan);
    const char *begin = scan.at;
    if (!skip_to_groups(&scan))
        return false;
    if (scan.at > begin)
        find_time(begin, scan.at, ret_line);
    while (scan.at < scan.end) {
        take_group(&scan);
        skip_blanks(&scan);
    }
    bool has_memory = false, has_more = false;
    for (size_t i = 0; i < ret_line->count; i++) {
        has_memory |= ret_line->items[i].kind == TEGRASTATS_MEMORY;
        has_more |= ret_line->items[i].kind != TEGRASTATS_MEMORY;
    }
    return (has_memory || ret_line->is_spoilt) && has_more;
}

/* ---- total power ---- */

static bool is_rail(const struct tegrastats_item *item, const char *name)
{
    return item->kind == TEGRASTATS_RAIL && item->name_length == strlen(name) &&
           memcmp(item->name, name, item->name_length) == 0;
}

/* VDDQ_… of an AGX Orin is fed by its 5 V rail; NC is a channel that is not connected. */
static bool is_summed(const struct tegrastats_item *item)
{
    return item->kind == TEGRASTATS_RAIL && !is_rail(item, "NC") &&
           !(item->name_length >= 4 && memcmp(item->name, "VDDQ", 4) == 0);
}

/* "VDD_GPU_SOC + VDD_CPU_CV + VIN_SYS_5V0" */
static void say_sum(const struct tegrastats_line *line, char *rule)
{
    size_t used = 0;
    for (size_t i = 0; i < line->count && used + 32 < TEGRASTATS_RULE; i++) {
        const struct tegrastats_item *item = &line->items[i];
        if (is_summed(item))
            used +=
                (size_t)snprintf(rule + used, TEGRASTATS_RULE - used, "%s%.*s", used ? " + " : "",
                                 (int)u64_min(item->name_length, 24), item->name);
    }
}

/* Boards whose input is measured: that rail. AGX boards and Thor, known by their 5 V rail: the sum
 * of the rails (as collect/power_find.c). What the rails of another board leave out, nobody knows.
 */
double tegrastats_total_mw(const struct tegrastats_line *line, char *rule)
{
    static const char *const inputs[] = {"VDD_IN", "POM_5V_IN", "VIN"};
    bool has_5v = false;
    double sum_mw = 0;
    for (size_t i = 0; i < line->count; i++) {
        const struct tegrastats_item *item = &line->items[i];
        for (size_t k = 0; k < ARRAY_LEN(inputs); k++) {
            if (!is_rail(item, inputs[k]))
                continue;
            if (rule && rule[0] == '\0')
                snprintf(rule, TEGRASTATS_RULE, "%s, the board's input", inputs[k]);
            return item->value;
        }
        has_5v |= is_rail(item, "VIN_SYS_5V0") || is_rail(item, "SYS5V");
        sum_mw += is_summed(item) ? item->value : 0;
    }
    if (has_5v && rule && rule[0] == '\0')
        say_sum(line, rule);
    return has_5v ? sum_mw : NAN;
}

double tegrastats_cores_pct(const struct tegrastats_line *line)
{
    double sum = 0;
    unsigned count = 0;
    for (size_t i = 0; i < line->count; i++) {
        if (line->items[i].kind == TEGRASTATS_CORE && !isnan(line->items[i].value)) {
            sum += line->items[i].value;
            count++;
        }
    }
    return count > 0 ? sum / count : NAN;
}
