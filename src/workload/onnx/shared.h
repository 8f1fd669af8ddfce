/* shared.h: what tacho and its worker say to each other through shared memory (workload/
 * only).
 *
 * What: a model is measured in a worker process: tacho executes itself again (hidden command
 *       "worker") through the launcher, with a memfd as descriptor LAUNCH_PASS_FD that holds one
 *       struct onnx_shared. tacho fills `config` before the launch and never opens an engine
 *       itself; the worker fills `info` stage by stage and puts one record per inference into the
 *       ring of its stream. Both are the same binary, so the layout needs no version, only a size.
 * Rings: one writer (the stream's thread) and one reader (tacho) each; head and tail only grow. A
 *        full ring makes the stream wait: nothing is dropped; `ring_waits` counts it.
 * Control: `allowed` is the number of units that may be begun (first and profiled ones included);
 *        a worker that has used them up sleeps on the futex `bell`, which tacho rings (increments
 *        and wakes) after every change. `stop`: finish what has begun, then report and leave.
 * Times: CLOCK_MONOTONIC ns, the same clock in both processes.
 * Trust: the engine is foreign code in the worker. tacho reads `info` through onnx_shared_read_info
 *        and onnx_shared_read_error, looks at no record that cannot be, and takes nothing that it
 *        decides by (streams, paths) from here.
 * Memory: fixed.
 */
#ifndef TACHO_WORKLOAD_ONNX_SHARED_H
#define TACHO_WORKLOAD_ONNX_SHARED_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define ONNX_INPUTS_MAX 16
#define ONNX_DIMS_MAX 8
#define ONNX_NAME_MAX 128
#define ONNX_OPTIONS_MAX 16
#define ONNX_STREAMS_MAX 256
#define ONNX_LIBRARIES_MAX 24
#define ONNX_PROVIDERS_MAX 24
#define ONNX_RECORDS (1u << 16) /* all rings together */
/* Inferences that the engine's profiler watches before the measured ones, the first one included:
 * who ran the nodes, and with --profile-ops for how long. */
#define ONNX_PROFILED_UNITS 3
#define ONNX_PROFILED_UNITS_OPS 30

enum onnx_mode {
    ONNX_MODE_MEASURE,
    ONNX_MODE_INSPECT, /* which providers and precisions work here: inspect.h */
    ONNX_MODE_OUTPUTS, /* one inference, its outputs into output_path */
};

enum onnx_fill { ONNX_FILL_RANDOM, ONNX_FILL_ZEROS, ONNX_FILL_FILE };

/* ONNX's element types, as in its C API and in TensorProto. */
enum onnx_type {
    ONNX_FLOAT = 1,
    ONNX_UINT8,
    ONNX_INT8,
    ONNX_UINT16,
    ONNX_INT16,
    ONNX_INT32,
    ONNX_INT64,
    ONNX_STRING,
    ONNX_BOOL,
    ONNX_FLOAT16,
    ONNX_DOUBLE,
    ONNX_UINT32,
    ONNX_UINT64,
    ONNX_COMPLEX64,
    ONNX_COMPLEX128,
    ONNX_BFLOAT16,
};

struct onnx_input {
    char name[ONNX_NAME_MAX];
    int32_t type; /* enum onnx_type */
    uint32_t rank;
    int64_t dims[ONNX_DIMS_MAX]; /* all known: the batch size and free dimensions are settled */
    int32_t fill;                /* enum onnx_fill */
    char file[PATH_MAX];         /* FILE: an .npy of that type and shape, or of one item of it */
};

struct onnx_option {
    char key[64], value[192];
};

struct onnx_config {
    int32_t mode; /* enum onnx_mode */
    /* Tried in this order; the first that opens and is new enough is used. */
    uint32_t library_count;
    char libraries[ONNX_LIBRARIES_MAX][PATH_MAX];
    char model[PATH_MAX];
    char provider[64]; /* as the engine names it: "CPUExecutionProvider" */
    struct onnx_option options[ONNX_OPTIONS_MAX];
    uint32_t option_count;
    bool strict_provider;       /* no node may fall back to the CPU */
    uint32_t threads;           /* intra-op; 0: the engine's default */
    int32_t graph_optimization; /* 0 none, 1 basic, 2 extended, 99 all */
    uint32_t streams;
    uint32_t profiled_units;       /* at least 1: the first */
    char profile_prefix[PATH_MAX]; /* the engine appends a date and ".json" */
    uint32_t input_count;
    struct onnx_input inputs[ONNX_INPUTS_MAX];
    uint64_t seed;
    /* Open loop. 0: closed. */
    double rate_per_s; /* over all streams */
    bool is_poisson;
    char output_path[PATH_MAX]; /* OUTPUTS, or MEASURE with the first inference's; "": none */
};

enum onnx_stage {
    ONNX_STAGE_START,
    ONNX_STAGE_LOAD,     /* open the library */
    ONNX_STAGE_SESSION,  /* create the session */
    ONNX_STAGE_INPUTS,   /* fill the inputs; no time of the engine */
    ONNX_STAGE_FIRST,    /* the first inference */
    ONNX_STAGE_PROFILED, /* the rest of the profiled ones, and writing the profile */
    ONNX_STAGE_LOOP,     /* everything after: warm-up and steady */
    ONNX_STAGE_END,      /* orderly end */
    ONNX_STAGES
};

struct onnx_stage_report {
    uint64_t begin_ns, end_ns;
    uint64_t rss_bytes, anon_bytes; /* at its end, from /proc/self; 0: not known */
};

struct onnx_provider_report {
    char name[64];
    bool is_usable;        /* a session could be made with it, and nodes ran on it */
    bool fp32, fp16, int8; /* INSPECT: ran on it, in that precision, as its profile tells */
    char why[192];         /* of one that is not */
};

struct onnx_info {
    char library[PATH_MAX]; /* the one that was used */
    char version[32];       /* "1.30.0" */
    char build[512];        /* GetBuildInfoString, "" before 1.15 */
    uint32_t provider_count;
    struct onnx_provider_report providers[ONNX_PROVIDERS_MAX]; /* GetAvailableProviders */
    struct onnx_stage_report stages[ONNX_STAGES];
    char profile_path[PATH_MAX]; /* written by the engine; tacho reads and removes it */
    uint32_t output_count;
    struct error error; /* code 0: none; the worker then exits with 1 */
};

enum onnx_record_kind {
    ONNX_RECORD_UNIT,
    ONNX_RECORD_UNSERVED, /* open loop: had arrived when the time was over, never begun */
};

struct onnx_record {
    uint64_t intended_ns;      /* when it should have begun: its arrival; closed loop: begin_ns */
    uint64_t begin_ns, end_ns; /* of the call; UNSERVED: both when it was given up */
    uint32_t kind;
    uint32_t stream;
};

struct onnx_ring {
    _Alignas(64) _Atomic uint64_t head; /* records written */
    _Alignas(64) _Atomic uint64_t tail; /* records taken */
    _Alignas(64) _Atomic uint64_t last_end_ns;
};

struct onnx_shared {
    uint64_t size; /* sizeof(struct onnx_shared), checked by the worker */
    struct onnx_config config;
    struct onnx_info info;
    _Alignas(64) _Atomic uint32_t stage; /* enum onnx_stage: the one it is in */
    _Atomic uint32_t stop;
    _Atomic uint64_t allowed;
    _Atomic uint32_t bell;  /* futex */
    _Atomic uint64_t begun; /* units begun */
    _Atomic uint64_t ring_waits;
    _Atomic uint32_t has_failed; /* info.error is filled */
    struct onnx_ring rings[ONNX_STREAMS_MAX];
    struct onnx_record records[ONNX_RECORDS]; /* ring i: from i * (ONNX_RECORDS / streams) */
};

/* ---- both sides: shared.c ---- */
/* A new, zeroed one in a memfd. *ret_fd is the caller's to close. */
int onnx_shared_new(struct onnx_shared **ret_shared, int *ret_fd, struct error *err);
int onnx_shared_attach(int fd, struct onnx_shared **ret_shared, struct error *err);
void onnx_shared_free(struct onnx_shared *shared);             /* accepts NULL */
uint32_t onnx_ring_capacity(const struct onnx_shared *shared); /* records of each ring */
/* Writer: waits (1 ms at a time) while the ring is full and nobody said stop twice (stop >= 2). */
void onnx_ring_put(struct onnx_shared *shared, uint32_t stream, const struct onnx_record *record);
/* Reader: takes at most max; returns how many. 0 also where head, tail or the number of streams are
 * out of range. */
size_t onnx_ring_take(struct onnx_shared *shared, uint32_t stream, struct onnx_record *records,
                      size_t max);
/* What the worker told: every string ended and every count in range, whatever it wrote. */
void onnx_shared_read_info(const struct onnx_shared *shared, struct onnx_info *ret_info);
/* Why it failed. Returns the code, negative. */
int onnx_shared_read_error(const struct onnx_shared *shared, struct error *err);
void onnx_bell_ring(struct onnx_shared *shared);
/* Sleeps until it is rung again after it had this value, at most timeout_ms. */
void onnx_bell_wait(struct onnx_shared *shared, uint32_t seen, uint32_t timeout_ms);

/* ---- the worker: worker.c ---- */
/* Its whole life, for the hidden command "worker": returns the exit status. */
int onnx_worker_main(int fd);

#endif
