/* test_launcher.c: what a report says about programs whose behaviour is known. */
#include "launch_support.h"

#include <sys/stat.h>
#include <sys/wait.h>

static void test_exit_status(void **state)
{
    struct launch_report report = launch_argv(ARGV("sh", "-c", "exit 7"));
    assert_int_equal(report.outcome, LAUNCH_EXITED);
    assert_int_equal(report.exit_status, 7);
    assert_true(report.begin_ns > 0);
    assert_true(report.end_ns > report.begin_ns);
    report = launch_argv(ARGV("true"));
    assert_int_equal(report.outcome, LAUNCH_EXITED);
    assert_int_equal(report.exit_status, 0);
}

static void test_signal(void **state)
{
    struct launch_report report = launch_argv(ARGV("sh", "-c", "kill -USR1 $$"));
    assert_int_equal(report.outcome, LAUNCH_SIGNALED);
    assert_int_equal(report.signal, SIGUSR1);
    assert_false(report.core_dumped);
}

static void test_exec_errors(void **state)
{
    char path[64];
    struct launch_report report = launch_argv(ARGV("no-such-program-anywhere"));
    assert_int_equal(report.outcome, LAUNCH_EXEC_FAILED);
    assert_int_equal(report.exec_errno, ENOENT);
    report = launch_argv(ARGV("/tmp"));
    assert_int_equal(report.exec_errno, EACCES);
    report = launch_argv(ARGV(""));
    assert_int_equal(report.exec_errno, ENOENT);
    make_path(path);
    report = launch_argv(ARGV(path)); /* no x bit */
    assert_int_equal(report.exec_errno, EACCES);
    /* Executable, but neither a program nor a #! script: not handed to a shell. */
    FILE *file = fopen(path, "w");
    fputs("exit 0\n", file);
    fclose(file);
    chmod(path, 0700);
    report = launch_argv(ARGV(path));
    assert_int_equal(report.outcome, LAUNCH_EXEC_FAILED);
    assert_int_equal(report.exec_errno, ENOEXEC);
    file = fopen(path, "w");
    fputs("#!/no/such/interpreter\n", file);
    fclose(file);
    report = launch_argv(ARGV(path));
    assert_int_equal(report.exec_errno, ENOENT);
    unlink(path);
    /* And the next launch is none the worse. */
    assert_int_equal(launch_argv(ARGV("true")).outcome, LAUNCH_EXITED);
}

/* The program asks getrusage itself right before its end; both are the kernel's one figure. */
static void test_rss_of_hog(void **state)
{
    char output[256];
    size_t touched = 0;
    long maxrss_kb = 0;
    struct launch_request request = request_of(ARGV(PROG("hog"), "64"));
    struct launch_report report = launch_output(&request, output, sizeof(output));
    assert_int_equal(sscanf(output, "touched_bytes %zu maxrss_kb %ld", &touched, &maxrss_kb), 2);
    assert_int_equal(touched, 64u << 20);
    assert_true(report.max_rss_bytes >= touched);
    assert_true(report.max_rss_bytes >= (uint64_t)maxrss_kb * 1024);
    /* Its own figure lacks what ending takes: a little. */
    assert_true(report.max_rss_bytes <= (uint64_t)maxrss_kb * 1024 + (1u << 20));
    assert_true(report.peak_tree_rss_bytes >= report.max_rss_bytes);
    assert_true(report.minor_faults >= touched / 4096 / 512); /* also with huge pages */
}

/* The small helper is the floor of the figure, not whoever calls it. */
static void test_rss_is_not_the_parents(void **state)
{
    size_t size = 256u << 20;
    unsigned char *memory = malloc(size);
    assert_non_null(memory);
    memset(memory, 1, size);
    struct launch_report report = launch_argv(ARGV("true"));
    assert_true(memory[size - 1] == 1);
    assert_true(report.max_rss_bytes < size / 2);
    assert_true(report.rss_floor_bytes > 0 && report.rss_floor_bytes <= report.max_rss_bytes);
    free(memory);
}

static void test_tree_rss(void **state)
{
    struct launch_report report = launch_argv(ARGV(PROG("hog"), "32", "4"));
    assert_true(report.tree_samples > 0);
    assert_in_range(report.processes_max, 4, 8); /* the leak sanitizer adds a process at exit */
    assert_true(report.max_rss_bytes < 2 * (32u << 20) + (64u << 20)); /* one process */
    assert_true(report.peak_tree_rss_bytes >= 4 * (32u << 20));
    assert_int_equal(report.orphans, 0);
    assert_int_equal(report.survivors, 0);
}

static void test_cpu_time(void **state)
{
    char output[256];
    long user_us = 0, system_us = 0;
    struct launch_request request = request_of(ARGV(PROG("spin"), "200"));
    struct launch_report report = launch_output(&request, output, sizeof(output));
    assert_int_equal(sscanf(output, "user_us %ld system_us %ld", &user_us, &system_us), 2);
    uint64_t cpu_ns = report.user_ns + report.system_ns;
    assert_true(cpu_ns >= 195 * NS_PER_MS); /* what was there before exec is taken off */
    assert_true(cpu_ns <= report.end_ns - report.begin_ns);
    assert_true(cpu_ns + 5 * NS_PER_MS >= (uint64_t)(user_us + system_us) * NS_PER_US);

    report = launch_argv(ARGV(PROG("spin"), "100", "2"));
    cpu_ns = report.user_ns + report.system_ns;
    assert_true(cpu_ns >= 195 * NS_PER_MS);
    assert_true(cpu_ns <= 2 * (report.end_ns - report.begin_ns));
}

static void test_switches_and_faults(void **state)
{
    struct launch_report idle = launch_argv(ARGV("true"));
    struct launch_report sleepy =
        launch_argv(ARGV("sh", "-c", "sleep 0.01; sleep 0.01; sleep 0.01; sleep 0.01; sleep 0.01"));
    assert_true(idle.minor_faults > 0);
    /* Each sleep is a child that sleeps and a shell that waits. */
    assert_true(sleepy.voluntary_switches >= idle.voluntary_switches + 5);
}

static void test_character_io(void **state)
{
    char output[16];
    struct launch_request request = request_of(ARGV(PROG("write"), "12345"));
    struct launch_report report = launch(&request);
    if (report.io_reason == REASON_ABSENT)
        skip(); /* a kernel without I/O accounting */
    assert_int_equal(report.io_reason, REASON_NONE);
    assert_int_equal(report.char_written_bytes, 12345);
    assert_int_equal(launch_argv(ARGV(PROG("write"), "0")).char_written_bytes, 0);
    /* Reading: the loader reads too, so the difference of two launches counts. */
    struct launch_report none = launch_argv(ARGV("head", "-c", "0", "/dev/zero"));
    struct launch_report some = launch_argv(ARGV("head", "-c", "100000", "/dev/zero"));
    uint64_t read_bytes = some.char_read_bytes - none.char_read_bytes;
    assert_in_range(read_bytes, 100000, 100000 + 65536);
    /* Also what children did that were waited for. */
    request =
        request_of(ARGV("sh", "-c", PROG_TEXT("write") " 1000; " PROG_TEXT("write") " 234; :"));
    report = launch_output(&request, output, sizeof(output));
    assert_int_equal(report.char_written_bytes, 1234);
}

static void test_surroundings(void **state)
{
    char output[1024];
    /* stdin is /dev/null, the group is its own, no signal is blocked or ignored. */
    struct launch_request request = request_of(
        ARGV("sh", "-c",
             "readlink /proc/self/fd/0; read pid comm st ppid pgrp rest < /proc/$$/stat;"
             "[ $pid = $pgrp ] && echo leader; grep -E 'SigBlk|SigIgn' /proc/self/status"));
    launch_output(&request, output, sizeof(output));
    assert_string_equal(output, "/dev/null\nleader\nSigBlk:\t0000000000000000\n"
                                "SigIgn:\t0000000000000000\n");
    /* No descriptor of the helper leaks into it. */
    request = request_of(ARGV("sh", "-c", "ls /proc/self/fd | wc -w"));
    launch_output(&request, output, sizeof(output));
    int inherited = 0;
    for (int fd = 3; fd < 1024; fd++) {
        int flags = fcntl(fd, F_GETFD);
        inherited += flags >= 0 && (flags & FD_CLOEXEC) == 0;
    }
    assert_int_equal(atoi(output), 4 + inherited); /* 0, 1, 2 and ls's own */
}

/* What it shows is the file's own identity: neither a copy nor something else at that number. */
static void test_pass_fd(void **state)
{
    char output[256], path[64], expected[80];
    make_path(path);
    CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(write(fd, "sent over\n", 10), 10);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    snprintf(expected, sizeof(expected), "%s\nsent over\n", path);
    struct launch_request request = request_of(ARGV("sh", "-c", "readlink /proc/$$/fd/3; cat <&3"));
    request.has_pass_fd = true;
    request.pass_fd = fd;
    launch_output(&request, output, sizeof(output));
    assert_string_equal(output, expected);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0); /* borrowed, and left as it was */
    /* With stderr too, and as the only descriptor that is more than usual. */
    int inherited = 0;
    for (int other = 3; other < 1024; other++) {
        int flags = fcntl(other, F_GETFD);
        inherited += other != 3 && flags >= 0 && (flags & FD_CLOEXEC) == 0;
    }
    request.argv = ARGV("sh", "-c", "echo x >&2; ls /proc/self/fd | wc -w");
    CLEANUP_CLOSE int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    request.stderr_fd = null_fd;
    launch_output(&request, output, sizeof(output));
    assert_int_equal(atoi(output), 5 + inherited); /* 0, 1, 2, the passed one and ls's own */
    /* A failed exec is still told, whatever stood at 3 before. */
    request = request_of(ARGV("no-such-program-anywhere"));
    request.has_pass_fd = true;
    request.pass_fd = fd;
    struct launch_report report = launch(&request);
    assert_int_equal(report.outcome, LAUNCH_EXEC_FAILED);
    assert_int_equal(report.exec_errno, ENOENT);
    /* And nothing is passed to the next. */
    request = request_of(ARGV("sh", "-c", "readlink /proc/$$/fd/3"));
    launch_output(&request, output, sizeof(output));
    assert_null(strstr(output, path));
    unlink(path);
}

/* The same, whatever numbers the launcher's own descriptors have: one of them stands in the place
 * that the passed one gets. */
static void test_pass_fd_of_small_numbers(void **state)
{
    char path[64];
    make_path(path);
    pid_t pid = fork();
    if (pid == 0) {
        struct launcher own;
        struct launch_report report;
        pid_t started;
        char script[128];
        snprintf(script, sizeof(script), "[ \"$(readlink /proc/$$/fd/3)\" = %s ] && exit 7", path);
        struct launch_request request = request_of(ARGV("sh", "-c", script));
        bool is_right = true;
        for (int first = 0; first <= 3; first++) { /* so many numbers are taken beforehand */
            for (int fd = 3; fd < 1024; fd++)
                close(fd);
            for (int i = 0; i < first; i++)
                is_right = is_right && open("/dev/null", O_RDONLY | O_CLOEXEC) == 3 + i;
            if (launcher_start(&own, NULL) != 0)
                _exit(1);
            request.has_pass_fd = true;
            request.pass_fd = open(path, O_RDONLY | O_CLOEXEC);
            is_right = is_right && launcher_launch(&own, &request, &started, NULL) == 0 &&
                       launcher_report(&own, &report, NULL) == 0 && report.exit_status == 7;
            launcher_stop(&own);
        }
        _exit(is_right ? 42 : 2);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 42);
    unlink(path);
}

static void test_oom_first(void **state)
{
    char before[32] = "", output[32];
    CLEANUP_CLOSE int fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, before, sizeof(before) - 1) <= 0)
        skip();
    struct launch_request request = request_of(ARGV("cat", "/proc/self/oom_score_adj"));
    launch_output(&request, output, sizeof(output));
    assert_string_equal(output, before);
    request.is_oom_first = true;
    launch_output(&request, output, sizeof(output));
    assert_string_equal(output, "1000\n");
    /* What the child wrote to say so is not on the program's bill. */
    request = request_of(ARGV(PROG("write"), "0"));
    request.is_oom_first = true;
    struct launch_report report = launch(&request);
    if (report.io_reason == REASON_NONE)
        assert_int_equal(report.char_written_bytes, 0);
    /* The launcher itself is as before. */
    request = request_of(ARGV("cat", "/proc/self/oom_score_adj"));
    launch_output(&request, output, sizeof(output));
    assert_string_equal(output, before);
}

static void test_environment(void **state)
{
    char output[256];
    const char *const additions[] = {"TACHO_TEST_A=one two", "HOME=/elsewhere", NULL};
    struct launch_request request = request_of(ARGV("sh", "-c", "echo \"$TACHO_TEST_A:$HOME\""));
    request.setenv = additions;
    launch_output(&request, output, sizeof(output));
    assert_string_equal(output, "one two:/elsewhere\n");
    assert_null(getenv("TACHO_TEST_A"));
    /* The command is looked up in the PATH that it gets. */
    const char *const path[] = {"PATH=/nowhere::" PROG_DIR, NULL};
    request = request_of(ARGV("prog_args", "a"));
    request.setenv = path;
    launch_output(&request, output, sizeof(output));
    assert_string_equal(output, "count 1 bytes 1\n");
}

static void test_large_arguments(void **state)
{
    enum { COUNT = 1000, LENGTH = 1000 };
    const char *argv[COUNT + 2] = {PROG("args")};
    char text[LENGTH + 1], output[256];
    memset(text, 'x', LENGTH);
    text[LENGTH] = '\0';
    for (int i = 1; i <= COUNT; i++)
        argv[i] = text;
    struct launch_request request = request_of(argv);
    struct launch_report report = launch_output(&request, output, sizeof(output));
    assert_int_equal(report.outcome, LAUNCH_EXITED);
    assert_string_equal(output, "count 1000 bytes 1000000\n");
    /* One argument over the kernel's limit (128 KiB) is an exec error, not a broken protocol. */
    char *huge = malloc(4u << 20);
    assert_non_null(huge);
    memset(huge, 'x', (4u << 20) - 1);
    huge[(4u << 20) - 1] = '\0';
    report = launch_argv(ARGV(PROG("args"), huge));
    assert_int_equal(report.outcome, LAUNCH_EXEC_FAILED);
    assert_int_equal(report.exec_errno, E2BIG);
    free(huge);
}

static void test_affinity(void **state)
{
    char output[256];
    cpu_set_t allowed;
    assert_int_equal(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
    struct launch_report report = launch_argv(ARGV("true"));
    assert_true(CPU_EQUAL(&report.affinity, &allowed));
    int last = -1;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed))
            last = cpu;
    struct launch_request request =
        request_of(ARGV("sh", "-c", "grep Cpus_allowed_list /proc/self/status"));
    request.has_affinity = true;
    CPU_ZERO(&request.affinity);
    CPU_SET(last, &request.affinity);
    report = launch_output(&request, output, sizeof(output));
    assert_true(CPU_EQUAL(&report.affinity, &request.affinity));
    assert_int_equal(atoi(strchr(output, '\t') + 1), last);
    /* What cannot be applied is not claimed. */
    CPU_ZERO(&request.affinity);
    CPU_SET(CPU_SETSIZE - 1, &request.affinity);
    request.stdout_fd = -1;
    report = launch(&request);
    assert_int_equal(report.outcome, LAUNCH_EXITED);
    assert_true(CPU_EQUAL(&report.affinity, &allowed));
}

static void test_closed_stdout(void **state)
{
    char output[64];
    struct launch_request request = request_of(ARGV(PROG("close_stdout"), "3"));
    struct launch_report report = launch_output(&request, output, sizeof(output));
    assert_int_equal(report.outcome, LAUNCH_EXITED);
    assert_int_equal(report.exit_status, 3);
    assert_string_equal(output, "before 1\n");
}

static void test_report_wakes_poll(void **state)
{
    struct launch_report report;
    pid_t pid;
    struct launch_request request = request_of(ARGV("sleep", "0.2"));
    assert_int_equal(launcher_launch(&launcher, &request, &pid, NULL), 0);
    assert_true(pid > 0);
    struct pollfd polled = {.fd = launcher_fd(&launcher), .events = POLLIN};
    assert_int_equal(kill(pid, 0), 0);
    assert_int_equal(poll(&polled, 1, 20000), 1);
    assert_int_equal(launcher_report(&launcher, &report, NULL), 0);
    assert_true(report.end_ns - report.begin_ns >= 200 * NS_PER_MS);
    assert_true(report.tree_samples > 0);
}

static void test_without_command(void **state)
{
    struct error err = {0};
    pid_t pid;
    const char *const none[] = {NULL};
    struct launch_request request = request_of(none);
    assert_int_equal(launcher_launch(&launcher, &request, &pid, &err), -ERROR_INTERNAL);
}

/* Started as `tacho <&- >&- 2>&-`: no socket or file may come to stand for stdin or stdout. */
static void test_closed_descriptors(void **state)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct launcher own;
        struct launch_report report;
        pid_t started;
        close(0);
        close(1);
        close(2);
        struct launch_request request =
            request_of(ARGV("sh", "-c", "[ /dev/null -ef /dev/stdout ] && exit 7"));
        if (launcher_start(&own, NULL) != 0 || own.socket <= 2 ||
            launcher_launch(&own, &request, &started, NULL) != 0 ||
            launcher_report(&own, &report, NULL) != 0)
            _exit(1);
        launcher_stop(&own);
        _exit(report.exit_status == 7 ? 42 : 2);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 42);
}

static void test_helper_gone(void **state)
{
    struct launcher own = {.socket = -1};
    struct error err = {0};
    pid_t pid;
    struct launch_report report;
    assert_int_equal(launcher_start(&own, &err), 0);
    kill(own.pid, SIGKILL);
    struct launch_request request = request_of(ARGV("true"));
    assert_int_equal(launcher_launch(&own, &request, &pid, &err), -ERROR_SYSTEM);
    assert_int_equal(launcher_report(&own, &report, &err), -ERROR_SYSTEM);
    assert_int_equal(launcher_kill(&own, true, &err), -ERROR_SYSTEM);
    assert_true(err.hint[0] != '\0');
    launcher_stop(&own);
    launcher_stop(&own); /* stopped already */
    struct launcher zeroed = {0};
    launcher_stop(&zeroed);
    assert_true(fcntl(0, F_GETFD) >= 0); /* nor did it take descriptor 0 for its socket */
}

int main(void)
{
    if (launch_setup() != 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exit_status),
        cmocka_unit_test(test_signal),
        cmocka_unit_test(test_exec_errors),
        cmocka_unit_test(test_rss_of_hog),
        cmocka_unit_test(test_rss_is_not_the_parents),
        cmocka_unit_test(test_tree_rss),
        cmocka_unit_test(test_cpu_time),
        cmocka_unit_test(test_switches_and_faults),
        cmocka_unit_test(test_character_io),
        cmocka_unit_test(test_surroundings),
        cmocka_unit_test(test_pass_fd),
        cmocka_unit_test(test_pass_fd_of_small_numbers),
        cmocka_unit_test(test_oom_first),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_large_arguments),
        cmocka_unit_test(test_affinity),
        cmocka_unit_test(test_closed_stdout),
        cmocka_unit_test(test_report_wakes_poll),
        cmocka_unit_test(test_without_command),
        cmocka_unit_test(test_closed_descriptors),
        cmocka_unit_test(test_helper_gone),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    launcher_stop(&launcher);
    return failed;
}
