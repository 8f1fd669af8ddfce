/* onnx_model_result.c: from what onnx_model.c read to the answers of onnx_model.h. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"
#include "format/onnx_model_internal.h"

/* A precision counts with more than this share of the weights. */
#define SHARE_MIN_PCT 5

/* ---- operators ---------------------------------------------------------------------------- */

bool onnx_op_is_quantised(const char *op)
{
    static const char *const names[] = {"QGemm", "QAttention", "DynamicQuantizeMatMul",
                                        "DynamicQuantizeLSTM", "MatMulIntegerToFloat"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(op, names[i]) == 0)
            return true;
    return strcmp(op, "QLinearConv") == 0 || strcmp(op, "QLinearMatMul") == 0 ||
           strcmp(op, "QLinearConvTranspose") == 0 || strcmp(op, "ConvInteger") == 0 ||
           strcmp(op, "MatMulInteger") == 0;
}

bool onnx_op_is_heavy(const char *op)
{
    static const char *const names[] = {
        "Conv",      "ConvTranspose", "Gemm",           "MatMul",        "FusedConv",
        "FusedGemm", "FusedMatMul",   "NhwcConv",       "NhwcFusedConv", "Attention",
        "LSTM",      "GRU",           "TransposeMatMul"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(op, names[i]) == 0)
            return true;
    return false;
}

static int by_falling_count(const void *a, const void *b)
{
    const struct onnx_op_count *left = a, *right = b;
    if (left->count != right->count)
        return left->count < right->count ? 1 : -1;
    int order = strcmp(left->name, right->name);
    return order ? order : strcmp(left->domain, right->domain);
}

/* ---- files that are something else -------------------------------------------------------- */

static bool begins(const uint8_t *head, size_t size, const char *text, size_t length)
{
    return size >= length && memcmp(head, text, length) == 0;
}

/* <!doctype html>, <html>, in any case, after white space. */
static bool looks_like_html(const uint8_t *head, size_t size)
{
    size_t i = 0;
    while (i < size && strchr(" \t\r\n\xef\xbb\xbf", head[i]) && head[i])
        i++;
    const char *at = (const char *)head + i;
    size_t rest = size - i;
    return (rest >= 5 && strncasecmp(at, "<html", 5) == 0) ||
           (rest >= 9 && strncasecmp(at, "<!doctype", 9) == 0) ||
           (rest >= 5 && strncasecmp(at, "<head", 5) == 0);
}

/* Without control characters and bytes that UTF-8 never has. */
static bool looks_like_text(const uint8_t *head, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (head[i] == 0 || (head[i] < 0x20 && !strchr("\t\r\n\f", head[i])) || head[i] == 0x7f ||
            head[i] == 0xc0 || head[i] == 0xc1 || head[i] >= 0xf5)
            return false;
    return size > 0;
}

const char *onnx_recognise(const uint8_t *head, size_t size)
{
    static const struct {
        size_t at, length;
        const char *magic, *what;
    } kinds[] = {
        {4, 4, "TFL3", "a TensorFlow Lite model"},
        {4, 4, "ORTM", "a model in ONNX Runtime's own format (.ort)"},
        {0, 4, "ftrt", "a TensorRT engine"},
        {0, 4, "PK\x03\x04", "a zip archive (a PyTorch model is one too)"},
        {0, 4, "PK\x05\x06", "an empty zip archive"},
        {0, 3, "\x1f\x8b\x08", "a gzip archive"},
        {0, 6,
         "\xfd"
         "7zXZ\0",
         "an xz archive"},
        {0, 4, "\x28\xb5\x2f\xfd", "a zstd archive"},
        {0, 4, "GGUF", "a GGUF model (llama.cpp)"},
        {0, 8, "\x89HDF\r\n\x1a\n", "an HDF5 file (a Keras model)"},
        {0, 6, "\x93NUMPY", "a NumPy array"},
        {0, 4,
         "\x7f"
         "ELF",
         "a program or library"},
        {0, 2, "\x80\x02", "a Python pickle (a PyTorch model)"},
        {0, 4, "\x89PNG", "a PNG image"},
        {0, 3, "\xff\xd8\xff", "a JPEG image"},
        {0, 23, "version https://git-lfs", "a git-lfs pointer (git lfs pull brings the model)"},
        {0, 5, "<?xml", "an XML file (OpenVINO keeps its models so)"},
        {0, 7, "7767517", "an ncnn model"},
    };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (size >= kinds[i].at &&
            begins(head + kinds[i].at, size - kinds[i].at, kinds[i].magic, kinds[i].length))
            return kinds[i].what;
    if (looks_like_html(head, size))
        return "an HTML page (a download that went wrong)";
    return looks_like_text(head, size) ? "a text file" : NULL;
}

/* ---- precision ---------------------------------------------------------------------------- */

static int compare_hashes(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static void sort_names(struct onnx_names *names)
{
    if (names->count > 1)
        qsort(names->hashes, names->count, sizeof(*names->hashes), compare_hashes);
}

static bool has_name(const struct onnx_names *sorted, uint64_t hash)
{
    return sorted->count > 0 && bsearch(&hash, sorted->hashes, sorted->count,
                                        sizeof(*sorted->hashes), compare_hashes) != NULL;
}

enum kind { FP32, FP16, BF16, INT8, KINDS };

static const char *const kind_names[KINDS] = {"fp32", "fp16", "bf16", "int8"};

static enum kind kind_of(int32_t type)
{
    return type == ONNX_TYPE_FLOAT      ? FP32
           : type == ONNX_TYPE_FLOAT16  ? FP16
           : type == ONNX_TYPE_BFLOAT16 ? BF16
                                        : INT8;
}

/* Only one-dimensional weights, or none among the initialisers that say anything. */
static const char *precision_of_elements(const uint64_t elements[32])
{
    static const int32_t types[] = {ONNX_TYPE_FLOAT, ONNX_TYPE_FLOAT16, ONNX_TYPE_BFLOAT16};
    int32_t most = 0;
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (elements[types[i]] > elements[most] || (most == 0 && elements[types[i]] > 0))
            most = types[i];
    return most ? kind_names[kind_of(most)] : NULL;
}

static const char *precision(const struct onnx_reader *reader)
{
    double weights[KINDS] = {0}, total = 0;
    for (size_t i = 0; i < reader->weight_count; i++) {
        const struct onnx_weight *weight = &reader->weights[i];
        bool quantised = has_name(&reader->quantised, weight->name);
        enum kind kind = quantised ? INT8 : kind_of(weight->type);
        if (kind == INT8 && !quantised)
            continue; /* bytes that nothing multiplies with: a table, packed 4-bit weights */
        weights[kind] += (double)weight->elements;
        total += (double)weight->elements;
    }
    if (total == 0 && reader->quantised_nodes > 0 && reader->quantised_nodes >= reader->float_nodes)
        return kind_names[INT8];
    if (total == 0)
        return precision_of_elements(reader->model->parameters_of_type);
    int count = 0;
    const char *found = NULL;
    for (int kind = 0; kind < KINDS; kind++) {
        if (weights[kind] * 100 > total * SHARE_MIN_PCT) {
            found = kind_names[kind];
            count++;
        }
    }
    return count > 1 ? "mixed" : found;
}

/* ---- all of it ---------------------------------------------------------------------------- */

static int no_memory(struct onnx_reader *reader)
{
    reader->in.rc = error_set(reader->in.err, ERROR_NOMEM, "out of memory");
    return reader->in.rc;
}

/* Those that are not in `left_out`. */
static int take_values(struct onnx_reader *reader, const struct onnx_values *values,
                       const struct onnx_names *left_out, struct onnx_value **ret_items,
                       size_t *ret_count)
{
    struct onnx_value *items =
        arena_alloc(&reader->model->arena, (values->count + 1) * sizeof(*items));
    if (!items)
        return no_memory(reader);
    size_t count = 0;
    for (size_t i = 0; i < values->count; i++)
        if (!left_out || !has_name(left_out, values->items[i].hash))
            items[count++] = values->items[i].value;
    *ret_items = items;
    *ret_count = count;
    return 0;
}

int onnx_model_assemble(struct onnx_reader *reader)
{
    struct onnx_model *model = reader->model;
    sort_names(&reader->initializers);
    sort_names(&reader->quantised);
    if (take_values(reader, &reader->inputs, &reader->initializers, &model->inputs,
                    &model->input_count) < 0 ||
        take_values(reader, &reader->outputs, NULL, &model->outputs, &model->output_count) < 0)
        return reader->in.rc;
    model->ops = arena_alloc(&model->arena, (reader->op_count + 1) * sizeof(*model->ops));
    if (!model->ops)
        return no_memory(reader);
    if (reader->op_count > 0) {
        memcpy(model->ops, reader->ops, reader->op_count * sizeof(*model->ops));
        qsort(model->ops, reader->op_count, sizeof(*model->ops), by_falling_count);
    }
    model->op_count = reader->op_count;
    model->precision = precision(reader);
    return 0;
}
