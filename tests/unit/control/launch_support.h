/* launch_support.h: what the tests of control/ share: run one of tests/support/prog_… and look at
 * the report. Each test program calls launch_setup first thing in main, as tacho does. */
#ifndef TACHO_TESTS_LAUNCH_SUPPORT_H
#define TACHO_TESTS_LAUNCH_SUPPORT_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/util.h"
#include "control/launcher.h"
#include "model/reason.h"

#define PROG(name) (PROG_DIR "/prog_" name)
#define PROG_TEXT(name) PROG_DIR "/prog_" name /* to be a part of a longer literal */
#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct launcher launcher = {.socket = -1};

static inline struct launch_request request_of(const char *const *argv)
{
    return (struct launch_request){.argv = argv, .stdout_fd = -1, .stderr_fd = -1};
}

/* Runs to the end and returns the report. */
static inline struct launch_report launch(const struct launch_request *request)
{
    struct launch_report report = {0};
    struct error err = {0};
    pid_t pid = -1;
    if (launcher_launch(&launcher, request, &pid, &err) != 0 ||
        launcher_report(&launcher, &report, &err) != 0)
        fail_msg("%s", err.message);
    if (report.outcome != LAUNCH_EXEC_FAILED)
        assert_int_equal(pid, report.pid);
    return report;
}

static inline struct launch_report launch_argv(const char *const *argv)
{
    struct launch_request request = request_of(argv);
    return launch(&request);
}

/* Runs to the end with stdout in a pipe; output is what it wrote (at most size - 1 bytes, and at
 * most what a pipe holds). */
static inline struct launch_report launch_output(struct launch_request *request, char *output,
                                                 size_t size)
{
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    request->stdout_fd = fds[1];
    struct launch_report report = launch(request);
    close(fds[1]);
    size_t used = 0;
    ssize_t n;
    while (used + 1 < size && (n = read(fds[0], output + used, size - 1 - used)) > 0)
        used += (size_t)n;
    output[used] = '\0';
    close(fds[0]);
    return report;
}

/* A name for a file that a program will write. */
static inline void make_path(char path[64])
{
    snprintf(path, 64, "/tmp/tacho-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
}

/* The pid that a program wrote into a file, waited for up to 10 s. */
static inline pid_t pid_in(const char *path)
{
    for (int i = 0; i < 1000; i++) {
        FILE *file = fopen(path, "r");
        int pid = 0;
        int found = file != NULL ? fscanf(file, "%d\n", &pid) : 0;
        if (file != NULL)
            fclose(file);
        if (found == 1 && pid > 0)
            return pid;
        usleep(10 * 1000);
    }
    fail_msg("%s holds no pid", path);
    return 0;
}

/* Whether the process is gone (a zombie is), waited for up to 10 s. */
static inline bool gone(pid_t pid)
{
    for (int i = 0; i < 1000; i++) {
        char path[64], text[512] = "";
        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return true;
        ssize_t n = read(fd, text, sizeof(text) - 1);
        close(fd);
        const char *state = n > 0 ? strrchr(text, ')') : NULL;
        if (state == NULL || state[2] == 'Z' || state[2] == 'X')
            return true;
        usleep(10 * 1000);
    }
    return false;
}

static inline int launch_setup(void)
{
    struct error err = {0};
    if (launcher_start(&launcher, &err) == 0)
        return 0;
    fprintf(stderr, "%s\n", err.message);
    return 1;
}

#endif
