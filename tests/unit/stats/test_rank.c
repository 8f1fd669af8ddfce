#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "close.h"
#include "stats/order.h"
#include "stats/stats.h"

static double p_of(const double *a, size_t na, const double *b, size_t nb)
{
    double p, mirrored;
    assert_int_equal(mann_whitney(a, na, b, nb, &p), 0);
    assert_int_equal(mann_whitney(b, nb, a, na, &mirrored), 0);
    if (!isnan(p))
        assert_true(close_to(p, mirrored, 1e-14));
    return p;
}

/* scipy.stats.mannwhitneyu(a, b, method='exact').pvalue */
static void exact(void **state)
{
    static const double a[] = {12.1, 11.9, 12.4, 13.0, 11.7};
    static const double b[] = {12.9, 13.3, 12.8, 14.1, 13.6, 12.2};
    static const double low[] = {1, 2, 3}, high[] = {4, 5, 6, 7};
    static const double c[] = {1, 3, 4, 7, 9, 10, 11, 15, 16, 18};
    static const double d[] = {2, 5, 6, 8, 12, 13, 14, 17, 19, 20};
    assert_true(close_to(p_of(a, 5, b, 6), 0.05194805194805195, 1e-13));
    assert_true(close_to(p_of(low, 3, high, 4), 0.05714285714285714, 1e-13));
    assert_true(close_to(p_of(c, 10, d, 10), 0.43587217735824557, 1e-13));
    assert_true(p_of(low, 1, low + 1, 1) == 1);
}

/* scipy.stats.mannwhitneyu(a, b, method='asymptotic').pvalue */
static void approximate(void **state)
{
    static const double c[] = {1, 2, 2, 3, 3, 3, 4}, d[] = {2, 3, 4, 4, 5, 5, 6, 6};
    double e[25], f[20];
    for (size_t i = 0; i < 25; i++)
        e[i] = (double)i;
    for (size_t i = 0; i < 20; i++)
        f[i] = 1.5 * (double)i + 3.25;
    assert_true(close_to(p_of(c, 7, d, 8), 0.025144761173357368, 1e-12));
    assert_true(close_to(p_of(e, 25, f, 20), 0.04322984705743232, 1e-12));
}

static void nothing_to_compare(void **state)
{
    static const double same[30] = {0};
    assert_true(p_of(same, 10, same, 20) == 1);
    assert_true(isnan(p_of(same, 0, same, 20)));
}

/* scipy.stats.rankdata([3,1,4,1,5,9,2,6,5,3,5]); ties: 2, 2 and 3 equal values */
static void ranks(void **state)
{
    static const double x[] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5};
    static const double want[] = {4.5, 1.5, 6, 1.5, 8, 11, 3, 10, 8, 4.5, 8};
    double got[11], ties;
    assert_int_equal(order_ranks(x, 11, got, &ties), 0);
    for (size_t i = 0; i < 11; i++)
        assert_true(got[i] == want[i]);
    assert_true(ties == 6 + 6 + 24);
    assert_int_equal(order_ranks(x, 0, got, &ties), 0);
    assert_true(ties == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact),
        cmocka_unit_test(approximate),
        cmocka_unit_test(nothing_to_compare),
        cmocka_unit_test(ranks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
