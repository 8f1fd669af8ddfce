/* The grid of cells: columns, cuts, hostile text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/grid.h"

static void assert_rows(const struct grid *grid, const char *rows)
{
    struct strbuf text = {0};
    grid_to_text(grid, &text);
    assert_string_equal(strbuf_get(&text), rows);
    strbuf_deinit(&text);
}

static void puts_and_cuts(void **state)
{
    struct grid grid = {0};
    assert_int_equal(grid_resize(&grid, 10, 3), 0);
    assert_int_equal(grid_put(&grid, 0, 2, 4, GRID_BOLD, "abcd"), 4);
    assert_int_equal(grid_put(&grid, 1, 2, 4, GRID_BOLD, "abcde"), 4);
    assert_int_equal(grid_put(&grid, 2, 8, 100, GRID_NORMAL, "beyond"), 2);
    grid_put_right(&grid, 2, 0, 5, GRID_GOOD, "xy");
    assert_rows(&grid, "  abcd\n  abc…\n   xy   b…\n");
    struct strbuf styles = {0};
    grid_to_styles(&grid, &styles);
    assert_string_equal(strbuf_get(&styles), "  BBBB\n  BBBB\n   gg\n");
    strbuf_deinit(&styles);
    grid_deinit(&grid);
}

static void outside_is_nothing(void **state)
{
    struct grid grid = {0};
    assert_int_equal(grid_put(&grid, 0, 0, 5, GRID_BOLD, "x"), 0);
    assert_int_equal(grid_resize(&grid, 4, 1), 0);
    assert_int_equal(grid_put(&grid, 1, 0, 4, GRID_BOLD, "x"), 0);
    assert_int_equal(grid_put(&grid, 0, 4, 4, GRID_BOLD, "x"), 0);
    assert_int_equal(grid_put(&grid, 0, 0, 0, GRID_BOLD, "x"), 0);
    grid_paint(&grid, 3, 0, 9, GRID_BAD);
    grid_paint(&grid, 0, 3, 9, GRID_BAD);
    assert_rows(&grid, "\n");
    assert_int_equal(grid_resize(&grid, 0, 100000), 0);
    assert_int_equal(grid.width, 1);
    assert_int_equal(grid.height, GRID_SIDE_MAX);
    grid_deinit(&grid);
}

static void wide_characters_take_two_cells(void **state)
{
    struct grid grid = {0};
    assert_int_equal(grid_resize(&grid, 6, 2), 0);
    assert_int_equal(grid_put(&grid, 0, 0, 6, GRID_NORMAL, "추적기"), 6);
    assert_int_equal(grid.cells[0].width, 2);
    assert_int_equal(grid.cells[1].width, 0);
    /* Never half of one: five columns hold one of them, the mark and a free one. */
    assert_int_equal(grid_put(&grid, 1, 0, 4, GRID_NORMAL, "추적기"), 3);
    assert_rows(&grid, "추적기\n추…\n");
    /* What is overwritten by half leaves a blank. */
    grid_put(&grid, 0, 1, 2, GRID_NORMAL, "xy");
    assert_rows(&grid, " xy 기\n추…\n");
    grid_put(&grid, 0, 4, 1, GRID_NORMAL, "z");
    assert_rows(&grid, " xy z\n추…\n");
    grid_deinit(&grid);
}

static void combining_ones_stay_with_theirs(void **state)
{
    struct grid grid = {0};
    assert_int_equal(grid_resize(&grid, 4, 1), 0);
    assert_int_equal(grid_put(&grid, 0, 0, 4, GRID_NORMAL, "e\u0301x"), 2);
    assert_string_equal(grid.cells[0].text, "e\u0301");
    assert_string_equal(grid.cells[1].text, "x");
    /* More than a cell holds are left out; none at the beginning can hang anywhere. */
    grid_put(&grid, 0, 0, 4, GRID_NORMAL,
             "\u0301a\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0309z");
    assert_true(strlen(grid.cells[0].text) < sizeof(grid.cells[0].text));
    assert_string_equal(grid.cells[1].text, "z");
    grid_deinit(&grid);
}

static void hostile_text_cannot_steer(void **state)
{
    struct grid grid = {0};
    assert_int_equal(grid_resize(&grid, 12, 1), 0);
    grid_put(&grid, 0, 0, 12, GRID_NORMAL, "a\x1b[2J\nb\x80\u202ec");
    assert_rows(&grid, "a?[2J b??c\n");
    grid_deinit(&grid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_and_cuts),
        cmocka_unit_test(outside_is_nothing),
        cmocka_unit_test(wide_characters_take_two_cells),
        cmocka_unit_test(combining_ones_stay_with_theirs),
        cmocka_unit_test(hostile_text_cannot_steer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
