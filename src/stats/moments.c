/* moments.c: mean and standard deviation in one pass. */
#include <math.h>

#include "stats/stats.h"

/* Welford 1962: stable where Σx² - (Σx)²/n cancels. */
void moments_add(struct moments *moments, double value)
{
    moments->n++;
    if (moments->n == 1) {
        moments->mean = moments->min = moments->max = value;
        moments->m2 = 0;
        return;
    }
    double delta = value - moments->mean;
    moments->mean += delta / (double)moments->n;
    moments->m2 += delta * (value - moments->mean);
    moments->min = fmin(moments->min, value);
    moments->max = fmax(moments->max, value);
}

double moments_std(const struct moments *moments)
{
    return moments->n < 2 ? NAN : sqrt(moments->m2 / (double)(moments->n - 1));
}

/* A second pass over the deviations takes back most of the rounding of the first. */
double stats_mean(const double *x, size_t n)
{
    if (n == 0)
        return NAN;
    double sum = 0, rest = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        rest += x[i] - mean;
    return mean + rest / (double)n;
}

double stats_std(const double *x, size_t n)
{
    if (n < 2)
        return NAN;
    double mean = stats_mean(x, n), m2 = 0;
    for (size_t i = 0; i < n; i++)
        m2 += (x[i] - mean) * (x[i] - mean);
    return sqrt(m2 / (double)(n - 1));
}
