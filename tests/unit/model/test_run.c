/* The run in memory: what it keeps, which phase wins, what counts, and life beyond the cap. */
#include "model_support.h"

#include "model/run.h"

static size_t collect(const struct run *run, const char *metric, enum phase_kind phase,
                      double *values, size_t capacity)
{
    double *got = NULL;
    size_t n = 0;
    const struct run_series *series = run_find_series(run, metric, NULL);
    assert_non_null(series);
    assert_int_equal(run_collect(run, series, phase, &got, NULL, &n, NULL), 0);
    for (size_t i = 0; i < n && i < capacity; i++)
        values[i] = got[i];
    free(got);
    return n;
}

static void an_empty_run(void **state)
{
    struct run run = {0};
    assert_null(run_find_series(&run, "wall_ms", NULL));
    assert_int_equal(run_phase_of_unit(&run, 0, 0), PHASE_STEADY);
    assert_false(run_time_in_phase(&run, 0, PHASE_STEADY));
    assert_true(run_invocation_counts(&run, 0));
    run_deinit(&run);
}

static void everything_is_copied(void **state)
{
    struct run run;
    run_init(&run);
    struct facts environment = {0}, after = {0};
    facts_text(&environment, "os", "Debian", NULL);
    facts_number(&after, "load1", 0.5, NULL);
    char label[] = "a label", name[] = "fps", instance[] = "cam0", text[] = "killed sleep";
    struct run_info info = {.id = "20261120-212233-4f1c",
                            .label = label,
                            .synthetic = true,
                            .begin_epoch_s = 1795209753.5,
                            .environment = &environment};
    struct run_sink *sink = run_sink_of(&run);
    assert_int_equal(sink_begin(sink, &info, NULL), 0);
    assert_int_equal(run.state, RUN_RECORDING);
    struct metric own = {.name = name, .unit = "1/s", .scale = 1, .kind = METRIC_VALUE};
    struct series series = {
        .id = 0, .kind = SERIES_VALUE, .metric = &own, .instance = instance, .source = "output"};
    double value = 29.5;
    struct sample_block block = {.series = &series, .n = 1, .value = &value};
    assert_int_equal(sink_samples(sink, &block, NULL), 0);
    struct event event = {.t_ns = 5, .name = "survivors_killed", .text = text};
    assert_int_equal(sink_event(sink, &event, NULL), 0);
    struct finding finding;
    finding_init(&finding, "drift", SEVERITY_INFO, "fps");
    assert_int_equal(sink_finding(sink, &finding, NULL), 0);
    struct run_end end = {.state = RUN_COMPLETE,
                          .end_ns = 77,
                          .own_cpu_ns = 3,
                          .verdict.outcome = OUTCOME_PASS,
                          .environment_after = &after};
    assert_int_equal(sink_end(sink, &end, NULL), 0);
    facts_deinit(&environment);
    facts_deinit(&after);
    memset(label, 'x', sizeof(label) - 1);
    memset(name, 'x', sizeof(name) - 1);
    memset(instance, 'x', sizeof(instance) - 1);
    memset(text, 'x', sizeof(text) - 1);
    own.unit = "broken";
    assert_string_equal(run.id, "20261120-212233-4f1c");
    assert_string_equal(run.label, "a label");
    assert_true(run.synthetic);
    assert_string_equal(facts_get_text(&run.environment, "os", ""), "Debian");
    assert_non_null(facts_get(&run.environment_after, "load1"));
    const struct run_series *held = run_find_series(&run, "fps", "cam0");
    assert_non_null(held);
    assert_null(run_find_series(&run, "fps", "cam1"));
    assert_string_equal(held->series.metric->unit, "1/s");
    assert_string_equal(held->series.metric->limit_stat, "mean");
    assert_true(held->samples[0].value == 29.5);
    assert_true(held->samples[0].t_ns == INT64_MIN);
    assert_string_equal(run.events[0].text, "killed sleep");
    assert_string_equal(run.findings[0].rule, "drift");
    assert_int_equal(run.state, RUN_COMPLETE);
    assert_int_equal(run.end_ns, 77);
    assert_int_equal(run.verdict.outcome, OUTCOME_PASS);
    run_deinit(&run);
    assert_int_equal(run.series_count, 0);
}

/* What of the workload became known only while it ran replaces what was said before. */
static void facts_of_the_end_are_merged(void **state)
{
    struct run run;
    struct facts before = {0}, after = {0};
    facts_text(&before, "device", "cpu", NULL);
    facts_null(&before, "provider", REASON_NOT_ASKED, NULL);
    facts_text(&after, "provider", "CPUExecutionProvider", "profile");
    facts_integer(&after, "opset", 17, NULL);
    struct run_info info = {.id = "x", .label = "x", .workload = &before};
    struct run_end end = {.state = RUN_COMPLETE, .end_ns = 1, .workload_after = &after};
    run_init(&run);
    assert_int_equal(sink_begin(run_sink_of(&run), &info, NULL), 0);
    assert_int_equal(sink_end(run_sink_of(&run), &end, NULL), 0);
    facts_deinit(&before);
    facts_deinit(&after);
    assert_int_equal(run.workload.count, 3);
    assert_string_equal(run.workload.items[0].key, "device");
    assert_string_equal(facts_get_text(&run.workload, "provider", ""), "CPUExecutionProvider");
    assert_int_equal(facts_get(&run.workload, "opset")->integer, 17);
    run_deinit(&run);
}

static void many_own_metrics_keep_their_series(void **state)
{
    struct run run;
    begin_run(&run, "command");
    for (uint32_t i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof(name), "m%u", i);
        struct metric own = {.name = name, .unit = "", .scale = 1, .kind = METRIC_VALUE};
        struct series series = {.id = i, .kind = SERIES_VALUE, .metric = &own};
        double value = i;
        add_values(&run, &series, 0, 0, &value, 1, NULL);
        add_values(&run, &series, 1, 0, &value, 1, NULL);
    }
    assert_int_equal(run.own_metric_count, 40);
    for (uint32_t i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof(name), "m%u", i);
        const struct run_series *series = run_find_series(&run, name, "");
        assert_non_null(series);
        assert_int_equal(series->count, 2);
        assert_true(series->samples[1].value == i);
    }
    run_deinit(&run);
}

static void a_series_without_values_keeps_its_reason(void **state)
{
    struct run run;
    begin_run(&run, "command");
    struct series series = make_series(3, SERIES_UNIT, "cycles", "");
    series.reason = REASON_DENIED;
    series.why = "perf_event_paranoid is 3";
    add_values(&run, &series, 0, 0, NULL, 0, NULL);
    const struct run_series *held = run_find_series(&run, "cycles", NULL);
    assert_non_null(held);
    assert_int_equal(held->series.reason, REASON_DENIED);
    assert_string_equal(held->series.why, "perf_event_paranoid is 3");
    assert_ptr_equal(held->series.metric, metric_find("cycles"));
    run_deinit(&run);
}

static void nanoseconds_become_the_shown_unit(void **state)
{
    struct run run;
    begin_run(&run, "command");
    struct series series = make_series(0, SERIES_UNIT, "wall_ms", "");
    double values[] = {250, 0.000001, 7};
    add_values(&run, &series, 2, 10, values, 3, NULL);
    const struct run_sample *samples = run_find_series(&run, "wall_ms", "")->samples;
    assert_true(samples[0].value == 250);
    assert_true(samples[1].value == 1e-6);
    assert_true(samples[2].value == 7);
    assert_int_equal(samples[2].unit, 12);
    assert_int_equal(samples[2].invocation, 2);
    run_deinit(&run);
}

static void the_last_phase_told_wins(void **state)
{
    struct run run;
    begin_run(&run, "onnx");
    add_phase(&run, PHASE_STEADY, 0, 0, 100, 0, 1000);
    add_phase(&run, PHASE_STEADY, 1, 0, 100, 2000, 3000);
    add_phase(&run, PHASE_WARMUP, 0, 0, 10, 0, 100); /* recognised afterwards */
    add_phase(&run, PHASE_FIRST, 0, 0, 1, 0, 10);
    assert_int_equal(run_phase_of_unit(&run, 0, 0), PHASE_FIRST);
    assert_int_equal(run_phase_of_unit(&run, 0, 1), PHASE_WARMUP);
    assert_int_equal(run_phase_of_unit(&run, 0, 9), PHASE_WARMUP);
    assert_int_equal(run_phase_of_unit(&run, 0, 10), PHASE_STEADY);
    assert_int_equal(run_phase_of_unit(&run, 0, 100), PHASE_STEADY); /* named by none */
    assert_int_equal(run_phase_of_unit(&run, 1, 0), PHASE_STEADY);
    assert_true(run_time_in_phase(&run, 0, PHASE_FIRST));
    assert_true(run_time_in_phase(&run, 10, PHASE_WARMUP));
    assert_true(run_time_in_phase(&run, 100, PHASE_STEADY));
    assert_false(run_time_in_phase(&run, 99, PHASE_STEADY));
    assert_false(run_time_in_phase(&run, 1000, PHASE_STEADY)); /* the end is outside */
    assert_false(run_time_in_phase(&run, 1500, PHASE_STEADY));
    assert_false(run_time_in_phase(&run, INT64_MIN, PHASE_STEADY));
    run_deinit(&run);
}

/* The indexed look-ups of run_collect must agree with the plain ones, sample by sample. */
static void collecting_agrees_with_the_plain_questions(void **state)
{
    struct run run;
    begin_run(&run, "onnx");
    uint64_t random = 1;
    for (int i = 0; i < 60; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        int64_t begin = (int64_t)(random >> 33) % 900;
        add_phase(&run, (enum phase_kind)((random >> 40) % 5), (uint32_t)(random >> 50) % 7,
                  (random >> 20) % 40, (random >> 13) % 30, begin,
                  begin + (int64_t)(random >> 25) % 60 - 5);
    }
    for (uint32_t i = 0; i < 7; i++)
        add_invocation(&run, i, INVOCATION_OK);
    struct series unit = make_series(0, SERIES_UNIT, "latency_ms", "");
    struct series time = make_series(1, SERIES_TIME, "power_w", "");
    double values[80];
    for (int i = 0; i < 80; i++)
        values[i] = i;
    for (uint32_t i = 0; i < 7; i++)
        add_values(&run, &unit, i, 0, values, 80, NULL);
    for (int64_t t = -10; t < 1000; t++) {
        double value = (double)t;
        add_values(&run, &time, 0, 0, &value, 1, &t);
    }
    for (int kind = PHASE_LOAD; kind <= PHASE_COOLDOWN; kind++) {
        size_t by_unit = 0, by_time = 0;
        for (uint32_t i = 0; i < 7; i++) {
            for (uint64_t u = 0; u < 80; u++)
                by_unit += run_phase_of_unit(&run, i, u) == (enum phase_kind)kind;
        }
        double got[1024];
        size_t n = collect(&run, "power_w", (enum phase_kind)kind, got, ARRAY_LEN(got));
        for (int64_t t = -10; t < 1000; t++) {
            if (!run_time_in_phase(&run, t, (enum phase_kind)kind))
                continue;
            assert_true(by_time < n);
            assert_true(got[by_time++] == (double)t);
        }
        assert_int_equal(n, by_time);
        assert_int_equal(collect(&run, "latency_ms", (enum phase_kind)kind, NULL, 0), by_unit);
    }
    run_deinit(&run);
}

static void only_what_succeeded_counts(void **state)
{
    struct run run;
    begin_run(&run, "command");
    struct series wall = make_series(0, SERIES_UNIT, "wall_ms", "");
    struct series power = make_series(1, SERIES_TIME, "power_w", "");
    for (uint32_t i = 0; i < 6; i++) {
        double value = i;
        int64_t t = i * 10 + 5;
        add_values(&run, &wall, i, 0, &value, 1, NULL);
        add_values(&run, &power, 0, 0, &value, 1, &t); /* the sampler knows no invocation */
        add_phase(&run, PHASE_STEADY, i, 0, 1, i * 10, i * 10 + 10);
    }
    add_invocation(&run, 0, INVOCATION_OK);
    add_invocation(&run, 1, INVOCATION_EXIT);
    add_invocation(&run, 2, INVOCATION_INTERRUPTED);
    add_invocation(&run, 3, INVOCATION_TIMEOUT);
    add_invocation(&run, 4, INVOCATION_SIGNAL);
    add_invocation(&run, 4, INVOCATION_OK); /* told again */
    double values[6] = {0};
    assert_int_equal(collect(&run, "wall_ms", PHASE_STEADY, values, 6), 3);
    assert_true(values[0] == 0 && values[1] == 4 && values[2] == 5); /* 5: end not told yet */
    assert_int_equal(collect(&run, "power_w", PHASE_STEADY, values, 6), 3);
    assert_true(values[0] == 0 && values[1] == 4 && values[2] == 5);
    run_deinit(&run);
}

static void missing_values_are_counted_not_used(void **state)
{
    struct run run;
    begin_run(&run, "command");
    struct series series = make_series(0, SERIES_UNIT, "ipc", "");
    double values[] = {1, NAN, 2, NAN, NAN};
    add_values(&run, &series, 0, 0, values, 5, NULL);
    add_phase(&run, PHASE_WARMUP, 0, 0, 2, 0, 1);
    uint64_t missing;
    const struct run_series *held = run_find_series(&run, "ipc", "");
    assert_int_equal(run_collect_missing(&run, held, PHASE_STEADY, &missing, NULL), 0);
    assert_int_equal(missing, 2);
    double got[5] = {0};
    assert_int_equal(collect(&run, "ipc", PHASE_STEADY, got, 5), 1);
    assert_true(got[0] == 2);
    run_deinit(&run);
}

static void values_from_the_output_follow_their_invocation(void **state)
{
    struct run run;
    begin_run(&run, "command");
    struct series series = make_series(0, SERIES_VALUE, "throughput_per_s", "");
    double warm[] = {1, 2}, steady[] = {3, 4, 5}, mixed[] = {6};
    add_values(&run, &series, 0, 0, warm, 2, NULL);
    add_values(&run, &series, 1, 0, steady, 3, NULL);
    add_values(&run, &series, 2, 0, mixed, 1, NULL);
    add_phase(&run, PHASE_WARMUP, 0, 0, 1, 0, 10);
    add_phase(&run, PHASE_STEADY, 1, 0, 1, 10, 20);
    add_phase(&run, PHASE_STEADY, 2, 0, 50, 20, 30); /* a process that warms up within itself */
    add_phase(&run, PHASE_WARMUP, 2, 0, 5, 20, 21);
    double values[6] = {0};
    assert_int_equal(collect(&run, "throughput_per_s", PHASE_STEADY, values, 6), 4);
    assert_true(values[0] == 3 && values[3] == 6);
    assert_int_equal(collect(&run, "throughput_per_s", PHASE_WARMUP, values, 6), 2);
    run_deinit(&run);
}

/* ---- beyond the cap ---- */

static void units_go_on_in_a_histogram(void **state)
{
    struct run run;
    begin_run(&run, "onnx");
    run.samples_max = 1000;
    struct series series = make_series(0, SERIES_UNIT, "latency_ms", "");
    double values[500];
    for (size_t block = 0; block < 10; block++) {
        for (size_t i = 0; i < 500; i++)
            values[i] = block == 0 && i < 100 ? 900 : 1 + (double)((i * 7) % 100);
        add_values(&run, &series, 0, block * 500, values, 500, NULL);
    }
    add_phase(&run, PHASE_WARMUP, 0, 0, 100, 0, 1);
    const struct run_series *held = run_find_series(&run, "latency_ms", "");
    assert_int_equal(held->count, 1000);
    assert_int_equal(held->raw_dropped, 4000);
    assert_int_equal(held->hist->count, 5000);
    assert_int_equal(held->lost, 0);
    struct hist *hist = NULL;
    assert_int_equal(run_collect_hist(&run, held, PHASE_STEADY, &hist, NULL), 0);
    assert_non_null(hist);
    assert_int_equal(hist->count, 4900); /* warm-up is taken out again */
    double max = run_hist_to_shown(held->series.metric, (double)hist->max);
    ASSERT_NEAR(max, 100, 100 * 2 * HIST_RELATIVE_ERROR);
    ASSERT_NEAR(run_hist_to_shown(held->series.metric, hist_quantile(hist, 0.5)), 50.5, 1);
    hist_free(hist);
    assert_int_equal(run_collect_hist(&run, held, PHASE_WARMUP, &hist, NULL), 0);
    assert_int_equal(hist->count, 100);
    ASSERT_NEAR(run_hist_to_shown(held->series.metric, (double)hist->min), 900, 1e-9);
    hist_free(hist);
    run_deinit(&run);
}

static void what_a_histogram_cannot_hold_is_counted(void **state)
{
    struct run run;
    begin_run(&run, "command");
    run.samples_max = 10;
    struct series series = make_series(0, SERIES_VALUE, "temp_c", "");
    double values[20];
    for (size_t i = 0; i < 20; i++)
        values[i] = i == 15 ? -5 : i == 16 ? NAN : i == 17 ? 1e15 : 20;
    add_values(&run, &series, 0, 0, values, 20, NULL);
    const struct run_series *held = run_find_series(&run, "temp_c", "");
    assert_int_equal(held->count, 10);
    assert_int_equal(held->raw_dropped, 7);
    assert_int_equal(held->lost, 3);
    struct hist *hist = (struct hist *)1;
    assert_int_equal(run_collect_hist(&run, held, PHASE_STEADY, &hist, NULL), 0);
    assert_null(hist);
    uint64_t value;
    const struct metric *metric = held->series.metric;
    assert_true(run_shown_to_hist(metric, 1.5, &value));
    assert_int_equal(value, 1500000);
    assert_true(run_shown_to_hist(metric, 0, &value));
    assert_int_equal(value, 0);
    assert_false(run_shown_to_hist(metric, NAN, &value));
    assert_false(run_shown_to_hist(metric, INFINITY, &value));
    assert_false(run_shown_to_hist(metric, -1, &value));
    run_deinit(&run);
}

static void a_thinned_time_series_loses_no_spike(void **state)
{
    enum { COUNT = 100000 };
    struct run run;
    begin_run(&run, "command");
    run.samples_max = 10000;
    add_phase(&run, PHASE_STEADY, 0, 0, 1, 0, COUNT);
    struct series series = make_series(0, SERIES_TIME, "temp_c", "cpu");
    for (int64_t t = 0; t < COUNT; t++) {
        double value = t == 777 ? 99 : t == 54321 ? 1 : t % 97 == 0 ? NAN : 40 + (double)(t % 10);
        add_values(&run, &series, 0, 0, &value, 1, &t);
    }
    const struct run_series *held = run_find_series(&run, "temp_c", "cpu");
    assert_true(held->count <= 10001);
    assert_true(held->count >= 4096);
    assert_int_equal(held->count + held->raw_dropped, COUNT);
    assert_int_equal(run.samples_total, held->count);
    double smallest = INFINITY, largest = -INFINITY;
    for (size_t i = 0; i < held->count; i++) {
        if (i > 0)
            assert_true(held->samples[i].t_ns > held->samples[i - 1].t_ns);
        smallest = fmin(smallest, held->samples[i].value);
        largest = fmax(largest, held->samples[i].value);
    }
    assert_true(smallest == 1);
    assert_true(largest == 99);
    run_deinit(&run);
}

/* A run of hours: what is kept of a series is bounded, spread evenly over all of it, holds its
 * extremes, and takes no further memory; the moments are those of every value. */
static void a_bounded_series_covers_all_of_its_time(void **state)
{
    enum { EACH = 512, VALUES = 100000 };
    struct run run;
    run_init(&run);
    run.time_samples_each = EACH;
    struct series series = {.kind = SERIES_TIME, .metric = metric_find("temp_c")};
    struct sample_block block = {.series = &series};
    assert_int_equal(sink_samples(run_sink_of(&run), &block, NULL), 0);
    const struct run_sample *memory = run.series[0].samples;
    double sum = 0;
    for (int64_t i = 0; i < VALUES; i++) {
        double value = i == 12345 ? 99 : i == 71717 ? 1 : 40 + (double)(i % 7);
        struct sample_block one = {.series = &series, .n = 1, .t_ns = &i, .value = &value};
        assert_int_equal(sink_samples(run_sink_of(&run), &one, NULL), 0);
        sum += value;
    }
    const struct run_series *held = &run.series[0];
    assert_true(held->count <= EACH && held->count >= EACH / 4);
    assert_ptr_equal(held->samples, memory);
    assert_int_equal(held->count + held->raw_dropped, VALUES);
    assert_int_equal(held->moments.n, VALUES);
    assert_true(fabs(held->moments.mean - sum / VALUES) < 1e-9);
    bool has_largest = false, has_smallest = false;
    size_t quarters[4] = {0};
    for (size_t i = 0; i < held->count; i++) {
        assert_true(i == 0 || held->samples[i].t_ns > held->samples[i - 1].t_ns);
        has_largest |= held->samples[i].value == 99;
        has_smallest |= held->samples[i].value == 1;
        quarters[held->samples[i].t_ns * 4 / VALUES]++;
    }
    assert_true(has_largest && has_smallest);
    for (size_t i = 0; i < 4; i++)
        assert_true(llabs((long long)(quarters[i] * 4) - (long long)held->count) <= 16);
    run_deinit(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_run),
        cmocka_unit_test(everything_is_copied),
        cmocka_unit_test(facts_of_the_end_are_merged),
        cmocka_unit_test(many_own_metrics_keep_their_series),
        cmocka_unit_test(a_series_without_values_keeps_its_reason),
        cmocka_unit_test(nanoseconds_become_the_shown_unit),
        cmocka_unit_test(the_last_phase_told_wins),
        cmocka_unit_test(collecting_agrees_with_the_plain_questions),
        cmocka_unit_test(only_what_succeeded_counts),
        cmocka_unit_test(missing_values_are_counted_not_used),
        cmocka_unit_test(values_from_the_output_follow_their_invocation),
        cmocka_unit_test(units_go_on_in_a_histogram),
        cmocka_unit_test(what_a_histogram_cannot_hold_is_counted),
        cmocka_unit_test(a_thinned_time_series_loses_no_spike),
        cmocka_unit_test(a_bounded_series_covers_all_of_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
