/* measure_internal.h: what the files of measure/ share and nobody else sees. */
#ifndef TACHO_MEASURE_MEASURE_INTERNAL_H
#define TACHO_MEASURE_MEASURE_INTERNAL_H

#include "base/clock.h"
#include "base/term.h"
#include "measure/measure.h"

/* Rows of the sampler on their way into the sink: one column per channel, so that a drain hands
 * every series over in one block. */
struct channel_buffer {
    struct series series;
    int64_t *t_ns;
    double *value;
    size_t count;
};

/* A stretch over which units are counted and warm-up is kept apart: one invocation of a workload
 * with many units; all invocations together of one that has one unit in each. */
struct span {
    uint32_t first_invocation;
    uint64_t units;        /* handed over so far; one unit in each invocation: begun so far */
    uint64_t apart;        /* leading ones that the workload keeps apart: first, profiled */
    bool first_told;       /* the workload said itself which unit is the first */
    int64_t told_end_ns;   /* since begin_ns: when what the workload told last ended */
    int64_t last_end_ns;   /* since begin_ns: when the unit that ended last did; INT64_MIN: none */
    size_t first_sample;   /* where its units begin among the samples of the latency series */
    uint64_t measuring_ns; /* CLOCK_MONOTONIC: when the measured part began; 0: not yet */
    uint64_t warmup_found; /* units behind those apart that were recognised as warm-up */
    uint64_t warmup_found_ns;       /* how long they took: measured for as much longer */
    bool warmup_settled;            /* warm-up was looked for; never twice */
    uint64_t told_units, told_head; /* units, and those of them before steady, as last told */
    uint64_t next_judging; /* measured units of the run at which open limits are judged again */
    bool is_over;          /* the workload was told that it is enough */
};

struct measure {
    struct measure_plan plan;
    struct run run;
    struct sink_tee tee;
    size_t branch[MEASURE_SINKS_MAX]; /* of plan.sink in the tee; 0: none */
    struct run_sink *sink;            /* the tee */
    struct sampler *sampler;
    struct channel_buffer *channels;
    size_t channel_count;
    struct error
        late_error;    /* first error where it could not be returned: while draining, asking */
    uint64_t begin_ns; /* CLOCK_MONOTONIC */
    uint64_t own_cpu_begin_ns;
    uint64_t units_needed;       /* of each span, without warm-up; found once: it takes a while */
    uint32_t invocations;        /* begun so far */
    int64_t invocation_begin_ns; /* of the last one, since begin_ns */
    struct span span;
    uint64_t units_before;   /* measured units of the spans before */
    uint64_t elapsed_before; /* ns that they were measured for */
    bool ended;              /* nothing more is wanted */
    bool out_of_time;        /* --max-duration came before that */
    bool failed;             /* the program failed and that ends the run */
    bool interrupted;
    bool closed;
    struct error program_error; /* why the (last) failing launch failed */
    uint64_t failures;
    struct progress progress;
};

#define MEASURE_DRAIN_ROWS 256

static inline bool has_many_units(const struct measure *measure)
{
    return !measure->plan.workload->one_unit_per_invocation;
}

/* sampling.c */
int sampling_open(struct measure *measure, struct error *err);
void sampling_drain(struct measure *measure);
/* Tells when the series beside the run have holes; after the sampler was stopped. */
int sampling_find_gaps(struct measure *measure, struct error *err);
void sampling_close(struct measure *measure);

/* span.c */
void span_begin_invocation(struct measure *measure);
/* A block of the series that times one unit was handed over. */
void span_note_units(struct measure *measure, const struct sample_block *block);
/* The workload told a phase of its own. */
void span_note_phase(struct measure *measure, const struct phase *phase);
/* Counts what it held and tells its phases. */
int span_end_invocation(struct measure *measure, const struct invocation *invocation,
                        struct error *err);
/* Of a span with many units: which of those so far are first, warm-up and steady, and when. */
int span_tell_phases(struct measure *measure, struct error *err);
/* Looks once for warm-up among the units so far and keeps it apart; *ret_found: how many units. */
int span_settle_warmup(struct measure *measure, uint64_t *ret_found, struct error *err);
/* Units of the span that are kept apart as warm-up, asked for or found. */
uint64_t span_warmup(const struct measure *measure);
/* Measured units of the span, failed launches included. */
uint64_t span_measured(const struct measure *measure);

/* stop_rule.c */
uint64_t stop_rule_spans(const struct measure_plan *plan);
/* Of each span. */
uint64_t stop_rule_units_needed(const struct measure_plan *plan);
/* Does the span want more units? */
bool stop_rule_wants_more(struct measure *measure);
/* Is another invocation wanted, now that one is over? */
bool stop_rule_wants_invocation(struct measure *measure);
/* How many units the invocation that runs may begin in all; 0: stop. */
uint64_t stop_rule_units_allowed(struct measure *measure);
/* Says what --max-duration cut off, if it did. */
int stop_rule_find_cut(struct measure *measure, struct error *err);
/* Share of the work that is done, 0 to 1, for progress. */
double stop_rule_share(const struct measure *measure);

/* energy.c */
/* Tells the energy per item of each invocation, or why it cannot be had. */
int energy_tell(struct measure *measure, struct error *err);

#endif
