/* internal.h: what the files of the command workload share (workload/ only).
 *
 * command.c runs launches; settings.c reads the settings; series.c turns a launch
 * report into values; outcome.c says why a launch failed; findings.c what was
 * noticed over all of them.
 * The prefix is program_, because command_ is the prefix of tacho's own commands (cmd/).
 */
#ifndef TACHO_WORKLOAD_COMMAND_INTERNAL_H
#define TACHO_WORKLOAD_COMMAND_INTERNAL_H

#include "workload/command/output_metrics.h"
#include "workload/command/python_auto.h"
#include "workload/program_find.h"

/* X(ID, metric in the registry, source) */
#define PROGRAM_SERIES_MAP(X)                                                                      \
    X(WALL, "wall_ms", "CLOCK_MONOTONIC")                                                          \
    X(USER, "user_ms", "wait4")                                                                    \
    X(SYSTEM, "system_ms", "wait4")                                                                \
    X(CPU, "cpu_pct", "wait4")                                                                     \
    X(PEAK_RSS, "peak_rss_mb", "wait4")                                                            \
    X(PEAK_TREE_RSS, "peak_tree_rss_mb", "/proc/PID/statm, sampled: a lower bound")                \
    X(PROCESSES, "processes_max", "/proc/PID/statm, sampled: a lower bound")                       \
    X(MINOR_FAULTS, "minor_faults", "wait4")                                                       \
    X(MAJOR_FAULTS, "major_faults", "wait4")                                                       \
    X(VOLUNTARY, "voluntary_switches", "wait4")                                                    \
    X(INVOLUNTARY, "involuntary_switches", "wait4")                                                \
    X(BLOCK_READ, "block_read_mb", "wait4")                                                        \
    X(BLOCK_WRITTEN, "block_written_mb", "wait4")                                                  \
    X(CHAR_READ, "char_read_mb", "/proc/PID/io")                                                   \
    X(CHAR_WRITTEN, "char_written_mb", "/proc/PID/io")                                             \
    X(CYCLES, "cycles", "perf_event_open")                                                         \
    X(INSTRUCTIONS, "instructions", "perf_event_open")                                             \
    X(IPC, "ipc", "perf_event_open")                                                               \
    X(CACHE_REFERENCES, "cache_references", "perf_event_open")                                     \
    X(CACHE_MISSES, "cache_misses", "perf_event_open")                                             \
    X(CACHE_MISS, "cache_miss_pct", "perf_event_open")                                             \
    X(BRANCHES, "branches", "perf_event_open")                                                     \
    X(BRANCH_MISSES, "branch_misses", "perf_event_open")                                           \
    X(BRANCH_MISS, "branch_miss_pct", "perf_event_open")                                           \
    X(TASK_CLOCK, "task_clock_ms", "perf_event_open")                                              \
    X(CONTEXT_SWITCHES, "context_switches", "perf_event_open")                                     \
    X(MIGRATIONS, "cpu_migrations", "perf_event_open")                                             \
    X(PAGE_FAULTS, "page_faults", "perf_event_open")

enum program_series {
#define PROGRAM_SERIES_ENUM(id, metric, source) PROGRAM_SERIES_##id,
    PROGRAM_SERIES_MAP(PROGRAM_SERIES_ENUM)
#undef PROGRAM_SERIES_ENUM
        PROGRAM_SERIES_COUNT
};

#define PROGRAM_VARIABLES_MAX 12 /* added to the program's environment */

/* What was noticed over all launches. */
struct program_tally {
    uint32_t launches;
    uint32_t timed_out;
    uint32_t left_survivors; /* launches that did */
    uint64_t survivors;
    char survivor_names[128];
    uint64_t unkillable;
    uint32_t had_orphans; /* launches whose processes were not all waited for */
    uint64_t orphans;
    uint64_t unwaited_ns, cpu_ns; /* of those launches: CPU time not in user + system; all of it */
    uint32_t at_rss_floor;        /* launches whose peak RSS is only an upper bound */
    uint64_t rss_floor_bytes;
    uint32_t other_affinity; /* launches that ran on other cores than asked for */
    cpu_set_t applied;       /* by the last of them */
};

struct program {
    const struct workload_args *args;
    struct arena arena;
    const char *executable; /* resolved when it was opened, NULL: not found */
    bool show_output;
    bool has_cores;
    cpu_set_t cores;  /* asked for, or what tacho itself may use */
    uint64_t threads; /* 0: not asked for */
    uint64_t timeout_ns;
    const char *variables[PROGRAM_VARIABLES_MAX + 1]; /* NULL-terminated "NAME=value" */
    size_t variables_count;
    struct python_auto python;
    struct output_metrics metrics;
    struct series *series; /* PROGRAM_SERIES_COUNT, then one per output metric */
    size_t series_count;
    bool has_values[PROGRAM_SERIES_COUNT];
    struct program_tally tally;
    struct program_channels *channels; /* NULL: there is no place for segments */
};

int program_load_settings(struct program *program, struct error *err);
/* Adds "NAME=value", which must live as long as the program (its arena); NULL: out of memory. */
int program_set_variable(struct program *program, const char *variable, struct error *err);

bool program_measures(const char *metric); /* has it a series of its own? */
int program_declare_series(struct program *program, struct error *err);
/* Hands over what one launch came to. */
int program_hand_over(struct program *program, struct workload_io *io,
                      const struct launch_report *report, struct error *err);

/* Fills the invocation, and err with the sentence for the user if it failed. */
void program_settle_outcome(const struct program *program, const struct workload_io *io,
                            const struct launch_report *report, struct invocation *ret_invocation,
                            struct error *err);

/* channels.c: what an instrumented program records. Opened last of all settings. */
int program_channels_open(struct program *program, struct error *err);
/* Call while it runs, as often as one likes. */
int program_channels_poll(struct program *program, struct error *err);
/* The launch is over. */
int program_channels_take(struct program *program, struct workload_io *io,
                          const struct launch_report *report, struct error *err);
int program_channels_findings(const struct program *program, struct run_sink *sink,
                              struct error *err);
void program_channels_close(struct program *program);

void program_count(struct program *program, const struct launch_report *report);
int program_findings(void *state, struct run_sink *sink, struct error *err);

#endif
