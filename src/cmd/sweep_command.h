/* sweep_command.h: from a list of settings to the table of their runs: what `bench` and
 * `run --auto` share.
 *
 * What: for each configuration a copy of the settings with a few of them changed; the same parts
 *       that `run` is made of turn it into a plan and a run of its own in the store.
 * Memory: sweep_command_deinit frees all of it, also after an error of init.
 */
#ifndef TACHO_CMD_SWEEP_COMMAND_H
#define TACHO_CMD_SWEEP_COMMAND_H

#include "analyze/sweep_result.h"
#include "cmd/run_command.h"
#include "measure/sweep.h"

struct sweep_item {
    struct settings settings;
    struct run_command run;
};

struct sweep_command {
    struct command_context *context;
    const char *title; /* "batch sizes" */
    /* Whatever keeps a configuration from being prepared is told, and the others are measured;
     * false: a mistake in what was asked for ends it all. */
    bool is_tolerant;
    size_t count, capacity;
    struct sweep_item *items;
    struct sweep_config *configs;
    struct sweep_row *rows;
    struct sweep sweep;
    struct sweep_result result;
    char subject[96]; /* the model or program, for labels and title */
};

int sweep_command_init(struct sweep_command *command, struct command_context *context,
                       enum sweep_kind kind, size_t capacity, struct error *err);
void sweep_command_deinit(struct sweep_command *command);
/* Adds one; its settings are to be changed before it is prepared. name and x: see sweep_row. */
int sweep_command_add(struct sweep_command *command, const char *name, double x,
                      struct sweep_item **ret_item, struct error *err);
/* A value of one configuration, over whatever was set elsewhere. origin: the flag it came from. */
int sweep_item_set(struct sweep_item *item, enum setting_id id, const char *text,
                   const char *origin, struct error *err);
int sweep_item_set_number(struct sweep_item *item, enum setting_id id, uint64_t number,
                          const char *origin, struct error *err);
/* Workload and plan of the newest one. 0 also when it could not be prepared and that is told. */
int sweep_command_prepare(struct sweep_command *command, struct error *err);
/* Takes the newest one away again. */
void sweep_command_drop(struct sweep_command *command);
/* Measures, keeps, exports, renders. */
int sweep_command_run(struct sweep_command *command, struct error *err);
/* "1,4,8" from a LIST setting or `otherwise`, each 1 to max, ascending, each once. */
int sweep_numbers(const struct settings *settings, enum setting_id id, const char *otherwise,
                  uint64_t max, uint64_t *ret_numbers, size_t capacity, size_t *ret_count,
                  struct error *err);

#endif
