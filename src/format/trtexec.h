/* trtexec.h: what NVIDIA's trtexec writes: times (--exportTimes), per-layer profile
 * (--exportProfile) and its text.
 *
 * What: TensorRT 7 to 11 (the names differ; `inf` and `nan` and names that are not escaped occur).
 *       Times carry six significant digits, so durations come from latencyMs and its parts, never
 *       from differences of start and end.
 * Units: ns inside. Memory: the arena owns everything. Errors: -ERROR_INPUT with line and column.
 */
#ifndef TACHO_FORMAT_TRTEXEC_H
#define TACHO_FORMAT_TRTEXEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

struct trtexec_time {
    uint64_t start_ns; /* since the first; 6 digits only */
    uint64_t latency_ns, h2d_ns, compute_ns, d2h_ns;
};

struct trtexec_times {
    struct arena arena;
    struct trtexec_time *items;
    size_t count;
    uint64_t bad; /* rows with inf, nan or without a latency: left out */
};

int trtexec_times_read(const char *path, struct trtexec_times *ret_times, struct error *err);
int trtexec_times_read_text(const char *text, size_t size, const char *path,
                            struct trtexec_times *ret_times, struct error *err);
void trtexec_times_deinit(struct trtexec_times *times);

struct trtexec_layer {
    const char *name;
    uint64_t total_ns, average_ns, median_ns; /* median 0: not said (TensorRT 7) */
};

struct trtexec_layers {
    struct arena arena;
    uint64_t count; /* iterations */
    struct trtexec_layer *items;
    size_t item_count;
};

int trtexec_layers_read(const char *path, struct trtexec_layers *ret_layers, struct error *err);
int trtexec_layers_read_text(const char *text, size_t size, const char *path,
                             struct trtexec_layers *ret_layers, struct error *err);
void trtexec_layers_deinit(struct trtexec_layers *layers);

/* From its first line, "RUNNING TensorRT.trtexec [TensorRT v100200] …": "10.2.0"; false: not said.
 */
bool trtexec_version(const char *text, size_t size, char *version, size_t version_size);

#endif
