/* logs_merge.c: what the chunks of the logs tell, put together in the order of the files. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/files/logs_internal.h"
#include "base/util.h"

/* ---- time ---- */

enum time_class { TIME_UNKNOWN, TIME_SINCE_START, TIME_ABSOLUTE };

#define DAY_S 86400.0

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* The days from 1970 to the beginning of a year. */
static double days_before(int year)
{
    int past = year - 1, leaps = past / 4 - past / 100 + past / 400;
    return 365.0 * (year - 1970) + leaps - 477; /* leap years before 1970 */
}

/* A date without a year is the last one of its name before the file was changed; a day more, as its
 * zone is not known. */
static double with_year(struct logs *logs, double s)
{
    double changed = logs->changed_s[logs->file] + DAY_S;
    int year = 1970 + (int)(changed / (365.2425 * DAY_S));
    for (int i = 0; i < 2; i++, year--) {
        bool is_behind_february = s >= 59 * DAY_S;
        double then = s + (days_before(year) + (is_leap(year) && is_behind_february)) * DAY_S;
        if (then <= changed || i == 1) {
            logs->year = year;
            return then;
        }
    }
    return NAN;
}

double logs_time(struct logs *logs, const struct timestamp *time)
{
    if (time->kind == TIMESTAMP_NONE || isnan(time->s))
        return NAN;
    int class = time->kind == TIMESTAMP_RELATIVE ? TIME_SINCE_START : TIME_ABSOLUTE;
    if (logs->time_class == TIME_UNKNOWN)
        logs->time_class = class;
    if (logs->time_class != class)
        return NAN;
    return time->no_year ? with_year(logs, time->s) : time->s;
}

static void add_gap(struct logs *logs, double s, const struct logs_place *after)
{
    hist_record(logs->gap_us, (uint64_t)(s * 1e6 + 0.5));
    logs->gap_n++;
    size_t at = logs->gap_count;
    while (at > 0 && logs->gaps[at - 1].s < s)
        at--;
    if (at == LOGS_GAPS)
        return;
    logs->gap_count += logs->gap_count < LOGS_GAPS;
    memmove(&logs->gaps[at + 1], &logs->gaps[at],
            (logs->gap_count - 1 - at) * sizeof(logs->gaps[0]));
    logs->gaps[at] = (struct logs_gap){s, logs->last_timed, *after};
}

static void take_time(struct logs *logs, struct analysis_input *input, double s, uint64_t line)
{
    struct logs_place at = {logs->file, line, s};
    bool same_file = logs->last_timed.line > 0 && logs->last_timed.file == logs->file;
    if (same_file && s < logs->last_timed.time_s) {
        logs->backwards++;
        skips_add(&input->skips, SKIP_TIME_BACKWARDS, line);
    } else if (same_file) {
        add_gap(logs, s - logs->last_timed.time_s, &at);
    }
    if (!(input->begin_s <= s))
        input->begin_s = s;
    if (!(input->end_s >= s))
        input->end_s = s;
    if (isnan(logs->origin_s))
        logs->origin_s = s;
    if (!(logs->first_s <= s))
        logs->first_s = s;
    if (!(logs->last_s >= s))
        logs->last_s = s;
    logs->last_timed = at;
    logs->now_s = s;
}

/* ---- names ---- */

static const char *text_of(struct logs *logs, const struct logs_names *names,
                           const struct logs_name *name, uint32_t from, uint32_t size)
{
    return arena_strndup(&logs->arena, names->pool + name->at + from, size);
}

static bool is_name(const struct logs_series *series, const struct logs_chunk *chunk,
                    const struct logs_name *name)
{
    if (series->hash != name->hash)
        return false;
    size_t label = strlen(series->label), unit = strlen(series->unit);
    const char *key = chunk->labels.pool + name->at;
    return label + unit == name->size && unit == name->unit &&
           memcmp(series->label, key, label) == 0 && memcmp(series->unit, key + label, unit) == 0;
}

struct logs_series *logs_series_of(struct logs *logs, struct logs_chunk *chunk, uint32_t label,
                                   bool may_add, uint32_t *ret_index)
{
    struct logs_name *name = &chunk->labels.items[label];
    size_t i = name->global > 0 ? name->global - 1 : 0;
    if (name->global == UINT32_MAX)
        return NULL;
    if (name->global == 0) {
        while (i < logs->series_count && !is_name(logs->series[i], chunk, name))
            i++;
        if (i == logs->series_count && (!may_add || i == LOGS_LABELS_MAX)) {
            name->global = UINT32_MAX;
            return NULL;
        }
        name->global = (uint32_t)i + 1;
    }
    *ret_index = (uint32_t)i;
    if (i < logs->series_count)
        return logs->series[i];
    struct logs_series *series = arena_alloc(&logs->arena, sizeof(*series));
    if (!series)
        return NULL;
    *series = (struct logs_series){
        .hash = name->hash,
        .is_duration = name->is_duration,
        .is_pattern = name->is_pattern,
        .label = text_of(logs, &chunk->labels, name, 0, name->size - name->unit),
        .unit = text_of(logs, &chunk->labels, name, name->size - name->unit, name->unit),
        .stride = 1,
    };
    if (!series->label || !series->unit)
        return NULL;
    logs->series[logs->series_count++] = series;
    return series;
}

struct logs_message *logs_message_of(struct logs *logs, struct logs_chunk *chunk, uint32_t message,
                                     bool may_add)
{
    struct logs_name *name = &chunk->messages.items[message];
    size_t i = name->global > 0 ? name->global - 1 : 0;
    if (name->global == UINT32_MAX)
        return NULL;
    for (; name->global == 0 && i < logs->message_count; i++) {
        const struct logs_message *known = logs->messages[i];
        if (known->hash == name->hash && (uint8_t)known->level == name->level &&
            strlen(known->text) == name->size &&
            memcmp(known->text, chunk->messages.pool + name->at, name->size) == 0)
            break;
    }
    if (i == logs->message_count && (!may_add || i == LOGS_MESSAGES_MAX)) {
        name->global = UINT32_MAX;
        return NULL;
    }
    name->global = (uint32_t)i + 1;
    if (i < logs->message_count)
        return logs->messages[i];
    struct logs_message *known = arena_alloc(&logs->arena, sizeof(*known));
    const char *text = text_of(logs, &chunk->messages, name, 0, name->size);
    if (!known || !text)
        return NULL;
    *known = (struct logs_message){.text = text, .hash = name->hash, .level = name->level};
    logs->messages[logs->message_count++] = known;
    return known;
}

/* ---- records ---- */

static void take_message(struct logs *logs, struct logs_chunk *chunk, uint32_t index,
                         const struct logs_place *at, uint64_t seq)
{
    struct logs_message *message = logs_message_of(logs, chunk, index, true);
    if (!message) {
        logs->messages_left_out++;
        return;
    }
    if (message->count++ == 0)
        message->first_at = *at;
    message->last_at = *at;
    message->sum_line += (double)seq;
    if (!isnan(at->time_s)) {
        message->timed++;
        message->sum_s += at->time_s - logs->origin_s;
    }
}

void logs_take_kills(struct logs *logs)
{
    struct kill_event event;
    while (oom_log_take(&logs->oom, &event)) {
        if (logs->kill_count < LOGS_KILLS_MAX) {
            logs->kills[logs->kill_count] = event;
            logs->kill_files[logs->kill_count] = logs->file;
        }
        logs->kill_count++;
    }
}

static int take_record(struct logs *logs, struct logs_chunk *chunk,
                       const struct logs_record *record, uint64_t first_line)
{
    struct analysis_input *input = logs->analysis->inputs[logs->file];
    uint64_t line = first_line + record->line, seq = logs->base_line + line;
    double s = logs_time(logs, &record->time);
    if (!isnan(s))
        take_time(logs, input, s, line);
    struct logs_place at = {logs->file, line, logs->now_s};
    logs->levels[record->level]++;
    /* The numbers of a kill are told with it. */
    bool is_kill = false;
    if (record->kill_size > 0) {
        is_kill = oom_log_line(&logs->oom, chunk->pool + record->kill, record->kill_size, line,
                               at.time_s);
        logs_take_kills(logs);
    }
    for (uint32_t i = 0; i < record->numbers && !is_kill; i++) {
        const struct logs_number *number = &chunk->numbers[record->first_number + i];
        uint32_t index;
        struct logs_series *series = logs_series_of(logs, chunk, number->label, true, &index);
        if (!series) {
            logs->labels_left_out++;
            continue;
        }
        int rc = logs_series_add(logs, series, number->value, seq, &at);
        if (rc < 0)
            return rc;
    }
    if (record->message > 0)
        take_message(logs, chunk, record->message - 1, &at, seq);
    input->skips.rows++;
    return 0;
}

int logs_merge(struct logs *logs, struct logs_chunk *chunk, uint64_t first_line, struct error *err)
{
    struct analysis_input *input = logs->analysis->inputs[logs->file];
    skips_merge(&input->skips, &chunk->skips, first_line);
    for (size_t i = 0; i < chunk->record_count; i++) {
        if (take_record(logs, chunk, &chunk->records[i], first_line) < 0)
            return error_set(err, ERROR_NOMEM, "out of memory reading %s", input->name);
    }
    return 0;
}
