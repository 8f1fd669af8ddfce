/* test_memory_log.c: what ps, pidstat, free and pairs of numbers look like, line by line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "format/memory_log.h"

static struct memory_log pushed;
static uint64_t number;

static bool push(const char *text, struct memory_sample *ret)
{
    struct line line = {.text = text, .size = strlen(text), .number = ++number, .has_end = true};
    return memory_log_line(&pushed, &line, ret);
}

static int begin(void **state)
{
    (void)state;
    number = 0;
    memory_log_init(&pushed);
    return 0;
}

static void assert_name(const struct memory_sample *sample, const char *name)
{
    assert_int_equal(sample->name_length, strlen(name));
    assert_memory_equal(sample->name, name, strlen(name));
}

static void ps_with_and_without_times(void **state)
{
    (void)state;
    struct memory_sample sample;
    assert_false(push("$ while sleep 1; do ps -o pid,rss,comm -p 77; done", &sample));
    assert_false(push("    PID   RSS COMMAND", &sample));
    assert_true(push("     77 204800 python3", &sample));
    assert_int_equal(pushed.kind, MEMORY_LOG_PROCESSES);
    assert_true(isnan(sample.t_s));
    assert_true(sample.mb == 200 && sample.pid == 77);
    assert_name(&sample, "python3");
    assert_false(push("1762000005", &sample)); /* date +%s */
    assert_true(push("     77 102400 python3", &sample));
    assert_true(sample.t_s == 1762000005 && sample.mb == 100);
    assert_true(push("2026-11-20T08:15:24Z 77 1024 python3", &sample)); /* ts */
    assert_true(sample.t_s == 1795162524 && sample.mb == 1);
    assert_false(push("     77", &sample));
    assert_false(push("     x7 1024 python3", &sample));
    assert_int_equal(pushed.skips.of[SKIP_TOO_FEW_FIELDS].first_line, 7);
    assert_int_equal(pushed.skips.of[SKIP_NOT_A_NUMBER].first_line, 8);
    assert_int_equal(pushed.skips.rows, 3);
}

/* What date prints by itself, in its languages: all of them one minute past noon. */
static void the_line_of_date_is_a_time(void **state)
{
    (void)state;
    static const char *const dates[] = {
        "Sun Mar  1 12:01:00 UTC 2026",    "Sun Mar  1 12:01:00 PM KST 2026",
        "Sun 01 Mar 2026 12:01:00 PM UTC", "Sun  1 Mar 12:01:00 CET 2026",
        "2026. 03. 01. (일) 12:01:00 KST", "2026년 03월 01일 (일) 오후 12:01:00 KST",
        "Sun Mar  1 12:01:00 +09 2026",
    };
    struct memory_sample sample;
    assert_false(push("  PID   RSS COMMAND", &sample));
    for (size_t i = 0; i < sizeof(dates) / sizeof(*dates); i++) {
        assert_false(push(dates[i], &sample));
        assert_true(push(" 1234 102400 python", &sample));
        if (sample.t_s != 1772366460)
            fail_msg("'%s' is %.0f", dates[i], sample.t_s);
    }
    assert_false(push("Sun Mar  1 12:01:00 AM UTC 2026", &sample));
    assert_true(push(" 1234 102400 python", &sample));
    assert_true(sample.t_s == 1772366460 - 43200);
    assert_int_equal(skips_data(&pushed.skips), 0);
    /* No dates: a sentence with a time, a 32nd day, 13 o'clock PM. */
    assert_false(push("started on Sun Mar  1 at 12:02:00 2026 by me", &sample));
    assert_false(push("Sun Mar 32 12:02:00 UTC 2026", &sample));
    assert_false(push("Sun Mar  1 13:02:00 PM UTC 2026", &sample));
    assert_true(push(" 1234 102400 python", &sample));
    assert_true(sample.t_s == 1772366460 - 43200);
}

static void ps_knows_how_long_a_process_runs(void **state)
{
    (void)state;
    struct memory_sample sample;
    push("  PID     ELAPSED   RSS", &sample);
    assert_true(push("   77       01:05  1024", &sample));
    assert_true(sample.t_s == 65 && sample.time_kind == TIMESTAMP_RELATIVE);
    assert_true(push("   77  2-03:04:05  1024", &sample));
    assert_true(sample.t_s == 2 * 86400 + 3 * 3600 + 4 * 60 + 5);
    assert_true(push("   77        4711  1024", &sample));
    assert_true(sample.t_s == 4711);
}

static void ps_aux_has_its_columns_elsewhere(void **state)
{
    (void)state;
    struct memory_sample sample;
    push("USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND", &sample);
    assert_true(push(
        "root           1  0.0  0.1 168140 12288 ?        Ss   08:15   0:01 /sbin/init", &sample));
    assert_true(sample.mb == 12 && sample.pid == 1);
    assert_name(&sample, "/sbin/init");
}

static void pidstat_over_midnight(void **state)
{
    (void)state;
    struct memory_sample sample;
    assert_false(push("Linux 6.1.0-18-arm64 (jetson) \t11/20/2026 \t_aarch64_\t(8 CPU)", &sample));
    assert_false(push("", &sample));
    assert_false(push("11:59:58 PM   UID       PID  minflt/s  majflt/s     VSZ     RSS   %MEM  "
                      "Command",
                      &sample));
    assert_true(push("11:59:59 PM  1000      4711   1200.00      0.00 2345678  307200   5.12  "
                     "python3",
                     &sample));
    assert_true(sample.mb == 300 && sample.pid == 4711);
    assert_true(sample.t_s == 1795219199 && sample.time_kind == TIMESTAMP_DATE);
    assert_true(push("12:00:01 AM  1000      4711   1200.00      0.00 2345678  307200   5.12  "
                     "python3",
                     &sample));
    assert_true(sample.t_s == 1795219201);
    assert_false(push("Average:      UID       PID  minflt/s  majflt/s     VSZ     RSS   %MEM  "
                      "Command",
                      &sample));
    assert_false(push("Average:     1000      4711   1200.00      0.00 2345678  307200   5.12  "
                      "python3",
                      &sample));
    assert_int_equal(pushed.skips.rows, 2);
}

static void pidstat_in_one_line_and_with_24_hours(void **state)
{
    (void)state;
    struct memory_sample sample;
    push("# Time        UID       PID  minflt/s  majflt/s     VSZ     RSS   %MEM  Command",
         &sample);
    assert_true(push(" 1705312345     1000     12345      0.00      0.00 1234567  204800   1.23  "
                     "node",
                     &sample));
    assert_true(sample.t_s == 1705312345 && sample.mb == 200 && sample.pid == 12345);
    begin(NULL);
    push("Linux 5.15.0 (h) \t2026-11-20 \t_x86_64_\t(2 CPU)", &sample);
    push("23:59:58      UID       PID  minflt/s  majflt/s     VSZ     RSS   %MEM  Command",
         &sample);
    assert_true(push("23:59:59     1000     12345      0.00      0.00 1234567  204800   1.23  node",
                     &sample));
    assert_true(sample.t_s == 1795219199);
}

static void free_in_its_units(void **state)
{
    (void)state;
    static const struct {
        const char *header, *memory, *swap;
        double mb;
    } cases[] = {
        {"               total        used        free      shared  buff/cache   available",
         "Mem:            7620        2000        1200         120        2100        5200",
         "Swap:           3810         100        3710", 7620 - 5200 + 100},
        {"               total        used        free      shared  buff/cache   available",
         "Mem:         7802880     2048000     1228800      122880     2150400     5324800",
         "Swap:        3901440      102400     3799040", (7802880 - 5324800 + 102400) / 1024.0},
        {"               total        used        free      shared  buff/cache   available",
         "Mem:      7990149120  2097152000  1258291200   125829120  2202009600  5452595200",
         "Swap:     3995074560   104857600  3890216960",
         (7990149120 - 5452595200) / 1048576.0 + 100},
        {"               total        used        free      shared  buff/cache   available",
         "Mem:           7.5Gi       2.0Gi       1.2Gi       120Mi       2.1Gi       5.0Gi",
         "Swap:          3.7Gi       512Mi       3.2Gi", 2.5 * 1024 + 512},
        {"             total       used       free     shared    buffers     cached",
         "Mem:          3964       2500       1464          0        100        500",
         "Swap:         1982         10       1972", 2510},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct memory_sample sample;
        begin(NULL);
        assert_false(push(cases[i].header, &sample));
        assert_int_equal(pushed.kind, MEMORY_LOG_FREE);
        assert_false(push(cases[i].memory, &sample));
        assert_true(push(cases[i].swap, &sample));
        assert_true(fabs(sample.mb - cases[i].mb) < 1e-9);
        assert_true(isnan(sample.t_s) && sample.pid == -1);
    }
}

static void pairs_however_they_are_separated(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double t_s;
    } cases[] = {
        {"12.5 143.25", 12.5},
        {"12.5,143.25", 12.5},
        {"12.5;  143.25", 12.5},
        {"12.5\t143.25", 12.5},
        {"1762000000.5, 143.25", 1762000000.5},
        {"2026-11-20 08:15:24 143.25", 1795162524},
        {"2026-11-20 08:15:24,143.25", 1795162524},
        {"2026-11-20T08:15:24.5Z,143.25", 1795162524.5},
        {"08:15:24 143.25", 8 * 3600 + 15 * 60 + 24},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct memory_sample sample;
        begin(NULL);
        if (!push(cases[i].text, &sample))
            fail_msg("'%s' is a pair", cases[i].text);
        assert_int_equal(pushed.kind, MEMORY_LOG_PAIRS);
        assert_true(fabs(sample.t_s - cases[i].t_s) < 1e-6);
        assert_true(sample.mb == 143.25);
    }
}

static void what_is_none_of_them(void **state)
{
    (void)state;
    static const char *const tables[] = {"timestamp,rss_mb", "time;MB", "t\tMB"};
    struct memory_sample sample;
    for (size_t i = 0; i < 3; i++) {
        begin(NULL);
        assert_false(push(tables[i], &sample));
        assert_true(pushed.is_table);
        assert_false(push("1,2", &sample));
    }
    begin(NULL);
    assert_true(push("0 100", &sample));
    assert_false(push("1 abc", &sample));
    assert_false(push("2 -5", &sample));
    assert_false(push("  PID   RSS COMMAND", &sample)); /* another format behind it */
    assert_int_equal(pushed.skips.of[SKIP_OTHER_LINE].count, 2);
    assert_int_equal(pushed.skips.of[SKIP_NEGATIVE].count, 1);
    struct line cut = {.text = "3 14", .size = 4, .number = 5, .has_end = false};
    assert_false(memory_log_line(&pushed, &cut, &sample));
    assert_int_equal(pushed.skips.of[SKIP_CUT_OFF].first_line, 5);
    begin(NULL);
    push("  PID   RSS COMMAND", &sample);
    assert_false(push("              total        used        free", &sample));
    assert_false(push("Mem:            7620        2000        1200", &sample));
    assert_int_equal(pushed.skips.of[SKIP_OTHER_LINE].count, 2);
}

static void a_file_is_known_by_its_beginning(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_log;
    } cases[] = {
        {"0 143\n1 144\n", true},
        {"time MB\n0 143\n", true},
        {"\n\n0,143\r\n", true},
        {"  PID   RSS COMMAND\n", true},
        {"1762000000\n  PID   RSS COMMAND\n 1 5 x\n", true},
        {"               total        used        free      shared\n", true},
        {"timestamp,rss_mb\n1,2\n", false},
        {"# time, MB\n0,143\n", false},
        {"5000\n5001\n", false},
        {"hello\n", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        if (memory_log_accepts(cases[i].text, strlen(cases[i].text)) != cases[i].is_log)
            fail_msg("'%s' was taken for the other", cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(ps_with_and_without_times, begin),
        cmocka_unit_test_setup(the_line_of_date_is_a_time, begin),
        cmocka_unit_test_setup(ps_knows_how_long_a_process_runs, begin),
        cmocka_unit_test_setup(ps_aux_has_its_columns_elsewhere, begin),
        cmocka_unit_test_setup(pidstat_over_midnight, begin),
        cmocka_unit_test_setup(pidstat_in_one_line_and_with_24_hours, begin),
        cmocka_unit_test_setup(free_in_its_units, begin),
        cmocka_unit_test_setup(pairs_however_they_are_separated, begin),
        cmocka_unit_test_setup(what_is_none_of_them, begin),
        cmocka_unit_test(a_file_is_known_by_its_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
