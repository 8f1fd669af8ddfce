/* test_counters.c: the kernel's counters against what programs are known to do. */
#include "launch_support.h"

#include "model/metric.h"

static const struct counter_value *counter_of(const struct launch_report *report,
                                              enum counter_id id)
{
    return &report->counters[id];
}

static void test_every_counter_is_a_metric(void **state)
{
    for (int id = 0; id < COUNTER_COUNT; id++)
        assert_non_null(metric_find(counter_metric[id]));
}

static void test_value_or_reason(void **state)
{
    struct launch_report report = launch_argv(ARGV(PROG("spin"), "50"));
    for (int id = 0; id < COUNTER_COUNT; id++) {
        const struct counter_value *value = counter_of(&report, (enum counter_id)id);
        assert_in_range(value->reason, REASON_NONE, REASON_COUNT - 1);
        if (value->reason != REASON_NONE)
            continue;
        assert_int_equal(value->sys_errno, 0);
        assert_true(value->running_share > 0 && value->running_share <= 1.0001);
    }
}

static void test_task_clock_is_cpu_time(void **state)
{
    struct launch_report report = launch_argv(ARGV(PROG("spin"), "150", "2"));
    const struct counter_value *clock = counter_of(&report, COUNTER_TASK_CLOCK);
    if (clock->reason != REASON_NONE)
        skip();
    double cpu_ns = (double)(report.user_ns + report.system_ns);
    assert_true((double)clock->value > 0.9 * cpu_ns);
    assert_true((double)clock->value < 1.1 * cpu_ns + 5e6);
}

static void test_software_counters_agree_with_rusage(void **state)
{
    struct launch_report report = launch_argv(ARGV("sh", "-c", "sleep 0.01; sleep 0.01; :"));
    const struct counter_value *faults = counter_of(&report, COUNTER_PAGE_FAULTS);
    const struct counter_value *switches = counter_of(&report, COUNTER_CONTEXT_SWITCHES);
    if (faults->reason != REASON_NONE || faults->user_only || switches->reason != REASON_NONE)
        skip();
    /* Both count from exec on; exec itself is on one side of the line or the other. */
    uint64_t rusage_faults = report.minor_faults + report.major_faults;
    assert_true(faults->value + 200 >= rusage_faults && faults->value <= rusage_faults + 200);
    uint64_t rusage_switches = report.voluntary_switches + report.involuntary_switches;
    assert_true(switches->value + 10 >= rusage_switches);
    assert_true(switches->value <= rusage_switches + 10);
}

static void test_children_are_counted(void **state)
{
    struct launch_report one = launch_argv(ARGV(PROG("children"), "1", "orphan", "30"));
    struct launch_report four = launch_argv(ARGV(PROG("children"), "4", "orphan", "30"));
    const struct counter_value *clock = counter_of(&four, COUNTER_TASK_CLOCK);
    if (clock->reason != REASON_NONE)
        skip();
    assert_true(clock->value >= 4 * 28 * NS_PER_MS);
    assert_true(clock->value > counter_of(&one, COUNTER_TASK_CLOCK)->value);
}

/* Where the CPU's counters are there, they hang together; where not, the reason says so. */
static void test_hardware(void **state)
{
    struct launch_report report = launch_argv(ARGV(PROG("spin"), "100"));
    const struct counter_value *cycles = counter_of(&report, COUNTER_CYCLES);
    const struct counter_value *instructions = counter_of(&report, COUNTER_INSTRUCTIONS);
    if (cycles->reason != REASON_NONE) {
        assert_true(cycles->sys_errno != 0 || cycles->reason == REASON_NOT_SCHEDULED);
        assert_int_equal(cycles->value, 0);
        return;
    }
    assert_true(cycles->value > 1000000);
    assert_true(instructions->value > 1000000);
    assert_true(cycles->running_share == instructions->running_share);
}

static void test_no_such_process(void **state)
{
    struct counters counters;
    counters_open(&counters, 0x3ffffff);
    for (int id = 0; id < COUNTER_COUNT; id++) {
        assert_int_equal(counters.fd[id], -1);
        assert_int_not_equal(counters.values[id].reason, REASON_NONE);
    }
    counters_read(&counters);
    counters_close(&counters);
}

int main(void)
{
    if (launch_setup() != 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_counter_is_a_metric),
        cmocka_unit_test(test_value_or_reason),
        cmocka_unit_test(test_task_clock_is_cpu_time),
        cmocka_unit_test(test_software_counters_agree_with_rusage),
        cmocka_unit_test(test_children_are_counted),
        cmocka_unit_test(test_hardware),
        cmocka_unit_test(test_no_such_process),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    launcher_stop(&launcher);
    return failed;
}
