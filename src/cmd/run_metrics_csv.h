/* run_metrics_csv.h: `tacho run --metrics-csv FILE`: the monitor's columns beside any run.
 *
 * Use: begin before the run (a file that cannot be used is found then), give its sink to measure/
 *      beside the store's, finish after it. Everything is nothing when the flag was not given.
 * A CSV that fails costs the run nothing: its branch of the tee is dropped, and finish says why.
 */
#ifndef TACHO_CMD_RUN_METRICS_CSV_H
#define TACHO_CMD_RUN_METRICS_CSV_H

#include <limits.h>

#include "base/settings.h"
#include "model/sink.h"

struct run_metrics_csv {
    struct run_sink *sink; /* NULL: not asked for */
    bool is_new;           /* the file was not there before */
    char path[PATH_MAX];
};

/* interval_ns: that of the sampler; a row each. */
int run_metrics_csv_begin(struct run_metrics_csv *csv, const struct settings *settings,
                          uint64_t interval_ns, struct error *err);
/* Closes the file; its first error (sink_error: why it took no more, or NULL), or that rows were
 * lost. */
int run_metrics_csv_finish(struct run_metrics_csv *csv, const struct error *sink_error,
                           struct error *err);
/* Closes it for a run in which nothing came to be executed: a file that was not there before goes.
 */
int run_metrics_csv_discard(struct run_metrics_csv *csv, struct error *err);
/* Closes what finish did not: after an error. */
void run_metrics_csv_end(struct run_metrics_csv *csv);

#endif
