/* analysis.h: what `tacho analyze` found in files: facts, tables and findings, before anybody
 * decides how they look. One renderer shows every analysis (report/analysis.h), one schema
 * describes it (data/schema/analysis.json).
 *
 * What: an analyzer of files (file_analyzer.h) opens inputs, fills tables row by row and adds
 *       findings. A value that is not known is NaN or NULL, never 0.
 * Units: those of a column, which stands in its key, too: "p99_ms".
 * Memory: all of it belongs to the analysis (an arena); texts are copied. `failed` stays set once
 *         memory ran out and is checked once, at the end. Threads: one.
 */
#ifndef TACHO_ANALYZE_ANALYSIS_H
#define TACHO_ANALYZE_ANALYSIS_H

#include "base/arena.h"
#include "base/str.h"
#include "format/skips.h"
#include "model/facts.h"
#include "model/finding.h"

#define ANALYSIS_COLUMNS_MAX 16

enum analysis_kind {
    ANALYSIS_TEXT,
    ANALYSIS_COUNT,    /* a whole number */
    ANALYSIS_NUMBER,   /* shown with `digits` significant digits */
    ANALYSIS_INTERVAL, /* a number with its 95 % interval */
    ANALYSIS_TIME,     /* seconds since 1970, or since the log began where they are few */
    ANALYSIS_FLAG,     /* 0 or 1: "no", "yes" */
};

struct analysis_column {
    const char *key;   /* of the JSON, snake_case, unit last: "p99_ms" */
    const char *title; /* of the text: "p99"; its unit stands behind it in the heading */
    const char *unit;  /* "ms", "%"; "" or NULL: none */
    enum analysis_kind kind;
    int digits;     /* significant ones; 0: 4 */
    bool is_detail; /* in JSON and with --verbose only */
};

struct analysis_cell {
    const char *text; /* TEXT */
    double value, lo, hi;
};

struct analysis_table {
    const char *key;                       /* of the JSON: "groups" */
    const char *title;                     /* "Latency by workload and batch size" */
    const char *note;                      /* below it, or NULL */
    const char *interval_note;             /* the same, where its intervals are shown; static */
    const struct analysis_column *columns; /* borrowed: static const */
    size_t column_count;
    struct analysis_cell *cells; /* row by row */
    size_t row_count, capacity;
    size_t shown; /* rows that the text shows without --verbose; 0: 20 */
    struct analysis *owner;
};

struct analysis_input {
    const char *name;   /* path or "stdin" */
    const char *format; /* "CSV", "tegrastats", "application log" */
    uint64_t bytes, lines;
    struct skips skips;
    double begin_s, end_s; /* of its times; NaN: it has none */
};

struct analysis {
    struct arena arena;
    const char *analyzer; /* "latency" */
    const char *title;    /* one line: what was looked at; NULL: none */
    struct analysis_input **inputs;
    size_t input_count;
    struct facts facts; /* what was assumed and found once: "percentile_method", "threshold_ms" */
    struct analysis_table **tables;
    size_t table_count;
    struct finding *findings;
    size_t finding_count, finding_capacity;
    bool failed;
};

void analysis_init(struct analysis *analysis, const char *analyzer);
void analysis_deinit(struct analysis *analysis);
/* Never NULL: out of memory gives one that takes everything and shows nothing. */
struct analysis_input *analysis_add_input(struct analysis *analysis, const char *name,
                                          const char *format);
struct analysis_table *analysis_add_table(struct analysis *analysis, const char *key,
                                          const char *title, const struct analysis_column *columns,
                                          size_t column_count);
__attribute__((format(printf, 2, 3))) void analysis_note(struct analysis_table *table,
                                                         const char *fmt, ...);
/* A new row; its cells are filled by the functions below, in the order of the columns. */
struct analysis_cell *analysis_add_row(struct analysis_table *table);
struct analysis_cell cell_text(struct analysis_table *table, const char *text);
struct analysis_cell cell_text_n(struct analysis_table *table, const char *text, size_t size);
struct analysis_cell cell_number(double value);
struct analysis_cell cell_interval(double value, double lo, double hi);
/* Warnings first when shown, otherwise in the order in which they were added. */
void analysis_add_finding(struct analysis *analysis, const struct finding *finding);

#endif
