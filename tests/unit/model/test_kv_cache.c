#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/kv_cache.h"

static struct kv_shape shape_of(const char *precision, uint64_t kv_heads)
{
    return (struct kv_shape){.layers = 32,
                             .heads = 32,
                             .kv_heads = kv_heads,
                             .head_size = 128,
                             .batch = 1,
                             .length = 2048,
                             .precision = kv_precision_find(precision)};
}

/* Known from elsewhere: Llama 2 7B takes 1 GiB for 2048 tokens in fp16 (512 KiB a token), Llama 3
 * 8B, with 8 key-value heads, a quarter. */
static void agrees_with_known_models(void **state)
{
    struct kv_shape llama2 = shape_of("fp16", 32), llama3 = shape_of("bf16", 8);
    (void)state;
    assert_true(kv_cache_bytes_per_token(&llama2) == 524288);
    assert_true(kv_cache_bytes(&llama2) == 1073741824.0);
    assert_true(kv_cache_bytes_per_token(&llama3) == 131072);
    llama3.length = 8192;
    llama3.batch = 4;
    assert_true(kv_cache_bytes(&llama3) == 4294967296.0);
}

static void counts_the_blocks_of_formats(void **state)
{
    /* bytes of 32 values */
    static const struct {
        const char *name;
        double bytes;
    } cases[] = {{"fp32", 128}, {"fp8", 32},  {"int8", 32}, {"int4", 16}, {"q8_0", 34},
                 {"q5_1", 24},  {"q5_0", 22}, {"q4_1", 20}, {"q4_0", 18}, {"iq4_nl", 18}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kv_shape shape = shape_of(cases[i].name, 32);
        assert_non_null(shape.precision);
        assert_true(kv_cache_bytes_per_token(&shape) == 2.0 * 32 * 32 * 128 / 32 * cases[i].bytes);
    }
    assert_null(kv_precision_find("fp17"));
    assert_null(kv_precision_find(""));
}

static void refuses_shapes_that_are_none(void **state)
{
    struct kv_shape shape = shape_of("fp16", 5);
    struct error err = {0};
    (void)state;
    assert_int_equal(kv_cache_check(&shape, &err), -ERROR_USAGE);
    shape.kv_heads = 64;
    assert_int_equal(kv_cache_check(&shape, &err), -ERROR_USAGE);
    shape.kv_heads = 1;
    assert_int_equal(kv_cache_check(&shape, &err), 0);
    shape.batch = 0;
    assert_int_equal(kv_cache_check(&shape, &err), -ERROR_USAGE);
    shape = shape_of("q8_0", 32);
    shape.head_size = 80;
    assert_int_equal(kv_cache_check(&shape, &err), -ERROR_USAGE);
    assert_non_null(strstr(err.hint, "32"));
    shape.precision = kv_precision_find("fp16");
    assert_int_equal(kv_cache_check(&shape, &err), 0);
}

static void tells_what_fits(void **state)
{
    struct kv_shape shape = shape_of("fp16", 32);
    const double gb = 1073741824.0;
    (void)state;
    assert_int_equal(kv_cache_longest(&shape, gb), 2048);
    assert_int_equal(kv_cache_longest(&shape, gb - 1), 2047);
    assert_int_equal(kv_cache_largest_batch(&shape, 3.5 * gb), 3);
    assert_int_equal(kv_cache_largest_batch(&shape, gb / 2), 0);
    shape.batch = 4;
    assert_int_equal(kv_cache_longest(&shape, gb), 512);
    assert_int_equal(kv_cache_longest(&shape, 100), 0);
}

static void lengths_end_at_the_maximum(void **state)
{
    uint64_t lengths[10];
    (void)state;
    assert_int_equal(kv_cache_lengths(2048, lengths, 10), 10);
    assert_int_equal(lengths[0], 204);
    assert_int_equal(lengths[4], 1024);
    assert_int_equal(lengths[9], 2048);
    assert_int_equal(kv_cache_lengths(3, lengths, 10), 3);
    assert_int_equal(lengths[0], 1);
    assert_int_equal(lengths[2], 3);
    assert_int_equal(kv_cache_lengths(1, lengths, 10), 1);
    assert_int_equal(kv_cache_lengths(UINT64_MAX, lengths, 10), 10);
    assert_true(lengths[9] == UINT64_MAX && lengths[8] < lengths[9] && lengths[0] < lengths[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_known_models),
        cmocka_unit_test(counts_the_blocks_of_formats),
        cmocka_unit_test(refuses_shapes_that_are_none),
        cmocka_unit_test(tells_what_fits),
        cmocka_unit_test(lengths_end_at_the_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
