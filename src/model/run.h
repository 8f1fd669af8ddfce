/* run.h: a whole run in memory, as a sink; what analyzers, renderers and exporters work on.
 *
 * What: `struct run` is filled by its own sink (run_sink_of), by the store or by format/run_json.
 * Raw samples are kept up to RUN_SAMPLES_MAX per run. Beyond that:
 *   - a UNIT or VALUE series goes on in a histogram, which then holds every value of the series,
 *     the raw ones included; `raw_dropped` counts what is only there. A value that the histogram
 *     cannot hold (negative, or 1.8e13 and more) counts in `lost`.
 *     So are values that come as a distribution (sample_block.hist).
 *   - a TIME series is thinned: of each four neighbours the smallest and the largest stay, so no
 *     spike is ever lost; `raw_dropped` counts what went. See time_samples_each.
 * Memory: the run owns everything; run_deinit frees it. A zeroed struct is valid and empty, but
 *       needs run_init before its sink is used.
 * Errors: a call of the sink that runs out of memory returns -ERROR_NOMEM and leaves the run
 *       valid, without what the call was about.
 * Threads: one at a time.
 */
#ifndef TACHO_MODEL_RUN_H
#define TACHO_MODEL_RUN_H

#include "base/arena.h"
#include "model/sink.h"
#include "stats/hist.h"
#include "stats/stats.h"

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
    uint64_t raw_dropped;   /* values that are only in the histogram; TIME: thinned away */
    uint64_t lost;          /* beyond RUN_SAMPLES_MAX: missing, or not for a histogram */
    struct moments moments; /* where time_samples_each is set: of all values, thinned away or not */
    unsigned thin_level;    /* there: every two samples stand for 2 << thin_level */
    uint64_t group_count;   /* there: values in the last, open group */
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
    size_t own_metric_count, own_metric_capacity;
    struct phase *phases; /* in the order in which they were told: later ones override */
    size_t phase_count, phase_capacity;
    uint32_t *phase_order; /* indices into phases, by invocation, then as told: for look-ups */
    size_t phase_order_capacity;
    struct invocation *invocations;
    size_t invocation_count, invocation_capacity;
    uint32_t invocation_last; /* the largest index so far */
    struct run_series *series;
    size_t series_count, series_capacity;
    struct event *events;
    size_t event_count, event_capacity;
    struct finding *findings;
    size_t finding_count, finding_capacity;
    struct verdict verdict;
    size_t samples_total; /* raw samples held now */
    size_t samples_max;   /* RUN_SAMPLES_MAX; less in tests */
    /* Not 0: of each TIME series at most so many samples are kept (at least 512), in memory that is
     * taken when the series is declared; further ones allocate nothing. For a run that goes on for
     * hours and is one phase from beginning to end: mean, standard deviation, minimum and maximum
     * stay exact, percentiles of a thinned series lean outwards. */
    size_t time_samples_each;
};

void run_init(struct run *run);
void run_deinit(struct run *run);
struct run_sink *run_sink_of(struct run *run);

const struct run_series *run_find_series(const struct run *run, const char *metric,
                                         const char *instance /* NULL: the first */);
/* The first place in phase_order behind all phases of this invocation. */
size_t run_phase_order_end(const struct run *run, uint32_t invocation);
/* The phase that a unit of an invocation belongs to (STEADY when no phase names it). Of several
 * phases that cover it, the one told last wins. */
enum phase_kind run_phase_of_unit(const struct run *run, uint32_t invocation, uint64_t unit);
/* Whether t_ns lies in a phase of this kind (from begin_ns up to, not including, end_ns; told last
 * wins). TIME samples outside every phase belong to none. */
bool run_time_in_phase(const struct run *run, int64_t t_ns, enum phase_kind kind);
/* Whether values of this invocation count: OK ones do, failed and interrupted ones are kept out.
 * One whose end was not told yet counts. */
bool run_invocation_counts(const struct run *run, uint32_t invocation);
/* Copies the values of a series that count: of this phase, not missing, of invocations that count.
 * In the order in which they came, which is that of time. A TIME sample belongs to the phase, and
 * the invocation, in whose time it lies. The values of a VALUE series belong to the phase of the
 * invocation's first unit; to STEADY if a later unit of it is. Raw samples only: see
 * run_collect_hist. Caller frees both arrays; ret_invocations may be NULL. */
int run_collect(const struct run *run, const struct run_series *series, enum phase_kind phase,
                double **ret_values, uint32_t **ret_invocations, size_t *ret_count,
                struct error *err);
/* How many values of this phase and of invocations that count are missing (null). */
int run_collect_missing(const struct run *run, const struct run_series *series,
                        enum phase_kind phase, uint64_t *ret_missing, struct error *err);
/* For a series with a histogram: everything that counts, as a new histogram in the units of
 * series->hist. Values that were never raw count as steady: warm-up lies at the beginning. NULL in
 * *ret_hist: the series has no histogram, or one that does not hold all its values (`lost`, or raw
 * ones that it cannot hold), and run_collect tells all there is. */
int run_collect_hist(const struct run *run, const struct run_series *series, enum phase_kind phase,
                     struct hist **ret_hist, struct error *err);
/* What series->hist holds beyond the raw samples, as a new histogram; NULL in *ret_hist: nothing.
 */
int run_hist_beyond_raw(const struct run_series *series, struct hist **ret_hist, struct error *err);
/* A value of series->hist in the shown unit, and back (false: a histogram cannot hold it). */
double run_hist_to_shown(const struct metric *metric, double value);
bool run_shown_to_hist(const struct metric *metric, double shown, uint64_t *ret_value);

#endif
