/* limit.h: "p99(wall_ms)<=250" as data, and how it is judged.
 *
 * Grammar: [NAME:] STAT(METRIC[@INSTANCE]) OP NUMBER [UNIT]  or  METRIC OP NUMBER, where the
 * metric's own limit_stat is taken. OP is <=, <, >= or >. STAT: mean, median, min, max, std,
 * pNN[.N]. Units convert where they can (s, ms, us, ns; B, KB, MB, GB; W, mW). Judging (DESIGN:
 * limits): percentile p: by the number k of n samples over the bound: PASS if the one-sided 99 %
 * upper bound (Clopper-Pearson) on P(X>L) is <= 1-p, FAIL if the lower bound is > 1-p, else
 * UNDECIDED with the n still needed. n is corrected for autocorrelation. mean with >= (throughput):
 * PASS if the lower 95 % bound of the mean is at least the minimum, FAIL if the upper bound is
 * below it, else UNDECIDED. mean with <=: the mirror image. max, min: the largest (smallest) value
 * seen. std: as seen. A metric without values: UNDECIDED, naming what is missing.
 */
#ifndef TACHO_MODEL_LIMIT_H
#define TACHO_MODEL_LIMIT_H

#include "model/finding.h"
#include "model/run.h"

enum limit_op { LIMIT_LE, LIMIT_LT, LIMIT_GE, LIMIT_GT };

struct limit {
    char name[96]; /* what --waive and the verdict call it */
    char stat[16]; /* "p99", "mean", …; empty: the metric's limit_stat */
    char metric[64];
    char instance[64]; /* empty: every instance, the worst counts */
    enum limit_op op;
    double bound;     /* in the metric's shown unit */
    char origin[280]; /* "--limit", "profile.yaml:7:5" */
    bool waived;
};

/* Parses one expression. The metric must be in the registry or among `own` (metrics the user
 * defines); else -ERROR_INPUT with the nearest name as hint. */
int limit_parse(const char *text, const char *origin, const struct metric *own, size_t own_count,
                struct limit *ret_limit, struct error *err);
/* Judges over the steady phase; fills a finding with rule "limit". */
int limit_judge(const struct run *run, const struct limit *limit, struct finding *ret_finding,
                struct error *err);
/* Smallest n with which this limit can pass at all; 0: any. For the stop rule. */
uint64_t limit_samples_needed(const struct limit *limit);
/* "p99(wall_ms) <= 250 ms" */
const char *limit_format(const struct limit *limit, char *buf, size_t size);

#endif
