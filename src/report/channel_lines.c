/* channel_lines.c: of an instrumented program: its spans, cameras, counters, gauges and marks, as
 * lines of a report. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/content.h"

#define SPANS_MAX 12 /* of those and of cameras, so many have a line */

static int summary_of_channel(const struct content *content, const char *metric,
                              const char *instance, struct summary *ret_summary, struct error *err)
{
    const struct run_series *series = run_find_series(content->run, metric, instance);
    *ret_summary = (struct summary){.mean = NAN, .max = NAN, .min = NAN};
    return series ? summary_of(content->run, series, PHASE_STEADY, ret_summary, err) : 0;
}

/* "name: " stands before the first item of a line. */
static void add(struct content_line *line, const char *name, const char *title,
                const struct metric *metric, double value)
{
    char text[48];
    if (isnan(value))
        return;
    if (line->count == 0)
        content_add_item(line, "%s: %s %s", name, title,
                         content_value(metric, value, text, sizeof(text)));
    else
        content_add_item(line, "%s %s", title, content_value(metric, value, text, sizeof(text)));
}

static int add_span(struct content *content, const struct run_series *series, struct error *err)
{
    const char *name = series->series.instance;
    const struct metric *metric = series->series.metric;
    struct summary all = {0}, first = {0}, open = {0}, errors = {0};
    int rc = summary_of(content->run, series, PHASE_STEADY, &all, err);
    if (rc == 0)
        rc = summary_of_channel(content, "span_first_ms", name, &first, err);
    if (rc == 0)
        rc = summary_of_channel(content, "span_open_s", name, &open, err);
    if (rc == 0)
        rc = summary_of_channel(content, "span_errors", name, &errors, err);
    if (rc < 0 || all.n == 0)
        return rc;
    struct content_line *line = content_add_line(content, "span");
    if (!line)
        return 0;
    add(line, name, "median", metric, all.quantile[SUMMARY_P50]);
    add(line, name, "mean", metric, all.mean);
    add(line, name, "p99", metric, all.quantile[SUMMARY_P99]);
    add(line, name, "max", metric, all.max);
    add(line, name, "first", metric, first.max);
    content_add_item(line, "n %llu", (unsigned long long)all.n);
    if (errors.n > 0 && errors.max > 0)
        content_add_item(line, "errors %.0f", errors.max);
    if (open.n > 0 && open.max > 0)
        content_add_item(line, "open for %.3f s at the end", open.max);
    return 0;
}

static int add_camera(struct content *content, const struct run_series *series, struct error *err)
{
    const char *name = series->series.instance;
    struct summary interval = {0}, fps = {0};
    int rc = summary_of(content->run, series, PHASE_STEADY, &interval, err);
    if (rc == 0)
        rc = summary_of_channel(content, "frame_fps", name, &fps, err);
    if (rc < 0 || interval.n == 0)
        return rc;
    struct content_line *line = content_add_line(content, "frames");
    if (!line)
        return 0;
    content_add_item(line, "%s: mean %.1f fps", name, 1000 / interval.mean);
    if (fps.n > 0)
        content_add_item(line, "least in a second %.1f", fps.min);
    add(line, name, "longest gap", series->series.metric, interval.max);
    return 0;
}

/* The largest of each instance of a metric, all on one line. */
static int add_row(struct content *content, const char *metric, const char *label,
                   const char *before, struct error *err)
{
    struct content_line *line = NULL;
    for (size_t i = 0; i < content->run->series_count; i++) {
        const struct run_series *series = &content->run->series[i];
        struct summary summary;
        char text[48];
        if (strcmp(series->series.metric->name, metric) != 0)
            continue;
        int rc = summary_of(content->run, series, PHASE_STEADY, &summary, err);
        if (rc < 0)
            return rc;
        if (summary.n == 0)
            continue;
        line = line ? line : content_add_line(content, label);
        content_add_item(line, "%s %s%s", series->series.instance, before,
                         content_value(series->series.metric, summary.max, text, sizeof(text)));
    }
    return 0;
}

/* Time and growth since the mark before; of the first mark of a process since it began recording,
 * and what it then had. Of several (launches, or a loop) the medians. */
static int add_mark(struct content *content, struct content_line **line,
                    const struct run_series *series, struct error *err)
{
    const char *name = series->series.instance;
    struct summary time, growth, rss;
    char text[3][48];
    int rc = summary_of(content->run, series, PHASE_STEADY, &time, err);
    if (rc == 0)
        rc = summary_of_channel(content, "mark_growth_mb", name, &growth, err);
    if (rc == 0)
        rc = summary_of_channel(content, "mark_rss_mb", name, &rss, err);
    if (rc < 0 || time.n == 0)
        return rc;
    *line = *line ? *line : content_add_line(content, "marks");
    content_value(series->series.metric, time.quantile[SUMMARY_P50], text[0], sizeof(text[0]));
    content_value(metric_find("mark_rss_mb"), rss.quantile[SUMMARY_P50], text[1], sizeof(text[1]));
    content_value(metric_find("mark_growth_mb"), growth.quantile[SUMMARY_P50], text[2],
                  sizeof(text[2]));
    const char *several = time.n > 1 ? "median " : "";
    if (growth.n > 0)
        content_add_item(*line, "%s: %s%s, growth %s", name, several, text[0], text[2]);
    else if (rss.n > 0)
        content_add_item(*line, "%s: %s%s, %s resident", name, several, text[0], text[1]);
    else
        content_add_item(*line, "%s: %s%s", name, several, text[0]);
    return 0;
}

static int add_marks(struct content *content, struct error *err)
{
    struct content_line *line = NULL;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < content->run->series_count; i++) {
        if (strcmp(content->run->series[i].series.metric->name, "mark_s") == 0)
            rc = add_mark(content, &line, &content->run->series[i], err);
    }
    return rc;
}

int content_make_channel_lines(struct content *content, struct error *err)
{
    int rc = 0;
    size_t lines = 0, left_out = 0;
    for (size_t i = 0; rc == 0 && i < content->run->series_count; i++) {
        const struct run_series *series = &content->run->series[i];
        bool is_span = strcmp(series->series.metric->name, "span_ms") == 0;
        if (!is_span && strcmp(series->series.metric->name, "frame_interval_ms") != 0)
            continue;
        if (lines++ >= SPANS_MAX)
            left_out++;
        else
            rc = is_span ? add_span(content, series, err) : add_camera(content, series, err);
    }
    if (left_out > 0)
        content_add_item(content_add_line(content, "span"), "%zu more: -v shows them", left_out);
    if (rc == 0)
        rc = add_row(content, "counter_total", "counters", "", err);
    if (rc == 0)
        rc = add_row(content, "gauge_max", "gauges", "at most ", err);
    if (rc == 0)
        rc = add_marks(content, err);
    return rc;
}
