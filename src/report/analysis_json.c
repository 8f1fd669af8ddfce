/* analysis_json.c: an analysis as JSON ("tacho.analysis/1"). */
#include <math.h>
#include <stdio.h>

#include "format/facts_write.h"
#include "format/json_writer.h"
#include "format/run_json.h"
#include "report/analysis.h"

static void write_input(struct json_writer *writer, const struct analysis_input *input)
{
    json_write_object(writer, NULL);
    json_write_text(writer, "name", input->name);
    json_write_text(writer, "format", input->format);
    json_write_u64(writer, "bytes", input->bytes);
    json_write_u64(writer, "lines", input->lines);
    json_write_u64(writer, "rows", input->skips.rows);
    json_write_number(writer, "begin_s", input->begin_s);
    json_write_number(writer, "end_s", input->end_s);
    json_write_array(writer, "skipped");
    for (size_t i = 0; i < SKIP_COUNT; i++) {
        if (input->skips.of[i].count == 0)
            continue;
        json_write_object_line(writer, NULL);
        json_write_text(writer, "reason", skip_name((enum skip)i));
        json_write_bool(writer, "is_data", skip_kind((enum skip)i) == SKIP_LOST);
        json_write_u64(writer, "count", input->skips.of[i].count);
        json_write_u64(writer, "first_line", input->skips.of[i].first_line);
        json_write_end(writer);
    }
    json_write_end(writer);
    json_write_end(writer);
}

static void write_cell(struct json_writer *writer, const struct analysis_column *column,
                       const struct analysis_cell *cell)
{
    char key[96];
    bool is_known = !isnan(cell->value);
    switch (column->kind) {
    case ANALYSIS_TEXT:
        json_write_text(writer, column->key, cell->text);
        return;
    case ANALYSIS_COUNT:
        if (is_known)
            json_write_i64(writer, column->key, (int64_t)cell->value);
        else
            json_write_null(writer, column->key);
        return;
    case ANALYSIS_FLAG:
        if (is_known)
            json_write_bool(writer, column->key, cell->value != 0);
        else
            json_write_null(writer, column->key);
        return;
    case ANALYSIS_INTERVAL:
        json_write_number(writer, column->key, cell->value);
        snprintf(key, sizeof(key), "%s_interval", column->key);
        run_json_write_interval(writer, key, !isnan(cell->lo) || !isnan(cell->hi), cell->lo,
                                cell->hi);
        return;
    default:
        json_write_number(writer, column->key, cell->value);
    }
}

static void write_table(struct json_writer *writer, const struct analysis_table *table)
{
    json_write_object(writer, table->key);
    json_write_text(writer, "title", table->title);
    json_write_text(writer, "note", table->note);
    json_write_array(writer, "rows");
    for (size_t row = 0; row < table->row_count; row++) {
        const struct analysis_cell *cells = table->cells + row * table->column_count;
        json_write_object_line(writer, NULL);
        for (size_t i = 0; i < table->column_count; i++)
            write_cell(writer, &table->columns[i], &cells[i]);
        json_write_end(writer);
    }
    json_write_end(writer);
    json_write_end(writer);
}

int report_analysis_json(const struct analysis *analysis, struct strbuf *out, struct error *err)
{
    struct json_writer writer = {.out = out};
    json_write_object(&writer, NULL);
    json_write_text(&writer, "schema", "tacho.analysis/1");
    json_write_text(&writer, "analyzer", analysis->analyzer);
    json_write_text(&writer, "title", analysis->title);
    json_write_array(&writer, "inputs");
    for (size_t i = 0; i < analysis->input_count; i++)
        write_input(&writer, analysis->inputs[i]);
    json_write_end(&writer);
    facts_json_write_members(&writer, "facts", &analysis->facts, false);
    json_write_object(&writer, "tables");
    for (size_t i = 0; i < analysis->table_count; i++)
        write_table(&writer, analysis->tables[i]);
    json_write_end(&writer);
    json_write_array(&writer, "findings");
    for (size_t i = 0; i < analysis->finding_count; i++)
        run_json_write_finding(&writer, &analysis->findings[i]);
    json_write_end(&writer);
    json_write_end(&writer);
    strbuf_putc(out, '\n');
    if (analysis->failed || out->failed)
        return error_set(err, ERROR_NOMEM, "out of memory");
    return 0;
}
