/* Summaries against values worked out by hand; quantiles of Student's t are from printed tables. */
#include "model_support.h"

#include "model/summary.h"

static struct summary summarise(const struct run *run, const char *metric)
{
    struct summary summary;
    const struct run_series *series = run_find_series(run, metric, NULL);
    assert_non_null(series);
    assert_int_equal(summary_of(run, series, PHASE_STEADY, &summary, NULL), 0);
    return summary;
}

static void one_sample_per_launch(void **state)
{
    struct run run;
    begin_run(&run, "command");
    struct series series = make_series(0, SERIES_UNIT, "wall_ms", "");
    for (uint32_t i = 0; i < 16; i++) {
        double value = i % 2 ? 11 : 9;
        add_values(&run, &series, i, 0, &value, 1, NULL);
    }
    struct summary summary = summarise(&run, "wall_ms");
    assert_int_equal(summary.reason, REASON_NONE);
    assert_int_equal(summary.n, 16);
    assert_int_equal(summary.n_invocations, 16);
    ASSERT_NEAR(summary.n_eff, 16, 1e-12);
    ASSERT_NEAR(summary.mean, 10, 1e-12);
    ASSERT_NEAR(summary.std, sqrt(16.0 / 15), 1e-12);
    assert_true(summary.min == 9 && summary.max == 11);
    ASSERT_NEAR(summary.quantile[SUMMARY_P50], 10, 1e-12);
    ASSERT_NEAR(summary.quantile[SUMMARY_P99], 11, 1e-12);
    assert_false(summary.ci_by_invocation);
    assert_true(summary.has_mean_ci);
    /* t(0.975; 15) = 2.13145 */
    ASSERT_NEAR(summary.mean_hi - 10, 2.13145 * sqrt(16.0 / 15) / 4, 1e-5);
    ASSERT_NEAR(10 - summary.mean_lo, summary.mean_hi - 10, 1e-9);
    /* Fewest samples with none over, at 99 %: ln 0.01 / ln p, rounded up. */
    assert_int_equal(summary.quantile_need[SUMMARY_P50], 0);
    assert_int_equal(summary.quantile_need[SUMMARY_P90], 44 - 16);
    assert_int_equal(summary.quantile_need[SUMMARY_P95], 90 - 16);
    assert_int_equal(summary.quantile_need[SUMMARY_P99], 459 - 16);
    assert_int_equal(summary.quantile_need[SUMMARY_P99_9], 4603 - 16);
    assert_true(summary.has_quantile_ci[SUMMARY_P50]);
    assert_true(summary.quantile_lo[SUMMARY_P50] == 9);
    assert_true(summary.quantile_hi[SUMMARY_P50] == 11);
    assert_false(summary.has_quantile_ci[SUMMARY_P99]);
    run_deinit(&run);
}

/* Rising from 0 to 99, the values are worth a handful: of as many independent ones the interval of
 * the median would be that of ranks 40 and 61. */
static void percentile_intervals_know_dependence(void **state)
{
    struct run run;
    begin_run(&run, "command");
    struct series series = make_series(0, SERIES_UNIT, "wall_ms", "");
    for (uint32_t i = 0; i < 100; i++) {
        double value = 1 + i;
        add_values(&run, &series, i, 0, &value, 1, NULL);
    }
    struct summary summary = summarise(&run, "wall_ms");
    ASSERT_NEAR(summary.quantile[SUMMARY_P50], 50.5, 1e-9);
    assert_true(!summary.has_quantile_ci[SUMMARY_P50] ||
                (summary.quantile_lo[SUMMARY_P50] < 25 && summary.quantile_hi[SUMMARY_P50] > 75));
    run_deinit(&run);
}

static void the_invocation_is_the_unit_where_there_are_several(void **state)
{
    struct run run;
    begin_run(&run, "onnx");
    struct series series = make_series(0, SERIES_UNIT, "latency_ms", "");
    static const double means[] = {10, 12, 11, 13};
    for (uint32_t i = 0; i < 4; i++) {
        double values[10];
        for (int j = 0; j < 10; j++)
            values[j] = means[i] + (j % 2 ? 0.25 : -0.25);
        add_values(&run, &series, i, 0, values, 10, NULL);
    }
    struct summary summary = summarise(&run, "latency_ms");
    assert_int_equal(summary.n, 40);
    assert_int_equal(summary.n_invocations, 4);
    assert_true(summary.ci_by_invocation);
    ASSERT_NEAR(summary.mean, 11.5, 1e-12);
    /* std of the four means is sqrt(5/3); t(0.975; 3) = 3.18245 */
    ASSERT_NEAR(summary.mean_hi - 11.5, 3.18245 * sqrt(5.0 / 3) / 2, 1e-4);
    run_deinit(&run);
}

static void invocations_of_unequal_size(void **state)
{
    struct run run;
    begin_run(&run, "onnx");
    struct series series = make_series(0, SERIES_UNIT, "latency_ms", "");
    double small[] = {9, 11}, large[] = {12, 14, 12, 14};
    add_values(&run, &series, 0, 0, small, 2, NULL);
    add_values(&run, &series, 1, 0, large, 4, NULL);
    struct summary summary = summarise(&run, "latency_ms");
    assert_true(summary.ci_by_invocation);
    ASSERT_NEAR(summary.mean, 12, 1e-12);
    /* 2/1 * ((1/3)^2 * 2^2 + (2/3)^2 * 1^2) = 16/9, so 4/3; t(0.975; 1) = 12.7062 */
    ASSERT_NEAR(summary.mean_hi - 12, 12.7062 * 4 / 3, 1e-3);
    run_deinit(&run);
}

static void one_value_has_no_spread(void **state)
{
    struct run run;
    begin_run(&run, "command");
    struct series series = make_series(0, SERIES_UNIT, "wall_ms", "");
    double value = 5;
    add_values(&run, &series, 0, 0, &value, 1, NULL);
    struct summary summary = summarise(&run, "wall_ms");
    assert_int_equal(summary.n, 1);
    assert_true(summary.mean == 5 && summary.min == 5 && summary.max == 5);
    assert_true(isnan(summary.std));
    assert_false(summary.has_mean_ci);
    assert_true(summary.quantile[SUMMARY_P99] == 5);
    assert_false(summary.has_quantile_ci[SUMMARY_P50]);
    run_deinit(&run);
}

static void dependent_samples_are_worth_less(void **state)
{
    struct run run;
    begin_run(&run, "onnx");
    struct series series = make_series(0, SERIES_UNIT, "latency_ms", "");
    double values[1000];
    uint64_t random = 7;
    for (int i = 0; i < 1000; i++) { /* every value ten times */
        if (i % 10 == 0)
            random = random * 6364136223846793005u + 1442695040888963407u;
        values[i] = 10 + (double)(random >> 40) / (1 << 24);
    }
    add_values(&run, &series, 0, 0, values, 1000, NULL);
    struct summary summary = summarise(&run, "latency_ms");
    assert_true(summary.n_eff < 200);
    assert_true(summary.n_eff > 50);
    assert_int_equal(summary.quantile_need[SUMMARY_P99], 0); /* showing goes by plain n */
    run_deinit(&run);
}

static void nothing_has_a_reason(void **state)
{
    struct run run;
    begin_run(&run, "command");
    add_invocation(&run, 0, INVOCATION_OK);
    add_invocation(&run, 1, INVOCATION_EXIT);
    struct series denied = make_series(0, SERIES_UNIT, "cycles", "");
    denied.reason = REASON_DENIED;
    denied.why = "perf_event_paranoid is 3";
    struct series missing = make_series(1, SERIES_UNIT, "ipc", "");
    struct series outside = make_series(2, SERIES_TIME, "power_w", "");
    struct series failed = make_series(3, SERIES_UNIT, "user_ms", "");
    double nan = NAN, value = 1;
    int64_t t = 5;
    add_values(&run, &denied, 0, 0, NULL, 0, NULL);
    add_values(&run, &missing, 0, 0, &nan, 1, NULL);
    add_values(&run, &outside, 0, 0, &value, 1, &t);
    add_values(&run, &failed, 1, 0, &value, 1, NULL);
    struct summary summary = summarise(&run, "cycles");
    assert_int_equal(summary.reason, REASON_DENIED);
    assert_string_equal(summary.why, "perf_event_paranoid is 3");
    assert_true(isnan(summary.mean) && isnan(summary.max) && isnan(summary.quantile[0]));
    summary = summarise(&run, "ipc");
    assert_int_equal(summary.reason, REASON_FAILED);
    assert_int_equal(summary.n_missing, 1);
    summary = summarise(&run, "power_w");
    assert_int_equal(summary.reason, REASON_TOO_FEW);
    assert_non_null(summary.why);
    summary = summarise(&run, "user_ms");
    assert_int_equal(summary.reason, REASON_TOO_FEW);
    run_deinit(&run);
}

static void from_a_histogram_within_its_bound(void **state)
{
    struct run run;
    begin_run(&run, "onnx");
    run.samples_max = 500;
    struct series series = make_series(0, SERIES_UNIT, "latency_ms", "");
    double values[10000];
    for (int i = 0; i < 10000; i++)
        values[i] = 1 + (double)((i * 7919) % 10000) / 100; /* 1.00 to 100.99, each once */
    add_values(&run, &series, 0, 0, values, 10000, NULL);
    struct summary summary = summarise(&run, "latency_ms");
    assert_int_equal(summary.n, 10000);
    assert_true(summary.quantile_error > 0 && summary.quantile_error < 0.004);
    ASSERT_NEAR(summary.mean, 50.995, 1e-6);
    ASSERT_NEAR(summary.std, 28.8689567, 1e-4); /* sqrt(n (n+1) / 12) / 100, n = 10000 */
    assert_true(summary.min == 1 && summary.max == 100.99);
    double p99 = 1 + 0.99 * 99.99;
    ASSERT_NEAR(summary.quantile[SUMMARY_P99], p99, p99 * summary.quantile_error);
    assert_true(summary.has_quantile_ci[SUMMARY_P99]);
    assert_true(summary.quantile_lo[SUMMARY_P99] < p99);
    assert_true(summary.quantile_hi[SUMMARY_P99] > p99);
    assert_int_equal(summary.n_missing, 0);
    run_deinit(&run);
}

static void statistics_by_name(void **state)
{
    struct run run;
    begin_run(&run, "command");
    struct series series = make_series(0, SERIES_UNIT, "wall_ms", "");
    double values[] = {1, 3, 2, 5, 4};
    for (uint32_t i = 0; i < 5; i++)
        add_values(&run, &series, i, 0, &values[i], 1, NULL);
    struct summary summary = summarise(&run, "wall_ms");
    static const struct {
        const char *name;
        double value;
    } rows[] = {{"mean", 3}, {"median", 3}, {"min", 1},       {"max", 5},      {"n", 5},
                {"p50", 3},  {"p90", 4.6},  {"p99_9", 4.996}, {"p99.9", 4.996}};
    double value;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(summary_statistic(&summary, rows[i].name, &value, NULL), 0);
        ASSERT_NEAR(value, rows[i].value, 1e-12);
    }
    struct error err;
    assert_int_equal(summary_statistic(&summary, "p42", &value, &err), -ERROR_INPUT);
    assert_int_equal(err.code, ERROR_INPUT);
    assert_true(strlen(err.hint) > 0);
    run_deinit(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_sample_per_launch),
        cmocka_unit_test(percentile_intervals_know_dependence),
        cmocka_unit_test(the_invocation_is_the_unit_where_there_are_several),
        cmocka_unit_test(invocations_of_unequal_size),
        cmocka_unit_test(one_value_has_no_spread),
        cmocka_unit_test(dependent_samples_are_worth_less),
        cmocka_unit_test(nothing_has_a_reason),
        cmocka_unit_test(from_a_histogram_within_its_bound),
        cmocka_unit_test(statistics_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
