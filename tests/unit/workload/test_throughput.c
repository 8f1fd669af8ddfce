/* test_throughput.c: items per second by window, against sums done by hand and against items/time.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "stats/stats.h"
#include "workload/throughput.h"

#define WINDOWS_MAX 20000

struct told {
    size_t count;
    struct throughput_window windows[WINDOWS_MAX];
};

static struct told told;

static void take_all(struct throughput *throughput, bool is_over)
{
    struct throughput_window *window = &told.windows[told.count];
    while (throughput_take(throughput, window)) {
        assert_in_range(++told.count, 0, WINDOWS_MAX - 1);
        window = &told.windows[told.count];
    }
    while (is_over && throughput_take_last(throughput, window)) {
        assert_in_range(++told.count, 0, WINDOWS_MAX - 1);
        window = &told.windows[told.count];
    }
}

static double mean_of_told(void)
{
    double sum = 0;
    for (size_t i = 0; i < told.count; i++)
        sum += told.windows[i].per_s;
    return sum / (double)told.count;
}

static void begin(struct throughput *throughput, uint64_t window_ns, size_t streams, double items)
{
    told.count = 0;
    assert_int_equal(throughput_init(throughput, 1000, window_ns, streams, items), 0);
}

/* Calls of 4 ms back to back, windows of 10 ms: 2.5 calls in each. */
static void a_call_counts_where_it_ran(void **state)
{
    struct throughput throughput;
    begin(&throughput, 10 * NS_PER_MS, 1, 8);
    for (uint64_t i = 0; i < 10; i++)
        assert_int_equal(throughput_add(&throughput, 0, 1000 + i * 4 * NS_PER_MS,
                                        1000 + (i + 1) * 4 * NS_PER_MS),
                         0);
    take_all(&throughput, true);
    assert_int_equal(told.count, 4);
    for (size_t i = 0; i < told.count; i++) {
        assert_int_equal(told.windows[i].begin_ns, 1000 + i * 10 * NS_PER_MS);
        assert_true(fabs(told.windows[i].per_s - 2000) < 1e-6); /* 8 items per 4 ms */
    }
    throughput_deinit(&throughput);
}

/* A call of 2.5 windows, alone: 0.4 of it in each whole one, and a last half window at the same
 * rate. */
static void a_call_longer_than_windows(void **state)
{
    struct throughput throughput;
    begin(&throughput, NS_PER_S, 1, 1);
    assert_int_equal(throughput_add(&throughput, 0, 1000, 1000 + 2500 * NS_PER_MS), 0);
    take_all(&throughput, true);
    assert_int_equal(told.count, 3);
    for (size_t i = 0; i < told.count; i++)
        assert_true(fabs(told.windows[i].per_s - 0.4) < 1e-9);
    throughput_deinit(&throughput);
}

/* A last part below half a window is not told, unless there is nothing else. */
static void a_short_rest(void **state)
{
    struct throughput throughput;
    begin(&throughput, NS_PER_S, 1, 1);
    throughput_add(&throughput, 0, 1000, 1000 + 1400 * NS_PER_MS);
    take_all(&throughput, true);
    assert_int_equal(told.count, 1);
    throughput_deinit(&throughput);
    begin(&throughput, NS_PER_S, 1, 3);
    throughput_add(&throughput, 0, 1000, 1000 + 100 * NS_PER_MS);
    take_all(&throughput, true);
    assert_int_equal(told.count, 1);
    assert_true(fabs(told.windows[0].per_s - 30) < 1e-9);
    throughput_deinit(&throughput);
}

static void a_window_waits_for_every_stream(void **state)
{
    struct throughput throughput;
    begin(&throughput, 10 * NS_PER_MS, 2, 1);
    for (uint64_t i = 0; i < 10; i++)
        throughput_add(&throughput, 0, 1000 + i * 5 * NS_PER_MS, 1000 + (i + 1) * 5 * NS_PER_MS);
    take_all(&throughput, false);
    assert_int_equal(told.count, 0); /* the other may still have been at work all that time */
    throughput_add(&throughput, 1, 1000, 1000 + 30 * NS_PER_MS);
    take_all(&throughput, false);
    assert_int_equal(told.count, 3);
    for (size_t i = 0; i < told.count; i++)
        assert_true(fabs(told.windows[i].per_s - (200 + 100.0 / 3)) < 1e-6);
    throughput_deinit(&throughput);
}

/* One stream that never does anything does not make the others' windows pile up for ever, and no
 * item is lost by it. */
static void a_silent_stream_is_not_waited_for_without_end(void **state)
{
    struct throughput throughput;
    const uint64_t calls = 3 * THROUGHPUT_OPEN_MAX;
    begin(&throughput, 10 * NS_PER_MS, 2, 1);
    for (uint64_t i = 0; i < calls; i++) {
        throughput_add(&throughput, 0, 1000 + i * 10 * NS_PER_MS, 1000 + (i + 1) * 10 * NS_PER_MS);
        take_all(&throughput, false);
        assert_in_range(throughput.count, 0, THROUGHPUT_OPEN_MAX + 1);
    }
    assert_true(told.count > THROUGHPUT_OPEN_MAX);
    take_all(&throughput, true);
    assert_int_equal(told.count, calls);
    assert_true(fabs(mean_of_told() - 100) < 1e-6);
    throughput_deinit(&throughput);
}

/* Any mixture of lengths, gaps and streams: the mean over the windows is items over time. The end
 * is made to fall on the end of a window, so that every item is in one. */
static void the_mean_is_items_over_time(void **state)
{
    uint64_t seed = 20261120;
    for (int round = 0; round < 20; round++) {
        struct throughput throughput;
        size_t streams = 1 + (size_t)(round % 4);
        uint64_t window_ns = 1 + (uint64_t)(random_uniform(&seed) * 20e6), items = 0;
        uint64_t end_ns = 1000 + 300 * window_ns, at_ns[4] = {1000, 1000, 1000, 1000};
        bool is_moving = true;
        begin(&throughput, window_ns, streams, 3);
        while (is_moving) {
            is_moving = false;
            for (size_t i = 0; i < streams; i++) {
                uint64_t from = at_ns[i] + (uint64_t)(random_uniform(&seed) * 5e6);
                uint64_t to = from + (uint64_t)(random_uniform(&seed) * 30e6);
                if (at_ns[i] >= end_ns)
                    continue;
                to = to > end_ns || end_ns - to < 1000 ? end_ns : to;
                from = from < to ? from : to;
                assert_int_equal(throughput_add(&throughput, i, from, to), 0);
                at_ns[i] = to;
                items += 3;
                is_moving = true;
            }
            take_all(&throughput, false);
        }
        take_all(&throughput, true);
        double seconds = 300.0 * (double)window_ns / 1e9;
        assert_int_equal(told.count, 300);
        assert_true(fabs(mean_of_told() - (double)items / seconds) <
                    1e-9 * (double)items / seconds);
        throughput_deinit(&throughput);
    }
}

static void window_follows_the_latency(void **state)
{
    double fast[] = {2e5, 1e5, 3e5}, usual[] = {5e6, 5e6, 7e6, 1e6}, slow[] = {9e9};
    assert_int_equal(throughput_window_ns(fast, 3), 10 * NS_PER_MS);
    assert_int_equal(throughput_window_ns(usual, 4), 50 * NS_PER_MS);
    assert_int_equal(throughput_window_ns(slow, 1), NS_PER_S);
    assert_int_equal(throughput_window_ns(slow, 0), NS_PER_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_counts_where_it_ran),
        cmocka_unit_test(a_call_longer_than_windows),
        cmocka_unit_test(a_short_rest),
        cmocka_unit_test(a_window_waits_for_every_stream),
        cmocka_unit_test(a_silent_stream_is_not_waited_for_without_end),
        cmocka_unit_test(the_mean_is_items_over_time),
        cmocka_unit_test(window_follows_the_latency),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
