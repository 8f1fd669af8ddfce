/* The registry: what must hold for every row, and how names are found. */
#include "model_support.h"

#include <ctype.h>

#include "model/limit.h"
#include "model/metric.h"

static bool is_snake_case(const char *name)
{
    for (const char *c = name; *c; c++) {
        if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) && *c != '_')
            return false;
    }
    return islower((unsigned char)name[0]);
}

static void every_row_is_complete(void **state)
{
    for (size_t i = 0; i < metrics_table_count; i++) {
        const struct metric *metric = &metrics_table[i];
        assert_true(is_snake_case(metric->name));
        assert_ptr_equal(metric_find(metric->name), metric); /* so no name stands twice */
        assert_non_null(metric->unit);
        assert_true(metric->scale > 0);
        size_t length = strlen(metric->definition);
        assert_true(length > 10);
        assert_int_equal(metric->definition[length - 1], '.');
        if (metric->kind == METRIC_NS)
            assert_string_equal(metric->unit, "ms");
        char text[128];
        struct limit limit;
        snprintf(text, sizeof(text), "%s<=1", metric->name);
        assert_int_equal(limit_parse(text, "test", NULL, 0, &limit, NULL), 0);
        assert_string_equal(limit.stat, metric->limit_stat);
    }
}

static bool ends_with(const char *text, const char *suffix)
{
    size_t a = strlen(text), b = strlen(suffix);
    return a > b && strcmp(text + a - b, suffix) == 0;
}

static void the_unit_stands_last_in_the_name(void **state)
{
    static const struct {
        const char *suffix, *unit;
    } rules[] = {
        {"_s", "s"},       {"_ms", "ms"},         {"_mb", "MB"},
        {"_pct", "%"},     {"_mhz", "MHz"},       {"_w", "W"},
        {"_c", "\u00b0C"}, {"_j", "J"},           {"_per_s", "1/s"},
        {"_fps", "1/s"},   {"_mb_per_s", "MB/s"}, {"_per_min", "MB/min"}}; /* the last that fits */
    for (size_t i = 0; i < metrics_table_count; i++) {
        const char *expected = "";
        for (size_t j = 0; j < ARRAY_LEN(rules); j++) {
            if (ends_with(metrics_table[i].name, rules[j].suffix))
                expected = rules[j].unit;
        }
        assert_string_equal(metrics_table[i].unit, expected);
    }
}

static void directions_that_old_tools_got_wrong(void **state)
{
    assert_int_equal(metric_find("throughput_per_s")->direction, DIRECTION_HIGHER);
    assert_int_equal(metric_find("ipc")->direction, DIRECTION_HIGHER);
    assert_int_equal(metric_find("power_w")->direction, DIRECTION_LOWER);
    assert_int_equal(metric_find("temp_c")->direction, DIRECTION_LOWER);
    assert_int_equal(metric_find("peak_rss_mb")->direction, DIRECTION_LOWER);
    assert_int_equal(metric_find("cpu_pct")->direction, DIRECTION_NEITHER);
    assert_string_equal(direction_name(DIRECTION_HIGHER), "higher");
    assert_string_equal(direction_name(DIRECTION_LOWER), "lower");
    assert_string_equal(direction_name(DIRECTION_NEITHER), "neither");
}

static void aliases_and_stand_ins(void **state)
{
    assert_string_equal(metric_find("time_ms")->name, "wall_ms");
    assert_string_equal(metric_find("latency_ms")->name, "latency_ms");
    assert_string_equal(metric_stand_in("latency_ms"), "wall_ms");
    assert_null(metric_stand_in("wall_ms"));
    assert_string_equal(metric_find("cpu_percent")->name, "cpu_pct");
    assert_null(metric_find("nonsense"));
    assert_null(metric_find(""));
}

static void the_nearest_name_is_offered(void **state)
{
    assert_string_equal(metric_nearest("wal_ms"), "wall_ms");
    assert_string_equal(metric_nearest("peak_rss"), "peak_rss_mb");
    assert_string_equal(metric_nearest("latency"), "latency_ms");
    assert_null(metric_nearest("qqqqqqqqqq"));
    assert_null(metric_nearest(""));
}

static void scaling_is_exact_where_it_can_be(void **state)
{
    const struct metric *wall = metric_find("wall_ms"), *rss = metric_find("peak_rss_mb");
    for (int ms = 1; ms < 1000; ms++) {
        assert_true(metric_to_shown(wall, ms * 1e6) == ms);
        assert_true(metric_to_inside(wall, ms) == ms * 1e6);
    }
    assert_true(metric_to_shown(rss, 3.25) == 3.25); /* values come in the shown unit */
    assert_true(metric_to_inside(rss, 0.5) == 0.5);
    struct metric odd = {.scale = 0.3};
    ASSERT_NEAR(metric_to_inside(&odd, metric_to_shown(&odd, 7)), 7, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_complete),
        cmocka_unit_test(the_unit_stands_last_in_the_name),
        cmocka_unit_test(directions_that_old_tools_got_wrong),
        cmocka_unit_test(aliases_and_stand_ins),
        cmocka_unit_test(the_nearest_name_is_offered),
        cmocka_unit_test(scaling_is_exact_where_it_can_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
