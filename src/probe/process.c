/* process.c: the life of the segment: made at first use, left behind by a fork, closed at exit. */
#include "probe/probe.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct probe probe = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

bool probe_visit_begin(struct probe_visit *visit)
{
    if (probe_self == &probe_is_busy)
        return false;
    visit->errno_before = errno;
    visit->self = probe_self;
    probe_self = &probe_is_busy;
    pthread_mutex_lock(&probe.lock);
    return true;
}

void probe_visit_end(const struct probe_visit *visit)
{
    pthread_mutex_unlock(&probe.lock);
    probe_self = visit->self;
    errno = visit->errno_before;
}

/* ---- fork ---- */

/* The child gets a segment of its own when it first needs one. The parent's is not touched: what
 * was mapped is kept to copy the names from. The inherited descriptor is closed if it still is what
 * it was; the lock is the parent's and does not notice. */
static void leave_parent(void)
{
    struct stat status;
    if (probe.fd >= 0 && fstat(probe.fd, &status) == 0 && status.st_dev == probe.fd_device &&
        status.st_ino == probe.fd_inode)
        close(probe.fd);
    probe.fd = -1;
    if (probe.names_before)
        munmap(probe.names_before, probe.names_before_size);
    probe.names_before = probe.base;
    probe.names_before_size = probe.layout.total;
    probe.base = NULL;
    probe.path[0] = 0;
    PROBE_STORE_RELEASE(&probe.state, PROBE_NEW);
}

/* The lock is held over a fork, so that the child never finds anything half done; and the thread is
 * busy, should other libraries' handlers call us in between. */
static struct probe_visit fork_visit;
static bool is_fork_visited;

static void before_fork(void)
{
    struct probe_visit visit;
    is_fork_visited = probe_visit_begin(&visit);
    fork_visit = visit;
}

static void after_fork_in_parent(void)
{
    if (is_fork_visited)
        probe_visit_end(&fork_visit);
}

static void after_fork_in_child(void)
{
    if (!is_fork_visited)
        return;
    if (PROBE_LOAD(&probe.state) == PROBE_LIVE)
        leave_parent();
    fork_visit.self = NULL;
    probe_visit_end(&fork_visit);
}

static void watch_forks(void)
{
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

/* ---- begin ---- */

static bool is_disabled(void)
{
    const char *value = getenv("TACHO_DISABLE");
    return value && *value && strcmp(value, "0") != 0;
}

static void say_failure(void)
{
    char line[PATH_MAX + 128];
    const char *verbose = secure_getenv("TACHO_VERBOSE");
    if (!verbose || !*verbose || strcmp(verbose, "0") == 0)
        return;
    errno = probe.failure; /* %m */
    int length = snprintf(line, sizeof(line), "tacho: nothing is recorded: %s: %m\n", probe.path);
    if (length > 0 && write(STDERR_FILENO, line, (size_t)length) < 0)
        return;
}

static void start(void)
{
    if (PROBE_LOAD(&probe.state) == PROBE_LIVE)
        leave_parent(); /* wiped: a fork of which no handler told (clone, _Fork) */
    if (!probe.sizes.names) {
        if (is_disabled()) {
            probe.failure = TACHO_STATUS_DISABLED;
            PROBE_STORE_RELEASE(&probe.state, PROBE_OFF);
            return;
        }
        probe_sizes_read(&probe.sizes);
        probe.has_key = pthread_key_create(&probe.key, probe_thread_ended) == 0;
    }
    probe.failure = probe_segment_create();
    if (probe.failure != 0)
        say_failure();
    if (probe.names_before) {
        munmap(probe.names_before, probe.names_before_size);
        probe.names_before = NULL;
    }
    PROBE_STORE_RELEASE(&probe.state, probe.failure ? PROBE_OFF : PROBE_LIVE);
}

/* Signals wait: one would interrupt the reservation of memory, and its handler may call us. */
bool probe_start(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct probe_visit visit;
    sigset_t all, before;
    if (PROBE_LOAD_ACQUIRE(&probe.state) == PROBE_OFF || probe_self == &probe_is_busy)
        return false;
    pthread_once(&once, watch_forks);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (!probe_visit_begin(&visit)) {
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return false;
    }
    uint32_t state = PROBE_LOAD(&probe.state);
    if (state == PROBE_NEW || (state == PROBE_LIVE && !PROBE_LOAD(&probe.private->is_alive)))
        start();
    bool is_live = PROBE_LOAD(&probe.state) == PROBE_LIVE;
    probe_visit_end(&visit);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return is_live;
}

/* ---- end ---- */

void tacho_close(void)
{
    struct probe_visit visit;
    if (PROBE_LOAD_ACQUIRE(&probe.state) != PROBE_LIVE || !probe_visit_begin(&visit))
        return;
    if (PROBE_LOAD(&probe.private->is_alive))
        probe_segment_close();
    probe_visit_end(&visit);
}

/* At exit, or when a program unloads what libtacho was linked into. The key goes, because its
 * destructor may go; the mapping stays, because other threads may still write. */
static __attribute__((destructor)) void unload(void)
{
    struct probe_visit visit;
    tacho_close();
    if (!probe_visit_begin(&visit))
        return;
    if (probe.has_key)
        pthread_key_delete(probe.key);
    probe.has_key = false;
    probe_visit_end(&visit);
}

/* ---- what it is now ---- */

const char *tacho_segment_path(void)
{
    return PROBE_LOAD_ACQUIRE(&probe.state) == PROBE_LIVE && PROBE_LOAD(&probe.private->is_alive)
               ? probe.path
               : "";
}

int tacho_status(void)
{
    return probe_is_live() ? 0 : probe.failure;
}
