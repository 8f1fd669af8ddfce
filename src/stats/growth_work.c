/* growth_work.c: which counter of work explains the growth, and MB per unit of it (growth.h).
 *
 * In a steady service every counter rises evenly, and so does a leak: all correlate with it at 0.99
 * and more. What tells them apart is where they do not run evenly. The line of memory over the
 * counter that it really follows leaves smaller residuals than the lines over the others and over
 * time; by how much smaller they must be, Akaike's criterion says: n ln(RSS) for lines of equally
 * many parameters, with n the observations that autocorrelation leaves.
 *
 * Memory that grows with work which comes in bursts rises too unevenly over time to be a leak by
 * the rule of growth_fit.c, and evenly over the counter: there the same rule says so.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/util.h"
#include "stats/growth_internal.h"

/* rms of y around its least-squares line over x; NaN: x is constant. */
static double residual_of(const double *x, const double *y, size_t n)
{
    double mean_x = stats_mean(x, n), mean_y = stats_mean(y, n), xx = 0, xy = 0, yy = 0;
    for (size_t i = 0; i < n; i++) {
        xx += (x[i] - mean_x) * (x[i] - mean_x);
        xy += (x[i] - mean_x) * (y[i] - mean_y);
        yy += (y[i] - mean_y) * (y[i] - mean_y);
    }
    if (!(xx > 0))
        return NAN;
    /* What is below the rounding of the sums is 0. */
    double left = yy - xy * xy / xx;
    return sqrt(fmax(left, yy * 16 * DBL_EPSILON) / (double)n);
}

int growth_compare(const double *y, size_t n, double n_eff, const double *const *x, size_t count,
                   double *ret_residual, double *ret_delta)
{
    int best = -1;
    for (size_t i = 0; i < count; i++) {
        ret_residual[i] = x[i] && n > 2 ? residual_of(x[i], y, n) : NAN;
        if (!isnan(ret_residual[i]) && (best < 0 || ret_residual[i] < ret_residual[best]))
            best = (int)i;
    }
    for (size_t i = 0; i < count; i++) {
        ret_delta[i] = NAN;
        if (best >= 0 && ret_residual[best] > 0)
            ret_delta[i] = 2 * n_eff * log(ret_residual[i] / ret_residual[best]);
        else if (best >= 0 && !isnan(ret_residual[i]))
            ret_delta[i] = ret_residual[i] > 0 ? INFINITY : 0;
    }
    return best;
}

/* A counter of which a reading is missing, that stands still or goes back is none. */
static bool is_usable(const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i]) || (i > 0 && x[i] < x[i - 1]))
            return false;
    }
    return n > 0 && x[n - 1] > x[0];
}

static int rate_of(const double *x, const double *y, size_t n, struct growth_work *work)
{
    struct trend trend;
    if (trend_theil_sen(x, y, n, 0.95, &trend) < 0)
        return -1;
    work->rate = (struct growth_rate){trend.slope, trend.lo, trend.hi};
    work->units = x[n - 1] - x[0];
    return 0;
}

/* Whether memory y grows with the counter x by the rule that holds for time. Windows in which x
 * stood still have no place on its line. */
static int grows_with(const double *x, const double *y, size_t n, bool *ret)
{
    CLEANUP_FREE double *kept = calloc(2 * n, sizeof(*kept));
    struct growth_line line = {.n = 0, .t = kept, .y = kept + n};
    struct growth_fit fit;
    *ret = false;
    if (!kept)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (line.n > 0 && !(x[i] > kept[line.n - 1]))
            continue;
        kept[line.n] = x[i];
        kept[n + line.n++] = y[i];
    }
    if (line.n < GROWTH_WINDOWS_MIN)
        return 0;
    if (growth_fit_line(line, &fit) < 0)
        return -1;
    /* Not sure to slow down is not enough here: it must be even. */
    *ret = fit.grows && fit.bend_ratio >= GROWTH_BEND_RATIO;
    return 0;
}

/* Whether a start-up that holds more than an eighth of the work brought more for each unit than
 * what came behind it: a growth that slows down over the work, of which the steep part was cut off.
 */
static bool slowed_before(const struct growth_floor *windows, size_t startup, size_t counter,
                          const struct growth_work *work)
{
    const struct growth_floor *begin = windows - startup;
    double units = windows->work[counter] - begin->work[counter];
    double rise = windows->floor_mb - begin->floor_mb;
    return 8 * units > units + work->units && rise * GROWTH_BEND_RATIO > units * work->rate.value;
}

/* A counter that clearly beats time makes a leak of what is none by time alone. */
static int judge_best(const struct growth_floor *windows, size_t n, size_t startup,
                      const double *const *x, const double *y, struct growth_verdict *verdict)
{
    bool grows;
    int best = verdict->best_work;
    if (best < 0 || growth_is_leak(verdict->class) ||
        !(verdict->time_delta_aic >= GROWTH_DELTA_AIC_CLEAR))
        return 0;
    if (grows_with(x[best], y, n, &grows) < 0)
        return -1;
    if (grows && !slowed_before(windows, startup, (size_t)best, &verdict->work[best])) {
        verdict->class = GROWTH_WITH_WORK;
        verdict->pace = verdict->per_min;
    }
    return 0;
}

int growth_judge_work(const struct growth_floor *windows, size_t count, size_t startup,
                      struct growth_verdict *verdict)
{
    size_t kinds = verdict->work_count;
    const double *x[GROWTH_WORK_MAX + 1] = {NULL};
    double residual[GROWTH_WORK_MAX + 1], delta[GROWTH_WORK_MAX + 1];
    if (kinds == 0)
        return 0;
    CLEANUP_FREE double *values = calloc((kinds + 2) * count, sizeof(*values));
    if (!values)
        return -1;
    double *y = values, *t = values + count;
    for (size_t i = 0; i < count; i++) {
        y[i] = windows[i].floor_mb;
        t[i] = windows[i].floor_s;
    }
    for (size_t j = 0; j < kinds; j++) {
        double *counter = values + (j + 2) * count;
        struct growth_work *work = &verdict->work[j];
        for (size_t i = 0; i < count; i++)
            counter[i] = windows[i].work[j];
        *work = (struct growth_work){.usable = is_usable(counter, count),
                                     .rate = {NAN, NAN, NAN},
                                     .units = NAN,
                                     .residual_mb = NAN,
                                     .delta_aic = NAN};
        if (work->usable && rate_of(counter, y, count, work) < 0)
            return -1;
        x[j] = work->usable ? counter : NULL;
    }
    x[kinds] = t;
    int best = growth_compare(y, count, fmax(verdict->n_eff, 2), x, kinds + 1, residual, delta);
    for (size_t j = 0; j < kinds; j++) {
        verdict->work[j].residual_mb = residual[j];
        verdict->work[j].delta_aic = delta[j];
    }
    verdict->time_delta_aic = delta[kinds];
    verdict->best_work = best == (int)kinds ? -1 : best;
    return judge_best(windows, count, startup, x, y, verdict);
}
