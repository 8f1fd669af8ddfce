/* order.h: order statistics without a full sort, and ranks; for the files of stats/ only.
 *
 * Memory: order_ranks allocates scratch, the others nothing. NaN among the values gives a useless
 * order, but never an access outside x.
 */
#ifndef TACHO_STATS_ORDER_H
#define TACHO_STATS_ORDER_H

#include <stddef.h>

/* The value of 0-based rank k < n; reorders x so that x[0..k) <= x[k] <= x(k..n). O(n). */
double order_select(double *x, size_t n, size_t k);
double order_median(double *x, size_t n); /* reorders x; NaN when n is 0 */
/* 1-based ranks, equal values sharing their mean rank; *ret_ties is Σ(t³-t) over the groups of t
 * equal values. Returns 0 or -1 (out of memory). */
int order_ranks(const double *x, size_t n, double *ret_ranks, double *ret_ties);

#endif
