/* latency_internal.h: what the files of the analyzers `latency` and `variability` share. */
#ifndef TACHO_ANALYZE_FILES_LATENCY_INTERNAL_H
#define TACHO_ANALYZE_FILES_LATENCY_INTERNAL_H

#include "analyze/files/groups.h"

#define LATENCY_PERCENTILES 5

extern const double latency_percentiles[LATENCY_PERCENTILES];

struct latency_group {
    const struct group *group;
    double percentile[LATENCY_PERCENTILES];
    struct interval interval[LATENCY_PERCENTILES];
    struct interval mean;
    double n_eff;
};

/* What the findings of one group are made of. */
struct latency_view {
    const struct groups *groups;
    const struct latency_group *latency;
    const struct group *group;
    const char *name; /* of the file */
    struct analysis *analysis;
};

/* latency_findings.c: "FILE: TIME to TIME", or lines where there are no times. */
const char *latency_where(const struct latency_view *view, double from, double to, char *buf,
                          size_t size);
const char *latency_ms(double value, char *buf, size_t size);
/* Begins a finding about this group. */
void latency_begin(const struct latency_view *view, struct finding *finding, const char *rule,
                   enum severity severity);
/* latency_order.c: warm-up, trend, change of level. -1: out of memory. */
int latency_order(const struct latency_view *view);
/* latency_findings.c: of one group; `name` is that of its file. */
int latency_findings(const struct groups *groups, const struct latency_group *latency,
                     const struct analyze_options *options, const char *name,
                     struct analysis *analysis, struct error *err);
/* The latencies of a run, as one group. */
int groups_of_run(const struct run *run, struct analysis *analysis, struct groups *ret,
                  struct error *err);

#endif
