/* stop_rule.c: when is it enough, and which of it was warm-up.
 *
 * Explicit -n and --duration win. Otherwise: the default count, the default duration and as many
 * samples as the strictest limit needs, all three; but never past --max-duration. A limit that is
 * still undecided for lack of samples keeps the run going; one that cannot be measured at all does
 * not.
 */
#include <stdlib.h>

#include "base/unit.h"
#include "base/util.h"
#include "measure/measure_internal.h"
#include "stats/stats.h"

static uint64_t warmup_units(const struct measure *measure)
{
    return measure->plan.warmup_auto ? measure->warmup_found : measure->plan.warmup_units;
}

uint64_t stop_rule_units(const struct measure *measure)
{
    uint64_t warmup = warmup_units(measure);
    return measure->invocations > warmup ? measure->invocations - warmup : 0;
}

uint64_t stop_rule_units_needed(const struct measure_plan *plan)
{
    if (plan->units_explicit)
        return plan->units;
    if (plan->duration_explicit)
        return 1;
    uint64_t needed = plan->units ? plan->units : MEASURE_DEFAULT_UNITS;
    for (size_t i = 0; i < plan->limit_count; i++) {
        if (!plan->limits[i].waived)
            needed = u64_max(needed, limit_samples_needed(&plan->limits[i]));
    }
    return needed;
}

static uint64_t duration_needed_ns(const struct measure *measure)
{
    const struct measure_plan *plan = &measure->plan;
    if (plan->duration_explicit)
        return plan->duration_ns;
    if (plan->units_explicit)
        return 0;
    return plan->duration_ns ? plan->duration_ns : MEASURE_DEFAULT_DURATION_NS;
}

/* Time since the first unit began that was not asked for as warm-up. */
static uint64_t elapsed_ns(const struct measure *measure)
{
    return measure->measuring_ns ? clock_mono_ns() - measure->measuring_ns : 0;
}

/* Does a limit want more samples? Judged at counts that grow by half: judging sorts, and doing that
 * after each of a million units would cost more than the units. And looking again and again costs
 * confidence. Simulated: a p99 limit with exactly 1 % over it, up to 20,000 units, passes in 5 % of
 * the runs (one look: 1 %; looks at every tenth more: 7 %), with 1.2 % over it in less than 1 %;
 * the limit of a mean (CV 10 %) that lies exactly on it, up to 5,000 units, passes in 17 % (one
 * look: 2.5 %; every tenth more: 24 %), 1 % above it in 2 %. */
static bool limits_want_more(struct measure *measure)
{
    const struct measure_plan *plan = &measure->plan;
    uint64_t units = stop_rule_units(measure);
    if (units < measure->next_judging)
        return true;
    measure->next_judging = units + u64_max(1, units / 2);
    for (size_t i = 0; i < plan->limit_count; i++) {
        struct finding finding;
        if (plan->limits[i].waived || limit_judge(&measure->run, &plan->limits[i], &finding, NULL))
            continue;
        if (finding.outcome == OUTCOME_UNDECIDED && finding.n_needed > 0)
            return true;
    }
    measure->next_judging = units; /* decided: later questions are answered at once */
    return false;
}

bool stop_rule_wants_more(struct measure *measure)
{
    const struct measure_plan *plan = &measure->plan;
    if (measure->ended || measure->interrupted || measure->failed)
        return false;
    if (measure->invocations < warmup_units(measure))
        return true;
    if (stop_rule_units(measure) < 1)
        return true;
    bool lacks = stop_rule_units(measure) < measure->units_needed ||
                 elapsed_ns(measure) < duration_needed_ns(measure) + measure->warmup_found_ns;
    measure->out_of_time = false;
    if (plan->max_duration_ns && elapsed_ns(measure) >= plan->max_duration_ns) {
        measure->out_of_time = lacks;
        return false;
    }
    if (lacks)
        return true;
    if (plan->units_explicit || plan->duration_explicit || plan->limit_count == 0)
        return false;
    return limits_want_more(measure);
}

int stop_rule_find_cut(struct measure *measure, struct error *err)
{
    if (!measure->out_of_time)
        return 0;
    uint64_t units = stop_rule_units(measure), needed = measure->units_needed;
    char limit[32], wanted[32];
    struct finding finding;
    unit_format_ns((double)measure->plan.max_duration_ns, limit, sizeof(limit));
    unit_format_ns((double)duration_needed_ns(measure), wanted, sizeof(wanted));
    finding_init(&finding, "max_duration", SEVERITY_WARNING, "");
    if (units < needed)
        finding_sentence(&finding, "--max-duration (%s) ended it after %llu of %llu %s", limit,
                         (unsigned long long)units, (unsigned long long)needed,
                         measure->plan.workload->units);
    else
        finding_sentence(&finding, "--max-duration (%s) ended it before the %s that were wanted",
                         limit, wanted);
    finding.n = units;
    finding_advice(&finding, "give it more with --max-duration, or ask for less with -n");
    return sink_finding(measure->sink, &finding, err);
}

double stop_rule_share(const struct measure *measure)
{
    const struct measure_plan *plan = &measure->plan;
    double share = 1;
    uint64_t total = measure->units_needed + warmup_units(measure);
    if (total > 0)
        share = (double)measure->invocations / (double)total;
    uint64_t duration = duration_needed_ns(measure);
    if (duration > 0) {
        duration += measure->warmup_found_ns;
        double by_time = (double)elapsed_ns(measure) / (double)duration;
        share = by_time < share ? by_time : share;
    }
    if (plan->max_duration_ns) {
        double by_limit = (double)elapsed_ns(measure) / (double)plan->max_duration_ns;
        share = by_limit > share ? by_limit : share;
    }
    return share > 1 ? 1 : share;
}

int warmup_settle(struct measure *measure, uint64_t *ret_found, struct error *err)
{
    *ret_found = 0;
    if (measure->warmup_settled || !measure->plan.warmup_auto)
        return 0;
    measure->warmup_settled = true;
    const struct run_series *series =
        run_find_series(&measure->run, measure->plan.workload->latency_metric, NULL);
    if (!series)
        return 0;
    CLEANUP_FREE double *values = NULL;
    CLEANUP_FREE uint32_t *invocations = NULL;
    size_t count = 0, found = 0;
    bool steady = true;
    int rc = run_collect(&measure->run, series, PHASE_STEADY, &values, &invocations, &count, err);
    if (rc < 0)
        return rc;
    if (steady_warmup(values, count, &found, &steady) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory looking for the warm-up");
    for (size_t i = 0; i < found; i++) {
        const struct invocation *invocation = &measure->run.invocations[invocations[i]];
        struct phase phase = {.kind = PHASE_WARMUP,
                              .invocation = invocations[i],
                              .first_unit = 0,
                              .unit_count = 1,
                              .begin_ns = invocation->begin_ns,
                              .end_ns = invocation->end_ns,
                              .found = true};
        rc = sink_phase(measure->sink, &phase, err);
        if (rc < 0)
            return rc;
    }
    measure->warmup_found = found;
    if (found > 0 && measure->measuring_ns) {
        uint64_t began_ns = measure->measuring_ns - measure->begin_ns;
        uint64_t settled_ns = (uint64_t)measure->run.invocations[invocations[found - 1]].end_ns;
        measure->warmup_found_ns = settled_ns > began_ns ? settled_ns - began_ns : 0;
    }
    *ret_found = found;
    return 0;
}
