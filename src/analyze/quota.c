/* quota.c: did the CPU quota of the container hold the program back?
 *
 * A group that has used its quota up stands still until the period ends (CFS bandwidth control,
 * 100 ms unless set otherwise): most calls do not notice, some take a period longer. Two signals:
 * the group was throttled in more than a twentieth of the periods, AND it matters, because the
 * group used nearly all of its quota, or stood still for a noticeable share of the time (many
 * threads use a quota up in a moment and then idle: their mean is far from it).
 */
#include <math.h>
#include <stdio.h>

#include "analyze/analyzer.h"
#include "analyze/series.h"

#define THROTTLED_PCT_MIN 5.0
#define PERIODS_MIN 10.0
#define QUOTA_SHARE_MIN 0.8
#define STILL_PCT_MIN 5.0

struct quota_seen {
    double periods, throttled; /* counted in the samples of the steady phase */
    double still_pct;          /* of the time, summed over cores */
    double used_cores, quota_cores;
};

/* Each sample's share is of its own number of periods. */
static int count_periods(const struct run *run, struct quota_seen *seen, struct error *err)
{
    struct values periods, shares = {0};
    int rc = values_of(run, "cgroup_periods", &periods, err);
    if (rc == 0)
        rc = values_of(run, "cgroup_throttled_pct", &shares, err);
    /* The two are sampled together, with a value both or neither. */
    for (size_t i = 0; rc == 0 && periods.count == shares.count && i < periods.count; i++) {
        seen->periods += periods.value[i];
        seen->throttled += periods.value[i] * shares.value[i] / 100;
    }
    values_free(&periods);
    values_free(&shares);
    return rc;
}

static int quota_run(const struct run *run, struct run_sink *sink, struct error *err)
{
    struct quota_seen seen = {0};
    int rc = count_periods(run, &seen, err);
    if (rc < 0 || seen.periods < PERIODS_MIN)
        return rc;
    const struct fact *quota = facts_get(&run->environment, "cpu_quota_cores");
    double share_pct = 100 * seen.throttled / seen.periods;
    seen.quota_cores = quota && quota->kind == FACT_NUMBER ? quota->number : NAN;
    seen.used_cores = steady_mean(run, "cgroup_cpu_pct") / 100;
    seen.still_pct = steady_mean(run, "cgroup_throttled_time_pct");
    bool used_up = seen.used_cores >= QUOTA_SHARE_MIN * seen.quota_cores;
    if (!(share_pct > THROTTLED_PCT_MIN) || !(used_up || seen.still_pct >= STILL_PCT_MIN))
        return 0;
    struct finding finding;
    finding_init(&finding, "cpu_quota", SEVERITY_WARNING, "cgroup_throttled_pct");
    finding_sentence(&finding,
                     "the container's CPU quota (cgroup) held it back in %.0f %% of the periods; "
                     "that wait is in the times, most of all in the slowest",
                     share_pct);
    finding_value(&finding, share_pct, "%");
    finding.n = (uint64_t)llround(seen.periods);
    char limit[48] = "", used[48] = "", still[64] = "";
    if (isfinite(seen.quota_cores))
        snprintf(limit, sizeof(limit), ", quota %.3g cores", seen.quota_cores);
    if (isfinite(seen.used_cores))
        snprintf(used, sizeof(used), ", used %.3g cores", seen.used_cores);
    if (isfinite(seen.still_pct))
        snprintf(still, sizeof(still), ", held back for %.0f %% of a core's time", seen.still_pct);
    finding_evidence(&finding, "cpu.stat: nr_throttled %.0f of nr_periods %.0f%s%s%s",
                     seen.throttled, seen.periods, limit, used, still);
    finding_advice(&finding,
                   "raise the quota (cpu.max, --cpus, CPUQuota=), or use fewer threads, so that it "
                   "lasts for the period; compare only runs under the same quota");
    return sink_finding(sink, &finding, err);
}

const struct analyzer analyzer_quota = {
    .name = "quota",
    .summary = "a cgroup's CPU quota that held the program back",
    .run = quota_run,
};
