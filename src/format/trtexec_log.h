/* trtexec_log.h: what the log of NVIDIA's trtexec tells of layers: the table of --dumpProfile,
 * which layers were built for the DLA and which fell back to the GPU.
 *
 * What: TensorRT 7 to 11. Its summary (latency, transfers, compute) is read by the peer "trtexec"
 *       (peers/peer.h); files of --exportProfile and --exportTimes by trtexec.h.
 * Units: ns inside. Memory: the arena owns everything, and copies what it needs of the text.
 * Errors: -ERROR_NOMEM only: a log without any of it is an empty one.
 */
#ifndef TACHO_FORMAT_TRTEXEC_LOG_H
#define TACHO_FORMAT_TRTEXEC_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

struct trtexec_log_layer {
    const char *name;
    uint64_t average_ns, median_ns; /* median 0: not said */
    uint64_t line;
};

struct trtexec_log_placed {
    const char *name, *type; /* "CONVOLUTION"; "" not said */
    bool on_dla;
    uint64_t line;
};

struct trtexec_log_fallback {
    const char *name;   /* of the layer that was asked for on the DLA and runs on the GPU */
    const char *reason; /* in a few words of ours */
    uint64_t line;
};

struct trtexec_log {
    struct arena arena;
    uint64_t iterations; /* that the table is the mean of; 0: not said */
    struct trtexec_log_layer *layers;
    size_t layer_count;
    struct trtexec_log_placed *placed;
    size_t placed_count;
    struct trtexec_log_fallback *fallbacks;
    size_t fallback_count;
    uint64_t queries;    /* that the summary is made of; 0: not said */
    uint64_t batch_size; /* from --batch, --shapes or --optShapes; 0: not said */
    uint64_t lines;
};

int trtexec_log_read_text(const char *text, size_t size, struct trtexec_log *ret_log,
                          struct error *err);
void trtexec_log_deinit(struct trtexec_log *log);

#endif
