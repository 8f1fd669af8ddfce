#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/util.h"
#include "close.h"
#include "stats/sweep.h"

#define SEED 1

static const double cores[] = {1, 1, 1, 2, 2, 2, 4, 4, 4, 8, 8};
static const double times[] = {10.1, 9.8, 10.3, 5.9, 6.2, 6.0, 3.7, 4.1, 3.9, 2.9, 3.1};

/* scipy.optimize.nnls on the columns 1 and 1/p; the interval is that of 200,000 resamples within
 * core counts in numpy. */
static void amdahl_of_noisy_times(void **state)
{
    (void)state;
    struct amdahl fit;
    assert_int_equal(amdahl_fit(cores, times, ARRAY_LEN(cores), SEED, &fit), 0);
    assert_true(close_to(fit.serial, 0.1914460285132382, 1e-12));
    assert_true(close_to(fit.t1, 10.071794871794875, 1e-12));
    assert_true(close_to(fit.max_speedup, 5.223404255319152, 1e-12));
    assert_true(close_to(fit.rms_relative, 0.03231388810187955, 1e-12));
    assert_true(fit.has_ci);
    assert_true(close_to(fit.serial_ci.lo, 0.17425467, 0.02));
    assert_true(close_to(fit.serial_ci.hi, 0.20940161, 0.02));
    assert_int_equal(fit.n, 11);
}

static void amdahl_does_not_depend_on_the_order(void **state)
{
    (void)state;
    double turned_cores[ARRAY_LEN(cores)], turned_times[ARRAY_LEN(cores)];
    struct amdahl fit, turned;
    for (size_t i = 0; i < ARRAY_LEN(cores); i++) {
        turned_cores[i] = cores[(i * 4 + 3) % 11];
        turned_times[i] = times[(i * 4 + 3) % 11];
    }
    assert_int_equal(amdahl_fit(cores, times, 11, SEED, &fit), 0);
    assert_int_equal(amdahl_fit(turned_cores, turned_times, 11, SEED, &turned), 0);
    assert_true(close_to(turned.serial, fit.serial, 1e-12));
}

/* T(p) = 12 (0.25 + 0.75 / p), without noise. */
static void amdahl_of_exact_times(void **state)
{
    (void)state;
    static const double p[] = {1, 2, 3, 6}, t[] = {12, 7.5, 6, 4.5};
    struct amdahl fit;
    assert_int_equal(amdahl_fit(p, t, 4, SEED, &fit), 0);
    assert_true(close_to(fit.serial, 0.25, 1e-12) && close_to(fit.t1, 12, 1e-12));
    assert_true(close_to(fit.max_speedup, 4, 1e-12));
    assert_true(fit.rms_relative < 1e-12);
    /* One time per count: there is nothing to resample. */
    assert_false(fit.has_ci);
    assert_true(isnan(fit.serial_ci.lo) && isnan(fit.serial_ci.hi));
}

/* scipy.optimize.nnls again: the free optimum has a negative part. */
static void amdahl_stays_within_0_and_1(void **state)
{
    (void)state;
    static const double p[] = {1, 2, 4}, faster[] = {8, 3.5, 1.5}, slower[] = {5, 6, 7};
    struct amdahl fit;
    assert_int_equal(amdahl_fit(p, faster, 3, SEED, &fit), 0);
    assert_true(fit.serial >= 0 && fit.serial <= 0 && isinf(fit.max_speedup));
    assert_true(close_to(fit.t1, 7.714285714285716, 1e-12));
    assert_true(close_to(fit.rms_relative, 0.14062698456659908, 1e-12));
    assert_int_equal(amdahl_fit(p, slower, 3, SEED, &fit), 0);
    assert_true(close_to(fit.serial, 1, 1e-12) && close_to(fit.max_speedup, 1, 1e-12));
    assert_true(close_to(fit.rms_relative, 0.1360827634879543, 1e-12));
}

static void amdahl_of_too_little(void **state)
{
    (void)state;
    static const double one[] = {2, 2, 2}, t[] = {5, 6, 7}, bad[] = {1, 2, 0};
    struct amdahl fit;
    assert_int_equal(amdahl_fit(one, t, 3, SEED, &fit), -1);
    assert_true(isnan(fit.serial) && isnan(fit.t1) && isnan(fit.max_speedup));
    assert_int_equal(amdahl_fit(bad, t, 3, SEED, &fit), -1);
    assert_int_equal(amdahl_fit(one, t, 0, SEED, &fit), -1);
    assert_int_equal(amdahl_fit(bad, bad, 3, SEED, &fit), -1);
    assert_true(isnan(fit.rms_relative) && !fit.has_ci);
}

/* 100,000 resamples in numpy. */
static void ratio_of_medians(void **state)
{
    (void)state;
    static const double a[] = {10.2, 9.9, 10.4, 10.0, 10.1, 12.0, 9.7, 10.3, 10.0, 10.5};
    static const double b[] = {5.1, 5.4, 5.0, 5.2, 5.9, 5.05, 5.3, 5.15};
    struct interval ci;
    assert_int_equal(median_ratio_interval(a, 10, b, 8, 0.95, SEED, &ci), 0);
    assert_true(close_to(ci.lo, 1.86915888, 0.01));
    assert_true(close_to(ci.hi, 2.02955665, 0.01));
    assert_int_equal(median_ratio_interval(a, 1, b, 8, 0.95, SEED, &ci), 0);
    assert_true(isnan(ci.lo) && isnan(ci.hi));
}

/* Satopää et al. 2011, figure 2: y = 5 - 1/x, its knee at x = 0.22 of [0, 1]; of these points 0.3
 * is the one furthest above the chord (distances 0.444, 0.519, 0.5 at 0.2, 0.3, 0.4). */
static void knee_of_the_paper(void **state)
{
    (void)state;
    double x[10], y[10];
    for (size_t i = 0; i < 10; i++) {
        x[i] = 0.1 * (double)(i + 1);
        y[i] = 5 - 1 / x[i];
    }
    assert_int_equal(knee_find(x, y, 10), 2);
}

static void knee_of_throughput(void **state)
{
    (void)state;
    static const double x[] = {1, 4, 8, 16, 32};
    static const double rising[] = {100, 320, 480, 540, 560};   /* 0.38, 0.60, 0.47 above it */
    static const double wavering[] = {100, 320, 480, 470, 490}; /* falls by 2.6 % of its range */
    static const double falling[] = {100, 320, 480, 400, 380};
    assert_int_equal(knee_find(x, rising, 5), 2);
    assert_int_equal(knee_find(x, wavering, 5), 2);
    assert_true(knee_find(x, falling, 5) == SIZE_MAX);
}

static void no_knee(void **state)
{
    (void)state;
    static const double x[] = {1, 2, 3, 4}, same[] = {1, 1, 3, 4};
    static const double straight[] = {10, 20, 30, 40}, flat[] = {100, 101, 102, 102};
    static const double other_way[] = {10, 11, 14, 40}, nan[] = {10, 20, NAN, 22};
    assert_true(knee_find(x, straight, 4) == SIZE_MAX);
    assert_true(knee_find(x, flat, 4) == SIZE_MAX);
    assert_true(knee_find(x, other_way, 4) == SIZE_MAX);
    assert_true(knee_find(x, nan, 4) == SIZE_MAX);
    assert_true(knee_find(same, straight, 4) == SIZE_MAX);
    assert_true(knee_find(x, straight, 2) == SIZE_MAX);
}

static void pareto(void **state)
{
    (void)state;
    /* latency lower, throughput higher: the third is beaten by the second in both, the fourth by
     * the second in one, the fifth is the second again */
    static const double latency[] = {1, 2, 3, 2, 2, 9, NAN};
    static const double throughput[] = {10, 20, 19, 18, 20, 30, 99};
    static const bool want[] = {true, true, false, false, true, true, false};
    bool front[7];
    pareto_front(latency, true, throughput, false, 7, front);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(front[i], want[i]);
    /* Turned round, only the worst stay. */
    pareto_front(latency, false, throughput, true, 7, front);
    assert_true(front[0] && front[2] && front[5] && !front[1] && front[3] && !front[6]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amdahl_of_noisy_times),
        cmocka_unit_test(amdahl_does_not_depend_on_the_order),
        cmocka_unit_test(amdahl_of_exact_times),
        cmocka_unit_test(amdahl_stays_within_0_and_1),
        cmocka_unit_test(amdahl_of_too_little),
        cmocka_unit_test(ratio_of_medians),
        cmocka_unit_test(knee_of_the_paper),
        cmocka_unit_test(knee_of_throughput),
        cmocka_unit_test(no_knee),
        cmocka_unit_test(pareto),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
