/* Strings: growth, cutting, nearest names, widths on a terminal, hostile text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "base/util.h"

static void strbuf_collects(void **state)
{
    struct strbuf buf = {0};
    assert_string_equal(strbuf_get(&buf), "");
    strbuf_append(&buf, "a");
    strbuf_putc(&buf, 'b');
    strbuf_append_n(&buf, "cdef", 2);
    strbuf_repeat(&buf, '-', 3);
    strbuf_printf(&buf, "%d", 42);
    assert_string_equal(strbuf_get(&buf), "abcd---42");
    assert_int_equal(buf.len, 9);
    strbuf_clear(&buf);
    assert_string_equal(strbuf_get(&buf), "");
    strbuf_printf(&buf, "%3000s|", "x");
    assert_int_equal(buf.len, 3001);
    assert_int_equal(buf.data[3000], '|');
    strbuf_deinit(&buf);
    assert_null(buf.data);
}

static void strbuf_remembers_that_memory_ran_out(void **state)
{
    struct strbuf buf = {0};
    strbuf_append(&buf, "kept");
    strbuf_append_n(&buf, "x", SIZE_MAX - 2);
    assert_true(buf.failed);
    strbuf_append(&buf, "not appended");
    assert_string_equal(strbuf_get(&buf), "kept");
    strbuf_deinit(&buf);
}

static void copies_without_splitting_a_character(void **state)
{
    char buf[8];
    assert_true(str_copy(buf, sizeof(buf), "1234567"));
    assert_string_equal(buf, "1234567");
    assert_false(str_copy(buf, sizeof(buf), "12345678"));
    assert_string_equal(buf, "1234567");
    assert_false(str_copy(buf, sizeof(buf), "한국어")); /* 3 bytes each: 6 fit, 9 do not */
    assert_string_equal(buf, "한국");
    assert_false(str_copy(buf, 3, "한"));
    assert_string_equal(buf, "");
    assert_false(str_copy(buf, 0, ""));
}

static void knows_heads_and_tails(void **state)
{
    assert_true(str_starts_with("TACHO_ROOT", "TACHO_"));
    assert_false(str_starts_with("TA", "TACHO_"));
    assert_true(str_ends_with("profile.yaml", ".yaml"));
    assert_false(str_ends_with("yaml", ".yaml"));
    assert_true(str_ends_with("x", ""));
}

static void offers_the_nearest_name_only_if_plausible(void **state)
{
    static const char *const names[] = {"iterations", "interval", "invocations", "warmup",
                                        "cores",      "label",    "json"};
    static const struct {
        const char *typed;
        int expected;
    } rows[] = {
        {"iteratoins", 0}, /* two letters changed places */
        {"iterations", 0},
        {"Iterations", 0},
        {"intervall", 1},
        {"invocation", 2},
        {"wramup", 3},
        {"warm-up", 3},
        {"corse", 4},
        {"lable", 5},
        {"jsno", 6},
        {"jso", 6},
        {"xyz", -1},
        {"frequency", -1},
        {"a", -1},
        {"", -1},
        {"co", -1},
        {"a name that is far longer than any setting or metric that tacho has ever had", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(str_nearest(rows[i].typed, names, ARRAY_LEN(names)), rows[i].expected);
    assert_int_equal(str_nearest("json", NULL, 0), -1);

    /* A transposition is one edit (Damerau), so it beats two substitutions. */
    static const char *const pair[] = {"acb", "abd"};
    assert_int_equal(str_nearest("abc", pair, 2), 0);
    static const char *const closer[] = {"latency_p9", "latency_p99", "latency_p95"};
    assert_int_equal(str_nearest("latncy_p99", closer, 3), 1);
}

static void width_counts_columns(void **state)
{
    assert_int_equal(str_width(""), 0);
    assert_int_equal(str_width("p99 ms"), 6);
    assert_int_equal(str_width("한국어"), 6);
    assert_int_equal(str_width("지연 ms"), 7);
    assert_int_equal(str_width("µs"), 2);
    assert_int_equal(str_width("▁▂▃"), 3);
    assert_int_equal(str_width("e\u0301"), 1);            /* e and a combining accent */
    assert_int_equal(str_width("\u1112\u1161\u11ab"), 2); /* 한 in three conjoining parts */
    assert_int_equal(str_width("温度"), 4);
    assert_int_equal(str_width("\xff\xfe"), 2); /* not UTF-8 */
    assert_int_equal(str_width("\xed\x95"), 2); /* cut within a character */
    assert_int_equal(str_width("\x1b[1;31mred\x1b[0m"), 3);
}

static void makes_hostile_text_printable(void **state)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"plain 한국어 ±", "plain 한국어 ±"},
        {"a\nb\tc\r", "a b c "},
        {"\x1b]0;title\x07", "?]0;title?"},
        {"\xc2\x9b"
         "31m",
         "?31m"}, /* CSI as one C1 character */
        {"\x9b", "?"},
        {"caf\xe9", "caf?"},           /* Latin-1 */
        {"\xc0\xaf", "??"},            /* overlong */
        {"\xed\xa0\x80", "???"},       /* surrogate */
        {"\u202egnp.exe", "?gnp.exe"}, /* turns the direction around */
        {"cut \xed\x95", "cut ??"},
        {"\x7f", "?"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[64];
        strcpy(text, rows[i].text);
        str_make_printable(text);
        assert_string_equal(text, rows[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strbuf_collects),
        cmocka_unit_test(strbuf_remembers_that_memory_ran_out),
        cmocka_unit_test(copies_without_splitting_a_character),
        cmocka_unit_test(knows_heads_and_tails),
        cmocka_unit_test(offers_the_nearest_name_only_if_plausible),
        cmocka_unit_test(width_counts_columns),
        cmocka_unit_test(makes_hostile_text_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
