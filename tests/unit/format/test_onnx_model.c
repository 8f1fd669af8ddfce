/* test_onnx_model.c: the reference models as the build made them, with the figures that the onnx
 * package of Python counts in them; and every way in which a file can be something else. */
#include "test_tree.h"

#include <unistd.h>

#include "base/util.h"
#include "format/embedded.h"
#include "format/onnx_model.h"

struct expected {
    const char *file, *graph, *input, *output, *precision, *op;
    int32_t type;
    int64_t input_dims[4], output_dims[4]; /* -1: free, and named N */
    uint32_t output_rank;
    uint64_t bytes, nodes, op_count, parameters, parameter_bytes, of_its_type;
    size_t ops;
    int32_t weight_type;
};

#define DETECTOR "detector", "images", "detections"
#define CLASSIFIER "classifier", "image", "probabilities"
#define IMAGE_320 {-1, 3, 320, 320}, {-1, 2100, 25}, 3
#define IMAGE_224 {-1, 3, 224, 224}, {-1, 100}, 2
#define PATCH {1, 4, 8, 8}, {1, 4, 8, 8}, 4

static const struct expected models[] = {
    {"detector", DETECTOR, "fp32", "Conv", 1, IMAGE_320, 2476020, 119, 47, 615589, 2462380, 615583,
     11, 1},
    {"detector.fp16", DETECTOR, "fp16", "Conv", 10, IMAGE_320, 1244789, 119, 47, 615589, 1231222,
     615579, 11, 10},
    {"detector.int8", DETECTOR, "int8", "QLinearConv", 1, IMAGE_320, 679845, 79, 47, 620147, 658991,
     607179, 12, 3},
    {"classifier", CLASSIFIER, "fp32", "Conv", 1, IMAGE_224, 2021254, 79, 40, 502206, 2008824,
     502206, 7, 1},
    {"classifier.fp16", CLASSIFIER, "fp16", "Conv", 10, IMAGE_224, 1016826, 79, 40, 502206, 1004412,
     502206, 7, 10},
    {"classifier.int8", CLASSIFIER, "int8", "QLinearConv", 1, IMAGE_224, 579703, 81, 40, 515348,
     554924, 502105, 8, 3},
    {"probe.fp32", "probe", "x", "conv", "fp32", "Conv", 1, PATCH, 860, 1, 1, 148, 592, 148, 1, 1},
    {"probe.fp16", "probe", "x", "conv", "fp16", "Conv", 10, PATCH, 564, 1, 1, 148, 296, 148, 1,
     10},
    {"probe.int8", "probe", "x", "conv/float", "int8", "QLinearConv", 1, PATCH, 798, 3, 1, 160, 190,
     148, 3, 3},
};

static void model_path(char *path, size_t size, const char *name)
{
    snprintf(path, size, MODELS_DIR "/%s.onnx", name);
}

static void check_value(const struct onnx_value *value, const char *name, int32_t type,
                        const int64_t *dims, uint32_t rank)
{
    assert_string_equal(value->name, name);
    assert_int_equal(value->type, type);
    assert_true(value->has_shape);
    assert_int_equal(value->rank, rank);
    for (uint32_t i = 0; i < rank; i++) {
        assert_int_equal(value->dims[i].value, dims[i]);
        if (dims[i] < 0)
            assert_string_equal(value->dims[i].symbol, "N");
        else
            assert_null(value->dims[i].symbol);
    }
}

static void check_model(const struct expected *expected)
{
    char path[512];
    struct onnx_model model;
    struct error err = {0};
    model_path(path, sizeof(path), expected->file);
    if (onnx_model_read(path, &model, &err) != 0)
        fail_msg("%s: %s", path, err.message);
    assert_int_equal(model.file_bytes, expected->bytes);
    assert_int_equal(model.ir_version, 8);
    assert_int_equal(model.opset, 13);
    assert_string_equal(model.producer_name, "tacho make_models");
    assert_string_equal(model.producer_version, "1");
    assert_string_equal(model.graph_name, expected->graph);
    assert_int_equal(model.input_count, 1);
    assert_int_equal(model.output_count, 1);
    check_value(&model.inputs[0], expected->input, expected->type, expected->input_dims, 4);
    check_value(&model.outputs[0], expected->output, expected->type, expected->output_dims,
                expected->output_rank);
    assert_int_equal(model.node_count, expected->nodes);
    assert_int_equal(model.op_count, expected->ops);
    uint64_t op_count = 0, nodes = 0;
    for (size_t i = 0; i < model.op_count; i++) {
        assert_true(i == 0 || model.ops[i].count <= model.ops[i - 1].count);
        assert_string_equal(model.ops[i].domain, "");
        nodes += model.ops[i].count;
        if (strcmp(model.ops[i].name, expected->op) == 0)
            op_count = model.ops[i].count;
    }
    assert_int_equal(nodes, expected->nodes);
    assert_int_equal(op_count, expected->op_count);
    assert_int_equal(model.parameter_count, expected->parameters);
    assert_int_equal(model.parameter_bytes, expected->parameter_bytes);
    assert_int_equal(model.parameters_of_type[expected->weight_type], expected->of_its_type);
    assert_false(model.has_external_data);
    assert_string_equal(model.precision, expected->precision);
    onnx_model_deinit(&model);
}

static void reference_models(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(models); i++)
        check_model(&models[i]);
}

/* As coreutils' sha256sum names the files: the models are the same bytes on every machine, and the
 * hash is right. */
static const struct {
    const char *file, *sha256;
} hashes[] = {
    {"detector", "ffc38def8414e9e60eccd779ff0681e6523617296417f7d5592525da32728ea0"},
    {"detector.fp16", "280df26f0b2106e171f475aded6245110fc6fb9ec48cc963182532c6b155dceb"},
    {"detector.int8", "9070018214bec0b6f1f5696ff0d8574ad62f04d05316f8f1f095c54014e371f8"},
    {"classifier", "b26ffd0a59162059f6542e5d7d803080a8ff0eb2f3b36ba70d0da1531698c7fa"},
    {"classifier.fp16", "1e4d4cbc3a48a1b3c800e822017ae7747d475296e5f6024a116c45e3161b7274"},
    {"classifier.int8", "930a36b066816b33b01cecdae144eb72297e53182a52f61f6ed4676db0c941a9"},
    {"probe.fp32", "d354e30b8e27cfc1fffc55cf045fd01fda31c880629cf1d000c0aebc72bad47b"},
    {"probe.fp16", "71b16be90425ff94f1c3a1759a689e845f05dc1cec71c33326ac22c75a8c6912"},
    {"probe.int8", "28941eab6fc340a62b5dc40c320efa5ea4fd99bb9c1d6f711fba46f22a50ba3e"},
};

static void same_bytes_everywhere(void **state)
{
    char path[512];
    struct onnx_model model;
    for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
        model_path(path, sizeof(path), hashes[i].file);
        assert_int_equal(onnx_model_read(path, &model, NULL), 0);
        assert_string_equal(model.sha256, hashes[i].sha256);
        onnx_model_deinit(&model);
    }
}

/* The probes in the program are those of the build, to the byte. */
static void embedded_copies(void **state)
{
    char path[512], name[64];
    size_t found = 0;
    for (size_t i = 0; i < ARRAY_LEN(models); i++) {
        struct onnx_model model;
        char *data;
        size_t size;
        snprintf(name, sizeof(name), "models/%s.onnx", models[i].file);
        const struct embedded_file *embedded = embedded_find(name);
        if (!embedded)
            continue;
        found++;
        model_path(path, sizeof(path), models[i].file);
        assert_int_equal(file_read_all(path, 1 << 20, &data, &size, NULL), 0);
        assert_int_equal(embedded->size, size);
        assert_memory_equal(embedded->text, data, size);
        assert_int_equal(onnx_model_read_bytes(data, size, name, &model, NULL), 0);
        assert_string_equal(model.sha256, ""); /* promised of files only */
        assert_string_equal(model.precision, models[i].precision);
        onnx_model_deinit(&model);
        free(data);
    }
    assert_int_equal(found, 3);
    assert_non_null(embedded_find("profiles/ci_smoke.yaml"));
    assert_null(embedded_find("profiles/ci_smoke.onnx"));
    assert_null(embedded_find("models/probe.fp32"));
    assert_null(embedded_find("probe.fp32.onnx"));
    assert_null(embedded_find("models/.onnx"));
}

/* ---- cut off ------------------------------------------------------------------------------ */

/* Either an error that says what to do, or the whole: never something in between. */
static void check_cut(const char *data, size_t cut, size_t whole)
{
    struct onnx_model model;
    struct error err = {0};
    int rc = onnx_model_read_bytes(data, cut, "cut.onnx", &model, &err);
    assert_int_equal(rc, cut == whole ? 0 : -ERROR_INPUT);
    if (rc == 0) {
        onnx_model_deinit(&model);
        return;
    }
    assert_int_equal(err.code, ERROR_INPUT);
    assert_string_equal(err.file, "cut.onnx");
    assert_true(err.message[0] && err.hint[0]);
}

static void cut_at_every_byte(void **state)
{
    for (const struct embedded_file *file = embedded_models; file->name; file++) {
        for (size_t cut = 0; cut <= file->size; cut++) {
            char *part = malloc(cut + 1); /* of its own, so that a sanitizer sees a step too far */
            assert_non_null(part);
            memcpy(part, file->text, cut);
            check_cut(part, cut, file->size);
            free(part);
        }
    }
    char path[512];
    char *data;
    size_t size;
    model_path(path, sizeof(path), "classifier.int8");
    assert_int_equal(file_read_all(path, 1 << 24, &data, &size, NULL), 0);
    for (size_t cut = 0; cut < size; cut += 997)
        check_cut(data, cut, size);
    for (size_t cut = size - 300; cut <= size; cut++)
        check_cut(data, cut, size);
    free(data);
}

/* The same through a file, which is read by windows. */
static void cut_file(void **state)
{
    struct test_tree tree;
    char path[512], cut_path[128];
    char *data;
    size_t size;
    test_tree_init(&tree);
    model_path(path, sizeof(path), "detector");
    snprintf(cut_path, sizeof(cut_path), "%s/cut.onnx", tree.path);
    assert_int_equal(file_read_all(path, 1 << 24, &data, &size, NULL), 0);
    FILE *file = fopen(cut_path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    free(data);
    for (size_t cut = size - 1; cut > 100000; cut -= 99991) {
        struct onnx_model model;
        struct error err = {0};
        assert_int_equal(truncate(cut_path, (off_t)cut), 0);
        assert_int_equal(onnx_model_read(cut_path, &model, &err), -ERROR_INPUT);
        assert_non_null(strstr(err.message, "cut off"));
        assert_non_null(strstr(err.hint, "again"));
        assert_string_equal(err.file, cut_path);
    }
    test_tree_deinit(&tree);
}

/* ---- something else ----------------------------------------------------------------------- */

static void expect_other(const char *data, size_t size, const char *message, const char *hint)
{
    struct onnx_model model;
    struct error err = {0};
    assert_int_equal(onnx_model_read_bytes(data, size, "x.onnx", &model, &err), -ERROR_INPUT);
    if (!strstr(err.message, message) || !strstr(err.hint, hint))
        fail_msg("\"%s\" (%s), expected \"%s\" (%s)", err.message, err.hint, message, hint);
}

#define OTHER(text, hint) expect_other(text, sizeof(text) - 1, "not an ONNX model", hint)

static void other_files(void **state)
{
    expect_other("", 0, "the file is empty", "again");
    OTHER("hello world, this is no model\n", "a text file");
    OTHER("\n  <!DOCTYPE html><html><head>", "an HTML page");
    OTHER("<HTML>", "an HTML page");
    OTHER("\x1c\0\0\0TFL3\x14\0 \0", "a TensorFlow Lite model");
    OTHER("ftrt\0\0\0\0\xd8", "a TensorRT engine");
    OTHER("PK\x03\x04\0\0\x08\x08", "a zip archive");
    OTHER("\x1f\x8b\x08\0\0\0\0\0\0\x03", "gzip");
    OTHER("GGUF\x03\0\0\0", "GGUF");
    OTHER("version https://git-lfs.github.com/spec/v1\noid sha256:4d", "git lfs pull");
    OTHER("\x93NUMPY\x01\0v\0{'descr'", "a NumPy array");
    OTHER("\x7f"
          "ELF\x02\x01\x01\0",
          "a program or library");
    OTHER("\0\0\0\0\0\0\0\0\0\0\0\0", "export");
    OTHER("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "export");
    /* Protocol buffers, but not those of a model. */
    OTHER("\x12\x03"
          "abc",
          "export");
}

static void files_that_cannot_be_read(void **state)
{
    struct test_tree tree;
    struct onnx_model model;
    struct error err = {0};
    char path[128];
    test_tree_init(&tree);
    snprintf(path, sizeof(path), "%s/none.onnx", tree.path);
    assert_int_equal(onnx_model_read(path, &model, &err), -ERROR_ABSENT);
    assert_string_equal(err.file, path);
    assert_int_equal(onnx_model_read(tree.path, &model, &err), -ERROR_INPUT);
    assert_non_null(strstr(err.message, "folder"));
    /* A pipe that nobody writes to must not hold us. */
    snprintf(path, sizeof(path), "%s/pipe.onnx", tree.path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(onnx_model_read(path, &model, &err), -ERROR_INPUT);
    test_tree_write(&tree, "empty.onnx", "");
    snprintf(path, sizeof(path), "%s/empty.onnx", tree.path);
    assert_int_equal(onnx_model_read(path, &model, &err), -ERROR_INPUT);
    assert_string_equal(err.message, "the file is empty");
    test_tree_deinit(&tree);
}

static void element_types(void **state)
{
    assert_string_equal(onnx_type_name(1), "float32");
    assert_string_equal(onnx_type_name(10), "float16");
    assert_string_equal(onnx_type_name(7), "int64");
    assert_string_equal(onnx_type_name(16), "bfloat16");
    assert_string_equal(onnx_type_name(0), "unknown");
    assert_string_equal(onnx_type_name(-1), "unknown");
    assert_string_equal(onnx_type_name(99), "unknown");
    static const size_t bytes[] = {0, 4, 1, 1,  2, 2, 4, 8, 0, 1, 2, 8,
                                   4, 8, 8, 16, 2, 1, 1, 1, 1, 0, 0};
    for (size_t i = 0; i < ARRAY_LEN(bytes); i++)
        assert_int_equal(onnx_type_bytes((int32_t)i), bytes[i]);
    assert_int_equal(onnx_type_bytes(-5), 0);
    assert_int_equal(onnx_type_bytes(1000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_models),
        cmocka_unit_test(same_bytes_everywhere),
        cmocka_unit_test(embedded_copies),
        cmocka_unit_test(cut_at_every_byte),
        cmocka_unit_test(cut_file),
        cmocka_unit_test(other_files),
        cmocka_unit_test(files_that_cannot_be_read),
        cmocka_unit_test(element_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
