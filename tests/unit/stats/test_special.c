#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "close.h"
#include "stats/stats.h"

/* scipy.special.ndtr, scipy.special.ndtri (SciPy 1.10) */
static void normal(void **state)
{
    assert_true(close_to(normal_cdf(-8), 6.22096057427174e-16, 1e-11));
    assert_true(close_to(normal_cdf(-3), 0.0013498980316300933, 1e-13));
    assert_true(close_to(normal_cdf(-1.96), 0.024997895148220435, 1e-13));
    assert_true(close_to(normal_cdf(0.5), 0.6914624612740131, 1e-14));
    static const double rows[][2] = {
        {1e-10, -6.361340902404056}, {.001, -3.090232306167813}, {.025, -1.9599639845400545},
        {.4, -0.2533471031357997},   {.9, 1.2815515655446004},   {.99, 2.3263478740408408},
        {.9999, 3.719016485455709},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_true(close_to(normal_quantile(rows[i][0]), rows[i][1], 1e-13));
    assert_true(normal_quantile(0.5) == 0);
    assert_true(normal_quantile(0) == -INFINITY && normal_quantile(1) == INFINITY);
    assert_true(isnan(normal_quantile(-0.1)) && isnan(normal_quantile(NAN)));
}

/* scipy.special.betainc(a, b, x); the last by mpmath.betainc with 40 digits, where SciPy 1.10 is
 * right to 4 digits only. */
static void incomplete_beta(void **state)
{
    static const double rows[][4] = {
        {.5, .5, .3, 0.3690101195655454},
        {2, 3, .2, 0.1808},
        {10, 1, .9, 0.3486784401},
        {100, 200, .3, 0.10884306564491235},
        {5000, 5000, .502, 0.6554186481795709},
        {1e-2, 3, .5, 0.9993117371897103},
        {146312.34607264615, 0.011007352519363247, 0.9999998299443861, 0.03407781182691823},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_true(close_to(beta_inc(rows[i][0], rows[i][1], rows[i][2]), rows[i][3], 1e-11));
    assert_true(beta_inc(2, 3, 0) == 0 && beta_inc(2, 3, 1) == 1);
    assert_true(isnan(beta_inc(0, 3, 0.5)) && isnan(beta_inc(2, 3, 1.5)));
}

/* scipy.stats.beta.ppf(p, a, b) */
static void beta_quantiles(void **state)
{
    static const double rows[][4] = {
        {.99, 3, 98, 0.08141194630280843},
        {.01, 1, 459, 2.189591682449008e-05},
        {.5, .5, .5, 0.5},
        {.975, 20, 7.5, 0.8733110387970976},
        {.01, 3, 1e6, 4.360446339662363e-07},
        {.05, .1, 2, 3.7650711858353985e-14},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_true(close_to(beta_quantile(rows[i][0], rows[i][1], rows[i][2]), rows[i][3], 2e-9));
    assert_true(beta_quantile(0, 2, 3) == 0 && beta_quantile(1, 2, 3) == 1);
    assert_true(isnan(beta_quantile(1.1, 2, 3)) && isnan(beta_quantile(0.5, -1, 3)));
}

/* Whatever the parameters, the quantile is the inverse of the distribution function. */
static void beta_quantile_inverts(void **state)
{
    uint64_t seed = 1;
    for (int i = 0; i < 2000; i++) {
        double a = exp(12 * random_uniform(&seed) - 1), b = exp(12 * random_uniform(&seed) - 1);
        double p = random_uniform(&seed), x = beta_quantile(p, a, b);
        assert_true(fabs(beta_inc(a, b, x) - p) < 1e-9);
    }
}

/* scipy.stats.t.cdf(t, df); the quantiles by root-finding on mpmath.betainc with 30 digits, because
 * scipy.stats.t.ppf of SciPy 1.10 is right to 10 digits only. */
static void student(void **state)
{
    static const double cdf[][3] = {
        {-2.5, 3, 0.04385332350403277},   {1, 1, 0.75},
        {.1, 30, 0.5394951941048645},     {5, 2.5, 0.9882744050145691},
        {-40, 4, 1.1670081613006347e-06}, {1.96, 1e6, 0.9750019662073651},
    };
    static const double ppf[][3] = {
        {.975, 1, 12.706204736174694},   {.975, 9, 2.262157162798205},
        {.995, 2.5, 7.163728138948783},  {.51, 3, 0.027211467049118022},
        {.005, 120, -2.617421145106866},
    };
    for (size_t i = 0; i < ARRAY_LEN(cdf); i++)
        assert_true(close_to(t_cdf(cdf[i][0], cdf[i][1]), cdf[i][2], 1e-10));
    for (size_t i = 0; i < ARRAY_LEN(ppf); i++)
        assert_true(close_to(t_quantile(ppf[i][0], ppf[i][1]), ppf[i][2], 1e-12));
    assert_true(t_quantile(0.5, 3) == 0 && t_cdf(0, 3) == 0.5);
    assert_true(t_cdf(-1e200, 2) == 0 && t_cdf(INFINITY, 2) == 1);
    assert_true(close_to(t_quantile(0.975, 1e12), 1.9599639845400545, 1e-9));
    assert_true(isnan(t_cdf(1, 0)) && isnan(t_quantile(2, 5)));
}

/* scipy.stats.binom.cdf(k, n, p) */
static void binomial(void **state)
{
    static const struct {
        uint64_t k, n;
        double p, cdf;
    } rows[] = {
        {0, 459, .01, 0.009920974201040622},       {3, 10, .5, 0.171875},
        {50, 1000, .05, 0.5375290408014308},       {5, 5, .2, 1},
        {9000, 1000000, .009, 0.5028034694196266}, {120, 10000, .01, 0.9778855121625393},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_true(close_to(binomial_cdf(rows[i].k, rows[i].n, rows[i].p), rows[i].cdf, 1e-9));
    assert_true(binomial_cdf(3, 5, 0) == 1 && binomial_cdf(3, 5, 1) == 0);
    assert_true(isnan(binomial_cdf(3, 5, 1.5)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normal),         cmocka_unit_test(incomplete_beta),
        cmocka_unit_test(beta_quantiles), cmocka_unit_test(beta_quantile_inverts),
        cmocka_unit_test(student),        cmocka_unit_test(binomial),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
