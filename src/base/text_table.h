/* text_table.h: aligned columns of text for people, and small drawings (sparkline).
 *
 * Widths are columns on a terminal (str_width), so Korean text lines up. Memory: the table owns its
 * cells; deinit frees. A zeroed struct with `columns` set is valid.
 */
#ifndef TACHO_BASE_TEXT_TABLE_H
#define TACHO_BASE_TEXT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"

#define TEXT_TABLE_COLUMNS_MAX 16

enum text_align { TEXT_LEFT, TEXT_RIGHT };

struct text_table {
    struct arena arena;
    size_t columns;
    enum text_align align[TEXT_TABLE_COLUMNS_MAX];
    const char **cells; /* rows * columns */
    size_t rows, capacity;
    bool failed; /* out of memory happened */
};

void text_table_init(struct text_table *table, size_t columns);
/* Adds a row; exactly `columns` strings follow, NULL is an empty cell. */
void text_table_row(struct text_table *table, ...);
/* The same with an array of them. */
void text_table_cells(struct text_table *table, const char *const *texts);
/* Appends the table: two blanks between columns, `indent` blanks before each row, no trailing
 * blanks. */
void text_table_render(const struct text_table *table, int indent, struct strbuf *out);
/* GitHub Markdown: first row is the header. '|' in cells is escaped. */
void text_table_render_markdown(const struct text_table *table, struct strbuf *out);
void text_table_deinit(struct text_table *table);

/* Appends `width` of ▁▂▃▄▅▆▇█ over the values in order; each column shows the maximum of its share,
 * so no spike is lost; scaled from min to max (all equal: ▄); NaN is a blank. */
void text_sparkline(const double *values, size_t count, size_t width, struct strbuf *out);

#endif
