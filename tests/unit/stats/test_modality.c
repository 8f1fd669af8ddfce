#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "close.h"
#include "noise.h"
#include "stats/stats.h"

enum shape { NORMAL, LOGNORMAL, UNIFORM, EXPONENTIAL, QUANTISED, COARSE, TWO_DIGITS, SHAPES };

static double draw(enum shape shape, uint64_t *seed)
{
    switch (shape) {
    case NORMAL:
        return noise_normal(seed);
    case LOGNORMAL:
        return exp(noise_normal(seed));
    case UNIFORM:
        return noise_uniform(seed);
    case EXPONENTIAL:
        return noise_exponential(seed);
    case QUANTISED:
        return round(10 + noise_normal(seed));
    case COARSE:
        return 10 * floor(4 * noise_uniform(seed));
    default: { /* 9.8, 9.9, 10, 11: the grid changes in the middle */
        double x = 10 + 0.7 * noise_normal(seed);
        return x < 10 ? round(10 * x) / 10 : round(x);
    }
    }
}

static void false_alarms(void **state)
{
    static const size_t sizes[] = {20, 30, 50, 100, 500};
    double x[500];
    uint64_t seed = 1;
    for (enum shape shape = 0; shape < SHAPES; shape++) {
        int alarms = 0;
        for (int i = 0; i < 2000; i++) {
            struct modality modality;
            size_t n = sizes[i % 5];
            for (size_t j = 0; j < n; j++)
                x[j] = draw(shape, &seed);
            assert_int_equal(modality_test(x, n, &modality), 0);
            alarms += modality.bimodal;
        }
        assert_in_range(alarms, 0, 20);
    }
}

/* Two groups, the lower holding `low` of n values, in mixed order. */
static void two_groups(uint64_t *seed, size_t n, size_t low, double *x)
{
    for (size_t i = 0; i < n; i++) {
        bool lower = (i * 7) % n < low;
        x[i] = lower ? 10 + 0.2 * noise_normal(seed) : 14 + 0.3 * noise_normal(seed);
    }
}

static void finds_two_groups(void **state)
{
    static const size_t sizes[] = {20, 30, 50, 101, 500};
    double x[500];
    uint64_t seed = 2;
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
        int found = 0;
        size_t n = sizes[s], low = n * 3 / 10;
        for (int i = 0; i < 100; i++) {
            struct modality modality;
            two_groups(&seed, n, low, x);
            assert_int_equal(modality_test(x, n, &modality), 0);
            if (!modality.bimodal)
                continue;
            found++;
            assert_true(fabs(modality.low - 10) < 0.4 && fabs(modality.high - 14) < 0.4);
            assert_true(close_to(modality.high_share, (double)(n - low) / (double)n, 1e-12));
            assert_true(modality.p_value <= 0.02);
        }
        assert_true(found >= 95);
    }
}

/* Two modes stay two when the clock rounds them to a grid finer than they are wide. */
static void finds_quantised_groups(void **state)
{
    double x[200];
    uint64_t seed = 3;
    struct modality modality;
    two_groups(&seed, 200, 60, x);
    for (size_t i = 0; i < 200; i++)
        x[i] = round(10 * x[i]) / 10;
    assert_int_equal(modality_test(x, 200, &modality), 0);
    assert_true(modality.bimodal);
    assert_true(close_to(modality.low, 10, 0.02) && close_to(modality.high, 14, 0.02));
}

/* 8 % of stragglers are outliers; so is one value; ties alone are nothing. */
static void not_bimodal(void **state)
{
    double x[500];
    uint64_t seed = 4;
    struct modality modality;
    two_groups(&seed, 500, 460, x);
    assert_int_equal(modality_test(x, 500, &modality), 0);
    assert_false(modality.bimodal);
    assert_true(isnan(modality.low) && isnan(modality.high) && isnan(modality.high_share));

    for (size_t i = 0; i < 30; i++)
        x[i] = i == 12 ? 900 : 10 + noise_normal(&seed);
    assert_int_equal(modality_test(x, 30, &modality), 0);
    assert_false(modality.bimodal);

    for (size_t i = 0; i < 100; i++)
        x[i] = i % 3 ? 4 : 8;
    assert_int_equal(modality_test(x, 100, &modality), 0);
    assert_false(modality.bimodal);
}

/* The dip of this sample is 0.116666… by a linear program (scipy.optimize.linprog: the least sup
 * distance to a distribution function convex before and concave behind each possible mode);
 * sqrt(10) times that, 0.36893, lies between the simulated quantiles for p = 0.5 and p = 0.2 at n
 * = 10. */
static void dip_of_a_known_sample(void **state)
{
    static const double x[] = {20, 1, 2, 13.5, 3, 22.5, 10, 11, 12, 21};
    struct modality modality;
    assert_int_equal(modality_test(x, 10, &modality), 0);
    assert_false(modality.bimodal);
    assert_true(fabs(modality.p_value - 0.2187) < 0.002);
}

/* Against the uniform distribution p is exact: it falls below 5 % in 5 % of the samples. */
static void dip_p_is_calibrated(void **state)
{
    static const size_t sizes[] = {12, 40, 250};
    double x[250];
    uint64_t seed = 5;
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
        int below_5 = 0, below_50 = 0;
        for (int i = 0; i < 4000; i++) {
            struct modality modality;
            for (size_t j = 0; j < sizes[s]; j++)
                x[j] = noise_uniform(&seed);
            assert_int_equal(modality_test(x, sizes[s], &modality), 0);
            below_5 += modality.p_value < 0.05;
            below_50 += modality.p_value < 0.5;
        }
        assert_in_range(below_5, 150, 250);
        assert_in_range(below_50, 1880, 2120);
    }
}

static void few_equal_and_many(void **state)
{
    double x[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    struct modality modality;
    assert_int_equal(modality_test(x, 9, &modality), 0);
    assert_true(!modality.bimodal && isnan(modality.p_value));
    for (size_t i = 0; i < 10; i++)
        x[i] = 1e300;
    assert_int_equal(modality_test(x, 10, &modality), 0);
    assert_true(!modality.bimodal && modality.p_value == 1);

    enum { N = 50000 };
    double *many = malloc(N * sizeof(*many));
    uint64_t seed = 6;
    two_groups(&seed, N, N / 5, many);
    assert_int_equal(modality_test(many, N, &modality), 0);
    assert_true(modality.bimodal && close_to(modality.high_share, 0.8, 1e-3));
    free(many);
}

/* numpy.median 12.3, scipy.stats.median_abs_deviation 0.3: the limit is 4.4478 away. */
static void outliers(void **state)
{
    static const double x[] = {12.1, 11.9, 12.4, 13.0, 100.0, 11.7, 12.2, 12.6, -5.0, 12.3, 16.7};
    static const double mostly_equal[] = {1, 1, 1, 1, 50};
    size_t indices[3] = {77, 77, 77}, count;
    assert_int_equal(outliers_find(x, 11, indices, 3, &count), 0);
    assert_int_equal(count, 2);
    assert_true(indices[0] == 4 && indices[1] == 8 && indices[2] == 77);
    indices[1] = 77;
    assert_int_equal(outliers_find(x, 11, indices, 1, &count), 0);
    assert_true(count == 2 && indices[0] == 4 && indices[1] == 77);
    assert_int_equal(outliers_find(mostly_equal, 5, indices, 3, &count), 0);
    assert_int_equal(count, 0);
    assert_int_equal(outliers_find(x, 0, indices, 3, &count), 0);
    assert_int_equal(count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(false_alarms),           cmocka_unit_test(finds_two_groups),
        cmocka_unit_test(finds_quantised_groups), cmocka_unit_test(not_bimodal),
        cmocka_unit_test(dip_of_a_known_sample),  cmocka_unit_test(dip_p_is_calibrated),
        cmocka_unit_test(few_equal_and_many),     cmocka_unit_test(outliers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
