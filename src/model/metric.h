/* metric.h: THE registry of metrics: name, unit, direction, definition.
 *
 * What: direction and unit belong to the metric and are never guessed from its name. A metric that
 * a user defines (`--metric`) gets a row of its own in the run, direction NEITHER unless said.
 * Units: inside, durations are uint64 ns (METRIC_NS) and everything else a double in base units;
 * the registry's `scale` turns the inside value into the unit that is shown and stored in JSON.
 * Threads: const. Formula sources stand in docs/metrics.md, generated from this table.
 */
#ifndef TACHO_MODEL_METRIC_H
#define TACHO_MODEL_METRIC_H

#include <stddef.h>

#include "base/error.h"

enum direction { DIRECTION_NEITHER, DIRECTION_LOWER, DIRECTION_HIGHER }; /* which is better */
enum metric_kind { METRIC_NS, METRIC_VALUE };

struct metric {
    const char *name; /* snake_case, unit last: "wall_ms", "peak_rss_mb" */
    const char *unit; /* as shown: "ms", "MB", "%", "1/s", "" (a count) */
    enum direction direction;
    enum metric_kind kind;
    double scale;           /* shown = inside * scale: 1e-6 for ns shown as ms, 1/2^20 for MB */
    const char *limit_stat; /* what `--limit NAME<=X` judges when no statistic is named */
    const char *definition; /* one sentence */
};

extern const struct metric metrics_table[];
extern const size_t metrics_table_count;

/* By name or alias ("latency_ms" of a command is "wall_ms"); NULL: unknown. */
const struct metric *metric_find(const char *name);
const char *metric_nearest(const char *name);         /* the closest name, or NULL */
const char *direction_name(enum direction direction); /* "lower", "higher", "neither" */

#endif
