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

struct measure {
    struct measure_plan plan;
    struct run run;
    struct sink_tee tee;
    struct run_sink *sink; /* the tee */
    struct sampler *sampler;
    struct channel_buffer *channels;
    size_t channel_count;
    struct error sampling_error; /* first error of a sink while draining */
    uint64_t begin_ns;           /* CLOCK_MONOTONIC */
    uint64_t measuring_ns;       /* when the first measured (not warm-up) unit began; 0: not yet */
    uint64_t own_cpu_begin_ns;
    uint64_t units_needed;    /* without warm-up; found once: a limit's need takes a while */
    uint32_t invocations;     /* begun so far */
    uint64_t warmup_found;    /* leading units that were recognised as warm-up */
    uint64_t warmup_found_ns; /* how long they took: measured for as much longer */
    bool warmup_settled;      /* warm-up was looked for; never twice */
    uint64_t next_judging;    /* unit count at which undecided limits are judged again */
    bool ended;               /* nothing more is wanted */
    bool out_of_time;         /* --max-duration came before that */
    bool failed;              /* the program failed and that ends the run */
    bool interrupted;
    bool closed;
    struct error program_error; /* why the (last) failing launch failed */
    uint64_t failures;
    struct progress progress;
};

#define MEASURE_DRAIN_ROWS 256

/* sampling.c */
int sampling_open(struct measure *measure, struct error *err);
void sampling_drain(struct measure *measure);
/* Tells when the series beside the run have holes; after the sampler was stopped. */
int sampling_find_gaps(struct measure *measure, struct error *err);
void sampling_close(struct measure *measure);

/* stop_rule.c */
uint64_t stop_rule_units_needed(const struct measure_plan *plan);
/* Units measured so far: invocations that are not warm-up, failed ones included. */
uint64_t stop_rule_units(const struct measure *measure);
bool stop_rule_wants_more(struct measure *measure);
/* Says what --max-duration cut off, if it did. */
int stop_rule_find_cut(struct measure *measure, struct error *err);
/* Share of the work that is done, 0 to 1, for progress. */
double stop_rule_share(const struct measure *measure);
/* Looks for warm-up among the units so far and re-marks their phases. Returns how many were found.
 */
int warmup_settle(struct measure *measure, uint64_t *ret_found, struct error *err);

#endif
