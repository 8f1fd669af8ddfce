/* report.h: renderers: from a run in memory to what a person reads. They compute nothing that
 * judges.
 *
 * Text: one screen (80x24 for a usual run): verdict first, then limits, the main distribution with
 *       sparkline, resources, findings with advice, and what to do next. Values always with their
 *       n. A synthetic run says so in every rendering.
 */
#ifndef TACHO_REPORT_REPORT_H
#define TACHO_REPORT_REPORT_H

#include "base/str.h"
#include "model/run.h"

struct report_options {
    bool colour;
    int width;             /* columns */
    bool verbose;          /* every metric, tacho's own cost */
    bool quiet;            /* the verdict alone */
    const char *stored_as; /* where the run is kept, for "what to do next"; NULL: nowhere */
};

int report_text(const struct run *run, const struct report_options *options, struct strbuf *out,
                struct error *err);
int report_markdown(const struct run *run, struct strbuf *out, struct error *err);

#endif
