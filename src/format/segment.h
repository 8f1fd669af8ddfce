/* segment.h: reads the segments of instrumented programs (tacho/segment.h), alive or dead.
 *
 * What: segment_open checks a file and sizes everything that reading it takes; segment_read brings
 *       the view up to date: names, values summed over threads, the spans that are open now. All
 *       values but the gauges' last only grow, so an interval is the difference of two views
 *       (segment_hist_between); several readers at any pace disturb neither each other nor the
 *       writer.
 * Hostile input: every byte is checked before use; reading is by pread(2), so a file that shrinks
 *       while it is read is an error and no SIGBUS. Nothing in it is trusted as a size or an index
 *       twice: what was checked at open is kept.
 * Memory: all of it in segment_open; segment_read allocates nothing. Histograms take 32 KB each
 *         once they are used.
 * Threads: one at a time for each segment.
 * Units: ns of CLOCK_MONOTONIC; a histogram's values are ns.
 * Errors: -ERROR_INPUT (no segment, damaged, too large), -ERROR_VERSION, -ERROR_BUSY (its program
 *         has just begun to make it), -ERROR_ABSENT, -ERROR_DENIED, -ERROR_IO, -ERROR_NOMEM.
 */
#ifndef TACHO_FORMAT_SEGMENT_H
#define TACHO_FORMAT_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/file.h"
#include "stats/hist.h"
#include "tacho/segment.h"

#define SEGMENT_SOURCE "segment of libtacho" /* of series and columns that come from one */

struct segment;

enum segment_life {
    SEGMENT_LIVE,
    SEGMENT_ENDED,   /* in order */
    SEGMENT_CRASHED, /* killed, crashed, or became another program (exec) */
};

struct segment_channel {
    char name[TACHO_SEGMENT_NAME_BYTES]; /* printable; empty: not known yet */
    enum tacho_name_kind kind;
    unsigned flags; /* enum tacho_name_flag */
    uint32_t slot;
    uint32_t hist; /* SPAN, FRAME: index into the view's hists + 1; 0: nothing recorded yet */
};

/* The values of one name of all threads. */
struct segment_hist {
    uint32_t channel;
    uint32_t generation; /* changes when the rest did */
    uint64_t count;      /* buckets and over */
    uint64_t sum_ns, min_ns, max_ns;
    uint64_t errors, over;
    uint64_t first_ns; /* the first value of the thread that was first */
    uint64_t buckets[TACHO_SEGMENT_HIST_BUCKETS];
};

struct segment_gauge {
    bool has_value;
    double value, smallest, largest;
    uint64_t set_ns;
};

struct segment_mark {
    uint32_t channel;
    uint64_t t_ns;
    uint64_t rss_bytes; /* 0: not known */
    uint64_t cpu_ns;
};

/* A span that has begun and not ended. */
struct segment_open_span {
    uint32_t channel;
    uint32_t tid;
    uint32_t depth; /* 0: the outermost */
    uint64_t begin_ns;
};

#define SEGMENT_OPEN_SPANS_MAX 64

struct segment_view {
    uint32_t pid; /* as the program sees itself */
    uint32_t uid;
    uint64_t start_ticks, pid_namespace;
    uint64_t created_ns, created_real_ns;
    uint64_t closed_ns;    /* 0: not closed */
    uint64_t span_cost_ps; /* 0: not measured */
    char program[64];
    bool is_closed;
    size_t channel_room, hist_room; /* what the counts below can grow to */
    /* What found no room in the file, and spans that were never ended. */
    uint64_t dropped_names, dropped_threads, dropped_hists, dropped_marks, dropped_spans;
    const struct segment_channel *channels;
    size_t channel_count;
    const struct segment_hist *hists;
    size_t hist_count;
    const uint64_t *counters; /* by slot; frames too */
    size_t counter_count;
    const struct segment_gauge *gauges; /* by slot */
    size_t gauge_count;
    const struct segment_mark *marks; /* in the order in which they were set */
    size_t mark_count;
    struct segment_open_span open[SEGMENT_OPEN_SPANS_MAX];
    size_t open_count; /* those beyond the room are left out */
    size_t threads;    /* live ones */
};

struct segment_event {
    uint32_t channel;
    uint32_t ring;
    unsigned flags; /* enum tacho_event_flag */
    unsigned depth;
    uint64_t begin_ns, duration_ns;
};

/* path: no symbolic link is followed, and only a regular file is opened. */
int segment_open(const char *path, struct segment **ret_segment, struct error *err);
/* The same for a name in an open directory. */
int segment_open_at(int directory_fd, const char *name, struct segment **ret_segment,
                    struct error *err);
/* An open file; it is closed with the segment, or at once where this fails. */
int segment_open_fd(int fd, struct segment **ret_segment, struct error *err);
void segment_close(struct segment *segment); /* accepts NULL */
/* The owner of the file, as fstat(2) has it. */
uid_t segment_owner(const struct segment *segment);
/* Brings the view up to date. When it fails (the file was cut), the view holds what could be read;
 * the next call that does not fail makes it whole. */
int segment_read(struct segment *segment, struct error *err);
/* Valid until close; its contents change with segment_read. */
const struct segment_view *segment_view(const struct segment *segment);
/* Whether the process that writes it still is there. pid: of the writer here, 0: not known. A
 * program that closed its descriptors has lost its sign of life, the lock; then its pid and start
 * decide, if root and pid are given. Looks at nothing that segment_read changes: another thread may
 * call it meanwhile. */
bool segment_has_writer(const struct segment *segment, const struct root *root, pid_t pid);
enum segment_life segment_life(const struct segment *segment, const struct root *root, pid_t pid);
const char *segment_life_name(enum segment_life life); /* "live", "ended", "crashed" */

/* ---- histograms: segment_hist.c ---- */

/* What came between two readings, or with before NULL all of it, into a histogram of stats/hist.h.
 * Values too large for a bucket count as 2^37 ns. min and max are exact where they are known: all
 * of it, or a new extreme; else the bounds of their bucket. Returns the sum, exact. */
uint64_t segment_hist_between(const struct segment_hist *now, const struct segment_hist *before,
                              struct hist *ret_hist);

/* ---- recent events: segment_events.c ---- */

/* Takes events that were not taken yet, oldest first, by the time when they ended. *ret_lost: how
 * many were overwritten before they could be taken, since the last call. Less than capacity: there
 * are no more now. Negative: as segment_read. */
ssize_t segment_take_events(struct segment *segment, struct segment_event *events, size_t capacity,
                            uint64_t *ret_lost, struct error *err);

/* ---- whose segment: segment_find.c ---- */

#define SEGMENT_FOUND_MAX 16
/* `tacho run` has a folder for the segments of its program, with this before its name. */
#define SEGMENT_RUN_PREFIX "tacho-run."

/* Opens all segments of a process: in `directory` (NULL or "": dev/shm below the root), in the
 * folders of runs there, and in its own /dev/shm where it has another one (a container). Taken are
 * regular files of root or of one of the process's own users (it may have changed its effective one
 * since) that say its pid (that of its own namespace) and start_ticks (0: whichever has the pid
 * now). known[] are inodes that are open already and skipped. Fills ret_segments, the oldest copy
 * first, and returns how many: 0, it has none. */
size_t segment_find(const struct root *root, pid_t pid, uint64_t start_ticks, const char *directory,
                    const ino_t *known, size_t known_count,
                    struct segment *ret_segments[SEGMENT_FOUND_MAX]);
ino_t segment_inode(const struct segment *segment);
/* Splits "tacho.UID.PID.START[.N]"; false: no name of a segment. */
bool segment_name_parse(const char *name, uint32_t *ret_uid, pid_t *ret_pid,
                        uint64_t *ret_start_ticks, unsigned *ret_copy);

#endif
