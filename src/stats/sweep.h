/* sweep.h: statistics over configurations: scaling over cores, trade-offs over batch sizes.
 *
 * Conventions as in stats.h. Pure functions.
 */
#ifndef TACHO_STATS_SWEEP_H
#define TACHO_STATS_SWEEP_H

#include "stats/stats.h"

/* Amdahl's law (1967): T(p) = T(1) * (s + (1-s)/p), fitted by least squares over all measured times
 * (several per core count), linear in a = T1*s and b = T1*(1-s). The interval is a bootstrap within
 * core counts, fixed seed. */
struct amdahl {
    double serial;             /* s, within [0, 1]: neither part is fitted below 0 */
    struct interval serial_ci; /* 95 % */
    bool has_ci;               /* false: a core count with a single time cannot be resampled */
    double t1;                 /* fitted time on one core */
    double max_speedup;        /* 1/s; INFINITY for s = 0 */
    double rms_relative;       /* root mean square of the relative residuals: how well it fits */
    size_t n;
};
/* cores[i] and time[i] of n measurements. At least two different core counts, else -1 with all NaN
 * (also out of memory). */
int amdahl_fit(const double *cores, const double *time, size_t n, uint64_t seed,
               struct amdahl *ret);

/* 95 % (or `level`) interval of median(a) / median(b) by percentile bootstrap (Efron 1979), both
 * sides resampled, fixed seed. NaN with less than two values on a side. -1: out of memory. */
int median_ratio_interval(const double *a, size_t na, const double *b, size_t nb, double level,
                          uint64_t seed, struct interval *ret);

/* The knee of a rising, flattening curve (Kneedle: Satopää et al. 2011, its offline form without
 * smoothing): index of the point furthest above the chord of the normalised curve; SIZE_MAX if n <
 * 3, the curve falls, is flat, straight or bends the other way. A fall or bend of up to 5 % of the
 * curve's range, and a rise of up to 5 % of its largest value, count as none. x ascending. */
size_t knee_find(const double *x, const double *y, size_t n);

/* Marks the points that no other dominates: at least as good in both and better in one. NaN is
 * dominated by everything and dominates nothing. */
void pareto_front(const double *a, bool a_lower_is_better, const double *b, bool b_lower_is_better,
                  size_t n, bool *ret_on_front);

#endif
