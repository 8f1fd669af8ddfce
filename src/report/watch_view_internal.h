/* watch_view_internal.h: what the files of the live screen share and nobody else sees. */
#ifndef TACHO_REPORT_WATCH_VIEW_INTERNAL_H
#define TACHO_REPORT_WATCH_VIEW_INTERNAL_H

#include "report/watch_view.h"

#define WATCH_VIEW_LABEL 9 /* columns of what stands at the left of each line */
#define WATCH_VIEW_GPUS_MAX 17

/* Where the next line goes. Beyond the grid nothing is drawn, so that a section told to begin there
 * only counts its lines. */
struct pen {
    const struct watch_view *view;
    const struct watch_view_now *now;
    struct grid *grid;
    size_t row;
};

/* ---- watch_view.c ---- */

/* The newest value of a metric's first channel that has values, NaN: missing. instance NULL: any.
 */
double watch_view_value(const struct watch_view *view, const char *metric, const char *instance);
/* A history's values, oldest first, at most `most` of the newest. Returns how many. */
size_t watch_view_history_get(const struct watch_view_history *history, size_t most, double *ret);

/* "0" of "nvidia_0"; "": there is but one. */
const char *watch_view_gpu_number(const char *instance, size_t count);

/* ---- watch_view_frame.c ---- */

void watch_view_help(struct pen *pen, const char *title, const char *const *lines); /* NULL ends */
/* What stands below a picture from which something was left out. */
void watch_view_end_small(struct pen *pen, size_t height_for_all);
void watch_view_last_row(struct pen *pen); /* the keys, whatever stands there */

/* ---- watch_view_gpus.c ---- */

/* The GPUs that have values, in the order of the channels. *ret_missing (NULL: not asked): one that
 * says why there are none. */
size_t watch_view_gpu_names(const struct watch_view *view, const char **names, size_t capacity,
                            const struct channel **ret_missing);
/* All of `tacho monitor gpu`. */
void watch_view_gpu_frame(struct pen *pen);

/* ---- watch_view_parts.c: lines, each function moves the pen ---- */

void watch_view_head(struct pen *pen);
void watch_view_cpu(struct pen *pen);
void watch_view_cores(struct pen *pen);
void watch_view_memory(struct pen *pen);
void watch_view_gpu(struct pen *pen, const char *instance, size_t count);
void watch_view_gpus(struct pen *pen);
/* Temperatures, power, board, cgroup and channels, at most `lines` lines for each. */
void watch_view_groups(struct pen *pen, size_t lines);
void watch_view_growth(struct pen *pen);
void watch_view_histories(struct pen *pen, size_t lines);
void watch_view_keys(struct pen *pen);

/* ---- watch_view_processes.c ---- */

/* Header, processes, sum; in at most `lines` lines. */
void watch_view_processes(struct pen *pen, size_t lines);
void watch_view_sum(struct pen *pen); /* as one line with a label */

/* ---- helpers of both, in watch_view_text.c ---- */

void pen_label(struct pen *pen, const char *label);
/* A value as a person reads it: "43.2 %", "512 MB", "45.0 °C"; "-": missing. */
const char *watch_view_text(const struct metric *metric, double value, char *buf, size_t size);
const char *watch_view_mb(double mb, char *buf, size_t size);
const char *watch_view_pct(double pct, char *buf, size_t size); /* " 43.2 %", of fixed width */
const char *watch_view_duration(double s, char *buf, size_t size);
/* "[|||||     ]" in `columns` columns; share 0 to 1, NaN: empty. */
void watch_view_bar(struct pen *pen, size_t column, size_t columns, double share,
                    enum grid_style style);

#endif
