/* test_target.c: processes found by pattern, held, and why they ended. */
#include "launch_support.h"

#include <sys/syscall.h>
#include <sys/wait.h>

#include "control/target.h"
#include "test_tree.h"

static struct root machine;

static pid_t start(const char *const *argv)
{
    pid_t pid = fork();
    if (pid == 0) {
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    assert_true(pid > 0);
    return pid;
}

/* Until the child has become the program: before, its command line is the test's. */
static void hold_started(pid_t pid, const char *word, struct target *target)
{
    for (int i = 0; i < 500; i++) {
        struct error err = {0};
        assert_int_equal(target_hold(&machine, pid, target, &err), 0);
        if (strstr(target->command, word))
            return;
        target_release(target);
        usleep(10000);
    }
    fail_msg("%d did not become %s", (int)pid, word);
}

/* Where the kernel is older than 6.15 it does not tell, and says so. */
static void check_end(const struct target *target, enum target_end_kind kind, int value)
{
    struct target_end end;
    target_read_end(&machine, target, &end);
    if (end.kind == TARGET_END_UNKNOWN) {
        assert_non_null(strstr(end.evidence, "parent"));
        return;
    }
    assert_int_equal(end.kind, kind);
    assert_int_equal(end.value, value);
}

static void test_exit_status(void **state)
{
    struct target target;
    pid_t pid = start(ARGV("sh", "-c", "kill -STOP $$; exit 7 # held"));
    int status = 0;
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    hold_started(pid, "# held", &target);
    assert_string_equal(target.command, "sh -c kill -STOP $$; exit 7 # held");
    assert_false(target_has_ended(&machine, &target));
    kill(pid, SIGCONT);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(target_has_ended(&machine, &target));
    check_end(&target, TARGET_END_EXIT, 7);
    target_release(&target);
}

static void test_signal(void **state)
{
    struct target target;
    pid_t pid = start(ARGV("sleep", "600"));
    hold_started(pid, "sleep", &target);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(target_has_ended(&machine, &target));
    check_end(&target, TARGET_END_SIGNAL, SIGKILL);
    target_release(&target);
}

/* A descriptor becomes readable before the parent has waited, and only then does the kernel tell.
 */
static void expect_zombie(const char *const *argv, enum target_end_kind kind, int value)
{
    struct target target;
    struct target_end end;
    siginfo_t info;
    pid_t pid = start(argv);
    assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
    hold_started(pid, "# held", &target);
    kill(pid, SIGCONT);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    target_read_end(&machine, &target, &end);
    assert_int_equal(end.kind, kind);
    assert_int_equal(end.value, value);
    waitpid(pid, NULL, 0);
    target_release(&target);
}

static void test_zombie(void **state)
{
    expect_zombie(ARGV("sh", "-c", "kill -STOP $$; exit 7 # held"), TARGET_END_EXIT, 7);
    expect_zombie(ARGV("sh", "-c", "kill -STOP $$; exit 0 # held"), TARGET_END_EXIT, 0);
    expect_zombie(ARGV("sh", "-c", "kill -STOP $$; kill -KILL $$ # held"), TARGET_END_SIGNAL,
                  SIGKILL);
}

/* Its parent waits for it a little after it has ended. */
static void test_late_parent(void **state)
{
    struct target target;
    siginfo_t info;
    pid_t pid = start(ARGV("sleep", "600"));
    hold_started(pid, "sleep", &target);
    kill(pid, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    pid_t watcher = fork();
    if (watcher == 0) { /* not the parent of what it looks at, and not allowed to trace it */
        struct target_end end;
        bool is_root = getuid() == 0;
        if (is_root && setuid(65534) != 0)
            _exit(1);
        target_read_end(&machine, &target, &end);
        _exit(end.kind == TARGET_END_SIGNAL ? end.value != SIGKILL
                                            : end.kind != TARGET_END_UNKNOWN || !is_root);
    }
    usleep(5000);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    int status;
    assert_int_equal(waitpid(watcher, &status, 0), watcher);
    assert_int_equal(status, 0);
    target_release(&target);
}

static void test_lives(void **state)
{
    struct target target;
    pid_t pid = start(ARGV("sleep", "600"));
    hold_started(pid, "sleep", &target);
    assert_false(target_has_ended(&machine, &target));
    kill(pid, SIGTERM);
    /* A zombie has ended, too. */
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_true(target_has_ended(&machine, &target));
    struct error err = {0};
    struct target again;
    assert_int_equal(target_hold(&machine, pid, &again, &err), -ERROR_NOTHING);
    assert_non_null(strstr(err.message, "zombie"));
    waitpid(pid, NULL, 0);
    target_release(&target);
}

static void test_no_such_pid(void **state)
{
    struct target target;
    struct error err = {0};
    assert_int_equal(target_hold(&machine, 4194303, &target, &err), -ERROR_NOTHING);
    assert_non_null(strstr(err.message, "4194303"));
}

static void test_own_is_not_found(void **state)
{
    struct target_matches matches;
    pid_t pid = start(ARGV("sleep", "617"));
    struct target target;
    hold_started(pid, "sleep", &target);
    /* What tacho itself started is no target of a pattern. */
    assert_int_equal(target_find(&machine, "^sleep 617$", &matches, NULL), 0);
    assert_int_equal(matches.count, 0);
    target_matches_deinit(&matches);
    assert_int_equal(target_find(&machine, "test_target", &matches, NULL), 0);
    assert_int_equal(matches.count, 0);
    target_matches_deinit(&matches);
    target_release(&target);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

#define STAT(pid, name, parent)                                                                    \
#pid " (" name ") S " #parent " 1 1 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 12345 1 2 3\n"

static void add(const struct test_tree *tree, int pid, const char *stat, const char *command,
                size_t length)
{
    char name[64], path[128];
    snprintf(name, sizeof(name), "proc/%d/stat", pid);
    test_tree_write(tree, name, stat);
    snprintf(path, sizeof(path), "%s/proc/%d/cmdline", tree->path, pid);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(command, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

#define COMMAND(text) text, sizeof(text)

static void test_find_in_tree(void **state)
{
    struct test_tree tree;
    struct target_matches matches;
    struct error err = {0};
    test_tree_init(&tree);
    add(&tree, 1, STAT(1, "init", 0), COMMAND("/sbin/init"));
    add(&tree, 20, STAT(20, "sh", 1), COMMAND("sh\0-c\0python3 main.py"));
    add(&tree, 21, STAT(21, "python3", 20),
        COMMAND("python3\0main.py\0--cam\0"
                "4"));
    add(&tree, 30, STAT(30, "a) (b", 1), COMMAND("/opt/tts\0main.py\033[31m"));
    add(&tree, 40, STAT(40, "kworker/0:1", 2), "", 0);

    /* 21 is below 20, which matches too: it is counted as its child. */
    assert_int_equal(target_find(&tree.root, "python.*main\\.py", &matches, &err), 0);
    assert_int_equal(matches.count, 1);
    assert_int_equal(matches.items[0].pid, 20);
    target_matches_deinit(&matches);

    assert_int_equal(target_find(&tree.root, "main.py", &matches, &err), 0);
    assert_int_equal(matches.count, 2);
    assert_int_equal(matches.items[1].pid, 30);
    assert_string_equal(matches.items[1].name, "a) (b");
    assert_null(strchr(matches.items[1].command, '\033'));
    target_matches_deinit(&matches);

    assert_int_equal(target_find(&tree.root, "nothing here", &matches, &err), 0);
    assert_int_equal(matches.count, 0);
    target_matches_deinit(&matches);
    assert_int_equal(target_fail_unmatched(&tree.root, "pythn3.*other", &err), -ERROR_NOTHING);
    assert_non_null(strstr(err.hint, "21 python3 main.py --cam 4"));
    assert_int_equal(target_fail_unmatched(&tree.root, "zzzzzzzz", &err), -ERROR_NOTHING);
    assert_non_null(strstr(err.hint, "--wait"));

    assert_int_equal(target_find(&tree.root, "main[.py", &matches, &err), -ERROR_USAGE);
    assert_non_null(strstr(err.message, "main[.py"));
    test_tree_deinit(&tree);
}

/* A pid that was given to somebody else: the start time tells. */
static void test_reused_pid(void **state)
{
    struct test_tree tree;
    struct target target;
    test_tree_init(&tree);
    add(&tree, 77, STAT(77, "worker", 1), COMMAND("worker"));
    assert_int_equal(target_hold(&tree.root, 77, &target, NULL), 0);
    assert_false(target_has_ended(&tree.root, &target));
    add(&tree, 77, "77 (worker) S 1 1 1 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 99999 1 2 3\n",
        COMMAND("worker"));
    assert_true(target_has_ended(&tree.root, &target));
    target_release(&target);
    test_tree_deinit(&tree);
}

int main(void)
{
    assert_int_equal(root_open(&machine, "/", NULL), 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exit_status),
        cmocka_unit_test(test_signal),
        cmocka_unit_test(test_zombie),
        cmocka_unit_test(test_late_parent),
        cmocka_unit_test(test_lives),
        cmocka_unit_test(test_no_such_pid),
        cmocka_unit_test(test_own_is_not_found),
        cmocka_unit_test(test_find_in_tree),
        cmocka_unit_test(test_reused_pid),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    root_close(&machine);
    return failed;
}
