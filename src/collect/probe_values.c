/* probe_values.c: from the segments to values: names find their slots, readings are differenced,
 * and what several processes say under one name is put together. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/util.h"
#include "collect/probe_internal.h"

#define NS_PER_MS_F ((double)NS_PER_MS)

enum tacho_name_kind probe_slot_kind(size_t index)
{
    if (index < PROBE_SPANS)
        return TACHO_NAME_SPAN;
    if (index < PROBE_SPANS + PROBE_FRAMES)
        return TACHO_NAME_FRAME;
    if (index < PROBE_SPANS + PROBE_FRAMES + PROBE_COUNTERS)
        return TACHO_NAME_COUNTER;
    return TACHO_NAME_GAUGE;
}

/* ---- names ---- */

/* The slot of this name, or a free one that it takes. 0: there is none (any more). */
static uint8_t slot_of(struct probe_state *probe, const struct segment_channel *channel)
{
    for (size_t i = 0; i < PROBE_SLOTS; i++) {
        struct probe_slot *slot = &probe->slots[i];
        if (slot->kind != channel->kind)
            continue;
        if (slot->name[0] == '\0') {
            str_copy(slot->name, sizeof(slot->name), channel->name);
            slot->flags = channel->flags;
            slot->largest = slot->peak_seen = NAN;
        }
        if (strcmp(slot->name, channel->name) != 0)
            continue;
        slot->flags &= channel->flags | ~(unsigned)TACHO_NAME_AUTO;
        return (uint8_t)(i + 1);
    }
    return 0;
}

/* Marks have no column; a name beyond the slots is counted. */
static void bind_names(struct probe_state *probe, struct probe_segment *from)
{
    const struct segment_view *view = segment_view(from->segment);
    for (size_t i = 0; i < view->channel_count; i++) {
        const struct segment_channel *channel = &view->channels[i];
        if (from->slot_of[i] != 0 || channel->name[0] == '\0')
            continue;
        uint8_t slot = channel->kind == TACHO_NAME_MARK ? 0 : slot_of(probe, channel);
        probe->left_out += slot == 0 && channel->kind != TACHO_NAME_MARK;
        from->slot_of[i] = slot > 0 ? slot : UINT8_MAX;
    }
}

/* ---- one name of one segment ---- */

/* What a segment did since it was last read; of one that began meanwhile, since it began. */
static void add_rate(const struct probe_state *probe, const struct probe_segment *from,
                     uint64_t now_ns, uint64_t count, struct probe_slot *slot)
{
    uint64_t since_ns = from->is_new ? segment_view(from->segment)->created_ns : probe->last_ns;
    if (now_ns > since_ns)
        slot->rate += (double)count * (double)NS_PER_S / (double)(now_ns - since_ns);
    slot->has_interval = true;
}

static void add_span(struct probe_state *probe, struct probe_segment *from,
                     const struct segment_channel *channel, uint64_t now_ns,
                     struct probe_slot *slot)
{
    if (channel->hist == 0) {
        slot->has_interval = true; /* open for the first time, say: none has ended */
        return;
    }
    const struct segment_hist *now = &segment_view(from->segment)->hists[channel->hist - 1];
    struct segment_hist *before = &from->before[channel->hist - 1];
    if (from->is_new && !from->is_ours) { /* what it did before we came is not this interval's */
        *before = *now;
        return;
    }
    if (now->generation == before->generation) {
        slot->has_interval = true;
        return;
    }
    struct hist *hist = slot->count == 0 ? probe->hist : probe->more;
    slot->sum_ns += segment_hist_between(now, before, hist);
    add_rate(probe, from, now_ns, hist->count, slot);
    if (hist == probe->more)
        hist_merge(probe->hist, probe->more);
    slot->count = probe->hist->count;
    *before = *now;
}

static void add_counter(const struct probe_state *probe, struct probe_segment *from,
                        const struct segment_channel *channel, uint64_t now_ns,
                        struct probe_slot *slot)
{
    uint64_t now = segment_view(from->segment)->counters[channel->slot];
    uint64_t *before = &from->counters_before[channel->slot];
    slot->total += now;
    if (!from->is_new || from->is_ours) {
        slot->count += now - *before;
        add_rate(probe, from, now_ns, now - *before, slot);
    }
    *before = now;
}

/* Of several gauges of one name the largest. */
static void add_gauge(const struct probe_segment *from, const struct segment_channel *channel,
                      struct probe_slot *slot)
{
    const struct segment_gauge *gauge = &segment_view(from->segment)->gauges[channel->slot];
    if (!gauge->has_value)
        return;
    slot->value = fmax(slot->value, gauge->value);
    slot->largest_now = fmax(slot->largest_now, gauge->largest);
    if (from->is_new && !from->is_ours) /* its peaks until now are not this interval's */
        slot->peak_seen = fmax(slot->peak_seen, gauge->largest);
}

static void add_open(const struct probe_segment *from, uint32_t channel, uint64_t now_ns,
                     struct probe_slot *slot)
{
    const struct segment_view *view = segment_view(from->segment);
    for (size_t i = 0; i < view->open_count && !from->is_dead; i++) {
        if (view->open[i].channel == channel && view->open[i].begin_ns <= now_ns)
            slot->open_s =
                fmax(slot->open_s, (double)(now_ns - view->open[i].begin_ns) / (double)NS_PER_S);
    }
}

/* ---- all of them ---- */

static void clear(struct probe_slot *slot)
{
    slot->has_interval = false;
    slot->count = slot->sum_ns = 0;
    slot->rate = 0;
    slot->total = slot->base;
    slot->p99_ns = slot->max_ns = slot->open_s = slot->value = NAN;
    slot->largest_now = slot->largest;
}

static void make_slot(struct probe_state *probe, size_t index, uint64_t now_ns)
{
    struct probe_slot *slot = &probe->slots[index];
    clear(slot);
    for (size_t i = 0; i < PROBE_SEGMENTS; i++) {
        struct probe_segment *from = probe_segment_at(probe, i);
        size_t count = from ? segment_view(from->segment)->channel_count : 0;
        for (uint32_t j = 0; j < count; j++) {
            const struct segment_channel *channel = &segment_view(from->segment)->channels[j];
            if (from->slot_of[j] != index + 1)
                continue;
            if (slot->kind == TACHO_NAME_SPAN) {
                add_span(probe, from, channel, now_ns, slot);
                add_open(from, j, now_ns, slot);
            } else if (slot->kind == TACHO_NAME_GAUGE) {
                add_gauge(from, channel, slot);
            } else {
                add_counter(probe, from, channel, now_ns, slot);
            }
        }
    }
    if (slot->kind == TACHO_NAME_SPAN && slot->count > 0) {
        slot->p99_ns = hist_quantile(probe->hist, 0.99);
        slot->max_ns = (double)probe->hist->max;
    }
    /* A peak between two ticks is known by the maximum that the program keeps. */
    slot->peak = slot->largest_now > slot->peak_seen || isnan(slot->peak_seen) ? slot->largest_now
                                                                               : slot->value;
    slot->peak_seen = fmax(slot->peak_seen, slot->largest_now);
}

void probe_values_make(struct probe_state *probe, uint64_t now_ns)
{
    for (size_t i = 0; i < PROBE_SEGMENTS; i++) {
        struct probe_segment *from = probe_segment_at(probe, i);
        if (from)
            bind_names(probe, from);
    }
    for (size_t i = 0; i < PROBE_SLOTS && probe->slots[i].kind; i++) {
        if (probe->slots[i].name[0])
            make_slot(probe, i, now_ns);
    }
}

/* ---- values ---- */

static double ms(double ns)
{
    return ns / NS_PER_MS_F;
}

static double rate(const struct probe_slot *slot)
{
    return slot->has_interval ? slot->rate : NAN;
}

static void put_slot(const struct probe_slot *slot, double *values)
{
    double *at = values + slot->first_column;
    switch (slot->kind) {
    case TACHO_NAME_SPAN:
        if (slot->count > 0) {
            at[PROBE_SPAN_AVG] = ms((double)slot->sum_ns / (double)slot->count);
            at[PROBE_SPAN_P99] = ms(slot->p99_ns);
            at[PROBE_SPAN_MAX] = ms(slot->max_ns);
        }
        at[PROBE_SPAN_RATE] = rate(slot);
        at[PROBE_SPAN_OPEN] = slot->open_s;
        break;
    case TACHO_NAME_FRAME:
        at[PROBE_FRAME_FPS] = rate(slot);
        at[PROBE_FRAME_TOTAL] = (double)slot->total;
        break;
    case TACHO_NAME_GAUGE:
        at[PROBE_GAUGE_VALUE] = slot->value;
        at[PROBE_GAUGE_MAX] = slot->peak;
        break;
    default:
        at[PROBE_COUNTER_TOTAL] = (double)slot->total;
        break;
    }
}

static void add(double *sum, double value)
{
    if (!isnan(value))
        *sum = isnan(*sum) ? value : *sum + value;
}

static void put_inference(const struct probe_slot *slot, double *values)
{
    if (slot->has_interval)
        values[PROBE_INFERENCE_COUNT] = (double)slot->count;
    if (slot->count == 0)
        return;
    values[PROBE_INFERENCE_AVG] = ms((double)slot->sum_ns / (double)slot->count);
    values[PROBE_INFERENCE_P99] = ms(slot->p99_ns);
    values[PROBE_INFERENCE_MAX] = ms(slot->max_ns);
}

/* Without --fps-channel: the frames that programs count by their own calls; those that hooks count
 * only where there are no others, as they may be the same frames once more. */
static bool has_own_frames(const struct probe_state *probe)
{
    for (size_t i = 0; i < PROBE_SLOTS; i++) {
        const struct probe_slot *slot = &probe->slots[i];
        if (slot->name[0] && slot->kind == TACHO_NAME_FRAME && !(slot->flags & TACHO_NAME_AUTO))
            return true;
    }
    return false;
}

static bool is_fps(const struct probe_state *probe, const struct probe_slot *slot,
                   bool without_auto)
{
    if (probe->fps[0])
        return strcmp(slot->name, probe->fps) == 0 && slot->kind != TACHO_NAME_GAUGE;
    return slot->kind == TACHO_NAME_FRAME && !(without_auto && slot->flags & TACHO_NAME_AUTO);
}

static void put_fixed(const struct probe_state *probe, const struct probe_slot *slot,
                      bool without_auto, double *values)
{
    if (is_fps(probe, slot, without_auto))
        add(&values[PROBE_FPS], rate(slot));
    if (slot->kind == TACHO_NAME_SPAN && strcmp(slot->name, probe->inference) == 0)
        put_inference(slot, values);
    if (slot->kind == TACHO_NAME_SPAN && strcmp(slot->name, "write") == 0 && slot->count > 0)
        values[PROBE_WRITE] = ms(slot->max_ns);
    if (slot->kind == TACHO_NAME_GAUGE && str_starts_with(slot->name, "queue"))
        values[PROBE_QUEUE] = fmax(values[PROBE_QUEUE], slot->peak);
    if (slot->kind == TACHO_NAME_COUNTER && slot->flags & TACHO_NAME_DROPPED)
        add(&values[PROBE_DROPS], (double)slot->total);
    if (slot->kind == TACHO_NAME_COUNTER && slot->flags & TACHO_NAME_WORK)
        add(&values[PROBE_WORK], (double)slot->total);
}

/* Names without a column, and what found no room in the files. */
static void put_left_out(struct probe_state *probe, double *values)
{
    double left_out = (double)probe->left_out;
    for (size_t i = 0; i < PROBE_SEGMENTS; i++) {
        const struct probe_segment *from = probe_segment_at(probe, i);
        if (!from)
            continue;
        const struct segment_view *view = segment_view(from->segment);
        left_out += (double)view->dropped_names + (double)view->dropped_threads +
                    (double)view->dropped_hists;
    }
    if (left_out > 0)
        values[PROBE_LEFT_OUT] = left_out;
}

void probe_values_put(struct probe_state *probe, double *values)
{
    bool without_auto = has_own_frames(probe);
    for (size_t i = 0; i < PROBE_SLOTS; i++) {
        if (probe->slots[i].name[0] == '\0')
            continue;
        put_slot(&probe->slots[i], values);
        put_fixed(probe, &probe->slots[i], without_auto, values);
    }
    put_left_out(probe, values);
}
