/* Errors: codes, exit statuses, what is kept and what is cut. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/util.h"

static void fills_everything_and_returns_the_code(void **state)
{
    struct error err = {0};
    assert_int_equal(error_set(&err, ERROR_INPUT, "no such metric: %s", "p98"), -ERROR_INPUT);
    assert_int_equal(error_at(&err, "tacho.yaml", 3, 12), -ERROR_INPUT);
    assert_int_equal(error_hint(&err, "did you mean '%s'?", "p99"), -ERROR_INPUT);
    assert_string_equal(err.message, "no such metric: p98");
    assert_string_equal(err.file, "tacho.yaml");
    assert_int_equal(err.line, 3);
    assert_int_equal(err.column, 12);
    assert_string_equal(err.hint, "did you mean 'p99'?");

    /* A later error must not inherit the place and hint of an earlier one. */
    error_set_errno(&err, ERROR_IO, ENOENT, "cannot open");
    assert_string_equal(err.message, "cannot open: No such file or directory");
    assert_int_equal(err.sys_errno, ENOENT);
    assert_string_equal(err.file, "");
    assert_int_equal(err.line, 0);
    assert_string_equal(err.hint, "");
}

static void works_without_an_error_to_fill(void **state)
{
    assert_int_equal(error_set(NULL, ERROR_DENIED, "x"), -ERROR_DENIED);
    assert_int_equal(error_set_errno(NULL, ERROR_IO, EIO, "x"), -ERROR_IO);
    assert_true(error_at(NULL, "f", 1, 1) < 0);
    assert_true(error_hint(NULL, "h") < 0);
}

static void cuts_long_text_and_tames_hostile_text(void **state)
{
    struct error err;
    char longer[2000];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    error_set_errno(&err, ERROR_IO, EIO, "%s", longer);
    assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
    error_at(&err, longer, 1, 1);
    assert_int_equal(strlen(err.file), sizeof(err.file) - 1);

    error_set(&err, ERROR_INPUT, "'%s'", "a\nb\x1b[31mc");
    assert_string_equal(err.message, "'a b?[31mc'");
}

static void maps_codes_to_the_promised_exit_statuses(void **state)
{
    static const struct {
        int code, exit_status;
        const char *name;
    } rows[] = {
        {ERROR_NONE, 0, "none"},
        {ERROR_USAGE, 2, "usage"},
        {ERROR_INPUT, 2, "input"},
        {ERROR_VERSION, 2, "version"},
        {ERROR_ABSENT, 4, "absent"},
        {ERROR_DENIED, 4, "denied"},
        {ERROR_IO, 4, "io"},
        {ERROR_UNSUPPORTED, 4, "unsupported"},
        {ERROR_BUSY, 4, "busy"},
        {ERROR_PROGRAM, 5, "program"},
        {ERROR_NOTHING, 3, "nothing"},
        {ERROR_NOMEM, 70, "out_of_memory"},
        {ERROR_SYSTEM, 70, "system"},
        {ERROR_INTERNAL, 70, "internal"},
        {ERROR_INTERRUPTED, 130, "interrupted"},
    };
    assert_int_equal(ARRAY_LEN(rows), ERROR_COUNT);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(error_exit_code(rows[i].code), rows[i].exit_status);
        assert_int_equal(error_exit_code(-rows[i].code), rows[i].exit_status);
        assert_string_equal(error_code_name(rows[i].code), rows[i].name);
    }
    assert_int_equal(error_exit_code(9999), 70);
}

static void maps_errno(void **state)
{
    assert_int_equal(error_code_from_errno(ENOENT), ERROR_ABSENT);
    assert_int_equal(error_code_from_errno(EACCES), ERROR_DENIED);
    assert_int_equal(error_code_from_errno(ENOMEM), ERROR_NOMEM);
    assert_int_equal(error_code_from_errno(ENOSPC), ERROR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_everything_and_returns_the_code),
        cmocka_unit_test(works_without_an_error_to_fill),
        cmocka_unit_test(cuts_long_text_and_tames_hostile_text),
        cmocka_unit_test(maps_codes_to_the_promised_exit_statuses),
        cmocka_unit_test(maps_errno),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
