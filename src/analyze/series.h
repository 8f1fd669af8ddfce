/* series.h: the questions analyzers ask of a run's series. Values in shown units; NaN: no answer.
 *
 * Memory: values_of allocates, values_free frees. Errors: -ERROR_NOMEM.
 */
#ifndef TACHO_ANALYZE_SERIES_H
#define TACHO_ANALYZE_SERIES_H

#include "model/run.h"

struct values {
    const struct run_series *series;
    double *value;
    uint32_t *invocation;
    size_t count;
};

/* The steady values of a metric (first instance) of invocations that count; count 0 when there is
 * no such series. */
int values_of(const struct run *run, const char *metric, struct values *ret_values,
              struct error *err);
void values_free(struct values *values);
/* The metric that times one unit of this run, by its workload. */
const char *latency_metric_of(const struct run *run);
/* "launch", "inference"; and their plural */
const char *unit_name_of(const struct run *run);
const char *unit_plural_of(const struct run *run);
/* Mean of the steady values; NaN without any. */
double steady_mean(const struct run *run, const char *metric);
/* Largest value over all instances and the whole run; NaN without any. */
double overall_max(const struct run *run, const char *metric);

struct contention {
    double machine_pct;       /* of all cores */
    double others_pct;        /* of all cores, without this program */
    double pressure_pct;      /* PSI cpu some; NaN: not known */
    double preemptions_per_s; /* involuntary switches per second of the program's CPU time */
};
/* Whether other programs took cores away from this one (contention.c); fills *ret in any case. */
bool contention_seen(const struct run *run, struct contention *ret);

#endif
