/* test_output_metrics.c: --metric: its syntax, and what it finds in a stream of bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "workload/command/output_metrics.h"

static double values[100000];
static size_t value_count;

static int keep(struct workload_io *io, const struct sample_block *block, struct error *err)
{
    for (size_t i = 0; i < block->n && value_count < ARRAY_LEN(values); i++)
        values[value_count++] = block->value != NULL ? block->value[i] : (double)block->value_ns[i];
    return 0;
}

static struct workload_io io = {.samples = keep};

static bool taken(const char *name)
{
    return strcmp(name, "wall_ms") == 0;
}

static void open_one(struct output_metrics *metrics, const char *text)
{
    struct error err = {0};
    if (output_metrics_open(metrics, &text, 1, taken, 5, &err) != 0)
        fail_msg("%s", err.message);
    output_metrics_begin(metrics);
    value_count = 0;
}

static void feed(struct output_metrics *metrics, int stream, const char *text)
{
    assert_int_equal(output_metrics_feed(metrics, &io, stream, text, strlen(text), 1, NULL), 0);
}

static void finish(struct output_metrics *metrics)
{
    assert_int_equal(output_metrics_end(metrics, &io, 1, NULL), 0);
}

static void test_syntax(void **state)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"fps", "'=' is missing"},
        {"=([0-9]+)", "a name has"},
        {"Fps=([0-9]+)", "a name has"},
        {"1fps=([0-9]+)", "a name has"},
        {"f ps=([0-9]+)", "a name has"},
        {"fps=[0-9]+", "no group"},
        {"fps=([0-9]+", ""},
        {"fps=*(", ""},
        {"fps:best=([0-9]+)", "higher, lower or neither"},
        {"wall_ms=([0-9]+)", "tacho measures wall_ms itself"},
        {"elapsed_ms=([0-9]+)", "tacho measures wall_ms itself"},
        {"latency_ms:higher=([0-9]+)", "lower is better"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct output_metrics metrics;
        struct error err = {0};
        assert_int_equal(output_metrics_open(&metrics, &bad[i].text, 1, taken, 0, &err),
                         -ERROR_USAGE);
        assert_non_null(strstr(err.message, "--metric"));
        if (strstr(err.message, bad[i].says) == NULL)
            fail_msg("'%s' does not say '%s'", err.message, bad[i].says);
        assert_true(err.hint[0] != '\0');
    }
    static const char *const twice[] = {"fps=a([0-9])", "x=b([0-9])", "fps=c([0-9])"};
    struct output_metrics metrics;
    struct error err = {0};
    assert_int_equal(output_metrics_open(&metrics, twice, 3, taken, 0, &err), -ERROR_USAGE);
    assert_non_null(strstr(err.message, "twice"));
}

static void test_definitions(void **state)
{
    static const char *const texts[] = {"fps:higher=a([0-9])", "x.y_2=b([0-9])",
                                        "latency_ms=c([0-9])", "app:lower=a=b:([0-9])"};
    struct output_metrics metrics;
    assert_int_equal(output_metrics_open(&metrics, texts, 4, taken, 7, NULL), 0);
    assert_int_equal(metrics.count, 4);
    assert_string_equal(metrics.items[0].metric->name, "fps");
    assert_int_equal(metrics.items[0].metric->direction, DIRECTION_HIGHER);
    assert_string_equal(metrics.items[0].metric->unit, "");
    assert_int_equal(metrics.items[1].metric->direction, DIRECTION_NEITHER);
    assert_ptr_equal(metrics.items[2].metric, metric_find("latency_ms"));
    assert_string_equal(metrics.items[3].metric->name, "app");
    assert_int_equal(metrics.items[3].metric->direction, DIRECTION_LOWER);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(metrics.items[i].series.id, 7 + i);
    output_metrics_close(&metrics);
}

static void test_every_match_of_a_line(void **state)
{
    struct output_metrics metrics;
    open_one(&metrics, "t=t=([-+0-9.e]+)");
    feed(&metrics, 0, "t=1 t=2.5 x=7 t=-3e2\nt=4");
    feed(&metrics, 0, "5 t=6\r t=7\r\nt=");
    feed(&metrics, 1, "t=99\n"); /* the streams' lines do not mix */
    feed(&metrics, 0, "8");
    finish(&metrics);
    static const double expected[] = {1, 2.5, -300, 45, 6, 7, 99, 8};
    assert_int_equal(value_count, ARRAY_LEN(expected));
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        assert_true(values[i] == expected[i]);
    assert_int_equal(metrics.items[0].values, ARRAY_LEN(expected));
    output_metrics_close(&metrics);
}

static void test_anchors(void **state)
{
    struct output_metrics metrics;
    open_one(&metrics, "v=^v=([0-9]+)|end=([0-9]+)$");
    feed(&metrics, 0, "v=1 v=2\n v=3\nv=4\n");
    finish(&metrics);
    assert_int_equal(value_count, 2);
    assert_true(values[0] == 1 && values[1] == 4);
    feed(&metrics, 0, "end=5\n"); /* matches, but not by the first group */
    finish(&metrics);
    assert_int_equal(value_count, 2);
    assert_int_equal(metrics.items[0].not_a_number, 1);
    output_metrics_close(&metrics);
}

static void test_not_a_number(void **state)
{
    struct output_metrics metrics;
    open_one(&metrics, "v=v=([^ \n]*)");
    feed(&metrics, 0, "v=nan v=inf v=12x v= v=0x10 v=1,5 v=7\n");
    finish(&metrics);
    assert_int_equal(value_count, 1);
    assert_true(values[0] == 7);
    assert_int_equal(metrics.items[0].not_a_number, 6);
    output_metrics_close(&metrics);
}

static void test_empty_matches_end(void **state)
{
    struct output_metrics metrics;
    open_one(&metrics, "v=([0-9]*)");
    feed(&metrics, 0, "ab12\n");
    finish(&metrics);
    assert_int_equal(value_count, 1);
    assert_true(values[0] == 12);
    output_metrics_close(&metrics);
}

static void test_a_line_matched_whole_matches_once(void **state)
{
    struct output_metrics metrics;
    open_one(&metrics, "v=(.*)");
    feed(&metrics, 0, "1\nx\n2\n");
    finish(&metrics);
    assert_int_equal(value_count, 2);
    assert_int_equal(metrics.items[0].not_a_number, 1);
    output_metrics_close(&metrics);
}

static void test_blanks_around_a_number(void **state)
{
    struct output_metrics metrics;
    open_one(&metrics, "fps=FPS:([ 0-9.]+)");
    feed(&metrics, 0, "FPS:  30.5 of 60\nFPS:   \n");
    finish(&metrics);
    assert_int_equal(value_count, 1);
    assert_true(values[0] == 30.5);
    assert_int_equal(metrics.items[0].not_a_number, 1);
    output_metrics_close(&metrics);
}

static void test_times_are_ns_inside(void **state)
{
    struct output_metrics metrics;
    open_one(&metrics, "latency_ms=took (-?[0-9.]+) ms");
    feed(&metrics, 0, "took 1.5 ms\ntook 250 ms\ntook -1 ms\n");
    finish(&metrics);
    assert_int_equal(value_count, 2);
    assert_true(values[0] == 1500000 && values[1] == 250000000);
    assert_int_equal(metrics.items[0].not_a_number, 1); /* no time is negative */
    output_metrics_close(&metrics);
}

static void test_nul_bytes(void **state)
{
    struct output_metrics metrics;
    open_one(&metrics, "v=v=([0-9]+)");
    static const char data[] = "\0\0v=1\0v=2\0\n";
    assert_int_equal(output_metrics_feed(&metrics, &io, 0, data, sizeof(data) - 1, 1, NULL), 0);
    finish(&metrics);
    assert_int_equal(value_count, 2);
    output_metrics_close(&metrics);
}

static void put(char *at, const char *text)
{
    while (*text != '\0')
        *at++ = *text++;
}

static void test_long_lines(void **state)
{
    struct output_metrics metrics;
    size_t size = 3 * OUTPUT_LINE_MAX;
    char *data = malloc(size + 1);
    assert_non_null(data);
    open_one(&metrics, "v=v=([0-9]+);");
    memset(data, 'x', size);
    put(data + 100, "v=1;");
    put(data + OUTPUT_LINE_MAX + 100, "v=2;");
    put(data + size - 4, "v=3;");
    data[size] = '\n';
    assert_int_equal(output_metrics_feed(&metrics, &io, 0, data, size + 1, 1, NULL), 0);
    feed(&metrics, 0, "v=4;\n");
    finish(&metrics);
    assert_int_equal(value_count, 4);
    assert_true(values[2] == 3 && values[3] == 4);
    assert_int_equal(metrics.long_lines, 1);
    /* A line that just fits is not long, however it comes in. */
    for (size_t i = 0; i < OUTPUT_LINE_MAX; i += 64)
        assert_int_equal(output_metrics_feed(&metrics, &io, 0, data + 1024, 64, 1, NULL), 0);
    feed(&metrics, 0, "\nv=5;\n");
    finish(&metrics);
    assert_int_equal(metrics.long_lines, 1);
    assert_true(values[value_count - 1] == 5);
    free(data);
    output_metrics_close(&metrics);
}

/* The same bytes give the same values, wherever the reads cut them. */
static void test_pieces(void **state)
{
    struct output_metrics metrics;
    char text[4096];
    size_t used = 0;
    for (int i = 0; i < 300; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "v=%d\n", i);
    for (size_t piece = 1; piece < 40; piece++) {
        open_one(&metrics, "v=v=([0-9]+)");
        for (size_t at = 0; at < used; at += piece) {
            size_t part = used - at < piece ? used - at : piece;
            assert_int_equal(output_metrics_feed(&metrics, &io, 0, text + at, part, 1, NULL), 0);
        }
        finish(&metrics);
        assert_int_equal(value_count, 300); /* more than one batch */
        for (int i = 0; i < 300; i++)
            assert_true(values[i] == i);
        output_metrics_close(&metrics);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_syntax),
        cmocka_unit_test(test_definitions),
        cmocka_unit_test(test_every_match_of_a_line),
        cmocka_unit_test(test_anchors),
        cmocka_unit_test(test_not_a_number),
        cmocka_unit_test(test_empty_matches_end),
        cmocka_unit_test(test_a_line_matched_whole_matches_once),
        cmocka_unit_test(test_blanks_around_a_number),
        cmocka_unit_test(test_times_are_ns_inside),
        cmocka_unit_test(test_nul_bytes),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
