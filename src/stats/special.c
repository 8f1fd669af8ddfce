/* special.c: the distributions everything else rests on. */
#include <math.h>

#include "stats/stats.h"

#define PI 3.14159265358979323846
#define HALF_LOG_2PI 0.91893853320467274178

double normal_cdf(double z)
{
    return 0.5 * erfc(-z / sqrt(2));
}

/* numerator and denominator: 8 coefficients each, constant first. */
static double rational(const double *numerator, const double *denominator, double x)
{
    double above = numerator[7], below = denominator[7];
    for (int i = 6; i >= 0; i--) {
        above = above * x + numerator[i];
        below = below * x + denominator[i];
    }
    return above / below;
}

/* Wichura 1988, algorithm AS 241 (PPND16): about 1 part in 10^16. */
double normal_quantile(double p)
{
    static const double centre[2][8] = {
        {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
         1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
         3.3430575583588128105e4, 2.5090809287301226727e3},
        {1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
         2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
         5.2264952788528545610e3}};
    static const double middle[2][8] = {
        {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
         3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
         2.27238449892691845833e-2, 7.74545014278341407640e-4},
        {1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
         1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
         1.05075007164441684324e-9}};
    static const double far[2][8] = {
        {6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
         2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
         2.71155556874348757815e-5, 2.01033439929228813265e-7},
        {1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
         7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
         2.04426310338993978564e-15}};

    if (!(p >= 0 && p <= 1))
        return NAN;
    if (p == 0 || p == 1)
        return p == 0 ? -INFINITY : INFINITY;
    double q = p - 0.5;
    if (fabs(q) <= 0.425)
        return q * rational(centre[0], centre[1], 0.180625 - q * q);
    double r = sqrt(-log(q < 0 ? p : 1 - p));
    double z = r <= 5 ? rational(middle[0], middle[1], r - 1.6) : rational(far[0], far[1], r - 5);
    return q < 0 ? -z : z;
}

/* log Γ(n+1) - log of Stirling's formula for it. */
static double stirling_error(double n)
{
    if (n < 16) {
        int sign;
        return lgamma_r(n + 1, &sign) - (n + 0.5) * log(n) + n - HALF_LOG_2PI;
    }
    double nn = n * n;
    return (1.0 / 12 - (1.0 / 360 - (1.0 / 1260 - (1.0 / 1680 - 1.0 / 1188 / nn) / nn) / nn) / nn) /
           n;
}

/* x log(x/m) + m - x without cancellation for x near m. */
static double deviance(double x, double m)
{
    if (fabs(x - m) > 0.1 * (x + m))
        return x * log(x / m) + m - x;
    double v = (x - m) / (x + m), sum = (x - m) * v, term = 2 * x * v;
    for (int j = 1; j < 1000; j++) {
        term *= v * v;
        double next = sum + term / (2 * j + 1);
        if (next == sum)
            break;
        sum = next;
    }
    return sum;
}

/* x^a y^b / (a B(a,b)) with y = 1 - x, by the saddle point expansion of Loader 2000: keeps its
 * relative accuracy for a and b in the millions, where differences of lgamma lose it. */
static double beta_factor(double a, double b, double x, double y)
{
    double n = a + b;
    double log_factor = stirling_error(n) - stirling_error(a) - stirling_error(b) -
                        deviance(a, n * x) - deviance(b, n * y);
    return exp(log_factor) * sqrt(b / (2 * PI * a * n));
}

/* The continued fraction of DLMF 8.17.22, by the modified method of Lentz. Converges in a few
 * times sqrt(max(a, b)) terms for x < (a+1)/(a+b+2). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double limit = 1000 + 20 * sqrt(fmax(a, b));
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double h = d;

    for (double m = 1; m < limit; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        double change = 1;
        for (int half = 0; half < 2; half++) {
            double term = half == 0 ? even : odd;
            d = 1 + term * d;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = 1 + term / c;
            c = fabs(c) < tiny ? tiny : c;
            change = c * d;
            h *= change;
        }
        if (fabs(change - 1) < 1e-16)
            break;
    }
    return h;
}

/* I_x(a,b) where the caller knows y = 1 - x better than a subtraction would. */
static double beta_inc_xy(double a, double b, double x, double y)
{
    if (x <= 0)
        return 0;
    if (y <= 0)
        return 1;
    if (x <= (a + 1) / (a + b + 2))
        return fmin(1, beta_factor(a, b, x, y) * beta_fraction(a, b, x));
    return fmax(0, 1 - beta_factor(b, a, y, x) * beta_fraction(b, a, y));
}

double beta_inc(double a, double b, double x)
{
    if (!(a > 0 && b > 0 && x >= 0 && x <= 1))
        return NAN;
    return beta_inc_xy(a, b, x, 1 - x);
}

/* Where to cut the bracket when Newton's step leaves it: by ratio while its ends differ by
 * magnitudes, because the quantile may be as small as 1e-9. */
static double bracket_cut(double low, double high)
{
    if (low <= 0)
        return high / 16;
    return high > 4 * low ? sqrt(low * high) : low + (high - low) / 2;
}

/* Newton's method on I_x(a,b) = p, kept inside a bracket that always shrinks. */
double beta_quantile(double p, double a, double b)
{
    if (!(a > 0 && b > 0 && p >= 0 && p <= 1))
        return NAN;
    if (p == 0 || p == 1)
        return p;
    double low = 0, high = 1, x = a / (a + b);

    for (int i = 0; i < 400 && high - low > 1e-16 * high; i++) {
        double y = 1 - x, difference = beta_inc_xy(a, b, x, y) - p;
        if (difference == 0)
            break;
        if (difference < 0)
            low = x;
        else
            high = x;
        double density = a * beta_factor(a, b, x, y) / (x * y);
        double next = x - difference / density;
        if (!(next > low && next < high))
            next = bracket_cut(low, high);
        if (fabs(next - x) <= 1e-16 * x)
            break;
        x = next;
    }
    return x;
}

/* Abramowitz & Stegun 26.7.1: both tails together are I_x(df/2, 1/2), x = df/(df + t²). */
double t_cdf(double t, double df)
{
    if (!(df > 0) || isnan(t))
        return NAN;
    if (isinf(t) || isinf(df))
        return normal_cdf(t);
    double ratio = t / df * t; /* t² would overflow sooner */
    double tail = 0.5 * beta_inc_xy(df / 2, 0.5, 1 / (1 + ratio), ratio / (1 + ratio));
    if (isinf(ratio))
        tail = 0;
    return t < 0 ? tail : 1 - tail;
}

double t_quantile(double p, double df)
{
    if (!(df > 0 && p >= 0 && p <= 1))
        return NAN;
    if (p == 0.5)
        return 0;
    if (p == 0 || p == 1 || df > 1e10)
        return normal_quantile(p);
    double tails = 2 * fmin(p, 1 - p), t;
    if (tails < 0.5) {
        double x = beta_quantile(tails, df / 2, 0.5);
        t = sqrt(df * ((1 - x) / x));
    } else { /* near the centre x is close to 1, and 1 - x would keep few digits */
        double y = beta_quantile(1 - tails, 0.5, df / 2);
        t = sqrt(df * (y / (1 - y)));
    }
    return p < 0.5 ? -t : t;
}

/* DLMF 8.17.5: P[X <= k] = I_{1-p}(n-k, k+1). */
double binomial_cdf(uint64_t k, uint64_t n, double p)
{
    if (!(p >= 0 && p <= 1))
        return NAN;
    if (k >= n)
        return 1;
    return beta_inc_xy((double)(n - k), (double)k + 1, 1 - p, p);
}
