/* quantile.c: order statistics and their intervals. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "stats/order.h"
#include "stats/stats.h"

/* Below this many values an insertion sort is quicker than another partition. */
#define SORT_SMALL 24
#define BLOCK 64

static void swap(double *a, double *b)
{
    double held = *a;
    *a = *b;
    *b = held;
}

static void insertion_sort(double *x, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        double value = x[i];
        size_t j = i;
        for (; j > 0 && value < x[j - 1]; j--)
            x[j] = x[j - 1];
        x[j] = value;
    }
}

static void heap_sift(double *x, size_t n, size_t root)
{
    for (size_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && x[child] < x[child + 1])
            child++;
        if (!(x[root] < x[child]))
            return;
        swap(&x[root], &x[child]);
    }
}

static void heap_sort(double *x, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        heap_sift(x, n, i);
    for (size_t end = n; end-- > 1;) {
        swap(&x[0], &x[end]);
        heap_sift(x, end, 0);
    }
}

/* What stands on the wrong side in a block: offsets from its outer end, written down without a
 * branch, since nobody can foretell which those are (Edelkamp, Weiss: BlockQuicksort, 2016). */
struct misplaced {
    uint8_t at[BLOCK];
    size_t first, count;
};

static void find_low(const double *block, double pivot, struct misplaced *ret)
{
    ret->first = ret->count = 0;
    for (size_t i = 0; i < BLOCK; i++) {
        ret->at[ret->count] = (uint8_t)i;
        ret->count += !(block[i] < pivot);
    }
}

static void find_high(const double *last, double pivot, struct misplaced *ret)
{
    ret->first = ret->count = 0;
    for (size_t i = 0; i < BLOCK; i++) {
        ret->at[ret->count] = (uint8_t)i;
        ret->count += !(pivot < *(last - i));
    }
}

/* Exchanges these between blocks from both ends of x[*begin, *end), as long as there are two:
 * before *begin nothing is above the pivot then, and from *end on nothing below it. */
static void exchange_blocks(double *x, double pivot, size_t *begin, size_t *end)
{
    struct misplaced low = {.count = 0}, high = {.count = 0};
    while (*end - *begin >= (size_t)2 * BLOCK) {
        double *first = x + *begin, *last = x + *end - 1;
        if (low.count == 0)
            find_low(first, pivot, &low);
        if (high.count == 0)
            find_high(last, pivot, &high);
        size_t count = low.count < high.count ? low.count : high.count;
        for (size_t i = 0; i < count; i++)
            swap(first + low.at[low.first + i], last - high.at[high.first + i]);
        low.first += count;
        low.count -= count;
        high.first += count;
        high.count -= count;
        *begin += low.count == 0 ? BLOCK : 0;
        *end -= high.count == 0 ? BLOCK : 0;
    }
}

/* Hoare's partition around the median of three, n >= 3. Returns m in [1, n): x[0..m) <= x[m..n).
 * Equal values go to both sides, so runs of ties stay balanced. */
static size_t partition(double *x, size_t n)
{
    double *low = &x[0], *middle = &x[n / 2], *high = &x[n - 1];
    if (*middle < *low)
        swap(middle, low);
    if (*high < *middle) {
        swap(high, middle);
        if (*middle < *low)
            swap(middle, low);
    }
    double pivot = *middle;
    size_t i = 0, end = n;
    exchange_blocks(x, pivot, &i, &end);
    for (size_t j = end - 1;;) {
        while (x[i] < pivot)
            i++;
        while (pivot < x[j])
            j--;
        if (i >= j) /* not n: the last one is not below the pivot */
            return j + 1 < n ? j + 1 : n - 1;
        swap(&x[i++], &x[j--]);
    }
}

static unsigned depth_limit(size_t n)
{
    unsigned depth = 0;
    for (; n > 1; n >>= 1)
        depth += 2;
    return depth;
}

/* Introsort (Musser 1997): quicksort, with a heap sort once the pivots were bad too often. qsort()
 * would do, but calls a function per comparison and may allocate: ten million samples are sorted
 * here. */
static void sort_range(double *x, size_t n, unsigned depth)
{
    while (n > SORT_SMALL) {
        if (depth-- == 0) {
            heap_sort(x, n);
            return;
        }
        size_t cut = partition(x, n);
        if (cut < n - cut) {
            sort_range(x, cut, depth);
            x += cut;
            n -= cut;
        } else {
            sort_range(x + cut, n - cut, depth);
            n = cut;
        }
    }
    insertion_sort(x, n);
}

void stats_sort(double *x, size_t n)
{
    sort_range(x, n, depth_limit(n));
}

double order_select(double *x, size_t n, size_t k)
{
    unsigned depth = depth_limit(n);
    size_t rank = k;

    while (n > SORT_SMALL && depth-- > 0) {
        size_t cut = partition(x, n);
        if (rank < cut) {
            n = cut;
        } else {
            x += cut;
            n -= cut;
            rank -= cut;
        }
    }
    if (n > SORT_SMALL)
        heap_sort(x, n);
    else
        insertion_sort(x, n);
    return x[rank];
}

double order_median(double *x, size_t n)
{
    if (n == 0)
        return NAN;
    double upper = order_select(x, n, n / 2);
    if (n % 2)
        return upper;
    double lower = x[0];
    for (size_t i = 1; i < n / 2; i++)
        lower = fmax(lower, x[i]);
    return lower + (upper - lower) / 2;
}

double quantile_unsorted(double *x, size_t n, double p)
{
    if (n == 0 || !(p >= 0 && p <= 1))
        return NAN;
    double position = (double)(n - 1) * p;
    size_t rank = (size_t)position;
    double below = order_select(x, n, rank), fraction = position - (double)rank;
    if (rank >= n - 1 || fraction <= 0)
        return below;
    double above = order_select(x + rank + 1, n - rank - 1, 0); /* the least of those behind it */
    return below + fraction * (above - below);
}

double quantile_sorted(const double *ascending, size_t n, double p)
{
    if (n == 0 || !(p >= 0 && p <= 1))
        return NAN;
    double position = (double)(n - 1) * p;
    size_t rank = (size_t)position;
    if (rank >= n - 1)
        return ascending[n - 1];
    double fraction = position - (double)rank;
    if (fraction <= 0)
        return ascending[rank];
    return ascending[rank] + fraction * (ascending[rank + 1] - ascending[rank]);
}

/* The smallest k in [0, n] with P[Bin(n, p) <= k] >= at_least, or > when `strict`. */
static size_t binomial_first(size_t n, double p, double at_least, bool strict)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        double cdf = binomial_cdf(middle, n, p);
        if (strict ? cdf > at_least : cdf >= at_least)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* With B ~ Bin(m, p) the number of m values below the quantile, [x_(r), x_(s)] (1-based) covers it
 * with probability P[r <= B < s]: r is the largest rank with P[B < r] <= alpha/2, s the smallest
 * with P[B < s] >= 1 - alpha/2. Of n values that are worth only m, the ranks are those that lie at
 * the same share of the way. */
void quantile_interval_ranks(size_t n, double n_eff, double p, double level, size_t *ret_lo,
                             size_t *ret_hi)
{
    size_t m = (size_t)n_eff;
    *ret_lo = *ret_hi = SIZE_MAX;
    if (n == 0 || m == 0 || !(p >= 0 && p <= 1) || !(level > 0 && level < 1))
        return;
    double tail = (1 - level) / 2, spread = (double)(n + 1) / (double)(m + 1);
    size_t r = binomial_first(m, p, tail, true);
    size_t s = binomial_first(m, p, 1 - tail, false) + 1;
    if (r >= 1)
        *ret_lo = (size_t)floor((double)r * spread) - 1;
    if (s <= m)
        *ret_hi = (size_t)ceil((double)s * spread) - 1;
}

static bool interval_by_ranks(const double *ascending, size_t n, double n_eff, double p,
                              double level, struct interval *ret)
{
    size_t lo, hi;
    quantile_interval_ranks(n, n_eff, p, level, &lo, &hi);
    ret->lo = lo == SIZE_MAX ? -INFINITY : ascending[lo];
    ret->hi = hi == SIZE_MAX ? INFINITY : ascending[hi];
    return lo != SIZE_MAX && hi != SIZE_MAX;
}

bool quantile_interval(const double *ascending, size_t n, double p, double level,
                       struct interval *ret)
{
    return interval_by_ranks(ascending, n, (double)n, p, level, ret);
}

int quantile_interval_ordered(const double *x, const double *ascending, size_t n, double p,
                              double level, struct interval *ret, bool *ret_both)
{
    CLEANUP_FREE double *answers = malloc((n + 1) * sizeof(*answers));
    if (!answers)
        return -1;
    double quantile = quantile_sorted(ascending, n, p);
    for (size_t i = 0; i < n; i++)
        answers[i] = x[i] <= quantile ? 1 : 0;
    *ret_both = interval_by_ranks(ascending, n, effective_n(answers, n), p, level, ret);
    return 0;
}

int stats_mad(const double *x, size_t n, double *ret_median, double *ret_mad)
{
    if (n == 0) {
        *ret_median = *ret_mad = NAN;
        return 0;
    }
    CLEANUP_FREE double *scratch = malloc(n * sizeof(*scratch));
    if (!scratch)
        return -1;
    memcpy(scratch, x, n * sizeof(*scratch));
    double median = order_median(scratch, n);
    for (size_t i = 0; i < n; i++)
        scratch[i] = fabs(scratch[i] - median);
    *ret_median = median;
    *ret_mad = order_median(scratch, n);
    return 0;
}
