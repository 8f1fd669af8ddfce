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

static const double sample[] = {12.1, 11.9, 12.4, 13.0, 11.7, 12.2, 12.6, 15.5, 12.0, 12.3};

/* scipy.stats.t.interval(level, n_eff - 1, mean, std / sqrt(n_eff)) */
static void mean_intervals(void **state)
{
    struct interval interval = {7, 7};
    assert_true(mean_interval(12.57, 1.0934654391733956, 10, 0.95, &interval));
    assert_true(close_to(interval.lo, 11.787781946666849, 1e-10));
    assert_true(close_to(interval.hi, 13.352218053333152, 1e-10));
    assert_true(mean_interval(12.57, 1.0934654391733956, 4.5, 0.99, &interval));
    assert_true(close_to(interval.lo, 9.948500785024143, 1e-9));
    assert_true(close_to(interval.hi, 15.191499214975858, 1e-9));
}

static void mean_interval_refuses(void **state)
{
    struct interval interval = {7, 8};
    assert_false(mean_interval(1, 1, 1, 0.95, &interval));
    assert_false(mean_interval(1, NAN, 10, 0.95, &interval));
    assert_false(mean_interval(NAN, 1, 10, 0.95, &interval));
    assert_false(mean_interval(1, 1, 10, 1, &interval));
    assert_true(interval.lo == 7 && interval.hi == 8);
}

/* scipy.stats.bootstrap(..., method='percentile', n_resamples=200000): mean [12.08, 13.3], median
 * [12.0, 12.7]. Ours differs by chance only. */
static void bootstrap(void **state)
{
    struct interval mean, median, again;
    assert_int_equal(bootstrap_interval(sample, 10, bootstrap_mean, 20000, 0.95, 1, &mean), 0);
    assert_true(fabs(mean.lo - 12.08) < 0.03 && fabs(mean.hi - 13.3) < 0.05);
    assert_int_equal(bootstrap_interval(sample, 10, bootstrap_median, 20000, 0.95, 1, &median), 0);
    assert_true(fabs(median.lo - 12.0) < 0.051 && fabs(median.hi - 12.7) < 0.051);
    assert_int_equal(bootstrap_interval(sample, 10, bootstrap_mean, 20000, 0.95, 1, &again), 0);
    assert_true(again.lo == mean.lo && again.hi == mean.hi);
    assert_int_equal(bootstrap_interval(sample, 10, bootstrap_mean, 20000, 0.95, 2, &again), 0);
    assert_true(again.lo != mean.lo || again.hi != mean.hi);
}

static void bootstrap_refuses(void **state)
{
    struct interval interval;
    assert_int_equal(bootstrap_interval(sample, 1, bootstrap_mean, 100, 0.95, 1, &interval), 0);
    assert_true(isnan(interval.lo) && isnan(interval.hi));
    assert_int_equal(bootstrap_interval(sample, 10, bootstrap_mean, 0, 0.95, 1, &interval), 0);
    assert_true(isnan(interval.lo));
}

/* The published first outputs of splitmix64 for seed 1234567. */
static void random_numbers(void **state)
{
    static const uint64_t want[] = {6457827717110365317u, 3203168211198807973u,
                                    9817491932198370423u, 4593380528125082431u,
                                    16408922859458223821u};
    uint64_t seed = 1234567;
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        assert_true(random_next(&seed) == want[i]);
    double sum = 0;
    for (int i = 0; i < 100000; i++) {
        double u = random_uniform(&seed);
        assert_true(u >= 0 && u < 1);
        sum += u;
    }
    assert_true(fabs(sum / 100000 - 0.5) < 0.005);
}

/* numpy: ((x-m)[:-k] * (x-m)[k:]).sum() / ((x-m)**2).sum() */
static void autocorrelations(void **state)
{
    static const double constant[] = {3, 3, 3, 3};
    assert_true(close_to(autocorrelation(sample, 10, 1), -0.10555710435833109, 1e-12));
    assert_true(close_to(autocorrelation(sample, 10, 2), -0.1986618344020073, 1e-12));
    assert_true(close_to(autocorrelation(sample, 10, 5), -0.03294303503391866, 1e-12));
    assert_true(autocorrelation(sample, 10, 0) == 1);
    assert_true(isnan(autocorrelation(sample, 10, 10)) && isnan(autocorrelation(constant, 4, 1)));
}

/* Mean of effective_n / (n (1-phi)/(1+phi)) over seeded series: the theory of AR(1). */
static double relative_n(double phi, size_t n, int series)
{
    double *x = malloc(n * sizeof(*x)), sum = 0;
    uint64_t seed = 5;
    for (int i = 0; i < series; i++) {
        noise_autoregressive(&seed, phi, x, n);
        double found = effective_n(x, n);
        assert_true(found >= 1 && found <= (double)n);
        sum += found / ((double)n * (1 - phi) / (1 + phi));
    }
    free(x);
    return sum / series;
}

static void effective_numbers(void **state)
{
    assert_true(fabs(relative_n(0.5, 2000, 50) - 1) < 0.1);
    assert_true(fabs(relative_n(0.9, 5000, 50) - 1) < 0.15);
    assert_true(fabs(relative_n(0.8, 200000, 2) - 1) < 0.1);
    double white = relative_n(0, 2000, 50);
    assert_true(white > 0.85 && white <= 1);
}

/* So slow that the lags of a long series are not enough, and block means take over. */
static void effective_number_of_slow_series(void **state)
{
    assert_true(fabs(relative_n(0.999, 1000000, 4) - 1) < 0.25);
    enum { N = 300000 };
    double *ramp = malloc(N * sizeof(*ramp));
    for (size_t i = 0; i < N; i++)
        ramp[i] = (double)i;
    assert_true(effective_n(ramp, N) < 10);
    free(ramp);
}

static void effective_number_at_the_edges(void **state)
{
    static const double constant[] = {3, 3, 3, 3, 3, 3}, alternating[] = {1, 2, 1, 2, 1, 2, 1, 2};
    assert_true(effective_n(constant, 6) == 6);
    assert_true(effective_n(alternating, 8) == 8); /* never more than n */
    assert_true(effective_n(constant, 0) == 0 && effective_n(constant, 3) == 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mean_intervals),
        cmocka_unit_test(mean_interval_refuses),
        cmocka_unit_test(bootstrap),
        cmocka_unit_test(bootstrap_refuses),
        cmocka_unit_test(random_numbers),
        cmocka_unit_test(autocorrelations),
        cmocka_unit_test(effective_numbers),
        cmocka_unit_test(effective_number_of_slow_series),
        cmocka_unit_test(effective_number_at_the_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
