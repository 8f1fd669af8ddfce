/* /proc: nasty names, truncated text, this process against getrusage, and trees of real children.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/procfs.h"
#include "base/util.h"

static char directory[] = "/tmp/tacho-test-procfs-XXXXXX";

#define REST                                                                                       \
    " 12 34 34 0 -1 4194560 501 77 3 4 1000 2000 -1 40 20 0 9 0 123456 8392704 256 "               \
    "18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 3 0 0 0 0 0\n"

static void parses_nasty_command_names(void **state)
{
    static const char *const names[] = {
        "cat", "a b", "a) R 1 (b", ")", "(", "))((", "new\nline", "", "tab\tand 한글", ") S 7",
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char text[512];
        struct proc_stat stat;
        snprintf(text, sizeof(text), "77 (%s) S" REST, names[i]);
        assert_int_equal(procfs_parse_stat(text, &stat, NULL), 0);
        assert_string_equal(stat.comm, names[i]);
        assert_int_equal(stat.pid, 77);
        assert_int_equal(stat.ppid, 12);
        assert_int_equal(stat.state, 'S');
        assert_int_equal(stat.minor_faults, 501);
        assert_int_equal(stat.major_faults, 3);
        assert_int_equal(stat.user_ticks, 1000);
        assert_int_equal(stat.system_ticks, 2000);
        assert_int_equal(stat.child_system_ticks, 40);
        assert_int_equal(stat.threads, 9);
        assert_int_equal(stat.start_ticks, 123456);
        assert_int_equal(stat.rss_pages, 256);
    }
}

static void takes_old_kernels_and_refuses_other_text(void **state)
{
    struct proc_stat stat = {.pid = 1234};
    static const char *const wrong[] = {
        "",
        "77",
        "77 (cat",
        "77 cat) S 1",
        ")(",
        "77 (cat) ",
        "77 (cat)",
        "x (cat) S" REST,
        "77 (cat) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20",
        "77 (cat) S 1 2 3 x 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24",
        "77 (cat) S 1 2 3 4 5 6 99999999999999999999 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct error err = {0};
        assert_int_equal(procfs_parse_stat(wrong[i], &stat, &err), -ERROR_INPUT);
        assert_true(strlen(err.message) > 0);
    }
    assert_int_equal(stat.pid, 1234); /* untouched on failure */
    /* Up to rss and no further. */
    const char *shortest = "77 (cat) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21";
    assert_int_equal(procfs_parse_stat(shortest, &stat, NULL), 0);
    assert_int_equal(stat.rss_pages, 21);

    char text[512];
    snprintf(text, sizeof(text), "77 (%s) S" REST,
             "kworker/u16:3-events_unbound-and-a-name-longer-than-any-kernel-gives-out-today");
    assert_int_equal(procfs_parse_stat(text, &stat, NULL), 0);
    assert_int_equal(strlen(stat.comm), sizeof(stat.comm) - 1);
}

static void parses_io(void **state)
{
    struct proc_io io;
    const char *text = "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5\nwrite_bytes: 6\n"
                       "cancelled_write_bytes: 7\n";
    assert_int_equal(procfs_parse_io(text, &io, NULL), 0);
    assert_int_equal(io.char_read_bytes, 1);
    assert_int_equal(io.char_written_bytes, 2);
    assert_int_equal(io.read_bytes, 5);
    assert_int_equal(io.written_bytes, 6);
    /* a kernel without storage accounting */
    assert_int_equal(procfs_parse_io("rchar: 1\nwchar: 2\n", &io, NULL), 0);
    assert_true(io.read_bytes == UINT64_MAX && io.written_bytes == UINT64_MAX);
    assert_int_equal(procfs_parse_io("rchar: 1\nsyscr: 2\n", &io, NULL), -ERROR_INPUT);
    assert_int_equal(procfs_parse_io("", &io, NULL), -ERROR_INPUT);
}

static void own_process_agrees_with_getrusage(void **state)
{
    struct root root;
    assert_int_equal(root_open(&root, "/", NULL), 0);
    /* Enough work that ticks and faults are no zeros. */
    char *memory = malloc(8 << 20);
    uint64_t start_ns = clock_process_ns();
    for (unsigned round = 0; clock_process_ns() - start_ns < 120 * NS_PER_MS; round++)
        memset(memory, (int)round, 8 << 20);
    memory[clock_mono_ns() % (8 << 20)] = 'x';
    assert_non_null(memchr(memory, 'x', 8 << 20)); /* read, or the compiler drops the writes */

    char nasty[] = "a) R (b c\nd";
    assert_int_equal(prctl(PR_SET_NAME, nasty), 0);
    struct rusage before, after;
    struct proc_stat stat;
    getrusage(RUSAGE_SELF, &before);
    assert_int_equal(procfs_read_stat(&root, getpid(), &stat, NULL), 0);
    getrusage(RUSAGE_SELF, &after);
    /* The kernel escapes newline in comm from 5.x on; the name ends at the same bracket anyway. */
    assert_int_equal(strncmp(stat.comm, "a) R (b c", 9), 0);
    assert_int_equal(stat.pid, getpid());
    assert_int_equal(stat.ppid, getppid());
    assert_int_equal(stat.state, 'R');
    assert_in_range(stat.minor_faults, before.ru_minflt, after.ru_minflt);
    assert_in_range(stat.major_faults, before.ru_majflt, after.ru_majflt);
    double hz = (double)sysconf(_SC_CLK_TCK);
    double ticks_s = (double)(stat.user_ticks + stat.system_ticks) / hz;
    double usage_s = (double)(after.ru_utime.tv_sec + after.ru_stime.tv_sec) +
                     (double)(after.ru_utime.tv_usec + after.ru_stime.tv_usec) / 1e6;
    assert_true(ticks_s > 0.05 && ticks_s <= usage_s + 2 / hz && ticks_s >= usage_s - 3 / hz);
    uint64_t pages = 0;
    assert_int_equal(procfs_read_rss_pages(&root, getpid(), &pages, NULL), 0);
    /* A few pages per CPU may be missing from statm. */
    assert_true(pages * (uint64_t)sysconf(_SC_PAGESIZE) >= 6 << 20);
    free(memory);
    root_close(&root);
}

static void a_process_that_has_gone_is_absent(void **state)
{
    struct root root;
    struct proc_stat stat;
    uint64_t pages;
    pid_t pids[4];
    size_t count;
    assert_int_equal(root_open(&root, "/", NULL), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    assert_int_equal(procfs_read_stat(&root, pid, &stat, NULL), -ERROR_ABSENT);
    assert_int_equal(procfs_read_rss_pages(&root, pid, &pages, NULL), -ERROR_ABSENT);
    assert_int_equal(procfs_tree(&root, pid, true, pids, 4, &count, NULL, NULL), -ERROR_ABSENT);
    assert_int_equal(procfs_tree(&root, -1, true, pids, 4, &count, NULL, NULL), -ERROR_ABSENT);
    root_close(&root);
}

#define CHILDREN 5

/* Forks CHILDREN children, the first of which has a child itself; all wait for the pipe to close.
 */
static void fork_family(pid_t pids[CHILDREN + 1], int *ret_release)
{
    int release[2], report[2];
    assert_int_equal(pipe(release), 0);
    assert_int_equal(pipe(report), 0);
    for (int i = 0; i < CHILDREN; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            pid_t grandchild = i == 0 ? fork() : 0;
            if (grandchild > 0 &&
                write(report[1], &grandchild, sizeof(grandchild)) != sizeof(grandchild))
                _exit(1);
            close(release[1]);
            char byte;
            while (read(release[0], &byte, 1) < 0 && errno == EINTR)
                ;
            if (grandchild > 0)
                waitpid(grandchild, NULL, 0);
            _exit(0);
        }
    }
    assert_int_equal(read(report[0], &pids[CHILDREN], sizeof(pid_t)), sizeof(pid_t));
    close(report[0]);
    close(report[1]);
    close(release[0]);
    *ret_release = release[1];
}

static bool contains(const pid_t *pids, size_t count, pid_t pid)
{
    for (size_t i = 0; i < count; i++) {
        if (pids[i] == pid)
            return true;
    }
    return false;
}

static void finds_the_tree_of_real_children(void **state)
{
    struct root root;
    pid_t family[CHILDREN + 1], pids[64];
    int release;
    size_t count;
    bool truncated;
    assert_int_equal(root_open(&root, "/", NULL), 0);
    fork_family(family, &release);

    assert_int_equal(procfs_tree(&root, getpid(), true, pids, 64, &count, &truncated, NULL), 0);
    assert_int_equal(count, CHILDREN + 2);
    assert_false(truncated);
    assert_int_equal(pids[0], getpid());
    for (int i = 0; i <= CHILDREN; i++)
        assert_true(contains(pids, count, family[i]));
    assert_int_equal(pids[count - 1], family[CHILDREN]); /* breadth first: the grandchild last */

    assert_int_equal(procfs_tree(&root, getpid(), false, pids, 64, &count, NULL, NULL), 0);
    assert_int_equal(count, CHILDREN + 1);
    assert_false(contains(pids, count, getpid()));

    assert_int_equal(procfs_tree(&root, getpid(), true, pids, 3, &count, &truncated, NULL), 0);
    assert_int_equal(count, 3);
    assert_true(truncated);
    close(release);
    for (int i = 0; i < CHILDREN; i++)
        waitpid(family[i], NULL, 0);
    root_close(&root);
}

static void put_process(const char *tree, pid_t pid, pid_t ppid, const char *children)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/proc/%d/task/%d", tree, pid, pid);
    assert_int_equal(file_make_directories(path, NULL), 0);
    if (children) {
        snprintf(path, sizeof(path), "%s/proc/%d/task/%d/children", tree, pid, pid);
        assert_int_equal(file_write_atomic(path, children, strlen(children), NULL), 0);
    }
    char text[512];
    snprintf(path, sizeof(path), "%s/proc/%d/stat", tree, pid);
    snprintf(text, sizeof(text), "%d (p) 9) S %d" REST, pid, ppid);
    assert_int_equal(file_write_atomic(path, text, strlen(text), NULL), 0);
}

static void finds_the_tree_without_children_files(void **state)
{
    char tree[256];
    struct root root;
    pid_t pids[64];
    size_t count;
    bool truncated;
    snprintf(tree, sizeof(tree), "%s/scan", directory);
    put_process(tree, 1, 0, NULL);
    put_process(tree, 10, 1, NULL);
    put_process(tree, 30, 10, NULL);
    put_process(tree, 20, 30, NULL); /* a pid that is smaller than its parent's */
    put_process(tree, 31, 10, NULL);
    put_process(tree, 99, 1, NULL);
    assert_int_equal(root_open(&root, tree, NULL), 0);
    assert_int_equal(procfs_tree(&root, 10, true, pids, 64, &count, &truncated, NULL), 0);
    assert_int_equal(count, 4);
    assert_int_equal(pids[0], 10);
    assert_true(contains(pids + 1, 2, 30) && contains(pids + 1, 2, 31));
    assert_int_equal(pids[3], 20);
    assert_false(truncated);
    assert_int_equal(procfs_tree(&root, 20, false, pids, 64, &count, &truncated, NULL), 0);
    assert_int_equal(count, 0);
    root_close(&root);
}

static void reads_long_lists_of_children_and_survives_strange_ones(void **state)
{
    char tree[256];
    static char list[100000];
    static pid_t pids[4000];
    struct root root;
    size_t count, length = 0;
    bool truncated;
    snprintf(tree, sizeof(tree), "%s/long", directory);
    for (int i = 0; i < 3000; i++)
        length += (size_t)snprintf(list + length, sizeof(list) - length, "%d ", 100000 + i);
    put_process(tree, 10, 1, list);
    put_process(tree, 11, 1, "12 12 11 x 99999999999999999999 -5 0 13");
    put_process(tree, 12, 11, "11");
    assert_int_equal(root_open(&root, tree, NULL), 0);
    assert_int_equal(procfs_tree(&root, 10, false, pids, 4000, &count, &truncated, NULL), 0);
    assert_int_equal(count, 3000);
    for (int i = 0; i < 3000; i++)
        assert_int_equal(pids[i], 100000 + i); /* no number is torn at the edge of a buffer */
    assert_int_equal(procfs_tree(&root, 11, false, pids, 4000, &count, &truncated, NULL), 0);
    assert_int_equal(count, 3); /* 12, 5 and 13, each once, and no walk in circles */
    root_close(&root);
}

static void parses_memory(void **state)
{
    struct proc_memory memory;
    assert_int_equal(
        procfs_parse_memory("Name:\tRssAnon: 7\nRssAnon:\t  12 kB\nVmSwap:\t3 kB\n", &memory, NULL),
        0);
    assert_int_equal(memory.anon_bytes, 12 * 1024);
    assert_int_equal(memory.swap_bytes, 3 * 1024);
    /* an old kernel, or a process without memory; numbers that are none */
    assert_int_equal(procfs_parse_memory("Name:\ta\nRssAnon:\t99999999999999999999 kB\nVmSwap: x\n",
                                         &memory, NULL),
                     0);
    assert_true(memory.anon_bytes == UINT64_MAX && memory.swap_bytes == UINT64_MAX);
    assert_int_equal(procfs_parse_memory("", &memory, NULL), -ERROR_INPUT);
}

static void own_descriptors_and_switches_are_counted(void **state)
{
    struct root root;
    uint64_t before, after, voluntary, involuntary, more;
    int fds[5];
    assert_int_equal(root_open(&root, "/", NULL), 0);
    assert_int_equal(procfs_count_fds(&root, getpid(), &before, NULL), 0);
    for (int i = 0; i < 5; i++)
        fds[i] = dup(1);
    assert_int_equal(procfs_count_fds(&root, getpid(), &after, NULL), 0);
    assert_int_equal(after - before, 5);
    for (int i = 0; i < 5; i++)
        close(fds[i]);
    assert_int_equal(procfs_read_switches(&root, getpid(), &voluntary, &involuntary, NULL), 0);
    for (int i = 0; i < 20; i++)
        usleep(100);
    assert_int_equal(procfs_read_switches(&root, getpid(), &more, &involuntary, NULL), 0);
    assert_true(more >= voluntary + 20);
    assert_int_equal(procfs_count_fds(&root, 0x3fffffff, &before, NULL), -ERROR_ABSENT);
    assert_int_equal(procfs_read_switches(&root, 0x3fffffff, &before, &after, NULL), -ERROR_ABSENT);
    root_close(&root);
}

static void a_birth_changes_the_last_pid(void **state)
{
    struct root root;
    struct proc_memory memory;
    assert_int_equal(root_open(&root, "/", NULL), 0);
    int fd = procfs_open_last_pid(&root);
    if (fd < 0) {
        root_close(&root);
        skip(); /* a sandbox with a /proc of its own */
    }
    for (int i = 0; i < 3; i++) {
        uint64_t before = procfs_last_pid(fd);
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        assert_int_not_equal(procfs_last_pid(fd), before);
        waitpid(child, NULL, 0);
    }
    close(fd);
    assert_int_equal(procfs_last_pid(-1), 0);
    /* a recorded tree has no births */
    root.is_machine = false;
    assert_int_equal(procfs_open_last_pid(&root), -1);
    root.is_machine = true;

    fd = root_open_file(&root, "proc/self/status", NULL);
    assert_true(fd >= 0);
    assert_int_equal(procfs_pread_memory(fd, &memory), 0);
    assert_true(memory.anon_bytes > 0 && memory.anon_bytes != UINT64_MAX);
    close(fd);
    root_close(&root);
}

static int set_up(void **state)
{
    return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[300];
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_nasty_command_names),
        cmocka_unit_test(takes_old_kernels_and_refuses_other_text),
        cmocka_unit_test(parses_io),
        cmocka_unit_test(parses_memory),
        cmocka_unit_test(a_birth_changes_the_last_pid),
        cmocka_unit_test(own_descriptors_and_switches_are_counted),
        cmocka_unit_test(own_process_agrees_with_getrusage),
        cmocka_unit_test(a_process_that_has_gone_is_absent),
        cmocka_unit_test(finds_the_tree_of_real_children),
        cmocka_unit_test(finds_the_tree_without_children_files),
        cmocka_unit_test(reads_long_lists_of_children_and_survives_strange_ones),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
