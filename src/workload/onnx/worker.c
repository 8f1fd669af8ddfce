/* worker.c: the worker's life, stage by stage (see shared.h).
 *
 * What goes wrong is told in info.error, and nothing is printed: tacho says it to the user.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "base/unit.h"
#include "base/util.h"
#include "workload/onnx/worker_internal.h"

/* Streams and inputs each get values of their own: the golden ratio's bits part the seeds. */
#define SEED_STEP 0x9e3779b97f4a7c15ULL

/* ---- stages ---- */

static uint64_t status_bytes(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    return at ? strtoull(at + strlen(key), NULL, 10) * 1024 : 0;
}

/* Not in the loop: at the ends of stages only. */
static void read_memory(struct onnx_stage_report *report)
{
    struct root root;
    char text[8192];
    if (root_open(&root, "/", NULL) < 0)
        return;
    if (root_read(&root, "proc/self/status", text, sizeof(text), NULL) > 0) {
        report->rss_bytes = status_bytes(text, "\nVmRSS:");
        report->anon_bytes = status_bytes(text, "\nRssAnon:");
    }
    root_close(&root);
}

void worker_begin_stage(struct worker *worker, enum onnx_stage stage)
{
    struct onnx_stage_report *reports = worker->shared->info.stages;
    reports[worker->stage].end_ns = clock_mono_ns();
    read_memory(&reports[worker->stage]);
    worker->stage = stage;
    reports[stage].begin_ns = clock_mono_ns();
    atomic_store(&worker->shared->stage, stage);
}

/* ---- streams and their inputs ---- */

static int make_stream(struct worker *worker, struct worker_stream *stream, struct error *err)
{
    const struct onnx_config *config = worker->config;
    stream->outputs = calloc(worker->model.output_count + 1, sizeof(struct ort_value *));
    if (stream->outputs == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the model's outputs");
    for (uint32_t i = 0; i < config->input_count; i++) {
        uint64_t order = (uint64_t)stream->index * ONNX_INPUTS_MAX + i;
        const struct onnx_tensor *like = stream->index > 0 ? &worker->streams[0].inputs[i] : NULL;
        int rc = onnx_input_make(&worker->ort, &config->inputs[i], config->seed + order * SEED_STEP,
                                 like, &stream->inputs[i], err);
        if (rc < 0)
            return rc;
        stream->input_names[i] = config->inputs[i].name;
        stream->values[i] = stream->inputs[i].value;
    }
    return 0;
}

int worker_make_streams(struct worker *worker, struct error *err)
{
    int rc = onnx_input_check_names(&worker->model, worker->config, err);
    if (rc == 0)
        rc = onnx_input_check_memory(worker->config, err);
    if (rc < 0)
        return rc;
    worker->streams = calloc(worker->stream_count, sizeof(*worker->streams));
    if (worker->streams == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for %u streams", worker->stream_count);
    for (uint32_t i = 0; rc == 0 && i < worker->stream_count; i++) {
        worker->streams[i].worker = worker;
        worker->streams[i].index = i;
        rc = make_stream(worker, &worker->streams[i], err);
    }
    return rc;
}

void worker_free_streams(struct worker *worker)
{
    for (uint32_t i = 0; worker->streams && i < worker->stream_count; i++) {
        struct worker_stream *stream = &worker->streams[i];
        if (stream->outputs)
            worker_release_outputs(stream);
        free(stream->outputs);
        for (uint32_t j = 0; j < ONNX_INPUTS_MAX; j++)
            onnx_input_free(&worker->ort, &stream->inputs[j]);
    }
    free(worker->streams);
    worker->streams = NULL;
}

/* ---- the first inferences ---- */

/* One more on the main thread; the outputs stay. Returns 1 if there was leave for it, 0 if not. */
static int run_early_unit(struct worker *worker, struct error *err)
{
    bool is_free = worker->config->mode == ONNX_MODE_OUTPUTS;
    if (!is_free && !worker_take_unit(worker))
        return 0;
    struct onnx_record record;
    int rc = worker_run_unit(&worker->streams[0], &record, err);
    if (rc < 0)
        return rc;
    record.intended_ns = record.begin_ns;
    onnx_ring_put(worker->shared, 0, &record);
    return 1;
}

static int run_first(struct worker *worker, struct error *err)
{
    int rc = run_early_unit(worker, err);
    if (rc < 0)
        error_at(err, worker->config->model, 0, 0);
    return rc < 0 ? rc : 0;
}

/* After its stage, so that neither its time nor its memory knows of the files. */
static int finish_first(struct worker *worker, struct error *err)
{
    int rc = 0;
    bool was_run = worker->streams[0].outputs[0] != NULL;
    if (was_run && worker->config->output_path[0])
        rc = worker_write_outputs(worker, err);
    worker_release_outputs(&worker->streams[0]);
    return rc;
}

static int run_profiled(struct worker *worker, struct error *err)
{
    const struct onnx_config *config = worker->config;
    uint32_t units = config->mode == ONNX_MODE_OUTPUTS ? 1 : config->profiled_units;
    int rc = finish_first(worker, err);
    bool goes_on = true;
    for (uint32_t i = 1; rc >= 0 && goes_on && i < units; i++) {
        rc = run_early_unit(worker, err);
        goes_on = rc > 0;
        worker_release_outputs(&worker->streams[0]);
    }
    if (rc < 0 || config->profile_prefix[0] == '\0')
        return rc < 0 ? rc : 0;
    struct onnx_info *info = &worker->shared->info;
    return ort_model_end_profile(&worker->model, info->profile_path, sizeof(info->profile_path),
                                 err);
}

/* ---- the whole ---- */

static int open_model(struct worker *worker, struct error *err)
{
    struct onnx_info *info = &worker->shared->info;
    worker_begin_stage(worker, ONNX_STAGE_LOAD);
    int rc = ort_open(&worker->ort, worker->config, info, err);
    if (rc < 0)
        return rc;
    worker_begin_stage(worker, ONNX_STAGE_SESSION);
    struct ort_model_source source = {.path = worker->config->model};
    rc = ort_model_open(&worker->model, &worker->ort, worker->config, info, &source,
                        worker->config->profile_prefix, err);
    if (rc == 0)
        info->output_count = (uint32_t)worker->model.output_count;
    return rc;
}

static int measure(struct worker *worker, struct error *err)
{
    int rc = open_model(worker, err);
    if (rc < 0)
        return rc;
    worker_begin_stage(worker, ONNX_STAGE_INPUTS);
    rc = worker_make_streams(worker, err);
    if (rc < 0)
        return rc;
    worker_begin_stage(worker, ONNX_STAGE_FIRST);
    rc = run_first(worker, err);
    if (rc < 0)
        return rc;
    worker_begin_stage(worker, ONNX_STAGE_PROFILED);
    rc = run_profiled(worker, err);
    if (rc < 0 || worker->config->mode == ONNX_MODE_OUTPUTS)
        return rc;
    worker_begin_stage(worker, ONNX_STAGE_LOOP);
    return worker_loop(worker, err);
}

/* The other side is the same program; this is against its mistakes, and keeps indices in range. */
static int check_config(const struct onnx_config *config, struct error *err)
{
    bool is_measuring = config->mode != ONNX_MODE_INSPECT;
    if (config->library_count > ONNX_LIBRARIES_MAX || config->input_count > ONNX_INPUTS_MAX ||
        config->option_count > ONNX_OPTIONS_MAX || config->streams > ONNX_STREAMS_MAX ||
        (is_measuring && (config->streams == 0 || !(config->rate_per_s >= 0))))
        return error_set(err, ERROR_INTERNAL, "the worker was given settings out of range");
    return 0;
}

/* Where the shell limits the address space (ulimit -v), that is what runs out first; each library
 * says it in other words, and none says why. */
static bool is_about_room(const struct error *err)
{
    static const char *const words[] = {"bad_alloc", "failed to map segment", "allocate memory"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcasestr(err->message, words[i]) != NULL)
            return true;
    return err->code == ERROR_NOMEM || err->sys_errno == ENOMEM || err->sys_errno == EAGAIN;
}

static void blame_address_space(const struct worker *worker, struct error *err)
{
    struct rlimit limit;
    char size[32], detail[160];
    bool is_loading = worker->stage <= ONNX_STAGE_SESSION;
    if (!is_about_room(err) || getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return;
    str_copy(detail, sizeof(detail), err->message);
    error_set(err, ERROR_DENIED, "the address space is limited to %s, which is not enough %s (%s)",
              unit_format_bytes((double)limit.rlim_cur, size, sizeof(size)),
              is_loading ? "to load the engine" : "to run the model", detail);
    error_hint(err, "raise the limit: ulimit -v unlimited");
}

static void report_failure(struct worker *worker, struct error *err)
{
    blame_address_space(worker, err);
    worker->shared->info.error = *err;
    atomic_store(&worker->shared->has_failed, 1);
}

static void close_all(struct worker *worker)
{
    worker_free_streams(worker);
    ort_model_close(&worker->model);
    ort_close(&worker->ort);
    pthread_mutex_destroy(&worker->err_mutex);
}

int onnx_worker_main(int fd)
{
    struct onnx_shared *shared;
    struct error err = {0};
    if (onnx_shared_attach(fd, &shared, &err) < 0)
        return error_exit_code(err.code);
    struct worker worker = {.shared = shared,
                            .config = &shared->config,
                            .stream_count = shared->config.streams,
                            .stage = ONNX_STAGE_START};
    pthread_mutex_init(&worker.err_mutex, NULL);
    shared->info.stages[ONNX_STAGE_START].begin_ns = clock_mono_ns();
    int rc = check_config(worker.config, &err);
    if (rc == 0)
        rc = worker.config->mode == ONNX_MODE_INSPECT ? worker_inspect(&worker, &err)
                                                      : measure(&worker, &err);
    /* The last stage ends before anything is given back: its memory is that of the measurement. */
    if (rc < 0)
        report_failure(&worker, &err);
    worker_begin_stage(&worker, ONNX_STAGE_END);
    close_all(&worker);
    shared->info.stages[ONNX_STAGE_END].end_ns = clock_mono_ns();
    onnx_shared_free(shared);
    return rc < 0 ? 1 : 0;
}
