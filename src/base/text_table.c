/* text_table.c: see text_table.h. */
#include "base/text_table.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

void text_table_init(struct text_table *table, size_t columns)
{
    *table = (struct text_table){.columns = u64_min(columns, TEXT_TABLE_COLUMNS_MAX)};
}

void text_table_cells(struct text_table *table, const char *const *texts)
{
    size_t need = (table->rows + 1) * table->columns;
    if (table->failed || array_reserve(&table->cells, &table->capacity, need, sizeof(char *)) < 0) {
        table->failed = true;
        return;
    }
    const char **cells = table->cells + table->rows * table->columns;
    for (size_t i = 0; i < table->columns; i++) {
        cells[i] = texts[i] && *texts[i] ? arena_strdup(&table->arena, texts[i]) : "";
        table->failed = table->failed || !cells[i];
    }
    if (!table->failed)
        table->rows++;
}

void text_table_row(struct text_table *table, ...)
{
    const char *texts[TEXT_TABLE_COLUMNS_MAX] = {NULL};
    va_list args;
    va_start(args, table);
    for (size_t i = 0; i < table->columns; i++)
        texts[i] = va_arg(args, const char *);
    va_end(args);
    text_table_cells(table, texts);
}

/* The last cell of a row that shows anything: behind it nothing is padded. */
static size_t columns_used(const struct text_table *table, const char *const *cells)
{
    size_t used = table->columns;
    while (used > 0 && !*cells[used - 1])
        used--;
    return used;
}

void text_table_render(const struct text_table *table, int indent, struct strbuf *out)
{
    size_t widths[TEXT_TABLE_COLUMNS_MAX] = {0};
    for (size_t i = 0; i < table->rows * table->columns; i++) {
        size_t column = i % table->columns;
        widths[column] = u64_max(widths[column], str_width(table->cells[i]));
    }
    for (size_t row = 0; row < table->rows; row++) {
        const char *const *cells = table->cells + row * table->columns;
        size_t used = columns_used(table, cells);
        if (used > 0 && indent > 0)
            strbuf_repeat(out, ' ', (size_t)indent);
        for (size_t i = 0; i < used; i++) {
            size_t padding = widths[i] - str_width(cells[i]);
            if (i > 0)
                strbuf_append(out, "  ");
            if (table->align[i] == TEXT_RIGHT)
                strbuf_repeat(out, ' ', padding);
            strbuf_append(out, cells[i]);
            if (table->align[i] == TEXT_LEFT && i + 1 < used)
                strbuf_repeat(out, ' ', padding);
        }
        strbuf_putc(out, '\n');
    }
    out->failed = out->failed || table->failed;
}

static void append_markdown_cell(struct strbuf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            strbuf_append(out, "\\|");
        else
            strbuf_putc(out, *text == '\n' || *text == '\r' ? ' ' : *text);
    }
}

void text_table_render_markdown(const struct text_table *table, struct strbuf *out)
{
    for (size_t row = 0; row < table->rows; row++) {
        for (size_t i = 0; i < table->columns; i++) {
            strbuf_append(out, i ? " | " : "| ");
            append_markdown_cell(out, table->cells[row * table->columns + i]);
        }
        strbuf_append(out, " |\n");
        if (row > 0)
            continue;
        for (size_t i = 0; i < table->columns; i++)
            strbuf_append(out, table->align[i] == TEXT_RIGHT ? "| ---: " : "| --- ");
        strbuf_append(out, "|\n");
    }
    out->failed = out->failed || table->failed;
}

void text_table_deinit(struct text_table *table)
{
    arena_deinit(&table->arena);
    free(table->cells);
    *table = (struct text_table){0};
}

/* The largest finite value of values[first..end), NaN if there is none. */
static double finite_max(const double *values, size_t first, size_t end)
{
    double max = NAN;
    for (size_t i = first; i < end; i++) {
        if (isfinite(values[i]) && !(values[i] <= max))
            max = values[i];
    }
    return max;
}

static double finite_min(const double *values, size_t count)
{
    double min = NAN;
    for (size_t i = 0; i < count; i++) {
        if (isfinite(values[i]) && !(values[i] >= min))
            min = values[i];
    }
    return min;
}

void text_sparkline(const double *values, size_t count, size_t width, struct strbuf *out)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    if (count == 0)
        return;
    /* Halved, so that the span of the largest doubles is finite too. */
    double max = finite_max(values, 0, count) / 2, min = finite_min(values, count) / 2;
    for (size_t i = 0; i < width; i++) {
        size_t first = (size_t)((double)i * (double)count / (double)width);
        size_t end = (size_t)((double)(i + 1) * (double)count / (double)width);
        end = i + 1 == width ? count : u64_max(end, first + 1);
        double value = finite_max(values, first, u64_min(end, count)) / 2;
        size_t level = 3;
        if (isnan(value)) {
            strbuf_putc(out, ' ');
            continue;
        }
        if (max > min)
            level = u64_min((size_t)((value - min) / (max - min) * 8), 7);
        strbuf_append(out, blocks[level]);
    }
}
