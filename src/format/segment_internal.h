/* segment_internal.h: what the files of the segment reader share. */
#ifndef TACHO_FORMAT_SEGMENT_INTERNAL_H
#define TACHO_FORMAT_SEGMENT_INTERNAL_H

#include <sys/stat.h>

#include "format/segment.h"

#define SEGMENT_WINDOW_BYTES 65536

/* A section as it was checked: all of its entries lie within the file. */
struct segment_section {
    uint32_t count;
    uint64_t offset, stride;
};

/* The words of a histogram in front of all buckets but the first: where they did not move, nothing
 * was recorded (a value of 0 moves no sum, but the first bucket). */
struct segment_hist_words {
    uint32_t owner, name;
    uint64_t sum_ns, min_ns, max_ns, errors, over, first_ns, reserved;
    uint64_t zeros; /* buckets[0] */
};

struct segment {
    int fd;
    ino_t inode;
    uid_t owner;
    uint64_t total_size;
    struct segment_section names, threads, counters, gauges, marks, hists, rings;
    struct segment_view view;
    /* The view's arrays; rooms are those of the sections. */
    struct segment_channel *channels;
    struct segment_hist *hists_now;
    uint64_t *counters_now, *counters_next;
    struct segment_gauge *gauges_now;
    struct segment_mark *marks_now;
    struct segment_hist_words *seen; /* of each histogram of the pool, as it was last read */
    bool *is_stale;                  /* of hists: to be read again in this pass */
    uint8_t *is_used;                /* of threads: had a state once */
    uint64_t *event_next;            /* of rings: the next to take */
    char *window;                    /* SEGMENT_WINDOW_BYTES */
    /* What the window holds, so that small entries come many at a time. */
    uint64_t window_offset, window_length;
};

/* -ERROR_IO: less than size bytes are there. */
int segment_copy(const struct segment *segment, uint64_t offset, void *data, size_t size,
                 struct error *err);
/* The first `size` bytes of an entry, in the window: valid until the next call. NULL: not there. */
const void *segment_entry(struct segment *segment, const struct segment_section *section,
                          uint64_t index, size_t size, struct error *err);
/* Forgets the window: what is read next is read anew. */
void segment_window_clear(struct segment *segment);
/* -ERROR_IO where the file has become shorter than it says it is. */
int segment_check_size(const struct segment *segment, struct error *err);

#endif
