/* Lines of tegrastats in the forms of every release, and what each group has to come to. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "format/peers/peer.h"
#include "format/tegrastats.h"
#include "model/run.h"

static struct tegrastats_line line;

static void parse(const char *text)
{
    assert_true(tegrastats_line_parse(text, strlen(text), &line));
}

static const struct tegrastats_item *item(enum tegrastats_kind kind, const char *name,
                                          unsigned index)
{
    for (size_t i = 0; i < line.count; i++) {
        const struct tegrastats_item *found = &line.items[i];
        if (found->kind == kind && found->name_length == strlen(name) && found->index == index &&
            memcmp(found->name, name, found->name_length) == 0)
            return found;
    }
    fail_msg("no %s", name);
    return NULL;
}

/* NaN: has to be unknown. */
static void is(enum tegrastats_kind kind, const char *name, unsigned index, double value,
               double second)
{
    const struct tegrastats_item *found = item(kind, name, index);
    assert_false(found->is_off);
    if (isnan(value) ? !isnan(found->value) : found->value != value)
        fail_msg("%s: %g, wanted %g", name, found->value, value);
    if (isnan(second) ? !isnan(found->second) : found->second != second)
        fail_msg("%s: second %g, wanted %g", name, found->second, second);
}

static void the_old_form(void **state)
{
    parse("RAM 1500/3990MB (lfb 100x4MB) SWAP 7/1990MB (cached 2MB) IRAM 126/252kB(lfb 252kB) "
          "CPU [12%@1420,off,3%@204,0%@204] EMC_FREQ 2%@1600 GR3D_FREQ 31%@76 NVENC 716 MSENC 192 "
          "APE 25 MTS fg 3% bg 0% PLL@34C PMIC@100C CV0@-256C POM_5V_IN 2830/1483 POM_5V_GPU 0/0 ");
    assert_int_equal(line.unknown, 0);
    assert_false(line.is_cut);
    assert_false(line.has_time);
    is(TEGRASTATS_MEMORY, "RAM", 0, 1500, 3990);
    is(TEGRASTATS_MEMORY, "SWAP", 0, 7, 1990);
    is(TEGRASTATS_MEMORY, "IRAM", 0, 126 / 1024.0, 252 / 1024.0);
    is(TEGRASTATS_CORE, "cpu", 0, 12, 1420);
    assert_true(item(TEGRASTATS_CORE, "cpu", 1)->is_off);
    is(TEGRASTATS_CORE, "cpu", 3, 0, 204);
    is(TEGRASTATS_UNIT, "EMC_FREQ", 0, 2, 1600);
    is(TEGRASTATS_UNIT, "GR3D_FREQ", 0, 31, 76);
    is(TEGRASTATS_UNIT, "NVENC", 0, NAN, 716);
    is(TEGRASTATS_UNIT, "APE", 0, NAN, 25);
    is(TEGRASTATS_TEMP, "PLL", 0, 34, NAN);
    is(TEGRASTATS_TEMP, "CV0", 0, -256, NAN);
    is(TEGRASTATS_RAIL, "POM_5V_IN", 0, 2830, 1483);
}

static void the_oldest_form(void **state)
{
    parse("RAM 900/1892MB (lfb 1x512kB) cpu [61%,45%]@835 EMC 1%@408 GR3D 3%@76\r");
    assert_int_equal(line.unknown, 0);
    is(TEGRASTATS_CORE, "cpu", 0, 61, 835);
    is(TEGRASTATS_CORE, "cpu", 1, 45, 835);
    is(TEGRASTATS_UNIT, "EMC", 0, 1, 408);
    is(TEGRASTATS_UNIT, "GR3D", 0, 3, 76);
}

static void rails_that_are_named_like_units(void **state)
{
    parse("RAM 1/2MB (lfb 1x4MB) CPU [5%@1190] GPU@37.5C CPU@38C GPU 0/0 CPU 311/310 SYS5V -5/-6");
    assert_int_equal(line.unknown, 0);
    is(TEGRASTATS_CORE, "cpu", 0, 5, 1190);
    is(TEGRASTATS_TEMP, "CPU", 0, 38, NAN);
    is(TEGRASTATS_RAIL, "CPU", 0, 311, 310);
    is(TEGRASTATS_RAIL, "SYS5V", 0, -5, -6);
}

static void the_newer_forms(void **state)
{
    parse("05-15-2025 18:30:28 RAM 69/76MB (lfb 5x1MB)    SWAP 2/16MB (cached 202MB) CPU "
          "[97%@1984] EMC_FREQ @2133 GR3D_FREQ 84%@[713,0] NVENC 1%@115 NVDEC   off VIC off "
          "OFA_FREQ @665 tj@65.562C VDD_IN 17946mW/15710mW VDD_SOC 8896mW/7585mW/9000mW");
    assert_int_equal(line.unknown, 0);
    assert_true(line.has_time);
    assert_int_equal(line.year, 2025);
    assert_int_equal(line.month, 5);
    assert_int_equal(line.day, 15);
    assert_int_equal(line.second, 28);
    is(TEGRASTATS_UNIT, "EMC_FREQ", 0, NAN, 2133);
    is(TEGRASTATS_UNIT, "GR3D_FREQ", 0, 84, 713);
    is(TEGRASTATS_UNIT, "NVENC", 0, 1, 115);
    assert_true(item(TEGRASTATS_UNIT, "NVDEC", 0)->is_off);
    is(TEGRASTATS_UNIT, "OFA_FREQ", 0, NAN, 665);
    is(TEGRASTATS_TEMP, "tj", 0, 65.562, NAN);
    is(TEGRASTATS_RAIL, "VDD_IN", 0, 17946, 15710);
    assert_true(item(TEGRASTATS_RAIL, "VDD_SOC", 0)->third == 9000);

    parse("RAM 3/125MB (lfb 12x4MB) CPU [0%@2601] GR3D_FREQ @[494,500,494] GR3D2_FREQ N/A%@[200] "
          "cpu@34.312C/34.843C VDD_GPU -392mW/-392mW something/else x@y");
    is(TEGRASTATS_UNIT, "GR3D_FREQ", 0, NAN, 500);
    is(TEGRASTATS_UNIT, "GR3D2_FREQ", 0, NAN, 200);
    is(TEGRASTATS_TEMP, "cpu", 0, 34.312, 34.843);
    is(TEGRASTATS_RAIL, "VDD_GPU", 0, -392, -392);
    assert_true(line.unknown >= 1);
}

/* What a log daemon, `ts`, or a shell puts before the line. */
static void stamps_of_others(void **state)
{
    static const struct {
        const char *before;
        int year, month, day, hour; /* 0: no time */
    } cases[] = {
        {"2026-11-20 08:15:24 ", 2026, 11, 20, 8},
        {"2026-11-20T08:15:24.250Z ", 2026, 11, 20, 8},
        {"[2026-11-20 08:15:24] ", 2026, 11, 20, 8},
        {"1795162524 ", 2026, 11, 20, 8},
        {"1795162524.250 ", 2026, 11, 20, 8},
        {"Nov 20 08:15:24 ", 1970, 11, 20, 8},
        {"Nov 20 08:15:24 jetson tegrastats[512]: ", 1970, 11, 20, 8},
        {"2026-11-20T08:15:24+0000 jetson tegrastats[512]: ", 2026, 11, 20, 8},
        {"08:15:24 ", 1970, 1, 1, 8},
        {"[08:15:24] ", 1970, 1, 1, 8},
        {"board 7: ", 0, 0, 0, 0},
        {"25:15:24 ", 0, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[160];
        snprintf(text, sizeof(text), "%sRAM 3/125MB (lfb 12x4MB) CPU [7%%@2601]", cases[i].before);
        parse(text);
        assert_int_equal(line.has_time, cases[i].year > 0);
        assert_int_equal(line.unknown, 0);
        is(TEGRASTATS_MEMORY, "RAM", 0, 3, 125);
        is(TEGRASTATS_CORE, "cpu", 0, 7, 2601);
        if (!line.has_time)
            continue;
        assert_int_equal(line.year, cases[i].year);
        assert_int_equal(line.month, cases[i].month);
        assert_int_equal(line.day, cases[i].day);
        assert_int_equal(line.hour, cases[i].hour);
        assert_int_equal(line.minute, 15);
        assert_int_equal(line.second, 24);
    }
}

static void more_memory_than_there_is_cannot_be(void **state)
{
    parse("RAM 9999999999999999999/3957MB (lfb 1x4MB) SWAP 0/0MB (cached 0MB) CPU [7%@2601]");
    assert_true(line.is_spoilt);
    is(TEGRASTATS_MEMORY, "SWAP", 0, 0, 0);
    parse("RAM 3957/3957MB (lfb 1x4MB) CPU [7%@2601]");
    assert_false(line.is_spoilt);
}

static void what_is_no_line_of_it(void **state)
{
    static const char *const none[] = {"",           " ",
                                       "RAM",        "sudo: a password is required",
                                       "RAM x",      "05-15-2025 18:30:28",
                                       "CPU [1%@2]", "RAM 1/2MB (lfb 1x4MB)"};
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
        assert_false(tegrastats_line_parse(none[i], strlen(none[i]), &line));
}

/* Cut anywhere: never more than stands there, and nothing that was begun and not ended. */
static void a_line_that_is_cut_off(void **state)
{
    static const char whole[] =
        "RAM 15/39MB (lfb 1x4MB) CPU [12%@1420,3%@204] GR3D_FREQ 0%@[305,7]";
    for (size_t size = 25; size < sizeof(whole) - 1; size++) {
        if (!tegrastats_line_parse(whole, size, &line))
            continue;
        for (size_t i = 0; i < line.count; i++) {
            if (line.items[i].kind == TEGRASTATS_CORE)
                assert_true(isnan(line.items[i].value) || line.items[i].value <= 12);
        }
    }
}

/* ---- as a run ---- */

static struct run run;

static struct run_sink *fresh(void *context)
{
    run_init(&run);
    return run_sink_of(&run);
}

static const struct run_series *series(const char *metric, const char *instance, size_t count)
{
    const struct run_series *found = run_find_series(&run, metric, instance);
    if (!found)
        fail_msg("no %s %s", metric, instance);
    assert_int_equal(found->count, count);
    return found;
}

static void a_log_is_series_over_time(void **state)
{
    /* Two lines in one second, a second without any, noise, and a last line without its end. */
    static const char log[] =
        "sudo: unable to resolve host\n"
        "05-15-2025 18:30:28 RAM 10/76MB (lfb 1x1MB) CPU [10%@100,off] GR3D_FREQ 50%@[700] "
        "cpu@40C PMIC@100C CV0@-256C VDD_IN 4000mW/4000mW VDD_SOC 1000mW/1000mW\n"
        "05-15-2025 18:30:28 RAM 20/76MB (lfb 1x1MB) CPU [20%@100,40%@200] GR3D_FREQ off "
        "NVDEC 40%@115 cpu@41C VDD_IN 6000mW/5000mW VDD_SOC 1000mW/1000mW\n"
        "05-15-2025 18:30:30 RAM 30/76MB (lfb 1x1MB) CPU [30%@100,off] cpu@42C VDD_IN 5000mW\n"
        "05-15-2025 18:30:31 RAM 40/76MB (lfb 1x1MB) CPU [30%@100,off] cpu@4";
    struct peer_input input = {.text = log, .size = sizeof(log) - 1, .file = "f", .fresh = fresh};
    struct error err = {0};
    assert_int_equal(peer_read(&input, &err), 0);
    assert_int_equal(facts_get(&run.workload, "lines")->integer, 3);
    assert_int_equal(facts_get(&run.workload, "lines_left_out")->integer, 2);
    assert_int_equal(facts_get(&run.workload, "first_line_left_out")->integer, 1);
    const struct run_series *memory = series("mem_used_mb", "", 3);
    assert_int_equal(memory->samples[0].t_ns, 0);
    assert_int_equal(memory->samples[1].t_ns, 500000000);
    assert_int_equal(memory->samples[2].t_ns, 2000000000);
    assert_true(memory->samples[2].value == 30);
    assert_true(series("power_w", "total", 3)->samples[1].value == 6);
    assert_true(series("power_w", "VDD_SOC", 3)->samples[1].value == 1);
    assert_true(isnan(series("power_w", "VDD_SOC", 3)->samples[2].value));
    assert_true(series("cpu_total_pct", "", 3)->samples[0].value == 10);
    assert_true(series("cpu_total_pct", "", 3)->samples[1].value == 30);
    assert_true(isnan(series("core_pct", "cpu1", 3)->samples[0].value));
    assert_true(series("gpu_mhz", "", 3)->samples[1].value == 0);
    assert_true(isnan(series("gpu_util_pct", "", 3)->samples[1].value));
    assert_true(series("engine_util_pct", "nvdec", 3)->samples[1].value == 40);
    assert_true(isnan(series("temp_c", "PMIC", 3)->samples[0].value));
    assert_true(isnan(series("temp_c", "CV0", 3)->samples[0].value));
    assert_true(series("temp_c", "cpu", 3)->samples[2].value == 42);
    assert_true(fabs(run.begin_epoch_s - 1747333828) < 0.5); /* date -u -d … +%s */
    run_deinit(&run);
}

/* No rail is the input, and there is the 5 V rail of an AGX board: the sum of its rails. */
static void total_power_of_a_board_without_an_input_rail(void **state)
{
    static const char log[] =
        "RAM 1/2MB (lfb 1x4MB) CPU [5%@1190] GPU 100/90 CPU 311/310 SOC 900/1 "
        "CV 0/0 VDDRQ 600/1 SYS5V 1500/1\n"
        "RAM 1/2MB (lfb 1x4MB) CPU [5%@1190] GPU 100/90 CPU 311/310 SOC 900/1 "
        "CV 0/0 VDDRQ 600/1 SYS5V 1500/1\n";
    struct peer_input input = {.text = log, .size = sizeof(log) - 1, .file = "f", .fresh = fresh};
    struct error err = {0};
    assert_int_equal(peer_read(&input, &err), 0);
    assert_true(fabs(series("power_w", "total", 2)->samples[0].value - 3.411) < 1e-12);
    assert_int_equal(series("power_w", "total", 2)->samples[1].t_ns, 1000000000);
    run_deinit(&run);
}

/* The clock is set back by an hour: time goes on. */
static void time_never_goes_back(void **state)
{
    static const char log[] = "05-15-2025 18:30:28 RAM 1/76MB (lfb 1x1MB) CPU [1%@1]\n"
                              "05-15-2025 18:30:29 RAM 1/76MB (lfb 1x1MB) CPU [1%@1]\n"
                              "05-15-2025 17:30:30 RAM 1/76MB (lfb 1x1MB) CPU [1%@1]\n"
                              "05-15-2025 17:30:32 RAM 1/76MB (lfb 1x1MB) CPU [1%@1]\n";
    struct peer_input input = {.text = log, .size = sizeof(log) - 1, .file = "f", .fresh = fresh};
    struct error err = {0};
    assert_int_equal(peer_read(&input, &err), 0);
    static const int64_t wanted[] = {0, 1, 2, 4};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(series("mem_used_mb", "", 4)->samples[i].t_ns, wanted[i] * 1000000000);
    run_deinit(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_old_form),
        cmocka_unit_test(the_oldest_form),
        cmocka_unit_test(rails_that_are_named_like_units),
        cmocka_unit_test(the_newer_forms),
        cmocka_unit_test(stamps_of_others),
        cmocka_unit_test(more_memory_than_there_is_cannot_be),
        cmocka_unit_test(what_is_no_line_of_it),
        cmocka_unit_test(a_line_that_is_cut_off),
        cmocka_unit_test(a_log_is_series_over_time),
        cmocka_unit_test(total_power_of_a_board_without_an_input_rail),
        cmocka_unit_test(time_never_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
