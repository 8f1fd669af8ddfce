/* steady.c: where does warm-up end? The rule has two parts, because warm-up has two faces: a few
 * launches that are far too slow (cold caches, a library loaded), and a gradual approach to a
 * plateau (JIT, clocks, allocators).
 *
 * 1. Leading outliers. The run of first values that stand more than RUN_Z robust deviations (median
 *    and 1.4826 MAD of the values after the run) on one side is warm-up if the farthest of them
 *    stands farther than 6 + 400/m² deviations, m the number of values after the run, and at most
 *    1 % of those stand as far out. Distances are taken of the values and, if all are positive, of
 *    their logarithms too, and the smaller one counts: a skewed distribution is not an outlier.
 *    400/m² pays for the small samples in which a MAD is easily too small by chance.
 *
 * 2. Level. What follows is tested for stationarity by ranks: Mann-Kendall's S for drift, and the
 *    largest standardised difference between the mean ranks before and after a point, over all
 *    points, for steps and curves. Both are divided by the autocorrelation time of the ranks with a
 *    line and a step taken out, so that correlated noise is not taken for a change of level. A step
 *    of less than 1 % of the level does not count.
 *    Without a significant change the warm-up is what part 1 found. With one, the series is cut
 *    where the standard error of the mean of the remaining ranks is least (MSER: White 1997), and
 *    if the rest still fails the test, as far behind that as it takes. The cut holds if it lies in
 *    the first half (of more than 1,000 values: the first fifth, for a program does not warm up for
 *    longer because it is measured for longer), leaves enough values to test, the rest drifts by
 *    less than half of the step at the cut, and no later stretch comes halfway back to what was
 * cut: what comes and goes is another load, not warm-up. If none holds the series never settled: a
 *    drift through all of it is no warm-up.
 *
 * Longer series are tested on up to 1,000 medians of blocks; a gradual warm-up shorter than a block
 * is then below what can be seen, and below 0.1 % of the data.
 *
 * The thresholds were set by simulation: 2,000 series of each of n = 10, 20, 50, 100, 200 and of
 * normal, lognormal (sigma 0.5 and 1), exponential and first-order autoregressive (phi 0.5) noise
 * gave a warm-up or "not settled" in at most 1.5 % of each. tests/unit/stats/test_steady.c repeats
 * it.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "stats/order.h"
#include "stats/stats.h"

#define VALUES_MIN 6
#define BLOCKS_MAX 1000
#define RUN_Z 3.5
#define DRIFT_Z 3.1
#define STEP_Z 3.75
/* A shorter series cannot reach either threshold, so it cannot be shown to be flat either. */
#define TEST_MIN 7
/* Of more values than this only the first fifth may be a gradual warm-up. */
#define LONG_N 1000
/* A change of level of less than this part of the level is of no consequence, however sure. */
#define CHANGE_MIN 0.01

/* ---- part 1: leading outliers ---- */

/* The values and, if all of them are positive, their logarithms. */
struct series {
    size_t n;
    const double *x;
    double *logs; /* n, or NULL */
    double *scratch;
};

struct location {
    double median, deviation;
};

/* Robust location and spread of x. The spread is never 0 (unless all is 0): of values that are
 * mostly equal the MAD is 0, and then only a difference that is large beside `size` may count. */
static struct location locate(const double *x, size_t n, double size, double *scratch)
{
    struct location location;
    memcpy(scratch, x, n * sizeof(*x));
    location.median = order_median(scratch, n);
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        scratch[i] = fabs(x[i] - location.median);
        sum += scratch[i];
    }
    double mad = 1.4826 * order_median(scratch, n);
    if (isnan(size))
        size = fabs(location.median);
    location.deviation =
        mad > 0 ? fmax(mad, 0.001 * size) : fmax(1.2533 * sum / (double)n, 0.1 * size);
    return location;
}

static double distance(const struct location *location, double value)
{
    double difference = value - location->median;
    return difference == 0 ? 0 : difference / location->deviation;
}

/* Where the values after a leading run of `first` lie. */
struct reference {
    const struct series *series;
    size_t first;
    struct location raw, log;
};

static struct reference reference_after(const struct series *series, size_t first)
{
    struct reference reference = {.series = series, .first = first};
    size_t n = series->n - first;
    reference.raw = locate(series->x + first, n, NAN, series->scratch);
    if (series->logs) /* a difference of logarithms is relative already */
        reference.log = locate(series->logs + first, n, 1, series->scratch);
    return reference;
}

/* Signed, in robust deviations: the smaller of the distances of value and logarithm. */
static double distance_at(const struct reference *reference, size_t i)
{
    double raw = distance(&reference->raw, reference->series->x[i]);
    if (!reference->series->logs)
        return raw;
    double log = distance(&reference->log, reference->series->logs[i]);
    return fabs(log) < fabs(raw) ? log : raw;
}

/* How many leading values stand out on the side of the first one, n/2 at most. */
static size_t run_length(const struct reference *reference)
{
    double side = copysign(1, distance_at(reference, 0));
    size_t length = 0;
    while (length < reference->series->n / 2 && distance_at(reference, length) * side > RUN_Z)
        length++;
    return length;
}

static bool run_counts(const struct reference *reference)
{
    const struct series *series = reference->series;
    double after = (double)(series->n - reference->first), farthest = 0;
    double side = copysign(1, distance_at(reference, 0));
    size_t as_far = 0;

    for (size_t i = 0; i < reference->first; i++)
        farthest = fmax(farthest, distance_at(reference, i) * side);
    if (!(farthest > 6 + 400 / (after * after)))
        return false;
    for (size_t i = reference->first; i < series->n; i++)
        as_far += distance_at(reference, i) * side >= farthest;
    return (double)as_far <= 0.01 * after;
}

static size_t leading_outliers(const struct series *series)
{
    struct reference reference = reference_after(series, 1);
    size_t length = run_length(&reference);
    /* The run itself widened the spread that it was held against: look again without it. */
    for (int i = 0; i < 8 && length > 0 && length != reference.first; i++) {
        reference = reference_after(series, length);
        length = run_length(&reference);
    }
    if (length == 0)
        return 0;
    reference = reference_after(series, length);
    return run_counts(&reference) ? length : 0;
}

/* ---- part 2: level ---- */

/* Sum of ranks before each point against its expectation, standardised as Mann and Whitney do. */
static double step_z(double sum, double before, double n, double variance)
{
    double after = n - before;
    return fabs(sum - before * (n + 1) / 2) / sqrt(before * after / n * variance * n / (n - 1));
}

/* The largest step_z over all points of division, and where it is. The ends are left out: of a few
 * values, most of them ties, the sum is far from normal. */
static double step_largest(const double *ranks, size_t n, double variance, size_t *ret_at)
{
    size_t margin = n / 50 > 3 ? n / 50 : 3;
    double sum = 0, largest = 0;
    *ret_at = margin;
    for (size_t i = 1; i <= n - margin; i++) {
        sum += ranks[i - 1];
        if (i < margin)
            continue;
        double z = step_z(sum, (double)i, (double)n, variance);
        if (z > largest) {
            largest = z;
            *ret_at = i;
        }
    }
    return largest;
}

static double kendall_score(const double *ranks, size_t n)
{
    double score = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            score += (ranks[j] > ranks[i]) - (ranks[j] < ranks[i]);
    return score;
}

/* Residuals of the ranks from the least-squares line with a step at `at`: a change of level must
 * not look like autocorrelation, or it would hide itself. */
static void take_out_change(const double *ranks, size_t n, size_t at, double *residuals)
{
    double centre = (double)(n - 1) / 2, after = (double)(n - at) / (double)n;
    double mean = stats_mean(ranks, n), tt = 0, ss = 0, ts = 0, ty = 0, sy = 0;
    for (size_t i = 0; i < n; i++) {
        double t = (double)i - centre, s = (i >= at) - after, y = ranks[i] - mean;
        tt += t * t;
        ss += s * s;
        ts += t * s;
        ty += t * y;
        sy += s * y;
    }
    double determinant = tt * ss - ts * ts;
    double slope = (ty * ss - sy * ts) / determinant, step = (sy * tt - ty * ts) / determinant;
    for (size_t i = 0; i < n; i++)
        residuals[i] = ranks[i] - mean - slope * ((double)i - centre) - step * ((i >= at) - after);
}

/* By how much autocorrelation widens the variance of a mean, 1 or more. Both the first-order model,
 * corrected for what the fit and the short series take from the estimate (about (4 + 4 rho)/n), and
 * Geyer's sum, which sees longer memory but has no such correction: the larger. */
static double autocorrelation_time(const double *residuals, size_t n, double variance)
{
    double spread = stats_std(residuals, n), rho = autocorrelation(residuals, n, 1);
    if (!(spread * spread > 1e-12 * variance)) /* a perfect fit leaves rounding errors */
        return 1;
    rho = fmin(0.98, fmax(0, rho + (4 + 4 * rho) / (double)n));
    double first_order = (1 + rho) / (1 - rho);
    return fmax(first_order, (double)n / effective_n(residuals, n));
}

static bool negligible(const double *x, size_t n, size_t at, double *scratch)
{
    memcpy(scratch, x, n * sizeof(*x));
    double level = order_median(scratch, n);
    memcpy(scratch, x, n * sizeof(*x));
    double step = order_median(scratch + at, n - at) - order_median(scratch, at);
    return fabs(step) < CHANGE_MIN * fabs(level);
}

/* Whether x has no significant change of level that matters. Scratch: 2n. */
static int settled(const double *x, size_t n, double *scratch, bool *ret)
{
    double *ranks = scratch, *residuals = scratch + n, ties;
    *ret = true;
    if (n < TEST_MIN)
        return 0;
    if (order_ranks(x, n, ranks, &ties) < 0)
        return -1;
    double count = (double)n, variance = ((count * count * count - count) - ties) / (12 * count);
    if (!(variance > 0))
        return 0;

    size_t at;
    double step = step_largest(ranks, n, variance, &at);
    take_out_change(ranks, n, at, residuals);
    double widen = sqrt(autocorrelation_time(residuals, n, variance));
    /* Ties shrink the variance of S almost as they shrink that of the ranks. */
    double score_variance =
        count * (count - 1) * (2 * count + 5) / 18 * variance * 12 / (count * count - 1);
    double drift = fmax(0, fabs(kendall_score(ranks, n)) - 1) / sqrt(score_variance);
    *ret = (step <= STEP_Z * widen && drift <= DRIFT_Z * widen) || negligible(x, n, at, scratch);
    return 0;
}

/* The cut k that leaves the least Σ(r - mean)²/(n-k)² of the remaining ranks, a quarter of them at
 * least: from few values a small spread is chance. */
static int mser_cut(const double *x, size_t n, double *ranks, size_t *ret_cut)
{
    double ties, mean = 0, m2 = 0, least = INFINITY;
    size_t keep = n / 4 > 5 ? n / 4 : 5;
    if (order_ranks(x, n, ranks, &ties) < 0)
        return -1;
    *ret_cut = 0;
    for (size_t k = n; k-- > 0;) {
        double count = (double)(n - k), delta = ranks[k] - mean;
        mean += delta / count;
        m2 += delta * (ranks[k] - mean);
        if (n - k >= keep && m2 / (count * count) < least) {
            least = m2 / (count * count);
            *ret_cut = k;
        }
    }
    return 0;
}

/* Whether the rest after the cut still moves by half as much as it moved at the cut. */
static int drifts(const double *x, size_t n, size_t cut, double *scratch, bool *ret)
{
    struct trend trend;
    if (trend_theil_sen(NULL, x + cut, n - cut, 0.95, &trend) < 0)
        return -1;
    memcpy(scratch, x, n * sizeof(*x));
    double step = fabs(order_median(scratch, cut) - order_median(scratch + cut, n - cut));
    *ret = fabs(trend.slope) * (double)(n - cut) > 0.5 * step;
    return 0;
}

/* Whether a stretch after the cut lies halfway or more from the level of the rest to that of what
 * was cut. A stretch is as long as it takes for its median to be certain (4 standard errors, normal
 * noise), a tenth of the cut and 5 values at least: lone spikes say nothing. Scratch: 2n. */
static bool returns(const double *x, size_t n, size_t cut, double *scratch)
{
    memcpy(scratch, x, n * sizeof(*x));
    double step = order_median(scratch, cut) - order_median(scratch + cut, n - cut);
    struct location rest = locate(x + cut, n - cut, NAN, scratch);
    double certain = 10 * rest.deviation / fabs(step);
    double length = fmax(fmax(5, (double)cut / 10), ceil(certain * certain));
    if (!(step != 0 && length <= (double)(n - cut)))
        return false;
    size_t stretch = (size_t)length;

    for (size_t i = cut; i + stretch <= n; i += (stretch + 1) / 2) {
        memcpy(scratch, x + i, stretch * sizeof(*x));
        if ((order_median(scratch, stretch) - rest.median) / step >= 0.5)
            return true;
    }
    return false;
}

/* Part 2 on blocks x[0..n): *ret_cut blocks are warm-up, at most cut_max. Scratch: 2n. */
static int level_cut(const double *x, size_t n, size_t cut_max, double *scratch, size_t *ret_cut,
                     bool *ret_steady)
{
    size_t cut = 0;
    bool flat, moving;

    *ret_cut = 0;
    if (settled(x, n, scratch, ret_steady) < 0)
        return -1;
    if (*ret_steady)
        return 0;
    if (mser_cut(x, n, scratch, &cut) < 0)
        return -1;
    for (; cut > 0 && cut <= cut_max && n - cut >= TEST_MIN; cut += cut / 8 + 1) {
        if (settled(x + cut, n - cut, scratch, &flat) < 0)
            return -1;
        if (!flat)
            continue;
        if (drifts(x, n, cut, scratch, &moving) < 0)
            return -1;
        moving = moving || returns(x, n, cut, scratch);
        *ret_steady = !moving;
        *ret_cut = moving ? 0 : cut;
        return 0;
    }
    return 0;
}

static int warmup_of(const struct series *series, size_t *ret_k, bool *ret_steady)
{
    size_t lead = leading_outliers(series), rest = series->n - lead;
    size_t size = (rest + BLOCKS_MAX - 1) / BLOCKS_MAX, blocks = rest / size, cut;
    double *medians = series->scratch, *scratch = series->scratch + blocks;
    CLEANUP_FREE double *block = calloc(size, sizeof(*block));
    if (!block)
        return -1;

    for (size_t i = 0; i < blocks; i++) {
        memcpy(block, series->x + lead + i * size, size * sizeof(*block));
        medians[i] = order_median(block, size);
    }
    size_t longest = series->n > LONG_N ? series->n / 5 : series->n / 2;
    size_t cut_max = (longest > lead ? longest - lead : 0) / size;
    if (level_cut(medians, blocks, cut_max, scratch, &cut, ret_steady) < 0)
        return -1;
    *ret_k = lead + cut * size;
    return 0;
}

int steady_warmup(const double *x, size_t n, size_t *ret_k, bool *ret_steady)
{
    if (n < VALUES_MIN) {
        *ret_k = 0;
        *ret_steady = true;
        return 0;
    }
    CLEANUP_FREE double *scratch = calloc(n, 4 * sizeof(*scratch));
    if (!scratch)
        return -1;
    struct series series = {.n = n, .x = x, .logs = scratch, .scratch = scratch + n};
    for (size_t i = 0; i < n && series.logs; i++) {
        if (x[i] > 0)
            scratch[i] = log(x[i]);
        else
            series.logs = NULL;
    }
    size_t k;
    bool steady;
    if (warmup_of(&series, &k, &steady) < 0)
        return -1;
    *ret_k = k;
    *ret_steady = steady;
    return 0;
}
