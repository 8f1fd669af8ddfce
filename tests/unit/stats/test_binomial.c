#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "close.h"
#include "stats/stats.h"

/* The minima of MLPerf's early stopping at 99 % confidence, from its own C++ rule. 64 and 662 (one
 * exceedance allowed) are its published minimum query counts of p90 and p99. */
static void mlperf_minima(void **state)
{
    static const uint64_t exceedances[] = {0, 1, 2, 5, 10};
    static const struct {
        double p;
        uint64_t n[5];
    } rows[] = {
        {.5, {7, 11, 14, 22, 35}},          {.9, {44, 64, 81, 127, 197}},
        {.95, {90, 130, 165, 259, 398}},    {.97, {152, 219, 277, 433, 667}},
        {.99, {459, 662, 838, 1307, 2010}}, {.999, {4603, 6636, 8403, 13105, 20140}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (size_t j = 0; j < 5; j++)
            assert_int_equal(percentile_samples_needed(rows[i].p, exceedances[j], 0.99),
                             rows[i].n[j]);
}

/* The number is the first that decides: one less does not. */
static void samples_needed_agree_with_the_bound(void **state)
{
    for (uint64_t k = 0; k < 60; k += 7) {
        uint64_t n = percentile_samples_needed(0.97, k, 0.95);
        assert_true(proportion_upper((double)k, (double)n, 0.95) <= 0.03);
        assert_true(proportion_upper((double)k, (double)n - 1, 0.95) > 0.03);
    }
}

static void samples_needed_has_no_answer(void **state)
{
    assert_true(percentile_samples_needed(1, 0, 0.99) == UINT64_MAX);
    assert_true(percentile_samples_needed(0.99, 0, 1) == UINT64_MAX);
    assert_true(percentile_samples_needed(NAN, 0, 0.99) == UINT64_MAX);
    assert_true(percentile_samples_needed(0.9999999999999999, 5, 0.99) == UINT64_MAX);
    /* scipy.stats.binom.cdf(10, 201446797, 1e-7) > 0.01 >= the same with n = 201446798 */
    assert_int_equal(percentile_samples_needed(1 - 1e-7, 10, 0.99), 201446798);
}

/* scipy.stats.beta.ppf(c, k+1, n-k) and beta.ppf(1-c, k, n-k+1) */
static void clopper_pearson(void **state)
{
    static const double rows[][5] = {
        {0, 459, .99, 0.00998288736612908, 0},
        {3, 100, .99, 0.09697104526534446, 0.004394976455887061},
        {10, 2010, .99, 0.009996950474066443, 0.002057319849448569},
        {2.5, 80.25, .95, 0.08519987313308286, 0.007178652656017281},
        {50, 100, .975, 0.6016788704966989, 0.39832112950330106},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        double k = rows[i][0], n = rows[i][1], confidence = rows[i][2];
        assert_true(close_to(proportion_upper(k, n, confidence), rows[i][3], 1e-10));
        assert_true(close_to(proportion_lower(k, n, confidence), rows[i][4], 1e-10));
    }
    assert_true(proportion_upper(5, 5, 0.99) == 1);
    /* all of n: the lower bound is (1-c)^(1/n) */
    assert_true(close_to(proportion_lower(5, 5, 0.99), pow(0.01, 0.2), 1e-12));
    assert_true(proportion_upper(0, 0, 0.99) == 1 && proportion_lower(0, 0, 0.99) == 0);
    assert_true(isnan(proportion_upper(6, 5, 0.99)) && isnan(proportion_lower(-1, 5, 0.99)));
    assert_true(isnan(proportion_upper(1, NAN, 0.99)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mlperf_minima),
        cmocka_unit_test(samples_needed_agree_with_the_bound),
        cmocka_unit_test(samples_needed_has_no_answer),
        cmocka_unit_test(clopper_pearson),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
