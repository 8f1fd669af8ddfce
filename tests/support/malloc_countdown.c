/* malloc_countdown.c: makes the Nth allocation of a process fail, to see whether it survives.
 *
 * Preloaded:  LD_PRELOAD=libmalloc_countdown.so TACHO_TEST_FAIL_ALLOC=N
 *             TACHO_TEST_FAIL_REPORT=FILE command…
 *             FILE then holds "fired N" as soon as the Nth allocation was refused, or at the end
 *             "not fired, M allocations". So a test counts N up until it does not fire any more.
 * Linked in:  malloc_countdown.h.
 *
 * Counted: malloc, calloc, realloc, reallocarray, aligned_alloc, posix_memalign, memalign; and with
 * them whatever the C library allocates for its caller (strdup, asprintf, fopen, opendir …). Only
 * the process itself counts: a forked child never fails, and a program that it executes does not
 * inherit the variables.
 * One allocation fails, the next succeeds again: that is what makes code which half goes on show.
 */
#include "malloc_countdown.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Atomic long fail_at; /* 0: off */
static _Atomic long counted;
static _Atomic long live; /* blocks taken minus blocks freed since the start */
static _Atomic bool fired;
static pid_t owner;
static char report_path[512];

static struct {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void *(*aligned_alloc)(size_t, size_t);
    int (*posix_memalign)(void **, size_t, size_t);
    void *(*memalign)(size_t, size_t);
    void (*free)(void *);
} next;

/* dlsym may allocate before it has told where the real functions are. */
static _Alignas(16) char early[16384];
static size_t early_used;

static bool is_early(const void *pointer)
{
    return (const char *)pointer >= early && (const char *)pointer < early + sizeof(early);
}

static void *early_alloc(size_t size)
{
    size_t rounded = (size + 31) & ~(size_t)15; /* 16 bytes in front hold the size */
    if (rounded > sizeof(early) - early_used)
        return NULL;
    char *block = early + early_used;
    early_used += rounded;
    memcpy(block, &size, sizeof(size));
    return block + 16;
}

static void find_symbol(void *slot, const char *name)
{
    void *symbol = dlsym(RTLD_NEXT, name);
    memcpy(slot, &symbol, sizeof(symbol));
}

/* false while the real functions are being looked for: then `early` serves. */
static bool ready(void)
{
    static bool looking;
    if (next.free)
        return true;
    if (looking)
        return false;
    looking = true;
    find_symbol(&next.malloc, "malloc");
    find_symbol(&next.calloc, "calloc");
    find_symbol(&next.realloc, "realloc");
    find_symbol(&next.aligned_alloc, "aligned_alloc");
    find_symbol(&next.posix_memalign, "posix_memalign");
    find_symbol(&next.memalign, "memalign");
    find_symbol(&next.free, "free");
    return true;
}

static void report(const char *text)
{
    if (!report_path[0])
        return;
    int fd = open(report_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return;
    ssize_t written = write(fd, text, strlen(text));
    (void)written;
    close(fd);
}

/* Counts one allocation; true: this is the one that fails. */
static bool refused(void)
{
    long limit = atomic_load(&fail_at);
    if (limit == 0 || getpid() != owner || atomic_fetch_add(&counted, 1) + 1 != limit)
        return false;
    char text[48];
    snprintf(text, sizeof(text), "fired %ld\n", limit);
    atomic_store(&fired, true);
    report(text);
    errno = ENOMEM;
    return true;
}

static void *taken(void *block)
{
    if (block)
        atomic_fetch_add(&live, 1);
    return block;
}

static void *counted_malloc(size_t size)
{
    if (!ready())
        return early_alloc(size);
    return refused() ? NULL : taken(next.malloc(size));
}

static void *counted_calloc(size_t count, size_t size)
{
    if (!ready())
        return early_alloc(count * size); /* fresh static memory is zero */
    return refused() ? NULL : taken(next.calloc(count, size));
}

static void *counted_realloc(void *pointer, size_t size)
{
    if (is_early(pointer)) {
        size_t old = 0;
        memcpy(&old, (char *)pointer - 16, sizeof(old));
        void *moved = counted_malloc(size);
        return moved ? memcpy(moved, pointer, old < size ? old : size) : NULL;
    }
    if (!ready())
        return early_alloc(size);
    if (refused())
        return NULL;
    return pointer ? next.realloc(pointer, size) : taken(next.realloc(NULL, size));
}

static void *counted_reallocarray(void *pointer, size_t count, size_t size)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return counted_realloc(pointer, bytes);
}

static void *counted_aligned_alloc(size_t alignment, size_t size)
{
    return ready() && !refused() ? taken(next.aligned_alloc(alignment, size)) : NULL;
}

static void *counted_memalign(size_t alignment, size_t size)
{
    return ready() && !refused() ? taken(next.memalign(alignment, size)) : NULL;
}

static int counted_posix_memalign(void **ret_pointer, size_t alignment, size_t size)
{
    if (!ready() || refused())
        return ENOMEM;
    int rc = next.posix_memalign(ret_pointer, alignment, size);
    if (rc == 0)
        taken(*ret_pointer);
    return rc;
}

static void counted_free(void *pointer)
{
    if (!pointer || is_early(pointer) || !ready())
        return;
    atomic_fetch_sub(&live, 1);
    next.free(pointer);
}

/* Under the names that everybody calls, whatever the C library names the parameters. */
#define REPLACE(name) __typeof__(name) name __attribute__((alias("counted_" #name)))
REPLACE(malloc);
REPLACE(calloc);
REPLACE(realloc);
REPLACE(reallocarray);
REPLACE(aligned_alloc);
REPLACE(memalign);
REPLACE(posix_memalign);
REPLACE(free);

void malloc_countdown_start(long n)
{
    owner = getpid();
    atomic_store(&counted, 0);
    atomic_store(&live, 0);
    atomic_store(&fired, false);
    atomic_store(&fail_at, n);
}

bool malloc_countdown_stop(void)
{
    atomic_store(&fail_at, 0);
    return atomic_load(&fired);
}

long malloc_countdown_live(void)
{
    return atomic_load(&live);
}

__attribute__((constructor)) static void start_from_environment(void)
{
    const char *count = getenv("TACHO_TEST_FAIL_ALLOC");
    const char *path = getenv("TACHO_TEST_FAIL_REPORT");
    if (!count)
        return;
    if (path && strlen(path) < sizeof(report_path))
        memcpy(report_path, path, strlen(path) + 1);
    long n = strtol(count, NULL, 10);
    unsetenv("TACHO_TEST_FAIL_ALLOC");
    unsetenv("TACHO_TEST_FAIL_REPORT");
    if (n > 0)
        malloc_countdown_start(n);
}

__attribute__((destructor)) static void tell_unfired(void)
{
    char text[64];
    if (atomic_load(&fail_at) == 0 || getpid() != owner || atomic_load(&fired))
        return;
    snprintf(text, sizeof(text), "not fired, %ld allocations\n", atomic_load(&counted));
    report(text);
}
