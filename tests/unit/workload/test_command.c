/* test_command.c: the command workload: values, settings, output, findings. */
#include "command_support.h"

static void test_accepts(void **state)
{
    struct workload_args args = {0};
    assert_false(workload->accepts(&args));
    args.command = ARGV("true");
    assert_true(workload->accepts(&args));
    args.command = (const char *const[]){NULL};
    assert_false(workload->accepts(&args));
}

static void test_series_are_dense_and_known(void **state)
{
    struct bench bench;
    size_t count;
    bench_begin(&bench, ARGV("true"));
    bench_set(&bench, SETTING_METRIC, "fps=FPS: ([0-9.]+)");
    assert_int_equal(bench_open(&bench), 0);
    const struct series *series = workload->series(bench.state, &count);
    assert_int_equal(count, 29);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(series[i].id, i);
        assert_non_null(series[i].metric);
        assert_non_null(series[i].source);
    }
    assert_string_equal(series[0].metric->name, "wall_ms");
    assert_string_equal(series[count - 1].metric->name, "fps");
    bench_end(&bench);
}

/* Every series has one value per launch, or a reason. */
static void test_values_or_reasons(void **state)
{
    struct bench bench;
    size_t count;
    bench_launch(&bench, ARGV(PROG("spin"), "20"));
    bench_invoke(&bench);
    assert_int_equal(bench.invocation.outcome, INVOCATION_OK);
    assert_int_equal(bench.invocation.index, 1);
    assert_true(bench.invocation.begin_ns >= 0);
    assert_true(bench.invocation.end_ns > bench.invocation.begin_ns);
    assert_int_equal(bench.err.code, 0);
    const struct series *series = workload->series(bench.state, &count);
    for (size_t i = 0; i < count; i++) {
        const struct run_series *stored = run_find_series(&bench.run, series[i].metric->name, NULL);
        assert_non_null(stored);
        if (series[i].reason == REASON_NONE) {
            assert_int_equal(stored->count, 2);
        } else {
            assert_int_equal(stored->count, 0);
            assert_int_equal(stored->series.reason, series[i].reason);
            assert_non_null(stored->series.why);
        }
    }
    bench_end(&bench);
}

static void test_values_are_in_shown_units(void **state)
{
    struct bench bench;
    bench_launch(&bench, ARGV(PROG("spin"), "100"));
    double wall_ms = bench_value(&bench, "wall_ms");
    double cpu_ms = bench_value(&bench, "user_ms") + bench_value(&bench, "system_ms");
    assert_true(wall_ms >= 95 && wall_ms < 60000);
    assert_true(cpu_ms >= 95 && cpu_ms <= wall_ms);
    assert_true(fabs(bench_value(&bench, "cpu_pct") - 100 * cpu_ms / wall_ms) < 0.01);
    double invocation_ms = (double)(bench.invocation.end_ns - bench.invocation.begin_ns) * 1e-6;
    assert_true(fabs(wall_ms - invocation_ms) < 1e-3);
    bench_end(&bench);

    bench_launch(&bench, ARGV(PROG("hog"), "48"));
    assert_true(bench_value(&bench, "peak_rss_mb") >= 48);
    assert_true(bench_value(&bench, "peak_tree_rss_mb") >= bench_value(&bench, "peak_rss_mb"));
    bench_end(&bench);

    bench_launch(&bench, ARGV(PROG("write"), "1048576"));
    if (run_find_series(&bench.run, "char_written_mb", NULL)->series.reason == REASON_NONE)
        assert_true(bench_value(&bench, "char_written_mb") == 1.0);
    bench_end(&bench);
}

static void test_target_is_followed(void **state)
{
    struct bench bench;
    bench_launch(&bench, ARGV("sleep", "0.5"));
    assert_true(bench.target > 0);
    assert_int_equal(bench.targets, 2);
    assert_true(bench.stop_calls >= 3); /* every 150 ms, and at the end */
    bench_end(&bench);
}

static void test_metric_from_output(void **state)
{
    struct bench bench;
    bench_begin(&bench, ARGV(PROG("fps"), "1000"));
    bench_set(&bench, SETTING_METRIC, "fps:higher=FPS: ([0-9.]+)");
    bench_set(&bench, SETTING_METRIC, "dropped=dropped=([0-9]+)");
    bench_set(&bench, SETTING_METRIC, "never=no such line ([0-9]+)");
    assert_int_equal(bench_open(&bench), 0);
    bench_invoke(&bench);
    bench_invoke(&bench);
    const struct run_series *fps = run_find_series(&bench.run, "fps", NULL);
    assert_int_equal(fps->count, 2000);
    assert_int_equal(fps->series.kind, SERIES_VALUE);
    assert_int_equal(fps->series.metric->direction, DIRECTION_HIGHER);
    for (size_t i = 0; i < fps->count; i++) {
        assert_true(fps->samples[i].value == 30.5 + (double)(i % 1000));
        assert_int_equal(fps->samples[i].invocation, i / 1000);
        assert_true(fps->samples[i].t_ns > 0);
    }
    const struct run_series *dropped = run_find_series(&bench.run, "dropped", NULL);
    assert_int_equal(dropped->count, 2000); /* from stderr */
    assert_int_equal(dropped->series.metric->direction, DIRECTION_NEITHER);
    assert_true(dropped->samples[999].value == 999);
    bench_findings(&bench);
    const struct finding *finding = bench_finding(&bench, "metric_not_found");
    assert_non_null(finding);
    assert_string_equal(finding->metric, "never");
    assert_true(finding->advice[0] != '\0');
    const struct run_series *never = run_find_series(&bench.run, "never", NULL);
    assert_int_equal(never->series.reason, REASON_FAILED);
    assert_int_equal(never->count, 0);
    bench_end(&bench);
}

static void test_metric_with_survivor_holding_the_pipe(void **state)
{
    struct bench bench;
    bench_begin(&bench, ARGV("sh", "-c", "sleep 600 & echo FPS: 7"));
    bench_set(&bench, SETTING_METRIC, "fps=FPS: ([0-9.]+)");
    assert_int_equal(bench_open(&bench), 0);
    bench_invoke(&bench);
    assert_true(bench_value(&bench, "fps") == 7);
    bench_findings(&bench);
    const struct finding *finding = bench_finding(&bench, "survivors");
    assert_non_null(finding);
    assert_non_null(strstr(finding->sentence, "left 1 process behind"));
    assert_non_null(strstr(finding->sentence, "sleep"));
    bench_end(&bench);
}

/* More than a pipe holds, twice over: the program must not wait for us for ever. */
static void test_much_output(void **state)
{
    struct bench bench;
    bench_begin(&bench, ARGV("sh", "-c", PROG_TEXT("write") " 4000000; echo FPS: 9"));
    bench_set(&bench, SETTING_METRIC, "fps=FPS: ([0-9.]+)");
    assert_int_equal(bench_open(&bench), 0);
    bench_invoke(&bench);
    assert_int_equal(bench.invocation.outcome, INVOCATION_OK);
    assert_true(bench_value(&bench, "fps") == 9);
    bench_end(&bench);
}

static void test_closed_stdout_with_metric(void **state)
{
    struct bench bench;
    bench_begin(&bench, ARGV(PROG("close_stdout")));
    bench_set(&bench, SETTING_METRIC, "before=before ([0-9]+)");
    assert_int_equal(bench_open(&bench), 0);
    bench_invoke(&bench);
    assert_int_equal(bench.invocation.outcome, INVOCATION_OK);
    assert_true(bench_value(&bench, "before") == 1);
    bench_end(&bench);
}

/* What was written to our stderr while `invoke` ran. */
static void invoke_capturing(struct bench *bench, char *text, size_t size)
{
    char path[] = "/tmp/tacho-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    int saved = dup(STDERR_FILENO);
    dup2(fd, STDERR_FILENO);
    bench_invoke(bench);
    dup2(saved, STDERR_FILENO);
    close(saved);
    ssize_t n = pread(fd, text, size - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    close(fd);
}

static void test_show_output(void **state)
{
    struct bench bench;
    char text[256];
    bench_begin(&bench, ARGV("sh", "-c", "echo FPS: 3; sleep 0.1; echo there >&2"));
    assert_int_equal(bench_open(&bench), 0);
    invoke_capturing(&bench, text, sizeof(text));
    assert_string_equal(text, ""); /* not asked for */
    bench_end(&bench);

    for (int with_metric = 0; with_metric < 2; with_metric++) {
        bench_begin(&bench, ARGV("sh", "-c", "echo FPS: 3; sleep 0.1; echo there >&2"));
        bench_set(&bench, SETTING_SHOW_OUTPUT, "true");
        if (with_metric)
            bench_set(&bench, SETTING_METRIC, "fps=FPS: ([0-9.]+)");
        assert_int_equal(bench_open(&bench), 0);
        invoke_capturing(&bench, text, sizeof(text));
        assert_string_equal(text, "FPS: 3\nthere\n");
        if (with_metric)
            assert_true(bench_value(&bench, "fps") == 3);
        bench_end(&bench);
    }
}

static void test_threads(void **state)
{
    struct bench bench;
    bench_begin(&bench, ARGV("sh", "-c",
                             "echo t=$OMP_NUM_THREADS; echo t=$OPENBLAS_NUM_THREADS;"
                             "echo t=$MKL_NUM_THREADS; echo t=$NUMEXPR_NUM_THREADS"));
    bench_set(&bench, SETTING_THREADS, "3");
    bench_set(&bench, SETTING_METRIC, "t=t=([0-9]+)");
    assert_int_equal(bench_open(&bench), 0);
    bench_invoke(&bench);
    const struct run_series *series = run_find_series(&bench.run, "t", NULL);
    assert_int_equal(series->count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_true(series->samples[i].value == 3);
    bench_end(&bench);
}

static void test_cores(void **state)
{
    struct bench bench;
    cpu_set_t allowed;
    char list[16];
    assert_int_equal(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
    int first = 0;
    while (!CPU_ISSET(first, &allowed))
        first++;
    snprintf(list, sizeof(list), "%d", first);
    bench_begin(&bench, ARGV("sh", "-c", "grep Cpus_allowed_list /proc/self/status"));
    bench_set(&bench, SETTING_CORES, list);
    bench_set(&bench, SETTING_METRIC, "core=list:[^0-9]*([0-9]+)$");
    assert_int_equal(bench_open(&bench), 0);
    bench_invoke(&bench);
    assert_true(bench_value(&bench, "core") == first);
    bench_findings(&bench);
    assert_null(bench_finding(&bench, "affinity_not_applied"));
    struct facts facts = {0};
    workload->describe(bench.state, &facts);
    assert_string_equal(facts_get_text(&facts, "cores", ""), list);
    assert_string_equal(facts_get_text(&facts, "cores_asked", ""), list);
    facts_deinit(&facts);
    bench_end(&bench);
}

static void test_cores_that_are_not_there(void **state)
{
    struct bench bench;
    bench_begin(&bench, ARGV("true"));
    bench_set(&bench, SETTING_CORES, "0,1023");
    assert_int_equal(bench_open(&bench), -ERROR_ABSENT);
    assert_non_null(strstr(bench.err.message, "1023"));
    assert_non_null(strstr(bench.err.hint, "can be used"));
    bench_end(&bench);
    static const char *const bad[] = {"", "x", "3-1", "0,,1", "-1", "0-", "1024", "99999999999999"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        bench_begin(&bench, ARGV("true"));
        bench_set(&bench, SETTING_CORES, bad[i]);
        assert_int_equal(bench_open(&bench), -ERROR_USAGE);
        assert_non_null(strstr(bench.err.message, "--cores"));
        bench_end(&bench);
    }
}

static void test_describe(void **state)
{
    struct bench bench;
    bench_begin(&bench, ARGV("sh", "-c", "exit 0"));
    bench_set(&bench, SETTING_TIMEOUT, "1.5");
    bench_set(&bench, SETTING_THREADS, "2");
    assert_int_equal(bench_open(&bench), 0);
    struct facts facts = {0};
    workload->describe(bench.state, &facts);
    assert_false(facts.failed);
    assert_string_equal(facts_get_text(&facts, "kind", ""), "command");
    const struct fact *command = facts_get(&facts, "command");
    assert_int_equal(command->list_count, 3);
    assert_string_equal(command->list[2], "exit 0");
    const char *executable = facts_get_text(&facts, "executable", "");
    assert_int_equal(executable[0], '/');
    assert_int_equal(access(executable, X_OK), 0);
    assert_true(facts_get(&facts, "timeout_s")->number == 1.5);
    assert_int_equal(facts_get(&facts, "threads")->integer, 2);
    assert_int_equal(facts_get(&facts, "cores_asked")->reason, REASON_NOT_ASKED);
    facts_deinit(&facts);
    bench_end(&bench);
}

static void test_unwaited_children(void **state)
{
    struct bench bench;
    bench_launch(&bench, ARGV(PROG("children"), "3", "orphan", "60"));
    bench_findings(&bench);
    const struct finding *finding = bench_finding(&bench, "unwaited_children");
    assert_non_null(finding);
    assert_int_equal(finding->severity, SEVERITY_WARNING);
    assert_true(finding->value >= 150);
    assert_null(bench_finding(&bench, "survivors"));
    bench_end(&bench);
    /* A program that waits is not accused. */
    bench_launch(&bench, ARGV(PROG("children"), "3", "wait", "5"));
    bench_findings(&bench);
    assert_null(bench_finding(&bench, "unwaited_children"));
    assert_null(bench_finding(&bench, "survivors"));
    bench_end(&bench);
}

static void test_dropped_children(void **state)
{
    struct bench bench;
    bench_launch(&bench, ARGV(PROG("children"), "2", "ignore", "60"));
    bench_findings(&bench);
    if (run_find_series(&bench.run, "task_clock_ms", NULL)->series.reason != REASON_NONE) {
        bench_end(&bench);
        skip();
    }
    const struct finding *finding = bench_finding(&bench, "unwaited_children");
    assert_non_null(finding);
    assert_true(finding->value >= 100);
    bench_end(&bench);
}

int main(void)
{
    if (bench_setup() != 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts),
        cmocka_unit_test(test_series_are_dense_and_known),
        cmocka_unit_test(test_values_or_reasons),
        cmocka_unit_test(test_values_are_in_shown_units),
        cmocka_unit_test(test_target_is_followed),
        cmocka_unit_test(test_metric_from_output),
        cmocka_unit_test(test_metric_with_survivor_holding_the_pipe),
        cmocka_unit_test(test_much_output),
        cmocka_unit_test(test_closed_stdout_with_metric),
        cmocka_unit_test(test_show_output),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_cores),
        cmocka_unit_test(test_cores_that_are_not_there),
        cmocka_unit_test(test_describe),
        cmocka_unit_test(test_unwaited_children),
        cmocka_unit_test(test_dropped_children),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    launcher_stop(&launcher);
    return failed;
}
