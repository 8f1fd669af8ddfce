/* test_onnx_worker_failures.c: what the worker says of models, inputs, providers and libraries that
 * cannot be used: one error each, with the right code, never a fallback.
 */
#include "onnx_worker_support.h"

#include <elf.h>
#include <fcntl.h>

#include "format/npy.h"

/* The worker ends with 1 and this code, and its sentence holds `words`. */
static const struct error *assert_fails(int code, const char *words)
{
    const struct error *err = &test.shared->info.error;
    test_start(UINT64_MAX);
    assert_int_equal(test_end(), 1);
    assert_int_equal(atomic_load(&test.shared->has_failed), 1);
    if (strstr(err->message, words) == NULL)
        print_message("'%s' is not in: %s\n", words, err->message);
    assert_non_null(strstr(err->message, words));
    assert_int_equal(err->code, code);
    for (const char *c = err->message; *c; c++)
        assert_true(*c >= 32 && *c != 127);
    return err;
}

static void use_model(const char *name)
{
    str_copy(test.shared->config.model, PATH_MAX, test_path(name));
}

/* ---- models ---- */

static void model_that_is_not_there(void **state)
{
    use_model("nothing.onnx");
    const struct error *err = assert_fails(ERROR_INPUT, "cannot load the model");
    assert_string_equal(err->file, test_path("nothing.onnx"));
}

static void model_that_is_cut_off(void **state)
{
    const struct onnx_spec spec = {.op = "Relu", .rank = 2, .dims = {-1, 4}};
    struct onnx_bytes model = onnx_build(&spec);
    test_write("cut.onnx", model.data, model.size / 2);
    use_model("cut.onnx");
    assert_fails(ERROR_INPUT, "cannot load the model");
}

static void model_that_is_none(void **state)
{
    static const char text[] = "GIF89a this is something else entirely, and long enough\n";
    test_write("text.onnx", text, sizeof(text));
    use_model("text.onnx");
    assert_fails(ERROR_INPUT, "cannot load the model");
}

static void model_that_is_empty(void **state)
{
    test_write("empty.onnx", "", 0);
    use_model("empty.onnx");
    assert_fails(ERROR_INPUT, "cannot load the model");
}

static void model_of_a_newer_format(void **state)
{
    const struct onnx_spec spec = {.op = "Relu", .ir_version = 99, .rank = 2, .dims = {-1, 4}};
    test_write_model("newer.onnx", &spec);
    use_model("newer.onnx");
    const struct error *err =
        assert_fails(ERROR_INPUT, "cannot load the model: Unsupported model IR version: 99");
    assert_non_null(strstr(err->hint, "newer ONNX Runtime"));
}

static void model_of_a_newer_opset(void **state)
{
    const struct onnx_spec spec = {.op = "Relu", .opset = 99, .rank = 2, .dims = {-1, 4}};
    test_write_model("opset.onnx", &spec);
    use_model("opset.onnx");
    const struct error *err = assert_fails(ERROR_INPUT, "Opset 99");
    assert_true(err->hint[0] != '\0');
}

static void operator_that_nobody_knows(void **state)
{
    const struct onnx_spec spec = {
        .op = "Frobnicate", .domain = "com.example", .rank = 2, .dims = {-1, 4}};
    test_write_model("unknown.onnx", &spec);
    use_model("unknown.onnx");
    assert_fails(ERROR_INPUT, "Frobnicate");
}

/* It is in ONNX, but the CPU has no such kernel: the engine says "not implemented". */
static void operator_without_implementation(void **state)
{
    const struct onnx_spec spec = {.op = "Tan", .type = ONNX_BFLOAT16, .rank = 2, .dims = {-1, 4}};
    test_write_model("bf16.onnx", &spec);
    use_model("bf16.onnx");
    test_start(UINT64_MAX);
    assert_int_equal(test_end(), 1);
    assert_true(test.shared->info.error.code == ERROR_UNSUPPORTED ||
                test.shared->info.error.code == ERROR_INPUT);
    assert_true(test.shared->info.error.message[0] != '\0');
}

/* ---- inputs ---- */

static void shape_that_does_not_fit(void **state)
{
    test.shared->config.inputs[0].dims[1] = 5;
    const struct error *err = assert_fails(ERROR_INPUT, "the inference failed");
    assert_string_equal(err->file, test.shared->config.model);
}

static void rank_that_does_not_fit(void **state)
{
    test.shared->config.inputs[0].rank = 1;
    assert_fails(ERROR_INPUT, "the inference failed");
}

static void type_that_does_not_fit(void **state)
{
    test.shared->config.inputs[0].type = ONNX_DOUBLE;
    assert_fails(ERROR_INPUT, "the inference failed");
}

static void dimension_of_zero(void **state)
{
    test.shared->config.inputs[0].dims[0] = 0;
    assert_fails(ERROR_INPUT, "nothing to compute");
}

static void input_larger_than_memory(void **state)
{
    test.shared->config.inputs[0].dims[0] = INT64_C(1) << 40;
    const struct error *err = assert_fails(ERROR_INPUT, "memory are free");
    assert_non_null(strstr(err->hint, "--batch-size"));
}

static void input_larger_than_any_memory(void **state)
{
    test.shared->config.inputs[0].dims[0] = INT64_MAX;
    assert_fails(ERROR_INPUT, "more elements than any memory");
}

static void input_of_another_name(void **state)
{
    str_copy(test.shared->config.inputs[0].name, ONNX_NAME_MAX, "other");
    assert_fails(ERROR_INPUT, "wants an input 'x'");
}

static void input_too_many(void **state)
{
    struct onnx_config *config = &test.shared->config;
    config->inputs[1] = config->inputs[0];
    str_copy(config->inputs[1].name, ONNX_NAME_MAX, "z");
    config->input_count = 2;
    assert_fails(ERROR_INPUT, "wants 1 input");
}

static void input_of_text(void **state)
{
    const struct onnx_spec spec = {
        .op = "Identity", .type = ONNX_STRING, .rank = 2, .dims = {-1, 4}};
    test_write_model("text.onnx", &spec);
    use_model("text.onnx");
    test.shared->config.inputs[0].type = ONNX_STRING;
    assert_fails(ERROR_UNSUPPORTED, "cannot be filled");
}

static void use_npy(const char *dtype, size_t element_bytes, uint32_t rank, const int64_t *dims)
{
    static const char zeros[1024];
    struct npy npy = {.rank = rank, .element_bytes = element_bytes, .data = (void *)zeros};
    struct onnx_input *input = &test.shared->config.inputs[0];
    str_copy(npy.dtype, sizeof(npy.dtype), dtype);
    npy.data_bytes = element_bytes;
    for (uint32_t i = 0; i < rank; i++) {
        npy.dims[i] = dims[i];
        npy.data_bytes *= (size_t)dims[i];
    }
    assert_int_equal(npy_write(test_path("in.npy"), &npy, NULL), 0);
    input->fill = ONNX_FILL_FILE;
    str_copy(input->file, sizeof(input->file), test_path("in.npy"));
}

static void file_of_another_type(void **state)
{
    use_npy("f8", 8, 2, (const int64_t[]){1, 4});
    const struct error *err = assert_fails(ERROR_INPUT, "holds f8");
    assert_string_equal(err->file, test_path("in.npy"));
    assert_non_null(strstr(err->hint, "f4"));
}

static void file_of_another_shape(void **state)
{
    static const int64_t shapes[][3] = {{2, 4, 0}, {1, 5, 0}, {1, 1, 4}};
    for (int i = 0; i < 3; i++) {
        if (i > 0) {
            test_tear_down(state);
            assert_int_equal(test_set_up(state), 0);
        }
        test.shared->config.inputs[0].dims[0] = 3;
        use_npy("f4", 4, i == 2 ? 3 : 2, shapes[i]);
        assert_fails(ERROR_INPUT, "takes 3x4");
    }
}

static void file_that_is_not_there(void **state)
{
    struct onnx_input *input = &test.shared->config.inputs[0];
    input->fill = ONNX_FILL_FILE;
    str_copy(input->file, sizeof(input->file), test_path("nothing.npy"));
    const struct error *err = assert_fails(ERROR_INPUT, "No such file");
    assert_string_equal(err->file, test_path("nothing.npy"));
}

static void output_that_cannot_be_written(void **state)
{
    str_copy(test.shared->config.output_path, PATH_MAX, test_path("no/such/folder"));
    test_start(UINT64_MAX);
    assert_int_equal(test_end(), 1);
    assert_true(test.shared->info.error.code != 0);
}

/* ---- providers ---- */

static void provider_that_was_not_built_in(void **state)
{
    struct onnx_config *config = &test.shared->config;
    str_copy(config->provider, sizeof(config->provider), "QNNExecutionProvider");
    const struct error *err = assert_fails(ERROR_ABSENT, "was built without QNNExecutionProvider");
    assert_non_null(strstr(err->message, "CPUExecutionProvider"));
    assert_true(err->hint[0] != '\0');
}

/* The newest builds list providers whose libraries do not come with them. */
static void provider_that_is_only_listed(void **state)
{
    struct onnx_config *config = &test.shared->config;
    str_copy(config->provider, sizeof(config->provider), "TensorrtExecutionProvider");
    test_start(UINT64_MAX);
    assert_int_equal(test_end(), 1);
    assert_int_equal(test.shared->info.error.code, ERROR_ABSENT);
    assert_true(test.shared->info.error.hint[0] != '\0');
    assert_int_equal(test.count, 0);
}

static void use_option(const char *key, const char *value)
{
    struct onnx_config *config = &test.shared->config;
    struct onnx_option *option = &config->options[config->option_count++];
    str_copy(option->key, sizeof(option->key), key);
    str_copy(option->value, sizeof(option->value), value);
}

static void option_that_the_cpu_has_not(void **state)
{
    use_option("device_id", "0");
    assert_fails(ERROR_USAGE, "no option 'device_id'");
}

static void option_of_the_session(void **state)
{
    use_option("session.intra_op.allow_spinning", "0");
    test_start(10);
    TEST_WAIT_UNTIL(test.count == 10);
    test_stop(1);
    assert_int_equal(test_end(), 0);
}

/* Asked for the CPU, there is nothing to fall back from. */
static void strict_on_the_cpu_is_no_error(void **state)
{
    test.shared->config.strict_provider = true;
    test_start(10);
    TEST_WAIT_UNTIL(test.count == 10);
    test_stop(1);
    assert_int_equal(test_end(), 0);
}

static void settings_out_of_range(void **state)
{
    test.shared->config.streams = 0;
    assert_fails(ERROR_INTERNAL, "out of range");
}

static int run(const char *name)
{
    const struct CMUnitTest tests[] = {
        TEST(model_that_is_not_there),
        TEST(model_that_is_cut_off),
        TEST(model_that_is_none),
        TEST(model_that_is_empty),
        TEST(model_of_a_newer_format),
        TEST(model_of_a_newer_opset),
        TEST(operator_that_nobody_knows),
        TEST(operator_without_implementation),
        TEST(shape_that_does_not_fit),
        TEST(rank_that_does_not_fit),
        TEST(type_that_does_not_fit),
        TEST(dimension_of_zero),
        TEST(input_larger_than_memory),
        TEST(input_larger_than_any_memory),
        TEST(input_of_another_name),
        TEST(input_too_many),
        TEST(input_of_text),
        TEST(file_of_another_type),
        TEST(file_of_another_shape),
        TEST(file_that_is_not_there),
        TEST(output_that_cannot_be_written),
        TEST(provider_that_was_not_built_in),
        TEST(provider_that_is_only_listed),
        TEST(option_that_the_cpu_has_not),
        TEST(option_of_the_session),
        TEST(strict_on_the_cpu_is_no_error),
        TEST(settings_out_of_range),
    };
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
    return test_with_engines(run);
}
