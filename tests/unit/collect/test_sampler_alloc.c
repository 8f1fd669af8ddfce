/* test_sampler_alloc.c: the sampling thread asks for no memory, whatever comes and goes.
 *
 * The allocator of this executable counts every call of a thread other than the first, from before
 * the sampler starts. Sanitizers bring an allocator of their own: there this test is skipped.
 */
#include "collect_test.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "base/procfs.h"
#include "collect/sampler.h"
#include "segment_image.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_OWN_ALLOCATOR 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_OWN_ALLOCATOR 0
#endif
#endif
#ifndef HAS_OWN_ALLOCATOR
#ifdef __GLIBC__
#define HAS_OWN_ALLOCATOR 1
#else
#define HAS_OWN_ALLOCATOR 0
#endif
#endif

static atomic_bool armed;
static atomic_uint calls;

#if HAS_OWN_ALLOCATOR
static pthread_t first_thread;

/* NOLINTBEGIN(readability-identifier-naming,readability-inconsistent-declaration-parameter-name):
 * the names are the C library's */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *pointer, size_t size);
void __libc_free(void *pointer);

static void count_call(void)
{
    if (atomic_load(&armed) && !pthread_equal(pthread_self(), first_thread))
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

void free(void *pointer)
{
    if (pointer)
        count_call();
    __libc_free(pointer);
}
/* NOLINTEND(readability-identifier-naming,readability-inconsistent-declaration-parameter-name) */

static void *allocate_once(void *unused)
{
    void *volatile pointer = malloc(16);
    free(pointer);
    return NULL;
}
#endif

static void ignore_row(const struct sample_row *row, void *context)
{
}

static pid_t start_process(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    return pid;
}

#if HAS_OWN_ALLOCATOR
/* The counting itself: a thread that allocates is caught. */
static void catches_a_thread_that_allocates(void **state)
{
    pthread_t thread;
    first_thread = pthread_self();
    atomic_store(&calls, 0);
    atomic_store(&armed, true);
    assert_int_equal(pthread_create(&thread, NULL, allocate_once, NULL), 0);
    pthread_join(thread, NULL);
    atomic_store(&armed, false);
    assert_true(atomic_load(&calls) >= 2);
}
#endif

static void the_loop_allocates_nothing(void **state)
{
    static const char *const names[] = {"proc", "nvml", "synthetic"};
    struct root root;
    struct sampler *sampler = NULL;
    struct sampler_stats stats;
    if (!HAS_OWN_ALLOCATOR)
        skip();
    assert_int_equal(root_open(&root, "/", NULL), 0);
    setenv("TACHO_NVML", getenv("TACHO_TEST_NVML"), 1);
    struct collect_env env = {.root = &root, .interval_ns = NS_PER_MS, .seed = 1};
    assert_int_equal(sampler_open(&env, names, 3, &sampler, NULL), 0);
    atomic_store(&calls, 0);
    atomic_store(&armed, true);
    assert_int_equal(sampler_start(sampler, NULL), 0);
    sampler_set_target(sampler, getpid());
    uint64_t ticks = 0;
    for (int i = 0; i < 8; i++) { /* processes come and go, the target changes, rows pile up */
        pid_t pid = start_process();
        do {
            usleep(1000);
            sampler_get_stats(sampler, &stats);
        } while (stats.ticks < ticks + 60);
        ticks = stats.ticks;
        if (i == 4)
            sampler_set_target(sampler, pid);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        if (i % 2)
            sampler_drain(sampler, ignore_row, NULL);
    }
    sampler_stop(sampler);
    atomic_store(&armed, false);
    assert_int_equal(atomic_load(&calls), 0);
    sampler_close(sampler);
    root_close(&root);
}

/* ---- programs with libtacho ---- */

struct frames {
    size_t column;
    double last; /* NAN: none yet */
};

static void take_frames(const struct sample_row *row, void *context)
{
    struct frames *frames = context;
    if (!isnan(row->values[frames->column]))
        frames->last = row->values[frames->column];
}

/* Until the frames of all segments come to this. */
static void wait_for_frames(struct sampler *sampler, struct frames *frames, double wanted)
{
    while (!(frames->last == wanted)) {
        usleep(1000);
        sampler_drain(sampler, take_frames, frames);
    }
}

static void write_image(const struct test_tree *tree, const struct segment_image *image,
                        const char *suffix, size_t size)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/tacho.%u.%d.%llu%s", tree->path, (unsigned)geteuid(),
             (int)getpid(), (unsigned long long)image->header.start_ticks, suffix);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, image, size, 0), (ssize_t)size);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    close(fd);
}

/* Segments are attached, grow, are cut and come anew while the loop runs, and the target changes.
 */
static void segments_cost_the_loop_no_memory(void **state)
{
    static const char *const names[] = {"probe"};
    struct frames frames = {.last = NAN};
    struct segment_image *image = image_new();
    struct proc_stat self;
    struct test_tree tree;
    struct root root;
    struct sampler *sampler = NULL;
    size_t count;
    test_tree_init(&tree);
    assert_int_equal(root_open(&root, "/", NULL), 0);
    assert_int_equal(procfs_read_stat(&root, getpid(), &self, NULL), 0);
    image->header.start_ticks = self.start_ticks;
    image_hist(image, 0, 0, 0);
    image->counters[0][0] = 5;
    struct collect_env env = {.root = &root, .interval_ns = 10 * NS_PER_MS, .shm_dir = tree.path};
    assert_int_equal(sampler_open(&env, names, 1, &sampler, NULL), 0);
    const struct channel *channels = sampler_channels(sampler, &count);
    while (strcmp(channels[frames.column].metric->name, "frames_total") != 0)
        assert_true(++frames.column < count);
    atomic_store(&calls, 0);
    atomic_store(&armed, true);
    assert_int_equal(sampler_start(sampler, NULL), 0);
    sampler_set_target(sampler, getpid());
    write_image(&tree, image, "", sizeof(*image)); /* after it was looked for the first time */
    wait_for_frames(sampler, &frames, 5);
    image->counters[0][0] = 7;
    image_value(image, 0, 1000);
    write_image(&tree, image, "", sizeof(*image));
    wait_for_frames(sampler, &frames, 7);
    write_image(&tree, image, "", 100); /* its values stay; the next one adds to them */
    write_image(&tree, image, ".1", sizeof(*image));
    wait_for_frames(sampler, &frames, 14);
    sampler_set_target(sampler, getpid());
    wait_for_frames(sampler, &frames, 7);
    sampler_stop(sampler);
    atomic_store(&armed, false);
    assert_int_equal(atomic_load(&calls), 0);
    sampler_close(sampler);
    root_close(&root);
    test_tree_deinit(&tree);
    free(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#if HAS_OWN_ALLOCATOR
        cmocka_unit_test(catches_a_thread_that_allocates),
#endif
        cmocka_unit_test(the_loop_allocates_nothing),
        cmocka_unit_test(segments_cost_the_loop_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
