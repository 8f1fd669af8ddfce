#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "close.h"
#include "stats/stats.h"

/* By exact fractions: sum over i >= a of C(a+b, i) C(c+d, a+c-i) / C(n, a+c), in Python. */
static void exact(void **state)
{
    static const struct {
        uint64_t a, b, c, d;
        double p;
    } cases[] = {
        {28, 0, 103, 270, 2.9056103152870758e-15}, {10, 18, 55, 318, 0.007413308795942143},
        {8, 2, 1, 5, 0.024475524475524476},        {1, 27, 10, 363, 0.5536712152726618},
        {3, 1, 1, 3, 0.24285714285714285},         {500, 4500, 3000, 97000, 6.307971299543449e-109},
        {4, 0, 0, 3, 0.02857142857142857},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        double p = fisher_greater(cases[i].a, cases[i].b, cases[i].c, cases[i].d);
        assert_true(close_to(p, cases[i].p, 1e-9));
    }
}

static void edges(void **state)
{
    assert_true(isnan(fisher_greater(0, 0, 3, 4)));
    assert_true(isnan(fisher_greater(3, 4, 0, 0)));
    assert_true(close_to(fisher_greater(0, 5, 0, 5), 1, 1e-12));
    assert_true(fisher_greater(0, 1000000, 1000000, 0) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(exact), cmocka_unit_test(edges)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
