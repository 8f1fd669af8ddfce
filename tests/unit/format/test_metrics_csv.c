/* test_metrics_csv.c: the monitor's CSV: columns, numbers, holding, and the file under it. */
#include "metrics_csv_support.h"

#include "malloc_countdown.h"

/* Only the fixed columns, empty. */
#define EMPTY ",,,,,,,"

static void header_and_row_are_exactly_these(void **state)
{
    struct fixture *f = *state;
    const double values[SOURCES] = {45.24,  381.06, 32768, 18200.04, 1200.5, 62,  30, 2048,
                                    100.25, NAN,    NAN,   NAN,      NAN,    NAN, NAN};
    open_csv(f, NULL, false);
    metrics_csv_row(f->csv, 1706123456.1234, 0, values);
    assert_int_equal(metrics_csv_close(f->csv, NULL), 0);
    assert_text(f, FIXED_HEADER "\n"
                                "1706123456.123,45.2,381.1,32768.0,18200.0,1200.5,62.0,2148.3\n");
}

static void unknown_is_an_empty_cell(void **state)
{
    struct fixture *f = *state;
    double values[SOURCES];
    open_csv(f, NULL, false);
    clear(values);
    metrics_csv_row(f->csv, 5, 0, values);
    values[0] = INFINITY;
    values[1] = -0.04; /* no minus in front of nothing */
    metrics_csv_row(f->csv, 6.0004, 1, values);
    assert_int_equal(metrics_csv_close(f->csv, NULL), 0);
    assert_text(f, FIXED_HEADER "\n5.000" EMPTY "\n6.000,,0.0,,,,,\n");
}

static void instrumented_columns_and_more(void **state)
{
    struct fixture *f = *state;
    double values[SOURCES];
    open_csv(f, "+load1,temp_c,gpu_util_pct_nvidia_1,core_pct,load1", true);
    clear(values);
    values[LOAD] = 0.527;
    values[TEMP_CPU] = 61.25;
    values[TEMP_ODD] = 40;
    values[CORE0] = 99.96;
    values[GPU1] = 30;
    metrics_csv_row(f->csv, 1, 0, values);
    assert_int_equal(metrics_csv_close(f->csv, NULL), 0);
    assert_text(f, FIXED_HEADER ",inference_ms_avg,inference_ms_p99,pipeline_fps,load1,temp_c_CPU,"
                                "temp_c_a_b__c_,gpu_util_pct_nvidia_1,cpu0_pct\n"
                                "1.000,,,,,,30.0,,,,,0.53,61.3,40.0,30.0,100.0\n");
}

static void columns_are_refused_by_name(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *spec, *message, *hint;
        int code;
    } cases[] = {
        {"+lod1", "no column 'lod1'", "load1", ERROR_USAGE},
        {"+frobnication", "no column 'frobnication'", "--columns help", ERROR_USAGE},
        {"+temp_c_GPU", "nothing on this machine delivers 'temp_c_GPU'", "temp_c_CPU",
         ERROR_ABSENT},
        {"+power_w", "delivers 'power_w'", "doctor", ERROR_ABSENT},
        {"+power_w_VDD_IN", "delivers 'power_w_VDD_IN'", "doctor", ERROR_ABSENT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error err = {0};
        assert_int_equal(try_open_csv(f, cases[i].spec, false, &err), -cases[i].code);
        assert_contains(err.message, cases[i].message);
        assert_contains(err.hint, cases[i].hint);
        assert_int_not_equal(access(f->path, F_OK), 0); /* and nothing is left behind */
    }
}

static void rules_join_instances(void **state)
{
    struct fixture *f = *state;
    double values[SOURCES];
    open_csv(f, "gpu_throttle_reasons", false);
    clear(values);
    values[GPU0] = 10;
    values[GPU1] = 90;
    values[GPU_MEM0] = 1000;
    values[REASONS0] = 0x21;
    values[REASONS1] = 0x4;
    metrics_csv_row(f->csv, 1, 0, values);
    assert_int_equal(metrics_csv_close(f->csv, NULL), 0);
    assert_text(f, FIXED_HEADER ",gpu_throttle_reasons\n1.000,,,,,,90.0,1000.0,37\n");
}

static void a_slower_value_is_held_for_its_own_interval_and_no_longer(void **state)
{
    struct fixture *f = *state;
    double values[SOURCES];
    open_csv(f, "load1", false); /* load1 comes every 500 ms, rows every 100 ms */
    for (int tick = 0; tick < 12; tick++) {
        clear(values);
        values[CPU] = tick;
        if (tick == 0 || tick == 5) /* and is missing at 10 */
            values[LOAD] = 1 + tick;
        metrics_csv_row(f->csv, tick, tick * 100 * MS + (tick % 3) * MS, values);
    }
    assert_int_equal(metrics_csv_close(f->csv, NULL), 0);
    const char *text = text_of(f);
    assert_contains(text, "4.000,4.0,,,,,,,1.00\n5.000,5.0,,,,,,,6.00\n");
    assert_contains(text, "9.000,9.0,,,,,,,6.00\n10.000,10.0,,,,,,,\n11.000,11.0,,,,,,,\n");
}

static void numbers_do_not_follow_the_locale(void **state)
{
    struct fixture *f = *state;
    double values[SOURCES];
    char text[40];
    const char *locale = setlocale(LC_NUMERIC, "de_DE.UTF-8");
    if (!locale)
        locale = setlocale(LC_NUMERIC, "fr_FR.UTF-8");
    clear(values);
    values[CPU] = 1e17;
    open_csv(f, NULL, false);
    metrics_csv_row(f->csv, 1.5, 0, values);
    metrics_csv_close(f->csv, NULL);
    setlocale(LC_NUMERIC, "C");
    assert_contains(text_of(f), "\n1.500,1e+17,");
    assert_int_equal(metrics_format_fixed(-1234.5678, 3, text, sizeof(text)), 9);
    assert_string_equal(text, "-1234.568");
    assert_int_equal(metrics_format_fixed(0.05, 0, text, sizeof(text)), 1);
    assert_int_equal(metrics_format_fixed(-1e300, 1, text, sizeof(text)), 7);
    assert_int_equal(metrics_format_fixed(NAN, 1, text, sizeof(text)), 0);
}

/* ---- a file that is there already ---- */

static void the_same_header_is_appended_to(void **state)
{
    struct fixture *f = *state;
    struct metrics_csv_stats stats;
    double values[SOURCES];
    clear(values);
    for (int i = 0; i < 2; i++) {
        open_csv(f, NULL, false);
        metrics_csv_row(f->csv, i, 0, values);
        metrics_csv_get_stats(f->csv, &stats);
        assert_int_equal(stats.rows, 1);
        assert_int_equal(stats.appended, i == 1);
        assert_false(stats.was_cut);
        assert_int_equal(metrics_csv_close(f->csv, NULL), 0);
    }
    assert_text(f, FIXED_HEADER "\n0.000" EMPTY "\n1.000" EMPTY "\n");
}

static void another_header_is_refused_and_left_alone(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"timestamp,cpu_total_pct,cpu\n1,2,3\n", "column 3 of its header is 'cpu', not "
                                                 "'cpu_track_pct'"},
        {"timestamp,cpu_total_pct\n", "no column 3 'cpu_track_pct'"},
        {FIXED_HEADER ",x\n", "a column 9 'x' that is not asked for"},
        {FIXED_HEADER "\r\n", "not 'gpu_mem_used_mb'"},
        {"\xef\xbb\xbf" FIXED_HEADER "\n", "not 'timestamp'"},
        {"\n", "column 1 of its header is ''"},
        {"timestamp,cpu_to", "column 2"},
        {"no csv at all", "column 1"},
        {",,,,\n", "column 1"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error err = {0};
        write_text(f, cases[i].text, strlen(cases[i].text));
        assert_int_equal(try_open_csv(f, NULL, false, &err), -ERROR_INPUT);
        if (!strstr(err.message, cases[i].message))
            fail_msg("%s: %s", cases[i].message, err.message);
        assert_string_equal(err.file, f->path);
        assert_int_equal(err.line, 1);
        assert_text(f, cases[i].text);
    }
}

static void hostile_files_are_only_other_headers(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    char *big = malloc(300000);
    assert_non_null(big);
    memset(big, 'x', 300000); /* one line without an end */
    write_text(f, big, 300000);
    assert_int_equal(try_open_csv(f, NULL, false, &err), -ERROR_INPUT);
    memset(big, 0, 300000);
    write_text(f, big, 300000);
    assert_int_equal(try_open_csv(f, NULL, false, &err), -ERROR_INPUT);
    memset(big, ',', 300000);
    write_text(f, big, 300000);
    assert_int_equal(try_open_csv(f, NULL, false, &err), -ERROR_INPUT);
    const char coloured[] = "timestamp,\033[31m\xff,x\n";
    write_text(f, coloured, strlen(coloured));
    assert_int_equal(try_open_csv(f, NULL, false, &err), -ERROR_INPUT);
    assert_null(strchr(err.message, '\033'));
    /* the header, a NUL, and more */
    memcpy(big, FIXED_HEADER, strlen(FIXED_HEADER) + 1);
    big[strlen(FIXED_HEADER) + 1] = 'x';
    big[strlen(FIXED_HEADER) + 2] = '\n';
    write_text(f, big, strlen(FIXED_HEADER) + 3);
    assert_int_equal(try_open_csv(f, NULL, false, &err), -ERROR_INPUT);
    free(big);
}

static void a_line_that_was_cut_off_is_ended_first(void **state)
{
    struct fixture *f = *state;
    struct metrics_csv_stats stats;
    double values[SOURCES];
    static const char *const texts[] = {FIXED_HEADER "\n1.000,4", FIXED_HEADER};
    clear(values);
    for (size_t i = 0; i < 2; i++) {
        char expected[512];
        write_text(f, texts[i], strlen(texts[i]));
        open_csv(f, NULL, false);
        metrics_csv_get_stats(f->csv, &stats);
        assert_true(stats.was_cut);
        assert_text(f, texts[i]); /* not before there is a row */
        metrics_csv_row(f->csv, 2, 0, values);
        metrics_csv_row(f->csv, 3, 1, values);
        assert_int_equal(metrics_csv_close(f->csv, NULL), 0);
        snprintf(expected, sizeof(expected), "%s\n2.000" EMPTY "\n3.000" EMPTY "\n", texts[i]);
        assert_text(f, expected);
    }
}

static void a_missing_folder_and_a_folder_are_errors(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    char path[128];
    snprintf(path, sizeof(path), "%s/none/m.csv", f->tree.path);
    assert_int_equal(open_at(f, path, &err), -ERROR_ABSENT);
    assert_string_equal(err.file, path);
    assert_true(open_at(f, f->tree.path, &err) < 0);
}

/* ---- when writing fails ---- */

static void a_full_device_is_said_at_once(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    assert_int_equal(open_at(f, "/dev/full", &err), -ERROR_IO);
    assert_contains(err.message, "No space left");
}

/* RLIMIT_FSIZE stands for a full disk: it cuts a write short in the middle of a row. */
static void a_row_that_does_not_fit_leaves_no_half(void **state)
{
    struct fixture *f = *state;
    struct metrics_csv_stats stats;
    struct rlimit before, small;
    struct error err = {0};
    double values[SOURCES];
    char expected[512];
    clear(values);
    signal(SIGXFSZ, SIG_IGN);
    open_csv(f, NULL, false);
    metrics_csv_row(f->csv, 1, 0, values);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = strlen(FIXED_HEADER) + 1 + 13 + 6; /* and half of the second */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    metrics_csv_row(f->csv, 2, 1, values);
    metrics_csv_row(f->csv, 3, 2, values);
    snprintf(expected, sizeof(expected), FIXED_HEADER "\n1.000" EMPTY "\n");
    assert_text(f, expected);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    metrics_csv_row(f->csv, 4, 3, values); /* there is room again */
    metrics_csv_get_stats(f->csv, &stats);
    assert_int_equal(stats.rows, 2);
    assert_int_equal(stats.lost, 2);
    assert_int_equal(stats.lost_errno, EFBIG);
    assert_int_equal(metrics_csv_close(f->csv, &err), -ERROR_IO);
    assert_contains(err.message, "2 of 4 rows could not be written");
    assert_string_equal(err.file, f->path);
    snprintf(expected, sizeof(expected), FIXED_HEADER "\n1.000" EMPTY "\n4.000" EMPTY "\n");
    assert_text(f, expected);
}

static void a_pipe_without_a_reader_is_an_error_that_says_so(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    assert_int_equal(mkfifo(f->path, 0600), 0);
    assert_int_equal(try_open_csv(f, NULL, false, &err), -ERROR_ABSENT);
    assert_contains(err.hint, "reader");
}

static void a_pipe_whose_reader_stalls_loses_rows_but_tears_none(void **state)
{
    struct fixture *f = *state;
    struct metrics_csv_stats stats;
    double values[SOURCES];
    static char text[1 << 20];
    clear(values);
    assert_int_equal(mkfifo(f->path, 0600), 0);
    int reader = open(f->path, O_RDONLY | O_NONBLOCK);
    assert_true(reader >= 0);
    open_csv(f, NULL, false);
    for (int i = 0; i < 10000; i++)
        metrics_csv_row(f->csv, i, i, values);
    metrics_csv_get_stats(f->csv, &stats);
    assert_true(stats.lost > 0 && stats.rows > 100);
    size_t length = 0;
    for (ssize_t got; (got = read(reader, text + length, sizeof(text) - 1 - length)) > 0;)
        length += (size_t)got;
    metrics_csv_row(f->csv, 77777, 10000, values);
    for (ssize_t got; (got = read(reader, text + length, sizeof(text) - 1 - length)) > 0;)
        length += (size_t)got;
    text[length] = '\0';
    assert_int_equal(metrics_csv_close(f->csv, NULL), -ERROR_IO);
    size_t lines = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++) {
        size_t commas = 0;
        for (char *at = line; *at; at++)
            commas += *at == ',';
        assert_int_equal(commas, 7);
    }
    assert_int_equal(lines, 1 + stats.rows + 1);
    close(reader);
}

static void a_pipe_whose_reader_is_gone_costs_rows_only(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    double values[SOURCES];
    clear(values);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(mkfifo(f->path, 0600), 0);
    int reader = open(f->path, O_RDONLY | O_NONBLOCK);
    open_csv(f, NULL, false);
    metrics_csv_row(f->csv, 1, 0, values);
    close(reader);
    metrics_csv_row(f->csv, 2, 1, values);
    metrics_csv_row(f->csv, 3, 2, values);
    assert_int_equal(metrics_csv_close(f->csv, &err), -ERROR_IO);
    assert_contains(err.message, "2 of 3 rows");
}

/* ---- logrotate ---- */

static void reopening_follows_the_path(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    double values[SOURCES];
    char rotated[160];
    clear(values);
    snprintf(rotated, sizeof(rotated), "%s.1", f->path);
    open_csv(f, NULL, false);
    metrics_csv_row(f->csv, 1, 0, values);
    assert_int_equal(rename(f->path, rotated), 0);
    metrics_csv_row(f->csv, 2, 1, values);
    assert_int_equal(metrics_csv_reopen(f->csv, &err), 0);
    metrics_csv_row(f->csv, 3, 2, values);
    assert_text(f, FIXED_HEADER "\n3.000" EMPTY "\n");
    assert_int_equal(metrics_csv_reopen(f->csv, &err), 0); /* nothing moved: it goes on there */
    metrics_csv_row(f->csv, 4, 3, values);
    assert_text(f, FIXED_HEADER "\n3.000" EMPTY "\n4.000" EMPTY "\n");
    /* something else stands there now: the old file goes on */
    assert_int_equal(rename(f->path, rotated), 0);
    write_text(f, "other\n", 6);
    assert_int_equal(metrics_csv_reopen(f->csv, &err), -ERROR_INPUT);
    metrics_csv_row(f->csv, 5, 4, values);
    assert_text(f, "other\n");
    assert_int_equal(metrics_csv_close(f->csv, NULL), 0);
    assert_int_equal(rename(rotated, f->path), 0);
    assert_text(f, FIXED_HEADER "\n3.000" EMPTY "\n4.000" EMPTY "\n5.000" EMPTY "\n");
}

/* logrotate's copytruncate: no signal, the file is just empty. */
static void an_emptied_file_gets_its_header_again(void **state)
{
    struct fixture *f = *state;
    struct metrics_csv_stats stats;
    struct rlimit before, small;
    struct error err = {0};
    double values[SOURCES];
    clear(values);
    signal(SIGXFSZ, SIG_IGN);
    open_csv(f, NULL, false);
    metrics_csv_row(f->csv, 1, 0, values);
    assert_int_equal(truncate(f->path, 0), 0);
    malloc_countdown_start(1);
    metrics_csv_row(f->csv, 2, 1, values);
    assert_false(malloc_countdown_stop());
    metrics_csv_row(f->csv, 3, 2, values);
    assert_text(f, FIXED_HEADER "\n2.000" EMPTY "\n3.000" EMPTY "\n");
    /* No room for the header: then there is none for a row either, until there is. */
    assert_int_equal(truncate(f->path, 0), 0);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = strlen(FIXED_HEADER) / 2;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    metrics_csv_row(f->csv, 4, 3, values);
    assert_text(f, "");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    metrics_csv_row(f->csv, 5, 4, values);
    assert_text(f, FIXED_HEADER "\n5.000" EMPTY "\n");
    metrics_csv_get_stats(f->csv, &stats);
    assert_int_equal(stats.rows, 4);
    assert_int_equal(stats.lost, 1);
    assert_int_equal(stats.lost_errno, EFBIG);
    assert_int_equal(metrics_csv_close(f->csv, &err), -ERROR_IO);
}

static void stdout_is_a_dash(void **state)
{
    struct fixture *f = *state;
    double values[SOURCES];
    clear(values);
    fflush(stdout);
    int saved = dup(STDOUT_FILENO), file = open(f->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(file, STDOUT_FILENO);
    int rc = open_at(f, "-", NULL);
    if (rc == 0) {
        metrics_csv_row(f->csv, 1, 0, values);
        metrics_csv_reopen(f->csv, NULL);
        metrics_csv_row(f->csv, 2, 1, values);
        rc = metrics_csv_close(f->csv, NULL);
    }
    dup2(saved, STDOUT_FILENO);
    close(saved);
    close(file);
    assert_int_equal(rc, 0);
    assert_text(f, FIXED_HEADER "\n1.000" EMPTY "\n2.000" EMPTY "\n");
}

/* ---- the table ---- */

static void every_column_stands_for_a_metric(void **state)
{
    for (size_t i = 0; i < metrics_columns_count; i++) {
        const struct metrics_column *column = &metrics_columns[i];
        const struct metric *metric = metric_find(column->metric);
        if (!metric)
            fail_msg("%s", column->metric);
        assert_int_equal(metric->kind, METRIC_VALUE);
        bool has_pattern = column->rule == COLUMN_EACH || column->rule == COLUMN_CHANNEL;
        assert_true(has_pattern == (column->each != NULL));
        assert_true(column->decimals >= 0 && column->decimals <= 3);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(column->name, metrics_columns[j].name);
    }
}

static void help_and_the_page_hold_every_column(void **state)
{
    struct strbuf help = {0}, markdown = {0};
    char *page = NULL, path[512];
    size_t size;
    metrics_csv_columns_help(&help);
    metrics_csv_columns_markdown(&markdown);
    for (size_t i = 0; i < metrics_columns_count; i++)
        assert_contains(strbuf_get(&help), metrics_columns[i].name);
    const char *docs = getenv("TACHO_TEST_DOCS");
    assert_non_null(docs);
    snprintf(path, sizeof(path), "%s/monitor-columns.md", docs);
    assert_int_equal(file_read_all(path, 1 << 20, &page, &size, NULL), 0);
    if (!strstr(page, strbuf_get(&markdown)))
        fail_msg("docs/monitor-columns.md does not hold this table:\n%s", strbuf_get(&markdown));
    free(page);
    strbuf_deinit(&help);
    strbuf_deinit(&markdown);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(header_and_row_are_exactly_these),
        TEST(unknown_is_an_empty_cell),
        TEST(instrumented_columns_and_more),
        TEST(columns_are_refused_by_name),
        TEST(rules_join_instances),
        TEST(a_slower_value_is_held_for_its_own_interval_and_no_longer),
        TEST(numbers_do_not_follow_the_locale),
        TEST(the_same_header_is_appended_to),
        TEST(another_header_is_refused_and_left_alone),
        TEST(hostile_files_are_only_other_headers),
        TEST(a_line_that_was_cut_off_is_ended_first),
        TEST(a_missing_folder_and_a_folder_are_errors),
        TEST(a_full_device_is_said_at_once),
        TEST(a_row_that_does_not_fit_leaves_no_half),
        TEST(a_pipe_without_a_reader_is_an_error_that_says_so),
        TEST(a_pipe_whose_reader_stalls_loses_rows_but_tears_none),
        TEST(a_pipe_whose_reader_is_gone_costs_rows_only),
        TEST(reopening_follows_the_path),
        TEST(an_emptied_file_gets_its_header_again),
        TEST(stdout_is_a_dash),
        cmocka_unit_test(every_column_stands_for_a_metric),
        cmocka_unit_test(help_and_the_page_hold_every_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
