/* test_sampler.c: rows, tiers, targets, drops and stopping. Nothing here depends on how fast the
 * machine is: where time must pass, the test waits for what it waits for. */
#include "collect_test.h"

#include <poll.h>

#include "collect/sampler.h"

#define CHANNELS_SEEN_MAX 64

struct seen {
    size_t rows;
    uint64_t last_t_ns;
    bool in_order;
    size_t channel_count;
    size_t due[CHANNELS_SEEN_MAX], values[CHANNELS_SEEN_MAX];
    bool value_not_due;
    pid_t last_target;
    size_t target_changes;
};

static void see(const struct sample_row *row, void *context)
{
    struct seen *seen = context;
    seen->in_order &= row->t_ns > seen->last_t_ns;
    seen->last_t_ns = row->t_ns;
    seen->target_changes += seen->rows > 0 && row->target != seen->last_target;
    seen->last_target = row->target;
    seen->rows++;
    for (size_t i = 0; i < seen->channel_count; i++) {
        seen->due[i] += row->due[i];
        seen->values[i] += !isnan(row->values[i]);
        seen->value_not_due |= !row->due[i] && !isnan(row->values[i]);
    }
}

static struct seen seen_init(const struct sampler *sampler)
{
    struct seen seen = {.in_order = true};
    sampler_channels(sampler, &seen.channel_count);
    assert_true(seen.channel_count <= CHANNELS_SEEN_MAX);
    return seen;
}

static struct sampler *open_names(const struct root *root, uint64_t interval_ns,
                                  const char *const *names, size_t count)
{
    struct collect_env env = {.root = root, .interval_ns = interval_ns, .seed = 1};
    struct sampler *sampler = NULL;
    struct error err = {0};
    int rc = sampler_open(&env, names, count, &sampler, &err);
    if (rc != 0)
        print_message("sampler_open: %s\n", err.message);
    assert_int_equal(rc, 0);
    return sampler;
}

static struct sampler *open_one(const struct root *root, uint64_t interval_ns, const char *name)
{
    return open_names(root, interval_ns, &name, 1);
}

static struct sampler_stats stats_of(const struct sampler *sampler)
{
    struct sampler_stats stats;
    sampler_get_stats(sampler, &stats);
    return stats;
}

static void wait_for_ticks(const struct sampler *sampler, uint64_t ticks)
{
    while (stats_of(sampler).ticks < ticks)
        usleep(1000);
}

static size_t column_of(const struct sampler *sampler, const char *metric)
{
    size_t count;
    const struct channel *channels = sampler_channels(sampler, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(channels[i].metric->name, metric) == 0)
            return i;
    }
    fail_msg("no column %s", metric);
    return 0;
}

static void one_row_per_tick(void **state)
{
    struct sampler *sampler = open_one(NULL, NS_PER_MS, "synthetic");
    struct seen seen = seen_init(sampler);
    assert_true(sampler_is_synthetic(sampler));
    assert_int_equal(sampler_start(sampler, NULL), 0);
    wait_for_ticks(sampler, 50);
    sampler_stop(sampler);
    struct sampler_stats stats = stats_of(sampler);
    assert_int_equal(sampler_drain(sampler, see, &seen), stats.rows);
    assert_int_equal(seen.rows, stats.rows);
    assert_int_equal(stats.rows + stats.dropped_rows, stats.ticks);
    assert_int_equal(stats.dropped_rows, 0);
    assert_int_equal(stats.failed_samples, 0);
    assert_true(stats.cpu_ns > 0);
    assert_true(seen.in_order);
    for (size_t i = 0; i < seen.channel_count; i++) {
        assert_int_equal(seen.due[i], seen.rows);
        assert_int_equal(seen.values[i], seen.rows);
    }
    assert_int_equal(sampler_drain(sampler, see, &seen), 0);
    sampler_close(sampler);
}

/* The n-th row stands at begin + n * interval: rows and missed ticks together fill the time. */
static void the_grid_does_not_drift(void **state)
{
    const uint64_t interval_ns = 2 * NS_PER_MS;
    struct sampler *sampler = open_one(NULL, interval_ns, "synthetic");
    struct seen first = seen_init(sampler), rest = first;
    assert_int_equal(sampler_start(sampler, NULL), 0);
    wait_for_ticks(sampler, 1);
    sampler_drain(sampler, see, &first);
    wait_for_ticks(sampler, 100);
    sampler_stop(sampler);
    sampler_drain(sampler, see, &rest);
    struct sampler_stats stats = stats_of(sampler);
    /* begin is at most late_ns_max before the first row, and so is each row after its tick */
    uint64_t last_tick_ns = (stats.ticks + stats.missed_ticks - 1) * interval_ns;
    double span_ns = (double)(rest.last_t_ns - first.last_t_ns);
    if (first.rows == 1)
        ASSERT_NEAR(span_ns, (double)last_tick_ns, (double)(stats.late_ns_max + interval_ns));
    sampler_close(sampler);
}

static void a_full_ring_drops_and_counts(void **state)
{
    struct sampler *sampler = open_one(NULL, 100 * NS_PER_US, "synthetic");
    struct seen seen = seen_init(sampler);
    assert_int_equal(sampler_start(sampler, NULL), 0);
    while (stats_of(sampler).dropped_rows < 10)
        usleep(1000);
    uint64_t kept = stats_of(sampler).rows;
    assert_true(kept >= 4096);
    /* what is drained makes room again */
    assert_int_equal(sampler_drain(sampler, see, &seen), kept);
    while (stats_of(sampler).rows == kept)
        usleep(1000);
    sampler_stop(sampler);
    sampler_drain(sampler, see, &seen);
    struct sampler_stats stats = stats_of(sampler);
    assert_int_equal(seen.rows, stats.rows);
    assert_int_equal(stats.rows + stats.dropped_rows, stats.ticks);
    assert_true(seen.in_order);
    sampler_close(sampler);
}

static void the_ring_holds_ten_seconds(void **state)
{
    struct sampler *sampler = open_one(NULL, 10 * NS_PER_MS, "synthetic");
    assert_int_equal(sampler_start(sampler, NULL), 0);
    wait_for_ticks(sampler, 100);
    assert_int_equal(stats_of(sampler).dropped_rows, 0); /* 1 s; the rest is arithmetic */
    sampler_close(sampler);                              /* stops by itself */
}

static void slow_collectors_have_their_own_tier(void **state)
{
    static const char *const names[] = {"synthetic", "power"};
    struct root root;
    test_root_open(&root, "xavier-nx");
    struct sampler *sampler = open_names(&root, 10 * NS_PER_MS, names, 2);
    struct seen seen = seen_init(sampler);
    assert_int_equal(sampler_start(sampler, NULL), 0);
    wait_for_ticks(sampler, 45);
    sampler_stop(sampler);
    sampler_drain(sampler, see, &seen);
    struct sampler_stats stats = stats_of(sampler);
    size_t slow = seen.channel_count - 1; /* a column of power */
    assert_int_equal(seen.due[0], seen.rows);
    assert_int_equal(seen.due[slow], seen.values[slow]);
    /* once per ten ticks of the grid, missed ones included */
    assert_true(seen.due[slow] >= 2);
    assert_true(seen.due[slow] <= (stats.ticks + stats.missed_ticks + 9) / 10);
    assert_false(seen.value_not_due);
    sampler_close(sampler);
    root_close(&root);
}

static void slow_columns_are_not_missing_in_between(void **state)
{
    struct root root;
    test_root_open(&root, "pc");
    struct sampler *sampler = open_one(&root, 5 * NS_PER_MS, "proc");
    struct seen seen = seen_init(sampler);
    size_t load = column_of(sampler, "load1"), share = column_of(sampler, "psi_io_some_pct");
    size_t threads = column_of(sampler, "threads");
    assert_int_equal(sampler_start(sampler, NULL), 0);
    do {
        wait_for_ticks(sampler, stats_of(sampler).ticks + 5);
        sampler_drain(sampler, see, &seen);
    } while (seen.values[share] < 2);
    sampler_stop(sampler);
    sampler_drain(sampler, see, &seen);
    assert_true(seen.rows > seen.due[load]);
    assert_int_equal(seen.due[load], seen.values[load]);
    /* the first reading of a counter begins a difference and is no gap */
    assert_true(seen.due[share] <= seen.due[load]);
    assert_int_equal(seen.due[threads], 0); /* nobody to follow */
    assert_false(seen.value_not_due);
    sampler_close(sampler);
    root_close(&root);
}

static void the_target_can_change_while_it_runs(void **state)
{
    struct root root;
    test_root_open(&root, "pc");
    struct sampler *sampler = open_one(&root, 2 * NS_PER_MS, "proc");
    struct seen seen = seen_init(sampler);
    size_t threads = column_of(sampler, "threads"), cpu = column_of(sampler, "cpu_track_pct");
    assert_int_equal(sampler_start(sampler, NULL), 0);
    wait_for_ticks(sampler, 5);
    static const pid_t targets[] = {4000, 4001, 0};
    for (size_t i = 0; i < 3; i++) {
        sampler_set_target(sampler, targets[i]);
        wait_for_ticks(sampler, stats_of(sampler).ticks + 10);
    }
    sampler_stop(sampler);
    sampler_drain(sampler, see, &seen);
    assert_int_equal(seen.target_changes, 3);
    assert_int_equal(seen.last_target, 0);
    assert_true(seen.values[threads] >= 18 && seen.due[threads] < seen.rows);
    /* the first sample of each target is no gap in its CPU time */
    assert_int_equal(seen.values[cpu], seen.values[threads] - 2);
    assert_int_equal(seen.due[cpu], seen.values[cpu]);
    sampler_close(sampler);
    root_close(&root);
}

static void failures_are_counted_and_not_fatal(void **state)
{
    struct test_tree tree;
    test_tree_init(&tree);
    test_tree_write(&tree, "proc/loadavg", "0.00 0.00 0.00 1/1 1\n");
    test_tree_write(&tree, "proc/stat", "cpu0 1 1 1 1\n");
    struct sampler *sampler = open_one(&tree.root, NS_PER_MS, "proc");
    struct seen seen = seen_init(sampler);
    size_t cpu = column_of(sampler, "cpu_total_pct");
    test_tree_write(&tree, "proc/stat", "");
    test_tree_write(&tree, "proc/loadavg", "");
    assert_int_equal(sampler_start(sampler, NULL), 0);
    while (stats_of(sampler).failed_samples < 3)
        usleep(1000);
    sampler_stop(sampler);
    sampler_drain(sampler, see, &seen);
    assert_int_equal(seen.values[cpu], 0);
    assert_true(seen.due[cpu] >= 1); /* missing, and known to be */
    assert_int_equal(seen.rows, stats_of(sampler).ticks);
    sampler_close(sampler);
    test_tree_deinit(&tree);
}

static void stopping_does_not_wait_for_the_interval(void **state)
{
    struct sampler *sampler = open_one(NULL, 3600 * NS_PER_S, "synthetic");
    struct seen seen = seen_init(sampler);
    assert_int_equal(sampler_start(sampler, NULL), 0);
    wait_for_ticks(sampler, 1); /* the first tick is at once */
    sampler_stop(sampler);      /* the test's time-out is far below an hour */
    sampler_stop(sampler);      /* and once more is nothing */
    assert_int_equal(sampler_drain(sampler, see, &seen), 1);
    sampler_close(sampler);
    sampler_close(NULL);
}

static void unnamed_means_all_that_are_here_but_synthetic(void **state)
{
    struct root root;
    size_t count;
    test_root_open(&root, "pi5");
    struct sampler *sampler = open_names(&root, NS_PER_S, NULL, 0);
    assert_false(sampler_is_synthetic(sampler));
    column_of(sampler, "cpu_total_pct");
    column_of(sampler, "temp_c");
    const struct channel *channels = sampler_channels(sampler, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(channels[i].metric->name, "power_w") == 0) /* a Pi measures none */
            assert_int_equal(channels[i].reason, REASON_ABSENT);
        assert_string_not_equal(channels[i].instance, "synthetic");
    }
    sampler_close(sampler);
    root_close(&root);
}

static void a_named_one_that_cannot_work_is_an_error(void **state)
{
    static const struct {
        const char *name;
        int rc;
        const char *word;
    } cases[] = {
        {"tegra", -ERROR_ABSENT, "Tegra"},
        {"thermla", -ERROR_USAGE, "thermla"},
        {"", -ERROR_USAGE, "''"},
    };
    struct root root;
    test_root_open(&root, "pi5");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct collect_env env = {.root = &root, .interval_ns = NS_PER_S};
        struct sampler *sampler = NULL;
        struct error err = {0};
        const char *names[] = {"proc", cases[i].name};
        assert_int_equal(sampler_open(&env, names, 2, &sampler, &err), cases[i].rc);
        assert_non_null(strstr(err.message, cases[i].word));
        assert_null(sampler);
        if (strcmp(cases[i].name, "thermla") == 0)
            assert_non_null(strstr(err.hint, "thermal"));
    }
    root_close(&root);
}

static void a_name_and_its_alias_are_one_collector(void **state)
{
    static const char *const names[] = {"psutil", "proc", "proc"};
    struct root root;
    size_t once, thrice;
    test_root_open(&root, "pc");
    struct sampler *one = open_names(&root, NS_PER_S, names, 1);
    struct sampler *three = open_names(&root, NS_PER_S, names, 3);
    sampler_channels(one, &once);
    sampler_channels(three, &thrice);
    assert_int_equal(once, thrice);
    sampler_close(one);
    sampler_close(three);
    root_close(&root);
}

static void absurd_intervals_are_refused(void **state)
{
    struct sampler *sampler = NULL;
    struct collect_env env = {.interval_ns = 0};
    const char *name = "synthetic";
    assert_int_equal(sampler_open(&env, &name, 1, &sampler, NULL), -ERROR_INPUT);
    env.interval_ns = 1000;
    assert_int_equal(sampler_open(&env, &name, 1, &sampler, NULL), -ERROR_INPUT);
    assert_null(sampler);
}

/* The first reading after a pause would tell what happened while it stood still. */
static void it_goes_on_after_a_stop(void **state)
{
    struct sampler *sampler = open_one(NULL, NS_PER_MS, "synthetic");
    struct seen seen = seen_init(sampler);
    assert_int_equal(sampler_start(sampler, NULL), 0);
    wait_for_ticks(sampler, 5);
    sampler_stop(sampler);
    sampler_drain(sampler, see, &seen);
    uint64_t ticks = stats_of(sampler).ticks;
    assert_int_equal(seen.rows, ticks);
    assert_int_equal(sampler_start(sampler, NULL), 0);
    wait_for_ticks(sampler, ticks + 5);
    sampler_stop(sampler);
    sampler_drain(sampler, see, &seen);
    assert_int_equal(seen.rows, stats_of(sampler).ticks - 1);
    assert_true(seen.in_order && !seen.value_not_due);
    for (size_t i = 0; i < seen.channel_count; i++)
        assert_true(seen.values[i] >= 5);
    sampler_close(sampler);
}

static bool wants_cpu(const char *metric, void *context)
{
    ++*(size_t *)context;
    return strcmp(metric, "cpu_total_pct") == 0;
}

/* Nothing of thermal is wanted: once a second in the beginning, instead of ten times. */
static void what_nobody_wants_is_read_seldom(void **state)
{
    static const char *const names[] = {"proc", "thermal"};
    struct root root;
    struct sampler *sampler = NULL;
    size_t asked = 0;
    test_root_open(&root, "pc");
    struct collect_env env = {.root = &root,
                              .interval_ns = 10 * NS_PER_MS,
                              .is_wanted = wants_cpu,
                              .wanted_context = &asked};
    assert_int_equal(sampler_open(&env, names, 2, &sampler, NULL), 0);
    struct seen seen = seen_init(sampler);
    size_t cpu = column_of(sampler, "mem_used_mb"), load = column_of(sampler, "load1");
    size_t temperature = column_of(sampler, "temp_c"), count;
    const struct channel *channels = sampler_channels(sampler, &count);
    assert_true(asked > 0);
    assert_int_equal(channels[temperature].min_interval_ns, COLLECT_SELDOM_NS);
    assert_true(channels[column_of(sampler, "cpu_total_pct")].min_interval_ns < NS_PER_S);
    assert_int_equal(sampler_start(sampler, NULL), 0);
    struct sampler_stats stats;
    do {
        wait_for_ticks(sampler, stats_of(sampler).ticks + 5);
        stats = stats_of(sampler);
    } while (stats.ticks + stats.missed_ticks < 220);
    sampler_stop(sampler);
    sampler_drain(sampler, see, &seen);
    stats = stats_of(sampler);
    size_t seconds = (size_t)(stats.ticks + stats.missed_ticks) / 100 + 1;
    assert_true(seen.values[temperature] >= 2 && seen.values[temperature] <= seconds);
    assert_true(seen.values[load] >= 2 && seen.values[load] <= seconds);
    assert_true(seen.values[cpu] >= seen.values[load]);
    assert_false(seen.value_not_due);
    sampler_close(sampler);
    root_close(&root);
}

static void its_descriptor_tells_of_rows(void **state)
{
    struct sampler *sampler = open_one(NULL, 3600 * NS_PER_S, "synthetic");
    struct seen seen = seen_init(sampler);
    struct pollfd polled = {.fd = sampler_fd(sampler, NULL), .events = POLLIN};
    assert_true(polled.fd >= 0);
    assert_int_equal(sampler_fd(sampler, NULL), polled.fd);
    assert_int_equal(poll(&polled, 1, 0), 0);
    assert_false(sampler_has_rows(sampler));
    assert_int_equal(sampler_start(sampler, NULL), 0);
    assert_int_equal(poll(&polled, 1, -1), 1); /* the first tick is at once */
    assert_true(sampler_has_rows(sampler));
    assert_int_equal(sampler_drain(sampler, see, &seen), 1);
    assert_int_equal(poll(&polled, 1, 0), 0);
    assert_false(sampler_has_rows(sampler));
    sampler_close(sampler);
}

static void it_tells_how_late_ticks_were(void **state)
{
    struct sampler *sampler = open_one(NULL, NS_PER_MS, "synthetic");
    assert_int_equal(sampler_start(sampler, NULL), 0);
    wait_for_ticks(sampler, 20);
    sampler_stop(sampler);
    struct sampler_stats stats = stats_of(sampler);
    assert_true(stats.late_ns_p50 <= stats.late_ns_p99 && stats.late_ns_p99 <= stats.late_ns_max);
    assert_true(stats.late_ns_max > 0);
    sampler_close(sampler);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_row_per_tick),
        cmocka_unit_test(the_grid_does_not_drift),
        cmocka_unit_test(a_full_ring_drops_and_counts),
        cmocka_unit_test(the_ring_holds_ten_seconds),
        cmocka_unit_test(it_goes_on_after_a_stop),
        cmocka_unit_test(slow_collectors_have_their_own_tier),
        cmocka_unit_test(slow_columns_are_not_missing_in_between),
        cmocka_unit_test(the_target_can_change_while_it_runs),
        cmocka_unit_test(failures_are_counted_and_not_fatal),
        cmocka_unit_test(stopping_does_not_wait_for_the_interval),
        cmocka_unit_test(unnamed_means_all_that_are_here_but_synthetic),
        cmocka_unit_test(a_named_one_that_cannot_work_is_an_error),
        cmocka_unit_test(a_name_and_its_alias_are_one_collector),
        cmocka_unit_test(absurd_intervals_are_refused),
        cmocka_unit_test(what_nobody_wants_is_read_seldom),
        cmocka_unit_test(its_descriptor_tells_of_rows),
        cmocka_unit_test(it_tells_how_late_ticks_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
