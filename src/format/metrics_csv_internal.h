/* metrics_csv_internal.h: the file below the monitor's CSV. Lines go in whole or not at all. */
#ifndef TACHO_FORMAT_METRICS_CSV_INTERNAL_H
#define TACHO_FORMAT_METRICS_CSV_INTERNAL_H

#include "format/metrics_csv.h"

/* A file that is appended to line by line. */
struct line_file {
    char *path;
    char *header;      /* without its newline */
    char *header_line; /* with it */
    int fd;
    bool is_stdout;
    bool is_regular;    /* a short write can be taken back */
    bool needs_newline; /* what is in the file does not end with one */
    char *tail;         /* of a line that a pipe took only in part; goes out before the next */
    size_t tail_size, tail_length;
    struct metrics_csv_stats stats;
};

/* Takes over nothing; header must hold no newline. line_max: the longest line. */
int line_file_open(struct line_file *file, const char *path, const char *header, size_t line_max,
                   struct error *err);
/* line ends with its newline and has one byte of room in front of it, for one that is missing. */
void line_file_write(struct line_file *file, char *line, size_t length);
int line_file_reopen(struct line_file *file, struct error *err);
int line_file_close(struct line_file *file, struct error *err); /* accepts a zeroed one */

/* Binds an open CSV of fixed columns to other sources. -ERROR_NOMEM leaves it as it was. */
int metrics_csv_bind(struct metrics_csv *csv, const struct metrics_source *sources, size_t count,
                     uint64_t interval_ns);

/* Fixed-point text of a number, '.' in any locale; "" for NaN and infinity. Returns its length. */
size_t metrics_format_fixed(double value, int decimals, char *buf, size_t size);

#endif
