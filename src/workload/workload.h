/* workload.h: what a workload is: something that can be executed and timed, in processes.
 *
 * What: open checks and prepares; describe says what it is; invoke runs ONE process and hands its
 *       units over as they come. A command has one unit per invocation (a launch), a model many.
 *       measure/ decides how many, which are warm-up, and when to stop. THE table is workloads.c.
 * Threads: all calls on the measuring thread.
 * Rules: the parent never loads an engine; invoke returns soon after io->stop_requested() says so.
 */
#ifndef TACHO_WORKLOAD_WORKLOAD_H
#define TACHO_WORKLOAD_WORKLOAD_H

#include "base/error.h"
#include "base/settings.h"
#include "control/launcher.h"
#include "model/sink.h"

/* What measure/ offers a workload while it runs. */
struct workload_io {
    void *context;
    uint64_t run_begin_ns; /* CLOCK_MONOTONIC; subtract it for every t_ns */
    uint32_t invocation;   /* index of this one */
    /* Hands over values of a declared series. */
    int (*samples)(struct workload_io *io, const struct sample_block *block, struct error *err);
    int (*event)(struct workload_io *io, const struct event *event, struct error *err);
    /* What only the workload can know: load, session, first. Warm-up and steady are measure's. */
    int (*phase)(struct workload_io *io, const struct phase *phase, struct error *err);
    /* How many units this invocation may begin, those already begun included (the first one, kept
     * apart, too): UINT64_MAX: no end in sight; 0: stop now. Grows and falls as values come in: ask
     * after every hand-over, and at least every 200 ms. A workload with one unit per invocation
     * need not ask. */
    uint64_t (*units_allowed)(struct workload_io *io);
    /* The process to follow (0: none any more). */
    void (*target)(struct workload_io *io, pid_t pid);
    /* Called at least every 200 ms while waiting: drains the sampler, draws progress. Returns true
     * when the user asked to stop; a second time, to stop at once (*ret_at_once). */
    bool (*stop_requested)(struct workload_io *io, bool *ret_at_once);
    /* Descriptor that wakes poll(2) on Ctrl-C, or -1. */
    int wake_fd;
};

struct workload_args {
    const struct settings *settings;
    struct launcher *launcher;
    const char *const *command; /* after "--", NULL-terminated; NULL: none */
    const char *file;           /* the model or file before "--"; NULL: none */
};

struct workload {
    const char *name; /* "command", "onnx" */
    const char *summary;
    const char *unit;           /* what one unit is called: "launch", "inference" */
    const char *units;          /* its plural */
    const char *latency_metric; /* the metric that times one unit: "wall_ms", "latency_ms" */
    bool one_unit_per_invocation;
    /* The first unit of each invocation is no like of the others and is kept apart (phase first).
     */
    bool first_unit_apart;
    /* How many measured units an invocation gets where nothing else says so; 0: measure's default.
     */
    uint64_t default_units;
    /* Can this workload run these arguments? */
    bool (*accepts)(const struct workload_args *args);
    /* args and what it points to stay valid until close. */
    int (*open)(const struct workload_args *args, void **ret_state, struct error *err);
    /* What the user should know before it begins, as a line without end; false: nothing. NULL:
     * never. */
    bool (*notice)(void *state, char *line, size_t size);
    void (*describe)(void *state, struct facts *facts);
    /* What only the measurement could tell (the engine's version, the provider that really ran);
     * asked when it is over. NULL: nothing. */
    void (*describe_after)(void *state, struct facts *facts);
    /* The series it will fill, ids dense from 0; valid until close. */
    const struct series *(*series)(void *state, size_t *ret_count);
    /* Runs one process. A program that fails is no error of invoke: ret_invocation->outcome says
     * so; then err holds the sentence for the user all the same. */
    int (*invoke)(void *state, struct workload_io *io, struct invocation *ret_invocation,
                  struct error *err);
    /* What it noticed over all invocations (survivors, affinity not applied). */
    int (*findings)(void *state, struct run_sink *sink, struct error *err);
    void (*close)(void *state);
};

extern const struct workload *const workloads[]; /* NULL-terminated */

#endif
