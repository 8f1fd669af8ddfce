/* monitor_summary.c: what a watch came to: verdict, what ended, each column, findings, own cost. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text_table.h"
#include "base/unit.h"
#include "base/util.h"
#include "cmd/monitor.h"
#include "model/summary.h"
#include "report/content.h"

/* Shown unless -v asks for all. */
static const char *const shown[] = {
    "cpu_total_pct",    "cpu_track_pct",     "mem_used_mb",
    "mem_track_rss_mb", "mem_track_anon_mb", "threads",
    "gpu_util_pct",     "gpu_mem_used_mb",   "temp_c",
    "power_w",          "gpu_power_w",       "inference_avg_ms",
    "inference_p99_ms", "pipeline_fps",      "pipeline_queue_depth",
    "pipeline_drops",   "work_done",
};

static void add_verdict(const struct run *run, struct strbuf *out)
{
    static const char *const words[] = {
        [OUTCOME_PASS] = "PASS", [OUTCOME_FAIL] = "FAIL", [OUTCOME_UNDECIDED] = "UNDECIDED"};
    const struct verdict *verdict = &run->verdict;
    if (verdict->outcome == OUTCOME_NOT_JUDGED) {
        strbuf_append(out, "not judged: no limits\n");
        return;
    }
    strbuf_printf(out, "%s  %zu limit%s held, %zu failed, %zu undecided%s\n",
                  words[verdict->outcome], verdict->passed, verdict->passed == 1 ? "" : "s",
                  verdict->failed, verdict->undecided, verdict->waived ? ", some waived" : "");
}

static const char *duration_text(double s, char *buf, size_t size)
{
    if (s < 120)
        snprintf(buf, size, "%.1f s", s);
    else if (s < 7200)
        snprintf(buf, size, "%.0f min %02.0f s", floor(s / 60), fmod(s, 60));
    else
        snprintf(buf, size, "%.0f h %02.0f min", floor(s / 3600), floor(fmod(s, 3600) / 60));
    return buf;
}

static void add_counts(const struct monitor *monitor, const struct watch_status *status,
                       struct strbuf *out)
{
    char elapsed[48], interval[48];
    strbuf_printf(out, "  %-10s%s · %llu row%s, one every %s", "watched",
                  duration_text((double)status->elapsed_ns / 1e9, elapsed, sizeof(elapsed)),
                  (unsigned long long)status->rows, status->rows == 1 ? "" : "s",
                  unit_format_ns((double)monitor->plan.interval_ns, interval, sizeof(interval)));
    unsigned long long missed = status->missed_ticks;
    missed += status->dropped_rows;
    if (missed > 0)
        strbuf_printf(out, " · %llu missed", missed);
    if (status->end_count > 0)
        strbuf_printf(out, " · CPU time %.2f s", status->cpu_s);
    strbuf_putc(out, '\n');
}

static void add_ends(const struct watch_status *status, struct strbuf *out)
{
    for (size_t i = 0; i < status->end_count; i++) {
        const struct watch_end *end = &status->ends[i];
        strbuf_printf(out, "  %-10s%s (pid %d)%s%s\n", end->has_ended ? "ended" : "alive",
                      end->name, (int)end->pid, end->has_ended ? ": " : "", end->text);
    }
}

static bool is_shown(const struct monitor *monitor, const struct run_series *series)
{
    if (series->series.kind != SERIES_TIME)
        return false;
    if (settings_get_bool(monitor->settings, SETTING_VERBOSE))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
        if (series->series.reason == REASON_NONE && !strcmp(series->series.metric->name, shown[i]))
            return true;
    }
    return false;
}

static int add_metrics(const struct monitor *monitor, struct strbuf *out, struct error *err)
{
    const struct run *run = watch_run_get(monitor->watch);
    CLEANUP(text_table_deinit) struct text_table table;
    text_table_init(&table, 6);
    for (size_t i = 1; i < 5; i++)
        table.align[i] = TEXT_RIGHT;
    text_table_row(&table, "", "mean", "p95", "max", "n", "");
    for (size_t i = 0; i < run->series_count; i++) {
        const struct run_series *series = &run->series[i];
        struct summary summary;
        char name[128], mean[64], p95[64], max[64], n[32];
        if (!is_shown(monitor, series))
            continue;
        int rc = summary_of(run, series, PHASE_STEADY, &summary, err);
        if (rc < 0)
            return rc;
        const struct metric *metric = series->series.metric;
        bool is_empty = summary.reason != REASON_NONE;
        if (is_empty && !settings_get_bool(monitor->settings, SETTING_VERBOSE))
            continue;
        snprintf(name, sizeof(name), "%s%s%s", metric->name, series->series.instance[0] ? "@" : "",
                 series->series.instance);
        snprintf(n, sizeof(n), "%llu", (unsigned long long)summary.n);
        text_table_row(&table, name, content_value(metric, summary.mean, mean, sizeof(mean)),
                       content_value(metric, summary.quantile[SUMMARY_P95], p95, sizeof(p95)),
                       content_value(metric, summary.max, max, sizeof(max)), n,
                       is_empty
                           ? content_why(summary.reason, summary.why)
                           : (series->raw_dropped > 0 ? "thinned: the p95 leans upwards" : ""));
    }
    text_table_render(&table, 2, out);
    return table.failed ? error_set(err, ERROR_NOMEM, "out of memory for the summary") : 0;
}

static void add_findings(const struct run *run, struct strbuf *out)
{
    for (size_t i = 0; i < run->finding_count; i++) {
        const struct finding *finding = &run->findings[i];
        bool is_limit = content_is_limit(finding);
        strbuf_printf(out, "  %-10s",
                      is_limit                                ? outcome_name(finding->outcome)
                      : finding->severity == SEVERITY_WARNING ? "warning"
                                                              : "note");
        help_wrap(out, finding->sentence, 12, 12);
        if (finding->advice[0] && finding->severity == SEVERITY_WARNING) {
            strbuf_printf(out, "  %-10s", "");
            help_wrap(out, finding->advice, 12, 12);
        }
    }
    for (size_t i = 0; i < run->event_count; i++) {
        const struct event *event = &run->events[i];
        if (strcmp(event->name, "target_ended") == 0)
            continue;
        strbuf_printf(out, "  %-10s", "event");
        char text[512];
        snprintf(text, sizeof(text), "after %.1f s: %s", (double)event->t_ns / 1e9, event->text);
        help_wrap(out, text, 12, 12);
    }
}

int monitor_summary(const struct monitor *monitor, struct strbuf *out, struct error *err)
{
    const struct run *run = watch_run_get(monitor->watch);
    struct watch_status status;
    watch_get_status(monitor->watch, &status);
    add_verdict(run, out);
    if (settings_get_bool(monitor->settings, SETTING_QUIET))
        return 0;
    if (run->synthetic)
        strbuf_append(out, "  SYNTHETIC: some of these values are invented\n");
    add_counts(monitor, &status, out);
    add_ends(&status, out);
    int rc = add_metrics(monitor, out, err);
    if (rc < 0)
        return rc;
    add_findings(run, out);
    double share =
        status.elapsed_ns > 0 ? 100 * (double)status.own_cpu_ns / (double)status.elapsed_ns : 0;
    strbuf_printf(out, "  %-10s%.2g %% of a core", "tacho", share);
    char p50[32], p99[32], max[32];
    if (status.rows > 0)
        strbuf_printf(out, " · ticks late by %s, p99 %s, max %s",
                      unit_format_ns((double)status.late_ns_p50, p50, sizeof(p50)),
                      unit_format_ns((double)status.late_ns_p99, p99, sizeof(p99)),
                      unit_format_ns((double)status.late_ns_max, max, sizeof(max)));
    if (monitor->csv_path[0] && strcmp(monitor->csv_path, "-") != 0)
        strbuf_printf(out, " · rows in %s", monitor->csv_path);
    if (run_keep_where(&monitor->run.keep))
        strbuf_printf(out, " · run %s", run_keep_where(&monitor->run.keep));
    strbuf_putc(out, '\n');
    return 0;
}
