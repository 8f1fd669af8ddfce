/* test_run_csv.c: the old toolkit's columns, cell by cell. */
#include "sample_run.h"

#include "format/run_csv.h"

#define SINGLE "timestamp,workload,batch_size,latency_ms,power_w,throughput\n"

static char *csv_of(const struct run *const *runs, size_t count, bool with_warmup)
{
    struct strbuf out = {0};
    struct error err = {0};
    assert_int_equal(run_csv_write(runs, count, with_warmup, &out, &err), 0);
    return out.data;
}

/* No power sensor: empty cells. The warm-up launch and the one that was timed out are kept out. */
static void steady_units_of_a_command(void **state)
{
    struct run run;
    sample_run_make(&run);
    const struct run *runs[] = {&run};
    char *text = csv_of(runs, 1, false);
    assert_string_equal(text, SINGLE "1795382553.350,prog,1,20,,50\n"
                                     "1795382553.450,prog,1,30,,33.333333333333336\n"
                                     "1795382553.550,prog,1,40.000001,,24.999999375000016\n");
    free(text);
    text = csv_of(runs, 1, true);
    assert_non_null(strstr(text, SINGLE "1795382553.250,prog,1,10,,100\n1795382553.350,"));
    free(text);
    run_deinit(&run);
}

/* Beyond the raw samples there is only a distribution: it has no rows, and that can be told. */
static void what_has_no_row_is_counted(void **state)
{
    struct run run;
    struct error err = {0};
    sample_run_make(&run);
    assert_int_equal(run_csv_left_out(&run), 0);
    run_deinit(&run);
    run_init(&run);
    run.samples_max = 4; /* of all series together; the latencies come first */
    assert_int_equal(sample_run_play(run_sink_of(&run), &(struct sample_options){0}, &err), 0);
    const struct run_series *latency = run_find_series(&run, "wall_ms", NULL);
    assert_non_null(latency);
    assert_true(latency->hist && latency->hist->count > latency->count);
    assert_int_equal(run_csv_left_out(&run), latency->hist->count - latency->count);
    run_deinit(&run);
}

static void several_runs_have_labels(void **state)
{
    struct run run;
    sample_run_make(&run);
    const struct run *runs[] = {&run, &run};
    char *text = csv_of(runs, 2, false);
    assert_non_null(strstr(text, "timestamp,run_label,workload,batch_size,latency_ms,power_w,"
                                 "throughput\n"
                                 "1795382553.350,\"sample, the first\",prog,1,20,,50\n"));
    size_t lines = 0;
    for (const char *p = text; *p; p++)
        lines += *p == '\n';
    assert_int_equal(lines, 7);
    free(text);
    run_deinit(&run);
}

static void send(struct run *run, const struct series *series, const int64_t *t_ns, size_t n,
                 const uint64_t *ns, const double *value)
{
    struct sample_block block = {
        .series = series, .n = n, .t_ns = t_ns, .value_ns = ns, .value = value};
    assert_int_equal(sink_samples(run_sink_of(run), &block, NULL), 0);
}

/* Batches of 8; power: none before the first unit, two readings within the second, none within the
 * third, which takes the one before. The board's own reading goes before that of a rail. */
static void batches_and_power(void **state)
{
    struct run run;
    struct facts workload = {0};
    run_init(&run);
    facts_text(&workload, "kind", "onnx", NULL);
    facts_text(&workload, "name", "a \"b\"", NULL);
    facts_text(&workload, "latency_metric", "latency_ms", NULL);
    facts_integer(&workload, "batch_size", 8, NULL);
    struct run_info info = {.id = "a", .label = "", .begin_epoch_s = 1000, .workload = &workload};
    assert_int_equal(sink_begin(run_sink_of(&run), &info, NULL), 0);
    struct series rail = {
        .id = 0, .kind = SERIES_TIME, .metric = metric_find("power_w"), .instance = "VDD_IN"};
    struct series board = {.id = 1, .kind = SERIES_TIME, .metric = metric_find("power_w")};
    struct series latency = {.id = 2, .kind = SERIES_UNIT, .metric = metric_find("latency_ms")};
    int64_t power_t[] = {12 * MS, 14 * MS, 16 * MS};
    double wrong[] = {99, 99, 99}, watts[] = {2, NAN, 4};
    int64_t unit_t[] = {4 * MS, 18 * MS, 22 * MS}; /* when each ended */
    uint64_t unit_ns[] = {4 * MS, 8 * MS, 2 * MS};
    send(&run, &rail, power_t, 3, NULL, wrong);
    send(&run, &board, power_t, 3, NULL, watts);
    send(&run, &latency, unit_t, 3, unit_ns, NULL);
    const struct run *runs[] = {&run};
    char *text = csv_of(runs, 1, false);
    assert_string_equal(text, SINGLE "1000.000,\"a \"\"b\"\"\",8,4,,2000\n"
                                     "1000.010,\"a \"\"b\"\"\",8,8,3,1000\n"
                                     "1000.020,\"a \"\"b\"\"\",8,2,4,4000\n");
    free(text);
    facts_deinit(&workload);
    run_deinit(&run);
}

static void nothing_measured(void **state)
{
    struct run run;
    run_init(&run);
    const struct run *runs[] = {&run};
    char *text = csv_of(runs, 1, false);
    assert_string_equal(text, SINGLE);
    free(text);
    run_deinit(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steady_units_of_a_command),  cmocka_unit_test(several_runs_have_labels),
        cmocka_unit_test(what_has_no_row_is_counted), cmocka_unit_test(batches_and_power),
        cmocka_unit_test(nothing_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
