/* latency_findings.c: what the percentiles of a group hide: two kinds of work, windows in which it
 * was bad, deadlines that were missed. What changes over the file: latency_order.c.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/files/latency_internal.h"
#include "base/unit.h"
#include "base/util.h"
#include "format/timestamp.h"

#define WINDOW_MIN 50   /* values of a window */
#define WINDOWS_MAX 200 /* that a file is cut into */
#define WINDOWS_SHOWN 5
#define WINDOW_Z 6 /* robust deviations of the windows' medians */
#define WINDOW_RATIO 1.1
#define MODALITY_MAX 20000 /* values that the test looks at, evenly spread */
#define ONE_SIDED 0.975
#define MISSES_MIN 10

/* ---- evidence ---- */

const char *latency_where(const struct latency_view *view, double from, double to, char *buf,
                          size_t size)
{
    char begin[48], end[48];
    if (view->groups->has_time)
        snprintf(buf, size, "%s: %s to %s", view->name,
                 timestamp_format(from, begin, sizeof(begin)),
                 timestamp_format(to, end, sizeof(end)));
    else
        snprintf(buf, size, "%s:%.0f to line %.0f", view->name, from, to);
    return buf;
}

const char *latency_ms(double value, char *buf, size_t size)
{
    return unit_format_ns(value * 1e6, buf, size);
}

void latency_begin(const struct latency_view *view, struct finding *finding, const char *rule,
                   enum severity severity)
{
    finding_init(finding, rule, severity, view->groups->column);
    finding->n = view->group->n;
    snprintf(finding->unit, sizeof(finding->unit), "ms");
}

/* ---- two kinds of work ---- */

/* Whether values below and above come in fewer turns than chance would make of them: less than half
 * as many, and 4 deviations fewer (Wald & Wolfowitz 1940). */
static bool are_apart(const double *values, size_t n, double middle)
{
    double above = 0, turns = 1;
    for (size_t i = 0; i < n; i++) {
        above += values[i] > middle;
        turns += i > 0 && (values[i] > middle) != (values[i - 1] > middle);
    }
    double count = (double)n, mean = 2 * above * (count - above) / count + 1;
    double variance = (mean - 1) * (mean - 2) / (count - 1);
    return turns < mean / 2 && turns < mean - 4 * sqrt(variance);
}

static int find_modes(const struct latency_view *view)
{
    const struct group *group = view->group;
    struct modality modality;
    if (group->hist)
        return 0;
    size_t n = group->n < MODALITY_MAX ? group->n : MODALITY_MAX;
    CLEANUP_FREE double *values = malloc((n + 1) * sizeof(*values));
    if (!values)
        return -1;
    for (size_t i = 0; i < n; i++) /* evenly over the file */
        values[i] = group->values[(size_t)((double)i * (double)group->n / (double)n)];
    if (modality_test(values, n, &modality) < 0)
        return -1;
    if (!modality.bimodal)
        return 0;
    char low[32], high[32];
    bool apart = are_apart(values, n, (modality.low + modality.high) / 2);
    struct finding finding;
    latency_begin(view, &finding, "two_modes", SEVERITY_INFO);
    finding_value(&finding, modality.high, NULL);
    finding_sentence(&finding,
                     "%s: two kinds of values, around %s and around %s (%.0f %% of them): a mean "
                     "or a median describes neither",
                     group->name, latency_ms(modality.low, low, sizeof(low)),
                     latency_ms(modality.high, high, sizeof(high)), 100 * modality.high_share);
    finding_evidence(&finding, "%s: dip test, p <= %.2g%s", view->name, modality.p_value,
                     apart ? "; each comes in long stretches" : "");
    finding_advice(&finding, "%s",
                   apart ? "they are apart in time, so look what changed between them: clock, "
                           "temperature, another load (tacho monitor beside the next run); where "
                           "it was the input, --group-by tells them apart"
                         : "tell them apart with --group-by (input, camera, core, clock), or look "
                           "at both percentiles");
    analysis_add_finding(view->analysis, &finding);
    return 0;
}

/* ---- windows ---- */

struct window {
    size_t first;
    double from, to;
    double level; /* what they are told apart by: the median; of parts their mean */
    double mean, p95, max;
    struct interval median; /* of those that are shown; NaN or without end: none */
    size_t n;
};

static const struct analysis_column window_columns[] = {
    {"group", "group", NULL, ANALYSIS_TEXT, 0, false},
    {"from", "from", NULL, ANALYSIS_TIME, 0, false},
    {"to", "to", NULL, ANALYSIS_TIME, 0, false},
    {"n", "n", NULL, ANALYSIS_COUNT, 0, false},
    {"mean_ms", "mean", "ms", ANALYSIS_NUMBER, 4, false},
    {"p50_ms", "p50", "ms", ANALYSIS_NUMBER, 4, false},
    {"p95_ms", "p95", "ms", ANALYSIS_NUMBER, 4, false},
    {"max_ms", "max", "ms", ANALYSIS_NUMBER, 4, false},
};

/* Without times, windows are told by the lines that they begin and end in. */
static const struct analysis_column line_columns[] = {
    {"group", "group", NULL, ANALYSIS_TEXT, 0, false},
    {"from_line", "from line", NULL, ANALYSIS_COUNT, 0, false},
    {"to_line", "to line", NULL, ANALYSIS_COUNT, 0, false},
    {"n", "n", NULL, ANALYSIS_COUNT, 0, false},
    {"mean_ms", "mean", "ms", ANALYSIS_NUMBER, 4, false},
    {"p50_ms", "p50", "ms", ANALYSIS_NUMBER, 4, false},
    {"p95_ms", "p95", "ms", ANALYSIS_NUMBER, 4, false},
    {"max_ms", "max", "ms", ANALYSIS_NUMBER, 4, false},
};

static struct analysis_table *window_table(const struct latency_view *view)
{
    struct analysis *analysis = view->analysis;
    for (size_t i = 0; i < analysis->table_count; i++) {
        if (strcmp(analysis->tables[i]->key, "windows") == 0)
            return analysis->tables[i];
    }
    bool has_time = view->groups->has_time;
    return analysis_add_table(analysis, "windows", "Worst windows",
                              has_time ? window_columns : line_columns, ARRAY_LEN(window_columns));
}

static void add_window(const struct latency_view *view, const struct window *window)
{
    struct analysis_table *table = window_table(view);
    struct analysis_cell *row = analysis_add_row(table);
    row[0] = cell_text(table, view->group->name);
    row[1] = cell_number(window->from);
    row[2] = cell_number(window->to);
    row[3] = cell_number((double)window->n);
    row[4] = cell_number(window->mean);
    row[5] = cell_number(isnan(window->p95) ? NAN : window->level);
    row[6] = cell_number(window->p95);
    row[7] = cell_number(window->max);
}

static int by_level(const void *a, const void *b)
{
    const struct window *x = a, *y = b;
    return x->level < y->level ? 1 : x->level > y->level ? -1 : 0;
}

static struct window window_of_parts(const struct group *group, size_t from, size_t count)
{
    struct window window = {.first = from, .from = group->parts[from].first_at, .p95 = NAN};
    double sum = 0;
    for (size_t i = from; i < from + count; i++) {
        const struct group_part *part = &group->parts[i];
        window.n += part->n;
        window.max = fmax(window.max, part->max);
        window.to = part->last_at;
        sum += part->sum;
    }
    window.level = window.mean = sum / (double)window.n;
    return window;
}

static struct window window_of_values(const struct latency_view *view, size_t from, size_t count,
                                      double *scratch)
{
    const struct group *group = view->group;
    memcpy(scratch, group->values + from, count * sizeof(*scratch));
    return (struct window){.first = from,
                           .from = group_position(view->groups, group, from),
                           .to = group_position(view->groups, group, from + count - 1),
                           .level = quantile_unsorted(scratch, count, 0.5),
                           .n = count};
}

/* What is told of the windows that are shown. They were chosen among `count`, so each interval is
 * made for all of them at once (Bonferroni). */
static int complete_window(const struct latency_view *view, struct window *window, size_t count)
{
    bool both;
    window->median = (struct interval){NAN, NAN};
    if (view->group->hist)
        return 0;
    const double *values = view->group->values + window->first;
    CLEANUP_FREE double *scratch = malloc(window->n * sizeof(*scratch));
    if (!scratch)
        return -1;
    memcpy(scratch, values, window->n * sizeof(*scratch));
    window->mean = stats_mean(values, window->n);
    window->max = values[0];
    for (size_t i = 1; i < window->n; i++)
        window->max = fmax(window->max, values[i]);
    stats_sort(scratch, window->n);
    window->p95 = quantile_sorted(scratch, window->n, 0.95);
    if (quantile_interval_ordered(values, scratch, window->n, 0.5, 1 - 0.05 / (double)count,
                                  &window->median, &both) < 0)
        return -1;
    if (!both)
        window->median = (struct interval){NAN, NAN};
    return 0;
}

/* Of as many values, or parts, each; a rest that does not fill one is left out. */
static int cut_windows(const struct latency_view *view, struct window *windows, size_t *ret_count)
{
    const struct group *group = view->group;
    size_t all = group->hist ? group->part_count : group->n, size = group->hist ? 1 : WINDOW_MIN;
    size_t count = 0;
    if (all / size > WINDOWS_MAX)
        size = (all + WINDOWS_MAX - 1) / WINDOWS_MAX;
    CLEANUP_FREE double *scratch = malloc((size + 1) * sizeof(*scratch));
    if (!scratch)
        return -1;
    for (size_t i = 0; i + size <= all && count < WINDOWS_MAX; i += size)
        windows[count++] = group->hist ? window_of_parts(group, i, size)
                                       : window_of_values(view, i, size, scratch);
    *ret_count = count;
    return 0;
}

static void tell_worst(const struct latency_view *view, const struct window *worst, size_t bad,
                       size_t count, double median)
{
    char level[32], usual[32], buf[256];
    struct finding finding;
    latency_begin(view, &finding, "worst_window", SEVERITY_WARNING);
    finding.n = worst->n;
    finding_value(&finding, worst->level, NULL);
    finding_interval(&finding, worst->median.lo, worst->median.hi);
    char lo[32], hi[32], interval[96] = "";
    if (finding.has_interval)
        snprintf(interval, sizeof(interval), " (95 %% interval %s to %s)",
                 latency_ms(worst->median.lo, lo, sizeof(lo)),
                 latency_ms(worst->median.hi, hi, sizeof(hi)));
    finding_sentence(&finding,
                     "%s: %zu of %zu windows %s slower than the others can explain; the worst "
                     "had a %s of %s%s where the usual one is %s",
                     view->group->name, bad, count, bad == 1 ? "was" : "were",
                     isnan(worst->p95) ? "mean" : "median",
                     latency_ms(worst->level, level, sizeof(level)), interval,
                     latency_ms(median, usual, sizeof(usual)));
    finding_evidence(&finding, "%s", latency_where(view, worst->from, worst->to, buf, sizeof(buf)));
    finding_advice(&finding, "look what else happened then: tacho analyze logs on the log of that "
                             "time, or tacho monitor beside the next run");
    analysis_add_finding(view->analysis, &finding);
}

static int find_windows(const struct latency_view *view)
{
    struct window windows[WINDOWS_MAX];
    double medians[WINDOWS_MAX], median, mad;
    size_t count = 0, bad = 0;
    if (cut_windows(view, windows, &count) < 0)
        return -1;
    if (count < 5)
        return 0;
    for (size_t i = 0; i < count; i++)
        medians[i] = windows[i].level;
    if (stats_mad(medians, count, &median, &mad) < 0)
        return -1;
    qsort(windows, count, sizeof(windows[0]), by_level);
    for (size_t i = 0; i < count; i++)
        bad += windows[i].level > median + WINDOW_Z * 1.4826 * mad &&
               windows[i].level > median * WINDOW_RATIO;
    /* Of a group that was never worse than usual, one is enough. */
    for (size_t i = 0; i < WINDOWS_SHOWN && (i < bad || i == 0); i++) {
        if (complete_window(view, &windows[i], count) < 0)
            return -1;
        add_window(view, &windows[i]);
    }
    if (bad > 0)
        tell_worst(view, &windows[0], bad, count, median);
    return 0;
}

/* ---- deadline and sample size ---- */

/* Of the bucket that the deadline cuts, as much as lies above it. */
static uint64_t hist_misses(const struct group *group, double deadline_ms)
{
    const struct hist *hist = group->hist;
    uint64_t bound = (uint64_t)fmin(deadline_ms * group->hist_scale, 0x1p63);
    size_t cut = hist_bucket_of(bound);
    double low = (double)hist_bucket_low(cut), high = (double)hist_bucket_high(cut);
    double above = (high - (double)bound) / (high - low + 1) * (double)hist->buckets[cut];
    return hist_count_above(hist, bound) + (uint64_t)(above + 0.5);
}

static double is_miss(double value, const void *deadline)
{
    return value > *(const double *)deadline;
}

/* Fewer misses, or fewer values that were in time, do not show whether they come in bursts (a share
 * of 0 or 100 % never does): then they are taken to depend on each other as the latencies do. */
static double misses_n_eff(const struct latency_view *view, uint64_t misses, double n_eff)
{
    uint64_t fewer = u64_min(misses, view->group->n - misses);
    return fewer < MISSES_MIN ? fmin(n_eff, view->latency->n_eff) : n_eff;
}

static int count_misses(const struct latency_view *view, double deadline_ms, uint64_t *ret_misses,
                        double *ret_n_eff)
{
    const struct group *group = view->group;
    struct group_mean misses;
    if (group->hist) {
        *ret_misses = hist_misses(group, deadline_ms);
        *ret_n_eff = view->latency->n_eff;
        return 0;
    }
    int rc = group_mean_of(group, is_miss, &deadline_ms, &misses);
    *ret_misses = (uint64_t)(misses.mean * (double)group->n + 0.5);
    *ret_n_eff = misses_n_eff(view, *ret_misses, misses.n_eff);
    return rc;
}

static int find_misses(const struct latency_view *view, double deadline_ms)
{
    const struct group *group = view->group;
    double n_eff;
    uint64_t misses;
    if (isnan(deadline_ms))
        return 0;
    if (count_misses(view, deadline_ms, &misses, &n_eff) < 0)
        return -1;
    char bound[32];
    struct finding finding;
    latency_begin(view, &finding, "deadline_missed", misses ? SEVERITY_WARNING : SEVERITY_INFO);
    double share = (double)misses / (double)group->n;
    finding.has_value = finding.has_interval = true;
    snprintf(finding.unit, sizeof(finding.unit), "%%");
    finding.value = 100 * share;
    finding.lo = 100 * proportion_lower(share * n_eff, n_eff, ONE_SIDED);
    finding.hi = 100 * proportion_upper(share * n_eff, n_eff, ONE_SIDED);
    finding_sentence(&finding,
                     "%s: %" PRIu64 " of %" PRIu64 " missed the deadline of %s: %.3g %% (95 %% "
                     "interval %.3g to %.3g %%)",
                     group->name, misses, group->n, latency_ms(deadline_ms, bound, sizeof(bound)),
                     finding.value, finding.lo, finding.hi);
    finding_evidence(&finding, "%s: longest in line %" PRIu64 "; worth %.0f independent values%s",
                     view->name, group->max_line, n_eff,
                     group->hist ? "; counted by histogram, 0.39 % around the deadline" : "");
    finding_advice(&finding, "%s",
                   misses ? "the worst windows say when; tacho run --limit judges it in CI"
                          : "a tighter bound needs more rows");
    analysis_add_finding(view->analysis, &finding);
    return 0;
}

/* A percentile rests on what lies beyond it: ten values, as a rule of thumb (docs/statistics.md).
 */
static void find_few(const struct latency_view *view)
{
    static const char *const names[LATENCY_PERCENTILES] = {"p50", "p90", "p95", "p99", "p99.9"};
    char list[64] = "";
    uint64_t needed = 0;
    for (size_t i = 0; i < LATENCY_PERCENTILES; i++) {
        uint64_t need = (uint64_t)ceil(10 / (1 - latency_percentiles[i]) - 1e-9);
        if (view->group->n >= need)
            continue;
        size_t length = strlen(list);
        snprintf(list + length, sizeof(list) - length, "%s%s", length ? ", " : "", names[i]);
        needed = need;
    }
    if (needed == 0)
        return;
    struct finding finding;
    latency_begin(view, &finding, "few_samples", SEVERITY_INFO);
    finding.n_needed = needed - view->group->n;
    finding_sentence(&finding, "%s: %" PRIu64 " %s few for %s", view->group->name, view->group->n,
                     view->group->n == 1 ? "value is" : "values are", list);
    finding_evidence(&finding, "%s: fewer than ten values lie beyond them", view->name);
    finding_advice(&finding, "%" PRIu64 " values would do for all of them", needed);
    analysis_add_finding(view->analysis, &finding);
}

int latency_findings(const struct groups *groups, const struct latency_group *latency,
                     const struct analyze_options *options, const char *name,
                     struct analysis *analysis, struct error *err)
{
    struct latency_view view = {groups, latency, latency->group, name, analysis};
    int rc = find_misses(&view, options->deadline_ms);
    if (rc == 0)
        rc = latency_order(&view);
    if (rc == 0)
        rc = find_modes(&view);
    if (rc == 0)
        rc = find_windows(&view);
    find_few(&view);
    return rc < 0 ? error_set(err, ERROR_NOMEM, "out of memory") : 0;
}
