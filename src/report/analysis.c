/* analysis.c: an analysis for people: what was read, tables, findings. */
#include "report/analysis.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/term.h"
#include "base/text_table.h"
#include "base/unit.h"
#include "base/util.h"
#include "format/timestamp.h"
#include "report/prose.h"

#define WIDTH_MIN 40
#define CELL 160
#define SHOWN 20 /* rows of a table, unless it says otherwise */
#define DIGITS 4
#define ALIKE_MAX 3 /* findings of one rule, without --verbose */

struct page {
    const struct analysis *analysis;
    const struct report_options *options;
    struct strbuf *out;
    bool is_markdown;
    struct prose prose;
};

/* ---- cells ---- */

static const char *interval_cell(const struct analysis_cell *cell, int digits, bool with_interval,
                                 char *buf)
{
    char value[40], lo[40], hi[40];
    unit_format_number(cell->value, digits, value, sizeof(value));
    if (!with_interval || (isnan(cell->lo) && isnan(cell->hi))) {
        snprintf(buf, CELL, "%s", value);
        return buf;
    }
    /* One end may be unknown: too few values for it. */
    unit_format_number(cell->lo, digits, lo, sizeof(lo));
    unit_format_number(cell->hi, digits, hi, sizeof(hi));
    snprintf(buf, CELL, "%s (%s…%s)", value, isfinite(cell->lo) ? lo : "?",
             isfinite(cell->hi) ? hi : "?");
    return buf;
}

static const char *cell_of(const struct analysis_column *column, const struct analysis_cell *cell,
                           bool with_intervals, char *buf)
{
    int digits = column->digits > 0 ? column->digits : DIGITS;
    if (column->kind == ANALYSIS_TEXT)
        return cell->text ? cell->text : "-";
    if (isnan(cell->value))
        return "-";
    switch (column->kind) {
    case ANALYSIS_COUNT:
        snprintf(buf, CELL, "%.0f", cell->value);
        return buf;
    case ANALYSIS_TIME:
        return timestamp_format(cell->value, buf, CELL);
    case ANALYSIS_FLAG:
        return cell->value != 0 ? "yes" : "no";
    case ANALYSIS_INTERVAL:
        return interval_cell(cell, digits, with_intervals, buf);
    default:
        return unit_format_number(cell->value, digits, buf, CELL);
    }
}

/* ---- tables ---- */

/* The columns that are shown: all in Markdown and where the user wants everything. */
static size_t choose_columns(const struct page *page, const struct analysis_table *table,
                             size_t *ret_columns)
{
    size_t count = 0;
    for (size_t i = 0; i < table->column_count && count < TEXT_TABLE_COLUMNS_MAX; i++) {
        if (!table->columns[i].is_detail || page->options->verbose)
            ret_columns[count++] = i;
    }
    return count;
}

static void add_heading(const struct analysis_table *table, const size_t *columns, size_t count,
                        struct text_table *text)
{
    const char *cells[TEXT_TABLE_COLUMNS_MAX];
    char titles[TEXT_TABLE_COLUMNS_MAX][64];
    for (size_t i = 0; i < count; i++) {
        const struct analysis_column *column = &table->columns[columns[i]];
        bool has_unit = column->unit && column->unit[0];
        snprintf(titles[i], sizeof(titles[i]), "%s%s%s", column->title, has_unit ? " " : "",
                 has_unit ? column->unit : "");
        cells[i] = titles[i];
        text->align[i] = column->kind == ANALYSIS_TEXT ? TEXT_LEFT : TEXT_RIGHT;
    }
    text_table_cells(text, cells);
}

static size_t rows_shown(const struct page *page, const struct analysis_table *table)
{
    size_t most = table->shown > 0 ? table->shown : SHOWN;
    return page->options->verbose || table->row_count <= most ? table->row_count : most;
}

static void fill(const struct page *page, const struct analysis_table *table, bool with_intervals,
                 struct text_table *text)
{
    size_t columns[ANALYSIS_COLUMNS_MAX];
    size_t count = choose_columns(page, table, columns), rows = rows_shown(page, table);
    const char *cells[TEXT_TABLE_COLUMNS_MAX];
    char texts[TEXT_TABLE_COLUMNS_MAX][CELL];
    text_table_init(text, count);
    add_heading(table, columns, count, text);
    for (size_t row = 0; row < rows; row++) {
        const struct analysis_cell *all = table->cells + row * table->column_count;
        for (size_t i = 0; i < count; i++)
            cells[i] =
                cell_of(&table->columns[columns[i]], &all[columns[i]], with_intervals, texts[i]);
        text_table_cells(text, cells);
    }
}

static size_t widest_line(const struct strbuf *text)
{
    size_t widest = 0;
    char line[1024];
    for (const char *at = strbuf_get(text); *at;) {
        size_t length = strcspn(at, "\n");
        snprintf(line, sizeof(line), "%.*s", (int)length, at);
        size_t width = str_width(line);
        widest = width > widest ? width : widest;
        at += length + (at[length] == '\n');
    }
    return widest;
}

static bool render_table(struct page *page, const struct analysis_table *table, bool with_intervals,
                         struct strbuf *out)
{
    struct text_table text;
    fill(page, table, with_intervals, &text);
    if (page->is_markdown)
        text_table_render_markdown(&text, out);
    else
        text_table_render(&text, 2, out);
    bool is_complete = !text.failed;
    text_table_deinit(&text);
    return is_complete;
}

static void append_title(struct page *page, const char *title)
{
    if (page->is_markdown) {
        strbuf_printf(page->out, "\n### %s\n\n", title);
        return;
    }
    strbuf_putc(page->out, '\n');
    term_styled(page->out, page->options->colour, TERM_BOLD, title);
    strbuf_putc(page->out, '\n');
}

static void append_note(struct page *page, const char *note)
{
    if (!note)
        return;
    strbuf_append(page->out, page->is_markdown ? "\n" : "  ");
    prose_wrapped(&page->prose, note, 2, 2);
}

/* Where the intervals make it wider than the page, it is shown without them, and says so; who asks
 * for everything gets them. */
static bool append_table(struct page *page, const struct analysis_table *table)
{
    struct strbuf text = {0};
    bool is_complete = render_table(page, table, true, &text);
    size_t width = widest_line(&text), width_without = width;
    if (!page->is_markdown && !page->options->verbose && width > page->prose.width) {
        strbuf_clear(&text);
        is_complete = render_table(page, table, false, &text);
        width_without = widest_line(&text);
    }
    append_title(page, table->title);
    strbuf_append(page->out, strbuf_get(&text));
    is_complete = is_complete && !text.failed;
    strbuf_deinit(&text);
    size_t shown = rows_shown(page, table);
    if (shown < table->row_count)
        strbuf_printf(page->out, "%s… and %zu more (--verbose shows all)\n",
                      page->is_markdown ? "\n" : "  ", table->row_count - shown);
    append_note(page, table->note);
    if (width_without < width)
        strbuf_printf(page->out,
                      "  (no room for the intervals: COLUMNS=%zu or --verbose shows them)\n",
                      width);
    else
        append_note(page, table->interval_note);
    return is_complete;
}

/* ---- inputs ---- */

/* "rows with too few fields: 3 (first in line 12)" */
static void append_skips(struct page *page, const struct skips *skips, enum skip_kind kind)
{
    static const char *const labels[] = {[SKIP_LOST] = "left out: ",
                                         [SKIP_NOTED] = "used all the same: ",
                                         [SKIP_PASSED] = "passed over: "};
    struct strbuf text = {0};
    for (size_t i = 0; i < SKIP_COUNT; i++) {
        enum skip why = (enum skip)i;
        if (skips->of[i].count == 0 || skip_kind(why) != kind)
            continue;
        const char *first = skips->of[i].count > 1 ? "first in line" : "line";
        strbuf_printf(&text, "%s%s: %" PRIu64 " (%s %" PRIu64 ")", text.len > 0 ? ", " : "",
                      skip_meaning(why), skips->of[i].count, first, skips->of[i].first_line);
    }
    if (text.len > 0) {
        const char *label = labels[kind];
        strbuf_append(page->out, page->is_markdown ? "  - " : "  ");
        if (kind != SKIP_PASSED && !page->is_markdown)
            term_styled(page->out, page->options->colour, TERM_YELLOW, label);
        else
            strbuf_append(page->out, label);
        prose_wrapped(&page->prose, strbuf_get(&text), 2 + strlen(label), 4);
    }
    page->out->failed = page->out->failed || text.failed;
    strbuf_deinit(&text);
}

static void append_input(struct page *page, const struct analysis_input *input)
{
    char bytes[32], begin[48], end[48];
    struct strbuf text = {0};
    strbuf_printf(&text, "%s: %s, %" PRIu64 " row%s", input->name, input->format, input->skips.rows,
                  input->skips.rows == 1 ? "" : "s");
    if (input->bytes > 0)
        strbuf_printf(&text, ", %s", unit_format_bytes((double)input->bytes, bytes, sizeof(bytes)));
    if (!isnan(input->begin_s) && !isnan(input->end_s)) {
        char length[32];
        timestamp_format(input->begin_s, begin, sizeof(begin));
        timestamp_format(input->end_s, end, sizeof(end));
        unit_format_ns((input->end_s - input->begin_s) * 1e9, length, sizeof(length));
        strbuf_printf(&text, ", %s to %s (%s)", begin, end, length);
    }
    strbuf_append(page->out, page->is_markdown ? "- " : "");
    prose_wrapped(&page->prose, strbuf_get(&text), 0, 2);
    page->out->failed = page->out->failed || text.failed;
    strbuf_deinit(&text);
    append_skips(page, &input->skips, SKIP_LOST);
    append_skips(page, &input->skips, SKIP_NOTED);
    if (page->options->verbose)
        append_skips(page, &input->skips, SKIP_PASSED);
}

/* ---- the page ---- */

static void append_markdown_findings(struct page *page)
{
    const struct analysis *analysis = page->analysis;
    if (analysis->finding_count > 0)
        strbuf_append(page->out, "\n### Findings\n\n");
    for (int severity = SEVERITY_WARNING; severity >= SEVERITY_INFO; severity--)
        for (size_t i = 0; i < analysis->finding_count; i++) {
            const struct finding *finding = &analysis->findings[i];
            if ((int)finding->severity != severity)
                continue;
            strbuf_printf(page->out, "- **%s**: %s", severity_name(finding->severity),
                          finding->sentence);
            struct strbuf numbers = {0};
            prose_numbers(finding, &numbers);
            bool has_both = finding->evidence[0] && numbers.len > 0;
            if (finding->evidence[0] || numbers.len > 0)
                strbuf_printf(page->out, " (%s%s%s)", finding->evidence, has_both ? "; " : "",
                              strbuf_get(&numbers));
            page->out->failed = page->out->failed || numbers.failed;
            strbuf_deinit(&numbers);
            if (finding->advice[0])
                strbuf_printf(page->out, " → %s", finding->advice);
            strbuf_putc(page->out, '\n');
        }
}

static int render(struct page *page, struct error *err)
{
    const struct analysis *analysis = page->analysis;
    bool is_complete = !analysis->failed;
    if (page->is_markdown)
        strbuf_printf(page->out, "## %s\n\n",
                      analysis->title ? analysis->title : analysis->analyzer);
    else if (analysis->title && !page->options->quiet)
        prose_wrapped(&page->prose, analysis->title, 0, 2);
    for (size_t i = 0; i < analysis->input_count && !page->options->quiet; i++)
        append_input(page, analysis->inputs[i]);
    for (size_t i = 0; i < analysis->table_count && !page->options->quiet; i++) {
        if (analysis->tables[i]->row_count > 0)
            is_complete = append_table(page, analysis->tables[i]) && is_complete;
    }
    if (page->is_markdown)
        append_markdown_findings(page);
    else
        prose_findings(&page->prose, analysis->findings, analysis->finding_count);
    if (!is_complete || page->out->failed)
        return error_set(err, ERROR_NOMEM, "out of memory");
    return 0;
}

int report_analysis_text(const struct analysis *analysis, const struct report_options *options,
                         struct strbuf *out, struct error *err)
{
    size_t width = options->width < WIDTH_MIN ? WIDTH_MIN : (size_t)options->width;
    struct page page = {.analysis = analysis, .options = options, .out = out};
    page.prose = (struct prose){.out = out,
                                .width = width,
                                .colour = options->colour,
                                .with_evidence = true,
                                .most_alike = options->verbose ? 0 : ALIKE_MAX};
    return render(&page, err);
}

int report_analysis_markdown(const struct analysis *analysis, struct strbuf *out, struct error *err)
{
    const struct report_options options = {.verbose = true};
    struct page page = {.analysis = analysis, .options = &options, .out = out, .is_markdown = true};
    page.prose = (struct prose){.out = out};
    return render(&page, err);
}
