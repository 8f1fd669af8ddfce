/* run_json_internal.h: the parts of the run's JSON that have files of their own. */
#ifndef TACHO_FORMAT_RUN_JSON_INTERNAL_H
#define TACHO_FORMAT_RUN_JSON_INTERNAL_H

#include "base/error.h"
#include "format/json_writer.h"
#include "model/run.h"

/* "metrics": {NAME or NAME@INSTANCE: …} over the steady phase. run_json_metrics.c */
int run_json_write_metrics(struct json_writer *writer, const struct run *run, struct error *err);
/* "phases": {KIND: {n, found, time_s}}: what is left of each phase after later ones overrode it. */
int run_json_write_phases(struct json_writer *writer, const struct run *run, struct error *err);

#endif
