/* run_keep_late.h: a sink that makes the store only when there is something to store.
 *
 * What: where there is no store yet, one that is made for a run that then cannot begin (no engine,
 * a model that is none) would be an empty store. So the stream is held in memory until the first
 * invocation is over, or for RUN_KEEP_LATE_NS; then the store is made and gets all of it. From then
 * on the stream goes on to the store, as promised by its header. A run that ends before that is in
 * no store: run_keep_finish stores it, run_keep_discard forgets it. Memory: what comes within
 * RUN_KEEP_LATE_NS, until deinit (the store borrows from it). Errors: those of the store, as from
 * any sink. Threads: one.
 */
#ifndef TACHO_CMD_RUN_KEEP_LATE_H
#define TACHO_CMD_RUN_KEEP_LATE_H

#include "model/run.h"
#include "store/store.h"

#define RUN_KEEP_LATE_NS (5 * NS_PER_S) /* a killed run loses no more than with a store */

struct run_keep_late {
    struct run_sink sink; /* first */
    const char *directory;
    struct store **store; /* the caller's: set when it is made */
    struct run_sink *stored;
    struct run held;
    uint64_t begin_mono_ns;
};

/* directory and store are borrowed. */
void run_keep_late_init(struct run_keep_late *late, const char *directory, struct store **store);
/* Makes the store and a sink in it. */
int run_keep_late_open(struct run_keep_late *late, struct error *err);
/* After the store was closed. Accepts a zeroed one. */
void run_keep_late_deinit(struct run_keep_late *late);

#endif
