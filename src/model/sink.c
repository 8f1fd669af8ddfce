/* sink.c: the calls of a sink, the tee, the names of what streams through, and run ids. */
#include "model/sink.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "base/util.h"

#define SINK_CALL(sink, op, ...)                                                                   \
    ((sink) && (sink)->ops->op ? (sink)->ops->op((sink), __VA_ARGS__) : 0)

int sink_begin(struct run_sink *sink, const struct run_info *info, struct error *err)
{
    return SINK_CALL(sink, begin, info, err);
}

int sink_phase(struct run_sink *sink, const struct phase *phase, struct error *err)
{
    return SINK_CALL(sink, phase, phase, err);
}

int sink_invocation(struct run_sink *sink, const struct invocation *invocation, struct error *err)
{
    return SINK_CALL(sink, invocation, invocation, err);
}

int sink_samples(struct run_sink *sink, const struct sample_block *block, struct error *err)
{
    return SINK_CALL(sink, samples, block, err);
}

int sink_event(struct run_sink *sink, const struct event *event, struct error *err)
{
    return SINK_CALL(sink, event, event, err);
}

int sink_finding(struct run_sink *sink, const struct finding *finding, struct error *err)
{
    return SINK_CALL(sink, finding, finding, err);
}

int sink_end(struct run_sink *sink, const struct run_end *end, struct error *err)
{
    return SINK_CALL(sink, end, end, err);
}

/* ---- tee ---- */

/* Keeps the first error of branch i; a branch that gave a code but no text gets one. */
static void tee_note(struct sink_tee *tee, size_t i, int rc, const struct error *error)
{
    tee->errors[i] = *error;
    if (error->code == 0)
        error_set(&tee->errors[i], rc, "%s: failed", tee->branch[i]->ops->name);
}

/* 0 while a branch is left; else the error of the branch that failed last in the list. */
static int tee_result(const struct sink_tee *tee, struct error *err)
{
    for (size_t i = 0; i < tee->count; i++) {
        if (tee->errors[i].code == 0)
            return 0;
    }
    if (tee->count == 0)
        return 0;
    const struct error *last = &tee->errors[tee->count - 1];
    if (err)
        *err = *last;
    return -last->code;
}

#define TEE_OP(op, type)                                                                           \
    static int tee_##op(struct run_sink *sink, const type *what, struct error *err)                \
    {                                                                                              \
        struct sink_tee *tee = (struct sink_tee *)sink;                                            \
        for (size_t i = 0; i < tee->count; i++) {                                                  \
            if (tee->errors[i].code != 0)                                                          \
                continue;                                                                          \
            struct error error = {0};                                                              \
            int rc = sink_##op(tee->branch[i], what, &error);                                      \
            if (rc < 0)                                                                            \
                tee_note(tee, i, rc, &error);                                                      \
        }                                                                                          \
        return tee_result(tee, err);                                                               \
    }

TEE_OP(begin, struct run_info)
TEE_OP(phase, struct phase)
TEE_OP(invocation, struct invocation)
TEE_OP(samples, struct sample_block)
TEE_OP(event, struct event)
TEE_OP(finding, struct finding)
TEE_OP(end, struct run_end)

static const struct run_sink_ops tee_ops = {
    .name = "tee",
    .begin = tee_begin,
    .phase = tee_phase,
    .invocation = tee_invocation,
    .samples = tee_samples,
    .event = tee_event,
    .finding = tee_finding,
    .end = tee_end,
};

void sink_tee_init(struct sink_tee *tee)
{
    *tee = (struct sink_tee){.sink.ops = &tee_ops};
}

void sink_tee_add(struct sink_tee *tee, struct run_sink *branch)
{
    if (!branch)
        return;
    assert(tee->count < SINK_TEE_MAX); /* how many sinks there are is decided at compile time */
    tee->branch[tee->count++] = branch;
}

/* ---- names ---- */

static const char *name_at(const char *const *names, size_t count, int value)
{
    return value >= 0 && (size_t)value < count ? names[value] : "unknown";
}

static int name_parse(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return (int)i;
    }
    return -1;
}

#define NAMES(function, type, value, ...)                                                          \
    static const char *const function##_names[] = {__VA_ARGS__};                                   \
    const char *function##_name(enum type value)                                                   \
    {                                                                                              \
        return name_at(function##_names, ARRAY_LEN(function##_names), (int)value);                 \
    }                                                                                              \
    int function##_parse(const char *name)                                                         \
    {                                                                                              \
        return name_parse(function##_names, ARRAY_LEN(function##_names), name);                    \
    }

NAMES(run_state, run_state, state, [RUN_RECORDING] = "recording", [RUN_COMPLETE] = "complete",
      [RUN_INTERRUPTED] = "interrupted", [RUN_CRASHED] = "crashed")
NAMES(phase_kind, phase_kind, kind, [PHASE_LOAD] = "load", [PHASE_SESSION] = "session",
      [PHASE_FIRST] = "first", [PHASE_PROFILED] = "profiled", [PHASE_WARMUP] = "warmup",
      [PHASE_STEADY] = "steady", [PHASE_COOLDOWN] = "cooldown")
NAMES(invocation_outcome, invocation_outcome, outcome, [INVOCATION_OK] = "ok",
      [INVOCATION_EXIT] = "exit", [INVOCATION_SIGNAL] = "signal", [INVOCATION_TIMEOUT] = "timeout",
      [INVOCATION_NOT_STARTED] = "not_started", [INVOCATION_INTERRUPTED] = "interrupted")
NAMES(series_kind, series_kind,
      kind, [SERIES_UNIT] = "unit", [SERIES_TIME] = "time", [SERIES_VALUE] = "value")

/* ---- ids ---- */

/* Random between processes, counting within one: ids of one process never meet (65,536 of them
 * within one second aside). */
static uint16_t id_suffix(void)
{
    static _Atomic uint32_t state; /* 0x10000 | next suffix; 0: not drawn yet */
    uint32_t seen = atomic_load(&state);
    for (;;) {
        uint32_t suffix = seen & 0xffff;
        if (seen == 0) {
            uint16_t drawn;
            if (getrandom(&drawn, sizeof(drawn), GRND_NONBLOCK) != (ssize_t)sizeof(drawn))
                drawn = (uint16_t)(clock_mono_ns() / NS_PER_US); /* early boot: no entropy yet */
            suffix = drawn;
        }
        if (atomic_compare_exchange_weak(&state, &seen, 0x10000u | ((suffix + 1) & 0xffff)))
            return (uint16_t)suffix;
    }
}

void run_make_id(char id[40])
{
    time_t now = (time_t)clock_epoch_s();
    struct tm utc;
    if (!gmtime_r(&now, &utc))
        utc = (struct tm){.tm_year = 70, .tm_mday = 1};
    char stamp[24] = "";
    strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &utc);
    snprintf(id, 40, "%s-%04x", stamp, id_suffix());
}
