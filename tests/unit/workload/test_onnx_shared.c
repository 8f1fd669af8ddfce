/* test_onnx_shared.c: the memory that tacho and its worker share, its rings and its bell. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "workload/onnx/shared.h"

static struct onnx_shared *shared;
static int shared_fd;

static int set_up(void **state)
{
    struct error err;
    return onnx_shared_new(&shared, &shared_fd, &err);
}

static int tear_down(void **state)
{
    onnx_shared_free(shared);
    close(shared_fd);
    return 0;
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
}

static void new_one_is_empty_and_fits_nobody_else(void **state)
{
    static const char zeros[4096];
    assert_int_equal(shared->size, sizeof(*shared));
    assert_memory_equal(&shared->config, zeros, sizeof(zeros));
    assert_int_equal(atomic_load(&shared->allowed), 0);
    /* The other side could be hit by SIGBUS. Not every emulated kernel knows seals. */
    if (fcntl(shared_fd, F_GET_SEALS) >= 0) {
        assert_int_equal(ftruncate(shared_fd, 4096), -1);
        assert_int_equal(errno, EPERM);
    }
    onnx_shared_free(NULL);
}

static void attached_one_is_the_same_memory(void **state)
{
    struct onnx_shared *other = NULL;
    struct error err = {0};
    assert_int_equal(onnx_shared_attach(shared_fd, &other, &err), 0);
    assert_ptr_not_equal(other, shared);
    snprintf(other->info.version, sizeof(other->info.version), "1.2.3");
    shared->config.seed = 4711;
    assert_string_equal(shared->info.version, "1.2.3");
    assert_int_equal(other->config.seed, 4711);
    onnx_shared_free(other);
}

static void assert_not_attached(int fd, int code)
{
    struct onnx_shared *other = NULL;
    struct error err = {0};
    assert_int_equal(onnx_shared_attach(fd, &other, &err), -code);
    assert_null(other);
    assert_true(err.message[0] != '\0');
    assert_int_equal(onnx_shared_attach(fd, &other, NULL), -code);
}

static void what_is_not_that_memory_is_refused(void **state)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_not_attached(ends[0], ERROR_USAGE);
    close(ends[0]);
    close(ends[1]);
    assert_not_attached(ends[0], ERROR_USAGE); /* closed */
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_not_attached(fileno(file), ERROR_USAGE); /* empty */
    assert_int_equal(ftruncate(fileno(file), sizeof(*shared) - 1), 0);
    assert_not_attached(fileno(file), ERROR_USAGE);
    assert_int_equal(ftruncate(fileno(file), sizeof(*shared)), 0);
    assert_not_attached(fileno(file), ERROR_VERSION); /* of the size, but it does not say so */
    fclose(file);
}

/* ---- rings ---- */

static void rings_share_the_records(void **state)
{
    assert_int_equal(onnx_ring_capacity(shared), ONNX_RECORDS);
    shared->config.streams = 1;
    assert_int_equal(onnx_ring_capacity(shared), ONNX_RECORDS);
    shared->config.streams = 3;
    assert_true(onnx_ring_capacity(shared) * 3 <= ONNX_RECORDS);
    shared->config.streams = ONNX_STREAMS_MAX;
    assert_int_equal(onnx_ring_capacity(shared), ONNX_RECORDS / ONNX_STREAMS_MAX);
}

static struct onnx_record record_of(uint64_t number, uint32_t stream)
{
    return (struct onnx_record){.intended_ns = number,
                                .begin_ns = number * 3,
                                .end_ns = number * 7 + 1,
                                .kind = ONNX_RECORD_UNIT,
                                .stream = stream};
}

static void assert_record(const struct onnx_record *record, uint64_t number, uint32_t stream)
{
    assert_int_equal(record->intended_ns, number);
    assert_int_equal(record->begin_ns, number * 3);
    assert_int_equal(record->end_ns, number * 7 + 1);
    assert_int_equal(record->stream, stream);
}

static void neighbours_do_not_touch_each_other(void **state)
{
    struct onnx_record taken[8];
    shared->config.streams = 2;
    for (uint64_t i = 0; i < 5; i++)
        for (uint32_t stream = 0; stream < 2; stream++) {
            struct onnx_record record = record_of(i, stream);
            onnx_ring_put(shared, stream, &record);
        }
    for (uint32_t stream = 0; stream < 2; stream++) {
        assert_int_equal(onnx_ring_take(shared, stream, taken, 3), 3);
        assert_int_equal(onnx_ring_take(shared, stream, taken + 3, 5), 2);
        assert_int_equal(onnx_ring_take(shared, stream, taken, 0), 0);
        for (uint64_t i = 0; i < 5; i++)
            assert_record(&taken[i], i, stream);
        assert_int_equal(atomic_load(&shared->rings[stream].last_end_ns), 4 * 7 + 1);
    }
    struct onnx_record unserved = {.end_ns = 1u << 30, .kind = ONNX_RECORD_UNSERVED};
    onnx_ring_put(shared, 0, &unserved);
    assert_int_equal(atomic_load(&shared->rings[0].last_end_ns), 4 * 7 + 1);
}

#define MANY 20000u

static void *put_many(void *context)
{
    for (uint64_t i = 0; i < MANY; i++) {
        struct onnx_record record = record_of(i, 7);
        onnx_ring_put(shared, 7, &record);
    }
    return NULL;
}

/* The reader begins only when the ring is full, so the writer has to wait at least once. */
static void full_ring_waits_and_drops_nothing(void **state)
{
    struct onnx_record taken[100];
    pthread_t writer;
    shared->config.streams = ONNX_STREAMS_MAX;
    assert_int_equal(pthread_create(&writer, NULL, put_many, NULL), 0);
    while (atomic_load(&shared->ring_waits) == 0)
        nap();
    assert_int_equal(atomic_load(&shared->rings[7].head), onnx_ring_capacity(shared));
    for (uint64_t next = 0; next < MANY;) {
        size_t count = onnx_ring_take(shared, 7, taken, 100);
        for (size_t i = 0; i < count; i++)
            assert_record(&taken[i], next++, 7);
        if (count == 0)
            nap();
    }
    pthread_join(writer, NULL);
    assert_int_equal(onnx_ring_take(shared, 7, taken, 100), 0);
}

static void who_is_to_leave_at_once_does_not_wait(void **state)
{
    pthread_t writer;
    shared->config.streams = ONNX_STREAMS_MAX;
    assert_int_equal(pthread_create(&writer, NULL, put_many, NULL), 0);
    while (atomic_load(&shared->ring_waits) == 0)
        nap();
    atomic_store(&shared->stop, 2);
    pthread_join(writer, NULL);
    assert_int_equal(atomic_load(&shared->rings[7].head), onnx_ring_capacity(shared));
}

static void *take_one_later(void *context)
{
    struct onnx_record taken;
    for (int i = 0; i < 20; i++)
        nap();
    assert_int_equal(onnx_ring_take(shared, 7, &taken, 1), 1);
    return NULL;
}

/* Not served: no inference waited for room to tell it. */
static void only_inferences_wait_for_the_reader(void **state)
{
    struct onnx_record record = record_of(1, 7);
    shared->config.streams = ONNX_STREAMS_MAX;
    record.kind = ONNX_RECORD_UNSERVED;
    for (uint32_t i = 0; i < onnx_ring_capacity(shared); i++)
        onnx_ring_put(shared, 7, &record);
    atomic_store(&shared->stop, 1);
    pthread_t reader;
    assert_int_equal(pthread_create(&reader, NULL, take_one_later, NULL), 0);
    onnx_ring_put(shared, 7, &record);
    pthread_join(reader, NULL);
    assert_int_equal(atomic_load(&shared->rings[7].head), onnx_ring_capacity(shared) + 1);
    assert_int_equal(atomic_load(&shared->ring_waits), 0);
}

static void ring_that_lies_is_not_read(void **state)
{
    struct onnx_record taken[4];
    atomic_store(&shared->rings[0].head, UINT64_MAX / 2);
    assert_int_equal(onnx_ring_take(shared, 0, taken, 4), 0);
    /* Fewer streams than there are: the third ring would lie behind the end. */
    shared->config.streams = 2;
    atomic_store(&shared->rings[2].head, 4);
    assert_int_equal(onnx_ring_take(shared, 2, taken, 4), 0);
}

static void what_is_written_over_is_read_with_bounds(void **state)
{
    struct onnx_info info;
    struct error err;
    memset(&shared->info, 'x', sizeof(shared->info));
    onnx_shared_read_info(shared, &info);
    assert_int_equal(strlen(info.version), sizeof(info.version) - 1);
    assert_int_equal(strlen(info.profile_path), sizeof(info.profile_path) - 1);
    assert_int_equal(info.provider_count, ONNX_PROVIDERS_MAX);
    assert_int_equal(strlen(info.providers[ONNX_PROVIDERS_MAX - 1].why),
                     sizeof(info.providers[0].why) - 1);
    assert_int_equal(onnx_shared_read_error(shared, &err), -ERROR_INTERNAL);
    shared->info.error.code = ERROR_ABSENT;
    assert_int_equal(onnx_shared_read_error(shared, &err), -ERROR_ABSENT);
    assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
    assert_int_equal(strlen(err.hint), sizeof(err.hint) - 1);
    assert_int_equal(onnx_shared_read_error(shared, NULL), -ERROR_ABSENT);
    shared->info.error.code = 0;
    assert_int_equal(onnx_shared_read_error(shared, &err), -ERROR_INTERNAL);
    assert_int_equal(err.code, ERROR_INTERNAL);
}

/* ---- bell ---- */

static void *wait_for_bell(void *context)
{
    uint32_t seen = atomic_load(&shared->bell);
    atomic_store(&shared->stage, ONNX_STAGE_LOOP); /* now a ring cannot be missed */
    /* Longer than the test may run: only a ring ends it. */
    onnx_bell_wait(shared, seen, 3600 * 1000);
    return NULL;
}

static void bell_wakes_all_sleepers(void **state)
{
    pthread_t sleepers[2];
    for (int i = 0; i < 2; i++) {
        atomic_store(&shared->stage, ONNX_STAGE_START);
        assert_int_equal(pthread_create(&sleepers[i], NULL, wait_for_bell, NULL), 0);
        while (atomic_load(&shared->stage) != ONNX_STAGE_LOOP)
            nap();
    }
    onnx_bell_ring(shared);
    for (int i = 0; i < 2; i++)
        pthread_join(sleepers[i], NULL);
}

static void ring_before_the_wait_is_not_missed(void **state)
{
    uint32_t seen = atomic_load(&shared->bell);
    onnx_bell_ring(shared);
    onnx_bell_wait(shared, seen, 3600 * 1000);
}

static void bell_that_nobody_rings_ends_by_itself(void **state)
{
    uint64_t begin_ns = clock_mono_ns();
    onnx_bell_wait(shared, atomic_load(&shared->bell), 30);
    assert_true(clock_mono_ns() - begin_ns >= 30 * NS_PER_MS);
}

static void bell_is_heard_in_another_process(void **state)
{
    atomic_store(&shared->stage, ONNX_STAGE_START);
    pid_t pid = fork();
    if (pid == 0) {
        struct onnx_shared *other;
        if (onnx_shared_attach(shared_fd, &other, NULL) != 0)
            _exit(1);
        shared = other;
        wait_for_bell(NULL);
        _exit(0);
    }
    int status = 0;
    while (atomic_load(&shared->stage) != ONNX_STAGE_LOOP)
        nap();
    onnx_bell_ring(shared);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(new_one_is_empty_and_fits_nobody_else),
        TEST(attached_one_is_the_same_memory),
        TEST(what_is_not_that_memory_is_refused),
        TEST(rings_share_the_records),
        TEST(neighbours_do_not_touch_each_other),
        TEST(full_ring_waits_and_drops_nothing),
        TEST(who_is_to_leave_at_once_does_not_wait),
        TEST(only_inferences_wait_for_the_reader),
        TEST(ring_that_lies_is_not_read),
        TEST(what_is_written_over_is_read_with_bounds),
        TEST(bell_wakes_all_sleepers),
        TEST(ring_before_the_wait_is_not_missed),
        TEST(bell_that_nobody_rings_ends_by_itself),
        TEST(bell_is_heard_in_another_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
