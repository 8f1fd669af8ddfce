/* test_launcher_end.c: how launches end: time-outs, kills, survivors, orphans, the end of tacho. */
#include "launch_support.h"

#include <sys/wait.h>

static void test_timeout(void **state)
{
    struct launch_request request = request_of(ARGV("sleep", "600"));
    request.timeout_ns = 100 * NS_PER_MS;
    struct launch_report report = launch(&request);
    assert_int_equal(report.outcome, LAUNCH_TIMED_OUT);
    assert_int_equal(report.signal, SIGTERM);
    assert_true(report.end_ns - report.begin_ns >= 100 * NS_PER_MS);
    assert_true(gone(report.pid));
}

static void test_timeout_not_reached(void **state)
{
    struct launch_request request = request_of(ARGV("true"));
    request.timeout_ns = 600 * NS_PER_S;
    assert_int_equal(launch(&request).outcome, LAUNCH_EXITED);
}

static void test_timeout_of_stubborn(void **state)
{
    struct launch_request request = request_of(ARGV(PROG("stubborn")));
    request.timeout_ns = 50 * NS_PER_MS;
    struct launch_report report = launch(&request);
    assert_int_equal(report.outcome, LAUNCH_TIMED_OUT);
    assert_int_equal(report.signal, SIGKILL);
    assert_true(report.end_ns - report.begin_ns >= 2000 * NS_PER_MS);
}

static void test_timeout_of_stopped(void **state)
{
    struct launch_request request = request_of(ARGV("sh", "-c", "kill -STOP $$; exec sleep 600"));
    request.timeout_ns = 100 * NS_PER_MS;
    struct launch_report report = launch(&request);
    assert_int_equal(report.outcome, LAUNCH_TIMED_OUT);
    assert_int_equal(report.signal, SIGTERM);
}

static void test_kill(void **state)
{
    struct launch_report report;
    char path[64];
    pid_t pid;
    struct launch_request request = request_of(ARGV("sleep", "600"));
    assert_int_equal(launcher_launch(&launcher, &request, &pid, NULL), 0);
    assert_int_equal(launcher_kill(&launcher, false, NULL), 0);
    assert_int_equal(launcher_report(&launcher, &report, NULL), 0);
    assert_int_equal(report.outcome, LAUNCH_KILLED);
    assert_int_equal(report.signal, SIGTERM);

    make_path(path);
    request = request_of(ARGV(PROG("stubborn"), path));
    assert_int_equal(launcher_launch(&launcher, &request, &pid, NULL), 0);
    assert_int_equal(pid_in(path), pid);
    assert_int_equal(launcher_kill(&launcher, false, NULL), 0);
    assert_int_equal(launcher_kill(&launcher, true, NULL), 0);
    assert_int_equal(launcher_report(&launcher, &report, NULL), 0);
    assert_int_equal(report.outcome, LAUNCH_KILLED);
    assert_int_equal(report.signal, SIGKILL);
    unlink(path);
    /* A kill that comes too late harms nothing. */
    assert_int_equal(launcher_kill(&launcher, true, NULL), 0);
    assert_int_equal(launch_argv(ARGV("true")).outcome, LAUNCH_EXITED);
}

static void test_survivors(void **state)
{
    struct launch_report report = launch_argv(ARGV(PROG("children"), "3", "leave"));
    assert_int_equal(report.outcome, LAUNCH_EXITED);
    assert_int_equal(report.exit_status, 0);
    assert_int_equal(report.survivors, 3);
    assert_string_equal(report.survivor_names, "prog_children");
    assert_int_equal(report.unkillable, 0);
    report = launch_argv(ARGV("sh", "-c", "sleep 600 & tail -f /dev/null & exit 0"));
    assert_int_equal(report.survivors, 2);
    assert_non_null(strstr(report.survivor_names, ", "));
}

static void test_survivor_in_another_session(void **state)
{
    char path[64];
    make_path(path);
    struct launch_report report = launch_argv(ARGV(PROG("daemon"), path));
    pid_t daemon = pid_in(path);
    assert_int_equal(report.survivors, 1);
    assert_string_equal(report.survivor_names, "prog_daemon");
    assert_true(kill(daemon, 0) != 0 && errno == ESRCH);
    unlink(path);
}

static void test_thousand_children(void **state)
{
    struct launch_report report = launch_argv(ARGV(PROG("children"), "1000", "wait", "500"));
    assert_int_equal(report.outcome, LAUNCH_EXITED);
    assert_int_equal(report.exit_status, 0);
    assert_int_equal(report.survivors, 0);
    assert_int_equal(report.orphans, 0);
    assert_true(report.processes_max > 1 && report.processes_max <= 1001);
    report = launch_argv(ARGV(PROG("children"), "1000", "leave"));
    assert_int_equal(report.exit_status, 0);
    assert_int_equal(report.survivors, 1000);
    assert_int_equal(report.unkillable, 0);
}

static void test_orphans(void **state)
{
    struct launch_report report = launch_argv(ARGV(PROG("children"), "3", "orphan", "40"));
    assert_int_equal(report.outcome, LAUNCH_EXITED);
    assert_int_equal(report.orphans, 3);
    assert_int_equal(report.survivors, 0);
    assert_true(report.orphan_cpu_ns >= 3 * 35 * NS_PER_MS);
    assert_true(report.user_ns + report.system_ns < 3 * 35 * NS_PER_MS);
}

/* Children that the kernel buried are on nobody's bill; only the task clock still knows them. */
static void test_ignored_children(void **state)
{
    struct launch_report report = launch_argv(ARGV(PROG("children"), "2", "ignore", "50"));
    const struct counter_value *clock = &report.counters[COUNTER_TASK_CLOCK];
    assert_int_equal(report.orphans, 0);
    assert_true(report.user_ns + report.system_ns < 90 * NS_PER_MS);
    if (clock->reason != REASON_NONE)
        skip();
    assert_true(clock->value >= 95 * NS_PER_MS);
}

/* A child that ends by itself when its parent does is not called a survivor. */
static void test_grace(void **state)
{
    struct launch_report report =
        launch_argv(ARGV("sh", "-c",
                         "mkfifo /tmp/tacho-test-fifo.$$; f=/tmp/tacho-test-fifo.$$;"
                         "cat $f >/dev/null & exec 9>$f; rm $f; exit 0"));
    assert_int_equal(report.outcome, LAUNCH_EXITED);
    assert_int_equal(report.survivors, 0);
    assert_int_equal(report.orphans, 1);
}

static void test_pipe_ends_with_the_launch(void **state)
{
    char output[64];
    /* launch_output reads to the end of the pipe: a survivor that still held it would hang here. */
    struct launch_request request = request_of(ARGV("sh", "-c", "sleep 600 & echo done"));
    struct launch_report report = launch_output(&request, output, sizeof(output));
    assert_string_equal(output, "done\n");
    assert_int_equal(report.survivors, 1);
}

/* Starts a launcher of its own, runs argv with it, and never ends by itself. */
static pid_t start_victim(const char *const *argv, int ready_fd)
{
    pid_t victim = fork();
    if (victim != 0)
        return victim;
    struct launcher own;
    struct launch_request request = request_of(argv);
    pid_t pid;
    if (launcher_start(&own, NULL) != 0 || launcher_launch(&own, &request, &pid, NULL) != 0)
        _exit(1);
    pid_t pids[2] = {own.pid, pid};
    if (write(ready_fd, pids, sizeof(pids)) != (ssize_t)sizeof(pids))
        _exit(1);
    for (;;)
        pause();
}

static void test_end_of_tacho(void **state)
{
    char stubborn[64], daemon[64], script[1024];
    int ready[2];
    make_path(stubborn);
    make_path(daemon);
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    snprintf(script, sizeof(script), "%s %s; exec %s %s", PROG("daemon"), daemon, PROG("stubborn"),
             stubborn);
    pid_t victim = start_victim(ARGV("sh", "-c", script), ready[1]);
    pid_t pids[2];
    assert_int_equal(read(ready[0], pids, sizeof(pids)), sizeof(pids));
    pid_t daemon_pid = pid_in(daemon);
    assert_int_equal(pid_in(stubborn), pids[1]);
    kill(victim, SIGKILL);
    waitpid(victim, NULL, 0);
    assert_true(gone(pids[1]));
    assert_true(gone(daemon_pid));
    assert_true(gone(pids[0]));
    close(ready[0]);
    close(ready[1]);
    unlink(stubborn);
    unlink(daemon);
}

static void test_end_of_helper(void **state)
{
    char path[64];
    struct launcher own;
    struct launch_report report;
    struct error err = {0};
    pid_t pid;
    make_path(path);
    assert_int_equal(launcher_start(&own, NULL), 0);
    struct launch_request request = request_of(ARGV(PROG("stubborn"), path));
    assert_int_equal(launcher_launch(&own, &request, &pid, NULL), 0);
    pid_in(path);
    kill(own.pid, SIGKILL);
    assert_int_equal(launcher_report(&own, &report, &err), -ERROR_SYSTEM);
    assert_true(gone(pid));
    launcher_stop(&own);
    unlink(path);
}

static void test_stop_while_running(void **state)
{
    struct launcher own;
    pid_t pid;
    assert_int_equal(launcher_start(&own, NULL), 0);
    struct launch_request request = request_of(ARGV(PROG("stubborn")));
    assert_int_equal(launcher_launch(&own, &request, &pid, NULL), 0);
    launcher_stop(&own);
    assert_true(kill(pid, 0) != 0 && errno == ESRCH);
}

int main(void)
{
    /* As under nohup: the launcher must not take these over. */
    signal(SIGCHLD, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    if (launch_setup() != 0)
        return 1;
    signal(SIGCHLD, SIG_DFL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_timeout_not_reached),
        cmocka_unit_test(test_timeout_of_stubborn),
        cmocka_unit_test(test_timeout_of_stopped),
        cmocka_unit_test(test_kill),
        cmocka_unit_test(test_survivors),
        cmocka_unit_test(test_survivor_in_another_session),
        cmocka_unit_test(test_thousand_children),
        cmocka_unit_test(test_orphans),
        cmocka_unit_test(test_ignored_children),
        cmocka_unit_test(test_grace),
        cmocka_unit_test(test_pipe_ends_with_the_launch),
        cmocka_unit_test(test_end_of_tacho),
        cmocka_unit_test(test_end_of_helper),
        cmocka_unit_test(test_stop_while_running),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    launcher_stop(&launcher);
    return failed;
}
