/* test_dnn_pipeline.c: layers, passes and engines, by hand-made numbers. */
#include "file_analysis.h"
#include "near.h"

extern const struct file_analyzer file_analyzer_dnn_pipeline;

static int analyze_files(struct file_analysis *test)
{
    return file_analyzer_dnn_pipeline.files(&test->options, &test->analysis, &test->err);
}

static double value(const struct file_analysis *test, const char *table, size_t row,
                    const char *column)
{
    return file_analysis_cell(test, table, row, column)->value;
}

static void the_first_layer_again_is_a_new_pass(void **state)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    file_analysis_add(&test, "a.csv",
                      "name,type,time,device\na,Conv,1,GPU\nb,Conv,2,DLA0\na,Conv,3,GPU\n"
                      "b,Conv,4,DLA0\n");
    assert_int_equal(analyze_files(&test), 0);
    ASSERT_NEAR(value(&test, "profiles", 0, "n"), 2, 0);
    ASSERT_NEAR(value(&test, "profiles", 0, "total_ms"), 5, 1e-12);
    ASSERT_NEAR(value(&test, "layers", 0, "time_ms"), 3, 1e-12); /* b */
    ASSERT_NEAR(value(&test, "devices", 1, "share_pct"), 60, 1e-9);
    ASSERT_NEAR(value(&test, "profiles", 0, "device_switches"), 1, 0);
}

/* TensorRT calls several layers of one pass by the same name. */
static void layers_of_the_same_name_are_no_passes(void **state)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    file_analysis_add(&test, "a.csv",
                      "name,type,time\ncopy,R,1\na,C,2\nb,C,2\ncopy,R,1\nc,C,3\nd,C,3\ncopy,R,1\n"
                      "e,C,2\n");
    assert_int_equal(analyze_files(&test), 0);
    ASSERT_NEAR(value(&test, "profiles", 0, "n"), 1, 0);
    ASSERT_NEAR(value(&test, "profiles", 0, "total_ms"), 15, 1e-12);
    assert_string_equal(file_analysis_cell(&test, "layers", 0, "layer")->text, "copy");
    ASSERT_NEAR(value(&test, "layers", 0, "time_ms"), 3, 1e-12);
    ASSERT_NEAR(value(&test, "layers", 0, "calls"), 3, 0);
}

static void a_pass_that_is_cut_off_is_left_out(void **state)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    file_analysis_add(&test, "a.csv",
                      "name,time\na,1\nb,2\nc,3\na,1\nb,2\nc,3\na,1\nb,2\nc,3\na,1\n");
    assert_int_equal(analyze_files(&test), 0);
    ASSERT_NEAR(value(&test, "profiles", 0, "n"), 3, 0);
    ASSERT_NEAR(value(&test, "profiles", 0, "total_ms"), 6, 1e-12);
    assert_non_null(file_analysis_finding(&test, "last_pass_cut"));
}

static void bandwidth_is_of_binary_gigabytes(void **state)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    file_analysis_add(&test, "p.txt",
                      "H2D 1073741824 bytes 500 ms\nconv1 Conv 1500 ms GPU\nBatch size: 2\n");
    assert_int_equal(analyze_files(&test), 0);
    ASSERT_NEAR(value(&test, "transfers", 0, "bandwidth_gb_per_s"), 2, 1e-12);
    ASSERT_NEAR(value(&test, "transfers", 0, "share_pct"), 25, 1e-9);
    /* The batch size stands at the end, the total nowhere: the sum. */
    ASSERT_NEAR(value(&test, "profiles", 0, "batch_size"), 2, 0);
    ASSERT_NEAR(value(&test, "profiles", 0, "throughput_per_s"), 1, 1e-12);
    assert_true(isnan(value(&test, "profiles", 0, "unaccounted_ms")));
    assert_non_null(file_analysis_finding(&test, "transfer_overhead"));
}

/* Just below and just above each bound. */
static void bounds_of_bottlenecks(void **state)
{
    static const struct {
        const char *text, *rule;
        bool is_found;
    } cases[] = {
        {"H2D 8 bytes 2.0 ms\na C 8 ms GPU\n", "transfer_overhead", false},
        {"H2D 8 bytes 2.1 ms\na C 7.9 ms GPU\n", "transfer_overhead", true},
        {"a C 2.9 ms DLA0\nb C 7.1 ms GPU\n", "low_dla_use", true},
        {"a C 3.0 ms DLA0\nb C 7.0 ms GPU\n", "low_dla_use", false},
        {"a C 10 ms GPU\n", "low_dla_use", false},
        {"a C 3.1 ms GPU\nb C 2.3 ms GPU\nc C 2.3 ms GPU\nd C 2.3 ms GPU\n", "dominant_layer",
         true},
        {"a C 2.9 ms GPU\nb C 2.4 ms GPU\nc C 2.3 ms GPU\nd C 2.4 ms GPU\n", "dominant_layer",
         false},
        {"a C 9 ms GPU\nb C 1 ms GPU\n", "dominant_layer", false}, /* of two one dominates */
        {"a C 2.5 ms GPU\nb C 2.5 ms GPU\nc C 2.5 ms GPU\nd C 2.5 ms GPU\n", "no_bottleneck", true},
        {"a C 9 ms GPU\nTotal: 9.4 ms\n", "time_elsewhere", false},
        {"a C 9 ms GPU\nTotal: 9.6 ms\n", "time_elsewhere", true},
        {"a C 9 ms GPU\nTotal: 8 ms\n", "layers_overlap", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(file_analysis_deinit) struct file_analysis test;
        file_analysis_init(&test);
        file_analysis_add(&test, "p.txt", cases[i].text);
        assert_int_equal(analyze_files(&test), 0);
        if (!!file_analysis_finding(&test, cases[i].rule) != cases[i].is_found)
            fail_msg("%s of: %s", cases[i].rule, cases[i].text);
    }
}

static void dla_of_an_old_profile(void **state)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    file_analysis_add(
        &test, "p.json",
        "[ { \"count\" : 10 }\n"
        ", { \"name\" : \"images to nvm\", \"timeMs\" : 1, \"averageMs\" : 0.1, \"percentage\" : 1 "
        "}\n"
        ", { \"name\" : \"{ForeignNode[a...b]}\", \"timeMs\" : 20, \"averageMs\" : 2, "
        "\"percentage\" : 1 }\n"
        ", { \"name\" : \"c\", \"timeMs\" : 10, \"averageMs\" : 1, \"percentage\" : 1 } ]\n");
    assert_int_equal(analyze_files(&test), 0);
    assert_string_equal(file_analysis_cell(&test, "layers", 0, "device")->text, "DLA");
    assert_string_equal(file_analysis_cell(&test, "layers", 1, "device")->text, "GPU");
    ASSERT_NEAR(value(&test, "devices", 1, "time_ms"), 2.1, 1e-9);
    assert_true(isnan(value(&test, "profiles", 0, "transfers_ms"))); /* not in a profile */
}

/* Without the ways into its memory nobody knows whether that is the DLA or the GPU's compiler. */
static void an_unknown_device_stays_unknown(void **state)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    file_analysis_add(&test, "p.json",
                      "[ { \"count\" : 10 }\n, { \"name\" : \"{ForeignNode[a...b]}\", \"timeMs\" : "
                      "20, \"averageMs\" : 2, \"percentage\" : 1 } ]\n");
    assert_int_equal(analyze_files(&test), 0);
    assert_null(file_analysis_cell(&test, "layers", 0, "device")->text);
    assert_string_equal(file_analysis_cell(&test, "devices", 0, "device")->text, "not told");
}

static void engines_are_matched_by_name(void **state)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    file_analysis_add(&test, "a.csv", "name,time\nx,1\ny,2\nx,1.1\ny,2.1\nx,0.9\ny,1.9\n");
    file_analysis_add(&test, "b.csv", "name,time\nx,4\nz,2\nx,4.1\nz,2.1\nx,3.9\nz,1.9\n");
    assert_int_equal(analyze_files(&test), 0);
    assert_string_equal(file_analysis_cell(&test, "differences", 0, "layer")->text, "x");
    ASSERT_NEAR(value(&test, "differences", 0, "difference_ms"), 3, 1e-9);
    ASSERT_NEAR(value(&test, "differences", 0, "difference_pct"), 300, 1e-6);
    ASSERT_NEAR(value(&test, "differences", 0, "decided"), 1, 0);
    const struct finding *finding = file_analysis_finding(&test, "layers_differ");
    assert_non_null(finding);
    ASSERT_NEAR(finding->value, 2, 0); /* y and z */
    assert_non_null(file_analysis_finding(&test, "engine_difference"));
}

/* A sum of layers, and a latency with 1 ms of transfers in it: B's layers are the faster ones. */
static void totals_of_different_parts_are_not_compared(void **state)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    file_analysis_add(&test, "a.csv", "name,time\nx,4\ny,2\nx,4.1\ny,2.1\nx,3.9\ny,1.9\n");
    file_analysis_add(&test, "b.json",
                      "[\n  { \"h2dMs\" : 0.5, \"computeMs\" : 5.5, \"d2hMs\" : 0.5, "
                      "\"latencyMs\" : 6.5 }\n"
                      ", { \"h2dMs\" : 0.5, \"computeMs\" : 5.6, \"d2hMs\" : 0.5, "
                      "\"latencyMs\" : 6.6 }\n"
                      ", { \"h2dMs\" : 0.5, \"computeMs\" : 5.4, \"d2hMs\" : 0.5, "
                      "\"latencyMs\" : 6.4 }\n]\n");
    assert_int_equal(analyze_files(&test), 0);
    const struct finding *finding = file_analysis_finding(&test, "engine_difference");
    assert_non_null(finding);
    ASSERT_NEAR(finding->value, -0.5, 1e-9);
    assert_non_null(strstr(finding->sentence, "the totals are of different parts"));
}

static void a_batch_size_that_only_one_tells_is_said(void **state)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    file_analysis_add(&test, "net_bs4.csv", "name,time\nx,4\ny,2\n");
    file_analysis_add(&test, "other.csv", "name,time\nx,4\ny,2\n");
    assert_int_equal(analyze_files(&test), 0);
    assert_null(file_analysis_finding(&test, "engine_difference"));
    const struct finding *finding = file_analysis_finding(&test, "batch_size_unknown");
    assert_non_null(finding);
    assert_non_null(strstr(finding->sentence, "other.csv"));
}

#define NODE(name, ts, dur)                                                                        \
    "{\"cat\":\"Node\",\"dur\":" dur ",\"ts\":" ts ",\"name\":\"" name                             \
    "_kernel_time\",\"args\":{\"op_name\":\"Conv\",\"provider\":\"CPUExecutionProvider\"}}"
#define RUN(ts, dur) "{\"cat\":\"Session\",\"name\":\"model_run\",\"ts\":" ts ",\"dur\":" dur "}"

/* Its only inference is the first one, which others leave out. */
static void an_engine_profile_of_one_inference(void **state)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    file_analysis_add(
        &test, "p.json",
        "[\n" NODE("a", "110", "40") ",\n" NODE("b", "150", "10") ",\n" RUN("100", "100") "\n]");
    assert_int_equal(analyze_files(&test), 0);
    ASSERT_NEAR(value(&test, "layers", 0, "time_ms"), 0.04, 1e-12);
    ASSERT_NEAR(value(&test, "layers", 1, "time_ms"), 0.01, 1e-12);
    ASSERT_NEAR(value(&test, "profiles", 0, "total_ms"), 0.1, 1e-12);
    assert_non_null(file_analysis_finding(&test, "cold_profile"));
    const struct finding *elsewhere = file_analysis_finding(&test, "time_elsewhere");
    assert_non_null(elsewhere);
    ASSERT_NEAR(elsewhere->value, 0.05, 1e-12);
    assert_null(strstr(elsewhere->advice, "CUDA")); /* all of it ran on the CPU */
}

/* Runs are told one by one, so that the total has an interval; the last one is cut off. */
static void an_engine_profile_that_was_cut_off(void **state)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    file_analysis_add(
        &test, "p.json",
        "[\n" NODE("a", "110", "40") "," RUN("100", "90") ",\n" NODE("a", "210", "20") "," RUN(
            "200",
            "30") ",\n" NODE("a", "310",
                             "22") "," RUN("300",
                                           "32") ",\n" NODE("a", "410",
                                                            "24") "," RUN("400",
                                                                          "34") ",\n" NODE("a",
                                                                                           "510",
                                                                                           "90") ","
                                                                                                 "\n{\"cat\":\"No");
    assert_int_equal(analyze_files(&test), 0);
    ASSERT_NEAR(value(&test, "profiles", 0, "n"), 3, 0);
    const struct analysis_cell *total = file_analysis_cell(&test, "profiles", 0, "total_ms");
    ASSERT_NEAR(total->value, 0.032, 1e-12);
    /* 30, 32, 34 us: mean 32, standard error 2 / sqrt(3), t(0.975, 2) = 4.302653 */
    ASSERT_NEAR(total->lo, 0.032 - 4.302653 * 0.002 / sqrt(3), 1e-8);
    ASSERT_NEAR(value(&test, "layers", 0, "time_ms"), 0.022, 1e-12);
    ASSERT_NEAR((double)test.analysis.inputs[0]->skips.of[SKIP_CUT_OFF].count, 1, 0);
    ASSERT_NEAR((double)test.analysis.inputs[0]->skips.of[SKIP_CUT_OFF].first_line, 7, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_layer_again_is_a_new_pass),
        cmocka_unit_test(layers_of_the_same_name_are_no_passes),
        cmocka_unit_test(a_pass_that_is_cut_off_is_left_out),
        cmocka_unit_test(bandwidth_is_of_binary_gigabytes),
        cmocka_unit_test(bounds_of_bottlenecks),
        cmocka_unit_test(dla_of_an_old_profile),
        cmocka_unit_test(an_unknown_device_stays_unknown),
        cmocka_unit_test(engines_are_matched_by_name),
        cmocka_unit_test(totals_of_different_parts_are_not_compared),
        cmocka_unit_test(a_batch_size_that_only_one_tells_is_said),
        cmocka_unit_test(an_engine_profile_of_one_inference),
        cmocka_unit_test(an_engine_profile_that_was_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
