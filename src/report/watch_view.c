/* watch_view.c: the live screen's values, histories and keys (watch_view.h). */
#include "report/watch_view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"
#include "base/util.h"
#include "report/watch_view_internal.h"

/* Which metrics have a sparkline; those that come first get the room. */
static const struct shown {
    const char *metric;
    const char *label;
} shown[WATCH_VIEW_HISTORIES] = {
    {"cpu_track_pct", "CPU"},       {"mem_track_anon_mb", "anon"},
    {"mem_track_rss_mb", "RSS"},    {"cpu_total_pct", "CPU all"},
    {"mem_used_mb", "mem all"},     {"gpu_util_pct", "GPU"},
    {"gpu_mem_used_mb", "GPU mem"}, {"inference_p99_ms", "p99"},
    {"pipeline_fps", "fps"},        {"pipeline_queue_depth", "queue"},
    {"power_w", "power"},           {"temp_c", "temp"},
    {"work_done", "work"},          {"psi_cpu_some_pct", "psi cpu"},
    {"psi_io_some_pct", "psi io"},  {"track_fds", "fds"},
};

/* Of each GPU: first the load of all, then the memory of all, ... What a board calls by the GPU's
 * name belongs to it. */
static const struct shown shown_of_gpus[] = {
    {"gpu_util_pct", "util"}, {"gpu_mem_used_mb", "mem"}, {"gpu_power_w", "power"},
    {"power_w", "power"},     {"gpu_temp_c", "temp"},     {"temp_c", "temp"},
    {"gpu_mhz", "clock"},
};

/* ---- rows ---- */

static int find_channel(const struct watch_view *view, const char *metric, const char *instance)
{
    for (size_t i = 0; i < view->channel_count; i++) {
        const struct channel *channel = &view->channels[i];
        if (channel->reason == REASON_NONE && strcmp(channel->metric->name, metric) == 0 &&
            (!instance || strcmp(channel->instance, instance) == 0))
            return (int)i;
    }
    return -1;
}

/* The history of shown[row], where it has a channel that is there and none yet; they stand in the
 * order of the table. */
static void add_history(struct watch_view *view, size_t row)
{
    /* Of power the whole, if something tells it. */
    int channel = find_channel(view, shown[row].metric, "total");
    size_t at = 0;
    if (channel < 0)
        channel = find_channel(view, shown[row].metric, NULL);
    if (channel < 0 || (view->channels[channel].is_late && isnan(view->values[channel])))
        return;
    while (at < view->history_count && view->histories[at].metric < row)
        at++;
    if (at < view->history_count && view->histories[at].metric == row)
        return;
    memmove(&view->histories[at + 1], &view->histories[at],
            (view->history_count - at) * sizeof(view->histories[0]));
    view->histories[at] = (struct watch_view_history){.channel = (size_t)channel, .metric = row};
    str_copy(view->histories[at].label, sizeof(view->histories[at].label), shown[row].label);
    view->history_count++;
}

/* "0" of "nvidia_0"; "": there is but one. */
const char *watch_view_gpu_number(const char *instance, size_t count)
{
    const char *number = strrchr(instance, '_');
    if (count <= 1)
        return "";
    return number ? number + 1 : instance;
}

static void add_gpu_histories(struct watch_view *view)
{
    const char *names[WATCH_VIEW_GPUS_MAX];
    size_t count = watch_view_gpu_names(view, names, WATCH_VIEW_GPUS_MAX, NULL);
    for (size_t row = 0; row < ARRAY_LEN(shown_of_gpus); row++) {
        for (size_t i = 0; i < view->channel_count; i++) {
            const struct channel *channel = &view->channels[i];
            bool is_gpus = str_starts_with(channel->metric->name, "gpu_");
            if (channel->reason != REASON_NONE || view->history_count == WATCH_VIEW_HISTORIES ||
                strcmp(channel->metric->name, shown_of_gpus[row].metric) != 0 ||
                (!is_gpus && !strcasestr(channel->instance, "gpu")))
                continue;
            struct watch_view_history *history = &view->histories[view->history_count++];
            *history = (struct watch_view_history){.channel = i, .metric = row};
            snprintf(history->label, sizeof(history->label), "%s %.2s", shown_of_gpus[row].label,
                     is_gpus ? watch_view_gpu_number(channel->instance, count) : "");
        }
    }
}

static int begin(struct watch_view *view, const struct channel *channels, size_t count)
{
    view->values = calloc(count + 1, sizeof(*view->values));
    view->histories = calloc(WATCH_VIEW_HISTORIES, sizeof(*view->histories));
    if (!view->values || !view->histories) {
        watch_view_deinit(view);
        return -ERROR_NOMEM;
    }
    view->channels = channels;
    view->channel_count = count;
    view->step_ns = u64_max(view->interval_ns, NS_PER_S);
    for (size_t i = 0; i < count; i++) {
        view->values[i] = NAN;
        if (channels[i].source && strstr(channels[i].source, "(synthetic)"))
            view->is_synthetic = true;
    }
    if (view->kind == WATCH_VIEW_GPUS)
        add_gpu_histories(view);
    for (size_t i = 0; view->kind == WATCH_VIEW_MACHINE && i < ARRAY_LEN(shown); i++)
        add_history(view, i);
    return 0;
}

static void put_history(struct watch_view_history *history, double value, bool is_new_step)
{
    if (is_new_step) {
        history->next = (history->next + 1) % WATCH_VIEW_STEPS;
        history->count = u64_min(history->count + 1, WATCH_VIEW_STEPS);
        history->values[history->next] = value;
    } else if (!(history->values[history->next] >= value)) {
        /* Also where there was none yet; a missing one does not replace anything. */
        history->values[history->next] = isnan(value) ? history->values[history->next] : value;
    }
}

int watch_view_add(struct watch_view *view, const struct channel *channels, size_t count,
                   const struct sample_row *row)
{
    if (!view->values) {
        int rc = begin(view, channels, count);
        if (rc < 0)
            return rc;
    }
    if (row->t_ns <= view->row_ns || count != view->channel_count)
        return 0;
    view->row_ns = row->t_ns;
    bool has_new = false;
    for (size_t i = 0; i < count; i++) {
        if (!row->due[i])
            continue;
        has_new |= channels[i].is_late && isnan(view->values[i]);
        view->values[i] = row->values[i];
    }
    for (size_t i = 0; has_new && i < ARRAY_LEN(shown); i++)
        add_history(view, i);
    /* A tenth of a step early still is in the next one: rows jitter around the grid. */
    bool is_new_step = view->step_begin_ns == 0 ||
                       row->t_ns + view->step_ns / 10 >= view->step_begin_ns + view->step_ns;
    if (is_new_step)
        view->step_begin_ns = row->t_ns;
    for (size_t i = 0; i < view->history_count; i++) {
        struct watch_view_history *history = &view->histories[i];
        put_history(history, view->values[history->channel], is_new_step);
    }
    return 0;
}

double watch_view_value(const struct watch_view *view, const char *metric, const char *instance)
{
    int channel = find_channel(view, metric, instance);
    return channel < 0 ? NAN : view->values[channel];
}

size_t watch_view_history_get(const struct watch_view_history *history, size_t most, double *ret)
{
    size_t count = u64_min(history->count, most);
    for (size_t i = 0; i < count; i++)
        ret[i] =
            history->values[(history->next + WATCH_VIEW_STEPS + 1 - count + i) % WATCH_VIEW_STEPS];
    return count;
}

/* ---- keys ---- */

enum watch_view_action watch_view_key(struct watch_view *view, int key)
{
    if (key == 'q' || key == 'Q')
        return WATCH_VIEW_QUIT;
    if (view->has_help) { /* any key leaves it */
        view->has_help = false;
        return WATCH_VIEW_REDRAW;
    }
    switch (key) {
    case 'h':
    case '?':
        view->has_help = true;
        return WATCH_VIEW_REDRAW;
    case 'p':
    case ' ':
        view->is_paused = !view->is_paused;
        return WATCH_VIEW_REDRAW;
    case 's':
        if (view->kind == WATCH_VIEW_GPUS) /* there is nothing to sort */
            return WATCH_VIEW_NOTHING;
        view->sort = view->sort == WATCH_VIEW_PID ? WATCH_VIEW_TREE : view->sort + 1;
        return WATCH_VIEW_REDRAW;
    default:
        return WATCH_VIEW_NOTHING;
    }
}

void watch_view_deinit(struct watch_view *view)
{
    free(view->values);
    free(view->histories);
    view->values = NULL;
    view->histories = NULL;
    view->channels = NULL;
    view->channel_count = view->history_count = 0;
}
