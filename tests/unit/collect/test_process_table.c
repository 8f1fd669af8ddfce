/* The processes of a tree, one by one, against processes that this test starts. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "collect/process_table.h"

static struct process_table table;

/* A child with a child of its own; both wait until they are killed. */
static pid_t start_tree(pid_t *ret_inner)
{
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t outer = fork();
    assert_true(outer >= 0);
    if (outer == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (fork() == 0) {
            /* Told only once it is bound to die with its parent: one that outlives the test
               would hold the test's output open, and whoever reads that would wait for ever. */
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            pid_t inner = getpid();
            if (write(ready[1], &inner, sizeof(inner)) != sizeof(inner))
                _exit(1);
        }
        for (;;)
            pause();
    }
    assert_int_equal(read(ready[0], ret_inner, sizeof(*ret_inner)), sizeof(*ret_inner));
    close(ready[0]);
    close(ready[1]);
    return outer;
}

static void reads_a_tree_depth_first(void **state)
{
    struct root root;
    pid_t inner, outer = start_tree(&inner);
    assert_int_equal(root_open(&root, "/", NULL), 0);
    /* The outer one twice: a tree below another is part of it. */
    struct collect_targets targets = {.count = 3, .pids = {getpid(), outer, inner}};
    memset(&table, 0, sizeof(table));
    process_table_read(&table, &root, &targets, 1000);
    assert_int_equal(table.count, 3);
    assert_int_equal(table.rows[0].pid, getpid());
    assert_int_equal(table.rows[1].pid, outer);
    assert_int_equal(table.rows[2].pid, inner);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(table.rows[i].depth, i);
        assert_true(isnan(table.rows[i].cpu_pct)); /* first seen: unknown, not 0 */
        /* statm's count lies in per-CPU parts (kernel 6.2): a process just forked may show 0. */
        assert_false(isnan(table.rows[i].rss_mb));
        assert_true(table.rows[i].fds >= 3);
        assert_non_null(strstr(table.rows[i].name, "test_process_table"));
        assert_null(strchr(table.rows[i].name, '/'));
    }
    assert_true(table.rows[0].rss_mb > 0);
    assert_false(table.is_truncated);

    targets.without_children = true;
    targets.count = 1;
    process_table_read(&table, &root, &targets, 2000);
    assert_int_equal(table.count, 1);
    kill(outer, SIGKILL);
    waitpid(outer, NULL, 0);
    root_close(&root);
}

static void tells_cpu_by_the_process_clock(void **state)
{
    struct root root;
    struct collect_targets targets = {.count = 1, .pids = {getpid()}, .without_children = true};
    assert_int_equal(root_open(&root, "/", NULL), 0);
    memset(&table, 0, sizeof(table));
    uint64_t spent = clock_process_ns();
    process_table_read(&table, &root, &targets, NS_PER_S);
    while (clock_process_ns() - spent < 30 * NS_PER_MS)
        ;
    /* As if a second had passed: 30 ms of it are 3 %, and reading costs a little more. */
    process_table_read(&table, &root, &targets, 2 * NS_PER_S);
    double used = (double)(clock_process_ns() - spent) / (double)NS_PER_S * 100;
    assert_true(table.rows[0].cpu_pct > 2 && table.rows[0].cpu_pct <= used);
    root_close(&root);
}

static void one_that_is_gone_or_another_has_no_row(void **state)
{
    struct root root;
    pid_t inner, outer = start_tree(&inner);
    assert_int_equal(root_open(&root, "/", NULL), 0);
    struct collect_targets targets = {.count = 1, .pids = {outer}, .start_ticks = {1}};
    memset(&table, 0, sizeof(table));
    process_table_read(&table, &root, &targets, 1000);
    assert_int_equal(table.count, 0); /* has the pid, began at another time */
    targets.start_ticks[0] = 0;
    kill(outer, SIGKILL);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)outer, &info, WEXITED | WNOWAIT), 0);
    process_table_read(&table, &root, &targets, 2000);
    assert_int_equal(table.count, 0); /* a zombie */
    waitpid(outer, NULL, 0);
    process_table_read(&table, &root, &targets, 3000);
    assert_int_equal(table.count, 0);
    root_close(&root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_tree_depth_first),
        cmocka_unit_test(tells_cpu_by_the_process_clock),
        cmocka_unit_test(one_that_is_gone_or_another_has_no_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
