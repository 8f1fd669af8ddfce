/* onnx_build.h: very small models for the tests, written byte by byte (onnx.proto3): a chain of one
 * operator. tools/make_models.py makes real ones.
 */
#ifndef TACHO_TESTS_ONNX_BUILD_H
#define TACHO_TESTS_ONNX_BUILD_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct onnx_bytes {
    unsigned char data[4096];
    size_t size;
};

/* y = op(op(… op(x) …)); has_second: op(value, x), as for MatMul. */
struct onnx_spec {
    const char *op, *domain; /* domain NULL: ai.onnx */
    int repeats;             /* 0: 1 */
    int has_second;
    int ir_version; /* 0: 8 */
    int opset;      /* 0: 13 */
    int type;       /* 0: float32 */
    int rank;
    int64_t dims[4]; /* -1: free */
};

static inline void onnx_put_varint(struct onnx_bytes *out, uint64_t value)
{
    for (; value > 127; value >>= 7)
        out->data[out->size++] = (unsigned char)(value | 128);
    out->data[out->size++] = (unsigned char)value;
}

static inline void onnx_put_number(struct onnx_bytes *out, unsigned field, uint64_t value)
{
    onnx_put_varint(out, field << 3);
    onnx_put_varint(out, value);
}

static inline void onnx_put_bytes(struct onnx_bytes *out, unsigned field, const void *data,
                                  size_t size)
{
    onnx_put_varint(out, field << 3 | 2);
    onnx_put_varint(out, size);
    memcpy(out->data + out->size, data, size);
    out->size += size;
}

static inline void onnx_put_text(struct onnx_bytes *out, unsigned field, const char *text)
{
    onnx_put_bytes(out, field, text, strlen(text));
}

static inline void onnx_put_message(struct onnx_bytes *out, unsigned field,
                                    const struct onnx_bytes *message)
{
    onnx_put_bytes(out, field, message->data, message->size);
}

/* ValueInfoProto of "x" or "y". */
static inline void onnx_put_value(struct onnx_bytes *out, unsigned field, const char *name,
                                  const struct onnx_spec *spec)
{
    struct onnx_bytes shape = {.size = 0}, tensor = {.size = 0}, type = {.size = 0},
                      value = {.size = 0};
    for (int i = 0; i < spec->rank; i++) {
        struct onnx_bytes dim = {.size = 0};
        if (spec->dims[i] < 0)
            onnx_put_text(&dim, 2, "N");
        else
            onnx_put_number(&dim, 1, (uint64_t)spec->dims[i]);
        onnx_put_message(&shape, 1, &dim);
    }
    onnx_put_number(&tensor, 1, (uint64_t)(spec->type ? spec->type : 1));
    onnx_put_message(&tensor, 2, &shape);
    onnx_put_message(&type, 1, &tensor);
    onnx_put_text(&value, 1, name);
    onnx_put_message(&value, 2, &type);
    onnx_put_message(out, field, &value);
}

static inline struct onnx_bytes onnx_build(const struct onnx_spec *spec)
{
    struct onnx_bytes graph = {.size = 0}, opset = {.size = 0}, model = {.size = 0};
    int repeats = spec->repeats ? spec->repeats : 1;
    for (int i = 0; i < repeats; i++) {
        struct onnx_bytes node = {.size = 0};
        char from[16], to[16];
        snprintf(from, sizeof(from), i ? "t%d" : "x", i);
        snprintf(to, sizeof(to), i + 1 < repeats ? "t%d" : "y", i + 1);
        onnx_put_text(&node, 1, from);
        if (spec->has_second)
            onnx_put_text(&node, 1, "x");
        onnx_put_text(&node, 2, to);
        onnx_put_text(&node, 4, spec->op);
        if (spec->domain)
            onnx_put_text(&node, 7, spec->domain);
        onnx_put_message(&graph, 1, &node);
    }
    onnx_put_text(&graph, 2, "test");
    onnx_put_value(&graph, 11, "x", spec);
    onnx_put_value(&graph, 12, "y", spec);
    onnx_put_number(&opset, 2, (uint64_t)(spec->opset ? spec->opset : 13));
    onnx_put_number(&model, 1, (uint64_t)(spec->ir_version ? spec->ir_version : 8));
    onnx_put_message(&model, 7, &graph);
    onnx_put_message(&model, 8, &opset);
    return model;
}

#endif
