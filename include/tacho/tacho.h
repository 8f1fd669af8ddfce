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
 *       are for names known at run time only. An id of 0 records nothing. Gauges ignore NaN.
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

/* What a block of the program cost, for programs that want the number themselves. */
struct tacho_measure {
    uint64_t begin_ns;     /* CLOCK_MONOTONIC */
    uint64_t cpu_begin_ns; /* CPU time of the process */
    uint64_t cpu_asked_ns; /* CLOCK_MONOTONIC, when that was asked for */
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

#define TACHO_STATUS_DISABLED (-1) /* of tacho_status: TACHO_DISABLE, or built with -DTACHO_OFF */

#ifndef TACHO_OFF

#ifndef TACHO_API
#define TACHO_API __attribute__((visibility("default")))
#endif

/* The id of a name: looked up or added. flags: enum tacho_name_flag. 0: no room, or switched off.
 * A name that was added with another kind keeps that kind, and this returns 0; added again with
 * other flags, it keeps its first. Ids hold in this process and in what it forks. */
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

/* Values that cannot be had are NaN. Neither needs a segment; both work with TACHO_DISABLE, too. */
TACHO_API void tacho_measure_begin(struct tacho_measure *ret_measure);
TACHO_API void tacho_measure_end(const struct tacho_measure *measure,
                                 struct tacho_measured *ret_measured);

/* The path of this process's segment, or "" while there is none (nothing was recorded yet, or it
 * could not be made). */
TACHO_API const char *tacho_segment_path(void);
/* 0: enabled; else why not: TACHO_STATUS_DISABLED, or the errno of what failed. Makes the segment
 * if need be. */
TACHO_API int tacho_status(void);
/* Says that the process ends in order. exit() and a return from main say it by themselves; a
 * process that is about to call _exit (a forked worker) would look killed without it. */
TACHO_API void tacho_close(void);

/* The slow way of TACHO_ID. Leaves in *here the id, or UINT32_MAX if this name records nothing. */
TACHO_API uint32_t tacho_id_here_(uint32_t *here, const char *name, enum tacho_name_kind kind,
                                  unsigned flags);

/* The id of a name that is written here as a literal (what else would be looked up once for ever
 * does not compile: see tacho_id), looked up once for each place in the program. Switched off, it
 * costs a load and a branch. */
#define TACHO_ID(name, kind, flags)                                                                \
    (__extension__({                                                                               \
        static uint32_t tacho_here_;                                                               \
        uint32_t tacho_now_ = __atomic_load_n(&tacho_here_, __ATOMIC_RELAXED);                     \
        if (__builtin_expect(tacho_now_ - 1u >= 0x7fffffffu, 0))                                   \
            tacho_now_ =                                                                           \
                tacho_now_ ? 0u : tacho_id_here_(&tacho_here_, "" name "", (kind), (flags));       \
        tacho_now_;                                                                                \
    }))

/* What the macros below call: nothing for an id of 0. */
static inline void tacho_begin_(uint32_t span)
{
    if (span)
        tacho_begin_id(span);
}
static inline void tacho_end_(uint32_t span, bool is_error)
{
    if (!span)
        return;
    if (is_error)
        tacho_end_error_id(span);
    else
        tacho_end_id(span);
}
static inline void tacho_next_(uint32_t from, uint32_t to)
{
    if (from | to)
        tacho_next_id(from, to);
}
static inline void tacho_end_token_(uint32_t span, uint64_t token)
{
    if (span)
        tacho_end_token_id(span, token, false);
}
static inline void tacho_frame_(uint32_t frame)
{
    if (frame)
        tacho_frame_id(frame);
}
static inline void tacho_count_(uint32_t counter, uint64_t add)
{
    if (counter)
        tacho_count_id(counter, add);
}
static inline void tacho_gauge_(uint32_t gauge, double value)
{
    if (gauge)
        tacho_gauge_id(gauge, value);
}
static inline void tacho_mark_(uint32_t mark)
{
    if (mark)
        tacho_mark_id(mark);
}

/* name, from, to, camera: string literals. Other arguments are always evaluated, and once. */
#define tacho_begin(name) tacho_begin_(TACHO_ID(name, TACHO_NAME_SPAN, 0))
#define tacho_end(name) tacho_end_(TACHO_ID(name, TACHO_NAME_SPAN, 0), false)
#define tacho_end_error(name) tacho_end_(TACHO_ID(name, TACHO_NAME_SPAN, 0), true)
#define tacho_next(from, to)                                                                       \
    tacho_next_(TACHO_ID(from, TACHO_NAME_SPAN, 0), TACHO_ID(to, TACHO_NAME_SPAN, 0))
#define tacho_end_token(name, token) tacho_end_token_(TACHO_ID(name, TACHO_NAME_SPAN, 0), (token))
#define tacho_frame(camera) tacho_frame_(TACHO_ID(camera, TACHO_NAME_FRAME, 0))
#define tacho_count(name, add) tacho_count_(TACHO_ID(name, TACHO_NAME_COUNTER, 0), (add))
#define tacho_dropped(name, add)                                                                   \
    tacho_count_(TACHO_ID(name, TACHO_NAME_COUNTER, TACHO_NAME_DROPPED), (add))
#define tacho_work(name, add)                                                                      \
    tacho_count_(TACHO_ID(name, TACHO_NAME_COUNTER, TACHO_NAME_WORK), (add))
#define tacho_gauge(name, value) tacho_gauge_(TACHO_ID(name, TACHO_NAME_GAUGE, 0), (value))
#define tacho_mark(name) tacho_mark_(TACHO_ID(name, TACHO_NAME_MARK, 0))

struct tacho_scope_ {
    uint32_t id;
};
static inline struct tacho_scope_ *tacho_scope_begin_(struct tacho_scope_ *scope)
{
    tacho_begin_(scope->id);
    return scope;
}
static inline void tacho_scope_end_(struct tacho_scope_ *scope)
{
    tacho_end_(scope->id, false);
}
#define TACHO_SCOPE_OF_(name, scope)                                                               \
    struct tacho_scope_ scope                                                                      \
        __attribute__((cleanup(tacho_scope_end_))) = {TACHO_ID(name, TACHO_NAME_SPAN, 0)}
#define TACHO_JOIN_(a, b) a##b
#define TACHO_SPAN_(name, n)                                                                       \
    for (TACHO_SCOPE_OF_(name, TACHO_JOIN_(tacho_scope_, n)),                                      \
         *TACHO_JOIN_(tacho_in_, n) = tacho_scope_begin_(&TACHO_JOIN_(tacho_scope_, n));           \
         TACHO_JOIN_(tacho_in_, n); TACHO_JOIN_(tacho_in_, n) = NULL)
#define TACHO_SCOPE_(name, n)                                                                      \
    TACHO_SCOPE_OF_(name, TACHO_JOIN_(tacho_scope_, n));                                           \
    tacho_scope_begin_(&TACHO_JOIN_(tacho_scope_, n))

/* TACHO_SPAN("name") { ... }: a span around a block, ended however the block is left (break,
 * return, goto, a C++ exception; longjmp leaves it open). `break` and `continue` leave this block
 * and no loop around it: where a loop is meant, use TACHO_SCOPE. */
#define TACHO_SPAN(name) TACHO_SPAN_(name, __COUNTER__)

/* TACHO_SCOPE("name"); a span from here to the end of the block around it. */
#define TACHO_SCOPE(name) TACHO_SCOPE_(name, __COUNTER__)

#else /* TACHO_OFF: arguments are still evaluated, so that no program behaves otherwise. */

static inline uint32_t tacho_id(const char *name, enum tacho_name_kind kind, unsigned flags)
{
    (void)name, (void)kind, (void)flags;
    return 0;
}
static inline void tacho_begin_id(uint32_t span)
{
    (void)span;
}
static inline void tacho_end_id(uint32_t span)
{
    (void)span;
}
static inline void tacho_end_error_id(uint32_t span)
{
    (void)span;
}
static inline void tacho_next_id(uint32_t from, uint32_t to)
{
    (void)from, (void)to;
}
static inline uint64_t tacho_begin_token(void)
{
    return 0;
}
static inline void tacho_end_token_id(uint32_t span, uint64_t token, bool is_error)
{
    (void)span, (void)token, (void)is_error;
}
static inline void tacho_record_id(uint32_t span, uint64_t end_ns, uint64_t duration_ns)
{
    (void)span, (void)end_ns, (void)duration_ns;
}
static inline void tacho_frame_id(uint32_t frame)
{
    (void)frame;
}
static inline void tacho_count_id(uint32_t counter, uint64_t add)
{
    (void)counter, (void)add;
}
static inline void tacho_gauge_id(uint32_t gauge, double value)
{
    (void)gauge, (void)value;
}
static inline void tacho_mark_id(uint32_t mark)
{
    (void)mark;
}
static inline void tacho_measure_begin(struct tacho_measure *ret_measure)
{
    ret_measure->begin_ns = ret_measure->cpu_begin_ns = ret_measure->cpu_asked_ns = 0;
    ret_measure->rss_begin_bytes = ret_measure->hwm_begin_bytes = 0;
}
static inline void tacho_measure_end(const struct tacho_measure *measure,
                                     struct tacho_measured *ret_measured)
{
    (void)measure;
    ret_measured->inference_time_s = ret_measured->peak_memory_mb = __builtin_nan("");
    ret_measured->memory_growth_mb = ret_measured->cpu_percent = __builtin_nan("");
    ret_measured->memory_percent = __builtin_nan("");
    ret_measured->is_peak_exact = false;
}
static inline const char *tacho_segment_path(void)
{
    return "";
}
static inline int tacho_status(void)
{
    return TACHO_STATUS_DISABLED;
}
static inline void tacho_close(void)
{
}

#define TACHO_ID(name, kind, flags) 0u
#define tacho_begin(name) ((void)0)
#define tacho_end(name) ((void)0)
#define tacho_end_error(name) ((void)0)
#define tacho_next(from, to) ((void)0)
#define tacho_end_token(name, token) tacho_end_token_id(0, (token), false)
#define tacho_frame(camera) ((void)0)
#define tacho_count(name, add) tacho_count_id(0, (add))
#define tacho_dropped(name, add) tacho_count_id(0, (add))
#define tacho_work(name, add) tacho_count_id(0, (add))
#define tacho_gauge(name, value) tacho_gauge_id(0, (value))
#define tacho_mark(name) ((void)0)
#define TACHO_JOIN_(a, b) a##b
#define TACHO_SPAN_(name, n)                                                                       \
    for (int TACHO_JOIN_(tacho_in_, n) = 1; TACHO_JOIN_(tacho_in_, n);                             \
         TACHO_JOIN_(tacho_in_, n) = 0)
/* A loop here, too, so that `break` means the same with and without TACHO_OFF. */
#define TACHO_SPAN(name) TACHO_SPAN_(name, __COUNTER__)
#define TACHO_SCOPE(name) ((void)0)

#endif /* TACHO_OFF */

#ifdef __cplusplus
}
#endif

#endif
