/* metric.h: THE registry of metrics: name, unit, direction, definition.
 *
 * What: direction and unit belong to the metric and are never guessed from its name. A metric that
 *       a user defines (`--metric`) gets a row of its own in the run, direction NEITHER unless
 *       said.
 * Units: durations (METRIC_NS) are uint64 ns inside and `scale` turns them into the shown unit
 *        (1e-6 for ms); every other value (METRIC_VALUE) is a double that is already in the shown
 *        unit, scale 1.
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
    double scale;           /* NS: shown = ns * scale; VALUE: 1 */
    const char *limit_stat; /* what `--limit NAME<=X` judges when no statistic is named */
    const char *definition; /* one sentence */
};

extern const struct metric metrics_table[];
extern const size_t metrics_table_count;

/* By name or alias ("time_ms" is "wall_ms"); NULL: unknown. */
const struct metric *metric_find(const char *name);
const char *metric_nearest(const char *name); /* the closest name, or NULL */
/* The metric that stands for this one where a run of a command has no series of its own: wall_ms
 * for latency_ms; NULL: none. */
const char *metric_stand_in(const char *name);
/* Between the inside value (ns, base units) and the shown one. Divides where scale is 1/N, so that
 * 250000000 ns are 250 ms and not a last bit more: limits compare. */
double metric_to_shown(const struct metric *metric, double inside);
double metric_to_inside(const struct metric *metric, double shown);
const char *direction_name(enum direction direction); /* "lower", "higher", "neither" */

#endif
