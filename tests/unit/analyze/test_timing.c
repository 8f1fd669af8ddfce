/* test_timing.c: each finding about the units' own times appears on data made to show it, and stays
 * away from data that only looks alike. */
#include "analyze_fixture.h"

static void test_quiet_run_has_no_findings(void **state)
{
    struct fixture *fixture = *state;
    double values[40];
    noise(values, 40, 100, 7);
    begin(fixture, 40);
    add_units(fixture, "wall_ms", values, 40);
    assert_int_equal(analyzers_run(&fixture->run, run_sink_of(&fixture->run), NULL), 0);
    assert_int_equal(fixture->run.finding_count, 0);
}

static void test_slow_first_launch(void **state)
{
    struct fixture *fixture = *state;
    double values[20];
    noise(values, 20, 100, 3);
    values[0] = 320;
    begin(fixture, 20);
    add_units(fixture, "wall_ms", values, 20);
    const struct finding *finding = analyze(fixture, "first_run_outlier");
    assert_non_null(finding);
    assert_int_equal(fixture->run.finding_count, 1); /* not told twice as an outlier */
    assert_int_equal(finding->severity, SEVERITY_WARNING);
    assert_true(finding->value > 319 && finding->value < 321);
    assert_non_null(strstr(finding->sentence, "3.2 times"));
    assert_true(finding->advice[0] && finding->evidence[0]);
}

static void test_first_launch_kept_apart_is_information(void **state)
{
    struct fixture *fixture = *state;
    double values[20];
    noise(values, 20, 100, 3);
    values[0] = 320;
    begin(fixture, 20);
    add_units(fixture, "wall_ms", values, 20);
    struct phase warmup = {.kind = PHASE_WARMUP, .invocation = 0, .unit_count = 1, .found = true};
    assert_int_equal(sink_phase(run_sink_of(&fixture->run), &warmup, NULL), 0);
    const struct finding *finding = analyze(fixture, "first_run_outlier");
    assert_non_null(finding);
    assert_int_equal(finding->severity, SEVERITY_INFO);
    assert_non_null(strstr(finding->sentence, "kept apart"));
}

static void test_two_modes(void **state)
{
    struct fixture *fixture = *state;
    double values[40];
    noise(values, 40, 100, 11);
    for (size_t i = 0; i < 40; i += 3)
        values[i] *= 1.5;
    begin(fixture, 40);
    add_units(fixture, "wall_ms", values, 40);
    const struct finding *finding = analyze(fixture, "bimodal");
    assert_non_null(finding);
    assert_true(finding->value > 25 && finding->value < 45);
}

static void test_drift(void **state)
{
    struct fixture *fixture = *state;
    double values[40];
    noise(values, 40, 100, 5);
    for (size_t i = 0; i < 40; i++)
        values[i] += (double)i;
    begin(fixture, 40);
    add_units(fixture, "wall_ms", values, 40);
    const struct finding *finding = analyze(fixture, "drift");
    assert_non_null(finding);
    assert_non_null(strstr(finding->sentence, "slower"));
    /* planted: 39 ms on 100 ms */
    assert_true(finding->lo < 39 && finding->hi > 39);
}

/* Ever faster growth: the trend's line begins below 0, and "slower" must not become "faster". */
static void test_accelerating_drift(void **state)
{
    struct fixture *fixture = *state;
    double values[60];
    for (size_t i = 0; i < 60; i++)
        values[i] = 10 * exp((double)i / 12);
    begin(fixture, 60);
    add_units(fixture, "wall_ms", values, 60);
    const struct finding *finding = analyze(fixture, "drift");
    assert_non_null(finding);
    assert_true(finding->value > 100);
    assert_non_null(strstr(finding->sentence, "slower"));
}

/* Noise that depends on itself (phi 0.5) drifts by chance; of three, one is easily far away. */
static void test_noise_is_no_finding(void **state)
{
    static const size_t sizes[] = {3, 4, 5, 20, 50};
    int drifts = 0, firsts = 0, outliers = 0;
    uint64_t seed = 5;
    for (int i = 0; i < 1000; i++) {
        struct fixture fixture = {0};
        size_t n = sizes[i % 5];
        double values[50], last = 0;
        run_init(&fixture.run);
        begin(&fixture, n);
        for (size_t j = 0; j < n; j++) {
            double noise = normal_quantile(random_uniform(&seed) * 0.999998 + 1e-6);
            last = j == 0 ? noise : 0.5 * last + sqrt(0.75) * noise;
            values[j] = 100 + 10 * last;
        }
        add_units(&fixture, "wall_ms", values, n);
        firsts += analyze(&fixture, "first_run_outlier") != NULL;
        for (size_t j = 0; j < fixture.run.finding_count; j++) {
            drifts += !strcmp(fixture.run.findings[j].rule, "drift");
            outliers += !strcmp(fixture.run.findings[j].rule, "outliers");
        }
        run_deinit(&fixture.run);
    }
    assert_in_range(drifts, 0, 10);
    assert_in_range(firsts, 0, 8);
    assert_in_range(outliers, 0, 8);
}

/* The first launch timed out: it is in no figure, and no cold start either. */
static void test_failed_first_launch_is_no_outlier(void **state)
{
    struct fixture *fixture = *state;
    double values[10] = {60000, 200, 201, 199, 202, 200, 198, 201, 200, 199};
    begin(fixture, 10);
    struct invocation failed = {.outcome = INVOCATION_TIMEOUT, .end_ns = 900000000};
    assert_int_equal(sink_invocation(run_sink_of(&fixture->run), &failed, NULL), 0);
    add_units(fixture, "wall_ms", values, 10);
    assert_null(analyze(fixture, "first_run_outlier"));
}

static void test_outlier_in_the_middle(void **state)
{
    struct fixture *fixture = *state;
    double values[40];
    noise(values, 40, 100, 13);
    values[17] = 900;
    begin(fixture, 40);
    add_units(fixture, "wall_ms", values, 40);
    const struct finding *finding = analyze(fixture, "outliers");
    assert_non_null(finding);
    assert_non_null(strstr(finding->evidence, "launch 18"));
    assert_string_equal(finding->sentence,
                        "1 of 40 launches lies far outside the others, at 900 ms; "
                        "it stays in every figure");
}

/* Steady to a hair, so that every deviation is many MADs away, and none matters. */
static void test_irrelevant_outliers_are_not_told(void **state)
{
    struct fixture *fixture = *state;
    double values[40];
    noise(values, 40, 100, 13);
    for (size_t i = 0; i < 40; i++)
        values[i] = 100 + (values[i] - 100) / 1000;
    values[17] = 102;
    begin(fixture, 40);
    add_units(fixture, "wall_ms", values, 40);
    assert_null(analyze(fixture, "outliers"));
}

/* The furthest of many is named, wherever it stands. */
static void test_furthest_outlier_is_named(void **state)
{
    struct fixture *fixture = *state;
    double values[200];
    noise(values, 200, 100, 17);
    for (size_t i = 10; i < 190; i += 15)
        values[i] = 200;
    values[185] = 950;
    begin(fixture, 200);
    add_units(fixture, "wall_ms", values, 200);
    const struct finding *finding = analyze(fixture, "outliers");
    assert_non_null(finding);
    assert_non_null(strstr(finding->sentence, "950 ms"));
    assert_non_null(strstr(finding->evidence, "launch 186"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_quiet_run_has_no_findings),
        TEST(test_slow_first_launch),
        TEST(test_first_launch_kept_apart_is_information),
        TEST(test_two_modes),
        TEST(test_drift),
        TEST(test_accelerating_drift),
        TEST(test_noise_is_no_finding),
        TEST(test_failed_first_launch_is_no_outlier),
        TEST(test_outlier_in_the_middle),
        TEST(test_irrelevant_outliers_are_not_told),
        TEST(test_furthest_outlier_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
