/* Tables and sparklines: exact text. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/text_table.h"
#include "base/util.h"

static void aligns_korean_text_too(void **state)
{
    struct text_table table;
    struct strbuf out = {0};
    text_table_init(&table, 3);
    table.align[1] = TEXT_RIGHT;
    text_table_row(&table, "metric", "value", "note");
    text_table_row(&table, "지연", "12.5", NULL);
    text_table_row(&table, "p99", "1", "느림");
    text_table_row(&table, NULL, NULL, NULL);
    text_table_render(&table, 2, &out);
    assert_string_equal(strbuf_get(&out), "  metric  value  note\n"
                                          "  지연     12.5\n"
                                          "  p99         1  느림\n"
                                          "\n");
    strbuf_deinit(&out);
    text_table_deinit(&table);
    text_table_render(&table, 0, &out); /* nothing left */
    assert_string_equal(strbuf_get(&out), "");
}

static void colours_take_no_room(void **state)
{
    struct text_table table = {.columns = 2};
    struct strbuf out = {0};
    text_table_row(&table, "\x1b[31mFAIL\x1b[0m", "x");
    text_table_row(&table, "PASSED", "y");
    text_table_render(&table, 0, &out);
    assert_string_equal(strbuf_get(&out), "\x1b[31mFAIL\x1b[0m    x\nPASSED  y\n");
    strbuf_deinit(&out);
    text_table_deinit(&table);
}

static void keeps_many_rows(void **state)
{
    struct text_table table;
    struct strbuf out = {0};
    text_table_init(&table, 2);
    for (int i = 0; i < 500; i++) {
        char cell[16];
        snprintf(cell, sizeof(cell), "%d", i);
        text_table_row(&table, cell, "x");
    }
    text_table_render(&table, 0, &out);
    assert_int_equal(out.len, 500 * 7); /* three digits, two blanks, x, newline */
    assert_non_null(strstr(strbuf_get(&out), "\n499  x\n"));
    assert_false(out.failed);
    strbuf_deinit(&out);
    text_table_deinit(&table);
}

static void renders_markdown(void **state)
{
    struct text_table table;
    struct strbuf out = {0};
    text_table_init(&table, 2);
    table.align[1] = TEXT_RIGHT;
    text_table_row(&table, "metric", "value");
    text_table_row(&table, "a|b\nc", NULL);
    text_table_render_markdown(&table, &out);
    assert_string_equal(strbuf_get(&out), "| metric | value |\n"
                                          "| --- | ---: |\n"
                                          "| a\\|b c |  |\n");
    strbuf_deinit(&out);
    text_table_deinit(&table);
}

static void assert_sparkline(const double *values, size_t count, size_t width, const char *expected)
{
    struct strbuf out = {0};
    text_sparkline(values, count, width, &out);
    assert_string_equal(strbuf_get(&out), expected);
    strbuf_deinit(&out);
}

static void draws_sparklines(void **state)
{
    const double rising[] = {1, 2, 3, 4, 5, 6, 7, 8};
    assert_sparkline(rising, 8, 8, "▁▂▃▄▅▆▇█");
    assert_sparkline(rising, 8, 4, "▂▄▆█"); /* the maximum of each two */
    assert_sparkline(rising, 2, 4, "▁▁██");
    assert_sparkline(rising, 0, 4, "");
    assert_sparkline(rising, 8, 0, "");
    const double flat[] = {5, 5, 5};
    assert_sparkline(flat, 3, 3, "▄▄▄");
    const double holes[] = {0, NAN, 7, INFINITY};
    assert_sparkline(holes, 4, 4, "▁ █ ");
    const double nothing[] = {NAN, NAN};
    assert_sparkline(nothing, 2, 2, "  ");
    const double extreme[] = {-DBL_MAX, DBL_MAX};
    assert_sparkline(extreme, 2, 2, "▁█");
}

static void a_sparkline_loses_no_spike(void **state)
{
    static double values[100000];
    for (size_t at = 0; at < ARRAY_LEN(values); at += 7919) {
        struct strbuf out = {0};
        memset(values, 0, sizeof(values));
        values[at] = 1;
        text_sparkline(values, ARRAY_LEN(values), 40, &out);
        assert_non_null(strstr(strbuf_get(&out), "█"));
        assert_int_equal(str_width(strbuf_get(&out)), 40);
        strbuf_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aligns_korean_text_too), cmocka_unit_test(colours_take_no_room),
        cmocka_unit_test(keeps_many_rows),        cmocka_unit_test(renders_markdown),
        cmocka_unit_test(draws_sparklines),       cmocka_unit_test(a_sparkline_loses_no_spike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
