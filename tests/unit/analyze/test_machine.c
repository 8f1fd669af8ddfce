/* test_machine.c: findings about what held the program up: the machine, the quota, memory, threads,
 * other load; each with data that only looks alike. */
#include "analyze_fixture.h"

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

/* Samples of one and three periods in turn; in the larger ones `throttled` of three held back. */
static void plant_quota(struct fixture *fixture, double throttled, double cpu_pct, double still_pct)
{
    double periods[24], shares[24];
    for (size_t i = 0; i < 24; i++) {
        periods[i] = i % 2 ? 3 : 1;
        shares[i] = i % 2 ? 100 * throttled / 3 : 0;
    }
    begin(fixture, 12);
    facts_number(&fixture->run.environment, "cpu_quota_cores", 0.5, "cpu.max");
    add_constant(fixture, "wall_ms", 900, 12);
    add_times(fixture, "cgroup_periods", periods, 24);
    add_times(fixture, "cgroup_throttled_pct", shares, 24);
    add_level(fixture, "cgroup_cpu_pct", cpu_pct, 24);
    add_level(fixture, "cgroup_throttled_time_pct", still_pct, 24);
}

static void test_quota_that_is_used_up(void **state)
{
    plant_quota(*state, 2, 49, NAN);
    const struct finding *finding = analyze(*state, "cpu_quota");
    assert_non_null(finding);
    /* 24 of 48, not the mean of the shares (33 %) */
    assert_non_null(strstr(finding->sentence, "in 50 % of the periods"));
    assert_non_null(strstr(finding->evidence, "nr_throttled 24 of nr_periods 48, quota 0.5 cores"));
    assert_int_equal(finding->n, 48);
    assert_true(finding->value > 49.99 && finding->value < 50.01);
    assert_true(finding->advice[0]);
}

/* Many threads use it up at once and then wait: the mean is far from the quota. */
static void test_quota_that_bursts_run_into(void **state)
{
    plant_quota(*state, 2, 20, 40);
    assert_non_null(analyze(*state, "cpu_quota"));
}

static void test_quota_that_never_throttled_is_no_finding(void **state)
{
    plant_quota(*state, 0, 49, 0);
    assert_null(analyze(*state, "cpu_quota"));
}

static void test_throttling_that_costs_nothing_is_no_finding(void **state)
{
    plant_quota(*state, 2, 20, 0.3);
    assert_null(analyze(*state, "cpu_quota"));
}

static void test_few_periods_are_no_finding(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture, 4);
    add_constant(fixture, "wall_ms", 900, 4);
    add_level(fixture, "cgroup_periods", 1, 8);
    add_level(fixture, "cgroup_throttled_pct", 100, 8);
    add_level(fixture, "cgroup_throttled_time_pct", 80, 8);
    assert_null(analyze(fixture, "cpu_quota"));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_throttling_needs_heat_and_a_falling_clock),
        TEST(test_clock_that_follows_the_load_is_no_throttling),
        TEST(test_heat_alone_is_no_throttling),
        TEST(test_falling_clock_alone_is_no_throttling),
        TEST(test_gpu_reasons),
        TEST(test_quota_that_is_used_up),
        TEST(test_quota_that_bursts_run_into),
        TEST(test_quota_that_never_throttled_is_no_finding),
        TEST(test_throttling_that_costs_nothing_is_no_finding),
        TEST(test_few_periods_are_no_finding),
        TEST(test_memory_bound_needs_two_signals),
        TEST(test_low_ipc_alone_is_not_memory_bound),
        TEST(test_waiting),
        TEST(test_one_long_sleep_is_not_a_stall),
        TEST(test_every_gpu_is_looked_at),
        TEST(test_more_threads_than_cores),
        TEST(test_sleeping_pool_is_no_oversubscription),
        TEST(test_other_load_is_told_and_is_no_waiting),
        TEST(test_load_on_free_cores_is_no_contention),
        TEST(test_contention_without_switches),
        TEST(test_program_with_all_it_can_use_is_not_contended),
        TEST(test_pressure_on_a_half_empty_machine_is_no_contention),
        TEST(test_own_work_between_launches_is_no_contention),
        TEST(test_empty_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
