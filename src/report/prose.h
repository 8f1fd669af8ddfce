/* prose.h: sentences on a page: wrapped at its width, and findings with their advice, the same in
 * every report. Widths are columns of a terminal. Memory: appends to a strbuf.
 */
#ifndef TACHO_REPORT_PROSE_H
#define TACHO_REPORT_PROSE_H

#include "base/str.h"
#include "model/finding.h"

struct prose {
    struct strbuf *out;
    size_t width; /* 0: lines are never broken (Markdown) */
    bool colour;
    bool with_evidence; /* below each finding "seen in: ...", n and interval */
    size_t most_alike;  /* findings of one rule that are shown; 0: all */
};

/* Words, broken at the width; the cursor stands at `column`, further lines begin at `indent`.
 * Returns where it stands then. */
size_t prose_words(const struct prose *prose, const char *text, size_t column, size_t indent);
/* The same, and a newline. */
void prose_wrapped(const struct prose *prose, const char *text, size_t column, size_t indent);
/* "n=269, 5.91 (95 %: 1.55 to 10.27) MB/min"; without the interval where the sentence tells it,
 * or there is none. */
void prose_numbers(const struct finding *finding, struct strbuf *out);
/* Warnings first. Those that judge a limit are left out. Returns how many were shown. */
size_t prose_findings(const struct prose *prose, const struct finding *findings, size_t count);

#endif
