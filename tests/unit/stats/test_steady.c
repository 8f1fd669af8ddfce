#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "noise.h"
#include "stats/stats.h"

/* What the rule found; k = -1: it never settled. */
static long warmup(const double *x, size_t n)
{
    size_t k;
    bool steady;
    assert_int_equal(steady_warmup(x, n, &k, &steady), 0);
    assert_true(k <= n / 2);
    return steady ? (long)k : -1;
}

enum noise { NORMAL, LOGNORMAL, SKEWED, EXPONENTIAL, AUTOREGRESSIVE, QUANTISED, NOISES };

static void fill(enum noise noise, uint64_t *seed, double *x, size_t n)
{
    if (noise == AUTOREGRESSIVE)
        noise_autoregressive(seed, 0.5, x, n);
    for (size_t i = 0; i < n; i++) {
        if (noise == AUTOREGRESSIVE)
            x[i] = 20 + x[i];
        else if (noise == EXPONENTIAL)
            x[i] = noise_exponential(seed);
        else if (noise == QUANTISED)
            x[i] = round(10 + noise_normal(seed));
        else if (noise == NORMAL)
            x[i] = 1 + 0.05 * noise_normal(seed);
        else
            x[i] = exp((noise == SKEWED ? 1 : 0.5) * noise_normal(seed));
    }
}

/* White and mildly correlated noise has no warm-up: 2,000 series of each kind, n = 10 to 200. */
static void false_alarms(void **state)
{
    static const size_t sizes[] = {10, 20, 50, 100, 200};
    double x[200];
    uint64_t seed = 1;
    for (enum noise noise = 0; noise < NOISES; noise++) {
        int alarms = 0;
        for (int i = 0; i < 2000; i++) {
            size_t n = sizes[i % 5];
            fill(noise, &seed, x, n);
            alarms += warmup(x, n) != 0;
        }
        assert_in_range(alarms, 0, 60);
    }
}

/* The cold cache: 3.2 s, then 0.13 s ± 5 %. */
static void slow_first_launch(void **state)
{
    static const size_t sizes[] = {6, 8, 10, 20, 50, 200, 2000};
    double x[2000];
    uint64_t seed = 2;
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
        int found = 0;
        for (int i = 0; i < 50; i++) {
            x[0] = 3.2;
            for (size_t j = 1; j < sizes[s]; j++)
                x[j] = 0.13 * (1 + 0.05 * noise_normal(&seed));
            found += warmup(x, sizes[s]) == 1;
        }
        assert_true(found >= 48);
    }
}

static void slow_first_launches(void **state)
{
    static const double three[] = {3.2, 3.4, 1.0, 0.131, 0.128, 0.127, 0.133, 0.130, 0.129, 0.134};
    static const double equal[] = {5000, 12, 12, 12, 12, 12, 12, 12};
    static const double fast[] = {0.5, 1.01, 0.99, 1.02, 1.0, 0.98, 1.01, 1.03, 0.99, 1.0};
    assert_int_equal(warmup(three, 10), 3);
    assert_int_equal(warmup(equal, 8), 1);
    assert_int_equal(warmup(fast, 10), 1); /* a first value too low is a transient just as well */
}

/* Exponential approach to the plateau: found, and cut where about nothing of it is left. */
static void gradual_warmup(void **state)
{
    static const struct {
        size_t n;
        double time, low, high;
    } rows[] = {{50, 3, 1, 12}, {100, 5, 3, 20}, {200, 10, 10, 40}, {1000, 50, 80, 250}};
    double x[1000];
    uint64_t seed = 3;
    for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
        int found = 0;
        for (int i = 0; i < 50; i++) {
            for (size_t j = 0; j < rows[r].n; j++)
                x[j] = 10 + 0.3 * noise_normal(&seed) + 3 * exp(-(double)j / rows[r].time);
            long k = warmup(x, rows[r].n);
            found += (double)k >= rows[r].low && (double)k <= rows[r].high;
        }
        assert_true(found >= 45);
    }
}

static void early_step(void **state)
{
    double x[200];
    uint64_t seed = 4;
    for (size_t i = 0; i < 200; i++)
        x[i] = (i < 50 ? 1.5 : 1) + 0.05 * noise_normal(&seed);
    assert_in_range(warmup(x, 200), 49, 52);
}

/* Another load that comes and goes is no warm-up, though it was there at the beginning. */
static void what_returns_is_no_warmup(void **state)
{
    static const struct {
        size_t n, first, again, length; /* slow: [0, first) and [again, again + length) */
    } rows[] = {{60, 12, 40, 6}, {200, 40, 120, 20}, {1000, 180, 700, 60}, {2812, 500, 2000, 150}};
    double x[2812];
    uint64_t seed = 9;
    for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
        int refuted = 0, found = 0;
        for (int i = 0; i < 50; i++) {
            for (size_t j = 0; j < rows[r].n; j++)
                x[j] = (j < rows[r].first ? 1.5 : 1) * exp(0.1 * noise_normal(&seed));
            found += warmup(x, rows[r].n) > 0;
            for (size_t j = rows[r].again; j < rows[r].again + rows[r].length; j++)
                x[j] *= 1.5;
            refuted += warmup(x, rows[r].n) <= 0;
        }
        assert_true(found >= 45);
        assert_true(refuted >= 45);
    }
}

/* Lone spikes later do not refute a warm-up. */
static void spikes_do_not_refute(void **state)
{
    double x[200];
    uint64_t seed = 10;
    int found = 0;
    for (int i = 0; i < 50; i++) {
        for (size_t j = 0; j < 200; j++)
            x[j] = (j < 40 ? 1.5 : 1) + 0.05 * noise_normal(&seed);
        x[70] = x[71] = x[130] = x[190] = 4;
        long k = warmup(x, 200);
        found += k >= 39 && k <= 43;
    }
    assert_true(found >= 45);
}

/* Nothing warms up for a third of three thousand launches. */
static void long_series_have_short_warmups(void **state)
{
    double x[3000];
    uint64_t seed = 11;
    for (size_t i = 0; i < 3000; i++)
        x[i] = (i < 1000 ? 1.5 : 1) + 0.05 * noise_normal(&seed);
    assert_int_equal(warmup(x, 3000), -1);
}

/* Blocks: 100,000 values, a fiftieth of them warm-up. */
static void long_series(void **state)
{
    enum { N = 100000 };
    double *x = malloc(N * sizeof(*x));
    uint64_t seed = 5;
    for (size_t i = 0; i < N; i++)
        x[i] = 1 + 0.05 * noise_normal(&seed) + 0.5 * (i < N / 50);
    assert_in_range(warmup(x, N), N / 50 - 200, N / 50 + 500);
    free(x);
}

static void no_spike_is_warmup(void **state)
{
    static const size_t sizes[] = {10, 20, 50, 200};
    double x[200];
    uint64_t seed = 6;
    int alarms = 0;
    for (int i = 0; i < 400; i++) {
        size_t n = sizes[i % 4];
        for (size_t j = 0; j < n; j++)
            x[j] = 1 + 0.05 * noise_normal(&seed);
        x[1 + (size_t)(noise_uniform(&seed) * (double)(n - 1))] = 5;
        alarms += warmup(x, n) != 0;
    }
    assert_true(alarms <= 12);
}

/* A drift through everything never settles; nor does a step near the end. */
static void never_settles(void **state)
{
    static const size_t sizes[] = {10, 20, 50, 200, 5000};
    double *x = malloc(5000 * sizeof(*x));
    uint64_t seed = 7;
    int drift = 0, step = 0;
    for (int i = 0; i < 100; i++) {
        size_t n = sizes[i % 5];
        for (size_t j = 0; j < n; j++)
            x[j] = 30 + noise_normal(&seed) + 20 * (double)j / (double)n;
        drift += warmup(x, n) == -1;
        n = 60 + (size_t)i;
        for (size_t j = 0; j < n; j++)
            x[j] = (10 * j > 7 * n ? 1.5 : 1) + 0.05 * noise_normal(&seed);
        step += warmup(x, n) == -1;
    }
    free(x);
    assert_true(drift >= 98);
    assert_true(step >= 98);
}

/* A change that is certain but of 0.3 % is of no consequence. */
static void small_changes_do_not_matter(void **state)
{
    double x[1000];
    uint64_t seed = 8;
    for (size_t i = 0; i < 1000; i++)
        x[i] = 1 + 0.0005 * noise_normal(&seed) + (i < 300 ? 0.003 : 0);
    assert_int_equal(warmup(x, 1000), 0);
}

/* Without any noise: nothing may divide by a spread of 0. */
static void exact_shapes(void **state)
{
    double ramp[20], decay[60], step[60];
    for (size_t i = 0; i < 20; i++)
        ramp[i] = 100 + (double)i;
    for (size_t i = 0; i < 60; i++) {
        decay[i] = 1 + 10 * exp(-(double)i / 2);
        step[i] = i < 12 ? 30 : 10;
    }
    assert_int_equal(warmup(ramp, 20), -1);
    assert_in_range(warmup(decay, 60), 5, 30);
    assert_int_equal(warmup(step, 60), 12);
}

static void short_or_constant(void **state)
{
    static const double x[] = {9, 1, 1, 1, 1}, constant[20] = {0};
    assert_int_equal(warmup(x, 5), 0);
    assert_int_equal(warmup(x, 0), 0);
    assert_int_equal(warmup(constant, 20), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(false_alarms),         cmocka_unit_test(slow_first_launch),
        cmocka_unit_test(slow_first_launches),  cmocka_unit_test(gradual_warmup),
        cmocka_unit_test(early_step),           cmocka_unit_test(what_returns_is_no_warmup),
        cmocka_unit_test(spikes_do_not_refute), cmocka_unit_test(long_series_have_short_warmups),
        cmocka_unit_test(long_series),          cmocka_unit_test(no_spike_is_warmup),
        cmocka_unit_test(never_settles),        cmocka_unit_test(small_changes_do_not_matter),
        cmocka_unit_test(exact_shapes),         cmocka_unit_test(short_or_constant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
