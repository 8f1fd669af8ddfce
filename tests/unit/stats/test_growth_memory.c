/* test_growth_memory.c: the tracker allocates once, judging survives each failed allocation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "growth_traces.h"
#include "malloc_countdown.h"
#include "stats/growth.h"

static struct trace trace;

static void judging_survives_each_failed_allocation(void **state)
{
    const double *const work[] = {trace.t};
    struct growth_verdict whole, verdict;
    trace_init(&trace, 20, 3);
    trace_service(&trace);
    trace_step(&trace, 50, 700);
    trace_leak(&trace, 4);
    assert_int_equal(growth_of(trace.t, trace.y, trace.n, work, 1, NULL, &whole), 0);
    for (long n = 1;; n++) {
        malloc_countdown_start(n);
        int rc = growth_of(trace.t, trace.y, trace.n, work, 1, NULL, &verdict);
        long live = malloc_countdown_live();
        bool fired = malloc_countdown_stop();
        if (MALLOC_COUNTDOWN_EXACT)
            assert_int_equal(live, 0);
        if (!fired) {
            assert_int_equal(rc, 0);
            assert_int_equal(verdict.class, whole.class);
            assert_true(n > 10);
            break;
        }
        assert_int_equal(rc, -1);
    }
}

static void samples_allocate_nothing(void **state)
{
    struct growth_tracker tracker;
    assert_int_equal(growth_tracker_init(&tracker, 1, 2), 0);
    malloc_countdown_start(1);
    for (int i = 0; i < 100000; i++) {
        double work[] = {i, 2.0 * i};
        growth_tracker_add(&tracker, i * 0.7, 100 + i % 17, work);
    }
    growth_tracker_reset(&tracker);
    growth_tracker_add(&tracker, 0, 1, NULL);
    assert_false(malloc_countdown_stop());
    growth_tracker_deinit(&tracker);
    growth_tracker_deinit(&tracker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judging_survives_each_failed_allocation),
        cmocka_unit_test(samples_allocate_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
