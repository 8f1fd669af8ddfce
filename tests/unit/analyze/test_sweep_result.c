/* test_sweep_result.c: figures, best, knee, front, scaling and findings of invented runs. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analyze/sweep_result.h"
#include "base/util.h"
#include "sweep_runs.h"

#define ROWS_MAX 6

struct fixture {
    struct run runs[ROWS_MAX];
    struct sweep_row rows[ROWS_MAX];
    struct sweep_result result;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    fixture->result.rows = fixture->rows;
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    sweep_result_deinit(&fixture->result);
    for (size_t i = 0; i < ROWS_MAX; i++)
        run_deinit(&fixture->runs[i]);
    free(fixture);
    return 0;
}

static struct sweep_row *add_row(struct fixture *fixture, double x, const char *unit)
{
    struct sweep_row *row = &fixture->rows[fixture->result.count++];
    snprintf(row->name, sizeof(row->name), "%s %g", unit, x);
    row->x = x;
    return row;
}

static struct sweep_row *add_batch(struct fixture *fixture, int64_t batch, double ms)
{
    struct run *run = &fixture->runs[fixture->result.count];
    struct invented invented = {.id = "test",
                                .is_model = true,
                                .batch_size = batch,
                                .invocations = 3,
                                .units = 40,
                                .ms = ms,
                                .memory_mb = 100 + 2 * (double)batch};
    invented_run(run, &invented);
    invented_end(run);
    struct sweep_row *row = add_row(fixture, (double)batch, "batch");
    row->run = run;
    return row;
}

static struct sweep_row *add_launches(struct fixture *fixture, double cores, double ms)
{
    struct run *run = &fixture->runs[fixture->result.count];
    struct invented invented = {.id = "test", .invocations = 24, .ms = ms};
    invented_run(run, &invented);
    invented_end(run);
    struct sweep_row *row = add_row(fixture, cores, "cores");
    row->run = run;
    row->threads = (uint64_t)cores;
    return row;
}

static void make(struct fixture *fixture, enum sweep_kind kind)
{
    fixture->result.kind = kind;
    assert_int_equal(sweep_result_make(&fixture->result, NULL), 0);
}

static const struct finding *find(const struct fixture *fixture, const char *rule)
{
    for (size_t i = 0; i < fixture->result.finding_count; i++)
        if (!strcmp(fixture->result.findings[i].rule, rule))
            return &fixture->result.findings[i];
    return NULL;
}

static bool is_close(double got, double want)
{
    return fabs(got - want) <= 1e-9 * fabs(want);
}

static void batches(void **state)
{
    struct fixture *fixture = *state;
    add_batch(fixture, 1, 10);
    add_batch(fixture, 4, 16);
    add_batch(fixture, 8, 24);
    add_batch(fixture, 16, 46);
    add_batch(fixture, 32, 92);
    make(fixture, SWEEP_BATCHING);
    const struct sweep_row *row = fixture->rows;
    /* Units take 1.00, 1.01, 1.02, 1.03 times as long, as often each. */
    assert_true(is_close(row[2].latency_p50.value, 24 * 1.015));
    assert_true(is_close(row[2].per_item.value, 3 * 1.015));
    assert_true(is_close(row[2].throughput.value, 8 / (24e-3 * 1.015)));
    assert_true(row[2].throughput.has_interval);
    assert_true(row[2].throughput.lo < row[2].throughput.value);
    assert_true(row[2].throughput.hi > row[2].throughput.value);
    assert_true(is_close(row[2].memory.value, 116));
    assert_true(isnan(row[2].energy.value) && row[2].energy.why[0]);
    assert_int_equal(fixture->result.latency.row, 0);
    assert_int_equal(fixture->result.energy.row, SWEEP_NONE);
    /* 98.5, 246, 328, 343, 343 per second: 3 and 4 lie in each other's interval. */
    assert_true(fixture->result.throughput.row >= 3);
    assert_true(fixture->result.throughput.is_equal[fixture->result.throughput.row == 3 ? 4 : 3]);
    assert_false(fixture->result.throughput.is_equal[0]);
    assert_int_equal(fixture->result.knee, 2);
    assert_true(row[0].is_on_front && row[1].is_on_front && row[2].is_on_front);
    assert_non_null(find(fixture, "knee"));
    assert_null(find(fixture, "configuration_failed"));
    assert_int_equal(fixture->result.verdict.outcome, OUTCOME_NOT_JUDGED);
}

static void a_failed_one_leaves_the_others(void **state)
{
    struct fixture *fixture = *state;
    add_batch(fixture, 1, 10);
    struct sweep_row *row = add_row(fixture, 4096, "batch");
    error_set(&row->error, ERROR_PROGRAM, "the worker was killed for want of memory");
    error_hint(&row->error, "take a smaller batch");
    make(fixture, SWEEP_BATCHING);
    assert_int_equal(fixture->result.measured, 1);
    assert_int_equal(fixture->result.latency.row, 0);
    assert_false(row->is_measured);
    assert_true(isnan(row->latency_p50.value) && isnan(row->throughput.value));
    assert_string_equal(row->latency_p50.why, "the worker was killed for want of memory");
    assert_false(row->is_on_front);
    const struct finding *finding = find(fixture, "configuration_failed");
    assert_non_null(finding);
    assert_string_equal(finding->sentence,
                        "batch 4096 failed: the worker was killed for want of memory");
    assert_string_equal(finding->advice, "take a smaller batch");
}

static void nothing_measured(void **state)
{
    struct fixture *fixture = *state;
    struct sweep_row *row = add_row(fixture, 1, "cores");
    error_set(&row->error, ERROR_PROGRAM, "no such program");
    make(fixture, SWEEP_CORES);
    assert_int_equal(fixture->result.measured, 0);
    assert_int_equal(fixture->result.base, SWEEP_NONE);
    assert_int_equal(fixture->result.latency.row, SWEEP_NONE);
    assert_false(fixture->result.has_fit);
}

/* T(p) = 100 ms (0.2 + 0.8 / p) */
static void scaling_of_a_command(void **state)
{
    struct fixture *fixture = *state;
    add_launches(fixture, 1, 100);
    add_launches(fixture, 2, 60);
    add_launches(fixture, 4, 40);
    make(fixture, SWEEP_CORES);
    const struct sweep_row *row = fixture->rows;
    assert_int_equal(fixture->result.base, 0);
    assert_true(is_close(row[1].speedup.value, 100.0 / 60));
    assert_true(is_close(row[2].speedup.value, 2.5));
    assert_true(is_close(row[2].efficiency.value, 0.625));
    assert_true(row[2].speedup.has_interval && row[2].speedup.lo <= 2.5 &&
                row[2].speedup.hi >= 2.5 && row[2].speedup.hi < 2.7);
    assert_false(row[0].speedup.has_interval);
    assert_int_equal(row[0].time_count, 24);
    assert_true(fixture->result.has_fit);
    assert_true(is_close(fixture->result.fit.serial, 0.2));
    assert_true(fixture->result.fit.has_ci);
    assert_null(find(fixture, "no_speedup"));
    assert_null(find(fixture, "no_amdahl"));
    assert_null(find(fixture, "enough_cores"));
    assert_null(find(fixture, "oversubscription"));
}

static void no_scaling(void **state)
{
    struct fixture *fixture = *state;
    add_launches(fixture, 1, 100);
    add_launches(fixture, 2, 101);
    add_launches(fixture, 4, 100);
    fixture->rows[0].threads = 4;
    make(fixture, SWEEP_CORES);
    assert_non_null(find(fixture, "no_speedup"));
    const struct finding *finding = find(fixture, "enough_cores");
    assert_non_null(finding);
    assert_true(is_close(finding->value, 1));
    finding = find(fixture, "oversubscription");
    assert_non_null(finding);
    assert_true(is_close(finding->value, 4));
}

/* Not Amdahl's: the second core helps, four are far worse. */
static void another_law(void **state)
{
    struct fixture *fixture = *state;
    add_launches(fixture, 1, 100);
    add_launches(fixture, 2, 30);
    add_launches(fixture, 4, 90);
    make(fixture, SWEEP_CORES);
    assert_non_null(find(fixture, "no_amdahl"));
    assert_non_null(find(fixture, "enough_cores"));
}

/* Inferences of one process are no independent values: three processes, three ratios. */
static void scaling_of_a_model(void **state)
{
    struct fixture *fixture = *state;
    add_batch(fixture, 1, 100);
    add_batch(fixture, 1, 50);
    fixture->rows[0].x = 1;
    fixture->rows[1].x = 2;
    make(fixture, SWEEP_CORES);
    assert_int_equal(fixture->rows[0].time_count, 3);
    assert_true(is_close(fixture->rows[1].speedup.value, 2));
    assert_true(fixture->rows[1].speedup.has_interval);
}

/* Both slow down alike from round to round: paired ratios do not see it. */
static void drift_is_paired_away(void **state)
{
    struct fixture *fixture = *state;
    struct invented invented = {.id = "test",
                                .is_model = true,
                                .batch_size = 1,
                                .invocations = 4,
                                .units = 40,
                                .ms = 100,
                                .drift = 0.2};
    for (size_t i = 0; i < 2; i++) {
        invented_run(&fixture->runs[i], &invented);
        invented_end(&fixture->runs[i]);
        add_row(fixture, (double)(i + 1), "cores")->run = &fixture->runs[i];
        invented.ms = 50;
    }
    make(fixture, SWEEP_CORES);
    assert_true(is_close(fixture->rows[1].speedup.value, 2));
    assert_true(fixture->rows[1].speedup.hi - fixture->rows[1].speedup.lo < 1e-6);
}

static void verdict_is_the_worst(void **state)
{
    struct fixture *fixture = *state;
    static const enum outcome outcomes[] = {OUTCOME_PASS, OUTCOME_FAIL, OUTCOME_UNDECIDED};
    for (size_t i = 0; i < ARRAY_LEN(outcomes); i++) {
        struct invented invented = {.id = "test", .invocations = 3, .ms = 10};
        struct finding finding;
        invented_run(&fixture->runs[i], &invented);
        finding_init(&finding, "limit", SEVERITY_INFO, "wall_ms");
        finding.outcome = outcomes[i];
        assert_int_equal(sink_finding(run_sink_of(&fixture->runs[i]), &finding, NULL), 0);
        invented_end(&fixture->runs[i]);
        add_row(fixture, (double)i, "configuration")->run = &fixture->runs[i];
    }
    fixture->result.note_count = 1;
    snprintf(fixture->result.notes[0], sizeof(fixture->result.notes[0]), "dla_0: no TensorRT");
    make(fixture, SWEEP_CONFIGURATIONS);
    assert_int_equal(fixture->result.verdict.outcome, OUTCOME_FAIL);
    assert_int_equal(fixture->result.verdict.passed, 1);
    assert_int_equal(fixture->result.verdict.undecided, 1);
    assert_string_equal(find(fixture, "configuration_left_out")->sentence,
                        "not measured: dla_0: no TensorRT");
}

static void what_runs_found_is_passed_on(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < 3; i++) {
        struct invented invented = {.id = "test", .invocations = 3, .ms = 10};
        struct finding finding;
        invented_run(&fixture->runs[i], &invented);
        finding_init(&finding, i == 0 ? "memory_bound" : "contention", SEVERITY_WARNING, "");
        finding_sentence(&finding, "others used the machine");
        assert_int_equal(sink_finding(run_sink_of(&fixture->runs[i]), &finding, NULL), 0);
        invented_end(&fixture->runs[i]);
        add_row(fixture, (double)i, "run")->run = &fixture->runs[i];
    }
    make(fixture, SWEEP_CONFIGURATIONS);
    assert_int_equal(fixture->result.finding_count, 1);
    assert_string_equal(fixture->result.findings[0].sentence,
                        "run 1, and 1 more alike: others used the machine");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(batches),
        TEST(a_failed_one_leaves_the_others),
        TEST(nothing_measured),
        TEST(scaling_of_a_command),
        TEST(no_scaling),
        TEST(another_law),
        TEST(scaling_of_a_model),
        TEST(drift_is_paired_away),
        TEST(verdict_is_the_worst),
        TEST(what_runs_found_is_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
