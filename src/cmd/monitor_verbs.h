/* monitor_verbs.h: `tacho monitor gpu` and `tacho monitor kv-cache`, and what both share: how they
 * begin, rows of several instances, and what it all came to.
 *
 * Rows go as those of `tacho monitor` do: into the file of --output; else as CSV to stdout when
 * that is no terminal; else as aligned lines, or on a live screen in their place. With --json there
 * are none unless a file is named.
 * Threads: one.
 */
#ifndef TACHO_CMD_MONITOR_VERBS_H
#define TACHO_CMD_MONITOR_VERBS_H

#include "cmd/command.h"
#include "cmd/run_command.h"
#include "format/rows_csv.h"
#include "model/run.h"

int monitor_gpu(struct command_context *context, struct error *err);
int monitor_kv_cache(struct command_context *context, struct error *err);
/* monitor_kv_url.c: the same for a server that runs. */
int monitor_kv_url(struct command_context *context, struct error *err);

/* Which flags are whose: every flag of `monitor` is accepted by the parser. */
enum monitor_verb {
    MONITOR_WATCH = 1 << 0, /* without a verb */
    MONITOR_GPU = 1 << 1,
    MONITOR_KV_SIZE = 1 << 2,
    MONITOR_KV_URL = 1 << 3,
};
/* -ERROR_USAGE: a flag was given that this verb does not take; it says whose it is. */
int monitor_verb_check(const struct settings *settings, enum monitor_verb verb, struct error *err);

/* ---- rows ---- */

struct monitor_column {
    const char *name; /* in the CSV */
    const char *head; /* above the lines, with its unit */
    int decimals;
};

struct monitor_table {
    struct command_context *context;
    const struct monitor_column *columns;
    size_t count;
    struct rows_csv_column csv_columns[ROWS_CSV_COLUMNS_MAX];
    const char *instance_name; /* "gpu" */
    char path[PATH_MAX];       /* "-": stdout; empty: no CSV */
    struct rows_csv *csv;
    bool is_text; /* lines on stdout */
    uint64_t lines;
    bool said_lost, reader_is_gone;
};

/* Decides where rows go, and takes --output out of the settings: what is printed in the end does
 * not go there. */
int monitor_table_init(struct monitor_table *table, struct command_context *context,
                       const char *instance_name, const struct monitor_column *columns,
                       size_t count, struct error *err);
int monitor_table_open(struct monitor_table *table, struct error *err); /* the file */
void monitor_table_row(struct monitor_table *table, double epoch_s, const char *instance,
                       const double *values);
/* After rows: reopens after SIGHUP, says that rows are being lost. */
void monitor_table_tend(struct monitor_table *table);
int monitor_table_close(struct monitor_table *table, struct error *err);

/* ---- how they begin ---- */

/* What both have: settings and store, and rows. */
struct monitor_job {
    struct run_command run;
    struct monitor_table table;
};

/* What the flags say of the time; a default of 0 is no end. */
struct monitor_pace {
    const char *label; /* NULL: none was given */
    uint64_t interval_ns, duration_ns;
};

void monitor_job_init(struct monitor_job *job, struct command_context *context);
struct monitor_pace monitor_job_pace(const struct monitor_job *job, uint64_t duration_ns);
/* Flags, root, signals, limits and where rows go; nothing is written yet. without_store: a look
 * leaves nothing behind. */
int monitor_job_open(struct monitor_job *job, enum monitor_verb verb, const char *instance_name,
                     const struct monitor_column *columns, size_t count, bool without_store,
                     struct error *err);
/* The file of rows, then the store: last, so that a mistake leaves neither behind. */
int monitor_job_begin(struct monitor_job *job, struct run_sink **ret_sink, struct error *err);
void monitor_job_deinit(struct monitor_job *job);

/* ---- what it came to ---- */

struct monitor_outcome {
    const struct run *run;
    const char *head; /* what was watched: "vLLM at http://…"; printable */
    uint64_t rows;
    const struct error *sink_error; /* NULL: the store took it all */
};

/* Keeps the run and prints it; rc is what watching came to, and the result with what went wrong
 * here. */
int monitor_deliver(struct monitor_job *job, const struct monitor_outcome *outcome, int rc,
                    struct error *err);

#endif
