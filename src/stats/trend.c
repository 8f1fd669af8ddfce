/* trend.c: see stats.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "stats/order.h"
#include "stats/stats.h"

#define POINTS_MAX 2000
#define POINTS_MIN 4

/* The points that are compared pairwise; `slopes` holds one value per pair of different t. */
struct points {
    size_t n;
    double *t, *y, *scratch; /* n each */
    double *slopes;
    size_t slopes_n;
    double score; /* Kendall's S: rising pairs less falling ones */
};

static void points_deinit(struct points *points)
{
    free(points->t);
    free(points->slopes);
}

static int points_init(struct points *points, size_t n)
{
    points->n = n;
    points->t = calloc(3 * n, sizeof(double));
    points->slopes = calloc(n * (n - 1) / 2, sizeof(double));
    if (!points->t || !points->slopes)
        return -1;
    points->y = points->t + n;
    points->scratch = points->t + 2 * n;
    return 0;
}

/* Bins of equal count; a median keeps what a single spike would take from a mean. `bin` is room
 * for the longest one. */
static void thin(struct points *points, const double *t, const double *y, size_t n, double *bin)
{
    for (size_t i = 0; i < points->n; i++) {
        size_t first = (size_t)((double)n * (double)i / (double)points->n);
        size_t end =
            i + 1 == points->n ? n : (size_t)((double)n * (double)(i + 1) / (double)points->n);
        size_t count = end - first;
        memcpy(bin, y + first, count * sizeof(*bin));
        points->y[i] = order_median(bin, count);
        if (t) {
            memcpy(bin, t + first, count * sizeof(*bin));
            points->t[i] = order_median(bin, count);
        } else {
            points->t[i] = (double)first + (double)(count - 1) / 2;
        }
    }
}

static int points_load(struct points *points, const double *t, const double *y, size_t n)
{
    if (n <= POINTS_MAX) {
        memcpy(points->y, y, n * sizeof(*y));
        for (size_t i = 0; i < n; i++)
            points->t[i] = t ? t[i] : (double)i;
        return 0;
    }
    CLEANUP_FREE double *bin = calloc(n / points->n + 2, sizeof(*bin));
    if (!bin)
        return -1;
    thin(points, t, y, n, bin);
    return 0;
}

static void compare_pairs(struct points *points)
{
    size_t count = 0;
    double score = 0;
    for (size_t i = 0; i < points->n; i++) {
        for (size_t j = i + 1; j < points->n; j++) {
            double dt = points->t[j] - points->t[i], dy = points->y[j] - points->y[i];
            if (dt == 0)
                continue;
            double slope = dy / dt;
            points->slopes[count++] = slope;
            score += (slope > 0) - (slope < 0);
        }
    }
    points->slopes_n = count;
    points->score = score;
}

/* Sums over the groups of g equal values that the variance of S needs. */
struct ties {
    double pairs;    /* Σ g(g-1) */
    double triples;  /* Σ g(g-1)(g-2) */
    double variance; /* Σ g(g-1)(2g+5) */
};

static struct ties count_ties(const double *x, size_t n, double *scratch)
{
    struct ties ties = {0};
    memcpy(scratch, x, n * sizeof(*x));
    stats_sort(scratch, n);
    for (size_t first = 0, next; first < n; first = next) {
        for (next = first + 1; next < n && scratch[next] == scratch[first];)
            next++;
        double g = (double)(next - first);
        ties.pairs += g * (g - 1);
        ties.triples += g * (g - 1) * (g - 2);
        ties.variance += g * (g - 1) * (2 * g + 5);
    }
    return ties;
}

/* Var(S) without trend, ties in both variables allowed: Kendall 1975, chapter 4. */
static double score_variance(const struct points *points)
{
    double n = (double)points->n;
    struct ties t = count_ties(points->t, points->n, points->scratch);
    struct ties y = count_ties(points->y, points->n, points->scratch);
    return (n * (n - 1) * (2 * n + 5) - t.variance - y.variance) / 18 +
           t.triples * y.triples / (9 * n * (n - 1) * (n - 2)) +
           t.pairs * y.pairs / (2 * n * (n - 1));
}

/* n/n*_S of Hamed & Rao 1998, eq. 7: by how much autocorrelation widens S, from the significant
 * autocorrelations (5 %) of the ranks of what is left once the trend is taken out. Only used to
 * widen: a factor below 1 would make a trend significant on the strength of noise in the lags. */
static int variance_factor(struct points *points, double slope, double *ret_factor)
{
    double n = (double)points->n, threshold = normal_quantile(0.975) / sqrt(n), sum = 0, ties;
    CLEANUP_FREE double *ranks = calloc(points->n, sizeof(*ranks));
    if (!ranks)
        return -1;
    for (size_t i = 0; i < points->n; i++)
        points->scratch[i] = points->y[i] - slope * points->t[i];
    if (order_ranks(points->scratch, points->n, ranks, &ties) < 0)
        return -1;

    double mean = (n + 1) / 2, variance = (n * n * n - n - ties) / 12;
    for (size_t lag = 1; variance > 0 && lag + 2 < points->n; lag++) {
        double covariance = 0, left = n - (double)lag;
        for (size_t i = 0; i + lag < points->n; i++)
            covariance += (ranks[i] - mean) * (ranks[i + lag] - mean);
        double rho = covariance / variance;
        if (fabs(rho) > threshold)
            sum += left * (left - 1) * (left - 2) * rho;
    }
    *ret_factor = fmax(1, 1 + 2 / (n * (n - 1) * (n - 2)) * sum);
    return 0;
}

/* Mann 1945 and Kendall 1975, with the correction for continuity. */
static double mann_kendall_p(double score, double variance)
{
    if (!(variance > 0))
        return 1; /* all y (or all t) equal */
    double z = fmax(0, fabs(score) - 1) / sqrt(variance);
    return fmin(1, 2 * normal_cdf(-z));
}

/* Sen 1968, section 4: the slopes whose ranks lie z·sqrt(Var S)/2 from the middle one. */
static void sen_interval(struct points *points, double variance, double level, struct trend *trend)
{
    double n = (double)points->slopes_n;
    double width = normal_quantile(0.5 + level / 2) * sqrt(fmax(variance, 0));
    double below = fmax(0, round((n - width) / 2) - 1), above = fmin(n - 1, round((n + width) / 2));

    trend->lo = order_select(points->slopes, points->slopes_n, (size_t)below);
    trend->hi = order_select(points->slopes, points->slopes_n, (size_t)above);
}

static int trend_of_points(struct points *points, double level, struct trend *trend)
{
    double factor;
    compare_pairs(points);
    if (points->slopes_n == 0)
        return 0; /* all t equal: a slope is not defined */
    double slope = order_median(points->slopes, points->slopes_n);
    if (variance_factor(points, slope, &factor) < 0)
        return -1;
    double variance = score_variance(points) * factor;

    trend->slope = slope;
    trend->p_value = mann_kendall_p(points->score, variance);
    if (level > 0 && level < 1)
        sen_interval(points, variance, level, trend);
    for (size_t i = 0; i < points->n; i++)
        points->scratch[i] = points->y[i] - slope * points->t[i];
    trend->intercept = order_median(points->scratch, points->n);
    return 0;
}

int trend_theil_sen(const double *t, const double *y, size_t n, double level, struct trend *ret)
{
    struct trend trend = {NAN, NAN, NAN, NAN, NAN, n};
    if (n >= POINTS_MIN) {
        CLEANUP(points_deinit) struct points points = {0};
        if (points_init(&points, n < POINTS_MAX ? n : POINTS_MAX) < 0 ||
            points_load(&points, t, y, n) < 0 || trend_of_points(&points, level, &trend) < 0)
            return -1;
    }
    *ret = trend;
    return 0;
}
