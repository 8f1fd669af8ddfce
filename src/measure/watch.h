/* watch.h: watches processes and the machine for as long as they run: tacho monitor, later guard.
 *
 * What: the other half of measure/: no workload, no units, no stop rule; only the sampler's series
 *       over time, of the machine and of what is watched. watch_open takes hold of the targets (or
 *       starts the program), watch_step drains what was sampled and notices that a target has
 *       ended, watch_close judges the limits, tells the findings (memory growth, a counter that
 *       stands still, why a target ended) and ends the run.
 * Memory: constant however long it lasts: the run in memory keeps WATCH_SAMPLES_EACH samples of a
 *       series and exact moments (model/run.h), growth keeps its floors (stats/growth.h), the sinks
 *       take the stream. Between open and close nothing is allocated here, but for the few events
 *       and findings that come up; a sink may (SQLite does).
 * Ends: the duration is over, every target has ended, or the user says so (a normal end: state
 *       complete, as a watch has no stop rule to miss).
 * Threads: one; the sampler has its own.
 */
#ifndef TACHO_MEASURE_WATCH_H
#define TACHO_MEASURE_WATCH_H

#include "collect/sampler.h"
#include "control/launcher.h"
#include "control/target.h"
#include "model/limit.h"
#include "model/run.h"
#include "stats/growth.h"

#define WATCH_TARGETS_MAX COLLECT_TARGETS_MAX
#define WATCH_SINKS_MAX 4
#define WATCH_SAMPLES_EACH 512 /* of a series, in memory */

struct watch_plan {
    const struct root *root;
    const char *label;      /* NULL: made from the targets */
    const char *profile;    /* its name, for the run's facts; NULL: none */
    struct target *targets; /* held; released by the caller after watch_free */
    size_t target_count;
    bool without_children;
    struct launcher *launcher; /* with command: start that and watch it */
    const char *const *command;
    const char *const *setenv; /* of the command: "NAME=value", NULL-terminated; NULL: none */
    bool show_output;
    uint64_t interval_ns;
    uint64_t duration_ns; /* 0: until the targets end or the user says so */
    const char *const *collector_names;
    size_t collector_count;
    const struct limit *limits;
    size_t limit_count;
    const char *work_file; /* its size, or with work_lines its lines, is the work done */
    bool work_lines;
    /* Of instrumented programs: see struct collect_env. */
    const char *shm_dir, *inference_channel, *fps_channel;
    double memory_limit_mb; /* NaN: the cgroup's limit, else what is free */
    /* Of the memory verdict; 0: as stats/growth.h has it. By RSS: that has a value at every tick,
     * anonymous memory once a second. */
    double growth_min_duration_s;
    bool growth_by_rss;
    struct run_sink *sink[WATCH_SINKS_MAX]; /* store; NULL-terminated unless full */
    /* Whether the rows show a metric at every interval: then the others, but for what the limits
     * and findings need, are read seldom (collect_env). NULL: all are wanted. */
    bool (*is_wanted)(const char *metric, void *context);
    /* Called once the columns are known and nothing has begun: a failure is watch_open's. It may
     * still set the plan's sinks. */
    int (*on_open)(const struct channel *channels, size_t count, void *context, struct error *err);
    /* Called from watch_step and watch_close for every row. The one at the very beginning has no
     * interval behind it. */
    void (*on_row)(const struct sample_row *row, double epoch_s, bool is_beginning, void *context);
    /* The findings of this watch in place of those of every analyzer (analyzers_run). */
    int (*analyze)(struct run_sink *sink, void *context, struct error *err);
    void *context;
};

struct watch;

/* How a target ended. */
struct watch_end {
    pid_t pid;
    char name[64];
    bool has_ended;
    int64_t t_ns; /* since the run began */
    enum target_end_kind kind;
    int value;      /* exit status or signal */
    char text[256]; /* "killed by signal 9 (SIGKILL): origin unknown" */
};

/* What is known now, for the live screen and the summary. */
struct watch_status {
    uint64_t elapsed_ns;
    uint64_t rows, missed_ticks, dropped_rows;
    uint64_t late_ns_p50, late_ns_p99, late_ns_max; /* as struct sampler_stats */
    uint64_t own_cpu_ns;
    size_t alive;                        /* targets that have not ended */
    double cpu_s;                        /* CPU time of the targets so far, by the rows */
    const struct growth_verdict *growth; /* NULL: no target, or not judged yet */
    const struct sample_row *row;        /* the newest; NULL: none yet */
    const struct channel *channels;      /* columns of the row */
    size_t channel_count;
    const struct watch_end *ends; /* of every target, ended or not */
    size_t end_count;
};

int watch_open(const struct watch_plan *plan, struct watch **ret_watch, struct error *err);
/* Waits at most timeout_ms for something to happen, a row at the latest. *ret_more: false when it
 * is over. -ERROR_PROGRAM: the command could not be started; close it all the same. */
int watch_step(struct watch *watch, uint32_t timeout_ms, bool *ret_more, struct error *err);
void watch_get_status(const struct watch *watch, struct watch_status *ret_status);
/* The memory verdict as of now, for watch_get_status; takes some MB of scratch and some ms. */
int watch_judge_growth(struct watch *watch, struct error *err);
int watch_close(struct watch *watch, struct error *err);
const struct run *watch_run_get(const struct watch *watch);
/* Why a sink of the plan stopped taking the stream, or NULL while it is well. */
const struct error *watch_sink_error(const struct watch *watch, size_t sink);
void watch_free(struct watch *watch); /* accepts NULL */

#endif
