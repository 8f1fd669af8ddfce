/* watch.h: watches processes and the machine for as long as they run: tacho monitor, later guard.
 *
 * What: the other half of measure/: no workload, no units, no stop rule; only the sampler's series
 *       over time, of the machine and of what is watched. watch_open takes hold of the targets (or
 *       starts the program), watch_step drains what was sampled and notices that a target has
 *       ended, watch_close judges the limits, tells the findings (memory growth, a counter that
 *       stands still, why a target ended) and ends the run.
 * Memory: constant however long it lasts: the run in memory is thinned (model/run.h) to
 *       WATCH_SAMPLES_MAX, growth keeps its floors (stats/growth.h), the store takes the stream. No
 *       allocation between open and close.
 * Ends: the duration is over, every target has ended, or the user says so (a normal end: state
 *       complete, as a watch has no stop rule to miss).
 * Threads: one; the sampler has its own.
 */
#ifndef TACHO_MEASURE_WATCH_H
#define TACHO_MEASURE_WATCH_H

#include "collect/sampler.h"
#include "control/launcher.h"
#include "control/target.h"
#include "model/limit.h"
#include "model/run.h"
#include "stats/growth.h"

#define WATCH_TARGETS_MAX 64
#define WATCH_SAMPLES_MAX 200000

struct watch_plan {
    const struct root *root;
    const char *label;      /* NULL: made from the targets */
    struct target *targets; /* held; released by the caller after watch_free */
    size_t target_count;
    bool without_children;
    struct launcher *launcher; /* with command: start that and watch it */
    const char *const *command;
    bool show_output;
    uint64_t interval_ns;
    uint64_t duration_ns; /* 0: until the targets end or the user says so */
    const char *const *collector_names;
    size_t collector_count;
    const struct limit *limits;
    size_t limit_count;
    const char *work_file;    /* its size, or with work_lines its lines, is the work done */
    bool work_lines;
    double memory_limit_mb;   /* NaN: the cgroup's limit, else what is free */
    struct run_sink *sink[4]; /* store, CSV; NULL-terminated unless full */
};

struct watch;

/* What is known now, for the live screen and the summary. */
struct watch_status {
    uint64_t elapsed_ns;
    uint64_t rows, missed_ticks;
    size_t alive; /* targets that have not ended */
    const struct growth_verdict *growth; /* NULL: no target, or nothing yet */
    const struct sample_row *row;        /* the newest; NULL: none yet */
    const struct channel *channels;      /* columns of the row */
    size_t channel_count;
};

int watch_open(const struct watch_plan *plan, struct watch **ret_watch, struct error *err);
/* Waits at most timeout_ms for something to happen. *ret_more: false when it is over. */
int watch_step(struct watch *watch, uint32_t timeout_ms, bool *ret_more, struct error *err);
void watch_get_status(const struct watch *watch, struct watch_status *ret_status);
int watch_close(struct watch *watch, struct error *err);
const struct run *watch_run_get(const struct watch *watch);
/* Why a sink of the plan stopped taking the stream, or NULL while it is well. */
const struct error *watch_sink_error(const struct watch *watch, size_t sink);
void watch_free(struct watch *watch); /* accepts NULL */

#endif
