/* lines.c: the lines of a report below the main distribution: what one launch or process cost, and
 * what the machine did meanwhile. Each line is a group of metrics of the registry; a metric that
 * the run does not have is left out, one that it has without values is "-" with its reason.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/unit.h"
#include "base/util.h"
#include "report/content.h"

/* One item of a line. `format` holds one %s for the value. */
struct item_row {
    const char *metric;
    const char *stat; /* "median", "max", "mean" */
    const char *format;
};

struct line_row {
    const char *label;
    struct item_row items[6];
};

static const struct line_row launch_lines[] = {
    {"cpu",
     {{"user_ms", "median", "user %s"},
      {"system_ms", "median", "system %s"},
      {"cpu_pct", "median", "%s of one core"}}},
    {"memory",
     {{"peak_rss_mb", "max", "peak %s in one process"},
      {"peak_tree_rss_mb", "max", "%s in the whole tree"},
      {"processes_max", "max", "processes %s"}}},
    {"faults", {{"minor_faults", "median", "minor %s"}, {"major_faults", "median", "major %s"}}},
    {"switches",
     {{"voluntary_switches", "median", "voluntary %s"},
      {"involuntary_switches", "median", "involuntary %s"},
      {"cpu_migrations", "median", "migrations %s"}}},
    {"i/o",
     {{"char_read_mb", "median", "read %s"},
      {"char_written_mb", "median", "written %s"},
      {"block_read_mb", "median", "from disk %s"},
      {"block_written_mb", "median", "to disk %s"}}},
    {"counters",
     {{"ipc", "median", "%s instructions per cycle"},
      {"instructions", "median", "instructions %s"},
      {"cycles", "median", "cycles %s"},
      {"cache_miss_pct", "median", "cache misses %s"},
      {"branch_miss_pct", "median", "branch misses %s"}}},
    {"throughput",
     {{"throughput_per_s", "mean", "%s"}, {"energy_per_inference_j", "mean", "energy %s"}}},
};

struct content_line *content_add_line(struct content *content, const char *label)
{
    if (content->line_count == CONTENT_LINES_MAX)
        return NULL;
    struct content_line *line = &content->lines[content->line_count++];
    memset(line, 0, sizeof(*line));
    str_copy(line->label, sizeof(line->label), label);
    str_make_printable(line->label);
    return line;
}

/* Adds a line that was made apart, if it holds anything. */
static void keep_line(struct content *content, const char *label, const struct content_line *line)
{
    struct content_line *kept = line->count ? content_add_line(content, label) : NULL;
    if (!kept)
        return;
    kept->count = line->count;
    memcpy(kept->items, line->items, sizeof(kept->items));
}

void content_add_item(struct content_line *line, const char *fmt, ...)
{
    if (!line || line->count == CONTENT_ITEMS_MAX)
        return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(line->items[line->count], sizeof(line->items[0]), fmt, args);
    va_end(args);
    str_make_printable(line->items[line->count++]);
}

/* Puts value in place of the %s of a format that comes from a table here. */
static void add_value(struct content_line *line, const char *format, const char *value)
{
    const char *hole = strstr(format, "%s");
    if (!hole)
        return;
    content_add_item(line, "%.*s%s%s", (int)(hole - format), format, value, hole + 2);
}

static bool is_sampled(const struct run_series *series)
{
    return strcmp(series->series.metric->name, "peak_tree_rss_mb") == 0 &&
           !(series->series.source && strstr(series->series.source, "cgroup"));
}

/* ---- what one launch cost ---- */

struct missing {
    enum reason reason;
    const char *why;
    char names[96]; /* of the items that share the reason */
};

static void add_missing(struct missing *missing, const char *name, const struct summary *summary)
{
    if (missing->reason == REASON_NONE) {
        missing->reason = summary->reason;
        missing->why = summary->why;
    }
    size_t used = strlen(missing->names);
    snprintf(missing->names + used, sizeof(missing->names) - used, "%s%s", used ? ", " : "", name);
}

static int add_launch_line(struct content *content, const struct line_row *row, struct error *err)
{
    struct content_line line = {0};
    struct missing missing = {.reason = REASON_NONE};
    for (size_t i = 0; i < ARRAY_LEN(row->items) && row->items[i].metric; i++) {
        const struct item_row *item = &row->items[i];
        const struct run_series *series = run_find_series(content->run, item->metric, NULL);
        if (!series)
            continue;
        struct summary summary;
        double value = NAN;
        int rc = summary_of(content->run, series, PHASE_STEADY, &summary, err);
        if (rc == 0 && summary.n > 0)
            rc = summary_statistic(&summary, item->stat, &value, err);
        if (rc < 0)
            return rc;
        if (summary.n == 0) {
            add_missing(&missing, item->metric, &summary);
            continue;
        }
        if (strcmp(item->metric, "processes_max") == 0 && value <= 1)
            continue;
        char text[40], bounded[64];
        content_value(series->series.metric, value, text, sizeof(text));
        snprintf(bounded, sizeof(bounded), "%s%s", is_sampled(series) ? "≥ " : "", text);
        add_value(&line, item->format, bounded);
    }
    if (missing.names[0] && content->main.n > 0)
        content_add_item(&line, "%s: - (%s)", missing.names,
                         content_why(missing.reason, missing.why));
    keep_line(content, row->label, &line);
    return 0;
}

/* ---- warm-up: kept apart, never thrown away ---- */

static int add_warmup_line(struct content *content, struct error *err)
{
    static const struct {
        enum phase_kind phase;
        const char *label;
    } kinds[] = {{PHASE_PROFILED, "profiled"}, {PHASE_WARMUP, "warm-up"}};
    const struct run_series *series = content->main.series;
    for (size_t i = 0; series && i < ARRAY_LEN(kinds); i++) {
        struct summary summary;
        char text[40];
        int rc = summary_of(content->run, series, kinds[i].phase, &summary, err);
        if (rc < 0)
            return rc;
        if (summary.n == 0)
            continue;
        struct content_line *line = content_add_line(content, kinds[i].label);
        content_value(series->series.metric, summary.quantile[SUMMARY_P50], text, sizeof(text));
        content_add_item(line, "median %s", text);
        content_add_item(line, "n %llu", (unsigned long long)summary.n);
    }
    return 0;
}

/* ---- metrics that the user defined ---- */

static int add_own_metric(struct content *content, const struct run_series *series,
                          struct error *err)
{
    struct summary summary;
    int rc = summary_of(content->run, series, PHASE_STEADY, &summary, err);
    if (rc < 0)
        return rc;
    const struct metric *metric = series->series.metric;
    struct content_line *line = content_add_line(content, metric->name);
    char a[96];
    if (summary.n == 0) {
        content_add_item(line, "- (%s)", content_why(summary.reason, summary.why));
        return 0;
    }
    if (summary.n == 1) {
        content_add_item(line, "%s", content_value(metric, summary.mean, a, sizeof(a)));
        content_add_item(line, "n 1");
        return 0;
    }
    content_add_item(line, "median %s",
                     content_value(metric, summary.quantile[SUMMARY_P50], a, sizeof(a)));
    content_add_item(line, "mean %s", content_value(metric, summary.mean, a, sizeof(a)));
    content_add_item(line, "range %s",
                     content_range(metric, summary.min, summary.max, a, sizeof(a)));
    content_add_item(line, "n %llu", (unsigned long long)summary.n);
    return 0;
}

static bool is_own(const struct run_series *series)
{
    return series->series.kind != SERIES_TIME && metric_find(series->series.metric->name) == NULL;
}

/* ---- the machine ---- */

struct machine_figure {
    double lo, hi; /* over instances */
    const char *hi_instance;
    size_t instances;
};

/* lo and hi over all instances of a metric of this statistic; "total" alone where there is one,
 * since the others are parts of it. */
static int machine_figure(const struct run *run, const char *metric, const char *stat,
                          struct machine_figure *ret, struct error *err)
{
    *ret = (struct machine_figure){.lo = NAN, .hi = NAN, .hi_instance = ""};
    for (size_t i = 0; i < run->series_count; i++) {
        const struct run_series *series = &run->series[i];
        if (strcmp(series->series.metric->name, metric) != 0)
            continue;
        struct summary summary;
        double value = NAN;
        int rc = summary_of(run, series, PHASE_STEADY, &summary, err);
        if (rc == 0 && summary.n > 0)
            rc = summary_statistic(&summary, stat, &value, err);
        if (rc < 0)
            return rc;
        if (isnan(value))
            continue;
        if (series->series.instance && strcmp(series->series.instance, "total") == 0) {
            *ret = (struct machine_figure){value, value, "", 1};
            return 0;
        }
        ret->instances++;
        if (!(ret->lo <= value))
            ret->lo = value;
        if (!(ret->hi >= value)) {
            ret->hi = value;
            ret->hi_instance = series->series.instance ? series->series.instance : "";
        }
    }
    return 0;
}

static const struct item_row machine_items[] = {
    {"cpu_total_pct", "mean", "cpu %s busy"},
    {"cpu_mhz", "mean", "clock %s"},
    {"temp_c", "max", "hottest %s"},
    {"power_w", "mean", "power %s"},
    {"gpu_util_pct", "mean", "gpu %s busy"},
    {"gpu_temp_c", "max", "gpu %s"},
    {"gpu_power_w", "mean", "gpu %s"},
    {"psi_memory_some_pct", "mean", "waiting for memory %s"},
};

static int add_machine_line(struct content *content, struct error *err)
{
    struct content_line line = {0};
    bool has_sensor = false, has_series = false;
    for (size_t i = 0; i < content->run->series_count; i++)
        has_series |= content->run->series[i].series.kind == SERIES_TIME;
    for (size_t i = 0; i < ARRAY_LEN(machine_items); i++) {
        const struct item_row *item = &machine_items[i];
        const struct metric *metric = metric_find(item->metric);
        struct machine_figure figure;
        int rc = machine_figure(content->run, item->metric, item->stat, &figure, err);
        if (rc < 0)
            return rc;
        bool is_pressure = strcmp(item->metric, "psi_memory_some_pct") == 0;
        if (!metric || figure.instances == 0 || (is_pressure && figure.hi < 0.1))
            continue;
        has_sensor |= strstr(item->metric, "temp_c") || strstr(item->metric, "power_w");
        char lo[40], hi[40], range[96], text[160];
        content_value(metric, figure.lo, lo, sizeof(lo));
        content_value(metric, figure.hi, hi, sizeof(hi));
        content_range(metric, figure.lo, figure.hi, range, sizeof(range));
        bool is_range = strcmp(item->stat, "mean") == 0 && strcmp(lo, hi) != 0;
        bool is_named = strcmp(item->stat, "max") == 0 && figure.hi_instance[0];
        snprintf(text, sizeof(text), "%s%s%.40s%s", is_range ? range : hi, is_named ? " (" : "",
                 is_named ? figure.hi_instance : "", is_named ? ")" : "");
        add_value(&line, item->format, text);
    }
    if (!has_sensor && has_series)
        content_add_item(&line, "no temperature or power sensors here");
    keep_line(content, "machine", &line);
    return 0;
}

int content_make_lines(struct content *content, struct error *err)
{
    int rc = add_warmup_line(content, err);
    if (rc == 0)
        rc = content_make_model_lines(content, err);
    for (size_t i = 0; rc == 0 && !content->is_imported && i < content->run->series_count; i++)
        if (is_own(&content->run->series[i]))
            rc = add_own_metric(content, &content->run->series[i], err);
    if (rc == 0)
        rc = content_make_channel_lines(content, err);
    content->cost_line = content->line_count;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(launch_lines); i++) {
        bool is_said = content->has_many_units && !strcmp(launch_lines[i].label, "throughput");
        rc = is_said ? 0 : add_launch_line(content, &launch_lines[i], err);
    }
    if (rc == 0)
        rc = add_machine_line(content, err);
    content->node_line = content->line_count;
    return rc < 0 ? rc : content_make_node_lines(content, err);
}
