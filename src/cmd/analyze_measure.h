/* analyze_measure.h: `tacho analyze NAME` without a file: measure the default model first, keep the
 * run, and analyze it.
 */
#ifndef TACHO_CMD_ANALYZE_MEASURE_H
#define TACHO_CMD_ANALYZE_MEASURE_H

#include "analyze/file_analyzer.h"
#include "cmd/command.h"

/* Errors: those of `tacho run`; what was measured until Ctrl-C is kept and not analyzed. */
int analyze_measure(struct command_context *context, const struct file_analyzer *analyzer,
                    const struct analyze_options *options, struct analysis *analysis,
                    struct error *err);

#endif
