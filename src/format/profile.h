/* profile.h: a profile file: limits, and how much to measure.
 *
 * YAML. `limits` is a list of limit expressions (model/limit.h), each a string or {name: …, limit:
 * …}; the named keys below are the fields of the old toolkit's profiles and become limits, too:
 *   latency_threshold_ms     latency     p99(latency_ms) <= X
 *   throughput_min_fps       throughput  mean(throughput_per_s) >= X
 *   power_budget_w           power       mean(power_w) <= X
 *   thermal_limit_c          thermal     max(temp_c) <= X
 *   memory_limit_mb          memory      max(peak_tree_rss_mb) <= X less memory_headroom_percent
 * Memory: fixed sizes and an arena; profile_deinit frees.
 * Errors: -ERROR_INPUT with line, column and the nearest key; -ERROR_ABSENT: there is no such file.
 */
#ifndef TACHO_FORMAT_PROFILE_H
#define TACHO_FORMAT_PROFILE_H

#include "base/arena.h"
#include "model/limit.h"

#define PROFILE_LIMITS_MAX 64

struct profile {
    struct arena arena;
    const char *name;        /* "name:", else the file's name without directory and .yaml */
    const char *description; /* NULL: none */
    uint64_t units;          /* test_iterations; 0: not said */
    bool has_warmup;
    uint64_t warmup_units; /* warmup_iterations */
    uint64_t invocations;  /* num_runs; 0: not said */
    uint64_t duration_ns;  /* duration_seconds; 0: not said */
    uint64_t interval_ns;  /* sample_interval_ms; 0: not said */
    struct limit limits[PROFILE_LIMITS_MAX];
    size_t limit_count;
};

/* own: metrics that the user defines on the command line, which limits may name. */
int profile_read(const char *path, const struct metric *own, size_t own_count,
                 struct profile *ret_profile, struct error *err);
void profile_deinit(struct profile *profile);

#endif
