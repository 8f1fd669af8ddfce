/* test_onnx_choose.c: which model and variant, and what goes into it: from flags and small models.
 */
#include "test_tree.h"

#include "base/util.h"
#include "format/npy.h"
#include "onnx_build.h"
#include "workload/onnx/internal.h"

#define FLOAT 1
#define FLOAT16 10

static struct test_tree tree;

static int setup(void **state)
{
    test_tree_init(&tree);
    return 0;
}

static int teardown(void **state)
{
    test_tree_deinit(&tree);
    return 0;
}

static const char *path_of(const char *name)
{
    static char paths[4][256];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", tree.path, name);
    return path;
}

/* A dimension: a number, or a name of a free one. */
struct dim {
    int64_t value;
    const char *symbol;
};

static void put_input(struct onnx_bytes *graph, const char *name, int type, const struct dim *dims,
                      int rank)
{
    struct onnx_bytes shape = {.size = 0}, tensor = {.size = 0}, kind = {.size = 0},
                      value = {.size = 0};
    for (int i = 0; i < rank; i++) {
        struct onnx_bytes dim = {.size = 0};
        if (dims[i].symbol != NULL)
            onnx_put_text(&dim, 2, dims[i].symbol);
        else if (dims[i].value >= 0)
            onnx_put_number(&dim, 1, (uint64_t)dims[i].value);
        onnx_put_message(&shape, 1, &dim);
    }
    onnx_put_number(&tensor, 1, (uint64_t)type);
    onnx_put_message(&tensor, 2, &shape);
    onnx_put_message(&kind, 1, &tensor);
    onnx_put_text(&value, 1, name);
    onnx_put_message(&value, 2, &kind);
    onnx_put_message(graph, 11, &value);
}

/* A graph of one Add with a weight of this type. */
static void put_rest(struct onnx_bytes *graph, int weight_type)
{
    struct onnx_bytes weight = {.size = 0}, node = {.size = 0};
    static const unsigned char raw[16];
    onnx_put_number(&weight, 1, 4);
    onnx_put_number(&weight, 2, (uint64_t)weight_type);
    onnx_put_text(&weight, 8, "w");
    onnx_put_bytes(&weight, 9, raw, weight_type == FLOAT16 ? 8 : 16);
    onnx_put_message(graph, 5, &weight);
    onnx_put_text(&node, 1, "x");
    onnx_put_text(&node, 1, "w");
    onnx_put_text(&node, 2, "y");
    onnx_put_text(&node, 4, "Add");
    onnx_put_message(graph, 1, &node);
}

static struct onnx_bytes finish(const struct onnx_bytes *graph)
{
    struct onnx_bytes model = {.size = 0}, opset = {.size = 0};
    onnx_put_number(&opset, 2, 13);
    onnx_put_number(&model, 1, 8);
    onnx_put_message(&model, 7, graph);
    onnx_put_message(&model, 8, &opset);
    return model;
}

static void write_model(const char *name, int weight_type)
{
    static const struct dim dims[] = {{-1, "N"}, {4, NULL}};
    struct onnx_bytes graph = {.size = 0};
    put_rest(&graph, weight_type);
    put_input(&graph, "x", weight_type, dims, 2);
    struct onnx_bytes model = finish(&graph);
    test_tree_write(&tree, name, ""); /* makes its folder */
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(model.data, 1, model.size, file), model.size);
    assert_int_equal(fclose(file), 0);
}

/* ---- which model ---- */

static struct error err;

static int choose(const char *name, const char *precision, struct onnx_choice *ret_choice)
{
    memset(&err, 0, sizeof(err));
    return onnx_choose(name != NULL && strchr(name, '.') != NULL ? path_of(name) : name, precision,
                       path_of("data"), path_of("bin"), ret_choice, &err);
}

static void expect_file(const char *name, const char *precision, const char *file)
{
    struct onnx_choice choice;
    if (choose(name, precision, &choice) != 0)
        fail_msg("%s", err.message);
    assert_string_equal(choice.path, path_of(file));
    onnx_choice_deinit(&choice);
}

static void precision_is_what_the_tensors_are(void **state)
{
    struct onnx_choice choice;
    write_model("net.onnx", FLOAT);
    write_model("net.fp16.onnx", FLOAT16);
    write_model("net.int8.onnx", FLOAT); /* so it says */
    expect_file("net.onnx", NULL, "net.onnx");
    expect_file("net.onnx", "fp32", "net.onnx");
    expect_file("net.onnx", "fp16", "net.fp16.onnx");
    expect_file("net.fp16.onnx", "fp32", "net.onnx");
    expect_file("net.fp16.onnx", "fp16", "net.fp16.onnx");
    /* There is none: 4, and those that there are. */
    assert_int_equal(choose("net.onnx", "bf16", &choice), -ERROR_UNSUPPORTED);
    assert_non_null(strstr(err.hint, "fp16"));
    /* The variant is not what it says: 2. */
    assert_int_equal(choose("net.onnx", "int8", &choice), -ERROR_INPUT);
    assert_int_equal(choose("net.int8.onnx", "int8", &choice), -ERROR_INPUT);
    assert_non_null(strstr(err.message, "fp32"));
}

static void variants_know_their_fp32_model(void **state)
{
    struct onnx_choice choice;
    write_model("net.onnx", FLOAT);
    write_model("net.fp16.onnx", FLOAT16);
    write_model("alone.fp16.onnx", FLOAT16);
    assert_int_equal(choose("net.fp16.onnx", NULL, &choice), 0);
    assert_string_equal(choice.fp32_path, path_of("net.onnx"));
    assert_string_equal(choice.name, "net");
    onnx_choice_deinit(&choice);
    assert_int_equal(choose("alone.fp16.onnx", NULL, &choice), 0);
    assert_string_equal(choice.fp32_path, "");
    onnx_choice_deinit(&choice);
    assert_int_equal(choose("net.onnx", NULL, &choice), 0);
    assert_string_equal(choice.fp32_path, "");
    onnx_choice_deinit(&choice);
}

static void reference_models(void **state)
{
    struct onnx_choice choice;
    assert_int_equal(choose(NULL, NULL, &choice), -ERROR_ABSENT);
    assert_non_null(strstr(err.hint, "make_models"));
    test_tree_write(&tree, "bin/tacho", "");
    write_model("share/tacho/models/detector.onnx", FLOAT);
    expect_file(NULL, NULL, "bin/../share/tacho/models/detector.onnx");
    write_model("bin/models/detector.onnx", FLOAT);
    expect_file("detector", NULL, "bin/models/detector.onnx");
    write_model("data/models/detector.onnx", FLOAT);
    write_model("data/models/detector.fp16.onnx", FLOAT16);
    expect_file("detector", NULL, "data/models/detector.onnx"); /* the user's own goes first */
    expect_file("detector", "fp16", "data/models/detector.fp16.onnx");
    assert_int_equal(choose("classifier", NULL, &choice), -ERROR_ABSENT);
}

static void files_that_are_none(void **state)
{
    struct onnx_choice choice;
    assert_int_equal(choose("missing.onnx", NULL, &choice), -ERROR_INPUT);
    assert_non_null(strstr(err.message, "no such file"));
    test_tree_write(&tree, "text.onnx", "this is no model, but a text of some length");
    assert_int_equal(choose("text.onnx", NULL, &choice), -ERROR_INPUT);
    test_tree_write(&tree, "empty.onnx", "");
    assert_int_equal(choose("empty.onnx", NULL, &choice), -ERROR_INPUT);
}

/* ---- what goes in ---- */

struct case_of {
    struct settings settings;
    struct onnx_model model;
    struct onnx_config *config;
    struct onnx_shapes shapes;
};

static void begin(struct case_of *one, const struct onnx_bytes *graph)
{
    struct onnx_bytes model = finish(graph);
    memset(one, 0, sizeof(*one));
    memset(&err, 0, sizeof(err));
    assert_int_equal(settings_init(&one->settings, &err), 0);
    if (onnx_model_read_bytes(model.data, model.size, "test", &one->model, &err) != 0)
        fail_msg("%s", err.message);
    one->config = calloc(1, sizeof(*one->config));
    assert_non_null(one->config);
}

static void set(struct case_of *one, enum setting_id id, const char *text)
{
    if (settings_set(&one->settings, id, text, SOURCE_FLAG, "--flag", &err) != 0)
        fail_msg("%s", err.message);
}

static int settle(struct case_of *one)
{
    return onnx_settle_inputs(&one->model, &one->settings, one->config, &one->shapes, &err);
}

static void end(struct case_of *one)
{
    settings_deinit(&one->settings);
    onnx_model_deinit(&one->model);
    strbuf_deinit(&one->shapes.defaults);
    free(one->config);
}

static void expect_dims(const struct case_of *one, uint32_t input, const char *dims)
{
    char text[160];
    onnx_format_dims(one->config->inputs[input].dims, one->config->inputs[input].rank, text,
                     sizeof(text));
    assert_string_equal(text, dims);
}

/* One input "images". */
static struct onnx_bytes image_graph(struct dim a, struct dim b, struct dim c, struct dim d)
{
    struct onnx_bytes graph = {.size = 0};
    const struct dim dims[] = {a, b, c, d};
    put_rest(&graph, FLOAT);
    put_input(&graph, "images", FLOAT, dims, 4);
    return graph;
}

#define FREE(name) ((struct dim){-1, name})
#define FIXED(n) ((struct dim){n, NULL})

static void dimensions_by_flag_and_default(void **state)
{
    struct onnx_bytes dynamic = image_graph(FREE("N"), FIXED(3), FIXED(8), FIXED(8));
    struct onnx_bytes open = image_graph(FREE("batch"), FREE(NULL), FREE("height"), FREE("width"));
    static const struct {
        bool is_open;
        const char *shape, *batch, *dims;
        uint64_t batch_size;
        bool has_defaults;
    } rows[] = {
        {false, NULL, NULL, "1x3x8x8", 1, false}, /* a batch of 1 goes without saying */
        {false, NULL, "4", "4x3x8x8", 4, false},
        {false, "images=2x3x8x8", NULL, "2x3x8x8", 2, false},
        {false, "2x3x8x8", "2", "2x3x8x8", 2, false},
        {true, NULL, NULL, "1x3x224x224", 1, true},
        {true, "1x3x640x480", NULL, "1x3x640x480", 1, false},
        {true, NULL, "16", "16x3x224x224", 16, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct case_of one;
        begin(&one, rows[i].is_open ? &open : &dynamic);
        if (rows[i].shape != NULL)
            set(&one, SETTING_INPUT_SHAPE, rows[i].shape);
        if (rows[i].batch != NULL)
            set(&one, SETTING_BATCH_SIZE, rows[i].batch);
        if (settle(&one) != 0)
            fail_msg("row %zu: %s", i, err.message);
        expect_dims(&one, 0, rows[i].dims);
        assert_int_equal(one.shapes.batch_size, rows[i].batch_size);
        assert_int_equal(one.shapes.defaults.len > 0, rows[i].has_defaults);
        end(&one);
    }
}

static void dimensions_that_do_not_fit(void **state)
{
    struct onnx_bytes fixed = image_graph(FIXED(1), FIXED(3), FIXED(8), FIXED(8));
    static const struct {
        enum setting_id id;
        const char *text, *message;
        int rc;
    } rows[] = {
        {SETTING_BATCH_SIZE, "4", "static batch of 1", -ERROR_INPUT},
        {SETTING_INPUT_SHAPE, "2x3x8x8", "static batch of 1", -ERROR_INPUT},
        {SETTING_INPUT_SHAPE, "1x3x9x8", "cannot be 9", -ERROR_INPUT},
        {SETTING_INPUT_SHAPE, "1x3x8", "3 dimensions", -ERROR_INPUT},
        {SETTING_INPUT_SHAPE, "other=1x3x8x8", "no input 'other'", -ERROR_USAGE},
        {SETTING_INPUT_SHAPE, "1x3x8xy", "no shape", -ERROR_USAGE},
        {SETTING_INPUT_SHAPE, "", "no shape", -ERROR_USAGE},
        {SETTING_INPUT_SHAPE, "1x-3x8x8", "no shape", -ERROR_USAGE},
        {SETTING_INPUT, "noise", "neither random nor zeros", -ERROR_USAGE},
        {SETTING_INPUT, "missing.npy", "no such file", -ERROR_INPUT},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct case_of one;
        begin(&one, &fixed);
        set(&one, rows[i].id, rows[i].text);
        assert_int_equal(settle(&one), rows[i].rc);
        if (strstr(err.message, rows[i].message) == NULL)
            fail_msg("%s", err.message);
        end(&one);
    }
}

static void zero_sized(void **state)
{
    struct onnx_bytes graph = image_graph(FREE("N"), FIXED(3), FREE("h"), FREE("w"));
    struct case_of one;
    begin(&one, &graph);
    set(&one, SETTING_INPUT_SHAPE, "1x3x0x8");
    assert_int_equal(settle(&one), -ERROR_INPUT);
    assert_non_null(strstr(err.message, "size zero"));
    end(&one);
    begin(&one, &graph);
    set(&one, SETTING_INPUT_SHAPE, "2147483647x3x2147483647x8");
    assert_int_equal(settle(&one), -ERROR_INPUT);
    end(&one);
    begin(&one, &graph);
    set(&one, SETTING_INPUT_SHAPE, "1x3x8x8");
    set(&one, SETTING_BATCH_SIZE, "2");
    assert_int_equal(settle(&one), -ERROR_USAGE); /* they contradict each other */
    end(&one);
}

static void several_inputs_share_names(void **state)
{
    static const struct dim ids[] = {{-1, "batch"}, {-1, "tokens"}};
    struct onnx_bytes graph = {.size = 0};
    struct case_of one;
    put_rest(&graph, FLOAT);
    put_input(&graph, "ids", ONNX_INT64, ids, 2);
    put_input(&graph, "mask", ONNX_INT64, ids, 2);
    begin(&one, &graph);
    set(&one, SETTING_INPUT_SHAPE, "mask=2x16");
    set(&one, SETTING_INPUT, "mask=zeros");
    if (settle(&one) != 0)
        fail_msg("%s", err.message);
    expect_dims(&one, 0, "2x16"); /* one name is one value */
    expect_dims(&one, 1, "2x16");
    assert_int_equal(one.config->inputs[0].fill, ONNX_FILL_RANDOM);
    assert_int_equal(one.config->inputs[1].fill, ONNX_FILL_ZEROS);
    end(&one);
    begin(&one, &graph);
    set(&one, SETTING_INPUT_SHAPE, "2x16");
    assert_int_equal(settle(&one), -ERROR_USAGE); /* of which? */
    assert_non_null(strstr(err.hint, "ids"));
    end(&one);
}

static void contents_from_a_file(void **state)
{
    static float data[2 * 3 * 5 * 7];
    struct npy npy = {.dtype = "f4",
                      .rank = 4,
                      .dims = {2, 3, 5, 7},
                      .element_bytes = 4,
                      .data_bytes = sizeof(data),
                      .data = data};
    struct onnx_bytes graph = image_graph(FREE("N"), FIXED(3), FREE("h"), FREE("w"));
    struct onnx_bytes other = image_graph(FREE("N"), FIXED(3), FIXED(5), FIXED(8));
    struct case_of one;
    assert_int_equal(npy_write(path_of("in.npy"), &npy, &err), 0);
    begin(&one, &graph);
    set(&one, SETTING_INPUT, path_of("in.npy"));
    if (settle(&one) != 0)
        fail_msg("%s", err.message);
    expect_dims(&one, 0, "2x3x5x7"); /* what the model leaves open the file settles */
    assert_int_equal(one.config->inputs[0].fill, ONNX_FILL_FILE);
    end(&one);
    begin(&one, &other);
    set(&one, SETTING_INPUT, path_of("in.npy"));
    assert_int_equal(settle(&one), -ERROR_INPUT);
    assert_non_null(strstr(err.message, "2x3x5x7"));
    end(&one);
    str_copy(npy.dtype, sizeof(npy.dtype), "i4");
    assert_int_equal(npy_write(path_of("int.npy"), &npy, &err), 0);
    begin(&one, &graph);
    set(&one, SETTING_INPUT, path_of("int.npy"));
    assert_int_equal(settle(&one), -ERROR_INPUT);
    assert_non_null(strstr(err.message, "float32"));
    end(&one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(precision_is_what_the_tensors_are, setup, teardown),
        cmocka_unit_test_setup_teardown(variants_know_their_fp32_model, setup, teardown),
        cmocka_unit_test_setup_teardown(reference_models, setup, teardown),
        cmocka_unit_test_setup_teardown(files_that_are_none, setup, teardown),
        cmocka_unit_test(dimensions_by_flag_and_default),
        cmocka_unit_test(dimensions_that_do_not_fit),
        cmocka_unit_test(zero_sized),
        cmocka_unit_test(several_inputs_share_names),
        cmocka_unit_test_setup_teardown(contents_from_a_file, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
