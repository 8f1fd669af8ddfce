/* test_logs.c: the analyzer of logs, on small logs written here. */
#include "test_tree.h"

#include <fcntl.h>
#include <math.h>
#include <unistd.h>

#include "analyze/files/logs_internal.h"
#include "base/util.h"

extern const struct file_analyzer file_analyzer_logs;

struct trial {
    struct test_tree tree;
    struct analysis analysis;
    struct analyze_options options;
    struct error err;
};

static void trial_begin(struct trial *trial)
{
    *trial = (struct trial){.options = {.threshold_ms = 50, .threads = 1}};
    test_tree_init(&trial->tree);
}

static void trial_end(struct trial *trial)
{
    analysis_deinit(&trial->analysis);
    test_tree_deinit(&trial->tree);
}

/* Analyzes the files with these texts as one log. */
static int analyze(struct trial *trial, const char *const *texts, size_t count)
{
    static const char *const names[] = {"a.log", "b.log"};
    static char paths[2][96];
    static const char *list[2];
    for (size_t i = 0; i < count; i++) {
        test_tree_write(&trial->tree, names[i], texts[i]);
        snprintf(paths[i], sizeof(paths[i]), "%s/%s", trial->tree.path, names[i]);
        list[i] = paths[i];
    }
    trial->options.paths = list;
    trial->options.path_count = count;
    analysis_deinit(&trial->analysis);
    analysis_init(&trial->analysis, "logs");
    return file_analyzer_logs.files(&trial->options, &trial->analysis, &trial->err);
}

static int analyze_text(struct trial *trial, const char *text)
{
    return analyze(trial, &text, 1);
}

static const struct analysis_table *table_of(const struct trial *trial, const char *key)
{
    for (size_t i = 0; i < trial->analysis.table_count; i++) {
        if (strcmp(trial->analysis.tables[i]->key, key) == 0)
            return trial->analysis.tables[i];
    }
    return NULL;
}

/* The cell of a column in the row whose column `by` has this text. */
static const struct analysis_cell *cell_of(const struct trial *trial, const char *key,
                                           const char *by, const char *text, const char *column)
{
    const struct analysis_table *table = table_of(trial, key);
    size_t name = SIZE_MAX, want = SIZE_MAX;
    assert_non_null(table);
    for (size_t i = 0; i < table->column_count; i++) {
        name = strcmp(table->columns[i].key, by) == 0 ? i : name;
        want = strcmp(table->columns[i].key, column) == 0 ? i : want;
    }
    assert_true(name != SIZE_MAX && want != SIZE_MAX);
    for (size_t row = 0; row < table->row_count; row++) {
        const struct analysis_cell *cells = table->cells + row * table->column_count;
        if (cells[name].text && strcmp(cells[name].text, text) == 0)
            return &cells[want];
    }
    return NULL;
}

static double value_of(const struct trial *trial, const char *key, const char *by, const char *text,
                       const char *column)
{
    const struct analysis_cell *cell = cell_of(trial, key, by, text, column);
    assert_non_null(cell);
    return cell->value;
}

static const struct finding *finding_of(const struct trial *trial, const char *rule)
{
    for (size_t i = 0; i < trial->analysis.finding_count; i++) {
        if (strcmp(trial->analysis.findings[i].rule, rule) == 0)
            return &trial->analysis.findings[i];
    }
    return NULL;
}

/* The same where it must be there. */
static const struct finding *told(const struct trial *trial, const char *rule)
{
    const struct finding *finding = finding_of(trial, rule);
    if (!finding) {
        fail_msg("no finding %s", rule);
        abort();
    }
    return finding;
}

/* ---- latencies ---- */

/* 97 frames of 20 to 22 ms, three spikes, each after a warning; warnings elsewhere, too. */
static void write_spikes(char *buf, size_t size)
{
    size_t at = 0;
    for (int i = 0; i < 100; i++) {
        bool is_spike = i == 30 || i == 60 || i == 90;
        if (is_spike)
            at += (size_t)snprintf(buf + at, size - at,
                                   "2026-11-20 08:%02d:00 [WARN] Thermal at %d C\n", i / 2,
                                   80 + i / 10);
        if (i % 10 == 5)
            at += (size_t)snprintf(buf + at, size - at,
                                   "2026-11-20 08:%02d:00 [ERROR] no camera %d\n", i / 2, i);
        at += (size_t)snprintf(
            buf + at, size - at,
            "2026-11-20 08:%02d:%02d.500 [PERF] Frame %04d: Inference latency: %dms, E2E "
            "latency: %.1fms\n",
            i / 2, i % 2 * 30, i, 5 + i % 3, is_spike ? 78.5 + i : 20 + i % 3);
    }
}

static void spikes_and_precursors(void **state)
{
    struct trial trial;
    static char text[16384];
    trial_begin(&trial);
    write_spikes(text, sizeof(text));
    assert_int_equal(analyze_text(&trial, text), 0);
    assert_true(value_of(&trial, "latencies", "label", "E2E latency", "n") == 100);
    assert_true(value_of(&trial, "latencies", "label", "E2E latency", "p50_ms") == 21);
    assert_true(value_of(&trial, "latencies", "label", "E2E latency", "max_ms") == 168.5);
    assert_true(value_of(&trial, "latencies", "label", "E2E latency", "above_threshold") == 3);
    assert_true(value_of(&trial, "latencies", "label", "E2E latency", "spikes") == 3);
    assert_true(value_of(&trial, "latencies", "label", "Inference latency", "spikes") == 0);
    const struct analysis_table *spikes = table_of(&trial, "spikes");
    assert_int_equal(spikes->row_count, 3);
    /* 30 frames, three errors and the warning before it. */
    assert_true(spikes->cells[2].value == 35);
    assert_string_equal(spikes->cells[7].text, "Thermal at <n> C");
    assert_non_null(strstr(spikes->cells[8].text, "Frame 0029"));
    assert_non_null(strstr(spikes->cells[9].text, "[WARN] Thermal at 83 C"));
    assert_non_null(strstr(spikes->cells[10].text, "latency: 108.5ms"));
    assert_non_null(strstr(spikes->cells[12].text, "Frame 0032"));
    const struct finding *finding = told(&trial, "spike_precursor");
    assert_non_null(strstr(finding->sentence, "Thermal at <n> C"));
    assert_true(finding->value == 100);
    assert_true(value_of(&trial, "precursors", "message", "Thermal at <n> C", "before_spikes") ==
                3);
    /* The warning counts for the spike and for the next four lines at most. */
    assert_true(value_of(&trial, "precursors", "message", "Thermal at <n> C", "before_others") ==
                12);
    finding = told(&trial, "latency_above_threshold");
    assert_int_equal(finding->severity, SEVERITY_WARNING);
    assert_true(finding->has_interval && finding->lo < 3 && finding->hi > 3);
    assert_true(value_of(&trial, "messages", "message", "no camera <n>", "count") == 10);
    trial_end(&trial);
}

/* The threshold is exceeded, not reached; above the median it is a level and no spike. */
static void threshold(void **state)
{
    struct trial trial;
    trial_begin(&trial);
    assert_int_equal(analyze_text(&trial, "latency: 50ms\nlatency: 50.1ms\nlatency: 49ms\n"), 0);
    assert_true(value_of(&trial, "latencies", "label", "latency", "above_threshold") == 1);
    assert_int_equal(analyze_text(&trial, "latency: 60ms\nlatency: 70ms\nlatency: 49ms\n"), 0);
    assert_true(value_of(&trial, "latencies", "label", "latency", "spikes") == 0);
    assert_int_equal(told(&trial, "latency_above_threshold")->severity, SEVERITY_INFO);
    trial_end(&trial);
}

/* A time-out that is always 30 s, and how long the program runs, are no latencies. */
static void no_latencies(void **state)
{
    struct trial trial;
    char text[4096];
    size_t at = 0;
    for (int i = 1; i <= 12; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "up: %d s, limit=30s, wait=%dms\n", i,
                               3 + i % 2);
    trial_begin(&trial);
    assert_int_equal(analyze_text(&trial, text), 0);
    assert_int_equal(table_of(&trial, "latencies")->row_count, 1);
    assert_true(value_of(&trial, "latencies", "label", "wait", "n") == 12);
    assert_true(value_of(&trial, "numbers", "label", "up", "max") == 12000);
    assert_true(value_of(&trial, "numbers", "label", "limit", "max") == 30000);
    trial_end(&trial);
}

static void patterns(void **state)
{
    static const struct {
        const char *pattern, *label;
        double ms; /* NaN: it is refused */
    } cases[] = {
        {"step=(?<step_us>[0-9.]+)", "step_us", 0.25},
        {"(a|step)=(?P<wait>\\d+)", "wait", 250},
        {"step=([0-9]+)", "pattern 1", 250},
        {"late (?<l>[0-9.]+s)", "l", 1500},
        {"late (?<l>[0-9.]+)", "l", 1500}, /* the unit stands behind the group */
        {"[(]x[)] (?:a|b) step=(?<v>[\\d]+)", "v", 250},
        {"step=[0-9]+", NULL, NAN},
        {"step=(?<n>[0-9+)", NULL, NAN},
        {"(?=step)([0-9])", NULL, NAN},
    };
    struct trial trial;
    trial_begin(&trial);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        trial.options.patterns = &cases[i].pattern;
        trial.options.pattern_count = 1;
        print_message("%s\n", cases[i].pattern);
        int rc = analyze_text(&trial, "(x) a step=250 late 1.5s other latency: 3ms\n");
        if (isnan(cases[i].ms)) {
            assert_int_equal(rc, -ERROR_USAGE);
            continue;
        }
        assert_int_equal(rc, 0);
        assert_int_equal(table_of(&trial, "latencies")->row_count, 1);
        double ms = value_of(&trial, "latencies", "label", cases[i].label, "max_ms");
        assert_true(fabs(ms - cases[i].ms) < 1e-9);
    }
    trial_end(&trial);
}

/* Beyond 4 million durations a histogram tells the same, within its bound. */
static void histogram(void **state)
{
    struct analyze_options options = {.threshold_ms = 50};
    struct logs *logs = calloc(1, sizeof(*logs));
    struct logs_series *series = calloc(1, sizeof(*series));
    assert_true(logs && series);
    *series =
        (struct logs_series){.label = "latency", .unit = "ms", .is_duration = true, .stride = 1};
    logs->options = &options;
    logs->series[0] = series;
    logs->series_count = 1;
    struct logs_place at = {.time_s = NAN};
    uint64_t n = LOGS_VALUES_MAX + 5000;
    for (uint64_t i = 0; i < n; i++) /* 10 to 20 ms, each hundredth of a ms as often as any other */
        assert_int_equal(
            logs_series_add(logs, series, 10 + (double)(i * 7919 % 1000) / 100, i + 1, &at), 0);
    assert_true(logs->is_histogram && series->hist && !series->values);
    assert_int_equal(logs_series_finish(logs, series), 0);
    assert_true(fabs(series->p50 - 15) < 15 * 0.005);
    assert_true(fabs(series->p99 - 19.9) < 19.9 * 0.005);
    assert_true(fabs(series->mad - 2.5) < 0.1);
    assert_true(isnan(series->p50_ci.lo));
    assert_true(series->points <= LOGS_POINTS);
    logs_series_deinit(series);
    free(series);
    free(logs);
}

/* ---- numbers ---- */

static void numbers(void **state)
{
    struct trial trial;
    static char text[32768];
    size_t at = 0;
    for (int i = 0; i < 60; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at,
                               "2026-11-20 08:%02d:00 received=%d dropped=%d "
                               "\xed\x81\x90 \xed\x81\xac\xea\xb8\xb0: %d\n"
                               "2026-11-20 08:%02d:30 in buffer: %d, load: %d\n",
                               i, i < 40 ? i * 10 : 400, i / 30, 3 + 11 * i, i, i < 20 ? 3 * i : 64,
                               i * 37 % 100);
    trial_begin(&trial);
    assert_int_equal(analyze_text(&trial, text), 0);
    const char *queue = "\xed\x81\x90 \xed\x81\xac\xea\xb8\xb0";
    assert_true(value_of(&trial, "numbers", "label", queue, "n") == 60);
    assert_true(value_of(&trial, "numbers", "label", queue, "median") == 327.5);
    assert_true(fabs(value_of(&trial, "numbers", "label", queue, "trend") - 11) < 1e-9);
    assert_string_equal(cell_of(&trial, "numbers", "label", queue, "trend_per")->text, "minute");
    const struct finding *growth = told(&trial, "number_grows");
    assert_string_equal(growth->metric, queue);
    assert_int_equal(growth->severity, SEVERITY_WARNING);
    const struct finding *stall = told(&trial, "counter_stalled");
    assert_string_equal(stall->metric, "received");
    assert_non_null(strstr(stall->evidence, "a.log:81 to line 119"));
    assert_string_equal(told(&trial, "losses")->metric, "dropped");
    /* The buffer is full in 40 of its 60 lines, but so is its median: no finding for that. */
    assert_true(value_of(&trial, "numbers", "label", "load", "min") == 0);
    trial_end(&trial);
}

static void limit(void **state)
{
    struct trial trial;
    static char text[8192];
    size_t at = 0;
    for (int i = 0; i < 60; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "queue size: %d\n",
                               i % 3 == 0 ? 200 : i % 7);
    trial_begin(&trial);
    assert_int_equal(analyze_text(&trial, text), 0);
    const struct finding *full = told(&trial, "number_at_limit");
    assert_true(fabs(full->value - 100.0 / 3) < 1e-9);
    assert_null(finding_of(&trial, "number_grows"));
    trial_end(&trial);
}

static void ended(void **state)
{
    struct trial trial;
    static char text[16384];
    size_t at = 0;
    for (int i = 0; i < 400; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at,
                               i < 60 ? "latency: %dms\n" : "[INFO] %d\n", i % 9);
    trial_begin(&trial);
    assert_int_equal(analyze_text(&trial, text), 0);
    assert_non_null(told(&trial, "number_ended"));
    assert_non_null(strstr(told(&trial, "number_ended")->evidence, "a.log:60 "));
    trial_end(&trial);
}

/* ---- time ---- */

static void gaps(void **state)
{
    struct trial trial;
    static char text[8192];
    size_t at = 0;
    for (int i = 0; i < 100; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "[%d.%d] latency: %d ms\n",
                               100 + i / 10 + (i >= 70 ? 40 : 0), i % 10, i % 4);
    trial_begin(&trial);
    assert_int_equal(analyze_text(&trial, text), 0);
    const struct finding *gap = told(&trial, "log_gap");
    assert_true(fabs(gap->value - 40.1) < 1e-6);
    assert_non_null(strstr(gap->evidence, "a.log:70 to line 71"));
    assert_int_equal(gap->n, 99);
    /* The same without it. */
    char *jump = strstr(text, "[147.0]");
    assert_non_null(jump);
    *jump = '\0';
    assert_int_equal(analyze_text(&trial, text), 0);
    assert_null(finding_of(&trial, "log_gap"));
    trial_end(&trial);
}

static void backwards(void **state)
{
    struct trial trial;
    trial_begin(&trial);
    assert_int_equal(analyze_text(&trial, "2026-11-20 08:15:24 latency: 1ms\n"
                                          "2026-11-20 08:15:20 latency: 2ms\n"
                                          "2026-11-20 08:15:26 latency: 3ms\n"),
                     0);
    const struct analysis_input *input = trial.analysis.inputs[0];
    assert_int_equal(input->skips.of[SKIP_TIME_BACKWARDS].count, 1);
    assert_int_equal(input->skips.of[SKIP_TIME_BACKWARDS].first_line, 2);
    assert_true(input->begin_s == 1795162520 && input->end_s == 1795162526);
    trial_end(&trial);
}

/* Words of trouble inside of other words are none. */
static void notable(void **state)
{
    struct trial trial;
    trial_begin(&trial);
    assert_int_equal(analyze_text(&trial, "2026-11-20 08:15:24 status installed, backdrop\n"
                                          "2026-11-20 08:15:25 pipeline stalled, frame dropped\n"
                                          "2026-11-20 08:15:26 dropped=0 stalls: 3\n"),
                     0);
    assert_int_equal(table_of(&trial, "messages")->row_count, 1);
    assert_true(value_of(&trial, "messages", "message", "pipeline stalled, frame dropped",
                         "first_line") == 2);
    trial_end(&trial);
}

/* A date without a year is the last one before the file was changed: also over New Year. */
static void years(void **state)
{
    struct trial trial;
    trial_begin(&trial);
    char path[96];
    test_tree_write(&trial.tree, "a.log",
                    "Dec 31 23:59:58 host app: latency: 1ms\n"
                    "Jan  1 00:00:01 host app: latency: 2ms\n"
                    "Mar  1 00:00:00 host app: latency: 3ms\n");
    snprintf(path, sizeof(path), "%s/a.log", trial.tree.path);
    /* 2028-03-01 00:00:05 UTC, of a leap year. */
    struct timespec times[2] = {{.tv_sec = 1835481605}, {.tv_sec = 1835481605}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    const char *list[] = {path};
    trial.options.paths = list;
    trial.options.path_count = 1;
    analysis_init(&trial.analysis, "logs");
    assert_int_equal(file_analyzer_logs.files(&trial.options, &trial.analysis, &trial.err), 0);
    const struct analysis_input *input = trial.analysis.inputs[0];
    assert_true(input->begin_s == 1830297598 && input->end_s == 1835481600);
    assert_int_equal(input->skips.of[SKIP_TIME_BACKWARDS].count, 0);
    trial_end(&trial);
}

/* ---- files ---- */

static void assert_same(const struct trial *a, const struct trial *b)
{
    assert_int_equal(a->analysis.table_count, b->analysis.table_count);
    for (size_t i = 0; i < a->analysis.table_count; i++) {
        const struct analysis_table *x = a->analysis.tables[i], *y = b->analysis.tables[i];
        assert_string_equal(x->key, y->key);
        assert_int_equal(x->row_count, y->row_count);
        for (size_t j = 0; j < x->row_count * x->column_count; j++) {
            bool has_text = x->cells[j].text && y->cells[j].text;
            assert_true(has_text || x->cells[j].text == y->cells[j].text);
            if (has_text && !strstr(x->cells[j].text, ".log"))
                assert_string_equal(x->cells[j].text, y->cells[j].text);
            assert_memory_equal(&x->cells[j].value, &y->cells[j].value, sizeof(double));
        }
    }
    assert_int_equal(a->analysis.finding_count, b->analysis.finding_count);
}

/* What comes out does not depend on the number of threads. */
static void threads(void **state)
{
    struct trial one, four;
    size_t size = 1200000, at = 0;
    char *text = malloc(size);
    assert_non_null(text);
    for (int i = 0; at + 256 < size; i++) {
        at += (size_t)snprintf(text + at, size - at,
                               "2026-11-20 08:%02d:%02d label%d=%d took %d us\n", i / 60 % 60,
                               i % 60, i * 31 % 300, i % 97, i * 7 % 1009);
        if (i % 500 == 0)
            at += (size_t)snprintf(text + at, size - at,
                                   "[WARN] slow %d of kind %c\nlatency: 300ms\n", i,
                                   'a' + i / 500 % 5);
    }
    trial_begin(&one);
    trial_begin(&four);
    four.options.threads = 4;
    assert_int_equal(analyze_text(&one, text), 0);
    assert_int_equal(analyze_text(&four, text), 0);
    assert_same(&one, &four);
    /* More labels than are kept are counted. */
    assert_non_null(facts_get(&one.analysis.facts, "numbers_of_further_labels"));
    free(text);
    trial_end(&one);
    trial_end(&four);
}

static void two_files(void **state)
{
    static const char *const texts[] = {"latency: 10ms\nlatency: 20ms\n", "latency: 30ms\n"};
    struct trial trial;
    trial_begin(&trial);
    assert_int_equal(analyze(&trial, texts, 2), 0);
    assert_true(value_of(&trial, "latencies", "label", "latency", "n") == 3);
    assert_true(value_of(&trial, "latencies", "label", "latency", "max_line") == 1);
    assert_int_equal(trial.analysis.input_count, 2);
    trial_end(&trial);
}

/* A pipe can be read once only; its spikes have their lines all the same. */
static void pipes(void **state)
{
    struct trial trial;
    int ends[2];
    char path[32];
    const char *list[] = {path};
    static const char text[] = "before\nlatency: 10ms\nlatency: 11ms\nlatency: 90ms\n";
    trial_begin(&trial);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, sizeof(text) - 1), sizeof(text) - 1);
    close(ends[1]);
    snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
    trial.options.paths = list;
    trial.options.path_count = 1;
    analysis_init(&trial.analysis, "logs");
    assert_int_equal(file_analyzer_logs.files(&trial.options, &trial.analysis, &trial.err), 0);
    assert_string_equal(table_of(&trial, "spikes")->cells[10].text, "latency: 90ms");
    close(ends[0]);
    trial_end(&trial);
}

static void kills(void **state)
{
    struct trial trial;
    trial_begin(&trial);
    assert_int_equal(
        analyze_text(&trial, "[ 1.5] dd invoked oom-killer: gfp_mask=0xcc0\n"
                             "[ 1.6] Out of memory: Killed process 12 (python) total-vm:3072kB, "
                             "anon-rss:2048kB, file-rss:0kB\n"),
        0);
    const struct finding *kill = told(&trial, "oom_kill");
    assert_non_null(strstr(kill->sentence, "killed python (pid 12), which held 2 MB"));
    assert_non_null(strstr(kill->sentence, "dd asked for"));
    assert_non_null(strstr(kill->evidence, "a.log:1 to 2, 1.500 s"));
    /* Its numbers are told with it, and are no series. */
    assert_null(table_of(&trial, "numbers"));
    assert_true(value_of(&trial, "kills", "victim", "python", "anon_rss_mb") == 2);
    trial_end(&trial);
}

static void bad_input(void **state)
{
    struct trial trial;
    trial_begin(&trial);
    assert_int_equal(analyze_text(&trial, ""), -ERROR_NOTHING);
    assert_int_equal(analyze_text(&trial, "timestamp,latency\n"), -ERROR_NOTHING);
    assert_non_null(strstr(trial.err.file, "a.log"));
    assert_int_equal(analyze_text(&trial, "latency: nan ms\nlatency: -5ms\nlatency: inf ms\n"
                                          "latency: 3ms\n\n"),
                     0);
    const struct skips *skips = &trial.analysis.inputs[0]->skips;
    assert_int_equal(skips->of[SKIP_NOT_FINITE].count, 2);
    assert_int_equal(skips->of[SKIP_NEGATIVE].count, 1);
    assert_int_equal(skips->of[SKIP_NEGATIVE].first_line, 2);
    assert_int_equal(skips->of[SKIP_BLANK].count, 1);
    assert_true(value_of(&trial, "latencies", "label", "latency", "n") == 1);
    const char *absent[] = {"/nowhere/a.log"};
    trial.options.paths = absent;
    analysis_deinit(&trial.analysis);
    analysis_init(&trial.analysis, "logs");
    assert_int_equal(file_analyzer_logs.files(&trial.options, &trial.analysis, &trial.err),
                     -ERROR_ABSENT);
    trial_end(&trial);
}

static void binary(void **state)
{
    struct trial trial;
    char path[96];
    const char *list[] = {path};
    static const char bytes[] = "\0\1\2\3\n\0latency: 5ms\n\0\0\n";
    trial_begin(&trial);
    snprintf(path, sizeof(path), "%s/b", trial.tree.path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, sizeof(bytes) - 1, file), sizeof(bytes) - 1);
    fclose(file);
    trial.options.paths = list;
    trial.options.path_count = 1;
    analysis_init(&trial.analysis, "logs");
    assert_int_equal(file_analyzer_logs.files(&trial.options, &trial.analysis, &trial.err),
                     -ERROR_INPUT);
    assert_int_equal(trial.analysis.inputs[0]->skips.of[SKIP_BINARY].count, 3);
    trial_end(&trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spikes_and_precursors),
        cmocka_unit_test(threshold),
        cmocka_unit_test(no_latencies),
        cmocka_unit_test(patterns),
        cmocka_unit_test(histogram),
        cmocka_unit_test(numbers),
        cmocka_unit_test(limit),
        cmocka_unit_test(ended),
        cmocka_unit_test(gaps),
        cmocka_unit_test(backwards),
        cmocka_unit_test(threads),
        cmocka_unit_test(two_files),
        cmocka_unit_test(pipes),
        cmocka_unit_test(kills),
        cmocka_unit_test(notable),
        cmocka_unit_test(years),
        cmocka_unit_test(bad_input),
        cmocka_unit_test(binary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
