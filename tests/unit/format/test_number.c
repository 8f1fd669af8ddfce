/* Decimal text to double: bit for bit what strtod says, also where the short way is taken. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/number.h"
#include "format/number_field.h"
#include "stats/stats.h"

/* In the middle of other bytes: what stands around must not matter. */
static char room[512];

static char *place(const char *text)
{
    memset(room, '7', sizeof(room));
    for (size_t i = 0; text[i]; i++)
        room[64 + i] = text[i];
    return room + 64;
}

static void is_strtod(const char *text)
{
    const char *at = place(text), *end = at + strlen(text);
    double expected = strtod(text, NULL), value = -1;
    assert_ptr_equal(number_parse(at, end, &value), end);
    assert_memory_equal(&value, &expected, sizeof(value));
    double field = -1;
    if (number_parse_field(at, end, &field))
        assert_memory_equal(&field, &expected, sizeof(field));
}

static void test_known_numbers(void **state)
{
    static const char *const texts[] = {
        "0",
        "-0",
        "1",
        "12.5",
        "0.1",
        "1e3",
        "-1.5E-3",
        "00012",
        "5.",
        ".5",
        "+7.25",
        "123456789012345678901234567890",
        "0.30000000000000004",
        "2.2250738585072014e-308",
        "4.9e-324",
        "1e400",
        "1.7976931348623157e308",
        "1706123456.000500",
        "9007199254740993",
        "9007199254740992.5",
        "99999999.9999999",
        "1e22",
        "1e23",
        "8.98846567431158e307",
        "0.000000000000000000000000000001",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        is_strtod(texts[i]);
}

/* Digits, a point and an exponent, put together at random. */
static void test_random_numbers(void **state)
{
    uint64_t random = 42;
    for (size_t round = 0; round < 200000; round++) {
        char text[64];
        size_t length = 0, before = random_next(&random) % 19, behind = random_next(&random) % 10;
        if (random_next(&random) % 4 == 0)
            text[length++] = '-';
        for (size_t i = 0; i < before; i++)
            text[length++] = (char)('0' + random_next(&random) % 10);
        if (behind > 0 || before == 0)
            text[length++] = '.';
        for (size_t i = 0; i < behind + (before == 0); i++)
            text[length++] = (char)('0' + random_next(&random) % 10);
        if (random_next(&random) % 8 == 0) {
            text[length++] = 'e';
            text[length++] = "+-"[random_next(&random) % 2];
            text[length++] = (char)('0' + random_next(&random) % 10);
            text[length++] = (char)('0' + random_next(&random) % 10);
        }
        text[length] = '\0';
        is_strtod(text);
    }
}

static void test_usual_fields_take_the_short_way(void **state)
{
    static const char *const texts[] = {
        "0",      "7.5",      "1234.5",          "-12.25",
        "100",    "99999.9",  "1706123456.1234", "1706123456.000500",
        "45.024", "12345678", "1234567.8"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const char *at = place(texts[i]);
        double value;
        assert_true(number_parse_field(at, at + strlen(texts[i]), &value));
        assert_true(value == strtod(texts[i], NULL));
    }
}

static void test_what_is_no_number(void **state)
{
    static const char *const texts[] = {"",    "-",    ".",     "+.",  "e5",  "abc",
                                        "--1", "1..2", "1.2.3", "1,5", "12a", " 5",
                                        "5 ",  "0x10", "1e",    "1e+", "9:30"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const char *at = place(texts[i]), *end = at + strlen(texts[i]);
        double value = -1;
        const char *behind = number_parse(at, end, &value);
        assert_true(behind == NULL || (behind > at && behind < end));
        assert_false(number_parse_field(at, end, &value));
    }
}

static void test_words(void **state)
{
    double value;
    const char *at = place("-Infinity");
    assert_ptr_equal(number_parse(at, at + 9, &value), at + 9);
    assert_true(isinf(value) && value < 0);
    at = place("NaN");
    assert_ptr_equal(number_parse(at, at + 3, &value), at + 3);
    assert_true(isnan(value));
}

static void test_all_of_it(void **state)
{
    double value;
    const char *at = place(" 12.5\t\r");
    assert_true(number_parse_all(at, at + 7, &value));
    assert_true(value == 12.5);
    at = place("12.5 ms");
    assert_false(number_parse_all(at, at + 7, &value));
    at = place("   ");
    assert_false(number_parse_all(at, at + 3, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_numbers),
        cmocka_unit_test(test_random_numbers),
        cmocka_unit_test(test_usual_fields_take_the_short_way),
        cmocka_unit_test(test_what_is_no_number),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_all_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
