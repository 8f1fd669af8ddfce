/* internal.h: what the files of the trtexec workload share (workload/ only).
 *
 * trtexec.c runs it; import.c hands over what it measured; arguments.c turns
 * settings into its arguments; find.c finds it and asks it what it can do; facts.c
 * describes.
 *
 * trtexec is NVIDIA's own program around a TensorRT engine. tacho starts it through the launcher as
 * any other program and imports its times, so what is measured is trtexec's measurement: one
 * process per invocation, which decides itself when to stop (--iterations, --duration).
 */
#ifndef TACHO_WORKLOAD_TRTEXEC_INTERNAL_H
#define TACHO_WORKLOAD_TRTEXEC_INTERNAL_H

#include <limits.h>

#include "base/str.h"
#include "format/trtexec.h"
#include "workload/workload.h"

#define TRTEXEC_ARGUMENTS_MAX 96
#define TRTEXEC_LINE_MAX 320
#define TRTEXEC_LAYERS_MAX 1024
/* Layers become known only while the workload runs: their series stand behind every other one's. */
#define TRTEXEC_LAYER_SERIES_FIRST 2048u
#define TRTEXEC_PATH_MAX (PATH_MAX + 16)

/* X(ID, metric in the registry, kind, source) */
#define TRTEXEC_SERIES_MAP(X)                                                                      \
    X(LATENCY, "latency_ms", SERIES_UNIT, "trtexec --exportTimes latencyMs")                       \
    X(H2D, "h2d_ms", SERIES_UNIT, "trtexec --exportTimes h2dMs")                                   \
    X(COMPUTE, "gpu_compute_ms", SERIES_UNIT, "trtexec --exportTimes computeMs")                   \
    X(D2H, "d2h_ms", SERIES_UNIT, "trtexec --exportTimes d2hMs")                                   \
    X(THROUGHPUT, "throughput_per_s", SERIES_TIME, "trtexec --exportTimes, calls x batch size")    \
    X(PEAK_RSS, "peak_rss_mb", SERIES_VALUE, "wait4")

enum trtexec_series {
#define TRTEXEC_SERIES_ENUM(id, metric, kind, source) TRTEXEC_##id,
    TRTEXEC_SERIES_MAP(TRTEXEC_SERIES_ENUM)
#undef TRTEXEC_SERIES_ENUM
        TRTEXEC_SERIES_COUNT
};

enum trtexec_file { TRTEXEC_FILE_TEXT, TRTEXEC_FILE_TIMES, TRTEXEC_FILE_PROFILE };

/* What this trtexec said of itself. */
struct trtexec_program {
    char path[PATH_MAX];
    char version[32];      /* "10.2.0"; "": not said */
    unsigned major;        /* 0: not said */
    bool has_inf_streams;  /* --infStreams; older ones call it --streams */
    bool has_separate_run; /* --separateProfileRun: profiling does not disturb the times */
    bool has_no_tf32;
};

struct trtexec {
    const struct workload_args *args;
    struct arena arena;
    char file[PATH_MAX]; /* the model's or engine's: that of a reference model by its name */
    struct trtexec_program program;
    bool is_onnx; /* the engine is built from it first */
    bool has_profile;
    uint64_t batch_size; /* 0: not said */
    uint64_t streams;
    const char *device; /* "gpu_0", "dla_1"; NULL: trtexec's default */
    bool has_warmup_units;
    bool has_cores;
    cpu_set_t cores;                              /* of the process, asked for or tacho's own */
    const char *arguments[TRTEXEC_ARGUMENTS_MAX]; /* that do not change; ends with NULL */
    size_t argument_count;
    char directory[PATH_MAX]; /* temporary: what trtexec writes; "": none yet */
    struct series series[TRTEXEC_SERIES_COUNT];
    /* Of all invocations: */
    uint64_t rows, bad_rows;
    double told_per_s; /* its own "Throughput: … qps"; NaN: not said */
    char warmup_line[TRTEXEC_LINE_MAX];
    struct series *layers; /* with --profile-ops, as they are met; TRTEXEC_LAYERS_MAX */
    size_t layer_count;
};

/* trtexec.c: a file in its directory. */
void trtexec_path(const struct trtexec *trtexec, enum trtexec_file which,
                  char path[TRTEXEC_PATH_MAX]);

/* import.c */
/* Hands over what an invocation that ended well wrote. -ERROR_PROGRAM: it cannot be used. */
int trtexec_import(struct trtexec *trtexec, struct workload_io *io,
                   const struct launch_report *report, struct error *err);
/* Keeps what only its text tells. */
void trtexec_read_text(struct trtexec *trtexec, const char *text, size_t size);

/* find.c: PATH, then where NVIDIA's packages put it. -ERROR_ABSENT: how to get it. */
int trtexec_find(const struct workload_args *args, const char *output_path,
                 struct trtexec_program *ret_program, struct error *err);

/* arguments.c: those that every invocation gets. */
int trtexec_make_arguments(struct trtexec *trtexec, struct error *err);
__attribute__((format(printf, 2, 3))) int trtexec_add(struct trtexec *trtexec, const char *fmt,
                                                      ...);

/* facts.c */
void trtexec_describe(void *state, struct facts *facts);
void trtexec_describe_after(void *state, struct facts *facts);
int trtexec_findings(void *state, struct run_sink *sink, struct error *err);

/* output.c: of the text that trtexec wrote into a file. */
/* Both ends of the file; the middle of a long one is left out. */
int trtexec_text_read(const char *path, char **ret_text, size_t *ret_size, struct error *err);
/* The line that says best why it failed; "" if it said nothing. */
void trtexec_text_reason(const char *text, char *line, size_t size);
/* The first line that holds `word`, from there on; false: none. */
bool trtexec_text_line(const char *text, const char *word, char *line, size_t size);

/* What every launch of trtexec shares: its output goes into a file. */
int trtexec_output_open(const char *path, int *ret_fd, struct error *err);

#endif
