/* dnn_pipeline_internal.h: what the parts of the analyzer `dnn-pipeline` share.
 *
 * dnn_pipeline.c          the analyzer: which files are what to each other
 * dnn_pipeline_build.c    passes of layers and transfers into a pipeline
 * dnn_pipeline_read.c     files of every kind into pipelines
 * dnn_pipeline_trtexec.c  those of trtexec
 * dnn_pipeline_tables.c   tables of one pipeline
 * dnn_pipeline_compare.c  several: batch scaling, engine A against B
 * dnn_pipeline_findings.c bottlenecks
 *
 * A pipeline is what one file tells of one batch size: the mean over its passes (inferences) of the
 * time of every layer, of the transfers and of the whole. Units: ms, bytes. Unknown: NaN.
 */
#ifndef TACHO_ANALYZE_FILES_DNN_PIPELINE_INTERNAL_H
#define TACHO_ANALYZE_FILES_DNN_PIPELINE_INTERNAL_H

#include "analyze/file_analyzer.h"
#include "analyze/means.h"
#include "format/source.h"

#define PIPELINES_MAX 256
#define PIPE_LAYERS_MAX 20000
#define PIPE_UNACCOUNTED_PCT 5.0

enum pipe_device {
    PIPE_GPU,
    PIPE_DLA,
    PIPE_CPU,
    PIPE_OTHER,
    PIPE_UNKNOWN, /* the file does not tell */
    PIPE_DEVICES
};
extern const char *const pipe_device_name[PIPE_DEVICES];

/* Layers of the same name, type and device are one: their times in a pass are added. */
struct pipe_layer {
    const char *name, *type, *device; /* "" not said */
    enum pipe_device kind;
    bool is_whole; /* stands for all layers: the file tells their sum only */
    bool is_mean;  /* the file tells its mean over the passes only */
    uint64_t hash, line;
    uint64_t rows, passes;    /* in which it occurred */
    uint64_t seen_pass;       /* the last of them, from 1 */
    double pass_ms, total_ms; /* of the pass that is under way; of all */
    struct means share;       /* its time and the whole's, pass by pass */
};

enum { PIPE_H2D, PIPE_D2H, PIPE_DIRECTIONS };

struct pipe_transfer {
    uint64_t rows;
    double bytes, total_ms; /* of all passes; bytes NaN: not said of one of them */
    double pass_ms;
    uint64_t line; /* of the first */
};

/* Times of a pass, as they follow each other in pipeline.passes. */
enum { PASS_LAYERS, PASS_TRANSFERS, PASS_WHOLE };

struct pipeline {
    const char *label; /* file, and batch size where it holds several */
    const char *file, *format;
    uint64_t batch;           /* 0: not known */
    const char *batch_source; /* "file", "--batch-size", "file name"; NULL: not known */
    struct pipe_layer *layers;
    size_t layer_count, layer_capacity;
    uint32_t *slots; /* of a hash table: layer + 1 */
    size_t slot_count;
    struct pipe_transfer transfers[PIPE_DIRECTIONS];
    uint64_t pass_count;
    struct means passes;  /* PASS_… */
    uint64_t weight;      /* inferences that one pass is the mean of already; 0: not known */
    bool knows_transfers; /* none is none; else it is not known */
    bool is_cold;         /* the first inference of a process */
    bool is_one_process;  /* passes are of one process, one after the other */
    double told_total_ms; /* of the pass under way; NaN: not told */
    uint64_t told_passes; /* that told a total */
    bool is_open;         /* a pass is under way */
    bool guesses_passes;  /* by the first layer that comes again */
    uint64_t pass_rows, first_rows; /* of the pass under way; of the first */
    bool last_is_cut;               /* the last one had fewer rows and is left out */
    uint64_t switches;              /* from one device to another, in the first pass */
    enum pipe_device last;          /* device of the row before */
    uint64_t defaulted;             /* rows without a device, taken as GPU */
    struct pipe_fallback *fallbacks;
    size_t fallback_count, fallback_capacity;
    /* By pipeline_finish: */
    struct estimate total_ms, layers_ms, transfers_ms;
    double device_ms[PIPE_DEVICES];
    uint64_t device_layers[PIPE_DEVICES];
    bool is_total_told;
};

struct pipe_fallback {
    const char *name, *reason;
    uint64_t line;
};

struct pipe_set {
    const struct analyze_options *options;
    struct analysis *analysis;
    struct arena arena;
    struct pipeline *items[PIPELINES_MAX];
    size_t count;
};

/* ---- build ---- */
enum pipe_device pipe_device_of(const char *text);
/* That of this file and batch size, made if there is none yet; NULL with err set. */
struct pipeline *pipe_set_get(struct pipe_set *set, const char *file, const char *format,
                              uint64_t batch, struct error *err);
/* The last one takes the place of `first`, and those that are taken go. */
void pipe_set_replace(struct pipe_set *set, size_t first, const bool *taken);
void pipe_set_deinit(struct pipe_set *set);
/* is_told false: where passes begin has to be guessed. Ends the pass before. */
int pipeline_begin(struct pipeline *pipeline, bool is_told, struct error *err);
struct pipe_row {
    const char *name, *type, *device;
    enum pipe_device kind;
    double time_ms;
    uint64_t line;
    bool is_whole, is_mean;
};
int pipeline_layer(struct pipe_set *set, struct pipeline *pipeline, const struct pipe_row *row,
                   struct error *err);
void pipeline_transfer(struct pipeline *pipeline, int direction, double bytes, double time_ms,
                       uint64_t line);
int pipeline_end(struct pipeline *pipeline, struct error *err);
int pipeline_finish(struct pipeline *pipeline, struct error *err);
double pipe_layer_ms(const struct pipeline *pipeline, const struct pipe_layer *layer);
/* Its share of the whole, 0 to 1. */
int pipe_layer_share(const struct pipeline *pipeline, const struct pipe_layer *layer,
                     struct estimate *ret, struct error *err);
int pipe_layer_time(const struct pipeline *pipeline, const struct pipe_layer *layer,
                    struct estimate *ret, struct error *err);
/* What shares are of: the total, or the sum of the parts where these are more. */
double pipeline_whole_ms(const struct pipeline *pipeline);
/* Whether it is known what transfers took. */
bool pipeline_has_transfers(const struct pipeline *pipeline);
double pipeline_throughput(const struct pipeline *pipeline);
/* The same layer of another pipeline: by name, and by type where both tell it; or NULL. */
const struct pipe_layer *pipeline_find(const struct pipeline *pipeline,
                                       const struct pipe_layer *layer);
/* Indices of layers by falling time; the caller frees. NULL: out of memory. */
size_t *pipeline_order(const struct pipeline *pipeline);

/* ---- read ---- */
int pipe_read(struct pipe_set *set, const char *path, struct error *err);
int pipe_read_trtexec(struct pipe_set *set, const char *file, const char *text, size_t size,
                      struct error *err);

/* ---- tell ---- */
int pipe_tables(struct pipe_set *set, struct error *err);
int pipe_findings(struct pipe_set *set, struct error *err);
int pipe_scaling(struct pipe_set *set, struct error *err);
int pipe_versus(struct pipe_set *set, const struct pipeline *a, const struct pipeline *b,
                struct error *err);
void pipe_evidence(struct finding *finding, const struct pipeline *pipeline, uint64_t line);

#endif
