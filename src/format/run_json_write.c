/* run_json_write.c: a run as "tacho.run/1"; data/schema/run.json describes every key. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "format/facts_json.h"
#include "format/run_json.h"
#include "format/run_json_internal.h"

static void write_time(struct json_writer *writer, const char *key, int64_t t_ns)
{
    if (t_ns == INT64_MIN)
        json_write_null(writer, key);
    else
        json_write_seconds(writer, key, t_ns);
}

static void write_invocations(struct json_writer *writer, const struct run *run)
{
    json_write_array(writer, "invocations");
    for (size_t i = 0; i < run->invocation_count; i++) {
        const struct invocation *invocation = &run->invocations[i];
        enum invocation_outcome outcome = invocation->outcome;
        json_write_object_line(writer, NULL);
        json_write_u64(writer, "index", invocation->index);
        json_write_text(writer, "outcome", invocation_outcome_name(outcome));
        if (outcome == INVOCATION_OK || outcome == INVOCATION_EXIT || invocation->exit_status != 0)
            json_write_i64(writer, "exit_status", invocation->exit_status);
        if (outcome == INVOCATION_SIGNAL || invocation->signal != 0)
            json_write_i64(writer, "signal", invocation->signal);
        write_time(writer, "begin_s", invocation->begin_ns);
        write_time(writer, "end_s", invocation->end_ns);
        json_write_end(writer);
    }
    json_write_end(writer);
}

static const char *text_or_null(const char *text)
{
    return text && text[0] ? text : NULL;
}

static void write_limit(struct json_writer *writer, const struct finding *finding)
{
    if (finding->outcome == OUTCOME_NOT_JUDGED && !finding->limit_name[0]) {
        json_write_null(writer, "limit");
        return;
    }
    json_write_object(writer, "limit");
    json_write_text(writer, "name", finding->limit_name);
    json_write_text(writer, "bound", finding->limit_bound);
    json_write_text(writer, "outcome", outcome_name(finding->outcome));
    json_write_u64(writer, "n_needed", finding->n_needed);
    json_write_end(writer);
}

void run_json_write_finding(struct json_writer *writer, const struct finding *finding)
{
    json_write_object(writer, NULL);
    json_write_text(writer, "rule", finding->rule);
    json_write_text(writer, "severity", severity_name(finding->severity));
    json_write_text(writer, "metric", text_or_null(finding->metric));
    json_write_text(writer, "sentence", finding->sentence);
    json_write_number(writer, "value", finding->has_value ? finding->value : NAN);
    json_write_text(writer, "unit", text_or_null(finding->unit));
    run_json_write_interval(writer, "interval", finding->has_interval, finding->lo, finding->hi);
    json_write_u64(writer, "n", finding->n);
    json_write_text(writer, "evidence", text_or_null(finding->evidence));
    json_write_text(writer, "advice", text_or_null(finding->advice));
    write_limit(writer, finding);
    json_write_end(writer);
}

void run_json_write_verdict(struct json_writer *writer, const struct verdict *verdict)
{
    if (verdict->outcome == OUTCOME_NOT_JUDGED && verdict->waived == 0) {
        json_write_null(writer, "verdict");
        return;
    }
    json_write_object_line(writer, "verdict");
    json_write_text(writer, "outcome", outcome_name(verdict->outcome));
    json_write_u64(writer, "passed", verdict->passed);
    json_write_u64(writer, "failed", verdict->failed);
    json_write_u64(writer, "undecided", verdict->undecided);
    json_write_u64(writer, "waived", verdict->waived);
    json_write_end(writer);
}

static void write_events(struct json_writer *writer, const struct run *run)
{
    json_write_array(writer, "events");
    for (size_t i = 0; i < run->event_count; i++) {
        const struct event *event = &run->events[i];
        json_write_object_line(writer, NULL);
        write_time(writer, "t_s", event->t_ns);
        json_write_u64(writer, "invocation", event->invocation);
        json_write_text(writer, "name", event->name);
        json_write_text(writer, "text", event->text);
        json_write_end(writer);
    }
    json_write_end(writer);
}

static void write_phase_list(struct json_writer *writer, const struct run *run)
{
    json_write_array(writer, "phase_list");
    for (size_t i = 0; i < run->phase_count; i++) {
        const struct phase *phase = &run->phases[i];
        json_write_object_line(writer, NULL);
        json_write_text(writer, "phase", phase_kind_name(phase->kind));
        json_write_u64(writer, "invocation", phase->invocation);
        json_write_u64(writer, "first_unit", phase->first_unit);
        json_write_u64(writer, "units", phase->unit_count);
        write_time(writer, "begin_s", phase->begin_ns);
        write_time(writer, "end_s", phase->end_ns);
        json_write_bool(writer, "found", phase->found);
        json_write_end(writer);
    }
    json_write_end(writer);
}

static bool has_times(const struct run_series *series)
{
    for (size_t i = 0; i < series->count; i++) {
        if (series->samples[i].t_ns != INT64_MIN)
            return true;
    }
    return false;
}

static void write_columns(struct json_writer *writer, const struct run_series *series)
{
    json_write_array_line(writer, "invocation");
    for (size_t i = 0; i < series->count; i++)
        json_write_u64(writer, NULL, series->samples[i].invocation);
    json_write_end(writer);
    if (series->series.kind == SERIES_UNIT) {
        json_write_array_line(writer, "unit_index");
        for (size_t i = 0; i < series->count; i++)
            json_write_u64(writer, NULL, series->samples[i].unit);
        json_write_end(writer);
    } else {
        json_write_null(writer, "unit_index");
    }
    if (has_times(series)) {
        json_write_array_line(writer, "t_s");
        for (size_t i = 0; i < series->count; i++)
            write_time(writer, NULL, series->samples[i].t_ns);
        json_write_end(writer);
    } else {
        json_write_null(writer, "t_s");
    }
    json_write_array_line(writer, "values");
    for (size_t i = 0; i < series->count; i++)
        json_write_number(writer, NULL, series->samples[i].value);
    json_write_end(writer);
}

/* Values of which only the distribution is known: pairs of a bucket of stats/hist.h and its count,
 * in ns or millionths of the unit. */
static void write_histogram(struct json_writer *writer, const struct hist *hist)
{
    json_write_object(writer, "histogram");
    json_write_u64(writer, "n", hist->count);
    json_write_u64(writer, "min", hist->min);
    json_write_u64(writer, "max", hist->max);
    json_write_number(writer, "sum", hist->sum);
    json_write_number(writer, "sum_sq", hist->sum_sq);
    json_write_array_line(writer, "buckets");
    for (size_t i = 0; i < HIST_BUCKETS; i++) {
        if (hist->buckets[i] == 0)
            continue;
        json_write_u64(writer, NULL, i);
        json_write_u64(writer, NULL, hist->buckets[i]);
    }
    json_write_end(writer);
    json_write_end(writer);
}

static int write_series(struct json_writer *writer, const struct run *run, struct error *err)
{
    json_write_array(writer, "series");
    for (size_t i = 0; i < run->series_count; i++) {
        const struct run_series *series = &run->series[i];
        const struct metric *metric = series->series.metric;
        json_write_object(writer, NULL);
        json_write_u64(writer, "id", series->series.id);
        json_write_text(writer, "metric", metric->name);
        json_write_text(writer, "kind", series_kind_name(series->series.kind));
        json_write_text(writer, "instance", series->series.instance ? series->series.instance : "");
        json_write_text(writer, "source", series->series.source);
        json_write_text(writer, "unit", metric->unit);
        json_write_text(writer, "direction", direction_name(metric->direction));
        json_write_text(writer, "limit_stat", text_or_null(metric->limit_stat));
        json_write_text(writer, "definition", text_or_null(metric->definition));
        if (series->series.reason != REASON_NONE) {
            json_write_text(writer, "reason", reason_name(series->series.reason));
            json_write_text(writer, "why", series->series.why);
        }
        /* What is not in the columns; the number says so where nothing else holds it. */
        CLEANUP_FREE struct hist *hist = NULL;
        int rc = run_hist_beyond_raw(series, &hist, err);
        if (rc < 0)
            return rc;
        if (hist && hist->count > 0)
            write_histogram(writer, hist);
        else if (series->raw_dropped > 0)
            json_write_u64(writer, "dropped", series->raw_dropped);
        write_columns(writer, series);
        json_write_end(writer);
    }
    json_write_end(writer);
    return 0;
}

static void write_head(struct json_writer *writer, const struct run *run)
{
    char iso[32];
    json_write_text(writer, "schema", "tacho.run/1");
    json_write_text(writer, "id", run->id);
    json_write_text(writer, "label", run->label ? run->label : "");
    json_write_bool(writer, "synthetic", run->synthetic);
    json_write_text(writer, "state", run_state_name(run->state));
    json_write_text(writer, "begin", clock_format_iso(run->begin_epoch_s, iso, sizeof(iso)));
    json_write_number(writer, "begin_epoch_s", run->begin_epoch_s);
    if (run->end_ns > 0)
        json_write_seconds(writer, "duration_s", run->end_ns);
    else
        json_write_null(writer, "duration_s");
    if (run->own_cpu_ns > 0)
        json_write_seconds(writer, "own_cpu_s",
                           run->own_cpu_ns > INT64_MAX ? INT64_MAX : (int64_t)run->own_cpu_ns);
    else
        json_write_null(writer, "own_cpu_s");
}

static int write_run(struct json_writer *writer, const struct run *run, bool with_samples,
                     struct error *err)
{
    json_write_object(writer, NULL);
    write_head(writer, run);
    facts_json_write_members(writer, "environment", &run->environment, with_samples);
    facts_json_write_members(writer, "environment_after", &run->environment_after, with_samples);
    facts_json_write_members(writer, "workload", &run->workload, with_samples);
    int rc = run_json_write_phases(writer, run, err);
    if (rc < 0)
        return rc;
    write_invocations(writer, run);
    rc = run_json_write_metrics(writer, run, err);
    if (rc < 0)
        return rc;
    json_write_array(writer, "findings");
    for (size_t i = 0; i < run->finding_count; i++)
        run_json_write_finding(writer, &run->findings[i]);
    json_write_end(writer);
    run_json_write_verdict(writer, &run->verdict);
    write_events(writer, run);
    if (with_samples) {
        write_phase_list(writer, run);
        rc = write_series(writer, run, err);
        if (rc < 0)
            return rc;
    }
    json_write_end(writer);
    return 0;
}

static int finish(struct strbuf *out, struct error *err)
{
    strbuf_putc(out, '\n');
    if (out->failed)
        return error_set(err, ERROR_NOMEM, "out of memory writing the run as JSON");
    return 0;
}

int run_json_write(const struct run *run, bool with_samples, struct strbuf *out, struct error *err)
{
    struct json_writer writer = {.out = out};
    int rc = write_run(&writer, run, with_samples, err);
    return rc < 0 ? rc : finish(out, err);
}

int runs_json_write_with(const struct run *const *runs, size_t count, bool with_samples,
                         void (*members)(struct json_writer *writer, const void *context),
                         const void *context, struct strbuf *out, struct error *err)
{
    struct json_writer writer = {.out = out};
    json_write_object(&writer, NULL);
    json_write_text(&writer, "schema", "tacho.runs/1");
    json_write_array(&writer, "runs");
    for (size_t i = 0; i < count; i++) {
        int rc = write_run(&writer, runs[i], with_samples, err);
        if (rc < 0)
            return rc;
    }
    json_write_end(&writer);
    if (members)
        members(&writer, context);
    json_write_end(&writer);
    return finish(out, err);
}

int runs_json_write(const struct run *const *runs, size_t count, bool with_samples,
                    struct strbuf *out, struct error *err)
{
    return runs_json_write_with(runs, count, with_samples, NULL, NULL, out, err);
}
