/* dnn_pipeline_build.c: passes of layers and transfers into a pipeline. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "analyze/files/dnn_pipeline_internal.h"
#include "base/util.h"

const char *const pipe_device_name[PIPE_DEVICES] = {"GPU", "DLA", "CPU", "other", "not told"};

/* ---- devices ---- */

/* "GPU", "DLA0", "CPUExecutionProvider". */
enum pipe_device pipe_device_of(const char *text)
{
    static const struct {
        const char *begin;
        enum pipe_device kind;
    } names[] = {
        {"GPU", PIPE_GPU},  {"CUDA", PIPE_GPU}, {"Tensorrt", PIPE_GPU}, {"NvTensorRT", PIPE_GPU},
        {"ROCM", PIPE_GPU}, {"DML", PIPE_GPU},  {"MIGraphX", PIPE_GPU}, {"WebGpu", PIPE_GPU},
        {"DLA", PIPE_DLA},  {"CPU", PIPE_CPU},  {"XNNPACK", PIPE_CPU},  {"Dnnl", PIPE_CPU},
        {"iGPU", PIPE_GPU}, {"dGPU", PIPE_GPU},
    };
    if (!*text)
        return PIPE_UNKNOWN;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strncasecmp(text, names[i].begin, strlen(names[i].begin)) == 0)
            return names[i].kind;
    }
    return PIPE_OTHER;
}

/* ---- pipelines ---- */

static void pipeline_free(struct pipeline *pipeline)
{
    for (size_t i = 0; i < pipeline->layer_count; i++)
        means_deinit(&pipeline->layers[i].share);
    means_deinit(&pipeline->passes);
    free(pipeline->layers);
    free(pipeline->slots);
    free(pipeline->fallbacks);
}

void pipe_set_deinit(struct pipe_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        pipeline_free(set->items[i]);
    arena_deinit(&set->arena);
}

void pipe_set_replace(struct pipe_set *set, size_t first, const bool *taken)
{
    struct pipeline *last = set->items[set->count - 1];
    size_t count = 0;
    for (size_t i = 0; i + 1 < set->count; i++) {
        if (taken[i])
            pipeline_free(set->items[i]);
        if (i == first)
            set->items[count++] = last;
        else if (!taken[i])
            set->items[count++] = set->items[i];
    }
    set->count = count;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The file's name; with its folder where another file has the same. */
static const char *label_of(const struct pipe_set *set, const char *file)
{
    size_t alike = 0;
    for (size_t i = 0; i < set->options->path_count; i++)
        alike += strcmp(base_name(set->options->paths[i]), base_name(file)) == 0;
    return alike > 1 ? file : base_name(file);
}

struct pipeline *pipe_set_get(struct pipe_set *set, const char *file, const char *format,
                              uint64_t batch, struct error *err)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->items[i]->batch == batch && set->items[i]->file == file)
            return set->items[i];
    }
    if (set->count == PIPELINES_MAX) {
        error_set(err, ERROR_INPUT, "more than %d files and batch sizes", PIPELINES_MAX);
        return NULL;
    }
    struct pipeline *pipeline = arena_alloc(&set->arena, sizeof(*pipeline));
    if (!pipeline) {
        error_set(err, ERROR_NOMEM, "out of memory");
        return NULL;
    }
    *pipeline = (struct pipeline){.file = file,
                                  .format = format,
                                  .label = label_of(set, file),
                                  .batch = batch,
                                  .batch_source = batch > 0 ? "file" : NULL,
                                  .passes = {.series = 3},
                                  .weight = 1,
                                  .told_total_ms = NAN};
    set->items[set->count++] = pipeline;
    return pipeline;
}

/* ---- layers ---- */

static uint64_t hash_text(uint64_t hash, const char *text)
{
    do
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u; /* FNV-1a */
    while (*text++);
    return hash;
}

static bool is_layer(const struct pipe_layer *layer, uint64_t hash, const struct pipe_row *row)
{
    return layer->hash == hash && strcmp(layer->name, row->name) == 0 &&
           strcmp(layer->type, row->type) == 0 && strcmp(layer->device, row->device) == 0;
}

static int grow_slots(struct pipeline *pipeline)
{
    size_t count = pipeline->slot_count ? 2 * pipeline->slot_count : 64;
    uint32_t *slots = calloc(count, sizeof(*slots));
    if (!slots)
        return -1;
    for (size_t i = 0; i < pipeline->layer_count; i++) {
        size_t slot = pipeline->layers[i].hash % count;
        while (slots[slot] > 0)
            slot = (slot + 1) % count;
        slots[slot] = (uint32_t)i + 1;
    }
    free(pipeline->slots);
    pipeline->slots = slots;
    pipeline->slot_count = count;
    return 0;
}

static int add_layer(struct pipe_set *set, struct pipeline *pipeline, uint64_t hash,
                     const struct pipe_row *row, struct error *err)
{
    if (pipeline->layer_count == PIPE_LAYERS_MAX) {
        error_set(err, ERROR_INPUT, "more than %d different layers", PIPE_LAYERS_MAX);
        error_at(err, pipeline->file, 0, 0);
        return error_hint(err, "the first column has to be the name of a layer, the same in every "
                               "pass");
    }
    struct pipe_layer layer = {.name = arena_strdup(&set->arena, row->name),
                               .type = arena_strdup(&set->arena, row->type),
                               .device = arena_strdup(&set->arena, row->device),
                               .kind = row->kind,
                               .is_whole = row->is_whole,
                               .is_mean = row->is_mean,
                               .hash = hash,
                               .line = row->line,
                               .share = {.series = 2}};
    if (!layer.name || !layer.type || !layer.device ||
        array_reserve(&pipeline->layers, &pipeline->layer_capacity, pipeline->layer_count + 1,
                      sizeof(layer)) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory");
    pipeline->layers[pipeline->layer_count++] = layer;
    return 0;
}

/* The layer of a row, made if it is new. */
static int find_layer(struct pipe_set *set, struct pipeline *pipeline, const struct pipe_row *row,
                      size_t *ret, struct error *err)
{
    uint64_t hash =
        hash_text(hash_text(hash_text(0xcbf29ce484222325u, row->name), row->type), row->device);
    if (2 * (pipeline->layer_count + 1) > pipeline->slot_count && grow_slots(pipeline) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory");
    size_t slot = hash % pipeline->slot_count;
    for (; pipeline->slots[slot] > 0; slot = (slot + 1) % pipeline->slot_count) {
        *ret = pipeline->slots[slot] - 1;
        if (is_layer(&pipeline->layers[*ret], hash, row))
            return 0;
    }
    *ret = pipeline->layer_count;
    int rc = add_layer(set, pipeline, hash, row, err);
    if (rc == 0)
        pipeline->slots[slot] = (uint32_t)pipeline->layer_count;
    return rc;
}

/* ---- passes ---- */

int pipeline_end(struct pipeline *pipeline, struct error *err)
{
    if (!pipeline->is_open)
        return 0;
    double layers = 0, transfers = 0;
    for (size_t i = 0; i < pipeline->layer_count; i++)
        layers += pipeline->layers[i].pass_ms;
    for (size_t i = 0; i < PIPE_DIRECTIONS; i++)
        transfers += pipeline->transfers[i].pass_ms;
    double told = pipeline->told_total_ms, sum = layers + transfers;
    pipeline->told_passes += !isnan(told);
    double pass[] = {[PASS_LAYERS] = layers,
                     [PASS_TRANSFERS] = transfers,
                     [PASS_WHOLE] = isnan(told) ? sum : told};
    bool fits = means_add(&pipeline->passes, pass) == 0;
    for (size_t i = 0; i < pipeline->layer_count && fits; i++) {
        struct pipe_layer *layer = &pipeline->layers[i];
        /* One that did not occur in it did not take any time in it. */
        double of_layer[] = {layer->pass_ms, fmax(sum, pass[PASS_WHOLE])};
        layer->total_ms += layer->pass_ms;
        layer->pass_ms = 0;
        fits = means_add(&layer->share, of_layer) == 0;
    }
    for (size_t i = 0; i < PIPE_DIRECTIONS; i++)
        pipeline->transfers[i].pass_ms = 0;
    pipeline->is_open = false;
    pipeline->told_total_ms = NAN;
    return fits ? 0 : error_set(err, ERROR_NOMEM, "out of memory");
}

int pipeline_begin(struct pipeline *pipeline, bool is_told, struct error *err)
{
    int rc = pipeline_end(pipeline, err);
    pipeline->is_open = true;
    pipeline->guesses_passes = !is_told;
    pipeline->pass_count++;
    pipeline->pass_rows = 0;
    return rc;
}

int pipeline_layer(struct pipe_set *set, struct pipeline *pipeline, const struct pipe_row *row,
                   struct error *err)
{
    size_t index = 0;
    int rc = find_layer(set, pipeline, row, &index, err);
    if (rc < 0)
        return rc;
    struct pipe_layer *layer = &pipeline->layers[index];
    /* The first layer again: another pass, unless it is one that occurs several times in each. */
    if (pipeline->guesses_passes && index == 0 && layer->seen_pass == pipeline->pass_count) {
        rc = pipeline_begin(pipeline, false, err);
        if (rc < 0)
            return rc;
    }
    layer->rows++;
    if (layer->seen_pass != pipeline->pass_count) {
        layer->seen_pass = pipeline->pass_count;
        layer->passes++;
    }
    pipeline->pass_rows++;
    pipeline->first_rows += pipeline->pass_count == 1;
    if (pipeline->pass_count == 1 && !row->is_whole) {
        bool has_last = layer != &pipeline->layers[0] || layer->rows > 1;
        pipeline->switches += has_last && pipeline->last != row->kind;
        pipeline->last = row->kind;
    }
    layer->pass_ms += row->time_ms;
    return 0;
}

void pipeline_transfer(struct pipeline *pipeline, int direction, double bytes, double time_ms,
                       uint64_t line)
{
    struct pipe_transfer *transfer = &pipeline->transfers[direction];
    if (transfer->rows++ == 0)
        transfer->line = line;
    transfer->bytes += bytes;
    transfer->total_ms += time_ms;
    transfer->pass_ms += time_ms;
}

/* Guessed passes are passes if most layers occur in most of them: where the first layer only has
 * the same name as later ones, most occur once. */
static bool are_passes(const struct pipeline *pipeline)
{
    size_t common = 0;
    for (size_t i = 0; i < pipeline->layer_count; i++)
        common += 2 * pipeline->layers[i].passes > pipeline->pass_count;
    return 2 * common > pipeline->layer_count;
}

/* The end of the file came before the end of the last pass, which is still open. */
static void drop_cut_pass(struct pipeline *pipeline)
{
    if (!pipeline->is_open || pipeline->pass_rows >= pipeline->first_rows)
        return;
    for (size_t i = 0; i < pipeline->layer_count; i++) {
        struct pipe_layer *layer = &pipeline->layers[i];
        layer->passes -= layer->seen_pass == pipeline->pass_count;
        layer->pass_ms = 0;
    }
    pipeline->pass_count--;
    pipeline->is_open = false;
    pipeline->last_is_cut = true;
}

/* What looked like several passes is one with layers of the same name. */
static int make_one_pass(struct pipeline *pipeline)
{
    double all[3] = {0};
    for (size_t s = 0; s < ARRAY_LEN(all); s++)
        all[s] = means_of(&pipeline->passes, s) * (double)pipeline->passes.n;
    means_deinit(&pipeline->passes);
    if (means_add(&pipeline->passes, all) < 0)
        return -1;
    for (size_t i = 0; i < pipeline->layer_count; i++) {
        struct pipe_layer *layer = &pipeline->layers[i];
        double of_layer[] = {layer->total_ms, all[PASS_WHOLE]};
        means_deinit(&layer->share);
        if (means_add(&layer->share, of_layer) < 0)
            return -1;
    }
    pipeline->pass_count = 1;
    return 0;
}

int pipeline_finish(struct pipeline *pipeline, struct error *err)
{
    bool is_guess = pipeline->guesses_passes && pipeline->pass_count > 1, fits = true;
    bool is_one = is_guess && !are_passes(pipeline);
    if (is_guess && !is_one)
        drop_cut_pass(pipeline);
    int rc = pipeline_end(pipeline, err);
    if (rc < 0)
        return rc;
    if (is_one)
        fits = make_one_pass(pipeline) == 0;
    if (!fits || means_estimate(&pipeline->passes, PASS_LAYERS, &pipeline->layers_ms) < 0 ||
        means_estimate(&pipeline->passes, PASS_TRANSFERS, &pipeline->transfers_ms) < 0 ||
        means_estimate(&pipeline->passes, PASS_WHOLE, &pipeline->total_ms) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory");
    pipeline->is_total_told = pipeline->told_passes > 0;
    for (size_t i = 0; i < pipeline->layer_count; i++) {
        const struct pipe_layer *layer = &pipeline->layers[i];
        pipeline->device_ms[layer->kind] += pipe_layer_ms(pipeline, layer);
        pipeline->device_layers[layer->kind] += !layer->is_whole;
    }
    return 0;
}

/* ---- questions ---- */

double pipe_layer_ms(const struct pipeline *pipeline, const struct pipe_layer *layer)
{
    return means_of(&layer->share, 0) * (double)layer->share.n / (double)pipeline->passes.n;
}

/* A layer that first occurred in a later pass has fewer values than there were passes. */
static bool has_values(const struct pipeline *pipeline, const struct pipe_layer *layer)
{
    return layer->share.n == pipeline->passes.n && !layer->is_mean;
}

int pipe_layer_time(const struct pipeline *pipeline, const struct pipe_layer *layer,
                    struct estimate *ret, struct error *err)
{
    *ret = (struct estimate){.value = pipe_layer_ms(pipeline, layer),
                             .lo = NAN,
                             .hi = NAN,
                             .error = NAN,
                             .n_eff = NAN,
                             .n = layer->share.n};
    if (has_values(pipeline, layer) && means_estimate(&layer->share, 0, ret) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory");
    return 0;
}

int pipe_layer_share(const struct pipeline *pipeline, const struct pipe_layer *layer,
                     struct estimate *ret, struct error *err)
{
    static const double ratio[] = {1, -1};
    double value = pipe_layer_ms(pipeline, layer) / pipeline_whole_ms(pipeline);
    if (has_values(pipeline, layer) && value > 0) {
        if (means_product(&layer->share, 1, ratio, ret) < 0)
            return error_set(err, ERROR_NOMEM, "out of memory");
        double scale = value / ret->value;
        ret->value = value;
        ret->lo *= scale;
        ret->hi *= scale;
        return 0;
    }
    *ret = (struct estimate){.value = value, .lo = NAN, .hi = NAN, .n = layer->share.n};
    return 0;
}

double pipeline_whole_ms(const struct pipeline *pipeline)
{
    return fmax(pipeline->total_ms.value, pipeline->layers_ms.value + pipeline->transfers_ms.value);
}

bool pipeline_has_transfers(const struct pipeline *pipeline)
{
    return pipeline->knows_transfers || pipeline->transfers[PIPE_H2D].rows > 0 ||
           pipeline->transfers[PIPE_D2H].rows > 0;
}

double pipeline_throughput(const struct pipeline *pipeline)
{
    return pipeline->batch > 0 && pipeline->total_ms.value > 0
               ? (double)pipeline->batch * 1000 / pipeline->total_ms.value
               : NAN;
}

const struct pipe_layer *pipeline_find(const struct pipeline *pipeline,
                                       const struct pipe_layer *layer)
{
    const struct pipe_layer *found = NULL;
    for (size_t i = 0; i < pipeline->layer_count; i++) {
        const struct pipe_layer *other = &pipeline->layers[i];
        if (strcmp(other->name, layer->name) != 0)
            continue;
        bool same_type = !*other->type || !*layer->type || strcmp(other->type, layer->type) == 0;
        if (same_type && strcmp(other->device, layer->device) == 0)
            return other;
        found = same_type && !found ? other : found;
    }
    return found;
}

struct ordered {
    double ms;
    size_t index;
};

static int by_falling_time(const void *a, const void *b)
{
    const struct ordered *x = a, *y = b;
    if (x->ms < y->ms || x->ms > y->ms)
        return x->ms < y->ms ? 1 : -1;
    return x->index < y->index ? -1 : 1;
}

size_t *pipeline_order(const struct pipeline *pipeline)
{
    size_t count = pipeline->layer_count;
    CLEANUP_FREE struct ordered *ordered = calloc(count + 1, sizeof(*ordered));
    size_t *order = calloc(count + 1, sizeof(*order));
    if (!ordered || !order) {
        free(order);
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        ordered[i] = (struct ordered){pipe_layer_ms(pipeline, &pipeline->layers[i]), i};
    qsort(ordered, count, sizeof(*ordered), by_falling_time);
    for (size_t i = 0; i < count; i++)
        order[i] = ordered[i].index;
    return order;
}
