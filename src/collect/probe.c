/* probe.c: the collector `probe`: what instrumented programs say of themselves, from the segments
 * of the watched processes (format/segment.h).
 *
 * A name is only known once the program uses it, so the columns are declared without names, a fixed
 * number of each kind, and are late (collector.h): a column takes its instance from the first name
 * that is seen and keeps it. Segments are found and attached by attend, so that sampling opens and
 * allocates nothing.
 */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/util.h"
#include "collect/probe_internal.h"

static const char *const fixed_metrics[PROBE_FIXED_COUNT] = {
    [PROBE_INFERENCE_AVG] = "inference_avg_ms",
    [PROBE_INFERENCE_P99] = "inference_p99_ms",
    [PROBE_INFERENCE_MAX] = "inference_max_ms",
    [PROBE_INFERENCE_COUNT] = "inference_count",
    [PROBE_FPS] = "pipeline_fps",
    [PROBE_QUEUE] = "pipeline_queue_depth",
    [PROBE_DROPS] = "pipeline_drops",
    [PROBE_WRITE] = "pipeline_write_ms",
    [PROBE_WORK] = "work_done",
    [PROBE_LEFT_OUT] = "probe_left_out",
};

static const char *const span_metrics[] = {
    "span_avg_ms", "span_p99_ms", "span_max_ms", "span_rate_per_s", "span_open_s", NULL,
};
static const char *const frame_metrics[] = {"frame_fps", "frames_total", NULL};
static const char *const counter_metrics[] = {"counter_total", NULL};
static const char *const gauge_metrics[] = {"gauge_value", "gauge_max", NULL};

static const char *const *metrics_of(enum tacho_name_kind kind)
{
    switch (kind) {
    case TACHO_NAME_SPAN:
        return span_metrics;
    case TACHO_NAME_FRAME:
        return frame_metrics;
    case TACHO_NAME_GAUGE:
        return gauge_metrics;
    default:
        return counter_metrics;
    }
}

static void probe_probe(const struct collect_env *env, struct probe_result *ret)
{
    *ret = (struct probe_result){REASON_NONE, "reads what programs with libtacho record"};
    if (env->without_probe)
        *ret = (struct probe_result){
            REASON_UNSUPPORTED,
            "a run keeps the distributions of a whole launch, not of intervals"};
    if (env->without_probe || (env->shm_dir && env->shm_dir[0]))
        return;
    if (!root_exists(env->root, "dev/shm"))
        *ret = (struct probe_result){REASON_ABSENT,
                                     "there is no /dev/shm; TACHO_SHM_DIR may name another folder"};
}

static int declare(struct channel_set *channels, const char *metric, size_t number,
                   const char *instance)
{
    char placeholder[16] = "";
    if (instance)
        snprintf(placeholder, sizeof(placeholder), "%zu", number);
    int index = channel_declare(channels, metric, placeholder, SEGMENT_SOURCE);
    if (index < 0)
        return index;
    channels->items[index].per_target = channels->items[index].is_late = true;
    if (instance)
        channels->items[index].instance = instance; /* empty until a name takes the slot */
    return index;
}

static int declare_all(struct probe_state *probe, struct channel_set *channels)
{
    int rc = 0;
    for (size_t i = 0; i < PROBE_FIXED_COUNT && rc >= 0; i++)
        rc = declare(channels, fixed_metrics[i], 0, NULL);
    for (size_t i = 0; i < PROBE_SLOTS && rc >= 0; i++) {
        struct probe_slot *slot = &probe->slots[i];
        slot->kind = probe_slot_kind(i);
        slot->first_column = channels->count;
        const char *const *metrics = metrics_of(slot->kind);
        for (size_t j = 0; metrics[j] && rc >= 0; j++)
            rc = declare(channels, metrics[j], i, slot->name);
    }
    return rc < 0 ? rc : 0;
}

static void probe_close(void *state)
{
    struct probe_state *probe = state;
    if (!probe)
        return;
    probe_segments_free(probe);
    if (probe->search.shm_fd >= 0)
        close(probe->search.shm_fd);
    hist_free(probe->hist);
    hist_free(probe->more);
    free(probe);
}

static int probe_open(const struct collect_env *env, struct channel_set *channels, void **ret_state,
                      struct error *err)
{
    struct probe_state *probe = calloc(1, sizeof(*probe));
    int rc = probe ? 0 : -ERROR_NOMEM;
    if (rc == 0) {
        struct probe_search *search = &probe->search;
        search->root = env->root;
        search->shm_fd = env->shm_dir && env->shm_dir[0]
                             ? open(env->shm_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                             : openat(env->root->fd, "dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        str_copy(search->shm_dir, sizeof(search->shm_dir), env->shm_dir ? env->shm_dir : "");
        probe->interval_ns = env->interval_ns;
        str_copy(probe->inference, sizeof(probe->inference),
                 env->inference_channel ? env->inference_channel : "inference");
        str_copy(probe->fps, sizeof(probe->fps), env->fps_channel ? env->fps_channel : "");
        probe->hist = hist_new();
        probe->more = hist_new();
        rc = probe->hist && probe->more ? declare_all(probe, channels) : -ERROR_NOMEM;
    }
    if (rc < 0) {
        probe_close(probe);
        return error_set(err, -rc, "cannot open the collector 'probe'");
    }
    *ret_state = probe;
    return 0;
}

static void begin_again(struct probe_state *probe, const struct collect_tick *tick)
{
    probe_segments_drop(probe, tick->target_generation);
    for (size_t i = 0; i < PROBE_SLOTS; i++) {
        probe->slots[i].base = 0;
        probe->slots[i].largest = probe->slots[i].peak_seen = NAN;
    }
    probe->has_begun = true;
    probe->generation = tick->target_generation;
    probe->begun_ns = tick->now_ns;
    probe->last_ns = 0;
}

static void probe_attend(void *state, const struct collect_tick *tick)
{
    probe_segments_attend(state, tick);
}

static int probe_sample(void *state, const struct collect_tick *tick, double *values)
{
    struct probe_state *probe = state;
    if (tick->target == 0)
        return 0;
    if (!probe->has_begun || probe->generation != tick->target_generation)
        begin_again(probe, tick);
    probe_segments_read(probe);
    probe_values_make(probe, tick->now_ns);
    probe_values_put(probe, values);
    probe_segments_finish(probe);
    probe->last_ns = tick->now_ns;
    return 0;
}

const struct collector collector_probe = {
    .name = "probe",
    .summary = "spans, frames, counters and gauges of programs with libtacho",
    .cost_ns = 30000, /* without a segment; 10 us more for each span that was recorded */
    .min_interval_ns = 100 * NS_PER_MS,
    .probe = probe_probe,
    .open = probe_open,
    .sample = probe_sample,
    .attend = probe_attend,
    .close = probe_close,
};
