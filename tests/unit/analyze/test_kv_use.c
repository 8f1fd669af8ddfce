#include "analyze_fixture.h"

#include "analyze/kv_use.h"

#define N 200

static double t_s[N], use_pct[N];

static const struct run *tell(struct fixture *fixture, const struct kv_use *use, size_t n)
{
    begin(fixture, 1);
    assert_int_equal(kv_use_tell(use, t_s, use_pct, n, run_sink_of(&fixture->run), NULL), 0);
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

static void a_load_that_comes_and_goes_is_nothing(void **state)
{
    struct kv_use use;
    uint64_t random = 3;
    kv_use_init(&use, "");
    for (int i = 0; i < N; i++) {
        t_s[i] = i;
        use_pct[i] = 45 + 40 * sin(i / 8.0) + 4 * random_uniform(&random);
        kv_use_add(&use, i, use_pct[i], i % 50 == 0);
    }
    assert_int_equal(tell(*state, &use, N)->finding_count, 0);
}

static void a_full_cache_has_its_times(void **state)
{
    struct kv_use use;
    kv_use_init(&use, "m/0");
    for (int i = 0; i < N; i++) {
        t_s[i] = i * 2;
        use_pct[i] = (i >= 50 && i < 60) || i == 100 ? 95 : 90;
        kv_use_add(&use, t_s[i], use_pct[i], NAN);
    }
    const struct run *run = tell(*state, &use, N);
    assert_int_equal(run->finding_count, 1);
    const struct finding *full = find(run, "kv_cache_full");
    assert_true(full->value == 95 && full->n == N);
    assert_non_null(strstr(full->sentence, "of m/0 was more than 90 % full in 11 of 200 readings"));
    assert_non_null(strstr(full->evidence, "100.0 to 118.0 s, 200.0 to 200.0 s"));
}

static void requests_wait_for_the_cache_or_for_something_else(void **state)
{
    for (int full = 0; full < 2; full++) {
        struct fixture *fixture = *state;
        struct kv_use use;
        kv_use_init(&use, "");
        for (int i = 0; i < 30; i++) {
            t_s[i] = i;
            use_pct[i] = full ? 99 : 40;
            kv_use_add(&use, i, use_pct[i], i < 3 ? 7 : 0);
        }
        const struct finding *waiting = find(tell(*state, &use, 30), "requests_waiting");
        assert_true(waiting->value == 7);
        assert_non_null(strstr(waiting->advice, full ? "what they wait for" : "--max-num-seqs"));
        teardown(state);
        run_init(&fixture->run);
    }
}

static void growth_has_a_pace_and_an_end(void **state)
{
    struct kv_use use;
    uint64_t random = 11;
    kv_use_init(&use, "");
    for (int i = 0; i < N; i++) {
        t_s[i] = i * 3;
        use_pct[i] = 10 + 0.1 * t_s[i] + random_uniform(&random) - 0.5;
        kv_use_add(&use, t_s[i], use_pct[i], 0);
    }
    const struct finding *growth = find(tell(*state, &use, N), "kv_cache_growth");
    assert_int_equal(growth->severity, SEVERITY_INFO);
    assert_true(growth->lo <= 6 && 6 <= growth->hi && fabs(growth->value - 6) < 0.1);
    assert_non_null(strstr(growth->sentence, "full in 30"));
}

static void few_readings_tell_no_growth(void **state)
{
    struct kv_use use;
    kv_use_init(&use, "");
    for (int i = 0; i < 19; i++) {
        t_s[i] = i;
        use_pct[i] = i * 4;
        kv_use_add(&use, i, use_pct[i], NAN);
    }
    assert_int_equal(tell(*state, &use, 19)->finding_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_load_that_comes_and_goes_is_nothing),
        TEST(a_full_cache_has_its_times),
        TEST(requests_wait_for_the_cache_or_for_something_else),
        TEST(growth_has_a_pace_and_an_end),
        TEST(few_readings_tell_no_growth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
