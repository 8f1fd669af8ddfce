/* Times as logs write them; the seconds since 1970 are those of date(1). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "format/timestamp.h"

struct expected {
    const char *text;
    enum timestamp_kind kind;
    double s;
    size_t taken;
    bool has_zone;
};

static void test_forms(void **state)
{
    static const struct expected all[] = {
        {"2026-11-20T08:15:24.012Z", TIMESTAMP_DATE, 1795162524.012, 24, true},
        {"2026-11-20 08:15:24,012 +0900", TIMESTAMP_DATE, 1795130124.012, 29, true},
        {"2026-11-20 08:15:24.012 [PERF]", TIMESTAMP_DATE, 1795162524.012, 23, false},
        {"[2026-11-20 08:15:24] x", TIMESTAMP_DATE, 1795162524, 21, false},
        {"2026/11/20 08:15:24-05:30", TIMESTAMP_DATE, 1795182324, 25, true},
        {"20261120T081524 x", TIMESTAMP_DATE, 1795162524, 15, false},
        {"11-20-2026 08:15:24 RAM 1/2MB", TIMESTAMP_DATE, 1795162524, 19, false},
        {"2024-02-29T23:59:60", TIMESTAMP_DATE, 1709251200, 19, false},
        {"Nov 20 08:15:24 host kernel:", TIMESTAMP_DATE, 27936924, 15, false},
        {"Jan  2 00:00:01 host", TIMESTAMP_DATE, 86401, 15, false},
        {"1706123456.12,45", TIMESTAMP_EPOCH, 1706123456.12, 13, false},
        {"1706123456123", TIMESTAMP_EPOCH, 1706123456.123, 13, false},
        {"1706123456123456", TIMESTAMP_EPOCH, 1706123456.123456, 16, false},
        {"1706123456123456789", TIMESTAMP_EPOCH, 1706123456.1234567, 19, false},
        {"12.5 x", TIMESTAMP_RELATIVE, 12.5, 4, false},
        {"[   71.304] usb", TIMESTAMP_RELATIVE, 71.304, 11, false},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct timestamp time;
        size_t taken = timestamp_parse(all[i].text, all[i].text + strlen(all[i].text), &time);
        assert_int_equal(taken, all[i].taken);
        assert_int_equal(time.kind, all[i].kind);
        assert_true(fabs(time.s - all[i].s) < 1e-6);
        assert_int_equal(time.has_zone, all[i].has_zone);
    }
}

static void test_what_is_no_time(void **state)
{
    static const char *const texts[] = {
        "", "hello", "2026-13-20T08:15:24x", "Foo 20 08:15:24 host", "-", "[", "inf", "nan"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct timestamp time;
        size_t taken = timestamp_parse(texts[i], texts[i] + strlen(texts[i]), &time);
        assert_true(time.kind != TIMESTAMP_DATE);
        assert_true(taken == 0 || time.kind == TIMESTAMP_RELATIVE);
    }
}

static void test_formatting(void **state)
{
    char buf[40];
    assert_string_equal(timestamp_format(1795162524.05, buf, sizeof(buf)),
                        "2026-11-20 08:15:24.050");
    assert_string_equal(timestamp_format(1709164800, buf, sizeof(buf)), "2024-02-29 00:00:00.000");
    assert_string_equal(timestamp_format(12.5, buf, sizeof(buf)), "12.500 s");
    assert_string_equal(timestamp_format(NAN, buf, sizeof(buf)), "-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_what_is_no_time),
        cmocka_unit_test(test_formatting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
