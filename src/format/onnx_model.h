/* onnx_model.h: what an .onnx file says of itself, read without an engine.
 *
 * What: IR version, opsets, producer, inputs and outputs with their shapes, the weights by element
 *       type, and the nodes by operator; from the protobuf wire format (onnx.proto3; the field
 *       numbers stand in onnx_model.c). The weights are skipped, not read.
 * Precision: that of the model's tensors. int8: quantised operators (QLinear…, …Integer, or
 *       DequantizeLinear fed by 8-bit weights) do the heavy nodes; else by the element type of the
 *       floating-point weights (fp32, fp16, bf16); mixed: two of them, each with more than 5 % of
 *       the weights.
 * Memory: the arena owns everything. Errors: -ERROR_INPUT: not ONNX, cut off, or damaged, with the
 *       byte offset; -ERROR_ABSENT/-ERROR_DENIED from opening. Hostile files never crash it.
 */
#ifndef TACHO_FORMAT_ONNX_MODEL_H
#define TACHO_FORMAT_ONNX_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

#define ONNX_MODEL_DIMS_MAX 16

struct onnx_dim {
    int64_t value;      /* -1: free */
    const char *symbol; /* "N", "batch"; NULL: none */
};

struct onnx_value { /* an input or output of the graph */
    const char *name;
    int32_t type; /* TensorProto.DataType: 1 float, 10 float16, …; 0: not a tensor, or not said */
    bool has_shape;
    uint32_t rank;
    struct onnx_dim dims[ONNX_MODEL_DIMS_MAX];
};

struct onnx_op_count {
    const char *name;   /* "Conv" */
    const char *domain; /* "" is ai.onnx */
    uint64_t count;
};

struct onnx_model {
    struct arena arena;
    uint64_t file_bytes;
    char sha256[65]; /* of the file */
    int64_t ir_version;
    int64_t opset;                                             /* of ai.onnx; 0: none said */
    const char *producer_name, *producer_version, *graph_name; /* "" if not said */
    struct onnx_value *inputs, *outputs; /* inputs without those that are only weights */
    size_t input_count, output_count;
    uint64_t node_count;
    struct onnx_op_count *ops; /* by falling count */
    size_t op_count;
    uint64_t parameter_count; /* elements of all initialisers */
    uint64_t parameter_bytes;
    uint64_t parameters_of_type[32]; /* elements, by TensorProto.DataType */
    bool has_external_data;          /* weights in other files beside it */
    const char *precision;           /* "fp32", "fp16", "bf16", "int8", "mixed"; NULL: no weights */
};

int onnx_model_read(const char *path, struct onnx_model *ret_model, struct error *err);
/* path only for errors. No sha256. */
int onnx_model_read_bytes(const void *bytes, size_t size, const char *path,
                          struct onnx_model *ret_model, struct error *err);
void onnx_model_deinit(struct onnx_model *model);
const char *onnx_type_name(int32_t type); /* "float32", "float16", "int64", …; "unknown" */
/* Bytes of one element; 0: unknown or of no fixed size. */
size_t onnx_type_bytes(int32_t type);

#endif
