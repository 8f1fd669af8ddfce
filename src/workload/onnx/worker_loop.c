/* worker_loop.c: the measured part: streams that run the model, each in its own thread.
 *
 * Only the engine's Run stands between the two stamps of a record. Outputs are released after the
 * second: that they were allocated belongs to the call, giving them back does not.
 */
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/clock.h"
#include "base/util.h"
#include "workload/onnx/worker_internal.h"

#define SLICE_NS (50 * NS_PER_MS) /* how soon a sleeping stream notices that it is to stop */
#define WAIT_MS 250               /* tacho rings the bell; this is for a bell that was missed */
/* The threads are up and waiting before the first arrival. */
#define LEAD_NS (10 * NS_PER_MS)

/* ---- one unit ---- */

int worker_run_unit(struct worker_stream *stream, struct onnx_record *record, struct error *err)
{
    struct worker *worker = stream->worker;
    struct ort_model *model = &worker->model;
    ort_run_fn *run = ort_run(&worker->ort);
    record->begin_ns = clock_mono_ns();
    struct ort_status *status =
        run(model->session, NULL, stream->input_names, stream->values, model->input_count,
            (const char *const *)model->output_names, model->output_count, stream->outputs);
    record->end_ns = clock_mono_ns();
    record->kind = ONNX_RECORD_UNIT;
    record->stream = stream->index;
    return ort_check(&worker->ort, status, ERROR_PROGRAM, err, "the inference failed");
}

void worker_release_outputs(struct worker_stream *stream)
{
    ort_release_value_fn *release = ort_release_value(&stream->worker->ort);
    for (size_t i = 0; i < stream->worker->model.output_count; i++) {
        if (stream->outputs[i])
            release(stream->outputs[i]);
        stream->outputs[i] = NULL;
    }
}

/* ---- leave to begin, and the end ---- */

static void note_stop(struct worker *worker)
{
    uint64_t none = 0;
    atomic_compare_exchange_strong(&worker->stop_ns, &none, clock_mono_ns());
}

bool worker_is_stopping(struct worker *worker)
{
    if (atomic_load(&worker->shared->stop) == 0 && !atomic_load(&worker->has_failed))
        return false;
    note_stop(worker);
    return true;
}

bool worker_take_unit(struct worker *worker)
{
    struct onnx_shared *shared = worker->shared;
    for (;;) {
        /* Read before the question that it may answer: a ring in between is not slept through. */
        uint32_t seen = atomic_load(&shared->bell);
        if (worker_is_stopping(worker))
            return false;
        uint64_t begun = atomic_load(&shared->begun);
        if (begun >= atomic_load(&shared->allowed))
            onnx_bell_wait(shared, seen, WAIT_MS);
        else if (atomic_compare_exchange_weak(&shared->begun, &begun, begun + 1))
            return true;
    }
}

/* The first failure ends all streams. */
static void fail(struct worker *worker, const struct error *err)
{
    pthread_mutex_lock(&worker->err_mutex);
    if (!atomic_load(&worker->has_failed))
        worker->err = *err;
    atomic_store(&worker->has_failed, true);
    pthread_mutex_unlock(&worker->err_mutex);
    onnx_bell_ring(worker->shared);
}

/* ---- the two loops ---- */

/* Runs a unit that may begin, and reports it. False: it failed. */
static bool serve(struct worker_stream *stream, uint64_t intended_ns)
{
    struct error err = {0};
    struct onnx_record record;
    int rc = worker_run_unit(stream, &record, &err);
    worker_release_outputs(stream);
    if (rc < 0) {
        fail(stream->worker, &err);
        return false;
    }
    record.intended_ns = intended_ns ? intended_ns : record.begin_ns;
    onnx_ring_put(stream->worker->shared, stream->index, &record);
    return true;
}

static void run_closed(struct worker_stream *stream)
{
    while (worker_take_unit(stream->worker) && serve(stream, 0))
        ;
}

/* False: the worker is to stop. */
static bool sleep_until(struct worker *worker, uint64_t end_ns)
{
    while (!worker_is_stopping(worker)) {
        uint64_t now_ns = clock_mono_ns();
        if (now_ns >= end_ns)
            return true;
        uint64_t until_ns = u64_min(end_ns, now_ns + SLICE_NS);
        struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_S),
                                 .tv_nsec = (long)(until_ns % NS_PER_S)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    }
    return false;
}

static void put_unserved(struct worker *worker, uint32_t stream, uint64_t intended_ns)
{
    uint64_t stop_ns = atomic_load(&worker->stop_ns);
    struct onnx_record record = {.intended_ns = intended_ns,
                                 .begin_ns = stop_ns,
                                 .end_ns = stop_ns,
                                 .kind = ONNX_RECORD_UNSERVED,
                                 .stream = stream};
    onnx_ring_put(worker->shared, stream, &record);
}

/* A free stream draws the next arrival and waits for it: so they are served in their order. One
 * that has arrived and then is not begun, because the time is over, was not served. */
static void run_open(struct worker_stream *stream)
{
    struct worker *worker = stream->worker;
    uint64_t intended_ns;
    /* The kernel rounds sleeping up by this much; 50 us unless told otherwise. */
    prctl(PR_SET_TIMERSLACK, 1UL);
    while (!worker_is_stopping(worker)) {
        onnx_schedule_draw(&worker->schedule, UINT64_MAX, &intended_ns);
        if (!sleep_until(worker, intended_ns) || !worker_take_unit(worker)) {
            if (intended_ns <= atomic_load(&worker->stop_ns))
                put_unserved(worker, stream->index, intended_ns);
            return;
        }
        if (!serve(stream, intended_ns))
            return;
    }
}

/* ---- threads ---- */

static void *run_stream(void *context)
{
    struct worker_stream *stream = context;
    if (stream->worker->config->rate_per_s > 0)
        run_open(stream);
    else
        run_closed(stream);
    atomic_fetch_sub(&stream->worker->running, 1);
    onnx_bell_ring(stream->worker->shared);
    return NULL;
}

static void start_streams(struct worker *worker)
{
    for (uint32_t i = 0; i < worker->stream_count; i++) {
        struct worker_stream *stream = &worker->streams[i];
        atomic_fetch_add(&worker->running, 1);
        int failed = pthread_create(&stream->thread, NULL, run_stream, stream);
        stream->is_started = failed == 0;
        if (failed == 0)
            continue;
        atomic_fetch_sub(&worker->running, 1);
        struct error err = {0};
        error_set_errno(&err, ERROR_DENIED, failed, "cannot start the thread of stream %u of %u",
                        i + 1, worker->stream_count);
        error_hint(&err, "a limit of this shell or of the cgroup is too low: see ulimit -a and "
                         "pids.max");
        fail(worker, &err);
        return;
    }
}

/* The main thread notes when the stop came: the streams may all be in the middle of a unit. */
static void wait_for_streams(struct worker *worker)
{
    struct onnx_shared *shared = worker->shared;
    for (;;) {
        uint32_t seen = atomic_load(&shared->bell);
        worker_is_stopping(worker);
        /* The streams cannot be called out of the engine. Their records are in the rings. */
        if (atomic_load(&shared->stop) >= 2)
            _exit(0);
        if (atomic_load(&worker->running) == 0)
            break;
        onnx_bell_wait(shared, seen, WAIT_MS);
    }
    for (uint32_t i = 0; i < worker->stream_count; i++)
        if (worker->streams[i].is_started)
            pthread_join(worker->streams[i].thread, NULL);
}

int worker_loop(struct worker *worker, struct error *err)
{
    const struct onnx_config *config = worker->config;
    bool is_open = config->rate_per_s > 0;
    if (is_open)
        onnx_schedule_init(&worker->schedule, config->rate_per_s, config->is_poisson, config->seed,
                           clock_mono_ns() + LEAD_NS);
    start_streams(worker);
    wait_for_streams(worker);
    uint64_t intended_ns, unserved = 0; /* into all rings: a long queue fills one */
    while (is_open &&
           onnx_schedule_draw(&worker->schedule, atomic_load(&worker->stop_ns), &intended_ns))
        put_unserved(worker, (uint32_t)(unserved++ % worker->stream_count), intended_ns);
    if (is_open)
        onnx_schedule_deinit(&worker->schedule);
    if (!atomic_load(&worker->has_failed))
        return 0;
    *err = worker->err;
    return -err->code;
}
