/* contention.c: was the machine busy with something else meanwhile, at this program's expense?
 *
 * Two signals: the machine's cores were busier than this program and tacho between two launches
 * explain, AND programs had to wait for a core (the machine was nearly full and pressure stall
 * information says so) or this one was often preempted. Without the second, the others ran on cores
 * that were free. A program that got all the time that its threads could use lost nothing to them.
 */
#include <math.h>
#include <stdio.h>

#include "analyze/analyzer.h"
#include "analyze/series.h"

/* Others count from half a core on, but from a tenth of a large machine and a quarter of one or two
 * cores: below is what a system does in passing. */
#define OTHERS_CORES_MIN 0.5
#define OTHERS_PCT_LEAST 10.0
#define OTHERS_PCT_MOST 25.0
/* Pressure is that of anybody; of this program's too only where hardly a core is left. */
#define FULL_PCT 80.0
#define PRESSURE_PCT_MIN 10.0
#define PREEMPTIONS_PER_CPU_S_MIN 50.0
/* Got this share of what its threads could use: nobody took it away. */
#define SHARE_GOT_ALL 0.95

/* Share of the time from the first to the last steady phase in which the program ran. */
static double share_running(const struct run *run)
{
    double running_ns = 0;
    int64_t begin_ns = INT64_MAX, end_ns = INT64_MIN;
    for (size_t i = 0; i < run->phase_count; i++) {
        const struct phase *phase = &run->phases[i];
        if (phase->kind != PHASE_STEADY)
            continue;
        running_ns += (double)(phase->end_ns - phase->begin_ns);
        begin_ns = phase->begin_ns < begin_ns ? phase->begin_ns : begin_ns;
        end_ns = phase->end_ns > end_ns ? phase->end_ns : end_ns;
    }
    return end_ns > begin_ns ? fmin(1, running_ns / (double)(end_ns - begin_ns)) : NAN;
}

/* How much of a core's time, in percent, the program could have used: of as many cores as it had
 * threads or processes, or kept busy, and was given. */
static double usable_pct(const struct run *run, double cpu_pct)
{
    const struct fact *given = facts_get(&run->workload, "cores_count");
    double most = fmax(1, ceil(cpu_pct / 100 - 0.1));
    most = fmax(most, overall_max(run, "threads")); /* fmax passes over NaN */
    most = fmax(most, overall_max(run, "processes_max"));
    if (given && given->kind == FACT_INTEGER)
        most = fmin(most, (double)given->integer);
    return 100 * most;
}

bool contention_seen(const struct run *run, struct contention *ret)
{
    const struct fact *online = facts_get(&run->environment, "cpus_online");
    double cores = online && online->kind == FACT_INTEGER ? (double)online->integer : NAN;
    double cpu_s = (steady_mean(run, "user_ms") + steady_mean(run, "system_ms")) / 1000;
    double cpu_pct = steady_mean(run, "cpu_pct"), running = share_running(run);
    ret->machine_pct = steady_mean(run, "cpu_total_pct");
    /* The machine is seen over intervals that may be longer than a launch. Between two launches
     * tacho itself keeps a core busy. */
    ret->others_pct = ret->machine_pct - (cpu_pct * running + 100 * (1 - running)) / cores;
    ret->pressure_pct = steady_mean(run, "psi_cpu_some_pct");
    ret->preemptions_per_s = steady_mean(run, "involuntary_switches") / cpu_s;
    double least = fmin(OTHERS_PCT_MOST, fmax(OTHERS_PCT_LEAST, 100 * OTHERS_CORES_MIN / cores));
    bool waited = (ret->machine_pct >= FULL_PCT && ret->pressure_pct >= PRESSURE_PCT_MIN) ||
                  ret->preemptions_per_s >= PREEMPTIONS_PER_CPU_S_MIN;
    return ret->others_pct >= least && waited && cpu_pct < SHARE_GOT_ALL * usable_pct(run, cpu_pct);
}

static int contention_run(const struct run *run, struct run_sink *sink, struct error *err)
{
    struct contention seen;
    if (!contention_seen(run, &seen))
        return 0;
    struct finding finding;
    finding_init(&finding, "contention", SEVERITY_WARNING, "cpu_total_pct");
    finding_sentence(
        &finding,
        "other programs used about %.0f %% of the machine meanwhile: these times are not "
        "this program's own",
        seen.others_pct);
    finding_value(&finding, seen.others_pct, "%");
    finding.n = run->invocation_count;
    char pressure[64] = "", preempted[64] = "";
    if (!isnan(seen.pressure_pct))
        snprintf(pressure, sizeof(pressure), ", %.0f %% of the time somebody waited for a core",
                 seen.pressure_pct);
    if (isfinite(seen.preemptions_per_s))
        snprintf(preempted, sizeof(preempted), ", preempted %.0f times per second of CPU time",
                 seen.preemptions_per_s);
    finding_evidence(&finding, "the cores were %.0f %% busy%s%s", seen.machine_pct, pressure,
                     preempted);
    finding_advice(&finding, "stop the other load and measure again, or keep cores free for this "
                             "program (isolcpus, cpuset) and pin it with --cores");
    return sink_finding(sink, &finding, err);
}

const struct analyzer analyzer_contention = {
    .name = "contention",
    .summary = "the machine was busy with other programs",
    .run = contention_run,
};
