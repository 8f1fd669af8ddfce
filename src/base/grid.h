/* grid.h: a rectangle of character cells with styles: what a live screen shows, before any
 * terminal.
 *
 * What: renderers put text into it, the module `screen` (screen/screen.h) brings it to a terminal,
 *       tests compare it as text. Columns are those of a terminal (str_width): a wide character
 *       takes two cells, combining characters go into the cell before them.
 * Text: whatever is put is made printable first (str_make_printable); what comes from a process
 *       cannot steer the terminal.
 * Memory: the grid owns its cells; a zeroed struct is valid and empty; only grid_resize allocates.
 * Threads: one at a time. Errors: -ERROR_NOMEM.
 */
#ifndef TACHO_BASE_GRID_H
#define TACHO_BASE_GRID_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define GRID_SIDE_MAX 1000 /* larger terminals are filled so far */

enum grid_style {
    GRID_NORMAL,
    GRID_DIM,
    GRID_BOLD,
    GRID_GOOD,
    GRID_WARN,
    GRID_BAD,
    GRID_HEADER,
    GRID_STYLE_COUNT
};

struct grid_cell {
    char text[13];  /* one character in UTF-8 with its combining ones; empty behind a wide one */
    uint8_t width;  /* 1, 2, or 0 behind a wide one */
    uint16_t style; /* enum grid_style */
};

struct grid {
    size_t width, height;
    size_t capacity;
    struct grid_cell *cells; /* height * width, row by row */
};

/* Also clears. Sides are at least 1 and cut to GRID_SIDE_MAX. On failure the grid stays as it is.
 */
int grid_resize(struct grid *grid, size_t width, size_t height);
void grid_clear(struct grid *grid);
/* Writes text from this cell on, in at most `columns` columns and not beyond the row; text that is
 * longer ends in "…". Outside the grid nothing happens. Returns the columns that it took. */
size_t grid_put(struct grid *grid, size_t row, size_t column, size_t columns, enum grid_style style,
                const char *text);
/* The same, with the last character in the last of `columns`; text that is longer is cut as above.
 */
void grid_put_right(struct grid *grid, size_t row, size_t column, size_t columns,
                    enum grid_style style, const char *text);
/* Gives `columns` cells a style, whatever they hold. */
void grid_paint(struct grid *grid, size_t row, size_t column, size_t columns,
                enum grid_style style);
/* Appends the rows as lines, without blanks at their ends. */
void grid_to_text(const struct grid *grid, struct strbuf *out);
/* The styles likewise, a letter for each cell: . dim, B bold, g good, w warn, b bad, H header. */
void grid_to_styles(const struct grid *grid, struct strbuf *out);
void grid_deinit(struct grid *grid);

#endif
