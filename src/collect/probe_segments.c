/* probe_segments.c: which segments the watched processes have: found, attached, read, let go. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/procfs.h"
#include "base/util.h"
#include "collect/probe_internal.h"

/* New segments are looked for this often at most; more often while the targets are new: a program
 * that was just started makes its segment soon. */
#define LOOK_NS NS_PER_S
#define LOOK_FIRST_NS (100 * NS_PER_MS)
#define LOOK_AFTER_NS (5 * NS_PER_S)
#define PROCESSES_MAX 256
/* A process in a container has a folder of its own, whose changes are not seen. */
#define SEARCH_NS (5 * NS_PER_S)
/* The folder's time has the kernel's tick as its step, and a file is not whole when it appears. */
#define LOOKS_AFTER_CHANGE 2

/* ---- on the caller's thread: finding and freeing ---- */

static enum probe_place place_of(const struct probe_segment *segment)
{
    return atomic_load_explicit(&segment->place, memory_order_acquire);
}

static void release(struct probe_segment *segment)
{
    segment_close(segment->segment);
    free(segment->before);
    free(segment->counters_before);
    free(segment->slot_of);
    segment->segment = NULL;
    segment->before = NULL;
    segment->counters_before = NULL;
    segment->slot_of = NULL;
    atomic_store_explicit(&segment->place, PROBE_FREE, memory_order_relaxed);
}

void probe_segments_free(struct probe_state *probe)
{
    for (size_t i = 0; i < PROBE_SEGMENTS; i++) {
        if (place_of(&probe->segments[i]) != PROBE_FREE)
            release(&probe->segments[i]);
    }
}

static struct probe_segment *free_place(struct probe_state *probe)
{
    for (size_t i = 0; i < PROBE_SEGMENTS; i++) {
        if (place_of(&probe->segments[i]) == PROBE_FREE)
            return &probe->segments[i];
    }
    return NULL;
}

/* One that cannot be attached (no memory, no place) is tried again with the next look. */
static void attach(struct probe_state *probe, struct segment *segment, pid_t pid)
{
    const struct segment_view *view = segment_view(segment);
    struct probe_segment *place = free_place(probe);
    if (!place) {
        segment_close(segment);
        return;
    }
    place->segment = segment;
    place->pid = pid;
    place->generation = probe->search.generation;
    place->is_new = true;
    place->is_ours = place->is_dead = false;
    place->before = calloc(view->hist_room + 1, sizeof(*place->before));
    place->counters_before = calloc(view->counter_count + 1, sizeof(*place->counters_before));
    place->slot_of = calloc(view->channel_room + 1, sizeof(*place->slot_of));
    if (!place->before || !place->counters_before || !place->slot_of) {
        release(place);
        return;
    }
    atomic_store_explicit(&place->has_ended, false, memory_order_relaxed);
    atomic_store_explicit(&place->place, PROBE_ATTACHED, memory_order_release);
}

static void look_at_process(struct probe_state *probe, pid_t pid, uint64_t start_ticks)
{
    const struct probe_search *search = &probe->search;
    ino_t known[PROBE_SEGMENTS];
    struct segment *found[SEGMENT_FOUND_MAX];
    size_t known_count = 0;
    for (size_t i = 0; i < PROBE_SEGMENTS; i++) {
        const struct probe_segment *segment = &probe->segments[i];
        if (place_of(segment) != PROBE_FREE && segment->generation == search->generation)
            known[known_count++] = segment_inode(segment->segment);
    }
    size_t count =
        segment_find(search->root, pid, start_ticks, search->shm_dir, known, known_count, found);
    for (size_t i = 0; i < count; i++) {
        /* What was over before it was found says nothing about now (a program before exec). */
        if (segment_life(found[i], search->root, pid) == SEGMENT_LIVE)
            attach(probe, found[i], pid);
        else
            segment_close(found[i]);
    }
}

static void look_at_tree(struct probe_state *probe, pid_t pid, uint64_t start_ticks,
                         bool without_children)
{
    pid_t pids[PROCESSES_MAX];
    size_t count = 0;
    look_at_process(probe, pid, start_ticks);
    if (without_children ||
        procfs_tree(probe->search.root, pid, false, pids, PROCESSES_MAX, &count, NULL, NULL) < 0)
        return;
    for (size_t i = 0; i < count; i++)
        look_at_process(probe, pids[i], 0);
}

/* Looking takes some thirty system calls a process; most never have a segment. */
static bool may_have_new(struct probe_search *search, uint64_t now_ns)
{
    struct stat status;
    bool is_due = search->searched_ns == 0 || now_ns - search->searched_ns >= SEARCH_NS;
    bool is_known = search->shm_fd >= 0 && fstat(search->shm_fd, &status) == 0;
    bool has_changed = is_known && (search->searched_ns == 0 ||
                                    status.st_mtim.tv_sec != search->shm_changed.tv_sec ||
                                    status.st_mtim.tv_nsec != search->shm_changed.tv_nsec);
    if (has_changed) {
        search->looks_left = LOOKS_AFTER_CHANGE;
        search->shm_changed = status.st_mtim;
    } else if (search->looks_left > 0) {
        search->looks_left--;
    } else if (is_known && !is_due) {
        return false;
    }
    if (is_due)
        search->searched_ns = now_ns;
    return true;
}

/* Frees what sample is done with, and tells it which processes are gone. */
static void look_after(struct probe_state *probe)
{
    for (size_t i = 0; i < PROBE_SEGMENTS; i++) {
        struct probe_segment *segment = &probe->segments[i];
        enum probe_place place = place_of(segment);
        if (place == PROBE_DONE)
            release(segment);
        else if (place == PROBE_ATTACHED &&
                 !segment_has_writer(segment->segment, probe->search.root, segment->pid))
            atomic_store_explicit(&segment->has_ended, true, memory_order_release);
    }
}

void probe_segments_attend(struct probe_state *probe, const struct collect_tick *tick)
{
    struct probe_search *search = &probe->search;
    if (search->generation != tick->target_generation)
        search->looked_ns = search->searched_ns = 0;
    search->generation = tick->target_generation;
    if (search->looked_ns == 0)
        search->since_ns = tick->now_ns;
    uint64_t pace_ns = tick->now_ns - search->since_ns < LOOK_AFTER_NS ? LOOK_FIRST_NS : LOOK_NS;
    if (search->looked_ns != 0 && tick->now_ns - search->looked_ns < pace_ns - pace_ns / 20)
        return;
    search->looked_ns = tick->now_ns;
    look_after(probe);
    if (tick->target == 0 || !may_have_new(search, tick->now_ns))
        return;
    const struct collect_targets *targets = tick->targets;
    bool without_children = targets && targets->without_children;
    if (!targets || targets->count == 0)
        look_at_tree(probe, tick->target, 0, without_children);
    for (size_t i = 0; targets && i < targets->count; i++)
        look_at_tree(probe, targets->pids[i], targets->start_ticks[i], without_children);
}

/* ---- on the sampler's thread: reading ---- */

/* Attending may be ahead, at targets that no tick was of yet. */
struct probe_segment *probe_segment_at(struct probe_state *probe, size_t place)
{
    struct probe_segment *segment = &probe->segments[place];
    return place_of(segment) == PROBE_ATTACHED && segment->generation == probe->generation ? segment
                                                                                           : NULL;
}

static void done(struct probe_segment *segment)
{
    atomic_store_explicit(&segment->place, PROBE_DONE, memory_order_release);
}

/* What a segment that goes had counted stays counted. */
static void keep_counts(struct probe_state *probe, const struct probe_segment *from)
{
    const struct segment_view *view = segment_view(from->segment);
    for (size_t i = 0; i < view->channel_count; i++) {
        if (from->slot_of[i] == 0 || from->slot_of[i] == UINT8_MAX)
            continue;
        struct probe_slot *slot = &probe->slots[from->slot_of[i] - 1];
        uint32_t at = view->channels[i].slot;
        if (slot->kind == TACHO_NAME_COUNTER || slot->kind == TACHO_NAME_FRAME)
            slot->base += view->counters[at];
        else if (slot->kind == TACHO_NAME_GAUGE && view->gauges[at].has_value &&
                 !(slot->largest >= view->gauges[at].largest))
            slot->largest = view->gauges[at].largest;
    }
}

void probe_segments_drop(struct probe_state *probe, uint32_t generation)
{
    for (size_t i = 0; i < PROBE_SEGMENTS; i++) {
        struct probe_segment *segment = &probe->segments[i];
        if (place_of(segment) == PROBE_ATTACHED && (int32_t)(segment->generation - generation) < 0)
            done(segment);
    }
}

void probe_segments_read(struct probe_state *probe)
{
    for (size_t i = 0; i < PROBE_SEGMENTS; i++) {
        struct probe_segment *segment = probe_segment_at(probe, i);
        if (!segment)
            continue;
        /* Before reading: what is read after the process was gone is all that it wrote. */
        segment->is_dead = atomic_load_explicit(&segment->has_ended, memory_order_acquire);
        if (segment_read(segment->segment, NULL) < 0) {
            keep_counts(probe, segment);
            done(segment);
        } else if (segment->is_new) {
            uint64_t created_ns = segment_view(segment->segment)->created_ns;
            segment->is_ours = created_ns + probe->interval_ns >= probe->begun_ns;
        }
    }
}

void probe_segments_finish(struct probe_state *probe)
{
    for (size_t i = 0; i < PROBE_SEGMENTS; i++) {
        struct probe_segment *segment = probe_segment_at(probe, i);
        if (segment && segment->is_dead) {
            keep_counts(probe, segment);
            done(segment);
        } else if (segment) {
            segment->is_new = false;
        }
    }
}
