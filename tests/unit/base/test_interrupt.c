/* Signals as data, with real signals. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/interrupt.h"

static int readable(void)
{
    struct pollfd fd = {.fd = interrupt_fd(), .events = POLLIN};
    return poll(&fd, 1, 0);
}

static void counts_signals_and_wakes_poll(void **state)
{
    /* Whoever runs the tests may have them ignored (nohup, a background job). */
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    assert_int_equal(interrupt_fd(), -1);
    assert_int_equal(interrupt_install(NULL), 0);
    int fd = interrupt_fd();
    assert_true(fd >= 0);
    assert_int_equal(interrupt_install(NULL), 0); /* again: no harm */
    assert_int_equal(interrupt_fd(), fd);
    assert_int_equal(interrupt_count(), 0);
    assert_int_equal(readable(), 0);

    raise(SIGINT);
    assert_int_equal(interrupt_count(), 1);
    assert_int_equal(readable(), 1);
    assert_int_equal(readable(), 1); /* stays so */
    raise(SIGTERM);
    assert_int_equal(interrupt_count(), 2);
    raise(SIGHUP);
    assert_int_equal(interrupt_count(), 3);
}

/* In a child, where nothing is installed yet. */
static void what_was_ignored_stays_ignored(void **state)
{
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGHUP, SIG_IGN); /* as nohup(1) does */
        int code = interrupt_install(NULL);
        raise(SIGHUP);
        _exit(code == 0 && interrupt_count() == 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_ignored_stays_ignored),
        cmocka_unit_test(counts_signals_and_wakes_poll),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
