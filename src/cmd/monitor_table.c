/* monitor_table.c: rows and summary of the verbs of `tacho monitor` (monitor_verbs.h). */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/term.h"
#include "base/text_table.h"
#include "base/util.h"
#include "cmd/monitor_verbs.h"
#include "format/run_json.h"
#include "model/summary.h"
#include "report/content.h"

#define HEAD_EVERY 40 /* lines */
#define INSTANCE_WIDTH 12

/* ---- rows ---- */

int monitor_table_init(struct monitor_table *table, struct command_context *context,
                       const char *instance_name, const struct monitor_column *columns,
                       size_t count, struct error *err)
{
    struct settings *settings = &context->settings;
    const char *output = settings_get_text(settings, SETTING_OUTPUT);
    bool wants_json = settings_get_bool(settings, SETTING_JSON);
    *table = (struct monitor_table){
        .context = context, .instance_name = instance_name, .columns = columns, .count = count};
    for (size_t i = 0; i < count; i++)
        table->csv_columns[i] = (struct rows_csv_column){columns[i].name, columns[i].decimals};
    if (output && !output[0])
        return error_set(err, ERROR_USAGE, "--output: the name of the file is empty");
    if (output && strcmp(output, "-") == 0 && wants_json)
        return error_set(err, ERROR_USAGE, "the CSV on stdout contradicts --json");
    if (!output) {
        table->is_text = term_is_terminal(STDOUT_FILENO) && !wants_json &&
                         !settings_get_bool(settings, SETTING_QUIET);
        if (!wants_json && !term_is_terminal(STDOUT_FILENO))
            str_copy(table->path, sizeof(table->path), "-");
        return 0;
    }
    int rc = output_path(settings, output, table->path, sizeof(table->path), err);
    return rc < 0 ? rc : settings_unset(settings, SETTING_OUTPUT, err);
}

static bool is_to_stdout(const struct monitor_table *table)
{
    return strcmp(table->path, "-") == 0;
}

int monitor_table_open(struct monitor_table *table, struct error *err)
{
    struct metrics_csv_stats stats;
    if (!table->path[0])
        return 0;
    int rc = rows_csv_open(table->path, table->instance_name, table->csv_columns, table->count,
                           &table->csv, err);
    if (rc == 0 && !is_to_stdout(table))
        rc = interrupt_use_hangup(err);
    if (rc < 0)
        return rc;
    rows_csv_get_stats(table->csv, &stats);
    if (stats.was_cut)
        fprintf(stderr, "tacho monitor: %s: its last line had no end; it is ended now\n",
                table->path);
    return 0;
}

static int width_of(const struct monitor_column *column)
{
    int width = (int)str_width(column->head);
    return width > 7 ? width : 7;
}

/* head is UTF-8 ("°C"), which printf does not pad well. */
static void put_head(const struct monitor_table *table)
{
    CLEANUP(strbuf_deinit) struct strbuf line = {0};
    strbuf_printf(&line, "%8s  %-*s", "time", INSTANCE_WIDTH, table->instance_name);
    for (size_t i = 0; i < table->count; i++) {
        const struct monitor_column *column = &table->columns[i];
        strbuf_repeat(&line, ' ', (size_t)width_of(column) - str_width(column->head) + 2);
        strbuf_append(&line, column->head);
    }
    puts(strbuf_get(&line));
}

static void put_line(struct monitor_table *table, double epoch_s, const char *instance,
                     const double *values)
{
    char clock[32];
    clock_format_iso(epoch_s, clock, sizeof(clock));
    if (table->lines++ % HEAD_EVERY == 0)
        put_head(table);
    printf("%.8s  %-*.*s", clock + 11, INSTANCE_WIDTH, INSTANCE_WIDTH, instance);
    for (size_t i = 0; i < table->count; i++) {
        if (isnan(values[i]))
            printf("  %*s", width_of(&table->columns[i]), "-");
        else
            printf("  %*.*f", width_of(&table->columns[i]), table->columns[i].decimals, values[i]);
    }
    putchar('\n');
    if (fflush(stdout) != 0)
        table->reader_is_gone = true;
}

void monitor_table_row(struct monitor_table *table, double epoch_s, const char *instance,
                       const double *values)
{
    if (table->csv)
        rows_csv_row(table->csv, epoch_s, instance, values);
    if (table->is_text)
        put_line(table, epoch_s, instance, values);
}

void monitor_table_tend(struct monitor_table *table)
{
    struct metrics_csv_stats stats;
    struct error err = {0};
    if (!table->csv)
        return;
    if (interrupt_take_hangup() && rows_csv_reopen(table->csv, &err) < 0)
        output_error("monitor", &err, false);
    rows_csv_get_stats(table->csv, &stats);
    if (stats.lost == 0 || table->said_lost)
        return;
    table->said_lost = true;
    table->reader_is_gone = stats.lost_errno == EPIPE && is_to_stdout(table);
    if (!table->reader_is_gone)
        fprintf(stderr, "tacho monitor: %s: a row could not be written: %s; it goes on\n",
                table->path, strerror(stats.lost_errno));
}

int monitor_table_close(struct monitor_table *table, struct error *err)
{
    struct error failed = {0};
    int rc = rows_csv_close(table->csv, &failed);
    table->csv = NULL;
    /* A reader that has seen enough is no failure. */
    if (rc == 0 || table->reader_is_gone)
        return 0;
    if (err)
        *err = failed;
    return rc;
}

/* ---- what it came to ---- */

/* Without -v what has values; and no mean of bits, which the findings spell out. */
static bool is_shown(const struct run_series *series, bool verbose)
{
    return verbose || (series->series.reason == REASON_NONE &&
                       strcmp(series->series.metric->name, "gpu_throttle_reasons") != 0);
}

static int put_series(const struct run *run, bool verbose, struct text_table *rows,
                      struct error *err)
{
    text_table_row(rows, "", "min", "mean", "max", "n", "");
    for (size_t i = 0; i < run->series_count; i++) {
        const struct run_series *series = &run->series[i];
        const struct metric *metric = series->series.metric;
        char name[160], min[64], mean[64], max[64], n[32];
        struct summary summary;
        if (!is_shown(series, verbose))
            continue;
        int rc = summary_of(run, series, PHASE_STEADY, &summary, err);
        if (rc < 0)
            return rc;
        snprintf(name, sizeof(name), "%s%s%s", metric->name, series->series.instance[0] ? "@" : "",
                 series->series.instance);
        snprintf(n, sizeof(n), "%llu", (unsigned long long)summary.n);
        bool has_values = summary.reason == REASON_NONE;
        text_table_row(rows, name, content_value(metric, summary.min, min, sizeof(min)),
                       content_value(metric, summary.mean, mean, sizeof(mean)),
                       content_value(metric, summary.max, max, sizeof(max)), n,
                       has_values ? "" : content_why(summary.reason, summary.why));
    }
    return rows->failed ? error_set(err, ERROR_NOMEM, "out of memory for the summary") : 0;
}

static void put_findings(const struct run *run, struct strbuf *out)
{
    for (size_t i = 0; i < run->finding_count; i++) {
        const struct finding *finding = &run->findings[i];
        bool is_warning = finding->severity == SEVERITY_WARNING;
        strbuf_printf(out, "  %-10s",
                      content_is_limit(finding) ? outcome_name(finding->outcome)
                      : is_warning              ? "warning"
                                                : "note");
        help_wrap(out, finding->sentence, 12, 12);
        const char *more[] = {finding->evidence, is_warning ? finding->advice : ""};
        for (size_t j = 0; j < ARRAY_LEN(more); j++) {
            if (more[j][0]) {
                strbuf_printf(out, "  %-10s", "");
                help_wrap(out, more[j], 12, 12);
            }
        }
    }
}

static const char *verdict_word(const struct verdict *verdict)
{
    switch (verdict->outcome) {
    case OUTCOME_PASS:
        return "PASS";
    case OUTCOME_FAIL:
        return "FAIL";
    case OUTCOME_UNDECIDED:
        return "UNDECIDED";
    default:
        return "not judged: no limits";
    }
}

static int put_summary(const struct run_command *command, const struct monitor_table *table,
                       const struct monitor_outcome *outcome, struct strbuf *out, struct error *err)
{
    const struct run *run = outcome->run;
    strbuf_printf(out, "%s\n", verdict_word(&run->verdict));
    if (settings_get_bool(command->settings, SETTING_QUIET))
        return 0;
    strbuf_printf(out, "  %-10s%s · %.1f s · %llu row%s\n", "watched", outcome->head,
                  (double)run->end_ns / 1e9, (unsigned long long)outcome->rows,
                  outcome->rows == 1 ? "" : "s");
    CLEANUP(text_table_deinit) struct text_table rows;
    text_table_init(&rows, 6);
    for (size_t i = 1; i < 5; i++)
        rows.align[i] = TEXT_RIGHT;
    int rc = put_series(run, settings_get_bool(command->settings, SETTING_VERBOSE), &rows, err);
    if (rc < 0)
        return rc;
    text_table_render(&rows, 2, out);
    put_findings(run, out);
    const char *where = run_keep_where(&command->keep);
    bool has_file = table->path[0] && !is_to_stdout(table);
    if (has_file || where)
        strbuf_printf(out, "  %-10s%s%s%s%s%s\n", "kept", has_file ? "rows in " : "",
                      has_file ? table->path : "", has_file && where ? " · " : "",
                      where ? "run " : "", where ? where : "");
    return 0;
}

static int print_outcome(struct run_command *command, const struct monitor_table *table,
                         const struct monitor_outcome *outcome, struct error *err)
{
    struct strbuf *out = &command->context->out;
    if (settings_get_bool(command->settings, SETTING_JSON))
        return run_json_write(outcome->run, false, out, err);
    if (!is_to_stdout(table))
        return put_summary(command, table, outcome, out, err);
    /* stdout belongs to the rows */
    CLEANUP(strbuf_deinit) struct strbuf text = {0};
    int rc = put_summary(command, table, outcome, &text, err);
    if (rc == 0)
        fputs(strbuf_get(&text), stderr);
    return rc;
}

int monitor_deliver(struct monitor_job *job, const struct monitor_outcome *outcome, int rc,
                    struct error *err)
{
    struct run_command *command = &job->run;
    struct monitor_table *table = &job->table;
    struct command_context *context = command->context;
    struct error step = {0};
    context->exit_code =
        output_exit_status(context->exit_code, verdict_exit_code(&outcome->run->verdict));
    int step_rc = monitor_table_close(table, &step);
    run_command_settle(context, step_rc, &step, &rc, err);
    step_rc = run_keep_finish(&command->keep, outcome->run, outcome->sink_error, &step);
    run_command_settle(context, step_rc, &step, &rc, err);
    step_rc = print_outcome(command, table, outcome, &step);
    run_command_settle(context, step_rc, &step, &rc, err);
    if (rc == 0 && outcome->rows == 0)
        rc = error_set(err, ERROR_NOTHING,
                       "nothing was measured: it ended before one interval was over");
    return rc;
}
