/* growth.h: does memory grow, how, how fast, and when does it end? A verdict, not an alarm bell.
 *
 * What: samples become floors (the least value of each window: what a collector of garbage cannot
 *       give back), the start-up is set aside, and what remains is named: none, uneven, warming,
 *       decelerating, steps, linear leak, accelerating or with-work; or it is too short to say.
 * Only the last three of those are a leak (growth_is_leak). docs/memory-verdict.md has the rule,
 *       its sources and what it cannot see.
 * Use:  growth_of for arrays; growth_tracker for ten hours at constant memory, and
 *       growth_tracker_judge at any time while it goes on.
 * Units: seconds, MB (2^20 bytes; RssAnon + VmSwap if there is a choice), MB per minute, and MB per
 *       unit of each counter of work. Times are any monotonic seconds.
 * Memory: a tracker allocates in growth_tracker_init and never after; judging needs scratch of some
 *       MB and frees it. Threads: a tracker belongs to one.
 * Errors: 0, or -1: out of memory. What cannot be computed is NaN.
 */
#ifndef TACHO_STATS_GROWTH_H
#define TACHO_STATS_GROWTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/stats.h"

#define GROWTH_WORK_MAX 8      /* counters of work that are compared */
#define GROWTH_FLOORS_MAX 1000 /* windows that a tracker keeps */
/* From here on (delta_aic) an explanation has considerably less support. */
#define GROWTH_DELTA_AIC_CLEAR 4.0

enum growth_class {
    GROWTH_TOO_SHORT,    /* undecided: needed_s says how much longer */
    GROWTH_NONE,         /* level, after warmup_s */
    GROWTH_UNEVEN,       /* its slope is above 0, but it rises too unevenly to be sure */
    GROWTH_WARMING,      /* grew, and stopped growing, but not yet for long enough to be level */
    GROWTH_DECELERATING, /* still grows, less and less */
    GROWTH_STEPS,        /* a few jumps, level in between */
    GROWTH_LINEAR_LEAK,
    GROWTH_ACCELERATING,
    GROWTH_WITH_WORK, /* not evenly in time, but evenly with the counter best_work */
    GROWTH_CLASS_COUNT
};

struct growth_options {
    double min_duration_s; /* shorter is too short; 0: 180 */
    double window_s;       /* of a floor; at least the longest pause between two collections of
                            * garbage, where that is known; 0: found */
    double limit_mb;       /* when is this reached? 0: not asked */
};

/* MB per minute, or per unit of work, with its 95 % interval. */
struct growth_rate {
    double value, lo, hi;
};

/* How memory depends on one counter of work. */
struct growth_work {
    bool usable;             /* it advanced, and never went backwards */
    struct growth_rate rate; /* MB per unit */
    double units;            /* by how much it advanced, over the windows that are judged */
    double residual_mb;      /* rms around the line of memory over this counter */
    /* Akaike's criterion over that of the best explanation, time among them: 0 is the best one;
     * below 2 is as good as it, from 4 on there is considerably less for this one (Burnham &
     * Anderson 2002, 2.6). */
    double delta_aic;
};

struct growth_verdict {
    enum growth_class class;
    size_t samples, windows; /* windows: those behind the start-up */
    double window_s;
    double duration_s, warmup_s; /* warmup_s: the start-up that was set aside */
    double needed_s;             /* TOO_SHORT: how much longer; else 0 */
    double level_mb, top_mb;     /* floor and top of the last window */
    double growth_mb;            /* of the line, from the start-up to the end */
    double noise_mb;             /* robust deviation of the floors from it */
    double n_eff;                /* windows, corrected for autocorrelation */
    double agree_share;          /* of the segments: how many rose */
    struct growth_rate per_min;  /* over all judged windows */
    struct growth_rate pace;     /* now: the last half where growth changes, else per_min */
    double smallest_per_min;     /* a leak of this much would have been found in 9 of 10 */
    size_t step_count;           /* STEPS */
    double step_mb, step_at_s;   /* the largest step, and when */
    /* Until limit_mb: from pace; hi is infinite where pace.lo is not above 0. NaN: not asked. */
    struct growth_rate to_limit_s;
    struct growth_work work[GROWTH_WORK_MAX];
    size_t work_count;
    double time_delta_aic; /* as work[].delta_aic, of the line over time */
    int best_work; /* counter that explains the growth best; -1: none does better than time */
};

/* A window: what is kept of its samples. */
struct growth_floor {
    double first_s, last_s;
    double floor_mb, floor_s; /* the least value, and when */
    double top_mb;
    uint64_t n;
    double work[GROWTH_WORK_MAX]; /* at floor_s */
};

struct growth_tracker {
    struct growth_floor *floors; /* GROWTH_FLOORS_MAX */
    size_t count, work_count;
    double begin_s, window_s; /* windows stand on begin_s + i * window_s */
    uint64_t samples;
    uint64_t left_out; /* values that were no number, or came out of order */
};

/* window_s: the shortest window, 1 s for a monitor; doubled whenever the room is used up. */
int growth_tracker_init(struct growth_tracker *tracker, double window_s, size_t work_count);
void growth_tracker_deinit(struct growth_tracker *tracker); /* accepts a zeroed one */
/* work: the counters' readings, NaN: unknown; may be NULL when there are none. */
void growth_tracker_add(struct growth_tracker *tracker, double t_s, double mb, const double *work);
/* Forgets everything: a new process, or a generation of it. */
void growth_tracker_reset(struct growth_tracker *tracker);
int growth_tracker_judge(const struct growth_tracker *tracker, const struct growth_options *options,
                         struct growth_verdict *ret);

/* The same for arrays; work[i] is counter i at the same n times. options NULL: the defaults. */
int growth_of(const double *t_s, const double *mb, size_t n, const double *const *work,
              size_t work_count, const struct growth_options *options, struct growth_verdict *ret);

bool growth_is_leak(enum growth_class class);           /* LINEAR_LEAK, ACCELERATING or WITH_WORK */
const char *growth_class_name(enum growth_class class); /* "linear-leak" */

/* Which of several counters explains y best: the least squares' residuals around its line, by
 * Akaike's criterion with n_eff observations. x[i] has n values; delta[i] becomes i's distance to
 * the best, NaN for one that is constant. Returns the index of the best, -1: none is usable. */
int growth_compare(const double *y, size_t n, double n_eff, const double *const *x, size_t count,
                   double *ret_residual, double *ret_delta);

#endif
