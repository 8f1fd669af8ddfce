/* finding.h: one sentence that a person can act on, with its numbers; and the verdict over them.
 *
 * What: a finding may judge a limit; the verdict is made of those alone: any fail: FAIL, else any
 *       undecided: UNDECIDED, else PASS; with no limit at all there is no verdict.
 * Memory: plain data, fixed sizes, copied by value. Threads: none of its own.
 */
#ifndef TACHO_MODEL_FINDING_H
#define TACHO_MODEL_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum severity { SEVERITY_INFO, SEVERITY_WARNING };
enum outcome { OUTCOME_NOT_JUDGED, OUTCOME_PASS, OUTCOME_FAIL, OUTCOME_UNDECIDED, OUTCOME_WAIVED };

struct finding {
    char rule[32]; /* stable name: "first_run_outlier", "limit" */
    enum severity severity;
    char metric[64]; /* what it is about; empty: the run */
    char sentence[384];
    bool has_value;
    double value; /* in the metric's shown unit */
    char unit[16];
    bool has_interval;
    double lo, hi;      /* 95 % unless the sentence says otherwise */
    uint64_t n;         /* samples it rests on */
    char evidence[256]; /* file:line, launches or time range */
    char advice[384];
    /* Where it judges a limit: */
    enum outcome outcome;
    char limit_name[96];  /* the limit's name: "thermal", or the expression itself */
    char limit_bound[96]; /* "p99(wall_ms) <= 250 ms" */
    uint64_t n_needed;    /* UNDECIDED for lack of samples: how many are still needed, else 0 */
};

struct verdict {
    enum outcome outcome; /* NOT_JUDGED, PASS, FAIL or UNDECIDED */
    size_t passed, failed, undecided, waived;
};

const char *outcome_name(enum outcome outcome); /* "pass", "fail", "undecided", "waived", "none" */
int outcome_parse(const char *name);            /* or -1 */
const char *severity_name(enum severity severity);
struct verdict verdict_of(const struct finding *findings, size_t count);
int verdict_exit_code(const struct verdict *verdict); /* 0, 1 or 3 */

/* What is not finite is unknown: the finding has none then. unit NULL: as it is. */
void finding_value(struct finding *finding, double value, const char *unit);
void finding_interval(struct finding *finding, double lo, double hi);
/* Fill the text fields; they cut instead of overflowing. */
void finding_init(struct finding *finding, const char *rule, enum severity severity,
                  const char *metric);
__attribute__((format(printf, 2, 3))) void finding_sentence(struct finding *finding,
                                                            const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void finding_advice(struct finding *finding, const char *fmt,
                                                          ...);
__attribute__((format(printf, 2, 3))) void finding_evidence(struct finding *finding,
                                                            const char *fmt, ...);

#endif
