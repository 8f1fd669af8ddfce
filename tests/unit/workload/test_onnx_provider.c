/* test_onnx_provider.c: device and provider from flags; where libraries are looked for. */
#include "test_tree.h"

#include <unistd.h>

#include "base/util.h"
#include "workload/onnx/internal.h"

struct fixture {
    struct settings settings;
    struct onnx_target target;
    struct onnx_config *config;
    struct error err;
};

static void begin(struct fixture *fixture)
{
    memset(fixture, 0, sizeof(*fixture));
    assert_int_equal(settings_init(&fixture->settings, &fixture->err), 0);
    fixture->config = calloc(1, sizeof(*fixture->config));
    assert_non_null(fixture->config);
}

static void set(struct fixture *fixture, enum setting_id id, const char *text, const char *origin)
{
    if (settings_set(&fixture->settings, id, text, SOURCE_FLAG, origin, &fixture->err) != 0)
        fail_msg("%s", fixture->err.message);
}

static void end(struct fixture *fixture)
{
    settings_deinit(&fixture->settings);
    free(fixture->config);
}

/* device, provider: NULL: not given. */
static int choose(struct fixture *fixture, const char *device, const char *provider)
{
    begin(fixture);
    if (device != NULL)
        set(fixture, SETTING_DEVICE, device, "--device");
    if (provider != NULL)
        set(fixture, SETTING_PROVIDER, provider, "--provider");
    int rc = onnx_target_choose(&fixture->settings, &fixture->target, &fixture->err);
    if (rc == 0)
        rc = onnx_target_options(&fixture->target, &fixture->settings, fixture->config,
                                 &fixture->err);
    return rc;
}

static const char *option(const struct fixture *fixture, const char *key)
{
    for (uint32_t i = 0; i < fixture->config->option_count; i++)
        if (strcmp(fixture->config->options[i].key, key) == 0)
            return fixture->config->options[i].value;
    return "";
}

static void devices_and_providers(void **state)
{
    static const struct {
        const char *device, *provider, *engine, *id, *device_id, *dla_core;
    } rows[] = {
        {NULL, NULL, "CPUExecutionProvider", "cpu", "", ""},
        {"cpu_0", NULL, "CPUExecutionProvider", "cpu", "", ""},
        {"CUDA", NULL, "CUDAExecutionProvider", "cuda", "", ""},
        {"nvidia_2", NULL, "CUDAExecutionProvider", "nvidia_2", "2", ""},
        {"jetson_0", NULL, "CUDAExecutionProvider", "jetson_0", "", ""},
        {"nvidia_jetson_0", NULL, "CUDAExecutionProvider", "jetson_0", "", ""},
        {"dla", NULL, "TensorrtExecutionProvider", "dla", "", "0"},
        {"dla_1", NULL, "TensorrtExecutionProvider", "dla_1", "", "1"},
        {NULL, "CPU", "CPUExecutionProvider", "cpu", "", ""},
        {NULL, "cudaexecutionprovider", "CUDAExecutionProvider", "cuda", "", ""},
        {NULL, "xnnpack", "XnnpackExecutionProvider", "cpu", "", ""},
        {"nvidia_1", "tensorrt", "TensorrtExecutionProvider", "nvidia_1", "1", ""},
        {"cpu", "openvino", "OpenVINOExecutionProvider", "cpu", "", ""},
        {"npu", "qnn", "QNNExecutionProvider", "npu", "", ""},
        {"gpu", "rocm", "ROCMExecutionProvider", "gpu", "", ""},
        {NULL, "MyOwnExecutionProvider", "MyOwnExecutionProvider", "cpu", "", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture fixture;
        if (choose(&fixture, rows[i].device, rows[i].provider) != 0)
            fail_msg("row %zu: %s", i, fixture.err.message);
        assert_string_equal(fixture.config->provider, rows[i].engine);
        assert_string_equal(fixture.target.device, rows[i].id);
        assert_string_equal(option(&fixture, "device_id"), rows[i].device_id);
        assert_string_equal(option(&fixture, "trt_dla_core"), rows[i].dla_core);
        assert_string_equal(option(&fixture, "trt_dla_enable"), rows[i].dla_core[0] ? "1" : "");
        end(&fixture);
    }
}

static void wrong_ones(void **state)
{
    static const struct {
        const char *device, *provider, *message, *hint;
    } rows[] = {
        {"cpi", NULL, "unknown device 'cpi'", "cpu"},
        {"toaster", NULL, "unknown device 'toaster'", "tacho devices"},
        {"cpu_1", NULL, "unknown device 'cpu_1'", "cpu_0"},
        {"nvidia_x", NULL, "unknown device", "nvidia_0"},
        {NULL, "cuba", "unknown provider 'cuba'", "cuda"},
        {NULL, "toaster", "unknown provider 'toaster'", "openvino"},
        {"cpu", "cuda", "contradict each other", "cuda"},
        {"cuda", "cpu", "contradict each other", "cpu"},
        {"dla_0", "cuda", "contradict each other", "cuda"},
        {"npu", NULL, "which provider", "--provider qnn"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture fixture;
        assert_int_equal(choose(&fixture, rows[i].device, rows[i].provider), -ERROR_USAGE);
        if (strstr(fixture.err.message, rows[i].message) == NULL ||
            strstr(fixture.err.hint, rows[i].hint) == NULL)
            fail_msg("%s (%s)", fixture.err.message, fixture.err.hint);
        end(&fixture);
    }
}

static void device_of_the_file(void **state)
{
    struct fixture fixture;
    begin(&fixture);
    set(&fixture, SETTING_DEVICE_TYPE, "cuda", "tacho.yaml:2:3");
    set(&fixture, SETTING_DEVICE_ID, "3", "tacho.yaml:3:3");
    assert_int_equal(onnx_target_choose(&fixture.settings, &fixture.target, &fixture.err), 0);
    assert_string_equal(fixture.target.device, "cuda_3");
    assert_int_equal(fixture.target.index, 3);
    /* The flag beats it. */
    set(&fixture, SETTING_DEVICE, "cpu", "--device");
    assert_int_equal(onnx_target_choose(&fixture.settings, &fixture.target, &fixture.err), 0);
    assert_string_equal(fixture.target.provider, "CPUExecutionProvider");
    end(&fixture);
}

static void options_of_the_user(void **state)
{
    struct fixture fixture;
    begin(&fixture);
    set(&fixture, SETTING_DEVICE, "cuda_1", "--device");
    set(&fixture, SETTING_PROVIDER_OPTION, "device_id=5", "--provider-option");
    set(&fixture, SETTING_PROVIDER_OPTION, "a=b=c", "--provider-option");
    assert_int_equal(onnx_target_choose(&fixture.settings, &fixture.target, &fixture.err), 0);
    assert_int_equal(
        onnx_target_options(&fixture.target, &fixture.settings, fixture.config, &fixture.err), 0);
    assert_string_equal(option(&fixture, "device_id"), "5"); /* what is said replaces ours */
    assert_string_equal(option(&fixture, "a"), "b=c");
    set(&fixture, SETTING_PROVIDER_OPTION, "nonsense", "--provider-option");
    fixture.config->option_count = 0;
    assert_int_equal(
        onnx_target_options(&fixture.target, &fixture.settings, fixture.config, &fixture.err),
        -ERROR_USAGE);
    end(&fixture);
}

/* ---- libraries ---- */

static struct onnx_config libraries;

static bool has_library(const struct test_tree *tree, const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", tree->path, name);
    for (uint32_t i = 0; i < libraries.library_count; i++)
        if (strcmp(libraries.libraries[i], path) == 0)
            return true;
    return false;
}

static void search_finds_the_usual_places(void **state)
{
    struct test_tree tree;
    char venv[128], home[128], here[128], exe[128];
    struct error err = {0};
    static const char *const files[] = {
        "venv/lib/python3.11/site-packages/onnxruntime/capi/libonnxruntime.so.1.20.1",
        "home/.local/lib/python3.9/site-packages/onnxruntime/capi/"
        "onnxruntime_pybind11_state.cpython-39-x86_64-linux-gnu.so",
        "usr/local/lib/python3.10/dist-packages/onnxruntime/capi/libonnxruntime.so.1.16.3",
        "usr/lib/python3/dist-packages/onnxruntime/capi/libonnxruntime.so.1.14.0",
#ifdef __aarch64__
        "work/node_modules/onnxruntime-node/bin/napi-v3/linux/arm64/libonnxruntime.so.1.16.3",
#else
        "work/node_modules/onnxruntime-node/bin/napi-v3/linux/x64/libonnxruntime.so.1.16.3",
#endif
        "build/engine/libonnxruntime.so.1.30.0",
    };
    test_tree_init(&tree);
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        test_tree_write(&tree, files[i], "no library");
    test_tree_write(&tree, "build/engine/libonnxruntime_providers_shared.so", "another");
    test_tree_write(&tree, "work/deep/er/file", "");
    snprintf(venv, sizeof(venv), "%s/venv", tree.path);
    snprintf(home, sizeof(home), "%s/home", tree.path);
    snprintf(here, sizeof(here), "%s/work/deep/er", tree.path);
    snprintf(exe, sizeof(exe), "%s/build", tree.path);
    struct onnx_places places = {.origin = "TACHO_ORT",
                                 .root = tree.path,
                                 .venv = venv,
                                 .home = home,
                                 .directory = here,
                                 .exe_directory = exe};
    assert_int_equal(onnx_search(&places, &libraries, &err), 0);
    assert_string_equal(libraries.libraries[0], "libonnxruntime.so.1"); /* the loader's own path */
    assert_string_equal(libraries.libraries[1], "libonnxruntime.so");
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        if (!has_library(&tree, files[i]))
            fail_msg("%s was not found", files[i]);
    assert_int_equal(libraries.library_count, 2 + ARRAY_LEN(files));
    test_tree_deinit(&tree);
}

static void newest_first_and_each_once(void **state)
{
    struct test_tree tree;
    char exe[128], link[256];
    struct error err = {0};
    test_tree_init(&tree);
    test_tree_write(&tree, "build/engine/libonnxruntime.so.1.9.0", "");
    test_tree_write(&tree, "build/engine/libonnxruntime.so.1.30.0", "");
    snprintf(link, sizeof(link), "%s/build/engine/libonnxruntime.so", tree.path);
    assert_int_equal(symlink("libonnxruntime.so.1.30.0", link), 0);
    snprintf(exe, sizeof(exe), "%s/build", tree.path);
    struct onnx_places places = {.origin = "", .root = tree.path, .exe_directory = exe};
    assert_int_equal(onnx_search(&places, &libraries, &err), 0);
    assert_int_equal(libraries.library_count, 4);
    assert_true(str_ends_with(libraries.libraries[2], "so.1.30.0"));
    assert_true(str_ends_with(libraries.libraries[3], "so.1.9.0"));
    test_tree_deinit(&tree);
}

static void what_is_asked_for_is_all(void **state)
{
    struct test_tree tree;
    char path[128];
    struct error err = {0};
    test_tree_init(&tree);
    test_tree_write(&tree, "ort [1]*/libonnxruntime.so.1", "");
    test_tree_write(&tree, "empty/readme", "");
    struct onnx_places places = {.asked = path, .origin = "TACHO_ORT", .root = ""};
    snprintf(path, sizeof(path), "%s/ort [1]*", tree.path); /* not a pattern, but a name */
    assert_int_equal(onnx_search(&places, &libraries, &err), 0);
    assert_int_equal(libraries.library_count, 1);
    snprintf(path, sizeof(path), "%s/ort [1]*/libonnxruntime.so.1", tree.path);
    assert_int_equal(onnx_search(&places, &libraries, &err), 0);
    assert_int_equal(libraries.library_count, 1);
    assert_string_equal(libraries.libraries[0], path);
    snprintf(path, sizeof(path), "%s/empty", tree.path);
    assert_int_equal(onnx_search(&places, &libraries, &err), -ERROR_ABSENT);
    snprintf(path, sizeof(path), "%s/nowhere", tree.path);
    assert_int_equal(onnx_search(&places, &libraries, &err), -ERROR_ABSENT);
    assert_non_null(strstr(err.message, "TACHO_ORT"));
    test_tree_deinit(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devices_and_providers),
        cmocka_unit_test(wrong_ones),
        cmocka_unit_test(device_of_the_file),
        cmocka_unit_test(options_of_the_user),
        cmocka_unit_test(search_finds_the_usual_places),
        cmocka_unit_test(newest_first_and_each_once),
        cmocka_unit_test(what_is_asked_for_is_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
