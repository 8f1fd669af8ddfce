/* watch_view.h: the live screen of `tacho monitor` and of `tacho monitor gpu`, as a grid of cells:
 * what is shown and where.
 *
 * What: watch_view_add takes each new row (values that are not due keep what they were; histories
 *       for the sparklines), watch_view_key what was typed, watch_view_draw lays out a frame for
 *       the size of the grid. No terminal, no clock, no /proc: who calls brings all that.
 * Values: one that is missing is "-", never 0; a section without any is absent, or one line with
 *         the reason. The largest value of each step of a history is kept, so no spike is lost.
 * Sizes: everything from WATCH_VIEW_WIDTH x WATCH_VIEW_HEIGHT on; smaller ones say so and show the
 *        machine, the sum of what is watched and the verdict.
 * Memory: watch_view_add allocates once, with the first row; drawing does not. Threads: one.
 */
#ifndef TACHO_REPORT_WATCH_VIEW_H
#define TACHO_REPORT_WATCH_VIEW_H

#include "analyze/gpu_watch.h"
#include "base/grid.h"
#include "collect/process_table.h"
#include "measure/watch.h"

#define WATCH_VIEW_WIDTH 72
#define WATCH_VIEW_HEIGHT 18
#define WATCH_VIEW_STEPS 512 /* of a history */
#define WATCH_VIEW_HISTORIES 16

enum watch_view_kind {
    WATCH_VIEW_MACHINE, /* the machine and what is watched */
    WATCH_VIEW_GPUS,    /* every GPU, and what stood out of each */
};

enum watch_view_sort { WATCH_VIEW_TREE, WATCH_VIEW_CPU, WATCH_VIEW_MEMORY, WATCH_VIEW_PID };

struct watch_view_history {
    size_t channel;
    size_t metric;                   /* row of the table of what has one */
    char label[12];                  /* of 8 columns at most */
    double values[WATCH_VIEW_STEPS]; /* a ring */
    size_t count, next;
};

struct watch_view {
    /* Set by the caller before the first row. */
    enum watch_view_kind kind;
    const char *label;    /* what is watched; NULL: the machine */
    uint64_t interval_ns; /* of the rows */
    /* As the keys set them. */
    enum watch_view_sort sort;
    bool is_paused, has_help;
    /* Its own. */
    const struct channel *channels; /* of the watch */
    size_t channel_count;
    double *values; /* the newest of each channel; NaN: missing */
    uint64_t row_ns, step_ns, step_begin_ns;
    struct watch_view_history *histories;
    size_t history_count;
    bool is_synthetic;
};

/* What is not in the rows; NULL, NaN: there is none. */
struct watch_view_now {
    const struct watch_status *status;
    const struct process_table *processes;
    double own_cpu_pct;     /* what tacho itself uses; 100 is one core */
    double memory_limit_mb; /* what the growth verdict counts down to */
    /* What stood out so far, of each GPU, by name. */
    const struct gpu_watch *const *gpus;
    size_t gpu_count;
};

enum watch_view_action { WATCH_VIEW_NOTHING, WATCH_VIEW_REDRAW, WATCH_VIEW_QUIT };

/* The channels must stay the same, and where they are. A row that was added before is ignored.
 * -ERROR_NOMEM. */
int watch_view_add(struct watch_view *view, const struct channel *channels, size_t count,
                   const struct sample_row *row);
enum watch_view_action watch_view_key(struct watch_view *view, int key);
void watch_view_draw(const struct watch_view *view, const struct watch_view_now *now,
                     struct grid *grid);
void watch_view_deinit(struct watch_view *view); /* accepts a zeroed one */

#endif
