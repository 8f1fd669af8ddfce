/* content.h: what a report says about a run, before anybody decides how it looks: shared by text
 * and Markdown, so that both say the same.
 *
 * What: the head (verdict, what was measured, how often), the main distribution, and lines of short
 *       items (cpu, memory, faults, …). Values are medians of the steady phase unless the item says
 *       otherwise; peaks are maxima. What cannot be had is "-" with its reason.
 * Memory: fixed sizes; text that is too long is cut at a whole character. Threads: none of its own.
 * Errors: -ERROR_NOMEM from summaries.
 */
#ifndef TACHO_REPORT_CONTENT_H
#define TACHO_REPORT_CONTENT_H

#include "base/term.h"
#include "base/text_table.h"
#include "model/summary.h"
#include "report/report.h"

#define CONTENT_ITEMS_MAX 12
#define CONTENT_LINES_MAX 64
#define CONTENT_NODES_MAX 10 /* nodes of a model that a report names */

struct content_line {
    char label[24];
    size_t count;
    char items[CONTENT_ITEMS_MAX][144];
};

struct content {
    const struct run *run;
    const char *word;       /* "PASS", "FAIL", "UNDECIDED", "not judged" */
    enum term_style style;  /* of the word */
    char why[256];          /* "2 limits held" */
    char subject[512];      /* the command, the model, or the label */
    char detail[384];       /* of a model: precision, batch, device, engine; else empty */
    char label[160];        /* when it says more than the subject; else empty */
    char counts[256];       /* "20 launches + 2 warm-up, 1 failed · took 4 s · run …" */
    char trouble[320];      /* interrupted, crashed, failed launches; empty: none */
    const char *unit_name;  /* "launch", "inference", "unit" */
    const char *unit_names; /* its plural */
    bool has_many_units;    /* in each invocation */
    bool is_imported;    /* another tool's result: its metrics are a table, and no unit is timed */
    struct summary main; /* of the series that times one unit */
    const char *main_label; /* "wall time" */
    struct content_line distribution[2];
    char few[160];     /* which percentiles rest on too few samples; empty: none */
    const char *alone; /* that the intervals know of one process only; NULL: of several */
    size_t line_count;
    size_t cost_line; /* from this line on: what one launch or process cost */
    char cost_heading[96];
    size_t node_line; /* from this line on: nodes of the model; line_count: none */
    char node_heading[96];
    struct content_line lines[CONTENT_LINES_MAX];
};

/* Fills all of it. `main.series` is NULL when the run has no timed unit. */
int content_make(const struct run *run, struct content *content, struct error *err);
/* lines.c: fills content->lines. */
int content_make_lines(struct content *content, struct error *err);
/* model_lines.c: of a model: throughput, start, memory by stage, open loop; and its slowest nodes.
 */
int content_make_model_lines(struct content *content, struct error *err);
int content_make_node_lines(struct content *content, struct error *err);
/* model_lines.c: fills content->detail from the facts of the workload. */
void content_make_detail(struct content *content);
/* channel_lines.c: of an instrumented program: spans, cameras, counters, gauges, marks. */
int content_make_channel_lines(struct content *content, struct error *err);
/* A further line; NULL when there is no room, which content_add_item takes. */
struct content_line *content_add_line(struct content *content, const char *label);
__attribute__((format(printf, 2, 3))) void content_add_item(struct content_line *line,
                                                            const char *fmt, ...);

/* A value of this metric with its unit ("12.3 ms", "4.10 W", "28.1 million"); NaN is "-". */
const char *content_value(const struct metric *metric, double value, char *buf, size_t size);
/* "12.0 … 12.8 ms", or "998 µs … 1.02 ms" */
const char *content_range(const struct metric *metric, double lo, double hi, char *buf,
                          size_t size);
/* The finding judges a limit. */
bool content_is_limit(const struct finding *finding);
/* Its bound as written ("p99(wall_ms)<=250"), else its name. */
const char *content_limit_bound(const struct finding *finding);
/* The value that was held against the bound ("0.98 ms"); "-" if there is none. */
const char *content_limit_value(const struct finding *finding, char *buf, size_t size);
/* Why there are no values: the phrase of the series, else what the reason means. */
const char *content_why(enum reason reason, const char *why);
/* Every series with its figures, first row the header. The caller deinits, also after an error. */
int content_metrics_table(const struct run *run, struct text_table *table, struct error *err);

#endif
