/* oversubscription.c: more busy threads than cores?
 *
 * Two signals: the program had more threads than it had cores, AND the scheduler took the CPU away
 * from it often (involuntary switches per second of CPU time). A pool of sleeping threads shows the
 * first alone and is no problem.
 */
#include <math.h>

#include "analyze/analyzer.h"
#include "analyze/series.h"

#define PREEMPTIONS_PER_CPU_S_MIN 50.0
#define CPU_SHARE_MIN 0.7

static int oversubscription_run(const struct run *run, struct run_sink *sink, struct error *err)
{
    const struct fact *cores = facts_get(&run->workload, "cores_count");
    if (!cores || cores->kind != FACT_INTEGER || cores->integer < 1)
        return 0;
    double threads = overall_max(run, "threads");
    double processes = overall_max(run, "processes_max");
    double most = threads >= processes || isnan(processes) ? threads : processes;
    double cpu_s = (steady_mean(run, "user_ms") + steady_mean(run, "system_ms")) / 1000;
    double preemptions = steady_mean(run, "involuntary_switches") / cpu_s;
    double cpu_share = steady_mean(run, "cpu_pct") / (100.0 * (double)cores->integer);
    if (!(most > (double)cores->integer) || !(preemptions >= PREEMPTIONS_PER_CPU_S_MIN) ||
        !(cpu_share >= CPU_SHARE_MIN))
        return 0;
    struct finding finding;
    finding_init(&finding, "oversubscription", SEVERITY_WARNING, "threads");
    finding_sentence(
        &finding,
        "more threads than cores: %.0f on %lld core%s, preempted %.0f times per second of "
        "CPU time",
        most, (long long)cores->integer, cores->integer == 1 ? "" : "s", preemptions);
    finding_value(&finding, most, NULL);
    finding.n = run->invocation_count;
    finding_evidence(&finding,
                     "threads or processes seen at once, involuntary switches, CPU at "
                     "%.0f %% of the cores",
                     100 * cpu_share);
    finding_advice(&finding,
                   "try --threads %lld: spinning pools on too few cores can be many times "
                   "slower",
                   (long long)cores->integer);
    return sink_finding(sink, &finding, err);
}

const struct analyzer analyzer_oversubscription = {
    .name = "oversubscription",
    .summary = "more busy threads than cores",
    .run = oversubscription_run,
};
