/* test_thermal.c: zones and hwmon temperatures of recorded machines. */
#include "collect_test.h"

static void open_tree(struct test_collector *test, struct root *root, const char *tree)
{
    test_root_open(root, tree);
    test_open(test, "thermal", root);
    assert_int_equal(test_sample(test), 0);
}

static void close_tree(struct test_collector *test, struct root *root)
{
    test_close(test);
    root_close(root);
}

static void pc_has_zones_and_labelled_hwmon(void **state)
{
    struct root root;
    struct test_collector test;
    open_tree(&test, &root, "pc");
    ASSERT_NEAR(value_of(&test, "temp_c", "acpitz"), 27.8, 1e-9);
    ASSERT_NEAR(value_of(&test, "temp_c", "x86_pkg_temp"), 45, 1e-9);
    ASSERT_NEAR(value_of(&test, "temp_c", "coretemp/Package id 0"), 45, 1e-9);
    ASSERT_NEAR(value_of(&test, "temp_c", "coretemp/Core 4"), 44, 1e-9);
    ASSERT_NEAR(value_of(&test, "temp_c", "amdgpu/edge"), 51, 1e-9);
    ASSERT_NEAR(value_of(&test, "temp_c", "nvme/Composite"), 38.85, 1e-9);
    assert_null(test_channel(&test, "temp_c", "acpitz/temp1")); /* the zone once more */
    assert_int_equal(test.channels.count, 7);
    assert_string_equal(test_channel(&test, "temp_c", "acpitz")->source,
                        "/sys/class/thermal/thermal_zone0/temp");
    close_tree(&test, &root);
}

static void pi5_zone_is_not_repeated_by_hwmon(void **state)
{
    struct root root;
    struct test_collector test;
    open_tree(&test, &root, "pi5");
    ASSERT_NEAR(value_of(&test, "temp_c", "cpu-thermal"), 52.15, 1e-9);
    ASSERT_NEAR(value_of(&test, "temp_c", "rp1_adc/temp1"), 47.123, 1e-9);
    assert_int_equal(test.channels.count, 2);
    close_tree(&test, &root);
}

static void pmic_dummies_are_left_out(void **state)
{
    static const char *const trees[] = {"jetson-nano", "xavier-nx"};
    for (size_t i = 0; i < 2; i++) {
        struct root root;
        struct test_collector test;
        open_tree(&test, &root, trees[i]);
        assert_null(test_channel(&test, "temp_c", "PMIC-Die"));
        assert_int_equal(test.channels.count, 5);
        close_tree(&test, &root);
    }
}

static void a_zone_that_is_off_has_no_value(void **state)
{
    struct root root;
    struct test_collector test;
    open_tree(&test, &root, "xavier-nx");
    ASSERT_NAN(value_of(&test, "temp_c", "GPU-therm"));
    ASSERT_NEAR(value_of(&test, "temp_c", "CPU-therm"), 41, 1e-9);
    close_tree(&test, &root);
    open_tree(&test, &root, "orin-nano");
    ASSERT_NAN(value_of(&test, "temp_c", "cv0-thermal"));
    ASSERT_NEAR(value_of(&test, "temp_c", "tj-thermal"), 49.25, 1e-9);
    assert_int_equal(test.channels.count, 9);
    close_tree(&test, &root);
}

static void a_zone_may_be_switched_on_later(void **state)
{
    struct test_tree tree;
    struct test_collector test;
    test_tree_init(&tree);
    test_tree_write(&tree, "sys/class/thermal/thermal_zone0/type", "GPU\n");
    test_tree_write(&tree, "sys/class/thermal/thermal_zone0/temp", "");
    test_open(&test, "thermal", &tree.root);
    assert_int_equal(test_sample(&test), -ERROR_IO); /* nothing at all could be read */
    ASSERT_NAN(value_of(&test, "temp_c", "GPU"));
    test_tree_write(&tree, "sys/class/thermal/thermal_zone0/temp", "51500\n");
    assert_int_equal(test_sample(&test), 0);
    ASSERT_NEAR(value_of(&test, "temp_c", "GPU"), 51.5, 1e-9);
    test_close(&test);
    test_tree_deinit(&tree);
}

static void hostile_names_and_numbers(void **state)
{
    struct root root;
    struct test_collector test;
    open_tree(&test, &root, "hostile");
    ASSERT_NEAR(value_of(&test, "temp_c", "CPU (big) [0] zone"), 40, 1e-9);
    ASSERT_NEAR(value_of(&test, "temp_c", "cpu"), 41, 1e-9);
    ASSERT_NEAR(value_of(&test, "temp_c", "cpu#2"), 42, 1e-9);
    ASSERT_NEAR(value_of(&test, "temp_c", "negative"), -12.5, 1e-9);
    ASSERT_NEAR(value_of(&test, "temp_c", "zone20"), 44, 1e-9); /* no type */
    ASSERT_NEAR(value_of(&test, "temp_c", "odd/temp1"), 47, 1e-9);
    static const char *const without[] = {"empty", "huge", "large", "words", "sign"};
    for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++)
        ASSERT_NAN(value_of(&test, "temp_c", without[i]));
    assert_null(test_channel(&test, "temp_c", "no temp"));
    for (size_t i = 0; i < test.channels.count; i++) {
        for (const char *c = test.channels.items[i].instance; *c; c++)
            assert_true((unsigned char)*c >= ' ');
    }
    close_tree(&test, &root);
}

static void nothing_there_is_absent(void **state)
{
    struct test_tree tree;
    struct test_collector test;
    struct probe_result probe;
    test_tree_init(&tree);
    struct collect_env env = {.root = &tree.root, .interval_ns = NS_PER_S};
    collector_find("thermal")->probe(&env, &probe);
    assert_int_equal(probe.reason, REASON_ABSENT);
    assert_int_equal(test_try_open(&test, "thermal", &tree.root, NULL), -ERROR_ABSENT);
    test_close(&test);
    test_tree_deinit(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pc_has_zones_and_labelled_hwmon),
        cmocka_unit_test(pi5_zone_is_not_repeated_by_hwmon),
        cmocka_unit_test(pmic_dummies_are_left_out),
        cmocka_unit_test(a_zone_that_is_off_has_no_value),
        cmocka_unit_test(a_zone_may_be_switched_on_later),
        cmocka_unit_test(hostile_names_and_numbers),
        cmocka_unit_test(nothing_there_is_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
