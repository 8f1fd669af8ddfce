/* watch_view_frame.c: how the lines of the live screen share its height (watch_view.h). */
#include <stdio.h>

#include "base/util.h"
#include "report/watch_view_internal.h"

#define GROUP_LINES 2     /* of temperatures, power, ... where there is room */
#define HISTORIES_LEAST 3 /* so many sparklines before the table of processes takes the rest */
#define PROCESSES_LEAST 4 /* header, two processes, sum */
#define GAPS 4            /* blank lines between sections, on tall terminals */

/* ---- help ---- */

void watch_view_help(struct pen *pen, const char *title, const char *const *lines)
{
    grid_put(pen->grid, pen->row, 0, pen->grid->width, GRID_BOLD, title);
    for (size_t i = 0; lines[i]; i++)
        grid_put(pen->grid, pen->row + 2 + i, 0, pen->grid->width, GRID_NORMAL, lines[i]);
    grid_put(pen->grid, pen->grid->height - 1, 0, pen->grid->width, GRID_DIM, "any key: back");
}

static void draw_help(struct pen *pen)
{
    static const char *const lines[] = {
        "q        quit: the watch ends, with its summary",
        "p, blank pause the picture; watching and recording go on",
        "s        order of the processes: tree, CPU, memory (RSS), pid",
        "h, ?     this help",
        "",
        "CPU      the machine: 100 % is all cores. psi: time in which something",
        "         waited for CPU, memory or I/O. Of processes, 100 % is one core.",
        "anon     what processes allocated, without files and shared memory",
        "growth   does memory of what is watched grow, how fast, until when",
        "graphs   the largest value of each step, from its least to its most",
        "-        cannot be had",
        NULL,
    };
    watch_view_help(pen, "tacho monitor: keys and lines", lines);
}

/* ---- small terminals ---- */

void watch_view_end_small(struct pen *pen, size_t height_for_all)
{
    char text[96];
    size_t height = pen->grid->height;
    if (pen->row + 1 < height) {
        snprintf(text, sizeof(text), "%zux%zu is too small for more; from %dx%zu on there is all",
                 pen->grid->width, height, WATCH_VIEW_WIDTH, height_for_all);
        pen->row = height - 2;
        grid_put(pen->grid, pen->row, 0, pen->grid->width, GRID_WARN, text);
    }
    pen->row = height - 1;
    if (height > 1)
        watch_view_keys(pen);
}

static void draw_small(struct pen *pen)
{
    watch_view_head(pen);
    watch_view_cpu(pen);
    watch_view_memory(pen);
    watch_view_sum(pen);
    watch_view_growth(pen);
    watch_view_end_small(pen, WATCH_VIEW_HEIGHT);
}

/* ---- all of it ---- */

static void draw_below(struct pen *pen, size_t group_lines)
{
    watch_view_gpus(pen);
    watch_view_groups(pen, group_lines);
    watch_view_growth(pen);
}

/* Told to begin below the grid, sections draw nothing: what is left is their height. */
static size_t count_below(const struct pen *pen, size_t group_lines)
{
    struct pen counting = *pen;
    counting.row = pen->grid->height;
    draw_below(&counting, group_lines);
    return counting.row - pen->grid->height;
}

struct shares {
    size_t group_lines, processes, histories, gap;
};

/* room: lines between the machine's and the keys. */
static struct shares share_room(const struct pen *pen, size_t room)
{
    const struct process_table *table = pen->now->processes;
    struct shares shares = {.group_lines = GROUP_LINES};
    size_t least = (table ? PROCESSES_LEAST : 0) + HISTORIES_LEAST;
    size_t below = count_below(pen, shares.group_lines);
    if (below + least > room) {
        shares.group_lines = 1;
        below = count_below(pen, 1);
    }
    room -= u64_min(room, below);
    size_t histories = pen->view->history_count;
    size_t wanted = table ? u64_max(table->count, 1) + 2 : 0;
    size_t kept =
        u64_min(u64_min(histories, HISTORIES_LEAST), room > PROCESSES_LEAST || !table ? room : 0);
    shares.processes = u64_min(wanted, room - kept);
    shares.histories = u64_min(histories, room - shares.processes);
    shares.gap = room - shares.processes - shares.histories >= GAPS ? 1 : 0;
    return shares;
}

void watch_view_last_row(struct pen *pen)
{
    pen->row = pen->grid->height - 1;
    for (size_t i = 0; i < pen->grid->width; i++)
        grid_put(pen->grid, pen->row, i, 1, GRID_NORMAL, " ");
    watch_view_keys(pen);
}

static void draw_all(struct pen *pen)
{
    size_t height = pen->grid->height;
    watch_view_head(pen);
    watch_view_cpu(pen);
    watch_view_cores(pen);
    watch_view_memory(pen);
    struct shares shares = share_room(pen, height - 1 - pen->row);
    pen->row += shares.gap;
    watch_view_processes(pen, shares.processes);
    pen->row += shares.processes > 0 ? shares.gap : 0;
    size_t begin = pen->row;
    draw_below(pen, shares.group_lines);
    pen->row += pen->row > begin ? shares.gap : 0;
    /* What did not fit is cut off at the keys. */
    if (pen->row < height - 1)
        watch_view_histories(pen, u64_min(shares.histories, height - 1 - pen->row));
    watch_view_last_row(pen);
}

void watch_view_draw(const struct watch_view *view, const struct watch_view_now *now,
                     struct grid *grid)
{
    struct pen pen = {.view = view, .now = now, .grid = grid};
    grid_clear(grid);
    if (view->kind == WATCH_VIEW_GPUS)
        watch_view_gpu_frame(&pen);
    else if (view->has_help)
        draw_help(&pen);
    else if (grid->width < WATCH_VIEW_WIDTH || grid->height < WATCH_VIEW_HEIGHT)
        draw_small(&pen);
    else
        draw_all(&pen);
}
