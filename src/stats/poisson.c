/* poisson.c: counts of things that happen at random, and the gamma distribution that they rest on.
 * See stats.h. */
#include <math.h>

#include "stats/stats.h"

/* x^a e^-x / Γ(a+1). By logarithms: for a of some millions 1e-8 of it is lost, which moves a
 * quantile by less than 1e-11 of itself. */
static double gamma_factor(double x, double a)
{
    int sign;
    return exp(a * log(x) - x - lgamma_r(a + 1, &sign));
}

/* DLMF 8.7.1: P(a,x) as a series with positive terms; short for x <= a + 1. */
static double lower_series(double x, double a)
{
    double term = 1, sum = 1, limit = 1000 + 40 * sqrt(a);
    for (double i = 1; i < limit && term > 1e-17 * sum; i++) {
        term *= x / (a + i);
        sum += term;
    }
    return gamma_factor(x, a) * sum;
}

/* DLMF 8.9.2: Q(a,x) as a continued fraction, by the modified method of Lentz; for x > a + 1. */
static double upper_fraction(double x, double a)
{
    const double tiny = 1e-300;
    double limit = 1000 + 40 * sqrt(a);
    double b = x + 1 - a, c = 1 / tiny, d = 1 / b, h = d;
    for (double i = 1; i < limit; i++) {
        double numerator = -i * (i - a);
        b += 2;
        d = numerator * d + b;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = b + numerator / c;
        c = fabs(c) < tiny ? tiny : c;
        h *= c * d;
        if (fabs(c * d - 1) < 1e-16)
            break;
    }
    return gamma_factor(x, a) * a * h;
}

/* P(a,x) less p, without cancellation in the upper tail. */
static double excess(double x, double a, double p)
{
    return x <= a + 1 ? lower_series(x, a) - p : (1 - p) - upper_fraction(x, a);
}

double gamma_cdf(double x, double shape)
{
    if (!(shape > 0 && x >= 0))
        return NAN;
    if (x == 0 || isinf(x))
        return x == 0 ? 0 : 1;
    double cdf = x <= shape + 1 ? lower_series(x, shape) : 1 - upper_fraction(x, shape);
    return fmin(1, fmax(0, cdf));
}

/* Wilson & Hilferty 1931: the cube root is nearly normal. */
static double first_guess(double p, double shape)
{
    double v = 1 / (9 * shape), root = 1 - v + normal_quantile(p) * sqrt(v);
    return root > 0 ? shape * root * root * root : shape * 1e-3;
}

/* Newton's method on P(shape,x) = p, kept inside a bracket that always shrinks. */
double gamma_quantile(double p, double shape)
{
    if (!(shape > 0 && p >= 0 && p <= 1))
        return NAN;
    if (p == 0 || p == 1)
        return p == 0 ? 0 : INFINITY;
    double low = 0, high = INFINITY, x = first_guess(p, shape);
    for (int i = 0; i < 400; i++) {
        double difference = excess(x, shape, p);
        if (difference == 0)
            break;
        if (difference < 0)
            low = x;
        else
            high = x;
        double next = x - difference / (gamma_factor(x, shape) * shape / x);
        if (!(next > low && next < high))
            next = isinf(high) ? 2 * x : low <= 0 ? high / 16 : low + (high - low) / 2;
        if (fabs(next - x) <= 1e-15 * x)
            break;
        x = next;
    }
    return x;
}

/* The limits are those means for which k or fewer, k or more, are just as rare as the level says:
 * quantiles of the gamma distribution, half of those of chi squared (Garwood 1936). */
struct interval poisson_interval(uint64_t k, double level)
{
    struct interval interval = {NAN, NAN};
    if (!(level > 0 && level < 1))
        return interval;
    double tail = (1 - level) / 2, count = (double)k;
    interval.lo = k == 0 ? 0 : gamma_quantile(tail, count);
    interval.hi = gamma_quantile(1 - tail, count + 1);
    return interval;
}

double poisson_dispersion_p(double index, uint64_t n)
{
    if (n < 2 || !(index >= 0))
        return NAN;
    double df = (double)(n - 1), x = index * df / 2, shape = df / 2;
    if (x <= 0)
        return 1;
    return fmin(1, x <= shape + 1 ? 1 - lower_series(x, shape) : upper_fraction(x, shape));
}
