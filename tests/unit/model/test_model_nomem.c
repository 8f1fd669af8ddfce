/* Every allocation fails once, in turn: recording, summing up and judging must say so, stay valid
 * and leak nothing (the sanitizer build looks). */
#include "malloc_countdown.h"
#include "model_support.h"

#include "model/environment.h"
#include "model/limit.h"
#include "model/summary.h"

/* Ten samples of a latency, two of an own metric, beyond the cap. Goes on after an error, as a tee
 * would not: the run has to stay valid for readers. */
static int record(struct run *run)
{
    struct run_sink *sink = run_sink_of(run);
    struct facts environment = {0};
    facts_text(&environment, "os", "Debian", "/etc/os-release");
    int failures = environment.failed;
    struct run_info info = {.id = "x", .label = "label", .environment = &environment};
    failures += sink_begin(sink, &info, NULL) < 0;
    facts_deinit(&environment);
    struct series wall = make_series(0, SERIES_UNIT, "wall_ms", "");
    struct metric own = {.name = "fps", .unit = "1/s", .scale = 1, .kind = METRIC_VALUE};
    struct series fps = {
        .id = 1, .kind = SERIES_VALUE, .metric = &own, .instance = "", .why = "none"};
    uint64_t ns[10];
    double values[2] = {29, 30};
    for (uint64_t i = 0; i < 10; i++)
        ns[i] = 1000000 * (i % 3 + 1);
    struct sample_block blocks[] = {{.series = &wall, .n = 10, .value_ns = ns},
                                    {.series = &fps, .n = 2, .value = values}};
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
        int rc = sink_samples(sink, &blocks[i], NULL);
        assert_true(rc == 0 || rc == -ERROR_NOMEM);
        failures += rc < 0;
    }
    failures += sink_phase(sink, &(struct phase){.kind = PHASE_STEADY, .unit_count = 10}, NULL) < 0;
    failures += sink_invocation(sink, &(struct invocation){0}, NULL) < 0;
    failures += sink_event(sink, &(struct event){.name = "a", .text = "b"}, NULL) < 0;
    failures += sink_finding(sink, &(struct finding){0}, NULL) < 0;
    struct run_end end = {.state = RUN_COMPLETE};
    failures += sink_end(sink, &end, NULL) < 0;
    return failures;
}

static int evaluate(const struct run *run)
{
    struct limit limit = {.stat = "p99", .metric = "wall_ms", .bound = 2};
    struct finding finding;
    struct summary summary;
    int failures = 0;
    for (size_t i = 0; i < run->series_count; i++) {
        int rc = summary_of(run, &run->series[i], PHASE_STEADY, &summary, NULL);
        assert_true(rc == 0 || rc == -ERROR_NOMEM);
        failures += rc < 0;
    }
    int rc = limit_judge(run, &limit, &finding, NULL);
    assert_true(rc == 0 || rc == -ERROR_NOMEM);
    return failures + (rc < 0);
}

static void recording_survives(void **state)
{
    int failures = 1;
    long at = 0;
    while (failures > 0) {
        struct run run;
        run_init(&run);
        run.samples_max = 5;
        malloc_countdown_start(++at);
        failures = record(&run);
        malloc_countdown_stop();
        if (failures == 0)
            assert_int_equal(run.series_count, 2);
        assert_int_equal(evaluate(&run), 0); /* whatever is held can be read */
        run_deinit(&run);
        assert_true(at < 1000);
    }
    assert_true(at > 10); /* it did fail a few times on the way */
}

static void evaluating_survives(void **state)
{
    struct run run;
    run_init(&run);
    run.samples_max = 5;
    assert_int_equal(record(&run), 0);
    int failures = 1;
    long at = 0;
    while (failures > 0) {
        malloc_countdown_start(++at);
        failures = evaluate(&run);
        malloc_countdown_stop();
        assert_true(at < 1000);
    }
    assert_true(at > 5);
    run_deinit(&run);
}

static void reading_the_environment_survives(void **state)
{
    struct root root;
    assert_int_equal(root_open(&root, "/", NULL), 0);
    struct facts whole = {0};
    environment_read(&root, &whole);
    long at = 0;
    bool done = false;
    while (!done) {
        struct facts facts = {0};
        malloc_countdown_start(++at);
        environment_read(&root, &facts);
        done = !malloc_countdown_stop();
        /* Either it says so, or what is missing is null with a reason. */
        if (!facts.failed)
            assert_int_equal(facts.count, whole.count);
        facts_deinit(&facts);
        assert_true(at < 5000);
    }
    facts_deinit(&whole);
    root_close(&root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recording_survives),
        cmocka_unit_test(evaluating_survives),
        cmocka_unit_test(reading_the_environment_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
