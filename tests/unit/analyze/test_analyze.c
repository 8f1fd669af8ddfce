/* test_analyze.c: each finding appears on data made to show it, and stays away from data that only
 * looks alike. Runs are built through their sink, as measure/ builds them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/analyzer.h"
#include "analyze/series.h"
#include "stats/stats.h"

struct fixture {
    struct run run;
    uint32_t next_id;
};

static int setup(void **state)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    run_init(&fixture.run);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    run_deinit(&fixture->run);
    return 0;
}

static void begin(struct fixture *fixture, size_t launches)
{
    struct facts environment = {0}, workload = {0};
    facts_text(&workload, "kind", "command", NULL);
    facts_text(&workload, "unit", "launch", NULL);
    facts_text(&workload, "units", "launches", NULL);
    facts_text(&workload, "latency_metric", "wall_ms", NULL);
    facts_integer(&workload, "cores_count", 2, NULL);
    facts_integer(&environment, "cpus_online", 4, NULL);
    struct run_info info = {
        .id = "test", .label = "test", .environment = &environment, .workload = &workload};
    assert_int_equal(sink_begin(run_sink_of(&fixture->run), &info, NULL), 0);
    for (size_t i = 0; i < launches; i++) {
        struct invocation invocation = {.index = (uint32_t)i,
                                        .begin_ns = (int64_t)i * 1000000000,
                                        .end_ns = (int64_t)i * 1000000000 + 900000000};
        struct phase phase = {.kind = PHASE_STEADY,
                              .invocation = (uint32_t)i,
                              .unit_count = 1,
                              .begin_ns = invocation.begin_ns,
                              .end_ns = invocation.end_ns};
        assert_int_equal(sink_invocation(run_sink_of(&fixture->run), &invocation, NULL), 0);
        assert_int_equal(sink_phase(run_sink_of(&fixture->run), &phase, NULL), 0);
    }
    facts_deinit(&environment);
    facts_deinit(&workload);
}

/* One value per launch, in the metric's shown unit. */
static void add_units(struct fixture *fixture, const char *metric, const double *values, size_t n)
{
    struct series series = {.id = fixture->next_id++,
                            .kind = SERIES_UNIT,
                            .metric = metric_find(metric),
                            .instance = "",
                            .source = "test"};
    assert_non_null(series.metric);
    for (size_t i = 0; i < n; i++) {
        uint64_t ns = (uint64_t)(values[i] * 1e6);
        int64_t t_ns = (int64_t)i * 1000000000;
        struct sample_block block = {
            .series = &series, .invocation = (uint32_t)i, .n = 1, .t_ns = &t_ns};
        if (series.metric->kind == METRIC_NS)
            block.value_ns = &ns;
        else
            block.value = &values[i];
        assert_int_equal(sink_samples(run_sink_of(&fixture->run), &block, NULL), 0);
    }
}

static void add_constant(struct fixture *fixture, const char *metric, double value, size_t n)
{
    double values[256];
    for (size_t i = 0; i < n; i++)
        values[i] = value;
    add_units(fixture, metric, values, n);
}

/* A value every half second, so that two fall into each launch. */
static void add_times(struct fixture *fixture, const char *metric, const double *values, size_t n)
{
    struct series series = {.id = fixture->next_id++,
                            .kind = SERIES_TIME,
                            .metric = metric_find(metric),
                            .instance = "a",
                            .source = "test"};
    assert_non_null(series.metric);
    for (size_t i = 0; i < n; i++) {
        int64_t t_ns = (int64_t)i * 500000000 + 1;
        struct sample_block block = {.series = &series, .n = 1, .t_ns = &t_ns, .value = &values[i]};
        assert_int_equal(sink_samples(run_sink_of(&fixture->run), &block, NULL), 0);
    }
}

__attribute__((noinline)) static const struct finding *analyze(struct fixture *fixture,
                                                               const char *rule)
{
    assert_int_equal(analyzers_run(&fixture->run, run_sink_of(&fixture->run), NULL), 0);
    for (size_t i = 0; i < fixture->run.finding_count; i++) {
        if (!strcmp(fixture->run.findings[i].rule, rule))
            return &fixture->run.findings[i];
    }
    return NULL;
}

/* 5 % uniform noise around the mean, the same every time. */
static void noise(double *values, size_t n, double mean, uint64_t seed)
{
    for (size_t i = 0; i < n; i++)
        values[i] = mean * (0.975 + 0.05 * random_uniform(&seed));
}

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

static void plant_clock(struct fixture *fixture, double first_mhz, double last_mhz, double temp_c)
{
    double clock[24], temp[24], busy[24];
    for (size_t i = 0; i < 24; i++) {
        clock[i] = i < 12 ? first_mhz : last_mhz;
        temp[i] = temp_c;
        busy[i] = 90;
    }
    begin(fixture, 12);
    add_constant(fixture, "wall_ms", 900, 12);
    add_times(fixture, "cpu_mhz", clock, 24);
    add_times(fixture, "temp_c", temp, 24);
    add_times(fixture, "cpu_total_pct", busy, 24);
}

static void test_throttling_needs_heat_and_a_falling_clock(void **state)
{
    plant_clock(*state, 1900, 1200, 91);
    const struct finding *finding = analyze(*state, "throttling");
    assert_non_null(finding);
    assert_non_null(strstr(finding->sentence, "1900 to 1200"));
}

static void test_heat_alone_is_no_throttling(void **state)
{
    plant_clock(*state, 1900, 1900, 95);
    assert_null(analyze(*state, "throttling"));
}

static void test_falling_clock_alone_is_no_throttling(void **state)
{
    plant_clock(*state, 1900, 1200, 45);
    assert_null(analyze(*state, "throttling"));
}

static void test_gpu_reasons(void **state)
{
    struct fixture *fixture = *state;
    double mask[20];
    for (size_t i = 0; i < 20; i++)
        mask[i] = i % 2 ? 0x40 : 0x1; /* hardware thermal; idle */
    begin(fixture, 10);
    add_constant(fixture, "wall_ms", 900, 10);
    add_times(fixture, "gpu_throttle_reasons", mask, 20);
    const struct finding *finding = analyze(fixture, "throttling");
    assert_non_null(finding);
    assert_non_null(strstr(finding->sentence, "hardware thermal"));
    assert_null(strstr(finding->sentence, "idle"));
}

static void test_memory_bound_needs_two_signals(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture, 10);
    add_constant(fixture, "wall_ms", 900, 10);
    add_constant(fixture, "ipc", 0.4, 10);
    add_constant(fixture, "instructions", 1e9, 10);
    add_constant(fixture, "cache_misses", 3e7, 10);
    assert_non_null(analyze(fixture, "memory_bound"));
}

static void test_low_ipc_alone_is_not_memory_bound(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture, 10);
    add_constant(fixture, "wall_ms", 900, 10);
    add_constant(fixture, "ipc", 0.4, 10);
    add_constant(fixture, "instructions", 1e9, 10);
    add_constant(fixture, "cache_misses", 1e5, 10);
    assert_null(analyze(fixture, "memory_bound"));
}

static void plant_waiting(struct fixture *fixture, double cpu_pct, double switches)
{
    begin(fixture, 10);
    add_constant(fixture, "wall_ms", 1000, 10);
    add_constant(fixture, "cpu_pct", cpu_pct, 10);
    add_constant(fixture, "voluntary_switches", switches, 10);
    add_constant(fixture, "block_read_mb", 0, 10);
    add_constant(fixture, "block_written_mb", 0, 10);
    add_constant(fixture, "major_faults", 0, 10);
}

static void test_waiting(void **state)
{
    plant_waiting(*state, 12, 900);
    assert_non_null(analyze(*state, "waiting"));
}

static void test_one_long_sleep_is_not_a_stall(void **state)
{
    plant_waiting(*state, 2, 3);
    assert_null(analyze(*state, "waiting"));
}

static void plant_threads(struct fixture *fixture, double threads, double preemptions)
{
    double seen[20];
    for (size_t i = 0; i < 20; i++)
        seen[i] = threads;
    begin(fixture, 10);
    add_constant(fixture, "wall_ms", 1000, 10);
    add_constant(fixture, "user_ms", 1900, 10);
    add_constant(fixture, "system_ms", 50, 10);
    add_constant(fixture, "cpu_pct", 195, 10);
    add_constant(fixture, "involuntary_switches", preemptions, 10);
    add_times(fixture, "threads", seen, 20);
}

static void test_more_threads_than_cores(void **state)
{
    plant_threads(*state, 8, 2000);
    const struct finding *finding = analyze(*state, "oversubscription");
    assert_non_null(finding);
    assert_non_null(strstr(finding->advice, "--threads 2"));
}

static void test_sleeping_pool_is_no_oversubscription(void **state)
{
    plant_threads(*state, 64, 20);
    assert_null(analyze(*state, "oversubscription"));
}

static void plant_other_load(struct fixture *fixture, double machine_pct, double pressure_pct)
{
    double busy[20], pressure[20];
    for (size_t i = 0; i < 20; i++) {
        busy[i] = machine_pct;
        pressure[i] = pressure_pct;
    }
    begin(fixture, 10);
    add_constant(fixture, "wall_ms", 1000, 10);
    add_constant(fixture, "user_ms", 390, 10);
    add_constant(fixture, "system_ms", 10, 10);
    add_constant(fixture, "cpu_pct", 40, 10);
    add_constant(fixture, "voluntary_switches", 900, 10);
    add_constant(fixture, "involuntary_switches", 4, 10);
    add_times(fixture, "cpu_total_pct", busy, 20);
    add_times(fixture, "psi_cpu_some_pct", pressure, 20);
}

static void test_other_load_is_told_and_is_no_waiting(void **state)
{
    plant_other_load(*state, 99, 60);
    const struct finding *finding = analyze(*state, "contention");
    assert_non_null(finding);
    /* 99 % of the machine, less 40 % of one of four cores */
    assert_true(finding->value > 88 && finding->value < 90);
    assert_null(analyze(*state, "waiting"));
}

static void test_load_on_free_cores_is_no_contention(void **state)
{
    plant_other_load(*state, 50, 0);
    assert_null(analyze(*state, "contention"));
    assert_non_null(analyze(*state, "waiting"));
}

static void test_empty_run(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture, 0);
    assert_int_equal(analyzers_run(&fixture->run, run_sink_of(&fixture->run), NULL), 0);
    assert_int_equal(fixture->run.finding_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_quiet_run_has_no_findings),
        TEST(test_slow_first_launch),
        TEST(test_first_launch_kept_apart_is_information),
        TEST(test_two_modes),
        TEST(test_drift),
        TEST(test_outlier_in_the_middle),
        TEST(test_irrelevant_outliers_are_not_told),
        TEST(test_furthest_outlier_is_named),
        TEST(test_throttling_needs_heat_and_a_falling_clock),
        TEST(test_heat_alone_is_no_throttling),
        TEST(test_falling_clock_alone_is_no_throttling),
        TEST(test_gpu_reasons),
        TEST(test_memory_bound_needs_two_signals),
        TEST(test_low_ipc_alone_is_not_memory_bound),
        TEST(test_waiting),
        TEST(test_one_long_sleep_is_not_a_stall),
        TEST(test_more_threads_than_cores),
        TEST(test_sleeping_pool_is_no_oversubscription),
        TEST(test_other_load_is_told_and_is_no_waiting),
        TEST(test_load_on_free_cores_is_no_contention),
        TEST(test_empty_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
