/* Arena and array_reserve: what was handed out stays intact, aligned and zeroed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/util.h"

static void gives_zeroed_aligned_memory_that_does_not_overlap(void **state)
{
    struct arena arena = {0};
    unsigned char *parts[200];
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        size_t size = i * 37 % 900 + 1;
        parts[i] = arena_alloc(&arena, size);
        assert_non_null(parts[i]);
        assert_int_equal((uintptr_t)parts[i] % _Alignof(max_align_t), 0);
        for (size_t j = 0; j < size; j++)
            assert_int_equal(parts[i][j], 0);
        memset(parts[i], (int)i, size);
    }
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        size_t size = i * 37 % 900 + 1;
        for (size_t j = 0; j < size; j++)
            assert_int_equal(parts[i][j], (unsigned char)i);
    }
    arena_deinit(&arena);
    assert_null(arena.head);
    assert_int_equal(arena.used_bytes, 0);
}

static void serves_sizes_beyond_a_block_and_refuses_absurd_ones(void **state)
{
    struct arena arena = {0};
    char *small = arena_strdup(&arena, "small");
    char *large = arena_alloc(&arena, 1000000);
    assert_non_null(large);
    large[999999] = 1;
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_alloc(&arena, SIZE_MAX - 64));
    assert_null(arena_strndup(&arena, "x", SIZE_MAX));
    assert_string_equal(small, "small");
    assert_non_null(arena_alloc(&arena, 0));
    arena_deinit(&arena);
}

static void formats_and_copies_text(void **state)
{
    struct arena arena = {0};
    assert_string_equal(arena_printf(&arena, "%s-%d", "run", 7), "run-7");
    assert_string_equal(arena_printf(&arena, "%5000d", 1) + 4995, "    1");
    assert_string_equal(arena_strndup(&arena, "abcdef", 3), "abc");
    assert_string_equal(arena_strdup(&arena, ""), "");
    arena_deinit(&arena);
}

static void array_grows_at_least_twofold_and_keeps_its_content(void **state)
{
    int *values = NULL;
    size_t capacity = 0, growths = 0;
    for (int i = 0; i < 10000; i++) {
        size_t before = capacity;
        assert_int_equal(array_reserve(&values, &capacity, (size_t)i + 1, sizeof(*values)), 0);
        if (capacity != before) {
            assert_true(capacity >= 2 * before);
            growths++;
        }
        values[i] = i;
    }
    assert_in_range(growths, 1, 15);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(values[i], i);

    int *same = values;
    size_t kept = capacity;
    assert_int_equal(array_reserve(&values, &capacity, SIZE_MAX / 2, sizeof(*values)), -1);
    assert_ptr_equal(values, same);
    assert_int_equal(capacity, kept);
    free(values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_zeroed_aligned_memory_that_does_not_overlap),
        cmocka_unit_test(serves_sizes_beyond_a_block_and_refuses_absurd_ones),
        cmocka_unit_test(formats_and_copies_text),
        cmocka_unit_test(array_grows_at_least_twofold_and_keeps_its_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
