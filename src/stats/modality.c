/* modality.c: one group of values or two? They are called bimodal only if all of this holds:
 *
 * - Hartigan's dip (Hartigan & Hartigan 1985) is too large for one mode: p <= DIP_P against the
 *   uniform distribution. That is the least favourable unimodal one, so p is an upper bound.
 * - The two groups that the values fall into hold at least 10 % of them each: a few stragglers are
 *   outliers, not a mode.
 * - The medians of the groups are 4 + 30/n deviations apart or more (1.4826 MAD, of the wider
 *   group). The halves of one uniform distribution are 2.7 apart; 30/n pays for the chance that a
 *   MAD of few values is too small.
 *
 * Clocks and formats quantise values, and a pile of equal ones would look like a mode. So equal
 * values are spread evenly over the distance to the next ones: what is as smooth as its grid allows
 * stays smooth. Two different values alone are therefore never two modes.
 *
 * Of more than VALUES_MAX values as many quantiles are tested, and p is that of the smaller number.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "stats/order.h"
#include "stats/stats.h"

#define VALUES_MIN 10
#define VALUES_MAX 20000
#define DIP_P 0.02
#define SHARE_MIN 0.10
/* Closer than this part of the range, values differ by rounding only. */
#define SAME 1e-9
/* How much the grid may vary: digits after the point are lost from 9.99 to 10.0. */
#define GRID_RATIO 10

/* ---- the dip ---- */

/* x ascending without ties. The empirical distribution function rises from i to i+1 at x[i]. */
struct dip {
    const double *x;
    size_t n;
    double *minorant, *majorant; /* at x[i], of the interval at hand */
    size_t *before;              /* vertex left of i of the convex minorant of the points up to i */
    size_t *after;               /* vertex right of i of the concave majorant of those from i on */
};

static void dip_deinit(struct dip *dip)
{
    free(dip->minorant);
    free(dip->before);
}

static int dip_init(struct dip *dip, const double *x, size_t n)
{
    dip->x = x;
    dip->n = n;
    dip->minorant = calloc(2 * n, sizeof(*dip->minorant));
    dip->before = calloc(2 * n, sizeof(*dip->before));
    if (!dip->minorant || !dip->before)
        return -1;
    dip->majorant = dip->minorant + n;
    dip->after = dip->before + n;
    return 0;
}

/* Counts per unit of x between two points. */
static double steepness(const double *x, size_t from, size_t to)
{
    return (double)(to - from) / (x[to] - x[from]);
}

static void find_vertices(struct dip *dip)
{
    const double *x = dip->x;
    for (size_t i = 0; i < dip->n; i++) {
        size_t v = i > 0 ? i - 1 : 0;
        while (v > 0 && steepness(x, v, i) <= steepness(x, dip->before[v], v))
            v = dip->before[v];
        dip->before[i] = v;
    }
    for (size_t i = dip->n; i-- > 0;) {
        size_t v = i + 1 < dip->n ? i + 1 : i;
        while (v + 1 < dip->n && steepness(x, i, v) <= steepness(x, v, dip->after[v]))
            v = dip->after[v];
        dip->after[i] = v;
    }
}

/* A straight piece of a hull, `offset` above the rank of its end points. */
static void draw(const double *x, size_t from, size_t to, double offset, double *hull)
{
    double slope = to > from ? steepness(x, from, to) : 0;
    for (size_t i = from; i <= to; i++)
        hull[i] = (double)from + offset + slope * (x[i] - x[from]);
}

static void draw_hulls(struct dip *dip, size_t low, size_t high)
{
    for (size_t to = high; to > low; to = dip->before[to])
        draw(dip->x, dip->before[to], to, 0, dip->minorant);
    for (size_t from = low; from < high; from = dip->after[from])
        draw(dip->x, from, dip->after[from], 1, dip->majorant);
}

/* Narrows [low, high] to where the hulls lie farthest apart: from the last vertex of the minorant
 * before that point to the first of the majorant behind it. Returns the distance. */
static double narrow(const struct dip *dip, size_t *low, size_t *high)
{
    size_t widest = *low;
    for (size_t i = *low; i <= *high; i++)
        if (dip->majorant[i] - dip->minorant[i] > dip->majorant[widest] - dip->minorant[widest])
            widest = i;
    size_t left = *high, right = *low;
    while (left > widest)
        left = dip->before[left];
    while (right < widest)
        right = dip->after[right];
    *low = left;
    *high = right;
    return dip->majorant[widest] - dip->minorant[widest];
}

/* The algorithm of Hartigan & Hartigan 1985: outside the modal interval the distribution function
 * must be convex before and concave behind; the interval is narrowed as long as its own two hulls
 * are farther apart than what the parts outside cost already. 1/(2n) <= dip <= 1/4. */
static double dip_statistic(struct dip *dip)
{
    size_t low = 0, high = dip->n - 1;
    double cost = 1;

    find_vertices(dip);
    for (;;) {
        size_t new_low = low, new_high = high;
        draw_hulls(dip, low, high);
        if (narrow(dip, &new_low, &new_high) <= cost)
            break;
        for (size_t i = low; i <= new_low; i++)
            cost = fmax(cost, (double)(i + 1) - dip->minorant[i]);
        for (size_t i = new_high; i <= high; i++)
            cost = fmax(cost, dip->majorant[i] - (double)i);
        if (new_low == low && new_high == high)
            break;
        low = new_low;
        high = new_high;
    }
    return cost / (2 * (double)dip->n);
}

/* ---- its significance ---- */

/* sqrt(n)·dip that uniform samples exceed with these probabilities, simulated by us: 100,000
 * samples of each n (20,000 of the last), all from one splitmix64 stream of seed 1, made ascending
 * as sums of exponentials (-log(1-u)), the dip by the function above, quantiles of type 7. */
#define LEVELS 11
static const double dip_levels[LEVELS] = {0.9,  0.5,   0.2,   0.1,   0.05,  0.02,
                                          0.01, 0.005, 0.002, 0.001, 0.0005};
static const struct {
    double n, critical[LEVELS];
} dip_table[] = {
    {10, {0.2463, 0.3090, 0.3754, 0.4123, 0.4414, 0.4773, 0.5051, 0.5279, 0.5556, 0.5738, 0.5894}},
    {15, {0.2491, 0.3239, 0.3860, 0.4270, 0.4602, 0.4996, 0.5265, 0.5505, 0.5791, 0.5987, 0.6256}},
    {20, {0.2540, 0.3284, 0.3949, 0.4343, 0.4700, 0.5108, 0.5404, 0.5663, 0.5990, 0.6223, 0.6434}},
    {30, {0.2601, 0.3372, 0.4054, 0.4467, 0.4832, 0.5277, 0.5575, 0.5854, 0.6184, 0.6402, 0.6638}},
    {50, {0.2665, 0.3456, 0.4162, 0.4597, 0.4970, 0.5418, 0.5733, 0.6031, 0.6396, 0.6653, 0.6932}},
    {70, {0.2705, 0.3510, 0.4214, 0.4651, 0.5035, 0.5513, 0.5822, 0.6112, 0.6480, 0.6732, 0.6957}},
    {100, {0.2742, 0.3551, 0.4278, 0.4715, 0.5124, 0.5601, 0.5926, 0.6226, 0.6574, 0.6830, 0.7034}},
    {150, {0.2775, 0.3590, 0.4322, 0.4772, 0.5177, 0.5646, 0.5979, 0.6302, 0.6684, 0.7005, 0.7308}},
    {200, {0.2798, 0.3618, 0.4358, 0.4809, 0.5218, 0.5684, 0.6017, 0.6336, 0.6694, 0.6986, 0.7338}},
    {300, {0.2827, 0.3652, 0.4400, 0.4862, 0.5268, 0.5756, 0.6108, 0.6439, 0.6855, 0.7139, 0.7434}},
    {500, {0.2846, 0.3681, 0.4435, 0.4895, 0.5306, 0.5787, 0.6135, 0.6470, 0.6883, 0.7192, 0.7523}},
    {1000,
     {0.2879, 0.3717, 0.4473, 0.4942, 0.5357, 0.5864, 0.6225, 0.6546, 0.6948, 0.7231, 0.7489}},
    {2000,
     {0.2895, 0.3733, 0.4499, 0.4964, 0.5393, 0.5903, 0.6246, 0.6539, 0.6921, 0.7174, 0.7501}},
    {5000,
     {0.2914, 0.3757, 0.4520, 0.4984, 0.5407, 0.5926, 0.6268, 0.6617, 0.6969, 0.7293, 0.7572}},
    {20000,
     {0.2926, 0.3764, 0.4542, 0.4997, 0.5429, 0.5939, 0.6282, 0.6611, 0.7016, 0.7405, 0.7664}},
};

/* Linear in log n between the sizes and in log p between the levels. Smaller than the first level
 * of the table is p = 1, beyond its last p is that level, an upper bound. */
static double dip_p_value(double dip, size_t n)
{
    double size = fmin(fmax((double)n, VALUES_MIN), VALUES_MAX), scaled = dip * sqrt(size);
    size_t row = 0;
    while (row + 2 < ARRAY_LEN(dip_table) && dip_table[row + 1].n < size)
        row++;
    double weight = log(size / dip_table[row].n) / log(dip_table[row + 1].n / dip_table[row].n);

    double previous = 0;
    for (size_t i = 0; i < LEVELS; i++) {
        double left = dip_table[row].critical[i], right = dip_table[row + 1].critical[i];
        double critical = left + weight * (right - left);
        if (scaled < critical) {
            if (i == 0)
                return 1;
            double part = (scaled - previous) / (critical - previous);
            return dip_levels[i - 1] * pow(dip_levels[i] / dip_levels[i - 1], part);
        }
        previous = critical;
    }
    return dip_levels[LEVELS - 1];
}

/* ---- the two groups ---- */

/* The least distance between different ones of ascending values, as part of their range. */
static double grid_step(const double *sorted, size_t n, double range)
{
    double step = range;
    for (size_t i = 1; i < n; i++)
        if (sorted[i] - sorted[i - 1] > SAME * range)
            step = fmin(step, sorted[i] - sorted[i - 1]);
    return step / range;
}

/* A pile is spread over the distance to its nearer neighbour, at most GRID_RATIO grid steps. */
static void spread_ties(double *x, size_t n, double step)
{
    double left = INFINITY;
    for (size_t first = 0, next; first < n; first = next) {
        double value = x[first];
        for (next = first + 1; next < n && x[next] - value <= SAME;)
            next++;
        double right = next < n ? x[next] - value : INFINITY;
        double count = (double)(next - first), width = fmin(fmin(left, right), GRID_RATIO * step);
        for (size_t i = first; i < next; i++)
            x[i] = value + width * (((double)(i - first) + 0.5) / count - 0.5);
        left = right;
    }
}

/* Σ|x - median| of x[from..to), ascending, from sums[i] = x[0] + … + x[i-1]. */
static double absolute_deviation(const double *sums, size_t from, size_t to)
{
    size_t half = (to - from) / 2;
    return (sums[to] - sums[to - half]) - (sums[from + half] - sums[from]);
}

/* The size of the lower group: the division of least absolute deviation from the two medians, among
 * those that leave every group its share, then moved to the middle between the medians. */
static size_t divide(const double *x, size_t n, double *sums)
{
    size_t share = (size_t)ceil(SHARE_MIN * (double)n), cut = share;
    double least = INFINITY;

    sums[0] = 0;
    for (size_t i = 0; i < n; i++)
        sums[i + 1] = sums[i] + x[i];
    for (size_t i = share; i + share <= n; i++) {
        double total = absolute_deviation(sums, 0, i) + absolute_deviation(sums, i, n);
        if (total < least) {
            least = total;
            cut = i;
        }
    }
    double middle = (quantile_sorted(x, cut, 0.5) + quantile_sorted(x + cut, n - cut, 0.5)) / 2;
    for (cut = 0; cut < n && x[cut] < middle;)
        cut++;
    return cut;
}

/* Distance of the group medians in deviations of the wider group; 0 when a group is too small. */
static int separation(const double *x, size_t n, size_t cut, double *ret)
{
    double low, high, low_mad, high_mad;
    *ret = 0;
    if ((double)cut < SHARE_MIN * (double)n || (double)(n - cut) < SHARE_MIN * (double)n)
        return 0;
    if (stats_mad(x, cut, &low, &low_mad) < 0 || stats_mad(x + cut, n - cut, &high, &high_mad) < 0)
        return -1;
    *ret = (high - low) / (1.4826 * fmax(low_mad, high_mad));
    return 0;
}

/* Fills *ret from ascending x; scaled holds n, sums n + 1 values of scratch. */
static int judge(const double *x, size_t n, double step, double *scaled, double *sums,
                 struct modality *ret)
{
    CLEANUP(dip_deinit) struct dip dip = {0};
    double distance;
    spread_ties(scaled, n, step);
    if (dip_init(&dip, scaled, n) < 0)
        return -1;
    ret->p_value = dip_p_value(dip_statistic(&dip), n);
    if (ret->p_value > DIP_P)
        return 0;
    size_t cut = divide(scaled, n, sums);
    if (separation(scaled, n, cut, &distance) < 0)
        return -1;
    if (distance < 4 + 30 / (double)n)
        return 0;
    ret->bimodal = true;
    ret->low = quantile_sorted(x, cut, 0.5);
    ret->high = quantile_sorted(x + cut, n - cut, 0.5);
    ret->high_share = (double)(n - cut) / (double)n;
    return 0;
}

/* low, high and high_share are NaN unless bimodal; p_value is NaN below VALUES_MIN values. */
int modality_test(const double *x, size_t n, struct modality *ret)
{
    struct modality modality = {false, NAN, NAN, NAN, NAN};
    if (n < VALUES_MIN) {
        *ret = modality;
        return 0;
    }
    size_t used = n < VALUES_MAX ? n : VALUES_MAX;
    CLEANUP_FREE double *sorted = calloc(n, sizeof(*sorted));
    CLEANUP_FREE double *scratch = calloc(2 * used + 1, sizeof(*scratch));
    if (!sorted || !scratch)
        return -1;
    memcpy(sorted, x, n * sizeof(*sorted));
    stats_sort(sorted, n);
    double low = sorted[0], range = sorted[n - 1] - low;
    if (!(range > 0 && isfinite(range))) {
        modality.p_value = 1; /* one value only: one mode */
        *ret = modality;
        return 0;
    }
    double step = grid_step(sorted, n, range);
    for (size_t i = 0; i < used; i++) {
        sorted[i] = sorted[(size_t)(((double)i + 0.5) * ((double)n / (double)used))];
        scratch[i] = (sorted[i] - low) / range;
    }
    if (judge(sorted, used, step, scratch, scratch + used, &modality) < 0)
        return -1;
    *ret = modality;
    return 0;
}

int outliers_find(const double *x, size_t n, size_t *ret_indices, size_t capacity,
                  size_t *ret_count)
{
    double median, mad;
    if (stats_mad(x, n, &median, &mad) < 0)
        return -1;
    size_t count = 0;
    for (size_t i = 0; i < n && mad > 0; i++) {
        if (!(fabs(x[i] - median) > 14.826 * mad))
            continue;
        if (count < capacity)
            ret_indices[count] = i;
        count++;
    }
    *ret_count = count;
    return 0;
}
