/* run_command.h: from settings to the plan of one measurement: what `run`, its --auto and `bench`
 * share.
 *
 * Memory: a zeroed struct with context, settings and root.fd -1 is valid; run_command_deinit frees
 * all of it and accepts what was only partly prepared. The plan borrows from the struct.
 */
#ifndef TACHO_CMD_RUN_COMMAND_H
#define TACHO_CMD_RUN_COMMAND_H

#include "base/file.h"
#include "cmd/command.h"
#include "cmd/run_keep.h"
#include "cmd/run_metrics_csv.h"
#include "format/profile.h"
#include "measure/measure.h"

#define RUN_COLLECTORS_MAX 32

struct run_command {
    struct command_context *context;
    const struct settings *settings;
    struct root root;
    struct profile profile;    /* empty when none was asked for */
    struct workload_args args; /* borrowed by the workload until it is closed */
    const struct workload *workload;
    void *workload_state;
    struct limit *limits;
    size_t limit_count;
    struct arena arena; /* names split at commas */
    const char *collectors[RUN_COLLECTORS_MAX];
    size_t collector_count;
    struct run_keep keep;
    struct run_metrics_csv metrics_csv;
    struct measure *measure;
};

/* Opens the workload, loads profile and limits, fills the plan. Nothing is measured or stored. */
int run_command_prepare(struct run_command *run, struct measure_plan *plan, struct error *err);
/* Parts of that, for commands without a workload: --profile, --limit and --waive; --collector. */
int run_command_load_limits(struct run_command *run, struct error *err);
int run_command_split_collectors(struct run_command *run, struct error *err);
void run_command_deinit(struct run_command *run);
/* Measuring ended with the error rc before any process came to be: there is nothing to keep or to
 * show. An interruption is what the user asked for, and stays on record. */
bool run_command_is_empty(int rc, const struct run *result);
/* What one step after measuring came to (keep, export, render): the first error is the one that
 * main prints; a later one is printed here, since what could not be kept must be known. */
void run_command_settle(struct command_context *context, int step_rc, const struct error *step,
                        int *rc, struct error *err);

/* run_auto.c: `run --auto` */
int run_auto(struct command_context *context, struct error *err);
/* Without --auto: the flags that only narrow it are a mistake. */
int run_auto_check(const struct command_context *context, struct error *err);
/* The next of "A, B", without the blanks around it; false at the end. *rest starts at the text. */
bool run_next_name(const char **rest, const char **ret_name, size_t *ret_length);

#endif
