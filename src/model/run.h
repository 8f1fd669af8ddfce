/* run.h: a whole run in memory, as a sink; what analyzers, renderers and exporters work on.
 *
 * What: `struct run` is filled by its own sink (run_sink_of), by the store or by format/run_json.
 * Raw samples are kept up to RUN_SAMPLES_MAX per run; beyond that a UNIT or VALUE series goes on in
 *       a histogram and `raw_dropped` counts what is only there.
 * Memory: the run owns everything; run_deinit frees it. A zeroed struct is valid and empty.
 * Threads: one at a time.
 */
#ifndef TACHO_MODEL_RUN_H
#define TACHO_MODEL_RUN_H

#include "base/arena.h"
#include "model/sink.h"
#include "stats/hist.h"

#define RUN_SAMPLES_MAX 10000000u

struct run_sample {
    int64_t t_ns; /* since the run began; INT64_MIN: no time */
    uint32_t invocation;
    uint64_t unit; /* UNIT series: index within the invocation; else 0 */
    double value;  /* in the unit that is shown (metric->scale applied); NaN: missing */
};

struct run_series {
    struct series series; /* strings owned by the run */
    struct run_sample *samples;
    size_t count, capacity;
    struct hist *hist; /* UNIT and VALUE beyond RUN_SAMPLES_MAX: everything, in ns or micro-units */
    uint64_t raw_dropped; /* values that are only in the histogram */
};

struct run {
    struct run_sink sink; /* first: run_sink_of casts */
    struct arena arena;   /* strings */
    char id[40];
    char *label;
    bool synthetic;
    enum run_state state;
    double begin_epoch_s;
    int64_t end_ns;
    uint64_t own_cpu_ns;
    struct facts environment, environment_after, workload;
    struct metric *own_metrics; /* copies of metrics that the registry does not hold */
    struct phase *phases;
    size_t phase_count, phase_capacity;
    struct invocation *invocations;
    size_t invocation_count, invocation_capacity;
    struct run_series *series;
    size_t series_count, series_capacity;
    struct event *events;
    size_t event_count, event_capacity;
    struct finding *findings;
    size_t finding_count, finding_capacity;
    struct verdict verdict;
    size_t samples_total;
};

void run_init(struct run *run);
void run_deinit(struct run *run);
struct run_sink *run_sink_of(struct run *run);

const struct run_series *run_find_series(const struct run *run, const char *metric,
                                         const char *instance /* NULL: the first */);
/* The phase that a unit of an invocation belongs to (STEADY when no phase names it). */
enum phase_kind run_phase_of_unit(const struct run *run, uint32_t invocation, uint64_t unit);
/* Whether t_ns lies in a phase of this kind. TIME samples outside every phase belong to none. */
bool run_time_in_phase(const struct run *run, int64_t t_ns, enum phase_kind kind);
/* Whether values of this invocation count: OK ones do, failed ones are kept out. */
bool run_invocation_counts(const struct run *run, uint32_t invocation);
/* Copies the values of a series that count: of this phase, not missing, of invocations that count.
 * In order of time. Caller frees both arrays; ret_invocations may be NULL. */
int run_collect(const struct run *run, const struct run_series *series, enum phase_kind phase,
                double **ret_values, uint32_t **ret_invocations, size_t *ret_count,
                struct error *err);

#endif
