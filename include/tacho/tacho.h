/* tacho.h: see inside a running program, for some tens of ns a call.
 *
 *     #include <tacho/tacho.h>                       cc ... $(pkg-config --cflags --libs tacho)
 *
 *     TACHO_SPAN("inference") {
 *         run_model();
 *     }
 *     tacho_frame("camera0");
 *     tacho_gauge("queue", queue_length);
 *
 * What: spans (durations), frames, counters, gauges and marks, written into a file in shared memory
 *       that `tacho monitor`, `tacho run` and anybody else reads while the program runs, and after
 *       it was killed (tacho/segment.h). Nothing is sent, locked or allocated on the way.
 * Switched off: TACHO_DISABLE=1 in the environment: no file is made and every call returns at once.
 *       -DTACHO_OFF: every call compiles to nothing, and the library need not be linked.
 * Threads: any thread may call anything. A span belongs to the thread that began it, unless it is
 *       begun and ended by token. fork: the child gets a file of its own with its first call.
 *       Signal handlers: not supported; a call there may lose one value and nothing else.
 * Errors: none are ever reported: where the file cannot be made, is full, or a name finds no room,
 *       the call does nothing and what was dropped is counted in the file. TACHO_VERBOSE=1 prints
 *       one line on stderr when the file cannot be made.
 * Names: UTF-8, at most 55 bytes (longer ones are cut), interned once per process; the _id calls
 *       are for names known at run time only. An id of 0 records nothing.
 * Time: CLOCK_MONOTONIC ns.
 */
#ifndef TACHO_TACHO_H
#define TACHO_TACHO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tacho/segment.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifndef TACHO_OFF

#ifndef TACHO_API
#define TACHO_API __attribute__((visibility("default")))
#endif

/* The id of a name: looked up or added. flags: enum tacho_name_flag. 0: no room, or switched off.
 * A name that was added with another kind keeps that kind, and this returns 0. */
TACHO_API uint32_t tacho_id(const char *name, enum tacho_name_kind kind, unsigned flags);

/* A span of this thread; spans nest strictly. */
TACHO_API void tacho_begin_id(uint32_t span);
/* Ends the innermost open span of this name in this thread, and with it those begun inside it that
 * were never ended (they record nothing and are counted as dropped). */
TACHO_API void tacho_end_id(uint32_t span);
TACHO_API void tacho_end_error_id(uint32_t span); /* the same; the span counts as an error, too */
/* Ends `from` and begins `to` at the same moment: one reading of the clock instead of two. */
TACHO_API void tacho_next_id(uint32_t from, uint32_t to);

/* Work that ends elsewhere: in a callback, a coroutine, another thread. The token is the time of
 * its beginning: nothing is kept, so one that never ends costs nothing and records nothing. */
TACHO_API uint64_t tacho_begin_token(void);
TACHO_API void tacho_end_token_id(uint32_t span, uint64_t token, bool is_error);
/* A duration that something else measured (a GPU's events), ended at `end_ns`. */
TACHO_API void tacho_record_id(uint32_t span, uint64_t end_ns, uint64_t duration_ns);

TACHO_API void tacho_frame_id(uint32_t frame);
TACHO_API void tacho_count_id(uint32_t counter, uint64_t add);
TACHO_API void tacho_gauge_id(uint32_t gauge, double value);
TACHO_API void tacho_mark_id(uint32_t mark);

/* What a block of the program cost, for programs that want the number themselves. */
struct tacho_measure {
    uint64_t begin_ns;     /* CLOCK_MONOTONIC */
    uint64_t cpu_begin_ns; /* of the process */
    uint64_t rss_begin_bytes;
    uint64_t hwm_begin_bytes;
};
struct tacho_measured {
    double inference_time_s;
    double peak_memory_mb; /* RSS, 2^20 bytes: its largest value within the block where
                              is_peak_exact, else a lower bound: the larger of both ends */
    bool is_peak_exact;
    double memory_growth_mb;
    double cpu_percent;    /* of the process over the block; 100 is one core */
    double memory_percent; /* peak_memory_mb of what the machine has */
};
/* Values that cannot be had are NaN. Neither needs a segment; both work with TACHO_DISABLE, too. */
TACHO_API void tacho_measure_begin(struct tacho_measure *ret_measure);
TACHO_API void tacho_measure_end(const struct tacho_measure *measure,
                                 struct tacho_measured *ret_measured);

/* The path of this process's segment, or "" while there is none (nothing was recorded yet, or it
 * could not be made). */
TACHO_API const char *tacho_segment_path(void);
/* 0: enabled; else why not: TACHO_DISABLE, or the errno of what failed. Makes the segment if need
 * be. */
TACHO_API int tacho_status(void);

/* The id of a name that is written here, looked up once for each place in the program. */
#define TACHO_ID(name, kind, flags)                                                                \
    (__extension__({                                                                               \
        static uint32_t tacho_id_here_;                                                            \
        uint32_t tacho_id_now_ = __atomic_load_n(&tacho_id_here_, __ATOMIC_RELAXED);               \
        if (__builtin_expect(tacho_id_now_ == 0, 0)) {                                             \
            tacho_id_now_ = tacho_id((name), (kind), (flags));                                     \
            __atomic_store_n(&tacho_id_here_, tacho_id_now_, __ATOMIC_RELAXED);                    \
        }                                                                                          \
        tacho_id_now_;                                                                             \
    }))

#define tacho_begin(name) tacho_begin_id(TACHO_ID(name, TACHO_NAME_SPAN, 0))
#define tacho_end(name) tacho_end_id(TACHO_ID(name, TACHO_NAME_SPAN, 0))
#define tacho_end_error(name) tacho_end_error_id(TACHO_ID(name, TACHO_NAME_SPAN, 0))
#define tacho_next(from, to)                                                                       \
    tacho_next_id(TACHO_ID(from, TACHO_NAME_SPAN, 0), TACHO_ID(to, TACHO_NAME_SPAN, 0))
#define tacho_end_token(name, token)                                                               \
    tacho_end_token_id(TACHO_ID(name, TACHO_NAME_SPAN, 0), (token), false)
#define tacho_frame(camera) tacho_frame_id(TACHO_ID(camera, TACHO_NAME_FRAME, 0))
#define tacho_count(name, add) tacho_count_id(TACHO_ID(name, TACHO_NAME_COUNTER, 0), (add))
#define tacho_dropped(name, add)                                                                   \
    tacho_count_id(TACHO_ID(name, TACHO_NAME_COUNTER, TACHO_NAME_DROPPED), (add))
#define tacho_work(name, add)                                                                      \
    tacho_count_id(TACHO_ID(name, TACHO_NAME_COUNTER, TACHO_NAME_WORK), (add))
#define tacho_gauge(name, value) tacho_gauge_id(TACHO_ID(name, TACHO_NAME_GAUGE, 0), (value))
#define tacho_mark(name) tacho_mark_id(TACHO_ID(name, TACHO_NAME_MARK, 0))

/* TACHO_SPAN("name") { … }: a span around a block, ended however the block is left (break, return,
 * goto, a C++ exception). */
struct tacho_scope_ {
    uint32_t id;
    bool is_open;
};
static inline void tacho_scope_end_(struct tacho_scope_ *scope)
{
    tacho_end_id(scope->id);
}
#define TACHO_SPAN(name)                                                                           \
    for (struct tacho_scope_ tacho_scope_here_                                                     \
         __attribute__((cleanup(tacho_scope_end_))) = {TACHO_ID(name, TACHO_NAME_SPAN, 0), true};  \
         tacho_scope_here_.is_open && (tacho_begin_id(tacho_scope_here_.id), true);                \
         tacho_scope_here_.is_open = false)

#endif /* TACHO_OFF */

#ifdef __cplusplus
}
#endif

#endif
