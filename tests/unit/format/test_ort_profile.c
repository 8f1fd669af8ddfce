/* test_ort_profile.c: profiles that ONNX Runtime itself wrote (tests/data/ort_profile: the probe
 * models, three runs each), with the sums that Python's json makes of them; and broken ones. */
#include "test_tree.h"

#include <math.h>

#include "base/str.h"
#include "base/util.h"
#include "format/ort_profile.h"

#define CPU "CPUExecutionProvider"

static int read_text(const char *text, struct ort_profile *ret, struct error *err)
{
    return ort_profile_read_text(text, strlen(text), "p.json", ret, err);
}

struct expected {
    const char *file;
    uint64_t runs;
    size_t nodes;
    uint64_t run_us, node_us; /* without the first run */
    const char *heavy, *op, *types;
    uint64_t calls_us[3]; /* the first ones of the heavy node */
    uint64_t load_us, session_us;
    const char *precision;
    size_t casts;
};

#define THREE "float,float,float"
#define QLINEAR "uint8,float,uint8,float,int8,float,uint8,int32"

static const struct expected samples[] = {
    {"1.14.0-fp32", 3, 2, 34, 13, "conv_nchwc", "Conv", THREE, {40, 8, 3}, 288, 2038, "fp32", 0},
    {"1.14.0-fp16", 3, 5, 60, 19, "conv", "Conv", THREE, {26, 4, 3}, 60, 239, "fp32", 4},
    {"1.14.0-int8",
     3,
     5,
     60,
     24,
     "QLinearConv",
     "QLinearConv",
     QLINEAR,
     {44, 6, 4},
     91,
     537,
     "int8",
     0},
    {"1.16.3-fp32", 3, 2, 74, 18, "conv_nchwc", "Conv", THREE, {164, 7, 7}, 668, 13984, "fp32", 0},
    {"1.16.3-fp16", 3, 5, 53, 18, "conv", "Conv", THREE, {98, 4, 3}, 88, 513, "fp32", 4},
    {"1.16.3-int8",
     3,
     5,
     127,
     61,
     "QLinearConv",
     "QLinearConv",
     QLINEAR,
     {302, 21, 5},
     98,
     908,
     "int8",
     0},
    {"1.22.0-net", 6, 6, 282, 98, "r1_nchwc", "Conv", THREE, {408, 13, 12}, 506, 6366, "fp32", 0},
    {"1.30.0-fp32",
     3,
     2,
     66,
     28,
     "conv_nchwc",
     "Conv",
     THREE,
     {336, 8, 15},
     1635,
     26392,
     "fp32",
     0},
    {"1.30.0-fp16",
     3,
     4,
     101,
     41,
     "InsertedPrecisionFreeCast_conv_nchwc",
     "Conv",
     THREE,
     {9, 4, 3},
     132,
     705,
     "fp32",
     2},
    {"1.30.0-int8",
     3,
     5,
     163,
     64,
     "conv_token_2",
     "QLinearConv",
     QLINEAR,
     {462, 11, 6},
     134,
     741,
     "int8",
     0},
};

static void check_sample(const struct expected *expected)
{
    char path[512];
    struct ort_profile profile;
    struct error err = {0};
    snprintf(path, sizeof(path), TEST_DATA "/ort_profile/%s.json", expected->file);
    if (ort_profile_read(path, &profile, &err) != 0)
        fail_msg("%s: %s", path, err.message);
    assert_int_equal(profile.runs, expected->runs);
    assert_int_equal(profile.node_count, expected->nodes);
    assert_int_equal(profile.run_total_ns, expected->run_us * 1000);
    assert_int_equal(profile.node_total_ns, expected->node_us * 1000);
    assert_int_equal(profile.load_ns, expected->load_us * 1000);
    assert_int_equal(profile.session_ns, expected->session_us * 1000);
    const struct ort_node *heavy = NULL;
    size_t casts = 0;
    for (size_t i = 0; i < profile.node_count; i++) {
        const struct ort_node *node = &profile.nodes[i];
        uint64_t total = 0;
        for (uint64_t c = 0; c < node->calls; c++)
            total += node->call_ns[c];
        assert_int_equal(total, node->total_ns);
        assert_int_equal(node->calls, expected->runs);
        casts += node->is_cast_inserted;
        if (strcmp(node->name, expected->heavy) == 0)
            heavy = node;
    }
    assert_non_null(heavy);
    assert_string_equal(heavy->op, expected->op);
    assert_string_equal(heavy->types, expected->types);
    assert_string_equal(heavy->provider, CPU);
    for (size_t c = 0; c < 3; c++)
        assert_int_equal(heavy->call_ns[c], expected->calls_us[c] * 1000);
    assert_int_equal(casts, expected->casts);
    assert_string_equal(ort_profile_precision(&profile), expected->precision);
    assert_int_equal(profile.share_count, 1);
    assert_true(ort_profile_share(&profile, CPU) == 1);
    assert_true(ort_profile_share(&profile, "CUDAExecutionProvider") == 0);
    ort_profile_deinit(&profile);
}

static void what_the_engine_wrote(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(samples); i++)
        check_sample(&samples[i]);
}

/* Whatever was whole when the writer was killed is kept: the number of nodes and runs never falls
 * as more of the file is there, and the whole file has them all. */
static void cut_off_anywhere(void **state)
{
    char *text;
    size_t size;
    uint64_t runs = 0;
    size_t nodes = 0;
    assert_int_equal(
        file_read_all(TEST_DATA "/ort_profile/1.30.0-fp16.json", 1 << 20, &text, &size, NULL), 0);
    for (size_t cut = 0; cut <= size; cut++) {
        struct ort_profile profile;
        struct error err = {0};
        char *part = malloc(cut + 1); /* of its own, so that a sanitizer sees a step too far */
        assert_non_null(part);
        memcpy(part, text, cut);
        int rc = ort_profile_read_text(part, cut, "p.json", &profile, &err);
        free(part);
        if (rc < 0) {
            assert_true(rc == (cut == 0 ? -ERROR_INPUT : -ERROR_NOTHING) && err.message[0]);
            assert_int_equal(nodes, 0);
            continue;
        }
        assert_true(profile.runs >= runs && profile.node_count >= nodes);
        runs = profile.runs;
        nodes = profile.node_count;
        ort_profile_deinit(&profile);
    }
    assert_int_equal(runs, 3);
    assert_int_equal(nodes, 4);
    free(text);
}

#define NODE(name, op, provider, types, ts, dur)                                                   \
    "{\"cat\":\"Node\",\"dur\":" dur ",\"ts\":" ts ",\"name\":\"" name "_kernel_time\","           \
    "\"args\":{\"op_name\":\"" op "\",\"provider\":\"" provider "\",\"node_index\":\"1\","         \
    "\"input_type_shape\":[" types "]}}"
#define RUN(ts, dur) "{\"cat\":\"Session\",\"name\":\"model_run\",\"ts\":" ts ",\"dur\":" dur "}"
#define F "{\"float\":[1]}"
#define H "{\"float16\":[1]}"

static void read_events(const char *const *events, size_t count, struct ort_profile *ret_profile)
{
    struct strbuf text = {0};
    for (size_t i = 0; i < count; i++)
        strbuf_printf(&text, "%s%s", i ? "," : "[", events[i]);
    strbuf_append(&text, "]");
    assert_int_equal(read_text(text.data, ret_profile, NULL), 0);
    strbuf_deinit(&text);
}

static void shares_leave_out_the_first_run(void **state)
{
    static const char *const events[] = {
        /* Those of the second run stand before those of the first. */
        NODE("a", "Conv", CPU, F, "210", "30"),
        NODE("b", "Conv", "CUDAExecutionProvider", F, "250", "90"),
        NODE("l", "Loop", CPU, F, "205", "145"), /* 25 of its own */
        RUN("200", "155"),
        NODE("a", "Conv", CPU, F, "110", "40"),
        NODE("b", "Conv", "CUDAExecutionProvider", F, "150", "10"),
        RUN("100", "60"),
    };
    struct ort_profile profile;
    read_events(events, ARRAY_LEN(events), &profile);
    assert_int_equal(profile.runs, 2);
    assert_int_equal(profile.run_total_ns, 155000);
    assert_int_equal(profile.run_ns[0], 60000); /* by time, not as written */
    assert_int_equal(profile.run_ns[1], 155000);
    assert_int_equal(profile.cut_line, 0);
    assert_int_equal(profile.node_total_ns, 145000);
    assert_int_equal(profile.share_count, 2);
    assert_string_equal(profile.shares[0].provider, "CUDAExecutionProvider");
    assert_true(fabs(ort_profile_share(&profile, "CUDAExecutionProvider") - 90.0 / 145) < 1e-12);
    assert_true(fabs(ort_profile_share(&profile, CPU) - 55.0 / 145) < 1e-12);
    assert_string_equal(profile.nodes[0].name, "a");
    assert_int_equal(profile.nodes[0].call_ns[0], 40000); /* by time, not as written */
    assert_int_equal(profile.nodes[0].call_ns[1], 30000);
    assert_int_equal(profile.nodes[0].first_run_calls, 1);
    ort_profile_deinit(&profile);
}

/* Killed in the third run: its calls belong to no run that has a time. */
static void a_run_that_never_ended_is_left_out(void **state)
{
    static const char text[] =
        "[" RUN("100", "60") "," NODE("a", "Conv", CPU, F, "110", "40") ",\n" RUN(
            "200", "55") "," NODE("a", "Conv", CPU, F, "210",
                                  "30") ",\n" NODE("a", "Conv", CPU, F, "310",
                                                   "35") "," NODE("z", "Relu", CPU, F, "350",
                                                                  "5") ",\n{\"cat\":\"Node\",\"du";
    struct ort_profile profile;
    assert_int_equal(read_text(text, &profile, NULL), 0);
    assert_int_equal(profile.cut_line, 4);
    assert_int_equal(profile.runs, 2);
    assert_int_equal(profile.run_ns[0], 60000);
    assert_int_equal(profile.run_ns[1], 55000);
    assert_int_equal(profile.node_count, 1); /* z was in no other */
    assert_int_equal(profile.nodes[0].calls, 2);
    assert_int_equal(profile.node_total_ns, 30000);
    ort_profile_deinit(&profile);
}

static const struct ort_node *node_of(const struct ort_profile *profile, const char *name)
{
    for (size_t i = 0; i < profile->node_count; i++)
        if (strcmp(profile->nodes[i].name, name) == 0)
            return &profile->nodes[i];
    fail_msg("there is no node %s", name);
    return NULL;
}

#define ON(thread, name, op, ts, dur)                                                              \
    "{\"cat\":\"Node\",\"tid\":" thread ",\"dur\":" dur ",\"ts\":" ts ",\"name\":\"" name          \
    "_kernel_time\",\"args\":{\"op_name\":\"" op "\",\"provider\":\"" CPU "\"}}"

/* What lies within a node is not its own: so the sum over all nodes is the time of the runs. */
static void nodes_that_hold_others(void **state)
{
    static const char *const events[] = {
        /* First run, 0 to 100: a loop of two turns, each with an If that holds a Mul. */
        ON("1", "mul", "Mul", "12", "10"),
        ON("1", "if", "If", "11", "20"),
        ON("1", "add", "Add", "31", "5"), /* begins when the If ends: beside it */
        ON("1", "mul", "Mul", "42", "8"),
        ON("1", "if", "If", "41", "18"),
        ON("1", "add", "Add", "60", "6"),
        ON("1", "loop", "Loop", "10", "60"),
        ON("1", "relu", "Relu", "70", "20"),
        RUN("0", "100"),
        /* Meanwhile, on another thread: within nothing. */
        ON("2", "other", "Relu", "15", "3"),
        /* Second run. Cut to whole microseconds the end of the inner one lies behind the outer's.
         */
        ON("1", "mul", "Mul", "212", "10"),
        ON("1", "if", "If", "212", "9"),
        ON("1", "add", "Add", "230", "0"),
        ON("1", "loop", "Loop", "210", "20"),
        ON("1", "relu", "Relu", "230", "20"),
        RUN("200", "100"),
        /* Third run: a loop and what it holds seem to take the same time. */
        ON("1", "mul", "Mul", "300", "7"),
        ON("1", "loop", "Loop", "300", "7"),
        RUN("300", "10"),
    };
    struct ort_profile profile;
    read_events(events, ARRAY_LEN(events), &profile);
    const struct ort_node *loop = node_of(&profile, "loop"), *mul = node_of(&profile, "mul");
    const struct ort_node *inner = node_of(&profile, "if"), *relu = node_of(&profile, "relu");
    assert_int_equal(loop->calls, 3);
    assert_int_equal(loop->first_run_calls, 1);
    assert_int_equal(loop->call_ns[0], (60 - 20 - 5 - 18 - 6) * 1000);
    assert_int_equal(loop->call_ns[2], 0);
    assert_int_equal(mul->calls, 4);
    assert_int_equal(mul->first_run_calls, 2);
    assert_int_equal(mul->call_ns[3], 7000);
    assert_int_equal(inner->call_ns[0], 10000);
    assert_int_equal(inner->call_ns[1], 10000);
    assert_int_equal(relu->call_ns[1], 20000);
    assert_int_equal(node_of(&profile, "other")->total_ns, 3000);
    /* Second run: 20 of the loop and all that is in it, 20 of the Relu; third: 7. */
    assert_in_range(profile.node_total_ns, 46000, 48000);
    ort_profile_deinit(&profile);
}

static void expect_precision(const char *events, const char *precision)
{
    struct ort_profile profile;
    struct strbuf text = {0};
    strbuf_printf(&text, "[%s]", events);
    assert_int_equal(read_text(text.data, &profile, NULL), 0);
    const char *found = ort_profile_precision(&profile);
    if (precision)
        assert_string_equal(found, precision);
    else
        assert_null(found);
    ort_profile_deinit(&profile);
    strbuf_deinit(&text);
}

static void precision_is_that_of_the_heavy_nodes(void **state)
{
    expect_precision(NODE("a", "Conv", CPU, H "," H, "1", "10"), "fp16");
    expect_precision(
        NODE("a", "Conv", CPU, F, "1", "10") "," NODE("b", "MatMul", CPU, H, "20", "9"), "mixed");
    /* Less than one part in twenty is not a mixture. */
    expect_precision(
        NODE("a", "Conv", CPU, F, "1", "99") "," NODE("b", "MatMul", CPU, H, "200", "1"), "fp32");
    /* A long cast and a long copy compute nothing. */
    expect_precision(NODE("c", "Cast", CPU, F, "1",
                          "500") "," NODE("t", "Transpose", CPU, F, "9",
                                          "90") "," NODE("a", "FusedConv", CPU, H, "600", "5"),
                     "fp16");
    expect_precision(NODE("a", "ConvInteger", CPU, "{\"uint8\":[1]}", "1", "10"), "int8");
    /* No heavy node: what computes. */
    expect_precision(NODE("a", "Relu", CPU, F, "1", "10"), "fp32");
    /* All within a microsecond: by calls. */
    expect_precision(NODE("a", "Conv", CPU, H, "1", "0"), "fp16");
    /* TensorRT says nothing of what it does inside. */
    expect_precision(NODE("t", "TRTKernel_graph_main_0", "TensorrtExecutionProvider", F, "1", "10"),
                     NULL);
    expect_precision(NODE("t", "Shape", CPU, F, "1", "10"), NULL);
}

static void other_spellings(void **state)
{
    struct ort_profile profile;
    /* A byte order mark, numbers as texts, events of other kinds, members of any shape, text behind
     * the end. */
    assert_int_equal(
        read_text("\xef\xbb\xbf[{\"ph\":\"M\",\"name\":\"process_name\",\"args\":[{\"x\":[1,{}]}]},"
                  "{\"name\":\"a\\u0020b_kernel_time\",\"ts\":\"7\",\"dur\":\"2\",\"cat\":\"Node\","
                  "\"args\":{\"thread_scheduling_stats\":{\"main\":{\"a\":[1,2]}},\"op_name\":"
                  "\"Conv\",\"provider\":\"" CPU "\"}}] and more",
                  &profile, NULL),
        0);
    assert_int_equal(profile.node_count, 1);
    assert_string_equal(profile.nodes[0].name, "a b");
    assert_string_equal(profile.nodes[0].types, "");
    assert_int_equal(profile.nodes[0].total_ns, 2000);
    assert_int_equal(profile.runs, 0);
    assert_int_equal(profile.node_total_ns, 2000);
    assert_null(ort_profile_precision(&profile));
    ort_profile_deinit(&profile);
}

static void expect_error(const char *text, int code, int line, int column)
{
    struct ort_profile profile;
    struct error err = {0};
    assert_int_equal(read_text(text, &profile, &err), -code);
    assert_int_equal(err.code, code);
    assert_string_equal(err.file, "p.json");
    assert_int_equal(err.line, line);
    assert_int_equal(err.column, column);
    assert_true(err.message[0] != '\0');
}

static void not_a_profile(void **state)
{
    expect_error("", ERROR_INPUT, 1, 1);
    expect_error("[]", ERROR_NOTHING, 0, 0);
    expect_error("[" RUN("1", "2") "]", ERROR_NOTHING, 0, 0);
    expect_error("{\"traceEvents\":[]}", ERROR_INPUT, 1, 2);
    expect_error("<html>", ERROR_INPUT, 1, 1);
    expect_error("[\n  {\"cat\": \"Node\", !}", ERROR_INPUT, 2, 19);
    expect_error("[\n{\"cat\":}]", ERROR_INPUT, 2, 8);
    expect_error("[1]", ERROR_INPUT, 1, 3);
    struct strbuf deep = {0};
    strbuf_repeat(&deep, '[', 1);
    strbuf_append(&deep, "{\"args\":");
    strbuf_repeat(&deep, '[', 100000);
    expect_error(deep.data, ERROR_INPUT, 1, 72);
    strbuf_deinit(&deep);
    struct ort_profile profile;
    struct error err = {0};
    assert_int_equal(ort_profile_read("/nonexistent/p.json", &profile, &err), -ERROR_ABSENT);
    assert_int_equal(ort_profile_read("/", &profile, &err), -ERROR_INPUT);
}

/* More nodes than the table begins with, each called twice. */
static void many_nodes(void **state)
{
    struct strbuf text = {0};
    struct ort_profile profile;
    strbuf_append(&text, "[");
    for (int i = 0; i < 4000; i++)
        strbuf_printf(&text,
                      "{\"cat\":\"Node\",\"name\":\"n_kernel_time\",\"ts\":%d,\"dur\":%d,\"args\":{"
                      "\"op_name\":\"Conv\",\"node_index\":\"%d\",\"provider\":\"p\"}},",
                      i * 3000, i % 2000, i % 2000);
    assert_int_equal(read_text(text.data, &profile, NULL), 0);
    assert_int_equal(profile.node_count, 2000);
    for (size_t i = 0; i < profile.node_count; i++) {
        assert_int_equal(profile.nodes[i].calls, 2);
        assert_int_equal(profile.nodes[i].total_ns, 2000 * i);
    }
    ort_profile_deinit(&profile);
    strbuf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_engine_wrote),
        cmocka_unit_test(cut_off_anywhere),
        cmocka_unit_test(a_run_that_never_ended_is_left_out),
        cmocka_unit_test(shares_leave_out_the_first_run),
        cmocka_unit_test(nodes_that_hold_others),
        cmocka_unit_test(precision_is_that_of_the_heavy_nodes),
        cmocka_unit_test(other_spellings),
        cmocka_unit_test(not_a_profile),
        cmocka_unit_test(many_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
