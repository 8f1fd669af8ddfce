/* layer_csv.h: tables of layers: layer_name, layer_type, time_ms, device.
 *
 * What: other names of the columns are known (name, type, time); type, device, batch_size and a
 *       column that tells passes apart (run, iteration, frame) may be missing. time_ms may be told
 *       in µs or s by the name of the column (time_us, time_s).
 * Rows: with a negative time are left out and counted; see csv.h for the rest.
 * Errors: those of csv.h.
 */
#ifndef TACHO_FORMAT_LAYER_CSV_H
#define TACHO_FORMAT_LAYER_CSV_H

#include "format/csv.h"
#include "format/layer_profile.h"

/* Reads all of a fresh source. *ret_skips: rows that were used and not. */
int layer_csv_read(struct source *source, const struct layer_sink *sink, struct skips *ret_skips,
                   uint64_t *ret_lines, struct error *err);

#endif
