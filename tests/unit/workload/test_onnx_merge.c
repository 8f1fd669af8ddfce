/* test_onnx_merge.c: records of several streams in the order of their ends; the lag of an open
 * loop. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "stats/stats.h"
#include "workload/onnx/internal.h"

static struct onnx_merge merge;

static void add(uint32_t stream, uint64_t end_ns)
{
    struct onnx_record record = {.stream = stream, .begin_ns = end_ns - 10, .end_ns = end_ns};
    assert_int_equal(onnx_merge_add(&merge, &record, 1), 0);
}

static void a_stream_that_may_bring_an_earlier_one_is_waited_for(void **state)
{
    merge = (struct onnx_merge){.streams = 2};
    add(0, 1000);
    add(0, 3000);
    assert_int_equal(onnx_merge_ready(&merge, 3500), 0); /* the other has said nothing */
    add(1, 2000);
    assert_int_equal(onnx_merge_ready(&merge, 3500), 2);
    assert_int_equal(merge.records[0].end_ns, 1000);
    assert_int_equal(merge.records[1].end_ns, 2000);
    onnx_merge_drop(&merge, 2);
    /* A stream that says nothing for long is not waited for. */
    assert_int_equal(onnx_merge_ready(&merge, 3000 + ONNX_MERGE_GRACE_NS), 1);
    assert_int_equal(merge.records[0].end_ns, 3000);
    onnx_merge_deinit(&merge);
}

static void one_stream_is_not_held_up(void **state)
{
    merge = (struct onnx_merge){.streams = 1};
    add(0, 1000);
    add(0, 2000);
    assert_int_equal(onnx_merge_ready(&merge, 2001), 2);
    onnx_merge_deinit(&merge);
}

/* Whatever comes in which pieces: told in order, and all of it. */
static void everything_in_order(void **state)
{
    enum { STREAMS = 5, EACH = 400 };
    uint64_t seed = 7, at_ns[STREAMS] = {0}, last_ns = 0, told = 0;
    merge = (struct onnx_merge){.streams = STREAMS};
    for (int i = 0; i < EACH; i++) {
        for (uint32_t stream = 0; stream < STREAMS; stream++) {
            at_ns[stream] += 1 + (uint64_t)(random_uniform(&seed) * 1e6);
            add(stream, at_ns[stream] + 10);
        }
        size_t ready = onnx_merge_ready(&merge, i + 1 < EACH ? 1 : UINT64_MAX);
        for (size_t j = 0; j < ready; j++) {
            assert_true(merge.records[j].end_ns >= last_ns);
            last_ns = merge.records[j].end_ns;
        }
        told += ready;
        onnx_merge_drop(&merge, ready);
        assert_true(i + 1 < EACH || merge.count == 0);
    }
    assert_int_equal(told, STREAMS * EACH);
    onnx_merge_deinit(&merge);
}

/* ---- the queue ---- */

static struct onnx_lag lag;

static void fill(size_t n, double begin_s, double growth_s, double noise_s, double service_s)
{
    uint64_t seed = 11;
    lag = (struct onnx_lag){0};
    for (size_t i = 0; i < n; i++)
        onnx_lag_add(&lag, (double)i * 0.01,
                     begin_s + growth_s * (double)i + noise_s * random_uniform(&seed), service_s);
}

static void a_growing_queue(void **state)
{
    fill(1000, 0, 0.001, 0.002, 0.011);
    assert_true(onnx_lag_grows(&lag, 1, false));
    assert_true(onnx_lag_grows(&lag, 1, true));
    fill(1000, 0.5, 0.0001, 0.05, 0.011); /* from a queue that was long already */
    assert_true(onnx_lag_grows(&lag, 1, false));
}

static void no_growing_queue(void **state)
{
    fill(1000, 0, 0, 0.002, 0.01); /* lag of the scheduler only */
    assert_false(onnx_lag_grows(&lag, 1, false));
    fill(1000, 0, 0.000001, 0, 0.01); /* rises, but stays below one service */
    assert_false(onnx_lag_grows(&lag, 1, false));
    fill(1000, 0.3, 0, 0.1, 0.01); /* long, but it does not grow */
    assert_false(onnx_lag_grows(&lag, 1, false));
    fill(1000, 0, 0.0001, 0.05, 0.011); /* as random arrivals may make it */
    assert_false(onnx_lag_grows(&lag, 1, true));
    fill(900, 0, 0, 0.002, 0.01); /* a stall near the end: a queue, and then it was over */
    for (int i = 0; i < 100; i++)
        onnx_lag_add(&lag, 9 + i * 0.01, 1, 0.01);
    assert_false(onnx_lag_grows(&lag, 1, false));
    fill(5, 0, 1, 0, 0.01); /* too few to tell */
    assert_false(onnx_lag_grows(&lag, 1, false));
}

/* Poisson arrivals, one server, service of 10 ms (uniform from 5 to 15): how many of 200 queues are
 * said to grow. */
static int grown_of_200(double load, size_t n)
{
    uint64_t seed = 4711;
    int grown = 0;
    for (int i = 0; i < 200; i++) {
        double arrival_s = 0, free_s = 0;
        lag = (struct onnx_lag){0};
        for (size_t unit = 0; unit < n; unit++) {
            arrival_s += -log1p(-random_uniform(&seed)) * 0.01 / load;
            double begin_s = fmax(arrival_s, free_s);
            double service_s = 0.005 + 0.01 * random_uniform(&seed);
            free_s = begin_s + service_s;
            onnx_lag_add(&lag, free_s, begin_s - arrival_s, service_s);
        }
        grown += onnx_lag_grows(&lag, 1, true);
    }
    return grown;
}

static void random_queues_are_rarely_taken_for_growing_ones(void **state)
{
    assert_in_range(grown_of_200(0.8, 100), 0, 4);
    assert_in_range(grown_of_200(0.8, 1000), 0, 1);
    assert_in_range(grown_of_200(0.9, 1000), 0, 2);
    assert_in_range(grown_of_200(0.9, 6000), 0, 1);
    assert_in_range(grown_of_200(1.1, 1000), 150, 200);
    assert_in_range(grown_of_200(1.1, 6000), 199, 200);
    assert_in_range(grown_of_200(1.5, 100), 185, 200);
    assert_in_range(grown_of_200(1.5, 1000), 200, 200);
}

static void long_runs_are_thinned_evenly(void **state)
{
    fill(1000000, 0, 0.001, 0, 0.01);
    assert_in_range(lag.count, ONNX_LAG_POINTS / 2, ONNX_LAG_POINTS);
    assert_true(onnx_lag_grows(&lag, 1, false));
    for (size_t i = 1; i < lag.count; i++) {
        double step = lag.t_s[i] - lag.t_s[i - 1], first = lag.t_s[1] - lag.t_s[0];
        assert_true(step > first * 0.999 && step < first * 1.001);
    }
    assert_true(lag.t_s[lag.count - 1] > 0.999 * 1000000 * 0.01);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_that_may_bring_an_earlier_one_is_waited_for),
        cmocka_unit_test(one_stream_is_not_held_up),
        cmocka_unit_test(everything_in_order),
        cmocka_unit_test(a_growing_queue),
        cmocka_unit_test(no_growing_queue),
        cmocka_unit_test(random_queues_are_rarely_taken_for_growing_ones),
        cmocka_unit_test(long_runs_are_thinned_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
