/* stall.c: does it compute, wait for memory, or wait for something else?
 *
 * Always two signals. Memory-bound: few instructions per cycle AND many last-level misses per 1,000
 * instructions (IPC alone also falls for branchy or dividing code). Waiting: the program uses a
 * small part of one core AND it went to sleep of its own accord many times, or moved blocks, or
 * faulted pages in from disk.
 */
#include <stdio.h>

#include "analyze/analyzer.h"
#include "analyze/series.h"

#define IPC_LOW 1.0
#define MISSES_PER_KILO_MIN 10.0
#define CPU_LOW_PCT 50.0
#define SWITCHES_PER_S_MIN 50.0
#define BLOCKS_MB_MIN 1.0
#define MAJOR_FAULTS_MIN 10.0
/* A program shorter than this is mostly exec and loader: nothing to explain. */
#define WALL_MS_MIN 20.0

static int find_memory_bound(const struct run *run, struct run_sink *sink, struct error *err)
{
    struct values ipc;
    int rc = values_of(run, "ipc", &ipc, err);
    size_t n = ipc.count;
    values_free(&ipc);
    double mean = steady_mean(run, "ipc");
    double per_kilo = 1000 * steady_mean(run, "cache_misses") / steady_mean(run, "instructions");
    if (rc < 0 || !(mean < IPC_LOW) || !(per_kilo >= MISSES_PER_KILO_MIN))
        return rc;
    struct finding finding;
    finding_init(&finding, "memory_bound", SEVERITY_WARNING, "ipc");
    finding_sentence(
        &finding,
        "memory-bound: %.2f instructions per cycle and %.0f last-level cache misses per "
        "1000 instructions",
        mean, per_kilo);
    finding_value(&finding, mean, NULL);
    finding.n = n;
    finding_evidence(&finding, "cycles and instructions of one group, cache_misses");
    finding_advice(&finding,
                   "smaller data (int8, fp16, tiling) or fewer cores on one memory bus will "
                   "gain more than a faster clock");
    return sink_finding(sink, &finding, err);
}

static int find_waiting(const struct run *run, struct run_sink *sink, struct error *err)
{
    struct values cpu;
    int rc = values_of(run, "cpu_pct", &cpu, err);
    size_t n = cpu.count;
    values_free(&cpu);
    double cpu_pct = steady_mean(run, "cpu_pct"), wall_ms = steady_mean(run, "wall_ms");
    double switches = steady_mean(run, "voluntary_switches") / (wall_ms / 1000);
    double blocks = steady_mean(run, "block_read_mb") + steady_mean(run, "block_written_mb");
    double faults = steady_mean(run, "major_faults");
    bool sleeps = switches >= SWITCHES_PER_S_MIN, disk = blocks >= BLOCKS_MB_MIN,
         paging = faults >= MAJOR_FAULTS_MIN;
    struct contention contention;
    /* A program that others keep from its core does not wait of its own accord. */
    if (rc < 0 || contention_seen(run, &contention) || !(wall_ms >= WALL_MS_MIN) ||
        !(cpu_pct < CPU_LOW_PCT) || !(sleeps || disk || paging))
        return rc;
    struct finding finding;
    finding_init(&finding, "waiting", SEVERITY_INFO, "cpu_pct");
    finding_sentence(&finding, "it waits more than it computes: %.0f %% of one core, %s", cpu_pct,
                     paging ? "and pages come from disk"
                     : disk ? "and blocks move to or from the disk"
                            : "and it goes to sleep of its own accord all the time");
    finding_value(&finding, cpu_pct, "%");
    finding.n = n;
    finding_evidence(
        &finding, "%.0f voluntary switches a second, %.1f MB of blocks, %.0f major faults a launch",
        switches, blocks, faults);
    finding_advice(&finding,
                   "a faster CPU will not help: look at its files, sockets, locks and timers "
                   "(strace -c -f shows which)");
    return sink_finding(sink, &finding, err);
}

static int stall_run(const struct run *run, struct run_sink *sink, struct error *err)
{
    int rc = find_memory_bound(run, sink, err);
    return rc < 0 ? rc : find_waiting(run, sink, err);
}

const struct analyzer analyzer_stall = {
    .name = "stall",
    .summary = "memory-bound or waiting, each by two signals",
    .run = stall_run,
};
