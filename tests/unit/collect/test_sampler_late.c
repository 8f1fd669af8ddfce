/* test_sampler_late.c: quantiles of the small histogram against those of the sorted values. */
#include "collect_test.h"

#include "collect/sampler_late.h"

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* xorshift64: the same everywhere. */
static uint64_t next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void quantiles_are_at_most_an_eighth_too_high(void **state)
{
    static uint64_t values[5000];
    static const double qs[] = {0, 0.01, 0.5, 0.9, 0.99, 0.999, 1};
    for (uint64_t seed = 1; seed <= 20; seed++) {
        static struct sampler_late late;
        uint64_t random = seed * 0x9e3779b97f4a7c15u;
        size_t n = 1 + next(&random) % 5000;
        memset(&late, 0, sizeof(late));
        for (size_t i = 0; i < n; i++) {
            values[i] = next(&random) >> (20 + next(&random) % 44); /* 0 to 2^44 ns: five hours */
            sampler_late_add(&late, values[i]);
        }
        qsort(values, n, sizeof(*values), ascending);
        for (size_t i = 0; i < sizeof(qs) / sizeof(qs[0]); i++) {
            size_t rank = (size_t)ceil(qs[i] * (double)n);
            uint64_t exact = values[rank > 0 ? rank - 1 : 0];
            uint64_t told = sampler_late_quantile_ns(&late, qs[i]);
            assert_true(told >= exact && told <= exact + exact / 8);
            assert_true(told <= values[n - 1]);
        }
        assert_int_equal(sampler_late_quantile_ns(&late, 1), values[n - 1]);
    }
}

static void the_extremes_have_a_place(void **state)
{
    static struct sampler_late late;
    assert_int_equal(sampler_late_quantile_ns(&late, 0.5), 0); /* none yet */
    sampler_late_add(&late, 0);
    assert_int_equal(sampler_late_quantile_ns(&late, 0.99), 0);
    sampler_late_add(&late, UINT64_MAX);
    assert_int_equal(sampler_late_quantile_ns(&late, 0.5), 0);
    assert_true(sampler_late_quantile_ns(&late, 1) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_at_most_an_eighth_too_high),
        cmocka_unit_test(the_extremes_have_a_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
