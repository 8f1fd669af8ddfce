/* test_proc_tree.c: CPU, memory and threads of a followed tree of processes. */
#include "collect_test.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

static double tick_ns(void)
{
    return 1e9 / (double)sysconf(_SC_CLK_TCK);
}

/* ---- recorded processes ---- */

struct process {
    pid_t pid, ppid;
    unsigned user, system, child_user, child_system, threads, start, pages;
    const char *children;
};

static void write_stat(const struct test_tree *tree, struct process p)
{
    char name[64], text[512];
    snprintf(name, sizeof(name), "proc/%d/stat", p.pid);
    snprintf(text, sizeof(text),
             "%d (a b) S %d 1 1 0 -1 0 0 0 0 0 %u %u %u %u 20 0 %u 0 %u 4096000 %u 0\n", p.pid,
             p.ppid, p.user, p.system, p.child_user, p.child_system, p.threads, p.start, p.pages);
    test_tree_write(tree, name, text);
}

static void write_process(const struct test_tree *tree, struct process p)
{
    char name[64], text[512];
    write_stat(tree, p);
    snprintf(name, sizeof(name), "proc/%d/statm", p.pid);
    snprintf(text, sizeof(text), "1000 %u 100 1 0 500 0\n", p.pages);
    test_tree_write(tree, name, text);
    snprintf(name, sizeof(name), "proc/%d/task/%d/children", p.pid, p.pid);
    test_tree_write(tree, name, p.children ? p.children : "");
}

static void remove_process(const struct test_tree *tree, pid_t pid)
{
    static const char *const names[] = {
        "proc/%d/stat",    "proc/%d/statm", "proc/%d/task/%d/children",
        "proc/%d/task/%d", "proc/%d/task",  "proc/%d"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char name[64];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(name, sizeof(name), names[i], pid, pid);
#pragma GCC diagnostic pop
        test_tree_remove(tree, name);
    }
}

struct fixture {
    struct test_tree tree;
    struct test_collector test;
    uint64_t before_ns, after_ns; /* around the last sample */
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    test_tree_init(&fixture->tree);
    test_tree_write(&fixture->tree, "proc/loadavg", "0.00 0.00 0.00 1/1 1\n");
    test_tree_write(&fixture->tree, "proc/stat", "cpu0 1 1 1 1\n");
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

static void sample(struct fixture *fixture, pid_t target)
{
    fixture->before_ns = clock_mono_ns();
    test_sample_target(&fixture->test, target, (uint32_t)target);
    fixture->after_ns = clock_mono_ns();
}

/* Samples once more; the CPU time found must be this many ticks. */
static void expect_ticks(struct fixture *fixture, pid_t target, double ticks)
{
    uint64_t first_before = fixture->before_ns, first_after = fixture->after_ns;
    usleep(2000);
    sample(fixture, target);
    double longest = (double)(fixture->after_ns - first_before);
    double shortest = (double)(fixture->before_ns - first_after);
    double pct = value_of(&fixture->test, "cpu_track_pct", "");
    if (!(pct >= 100 * ticks * tick_ns() / longest - 1e-6) ||
        !(pct <= 100 * ticks * tick_ns() / shortest + 1e-6))
        print_message("%g %% is %g to %g ticks, not %g\n", pct, pct / 100 * shortest / tick_ns(),
                      pct / 100 * longest / tick_ns(), ticks);
    assert_true(pct >= 100 * ticks * tick_ns() / longest - 1e-6);
    assert_true(pct <= 100 * ticks * tick_ns() / shortest + 1e-6);
}

static void sums_memory_and_threads_over_the_tree(void **state)
{
    struct root root;
    struct test_collector test;
    test_root_open(&root, "pc");
    test_open(&test, "proc", &root);
    test_sample_target(&test, 4000, 1);
    double page_mb = (double)sysconf(_SC_PAGESIZE) / 1048576.0;
    ASSERT_NEAR(value_of(&test, "mem_track_rss_mb", ""), (25600 + 12800) * page_mb, 1e-9);
    ASSERT_NEAR(value_of(&test, "threads", ""), 7, 0); /* the zombie has none */
    ASSERT_NAN(value_of(&test, "cpu_track_pct", ""));  /* nothing to compare with yet */
    test_sample_target(&test, 4000, 1);
    ASSERT_NEAR(value_of(&test, "cpu_track_pct", ""), 0, 0);
    assert_true(test_channel(&test, "threads", "")->per_target);
    assert_false(test_channel(&test, "load1", "")->per_target);
    test_close(&test);
    root_close(&root);
}

static void nothing_is_said_without_a_target(void **state)
{
    struct fixture *fixture = *state;
    for (pid_t target = 0; target < 5000; target += 4000) { /* none, and one that is gone */
        sample(fixture, target);
        ASSERT_NAN(value_of(&fixture->test, "cpu_track_pct", ""));
        ASSERT_NAN(value_of(&fixture->test, "mem_track_rss_mb", ""));
        ASSERT_NAN(value_of(&fixture->test, "threads", ""));
    }
}

static void counts_what_the_live_ones_used(void **state)
{
    struct fixture *fixture = *state;
    struct process parent = {.pid = 10, .ppid = 1, .user = 100, .system = 10, .children = "11 "};
    struct process child = {.pid = 11, .ppid = 10, .user = 7};
    write_process(&fixture->tree, parent);
    write_process(&fixture->tree, child);
    sample(fixture, 10);
    parent.user += 50, parent.system += 5, child.user += 3;
    write_process(&fixture->tree, parent);
    write_process(&fixture->tree, child);
    expect_ticks(fixture, 10, 58);
    expect_ticks(fixture, 10, 0);
}

static void a_child_that_was_waited_for_counts_once(void **state)
{
    struct fixture *fixture = *state;
    struct process parent = {.pid = 10, .ppid = 1, .children = "11 "};
    struct process child = {.pid = 11, .ppid = 10, .user = 30};
    write_process(&fixture->tree, parent);
    write_process(&fixture->tree, child);
    sample(fixture, 10);
    /* it used 10 more ticks, ended and was waited for: 40 in all, 30 of them before we looked */
    parent.child_user = 38, parent.child_system = 2, parent.children = "";
    write_process(&fixture->tree, parent);
    remove_process(&fixture->tree, 11);
    expect_ticks(fixture, 10, 10);
    expect_ticks(fixture, 10, 0);
}

static void children_that_were_never_seen_count(void **state)
{
    struct fixture *fixture = *state;
    struct process parent = {.pid = 10, .ppid = 1, .child_user = 1000};
    write_process(&fixture->tree, parent);
    sample(fixture, 10);
    parent.child_user += 20, parent.child_system += 5;
    write_process(&fixture->tree, parent);
    expect_ticks(fixture, 10, 25);
}

static void a_child_that_nobody_waits_for_takes_nothing_away(void **state)
{
    struct fixture *fixture = *state;
    struct process parent = {.pid = 10, .ppid = 1, .user = 5, .children = "11 "};
    struct process child = {.pid = 11, .ppid = 10, .user = 1000};
    write_process(&fixture->tree, parent);
    write_process(&fixture->tree, child);
    sample(fixture, 10);
    parent.user += 6, parent.children = "";
    write_process(&fixture->tree, parent);
    remove_process(&fixture->tree, 11);
    expect_ticks(fixture, 10, 6);
    /* nor for ever: of what children use later at most the rounding of two ticks is held back */
    parent.child_user += 50;
    write_process(&fixture->tree, parent);
    expect_ticks(fixture, 10, 48);
}

static void history_is_never_counted(void **state)
{
    struct fixture *fixture = *state;
    struct process parent = {.pid = 10, .ppid = 1, .start = 5};
    write_process(&fixture->tree, parent);
    sample(fixture, 10);
    /* one that is older than our looking moves in */
    parent.children = "12 ";
    write_process(&fixture->tree, parent);
    write_process(&fixture->tree, (struct process){.pid = 12, .ppid = 10, .user = 700, .start = 3});
    expect_ticks(fixture, 10, 0);
    /* its number goes to another one */
    write_process(&fixture->tree, (struct process){.pid = 12, .ppid = 10, .user = 900, .start = 4});
    expect_ticks(fixture, 10, 0);
    write_process(&fixture->tree, (struct process){.pid = 12, .ppid = 10, .user = 901, .start = 4});
    expect_ticks(fixture, 10, 1);
}

static void a_new_target_starts_anew(void **state)
{
    struct fixture *fixture = *state;
    struct process one = {.pid = 10, .ppid = 1, .user = 100, .threads = 1, .pages = 100};
    struct process other = {.pid = 20, .ppid = 1, .user = 5000, .threads = 3, .pages = 300};
    write_process(&fixture->tree, one);
    write_process(&fixture->tree, other);
    sample(fixture, 10);
    expect_ticks(fixture, 10, 0);
    sample(fixture, 20);
    ASSERT_NAN(value_of(&fixture->test, "cpu_track_pct", ""));
    ASSERT_NEAR(value_of(&fixture->test, "threads", ""), 3, 0);
    other.user += 4;
    write_process(&fixture->tree, other);
    expect_ticks(fixture, 20, 4);
}

static void more_processes_than_there_is_room_for(void **state)
{
    struct fixture *fixture = *state;
    char *children = calloc(1, 16384);
    size_t used = 0;
    assert_non_null(children);
    for (pid_t pid = 2000; pid < 3100; pid++) {
        used += (size_t)sprintf(children + used, "%d ", pid);
        write_stat(&fixture->tree,
                   (struct process){.pid = pid, .ppid = 10, .threads = 1, .pages = 1});
    }
    write_process(&fixture->tree, (struct process){.pid = 10, .threads = 1, .children = children});
    sample(fixture, 10);
    ASSERT_NEAR(value_of(&fixture->test, "threads", ""), 1024, 0);
    expect_ticks(fixture, 10, 0);
    free(children);
}

/* ---- live processes ---- */

static void burn(clockid_t clock, uint64_t ns)
{
    struct timespec now;
    do
        clock_gettime(clock, &now);
    while ((uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec < ns);
}

static double rusage_ns(int who)
{
    struct rusage usage;
    getrusage(who, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e9 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e3;
}

static void *burn_in_thread(void *unused)
{
    burn(CLOCK_THREAD_CPUTIME_ID, 100 * NS_PER_MS);
    return NULL;
}

/* Uses CPU in 20 short-lived children one after the other, in a thread of its own and in itself;
 * says by its own account how much it was, and stays. */
static void live_program(int begin_fd, int report_fd)
{
    char go;
    pthread_t thread;
    if (read(begin_fd, &go, 1) != 1)
        _exit(1);
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        if (child == 0) {
            burn(CLOCK_PROCESS_CPUTIME_ID, 10 * NS_PER_MS);
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
    pthread_create(&thread, NULL, burn_in_thread, NULL);
    pthread_join(thread, NULL);
    burn(CLOCK_PROCESS_CPUTIME_ID, 200 * NS_PER_MS);
    double used_ns = rusage_ns(RUSAGE_SELF) + rusage_ns(RUSAGE_CHILDREN);
    if (write(report_fd, &used_ns, sizeof(used_ns)) != sizeof(used_ns))
        _exit(1);
    pause();
    _exit(0);
}

static double sample_live(struct test_collector *test, pid_t pid, uint64_t *last_ns)
{
    uint64_t now_ns = clock_mono_ns();
    struct collect_tick tick = {now_ns, now_ns, pid, 1};
    for (size_t i = 0; i < test->channels.count; i++)
        test->values[i] = NAN;
    assert_int_equal(test->collector->sample(test->state, &tick, test->values), 0);
    double passed_ns = *last_ns ? (double)(tick.now_ns - *last_ns) : 0;
    *last_ns = tick.now_ns;
    double pct = value_of(test, "cpu_track_pct", "");
    return isnan(pct) ? 0 : pct / 100 * passed_ns;
}

/* Adding up cpu_track_pct over time gives what the kernel charged the program and its children,
 * though most of them lived between two looks. */
static void adds_up_to_what_the_kernel_charged(void **state)
{
    struct root root;
    struct test_collector test;
    int begin[2], report[2];
    assert_int_equal(root_open(&root, "/", NULL), 0);
    assert_int_equal(pipe(begin), 0);
    assert_int_equal(pipe(report), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        live_program(begin[0], report[1]);
    assert_int_equal(fcntl(report[0], F_SETFL, O_NONBLOCK), 0);

    test_open(&test, "proc", &root);
    uint64_t last_ns = 0;
    double expected_ns = 0, found_ns = sample_live(&test, pid, &last_ns);
    assert_int_equal(write(begin[1], "g", 1), 1);
    while (read(report[0], &expected_ns, sizeof(expected_ns)) != sizeof(expected_ns)) {
        usleep(20000);
        found_ns += sample_live(&test, pid, &last_ns);
        assert_true(value_of(&test, "mem_track_rss_mb", "") > 0);
        assert_true(value_of(&test, "threads", "") >= 1);
    }
    for (int i = 0; i < 3; i++) { /* the last walk, and what it hands out */
        usleep(60000);
        found_ns += sample_live(&test, pid, &last_ns);
    }
    assert_true(expected_ns >= 400e6);
    ASSERT_NEAR(found_ns / expected_ns, 1, 0.15);

    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    usleep(60000);
    sample_live(&test, pid, &last_ns);
    ASSERT_NAN(value_of(&test, "mem_track_rss_mb", ""));
    ASSERT_NAN(value_of(&test, "threads", ""));
    test_close(&test);
    root_close(&root);
    for (int i = 0; i < 2; i++) {
        close(begin[i]);
        close(report[i]);
    }
}

static void *wait_in_thread(void *unused)
{
    pause();
    return NULL;
}

/* A second thread, and on command a child, then none. */
static void threaded_program(int command_fd, int report_fd)
{
    pthread_t thread;
    char byte = 0;
    pthread_create(&thread, NULL, wait_in_thread, NULL);
    if (write(report_fd, &byte, 1) != 1 || read(command_fd, &byte, 1) != 1)
        _exit(1);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pause();
        _exit(0);
    }
    if (write(report_fd, &byte, 1) != 1 || read(command_fd, &byte, 1) != 1)
        _exit(1);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    if (write(report_fd, &byte, 1) != 1)
        _exit(1);
    pause();
    _exit(0);
}

/* Which child is whose no open file of a program with threads tells; a birth is seen all the same,
 * with the next walk and not with the next search. */
static void a_child_of_a_program_with_threads_is_found(void **state)
{
    struct root root;
    struct test_collector test;
    int command[2], report[2];
    char byte = 0;
    assert_int_equal(root_open(&root, "/", NULL), 0);
    assert_int_equal(pipe(command) | pipe(report), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        threaded_program(command[0], report[1]);
    }
    test_open(&test, "proc", &root);
    assert_int_equal(read(report[0], &byte, 1), 1);
    static const double processes[] = {1, 2, 1};
    for (size_t i = 0; i < 3; i++) {
        /* the tick is a second after the last one: a walk is due, and the first time a search */
        test_sample_target(&test, pid, 1);
        ASSERT_NEAR(value_of(&test, "track_processes", ""), processes[i], 0);
        if (i == 2)
            break;
        assert_int_equal(write(command[1], &byte, 1), 1);
        assert_int_equal(read(report[0], &byte, 1), 1);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    test_close(&test);
    root_close(&root);
    for (int i = 0; i < 2; i++) {
        close(command[i]);
        close(report[i]);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_memory_and_threads_over_the_tree),
        TEST(nothing_is_said_without_a_target),
        TEST(counts_what_the_live_ones_used),
        TEST(a_child_that_was_waited_for_counts_once),
        TEST(children_that_were_never_seen_count),
        TEST(a_child_that_nobody_waits_for_takes_nothing_away),
        TEST(history_is_never_counted),
        TEST(a_new_target_starts_anew),
        TEST(more_processes_than_there_is_room_for),
        cmocka_unit_test(adds_up_to_what_the_kernel_charged),
        cmocka_unit_test(a_child_of_a_program_with_threads_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
