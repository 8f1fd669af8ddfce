/* counters.h: the kernel's and the CPU's event counters of a process and all its children.
 *
 * What: perf_event_open(2) with inherit and enable_on_exec, opened on a child that waits before
 *       exec. Cycles and instructions are one group, so that IPC divides counts of the same time.
 * Values: scaled by time_enabled/time_running when the PMU was shared (`running_share` says how
 *         much); a counter that never ran is null (not_scheduled), one that the kernel refuses is
 *         denied or unsupported with the knob that decides (perf_event_paranoid). User+kernel where
 *         permitted, else user only (`user_only`).
 */
#ifndef TACHO_CONTROL_COUNTERS_H
#define TACHO_CONTROL_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* X(NAME, metric in the registry) */
#define COUNTER_MAP(X)                                                                             \
    X(CYCLES, "cycles")                                                                            \
    X(INSTRUCTIONS, "instructions")                                                                \
    X(CACHE_REFERENCES, "cache_references")                                                        \
    X(CACHE_MISSES, "cache_misses")                                                                \
    X(BRANCHES, "branches")                                                                        \
    X(BRANCH_MISSES, "branch_misses")                                                              \
    X(TASK_CLOCK, "task_clock_ms")                                                                 \
    X(CONTEXT_SWITCHES, "context_switches")                                                        \
    X(MIGRATIONS, "cpu_migrations")                                                                \
    X(PAGE_FAULTS, "page_faults")

enum counter_id {
#define COUNTER_ENUM(name, metric) COUNTER_##name,
    COUNTER_MAP(COUNTER_ENUM)
#undef COUNTER_ENUM
        COUNTER_COUNT
};

struct counter_value {
    int reason;    /* enum reason; NONE: value holds */
    int sys_errno; /* of perf_event_open, when refused */
    bool user_only;
    uint64_t value;       /* scaled; TASK_CLOCK in ns */
    double running_share; /* time_running / time_enabled */
};

struct counters {
    int fd[COUNTER_COUNT]; /* -1: not open */
    struct counter_value values[COUNTER_COUNT];
};

extern const char *const counter_metric[COUNTER_COUNT];

/* Opens what can be opened on pid (before its exec); never fails as a whole. No allocation. */
void counters_open(struct counters *counters, pid_t pid);
void counters_read(struct counters *counters); /* fills values */
void counters_close(struct counters *counters);

#endif
