/* shared.c: see shared.h. */
#include "workload/onnx/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

/* The futex word and what the kernel compares it with must be the same thing. */
_Static_assert(sizeof(_Atomic uint32_t) == 4, "a futex is 32 bits");

static int fail_new(int fd, const char *what, struct error *err)
{
    int sys_errno = errno;
    if (fd >= 0)
        close(fd);
    if (sys_errno != EMFILE && sys_errno != ENFILE && sys_errno != EFBIG)
        return error_set_errno(err, ERROR_SYSTEM, sys_errno, "cannot %s for the worker", what);
    error_set_errno(err, ERROR_DENIED, sys_errno, "cannot %s for the worker", what);
    return error_hint(err, "a limit of this shell is too low: see ulimit -a");
}

int onnx_shared_new(struct onnx_shared **ret_shared, int *ret_fd, struct error *err)
{
    int fd = memfd_create("tacho-onnx", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return fail_new(fd, "make shared memory", err);
    if (ftruncate(fd, sizeof(struct onnx_shared)) != 0)
        return fail_new(fd, "size the shared memory", err);
    /* Nobody can make it smaller under the other side's feet (SIGBUS). An old kernel that refuses
     * loses only that. */
    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
    struct onnx_shared *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared == MAP_FAILED)
        return fail_new(fd, "map the shared memory", err);
    shared->size = sizeof(*shared);
    *ret_shared = shared;
    *ret_fd = fd;
    return 0;
}

int onnx_shared_attach(int fd, struct onnx_shared **ret_shared, struct error *err)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) ||
        status.st_size != (off_t)sizeof(struct onnx_shared)) {
        error_set(err, ERROR_USAGE,
                  "descriptor %d is not the memory that tacho shares with its "
                  "worker",
                  fd);
        error_hint(err, "tacho starts its worker itself: tacho run MODEL.onnx");
        return -ERROR_USAGE;
    }
    /* Populated: a page that is first touched in the middle of the measurement would cost time
     * there, and would look like memory that grows. */
    struct onnx_shared *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (shared == MAP_FAILED)
        return error_set_errno(err, ERROR_SYSTEM, errno, "cannot map the shared memory");
    if (shared->size != sizeof(*shared)) {
        munmap(shared, sizeof(*shared));
        return error_set(err, ERROR_VERSION,
                         "the shared memory was made by another version of tacho");
    }
    *ret_shared = shared;
    return 0;
}

void onnx_shared_free(struct onnx_shared *shared)
{
    if (shared)
        munmap(shared, sizeof(*shared));
}

/* ---- rings ---- */

uint32_t onnx_ring_capacity(const struct onnx_shared *shared)
{
    uint32_t streams = shared->config.streams;
    if (streams < 1)
        streams = 1;
    return ONNX_RECORDS / (streams < ONNX_STREAMS_MAX ? streams : ONNX_STREAMS_MAX);
}

void onnx_ring_put(struct onnx_shared *shared, uint32_t stream, const struct onnx_record *record)
{
    struct onnx_ring *ring = &shared->rings[stream];
    uint32_t capacity = onnx_ring_capacity(shared);
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    bool has_waited = false;
    while (head - atomic_load_explicit(&ring->tail, memory_order_acquire) >= capacity) {
        if (atomic_load(&shared->stop) >= 2)
            return;
        if (!has_waited && record->kind == ONNX_RECORD_UNIT) /* nobody waits for the others */
            atomic_fetch_add(&shared->ring_waits, 1);
        has_waited = true;
        struct timespec pause = {.tv_nsec = (long)NS_PER_MS};
        nanosleep(&pause, NULL);
    }
    shared->records[(uint64_t)stream * capacity + head % capacity] = *record;
    if (record->kind == ONNX_RECORD_UNIT)
        atomic_store_explicit(&ring->last_end_ns, record->end_ns, memory_order_relaxed);
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
}

size_t onnx_ring_take(struct onnx_shared *shared, uint32_t stream, struct onnx_record *records,
                      size_t max)
{
    struct onnx_ring *ring = &shared->rings[stream];
    uint32_t capacity = onnx_ring_capacity(shared);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    size_t count = 0;
    /* A worker that has gone mad must not make tacho read what is not there. */
    if (head - tail > capacity || (uint64_t)(stream + 1) * capacity > ONNX_RECORDS)
        return 0;
    for (; count < max && tail != head; count++, tail++)
        records[count] = shared->records[(uint64_t)stream * capacity + tail % capacity];
    atomic_store_explicit(&ring->tail, tail, memory_order_release);
    return count;
}

/* ---- what the worker told ---- */

#define END_STRING(array) ((array)[sizeof(array) - 1] = '\0')

void onnx_shared_read_info(const struct onnx_shared *shared, struct onnx_info *ret_info)
{
    *ret_info = shared->info;
    END_STRING(ret_info->library);
    END_STRING(ret_info->version);
    END_STRING(ret_info->build);
    END_STRING(ret_info->profile_path);
    if (ret_info->provider_count > ONNX_PROVIDERS_MAX)
        ret_info->provider_count = ONNX_PROVIDERS_MAX;
    for (uint32_t i = 0; i < ONNX_PROVIDERS_MAX; i++) {
        END_STRING(ret_info->providers[i].name);
        END_STRING(ret_info->providers[i].why);
    }
}

int onnx_shared_read_error(const struct onnx_shared *shared, struct error *err)
{
    struct error told = shared->info.error;
    END_STRING(told.file);
    END_STRING(told.message);
    END_STRING(told.hint);
    if (told.code <= 0 || told.code >= ERROR_COUNT)
        return error_set(err, ERROR_INTERNAL, "the worker failed and did not say why");
    if (err != NULL)
        *err = told;
    return -told.code;
}

/* ---- bell ---- */

/* Shared between processes, so not FUTEX_PRIVATE_FLAG. */
void onnx_bell_ring(struct onnx_shared *shared)
{
    atomic_fetch_add(&shared->bell, 1);
    syscall(SYS_futex, &shared->bell, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void onnx_bell_wait(struct onnx_shared *shared, uint32_t seen, uint32_t timeout_ms)
{
    uint64_t end_ns = clock_mono_ns() + timeout_ms * NS_PER_MS;
    /* Woken by a signal, or spuriously: the rest of the time. */
    while (atomic_load(&shared->bell) == seen) {
        uint64_t now_ns = clock_mono_ns();
        if (now_ns >= end_ns)
            return;
        struct timespec timeout = {.tv_sec = (time_t)((end_ns - now_ns) / NS_PER_S),
                                   .tv_nsec = (long)((end_ns - now_ns) % NS_PER_S)};
        syscall(SYS_futex, &shared->bell, FUTEX_WAIT, seen, &timeout, NULL, 0);
    }
}
