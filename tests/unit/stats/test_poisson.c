/* Expected values: 40 digits of the series DLMF 8.7.1 summed with mpmath, inverted by bisection. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "close.h"
#include "stats/stats.h"

static void garwood(void **state)
{
    static const struct {
        uint64_t k;
        double lo, hi;
    } rows[] = {
        {0, 0, 3.6888794541139363},
        {1, 0.025317807984289875, 5.5716433909388986},
        {3, 0.61867212289560129, 8.767273069742326},
        {10, 4.7953886961324336, 18.390356042017779},
        {50, 37.110963737461863, 65.918766664336817},
        {459, 417.96419989157436, 502.97553482358006},
        {10000, 9804.9524672601831, 10197.951624661473},
        {1234567, 1232390.2103419251, 1236746.684845829},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct interval got = poisson_interval(rows[i].k, 0.95);
        assert_true(close_to(got.lo, rows[i].lo, 1e-11));
        assert_true(close_to(got.hi, rows[i].hi, 1e-11));
    }
    struct interval wide = poisson_interval(7, 0.99);
    assert_true(close_to(wide.lo, 2.037337478699671, 1e-12));
    assert_true(close_to(wide.hi, 17.133593268913349, 1e-12));
}

/* What the interval promises: at its ends, as few or as many have the tail's probability. The sums
 * are made term by term, without any function of poisson.c. */
static void ends_have_the_tails_probability(void **state)
{
    for (uint64_t k = 1; k < 200; k = k * 3 / 2 + 1) {
        struct interval interval = poisson_interval(k, 0.9);
        double at_most = 0, less = 0, term = exp(-interval.hi);
        for (uint64_t i = 0; i <= k; term *= interval.hi / (double)++i)
            at_most += term;
        term = exp(-interval.lo);
        for (uint64_t i = 0; i < k; term *= interval.lo / (double)++i)
            less += term;
        assert_true(close_to(at_most, 0.05, 1e-9));
        assert_true(close_to(1 - less, 0.05, 1e-9));
    }
}

static void billions_end(void **state)
{
    struct interval interval = poisson_interval(4000000000u, 0.95);
    double half = (interval.hi - interval.lo) / 2;
    assert_true(interval.lo < 4e9 && interval.hi > 4e9);
    assert_true(close_to(half, 1.959963984540054 * sqrt(4e9), 1e-4)); /* nearly normal */
}

static void gamma_distribution(void **state)
{
    static const double cdf[][3] = {
        {0.5, 0.5, 0.6826894921370859},      {1e-3, 2, 4.9966679163334028e-7},
        {5, 3, 0.87534798051691886},         {200, 150, 0.99990321378005066},
        {10000, 10050, 0.30985627518670567}, {30, 3, 0.99999999995498983},
    };
    static const double quantile[][3] = {
        {1e-10, 0.5, 7.8539816339744831e-21}, {0.025, 0.1, 5.7917102455214337e-17},
        {0.5, 1, 0.69314718055994531},        {0.999999, 2.5, 17.944093439836435},
        {0.01, 1000, 927.90815979664252},
    };
    for (size_t i = 0; i < ARRAY_LEN(cdf); i++)
        assert_true(close_to(gamma_cdf(cdf[i][0], cdf[i][1]), cdf[i][2], 1e-11));
    for (size_t i = 0; i < ARRAY_LEN(quantile); i++)
        assert_true(close_to(gamma_quantile(quantile[i][0], quantile[i][1]), quantile[i][2], 1e-9));
}

static void dispersion(void **state)
{
    static const struct {
        double index;
        uint64_t n;
        double p;
    } rows[] = {
        {1, 10, 0.43727418891386706},
        {1.5, 60, 0.0077414379280935122},
        {0.8, 600, 0.99989376031043024},
        {5, 30, 2.252246974166973e-17},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_true(close_to(poisson_dispersion_p(rows[i].index, rows[i].n), rows[i].p, 1e-9));
    assert_true(poisson_dispersion_p(0, 10) == 1);
}

static void senseless_questions(void **state)
{
    struct interval none = poisson_interval(5, 1);
    assert_true(isnan(none.lo) && isnan(none.hi));
    assert_true(isnan(gamma_cdf(-1, 2)) && isnan(gamma_cdf(1, 0)) && isnan(gamma_cdf(NAN, 2)));
    assert_true(isnan(gamma_quantile(1.5, 2)) && isnan(gamma_quantile(0.5, -1)));
    assert_true(gamma_quantile(0, 2) == 0 && isinf(gamma_quantile(1, 2)));
    assert_true(gamma_cdf(0, 2) == 0 && gamma_cdf(INFINITY, 2) == 1);
    assert_true(isnan(poisson_dispersion_p(1, 1)) && isnan(poisson_dispersion_p(NAN, 9)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(garwood),      cmocka_unit_test(ends_have_the_tails_probability),
        cmocka_unit_test(billions_end), cmocka_unit_test(gamma_distribution),
        cmocka_unit_test(dispersion),   cmocka_unit_test(senseless_questions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
