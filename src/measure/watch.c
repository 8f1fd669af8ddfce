/* watch.c: the life of a watch: open, step by step, close. */
#include "measure/watch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/str.h"
#include "base/util.h"
#include "measure/watch_internal.h"
#include "model/environment.h"

/* ---- begin ---- */

/* What is watched, as the run's facts have it. */
static void describe(const struct watch *watch, struct facts *facts)
{
    const struct watch_plan *plan = &watch->plan;
    const char *commands[WATCH_TARGETS_MAX];
    size_t argc = 0;
    facts_text(facts, "kind", "monitor", NULL);
    facts_number(facts, "interval_s", (double)plan->interval_ns / (double)NS_PER_S, "--interval");
    for (size_t i = 0; i < plan->target_count; i++)
        commands[i] = plan->targets[i].command;
    while (plan->command && plan->command[argc])
        argc++;
    if (plan->command)
        facts_list(facts, "command", plan->command, argc, NULL);
    else if (plan->target_count == 1)
        facts_text(facts, "command", commands[0], "/proc/PID/cmdline");
    else
        facts_list(facts, "commands", commands, plan->target_count, "/proc/PID/cmdline");
    if (plan->target_count == 1)
        facts_integer(facts, "pid", plan->targets[0].pid, NULL);
    facts_text(facts, "children", plan->without_children ? "left out" : "counted", NULL);
    if (plan->work_file)
        facts_text(facts, "work_file", plan->work_file, "--work-file");
    if (plan->profile)
        facts_text(facts, "profile", plan->profile, "--profile");
}

static void make_label(const struct watch_plan *plan, char *buf, size_t size)
{
    if (plan->label)
        snprintf(buf, size, "%s", plan->label);
    else if (plan->command)
        snprintf(buf, size, "monitor %s", plan->command[0]);
    else if (plan->target_count == 0)
        snprintf(buf, size, "monitor the machine");
    else if (plan->target_count == 1)
        snprintf(buf, size, "monitor %s (%d)", plan->targets[0].name, (int)plan->targets[0].pid);
    else
        snprintf(buf, size, "monitor %zu processes", plan->target_count);
    str_make_printable(buf);
}

static int begin_run(struct watch *watch, struct error *err)
{
    struct facts environment = {0}, workload = {0};
    char label[160];
    int rc = 0;
    environment_read(watch->plan.root, &environment);
    describe(watch, &workload);
    make_label(&watch->plan, label, sizeof(label));
    if (environment.failed || workload.failed)
        rc = error_set(err, ERROR_NOMEM, "out of memory describing the run");
    struct run_info info = {.label = label,
                            .synthetic = sampler_is_synthetic(watch->sampler),
                            .environment = &environment,
                            .workload = &workload};
    run_make_id(info.id);
    info.begin_epoch_s = clock_epoch_s();
    info.begin_mono_ns = watch->begin_ns = clock_mono_ns();
    if (rc == 0)
        rc = sink_begin(watch->sink, &info, err);
    if (rc == 0)
        rc = watch_rows_declare(watch, err);
    facts_deinit(&environment);
    facts_deinit(&workload);
    return rc;
}

int watch_open(const struct watch_plan *plan, struct watch **ret_watch, struct error *err)
{
    if (plan->target_count > WATCH_TARGETS_MAX)
        return error_set(err, ERROR_USAGE, "more than %d processes to watch", WATCH_TARGETS_MAX);
    struct watch *watch = calloc(1, sizeof(*watch));
    if (!watch)
        return error_set(err, ERROR_NOMEM, "out of memory");
    watch->plan = *plan;
    watch->launched_target.pidfd = -1;
    watch->work.fd = -1;
    run_init(&watch->run);
    watch->run.time_samples_each = WATCH_SAMPLES_EACH;
    sink_tee_init(&watch->tee);
    sink_tee_add(&watch->tee, run_sink_of(&watch->run));
    watch->sink = &watch->tee.sink;
    watch->own_cpu_begin_ns = clock_process_ns();

    int rc = watch_rows_open(watch, err);
    if (rc == 0 && plan->on_open)
        rc = plan->on_open(watch->columns, watch->channel_count, plan->context, err);
    /* Not before: on_open may have opened them. */
    for (size_t i = 0; rc == 0 && i < WATCH_SINKS_MAX && plan->sink[i]; i++)
        sink_tee_add(&watch->tee, plan->sink[i]);
    if (rc == 0)
        rc = begin_run(watch, err);
    if (rc == 0) {
        watch->sampler_fd = sampler_fd(watch->sampler, err);
        rc = watch->sampler_fd < 0 ? watch->sampler_fd : 0;
    }
    /* Last, so that nothing of its life is missed, and none of ours disturbs its beginning. */
    if (rc == 0)
        rc = watch_targets_open(watch, err);
    if (rc == 0)
        rc = sampler_start(watch->sampler, err);
    if (rc < 0) {
        if (watch->launched)
            watch_targets_stop(watch, NULL);
        watch_free(watch);
        return rc;
    }
    *ret_watch = watch;
    return 0;
}

/* ---- step ---- */

static uint64_t elapsed_ns(const struct watch *watch)
{
    return clock_mono_ns() - watch->begin_ns;
}

static bool is_over(const struct watch *watch)
{
    /* The row of the very last interval is sampled a little after it. */
    uint64_t spare_ns = u64_min(watch->plan.interval_ns / 2, 50 * NS_PER_MS);
    if (interrupt_count() > 0)
        return true;
    if (watch->end_count > 0 && watch->alive == 0)
        return true;
    return watch->plan.duration_ns > 0 && elapsed_ns(watch) >= watch->plan.duration_ns + spare_ns;
}

static uint32_t rest_ms(const struct watch *watch, uint32_t timeout_ms)
{
    uint64_t now_ns = elapsed_ns(watch), end_ns = watch->plan.duration_ns;
    if (end_ns == 0)
        return timeout_ms;
    end_ns += u64_min(watch->plan.interval_ns / 2, 50 * NS_PER_MS);
    uint64_t rest_ns = end_ns > now_ns ? end_ns - now_ns : 0;
    return (uint32_t)u64_min(timeout_ms, (rest_ns + NS_PER_MS - 1) / NS_PER_MS);
}

int watch_step(struct watch *watch, uint32_t timeout_ms, bool *ret_more, struct error *err)
{
    *ret_more = false;
    int rc = watch_targets_wait(watch, rest_ms(watch, timeout_ms), err);
    watch_rows_drain(watch);
    if (rc < 0)
        return rc;
    if (watch->late_error.code) {
        if (err)
            *err = watch->late_error;
        return -watch->late_error.code;
    }
    *ret_more = !is_over(watch);
    return 0;
}

void watch_get_status(const struct watch *watch, struct watch_status *ret_status)
{
    struct sampler_stats stats = {0};
    if (watch->sampler)
        sampler_get_stats(watch->sampler, &stats);
    *ret_status = (struct watch_status){
        .elapsed_ns = watch->closed ? (uint64_t)watch->run.end_ns : elapsed_ns(watch),
        .rows = watch->rows,
        .missed_ticks = stats.missed_ticks,
        .dropped_rows = stats.dropped_rows,
        .late_ns_p50 = stats.late_ns_p50,
        .late_ns_p99 = stats.late_ns_p99,
        .late_ns_max = stats.late_ns_max,
        .own_cpu_ns = clock_process_ns() - watch->own_cpu_begin_ns,
        .alive = watch->alive,
        .cpu_s = watch->cpu_s,
        .growth = watch->is_judged ? &watch->verdict : NULL,
        .row = watch->row.t_ns > 0 ? &watch->row : NULL,
        .channels = watch->columns,
        .channel_count = watch->channel_count,
        .ends = watch->ends,
        .end_count = watch->end_count,
    };
}

/* ---- end ---- */

/* How well the pace was kept. */
static void describe_ticks(const struct watch *watch, struct facts *facts)
{
    struct sampler_stats stats;
    sampler_get_stats(watch->sampler, &stats);
    facts_integer(facts, "ticks_missed", (int64_t)(stats.missed_ticks + stats.dropped_rows), NULL);
    facts_number(facts, "tick_late_p50_ms", (double)stats.late_ns_p50 / (double)NS_PER_MS, NULL);
    facts_number(facts, "tick_late_p99_ms", (double)stats.late_ns_p99 / (double)NS_PER_MS, NULL);
    facts_number(facts, "tick_late_max_ms", (double)stats.late_ns_max / (double)NS_PER_MS, NULL);
}

static int end_run(struct watch *watch, struct error *err)
{
    struct facts after = {0}, workload = {0};
    int64_t end_ns = (int64_t)elapsed_ns(watch);
    environment_read_changing(watch->plan.root, &after);
    if (watch->end_count > 0 && watch->cpu_column >= 0)
        facts_number(&workload, "cpu_time_s", watch->cpu_s, "cpu_track_pct");
    describe_ticks(watch, &workload);
    struct phase steady = {.kind = PHASE_STEADY, .unit_count = 1, .end_ns = end_ns + 1};
    watch->run.state = RUN_RECORDING;
    int rc = sink_phase(watch->sink, &steady, err);
    if (rc == 0)
        rc = watch_findings_tell(watch, err);
    struct run_end end = {.state = RUN_COMPLETE,
                          .end_ns = end_ns,
                          .own_cpu_ns = clock_process_ns() - watch->own_cpu_begin_ns,
                          .verdict = verdict_of(watch->run.findings, watch->run.finding_count),
                          .environment_after = &after,
                          .workload_after = &workload};
    int end_rc = sink_end(watch->sink, &end, rc == 0 ? err : NULL);
    facts_deinit(&after);
    facts_deinit(&workload);
    return rc < 0 ? rc : end_rc;
}

int watch_close(struct watch *watch, struct error *err)
{
    if (watch->closed)
        return 0;
    int stop_rc = watch_targets_stop(watch, err);
    sampler_stop(watch->sampler);
    watch_rows_drain(watch);
    int rc = end_run(watch, stop_rc == 0 ? err : NULL);
    watch->closed = true;
    return stop_rc < 0 ? stop_rc : rc;
}

const struct run *watch_run_get(const struct watch *watch)
{
    return &watch->run;
}

const struct error *watch_sink_error(const struct watch *watch, size_t sink)
{
    return sink + 1 < watch->tee.count && watch->tee.errors[sink + 1].code
               ? &watch->tee.errors[sink + 1]
               : NULL;
}

void watch_free(struct watch *watch)
{
    if (!watch)
        return;
    watch_rows_close(watch);
    watch_targets_close(watch);
    run_deinit(&watch->run);
    free(watch);
}
