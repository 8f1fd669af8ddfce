/* Exit statuses, and where output goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/util.h"
#include "cmd/command.h"

static void test_exit_status_precedence(void **state)
{
    (void)state;
    static const int order[] = {70, 130, 2, 4, 5, 1, 3, 0};
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        for (size_t j = i; j < ARRAY_LEN(order); j++) {
            assert_int_equal(output_exit_status(order[i], order[j]), order[i]);
            assert_int_equal(output_exit_status(order[j], order[i]), order[i]);
        }
    assert_int_equal(output_exit_status(42, 43), 70); /* a status that nobody promised */
}

static void test_format(void **state)
{
    (void)state;
    struct settings settings;
    assert_int_equal(settings_init(&settings, NULL), 0);
    assert_string_equal(output_format(&settings), "text");
    settings_set(&settings, SETTING_FORMAT, "markdown", SOURCE_FILE, "tacho.yaml:1:1", NULL);
    assert_string_equal(output_format(&settings), "markdown");
    settings_set(&settings, SETTING_JSON, NULL, SOURCE_FLAG, "--json", NULL);
    assert_string_equal(output_format(&settings), "json");
    settings_deinit(&settings);
}

static void test_path_below_the_output_directory(void **state)
{
    (void)state;
    char directory[] = "/tmp/tacho-test-XXXXXX", path[256], expected[256], nested[64];
    assert_non_null(mkdtemp(directory));
    snprintf(nested, sizeof(nested), "%s/a/b", directory);
    struct settings settings;
    assert_int_equal(settings_init(&settings, NULL), 0);
    assert_int_equal(output_path(&settings, "x.json", path, sizeof(path), NULL), 0);
    assert_string_equal(path, "x.json");
    settings_set(&settings, SETTING_OUTPUT_DIRECTORY, nested, SOURCE_FILE, "tacho.yaml:1:1", NULL);
    assert_int_equal(output_path(&settings, "x.json", path, sizeof(path), NULL), 0);
    snprintf(expected, sizeof(expected), "%s/x.json", nested);
    assert_string_equal(path, expected);
    assert_int_equal(access(nested, F_OK), 0);
    assert_int_equal(output_path(&settings, "/abs.json", path, sizeof(path), NULL), 0);
    assert_string_equal(path, "/abs.json");
    assert_int_equal(output_path(&settings, "-", path, sizeof(path), NULL), 0);
    assert_string_equal(path, "-");
    char tiny[4];
    assert_int_equal(output_path(&settings, "long-name.json", tiny, sizeof(tiny), NULL),
                     -ERROR_USAGE);
    settings_deinit(&settings);
    rmdir(nested);
    *strrchr(nested, '/') = '\0';
    rmdir(nested);
    rmdir(directory);
}

static void test_writing_to_a_file_that_cannot_be(void **state)
{
    (void)state;
    struct command_context context = {0};
    struct error err = {0};
    assert_int_equal(settings_init(&context.settings, NULL), 0);
    settings_set(&context.settings, SETTING_OUTPUT, "/nonexistent/dir/file", SOURCE_FLAG, "-o",
                 NULL);
    strbuf_append(&context.out, "text");
    assert_true(output_write(&context, &err) < 0);
    assert_int_equal(error_exit_code(err.code), 4);
    context.out.failed = true; /* what is held is incomplete: nothing is written */
    assert_int_equal(output_write(&context, &err), -ERROR_NOMEM);
    strbuf_deinit(&context.out);
    settings_deinit(&context.settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exit_status_precedence),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_path_below_the_output_directory),
        cmocka_unit_test(test_writing_to_a_file_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
