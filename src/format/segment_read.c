/* segment_read.c: brings the view of a segment up to date.
 *
 * Everything is copied, then checked, then used. What was read once and cannot change (a name) is
 * not read again; of a histogram only the 72 bytes that tell whether it moved.
 */
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"
#include "format/segment_internal.h"

/* A hostile file may claim any count: sums stop at the largest number instead of going round. */
static uint64_t add_up(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* ---- header ---- */

static int read_header(struct segment *segment, struct tacho_segment_header *ret_header,
                       struct error *err)
{
    int rc = segment_check_size(segment, err);
    if (rc == 0)
        rc = segment_copy(segment, 0, ret_header, sizeof(*ret_header), err);
    if (rc == 0 && memcmp(ret_header->magic, TACHO_SEGMENT_MAGIC, sizeof(ret_header->magic)) != 0)
        return error_set(err, ERROR_INPUT, "the segment was overwritten");
    return rc;
}

static void take_header(struct segment_view *view, const struct tacho_segment_header *header)
{
    view->is_closed = header->state == TACHO_SEGMENT_CLOSED;
    view->closed_ns = view->is_closed ? header->closed_ns : 0;
    view->dropped_names = header->dropped_names;
    view->dropped_threads = header->dropped_threads;
    view->dropped_hists = header->dropped_hists;
    view->dropped_marks = header->dropped_marks;
}

/* ---- names ---- */

/* Whether a name says something that can be used: a known kind, and a slot that exists. */
static bool is_usable(const struct segment *segment, const struct tacho_segment_name *name)
{
    switch (name->kind) {
    case TACHO_NAME_SPAN:
    case TACHO_NAME_MARK:
        return true;
    case TACHO_NAME_FRAME:
    case TACHO_NAME_COUNTER:
        return name->slot < segment->view.counter_count;
    case TACHO_NAME_GAUGE:
        return name->slot < segment->gauges.count;
    default:
        return false; /* of a later minor version */
    }
}

/* Names are only added: one that is known stays as it is. */
static int read_names(struct segment *segment, uint32_t used, struct error *err)
{
    struct segment_view *view = &segment->view;
    size_t count = u64_min(used, segment->names.count);
    for (size_t i = 0; i < count; i++) {
        struct segment_channel *channel = &segment->channels[i];
        if (channel->name[0])
            continue;
        const struct tacho_segment_name *name =
            segment_entry(segment, &segment->names, i, sizeof(*name), err);
        if (!name)
            return -ERROR_IO;
        if (name->ready != 1 || !name->text[0] || !is_usable(segment, name))
            continue;
        channel->kind = (enum tacho_name_kind)name->kind;
        channel->flags = name->flags;
        channel->slot = name->slot;
        memcpy(channel->name, name->text, sizeof(channel->name));
        channel->name[sizeof(channel->name) - 1] = '\0';
        str_make_printable(channel->name);
    }
    view->channel_count = u64_max(view->channel_count, count);
    return 0;
}

static bool is_channel(const struct segment *segment, uint64_t index)
{
    return index < segment->view.channel_count && segment->channels[index].name[0];
}

/* ---- threads and the spans that are open ---- */

/* An entry stood there if two copies agree in it and in depth. */
static void take_open(struct segment *segment, const struct tacho_segment_thread *before,
                      const struct tacho_segment_thread *after)
{
    struct segment_view *view = &segment->view;
    uint32_t depth = before->depth;
    if (after->depth != depth || after->tid != before->tid)
        return;
    for (uint32_t i = 0; i < depth && i < TACHO_SEGMENT_OPEN_MAX; i++) {
        const struct tacho_segment_open *open = &before->open[i];
        if (view->open_count == SEGMENT_OPEN_SPANS_MAX)
            return;
        if (open->name != after->open[i].name || open->begin_ns != after->open[i].begin_ns ||
            !is_channel(segment, open->name))
            continue;
        view->open[view->open_count++] = (struct segment_open_span){
            .channel = open->name, .tid = before->tid, .depth = i, .begin_ns = open->begin_ns};
    }
}

static int read_threads(struct segment *segment, struct error *err)
{
    struct segment_view *view = &segment->view;
    view->threads = view->open_count = 0;
    view->dropped_spans = 0;
    for (uint32_t i = 0; i < segment->threads.count; i++) {
        const struct tacho_segment_thread *entry =
            segment_entry(segment, &segment->threads, i, sizeof(*entry), err);
        if (!entry)
            return -ERROR_IO;
        struct tacho_segment_thread before, after;
        memcpy(&before, entry, sizeof(before));
        segment->is_used[i] |= before.state != TACHO_THREAD_FREE;
        view->dropped_spans = add_up(view->dropped_spans, before.dropped_spans);
        view->threads += before.state == TACHO_THREAD_LIVE;
        if (before.state != TACHO_THREAD_LIVE || before.depth == 0)
            continue;
        uint64_t offset = segment->threads.offset + i * segment->threads.stride;
        if (segment_copy(segment, offset, &after, sizeof(after), err) < 0)
            return -ERROR_IO;
        take_open(segment, &before, &after);
    }
    return 0;
}

/* ---- counters, gauges, marks ---- */

static size_t columns_used(const struct segment *segment)
{
    size_t count = 0;
    for (size_t i = 0; i < segment->view.channel_count; i++) {
        const struct segment_channel *channel = &segment->channels[i];
        if (channel->name[0] &&
            (channel->kind == TACHO_NAME_COUNTER || channel->kind == TACHO_NAME_FRAME))
            count = u64_max(count, channel->slot + 1);
    }
    return count;
}

/* Rows of threads that never were are all 0; the last row is that of threads without a slot. */
static int read_counters(struct segment *segment, struct error *err)
{
    size_t columns = columns_used(segment);
    size_t fits = SEGMENT_WINDOW_BYTES / sizeof(uint64_t);
    uint64_t *sums = segment->counters_next;
    memset(sums, 0, columns * sizeof(*sums));
    columns = u64_min(columns, fits);
    for (uint32_t row = 0; row < segment->counters.count && columns > 0; row++) {
        if (row < segment->threads.count && !segment->is_used[row])
            continue;
        const uint64_t *values =
            segment_entry(segment, &segment->counters, row, columns * sizeof(*values), err);
        if (!values)
            return -ERROR_IO;
        for (size_t i = 0; i < columns; i++)
            sums[i] = add_up(sums[i], values[i]);
    }
    /* Never backwards, whatever the file says. */
    for (size_t i = 0; i < columns; i++)
        segment->counters_now[i] = u64_max(segment->counters_now[i], sums[i]);
    return 0;
}

static double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static int read_gauges(struct segment *segment, struct error *err)
{
    for (size_t i = 0; i < segment->view.channel_count; i++) {
        const struct segment_channel *channel = &segment->channels[i];
        if (!channel->name[0] || channel->kind != TACHO_NAME_GAUGE)
            continue;
        const struct tacho_segment_gauge *gauge =
            segment_entry(segment, &segment->gauges, channel->slot, sizeof(*gauge), err);
        if (!gauge)
            return -ERROR_IO;
        struct segment_gauge now = {.has_value = gauge->count > 0,
                                    .value = double_of(gauge->value),
                                    .smallest = double_of(gauge->smallest),
                                    .largest = double_of(gauge->largest),
                                    .set_ns = gauge->set_ns};
        /* The program's gauges are numbers; what is none was not written by libtacho. */
        now.has_value &= !isnan(now.value) && !isnan(now.smallest) && !isnan(now.largest);
        segment->gauges_now[channel->slot] = now;
    }
    return 0;
}

/* Stops at the first that is not ready: marks stay in order, and it is there the next time. */
static int read_marks(struct segment *segment, uint32_t used, struct error *err)
{
    struct segment_view *view = &segment->view;
    size_t count = u64_min(used, segment->marks.count);
    while (view->mark_count < count) {
        const struct tacho_segment_mark *mark =
            segment_entry(segment, &segment->marks, view->mark_count, sizeof(*mark), err);
        if (!mark)
            return -ERROR_IO;
        if (mark->ready != 1 || !is_channel(segment, mark->name))
            return 0;
        segment->marks_now[view->mark_count++] = (struct segment_mark){.channel = mark->name,
                                                                       .t_ns = mark->t_ns,
                                                                       .rss_bytes = mark->rss_bytes,
                                                                       .cpu_ns = mark->cpu_ns};
    }
    return 0;
}

/* ---- histograms ---- */

/* The merged histogram of a name, claimed when the name first has one. NULL: it can have none. */
static struct segment_hist *hist_of(struct segment *segment, uint32_t name)
{
    struct segment_view *view = &segment->view;
    if (!is_channel(segment, name))
        return NULL;
    struct segment_channel *channel = &segment->channels[name];
    if (channel->kind != TACHO_NAME_SPAN && channel->kind != TACHO_NAME_FRAME)
        return NULL;
    if (channel->hist == 0) {
        if (view->hist_count == view->hist_room)
            return NULL;
        segment->hists_now[view->hist_count].channel = name;
        channel->hist = (uint32_t)++view->hist_count;
    }
    return &segment->hists_now[channel->hist - 1];
}

static void clear(struct segment_hist *hist)
{
    struct segment_hist empty = {
        .channel = hist->channel, .generation = hist->generation + 1, .min_ns = UINT64_MAX};
    memset(hist->buckets, 0, sizeof(hist->buckets));
    memcpy(hist, &empty, offsetof(struct segment_hist, buckets));
}

static int merge(struct segment *segment, uint32_t index, const struct segment_hist_words *words,
                 struct segment_hist *hist, struct error *err)
{
    uint64_t offset = segment->hists.offset + index * segment->hists.stride +
                      offsetof(struct tacho_segment_hist, buckets);
    _Static_assert(sizeof(hist->buckets) <= SEGMENT_WINDOW_BYTES, "the window holds them");
    segment_window_clear(segment);
    if (segment_copy(segment, offset, segment->window, sizeof(hist->buckets), err) < 0)
        return -ERROR_IO;
    const uint64_t *buckets = (const uint64_t *)(const void *)segment->window;
    for (size_t i = 0; i < TACHO_SEGMENT_HIST_BUCKETS; i++) {
        hist->buckets[i] = add_up(hist->buckets[i], buckets[i]);
        hist->count = add_up(hist->count, buckets[i]);
    }
    hist->count = add_up(hist->count, words->over);
    hist->over = add_up(hist->over, words->over);
    hist->errors = add_up(hist->errors, words->errors);
    hist->sum_ns = add_up(hist->sum_ns, words->sum_ns);
    hist->min_ns = u64_min(hist->min_ns, words->min_ns);
    hist->max_ns = u64_max(hist->max_ns, words->max_ns);
    if (hist->first_ns == 0)
        hist->first_ns = words->first_ns;
    return 0;
}

/* Which histograms moved; their names' are made anew from all threads'. */
static int find_stale(struct segment *segment, size_t count, bool *ret_any, struct error *err)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct segment_hist_words *words =
            segment_entry(segment, &segment->hists, i, sizeof(*words), err);
        if (!words)
            return -ERROR_IO;
        if (words->owner == 0 || memcmp(words, &segment->seen[i], sizeof(*words)) == 0)
            continue;
        const struct segment_hist *hist = hist_of(segment, words->name);
        if (!hist)
            continue; /* its name is not there yet: next time */
        /* One that changes its name would be counted under both; no library does that. */
        if (segment->seen[i].owner != 0 && segment->seen[i].name != words->name)
            continue;
        segment->seen[i] = *words;
        segment->is_stale[hist - segment->hists_now] = *ret_any = true;
    }
    return 0;
}

static int read_hists(struct segment *segment, uint32_t used, struct error *err)
{
    size_t count = u64_min(used, segment->hists.count);
    bool any = false;
    int rc = find_stale(segment, count, &any, err);
    if (rc == 0 && !any)
        return 0;
    for (size_t i = 0; i < segment->view.hist_count; i++) {
        if (segment->is_stale[i])
            clear(&segment->hists_now[i]);
    }
    for (uint32_t i = 0; i < count && rc == 0; i++) {
        const struct segment_hist_words *words = &segment->seen[i];
        if (words->owner == 0)
            continue;
        uint32_t hist = segment->channels[words->name].hist - 1;
        if (segment->is_stale[hist])
            rc = merge(segment, i, words, &segment->hists_now[hist], err);
    }
    if (rc < 0) /* what is incomplete now is made anew the next time */
        memset(segment->seen, 0, segment->hists.count * sizeof(*segment->seen));
    memset(segment->is_stale, 0, segment->view.hist_room * sizeof(*segment->is_stale));
    return rc;
}

/* ---- all of it ---- */

int segment_read(struct segment *segment, struct error *err)
{
    struct tacho_segment_header header;
    int rc = read_header(segment, &header, err);
    segment_window_clear(segment);
    if (rc == 0)
        rc = read_names(segment, header.names_used, err);
    if (rc == 0)
        rc = read_threads(segment, err);
    if (rc == 0)
        rc = read_counters(segment, err);
    if (rc == 0)
        rc = read_gauges(segment, err);
    if (rc == 0)
        rc = read_marks(segment, header.marks_used, err);
    if (rc == 0)
        rc = read_hists(segment, header.hists_used, err);
    /* Last: who sees a closed segment has seen all that was in it. */
    if (rc == 0)
        take_header(&segment->view, &header);
    return rc;
}
