/* limit.h: "p99(wall_ms)<=250" as data, and how it is judged.
 *
 * Grammar: [NAME:] STAT(METRIC[@INSTANCE]) OP NUMBER [UNIT]  or  [NAME:] METRIC[@INSTANCE] OP
 * NUMBER [UNIT], where the metric's own limit_stat is taken. Blanks may stand between all parts. OP
 * is <=,
 * <, >= or >. STAT: mean, median, min, max, std, pNN[.N] (p99_9 is p99.9). Units convert where they
 * can (s, ms, us, ns; B, KB, MB, GB; mW, W, kW; mJ, J, kJ; Hz to GHz).
 *
 * Judging (DESIGN: limits), over the steady phase:
 *   percentile p: by the number k of n samples over the bound: PASS if the one-sided 99 % upper
 *     bound (Clopper & Pearson 1934) on P(X>L) is <= 1-p, FAIL if the lower bound is > 1-p, else
 *     UNDECIDED with the n still needed. k and n are scaled by n_eff/n, where n_eff is that of the
 *     sequence "over or not": a burst over the bound is worth little more than one. With >= it is
 *     the share below the bound, and p of them are allowed.
 *   mean with >= (throughput): PASS if the lower end of the two-sided 95 % interval (the one that
 *     is shown) is at least the minimum, FAIL if the upper end is below it, else UNDECIDED. mean
 *     with <= (power): the mirror image.
 *   max, min: the largest (smallest) value seen. std: as seen.
 *   What an open loop did not serve counts for a percentile of its latency: as over the bound
 *     where it had waited longer, else as if it might be; where the finding "saturated" stands
 *     among the run's, no limit on latency passes (limit_unserved.c).
 *   Of several instances the worst counts; but where one is called "total" and has no values, its
 *   parts pass no limit that names none of them.
 * A metric without values: UNDECIDED, naming what is missing. A run whose state is INTERRUPTED or
 * CRASHED passes by the percentile rule alone: max, min, std and mean of a part say nothing about
 * the rest, so what would pass is UNDECIDED. A limit on latency_ms judges wall_ms where the run is
 * one of a command, and says so.
 * Memory: plain data. Errors: parsing -ERROR_INPUT; judging only -ERROR_NOMEM.
 */
#ifndef TACHO_MODEL_LIMIT_H
#define TACHO_MODEL_LIMIT_H

#include "model/finding.h"
#include "model/run.h"

enum limit_op { LIMIT_LE, LIMIT_LT, LIMIT_GE, LIMIT_GT };

struct limit {
    char name[96];     /* what --waive and the verdict call it */
    char stat[16];     /* "p99", "mean", …; empty: the metric's limit_stat */
    char metric[64];   /* as in the registry, aliases resolved */
    char instance[64]; /* empty: every instance, the worst counts */
    enum limit_op op;
    double bound;     /* in the metric's shown unit */
    char unit[16];    /* the metric's shown unit; empty: as in the registry */
    char origin[280]; /* "--limit", "profile.yaml:7:5" */
    bool waived;
};

/* Parses one expression. The metric must be in the registry or among `own` (metrics the user
 * defines); else -ERROR_INPUT with the nearest name as hint. */
int limit_parse(const char *text, const char *origin, const struct metric *own, size_t own_count,
                struct limit *ret_limit, struct error *err);
/* Judges over the steady phase; fills a finding with rule "limit". Set run->state to what the run
 * will end as before: an interrupted one is judged differently. */
int limit_judge(const struct run *run, const struct limit *limit, struct finding *ret_finding,
                struct error *err);
/* Smallest n with which this limit can pass at all; 0: any. For the stop rule. */
uint64_t limit_samples_needed(const struct limit *limit);
/* "p99(wall_ms) <= 250 ms" */
const char *limit_format(const struct limit *limit, char *buf, size_t size);

#endif
