/* growth_internal.h: what the files of the memory verdict share (growth.h). */
#ifndef TACHO_STATS_GROWTH_INTERNAL_H
#define TACHO_STATS_GROWTH_INTERNAL_H

#include "stats/growth.h"

#define GROWTH_WINDOWS_MIN 16 /* fewer cannot show that a growth is even */
#define GROWTH_SEGMENTS 12
/* Less than this, all in all, is no growth worth a word; and the resolution below which RSS is not
 * exact (statm is off by up to some pages per CPU), so a deviation is never taken to be less. */
#define GROWTH_MATERIAL_MB 1.0
#define GROWTH_RESOLUTION_MB 0.05
/* Of the later pace to the earlier one, from where on growth slows down. */
#define GROWTH_BEND_RATIO 0.7

/* The windows that are judged, in time; y in MB. */
struct growth_line {
    size_t n;
    const double *t, *y;
};

/* A line through windows, and how sure it is. Rates per second. */
struct growth_fit {
    double slope, lo, hi; /* Theil-Sen; 95 % */
    double intercept;
    double noise; /* robust deviation from it, at least the resolution */
    double span;  /* of t */
    double n_eff;
    /* Differences between the medians of consecutive segments. */
    size_t steps;
    double agree_share; /* of them: above 0 */
    double bend_t;      /* t of their own trend: negative when growth slows down */
    double bend_ratio;  /* of the last half's pace to the first half's */
    double smallest;    /* slope that would have been found in 9 of 10 */
    bool grows;         /* beyond doubt, by all that growth.c asks */
};

/* false of *ret->grows and NaN where there are too few windows. -1: out of memory. */
int growth_fit_line(struct growth_line line, struct growth_fit *ret);

/* The verdict over floors in time (growth.c); and what work explains of it (growth_work.c):
 * windows are those that are judged, behind `startup` others. */
int growth_judge(const struct growth_floor *floors, size_t count, size_t work_count,
                 const struct growth_options *options, struct growth_verdict *ret);
int growth_judge_work(const struct growth_floor *windows, size_t count, size_t startup,
                      struct growth_verdict *verdict);

#endif
