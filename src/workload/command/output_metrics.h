/* output_metrics.h: metrics taken from what the measured program prints: --metric NAME=REGEX.
 *
 * What: NAME names a metric of the registry or, if that has none, one of the user's own (unit "",
 *       direction neither, unless NAME:higher or NAME:lower says more); REGEX is a POSIX extended
 *       regular expression whose first group is the number. Every match on every line of stdout and
 *       stderr gives one value. Lines end at \n or \r (progress bars). Lines over 64 KiB are
 *       searched in pieces, and counted.
 * Units: the program prints the metric's shown unit.
 * Memory: everything is allocated by output_metrics_open; feeding allocates nothing.
 */
#ifndef TACHO_WORKLOAD_COMMAND_OUTPUT_METRICS_H
#define TACHO_WORKLOAD_COMMAND_OUTPUT_METRICS_H

#include <regex.h>

#include "workload/workload.h"

#define OUTPUT_LINE_MAX 65536u
#define OUTPUT_BATCH 256u
#define OUTPUT_STREAMS 2 /* stdout, stderr */

struct output_metric {
    struct metric own;           /* where the registry has none */
    const struct metric *metric; /* the registry's, or &own */
    regex_t regex;
    struct series series;
    uint64_t values;       /* over the whole run */
    uint64_t not_a_number; /* matches whose group was none */
    /* Not handed over yet: */
    size_t pending;
    int64_t t_ns[OUTPUT_BATCH];
    uint64_t value_ns[OUTPUT_BATCH];
    double value[OUTPUT_BATCH];
};

struct output_line {
    size_t used;
    bool is_long; /* a piece of this line was searched already */
    char text[OUTPUT_LINE_MAX + 1];
};

struct output_metrics {
    struct arena arena;
    struct output_metric *items;
    size_t count;
    struct output_line *lines; /* one per stream; NULL without metrics */
    uint64_t long_lines;
};

/* texts: the values of --metric. is_taken says which metrics the workload measures itself. */
int output_metrics_open(struct output_metrics *metrics, const char *const *texts, size_t count,
                        bool (*is_taken)(const char *name), uint32_t first_series_id,
                        struct error *err);
void output_metrics_close(struct output_metrics *metrics);
/* A new invocation begins. */
void output_metrics_begin(struct output_metrics *metrics);
/* What the program wrote to a stream (0: stdout, 1: stderr). now_ns: CLOCK_MONOTONIC. */
int output_metrics_feed(struct output_metrics *metrics, struct workload_io *io, int stream,
                        const char *data, size_t size, uint64_t now_ns, struct error *err);
/* The invocation is over: searches last lines without an end, hands over what is pending. */
int output_metrics_end(struct output_metrics *metrics, struct workload_io *io, uint64_t now_ns,
                       struct error *err);
/* What never matched, or matched something else than a number; declares such series as failed. */
int output_metrics_findings(struct output_metrics *metrics, uint32_t launches,
                            struct run_sink *sink, struct error *err);

#endif
