/* csv_internal.h: what csv.c (header), csv_each.c (threads), csv_scan.c (rows), csv_quoted.c (rows
 * with quotes) and csv_values.c (what rows hold) share.
 */
#ifndef TACHO_FORMAT_CSV_INTERNAL_H
#define TACHO_FORMAT_CSV_INTERNAL_H

#include "base/str.h"
#include "format/csv.h"
#include "format/csv_marks.h"

#define CSV_COLUMNS_MAX 1024

struct csv {
    struct source *source;
    const struct csv_want *wants;
    size_t want_count;
    char delimiter;
    char *text; /* of the header, in which names point */
    char **names;
    size_t column_count;
    uint64_t header_line; /* 1-based; 0: none is left to pass over, it was a comment */
    char *header;         /* the line itself, for finding it again */
    size_t header_size;
    int column_of[CSV_WANTS_MAX];
    int want_of[CSV_COLUMNS_MAX]; /* -1: nobody wants it */
    int next_want[CSV_WANTS_MAX]; /* of the same column; -1: there is none */
    bool is_odd_first[256];       /* by the first byte of a line: it may be no row */
    double relative_scale;        /* of times that are no dates: by the column's name */
    bool is_relative;
    struct skips skips;
    uint64_t lines;
};

struct csv_field {
    const char *begin, *end;
};

/* The rows of a chunk as they become known: one for each thread. */
struct csv_scan {
    const struct csv *csv;
    const struct csv_job *job;
    void *result;       /* of the job */
    struct chunk chunk; /* that is read; its text stands until it is merged */
    struct csv_rows rows;
    struct skips skips;
    uint32_t lines[CSV_BATCH];
    uint32_t line;          /* of the row that is read, since the chunk began */
    uint32_t header_line;   /* the same of the header; UINT32_MAX: it is in another chunk */
    struct strbuf unquoted; /* fields with doubled quotes */
    struct strbuf carry;    /* a row whose quote is still open at the end of a chunk */
    uint32_t carry_lines;
    struct csv_marks marks;
    struct csv_text *texts; /* want_count x CSV_BATCH */
    double *numbers;        /* the same */
    int why[CSV_BATCH];     /* a row cannot be used: 1 + enum skip */
    size_t bad;             /* rows of the batch that cannot be used */
};

/* csv.c: what a line is that cannot be used as a row. The same: what is wanted stands where it does
 * in the first header, whatever the case, blanks and quotes. */
enum csv_header { CSV_NO_HEADER, CSV_SAME_HEADER, CSV_OTHER_HEADER };
enum csv_header csv_header_again(const struct csv *csv, struct csv_field line);
/* Numbers of different columns must not be mixed. The line is counted from 0. */
int csv_other_header(const struct csv *csv, struct csv_field line, uint32_t number,
                     struct error *err);
/* 1: that many fields are right; 0: they are counted as wrong; or an error: it is a header. */
int csv_check_fields(struct csv_scan *scan, struct csv_field line, size_t count, bool last_is_empty,
                     bool is_cut, struct error *err);
/* A row of the batch: of each column that is wanted, the field. */
int csv_take_row(struct csv_scan *scan, struct csv_field line, const struct csv_field *fields,
                 struct error *err);
/* The next rows of scan->marks, which have as many fields as the header; the batch has room. */
int csv_take_rows(struct csv_scan *scan, size_t count, struct error *err);
/* The rows so far, to the job; those that cannot be used are counted instead. */
int csv_flush(struct csv_scan *scan, struct error *err);
/* Blank lines, comments and the header again are counted. False: it is none of them. */
bool csv_is_passed_over(struct csv_scan *scan, const char *line, const char *end);
/* Leaves the number of the chunk's lines in scan->line. */
int csv_scan_plain(struct csv_scan *scan, const struct chunk *chunk, struct error *err);
/* csv_quoted.c: the same where fields are quoted, slower; a row may go on in the next chunk. */
int csv_scan_quoted(struct csv_scan *scan, const struct chunk *chunk, struct error *err);

#endif
