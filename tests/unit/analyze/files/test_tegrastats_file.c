/* test_tegrastats_file.c: logs of tegrastats as findings: heat that throttles and heat that does
 * not, energy of known powers, gaps, pressure, boards that are mixed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "traces_fixture.h"

extern const struct file_analyzer file_analyzer_tegrastats;

/* A line at second s of an hour. */
static void add_line(struct strbuf *log, unsigned s, unsigned ram, unsigned swap, unsigned load,
                     unsigned mhz, double celsius, unsigned mw)
{
    strbuf_printf(log,
                  "11-20-2026 08:%02u:%02u RAM %u/8000MB (lfb 2x4MB) SWAP %u/4000MB (cached 0MB) "
                  "CPU [%u%%@1500,off] EMC_FREQ 3%%@2133 GR3D_FREQ %u%%@[%u] cpu@%.3fC gpu@40C "
                  "VDD_IN %umW/9999mW VDD_SOC 1000mW/1000mW\n",
                  s / 60, s % 60, ram, swap, load / 3, load, mhz, celsius, mw);
}

static void analyze(const struct strbuf *log, const struct analyze_options *options,
                    struct analysis *ret)
{
    struct error err = {0};
    const char *text = strbuf_get(log);
    int rc = analyze_bytes(&file_analyzer_tegrastats, options, &text, NULL, 1, ret, &err);
    if (rc != 0)
        fail_msg("%s", err.message);
    assert_false(ret->failed);
}

static void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in '%s'", part, text);
}

/* Cool for 60 s, hot for 60 s; the clock in the heat as given. */
static void make_heat(struct strbuf *log, unsigned hot_mhz, unsigned hot_load)
{
    for (unsigned s = 0; s < 60; s++)
        add_line(log, s, 4000, 0, 95, 1000, 50 + s / 10.0, 10000);
    for (unsigned s = 60; s < 120; s++)
        add_line(log, s, 4000, 0, hot_load, hot_mhz, 90, 10000);
}

static void a_clock_that_falls_in_the_heat_under_load_is_throttling(void **state)
{
    (void)state;
    struct strbuf log = {0};
    struct analysis analysis;
    struct analyze_options options = file_options();
    make_heat(&log, 600, 97);
    analyze(&log, &options, &analysis);
    const struct finding *finding = finding_of(&analysis, "throttling");
    assert_non_null(finding);
    assert_int_equal(finding->severity, SEVERITY_WARNING);
    assert_string_equal(finding->metric, "gpu_mhz");
    assert_true(fabs(finding->value - 40) < 1e-9);
    assert_int_equal(finding->n, 60);
    assert_contains(finding->sentence, "600 instead of 1000 MHz");
    assert_contains(finding->sentence, "60 of 60 hot samples, against 0 of 60 cool");
    assert_contains(finding->evidence, ":61 to 120");
    assert_int_equal(table_of(&analysis, "throttling")->row_count, 1);
    assert_true(cell_of(&analysis, "throttling", 0, "first_line")->value == 61);
    assert_true(cell_of(&analysis, "throttling", 0, "last_line")->value == 120);
    assert_true(cell_of(&analysis, "throttling", 0, "cool_clock_mhz")->value == 1000);
    assert_contains(finding_that(&analysis, "hot")->sentence, "clocks fell with it");
    analysis_deinit(&analysis);
    strbuf_deinit(&log);
}

/* What looks like it: hot at full clock, a lower clock because there is less to do, and a lower
 * clock without heat. */
static void heat_alone_and_idleness_are_not_throttling(void **state)
{
    (void)state;
    static const struct {
        unsigned mhz, load;
        double threshold_c;
        const char *says;
    } cases[] = {
        {1000, 97, 85, "no clock fell under load with it: hot, not throttling"},
        {600, 20, 85, "no clock with its load was logged under load"},
        {600, 97, 95, NULL},
        {960, 97, 85, "hot, not throttling"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct strbuf log = {0};
        struct analysis analysis;
        struct analyze_options options = file_options();
        options.throttle_threshold_c = cases[i].threshold_c;
        make_heat(&log, cases[i].mhz, cases[i].load);
        analyze(&log, &options, &analysis);
        assert_null(finding_of(&analysis, "throttling"));
        const struct finding *hot = finding_of(&analysis, "hot");
        assert_int_equal(hot != NULL, cases[i].says != NULL);
        if (hot) {
            assert_int_equal(hot->severity, SEVERITY_INFO);
            assert_contains(hot->sentence, cases[i].says);
            assert_contains(hot->sentence, "60 of 120 lines");
        }
        analysis_deinit(&analysis);
        strbuf_deinit(&log);
    }
}

/* A governor that often lowers the clock under load when it is cool, too. */
static void a_clock_that_always_jumps_is_not_throttling(void **state)
{
    (void)state;
    struct strbuf log = {0};
    struct analysis analysis;
    struct analyze_options options = file_options();
    for (unsigned s = 0; s < 240; s++)
        add_line(&log, s, 4000, 0, 95, s % 5 < 2 ? 600 : 1000, s < 120 ? 50 : 90, 10000);
    analyze(&log, &options, &analysis);
    assert_null(finding_of(&analysis, "throttling"));
    analysis_deinit(&analysis);
    strbuf_deinit(&log);
}

/* A power mode set at 60 C, long before it was hot; and the same with the full clock back in
 * between, from which it falls in the heat. */
static void a_clock_set_down_before_the_heat_is_not_throttling(void **state)
{
    (void)state;
    for (unsigned is_back = 0; is_back < 2; is_back++) {
        struct strbuf log = {0};
        struct analysis analysis;
        struct analyze_options options = file_options();
        for (unsigned s = 0; s < 300; s++) {
            bool is_low = s >= 100 && !(is_back && s >= 150 && s < 200);
            add_line(&log, s, 4000, 0, 95, is_low ? 600 : 1000, 50 + s / 5.0, 10000);
        }
        analyze(&log, &options, &analysis);
        const struct finding *hot = finding_that(&analysis, "hot");
        assert_int_equal(finding_of(&analysis, "throttling") != NULL, is_back);
        assert_contains(hot->sentence,
                        is_back ? "clocks fell with it" : "low already when it was cool");
        analysis_deinit(&analysis);
        strbuf_deinit(&log);
    }
}

static void never_cool_cannot_be_told(void **state)
{
    (void)state;
    struct strbuf log = {0};
    struct analysis analysis;
    struct analyze_options options = file_options();
    for (unsigned s = 0; s < 60; s++)
        add_line(&log, s, 4000, 0, 95, 600, 90, 10000);
    analyze(&log, &options, &analysis);
    assert_null(finding_of(&analysis, "throttling"));
    assert_contains(finding_that(&analysis, "hot")->sentence, "was not seen when it was cool");
    assert_contains(finding_that(&analysis, "hot")->advice, "from a cold start");
    analysis_deinit(&analysis);
    strbuf_deinit(&log);
}

/* 10 W for 10 s, then a ramp to 20 W over 10 s: 100 + 150 J; the running mean (9.999 W) must play
 * no part. Several lines a second are one mean. */
static void energy_is_the_integral_of_the_current_values(void **state)
{
    (void)state;
    struct strbuf log = {0};
    struct analysis analysis;
    struct analyze_options options = file_options();
    for (unsigned s = 0; s <= 20; s++) {
        unsigned mw = s <= 10 ? 10000 : 10000 + (s - 10) * 1000;
        add_line(&log, s, 4000, 0, 5, 300, 50, mw - 500);
        add_line(&log, s, 4000, 0, 5, 300, 50, mw + 500);
    }
    analyze(&log, &options, &analysis);
    size_t total = row_of(&analysis, "rails", "rail", "total");
    assert_true(fabs(cell_of(&analysis, "rails", total, "energy_j")->value - 250) < 1e-9);
    assert_true(fabs(cell_of(&analysis, "rails", total, "max_w")->value - 20.5) < 1e-12);
    size_t soc = row_of(&analysis, "rails", "rail", "VDD_SOC");
    assert_true(fabs(cell_of(&analysis, "rails", soc, "energy_j")->value - 20) < 1e-9);
    assert_contains(finding_that(&analysis, "energy")->sentence, "250 J");
    assert_contains(finding_that(&analysis, "energy")->sentence, "VDD_IN, the board's input");
    assert_null(finding_of(&analysis, "sampling_gaps"));
    analysis_deinit(&analysis);
    strbuf_deinit(&log);
}

static void a_gap_is_told_and_not_filled(void **state)
{
    (void)state;
    struct strbuf log = {0};
    struct analysis analysis;
    struct analyze_options options = file_options();
    for (unsigned s = 0; s < 100; s++)
        add_line(&log, s < 50 ? s : s + 60, 4000, 0, 5, 300, 50, 10000);
    analyze(&log, &options, &analysis);
    const struct finding *gap = finding_of(&analysis, "sampling_gaps");
    assert_non_null(gap);
    assert_int_equal(gap->severity, SEVERITY_WARNING);
    assert_true(gap->value == 61);
    assert_contains(gap->evidence, ":50 is the last line");
    size_t total = row_of(&analysis, "rails", "rail", "total");
    assert_true(fabs(cell_of(&analysis, "rails", total, "energy_j")->value - 980) < 1e-9);
    analysis_deinit(&analysis);
    strbuf_deinit(&log);
}

static void without_stamps_energy_is_not_told(void **state)
{
    (void)state;
    static const char line[] = "RAM 900/1000MB (lfb 2x4MB) CPU [5%@729] GR3D_FREQ 3% cpu@50C "
                               "VDD_IN 4000/4100\n";
    struct strbuf log = {0};
    struct analysis analysis;
    struct analyze_options options = file_options();
    for (int i = 0; i < 10; i++)
        strbuf_append(&log, line);
    analyze(&log, &options, &analysis);
    assert_true(isnan(cell_of(&analysis, "rails", 0, "energy_j")->value));
    assert_contains(finding_that(&analysis, "energy")->sentence, "lines have no times");
    assert_contains(finding_that(&analysis, "energy")->advice, "date '+%m-%d-%Y %H:%M:%S'");
    assert_true(isnan(analysis.inputs[0]->begin_s));
    const struct finding *pressure = finding_of(&analysis, "memory_pressure");
    assert_non_null(pressure);
    assert_true(fabs(pressure->value - 90) < 1e-9);
    assert_contains(pressure->sentence, "in 10 of 10 lines");
    analysis_deinit(&analysis);
    strbuf_deinit(&log);
}

static void swap_that_grows_is_a_warning_and_swap_that_rests_is_none(void **state)
{
    (void)state;
    struct analyze_options options = file_options();
    for (unsigned per_line = 0; per_line < 2; per_line++) {
        struct strbuf log = {0};
        struct analysis analysis;
        for (unsigned s = 0; s < 400; s++)
            add_line(&log, s, 4000, 100 + per_line * s, 5, 300, 50, 10000);
        analyze(&log, &options, &analysis);
        const struct finding *swap = finding_of(&analysis, "swap_growing");
        assert_int_equal(swap != NULL, per_line);
        if (swap) {
            assert_int_equal(swap->severity, SEVERITY_WARNING);
            assert_true(fabs(swap->value - 60) < 0.01);
            assert_string_equal(swap->unit, "MB/min");
        }
        assert_null(finding_of(&analysis, "memory_growth"));
        analysis_deinit(&analysis);
        strbuf_deinit(&log);
    }
}

/* The sum leaves out what is fed by another rail, and what is not connected; TX2's rails without an
 * input have no sum. */
static void the_total_follows_the_board(void **state)
{
    (void)state;
    static const struct {
        const char *rails;
        double total_w; /* NaN: none */
    } cases[] = {
        {"VDD_GPU_SOC 3000mW/1mW VDD_CPU_CV 2000mW/1mW VIN_SYS_5V0 4000mW/1mW NC 700mW/1mW "
         "VDDQ_VDD2_1V8AO 500mW/1mW NC 0mW/0mW",
         9},
        {"GPU 1000/1 CPU 300/1 SOC 900/1 CV 0/0 VDDRQ 600/1 SYS5V 1400/1", 4.2},
        {"VDD_GPU 1962mW/1962mW VDD_CPU_SOC_MSS 5887mW/5887mW VIN_SYS_5V0 5635mW/5635mW VIN "
         "19780mW/19780mW",
         19.78},
        {"POM_5V_IN 1022/1022 POM_5V_GPU 0/0 POM_5V_CPU 204/204", 1.022},
        {"VDD_CPU 76/178 VDD_GPU 19/19", NAN},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct strbuf log = {0};
        struct analysis analysis;
        struct analyze_options options = file_options();
        strbuf_printf(&log, "RAM 900/8000MB (lfb 2x4MB) CPU [5%%@729] cpu@50C %s\n",
                      cases[i].rails);
        analyze(&log, &options, &analysis);
        const struct finding *energy = finding_of(&analysis, "energy");
        assert_int_equal(energy != NULL, !isnan(cases[i].total_w));
        if (energy)
            assert_true(fabs(energy->value - cases[i].total_w) < 1e-9);
        analysis_deinit(&analysis);
        strbuf_deinit(&log);
    }
}

static void boards_are_told_apart_and_other_lines_counted(void **state)
{
    (void)state;
    struct strbuf log = {0};
    struct analysis analysis;
    struct analyze_options options = file_options();
    strbuf_append(&log, "[sudo] password for nvidia:\n\n");
    for (unsigned s = 0; s < 20; s++)
        add_line(&log, s, 4000, 0, 5, 300, 50, 10000);
    for (unsigned s = 0; s < 20; s++)
        strbuf_printf(&log, "RAM 900/3964MB (lfb 2x4MB) CPU [5%%@729] CPU@60C POM_5V_IN 2000/1\n");
    add_line(&log, 20, 4000, 0, 5, 300, 50, 10000);
    strbuf_append(&log, "11-20-2026 08:00:21 RAM 4000/8000MB (lfb 2x4MB) CPU [5%@1500,off] EMC_");
    analyze(&log, &options, &analysis);
    const struct finding *mixed = finding_of(&analysis, "mixed_boards");
    assert_non_null(mixed);
    assert_int_equal(mixed->severity, SEVERITY_WARNING);
    assert_contains(mixed->evidence, ":23 is the first line of part 2; 2 changes");
    assert_int_equal(table_of(&analysis, "parts")->row_count, 2);
    assert_true(cell_of(&analysis, "parts", 0, "lines")->value == 21);
    assert_true(cell_of(&analysis, "parts", 1, "ram_total_mb")->value == 3964);
    const struct skips *skips = &analysis.inputs[0]->skips;
    assert_int_equal(skips->rows, 41);
    assert_int_equal(skips->of[SKIP_OTHER_LINE].count, 1);
    assert_int_equal(skips->of[SKIP_OTHER_LINE].first_line, 1);
    assert_int_equal(skips->of[SKIP_BLANK].count, 1);
    assert_int_equal(skips->of[SKIP_CUT_OFF].count, 1);
    assert_int_equal(skips->of[SKIP_CUT_OFF].first_line, 44);
    analysis_deinit(&analysis);
    strbuf_deinit(&log);
}

/* Off is not 0, a fixed PMIC no temperature, -256 no zone; a clock that is set back is counted. */
static void more_memory_than_there_is_is_left_out(void **state)
{
    (void)state;
    struct strbuf log = {0};
    struct analysis analysis;
    struct analyze_options options = file_options();
    for (unsigned s = 0; s < 30; s++)
        add_line(&log, s, s == 7 ? 99999 : 4000, 0, 95, 600, 50, 10000);
    analyze(&log, &options, &analysis);
    assert_null(finding_of(&analysis, "memory_pressure"));
    assert_int_equal(analysis.inputs[0]->skips.of[SKIP_NOT_A_NUMBER].count, 1);
    assert_int_equal(analysis.inputs[0]->skips.of[SKIP_NOT_A_NUMBER].first_line, 8);
    assert_int_equal(analysis.inputs[0]->skips.rows, 29);
    analysis_deinit(&analysis);
    strbuf_deinit(&log);
}

static void what_is_not_known_is_none(void **state)
{
    (void)state;
    struct strbuf log = {0};
    struct analysis analysis;
    struct analyze_options options = file_options();
    static const int seconds[] = {10, 11, 12, 5, 6, 7};
    for (size_t i = 0; i < 6; i++)
        strbuf_printf(&log,
                      "11-20-2026 08:00:%02d RAM 900/8000MB (lfb 2x4MB) CPU [off,4%%@729] "
                      "GR3D_FREQ 3%% NVENC off PMIC@100C CV0@-256C cpu@50C VDD_IN 4000/4100\n",
                      seconds[i]);
    analyze(&log, &options, &analysis);
    size_t zone = row_of(&analysis, "zones", "zone", "CV0");
    assert_true(isnan(cell_of(&analysis, "zones", zone, "mean_c")->value));
    assert_int_equal(table_of(&analysis, "zones")->row_count, 2);
    size_t engine = row_of(&analysis, "units", "unit", "NVENC");
    assert_true(isnan(cell_of(&analysis, "units", engine, "load_mean_pct")->value));
    assert_true(cell_of(&analysis, "units", engine, "off_pct")->value == 100);
    size_t gpu = row_of(&analysis, "units", "unit", "GR3D");
    assert_true(isnan(cell_of(&analysis, "units", gpu, "clock_mean_mhz")->value));
    size_t core = row_of(&analysis, "cores", "unit", "cpu0");
    assert_true(isnan(cell_of(&analysis, "cores", core, "load_mean_pct")->value));
    assert_int_equal(analysis.inputs[0]->skips.of[SKIP_TIME_BACKWARDS].count, 1);
    assert_int_equal(analysis.inputs[0]->skips.of[SKIP_TIME_BACKWARDS].first_line, 4);
    size_t total = row_of(&analysis, "rails", "rail", "total");
    assert_true(fabs(cell_of(&analysis, "rails", total, "energy_j")->value - 16) < 1e-9);
    analysis_deinit(&analysis);
    strbuf_deinit(&log);
}

static void nothing_in_it_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        int code;
        const char *says;
    } cases[] = {
        {"", 0, ERROR_NOTHING, "empty"},
        {"timestamp,rss_mb\n1,2\n", 21, ERROR_NOTHING, "none of its 2 lines"},
        {"\0\1\2\n\0\n", 6, ERROR_INPUT, "binary"},
    };
    struct analyze_options options = file_options();
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct analysis analysis;
        struct error err = {0};
        int rc = analyze_bytes(&file_analyzer_tegrastats, &options, &cases[i].text, &cases[i].size,
                               1, &analysis, &err);
        assert_int_equal(rc, -cases[i].code);
        assert_contains(err.message, cases[i].says);
        assert_true(err.file[0] && err.hint[0]);
        analysis_deinit(&analysis);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_that_falls_in_the_heat_under_load_is_throttling),
        cmocka_unit_test(heat_alone_and_idleness_are_not_throttling),
        cmocka_unit_test(a_clock_that_always_jumps_is_not_throttling),
        cmocka_unit_test(a_clock_set_down_before_the_heat_is_not_throttling),
        cmocka_unit_test(never_cool_cannot_be_told),
        cmocka_unit_test(energy_is_the_integral_of_the_current_values),
        cmocka_unit_test(a_gap_is_told_and_not_filled),
        cmocka_unit_test(without_stamps_energy_is_not_told),
        cmocka_unit_test(swap_that_grows_is_a_warning_and_swap_that_rests_is_none),
        cmocka_unit_test(the_total_follows_the_board),
        cmocka_unit_test(boards_are_told_apart_and_other_lines_counted),
        cmocka_unit_test(more_memory_than_there_is_is_left_out),
        cmocka_unit_test(what_is_not_known_is_none),
        cmocka_unit_test(nothing_in_it_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
