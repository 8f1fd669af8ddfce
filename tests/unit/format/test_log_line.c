/* test_log_line.c: times, levels, numbers and templates of the lines of many loggers. */
#include "test_tree.h"

#include <math.h>
#include <stdio.h>

#include "base/util.h"
#include "format/log_line.h"

static struct log_line parse(const char *text)
{
    struct log_line line;
    log_line_parse(text, strlen(text), &line);
    return line;
}

static void assert_text(struct log_text text, const char *want)
{
    char got[256];
    snprintf(got, sizeof(got), "%.*s", (int)text.size, text.at);
    assert_string_equal(got, want);
}

/* date -u -d … +%s */
static void heads(void **state)
{
    static const struct {
        const char *text, *message;
        double s; /* NaN: no time */
        enum log_level level;
    } cases[] = {
        {"2026-11-20 08:15:24.012 [PERF] Frame 0001: E2E: 25.5ms", "[PERF] Frame 0001: E2E: 25.5ms",
         1795162524.012, LOG_LEVEL_NONE},
        {"2026-11-20 08:15:24.012 [WARN] hot", "hot", 1795162524.012, LOG_LEVEL_WARNING},
        {"2026-11-20 08:15:24,012 - recorder - ERROR - lost", "lost", 1795162524.012,
         LOG_LEVEL_ERROR},
        {"[2026-11-20T08:15:24Z] warning: low", "low", 1795162524, LOG_LEVEL_WARNING},
        {"2026-11-20 08:15:24.012  INFO 1234 --- [main] c.e.Foo : up",
         "1234 --- [main] c.e.Foo : up", 1795162524.012, LOG_LEVEL_INFO},
        {"ERROR:root:no such file", "root:no such file", NAN, LOG_LEVEL_ERROR},
        {"[ERROR] [1795162524.5] [camera]: no frame", "[camera]: no frame", 1795162524.5,
         LOG_LEVEL_ERROR},
        {"INFO 2026-11-20 08:15:24 ready", "ready", 1795162524, LOG_LEVEL_INFO},
        {"time=\"2026-11-20T08:15:24Z\" level=error msg=\"no\"", "msg=\"no\"", 1795162524,
         LOG_LEVEL_ERROR},
        {"time=2026-11-20T08:15:24Z level=info queue=3", "queue=3", 1795162524, LOG_LEVEL_INFO},
        {"E1120 08:15:24.012345  1234 file.cc:12] bad", "bad", 27936924.012345, LOG_LEVEL_ERROR},
        {"11-20 08:15:24.012  1234  5678 W Camera: slow", "Camera: slow", 27936924.012,
         LOG_LEVEL_WARNING},
        {"02-28 00:00:00.000  1  2 I T: x", "T: x", 5011200, LOG_LEVEL_INFO},
        {"<3>Nov 20 08:15:24 host prog[12]: failed", "failed", 27936924, LOG_LEVEL_ERROR},
        {"Nov 20 08:15:24 host kernel: [  71.300000] oops", "oops", 27936924, LOG_LEVEL_NONE},
        {"<34>1 2026-11-20T08:15:24Z host app - - - text", "host app - - - text", 1795162524,
         LOG_LEVEL_FATAL},
        {"[   71.30][ T9694] text", "text", 71.3, LOG_LEVEL_NONE},
        {"4,1234,98765432,-;text", "text", 98.765432, LOG_LEVEL_WARNING},
        {"[Fri Nov 20 08:15:24 2026] text", "text", 1795162524, LOG_LEVEL_NONE},
        {"[\xe4\xba\x94 5\xe6\x9c\x88 15 17:19:17 2026] text", "text", 1778865557, LOG_LEVEL_NONE},
        {"[\xeb\xaa\xa9 11\xec\x9b\x94 20 08:15:24 2026] text", "text", 1795162524, LOG_LEVEL_NONE},
        {"[ven. novembre 20 08:15:24 2026] text", "text", 1795162524, LOG_LEVEL_NONE},
        {"1795162524.25 text", "text", 1795162524.25, LOG_LEVEL_NONE},
        /* These are no times, and no levels. */
        {"12 frames done", "12 frames done", NAN, LOG_LEVEL_NONE},
        {"[12] worker", "[12] worker", NAN, LOG_LEVEL_NONE},
        {"1795162524ms", "1795162524ms", NAN, LOG_LEVEL_NONE},
        {"no error was found", "no error was found", NAN, LOG_LEVEL_NONE},
        {"3 errors", "3 errors", NAN, LOG_LEVEL_NONE},
        {"Traceback (most recent call last):", "Traceback (most recent call last):", NAN,
         LOG_LEVEL_ERROR},
        {"", "", NAN, LOG_LEVEL_NONE},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct log_line line = parse(cases[i].text);
        print_message("%s\n", cases[i].text);
        assert_int_equal(isnan(line.time.s), isnan(cases[i].s));
        if (!isnan(cases[i].s))
            assert_true(fabs(line.time.s - cases[i].s) < 1e-5);
        assert_string_equal(log_level_name(line.level), log_level_name(cases[i].level));
        assert_text(line.message, cases[i].message);
    }
}

struct found {
    char text[1024];
};

static void add(void *context, const struct log_number *number)
{
    struct found *found = context;
    size_t size = strlen(found->text);
    snprintf(found->text + size, sizeof(found->text) - size, "%.*s%s%.*s|%g|%.*s|%.9g;",
             (int)number->outer.size, number->outer.at ? number->outer.at : "",
             number->outer.size > 0 ? "." : "", (int)number->label.size, number->label.at,
             number->value, (int)number->unit.size, number->unit.at ? number->unit.at : "",
             number->ms);
}

static void assert_numbers(const char *text, const char *want)
{
    struct found found = {.text = ""};
    struct log_line line = parse(text);
    print_message("%s\n", text);
    log_line_numbers(text, strlen(text), &line, add, &found);
    assert_string_equal(found.text, want);
}

static void latencies(void **state)
{
    assert_numbers("2026-11-20 08:15:24.012 [PERF] Frame 0001: Inference latency: 45.2ms, "
                   "E2E latency: 78.3ms",
                   "Frame|1||nan;Inference latency|45.2|ms|45.2;E2E latency|78.3|ms|78.3;");
    assert_numbers("[12.5] Frame 7: E2E: 25.5ms", "Frame|7||nan;E2E|25.5|ms|25.5;");
    assert_numbers("took 12 ms", "took|12|ms|12;");
    assert_numbers("Request took 1.5s", "took|1.5|s|1500;");
    assert_numbers("Processed batch in 340 us", "batch in|340|us|0.34;");
    assert_numbers("wait 5\xc2\xb5s, 6\xce\xbcs", "wait|5|\xc2\xb5s|0.005;");
    assert_numbers("latency_ms=12.3 duration=1.2s wait_ns=1500 step_us=7",
                   "latency_ms|12.3|ms|12.3;duration|1.2|s|1200;wait_ns|1500|ns|0.0015;"
                   "step_us|7|us|0.007;");
    assert_numbers("latencyMs: 4", "latencyMs|4|Ms|4;");
    assert_numbers("latency (ms): 12.5", "latency|12.5|ms|12.5;");
    assert_numbers("elapsed = 2 min", "elapsed|2|min|120000;");
    assert_numbers("[12.3ms] GET /index", "|12.3|ms|12.3;");
    assert_numbers("latency: 3.5ms/frame", "latency|3.5|ms|3.5;");
    assert_numbers("latency: -5ms", "latency|-5|ms|-5;");
    /* A rate and a point in time are no durations. */
    assert_numbers("tokens_per_s=35 timestamp_ms=1795162524000",
                   "tokens_per_s|35||nan;timestamp_ms|1.79516e+12||nan;");
}

static void other_numbers(void **state)
{
    assert_numbers("queue size: 48", "queue size|48||nan;");
    assert_numbers("\xeb\xa9\x94\xec\x8b\x9c\xec\xa7\x80 \xed\x81\x90 \xed\x81\xac\xea\xb8\xb0: 48",
                   "\xeb\xa9\x94\xec\x8b\x9c\xec\xa7\x80 \xed\x81\x90 "
                   "\xed\x81\xac\xea\xb8\xb0|48||nan;");
    assert_numbers("\xec\x8b\xa4\xed\x96\x89 \xec\x8b\x9c\xea\xb0\x84: 35.9\xec\xb4\x88",
                   "\xec\x8b\xa4\xed\x96\x89 \xec\x8b\x9c\xea\xb0\x84|35.9|\xec\xb4\x88|35900;");
    assert_numbers("FPS: 12.1", "FPS|12.1||nan;");
    assert_numbers("GPU load: 45%, RAM: 512/1024MB", "GPU load|45|%|nan;RAM|512||nan;");
    assert_numbers("used 48 MB: ok, mem: 48 MB", "mem|48|MB|nan;");
    assert_numbers("received=2400 dropped=4 FPS: 10.0",
                   "received|2400||nan;dropped|4||nan;FPS|10||nan;");
    assert_numbers("loss = -0.5e-3", "loss|-0.0005||nan;");
    assert_numbers("x=nan, y: inf, z=nancy", "x|nan||nan;y|inf||nan;");
    /* What only looks like one. */
    assert_numbers("connected to 10.0.0.1:8080 at 08:15:24 on 2026-11-20", "");
    assert_numbers("version: 1.2.3, id=0x1f, part: a1, n: 1,234", "");
    assert_numbers("code E2E yolov8n 12ab", "");
    assert_numbers("x=.5, y=.5e999", ""); /* too big a one, too */
}

static void json(void **state)
{
    assert_numbers("{\"ts\": 1795162524.5, \"level\": \"error\", \"latency_ms\": 12.3, \"pid\": 7, "
                   "\"gpu\": {\"util\": 45, \"deep\": {\"x\": 1}}, \"list\": [1, 2], "
                   "\"wait\": \"1.5s\", \"msg\": \"took 8 ms\", \"ok\": true}",
                   "latency_ms|12.3|ms|12.3;gpu.util|45||nan;wait|1.5|s|1500;took|8|ms|8;");
    struct log_line line = parse("{\"time\":\"2026-11-20T08:15:24Z\",\"level\":50,\"msg\":\"no\"}");
    assert_true(line.time.s == 1795162524 && line.is_json);
    assert_int_equal(line.level, LOG_LEVEL_ERROR);
    assert_text(line.message, "no");
    line = parse("{\"__REALTIME_TIMESTAMP\":\"1795162524000000\",\"PRIORITY\":\"4\","
                 "\"MESSAGE\":\"hot\"}");
    assert_true(line.time.s == 1795162524);
    assert_int_equal(line.level, LOG_LEVEL_WARNING);
    assert_text(line.message, "hot");
    /* Cut off: what stands before the cut is not taken for a whole object. */
    assert_false(parse("{\"latency_ms\": 12.3, \"gpu").is_json);
    assert_numbers("{\"latency_ms\": NaN}", "latency_ms|nan|ms|nan;");
}

static void assert_template(const char *text, const char *want)
{
    char buf[LOG_TEMPLATE_MAX + 1];
    buf[log_line_template(text, strlen(text), buf)] = '\0';
    assert_string_equal(buf, want);
}

static void templates(void **state)
{
    assert_template("Frame 0012 dropped after 3.5ms", "Frame <n> dropped after <n>ms");
    assert_template("cannot open /dev/video0: 'No such file'", "cannot open <path>: <text>");
    assert_template("id 0x1f2e, key 9f86d081, at 10.0.0.1:80", "id <hex>, key <hex>, at <n>:<n>");
    assert_template("E2E of cam12 isn't good", "E2E of cam<n> isn't good");
    assert_template("temperature -5 C", "temperature <n> C");
    char text[2 * LOG_TEMPLATE_MAX + 1], buf[LOG_TEMPLATE_MAX];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = "\xed\x81\x90"[i % 3]; /* three bytes each: 160 is no multiple */
    assert_int_equal(log_line_template(text, sizeof(text) - 3, buf), 159);
}

static void colours(void **state)
{
    static const char text[] = "\033[1;31mERROR\033[0m: no\033";
    char buf[sizeof(text)];
    size_t size = log_line_strip_colours(text, sizeof(text) - 1, buf);
    buf[size] = '\0';
    assert_string_equal(buf, "ERROR: no\033");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads), cmocka_unit_test(latencies), cmocka_unit_test(other_numbers),
        cmocka_unit_test(json),  cmocka_unit_test(templates), cmocka_unit_test(colours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
