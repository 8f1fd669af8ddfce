/* dnn_pipeline_trtexec.c: what trtexec leaves behind, as a pipeline: --exportProfile (layers),
 * --exportTimes (transfers and compute, query by query) and its log (both, as means). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/files/dnn_pipeline_internal.h"
#include "base/str.h"
#include "base/util.h"
#include "format/peers/peer.h"
#include "format/trtexec.h"
#include "format/trtexec_log.h"

#define NS_PER_MS 1e6
#define ALL_LAYERS "(all layers)"

/* ---- which device ran a layer ---- */

/* Names that TensorRT gives to the ways into and out of the memory of a DLA. */
static bool is_dla_data(const char *name)
{
    return str_ends_with(name, " to nvm") || str_ends_with(name, " from nvm") ||
           str_ends_with(name, " copy finish");
}

static const struct trtexec_log_placed *find_placed(const struct trtexec_log *log, const char *name)
{
    for (size_t i = 0; log && i < log->placed_count; i++) {
        if (strcmp(log->placed[i].name, name) == 0)
            return &log->placed[i];
    }
    return NULL;
}

/* TensorRT runs layers on the GPU or on a DLA. A profile does not say which, but a part of the
 * network on a DLA is one layer "{ForeignNode[first...last]}", with ways into its memory beside it.
 * Without those it may be one of the GPU's compiler, too: then only the log can tell. */
static void place(struct pipe_row *row, const struct trtexec_log *log, bool has_dla_data)
{
    const struct trtexec_log_placed *placed = find_placed(log, row->name);
    bool is_foreign = str_starts_with(row->name, "{ForeignNode[");
    row->kind = PIPE_GPU;
    row->type = "";
    if (placed) {
        row->kind = placed->on_dla ? PIPE_DLA : PIPE_GPU;
        row->type = placed->type;
    } else if (is_dla_data(row->name)) {
        row->kind = PIPE_DLA;
        row->type = "DLA data";
    } else if (is_foreign) {
        row->kind = has_dla_data ? PIPE_DLA : PIPE_UNKNOWN;
    }
    if (!*row->type)
        row->type = str_starts_with(row->name, "Reformatting CopyNode") ? "Reformat"
                    : is_foreign                                        ? "ForeignNode"
                                                                        : "";
    row->device = row->kind == PIPE_UNKNOWN ? "" : pipe_device_name[row->kind];
}

/* ---- --exportProfile ---- */

static int read_layers(struct pipe_set *set, const char *file, const char *text, size_t size,
                       struct error *err)
{
    CLEANUP(trtexec_layers_deinit) struct trtexec_layers layers = {0};
    int rc = trtexec_layers_read_text(text, size, file, &layers, err);
    if (rc < 0)
        return rc;
    struct pipeline *pipeline = pipe_set_get(set, file, "trtexec profile", 0, err);
    rc = pipeline ? pipeline_begin(pipeline, true, err) : -err->code;
    bool has_dla_data = false;
    for (size_t i = 0; i < layers.item_count; i++)
        has_dla_data = has_dla_data || is_dla_data(layers.items[i].name);
    for (size_t i = 0; i < layers.item_count && rc == 0; i++) {
        struct pipe_row row = {.name = layers.items[i].name,
                               .time_ms = (double)layers.items[i].average_ns / NS_PER_MS};
        place(&row, NULL, has_dla_data);
        rc = pipeline_layer(set, pipeline, &row, err);
    }
    if (rc == 0)
        pipeline->weight = layers.count;
    return rc;
}

/* ---- --exportTimes ---- */

static int add_whole(struct pipe_set *set, struct pipeline *pipeline, double compute_ms,
                     enum pipe_device kind, struct error *err)
{
    struct pipe_row row = {.name = ALL_LAYERS,
                           .type = "",
                           .device = kind == PIPE_UNKNOWN ? "" : pipe_device_name[kind],
                           .kind = kind,
                           .time_ms = compute_ms,
                           .is_whole = true};
    return pipeline_layer(set, pipeline, &row, err);
}

static int read_times(struct pipe_set *set, const char *file, const char *text, size_t size,
                      struct error *err)
{
    CLEANUP(trtexec_times_deinit) struct trtexec_times times = {0};
    int rc = trtexec_times_read_text(text, size, file, &times, err);
    if (rc < 0)
        return rc;
    struct pipeline *pipeline = pipe_set_get(set, file, "trtexec times", 0, err);
    if (!pipeline)
        return -err->code;
    pipeline->is_one_process = true;
    for (size_t i = 0; i < times.count && rc == 0; i++) {
        const struct trtexec_time *time = &times.items[i];
        rc = pipeline_begin(pipeline, true, err);
        if (rc == 0)
            rc = add_whole(set, pipeline, (double)time->compute_ns / NS_PER_MS, PIPE_UNKNOWN, err);
        pipeline_transfer(pipeline, PIPE_H2D, NAN, (double)time->h2d_ns / NS_PER_MS, 0);
        pipeline_transfer(pipeline, PIPE_D2H, NAN, (double)time->d2h_ns / NS_PER_MS, 0);
        pipeline->told_total_ms = (double)time->latency_ns / NS_PER_MS;
    }
    return rc;
}

/* ---- the log ---- */

struct summary_run {
    struct run run;
    bool is_taken;
};

static struct run_sink *take_run(void *context)
{
    struct summary_run *summary = context;
    if (summary->is_taken)
        return NULL;
    summary->is_taken = true;
    return run_sink_of(&summary->run);
}

static double value_of(const struct run *run, const char *metric)
{
    const struct run_series *series = run_find_series(run, metric, NULL);
    return series && series->count > 0 ? series->samples[0].value : NAN;
}

/* The means of its summary: -ERROR_INPUT where it has none. */
static int read_summary(struct pipe_set *set, struct pipeline *pipeline, const char *text,
                        size_t size, const struct trtexec_log *log, struct error *err)
{
    struct summary_run summary = {.is_taken = false};
    run_init(&summary.run);
    struct peer_input input = {
        .text = text, .size = size, .file = pipeline->file, .fresh = take_run, .context = &summary};
    int rc = peer_read(&input, err);
    if (rc == 0) {
        double h2d = value_of(&summary.run, "trtexec_h2d_mean_ms");
        double d2h = value_of(&summary.run, "trtexec_d2h_mean_ms");
        double compute = value_of(&summary.run, "trtexec_compute_mean_ms");
        if (log->layer_count == 0 && isfinite(compute))
            rc = add_whole(set, pipeline, compute,
                           log->placed_count + log->fallback_count > 0 ? PIPE_UNKNOWN : PIPE_GPU,
                           err);
        if (isfinite(h2d))
            pipeline_transfer(pipeline, PIPE_H2D, NAN, h2d, 0);
        if (isfinite(d2h))
            pipeline_transfer(pipeline, PIPE_D2H, NAN, d2h, 0);
        pipeline->told_total_ms = value_of(&summary.run, "trtexec_latency_mean_ms");
    }
    run_deinit(&summary.run);
    return rc;
}

static int keep_fallbacks(struct pipe_set *set, struct pipeline *pipeline,
                          const struct trtexec_log *log, struct error *err)
{
    for (size_t i = 0; i < log->fallback_count; i++) {
        struct pipe_fallback fallback = {.name = arena_strdup(&set->arena, log->fallbacks[i].name),
                                         .reason =
                                             arena_strdup(&set->arena, log->fallbacks[i].reason),
                                         .line = log->fallbacks[i].line};
        if (!fallback.name || !fallback.reason ||
            array_reserve(&pipeline->fallbacks, &pipeline->fallback_capacity, i + 1,
                          sizeof(fallback)) < 0)
            return error_set(err, ERROR_NOMEM, "out of memory");
        pipeline->fallbacks[pipeline->fallback_count++] = fallback;
    }
    return 0;
}

static int add_log_layers(struct pipe_set *set, struct pipeline *pipeline,
                          const struct trtexec_log *log, struct error *err)
{
    int rc = 0;
    bool has_dla_data = false;
    for (size_t i = 0; i < log->layer_count; i++)
        has_dla_data = has_dla_data || is_dla_data(log->layers[i].name);
    for (size_t i = 0; i < log->layer_count && rc == 0; i++) {
        struct pipe_row row = {.name = log->layers[i].name,
                               .time_ms = (double)log->layers[i].average_ns / NS_PER_MS,
                               .line = log->layers[i].line};
        place(&row, log, has_dla_data);
        rc = pipeline_layer(set, pipeline, &row, err);
    }
    return rc;
}

static int read_log(struct pipe_set *set, const char *file, const char *text, size_t size,
                    struct error *err)
{
    CLEANUP(trtexec_log_deinit) struct trtexec_log log = {0};
    int rc = trtexec_log_read_text(text, size, &log, err);
    if (rc < 0)
        return rc;
    struct pipeline *pipeline = pipe_set_get(set, file, "trtexec log", log.batch_size, err);
    if (!pipeline)
        return -err->code;
    pipeline->weight = log.iterations > 0 ? log.iterations : log.queries;
    rc = pipeline_begin(pipeline, true, err);
    if (rc == 0)
        rc = add_log_layers(set, pipeline, &log, err);
    if (rc == 0)
        rc = keep_fallbacks(set, pipeline, &log, err);
    if (rc == 0)
        rc = read_summary(set, pipeline, text, size, &log, err);
    /* A log that was cut off before its summary still has its layers. */
    bool has_parts = log.layer_count + log.placed_count + log.fallback_count > 0;
    return rc == -ERROR_INPUT && has_parts ? 0 : rc;
}

int pipe_read_trtexec(struct pipe_set *set, const char *file, const char *text, size_t size,
                      struct error *err)
{
    size_t head = size < 8192 ? size : 8192;
    if (memmem(text, head, "\"latencyMs\"", 11))
        return read_times(set, file, text, size, err);
    if (memmem(text, head, "\"averageMs\"", 11))
        return read_layers(set, file, text, size, err);
    return read_log(set, file, text, size, err);
}
