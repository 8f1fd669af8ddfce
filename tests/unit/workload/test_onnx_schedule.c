/* test_onnx_schedule.c: the arrivals of an open loop, and the values of the inputs. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "workload/onnx/worker_internal.h"

static uint64_t draw(struct onnx_schedule *schedule)
{
    uint64_t at_ns = 0;
    assert_true(onnx_schedule_draw(schedule, UINT64_MAX, &at_ns));
    return at_ns;
}

static void constant_arrivals_are_where_they_belong(void **state)
{
    struct onnx_schedule schedule;
    onnx_schedule_init(&schedule, 3, false, 1, 5000);
    assert_int_equal(draw(&schedule), 5000);
    assert_int_equal(draw(&schedule), 5000 + 333333333);
    assert_int_equal(draw(&schedule), 5000 + 666666666);
    /* A third of a second does not add up to a drift. */
    for (int i = 3; i < 3 * 3600; i++)
        draw(&schedule);
    assert_int_equal(draw(&schedule), 5000 + 3600 * NS_PER_S);
    onnx_schedule_deinit(&schedule);
}

static void later_arrivals_stay(void **state)
{
    struct onnx_schedule schedule;
    uint64_t at_ns = 0;
    onnx_schedule_init(&schedule, 1000, false, 1, 1000000);
    int count = 0;
    while (onnx_schedule_draw(&schedule, 4000000, &at_ns))
        count++;
    assert_int_equal(count, 4); /* at 1, 2, 3 and 4 ms */
    assert_int_equal(at_ns, 4000000);
    assert_int_equal(draw(&schedule), 5000000);
    onnx_schedule_deinit(&schedule);
}

/* n exponential gaps of mean m: their sum has mean nm and standard deviation m sqrt(n); of the
 * gaps, e^-1 are longer than the mean. Five standard deviations, fixed seed. */
static void poisson_gaps_are_exponential(void **state)
{
    enum { COUNT = 100000 };
    struct onnx_schedule schedule;
    uint64_t begin_ns = 7 * NS_PER_S, last_ns = begin_ns;
    int longer = 0;
    onnx_schedule_init(&schedule, 250, true, 42, begin_ns);
    for (int i = 0; i < COUNT; i++) {
        uint64_t at_ns = draw(&schedule);
        assert_true(at_ns >= last_ns);
        longer += at_ns - last_ns > 4 * NS_PER_MS;
        last_ns = at_ns;
    }
    double n = COUNT, sum_s = (double)(last_ns - begin_ns) / 1e9;
    assert_true(fabs(sum_s - n / 250) < 5 * sqrt(n) / 250);
    assert_true(fabs(longer - n * exp(-1)) < 5 * sqrt(n * exp(-1) * (1 - exp(-1))));
    onnx_schedule_deinit(&schedule);
}

static void same_seed_same_arrivals(void **state)
{
    struct onnx_schedule a, b, other;
    onnx_schedule_init(&a, 100, true, 9, 0);
    onnx_schedule_init(&b, 100, true, 9, 0);
    onnx_schedule_init(&other, 100, true, 10, 0);
    int differences = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t at_ns = draw(&a);
        assert_int_equal(at_ns, draw(&b));
        differences += at_ns != draw(&other);
    }
    assert_int_equal(differences, 1000);
    onnx_schedule_deinit(&a);
    onnx_schedule_deinit(&b);
    onnx_schedule_deinit(&other);
}

/* ---- 16-bit floats ---- */

/* IEEE 754-2008, 3.4: by its definition. */
static double half_value(uint16_t half)
{
    int exponent = half >> 10 & 31, fraction = half & 1023;
    double magnitude = exponent == 0    ? ldexp(fraction, -24)
                       : exponent == 31 ? (fraction ? NAN : INFINITY)
                                        : ldexp(1024 + fraction, exponent - 25);
    return half & 0x8000 ? -magnitude : magnitude;
}

static void every_half_survives(void **state)
{
    for (uint32_t half = 0; half < 65536; half++) {
        double value = half_value((uint16_t)half);
        uint16_t got = onnx_half_from_float((float)value);
        if (isnan(value))
            assert_true(isnan(half_value(got)));
        else
            assert_int_equal(got, half);
    }
}

/* Between two neighbours the nearer one; in the middle the even one. */
static void halves_are_rounded_to_nearest_even(void **state)
{
    for (uint32_t half = 0; half < 0x7bff; half++) {
        double low = half_value((uint16_t)half), high = half_value((uint16_t)(half + 1));
        float middle = (float)((low + high) / 2);
        assert_int_equal(onnx_half_from_float(middle), half + (half & 1));
        assert_int_equal(onnx_half_from_float(nextafterf(middle, 0)), half);
        assert_int_equal(onnx_half_from_float(nextafterf(middle, INFINITY)), half + 1);
    }
    assert_int_equal(onnx_half_from_float(65519.99f), 0x7bff);
    assert_int_equal(onnx_half_from_float(65520), 0x7c00);
    assert_int_equal(onnx_half_from_float(-1e30f), 0xfc00);
    assert_int_equal(onnx_half_from_float(1e-30f), 0);
}

static void bfloats_are_rounded_to_nearest_even(void **state)
{
    assert_int_equal(onnx_bfloat_from_float(1), 0x3f80);
    assert_int_equal(onnx_bfloat_from_float(-2), 0xc000);
    assert_int_equal(onnx_bfloat_from_float(1 + 0x1p-8f), 0x3f80); /* the middle, to the even one */
    assert_int_equal(onnx_bfloat_from_float(1 + 3 * 0x1p-8f), 0x3f82);
    assert_int_equal(onnx_bfloat_from_float(1 + 0x1p-8f + 0x1p-20f), 0x3f81);
    assert_int_equal(onnx_bfloat_from_float(INFINITY), 0x7f80);
    assert_true((onnx_bfloat_from_float(NAN) & 0x7fff) > 0x7f80);
}

static void numpy_types(void **state)
{
    assert_string_equal(onnx_npy_dtype(ONNX_FLOAT), "f4");
    assert_string_equal(onnx_npy_dtype(ONNX_FLOAT16), "f2");
    assert_string_equal(onnx_npy_dtype(ONNX_UINT8), "u1");
    assert_string_equal(onnx_npy_dtype(ONNX_BOOL), "b1");
    assert_string_equal(onnx_npy_dtype(ONNX_INT64), "i8");
    assert_null(onnx_npy_dtype(ONNX_STRING));
    assert_null(onnx_npy_dtype(ONNX_BFLOAT16));
    assert_null(onnx_npy_dtype(-1));
    assert_null(onnx_npy_dtype(0));
    assert_null(onnx_npy_dtype(99));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constant_arrivals_are_where_they_belong),
        cmocka_unit_test(later_arrivals_stay),
        cmocka_unit_test(poisson_gaps_are_exponential),
        cmocka_unit_test(same_seed_same_arrivals),
        cmocka_unit_test(every_half_survives),
        cmocka_unit_test(halves_are_rounded_to_nearest_even),
        cmocka_unit_test(bfloats_are_rounded_to_nearest_even),
        cmocka_unit_test(numpy_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
