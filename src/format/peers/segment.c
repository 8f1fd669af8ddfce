/* segment.c: the segment of an instrumented program (tacho/segment.h), usually of one that was
 * killed, as a run: everything that it recorded until then. */
#include "format/peers/peer.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "format/segment_tally.h"

#define SERIES_MAX 2048
#define EVENTS_AT_ONCE 256

static bool segment_accepts(const struct peer_input *input)
{
    return input->size >= sizeof(struct tacho_segment_header) &&
           memcmp(input->text, TACHO_SEGMENT_MAGIC, 8) == 0;
}

/* The reader wants a file that nobody maps: one in memory with the same bytes. */
static int open_copy(const struct peer_input *input, struct segment **ret_segment,
                     struct error *err)
{
    int fd = memfd_create("segment", MFD_CLOEXEC);
    if (fd < 0)
        return error_set_errno(err, ERROR_SYSTEM, errno, "cannot copy the segment");
    for (size_t done = 0; done < input->size;) {
        ssize_t n = pwrite(fd, input->text + done, input->size - done, (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            int sys_errno = errno;
            close(fd);
            return error_set_errno(err, ERROR_IO, sys_errno, "cannot copy the segment");
        }
        done += (size_t)n;
    }
    int rc = segment_open_fd(fd, ret_segment, err);
    /* What the user named is an argument, not a device that is missing. */
    return rc == -ERROR_BUSY ? error_set(err, ERROR_INPUT, "a segment that was never finished")
                             : rc;
}

/* When it last did something: of a program that was killed nobody wrote down the end. */
static uint64_t last_sign(struct segment *segment)
{
    const struct segment_view *view = segment_view(segment);
    struct segment_event events[EVENTS_AT_ONCE];
    uint64_t last_ns = u64_max(view->created_ns, view->closed_ns), lost;
    ssize_t n;
    for (size_t i = 0; i < view->mark_count; i++)
        last_ns = u64_max(last_ns, view->marks[i].t_ns);
    for (size_t i = 0; i < view->gauge_count; i++)
        last_ns = u64_max(last_ns, view->gauges[i].has_value ? view->gauges[i].set_ns : 0);
    for (size_t i = 0; i < view->open_count; i++)
        last_ns = u64_max(last_ns, view->open[i].begin_ns);
    do {
        n = segment_take_events(segment, events, EVENTS_AT_ONCE, &lost, NULL);
        for (ssize_t i = 0; i < n; i++)
            last_ns = u64_max(last_ns, events[i].begin_ns + events[i].duration_ns);
    } while (n == EVENTS_AT_ONCE);
    return last_ns;
}

static int hand_over_samples(void *context, const struct sample_block *block, struct error *err)
{
    (void)err; /* the run has its own */
    return peer_run_block(context, block);
}

static int hand_over_event(void *context, const struct event *event, struct error *err)
{
    (void)err;
    return peer_run_event(context, event);
}

static void describe(struct peer_run *run, const struct segment_view *view)
{
    facts_text(&run->workload, "program", view->program, run->input->file);
    facts_integer(&run->workload, "pid", view->pid, run->input->file);
    facts_text(&run->workload, "ended", view->is_closed ? "in order" : "killed, or still running",
               run->input->file);
    if (view->span_cost_ps > 0)
        facts_number(&run->workload, "span_cost_ns", (double)view->span_cost_ps / 1000,
                     run->input->file);
}

extern const struct peer peer_segment;

static int segment_peer_read(const struct peer_input *input, struct error *err)
{
    struct segment *segment = NULL;
    int rc = open_copy(input, &segment, err);
    if (rc < 0) {
        if (err)
            error_at(err, input->file, 0, 0);
        return rc;
    }
    const struct segment_view *view = segment_view(segment);
    uint64_t end_ns = last_sign(segment);
    struct peer_run run;
    peer_run_init(&run, &peer_segment, input, 0, view->program, err);
    run.begin_epoch_s = (double)view->created_real_ns / (double)NS_PER_S;
    run.duration_ns = end_ns - view->created_ns;
    run.is_cut_short = !view->is_closed;
    describe(&run, view);
    struct segment_tally_out out = {.context = &run,
                                    .begin_ns = view->created_ns,
                                    .samples = hand_over_samples,
                                    .event = hand_over_event};
    struct segment_tally *tally = segment_tally_new(0, SERIES_MAX);
    rc = tally ? segment_tally_add(tally, segment, end_ns, err)
               : error_set(err, ERROR_NOMEM, "out of memory for a segment");
    if (rc == 0)
        rc = segment_tally_tell(tally, &out, err);
    if (run.rc == 0 && rc < 0)
        run.rc = rc;
    rc = peer_run_end(&run);
    segment_tally_free(tally);
    segment_close(segment);
    return rc;
}

const struct peer peer_segment = {.name = "segment",
                                  .files = "a segment of libtacho",
                                  .accepts = segment_accepts,
                                  .read = segment_peer_read};
