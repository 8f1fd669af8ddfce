/* monitor_view_text.c: a line of the main columns for every row, for a terminal. */
#include "cmd/monitor_view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "cmd/command.h"

#define HEAD_EVERY 20

static const struct {
    const char *metric, *title;
    int decimals;
} columns[] = {
    {"cpu_total_pct", "cpu %", 1},       {"cpu_track_pct", "track %", 1},
    {"mem_used_mb", "used MB", 0},       {"mem_track_rss_mb", "rss MB", 1},
    {"mem_track_anon_mb", "anon MB", 1}, {"threads", "threads", 0},
    {"gpu_util_pct", "gpu %", 0},        {"inference_avg_ms", "infer ms", 2},
    {"pipeline_fps", "fps", 1},          {"work_done", "work", 0},
};

struct text_view {
    uint64_t lines;
    size_t head_length; /* of the last one: columns come when a program begins to count */
    double held[ARRAY_LEN(columns)]; /* of slower tiers */
};

static int text_init(const struct monitor_view_options *options, void **ret_state,
                     struct error *err)
{
    struct text_view *view = calloc(1, sizeof(*view));
    if (!view)
        return error_set(err, ERROR_NOMEM, "out of memory for the screen");
    for (size_t i = 0; i < ARRAY_LEN(columns); i++)
        view->held[i] = NAN;
    *ret_state = view;
    return 0;
}

static const struct channel *find(const struct watch_status *status, const char *metric,
                                  size_t *ret_index)
{
    for (size_t i = 0; i < status->channel_count; i++) {
        if (status->channels[i].reason == REASON_NONE &&
            strcmp(status->channels[i].metric->name, metric) == 0) {
            *ret_index = i;
            return &status->channels[i];
        }
    }
    return NULL;
}

static void text_update(void *state, const struct watch_status *status, bool is_new, bool *ret_quit)
{
    struct text_view *view = state;
    char head[160] = "  time s", line[160];
    size_t head_length = strlen(head), length;
    *ret_quit = false;
    if (!is_new || !status->row)
        return;
    length = (size_t)snprintf(line, sizeof(line), "%8.1f", (double)status->elapsed_ns / 1e9);
    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        size_t index;
        const struct channel *channel = find(status, columns[i].metric, &index);
        if (!channel)
            continue;
        if (status->row->due[index])
            view->held[i] = status->row->values[index];
        if (channel->is_late && isnan(view->held[i]))
            continue;
        head_length += (size_t)snprintf(head + head_length, sizeof(head) - head_length, " %9s",
                                        columns[i].title);
        if (isnan(view->held[i]))
            length += (size_t)snprintf(line + length, sizeof(line) - length, " %9s", "-");
        else
            length += (size_t)snprintf(line + length, sizeof(line) - length, " %9.*f",
                                       columns[i].decimals, view->held[i]);
    }
    if (view->lines++ % HEAD_EVERY == 0 || head_length != view->head_length)
        printf("%s\n", head);
    view->head_length = head_length;
    printf("%s\n", line);
    fflush(stdout);
}

static void text_deinit(void *state)
{
    free(state);
}

const struct monitor_view monitor_view_text = {
    .name = "text", .init = text_init, .update = text_update, .deinit = text_deinit};
