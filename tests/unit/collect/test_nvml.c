/* test_nvml.c: the nvml collector against a stand-in of the library (tests/support/nvml_standin.c),
 * whose faults are those that drivers are known for. */
#include "collect_test.h"

#define MB 1048576.0

static struct root machine;

static void use_library(const char *which)
{
    const char *path = getenv(which);
    assert_non_null(path);
    setenv("TACHO_NVML", path, 1);
}

static int setup(void **state)
{
    use_library("TACHO_TEST_NVML");
    unsetenv("NVML_STANDIN_FAULT");
    unsetenv("NVML_STANDIN_DEVICES");
    unsetenv("NVML_STANDIN_NAME");
    unsetenv("NVML_STANDIN_COMPUTE");
    unsetenv("NVML_STANDIN_GRAPHICS");
    test_root_open(&machine, "pc");
    return 0;
}

static int teardown(void **state)
{
    root_close(&machine);
    return 0;
}

static void fault(const char *words)
{
    setenv("NVML_STANDIN_FAULT", words, 1);
}

static enum reason reason_of(const struct test_collector *test, const char *metric)
{
    const struct channel *channel = test_channel(test, metric, "nvidia_0");
    assert_non_null(channel);
    if (channel->reason != REASON_NONE)
        assert_true(channel->why && channel->why[0]);
    return channel->reason;
}

static void reads_every_value_in_its_unit(void **state)
{
    struct test_collector test;
    test_open(&test, "nvml", &machine);
    assert_int_equal(test.channels.count, 10);
    assert_int_equal(test_sample(&test), 0);
    ASSERT_NEAR(value_of(&test, "gpu_util_pct", "nvidia_0"), 40, 0);
    /* version 2 keeps what the driver reserves out of what is used */
    ASSERT_NEAR(value_of(&test, "gpu_mem_used_mb", "nvidia_0"), 2048, 0);
    ASSERT_NEAR(value_of(&test, "gpu_mem_total_mb", "nvidia_0"), 8192, 0);
    ASSERT_NEAR(value_of(&test, "gpu_mhz", "nvidia_0"), 1800, 0);
    ASSERT_NEAR(value_of(&test, "gpu_mem_mhz", "nvidia_0"), 5000, 0);
    ASSERT_NEAR(value_of(&test, "gpu_temp_c", "nvidia_0"), 55, 0);
    ASSERT_NEAR(value_of(&test, "gpu_power_w", "nvidia_0"), 75.5, 1e-9); /* field 186 */
    ASSERT_NEAR(value_of(&test, "gpu_throttle_reasons", "nvidia_0"), 4, 0);
    test_close(&test);
}

static void energy_counts_from_open(void **state)
{
    struct test_collector test;
    test_open(&test, "nvml", &machine);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(test_sample(&test), 0);
        /* the stand-in adds 500 mJ per call; open was the first */
        ASSERT_NEAR(value_of(&test, "gpu_energy_j", "nvidia_0"), 0.5 * i, 1e-9);
    }
    test_close(&test);
}

static void every_device_is_an_instance(void **state)
{
    struct test_collector test;
    setenv("NVML_STANDIN_DEVICES", "3", 1);
    test_open(&test, "nvml", &machine);
    assert_int_equal(test.channels.count, 30);
    test_sample(&test);
    ASSERT_NEAR(value_of(&test, "gpu_util_pct", "nvidia_0"), 40, 0);
    ASSERT_NEAR(value_of(&test, "gpu_util_pct", "nvidia_2"), 42, 0);
    test_close(&test);
}

/* Of the tree pc: 4000 has the children 4001 and 4002; 9999 is not there. */
static double sampled_track_mb(struct test_collector *test, const char *compute,
                               const char *graphics, pid_t target)
{
    setenv("NVML_STANDIN_COMPUTE", compute, 1);
    setenv("NVML_STANDIN_GRAPHICS", graphics, 1);
    assert_int_equal(test_sample_target(test, target, 1), 0);
    return value_of(test, "gpu_mem_track_mb", "nvidia_0");
}

static void memory_of_the_measured_tree_is_summed(void **state)
{
    struct test_collector test;
    test_open(&test, "nvml", &machine);
    assert_true(test_channel(&test, "gpu_mem_track_mb", "nvidia_0")->per_target);
    ASSERT_NEAR(sampled_track_mb(&test, "4001:100,4002:20,9999:5000", "", 4000), 120, 0);
    ASSERT_NEAR(sampled_track_mb(&test, "4001:100,4002:20", "", 4001), 100, 0);
    /* one process that computes and draws: its larger size, once */
    ASSERT_NEAR(sampled_track_mb(&test, "4001:100", "4001:130,4002:7", 4000), 137, 0);
    /* none of its processes uses the GPU: that is known, and 0 */
    ASSERT_NEAR(sampled_track_mb(&test, "9999:5000", "", 4000), 0, 0);
    ASSERT_NAN(sampled_track_mb(&test, "4001:?,4002:20", "", 4000));
    ASSERT_NEAR(sampled_track_mb(&test, "9999:?,4002:20", "", 4000), 20, 0);
    ASSERT_NAN(sampled_track_mb(&test, "4001:100", "", 0)); /* nothing is measured now */
    /* pids of nothing, as some drivers of Tegra tell */
    ASSERT_NEAR(sampled_track_mb(&test, "0:77,4294967295:88,4002:1", "", 4000), 1, 0);
    test_close(&test);
}

static void more_processes_than_fit_are_no_value(void **state)
{
    struct test_collector test;
    char many[2048] = "";
    test_open(&test, "nvml", &machine);
    for (int i = 0; i < 200; i++)
        snprintf(many + strlen(many), sizeof(many) - strlen(many), "4001:1,");
    ASSERT_NAN(sampled_track_mb(&test, many, "", 4000));
    test_close(&test);
}

static void an_old_driver_is_read_through_old_names(void **state)
{
    struct test_collector test;
    use_library("TACHO_TEST_NVML_OLD");
    test_open(&test, "nvml", &machine);
    assert_int_equal(test_sample(&test), 0);
    ASSERT_NEAR(value_of(&test, "gpu_mem_used_mb", "nvidia_0"), 2048 + 256, 0);
    ASSERT_NEAR(value_of(&test, "gpu_power_w", "nvidia_0"), 70, 1e-9);
    ASSERT_NEAR(value_of(&test, "gpu_throttle_reasons", "nvidia_0"), 4, 0);
    assert_int_equal(reason_of(&test, "gpu_mem_track_mb"), REASON_UNSUPPORTED);
    assert_non_null(strstr(test_channel(&test, "gpu_mem_used_mb", "nvidia_0")->source, "reserves"));
    assert_non_null(
        strstr(test_channel(&test, "gpu_power_w", "nvidia_0")->source, "nvmlDeviceGetPowerUsage"));
    test_close(&test);
}

static void without_instantaneous_power_the_mean_is_used_and_named(void **state)
{
    struct test_collector test;
    fault("nofield");
    test_open(&test, "nvml", &machine);
    test_sample(&test);
    ASSERT_NEAR(value_of(&test, "gpu_power_w", "nvidia_0"), 70, 1e-9);
    assert_non_null(strstr(test_channel(&test, "gpu_power_w", "nvidia_0")->source, "mean of 1 s"));
    test_close(&test);
}

static void what_is_not_supported_says_so_once(void **state)
{
    struct test_collector test;
    fault("unsupported");
    test_open(&test, "nvml", &machine);
    assert_int_equal(test.channels.count, 10);
    for (size_t i = 0; i < test.channels.count; i++)
        assert_int_equal(reason_of(&test, test.channels.items[i].metric->name), REASON_UNSUPPORTED);
    /* and is not tried again, even if it worked now */
    fault("");
    assert_int_equal(test_sample(&test), 0);
    for (size_t i = 0; i < test.channels.count; i++)
        ASSERT_NAN(test.values[i]);
    test_close(&test);
}

static void a_lost_gpu_has_no_values_and_the_other_goes_on(void **state)
{
    struct test_collector test;
    setenv("NVML_STANDIN_DEVICES", "2", 1);
    test_open(&test, "nvml", &machine);
    fault("lost1");
    assert_int_equal(test_sample(&test), 0);
    ASSERT_NEAR(value_of(&test, "gpu_temp_c", "nvidia_0"), 55, 0);
    ASSERT_NAN(value_of(&test, "gpu_temp_c", "nvidia_1"));
    ASSERT_NAN(value_of(&test, "gpu_mem_total_mb", "nvidia_1")); /* not the last one again */
    fault("lost");
    assert_int_equal(test_sample(&test), -ERROR_IO);
    for (size_t i = 0; i < test.channels.count; i++)
        ASSERT_NAN(test.values[i]);
    test_close(&test);
}

static void lost_from_the_start(void **state)
{
    struct test_collector test;
    fault("lost");
    test_open(&test, "nvml", &machine);
    assert_int_equal(reason_of(&test, "gpu_temp_c"), REASON_FAILED);
    assert_int_equal(test_sample(&test), 0);
    test_close(&test);
}

static void impossible_values_are_no_values(void **state)
{
    struct test_collector test;
    test_open(&test, "nvml", &machine);
    fault("garbage");
    test_sample(&test);
    static const char *const metrics[] = {"gpu_util_pct", "gpu_mhz", "gpu_mem_mhz", "gpu_temp_c",
                                          "gpu_power_w"};
    for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++)
        ASSERT_NAN(value_of(&test, metrics[i], "nvidia_0"));
    test_close(&test);
}

static void zeros_of_nvgpu_are_no_values(void **state)
{
    struct test_collector test;
    setenv("NVML_STANDIN_NAME", "Orin (nvgpu)", 1);
    fault("zero");
    test_open(&test, "nvml", &machine);
    static const char *const metrics[] = {"gpu_util_pct", "gpu_mem_used_mb", "gpu_mem_total_mb",
                                          "gpu_mhz",      "gpu_mem_mhz",     "gpu_temp_c",
                                          "gpu_power_w",  "gpu_energy_j"};
    for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++)
        assert_int_equal(reason_of(&test, metrics[i]), REASON_UNSUPPORTED);
    test_close(&test);
}

static void zero_memory_of_a_shared_one_is_no_value(void **state)
{
    struct test_collector test;
    fault("zero");
    test_open(&test, "nvml", &machine);
    assert_int_equal(reason_of(&test, "gpu_mem_total_mb"), REASON_UNSUPPORTED);
    assert_int_equal(reason_of(&test, "gpu_mem_used_mb"), REASON_UNSUPPORTED);
    /* an idle GPU that is no Tegra does nothing: a true zero */
    assert_int_equal(reason_of(&test, "gpu_util_pct"), REASON_NONE);
    test_close(&test);
}

static void a_driver_that_refuses_is_an_error_with_the_cause(void **state)
{
    static const struct {
        const char *fault;
        int rc;
        const char *word;
    } cases[] = {{"driver", -ERROR_ABSENT, "not loaded"},
                 {"permission", -ERROR_DENIED, "permission"},
                 {"mismatch", -ERROR_UNSUPPORTED, "version"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct test_collector test;
        struct error err = {0};
        fault(cases[i].fault);
        assert_int_equal(test_try_open(&test, "nvml", &machine, &err), cases[i].rc);
        assert_non_null(strstr(err.message, cases[i].word));
        test_close(&test);
    }
}

static void no_device_is_absent(void **state)
{
    struct test_collector test;
    setenv("NVML_STANDIN_DEVICES", "0", 1);
    assert_int_equal(test_try_open(&test, "nvml", &machine, NULL), -ERROR_ABSENT);
    test_close(&test);
}

static void no_library_is_absent(void **state)
{
    struct test_collector test;
    struct probe_result probe;
    struct collect_env env = {.root = &machine, .interval_ns = NS_PER_S};
    setenv("TACHO_NVML", "/nonexistent/libnvidia-ml.so.1", 1);
    collector_find("nvml")->probe(&env, &probe);
    assert_int_equal(probe.reason, REASON_ABSENT);
    assert_int_equal(test_try_open(&test, "nvml", &machine, NULL), -ERROR_ABSENT);
    test_close(&test);
}

static void this_gpu_says_nothing_about_a_recorded_tree(void **state)
{
    struct probe_result probe;
    struct test_collector test;
    struct collect_env env = {.root = &machine, .interval_ns = NS_PER_S};
    collector_find("nvml")->probe(&env, &probe);
    assert_int_equal(probe.reason, REASON_NONE); /* the stand-in was asked for by name */
    unsetenv("TACHO_NVML");
    collector_find("nvml")->probe(&env, &probe);
    assert_int_equal(probe.reason, REASON_ABSENT);
    assert_int_equal(test_try_open(&test, "nvml", &machine, NULL), -ERROR_ABSENT);
    test_close(&test);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(reads_every_value_in_its_unit),
        TEST(energy_counts_from_open),
        TEST(every_device_is_an_instance),
        TEST(memory_of_the_measured_tree_is_summed),
        TEST(more_processes_than_fit_are_no_value),
        TEST(an_old_driver_is_read_through_old_names),
        TEST(without_instantaneous_power_the_mean_is_used_and_named),
        TEST(what_is_not_supported_says_so_once),
        TEST(a_lost_gpu_has_no_values_and_the_other_goes_on),
        TEST(lost_from_the_start),
        TEST(impossible_values_are_no_values),
        TEST(zeros_of_nvgpu_are_no_values),
        TEST(zero_memory_of_a_shared_one_is_no_value),
        TEST(a_driver_that_refuses_is_an_error_with_the_cause),
        TEST(no_device_is_absent),
        TEST(no_library_is_absent),
        TEST(this_gpu_says_nothing_about_a_recorded_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
