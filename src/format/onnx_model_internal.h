/* onnx_model_internal.h: what is held while a model is read; between onnx_model.c (the file),
 * onnx_model_graph.c (the graph in it) and onnx_model_result.c, which makes a struct onnx_model of
 * it.
 *
 * Errors: as in protobuf.h: the first one stays in reader->in.rc, which the functions return. */
#ifndef TACHO_FORMAT_ONNX_MODEL_INTERNAL_H
#define TACHO_FORMAT_ONNX_MODEL_INTERNAL_H

#include "format/onnx_model.h"
#include "format/protobuf.h"

#define ONNX_OP_NAME_MAX 256
#define ONNX_NODE_INPUTS_MAX 10 /* QLinearConv has 9 */

enum onnx_type_of_weights { /* TensorProto.DataType */
                            ONNX_TYPE_FLOAT = 1,
                            ONNX_TYPE_UINT8 = 2,
                            ONNX_TYPE_INT8 = 3,
                            ONNX_TYPE_FLOAT16 = 10,
                            ONNX_TYPE_BFLOAT16 = 16,
};

struct onnx_tensor {
    uint64_t name; /* its hash */
    uint64_t elements;
    uint32_t rank;
    int32_t type;
    bool has_zero, is_external;
};

struct onnx_weight {
    uint64_t name; /* its hash */
    uint64_t elements;
    int32_t type;
};

struct onnx_names { /* hashes of names */
    uint64_t *hashes;
    size_t count, capacity;
};

struct onnx_named_value {
    struct onnx_value value;
    uint64_t hash;
};

struct onnx_values {
    struct onnx_named_value *items;
    size_t count, capacity;
};

struct onnx_node {
    char op[ONNX_OP_NAME_MAX], domain[ONNX_OP_NAME_MAX];
    uint64_t inputs[ONNX_NODE_INPUTS_MAX];
    size_t input_count;
    uint64_t output; /* the first */
    bool has_constant;
    struct onnx_tensor constant;
};

struct onnx_reader {
    struct protobuf in;
    struct onnx_model *model;
    bool has_graph, has_opset;
    struct onnx_names initializers; /* all of them */
    struct onnx_names quantised;    /* tensors that quantised operators and quantisers take */
    struct onnx_weight *weights;    /* those that tell a precision */
    size_t weight_count, weight_capacity;
    uint64_t quantised_nodes, float_nodes; /* that do the heavy work */
    struct onnx_values inputs, outputs;
    struct onnx_op_count *ops;
    size_t op_count, op_capacity;
    uint16_t op_slots[8192]; /* index + 1 into ops, 0: free */
};

unsigned onnx_type_bits(int32_t type); /* of one element; 0: unknown or of no fixed size */
/* Fails unless the field has this wire type. */
int onnx_want(struct onnx_reader *reader, const struct protobuf_field *field,
              enum protobuf_wire wire);
int onnx_take_int(struct onnx_reader *reader, const struct protobuf_field *field,
                  int64_t *ret_value);
/* A text to be shown, printable, in the arena. */
int onnx_take_text(struct onnx_reader *reader, const struct protobuf_field *field,
                   const char **ret_text);
/* As onnx_take_text, of an operator's name or domain, into a buffer. */
int onnx_take_short(struct onnx_reader *reader, const struct protobuf_field *field, char *text,
                    size_t size);
/* GraphProto; depth 0 is the model's, the others are within nodes. */
int onnx_read_graph(struct onnx_reader *reader, const struct protobuf_field *message, int depth);

/* QLinear… and …Integer, and their contrib forms. */
bool onnx_op_is_quantised(const char *op);
/* Convolutions and matrix products in floating point. */
bool onnx_op_is_heavy(const char *op);
/* What a file that begins so is, "a TensorFlow Lite model"; NULL: not known. */
const char *onnx_recognise(const uint8_t *head, size_t size);
/* Inputs, outputs, operators and precision out of what was read. */
int onnx_model_assemble(struct onnx_reader *reader);

#endif
