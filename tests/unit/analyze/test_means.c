/* test_means.c: means from a stream, against numpy (independent code of the same formulas). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analyze/means.h"
#include "base/util.h"
#include "near.h"
#include "stats/stats.h"

static const double latency[] = {10, 12, 11, 9, 13, 10.5};
static const double power[] = {5, 6, 5.5, 4, 7, 5.2};

static void fill(struct means *means)
{
    for (size_t i = 0; i < ARRAY_LEN(latency); i++) {
        double values[] = {latency[i], power[i]};
        assert_int_equal(means_add(means, values), 0);
    }
}

static void mean_and_product(void **state)
{
    CLEANUP(means_deinit) struct means means = {.series = 2};
    static const double both[] = {1, 1};
    struct estimate mean, product;
    fill(&means);
    assert_int_equal(means_estimate(&means, 0, &mean), 0);
    ASSERT_NEAR(mean.value, 10.916666666666666, 1e-12);
    ASSERT_NEAR(mean.lo, 9.41716059587881, 1e-9);
    ASSERT_NEAR(mean.hi, 12.416172737454522, 1e-9);
    assert_int_equal(mean.n, 6);
    assert_int_equal(means_product(&means, 1e-3, both, &product), 0);
    ASSERT_NEAR(product.value, 0.05949583333333333, 1e-15);
    ASSERT_NEAR(product.lo, 0.042749808791164724, 1e-10);
    ASSERT_NEAR(product.hi, 0.0828016378112866, 1e-10);
}

static void one_value_has_no_interval(void **state)
{
    CLEANUP(means_deinit) struct means means = {.series = 1};
    struct estimate estimate;
    double value = 4;
    assert_true(isnan(means_of(&means, 0)));
    assert_int_equal(means_add(&means, &value), 0);
    assert_int_equal(means_estimate(&means, 0, &estimate), 0);
    ASSERT_NEAR(estimate.value, 4, 0);
    assert_true(isnan(estimate.lo) && isnan(estimate.hi));
}

static void a_product_of_what_is_not_positive_is_not_known(void **state)
{
    CLEANUP(means_deinit) struct means means = {.series = 1};
    static const double inverse[] = {-1};
    struct estimate estimate;
    double zero = 0;
    assert_int_equal(means_add(&means, &zero), 0);
    assert_int_equal(means_add(&means, &zero), 0);
    assert_int_equal(means_product(&means, 1, inverse, &estimate), 0);
    assert_true(isnan(estimate.value) && isnan(estimate.lo));
}

/* Beyond MEANS_BLOCKS_MAX neighbours are put together: the mean stays exact, the memory constant,
 * and the interval is about that of the single values. */
static void many_values_take_constant_memory(void **state)
{
    CLEANUP(means_deinit) struct means means = {.series = 1};
    size_t n = 100000;
    CLEANUP_FREE double *all = calloc(n, sizeof(*all));
    assert_non_null(all);
    uint64_t seed = 7;
    for (size_t i = 0; i < n; i++) {
        all[i] = 1e6 + random_uniform(&seed);
        assert_int_equal(means_add(&means, &all[i]), 0);
    }
    assert_true(means.count < MEANS_BLOCKS_MAX && means.capacity <= 2 * MEANS_BLOCKS_MAX);
    assert_int_equal(means.block_size, 32);
    struct estimate estimate;
    struct interval whole;
    assert_int_equal(means_estimate(&means, 0, &estimate), 0);
    assert_int_equal(estimate.n, n);
    ASSERT_NEAR(estimate.value, stats_mean(all, n), 1e-9);
    assert_true(mean_interval(estimate.value, stats_std(all, n), (double)n, 0.95, &whole));
    ASSERT_NEAR((estimate.hi - estimate.lo) / (whole.hi - whole.lo), 1, 0.1);
}

static void sums_lose_no_digits(void **state)
{
    CLEANUP(means_deinit) struct means means = {.series = 1};
    static const double values[] = {1e16, 1, 1, 1, 1, -1e16};
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        assert_int_equal(means_add(&means, &values[i]), 0);
    ASSERT_NEAR(means_of(&means, 0), 4.0 / 6, 1e-15);
}

static struct estimate estimate_of(const double *values, size_t n)
{
    CLEANUP(means_deinit) struct means means = {.series = 1};
    struct estimate estimate;
    for (size_t i = 0; i < n; i++)
        assert_int_equal(means_add(&means, &values[i]), 0);
    assert_int_equal(means_estimate(&means, 0, &estimate), 0);
    return estimate;
}

static void difference_by_welch(void **state)
{
    static const double a[] = {1, 2, 4}, b[] = {5, 6, 9, 6};
    struct estimate one = estimate_of(a, 3), other = estimate_of(b, 4);
    struct estimate change = estimate_difference(&one, &other);
    ASSERT_NEAR(change.value, 4.166666666666666, 1e-12);
    ASSERT_NEAR(change.lo, 0.9413641251908236, 1e-9);
    ASSERT_NEAR(change.hi, 7.391969208142509, 1e-9);
    static const double single[] = {3};
    struct estimate alone = estimate_of(single, 1);
    change = estimate_difference(&one, &alone);
    assert_true(isnan(change.lo) && isnan(change.hi));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mean_and_product),
        cmocka_unit_test(one_value_has_no_interval),
        cmocka_unit_test(a_product_of_what_is_not_positive_is_not_known),
        cmocka_unit_test(many_values_take_constant_memory),
        cmocka_unit_test(sums_lose_no_digits),
        cmocka_unit_test(difference_by_welch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
