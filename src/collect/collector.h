/* collector.h: what a collector is: something that reads sensors at a pace.
 *
 * What: probe says cheaply whether it can work here and why not; open finds its channels and
 *       declares them; sample fills one value per channel. THE table is collectors.c.
 * To add one: one file here, one row in collectors.c, one line in meson.build (CONTRIBUTING.md).
 * Rules: sample never allocates, opens, logs or blocks longer than `cost_ns` says by much; a value
 *        that cannot be had is NaN with its reason, never 0; files are opened in open() and pread
 *        after. Nothing that takes the mmap lock of the measured program (no smaps, no maps).
 * Threads: probe and open on the caller's, sample on the sampler's; never at the same time. attend
 *          on the caller's, also while sample runs: what both touch is handed over by atomics.
 * Units: values in the metric's shown unit (metric.h).
 */
#ifndef TACHO_COLLECT_COLLECTOR_H
#define TACHO_COLLECT_COLLECTOR_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "model/metric.h"
#include "model/reason.h"

#define COLLECT_CHANNELS_MAX 256

/* How often columns are read that nobody asked for at the interval: enough for a stored run. At the
 * beginning more often, so that short programs have them, too. */
#define COLLECT_SELDOM_NS 10000000000ULL
#define COLLECT_SELDOM_FIRST_NS 1000000000ULL
#define COLLECT_SELDOM_AFTER_NS 10000000000ULL

struct collect_env {
    const struct root *root;
    uint64_t interval_ns; /* the pace that was asked for */
    uint64_t seed;        /* synthetic */
    /* probe: where segments are (NULL: /dev/shm), the span that is "the inference" (NULL:
     * "inference") and what counts the pipeline's frames (NULL: all frame counters together, those
     * of hooks only where there are no others). */
    const char *shm_dir, *inference_channel, *fps_channel;
    bool without_probe; /* the workload itself reads segments: distributions, no intervals */
    /* Whether a metric is wanted at the interval; the others are read seldom, and what only they
     * need is opened all the same. NULL: all are wanted. */
    bool (*is_wanted)(const char *metric, void *context);
    void *wanted_context;
};

static inline bool collect_is_wanted(const struct collect_env *env, const char *metric)
{
    return !env->is_wanted || env->is_wanted(metric, env->wanted_context);
}

/* Until the next reading of what is read seldom; since_ns: since it began. */
static inline uint64_t collect_seldom_ns(uint64_t since_ns)
{
    return since_ns < COLLECT_SELDOM_AFTER_NS ? COLLECT_SELDOM_FIRST_NS : COLLECT_SELDOM_NS;
}

/* One column of samples: a metric of one instance. */
struct channel {
    const struct metric *metric;
    const char *instance; /* "" or "cpu0", "VDD_IN"; owned by the channel set's arena */
    const char *source;   /* the file or call it is read from */
    bool per_target;      /* about the measured process, not the machine */
    /* It may never have a value (the program counts what it likes): it is no part of a run before
     * its first one, and only then is instance set, for good. */
    bool is_late;
    enum reason reason; /* not NONE: it exists as a column but has no values, and why */
    const char *why;
    uint64_t min_interval_ns; /* slower than its collector (a tick-based counter): sample() leaves
                                 it NaN in between. 0: as the collector */
};

/* What open() declares. sample() writes values[i] for the i-th channel it declared. */
struct channel_set {
    struct arena arena;
    struct channel *items; /* room for COLLECT_CHANNELS_MAX */
    size_t count;
};

int channel_set_init(struct channel_set *set); /* -ERROR_NOMEM */
void channel_set_deinit(struct channel_set *set);
/* Declares a channel; copies the strings, control characters replaced; an instance that the metric
 * already has becomes "NAME#2". A full set is -ERROR_UNSUPPORTED. Returns its index, or a negative
 * code. metric is a name of the registry (an unknown one is -ERROR_INTERNAL). */
int channel_declare(struct channel_set *set, const char *metric, const char *instance,
                    const char *source);
/* The same for a column that has no values and says why. */
int channel_declare_missing(struct channel_set *set, const char *metric, const char *instance,
                            const char *source, enum reason reason, const char *why);

struct probe_result {
    enum reason reason; /* NONE: present */
    char detail[192];   /* "2 zones", or what is missing and what would help */
};

#define COLLECT_TARGETS_MAX 64

/* The roots of the measured process trees. */
struct collect_targets {
    size_t count;
    pid_t pids[COLLECT_TARGETS_MAX];
    /* When each started, as in /proc/PID/stat: a process that has the pid and another start is
     * somebody else and is not read. 0: not known. */
    uint64_t start_ticks[COLLECT_TARGETS_MAX];
    bool without_children;
};

struct collect_tick {
    uint64_t now_ns;            /* CLOCK_MONOTONIC at the start of this tick */
    uint64_t grid_ns;           /* when it should have started: for pacing, free of jitter */
    pid_t target;               /* root of the (first) measured process tree, 0: none now */
    uint32_t target_generation; /* changes when target does: forget the old one's counters */
    const struct collect_targets *targets; /* several, the first is target; NULL: target alone */
};

struct collector {
    const char *name;
    const char *alias; /* name in an older tool, or NULL: "psutil" for proc */
    const char *summary;
    uint64_t cost_ns; /* typical CPU time of one sample(), as measured; for tiers and docs */
    uint64_t min_interval_ns; /* sampling faster returns nothing new */
    bool synthetic;           /* invents its values; only used when named */
    void (*probe)(const struct collect_env *env, struct probe_result *ret);
    int (*open)(const struct collect_env *env, struct channel_set *channels, void **ret_state,
                struct error *err);
    /* values[] has one slot per channel declared in open, preset to NaN. Returns 0, or a code when
     * everything failed this time (all slots NaN; counted, not fatal). */
    int (*sample)(void *state, const struct collect_tick *tick, double *values);
    /* What sample may not do: opens, closes and allocates for what comes and goes with the watched
     * processes. Called with each change of targets and each drain of rows (sampler.h); it paces
     * itself. tick: of now, without a grid. NULL: nothing to do. */
    void (*attend)(void *state, const struct collect_tick *tick);
    void (*close)(void *state);
};

extern const struct collector *const collectors[];        /* NULL-terminated */
const struct collector *collector_find(const char *name); /* by name or alias; NULL: unknown */

#endif
