/* test_growth.c: the memory verdict against traces whose truth is known. All of it seeded; the
 * figures of larger simulations stand in docs/memory-verdict.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "growth_traces.h"
#include "near.h"
#include "stats/growth.h"

static struct trace trace;

static struct growth_verdict judge_trace(void)
{
    struct growth_verdict verdict;
    assert_int_equal(growth_of(trace.t, trace.y, trace.n, NULL, 0, NULL, &verdict), 0);
    return verdict;
}

/* ---- simulation ---- */

static void what_does_not_leak_is_no_alarm(void **state)
{
    static const double minutes[] = {10, 30};
    for (size_t kind = 0; kind < TRACE_FLATS; kind++) {
        for (size_t length = 0; length < 2; length++) {
            int alarms = 0, runs = 200;
            for (int run = 0; run < runs; run++) {
                trace_init(&trace, minutes[length], (uint64_t)(run * 7919) + kind * 31 + 1);
                trace_flat(&trace, kind);
                alarms += growth_is_leak(judge_trace().class);
            }
            if (alarms > runs / 100)
                fail_msg("%s, %g min: %d alarms in %d", trace_flat_names[kind], minutes[length],
                         alarms, runs);
        }
    }
}

struct found {
    int leaks, inside, runs;
};

static struct found simulate_leak(double minutes, double mb_per_min)
{
    struct found found = {.runs = 200};
    for (int run = 0; run < found.runs; run++) {
        trace_init(&trace, minutes, (uint64_t)(run * 104729) + 5);
        trace_service(&trace);
        trace_leak(&trace, mb_per_min);
        struct growth_verdict verdict = judge_trace();
        found.leaks += growth_is_leak(verdict.class);
        found.inside += verdict.per_min.lo <= mb_per_min && mb_per_min <= verdict.per_min.hi;
    }
    return found;
}

static void planted_leaks_are_found_with_their_slope(void **state)
{
    static const double minutes[] = {10, 20, 30}, leaks[] = {2, 20};
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 2; j++) {
            struct found found = simulate_leak(minutes[i], leaks[j]);
            if (found.leaks * 100 < found.runs * (minutes[i] > 10 ? 95 : 92) ||
                found.inside * 100 < found.runs * 90)
                fail_msg("%g MB/min in %g min: found %d, slope inside %d of %d", leaks[j],
                         minutes[i], found.leaks, found.inside, found.runs);
        }
    }
}

/* What the verdict says it could have seen, it does see in about 9 of 10. */
static void the_smallest_visible_leak_is_seen(void **state)
{
    int seen = 0, runs = 100;
    for (int run = 0; run < runs; run++) {
        trace_init(&trace, 20, (uint64_t)run + 1);
        trace_noise(&trace, 0, 2);
        struct growth_verdict flat = judge_trace();
        assert_int_equal(flat.class, GROWTH_NONE);
        assert_true(flat.smallest_per_min > 0);
        trace_leak(&trace, flat.smallest_per_min);
        seen += growth_is_leak(judge_trace().class);
    }
    if (seen < 80)
        fail_msg("seen %d of %d", seen, runs);
}

/* ---- classes ---- */

static void a_straight_line_is_a_linear_leak(void **state)
{
    trace_init(&trace, 30, 1);
    trace_leak(&trace, 3);
    struct growth_verdict verdict = judge_trace();
    assert_int_equal(verdict.class, GROWTH_LINEAR_LEAK);
    ASSERT_NEAR(verdict.per_min.value, 3, 1e-9);
    ASSERT_NEAR(verdict.pace.value, 3, 1e-9);
    assert_true(verdict.per_min.hi - verdict.per_min.lo < 0.1);
    assert_int_equal(verdict.samples, trace.n);
}

static void growth_that_speeds_up_or_slows_down_is_told_apart(void **state)
{
    int faster = 0, slower = 0, runs = 50;
    for (int run = 0; run < runs; run++) {
        trace_init(&trace, 30, (uint64_t)run + 3);
        trace_service(&trace);
        double end_s = trace_end_s(&trace);
        struct trace *t = &trace;
        for (size_t i = 0; i < t->n; i++)
            t->y[i] += 200 * pow(t->t[i] / end_s, 2);
        struct growth_verdict verdict = judge_trace();
        faster +=
            verdict.class == GROWTH_ACCELERATING && verdict.pace.value > verdict.per_min.value;
        for (size_t i = 0; i < t->n; i++)
            t->y[i] += 300 * sqrt(t->t[i] / end_s) - 200 * pow(t->t[i] / end_s, 2);
        verdict = judge_trace();
        slower += verdict.class == GROWTH_DECELERATING || verdict.class == GROWTH_WARMING;
    }
    assert_true(faster >= 48);
    assert_true(slower >= 48);
}

static void growth_that_doubles_again_and_again_is_accelerating(void **state)
{
    trace_init(&trace, 30, 9);
    trace_service(&trace);
    for (size_t i = 0; i < trace.n; i++)
        trace.y[i] += 2 * exp(5 * trace.t[i] / trace_end_s(&trace));
    assert_int_equal(judge_trace().class, GROWTH_ACCELERATING);
}

static void one_step_is_a_step(void **state)
{
    trace_init(&trace, 30, 4);
    trace_noise(&trace, 0, 1);
    trace_step(&trace, 40, 1100);
    struct growth_verdict verdict = judge_trace();
    assert_int_equal(verdict.class, GROWTH_STEPS);
    assert_int_equal(verdict.step_count, 1);
    ASSERT_NEAR(verdict.step_mb, 40, 2);
    ASSERT_NEAR(verdict.step_at_s, 1100, 60);
}

static void a_leak_with_a_step_in_it_is_still_a_leak_of_its_slope(void **state)
{
    trace_init(&trace, 30, 4);
    trace_noise(&trace, 0, 1);
    trace_step(&trace, 100, 900);
    trace_leak(&trace, 4);
    struct growth_verdict verdict = judge_trace();
    assert_int_equal(verdict.class, GROWTH_LINEAR_LEAK);
    ASSERT_NEAR(verdict.per_min.value, 4, 0.3);
}

static void a_start_up_is_set_aside_and_said(void **state)
{
    trace_init(&trace, 30, 6);
    trace_warmup(&trace, 400, 60);
    trace_noise(&trace, 0, 1);
    struct growth_verdict verdict = judge_trace();
    assert_int_equal(verdict.class, GROWTH_NONE);
    assert_true(verdict.warmup_s >= 180 && verdict.warmup_s <= 600);
    trace_leak(&trace, 5);
    verdict = judge_trace();
    assert_true(growth_is_leak(verdict.class) || verdict.class == GROWTH_DECELERATING);
    ASSERT_NEAR(verdict.per_min.value, 5, 0.3);
}

static void a_peak_in_front_hides_no_leak(void **state)
{
    trace_init(&trace, 30, 6);
    trace_noise(&trace, 0, 1);
    trace_leak(&trace, 3);
    for (size_t i = 0; i < 12; i++)
        trace.y[i] += 800;
    struct growth_verdict verdict = judge_trace();
    assert_int_equal(verdict.class, GROWTH_LINEAR_LEAK);
    ASSERT_NEAR(verdict.per_min.value, 3, 0.2);
}

static void flat_to_the_page_is_none(void **state)
{
    trace_init(&trace, 10, 1);
    struct growth_verdict verdict = judge_trace();
    assert_int_equal(verdict.class, GROWTH_NONE);
    ASSERT_NEAR(verdict.per_min.value, 0, 0);
    ASSERT_NEAR(verdict.level_mb, 500, 0);
    assert_int_equal(verdict.best_work, -1);
}

/* ---- too little ---- */

static void too_short_says_how_much_longer(void **state)
{
    struct growth_options options = {.min_duration_s = 600};
    struct growth_verdict verdict;
    trace_init(&trace, 5, 1);
    trace_leak(&trace, 100);
    assert_int_equal(growth_of(trace.t, trace.y, trace.n, NULL, 0, &options, &verdict), 0);
    assert_int_equal(verdict.class, GROWTH_TOO_SHORT);
    ASSERT_NEAR(verdict.needed_s, 600 - 295, 1e-9);
    assert_true(isnan(verdict.per_min.value));
    /* long enough, but a sample a minute is too few */
    double t[10], y[10];
    for (size_t i = 0; i < 10; i++) {
        t[i] = 60.0 * (double)i;
        y[i] = (double)i;
    }
    assert_int_equal(growth_of(t, y, 10, NULL, 0, NULL, &verdict), 0);
    assert_int_equal(verdict.class, GROWTH_TOO_SHORT);
    assert_true(verdict.needed_s >= 600);
    for (size_t n = 0; n < 3; n++) {
        assert_int_equal(growth_of(t, y, n, NULL, 0, NULL, &verdict), 0);
        assert_int_equal(verdict.class, GROWTH_TOO_SHORT);
        assert_true(verdict.needed_s > 0);
    }
}

static void holes_are_no_data(void **state)
{
    /* 40 samples, and nothing for an hour, and 40 more: two clumps show no trend */
    trace_init(&trace, 7, 2);
    trace.n = 80;
    for (size_t i = 40; i < 80; i++) {
        trace.t[i] += 3600;
        trace.y[i] += 500;
    }
    struct growth_verdict verdict = judge_trace();
    assert_false(growth_is_leak(verdict.class));
}

static void what_is_no_number_or_out_of_order_is_left_out(void **state)
{
    struct growth_tracker tracker;
    struct growth_verdict verdict;
    assert_int_equal(growth_tracker_init(&tracker, 1, 0), 0);
    trace_init(&trace, 30, 8);
    trace_leak(&trace, 2);
    for (size_t i = 0; i < trace.n; i++) {
        growth_tracker_add(&tracker, trace.t[i], trace.y[i], NULL);
        growth_tracker_add(&tracker, trace.t[i], NAN, NULL);
        growth_tracker_add(&tracker, INFINITY, 1, NULL);
        growth_tracker_add(&tracker, trace.t[i] - 3, 0, NULL);
    }
    assert_int_equal(tracker.left_out, 3 * trace.n);
    assert_int_equal(growth_tracker_judge(&tracker, NULL, &verdict), 0);
    assert_int_equal(verdict.class, GROWTH_LINEAR_LEAK);
    ASSERT_NEAR(verdict.per_min.value, 2, 1e-6);
    growth_tracker_reset(&tracker);
    assert_int_equal(growth_tracker_judge(&tracker, NULL, &verdict), 0);
    assert_int_equal(verdict.class, GROWTH_TOO_SHORT);
    growth_tracker_deinit(&tracker);
}

/* ---- ten hours ---- */

static void ten_hours_take_no_more_room_than_ten_minutes(void **state)
{
    struct growth_tracker tracker;
    struct growth_verdict verdict;
    uint64_t random = 12;
    assert_int_equal(growth_tracker_init(&tracker, 1, 1), 0);
    const struct growth_floor *room = tracker.floors;
    double least = INFINITY;
    for (size_t i = 0; i < 100000; i++) { /* every 0.36 s */
        double t_s = 0.36 * (double)i, mb = 300 + t_s / 60 * 0.5 + noise_normal(&random);
        double work = 10 * t_s;
        growth_tracker_add(&tracker, t_s, mb, &work);
        least = fmin(least, mb);
        assert_true(tracker.count <= GROWTH_FLOORS_MAX);
    }
    assert_ptr_equal(tracker.floors, room);
    assert_true(tracker.count > GROWTH_FLOORS_MAX / 2 - 1);
    double kept = INFINITY;
    uint64_t n = 0;
    for (size_t i = 0; i < tracker.count; i++) {
        kept = fmin(kept, tracker.floors[i].floor_mb);
        n += tracker.floors[i].n;
    }
    ASSERT_NEAR(kept, least, 0);
    assert_int_equal(n, 100000);
    assert_int_equal(growth_tracker_judge(&tracker, NULL, &verdict), 0);
    assert_int_equal(verdict.class, GROWTH_LINEAR_LEAK);
    ASSERT_NEAR(verdict.per_min.value, 0.5, 0.01);
    ASSERT_NEAR(verdict.work[0].rate.value * 600, 0.5, 0.01);
    growth_tracker_deinit(&tracker);
}

static void a_window_may_be_given(void **state)
{
    struct growth_options options = {.window_s = 60};
    struct growth_verdict verdict;
    trace_init(&trace, 60, 5);
    trace_saw(&trace, 100, 45);
    trace_leak(&trace, 2);
    assert_int_equal(growth_of(trace.t, trace.y, trace.n, NULL, 0, &options, &verdict), 0);
    assert_int_equal(verdict.class, GROWTH_LINEAR_LEAK);
    ASSERT_NEAR(verdict.window_s, 60, 0);
    ASSERT_NEAR(verdict.per_min.value, 2, 0.3);
}

/* ---- when it ends ---- */

/* The recorder's own report: 143 to 1881 MB in 300 s reach 10240 MB in 24.05 minutes. */
static void the_recorders_forecast(void **state)
{
    struct growth_options options = {.limit_mb = 10240};
    struct growth_verdict verdict;
    double t[301], y[301];
    for (size_t i = 0; i <= 300; i++) {
        t[i] = (double)i;
        y[i] = 143 + (1881.0 - 143) * (double)i / 300;
    }
    assert_int_equal(growth_of(t, y, 301, NULL, 0, &options, &verdict), 0);
    assert_int_equal(verdict.class, GROWTH_LINEAR_LEAK);
    ASSERT_NEAR(verdict.per_min.value, 347.6, 1e-6);
    ASSERT_NEAR(verdict.to_limit_s.value / 60, (10240 - 1881) / 347.6, 1e-3);
    assert_true(verdict.to_limit_s.lo <= verdict.to_limit_s.value);
    assert_true(verdict.to_limit_s.hi >= verdict.to_limit_s.value);
}

static void the_end_may_be_open(void **state)
{
    struct growth_options options = {.limit_mb = 800};
    struct growth_verdict verdict;
    trace_init(&trace, 10, 3);
    trace_noise(&trace, 0, 1);
    assert_int_equal(growth_of(trace.t, trace.y, trace.n, NULL, 0, &options, &verdict), 0);
    assert_true(isinf(verdict.to_limit_s.lo) && isinf(verdict.to_limit_s.hi));
    options.limit_mb = 400; /* it is there already */
    assert_int_equal(growth_of(trace.t, trace.y, trace.n, NULL, 0, &options, &verdict), 0);
    ASSERT_NEAR(verdict.to_limit_s.hi, 0, 0);
}

/* ---- work ---- */

/* Growth over five runs of the SENSR recorder, and what each of them did. Only in the point clouds
 * is all of it; least squares give 13.48 MB for each (its messages hold 14.0 MB). */
static void of_the_recorders_counters_the_point_clouds_explain_it(void **state)
{
    static const double growth[] = {2559.9 - 263.8, 1881.8 - 143.7, 8802.3 - 139.6, 8507.3 - 141.9,
                                    8597.1 - 155.5};
    static const double clouds[] = {105, 73, 581, 556, 571};
    static const double received[] = {3424, 2441, 20104, 19991, 19962};
    static const double seconds[] = {312.33, 308.16, 1818.39, 1814.20, 1811.90};
    static const double same[] = {1, 1, 1, 1, 1};
    const double *const counters[] = {seconds, received, clouds, same};
    double residual[4], delta[4];
    assert_int_equal(growth_compare(growth, 5, 5, counters, 4, residual, delta), 2);
    ASSERT_NEAR(delta[2], 0, 0);
    assert_true(delta[0] > 4 && delta[1] > 2); /* time is out, messages are behind */
    assert_true(isnan(residual[3]) && isnan(delta[3]));
}

static void the_counter_that_growth_follows_is_named(void **state)
{
    double messages[TRACE_MAX], clouds[TRACE_MAX], broken[TRACE_MAX];
    const double *const work[] = {messages, clouds, broken};
    uint64_t random = 99;
    struct growth_verdict verdict;
    trace_init(&trace, 30, 7);
    double m = 0, c = 0;
    for (size_t i = 0; i < trace.n; i++) {
        m += 50 + 5 * noise_normal(&random);
        /* bursts: some minutes bring many, some few */
        c += (i / 24) % 3 == 0 ? 6 : 1;
        messages[i] = m;
        clouds[i] = c;
        broken[i] = i == 100 ? 0 : (double)i;
        trace.y[i] += 0.5 * c + noise_normal(&random);
    }
    assert_int_equal(growth_of(trace.t, trace.y, trace.n, work, 3, NULL, &verdict), 0);
    assert_true(growth_is_leak(verdict.class));
    assert_int_equal(verdict.best_work, 1);
    assert_true(verdict.work[0].delta_aic > 4 && verdict.time_delta_aic > 4);
    assert_true(verdict.work[1].rate.lo <= 0.5 && verdict.work[1].rate.hi >= 0.5);
    ASSERT_NEAR(verdict.work[1].rate.value, 0.5, 0.02);
    assert_true(verdict.work[2].usable); /* the reading at a floor was never the broken one */
    for (size_t i = 0; i < trace.n; i++)
        broken[i] = (double)(trace.n - i);
    assert_int_equal(growth_of(trace.t, trace.y, trace.n, work, 3, NULL, &verdict), 0);
    assert_false(verdict.work[2].usable);
    assert_true(isnan(verdict.work[2].rate.value));
}

/* Some minutes with messages and some without, in turns. */
static void burst_messages(double *messages, uint64_t seed)
{
    uint64_t random = seed;
    double done = 0, left = 0;
    bool is_busy = false;
    for (size_t i = 0; i < trace.n; i++) {
        if (left-- <= 0) {
            is_busy = !is_busy;
            left = 60 + 30 * fabs(noise_normal(&random));
        }
        done += is_busy ? fmax(0, 20 + 4 * noise_normal(&random)) : 0;
        messages[i] = done;
    }
}

static void a_leak_that_follows_bursts_of_work_is_one(void **state)
{
    double messages[TRACE_MAX];
    const double *const work[] = {messages};
    int found = 0, called_level = 0, inside = 0, runs = 40;
    for (int run = 0; run < runs; run++) {
        struct growth_verdict verdict;
        trace_init(&trace, 30, (uint64_t)run + 1);
        burst_messages(messages, (uint64_t)(run * 31) + 7);
        trace_noise(&trace, 0, 1);
        for (size_t i = 0; i < trace.n; i++)
            trace.y[i] += 0.05 * messages[i];
        assert_int_equal(growth_of(trace.t, trace.y, trace.n, work, 1, NULL, &verdict), 0);
        found += growth_is_leak(verdict.class) && verdict.best_work == 0;
        inside += verdict.work[0].rate.lo <= 0.05 && 0.05 <= verdict.work[0].rate.hi;
        struct growth_verdict by_time = judge_trace();
        called_level += by_time.class == GROWTH_NONE && by_time.per_min.lo > 0;
    }
    if (found < 39 || inside < 34)
        fail_msg("found %d, inside %d of %d", found, inside, runs);
    assert_int_equal(called_level, 0);
}

static void bursts_of_work_make_no_leak_of_what_is_none(void **state)
{
    double messages[TRACE_MAX];
    const double *const work[] = {messages};
    for (size_t kind = 0; kind < TRACE_FLATS; kind++) {
        int alarms = 0, runs = 40;
        for (int run = 0; run < runs; run++) {
            struct growth_verdict verdict;
            trace_init(&trace, 30, (uint64_t)(run * 7919) + kind * 31 + 1);
            trace_flat(&trace, kind);
            burst_messages(messages, (uint64_t)run + 1);
            assert_int_equal(growth_of(trace.t, trace.y, trace.n, work, 1, NULL, &verdict), 0);
            alarms += growth_is_leak(verdict.class);
        }
        if (alarms > 1)
            fail_msg("%s: %d alarms in %d", trace_flat_names[kind], alarms, runs);
    }
}

/* Work that comes less and less, and memory that follows its root: a cache that fills. */
static void what_slows_down_over_the_work_is_no_leak_of_it(void **state)
{
    double messages[TRACE_MAX];
    const double *const work[] = {messages};
    int leaks = 0, runs = 40;
    for (int run = 0; run < runs; run++) {
        struct growth_verdict verdict;
        trace_init(&trace, 30, (uint64_t)run + 1);
        burst_messages(messages, (uint64_t)(run * 31) + 7);
        trace_noise(&trace, 0, 0.5);
        for (size_t i = 0; i < trace.n; i++)
            trace.y[i] += 5 * sqrt(messages[i]);
        assert_int_equal(growth_of(trace.t, trace.y, trace.n, work, 1, NULL, &verdict), 0);
        leaks += verdict.class == GROWTH_WITH_WORK;
    }
    if (leaks > 2)
        fail_msg("%d of %d", leaks, runs);
}

static void names_are_stable(void **state)
{
    assert_string_equal(growth_class_name(GROWTH_LINEAR_LEAK), "linear-leak");
    assert_string_equal(growth_class_name(GROWTH_TOO_SHORT), "too-short");
    for (int i = 0; i < GROWTH_CLASS_COUNT; i++)
        assert_non_null(growth_class_name((enum growth_class)i));
    assert_true(growth_is_leak(GROWTH_ACCELERATING));
    assert_false(growth_is_leak(GROWTH_STEPS) || growth_is_leak(GROWTH_DECELERATING));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_leak_is_no_alarm),
        cmocka_unit_test(planted_leaks_are_found_with_their_slope),
        cmocka_unit_test(the_smallest_visible_leak_is_seen),
        cmocka_unit_test(a_straight_line_is_a_linear_leak),
        cmocka_unit_test(growth_that_speeds_up_or_slows_down_is_told_apart),
        cmocka_unit_test(growth_that_doubles_again_and_again_is_accelerating),
        cmocka_unit_test(one_step_is_a_step),
        cmocka_unit_test(a_leak_with_a_step_in_it_is_still_a_leak_of_its_slope),
        cmocka_unit_test(a_start_up_is_set_aside_and_said),
        cmocka_unit_test(a_peak_in_front_hides_no_leak),
        cmocka_unit_test(flat_to_the_page_is_none),
        cmocka_unit_test(too_short_says_how_much_longer),
        cmocka_unit_test(holes_are_no_data),
        cmocka_unit_test(what_is_no_number_or_out_of_order_is_left_out),
        cmocka_unit_test(ten_hours_take_no_more_room_than_ten_minutes),
        cmocka_unit_test(a_window_may_be_given),
        cmocka_unit_test(the_recorders_forecast),
        cmocka_unit_test(the_end_may_be_open),
        cmocka_unit_test(of_the_recorders_counters_the_point_clouds_explain_it),
        cmocka_unit_test(the_counter_that_growth_follows_is_named),
        cmocka_unit_test(a_leak_that_follows_bursts_of_work_is_one),
        cmocka_unit_test(bursts_of_work_make_no_leak_of_what_is_none),
        cmocka_unit_test(what_slows_down_over_the_work_is_no_leak_of_it),
        cmocka_unit_test(names_are_stable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
