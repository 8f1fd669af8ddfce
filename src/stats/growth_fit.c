/* growth_fit.c: one line through the floors, and whether it rises beyond doubt.
 *
 * Memory that only wanders looks like a trend to every test that takes its values for independent,
 * and to those that correct for a little autocorrelation too (Mann-Kendall finds one in every
 * second walk). So a rise must pass one of two tests that hold for both kinds of noise, the one
 * around a level and the walk, and then three plain questions:
 *
 *  1. Residuals: the line's t with as many observations as the residuals' autocorrelation leaves
 *     (Santer et al. 2000, eqs. 3-6), that autocorrelation corrected for its bias in short series
 *     (Marriott & Pope 1954: + (1 + 4 rho) / n); at 0.05 %, and only while 12 are left, which a
 * walk hardly ever has.
 *  2. Differences between the medians of 12 segments: their mean against their scatter, after their
 *     own line is taken out, so that a growth that changes is not its own noise; at 0.2 %. A walk's
 *     differences are what this supposes (Working 1960); those of noise around a level cancel each
 *     other, which only makes it strict.
 *
 * And: most segments rise; the rise is three times the scatter of the floors; it is worth a word
 * (1 MB). All one-sided. What simulation found: docs/memory-verdict.md.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "stats/growth_internal.h"
#include "stats/order.h"

#define SURE_RESIDUALS 0.9995
#define SURE_DIFFERENCES 0.998
#define N_EFF_MIN 12.0 /* a walk leaves less */
#define AGREE_MIN 0.6
#define WALK_WIDER 1.1
#define RESIDUALS_WIDER 1.4
/* The differences between averages of neighbouring stretches of a walk correlate by 1/4 (Working
 * 1960), so the variance of their mean is 1 + 2/4 times that of independent ones. */
#define WALK_VARIANCE 1.5
#define RISE_NOISES 3.0
#define POWER_Z 1.2816 /* 90 % */
#define AGREE_Z 0.75   /* so far above 0, enough of 11 differences are, in 9 of 10 cases */

struct test {
    double se;     /* of the slope */
    double needed; /* t that it must reach */
};

static double mean_of(const double *x, size_t n)
{
    return n > 0 ? stats_mean(x, n) : NAN;
}

/* t_quantile for fractional degrees below 1 is beyond any use. */
static double t_needed(double p, double df)
{
    return df >= 1 ? t_quantile(p, df) : INFINITY;
}

static double lag_one(const double *x, size_t n)
{
    double rho = autocorrelation(x, n, 1);
    return isnan(rho) ? 0 : rho;
}

/* Test 1. `residual` has mean about 0. */
static struct test test_residuals(struct growth_line line, const double *residual,
                                  double *ret_n_eff)
{
    double n = (double)line.n, mean_t = stats_mean(line.t, line.n), spread = 0, squares = 0;
    double mean_r = stats_mean(residual, line.n);
    for (size_t i = 0; i < line.n; i++) {
        spread += (line.t[i] - mean_t) * (line.t[i] - mean_t);
        squares += (residual[i] - mean_r) * (residual[i] - mean_r);
    }
    double rho = lag_one(residual, line.n);
    rho = fmin(fmax(rho + (1 + 4 * rho) / n, 0), 0.999);
    double n_eff = n * (1 - rho) / (1 + rho);
    *ret_n_eff = n_eff;
    squares = fmax(squares, n * GROWTH_RESOLUTION_MB * GROWTH_RESOLUTION_MB);
    return (struct test){.se = sqrt(squares / fmax(n_eff - 2, 0.01) / spread),
                         .needed =
                             n_eff >= N_EFF_MIN ? t_needed(SURE_RESIDUALS, n_eff - 2) : INFINITY};
}

/* Medians of equal parts of the windows, in order; -1: out of memory. */
static int segment_medians(struct growth_line line, size_t count, double *ret_y, double *ret_t)
{
    CLEANUP_FREE double *scratch = calloc(line.n, sizeof(*scratch));
    if (!scratch)
        return -1;
    for (size_t i = 0; i < count; i++) {
        size_t first = line.n * i / count, end = line.n * (i + 1) / count;
        memcpy(scratch, line.y + first, (end - first) * sizeof(*scratch));
        ret_y[i] = order_median(scratch, end - first);
        memcpy(scratch, line.t + first, (end - first) * sizeof(*scratch));
        ret_t[i] = order_median(scratch, end - first);
    }
    return 0;
}

/* Test 2; also tells whether growth changes. */
static int test_differences(struct growth_line line, struct growth_fit *fit, struct test *ret)
{
    double y[GROWTH_SEGMENTS] = {0}, t[GROWTH_SEGMENTS] = {0}, d[GROWTH_SEGMENTS - 1];
    size_t segments = line.n >= 2 * GROWTH_SEGMENTS ? GROWTH_SEGMENTS : line.n / 2;
    if (segment_medians(line, segments, y, t) < 0)
        return -1;
    size_t k = segments - 1, up = 0;
    double middle = (double)(k - 1) / 2, sum_xd = 0, sum_xx = 0;
    for (size_t i = 0; i < k; i++) {
        d[i] = (y[i + 1] - y[i]) / (t[i + 1] - t[i]);
        up += d[i] > 0;
    }
    double mean = mean_of(d, k);
    for (size_t i = 0; i < k; i++) {
        sum_xd += ((double)i - middle) * (d[i] - mean);
        sum_xx += ((double)i - middle) * ((double)i - middle);
    }
    double bend = sum_xd / sum_xx, squares = 0;
    for (size_t i = 0; i < k; i++) {
        double left = d[i] - mean - bend * ((double)i - middle);
        squares += left * left;
    }
    double pace = (t[segments - 1] - t[0]) / (double)k;
    double least = GROWTH_RESOLUTION_MB / pace;
    double deviation = sqrt(fmax(squares / (double)(k - 2), least * least));
    double quarter = (double)k / 4;
    fit->steps = k;
    fit->agree_share = (double)up / (double)k;
    fit->bend_t = bend / (deviation / sqrt(sum_xx));
    fit->bend_ratio = (mean + bend * quarter) / (mean - bend * quarter);
    *ret = (struct test){.se = deviation * sqrt(WALK_VARIANCE / (double)k),
                         .needed = t_needed(SURE_DIFFERENCES, (double)(k - 2))};
    return 0;
}

/* From the residuals where enough observations are left, else from the differences; never narrower
 * than Sen's. The factors make up for what a Theil-Sen line varies more than the line that either
 * supposes: found by simulation. */
static void set_interval(struct growth_fit *fit, const struct trend *trend, struct test residuals,
                         struct test differences)
{
    double by_differences =
        WALK_WIDER * t_quantile(0.975, (double)(fit->steps - 2)) * differences.se;
    double half = by_differences;
    if (fit->n_eff >= N_EFF_MIN)
        half = RESIDUALS_WIDER * t_quantile(0.975, fit->n_eff - 2) * residuals.se;
    fit->lo = fmin(trend->lo, fit->slope - half);
    fit->hi = fmax(trend->hi, fit->slope + half);
}

static void decide(struct growth_fit *fit, struct test residuals, struct test differences)
{
    double rise = fit->slope * fit->span;
    double rise_needed = fmax(GROWTH_MATERIAL_MB, RISE_NOISES * fit->noise);
    bool sure = fit->slope > residuals.needed * residuals.se ||
                fit->slope > differences.needed * differences.se;
    fit->grows = sure && fit->agree_share >= AGREE_MIN && rise >= rise_needed;
    double by_residuals = (residuals.needed + POWER_Z) * residuals.se;
    double by_differences = (differences.needed + POWER_Z) * differences.se;
    double by_rise = rise_needed / fit->span + POWER_Z * fmin(residuals.se, differences.se);
    double deviation = differences.se * sqrt((double)fit->steps / WALK_VARIANCE);
    fit->smallest = fmax(fmin(by_residuals, by_differences), fmax(by_rise, AGREE_Z * deviation));
}

int growth_fit_line(struct growth_line line, struct growth_fit *ret)
{
    struct growth_fit fit = {.slope = NAN, .lo = NAN, .hi = NAN, .intercept = NAN, .noise = NAN};
    fit.smallest = fit.bend_t = fit.bend_ratio = fit.agree_share = NAN;
    struct trend trend;
    struct test residuals, differences;
    *ret = fit;
    if (line.n < 8)
        return 0;
    CLEANUP_FREE double *residual = calloc(line.n, sizeof(*residual));
    if (!residual || trend_theil_sen(line.t, line.y, line.n, 0.95, &trend) < 0)
        return -1;
    for (size_t i = 0; i < line.n; i++)
        residual[i] = line.y[i] - trend.intercept - trend.slope * line.t[i];
    double median, mad;
    if (stats_mad(residual, line.n, &median, &mad) < 0)
        return -1;
    fit.slope = trend.slope;
    fit.intercept = trend.intercept;
    fit.noise = fmax(1.4826 * mad, GROWTH_RESOLUTION_MB);
    fit.span = line.t[line.n - 1] - line.t[0];
    residuals = test_residuals(line, residual, &fit.n_eff);
    if (test_differences(line, &fit, &differences) < 0)
        return -1;
    set_interval(&fit, &trend, residuals, differences);
    decide(&fit, residuals, differences);
    *ret = fit;
    return 0;
}
