/* collector.h: what a collector is: something that reads sensors at a pace.
 *
 * What: probe says cheaply whether it can work here and why not; open finds its channels and
 *       declares them; sample fills one value per channel. THE table is collectors.c.
 * To add one: one file here, one row in collectors.c, one line in meson.build (CONTRIBUTING.md).
 * Rules: sample never allocates, opens, logs or blocks longer than `cost_ns` says by much; a value
 *        that cannot be had is NaN with its reason, never 0; files are opened in open() and pread
 *        after. Nothing that takes the mmap lock of the measured program (no smaps, no maps).
 * Threads: probe and open on the caller's, sample on the sampler's; never at the same time.
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

struct collect_env {
    const struct root *root;
    uint64_t interval_ns; /* the pace that was asked for */
    uint64_t seed;        /* synthetic */
};

/* One column of samples: a metric of one instance. */
struct channel {
    const struct metric *metric;
    const char *instance; /* "" or "cpu0", "VDD_IN"; owned by the channel set's arena */
    const char *source;   /* the file or call it is read from */
    bool per_target;      /* about the measured process, not the machine */
    enum reason reason;   /* not NONE: it exists as a column but has no values, and why */
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
    void (*close)(void *state);
};

extern const struct collector *const collectors[];        /* NULL-terminated */
const struct collector *collector_find(const char *name); /* by name or alias; NULL: unknown */

#endif
