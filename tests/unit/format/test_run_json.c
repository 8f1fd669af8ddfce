/* test_run_json.c: a run as JSON, read with jansson and checked by hand; and there and back. */
#include <jansson.h>

#include "sample_run.h"

static struct run_sink *fresh_run(void *context)
{
    struct run *run = context;
    run_init(run);
    return run_sink_of(run);
}

static json_t *write_tree(bool with_samples)
{
    struct run run;
    sample_run_make(&run);
    char *text = run_text(&run, with_samples);
    json_error_t error;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(root);
    free(text);
    run_deinit(&run);
    return root;
}

static json_t *at(json_t *root, const char *a, const char *b, const char *c)
{
    json_t *value = json_object_get(root, a);
    value = b ? json_object_get(value, b) : value;
    return c ? json_object_get(value, c) : value;
}

static void assert_number(const json_t *value, double expected)
{
    assert_true(json_is_number(value));
    assert_true(fabs(json_number_value(value) - expected) <= 1e-9 * fabs(expected));
}

static void head_and_facts(void **state)
{
    json_t *root = write_tree(false);
    assert_string_equal(json_string_value(at(root, "schema", NULL, NULL)), "tacho.run/1");
    assert_string_equal(json_string_value(at(root, "id", NULL, NULL)), SAMPLE_ID);
    assert_string_equal(json_string_value(at(root, "state", NULL, NULL)), "complete");
    assert_string_equal(json_string_value(at(root, "begin", NULL, NULL)), "2026-11-22T21:22:33Z");
    assert_number(at(root, "begin_epoch_s", NULL, NULL), SAMPLE_EPOCH);
    assert_number(at(root, "duration_s", NULL, NULL), 0.460000007);
    assert_number(at(root, "own_cpu_s", NULL, NULL), 0.001234567);
    assert_true(json_is_integer(at(root, "environment", "cpus_online", NULL)));
    assert_true(json_is_real(at(root, "environment", "mem_total_mb", NULL)));
    assert_true(json_is_false(at(root, "environment", "wsl", NULL)));
    assert_true(json_is_null(at(root, "environment", "governor", NULL)));
    assert_string_equal(json_string_value(at(root, "environment_reasons", "governor", NULL)),
                        "absent");
    assert_null(at(root, "environment_sources", NULL, NULL));
    assert_null(at(root, "series", NULL, NULL));
    assert_int_equal(json_array_size(at(root, "workload", "command", NULL)), 3);
    json_decref(root);
}

/* Launches 1 to 3 count: 20, 30 and 40 ms (and 1 ns). Launch 0 is warm-up, 4 was timed out. */
static void metrics(void **state)
{
    json_t *root = write_tree(false);
    json_t *wall = at(root, "metrics", "wall_ms", NULL);
    assert_string_equal(json_string_value(json_object_get(wall, "unit")), "ms");
    assert_string_equal(json_string_value(json_object_get(wall, "direction")), "lower");
    assert_int_equal(json_integer_value(json_object_get(wall, "n")), 3);
    assert_number(json_object_get(wall, "mean"), (20 + 30 + 40.000001) / 3);
    assert_number(json_object_get(wall, "min"), 20);
    assert_number(json_object_get(wall, "max"), 40.000001);
    assert_number(json_object_get(wall, "p50"), 30);
    assert_number(json_object_get(wall, "p90"), 30 + 0.8 * 10.000001); /* type 7 */
    json_t *why = at(wall, "reasons", "p99", NULL);
    assert_string_equal(json_string_value(json_object_get(why, "code")), "too_few");
    assert_int_equal(json_integer_value(json_object_get(why, "have")), 3);
    assert_true(json_integer_value(json_object_get(why, "need")) >= 459);
    assert_non_null(at(root, "metrics", "temp_c@cpu0", NULL));
    assert_string_equal(json_string_value(at(root, "metrics", "fps", "direction")), "higher");
    json_t *power = at(root, "metrics", "power_w", NULL);
    assert_true(json_is_null(json_object_get(power, "value")));
    assert_string_equal(json_string_value(json_object_get(power, "reason")), "absent");
    assert_string_equal(json_string_value(json_object_get(power, "why")), "no power sensor");
    json_decref(root);
}

static void phases_invocations_findings(void **state)
{
    json_t *root = write_tree(false);
    assert_int_equal(json_integer_value(at(root, "phases", "warmup", "n")), 1);
    assert_true(json_is_true(at(root, "phases", "warmup", "found")));
    assert_number(at(root, "phases", "warmup", "time_s"), 0.01);
    assert_int_equal(json_integer_value(at(root, "phases", "steady", "n")), 4);
    assert_true(json_is_false(at(root, "phases", "steady", "found")));
    assert_number(at(root, "phases", "steady", "time_s"), 0.02 + 0.03 + 0.040000001 + 0.05);
    json_t *last = json_array_get(at(root, "invocations", NULL, NULL), 4);
    assert_string_equal(json_string_value(json_object_get(last, "outcome")), "timeout");
    assert_int_equal(json_integer_value(json_object_get(last, "signal")), 15);
    assert_number(json_object_get(last, "begin_s"), 0.4);
    json_t *drift = json_array_get(at(root, "findings", NULL, NULL), 0);
    assert_string_equal(json_string_value(json_object_get(drift, "severity")), "warning");
    assert_true(json_is_null(json_array_get(json_object_get(drift, "interval"), 1)));
    assert_true(json_is_null(json_object_get(drift, "limit")));
    json_t *limit = json_object_get(json_array_get(at(root, "findings", NULL, NULL), 1), "limit");
    assert_string_equal(json_string_value(json_object_get(limit, "outcome")), "undecided");
    assert_int_equal(json_integer_value(json_object_get(limit, "n_needed")), 455);
    assert_string_equal(json_string_value(at(root, "verdict", "outcome", NULL)), "undecided");
    json_decref(root);
}

static void there_and_back(void **state)
{
    struct run run, again;
    struct error err = {0};
    sample_run_make(&run);
    char *text = run_text(&run, true);
    assert_int_equal(run_json_read(text, strlen(text), "x.json", fresh_run, &again, &err), 0);
    char *second = run_text(&again, true);
    assert_string_equal(text, second);
    const struct run_series *wall = run_find_series(&again, "wall_ms", NULL);
    assert_int_equal(wall->count, 5);
    assert_true(wall->samples[3].value == run_find_series(&run, "wall_ms", NULL)->samples[3].value);
    assert_int_equal(wall->samples[3].t_ns, 340 * MS + 1);
    const struct run_series *temperature = run_find_series(&again, "temp_c", "cpu0");
    assert_true(isnan(temperature->samples[2 * 3 + 1].value));
    free(text);
    free(second);
    run_deinit(&run);
    run_deinit(&again);
}

static struct run_sink *fresh_of_two(void *context)
{
    struct run **next = context;
    return fresh_run((*next)++);
}

/* The phases of a model: 1 s each; steady was told once for fewer units while it ran. */
static void phases_of_a_model(void **state)
{
    struct run run, again;
    struct error err = {0};
    run_init(&run);
    struct run_sink *sink = run_sink_of(&run);
    struct run_info info = {.id = "model", .label = "model"};
    struct run_end end = {.state = RUN_COMPLETE, .end_ns = 9000 * MS};
    struct phase early = {
        .kind = PHASE_STEADY, .first_unit = 6, .unit_count = 1, .begin_ns = 5000 * MS};
    early.end_ns = 5100 * MS;
    assert_int_equal(sink_begin(sink, &info, NULL), 0);
    assert_int_equal(sink_phase(sink, &early, NULL), 0);
    for (int kind = PHASE_LOAD; kind <= PHASE_COOLDOWN; kind++) {
        struct phase phase = {.kind = (enum phase_kind)kind,
                              .first_unit = kind < PHASE_FIRST ? 0 : 2 * (uint64_t)(kind - 1) - 2,
                              .unit_count = kind < PHASE_FIRST ? 0 : 2,
                              .begin_ns = 1000 * MS * kind,
                              .end_ns = 1000 * MS * (kind + 1)};
        assert_int_equal(sink_phase(sink, &phase, NULL), 0);
    }
    assert_int_equal(sink_end(sink, &end, NULL), 0);
    char *text = run_text(&run, true);
    assert_int_equal(run_json_read(text, strlen(text), "x.json", fresh_run, &again, &err), 0);
    char *second = run_text(&again, true);
    assert_string_equal(text, second);
    json_t *root = json_loads(text, 0, NULL);
    assert_non_null(root);
    for (int kind = PHASE_LOAD; kind <= PHASE_COOLDOWN; kind++) {
        const char *name = phase_kind_name((enum phase_kind)kind);
        assert_number(at(root, "phases", name, "time_s"), 1);
        int64_t units = json_integer_value(at(root, "phases", name, "n"));
        assert_int_equal(units, kind < PHASE_FIRST ? 0 : 2);
    }
    json_decref(root);
    free(text);
    free(second);
    run_deinit(&run);
    run_deinit(&again);
}

static void several_runs(void **state)
{
    struct run run, again[2], *next = again;
    struct error err = {0};
    struct strbuf out = {0};
    sample_run_make(&run);
    const struct run *const runs[] = {&run, &run};
    assert_int_equal(runs_json_write(runs, 2, true, &out, &err), 0);
    assert_int_equal(run_json_read(out.data, out.len, "x.json", fresh_of_two, &next, &err), 0);
    assert_ptr_equal(next, again + 2);
    assert_int_equal(again[1].invocation_count, 5);
    strbuf_deinit(&out);
    run_deinit(&run);
    run_deinit(&again[0]);
    run_deinit(&again[1]);
}

/* Values that are only in a histogram are written as that, and come back: every statistic is the
 * same. */
static void histograms_come_back(void **state)
{
    struct run run, again;
    struct error err = {0};
    run_init(&run);
    run.samples_max = 4;
    assert_int_equal(sample_run_play(run_sink_of(&run), &(struct sample_options){0}, &err), 0);
    char *text = run_text(&run, true);
    assert_non_null(strstr(text, "\"histogram\": "));
    assert_int_equal(run_json_read(text, strlen(text), NULL, fresh_run, &again, &err), 0);
    size_t compared = 0;
    for (size_t i = 0; i < run.series_count; i++) {
        const struct run_series *before = &run.series[i], *after = &again.series[i];
        if (!before->hist)
            continue;
        compared++;
        assert_non_null(after->hist);
        assert_int_equal(after->count, before->count);
        assert_int_equal(after->raw_dropped, before->raw_dropped);
        assert_int_equal(after->hist->count, before->hist->count);
        assert_memory_equal(after->hist->buckets, before->hist->buckets,
                            sizeof(after->hist->buckets));
        assert_true(fabs(after->hist->sum - before->hist->sum) <= before->hist->sum * 1e-12);
    }
    assert_true(compared > 0);
    free(text);
    run_deinit(&run);
    run_deinit(&again);
}

/* A distribution that contradicts itself is refused. */
static void refuses_damaged_histograms(void **state)
{
    static const char *const wrong[][2] = {
        {"\"n\": 3", "\"n\": 4"},
        {"[1, 2, 5, 1]", "[5, 2, 1, 1]"},
        {"[1, 2, 5, 1]", "[1, 2, 99999, 1]"},
        {"[1, 2, 5, 1]", "[1, 3, 5, 0]"},
        {"[1, 2, 5, 1]", "[1, 2, 5, \"1\"]"},
        {"\"min\": 1", "\"min\": 7"},
        {"[1, 2, 5, 1]", "[]"},
    };
    struct hist *hist = hist_new();
    struct run run, again;
    struct error err = {0};
    run_init(&run);
    struct series series = {
        .kind = SERIES_VALUE, .metric = metric_find("wall_ms"), .instance = "", .source = ""};
    hist_record_n(hist, 1, 2);
    hist_record(hist, 5);
    struct sample_block block = {.series = &series, .hist = hist};
    struct run_info info = {.id = "a-1", .label = ""};
    struct run_end end = {.state = RUN_COMPLETE};
    assert_int_equal(sink_begin(run_sink_of(&run), &info, &err), 0);
    assert_int_equal(sink_samples(run_sink_of(&run), &block, &err), 0);
    assert_int_equal(sink_end(run_sink_of(&run), &end, &err), 0);
    char *text = run_text(&run, true);
    assert_int_equal(run_json_read(text, strlen(text), NULL, fresh_run, &again, &err), 0);
    assert_int_equal(again.series[0].hist->count, 3);
    run_deinit(&again);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct strbuf bad = {0};
        const char *at = strstr(strstr(text, "\"histogram\""), wrong[i][0]);
        assert_non_null(at);
        strbuf_append_n(&bad, text, (size_t)(at - text));
        strbuf_append(&bad, wrong[i][1]);
        strbuf_append(&bad, at + strlen(wrong[i][0]));
        assert_int_equal(run_json_read(bad.data, bad.len, NULL, fresh_run, &again, &err),
                         -ERROR_INPUT);
        run_deinit(&again);
        strbuf_deinit(&bad);
    }
    free(text);
    hist_free(hist);
    run_deinit(&run);
}

static void same_metric_twice(void **state)
{
    struct run run;
    struct error err = {0};
    run_init(&run);
    struct run_info info = {.id = "a-1", .label = ""};
    assert_int_equal(sink_begin(run_sink_of(&run), &info, &err), 0);
    for (uint32_t id = 0; id < 2; id++) {
        struct series series = {.id = id, .kind = SERIES_UNIT, .metric = metric_find("wall_ms")};
        uint64_t value = 1000000;
        struct sample_block block = {.series = &series, .n = 1, .value_ns = &value};
        assert_int_equal(sink_samples(run_sink_of(&run), &block, &err), 0);
    }
    char *text = run_text(&run, false);
    json_error_t error;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(root);
    assert_non_null(at(root, "metrics", "wall_ms", NULL));
    assert_non_null(at(root, "metrics", "wall_ms#1", NULL));
    assert_true(json_is_null(at(root, "duration_s", NULL, NULL)));
    assert_true(json_is_null(at(root, "verdict", NULL, NULL)));
    json_decref(root);
    free(text);
    run_deinit(&run);
}

static void facts_there_and_back(void **state)
{
    struct facts facts = {0}, workload = {0}, again = {0};
    struct error err = {0};
    struct strbuf first = {0}, second = {0};
    sample_facts(&facts, &workload);
    facts_copy(&facts, &workload);
    assert_int_equal(facts_json_write(&facts, &first, &err), 0);
    assert_int_equal(facts_json_read(first.data, &again, &err), 0);
    assert_int_equal(facts_json_write(&again, &second, &err), 0);
    assert_string_equal(first.data, second.data);
    assert_int_equal(again.count, facts.count);
    assert_int_equal(facts_get(&again, "cpus_online")->kind, FACT_INTEGER);
    assert_int_equal(facts_get(&again, "mem_total_mb")->kind, FACT_NUMBER);
    assert_int_equal(facts_get(&again, "governor")->reason, REASON_ABSENT);
    assert_string_equal(facts_get(&again, "cpu_model")->source, "/proc/cpuinfo");
    assert_string_equal(facts_get(&again, "command")->list[2], "caf\xc3\xa9 \"x\"");
    strbuf_deinit(&first);
    strbuf_deinit(&second);
    facts_deinit(&facts);
    facts_deinit(&workload);
    facts_deinit(&again);
}

static void errors_as_json(void **state)
{
    struct error err = {0};
    struct strbuf out = {0};
    error_set(&err, ERROR_INPUT, "no such \"metric\"");
    assert_int_equal(error_json_write(&err, &out), 0);
    assert_string_equal(out.data, "{\"schema\":\"tacho.error/1\",\"code\":\"input\","
                                  "\"message\":\"no such \\\"metric\\\"\",\"file\":null,"
                                  "\"line\":null,\"column\":null,\"hint\":null}\n");
    strbuf_clear(&out);
    error_at(&err, "a.yaml", 3, 7);
    error_hint(&err, "try wall_ms");
    assert_int_equal(error_json_write(&err, &out), 0);
    assert_non_null(strstr(out.data, "\"file\":\"a.yaml\",\"line\":3,\"column\":7,"
                                     "\"hint\":\"try wall_ms\"}\n"));
    strbuf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_and_facts),
        cmocka_unit_test(metrics),
        cmocka_unit_test(phases_invocations_findings),
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(phases_of_a_model),
        cmocka_unit_test(several_runs),
        cmocka_unit_test(histograms_come_back),
        cmocka_unit_test(refuses_damaged_histograms),
        cmocka_unit_test(same_metric_twice),
        cmocka_unit_test(facts_there_and_back),
        cmocka_unit_test(errors_as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
