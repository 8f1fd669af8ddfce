/* measure.h: runs a workload beside the sampler. Everything that measures goes through here.
 *
 * What: measure_open begins the run on the sink; each measure_step is one invocation; measure_close
 *       settles warm-up, judges, emits findings and ends the run. Steps of several measures may be
 *       interleaved (A, B, A, B: bench, compare), since each has its own run and sink.
 * Units: a workload has one unit in each invocation (a command: its launch), and then as many
 *        invocations as units; or many (a model: its inferences), and then `invocations` of them,
 *        1 unless more are asked for. Many units are numbered from 0 in each invocation, in the
 *        order in which they are handed over; those that the workload keeps apart (first, profiled)
 *        stand at its beginning.
 * Stop rule: explicit units or duration win; else until the default count, 3 s and the samples that
 *          the strictest limit needs, at most max_duration. Of K invocations with many units each
 *          gets all of an explicit count, else the default count, and a K-th of the duration and of
 *          the samples; the last goes on until the limits are decided. Time counts from the end of
 *          the units that are kept apart.
 * Warm-up: --warmup N keeps the first N units apart (with many, of each invocation); auto finds it
 *          when there is enough (stats steady_warmup), keeps it apart and runs as many and as long
 *          more, once per invocation; that of a run that was cut short is kept apart too.
 * Interruption: first signal: stop in order, state interrupted; second: kill at once. The sink's
 *          end is called either way.
 * Threads: one; the sampler has its own.
 */
#ifndef TACHO_MEASURE_MEASURE_H
#define TACHO_MEASURE_MEASURE_H

#include "base/file.h"
#include "collect/sampler.h"
#include "model/limit.h"
#include "model/run.h"
#include "workload/workload.h"

#define MEASURE_DEFAULT_UNITS 10       /* one in each invocation */
#define MEASURE_DEFAULT_UNITS_MANY 100 /* of each invocation with many */
#define MEASURE_DEFAULT_DURATION_NS (3 * NS_PER_S)

#define MEASURE_SINKS_MAX 4

struct measure_plan {
    const struct workload *workload;
    void *workload_state; /* opened by the caller, closed by the caller */
    const struct root *root;
    const char *label;   /* NULL: made from the workload */
    const char *profile; /* its name, for the run's facts; NULL: none */
    uint64_t units;      /* 0: by the stop rule; with many: of each invocation */
    bool units_explicit;
    uint64_t invocations; /* with many units in each: how many; 0: one */
    uint64_t duration_ns; /* 0: by the stop rule */
    bool duration_explicit;
    uint64_t max_duration_ns;
    bool warmup_auto;
    uint64_t warmup_units;
    double deadline_ms; /* for the run's facts; 0: none */
    bool ignore_failure;
    const struct limit *limits;
    size_t limit_count;
    const char *const *collector_names;
    size_t collector_count;    /* 0: every present one */
    bool skip_gpu, skip_power; /* of the unnamed ones: monitoring.enable_… false */
    uint64_t interval_ns;
    /* Where the stream goes besides the run in memory: the store, a CSV. NULL: nowhere. */
    struct run_sink *sink[MEASURE_SINKS_MAX];
    bool quiet; /* no progress */
};

struct measure;

int measure_open(const struct measure_plan *plan, struct measure **ret_measure, struct error *err);
/* One invocation. *ret_more says whether another is wanted. A failing program: -ERROR_PROGRAM
 * unless ignore_failure; the measure must still be closed. -ERROR_INTERRUPTED: the user stopped it.
 */
int measure_step(struct measure *measure, bool *ret_more, struct error *err);
/* Judges and ends the run. The run in memory stays valid until measure_free. */
int measure_close(struct measure *measure, struct error *err);
const struct run *measure_run_get(const struct measure *measure);
/* Why that one of plan.sink stopped taking the stream (disk full, store locked), or NULL while it
 * is well. The run in memory is whole all the same: the caller writes it elsewhere. */
const struct error *measure_sink_error(const struct measure *measure, size_t sink);
void measure_free(struct measure *measure); /* accepts NULL */
/* open, step until done, close. Returns the first error; *ret_measure is set whenever the run
 * began. */
int measure_run(const struct measure_plan *plan, struct measure **ret_measure, struct error *err);

#endif
