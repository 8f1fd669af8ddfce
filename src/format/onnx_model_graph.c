/* onnx_model_graph.c: the graph of a model: weights, inputs and outputs, nodes. The field numbers
 * are those of onnx.proto3 (ONNX 1.16); a field that is not named here is stepped over. */
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"
#include "format/onnx_model_internal.h"

/* Far above what models have; they keep a file made to harm from taking all memory. */
#define DEPTH_MAX 32
#define VALUES_MAX 65536
#define OPS_MAX 4096
#define NAMES_MAX 8000000
#define TEXT_MAX 65536 /* bytes of one text that is kept */

/* ---- texts and lists ---------------------------------------------------------------------- */

static int no_memory(struct onnx_reader *reader)
{
    if (reader->in.rc == 0)
        reader->in.rc = error_set(reader->in.err, ERROR_NOMEM, "out of memory");
    return reader->in.rc;
}

static int too_many(struct onnx_reader *reader, uint64_t at, const char *what, size_t most)
{
    return protobuf_fail(&reader->in, at, "more than %zu %s", most, what);
}

static int wrong_type(struct onnx_reader *reader, const struct protobuf_field *field)
{
    return protobuf_fail(&reader->in, field->at, "field %" PRIu32 " has another type in ONNX",
                         field->number);
}

int onnx_want(struct onnx_reader *reader, const struct protobuf_field *field,
              enum protobuf_wire wire)
{
    return field->wire == wire ? 0 : wrong_type(reader, field);
}

/* The bytes of a text field in the arena. */
static int take_name(struct onnx_reader *reader, const struct protobuf_field *field,
                     const char **ret_text)
{
    if (onnx_want(reader, field, PROTOBUF_LEN) < 0)
        return reader->in.rc;
    uint64_t size = field->end - field->at;
    if (size > TEXT_MAX)
        return protobuf_fail(&reader->in, field->at, "a name of %" PRIu64 " bytes", size);
    char *text = arena_alloc(&reader->model->arena, (size_t)size + 1);
    if (!text)
        return no_memory(reader);
    if (protobuf_copy(&reader->in, field->at, (size_t)size, text) < 0)
        return reader->in.rc;
    *ret_text = text;
    return 0;
}

/* As take_name, for what is only shown. */
int onnx_take_text(struct onnx_reader *reader, const struct protobuf_field *field,
                   const char **ret_text)
{
    const char *text = NULL;
    if (take_name(reader, field, &text) < 0)
        return reader->in.rc;
    str_make_printable((char *)text);
    *ret_text = text;
    return 0;
}

int onnx_take_int(struct onnx_reader *reader, const struct protobuf_field *field,
                  int64_t *ret_value)
{
    if (onnx_want(reader, field, PROTOBUF_VARINT) < 0)
        return reader->in.rc;
    *ret_value = (int64_t)field->value;
    return 0;
}

/* Names are compared by their hash (FNV-1a, 64 bits): a model of many tensors has many names, and
 * only which of them are equal matters. */
static int take_hash(struct onnx_reader *reader, const struct protobuf_field *field,
                     uint64_t *ret_hash)
{
    if (onnx_want(reader, field, PROTOBUF_LEN) < 0)
        return reader->in.rc;
    uint64_t hash = 0xcbf29ce484222325;
    char part[256];
    for (uint64_t at = field->at; at < field->end;) {
        size_t size = (size_t)u64_min(sizeof(part), field->end - at);
        if (protobuf_copy(&reader->in, at, size, part) < 0)
            return reader->in.rc;
        for (size_t i = 0; i < size; i++)
            hash = (hash ^ (uint8_t)part[i]) * 0x100000001b3;
        at += size;
    }
    *ret_hash = hash;
    return 0;
}

static int add_hash(struct onnx_reader *reader, struct onnx_names *names, uint64_t at,
                    uint64_t hash)
{
    if (names->count == NAMES_MAX)
        return too_many(reader, at, "names", NAMES_MAX);
    if (array_reserve(&names->hashes, &names->capacity, names->count + 1, sizeof(hash)) < 0)
        return no_memory(reader);
    names->hashes[names->count++] = hash;
    return 0;
}

/* ---- tensors ------------------------------------------------------------------------------ */

static int add_dim(struct onnx_reader *reader, uint64_t at, uint64_t dim,
                   struct onnx_tensor *tensor)
{
    if ((int64_t)dim < 0)
        return protobuf_fail(&reader->in, at, "a tensor with the dimension %" PRId64, (int64_t)dim);
    tensor->rank++;
    tensor->has_zero = tensor->has_zero || dim == 0;
    if (dim > 0 && __builtin_mul_overflow(tensor->elements, dim, &tensor->elements))
        return protobuf_fail(&reader->in, at, "a tensor of more than 2^64 elements");
    return 0;
}

static int read_dims(struct onnx_reader *reader, const struct protobuf_field *field,
                     struct onnx_tensor *tensor)
{
    if (field->wire == PROTOBUF_VARINT)
        return add_dim(reader, field->at, field->value, tensor);
    if (onnx_want(reader, field, PROTOBUF_LEN) < 0)
        return reader->in.rc;
    for (uint64_t at = field->at; at < field->end;) {
        uint64_t dim;
        if (protobuf_varint(&reader->in, &at, field->end, &dim) < 0 ||
            add_dim(reader, field->at, dim, tensor) < 0)
            return reader->in.rc;
    }
    return 0;
}

/* TensorProto: dims 1, data_type 2, name 8, external_data 13, data_location 14. */
static int read_tensor(struct onnx_reader *reader, const struct protobuf_field *message,
                       struct onnx_tensor *ret_tensor)
{
    if (onnx_want(reader, message, PROTOBUF_LEN) < 0)
        return reader->in.rc;
    struct onnx_tensor tensor = {.elements = 1};
    struct protobuf_field field;
    uint64_t at = message->at;
    int64_t number = 0;
    while (protobuf_next(&reader->in, &at, message->end, &field) > 0) {
        switch (field.number) {
        case 1:
            read_dims(reader, &field, &tensor);
            break;
        case 2:
            if (onnx_take_int(reader, &field, &number) == 0)
                tensor.type = number > 0 && number < 32 ? (int32_t)number : 0;
            break;
        case 8:
            take_hash(reader, &field, &tensor.name);
            break;
        case 13:
            tensor.is_external = true;
            break;
        case 14:
            if (onnx_take_int(reader, &field, &number) == 0 && number == 1)
                tensor.is_external = true;
            break;
        }
    }
    if (tensor.has_zero)
        tensor.elements = 0;
    *ret_tensor = tensor;
    return reader->in.rc;
}

/* Only floating-point and 8-bit tensors of two or more dimensions tell a precision: biases, scales
 * and shapes do not. */
static bool tells_precision(const struct onnx_tensor *tensor)
{
    return tensor->rank >= 2 &&
           (tensor->type == ONNX_TYPE_FLOAT || tensor->type == ONNX_TYPE_UINT8 ||
            tensor->type == ONNX_TYPE_INT8 || tensor->type == ONNX_TYPE_FLOAT16 ||
            tensor->type == ONNX_TYPE_BFLOAT16);
}

static int keep_weight(struct onnx_reader *reader, uint64_t at, const struct onnx_tensor *tensor)
{
    if (!tells_precision(tensor))
        return 0;
    if (reader->weight_count == NAMES_MAX)
        return too_many(reader, at, "weights", NAMES_MAX);
    if (array_reserve(&reader->weights, &reader->weight_capacity, reader->weight_count + 1,
                      sizeof(*reader->weights)) < 0)
        return no_memory(reader);
    reader->weights[reader->weight_count++] = (struct onnx_weight){
        .name = tensor->name, .elements = tensor->elements, .type = tensor->type};
    return 0;
}

static int read_initializer(struct onnx_reader *reader, const struct protobuf_field *message)
{
    struct onnx_tensor tensor;
    struct onnx_model *model = reader->model;
    if (read_tensor(reader, message, &tensor) < 0 ||
        add_hash(reader, &reader->initializers, message->at, tensor.name) < 0 ||
        keep_weight(reader, message->at, &tensor) < 0)
        return reader->in.rc;
    unsigned bits = onnx_type_bits(tensor.type);
    uint64_t total_bits;
    if (__builtin_add_overflow(model->parameter_count, tensor.elements, &model->parameter_count) ||
        __builtin_mul_overflow(tensor.elements, (uint64_t)bits, &total_bits) ||
        __builtin_add_overflow(model->parameter_bytes, total_bits / 8 + (total_bits % 8 != 0),
                               &model->parameter_bytes))
        return protobuf_fail(&reader->in, message->at, "weights of more than 2^64 bits");
    model->parameters_of_type[tensor.type] += tensor.elements;
    model->has_external_data = model->has_external_data || tensor.is_external;
    return 0;
}

/* SparseTensorProto: values 1 (a TensorProto with the name), indices 2. */
static int read_sparse_initializer(struct onnx_reader *reader, const struct protobuf_field *message)
{
    struct protobuf_field field;
    uint64_t at = message->at;
    if (onnx_want(reader, message, PROTOBUF_LEN) < 0)
        return reader->in.rc;
    while (protobuf_next(&reader->in, &at, message->end, &field) > 0)
        if (field.number == 1)
            read_initializer(reader, &field);
    return reader->in.rc;
}

/* ---- inputs and outputs ------------------------------------------------------------------- */

/* TensorShapeProto.Dimension: dim_value 1, dim_param 2. */
static int read_dimension(struct onnx_reader *reader, const struct protobuf_field *message,
                          struct onnx_value *value)
{
    struct protobuf_field field;
    uint64_t at = message->at;
    struct onnx_dim dim = {.value = -1};
    if (onnx_want(reader, message, PROTOBUF_LEN) < 0)
        return reader->in.rc;
    while (protobuf_next(&reader->in, &at, message->end, &field) > 0) {
        if (field.number == 1)
            onnx_take_int(reader, &field, &dim.value);
        else if (field.number == 2)
            onnx_take_text(reader, &field, &dim.symbol);
    }
    if (reader->in.rc < 0)
        return reader->in.rc;
    if (dim.value < 0)
        dim.value = -1; /* some exporters write -1 for "free" */
    if (dim.value >= 0 || (dim.symbol && !*dim.symbol))
        dim.symbol = NULL;
    if (value->rank == ONNX_MODEL_DIMS_MAX)
        return too_many(reader, message->at, "dimensions", ONNX_MODEL_DIMS_MAX);
    value->dims[value->rank++] = dim;
    return 0;
}

/* TensorShapeProto: dim 1. */
static int read_shape(struct onnx_reader *reader, const struct protobuf_field *message,
                      struct onnx_value *value)
{
    struct protobuf_field field;
    uint64_t at = message->at;
    if (onnx_want(reader, message, PROTOBUF_LEN) < 0)
        return reader->in.rc;
    value->has_shape = true;
    value->rank = 0;
    while (protobuf_next(&reader->in, &at, message->end, &field) > 0)
        if (field.number == 1)
            read_dimension(reader, &field, value);
    return reader->in.rc;
}

/* TypeProto: tensor_type 1 (elem_type 1, shape 2); the other kinds are no tensors. */
static int read_type(struct onnx_reader *reader, const struct protobuf_field *message,
                     struct onnx_value *value)
{
    struct protobuf_field outer, field;
    uint64_t outer_at = message->at;
    int64_t type = 0;
    if (onnx_want(reader, message, PROTOBUF_LEN) < 0)
        return reader->in.rc;
    while (protobuf_next(&reader->in, &outer_at, message->end, &outer) > 0) {
        if (outer.number != 1)
            continue;
        if (onnx_want(reader, &outer, PROTOBUF_LEN) < 0)
            return reader->in.rc;
        uint64_t at = outer.at;
        while (protobuf_next(&reader->in, &at, outer.end, &field) > 0) {
            if (field.number == 1 && onnx_take_int(reader, &field, &type) == 0)
                value->type = type > 0 && type < 32 ? (int32_t)type : 0;
            else if (field.number == 2)
                read_shape(reader, &field, value);
        }
    }
    return reader->in.rc;
}

/* ValueInfoProto: name 1, type 2. */
static int read_value(struct onnx_reader *reader, const struct protobuf_field *message,
                      struct onnx_values *values)
{
    struct protobuf_field field;
    uint64_t at = message->at;
    struct onnx_named_value value = {.value.name = ""};
    if (onnx_want(reader, message, PROTOBUF_LEN) < 0)
        return reader->in.rc;
    while (protobuf_next(&reader->in, &at, message->end, &field) > 0) {
        if (field.number == 1 && take_name(reader, &field, &value.value.name) == 0)
            take_hash(reader, &field, &value.hash);
        else if (field.number == 2)
            read_type(reader, &field, &value.value);
    }
    if (reader->in.rc < 0)
        return reader->in.rc;
    if (values->count == VALUES_MAX)
        return too_many(reader, message->at, "inputs or outputs", VALUES_MAX);
    if (array_reserve(&values->items, &values->capacity, values->count + 1, sizeof(value)) < 0)
        return no_memory(reader);
    values->items[values->count++] = value;
    return 0;
}

/* ---- nodes -------------------------------------------------------------------------------- */

/* AttributeProto: t 5, g 6, graphs 11. The tensor is a Constant's value. */
static int read_attribute(struct onnx_reader *reader, const struct protobuf_field *message,
                          struct onnx_node *node, int depth)
{
    struct protobuf_field field;
    uint64_t at = message->at;
    if (onnx_want(reader, message, PROTOBUF_LEN) < 0)
        return reader->in.rc;
    while (protobuf_next(&reader->in, &at, message->end, &field) > 0) {
        if (field.number == 6 || field.number == 11)
            onnx_read_graph(reader, &field, depth + 1);
        else if (field.number == 5 && read_tensor(reader, &field, &node->constant) == 0)
            node->has_constant = true;
    }
    return reader->in.rc;
}

static uint64_t hash_op(const char *domain, const char *name)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (; *domain; domain++)
        hash = (hash ^ (uint8_t)*domain) * 0x100000001b3;
    hash *= 0x100000001b3;
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 0x100000001b3;
    return hash ^ hash >> 32;
}

/* Open addressing; the table has twice as many slots as there may be operators. */
static int count_op(struct onnx_reader *reader, uint64_t at, const struct onnx_node *node)
{
    size_t slot = hash_op(node->domain, node->op) % ARRAY_LEN(reader->op_slots);
    for (; reader->op_slots[slot]; slot = (slot + 1) % ARRAY_LEN(reader->op_slots)) {
        struct onnx_op_count *op = &reader->ops[reader->op_slots[slot] - 1];
        if (strcmp(op->name, node->op) == 0 && strcmp(op->domain, node->domain) == 0) {
            op->count++;
            return 0;
        }
    }
    size_t count = reader->op_count;
    if (count == OPS_MAX)
        return too_many(reader, at, "different operators", OPS_MAX);
    if (array_reserve(&reader->ops, &reader->op_capacity, count + 1, sizeof(*reader->ops)) < 0)
        return no_memory(reader);
    char *name = arena_strdup(&reader->model->arena, node->op);
    char *domain = arena_strdup(&reader->model->arena, node->domain);
    if (!name || !domain)
        return no_memory(reader);
    reader->ops[count] = (struct onnx_op_count){.name = name, .domain = domain, .count = 1};
    reader->op_slots[slot] = (uint16_t)(count + 1);
    reader->op_count++;
    return 0;
}

/* An operator's name or domain, printable. */
int onnx_take_short(struct onnx_reader *reader, const struct protobuf_field *field, char *text,
                    size_t size)
{
    if (onnx_want(reader, field, PROTOBUF_LEN) < 0)
        return reader->in.rc;
    uint64_t length = field->end - field->at;
    if (length >= size)
        return protobuf_fail(&reader->in, field->at, "an operator's name of %" PRIu64 " bytes",
                             length);
    if (protobuf_copy(&reader->in, field->at, (size_t)length, text) < 0)
        return reader->in.rc;
    text[length] = '\0';
    str_make_printable(text);
    return 0;
}

/* What the weights are used for: those of quantised operators, and those that stand before or
 * between QuantizeLinear and DequantizeLinear. */
static int keep_quantised(struct onnx_reader *reader, uint64_t at, const struct onnx_node *node)
{
    if (node->has_constant && strcmp(node->op, "Constant") == 0) {
        struct onnx_tensor tensor = node->constant;
        tensor.name = node->output;
        if (keep_weight(reader, at, &tensor) < 0)
            return reader->in.rc;
    }
    if (onnx_op_is_quantised(node->op)) {
        reader->quantised_nodes++;
        for (size_t i = 0; i < node->input_count; i++)
            if (add_hash(reader, &reader->quantised, at, node->inputs[i]) < 0)
                return reader->in.rc;
    } else if (strcmp(node->op, "DequantizeLinear") == 0 ||
               strcmp(node->op, "QuantizeLinear") == 0) {
        if (node->input_count > 0)
            return add_hash(reader, &reader->quantised, at, node->inputs[0]);
    } else if (onnx_op_is_heavy(node->op)) {
        reader->float_nodes++;
    }
    return 0;
}

/* NodeProto: input 1, output 2, op_type 4, attribute 5, domain 7. */
static int read_node(struct onnx_reader *reader, const struct protobuf_field *message, int depth)
{
    struct protobuf_field field;
    uint64_t at = message->at;
    struct onnx_node node = {0};
    if (onnx_want(reader, message, PROTOBUF_LEN) < 0)
        return reader->in.rc;
    while (protobuf_next(&reader->in, &at, message->end, &field) > 0) {
        switch (field.number) {
        case 1: /* of quantised operators, the weights are among the first */
            if (node.input_count < ARRAY_LEN(node.inputs))
                take_hash(reader, &field, &node.inputs[node.input_count++]);
            break;
        case 2:
            if (!node.output)
                take_hash(reader, &field, &node.output);
            break;
        case 4:
            onnx_take_short(reader, &field, node.op, sizeof(node.op));
            break;
        case 5:
            read_attribute(reader, &field, &node, depth);
            break;
        case 7:
            onnx_take_short(reader, &field, node.domain, sizeof(node.domain));
            break;
        }
    }
    if (reader->in.rc < 0)
        return reader->in.rc;
    if (!node.op[0])
        return protobuf_fail(&reader->in, message->at, "a node without an operator");
    if (strcmp(node.domain, "ai.onnx") == 0)
        node.domain[0] = '\0';
    reader->model->node_count++;
    if (count_op(reader, message->at, &node) < 0)
        return reader->in.rc;
    return keep_quantised(reader, message->at, &node);
}

/* GraphProto: node 1, name 2, initializer 5, input 11, output 12, sparse_initializer 15. Of the
 * graphs inside nodes (If, Loop, Scan) nodes and weights count, inputs and outputs are not the
 * model's. */
int onnx_read_graph(struct onnx_reader *reader, const struct protobuf_field *message, int depth)
{
    struct protobuf_field field;
    uint64_t at = message->at;
    if (onnx_want(reader, message, PROTOBUF_LEN) < 0)
        return reader->in.rc;
    if (depth > DEPTH_MAX)
        return protobuf_fail(&reader->in, message->at, "graphs nested deeper than %d", DEPTH_MAX);
    while (protobuf_next(&reader->in, &at, message->end, &field) > 0) {
        if (field.number == 1)
            read_node(reader, &field, depth);
        else if (field.number == 5)
            read_initializer(reader, &field);
        else if (field.number == 15)
            read_sparse_initializer(reader, &field);
        else if (depth > 0)
            continue;
        else if (field.number == 2)
            onnx_take_text(reader, &field, &reader->model->graph_name);
        else if (field.number == 11)
            read_value(reader, &field, &reader->inputs);
        else if (field.number == 12)
            read_value(reader, &field, &reader->outputs);
    }
    return reader->in.rc;
}
