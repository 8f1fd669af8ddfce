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

/* latency_findings.c: of one group; `name` is that of its file. */
int latency_findings(const struct groups *groups, const struct latency_group *latency,
                     const struct analyze_options *options, const char *name,
                     struct analysis *analysis, struct error *err);
/* The latencies of a run, as one group. */
int groups_of_run(const struct run *run, struct analysis *analysis, struct groups *ret,
                  struct error *err);

#endif
