/* Values by rank without sorting: the same as those of the sorted array. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stats/stats.h"

#define KINDS 7
#define N 200000 /* more than what is few to stats_ranks */

static void fill(double *x, size_t n, int kind, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        double u = random_uniform(&seed);
        x[i] = kind == 0   ? u
               : kind == 1 ? floor(u * 10)   /* many ties */
               : kind == 2 ? (u - 0.5) * 1e9 /* both signs */
               : kind == 3 ? exp(40 * (u - 0.5))
               : kind == 4 ? 7
               : kind == 5 ? 100 + 1e-9 * u /* all bits but the last are the same */
                           : (i % 64 ? 100 + 1e-9 * floor(u * 3) : -u);
    }
}

static void is_the_sorted_one(const double *x, size_t n, double center)
{
    static double sorted[N];
    size_t ranks[] = {0, 0, 1, n / 3, n / 2, n / 2, n - 2, n - 1};
    double values[8];
    for (size_t i = 0; i < n; i++)
        sorted[i] = isnan(center) ? x[i] : fabs(x[i] - center);
    stats_sort(sorted, n);
    assert_int_equal(stats_ranks(x, n, center, ranks, 8, values), 0);
    for (size_t i = 0; i < 8; i++)
        assert_true(values[i] == sorted[ranks[i]]);
}

static void test_every_kind(void **state)
{
    static double x[N];
    for (int kind = 0; kind < KINDS; kind++) {
        fill(x, N, kind, 3);
        for (size_t n = 8; n <= N; n = n == 8 ? 5000 : n + 195000) {
            is_the_sorted_one(x, n, NAN);
            is_the_sorted_one(x, n, 0.25);
        }
    }
}

static void test_signs_and_extremes(void **state)
{
    static const double x[] = {-0.0, 5e-324, -1e308, 1e308, -5e-324, 0.0, 1, -1};
    is_the_sorted_one(x, 8, NAN);
}

static void test_few(void **state)
{
    static const double x[] = {4, 3};
    static const size_t ranks[] = {0, 1};
    double value = 1, values[2];
    const size_t rank = 0;
    assert_int_equal(stats_ranks(x, 2, NAN, ranks, 2, values), 0);
    assert_true(values[0] == 3 && values[1] == 4);
    assert_int_equal(stats_ranks(NULL, 0, NAN, &rank, 1, &value), 0);
    assert_true(isnan(value));
}

static void test_quantile_unsorted(void **state)
{
    enum { N_QUANTILES = 5000 };
    static double x[N_QUANTILES], sorted[N_QUANTILES], scratch[N_QUANTILES];
    for (int kind = 0; kind < KINDS; kind++) {
        fill(x, N_QUANTILES, kind, 9);
        memcpy(sorted, x, sizeof(x));
        stats_sort(sorted, N_QUANTILES);
        for (double p = 0; p <= 1; p += 0.0625) {
            memcpy(scratch, x, sizeof(x));
            assert_true(quantile_unsorted(scratch, N_QUANTILES, p) ==
                        quantile_sorted(sorted, N_QUANTILES, p));
        }
    }
    assert_true(isnan(quantile_unsorted(x, 0, 0.5)));
    assert_true(isnan(quantile_unsorted(x, N_QUANTILES, 2)));
}

/* scipy.stats.binom.ppf([0.025, 0.975], n, p): the ranks (1-based r and s) of Conover's interval
 * for independent values are ppf(0.025) and ppf(0.975) + 1. n 100, p 0.5: 40, 60; n 1000, p 0.99:
 * 983, 996. */
static void test_interval_ranks(void **state)
{
    size_t lo, hi;
    quantile_interval_ranks(100, 100, 0.5, 0.95, &lo, &hi);
    assert_int_equal(lo, 40 - 1);
    assert_int_equal(hi, 61 - 1);
    quantile_interval_ranks(1000, 1000, 0.99, 0.95, &lo, &hi);
    assert_int_equal(lo, 983 - 1);
    assert_int_equal(hi, 997 - 1);
    quantile_interval_ranks(10, 10, 0.99, 0.95, &lo, &hi);
    assert_int_equal(hi, SIZE_MAX);
    quantile_interval_ranks(1000, 100, 0.5, 0.95, &lo, &hi); /* worth a tenth: wider */
    assert_true(lo < 410 && lo > 380 && hi > 590 && hi < 620);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind),
        cmocka_unit_test(test_signs_and_extremes),
        cmocka_unit_test(test_few),
        cmocka_unit_test(test_quantile_unsorted),
        cmocka_unit_test(test_interval_ranks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
