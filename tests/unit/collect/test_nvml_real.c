/* test_nvml_real.c: the nvml collector on a machine with an NVIDIA GPU; skipped on all others.
 * Prints what it read and what a sample costs, for the table in nvml.c. */
#include "collect_test.h"

struct range {
    const char *metric;
    double min, max;
};

static const struct range ranges[] = {
    {"gpu_util_pct", 0, 100},     {"gpu_mem_used_mb", 0, 4e6}, {"gpu_mem_total_mb", 128, 4e6},
    {"gpu_mhz", 1, 10000},        {"gpu_mem_mhz", 1, 50000},   {"gpu_temp_c", 1, 130},
    {"gpu_power_w", 0.1, 5000},   {"gpu_energy_j", 0, 1e9},    {"gpu_throttle_reasons", 0, 1e6},
    {"gpu_mem_track_mb", 0, 4e6},
};

static const struct range *range_of(const char *metric)
{
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (strcmp(ranges[i].metric, metric) == 0)
            return &ranges[i];
    }
    fail_msg("a metric without a range: %s", metric);
    return NULL;
}

static void values_are_possible(const struct test_collector *test)
{
    size_t with_values = 0;
    for (size_t i = 0; i < test->channels.count; i++) {
        const struct channel *channel = &test->channels.items[i];
        const struct range *range = range_of(channel->metric->name);
        print_message("  %-22s %-10s %14.3f %-4s %s%s%s\n", channel->metric->name,
                      channel->instance, test->values[i], channel->metric->unit, channel->source,
                      channel->why ? ": " : "", channel->why ? channel->why : "");
        if (channel->reason != REASON_NONE || isnan(test->values[i]))
            continue;
        with_values++;
        assert_true(test->values[i] >= range->min && test->values[i] <= range->max);
    }
    assert_true(with_values > 0);
}

static void reads_the_gpus_of_this_machine(void **state)
{
    struct root root;
    struct test_collector test;
    struct error err = {0};
    unsetenv("TACHO_NVML");
    assert_int_equal(root_open(&root, "/", NULL), 0);
    int rc = test_try_open(&test, "nvml", &root, &err);
    if (rc < 0) {
        print_message("skipped: %s\n", err.message);
        test_close(&test);
        root_close(&root);
        skip();
    }
    assert_int_equal(test_sample(&test), 0);
    values_are_possible(&test);
    if (test_channel(&test, "gpu_mem_total_mb", "nvidia_0")->reason == REASON_NONE)
        assert_true(value_of(&test, "gpu_mem_used_mb", "nvidia_0") <=
                    value_of(&test, "gpu_mem_total_mb", "nvidia_0"));

    const int rounds = 50;
    double energy_j = value_of(&test, "gpu_energy_j", "nvidia_0");
    uint64_t cpu_ns = clock_thread_ns(), wall_ns = clock_mono_ns();
    for (int i = 0; i < rounds; i++) {
        assert_int_equal(test_sample(&test), 0);
        double next_j = value_of(&test, "gpu_energy_j", "nvidia_0");
        assert_false(next_j < energy_j); /* a counter never falls; NaN where there is none */
        energy_j = next_j;
    }
    print_message("  one sample: %.1f us CPU, %.1f us in all\n",
                  (double)(clock_thread_ns() - cpu_ns) / rounds / 1e3,
                  (double)(clock_mono_ns() - wall_ns) / rounds / 1e3);
    test_close(&test);
    root_close(&root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_the_gpus_of_this_machine)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
