/* rank.c: comparison by ranks. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "stats/order.h"
#include "stats/stats.h"

/* Up to this many values in both samples together the distribution of U is enumerated. */
#define EXACT_MAX 20
#define EXACT_U_MAX (EXACT_MAX / 2 * (EXACT_MAX / 2))

struct ranked {
    double value;
    size_t index;
};

static int by_value(const void *left, const void *right)
{
    double a = ((const struct ranked *)left)->value, b = ((const struct ranked *)right)->value;
    return (a > b) - (a < b);
}

int order_ranks(const double *x, size_t n, double *ret_ranks, double *ret_ties)
{
    CLEANUP_FREE struct ranked *sorted = calloc(n ? n : 1, sizeof(*sorted));
    if (!sorted)
        return -1;
    for (size_t i = 0; i < n; i++)
        sorted[i] = (struct ranked){x[i], i};
    qsort(sorted, n, sizeof(*sorted), by_value);

    double ties = 0;
    for (size_t first = 0, next; first < n; first = next) {
        for (next = first + 1; next < n && sorted[next].value == sorted[first].value;)
            next++;
        double group = (double)(next - first), rank = (double)(first + next + 1) / 2;
        ties += group * group * group - group;
        for (size_t i = first; i < next; i++)
            ret_ranks[sorted[i].index] = rank;
    }
    *ret_ties = ties;
    return 0;
}

/* P[U <= u]. The numbers of arrangements are the coefficients of the Gaussian binomial (Mann &
 * Whitney 1947): the product over i = 1…na of (1 - q^(nb+i)) / (1 - q^i). */
static double exact_lower_tail(size_t na, size_t nb, size_t u)
{
    double counts[EXACT_U_MAX + 1] = {1};
    size_t top = na * nb;

    for (size_t i = 1; i <= na; i++) {
        for (size_t j = top; j >= nb + i; j--)
            counts[j] -= counts[j - nb - i];
        for (size_t j = i; j <= top; j++)
            counts[j] += counts[j - i];
    }
    double below = 0, all = 0;
    for (size_t j = 0; j <= top; j++) {
        all += counts[j];
        if (j <= u)
            below += counts[j];
    }
    return below / all;
}

static double normal_two_sided(double u, double na, double nb, double ties)
{
    double n = na + nb;
    double variance = na * nb / 12 * (n + 1 - ties / (n * (n - 1)));
    if (!(variance > 0))
        return 1; /* all values equal: nothing speaks for a difference */
    double z = (fabs(u - na * nb / 2) - 0.5) / sqrt(variance);
    return fmin(1, 2 * normal_cdf(-z));
}

/* Mann & Whitney 1947; the tie correction as in Conover 1999, 5.1. NaN when a sample is empty. */
int mann_whitney(const double *a, size_t na, const double *b, size_t nb, double *ret_p)
{
    if (na == 0 || nb == 0) {
        *ret_p = NAN;
        return 0;
    }
    size_t n = na + nb;
    CLEANUP_FREE double *both = calloc(n, sizeof(*both));
    CLEANUP_FREE double *ranks = calloc(n, sizeof(*ranks));
    double ties;
    if (!both || !ranks)
        return -1;
    memcpy(both, a, na * sizeof(*both));
    memcpy(both + na, b, nb * sizeof(*both));
    if (order_ranks(both, n, ranks, &ties) < 0)
        return -1;

    double u = -(double)na * ((double)na + 1) / 2;
    for (size_t i = 0; i < na; i++)
        u += ranks[i];
    if (n <= EXACT_MAX && ties == 0) {
        double smaller = fmin(u, (double)na * (double)nb - u);
        *ret_p = fmin(1, 2 * exact_lower_tail(na, nb, (size_t)smaller));
    } else {
        *ret_p = normal_two_sided(u, (double)na, (double)nb, ties);
    }
    return 0;
}
