/* test_off.c: built with -DTACHO_OFF and not linked with the library at all. */
#ifndef TACHO_OFF
#error "built with TACHO_OFF"
#endif
#include "probe_support.h"

#include "every_call.h"

static int call_all(void *argument)
{
    (void)argument;
    return every_call();
}

static void everything_compiles_to_nothing(void **state)
{
    (void)state;
    run_in_child(call_all, NULL);
    assert_int_equal(place_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROBE_TEST(everything_compiles_to_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
