/* profile.h: a profile: limits, and how much to measure; from a file, or built into the program.
 *
 * YAML. `limits` is a list of limit expressions (model/limit.h), each a string or {name: …, limit:
 * …}; the named keys below are the fields of the old toolkit's profiles and become limits, too:
 *   latency_threshold_ms     latency     p99(latency_ms) <= X
 *   throughput_min_fps       throughput  mean(throughput_per_s) >= X
 *   power_budget_w           power       mean(power_w) <= X
 *   thermal_limit_c          thermal     max(temp_c) <= X
 *   memory_limit_mb          memory      max(peak_tree_rss_mb) <= X less memory_headroom_percent
 *   deadline_ms              (counts the misses: a finding)
 *   with max_missed_pct      missed      p(100-Y)(latency_ms) <= X; of Y 0: max(latency_ms) <= X
 * What is called informative is checked, kept and shown, and decides nothing.
 * Names: one that holds a '/' or ends in .yaml is a file; else it is DATA/profiles/NAME.yaml of the
 * user's data directory (TACHO_DATA), else the built-in one. A file there whose name has other
 * characters than ASCII letters, digits, '_', '-' and '.' is none of the list.
 * Memory: fixed sizes and an arena; the deinit functions free, and take zeroed structs.
 * Errors: -ERROR_INPUT with line, column and the nearest key; profile_read: -ERROR_ABSENT: there is
 * no such file.
 */
#ifndef TACHO_FORMAT_PROFILE_H
#define TACHO_FORMAT_PROFILE_H

#include "base/arena.h"
#include "model/limit.h"

#define PROFILE_LIMITS_MAX 64

enum profile_kind { PROFILE_NUMBER, PROFILE_BOOL, PROFILE_TEXT };

struct profile_detail { /* one key of `synthetic` or `analysis` */
    const char *key;
    enum profile_kind kind;
    const char *text;
    double number;
    bool boolean;
};

struct profile_details {
    struct profile_detail *items;
    size_t count;
};

struct profile_texts {
    const char **items;
    size_t count;
};

struct profile_numbers {
    double *items;
    size_t count;
};

struct profile {
    struct arena arena;
    const char *name;        /* "name:", else the file's name without directory and .yaml */
    const char *description; /* NULL: none */
    const char *path;        /* of its file; NULL: built in */
    uint64_t units;          /* test_iterations; 0: not said */
    bool has_warmup;
    uint64_t warmup_units; /* warmup_iterations */
    uint64_t invocations;  /* num_runs; 0: not said */
    uint64_t duration_ns;  /* duration_seconds; 0: not said */
    uint64_t interval_ns;  /* sample_interval_ms; 0: not said */
    struct limit limits[PROFILE_LIMITS_MAX];
    size_t limit_count;
    double memory_limit_mb, memory_headroom_percent; /* as said; NaN: not said */
    double deadline_ms, max_missed_pct;              /* NaN: not said */
    /* Informative. */
    double latency_target_ms, throughput_target_fps; /* NaN: not said */
    struct profile_numbers percentiles, batch_sizes;
    struct profile_texts collectors, tags;
    bool has_continuous_monitoring, continuous_monitoring;
    struct profile_details synthetic, analysis;
};

/* own: metrics that the user defines on the command line, which limits may name. */
int profile_read(const char *path, const struct metric *own, size_t own_count,
                 struct profile *ret_profile, struct error *err);
/* path: for errors and, without its ending, the default of the name. */
int profile_read_text(const char *text, size_t size, const char *path, const struct metric *own,
                      size_t own_count, struct profile *ret_profile, struct error *err);
/* By name or file. data_directory: NULL or "": only built-in names. asked_by ("--profile", or NULL)
 * begins the errors about the name: -ERROR_USAGE with the nearest one and the list for an unknown
 * name, -ERROR_INPUT for a file that is not there. */
int profile_load(const char *name, const char *data_directory, const char *asked_by,
                 const struct metric *own, size_t own_count, struct profile *ret_profile,
                 struct error *err);
void profile_deinit(struct profile *profile);

struct profile_entry {
    const char *name;
    const char *path; /* NULL: built in */
};

struct profile_list {
    struct arena arena;
    struct profile_entry *entries; /* the built-in names first, then the user's own, sorted */
    size_t count;
};

/* Reads no profile: only which there are. */
int profile_list_read(const char *data_directory, struct profile_list *ret_list, struct error *err);
/* The profile behind an entry. */
int profile_list_load(const struct profile_entry *entry, const struct metric *own, size_t own_count,
                      struct profile *ret_profile, struct error *err);
void profile_list_deinit(struct profile_list *list);

#endif
