/* test_proc_targets.c: several followed trees at once: sums, what belongs to two of them, children
 * left out, and a pid that was given to somebody else. */
#include "collect_test.h"

struct fixture {
    struct test_tree tree;
    struct test_collector test;
    uint32_t generation;
};

static void write_process(const struct test_tree *tree, pid_t pid, pid_t parent, unsigned start,
                          unsigned pages, const char *children)
{
    char name[64], text[256];
    snprintf(name, sizeof(name), "proc/%d/stat", (int)pid);
    snprintf(text, sizeof(text),
             "%d (x) S %d 1 1 0 -1 0 0 0 0 0 5 5 0 0 20 0 1 0 %u 4096000 %u 0\n", (int)pid,
             (int)parent, start, pages);
    test_tree_write(tree, name, text);
    snprintf(name, sizeof(name), "proc/%d/statm", (int)pid);
    snprintf(text, sizeof(text), "1000 %u 100 1 0 500 0\n", pages);
    test_tree_write(tree, name, text);
    snprintf(name, sizeof(name), "proc/%d/task/%d/children", (int)pid, (int)pid);
    test_tree_write(tree, name, children);
}

/* 10 has the children 11 and 12, 20 has 21, 30 has none. */
static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    test_tree_init(&fixture->tree);
    test_tree_write(&fixture->tree, "proc/loadavg", "0.00 0.00 0.00 1/1 1\n");
    test_tree_write(&fixture->tree, "proc/stat", "cpu0 1 1 1 1\n");
    write_process(&fixture->tree, 10, 1, 100, 1000, "11 12");
    write_process(&fixture->tree, 11, 10, 110, 100, "");
    write_process(&fixture->tree, 12, 10, 120, 200, "");
    write_process(&fixture->tree, 20, 1, 200, 3000, "21");
    write_process(&fixture->tree, 21, 20, 210, 400, "");
    write_process(&fixture->tree, 30, 1, 300, 5000, "");
    test_open(&fixture->test, "proc", &fixture->tree.root);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    test_close(&fixture->test);
    test_tree_deinit(&fixture->tree);
    free(fixture);
    return 0;
}

static void sample(struct fixture *fixture, const struct collect_targets *targets)
{
    uint64_t now_ns = fixture->test.now_ns += NS_PER_S;
    struct collect_tick tick = {now_ns, now_ns, targets->pids[0], fixture->generation, targets};
    for (size_t i = 0; i < COLLECT_CHANNELS_MAX; i++)
        fixture->test.values[i] = NAN;
    fixture->test.collector->sample(fixture->test.state, &tick, fixture->test.values);
}

static void expect(struct fixture *fixture, double pages, double threads)
{
    double page_mb = (double)sysconf(_SC_PAGESIZE) / 1048576.0;
    ASSERT_NEAR(value_of(&fixture->test, "mem_track_rss_mb", ""), pages * page_mb, 1e-9);
    ASSERT_NEAR(value_of(&fixture->test, "threads", ""), threads, 0);
}

static void trees_are_summed(void **state)
{
    struct fixture *fixture = *state;
    struct collect_targets targets = {.count = 2, .pids = {10, 20}, .start_ticks = {100, 200}};
    sample(fixture, &targets);
    expect(fixture, 1000 + 100 + 200 + 3000 + 400, 5);
}

static void a_target_below_another_counts_once(void **state)
{
    struct fixture *fixture = *state;
    struct collect_targets targets = {.count = 3, .pids = {11, 10, 10}};
    sample(fixture, &targets);
    expect(fixture, 1000 + 100 + 200, 3);
}

static void children_can_be_left_out(void **state)
{
    struct fixture *fixture = *state;
    struct collect_targets targets = {.count = 2, .pids = {10, 20}, .without_children = true};
    sample(fixture, &targets);
    expect(fixture, 1000 + 3000, 2);
}

static void one_that_ends_drops_out(void **state)
{
    struct fixture *fixture = *state;
    struct collect_targets targets = {.count = 2, .pids = {20, 30}, .start_ticks = {200, 300}};
    sample(fixture, &targets);
    expect(fixture, 3000 + 400 + 5000, 3);
    test_tree_remove(&fixture->tree, "proc/30/stat");
    sample(fixture, &targets);
    expect(fixture, 3000 + 400, 2);
}

static void a_pid_of_somebody_else_is_never_read(void **state)
{
    struct fixture *fixture = *state;
    struct collect_targets targets = {.count = 2, .pids = {10, 20}, .start_ticks = {100, 200}};
    sample(fixture, &targets);
    write_process(&fixture->tree, 20, 1, 999, 7000, "21"); /* it ended; its pid was given away */
    sample(fixture, &targets);
    expect(fixture, 1000 + 100 + 200, 3);
    fixture->generation++; /* nor when following begins anew */
    sample(fixture, &targets);
    expect(fixture, 1000 + 100 + 200, 3);
    struct collect_targets gone = {.count = 1, .pids = {20}, .start_ticks = {200}};
    fixture->generation++;
    sample(fixture, &gone);
    ASSERT_NAN(value_of(&fixture->test, "mem_track_rss_mb", ""));
    ASSERT_NAN(value_of(&fixture->test, "cpu_track_pct", ""));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(trees_are_summed),
        TEST(a_target_below_another_counts_once),
        TEST(children_can_be_left_out),
        TEST(one_that_ends_drops_out),
        TEST(a_pid_of_somebody_else_is_never_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
