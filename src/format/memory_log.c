/* memory_log.c: see memory_log.h. */
#include "format/memory_log.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "format/date_line.h"
#include "format/number.h"

#define FIELDS_MAX 32
#define DAY_S 86400.0
#define PID_MAX 4194305.0 /* the kernel's PID_MAX_LIMIT, and one */
#define HEAD_LINES 40
/* free's total in MB is less than the first, in kB than the second, else it is in bytes. */
#define FREE_KB_FROM (1024.0 * 256)
#define FREE_BYTES_FROM (1024.0 * 1024 * 1024 * 4)

struct word {
    const char *begin, *end;
};

/* A line, its time taken off. */
struct text {
    const char *at, *end;
    struct timestamp time;
    struct word words[FIELDS_MAX];
    size_t count; /* of words, at most FIELDS_MAX: the rest belongs to a command */
};

void memory_log_init(struct memory_log *log)
{
    *log = (struct memory_log){.rss_at = -1,
                               .pid_at = -1,
                               .command_at = -1,
                               .elapsed_at = -1,
                               .available_at = -1,
                               .clock_before_s = NAN,
                               .free_mb = NAN};
    log->alone.s = NAN;
}

const char *memory_log_kind_name(enum memory_log_kind kind)
{
    switch (kind) {
    case MEMORY_LOG_PROCESSES:
        return "ps or pidstat";
    case MEMORY_LOG_FREE:
        return "free";
    case MEMORY_LOG_PAIRS:
        return "pairs of time and MB";
    default:
        return "unknown";
    }
}

/* ---- words ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_word(struct word word, const char *text)
{
    size_t length = strlen(text);
    return (size_t)(word.end - word.begin) == length && strncasecmp(word.begin, text, length) == 0;
}

static bool begins_with(struct word word, const char *text)
{
    size_t length = strlen(text);
    return (size_t)(word.end - word.begin) >= length && strncasecmp(word.begin, text, length) == 0;
}

static bool next_word(const char **at, const char *end, struct word *ret)
{
    while (*at < end && is_blank(**at))
        (*at)++;
    ret->begin = *at;
    while (*at < end && !is_blank(**at))
        (*at)++;
    ret->end = *at;
    return ret->begin < ret->end;
}

static void split(struct text *text)
{
    const char *at = text->at;
    text->count = 0;
    while (text->count < FIELDS_MAX && next_word(&at, text->end, &text->words[text->count]))
        text->count++;
}

static bool whole_number(struct word word, double *ret)
{
    return word.begin < word.end && number_parse(word.begin, word.end, ret) == word.end &&
           isfinite(*ret);
}

/* ---- times ---- */

/* "10:23:45", "10:23:45 AM": seconds since midnight. */
static bool take_clock(const char **at, const char *end, double *ret_s)
{
    const char *from = *at;
    int part[3];
    for (int i = 0; i < 3; i++) {
        if (end - from < 2 || !isdigit((unsigned char)from[0]) || !isdigit((unsigned char)from[1]))
            return false;
        part[i] = (from[0] - '0') * 10 + from[1] - '0';
        from += 2;
        if (i < 2 && (from == end || *from++ != ':'))
            return false;
    }
    double fraction = 0, unit = 1;
    if (from < end && *from == '.') {
        for (from++; from < end && isdigit((unsigned char)*from); from++) {
            unit /= 10;
            fraction += unit * (*from - '0');
        }
    }
    if (part[0] > 23 || part[1] > 59 || part[2] > 60 || (from < end && !is_blank(*from)))
        return false;
    struct word half;
    const char *behind = from;
    if (next_word(&behind, end, &half) && (is_word(half, "AM") || is_word(half, "PM"))) {
        if (part[0] < 1 || part[0] > 12)
            return false;
        part[0] = part[0] % 12 + (is_word(half, "PM") ? 12 : 0);
        from = behind;
    }
    *ret_s = part[0] * 3600 + part[1] * 60 + part[2] + fraction;
    *at = from;
    return true;
}

static struct timestamp time_of_day(struct memory_log *log, double clock_s)
{
    if (clock_s < log->clock_before_s - DAY_S / 2)
        log->day_s += DAY_S;
    log->clock_before_s = clock_s;
    return (struct timestamp){.kind = log->has_date ? TIMESTAMP_DATE : TIMESTAMP_RELATIVE,
                              .s = log->day_s + clock_s};
}

/* A time in front, if it is one that nothing else could be: small numbers are none. */
static void take_time(struct memory_log *log, struct text *text)
{
    struct timestamp time;
    double clock_s;
    while (text->at < text->end && is_blank(*text->at))
        text->at++;
    text->time = log->alone;
    if (take_clock(&text->at, text->end, &clock_s)) {
        text->time = time_of_day(log, clock_s);
        return;
    }
    if (date_line_parse(text->at, text->end, &time)) {
        text->at = text->end;
        text->time = time;
        return;
    }
    size_t taken = timestamp_parse(text->at, text->end, &time);
    const char *behind = text->at + taken;
    bool is_time = taken > 0 && (time.kind == TIMESTAMP_DATE || time.kind == TIMESTAMP_EPOCH);
    if (!is_time || (behind < text->end && !is_blank(*behind)))
        return;
    text->at = behind;
    text->time = time;
}

/* ps's etime "[[dd-]hh:]mm:ss", and etimes, seconds. */
static bool elapsed(struct word word, double *ret_s)
{
    double days = 0, sum = 0, part;
    const char *at = word.begin;
    if (whole_number(word, ret_s))
        return *ret_s >= 0;
    const char *dash = memchr(at, '-', (size_t)(word.end - at));
    if (dash) {
        if (!whole_number((struct word){at, dash}, &days))
            return false;
        at = dash + 1;
    }
    for (;;) {
        const char *colon = memchr(at, ':', (size_t)(word.end - at));
        if (!whole_number((struct word){at, colon ? colon : word.end}, &part) || part < 0)
            return false;
        sum = 60 * sum + part;
        if (!colon)
            break;
        at = colon + 1;
    }
    *ret_s = days * DAY_S + sum;
    return isfinite(*ret_s);
}

/* "11/20/2026", "2026-11-20", "20.11.26" is no date that could be told from another. */
static bool banner_date(struct word word, double *ret_s)
{
    char text[32];
    struct timestamp time;
    size_t length = (size_t)(word.end - word.begin);
    if (length < 8 || length > 10)
        return false;
    memcpy(text, word.begin, length);
    if (length == 8 && text[2] == '/' && text[5] == '/') { /* 11/20/26 */
        memcpy(text, word.begin, 6);
        memcpy(text + 6, "20", 2);
        memcpy(text + 8, word.begin + 6, 2);
        length = 10;
    }
    memcpy(text + length, " 00:00:00", 9);
    if (timestamp_parse(text, text + length + 9, &time) == 0 || time.kind != TIMESTAMP_DATE)
        return false;
    *ret_s = time.s;
    return true;
}

/* ---- headers ---- */

static bool take_banner(struct memory_log *log, const struct text *text)
{
    double day_s;
    if (text->count < 4 || !is_word(text->words[0], "Linux"))
        return false;
    for (size_t i = 2; i < text->count; i++) {
        if (banner_date(text->words[i], &day_s)) {
            log->day_s = day_s;
            log->has_date = true;
            log->clock_before_s = NAN;
            break;
        }
    }
    return true;
}

/* "# Time UID PID … RSS …" of pidstat -h has its time in front of the data, too. */
static bool take_process_header(struct memory_log *log, const struct text *text)
{
    size_t first = text->count > 1 && is_word(text->words[0], "#") ? 1 : 0;
    first += first == 1 && is_word(text->words[1], "Time") ? 1 : 0;
    int rss = -1, pid = -1, command = -1, elapsed_at = -1;
    for (size_t i = first; i < text->count; i++) {
        int at = (int)(i - first);
        struct word word = text->words[i];
        if (is_word(word, "RSS") || is_word(word, "RSZ"))
            rss = at;
        else if (is_word(word, "PID"))
            pid = at;
        else if (is_word(word, "COMMAND") || is_word(word, "CMD") || is_word(word, "COMM"))
            command = at;
        else if (is_word(word, "ELAPSED"))
            elapsed_at = at;
    }
    if (rss < 0)
        return false;
    log->kind = MEMORY_LOG_PROCESSES;
    log->rss_at = rss;
    log->pid_at = pid;
    log->command_at = command;
    log->elapsed_at = elapsed_at;
    return true;
}

static bool is_free_header(const struct text *text)
{
    return text->count >= 3 && is_word(text->words[0], "total") &&
           is_word(text->words[1], "used") && is_word(text->words[2], "free");
}

static bool take_free_header(struct memory_log *log, const struct text *text)
{
    if (!is_free_header(text))
        return false;
    log->kind = MEMORY_LOG_FREE;
    log->available_at = -1;
    for (size_t i = 3; i < text->count; i++) {
        if (is_word(text->words[i], "available"))
            log->available_at = (int)i + 1; /* behind "Mem:" */
    }
    return true;
}

static bool has_separator(const struct text *text)
{
    for (const char *at = text->at; at < text->end; at++) {
        if (strchr(",;\t|", *at))
            return true;
    }
    return false;
}

static bool has_letter(const struct text *text)
{
    for (const char *at = text->at; at < text->end; at++) {
        if (isalpha((unsigned char)*at))
            return true;
    }
    return false;
}

/* ---- lines ---- */

/* "31927", "1.9Gi", "512M", "0B". */
static bool amount_mb(struct word word, double plain_scale, double *ret_mb)
{
    static const char units[] = "BKMGTP";
    double value;
    const char *behind = number_parse(word.begin, word.end, &value);
    if (!behind || !isfinite(value) || value < 0)
        return false;
    if (behind == word.end) {
        *ret_mb = value * plain_scale;
        return true;
    }
    const char *unit = strchr(units, toupper((unsigned char)*behind));
    struct word rest = {behind + 1, word.end};
    if (!unit || (rest.begin < rest.end && !is_word(rest, "i") && !is_word(rest, "iB") &&
                  !is_word(rest, "B")))
        return false;
    *ret_mb = value * pow(1024, (double)(unit - units) - 2);
    return isfinite(*ret_mb);
}

static bool process_line(struct memory_log *log, const struct text *text, uint64_t number,
                         struct memory_sample *ret)
{
    double pid = -1, elapsed_s;
    if (text->words[0].end[-1] == ':') { /* "Mem:" of free */
        skips_add(&log->skips, SKIP_OTHER_LINE, number);
        return false;
    }
    if (text->count <= (size_t)log->rss_at ||
        (log->pid_at >= 0 && text->count <= (size_t)log->pid_at)) {
        skips_add(&log->skips, SKIP_TOO_FEW_FIELDS, number);
        return false;
    }
    bool has_pid = log->pid_at < 0 ||
                   (whole_number(text->words[log->pid_at], &pid) && pid >= 0 && pid < PID_MAX);
    if (!has_pid || !amount_mb(text->words[log->rss_at], 1.0 / 1024, &ret->mb)) {
        skips_add(&log->skips, SKIP_NOT_A_NUMBER, number);
        return false;
    }
    ret->pid = (int64_t)pid;
    if (log->command_at >= 0 && text->count > (size_t)log->command_at) {
        ret->name = text->words[log->command_at].begin;
        ret->name_length = (size_t)(text->words[log->command_at].end - ret->name);
    }
    if (isnan(ret->t_s) && log->elapsed_at >= 0 && text->count > (size_t)log->elapsed_at &&
        elapsed(text->words[log->elapsed_at], &elapsed_s)) {
        ret->t_s = elapsed_s;
        ret->time_kind = TIMESTAMP_RELATIVE;
    }
    return true;
}

static double scale_of_total(double total)
{
    if (total < FREE_KB_FROM)
        return 1;
    return total < FREE_BYTES_FROM ? 1.0 / 1024 : 1.0 / (1024 * 1024);
}

static bool free_line(struct memory_log *log, const struct text *text, uint64_t number,
                      struct memory_sample *ret)
{
    bool is_memory = is_word(text->words[0], "Mem:"), is_swap = is_word(text->words[0], "Swap:");
    double total, used_mb, available_mb, total_mb;
    if (!is_memory && !is_swap) {
        /* The lines of free -l and -t, and the "-/+ buffers/cache:" of old ones. */
        bool is_known = is_word(text->words[0], "Low:") || is_word(text->words[0], "High:") ||
                        is_word(text->words[0], "Total:") || begins_with(text->words[0], "-/+") ||
                        is_word(text->words[0], "Comm:");
        skips_add(&log->skips, is_known ? SKIP_COMMENT : SKIP_OTHER_LINE, number);
        return false;
    }
    if (text->count < 3) {
        skips_add(&log->skips, SKIP_TOO_FEW_FIELDS, number);
        return false;
    }
    if (log->scale == 0 && is_memory && whole_number(text->words[1], &total))
        log->scale = scale_of_total(total);
    double scale = log->scale > 0 ? log->scale : 1;
    if (!amount_mb(text->words[1], scale, &total_mb) ||
        !amount_mb(text->words[2], scale, &used_mb)) {
        skips_add(&log->skips, SKIP_NOT_A_NUMBER, number);
        return false;
    }
    if (is_memory) {
        if (log->available_at > 0 && text->count > (size_t)log->available_at &&
            amount_mb(text->words[log->available_at], scale, &available_mb))
            used_mb = total_mb - available_mb;
        if (!isnan(log->free_mb)) /* its "Swap:" never came */
            skips_add(&log->skips, SKIP_EMPTY_VALUE, number);
        log->free_mb = used_mb;
        log->free_time = (struct timestamp){.kind = ret->time_kind, .s = ret->t_s};
        return false;
    }
    if (isnan(log->free_mb)) {
        skips_add(&log->skips, SKIP_EMPTY_VALUE, number);
        return false;
    }
    ret->mb = log->free_mb + used_mb;
    ret->t_s = log->free_time.s;
    ret->time_kind = log->free_time.kind;
    log->free_mb = NAN;
    return true;
}

static bool time_of_field(struct memory_log *log, struct word field, struct timestamp *ret)
{
    double clock_s;
    const char *at = field.begin;
    while (field.end > at && is_blank(field.end[-1]))
        field.end--;
    if (take_clock(&at, field.end, &clock_s) && at == field.end) {
        *ret = time_of_day(log, clock_s);
        return true;
    }
    return timestamp_parse(field.begin, field.end, ret) == (size_t)(field.end - field.begin) &&
           ret->kind != TIMESTAMP_NONE;
}

/* The last word is the memory, what stands before it is the time; where that fails, the last
 * separator is a comma: "2026-11-20 08:15:24,143.2". */
static bool pair_line(struct memory_log *log, const char *begin, const char *end,
                      struct memory_sample *ret)
{
    static const char separators[] = " \t,;";
    struct timestamp time;
    for (const char *set = separators; *set; set++) {
        const char *at = end;
        while (at > begin && at[-1] != *set)
            at--;
        struct word front = {begin, at}, back = {at, end};
        if (at <= begin + 1)
            continue;
        front.end--; /* the separator; and one more of "0, 143" */
        while (front.end > front.begin && strchr(separators, front.end[-1]))
            front.end--;
        while (back.begin < back.end && is_blank(*back.begin))
            back.begin++;
        if (whole_number(back, &ret->mb) && time_of_field(log, front, &time)) {
            ret->t_s = time.s;
            ret->time_kind = time.kind;
            return true;
        }
    }
    return false;
}

static bool is_pair(struct memory_log *log, const char *begin, const char *end, uint64_t number,
                    struct memory_sample *ret)
{
    if (!pair_line(log, begin, end, ret)) {
        if (log->kind == MEMORY_LOG_PAIRS)
            skips_add(&log->skips, SKIP_OTHER_LINE, number);
        return false;
    }
    if (ret->mb < 0) {
        skips_add(&log->skips, SKIP_NEGATIVE, number);
        return false;
    }
    log->kind = MEMORY_LOG_PAIRS;
    return true;
}

/* Of a log whose form is not known yet: the header of a table, or words in front. */
static void first_line(struct memory_log *log, const struct text *text, uint64_t number)
{
    log->is_table |= has_separator(text) && has_letter(text);
    skips_add(&log->skips, SKIP_OTHER_LINE, number);
}

static bool is_header(struct memory_log *log, const struct text *text)
{
    if (log->kind != MEMORY_LOG_FREE && log->kind != MEMORY_LOG_PAIRS &&
        (take_banner(log, text) || take_process_header(log, text)))
        return true;
    return (log->kind == MEMORY_LOG_NONE || log->kind == MEMORY_LOG_FREE) &&
           take_free_header(log, text);
}

static bool is_useless(struct memory_log *log, const struct line *line, const char *begin,
                       const char *end)
{
    enum skip why = SKIP_COUNT;
    if (begin == end)
        why = SKIP_BLANK;
    else if (line->is_cut)
        why = SKIP_TOO_LONG;
    else if (memchr(begin, '\0', (size_t)(end - begin)))
        why = SKIP_BINARY;
    else if (!line->has_end)
        why = SKIP_CUT_OFF; /* 14 of 145.2 is a number, too */
    else if (begins_with((struct word){begin, end}, "Average:"))
        why = SKIP_COMMENT; /* pidstat's end */
    if (why != SKIP_COUNT)
        skips_add(&log->skips, why, line->number);
    return why != SKIP_COUNT;
}

bool memory_log_line(struct memory_log *log, const struct line *line, struct memory_sample *ret)
{
    const char *begin = line->text, *end = line->text + line->size;
    while (begin < end && is_blank(*begin))
        begin++;
    while (end > begin && is_blank(end[-1]))
        end--;
    if (is_useless(log, line, begin, end))
        return false;
    struct memory_sample sample = {.t_s = NAN, .mb = NAN, .pid = -1};
    if (log->kind == MEMORY_LOG_PAIRS ||
        (log->kind == MEMORY_LOG_NONE && !log->is_table && isnan(log->alone.s))) {
        if (is_pair(log, begin, end, line->number, &sample)) {
            log->skips.rows++;
            *ret = sample;
            return true;
        }
        if (log->kind == MEMORY_LOG_PAIRS)
            return false;
    }
    struct text text = {.at = begin, .end = end};
    take_time(log, &text);
    split(&text);
    if (text.count == 0) { /* the output of date, before that of ps or free */
        log->alone = text.time;
        skips_add(&log->skips, SKIP_COMMENT, line->number);
        return false;
    }
    if (is_header(log, &text)) {
        skips_add(&log->skips, SKIP_REPEATED_HEADER, line->number);
        return false;
    }
    sample.t_s = text.time.kind == TIMESTAMP_NONE ? NAN : text.time.s;
    sample.time_kind = text.time.kind;
    bool is_sample = false;
    if (log->kind == MEMORY_LOG_PROCESSES && is_free_header(&text))
        skips_add(&log->skips, SKIP_OTHER_LINE, line->number);
    else if (log->kind == MEMORY_LOG_PROCESSES)
        is_sample = process_line(log, &text, line->number, &sample);
    else if (log->kind == MEMORY_LOG_FREE)
        is_sample = free_line(log, &text, line->number, &sample);
    else
        first_line(log, &text, line->number);
    log->skips.rows += is_sample;
    if (is_sample)
        *ret = sample;
    return is_sample;
}

bool memory_log_accepts(const char *text, size_t size)
{
    struct memory_log log;
    struct memory_sample sample;
    const char *at = text, *end = text + size;
    memory_log_init(&log);
    for (uint64_t number = 1; number <= HEAD_LINES && at < end; number++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        struct line line = {
            .text = at, .size = (size_t)(stop - at), .number = number, .has_end = true};
        line.size -= line.size > 0 && at[line.size - 1] == '\r';
        if (memory_log_line(&log, &line, &sample))
            return true;
        if (log.is_table)
            return false;
        at = newline ? newline + 1 : end;
    }
    return log.kind == MEMORY_LOG_PROCESSES || log.kind == MEMORY_LOG_FREE;
}
