/* test_command_failures.c: programs that fail: the outcome, and the sentence for the user. */
#include "command_support.h"

static void expect(const char *const *argv, enum invocation_outcome outcome, const char *message,
                   const char *hint)
{
    struct bench bench;
    bench_launch(&bench, argv);
    assert_int_equal(bench.invocation.outcome, outcome);
    if (message != NULL && strstr(bench.err.message, message) == NULL)
        fail_msg("'%s' does not say '%s'", bench.err.message, message);
    if (hint != NULL && strstr(bench.err.hint, hint) == NULL)
        fail_msg("'%s' does not say '%s'", bench.err.hint, hint);
    assert_int_equal(error_exit_code(bench.err.code), 5);
    bool started = outcome != INVOCATION_NOT_STARTED;
    const struct run_series *wall = run_find_series(&bench.run, "wall_ms", NULL);
    assert_int_equal(wall != NULL ? wall->count : 0, started);
    bench_end(&bench);
}

static void write_file(const char *path, const char *text, size_t size, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static void test_exit_status(void **state)
{
    expect(ARGV("sh", "-c", "exit 3"), INVOCATION_EXIT, "exit status 3", "--show-output");
}

static void test_signal(void **state)
{
    expect(ARGV("sh", "-c", "kill -SEGV $$"), INVOCATION_SIGNAL, "signal 11", NULL);
    expect(ARGV("sh", "-c", "kill -KILL $$"), INVOCATION_SIGNAL, "signal 9", "memory");
}

static void test_not_found(void **state)
{
    expect(ARGV("no-such-program-anywhere"), INVOCATION_NOT_STARTED,
           "command not found: no-such-program-anywhere", "PATH");
    expect(ARGV("./no-such-file"), INVOCATION_NOT_STARTED, "command not found: ./no-such-file",
           "no such file");
    expect(ARGV("sleep 1"), INVOCATION_NOT_STARTED, "command not found", "sh -c");
    expect(ARGV("slepe"), INVOCATION_NOT_STARTED, "command not found: slepe", "sleep");
}

static void test_not_executable(void **state)
{
    char path[] = "/tmp/tacho-test-XXXXXX", hint[64];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    snprintf(hint, sizeof(hint), "chmod +x %s", path);
    expect(ARGV(path), INVOCATION_NOT_STARTED, "not executable", hint);
    expect(ARGV("/tmp"), INVOCATION_NOT_STARTED, "a directory", NULL);

    static const char no_interpreter[] = "#! /no/such/interpreter -u\n";
    write_file(path, no_interpreter, sizeof(no_interpreter) - 1, 0700);
    expect(ARGV(path), INVOCATION_NOT_STARTED, "does not exist: /no/such/interpreter",
           "first line");
    static const char plain[] = "echo hello\n";
    write_file(path, plain, sizeof(plain) - 1, 0700);
    expect(ARGV(path), INVOCATION_NOT_STARTED, "neither a program nor a script", "#!/bin/sh");
    /* An ELF head for a machine that this is not (EM_VAX, 75). */
    char elf[64] = "\x7f"
                   "ELF\x01\x01\x01";
    elf[16] = 2;
    elf[18] = 75;
    write_file(path, elf, sizeof(elf), 0700);
    expect(ARGV(path), INVOCATION_NOT_STARTED, "another kind of machine", NULL);
    unlink(path);
}

static void test_timeout(void **state)
{
    struct bench bench;
    bench_begin(&bench, ARGV("sleep", "600"));
    bench_set(&bench, SETTING_TIMEOUT, "100ms");
    assert_int_equal(bench_open(&bench), 0);
    bench_invoke(&bench);
    assert_int_equal(bench.invocation.outcome, INVOCATION_TIMEOUT);
    assert_int_equal(bench.err.code, ERROR_PROGRAM);
    assert_non_null(strstr(bench.err.message, "100 ms"));
    bench_findings(&bench);
    assert_non_null(bench_finding(&bench, "timed_out"));
    assert_int_equal(bench.run.event_count, 1);
    assert_string_equal(bench.run.events[0].name, "timeout");
    bench_end(&bench);
}

static void test_interrupted(void **state)
{
    struct bench bench;
    bench_begin(&bench, ARGV("sleep", "600"));
    bench.stop_after = 2;
    assert_int_equal(bench_open(&bench), 0);
    bench_invoke(&bench);
    assert_int_equal(bench.invocation.outcome, INVOCATION_INTERRUPTED);
    assert_int_equal(bench.err.code, ERROR_INTERRUPTED);
    assert_int_equal(bench.invocation.signal, SIGTERM);
    bench_end(&bench);
    /* The second time at once, also with a program that ignores the first. */
    bench_begin(&bench, ARGV(PROG("stubborn")));
    bench.stop_after = 2;
    bench.stop_at_once = true;
    assert_int_equal(bench_open(&bench), 0);
    bench_invoke(&bench);
    assert_int_equal(bench.invocation.outcome, INVOCATION_INTERRUPTED);
    assert_int_equal(bench.invocation.signal, SIGKILL);
    bench_findings(&bench);
    assert_null(bench_finding(&bench, "survivors"));
    bench_end(&bench);
}

/* A sink that fails (a full disk) ends the launch and is passed on. */
static int refuse_samples(struct workload_io *io, const struct sample_block *block,
                          struct error *err)
{
    return error_set(err, ERROR_IO, "disk full");
}

static void test_failing_sink(void **state)
{
    struct bench bench;
    for (int with_metric = 0; with_metric < 2; with_metric++) {
        bench_begin(&bench, ARGV("sh", "-c", PROG_TEXT("fps") " 1000; exec sleep 600"));
        if (with_metric)
            bench_set(&bench, SETTING_METRIC, "fps=FPS: ([0-9.]+)");
        else
            bench.stop_after = 1;
        bench.io.samples = refuse_samples;
        assert_int_equal(bench_open(&bench), 0);
        assert_int_equal(workload->invoke(bench.state, &bench.io, &bench.invocation, &bench.err),
                         -ERROR_IO);
        assert_string_equal(bench.err.message, "disk full");
        /* And the launcher is free for the next one. */
        bench_end(&bench);
        bench_launch(&bench, ARGV("true"));
        assert_int_equal(bench.invocation.outcome, INVOCATION_OK);
        bench_end(&bench);
    }
}

int main(void)
{
    if (bench_setup() != 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exit_status),  cmocka_unit_test(test_signal),
        cmocka_unit_test(test_not_found),    cmocka_unit_test(test_not_executable),
        cmocka_unit_test(test_timeout),      cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_failing_sink),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    launcher_stop(&launcher);
    return failed;
}
