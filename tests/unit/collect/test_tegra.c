/* test_tegra.c: the tegra collector: each value against what stands in the tree of its board. */
#include "collect_test.h"

static void open_tree(struct test_collector *test, struct root *root, const char *tree)
{
    test_root_open(root, tree);
    test_open(test, "tegra", root);
    assert_int_equal(test_sample(test), 0);
}

static void close_tree(struct test_collector *test, struct root *root)
{
    test_close(test);
    root_close(root);
}

static double jetson(const struct test_collector *test, const char *metric)
{
    return value_of(test, metric, "jetson_0");
}

static const char *source_of(const struct test_collector *test, const char *metric,
                             const char *instance)
{
    const struct channel *channel = test_channel(test, metric, instance);
    assert_non_null(channel);
    return channel->source;
}

static void jetpack4_nano(void **state)
{
    struct root root;
    struct test_collector test;
    open_tree(&test, &root, "jetson-nano");
    ASSERT_NEAR(jetson(&test, "gpu_util_pct"), 37.5, 1e-9); /* per mille */
    ASSERT_NEAR(jetson(&test, "gpu_mhz"), 614.4, 1e-9);
    ASSERT_NEAR(jetson(&test, "emc_mhz"), 1600, 1e-9);
    ASSERT_NEAR(jetson(&test, "emc_util_pct"), 3, 1e-9); /* 48,000 of 1,600,000 kHz */
    /* no NvMapMemUsed there: the total of nvmap's clients, whose names hold blanks and brackets */
    ASSERT_NEAR(jetson(&test, "gpu_mem_used_mb"), 509776.0 / 1024, 1e-9);
    ASSERT_NEAR(value_of(&test, "engine_mhz", "ape"), 25.5, 1e-9);
    ASSERT_NEAR(value_of(&test, "engine_mhz", "nvdec"), 716.8, 1e-9); /* enabled twice */
    ASSERT_NEAR(value_of(&test, "engine_mhz", "nvenc"), 0, 0);        /* msenc, gated */
    ASSERT_NEAR(value_of(&test, "engine_mhz", "vic03"), 627.2, 1e-9);
    assert_null(test_channel(&test, "engine_mhz", "nvdec_hub"));  /* a part of the clock tree */
    ASSERT_NEAR(value_of(&test, "fan_pct", "pwm-fan"), 40, 1e-9); /* what is, not what is wanted */
    close_tree(&test, &root);
}

static void jetpack5_xavier_nx_without_root(void **state)
{
    struct root root;
    struct test_collector test;
    open_tree(&test, &root, "xavier-nx");
    ASSERT_NEAR(jetson(&test, "gpu_util_pct"), 87.3, 1e-9);
    ASSERT_NEAR(jetson(&test, "gpu_mhz"), 803.25, 1e-9);
    ASSERT_NEAR(jetson(&test, "gpu_mem_used_mb"), 768, 1e-9);
    assert_string_equal(source_of(&test, "gpu_mem_used_mb", "jetson_0"), "/proc/meminfo");
    ASSERT_NEAR(value_of(&test, "engine_mhz", "nvdec"), 1190.4, 1e-9);
    ASSERT_NEAR(value_of(&test, "engine_mhz", "vic"), 0, 0); /* suspended */
    ASSERT_NEAR(value_of(&test, "engine_mhz", "nvenc"), 0, 0);
    ASSERT_NEAR(value_of(&test, "fan_pct", "pwmfan/pwm1"), 20, 1e-9);
    ASSERT_NAN(jetson(&test, "emc_mhz"));
    assert_int_equal(test_channel(&test, "emc_mhz", "jetson_0")->reason, REASON_ABSENT);
    assert_int_equal(test_channel(&test, "emc_util_pct", "jetson_0")->reason, REASON_ABSENT);
    close_tree(&test, &root);
}

static void jetpack6_orin_nano(void **state)
{
    struct root root;
    struct test_collector test;
    open_tree(&test, &root, "orin-nano");
    ASSERT_NEAR(jetson(&test, "gpu_util_pct"), 0, 0); /* idle: a true zero */
    assert_string_equal(source_of(&test, "gpu_util_pct", "jetson_0"),
                        "/sys/devices/platform/bus@0/17000000.gpu/load");
    ASSERT_NEAR(jetson(&test, "gpu_mhz"), 306, 1e-9);
    ASSERT_NEAR(jetson(&test, "emc_mhz"), 2133, 1e-9);
    ASSERT_NEAR(jetson(&test, "emc_util_pct"), 15, 1e-9); /* 319,950 of 2,133,000 kHz */
    ASSERT_NEAR(jetson(&test, "gpu_mem_used_mb"), 512, 1e-9);
    ASSERT_NEAR(value_of(&test, "engine_mhz", "vic"), 435.2, 1e-9);
    ASSERT_NEAR(value_of(&test, "engine_mhz", "nvdec"), 0, 0);
    ASSERT_NEAR(value_of(&test, "engine_mhz", "ape"), 0, 0);        /* enabled by nobody */
    ASSERT_NEAR(value_of(&test, "engine_mhz", "ofa"), 550.4, 1e-9); /* the firmware's own rate */
    ASSERT_NEAR(value_of(&test, "fan_pct", "pwmfan/pwm1"), 100, 1e-9);
    close_tree(&test, &root);
}

static void agx_orin_at_full_load(void **state)
{
    struct root root;
    struct test_collector test;
    open_tree(&test, &root, "agx-orin");
    ASSERT_NEAR(jetson(&test, "gpu_util_pct"), 100, 1e-9);
    ASSERT_NEAR(jetson(&test, "gpu_mhz"), 1300.5, 1e-9);
    close_tree(&test, &root);
}

static void other_machines_have_none_of_it(void **state)
{
    static const char *const trees[] = {"pc", "pi5"};
    for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++) {
        struct root root;
        struct test_collector test;
        struct probe_result probe;
        test_root_open(&root, trees[i]);
        struct collect_env env = {.root = &root, .interval_ns = NS_PER_S};
        collector_find("tegra")->probe(&env, &probe);
        assert_int_equal(probe.reason, REASON_ABSENT);
        assert_int_equal(test_try_open(&test, "tegra", &root, NULL), -ERROR_ABSENT);
        close_tree(&test, &root);
    }
}

static void probe_names_the_board(void **state)
{
    struct root root;
    struct probe_result probe;
    test_root_open(&root, "orin-nano");
    struct collect_env env = {.root = &root, .interval_ns = NS_PER_S};
    collector_find("tegra")->probe(&env, &probe);
    assert_int_equal(probe.reason, REASON_NONE);
    assert_string_equal(probe.detail, "NVIDIA Jetson Orin Nano Developer Kit, L4T 36.4.3");
    root_close(&root);
}

static void hostile_values_are_no_values(void **state)
{
    struct root root;
    struct test_collector test;
    test_root_open(&root, "hostile");
    test_open(&test, "tegra", &root);
    for (int round = 0; round < 2; round++) {
        test_sample(&test);
        for (size_t i = 0; i < test.channels.count; i++) {
            if (!isnan(test.values[i]))
                print_message("%s of %s\n", test.channels.items[i].metric->name,
                              test.channels.items[i].instance);
            ASSERT_NAN(test.values[i]);
        }
    }
    close_tree(&test, &root);
}

#define RELEASE "etc/nv_tegra_release"
#define LOAD "sys/devices/gpu.0/load"

static void link_at(const struct test_tree *tree, const char *target, const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", tree->path, name);
    assert_int_equal(symlink(target, path), 0);
}

/* A release of one line of a megabyte, a load that is a directory, a devfreq node that leads to
 * itself, a list of clients larger than any board's. */
static void damaged_trees_are_survived(void **state)
{
    struct test_tree tree;
    struct test_collector test;
    test_tree_init(&tree);
    size_t size = 1 << 20;
    char *line = malloc(size + 1);
    assert_non_null(line);
    memset(line, 'R', size);
    line[size] = '\0';
    test_tree_write(&tree, RELEASE, line);
    test_tree_write(&tree, LOAD "/inner", "1\n");
    test_tree_write(&tree, "sys/class/devfreq/17000000.gpu/cur_freq", line);
    link_at(&tree, "loop.nvdec", "sys/class/devfreq/loop.nvdec");
    link_at(&tree, "../devfreq", "sys/class/devfreq/gpu-again");
    test_tree_write(&tree, "sys/kernel/debug/nvmap/iovmm/clients", line);
    free(line);
    test_open(&test, "tegra", &tree.root);
    test_sample(&test);
    for (size_t i = 0; i < test.channels.count; i++)
        ASSERT_NAN(test.values[i]);
    test_close(&test);
    test_tree_deinit(&tree);
}

/* The node comes and goes (module unloaded, GPU railgated with an error): a gap, not the end. */
static void a_source_that_fails_for_a_while_has_a_gap(void **state)
{
    struct test_tree tree;
    struct test_collector test;
    test_tree_init(&tree);
    test_tree_write(&tree, RELEASE, "# R35 (release), REVISION: 4.1, BOARD: t186ref\n");
    test_tree_write(&tree, LOAD, "100\n");
    test_open(&test, "tegra", &tree.root);
    assert_int_equal(test_sample(&test), 0);
    ASSERT_NEAR(jetson(&test, "gpu_util_pct"), 10, 1e-9);
    test_tree_write(&tree, LOAD, "");
    assert_int_equal(test_sample(&test), -ERROR_IO);
    ASSERT_NAN(jetson(&test, "gpu_util_pct"));
    test_tree_write(&tree, LOAD, "1000\n");
    assert_int_equal(test_sample(&test), 0);
    ASSERT_NEAR(jetson(&test, "gpu_util_pct"), 100, 1e-9);
    assert_int_equal(test_channel(&test, "gpu_mhz", "jetson_0")->reason, REASON_ABSENT);
    test_close(&test);
    test_tree_deinit(&tree);
}

/* Root may read everything, so as root the test becomes somebody else for the moment. */
static void what_is_for_root_says_so(void **state)
{
    struct test_tree tree;
    struct test_collector test;
    char path[256];
    test_tree_init(&tree);
    test_tree_write(&tree, RELEASE, "# R35 (release), REVISION: 4.1, BOARD: t186ref\n");
    test_tree_write(&tree, LOAD, "100\n");
    test_tree_write(&tree, "sys/kernel/debug/bpmp/debug/clk/emc/rate", "2133000000\n");
    snprintf(path, sizeof(path), "%s/sys/kernel/debug", tree.path);
    bool was_root = geteuid() == 0;
    assert_int_equal(chmod(path, was_root ? 0700 : 0), 0);
    if (was_root)
        assert_int_equal(seteuid(65534), 0);
    int rc = test_try_open(&test, "tegra", &tree.root, NULL);
    if (was_root)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(chmod(path, 0700), 0);
    assert_int_equal(rc, 0);
    static const char *const metrics[] = {"emc_mhz", "emc_util_pct", "gpu_mem_used_mb"};
    for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
        const struct channel *channel = test_channel(&test, metrics[i], "jetson_0");
        assert_non_null(channel);
        assert_int_equal(channel->reason, REASON_DENIED);
        assert_non_null(strstr(channel->why, "root"));
    }
    assert_int_equal(test_channel(&test, "engine_mhz", "nvenc")->reason, REASON_DENIED);
    assert_int_equal(test_sample(&test), 0);
    ASSERT_NEAR(jetson(&test, "gpu_util_pct"), 10, 1e-9); /* needs no root */
    test_close(&test);
    test_tree_deinit(&tree);
}

static void thor_has_its_load_in_nvml(void **state)
{
    struct test_tree tree;
    struct test_collector test;
    test_tree_init(&tree);
    test_tree_write(&tree, "proc/device-tree/compatible", "nvidia,tegra264");
    test_tree_write(&tree, "sys/class/devfreq/gpu-gpc-0/cur_freq", "1575000000\n");
    test_tree_write(&tree, "sys/class/devfreq/gpu-nvd-0/cur_freq", "1692000000\n");
    test_tree_write(&tree, "sys/class/devfreq/bwmgr/cur_freq", "4266000000\n");
    test_open(&test, "tegra", &tree.root);
    assert_int_equal(test_sample(&test), 0);
    ASSERT_NEAR(jetson(&test, "gpu_mhz"), 1575, 1e-9);
    ASSERT_NEAR(value_of(&test, "engine_mhz", "nvd-0"), 1692, 1e-9);
    ASSERT_NEAR(jetson(&test, "emc_mhz"), 4266, 1e-9);
    assert_non_null(strstr(test_channel(&test, "gpu_util_pct", "jetson_0")->why, "nvml"));
    test_close(&test);
    test_tree_deinit(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jetpack4_nano),
        cmocka_unit_test(jetpack5_xavier_nx_without_root),
        cmocka_unit_test(jetpack6_orin_nano),
        cmocka_unit_test(agx_orin_at_full_load),
        cmocka_unit_test(other_machines_have_none_of_it),
        cmocka_unit_test(probe_names_the_board),
        cmocka_unit_test(hostile_values_are_no_values),
        cmocka_unit_test(damaged_trees_are_survived),
        cmocka_unit_test(a_source_that_fails_for_a_while_has_a_gap),
        cmocka_unit_test(what_is_for_root_says_so),
        cmocka_unit_test(thor_has_its_load_in_nvml),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
