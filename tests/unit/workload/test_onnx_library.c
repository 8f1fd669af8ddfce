/* test_onnx_library.c: libraries that are no ONNX Runtime, or none that can be used; a provider
 * that crashes. Needs no engine.
 */
#include "onnx_worker_support.h"

#include <elf.h>

static const struct error *fail_with(const char *library, int code, const char *words)
{
    const struct error *err = &test.shared->info.error;
    struct onnx_config *config = &test.shared->config;
    if (library)
        str_copy(config->libraries[config->library_count++], PATH_MAX, library);
    test_start(1);
    assert_int_equal(test_end(), 1);
    if (strstr(err->message, words) == NULL)
        print_message("'%s' is not in: %s\n", words, err->message);
    assert_non_null(strstr(err->message, words));
    assert_int_equal(err->code, code);
    assert_non_null(strstr(err->hint, "pip install onnxruntime"));
    assert_non_null(strstr(err->hint, "TACHO_ORT"));
    return err;
}

static int set_up(void **state)
{
    int rc = test_set_up(state);
    if (rc == 0)
        test.shared->config.library_count = 0;
    return rc;
}

static void no_place_to_look_at(void **state)
{
    fail_with(NULL, ERROR_ABSENT, "no ONNX Runtime");
}

static void library_that_is_not_there(void **state)
{
    fail_with(test_path("libonnxruntime.so"), ERROR_ABSENT, "libonnxruntime.so: no such file");
}

static void name_that_the_loader_does_not_know(void **state)
{
    fail_with("libtacho-no-such-thing.so.1", ERROR_ABSENT, "so.1: not found");
}

static void folder(void **state)
{
    fail_with(test_folder, ERROR_UNSUPPORTED, "a folder");
}

static void text(void **state)
{
    static const char script[] = "/* GNU ld script */ INPUT ( libonnxruntime.so.1 )\n";
    test_write("text.so", script, sizeof(script));
    fail_with(test_path("text.so"), ERROR_UNSUPPORTED, "no shared library");
}

static void library_that_is_cut_off(void **state)
{
    char data[4096];
    FILE *file = fopen(ORT_STANDIN, "rb");
    assert_non_null(file);
    assert_int_equal(fread(data, 1, sizeof(data), file), sizeof(data));
    fclose(file);
    test_write("cut.so", data, sizeof(data));
    fail_with(test_path("cut.so"), ERROR_UNSUPPORTED, "cut.so: cut off");
}

/* The loader itself says "No such file or directory" of this one. */
static void library_for_another_machine(void **state)
{
    unsigned char header[64] = {0};
    FILE *self = fopen("/proc/self/exe", "rb");
    assert_non_null(self);
    assert_int_equal(fread(header, 1, sizeof(header), self), sizeof(header));
    fclose(self);
    bool is_arm = header[18] == EM_AARCH64;
    header[18] = is_arm ? EM_X86_64 : EM_AARCH64;
    test_write("other.so", header, sizeof(header));
    fail_with(test_path("other.so"), ERROR_UNSUPPORTED, is_arm ? "for x86-64" : "for arm64");
}

static void another_library(void **state)
{
    fail_with("libm.so.6", ERROR_UNSUPPORTED, "not ONNX Runtime");
}

static void library_that_is_too_old(void **state)
{
    fail_with(ORT_STANDIN_OLD, ERROR_UNSUPPORTED, "version 1.13.1, at least 1.14");
}

/* All of them are named, and what is wrong with each. */
static void every_place_is_told(void **state)
{
    struct onnx_config *config = &test.shared->config;
    str_copy(config->libraries[config->library_count++], PATH_MAX, "libtacho-none.so.1");
    str_copy(config->libraries[config->library_count++], PATH_MAX, "libm.so.6");
    const struct error *err =
        fail_with(test_path("absent.so"), ERROR_UNSUPPORTED, "libtacho-none.so.1: not found");
    assert_non_null(strstr(err->message, "libm.so.6: not ONNX Runtime"));
    assert_non_null(strstr(err->message, "absent.so: no such file"));
}

/* ---- a library that works, after others that do not ---- */

static void use_standin(void)
{
    struct onnx_config *config = &test.shared->config;
    str_copy(config->libraries[0], PATH_MAX, test_path("absent.so"));
    str_copy(config->libraries[1], PATH_MAX, ORT_STANDIN_OLD);
    str_copy(config->libraries[2], PATH_MAX, ORT_STANDIN);
    config->library_count = 3;
    config->mode = ONNX_MODE_INSPECT;
}

static void provider_that_crashes_takes_nothing_along(void **state)
{
    const struct onnx_info *info = &test.shared->info;
    use_standin();
    test_start(0);
    assert_int_equal(test_end(), 0);
    assert_int_equal(atomic_load(&test.shared->has_failed), 0);
    assert_string_equal(info->library, ORT_STANDIN);
    assert_string_equal(info->version, "1.15.0");
    assert_string_equal(info->build, "stand-in");
    assert_int_equal(info->provider_count, 1);
    assert_string_equal(info->providers[0].name, "CrashExecutionProvider");
    assert_false(info->providers[0].is_usable || info->providers[0].fp32);
    assert_non_null(strstr(info->providers[0].why, "crashed"));
}

static void inspection_without_a_library(void **state)
{
    test.shared->config.mode = ONNX_MODE_INSPECT;
    fail_with(test_path("absent.so"), ERROR_ABSENT, "absent.so: no such file");
}

/* Not what tacho gave it: the exit status of a wrong use, and nothing else happens. */
static void descriptor_that_is_something_else(void **state)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(onnx_worker_main(ends[0]), 2);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(onnx_worker_main(ends[0]), 2);
}

#define LIBRARY_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIBRARY_TEST(no_place_to_look_at),
        LIBRARY_TEST(library_that_is_not_there),
        LIBRARY_TEST(name_that_the_loader_does_not_know),
        LIBRARY_TEST(folder),
        LIBRARY_TEST(text),
        LIBRARY_TEST(library_that_is_cut_off),
        LIBRARY_TEST(library_for_another_machine),
        LIBRARY_TEST(another_library),
        LIBRARY_TEST(library_that_is_too_old),
        LIBRARY_TEST(every_place_is_told),
        LIBRARY_TEST(provider_that_crashes_takes_nothing_along),
        LIBRARY_TEST(inspection_without_a_library),
        LIBRARY_TEST(descriptor_that_is_something_else),
    };
    if (mkdtemp(test_folder) == NULL)
        return 1;
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    test_remove_folder();
    return failures;
}
