/* test_memory_file.c: traces of memory from tables and logs: the verdict, work, phases, several
 * files, holes, and what must not be called a leak. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stats/stats.h"
#include "traces_fixture.h"

extern const struct file_analyzer file_analyzer_memory;

static void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in '%s'", part, text);
}

static void assert_near(double value, double want, double tolerance)
{
    if (!(fabs(value - want) <= tolerance))
        fail_msg("%.10g is not %.10g", value, want);
}

static void analyze(const char *const *texts, size_t count, const struct analyze_options *options,
                    struct analysis *ret)
{
    struct error err = {0};
    int rc = analyze_bytes(&file_analyzer_memory, options, texts, NULL, count, ret, &err);
    if (rc != 0)
        fail_msg("%s (%s)", err.message, err.hint);
    assert_false(ret->failed);
}

static void analyze_one(const struct strbuf *text, const struct analyze_options *options,
                        struct analysis *ret)
{
    const char *texts[] = {strbuf_get(text)};
    analyze(texts, 1, options, ret);
}

static const char *verdict_of_row(const struct analysis *analysis, size_t row)
{
    return cell_of(analysis, "series", row, "verdict")->text;
}

/* 143 to 1881 MB in 300 s: 347.6 MB a minute, 10 GB in 24.05 min. */
static void the_forecaster(void **state)
{
    (void)state;
    struct strbuf text = {0};
    struct analysis analysis;
    struct analyze_options options = file_options();
    options.memory_limit_mb = 10240;
    for (int i = 0; i <= 300; i++)
        strbuf_printf(&text, "%d %.6f\n", i, 143 + 1738.0 * i / 300);
    analyze_one(&text, &options, &analysis);
    assert_near(cell_of(&analysis, "series", 0, "per_min_mb")->value, 347.6, 1e-4);
    assert_near(cell_of(&analysis, "series", 0, "to_limit_min")->value, 24.05, 5e-3);
    const struct finding *growth = finding_of(&analysis, "memory_growth");
    assert_int_equal(growth->severity, SEVERITY_WARNING);
    assert_near(growth->value, 347.6, 1e-4);
    assert_contains(growth->sentence, "--memory-limit is reached in 24 min to 24");
    analysis_deinit(&analysis);
    strbuf_deinit(&text);
}

/* Messages come unevenly; memory follows them and not the time. */
static void make_recorder(struct strbuf *text, double mb_per_message, double per_second)
{
    uint64_t random = 7;
    double messages = 0;
    strbuf_append(text, "timestamp,messages,writes,rss_mb,state\n");
    for (int i = 0; i <= 320; i++) {
        strbuf_printf(text, "%d,%.0f,%.0f,%.3f,%s\n", 1762000000 + i, floor(messages),
                      floor(i * 2.8), 200 + mb_per_message * floor(messages),
                      i < 5 ? "start" : "run");
        messages += per_second * (i % 80 < 40 ? 1.5 : 0.5) * (0.5 + random_uniform(&random));
    }
}

static void growth_follows_the_counter_that_explains_it(void **state)
{
    (void)state;
    struct strbuf text = {0};
    struct analysis analysis;
    struct analyze_options options = file_options();
    make_recorder(&text, 0.671, 11);
    analyze_one(&text, &options, &analysis);
    const struct finding *growth = finding_of(&analysis, "memory_growth");
    assert_contains(growth->sentence, "it follows messages: 0.671 MB for each");
    size_t row = row_of(&analysis, "work", "counter", "messages");
    assert_near(cell_of(&analysis, "work", row, "per_unit_mb")->value, 0.671, 1e-6);
    assert_true(cell_of(&analysis, "work", row, "explains")->value == 1);
    row = row_of(&analysis, "work", "counter", "(time, minutes)");
    assert_true(cell_of(&analysis, "work", row, "delta_aic")->value > 4);
    assert_true(cell_of(&analysis, "work", row, "explains")->value == 0);
    assert_int_equal(table_of(&analysis, "work")->row_count, 3);
    analysis_deinit(&analysis);
    strbuf_deinit(&text);
}

/* Less a minute, but more a message: it did less work. */
static void files_are_compared_by_the_work_they_did(void **state)
{
    (void)state;
    struct strbuf debug = {0}, info = {0};
    struct analysis analysis;
    struct analyze_options options = file_options();
    make_recorder(&debug, 0.671, 11);
    make_recorder(&info, 0.712, 7.9);
    const char *texts[] = {strbuf_get(&debug), strbuf_get(&info)};
    analyze(texts, 2, &options, &analysis);
    assert_near(cell_of(&analysis, "compared", 0, "per_unit_mb")->value, 0.671, 1e-6);
    assert_near(cell_of(&analysis, "compared", 1, "per_unit_mb")->value, 0.712, 1e-6);
    assert_near(cell_of(&analysis, "compared", 1, "per_unit_change_pct")->value,
                100 * (0.712 / 0.671 - 1), 1e-4);
    assert_true(cell_of(&analysis, "compared", 1, "per_min_change_pct")->value < -20);
    const struct finding *compared = finding_of(&analysis, "growth_compared");
    assert_non_null(compared);
    assert_contains(compared->sentence, "for the same work it is the other way round");
    assert_true(compared->has_interval && compared->lo <= compared->value &&
                compared->value <= compared->hi);
    assert_int_equal(analysis.input_count, 2);
    analysis_deinit(&analysis);
    strbuf_deinit(&debug);
    strbuf_deinit(&info);
}

/* Noise around a level, a saw-tooth, a warm-up: no warning, whatever the seed. */
static void noise_is_never_an_alarm(void **state)
{
    (void)state;
    struct analyze_options options = file_options();
    for (unsigned kind = 0; kind < 3; kind++) {
        for (uint64_t seed = 1; seed <= 20; seed++) {
            struct strbuf text = {0};
            struct analysis analysis;
            uint64_t random = seed;
            strbuf_append(&text, "timestamp,rss_mb,frames\n");
            for (int i = 0; i < 600; i++) {
                double mb = 500 + 4 * random_uniform(&random);
                mb += kind == 1 ? (i * 3 % 70) * 0.6 : 0;
                mb -= kind == 2 ? 200 * exp(-i / 12.0) : 0;
                strbuf_printf(&text, "%d,%.2f,%d\n", 1762000000 + 5 * i, mb, 12 * i);
            }
            analyze_one(&text, &options, &analysis);
            const struct finding *growth = finding_of(&analysis, "memory_growth");
            assert_non_null(growth);
            assert_int_equal(growth->severity, SEVERITY_INFO);
            assert_string_equal(verdict_of_row(&analysis, 0), "none");
            analysis_deinit(&analysis);
            strbuf_deinit(&text);
        }
    }
}

static void phases_show_the_start_up_and_the_step(void **state)
{
    (void)state;
    struct strbuf text = {0};
    struct analysis analysis;
    struct analyze_options options = file_options();
    uint64_t random = 3;
    strbuf_append(&text, "t_s,rss_mb\n");
    for (int i = 0; i < 1200; i++)
        strbuf_printf(&text, "%d,%.2f\n", 2 * i,
                      300 - 150 * exp(-i / 6.0) + (i >= 700 ? 60 : 0) + random_uniform(&random));
    analyze_one(&text, &options, &analysis);
    assert_string_equal(verdict_of_row(&analysis, 0), "steps");
    assert_string_equal(cell_of(&analysis, "phases", 0, "phase")->text, "start-up");
    size_t step = row_of(&analysis, "phases", "phase", "step");
    double rise = cell_of(&analysis, "phases", step, "to_mb")->value -
                  cell_of(&analysis, "phases", step, "from_mb")->value;
    assert_near(rise, 60, 1.5);
    assert_true(cell_of(&analysis, "phases", step, "begin_s")->value <= 1400);
    assert_true(cell_of(&analysis, "phases", step, "end_s")->value >= 1400);
    assert_string_equal(cell_of(&analysis, "phases", step + 1, "phase")->text, "level");
    analysis_deinit(&analysis);
    strbuf_deinit(&text);
}

static const char *phase_of_slope(double mb_per_min)
{
    struct strbuf text = {0};
    struct analysis analysis;
    struct analyze_options options = file_options();
    static char phase[32];
    strbuf_append(&text, "t,rss_mb\n");
    for (int i = 0; i < 360; i++)
        strbuf_printf(&text, "%d,%.3f\n", 5 * i, 500 + mb_per_min * i / 12 + i % 3);
    analyze_one(&text, &options, &analysis);
    size_t last = table_of(&analysis, "phases")->row_count - 1;
    snprintf(phase, sizeof(phase), "%s", cell_of(&analysis, "phases", last, "phase")->text);
    analysis_deinit(&analysis);
    strbuf_deinit(&text);
    return phase;
}

static void memory_that_falls_is_not_level(void **state)
{
    (void)state;
    assert_string_equal(phase_of_slope(-5), "decline");
    assert_string_equal(phase_of_slope(0), "level");
    assert_string_equal(phase_of_slope(5), "growth");
}

/* A leak whose rows are stamped an hour earlier from the 200th on; before them a single stray. */
static void a_clock_that_was_set_back_begins_a_stretch(void **state)
{
    (void)state;
    struct strbuf text = {0};
    struct analysis analysis;
    struct analyze_options options = file_options();
    strbuf_append(&text, "t,rss_mb\n");
    for (int i = 0; i < 900; i++) {
        double t_s = 1762000000 + 5.0 * i - (i >= 200 ? 3600 : i == 100 ? 60 : 0);
        strbuf_printf(&text, "%.0f,%.3f\n", t_s, 100 + (i >= 200 ? 0.5 * (i - 200) : 0));
    }
    analyze_one(&text, &options, &analysis);
    assert_string_equal(verdict_of_row(&analysis, 0), "linear-leak");
    assert_near(cell_of(&analysis, "series", 0, "n")->value, 685, 0);
    assert_near(cell_of(&analysis, "series", 0, "per_min_mb")->value, 6, 1e-6);
    const struct finding *gaps = finding_of(&analysis, "sampling_gaps");
    assert_non_null(gaps);
    assert_contains(gaps->sentence, "2 stretches, with the clock set back 1 time between them");
    assert_contains(gaps->sentence, "(685 of 884)");
    /* The stray and the fifteen rows before it was sure. */
    assert_int_equal(skips_data(&analysis.inputs[0]->skips), 16);
    analysis_deinit(&analysis);
    strbuf_deinit(&text);
}

/* `ps` without `date` every 5 s: how long that took is not known, and 120 samples are enough. */
static void ten_minutes_without_times_are_not_too_short(void **state)
{
    (void)state;
    struct strbuf text = {0};
    struct analysis analysis;
    struct analyze_options options = file_options();
    for (int i = 0; i < 120; i++)
        strbuf_printf(&text, "  PID   RSS COMMAND\n 77 %d python3\n", 102400 + 512 * i);
    analyze_one(&text, &options, &analysis);
    assert_string_equal(verdict_of_row(&analysis, 0), "linear-leak");
    assert_near(cell_of(&analysis, "series", 0, "per_sample_mb")->value, 0.5, 1e-6);
    analysis_deinit(&analysis);
    strbuf_deinit(&text);
}

/* A monitor that was started again an hour later: two stretches, the longer one is judged. */
static void a_long_hole_ends_a_stretch(void **state)
{
    (void)state;
    struct strbuf text = {0};
    struct analysis analysis;
    struct analyze_options options = file_options();
    strbuf_append(&text, "timestamp,rss_mb\n");
    for (int i = 0; i < 100; i++)
        strbuf_printf(&text, "%d,%d.0\n", 1762000000 + 5 * i, 900);
    for (int i = 0; i < 400; i++)
        strbuf_printf(&text, "%d,%.1f\n", 1762000000 + 4100 + 5 * i, 200 + i * 0.5);
    analyze_one(&text, &options, &analysis);
    assert_string_equal(verdict_of_row(&analysis, 0), "linear-leak");
    assert_true(cell_of(&analysis, "series", 0, "n")->value == 400);
    assert_near(cell_of(&analysis, "series", 0, "first_mb")->value, 200, 1e-9);
    assert_near(cell_of(&analysis, "series", 0, "per_min_mb")->value, 6, 1e-6);
    const struct finding *gaps = finding_of(&analysis, "sampling_gaps");
    assert_non_null(gaps);
    assert_near(gaps->value, 3605, 1e-9);
    assert_contains(gaps->sentence, "(400 of 500)");
    analysis_deinit(&analysis);
    strbuf_deinit(&text);
}

/* Anonymous memory comes before RSS, and what of it is swapped out is added. */
static void allocated_memory_is_preferred_and_swap_added(void **state)
{
    (void)state;
    struct strbuf text = {0};
    struct analysis analysis;
    struct analyze_options options = file_options();
    strbuf_append(&text, "timestamp,mem_track_rss_mb,mem_track_swap_mb,mem_track_anon_mb\n");
    for (int i = 0; i < 300; i++)
        strbuf_printf(&text, "%d,900,%d,%d\n", 1762000000 + i, i, 500 - i);
    analyze_one(&text, &options, &analysis);
    assert_string_equal(facts_get_text(&analysis.facts, "column", ""), "mem_track_anon_mb");
    assert_true(cell_of(&analysis, "series", 0, "first_mb")->value == 500);
    assert_true(cell_of(&analysis, "series", 0, "last_mb")->value == 500);
    assert_string_equal(verdict_of_row(&analysis, 0), "none");
    analysis_deinit(&analysis);
    options.column = "mem_track_rss_mb";
    analyze_one(&text, &options, &analysis);
    assert_true(cell_of(&analysis, "series", 0, "mean_mb")->value == 900);
    analysis_deinit(&analysis);
    strbuf_deinit(&text);
}

static void units_come_from_names(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        double value;
    } cases[] = {{"t,rss_kb", 204800}, {"t,rss_bytes", 209715200}, {"t,memory_mb", 200}};
    struct analyze_options options = file_options();
    for (size_t i = 0; i < 3; i++) {
        struct strbuf text = {0};
        struct analysis analysis;
        strbuf_printf(&text, "%s\n0,%.0f\n1,%.0f\n", cases[i].header, cases[i].value,
                      cases[i].value);
        if (i == 2) { /* a name with which nobody else knows what to do */
            options.column = "memory_mb";
        }
        analyze_one(&text, &options, &analysis);
        assert_true(cell_of(&analysis, "series", 0, "mean_mb")->value == 200);
        analysis_deinit(&analysis);
        strbuf_deinit(&text);
    }
}

/* The inferences of each interval become a counter; 30 columns are more than a tracker follows. */
static void many_columns_and_counts_of_intervals(void **state)
{
    (void)state;
    struct strbuf text = {0};
    struct analysis analysis;
    struct analyze_options options = file_options();
    uint64_t random = 5;
    double done = 0;
    strbuf_append(&text, "timestamp,rss_mb");
    for (int k = 0; k < 18; k++)
        strbuf_printf(&text, ",gauge%d", k);
    strbuf_append(&text, ",inference_n,elapsed_total_s,heap_peak_mb\n");
    for (int i = 0; i < 400; i++) {
        double now = floor((i / 50 % 2 ? 40 : 10) * (0.5 + random_uniform(&random)));
        done += now;
        strbuf_printf(&text, "%d,%.4f", 1762000000 + i, 100 + 0.25 * done);
        for (int k = 0; k < 18; k++)
            strbuf_printf(&text, ",%d", (i * (k + 3)) % 17);
        strbuf_printf(&text, ",%.0f,%d,%d\n", now, i, i);
    }
    analyze_one(&text, &options, &analysis);
    assert_int_equal(table_of(&analysis, "work")->row_count, 2);
    assert_string_equal(cell_of(&analysis, "work", 0, "counter")->text, "inference_n");
    assert_near(cell_of(&analysis, "work", 0, "per_unit_mb")->value, 0.25, 1e-6);
    assert_contains(finding_that(&analysis, "memory_growth")->sentence, "it follows inference_n");
    analysis_deinit(&analysis);
    strbuf_deinit(&text);
}

/* ps in a loop, without times: a leak of 0.5 MB a sample beside a process that rests. */
static void processes_are_judged_one_by_one_without_times_too(void **state)
{
    (void)state;
    struct strbuf text = {0};
    struct analysis analysis;
    struct analyze_options options = file_options();
    for (int i = 0; i < 300; i++)
        strbuf_printf(&text, "  PID   RSS COMMAND\n  77 %d leaky\n  99 20480 calm\n",
                      204800 + 512 * i);
    analyze_one(&text, &options, &analysis);
    size_t leaky = row_of(&analysis, "series", "series", "leaky (77)");
    size_t calm = row_of(&analysis, "series", "series", "calm (99)");
    assert_string_equal(verdict_of_row(&analysis, leaky), "linear-leak");
    assert_string_equal(verdict_of_row(&analysis, calm), "none");
    assert_near(cell_of(&analysis, "series", leaky, "per_sample_mb")->value, 0.5, 1e-9);
    assert_true(isnan(cell_of(&analysis, "series", leaky, "per_min_mb")->value));
    const struct finding *growth = finding_of(&analysis, "memory_growth");
    assert_contains(growth->sentence, "0.5 MB a sample");
    assert_string_equal(growth->unit, "MB/sample");
    assert_non_null(finding_of(&analysis, "no_times"));
    assert_int_equal(finding_that(&analysis, "no_times")->severity, SEVERITY_INFO);
    analysis_deinit(&analysis);
    strbuf_deinit(&text);
}

/* ps aux of a whole machine: more processes than are followed are said. */
static void more_processes_than_there_is_room_for_are_said(void **state)
{
    (void)state;
    struct strbuf text = {0};
    struct analysis analysis;
    struct analyze_options options = file_options();
    for (int i = 0; i < 3; i++) {
        strbuf_append(&text, "USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND\n");
        for (int k = 0; k < 80; k++)
            strbuf_printf(&text, "root %d 0.0 0.1 9999 4096 ? Ss 08:15 0:01 /bin/p%d --x\n", k + 1,
                          k);
    }
    analyze_one(&text, &options, &analysis);
    assert_int_equal(table_of(&analysis, "series")->row_count, 64);
    const struct finding *processes = finding_of(&analysis, "processes");
    assert_contains(processes->sentence, "64 processes");
    assert_contains(processes->advice, "48 samples of further processes");
    assert_null(finding_of(&analysis, "memory_growth"));
    analysis_deinit(&analysis);
    strbuf_deinit(&text);
}

static void bad_rows_are_counted_and_bad_files_said(void **state)
{
    (void)state;
    struct strbuf text = {0};
    struct analysis analysis;
    struct analyze_options options = file_options();
    strbuf_append(&text, "t_s,rss_mb\n1,100\n2,nan\n3,inf\n4,-5\n3.5,101\n2,99\n5,abc\n6,102\n");
    analyze_one(&text, &options, &analysis);
    const struct skips *skips = &analysis.inputs[0]->skips;
    assert_int_equal(skips->of[SKIP_NEGATIVE].first_line, 5);
    assert_int_equal(skips->of[SKIP_BAD_TIME].first_line, 7);
    assert_int_equal(skips->of[SKIP_NOT_A_NUMBER].first_line, 8);
    assert_true(cell_of(&analysis, "series", 0, "n")->value == 3);
    analysis_deinit(&analysis);
    strbuf_deinit(&text);
    static const struct {
        const char *text;
        int code;
    } cases[] = {
        {"", ERROR_NOTHING},           {"timestamp,rss_mb\n", ERROR_NOTHING},
        {"a,b\n1,2\n", ERROR_INPUT},   {"t,rss\n1,143654912\n", ERROR_INPUT},
        {"5000\n5001\n", ERROR_INPUT}, {"PID RSS COMMAND\n", ERROR_NOTHING},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct error err = {0};
        int rc = analyze_bytes(&file_analyzer_memory, &options, &cases[i].text, NULL, 1, &analysis,
                               &err);
        assert_int_equal(rc, -cases[i].code);
        assert_true(err.message[0] && err.file[0] && err.hint[0]);
        analysis_deinit(&analysis);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_forecaster),
        cmocka_unit_test(growth_follows_the_counter_that_explains_it),
        cmocka_unit_test(files_are_compared_by_the_work_they_did),
        cmocka_unit_test(noise_is_never_an_alarm),
        cmocka_unit_test(phases_show_the_start_up_and_the_step),
        cmocka_unit_test(memory_that_falls_is_not_level),
        cmocka_unit_test(a_clock_that_was_set_back_begins_a_stretch),
        cmocka_unit_test(ten_minutes_without_times_are_not_too_short),
        cmocka_unit_test(a_long_hole_ends_a_stretch),
        cmocka_unit_test(allocated_memory_is_preferred_and_swap_added),
        cmocka_unit_test(units_come_from_names),
        cmocka_unit_test(many_columns_and_counts_of_intervals),
        cmocka_unit_test(processes_are_judged_one_by_one_without_times_too),
        cmocka_unit_test(more_processes_than_there_is_room_for_are_said),
        cmocka_unit_test(bad_rows_are_counted_and_bad_files_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
