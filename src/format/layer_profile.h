/* layer_profile.h: where the time of a network goes, layer by layer, as a stream: what the readers
 * of layer CSVs and of the profiler's text tell to whoever collects it.
 *
 * What: one pass is one inference. Where the file does not tell where passes begin (a CSV without
 *       a column for it) the collector has to find out.
 * Units: ms, bytes. Texts: NUL-terminated, printable, valid during the call; "" is not said.
 * Errors: what a function returns other than 0 ends the reading and is returned.
 */
#ifndef TACHO_FORMAT_LAYER_PROFILE_H
#define TACHO_FORMAT_LAYER_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct layer_row {
    const char *name, *type, *device;
    double time_ms;
    uint64_t line;
};

struct transfer_row {
    bool to_device; /* H2D; else D2H */
    double bytes, time_ms;
    uint64_t line;
};

struct layer_sink {
    void *context;
    /* What follows belongs to a new pass of this batch size; 0: not said. is_told false: there may
     * be several passes up to the next call. Called before the first row. */
    int (*pass)(void *context, uint64_t batch, bool is_told, struct error *err);
    /* The batch size of the passes so far, which only stands behind them. */
    int (*batch)(void *context, uint64_t batch, struct error *err);
    int (*layer)(void *context, const struct layer_row *row, struct error *err);
    int (*transfer)(void *context, const struct transfer_row *row, struct error *err);
    /* Of the pass that is under way, as the file tells it. */
    int (*total)(void *context, double total_ms, struct error *err);
};

#endif
