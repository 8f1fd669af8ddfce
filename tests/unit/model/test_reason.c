/* Reasons: names go out and come back; error codes map to the reason a person can act on. */
#include "model_support.h"

#include "model/reason.h"

static void names_round_trip(void **state)
{
    for (int i = 0; i < REASON_COUNT; i++) {
        assert_int_equal(reason_parse(reason_name((enum reason)i)), i);
        assert_true(strlen(reason_meaning((enum reason)i)) > 5);
    }
    assert_string_equal(reason_name(REASON_NOT_SCHEDULED), "not_scheduled");
    assert_int_equal(reason_parse("nonsense"), -1);
    assert_int_equal(reason_parse(""), -1);
}

static void unknown_numbers_are_failed(void **state)
{
    assert_string_equal(reason_name((enum reason)99), "failed");
    assert_string_equal(reason_name((enum reason) - 1), "failed");
}

static void from_error_codes(void **state)
{
    assert_int_equal(reason_from_error(0), REASON_NONE);
    assert_int_equal(reason_from_error(-ERROR_ABSENT), REASON_ABSENT);
    assert_int_equal(reason_from_error(ERROR_DENIED), REASON_DENIED);
    assert_int_equal(reason_from_error(-ERROR_UNSUPPORTED), REASON_UNSUPPORTED);
    assert_int_equal(reason_from_error(-ERROR_IO), REASON_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_round_trip),
        cmocka_unit_test(unknown_numbers_are_failed),
        cmocka_unit_test(from_error_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
