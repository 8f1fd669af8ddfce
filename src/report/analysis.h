/* analysis.h: any analysis of files as text, Markdown and JSON (data/schema/analysis.json): inputs
 * and what of them was left out, tables, findings. Renders; judges nothing.
 */
#ifndef TACHO_REPORT_ANALYSIS_H
#define TACHO_REPORT_ANALYSIS_H

#include "analyze/analysis.h"
#include "report/report.h"

int report_analysis_text(const struct analysis *analysis, const struct report_options *options,
                         struct strbuf *out, struct error *err);
int report_analysis_markdown(const struct analysis *analysis, struct strbuf *out,
                             struct error *err);
/* {"schema":"tacho.analysis/1", …} */
int report_analysis_json(const struct analysis *analysis, struct strbuf *out, struct error *err);

#endif
