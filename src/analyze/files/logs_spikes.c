/* logs_spikes.c: the second reading: which values are spikes, and what was said before them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analyze/files/logs_internal.h"
#include "base/util.h"

/* Whether the message came in the lines or the second before this line, and not in it. */
static bool is_before(const struct logs_message *message, uint64_t seq, double now_s)
{
    if (message->last_seq == 0)
        return false;
    return seq - message->last_seq <= LOGS_BEFORE_LINES ||
           fabs(now_s - message->last_s) <= LOGS_BEFORE_S;
}

static void name_kinds(struct logs *logs, uint64_t seq, struct logs_spike *spike)
{
    size_t at = 0, size = sizeof(spike->kinds);
    for (size_t i = 0; i < logs->message_count && i < LOGS_KINDS_MAX; i++) {
        const struct logs_message *message = logs->messages[i];
        if (!is_before(message, seq, logs->now_s))
            continue;
        const char *separator = spike->kind_count++ > 0 ? "; " : "";
        if (at + strlen(separator) + strlen(message->text) < size)
            at += (size_t)snprintf(spike->kinds + at, size - at, "%s%s", separator, message->text);
    }
}

static void keep_spike(struct logs *logs, uint32_t index, double value, uint64_t line, uint64_t seq)
{
    struct logs_series *series = logs->series[index];
    if (series->spikes++ >= LOGS_SPIKES_EACH || logs->spike_count == LOGS_SPIKES_MAX)
        return;
    struct logs_spike *spike = &logs->spikes[logs->spike_count++];
    *spike = (struct logs_spike){
        .series = index,
        .at = {logs->file, line, logs->now_s},
        .value = value,
    };
    name_kinds(logs, seq, spike);
}

static void count_kinds(struct logs *logs, uint64_t seq, bool is_spike)
{
    logs->spike_lines += is_spike;
    logs->other_lines += !is_spike;
    for (size_t i = 0; i < logs->message_count && i < LOGS_KINDS_MAX; i++) {
        struct logs_message *message = logs->messages[i];
        if (!is_before(message, seq, logs->now_s))
            continue;
        message->before_spikes += is_spike;
        message->before_others += !is_spike;
    }
}

static int merge(struct logs *logs, struct logs_chunk *chunk, uint64_t first_line,
                 struct error *err)
{
    (void)err;
    for (size_t i = 0; i < chunk->record_count; i++) {
        const struct logs_record *record = &chunk->records[i];
        uint64_t line = first_line + record->line, seq = logs->base_line + line;
        double s = logs_time(logs, &record->time);
        bool has_latency = false, is_spike = false;
        logs->now_s = isnan(s) ? logs->now_s : s;
        for (uint32_t j = 0; j < record->numbers; j++) {
            const struct logs_number *number = &chunk->numbers[record->first_number + j];
            uint32_t index;
            struct logs_series *series = logs_series_of(logs, chunk, number->label, false, &index);
            if (!series || !series->is_latency)
                continue;
            has_latency = true;
            if (logs_is_spike(logs, series, number->value)) {
                is_spike = true;
                keep_spike(logs, index, number->value, line, seq);
            }
        }
        if (has_latency)
            count_kinds(logs, seq, is_spike);
        struct logs_message *message =
            record->message > 0 ? logs_message_of(logs, chunk, record->message - 1, false) : NULL;
        if (message) {
            message->last_seq = seq;
            message->last_s = logs->now_s;
        }
    }
    return 0;
}

static bool may_have_spikes(const struct logs *logs)
{
    for (size_t i = 0; i < logs->series_count; i++) {
        if (logs_is_spike(logs, logs->series[i], logs->series[i]->max))
            return true;
    }
    return false;
}

int logs_find_spikes(struct logs *logs, struct error *err)
{
    if (!may_have_spikes(logs))
        return 0;
    logs->base_line = 0;
    for (uint32_t i = 0; i < logs->options->path_count; i++) {
        uint64_t lines, bytes;
        logs->now_s = NAN;
        for (size_t m = 0; m < logs->message_count; m++)
            logs->messages[m]->last_seq = 0;
        int rc = logs_read(logs, i, merge, &lines, &bytes, err);
        if (rc < 0)
            return rc;
        logs->base_line += lines;
    }
    return logs_find_context(logs, err);
}
