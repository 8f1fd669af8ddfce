/* logs_tables.c: what was found in the logs, as tables. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/files/logs_internal.h"
#include "base/util.h"

#define TREND_Z 3.0 /* of Laplace's test: many kinds are looked at */

const char *logs_place_text(const struct logs *logs, const struct logs_place *at, char *buf,
                            size_t size)
{
    snprintf(buf, size, "%.180s:%llu", logs->analysis->inputs[at->file]->name,
             (unsigned long long)at->line);
    return buf;
}

static struct analysis_cell place_cell(const struct logs *logs, struct analysis_table *table,
                                       const struct logs_place *at)
{
    return cell_text(table, logs->analysis->inputs[at->file]->name);
}

/* Times that begin in 1970 are since the machine began or have no year: the text says which. */
static struct analysis_cell trend_cell(const struct logs_series *series)
{
    return cell_interval(series->trend.slope, series->trend.lo, series->trend.hi);
}

static const char *trend_unit(const struct logs_series *series)
{
    return isnan(series->trend.slope) ? NULL : series->trend_is_per_min ? "minute" : "1000 lines";
}

/* ---- latencies ---- */

static const struct analysis_column latency_columns[] = {
    {.key = "label", .title = "latency", .kind = ANALYSIS_TEXT},
    {.key = "n", .title = "n", .kind = ANALYSIS_COUNT},
    {.key = "p50_ms", .title = "p50", .unit = "ms", .kind = ANALYSIS_INTERVAL},
    {.key = "p95_ms", .title = "p95", .unit = "ms", .kind = ANALYSIS_INTERVAL},
    {.key = "p99_ms", .title = "p99", .unit = "ms", .kind = ANALYSIS_INTERVAL},
    {.key = "max_ms", .title = "max", .unit = "ms", .kind = ANALYSIS_NUMBER},
    {.key = "above_threshold", .title = "above", .kind = ANALYSIS_COUNT},
    {.key = "spikes", .title = "spikes", .kind = ANALYSIS_COUNT},
    {.key = "min_ms", .title = "min", .unit = "ms", .kind = ANALYSIS_NUMBER, .is_detail = true},
    {.key = "mad_ms", .title = "MAD", .unit = "ms", .kind = ANALYSIS_NUMBER, .is_detail = true},
    {.key = "spike_limit_ms",
     .title = "robust limit",
     .unit = "ms",
     .kind = ANALYSIS_NUMBER,
     .is_detail = true},
    {.key = "max_line", .title = "line of max", .kind = ANALYSIS_COUNT, .is_detail = true},
    {.key = "trend_ms",
     .title = "trend",
     .unit = "ms",
     .kind = ANALYSIS_INTERVAL,
     .is_detail = true},
    {.key = "trend_per", .title = "per", .kind = ANALYSIS_TEXT, .is_detail = true},
};

static void tell_latencies(struct logs *logs)
{
    struct analysis_table *table = NULL;
    for (size_t i = 0; i < logs->series_count; i++) {
        const struct logs_series *series = logs->series[i];
        if (!series->is_latency)
            continue;
        if (!table)
            table = analysis_add_table(logs->analysis, "latencies", "Latencies by label",
                                       latency_columns, ARRAY_LEN(latency_columns));
        struct analysis_cell *row = analysis_add_row(table);
        row[0] = cell_text(table, series->label);
        row[1] = cell_number((double)series->n);
        row[2] = cell_interval(series->p50, series->p50_ci.lo, series->p50_ci.hi);
        row[3] = cell_interval(series->p95, series->p95_ci.lo, series->p95_ci.hi);
        row[4] = cell_interval(series->p99, series->p99_ci.lo, series->p99_ci.hi);
        row[5] = cell_number(series->max);
        row[6] = cell_number((double)series->above);
        row[7] = cell_number((double)series->spikes);
        row[8] = cell_number(series->min);
        row[9] = cell_number(series->mad);
        row[10] = cell_number(series->spike_limit);
        row[11] = cell_number((double)series->max_at.line);
        row[12] = trend_cell(series);
        row[13] = cell_text(table, trend_unit(series));
    }
    if (table)
        analysis_note(table,
                      "above: greater than the threshold of %g ms. spikes: those, unless more than "
                      "half of the values are, and values more than %g robust standard deviations "
                      "(1.4826 MAD) above the median.",
                      logs->options->threshold_ms, LOGS_SPIKE_Z);
}

static const struct analysis_column spike_columns[] = {
    {.key = "label", .title = "latency", .kind = ANALYSIS_TEXT},
    {.key = "file", .title = "file", .kind = ANALYSIS_TEXT, .is_detail = true},
    {.key = "line", .title = "line", .kind = ANALYSIS_COUNT},
    {.key = "time_s", .title = "time", .kind = ANALYSIS_TIME},
    {.key = "value_ms", .title = "value", .unit = "ms", .kind = ANALYSIS_NUMBER},
    {.key = "z", .title = "robust z", .kind = ANALYSIS_NUMBER, .digits = 3},
    {.key = "after_kinds", .title = "came after", .kind = ANALYSIS_COUNT},
    {.key = "after", .title = "namely", .kind = ANALYSIS_TEXT, .is_detail = true},
    {.key = "before_2", .title = "2 lines before", .kind = ANALYSIS_TEXT, .is_detail = true},
    {.key = "before_1", .title = "line before", .kind = ANALYSIS_TEXT, .is_detail = true},
    {.key = "text", .title = "its line", .kind = ANALYSIS_TEXT, .is_detail = true},
    {.key = "after_1", .title = "line after", .kind = ANALYSIS_TEXT, .is_detail = true},
    {.key = "after_2", .title = "2 lines after", .kind = ANALYSIS_TEXT, .is_detail = true},
};

static void tell_spikes(struct logs *logs)
{
    if (logs->spike_count == 0)
        return;
    struct analysis_table *table =
        analysis_add_table(logs->analysis, "spikes", "First spikes of each latency", spike_columns,
                           ARRAY_LEN(spike_columns));
    for (size_t i = 0; i < logs->spike_count; i++) {
        const struct logs_spike *spike = &logs->spikes[i];
        const struct logs_series *series = logs->series[spike->series];
        struct analysis_cell *row = analysis_add_row(table);
        double sigma = LOGS_MAD_SIGMA * series->mad;
        row[0] = cell_text(table, series->label);
        row[1] = place_cell(logs, table, &spike->at);
        row[2] = cell_number((double)spike->at.line);
        row[3] = cell_number(spike->at.time_s);
        row[4] = cell_number(spike->value);
        row[5] = cell_number(sigma > 0 ? (spike->value - series->median) / sigma : NAN);
        row[6] = cell_number((double)spike->kind_count);
        row[7] = cell_text(table, spike->kinds[0] ? spike->kinds : NULL);
        for (size_t j = 0; j < ARRAY_LEN(spike->lines); j++)
            row[8 + j] = cell_text(table, spike->lines[j]);
    }
    analysis_note(table,
                  "came after: how many kinds of warnings, errors and lines about heat, drops and "
                  "the like were within the %d lines or %g s before. Which, and the lines around "
                  "each spike: --verbose, --json.",
                  LOGS_BEFORE_LINES, LOGS_BEFORE_S);
}

static const struct analysis_column precursor_columns[] = {
    {.key = "level", .title = "level", .kind = ANALYSIS_TEXT},
    {.key = "before_spikes", .title = "before spikes", .kind = ANALYSIS_COUNT},
    {.key = "before_spikes_pct",
     .title = "share",
     .unit = "%",
     .kind = ANALYSIS_INTERVAL,
     .digits = 3},
    {.key = "before_others", .title = "before others", .kind = ANALYSIS_COUNT},
    {.key = "before_others_pct",
     .title = "share",
     .unit = "%",
     .kind = ANALYSIS_INTERVAL,
     .digits = 3},
    {.key = "p_value", .title = "p", .kind = ANALYSIS_NUMBER, .digits = 2},
    {.key = "message", .title = "message", .kind = ANALYSIS_TEXT},
};

static struct analysis_cell share_cell(uint64_t k, uint64_t n)
{
    if (n == 0)
        return cell_number(NAN);
    return cell_interval(100 * (double)k / (double)n,
                         100 * proportion_lower((double)k, (double)n, 0.975),
                         100 * proportion_upper((double)k, (double)n, 0.975));
}

static void tell_precursors(struct logs *logs)
{
    struct analysis_table *table = NULL;
    for (size_t i = 0; i < logs->message_count && i < LOGS_KINDS_MAX; i++) {
        const struct logs_message *message = logs->messages[i];
        uint64_t with = message->before_spikes, others = message->before_others;
        if (with == 0)
            continue;
        if (!table)
            table = analysis_add_table(logs->analysis, "precursors", "What came before spikes",
                                       precursor_columns, ARRAY_LEN(precursor_columns));
        struct analysis_cell *row = analysis_add_row(table);
        row[0] = cell_text(table, log_level_name(message->level));
        row[1] = cell_number((double)with);
        row[2] = share_cell(with, logs->spike_lines);
        row[3] = cell_number((double)others);
        row[4] = share_cell(others, logs->other_lines);
        row[5] = cell_number(
            fisher_greater(with, logs->spike_lines - with, others, logs->other_lines - others));
        row[6] = cell_text(table, message->text);
    }
    if (table)
        analysis_note(table,
                      "Of %llu lines with a spike and %llu other lines with a latency. p: Fisher's "
                      "exact test, one-sided, as if lines were independent.",
                      (unsigned long long)logs->spike_lines, (unsigned long long)logs->other_lines);
}

/* ---- messages ---- */

static const struct analysis_column message_columns[] = {
    {.key = "level", .title = "level", .kind = ANALYSIS_TEXT},
    {.key = "count", .title = "count", .kind = ANALYSIS_COUNT},
    {.key = "first_line", .title = "first line", .kind = ANALYSIS_COUNT},
    {.key = "last_line", .title = "last line", .kind = ANALYSIS_COUNT},
    {.key = "rate_per_min",
     .title = "rate",
     .unit = "1/min",
     .kind = ANALYSIS_INTERVAL,
     .digits = 3},
    {.key = "trend", .title = "rate is", .kind = ANALYSIS_TEXT},
    {.key = "message", .title = "message", .kind = ANALYSIS_TEXT},
    {.key = "trend_z",
     .title = "Laplace's z",
     .kind = ANALYSIS_NUMBER,
     .digits = 3,
     .is_detail = true},
    {.key = "first_time_s", .title = "first", .kind = ANALYSIS_TIME, .is_detail = true},
    {.key = "last_time_s", .title = "last", .kind = ANALYSIS_TIME, .is_detail = true},
    {.key = "first_file", .title = "first file", .kind = ANALYSIS_TEXT, .is_detail = true},
    {.key = "last_file", .title = "last file", .kind = ANALYSIS_TEXT, .is_detail = true},
};

static bool has_times(const struct logs *logs, const struct logs_message *message)
{
    return message->timed == message->count && logs->last_s > logs->first_s;
}

double logs_message_trend(const struct logs *logs, const struct logs_message *message)
{
    double n = (double)message->count, mean, span;
    if (message->count < 4)
        return NAN;
    if (has_times(logs, message)) {
        mean = message->sum_s / n + logs->origin_s - logs->first_s;
        span = logs->last_s - logs->first_s;
    } else {
        mean = message->sum_line / n - 0.5;
        span = (double)logs->lines;
    }
    return (mean - span / 2) / (span / sqrt(12 * n));
}

/* The worst first, then the most frequent. */
static int by_weight(const void *a, const void *b)
{
    const struct logs_message *x = *(const struct logs_message *const *)a;
    const struct logs_message *y = *(const struct logs_message *const *)b;
    if (x->level != y->level)
        return x->level > y->level ? -1 : 1;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return x->first_at.file != y->first_at.file  ? (x->first_at.file < y->first_at.file ? -1 : 1)
           : x->first_at.line < y->first_at.line ? -1
                                                 : 1;
}

static void fill_message(struct logs *logs, struct analysis_table *table,
                         const struct logs_message *message)
{
    struct analysis_cell *row = analysis_add_row(table);
    double z = logs_message_trend(logs, message), minutes = (logs->last_s - logs->first_s) / 60;
    row[0] = cell_text(table, log_level_name(message->level));
    row[1] = cell_number((double)message->count);
    row[2] = cell_number((double)message->first_at.line);
    row[3] = cell_number((double)message->last_at.line);
    if (minutes > 0) {
        struct interval bounds = poisson_interval(message->count, 0.95);
        row[4] = cell_interval((double)message->count / minutes, bounds.lo / minutes,
                               bounds.hi / minutes);
    }
    row[5] = cell_text(table, isnan(z)       ? NULL
                              : z > TREND_Z  ? "rising"
                              : z < -TREND_Z ? "falling"
                                             : "even");
    row[6] = cell_text(table, message->text);
    row[7] = cell_number(z);
    row[8] = cell_number(message->first_at.time_s);
    row[9] = cell_number(message->last_at.time_s);
    row[10] = place_cell(logs, table, &message->first_at);
    row[11] = place_cell(logs, table, &message->last_at);
}

static void tell_messages(struct logs *logs)
{
    if (logs->message_count == 0)
        return;
    struct analysis_table *table =
        analysis_add_table(logs->analysis, "messages", "Warnings and errors by kind",
                           message_columns, ARRAY_LEN(message_columns));
    /* The order in which they came is needed no more: precursors have been told. */
    qsort(logs->messages, logs->message_count, sizeof(struct logs_message *), by_weight);
    for (size_t i = 0; i < logs->message_count; i++)
        fill_message(logs, table, logs->messages[i]);
    if (logs->messages_left_out > 0)
        analysis_note(table, "%llu messages of further kinds are left out: more than %d kinds.",
                      (unsigned long long)logs->messages_left_out, LOGS_MESSAGES_MAX);
}

/* ---- numbers ---- */

static const struct analysis_column number_columns[] = {
    {.key = "label", .title = "number", .kind = ANALYSIS_TEXT},
    {.key = "unit", .title = "unit", .kind = ANALYSIS_TEXT},
    {.key = "n", .title = "n", .kind = ANALYSIS_COUNT},
    {.key = "min", .title = "min", .kind = ANALYSIS_NUMBER},
    {.key = "median", .title = "median", .kind = ANALYSIS_NUMBER},
    {.key = "max", .title = "max", .kind = ANALYSIS_NUMBER},
    {.key = "last", .title = "last", .kind = ANALYSIS_NUMBER},
    {.key = "trend", .title = "trend", .kind = ANALYSIS_INTERVAL},
    {.key = "trend_per", .title = "per", .kind = ANALYSIS_TEXT},
    {.key = "is_counter", .title = "counter", .kind = ANALYSIS_FLAG, .is_detail = true},
    {.key = "at_max_pct",
     .title = "at max",
     .unit = "%",
     .kind = ANALYSIS_NUMBER,
     .is_detail = true},
    {.key = "unchanged", .title = "unchanged", .kind = ANALYSIS_COUNT, .is_detail = true},
    {.key = "first_line", .title = "first line", .kind = ANALYSIS_COUNT, .is_detail = true},
    {.key = "last_line", .title = "last line", .kind = ANALYSIS_COUNT, .is_detail = true},
    {.key = "is_sampled", .title = "thinned", .kind = ANALYSIS_FLAG, .is_detail = true},
};

static void fill_number(struct analysis_table *table, const struct logs_series *series)
{
    struct analysis_cell *row = analysis_add_row(table);
    row[0] = cell_text(table, series->label);
    row[1] = cell_text(table, series->unit[0] ? series->unit : NULL);
    row[2] = cell_number((double)series->n);
    row[3] = cell_number(series->min);
    row[4] = cell_number(series->median);
    row[5] = cell_number(series->max);
    row[6] = cell_number(series->last);
    row[7] = trend_cell(series);
    row[8] = cell_text(table, trend_unit(series));
    row[9] = cell_number(logs_series_is_counter(series));
    row[10] = cell_number(100 * (double)series->at_max / (double)series->n);
    row[11] = cell_number((double)series->run);
    row[12] = cell_number((double)series->first_at.line);
    row[13] = cell_number((double)series->last_at.line);
    row[14] = cell_number(series->is_sampled);
}

static void tell_numbers(struct logs *logs)
{
    struct analysis_table *table = NULL;
    for (size_t i = 0; i < logs->series_count; i++) {
        const struct logs_series *series = logs->series[i];
        if (series->is_latency || series->n < 3)
            continue;
        if (!table)
            table = analysis_add_table(logs->analysis, "numbers", "Other numbers by label",
                                       number_columns, ARRAY_LEN(number_columns));
        fill_number(table, series);
    }
    if (table)
        analysis_note(table,
                      "Of labels with three values or more. trend: Theil-Sen. Beyond %d values of "
                      "a label, median and trend are of an evenly thinned part.%s",
                      LOGS_POINTS,
                      logs->labels_left_out > 0 ? " There are more labels than are kept." : "");
}

/* ---- kills ---- */

static const struct analysis_column kill_columns[] = {
    {.key = "kind", .title = "kind", .kind = ANALYSIS_TEXT},
    {.key = "victim", .title = "victim", .kind = ANALYSIS_TEXT},
    {.key = "pid", .title = "pid", .kind = ANALYSIS_COUNT},
    {.key = "anon_rss_mb", .title = "anonymous", .unit = "MB", .kind = ANALYSIS_NUMBER},
    {.key = "limit_mb", .title = "limit", .unit = "MB", .kind = ANALYSIS_NUMBER},
    {.key = "requester", .title = "asked for by", .kind = ANALYSIS_TEXT},
    {.key = "first_line", .title = "line", .kind = ANALYSIS_COUNT},
    {.key = "time_s", .title = "time", .kind = ANALYSIS_TIME},
    {.key = "last_line", .title = "last line", .kind = ANALYSIS_COUNT, .is_detail = true},
    {.key = "processes", .title = "processes", .kind = ANALYSIS_COUNT, .is_detail = true},
    {.key = "total_vm_mb",
     .title = "virtual",
     .unit = "MB",
     .kind = ANALYSIS_NUMBER,
     .is_detail = true},
    {.key = "cgroup", .title = "cgroup", .kind = ANALYSIS_TEXT, .is_detail = true},
    {.key = "unit", .title = "unit", .kind = ANALYSIS_TEXT, .is_detail = true},
    {.key = "detail", .title = "detail", .kind = ANALYSIS_TEXT, .is_detail = true},
    {.key = "file", .title = "file", .kind = ANALYSIS_TEXT, .is_detail = true},
};

static void tell_kills(struct logs *logs)
{
    if (logs->kill_count == 0)
        return;
    size_t count = logs->kill_count < LOGS_KILLS_MAX ? logs->kill_count : LOGS_KILLS_MAX;
    struct analysis_table *table = analysis_add_table(logs->analysis, "kills", "Kills and crashes",
                                                      kill_columns, ARRAY_LEN(kill_columns));
    for (size_t i = 0; i < count; i++) {
        const struct kill_event *event = &logs->kills[i];
        struct analysis_cell *row = analysis_add_row(table);
        row[0] = cell_text(table, kill_kind_name(event->kind));
        row[1] = cell_text(table, event->victim[0] ? event->victim : NULL);
        row[2] = cell_number(event->pid >= 0 ? (double)event->pid : NAN);
        row[3] = cell_number(event->anon_rss_kb / 1024);
        row[4] = cell_number(event->limit_kb / 1024);
        row[5] = cell_text(table, event->requester[0] ? event->requester : NULL);
        row[6] = cell_number((double)event->first_line);
        row[7] = cell_number(event->time_s);
        row[8] = cell_number((double)event->last_line);
        row[9] = cell_number((double)event->victims);
        row[10] = cell_number(event->total_vm_kb / 1024);
        row[11] = cell_text(table, event->cgroup[0] ? event->cgroup : NULL);
        row[12] = cell_text(table, event->unit[0] ? event->unit : NULL);
        row[13] = cell_text(table, event->detail[0] ? event->detail : NULL);
        row[14] = cell_text(table, logs->analysis->inputs[logs->kill_files[i]]->name);
    }
    if (logs->kill_count > count)
        analysis_note(table, "%llu more are left out.",
                      (unsigned long long)(logs->kill_count - count));
}

void logs_tables(struct logs *logs)
{
    tell_kills(logs);
    tell_latencies(logs);
    tell_spikes(logs);
    tell_precursors(logs);
    tell_messages(logs);
    tell_numbers(logs);
}
