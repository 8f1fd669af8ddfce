/* latency_findings.c: what the percentiles of a group hide. The order of the rows is that in which
 * things happened; of a histogram only the parts know it.
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

#define TREND_P 0.01
#define TREND_MIN 0.05 /* of the median, over the whole file */
#define TREND_POINTS 500
#define WARMUP_MIN 0.05 /* slower than the rest by that */
#define WINDOW_MIN 50   /* values of a window */
#define WINDOWS_MAX 200 /* that a file is cut into */
#define WINDOWS_SHOWN 5
#define WINDOW_Z 6 /* robust deviations of the windows' medians */
#define WINDOW_RATIO 1.1
#define MODALITY_MAX 20000 /* values that the test looks at, evenly spread */
#define ONE_SIDED 0.975
#define FEW ((size_t)1 << 18) /* values that are looked at one by one */
#define BLOCKS 1000           /* else medians of so many blocks of them */

struct view {
    const struct groups *groups;
    const struct latency_group *latency;
    const struct group *group;
    const char *name;
    struct analysis *analysis;
};

/* ---- evidence ---- */

static const char *where(const struct view *view, double from, double to, char *buf, size_t size)
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

static const char *ms(double value, char *buf, size_t size)
{
    return unit_format_ns(value * 1e6, buf, size);
}

/* Begins a finding about this group. */
static void begin(const struct view *view, struct finding *finding, const char *rule,
                  enum severity severity)
{
    finding_init(finding, rule, severity, view->groups->column);
    finding->n = view->group->n;
    snprintf(finding->unit, sizeof(finding->unit), "ms");
}

/* ---- what comes in order: values, medians of as many values each, or means of parts ---- */

struct ordered {
    double *values, *at;
    size_t count;
    size_t each; /* values that one stands for; 0: as many as its part has */
};

static int take_medians(const struct view *view, struct ordered *ret)
{
    const struct group *group = view->group;
    CLEANUP_FREE double *scratch = malloc(ret->each * sizeof(*scratch));
    if (!scratch)
        return -1;
    for (size_t i = 0; i < ret->count; i++) {
        size_t from = i * ret->each, n = u64_min(ret->each, group->n - from);
        memcpy(scratch, group->values + from, n * sizeof(*scratch));
        ret->values[i] = quantile_unsorted(scratch, n, 0.5);
        ret->at[i] = group_position(view->groups, group, from);
    }
    return 0;
}

static int ordered_of(const struct view *view, struct ordered *ret)
{
    const struct group *group = view->group;
    ret->each = group->hist ? 0 : group->n > FEW ? (group->n + BLOCKS - 1) / BLOCKS : 1;
    ret->count = group->hist ? group->part_count : (group->n + ret->each - 1) / ret->each;
    ret->values = malloc((ret->count + 1) * sizeof(double));
    ret->at = malloc((ret->count + 1) * sizeof(double));
    if (!ret->values || !ret->at)
        return -1;
    if (ret->each > 1)
        return take_medians(view, ret);
    for (size_t i = 0; i < ret->count; i++) {
        const struct group_part *part = group->hist ? &group->parts[i] : NULL;
        ret->values[i] = part ? part->sum / (double)part->n : group->values[i];
        ret->at[i] = part ? part->first_at : group_position(view->groups, group, i);
    }
    return 0;
}

static void ordered_free(struct ordered *ordered)
{
    free(ordered->values);
    free(ordered->at);
}

/* ---- warm-up ---- */

static int find_warmup(const struct view *view, const struct ordered *ordered, size_t *ret_warmup)
{
    bool is_steady = true;
    char first[32], rest[32], buf[256];
    *ret_warmup = 0;
    if (steady_warmup(ordered->values, ordered->count, ret_warmup, &is_steady) < 0)
        return -1;
    size_t warmup = *ret_warmup;
    if (warmup == 0 || warmup >= ordered->count)
        return 0;
    double before = stats_mean(ordered->values, warmup);
    double behind = stats_mean(ordered->values + warmup, ordered->count - warmup);
    if (!(before > behind * (1 + WARMUP_MIN)))
        return 0;
    struct finding finding;
    begin(view, &finding, "warmup_in_file", SEVERITY_INFO);
    finding_value(&finding, before, NULL);
    const char *what = ordered->each ? "rows" : "parts of the file";
    finding_sentence(&finding,
                     "%s: the first %zu %s took %s on average, the others %s: warm-up is among the "
                     "values",
                     view->group->name, warmup * u64_max(ordered->each, 1), what,
                     ms(before, first, sizeof(first)), ms(behind, rest, sizeof(rest)));
    finding_evidence(&finding, "%s",
                     where(view, ordered->at[0], ordered->at[warmup - 1], buf, sizeof(buf)));
    finding_advice(&finding, "leave them out when you compare: they count in every figure of the "
                             "table; a column is_warmup keeps them apart");
    analysis_add_finding(view->analysis, &finding);
    return 0;
}

/* ---- trend ---- */

/* Medians of bins of as many points each, in place: there is a slope for each pair of points, so
 * that time and memory grow with their square. */
static size_t thin(double *at, double *values, size_t count)
{
    size_t each = (count + TREND_POINTS - 1) / TREND_POINTS, bins = 0;
    if (each < 2)
        return count;
    for (size_t i = 0; i + each <= count; i += each, bins++) {
        at[bins] = at[i + each / 2];
        values[bins] = quantile_unsorted(values + i, each, 0.5);
    }
    return bins;
}

static int find_trend(const struct view *view, struct ordered *ordered, size_t warmup)
{
    struct trend trend;
    double *at = ordered->at + warmup, *values = ordered->values + warmup;
    size_t count = thin(at, values, ordered->count - warmup);
    if (count < 20 || trend_theil_sen(at, values, count, 0.95, &trend) < 0)
        return count < 20 ? 0 : -1;
    double span = at[count - 1] - at[0], median = view->latency->percentile[0];
    double change = trend.slope * span;
    if (!(trend.p_value < TREND_P) || !(fabs(change) > TREND_MIN * median))
        return 0;
    char by[32], level[32], lo[32], hi[32], buf[256];
    struct finding finding;
    bool rises = change > 0;
    begin(view, &finding, "latency_trend", rises ? SEVERITY_WARNING : SEVERITY_INFO);
    finding.has_value = finding.has_interval = true;
    finding.value = change;
    finding.lo = trend.lo * span;
    finding.hi = trend.hi * span;
    finding_sentence(&finding,
                     "%s: latency %s by %s from beginning to end (95 %% interval %s to %s), of a "
                     "median of %s",
                     view->group->name, rises ? "rises" : "falls", ms(fabs(change), by, sizeof(by)),
                     ms(fmin(fabs(finding.lo), fabs(finding.hi)), lo, sizeof(lo)),
                     ms(fmax(fabs(finding.lo), fabs(finding.hi)), hi, sizeof(hi)),
                     ms(median, level, sizeof(level)));
    finding_evidence(&finding, "%s", where(view, at[0], at[count - 1], buf, sizeof(buf)));
    finding_advice(&finding, "%s",
                   rises ? "temperature, memory or a growing queue: tacho monitor beside it shows "
                           "which; tacho analyze memory and tegrastats read what was recorded"
                         : "a start that is not over, or less and less load: measure longer");
    analysis_add_finding(view->analysis, &finding);
    return 0;
}

/* ---- two kinds of work ---- */

static int find_modes(const struct view *view)
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
    struct finding finding;
    begin(view, &finding, "two_modes", SEVERITY_INFO);
    finding_value(&finding, modality.high, NULL);
    finding_sentence(&finding,
                     "%s: two kinds of values, around %s and around %s (%.0f %% of them): a mean "
                     "or a median describes neither",
                     group->name, ms(modality.low, low, sizeof(low)),
                     ms(modality.high, high, sizeof(high)), 100 * modality.high_share);
    finding_evidence(&finding, "%s: dip test, p <= %.2g", view->name, modality.p_value);
    finding_advice(&finding, "tell them apart with --group-by (input, camera, core, clock), or "
                             "look at both percentiles");
    analysis_add_finding(view->analysis, &finding);
    return 0;
}

/* ---- windows ---- */

struct window {
    size_t first;
    double from, to;
    double level; /* what they are told apart by: the median; of parts their mean */
    double mean, p95, max;
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

static struct analysis_table *window_table(const struct view *view)
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

static void add_window(const struct view *view, const struct window *window)
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

static struct window window_of_values(const struct view *view, size_t from, size_t count,
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

/* What is told of the windows that are shown. */
static int complete_window(const struct view *view, struct window *window)
{
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
    window->p95 = quantile_unsorted(scratch, window->n, 0.95);
    return 0;
}

/* Of as many values, or parts, each; a rest that does not fill one is left out. */
static int cut_windows(const struct view *view, struct window *windows, size_t *ret_count)
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

static void tell_worst(const struct view *view, const struct window *worst, size_t bad,
                       size_t count, double median)
{
    char level[32], usual[32], buf[256];
    struct finding finding;
    begin(view, &finding, "worst_window", SEVERITY_WARNING);
    finding.n = worst->n;
    finding_value(&finding, worst->level, NULL);
    finding_sentence(&finding,
                     "%s: %zu of %zu windows were slower than the others can explain; the worst "
                     "had a %s of %s where the usual one is %s",
                     view->group->name, bad, count, isnan(worst->p95) ? "mean" : "median",
                     ms(worst->level, level, sizeof(level)), ms(median, usual, sizeof(usual)));
    finding_evidence(&finding, "%s", where(view, worst->from, worst->to, buf, sizeof(buf)));
    finding_advice(&finding, "look what else happened then: tacho analyze logs on the log of that "
                             "time, or tacho monitor beside the next run");
    analysis_add_finding(view->analysis, &finding);
}

static int find_windows(const struct view *view)
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
        if (complete_window(view, &windows[i]) < 0)
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

static int count_misses(const struct view *view, double deadline_ms, uint64_t *ret_misses,
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
    *ret_n_eff = misses.n_eff;
    return rc;
}

static int find_misses(const struct view *view, double deadline_ms)
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
    begin(view, &finding, "deadline_missed", misses ? SEVERITY_WARNING : SEVERITY_INFO);
    double share = (double)misses / (double)group->n;
    finding.has_value = finding.has_interval = true;
    snprintf(finding.unit, sizeof(finding.unit), "%%");
    finding.value = 100 * share;
    finding.lo = 100 * proportion_lower(share * n_eff, n_eff, ONE_SIDED);
    finding.hi = 100 * proportion_upper(share * n_eff, n_eff, ONE_SIDED);
    finding_sentence(&finding,
                     "%s: %" PRIu64 " of %" PRIu64 " missed the deadline of %s: %.3g %% (95 %% "
                     "interval %.3g to %.3g %%)",
                     group->name, misses, group->n, ms(deadline_ms, bound, sizeof(bound)),
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
static void find_few(const struct view *view)
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
    begin(view, &finding, "few_samples", SEVERITY_INFO);
    finding.n_needed = needed - view->group->n;
    finding_sentence(&finding, "%s: %" PRIu64 " values are few for %s", view->group->name,
                     view->group->n, list);
    finding_evidence(&finding, "%s: fewer than ten values lie beyond them", view->name);
    finding_advice(&finding, "%" PRIu64 " values would do for all of them", needed);
    analysis_add_finding(view->analysis, &finding);
}

int latency_findings(const struct groups *groups, const struct latency_group *latency,
                     const struct analyze_options *options, const char *name,
                     struct analysis *analysis, struct error *err)
{
    struct view view = {groups, latency, latency->group, name, analysis};
    struct ordered ordered = {.count = 0};
    size_t warmup = 0;
    int rc = ordered_of(&view, &ordered);
    if (rc == 0)
        rc = find_misses(&view, options->deadline_ms);
    if (rc == 0)
        rc = find_warmup(&view, &ordered, &warmup);
    if (rc == 0)
        rc = find_trend(&view, &ordered, warmup);
    if (rc == 0)
        rc = find_modes(&view);
    if (rc == 0)
        rc = find_windows(&view);
    ordered_free(&ordered);
    find_few(&view);
    return rc < 0 ? error_set(err, ERROR_NOMEM, "out of memory") : 0;
}
