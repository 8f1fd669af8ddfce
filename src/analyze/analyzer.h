/* analyzer.h: what an analyzer is: a pure function from a run to findings.
 *
 * THE table is analyzers.c.
 * To add one: one file here, one row, one line in meson.build.
 * Rules: no I/O, no printing; every finding carries n, evidence and an advice; needs that are not
 *        met (too few samples, missing series) are no finding and no error.
 */
#ifndef TACHO_ANALYZE_ANALYZER_H
#define TACHO_ANALYZE_ANALYZER_H

#include "model/run.h"

struct analyzer {
    const char *name;
    const char *summary;
    int (*run)(const struct run *run, struct run_sink *sink, struct error *err);
};

extern const struct analyzer *const analyzers[]; /* NULL-terminated */
int analyzers_run(const struct run *run, struct run_sink *sink, struct error *err);

#endif
