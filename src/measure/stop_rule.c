/* stop_rule.c: when is it enough.
 *
 * Explicit -n and --duration win. Otherwise: the default count, the default duration and as many
 * samples as the strictest limit needs, all three; but never past --max-duration. A limit that is
 * still undecided for lack of samples keeps the run going; one that cannot be measured at all does
 * not. Decided span by span (measure_internal.h); limits keep the last one going.
 */
#include <math.h>

#include "base/interrupt.h"
#include "base/unit.h"
#include "base/util.h"
#include "measure/measure_internal.h"

/* Longer than the parent of a worker takes to look at it, to order its records, and to search. */
#define SEARCH_AHEAD_NS (300 * NS_PER_MS)

uint64_t stop_rule_spans(const struct measure_plan *plan)
{
    return plan->workload->one_unit_per_invocation ? 1 : u64_max(1, plan->invocations);
}

static bool is_last_span(const struct measure *measure)
{
    return !has_many_units(measure) || measure->invocations >= stop_rule_spans(&measure->plan);
}

static uint64_t default_units(const struct measure_plan *plan)
{
    const struct workload *workload = plan->workload;
    if (plan->units)
        return plan->units;
    if (workload->default_units)
        return workload->default_units;
    return workload->one_unit_per_invocation ? MEASURE_DEFAULT_UNITS : MEASURE_DEFAULT_UNITS_MANY;
}

uint64_t stop_rule_units_needed(const struct measure_plan *plan)
{
    if (plan->units_explicit)
        return plan->units;
    if (plan->duration_explicit)
        return 1;
    uint64_t needed = 0, spans = stop_rule_spans(plan);
    for (size_t i = 0; i < plan->limit_count; i++) {
        if (!plan->limits[i].waived)
            needed = u64_max(needed, limit_samples_needed(&plan->limits[i]));
    }
    return u64_max(default_units(plan), (needed + spans - 1) / spans);
}

/* Of all spans together. */
static uint64_t duration_wanted_ns(const struct measure *measure)
{
    const struct measure_plan *plan = &measure->plan;
    if (plan->duration_explicit)
        return plan->duration_ns;
    if (plan->units_explicit)
        return 0;
    return plan->duration_ns ? plan->duration_ns : MEASURE_DEFAULT_DURATION_NS;
}

/* Of this span, the warm-up that was found in it besides. */
static uint64_t duration_needed_ns(const struct measure *measure)
{
    uint64_t wanted = duration_wanted_ns(measure);
    return wanted / stop_rule_spans(&measure->plan) + (wanted ? measure->span.warmup_found_ns : 0);
}

/* How long this span has been measuring: since its first unit began that was not kept apart or
 * asked for as warm-up. Among launches until the last of them ended: what tacho does between them
 * is no part of it. */
static uint64_t elapsed_ns(const struct measure *measure)
{
    const struct run *run = &measure->run;
    uint64_t until_ns = clock_mono_ns();
    if (!has_many_units(measure) && run->invocation_count > 0)
        until_ns = measure->begin_ns + (uint64_t)run->invocations[run->invocation_count - 1].end_ns;
    bool has_begun = measure->span.measuring_ns && until_ns > measure->span.measuring_ns;
    return has_begun ? until_ns - measure->span.measuring_ns : 0;
}

static bool is_out_of_time(const struct measure *measure)
{
    uint64_t limit = measure->plan.max_duration_ns;
    return limit && measure->elapsed_before + elapsed_ns(measure) >= limit;
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
    uint64_t units = measure->units_before + span_measured(measure);
    if (units < measure->span.next_judging)
        return true;
    measure->span.next_judging = units + u64_max(1, units / 2);
    /* Sensors are judged by the time of the steady phase. */
    if (span_tell_phases(measure, &measure->late_error) < 0)
        return false;
    for (size_t i = 0; i < plan->limit_count; i++) {
        struct finding finding;
        if (plan->limits[i].waived || limit_judge(&measure->run, &plan->limits[i], &finding, NULL))
            continue;
        if (finding.outcome == OUTCOME_UNDECIDED && finding.n_needed > 0)
            return true;
    }
    measure->span.next_judging = units; /* decided: later questions are answered at once */
    return false;
}

bool stop_rule_wants_more(struct measure *measure)
{
    const struct measure_plan *plan = &measure->plan;
    if (measure->ended || measure->interrupted || measure->failed)
        return false;
    uint64_t measured = span_measured(measure);
    if (measured < 1)
        return true;
    bool lacks =
        measured < measure->units_needed || elapsed_ns(measure) < duration_needed_ns(measure);
    measure->out_of_time = false;
    if (is_out_of_time(measure)) {
        measure->out_of_time = lacks || !is_last_span(measure);
        return false;
    }
    if (lacks)
        return true;
    if (plan->units_explicit || plan->duration_explicit || plan->limit_count == 0 ||
        !is_last_span(measure))
        return false;
    return limits_want_more(measure);
}

/* The search for warm-up comes when there is enough to search, and asks for as many more. */
static bool wants_more_after_warmup(struct measure *measure)
{
    if (stop_rule_wants_more(measure))
        return true;
    uint64_t found = 0;
    if (span_settle_warmup(measure, &found, &measure->late_error) < 0)
        return false;
    return found > 0 && stop_rule_wants_more(measure);
}

/* The search may ask for more units. A worker that had used up its leave by then would pause, and
 * what arrives in an open loop meanwhile would be found late by tacho's own doing. So the search
 * comes when the units that are left still take a moment … */
static bool is_nearly_enough(const struct measure *measure, double each_ns)
{
    uint64_t measured = span_measured(measure), needed = measure->units_needed;
    return measured < needed && measured >= (needed + 1) / 2 &&
           each_ns * (double)(needed - measured) < (double)SEARCH_AHEAD_NS;
}

/* … and until then there is leave for as many more as it can find, where they take no longer than
 * that: what turns out to be too many is kept apart as cool-down. */
static uint64_t reserve(const struct measure *measure, double each_ns)
{
    if (measure->span.warmup_settled || !measure->plan.warmup_auto)
        return 0;
    double in_time = each_ns > 0 ? (double)SEARCH_AHEAD_NS / each_ns : INFINITY;
    uint64_t half = measure->units_needed / 2;
    return (uint64_t)fmin((double)half, in_time);
}

bool stop_rule_wants_invocation(struct measure *measure)
{
    if (!has_many_units(measure))
        return wants_more_after_warmup(measure);
    /* It ended because somebody asked it to, and not because it was enough. */
    if (interrupt_count() > 0 && !measure->span.is_over && stop_rule_wants_more(measure))
        return true;
    uint64_t found = 0; /* a workload that never asked how many units */
    if (span_settle_warmup(measure, &found, &measure->late_error) < 0)
        return false;
    measure->elapsed_before += elapsed_ns(measure);
    measure->units_before += span_measured(measure);
    measure->span.measuring_ns = 0;
    measure->span.is_over = true;
    bool is_last = is_last_span(measure);
    measure->out_of_time = measure->out_of_time || (!is_last && is_out_of_time(measure));
    return !is_last && !measure->out_of_time;
}

uint64_t stop_rule_units_allowed(struct measure *measure)
{
    const struct measure_plan *plan = &measure->plan;
    struct span *span = &measure->span;
    if (span->is_over || interrupt_count() > 0 || measure->late_error.code)
        return 0;
    span->is_over = !wants_more_after_warmup(measure);
    if (span->is_over)
        return 0;
    if (!plan->units_explicit || plan->duration_explicit)
        return UINT64_MAX;
    /* Where a count alone decides, none is begun that nobody wants. */
    uint64_t found = 0, measured = span_measured(measure);
    double each_ns = measured > 0 ? (double)elapsed_ns(measure) / (double)measured : 0;
    if (is_nearly_enough(measure, each_ns) &&
        span_settle_warmup(measure, &found, &measure->late_error) < 0)
        return 0;
    return span->apart + span_warmup(measure) + measure->units_needed + reserve(measure, each_ns);
}

int stop_rule_find_cut(struct measure *measure, struct error *err)
{
    if (!measure->out_of_time)
        return 0;
    uint64_t units = measure->units_before, spans = stop_rule_spans(&measure->plan);
    uint64_t needed = measure->units_needed * spans;
    if (!has_many_units(measure))
        units += span_measured(measure);
    char limit[32], wanted[32];
    struct finding finding;
    unit_format_ns((double)measure->plan.max_duration_ns, limit, sizeof(limit));
    unit_format_ns((double)duration_wanted_ns(measure), wanted, sizeof(wanted));
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

static double span_share(const struct measure *measure)
{
    double share = 1;
    uint64_t total = measure->units_needed + measure->span.apart + span_warmup(measure);
    if (total > 0)
        share = (double)measure->span.units / (double)total;
    uint64_t duration = duration_needed_ns(measure);
    if (duration > 0) {
        double by_time = (double)elapsed_ns(measure) / (double)duration;
        share = by_time < share ? by_time : share;
    }
    return share > 1 ? 1 : share;
}

double stop_rule_share(const struct measure *measure)
{
    double spans = (double)stop_rule_spans(&measure->plan);
    double before =
        has_many_units(measure) && measure->invocations > 0 ? (double)measure->invocations - 1 : 0;
    double share = (before + span_share(measure)) / spans;
    if (measure->plan.max_duration_ns) {
        double by_limit = (double)(measure->elapsed_before + elapsed_ns(measure)) /
                          (double)measure->plan.max_duration_ns;
        share = by_limit > share ? by_limit : share;
    }
    return share > 1 ? 1 : share;
}
