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

/* scipy.stats.theilslopes(y, t, level, method='joint'); p by the formulas of Kendall 1975 and Hamed
 * & Rao 1998 in numpy, from S, the variance with ties and the factor named beside it. */
static void check(const double *t, const double *y, size_t n, double level, const double *want)
{
    struct trend trend;
    assert_int_equal(trend_theil_sen(t, y, n, level, &trend), 0);
    assert_true(close_to(trend.slope, want[0], 1e-12));
    assert_true(close_to(trend.lo, want[1], 1e-9) && close_to(trend.hi, want[2], 1e-9));
    assert_true(close_to(trend.intercept, want[3], 1e-12));
    assert_true(close_to(trend.p_value, want[4], 1e-9));
    assert_int_equal(trend.n, n);
}

static void ties_in_y(void **state)
{
    static const double y[] = {13, 4,  9,  11, 5,  14, 8,  12, 13, 11,
                               20, 15, 18, 17, 12, 21, 19, 24, 16, 22};
    /* S = 113, Var S = 947, the factor 0.34 is not used */
    static const double want[] = {0.7712418300653594, 0.4375, 1.1, 6.901960784313726,
                                  0.0002731562975450088};
    double t[20];
    for (size_t i = 0; i < 20; i++)
        t[i] = (double)i;
    check(NULL, y, 20, 0.95, want);
    check(t, y, 20, 0.95, want);
}

static void ties_in_both(void **state)
{
    static const double t[] = {0, 1, 1, 3, 4, 6, 6, 8, 9, 10, 12, 13};
    static const double y[] = {5, 7, 6, 6, 9, 8, 12, 10, 12, 15, 13, 18};
    /* S = 54, Var S = 208.72727272727272 */
    static const double want[] = {0.873015873015873, 0.625, 1.0, 5.063492063492063,
                                  0.00024399585323558543};
    check(t, y, 12, 0.9, want);
}

/* A wandering series: uncorrected, p would be 0.0498 and the interval would leave out 0. */
static void autocorrelated(void **state)
{
    static const double y[] = {9.2,  8.3,  8.9,  10.0, 11.4, 11.3, 10.6, 10.0,
                               11.2, 12.8, 12.5, 10.9, 10.2, 12.4, 12.4, 10.5,
                               11.1, 10.4, 10.5, 10.8, 10.8, 12.1, 12.3, 12.0};
    /* S = 80, Var S = 1621.3333333333333 x 1.8807065217391306 */
    static const double want[] = {0.08516483516483525, -0.033333333333333215, 0.2,
                                  9.853846153846153, 0.15253336373835846};
    check(NULL, y, 24, 0.95, want);
}

static void too_few_or_constant(void **state)
{
    static const double t[] = {5, 5, 5, 5}, y[] = {1, 2, 3, 4}, constant[] = {3, 3, 3, 3, 3};
    struct trend trend;
    assert_int_equal(trend_theil_sen(NULL, y, 3, 0.95, &trend), 0);
    assert_true(isnan(trend.slope) && isnan(trend.lo) && isnan(trend.p_value) && trend.n == 3);
    assert_int_equal(trend_theil_sen(NULL, NULL, 0, 0.95, &trend), 0);
    assert_true(isnan(trend.slope) && isnan(trend.intercept));
    assert_int_equal(trend_theil_sen(t, y, 4, 0.95, &trend), 0);
    assert_true(isnan(trend.slope) && isnan(trend.p_value));
    assert_int_equal(trend_theil_sen(NULL, constant, 5, 0.95, &trend), 0);
    assert_true(trend.slope == 0 && trend.p_value == 1 && trend.intercept == 3);
}

/* A quarter of the values are wild; the slope does not care. */
static void robust(void **state)
{
    double y[100];
    uint64_t seed = 1;
    struct trend trend;
    for (size_t i = 0; i < 100; i++)
        y[i] = 5 + 0.5 * (double)i + 0.1 * noise_normal(&seed) + (i % 4 == 1 ? 1000 : 0);
    assert_int_equal(trend_theil_sen(NULL, y, 100, 0.95, &trend), 0);
    assert_true(fabs(trend.slope - 0.5) < 0.02);
    assert_true(trend.lo <= 0.5 && 0.5 <= trend.hi);
}

/* Beyond 2,000 points: bins. Known line, uneven times, spikes. */
static void thinned(void **state)
{
    enum { N = 123457 };
    double *t = malloc(N * sizeof(*t)), *y = malloc(N * sizeof(*y));
    uint64_t seed = 2;
    struct trend trend;
    for (size_t i = 0; i < N; i++) {
        t[i] = i == 0 ? 1000 : t[i - 1] + 0.01 * noise_uniform(&seed);
        y[i] = 7 + 0.03 * t[i] + noise_normal(&seed) + (i % 50 == 0 ? 500 : 0);
    }
    assert_int_equal(trend_theil_sen(t, y, N, 0.95, &trend), 0);
    assert_true(trend.lo < 0.03 && 0.03 < trend.hi && trend.hi - trend.lo < 0.001);
    assert_true(fabs(trend.intercept - 7) < 0.5 && trend.p_value < 1e-6 && trend.n == N);
    free(t);
    free(y);
}

/* Noise without trend: the test of 5 % alarms in about 5 %. */
static void false_alarms(void **state)
{
    uint64_t seed = 3;
    int alarms = 0;
    for (int i = 0; i < 1000; i++) {
        double y[40];
        struct trend trend;
        for (size_t j = 0; j < 40; j++)
            y[j] = noise_normal(&seed);
        assert_int_equal(trend_theil_sen(NULL, y, 40, 0.95, &trend), 0);
        alarms += trend.p_value < 0.05;
    }
    assert_in_range(alarms, 25, 75);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ties_in_y),      cmocka_unit_test(ties_in_both),
        cmocka_unit_test(autocorrelated), cmocka_unit_test(too_few_or_constant),
        cmocka_unit_test(robust),         cmocka_unit_test(thinned),
        cmocka_unit_test(false_alarms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
