/* sweep.c: see sweep.h. */
#include "stats/sweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define RESAMPLES 2000
#define LEVEL 0.95
/* A rise, dip or bend of less than this share is taken for noise. */
#define KNEE_NOISE 0.05

/* ---- Amdahl's law ------------------------------------------------------------------------- */

struct fit {
    double a, b; /* T(p) = a + b / p */
};

/* Least squares with a >= 0 and b >= 0. Where the free optimum violates one, the constrained one
 * lies on that edge, since the sum of squares is convex. */
static struct fit fit_law(const double *inverse, const double *time, size_t n)
{
    double mean_x = stats_mean(inverse, n), mean_y = stats_mean(time, n);
    double sxx = 0, sxy = 0, xx = 0, xy = 0;
    for (size_t i = 0; i < n; i++) {
        sxx += (inverse[i] - mean_x) * (inverse[i] - mean_x);
        sxy += (inverse[i] - mean_x) * (time[i] - mean_y);
        xx += inverse[i] * inverse[i];
        xy += inverse[i] * time[i];
    }
    struct fit fit = {.b = sxy / sxx};
    fit.a = mean_y - fit.b * mean_x;
    if (fit.b < 0)
        return (struct fit){.a = mean_y, .b = 0};
    if (fit.a < 0)
        return (struct fit){.a = 0, .b = xy / xx};
    return fit;
}

static double serial_of(struct fit fit)
{
    return fit.a / (fit.a + fit.b);
}

static double rms_relative(struct fit fit, const double *inverse, const double *time, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double fitted = fit.a + fit.b * inverse[i];
        sum += (time[i] - fitted) / fitted * ((time[i] - fitted) / fitted);
    }
    return sqrt(sum / (double)n);
}

struct point {
    double inverse, time;
};

static int compare_points(const void *a, const void *b)
{
    double x = ((const struct point *)a)->inverse, y = ((const struct point *)b)->inverse;
    return (x > y) - (x < y);
}

/* Points sorted by core count; each count keeps its number of values. false: one of them has but
 * one value, which resampled is always itself. */
static bool resample(const struct point *points, size_t n, uint64_t *state, double *inverse,
                     double *time)
{
    for (size_t begin = 0, end; begin < n; begin = end) {
        for (end = begin + 1; end < n && points[end].inverse <= points[begin].inverse;)
            end++;
        if (end - begin < 2)
            return false;
        for (size_t i = begin; i < end; i++) {
            size_t pick = begin + (size_t)(random_uniform(state) * (double)(end - begin));
            inverse[i] = points[pick].inverse;
            time[i] = points[pick].time;
        }
    }
    return true;
}

static int fit_interval(struct point *points, size_t n, double *inverse, double *time,
                        uint64_t seed, struct amdahl *ret)
{
    CLEANUP_FREE double *values = calloc(RESAMPLES, sizeof(*values));
    if (!values)
        return -1;
    uint64_t state = seed;
    qsort(points, n, sizeof(*points), compare_points);
    for (size_t i = 0; i < RESAMPLES; i++) {
        if (!resample(points, n, &state, inverse, time))
            return 0;
        values[i] = serial_of(fit_law(inverse, time, n));
    }
    stats_sort(values, RESAMPLES);
    ret->serial_ci.lo = quantile_sorted(values, RESAMPLES, (1 - LEVEL) / 2);
    ret->serial_ci.hi = quantile_sorted(values, RESAMPLES, (1 + LEVEL) / 2);
    ret->has_ci = true;
    return 0;
}

static bool can_fit(const double *cores, const double *time, size_t n)
{
    bool differ = false;
    for (size_t i = 0; i < n; i++) {
        if (!(cores[i] > 0 && time[i] > 0) || isinf(cores[i]) || isinf(time[i]))
            return false;
        differ = differ || cores[i] > cores[0] || cores[i] < cores[0];
    }
    return differ;
}

int amdahl_fit(const double *cores, const double *time, size_t n, uint64_t seed, struct amdahl *ret)
{
    *ret = (struct amdahl){.serial = NAN,
                           .serial_ci = {NAN, NAN},
                           .t1 = NAN,
                           .max_speedup = NAN,
                           .rms_relative = NAN,
                           .n = n};
    CLEANUP_FREE struct point *points = calloc(n + 1, sizeof(*points));
    CLEANUP_FREE double *inverse = calloc(n + 1, sizeof(*inverse));
    CLEANUP_FREE double *times = calloc(n + 1, sizeof(*times));
    if (!can_fit(cores, time, n) || !points || !inverse || !times)
        return -1;
    for (size_t i = 0; i < n; i++) {
        points[i] = (struct point){1 / cores[i], time[i]};
        inverse[i] = points[i].inverse;
    }
    struct fit fit = fit_law(inverse, time, n);
    struct amdahl found = *ret;
    found.serial = serial_of(fit);
    found.t1 = fit.a + fit.b;
    found.max_speedup = found.serial > 0 ? 1 / found.serial : INFINITY;
    found.rms_relative = rms_relative(fit, inverse, time, n);
    if (fit_interval(points, n, inverse, times, seed, &found) < 0)
        return -1;
    *ret = found;
    return 0;
}

/* ---- ratio of medians --------------------------------------------------------------------- */

static double resampled_median(const double *x, size_t n, double *scratch, uint64_t *state)
{
    for (size_t i = 0; i < n; i++)
        scratch[i] = x[(size_t)(random_uniform(state) * (double)n)];
    return bootstrap_median(scratch, n);
}

int median_ratio_interval(const double *a, size_t na, const double *b, size_t nb, double level,
                          uint64_t seed, struct interval *ret)
{
    *ret = (struct interval){NAN, NAN};
    if (na < 2 || nb < 2 || !(level > 0 && level < 1))
        return 0;
    CLEANUP_FREE double *scratch = calloc(na > nb ? na : nb, sizeof(*scratch));
    CLEANUP_FREE double *values = calloc(RESAMPLES, sizeof(*values));
    if (!scratch || !values)
        return -1;
    uint64_t state = seed;
    for (size_t i = 0; i < RESAMPLES; i++) {
        double above = resampled_median(a, na, scratch, &state);
        values[i] = above / resampled_median(b, nb, scratch, &state);
    }
    stats_sort(values, RESAMPLES);
    ret->lo = quantile_sorted(values, RESAMPLES, (1 - level) / 2);
    ret->hi = quantile_sorted(values, RESAMPLES, (1 + level) / 2);
    return 0;
}

/* ---- knee --------------------------------------------------------------------------------- */

size_t knee_find(const double *x, const double *y, size_t n)
{
    if (n < 3)
        return SIZE_MAX;
    double low = y[0], high = y[0];
    for (size_t i = 0; i < n; i++) {
        if (isnan(x[i]) || isnan(y[i]) || (i > 0 && x[i] <= x[i - 1]))
            return SIZE_MAX;
        low = fmin(low, y[i]);
        high = fmax(high, y[i]);
    }
    double range = high - low;
    if (!(range > KNEE_NOISE * fmax(fabs(high), fabs(low))))
        return SIZE_MAX; /* flat */
    size_t knee = SIZE_MAX;
    double furthest = KNEE_NOISE, peak = y[0];
    for (size_t i = 0; i < n; i++) {
        peak = fmax(peak, y[i]);
        if (peak - y[i] > KNEE_NOISE * range)
            return SIZE_MAX;
        /* Both axes from 0 to 1: the chord is the diagonal. */
        double above = (y[i] - low) / range - (x[i] - x[0]) / (x[n - 1] - x[0]);
        if (above > furthest) {
            furthest = above;
            knee = i;
        }
    }
    return knee;
}

/* ---- Pareto front ------------------------------------------------------------------------- */

static bool dominates(double a0, double b0, double a1, double b1)
{
    return a0 <= a1 && b0 <= b1 && (a0 < a1 || b0 < b1);
}

void pareto_front(const double *a, bool a_lower_is_better, const double *b, bool b_lower_is_better,
                  size_t n, bool *ret_on_front)
{
    double sign_a = a_lower_is_better ? 1 : -1, sign_b = b_lower_is_better ? 1 : -1;
    for (size_t i = 0; i < n; i++) {
        ret_on_front[i] = !isnan(a[i]) && !isnan(b[i]);
        for (size_t j = 0; j < n && ret_on_front[i]; j++) {
            /* A comparison with NaN is false: it dominates nothing. */
            ret_on_front[i] =
                !dominates(sign_a * a[j], sign_b * b[j], sign_a * a[i], sign_b * b[i]);
        }
    }
}
