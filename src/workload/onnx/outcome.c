/* outcome.c: how a worker ended, as a sentence for the user. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/unit.h"
#include "workload/onnx/internal.h"

#define WORDS_BYTES 200

const char *onnx_stage_phrase(uint32_t stage)
{
    static const char *const phrases[ONNX_STAGES] = {
        [ONNX_STAGE_START] = "before it began",
        [ONNX_STAGE_LOAD] = "while it opened the engine's library",
        [ONNX_STAGE_SESSION] = "while it created the session",
        [ONNX_STAGE_INPUTS] = "while it filled the inputs",
        [ONNX_STAGE_FIRST] = "in the first inference",
        [ONNX_STAGE_PROFILED] = "in the inferences that the engine's profiler watched",
        [ONNX_STAGE_LOOP] = "in the measured inferences",
        [ONNX_STAGE_END] = "when all was done",
    };
    return stage < ONNX_STAGES ? phrases[stage] : "in a stage that nobody knows";
}

static int tell_event(struct onnx_session *session, uint64_t t_ns, const char *name,
                      const char *text, struct error *err)
{
    struct event event = {.t_ns = (int64_t)(t_ns - session->io->run_begin_ns),
                          .invocation = session->io->invocation,
                          .name = name,
                          .text = text};
    return session->io->event(session->io, &event, err);
}

/* The settings that decide how much memory it takes. */
static const char *load_of(const struct onnx_session *session, char *buf, size_t size)
{
    snprintf(buf, size, "batch size %llu%s", (unsigned long long)session->onnx->shapes.batch_size,
             session->onnx->config.streams > 1 ? " in several streams" : "");
    return buf;
}

static void explain_memory(struct onnx_session *session, uint32_t stage, struct error *err)
{
    char left[32], load[64];
    const struct onnx_memory *memory = &session->memory;
    error_set(err, ERROR_PROGRAM,
              "%s of %s needs more memory than there is: its worker was stopped %s, before "
              "the machine ran out",
              load_of(session, load, sizeof(load)), session->onnx->choice.name,
              onnx_stage_phrase(stage));
    error_hint(err, "%s were left%s; take a smaller --batch-size",
               unit_format_bytes(memory->available_bytes, left, sizeof(left)),
               isfinite(memory->cgroup_limit_bytes) ? " (the cgroup has a limit)" : "");
}

static void explain_signal(struct onnx_session *session, const struct launch_report *report,
                           uint32_t stage, struct error *err)
{
    char words[WORDS_BYTES], load[64];
    const char *meaning = strsignal(report->signal);
    if (report->signal == SIGKILL && onnx_memory_had_oom_kill(&session->memory)) {
        error_set(err, ERROR_PROGRAM,
                  "the kernel's OOM killer ended the worker of %s (signal 9) %s: %s needs more "
                  "memory than there is",
                  session->onnx->choice.name, onnx_stage_phrase(stage),
                  load_of(session, load, sizeof(load)));
        error_hint(err, "the kernel's oom_kill counter rose meanwhile; take a smaller "
                        "--batch-size, or see dmesg");
        return;
    }
    error_set(err, ERROR_PROGRAM, "the worker of %s was ended by signal %d (%s%s) %s",
              session->onnx->choice.name, report->signal, meaning != NULL ? meaning : "unknown",
              report->core_dumped ? ", core dumped" : "", onnx_stage_phrase(stage));
    onnx_worker_last_words(&session->worker, words, sizeof(words));
    if (words[0] != '\0')
        error_hint(err, "it said last: %s", words);
    else
        error_hint(err, "it said nothing; no OOM kill was counted meanwhile%s",
                   report->core_dumped ? "; see the core: coredumpctl" : "");
}

static void explain_exit(struct onnx_session *session, const struct launch_report *report,
                         uint32_t stage, struct error *err)
{
    char words[WORDS_BYTES];
    error_set(err, ERROR_PROGRAM, "the worker of %s ended with exit status %d %s",
              session->onnx->choice.name, report->exit_status, onnx_stage_phrase(stage));
    onnx_worker_last_words(&session->worker, words, sizeof(words));
    error_hint(err, words[0] != '\0' ? "it said last: %s" : "it said nothing%s", words);
}

static int settle_death(struct onnx_session *session, const struct launch_report *report,
                        uint32_t stage, struct invocation *invocation, struct error *err)
{
    char words[ONNX_EVIDENCE_BYTES];
    switch (report->outcome) {
    case LAUNCH_EXITED:
        invocation->outcome = INVOCATION_EXIT;
        explain_exit(session, report, stage, err);
        break;
    case LAUNCH_TIMED_OUT:
        invocation->outcome = INVOCATION_TIMEOUT;
        error_set(err, ERROR_PROGRAM, "the worker of %s ran longer than %s and was ended %s",
                  session->onnx->choice.name,
                  unit_format_ns((double)session->onnx->timeout_ns, words, sizeof(words)),
                  onnx_stage_phrase(stage));
        error_hint(err, "give it more with --timeout, or measure less with -n or --duration");
        break;
    default:
        invocation->outcome = INVOCATION_SIGNAL;
        if (session->is_short_of_memory)
            explain_memory(session, stage, err);
        else
            explain_signal(session, report, stage, err);
        break;
    }
    onnx_worker_last_words(&session->worker, words, sizeof(words));
    return tell_event(session, report->end_ns,
                      session->is_short_of_memory ? "memory_guard" : "worker_died",
                      words[0] != '\0' ? words : onnx_stage_phrase(stage), NULL);
}

int onnx_settle_outcome(struct onnx_session *session, const struct launch_report *report,
                        struct invocation *ret_invocation, struct error *err)
{
    struct onnx_shared *shared = session->worker.shared;
    uint32_t stage = atomic_load(&shared->stage);
    *ret_invocation = (struct invocation){
        .index = session->io->invocation,
        .begin_ns = (int64_t)(report->begin_ns - session->io->run_begin_ns),
        .end_ns = (int64_t)(report->end_ns - session->io->run_begin_ns),
        .exit_status = report->exit_status,
        .signal = report->signal,
    };
    if (report->outcome == LAUNCH_EXEC_FAILED)
        return error_set_errno(err, ERROR_SYSTEM, report->exec_errno,
                               "cannot start a worker of tacho itself");
    bool has_units = session->units > session->onnx->config.profiled_units;
    if (report->outcome == LAUNCH_KILLED && !session->is_short_of_memory && has_units)
        return 0; /* it hung when the user stopped it: what it had told by then is whole */
    if (report->outcome == LAUNCH_KILLED && !session->is_short_of_memory) {
        ret_invocation->outcome = INVOCATION_INTERRUPTED;
        error_set(err, ERROR_INTERRUPTED, "the measurement of %s was interrupted",
                  session->onnx->choice.name);
        return 0;
    }
    if (atomic_load(&shared->has_failed) != 0)
        return onnx_shared_read_error(shared, err); /* as the engine says it */
    if (report->outcome == LAUNCH_EXITED && report->exit_status == 0)
        return 0; /* what the user ended in order is whole as far as it goes */
    return settle_death(session, report, stage, ret_invocation, err);
}
