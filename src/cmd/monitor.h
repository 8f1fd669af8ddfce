/* monitor.h: what the files of `tacho monitor` share.
 *
 * Memory: a zeroed struct with context, settings and root.fd -1 is valid; monitor_deinit frees all
 * of it. Threads: one.
 */
#ifndef TACHO_CMD_MONITOR_H
#define TACHO_CMD_MONITOR_H

#include "cmd/command.h"
#include "cmd/monitor_view.h"
#include "cmd/run_command.h"
#include "format/metrics_csv.h"
#include "measure/watch.h"
#include "workload/command/python_auto.h"

struct monitor {
    struct run_command run; /* root, limits, profile, collectors, keep */
    struct command_context *context;
    const struct settings *settings;
    struct target targets[WATCH_TARGETS_MAX];
    size_t target_count;
    struct watch_plan plan;
    struct watch *watch;
    struct strbuf python_path; /* what hooks tacho into a Python program that is started */
    const char *command_env[2];
    /* Where rows go. */
    char csv_path[PATH_MAX]; /* "-": stdout; empty: no CSV */
    char *columns;           /* of --columns, put together */
    struct metrics_csv *csv;
    bool is_once, is_stream, wants_json;
    const struct monitor_view *view;
    void *view_state;
    bool has_new_row;
    bool said_lost; /* that rows are being lost */
    bool reader_is_gone;
    /* The newest values, of slower tiers too: --once, --stream. */
    double *held;
    double epoch_s;
    const struct channel *channels;
    size_t channel_count;
};

/* monitor_target.c: takes hold of what the flags name. */
int monitor_find_targets(struct monitor *monitor, struct error *err);
/* On stderr: which columns stay empty for lack of permission, and what would permit them. */
void monitor_note_denied(const struct monitor *monitor);

/* monitor_rows.c: where rows go. */
int monitor_rows_open(const struct channel *channels, size_t count, void *context,
                      struct error *err);
/* Whether a CSV with these --columns shows a metric. */
bool monitor_rows_want(const char *metric, void *context);
void monitor_rows_take(const struct sample_row *row, double epoch_s, bool is_beginning,
                       void *context);
/* After every step: reopens, warns, draws. *ret_quit: nobody wants more. */
void monitor_rows_tend(struct monitor *monitor, bool *ret_quit);
int monitor_rows_close(struct monitor *monitor, struct error *err);

/* monitor_sample.c: one row as tacho.sample/1, or as text. */
void monitor_sample_json(const struct monitor *monitor, bool is_line, struct strbuf *out);
void monitor_sample_text(const struct monitor *monitor, struct strbuf *out);

/* monitor_summary.c: what it came to, as text. */
int monitor_summary(const struct monitor *monitor, struct strbuf *out, struct error *err);

#endif
