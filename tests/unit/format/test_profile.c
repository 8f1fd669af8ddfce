/* test_profile.c: the numbers of the built-in profiles, the keys, and which profile a name means.
 */
#include "test_tree.h"

#include <math.h>

#include "base/util.h"
#include "format/profile.h"

static int read_text(const char *text, struct profile *ret, struct error *err)
{
    return profile_read_text(text, strlen(text), "dir/night.yaml", NULL, 0, ret, err);
}

static void expect_limit(const struct profile *profile, const char *name, const char *bound)
{
    char text[256];
    for (size_t i = 0; i < profile->limit_count; i++)
        if (strcmp(profile->limits[i].name, name) == 0) {
            assert_string_equal(limit_format(&profile->limits[i], text, sizeof(text)), bound);
            return;
        }
    fail_msg("%s has no limit %s", profile->name, name);
}

/* ---- the built-in ones -------------------------------------------------------------------- */

struct expected {
    const char *name;
    size_t limits;
    const char *latency, *throughput, *power, *thermal, *memory; /* NULL: not limited */
    uint64_t warmup, units, runs, duration_s, interval_ms;
    double latency_target_ms, throughput_target_fps, headroom;
    size_t percentiles, batch_sizes;
    double last_percentile, last_batch_size;
    bool continuous;
    const char *last_collector, *last_tag;
};

static const struct expected builtin[] = {
    {"automotive_safety",
     5,
     "p99(latency_ms) <= 33.3 ms",
     "mean(throughput_per_s) >= 30 1/s",
     "mean(power_w) <= 50 W",
     "max(temp_c) <= 80 °C",
     "max(peak_tree_rss_mb) <= 5734.4 MB",
     50,
     1000,
     5,
     300,
     10,
     20,
     60,
     30,
     4,
     3,
     99.9,
     4,
     true,
     "nvml",
     "adas"},
    {"edge_max_perf",
     5,
     "p99(latency_ms) <= 100 ms",
     "mean(throughput_per_s) >= 60 1/s",
     "mean(power_w) <= 150 W",
     "max(temp_c) <= 85 °C",
     "max(peak_tree_rss_mb) <= 13926.4 MB",
     20,
     500,
     3,
     120,
     50,
     50,
     120,
     15,
     3,
     6,
     99,
     64,
     true,
     "tensorrt",
     "throughput-optimized"},
    {"edge_low_power",
     5,
     "p99(latency_ms) <= 200 ms",
     "mean(throughput_per_s) >= 15 1/s",
     "mean(power_w) <= 15 W",
     "max(temp_c) <= 70 °C",
     "max(peak_tree_rss_mb) <= 3072 MB",
     10,
     200,
     3,
     180,
     200,
     100,
     30,
     25,
     3,
     3,
     99,
     4,
     true,
     "psutil",
     "thermal-constrained"},
    {"ci_smoke",
     3,
     "p99(latency_ms) <= 500 ms",
     "mean(throughput_per_s) >= 5 1/s",
     NULL,
     "max(temp_c) <= 90 °C",
     NULL,
     5,
     50,
     1,
     10,
     500,
     100,
     30,
     10,
     2,
     2,
     99,
     4,
     false,
     "synthetic",
     "validation"},
};

static void expect_profile(const struct profile *profile, const struct expected *want)
{
    assert_string_equal(profile->name, want->name);
    assert_null(profile->path);
    assert_non_null(profile->description);
    assert_int_equal(profile->limit_count, want->limits);
    expect_limit(profile, "latency", want->latency);
    expect_limit(profile, "throughput", want->throughput);
    expect_limit(profile, "thermal", want->thermal);
    if (want->power)
        expect_limit(profile, "power", want->power);
    if (want->memory)
        expect_limit(profile, "memory", want->memory);
    assert_true(profile->has_warmup);
    assert_int_equal(profile->warmup_units, want->warmup);
    assert_int_equal(profile->units, want->units);
    assert_int_equal(profile->invocations, want->runs);
    assert_int_equal(profile->duration_ns, want->duration_s * 1000000000);
    assert_int_equal(profile->interval_ns, want->interval_ms * 1000000);
    assert_true(profile->latency_target_ms == want->latency_target_ms);
    assert_true(profile->throughput_target_fps == want->throughput_target_fps);
    assert_true(profile->memory_headroom_percent == want->headroom);
    assert_int_equal(profile->percentiles.count, want->percentiles);
    assert_true(profile->percentiles.items[0] == 50);
    assert_true(profile->percentiles.items[want->percentiles - 1] == want->last_percentile);
    assert_int_equal(profile->batch_sizes.count, want->batch_sizes);
    assert_true(profile->batch_sizes.items[0] == 1);
    assert_true(profile->batch_sizes.items[want->batch_sizes - 1] == want->last_batch_size);
    assert_true(profile->has_continuous_monitoring);
    assert_int_equal(profile->continuous_monitoring, want->continuous);
    assert_string_equal(profile->collectors.items[profile->collectors.count - 1],
                        want->last_collector);
    assert_string_equal(profile->tags.items[profile->tags.count - 1], want->last_tag);
    assert_true(profile->synthetic.count > 0 && profile->analysis.count > 0);
}

static void builtin_numbers(void **state)
{
    struct profile_list list;
    struct error err = {0};
    assert_int_equal(profile_list_read(NULL, &list, &err), 0);
    assert_int_equal(list.count, ARRAY_LEN(builtin) + 1);
    for (size_t i = 0; i < ARRAY_LEN(builtin); i++) {
        struct profile profile;
        assert_string_equal(list.entries[i].name, builtin[i].name);
        if (profile_load(builtin[i].name, "", "--profile", NULL, 0, &profile, &err) < 0)
            fail_msg("%s:%d: %s", err.file, err.line, err.message);
        expect_profile(&profile, &builtin[i]);
        profile_deinit(&profile);
    }
    profile_list_deinit(&list);
}

/* The one for tacho monitor: limits by expression alone. */
static void the_recorders_limits(void **state)
{
    struct profile profile;
    struct error err = {0};
    if (profile_load("recorder", "", "--profile", NULL, 0, &profile, &err) < 0)
        fail_msg("%s:%d: %s", err.file, err.line, err.message);
    assert_int_equal(profile.limit_count, 4);
    expect_limit(&profile, "memory_growth", "max(mem_growth_mb_per_min) < 100 MB/min");
    expect_limit(&profile, "queue", "max(pipeline_queue_depth) < 10");
    expect_limit(&profile, "drops", "max(pipeline_drops) <= 0");
    expect_limit(&profile, "write", "max(pipeline_write_ms) < 100 ms");
    assert_int_equal(profile.interval_ns, 5000000000);
    assert_int_equal(profile.units + profile.invocations + profile.duration_ns, 0);
    profile_deinit(&profile);
}

/* ---- keys --------------------------------------------------------------------------------- */

static void what_is_not_said_stays_unsaid(void **state)
{
    struct profile profile;
    struct error err = {0};
    assert_int_equal(read_text("limits: [wall_ms<=5]\n", &profile, &err), 0);
    assert_string_equal(profile.name, "night");
    assert_int_equal(profile.limit_count, 1);
    assert_null(profile.description);
    assert_false(profile.has_warmup || profile.has_continuous_monitoring);
    assert_int_equal(profile.units + profile.invocations + profile.duration_ns, 0);
    assert_true(isnan(profile.latency_target_ms) && isnan(profile.throughput_target_fps));
    assert_true(isnan(profile.memory_limit_mb) && isnan(profile.memory_headroom_percent));
    assert_int_equal(profile.percentiles.count + profile.batch_sizes.count, 0);
    assert_int_equal(profile.collectors.count + profile.tags.count, 0);
    assert_int_equal(profile.synthetic.count + profile.analysis.count, 0);
    profile_deinit(&profile);
}

static void details_keep_their_kind(void **state)
{
    struct profile profile;
    struct error err = {0};
    assert_int_equal(read_text("tags: [\"a\\eb\"]\n"
                               "synthetic: {pattern: burst, gpu_percent: 62.5}\n"
                               "analysis: {include_pareto_analysis: no}\n"
                               "memory_limit_mb: 100\n",
                               &profile, &err),
                     0);
    assert_string_equal(profile.tags.items[0], "a?b"); /* nothing steers the terminal */
    assert_int_equal(profile.synthetic.count, 2);
    assert_string_equal(profile.synthetic.items[0].text, "burst");
    assert_int_equal(profile.synthetic.items[0].kind, PROFILE_TEXT);
    assert_true(profile.synthetic.items[1].number == 62.5);
    assert_int_equal(profile.analysis.items[0].kind, PROFILE_BOOL);
    assert_false(profile.analysis.items[0].boolean);
    expect_limit(&profile, "memory", "max(peak_tree_rss_mb) <= 100 MB"); /* no headroom was said */
    profile_deinit(&profile);
}

/* The limit is about the share that keeps the deadline. */
static void a_share_of_misses_is_a_percentile(void **state)
{
    static const struct {
        const char *text, *bound;
    } rows[] = {
        {"deadline_ms: 33.3\nmax_missed_pct: 1\n", "p99(latency_ms) <= 33.3 ms"},
        {"max_missed_pct: 0.1\ndeadline_ms: 20\n", "p99.9(latency_ms) <= 20 ms"},
        {"deadline_ms: 20\nmax_missed_pct: 0\n", "max(latency_ms) <= 20 ms"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct profile profile;
        struct error err = {0};
        if (read_text(rows[i].text, &profile, &err) < 0)
            fail_msg("%s", err.message);
        expect_limit(&profile, "missed", rows[i].bound);
        profile_deinit(&profile);
    }
    struct profile profile;
    assert_int_equal(read_text("deadline_ms: 20\n", &profile, NULL), 0);
    assert_int_equal(profile.limit_count, 0);
    assert_true(profile.deadline_ms == 20 && isnan(profile.max_missed_pct));
    profile_deinit(&profile);
}

static void mistakes_have_a_place(void **state)
{
    static const struct {
        const char *text;
        int line, column;
        const char *says, *hint;
    } rows[] = {
        {"name: x\nlatency_taget_ms: 5\n", 2, 1, "'latency_taget_ms'", "latency_target_ms"},
        {"batch_sizes: [1,\n  two]\n", 2, 3, "a number", ""},
        {"batch_sizes: [1, 2.5]\n", 1, 18, "whole number", ""},
        {"batch_sizes: [0]\n", 1, 15, "whole number", ""},
        {"batch_sizes: 4\n", 1, 0, "batch_sizes: expected a list", ""},
        {"percentiles: [50, 101]\n", 1, 19, "percentile", ""},
        {"percentiles: [0]\n", 1, 15, "percentile", ""},
        {"collectors: psutil\n", 1, 0, "list of words", ""},
        {"tags: [a, [b]]\n", 1, 11, "text", ""},
        {"continuous_monitoring: perhaps\n", 1, 0, "true or false", ""},
        {"synthetic: 5\n", 1, 0, "mapping", ""},
        {"synthetic:\n  jiter_percent: 5\n", 2, 3, "'jiter_percent' in synthetic",
         "jitter_percent"},
        {"analysis:\n  zscore_threshold: high\n", 2, 0, "zscore_threshold", ""},
        {"analysis: {group_by: [a]}\n", 1, 0, "group_by: expected text", ""},
        {"throughput_target_fps: -1\n", 1, 0, "at least 0", ""},
        {"memory_limit_mb: 10\nmemory_headroom_percent: 100\n", 1, 0, "below 100", ""},
        {"max_missed_pct: 1\n", 1, 0, "needs deadline_ms", ""},
        {"deadline_ms: 5\nmax_missed_pct: 100\n", 2, 0, "below 100", ""},
        {"deadline_ms: 0\n", 1, 0, "above 0", ""},
        {"- a\n", 1, 1, "mapping", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct profile profile;
        struct error err = {0};
        if (read_text(rows[i].text, &profile, &err) != -ERROR_INPUT)
            fail_msg("taken: %s", rows[i].text);
        if (!strstr(err.message, rows[i].says) || !strstr(err.hint, rows[i].hint) ||
            err.line != rows[i].line || (rows[i].column && err.column != rows[i].column))
            fail_msg("%s → %d:%d: %s (%s)", rows[i].text, err.line, err.column, err.message,
                     err.hint);
        assert_string_equal(err.file, "dir/night.yaml");
        assert_int_equal(read_text(rows[i].text, &profile, NULL), -ERROR_INPUT);
    }
}

/* ---- names -------------------------------------------------------------------------------- */

static void unknown_names(void **state)
{
    struct profile profile;
    struct error err = {0};
    assert_int_equal(profile_load("ci_smok", NULL, "--profile", NULL, 0, &profile, &err),
                     -ERROR_USAGE);
    assert_non_null(strstr(err.message, "--profile: unknown profile 'ci_smok'"));
    assert_non_null(strstr(err.message, "did you mean ci_smoke?"));
    assert_int_equal(profile_load("zzz", NULL, NULL, NULL, 0, &profile, &err), -ERROR_USAGE);
    assert_string_equal(err.message, "unknown profile 'zzz'");
    for (size_t i = 0; i < ARRAY_LEN(builtin); i++)
        assert_non_null(strstr(err.hint, builtin[i].name));
    assert_int_equal(profile_load("", NULL, "-p", NULL, 0, &profile, &err), -ERROR_USAGE);
    assert_int_equal(profile_load("./nosuch.yaml", NULL, "-p", NULL, 0, &profile, &err),
                     -ERROR_INPUT);
    assert_string_equal(err.file, "./nosuch.yaml");
    /* A name is never a path. */
    assert_int_equal(profile_load("..", NULL, "-p", NULL, 0, &profile, &err), -ERROR_USAGE);
}

static void own_directory_goes_first(void **state)
{
    struct test_tree tree;
    struct profile_list list;
    struct profile profile;
    struct error err = {0};
    test_tree_init(&tree);
    /* Other data, no profiles. */
    assert_int_equal(profile_list_read(tree.path, &list, &err), 0);
    assert_int_equal(list.count, ARRAY_LEN(builtin) + 1); /* and recorder */
    profile_list_deinit(&list);

    test_tree_write(&tree, "profiles/edge_max_perf.yaml", "latency_threshold_ms: 7\n");
    test_tree_write(&tree, "profiles/night.yaml", "limits: [wall_ms<=5]\n");
    test_tree_write(&tree, "profiles/day.yaml", "limits: [nosuch<=5]\n");
    test_tree_write(&tree, "profiles/$(day).yaml", "limits: [wall_ms<=5]\n");
    test_tree_write(&tree, "profiles/.hidden.yaml", "limits: [wall_ms<=5]\n");
    test_tree_write(&tree, "profiles/README", "no profile\n");
    assert_int_equal(profile_list_read(tree.path, &list, &err), 0);
    assert_int_equal(list.count, ARRAY_LEN(builtin) + 3);
    assert_string_equal(list.entries[1].name, "edge_max_perf"); /* in its place */
    assert_non_null(strstr(list.entries[1].path, "/profiles/edge_max_perf.yaml"));
    assert_string_equal(list.entries[5].name, "day");
    assert_string_equal(list.entries[6].name, "night");
    profile_list_deinit(&list);

    assert_int_equal(profile_load("edge_max_perf", tree.path, NULL, NULL, 0, &profile, &err), 0);
    assert_int_equal(profile.limit_count, 1);
    expect_limit(&profile, "latency", "p99(latency_ms) <= 7 ms");
    assert_non_null(strstr(profile.path, "edge_max_perf.yaml"));
    profile_deinit(&profile);
    assert_int_equal(profile_load("ci_smoke", tree.path, NULL, NULL, 0, &profile, &err), 0);
    assert_null(profile.path);
    profile_deinit(&profile);
    /* A broken one is no reason to take another. */
    assert_int_equal(profile_load("day", tree.path, NULL, NULL, 0, &profile, &err), -ERROR_INPUT);
    assert_non_null(strstr(err.file, "day.yaml"));
    test_tree_deinit(&tree);
    assert_int_equal(profile_list_read(tree.path, &list, &err), -ERROR_INPUT);
    assert_string_equal(err.file, tree.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builtin_numbers),
        cmocka_unit_test(the_recorders_limits),
        cmocka_unit_test(what_is_not_said_stays_unsaid),
        cmocka_unit_test(details_keep_their_kind),
        cmocka_unit_test(a_share_of_misses_is_a_percentile),
        cmocka_unit_test(mistakes_have_a_place),
        cmocka_unit_test(unknown_names),
        cmocka_unit_test(own_directory_goes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
