/* run_csv.h: measured units as CSV, in the old toolkit's columns.
 *
 * Exactly `timestamp,workload,batch_size,latency_ms,power_w,throughput`; several runs:
 * `timestamp,run_label,workload,batch_size,latency_ms,power_w,throughput`. timestamp: epoch seconds
 * with milliseconds, when the unit began (the t_ns of a UNIT sample is when it ended). latency_ms:
 * the workload's latency metric; wall time for commands. batch_size: 1 where the workload knows no
 * batches. power_w: mean of the samples within the unit's time, else the nearest earlier one, else
 * empty. throughput: items per second of that unit, batch_size / latency. Unknown is an empty cell.
 * Steady units only, unless with_warmup; units of failed invocations never. Fields with comma,
 * quote or newline are quoted (RFC 4180).
 */
#ifndef TACHO_FORMAT_RUN_CSV_H
#define TACHO_FORMAT_RUN_CSV_H

#include "base/str.h"
#include "model/run.h"

int run_csv_write(const struct run *const *runs, size_t count, bool with_warmup, struct strbuf *out,
                  struct error *err);
/* How many values of the latency have no row and cannot have one: what lies beyond the raw samples
 * that are kept (RUN_SAMPLES_MAX) is known as a distribution only. */
uint64_t run_csv_left_out(const struct run *run);

#endif
