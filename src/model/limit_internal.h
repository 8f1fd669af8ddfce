/* limit_internal.h: what parsing and judging of limits share. Nobody else includes it. */
#ifndef TACHO_MODEL_LIMIT_INTERNAL_H
#define TACHO_MODEL_LIMIT_INTERNAL_H

#include "model/limit.h"

#define LIMIT_CONFIDENCE 0.99 /* one-sided, on the share over a percentile limit */
#define LIMIT_LEVEL 0.95      /* two-sided, of the mean */

enum statistic_kind {
    STATISTIC_PERCENTILE,
    STATISTIC_MEAN,
    STATISTIC_MIN,
    STATISTIC_MAX,
    STATISTIC_STD
};

struct statistic {
    enum statistic_kind kind;
    double p; /* PERCENTILE: 0 < p < 1 */
};

int statistic_parse(const char *name, struct statistic *ret_statistic); /* 0, or -1: none such */
const char *limit_stat_get(const struct limit *limit);                  /* never empty */
const char *limit_unit_get(const struct limit *limit);                  /* "" for a count */
/* The share of samples that may lie on the wrong side of a percentile limit. */
double limit_allowed_share(const struct limit *limit, double p);
static inline bool limit_is_minimum(const struct limit *limit)
{
    return limit->op == LIMIT_GE || limit->op == LIMIT_GT;
}

/* limit_unserved.c: what an open loop did not serve. */
struct unserved {
    uint64_t count; /* arrived and never begun */
    uint64_t over;  /* of those: had waited longer than the limit's bound */
    bool is_saturated;
};
/* All 0 for a metric that it says nothing about. */
struct unserved limit_unserved(const struct run *run, const struct limit *limit,
                               const char *metric);
/* PASS becomes UNDECIDED where the values that are there cannot tell. */
void limit_forbid_pass_unserved(const struct unserved *unserved, bool is_percentile,
                                const char *subject, const char *value, const char *bound,
                                struct finding *finding);

#endif
