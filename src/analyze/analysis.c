/* analysis.c: filling an analysis. See analysis.h. */
#include "analyze/analysis.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

/* What is handed out once memory ran out: it takes everything and is never shown. */
static struct analysis_input no_input;
static struct analysis_cell no_cells[ANALYSIS_COLUMNS_MAX];

void analysis_init(struct analysis *analysis, const char *analyzer)
{
    *analysis = (struct analysis){.analyzer = analyzer};
}

void analysis_deinit(struct analysis *analysis)
{
    for (size_t i = 0; i < analysis->table_count; i++)
        free(analysis->tables[i]->cells);
    free(analysis->tables);
    free(analysis->findings);
    free(analysis->inputs);
    facts_deinit(&analysis->facts);
    arena_deinit(&analysis->arena);
    *analysis = (struct analysis){.analyzer = NULL};
}

struct analysis_input *analysis_add_input(struct analysis *analysis, const char *name,
                                          const char *format)
{
    size_t count = analysis->input_count + 1;
    struct analysis_input **inputs = realloc(analysis->inputs, count * sizeof(*inputs));
    struct analysis_input *input = arena_alloc(&analysis->arena, sizeof(*input));
    char *copy = arena_strdup(&analysis->arena, strcmp(name, "-") == 0 ? "stdin" : name);
    if (inputs)
        analysis->inputs = inputs;
    if (!inputs || !input || !copy) {
        analysis->failed = true;
        return &no_input;
    }
    *input = (struct analysis_input){.name = copy, .format = format, .begin_s = NAN, .end_s = NAN};
    analysis->inputs[analysis->input_count++] = input;
    return input;
}

struct analysis_table *analysis_add_table(struct analysis *analysis, const char *key,
                                          const char *title, const struct analysis_column *columns,
                                          size_t column_count)
{
    static struct analysis_table no_table;
    size_t count = analysis->table_count + 1;
    struct analysis_table **tables =
        realloc(analysis->tables, count * sizeof(struct analysis_table *));
    struct analysis_table *table = arena_alloc(&analysis->arena, sizeof(*table));
    char *copy = arena_strdup(&analysis->arena, title);
    if (tables)
        analysis->tables = tables;
    if (!tables || !table || !copy) {
        analysis->failed = true;
        no_table = (struct analysis_table){.key = key, .title = title, .columns = columns};
        no_table.owner = analysis;
        return &no_table;
    }
    *table = (struct analysis_table){.key = key,
                                     .title = copy,
                                     .columns = columns,
                                     .column_count = column_count,
                                     .owner = analysis};
    analysis->tables[analysis->table_count++] = table;
    return table;
}

void analysis_note(struct analysis_table *table, const char *fmt, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, fmt);
    vsnprintf(text, sizeof(text), fmt, arguments);
    va_end(arguments);
    table->note = arena_strdup(&table->owner->arena, text);
    table->owner->failed = table->owner->failed || !table->note;
}

struct analysis_cell *analysis_add_row(struct analysis_table *table)
{
    size_t columns = table->column_count, count = (table->row_count + 1) * columns;
    if (columns == 0 ||
        array_reserve(&table->cells, &table->capacity, count, sizeof(*table->cells)) < 0) {
        table->owner->failed = true;
        return no_cells;
    }
    struct analysis_cell *row = table->cells + table->row_count * columns;
    for (size_t i = 0; i < columns; i++)
        row[i] = cell_number(NAN);
    table->row_count++;
    return row;
}

struct analysis_cell cell_text(struct analysis_table *table, const char *text)
{
    return text ? cell_text_n(table, text, strlen(text)) : cell_number(NAN);
}

/* Texts come from files of others: what would steer a terminal is taken out. */
struct analysis_cell cell_text_n(struct analysis_table *table, const char *text, size_t size)
{
    char *copy = arena_strndup(&table->owner->arena, text, size);
    table->owner->failed = table->owner->failed || !copy;
    if (copy)
        str_make_printable(copy);
    return (struct analysis_cell){.text = copy, .value = NAN, .lo = NAN, .hi = NAN};
}

struct analysis_cell cell_number(double value)
{
    return (struct analysis_cell){.value = value, .lo = NAN, .hi = NAN};
}

struct analysis_cell cell_interval(double value, double lo, double hi)
{
    return (struct analysis_cell){.value = value, .lo = lo, .hi = hi};
}

void analysis_add_finding(struct analysis *analysis, const struct finding *finding)
{
    size_t count = analysis->finding_count + 1;
    if (array_reserve(&analysis->findings, &analysis->finding_capacity, count,
                      sizeof(*analysis->findings)) < 0) {
        analysis->failed = true;
        return;
    }
    analysis->findings[analysis->finding_count++] = *finding;
    str_make_printable(analysis->findings[count - 1].sentence);
    str_make_printable(analysis->findings[count - 1].evidence);
    str_make_printable(analysis->findings[count - 1].advice);
}
