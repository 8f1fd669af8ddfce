/* The screen of `tacho run`, compared with text that was looked at when it was recorded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report_fixture.h"

static const char *const sort_command[] = {"sort", "words.txt", NULL};
static const struct report_options plain = {.width = 80, .stored_as = "20261120-212233-4f1c"};

static size_t count_lines(const char *text)
{
    size_t lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static void check(struct fixture *fixture, const struct report_options *options, const char *golden)
{
    struct strbuf out = {0};
    fixture_render(fixture, options, &out);
    assert_golden(golden, strbuf_get(&out));
    strbuf_deinit(&out);
    fixture_deinit(fixture);
}

static void test_usual_run_fits_a_screen(void **state)
{
    (void)state;
    struct fixture fixture;
    struct strbuf out = {0};
    fixture_begin(&fixture, "sort words.txt", sort_command, false);
    fixture_usual(&fixture, 22, 2);
    fixture_end(&fixture, RUN_COMPLETE);
    fixture_render(&fixture, &plain, &out);
    assert_true(count_lines(strbuf_get(&out)) <= 24);
    assert_int_equal(strncmp(strbuf_get(&out), "not judged", 10), 0);
    strbuf_deinit(&out);
    check(&fixture, &plain, "usual.txt");
}

static void test_model(void **state)
{
    (void)state;
    struct fixture fixture;
    struct strbuf out = {0};
    fixture_model(&fixture, 1, 0, false);
    fixture_limit(&fixture, OUTCOME_PASS, "p99(latency_ms) <= 33.3 ms", 11, "ms", 480, 0, "held");
    fixture_end(&fixture, RUN_COMPLETE);
    fixture_render(&fixture, &plain, &out);
    assert_true(count_lines(strbuf_get(&out)) <= 24);
    strbuf_deinit(&out);
    check(&fixture, &plain, "model.txt");
}

static void test_model_in_processes_with_an_open_loop(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_model(&fixture, 3, 0, true);
    fixture_end(&fixture, RUN_COMPLETE);
    check(&fixture, &plain, "model_open.txt");
}

static void test_nodes_of_a_model(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_model(&fixture, 1, 57, false);
    fixture_end(&fixture, RUN_COMPLETE);
    check(&fixture, &plain, "model_nodes.txt");
}

static void test_pass(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, "sort words.txt", sort_command, false);
    fixture_usual(&fixture, 22, 2);
    fixture_limit(&fixture, OUTCOME_PASS, "p50(wall_ms) <= 250 ms", 12.39, "ms", 20, 0, "held");
    fixture_limit(&fixture, OUTCOME_PASS, "max(peak_tree_rss_mb) <= 64 MB", 13, "MB", 20, 0,
                  "held");
    fixture_limit(&fixture, OUTCOME_WAIVED, "max(gpu_temp_c) <= 80 °C", 0, "°C", 0, 0,
                  "set aside by --waive");
    fixture_end(&fixture, RUN_COMPLETE);
    check(&fixture, &plain, "pass.txt");
}

static void test_fail_and_findings(void **state)
{
    (void)state;
    struct fixture fixture;
    struct finding finding;
    fixture_begin(&fixture, "gate", sort_command, false);
    fixture_usual(&fixture, 22, 2);
    fixture_limit(&fixture, OUTCOME_FAIL, "p50(wall_ms) <= 10 ms", 12.39, "ms", 20, 0,
                  "20 of 20 launches took longer than 10 ms, where half of them may.");
    fixture_limit(&fixture, OUTCOME_UNDECIDED, "p99(wall_ms) <= 250 ms", 12.9, "ms", 20, 439,
                  "20 launches are too few: 439 more without one over the limit would decide.");
    finding_init(&finding, "note", SEVERITY_INFO, "wall_ms");
    finding_sentence(&finding, "The clock was not fixed.");
    sink_finding(run_sink_of(&fixture.run), &finding, NULL);
    finding_init(&finding, "first_run_outlier", SEVERITY_WARNING, "wall_ms");
    finding_sentence(&finding, "The first launch took 17.0 ms, 4.6 ms more than the median of the "
                               "others: caches were cold or files not in memory yet.");
    finding_advice(&finding, "keep it apart with --warmup 1, or measure it on purpose with -n 1");
    sink_finding(run_sink_of(&fixture.run), &finding, NULL);
    fixture_end(&fixture, RUN_COMPLETE);
    check(&fixture, &plain, "fail.txt");
}

static void test_undecided_says_how_many(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, NULL, sort_command, false);
    fixture_usual(&fixture, 10, 0);
    fixture_limit(&fixture, OUTCOME_UNDECIDED, "p99(wall_ms) <= 250 ms", 12.8, "ms", 10, 449,
                  "10 launches are too few: 449 more would decide.");
    fixture_end(&fixture, RUN_COMPLETE);
    check(&fixture, &plain, "undecided.txt");
}

static void test_korean_label(void **state)
{
    (void)state;
    static const char *const command[] = {"./추론", "--입력", "사진 1.png", NULL};
    struct fixture fixture;
    fixture_begin(&fixture, "야간 카메라 파이프라인 벤치마크", command, false);
    fixture_launches(&fixture, 10, 0);
    fixture_end(&fixture, RUN_COMPLETE);
    check(&fixture, &plain, "korean.txt");
}

static void test_no_series(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, NULL, sort_command, false);
    fixture_end(&fixture, RUN_COMPLETE);
    check(&fixture, &plain, "no_series.txt");
}

static void test_null_metrics_say_why(void **state)
{
    (void)state;
    static const char why[] = "perf_event_paranoid is 3";
    struct fixture fixture;
    fixture_begin(&fixture, NULL, sort_command, false);
    fixture_launches(&fixture, 10, 0);
    fixture_per_launch(&fixture, "user_ms", 10, 9.5, 0.3);
    fixture_missing(&fixture, "ipc", REASON_DENIED, why);
    fixture_missing(&fixture, "instructions", REASON_DENIED, why);
    fixture_missing(&fixture, "cycles", REASON_DENIED, why);
    fixture_missing(&fixture, "char_read_mb", REASON_DENIED, NULL);
    fixture_sensor(&fixture, "cpu_total_pct", "", 10, 26, 1);
    fixture_end(&fixture, RUN_COMPLETE);
    check(&fixture, &plain, "null.txt");
}

static void test_interrupted(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, NULL, sort_command, false);
    fixture_launches(&fixture, 3, 0);
    fixture_end(&fixture, RUN_INTERRUPTED);
    check(&fixture, &plain, "interrupted.txt");
}

static void test_crashed(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, NULL, sort_command, false);
    fixture_launches(&fixture, 3, 0);
    fixture_end(&fixture, RUN_CRASHED);
    check(&fixture, &plain, "crashed.txt");
}

static void test_failed_launches(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, NULL, sort_command, false);
    fixture_launches(&fixture, 4, 0);
    struct invocation invocation = {.index = 4, .outcome = INVOCATION_SIGNAL, .signal = 9};
    sink_invocation(run_sink_of(&fixture.run), &invocation, NULL);
    fixture_end(&fixture, RUN_COMPLETE);
    check(&fixture, &plain, "failed.txt");
}

static void test_synthetic_is_said_first(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, NULL, sort_command, true);
    fixture_launches(&fixture, 10, 0);
    fixture_end(&fixture, RUN_COMPLETE);
    struct report_options quiet = {.width = 80, .quiet = true};
    struct strbuf out = {0};
    fixture_render(&fixture, &quiet, &out);
    assert_non_null(strstr(strbuf_get(&out), "SYNTHETIC"));
    assert_int_equal(count_lines(strbuf_get(&out)), 2);
    strbuf_deinit(&out);
    check(&fixture, &plain, "synthetic.txt");
}

static void test_very_long_command(void **state)
{
    (void)state;
    static char word[3001];
    memset(word, 'x', sizeof(word) - 1);
    const char *command[] = {"./program", word, word, NULL};
    struct fixture fixture;
    fixture_begin(&fixture, NULL, command, false);
    fixture_launches(&fixture, 10, 0);
    fixture_end(&fixture, RUN_COMPLETE);
    check(&fixture, &plain, "long_command.txt");
}

static void test_own_metric(void **state)
{
    (void)state;
    static const struct metric fps = {"fps", "1/s", DIRECTION_HIGHER, METRIC_VALUE, 1, "mean", ""};
    struct fixture fixture;
    fixture_begin(&fixture, NULL, sort_command, false);
    fixture_launches(&fixture, 5, 0);
    struct series series = {.id = fixture.next_series++,
                            .kind = SERIES_VALUE,
                            .metric = &fps,
                            .instance = "",
                            .source = "output"};
    for (uint32_t i = 0; i < 5; i++) {
        const double values[] = {59.5 + i, 60.25 + i};
        struct sample_block block = {.series = &series, .invocation = i, .n = 2, .value = values};
        assert_int_equal(sink_samples(run_sink_of(&fixture.run), &block, NULL), 0);
    }
    fixture_end(&fixture, RUN_COMPLETE);
    check(&fixture, &plain, "own_metric.txt");
}

static void test_verbose_has_every_metric(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, NULL, sort_command, false);
    fixture_usual(&fixture, 22, 2);
    fixture_missing(&fixture, "energy_per_inference_j", REASON_ABSENT, "no power sensor");
    fixture_end(&fixture, RUN_COMPLETE);
    struct report_options verbose = plain;
    verbose.verbose = true;
    struct strbuf out = {0};
    fixture_render(&fixture, &verbose, &out);
    for (size_t i = 0; i < fixture.run.series_count; i++)
        assert_non_null(strstr(strbuf_get(&out), fixture.run.series[i].series.metric->name));
    strbuf_deinit(&out);
    check(&fixture, &verbose, "verbose.txt");
}

static void test_narrow_terminal(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, NULL, sort_command, false);
    fixture_usual(&fixture, 22, 2);
    fixture_end(&fixture, RUN_COMPLETE);
    struct report_options narrow = {.width = 50};
    check(&fixture, &narrow, "narrow.txt");
}

static void test_colour_only_adds_escapes(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_begin(&fixture, NULL, sort_command, false);
    fixture_usual(&fixture, 22, 2);
    fixture_limit(&fixture, OUTCOME_PASS, "p50(wall_ms) <= 250 ms", 12.39, "ms", 20, 0, "held");
    fixture_end(&fixture, RUN_COMPLETE);
    struct report_options colour = {.width = 80, .colour = true};
    struct report_options none = {.width = 80};
    struct strbuf with = {0}, without = {0}, stripped = {0};
    assert_int_equal(report_text(&fixture.run, &colour, &with, NULL), 0);
    assert_int_equal(report_text(&fixture.run, &none, &without, NULL), 0);
    assert_null(strchr(strbuf_get(&without), '\033'));
    assert_non_null(strchr(strbuf_get(&with), '\033'));
    for (const char *c = strbuf_get(&with); *c; c++) {
        if (*c == '\033')
            c = strchr(c, 'm');
        else
            strbuf_putc(&stripped, *c);
    }
    assert_string_equal(strbuf_get(&stripped), strbuf_get(&without));
    strbuf_deinit(&with);
    strbuf_deinit(&without);
    strbuf_deinit(&stripped);
    fixture_deinit(&fixture);
}

static void test_control_characters_never_reach_the_terminal(void **state)
{
    (void)state;
    static const char *const command[] = {"./x\033[2J", "a\nb", NULL};
    struct fixture fixture;
    struct strbuf out = {0};
    fixture_begin(&fixture, "la\033]0;bel\a", command, false);
    fixture_launches(&fixture, 3, 0);
    fixture_end(&fixture, RUN_COMPLETE);
    fixture_render(&fixture, &plain, &out);
    assert_null(strchr(strbuf_get(&out), '\033'));
    assert_null(strchr(strbuf_get(&out), '\a'));
    strbuf_deinit(&out);
    fixture_deinit(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usual_run_fits_a_screen),
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_model_in_processes_with_an_open_loop),
        cmocka_unit_test(test_nodes_of_a_model),
        cmocka_unit_test(test_pass),
        cmocka_unit_test(test_fail_and_findings),
        cmocka_unit_test(test_undecided_says_how_many),
        cmocka_unit_test(test_korean_label),
        cmocka_unit_test(test_no_series),
        cmocka_unit_test(test_null_metrics_say_why),
        cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_crashed),
        cmocka_unit_test(test_failed_launches),
        cmocka_unit_test(test_synthetic_is_said_first),
        cmocka_unit_test(test_very_long_command),
        cmocka_unit_test(test_own_metric),
        cmocka_unit_test(test_verbose_has_every_metric),
        cmocka_unit_test(test_narrow_terminal),
        cmocka_unit_test(test_colour_only_adds_escapes),
        cmocka_unit_test(test_control_characters_never_reach_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
