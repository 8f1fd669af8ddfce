/* test_efficiency.c: energy and cost per inference, of tables and of runs, by hand-made numbers. */
#include "analyze_fixture.h"
#include "file_analysis.h"
#include "near.h"

extern const struct file_analyzer file_analyzer_efficiency;

static int analyze_files(struct file_analysis *test)
{
    return file_analyzer_efficiency.files(&test->options, &test->analysis, &test->err);
}

static double value(const struct file_analysis *test, const char *table, size_t row,
                    const char *column)
{
    return file_analysis_cell(test, table, row, column)->value;
}

/* 20 ms at 10 W are 0.2 J a call; of 4 items 0.05 J each; 200 items/s, 20 of them per watt. */
static void figures_count_every_item(void **state)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    test.options.cost_per_kwh = 0.36;
    test.options.tdp_w = 40;
    file_analysis_add(&test, "a.csv",
                      "workload,batch_size,latency_ms,power_w\nnet,4,19,10\nnet,4,20,9\n"
                      "net,4,21,11\n");
    assert_int_equal(analyze_files(&test), 0);
    assert_string_equal(file_analysis_cell(&test, "groups", 0, "group")->text, "net_batch4");
    ASSERT_NEAR(value(&test, "groups", 0, "energy_per_batch_j"), 0.2, 1e-12);
    ASSERT_NEAR(value(&test, "groups", 0, "energy_per_inference_j"), 0.05, 1e-12);
    ASSERT_NEAR(value(&test, "groups", 0, "throughput_per_s"), 200, 1e-9);
    ASSERT_NEAR(value(&test, "groups", 0, "perf_per_watt"), 20, 1e-9);
    ASSERT_NEAR(value(&test, "groups", 0, "cost_per_1k_inferences"), 0.05 / 3.6e6 * 0.36 * 1000,
                1e-15);
    ASSERT_NEAR(value(&test, "power", 0, "tdp_share_pct"), 25, 1e-9);
    assert_true(isnan(value(&test, "power", 0, "energy_j"))); /* no times */
    assert_null(file_analysis_table(&test, "best"));          /* no choice */
    assert_null(file_analysis_finding(&test, "power_constant"));
}

static void only_alternatives_are_compared(void **state)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    file_analysis_add(&test, "a.csv",
                      "workload,batch_size,latency_ms,power_w\n"
                      "big,1,50,20\nbig,1,51,20.2\nbig,1,49,19.8\n"
                      "big,8,100,21\nbig,8,101,21.1\nbig,8,99,20.9\n"
                      "small,1,5,8\nsmall,1,5.1,8.1\nsmall,1,4.9,7.9\n");
    assert_int_equal(analyze_files(&test), 0);
    const struct analysis_table *best = file_analysis_table(&test, "best");
    assert_non_null(best);
    assert_int_equal(best->row_count, 3); /* of `big` alone */
    assert_string_equal(file_analysis_cell(&test, "best", 0, "group")->text, "big_batch1");
    assert_string_equal(file_analysis_cell(&test, "best", 1, "group")->text, "big_batch8");
    assert_string_equal(file_analysis_cell(&test, "best", 2, "group")->text, "big_batch8");
    ASSERT_NEAR(value(&test, "best", 0, "decided"), 1, 0);
    ASSERT_NEAR(value(&test, "groups", 0, "pareto"), 0, 0);
    ASSERT_NEAR(value(&test, "groups", 1, "pareto"), 1, 0);
    ASSERT_NEAR(value(&test, "groups", 2, "pareto"), 1, 0);
}

/* The rows of both groups lie over each other: nothing may be decided. */
static void what_overlaps_is_not_decided(void **state)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    file_analysis_add(&test, "a.csv",
                      "batch_size,latency_ms,power_w\n1,10,5\n1,14,6\n1,12,7\n2,21,5\n2,28,7\n"
                      "2,26,6\n");
    assert_int_equal(analyze_files(&test), 0);
    ASSERT_NEAR(value(&test, "best", 2, "decided"), 0, 0);
    const struct finding *finding = file_analysis_finding(&test, "best_energy");
    assert_non_null(finding);
    assert_non_null(strstr(finding->sentence, "not decided"));
}

/* Equal power: trapezoids are rectangles; the gap of 100 s is none of them. */
static void gaps_are_left_out_of_the_energy(void **state)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    file_analysis_add(&test, "a.csv",
                      "timestamp,latency_ms,power_w\n0,500,4\n1,500,8\n2,500,4\n102,500,8\n"
                      "103,500,4\n");
    assert_int_equal(analyze_files(&test), 0);
    ASSERT_NEAR(value(&test, "power", 0, "energy_j"), 18, 1e-12);
    ASSERT_NEAR(value(&test, "power", 0, "covered_s"), 3, 1e-12);
    ASSERT_NEAR(value(&test, "power", 0, "gaps"), 1, 0);
    ASSERT_NEAR(value(&test, "power", 0, "gaps_s"), 100, 1e-12);
    ASSERT_NEAR(value(&test, "power", 0, "busy_pct"), 50, 1e-9);
    assert_non_null(file_analysis_finding(&test, "time_gaps"));
    assert_null(file_analysis_finding(&test, "idle_between_calls"));
}

/* a draws 5 W for 20 ms, b 10 W for 10 ms, in turns: no time between two rows of a is a's alone. At
 * the end b stands alone three times: 20 ms at 10 W. */
static void groups_in_turns_share_no_time(void **state)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    char rows[8192] = "workload,timestamp,latency_ms,power_w\n";
    size_t length = strlen(rows);
    for (int i = 0; i < 40; i++)
        length +=
            (size_t)snprintf(rows + length, sizeof(rows) - length, "a,%.2f,20,5\nb,%.2f,10,10\n",
                             100 + i * 0.03, 100 + i * 0.03 + 0.02);
    snprintf(rows + length, sizeof(rows) - length, "b,101.20,10,10\nb,101.21,10,10\n");
    file_analysis_add(&test, "a.csv", rows);
    assert_int_equal(analyze_files(&test), 0);
    assert_true(isnan(value(&test, "power", 0, "energy_j")));
    assert_true(isnan(value(&test, "power", 0, "busy_pct")));
    ASSERT_NEAR(value(&test, "power", 1, "energy_j"), 0.2, 1e-9);
    ASSERT_NEAR(value(&test, "power", 1, "covered_s"), 0.02, 1e-9);
    ASSERT_NEAR(value(&test, "power", 1, "busy_pct"), 100, 1e-6);
    assert_null(file_analysis_finding(&test, "idle_between_calls"));
    assert_null(file_analysis_finding(&test, "calls_overlap"));
    assert_null(file_analysis_finding(&test, "time_gaps"));
}

static void throughput_that_is_right_is_no_finding(void **state)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    file_analysis_add(&test, "a.csv",
                      "batch_size,latency_ms,power_w,throughput\n4,20,5,200\n4,25,6,160\n");
    assert_int_equal(analyze_files(&test), 0);
    assert_null(file_analysis_finding(&test, "throughput_ignores_batch"));
    assert_null(file_analysis_finding(&test, "throughput_disagrees"));
}

static void throughput_of_several_streams_disagrees(void **state)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    file_analysis_add(&test, "a.csv",
                      "batch_size,latency_ms,power_w,throughput\n4,20,5,700\n4,25,6,705\n");
    assert_int_equal(analyze_files(&test), 0);
    assert_null(file_analysis_finding(&test, "throughput_ignores_batch"));
    assert_non_null(file_analysis_finding(&test, "throughput_disagrees"));
}

static void a_constant_is_no_measurement(void **state)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    char text[1024] = "latency_ms,power_w\n";
    for (int i = 0; i < 12; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%d,20.0\n", 10 + i % 3);
    file_analysis_add(&test, "a.csv", text);
    assert_int_equal(analyze_files(&test), 0);
    assert_non_null(file_analysis_finding(&test, "power_constant"));
    assert_true(isnan(file_analysis_cell(&test, "power", 0, "power_w")->lo));
}

static void a_run_without_power_says_which_sensor(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    begin(fixture, 5);
    add_constant(fixture, "wall_ms", 500, 5);
    int rc = file_analyzer_efficiency.run(&fixture->run, &test.options, &test.analysis, &test.err);
    assert_int_equal(rc, -ERROR_NOTHING);
    assert_non_null(strstr(test.err.message, "power_w"));
    assert_non_null(strstr(test.err.hint, "tacho doctor"));
}

/* Launches of 500 ms in 900 ms each, at 10 W. */
static void a_run_has_the_same_figures(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    static const double watts[] = {9, 10, 11, 10, 9, 10, 11, 10, 10, 10};
    static const double wall[] = {490, 510, 500, 495, 505};
    begin(fixture, 5);
    add_units(fixture, "wall_ms", wall, 5);
    add_times(fixture, "power_w", watts, 10);
    test.options.batch_size = 2;
    int rc = file_analyzer_efficiency.run(&fixture->run, &test.options, &test.analysis, &test.err);
    assert_int_equal(rc, 0);
    assert_string_equal(file_analysis_cell(&test, "groups", 0, "group")->text, "power_w@a");
    ASSERT_NEAR(value(&test, "groups", 0, "n"), 5, 0);
    ASSERT_NEAR(value(&test, "groups", 0, "energy_per_batch_j"), 5, 1e-9);
    ASSERT_NEAR(value(&test, "groups", 0, "energy_per_inference_j"), 2.5, 1e-9);
    ASSERT_NEAR(value(&test, "groups", 0, "throughput_per_s"), 4, 1e-9);
    ASSERT_NEAR(value(&test, "groups", 0, "perf_per_watt"), 0.4, 1e-9);
    ASSERT_NEAR(value(&test, "power", 0, "busy_pct"), 100 * 2.5 / 4.5, 1e-6);
    const struct analysis_cell *item =
        file_analysis_cell(&test, "groups", 0, "energy_per_inference_j");
    assert_true(item->lo < 2.5 && item->hi > 2.5 && item->hi - item->lo < 1);
    assert_true(isnan(value(&test, "groups", 0, "pareto"))); /* sensors are no choice */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_count_every_item),
        cmocka_unit_test(only_alternatives_are_compared),
        cmocka_unit_test(what_overlaps_is_not_decided),
        cmocka_unit_test(gaps_are_left_out_of_the_energy),
        cmocka_unit_test(groups_in_turns_share_no_time),
        cmocka_unit_test(throughput_that_is_right_is_no_finding),
        cmocka_unit_test(throughput_of_several_streams_disagrees),
        cmocka_unit_test(a_constant_is_no_measurement),
        cmocka_unit_test_setup_teardown(a_run_without_power_says_which_sensor, setup, teardown),
        cmocka_unit_test_setup_teardown(a_run_has_the_same_figures, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
