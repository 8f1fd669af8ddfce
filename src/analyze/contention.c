/* contention.c: was the machine busy with something else meanwhile?
 *
 * Two signals: the machine's cores were far busier than this program explains, AND programs had to
 * wait for a core (pressure stall information) or this one was often preempted. Without the second,
 * the others ran on cores that were free.
 */
#include <math.h>
#include <stdio.h>

#include "analyze/analyzer.h"
#include "analyze/series.h"

/* Points of the whole machine that others must have used. */
#define OTHERS_PCT_MIN 25.0
#define PRESSURE_PCT_MIN 10.0
#define PREEMPTIONS_PER_CPU_S_MIN 50.0

bool contention_seen(const struct run *run, struct contention *ret)
{
    const struct fact *online = facts_get(&run->environment, "cpus_online");
    double cores = online && online->kind == FACT_INTEGER ? (double)online->integer : NAN;
    double cpu_s = (steady_mean(run, "user_ms") + steady_mean(run, "system_ms")) / 1000;
    ret->machine_pct = steady_mean(run, "cpu_total_pct");
    ret->others_pct = ret->machine_pct - steady_mean(run, "cpu_pct") / cores;
    ret->pressure_pct = steady_mean(run, "psi_cpu_some_pct");
    ret->preemptions_per_s = steady_mean(run, "involuntary_switches") / cpu_s;
    return ret->others_pct >= OTHERS_PCT_MIN &&
           (ret->pressure_pct >= PRESSURE_PCT_MIN ||
            ret->preemptions_per_s >= PREEMPTIONS_PER_CPU_S_MIN);
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
    finding.has_value = true;
    finding.value = seen.others_pct;
    snprintf(finding.unit, sizeof(finding.unit), "%%");
    finding.n = run->invocation_count;
    char pressure[64] = "";
    if (!isnan(seen.pressure_pct))
        snprintf(pressure, sizeof(pressure), ", %.0f %% of the time somebody waited for a core",
                 seen.pressure_pct);
    finding_evidence(&finding,
                     "the cores were %.0f %% busy%s, preempted %.0f times per second of CPU time",
                     seen.machine_pct, pressure, seen.preemptions_per_s);
    finding_advice(&finding, "stop the other load and measure again, or keep cores free for this "
                             "program (isolcpus, cpuset) and pin it with --cores");
    return sink_finding(sink, &finding, err);
}

const struct analyzer analyzer_contention = {
    .name = "contention",
    .summary = "the machine was busy with other programs",
    .run = contention_run,
};
