/* span.c: counts units as they are handed over, and tells which of them are first, warm-up and
 * steady.
 *
 * Phases of many units are ranges. They may be told while the units still come (limits are judged
 * then, and a run that is killed keeps what is known) and again at the end: later ones override.
 */
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "measure/measure_internal.h"
#include "stats/stats.h"

static const struct run_series *latency_series(const struct measure *measure)
{
    return run_find_series(&measure->run, measure->plan.workload->latency_metric, NULL);
}

uint64_t span_warmup(const struct measure *measure)
{
    return measure->plan.warmup_auto ? measure->span.warmup_found : measure->plan.warmup_units;
}

/* Units before the first measured one. */
static uint64_t span_head(const struct measure *measure)
{
    return measure->span.apart + span_warmup(measure);
}

/* Units up to the last measured one: with -n no more than were asked for, however many came. */
static uint64_t span_end(const struct measure *measure)
{
    const struct measure_plan *plan = &measure->plan;
    uint64_t head = span_head(measure), end = measure->span.units;
    bool is_counted = has_many_units(measure) && plan->units_explicit && !plan->duration_explicit;
    return is_counted ? u64_min(end, head + plan->units) : end;
}

uint64_t span_measured(const struct measure *measure)
{
    uint64_t head = span_head(measure), end = span_end(measure);
    return end > head ? end - head : 0;
}

/* ---- times ---- */

static int64_t i64_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* When the last of the units before `unit` ended, since the run began; not before what the workload
 * told of itself. Streams may hand units over out of order, so the latest counts. */
static int64_t end_of_units_before(const struct measure *measure, uint64_t unit)
{
    const struct span *span = &measure->span;
    int64_t end_ns = i64_max(measure->invocation_begin_ns, span->told_end_ns);
    if (unit >= span->units)
        return i64_max(end_ns, span->last_end_ns);
    const struct run_series *series = latency_series(measure);
    for (size_t i = span->first_sample; series && i < series->count; i++) {
        const struct run_sample *sample = &series->samples[i];
        if (sample->unit < unit && sample->invocation == span->first_invocation)
            end_ns = i64_max(end_ns, sample->t_ns);
    }
    return end_ns;
}

/* The time of the measured part counts from the end of the units that are kept apart and, where it
 * is asked for, of the warm-up. */
static void set_begin_of_measuring(struct measure *measure)
{
    struct span *span = &measure->span;
    uint64_t head = span->apart + (measure->plan.warmup_auto ? 0 : measure->plan.warmup_units);
    span->measuring_ns = 0;
    if (span->units >= head)
        span->measuring_ns = measure->begin_ns + (uint64_t)end_of_units_before(measure, head);
}

/* ---- what comes in ---- */

void span_begin_invocation(struct measure *measure)
{
    struct span *span = &measure->span;
    uint64_t now_ns = clock_mono_ns();
    measure->invocation_begin_ns = (int64_t)(now_ns - measure->begin_ns);
    if (has_many_units(measure)) {
        const struct run_series *series = latency_series(measure);
        *span = (struct span){.first_invocation = measure->invocations,
                              .apart = measure->plan.workload->first_unit_apart ? 1 : 0,
                              .last_end_ns = INT64_MIN,
                              .first_sample = series ? series->count : 0};
        set_begin_of_measuring(measure);
    } else {
        if (measure->invocations >= measure->plan.warmup_units && !span->measuring_ns)
            span->measuring_ns = now_ns;
        span->units++;
    }
    measure->invocations++;
}

void span_note_units(struct measure *measure, const struct sample_block *block)
{
    struct span *span = &measure->span;
    bool is_latency = block->series->kind == SERIES_UNIT &&
                      !strcmp(block->series->metric->name, measure->plan.workload->latency_metric);
    if (!has_many_units(measure) || !is_latency || block->n == 0)
        return;
    span->units = u64_max(span->units, block->first_unit + block->n);
    for (size_t i = 0; block->t_ns && i < block->n; i++)
        span->last_end_ns = i64_max(span->last_end_ns, block->t_ns[i]);
    if (!span->measuring_ns)
        set_begin_of_measuring(measure);
}

void span_note_phase(struct measure *measure, const struct phase *phase)
{
    struct span *span = &measure->span;
    if (!has_many_units(measure) || phase->kind >= PHASE_WARMUP)
        return;
    span->told_units = 0;
    span->apart = u64_max(span->apart, phase->first_unit + phase->unit_count);
    span->first_told |= phase->kind == PHASE_FIRST && phase->unit_count > 0;
    span->told_end_ns = i64_max(span->told_end_ns, phase->end_ns);
    set_begin_of_measuring(measure);
}

/* ---- what is told ---- */

static int tell_range(struct measure *measure, enum phase_kind kind, uint64_t first, uint64_t end,
                      struct error *err)
{
    if (first >= end)
        return 0;
    struct phase phase = {.kind = kind,
                          .invocation = measure->span.first_invocation,
                          .first_unit = first,
                          .unit_count = end - first,
                          .begin_ns = end_of_units_before(measure, first),
                          .end_ns = end_of_units_before(measure, end),
                          .found = kind == PHASE_WARMUP && measure->plan.warmup_auto};
    return sink_phase(measure->sink, &phase, err);
}

int span_tell_phases(struct measure *measure, struct error *err)
{
    struct span *span = &measure->span;
    uint64_t apart = u64_min(span->apart, span->units);
    uint64_t head = u64_min(span_head(measure), span->units), end = span_end(measure);
    int rc = 0;
    if (!has_many_units(measure) || (span->told_units == span->units && span->told_head == head))
        return 0;
    if (measure->plan.workload->first_unit_apart && !span->first_told && apart > 0)
        rc = tell_range(measure, PHASE_FIRST, 0, 1, err);
    if (rc == 0)
        rc = tell_range(measure, PHASE_WARMUP, apart, head, err);
    if (rc == 0)
        rc = tell_range(measure, PHASE_STEADY, head, end, err);
    if (rc == 0)
        rc = tell_range(measure, PHASE_COOLDOWN, end, span->units, err);
    span->told_units = span->units;
    span->told_head = head;
    return rc;
}

/* One unit in each invocation: the unit is the invocation. */
static int tell_launch(struct measure *measure, const struct invocation *invocation,
                       struct error *err)
{
    bool is_warmup = !measure->plan.warmup_auto && invocation->index < measure->plan.warmup_units;
    struct phase phase = {.kind = is_warmup ? PHASE_WARMUP : PHASE_STEADY,
                          .invocation = invocation->index,
                          .unit_count = 1,
                          .begin_ns = invocation->begin_ns,
                          .end_ns = invocation->end_ns};
    return sink_phase(measure->sink, &phase, err);
}

int span_end_invocation(struct measure *measure, const struct invocation *invocation,
                        struct error *err)
{
    if (!has_many_units(measure))
        return tell_launch(measure, invocation, err);
    if (measure->span.last_end_ns == INT64_MIN) /* its units have no times */
        measure->span.last_end_ns = invocation->end_ns;
    return span_tell_phases(measure, err);
}

/* ---- warm-up ---- */

/* Warm-up among launches: the units are invocations, and each gets its own phase again. */
static int tell_warmup_launches(struct measure *measure, const uint32_t *launches, size_t found,
                                struct error *err)
{
    for (size_t i = 0; i < found; i++) {
        const struct invocation *invocation = &measure->run.invocations[launches[i]];
        struct phase phase = {.kind = PHASE_WARMUP,
                              .invocation = launches[i],
                              .unit_count = 1,
                              .begin_ns = invocation->begin_ns,
                              .end_ns = invocation->end_ns,
                              .found = true};
        int rc = sink_phase(measure->sink, &phase, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* When the last of the warm-up that was found ended, since the run began. */
static int64_t end_of_warmup(const struct measure *measure, const uint32_t *invocations)
{
    const struct span *span = &measure->span;
    if (has_many_units(measure))
        return end_of_units_before(measure, span->apart + span->warmup_found);
    return measure->run.invocations[invocations[span->warmup_found - 1]].end_ns;
}

/* The values of this span: those that count stand behind those of earlier spans. */
static size_t skip_earlier_spans(const struct measure *measure, const uint32_t *invocations,
                                 size_t count)
{
    size_t skip = 0;
    while (skip < count && invocations[skip] < measure->span.first_invocation)
        skip++;
    return skip;
}

static int keep_warmup_apart(struct measure *measure, const uint32_t *invocations, size_t found,
                             struct error *err)
{
    struct span *span = &measure->span;
    span->warmup_found = found;
    int64_t settled_ns = end_of_warmup(measure, invocations);
    int64_t began_ns = (int64_t)(span->measuring_ns - measure->begin_ns);
    if (span->measuring_ns && settled_ns > began_ns)
        span->warmup_found_ns = (uint64_t)(settled_ns - began_ns);
    return has_many_units(measure) ? span_tell_phases(measure, err)
                                   : tell_warmup_launches(measure, invocations, found, err);
}

int span_settle_warmup(struct measure *measure, uint64_t *ret_found, struct error *err)
{
    *ret_found = 0;
    const struct run_series *series = latency_series(measure);
    if (measure->span.warmup_settled || !measure->plan.warmup_auto || !series)
        return 0;
    measure->span.warmup_settled = true;
    CLEANUP_FREE double *values = NULL;
    CLEANUP_FREE uint32_t *invocations = NULL;
    size_t count = 0, found = 0;
    bool steady = true;
    int rc = span_tell_phases(measure, err); /* what is kept apart is no part of what is searched */
    if (rc == 0)
        rc = run_collect(&measure->run, series, PHASE_STEADY, &values, &invocations, &count, err);
    if (rc < 0)
        return rc;
    size_t skip = skip_earlier_spans(measure, invocations, count);
    if (steady_warmup(values + skip, count - skip, &found, &steady) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory looking for the warm-up");
    *ret_found = found;
    return found > 0 ? keep_warmup_apart(measure, invocations + skip, found, err) : 0;
}
