/* groups.h: the values of one column of a table, by group: what `latency` and `variability` rest
 * on.
 *
 * What: up to GROUPS_EXACT values in all are kept as they are, with where each stood; beyond that a
 *       group is a histogram (error at most 0.39 % of the value) with exact moments and a summary
 *       of each part of the file, so that memory stays constant. is_exact keeps them all.
 * Order: that of the file; chunks that were read by several threads are put together in it.
 * Units: values as `scale` makes them (latencies: ms); times in seconds.
 * Errors: those of format/csv.h; -ERROR_INPUT: more than GROUPS_MAX groups; -ERROR_NOTHING: no row
 *         could be used.
 */
#ifndef TACHO_ANALYZE_FILES_GROUPS_H
#define TACHO_ANALYZE_FILES_GROUPS_H

#include "analyze/file_analyzer.h"
#include "format/csv.h"
#include "stats/hist.h"
#include "stats/stats.h"

#define GROUPS_EXACT ((uint64_t)4000000)
#define GROUPS_MAX 4096
#define GROUP_KEYS_MAX 6

/* Successive values of a group: of a chunk, or several put together. */
struct group_part {
    uint64_t n;
    double first_at, last_at; /* positions: seconds, or lines where there is no time */
    double sum, max;
};

struct group {
    char *name; /* "default_batch4", "decode / gpu0" */
    char *key;  /* the texts of the columns that make it, a NUL between them */
    size_t key_size;
    uint64_t n;
    uint64_t first_line, max_line;
    struct moments moments;
    double jitter_sum;   /* of |x[i] - x[i-1]| */
    double lag_sum;      /* of (x[i] - shift)(x[i-1] - shift) */
    double sum, squares; /* of x - shift: the moments are made of them */
    double shift;        /* the first value: keeps sums of products accurate */
    double first, last;
    long double power_sum; /* of power_w, where the table has it; long: added in any order */
    uint64_t power_n;
    uint64_t warmup; /* rows that the table itself calls warm-up; not among n */
    double batch;    /* of the table; NaN: not said */
    /* Exact: */
    double *values;
    int32_t *at; /* units of groups.at_unit since groups.begin_s, or lines */
    size_t capacity, at_capacity;
    /* Beyond: */
    struct hist *hist; /* of value x hist_scale */
    double hist_scale;
    struct group_part *parts;
    size_t part_count, part_capacity, part_size; /* part_size: values of a part, at least */
};

struct groups {
    struct arena arena;
    struct group **items; /* in the order in which they appeared */
    size_t count, capacity;
    uint64_t n;
    bool is_exact; /* values are kept */
    bool has_time;
    double begin_s, end_s;
    double at_unit;     /* of group.at: 1 ms or more of seconds, or lines */
    double hist_scale;  /* 2^k that makes the largest of the first values 2^40 in histograms: their
                         * bound holds down to 2^-32 of it */
    const char *column; /* that the values are from */
    const char *unit;   /* of the values: "ms", "W"; "" unknown */
    char keys[160];     /* names of the columns that make the groups: "workload, batch_size" */
};

struct groups_options {
    const char *column; /* NULL: a column of latencies, by its name */
    bool is_latency;    /* values become ms, negative ones are left out */
    const char *const *keys;
    size_t key_count; /* 0: run_label, workload and batch size, as far as there are any */
    bool is_exact;
    unsigned threads;
};

/* Reads a table; what it could not use is added to input->skips. */
int groups_read(const char *path, const struct groups_options *options,
                struct analysis_input *input, struct groups *ret, struct error *err);
/* From values in memory, one group. at_s NULL: no times. -ERROR_NOMEM. */
int groups_of_values(const double *values, const double *at_s, size_t n, const char *name,
                     struct groups *ret, struct error *err);
void groups_deinit(struct groups *groups);

/* ---- group_stats.c: what can be said of a group; NaN: it cannot ----
 * Where values are kept, all of it is exact and in constant memory: no copy of them is made. */

#define GROUP_QUANTILES_MAX 8

/* Quantiles at ascending p; intervals (95 %, by order statistics: ends that no value bounds are
 * NaN) may be NULL. -ERROR_NOMEM. */
int group_quantiles(const struct group *group, const double *p, size_t count,
                    enum percentile_method method, double *ret, struct interval *intervals);
/* Median absolute deviation from the median, not scaled. -ERROR_NOMEM. */
int group_mad(const struct group *group, double median, double *ret);
/* How many values lie below lo or above hi. */
double group_count_outside(const struct group *group, double lo, double hi);
/* Mean, std and n_eff of f(value), in the order of the file: of many values n_eff is that of batch
 * means (Law & Carson 1979), else effective_n (stats.h). NaN where the values are not kept. */
struct group_mean {
    double mean, std, n_eff;
};
int group_mean_of(const struct group *group, double (*f)(double value, const void *context),
                  const void *context, struct group_mean *ret);
/* How many independent values they are worth. */
int group_effective_n(const struct group *group, double *ret);
double group_jitter(const struct group *group);
double group_autocorrelation(const struct group *group); /* lag 1 */
/* The position of value i, in seconds or lines. */
double group_position(const struct groups *groups, const struct group *group, size_t i);

#endif
