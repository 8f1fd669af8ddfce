/* latency.c: percentiles of a table of latencies, by group, and what they hide: a start that is
 * slower, a trend, two kinds of work, windows in which it was bad, and deadlines that were missed.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/files/latency_internal.h"
#include "analyze/series.h"
#include "base/util.h"

#define LEVEL 0.95

static const struct analysis_column columns[] = {
    {"group", "group", NULL, ANALYSIS_TEXT, 0, false},
    {"n", "n", NULL, ANALYSIS_COUNT, 0, false},
    {"mean_ms", "mean", "ms", ANALYSIS_INTERVAL, 4, false},
    {"p50_ms", "p50", "ms", ANALYSIS_INTERVAL, 4, false},
    {"p90_ms", "p90", "ms", ANALYSIS_INTERVAL, 4, true},
    {"p95_ms", "p95", "ms", ANALYSIS_INTERVAL, 4, false},
    {"p99_ms", "p99", "ms", ANALYSIS_INTERVAL, 4, false},
    {"p999_ms", "p99.9", "ms", ANALYSIS_INTERVAL, 4, true},
    {"std_ms", "std", "ms", ANALYSIS_NUMBER, 4, true},
    {"min_ms", "min", "ms", ANALYSIS_NUMBER, 4, true},
    {"max_ms", "max", "ms", ANALYSIS_NUMBER, 4, false},
    {"max_line", "in line", NULL, ANALYSIS_COUNT, 0, true},
    {"power_mean_w", "power", "W", ANALYSIS_NUMBER, 4, true},
    {"warmup_rows", "warm-up rows", NULL, ANALYSIS_COUNT, 0, true},
    {"n_eff", "n eff", NULL, ANALYSIS_NUMBER, 4, true},
};

const double latency_percentiles[LATENCY_PERCENTILES] = {0.5, 0.9, 0.95, 0.99, 0.999};

static int describe(const struct group *group, const struct analyze_options *options,
                    struct latency_group *ret, struct error *err)
{
    *ret = (struct latency_group){.group = group};
    int rc = group_quantiles(group, latency_percentiles, LATENCY_PERCENTILES,
                             options->percentile_method, ret->percentile, ret->interval);
    if (rc == 0)
        rc = group_effective_n(group, &ret->n_eff);
    double std = moments_std(&group->moments);
    if (!mean_interval(group->moments.mean, std, ret->n_eff, LEVEL, &ret->mean))
        ret->mean = (struct interval){NAN, NAN};
    return rc < 0 ? error_set(err, ERROR_NOMEM, "out of memory") : 0;
}

static struct analysis_cell interval_of(double value, struct interval interval)
{
    return cell_interval(value, interval.lo, interval.hi);
}

static void add_row(struct analysis_table *table, const struct latency_group *latency)
{
    const struct group *group = latency->group;
    struct analysis_cell *row = analysis_add_row(table);
    size_t at = 0;
    row[at++] = cell_text(table, group->name);
    row[at++] = cell_number((double)group->n);
    row[at++] = interval_of(group->moments.mean, latency->mean);
    for (size_t i = 0; i < LATENCY_PERCENTILES; i++)
        row[at++] = interval_of(latency->percentile[i], latency->interval[i]);
    row[at++] = cell_number(moments_std(&group->moments));
    row[at++] = cell_number(group->moments.min);
    row[at++] = cell_number(group->moments.max);
    row[at++] = cell_number((double)group->max_line);
    row[at++] = cell_number(group->power_n > 0 ? (double)(group->power_sum / group->power_n) : NAN);
    row[at++] = cell_number((double)group->warmup);
    row[at] = cell_number(latency->n_eff);
}

static void note_facts(const struct groups *groups, const struct analyze_options *options,
                       struct analysis *analysis)
{
    static const char *const methods[] = {"linear", "hazen",  "weibull", "median_unbiased",
                                          "lower",  "higher", "nearest"};
    struct facts *facts = &analysis->facts;
    facts_text(facts, "column", groups->column, NULL);
    facts_text(facts, "unit", groups->unit, NULL);
    facts_text(facts, "group_by", groups->keys, NULL);
    facts_integer(facts, "values", (int64_t)groups->n, NULL);
    facts_bool(facts, "is_exact", groups->is_exact, NULL);
    facts_number(facts, "quantile_error_pct", groups->is_exact ? 0 : 100 * HIST_RELATIVE_ERROR,
                 NULL);
    facts_text(facts, "percentile_method",
               groups->is_exact ? methods[options->percentile_method] : "linear", NULL);
    if (!isnan(options->deadline_ms))
        facts_number(facts, "deadline_ms", options->deadline_ms, NULL);
}

static void note_table(const struct groups *groups, struct analysis_table *table)
{
    if (!groups->is_exact)
        analysis_note(table,
                      "%" PRIu64 " values: percentiles by histogram, at most %.2f %% off "
                      "(--exact keeps all values)",
                      groups->n, 100 * HIST_RELATIVE_ERROR);
    table->interval_note =
        "in brackets 95 % intervals; ? where there are too few values for that end";
}

/* All groups of one source, in a table and findings. */
static int analyze(const struct groups *groups, const struct analyze_options *options,
                   const char *name, struct analysis *analysis, struct error *err)
{
    struct analysis_table *table =
        analysis_add_table(analysis, "groups", groups->keys[0] ? "Latency by group" : "Latency",
                           columns, ARRAY_LEN(columns));
    note_facts(groups, options, analysis);
    note_table(groups, table);
    table->shown = 40;
    int rc = 0;
    for (size_t i = 0; i < groups->count && rc == 0; i++) {
        struct latency_group latency;
        if (groups->items[i]->n == 0)
            continue;
        rc = describe(groups->items[i], options, &latency, err);
        if (rc == 0)
            add_row(table, &latency);
        if (rc == 0)
            rc = latency_findings(groups, &latency, options, name, analysis, err);
    }
    return rc;
}

static int latency_files(const struct analyze_options *options, struct analysis *analysis,
                         struct error *err)
{
    const struct groups_options wanted = {
        .column = options->column,
        .is_latency = true,
        .keys = options->groups,
        .key_count = options->group_count,
        .is_exact = options->is_exact,
        .threads = options->threads,
    };
    struct groups groups = {.count = 0};
    struct analysis_input *input = analysis_add_input(analysis, options->paths[0], "table");
    int rc = groups_read(options->paths[0], &wanted, input, &groups, err);
    if (rc < 0)
        return rc;
    rc = analyze(&groups, options, input->name, analysis, err);
    groups_deinit(&groups);
    return rc;
}

int groups_of_run(const struct run *run, struct analysis *analysis, struct groups *ret,
                  struct error *err)
{
    struct values values;
    struct analysis_input *input = analysis_add_input(analysis, run->id, "run");
    int rc = values_of(run, latency_metric_of(run), &values, err);
    if (rc == 0 && values.count == 0)
        rc = error_set(err, ERROR_NOTHING, "the run has no latencies");
    if (rc == 0)
        rc = groups_of_values(values.value, NULL, values.count, unit_plural_of(run), ret, err);
    input->skips.rows = values.count;
    values_free(&values);
    return rc;
}

static int latency_run(const struct run *run, const struct analyze_options *options,
                       struct analysis *analysis, struct error *err)
{
    struct groups groups = {.count = 0};
    int rc = groups_of_run(run, analysis, &groups, err);
    if (rc < 0)
        return rc;
    rc = analyze(&groups, options, run->id, analysis, err);
    groups_deinit(&groups);
    return rc;
}

const struct file_analyzer file_analyzer_latency = {
    .name = "latency",
    .summary = "percentiles by group, trend, warm-up, worst windows of a table",
    .flags = FILE_ANALYZER_MEASURES,
    .files = latency_files,
    .run = latency_run,
};
