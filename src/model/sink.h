/* sink.h: a run is a stream; whoever wants it implements this.
 *
 * What: the store and the run in memory are sinks, and so is the tee that feeds both.
 * Order of calls: begin, then any of phase/invocation/samples/event/finding in the order in which
 *          things became known, then end, exactly once, also after an interruption.
 * Ownership: everything passed is borrowed for the call. A series passed in a sample block keeps
 *          its id for the whole run; sinks learn of a series from the first block that names it.
 * Threads: all calls of one run come from one thread, the one that called begin. The sampler's
 *          thread never calls a sink: measure/ drains its ring.
 * Errors: a sink that fails returns a code once. sink_tee keeps the others going and remembers the
 *         error, so that a full disk never loses the run that is still in memory.
 */
#ifndef TACHO_MODEL_SINK_H
#define TACHO_MODEL_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/facts.h"
#include "model/finding.h"
#include "model/metric.h"
#include "model/reason.h"

struct hist;

enum run_state { RUN_RECORDING, RUN_COMPLETE, RUN_INTERRUPTED, RUN_CRASHED };

/* What is known when a run begins. */
struct run_info {
    char id[40];       /* "20261120-212233-4f1c": UTC time and 4 random hex digits */
    const char *label; /* the user's, or one made from the workload */
    bool synthetic;    /* some of it was made up by the synthetic collector or workload */
    double begin_epoch_s;
    uint64_t begin_mono_ns; /* every t_ns of the run counts from here */
    const struct facts *environment;
    const struct facts *workload; /* "kind", "command", "device", "precision", "batch_size", … */
};

enum phase_kind {
    PHASE_LOAD,     /* the engine's library is opened */
    PHASE_SESSION,  /* the model is read, optimised and placed on its device */
    PHASE_FIRST,    /* the first unit */
    PHASE_PROFILED, /* units that the engine's own profiler watched */
    PHASE_WARMUP,
    PHASE_STEADY,
    PHASE_COOLDOWN
};

/* Which units of which invocation, and which time, belong to a phase. A later phase call for the
 * same units overrides an earlier one: warm-up is often only recognised afterwards. */
struct phase {
    enum phase_kind kind;
    uint32_t invocation;
    uint64_t first_unit, unit_count;
    int64_t begin_ns, end_ns; /* since begin_mono_ns */
    bool found;               /* recognised by tacho, not asked for */
};

enum invocation_outcome {
    INVOCATION_OK,
    INVOCATION_EXIT,        /* non-zero exit status */
    INVOCATION_SIGNAL,      /* killed by a signal that tacho did not send */
    INVOCATION_TIMEOUT,     /* ended by tacho after --timeout */
    INVOCATION_NOT_STARTED, /* exec failed */
    INVOCATION_INTERRUPTED, /* ended by tacho because the user said so */
};

struct invocation {
    uint32_t index;
    enum invocation_outcome outcome;
    int exit_status;          /* EXIT */
    int signal;               /* SIGNAL, TIMEOUT */
    int64_t begin_ns, end_ns; /* since begin_mono_ns */
};

enum series_kind {
    SERIES_UNIT,  /* one value per measured unit */
    SERIES_TIME,  /* a value at a time, from a collector */
    SERIES_VALUE, /* any number of values per invocation, from the program's own output */
};

struct series {
    uint32_t id; /* dense from 0 within a run */
    enum series_kind kind;
    const struct metric *metric; /* outlives the run */
    const char *instance;        /* "" or which one: "cpu0", "VDD_IN", "nvidia_0" */
    const char *source;          /* where the values come from: "wait4", "/proc/stat" */
    enum reason reason;          /* not NONE: it has no values, and why */
    const char *why;             /* one phrase beside reason, or NULL */
};

/* n values of one series. Exactly one of value_ns (METRIC_NS) and value (METRIC_VALUE, in the shown
 * unit) is set, by the metric's kind. A missing
 * value within a series is NaN (of value) and counts as missing, never as 0. A block with n 0
 * declares the series: so a series with a reason becomes part of the run. */
struct sample_block {
    const struct series *series;
    uint32_t invocation;
    uint64_t first_unit; /* UNIT: the first value's unit, counted within the invocation */
    size_t n;
    const int64_t *t_ns; /* since begin_mono_ns; of a unit: when it ended; NULL: no times */
    const uint64_t *value_ns;
    const double *value;
    /* VALUE or UNIT, with n 0: values of which only the distribution is known, not each by itself.
     * In ns, or as run_shown_to_hist has them. */
    const struct hist *hist;
};

struct event {
    int64_t t_ns;
    uint32_t invocation;
    const char *name; /* "timeout", "survivors_killed", … */
    const char *text;
};

struct run_end {
    enum run_state state; /* COMPLETE or INTERRUPTED */
    int64_t end_ns;
    uint64_t own_cpu_ns; /* what tacho itself cost while measuring */
    struct verdict verdict;
    const struct facts *environment_after; /* what may have changed: clocks, temperatures */
    /* What of the workload became known only while it ran; replaces facts of begin with the same
     * key. NULL: nothing. */
    const struct facts *workload_after;
};

struct run_sink;

struct run_sink_ops {
    const char *name;
    int (*begin)(struct run_sink *sink, const struct run_info *info, struct error *err);
    int (*phase)(struct run_sink *sink, const struct phase *phase, struct error *err);
    int (*invocation)(struct run_sink *sink, const struct invocation *invocation,
                      struct error *err);
    int (*samples)(struct run_sink *sink, const struct sample_block *block, struct error *err);
    int (*event)(struct run_sink *sink, const struct event *event, struct error *err);
    int (*finding)(struct run_sink *sink, const struct finding *finding, struct error *err);
    int (*end)(struct run_sink *sink, const struct run_end *end, struct error *err);
};

/* Embedded as the first member of an implementation; any op may be NULL (nothing to do). */
struct run_sink {
    const struct run_sink_ops *ops;
};

int sink_begin(struct run_sink *sink, const struct run_info *info, struct error *err);
int sink_phase(struct run_sink *sink, const struct phase *phase, struct error *err);
int sink_invocation(struct run_sink *sink, const struct invocation *invocation, struct error *err);
int sink_samples(struct run_sink *sink, const struct sample_block *block, struct error *err);
int sink_event(struct run_sink *sink, const struct event *event, struct error *err);
int sink_finding(struct run_sink *sink, const struct finding *finding, struct error *err);
int sink_end(struct run_sink *sink, const struct run_end *end, struct error *err);

/* Passes everything on to several sinks. A branch that fails gets no more calls and keeps its first
 * error; the tee itself fails only when no branch is left. */
#define SINK_TEE_MAX 8
struct sink_tee {
    struct run_sink sink;
    size_t count;
    struct run_sink *branch[SINK_TEE_MAX];
    struct error errors[SINK_TEE_MAX]; /* code 0: branch is well */
};
void sink_tee_init(struct sink_tee *tee);
void sink_tee_add(struct sink_tee *tee, struct run_sink *branch);

const char *run_state_name(enum run_state state);
int run_state_parse(const char *name);
const char *phase_kind_name(enum phase_kind kind);
int phase_kind_parse(const char *name);
const char *invocation_outcome_name(enum invocation_outcome outcome);
int invocation_outcome_parse(const char *name);
const char *series_kind_name(enum series_kind kind);
int series_kind_parse(const char *name);

/* "20261120-212233-4f1c" from the wall clock and getrandom(2). */
void run_make_id(char id[40]);

#endif
