/* watch_internal.h: what the files of a watch share and nobody else sees. */
#ifndef TACHO_MEASURE_WATCH_INTERNAL_H
#define TACHO_MEASURE_WATCH_INTERNAL_H

#include <sys/stat.h>

#include "measure/watch.h"

#define WATCH_DRAIN_ROWS 64
#define WATCH_STILL_ROWS 3 /* intervals after which a counter that moved is silent */

/* ---- watch_clock.c: what the clocks say of each other ---- */

struct watch_clock {
    bool begun;
    int64_t real_ns, boot_ns; /* CLOCK_REALTIME and CLOCK_BOOTTIME less CLOCK_MONOTONIC */
};

/* Compares three readings with the last ones. True where the wall clock was set (by *ret_set_ns,
 * forward is positive) or the machine was suspended (*ret_suspended_ns); 0: not. Slow correction by
 * NTP is neither. */
bool watch_clock_check(struct watch_clock *clock, int64_t mono_ns, int64_t real_ns, int64_t boot_ns,
                       int64_t *ret_set_ns, int64_t *ret_suspended_ns);

/* ---- watch_work.c: a file whose growth is the work done ---- */

struct watch_work {
    const char *path;
    bool lines;
    int fd; /* -1: not there (yet) */
    struct stat status;
    uint64_t before; /* of files that were replaced or cut */
    uint64_t begin;  /* size when this file was first seen: only what comes after counts */
    uint64_t done;   /* of this file */
    uint64_t read;   /* with lines: up to here they are counted */
};

void watch_work_open(struct watch_work *work, const char *path, bool lines);
/* What was done since watch_work_open; NaN while the file has never been there. */
double watch_work_read(struct watch_work *work);
void watch_work_close(struct watch_work *work);

/* A counter that moved and then stands still. */
struct watch_pulse {
    double last;
    int64_t moved_ns;        /* when it moved last */
    uint64_t still;          /* rows since */
    uint64_t longest;        /* rows between two moves, so far */
    bool begun, moved, told; /* told: this silence was */
};

/* True when it has just become silent: for three rows, or three times its usual pause. */
bool watch_pulse_check(struct watch_pulse *pulse, double value, int64_t t_ns);

/* A column of an instrumented program that should go on moving: a camera's frames. */
struct watch_counter {
    size_t column;
    struct watch_pulse pulse;
};

/* ---- watch_oom.c: who sent SIGKILL ---- */

struct watch_oom {
    const struct root *root;
    int kmsg_fd; /* -1: may not be read */
    uint64_t vmstat_kills;
    bool has_vmstat;
    char events_path[512]; /* of the target's group; empty: none */
    uint64_t group_kills;
    double limit_mb; /* the smallest of its group and those above it; NaN: none */
};

/* What the kernel's log said of one kill. */
struct watch_oom_log {
    bool is_group;   /* the memory of a control group ran out, not the machine's */
    double limit_mb; /* of that group; NaN: not told */
};

/* Before: what the counters say now. pid 0: of no group. */
void watch_oom_begin(struct watch_oom *oom, const struct root *root, pid_t pid);
/* Its group and limit may have changed; for as long as the process lives. */
void watch_oom_look_again(struct watch_oom *oom, pid_t pid);
/* After SIGKILL: what is known of its origin, as a phrase. */
void watch_oom_explain(struct watch_oom *oom, pid_t pid, char *buf, size_t size);
/* Whether the counters say that something near was killed for lack of memory, as a phrase. */
bool watch_oom_hint(const struct watch_oom *oom, char *buf, size_t size);
void watch_oom_end(struct watch_oom *oom);
/* Takes the next record of the kernel's log; *log is of the kill that is being told. True: it says
 * that this process was killed for lack of memory. */
bool watch_oom_take_record(struct watch_oom_log *log, const char *record, pid_t pid);

/* ---- the watch ---- */

struct watch_channel {
    struct series series;
    int64_t *t_ns; /* of the watch's blocks */
    double *value;
    size_t count;
};

struct watch {
    struct watch_plan plan;
    struct run run;
    struct sink_tee tee;
    struct run_sink *sink; /* the tee */
    struct sampler *sampler;
    int sampler_fd;                 /* readable while rows wait */
    struct channel *columns;        /* the sampler's, then the work */
    struct watch_channel *channels; /* the same as series */
    int64_t *drain_t_ns;            /* WATCH_DRAIN_ROWS for each channel */
    double *drain_value;
    size_t channel_count, sampler_count;
    struct error late_error; /* first error where it could not be returned */
    uint64_t begin_ns;
    uint64_t own_cpu_begin_ns;
    /* The newest row, with what the sampler does not know. */
    struct sample_row row;
    double *values;
    uint8_t *due;
    bool has_begun; /* the sampler gave its first row */
    uint64_t rows;
    int cpu_column, rss_column, anon_column, swap_column, work_column; /* -1: none */
    uint64_t last_cpu_ns;
    double cpu_s, last_swap_mb;
    /* memory */
    struct growth_tracker growth;
    bool has_growth, by_rss;
    uint64_t rows_without_anon;
    struct growth_verdict verdict;
    bool is_judged;
    double growth_begin_s;
    /* targets */
    struct watch_end ends[WATCH_TARGETS_MAX];
    struct watch_oom ooms[WATCH_TARGETS_MAX];
    size_t end_count, alive;
    bool launched, reported;
    struct target launched_target;
    struct launch_report report;
    struct watch_clock clock;
    struct watch_work work;
    struct watch_pulse pulse;
    double work_pending; /* read, and in no row yet; NaN: none */
    struct watch_counter *counters;
    size_t counter_count;
    bool closed;
};

/* watch_rows.c */
int watch_rows_open(struct watch *watch, struct error *err);
int watch_rows_declare(struct watch *watch, struct error *err);
void watch_rows_drain(struct watch *watch);
void watch_rows_close(struct watch *watch);
/* Tells an event; the first failure is kept. */
__attribute__((format(printf, 4, 5))) void watch_tell(struct watch *watch, uint64_t mono_ns,
                                                      const char *name, const char *fmt, ...);

/* watch_targets.c */
int watch_targets_open(struct watch *watch, struct error *err);
/* Waits for one of them, a signal, or timeout_ms. */
int watch_targets_wait(struct watch *watch, uint32_t timeout_ms, struct error *err);
/* Ends the command if it still runs. */
int watch_targets_stop(struct watch *watch, struct error *err);
void watch_targets_close(struct watch *watch);

/* watch_findings.c */
int watch_findings_tell(struct watch *watch, struct error *err);
void watch_tell_silence(struct watch *watch, int column, const struct watch_pulse *pulse);

#endif
