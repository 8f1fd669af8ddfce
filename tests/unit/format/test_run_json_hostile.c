/* test_run_json_hostile.c: JSON that nobody should have written: a clear error, never a crash. */
#include "sample_run.h"

#include "stats/stats.h"

static struct run_sink *fresh_run(void *context)
{
    struct run *run = context;
    run_deinit(run);
    run_init(run);
    return run_sink_of(run);
}

static int read_text(const char *text, size_t size, struct error *err)
{
    struct run run;
    run_init(&run);
    int rc = run_json_read(text, size, "bad.json", fresh_run, &run, err);
    run_deinit(&run);
    return rc;
}

#define HEAD "{\"schema\":\"tacho.run/1\",\"id\":\"a\","
#define SERIES(...) HEAD "\"series\":[{" __VA_ARGS__ "}]}"
#define UNIT_SERIES "\"id\":0,\"metric\":\"wall_ms\",\"unit\":\"ms\",\"kind\":\"unit\","

static void refused_documents(void **state)
{
    static const struct {
        const char *text;
        int code;
        const char *says;
    } rows[] = {
        {"", ERROR_INPUT, "not valid JSON"},
        {"[]", ERROR_INPUT, "no object"},
        {"{}", ERROR_INPUT, "\"schema\""},
        {"{\"schema\":1}", ERROR_INPUT, "must be text"},
        {"{\"schema\":\"tacho.findings/1\"}", ERROR_INPUT, "tacho.findings/1"},
        {"{\"schema\":\"tacho.run/2\",\"id\":\"a\",\"series\":[]}", ERROR_VERSION, "tacho.run/2"},
        {"{\"schema\":\"tacho.runs/9\",\"runs\":[]}", ERROR_VERSION, "tacho.runs/9"},
        {"{\"schema\":\"tacho.runs/1\",\"runs\":[3]}", ERROR_INPUT, "object"},
        {"{\"schema\":\"tacho.runs/1\",\"runs\":{}}", ERROR_INPUT, "must be an array"},
        {HEAD "\"label\":\"x\"}", ERROR_INPUT, "holds no samples"},
        {HEAD "\"id\":\"b\",\"series\":[]}", ERROR_INPUT, "duplicate"},
        {"{\"schema\":\"tacho.run/1\",\"series\":[]}", ERROR_INPUT, "\"id\""},
        {"{\"schema\":\"tacho.run/1\",\"id\":\"../x\",\"series\":[]}", ERROR_INPUT, "\"id\""},
        {"{\"schema\":\"tacho.run/1\",\"id\":\"-rf\",\"series\":[]}", ERROR_INPUT, "\"id\""},
        {HEAD "\"label\":[],\"series\":[]}", ERROR_INPUT, "\"label\" must be text"},
        {HEAD "\"state\":\"fine\",\"series\":[]}", ERROR_INPUT, "cannot be \"fine\""},
        {HEAD "\"duration_s\":1e30,\"series\":[]}", ERROR_INPUT, "must be seconds"},
        {HEAD "\"environment\":{\"a\":{}},\"series\":[]}", ERROR_INPUT, "must not be an object"},
        {HEAD "\"workload\":{\"a\":[1]},\"series\":[]}", ERROR_INPUT, "list of texts"},
        {HEAD "\"invocations\":[7],\"series\":[]}", ERROR_INPUT, "invocations[0]"},
        {HEAD "\"invocations\":[{\"index\":-1}],\"series\":[]}", ERROR_INPUT, "\"index\""},
        {HEAD "\"invocations\":[{\"index\":0,\"outcome\":\"odd\"}],\"series\":[]}", ERROR_INPUT,
         "\"odd\""},
        {HEAD "\"phase_list\":[{\"phase\":\"odd\"}],\"series\":[]}", ERROR_INPUT, "phase_list[0]"},
        {HEAD "\"findings\":[{\"interval\":[1]}],\"series\":[]}", ERROR_INPUT, "interval"},
        {HEAD "\"findings\":[{\"n\":1.5}],\"series\":[]}", ERROR_INPUT, "whole number"},
        {SERIES("\"id\":0"), ERROR_INPUT, "\"kind\""},
        {SERIES("\"id\":0,\"kind\":\"unit\",\"metric\":\"\""), ERROR_INPUT, "\"metric\""},
        {SERIES("\"id\":0,\"kind\":\"unit\",\"metric\":\"wall_ms\",\"unit\":\"s\""), ERROR_INPUT,
         "wall_ms is in \"ms\" here"},
        {SERIES("\"id\":9999999,\"kind\":\"unit\",\"metric\":\"m\""), ERROR_INPUT, "\"id\""},
        {SERIES(UNIT_SERIES "\"values\":[1],\"invocation\":[0]"), ERROR_INPUT, "equally long"},
        {SERIES(UNIT_SERIES "\"values\":[1],\"invocation\":[],\"unit_index\":[0]"), ERROR_INPUT,
         "equally long"},
        {SERIES(UNIT_SERIES "\"values\":[null],\"invocation\":[0],\"unit_index\":[0]"), ERROR_INPUT,
         "values[0]"},
        {SERIES(UNIT_SERIES "\"values\":[-1],\"invocation\":[0],\"unit_index\":[0]"), ERROR_INPUT,
         "no duration"},
        {SERIES(UNIT_SERIES "\"values\":[1],\"invocation\":[-1],\"unit_index\":[0]"), ERROR_INPUT,
         "invocation[0]"},
        {SERIES(UNIT_SERIES "\"values\":[1],\"invocation\":[0],\"unit_index\":[0],"
                            "\"t_s\":[\"x\"]"),
         ERROR_INPUT, "t_s[0]"},
        {HEAD "\"series\":[{" UNIT_SERIES "\"values\":[]},{" UNIT_SERIES "\"values\":[]}]}",
         ERROR_INPUT, "appears twice"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct error err = {0};
        int rc = read_text(rows[i].text, strlen(rows[i].text), &err);
        if (rc != -rows[i].code || !strstr(err.message, rows[i].says))
            fail_msg("%s\n: code %d, \"%s\"", rows[i].text, rc, err.message);
        assert_string_equal(err.file, "bad.json");
    }
}

static void broken_json_names_its_place(void **state)
{
    struct error err = {0};
    const char text[] = "{\"schema\":\"tacho.run/1\",\n  \"id\": nope}";
    assert_int_equal(read_text(text, strlen(text), &err), -ERROR_INPUT);
    assert_int_equal(err.line, 2);
    assert_true(err.column > 0);
}

static void nesting_is_limited(void **state)
{
    struct error err = {0};
    struct strbuf text = {0};
    strbuf_append(&text, "{\"x\":\"[[{\\\"[\",\n\"a\":");
    strbuf_repeat(&text, '[', 100000);
    assert_int_equal(read_text(text.data, text.len, &err), -ERROR_INPUT);
    assert_non_null(strstr(err.message, "nested deeper"));
    assert_int_equal(err.line, 2);
    assert_int_equal(err.column, 4 + 64);
    strbuf_deinit(&text);
}

static void many_phases_are_limited(void **state)
{
    struct error err = {0};
    struct strbuf text = {0};
    strbuf_append(&text, HEAD "\"series\":[],\"phase_list\":[{}");
    for (int i = 0; i < 1001; i++)
        strbuf_append(&text, ",{}");
    strbuf_append(&text, "]}");
    assert_int_equal(read_text(text.data, text.len, &err), -ERROR_INPUT);
    assert_non_null(strstr(err.message, "phases"));
    strbuf_deinit(&text);
}

static void unknown_metric_keeps_its_unit(void **state)
{
    const char text[] = SERIES("\"id\":0,\"kind\":\"value\",\"metric\":\"queue_depth\","
                               "\"unit\":\"frames\",\"direction\":\"lower\",\"new key\":{},"
                               "\"values\":[3,null],\"invocation\":[0,0]");
    struct run run;
    struct error err = {0};
    run_init(&run);
    assert_int_equal(run_json_read(text, strlen(text), NULL, fresh_run, &run, &err), 0);
    const struct run_series *series = run_find_series(&run, "queue_depth", NULL);
    assert_non_null(series);
    assert_string_equal(series->series.metric->unit, "frames");
    assert_int_equal(series->series.metric->direction, DIRECTION_LOWER);
    assert_int_equal(series->count, 2);
    assert_true(isnan(series->samples[1].value));
    run_deinit(&run);
}

/* A document that ends early is never taken for a whole one. */
static void every_prefix_is_refused(void **state)
{
    char *text = sample_run_text();
    size_t length = strlen(text) - 2; /* without the last brace and newline */
    for (size_t n = 0; n <= length; n++) {
        struct error err = {0};
        assert_true(read_text(text, n, &err) < 0);
    }
    free(text);
}

static void mutations_never_crash(void **state)
{
    char *text = sample_run_text();
    size_t length = strlen(text);
    uint64_t seed = 7;
    static const char bytes[] = "0-9.eE\"\\{}[],:nul \xff";
    for (int round = 0; round < 3000; round++) {
        struct error err = {0};
        size_t where = random_next(&seed) % length;
        char before = text[where];
        text[where] = bytes[random_next(&seed) % (sizeof(bytes) - 1)];
        int rc = read_text(text, length, &err);
        assert_true(rc == 0 || (rc < 0 && err.message[0] && err.code == -rc));
        text[where] = before;
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_documents),
        cmocka_unit_test(broken_json_names_its_place),
        cmocka_unit_test(nesting_is_limited),
        cmocka_unit_test(many_phases_are_limited),
        cmocka_unit_test(unknown_metric_keeps_its_unit),
        cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(mutations_never_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
