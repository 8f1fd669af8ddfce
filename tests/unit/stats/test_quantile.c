#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "close.h"
#include "noise.h"
#include "stats/order.h"
#include "stats/stats.h"

/* The sample of this file; the values beside the checks are numpy's and SciPy's of it. */
static const double sample[] = {12.1, 11.9, 12.4, 13.0, 11.7, 12.2, 12.6, 15.5, 12.0, 12.3};
#define SAMPLE_N ARRAY_LEN(sample)

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Shapes that are hard on quicksort, besides random ones. */
static void fill(double *x, size_t n, int shape, uint64_t *seed)
{
    for (size_t i = 0; i < n; i++) {
        double rising = (double)i, random = random_uniform(seed);
        double shapes[] = {random,
                           floor(4 * random),
                           rising,
                           -rising,
                           fabs(rising - (double)n / 2),
                           7,
                           (double)(i % 17),
                           i % 2 ? rising : -rising};
        x[i] = shapes[shape];
    }
}

static void sorts_and_selects(void **state)
{
    static const size_t sizes[] = {0,   1,   2,   3,   24,  25,  26,   100,  127,
                                   128, 129, 191, 192, 193, 257, 1000, 30000};
    uint64_t seed = 1;
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
        size_t n = sizes[s];
        double *x = malloc((n + 1) * sizeof(*x)), *want = malloc((n + 1) * sizeof(*want));
        for (int shape = 0; shape < 8; shape++) {
            fill(x, n, shape, &seed);
            memcpy(want, x, n * sizeof(*x));
            qsort(want, n, sizeof(*want), by_value);
            for (size_t k = 0; k < n; k += n / 7 + 1)
                assert_true(order_select(x, n, k) == want[k]);
            if (n > 0)
                assert_true(order_median(x, n) == quantile_sorted(want, n, 0.5));
            stats_sort(x, n);
            assert_memory_equal(x, want, n * sizeof(*x));
        }
        free(x);
        free(want);
    }
    assert_true(isnan(order_median(NULL, 0)));
}

/* NaN must not be there; if it is, the order is lost but nothing worse happens. */
static void survives_nan(void **state)
{
    double x[200];
    uint64_t seed = 2;
    for (size_t i = 0; i < 200; i++)
        x[i] = i % 3 == 0 ? NAN : random_uniform(&seed);
    stats_sort(x, 200);
    order_select(x, 200, 100);
    size_t nans = 0;
    for (size_t i = 0; i < 200; i++)
        nans += isnan(x[i]);
    assert_int_equal(nans, 67);
}

/* numpy.quantile(sample, p) */
static void quantiles(void **state)
{
    double x[SAMPLE_N];
    memcpy(x, sample, sizeof(x));
    stats_sort(x, SAMPLE_N);
    static const double rows[][2] = {{0, 11.7},   {.1, 11.88},   {.25, 12.025}, {.5, 12.25},
                                     {.9, 13.25}, {.99, 15.275}, {1, 15.5}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_true(close_to(quantile_sorted(x, SAMPLE_N, rows[i][0]), rows[i][1], 1e-14));
    assert_true(quantile_sorted(x, 1, 0.7) == 11.7);
    assert_true(isnan(quantile_sorted(x, 0, 0.5)) && isnan(quantile_sorted(x, 5, -0.1)));
    assert_true(isnan(quantile_sorted(x, 5, NAN)));
}

/* Ranks by enumeration of scipy.stats.binom.cdf; n=10 and n=100 of the median are in the tables of
 * every textbook. 0: there is no such end. */
static void quantile_intervals(void **state)
{
    static const struct {
        size_t n;
        double p, level;
        size_t low, high;
    } rows[] = {
        {10, .5, .95, 2, 9},   {100, .5, .95, 40, 61},     {100, .9, .95, 84, 96},
        {20, .99, .95, 19, 0}, {1000, .99, .99, 981, 998}, {5, .5, .95, 0, 0},
    };
    double ranks[1000];
    for (size_t i = 0; i < 1000; i++)
        ranks[i] = (double)(i + 1);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct interval interval;
        bool both = quantile_interval(ranks, rows[i].n, rows[i].p, rows[i].level, &interval);
        assert_true(both == (rows[i].low > 0 && rows[i].high > 0));
        assert_true(interval.lo == (rows[i].low ? (double)rows[i].low : -INFINITY));
        assert_true(interval.hi == (rows[i].high ? (double)rows[i].high : INFINITY));
    }
    struct interval none = {1, 2};
    assert_false(quantile_interval(ranks, 0, 0.5, 0.95, &none));
    assert_true(none.lo == -INFINITY && none.hi == INFINITY);
}

/* The interval must cover the true quantile as often as it says, whatever the distribution. */
static void quantile_interval_covers(void **state)
{
    uint64_t seed = 3;
    int covered = 0;
    for (int i = 0; i < 2000; i++) {
        double x[60];
        struct interval interval;
        for (size_t j = 0; j < 60; j++)
            x[j] = -log(1 - random_uniform(&seed));
        stats_sort(x, 60);
        assert_true(quantile_interval(x, 60, 0.8, 0.9, &interval));
        covered += interval.lo <= -log(0.2) && -log(0.2) <= interval.hi;
    }
    assert_in_range(covered, 1800, 1960);
}

/* numpy.mean, numpy.std(ddof=1), scipy.stats.median_abs_deviation of the sample. */
/* Coverage of the median of correlated values: first-order autoregressive, phi 0.5 and 0.9. The
 * plain interval covers 83 % and 41 % there; of independent values both cover 95 % or more. */
static void ordered_interval_covers(void **state)
{
    static const struct {
        double phi;
        size_t n;
        double least;
    } rows[] = {{0, 50, 0.94}, {0.5, 50, 0.92}, {0.5, 500, 0.92}, {0.9, 500, 0.9}};
    double x[500], ascending[500];
    uint64_t seed = 12;
    for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
        int covered = 0, series = 500;
        size_t n = rows[r].n;
        for (int i = 0; i < series; i++) {
            struct interval interval;
            bool both;
            noise_autoregressive(&seed, rows[r].phi, x, n);
            memcpy(ascending, x, n * sizeof(*x));
            stats_sort(ascending, n);
            assert_int_equal(
                quantile_interval_ordered(x, ascending, n, 0.5, 0.95, &interval, &both), 0);
            covered += interval.lo <= 0 && interval.hi >= 0;
        }
        assert_true(covered >= rows[r].least * series);
    }
}

/* Ten halves in a row are one step, whose place says little of the median. */
static void ordered_interval_of_a_step(void **state)
{
    double x[20];
    struct interval plain, ordered;
    bool both;
    for (size_t i = 0; i < 20; i++)
        x[i] = (double)i;
    assert_true(quantile_interval(x, 20, 0.5, 0.95, &plain));
    assert_int_equal(quantile_interval_ordered(x, x, 20, 0.5, 0.95, &ordered, &both), 0);
    assert_true(ordered.lo < plain.lo && ordered.hi > plain.hi);
    assert_int_equal(quantile_interval_ordered(NULL, NULL, 0, 0.5, 0.95, &ordered, &both), 0);
    assert_false(both);
}

static void moments_and_mad(void **state)
{
    struct moments moments = {0};
    assert_true(isnan(moments_std(&moments)));
    for (size_t i = 0; i < SAMPLE_N; i++)
        moments_add(&moments, sample[i]);
    assert_true(close_to(moments.mean, 12.57, 1e-14));
    assert_true(close_to(moments_std(&moments), 1.0934654391733956, 1e-13));
    assert_true(moments.n == 10 && moments.min == 11.7 && moments.max == 15.5);
    assert_true(close_to(stats_mean(sample, SAMPLE_N), 12.57, 1e-14));
    assert_true(close_to(stats_std(sample, SAMPLE_N), 1.0934654391733956, 1e-13));
    assert_true(isnan(stats_mean(sample, 0)) && isnan(stats_std(sample, 1)));

    double median, mad, untouched[SAMPLE_N];
    memcpy(untouched, sample, sizeof(untouched));
    assert_int_equal(stats_mad(untouched, SAMPLE_N, &median, &mad), 0);
    assert_true(close_to(median, 12.25, 1e-14) && close_to(mad, 0.3, 1e-13));
    assert_memory_equal(untouched, sample, sizeof(sample));
    assert_int_equal(stats_mad(NULL, 0, &median, &mad), 0);
    assert_true(isnan(median) && isnan(mad));
}

/* Values that share 15 leading digits: Σx² - (Σx)²/n would have none left. */
static void moments_keep_their_digits(void **state)
{
    struct moments moments = {0};
    double x[3] = {1e9 + 4, 1e9 + 7, 1e9 + 13};
    for (size_t i = 0; i < 3; i++)
        moments_add(&moments, x[i]);
    assert_true(close_to(moments_std(&moments), sqrt(21), 1e-9));
    assert_true(close_to(stats_std(x, 3), sqrt(21), 1e-12));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorts_and_selects),
        cmocka_unit_test(survives_nan),
        cmocka_unit_test(quantiles),
        cmocka_unit_test(quantile_intervals),
        cmocka_unit_test(quantile_interval_covers),
        cmocka_unit_test(ordered_interval_covers),
        cmocka_unit_test(ordered_interval_of_a_step),
        cmocka_unit_test(moments_and_mad),
        cmocka_unit_test(moments_keep_their_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
