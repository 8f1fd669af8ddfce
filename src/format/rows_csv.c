/* rows_csv.c: see rows_csv.h. */
#include "format/rows_csv.h"

#include <stdlib.h>
#include <string.h>

#include "format/metrics_csv_internal.h"

#define CELL_MAX 400 /* more than any double has with its decimals */
#define INSTANCE_MAX 200

struct rows_csv {
    struct line_file file;
    const struct rows_csv_column *columns;
    size_t count;
    size_t line_max;
    char *line;
};

int rows_csv_open(const char *path, const char *instance_name,
                  const struct rows_csv_column *columns, size_t count, struct rows_csv **ret_csv,
                  struct error *err)
{
    struct strbuf header = {0};
    if (count > ROWS_CSV_COLUMNS_MAX)
        return error_set(err, ERROR_INTERNAL, "more than %d columns", ROWS_CSV_COLUMNS_MAX);
    struct rows_csv *csv = calloc(1, sizeof(*csv));
    size_t line_max = 64 + 2 * INSTANCE_MAX + count * CELL_MAX;
    if (csv)
        csv->line = malloc(line_max);
    strbuf_printf(&header, "timestamp,%s", instance_name);
    for (size_t i = 0; i < count; i++)
        strbuf_printf(&header, ",%s", columns[i].name);
    int rc = csv && csv->line && !header.failed
                 ? line_file_open(&csv->file, path, strbuf_get(&header), line_max, err)
                 : error_set(err, ERROR_NOMEM, "out of memory for a file of rows");
    strbuf_deinit(&header);
    if (rc < 0) {
        if (csv)
            free(csv->line);
        free(csv);
        return rc;
    }
    csv->columns = columns;
    csv->count = count;
    csv->line_max = line_max;
    *ret_csv = csv;
    return 0;
}

/* As RFC 4180 has it: what holds a comma, a quote or the end of a line stands in quotes. */
static size_t put_text(const char *text, char *out)
{
    bool is_quoted = strpbrk(text, ",\"\r\n") != NULL;
    size_t length = 0;
    if (is_quoted)
        out[length++] = '"';
    for (size_t i = 0; text[i] && i < INSTANCE_MAX - 2; i++) {
        if (text[i] == '"')
            out[length++] = '"';
        out[length++] = text[i];
    }
    if (is_quoted)
        out[length++] = '"';
    return length;
}

void rows_csv_row(struct rows_csv *csv, double epoch_s, const char *instance, const double *values)
{
    char *begin = csv->line + 1; /* line_file_write may need the byte in front */
    size_t length = metrics_format_fixed(epoch_s, 3, begin, 64);
    begin[length++] = ',';
    length += put_text(instance, begin + length);
    for (size_t i = 0; i < csv->count; i++) {
        begin[length++] = ',';
        length +=
            metrics_format_fixed(values[i], csv->columns[i].decimals, begin + length, CELL_MAX - 1);
    }
    begin[length++] = '\n';
    line_file_write(&csv->file, begin, length);
}

int rows_csv_reopen(struct rows_csv *csv, struct error *err)
{
    return line_file_reopen(&csv->file, err);
}

void rows_csv_get_stats(const struct rows_csv *csv, struct metrics_csv_stats *ret)
{
    *ret = csv->file.stats;
}

int rows_csv_close(struct rows_csv *csv, struct error *err)
{
    if (!csv)
        return 0;
    int rc = line_file_close(&csv->file, err);
    free(csv->line);
    free(csv);
    return rc;
}
