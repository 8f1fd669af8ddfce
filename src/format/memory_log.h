/* memory_log.h: what ps, pidstat -r and free print again and again, and bare pairs of time and MB.
 *
 * What: a log is pushed line by line; each may give a sample. Forms:
 *         ps      lines below a header with RSS, as often as it comes: ps -o pid,rss,comm, ps aux
 *         pidstat -r, -r -h   the same, with the time of day or the epoch in front; the date is
 * that of its first line ("Linux 6.1 (host) 11/20/2026 …") free    "Mem:" and "Swap:" lines, in any
 * unit; -s N pairs   time and MB, separated by a blank, comma, semicolon or tab Times: in front of
 * a line (date and time, epoch, time of day), alone on a line before it (`date`), or of the column
 * ELAPSED; NaN: the log has none. A time of day that goes back by more than half a day is the next
 * day's. Units: MB (2^20). RSS is kB in ps and pidstat. free does not say its unit: Gi, Mi, Ki
 * where they stand behind the numbers, else MB, kB or bytes by the size of the total (a quarter of
 * a TB is the largest in MB, and 256 MB the smallest in kB). free: memory is total - available +
 * swap used (used + swap used of old ones without "available"): what is swapped out is still held.
 * A last line without its newline was cut off, and is not used.
 * Memory: plain data; names point into the line. Threads: one. Errors: what cannot be used is
 *        counted in `skips`.
 */
#ifndef TACHO_FORMAT_MEMORY_LOG_H
#define TACHO_FORMAT_MEMORY_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/skips.h"
#include "format/source.h"
#include "format/timestamp.h"

enum memory_log_kind {
    MEMORY_LOG_NONE, /* not known yet */
    MEMORY_LOG_PROCESSES,
    MEMORY_LOG_FREE,
    MEMORY_LOG_PAIRS,
};

struct memory_sample {
    double t_s; /* NaN: no time */
    enum timestamp_kind time_kind;
    double mb;
    int64_t pid;      /* -1: not said */
    const char *name; /* of the process; not terminated; NULL: not said */
    size_t name_length;
};

struct memory_log {
    enum memory_log_kind kind;
    struct skips skips;
    bool is_table; /* its first line is the header of a table with separators: read it as CSV */
    /* columns of the header, -1: none */
    int rss_at, pid_at, command_at, elapsed_at, available_at;
    double scale; /* of free's plain numbers, to MB; 0: not known yet */
    double day_s; /* midnight of the banner's date and of the days that followed */
    double clock_before_s;
    bool has_date;
    struct timestamp alone; /* of a line that holds only a time; of the lines after it */
    double free_mb;         /* of the "Mem:" line, until its "Swap:" comes; NaN: none */
    struct timestamp free_time;
};

void memory_log_init(struct memory_log *log);
/* True: *ret is a sample of this line. */
bool memory_log_line(struct memory_log *log, const struct line *line, struct memory_sample *ret);
/* Whether the beginning of a file holds samples of one of these forms. */
bool memory_log_accepts(const char *text, size_t size);
const char *memory_log_kind_name(enum memory_log_kind kind); /* "ps or pidstat" */

#endif
