/* worker_internal.h: the parts of the worker process (onnx_worker*.c).
 *
 * Threads: the main thread goes through the stages and runs the first and the profiled inferences;
 *          then one thread per stream runs the rest, and the main thread waits for the end.
 * In the loop: no allocation of ours, no file is opened, nothing is written but records.
 */
#ifndef TACHO_WORKLOAD_ONNX_WORKER_INTERNAL_H
#define TACHO_WORKLOAD_ONNX_WORKER_INTERNAL_H

#include <pthread.h>

#include "workload/onnx/input.h"

struct onnx_schedule {
    pthread_mutex_t mutex;
    double rate_per_s;
    bool is_poisson;
    uint64_t begin_ns;
    uint64_t index;   /* of the next arrival */
    uint64_t next_ns; /* its time */
    double next_frac; /* and what is left below a nanosecond: no drift, however long it runs */
    uint64_t random;
};

struct worker;

struct worker_stream {
    struct worker *worker;
    uint32_t index;
    pthread_t thread;
    bool is_started;
    struct onnx_tensor inputs[ONNX_INPUTS_MAX];
    const char *input_names[ONNX_INPUTS_MAX];
    const struct ort_value *values[ONNX_INPUTS_MAX];
    struct ort_value **outputs; /* NULL between the units */
};

struct worker {
    struct onnx_shared *shared;
    const struct onnx_config *config;
    struct ort ort;
    struct ort_model model;
    struct worker_stream *streams;
    uint32_t stream_count;
    enum onnx_stage stage;
    struct onnx_schedule schedule;
    _Atomic uint64_t stop_ns; /* when the worker learned that it is to stop; 0: not yet */
    _Atomic uint32_t running; /* streams that have not come to their end */
    _Atomic bool has_failed;  /* err is filled, by the first stream that failed */
    pthread_mutex_t err_mutex;
    struct error err;
};

/* ---- worker.c ---- */
/* Ends the stage that it is in and begins the next. */
void worker_begin_stage(struct worker *worker, enum onnx_stage stage);
/* The streams of worker->model with their inputs, not started. */
int worker_make_streams(struct worker *worker, struct error *err);
void worker_free_streams(struct worker *worker); /* accepts one without */

/* ---- worker_loop.c ---- */
/* One inference, timed; the outputs stay in stream->outputs until worker_release_outputs. */
int worker_run_unit(struct worker_stream *stream, struct onnx_record *record, struct error *err);
void worker_release_outputs(struct worker_stream *stream);
/* Waits for leave to begin a unit and takes it. false: the worker is to stop. */
bool worker_take_unit(struct worker *worker);
/* True once tacho said stop, or a stream failed; notes when. */
bool worker_is_stopping(struct worker *worker);
/* All streams until the end. Does not return if tacho said to leave at once. */
int worker_loop(struct worker *worker, struct error *err);

/* ---- worker_schedule.c: the open loop's arrivals ---- */
/* The first arrival is at begin_ns (constant), or one gap later (Poisson). */
void onnx_schedule_init(struct onnx_schedule *schedule, double rate_per_s, bool is_poisson,
                        uint64_t seed, uint64_t begin_ns);
void onnx_schedule_deinit(struct onnx_schedule *schedule);
/* Draws the next arrival, in order; limit_ns: only if it is not after that. false: it is. */
bool onnx_schedule_draw(struct onnx_schedule *schedule, uint64_t limit_ns, uint64_t *ret_ns);

/* ---- worker_output.c ---- */
/* The outputs that stream 0 holds, as PREFIX.INDEX.npy. */
int worker_write_outputs(struct worker *worker, struct error *err);

/* ---- worker_inspect.c ---- */
int worker_inspect(struct worker *worker, struct error *err);

#endif
