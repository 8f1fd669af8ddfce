/* test_onnx_model_bytes.c: models written byte by byte, for what the reference models do not have:
 * graphs within nodes, weights that are also inputs, weights elsewhere, mixtures of precisions, and
 * what somebody would write to do harm. */
#include "test_tree.h"

#include "base/str.h"
#include "base/util.h"
#include "format/onnx_model.h"

/* ---- writing protocol buffers ------------------------------------------------------------- */

static void put_varint(struct strbuf *out, uint64_t value)
{
    for (; value > 127; value >>= 7)
        strbuf_putc(out, (char)(value | 0x80));
    strbuf_putc(out, (char)value);
}

static void put_int(struct strbuf *out, uint32_t field, uint64_t value)
{
    put_varint(out, (uint64_t)field << 3);
    put_varint(out, value);
}

static void put_bytes(struct strbuf *out, uint32_t field, const char *data, size_t size)
{
    put_varint(out, (uint64_t)field << 3 | 2);
    put_varint(out, size);
    strbuf_append_n(out, data, size);
}

static void put_text(struct strbuf *out, uint32_t field, const char *text)
{
    put_bytes(out, field, text, strlen(text));
}

/* Takes the message's memory. */
static void put_message(struct strbuf *out, uint32_t field, struct strbuf *message)
{
    put_bytes(out, field, strbuf_get(message), message->len);
    strbuf_deinit(message);
}

static void put_tensor(struct strbuf *graph, uint32_t field, const char *name, int type,
                       const int64_t *dims, size_t rank)
{
    struct strbuf tensor = {0};
    for (size_t i = 0; i < rank; i++)
        put_int(&tensor, 1, (uint64_t)dims[i]);
    put_int(&tensor, 2, (uint64_t)type);
    put_text(&tensor, 8, name);
    put_message(graph, field, &tensor);
}

/* A weight of rows x 10. */
static void put_weight(struct strbuf *graph, const char *name, int type, int64_t rows)
{
    put_tensor(graph, 5, name, type, (const int64_t[]){rows, 10}, 2);
}

static struct strbuf node_of(const char *op, const char *a, const char *b, const char *output)
{
    struct strbuf node = {0};
    put_text(&node, 1, a);
    if (b)
        put_text(&node, 1, b);
    put_text(&node, 2, output);
    put_text(&node, 4, op);
    return node;
}

static void put_node(struct strbuf *graph, const char *op, const char *a, const char *b,
                     const char *output)
{
    struct strbuf node = node_of(op, a, b, output);
    put_message(graph, 1, &node);
}

/* dims: "N" or a number, ended by NULL. */
static void put_value(struct strbuf *graph, uint32_t field, const char *name, int type,
                      const char *const *dims)
{
    struct strbuf shape = {0}, tensor = {0}, kind = {0}, value = {0};
    for (; dims && *dims; dims++) {
        struct strbuf dim = {0};
        if (**dims == '-' || (**dims >= '0' && **dims <= '9'))
            put_int(&dim, 1, (uint64_t)strtoll(*dims, NULL, 10));
        else if (**dims != '?')
            put_text(&dim, 2, *dims);
        put_message(&shape, 1, &dim);
    }
    put_int(&tensor, 1, (uint64_t)type);
    if (dims)
        put_message(&tensor, 2, &shape);
    put_message(&kind, 1, &tensor);
    put_text(&value, 1, name);
    put_message(&value, 2, &kind);
    put_message(graph, field, &value);
}

static int read_graph(struct strbuf *graph, struct onnx_model *ret, struct error *err)
{
    struct strbuf model = {0}, opset = {0};
    put_int(&model, 1, 7);
    put_message(&model, 7, graph);
    put_text(&opset, 1, "ai.onnx");
    put_int(&opset, 2, 12);
    put_message(&model, 8, &opset);
    put_text(&opset, 1, "com.microsoft");
    put_int(&opset, 2, 1);
    put_message(&model, 8, &opset);
    char *copy = malloc(model.len); /* of its exact size */
    assert_non_null(copy);
    memcpy(copy, model.data, model.len);
    int rc = onnx_model_read_bytes(copy, model.len, "m.onnx", ret, err);
    free(copy);
    strbuf_deinit(&model);
    return rc;
}

static void read_good(struct strbuf *graph, struct onnx_model *ret)
{
    struct error err = {0};
    if (read_graph(graph, ret, &err) != 0)
        fail_msg("%s", err.message);
}

static void expect_damaged(struct strbuf *graph, const char *message)
{
    struct onnx_model model;
    struct error err = {0};
    assert_int_equal(read_graph(graph, &model, &err), -ERROR_INPUT);
    if (!strstr(err.message, message))
        fail_msg("\"%s\" lacks \"%s\"", err.message, message);
    assert_true(err.hint[0] != '\0');
}

/* ---- what a model may hold ---------------------------------------------------------------- */

static void inputs_without_weights(void **state)
{
    struct strbuf graph = {0};
    struct onnx_model model;
    const char *const dims[] = {"batch", "3", "?", "-1", NULL};
    put_value(&graph, 11, "w", 1, (const char *const[]){"2", "10", NULL}); /* as IR 3 wants */
    put_value(&graph, 11, "x", 1, dims);
    put_value(&graph, 11, "tokens", 7, (const char *const[]){NULL});
    put_value(&graph, 11, "anything", 1, NULL);
    put_value(&graph, 12, "y", 10, dims);
    put_weight(&graph, "w", 1, 2);
    read_good(&graph, &model);
    assert_int_equal(model.opset, 12);
    assert_int_equal(model.input_count, 3);
    const struct onnx_value *x = &model.inputs[0];
    assert_string_equal(x->name, "x");
    assert_int_equal(x->rank, 4);
    assert_int_equal(x->dims[0].value, -1);
    assert_string_equal(x->dims[0].symbol, "batch");
    assert_int_equal(x->dims[1].value, 3);
    assert_int_equal(x->dims[2].value, -1);
    assert_null(x->dims[2].symbol);
    assert_int_equal(x->dims[3].value, -1);
    assert_string_equal(model.inputs[1].name, "tokens");
    assert_int_equal(model.inputs[1].type, 7);
    assert_true(model.inputs[1].has_shape);
    assert_int_equal(model.inputs[1].rank, 0);
    assert_false(model.inputs[2].has_shape);
    assert_int_equal(model.output_count, 1);
    assert_int_equal(model.outputs[0].type, 10);
    onnx_model_deinit(&model);
}

static void graphs_within_nodes(void **state)
{
    struct strbuf inner = {0}, attribute = {0}, graph = {0};
    struct onnx_model model;
    put_node(&inner, "Relu", "a", NULL, "b");
    put_node(&inner, "MatMul", "b", "deep", "c");
    put_weight(&inner, "deep", 1, 7);
    put_value(&inner, 11, "not_an_input", 1, NULL);
    put_text(&inner, 2, "not the name");
    struct strbuf node = node_of("If", "condition", NULL, "z");
    put_text(&attribute, 1, "then_branch");
    put_message(&attribute, 6, &inner);
    put_message(&node, 5, &attribute);
    put_message(&graph, 1, &node);
    put_node(&graph, "Relu", "z", NULL, "y");
    read_good(&graph, &model);
    assert_int_equal(model.node_count, 4);
    assert_int_equal(model.op_count, 3);
    assert_string_equal(model.ops[0].name, "Relu");
    assert_int_equal(model.ops[0].count, 2);
    assert_string_equal(model.ops[1].name, "If"); /* by name where the count is the same */
    assert_string_equal(model.ops[2].name, "MatMul");
    assert_int_equal(model.parameter_count, 70);
    assert_int_equal(model.input_count, 0);
    assert_string_equal(model.graph_name, "");
    onnx_model_deinit(&model);
}

static void weights_elsewhere_and_odd_shapes(void **state)
{
    struct strbuf graph = {0}, tensor = {0}, sparse = {0};
    struct onnx_model model;
    put_bytes(&tensor, 1, "\x80\x02\x03", 3); /* packed: 256, 3 */
    put_int(&tensor, 2, 22);                  /* int4 */
    put_text(&tensor, 8, "w");
    put_bytes(&tensor, 13, "", 0);
    put_int(&tensor, 14, 1);
    put_message(&graph, 5, &tensor);
    put_tensor(&graph, 5, "scalar", 1, NULL, 0);
    put_tensor(&graph, 5, "nothing", 7, (const int64_t[]){INT64_MAX, INT64_MAX, 0}, 0);
    put_tensor(&graph, 5, "empty", 1, (const int64_t[]){5, 0}, 2);
    put_tensor(&sparse, 1, "s", 1, (const int64_t[]){4}, 1);
    put_message(&graph, 15, &sparse);
    read_good(&graph, &model);
    assert_true(model.has_external_data);
    assert_int_equal(model.parameter_count, 768 + 1 + 1 + 0 + 4);
    assert_int_equal(model.parameter_bytes, 384 + 4 + 8 + 0 + 16);
    assert_int_equal(model.parameters_of_type[22], 768);
    onnx_model_deinit(&model);
}

/* ---- precision ---------------------------------------------------------------------------- */

static void expect_precision(struct strbuf *graph, const char *precision)
{
    struct onnx_model model;
    read_good(graph, &model);
    if (precision)
        assert_string_equal(model.precision, precision);
    else
        assert_null(model.precision);
    onnx_model_deinit(&model);
}

static void precision_by_weights(void **state)
{
    struct strbuf graph = {0};
    put_node(&graph, "Relu", "x", NULL, "y");
    expect_precision(&graph, NULL);
    put_weight(&graph, "a", 16, 10);
    expect_precision(&graph, "bf16");
    put_weight(&graph, "a", 1, 94);
    put_weight(&graph, "b", 10, 6);
    expect_precision(&graph, "mixed");
    put_weight(&graph, "a", 1, 95);
    put_weight(&graph, "b", 10, 5);
    expect_precision(&graph, "fp32");
    /* Biases and scales do not count beside weights, but are better than nothing. */
    put_tensor(&graph, 5, "scale", 1, (const int64_t[]){1000}, 1);
    put_weight(&graph, "b", 10, 5);
    expect_precision(&graph, "fp16");
    put_tensor(&graph, 5, "scale", 1, (const int64_t[]){1000}, 1);
    expect_precision(&graph, "fp32");
    put_weight(&graph, "indices", 7, 100);
    expect_precision(&graph, NULL);
}

static void precision_of_quantised_models(void **state)
{
    struct strbuf graph = {0};
    /* A weight that is dequantised before it is used. */
    put_node(&graph, "DequantizeLinear", "w8", "s", "w");
    put_node(&graph, "Conv", "x", "w", "y");
    put_weight(&graph, "w8", 3, 50);
    expect_precision(&graph, "int8");
    /* One that training left in floating point, to be quantised by the engine. */
    put_node(&graph, "QuantizeLinear", "w32", "s", "w8");
    put_node(&graph, "DequantizeLinear", "w8", "s", "w");
    put_node(&graph, "Conv", "x", "w", "y");
    put_weight(&graph, "w32", 1, 50);
    expect_precision(&graph, "int8");
    /* Half of the model is not quantised. */
    put_node(&graph, "MatMulInteger", "x", "w8", "y");
    put_node(&graph, "MatMul", "y", "w32", "z");
    put_weight(&graph, "w8", 3, 50);
    put_weight(&graph, "w32", 1, 50);
    expect_precision(&graph, "mixed");
    /* Bytes that nothing multiplies with are no weights. */
    put_node(&graph, "Gather", "table", "i", "y");
    put_node(&graph, "MatMul", "y", "w", "z");
    put_weight(&graph, "table", 2, 900);
    put_weight(&graph, "w", 1, 10);
    expect_precision(&graph, "fp32");
    /* Two tensors that are both computed. */
    put_node(&graph, "MatMulInteger", "a", "b", "y");
    expect_precision(&graph, "int8");
}

/* Some exporters keep weights in Constant nodes. */
static void precision_of_constants(void **state)
{
    struct strbuf graph = {0}, attribute = {0}, node = {0};
    struct onnx_model model;
    put_text(&attribute, 1, "value");
    put_tensor(&attribute, 5, "", 10, (const int64_t[]){100, 10}, 2);
    put_text(&node, 2, "w");
    put_text(&node, 4, "Constant");
    put_message(&node, 5, &attribute);
    put_message(&graph, 1, &node);
    read_good(&graph, &model);
    assert_string_equal(model.precision, "fp16");
    assert_int_equal(model.parameter_count, 0); /* they are no initialisers */
    onnx_model_deinit(&model);
}

/* ---- harm --------------------------------------------------------------------------------- */

static void damaged(void **state)
{
    struct strbuf graph = {0};
    put_tensor(&graph, 5, "w", 1, (const int64_t[]){-1}, 1);
    expect_damaged(&graph, "dimension -1");
    put_tensor(&graph, 5, "w", 1, (const int64_t[]){INT64_MAX, 5}, 2);
    expect_damaged(&graph, "2^64");
    put_tensor(&graph, 5, "w", 1, (const int64_t[]){INT64_MAX}, 1);
    expect_damaged(&graph, "2^64");
    put_bytes(&graph, 1,
              "\x22\x7f"
              "abc",
              5); /* a text longer than its node */
    expect_damaged(&graph, "beyond its message");
    put_bytes(&graph, 1, "\x22\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11);
    expect_damaged(&graph, "64 bits");
    put_bytes(&graph, 1, "\x23", 1); /* a group */
    expect_damaged(&graph, "no field has this type");
    put_bytes(&graph, 1,
              "\x02\x01"
              "a",
              3);
    expect_damaged(&graph, "no field has this number");
    put_int(&graph, 1, 5); /* a node that is a number */
    expect_damaged(&graph, "another type");
    put_bytes(&graph, 1, "", 0);
    expect_damaged(&graph, "without an operator");
    const char *const many[] = {"1", "1", "1", "1", "1", "1", "1", "1", "1",
                                "1", "1", "1", "1", "1", "1", "1", "1", NULL};
    put_value(&graph, 11, "x", 1, many);
    expect_damaged(&graph, "dimensions");
}

static void nested_too_deep(void **state)
{
    struct strbuf graph = {0};
    put_node(&graph, "Relu", "a", NULL, "b");
    for (int i = 0; i < 5000; i++) {
        struct strbuf attribute = {0}, node = {0}, outer = {0};
        put_message(&attribute, 6, &graph);
        put_text(&node, 4, "Loop");
        put_message(&node, 5, &attribute);
        put_message(&outer, 1, &node);
        graph = outer;
    }
    expect_damaged(&graph, "nested deeper");
}

static void too_many_of_something(void **state)
{
    struct strbuf graph = {0};
    for (int i = 0; i < 70000; i++)
        put_bytes(&graph, 11, "", 0);
    expect_damaged(&graph, "inputs or outputs");
    for (int i = 0; i < 5000; i++) {
        char op[16];
        snprintf(op, sizeof(op), "Op%d", i);
        put_node(&graph, op, "a", NULL, "b");
    }
    expect_damaged(&graph, "operators");
    char name[400] = "";
    memset(name, 'x', sizeof(name) - 1);
    put_node(&graph, name, "a", NULL, "b");
    expect_damaged(&graph, "operator's name");
}

static void nothing_steers_the_terminal(void **state)
{
    struct strbuf graph = {0};
    struct onnx_model model;
    put_text(&graph, 2, "\x1b[2Jname\n");
    put_node(&graph,
             "Re\x1b"
             "lu",
             "a", NULL, "b");
    read_good(&graph, &model);
    assert_null(strchr(model.graph_name, '\x1b'));
    assert_null(strchr(model.ops[0].name, '\x1b'));
    onnx_model_deinit(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inputs_without_weights),
        cmocka_unit_test(graphs_within_nodes),
        cmocka_unit_test(weights_elsewhere_and_odd_shapes),
        cmocka_unit_test(precision_by_weights),
        cmocka_unit_test(precision_of_quantised_models),
        cmocka_unit_test(precision_of_constants),
        cmocka_unit_test(damaged),
        cmocka_unit_test(nested_too_deep),
        cmocka_unit_test(too_many_of_something),
        cmocka_unit_test(nothing_steers_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
