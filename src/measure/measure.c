/* measure.c: the life of one run: open, step by step, close.
 *
 * The run in memory and the caller's sink hang on one tee: when the store's disk is full, the run
 * in memory goes on and nothing is lost.
 */
#include "measure/measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/analyzer.h"
#include "base/interrupt.h"
#include "base/str.h"
#include "base/util.h"
#include "format/segment.h"
#include "measure/measure_internal.h"
#include "model/environment.h"

/* ---- begin -------------------------------------------------------------------------------- */

static int declare_series(struct measure *measure, struct error *err)
{
    size_t count = 0;
    const struct series *series =
        measure->plan.workload->series(measure->plan.workload_state, &count);
    for (size_t i = 0; i < count + measure->channel_count; i++) {
        struct sample_block block = {.series = i < count ? &series[i]
                                                         : &measure->channels[i - count].series};
        int rc = sink_samples(measure->sink, &block, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* The user's label, else the workload's, else the command line, cut to what fits a list. */
static const char *label_of(const struct measure_plan *plan, const struct facts *workload,
                            struct strbuf *buf)
{
    const struct fact *command = facts_get(workload, "command");
    if (plan->label || !command || command->kind != FACT_LIST)
        return plan->label ? plan->label : facts_get_text(workload, "label", plan->workload->name);
    for (size_t i = 0; i < command->list_count; i++) {
        strbuf_append(buf, i ? " " : "");
        strbuf_append(buf, command->list[i]);
    }
    char cut[64];
    str_copy(cut, sizeof(cut), strbuf_get(buf));
    str_make_printable(cut);
    strbuf_clear(buf);
    strbuf_append(buf, cut);
    return strbuf_get(buf);
}

static int begin_run(struct measure *measure, struct error *err)
{
    const struct measure_plan *plan = &measure->plan;
    struct facts environment = {0}, workload = {0};
    environment_read(plan->root, &environment);
    facts_text(&workload, "kind", plan->workload->name, NULL);
    plan->workload->describe(plan->workload_state, &workload);
    facts_text(&workload, "unit", plan->workload->unit, NULL);
    facts_text(&workload, "units", plan->workload->units, NULL);
    facts_text(&workload, "latency_metric", plan->workload->latency_metric, NULL);
    if (plan->deadline_ms > 0)
        facts_number(&workload, "deadline_ms", plan->deadline_ms, NULL);
    if (plan->profile)
        facts_text(&workload, "profile", plan->profile, "--profile");
    int rc = 0;
    if (environment.failed || workload.failed)
        rc = error_set(err, ERROR_NOMEM, "out of memory describing the run");
    CLEANUP(strbuf_deinit) struct strbuf label = {0};
    struct run_info info = {.label = label_of(plan, &workload, &label),
                            .synthetic = sampler_is_synthetic(measure->sampler),
                            .environment = &environment,
                            .workload = &workload};
    run_make_id(info.id);
    info.begin_epoch_s = clock_epoch_s();
    info.begin_mono_ns = measure->begin_ns = clock_mono_ns();
    if (rc == 0)
        rc = sink_begin(measure->sink, &info, err);
    if (rc == 0)
        rc = declare_series(measure, err);
    facts_deinit(&environment);
    facts_deinit(&workload);
    return rc;
}

int measure_open(const struct measure_plan *plan, struct measure **ret_measure, struct error *err)
{
    struct measure *measure = calloc(1, sizeof(*measure));
    if (!measure)
        return error_set(err, ERROR_NOMEM, "out of memory");
    measure->plan = *plan;
    measure->units_needed = stop_rule_units_needed(plan);
    run_init(&measure->run);
    sink_tee_init(&measure->tee);
    sink_tee_add(&measure->tee, run_sink_of(&measure->run));
    for (size_t i = 0; i < MEASURE_SINKS_MAX; i++) {
        if (!plan->sink[i])
            continue;
        measure->branch[i] = measure->tee.count;
        sink_tee_add(&measure->tee, plan->sink[i]);
    }
    measure->sink = &measure->tee.sink;
    measure->own_cpu_begin_ns = clock_process_ns();

    int rc = sampling_open(measure, err);
    if (rc == 0)
        rc = begin_run(measure, err);
    if (rc < 0) {
        measure_free(measure);
        return rc;
    }
    progress_begin(&measure->progress, "measuring", plan->quiet);
    *ret_measure = measure;
    return 0;
}

/* ---- one invocation ----------------------------------------------------------------------- */

static int io_samples(struct workload_io *io, const struct sample_block *block, struct error *err)
{
    struct measure *measure = io->context;
    int rc = sink_samples(measure->sink, block, err);
    if (rc == 0)
        span_note_units(measure, block);
    return rc;
}

static int io_event(struct workload_io *io, const struct event *event, struct error *err)
{
    struct measure *measure = io->context;
    return sink_event(measure->sink, event, err);
}

static int io_phase(struct workload_io *io, const struct phase *phase, struct error *err)
{
    struct measure *measure = io->context;
    int rc = sink_phase(measure->sink, phase, err);
    if (rc == 0)
        span_note_phase(measure, phase);
    return rc;
}

static uint64_t io_units_allowed(struct workload_io *io)
{
    struct measure *measure = io->context;
    return has_many_units(measure) ? stop_rule_units_allowed(measure) : 1;
}

static void io_target(struct workload_io *io, pid_t pid)
{
    struct measure *measure = io->context;
    sampler_set_target(measure->sampler, pid);
}

/* What the many units of an invocation have come to. */
static void describe_stage(const struct measure *measure, char *buf, size_t size)
{
    const struct span *span = &measure->span;
    uint64_t asked = measure->plan.warmup_auto ? 0 : measure->plan.warmup_units;
    if (span->units == 0)
        snprintf(buf, size, "loading, %.0f s",
                 (double)((int64_t)(clock_mono_ns() - measure->begin_ns) -
                          measure->invocation_begin_ns) /
                     (double)NS_PER_S);
    else if (span->units < span->apart + asked)
        snprintf(buf, size, "warm-up");
    else
        snprintf(buf, size, "%s %llu", measure->plan.workload->unit,
                 (unsigned long long)span_measured(measure));
}

static void draw_progress(struct measure *measure)
{
    char note[128], stage[64];
    uint64_t spans = stop_rule_spans(&measure->plan);
    bool warming = measure->invocations <= measure->plan.warmup_units && !measure->plan.warmup_auto;
    if (has_many_units(measure)) {
        describe_stage(measure, stage, sizeof(stage));
        if (spans > 1)
            snprintf(note, sizeof(note), "process %u of %llu: %s", measure->invocations,
                     (unsigned long long)spans, stage);
        else
            str_copy(note, sizeof(note), stage);
    } else {
        snprintf(note, sizeof(note), "%s %u%s", measure->plan.workload->unit, measure->invocations,
                 warming ? " (warm-up)" : "");
    }
    progress_update(&measure->progress, stop_rule_share(measure), note);
}

static bool io_stop_requested(struct workload_io *io, bool *ret_at_once)
{
    struct measure *measure = io->context;
    sampling_drain(measure);
    draw_progress(measure);
    *ret_at_once = interrupt_count() > 1;
    return interrupt_count() > 0;
}

/* What a finished invocation means for the run. `program` holds the sentence when it failed. */
static int judge_invocation(struct measure *measure, const struct invocation *invocation,
                            const struct error *program, struct error *err)
{
    if (invocation->outcome == INVOCATION_OK)
        return 0;
    if (invocation->outcome == INVOCATION_INTERRUPTED) {
        measure->interrupted = true;
        return error_set(err, ERROR_INTERRUPTED, "interrupted");
    }
    measure->failures++;
    measure->program_error = *program;
    /* A program that cannot even start will not start the next time. */
    if (measure->plan.ignore_failure && invocation->outcome != INVOCATION_NOT_STARTED)
        return 0;
    measure->failed = true;
    if (err)
        *err = *program;
    return -ERROR_PROGRAM;
}

/* What the workload said when it is over: its outcome, its phases, what that means. */
static int take_invocation(struct measure *measure, const struct invocation *invocation,
                           const struct error *program, struct error *err)
{
    int rc = sink_invocation(measure->sink, invocation, err);
    if (rc == 0)
        rc = span_end_invocation(measure, invocation, err);
    if (rc == 0)
        rc = judge_invocation(measure, invocation, program, err);
    return rc;
}

/* An error that came up where it could not be returned ends the run here. */
static int tell_late_error(struct measure *measure, struct error *err)
{
    if (!measure->late_error.code)
        return 0;
    measure->failed = true;
    if (err)
        *err = measure->late_error;
    return -measure->late_error.code;
}

int measure_step(struct measure *measure, bool *ret_more, struct error *err)
{
    *ret_more = false;
    if (interrupt_count() > 0) {
        measure->interrupted = true;
        return error_set(err, ERROR_INTERRUPTED, "interrupted");
    }
    struct workload_io io = {.context = measure,
                             .run_begin_ns = measure->begin_ns,
                             .invocation = measure->invocations,
                             .samples = io_samples,
                             .event = io_event,
                             .phase = io_phase,
                             .units_allowed = io_units_allowed,
                             .target = io_target,
                             .stop_requested = io_stop_requested,
                             .wake_fd = interrupt_fd()};
    struct invocation invocation = {.index = measure->invocations};
    span_begin_invocation(measure);
    struct error program = {0};
    int rc =
        measure->plan.workload->invoke(measure->plan.workload_state, &io, &invocation, &program);
    sampling_drain(measure);
    if (rc < 0) {
        measure->failed = true;
        if (err)
            *err = program;
        return rc;
    }
    rc = take_invocation(measure, &invocation, &program, err);
    if (rc < 0)
        return rc;
    draw_progress(measure);
    *ret_more = stop_rule_wants_invocation(measure);
    return tell_late_error(measure, err);
}

/* ---- end ---------------------------------------------------------------------------------- */

/* What an instrumented program said before it failed is kept (workload/command/channels.c). */
static bool keeps_channels_of_failed(const struct measure *measure)
{
    for (size_t i = 0; i < measure->run.series_count && !measure->plan.ignore_failure; i++) {
        const char *source = measure->run.series[i].series.source;
        if (source && strcmp(source, SEGMENT_SOURCE) == 0)
            return true;
    }
    return false;
}

static int find_failures(struct measure *measure, struct error *err)
{
    if (measure->failures == 0)
        return 0;
    struct finding finding;
    finding_init(&finding, "program_failed", SEVERITY_WARNING, "");
    const char *one = has_many_units(measure) ? "process" : measure->plan.workload->unit;
    const char *several = has_many_units(measure) ? "processes" : measure->plan.workload->units;
    finding_sentence(
        &finding, "%llu of %u %s failed and %s kept out of every figure%s; the last: %s",
        (unsigned long long)measure->failures, measure->invocations,
        measure->invocations == 1 ? one : several, measure->failures == 1 ? "is" : "are",
        keeps_channels_of_failed(measure) ? " but what the program recorded itself" : "",
        measure->program_error.message);
    finding_value(&finding, (double)measure->failures, NULL);
    finding.n = measure->invocations;
    finding_evidence(&finding, "exit status, signal or time-out of each %s", one);
    finding_advice(&finding, "%s",
                   measure->program_error.hint[0]
                       ? measure->program_error.hint
                       : "run it once with --show-output to see what it says");
    return sink_finding(measure->sink, &finding, err);
}

static int judge_limits(struct measure *measure, struct error *err)
{
    for (size_t i = 0; i < measure->plan.limit_count; i++) {
        struct finding finding;
        int rc = limit_judge(&measure->run, &measure->plan.limits[i], &finding, err);
        if (rc == 0)
            rc = sink_finding(measure->sink, &finding, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int conclude(struct measure *measure, struct error *err)
{
    /* A run that was cut short has its warm-up too: it must not stay in the figures. */
    uint64_t found = 0;
    int rc = span_settle_warmup(measure, &found, err);
    if (rc == 0)
        rc = span_tell_phases(measure, err);
    if (rc == 0)
        rc = find_failures(measure, err);
    if (rc == 0)
        rc = stop_rule_find_cut(measure, err);
    if (rc == 0)
        rc = sampling_find_gaps(measure, err);
    if (rc == 0 && measure->plan.workload->findings)
        rc = measure->plan.workload->findings(measure->plan.workload_state, measure->sink, err);
    if (rc == 0)
        rc = energy_tell(measure, err);
    if (rc == 0)
        rc = analyzers_run(&measure->run, measure->sink, err);
    if (rc == 0)
        rc = judge_limits(measure, err);
    return rc;
}

int measure_close(struct measure *measure, struct error *err)
{
    if (measure->closed)
        return 0;
    measure->closed = true;
    measure->ended = true;
    progress_end(&measure->progress);
    sampler_stop(measure->sampler);
    sampling_drain(measure);

    struct facts after = {0}, workload = {0};
    environment_read_changing(measure->plan.root, &after);
    if (measure->plan.workload->describe_after)
        measure->plan.workload->describe_after(measure->plan.workload_state, &workload);
    /* A run that did not reach its stop rule is interrupted, whoever ended it: it must not pass. */
    bool cut_short = measure->interrupted || measure->failed;
    measure->run.state = cut_short ? RUN_INTERRUPTED : RUN_RECORDING;
    int rc = conclude(measure, err);
    struct run_end end = {.state = cut_short ? RUN_INTERRUPTED : RUN_COMPLETE,
                          .end_ns = (int64_t)(clock_mono_ns() - measure->begin_ns),
                          .own_cpu_ns = clock_process_ns() - measure->own_cpu_begin_ns,
                          .verdict = verdict_of(measure->run.findings, measure->run.finding_count),
                          .environment_after = &after,
                          .workload_after = &workload};
    int end_rc = sink_end(measure->sink, &end, rc == 0 ? err : NULL);
    facts_deinit(&after);
    facts_deinit(&workload);
    if (rc == 0)
        rc = end_rc;
    /* What was measured is whole, but who stopped tacho at the very end did stop it. */
    if (rc == 0 && !cut_short && interrupt_count() > 0)
        rc = error_set(err, ERROR_INTERRUPTED, "interrupted");
    return rc;
}

const struct run *measure_run_get(const struct measure *measure)
{
    return &measure->run;
}

const struct error *measure_sink_error(const struct measure *measure, size_t sink)
{
    size_t branch = sink < MEASURE_SINKS_MAX ? measure->branch[sink] : 0;
    return branch && measure->tee.errors[branch].code ? &measure->tee.errors[branch] : NULL;
}

void measure_free(struct measure *measure)
{
    if (!measure)
        return;
    progress_end(&measure->progress);
    sampling_close(measure);
    run_deinit(&measure->run);
    free(measure);
}

int measure_run(const struct measure_plan *plan, struct measure **ret_measure, struct error *err)
{
    struct measure *measure = NULL;
    int rc = measure_open(plan, &measure, err);
    if (rc < 0)
        return rc;
    *ret_measure = measure;
    bool more = true;
    while (more && rc == 0)
        rc = measure_step(measure, &more, err);
    int close_rc = measure_close(measure, rc == 0 ? err : NULL);
    return rc < 0 ? rc : close_rc;
}
