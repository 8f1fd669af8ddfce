/* thread.c: slots of threads. A slot is claimed at a thread's first record and handed on when the
 * thread has ended, with its values: they are sums, and their histograms are the costly part. */
#include "probe/probe.h"

#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* One pointer. glibc keeps room for so little even in libraries that are opened at run time; others
 * (musl) refuse to open them. */
#ifdef __GLIBC__
__attribute__((tls_model("initial-exec")))
#endif
__thread struct probe_thread *probe_self;
struct probe_thread probe_no_slot;
struct probe_thread probe_is_busy;

struct probe_thread *probe_thread_at(uint32_t index)
{
    return (struct probe_thread *)((uint8_t *)probe.private + probe.private->threads_offset +
                                   index * probe.private->thread_stride);
}

void probe_thread_open(struct probe_thread *thread, uint32_t index)
{
    thread->counters =
        (uint64_t *)(probe.base + probe.layout.counters + index * probe.layout.counter_stride);
    thread->owner = (uint16_t)(index + 1);
    thread->depth = 0;
    thread->shared = (struct tacho_segment_thread *)(probe.base + probe.layout.threads +
                                                     index * probe.layout.thread_stride);
}

/* The slot of a thread that ended, if there is one; else one that was never used. */
static struct probe_thread *slot_find(void)
{
    uint32_t free_slot = UINT32_MAX;
    for (uint32_t i = 0; i < probe.sizes.threads; i++) {
        struct probe_thread *thread = probe_thread_at(i);
        if (!thread->shared) {
            free_slot = i; /* they are handed out in order: none behind it was used */
            break;
        }
        if (PROBE_LOAD(&thread->shared->state) == TACHO_THREAD_EXITED)
            return thread;
    }
    if (free_slot == UINT32_MAX)
        return NULL;
    probe_thread_open(probe_thread_at(free_slot), free_slot);
    return probe_thread_at(free_slot);
}

static struct probe_thread *slot_claim(void)
{
    struct probe_thread *thread = slot_find();
    if (!thread) {
        __atomic_fetch_add(&probe.header->dropped_threads, 1, __ATOMIC_RELAXED);
        return &probe_no_slot;
    }
    struct tacho_segment_thread *shared = thread->shared;
    uint64_t comm[2] = {0};
    prctl(PR_GET_NAME, comm);
    for (size_t i = 0; i < 2; i++)
        PROBE_STORE((uint64_t *)(void *)shared->comm + i, comm[i]);
    PROBE_STORE(&shared->tid, (uint32_t)syscall(SYS_gettid));
    PROBE_STORE_RELEASE(&shared->state, TACHO_THREAD_LIVE);
    /* Without the key the slot stays LIVE for ever: one less for others, nothing worse. */
    if (probe.has_key)
        pthread_setspecific(probe.key, thread);
    return thread;
}

struct probe_thread *probe_thread_claim(void)
{
    struct probe_visit visit;
    struct probe_thread *self = probe_self;
    if (self == &probe_is_busy || !probe_is_live())
        return NULL;
    if (self == &probe_no_slot || !probe_visit_begin(&visit))
        return NULL;
    visit.self = slot_claim();
    probe_visit_end(&visit);
    return visit.self->shared ? visit.self : NULL;
}

/* Spans still open in it will never end: they are dropped. */
void probe_thread_ended(void *argument)
{
    struct probe_thread *thread = argument;
    struct tacho_segment_thread *shared = thread->shared;
    if (probe_self != thread || !shared)
        return; /* another segment's, from before a fork */
    probe_self = NULL;
    probe_add(&shared->dropped_spans, thread->depth);
    thread->depth = 0;
    PROBE_STORE_RELEASE(&shared->depth, 0);
    pthread_mutex_lock(&probe.lock); /* the next owner must see all that this one wrote */
    PROBE_STORE_RELEASE(&shared->state, TACHO_THREAD_EXITED);
    pthread_mutex_unlock(&probe.lock);
}
