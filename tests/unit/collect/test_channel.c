/* test_channel.c: declaring columns. */
#include "collect_test.h"

static void declares_and_copies(void **state)
{
    struct channel_set set;
    char instance[] = "VDD_IN", source[] = "/sys/x";
    assert_int_equal(channel_set_init(&set), 0);
    assert_int_equal(channel_declare(&set, "power_w", instance, source), 0);
    instance[0] = source[0] = '?';
    assert_int_equal(channel_declare_missing(&set, "temp_c", "", "/sys/y", REASON_DENIED, "no"), 1);
    assert_string_equal(set.items[0].instance, "VDD_IN");
    assert_string_equal(set.items[0].source, "/sys/x");
    assert_int_equal(set.items[0].reason, REASON_NONE);
    assert_null(set.items[0].why);
    assert_ptr_equal(set.items[1].metric, metric_find("temp_c"));
    assert_int_equal(set.items[1].reason, REASON_DENIED);
    assert_string_equal(set.items[1].why, "no");
    assert_int_equal(set.count, 2);
    channel_set_deinit(&set);
}

static void refuses_what_is_no_column(void **state)
{
    struct channel_set set;
    assert_int_equal(channel_set_init(&set), 0);
    assert_int_equal(channel_declare(&set, "no_such_metric", "", "x"), -ERROR_INTERNAL);
    /* kept in ns: not a sample in its shown unit */
    assert_int_equal(channel_declare(&set, "wall_ms", "", "x"), -ERROR_INTERNAL);
    assert_int_equal(set.count, 0);
    channel_set_deinit(&set);
}

static void instances_are_unique_per_metric(void **state)
{
    struct channel_set set;
    assert_int_equal(channel_set_init(&set), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(channel_declare(&set, "temp_c", "cpu", "x"), i);
    assert_int_equal(channel_declare(&set, "power_w", "cpu", "x"), 3);
    assert_string_equal(set.items[0].instance, "cpu");
    assert_string_equal(set.items[1].instance, "cpu#2");
    assert_string_equal(set.items[2].instance, "cpu#3");
    assert_string_equal(set.items[3].instance, "cpu");
    channel_set_deinit(&set);
}

static void control_characters_do_not_get_out(void **state)
{
    struct channel_set set;
    assert_int_equal(channel_set_init(&set), 0);
    assert_int_equal(channel_declare(&set, "temp_c", "a\nb\x1b[31m", "x"), 0);
    for (const char *c = set.items[0].instance; *c; c++)
        assert_true((unsigned char)*c >= ' ');
    channel_set_deinit(&set);
}

static void a_full_set_takes_no_more(void **state)
{
    struct channel_set set;
    assert_int_equal(channel_set_init(&set), 0);
    for (int i = 0; i < COLLECT_CHANNELS_MAX; i++) {
        char instance[16];
        snprintf(instance, sizeof(instance), "%d", i);
        assert_int_equal(channel_declare(&set, "temp_c", instance, "x"), i);
    }
    assert_int_equal(channel_declare(&set, "temp_c", "one more", "x"), -ERROR_UNSUPPORTED);
    assert_int_equal(set.count, COLLECT_CHANNELS_MAX);
    channel_set_deinit(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(declares_and_copies),
        cmocka_unit_test(refuses_what_is_no_column),
        cmocka_unit_test(instances_are_unique_per_metric),
        cmocka_unit_test(control_characters_do_not_get_out),
        cmocka_unit_test(a_full_set_takes_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
