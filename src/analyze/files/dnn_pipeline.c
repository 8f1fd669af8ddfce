/* dnn_pipeline.c: the analyzer `dnn-pipeline`: where the time of a network goes, by layer, device
 * and transfer; several files are batch sizes, two engines, or repetitions of one. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "analyze/files/dnn_pipeline_internal.h"
#include "base/util.h"

extern const struct file_analyzer file_analyzer_dnn_pipeline;

/* ---- batch sizes that the files do not tell ---- */

/* The number behind "bs", "batch" or "b" in a file's name, as in "net_fp16_bs4.json"; 0: none. */
static uint64_t batch_of_name(const char *path)
{
    static const char *const words[] = {"batchsize", "batch", "bs", "b"};
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    for (const char *at = name; *at; at++) {
        if (at > name && isalnum((unsigned char)at[-1]))
            continue;
        for (size_t i = 0; i < ARRAY_LEN(words); i++) {
            size_t length = strlen(words[i]);
            if (strncasecmp(at, words[i], length) != 0)
                continue;
            const char *digits = at + length;
            digits += *digits == '_' || *digits == '-' || *digits == '=';
            char *end;
            unsigned long value = isdigit((unsigned char)*digits) ? strtoul(digits, &end, 10) : 0;
            if (value > 0 && value <= 1000000 && !isalnum((unsigned char)*end))
                return value;
        }
    }
    return 0;
}

static void tell_conflict(struct pipe_set *set, const struct pipeline *pipeline)
{
    struct finding finding;
    finding_init(&finding, "batch_size_differs", SEVERITY_WARNING, "batch_size");
    finding_sentence(&finding, "%.80s: --batch-size says %llu, the file %llu: the file's counts",
                     pipeline->label, (unsigned long long)set->options->batch_size,
                     (unsigned long long)pipeline->batch);
    pipe_evidence(&finding, pipeline, 0);
    finding_advice(&finding, "leave --batch-size out, or correct the file");
    analysis_add_finding(set->analysis, &finding);
}

static void find_batches(struct pipe_set *set)
{
    uint64_t asked = set->options->batch_size;
    for (size_t i = 0; i < set->count; i++) {
        struct pipeline *pipeline = set->items[i];
        if (pipeline->batch > 0 && asked > 0 && pipeline->batch != asked)
            tell_conflict(set, pipeline);
        if (pipeline->batch > 0)
            continue;
        uint64_t named = batch_of_name(pipeline->file);
        pipeline->batch = asked > 0 ? asked : named;
        pipeline->batch_source = asked > 0 ? "--batch-size" : named > 0 ? "file name" : NULL;
    }
}

/* Times of batches of different sizes say nothing of each other, and an unknown one may be any. */
static void tell_unknown_batches(struct pipe_set *set)
{
    const struct pipeline *unknown = NULL;
    size_t count = 0;
    for (size_t i = 0; i < set->count; i++) {
        count += set->items[i]->batch == 0;
        unknown = set->items[i]->batch == 0 && !unknown ? set->items[i] : unknown;
    }
    if (count == 0 || count == set->count)
        return;
    struct finding finding;
    finding_init(&finding, "batch_size_unknown", SEVERITY_WARNING, "batch_size");
    finding_sentence(&finding,
                     "%.80s%s: the batch size is not known, so it is not compared with the others, "
                     "whose size is",
                     unknown->label, count > 1 ? ", and others" : "");
    finding_value(&finding, (double)count, NULL);
    pipe_evidence(&finding, unknown, 0);
    finding.n = set->count;
    finding_advice(&finding, "give --batch-size N where it is one size for all, or put it into the "
                             "file's name (net_bs4.json)");
    analysis_add_finding(set->analysis, &finding);
}

/* ---- repetitions ---- */

static bool have_same_layers(const struct pipeline *a, const struct pipeline *b)
{
    if (a->layer_count != b->layer_count)
        return false;
    for (size_t i = 0; i < a->layer_count; i++) {
        if (!pipeline_find(b, &a->layers[i]))
            return false;
    }
    return true;
}

/* One pass of a pipeline of repetitions: the means of one file. */
static int add_file(struct pipe_set *set, struct pipeline *all, const struct pipeline *one,
                    struct error *err)
{
    int rc = pipeline_begin(all, true, err);
    for (size_t i = 0; i < one->layer_count && rc == 0; i++) {
        const struct pipe_layer *layer = &one->layers[i];
        struct pipe_row row = {.name = layer->name,
                               .type = layer->type,
                               .device = layer->device,
                               .kind = layer->kind,
                               .time_ms = pipe_layer_ms(one, layer),
                               .line = layer->line,
                               .is_whole = layer->is_whole};
        rc = pipeline_layer(set, all, &row, err);
    }
    for (int k = 0; k < PIPE_DIRECTIONS; k++) {
        const struct pipe_transfer *transfer = &one->transfers[k];
        if (transfer->rows > 0)
            pipeline_transfer(all, k, transfer->bytes / (double)one->pass_count,
                              transfer->total_ms / (double)one->pass_count, transfer->line);
    }
    if (one->is_total_told)
        all->told_total_ms = one->total_ms.value;
    all->defaulted += one->defaulted;
    return rc;
}

/* The pipelines of this batch size that repeat the first of them; all of them, or none. */
static size_t find_repeats(struct pipe_set *set, size_t first, bool taken[PIPELINES_MAX])
{
    size_t count = 0;
    for (size_t i = first; i < set->count; i++) {
        taken[i] = set->items[i]->batch == set->items[first]->batch;
        count += taken[i];
        if (taken[i] && !have_same_layers(set->items[first], set->items[i]))
            return 0;
    }
    return count;
}

/* Files of one batch size with the same layers, three or more of all: profiles of one engine, of
 * which each is a value. (Two files are two engines.) */
static int join_repeats(struct pipe_set *set, struct error *err)
{
    for (size_t first = 0; first < set->count; first++) {
        bool taken[PIPELINES_MAX] = {false};
        size_t count = find_repeats(set, first, taken);
        if (count < 2)
            continue;
        struct pipeline *one = set->items[first];
        const char *file = arena_strdup(&set->arena, one->file);
        struct pipeline *all = file ? pipe_set_get(set, file, one->format, one->batch, err) : NULL;
        if (!all)
            return file ? -err->code : error_set(err, ERROR_NOMEM, "out of memory");
        all->label = one->batch > 0 ? arena_printf(&set->arena, "%zu files, batch %llu", count,
                                                   (unsigned long long)one->batch)
                                    : arena_printf(&set->arena, "%zu files", count);
        all->batch_source = one->batch_source;
        int rc = all->label ? 0 : error_set(err, ERROR_NOMEM, "out of memory");
        for (size_t i = first; i + 1 < set->count && rc == 0; i++)
            rc = taken[i] ? add_file(set, all, set->items[i], err) : 0;
        if (rc == 0)
            rc = pipeline_finish(all, err);
        if (rc < 0)
            return rc;
        pipe_set_replace(set, first, taken);
    }
    return 0;
}

/* ---- the whole ---- */

/* Two files: each batch size that both have. */
static int compare_engines(struct pipe_set *set, struct error *err)
{
    for (size_t i = 0; i < set->count; i++) {
        for (size_t k = i + 1; k < set->count; k++) {
            const struct pipeline *a = set->items[i], *b = set->items[k];
            if (a->file == b->file || a->batch != b->batch)
                continue;
            int rc = pipe_versus(set, a, b, err);
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}

static int no_layers(const struct pipe_set *set, struct error *err)
{
    error_set(err, ERROR_NOTHING, "no layer and no transfer with a time");
    if (set->analysis->input_count == 1)
        error_at(err, set->analysis->inputs[0]->name, 0, 0);
    return error_hint(err, "expected: a layer CSV (layer_name, layer_type, time_ms, device), "
                           "trtexec's --exportProfile, --exportTimes or log, a profile of ONNX "
                           "Runtime, or the profiler's text");
}

static int tell(struct pipe_set *set, struct error *err)
{
    bool has_any = false;
    for (size_t i = 0; i < set->count; i++)
        has_any = has_any || set->items[i]->passes.n > 0;
    if (!has_any)
        return no_layers(set, err);
    tell_unknown_batches(set);
    int rc = set->options->path_count > 2 ? join_repeats(set, err) : 0;
    if (rc == 0)
        rc = pipe_tables(set, err);
    if (rc == 0)
        rc = pipe_scaling(set, err);
    if (rc == 0 && set->options->path_count == 2)
        rc = compare_engines(set, err);
    if (rc == 0)
        rc = pipe_findings(set, err);
    if (rc == 0 && set->analysis->failed)
        return error_set(err, ERROR_NOMEM, "out of memory");
    return rc;
}

static int dnn_pipeline_files(const struct analyze_options *options, struct analysis *analysis,
                              struct error *err)
{
    CLEANUP(pipe_set_deinit) struct pipe_set set = {.options = options, .analysis = analysis};
    struct error own = {0};
    int rc = 0;
    err = err ? err : &own; /* functions that return a pointer tell their code by it */
    for (size_t i = 0; i < options->path_count && rc == 0; i++)
        rc = pipe_read(&set, options->paths[i], err);
    for (size_t i = 0; i < set.count && rc == 0; i++)
        rc = pipeline_finish(set.items[i], err);
    if (rc < 0)
        return rc;
    find_batches(&set);
    return tell(&set, err);
}

const struct file_analyzer file_analyzer_dnn_pipeline = {
    .name = "dnn-pipeline",
    .summary = "slowest layers, GPU and DLA, transfers, batch scaling, engine A against B",
    .flags = FILE_ANALYZER_PAIR | FILE_ANALYZER_MANY,
    .files = dnn_pipeline_files};
