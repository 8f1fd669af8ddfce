/* rows_csv.h: a CSV of rows that come for hours: what happened when, to which of several things.
 *
 * Header: `timestamp,INSTANCE,COLUMN,...`. Rows: the wall clock in seconds with milliseconds, the
 *         instance (quoted where it must be), values with fixed decimals; unknown is an empty cell;
 *         '.' whatever the locale; LF.
 * File:   as metrics_csv.h has it: appended to one with the same header, another is refused; one
 *         write(2) a row; a row that cannot be written is counted, and tried for no second time.
 * Memory: all of it in open. Threads: one.
 */
#ifndef TACHO_FORMAT_ROWS_CSV_H
#define TACHO_FORMAT_ROWS_CSV_H

#include "format/metrics_csv.h"

#define ROWS_CSV_COLUMNS_MAX 32

struct rows_csv_column {
    const char *name; /* of letters, digits and '_' */
    int decimals;
};

struct rows_csv;

/* path "-": stdout. columns are borrowed. Errors as metrics_csv_open. */
int rows_csv_open(const char *path, const char *instance_name,
                  const struct rows_csv_column *columns, size_t count, struct rows_csv **ret_csv,
                  struct error *err);
/* values: one for each column, NaN: unknown. An instance of more than 200 bytes is cut. */
void rows_csv_row(struct rows_csv *csv, double epoch_s, const char *instance, const double *values);
int rows_csv_reopen(struct rows_csv *csv, struct error *err);
void rows_csv_get_stats(const struct rows_csv *csv, struct metrics_csv_stats *ret);
/* -ERROR_IO when rows were lost. Accepts NULL. */
int rows_csv_close(struct rows_csv *csv, struct error *err);

#endif
