/* gpu_watch.h: what a GPU does that it did not do a moment ago, row by row.
 *
 * What: one detector per GPU takes the rows of a watch as they come and keeps what stands out:
 *         utilisation more than `threshold` points below the mean of the last `window` rows;
 *         power more than 20 W below the mean of the last `window` rows;
 *         temperature above the driver's slowdown threshold, or 85 degrees C where it tells none;
 *         rows in which the driver says that it holds the clock back, by its reason.
 *       Rows in a row are one episode; findings name the number of episodes, the worst, and the
 * time ranges of the first ones. Rules: those of the stand-alone monitor that tacho replaces
 * (window 10, threshold 20, 20 W, 85 degrees), but that a value that is missing is no value, and
 * episodes instead of rows. Memory: constant, whatever the number of rows. Pure: no I/O. Threads:
 * one for each detector.
 */
#ifndef TACHO_ANALYZE_GPU_WATCH_H
#define TACHO_ANALYZE_GPU_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/sink.h"

#define GPU_WATCH_WINDOW 10
#define GPU_WATCH_THRESHOLD_PCT 20.0
#define GPU_WATCH_POWER_DROP_W 20.0
#define GPU_WATCH_HOT_C 85.0
#define GPU_WATCH_WINDOW_MAX 10000
#define GPU_WATCH_RANGES_MAX 4 /* that are remembered */

/* The bits of clock event reasons (NVML) that hold the clock back. Idle, application clocks, sync
 * boost and display clock are none. */
#define GPU_REASONS_HELD 0xecu
/* "power cap, hardware thermal"; "" for none of them. */
const char *gpu_reasons_text(uint64_t reasons, char *buf, size_t size);

/* One row; NaN: not known. */
struct gpu_row {
    double t_s; /* since the run began */
    double util_pct, power_w, temp_c;
    double reasons; /* the driver's bits */
};

struct gpu_range {
    double begin_s, end_s;
};

/* What one rule has seen. */
struct gpu_episodes {
    uint64_t rows, episodes;
    bool is_open;
    double worst, worst_from; /* the value, and the mean that it fell from (drops) */
    double worst_s;           /* when */
    struct gpu_range ranges[GPU_WATCH_RANGES_MAX];
};

struct gpu_window {
    double *values;
    size_t capacity, count, next;
};

struct gpu_watch {
    char name[64]; /* "nvidia_0" */
    double threshold_pct;
    double hot_c;
    bool hot_is_drivers;
    struct gpu_window util, power;
    struct gpu_episodes util_drops, power_drops, hot, held;
    uint64_t reasons_seen;
    uint64_t rows;
};

/* hot_c NaN: the driver tells no slowdown threshold. -ERROR_NOMEM. */
int gpu_watch_init(struct gpu_watch *watch, const char *name, size_t window, double threshold_pct,
                   double hot_c, struct error *err);
void gpu_watch_deinit(struct gpu_watch *watch); /* accepts a zeroed one */
void gpu_watch_add(struct gpu_watch *watch, const struct gpu_row *row);
/* Tells each rule that saw something as a finding. */
int gpu_watch_tell(const struct gpu_watch *watch, struct run_sink *sink, struct error *err);

#endif
