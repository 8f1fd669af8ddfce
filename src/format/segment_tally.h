/* segment_tally.h: what the processes of one launch recorded, put together and told as a run.
 *
 * What: segment_tally_add takes a segment's latest view (usually after its process ended),
 *       segment_tally_tell hands everything over as blocks of series and events: of each span and
 *       frame counter its whole distribution, of counters and gauges what they came to, of marks
 *       their times and the memory between them, of spans that were open at the end how long.
 * Names: processes of one launch that use the same name are one series. A series keeps its id for
 *       all launches of a run.
 * Memory: 58 KB for each distribution, until segment_tally_free.
 * Threads: one at a time. Errors: -ERROR_NOMEM, and what the receiver says.
 */
#ifndef TACHO_FORMAT_SEGMENT_TALLY_H
#define TACHO_FORMAT_SEGMENT_TALLY_H

#include "format/segment.h"
#include "model/sink.h"

struct segment_tally;

/* Where a tally goes. */
struct segment_tally_out {
    void *context;
    uint64_t begin_ns; /* CLOCK_MONOTONIC of the run's begin */
    uint32_t invocation;
    /* The launch failed. Its invocation does not count in a run's summaries, yet what the program
     * said before it died is what one wants to know: it goes as distributions, which know no
     * invocation. is_ignored: it is only counted; nothing but its events is told. */
    bool is_failed, is_ignored;
    int (*samples)(void *context, const struct sample_block *block, struct error *err);
    int (*event)(void *context, const struct event *event, struct error *err);
};

/* first_id, series_max: the ids that its series may have. */
struct segment_tally *segment_tally_new(uint32_t first_id,
                                        uint32_t series_max); /* NULL: no memory */
void segment_tally_free(struct segment_tally *tally);         /* accepts NULL */
/* end_ns: when its process ended, at the latest: spans that are open then were open until then. */
int segment_tally_add(struct segment_tally *tally, const struct segment *segment, uint64_t end_ns,
                      struct error *err);
/* Tells what was added since the last time, and forgets it. */
int segment_tally_tell(struct segment_tally *tally, const struct segment_tally_out *out,
                       struct error *err);
/* Frames of a camera per second of one window; told with the rest, since until the launch is over
 * nobody knows whether it counts. */
int segment_tally_add_rate(struct segment_tally *tally, const char *camera, double per_s,
                           struct error *err);
/* What found no room over all: in the files, and series beyond series_max. */
uint64_t segment_tally_left_out(const struct segment_tally *tally);

#endif
