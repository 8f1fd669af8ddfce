/* Settings: every type, the order of sources, aliases, and errors with their place. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/settings.h"
#include "base/str.h"
#include "base/util.h"

static char path[] = "/tmp/tacho-test-settings-XXXXXX";

static int load(struct settings *settings, const char *text, struct error *err)
{
    assert_int_equal(file_write_atomic(path, text, strlen(text), NULL), 0);
    return settings_load_file(settings, path, err);
}

static void the_table_is_sound(void **state)
{
    static const char *const prefixes[] = {"TACHO_"};
    for (int i = 0; i < SETTING_COUNT; i++) {
        const struct setting *row = &settings_table[i];
        assert_true(row->key || row->env || row->flag);
        assert_true(row->help &&
                    (islower((unsigned char)row->help[0]) || isupper((unsigned char)row->help[1])));
        assert_true(row->help[strlen(row->help) - 1] != '.');
        assert_int_equal(row->type == SETTING_TYPE_CHOICE, row->choices != NULL);
        assert_int_equal(row->flag != NULL, row->commands != 0);
        assert_true(row->min <= row->max);
        if (row->env)
            assert_true(str_starts_with(row->env, prefixes[0]));
        for (int j = i + 1; j < SETTING_COUNT; j++) {
            const struct setting *other = &settings_table[j];
            bool same_command = (row->commands & other->commands) != 0;
            if (row->key && other->key)
                assert_string_not_equal(row->key, other->key);
            if (row->env && other->env)
                assert_string_not_equal(row->env, other->env);
            if (row->flag && other->flag && same_command)
                assert_string_not_equal(row->flag, other->flag);
            if (row->short_flag && same_command)
                assert_int_not_equal(row->short_flag, other->short_flag);
        }
    }
}

static void defaults_are_values_but_not_set(void **state)
{
    struct settings settings;
    assert_int_equal(settings_init(&settings, NULL), 0);
    assert_int_equal(settings_get_u64(&settings, SETTING_INTERVAL), 100000000);
    assert_int_equal(settings_get_u64(&settings, SETTING_MAX_DURATION), 300000000000);
    assert_string_equal(settings_get_text(&settings, SETTING_FORMAT), "text");
    assert_true(settings_get_bool(&settings, SETTING_STORE_RUN));
    assert_true(settings.values[SETTING_P99_PCT].number == 10);
    assert_false(settings_is_set(&settings, SETTING_INTERVAL));
    assert_string_equal(settings.values[SETTING_INTERVAL].origin, "");
    assert_null(settings_get_text(&settings, SETTING_LABEL));
    assert_int_equal(settings.values[SETTING_LIMIT].list_count, 0);
    settings_deinit(&settings);
}

static void the_higher_source_wins_in_any_order(void **state)
{
    static const enum setting_source orders[][3] = {
        {SOURCE_FLAG, SOURCE_ENV, SOURCE_FILE},
        {SOURCE_FILE, SOURCE_ENV, SOURCE_FLAG},
        {SOURCE_ENV, SOURCE_FLAG, SOURCE_FILE},
    };
    static const char *const texts[] = {
        [SOURCE_FILE] = "1s", [SOURCE_ENV] = "2s", [SOURCE_FLAG] = "3s"};
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        struct settings settings;
        assert_int_equal(settings_init(&settings, NULL), 0);
        for (size_t j = 0; j < 3; j++)
            assert_int_equal(settings_set(&settings, SETTING_INTERVAL, texts[orders[i][j]],
                                          orders[i][j], "here", NULL),
                             0);
        assert_int_equal(settings_get_u64(&settings, SETTING_INTERVAL), 3000000000);
        assert_int_equal(settings.values[SETTING_INTERVAL].source, SOURCE_FLAG);
        assert_string_equal(settings.values[SETTING_INTERVAL].origin, "here");
        assert_true(settings_is_set(&settings, SETTING_INTERVAL));
        settings_deinit(&settings);
    }
    assert_string_equal(settings_source_name(SOURCE_ENV), "environment");
}

static void a_lower_source_is_checked_all_the_same(void **state)
{
    struct settings settings;
    struct error err;
    assert_int_equal(settings_init(&settings, NULL), 0);
    settings_set(&settings, SETTING_ITERATIONS, "5", SOURCE_FLAG, "--iterations", NULL);
    assert_int_equal(load(&settings, "benchmark:\n  iterations: many\n", &err), -ERROR_INPUT);
    assert_int_equal(settings_get_u64(&settings, SETTING_ITERATIONS), 5);
    settings_deinit(&settings);
}

static void reads_every_type_and_names_the_flag_in_errors(void **state)
{
    static const struct {
        enum setting_id id;
        const char *text, *message;
    } wrong[] = {
        {SETTING_ITERATIONS, "abc", "--x: 'abc' is not a whole number between 1 and 1000000000"},
        {SETTING_ITERATIONS, "0", "--x: '0' is not a whole number between 1 and 1000000000"},
        {SETTING_ITERATIONS, "-5", "--x: '-5' is not a whole number between 1 and 1000000000"},
        {SETTING_INTERVAL, "0", "--x: '0' is not a duration between 1.00 ms and 24.0 h"},
        {SETTING_INTERVAL, "soon", "--x: 'soon' is not a duration"},
        {SETTING_FORMAT, "jsno", "--x: 'jsno' is not one of text,json,markdown,csv"},
        {SETTING_JSON, "maybe", "--x: 'maybe' is neither true nor false"},
        {SETTING_LATENCY_PCT, "x", "--x: 'x' is not a number between 0 and 1000"},
        {SETTING_LATENCY_PCT, "1e9", "--x: '1e9' is not a number between 0 and 1000"},
        {SETTING_LATENCY_PCT, "nan", "--x: 'nan' is not a number between 0 and 1000"},
    };
    struct settings settings;
    assert_int_equal(settings_init(&settings, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct error err = {0};
        assert_int_equal(
            settings_set(&settings, wrong[i].id, wrong[i].text, SOURCE_FLAG, "--x", &err),
            -ERROR_INPUT);
        assert_string_equal(err.message, wrong[i].message);
        assert_false(settings_is_set(&settings, wrong[i].id));
    }
    struct error err;
    settings_set(&settings, SETTING_FORMAT, "jsno", SOURCE_FLAG, "--format", &err);
    assert_string_equal(err.hint, "did you mean 'json'?");

    settings_set(&settings, SETTING_JSON, NULL, SOURCE_FLAG, "--json", NULL);
    assert_true(settings_get_bool(&settings, SETTING_JSON));
    settings_set(&settings, SETTING_STORE_RUN, "No", SOURCE_FLAG, "--no-store-run", NULL);
    assert_false(settings_get_bool(&settings, SETTING_STORE_RUN));
    settings_set(&settings, SETTING_LATENCY_PCT, "2.5", SOURCE_FILE, "", NULL);
    assert_true(settings.values[SETTING_LATENCY_PCT].number == 2.5);
    settings_deinit(&settings);
}

static void lists_add_up_within_a_source_only(void **state)
{
    struct settings settings;
    struct error err;
    const struct setting_value *limit = &settings.values[SETTING_LIMIT];
    assert_int_equal(settings_init(&settings, NULL), 0);
    assert_int_equal(load(&settings, "limits:\n  - a<=1\n  - 'b<=2'\n", &err), 0);
    assert_int_equal(limit->list_count, 2);
    assert_string_equal(limit->list[1], "b<=2");
    for (int i = 0; i < 100; i++) {
        char text[16];
        snprintf(text, sizeof(text), "m<=%d", i);
        assert_int_equal(settings_set(&settings, SETTING_LIMIT, text, SOURCE_FLAG, "--limit", NULL),
                         0);
    }
    assert_int_equal(limit->list_count, 100);
    assert_string_equal(limit->list[0], "m<=0");
    assert_string_equal(limit->list[99], "m<=99");
    assert_int_equal(load(&settings, "limits: c<=3\n", &err), 0);
    assert_int_equal(limit->list_count, 100);
    settings_deinit(&settings);

    assert_int_equal(settings_init(&settings, NULL), 0);
    assert_int_equal(load(&settings, "limits: c<=3\n", &err), 0); /* one as a plain value */
    assert_int_equal(limit->list_count, 1);
    settings_deinit(&settings);
}

/* The configuration in the README of the toolkit that tacho succeeds: every section and key. */
static const char *const readme_config = "benchmark:\n"
                                         "  duration: 60\n"
                                         "  sample_interval: 1.0\n"
                                         "  warmup_iterations: 10\n"
                                         "  test_iterations: 100\n"
                                         "device:\n"
                                         "  type: cuda\n"
                                         "  id: 0\n"
                                         "inference:\n"
                                         "  precision: fp16\n"
                                         "  batch_size: 8\n"
                                         "  streams: 2\n"
                                         "monitoring:\n"
                                         "  sample_interval_ms: 250\n"
                                         "  enable_gpu_metrics: true\n"
                                         "  enable_power_metrics: false\n"
                                         "output:\n"
                                         "  directory: ./results\n"
                                         "  format: json\n"
                                         "  export_csv: true\n"
                                         "regression:\n"
                                         "  baseline_dir: .trackiq/baselines\n"
                                         "  thresholds:\n"
                                         "    latency_pct: 5.0\n"
                                         "    throughput_pct: 4\n"
                                         "    p99_pct: 10.0\n";

static void reads_the_old_toolkits_file(void **state)
{
    struct settings settings;
    struct error err = {0};
    assert_int_equal(settings_init(&settings, NULL), 0);
    int code = load(&settings, readme_config, &err);
    assert_string_equal(err.message, "");
    assert_int_equal(code, 0);
    assert_int_equal(settings_get_u64(&settings, SETTING_DURATION), 60000000000);
    assert_string_equal(settings_get_text(&settings, SETTING_WARMUP), "10");
    assert_int_equal(settings_get_u64(&settings, SETTING_ITERATIONS), 100);
    assert_string_equal(settings_get_text(&settings, SETTING_DEVICE_TYPE), "cuda");
    assert_int_equal(settings_get_u64(&settings, SETTING_DEVICE_ID), 0);
    assert_true(settings_is_set(&settings, SETTING_DEVICE_ID));
    assert_string_equal(settings_get_text(&settings, SETTING_PRECISION), "fp16");
    assert_int_equal(settings_get_u64(&settings, SETTING_BATCH_SIZE), 8);
    assert_int_equal(settings_get_u64(&settings, SETTING_STREAMS), 2);
    /* Both names of one setting: the table's first alias wins, and is in milliseconds. */
    assert_int_equal(settings_get_u64(&settings, SETTING_INTERVAL), 250000000);
    assert_true(settings_get_bool(&settings, SETTING_GPU_METRICS));
    assert_false(settings_get_bool(&settings, SETTING_POWER_METRICS));
    assert_string_equal(settings_get_text(&settings, SETTING_OUTPUT_DIRECTORY), "./results");
    assert_string_equal(settings_get_text(&settings, SETTING_FORMAT), "json");
    assert_true(settings_get_bool(&settings, SETTING_OUTPUT_CSV));
    assert_string_equal(settings_get_text(&settings, SETTING_BASELINE_DIR), ".trackiq/baselines");
    assert_true(settings.values[SETTING_LATENCY_PCT].number == 5);
    assert_true(settings.values[SETTING_THROUGHPUT_PCT].number == 4);
    assert_true(settings.values[SETTING_P99_PCT].number == 10);
    assert_int_equal(settings.values[SETTING_P99_PCT].source, SOURCE_FILE);
    char origin[300];
    snprintf(origin, sizeof(origin), "%s:26:14", path);
    assert_string_equal(settings.values[SETTING_P99_PCT].origin, origin);
    settings_deinit(&settings);
}

static void aliases_yield_to_the_key_and_read_their_unit(void **state)
{
    static const struct {
        const char *text;
        uint64_t interval_ns;
    } rows[] = {
        {"monitoring:\n  sample_interval_ms: 100\n", 100000000},
        {"monitoring:\n  sample_interval_ms: 0.5s\n", 500000000}, /* a unit is a unit */
        {"monitoring:\n  sample_interval_ms: 1.5\n", 1500000},
        {"monitoring:\n  interval_seconds: 2\n", 2000000000},
        {"benchmark:\n  sample_interval: 1.0\n", 1000000000},
        {"monitoring:\n  interval: 3\n  sample_interval_ms: 100\n", 3000000000},
        {"monitoring:\n  sample_interval_ms: 100\n  interval: '3'\n", 3000000000},
        {"benchmark:\n  sample_interval: 9\nmonitoring:\n  sample_interval_ms: 100\n", 100000000},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct settings settings;
        assert_int_equal(settings_init(&settings, NULL), 0);
        assert_int_equal(load(&settings, rows[i].text, NULL), 0);
        assert_int_equal(settings_get_u64(&settings, SETTING_INTERVAL), rows[i].interval_ns);
        settings_deinit(&settings);
    }
    struct settings settings;
    struct error err;
    assert_int_equal(settings_init(&settings, NULL), 0);
    /* Outranked by the key, and wrong all the same. */
    assert_int_equal(load(&settings, "monitoring:\n  interval: 3\n  interval_seconds: x\n", &err),
                     -ERROR_INPUT);
    assert_int_equal(err.line, 3);
    settings_deinit(&settings);
}

static void file_errors_tell_line_column_and_the_nearest_name(void **state)
{
    static const struct {
        const char *text;
        int line, column;
        const char *message, *hint;
    } rows[] = {
        {"benchmark:\n  iterations: abc\n", 2, 15,
         "'abc' is not a whole number between 1 and 1000000000", NULL},
        {"benchmark:\n  iteratoins: 5\n", 2, 3, "unknown setting 'benchmark.iteratoins'",
         "did you mean 'benchmark.iterations'?"},
        {"benchmrak:\n  iterations: 5\n", 1, 1, "unknown setting 'benchmrak'",
         "did you mean 'benchmark'?"},
        {"x: 1\n", 1, 1, "unknown setting 'x'", ""},
        {"regression: {thresholds: {p99pct: 5}}\n", 1, 27,
         "unknown setting 'regression.thresholds.p99pct'",
         "did you mean 'regression.thresholds.p99_pct'?"},
        {"regression:\n  treshold:\n    p99_pct: 5\n", 2, 3,
         "unknown setting 'regression.treshold'", "did you mean 'regression.thresholds'?"},
        {"benchmark:\n  batch_size: 5\n", 2, 3, "unknown setting 'benchmark.batch_size'",
         "did you mean 'benchmark.batch_sizes'?"},
        {"benchmark: 5\n", 1, 12, "'benchmark' is a section: its settings stand below it, indented",
         ""},
        {"benchmark: [a]\n", 1, 12,
         "'benchmark' is a section: its settings stand below it, indented", ""},
        {"benchmark:\n  iterations: [1, 2]\n", 2, 15,
         "'benchmark.iterations' takes one value, not a list", ""},
        {"benchmark:\n  iterations: {a: 1}\n", 2, 15,
         "'benchmark.iterations' takes a plain value here", ""},
        {"benchmark:\n  iterations:\n", 2, 14, "'benchmark.iterations' has no value", NULL},
        {"benchmark:\n  iterations: ~\n", 2, 15, "'benchmark.iterations' has no value", NULL},
        {"limits:\n  - ok<=1\n  - {p99: 5}\n", 3, 5, "'limits' takes a plain value here", ""},
        {"output:\n  format: jsn\n", 2, 11, "'jsn' is not one of text,json,markdown,csv",
         "did you mean 'json'?"},
        {"inference:\n    precision: fp23\n", 2, 16, NULL, NULL},
        {"just text\n", 1, 1, NULL, NULL},
        {"- a\n- b\n", 1, 1, NULL, NULL},
        {"a: 1\na: 2\n", 2, 1, NULL, NULL},
        {"\n\n  benchmark:\n    warmup: 'a\n", 5, 1, NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct settings settings;
        struct error err = {0};
        assert_int_equal(settings_init(&settings, NULL), 0);
        assert_int_equal(load(&settings, rows[i].text, &err), -ERROR_INPUT);
        assert_string_equal(err.file, path);
        assert_int_equal(err.line, rows[i].line);
        assert_int_equal(err.column, rows[i].column);
        if (rows[i].message)
            assert_string_equal(err.message, rows[i].message);
        if (rows[i].hint && *rows[i].hint)
            assert_string_equal(err.hint, rows[i].hint);
        assert_int_equal(load(&settings, rows[i].text, NULL), -ERROR_INPUT);
        settings_deinit(&settings);
    }
}

static void empty_files_and_sections_say_nothing(void **state)
{
    static const char *const texts[] = {
        "", "# nothing\n", "---\n", "~\n", "benchmark:\n", "benchmark: {}\n", "limits: []\n"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct settings settings;
        assert_int_equal(settings_init(&settings, NULL), 0);
        assert_int_equal(load(&settings, texts[i], NULL), 0);
        for (int id = 0; id < SETTING_COUNT; id++)
            assert_false(settings_is_set(&settings, (enum setting_id)id));
        settings_deinit(&settings);
    }
    struct settings settings;
    struct error err;
    assert_int_equal(settings_init(&settings, NULL), 0);
    assert_int_equal(settings_load_file(&settings, "/nowhere/tacho.yaml", &err), -ERROR_ABSENT);
    settings_deinit(&settings);
}

static void reads_the_environment(void **state)
{
    struct settings settings;
    struct error err;
    setenv("TACHO_STORE", "/data/runs", 1);
    setenv("TACHO_DISABLE", "1", 1);
    setenv("TACHO_CONFIG", "", 1);
    setenv("TACHO_COLLECTOR", "proc", 1);
    assert_int_equal(settings_init(&settings, NULL), 0);
    assert_int_equal(settings_load_env(&settings, NULL), 0);
    assert_string_equal(settings_get_text(&settings, SETTING_STORE), "/data/runs");
    assert_string_equal(settings.values[SETTING_STORE].origin, "TACHO_STORE");
    assert_int_equal(settings.values[SETTING_STORE].source, SOURCE_ENV);
    assert_true(settings_get_bool(&settings, SETTING_DISABLE));
    assert_false(settings_is_set(&settings, SETTING_CONFIG));
    assert_string_equal(settings.values[SETTING_COLLECTOR].list[0], "proc");
    setenv("TACHO_DISABLE", "perhaps", 1);
    assert_int_equal(settings_load_env(&settings, &err), -ERROR_INPUT);
    assert_string_equal(err.message, "TACHO_DISABLE: 'perhaps' is neither true nor false");
    settings_deinit(&settings);
    unsetenv("TACHO_DISABLE");
}

static void a_copy_stands_alone(void **state)
{
    struct settings settings, copy;
    assert_int_equal(settings_init(&settings, NULL), 0);
    settings_set(&settings, SETTING_LIMIT, "wall_ms<=1", SOURCE_FLAG, "--limit", NULL);
    settings_set(&settings, SETTING_LIMIT, "wall_ms<=2", SOURCE_FLAG, "--limit", NULL);
    settings_set(&settings, SETTING_LIMIT, "wall_ms<=3", SOURCE_FLAG, "--limit", NULL);
    assert_int_equal(settings_copy(&copy, &settings, NULL), 0);
    settings_set(&settings, SETTING_LIMIT, "wall_ms<=4", SOURCE_FLAG, "--limit", NULL);
    settings_set(&copy, SETTING_LIMIT, "wall_ms<=5", SOURCE_FLAG, "--limit", NULL);
    settings_set(&copy, SETTING_THREADS, "3", SOURCE_FLAG, "--threads", NULL);
    assert_false(settings_is_set(&settings, SETTING_THREADS));
    assert_string_equal(settings.values[SETTING_LIMIT].list[3], "wall_ms<=4");
    settings_deinit(&settings);
    assert_int_equal(copy.values[SETTING_LIMIT].list_count, 4);
    assert_string_equal(copy.values[SETTING_LIMIT].list[0], "wall_ms<=1");
    assert_string_equal(copy.values[SETTING_LIMIT].list[3], "wall_ms<=5");
    assert_string_equal(copy.values[SETTING_LIMIT].origin, "--limit");
    assert_int_equal(settings_get_u64(&copy, SETTING_THREADS), 3);
    assert_int_equal(settings_get_u64(&copy, SETTING_INTERVAL), 100000000);
    settings_deinit(&copy);
}

static void what_is_unset_is_the_default_again(void **state)
{
    struct settings settings;
    assert_int_equal(settings_init(&settings, NULL), 0);
    settings_set(&settings, SETTING_INTERVAL, "1s", SOURCE_FLAG, "--interval", NULL);
    settings_set(&settings, SETTING_LIMIT, "wall_ms<=1", SOURCE_FLAG, "--limit", NULL);
    assert_int_equal(settings_unset(&settings, SETTING_INTERVAL, NULL), 0);
    assert_int_equal(settings_unset(&settings, SETTING_LIMIT, NULL), 0);
    assert_int_equal(settings_get_u64(&settings, SETTING_INTERVAL), 100000000);
    assert_false(settings_is_set(&settings, SETTING_INTERVAL));
    assert_false(settings_is_set(&settings, SETTING_LIMIT));
    assert_int_equal(settings.values[SETTING_LIMIT].list_count, 0);
    settings_set(&settings, SETTING_INTERVAL, "2s", SOURCE_FILE, "tacho.yaml", NULL);
    assert_int_equal(settings_get_u64(&settings, SETTING_INTERVAL), 2000000000);
    settings_deinit(&settings);
}

static int set_up(void **state)
{
    int fd = mkstemp(path);
    close(fd);
    return fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_sound),
        cmocka_unit_test(defaults_are_values_but_not_set),
        cmocka_unit_test(the_higher_source_wins_in_any_order),
        cmocka_unit_test(a_lower_source_is_checked_all_the_same),
        cmocka_unit_test(reads_every_type_and_names_the_flag_in_errors),
        cmocka_unit_test(lists_add_up_within_a_source_only),
        cmocka_unit_test(reads_the_old_toolkits_file),
        cmocka_unit_test(aliases_yield_to_the_key_and_read_their_unit),
        cmocka_unit_test(file_errors_tell_line_column_and_the_nearest_name),
        cmocka_unit_test(empty_files_and_sections_say_nothing),
        cmocka_unit_test(reads_the_environment),
        cmocka_unit_test(a_copy_stands_alone),
        cmocka_unit_test(what_is_unset_is_the_default_again),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
