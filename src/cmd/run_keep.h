/* run_keep.h: where a run is kept: in the store, or beside it when the store cannot take it.
 *
 * A store that is corrupt, locked, read-only, of a newer version or on a full disk never costs a
 * run: it is written as JSON beside the store (else into the working directory, else $TMPDIR,
 * else /tmp) and the path is printed, with how to bring it in later.
 */
#ifndef TACHO_CMD_RUN_KEEP_H
#define TACHO_CMD_RUN_KEEP_H

#include "base/settings.h"
#include "cmd/run_keep_late.h"
#include "format/run_csv.h"
#include "format/run_json.h"
#include "store/store.h"
#include "workload/workload.h"

struct run_keep {
    bool wanted;           /* --no-store-run was not given */
    char directory[512];   /* of the store */
    struct store *store;   /* NULL: not open */
    struct run_sink *sink; /* NULL: none */
    struct run_keep_late
        late; /* there was no store, and none is made before something is measured */
    struct error store_error; /* why the store cannot be used */
    char where[640];          /* "run 2026…" or the path of the JSON file; empty: kept nowhere */
};

/* Before an hour is spent on measuring: can what --export, --export-csv and --output name be
 * written, and do they name different files? */
int run_keep_check(const struct settings *settings, struct error *err);
/* Opens the store for writing; a store that cannot be used is no error here. */
int run_keep_begin(struct run_keep *keep, const struct settings *settings, struct error *err);
/* The same for a run of this workload. One that only finds out in its process whether it can begin
 * (a model: is there an engine?) makes no store before there is something to keep. */
int run_keep_begin_for(struct run_keep *keep, const struct settings *settings,
                       const struct workload *workload, struct error *err);
struct run_sink *run_keep_sink(struct run_keep *keep); /* or NULL */
/* Writes the run beside the store if that did not take it (sink_error: why it stopped). */
int run_keep_finish(struct run_keep *keep, const struct run *run, const struct error *sink_error,
                    struct error *err);
/* Forgets a run in which nothing came to be executed: it has nothing to tell. */
int run_keep_discard(struct run_keep *keep, const struct run *run, struct error *err);
/* --export and --export-csv; 0 when that was not asked for. */
int run_keep_export_json(const struct run *run, const struct settings *settings, struct error *err);
int run_keep_export_csv(const struct run *run, const struct settings *settings, struct error *err);
/* run_csv_write, of every command: says on stderr how many values have no row, if any. */
int run_keep_csv(const char *command, const struct run *const *runs, size_t count,
                 struct strbuf *out, struct error *err);
const char *run_keep_where(const struct run_keep *keep); /* or NULL */
void run_keep_end(struct run_keep *keep);

#endif
