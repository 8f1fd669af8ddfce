/* Libraries at run time, with the one that is always there. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/dl.h"

static struct {
    double (*power)(double, double);
    double (*cosine)(double);
    void (*missing)(void);
} table;

static void opens_the_first_that_is_there_and_binds_with_fallbacks(void **state)
{
    const char *const names[] = {"libtacho-no-such-library.so.1", "libm.so.6", NULL};
    const struct dl_symbol symbols[] = {
        {(void **)&table.power, {"pow_of_the_future", "pow"}, true},
        {(void **)&table.cosine, {"cos", "sin"}, true},
        {(void **)&table.missing, {"no_such_function"}, false},
    };
    void *handle = NULL;
    const char *name = NULL;
    table.missing = (void (*)(void))1;
    assert_int_equal(dl_open(names, &handle, &name, NULL), 0);
    assert_string_equal(name, "libm.so.6");
    assert_int_equal(dl_bind(handle, symbols, 3, NULL), 0);
    assert_true(table.power(2, 10) == 1024);
    assert_true(table.cosine(0) == 1);
    assert_null(table.missing);

    const struct dl_symbol required[] = {
        {(void **)&table.missing, {"no_such_function", "nor_this"}, true}};
    struct error err;
    assert_int_equal(dl_bind(handle, required, 1, &err), -ERROR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "no_such_function"));
    dl_close(handle);
    dl_close(NULL);
}

static void says_what_was_tried(void **state)
{
    const char *const names[] = {"libtacho-no-such-library.so.1", "libtacho-nor-this.so", NULL};
    void *handle = &table;
    struct error err;
    assert_int_equal(dl_open(names, &handle, NULL, &err), -ERROR_ABSENT);
    assert_non_null(strstr(err.message, "libtacho-no-such-library.so.1, libtacho-nor-this.so"));
    assert_ptr_equal(handle, &table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_the_first_that_is_there_and_binds_with_fallbacks),
        cmocka_unit_test(says_what_was_tried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
