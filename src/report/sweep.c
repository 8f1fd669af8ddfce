/* sweep.c: the table of a sweep, and what follows from it in a few lines. */
#include "report/sweep.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/term.h"
#include "base/text_table.h"
#include "base/unit.h"
#include "base/util.h"
#include "report/content.h"
#include "report/prose.h"

#define CELL 40
#define LABEL_COLUMNS 18
#define WIDTH_MIN 40

struct page {
    const struct sweep_result *result;
    const struct report_options *options;
    struct strbuf *out;
    bool is_markdown;
    size_t width;
};

/* ---- cells -------------------------------------------------------------------------------- */

static const char *number_cell(double value, int digits, char buf[CELL])
{
    if (isnan(value))
        snprintf(buf, CELL, "-");
    else
        unit_format_number(value, digits, buf, CELL);
    return buf;
}

static const char *time_cell(const struct sweep_figure *figure, char buf[CELL])
{
    if (isnan(figure->value))
        snprintf(buf, CELL, "-");
    else
        unit_format_ns(figure->value * 1e6, buf, CELL);
    return buf;
}

/* "~": it rests on fewer values than the percentile needs. */
static const char *tail_cell(const struct sweep_row *row, char buf[CELL])
{
    char value[CELL];
    bool is_few = row->is_measured && row->latency.quantile_need[SUMMARY_P99] > 0;
    snprintf(buf, CELL, "%s%.30s", is_few ? "~" : "", time_cell(&row->latency_p99, value));
    return buf;
}

static const char *interval_cell(const struct sweep_figure *figure, char buf[CELL])
{
    char lo[CELL], hi[CELL];
    if (!figure->has_interval)
        snprintf(buf, CELL, "-");
    else
        snprintf(buf, CELL, "%.16s … %.16s", number_cell(figure->lo, 3, lo),
                 number_cell(figure->hi, 3, hi));
    return buf;
}

/* Of speed-ups: two decimals, since they are compared with 1. */
static const char *ratio_cell(double value, char buf[CELL])
{
    if (isnan(value))
        snprintf(buf, CELL, "-");
    else
        snprintf(buf, CELL, "%.2f", value);
    return buf;
}

static const char *ratio_interval_cell(const struct sweep_figure *figure, char buf[CELL])
{
    if (!figure->has_interval)
        snprintf(buf, CELL, "-");
    else
        snprintf(buf, CELL, "%.2f … %.2f", figure->lo, figure->hi);
    return buf;
}

static const char *memory_cell(const struct sweep_figure *figure, char buf[CELL])
{
    if (isnan(figure->value))
        snprintf(buf, CELL, "-");
    else
        unit_format_bytes(figure->value * 1048576, buf, CELL);
    return buf;
}

static const char *energy_cell(const struct sweep_figure *figure, char buf[CELL])
{
    char value[CELL];
    bool is_small = figure->value < 1;
    number_cell(is_small ? figure->value * 1e3 : figure->value, 3, value);
    snprintf(buf, CELL, "%.30s%s", value, isnan(figure->value) ? "" : is_small ? " mJ" : " J");
    return buf;
}

static const char *percent_cell(double share, char buf[CELL])
{
    if (isnan(share))
        snprintf(buf, CELL, "-");
    else
        snprintf(buf, CELL, "%.*f %%", fabs(share) < 0.0995 ? 1 : 0, 100 * share);
    return buf;
}

static const char *count_cell(const struct sweep_row *row, char buf[CELL])
{
    snprintf(buf, CELL, "%llu", (unsigned long long)row->latency.n);
    return buf;
}

static const char *verdict_cell(const struct sweep_row *row)
{
    if (row->error.code && row->error.code != ERROR_INTERRUPTED)
        return "failed";
    if (row->error.code)
        return "interrupted";
    if (!row->run || row->run->verdict.outcome == OUTCOME_NOT_JUDGED)
        return "-";
    return outcome_name(row->run->verdict.outcome);
}

/* ---- tables ------------------------------------------------------------------------------- */

static bool has_energy(const struct sweep_result *result)
{
    return result->energy.row != SWEEP_NONE;
}

static void align_right(struct text_table *table)
{
    for (size_t i = 1; i < table->columns; i++)
        table->align[i] = TEXT_RIGHT;
}

static void batching_row(const struct sweep_result *result, const struct sweep_row *row,
                         struct text_table *table)
{
    char c[9][CELL];
    text_table_row(table, number_cell(row->x, 6, c[0]), time_cell(&row->latency_p50, c[1]),
                   tail_cell(row, c[2]), time_cell(&row->per_item, c[3]),
                   number_cell(row->throughput.value, 3, c[4]),
                   interval_cell(&row->throughput, c[5]), memory_cell(&row->memory, c[6]),
                   count_cell(row, c[7]),
                   has_energy(result) ? energy_cell(&row->energy, c[8]) : NULL);
}

static void make_batching(const struct sweep_result *result, struct text_table *table)
{
    text_table_init(table, has_energy(result) ? 9 : 8);
    align_right(table);
    table->align[0] = TEXT_RIGHT;
    text_table_row(table, "batch", "median", "p99", "per item", "items/s", "95 %", "peak memory",
                   "n", "energy");
    for (size_t i = 0; i < result->count; i++)
        batching_row(result, &result->rows[i], table);
}

static void make_cores(const struct sweep_result *result, struct text_table *table)
{
    text_table_init(table, 9);
    align_right(table);
    table->align[0] = TEXT_RIGHT;
    text_table_row(table, "cores", "threads", "median", "speed-up", "95 %", "efficiency", "CV",
                   "p99/p50", "n");
    for (size_t i = 0; i < result->count; i++) {
        const struct sweep_row *row = &result->rows[i];
        char c[9][CELL];
        text_table_row(table, number_cell(row->x, 6, c[0]),
                       number_cell(row->threads ? (double)row->threads : NAN, 6, c[1]),
                       time_cell(&row->latency_p50, c[2]), ratio_cell(row->speedup.value, c[3]),
                       ratio_interval_cell(&row->speedup, c[4]),
                       percent_cell(row->efficiency.value, c[5]), percent_cell(row->cv, c[6]),
                       ratio_cell(row->tail, c[7]), count_cell(row, c[8]));
    }
}

static void make_configurations(const struct sweep_result *result, struct text_table *table)
{
    text_table_init(table, 8);
    align_right(table);
    table->align[7] = TEXT_LEFT;
    text_table_row(table, "configuration", "median", "p99", "items/s", "memory", "energy", "n",
                   "verdict");
    for (size_t i = 0; i < result->count; i++) {
        const struct sweep_row *row = &result->rows[i];
        char c[6][CELL];
        text_table_row(table, row->name, time_cell(&row->latency_p50, c[0]), tail_cell(row, c[1]),
                       number_cell(row->throughput.value, 3, c[2]), memory_cell(&row->memory, c[3]),
                       energy_cell(&row->energy, c[4]), count_cell(row, c[5]), verdict_cell(row));
    }
}

static int append_table(struct page *page, struct error *err)
{
    struct text_table table;
    if (page->result->kind == SWEEP_BATCHING)
        make_batching(page->result, &table);
    else if (page->result->kind == SWEEP_CORES)
        make_cores(page->result, &table);
    else
        make_configurations(page->result, &table);
    if (page->is_markdown)
        text_table_render_markdown(&table, page->out);
    else
        text_table_render(&table, 2, page->out);
    bool failed = table.failed;
    text_table_deinit(&table);
    return failed ? error_set(err, ERROR_NOMEM, "out of memory") : 0;
}

/* ---- lines -------------------------------------------------------------------------------- */

static struct prose prose_of(const struct page *page)
{
    return (struct prose){.out = page->out,
                          .width = page->is_markdown ? 0 : page->width,
                          .colour = page->options->colour};
}

static void append_wrapped(struct page *page, const char *text, size_t column, size_t indent)
{
    struct prose prose = prose_of(page);
    prose_wrapped(&prose, text, column, indent);
}

/* "  best for latency  batch 1 (4.21 ms)" */
static void append_line(struct page *page, const char *label, const char *text)
{
    if (page->is_markdown) {
        strbuf_printf(page->out, "- %s: ", label);
        append_wrapped(page, text, 0, 0);
        return;
    }
    strbuf_printf(page->out, "  %-*s", LABEL_COLUMNS, label);
    append_wrapped(page, text, LABEL_COLUMNS + 2, LABEL_COLUMNS + 2);
}

static void append_names(const struct page *page, const bool *chosen, struct strbuf *text)
{
    const char *separator = "";
    for (size_t i = 0; i < page->result->count; i++)
        if (chosen[i]) {
            strbuf_printf(text, "%s%s", separator, page->result->rows[i].name);
            separator = ", ";
        }
}

static void append_best(struct page *page, const char *label, const struct sweep_best *best,
                        const char *value, const char *why)
{
    struct strbuf text CLEANUP(strbuf_deinit) = {0};
    bool has_equals = false;
    if (best->row == SWEEP_NONE) {
        strbuf_printf(&text, "- (%s)", why);
    } else {
        strbuf_printf(&text, "%s (%s)", page->result->rows[best->row].name, value);
        for (size_t i = 0; i < page->result->count; i++)
            has_equals = has_equals || best->is_equal[i];
        if (has_equals) {
            strbuf_append(&text, "; its interval overlaps with ");
            append_names(page, best->is_equal, &text);
        }
    }
    append_line(page, label, strbuf_get(&text));
    page->out->failed |= text.failed;
}

static const char *first_why(const struct sweep_result *result)
{
    for (size_t i = 0; i < result->count; i++)
        if (result->rows[i].is_measured && result->rows[i].energy.why[0])
            return result->rows[i].energy.why;
    return "nothing was measured";
}

static void append_bests(struct page *page)
{
    const struct sweep_result *result = page->result;
    char value[CELL] = "", number[CELL];
    if (result->latency.row != SWEEP_NONE)
        time_cell(&result->rows[result->latency.row].latency_p50, value);
    append_best(page, result->kind == SWEEP_CORES ? "fastest" : "best for latency",
                &result->latency, value, "nothing was measured");
    if (result->kind == SWEEP_CORES)
        return;
    if (result->throughput.row != SWEEP_NONE)
        snprintf(value, sizeof(value), "%.30s /s",
                 number_cell(result->rows[result->throughput.row].throughput.value, 3, number));
    append_best(page, "best throughput", &result->throughput, value, "nothing was measured");
    if (result->energy.row != SWEEP_NONE)
        energy_cell(&result->rows[result->energy.row].energy, value);
    append_best(page, "best for energy", &result->energy, value, first_why(result));
}

static void append_front(struct page *page)
{
    struct strbuf text CLEANUP(strbuf_deinit) = {0};
    const char *separator = "";
    for (size_t i = 0; i < page->result->count; i++)
        if (page->result->rows[i].is_on_front) {
            strbuf_printf(&text, "%s%s", separator, page->result->rows[i].name);
            separator = ", ";
        }
    strbuf_append(&text, " (no other is better in median latency and in throughput)");
    append_line(page, "Pareto front", strbuf_get(&text));
    page->out->failed |= text.failed;
}

static void append_knee(struct page *page)
{
    const struct sweep_result *result = page->result;
    append_line(page, "knee",
                result->knee == SWEEP_NONE
                    ? "none: the throughput does not rise and then flatten over these sizes"
                    : result->rows[result->knee].name);
}

static void append_fit(struct page *page)
{
    const struct amdahl *fit = &page->result->fit;
    char text[320], lo[CELL], hi[CELL], share[CELL], most[CELL];
    size_t length;
    if (!page->result->has_fit) {
        append_line(page, "Amdahl's law", "- (two core counts are needed)");
        return;
    }
    length = (size_t)snprintf(text, sizeof(text), "%s of the time does not shrink with cores",
                              percent_cell(fit->serial, share));
    if (fit->has_ci)
        length += (size_t)snprintf(text + length, sizeof(text) - length, " (95 %%: %s … %s)",
                                   percent_cell(fit->serial_ci.lo, lo),
                                   percent_cell(fit->serial_ci.hi, hi));
    if (isfinite(fit->max_speedup))
        length +=
            (size_t)snprintf(text + length, sizeof(text) - length, "; at most %s times as fast",
                             ratio_cell(fit->max_speedup, most));
    snprintf(text + length, sizeof(text) - length,
             "; the times scatter %s around it (root mean square)",
             percent_cell(fit->rms_relative, share));
    append_line(page, "Amdahl's law", text);
}

static bool has_few(const struct sweep_result *result)
{
    for (size_t i = 0; i < result->count; i++)
        if (result->rows[i].is_measured && result->rows[i].latency.quantile_need[SUMMARY_P99] > 0)
            return true;
    return false;
}

/* What the figures rest on. */
static void append_basis(struct page *page)
{
    const struct sweep_result *result = page->result;
    struct strbuf text CLEANUP(strbuf_deinit) = {0};
    if (result->kind == SWEEP_CONFIGURATIONS)
        strbuf_append(&text,
                      "one run each, one after the other, so drift between them is not seen; "
                      "memory: the peak; energy: per item");
    else
        strbuf_printf(&text, "%llu round%s, the configurations in turn and in shuffled order",
                      (unsigned long long)result->rounds, result->rounds == 1 ? "" : "s");
    if (result->kind == SWEEP_CORES && result->base != SWEEP_NONE)
        strbuf_printf(&text, "; speed-up against %s; its 95 %% interval from %s",
                      result->rows[result->base].name,
                      result->rows[result->base].latency.n == result->rows[result->base].time_count
                          ? "resampled launches"
                          : "the rounds (Student's t)");
    if (result->kind == SWEEP_BATCHING)
        strbuf_append(&text, "; 95 % intervals of the mean throughput");
    if (has_few(result) && result->kind != SWEEP_CORES)
        strbuf_append(&text, "; ~ p99 of too few values");
    append_line(page, "rests on", strbuf_get(&text));
    page->out->failed |= text.failed;
}

/* ---- findings ----------------------------------------------------------------------------- */

static void append_finding(struct page *page, const struct finding *finding)
{
    bool is_warning = finding->severity == SEVERITY_WARNING;
    strbuf_printf(page->out, "- %s%s\n", is_warning ? "**warning**: " : "", finding->sentence);
    if (finding->advice[0])
        strbuf_printf(page->out, "  → %s\n", finding->advice);
}

static void append_findings(struct page *page)
{
    const struct sweep_result *result = page->result;
    if (!page->is_markdown) {
        struct prose prose = prose_of(page);
        prose_findings(&prose, result->findings, result->finding_count);
        return;
    }
    if (result->finding_count > 0)
        strbuf_putc(page->out, '\n');
    for (int severity = SEVERITY_WARNING; severity >= SEVERITY_INFO; severity--)
        for (size_t i = 0; i < result->finding_count; i++)
            if ((int)result->findings[i].severity == severity)
                append_finding(page, &result->findings[i]);
}

static void append_runs(struct page *page)
{
    const struct sweep_result *result = page->result;
    if (!page->options->stored_as) {
        strbuf_append(page->out, "\nnot stored\n");
        return;
    }
    strbuf_putc(page->out, '\n');
    for (size_t i = 0; page->options->verbose && i < result->count; i++)
        if (result->rows[i].run)
            strbuf_printf(page->out, "%s  %s\n", result->rows[i].run->id, result->rows[i].name);
    strbuf_printf(page->out, "more: tacho runs list, tacho runs show %s\n",
                  page->options->stored_as);
}

/* ---- the page ----------------------------------------------------------------------------- */

static void append_verdict(struct page *page)
{
    const struct verdict *verdict = &page->result->verdict;
    if (verdict->outcome == OUTCOME_NOT_JUDGED)
        return;
    static const char *const words[] = {
        [OUTCOME_PASS] = "PASS", [OUTCOME_FAIL] = "FAIL", [OUTCOME_UNDECIDED] = "UNDECIDED"};
    enum term_style style = verdict->outcome == OUTCOME_PASS   ? TERM_GREEN
                            : verdict->outcome == OUTCOME_FAIL ? TERM_RED
                                                               : TERM_YELLOW;
    if (page->is_markdown)
        strbuf_printf(page->out, "**%s**", words[verdict->outcome]);
    else
        term_styled(page->out, page->options->colour, style, words[verdict->outcome]);
    strbuf_printf(page->out,
                  "  limits over all configurations: %zu held, %zu broken, %zu undecided\n",
                  verdict->passed, verdict->failed, verdict->undecided);
}

static bool is_synthetic(const struct sweep_result *result)
{
    for (size_t i = 0; i < result->count; i++)
        if (result->rows[i].run && result->rows[i].run->synthetic)
            return true;
    return false;
}

static void append_head(struct page *page, const char *title)
{
    if (is_synthetic(page->result))
        strbuf_printf(page->out, "%s\n%s",
                      "SYNTHETIC: some values are invented; they say nothing about this machine",
                      page->is_markdown ? "\n" : "");
    append_verdict(page);
    if (page->options->quiet)
        return;
    strbuf_append(page->out, page->is_markdown ? "## " : "");
    append_wrapped(page, title, 0, 2);
    if (page->result->is_interrupted)
        strbuf_append(page->out, "interrupted: what was measured until then is shown\n");
    strbuf_putc(page->out, '\n');
}

static int render(struct page *page, const char *title, struct error *err)
{
    append_head(page, title);
    int rc = page->options->quiet ? 0 : append_table(page, err);
    strbuf_append(page->out, page->options->quiet ? "" : "\n");
    append_bests(page);
    if (rc == 0 && !page->options->quiet) {
        if (page->result->kind == SWEEP_BATCHING)
            append_knee(page);
        if (page->result->kind == SWEEP_CORES)
            append_fit(page);
        else
            append_front(page);
        append_basis(page);
        append_findings(page);
        if (!page->is_markdown)
            append_runs(page);
    }
    if (rc == 0 && page->out->failed)
        rc = error_set(err, ERROR_NOMEM, "out of memory");
    return rc;
}

int report_sweep_text(const struct sweep_result *result, const char *title,
                      const struct report_options *options, struct strbuf *out, struct error *err)
{
    struct page page = {.result = result, .options = options, .out = out};
    page.width = options->width < WIDTH_MIN ? WIDTH_MIN : (size_t)options->width;
    return render(&page, title, err);
}

int report_sweep_markdown(const struct sweep_result *result, const char *title, struct strbuf *out,
                          struct error *err)
{
    const struct report_options options = {0};
    struct page page = {.result = result, .options = &options, .out = out, .is_markdown = true};
    return render(&page, title, err);
}
