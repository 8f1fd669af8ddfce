/* deadline.c: how many units took longer than the deadline that the workload was given.
 *
 * The share has the exact two-sided 95 % interval of Clopper & Pearson (1934), by as many
 * independent units as the answers "in time or not" are worth (stats.h: effective_n): misses that
 * come in one burst say less than as many alone. The longest streak of misses is told besides: a
 * controller survives one, and fails at five in a row. What an open loop never served missed it,
 * too, where it had waited longer than that.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyze/analyzer.h"
#include "analyze/series.h"
#include "base/unit.h"
#include "base/util.h"
#include "stats/stats.h"

#define ONE_SIDED 0.975 /* of each end of the two-sided 95 % interval */

struct misses {
    uint64_t missed, n; /* n: units, and what was never served */
    uint64_t unserved;  /* of the missed */
    uint64_t streak;    /* most misses in a row within one invocation */
    double n_eff;
};

/* Among the raw values. */
static void count_values(const struct values *values, double deadline, struct misses *misses)
{
    uint64_t in_a_row = 0;
    for (size_t i = 0; i < values->count; i++) {
        bool is_miss = values->value[i] > deadline;
        bool is_next = i > 0 && values->invocation[i] == values->invocation[i - 1];
        in_a_row = is_miss ? (is_next ? in_a_row : 0) + 1 : 0;
        misses->streak = u64_max(misses->streak, in_a_row);
        misses->missed += is_miss;
    }
    misses->n = values->count;
}

/* Beyond the raw samples a histogram holds them all. Those in the bucket that the deadline cuts are
 * divided as the raw ones in it are. */
static int count_hist(const struct run *run, const struct values *values, double deadline,
                      struct misses *misses, struct error *err)
{
    const struct metric *metric = values->series->series.metric;
    CLEANUP_FREE struct hist *hist = NULL;
    uint64_t bound = 0, value = 0, raw_above = 0, raw_at = 0, raw_at_missed = 0;
    int rc = run_collect_hist(run, values->series, PHASE_STEADY, &hist, err);
    if (rc < 0 || !hist || !run_shown_to_hist(metric, deadline, &bound))
        return rc;
    size_t cut = hist_bucket_of(bound);
    for (size_t i = 0; i < values->count; i++) {
        if (!run_shown_to_hist(metric, values->value[i], &value))
            continue;
        raw_above += hist_bucket_of(value) > cut;
        raw_at += hist_bucket_of(value) == cut;
        raw_at_missed += hist_bucket_of(value) == cut && values->value[i] > deadline;
    }
    double share = raw_at > 0 ? (double)raw_at_missed / (double)raw_at : 1;
    uint64_t only_above = hist_count_above(hist, bound) - raw_above;
    double only_at = share * (double)(hist->buckets[cut] - raw_at);
    misses->missed += only_above + (uint64_t)(only_at + 0.5);
    misses->n = hist->count;
    return 0;
}

static void count_unserved(const struct run *run, double deadline, struct misses *misses)
{
    const struct run_series *series = run_find_series(run, "unserved_wait_ms", NULL);
    for (size_t i = 0; series && i < series->count; i++)
        misses->unserved += series->samples[i].value > deadline &&
                            run_invocation_counts(run, series->samples[i].invocation);
    misses->missed += misses->unserved;
    misses->n += misses->unserved;
}

/* How many independent ones an answer "in time or not" is worth; turns the values into answers. The
 * order of what only a histogram holds is gone: as dependent as the others. */
static double worth_of_answers(struct values *values, double deadline)
{
    for (size_t i = 0; i < values->count; i++)
        values->value[i] = values->value[i] > deadline ? 1 : 0;
    return effective_n(values->value, values->count) / (double)values->count;
}

static int count_misses(const struct run *run, double deadline, struct misses *misses,
                        const struct run_series **ret_series, struct error *err)
{
    struct values values;
    int rc = values_of(run, latency_metric_of(run), &values, err);
    if (rc == 0 && values.count > 0) {
        count_values(&values, deadline, misses);
        rc = count_hist(run, &values, deadline, misses, err);
        count_unserved(run, deadline, misses);
        misses->n_eff = worth_of_answers(&values, deadline) * (double)misses->n;
    }
    *ret_series = values.series;
    values_free(&values);
    return rc;
}

static void say(const struct run *run, double deadline, const struct misses *misses,
                struct finding *finding)
{
    char bound[32], streak[48] = "";
    const char *units = unit_plural_of(run);
    unit_format_ns(deadline * 1e6, bound, sizeof(bound));
    if (misses->missed == 0) {
        finding_sentence(finding,
                         "all %" PRIu64 " %s kept the deadline of %s (95 %% interval of those that "
                         "miss it: 0 to %.2g %%)",
                         misses->n, units, bound, finding->hi);
        return;
    }
    if (misses->streak > 1)
        snprintf(streak, sizeof(streak), "; up to %" PRIu64 " in a row", misses->streak);
    finding_sentence(finding,
                     "%" PRIu64 " of %" PRIu64 " %s missed the deadline of %s: %.3g %% "
                     "(95 %% interval %.2g to %.2g %%)%s",
                     misses->missed, misses->n, units, bound, finding->value, finding->lo,
                     finding->hi, streak);
}

static int deadline_run(const struct run *run, struct run_sink *sink, struct error *err)
{
    const struct fact *fact = facts_get(&run->workload, "deadline_ms");
    double deadline = !fact                        ? NAN
                      : fact->kind == FACT_NUMBER  ? fact->number
                      : fact->kind == FACT_INTEGER ? (double)fact->integer
                                                   : NAN;
    const struct run_series *series = NULL;
    struct misses misses = {0};
    if (!(deadline > 0))
        return 0;
    int rc = count_misses(run, deadline, &misses, &series, err);
    if (rc < 0 || misses.n == 0)
        return rc;
    double k_eff = misses.n_eff * (double)misses.missed / (double)misses.n;
    struct finding finding;
    finding_init(&finding, "deadline_missed", misses.missed ? SEVERITY_WARNING : SEVERITY_INFO,
                 series->series.metric->name);
    finding.has_value = finding.has_interval = true;
    finding.value = 100 * (double)misses.missed / (double)misses.n;
    finding.lo = 100 * proportion_lower(k_eff, misses.n_eff, ONE_SIDED);
    finding.hi = 100 * proportion_upper(k_eff, misses.n_eff, ONE_SIDED);
    finding.n = misses.n;
    snprintf(finding.unit, sizeof(finding.unit), "%%");
    say(run, deadline, &misses, &finding);
    finding_evidence(&finding, "%s of the steady phase, worth %.0f independent ones%s",
                     series->series.metric->name, misses.n_eff,
                     misses.unserved ? "; what was never served is among the missed" : "");
    finding_advice(&finding, "%s",
                   misses.missed
                       ? "to judge it, put deadline_ms and max_missed_pct into a profile, "
                         "or a percentile limit; other findings may name the cause"
                       : "for a tighter bound measure more of them: -n");
    return sink_finding(sink, &finding, err);
}

const struct analyzer analyzer_deadline = {
    .name = "deadline",
    .summary = "units that took longer than the deadline",
    .run = deadline_run,
};
