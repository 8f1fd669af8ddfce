/* store.h: runs on disk: SQLite (WAL) in .tacho/runs.db; the only door to sqlite3.h.
 *
 * What: store_locate looks for .tacho upwards from the working directory, as git does; a writing
 *       command creates one in the working directory. The store is a sink: the run's row is written
 *       at begin (state recording, with the writer's pid, start time and boot id), samples are
 *       appended as columnar chunks at least every 5 s, end writes the final state. A row in state
 *       recording whose writer is gone reads as crashed.
 * Errors: missing: -ERROR_ABSENT; newer schema: -ERROR_VERSION; locked for more than 5 s:
 *         -ERROR_BUSY; corrupt: -ERROR_INPUT; read-only: -ERROR_DENIED; disk full: -ERROR_IO. The
 *         caller then writes the run beside it (format/run_json), so that nothing is lost.
 * Memory: store_close frees.
 * Threads: one per handle.
 */
#ifndef TACHO_STORE_STORE_H
#define TACHO_STORE_STORE_H

#include "model/run.h"

struct store;

/* The directory to use: `setting` if not NULL, else the nearest .tacho upwards, else ".tacho" here.
 * *ret_exists: the directory does; whether there is a store in it, store_open tells. */
int store_locate(const char *setting, char *ret_path, size_t size, bool *ret_exists,
                 struct error *err);
/* Opens for reading; creates nothing. */
int store_open(const char *directory, struct store **ret_store, struct error *err);
/* Opens for writing, creating directory, .gitignore entry and schema, migrating older ones. */
int store_open_writable(const char *directory, struct store **ret_store, struct error *err);
void store_close(struct store *store); /* accepts NULL */
const char *store_path(const struct store *store);

/* A sink that records one run. Valid until the store is closed; one at a time. */
int store_sink(struct store *store, struct run_sink **ret_sink, struct error *err);

struct store_entry {
    char id[40];
    char label[128];
    char kind[32];
    enum run_state state;
    bool synthetic;
    double begin_epoch_s;
    double duration_s; /* recording or crashed: up to the last flush; NaN before the first */
    uint64_t invocations;
    uint64_t units; /* launches or inferences, with those of the warm-up and those that failed */
    enum outcome outcome; /* of the verdict */
};
/* Newest first; limit 0: all. */
int store_list(struct store *store, size_t limit,
               int (*fn)(const struct store_entry *entry, void *context), void *context,
               struct error *err);
/* id: full, a unique prefix or suffix of at least 4 characters, a label (the newest of that name),
 * or "last", "last-2". -ERROR_INPUT: unknown or ambiguous, with what there is as hint. */
int store_resolve(struct store *store, const char *name, char ret_id[40], struct error *err);
/* Replays the stored run into a sink. */
int store_load(struct store *store, const char *id, struct run_sink *sink, struct error *err);
int store_remove(struct store *store, const char *id, struct error *err);

#endif
