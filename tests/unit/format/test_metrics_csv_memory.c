/* test_metrics_csv_memory.c: no row allocates, and every allocation of opening may fail. */
#include "metrics_csv_support.h"

#include "malloc_countdown.h"

static void rows_allocate_nothing(void **state)
{
    struct fixture *f = *state;
    struct metrics_csv_stats stats;
    double values[SOURCES];
    open_csv(f, "+load1,temp_c,core_pct,gpu_throttle_reasons", true);
    /* the first allocation from here on would fail: it must not come */
    malloc_countdown_start(1);
    for (int i = 0; i < 100000; i++) {
        for (size_t j = 0; j < SOURCES; j++)
            values[j] = (i + (int)j) % 7 ? i * 0.37 + (double)j : NAN;
        metrics_csv_row(f->csv, 1.7e9 + i * 0.005, i * 5 * MS, values);
    }
    metrics_csv_get_stats(f->csv, &stats);
    long live = malloc_countdown_live();
    assert_false(malloc_countdown_stop());
    assert_int_equal(stats.rows, 100000);
    assert_int_equal(live, 0);
    assert_int_equal(metrics_csv_close(f->csv, NULL), 0);
}

static void rows_of_a_run_allocate_nothing(void **state)
{
    struct fixture *f = *state;
    struct run_sink *sink;
    struct run_info info = {.begin_epoch_s = 1e9};
    struct series series = {
        .kind = SERIES_TIME, .metric = metric_find("cpu_total_pct"), .instance = ""};
    int64_t t_ns[10];
    double value[10];
    struct sample_block block = {.series = &series};
    assert_int_equal(metrics_csv_sink_open(f->path, NULL, 5 * MS, &sink, NULL), 0);
    assert_int_equal(sink_begin(sink, &info, NULL), 0);
    assert_int_equal(sink_samples(sink, &block, NULL), 0); /* declares */
    block = (struct sample_block){.series = &series, .n = 10, .t_ns = t_ns, .value = value};
    for (int i = 0; i < 10000; i++) {
        for (int j = 0; j < 10; j++) {
            t_ns[j] = (int64_t)(i * 10 + j + 1) * 5 * MS;
            value[j] = i;
        }
        assert_int_equal(sink_samples(sink, &block, NULL), 0);
        if (i == 0) /* with the first value the columns were settled */
            malloc_countdown_start(1);
    }
    assert_false(malloc_countdown_stop());
    struct run_end end = {.end_ns = 100000LL * 5 * MS};
    assert_int_equal(sink_end(sink, &end, NULL), 0);
    assert_int_equal(metrics_csv_sink_stats(sink)->rows, 100000);
    assert_int_equal(metrics_csv_sink_close(sink, NULL), 0);
}

static void opening_survives_each_failed_allocation(void **state)
{
    struct fixture *f = *state;
    for (long n = 1;; n++) {
        struct error err = {0};
        unlink(f->path);
        malloc_countdown_start(n);
        int rc = try_open_csv(f, "+load1,temp_c,temp_c_CPU", true, &err);
        if (rc == 0)
            rc = metrics_csv_close(f->csv, &err);
        long live = malloc_countdown_live();
        bool fired = malloc_countdown_stop();
        if (MALLOC_COUNTDOWN_EXACT)
            assert_int_equal(live, 0);
        if (!fired) {
            assert_int_equal(rc, 0);
            assert_true(n > 5);
            break;
        }
        assert_int_equal(rc, -ERROR_NOMEM);
        assert_true(err.message[0]);
    }
}

static void the_sink_survives_each_failed_allocation(void **state)
{
    struct fixture *f = *state;
    struct series series = {
        .kind = SERIES_TIME, .metric = metric_find("temp_c"), .instance = "CPU"};
    int64_t t_ns = 5 * MS;
    double value = 1;
    struct sample_block block = {.series = &series, .n = 1, .t_ns = &t_ns, .value = &value};
    for (long n = 1;; n++) {
        struct run_sink *sink = NULL;
        unlink(f->path);
        malloc_countdown_start(n);
        int rc = metrics_csv_sink_open(f->path, n % 2 ? NULL : "temp_c", 5 * MS, &sink, NULL);
        if (rc == 0)
            rc = sink_samples(sink, &block, NULL);
        metrics_csv_sink_close(sink, NULL);
        long live = malloc_countdown_live();
        bool fired = malloc_countdown_stop();
        if (MALLOC_COUNTDOWN_EXACT)
            assert_int_equal(live, 0);
        assert_int_equal(rc, fired ? -ERROR_NOMEM : 0);
        if (!fired && n % 2 == 0)
            break;
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(rows_allocate_nothing),
        TEST(rows_of_a_run_allocate_nothing),
        TEST(opening_survives_each_failed_allocation),
        TEST(the_sink_survives_each_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
