/* test_watch_alloc.c: between open and close a watch asks for no memory, in no thread, however many
 * rows there are: so ten hours need no more than ten seconds.
 *
 * The allocator of this executable counts every call. Sanitizers bring one of their own: there this
 * test is skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "measure/watch.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define HAS_OWN_ALLOCATOR 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_OWN_ALLOCATOR 0
#endif
#endif
#ifndef HAS_OWN_ALLOCATOR
#define HAS_OWN_ALLOCATOR 1
#endif

static atomic_bool armed;
static atomic_uint calls;

#if HAS_OWN_ALLOCATOR
/* NOLINTBEGIN(readability-identifier-naming,readability-inconsistent-declaration-parameter-name):
 * the names are the C library's */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *pointer, size_t size);

static void count_call(void)
{
    if (atomic_load(&armed))
        atomic_fetch_add(&calls, 1);
}

void *malloc(size_t size)
{
    count_call();
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    count_call();
    return __libc_calloc(count, size);
}

void *realloc(void *pointer, size_t size)
{
    count_call();
    return __libc_realloc(pointer, size);
}
/* NOLINTEND(readability-identifier-naming,readability-inconsistent-declaration-parameter-name) */
#endif

static void on_row(const struct sample_row *row, double epoch_s, bool is_beginning, void *context)
{
    *(size_t *)context += !is_beginning;
}

static void the_counting_counts(void **state)
{
    if (!HAS_OWN_ALLOCATOR)
        skip();
    atomic_store(&calls, 0);
    atomic_store(&armed, true);
    void *volatile pointer = malloc(16);
    atomic_store(&armed, false);
    free(pointer);
    assert_int_equal(atomic_load(&calls), 1);
}

static void nothing_is_allocated_between_open_and_close(void **state)
{
    static const char *const names[] = {"proc", "synthetic"};
    char path[] = "/tmp/tacho-work-XXXXXX";
    struct root root;
    struct target target;
    struct watch *watch = NULL;
    struct error err = {0};
    size_t rows = 0;
    bool more = true;
    if (!HAS_OWN_ALLOCATOR)
        skip();
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(root_open(&root, "/", NULL), 0);
    assert_int_equal(target_hold(&root, getpid(), &target, NULL), 0);
    struct watch_plan plan = {.root = &root,
                              .targets = &target,
                              .target_count = 1,
                              .interval_ns = NS_PER_MS,
                              .collector_names = names,
                              .collector_count = 2,
                              .work_file = path,
                              .work_lines = true,
                              .memory_limit_mb = NAN,
                              .on_row = on_row,
                              .context = &rows};
    if (watch_open(&plan, &watch, &err) < 0)
        fail_msg("%s", err.message);
    atomic_store(&calls, 0);
    atomic_store(&armed, true);
    /* More rows than are kept: thinning, too, takes no memory. */
    while (rows < 3 * WATCH_SAMPLES_EACH) {
        assert_int_equal(write(fd, "line\n", 5), 5);
        assert_int_equal(watch_step(watch, 50, &more, NULL), 0);
    }
    atomic_store(&armed, false);
    assert_int_equal(atomic_load(&calls), 0);
    assert_true(more);
    assert_int_equal(watch_close(watch, NULL), 0);
    watch_free(watch);
    target_release(&target);
    root_close(&root);
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_counting_counts),
        cmocka_unit_test(nothing_is_allocated_between_open_and_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
