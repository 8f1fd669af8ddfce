/* series.c: the series of the ONNX workload, and the values that come once per invocation. */
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "workload/onnx/internal.h"

#define BYTES_PER_MB 1048576.0

static const struct {
    enum onnx_series_id id;
    enum series_kind kind;
    const char *metric, *instance, *source;
} rows[] = {
    {ONNX_SERIES_LATENCY, SERIES_UNIT, "latency_ms", "", "CLOCK_MONOTONIC"},
    {ONNX_SERIES_SERVICE, SERIES_UNIT, "service_ms", "", "CLOCK_MONOTONIC"},
    {ONNX_SERIES_SEND_LAG, SERIES_UNIT, "send_lag_ms", "", "CLOCK_MONOTONIC"},
    {ONNX_SERIES_UNSERVED, SERIES_VALUE, "unserved_wait_ms", "", "CLOCK_MONOTONIC"},
    {ONNX_SERIES_THROUGHPUT, SERIES_TIME, "throughput_per_s", "", "CLOCK_MONOTONIC"},
    {ONNX_SERIES_LOAD, SERIES_VALUE, "load_ms", "", "CLOCK_MONOTONIC"},
    {ONNX_SERIES_SESSION, SERIES_VALUE, "session_ms", "", "CLOCK_MONOTONIC"},
    {ONNX_SERIES_FIRST, SERIES_VALUE, "first_ms", "", "CLOCK_MONOTONIC"},
    {ONNX_SERIES_STAGE_RSS + 0, SERIES_VALUE, "stage_rss_mb", "load", "/proc/PID/status VmRSS"},
    {ONNX_SERIES_STAGE_RSS + 1, SERIES_VALUE, "stage_rss_mb", "session", "/proc/PID/status VmRSS"},
    {ONNX_SERIES_STAGE_RSS + 2, SERIES_VALUE, "stage_rss_mb", "first", "/proc/PID/status VmRSS"},
    {ONNX_SERIES_STAGE_RSS + 3, SERIES_VALUE, "stage_rss_mb", "steady", "/proc/PID/status VmRSS"},
    {ONNX_SERIES_STAGE_ANON + 0, SERIES_VALUE, "stage_anon_mb", "load", "/proc/PID/status RssAnon"},
    {ONNX_SERIES_STAGE_ANON + 1, SERIES_VALUE, "stage_anon_mb", "session",
     "/proc/PID/status RssAnon"},
    {ONNX_SERIES_STAGE_ANON + 2, SERIES_VALUE, "stage_anon_mb", "first",
     "/proc/PID/status RssAnon"},
    {ONNX_SERIES_STAGE_ANON + 3, SERIES_VALUE, "stage_anon_mb", "steady",
     "/proc/PID/status RssAnon"},
    {ONNX_SERIES_CPU, SERIES_VALUE, "cpu_pct", "", "wait4"},
    {ONNX_SERIES_PEAK_RSS, SERIES_VALUE, "peak_rss_mb", "", "wait4"},
    {ONNX_SERIES_PEAK_TREE_RSS, SERIES_VALUE, "peak_tree_rss_mb", "",
     "/proc/PID/statm, sampled: a lower bound"},
    {ONNX_SERIES_MINOR_FAULTS, SERIES_VALUE, "minor_faults", "", "wait4"},
    {ONNX_SERIES_MAJOR_FAULTS, SERIES_VALUE, "major_faults", "", "wait4"},
    {ONNX_SERIES_VOLUNTARY, SERIES_VALUE, "voluntary_switches", "", "wait4"},
    {ONNX_SERIES_INVOLUNTARY, SERIES_VALUE, "involuntary_switches", "", "wait4"},
};

/* Only the open loop has an intended start other than the begin. */
static bool is_of_open_loop(enum onnx_series_id id)
{
    return id == ONNX_SERIES_SERVICE || id == ONNX_SERIES_SEND_LAG || id == ONNX_SERIES_UNSERVED;
}

int onnx_declare_series(struct onnx *onnx, struct error *err)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct series *series = &onnx->series[rows[i].id];
        *series = (struct series){.id = (uint32_t)rows[i].id,
                                  .kind = rows[i].kind,
                                  .metric = metric_find(rows[i].metric),
                                  .instance = rows[i].instance,
                                  .source = rows[i].source};
        if (series->metric == NULL)
            return error_set(err, ERROR_INTERNAL, "the registry has no metric %s", rows[i].metric);
        if (is_of_open_loop(rows[i].id) && !(onnx->config.rate_per_s > 0)) {
            series->reason = REASON_NOT_ASKED;
            series->why = "a closed loop: --rate makes an open one";
        }
    }
    return 0;
}

int onnx_hand_over(struct onnx_session *session, enum onnx_series_id id, uint64_t ns, double value,
                   uint64_t t_ns, struct error *err)
{
    const struct series *series = &session->onnx->series[id];
    int64_t at_ns = (int64_t)(t_ns - session->io->run_begin_ns);
    bool is_time = series->metric->kind == METRIC_NS;
    struct sample_block block = {.series = series,
                                 .invocation = session->io->invocation,
                                 .n = 1,
                                 .t_ns = &at_ns,
                                 .value_ns = is_time ? &ns : NULL,
                                 .value = is_time ? NULL : &value};
    return session->io->samples(session->io, &block, err);
}

/* 0 of a stage is "not known": no value at all then. */
static int hand_over_stage(struct onnx_session *session, int at, enum onnx_stage stage,
                           struct error *err)
{
    const struct onnx_stage_report *report = &session->worker.shared->info.stages[stage];
    int rc = 0;
    if (report->rss_bytes > 0)
        rc = onnx_hand_over(session, (enum onnx_series_id)(ONNX_SERIES_STAGE_RSS + at), 0,
                            (double)report->rss_bytes / BYTES_PER_MB, report->end_ns, err);
    if (rc == 0 && report->anon_bytes > 0)
        rc = onnx_hand_over(session, (enum onnx_series_id)(ONNX_SERIES_STAGE_ANON + at), 0,
                            (double)report->anon_bytes / BYTES_PER_MB, report->end_ns, err);
    return rc;
}

static int hand_over_stages(struct onnx_session *session, struct error *err)
{
    static const enum onnx_stage stages[] = {ONNX_STAGE_LOAD, ONNX_STAGE_SESSION, ONNX_STAGE_FIRST,
                                             ONNX_STAGE_LOOP};
    const struct onnx_stage_report *reports = session->worker.shared->info.stages;
    uint32_t reached = atomic_load(&session->worker.shared->stage);
    int rc = 0;
    for (int i = 0; rc == 0 && i < (int)ARRAY_LEN(stages) && stages[i] < reached; i++) {
        const struct onnx_stage_report *report = &reports[stages[i]];
        enum onnx_series_id id = ONNX_SERIES_LOAD;
        if (stages[i] == ONNX_STAGE_SESSION)
            id = ONNX_SERIES_SESSION;
        if (stages[i] <= ONNX_STAGE_SESSION)
            rc = onnx_hand_over(session, id, report->end_ns - report->begin_ns, 0, report->end_ns,
                                err);
        if (rc == 0)
            rc = hand_over_stage(session, i, stages[i], err);
    }
    return rc;
}

int onnx_hand_over_end(struct onnx_session *session, const struct launch_report *report,
                       struct error *err)
{
    uint64_t wall_ns = report->end_ns - report->begin_ns;
    const struct {
        enum onnx_series_id id;
        double value;
    } values[] = {
        {ONNX_SERIES_CPU,
         wall_ns > 0 ? 100.0 * (double)(report->user_ns + report->system_ns) / (double)wall_ns
                     : NAN},
        {ONNX_SERIES_PEAK_RSS, (double)report->max_rss_bytes / BYTES_PER_MB},
        {ONNX_SERIES_PEAK_TREE_RSS, (double)report->peak_tree_rss_bytes / BYTES_PER_MB},
        {ONNX_SERIES_MINOR_FAULTS, (double)report->minor_faults},
        {ONNX_SERIES_MAJOR_FAULTS, (double)report->major_faults},
        {ONNX_SERIES_VOLUNTARY, (double)report->voluntary_switches},
        {ONNX_SERIES_INVOLUNTARY, (double)report->involuntary_switches},
    };
    int rc = hand_over_stages(session, err);
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(values); i++)
        rc = onnx_hand_over(session, values[i].id, 0, values[i].value, report->end_ns, err);
    return rc;
}
