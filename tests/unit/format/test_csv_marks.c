/* Positions of separators and newlines: every way of this processor finds those that a plain loop
 * finds, however many stand beside each other and however they are taken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/csv_marks.h"
#include "stats/stats.h"

/* The text at the end of memory of just its size: a sanitizer sees what is read behind it. */
static void check(const char *text, size_t size, csv_marks_fill *way, uint64_t *random)
{
    char *copy = malloc(size ? size : 1);
    struct csv_marks *marks = malloc(sizeof(*marks));
    assert_non_null(copy);
    assert_non_null(marks);
    memcpy(copy, text, size);
    csv_marks_begin(marks, copy, size, ',');
    marks->fill = way;
    uint32_t before = UINT32_MAX;
    for (size_t at = 0; at <= size; at++) {
        bool is_end = at == size && size > 0 && text[size - 1] != '\n';
        bool is_newline = is_end || (at < size && text[at] == '\n');
        if (!is_newline && (at == size || text[at] != ','))
            continue;
        /* Now and then before it is necessary, so that some are left over. */
        if (random_next(random) % 64 == 0)
            csv_marks_more(marks);
        if (marks->any_at == marks->any_count)
            assert_true(csv_marks_more(marks));
        assert_int_equal(marks->any[marks->any_at - 1], before);
        assert_int_equal(marks->any[marks->any_at++], at);
        before = (uint32_t)at;
        if (is_newline) {
            assert_true(marks->newline_at < marks->newline_count);
            assert_int_equal(marks->newline[marks->newline_at++], at);
        }
    }
    assert_false(csv_marks_more(marks));
    assert_int_equal(marks->any_at, marks->any_count);
    assert_int_equal(marks->newline_at, marks->newline_count);
    free(marks);
    free(copy);
}

static void check_ways(const char *text, size_t size, uint64_t *random)
{
    for (size_t index = 0; index < CSV_MARKS_WAYS; index++) {
        csv_marks_fill *way = csv_marks_way(index, NULL);
        if (way)
            check(text, size, way, random);
    }
}

static void test_every_size(void **state)
{
    char text[400];
    uint64_t random = 1;
    for (size_t size = 0; size <= sizeof(text); size++) {
        for (size_t i = 0; i < size; i++)
            text[i] = "ab,0\n\xff"[random_next(&random) % 6];
        check_ways(text, size, &random);
    }
}

/* From hardly any to nothing else, longer than the lists. */
static void test_every_density(void **state)
{
    size_t size = 5 * CSV_MARKS + 17;
    char *text = malloc(size);
    uint64_t random = 2;
    assert_non_null(text);
    for (unsigned one_in = 1; one_in <= 200; one_in = one_in * 3 / 2 + 1) {
        for (size_t i = 0; i < size; i++) {
            text[i] = 'x';
            if (random_next(&random) % one_in == 0)
                text[i] = random_next(&random) % 4 == 0 ? '\n' : ',';
        }
        check_ways(text, size, &random);
    }
    memset(text, '\n', size);
    check_ways(text, size, &random);
    memset(text, ',', size);
    check_ways(text, size, &random);
    free(text);
}

static void test_the_ways_are_told(void **state)
{
    const char *name = NULL;
    for (size_t index = 0; index < CSV_MARKS_WAYS; index++) {
        bool is_here = csv_marks_way(index, &name) != NULL;
        assert_non_null(name);
        print_message("%s: %s\n", name, is_here ? "tested" : "not on this processor");
    }
    assert_non_null(csv_marks_way(CSV_MARKS_WAYS - 1, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_size),
        cmocka_unit_test(test_every_density),
        cmocka_unit_test(test_the_ways_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
