/* groups_internal.h: what groups.c (reading, merging) and groups_rows.c (a thread's rows) share. */
#ifndef TACHO_ANALYZE_FILES_GROUPS_INTERNAL_H
#define TACHO_ANALYZE_FILES_GROUPS_INTERNAL_H

#include <stdatomic.h>

#include "analyze/files/groups.h"

/* The wants of the table. Keys stand behind them. */
enum { WANT_VALUE, WANT_TIME, WANT_POWER, WANT_WARMUP, WANT_KEYS };

/* A group's values within the chunk that is worked on. */
struct local_group {
    size_t count, room; /* room: of all three */
    double *values;
    uint32_t *lines;
    double *times; /* as values, NaN: none; where values are kept, and else of the first alone */
    size_t capacity, time_capacity, line_capacity;
    uint64_t warmup, power_n;
    long double power_sum;
    struct hist *hist;   /* of this thread, over all its chunks; added up at the end */
    struct group *group; /* known after its first merge */
    char *key;           /* its texts, a NUL between them */
    size_t key_size;
    uint64_t word, hash; /* word: the first eight bytes of the key */
};

/* Where a key is looked for: short ones are told apart without looking at the group. */
struct key_slot {
    uint64_t word;  /* its first eight bytes */
    uint32_t size;  /* of the key */
    uint32_t group; /* 1 + index; 0: free */
};

struct local_groups {
    struct local_group *items;
    size_t count, capacity;
    struct key_slot *slots; /* open addressing */
    unsigned slot_bits;     /* 2^slot_bits slots */
    bool is_hist;           /* of this chunk: values go to the histograms */
    double first_s, last_s; /* times of the chunk, in its order */
    double min_s, max_s;
    struct skips skips; /* lines since the chunk began */
};

struct grouping {
    const struct csv *csv;
    uint64_t size; /* of the file; 0: not known */
    struct groups *groups;
    const struct groups_options *options;
    struct analysis_input *input;
    size_t key_count;
    bool key_is_batch[GROUP_KEYS_MAX];
    double last_s;       /* time of the last row that was merged; NaN: none */
    double min_s;        /* the earliest so far */
    double scale;        /* from the column's unit to ms */
    bool may_guess;      /* by the size of the file that there are too many values to keep */
    atomic_bool is_hist; /* there are */
};

/* The error of negative values where there are too many to keep. */
int groups_negative(const struct grouping *grouping, struct error *err);

/* groups_columns.c */
struct group_columns {
    struct csv_want wants[WANT_KEYS + GROUP_KEYS_MAX];
    size_t count;
};

void group_columns_choose(const struct groups_options *options, struct group_columns *columns);
/* Of the usual keys only those count that the table has; they stand first then. True: some were
 * dropped. */
bool group_columns_drop_absent(const struct csv *csv, struct group_columns *columns);
void group_columns_describe(const struct csv *csv, const struct group_columns *columns,
                            struct grouping *grouping);

/* groups_rows.c */
void *local_groups_new(void *context);
void local_groups_free(void *context, void *result);
int local_groups_rows(void *context, void *result, const struct csv_rows *rows, struct error *err);
int local_groups_chunk_end(void *context, void *result, struct error *err);

#endif
