/* test_power.c: rails, hwmon sensors, RAPL counters and the total. */
#include "collect_test.h"

static void open_tree(struct test_collector *test, struct root *root, const char *tree)
{
    test_root_open(root, tree);
    test_open(test, "power", root);
    assert_int_equal(test_sample(test), 0);
}

static void close_tree(struct test_collector *test, struct root *root)
{
    test_close(test);
    root_close(root);
}

static void ina3221_is_volts_times_amperes(void **state)
{
    struct root root;
    struct test_collector test;
    open_tree(&test, &root, "xavier-nx");
    ASSERT_NEAR(value_of(&test, "power_w", "VDD_IN"), 4.960 * 0.824, 1e-9);
    ASSERT_NEAR(value_of(&test, "power_w", "VDD_CPU_GPU_CV"), 4.952 * 0.128, 1e-9);
    ASSERT_NEAR(value_of(&test, "power_w", "VDD_SOC"), 4.952 * 0.256, 1e-9);
    /* the input rail, not the sum with what hangs below it */
    ASSERT_NEAR(value_of(&test, "power_w", "total"), 4.960 * 0.824, 1e-9);
    assert_int_equal(test.channels.count, 4); /* no shunt voltages, no sum of them */
    assert_string_equal(test_channel(&test, "power_w", "VDD_SOC")->source,
                        "/sys/class/hwmon/hwmon4/in3_input * curr3_input");
    close_tree(&test, &root);
}

static void jetpack4_has_iio_rails(void **state)
{
    struct root root;
    struct test_collector test;
    open_tree(&test, &root, "jetson-nano");
    ASSERT_NEAR(value_of(&test, "power_w", "POM_5V_IN"), 2.612, 1e-9);
    ASSERT_NEAR(value_of(&test, "power_w", "POM_5V_CPU"), 0.682, 1e-9);
    ASSERT_NEAR(value_of(&test, "power_w", "total"), 2.612, 1e-9);
    assert_int_equal(test.channels.count, 4);
    close_tree(&test, &root);
}

static void agx_total_is_the_sum_without_the_child_rail(void **state)
{
    struct root root;
    struct test_collector test;
    open_tree(&test, &root, "agx-orin");
    ASSERT_NEAR(value_of(&test, "power_w", "VDDQ_VDD2_1V8AO"), 0.6, 1e-9);
    ASSERT_NEAR(value_of(&test, "power_w", "total"), 1.9 + 3.8 + 4.0, 1e-9);
    assert_null(test_channel(&test, "power_w", "NC"));
    assert_int_equal(test.channels.count, 5);
    close_tree(&test, &root);
}

static void pc_has_rapl_and_hwmon(void **state)
{
    struct root root;
    struct test_collector test;
    open_tree(&test, &root, "pc");
    ASSERT_NEAR(value_of(&test, "power_w", "amdgpu/PPT"), 31, 1e-9);
    ASSERT_NAN(value_of(&test, "power_w", "package-0")); /* nothing to compare with yet */
    ASSERT_NEAR(value_of(&test, "energy_j", "package-0"), 0, 0);
    assert_non_null(test_channel(&test, "power_w", "package-0/core"));
    assert_non_null(test_channel(&test, "power_w", "package-0/uncore"));
    assert_null(test_channel(&test, "power_w", "package-0#2")); /* intel-rapl-mmio */
    assert_int_equal(test_channel(&test, "power_w", "total")->reason, REASON_NONE); /* psys */
    assert_int_equal(test_sample(&test), 0);
    ASSERT_NEAR(value_of(&test, "power_w", "psys"), 0, 0); /* the counter stood still */
    close_tree(&test, &root);
}

#define ZONE "sys/class/powercap/intel-rapl:0/"

static void rapl_counts_across_its_wrap(void **state)
{
    struct test_tree tree;
    struct test_collector test;
    test_tree_init(&tree);
    test_tree_write(&tree, ZONE "name", "package-0\n");
    test_tree_write(&tree, ZONE "max_energy_range_uj", "1000000\n");
    test_tree_write(&tree, ZONE "energy_uj", "999000\n");
    test_open(&test, "power", &tree.root);
    uint64_t before_ns = clock_mono_ns();
    test_sample(&test);
    uint64_t first_ns = clock_mono_ns();
    test_tree_write(&tree, ZONE "energy_uj", "500\n");
    usleep(20000);
    uint64_t second_ns = clock_mono_ns();
    test_sample(&test);
    uint64_t after_ns = clock_mono_ns();
    /* 1000 uJ to the end of the range and 500 beyond it */
    ASSERT_NEAR(value_of(&test, "energy_j", "package-0"), 1500e-6, 1e-12);
    double watts = value_of(&test, "power_w", "package-0");
    assert_true(watts <= 1500e3 / (double)(second_ns - first_ns));
    assert_true(watts >= 1500e3 / (double)(after_ns - before_ns));
    assert_int_equal(test_channel(&test, "power_w", "total")->reason, REASON_ABSENT);
    ASSERT_NAN(value_of(&test, "power_w", "total"));
    test_close(&test);
    test_tree_deinit(&tree);
}

static void a_counter_that_starts_anew_is_no_energy(void **state)
{
    struct test_tree tree;
    struct test_collector test;
    test_tree_init(&tree);
    test_tree_write(&tree, ZONE "name", "package-0\n");
    test_tree_write(&tree, ZONE "max_energy_range_uj", "262143328850000\n");
    test_tree_write(&tree, ZONE "energy_uj", "5000000\n");
    test_open(&test, "power", &tree.root);
    test_sample(&test);
    test_tree_write(&tree, ZONE "energy_uj", "100\n");
    test_sample(&test);
    ASSERT_NAN(value_of(&test, "power_w", "package-0"));
    ASSERT_NEAR(value_of(&test, "energy_j", "package-0"), 0, 0);
    test_close(&test);
    test_tree_deinit(&tree);
}

/* Root may read everything, so as root the test becomes somebody else for the moment. */
static void denied_counters_say_so(void **state)
{
    struct test_tree tree;
    struct test_collector test;
    struct probe_result probe;
    char path[256];
    test_tree_init(&tree);
    test_tree_write(&tree, ZONE "name", "package-0\n");
    test_tree_write(&tree, ZONE "max_energy_range_uj", "1000000\n");
    test_tree_write(&tree, ZONE "energy_uj", "999000\n");
    snprintf(path, sizeof(path), "%s/" ZONE "energy_uj", tree.path);
    assert_int_equal(chmod(path, geteuid() == 0 ? 0400 : 0), 0);
    bool was_root = geteuid() == 0;
    if (was_root)
        assert_int_equal(seteuid(65534), 0);
    struct collect_env env = {.root = &tree.root, .interval_ns = NS_PER_S};
    collector_find("power")->probe(&env, &probe);
    int rc = test_try_open(&test, "power", &tree.root, NULL);
    if (was_root)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(probe.reason, REASON_DENIED);
    assert_non_null(strstr(probe.detail, "root"));
    assert_int_equal(rc, 0);
    const struct channel *channel = test_channel(&test, "power_w", "package-0");
    assert_non_null(channel);
    assert_int_equal(channel->reason, REASON_DENIED);
    assert_non_null(strstr(channel->why, "root"));
    assert_int_equal(test_sample(&test), 0);
    ASSERT_NAN(value_of(&test, "power_w", "package-0"));
    test_close(&test);
    test_tree_deinit(&tree);
}

static void machines_without_a_sensor(void **state)
{
    struct test_tree tree;
    struct test_collector test;
    struct probe_result probe;
    test_tree_init(&tree);
    struct collect_env env = {.root = &tree.root, .interval_ns = NS_PER_S};
    collector_find("power")->probe(&env, &probe);
    assert_int_equal(probe.reason, REASON_ABSENT);
    assert_int_equal(test_try_open(&test, "power", &tree.root, NULL), -ERROR_ABSENT);
    test_close(&test);
    test_tree_deinit(&tree);
}

static void a_raspberry_pi_tells_why_its_supply_is_too_weak(void **state)
{
    struct root root;
    struct test_collector test;
    open_tree(&test, &root, "pi5");
    ASSERT_NEAR(value_of(&test, "under_voltage", "rpi_volt"), 1, 0);
    ASSERT_NEAR(value_of(&test, "soc_throttle_flags", "firmware"), 0x50005, 0);
    ASSERT_NAN(value_of(&test, "power_w", "total"));
    assert_int_equal(test_channel(&test, "power_w", "total")->reason, REASON_ABSENT);
    assert_int_equal(test.channels.count, 3); /* and no power that nothing measures */
    close_tree(&test, &root);
}

#define FIRMWARE "sys/devices/platform/soc/soc:firmware/get_throttled"

static void flags_are_hexadecimal_or_no_value(void **state)
{
    static const struct {
        const char *text;
        double flags;
    } cases[] = {{"0\n", 0},  {"10\n", 0x10}, {"e0008", 0xe0008}, {"0x4\n", 4},      {"", NAN},
                 {"\n", NAN}, {"5 5\n", NAN}, {"-1\n", NAN},      {"fffffffff", NAN}};
    struct test_tree tree;
    struct test_collector test;
    test_tree_init(&tree);
    test_tree_write(&tree, FIRMWARE, "0\n");
    test_open(&test, "power", &tree.root);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        test_tree_write(&tree, FIRMWARE, cases[i].text);
        test_sample(&test);
        double flags = value_of(&test, "soc_throttle_flags", "firmware");
        if (isnan(cases[i].flags))
            ASSERT_NAN(flags);
        else
            ASSERT_NEAR(flags, cases[i].flags, 0);
    }
    test_close(&test);
    test_tree_deinit(&tree);
}

#define BATTERY "sys/class/power_supply/BAT1/"

static void a_battery_delivers_or_takes(void **state)
{
    struct test_tree tree;
    struct test_collector test;
    test_tree_init(&tree);
    test_tree_write(&tree, BATTERY "type", "Battery\n");
    test_tree_write(&tree, BATTERY "status", "Discharging\n");
    test_tree_write(&tree, BATTERY "voltage_now", "11400000\n");
    test_tree_write(&tree, BATTERY "current_now", "-1500000\n"); /* a sign of the driver's own */
    test_open(&test, "power", &tree.root);
    test_sample(&test);
    ASSERT_NEAR(value_of(&test, "power_w", "BAT1"), 11.4 * 1.5, 1e-9);
    ASSERT_NAN(value_of(&test, "power_w", "total")); /* on the mains it is not the machine's */
    test_tree_write(&tree, BATTERY "status", "Charging\n");
    test_sample(&test);
    ASSERT_NEAR(value_of(&test, "power_w", "BAT1"), -11.4 * 1.5, 1e-9);
    test_tree_write(&tree, BATTERY "status", "Unknown\n");
    test_sample(&test);
    ASSERT_NAN(value_of(&test, "power_w", "BAT1"));
    test_tree_write(&tree, BATTERY "status", "Full\n");
    test_tree_write(&tree, BATTERY "current_now", "0\n");
    test_sample(&test);
    ASSERT_NEAR(value_of(&test, "power_w", "BAT1"), 0, 0);
    test_close(&test);
    test_tree_deinit(&tree);
}

static void the_battery_of_a_mouse_is_not_the_machines(void **state)
{
    struct root root;
    struct test_collector test;
    open_tree(&test, &root, "pc");
    ASSERT_NEAR(value_of(&test, "power_w", "BAT0"), 12.5, 1e-9); /* power_now, uW */
    assert_null(test_channel(&test, "power_w", "hidpp_battery_0"));
    assert_null(test_channel(&test, "power_w", "AC"));
    close_tree(&test, &root);
}

/* AGX boards of the generation before Orin, on JetPack 4: two chips, no input rail. */
static void rails_of_two_iio_chips_make_one_total(void **state)
{
    static const char *const names[2][3] = {{"GPU", "CPU", "SOC"}, {"CV", "VDDRQ", "SYS5V"}};
    struct test_tree tree;
    struct test_collector test;
    test_tree_init(&tree);
    for (int chip = 0; chip < 2; chip++) {
        for (int rail = 0; rail < 3; rail++) {
            char path[128], text[32];
            snprintf(path, sizeof(path), "sys/bus/iio/devices/iio:device%d/rail_name_%d", chip,
                     rail);
            snprintf(text, sizeof(text), "%s\n", names[chip][rail]);
            test_tree_write(&tree, path, text);
            snprintf(path, sizeof(path), "sys/bus/iio/devices/iio:device%d/in_power%d_input", chip,
                     rail);
            snprintf(text, sizeof(text), "%d\n", 1000 * (chip * 3 + rail + 1));
            test_tree_write(&tree, path, text);
        }
    }
    test_open(&test, "power", &tree.root);
    test_sample(&test);
    ASSERT_NEAR(value_of(&test, "power_w", "CV"), 4, 1e-9);
    ASSERT_NEAR(value_of(&test, "power_w", "total"), 1 + 2 + 3 + 4 + 5 + 6, 1e-9);
    test_close(&test);
    test_tree_deinit(&tree);
}

static void hostile_values_are_no_values(void **state)
{
    struct root root;
    struct test_collector test;
    test_root_open(&root, "hostile");
    test_open(&test, "power", &root);
    for (int round = 0; round < 2; round++) {
        test_sample(&test);
        for (size_t i = 0; i < test.channels.count; i++) {
            if (strcmp(test.channels.items[i].metric->name, "power_w") == 0)
                ASSERT_NAN(test.values[i]);
        }
    }
    test_close(&test);
    root_close(&root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ina3221_is_volts_times_amperes),
        cmocka_unit_test(jetpack4_has_iio_rails),
        cmocka_unit_test(agx_total_is_the_sum_without_the_child_rail),
        cmocka_unit_test(pc_has_rapl_and_hwmon),
        cmocka_unit_test(rapl_counts_across_its_wrap),
        cmocka_unit_test(a_counter_that_starts_anew_is_no_energy),
        cmocka_unit_test(denied_counters_say_so),
        cmocka_unit_test(machines_without_a_sensor),
        cmocka_unit_test(a_raspberry_pi_tells_why_its_supply_is_too_weak),
        cmocka_unit_test(flags_are_hexadecimal_or_no_value),
        cmocka_unit_test(a_battery_delivers_or_takes),
        cmocka_unit_test(the_battery_of_a_mouse_is_not_the_machines),
        cmocka_unit_test(rails_of_two_iio_chips_make_one_total),
        cmocka_unit_test(hostile_values_are_no_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
