/* csv.h: tables in text, at the speed of the disk: columns by name, only those that are wanted.
 *
 * What: the header is found (behind a byte-order mark, comments and blank lines; a header that is
 *       itself a comment, even one broken over two lines, is recognised by its number of fields);
 *       fields are separated by comma, semicolon, tab or bar, whichever the header has; quoted ones
 *       may hold separators, doubled quotes and newlines; CRLF, comment lines ('#'), blank lines
 *       and headers repeated in mid-file are passed over.
 * Rows: that lack a wanted field, or whose wanted field is no number, are not used; they are
 *       counted by reason with the line of the first (csv_skips). Nothing is left out silently.
 * Values: numbers are those of strtod. An empty cell, "nan", "null", "none", "n/a" and "-" of a
 *         column that is not required is NaN; of a required one the row is left out. Infinite
 *         values are left out.
 * Memory: a batch of rows for each thread; constant for any size of file.
 * Errors: -ERROR_INPUT: no header, no such column (with the nearest names), a comma in a number,
 *         another header in mid-file, a binary file; else those of source.h.
 */
#ifndef TACHO_FORMAT_CSV_H
#define TACHO_FORMAT_CSV_H

#include "format/skips.h"
#include "format/source.h"

#define CSV_WANTS_MAX 24
#define CSV_BATCH 512

enum csv_kind {
    CSV_NUMBER,
    CSV_TEXT,
    CSV_TIME,
    CSV_LAZY_TIME, /* as a text; csv_time makes a time of it, where somebody wants to know it */
};

/* A column that somebody wants. Names are compared without case, blanks and quotes. */
struct csv_want {
    const char *name;
    const char *const *synonyms; /* NULL-terminated, or NULL: in the order in which they count */
    enum csv_kind kind;
    bool is_required;
};

struct csv_text {
    const char *data; /* not terminated; without quotes; 8 bytes before its end may be read */
    uint32_t size;
};

/* Rows of one chunk; a column of csv_want i is number[i] (CSV_NUMBER; CSV_TIME: seconds, see
 * timestamp.h) or text[i]. Of columns that the file has not, both are NULL. */
struct csv_rows {
    size_t count;
    const uint32_t *line; /* since the chunk began, 0-based: add first_line in merge */
    const double *number[CSV_WANTS_MAX];
    const struct csv_text *text[CSV_WANTS_MAX];
};

struct csv;

/* The source must be fresh and outlive the csv; so must the wants. */
int csv_open(struct source *source, const struct csv_want *wants, size_t want_count,
             struct csv **ret_csv, struct error *err);
void csv_close(struct csv *csv); /* accepts NULL */
size_t csv_column_count(const struct csv *csv);
const char *csv_column_name(const struct csv *csv, size_t column);
uint64_t csv_header_line(const struct csv *csv);
/* The column of a want, -1: the file has none. */
int csv_column_of(const struct csv *csv, size_t want);
/* How the want's times are written; NONE before the first row, or not a CSV_TIME. */
bool csv_time_is_relative(const struct csv *csv);

/* As struct source_job, with batches of rows instead of text. A chunk may give several batches. */
struct csv_job {
    void *context;
    void *(*result_new)(void *context);
    void (*result_free)(void *context, void *result);
    int (*rows)(void *context, void *result, const struct csv_rows *rows, struct error *err);
    int (*chunk_end)(void *context, void *result, struct error *err); /* as rows; NULL: nothing */
    int (*merge)(void *context, void *result, uint64_t first_line, struct error *err);
};

int csv_each(struct csv *csv, unsigned threads, const struct csv_job *job, struct error *err);
/* Seconds of a CSV_LAZY_TIME's text (see timestamp.h); NaN: it cannot be read. */
double csv_time(const struct csv *csv, const struct csv_text *text);
/* After csv_each: all lines of the file, and the data rows that were used and not, and why. */
uint64_t csv_lines(const struct csv *csv);
const struct skips *csv_skips(const struct csv *csv);

#endif
