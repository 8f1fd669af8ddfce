/* probe_internal.h: the parts of the collector `probe`: the segments of the watched processes, and
 * the values that they come to.
 *
 * Threads: attend finds, opens and frees segments on the caller's thread; sample reads them on the
 * sampler's. A place for a segment goes round by its state: FREE, filled by attend, ATTACHED, read
 * by sample until it is DONE, freed by attend. Who may touch a place, and no other, is who may move
 * its state on; but for `has_ended` and what attaching wrote.
 */
#ifndef TACHO_COLLECT_PROBE_INTERNAL_H
#define TACHO_COLLECT_PROBE_INTERNAL_H

#include <limits.h>
#include <stdatomic.h>
#include <time.h>

#include "collect/collector.h"
#include "format/segment.h"

/* So many names of each kind get columns, in the order in which they are seen; those of further
 * ones are counted. Columns are declared before any name is known. */
#define PROBE_SPANS 16
#define PROBE_FRAMES 8
#define PROBE_COUNTERS 12
#define PROBE_GAUGES 8
#define PROBE_SLOTS (PROBE_SPANS + PROBE_FRAMES + PROBE_COUNTERS + PROBE_GAUGES)
#define PROBE_SEGMENTS 32

/* What has no name of the program's in it. */
enum probe_fixed {
    PROBE_INFERENCE_AVG,
    PROBE_INFERENCE_P99,
    PROBE_INFERENCE_MAX,
    PROBE_INFERENCE_COUNT,
    PROBE_FPS,
    PROBE_QUEUE,
    PROBE_DROPS,
    PROBE_WRITE,
    PROBE_WORK,
    PROBE_LEFT_OUT,
    PROBE_FIXED_COUNT
};

enum probe_slot_value {
    PROBE_SPAN_AVG = 0,
    PROBE_SPAN_P99,
    PROBE_SPAN_MAX,
    PROBE_SPAN_RATE,
    PROBE_SPAN_OPEN,
    PROBE_FRAME_FPS = 0,
    PROBE_FRAME_TOTAL,
    PROBE_COUNTER_TOTAL = 0,
    PROBE_GAUGE_VALUE = 0,
    PROBE_GAUGE_MAX,
};

/* One name of the watched programs. Values are sums over all segments that have it. */
struct probe_slot {
    char name[TACHO_SEGMENT_NAME_BYTES]; /* written once, before its columns' first values */
    enum tacho_name_kind kind;
    unsigned flags; /* AUTO: in all programs that have it */
    size_t first_column;
    uint64_t base;    /* FRAME, COUNTER: what segments that are gone had counted */
    double largest;   /* GAUGE: of those */
    double peak_seen; /* GAUGE: the largest value that some tick knew of */
    /* Of this tick: */
    bool has_interval; /* a segment that was there before, or began with it, has it */
    uint64_t count, sum_ns, total;
    double rate; /* per second */
    double p99_ns, max_ns, open_s;
    double value, largest_now; /* GAUGE */
    double peak;               /* GAUGE: the largest within the interval, as far as it is known */
};

enum probe_place {
    PROBE_FREE,
    PROBE_ATTACHED,
    PROBE_DONE, /* sample does not want it any more */
};

struct probe_segment {
    _Atomic uint32_t place;  /* enum probe_place; release */
    _Atomic bool has_ended;  /* its process is gone: what is read now is the last */
    struct segment *segment; /* written by attaching, like the next two */
    pid_t pid;
    uint32_t generation;         /* of the targets that it belongs to */
    bool is_new;                 /* not sampled yet */
    bool is_ours;                /* began while we watched: all of it counts */
    bool is_dead;                /* this is its last reading */
    struct segment_hist *before; /* by the view's hist; of the last tick */
    uint64_t *counters_before;   /* by the view's counter */
    uint8_t *slot_of;            /* by channel: slot + 1, 0: not asked yet, UINT8_MAX: none */
};

/* What only attend uses: where segments may be, and when they were looked for. */
struct probe_search {
    const struct root *root;
    char shm_dir[PATH_MAX];
    int shm_fd; /* the folder; -1: unknown */
    uint32_t generation;
    uint64_t looked_ns; /* 0: these targets were not looked at yet */
    uint64_t since_ns;  /* when they first were */
    /* Whether new ones may be there: by the folder's time of change, and now and then anyhow. */
    struct timespec shm_changed;
    unsigned looks_left;
    uint64_t searched_ns;
};

struct probe_state {
    struct probe_segment segments[PROBE_SEGMENTS];
    struct probe_search search;
    /* Only sample: */
    char inference[TACHO_SEGMENT_NAME_BYTES], fps[TACHO_SEGMENT_NAME_BYTES];
    struct probe_slot slots[PROBE_SLOTS];
    size_t left_out; /* names without a slot */
    bool has_begun;
    uint32_t generation;
    uint64_t begun_ns; /* when these targets were first sampled */
    uint64_t last_ns;  /* of the tick before; 0: none */
    uint64_t interval_ns;
    struct hist *hist, *more; /* scratch */
};

/* probe_segments.c, on the caller's thread */
void probe_segments_attend(struct probe_state *probe, const struct collect_tick *tick);
void probe_segments_free(struct probe_state *probe); /* all of them; nobody samples any more */
/* ... and on the sampler's */
/* The segment in this place, or NULL: there is none of these targets. */
struct probe_segment *probe_segment_at(struct probe_state *probe, size_t place);
void probe_segments_drop(struct probe_state *probe, uint32_t generation); /* those before it */
void probe_segments_read(struct probe_state *probe);
void probe_segments_finish(struct probe_state *probe); /* those whose last reading was used */

/* probe_values.c */
size_t probe_slot_columns(enum tacho_name_kind kind);
enum tacho_name_kind probe_slot_kind(size_t index);
/* What this tick came to, from all segments. */
void probe_values_make(struct probe_state *probe, uint64_t now_ns);
void probe_values_put(struct probe_state *probe, double *values);

#endif
