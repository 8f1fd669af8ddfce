/* invoke.c: one process of the model: begin it, follow it, take what it tells, end it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "workload/onnx/internal.h"

/* Every look at the worker takes a core away from it where there is none to spare, so there are few
 * in the loop; but memory can run out within moments while a session is created, and a ring must
 * not fill up. */
#define POLL_MS 20
#define POLL_IN_LOOP_MS 50
#define RING_PART                                                                                  \
    8 /* looked at again soon where so much of a ring was full: a capacity over this */
#define MEMORY_IN_LOOP_NS (100 * NS_PER_MS)
/* After the first Ctrl-C: what has begun may take as long to finish as a program that is timed out
 * has between TERM and KILL. */
#define STOP_GRACE_NS (2 * NS_PER_S)

struct following {
    int stops;          /* how often the user's wish was passed on */
    uint64_t kill_ns;   /* when it is ended if it has not ended by itself; 0: never */
    uint64_t memory_ns; /* the last look at the memory */
    bool profile_is_read;
    int first_rc; /* what ended the worker: a sink that failed, the wrong provider */
    int poll_ms;
};

/* ---- phases ---- */

static int tell_phase(struct onnx_session *session, enum phase_kind kind, enum onnx_stage stage,
                      uint64_t first_unit, uint64_t units, struct error *err)
{
    const struct onnx_stage_report *report = &session->worker.shared->info.stages[stage];
    struct phase phase = {.kind = kind,
                          .invocation = session->io->invocation,
                          .first_unit = first_unit,
                          .unit_count = units,
                          .begin_ns = (int64_t)(report->begin_ns - session->io->run_begin_ns),
                          .end_ns = (int64_t)(report->end_ns - session->io->run_begin_ns)};
    return session->io->phase(session->io, &phase, err);
}

/* measure/ must know before it says how many may begin that profiled ones are none of the measured;
 * when they were is told when it is known. */
static int announce_profiled(struct onnx_session *session, struct error *err)
{
    uint64_t profiled = session->onnx->config.profiled_units;
    int64_t now_ns = (int64_t)(clock_mono_ns() - session->io->run_begin_ns);
    struct phase phase = {.kind = PHASE_PROFILED,
                          .invocation = session->io->invocation,
                          .first_unit = 1,
                          .unit_count = profiled - 1,
                          .begin_ns = now_ns,
                          .end_ns = now_ns};
    return profiled > 1 ? session->io->phase(session->io, &phase, err) : 0;
}

static int tell_stage(struct onnx_session *session, enum onnx_stage stage, struct error *err)
{
    uint64_t profiled = session->onnx->config.profiled_units;
    switch (stage) {
    case ONNX_STAGE_LOAD:
        return tell_phase(session, PHASE_LOAD, stage, 0, 0, err);
    case ONNX_STAGE_SESSION:
        return tell_phase(session, PHASE_SESSION, stage, 0, 0, err);
    case ONNX_STAGE_FIRST:
        return tell_phase(session, PHASE_FIRST, stage, 0, 1, err);
    case ONNX_STAGE_PROFILED:
        return profiled > 1 ? tell_phase(session, PHASE_PROFILED, stage, 1, profiled - 1, err) : 0;
    default:
        return 0;
    }
}

static int tell_stages(struct onnx_session *session, struct error *err)
{
    uint32_t stage = atomic_load(&session->worker.shared->stage);
    int rc = 0;
    /* A stage that the worker failed in did not come to an end. */
    if (atomic_load(&session->worker.shared->has_failed) != 0)
        return 0;
    while (rc == 0 && session->told_stage < stage && session->told_stage < ONNX_STAGES)
        rc = tell_stage(session, (enum onnx_stage)session->told_stage++, err);
    return rc;
}

/* ---- following ---- */

static void stop_worker(struct onnx_session *session, uint32_t stop)
{
    struct onnx_shared *shared = session->worker.shared;
    if (atomic_load(&shared->stop) >= stop)
        return;
    atomic_store(&shared->stop, stop);
    onnx_bell_ring(shared);
}

static void allow(struct onnx_session *session)
{
    struct onnx_shared *shared = session->worker.shared;
    uint64_t allowed = session->io->units_allowed(session->io);
    if (allowed == 0) {
        stop_worker(session, 1);
    } else if (allowed != atomic_load(&shared->allowed)) { /* it may become less, too */
        atomic_store(&shared->allowed, allowed);
        onnx_bell_ring(shared);
    }
}

/* First Ctrl-C: what has begun is finished, but nobody waits for a session to be created, nor for
 * ever. Second: the end at once. */
static void pass_on_stop(struct onnx_session *session, struct following *following)
{
    bool at_once = false;
    if (!session->io->stop_requested(session->io, &at_once))
        return;
    int wanted = at_once ? 2 : 1;
    uint64_t now_ns = clock_mono_ns();
    if (following->stops < wanted) {
        bool is_loading = atomic_load(&session->worker.shared->stage) < ONNX_STAGE_FIRST;
        following->stops = wanted;
        following->kill_ns = now_ns + (at_once || is_loading ? 0 : STOP_GRACE_NS);
        session->was_stopped = true;
        stop_worker(session, (uint32_t)wanted);
    }
    if (following->kill_ns == 0 || now_ns < following->kill_ns)
        return;
    following->kill_ns = 0;
    launcher_kill(session->worker.launcher, at_once, NULL);
}

static void watch_memory(struct onnx_session *session, struct following *following)
{
    uint64_t now_ns = clock_mono_ns();
    bool in_loop = atomic_load(&session->worker.shared->stage) >= ONNX_STAGE_LOOP;
    if (session->is_short_of_memory ||
        (in_loop && now_ns - following->memory_ns < MEMORY_IN_LOOP_NS))
        return;
    following->memory_ns = now_ns;
    if (!onnx_memory_is_short(&session->memory, session->worker.pid))
        return;
    session->is_short_of_memory = true;
    launcher_kill(session->worker.launcher, true, NULL);
}

/* What the worker told since the last time. */
static int take(struct onnx_session *session, struct following *following, bool is_over,
                struct error *err)
{
    struct onnx_shared *shared = session->worker.shared;
    int rc = tell_stages(session, err);
    if (rc == 0)
        rc = onnx_stream_drain(session, is_over, err);
    bool is_written =
        atomic_load(&shared->stage) >= ONNX_STAGE_LOOP && atomic_load(&shared->has_failed) == 0;
    if (rc == 0 && is_written && !following->profile_is_read) {
        following->profile_is_read = true;
        rc = onnx_check_profile(session, err);
    }
    return rc;
}

static void set_pace(const struct onnx_session *session, struct following *following)
{
    const struct onnx_shared *shared = session->worker.shared;
    bool is_busy = session->ring_peak * RING_PART > ONNX_RECORDS / session->merge.streams;
    following->poll_ms = following->poll_ms * 2;
    if (following->poll_ms > POLL_IN_LOOP_MS)
        following->poll_ms = POLL_IN_LOOP_MS;
    if (is_busy || atomic_load(&shared->stage) < ONNX_STAGE_LOOP)
        following->poll_ms = POLL_MS;
}

static int follow(struct onnx_session *session, struct launch_report *ret_report, struct error *err)
{
    struct following following = {.poll_ms = POLL_MS};
    struct onnx_worker *worker = &session->worker;
    bool is_over = false;
    while (!is_over) {
        /* Once the user has stopped us wake_fd stays readable: looking at it would spin. */
        int wake_fd = following.stops == 0 ? session->io->wake_fd : -1;
        is_over = onnx_worker_wait(worker, wake_fd, following.poll_ms);
        if (following.first_rc == 0) {
            following.first_rc = take(session, &following, is_over, err);
            if (following.first_rc < 0 && !is_over)
                launcher_kill(worker->launcher, true, NULL);
        }
        if (is_over || following.first_rc < 0)
            continue;
        allow(session);
        pass_on_stop(session, &following);
        watch_memory(session, &following);
        set_pace(session, &following);
    }
    int rc = launcher_report(worker->launcher, ret_report, following.first_rc == 0 ? err : NULL);
    return following.first_rc != 0 ? following.first_rc : rc;
}

/* ---- the whole ---- */

static int begin_worker(struct onnx_session *session, struct error *err)
{
    struct onnx *onnx = session->onnx;
    struct onnx_start start = {.timeout_ns = onnx->timeout_ns,
                               .has_cores = onnx->has_cores,
                               .cores = onnx->cores,
                               .scratch = &session->scratch,
                               .sets_gpu_order = onnx->sets_gpu_order,
                               .echo = onnx->show_output};
    int rc = onnx_scratch_make(&session->scratch, err);
    if (rc < 0)
        return rc;
    snprintf(onnx->config.profile_prefix, sizeof(onnx->config.profile_prefix), "%s/profile",
             session->scratch.path);
    onnx_memory_open(&session->memory);
    return onnx_worker_start(&session->worker, onnx->args->launcher, &onnx->config,
                             session->io->units_allowed(session->io), &start, err);
}

static int run_worker(struct onnx_session *session, struct invocation *ret_invocation,
                      struct error *err)
{
    struct launch_report report;
    int rc = announce_profiled(session, err);
    if (rc == 0)
        rc = begin_worker(session, err);
    if (rc < 0)
        return rc;
    session->io->target(session->io, session->worker.pid);
    rc = follow(session, &report, err);
    session->io->target(session->io, 0);
    if (rc < 0)
        return rc;
    struct onnx *onnx = session->onnx;
    onnx_shared_read_info(session->worker.shared, &onnx->info);
    onnx->has_info = true;
    onnx->tally.ring_waits += atomic_load(&session->worker.shared->ring_waits);
    onnx->tally.was_interrupted |= session->was_stopped;
    onnx->tally.is_saturated |=
        onnx_lag_grows(&onnx->tally.lag, onnx->config.streams, onnx->config.is_poisson);
    const struct onnx_stage_report *loop = &onnx->info.stages[ONNX_STAGE_LOOP];
    if (loop->end_ns > loop->begin_ns)
        onnx->tally.offered_s += (double)(loop->end_ns - loop->begin_ns) / (double)NS_PER_S;
    rc = onnx_settle_outcome(session, &report, ret_invocation, err);
    struct error *detail = ret_invocation->outcome == INVOCATION_OK ? err : NULL;
    if (rc == 0 && report.outcome != LAUNCH_EXEC_FAILED)
        rc = onnx_hand_over_end(session, &report, detail);
    return rc;
}

int onnx_invoke(void *state, struct workload_io *io, struct invocation *ret_invocation,
                struct error *err)
{
    struct onnx *onnx = state;
    struct onnx_session *session = calloc(1, sizeof(*session));
    if (session == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for an invocation");
    session->onnx = onnx;
    session->io = io;
    session->memory = (struct onnx_memory){.meminfo_fd = -1, .current_fd = -1, .stat_fd = -1};
    session->worker = (struct onnx_worker){.shared_fd = -1, .output_fd = -1};
    session->merge.streams = onnx->config.streams;
    onnx->tally.invocations++;
    onnx->tally.lag.count = 0;
    onnx->tally.lag.seen = 0;
    int rc = run_worker(session, ret_invocation, err);
    onnx_worker_end(&session->worker);
    onnx_scratch_remove(&session->scratch);
    onnx_memory_close(&session->memory);
    onnx_merge_deinit(&session->merge);
    throughput_deinit(&session->throughput);
    free(session);
    return rc;
}
