/* means.h: means of a stream, of products and ratios of such means, and their 95 % intervals, in
 * constant memory.
 *
 * What: up to MEANS_SERIES_MAX series that run together (latency, power, batch size: one value of
 *       each for every row). The exact sums of all values are kept, and for the intervals up to
 *       MEANS_BLOCKS_MAX values: once there are more, neighbours are put together, so that these
 *       are means of 2, 4, 8… successive values. The variance of a mean of block means is that of
 *       the mean itself, so nothing is lost by it.
 * Dependence: intervals rest on effective_n (stats.h) of the values in the order in which they
 * came. Memory: at most 3 x 4096 doubles; a zeroed struct with `series` set is valid and empty.
 * Threads: one at a time. Errors: -1: out of memory. Unknown: NaN.
 */
#ifndef TACHO_ANALYZE_MEANS_H
#define TACHO_ANALYZE_MEANS_H

#include <stddef.h>
#include <stdint.h>

#define MEANS_SERIES_MAX 3
#define MEANS_BLOCKS_MAX 4096

struct means {
    size_t series; /* 1 to MEANS_SERIES_MAX */
    uint64_t n;
    double sum[MEANS_SERIES_MAX], lost[MEANS_SERIES_MAX]; /* Neumaier: what the sums round off */
    double *blocks;                                       /* one after the other, `series` each */
    size_t count, capacity;
    uint64_t block_size;
    double open[MEANS_SERIES_MAX]; /* sums of the block that is not full yet */
    uint64_t open_n;
};

struct estimate {
    double value, lo, hi; /* lo and hi NaN: too few values for an interval */
    double error;         /* standard error of the value; relative to it where it is a product */
    double n_eff;         /* independent values that the interval rests on, of blocks */
    uint64_t n;
};

int means_add(struct means *means, const double *values);
void means_deinit(struct means *means);
double means_of(const struct means *means, size_t series);
/* The mean of one series: mean ± t · std / sqrt(n_eff) (Student 1908). */
int means_estimate(const struct means *means, size_t series, struct estimate *ret);
/* factor · Π mean_i ^ power_i of positive means: delta method on the logarithm (Oehlert 1992, Am.
 * Stat. 46: 27): the standard error is that of the mean of Σ power_i · x_i / mean_i. */
int means_product(const struct means *means, double factor, const double *powers,
                  struct estimate *ret);
/* B - A of two independent estimates of means, with Welch's degrees of freedom (Welch 1947). */
struct estimate estimate_difference(const struct estimate *a, const struct estimate *b);
/* B / A of two independent products, likewise, on the logarithm. `level` of the interval. */
struct estimate estimate_ratio(const struct estimate *a, const struct estimate *b, double level);

#endif
