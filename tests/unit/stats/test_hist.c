#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "close.h"
#include "stats/hist.h"
#include "stats/stats.h"

/* Random numbers of every magnitude, not only of the largest. */
static uint64_t random_value(uint64_t *state)
{
    unsigned shift = (unsigned)(random_next(state) % 64);
    return random_next(state) >> shift;
}

static void check_value(uint64_t value)
{
    size_t bucket = hist_bucket_of(value);
    assert_true(bucket < HIST_BUCKETS);
    uint64_t low = hist_bucket_low(bucket), high = hist_bucket_high(bucket);
    assert_true(low <= value && value <= high);
    double middle = (double)low + ((double)high - (double)low) / 2;
    assert_true(fabs(middle - (double)value) <= HIST_RELATIVE_ERROR * (double)value);
}

static void buckets_hold_their_values(void **state)
{
    uint64_t seed = 1;
    for (uint64_t value = 0; value < 70000; value++)
        check_value(value);
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t power = (uint64_t)1 << bit;
        check_value(power - 1);
        check_value(power);
        check_value(power + 1);
    }
    check_value(UINT64_MAX);
    for (int i = 0; i < 200000; i++)
        check_value(random_value(&seed));
}

/* Every value belongs to exactly one bucket: each begins where the one before ends. */
static void buckets_are_contiguous(void **state)
{
    assert_int_equal(hist_bucket_low(0), 0);
    for (size_t i = 1; i < HIST_BUCKETS; i++)
        assert_true(hist_bucket_low(i) == hist_bucket_high(i - 1) + 1);
    assert_true(hist_bucket_high(HIST_BUCKETS - 1) == UINT64_MAX);
    assert_int_equal(hist_bucket_of(UINT64_MAX), HIST_BUCKETS - 1);
    for (uint64_t value = 0; value < 256; value++)
        assert_int_equal(hist_bucket_of(value), value);
}

/* The bucket read off a double's bits is that of the rounded number. */
static void buckets_of_doubles(void **state)
{
    uint64_t random = 3;
    for (size_t i = 0; i < 1000000; i++) {
        double scale = (double)((uint64_t)1 << random_next(&random) % 63);
        double value = (double)(random_next(&random) % 1000000) / 1e6 * scale;
        assert_int_equal(hist_bucket_of_double(value), hist_bucket_of(hist_rounded(value)));
    }
    for (uint64_t whole = 0; whole < 100000; whole++) {
        double half = (double)whole + 0.5;
        assert_int_equal(hist_bucket_of_double(half), hist_bucket_of(whole + 1));
        assert_int_equal(hist_bucket_of_double((double)whole + 0.499), hist_bucket_of(whole));
    }
    assert_int_equal(hist_bucket_of_double(0x1p64), HIST_BUCKETS - 1);
    assert_int_equal(hist_bucket_of_double(1e300), HIST_BUCKETS - 1);
    assert_int_equal(hist_rounded(1e300), UINT64_MAX);
}

static void quantiles_within_the_bound(void **state)
{
    enum { N = 20011 };
    static const double p[] = {0, 0.001, 0.1, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1};
    struct hist *hist = hist_new();
    double *exact = malloc(N * sizeof(*exact));
    uint64_t seed = 2;
    for (size_t i = 0; i < N; i++) {
        uint64_t value = (uint64_t)(1e6 * exp(3 * random_uniform(&seed))) + (i % 97 ? 0 : 1u << 30);
        hist_record(hist, value);
        exact[i] = (double)value;
    }
    stats_sort(exact, N);
    for (size_t i = 0; i < sizeof(p) / sizeof(p[0]); i++) {
        double want = quantile_sorted(exact, N, p[i]), got = hist_quantile(hist, p[i]);
        assert_true(fabs(got - want) <= HIST_RELATIVE_ERROR * want * (1 + DBL_EPSILON));
    }
    assert_true(hist_quantile(hist, 0) == exact[0]);
    assert_true(hist_quantile(hist, 1) == exact[N - 1]);
    assert_true(isnan(hist_quantile(hist, 1.1)) && isnan(hist_quantile(hist, NAN)));
    free(exact);
    hist_free(hist);
}

/* Below 256 nothing is rounded: numpy.quantile([3,7,7,20,21,200], p). */
static void small_values_are_exact(void **state)
{
    struct hist *hist = hist_new();
    static const uint64_t values[] = {21, 7, 200, 3, 20, 7};
    for (size_t i = 0; i < 6; i++)
        hist_record(hist, values[i]);
    assert_true(close_to(hist_quantile(hist, 0.5), 13.5, 1e-12));
    assert_true(close_to(hist_quantile(hist, 0.9), 110.5, 1e-12));
    assert_true(close_to(hist_quantile(hist, 0.25), 7, 1e-12));
    assert_true(close_to(hist_mean(hist), 43, 1e-12));
    /* numpy.std([3,7,7,20,21,200], ddof=1) */
    assert_true(close_to(hist_std(hist), 77.27095185126167, 1e-12));
    hist_free(hist);
}

static void counts_above(void **state)
{
    struct hist *hist = hist_new();
    assert_int_equal(hist_count_above(hist, 0), 0);
    hist_record_n(hist, 100, 5);
    hist_record_n(hist, 1003, 3);
    hist_record(hist, 1u << 20);
    assert_int_equal(hist_count_above(hist, 99), 9);
    assert_int_equal(hist_count_above(hist, 100), 4);
    assert_int_equal(hist_count_above(hist, 900), 4);
    /* 1001 shares the bucket of 1003, which is therefore not wholly above it. */
    assert_int_equal(hist_bucket_of(1001), hist_bucket_of(1003));
    assert_int_equal(hist_count_above(hist, 1001), 1);
    assert_int_equal(hist_count_above(hist, 1u << 20), 0);
    assert_int_equal(hist_count_above(hist, UINT64_MAX), 0);
    hist_free(hist);
}

static void merge_equals_recording_all(void **state)
{
    struct hist *a = hist_new(), *b = hist_new(), *all = hist_new(), *empty = hist_new();
    uint64_t seed = 3;
    for (int i = 0; i < 5000; i++) {
        uint64_t value = random_value(&seed) >> 20;
        hist_record(i % 3 ? a : b, value);
        hist_record(all, value);
    }
    hist_merge(a, empty);
    hist_merge(a, b);
    assert_int_equal(a->count, all->count);
    assert_true(a->min == all->min && a->max == all->max);
    assert_memory_equal(a->buckets, all->buckets, sizeof(a->buckets));
    assert_true(fabs(a->sum / all->sum - 1) < 1e-12 && fabs(a->sum_sq / all->sum_sq - 1) < 1e-12);
    hist_merge(empty, b);
    assert_true(empty->min == b->min && empty->max == b->max && empty->count == b->count);
    hist_free(a);
    hist_free(b);
    hist_free(all);
    hist_free(empty);
}

static void empty_and_single(void **state)
{
    struct hist *hist = hist_new();
    assert_true(isnan(hist_quantile(hist, 0.5)) && isnan(hist_mean(hist)));
    assert_true(hist->min == UINT64_MAX);
    hist_record_n(hist, 5, 0);
    assert_true(hist->count == 0 && hist->min == UINT64_MAX && hist->max == 0);
    hist_record(hist, UINT64_MAX);
    assert_true(isnan(hist_std(hist)));
    assert_true(hist_quantile(hist, 0.3) == 0x1p64);
    hist_record(hist, UINT64_MAX);
    assert_true(hist_std(hist) == 0);
    hist_reset(hist);
    assert_true(hist->count == 0 && hist->min == UINT64_MAX && isnan(hist_mean(hist)));
    hist_free(hist);
}

/* A mean of 1 s with a deviation of 1 µs: the sums of squares must still tell it. */
static void std_of_a_narrow_distribution(void **state)
{
    struct hist *hist = hist_new();
    struct moments moments = {0};
    uint64_t seed = 4;
    for (int i = 0; i < 100000; i++) {
        uint64_t value = 1000000000u + (uint64_t)(3464 * random_uniform(&seed));
        hist_record(hist, value);
        moments_add(&moments, (double)value);
    }
    assert_true(fabs(hist_std(hist) / moments_std(&moments) - 1) < 0.01);
    hist_free(hist);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_hold_their_values),
        cmocka_unit_test(buckets_are_contiguous),
        cmocka_unit_test(buckets_of_doubles),
        cmocka_unit_test(quantiles_within_the_bound),
        cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(counts_above),
        cmocka_unit_test(merge_equals_recording_all),
        cmocka_unit_test(empty_and_single),
        cmocka_unit_test(std_of_a_narrow_distribution),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
