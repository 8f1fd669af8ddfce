/* run_json_series.h: the series of a run's JSON, replayed into a sink; inside format/ only. */
#ifndef TACHO_FORMAT_RUN_JSON_SERIES_H
#define TACHO_FORMAT_RUN_JSON_SERIES_H

#include "format/json_reader.h"
#include "model/sink.h"

#define RUN_JSON_SERIES_MAX 4096 /* keys of metrics are compared pairwise */

/* "series": declares each and hands over its samples. own: room for a metric per series, which has
 * to outlive the sink's end. Returns reader->rc. */
int run_json_replay_series(struct json_reader *reader, const json_t *object, struct metric *own,
                           struct run_sink *sink);

#endif
