/* metrics_csv.h: the monitor's CSV: one row an interval, appended to one file for hours.
 *
 * Header: `timestamp,cpu_total_pct,cpu_track_pct,mem_total_mb,mem_used_mb,mem_track_rss_mb,
 *         gpu_util_pct,gpu_mem_used_mb`, then the instrumented columns, then those of --columns.
 * Rows:   timestamp is the wall clock in seconds with milliseconds; unknown is an empty cell; '.'
 *         whatever the locale; LF. A value of a slower tier is held for less than its own interval,
 *         then the cell is empty.
 * File:   rows are appended to a file with the same header, another header is refused. One write(2)
 *         a row: never half a row, also on a full disk, where the row is lost and counted and the
 *         next one tried again. A last line without its end is ended first (was_cut says so).
 * Use:    metrics_csv_row from a loop of one's own, or metrics_csv_sink for a run.
 * Memory: all of it in open (the sink: with the declarations of its series); a row allocates
 *         nothing. Threads: one.
 */
#ifndef TACHO_FORMAT_METRICS_CSV_H
#define TACHO_FORMAT_METRICS_CSV_H

#include "format/metrics_columns.h"
#include "model/sink.h"

struct metrics_csv;

struct metrics_csv_options {
    const char *path;    /* "-": stdout */
    const char *columns; /* of --columns; NULL: none */
    bool instrumented;
    const struct metrics_source *sources; /* copied; what their pointers point to is borrowed */
    size_t source_count;
    uint64_t interval_ns; /* of the rows */
};

struct metrics_csv_stats {
    uint64_t rows, lost; /* written, and not */
    int lost_errno;      /* of the last lost one */
    bool appended;       /* the file held rows already */
    bool was_cut;        /* its last line had no end */
};

/* -ERROR_INPUT: another header, and which column differs first. -ERROR_ABSENT, -ERROR_USAGE:
 * columns. Else as open(2) and write(2) of the header. */
int metrics_csv_open(const struct metrics_csv_options *options, struct metrics_csv **ret_csv,
                     struct error *err);
/* values[i] belongs to source i, NaN: none now. t_ns: any monotonic time, for holding. A row that
 * could not be written is no error: see stats. */
void metrics_csv_row(struct metrics_csv *csv, double epoch_s, int64_t t_ns, const double *values);
/* Opens the path again (SIGHUP, after a log was rotated). On failure the old file goes on. */
int metrics_csv_reopen(struct metrics_csv *csv, struct error *err);
void metrics_csv_get_stats(const struct metrics_csv *csv, struct metrics_csv_stats *ret);
/* -ERROR_IO when rows were lost, with how many and why. Accepts NULL. */
int metrics_csv_close(struct metrics_csv *csv, struct error *err);

/* The same from the time series of a run. Rows stand at whole intervals since the run began, the
 * first after one full interval; a cell is the last value within the row's interval. A row in which
 * nothing at all was measured is left out. */
int metrics_csv_sink_open(const char *path, const char *columns, uint64_t interval_ns,
                          struct run_sink **ret_sink, struct error *err);
const struct metrics_csv_stats *metrics_csv_sink_stats(struct run_sink *base);
/* As metrics_csv_close. Accepts NULL. */
int metrics_csv_sink_close(struct run_sink *base, struct error *err);

#endif
