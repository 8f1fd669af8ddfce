/* test_sensor.c: one number in one file. */
#include "collect_test.h"

#include "collect/sensor.h"

static void parses_whole_numbers_only(void **state)
{
    static const struct {
        const char *text;
        int rc;
        int64_t value;
    } cases[] = {
        {"42\n", 0, 42},
        {"  -256000  \n", 0, -256000},
        {"+7", 0, 7},
        {"0", 0, 0},
        {"9223372036854775807", 0, INT64_MAX},
        {"9223372036854775808", -ERROR_INPUT, 0},
        {"99999999999999999999999", -ERROR_INPUT, 0},
        {"", -ERROR_INPUT, 0},
        {"\n", -ERROR_INPUT, 0},
        {"-", -ERROR_INPUT, 0},
        {"- 5", -ERROR_INPUT, 0},
        {"12 volts", -ERROR_INPUT, 0},
        {"1e3", -ERROR_INPUT, 0},
        {"0x10", -ERROR_INPUT, 0},
        {"\xff\xfe", -ERROR_INPUT, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t value = 0;
        assert_int_equal(sensor_parse_i64(cases[i].text, &value), cases[i].rc);
        assert_true(value == cases[i].value);
    }
}

static void an_open_sensor_follows_its_file(void **state)
{
    struct test_tree tree;
    int64_t value = 0;
    bool readable = false;
    test_tree_init(&tree);
    test_tree_write(&tree, "sys/value", "10\n");
    int fd = sensor_open(&tree.root, "sys/value", &value, &readable, NULL);
    assert_true(fd >= 0);
    assert_true(readable);
    assert_int_equal(value, 10);
    test_tree_write(&tree, "sys/value", "-20\n");
    assert_int_equal(sensor_read_i64(fd, &value), 0);
    assert_int_equal(value, -20);
    test_tree_write(&tree, "sys/value", "");
    assert_int_equal(sensor_read_i64(fd, &value), -ERROR_INPUT);
    close(fd);
    test_tree_deinit(&tree);
}

static void what_cannot_be_read_now_opens_all_the_same(void **state)
{
    struct test_tree tree;
    bool readable = true;
    test_tree_init(&tree);
    test_tree_write(&tree, "sys/value", "");
    int fd = sensor_open(&tree.root, "sys/value", NULL, &readable, NULL);
    assert_true(fd >= 0);
    assert_false(readable);
    close(fd);
    assert_int_equal(sensor_open(&tree.root, "sys/none", NULL, NULL, NULL), -ERROR_ABSENT);
    test_tree_deinit(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_whole_numbers_only),
        cmocka_unit_test(an_open_sensor_follows_its_file),
        cmocka_unit_test(what_cannot_be_read_now_opens_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
