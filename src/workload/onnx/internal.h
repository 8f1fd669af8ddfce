/* internal.h: what the files of the ONNX workload share on tacho's own side (workload/ only).
 *
 * onnx.c is the row of the table; choose.c finds the model and its variants, shape.c
 * settles its inputs, provider.c device and provider, library.c where engines lie,
 * settings.c and threads.c the rest. invoke.c runs a worker (start.c begins it, scratch.c
 * makes it a folder, outcome.c says how it ended, memory.c watches memory); stream.c
 * takes its records, merge.c orders them, series.c hands values over. profile.c
 * reads who ran the nodes, describe.c makes facts, findings.c findings, outputs.c
 * compares the outputs of two variants. The worker is the other side of shared.h.
 */
#ifndef TACHO_WORKLOAD_ONNX_INTERNAL_H
#define TACHO_WORKLOAD_ONNX_INTERNAL_H

#include "base/str.h"
#include "format/onnx_model.h"
#include "format/ort_profile.h"
#include "stats/stats.h"
#include "workload/onnx/inspect.h"
#include "workload/onnx/shared.h"
#include "workload/throughput.h"
#include "workload/workload.h"

/* ---- the model: choose.c ---- */

struct onnx_choice {
    char path[PATH_MAX];
    char name[128];           /* of the file, without precision and ".onnx": "detector" */
    char named_precision[8];  /* what the file's name says: "fp16"; "": nothing */
    char fp32_path[PATH_MAX]; /* of a variant: the fp32 model beside it; "": none */
    struct onnx_model model;
};

/* file: a path, the name of a reference model, or NULL: the detector. precision NULL: whatever it
 * is. data_directory (TACHO_DATA) and exe_directory may be NULL. */
int onnx_choose(const char *file, const char *precision, const char *data_directory,
                const char *exe_directory, struct onnx_choice *ret_choice, struct error *err);
void onnx_choice_deinit(struct onnx_choice *choice);

/* ---- its inputs: shape.c ---- */

struct onnx_shapes {
    uint64_t batch_size;
    struct strbuf defaults; /* free dimensions that tacho chose: "images: 1x3x224x224 (…)"; or "" */
};

/* Fills config->inputs. Static dimensions must fit what was asked for. */
int onnx_settle_inputs(const struct onnx_model *model, const struct settings *settings,
                       struct onnx_config *config, struct onnx_shapes *ret_shapes,
                       struct error *err);
/* "1x3x224x224" */
const char *onnx_format_dims(const int64_t *dims, uint32_t rank, char *buf, size_t size);

/* ---- the device: provider.c ---- */

struct onnx_target {
    char device[32];   /* "cpu", "nvidia_0", "dla_1" */
    const char *type;  /* "cpu", "cuda", "dla", "npu", "gpu" */
    uint32_t index;    /* of its type */
    char provider[64]; /* the engine's name */
    bool provider_asked;
    char origin[280]; /* of the device: "--device"; "": nobody asked */
};

int onnx_target_choose(const struct settings *settings, struct onnx_target *ret_target,
                       struct error *err);
int onnx_target_options(const struct onnx_target *target, const struct settings *settings,
                        struct onnx_config *config, struct error *err);
const char *onnx_provider_short(const char *engine); /* "cpu"; of an unknown one its own name */

/* ---- the library: library.c ---- */

struct onnx_places {
    const char *asked;         /* TACHO_ORT: this alone; NULL: search */
    const char *origin;        /* who asked: "TACHO_ORT" */
    const char *root;          /* before /usr: "" but in tests */
    const char *venv;          /* $VIRTUAL_ENV; NULL: none */
    const char *home;          /* NULL: none */
    const char *directory;     /* the working directory; node_modules are looked for upwards */
    const char *exe_directory; /* of tacho itself; NULL: not known */
};

int onnx_search(const struct onnx_places *places, struct onnx_config *config, struct error *err);

/* ---- records of several streams in order of time: merge.c ---- */

/* A stream's own records come in order. One is ready when no other stream can still bring an
 * earlier one: each has brought a later one, or has been silent for ONNX_MERGE_GRACE_NS (a writer
 * sleeps between reading the clock and the ring). What comes later than that is told late, not
 * lost. */
#define ONNX_MERGE_GRACE_NS (100 * 1000000ULL)

struct onnx_merge {
    struct onnx_record *records; /* the first `ready` of them in order */
    size_t count, capacity;
    uint64_t last_end_ns[ONNX_STREAMS_MAX];
    uint32_t streams;
};

int onnx_merge_add(struct onnx_merge *merge, const struct onnx_record *records, size_t count);
/* How many are ready at now_ns (UINT64_MAX: all): sorted, at the front. */
size_t onnx_merge_ready(struct onnx_merge *merge, uint64_t now_ns);
void onnx_merge_drop(struct onnx_merge *merge, size_t count); /* the first ones were told */
void onnx_merge_deinit(struct onnx_merge *merge);

/* ---- memory: memory.c ---- */

/* Whether memory is about to run out because of the worker: all through descriptors that stay
 * open. */
struct onnx_memory {
    int meminfo_fd, current_fd, stat_fd; /* -1: none */
    double cgroup_limit_bytes;           /* INFINITY: none */
    double begin_bytes;                  /* available when the worker began; NaN: not known */
    double reserve_bytes;
    double available_bytes; /* at the last look */
    uint64_t oom_kills;     /* of the group, else of the machine, at the beginning */
    bool has_oom_kills;
};

void onnx_memory_open(struct onnx_memory *memory);
/* True: less than the reserve is left, and the worker (rss_bytes) took most of what is gone. */
bool onnx_memory_is_short(struct onnx_memory *memory, pid_t pid);
/* Whether the kernel's OOM killer struck since onnx_memory_open. */
bool onnx_memory_had_oom_kill(const struct onnx_memory *memory);
void onnx_memory_close(struct onnx_memory *memory);

/* ---- what the open loop fell behind: findings.c ---- */

/* Send lag over time, thinned evenly: at most ONNX_LAG_POINTS points, whatever it lasts. */
#define ONNX_LAG_POINTS 2048u

struct onnx_lag {
    double t_s[ONNX_LAG_POINTS], lag_s[ONNX_LAG_POINTS];
    size_t count;
    uint64_t seen, stride;
    struct moments service_s; /* of all */
};

void onnx_lag_add(struct onnx_lag *lag, double t_s, double lag_s, double service_s);
/* Whether the queue grew by more than chance explains where it is just kept up with. */
bool onnx_lag_grows(const struct onnx_lag *lag, uint32_t streams, bool is_poisson);

/* ---- the state of the workload ---- */

/* What the engine's profile told. */
#define ONNX_SHARES_MAX 8
struct onnx_truth {
    bool is_known;
    char why[160]; /* of one that is not */
    size_t share_count;
    struct onnx_share {
        char provider[64];
        double share;
        uint64_t nodes;
    } shares[ONNX_SHARES_MAX];
    char precision[8];   /* of the arithmetic; "": not told */
    char other_ops[128]; /* on the CPU although another provider was asked for: "Resize 2, …" */
};

/* Over all invocations. */
struct onnx_tally {
    uint32_t invocations;
    uint64_t ring_waits;
    uint64_t served, unserved; /* open loop */
    double offered_s;          /* how long the open loop lasted */
    struct onnx_lag lag;       /* of the last invocation that had one */
    bool is_saturated;         /* the queue grew, in one of them at least */
    bool was_interrupted;
};

enum onnx_series_id {
    ONNX_SERIES_LATENCY,
    ONNX_SERIES_SERVICE,
    ONNX_SERIES_SEND_LAG,
    ONNX_SERIES_UNSERVED,
    ONNX_SERIES_THROUGHPUT,
    ONNX_SERIES_LOAD,
    ONNX_SERIES_SESSION,
    ONNX_SERIES_FIRST,
    ONNX_SERIES_STAGE_RSS, /* load, session, first, steady */
    ONNX_SERIES_STAGE_ANON = ONNX_SERIES_STAGE_RSS + 4,
    ONNX_SERIES_CPU = ONNX_SERIES_STAGE_ANON + 4,
    ONNX_SERIES_PEAK_RSS,
    ONNX_SERIES_PEAK_TREE_RSS,
    ONNX_SERIES_MINOR_FAULTS,
    ONNX_SERIES_MAJOR_FAULTS,
    ONNX_SERIES_VOLUNTARY,
    ONNX_SERIES_INVOLUNTARY,
    ONNX_SERIES_COUNT
};

/* The nodes' series are known only when the engine has told of them, when the sampler's have their
 * ids already: theirs begin behind all others. */
#define ONNX_NODE_SERIES_FIRST 2048u
#define ONNX_NODES_MAX 1024u

struct onnx {
    const struct workload_args *args;
    struct arena arena;
    struct onnx_choice choice;
    struct onnx_target target;
    struct onnx_config config;
    struct onnx_shapes shapes;
    bool show_output, profile_ops;
    uint64_t timeout_ns, deadline_ns;
    bool has_cores;
    cpu_set_t cores;
    uint32_t cpus;       /* with --threads: those that it may use */
    double quota_cores;  /* with --threads: the cgroup's; INFINITY: none */
    bool sets_gpu_order; /* CUDA counts as NVML does */
    struct series series[ONNX_SERIES_COUNT];
    struct series *nodes; /* with --profile-ops */
    size_t node_count;
    /* Learnt while measuring: */
    bool has_info;
    struct onnx_info info; /* of the last invocation */
    struct onnx_truth truth;
    struct onnx_tally tally;
};

/* settings.c */
int onnx_load_settings(struct onnx *onnx, struct error *err);
/* Flags that only a program can do something with. */
int onnx_check_foreign(const struct workload_args *args, struct error *err);
void onnx_describe(void *state, struct facts *facts); /* describe.c */
void onnx_describe_after(void *state, struct facts *facts);
int onnx_findings(void *state, struct run_sink *sink, struct error *err); /* findings.c */
/* The finding output_difference, by two more workers: outputs.c. Nothing where there is
 * nothing to compare with. */
int onnx_compare_outputs(struct onnx *onnx, struct run_sink *sink, struct error *err);
int onnx_invoke(void *state, struct workload_io *io, struct invocation *ret_invocation,
                struct error *err);

/* threads.c: --threads against the CPUs: refused, said before the run begins, a finding of it. */
int onnx_check_threads(struct onnx *onnx, const struct settings *settings, struct error *err);
bool onnx_threads_notice(void *state, char *line, size_t size);
int onnx_find_threads(const struct onnx *onnx, struct run_sink *sink, struct error *err);

/* ---- one invocation: invoke.c, start.c, stream.c, series.c ---- */

#define ONNX_EVIDENCE_BYTES 4096u
#define ONNX_CALIBRATION 8 /* calls whose median sets the window of the throughput */

/* A folder of its own for each worker, also as its TMPDIR: scratch.c. */
#define ONNX_SCRATCH_PATH_MAX (PATH_MAX - 64)

struct onnx_scratch {
    char path[ONNX_SCRATCH_PATH_MAX]; /* "": none */
    char tmpdir[PATH_MAX];            /* "TMPDIR=…", for the worker's environment */
    int lock_fd;                      /* of the folder, locked for as long as it is in use */
};

/* Also removes those that a killed tacho left behind. */
int onnx_scratch_make(struct onnx_scratch *scratch, struct error *err);
void onnx_scratch_remove(struct onnx_scratch *scratch); /* with all that is in it */

struct onnx_worker { /* a launch of tacho's own executable, whatever its mode */
    struct launcher *launcher;
    struct onnx_shared *shared;
    int shared_fd, output_fd;
    pid_t pid;
    bool echo;
    /* The end of what it wrote, in a ring. */
    char evidence[ONNX_EVIDENCE_BYTES];
    size_t evidence_bytes; /* all that came */
};

struct onnx_start {
    uint64_t timeout_ns;
    bool has_cores;
    cpu_set_t cores;
    const struct onnx_scratch *scratch;
    bool sets_gpu_order;
    bool echo;
};

/* config is copied. *worker is to be ended also after an error. */
int onnx_worker_start(struct onnx_worker *worker, struct launcher *launcher,
                      const struct onnx_config *config, uint64_t allowed,
                      const struct onnx_start *start, struct error *err);
/* Waits until the report is there, its output comes, wake_fd (-1: none) is readable or timeout_ms
 * are over; takes the output. True: the report can be read. */
bool onnx_worker_wait(struct onnx_worker *worker, int wake_fd, int timeout_ms);
/* For modes without a loop: waits for its end, at most timeout_ns, and turns whatever went wrong
 * into an error. */
int onnx_worker_finish(struct onnx_worker *worker, struct error *err);
/* What it wrote last, as one printable line. */
const char *onnx_worker_last_words(const struct onnx_worker *worker, char *buf, size_t size);
void onnx_worker_end(struct onnx_worker *worker);

struct onnx_session { /* one invocation */
    struct onnx *onnx;
    struct workload_io *io;
    struct onnx_worker worker;
    struct onnx_memory memory;
    struct onnx_merge merge;
    struct throughput throughput;
    bool has_throughput;
    struct onnx_record calibration[ONNX_CALIBRATION];
    size_t calibration_count;
    uint64_t units;       /* handed over, or about to be */
    uint64_t last_end_ns; /* of a unit of the loop */
    uint32_t told_stage;  /* stages before this one were told */
    size_t ring_peak;     /* records that the fullest ring held when it was last looked at */
    bool is_short_of_memory, was_stopped;
    struct onnx_scratch scratch;
};

/* Takes what the rings hold and hands over what is ready; all of it when the worker has ended. */
int onnx_stream_drain(struct onnx_session *session, bool is_over, struct error *err);
int onnx_declare_series(struct onnx *onnx, struct error *err);
/* One value of a VALUE series, now. */
int onnx_hand_over(struct onnx_session *session, enum onnx_series_id id, uint64_t ns, double value,
                   uint64_t t_ns, struct error *err);
/* What the launch report and the stages tell. */
int onnx_hand_over_end(struct onnx_session *session, const struct launch_report *report,
                       struct error *err);
/* The profile: who ran the nodes. Asked once per invocation, when the engine has written it.
 * -ERROR_UNSUPPORTED: not the provider that was asked for. */
int onnx_check_profile(struct onnx_session *session, struct error *err);
/* Fills the invocation, and err with the sentence for the user if it failed. Negative: an error
 * that is not the worker's death. outcome.c */
int onnx_settle_outcome(struct onnx_session *session, const struct launch_report *report,
                        struct invocation *ret_invocation, struct error *err);
const char *onnx_stage_phrase(uint32_t stage); /* "while it created the session" */

#endif
