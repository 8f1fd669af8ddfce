/* text.c: one screen about a run: verdict first, then limits, the main distribution, resources,
 * findings with advice, and what to do next.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text_table.h"
#include "base/unit.h"
#include "base/util.h"
#include "report/content.h"
#include "report/prose.h"

#define LABEL_COLUMNS 12
#define WIDTH_MIN 40
#define SPARKLINE_MAX 60

struct screen {
    const struct content *content;
    const struct report_options *options;
    struct strbuf *out;
    size_t width;
};

static void blank_line(struct screen *screen)
{
    strbuf_putc(screen->out, '\n');
}

/* Appends text cut to `columns`, with an ellipsis when something is missing. */
static void append_cut(struct strbuf *out, const char *text, size_t columns)
{
    char buf[1024];
    str_copy(buf, sizeof(buf), text);
    size_t length = strlen(buf);
    if (str_width(buf) > columns) {
        while (length > 0 && str_width(buf) > columns - 1) {
            do
                length--;
            while (length > 0 && ((unsigned char)buf[length] & 0xc0) == 0x80);
            buf[length] = '\0';
        }
        strbuf_append(out, buf);
        strbuf_append(out, "…");
        return;
    }
    strbuf_append(out, buf);
}

static struct prose prose_of(const struct screen *screen)
{
    return (struct prose){.out = screen->out,
                          .width = screen->width,
                          .colour = screen->options->colour,
                          .with_evidence = screen->options->verbose};
}

static size_t append_words(struct screen *screen, const char *text, size_t column, size_t indent)
{
    struct prose prose = prose_of(screen);
    return prose_words(&prose, text, column, indent);
}

static void append_wrapped(struct screen *screen, const char *text, size_t column, size_t indent)
{
    append_words(screen, text, column, indent);
    blank_line(screen);
}

/* "  label     item   item", wrapped between items. */
static void append_line(struct screen *screen, const struct content_line *line)
{
    size_t indent = LABEL_COLUMNS + 2, label = str_width(line->label), column = indent;
    strbuf_append(screen->out, "  ");
    strbuf_append(screen->out, line->label);
    strbuf_repeat(screen->out, ' ', label < LABEL_COLUMNS ? LABEL_COLUMNS - label : 1);
    if (label >= LABEL_COLUMNS)
        column = 2 + label + 1;
    for (size_t i = 0; i < line->count; i++) {
        size_t columns = str_width(line->items[i]);
        if (i > 0 && column + 3 + columns > screen->width) {
            blank_line(screen);
            strbuf_repeat(screen->out, ' ', indent);
            column = indent;
        } else if (i > 0) {
            strbuf_append(screen->out, "   ");
            column += 3;
        }
        column = append_words(screen, line->items[i], column, indent);
    }
    blank_line(screen);
}

/* ---- head ---- */

static void append_verdict(struct screen *screen)
{
    const struct content *content = screen->content;
    bool colour = screen->options->colour;
    if (content->run->synthetic) {
        term_styled(screen->out, colour, TERM_YELLOW,
                    "SYNTHETIC: these values are invented; they say nothing about this machine");
        blank_line(screen);
    }
    term_styled(screen->out, colour, content->style, content->word);
    bool is_judged = content->run->verdict.outcome != OUTCOME_NOT_JUDGED;
    strbuf_append(screen->out, is_judged ? "  " : ": ");
    append_wrapped(screen, content->why, strlen(content->word) + 2, 2);
}

static void append_head(struct screen *screen)
{
    const struct content *content = screen->content;
    if (content->label[0]) {
        append_cut(screen->out, content->label, screen->width);
        blank_line(screen);
    }
    if (content->subject[0]) {
        append_cut(screen->out, content->subject, screen->width);
        blank_line(screen);
    }
    if (content->detail[0])
        append_wrapped(screen, content->detail, 0, 2);
    append_wrapped(screen, content->counts, 0, 2);
    if (content->trouble[0]) {
        struct strbuf text = {0};
        struct screen inner = *screen;
        inner.out = &text;
        append_wrapped(&inner, content->trouble, 0, 2);
        term_styled(screen->out, screen->options->colour, TERM_RED, strbuf_get(&text));
        screen->out->failed |= text.failed;
        strbuf_deinit(&text);
    }
}

/* ---- limits ---- */

static enum term_style outcome_style(enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_PASS:
        return TERM_GREEN;
    case OUTCOME_FAIL:
        return TERM_RED;
    case OUTCOME_UNDECIDED:
        return TERM_YELLOW;
    default:
        return TERM_DIM;
    }
}

static const char *limit_text(const struct finding *finding, char *buf, size_t size)
{
    const char *bound = content_limit_bound(finding);
    bool is_named = finding->limit_name[0] && strcmp(finding->limit_name, bound) != 0 &&
                    !strpbrk(finding->limit_name, "<>");
    snprintf(buf, size, "%s%s%s", is_named ? finding->limit_name : "", is_named ? ": " : "", bound);
    return buf;
}

static void append_limits(struct screen *screen)
{
    const struct run *run = screen->content->run;
    size_t width = 0, value_width = 0;
    char text[208], value[72];
    for (size_t i = 0; i < run->finding_count; i++)
        if (content_is_limit(&run->findings[i])) {
            width = u64_max(width, str_width(limit_text(&run->findings[i], text, sizeof(text))));
            content_limit_value(&run->findings[i], value, sizeof(value));
            value_width = u64_max(value_width, str_width(value));
        }
    for (size_t i = 0; i < run->finding_count; i++) {
        const struct finding *finding = &run->findings[i];
        if (!content_is_limit(finding))
            continue;
        const char *word = outcome_name(finding->outcome);
        strbuf_append(screen->out, "  ");
        term_styled(screen->out, screen->options->colour, outcome_style(finding->outcome), word);
        strbuf_repeat(screen->out, ' ', LABEL_COLUMNS - strlen(word));
        limit_text(finding, text, sizeof(text));
        strbuf_append(screen->out, text);
        if (finding->has_value) {
            strbuf_repeat(screen->out, ' ', width - str_width(text));
            content_limit_value(finding, value, sizeof(value));
            strbuf_printf(screen->out, "   %s", value);
            strbuf_repeat(screen->out, ' ', value_width - str_width(value));
            strbuf_printf(screen->out, "   n %llu", (unsigned long long)finding->n);
        }
        blank_line(screen);
        if (finding->outcome == OUTCOME_FAIL || finding->outcome == OUTCOME_UNDECIDED ||
            screen->options->verbose) {
            strbuf_repeat(screen->out, ' ', LABEL_COLUMNS + 2);
            append_wrapped(screen, finding->sentence, LABEL_COLUMNS + 2, LABEL_COLUMNS + 2);
        }
    }
}

/* ---- the main distribution ---- */

static int append_sparkline(struct screen *screen, struct error *err)
{
    const struct content *content = screen->content;
    CLEANUP_FREE double *values = NULL;
    size_t count = 0;
    if (!content->main.series || content->main.n < 2)
        return 0;
    int rc =
        run_collect(content->run, content->main.series, PHASE_STEADY, &values, NULL, &count, err);
    if (rc < 0 || count < 2)
        return rc;
    size_t room = screen->width - LABEL_COLUMNS - 2;
    size_t width = u64_min(u64_min(count, room), SPARKLINE_MAX);
    static const char note[] = "in order";
    strbuf_repeat(screen->out, ' ', LABEL_COLUMNS + 2);
    text_sparkline(values, count, width, screen->out);
    if (width + 3 + strlen(note) <= room)
        strbuf_printf(screen->out, "   %s", note);
    size_t column = width + 3 + strlen(note);
    if (content->few[0] && column + 3 + strlen(content->few) <= room) {
        strbuf_printf(screen->out, "   %s", content->few);
    } else if (content->few[0]) {
        blank_line(screen);
        strbuf_repeat(screen->out, ' ', LABEL_COLUMNS + 2);
        append_wrapped(screen, content->few, LABEL_COLUMNS + 2, LABEL_COLUMNS + 2);
        return 0;
    }
    blank_line(screen);
    return 0;
}

static void append_alone(struct screen *screen)
{
    if (!screen->content->alone)
        return;
    strbuf_repeat(screen->out, ' ', LABEL_COLUMNS + 2);
    append_wrapped(screen, screen->content->alone, LABEL_COLUMNS + 2, LABEL_COLUMNS + 2);
}

static void append_heading(struct screen *screen, const char *text)
{
    term_styled(screen->out, screen->options->colour, TERM_DIM, text);
    blank_line(screen);
}

static void append_lines(struct screen *screen)
{
    const struct content *content = screen->content;
    for (size_t i = 0; i < content->line_count; i++) {
        if (i == content->cost_line && content->main.n > 0)
            append_heading(screen, content->cost_heading);
        if (i == content->node_line)
            append_heading(screen, content->node_heading);
        append_line(screen, &content->lines[i]);
    }
}

/* ---- findings ---- */

static void append_findings(struct screen *screen)
{
    const struct run *run = screen->content->run;
    struct prose prose = prose_of(screen);
    prose_findings(&prose, run->findings, run->finding_count);
}

/* ---- what to do next ---- */

static uint64_t most_needed(const struct run *run)
{
    uint64_t needed = 0;
    for (size_t i = 0; i < run->finding_count; i++)
        if (run->findings[i].outcome == OUTCOME_UNDECIDED)
            needed = u64_max(needed, run->findings[i].n_needed);
    return needed;
}

static void append_kept(struct screen *screen, const char *path)
{
    strbuf_append(screen->out, "kept in ");
    strbuf_append(screen->out, path);
    strbuf_append(screen->out, "\n  (tacho runs import brings it into a store)\n");
}

static void append_next(struct screen *screen)
{
    const struct content *content = screen->content;
    const char *stored = screen->options->stored_as;
    bool is_stored = stored && strcmp(stored, content->run->id) == 0;
    uint64_t needed = most_needed(content->run), wanted = content->main.n + needed;
    blank_line(screen);
    if (needed > 0)
        strbuf_printf(screen->out, "next: %llu more %s would decide: -n %llu\n",
                      (unsigned long long)needed, content->unit_names, (unsigned long long)wanted);
    else if (content->run->verdict.outcome == OUTCOME_NOT_JUDGED && content->main.n > 0)
        strbuf_printf(screen->out, "next: judge it with --limit 'p95(%s)<=%.3g'\n",
                      content->main.series->series.metric->name,
                      content->main.quantile[SUMMARY_P95] * 1.1);
    if (is_stored)
        strbuf_printf(screen->out, "more: tacho runs show %s%s\n", stored,
                      screen->options->verbose ? " --format markdown" : " -v");
    else if (stored)
        append_kept(screen, stored);
    else
        strbuf_append(screen->out, "not stored\n");
}

/* ---- --verbose: every metric ---- */

static int append_metrics(struct screen *screen, struct error *err)
{
    struct text_table table;
    int rc = content_metrics_table(screen->content->run, &table, err);
    blank_line(screen);
    text_table_render(&table, 2, screen->out);
    text_table_deinit(&table);
    return rc;
}

static void append_own_cost(struct screen *screen)
{
    const struct run *run = screen->content->run;
    char cost[32];
    if (run->own_cpu_ns == 0 || run->end_ns <= 0)
        return;
    unit_format_ns((double)run->own_cpu_ns, cost, sizeof(cost));
    strbuf_printf(screen->out, "\ntacho's own cost: %s of CPU time, %.2g %% of one core\n", cost,
                  100.0 * (double)run->own_cpu_ns / (double)run->end_ns);
}

static void append_facts(struct screen *screen)
{
    const struct facts *environment = &screen->content->run->environment;
    if (environment->count)
        blank_line(screen);
    facts_foreach (environment, fact) {
        char number[48];
        if (fact->kind != FACT_TEXT && fact->kind != FACT_NUMBER && fact->kind != FACT_INTEGER)
            continue;
        strbuf_printf(screen->out, "  %-22s ", fact->key);
        if (fact->kind == FACT_TEXT)
            append_cut(screen->out, fact->text, screen->width - 25);
        else if (fact->kind == FACT_NUMBER)
            strbuf_append(screen->out, unit_format_number(fact->number, 6, number, sizeof(number)));
        else
            strbuf_printf(screen->out, "%lld", (long long)fact->integer);
        blank_line(screen);
    }
}

int report_text(const struct run *run, const struct report_options *options, struct strbuf *out,
                struct error *err)
{
    CLEANUP_FREE struct content *content = malloc(sizeof(*content));
    if (!content)
        return error_set(err, ERROR_NOMEM, "out of memory");
    int rc = content_make(run, content, err);
    if (rc < 0)
        return rc;
    struct screen screen = {.content = content, .options = options, .out = out};
    screen.width = options->width < WIDTH_MIN ? WIDTH_MIN : (size_t)options->width;
    append_verdict(&screen);
    if (options->quiet)
        return out->failed ? error_set(err, ERROR_NOMEM, "out of memory") : 0;
    append_limits(&screen);
    blank_line(&screen);
    append_head(&screen);
    if (!content->is_imported)
        blank_line(&screen);
    if (content->distribution[0].count)
        append_line(&screen, &content->distribution[0]);
    if (content->distribution[1].count)
        append_line(&screen, &content->distribution[1]);
    rc = content->is_imported ? append_metrics(&screen, err) : append_sparkline(&screen, err);
    append_alone(&screen);
    append_lines(&screen);
    append_findings(&screen);
    if (rc == 0 && options->verbose) {
        rc = content->is_imported ? 0 : append_metrics(&screen, err);
        append_facts(&screen);
        append_own_cost(&screen);
    }
    append_next(&screen);
    if (rc == 0 && out->failed)
        rc = error_set(err, ERROR_NOMEM, "out of memory");
    return rc;
}
