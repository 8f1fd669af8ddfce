/* sweep.h: measures several configurations of one thing, interleaved so that drift (clocks,
 * temperature, other load) favours none.
 *
 * What: every configuration is one struct measure, so one run with its own sink. A round gives each
 *       of them one turn, in an order that a seed shuffles anew for every round. A turn is one
 *       process of a model; of a command as many launches as fill SWEEP_TURN_NS, but at least one.
 *       The sensors of a configuration are read in its turns only.
 * Failure: one that fails keeps its error and leaves the others going.
 * Interruption: the first signal ends all of them in order: what was not finished is interrupted.
 * Threads: one; samplers have their own. Memory: measures are the caller's to free.
 */
#ifndef TACHO_MEASURE_SWEEP_H
#define TACHO_MEASURE_SWEEP_H

#include "base/clock.h"
#include "measure/measure.h"

#define SWEEP_TURN_NS (300 * NS_PER_MS)

struct sweep_config {
    const char *name;         /* "batch 4", for progress */
    struct measure_plan plan; /* workload NULL: it could not be opened, error says why */
    /* One unit per invocation, where the plan's own rule would count the turns of the others: */
    uint64_t turns_wanted; /* 0: until what follows is reached */
    uint64_t launches_min; /* as many launches at least, */
    uint64_t launches_max; /* but not one more; 0: no such end */
    uint64_t time_min_ns;  /* and so much time in turns of its own, */
    uint64_t time_max_ns;  /* but not more time than this; 0: no end */
    /* Filled in: */
    struct measure *measure; /* NULL: never began */
    struct error error;      /* why it has no run, or no whole one; code 0: it has */
    uint64_t turns, launches;
    uint64_t active_ns; /* in turns of its own */
    bool is_done;
};

struct sweep {
    struct sweep_config *configs;
    size_t count;
    bool is_one_by_one; /* each one whole before the next: where there is but one turn each */
    uint64_t seed;
    const char *label; /* of the progress */
    bool quiet;
    uint64_t rounds; /* filled in: that were begun */
};

/* Runs them all and closes every measure that began. 0 also when some, or all, failed: see their
 * errors. -ERROR_INTERRUPTED; -ERROR_NOMEM. */
int sweep_run(struct sweep *sweep, struct error *err);
/* Frees the measures. */
void sweep_deinit(struct sweep *sweep);

#endif
