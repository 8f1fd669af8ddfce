/* watch_view_gpus.c: the live screen of `tacho monitor gpu`, and which GPUs there are on any
 * (watch_view.h). */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "report/watch_view_internal.h"

#define HEIGHT_FOR_ALL 10 /* head, a GPU with what stood out, some graphs, the keys */
#define GROUP_LINES 2
#define GRAPHS_LEAST 3

size_t watch_view_gpu_names(const struct watch_view *view, const char **names, size_t capacity,
                            const struct channel **ret_missing)
{
    size_t count = 0;
    for (size_t i = 0; i < view->channel_count; i++) {
        const struct channel *channel = &view->channels[i];
        bool is_known = false;
        if (strcmp(channel->metric->name, "gpu_util_pct") != 0 &&
            strcmp(channel->metric->name, "gpu_mem_used_mb") != 0)
            continue;
        if (channel->reason != REASON_NONE) {
            if (ret_missing && !*ret_missing)
                *ret_missing = channel;
            continue;
        }
        for (size_t j = 0; j < count; j++)
            is_known = is_known || strcmp(names[j], channel->instance) == 0;
        if (!is_known && count < capacity)
            names[count++] = channel->instance;
    }
    return count;
}

/* ---- what stood out so far ---- */

enum notes { NOTES_NONE, NOTES_JOINED, NOTES_LINES }; /* joined: one line for each GPU */

struct notes_text {
    char lines[4][160];
    size_t count;
};

static const char *rows_text(uint64_t rows, char *buf, size_t size)
{
    snprintf(buf, size, "%llu row%s", (unsigned long long)rows, rows == 1 ? "" : "s");
    return buf;
}

static void note_drops(struct notes_text *notes, const struct gpu_episodes *drops, const char *what,
                       const char *unit)
{
    char times[48] = "once";
    if (drops->episodes == 0)
        return;
    if (drops->episodes > 1)
        snprintf(times, sizeof(times), "%llu times, worst", (unsigned long long)drops->episodes);
    snprintf(notes->lines[notes->count++], sizeof(notes->lines[0]),
             "%s fell %s from %.0f to %.0f %s at %.0f s", what, times, drops->worst_from,
             drops->worst, unit, drops->worst_s);
}

static void note_all(const struct gpu_watch *watch, struct notes_text *notes)
{
    char reasons[112], rows[32];
    notes->count = 0;
    if (watch->held.rows > 0)
        snprintf(notes->lines[notes->count++], sizeof(notes->lines[0]), "held back in %s: %s",
                 rows_text(watch->held.rows, rows, sizeof(rows)),
                 gpu_reasons_text(watch->reasons_seen, reasons, sizeof(reasons)));
    if (watch->hot.rows > 0)
        snprintf(notes->lines[notes->count++], sizeof(notes->lines[0]),
                 "over %.0f \u00b0C in %s, %.0f \u00b0C at %.0f s", watch->hot_c,
                 rows_text(watch->hot.rows, rows, sizeof(rows)), watch->hot.worst,
                 watch->hot.worst_s);
    note_drops(notes, &watch->util_drops, "util", "%");
    note_drops(notes, &watch->power_drops, "power", "W");
}

static void put_notes(struct pen *pen, const char *name, enum notes how)
{
    struct notes_text notes = {.count = 0};
    size_t column = WATCH_VIEW_LABEL;
    for (size_t i = 0; i < pen->now->gpu_count && how != NOTES_NONE; i++) {
        if (strcmp(pen->now->gpus[i]->name, name) == 0)
            note_all(pen->now->gpus[i], &notes);
    }
    for (size_t i = 0; i < notes.count; i++) {
        if (how == NOTES_JOINED && i > 0)
            column +=
                grid_put(pen->grid, pen->row, column, pen->grid->width, GRID_WARN, " \u00b7 ");
        column +=
            grid_put(pen->grid, pen->row, column, pen->grid->width, GRID_WARN, notes.lines[i]);
        if (how == NOTES_JOINED && i + 1 < notes.count)
            continue;
        pen->row++;
        column = WATCH_VIEW_LABEL;
    }
}

/* ---- the frame ---- */

static void draw_help(struct pen *pen)
{
    static const char *const lines[] = {
        "q        quit: the watch ends, with its summary and findings",
        "p, blank pause the picture; watching and recording go on",
        "h, ?     this help",
        "",
        "GPU      share of the driver's window in which a kernel ran, memory in use,",
        "         temperature, power, why the driver holds the clock back, clock",
        "below    what stood out so far: falls below the mean of the last rows",
        "         (--window, --threshold), heat, throttling",
        "graphs   the largest value of each step, from its least to its most",
        "-        the driver does not tell",
        NULL,
    };
    watch_view_help(pen, "tacho monitor gpu: keys and lines", lines);
}

static void draw_gpus(struct pen *pen, enum notes notes)
{
    const char *names[WATCH_VIEW_GPUS_MAX];
    size_t count = watch_view_gpu_names(pen->view, names, WATCH_VIEW_GPUS_MAX, NULL);
    for (size_t i = 0; i < count; i++) {
        watch_view_gpu(pen, names[i], count);
        put_notes(pen, names[i], notes);
    }
}

/* Told to begin below the grid, GPUs only count their lines. */
static enum notes choose_notes(const struct pen *pen)
{
    for (enum notes notes = NOTES_LINES; notes > NOTES_NONE; notes--) {
        struct pen counting = *pen;
        counting.row = pen->grid->height;
        draw_gpus(&counting, notes);
        size_t lines = counting.row - pen->grid->height;
        if (pen->row + lines + GRAPHS_LEAST < pen->grid->height)
            return notes;
    }
    return NOTES_NONE;
}

void watch_view_gpu_frame(struct pen *pen)
{
    size_t height = pen->grid->height;
    if (pen->view->has_help) {
        draw_help(pen);
        return;
    }
    watch_view_head(pen);
    if (pen->grid->width < WATCH_VIEW_WIDTH || height < HEIGHT_FOR_ALL) {
        draw_gpus(pen, NOTES_NONE);
        watch_view_end_small(pen, HEIGHT_FOR_ALL);
        return;
    }
    bool has_gaps = height >= 2 * HEIGHT_FOR_ALL;
    pen->row += has_gaps;
    draw_gpus(pen, choose_notes(pen));
    if (pen->row + GRAPHS_LEAST < height)
        watch_view_groups(pen, GROUP_LINES);
    pen->row += has_gaps;
    if (pen->row + 1 < height)
        watch_view_histories(pen, height - 1 - pen->row);
    watch_view_last_row(pen);
}
