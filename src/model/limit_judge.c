/* limit_judge.c: a run against a limit: the outcome, and the sentence that says why. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/unit.h"
#include "base/util.h"
#include "model/limit.h"
#include "model/limit_internal.h"
#include "model/summary.h"
#include "stats/stats.h"

/* No measurement goes on for this many samples: "more" would be no advice. */
#define NEED_MAX 1e9

/* One series against the limit. */
struct judgement {
    const struct run *run;
    const struct limit *limit;
    struct statistic statistic;
    struct summary summary;
    struct unserved unserved;
    char subject[160];   /* "p99(wall_ms@…)" */
    char value_text[64]; /* "231 ms" */
    char bound_text[96]; /* "limit 250 ms" */
    struct finding *finding;
};

/* ---- words ---- */

static void format_with_unit(double value, int digits, const char *unit, char *buf, size_t size)
{
    char number[48];
    unit_format_number(value, digits, number, sizeof(number));
    snprintf(buf, size, "%s%s%s", number, unit[0] ? " " : "", unit);
}

static void set_words(struct judgement *judgement, double value)
{
    static const char *const words[] = {[LIMIT_LE] = "limit ",
                                        [LIMIT_LT] = "limit below ",
                                        [LIMIT_GE] = "minimum ",
                                        [LIMIT_GT] = "minimum above "};
    const struct limit *limit = judgement->limit;
    const struct series *series = &judgement->summary.series->series;
    const char *unit = series->metric->unit;
    snprintf(judgement->subject, sizeof(judgement->subject), "%s(%s%s%s)", limit_stat_get(limit),
             series->metric->name, series->instance[0] ? "@" : "", series->instance);
    char bound[64];
    format_with_unit(limit->bound, 10, unit, bound, sizeof(bound));
    snprintf(judgement->bound_text, sizeof(judgement->bound_text), "%s%s", words[limit->op], bound);
    format_with_unit(value, 4, unit, judgement->value_text, sizeof(judgement->value_text));
    /* "is 250 ms, limit 250 ms: fail" would puzzle: show the digits that differ. */
    if (value != limit->bound && strcmp(judgement->value_text, bound) == 0)
        format_with_unit(value, 9, unit, judgement->value_text, sizeof(judgement->value_text));
}

/* What stands behind the sentence's numbers: a stand-in metric is never silent. */
static const char *stand_in_note(const struct judgement *judgement)
{
    const char *judged = judgement->summary.series->series.metric->name;
    return strcmp(judged, judgement->limit->metric) == 0
               ? ""
               : " (a command's latency is its wall time)";
}

static bool was_cut_short(const struct run *run)
{
    return run->state == RUN_INTERRUPTED || run->state == RUN_CRASHED;
}

/* How to get `more` further units of what was counted. */
static void advise_more(struct judgement *judgement, uint64_t have, uint64_t more,
                        bool by_invocation)
{
    struct finding *finding = judgement->finding;
    finding->n_needed = more;
    if (by_invocation)
        finding_advice(finding, "measure more processes: --invocations %" PRIu64, have + more);
    else if (judgement->summary.series->series.kind == SERIES_UNIT)
        finding_advice(finding,
                       "measure longer: -n %" PRIu64
                       ", or leave -n and --duration out: then it goes on "
                       "until the limits are decided, up to --max-duration",
                       have + more);
    else
        finding_advice(finding, "measure longer: about %.1f times as long (--duration)",
                       (double)(have + more) / (double)have);
}

/* ---- how many more ---- */

/* Smallest whole N >= from for which decides(N) holds, where it holds for all larger ones; 0: none
 * up to NEED_MAX. */
static double first_deciding(bool (*decides)(const void *context, double n), const void *context,
                             double from)
{
    double low = fmax(1, floor(from)), high = low;
    while (!decides(context, high)) {
        low = high;
        high *= 2;
        if (high > NEED_MAX)
            return 0;
    }
    while (high - low > 1) {
        double middle = floor(low + (high - low) / 2);
        if (decides(context, middle))
            high = middle;
        else
            low = middle;
    }
    return high;
}

struct share_question {
    double share, allowed;
};

static bool share_decides(const void *context, double n)
{
    const struct share_question *question = context;
    double k = question->share * n;
    if (question->share < question->allowed)
        return proportion_upper(k, n, LIMIT_CONFIDENCE) <= question->allowed;
    return proportion_lower(k, n, LIMIT_CONFIDENCE) > question->allowed;
}

struct mean_question {
    double std, distance;
};

static bool mean_decides(const void *context, double n)
{
    const struct mean_question *question = context;
    struct interval around;
    return mean_interval(0, question->std, n, LIMIT_LEVEL, &around) &&
           around.hi <= question->distance;
}

/* From independent samples still needed to real ones, of which n are worth n_eff. */
static uint64_t real_samples(double needed_eff, double n, double n_eff)
{
    double samples = needed_eff * n / n_eff;
    return samples > 0 ? (uint64_t)ceil(samples - 1e-6) : 0;
}

/* ---- percentiles ---- */

/* How many samples lie on the wrong side: between lo and hi, which differ only where a histogram's
 * bucket holds the bound. */
struct wrong_side {
    uint64_t lo, hi;
    uint64_t n;   /* samples, and what was not served */
    double n_eff; /* what they are worth as answers to "wrong or not" */
};

static bool is_wrong(const struct limit *limit, double value)
{
    switch (limit->op) {
    case LIMIT_LE:
        return value > limit->bound;
    case LIMIT_LT:
        return value >= limit->bound;
    case LIMIT_GE:
        return value < limit->bound;
    default:
        return value <= limit->bound;
    }
}

static struct wrong_side count_in_hist(const struct limit *limit, const struct metric *metric,
                                       const struct hist *hist)
{
    uint64_t bound, above = 0, at = 0;
    if (run_shown_to_hist(metric, limit->bound, &bound)) {
        above = hist_count_above(hist, bound);
        at = bound >= hist->min && bound <= hist->max ? hist->buckets[hist_bucket_of(bound)] : 0;
    } else if (limit->bound < 0) {
        above = hist->count;
    }
    uint64_t lo = limit_is_minimum(limit) ? hist->count - above - at : above;
    return (struct wrong_side){lo, lo + at, hist->count, NAN};
}

/* The binomial bounds want independent answers to "wrong or not", so the correction is that of the
 * answers' own autocorrelation, not of the values': a burst of fifty slow ones in a row is worth
 * little more than one, while slow waves far below the bound say nothing about it. Answers that are
 * all alike show no dependence and count in full. Turns values into answers. */
static double effective_answers(const struct limit *limit, double *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        values[i] = is_wrong(limit, values[i]) ? 1 : 0;
    return effective_n(values, n);
}

/* The quantile itself and its interval. values in the order in which they came; scratch: n. */
static int fill_quantile(struct finding *finding, const double *values, const uint32_t *invocations,
                         size_t n, double p, double *scratch, struct error *err)
{
    struct interval interval;
    memcpy(scratch, values, n * sizeof(*scratch));
    stats_sort(scratch, n);
    finding->value = quantile_sorted(scratch, n, p);
    if (summary_quantile_interval(values, invocations, scratch, n, p, &interval,
                                  &finding->has_interval) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory judging a limit");
    if (finding->has_interval) {
        finding->lo = interval.lo;
        finding->hi = interval.hi;
    }
    return 0;
}

/* Counts, and takes the quantile itself with its interval into the finding. */
static int count_wrong(struct judgement *judgement, struct wrong_side *ret_wrong, struct error *err)
{
    const struct run_series *series = judgement->summary.series;
    struct finding *finding = judgement->finding;
    double p = judgement->statistic.p;
    CLEANUP_FREE struct hist *hist = NULL;
    CLEANUP_FREE double *values = NULL;
    CLEANUP_FREE uint32_t *invocations = NULL;
    size_t n = 0;
    int rc = run_collect_hist(judgement->run, series, PHASE_STEADY, &hist, err);
    if (rc == 0)
        rc = run_collect(judgement->run, series, PHASE_STEADY, &values, &invocations, &n, err);
    if (rc < 0)
        return rc;
    if (hist) {
        finding->value = run_hist_to_shown(series->series.metric, hist_quantile(hist, p));
        *ret_wrong = count_in_hist(judgement->limit, series->series.metric, hist);
        /* What is only in the histogram has no order: as dependent as what was kept. */
        double kept = n > 0 ? effective_answers(judgement->limit, values, n) / (double)n : 1;
        ret_wrong->n_eff = kept * (double)hist->count;
        return 0;
    }
    CLEANUP_FREE double *answers = malloc((n + 1) * sizeof(*answers));
    if (!answers)
        return error_set(err, ERROR_NOMEM, "out of memory judging a limit");
    memcpy(answers, values, n * sizeof(*answers));
    *ret_wrong =
        (struct wrong_side){.n = n, .n_eff = effective_answers(judgement->limit, answers, n)};
    for (size_t i = 0; i < n; i++)
        ret_wrong->hi += answers[i] > 0;
    ret_wrong->lo = ret_wrong->hi;
    return fill_quantile(finding, values, invocations, n, p, answers, err);
}

/* What was not served is on the wrong side as far as is known, and may be. */
static void add_unserved(const struct unserved *unserved, struct wrong_side *wrong)
{
    double per_sample = wrong->n_eff / (double)wrong->n;
    wrong->lo += unserved->over;
    wrong->hi += unserved->count;
    wrong->n += unserved->count;
    wrong->n_eff = per_sample * (double)wrong->n;
}

static void say_percentile(struct judgement *judgement, const struct wrong_side *wrong,
                           double allowed)
{
    struct finding *finding = judgement->finding;
    const char *side = limit_is_minimum(judgement->limit) ? "under" : "over";
    char share[80] = "", worth[64] = "", unserved[64] = "", rest[96] = "";
    if (wrong->hi > 0)
        snprintf(share, sizeof(share), " (%.3g %%, allowed %.3g %%)",
                 100 * (double)wrong->hi / (double)wrong->n, 100 * allowed);
    if (judgement->unserved.count > 0)
        snprintf(unserved, sizeof(unserved), ", %" PRIu64 " of them never served",
                 judgement->unserved.count);
    if (wrong->n_eff < 0.95 * (double)wrong->n)
        snprintf(worth, sizeof(worth), ", worth %.0f independent ones", wrong->n_eff);
    if (finding->outcome == OUTCOME_UNDECIDED && finding->n_needed > 0)
        snprintf(rest, sizeof(rest), "; %" PRIu64 " more needed to decide", finding->n_needed);
    else if (finding->outcome == OUTCOME_UNDECIDED)
        snprintf(rest, sizeof(rest), "; too close to the allowed share to decide");
    finding_sentence(finding, "%s is %s, %s: %" PRIu64 " of %" PRIu64 " samples %s%s%s%s%s%s",
                     judgement->subject, judgement->value_text, judgement->bound_text, wrong->hi,
                     wrong->n, side, share, unserved, worth, rest, stand_in_note(judgement));
}

static int judge_percentile(struct judgement *judgement, struct error *err)
{
    struct finding *finding = judgement->finding;
    struct wrong_side wrong = {0};
    int rc = count_wrong(judgement, &wrong, err);
    if (rc < 0)
        return rc;
    add_unserved(&judgement->unserved, &wrong);
    finding->n = wrong.n;
    double n = (double)wrong.n, n_eff = wrong.n_eff;
    double share_lo = (double)wrong.lo / n, share_hi = (double)wrong.hi / n;
    double allowed = limit_allowed_share(judgement->limit, judgement->statistic.p);
    set_words(judgement, finding->value);
    if (proportion_upper(share_hi * n_eff, n_eff, LIMIT_CONFIDENCE) <= allowed) {
        finding->outcome = OUTCOME_PASS;
    } else if (proportion_lower(share_lo * n_eff, n_eff, LIMIT_CONFIDENCE) > allowed) {
        finding->outcome = OUTCOME_FAIL;
    } else {
        finding->outcome = OUTCOME_UNDECIDED;
        /* If the share stays what it was: */
        struct share_question question = {share_hi, allowed};
        double decided = first_deciding(share_decides, &question, n_eff);
        if (decided > 0)
            advise_more(judgement, wrong.n, u64_max(1, real_samples(decided - n_eff, n, n_eff)),
                        false);
        else
            finding_advice(finding, "no number of samples tells them apart: move the limit, or "
                                    "remove what makes the slow ones slow");
    }
    say_percentile(judgement, &wrong, allowed);
    return 0;
}

/* ---- mean ---- */

static void judge_mean_undecided(struct judgement *judgement)
{
    const struct summary *summary = &judgement->summary;
    struct finding *finding = judgement->finding;
    finding->outcome = OUTCOME_UNDECIDED;
    bool by_invocation = summary->ci_by_invocation;
    double have = by_invocation ? (double)summary->n_invocations : summary->n_eff;
    double real = by_invocation ? (double)summary->n_invocations : (double)summary->n;
    if (!summary->has_mean_ci) {
        advise_more(judgement, summary->n, u64_max(1, real_samples(2 - have, real, have)), false);
        finding_sentence(
            finding, "%s is %s, %s: %" PRIu64 " sample%s no interval; %" PRIu64 " more needed%s",
            judgement->subject, judgement->value_text, judgement->bound_text, summary->n,
            summary->n == 1 ? " has" : "s have", finding->n_needed, stand_in_note(judgement));
        return;
    }
    /* The spread that the interval was made from, whichever unit it is of. */
    double half = (summary->mean_hi - summary->mean_lo) / 2;
    struct mean_question question = {
        .std = half * sqrt(have) / t_quantile(0.5 + LIMIT_LEVEL / 2, have - 1),
        .distance = fabs(judgement->limit->bound - summary->mean),
    };
    double decided = first_deciding(mean_decides, &question, have);
    char rest[96] = "";
    if (decided > 0) {
        uint64_t more = u64_max(1, real_samples(decided - have, real, have));
        advise_more(judgement, (uint64_t)real, more, by_invocation);
        snprintf(rest, sizeof(rest), "; %" PRIu64 " more %s%s needed to decide", more,
                 by_invocation ? "invocation" : "sample", more == 1 ? "" : "s");
    } else {
        finding_advice(finding, "the mean lies so close to the limit that no number of samples "
                                "tells them apart: move the limit");
    }
    finding_sentence(finding, "%s is %s, %s: its 95 %% interval holds the limit%s%s",
                     judgement->subject, judgement->value_text, judgement->bound_text, rest,
                     stand_in_note(judgement));
}

static void judge_mean(struct judgement *judgement)
{
    const struct summary *summary = &judgement->summary;
    const struct limit *limit = judgement->limit;
    struct finding *finding = judgement->finding;
    finding->value = summary->mean;
    finding->has_interval = summary->has_mean_ci;
    if (summary->has_mean_ci) {
        finding->lo = summary->mean_lo;
        finding->hi = summary->mean_hi;
    }
    set_words(judgement, summary->mean);
    double good_end = limit_is_minimum(limit) ? summary->mean_lo : summary->mean_hi;
    double bad_end = limit_is_minimum(limit) ? summary->mean_hi : summary->mean_lo;
    if (!summary->has_mean_ci || (is_wrong(limit, good_end) && !is_wrong(limit, bad_end))) {
        judge_mean_undecided(judgement);
        return;
    }
    finding->outcome = is_wrong(limit, good_end) ? OUTCOME_FAIL : OUTCOME_PASS;
    char lo[48], hi[48];
    unit_format_number(summary->mean_lo, 4, lo, sizeof(lo));
    unit_format_number(summary->mean_hi, 4, hi, sizeof(hi));
    finding_sentence(finding, "%s is %s, %s: 95 %% interval %s to %s from %" PRIu64 " samples%s",
                     judgement->subject, judgement->value_text, judgement->bound_text, lo, hi,
                     summary->n, stand_in_note(judgement));
}

/* ---- what was seen ---- */

static void judge_seen(struct judgement *judgement)
{
    const struct summary *summary = &judgement->summary;
    struct finding *finding = judgement->finding;
    double value = judgement->statistic.kind == STATISTIC_MAX   ? summary->max
                   : judgement->statistic.kind == STATISTIC_MIN ? summary->min
                                                                : summary->std;
    if (isnan(value)) { /* the spread of one value */
        finding->outcome = OUTCOME_UNDECIDED;
        set_words(judgement, summary->mean);
        advise_more(judgement, summary->n, 1, false);
        finding_sentence(finding,
                         "%s cannot be judged: %" PRIu64 " sample has no spread; 1 more needed%s",
                         judgement->subject, summary->n, stand_in_note(judgement));
        return;
    }
    finding->value = value;
    set_words(judgement, value);
    finding->outcome = is_wrong(judgement->limit, value) ? OUTCOME_FAIL : OUTCOME_PASS;
    finding_sentence(finding, "%s is %s, %s: %" PRIu64 " sample%s%s", judgement->subject,
                     judgement->value_text, judgement->bound_text, summary->n,
                     summary->n == 1 ? "" : "s", stand_in_note(judgement));
}

/* ---- one series, all series ---- */

static void finding_begin(struct finding *finding, const struct limit *limit, const char *metric)
{
    finding_init(finding, "limit", SEVERITY_WARNING, metric);
    str_copy(finding->limit_name, sizeof(finding->limit_name), limit->name);
    limit_format(limit, finding->limit_bound, sizeof(finding->limit_bound));
    str_copy(finding->unit, sizeof(finding->unit), limit_unit_get(limit));
    finding_evidence(finding, "%s", limit->origin);
    finding->outcome = OUTCOME_UNDECIDED;
}

static void judge_without_values(struct finding *finding, const struct limit *limit,
                                 enum reason reason, const char *why)
{
    char bound[96];
    limit_format(limit, bound, sizeof(bound));
    finding_sentence(finding, "%s cannot be judged: %s (%s)", bound,
                     why ? why : reason_meaning(reason), reason_name(reason));
    if (reason == REASON_TOO_FEW)
        finding_advice(finding, "measure longer, or set it aside: --waive '%s'", limit->name);
    else
        finding_advice(finding, "tacho doctor says what is missing; to set it aside: --waive '%s'",
                       limit->name);
}

static void forbid_pass_of_a_part(struct judgement *judgement)
{
    struct finding *finding = judgement->finding;
    if (finding->outcome != OUTCOME_PASS || !was_cut_short(judgement->run))
        return;
    finding->outcome = OUTCOME_UNDECIDED;
    finding_sentence(finding, "%s was %s so far, %s: but the run was %s", judgement->subject,
                     judgement->value_text, judgement->bound_text,
                     judgement->run->state == RUN_CRASHED ? "cut off" : "interrupted");
    finding_advice(finding, "let the measurement run to its end");
}

/* Of a thinned series the extremes were kept, so more of what is left lies over a bound than of
 * what was measured: enough for a PASS, too little for a FAIL. */
static void forbid_fail_of_thinned(struct judgement *judgement)
{
    const struct run_series *series = judgement->summary.series;
    struct finding *finding = judgement->finding;
    if (finding->outcome != OUTCOME_FAIL || judgement->statistic.kind != STATISTIC_PERCENTILE ||
        series->series.kind != SERIES_TIME || series->raw_dropped == 0)
        return;
    char was[sizeof(finding->sentence)];
    str_copy(was, sizeof(was), finding->sentence);
    finding->outcome = OUTCOME_UNDECIDED;
    finding_sentence(finding, "%s; but of %" PRIu64 " samples only the extremes are kept", was,
                     (uint64_t)series->count + series->raw_dropped);
    finding_advice(finding,
                   "judge the mean or the maximum, which are exact, or watch for less long");
}

static int judge_series(const struct run *run, const struct limit *limit,
                        const struct run_series *series, bool *ret_has_values,
                        struct finding *ret_finding, struct error *err)
{
    struct judgement judgement = {.run = run, .limit = limit, .finding = ret_finding};
    finding_begin(ret_finding, limit, series->series.metric->name);
    int rc = summary_of(run, series, PHASE_STEADY, &judgement.summary, err);
    if (rc < 0)
        return rc;
    *ret_has_values = judgement.summary.reason == REASON_NONE;
    if (!*ret_has_values) {
        judge_without_values(ret_finding, limit, judgement.summary.reason, judgement.summary.why);
        return 0;
    }
    if (statistic_parse(limit_stat_get(limit), &judgement.statistic) < 0)
        return error_set(err, ERROR_INPUT, "no such statistic: %s", limit_stat_get(limit));
    judgement.unserved = limit_unserved(run, limit, series->series.metric->name);
    ret_finding->n = judgement.summary.n;
    ret_finding->has_value = true;
    switch (judgement.statistic.kind) {
    case STATISTIC_PERCENTILE:
        rc = judge_percentile(&judgement, err);
        break;
    case STATISTIC_MEAN:
        judge_mean(&judgement);
        break;
    default:
        judge_seen(&judgement);
        break;
    }
    if (rc < 0)
        return rc;
    forbid_pass_of_a_part(&judgement);
    forbid_fail_of_thinned(&judgement);
    limit_forbid_pass_unserved(&judgement.unserved,
                               judgement.statistic.kind == STATISTIC_PERCENTILE, judgement.subject,
                               judgement.value_text, judgement.bound_text, ret_finding);
    if (ret_finding->outcome == OUTCOME_FAIL)
        finding_advice(ret_finding, "the other findings may name the cause");
    ret_finding->severity = ret_finding->outcome == OUTCOME_PASS ? SEVERITY_INFO : SEVERITY_WARNING;
    return 0;
}

static int badness(const struct finding *finding)
{
    return finding->outcome == OUTCOME_FAIL ? 2 : finding->outcome == OUTCOME_UNDECIDED ? 1 : 0;
}

static bool is_worse(const struct limit *limit, const struct finding *a, const struct finding *b)
{
    if (badness(a) != badness(b))
        return badness(a) > badness(b);
    return limit_is_minimum(limit) ? a->value < b->value : a->value > b->value;
}

/* The metric that this run has values under: the limit's own, or what stands in for it. */
static const char *judged_metric(const struct run *run, const struct limit *limit)
{
    if (run_find_series(run, limit->metric, NULL))
        return limit->metric;
    const char *stand_in = metric_stand_in(limit->metric);
    const char *kind = facts_get_text(&run->workload, "kind", "command");
    if (stand_in && strcmp(kind, "command") == 0 && run_find_series(run, stand_in, NULL))
        return stand_in;
    return limit->metric;
}

/* Where nothing measures the whole, its parts may stay below a limit together or not. */
static void forbid_pass_of_parts(const struct limit *limit, const struct run_series *total,
                                 const struct run_series *part, struct finding *finding)
{
    char bound[96];
    if (finding->outcome != OUTCOME_PASS || limit_is_minimum(limit))
        return;
    finding->outcome = OUTCOME_UNDECIDED;
    finding->severity = SEVERITY_WARNING;
    limit_format(limit, bound, sizeof(bound));
    finding_sentence(finding, "%s cannot be judged: %s (%s); the parts that are measured keep it",
                     bound, total->series.why ? total->series.why : "the total is missing",
                     reason_name(total->series.reason));
    finding_advice(finding, "say which part it is about, as in %s@%s; or --waive '%s'",
                   limit->metric, part->series.instance, limit->name);
}

/* Every instance is judged, the worst counts; those without values only where none has any. */
static int judge_instances(const struct run *run, const struct limit *limit,
                           struct finding *ret_finding, struct error *err)
{
    const char *metric = judged_metric(run, limit);
    const struct run_series *total = NULL, *worst = NULL; /* total: where it has no values */
    bool any = false, any_values = false;
    size_t empty = 0;
    for (size_t i = 0; i < run->series_count; i++) {
        const struct run_series *series = &run->series[i];
        if (strcmp(series->series.metric->name, metric) != 0 ||
            (limit->instance[0] && strcmp(series->series.instance, limit->instance) != 0))
            continue;
        struct finding finding;
        bool has_values;
        int rc = judge_series(run, limit, series, &has_values, &finding, err);
        if (rc < 0)
            return rc;
        empty += !has_values;
        if (!has_values && strcmp(series->series.instance, "total") == 0)
            total = series;
        if (!any || (has_values && (!any_values || is_worse(limit, &finding, ret_finding)))) {
            *ret_finding = finding;
            worst = series;
        }
        any = true;
        any_values = any_values || has_values;
    }
    if (!any) {
        finding_begin(ret_finding, limit, limit->metric);
        judge_without_values(ret_finding, limit, REASON_ABSENT, "nothing measures it here");
    } else if (any_values && empty > 0) {
        finding_evidence(ret_finding, "%s; %zu instance%s without values left out", limit->origin,
                         empty, empty == 1 ? "" : "s");
        if (total)
            forbid_pass_of_parts(limit, total, worst, ret_finding);
    }
    return 0;
}

int limit_judge(const struct run *run, const struct limit *limit, struct finding *ret_finding,
                struct error *err)
{
    struct finding finding;
    int rc = judge_instances(run, limit, &finding, err);
    if (rc < 0)
        return rc;
    if (limit->waived) {
        char judged[sizeof(finding.sentence)];
        str_copy(judged, sizeof(judged), finding.sentence);
        finding_sentence(&finding, "set aside by --waive (it would be: %s): %s",
                         outcome_name(finding.outcome), judged);
        finding.outcome = OUTCOME_WAIVED;
        finding.severity = SEVERITY_INFO;
        finding.advice[0] = '\0';
        finding.n_needed = 0;
    }
    *ret_finding = finding;
    return 0;
}
