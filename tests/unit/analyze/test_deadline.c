/* test_deadline.c: misses of a deadline, counted and bounded. The ends of the intervals are where
 * sums of binomial probabilities (in whole numbers, by bisection) come to 2.5 %. */
#include "analyze_fixture.h"
#include "near.h"

/* A model's run of one process: unit 0 apart, the rest steady. deadline_ms <= 0: none. */
static void begin_model(struct fixture *fixture, size_t units, double deadline_ms)
{
    struct facts workload = {0};
    facts_text(&workload, "kind", "onnx", NULL);
    facts_text(&workload, "unit", "inference", NULL);
    facts_text(&workload, "units", "inferences", NULL);
    facts_text(&workload, "latency_metric", "latency_ms", NULL);
    if (deadline_ms > 0)
        facts_number(&workload, "deadline_ms", deadline_ms, "--deadline");
    struct run_info info = {.id = "test", .label = "test", .workload = &workload};
    struct run_sink *sink = run_sink_of(&fixture->run);
    struct invocation invocation = {.end_ns = 1000000000};
    struct phase first = {.kind = PHASE_FIRST, .unit_count = 1, .end_ns = 1};
    struct phase steady = {.kind = PHASE_STEADY,
                           .first_unit = 1,
                           .unit_count = units,
                           .begin_ns = 1,
                           .end_ns = 1000000000};
    assert_int_equal(sink_begin(sink, &info, NULL), 0);
    assert_int_equal(sink_invocation(sink, &invocation, NULL), 0);
    assert_int_equal(sink_phase(sink, &first, NULL), 0);
    assert_int_equal(sink_phase(sink, &steady, NULL), 0);
    facts_deinit(&workload);
}

static void add(struct fixture *fixture, const char *metric, const uint64_t *ns, size_t n)
{
    struct series series = {.id = fixture->next_id++,
                            .kind = SERIES_UNIT,
                            .metric = metric_find(metric),
                            .instance = "",
                            .source = "test"};
    struct sample_block block = {.series = &series, .n = n, .value_ns = ns};
    assert_int_equal(sink_samples(run_sink_of(&fixture->run), &block, NULL), 0);
}

/* 10 ms each; those of `late` 40 ms. The first, kept apart, takes 90. */
static void add_latencies(struct fixture *fixture, size_t units, const size_t *late, size_t count)
{
    static uint64_t ns[4096];
    for (size_t i = 0; i <= units; i++)
        ns[i] = i == 0 ? 90000000 : 10000000 + i % 2;
    for (size_t i = 0; i < count; i++)
        ns[1 + late[i]] = 40000000;
    add(fixture, "latency_ms", ns, units + 1);
}

static void misses_are_counted_with_their_interval(void **state)
{
    struct fixture *fixture = *state;
    static const size_t late[] = {100, 400, 900};
    begin_model(fixture, 1000, 33.3);
    add_latencies(fixture, 1000, late, 3);
    const struct finding *finding = analyze(fixture, "deadline_missed");
    assert_non_null(finding);
    assert_int_equal(finding->severity, SEVERITY_WARNING);
    assert_int_equal(finding->n, 1000);
    ASSERT_NEAR(finding->value, 0.3, 1e-12);
    ASSERT_NEAR(finding->lo, 0.0619100, 1e-6);
    ASSERT_NEAR(finding->hi, 0.8742023, 1e-6);
    assert_non_null(strstr(finding->sentence, "3 of 1000 inferences missed the deadline"));
    assert_null(strstr(finding->sentence, "in a row"));
}

/* Ten in a row are worth far fewer than ten alone, and are told. */
static void a_burst_widens_the_interval(void **state)
{
    struct fixture *fixture = *state;
    static const size_t late[] = {500, 501, 502, 503, 504, 505, 506, 507, 508, 509};
    begin_model(fixture, 1000, 33.3);
    add_latencies(fixture, 1000, late, 10);
    const struct finding *finding = analyze(fixture, "deadline_missed");
    assert_non_null(finding);
    ASSERT_NEAR(finding->value, 1.0, 1e-12);
    assert_true(finding->hi > 1.831); /* of ten independent ones */
    assert_non_null(strstr(finding->sentence, "up to 10 in a row"));
}

/* Beyond the raw samples a histogram counts: buckets are 0.8 % wide, and the deadline lies within
 * one. */
static void a_long_run_is_counted_in_its_histogram(void **state)
{
    struct fixture *fixture = *state;
    static uint64_t ns[4001];
    fixture->run.samples_max = 1000;
    begin_model(fixture, 4000, 10.9);
    for (size_t i = 0; i <= 4000; i++) /* every tenth is at 10.91 or 12 ms, late; the rest not */
        ns[i] = i % 20 == 0 ? 10910000 : i % 20 == 10 ? 12000000 : 10000000 + i % 7 * 1000;
    add(fixture, "latency_ms", ns, 4001);
    assert_true(fixture->run.series[0].raw_dropped > 3000);
    const struct finding *finding = analyze(fixture, "deadline_missed");
    assert_non_null(finding);
    assert_int_equal(finding->n, 4000);
    ASSERT_NEAR(finding->value, 10, 1e-9);
}

static void none_missed_is_an_information(void **state)
{
    struct fixture *fixture = *state;
    begin_model(fixture, 1000, 50);
    add_latencies(fixture, 1000, NULL, 0);
    const struct finding *finding = analyze(fixture, "deadline_missed");
    assert_non_null(finding);
    assert_int_equal(finding->severity, SEVERITY_INFO);
    ASSERT_NEAR(finding->value, 0, 0);
    ASSERT_NEAR(finding->hi, 0.368208, 1e-6);
}

static void what_was_never_served_missed_it(void **state)
{
    struct fixture *fixture = *state;
    static const uint64_t waits[] = {20000000, 35000000, 60000000};
    begin_model(fixture, 97, 33.3);
    add_latencies(fixture, 97, NULL, 0);
    add(fixture, "unserved_wait_ms", waits, 3);
    const struct finding *finding = analyze(fixture, "deadline_missed");
    assert_non_null(finding);
    assert_int_equal(finding->n, 99);
    ASSERT_NEAR(finding->value, 100.0 * 2 / 99, 1e-9);
}

static void without_a_deadline_nothing_is_said(void **state)
{
    struct fixture *fixture = *state;
    static const size_t late[] = {5};
    begin_model(fixture, 100, 0);
    add_latencies(fixture, 100, late, 1);
    assert_null(analyze(fixture, "deadline_missed"));
}

/* What is kept apart as first says nothing about the others, and is no outlier. */
static void the_first_unit_of_a_model_is_no_outlier(void **state)
{
    struct fixture *fixture = *state;
    begin_model(fixture, 200, 0);
    add_latencies(fixture, 200, NULL, 0);
    assert_null(analyze(fixture, "first_run_outlier"));
    assert_null(analyze(fixture, "outliers"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(misses_are_counted_with_their_interval),  TEST(a_burst_widens_the_interval),
        TEST(none_missed_is_an_information),           TEST(what_was_never_served_missed_it),
        TEST(a_long_run_is_counted_in_its_histogram),  TEST(without_a_deadline_nothing_is_said),
        TEST(the_first_unit_of_a_model_is_no_outlier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
