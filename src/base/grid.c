/* grid.c: see grid.h. */
#include "base/grid.h"

#include <string.h>

#include "base/error.h"
#include "base/util.h"

#define PUT_BYTES 4096 /* the longest text that grid_put looks at */

static const struct grid_cell blank = {.text = " ", .width = 1, .style = GRID_NORMAL};

int grid_resize(struct grid *grid, size_t width, size_t height)
{
    width = u64_min(u64_max(width, 1), GRID_SIDE_MAX);
    height = u64_min(u64_max(height, 1), GRID_SIDE_MAX);
    if (array_reserve(&grid->cells, &grid->capacity, width * height, sizeof(*grid->cells)) < 0)
        return -ERROR_NOMEM;
    grid->width = width;
    grid->height = height;
    grid_clear(grid);
    return 0;
}

void grid_clear(struct grid *grid)
{
    for (size_t i = 0; i < grid->width * grid->height; i++)
        grid->cells[i] = blank;
}

/* What is overwritten by halves leaves a blank. */
static void free_cell(struct grid *grid, size_t row, size_t column)
{
    struct grid_cell *cells = grid->cells + row * grid->width;
    if (cells[column].width == 0 && column > 0) {
        memcpy(cells[column - 1].text, " ", 2);
        cells[column - 1].width = 1;
    }
    if (cells[column].width == 2 && column + 1 < grid->width) {
        memcpy(cells[column + 1].text, " ", 2);
        cells[column + 1].width = 1;
    }
}

static void set_cell(struct grid *grid, size_t row, size_t column, enum grid_style style,
                     const char *text, size_t length, size_t width)
{
    struct grid_cell *cells = grid->cells + row * grid->width;
    for (size_t i = 0; i < width; i++)
        free_cell(grid, row, column + i);
    cells[column] = (struct grid_cell){.width = (uint8_t)width, .style = (uint16_t)style};
    memcpy(cells[column].text, text, length);
    if (width == 2)
        cells[column + 1] = (struct grid_cell){.width = 0, .style = (uint16_t)style};
}

/* Bytes of the UTF-8 character at text, which is valid. */
static size_t character_length(const char *text)
{
    unsigned char lead = (unsigned char)*text;
    return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

static void append_combining(struct grid_cell *cell, const char *text, size_t length)
{
    size_t used = strlen(cell->text);
    if (used + length < sizeof(cell->text))
        memcpy(cell->text + used, text, length + 1);
}

size_t grid_put(struct grid *grid, size_t row, size_t column, size_t columns, enum grid_style style,
                const char *text)
{
    char printable[PUT_BYTES];
    if (row >= grid->height || column >= grid->width || columns == 0)
        return 0;
    columns = u64_min(columns, grid->width - column);
    str_copy(printable, sizeof(printable), text);
    str_make_printable(printable);
    bool is_cut = str_width(printable) > columns;
    size_t room = is_cut ? columns - 1 : columns, used = 0, last = 0;
    for (const char *at = printable; *at;) {
        char one[5] = "";
        size_t length = character_length(at);
        memcpy(one, at, length);
        size_t width = str_width(one);
        if (used + width > room)
            break;
        if (width == 0 && used > 0) {
            append_combining(&grid->cells[row * grid->width + column + last], one, length);
        } else if (width > 0) {
            last = used;
            set_cell(grid, row, column + used, style, one, length, width);
        }
        used += width;
        at += length;
    }
    if (is_cut) {
        set_cell(grid, row, column + used, style, "…", strlen("…"), 1);
        used++;
    }
    return used;
}

void grid_put_right(struct grid *grid, size_t row, size_t column, size_t columns,
                    enum grid_style style, const char *text)
{
    size_t width = str_width(text);
    size_t indent = width < columns ? columns - width : 0;
    grid_put(grid, row, column + indent, columns - indent, style, text);
}

void grid_paint(struct grid *grid, size_t row, size_t column, size_t columns, enum grid_style style)
{
    for (size_t i = 0; row < grid->height && i < columns && column + i < grid->width; i++)
        grid->cells[row * grid->width + column + i].style = (uint16_t)style;
}

/* ---- as text ---- */

static bool is_blank(const struct grid_cell *cell)
{
    return strcmp(cell->text, " ") == 0;
}

void grid_to_text(const struct grid *grid, struct strbuf *out)
{
    for (size_t row = 0; row < grid->height; row++) {
        const struct grid_cell *cells = grid->cells + row * grid->width;
        size_t used = grid->width;
        while (used > 0 && is_blank(&cells[used - 1]))
            used--;
        for (size_t i = 0; i < used; i++)
            strbuf_append(out, cells[i].text);
        strbuf_putc(out, '\n');
    }
}

void grid_to_styles(const struct grid *grid, struct strbuf *out)
{
    static const char letters[GRID_STYLE_COUNT] = {' ', '.', 'B', 'g', 'w', 'b', 'H'};
    for (size_t row = 0; row < grid->height; row++) {
        const struct grid_cell *cells = grid->cells + row * grid->width;
        size_t used = grid->width;
        while (used > 0 && cells[used - 1].style == GRID_NORMAL)
            used--;
        for (size_t i = 0; i < used; i++)
            strbuf_putc(out, letters[cells[i].style]);
        strbuf_putc(out, '\n');
    }
}

void grid_deinit(struct grid *grid)
{
    free(grid->cells);
    *grid = (struct grid){0};
}
