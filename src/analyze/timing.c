/* timing.c: what the times of the units themselves say: a slow first one, two modes, a drift,
 * outliers.
 *
 * Nothing is dropped here or anywhere: a finding says what was seen and what was kept apart.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/analyzer.h"
#include "analyze/series.h"
#include "base/unit.h"
#include "stats/stats.h"

/* A unit this many scaled MADs from the median of the others is an outlier: a modified z-score of
 * 10 (Iglewicz & Hoaglin 1993), the threshold hyperfine made familiar. */
#define OUTLIER_Z 10.0
#define MAD_TO_DEVIATION 1.4826
/* Of few values the MAD is easily too small by chance: that many deviations more over m². */
#define OUTLIER_Z_SMALL 400.0
/* Below this share of the median a difference is not worth a sentence, however significant. */
#define RELEVANT_SHARE 0.05
#define DRIFT_P 0.01
#define MODALITY_SAMPLES_MIN 20
#define DRIFT_SAMPLES_MIN 10

static const char *format_value(const struct run_series *series, double value, char *buf,
                                size_t size)
{
    const struct metric *metric = series->series.metric;
    if (metric->kind == METRIC_NS)
        return unit_format_ns(value / metric->scale, buf, size);
    return unit_format_number(value, 4, buf, size);
}

/* How far from the median one of m values must lie to stand out, few as they may be: fewer than 2 %
 * of series of independent values then have a first one that does (normal; exponential 3 %). */
static double far_away(double mad, size_t m)
{
    double count = (double)m;
    return (OUTLIER_Z + OUTLIER_Z_SMALL / (count * count)) * MAD_TO_DEVIATION * mad;
}

/* The very first unit of the run, whatever phase it was put into. */
static double first_value(const struct run_series *series)
{
    return series->count ? series->samples[0].value : NAN;
}

static int find_first_outlier(const struct run *run, const struct values *steady,
                              struct run_sink *sink, bool *ret_found, struct error *err)
{
    double first = first_value(steady->series), median = NAN, mad = NAN;
    if (steady->count < 3 || isnan(first) ||
        !run_invocation_counts(run, steady->series->samples[0].invocation))
        return 0;
    enum phase_kind phase = run_phase_of_unit(run, steady->series->samples[0].invocation,
                                              steady->series->samples[0].unit);
    if (phase == PHASE_FIRST || phase == PHASE_PROFILED)
        return 0; /* no like of the others, and has a metric of its own */
    bool kept_apart = phase == PHASE_WARMUP;
    size_t skip = kept_apart ? 0 : 1; /* compare with the others only */
    if (stats_mad(steady->value + skip, steady->count - skip, &median, &mad) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory looking at the first unit");
    if (first <= median * (1 + 2 * RELEVANT_SHARE) ||
        first - median <= far_away(mad, steady->count - skip))
        return 0;
    *ret_found = true;
    char first_text[32], median_text[32];
    struct finding finding;
    finding_init(&finding, "first_run_outlier", kept_apart ? SEVERITY_INFO : SEVERITY_WARNING,
                 steady->series->series.metric->name);
    finding_sentence(
        &finding, "the first %s took %s, %.1f times the median of the others (%s)%s",
        unit_name_of(run), format_value(steady->series, first, first_text, sizeof(first_text)),
        first / median, format_value(steady->series, median, median_text, sizeof(median_text)),
        kept_apart ? "; it is kept apart as warm-up" : "");
    finding_value(&finding, first, NULL);
    strncpy(finding.unit, steady->series->series.metric->unit, sizeof(finding.unit) - 1);
    finding.n = steady->count;
    finding_evidence(&finding, "%s 1 of %zu", unit_name_of(run), steady->series->count);
    finding_advice(
        &finding, "%s",
        kept_apart ? "cold caches or start-up work: if users meet the cold case, judge it on its "
                     "own with -n 1 --warmup 0"
                   : "cold caches or start-up work: keep it apart with --warmup 1, or measure the "
                     "cold case on its own");
    return sink_finding(sink, &finding, err);
}

static int find_modes(const struct run *run, const struct values *steady, struct run_sink *sink,
                      struct error *err)
{
    struct modality modality = {0};
    if (steady->count < MODALITY_SAMPLES_MIN)
        return 0;
    if (modality_test(steady->value, steady->count, &modality) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory looking for modes");
    if (!modality.bimodal || modality.high < modality.low * (1 + RELEVANT_SHARE))
        return 0;
    char low[32], high[32];
    struct finding finding;
    finding_init(&finding, "bimodal", SEVERITY_WARNING, steady->series->series.metric->name);
    finding_sentence(&finding,
                     "two modes: %.0f %% of the %s take about %s, the others about %s; a mean "
                     "describes neither",
                     100 * modality.high_share, unit_plural_of(run),
                     format_value(steady->series, modality.high, high, sizeof(high)),
                     format_value(steady->series, modality.low, low, sizeof(low)));
    finding_value(&finding, 100 * modality.high_share, NULL);
    strncpy(finding.unit, "%", sizeof(finding.unit) - 1);
    finding.n = steady->count;
    char p[32];
    finding_evidence(&finding, "distribution of %zu values, %s", steady->count,
                     unit_format_p(modality.p_value, p, sizeof(p)));
    finding_advice(&finding,
                   "pin it with --cores (big and little cores, hyper-threads), and look for "
                   "a cache, a timer or a second path that only some runs take");
    return sink_finding(sink, &finding, err);
}

static double smallest(const struct values *values)
{
    double least = values->value[0];
    for (size_t i = 1; i < values->count; i++)
        least = fmin(least, values->value[i]);
    return least;
}

/* The queue of an open loop grew: that is what the latencies tell, and has its own words. */
static bool is_saturated(const struct run *run)
{
    for (size_t i = 0; i < run->finding_count; i++) {
        if (strcmp(run->findings[i].rule, "saturated") == 0)
            return true;
    }
    return false;
}

/* Two tests must agree, since a drift is easily seen in noise that depends on itself: the trend,
 * and that of a steady level (stats.h: steady_warmup), which keeps its error rate there. */
static int find_drift(const struct run *run, const struct values *steady, struct run_sink *sink,
                      struct error *err)
{
    struct trend trend;
    if (steady->count < DRIFT_SAMPLES_MIN || is_saturated(run))
        return 0;
    size_t unsettled = 0;
    bool is_level = true;
    if (trend_theil_sen(NULL, steady->value, steady->count, 0.95, &trend) < 0 ||
        steady_warmup(steady->value, steady->count, &unsettled, &is_level) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory looking for a drift");
    double span = (double)(steady->count - 1);
    /* The line of what grows ever faster begins too low, even below 0. */
    double begin = fmax(trend.intercept, smallest(steady));
    double change = trend.slope * span / begin;
    if (!(trend.p_value < DRIFT_P) || !(fabs(change) > RELEVANT_SHARE) ||
        (is_level && unsettled == 0))
        return 0;
    struct finding finding;
    finding_init(&finding, "drift", SEVERITY_WARNING, steady->series->series.metric->name);
    finding_sentence(&finding, "it became %.0f %% %s from the first to the last of %zu %s",
                     100 * fabs(change), change > 0 ? "slower" : "faster", steady->count,
                     unit_plural_of(run));
    finding_value(&finding, 100 * change, NULL);
    strncpy(finding.unit, "%", sizeof(finding.unit) - 1);
    finding.has_interval = true;
    finding.lo = 100 * trend.lo * span / begin;
    finding.hi = 100 * trend.hi * span / begin;
    finding.n = steady->count;
    char p[32];
    finding_evidence(&finding, "Theil-Sen slope over all %s, Mann-Kendall %s", unit_plural_of(run),
                     unit_format_p(trend.p_value, p, sizeof(p)));
    finding_advice(
        &finding, "%s",
        change > 0 ? "look for heat, a growing file or cache, another load; measure longer until "
                     "it settles"
                   : "it has not settled: measure longer, or keep more of it apart with --warmup");
    return sink_finding(sink, &finding, err);
}

/* first_told: the first unit has had its own finding and is not told again. */
static int find_outliers(const struct run *run, const struct values *steady, bool first_told,
                         struct run_sink *sink, struct error *err)
{
    size_t first_index = 0, count = 0, worst_at = 0;
    double median = NAN, mad = NAN;
    if (steady->count < 5)
        return 0;
    if (outliers_find(steady->value, steady->count, &first_index, 1, &count) < 0 ||
        stats_mad(steady->value, steady->count, &median, &mad) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory looking for outliers");
    /* Many outliers are a heavy tail or a second mode, not outliers; those have their own words. */
    if (count == 0 || count > steady->count / 10 + 1)
        return 0;
    if (count == 1 && first_told && first_index == 0)
        return 0;
    for (size_t i = 1; i < steady->count; i++) {
        if (fabs(steady->value[i] - median) > fabs(steady->value[worst_at] - median))
            worst_at = i;
    }
    double worst = steady->value[worst_at];
    if (fabs(worst - median) < RELEVANT_SHARE * median ||
        fabs(worst - median) < far_away(mad, steady->count))
        return 0;
    char text[32];
    struct finding finding;
    finding_init(&finding, "outliers", SEVERITY_INFO, steady->series->series.metric->name);
    finding_sentence(&finding, "%zu of %zu %s %s %s; %s in every figure", count, steady->count,
                     unit_plural_of(run),
                     count == 1 ? "lies far outside the others, at"
                                : "lie far outside the others, the furthest at",
                     format_value(steady->series, worst, text, sizeof(text)),
                     count == 1 ? "it stays" : "they stay");
    finding_value(&finding, (double)count, NULL);
    finding.n = steady->count;
    bool is_launch = run->invocation_count > 1 && steady->invocation[steady->count - 1] > 0 &&
                     run->invocation_count >= steady->count;
    finding_evidence(&finding, "%s %zu; |x - median| > 14.8 MAD", unit_name_of(run),
                     is_launch ? (size_t)steady->invocation[worst_at] + 1 : worst_at + 1);
    finding_advice(&finding, "something else ran: %squiet the machine, or take more %s",
                   is_launch ? "look at the involuntary switches of that launch, " : "",
                   unit_plural_of(run));
    return sink_finding(sink, &finding, err);
}

static int timing_run(const struct run *run, struct run_sink *sink, struct error *err)
{
    struct values steady;
    int rc = values_of(run, latency_metric_of(run), &steady, err);
    if (rc == 0 && steady.series) {
        bool first_told = false;
        rc = find_first_outlier(run, &steady, sink, &first_told, err);
        if (rc == 0)
            rc = find_modes(run, &steady, sink, err);
        if (rc == 0)
            rc = find_drift(run, &steady, sink, err);
        if (rc == 0)
            rc = find_outliers(run, &steady, first_told, sink, err);
    }
    values_free(&steady);
    return rc;
}

const struct analyzer analyzer_timing = {
    .name = "timing",
    .summary = "first-run outlier, two modes, drift and outliers in the times of the units",
    .run = timing_run,
};
