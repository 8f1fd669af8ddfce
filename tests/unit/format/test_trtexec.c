/* test_trtexec.c: what trtexec writes, TensorRT 7 to 11, and what is none of it. */
#include "test_tree.h"

#include "base/util.h"
#include "format/trtexec.h"

static int times_of(const char *text, struct trtexec_times *ret, struct error *err)
{
    return trtexec_times_read_text(text, strlen(text), "t.json", ret, err);
}

static int layers_of(const char *text, struct trtexec_layers *ret, struct error *err)
{
    return trtexec_layers_read_text(text, strlen(text), "l.json", ret, err);
}

static void times_of_today(void **state)
{
    struct trtexec_times times;
    struct error err = {0};
    assert_int_equal(
        times_of("[\n  { \"startEnqMs\" : 100.5, \"endEnqMs\" : 101, \"startH2dMs\" : 100.6, "
                 "\"endH2dMs\" : 100.7, \"startComputeMs\" : 100.7, \"endComputeMs\" : 108, "
                 "\"startD2hMs\" : 108, \"endD2hMs\" : 108.1, \"h2dMs\" : 0.0065918, "
                 "\"computeMs\" : 7.16092, \"d2hMs\" : 5e-05, \"latencyMs\" : 7.16756 }\n"
                 ", { \"startEnqMs\" : 110.25, \"latencyMs\" : 8 }\n]\n",
                 &times, &err),
        0);
    assert_int_equal(times.count, 2);
    assert_int_equal(times.bad, 0);
    assert_int_equal(times.items[0].start_ns, 0);
    assert_int_equal(times.items[0].latency_ns, 7167560);
    assert_int_equal(times.items[0].h2d_ns, 6592); /* 6591.8, rounded */
    assert_int_equal(times.items[0].compute_ns, 7160920);
    assert_int_equal(times.items[0].d2h_ns, 50);
    assert_int_equal(times.items[1].start_ns, 9750000);
    assert_int_equal(times.items[1].latency_ns, 8000000);
    assert_int_equal(times.items[1].compute_ns, 0);
    trtexec_times_deinit(&times);
}

static void times_of_tensorrt_7(void **state)
{
    struct trtexec_times times;
    assert_int_equal(
        times_of("[ { \"startInMs\" : 1, \"endInMs\" : 1.5, \"startComputeMs\" : 1.5, "
                 "\"endComputeMs\" : 3, \"startOutMs\" : 3, \"endOutMs\" : 3.25, \"inMs\" : 0.5, "
                 "\"computeMs\" : 1.5, \"outMs\" : 0.25, \"latencyMs\" : 2.25, \"endToEndMs\" : "
                 "9 } ]",
                 &times, NULL),
        0);
    assert_int_equal(times.count, 1);
    assert_int_equal(times.items[0].h2d_ns, 500000);
    assert_int_equal(times.items[0].d2h_ns, 250000);
    assert_int_equal(times.items[0].latency_ns, 2250000);
    trtexec_times_deinit(&times);
}

static void bad_rows_are_counted(void **state)
{
    struct trtexec_times times;
    assert_int_equal(times_of("[ { \"latencyMs\" : inf }, { \"latencyMs\" : -nan }, "
                              "{ \"latencyMs\" : nan }, { \"computeMs\" : 3 }, "
                              "{ \"latencyMs\" : -1 }, { \"latencyMs\" : 2, \"h2dMs\" : inf },\n"
                              "{ \"latencyMs\" : 3, \"startEnqMs\" : 1",
                              &times, NULL),
                     0);
    assert_int_equal(times.count, 1);
    assert_int_equal(times.bad, 6); /* the last one is cut off */
    assert_int_equal(times.items[0].latency_ns, 2000000);
    assert_int_equal(times.items[0].h2d_ns, 0);
    trtexec_times_deinit(&times);
    assert_int_equal(times_of("[\n]\n", &times, NULL), 0);
    assert_int_equal(times.count, 0);
    trtexec_times_deinit(&times);
}

static void layers(void **state)
{
    struct trtexec_layers profile;
    assert_int_equal(
        trtexec_layers_read(TEST_DATA "/trtexec/profile_cbr_fp32.json", &profile, NULL), 0);
    assert_int_equal(profile.count, 41400);
    assert_int_equal(profile.item_count, 1);
    assert_string_equal(profile.items[0].name, "/conv1/Conv + /act1/Relu");
    assert_int_equal(profile.items[0].total_ns, 1160780000);
    assert_int_equal(profile.items[0].average_ns, 28038);
    assert_int_equal(profile.items[0].median_ns, 27872);
    trtexec_layers_deinit(&profile);
}

/* Quotes, backslashes and what looks like the end of the name, none of it escaped; a name twice; a
 * layer that took no time; TensorRT 7 has no median. */
static void names_are_not_escaped(void **state)
{
    struct trtexec_layers profile;
    assert_int_equal(
        layers_of("[\n  { \"count\" : 10 }\n"
                  ", { \"name\" : \"a \"b\" \\c, \", \"timeMs\" : 1, \"averageMs\" : 0.1, "
                  "\"percentage\" : 50 }\n"
                  ", { \"name\" : \"x\", \"y\" : 1\", \"timeMs\" : 0, \"averageMs\" : 0, "
                  "\"medianMs\" : 0, \"percentage\" : nan }\n"
                  ", { \"name\" : \"x\", \"timeMs\" : 2e-3, \"averageMs\" : 2e-4, \"medianMs\" : "
                  "1e-4, \"percentage\" : 50 }\n]\n",
                  &profile, NULL),
        0);
    assert_int_equal(profile.count, 10);
    assert_int_equal(profile.item_count, 3);
    assert_string_equal(profile.items[0].name, "a \"b\" \\c, ");
    assert_int_equal(profile.items[0].total_ns, 1000000);
    assert_int_equal(profile.items[0].median_ns, 0);
    assert_string_equal(profile.items[1].name, "x\", \"y\" : 1");
    assert_int_equal(profile.items[1].total_ns, 0);
    assert_string_equal(profile.items[2].name, "x");
    assert_int_equal(profile.items[2].total_ns, 2000);
    assert_int_equal(profile.items[2].median_ns, 100);
    trtexec_layers_deinit(&profile);
}

static void expect_times_error(const char *text, int line, int column)
{
    struct trtexec_times times;
    struct error err = {0};
    assert_int_equal(times_of(text, &times, &err), -ERROR_INPUT);
    assert_string_equal(err.file, "t.json");
    assert_int_equal(err.line, line);
    assert_int_equal(err.column, column);
}

static void expect_layers_error(const char *text, int line, int column)
{
    struct trtexec_layers profile;
    struct error err = {0};
    assert_int_equal(layers_of(text, &profile, &err), -ERROR_INPUT);
    assert_string_equal(err.file, "l.json");
    assert_int_equal(err.line, line);
    assert_int_equal(err.column, column);
}

static void not_from_trtexec(void **state)
{
    expect_times_error("", 1, 1);
    expect_times_error("{}", 1, 2);
    expect_times_error("[\n1]", 2, 2);
    expect_times_error("[{\"latencyMs\" 1 2}]", 1, 18);
    expect_layers_error("", 1, 1);
    expect_layers_error("[\n {\"name\" : \"a\"}]", 2, 13);
    expect_layers_error("[\n {\"name\" : \"a\", \"timeMs\" : }]", 2, 28);
    expect_layers_error("[ { \"count\" : 3 }", 1, 18);
    expect_layers_error("[ { 5 }", 1, 5);
    struct trtexec_times times;
    struct trtexec_layers profile;
    struct error err = {0};
    assert_int_equal(trtexec_times_read("/nonexistent/t", &times, &err), -ERROR_ABSENT);
    assert_int_equal(trtexec_layers_read("/nonexistent/l", &profile, &err), -ERROR_ABSENT);
}

static void expect_version(const char *text, const char *expected)
{
    char version[32] = "?";
    bool found = trtexec_version(text, strlen(text), version, sizeof(version));
    assert_int_equal(found, expected != NULL);
    assert_string_equal(version, expected ? expected : "?");
}

static void version_in_the_first_line(void **state)
{
    expect_version("&&&& RUNNING TensorRT.trtexec [TensorRT v100200] # trtexec --onnx=a", "10.2.0");
    expect_version("&&&& RUNNING TensorRT.trtexec [TensorRT v101303] [b9] # ", "10.13.3");
    expect_version("&&&& RUNNING TensorRT.trtexec [TensorRT v8601] # ", "8.6.1");
    expect_version("junk\n&&&& RUNNING TensorRT.trtexec [TensorRT v7000] # ", "7.0.0");
    expect_version("&&&& RUNNING TensorRT.trtexec [TensorRT v] # ", NULL);
    expect_version("&&&& RUNNING TensorRT.trtexec [TensorRT v99999999999] # ", NULL);
    expect_version("&&&& RUNNING TensorRT.trtexec # 8601", NULL);
    expect_version("", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_of_today),
        cmocka_unit_test(times_of_tensorrt_7),
        cmocka_unit_test(bad_rows_are_counted),
        cmocka_unit_test(layers),
        cmocka_unit_test(names_are_not_escaped),
        cmocka_unit_test(not_from_trtexec),
        cmocka_unit_test(version_in_the_first_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
