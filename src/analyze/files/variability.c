/* variability.c: how steady the values of a column are, by group; and whether those of a second
 * table are steadier.
 *
 * Definitions: std with n-1; CV = std / mean; jitter = mean of |x[i] - x[i-1]|; IQR = p75 - p25;
 * outliers beyond 3 std of the mean, and beyond a modified z of 3.5 (Iglewicz & Hoaglin 1993);
 * rating by the CV: below 10, 20, 30 %. Steadiness is compared by the mean relative deviation from
 * the median (Brown & Forsythe 1974 take the same in units of the value), because it has an
 * interval where the CV has none.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/files/latency_internal.h"
#include "base/util.h"

#define LEVEL 0.95
#define MODIFIED_Z 3.5

static const struct analysis_column columns[] = {
    {"group", "group", NULL, ANALYSIS_TEXT, 0, false},
    {"n", "n", NULL, ANALYSIS_COUNT, 0, false},
    {"mean", "mean", NULL, ANALYSIS_NUMBER, 4, false},
    {"std", "std", NULL, ANALYSIS_NUMBER, 4, true},
    {"cv_pct", "CV", "%", ANALYSIS_NUMBER, 3, false},
    {"jitter", "jitter", NULL, ANALYSIS_NUMBER, 4, false},
    {"iqr", "IQR", NULL, ANALYSIS_NUMBER, 4, false},
    {"outliers_3_sigma", "> 3 sigma", NULL, ANALYSIS_COUNT, 0, false},
    {"outliers_mad", "> 3.5 MAD", NULL, ANALYSIS_COUNT, 0, false},
    {"lag1_correlation", "lag 1", NULL, ANALYSIS_NUMBER, 3, false},
    {"deviation_pct", "deviation", "%", ANALYSIS_INTERVAL, 3, true},
    {"rating", "rating", NULL, ANALYSIS_TEXT, 0, false},
    {"p50", "p50", NULL, ANALYSIS_NUMBER, 4, true},
    {"p95", "p95", NULL, ANALYSIS_NUMBER, 4, true},
    {"p99", "p99", NULL, ANALYSIS_NUMBER, 4, true},
    {"max", "max", NULL, ANALYSIS_NUMBER, 4, true},
};

struct steadiness {
    const struct group *group;
    double std, cv_pct, jitter, iqr, lag1, p50, p95, p99;
    double sigma_outliers, mad_outliers, n_eff;
    double deviation_pct, error; /* error: standard error of it; NaN: its values are not kept */
    struct interval deviation;
    const char *rating;
};

static const char *rating_of(double cv_pct)
{
    if (isnan(cv_pct))
        return NULL;
    return cv_pct < 10   ? "very_consistent"
           : cv_pct < 20 ? "consistent"
           : cv_pct < 30 ? "moderately_consistent"
                         : "high_variability";
}

static double deviation_pct(double value, const void *median)
{
    return 100 * fabs(value / *(const double *)median - 1);
}

static int deviation_of(struct steadiness *ret)
{
    struct group_mean off;
    ret->deviation_pct = ret->error = NAN;
    ret->deviation = (struct interval){NAN, NAN};
    if (!(ret->p50 > 0))
        return 0;
    int rc = group_mean_of(ret->group, deviation_pct, &ret->p50, &off);
    ret->deviation_pct = off.mean;
    ret->error = off.std / sqrt(off.n_eff);
    if (!mean_interval(off.mean, off.std, off.n_eff, LEVEL, &ret->deviation))
        ret->deviation = (struct interval){NAN, NAN};
    return rc;
}

static int describe(const struct group *group, const struct analyze_options *options,
                    struct steadiness *ret, struct error *err)
{
    static const double p[] = {0.25, 0.5, 0.75, 0.95, 0.99};
    double quantile[ARRAY_LEN(p)], mad = NAN, mean = group->moments.mean;
    *ret = (struct steadiness){.group = group};
    int rc = group_quantiles(group, p, ARRAY_LEN(p), options->percentile_method, quantile, NULL);
    ret->std = moments_std(&group->moments);
    ret->cv_pct = mean > 0 ? 100 * ret->std / mean : NAN;
    ret->jitter = group_jitter(group);
    ret->iqr = quantile[2] - quantile[0];
    ret->lag1 = group_autocorrelation(group);
    ret->p50 = quantile[1];
    ret->p95 = quantile[3];
    ret->p99 = quantile[4];
    if (rc == 0)
        rc = group_mad(group, ret->p50, &mad);
    double far = MODIFIED_Z / 0.6745 * mad;
    ret->sigma_outliers =
        isnan(ret->std) ? NAN
                        : group_count_outside(group, mean - 3 * ret->std, mean + 3 * ret->std);
    ret->mad_outliers = mad > 0 ? group_count_outside(group, ret->p50 - far, ret->p50 + far) : NAN;
    ret->rating = rating_of(ret->cv_pct);
    if (rc == 0)
        rc = group_effective_n(group, &ret->n_eff);
    if (rc == 0)
        rc = deviation_of(ret);
    return rc < 0 ? error_set(err, ERROR_NOMEM, "out of memory") : 0;
}

static void add_row(struct analysis_table *table, const struct steadiness *steadiness)
{
    struct analysis_cell *row = analysis_add_row(table);
    const struct group *group = steadiness->group;
    const double numbers[] = {
        (double)group->n,           group->moments.mean,      steadiness->std,
        steadiness->cv_pct,         steadiness->jitter,       steadiness->iqr,
        steadiness->sigma_outliers, steadiness->mad_outliers, steadiness->lag1,
    };
    row[0] = cell_text(table, group->name);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        row[1 + i] = cell_number(numbers[i]);
    row[10] = cell_interval(steadiness->deviation_pct, steadiness->deviation.lo,
                            steadiness->deviation.hi);
    row[11] = cell_text(table, steadiness->rating);
    row[12] = cell_number(steadiness->p50);
    row[13] = cell_number(steadiness->p95);
    row[14] = cell_number(steadiness->p99);
    row[15] = cell_number(group->moments.max);
}

/* ---- findings ---- */

/* Without a MAD half of the values at least are the same, and nothing tells how far is far. */
static const char *far_off(const struct steadiness *steadiness, char *buf, size_t size)
{
    if (isnan(steadiness->mad_outliers))
        snprintf(buf, size, "at least half of them are %.4g", steadiness->p50);
    else
        snprintf(buf, size, "%.0f of %" PRIu64 " stand far off the median",
                 steadiness->mad_outliers, steadiness->group->n);
    return buf;
}

static void tell(const struct groups *groups, const struct steadiness *steadiness, const char *name,
                 struct analysis *analysis)
{
    const struct group *group = steadiness->group;
    bool is_high = steadiness->cv_pct >= 30, follows = steadiness->lag1 > 0.3 && group->n >= 50;
    struct finding finding;
    if (!is_high && !follows)
        return;
    finding_init(&finding, is_high ? "high_variability" : "values_follow_each_other",
                 is_high ? SEVERITY_WARNING : SEVERITY_INFO, groups->column);
    finding.n = group->n;
    finding_value(&finding, is_high ? steadiness->cv_pct : steadiness->lag1, NULL);
    snprintf(finding.unit, sizeof(finding.unit), "%s", is_high ? "%" : "");
    if (is_high) {
        char far[80];
        finding_sentence(&finding,
                         "%s: the values vary by %.0f %% of their mean (standard deviation); %s",
                         group->name, steadiness->cv_pct, far_off(steadiness, far, sizeof(far)));
        finding_advice(&finding, "tacho analyze latency shows when it was bad, and whether there "
                                 "are two kinds of work; fixed clocks and pinned cores calm the "
                                 "machine (tacho doctor)");
    } else {
        finding_sentence(&finding,
                         "%s: each value is like the one before (correlation %.2f): slow ones come "
                         "in a row, and %" PRIu64 " values are worth %.0f independent ones",
                         group->name, steadiness->lag1, group->n, steadiness->n_eff);
        finding_advice(&finding, "something changes more slowly than one value: load, clock or "
                                 "temperature; intervals here already allow for it");
    }
    finding_evidence(&finding, "%s: largest value in line %" PRIu64, name, group->max_line);
    analysis_add_finding(analysis, &finding);
}

/* ---- one table ---- */

struct table {
    struct groups groups;
    struct steadiness *of; /* one for each group */
    const char *name;
};

static void table_deinit(struct table *table)
{
    free(table->of);
    groups_deinit(&table->groups);
}

static int describe_all(struct table *table, const struct analyze_options *options, const char *key,
                        struct analysis *analysis, struct error *err)
{
    char title[320];
    snprintf(title, sizeof(title), "Variability of %s%s%s", table->groups.column,
             table->groups.unit[0] ? ", " : "", table->groups.unit);
    struct analysis_table *shown =
        analysis_add_table(analysis, key, title, columns, ARRAY_LEN(columns));
    if (!table->groups.is_exact)
        analysis_note(shown,
                      "%" PRIu64 " values: IQR and outliers by histogram, at most %.2f %% off",
                      table->groups.n, 100 * HIST_RELATIVE_ERROR);
    table->of = calloc(table->groups.count + 1, sizeof(*table->of));
    int rc = table->of ? 0 : error_set(err, ERROR_NOMEM, "out of memory");
    for (size_t i = 0; i < table->groups.count && rc == 0; i++) {
        rc = describe(table->groups.items[i], options, &table->of[i], err);
        if (rc < 0 || table->groups.items[i]->n == 0)
            continue;
        add_row(shown, &table->of[i]);
        tell(&table->groups, &table->of[i], table->name, analysis);
    }
    return rc;
}

/* ---- two tables ---- */

static const struct analysis_column change_columns[] = {
    {"group", "group", NULL, ANALYSIS_TEXT, 0, false},
    {"cv_change_pct", "CV", "%", ANALYSIS_NUMBER, 3, false},
    {"jitter_change_pct", "jitter", "%", ANALYSIS_NUMBER, 3, false},
    {"outlier_share_change_points", "outliers", "points", ANALYSIS_NUMBER, 3, false},
    {"deviation_change_points", "deviation", "points", ANALYSIS_INTERVAL, 3, false},
    {"is_more_consistent", "more consistent", NULL, ANALYSIS_FLAG, 0, false},
    {"is_less_jittery", "less jittery", NULL, ANALYSIS_FLAG, 0, false},
    {"has_fewer_outliers", "fewer outliers", NULL, ANALYSIS_FLAG, 0, false},
    {"is_improved", "improved", NULL, ANALYSIS_FLAG, 0, false},
    {"is_decided", "decided", NULL, ANALYSIS_FLAG, 0, false},
};

static double change_pct(double before, double after)
{
    return before > 0 ? 100 * (after / before - 1) : NAN;
}

static double flag(double difference)
{
    return isnan(difference) ? NAN : difference < 0;
}

static void tell_change(const struct steadiness *a, const struct steadiness *b, const char *name,
                        double change, struct interval interval, const struct table *after,
                        struct analysis *analysis)
{
    bool is_decided = interval.lo > 0 || interval.hi < 0;
    struct finding finding;
    finding_init(&finding, "steadiness_changed", interval.lo > 0 ? SEVERITY_WARNING : SEVERITY_INFO,
                 after->groups.column);
    finding.n = a->group->n + b->group->n;
    finding.has_value = finding.has_interval = true;
    finding.value = change;
    finding.lo = interval.lo;
    finding.hi = interval.hi;
    snprintf(finding.unit, sizeof(finding.unit), "points");
    finding_sentence(&finding,
                     "%s: values stand %.3g %% off the median, before it was %.3g %%: %s (95 %% "
                     "interval of the difference %.2g to %.2g points)",
                     name, b->deviation_pct, a->deviation_pct,
                     !is_decided       ? "that is not decided"
                     : interval.lo > 0 ? "less steady"
                                       : "steadier",
                     interval.lo, interval.hi);
    finding_evidence(&finding, "%s", after->name);
    finding_advice(&finding, "%s",
                   is_decided ? "one pair of files knows nothing of what differs from run to run: "
                                "repeat both, in turns, before you rely on it"
                              : "measure more of both, in turns");
    analysis_add_finding(analysis, &finding);
}

static void compare(const struct steadiness *a, const struct steadiness *b,
                    const struct table *after, struct analysis_table *table)
{
    double outliers =
        100 * (b->mad_outliers / (double)b->group->n - a->mad_outliers / (double)a->group->n);
    double change = b->deviation_pct - a->deviation_pct, error = hypot(a->error, b->error);
    double z = normal_quantile(0.5 + LEVEL / 2);
    struct interval interval = {change - z * error, change + z * error};
    double cv = b->cv_pct - a->cv_pct, jitter = b->jitter - a->jitter;
    char name[256];
    bool is_same = strcmp(a->group->name, b->group->name) == 0;
    snprintf(name, sizeof(name), "%.120s%s%.120s", is_same ? "" : a->group->name,
             is_same ? "" : " → ", b->group->name);
    struct analysis_cell *row = analysis_add_row(table);
    row[0] = cell_text(table, name);
    row[1] = cell_number(change_pct(a->cv_pct, b->cv_pct));
    row[2] = cell_number(change_pct(a->jitter, b->jitter));
    row[3] = cell_number(outliers);
    row[4] = cell_interval(change, interval.lo, interval.hi);
    row[5] = cell_number(flag(cv));
    row[6] = cell_number(flag(jitter));
    row[7] = cell_number(flag(outliers));
    row[8] = cell_number(isnan(cv) || isnan(jitter) ? NAN : cv < 0 && jitter < 0);
    row[9] = cell_number(isnan(interval.lo) ? NAN : interval.lo > 0 || interval.hi < 0);
    if (!isnan(interval.lo))
        tell_change(a, b, name, change, interval, after, table->owner);
}

static const struct steadiness *find(const struct table *table, const char *name)
{
    for (size_t i = 0; i < table->groups.count; i++) {
        if (strcmp(table->groups.items[i]->name, name) == 0)
            return &table->of[i];
    }
    return NULL;
}

/* The only group of a table, or NULL. */
static const struct steadiness *only(const struct table *table)
{
    const struct steadiness *only = NULL;
    for (size_t i = 0; i < table->groups.count; i++) {
        if (table->groups.items[i]->n == 0)
            continue;
        if (only)
            return NULL;
        only = &table->of[i];
    }
    return only;
}

static size_t compare_by_name(const struct table *before, const struct table *after,
                              struct analysis_table *table)
{
    size_t alone = 0, compared = 0;
    for (size_t i = 0; i < after->groups.count; i++) {
        const struct steadiness *a = find(before, after->groups.items[i]->name);
        if (a)
            compare(a, &after->of[i], after, table);
        compared += a != NULL;
        alone += !a;
    }
    for (size_t i = 0; i < before->groups.count; i++)
        alone += !find(after, before->groups.items[i]->name);
    if (alone > 0)
        analysis_note(table, "%zu group%s in one of the files only", alone,
                      alone == 1 ? " stands" : "s stand");
    return compared;
}

static void tell_nothing_in_both(const struct table *before, const struct table *after,
                                 struct analysis *analysis)
{
    struct finding finding;
    finding_init(&finding, "no_group_in_both", SEVERITY_WARNING, after->groups.column);
    finding.n = before->groups.n + after->groups.n;
    finding_sentence(&finding,
                     "nothing was compared: no group is in both files (%.60s, ... and %.60s, ...)",
                     before->groups.items[0]->name, after->groups.items[0]->name);
    finding_advice(&finding,
                   "--group-by with columns that say the same in both files; now it is by %s",
                   after->groups.keys[0] ? after->groups.keys : before->groups.keys);
    finding_evidence(&finding, "%.120s and %.120s", before->name, after->name);
    analysis_add_finding(analysis, &finding);
}

/* Groups of the same name; a file that is one group is compared with another one whatever they are
 * called: run_label says "old" and "new" of what is compared. */
static void compare_all(const struct table *before, const struct table *after,
                        struct analysis *analysis)
{
    struct analysis_table *table =
        analysis_add_table(analysis, "changes", "From the first file to the second", change_columns,
                           ARRAY_LEN(change_columns));
    const struct steadiness *a = only(before), *b = only(after);
    if (a && b)
        compare(a, b, after, table);
    else if (compare_by_name(before, after, table) == 0)
        tell_nothing_in_both(before, after, analysis);
}

/* ---- the analyzer ---- */

static int read_file(const char *path, const struct analyze_options *options, struct table *table,
                     struct analysis *analysis, struct error *err)
{
    const struct groups_options wanted = {
        .column = options->column,
        .is_latency = options->column == NULL,
        .keys = options->groups,
        .key_count = options->group_count,
        .is_exact = options->is_exact,
        .threads = options->threads,
    };
    struct analysis_input *input = analysis_add_input(analysis, path, "table");
    table->name = input->name;
    return groups_read(path, &wanted, input, &table->groups, err);
}

static int variability_files(const struct analyze_options *options, struct analysis *analysis,
                             struct error *err)
{
    struct table before = {.of = NULL}, after = {.of = NULL};
    bool is_pair = options->path_count == 2;
    int rc = read_file(options->paths[0], options, &before, analysis, err);
    if (rc == 0)
        rc = describe_all(&before, options, is_pair ? "before" : "groups", analysis, err);
    if (rc == 0 && is_pair)
        rc = read_file(options->paths[1], options, &after, analysis, err);
    if (rc == 0 && is_pair)
        rc = describe_all(&after, options, "after", analysis, err);
    if (rc == 0 && is_pair)
        compare_all(&before, &after, analysis);
    if (rc == 0) {
        facts_text(&analysis->facts, "column", before.groups.column, NULL);
        facts_text(&analysis->facts, "unit", before.groups.unit, NULL);
        facts_text(&analysis->facts, "group_by", before.groups.keys, NULL);
        facts_bool(&analysis->facts, "is_exact", before.groups.is_exact, NULL);
    }
    table_deinit(&before);
    table_deinit(&after);
    return rc;
}

static int variability_run(const struct run *run, const struct analyze_options *options,
                           struct analysis *analysis, struct error *err)
{
    struct table table = {.name = run->id};
    int rc = groups_of_run(run, analysis, &table.groups, err);
    if (rc == 0)
        rc = describe_all(&table, options, "groups", analysis, err);
    table_deinit(&table);
    return rc;
}

const struct file_analyzer file_analyzer_variability = {
    .name = "variability",
    .summary = "jitter, outliers and consistency; two files are compared",
    .flags = FILE_ANALYZER_MEASURES | FILE_ANALYZER_PAIR,
    .files = variability_files,
    .run = variability_run,
};
