/* probe.h: what the files of libtacho share: the process's one segment and what is private to it.
 *
 * What: the writer of the segments that tacho/segment.h describes. It lives inside somebody else's
 *       program: it prints nothing (but one line with TACHO_VERBOSE), never aborts, keeps errno,
 * and where anything fails it does nothing from then on. Threads: any. A slot of a thread and its
 * histograms, ring and row of counters have one writer. What is rare (starting, names, claiming
 * slots) happens under probe.lock. Memory: two mappings, both made when the segment is: the file,
 * and private memory beside it (struct probe_private), which a fork wipes. Nothing read from the
 * file is ever used as an index or a size, so a damaged file damages nothing else. Errors: errno
 * values inside, none outside.
 */
#ifndef TACHO_PROBE_PROBE_H
#define TACHO_PROBE_PROBE_H

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "tacho/segment.h"
#include "tacho/tacho.h"

/* An id: index of the name + 1, its slot, its kind. It says everything the fast paths need, so they
 * look nothing up that another thread may have just written. */
#define PROBE_ID_INDEX_BITS 12
#define PROBE_ID_SLOT_BITS 12
#define PROBE_NAMES_MAX ((1u << PROBE_ID_INDEX_BITS) - 1)
#define PROBE_SLOTS_MAX (1u << PROBE_ID_SLOT_BITS)

#define PROBE_HIST_NONE UINT16_MAX /* in hist_of: the pool was empty when it was asked */

/* How much room a segment has (tacho_segment_section.count); probe_sizes_read fills it. */
struct probe_sizes {
    uint32_t names, threads, counters, gauges, marks, hists, rings, events;
};

/* Where the sections stand, in bytes from the start of the file. */
struct probe_layout {
    uint64_t names, threads, counters, gauges, marks, hists, rings;
    uint64_t thread_stride, counter_stride, gauge_stride, hist_stride, ring_stride;
    uint64_t total;
};

/* What a thread knows about its slot; in private memory, one per slot of the segment. It stays with
 * the slot when the thread ends, so that the next one goes on with the same histograms. */
struct probe_thread {
    struct tacho_segment_thread *shared; /* NULL: not a slot (any more): a fork wiped it */
    uint64_t *counters;
    struct tacho_segment_ring *ring; /* NULL: none left, or not asked for yet (ring_asked) */
    struct tacho_segment_event *events;
    uint64_t head; /* of the ring */
    uint32_t depth;
    uint16_t owner; /* index of the slot + 1 */
    bool is_ring_asked;
    uint16_t hist_of[]; /* by index of the name: index of the histogram + 1, 0: not asked for */
};

/* Private memory; all zero after a fork. */
struct probe_private {
    uint32_t is_alive; /* 0: a fork happened of which no handler told */
    uint64_t threads_offset, thread_stride;
    uint64_t frame_ns[]; /* by counter slot: when the last frame was */
};

enum probe_state { PROBE_NEW, PROBE_LIVE, PROBE_OFF };

struct probe {
    uint32_t state; /* enum probe_state; release, read without the lock */
    int failure;    /* why OFF: errno or TACHO_STATUS_DISABLED */
    pthread_mutex_t lock;
    struct probe_sizes sizes; /* those of the first segment; a fork keeps them */
    struct probe_layout layout;
    uint8_t *base; /* the mapped file */
    struct tacho_segment_header *header;
    struct probe_private *private;
    size_t private_size;
    uint32_t names_used, counters_used, gauges_used; /* forks keep them, as they keep the ids */
    uint8_t *names_before; /* the parent's mapping, from which a fork's names are copied */
    uint64_t names_before_size;
    int fd; /* holds the lock on the file; never used again but to be closed by a fork */
    uint64_t fd_device, fd_inode;
    bool has_key;
    pthread_key_t key; /* ends a thread's slot with the thread */
    char path[PATH_MAX];
};

extern struct probe probe;

/* Of this thread: NULL before its first call, a slot, or one of the two below, which have no
 * `shared`: for this thread nothing is recorded. */
extern __thread struct probe_thread *probe_self;
extern struct probe_thread probe_no_slot; /* no slot was left */
extern struct probe_thread probe_is_busy; /* inside libtacho: a call from malloc or the like */

/* ---- small things ---- */

#define PROBE_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define PROBE_LOAD(pointer) __atomic_load_n((pointer), __ATOMIC_RELAXED)
#define PROBE_LOAD_ACQUIRE(pointer) __atomic_load_n((pointer), __ATOMIC_ACQUIRE)
#define PROBE_STORE(pointer, value) __atomic_store_n((pointer), (value), __ATOMIC_RELAXED)
#define PROBE_STORE_RELEASE(pointer, value) __atomic_store_n((pointer), (value), __ATOMIC_RELEASE)

static inline void probe_release_fence(void)
{
#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
    /* It does not follow fences, and need not: all that they order is atomic itself. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtsan"
#endif
    __atomic_thread_fence(__ATOMIC_RELEASE);
#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
}

/* One writer: no read-modify-write of the bus is needed. */
static inline void probe_add(uint64_t *value, uint64_t add)
{
    PROBE_STORE(value, PROBE_LOAD(value) + add);
}

static inline uint64_t probe_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline uint32_t probe_id_make(uint32_t index, uint32_t slot, uint32_t kind)
{
    return (index + 1) | slot << PROBE_ID_INDEX_BITS |
           kind << (PROBE_ID_INDEX_BITS + PROBE_ID_SLOT_BITS);
}

static inline uint32_t probe_id_index(uint32_t id)
{
    return (id & PROBE_NAMES_MAX) - 1;
}

static inline uint32_t probe_id_slot(uint32_t id)
{
    return id >> PROBE_ID_INDEX_BITS & (PROBE_SLOTS_MAX - 1);
}

/* Whether an id is one of this kind. The index is checked too: ids come from the program. */
static inline bool probe_id_is(uint32_t id, uint32_t kind)
{
    return id >> (PROBE_ID_INDEX_BITS + PROBE_ID_SLOT_BITS) == kind &&
           probe_id_index(id) < probe.sizes.names;
}

/* As hist_bucket_of of stats/hist.c, for values below 2^TACHO_SEGMENT_HIST_TOP_BIT. */
static inline size_t probe_bucket_of(uint64_t value)
{
    unsigned shift = 63u - (unsigned)__builtin_clzll(value | 1u << TACHO_SEGMENT_HIST_SUB_BITS) -
                     TACHO_SEGMENT_HIST_SUB_BITS;
    return ((size_t)shift << TACHO_SEGMENT_HIST_SUB_BITS) + (size_t)(value >> shift);
}

/* ---- process.c ---- */

bool probe_start(void); /* makes the segment if there is none yet; false: nothing is recorded */

/* Whether there is a segment to write into; makes it at first use. */
static inline bool probe_is_live(void)
{
    return PROBE_LIKELY(PROBE_LOAD_ACQUIRE(&probe.state) == PROBE_LIVE &&
                        PROBE_LOAD(&probe.private->is_alive)) ||
           probe_start();
}

/* Whether a call that needs no slot of its own may record something under this id. */
static inline bool probe_can_record(uint32_t id)
{
    return id && probe_self != &probe_is_busy && probe_is_live();
}

/* Between these two a thread is busy, so that calls from inside (an interposed malloc) return at
 * once, and holds the lock. begin: false if it is busy already. end brings errno back, too. */
struct probe_visit {
    struct probe_thread *self;
    int errno_before;
};
bool probe_visit_begin(struct probe_visit *visit);
void probe_visit_end(const struct probe_visit *visit);

/* ---- segment.c: under the lock; 0 or an errno ---- */

void probe_sizes_read(struct probe_sizes *ret_sizes);
int probe_segment_create(void);
void probe_segment_close(void); /* state CLOSED; the mapping stays, other threads may be at it */

/* ---- clean.c ---- */

/* Removes segments in `directory` of this user's processes that ended more than ten minutes ago. */
void probe_clean(const char *directory);

/* ---- self.c: facts about this process; 0 where they cannot be had ---- */

size_t probe_file_read(const char *path, char *buffer, size_t size); /* bytes; 0-terminated */
uint64_t probe_start_ticks(void);
uint64_t probe_rss_bytes(void);
uint64_t probe_peak_bytes(void);
uint64_t probe_cpu_ns(void);

/* ---- thread.c ---- */

struct probe_thread *probe_thread_claim(void); /* the slot of this thread; NULL: none */
void probe_thread_ended(void *argument);       /* destructor of probe.key */
struct probe_thread *probe_thread_at(uint32_t index);
void probe_thread_open(struct probe_thread *thread, uint32_t index); /* under the lock */

static inline struct probe_thread *probe_thread_self(void)
{
    struct probe_thread *self = probe_self;
    if (PROBE_LIKELY(self && self->shared))
        return self;
    return probe_thread_claim();
}

/* ---- record.c ---- */

/* ps of an empty span, seen on the segment's own memory before anybody else sees it. */
uint64_t probe_span_cost_ps(void);

#endif
