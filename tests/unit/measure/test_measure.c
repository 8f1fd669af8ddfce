/* test_measure.c: the life of a run, with real programs started by the real launcher. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "measure/measure.h"

static struct launcher launcher = {.socket = -1};

struct fixture {
    struct settings settings;
    struct root root;
    struct workload_args args;
    const struct workload *workload;
    void *workload_state;
    struct measure *measure;
    struct measure_plan plan;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    assert_int_equal(settings_init(&fixture->settings, NULL), 0);
    assert_int_equal(root_open(&fixture->root, "/", NULL), 0);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    measure_free(fixture->measure);
    if (fixture->workload_state)
        fixture->workload->close(fixture->workload_state);
    root_close(&fixture->root);
    settings_deinit(&fixture->settings);
    free(fixture);
    return 0;
}

static void prepare(struct fixture *fixture, const char *const *command)
{
    fixture->args = (struct workload_args){
        .settings = &fixture->settings, .launcher = &launcher, .command = command};
    fixture->workload = workloads[0];
    assert_true(fixture->workload->accepts(&fixture->args));
    struct error err = {0};
    if (fixture->workload->open(&fixture->args, &fixture->workload_state, &err) < 0)
        fail_msg("%s", err.message);
    static const char *const collectors_used[] = {"proc"};
    fixture->plan = (struct measure_plan){.workload = fixture->workload,
                                          .workload_state = fixture->workload_state,
                                          .root = &fixture->root,
                                          .collector_names = collectors_used,
                                          .collector_count = 1,
                                          .interval_ns = 20 * NS_PER_MS,
                                          .quiet = true};
}

static const struct run *run_of(struct fixture *fixture)
{
    return measure_run_get(fixture->measure);
}

static size_t units_in(const struct run *run, enum phase_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < run->invocation_count; i++)
        count += run_phase_of_unit(run, run->invocations[i].index, 0) == kind;
    return count;
}

static size_t values_that_count(const struct run *run, const char *metric)
{
    double *values = NULL;
    size_t count = 0;
    const struct run_series *series = run_find_series(run, metric, NULL);
    assert_non_null(series);
    assert_int_equal(run_collect(run, series, PHASE_STEADY, &values, NULL, &count, NULL), 0);
    free(values);
    return count;
}

static bool has_finding(const struct run *run, const char *rule)
{
    for (size_t i = 0; i < run->finding_count; i++) {
        if (!strcmp(run->findings[i].rule, rule))
            return true;
    }
    return false;
}

static void test_explicit_count(void **state)
{
    struct fixture *fixture = *state;
    static const char *const command[] = {"true", NULL};
    prepare(fixture, command);
    fixture->plan.units = 5;
    fixture->plan.units_explicit = true;
    struct error err = {0};
    assert_int_equal(measure_run(&fixture->plan, &fixture->measure, &err), 0);
    const struct run *run = run_of(fixture);
    assert_int_equal(run->state, RUN_COMPLETE);
    assert_int_equal(run->invocation_count, 5);
    assert_int_equal(values_that_count(run, "wall_ms"), 5);
    assert_int_equal(run->verdict.outcome, OUTCOME_NOT_JUDGED);
    assert_true(run->own_cpu_ns > 0);
    assert_string_equal(facts_get_text(&run->workload, "kind", ""), "command");
    assert_non_null(facts_get(&run->environment, "kernel"));
}

static void test_asked_warmup_is_kept_apart(void **state)
{
    struct fixture *fixture = *state;
    static const char *const command[] = {"true", NULL};
    prepare(fixture, command);
    fixture->plan.units = 3;
    fixture->plan.units_explicit = true;
    fixture->plan.warmup_units = 2;
    assert_int_equal(measure_run(&fixture->plan, &fixture->measure, NULL), 0);
    const struct run *run = run_of(fixture);
    assert_int_equal(run->invocation_count, 5);
    assert_int_equal(units_in(run, PHASE_WARMUP), 2);
    assert_int_equal(values_that_count(run, "wall_ms"), 3);
    assert_int_equal(run_find_series(run, "wall_ms", NULL)->count, 5); /* never thrown away */
}

/* The program itself is slow the first time: it leaves a mark. */
static void test_warmup_is_found(void **state)
{
    struct fixture *fixture = *state;
    char script[256], mark[] = "/tmp/tacho-test-XXXXXX";
    assert_non_null(mkdtemp(mark));
    snprintf(script, sizeof(script), "test -e %s/seen || { touch %s/seen; sleep 4; }", mark, mark);
    const char *const command[] = {"sh", "-c", script, NULL};
    prepare(fixture, command);
    fixture->plan.units = 30; /* of ten, a loaded machine makes such a start plausible */
    fixture->plan.units_explicit = true;
    fixture->plan.warmup_auto = true;
    assert_int_equal(measure_run(&fixture->plan, &fixture->measure, NULL), 0);
    const struct run *run = run_of(fixture);
    assert_int_equal(run_phase_of_unit(run, 0, 0), PHASE_WARMUP);
    assert_true(units_in(run, PHASE_WARMUP) >= 1);
    assert_int_equal(values_that_count(run, "wall_ms"), 30); /* as many more were run */
    assert_true(has_finding(run, "first_run_outlier"));
    snprintf(script, sizeof(script), "%s/seen", mark);
    remove(script);
    remove(mark);
}

/* The fortieth launch fails: what was measured until then has had its warm-up all the same. */
static void test_warmup_of_a_failed_run_is_kept_apart(void **state)
{
    struct fixture *fixture = *state;
    char script[256], path[64], mark[] = "/tmp/tacho-test-XXXXXX";
    assert_non_null(mkdtemp(mark));
    snprintf(script, sizeof(script),
             "echo x >>%s/n; case $(wc -l <%s/n) in 1) sleep 3;; 40) exit 3;; esac", mark, mark);
    const char *const command[] = {"sh", "-c", script, NULL};
    prepare(fixture, command);
    fixture->plan.units = 50;
    fixture->plan.units_explicit = true;
    fixture->plan.warmup_auto = true;
    assert_int_equal(measure_run(&fixture->plan, &fixture->measure, NULL), -ERROR_PROGRAM);
    const struct run *run = run_of(fixture);
    assert_int_equal(run->state, RUN_INTERRUPTED);
    assert_int_equal(run->invocation_count, 40);
    assert_int_equal(run_phase_of_unit(run, 0, 0), PHASE_WARMUP);
    assert_true(values_that_count(run, "wall_ms") < 39);
    snprintf(path, sizeof(path), "%s/n", mark);
    remove(path);
    remove(mark);
}

/* A duration that was asked for is that of the steady phase. */
static void test_warmup_found_is_no_part_of_the_duration(void **state)
{
    struct fixture *fixture = *state;
    char script[256], path[64], mark[] = "/tmp/tacho-test-XXXXXX";
    assert_non_null(mkdtemp(mark));
    snprintf(script, sizeof(script), "test -e %s/seen || { touch %s/seen; sleep 1; }; sleep 0.02",
             mark, mark);
    const char *const command[] = {"sh", "-c", script, NULL};
    prepare(fixture, command);
    fixture->plan.duration_ns = 1500 * NS_PER_MS;
    fixture->plan.duration_explicit = true;
    fixture->plan.warmup_auto = true;
    assert_int_equal(measure_run(&fixture->plan, &fixture->measure, NULL), 0);
    const struct run *run = run_of(fixture);
    assert_int_equal(run_phase_of_unit(run, 0, 0), PHASE_WARMUP);
    size_t warmup = units_in(run, PHASE_WARMUP);
    int64_t steady_ns =
        run->invocations[run->invocation_count - 1].end_ns - run->invocations[warmup - 1].end_ns;
    assert_true(steady_ns >= 1500 * (int64_t)NS_PER_MS);
    snprintf(path, sizeof(path), "%s/seen", mark);
    remove(path);
    remove(mark);
}

static void test_failure_ends_the_run_and_never_passes(void **state)
{
    struct fixture *fixture = *state;
    static const char *const command[] = {"sh", "-c", "exit 7", NULL};
    prepare(fixture, command);
    struct limit limit;
    assert_int_equal(limit_parse("max(wall_ms)<=60000", "", NULL, 0, &limit, NULL), 0);
    fixture->plan.limits = &limit;
    fixture->plan.limit_count = 1;
    fixture->plan.units = 5;
    fixture->plan.units_explicit = true;
    struct error err = {0};
    assert_int_equal(measure_run(&fixture->plan, &fixture->measure, &err), -ERROR_PROGRAM);
    assert_non_null(strstr(err.message, "7"));
    const struct run *run = run_of(fixture);
    assert_int_equal(run->state, RUN_INTERRUPTED);
    assert_int_equal(run->invocation_count, 1);
    assert_int_not_equal(run->verdict.outcome, OUTCOME_PASS);
    assert_true(has_finding(run, "program_failed"));
    assert_non_null(strstr(run->findings[0].sentence, "1 of 1 launch failed and is kept out"));
}

static void test_ignored_failures_are_counted_and_kept_out(void **state)
{
    struct fixture *fixture = *state;
    char script[256], mark[] = "/tmp/tacho-test-XXXXXX";
    assert_non_null(mkdtemp(mark));
    /* Fails every second time. */
    snprintf(script, sizeof(script),
             "if test -e %s/odd; then rm %s/odd; exit 3; else touch %s/odd; fi", mark, mark, mark);
    const char *const command[] = {"sh", "-c", script, NULL};
    prepare(fixture, command);
    fixture->plan.units = 6;
    fixture->plan.units_explicit = true;
    fixture->plan.ignore_failure = true;
    assert_int_equal(measure_run(&fixture->plan, &fixture->measure, NULL), 0);
    const struct run *run = run_of(fixture);
    assert_int_equal(run->state, RUN_COMPLETE);
    assert_int_equal(run->invocation_count, 6);
    assert_int_equal(values_that_count(run, "wall_ms"), 3);
    assert_true(has_finding(run, "program_failed"));
    remove(mark);
}

static void test_program_that_cannot_start_is_not_tried_again(void **state)
{
    struct fixture *fixture = *state;
    char path[] = "/tmp/tacho-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd,
                           "\x7f"
                           "ELF broken",
                           11),
                     11);
    assert_int_equal(fchmod(fd, 0755), 0);
    close(fd);
    const char *const command[] = {path, NULL};
    prepare(fixture, command);
    fixture->plan.units = 5;
    fixture->plan.units_explicit = true;
    fixture->plan.ignore_failure = true;
    assert_int_equal(measure_run(&fixture->plan, &fixture->measure, NULL), -ERROR_PROGRAM);
    assert_int_equal(run_of(fixture)->invocation_count, 1);
    remove(path);
}

static void test_limit_keeps_the_run_going(void **state)
{
    struct fixture *fixture = *state;
    static const char *const command[] = {"true", NULL};
    prepare(fixture, command);
    struct limit limit;
    assert_int_equal(limit_parse("p90(wall_ms)<=10000", "", NULL, 0, &limit, NULL), 0);
    fixture->plan.limits = &limit;
    fixture->plan.limit_count = 1;
    fixture->plan.units = 2;
    fixture->plan.duration_ns = 1; /* neither is explicit: the limit's need decides */
    fixture->plan.max_duration_ns = 60 * NS_PER_S;
    assert_int_equal(measure_run(&fixture->plan, &fixture->measure, NULL), 0);
    const struct run *run = run_of(fixture);
    assert_true(run->invocation_count >= 44); /* MLPerf's minimum for p90 at 99 % */
    assert_int_equal(run->verdict.outcome, OUTCOME_PASS);
}

static void test_max_duration_ends_it_undecided(void **state)
{
    struct fixture *fixture = *state;
    static const char *const command[] = {"sleep", "0.05", NULL};
    prepare(fixture, command);
    struct limit limit;
    assert_int_equal(limit_parse("p99(wall_ms)<=10000", "", NULL, 0, &limit, NULL), 0);
    fixture->plan.limits = &limit;
    fixture->plan.limit_count = 1;
    fixture->plan.max_duration_ns = 300 * NS_PER_MS;
    assert_int_equal(measure_run(&fixture->plan, &fixture->measure, NULL), 0);
    const struct run *run = run_of(fixture);
    assert_true(run->invocation_count < 459);
    assert_int_equal(run->verdict.outcome, OUTCOME_UNDECIDED);
    assert_int_equal(run->state, RUN_COMPLETE);
}

/* ---- sinks that fail ---------------------------------------------------------------------- */

struct full_disk {
    struct run_sink sink;
    size_t calls;
};

static int full_samples(struct run_sink *sink, const struct sample_block *block, struct error *err)
{
    struct full_disk *disk = (struct full_disk *)sink;
    if (block->n == 0 || ++disk->calls < 20)
        return 0;
    return error_set(err, ERROR_IO, "disk full");
}

static void test_failing_sink_does_not_lose_the_run(void **state)
{
    struct fixture *fixture = *state;
    static const struct run_sink_ops ops = {.name = "full", .samples = full_samples};
    struct full_disk disk = {.sink = {.ops = &ops}};
    static const char *const command[] = {"true", NULL};
    prepare(fixture, command);
    fixture->plan.sink[1] = &disk.sink; /* no matter which */
    fixture->plan.units = 8;
    fixture->plan.units_explicit = true;
    assert_int_equal(measure_run(&fixture->plan, &fixture->measure, NULL), 0);
    const struct error *why = measure_sink_error(fixture->measure, 1);
    assert_null(measure_sink_error(fixture->measure, 0));
    assert_non_null(why);
    assert_string_equal(why->message, "disk full");
    assert_int_equal(disk.calls, 20); /* not asked again */
    assert_int_equal(values_that_count(run_of(fixture), "wall_ms"), 8);
    assert_int_equal(run_of(fixture)->state, RUN_COMPLETE);
}

/* ---- a workload that does not let the sampler's rows be taken ------------------------------- */

static bool busy_accepts(const struct workload_args *args)
{
    return true;
}

static void busy_describe(void *state, struct facts *facts)
{
    facts_text(facts, "name", "busy", NULL);
}

static const struct series *busy_series(void *state, size_t *ret_count)
{
    static struct series series = {
        .kind = SERIES_UNIT, .instance = "", .source = "test", .reason = REASON_NONE};
    series.metric = metric_find("wall_ms");
    *ret_count = 1;
    return &series;
}

/* Longer than the ring holds at this pace (4096 rows of 1 ms). */
static int busy_invoke(void *state, struct workload_io *io, struct invocation *ret_invocation,
                       struct error *err)
{
    sleep(6);
    ret_invocation->outcome = INVOCATION_OK;
    ret_invocation->end_ns = 6 * (int64_t)NS_PER_S;
    return 0;
}

static void test_missing_rows_are_told(void **state)
{
    struct fixture *fixture = *state;
    static const struct workload busy = {.name = "busy",
                                         .unit = "nap",
                                         .units = "naps",
                                         .latency_metric = "wall_ms",
                                         .one_unit_per_invocation = true,
                                         .accepts = busy_accepts,
                                         .describe = busy_describe,
                                         .series = busy_series,
                                         .invoke = busy_invoke};
    static const char *const synthetic[] = {"synthetic"};
    fixture->plan = (struct measure_plan){.workload = &busy,
                                          .root = &fixture->root,
                                          .units = 1,
                                          .units_explicit = true,
                                          .collector_names = synthetic,
                                          .collector_count = 1,
                                          .interval_ns = NS_PER_MS,
                                          .quiet = true};
    assert_int_equal(measure_run(&fixture->plan, &fixture->measure, NULL), 0);
    assert_true(run_of(fixture)->synthetic);
    assert_true(has_finding(run_of(fixture), "sampling_gaps"));
}

/* ---- two at a time, as bench and compare need it ------------------------------------------- */

static void test_two_measures_interleave(void **state)
{
    struct fixture *first = *state, *second = NULL;
    void *second_state = NULL;
    assert_int_equal(setup(&second_state), 0);
    second = second_state;
    static const char *const command_a[] = {"true", NULL}, *const command_b[] = {"false", NULL};
    prepare(first, command_a);
    prepare(second, command_b);
    first->plan.units = second->plan.units = 3;
    first->plan.units_explicit = second->plan.units_explicit = true;
    second->plan.ignore_failure = true;
    assert_int_equal(measure_open(&first->plan, &first->measure, NULL), 0);
    assert_int_equal(measure_open(&second->plan, &second->measure, NULL), 0);
    bool more_a = true, more_b = true;
    while (more_a || more_b) {
        if (more_a)
            assert_int_equal(measure_step(first->measure, &more_a, NULL), 0);
        if (more_b)
            assert_int_equal(measure_step(second->measure, &more_b, NULL), 0);
    }
    assert_int_equal(measure_close(first->measure, NULL), 0);
    assert_int_equal(measure_close(second->measure, NULL), 0);
    const struct run *a = run_of(first), *b = run_of(second);
    assert_int_equal(a->invocation_count, 3);
    assert_int_equal(b->invocation_count, 3);
    assert_int_equal(a->invocations[2].outcome, INVOCATION_OK);
    assert_int_equal(b->invocations[2].outcome, INVOCATION_EXIT);
    /* B's first launch lies between A's first and second: they took turns. */
    double a_begin = a->begin_epoch_s + (double)a->invocations[1].begin_ns / 1e9;
    double b_end = b->begin_epoch_s + (double)b->invocations[0].end_ns / 1e9;
    assert_true(b_end <= a_begin + 0.001);
    teardown(&second_state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    struct error err = {0};
    if (launcher_start(&launcher, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        TEST(test_explicit_count),
        TEST(test_asked_warmup_is_kept_apart),
        TEST(test_warmup_is_found),
        TEST(test_warmup_of_a_failed_run_is_kept_apart),
        TEST(test_warmup_found_is_no_part_of_the_duration),
        TEST(test_failure_ends_the_run_and_never_passes),
        TEST(test_ignored_failures_are_counted_and_kept_out),
        TEST(test_program_that_cannot_start_is_not_tried_again),
        TEST(test_limit_keeps_the_run_going),
        TEST(test_max_duration_ends_it_undecided),
        TEST(test_failing_sink_does_not_lose_the_run),
        TEST(test_missing_rows_are_told),
        TEST(test_two_measures_interleave),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    launcher_stop(&launcher);
    return failed;
}
