/* dnn_pipeline_tables.c: what a pipeline is made of: layers, types, devices, transfers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/files/dnn_pipeline_internal.h"
#include "base/util.h"

#define TYPES_MAX 50
#define GB (1024.0 * 1024 * 1024)

/* Columns of tables that hold rows of every profile: with one alone its name says nothing. */
#define PROFILE(is_detail)                                                                         \
    {                                                                                              \
        "profile", "profile", NULL, ANALYSIS_TEXT, 0, is_detail                                    \
    }
#define COLUMNS(...)                                                                               \
    {                                                                                              \
        {PROFILE(false), __VA_ARGS__},                                                             \
        {                                                                                          \
            PROFILE(true), __VA_ARGS__                                                             \
        }                                                                                          \
    }

static struct analysis_cell interval_of(const struct estimate *estimate)
{
    return cell_interval(estimate->value, estimate->lo, estimate->hi);
}

static struct analysis_cell text_of(struct analysis_table *table, const char *text)
{
    return cell_text(table, *text ? text : NULL);
}

/* 0 is not known. */
static struct analysis_cell count_of(uint64_t count)
{
    return cell_number(count > 0 ? (double)count : NAN);
}

/* ---- profiles ---- */

static const struct analysis_column profile_columns[] = {
    PROFILE(false),
    {"format", "format", NULL, ANALYSIS_TEXT, 0, true},
    {"batch_size", "batch", NULL, ANALYSIS_COUNT, 0, false},
    {"batch_size_source", "batch from", NULL, ANALYSIS_TEXT, 0, true},
    {"n", "passes", NULL, ANALYSIS_COUNT, 0, false},
    {"inferences", "inferences", NULL, ANALYSIS_COUNT, 0, true},
    {"layers", "layers", NULL, ANALYSIS_COUNT, 0, false},
    {"total_ms", "total", "ms", ANALYSIS_INTERVAL, 4, false},
    {"layers_ms", "in layers", "ms", ANALYSIS_INTERVAL, 4, true},
    {"transfers_ms", "transfers", "ms", ANALYSIS_NUMBER, 4, false},
    {"unaccounted_ms", "elsewhere", "ms", ANALYSIS_NUMBER, 3, false},
    {"throughput_per_s", "items", "1/s", ANALYSIS_NUMBER, 4, false},
    {"latency_per_item_ms", "per item", "ms", ANALYSIS_NUMBER, 4, true},
    {"device_switches", "switches", NULL, ANALYSIS_COUNT, 0, true},
};

static uint64_t layer_count(const struct pipeline *pipeline)
{
    uint64_t count = 0;
    for (size_t i = 0; i < pipeline->layer_count; i++)
        count += !pipeline->layers[i].is_whole;
    return count;
}

static void profile_row(struct analysis_table *table, const struct pipeline *pipeline)
{
    struct analysis_cell *row = analysis_add_row(table);
    double sum = pipeline->layers_ms.value + pipeline->transfers_ms.value;
    *row++ = cell_text(table, pipeline->label);
    *row++ = cell_text(table, pipeline->format);
    *row++ = count_of(pipeline->batch);
    *row++ = cell_text(table, pipeline->batch_source);
    *row++ = cell_number((double)pipeline->passes.n);
    *row++ = count_of(pipeline->passes.n * pipeline->weight);
    *row++ = count_of(layer_count(pipeline));
    *row++ = interval_of(&pipeline->total_ms);
    *row++ = interval_of(&pipeline->layers_ms);
    *row++ = cell_number(pipeline_has_transfers(pipeline) ? pipeline->transfers_ms.value : NAN);
    *row++ = cell_number(pipeline->is_total_told ? pipeline->total_ms.value - sum : NAN);
    *row++ = cell_number(pipeline_throughput(pipeline));
    *row++ =
        cell_number(pipeline->batch > 0 ? pipeline->total_ms.value / (double)pipeline->batch : NAN);
    *row++ = layer_count(pipeline) > 0 ? cell_number((double)pipeline->switches) : cell_number(NAN);
}

static void tell_profiles(struct pipe_set *set)
{
    struct analysis_table *table = analysis_add_table(set->analysis, "profiles", "Inference",
                                                      profile_columns, ARRAY_LEN(profile_columns));
    bool has_one_pass = false;
    for (size_t i = 0; i < set->count; i++) {
        profile_row(table, set->items[i]);
        has_one_pass = has_one_pass || set->items[i]->passes.n < 2;
    }
    if (has_one_pass)
        analysis_note(table, "one pass, or one mean over many, has no interval; elsewhere: in the "
                             "total, but in no layer and no transfer");
    else
        analysis_note(table, "elsewhere: in the total, but in no layer and no transfer");
}

/* ---- layers ---- */

static const struct analysis_column layer_columns[2][9] = COLUMNS(
    {"layer", "layer", NULL, ANALYSIS_TEXT, 0, false},
    {"type", "type", NULL, ANALYSIS_TEXT, 0, false},
    {"device", "device", NULL, ANALYSIS_TEXT, 0, false},
    {"calls", "calls per pass", NULL, ANALYSIS_NUMBER, 4, true},
    {"time_ms", "time", "ms", ANALYSIS_INTERVAL, 4, false},
    {"share_pct", "of total", "%", ANALYSIS_INTERVAL, 3, false},
    {"n", "n", NULL, ANALYSIS_COUNT, 0, true}, {"line", "line", NULL, ANALYSIS_COUNT, 0, true});

static int layer_row(struct analysis_table *table, const struct pipeline *pipeline,
                     const struct pipe_layer *layer, struct error *err)
{
    struct estimate time = {.value = NAN}, share = {.value = NAN};
    int rc = pipe_layer_time(pipeline, layer, &time, err);
    if (rc == 0)
        rc = pipe_layer_share(pipeline, layer, &share, err);
    if (rc < 0)
        return rc;
    struct analysis_cell *row = analysis_add_row(table);
    *row++ = cell_text(table, pipeline->label);
    *row++ = cell_text(table, layer->name);
    *row++ = text_of(table, layer->type);
    *row++ = text_of(table, layer->device);
    *row++ = cell_number((double)layer->rows / (double)pipeline->pass_count);
    *row++ = interval_of(&time);
    *row++ = cell_interval(100 * share.value, 100 * share.lo, 100 * share.hi);
    *row++ = cell_number((double)layer->passes);
    *row++ = count_of(layer->line);
    return 0;
}

static int tell_layers(struct pipe_set *set, bool is_alone, struct error *err)
{
    struct analysis_table *table =
        analysis_add_table(set->analysis, "layers", "Slowest layers", layer_columns[is_alone],
                           ARRAY_LEN(layer_columns[0]));
    uint64_t top = set->options->top_layers;
    for (size_t i = 0; i < set->count; i++) {
        const struct pipeline *pipeline = set->items[i];
        CLEANUP_FREE size_t *order = pipeline_order(pipeline);
        if (!order)
            return error_set(err, ERROR_NOMEM, "out of memory");
        for (size_t k = 0; k < pipeline->layer_count && k < top; k++) {
            int rc = layer_row(table, pipeline, &pipeline->layers[order[k]], err);
            if (rc < 0)
                return rc;
        }
    }
    table->shown = table->row_count;
    return 0;
}

/* ---- types ---- */

static const struct analysis_column type_columns[2][5] =
    COLUMNS({"type", "type", NULL, ANALYSIS_TEXT, 0, false},
            {"layers", "layers", NULL, ANALYSIS_COUNT, 0, false},
            {"time_ms", "time", "ms", ANALYSIS_NUMBER, 4, false},
            {"share_pct", "of total", "%", ANALYSIS_NUMBER, 3, false});

struct type {
    const char *name;
    double ms;
    uint64_t layers;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct type *)a)->name, ((const struct type *)b)->name);
}

static int by_time(const void *a, const void *b)
{
    const struct type *x = a, *y = b;
    if (x->ms < y->ms || x->ms > y->ms)
        return x->ms < y->ms ? 1 : -1;
    return strcmp(x->name, y->name);
}

/* Types by falling time; returns how many. */
static size_t group_types(const struct pipeline *pipeline, struct type *types)
{
    size_t count = 0;
    for (size_t i = 0; i < pipeline->layer_count; i++)
        types[i] = (struct type){pipeline->layers[i].type,
                                 pipe_layer_ms(pipeline, &pipeline->layers[i]), 1};
    qsort(types, pipeline->layer_count, sizeof(*types), by_name);
    for (size_t i = 0; i < pipeline->layer_count; i++) {
        if (count > 0 && strcmp(types[count - 1].name, types[i].name) == 0) {
            types[count - 1].ms += types[i].ms;
            types[count - 1].layers++;
        } else {
            types[count++] = types[i];
        }
    }
    qsort(types, count, sizeof(*types), by_time);
    return count;
}

static bool tells_types(const struct pipeline *pipeline)
{
    for (size_t i = 0; i < pipeline->layer_count; i++) {
        if (*pipeline->layers[i].type)
            return true;
    }
    return false;
}

static int tell_types(struct pipe_set *set, bool is_alone, struct error *err)
{
    struct analysis_table *table = NULL;
    for (size_t i = 0; i < set->count; i++) {
        const struct pipeline *pipeline = set->items[i];
        if (!tells_types(pipeline))
            continue;
        CLEANUP_FREE struct type *types = calloc(pipeline->layer_count, sizeof(*types));
        if (!types)
            return error_set(err, ERROR_NOMEM, "out of memory");
        if (!table)
            table = analysis_add_table(set->analysis, "types", "Time by type",
                                       type_columns[is_alone], ARRAY_LEN(type_columns[0]));
        size_t count = group_types(pipeline, types);
        for (size_t k = 0; k < count && k < TYPES_MAX; k++) {
            struct analysis_cell *row = analysis_add_row(table);
            *row++ = cell_text(table, pipeline->label);
            *row++ = cell_text(table, *types[k].name ? types[k].name : "(not told)");
            *row++ = cell_number((double)types[k].layers);
            *row++ = cell_number(types[k].ms);
            *row++ = cell_number(100 * types[k].ms / pipeline_whole_ms(pipeline));
        }
    }
    return 0;
}

/* ---- devices ---- */

static const struct analysis_column device_columns[2][5] =
    COLUMNS({"device", "device", NULL, ANALYSIS_TEXT, 0, false},
            {"layers", "layers", NULL, ANALYSIS_COUNT, 0, false},
            {"time_ms", "time", "ms", ANALYSIS_NUMBER, 4, false},
            {"share_pct", "of compute", "%", ANALYSIS_NUMBER, 3, false});

static void tell_devices(struct pipe_set *set, bool is_alone)
{
    struct analysis_table *table =
        analysis_add_table(set->analysis, "devices", "Time by device", device_columns[is_alone],
                           ARRAY_LEN(device_columns[0]));
    for (size_t i = 0; i < set->count; i++) {
        const struct pipeline *pipeline = set->items[i];
        for (size_t k = 0; k < PIPE_DEVICES; k++) {
            if (pipeline->device_layers[k] == 0 && !(pipeline->device_ms[k] > 0))
                continue;
            struct analysis_cell *row = analysis_add_row(table);
            *row++ = cell_text(table, pipeline->label);
            *row++ = cell_text(table, pipe_device_name[k]);
            *row++ = count_of(pipeline->device_layers[k]);
            *row++ = cell_number(pipeline->device_ms[k]);
            *row++ = cell_number(100 * pipeline->device_ms[k] / pipeline->layers_ms.value);
        }
    }
}

/* ---- transfers ---- */

static const struct analysis_column transfer_columns[2][7] =
    COLUMNS({"direction", "direction", NULL, ANALYSIS_TEXT, 0, false},
            {"transfers", "per pass", NULL, ANALYSIS_NUMBER, 4, false},
            {"bytes", "bytes per pass", NULL, ANALYSIS_NUMBER, 12, false},
            {"time_ms", "time", "ms", ANALYSIS_NUMBER, 4, false},
            {"share_pct", "of total", "%", ANALYSIS_NUMBER, 3, false},
            {"bandwidth_gb_per_s", "bandwidth", "GB/s", ANALYSIS_NUMBER, 4, false});

static void transfer_row(struct analysis_table *table, const struct pipeline *pipeline,
                         const struct pipe_transfer *transfer, const char *name)
{
    double passes = (double)pipeline->pass_count, ms = transfer->total_ms / passes;
    struct analysis_cell *row = analysis_add_row(table);
    *row++ = cell_text(table, pipeline->label);
    *row++ = cell_text(table, name);
    *row++ = cell_number((double)transfer->rows / passes);
    *row++ = cell_number(transfer->bytes / passes);
    *row++ = cell_number(ms);
    *row++ = cell_number(100 * ms / pipeline_whole_ms(pipeline));
    *row++ = cell_number(ms > 0 ? transfer->bytes / passes / GB / (ms / 1e3) : NAN);
}

static void tell_transfers(struct pipe_set *set, bool is_alone)
{
    static const char *const names[] = {"to the device (H2D)", "from the device (D2H)"};
    struct analysis_table *table = NULL;
    for (size_t i = 0; i < set->count; i++) {
        for (size_t k = 0; k < PIPE_DIRECTIONS; k++) {
            const struct pipe_transfer *transfer = &set->items[i]->transfers[k];
            if (transfer->rows == 0)
                continue;
            if (!table)
                table =
                    analysis_add_table(set->analysis, "transfers", "Transfers",
                                       transfer_columns[is_alone], ARRAY_LEN(transfer_columns[0]));
            transfer_row(table, set->items[i], transfer, names[k]);
        }
    }
    if (table)
        analysis_note(table, "GB are 2^30 bytes");
}

/* ---- layers that were meant for the DLA ---- */

static const struct analysis_column fallback_columns[2][4] =
    COLUMNS({"layer", "layer", NULL, ANALYSIS_TEXT, 0, false},
            {"reason", "reason", NULL, ANALYSIS_TEXT, 0, false},
            {"line", "line", NULL, ANALYSIS_COUNT, 0, false});

static void tell_fallbacks(struct pipe_set *set, bool is_alone)
{
    struct analysis_table *table = NULL;
    for (size_t i = 0; i < set->count; i++) {
        for (size_t k = 0; k < set->items[i]->fallback_count; k++) {
            const struct pipe_fallback *fallback = &set->items[i]->fallbacks[k];
            if (!table)
                table = analysis_add_table(
                    set->analysis, "fallbacks", "Layers that the DLA did not take",
                    fallback_columns[is_alone], ARRAY_LEN(fallback_columns[0]));
            struct analysis_cell *row = analysis_add_row(table);
            *row++ = cell_text(table, set->items[i]->label);
            *row++ = cell_text(table, fallback->name);
            *row++ = cell_text(table, fallback->reason);
            *row++ = count_of(fallback->line);
        }
    }
}

int pipe_tables(struct pipe_set *set, struct error *err)
{
    bool is_alone = set->count == 1;
    tell_profiles(set);
    int rc = tell_layers(set, is_alone, err);
    if (rc == 0)
        rc = tell_types(set, is_alone, err);
    if (rc < 0)
        return rc;
    tell_devices(set, is_alone);
    tell_transfers(set, is_alone);
    tell_fallbacks(set, is_alone);
    return 0;
}
