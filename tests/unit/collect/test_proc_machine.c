/* test_proc_machine.c: the machine's columns of `proc`. */
#include "collect_test.h"

#include <sys/sysinfo.h>

static void first_sample_has_levels_but_no_shares(void **state)
{
    struct root root;
    struct test_collector test;
    test_root_open(&root, "pc");
    test_open(&test, "proc", &root);
    assert_int_equal(test_sample(&test), 0);
    ASSERT_NAN(value_of(&test, "cpu_total_pct", ""));
    ASSERT_NAN(value_of(&test, "psi_cpu_some_pct", ""));
    ASSERT_NEAR(value_of(&test, "mem_total_mb", ""), 16303428 / 1024.0, 1e-9);
    ASSERT_NEAR(value_of(&test, "mem_used_mb", ""), (16303428 - 8151714) / 1024.0, 1e-9);
    ASSERT_NEAR(value_of(&test, "load1", ""), 0.52, 1e-12);
    ASSERT_NEAR(value_of(&test, "cpu_mhz", ""), (800 + 2400 + 3600 + 800) / 4.0, 1e-9);
    assert_int_equal(test_sample(&test), 0);
    ASSERT_NAN(value_of(&test, "cpu_total_pct", "")); /* no tick has passed: no share of nothing */
    ASSERT_NEAR(value_of(&test, "psi_cpu_some_pct", ""), 0, 0);
    test_close(&test);
    root_close(&root);
}

/* Two texts of /proc/stat and the share between them. */
static double share_between(const char *before, const char *after)
{
    struct test_tree tree;
    struct test_collector test;
    test_tree_init(&tree);
    test_tree_write(&tree, "proc/loadavg", "0.00 0.00 0.00 1/1 1\n");
    test_tree_write(&tree, "proc/stat", before);
    test_open(&test, "proc", &tree.root);
    test_sample(&test);
    test_tree_write(&tree, "proc/stat", after);
    test_sample(&test);
    double share = value_of(&test, "cpu_total_pct", "");
    test_close(&test);
    test_tree_deinit(&tree);
    return share;
}

static void busy_is_everything_but_idle_and_iowait(void **state)
{
    /* user 10 nice 5 system 20 idle 40 iowait 10 irq 5 softirq 5 steal 5: 50 of 100 */
    ASSERT_NEAR(share_between("cpu 0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\nintr 1\n",
                              "cpu 0 0 0 0 0 0 0 0 0 0\ncpu0 10 5 20 40 10 5 5 5 0 0\nintr 1\n"),
                50, 1e-9);
}

static void guest_time_counts_once(void **state)
{
    /* 50 of user are guest: still 50 busy of 100 */
    ASSERT_NEAR(share_between("cpu0 0 0 0 0 0 0 0 0 0 0\nintr 1\n",
                              "cpu0 50 0 0 50 0 0 0 0 50 0\nintr 1\n"),
                50, 1e-9);
}

static void iowait_that_falls_is_not_negative_time(void **state)
{
    ASSERT_NEAR(share_between("cpu0 0 0 0 0 100 0 0 0 0 0\nintr 1\n",
                              "cpu0 30 0 0 70 60 0 0 0 0 0\nintr 1\n"),
                30, 1e-9);
}

static void a_cpu_that_goes_offline_takes_nothing_along(void **state)
{
    /* cpu1 vanishes and the sum line falls; cpu0 and cpu3 were busy for 25 and 75 of 100 */
    ASSERT_NEAR(share_between("cpu  900 0 0 900\ncpu0 100 0 0 100\ncpu1 700 0 0 700\n"
                              "cpu3 100 0 0 100\nintr 1\n",
                              "cpu  300 0 0 300\ncpu0 125 0 0 175\ncpu3 175 0 0 125\nintr 1\n"),
                50, 1e-9);
}

static void a_cpu_that_comes_back_starts_anew(void **state)
{
    ASSERT_NEAR(
        share_between("cpu0 100 0 0 100\nintr 1\n", "cpu0 110 0 0 190\ncpu1 5000 0 0 5\nintr 1\n"),
        10, 1e-9);
}

static void many_cpus_all_count(void **state)
{
    char before[16384] = "", after[16384] = "";
    size_t used_before = 0, used_after = 0;
    for (int i = 0; i < 128; i++) {
        used_before += (size_t)sprintf(before + used_before, "cpu%d 1000000 0 0 1000000 0 0\n", i);
        used_after += (size_t)sprintf(after + used_after, "cpu%d %d 0 0 1000100 0 0\n", i,
                                      i < 64 ? 1000000 : 1000100);
    }
    strcat(before, "intr 1\n");
    strcat(after, "intr 1\n");
    /* 64 CPUs idle, 64 half busy */
    ASSERT_NEAR(share_between(before, after), 100.0 / 3, 1e-9);
}

static void pressure_is_by_the_counter(void **state)
{
    struct test_tree tree;
    struct test_collector test;
    test_tree_init(&tree);
    test_tree_write(&tree, "proc/loadavg", "0.00 0.00 0.00 1/1 1\n");
    test_tree_write(&tree, "proc/stat", "cpu0 1 1 1 1\n");
    test_tree_write(&tree, "proc/pressure/io",
                    "some avg10=99.00 avg60=0 avg300=0 total=1000\n"
                    "full avg10=0 avg60=0 avg300=0 total=7000000\n");
    test_open(&test, "proc", &tree.root);
    uint64_t before_ns = clock_mono_ns();
    test_sample(&test);
    uint64_t first_ns = clock_mono_ns();
    usleep(50000);
    test_tree_write(&tree, "proc/pressure/io",
                    "some avg10=0.00 avg60=0 avg300=0 total=11000\n"
                    "full avg10=0 avg60=0 avg300=0 total=9000000\n");
    uint64_t second_ns = clock_mono_ns();
    test_sample(&test);
    uint64_t after_ns = clock_mono_ns();
    /* 10 ms of stalls */
    double share = value_of(&test, "psi_io_some_pct", "");
    assert_true(share <= 100.0 * 10e6 / (double)(second_ns - first_ns));
    assert_true(share >= 100.0 * 10e6 / (double)(after_ns - before_ns));
    assert_int_equal(test_channel(&test, "psi_cpu_some_pct", "")->reason, REASON_ABSENT);
    test_close(&test);
    test_tree_deinit(&tree);
}

static void what_is_missing_says_why(void **state)
{
    struct root root;
    struct test_collector test;
    test_root_open(&root, "hostile");
    test_open(&test, "proc", &root);
    test_sample(&test);
    assert_int_equal(test_channel(&test, "psi_cpu_some_pct", "")->reason, REASON_UNSUPPORTED);
    assert_int_equal(test_channel(&test, "psi_memory_some_pct", "")->reason, REASON_ABSENT);
    assert_int_equal(test_channel(&test, "psi_io_some_pct", "")->reason, REASON_UNSUPPORTED);
    assert_int_equal(test_channel(&test, "cpu_mhz", "")->reason, REASON_ABSENT);
    ASSERT_NAN(value_of(&test, "mem_total_mb", ""));
    ASSERT_NAN(value_of(&test, "load1", ""));
    for (size_t i = 0; i < test.channels.count; i++) {
        const struct channel *channel = &test.channels.items[i];
        assert_int_equal(channel->why != NULL && channel->why[0], channel->reason != REASON_NONE);
    }
    test_close(&test);
    root_close(&root);
}

static void offline_cores_have_no_frequency(void **state)
{
    struct test_tree tree;
    struct test_collector test;
    test_tree_init(&tree);
    test_tree_write(&tree, "proc/loadavg", "0.00 0.00 0.00 1/1 1\n");
    test_tree_write(&tree, "proc/stat", "cpu0 1 1 1 1\n");
    test_tree_write(&tree, "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1000000\n");
    test_tree_write(&tree, "sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq", "");
    test_open(&test, "proc", &tree.root);
    test_sample(&test);
    ASSERT_NEAR(value_of(&test, "cpu_mhz", ""), 1000, 0);
    test_tree_write(&tree, "sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq", "3000000\n");
    test_sample(&test);
    ASSERT_NEAR(value_of(&test, "cpu_mhz", ""), 2000, 0);
    test_close(&test);
    test_tree_deinit(&tree);
}

static void cpuinfo_is_the_second_choice(void **state)
{
    struct test_tree tree;
    struct test_collector test;
    test_tree_init(&tree);
    test_tree_write(&tree, "proc/loadavg", "0.00 0.00 0.00 1/1 1\n");
    test_tree_write(&tree, "proc/stat", "cpu0 1 1 1 1\n");
    test_tree_write(
        &tree, "proc/cpuinfo",
        "processor\t: 0\ncpu MHz\t\t: 2000.123\n\nprocessor\t: 1\ncpu MHz\t\t: 3000.9\n");
    test_open(&test, "proc", &tree.root);
    test_sample(&test);
    ASSERT_NEAR(value_of(&test, "cpu_mhz", ""), 2500, 1);
    assert_string_equal(test_channel(&test, "cpu_mhz", "")->source, "/proc/cpuinfo");
    test_close(&test);
    test_tree_deinit(&tree);
}

/* Sampled faster than the ticks of /proc/stat allow, the machine's columns pause. */
static void fast_sampling_reads_the_machine_at_its_own_pace(void **state)
{
    struct root root;
    struct test_collector test;
    test_root_open(&root, "pc");
    test_open(&test, "proc", &root);
    int with_value = 0, with_slow = 0;
    for (uint64_t i = 0; i < 200; i++) {
        struct collect_tick tick = {.grid_ns = NS_PER_S + i * 10 * NS_PER_MS};
        for (size_t c = 0; c < test.channels.count; c++)
            test.values[c] = NAN;
        assert_int_equal(test.collector->sample(test.state, &tick, test.values), 0);
        with_value += !isnan(value_of(&test, "mem_used_mb", ""));
        with_slow += !isnan(value_of(&test, "load1", ""));
    }
    assert_int_equal(with_value, 20);
    assert_int_equal(with_slow, 2);
    assert_true(test_channel(&test, "mem_used_mb", "")->min_interval_ns == 100 * NS_PER_MS);
    assert_true(test_channel(&test, "load1", "")->min_interval_ns == NS_PER_S);
    test_close(&test);
    root_close(&root);
}

static void agrees_with_sysinfo_on_this_machine(void **state)
{
    struct root root;
    struct sysinfo info;
    struct test_collector test;
    assert_int_equal(root_open(&root, "/", NULL), 0);
    test_open(&test, "proc", &root);
    assert_int_equal(test_sample(&test), 0);
    assert_int_equal(sysinfo(&info), 0);
    double total_mb = (double)info.totalram * info.mem_unit / 1048576.0;
    ASSERT_NEAR(value_of(&test, "mem_total_mb", ""), total_mb, 1.0 / 1024);
    double used_mb = value_of(&test, "mem_used_mb", "");
    assert_true(used_mb > 0 && used_mb < total_mb);
    test_close(&test);
    root_close(&root);
}

static void an_empty_root_has_no_proc(void **state)
{
    struct test_tree tree;
    struct probe_result probe;
    test_tree_init(&tree);
    struct collect_env env = {.root = &tree.root, .interval_ns = NS_PER_S};
    collector_find("proc")->probe(&env, &probe);
    assert_int_equal(probe.reason, REASON_ABSENT);
    test_tree_deinit(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_sample_has_levels_but_no_shares),
        cmocka_unit_test(busy_is_everything_but_idle_and_iowait),
        cmocka_unit_test(guest_time_counts_once),
        cmocka_unit_test(iowait_that_falls_is_not_negative_time),
        cmocka_unit_test(a_cpu_that_goes_offline_takes_nothing_along),
        cmocka_unit_test(a_cpu_that_comes_back_starts_anew),
        cmocka_unit_test(many_cpus_all_count),
        cmocka_unit_test(pressure_is_by_the_counter),
        cmocka_unit_test(what_is_missing_says_why),
        cmocka_unit_test(offline_cores_have_no_frequency),
        cmocka_unit_test(cpuinfo_is_the_second_choice),
        cmocka_unit_test(fast_sampling_reads_the_machine_at_its_own_pace),
        cmocka_unit_test(agrees_with_sysinfo_on_this_machine),
        cmocka_unit_test(an_empty_root_has_no_proc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
