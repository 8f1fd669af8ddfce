/* test_proc_detail.c: the slow tier of the followed tree, and each CPU's share. */
#include "collect_test.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/procfs.h"

struct process {
    pid_t pid;
    unsigned minor, major, start;
    unsigned long anon_kb, swap_kb, read, written, voluntary, involuntary;
    int fds;
    const char *children;
};

static void write_at(const struct test_tree *tree, pid_t pid, const char *file, const char *text)
{
    char name[96];
    snprintf(name, sizeof(name), "proc/%d/%s", pid, file);
    test_tree_write(tree, name, text);
}

static void write_process(const struct test_tree *tree, struct process p)
{
    char text[512], name[64];
    snprintf(text, sizeof(text),
             "%d (a b) S 1 1 1 0 -1 0 %u 0 %u 0 0 0 0 0 20 0 2 0 %u 4096000 100 0\n", p.pid,
             p.minor, p.major, p.start);
    write_at(tree, p.pid, "stat", text);
    write_at(tree, p.pid, "statm", "1000 100 10 1 0 50 0\n");
    snprintf(text, sizeof(text),
             "Name:\ta b\nPid:\t%d\nVmRSS:\t 9 kB\nRssAnon:\t%lu kB\n"
             "VmSwap:\t%lu kB\n",
             p.pid, p.anon_kb, p.swap_kb);
    write_at(tree, p.pid, "status", text);
    snprintf(text, sizeof(text),
             "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: %lu\nwrite_bytes: %lu\n"
             "cancelled_write_bytes: 0\n",
             p.read, p.written);
    write_at(tree, p.pid, "io", text);
    for (int fd = 0; fd < p.fds; fd++) {
        snprintf(name, sizeof(name), "fd/%d", fd);
        write_at(tree, p.pid, name, "");
    }
    /* two threads share the switches */
    for (int thread = 0; thread < 2; thread++) {
        snprintf(name, sizeof(name), "task/%d/children", p.pid + thread);
        write_at(tree, p.pid, name, thread == 0 && p.children ? p.children : "");
        snprintf(name, sizeof(name), "task/%d/status", p.pid + thread);
        snprintf(text, sizeof(text),
                 "Name:\ta\nPid:\t1\nvoluntary_ctxt_switches:\t%lu\n"
                 "nonvoluntary_ctxt_switches:\t%lu\n",
                 thread ? p.voluntary : 0, thread ? p.involuntary : 0);
        write_at(tree, p.pid, name, text);
    }
}

struct fixture {
    struct test_tree tree;
    struct test_collector test;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    test_tree_init(&f->tree);
    test_tree_write(&f->tree, "proc/loadavg", "0.00 0.00 0.00 1/1 1\n");
    test_tree_write(&f->tree, "proc/stat", "cpu 1 1 1 1\ncpu0 1 1 1 1\ncpu3 1 1 1 1\nintr 1\n");
    test_open(&f->test, "proc", &f->tree.root);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    test_close(&f->test);
    test_tree_deinit(&f->tree);
    free(f);
    return 0;
}

static void levels_are_sums_over_the_tree(void **state)
{
    struct fixture *f = *state;
    write_process(
        &f->tree,
        (struct process){.pid = 10, .anon_kb = 2048, .swap_kb = 512, .fds = 3, .children = "20 "});
    write_process(&f->tree, (struct process){.pid = 20, .anon_kb = 1024, .fds = 4});
    test_sample_target(&f->test, 10, 1);
    ASSERT_NEAR(value_of(&f->test, "mem_track_anon_mb", ""), 3, 1e-9);
    ASSERT_NEAR(value_of(&f->test, "mem_track_swap_mb", ""), 0.5, 1e-9);
    ASSERT_NEAR(value_of(&f->test, "track_fds", ""), 7, 0);
    ASSERT_NEAR(value_of(&f->test, "track_processes", ""), 2, 0);
    /* nothing to compare with yet */
    ASSERT_NAN(value_of(&f->test, "track_read_mb_per_s", ""));
    ASSERT_NAN(value_of(&f->test, "track_minor_faults_per_s", ""));
    assert_true(test_channel(&f->test, "track_fds", "")->per_target);
    assert_int_equal(test_channel(&f->test, "track_fds", "")->min_interval_ns, NS_PER_S);
}

/* Rates are per second of the real clock: compare them with each other. */
static void rates_are_differences_by_process(void **state)
{
    struct fixture *f = *state;
    struct process one = {.pid = 10,
                          .minor = 5000,
                          .major = 7,
                          .read = 1u << 30,
                          .written = 5u << 20,
                          .children = "20 "};
    struct process two = {.pid = 20, .minor = 900, .read = 77, .written = 5u << 20};
    write_process(&f->tree, one);
    write_process(&f->tree, two);
    test_sample_target(&f->test, 10, 1);
    usleep(20000);
    one.minor += 300, one.major += 3, one.read += 3u << 20, one.written += 6u << 20;
    two.minor += 600, two.written -= 1u << 20; /* a counter that falls adds nothing */
    write_process(&f->tree, one);
    write_process(&f->tree, two);
    test_sample_target(&f->test, 10, 1);
    double minor = value_of(&f->test, "track_minor_faults_per_s", "");
    assert_true(minor > 0 && minor <= 900 / 0.020);
    ASSERT_NEAR(value_of(&f->test, "track_major_faults_per_s", "") / minor, 3.0 / 900, 1e-9);
    ASSERT_NEAR(value_of(&f->test, "track_read_mb_per_s", "") / minor, 3.0 / 900, 1e-9);
    ASSERT_NEAR(value_of(&f->test, "track_written_mb_per_s", "") / minor, 6.0 / 900, 1e-9);
    ASSERT_NAN(value_of(&f->test, "track_voluntary_switches_per_s", "")); /* its tier is slower */
}

static void switches_are_those_of_all_threads(void **state)
{
    struct fixture *f = *state;
    struct process one = {.pid = 10, .voluntary = 1000, .involuntary = 500};
    write_process(&f->tree, one);
    test_sample_target(&f->test, 10, 1);
    usleep(20000);
    one.voluntary += 400, one.involuntary += 100;
    write_process(&f->tree, one);
    for (int second = 1; second < 5; second++) {
        test_sample_target(&f->test, 10, 1);
        ASSERT_NAN(value_of(&f->test, "track_voluntary_switches_per_s", ""));
    }
    test_sample_target(&f->test, 10, 1);
    double voluntary = value_of(&f->test, "track_voluntary_switches_per_s", "");
    assert_true(voluntary > 0 && voluntary <= 400 / 0.020);
    ASSERT_NEAR(value_of(&f->test, "track_involuntary_switches_per_s", "") / voluntary, 0.25, 1e-9);
}

static void what_comes_or_goes_makes_no_jump(void **state)
{
    struct fixture *f = *state;
    struct process one = {.pid = 10, .minor = 100, .read = 1u << 20, .children = "20 "};
    write_process(&f->tree, one);
    write_process(&f->tree, (struct process){.pid = 20, .minor = 5000, .read = 9u << 20});
    test_sample_target(&f->test, 10, 1);
    usleep(2000);
    /* 20 is gone; 30, which is older than our looking, has moved in */
    one.children = "30 ";
    write_process(&f->tree, one);
    write_process(&f->tree, (struct process){.pid = 30, .minor = 70000, .read = 800u << 20});
    test_sample_target(&f->test, 10, 1);
    ASSERT_NEAR(value_of(&f->test, "track_minor_faults_per_s", ""), 0, 0);
    ASSERT_NEAR(value_of(&f->test, "track_read_mb_per_s", ""), 0, 0);
}

static void what_is_not_told_is_unknown(void **state)
{
    struct fixture *f = *state;
    write_process(&f->tree, (struct process){.pid = 10, .anon_kb = 1024, .children = "20 "});
    write_process(&f->tree, (struct process){.pid = 20, .anon_kb = 1024, .fds = 1});
    /* half of the tree would be a wrong sum */
    write_at(&f->tree, 20, "status", "Name:\ta\nPid:\t20\n");
    write_at(&f->tree, 20, "io", "nonsense\n");
    test_sample_target(&f->test, 10, 1);
    usleep(2000);
    test_sample_target(&f->test, 10, 1);
    ASSERT_NAN(value_of(&f->test, "mem_track_anon_mb", ""));
    ASSERT_NAN(value_of(&f->test, "track_read_mb_per_s", ""));
    ASSERT_NEAR(value_of(&f->test, "track_processes", ""), 2, 0);
}

static void each_cpu_has_its_share(void **state)
{
    struct fixture *f = *state;
    assert_null(test_channel(&f->test, "core_pct", "cpu1"));
    test_sample(&f->test);
    ASSERT_NAN(value_of(&f->test, "core_pct", "cpu0"));
    test_tree_write(&f->tree, "proc/stat", "cpu 1 1 1 1\ncpu0 31 1 1 71\ncpu3 1 1 101 1\nintr 1\n");
    test_sample(&f->test);
    ASSERT_NEAR(value_of(&f->test, "core_pct", "cpu0"), 30, 1e-9);
    ASSERT_NEAR(value_of(&f->test, "core_pct", "cpu3"), 100, 1e-9);
    test_sample(&f->test); /* no tick has passed */
    ASSERT_NAN(value_of(&f->test, "core_pct", "cpu0"));
}

/* ---- the real thing ---- */

static void a_real_process_is_told_as_it_is(void **state)
{
    struct root root;
    struct test_collector test;
    assert_int_equal(root_open(&root, "/", NULL), 0);
    test_open(&test, "proc", &root);
    int ready[2], go[2];
    assert_int_equal(pipe(ready) | pipe(go), 0);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* also when an assertion fails in between */
        char byte = 0;
        size_t size = 64u << 20;
        volatile char *memory =
            mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (write(ready[1], &byte, 1) != 1 || read(go[0], &byte, 1) != 1)
            _exit(1);
        for (size_t i = 0; i < size; i += 4096)
            memory[i] = 1;
        for (int i = 0; i < 7; i++)
            if (dup(0) < 0)
                _exit(1);
        for (int i = 0; i < 200; i++)
            usleep(100);
        if (write(ready[1], &byte, 1) != 1)
            _exit(1);
        pause();
        _exit(0);
    }
    char byte = 0;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    test_sample_target(&test, child, 1);
    double anon = value_of(&test, "mem_track_anon_mb", ""), fds = value_of(&test, "track_fds", "");
    assert_int_equal(write(go[1], &byte, 1), 1);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    for (int second = 0; second < 5; second++) {
        test_sample_target(&test, child, 1);
        if (second == 0)
            assert_true(value_of(&test, "track_minor_faults_per_s", "") > 0);
    }
    double grown = value_of(&test, "mem_track_anon_mb", "") - anon;
    assert_true(grown > 63.5);
#ifndef __SANITIZE_THREAD__ /* its shadow memory grows with what is touched */
    assert_true(grown < 66);
#endif
    ASSERT_NEAR(value_of(&test, "track_fds", "") - fds, 7, 0);
    assert_true(value_of(&test, "track_voluntary_switches_per_s", "") > 0);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    test_close(&test);
    root_close(&root);
}

static bool wants_nothing(const char *metric, void *context)
{
    return false;
}

/* Where nobody asks for swap and there is no space for it, anonymous memory comes from statm: the
 * same number as that of status. */
static void anonymous_memory_is_that_of_status(void **state)
{
    struct root root;
    struct test_collector test = {.collector = collector_find("proc"), .now_ns = NS_PER_S};
    struct proc_memory memory;
    int ready[2];
    assert_int_equal(root_open(&root, "/", NULL), 0);
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        char byte = 0;
        size_t size = 20u << 20;
        volatile char *pages =
            mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        for (size_t i = 0; i < size; i += 4096)
            pages[i] = 1;
        if (write(ready[1], &byte, 1) != 1)
            _exit(1);
        pause();
        _exit(0);
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    struct collect_env env = {
        .root = &root, .interval_ns = NS_PER_S, .seed = 1, .is_wanted = wants_nothing};
    assert_int_equal(channel_set_init(&test.channels), 0);
    assert_int_equal(test.collector->open(&env, &test.channels, &test.state, NULL), 0);
    size_t with_fds = 0;
    for (int second = 0; second < 30; second++) {
        test_sample_target(&test, child, 1);
        assert_int_equal(procfs_read_memory(&root, child, &memory, NULL), 0);
        ASSERT_NEAR(value_of(&test, "mem_track_anon_mb", ""), (double)memory.anon_bytes / 1048576,
                    0.3); /* per-CPU counters */
        with_fds += !isnan(value_of(&test, "track_fds", ""));
    }
    assert_true(memory.anon_bytes > 20u << 20);
    assert_in_range(with_fds, 11, 13); /* every second for ten, then every tenth */
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(ready[0]);
    close(ready[1]);
    test_close(&test);
    root_close(&root);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(levels_are_sums_over_the_tree),
        TEST(rates_are_differences_by_process),
        TEST(switches_are_those_of_all_threads),
        TEST(what_comes_or_goes_makes_no_jump),
        TEST(what_is_not_told_is_unknown),
        TEST(each_cpu_has_its_share),
        cmocka_unit_test(a_real_process_is_told_as_it_is),
        cmocka_unit_test(anonymous_memory_is_that_of_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
