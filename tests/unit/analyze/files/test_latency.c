/* test_latency.c: what the order of the rows tells, and which interval a missed deadline has. */
#include "file_analysis.h"
#include "near.h"

#include "stats/stats.h"

extern const struct file_analyzer file_analyzer_latency;

/* Normal noise, as near as twelve uniform ones come to it. */
static double noise(uint64_t *state)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += random_uniform(state);
    return sum;
}

typedef double (*series)(size_t i, size_t n, uint64_t *state);

static void analyze_series(struct file_analysis *test, series value, size_t n)
{
    uint64_t state = 7;
    struct strbuf text = {0};
    strbuf_append(&text, "latency_ms\n");
    for (size_t i = 0; i < n; i++)
        strbuf_printf(&text, "%.4f\n", value(i, n, &state));
    file_analysis_add(test, "a.csv", strbuf_get(&text));
    strbuf_deinit(&text);
    assert_int_equal(file_analyzer_latency.files(&test->options, &test->analysis, &test->err), 0);
}

/* ---- level ---- */

static double steady(size_t i, size_t n, uint64_t *state)
{
    return 20 + noise(state);
}

static size_t rise_at; /* percent */

static double rise(size_t i, size_t n, uint64_t *state)
{
    return (100 * i < rise_at * n ? 20 : 30) + noise(state);
}

static double ramp(size_t i, size_t n, uint64_t *state)
{
    return 20 + 10 * (double)i / (double)n + noise(state);
}

static double comes_and_goes(size_t i, size_t n, uint64_t *state)
{
    return (i > 2 * n / 5 && i < 7 * n / 10 ? 30 : 20) + noise(state);
}

static double mixed(size_t i, size_t n, uint64_t *state)
{
    return (random_uniform(state) < 0.4 ? 30 : 20) + noise(state);
}

static void a_rise_is_told_wherever_it_is(void **state)
{
    static const size_t places[] = {10, 25, 40, 50, 60, 75, 90};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        CLEANUP(file_analysis_deinit) struct file_analysis test;
        file_analysis_init(&test);
        rise_at = places[i];
        analyze_series(&test, rise, 5000);
        const struct finding *finding = file_analysis_finding(&test, "level_change");
        assert_non_null(finding);
        ASSERT_NEAR(finding->value, 10, 0.5);
        assert_true(finding->has_interval && finding->lo < 10.1 && finding->hi > 9.9);
        assert_int_equal(finding->severity, SEVERITY_WARNING);
        assert_null(file_analysis_finding(&test, "latency_trend"));
        assert_null(file_analysis_finding(&test, "warmup_in_file"));
        /* Two kinds of values there are, but no two kinds of work. */
        finding = file_analysis_finding(&test, "two_modes");
        assert_true(!finding || strstr(finding->advice, "apart in time"));
    }
}

static void a_ramp_is_a_trend(void **state)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    analyze_series(&test, ramp, 5000);
    assert_non_null(file_analysis_finding(&test, "latency_trend"));
    assert_null(file_analysis_finding(&test, "level_change"));
}

static void what_comes_and_goes_is_no_change_of_level(void **state)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    analyze_series(&test, comes_and_goes, 5000);
    assert_null(file_analysis_finding(&test, "level_change"));
    assert_non_null(strstr(file_analysis_finding(&test, "two_modes")->advice, "apart in time"));
}

static void mixed_kinds_of_work_are_no_matter_of_time(void **state)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    analyze_series(&test, mixed, 5000);
    assert_null(file_analysis_finding(&test, "level_change"));
    const struct finding *finding = file_analysis_finding(&test, "two_modes");
    assert_non_null(finding);
    assert_non_null(strstr(finding->advice, "--group-by (input"));
    assert_null(strstr(finding->advice, "apart in time"));
}

/* ---- warm-up ---- */

static double spikes(size_t i, size_t n, uint64_t *state)
{
    return (i % 100 == 0 ? 50 : 10) + 0.3 * noise(state);
}

static double triple_spikes(size_t i, size_t n, uint64_t *state)
{
    return (i % 400 < 3 ? 50 : 10) + 0.3 * noise(state);
}

static double slow_first(size_t i, size_t n, uint64_t *state)
{
    return (i == 0 ? 50 : 10) + 0.3 * noise(state);
}

static double slow_start(size_t i, size_t n, uint64_t *state)
{
    return (i < 20 ? 50 : 10) + 0.3 * noise(state);
}

static void what_returns_is_no_warmup(void **state)
{
    static const series like[] = {spikes, triple_spikes};
    for (size_t i = 0; i < ARRAY_LEN(like); i++) {
        CLEANUP(file_analysis_deinit) struct file_analysis test;
        file_analysis_init(&test);
        analyze_series(&test, like[i], 6000);
        assert_null(file_analysis_finding(&test, "warmup_in_file"));
        assert_null(file_analysis_finding(&test, "level_change"));
    }
}

static void a_start_that_is_slower_is(void **state)
{
    static const struct {
        series value;
        const char *says;
    } cases[] = {{slow_first, "the first row took "}, {slow_start, "the first 20 rows took "}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(file_analysis_deinit) struct file_analysis test;
        file_analysis_init(&test);
        analyze_series(&test, cases[i].value, 6000);
        const struct finding *finding = file_analysis_finding(&test, "warmup_in_file");
        assert_non_null(finding);
        assert_non_null(strstr(finding->sentence, cases[i].says));
    }
}

static void one_value_is_singular(void **state)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    analyze_series(&test, steady, 1);
    const char *sentence = file_analysis_finding(&test, "few_samples")->sentence;
    assert_non_null(strstr(sentence, "1 value is few for"));
}

/* ---- windows ---- */

static double bad_stretch(size_t i, size_t n, uint64_t *state)
{
    return (i >= n / 2 && i < n / 2 + 50 ? 26 : 20) + noise(state);
}

static void the_worst_window_has_an_interval(void **state)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    analyze_series(&test, bad_stretch, 2000);
    const struct finding *finding = file_analysis_finding(&test, "worst_window");
    assert_non_null(finding);
    assert_true(finding->has_interval);
    assert_true(finding->lo > 23 && finding->lo < finding->value);
    assert_true(finding->hi < 29 && finding->hi > finding->value);
    assert_non_null(strstr(finding->sentence, "95 % interval"));
}

/* ---- deadline ---- */

static double slow_noise(size_t i, size_t n, uint64_t *state)
{
    static double level;
    level = i == 0 ? 0 : 0.98 * level + 0.2 * noise(state);
    return 20 + level;
}

static struct finding misses_of(series value, double deadline_ms)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    test.options.deadline_ms = deadline_ms;
    analyze_series(&test, value, 3000);
    const struct finding *finding = file_analysis_finding(&test, "deadline_missed");
    assert_non_null(finding);
    return *finding;
}

/* Answers that are all the same depend on nothing, however much the latencies do. */
static void no_miss_at_all_is_no_proof_of_independence(void **state)
{
    struct finding none = misses_of(slow_noise, 60), all = misses_of(slow_noise, 1);
    ASSERT_NEAR(none.value, 0, 0);
    assert_true(none.hi > 2); /* some fifty independent values; as 3000 it would be 0.12 */
    ASSERT_NEAR(all.value, 100, 0);
    assert_true(all.lo < 98);
    struct finding independent = misses_of(steady, 60);
    assert_true(independent.hi < 0.2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rise_is_told_wherever_it_is),
        cmocka_unit_test(a_ramp_is_a_trend),
        cmocka_unit_test(what_comes_and_goes_is_no_change_of_level),
        cmocka_unit_test(mixed_kinds_of_work_are_no_matter_of_time),
        cmocka_unit_test(what_returns_is_no_warmup),
        cmocka_unit_test(a_start_that_is_slower_is),
        cmocka_unit_test(one_value_is_singular),
        cmocka_unit_test(the_worst_window_has_an_interval),
        cmocka_unit_test(no_miss_at_all_is_no_proof_of_independence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
