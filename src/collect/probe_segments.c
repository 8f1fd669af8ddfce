/* probe_segments.c: which segments the watched processes have: found, attached, let go. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/procfs.h"
#include "base/util.h"
#include "collect/probe_internal.h"

#define LOOK_NS NS_PER_S /* new segments are looked for this often at most */
#define PROCESSES_MAX 256
/* A process in a container has a folder of its own, whose changes are not seen. */
#define SEARCH_NS (5 * NS_PER_S)
/* The folder's time has the kernel's tick as its step, and a file is not whole when it appears. */
#define LOOKS_AFTER_CHANGE 2

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

void probe_segment_detach(struct probe_state *probe, struct probe_segment *segment)
{
    if (!segment->segment)
        return;
    keep_counts(probe, segment);
    segment_close(segment->segment);
    free(segment->before);
    free(segment->counters_before);
    free(segment->slot_of);
    *segment = (struct probe_segment){0};
}

/* One that cannot be attached (no memory, no place) is tried again with the next look. */
static void attach(struct probe_state *probe, struct segment *segment, pid_t pid)
{
    const struct segment_view *view = segment_view(segment);
    struct probe_segment *place = NULL;
    for (size_t i = 0; i < PROBE_SEGMENTS && !place; i++)
        place = probe->segments[i].segment ? NULL : &probe->segments[i];
    struct probe_segment now = {
        .segment = segment,
        .pid = pid,
        .is_new = true,
        .is_ours = view->created_ns + probe->interval_ns >= probe->begun_ns,
        .before = calloc(view->hist_room + 1, sizeof(*now.before)),
        .counters_before = calloc(view->counter_count + 1, sizeof(*now.counters_before)),
        .slot_of = calloc(view->channel_room + 1, sizeof(*now.slot_of)),
    };
    if (place && now.before && now.counters_before && now.slot_of) {
        *place = now;
        return;
    }
    segment_close(segment);
    free(now.before);
    free(now.counters_before);
    free(now.slot_of);
}

static void look_at_process(struct probe_state *probe, pid_t pid, uint64_t start_ticks)
{
    ino_t known[PROBE_SEGMENTS];
    struct segment *found[SEGMENT_FOUND_MAX];
    size_t known_count = 0;
    for (size_t i = 0; i < PROBE_SEGMENTS; i++) {
        if (probe->segments[i].segment)
            known[known_count++] = segment_inode(probe->segments[i].segment);
    }
    size_t count =
        segment_find(probe->root, pid, start_ticks, probe->shm_dir, known, known_count, found);
    for (size_t i = 0; i < count; i++) {
        /* What was over before it was found says nothing about now (a program before exec). */
        if (segment_life(found[i], probe->root, pid) == SEGMENT_LIVE)
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
        procfs_tree(probe->root, pid, false, pids, PROCESSES_MAX, &count, NULL, NULL) < 0)
        return;
    for (size_t i = 0; i < count; i++)
        look_at_process(probe, pids[i], 0);
}

/* Looking takes some thirty system calls a process; most never have a segment. */
static bool may_have_new(struct probe_state *probe, uint64_t now_ns)
{
    struct stat status;
    bool is_due = probe->searched_ns == 0 || now_ns - probe->searched_ns >= SEARCH_NS;
    bool is_known = probe->shm_fd >= 0 && fstat(probe->shm_fd, &status) == 0;
    bool has_changed = is_known && (probe->searched_ns == 0 ||
                                    status.st_mtim.tv_sec != probe->shm_changed.tv_sec ||
                                    status.st_mtim.tv_nsec != probe->shm_changed.tv_nsec);
    if (has_changed) {
        probe->looks_left = LOOKS_AFTER_CHANGE;
        probe->shm_changed = status.st_mtim;
    } else if (probe->looks_left > 0) {
        probe->looks_left--;
    } else if (is_known && !is_due) {
        return false;
    }
    if (is_due)
        probe->searched_ns = now_ns;
    return true;
}

void probe_segments_look(struct probe_state *probe, const struct collect_tick *tick)
{
    if (probe->looked_ns != 0 && tick->now_ns - probe->looked_ns < LOOK_NS - NS_PER_MS * 50)
        return;
    probe->looked_ns = tick->now_ns;
    for (size_t i = 0; i < PROBE_SEGMENTS; i++) {
        struct probe_segment *segment = &probe->segments[i];
        if (segment->segment && segment->is_dead)
            probe_segment_detach(probe, segment);
        else if (segment->segment)
            segment->is_dead =
                segment_life(segment->segment, probe->root, segment->pid) != SEGMENT_LIVE;
    }
    if (!may_have_new(probe, tick->now_ns))
        return;
    const struct collect_targets *targets = tick->targets;
    bool without_children = targets && targets->without_children;
    if (!targets || targets->count == 0)
        look_at_tree(probe, tick->target, 0, without_children);
    for (size_t i = 0; targets && i < targets->count; i++)
        look_at_tree(probe, targets->pids[i], targets->start_ticks[i], without_children);
}

void probe_segments_read(struct probe_state *probe)
{
    for (size_t i = 0; i < PROBE_SEGMENTS; i++) {
        struct probe_segment *segment = &probe->segments[i];
        if (segment->segment && segment_read(segment->segment, NULL) < 0)
            probe_segment_detach(probe, segment);
    }
}
