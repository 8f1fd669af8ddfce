/* probe_support.h: what the tests of libtacho share: a directory for segments, children that record
 * something, and a copy of what they left.
 *
 * The library keeps one segment per process from its first call to its end, so every scenario runs
 * in a child. The parent never calls it. */
#ifndef TACHO_TESTS_PROBE_SUPPORT_H
#define TACHO_TESTS_PROBE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tacho/tacho.h"

/* ---- a directory ---- */

static char place[64]; /* TACHO_SHM_DIR of every child */

static inline int place_setup(void **state)
{
    static const char *const variables[] = {"TACHO_DISABLE", "TACHO_VERBOSE"};
    (void)state;
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        unsetenv(variables[i]);
    snprintf(place, sizeof(place), "/tmp/tacho-test-XXXXXX");
    return mkdtemp(place) && setenv("TACHO_SHM_DIR", place, 1) == 0 ? 0 : -1;
}

/* Names of what is in the directory that begin with "tacho.", sorted; returns how many. */
static inline int place_list(char names[][256], int room)
{
    struct dirent **entries;
    int count = scandir(place, &entries, NULL, alphasort), kept = 0;
    for (int i = 0; i < count; i++) {
        if (strncmp(entries[i]->d_name, "tacho.", 6) == 0 && kept < room)
            snprintf(names[kept++], 256, "%s", entries[i]->d_name);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return kept;
}

static inline int place_count(void)
{
    static char names[1024][256];
    return place_list(names, 1024);
}

static inline int place_teardown(void **state)
{
    struct dirent **entries;
    int count = scandir(place, &entries, NULL, NULL);
    (void)state;
    for (int i = 0; i < count; i++) {
        char path[512];
        snprintf(path, sizeof(path), "%s/%s", place, entries[i]->d_name);
        unlink(path);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return rmdir(place);
}

#define PROBE_TEST(function) cmocka_unit_test_setup_teardown(function, place_setup, place_teardown)

/* ---- children ---- */

/* In a child: a line on stderr and status 1, where cmocka's asserts would run on in two processes.
 */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

typedef int scenario(void *argument);

struct child {
    pid_t pid;
    int ready_fd; /* the child says when its scenario is done */
    int leave_fd; /* and then waits until this is closed */
};

static inline struct child child_start(scenario *run, void *argument)
{
    struct child child;
    int ready[2], leave[2];
    fflush(NULL);
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(leave), 0);
    child.pid = fork();
    assert_true(child.pid >= 0);
    if (child.pid == 0) {
        char byte;
        close(ready[0]);
        close(leave[1]);
        int status = run(argument);
        if (write(ready[1], "", 1) != 1 || read(leave[0], &byte, 1) != 0)
            status = 1;
        exit(status);
    }
    close(ready[1]);
    close(leave[0]);
    child.ready_fd = ready[0];
    child.leave_fd = leave[1];
    return child;
}

static inline void child_await(const struct child *child)
{
    char byte;
    assert_int_equal(read(child->ready_fd, &byte, 1), 1);
}

/* Lets it exit; its status as waitpid gives it. */
static inline int child_end(struct child *child)
{
    int status = -1;
    char byte;
    close(child->leave_fd);
    while (read(child->ready_fd, &byte, 1) > 0) /* until it is gone: it may still have to write */
        ;
    close(child->ready_fd);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

/* Runs a scenario to its end in a child. */
static inline void run_in_child(scenario *run, void *argument)
{
    struct child child = child_start(run, argument);
    assert_int_equal(child_end(&child), 0);
}

/* ---- a copy of a segment ---- */

struct image {
    char path[512];
    uint8_t *data;
    size_t size;
    const struct tacho_segment_header *header;
};

static inline void image_read_name(struct image *image, const char *name)
{
    struct stat status;
    snprintf(image->path, sizeof(image->path), "%s/%.255s", place, name);
    int fd = open(image->path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &status), 0);
    image->size = (size_t)status.st_size;
    image->data = malloc(image->size);
    assert_non_null(image->data);
    assert_int_equal(pread(fd, image->data, image->size, 0), (ssize_t)image->size);
    close(fd);
    image->header = (const struct tacho_segment_header *)(const void *)image->data;
    assert_memory_equal(image->header->magic, TACHO_SEGMENT_MAGIC, 8);
}

/* Of the only segment there is. */
static inline void image_read(struct image *image)
{
    char names[2][256];
    assert_int_equal(place_list(names, 2), 1);
    image_read_name(image, names[0]);
}

static inline void image_free(struct image *image)
{
    free(image->data);
}

static inline const struct tacho_segment_section *image_section(const struct image *image,
                                                                uint32_t kind)
{
    for (uint32_t i = 0; i < image->header->section_count; i++)
        if (image->header->sections[i].kind == kind)
            return &image->header->sections[i];
    fail_msg("no section %u", kind);
    return NULL;
}

static inline const void *image_entry(const struct image *image, uint32_t kind, uint64_t index)
{
    const struct tacho_segment_section *section = image_section(image, kind);
    assert_true(index < section->count);
    assert_true(section->offset + (index + 1) * section->stride <= image->size);
    return image->data + section->offset + index * section->stride;
}

static inline const struct tacho_segment_name *image_name(const struct image *image, uint64_t index)
{
    return image_entry(image, TACHO_SECTION_NAMES, index);
}

static inline const struct tacho_segment_thread *image_thread(const struct image *image,
                                                              uint64_t index)
{
    return image_entry(image, TACHO_SECTION_THREADS, index);
}

static inline const struct tacho_segment_hist *image_hist(const struct image *image, uint64_t index)
{
    return image_entry(image, TACHO_SECTION_HISTS, index);
}

static inline const struct tacho_segment_ring *image_ring(const struct image *image, uint64_t index)
{
    return image_entry(image, TACHO_SECTION_RINGS, index);
}

/* The event that was written as number i. */
static inline const struct tacho_segment_event *image_event(const struct tacho_segment_ring *ring,
                                                            uint64_t i)
{
    return (const struct tacho_segment_event *)(const void *)(ring + 1) + i % ring->count;
}

/* The index of a name; -1: it is not there. */
static inline int64_t image_find(const struct image *image, const char *text)
{
    for (uint32_t i = 0; i < image->header->names_used; i++)
        if (image_name(image, i)->ready && strcmp(image_name(image, i)->text, text) == 0)
            return i;
    return -1;
}

static inline uint64_t hist_count(const struct tacho_segment_hist *hist)
{
    uint64_t count = hist->over;
    for (size_t i = 0; i < TACHO_SEGMENT_HIST_BUCKETS; i++)
        count += hist->buckets[i];
    return count;
}

/* The histogram of a name in the thread of this slot; NULL: there is none. */
static inline const struct tacho_segment_hist *image_hist_of(const struct image *image,
                                                             const char *name, uint32_t thread)
{
    int64_t index = image_find(image, name);
    for (uint32_t i = 0; i < image->header->hists_used; i++) {
        const struct tacho_segment_hist *hist = image_hist(image, i);
        if (hist->owner == thread + 1 && hist->name == index)
            return hist;
    }
    return NULL;
}

/* Values recorded under a name, in all threads. */
static inline uint64_t image_count(const struct image *image, const char *name)
{
    int64_t index = image_find(image, name);
    uint64_t count = 0;
    for (uint32_t i = 0; i < image->header->hists_used; i++)
        if (image_hist(image, i)->owner && image_hist(image, i)->name == index)
            count += hist_count(image_hist(image, i));
    return count;
}

static inline uint64_t image_counter(const struct image *image, const char *name)
{
    int64_t index = image_find(image, name);
    uint64_t sum = 0;
    assert_true(index >= 0);
    for (uint32_t i = 0; i < image_section(image, TACHO_SECTION_COUNTERS)->count; i++)
        sum += ((const uint64_t *)image_entry(image, TACHO_SECTION_COUNTERS,
                                              i))[image_name(image, (uint64_t)index)->slot];
    return sum;
}

static inline const struct tacho_segment_gauge *image_gauge(const struct image *image,
                                                            const char *name)
{
    int64_t index = image_find(image, name);
    assert_true(index >= 0);
    return image_entry(image, TACHO_SECTION_GAUGES, image_name(image, (uint64_t)index)->slot);
}

static inline double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* The pid that holds the lock on a segment; 0: nobody. */
static inline pid_t lock_holder(const char *path)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETLK, &lock), 0);
    close(fd);
    return lock.l_type == F_UNLCK ? 0 : lock.l_pid;
}

static inline uint64_t mono_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
