/* monitor_rows.c: every row into the CSV, a line of JSON, or what --once shows. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/interrupt.h"
#include "base/procfs.h"
#include "base/term.h"
#include "base/util.h"
#include "cmd/monitor.h"
#include "format/segment.h"

#define TREE_MAX 256 /* processes of a target that are looked at */

static bool has_segment(const struct monitor *monitor, pid_t pid, uint64_t start_ticks)
{
    struct segment *found[SEGMENT_FOUND_MAX];
    size_t count =
        segment_find(monitor->plan.root, pid, start_ticks, monitor->plan.shm_dir, NULL, 0, found);
    for (size_t i = 0; i < count; i++)
        segment_close(found[i]);
    return count > 0;
}

/* Whether the columns of instrumented programs are in the CSV: a header stands for good, so this is
 * asked once, before there is a row. */
static bool is_instrumented(const struct monitor *monitor)
{
    pid_t pids[TREE_MAX];
    bool found = monitor->plan.inference_channel || monitor->plan.fps_channel;
    for (size_t i = 0; i < monitor->target_count && !found; i++) {
        size_t count = 0;
        found = has_segment(monitor, monitor->targets[i].pid, monitor->targets[i].start_ticks);
        if (!found && !monitor->plan.without_children)
            procfs_tree(monitor->plan.root, monitor->targets[i].pid, false, pids, TREE_MAX, &count,
                        NULL, NULL);
        for (size_t j = 0; j < count && !found; j++)
            found = has_segment(monitor, pids[j], 0);
    }
    return found;
}

static int open_csv(struct monitor *monitor, struct error *err)
{
    CLEANUP_FREE struct metrics_source *sources =
        calloc(monitor->channel_count + 1, sizeof(*sources));
    size_t count = 0;
    if (!sources)
        return error_set(err, ERROR_NOMEM, "out of memory for a CSV");
    for (size_t i = 0; i < monitor->channel_count; i++) {
        const struct channel *channel = &monitor->channels[i];
        /* One without values keeps its place: sources stand as the row's values do. */
        sources[count++] =
            (struct metrics_source){channel->metric, channel->instance, channel->min_interval_ns};
    }
    struct metrics_csv_options options = {.path = monitor->csv_path,
                                          .columns = monitor->columns,
                                          .instrumented = is_instrumented(monitor),
                                          .sources = sources,
                                          .source_count = count,
                                          .interval_ns = monitor->plan.interval_ns};
    int rc = metrics_csv_open(&options, &monitor->csv, err);
    if (rc < 0)
        return rc;
    struct metrics_csv_stats stats;
    metrics_csv_get_stats(monitor->csv, &stats);
    if (stats.was_cut)
        fprintf(stderr, "tacho monitor: %s: its last line had no end; it is ended now\n",
                monitor->csv_path);
    return 0;
}

/* A column that was asked for by name and may not be read is no empty column but a mistake. */
static int check_columns(const struct monitor *monitor, struct error *err)
{
    CLEANUP(metrics_plan_deinit) struct metrics_plan plan = {0};
    CLEANUP_FREE struct metrics_source *sources =
        calloc(monitor->channel_count + 1, sizeof(*sources));
    size_t count = 0;
    if (!sources)
        return error_set(err, ERROR_NOMEM, "out of memory for the columns");
    for (size_t i = 0; i < monitor->channel_count; i++) {
        const struct channel *channel = &monitor->channels[i];
        if (channel->reason == REASON_NONE)
            sources[count++] = (struct metrics_source){channel->metric, channel->instance, 0};
    }
    return metrics_plan_make(monitor->columns, false, sources, count, &plan, err);
}

/* A name of one instance (cpu0_pct, temp_c_SoC) is known by what the pattern adds to it; one column
 * too many is read in time, no harm is done. */
static bool is_named(const char *columns, const struct metrics_column *column)
{
    const char *star = column->each ? strchr(column->each, '*') : NULL;
    return strstr(columns, column->name) || (star && star[1] && strstr(columns, star + 1));
}

bool monitor_rows_want(const char *metric, void *context)
{
    const struct monitor *monitor = context;
    for (size_t i = 0; i < metrics_columns_count; i++) {
        const struct metrics_column *column = &metrics_columns[i];
        if (strcmp(column->metric, metric) == 0 &&
            (column->set != COLUMNS_MORE ||
             (monitor->columns && is_named(monitor->columns, column))))
            return true;
    }
    return false;
}

int monitor_rows_open(const struct channel *channels, size_t count, void *context,
                      struct error *err)
{
    struct monitor *monitor = context;
    monitor->channels = channels;
    monitor->channel_count = count;
    monitor->held = malloc((count + 1) * sizeof(*monitor->held));
    if (!monitor->held)
        return error_set(err, ERROR_NOMEM, "out of memory for a row");
    for (size_t i = 0; i < count; i++)
        monitor->held[i] = NAN;
    int rc = monitor->columns ? check_columns(monitor, err) : 0;
    if (rc == 0 && monitor->csv_path[0])
        rc = open_csv(monitor, err);
    /* After what may be a mistake, so that none leaves a store behind. */
    if (rc == 0)
        rc = run_keep_begin(&monitor->run.keep, monitor->settings, err);
    if (rc == 0)
        monitor->plan.sink[0] = run_keep_sink(&monitor->run.keep);
    if (rc == 0)
        monitor_note_denied(monitor);
    /* Last: what is printed before would run through its picture. */
    if (rc == 0 && monitor->view) {
        struct monitor_view_options options = {
            .label = monitor->plan.label ? monitor->plan.label : "",
            .interval_ns = monitor->plan.interval_ns,
            .colour = term_has_colour(STDOUT_FILENO),
            .root = monitor->plan.root,
            .without_children = monitor->plan.without_children,
            .memory_limit_mb = monitor->plan.memory_limit_mb,
            .channels = channels,
            .channel_count = count,
        };
        rc = monitor->view->init(&options, &monitor->view_state, err);
        if (rc < 0)
            monitor->view = NULL;
    }
    return rc;
}

/* ---- rows ---- */

static void write_line(struct monitor *monitor)
{
    CLEANUP(strbuf_deinit) struct strbuf line = {0};
    monitor_sample_json(monitor, true, &line);
    const char *at = strbuf_get(&line);
    size_t left = line.failed ? 0 : line.len;
    while (left > 0) {
        ssize_t n = write(STDOUT_FILENO, at, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            monitor->reader_is_gone = true;
            return;
        }
        at += n;
        left -= (size_t)n;
    }
}

void monitor_rows_take(const struct sample_row *row, double epoch_s, bool is_beginning,
                       void *context)
{
    struct monitor *monitor = context;
    for (size_t i = 0; i < monitor->channel_count; i++) {
        if (row->due[i])
            monitor->held[i] = row->values[i];
    }
    monitor->epoch_s = epoch_s;
    if (monitor->view && monitor->view->row)
        monitor->view->row(monitor->view_state, row);
    if (is_beginning)
        return;
    monitor->has_new_row = true;
    if (monitor->csv)
        metrics_csv_row(monitor->csv, epoch_s, (int64_t)row->t_ns, row->values);
    if (monitor->is_stream)
        write_line(monitor);
}

static void tend_csv(struct monitor *monitor)
{
    struct error err = {0};
    struct metrics_csv_stats stats;
    if (!monitor->csv)
        return;
    if (interrupt_take_hangup() && metrics_csv_reopen(monitor->csv, &err) < 0)
        output_error("monitor", &err, false);
    metrics_csv_get_stats(monitor->csv, &stats);
    if (stats.lost == 0 || monitor->said_lost)
        return;
    monitor->reader_is_gone = stats.lost_errno == EPIPE && !strcmp(monitor->csv_path, "-");
    if (!monitor->reader_is_gone)
        fprintf(stderr, "tacho monitor: %s: a row could not be written: %s; it goes on\n",
                monitor->csv_path, strerror(stats.lost_errno));
    monitor->said_lost = true;
}

void monitor_rows_tend(struct monitor *monitor, bool *ret_quit)
{
    tend_csv(monitor);
    *ret_quit = monitor->reader_is_gone || (monitor->is_once && monitor->has_new_row);
    if (monitor->view) {
        struct watch_status status;
        watch_get_status(monitor->watch, &status);
        monitor->view->update(monitor->view_state, &status, monitor->has_new_row, ret_quit);
    }
    if (!monitor->is_once)
        monitor->has_new_row = false;
}

int monitor_rows_close(struct monitor *monitor, struct error *err)
{
    if (monitor->view_state)
        monitor->view->deinit(monitor->view_state);
    monitor->view_state = NULL;
    int rc = metrics_csv_close(monitor->csv, err);
    monitor->csv = NULL;
    return monitor->reader_is_gone ? 0 : rc;
}
