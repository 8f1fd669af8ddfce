/* fisher.c: Fisher's exact test of a table of two rows and two columns. */
#include <math.h>

#include "stats/stats.h"

/* log of n choose k */
static double log_choose(double n, double k)
{
    int sign;
    return lgamma_r(n + 1, &sign) - lgamma_r(k + 1, &sign) - lgamma_r(n - k + 1, &sign);
}

double fisher_greater(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    double row = (double)a + (double)b, other = (double)c + (double)d;
    double column = (double)a + (double)c, n = row + other;
    if (row == 0 || other == 0)
        return NAN;
    /* The tail that does not hold the mode is summed: its terms fall, from the first one on, and
     * are each made from the one before. */
    bool is_upper = (double)a > row * column / n;
    double x = is_upper ? (double)a : (double)a - 1, sum = 0;
    if (!is_upper && (a == 0 || column - x > other))
        return 1;
    double term = exp(log_choose(row, x) + log_choose(other, column - x) - log_choose(n, column));
    while (term > sum * 1e-18) {
        sum += term;
        double rest = other - column + x;
        if (is_upper)
            term *= (row - x) * (column - x) / ((x + 1) * (rest + 1));
        else
            term *= x * rest / ((row - x + 1) * (column - x + 1));
        x += is_upper ? 1 : -1;
    }
    return is_upper ? fmin(sum, 1) : fmax(1 - sum, 0);
}
