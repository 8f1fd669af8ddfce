/* monitor_view.h: what shows a watch while it goes on: rows of text, or a live screen.
 *
 * To put another in: implement the functions, and let monitor_view_choose return it.
 * Threads: one. Memory: the view's own state.
 */
#ifndef TACHO_CMD_MONITOR_VIEW_H
#define TACHO_CMD_MONITOR_VIEW_H

#include "measure/watch.h"
#include "report/watch_view.h"

struct monitor_view_options {
    enum watch_view_kind kind;
    const char *label;
    uint64_t interval_ns;
    bool colour;
    /* For a view that shows more than rows. */
    const struct root *root;
    bool without_children;
    double memory_limit_mb; /* NaN: none was given */
    const struct channel *channels;
    size_t channel_count;
    const struct gpu_watch *const *gpus; /* what stands out of them; with WATCH_VIEW_GPUS */
    size_t gpu_count;
};

struct monitor_view {
    const char *name;
    int (*init)(const struct monitor_view_options *options, void **ret_state, struct error *err);
    /* Every row, also those of which update sees only the newest; NULL: not needed. */
    void (*row)(void *state, const struct sample_row *row);
    /* After every row, and at least once a second (every step_ms where that is not 0); is_new:
     * status->row was not shown yet. *ret_quit: the user wants to end. */
    void (*update)(void *state, const struct watch_status *status, bool is_new, bool *ret_quit);
    void (*deinit)(void *state);
    uint32_t step_ms;
};

extern const struct monitor_view monitor_view_text; /* rows */
/* The module `screen`. Where the terminal cannot place text: rows with a note, but of GPUs
 * -ERROR_UNSUPPORTED. */
extern const struct monitor_view monitor_view_screen;
/* For stdout, which is a terminal: rows where TERM says that it is "dumb" or nothing at all. */
const struct monitor_view *monitor_view_choose(void);

#endif
