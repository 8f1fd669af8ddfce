/* test_cgroup.c: the collector `cgroup` over version 2, version 1 and hybrid trees. */
#include "collect_test.h"

static const char *const names[] = {
    "cgroup_mem_mb",        "cgroup_mem_anon_mb",        "cgroup_cpu_pct",   "cgroup_periods",
    "cgroup_throttled_pct", "cgroup_throttled_time_pct", "cgroup_oom_kills", "cgroup_pids"};
#define NAMES_COUNT (sizeof(names) / sizeof(names[0]))

static enum reason reason_of(const struct test_collector *test, const char *metric)
{
    const struct channel *channel = test_channel(test, metric, "");
    assert_non_null(channel);
    assert_int_equal(channel->why != NULL && channel->why[0], channel->reason != REASON_NONE);
    return channel->reason;
}

static enum reason probe_tree(const struct root *root, struct probe_result *ret)
{
    struct collect_env env = {.root = root, .interval_ns = NS_PER_S};
    collector_find("cgroup")->probe(&env, ret);
    return ret->reason;
}

/* ---- recorded trees ---- */

static void a_v2_container(void **state)
{
    struct root root;
    struct test_collector test;
    struct probe_result probe;
    test_root_open(&root, "orin-nano");
    assert_int_equal(probe_tree(&root, &probe), REASON_NONE);
    assert_string_equal(probe.detail, "CPU quota of 2 cores, memory limit of 1024 MB");
    test_open(&test, "cgroup", &root);
    assert_int_equal(test_sample(&test), 0);
    for (size_t i = 0; i < NAMES_COUNT; i++)
        assert_int_equal(reason_of(&test, names[i]), REASON_NONE);
    ASSERT_NEAR(value_of(&test, "cgroup_mem_mb", ""), 768, 0);
    ASSERT_NEAR(value_of(&test, "cgroup_mem_anon_mb", ""), 384, 0);
    ASSERT_NEAR(value_of(&test, "cgroup_pids", ""), 17, 0);
    /* Counters have a beginning, and no value yet. */
    ASSERT_NAN(value_of(&test, "cgroup_cpu_pct", ""));
    ASSERT_NAN(value_of(&test, "cgroup_throttled_pct", ""));
    ASSERT_NAN(value_of(&test, "cgroup_oom_kills", ""));
    assert_int_equal(test_sample(&test), 0);
    ASSERT_NEAR(value_of(&test, "cgroup_cpu_pct", ""), 0, 0);
    ASSERT_NEAR(value_of(&test, "cgroup_throttled_time_pct", ""), 0, 0);
    ASSERT_NEAR(value_of(&test, "cgroup_oom_kills", ""), 0, 0);
    ASSERT_NAN(value_of(&test, "cgroup_throttled_pct", "")); /* of no period: no share */
    assert_string_equal(test_channel(&test, "cgroup_throttled_pct", "")->source,
                        "/sys/fs/cgroup/cpu.stat");
    test_close(&test);
    root_close(&root);
}

static void a_hybrid_container_without_namespace(void **state)
{
    struct root root;
    struct test_collector test;
    struct probe_result probe;
    test_root_open(&root, "jetson-nano");
    assert_int_equal(probe_tree(&root, &probe), REASON_NONE);
    assert_string_equal(probe.detail, "CPU quota of 1.5 cores, memory limit of 2048 MB");
    test_open(&test, "cgroup", &root);
    assert_int_equal(test_sample(&test), 0);
    ASSERT_NEAR(value_of(&test, "cgroup_mem_mb", ""), 1024, 0);
    ASSERT_NEAR(value_of(&test, "cgroup_mem_anon_mb", ""), 500, 0); /* total_rss, not rss */
    ASSERT_NEAR(value_of(&test, "cgroup_pids", ""), 23, 0);
    assert_int_equal(reason_of(&test, "cgroup_oom_kills"), REASON_UNSUPPORTED); /* kernel 4.9 */
    assert_string_equal(test_channel(&test, "cgroup_cpu_pct", "")->source,
                        "/sys/fs/cgroup/cpu,cpuacct/cpuacct.usage");
    assert_int_equal(reason_of(&test, "cgroup_throttled_pct"), REASON_NONE);
    test_close(&test);
    root_close(&root);
}

static void a_host_without_limits_has_no_throttling_columns(void **state)
{
    struct root root;
    struct test_collector test;
    struct probe_result probe;
    test_root_open(&root, "pc");
    assert_int_equal(probe_tree(&root, &probe), REASON_NONE);
    assert_string_equal(probe.detail, "no CPU quota, no memory limit");
    test_open(&test, "cgroup", &root);
    assert_int_equal(test_sample(&test), 0);
    assert_int_equal(test_sample(&test), 0);
    ASSERT_NEAR(value_of(&test, "cgroup_mem_mb", ""), 4096, 0);
    ASSERT_NEAR(value_of(&test, "cgroup_cpu_pct", ""), 0, 0);
    assert_int_equal(reason_of(&test, "cgroup_periods"), REASON_ABSENT);
    assert_int_equal(reason_of(&test, "cgroup_throttled_pct"), REASON_ABSENT);
    assert_int_equal(reason_of(&test, "cgroup_throttled_time_pct"), REASON_ABSENT);
    test_close(&test);
    root_close(&root);
}

static void a_board_without_the_memory_controller_says_so(void **state)
{
    struct root root;
    struct test_collector test;
    test_root_open(&root, "pi5");
    test_open(&test, "cgroup", &root);
    assert_int_equal(test_sample(&test), 0);
    assert_int_equal(reason_of(&test, "cgroup_mem_mb"), REASON_ABSENT);
    assert_non_null(strstr(test_channel(&test, "cgroup_mem_mb", "")->why, "cgroup_enable=memory"));
    assert_int_equal(reason_of(&test, "cgroup_oom_kills"), REASON_ABSENT);
    ASSERT_NEAR(value_of(&test, "cgroup_pids", ""), 9, 0);
    test_close(&test);
    root_close(&root);
}

static void hostile_content_has_no_values(void **state)
{
    struct root root;
    struct test_collector test;
    test_root_open(&root, "hostile");
    test_open(&test, "cgroup", &root);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(test_sample(&test), -ERROR_IO);
        for (size_t i = 0; i < NAMES_COUNT; i++)
            ASSERT_NAN(value_of(&test, names[i], ""));
    }
    assert_int_equal(reason_of(&test, "cgroup_pids"), REASON_FAILED);
    assert_int_equal(reason_of(&test, "cgroup_mem_mb"), REASON_ABSENT);
    test_close(&test);
    root_close(&root);
}

/* ---- trees of one's own ---- */

/* A group of version 2 below a slice; the slice has the quota. */
static void plant_v2(struct test_tree *tree, const char *slice_stat)
{
    test_tree_init(tree);
    test_tree_write(tree, "proc/self/cgroup", "0::/edge.slice/app.service\n");
    test_tree_write(tree, "sys/fs/cgroup/edge.slice/cpu.max", "20000 100000\n");
    test_tree_write(tree, "sys/fs/cgroup/edge.slice/cpu.stat", slice_stat);
    test_tree_write(tree, "sys/fs/cgroup/edge.slice/app.service/cpu.max", "max 100000\n");
    test_tree_write(tree, "sys/fs/cgroup/edge.slice/app.service/cpu.stat",
                    "usage_usec 1\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\n");
    test_tree_write(tree, "sys/fs/cgroup/edge.slice/app.service/memory.current", "1048576\n");
    test_tree_write(tree, "sys/fs/cgroup/edge.slice/app.service/memory.stat", "anon 1048576\n");
    test_tree_write(tree, "sys/fs/cgroup/edge.slice/app.service/memory.events", "oom_kill 3\n");
}

/* Throttling is counted where the quota is set: at the ancestor. */
static void differences_are_those_of_the_group_with_the_quota(void **state)
{
    struct test_tree tree;
    struct test_collector test;
    plant_v2(&tree, "usage_usec 1000000\nnr_periods 100\nnr_throttled 10\nthrottled_usec 500000\n");
    test_open(&test, "cgroup", &tree.root);
    uint64_t before_ns = clock_mono_ns();
    assert_int_equal(test_sample(&test), 0);
    uint64_t first_ns = clock_mono_ns();
    usleep(50000);
    /* 20 ms of CPU, 30 ms held back, 3 of 4 periods */
    test_tree_write(&tree, "sys/fs/cgroup/edge.slice/cpu.stat",
                    "usage_usec 1020000\nnr_periods 104\nnr_throttled 13\nthrottled_usec 530000\n");
    test_tree_write(&tree, "sys/fs/cgroup/edge.slice/app.service/memory.events", "oom_kill 5\n");
    uint64_t second_ns = clock_mono_ns();
    assert_int_equal(test_sample(&test), 0);
    uint64_t after_ns = clock_mono_ns();
    double shortest_ns = (double)(second_ns - first_ns),
           longest_ns = (double)(after_ns - before_ns);
    double cpu = value_of(&test, "cgroup_cpu_pct", "");
    double still = value_of(&test, "cgroup_throttled_time_pct", "");
    assert_true(cpu <= 100 * 20e6 / shortest_ns && cpu >= 100 * 20e6 / longest_ns);
    assert_true(still <= 100 * 30e6 / shortest_ns && still >= 100 * 30e6 / longest_ns);
    ASSERT_NEAR(value_of(&test, "cgroup_periods", ""), 4, 0);
    ASSERT_NEAR(value_of(&test, "cgroup_throttled_pct", ""), 75, 1e-9);
    ASSERT_NEAR(value_of(&test, "cgroup_oom_kills", ""), 2, 0);
    assert_string_equal(test_channel(&test, "cgroup_cpu_pct", "")->source,
                        "/sys/fs/cgroup/edge.slice/cpu.stat");
    test_close(&test);
    test_tree_deinit(&tree);
}

static void a_tick_without_a_period_loses_none(void **state)
{
    struct test_tree tree;
    struct test_collector test;
    plant_v2(&tree, "nr_periods 100\nnr_throttled 10\n");
    test_open(&test, "cgroup", &tree.root);
    test_sample(&test);
    test_sample(&test);
    ASSERT_NAN(value_of(&test, "cgroup_periods", ""));
    test_tree_write(&tree, "sys/fs/cgroup/edge.slice/cpu.stat",
                    "nr_periods 102\nnr_throttled 11\n");
    test_sample(&test);
    ASSERT_NEAR(value_of(&test, "cgroup_periods", ""), 2, 0);
    ASSERT_NEAR(value_of(&test, "cgroup_throttled_pct", ""), 50, 0);
    assert_int_equal(reason_of(&test, "cgroup_cpu_pct"), REASON_UNSUPPORTED);
    test_close(&test);
    test_tree_deinit(&tree);
}

static void counters_that_fall_begin_anew(void **state)
{
    struct test_tree tree;
    struct test_collector test;
    plant_v2(&tree, "usage_usec 9000000\nnr_periods 900\nnr_throttled 90\nthrottled_usec 9000\n");
    test_open(&test, "cgroup", &tree.root);
    test_sample(&test);
    test_tree_write(&tree, "sys/fs/cgroup/edge.slice/cpu.stat",
                    "usage_usec 5\nnr_periods 1\nnr_throttled 0\nthrottled_usec 0\n");
    test_sample(&test);
    ASSERT_NAN(value_of(&test, "cgroup_cpu_pct", ""));
    ASSERT_NAN(value_of(&test, "cgroup_throttled_pct", ""));
    ASSERT_NAN(value_of(&test, "cgroup_throttled_time_pct", ""));
    test_tree_write(&tree, "sys/fs/cgroup/edge.slice/cpu.stat",
                    "usage_usec 5\nnr_periods 3\nnr_throttled 2\nthrottled_usec 0\n");
    test_sample(&test);
    ASSERT_NEAR(value_of(&test, "cgroup_throttled_pct", ""), 100, 0);
    ASSERT_NEAR(value_of(&test, "cgroup_cpu_pct", ""), 0, 0);
    test_close(&test);
    test_tree_deinit(&tree);
}

static void damaged_lines_are_missing_values(void **state)
{
    struct test_tree tree;
    struct test_collector test;
    plant_v2(&tree, "usage_usec 1\nnr_periods 1\nnr_throttled 0\nthrottled_usec 0\n");
    test_open(&test, "cgroup", &tree.root);
    test_sample(&test);
    test_tree_write(&tree, "sys/fs/cgroup/edge.slice/cpu.stat",
                    "usage_usec -5\nnr_periods 18446744073709551617\nnr_throttled 12abc\n"
                    "throttled_usec\nthrottled_usec_total 7\n");
    test_tree_write(&tree, "sys/fs/cgroup/edge.slice/app.service/memory.current", "max\n");
    test_sample(&test);
    for (size_t i = 0; i < NAMES_COUNT; i++) {
        if (strcmp(names[i], "cgroup_mem_anon_mb") != 0 &&
            strcmp(names[i], "cgroup_oom_kills") != 0)
            ASSERT_NAN(value_of(&test, names[i], ""));
    }
    test_close(&test);
    test_tree_deinit(&tree);
}

/* memory.stat is dear: once a second, whatever the pace. */
static void memory_stat_has_its_own_pace(void **state)
{
    struct test_tree tree;
    struct test_collector test;
    int with_value = 0;
    plant_v2(&tree, "usage_usec 1\n");
    test_open(&test, "cgroup", &tree.root);
    for (uint64_t i = 0; i < 30; i++) {
        struct collect_tick tick = {.grid_ns = NS_PER_S + i * 100 * NS_PER_MS};
        for (size_t c = 0; c < test.channels.count; c++)
            test.values[c] = NAN;
        assert_int_equal(test.collector->sample(test.state, &tick, test.values), 0);
        with_value += !isnan(value_of(&test, "cgroup_mem_anon_mb", ""));
    }
    assert_int_equal(with_value, 3);
    assert_true(test_channel(&test, "cgroup_mem_anon_mb", "")->min_interval_ns == NS_PER_S);
    test_close(&test);
    test_tree_deinit(&tree);
}

static void a_file_that_may_not_be_read_is_denied(void **state)
{
    struct test_tree tree;
    struct test_collector test;
    char path[256];
    if (geteuid() == 0 && seteuid(65534) != 0)
        skip();
    plant_v2(&tree, "usage_usec 1\n");
    snprintf(path, sizeof(path), "%s/sys/fs/cgroup/edge.slice/app.service/memory.current",
             tree.path);
    assert_int_equal(chmod(path, 0), 0);
    test_open(&test, "cgroup", &tree.root);
    test_sample(&test);
    assert_int_equal(reason_of(&test, "cgroup_mem_mb"), REASON_DENIED);
    ASSERT_NEAR(value_of(&test, "cgroup_mem_anon_mb", ""), 1, 0);
    test_close(&test);
    test_tree_deinit(&tree);
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
}

/* ---- which group ---- */

/* What the probe says of a text of /proc/self/cgroup over these mounts. */
static void assert_absent(const struct test_tree *tree, const char *cgroup, const char *why)
{
    struct probe_result probe;
    struct test_collector test;
    struct error err = {0};
    test_tree_write(tree, "proc/self/cgroup", cgroup);
    assert_int_equal(probe_tree(&tree->root, &probe), REASON_ABSENT);
    assert_string_equal(probe.detail, why);
    assert_int_equal(test_try_open(&test, "cgroup", &tree->root, &err), -ERROR_ABSENT);
    assert_non_null(strstr(err.message, why));
    test_close(&test);
}

static void the_root_group_has_no_limits(void **state)
{
    struct test_tree tree;
    test_tree_init(&tree);
    test_tree_write(&tree, "sys/fs/cgroup/cgroup.controllers", "cpu memory pids\n");
    test_tree_write(&tree, "sys/fs/cgroup/cpu.stat", "usage_usec 90000000\n");
    test_tree_write(&tree, "sys/fs/cgroup/memory.stat", "anon 1048576\n");
    assert_absent(&tree, "0::/\n", "the root cgroup has no limits");
    assert_absent(&tree, "0::/../..\n", "the cgroup lies outside of this namespace");
    assert_absent(&tree, "0::/gone (deleted)\n", "the cgroup was removed");
    test_tree_deinit(&tree);

    test_tree_init(&tree); /* version 1, where the root group looks like any other */
    test_tree_write(&tree, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    test_tree_write(&tree, "sys/fs/cgroup/cpuacct/cpuacct.usage", "90000000\n");
    test_tree_write(&tree, "sys/fs/cgroup/memory/memory.usage_in_bytes", "90000000\n");
    test_tree_write(&tree, "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    test_tree_write(&tree, "sys/fs/cgroup/pids/tasks", "1\n");
    assert_absent(&tree, "4:pids:/\n3:memory:/\n2:cpuacct:/\n1:cpu:/\n0::/\n",
                  "the root cgroup has no limits");
    test_tree_deinit(&tree);
}

static void no_cgroups_at_all(void **state)
{
    struct test_tree tree;
    struct probe_result probe;
    test_tree_init(&tree);
    assert_int_equal(probe_tree(&tree.root, &probe), REASON_ABSENT);
    assert_absent(&tree, "", "this kernel has no cgroup with that controller");
    assert_absent(&tree, "0::/x\n", "no cgroup file system in /sys/fs/cgroup");
    test_tree_deinit(&tree);
}

/* A quota in `cpu` alone does not make the root of `cpuacct` the container's. */
static void controllers_of_v1_are_apart(void **state)
{
    struct test_tree tree;
    struct test_collector test;
    test_tree_init(&tree);
    test_tree_write(&tree, "proc/self/cgroup", "3:memory:/\n2:cpuacct:/\n1:cpu:/limited/inner\n");
    test_tree_write(&tree, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    test_tree_write(&tree, "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    test_tree_write(&tree, "sys/fs/cgroup/cpu/limited/cpu.cfs_quota_us", "20000\n");
    test_tree_write(&tree, "sys/fs/cgroup/cpu/limited/cpu.cfs_period_us", "100000\n");
    test_tree_write(&tree, "sys/fs/cgroup/cpu/limited/cpu.stat",
                    "nr_periods 1\nnr_throttled 1\nthrottled_time 5\n");
    test_tree_write(&tree, "sys/fs/cgroup/cpu/limited/inner/cpu.cfs_quota_us", "400000\n");
    test_tree_write(&tree, "sys/fs/cgroup/cpu/limited/inner/cpu.cfs_period_us", "100000\n");
    test_tree_write(&tree, "sys/fs/cgroup/cpuacct/cpuacct.usage", "90000000\n");
    test_open(&test, "cgroup", &tree.root);
    assert_int_equal(reason_of(&test, "cgroup_cpu_pct"), REASON_ABSENT);
    assert_int_equal(reason_of(&test, "cgroup_mem_mb"), REASON_ABSENT);
    assert_int_equal(reason_of(&test, "cgroup_throttled_pct"), REASON_NONE);
    assert_string_equal(test_channel(&test, "cgroup_throttled_pct", "")->source,
                        "/sys/fs/cgroup/cpu/limited/cpu.stat");
    test_close(&test);
    test_tree_deinit(&tree);
}

/* Whatever group this is run in: what has values has possible ones. */
static void on_this_machine(void **state)
{
    struct root root;
    struct test_collector test;
    struct probe_result probe;
    assert_int_equal(root_open(&root, "/", NULL), 0);
    if (probe_tree(&root, &probe) != REASON_NONE) {
        root_close(&root);
        skip();
    }
    test_open(&test, "cgroup", &root);
    assert_int_equal(test_sample(&test), 0);
    assert_int_equal(test_sample(&test), 0);
    for (size_t i = 0; i < NAMES_COUNT; i++) {
        double value = value_of(&test, names[i], "");
        assert_true(isnan(value) || (value >= 0 && isfinite(value)));
    }
    if (reason_of(&test, "cgroup_mem_mb") == REASON_NONE)
        assert_true(value_of(&test, "cgroup_mem_mb", "") > 0);
    test_close(&test);
    root_close(&root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_v2_container),
        cmocka_unit_test(a_hybrid_container_without_namespace),
        cmocka_unit_test(a_host_without_limits_has_no_throttling_columns),
        cmocka_unit_test(a_board_without_the_memory_controller_says_so),
        cmocka_unit_test(hostile_content_has_no_values),
        cmocka_unit_test(differences_are_those_of_the_group_with_the_quota),
        cmocka_unit_test(a_tick_without_a_period_loses_none),
        cmocka_unit_test(counters_that_fall_begin_anew),
        cmocka_unit_test(damaged_lines_are_missing_values),
        cmocka_unit_test(memory_stat_has_its_own_pace),
        cmocka_unit_test(a_file_that_may_not_be_read_is_denied),
        cmocka_unit_test(the_root_group_has_no_limits),
        cmocka_unit_test(no_cgroups_at_all),
        cmocka_unit_test(controllers_of_v1_are_apart),
        cmocka_unit_test(on_this_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
