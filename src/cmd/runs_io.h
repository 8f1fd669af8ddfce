/* runs_io.h: what the verbs of `tacho runs` share: the store that is meant, and runs in memory.
 *
 * Memory: run_list owns its runs.
 * Threads: one.
 * Errors: no store is -ERROR_INPUT for what names a run ("no runs yet"), never a reason to create
 *         one.
 */
#ifndef TACHO_CMD_RUNS_IO_H
#define TACHO_CMD_RUNS_IO_H

#include "cmd/command.h"
#include "model/run.h"
#include "store/store.h"

struct run_list {
    struct run **items;
    size_t count, capacity;
};

/* Adds an empty run. */
int run_list_add(struct run_list *list, struct run **ret_run, struct error *err);
void run_list_deinit(struct run_list *list);

/* *ret_store stays NULL when there is none; ret_path is where it is or would be. */
int runs_store_open_if_any(struct command_context *context, struct store **ret_store,
                           char *ret_path, size_t size, struct error *err);
int runs_store_open(struct command_context *context, struct store **ret_store, char *ret_path,
                    size_t size, struct error *err);
int runs_store_open_writable(struct command_context *context, bool may_create,
                             struct store **ret_store, struct error *err);
void runs_store_cleanup(struct store **store);

int runs_import(struct command_context *context, struct error *err);

#endif
