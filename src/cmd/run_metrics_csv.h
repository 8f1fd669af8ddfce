/* run_metrics_csv.h: `tacho run --metrics-csv FILE`: the monitor's columns beside any run.
 *
 * Use: begin before the run (a file that cannot be used is found then), join its sink with the
 *      store's, finish after it. Everything is nothing when the flag was not given.
 * A CSV that fails costs the run nothing: its branch of the tee is dropped, and finish says why.
 */
#ifndef TACHO_CMD_RUN_METRICS_CSV_H
#define TACHO_CMD_RUN_METRICS_CSV_H

#include <limits.h>

#include "base/settings.h"
#include "model/sink.h"

struct run_metrics_csv {
    struct run_sink *sink; /* NULL: not asked for */
    struct sink_tee tee;   /* the store and this */
    bool has_store;        /* branch 0 is the store, the last one this */
    bool is_new;           /* the file was not there before */
    char path[PATH_MAX];
};

/* interval_ns: that of the sampler; a row each. */
int run_metrics_csv_begin(struct run_metrics_csv *csv, const struct settings *settings,
                          uint64_t interval_ns, struct error *err);
/* What measure's plan.sink becomes, of what it would have been (store: or NULL). */
struct run_sink *run_metrics_csv_join(struct run_metrics_csv *csv, struct run_sink *store);
/* Why the store stopped taking the stream, of what measure_sink_error says of the joint sink. */
const struct error *run_metrics_csv_store_error(const struct run_metrics_csv *csv,
                                                const struct error *sink_error);
/* Closes the file; its first error, or that rows were lost. */
int run_metrics_csv_finish(struct run_metrics_csv *csv, struct error *err);
/* Closes it for a run in which nothing came to be executed: a file that was not there before goes.
 */
int run_metrics_csv_discard(struct run_metrics_csv *csv, struct error *err);
/* Closes what finish did not: after an error. */
void run_metrics_csv_end(struct run_metrics_csv *csv);

#endif
