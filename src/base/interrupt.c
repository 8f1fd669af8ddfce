/* interrupt.c: see interrupt.h. */
#include "base/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/util.h"

static struct {
    atomic_int count;
    atomic_int fd; /* an eventfd that is written and never read */
    atomic_bool hangup;
} interrupt_state = {.fd = -1};

static void on_signal(int signal)
{
    int saved_errno = errno;
    atomic_fetch_add(&interrupt_state.count, 1);
    const uint64_t one = 1;
    /* The counter of an eventfd is full after 2^64 signals only: nothing to handle. */
    if (write(atomic_load(&interrupt_state.fd), &one, sizeof(one)) < 0)
        errno = saved_errno;
    errno = saved_errno;
}

int interrupt_install(struct error *err)
{
    if (atomic_load(&interrupt_state.fd) >= 0)
        return 0;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return error_set_errno(err, ERROR_SYSTEM, errno, "cannot create an eventfd");
    atomic_store(&interrupt_state.fd, fd);

    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    /* Restarted calls: who waits wakes by the fd, and libraries need not handle EINTR. */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        struct sigaction old;
        /* What was ignored from the start stays ignored: nohup, background jobs of a script. */
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_IGN)
            continue;
        if (sigaction(signals[i], &action, NULL) < 0)
            return error_set_errno(err, ERROR_SYSTEM, errno, "cannot catch signal %d", signals[i]);
    }
    return 0;
}

static void on_hangup(int signal)
{
    atomic_store(&interrupt_state.hangup, true);
}

int interrupt_use_hangup(struct error *err)
{
    /* Also where it was ignored from the start: nohup is how a watch of ten hours is begun, and
     * logrotate means its file all the same. */
    struct sigaction action = {.sa_handler = on_hangup, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGHUP, &action, NULL) < 0)
        return error_set_errno(err, ERROR_SYSTEM, errno, "cannot catch signal %d", SIGHUP);
    return 0;
}

bool interrupt_take_hangup(void)
{
    return atomic_exchange(&interrupt_state.hangup, false);
}

int interrupt_count(void)
{
    return atomic_load(&interrupt_state.count);
}

int interrupt_fd(void)
{
    return atomic_load(&interrupt_state.fd);
}
