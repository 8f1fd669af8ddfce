/* file_analyzer.h: what an analyzer of files is: it reads logs and tells what they mean.
 *
 * THE table is file_analyzers.c; each lives in analyze/files/ and reads by way of format/.
 * To add one: one file there, one row, one line in meson.build, a golden output in
 * tests/golden/analyze/.
 * Rules: no printing; every finding carries n, interval where there is one, evidence (file:line or
 *        a range of time) and an advice; what cannot be used is counted in the input's skips.
 * Memory: constant, whatever the size of the file, unless options->is_exact.
 * Errors: those of format/; -ERROR_NOTHING: there is nothing in it to analyze, and what was
 *         expected.
 */
#ifndef TACHO_ANALYZE_FILE_ANALYZER_H
#define TACHO_ANALYZE_FILE_ANALYZER_H

#include "analyze/analysis.h"
#include "base/error.h"
#include "model/run.h"

/* As numpy names them; LINEAR is type 7 of Hyndman & Fan (1996). */
enum percentile_method {
    PERCENTILE_LINEAR,          /* 7 */
    PERCENTILE_HAZEN,           /* 5 */
    PERCENTILE_WEIBULL,         /* 6 */
    PERCENTILE_MEDIAN_UNBIASED, /* 8 */
    PERCENTILE_LOWER,
    PERCENTILE_HIGHER,
    PERCENTILE_NEAREST,
};

struct analyze_options {
    const char *const *paths; /* "-": stdin */
    size_t path_count;
    const char *metrics_path;  /* --metrics: a system_metrics.csv beside them; NULL: none */
    const char *column;        /* --column; NULL: the analyzer's default */
    const char *const *groups; /* --group-by; NULL: the analyzer's default */
    size_t group_count;
    const char *const *patterns; /* --pattern */
    size_t pattern_count;
    double threshold_ms;         /* --threshold of logs: 50 */
    double throttle_threshold_c; /* --throttle-threshold of tegrastats: 85 */
    double deadline_ms;          /* NaN: none */
    double cost_per_kwh;         /* --rate */
    const char *cost_name;       /* "us_average", or NULL: a number was given */
    double tdp_w;                /* NaN: not known */
    uint64_t batch_size;         /* --batch-size; 0: as the file says */
    uint64_t top_layers;         /* --top-layers: 5 */
    double memory_limit_mb;      /* NaN: none */
    enum percentile_method percentile_method;
    bool is_exact;
    unsigned threads; /* 0: as many as there are CPUs */
};

#define FILE_ANALYZER_MEASURES (1u << 0) /* without a file it may analyze a run of its own */
#define FILE_ANALYZER_PAIR (1u << 1)     /* two files are compared */
#define FILE_ANALYZER_MANY (1u << 2)     /* any number of files */

struct file_analyzer {
    const char *name;
    const char *summary;
    uint32_t flags;
    int (*files)(const struct analyze_options *options, struct analysis *analysis,
                 struct error *err);
    /* MEASURES: the same of a run in memory. */
    int (*run)(const struct run *run, const struct analyze_options *options,
               struct analysis *analysis, struct error *err);
};

extern const struct file_analyzer *const file_analyzers[]; /* NULL-terminated */
const struct file_analyzer *file_analyzer_find(const char *name);

#endif
