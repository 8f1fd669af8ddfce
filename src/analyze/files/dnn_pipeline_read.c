/* dnn_pipeline_read.c: files of every kind into pipelines. What a file is, its content tells. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "analyze/files/dnn_pipeline_internal.h"
#include "base/str.h"
#include "base/util.h"
#include "format/layer_csv.h"
#include "format/ort_profile.h"
#include "format/peers/peer.h"
#include "format/profiler_text.h"

#define TEXT_BYTES_MAX ((size_t)1 << 30)
#define NS_PER_MS 1e6

/* ---- tables and texts of layers: a stream ---- */

struct stream {
    struct pipe_set *set;
    const char *file, *format;
    struct pipeline *pipeline;
};

static int stream_pass(void *context, uint64_t batch, bool is_told, struct error *err)
{
    struct stream *stream = context;
    struct pipeline *before = stream->pipeline;
    stream->pipeline = pipe_set_get(stream->set, stream->file, stream->format, batch, err);
    if (!stream->pipeline)
        return -err->code;
    int rc = before && before != stream->pipeline ? pipeline_end(before, err) : 0;
    return rc == 0 ? pipeline_begin(stream->pipeline, is_told, err) : rc;
}

static int stream_batch(void *context, uint64_t batch, struct error *err)
{
    struct stream *stream = context;
    stream->pipeline->batch = batch;
    stream->pipeline->batch_source = "file";
    return 0;
}

static int stream_layer(void *context, const struct layer_row *from, struct error *err)
{
    struct stream *stream = context;
    struct pipe_row row = {.name = from->name,
                           .type = from->type,
                           .device = *from->device ? from->device : pipe_device_name[PIPE_GPU],
                           .time_ms = from->time_ms,
                           .line = from->line};
    row.kind = pipe_device_of(row.device);
    stream->pipeline->defaulted += !*from->device;
    return pipeline_layer(stream->set, stream->pipeline, &row, err);
}

static int stream_transfer(void *context, const struct transfer_row *row, struct error *err)
{
    struct stream *stream = context;
    pipeline_transfer(stream->pipeline, row->to_device ? PIPE_H2D : PIPE_D2H, row->bytes,
                      row->time_ms, row->line);
    return 0;
}

static int stream_total(void *context, double total_ms, struct error *err)
{
    struct stream *stream = context;
    stream->pipeline->told_total_ms = total_ms;
    return 0;
}

/* Labels of several batch sizes in one file. */
static int label_batches(struct pipe_set *set, size_t first, struct error *err)
{
    for (size_t i = first; i < set->count && set->count - first > 1; i++) {
        struct pipeline *pipeline = set->items[i];
        const char *label = pipeline->batch > 0
                                ? arena_printf(&set->arena, "%s batch %llu", pipeline->label,
                                               (unsigned long long)pipeline->batch)
                                : arena_printf(&set->arena, "%s without batch", pipeline->label);
        if (!label)
            return error_set(err, ERROR_NOMEM, "out of memory");
        pipeline->label = label;
    }
    return 0;
}

static int read_stream(struct pipe_set *set, struct source *source, const char *file,
                       bool is_profiler, struct analysis_input *input, struct error *err)
{
    struct stream stream = {
        .set = set, .file = file, .format = is_profiler ? "profiler text" : "layer CSV"};
    struct layer_sink sink = {.context = &stream,
                              .pass = stream_pass,
                              .batch = stream_batch,
                              .layer = stream_layer,
                              .transfer = stream_transfer,
                              .total = stream_total};
    size_t first = set->count;
    int rc = is_profiler ? profiler_text_read(source, &sink, &input->skips, &input->lines, err)
                         : layer_csv_read(source, &sink, &input->skips, &input->lines, err);
    return rc < 0 ? rc : label_batches(set, first, err);
}

/* ---- ONNX Runtime ---- */

/* Copies between host and device are nodes there. */
static int direction_of(const struct ort_node *node)
{
    if (strcmp(node->op, "MemcpyFromHost") == 0)
        return PIPE_H2D;
    return strcmp(node->op, "MemcpyToHost") == 0 ? PIPE_D2H : -1;
}

/* Time of a node in one pass; a node may be called several times in it, and (in a branch) in some
 * passes only, so that nobody knows in which: then it is the mean. */
static double node_ms(const struct ort_node *node, uint64_t pass, uint64_t passes, bool is_first,
                      bool *ret_is_mean)
{
    uint64_t begin = is_first ? 0 : node->first_run_calls;
    uint64_t calls = node->calls - begin, each = calls / passes;
    double ns = 0;
    *ret_is_mean = calls % passes != 0;
    if (*ret_is_mean) {
        for (uint64_t i = 0; i < calls; i++)
            ns += (double)node->call_ns[begin + i];
        return ns / (double)passes / NS_PER_MS;
    }
    for (uint64_t i = 0; i < each; i++)
        ns += (double)node->call_ns[begin + pass * each + i];
    return ns / NS_PER_MS;
}

static int add_ort_pass(struct pipe_set *set, struct pipeline *pipeline,
                        const struct ort_profile *profile, uint64_t pass, uint64_t passes,
                        bool is_first, struct error *err)
{
    int rc = pipeline_begin(pipeline, true, err);
    for (size_t i = 0; i < profile->node_count && rc == 0; i++) {
        const struct ort_node *node = &profile->nodes[i];
        struct pipe_row row = {.name = node->name,
                               .type = node->op,
                               .device = node->provider,
                               .kind = pipe_device_of(node->provider)};
        row.time_ms = node_ms(node, pass, passes, is_first, &row.is_mean);
        int direction = direction_of(node);
        if (direction >= 0)
            pipeline_transfer(pipeline, direction, NAN, row.time_ms, 0);
        else
            rc = pipeline_layer(set, pipeline, &row, err);
    }
    return rc;
}

/* Of several runs the first one is cold and left out, as ort_profile.h does. */
static int read_ort(struct pipe_set *set, const char *file, const struct ort_profile *profile,
                    struct analysis_input *input, struct error *err)
{
    bool is_first = profile->runs < 2;
    uint64_t passes = is_first ? 1 : profile->runs - 1;
    struct pipeline *pipeline = pipe_set_get(set, file, "ONNX Runtime profile", 0, err);
    if (!pipeline)
        return -err->code;
    int rc = 0;
    pipeline->is_one_process = true;
    for (uint64_t pass = 0; pass < passes && rc == 0; pass++) {
        rc = add_ort_pass(set, pipeline, profile, pass, passes, is_first, err);
        if (profile->runs > 0)
            pipeline->told_total_ms = (double)profile->run_ns[pass + !is_first] / NS_PER_MS;
    }
    pipeline->is_cold = is_first;
    pipeline->knows_transfers = true;
    input->skips.rows = profile->node_count;
    if (profile->cut_line > 0)
        skips_add(&input->skips, SKIP_CUT_OFF, profile->cut_line);
    return rc;
}

/* ---- which it is ---- */

/* All of it, for the readers that want it at once. */
static int read_all(struct source *source, struct strbuf *text, uint64_t *ret_lines,
                    struct error *err)
{
    struct line line;
    int rc;
    while ((rc = source_next_line(source, &line, err)) > 0) {
        if (line.is_cut || text->len + line.size > TEXT_BYTES_MAX) {
            error_set(err, ERROR_INPUT,
                      line.is_cut ? "a line of more than 16 MB" : "more than 1 GB of text");
            error_at(err, source_name(source), (int)line.number, 0);
            return error_hint(err, "profile fewer inferences");
        }
        strbuf_append_n(text, line.text, line.size);
        strbuf_putc(text, '\n');
        *ret_lines = line.number;
    }
    return rc == 0 && text->failed ? error_set(err, ERROR_NOMEM, "out of memory") : rc;
}

static int read_ort_source(struct pipe_set *set, struct source *source, const char *file,
                           struct analysis_input *input, struct error *err)
{
    CLEANUP(ort_profile_deinit) struct ort_profile profile = {0};
    CLEANUP(strbuf_deinit) struct strbuf text = {0};
    int rc;
    /* A file of any size where it can be read in place. */
    if (source_size(source) > 0) {
        rc = ort_profile_read(file, &profile, err);
    } else {
        rc = read_all(source, &text, &input->lines, err);
        if (rc == 0)
            rc = ort_profile_read_text(strbuf_get(&text), text.len, file, &profile, err);
    }
    return rc < 0 ? rc : read_ort(set, file, &profile, input, err);
}

static int read_trtexec_source(struct pipe_set *set, struct source *source, const char *file,
                               struct analysis_input *input, struct error *err)
{
    CLEANUP(strbuf_deinit) struct strbuf text = {0};
    int rc = read_all(source, &text, &input->lines, err);
    size_t before = set->count;
    if (rc == 0)
        rc = pipe_read_trtexec(set, file, strbuf_get(&text), text.len, err);
    if (rc == 0 && set->count > before) {
        input->format = set->items[set->count - 1]->format;
        input->skips.rows = set->items[set->count - 1]->layer_count;
    }
    return rc;
}

static int fail_binary(const char *file, struct error *err)
{
    error_set(err, ERROR_INPUT, "a binary file");
    error_at(err, file, 0, 0);
    return error_hint(err,
                      "expected: a layer CSV, trtexec's --exportProfile, --exportTimes or log, "
                      "a profile of ONNX Runtime, or the profiler's text");
}

static bool looks_like_json(const char *text, size_t size)
{
    while (size > 0 && isspace((unsigned char)*text)) {
        text++;
        size--;
    }
    return size > 0 && (*text == '[' || *text == '{');
}

/* Log lines of trtexec: "[10/03/2024-10:47:59] [I] ". The beginning of a long log may hold nothing
 * that its peer knows. */
static bool looks_like_log(const char *text, size_t size)
{
    return size > 24 && text[0] == '[' && isdigit((unsigned char)text[1]) &&
           isdigit((unsigned char)text[2]) && text[3] == '/' && text[21] == ']';
}

static int fail_json(const char *file, const char *peer, struct error *err)
{
    if (peer)
        error_set(err, ERROR_INPUT, "a result of %s, which tells nothing of layers", peer);
    else
        error_set(err, ERROR_INPUT, "JSON, but no profile of layers");
    error_at(err, file, 0, 0);
    return error_hint(err,
                      "%strtexec's --exportProfile and --exportTimes and profiles of ONNX "
                      "Runtime are read here",
                      peer ? "`tacho runs import` reads it; " : "");
}

static int read_as(struct pipe_set *set, struct source *source, const char *file,
                   const struct peer_input *look, struct analysis_input *input, struct error *err)
{
    const struct peer *peer = peer_of(look);
    const char *name = peer ? peer->name : "";
    bool is_log = looks_like_log(look->text, look->size);
    if (strcmp(name, "ort_profile") == 0) {
        input->format = "ONNX Runtime profile";
        return read_ort_source(set, source, file, input, err);
    }
    if (strcmp(name, "trtexec") == 0 || is_log)
        return read_trtexec_source(set, source, file, input, err);
    if (looks_like_json(look->text, look->size))
        return fail_json(file, peer ? peer->name : NULL, err);
    bool is_profiler = profiler_text_accepts(look->text, look->size);
    input->format = is_profiler ? "profiler text" : "layer CSV";
    return read_stream(set, source, file, is_profiler, input, err);
}

static int read_source(struct pipe_set *set, struct source *source, const char *file,
                       struct error *err)
{
    size_t size = 0;
    const char *head = source_head(source, &size, err);
    if (!head)
        return -err->code;
    CLEANUP(strbuf_deinit) struct strbuf copy = {0};
    strbuf_append_n(&copy, head, size);
    if (copy.failed)
        return error_set(err, ERROR_NOMEM, "out of memory");
    struct peer_input look = {.text = strbuf_get(&copy), .size = copy.len, .file = file};
    if (memchr(look.text, '\0', look.size))
        return fail_binary(file, err);
    struct analysis_input *input = analysis_add_input(set->analysis, file, NULL);
    int rc = read_as(set, source, file, &look, input, err);
    input->bytes = u64_max(source_bytes_read(source), source_size(source));
    return rc;
}

int pipe_read(struct pipe_set *set, const char *path, struct error *err)
{
    struct source *source = NULL;
    struct error own = {0};
    if (!err)
        err = &own; /* functions that return a pointer tell their code by it */
    int rc = source_open(path, &source, err);
    if (rc < 0)
        return rc;
    const char *file = arena_strdup(&set->arena, source_name(source));
    rc = file ? read_source(set, source, file, err) : error_set(err, ERROR_NOMEM, "out of memory");
    source_close(source);
    return rc;
}
