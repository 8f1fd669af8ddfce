/* sweep.h: several configurations beside each other, as text, Markdown and JSON. Renders what
 * analyze/sweep_result found; judges nothing.
 *
 * Values come with what they rest on: n, rounds, 95 % intervals; what cannot be had is "-" with its
 * reason below the table.
 */
#ifndef TACHO_REPORT_SWEEP_H
#define TACHO_REPORT_SWEEP_H

#include "analyze/sweep_result.h"
#include "base/str.h"
#include "format/json_writer.h"
#include "report/report.h"

/* title: "batch sizes of detector.onnx" */
int report_sweep_text(const struct sweep_result *result, const char *title,
                      const struct report_options *options, struct strbuf *out, struct error *err);
int report_sweep_markdown(const struct sweep_result *result, const char *title, struct strbuf *out,
                          struct error *err);
/* sweep_json.c: the members "configurations", "best", "knee", "pareto", "fit", "findings" and
 * "verdict" of the object that is open. */
void report_sweep_json_members(const struct sweep_result *result, struct json_writer *writer);
/* A whole document: {"schema":"tacho.bench/1","kind":…, …}. */
int report_sweep_json(const struct sweep_result *result, const char *title, struct strbuf *out,
                      struct error *err);

#endif
