/* test_analyze.c: each finding appears on data made to show it, and stays away from data that only
 * looks alike. Runs are built through their sink, as measure/ builds them. */
#include <math.h>
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

static void add_level(struct fixture *fixture, const char *metric, double value, size_t n)
{
    double values[256];
    for (size_t i = 0; i < n; i++)
        values[i] = value;
    add_times(fixture, metric, values, n);
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

static void plant_clock(struct fixture *fixture, double first_mhz, double last_mhz, double temp_c)
{
    double clock[24];
    for (size_t i = 0; i < 24; i++)
        clock[i] = i < 12 ? first_mhz : last_mhz;
    begin(fixture, 12);
    add_constant(fixture, "wall_ms", 900, 12);
    add_times(fixture, "cpu_mhz", clock, 24);
    add_level(fixture, "temp_c", temp_c, 24);
    add_level(fixture, "cpu_total_pct", 90, 24);
}

static void test_throttling_needs_heat_and_a_falling_clock(void **state)
{
    plant_clock(*state, 1900, 1200, 91);
    const struct finding *finding = analyze(*state, "throttling");
    assert_non_null(finding);
    assert_non_null(strstr(finding->sentence, "1900 to 1200"));
}

/* The second half has less to do, so the governor lowers the clock: hot, but no throttling. */
static void test_clock_that_follows_the_load_is_no_throttling(void **state)
{
    struct fixture *fixture = *state;
    double clock[24], busy[24];
    for (size_t i = 0; i < 24; i++) {
        clock[i] = i < 12 ? 1900 : 1200;
        busy[i] = i < 12 ? 95 : 30;
    }
    begin(fixture, 12);
    add_constant(fixture, "wall_ms", 900, 12);
    add_times(fixture, "cpu_mhz", clock, 24);
    add_level(fixture, "temp_c", 85, 24);
    add_times(fixture, "cpu_total_pct", busy, 24);
    assert_null(analyze(fixture, "throttling"));
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

/* The second GPU is held back, once in a hundred samples: told, as a note. */
static void test_every_gpu_is_looked_at(void **state)
{
    struct fixture *fixture = *state;
    double capped[100] = {[50] = 0x4};
    begin(fixture, 50);
    add_constant(fixture, "wall_ms", 900, 50);
    add_level(fixture, "gpu_throttle_reasons", 0x1, 100);
    add_times(fixture, "gpu_throttle_reasons", capped, 100);
    const struct finding *finding = analyze(fixture, "throttling");
    assert_non_null(finding);
    assert_non_null(strstr(finding->sentence, "1 of 100 samples: power cap"));
    assert_int_equal(finding->severity, SEVERITY_INFO);
}

static void plant_threads(struct fixture *fixture, double threads, double preemptions)
{
    begin(fixture, 10);
    add_constant(fixture, "wall_ms", 1000, 10);
    add_constant(fixture, "user_ms", 1900, 10);
    add_constant(fixture, "system_ms", 50, 10);
    add_constant(fixture, "cpu_pct", 195, 10);
    add_constant(fixture, "involuntary_switches", preemptions, 10);
    add_level(fixture, "threads", threads, 20);
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
    begin(fixture, 10);
    add_constant(fixture, "wall_ms", 1000, 10);
    add_constant(fixture, "user_ms", 390, 10);
    add_constant(fixture, "system_ms", 10, 10);
    add_constant(fixture, "cpu_pct", 40, 10);
    add_constant(fixture, "voluntary_switches", 900, 10);
    add_constant(fixture, "involuntary_switches", 4, 10);
    add_level(fixture, "cpu_total_pct", machine_pct, 20);
    add_level(fixture, "psi_cpu_some_pct", pressure_pct, 20);
}

static void test_other_load_is_told_and_is_no_waiting(void **state)
{
    plant_other_load(*state, 99, 60);
    const struct finding *finding = analyze(*state, "contention");
    assert_non_null(finding);
    /* 99 % of the machine, less 40 % of one of four cores for the 0.9 s that a launch takes of each
     * second, and less all of one core between the launches. */
    assert_true(finding->value > 87 && finding->value < 89);
    assert_null(analyze(*state, "waiting"));
}

static void test_load_on_free_cores_is_no_contention(void **state)
{
    plant_other_load(*state, 50, 0);
    assert_null(analyze(*state, "contention"));
    assert_non_null(analyze(*state, "waiting"));
}

/* A run that was read from a file may lack the switches: pressure alone tells it, and no "nan". */
static void test_contention_without_switches(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture, 10);
    add_constant(fixture, "wall_ms", 1000, 10);
    add_constant(fixture, "cpu_pct", 40, 10);
    add_level(fixture, "cpu_total_pct", 99, 20);
    add_level(fixture, "psi_cpu_some_pct", 60, 20);
    const struct finding *finding = analyze(fixture, "contention");
    assert_non_null(finding);
    assert_null(strstr(finding->evidence, "nan"));
}

/* One thread that has its core to itself, and is preempted now and then on a full machine. */
static void test_program_with_all_it_can_use_is_not_contended(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture, 10);
    add_constant(fixture, "wall_ms", 900, 10);
    add_constant(fixture, "user_ms", 890, 10);
    add_constant(fixture, "system_ms", 5, 10);
    add_constant(fixture, "cpu_pct", 99, 10);
    add_constant(fixture, "involuntary_switches", 60, 10);
    add_level(fixture, "cpu_total_pct", 99, 20);
    add_level(fixture, "psi_cpu_some_pct", 60, 20);
    add_level(fixture, "threads", 1, 20);
    assert_null(analyze(fixture, "contention"));
}

/* Others wait for each other on half a machine: free cores are left for this program. */
static void test_pressure_on_a_half_empty_machine_is_no_contention(void **state)
{
    plant_other_load(*state, 60, 40);
    assert_null(analyze(*state, "contention"));
}

/* Launches of 1 ms with 9 ms of tacho's own between them: its core is not another's load. */
static void test_own_work_between_launches_is_no_contention(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture, 0);
    facts_integer(&fixture->run.environment, "cpus_online", 2, NULL);
    for (uint32_t i = 0; i < 200; i++) {
        struct phase phase = {.kind = PHASE_STEADY,
                              .invocation = i,
                              .unit_count = 1,
                              .begin_ns = (int64_t)i * 10000000,
                              .end_ns = (int64_t)i * 10000000 + 1000000};
        assert_int_equal(sink_phase(run_sink_of(&fixture->run), &phase, NULL), 0);
    }
    add_constant(fixture, "wall_ms", 1, 200);
    add_constant(fixture, "user_ms", 0.4, 200);
    add_constant(fixture, "system_ms", 0.4, 200);
    add_constant(fixture, "cpu_pct", 80, 200);
    add_constant(fixture, "involuntary_switches", 0.2, 200);
    add_level(fixture, "cpu_total_pct", 70, 4);
    assert_null(analyze(fixture, "contention"));
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
        TEST(test_program_with_all_it_can_use_is_not_contended),
        TEST(test_pressure_on_a_half_empty_machine_is_no_contention),
        TEST(test_own_work_between_launches_is_no_contention),
        TEST(test_clock_that_follows_the_load_is_no_throttling),
        TEST(test_every_gpu_is_looked_at),
        TEST(test_accelerating_drift),
        TEST(test_noise_is_no_finding),
        TEST(test_failed_first_launch_is_no_outlier),
        TEST(test_contention_without_switches),
        TEST(test_empty_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
