/* segment_tally.c: see segment_tally.h. */
#include "format/segment_tally.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/str.h"
#include "base/util.h"
#include "model/run.h"

#define BYTES_PER_MB 1048576.0

/* One name of the launch. */
struct item {
    const char *name; /* of the arena */
    enum tacho_name_kind kind;
    unsigned flags;
    bool is_used;       /* since the last telling */
    struct hist *hist;  /* SPAN, FRAME; NULL: none yet */
    struct hist *rates; /* FRAME: per second of a window; NULL: none yet */
    uint64_t first_ns, errors;
    uint64_t total;
    double largest, value;
    uint64_t open_ns; /* SPAN: open at the end for so long; 0: not open */
};

struct mark {
    const char *name;
    uint64_t created_ns; /* which process */
    uint64_t t_ns, rss_bytes;
};

/* A series by what it is of; its index is its id. */
struct known {
    const struct metric *metric;
    const char *instance;
};

struct segment_tally {
    struct arena arena;
    uint32_t first_id, series_max;
    struct known *known;
    size_t known_count, known_capacity;
    struct item *items;
    size_t item_count, item_capacity;
    struct mark *marks; /* since the last telling */
    size_t mark_count, mark_capacity;
    struct hist *scratch;
    uint64_t left_out;
};

struct segment_tally *segment_tally_new(uint32_t first_id, uint32_t series_max)
{
    struct segment_tally *tally = calloc(1, sizeof(*tally));
    if (!tally)
        return NULL;
    tally->first_id = first_id;
    tally->series_max = series_max;
    tally->scratch = hist_new();
    if (!tally->scratch) {
        segment_tally_free(tally);
        return NULL;
    }
    return tally;
}

void segment_tally_free(struct segment_tally *tally)
{
    if (!tally)
        return;
    for (size_t i = 0; i < tally->item_count; i++) {
        hist_free(tally->items[i].hist);
        hist_free(tally->items[i].rates);
    }
    free(tally->items);
    free(tally->marks);
    free(tally->known);
    hist_free(tally->scratch);
    arena_deinit(&tally->arena);
    free(tally);
}

uint64_t segment_tally_left_out(const struct segment_tally *tally)
{
    return tally->left_out;
}

static int no_memory(struct error *err)
{
    return error_set(err, ERROR_NOMEM, "out of memory for what the program recorded");
}

/* ---- adding ---- */

static struct item *item_of(struct segment_tally *tally, enum tacho_name_kind kind,
                            const char *text, unsigned flags)
{
    for (size_t i = 0; i < tally->item_count; i++) {
        if (tally->items[i].kind == kind && strcmp(tally->items[i].name, text) == 0)
            return &tally->items[i];
    }
    char *name = arena_strdup(&tally->arena, text);
    if (!name || array_reserve(&tally->items, &tally->item_capacity, tally->item_count + 1,
                               sizeof(*tally->items)) < 0)
        return NULL;
    struct item *item = &tally->items[tally->item_count++];
    *item = (struct item){.name = name, .kind = kind, .flags = flags, .largest = NAN, .value = NAN};
    return item;
}

static int add_hist(struct segment_tally *tally, const struct segment_hist *from, struct item *item)
{
    item->hist = item->hist ? item->hist : hist_new();
    if (!item->hist)
        return -ERROR_NOMEM;
    segment_hist_between(from, NULL, tally->scratch);
    hist_merge(item->hist, tally->scratch);
    item->errors += from->errors;
    if (item->first_ns == 0)
        item->first_ns = from->first_ns;
    return 0;
}

static int add_channel(struct segment_tally *tally, const struct segment_view *view,
                       const struct segment_channel *channel, struct error *err)
{
    struct item *item = item_of(tally, channel->kind, channel->name, channel->flags);
    if (!item)
        return no_memory(err);
    item->is_used = true;
    if (channel->hist > 0 && add_hist(tally, &view->hists[channel->hist - 1], item) < 0)
        return no_memory(err);
    if (channel->kind == TACHO_NAME_COUNTER || channel->kind == TACHO_NAME_FRAME)
        item->total += view->counters[channel->slot];
    if (channel->kind == TACHO_NAME_GAUGE && view->gauges[channel->slot].has_value) {
        item->largest = fmax(item->largest, view->gauges[channel->slot].largest);
        item->value = fmax(item->value, view->gauges[channel->slot].value);
    }
    return 0;
}

static int add_marks(struct segment_tally *tally, const struct segment_view *view,
                     struct error *err)
{
    if (array_reserve(&tally->marks, &tally->mark_capacity, tally->mark_count + view->mark_count,
                      sizeof(*tally->marks)) < 0)
        return no_memory(err);
    for (size_t i = 0; i < view->mark_count; i++) {
        const struct segment_mark *mark = &view->marks[i];
        char *name = arena_strdup(&tally->arena, view->channels[mark->channel].name);
        if (!name)
            return no_memory(err);
        tally->marks[tally->mark_count++] = (struct mark){.name = name,
                                                          .created_ns = view->created_ns,
                                                          .t_ns = mark->t_ns,
                                                          .rss_bytes = mark->rss_bytes};
    }
    return 0;
}

static void add_open(struct segment_tally *tally, const struct segment_view *view, uint64_t end_ns)
{
    for (size_t i = 0; i < view->open_count; i++) {
        const struct segment_open_span *open = &view->open[i];
        const struct segment_channel *channel = &view->channels[open->channel];
        struct item *item = item_of(tally, channel->kind, channel->name, channel->flags);
        if (item && open->begin_ns < end_ns)
            item->open_ns = u64_max(item->open_ns, end_ns - open->begin_ns);
    }
}

int segment_tally_add(struct segment_tally *tally, const struct segment *segment, uint64_t end_ns,
                      struct error *err)
{
    const struct segment_view *view = segment_view(segment);
    for (size_t i = 0; i < view->channel_count; i++) {
        const struct segment_channel *channel = &view->channels[i];
        if (channel->name[0] == '\0' || channel->kind == TACHO_NAME_MARK)
            continue;
        int rc = add_channel(tally, view, channel, err);
        if (rc < 0)
            return rc;
    }
    if (!view->is_closed)
        add_open(tally, view, end_ns);
    tally->left_out +=
        view->dropped_names + view->dropped_threads + view->dropped_hists + view->dropped_marks;
    return add_marks(tally, view, err);
}

int segment_tally_add_rate(struct segment_tally *tally, const char *camera, double per_s,
                           struct error *err)
{
    struct item *item = item_of(tally, TACHO_NAME_FRAME, camera, 0);
    uint64_t rate;
    if (item && !item->rates)
        item->rates = hist_new();
    if (!item || !item->rates)
        return no_memory(err);
    if (run_shown_to_hist(metric_find("frame_fps"), per_s, &rate))
        hist_record(item->rates, rate);
    return 0;
}

/* ---- telling ---- */

struct telling {
    struct segment_tally *tally;
    const struct segment_tally_out *out;
    struct error *err;
    int rc;
};

/* The series of this metric and name. False: there are too many, or no memory. */
static bool series_of(struct telling *telling, const char *metric_name, const char *instance,
                      struct series *ret_series)
{
    struct segment_tally *tally = telling->tally;
    const struct metric *metric = metric_find(metric_name);
    size_t i = 0;
    while (i < tally->known_count &&
           (tally->known[i].metric != metric || strcmp(tally->known[i].instance, instance) != 0))
        i++;
    if (i == tally->series_max) {
        tally->left_out++;
        return false;
    }
    if (i == tally->known_count) {
        char *copy = arena_strdup(&tally->arena, instance);
        if (!copy || array_reserve(&tally->known, &tally->known_capacity, tally->known_count + 1,
                                   sizeof(*tally->known)) < 0) {
            telling->rc = no_memory(telling->err);
            return false;
        }
        tally->known[tally->known_count++] = (struct known){metric, copy};
    }
    *ret_series = (struct series){.id = tally->first_id + (uint32_t)i,
                                  .kind = SERIES_VALUE,
                                  .metric = metric,
                                  .instance = tally->known[i].instance,
                                  .source = SEGMENT_SOURCE};
    return true;
}

static int64_t run_time(const struct telling *telling, uint64_t t_ns)
{
    return (int64_t)(t_ns - telling->out->begin_ns);
}

/* One value as a distribution of one; false: it cannot be (it is negative). */
static bool tell_as_hist(struct telling *telling, const struct series *series, double value)
{
    struct hist *hist = telling->tally->scratch;
    uint64_t inside = value > 0 ? (uint64_t)value : 0;
    if (series->metric->kind != METRIC_NS && !run_shown_to_hist(series->metric, value, &inside))
        return false;
    hist_reset(hist);
    hist_record(hist, inside);
    struct sample_block block = {
        .series = series, .invocation = telling->out->invocation, .hist = hist};
    telling->rc = telling->out->samples(telling->out->context, &block, telling->err);
    return true;
}

/* t_ns 0: no time. A duration in ns goes as such. */
static void tell_value(struct telling *telling, const char *metric, const char *instance,
                       uint64_t t_ns, double value)
{
    struct series series;
    if (telling->rc < 0 || telling->out->is_ignored || isnan(value) ||
        !series_of(telling, metric, instance, &series))
        return;
    if (telling->out->is_failed && tell_as_hist(telling, &series, value))
        return;
    int64_t time_ns = run_time(telling, t_ns);
    uint64_t value_ns = value > 0 ? (uint64_t)value : 0;
    bool is_ns = series.metric->kind == METRIC_NS;
    struct sample_block block = {.series = &series,
                                 .invocation = telling->out->invocation,
                                 .n = 1,
                                 .t_ns = t_ns > 0 ? &time_ns : NULL,
                                 .value_ns = is_ns ? &value_ns : NULL,
                                 .value = is_ns ? NULL : &value};
    telling->rc = telling->out->samples(telling->out->context, &block, telling->err);
}

static void tell_hist(struct telling *telling, const char *metric, const char *instance,
                      const struct hist *hist)
{
    struct series series;
    if (telling->rc < 0 || telling->out->is_ignored || !hist || hist->count == 0 ||
        !series_of(telling, metric, instance, &series))
        return;
    struct sample_block block = {
        .series = &series, .invocation = telling->out->invocation, .hist = hist};
    telling->rc = telling->out->samples(telling->out->context, &block, telling->err);
}

static void tell_event(struct telling *telling, uint64_t t_ns, const char *name, const char *text)
{
    struct event event = {.t_ns = t_ns > 0 ? run_time(telling, t_ns) : INT64_MIN,
                          .invocation = telling->out->invocation,
                          .name = name,
                          .text = text};
    if (telling->rc == 0)
        telling->rc = telling->out->event(telling->out->context, &event, telling->err);
}

static void tell_span(struct telling *telling, const struct item *item)
{
    tell_hist(telling, "span_ms", item->name, item->hist);
    if (item->first_ns > 0)
        tell_value(telling, "span_first_ms", item->name, 0, (double)item->first_ns);
    if (item->errors > 0)
        tell_value(telling, "span_errors", item->name, 0, (double)item->errors);
    if (item->open_ns > 0) {
        double open_s = (double)item->open_ns / (double)NS_PER_S;
        tell_value(telling, "span_open_s", item->name, 0, open_s);
        char text[128];
        snprintf(text, sizeof(text), "%s was open for %.3f s at the end", item->name, open_s);
        tell_event(telling, 0, "open_span", text);
    }
}

static void tell_item(struct telling *telling, const struct item *item)
{
    switch (item->kind) {
    case TACHO_NAME_SPAN:
        tell_span(telling, item);
        break;
    case TACHO_NAME_FRAME:
        tell_hist(telling, "frame_interval_ms", item->name, item->hist);
        tell_hist(telling, "frame_fps", item->name, item->rates);
        tell_value(telling, "frames_total", item->name, 0, (double)item->total);
        break;
    case TACHO_NAME_GAUGE:
        tell_value(telling, "gauge_max", item->name, 0, item->largest);
        tell_value(telling, "gauge_value", item->name, 0, item->value);
        break;
    default:
        tell_value(telling, "counter_total", item->name, 0, (double)item->total);
        break;
    }
}

/* What the fixed names of profiles and limits mean (docs/metrics.md). */
static void tell_pipeline(struct telling *telling)
{
    double queue = NAN, drops = NAN, write_ms = NAN, work = NAN;
    for (size_t i = 0; i < telling->tally->item_count; i++) {
        const struct item *item = &telling->tally->items[i];
        if (!item->is_used)
            continue;
        if (item->kind == TACHO_NAME_GAUGE && str_starts_with(item->name, "queue"))
            queue = fmax(queue, item->largest);
        if (item->kind == TACHO_NAME_COUNTER && item->flags & TACHO_NAME_DROPPED)
            drops = (isnan(drops) ? 0 : drops) + (double)item->total;
        if (item->kind == TACHO_NAME_COUNTER && item->flags & TACHO_NAME_WORK)
            work = (isnan(work) ? 0 : work) + (double)item->total;
        if (item->kind == TACHO_NAME_SPAN && strcmp(item->name, "write") == 0 && item->hist)
            write_ms = (double)item->hist->max / (double)NS_PER_MS;
    }
    tell_value(telling, "pipeline_queue_depth", "", 0, queue);
    tell_value(telling, "pipeline_drops", "", 0, drops);
    tell_value(telling, "pipeline_write_ms", "", 0, write_ms);
    tell_value(telling, "work_done", "", 0, work);
}

/* The growth of a mark is that since the mark before it in the same process. */
static void tell_marks(struct telling *telling)
{
    const struct mark *marks = telling->tally->marks;
    for (size_t i = 0; i < telling->tally->mark_count; i++) {
        const struct mark *mark = &marks[i];
        const struct mark *before =
            i > 0 && marks[i - 1].created_ns == mark->created_ns ? mark - 1 : NULL;
        double rss_mb = mark->rss_bytes > 0 ? (double)mark->rss_bytes / BYTES_PER_MB : NAN;
        double before_mb =
            before && before->rss_bytes > 0 ? (double)before->rss_bytes / BYTES_PER_MB : NAN;
        uint64_t since_ns = before ? before->t_ns : mark->created_ns;
        double time_s =
            mark->t_ns > since_ns ? (double)(mark->t_ns - since_ns) / (double)NS_PER_S : 0;
        tell_value(telling, "mark_s", mark->name, mark->t_ns, time_s);
        tell_value(telling, "mark_rss_mb", mark->name, mark->t_ns, rss_mb);
        tell_value(telling, "mark_growth_mb", mark->name, mark->t_ns, rss_mb - before_mb);
        char text[192];
        if (before)
            snprintf(text, sizeof(text), "%s: %.3f s and %+.1f MB after %s", mark->name, time_s,
                     rss_mb - before_mb, before->name);
        else
            snprintf(text, sizeof(text), "%s: %.1f MB resident", mark->name, rss_mb);
        tell_event(telling, mark->t_ns, "mark", text);
    }
}

static void forget(struct segment_tally *tally)
{
    for (size_t i = 0; i < tally->item_count; i++) {
        struct item *item = &tally->items[i];
        if (item->hist)
            hist_reset(item->hist);
        if (item->rates)
            hist_reset(item->rates);
        item->is_used = false;
        item->total = item->first_ns = item->errors = item->open_ns = 0;
        item->largest = item->value = NAN;
    }
    tally->mark_count = 0;
}

int segment_tally_tell(struct segment_tally *tally, const struct segment_tally_out *out,
                       struct error *err)
{
    struct telling telling = {.tally = tally, .out = out, .err = err};
    for (size_t i = 0; i < tally->item_count; i++) {
        if (tally->items[i].is_used)
            tell_item(&telling, &tally->items[i]);
    }
    tell_pipeline(&telling);
    tell_marks(&telling);
    forget(tally);
    return telling.rc;
}
