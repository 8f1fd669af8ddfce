/* limit_unserved.c: what an open loop did not serve says about limits on latency.
 *
 * An inference that had arrived and was never begun is no value, but it is not nothing either: its
 * latency would have been longer than it had waited. So for a limit from above it is over the bound
 * where it had waited longer than that, and otherwise it may be: a limit passes only if it does
 * with every one of them over the bound, and fails only with those that surely were.
 * A queue that grew (the finding "saturated") has no latency at all that the run could tell: the
 * longer it had gone on, the longer the wait. No limit on latency passes then.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "model/limit_internal.h"

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

/* Metrics that the wait of what was not served is part of. */
static bool counts_wait(const char *metric)
{
    static const char *const names[] = {"latency_ms", "send_lag_ms"};
    return is_one_of(metric, names, ARRAY_LEN(names));
}

static bool is_latency(const char *metric)
{
    static const char *const names[] = {"latency_ms", "service_ms", "send_lag_ms"};
    return is_one_of(metric, names, ARRAY_LEN(names));
}

struct unserved limit_unserved(const struct run *run, const struct limit *limit, const char *metric)
{
    struct unserved unserved = {0};
    const struct run_series *series = run_find_series(run, "unserved_wait_ms", NULL);
    for (size_t i = 0; is_latency(metric) && i < run->finding_count; i++)
        unserved.is_saturated |= strcmp(run->findings[i].rule, "saturated") == 0;
    for (size_t i = 0; series && counts_wait(metric) && i < series->count; i++) {
        const struct run_sample *sample = &series->samples[i];
        if (isnan(sample->value) || !run_invocation_counts(run, sample->invocation))
            continue;
        unserved.count++;
        unserved.over += !limit_is_minimum(limit) && sample->value > limit->bound;
    }
    return unserved;
}

void limit_forbid_pass_unserved(const struct unserved *unserved, bool is_percentile,
                                const char *subject, const char *value, const char *bound,
                                struct finding *finding)
{
    bool is_open = unserved->is_saturated || (unserved->count > 0 && !is_percentile);
    if (finding->outcome != OUTCOME_PASS || !is_open)
        return;
    finding->outcome = OUTCOME_UNDECIDED;
    if (unserved->is_saturated) {
        finding_sentence(finding,
                         "%s is %s, %s: but the queue grew all the time (saturated): the longer it "
                         "goes on, the longer the wait",
                         subject, value, bound);
        finding_advice(finding, "offer less (--rate), or serve more (--streams, --threads, a "
                                "faster device)");
        return;
    }
    finding_sentence(finding,
                     "%s is %s, %s: but %" PRIu64 " arrived and were never served, so their "
                     "latency is not known",
                     subject, value, bound, unserved->count);
    finding_advice(finding, "offer less (--rate), or judge a percentile, which counts them");
}
