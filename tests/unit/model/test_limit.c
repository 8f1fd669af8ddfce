/* The grammar of limits. */
#include "model_support.h"

#include "model/limit.h"

static const struct metric own[] = {
    {.name = "fps", .unit = "1/s", .limit_stat = "mean", .scale = 1, .kind = METRIC_VALUE},
    {.name = "loss", .unit = "", .scale = 1, .kind = METRIC_VALUE},
    {.name = "write_time", .unit = "ms", .limit_stat = "p99", .scale = 1, .kind = METRIC_VALUE},
};

static void what_is_understood(void **state)
{
    static const struct {
        const char *text, *name, *formatted;
        double bound;
        enum limit_op op;
    } rows[] = {
        {"p99(wall_ms)<=250", "p99(wall_ms)<=250", "p99(wall_ms) <= 250 ms", 250, LIMIT_LE},
        {" p99 ( wall_ms ) <= 250 ms ", "p99(wall_ms)<=250ms", "p99(wall_ms) <= 250 ms", 250,
         LIMIT_LE},
        {"wall_ms<0.25s", "wall_ms<0.25s", "p99(wall_ms) < 250 ms", 250, LIMIT_LT},
        {"p99_9(latency_ms)<=1500us", "p99_9(latency_ms)<=1500us", "p99.9(latency_ms) <= 1.5 ms",
         1.5, LIMIT_LE},
        {"time_ms<=1 min", "time_ms<=1min", "p99(wall_ms) <= 60000 ms", 60000, LIMIT_LE},
        {"thermal: max(temp_c@cpu-thermal) < 85 C", "thermal",
         "max(temp_c@cpu-thermal) < 85 \u00b0C", 85, LIMIT_LT},
        {"gpu:temp_c@0000:01:00.0<=80", "gpu", "max(temp_c@0000:01:00.0) <= 80 \u00b0C", 80,
         LIMIT_LE},
        {"max(temp_c@0000:01:00.0)<=80", "max(temp_c@0000:01:00.0)<=80",
         "max(temp_c@0000:01:00.0) <= 80 \u00b0C", 80, LIMIT_LE},
        {"throughput_per_s>=30", "throughput_per_s>=30", "mean(throughput_per_s) >= 30 1/s", 30,
         LIMIT_GE},
        {"power_w<=7500mW", "power_w<=7500mW", "mean(power_w) <= 7.5 W", 7.5, LIMIT_LE},
        {"peak_rss_mb<=1.5G", "peak_rss_mb<=1.5G", "max(peak_rss_mb) <= 1536 MB", 1536, LIMIT_LE},
        {"peak_rss_mb<=524288 KiB", "peak_rss_mb<=524288KiB", "max(peak_rss_mb) <= 512 MB", 512,
         LIMIT_LE},
        {"median(ipc)>.8", "median(ipc)>.8", "median(ipc) > 0.8", 0.8, LIMIT_GT},
        {"std(wall_ms)<=1e1", "std(wall_ms)<=1e1", "std(wall_ms) <= 10 ms", 10, LIMIT_LE},
        {"fps>=30 fps", "fps>=30fps", "mean(fps) >= 30 1/s", 30, LIMIT_GE},
        {"loss<=-0.5", "loss<=-0.5", "mean(loss) <= -0.5", -0.5, LIMIT_LE},
        {"write_time<=2s", "write_time<=2s", "p99(write_time) <= 2000 ms", 2000, LIMIT_LE},
        {"min(cpu_mhz)>=1.5GHz", "min(cpu_mhz)>=1.5GHz", "min(cpu_mhz) >= 1500 MHz", 1500,
         LIMIT_GE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct limit limit;
        struct error err = {0};
        char buf[128];
        int rc = limit_parse(rows[i].text, "--limit", own, ARRAY_LEN(own), &limit, &err);
        if (rc < 0)
            fail_msg("%s: %s", rows[i].text, err.message);
        assert_string_equal(limit.name, rows[i].name);
        assert_string_equal(limit_format(&limit, buf, sizeof(buf)), rows[i].formatted);
        assert_true(limit.bound == rows[i].bound);
        assert_int_equal(limit.op, rows[i].op);
        assert_string_equal(limit.origin, "--limit");
        assert_false(limit.waived);
    }
}

static void what_is_refused(void **state)
{
    static const struct {
        const char *text, *message, *hint;
    } rows[] = {
        {"", "empty", "STAT(METRIC)"},
        {"   ", "empty", "STAT(METRIC)"},
        {"p99(wal_ms)<=250", "no such metric: wal_ms", "wall_ms"},
        {"fpz>=3", "no such metric: fpz", "fps"},
        {"p999(wall_ms)<=250", "no such statistic: p999", "mean, median"},
        {"p0(wall_ms)<=250", "no such statistic: p0", "p0"},
        {"p100(wall_ms)<=250", "no such statistic", "p100"},
        {"avg(wall_ms)<=250", "no such statistic: avg", "mean"},
        {"p9x(wall_ms)<=250", "no such statistic", "mean"},
        {"p(wall_ms)<=250", "no such statistic", "mean"},
        {"p99(wall_ms<=250", "expected )", "STAT(METRIC)"},
        {"p99()<=250", "the metric is missing", "STAT(METRIC)"},
        {"p99(wall_ms)", "expected <=", "STAT(METRIC)"},
        {"p99(wall_ms)=250", "= alone", "STAT(METRIC)"},
        {"p99(wall_ms)<=", "the number is missing", "STAT(METRIC)"},
        {"p99(wall_ms)<=abc", "the number is missing", "STAT(METRIC)"},
        {"p99(wall_ms)<=-", "the number is missing", "STAT(METRIC)"},
        {"p99(wall_ms)<=1e999", "not a number", "STAT(METRIC)"},
        {"p99(wall_ms)<=nan", "the number is missing", "STAT(METRIC)"},
        {"p99(wall_ms)<=250 W", "does not convert", "STAT(METRIC)"},
        {"p99(wall_ms)<=250 ms extra", "the unit is longer", NULL},
        {"ipc>=1 ms", "bare number", "STAT(METRIC)"},
        {"cpu_total_pct<=80 W", "does not convert", "STAT(METRIC)"},
        {"temp_c@a)b<=80", "expected <=", "STAT(METRIC)"},
        {"max(temp_c@)<=80", "the instance is missing", "STAT(METRIC)"},
        {"wall_ms<=1e305 min", "too large", NULL},
        {":wall_ms<=3", "the metric is missing", "STAT(METRIC)"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct limit limit = {.name = "untouched"};
        struct error err = {0};
        int rc = limit_parse(rows[i].text, "profile.yaml:7:5", own, ARRAY_LEN(own), &limit, &err);
        if (rc != -ERROR_INPUT)
            fail_msg("%s was accepted", rows[i].text);
        if (!strstr(err.message, rows[i].message) && rows[i].hint)
            fail_msg("%s: \"%s\" does not say \"%s\"", rows[i].text, err.message, rows[i].message);
        if (rows[i].hint && !strstr(err.hint, rows[i].hint))
            fail_msg("%s: hint \"%s\" lacks \"%s\"", rows[i].text, err.hint, rows[i].hint);
        assert_non_null(strstr(err.message, "profile.yaml:7:5"));
        assert_string_equal(limit.name, "untouched");
    }
}

static void over_long_parts_are_refused_not_cut(void **state)
{
    char text[600];
    struct limit limit;
    memset(text, 'a', sizeof(text));
    strcpy(text + 300, "<=1");
    assert_int_equal(limit_parse(text, NULL, NULL, 0, &limit, NULL), -ERROR_INPUT);
    strcpy(text, "temp_c@");
    memset(text + 7, 'b', 100);
    strcpy(text + 107, "<=1");
    assert_int_equal(limit_parse(text, NULL, NULL, 0, &limit, NULL), -ERROR_INPUT);
}

static void samples_that_decide(void **state)
{
    static const struct {
        const char *text;
        uint64_t needed;
    } rows[] = {{"p99(wall_ms)<=1", 459}, {"p99.9(wall_ms)<=1", 4603}, {"p90(wall_ms)<=1", 44},
                {"p1(ipc)>=1", 459},      {"median(wall_ms)<=1", 7},   {"mean(power_w)<=1", 2},
                {"max(temp_c)<=80", 1},   {"std(wall_ms)<=1", 2}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct limit limit;
        assert_int_equal(limit_parse(rows[i].text, NULL, NULL, 0, &limit, NULL), 0);
        assert_int_equal(limit_samples_needed(&limit), rows[i].needed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_understood),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(over_long_parts_are_refused_not_cut),
        cmocka_unit_test(samples_that_decide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
