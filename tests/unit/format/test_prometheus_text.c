#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "format/prometheus_text.h"

static struct prometheus_text read_well(const char *text)
{
    struct prometheus_text result;
    struct error err = {0};
    if (prometheus_text_read(text, strlen(text), "m", &result, &err) < 0)
        fail_msg("%d:%d: %s", err.line, err.column, err.message);
    return result;
}

/* The example of Prometheus' own documentation of the format, with its awkward lines. */
static void reads_the_documented_example(void **state)
{
    (void)state;
    struct prometheus_text text = read_well(
        "# HELP http_requests_total The total number of HTTP requests.\n"
        "# TYPE http_requests_total counter\n"
        "http_requests_total{method=\"post\",code=\"200\"} 1027 1395066363000\n"
        "http_requests_total{method=\"post\",code=\"400\"}    3 1395066363000\n"
        "\n"
        "# Escaping in label values:\n"
        "msdos_file_access_time_seconds{path=\"C:\\\\DIR\\\\FILE.TXT\",error=\"Cannot find "
        "file:\\n\\\"FILE.TXT\\\"\"} 1.458255915e9\n"
        "\n"
        "# Minimalistic line:\n"
        "metric_without_timestamp_and_labels 12.47\n"
        "\n"
        "# A weird metric from before the epoch:\n"
        "something_weird{problem=\"division by zero\"} +Inf -3982045\n"
        "\n"
        "# TYPE rpc_duration_seconds summary\n"
        "rpc_duration_seconds{quantile=\"0.01\"} 3102\n");
    assert_int_equal(text.count, 6);
    assert_string_equal(text.samples[0].name, "http_requests_total");
    assert_string_equal(prometheus_label_get(&text.samples[1], "code"), "400");
    assert_null(prometheus_label_get(&text.samples[1], "Code"));
    assert_true(text.samples[1].has_time && text.samples[1].time == 1395066363000.0);
    assert_string_equal(prometheus_label_get(&text.samples[2], "path"), "C:\\DIR\\FILE.TXT");
    assert_string_equal(prometheus_label_get(&text.samples[2], "error"),
                        "Cannot find file:\n\"FILE.TXT\"");
    assert_true(text.samples[3].value == 12.47 && !text.samples[3].has_time);
    assert_true(isinf(text.samples[4].value) && text.samples[4].time == -3982045);
    assert_int_equal(text.family_count, 2);
    assert_string_equal(text.families[0].type, "counter");
    assert_string_equal(text.families[0].help, "The total number of HTTP requests.");
    assert_string_equal(text.families[1].type, "summary");
    assert_null(text.families[1].help);
    const struct prometheus_sample *first = prometheus_find(&text, "http_requests_total", NULL);
    const struct prometheus_sample *second =
        prometheus_find(&text, "http_requests_total", first + 1);
    assert_ptr_equal(second, &text.samples[1]);
    assert_null(prometheus_find(&text, "http_requests_total", second + 1));
    assert_null(prometheus_find(&text, "rpc_duration_seconds", &text.samples[5] + 1));
    prometheus_text_deinit(&text);
}

static void tolerates_what_others_write(void **state)
{
    (void)state;
    struct prometheus_text text = read_well(" \t\r\n\n");
    assert_int_equal(text.count, 0);
    prometheus_text_deinit(&text);
    text = read_well("#\n#comment\n# TYPEx y\n  a\t{ b = \"1\" , c=\"2\", } 1 \r\n"
                     "a{}5\n"
                     "ns:sub_total 7 # {id=\"x\"} 0.5 1.25\n"
                     "{\"with.dots\",\"l b\"=\"v\"} -0\n"
                     "e nan\nf -INF\ng 1e-3\n# EOF");
    assert_int_equal(text.count, 7);
    assert_int_equal(text.samples[0].label_count, 2);
    assert_string_equal(prometheus_label_get(&text.samples[0], "c"), "2");
    assert_true(text.samples[1].value == 5 && text.samples[1].label_count == 0);
    assert_string_equal(text.samples[2].name, "ns:sub_total");
    assert_false(text.samples[2].has_time);
    assert_string_equal(text.samples[3].name, "with.dots");
    assert_string_equal(prometheus_label_get(&text.samples[3], "l b"), "v");
    assert_true(isnan(text.samples[4].value));
    assert_true(isinf(text.samples[5].value) && text.samples[5].value < 0);
    assert_true(text.samples[6].value == 0.001);
    prometheus_text_deinit(&text);
}

static void says_where_it_is_no_such_text(void **state)
{
    static const struct {
        const char *text;
        int line, column;
    } cases[] = {
        {"a 1\n<html>\n", 2, 1},    {"a\n", 1, 2},           {"a{b=\"1\"\n", 1, 8},
        {"a{b=\"1} 2\n", 1, 5},     {"a{b=1} 2\n", 1, 5},    {"a{b 2}\n", 1, 5},
        {"a{=\"1\"} 2\n", 1, 3},    {"a b\n", 1, 3},         {"a 0x10\n", 1, 3},
        {"a 1 b\n", 1, 5},          {"a 1 2 3\n", 1, 7},     {"a 1 NaN\n", 1, 8},
        {"1a 2\n", 1, 1},           {"a-b 1\n", 1, 2},       {"\n\n# TYPE a gouge\n", 3, 10},
        {"# TYPE 1 gauge\n", 1, 8}, {"{b=\"c\"} 1\n", 1, 1}, {"a{\"b\"} 1\n", 1, 6},
        {"a 1,5\n", 1, 3},          {"a infinite\n", 1, 3},  {"{\"a\n", 1, 2},
        {"a{b=\"\\\"} 1\n", 1, 5},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct prometheus_text text;
        struct error err = {0};
        int rc = prometheus_text_read(cases[i].text, strlen(cases[i].text), "m", &text, &err);
        if (rc != -ERROR_INPUT || err.line != cases[i].line || err.column != cases[i].column)
            fail_msg("%s: %d at %d:%d: %s", cases[i].text, rc, err.line, err.column, err.message);
        assert_string_equal(err.file, "m");
        assert_int_equal(
            prometheus_text_read(cases[i].text, strlen(cases[i].text), "m", &text, NULL),
            -ERROR_INPUT);
    }
    struct prometheus_text text;
    struct error err = {0};
    assert_int_equal(prometheus_text_read("a\0b 1\n", 6, "m", &text, &err), -ERROR_INPUT);
    assert_int_equal(err.column, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_documented_example),
        cmocka_unit_test(tolerates_what_others_write),
        cmocka_unit_test(says_where_it_is_no_such_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
