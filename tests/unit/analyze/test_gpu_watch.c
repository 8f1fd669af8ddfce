#include "analyze_fixture.h"

#include "analyze/gpu_watch.h"

static struct gpu_watch watch_of(size_t window, double hot_c)
{
    struct gpu_watch watch;
    assert_int_equal(
        gpu_watch_init(&watch, "nvidia_0", window, GPU_WATCH_THRESHOLD_PCT, hot_c, NULL), 0);
    return watch;
}

static const struct gpu_row usual = {.util_pct = 95, .power_w = 250, .temp_c = 70, .reasons = 0};

static void add(struct gpu_watch *watch, double t_s, struct gpu_row row)
{
    row.t_s = t_s;
    gpu_watch_add(watch, &row);
}

static const struct run *tell(struct fixture *fixture, struct gpu_watch *watch)
{
    begin(fixture, 1);
    assert_int_equal(gpu_watch_tell(watch, run_sink_of(&fixture->run), NULL), 0);
    gpu_watch_deinit(watch);
    return &fixture->run;
}

static const struct finding *find(const struct run *run, const char *rule)
{
    for (size_t i = 0; i < run->finding_count; i++) {
        if (strcmp(run->findings[i].rule, rule) == 0)
            return &run->findings[i];
    }
    fail_msg("no finding %s", rule);
    return run->findings;
}

/* A load between 75 and 95 %, power and temperature that go with it, for an hour: nothing. */
static void flat_noise_is_nothing(void **state)
{
    struct gpu_watch watch = watch_of(10, NAN);
    uint64_t random = 7;
    for (int i = 0; i < 3600; i++) {
        double level = random_uniform(&random);
        add(&watch, i,
            (struct gpu_row){.util_pct = 77 + 18 * level,
                             .power_w = 240 + 18 * level,
                             .temp_c = 70 + 14 * level,
                             .reasons = i % 3 ? 0 : 0x1 | 0x2 | 0x10});
    }
    assert_int_equal(tell(*state, &watch)->finding_count, 0);
}

static void finds_drops_with_their_time(void **state)
{
    struct gpu_watch watch = watch_of(10, NAN);
    for (int i = 0; i < 100; i++) {
        struct gpu_row row = usual;
        if (i == 40 || i == 41)
            row.util_pct = 30;
        if (i == 70)
            row.util_pct = 0;
        if (i == 80)
            row.power_w = 229; /* 21 W below */
        if (i == 95)
            row.power_w = 231;
        add(&watch, i * 0.5, row);
    }
    const struct run *run = tell(*state, &watch);
    assert_int_equal(run->finding_count, 2);
    const struct finding *util = find(run, "gpu_util_drop");
    assert_int_equal(util->severity, SEVERITY_WARNING);
    assert_true(util->value == -95 && util->n == 100);
    assert_non_null(strstr(util->sentence, "nvidia_0 fell 2 times"));
    assert_non_null(strstr(util->sentence, "from 95 to 0 % at 35.0 s"));
    assert_non_null(strstr(util->evidence, "20.0 to 20.5 s, 35.0 s"));
    const struct finding *power = find(run, "gpu_power_drop");
    assert_non_null(strstr(power->sentence, "fell once"));
    assert_true(power->value == -21);
}

/* The old monitor's rule: nothing is judged until the window is full, and a load that stays low is
 * told once. */
static void judges_with_a_full_window_only(void **state)
{
    struct gpu_watch watch = watch_of(10, NAN);
    for (int i = 0; i < 9; i++)
        add(&watch, i, usual);
    for (int i = 9; i < 60; i++)
        add(&watch, i,
            (struct gpu_row){.util_pct = 0, .power_w = NAN, .temp_c = NAN, .reasons = NAN});
    const struct run *run = tell(*state, &watch);
    const struct finding *util = find(run, "gpu_util_drop");
    assert_non_null(strstr(util->sentence, "fell once"));
    assert_non_null(strstr(util->evidence, "at 10.0 to 16.0 s"));
    assert_int_equal(run->finding_count, 1);
}

static void a_missing_value_is_no_value(void **state)
{
    struct gpu_watch watch = watch_of(3, NAN);
    for (int i = 0; i < 50; i++) {
        struct gpu_row row = usual;
        if (i % 2)
            row = (struct gpu_row){.util_pct = NAN, .power_w = NAN, .temp_c = NAN, .reasons = NAN};
        add(&watch, i, row);
    }
    assert_int_equal(tell(*state, &watch)->finding_count, 0);
}

static void heat_is_judged_by_the_drivers_threshold(void **state)
{
    struct gpu_watch watch = watch_of(10, 98), other = watch_of(10, NAN);
    for (int i = 0; i < 30; i++) {
        struct gpu_row row = usual;
        row.temp_c = i < 10 ? 85 : i < 20 ? 98 : 90;
        add(&watch, i, row);
        add(&other, i, row);
    }
    assert_int_equal(tell(*state, &watch)->finding_count, 0);
    struct fixture *fixture = *state;
    teardown(state);
    run_init(&fixture->run);
    const struct finding *hot = find(tell(*state, &other), "gpu_hot");
    assert_true(hot->value == 98);
    assert_non_null(strstr(hot->sentence, "hotter than 85 degrees C, at most 98 at 10.0 s"));
    assert_non_null(strstr(hot->evidence, "20 of the rows; at 10.0 to 29.0 s"));
}

static void throttling_names_the_drivers_reasons(void **state)
{
    struct gpu_watch watch = watch_of(10, NAN);
    for (int i = 0; i < 40; i++) {
        struct gpu_row row = usual;
        row.reasons = i < 30 ? 0x1 : i < 35 ? 0x4 : 0x40 | 0x1;
        add(&watch, i, row);
    }
    const struct finding *held = find(tell(*state, &watch), "gpu_throttling");
    assert_true(held->value == 25);
    assert_non_null(strstr(held->sentence, "10 of 40 rows: power cap, hardware thermal"));
    assert_non_null(strstr(held->evidence, "0x44"));
}

static void names_every_reason_and_no_other(void **state)
{
    char buf[96], small[12];
    (void)state;
    assert_string_equal(gpu_reasons_text(0xec, buf, sizeof(buf)),
                        "power cap, hardware slowdown, software thermal, hardware thermal, power "
                        "brake");
    assert_string_equal(gpu_reasons_text(0x1 | 0x2 | 0x10 | 0x100, buf, sizeof(buf)), "");
    assert_int_equal(strlen(gpu_reasons_text(0xec, small, sizeof(small))), sizeof(small) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(flat_noise_is_nothing),
        TEST(finds_drops_with_their_time),
        TEST(judges_with_a_full_window_only),
        TEST(a_missing_value_is_no_value),
        TEST(heat_is_judged_by_the_drivers_threshold),
        TEST(throttling_names_the_drivers_reasons),
        TEST(names_every_reason_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
