#include "report_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"

#define LAUNCH_NS 12000000ULL
#define STEP_NS 20000000LL
#define LAUNCHES_MAX 1000

void fixture_begin(struct fixture *fixture, const char *label, const char *const *command,
                   bool synthetic)
{
    memset(fixture, 0, sizeof(*fixture));
    run_init(&fixture->run);
    size_t words = 0;
    while (command[words])
        words++;
    facts_text(&fixture->workload, "kind", "command", NULL);
    facts_list(&fixture->workload, "command", command, words, NULL);
    facts_text(&fixture->environment, "kernel", "6.1.0-test", "uname");
    facts_text(&fixture->environment, "cpu_model", "Test CPU", "/proc/cpuinfo");
    facts_integer(&fixture->environment, "cpus_online", 4, NULL);
    struct run_info info = {.id = "20261120-212233-4f1c",
                            .label = label,
                            .synthetic = synthetic,
                            .begin_epoch_s = 1795382553.0,
                            .environment = &fixture->environment,
                            .workload = &fixture->workload};
    assert_int_equal(sink_begin(run_sink_of(&fixture->run), &info, NULL), 0);
}

static void put(struct fixture *fixture, struct series *series, uint32_t invocation, size_t n,
                const int64_t *t_ns, const uint64_t *value_ns, const double *value)
{
    struct sample_block block = {.series = series,
                                 .invocation = invocation,
                                 .n = n,
                                 .t_ns = t_ns,
                                 .value_ns = value_ns,
                                 .value = value};
    assert_int_equal(sink_samples(run_sink_of(&fixture->run), &block, NULL), 0);
}

static struct series make_series(struct fixture *fixture, const char *metric, enum series_kind kind,
                                 const char *instance, const char *source)
{
    const struct metric *row = metric_find(metric);
    assert_non_null(row);
    return (struct series){.id = fixture->next_series++,
                           .kind = kind,
                           .metric = row,
                           .instance = instance,
                           .source = source};
}

void fixture_launches(struct fixture *fixture, size_t count, size_t warmup)
{
    struct series series =
        make_series(fixture, "wall_ms", SERIES_UNIT, "", "clock_gettime(CLOCK_MONOTONIC)");
    struct run_sink *sink = run_sink_of(&fixture->run);
    for (size_t i = 0; i < count; i++) {
        int64_t begin_ns = (int64_t)i * STEP_NS;
        /* Deterministic spread: 12.00, 12.13, 12.26, … wrapped at 0.91 ms; warm-up takes longer. */
        uint64_t wall_ns = LAUNCH_NS + i * 130000 % 910000 + (i < warmup ? 5000000 : 0);
        struct invocation invocation = {.index = (uint32_t)i,
                                        .outcome = INVOCATION_OK,
                                        .begin_ns = begin_ns,
                                        .end_ns = begin_ns + (int64_t)wall_ns};
        struct phase phase = {.kind = i < warmup ? PHASE_WARMUP : PHASE_STEADY,
                              .invocation = (uint32_t)i,
                              .unit_count = 1,
                              .begin_ns = begin_ns,
                              .end_ns = begin_ns + STEP_NS};
        put(fixture, &series, (uint32_t)i, 1, &begin_ns, &wall_ns, NULL);
        assert_int_equal(sink_phase(sink, &phase, NULL), 0);
        assert_int_equal(sink_invocation(sink, &invocation, NULL), 0);
    }
}

void fixture_per_launch(struct fixture *fixture, const char *metric, size_t count, double base,
                        double step)
{
    struct series series = make_series(fixture, metric, SERIES_UNIT, "", "wait4");
    for (size_t i = 0; i < count; i++) {
        double value = base + step * (double)(i % 3);
        uint64_t value_ns = (uint64_t)(value * 1e6);
        bool is_ns = series.metric->kind == METRIC_NS;
        put(fixture, &series, (uint32_t)i, 1, NULL, is_ns ? &value_ns : NULL,
            is_ns ? NULL : &value);
    }
}

void fixture_missing(struct fixture *fixture, const char *metric, enum reason reason,
                     const char *why)
{
    struct series series = make_series(fixture, metric, SERIES_UNIT, "", "perf_event_open");
    series.reason = reason;
    series.why = why;
    put(fixture, &series, 0, 0, NULL, NULL, NULL);
}

void fixture_sensor(struct fixture *fixture, const char *metric, const char *instance, size_t count,
                    double base, double step)
{
    struct series series = make_series(fixture, metric, SERIES_TIME, instance, "sysfs");
    for (size_t i = 0; i < count; i++) {
        int64_t t_ns = (int64_t)i * STEP_NS + 1000;
        double value = base + step * (double)(i % 4);
        put(fixture, &series, (uint32_t)i, 1, &t_ns, NULL, &value);
    }
}

void fixture_usual(struct fixture *fixture, size_t count, size_t warmup)
{
    fixture_launches(fixture, count, warmup);
    fixture_per_launch(fixture, "user_ms", count, 9.5, 0.3);
    fixture_per_launch(fixture, "system_ms", count, 1.9, 0.1);
    fixture_per_launch(fixture, "cpu_pct", count, 97, 0.5);
    fixture_per_launch(fixture, "peak_rss_mb", count, 12.25, 0.25);
    fixture_per_launch(fixture, "peak_tree_rss_mb", count, 12.5, 0.25);
    fixture_per_launch(fixture, "processes_max", count, 1, 0);
    fixture_per_launch(fixture, "minor_faults", count, 310, 2);
    fixture_per_launch(fixture, "major_faults", count, 0, 0);
    fixture_per_launch(fixture, "voluntary_switches", count, 2, 1);
    fixture_per_launch(fixture, "involuntary_switches", count, 1, 0);
    fixture_per_launch(fixture, "cpu_migrations", count, 0, 0);
    fixture_per_launch(fixture, "char_read_mb", count, 4.75, 0);
    fixture_per_launch(fixture, "char_written_mb", count, 0, 0);
    fixture_per_launch(fixture, "block_read_mb", count, 0, 0);
    fixture_per_launch(fixture, "block_written_mb", count, 0, 0);
    fixture_per_launch(fixture, "ipc", count, 2.3, 0.01);
    fixture_per_launch(fixture, "instructions", count, 64e6, 1e5);
    fixture_per_launch(fixture, "cycles", count, 28e6, 1e5);
    fixture_per_launch(fixture, "cache_miss_pct", count, 3.1, 0.1);
    fixture_per_launch(fixture, "branch_miss_pct", count, 0.42, 0.01);
    fixture_sensor(fixture, "cpu_total_pct", "", count, 26, 1);
    fixture_sensor(fixture, "cpu_mhz", "policy0", count, 1800, 100);
    fixture_sensor(fixture, "cpu_mhz", "policy2", count, 2100, 0);
    fixture_sensor(fixture, "temp_c", "cpu-thermal", count, 51, 1);
    fixture_sensor(fixture, "temp_c", "gpu-thermal", count, 49, 0);
    fixture_sensor(fixture, "power_w", "VDD_IN", count, 4.1, 0.1);
}

/* ---- a model ---- */

#define UNITS 503
#define FIRST 3
#define WARMUP 20
#define PROCESS_NS 6000000000LL

static void model_facts(struct fixture *fixture, bool is_open)
{
    static const char *const shares[] = {"cpu 100.0 %"};
    struct facts *facts = &fixture->workload;
    facts_text(facts, "kind", "onnx", NULL);
    facts_text(facts, "name", "detector", NULL);
    facts_text(facts, "label", "detector fp16 batch 4 cpu", NULL);
    facts_text(facts, "model", "/opt/models/detector.fp16.onnx", NULL);
    facts_text(facts, "precision", "fp16", NULL);
    facts_text(facts, "compute_precision", "fp32", NULL);
    facts_integer(facts, "batch_size", 4, NULL);
    facts_integer(facts, "streams", is_open ? 2 : 1, NULL);
    facts_integer(facts, "threads", 2, NULL);
    facts_text(facts, "device", "cpu", NULL);
    facts_text(facts, "provider_asked", "cpu", NULL);
    facts_list(facts, "provider_shares", shares, 1, NULL);
    facts_text(facts, "engine", "onnxruntime", NULL);
    facts_text(facts, "engine_version", "1.30.0", NULL);
    if (is_open) {
        facts_number(facts, "rate_per_s", 90, NULL);
        facts_text(facts, "arrival", "poisson", NULL);
    }
    facts_text(facts, "unit", "inference", NULL);
    facts_text(facts, "units", "inferences", NULL);
    facts_text(facts, "latency_metric", "latency_ms", NULL);
    struct run_info info = {.id = "20261120-212233-4f1c",
                            .label = "detector fp16 batch 4 cpu",
                            .begin_epoch_s = 1795382553.0,
                            .environment = &fixture->environment,
                            .workload = facts};
    assert_int_equal(sink_begin(run_sink_of(&fixture->run), &info, NULL), 0);
}

static void model_phase(struct fixture *fixture, enum phase_kind kind, uint32_t process,
                        uint64_t first, uint64_t count, int64_t begin_ms, int64_t end_ms)
{
    struct phase phase = {.kind = kind,
                          .invocation = process,
                          .first_unit = first,
                          .unit_count = count,
                          .begin_ns = process * PROCESS_NS + begin_ms * 1000000,
                          .end_ns = process * PROCESS_NS + end_ms * 1000000,
                          .found = kind == PHASE_WARMUP};
    assert_int_equal(sink_phase(run_sink_of(&fixture->run), &phase, NULL), 0);
}

/* Units of about `base_ms`; the first is ten times as slow, warm-up twice. */
static void model_units(struct fixture *fixture, const char *metric, size_t processes,
                        double base_ms)
{
    struct series series = make_series(fixture, metric, SERIES_UNIT, "", "CLOCK_MONOTONIC");
    static uint64_t ns[UNITS];
    for (size_t process = 0; process < processes; process++) {
        for (size_t i = 0; i < UNITS; i++) {
            double factor = i == 0 ? 10 : i < FIRST + WARMUP ? 2 : 1;
            double noise = (double)(i * 37 % 11) / 100 + (double)process / 200;
            ns[i] = (uint64_t)(1e6 * base_ms * (factor + noise));
        }
        struct sample_block block = {
            .series = &series, .invocation = (uint32_t)process, .n = UNITS, .value_ns = ns};
        assert_int_equal(sink_samples(run_sink_of(&fixture->run), &block, NULL), 0);
    }
}

/* One value in each process: base, and step more in each further one. */
static void model_value(struct fixture *fixture, const char *metric, const char *instance,
                        size_t processes, double base, double step)
{
    struct series series = make_series(fixture, metric, SERIES_VALUE, instance, "worker");
    bool is_ns = series.metric->kind == METRIC_NS;
    for (size_t i = 0; i < processes; i++) {
        double value = base + step * (double)i;
        uint64_t ns = (uint64_t)(value * 1e6);
        put(fixture, &series, (uint32_t)i, 1, NULL, is_ns ? &ns : NULL, is_ns ? NULL : &value);
    }
}

static void model_process(struct fixture *fixture, uint32_t process)
{
    struct invocation invocation = {.index = process,
                                    .outcome = INVOCATION_OK,
                                    .begin_ns = process * PROCESS_NS,
                                    .end_ns = process * PROCESS_NS + 5900000000LL};
    assert_int_equal(sink_invocation(run_sink_of(&fixture->run), &invocation, NULL), 0);
    model_phase(fixture, PHASE_LOAD, process, 0, 0, 0, 12);
    model_phase(fixture, PHASE_SESSION, process, 0, 0, 12, 97);
    model_phase(fixture, PHASE_FIRST, process, 0, 1, 97, 200);
    model_phase(fixture, PHASE_PROFILED, process, 1, FIRST - 1, 200, 250);
    model_phase(fixture, PHASE_WARMUP, process, FIRST, WARMUP, 250, 700);
    model_phase(fixture, PHASE_STEADY, process, FIRST + WARMUP, UNITS - FIRST - WARMUP, 700, 5800);
}

static void model_nodes(struct fixture *fixture, size_t nodes)
{
    for (size_t i = 0; i < nodes; i++) {
        char instance[64];
        snprintf(instance, sizeof(instance), "/model.%zu/conv/Conv (Conv, cpu)", i);
        model_value(fixture, "node_ms", instance, 1, 0.1 + (double)(i * 7 % nodes) / 8, 0);
    }
}

void fixture_model(struct fixture *fixture, size_t processes, size_t nodes, bool is_open)
{
    memset(fixture, 0, sizeof(*fixture));
    run_init(&fixture->run);
    model_facts(fixture, is_open);
    for (uint32_t i = 0; i < processes; i++)
        model_process(fixture, i);
    model_units(fixture, "latency_ms", processes, is_open ? 14 : 10);
    if (is_open) {
        model_units(fixture, "service_ms", processes, 10);
        model_units(fixture, "send_lag_ms", processes, 4);
        model_value(fixture, "unserved_wait_ms", "", 2, 20, 15);
    }
    struct series windows = make_series(fixture, "throughput_per_s", SERIES_TIME, "", "worker");
    for (int64_t i = 0; i < 50; i++) {
        int64_t t_ns = (700 + 100 * i) * 1000000;
        double per_s = 380 + (double)(i % 5);
        put(fixture, &windows, 0, 1, &t_ns, NULL, &per_s);
    }
    model_value(fixture, "load_ms", "", processes, 12, 1);
    model_value(fixture, "session_ms", "", processes, 85, 3);
    model_value(fixture, "first_ms", "", processes, 103, 2);
    model_value(fixture, "stage_rss_mb", "load", processes, 31, 0);
    model_value(fixture, "stage_rss_mb", "session", processes, 54, 0);
    model_value(fixture, "stage_rss_mb", "first", processes, 66, 0);
    model_value(fixture, "stage_rss_mb", "steady", processes, 66.5, 0.25);
    model_value(fixture, "stage_anon_mb", "steady", processes, 41, 0.25);
    model_value(fixture, "cpu_pct", "", processes, 196, 1);
    model_value(fixture, "peak_rss_mb", "", processes, 68, 1);
    fixture_sensor(fixture, "cpu_total_pct", "", 250, 52, 1);
    model_nodes(fixture, nodes);
}

void fixture_limit(struct fixture *fixture, enum outcome outcome, const char *bound, double value,
                   const char *unit, uint64_t n, uint64_t needed, const char *sentence)
{
    struct finding finding;
    finding_init(&finding, "limit", SEVERITY_INFO, "wall_ms");
    finding_sentence(&finding, "%s", sentence);
    finding.outcome = outcome;
    snprintf(finding.limit_name, sizeof(finding.limit_name), "%s", bound);
    snprintf(finding.limit_bound, sizeof(finding.limit_bound), "%s", bound);
    snprintf(finding.unit, sizeof(finding.unit), "%s", unit);
    finding.has_value = n > 0;
    finding.value = value;
    finding.n = n;
    finding.n_needed = needed;
    assert_int_equal(sink_finding(run_sink_of(&fixture->run), &finding, NULL), 0);
}

void fixture_end(struct fixture *fixture, enum run_state state)
{
    struct run *run = &fixture->run;
    struct run_end end = {.state = state,
                          .end_ns = 460000000,
                          .own_cpu_ns = 2300000,
                          .verdict = verdict_of(run->findings, run->finding_count)};
    assert_int_equal(sink_end(run_sink_of(run), &end, NULL), 0);
}

void fixture_deinit(struct fixture *fixture)
{
    run_deinit(&fixture->run);
    facts_deinit(&fixture->environment);
    facts_deinit(&fixture->workload);
}

void assert_golden(const char *name, const char *text)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s", GOLDEN_DIR, name);
    if (getenv("TACHO_TEST_REGENERATE")) {
        assert_int_equal(file_write_atomic(path, text, strlen(text), NULL), 0);
        return;
    }
    char *golden = NULL;
    size_t size;
    struct error err = {0};
    if (file_read_all(path, 1 << 20, &golden, &size, &err) < 0)
        fail_msg("%s: %s", path, err.message);
    assert_string_equal(text, golden);
    free(golden);
}

void fixture_render(const struct fixture *fixture, const struct report_options *options,
                    struct strbuf *out)
{
    struct error err = {0};
    if (report_text(&fixture->run, options, out, &err) < 0)
        fail_msg("%s", err.message);
    const char *line = strbuf_get(out);
    while (*line) {
        char buf[2048];
        size_t length = strcspn(line, "\n");
        snprintf(buf, sizeof(buf), "%.*s", (int)length, line);
        if (!options->verbose && str_width(buf) > (size_t)options->width)
            fail_msg("%zu columns: %s", str_width(buf), buf);
        line += length + (line[length] == '\n');
    }
}
