/* Sweeps as text, Markdown and JSON, compared with text that was looked at when it was recorded. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/sweep.h"
#include "report_fixture.h"
#include "sweep_runs.h"

#define ROWS_MAX 5

struct sweep_fixture {
    struct run runs[ROWS_MAX];
    struct sweep_row rows[ROWS_MAX];
    struct sweep_result result;
};

static int setup(void **state)
{
    struct sweep_fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    fixture->result.rows = fixture->rows;
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct sweep_fixture *fixture = *state;
    sweep_result_deinit(&fixture->result);
    for (size_t i = 0; i < ROWS_MAX; i++)
        run_deinit(&fixture->runs[i]);
    free(fixture);
    return 0;
}

static struct sweep_row *add(struct sweep_fixture *fixture, const char *name, double x,
                             const struct invented *invented)
{
    static const char *const ids[ROWS_MAX] = {"20261120-212233-0001", "20261120-212233-0002",
                                              "20261120-212233-0003", "20261120-212233-0004",
                                              "20261120-212233-0005"};
    size_t at = fixture->result.count++;
    struct sweep_row *row = &fixture->rows[at];
    snprintf(row->name, sizeof(row->name), "%s", name);
    row->x = x;
    if (invented) {
        struct invented copy = *invented;
        copy.id = ids[at];
        invented_run(&fixture->runs[at], &copy);
        row->run = &fixture->runs[at];
    }
    return row;
}

static void make(struct sweep_fixture *fixture, enum sweep_kind kind, uint64_t rounds)
{
    for (size_t i = 0; i < fixture->result.count; i++)
        if (fixture->rows[i].run)
            invented_end(&fixture->runs[i]);
    fixture->result.kind = kind;
    fixture->result.rounds = rounds;
    assert_int_equal(sweep_result_make(&fixture->result, NULL), 0);
}

static void make_batching(struct sweep_fixture *fixture)
{
    static const struct {
        const char *name;
        int64_t batch;
        double ms;
    } sizes[] = {
        {"batch 1", 1, 4.2}, {"batch 4", 4, 9.6}, {"batch 8", 8, 15.4}, {"batch 16", 16, 29.8}};
    for (size_t i = 0; i < 4; i++)
        add(fixture, sizes[i].name, (double)sizes[i].batch,
            &(struct invented){.is_model = true,
                               .batch_size = sizes[i].batch,
                               .invocations = 3,
                               .units = 200,
                               .ms = sizes[i].ms,
                               .memory_mb = 80 + 6 * (double)sizes[i].batch});
    struct sweep_row *row = add(fixture, "batch 65536", 65536, NULL);
    error_set(&row->error, ERROR_PROGRAM, "its inputs alone need 75.0 GB, and 15.6 GB are free");
    error_hint(&row->error, "take a smaller batch");
    make(fixture, SWEEP_BATCHING, 3);
}

static void make_cores(struct sweep_fixture *fixture)
{
    static const double ms[] = {100, 60, 40};
    static const char *const names[] = {"1 core", "2 cores", "4 cores"};
    for (size_t i = 0; i < 3; i++)
        add(fixture, names[i], i == 2 ? 4 : (double)i + 1,
            &(struct invented){.invocations = 24, .ms = ms[i], .memory_mb = 12.5})
            ->threads = i == 2 ? 4 : i + 1;
    make(fixture, SWEEP_CORES, 12);
}

static void make_configurations(struct sweep_fixture *fixture)
{
    struct invented invented = {.is_model = true,
                                .batch_size = 1,
                                .invocations = 1,
                                .units = 500,
                                .ms = 4.2,
                                .memory_mb = 96,
                                .energy_j = 0.031};
    struct finding finding;
    add(fixture, "cpu_0 fp32 batch 1", 1, &invented);
    invented.batch_size = 4;
    invented.ms = 9.6;
    invented.energy_j = 0.024;
    add(fixture, "cpu_0 fp32 batch 4", 4, &invented);
    invented.batch_size = 1;
    invented.ms = 2.9;
    invented.energy_j = 0;
    add(fixture, "cpu_0 int8 batch 1", 1, &invented);
    finding_init(&finding, "output_difference", SEVERITY_INFO, "");
    finding_sentence(&finding, "the outputs differ from those of fp32 by up to 0.012");
    sink_finding(run_sink_of(&fixture->runs[2]), &finding, NULL);
    finding_init(&finding, "limit", SEVERITY_INFO, "latency_ms");
    finding.outcome = OUTCOME_PASS;
    sink_finding(run_sink_of(&fixture->runs[0]), &finding, NULL);
    finding.outcome = OUTCOME_FAIL;
    sink_finding(run_sink_of(&fixture->runs[1]), &finding, NULL);
    fixture->result.note_count = 1;
    snprintf(fixture->result.notes[0], sizeof(fixture->result.notes[0]), "cpu_0 fp16: %s",
             "the engine does not compute in it there");
    make(fixture, SWEEP_CONFIGURATIONS, 1);
}

static void check_text(const struct sweep_fixture *fixture, const char *title, const char *golden)
{
    static const struct report_options options = {.width = 80, .stored_as = "20261120-212233-0003"};
    struct strbuf out = {0};
    assert_int_equal(report_sweep_text(&fixture->result, title, &options, &out, NULL), 0);
    const char *line = strbuf_get(&out);
    while (*line) {
        char text[512];
        size_t length = strcspn(line, "\n");
        snprintf(text, sizeof(text), "%.*s", (int)length, line);
        assert_true(str_width(text) <= 80);
        line += length + (line[length] == '\n');
    }
    assert_golden(golden, strbuf_get(&out));
    strbuf_deinit(&out);
}

static void batching(void **state)
{
    struct sweep_fixture *fixture = *state;
    make_batching(fixture);
    check_text(fixture, "batch sizes of detector.onnx", "sweep_batching.txt");
}

static void cores(void **state)
{
    struct sweep_fixture *fixture = *state;
    make_cores(fixture);
    check_text(fixture, "numbers of cores of ./detect frame.png", "sweep_cores.txt");
}

static void configurations(void **state)
{
    struct sweep_fixture *fixture = *state;
    make_configurations(fixture);
    check_text(fixture, "configurations of detector.onnx", "sweep_configurations.txt");
}

static void nothing_stored_and_quiet(void **state)
{
    struct sweep_fixture *fixture = *state;
    struct strbuf out = {0};
    make_cores(fixture);
    struct report_options options = {.width = 80};
    assert_int_equal(report_sweep_text(&fixture->result, "cores", &options, &out, NULL), 0);
    assert_non_null(strstr(strbuf_get(&out), "not stored"));
    strbuf_clear(&out);
    options.quiet = true;
    assert_int_equal(report_sweep_text(&fixture->result, "cores", &options, &out, NULL), 0);
    assert_string_equal(strbuf_get(&out), "  fastest           4 cores (40.6 ms)\n");
    strbuf_deinit(&out);
}

static void synthetic_says_so(void **state)
{
    struct sweep_fixture *fixture = *state;
    struct strbuf out = {0};
    make_cores(fixture);
    fixture->runs[1].synthetic = true;
    struct report_options options = {.width = 80};
    assert_int_equal(report_sweep_text(&fixture->result, "cores", &options, &out, NULL), 0);
    assert_int_equal(strncmp(strbuf_get(&out), "SYNTHETIC", 9), 0);
    strbuf_deinit(&out);
}

static void markdown(void **state)
{
    struct sweep_fixture *fixture = *state;
    struct strbuf out = {0};
    make_batching(fixture);
    assert_int_equal(
        report_sweep_markdown(&fixture->result, "batch sizes of detector.onnx", &out, NULL), 0);
    assert_golden("sweep_batching.md", strbuf_get(&out));
    strbuf_deinit(&out);
}

/* The figures are checked where they are made; here only that each is in its place. */
static void json(void **state)
{
    static const char *const wanted[] = {
        "{\n  \"schema\": \"tacho.bench/1\",\n  \"kind\": \"cores\",",
        "\"rounds\": 12",
        "\"name\": \"2 cores\",\n      \"run\": \"20261120-212233-0002\"",
        "\"batch_size\": null,\n      \"cores\": 4,\n      \"threads\": 4,\n      \"n\": 24",
        "\"peak_memory\": {\"value\": 12.5, \"unit\": \"MB\", \"interval\": null}",
        "\"energy_per_item\": {\"value\": null, \"unit\": \"J\", \"interval\": null, \"why\": "
        "\"no power sensor was read\"}",
        "\"energy\": null",
        "\"knee\": null",
        "\"pareto\": [\"4 cores\"]",
        "\"speedup_base\": \"1 core\"",
        "\"law\": \"amdahl\"",
        "\"verdict\": null\n}\n"};
    struct sweep_fixture *fixture = *state;
    struct strbuf out = {0};
    make_cores(fixture);
    assert_int_equal(report_sweep_json(&fixture->result, "numbers of cores", &out, NULL), 0);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        if (!strstr(strbuf_get(&out), wanted[i]))
            fail_msg("missing: %s", wanted[i]);
    strbuf_deinit(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(batching),
        TEST(cores),
        TEST(configurations),
        TEST(nothing_stored_and_quiet),
        TEST(synthetic_says_so),
        TEST(markdown),
        TEST(json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
