/* efficiency_internal.h: what the parts of the analyzer `efficiency` share.
 *
 * efficiency.c          the analyzer: files and options
 * efficiency_read.c     rows of a CSV into groups
 * efficiency_groups.c   what a group comes to; energy over time
 * efficiency_tell.c     tables
 * efficiency_findings.c findings
 * efficiency_run.c      the same of a run in memory
 *
 * Units: ms, W, J, s. Unknown: NaN.
 */
#ifndef TACHO_ANALYZE_FILES_EFFICIENCY_INTERNAL_H
#define TACHO_ANALYZE_FILES_EFFICIENCY_INTERNAL_H

#include "analyze/file_analyzer.h"
#include "analyze/means.h"

#define EFFICIENCY_GROUPS_MAX 1000
#define EFFICIENCY_SLOTS 4096 /* of the index: a power of two, several times the groups */
/* Intervals between rows that decide what a gap is. */
#define EFFICIENCY_FIRST_INTERVALS 1024
/* A gap is so many times the median of them. */
#define EFFICIENCY_GAP 10.0

/* Power over time: the trapezoid rule between rows of a group that follow each other in the file,
 * without gaps. */
struct energy_sum {
    double last_s, last_w; /* NaN: no row yet */
    double *first;         /* pairs: seconds, joules of the first intervals, until gap_s is known */
    size_t first_count, first_capacity;
    double gap_s; /* longer intervals are gaps; NaN: not decided yet */
    double joules, seconds;
    uint64_t intervals, gaps;
    double gaps_s;
};

/* The figures of a group: NaN intervals where there are too few rows. */
struct efficiency_figures {
    uint64_t n;
    double batch;
    struct estimate latency_ms, power_w;
    struct estimate throughput_per_s; /* items */
    struct estimate per_watt;         /* items per second and watt, which is items per joule */
    struct estimate call_j, item_j;
    double busy;         /* share of the time covered in which a call was under way; 1: all of it */
    double timed_call_j; /* energy over time, of a call, if each row is one */
};

enum { OF_LATENCY, OF_POWER, OF_BATCH }; /* series of efficiency_group.means */

struct efficiency_group {
    const char *label;    /* "resnet50_batch4" */
    const char *workload; /* "": not said; only groups of the same one are a choice */
    const char *file;
    uint64_t first_line, last_line;
    struct means means;
    double batch_min, batch_max, power_min, power_max;
    struct energy_sum energy;
    /* What a throughput column says, by row: as many items as the latency tells, as many calls
     * (the batch forgotten), something else. */
    uint64_t column_items, column_calls, column_other;
    struct means column; /* its values */
    struct efficiency_figures figures;
    bool is_run;        /* figures come from a run, not from rows */
    double wall_item_j; /* of a run: per item, idle power included */
    bool is_front;      /* on the Pareto front */
};

/* Texts to small numbers. */
struct efficiency_index {
    uint16_t slots[EFFICIENCY_SLOTS]; /* number + 1; 0: free */
    struct {
        const char *key;
        size_t size;
        uint64_t hash;
    } entries[EFFICIENCY_GROUPS_MAX];
    size_t count;
    struct arena arena;
};

struct efficiency {
    const struct analyze_options *options;
    struct analysis *analysis;
    struct efficiency_group groups[EFFICIENCY_GROUPS_MAX];
    struct efficiency_index index;
    uint64_t warmup_rows;
    bool has_batch, has_time, has_column; /* in every file; in any; in any */
};

struct efficiency_row {
    double latency_ms, power_w, batch, throughput_per_s, time_s;
    uint64_t line;
};

/* The number of this text, new ones in order; -1: out of memory; EFFICIENCY_GROUPS_MAX: too many.
 */
int efficiency_index_of(struct efficiency_index *index, const char *key, size_t size);
/* false: the time goes backwards, and the interval is not counted. -1: out of memory. */
int efficiency_group_add(struct efficiency_group *group, const struct efficiency_row *row,
                         bool *ret_backwards);
/* Once all rows are known. -1: out of memory. */
int efficiency_group_finish(struct efficiency_group *group);
void efficiency_group_deinit(struct efficiency_group *group);
/* A reading of power, in order; as part of efficiency_group_add, or alone. */
int efficiency_energy_add(struct energy_sum *sum, double time_s, double power_w,
                          bool *ret_backwards);
int efficiency_energy_finish(struct energy_sum *sum);
/* From the last reading to the next one is no interval of this sum. */
void efficiency_energy_break(struct energy_sum *sum);

void efficiency_free(struct efficiency **efficiency); /* accepts a pointer to NULL */
void efficiency_add_facts(const struct efficiency *efficiency);
int efficiency_read(struct efficiency *efficiency, const char *path, struct error *err);
/* Tables and findings over all groups. */
int efficiency_tell(struct efficiency *efficiency, struct error *err);

/* Which group is best by one figure, and whether that is decided. */
struct efficiency_best {
    const char *criterion, *unit;
    const char *workload;
    bool is_higher_better;
    size_t best, next; /* groups */
    struct estimate value;
    struct estimate ratio; /* next / best, at the level of Bonferroni */
    bool is_decided;
};
/* Between the workload and the label in the keys of the index. */
#define EFFICIENCY_SEPARATOR '\x1f'
#define EFFICIENCY_CRITERIA 3
bool efficiency_are_alternatives(const struct efficiency *efficiency, size_t a, size_t b);
/* Of the groups that are alternatives to `first`, which comes first among them. */
size_t efficiency_best(const struct efficiency *efficiency, size_t first,
                       struct efficiency_best best[EFFICIENCY_CRITERIA]);
/* Findings about the groups; about a choice among alternatives. */
void efficiency_find(struct efficiency *efficiency);
void efficiency_find_best(struct efficiency *efficiency, size_t first,
                          const struct efficiency_best *best);

int efficiency_run(const struct run *run, const struct analyze_options *options,
                   struct analysis *analysis, struct error *err);

#endif
