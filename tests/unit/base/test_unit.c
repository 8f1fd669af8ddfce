/* Units: what is read, what is refused, what is written. */
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/unit.h"
#include "base/util.h"

static void reads_durations(void **state)
{
    static const struct {
        const char *text;
        uint64_t ns;
    } rows[] = {
        {"30", 30000000000},   {"1.5s", 1500000000},    {"200ms", 200000000},
        {"50us", 50000},       {"50µs", 50000},         {"50\u03bcs", 50000},
        {"10ns", 10},          {"5m", 300000000000},    {"5min", 300000000000},
        {"1h", 3600000000000}, {"2d", 172800000000000}, {"0", 0},
        {"0.1", 100000000},    {".5s", 500000000},      {"1e3ms", 1000000000},
        {"2 s", 2000000000},   {"+3s", 3000000000},     {"213503d", 18446659200000000000u},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t ns = 1;
        assert_int_equal(unit_parse_duration(rows[i].text, &ns, NULL), 0);
        assert_int_equal(ns, rows[i].ns);
    }
}

static void refuses_what_is_no_duration(void **state)
{
    static const char *const texts[] = {
        "",           " 5",  "5 ",  "-1",    "-0",          "s",        "5x",    "5ss",
        "0x10",       "inf", "nan", "1e400", "1,5",         "5s junk",  "5S",    "1e30s",
        "300000000d", "--5", "5\n", "１",    "1e999999999", "infinity", "1_000", ".",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        uint64_t ns = 77;
        struct error err = {0};
        assert_int_equal(unit_parse_duration(texts[i], &ns, &err), -ERROR_INPUT);
        assert_int_equal(ns, 77);
        assert_non_null(strstr(err.hint, "200ms"));
    }
    struct error err;
    uint64_t ns;
    unit_parse_duration("213504d", &ns, &err); /* 2^64 ns are 213503.98 days */
    assert_string_equal(err.message, "'213504d' is too long a duration");
}

static void reads_sizes_as_powers_of_two(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } rows[] = {
        {"4096", 4096},   {"512K", 524288},  {"512M", 536870912},    {"1.5G", 1610612736},
        {"1MB", 1048576}, {"1MiB", 1048576}, {"1mb", 1048576},       {"2T", 2199023255552},
        {"7B", 7},        {"0", 0},          {"16 GB", 17179869184}, {"0.5K", 512},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t bytes = 1;
        assert_int_equal(unit_parse_size(rows[i].text, &bytes, NULL), 0);
        assert_int_equal(bytes, rows[i].bytes);
    }
    static const char *const wrong[] = {"", "M", "-1M", "1X", "1MBB", "0x1K", "inf", "99999999T"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        uint64_t bytes = 77;
        assert_int_equal(unit_parse_size(wrong[i], &bytes, NULL), -ERROR_INPUT);
        assert_int_equal(bytes, 77);
    }
}

static void reads_whole_numbers_and_says_the_range(void **state)
{
    uint64_t value = 0;
    struct error err = {0};
    assert_int_equal(unit_parse_u64("18446744073709551615", 0, UINT64_MAX, &value, NULL), 0);
    assert_true(value == UINT64_MAX);
    assert_int_equal(unit_parse_u64("007", 1, 10, &value, NULL), 0);
    assert_int_equal(value, 7);

    static const char *const wrong[] = {
        "", "abc", "0", "11", "-1", "+1", " 1", "1.0", "1e1", "0x1", "18446744073709551617"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_int_equal(unit_parse_u64(wrong[i], 1, 10, &value, &err), -ERROR_INPUT);
    assert_int_equal(value, 7);
    unit_parse_u64("abc", 1, 1000000000, &value, &err);
    assert_string_equal(err.message, "'abc' is not a whole number between 1 and 1000000000");
}

static void reads_finite_decimals_in_any_locale(void **state)
{
    double value = 0;
    /* Only where such a locale is installed: a comma locale must change nothing. */
    setlocale(LC_ALL, "de_DE.UTF-8");
    assert_int_equal(unit_parse_double("0.25", &value, NULL), 0);
    setlocale(LC_ALL, "C");
    assert_true(value == 0.25);
    assert_int_equal(unit_parse_double("-1.5e-3", &value, NULL), 0);
    assert_true(value == -0.0015);

    static const char *const wrong[] = {"",     "1,5",  "inf", "nan",    "-inf", "0x1p3", "1e999",
                                        "1.5 ", " 1.5", "1e",  "1.5abc", "--1",  "-",     "e5"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_int_equal(unit_parse_double(wrong[i], &value, NULL), -ERROR_INPUT);
    assert_true(value == -0.0015);
}

static void reads_lists(void **state)
{
    uint64_t values[8];
    size_t count = 99;
    assert_int_equal(unit_parse_list("1,4,8", 100, values, 8, &count, NULL), 0);
    assert_int_equal(count, 3);
    assert_int_equal(values[2], 8);
    assert_int_equal(unit_parse_list("6,0-3,6", 100, values, 8, &count, NULL), 0);
    assert_int_equal(count, 6);
    const uint64_t expected[] = {6, 0, 1, 2, 3, 6};
    assert_memory_equal(values, expected, sizeof(expected));
    assert_int_equal(unit_parse_list("0-7", 7, values, 8, &count, NULL), 0);
    assert_int_equal(count, 8);

    static const char *const wrong[] = {
        "",
        ",",
        "1,",
        ",1",
        "1,,2",
        "3-0",
        "1-",
        "-1",
        "a",
        "1 2",
        "0-8",
        "101",
        "1;2",
        "1-2-3",
        "0-18446744073709551615",
        "99999999999999999999",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_int_equal(unit_parse_list(wrong[i], 100, values, 8, &count, NULL), -ERROR_INPUT);
    assert_int_equal(count, 8);
    struct error err;
    unit_parse_list("0-8", 100, values, 8, &count, &err);
    assert_string_equal(err.message, "'0-8' lists more than 8 values");
    assert_int_equal(unit_parse_list("18446744073709551615", UINT64_MAX, values, 8, &count, NULL),
                     0);
    assert_true(values[0] == UINT64_MAX);
}

static void writes_times_and_sizes_with_three_digits(void **state)
{
    static const struct {
        double ns;
        const char *text;
    } times[] = {
        {0, "0 ns"},
        {5, "5 ns"},
        {0.5, "0.50 ns"},
        {780, "780 ns"},
        {999.7, "1.00 µs"},
        {1230000, "1.23 ms"},
        {45.6e9, "45.6 s"},
        {12345, "12.3 µs"},
        {999999, "1.00 ms"},
        {119e9, "119 s"},
        {150e9, "2.50 min"},
        {3 * 3600e9, "3.00 h"},
        {5 * 86400e9, "5.00 d"},
        {-2500000, "-2.50 ms"},
        {99.97e6, "100 ms"},
        {9.997e6, "10.0 ms"},
    };
    char buf[64];
    for (size_t i = 0; i < ARRAY_LEN(times); i++)
        assert_string_equal(unit_format_ns(times[i].ns, buf, sizeof(buf)), times[i].text);
    static const struct {
        double bytes;
        const char *text;
    } sizes[] = {
        {0, "0 B"},
        {512, "512 B"},
        {1024, "1.00 KB"},
        {1536, "1.50 KB"},
        {12897485, "12.3 MB"},
        {0x1p30, "1.00 GB"},
        {1023 * 1024, "1023 KB"},
        {0x1p42, "4.00 TB"},
    };
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        assert_string_equal(unit_format_bytes(sizes[i].bytes, buf, sizeof(buf)), sizes[i].text);
    assert_string_equal(unit_format_ns(NAN, buf, sizeof(buf)), "-");
}

static void writes_bare_numbers(void **state)
{
    static const struct {
        double value;
        int digits;
        const char *text;
    } rows[] = {
        {0, 3, "0"},
        {1, 3, "1"},
        {1.5, 3, "1.5"},
        {123456, 3, "123456"},
        {0.001234, 3, "0.00123"},
        {99.96, 3, "100"},
        {2.50, 3, "2.5"},
        {-0.00001, 1, "-0.00001"},
        {1e14, 3, "100000000000000"},
        {1e15, 3, "1e+15"},
        {3.14159, 4, "3.142"},
        {100, 3, "100"},
    };
    char buf[64];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_string_equal(unit_format_number(rows[i].value, rows[i].digits, buf, sizeof(buf)),
                            rows[i].text);
    assert_string_equal(unit_format_number(NAN, 3, buf, sizeof(buf)), "-");
    assert_string_equal(unit_format_number(-0.0, 3, buf, sizeof(buf)), "0");
}

static void a_probability_is_never_0(void **state)
{
    char buf[64];
    assert_string_equal(unit_format_p(0.0123, buf, sizeof(buf)), "p = 0.012");
    assert_string_equal(unit_format_p(1, buf, sizeof(buf)), "p = 1");
    assert_string_equal(unit_format_p(0.001, buf, sizeof(buf)), "p = 0.001");
    assert_string_equal(unit_format_p(1e-9, buf, sizeof(buf)), "p < 0.001");
    assert_string_equal(unit_format_p(0, buf, sizeof(buf)), "p < 0.001");
}

static void writes_lists_and_never_cuts_a_number(void **state)
{
    const uint64_t values[] = {0, 1, 2, 5, 7, 8, 100};
    char buf[64];
    assert_string_equal(unit_format_list(values, 4, buf, sizeof(buf)), "0-2,5");
    assert_string_equal(unit_format_list(values, 7, buf, sizeof(buf)), "0-2,5,7-8,100");
    assert_string_equal(unit_format_list(values, 0, buf, sizeof(buf)), "");
    assert_string_equal(unit_format_list(values, 7, buf, 14), "0-2,5,7-8,100");
    assert_string_equal(unit_format_list(values, 7, buf, 13), "0-2,5,...");
    assert_string_equal(unit_format_list(values, 7, buf, 1), "");
    const uint64_t wrapping[] = {UINT64_MAX, 0, 1}; /* the largest is not before the smallest */
    assert_string_equal(unit_format_list(wrapping, 3, buf, sizeof(buf)),
                        "18446744073709551615,0-1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_durations),
        cmocka_unit_test(refuses_what_is_no_duration),
        cmocka_unit_test(reads_sizes_as_powers_of_two),
        cmocka_unit_test(reads_whole_numbers_and_says_the_range),
        cmocka_unit_test(reads_finite_decimals_in_any_locale),
        cmocka_unit_test(reads_lists),
        cmocka_unit_test(writes_times_and_sizes_with_three_digits),
        cmocka_unit_test(writes_bare_numbers),
        cmocka_unit_test(a_probability_is_never_0),
        cmocka_unit_test(writes_lists_and_never_cuts_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
