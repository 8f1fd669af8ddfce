/* markdown.c: a run as GitHub Markdown, for pull requests and notes: the same content as the text.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/text_table.h"
#include "base/util.h"
#include "report/content.h"

/* The subject as inline code: the fence is longer than any run of backquotes inside. */
static void append_code(struct strbuf *out, const char *text)
{
    size_t longest = 0, run = 0;
    for (const char *c = text; *c; c++) {
        run = *c == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    strbuf_repeat(out, '`', longest + 1);
    strbuf_printf(out, longest ? " %s " : "%s", text);
    strbuf_repeat(out, '`', longest + 1);
}

/* Text from outside must not become markup. */
static void append_plain(struct strbuf *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        if (strchr("\\`*_[]<>|", *c))
            strbuf_putc(out, '\\');
        strbuf_putc(out, *c);
    }
}

static void append_head(const struct content *content, struct strbuf *out)
{
    strbuf_printf(out, "## %s: ", content->word);
    append_plain(out, content->why);
    strbuf_append(out, "\n\n");
    if (content->run->synthetic)
        strbuf_append(out, "> **SYNTHETIC**: these values are invented; they say nothing about "
                           "this machine.\n\n");
    if (content->label[0]) {
        append_plain(out, content->label);
        strbuf_append(out, ": ");
    }
    if (content->subject[0]) {
        append_code(out, content->subject);
        strbuf_append(out, "\n\n");
    }
    if (content->detail[0]) {
        append_plain(out, content->detail);
        strbuf_append(out, "\n\n");
    }
    append_plain(out, content->counts);
    strbuf_append(out, "\n");
    if (content->trouble[0]) {
        strbuf_append(out, "\n> **");
        append_plain(out, content->trouble);
        strbuf_append(out, "**\n");
    }
}

static bool has_limits(const struct run *run)
{
    for (size_t i = 0; i < run->finding_count; i++)
        if (content_is_limit(&run->findings[i]))
            return true;
    return false;
}

static int append_limits(const struct run *run, struct strbuf *out, struct error *err)
{
    if (!has_limits(run))
        return 0;
    struct text_table table;
    text_table_init(&table, 5);
    text_table_row(&table, "limit", "outcome", "value", "n", "why");
    for (size_t i = 0; i < run->finding_count; i++) {
        const struct finding *finding = &run->findings[i];
        if (!content_is_limit(finding))
            continue;
        char value[72], n[24];
        content_limit_value(finding, value, sizeof(value));
        snprintf(n, sizeof(n), "%llu", (unsigned long long)finding->n);
        text_table_row(&table, content_limit_bound(finding), outcome_name(finding->outcome), value,
                       n, finding->sentence);
    }
    strbuf_append(out, "\n### Limits\n\n");
    text_table_render_markdown(&table, out);
    bool failed = table.failed;
    text_table_deinit(&table);
    return failed ? error_set(err, ERROR_NOMEM, "out of memory") : 0;
}

static void add_lines(struct text_table *table, const struct content_line *line)
{
    char joined[sizeof(line->items) + CONTENT_ITEMS_MAX * 3];
    size_t used = 0;
    joined[0] = '\0';
    for (size_t i = 0; i < line->count; i++)
        used += (size_t)snprintf(joined + used, sizeof(joined) - used, "%s%s", i ? " · " : "",
                                 line->items[i]);
    if (line->count)
        text_table_row(table, line->label, joined);
}

static int append_lines(const struct content *content, struct strbuf *out, struct error *err)
{
    struct text_table table;
    text_table_init(&table, 2);
    text_table_row(&table, "what", "value");
    add_lines(&table, &content->distribution[0]);
    add_lines(&table, &content->distribution[1]);
    for (size_t i = 0; i < content->node_line; i++)
        add_lines(&table, &content->lines[i]);
    strbuf_putc(out, '\n');
    text_table_render_markdown(&table, out);
    if (content->few[0])
        strbuf_printf(out, "\n%s\n", content->few);
    if (content->alone)
        strbuf_printf(out, "\n%s\n", content->alone);
    bool failed = table.failed;
    text_table_deinit(&table);
    return failed ? error_set(err, ERROR_NOMEM, "out of memory") : 0;
}

/* The slowest nodes of a model: their share, and the rest in one cell. */
static int append_nodes(const struct content *content, struct strbuf *out, struct error *err)
{
    if (content->node_line == content->line_count)
        return 0;
    struct text_table table;
    text_table_init(&table, 2);
    text_table_row(&table, "share", "node");
    for (size_t i = content->node_line; i < content->line_count; i++)
        add_lines(&table, &content->lines[i]);
    strbuf_printf(out, "\n### %c%s\n\n", toupper((unsigned char)content->node_heading[0]),
                  content->node_heading + 1);
    text_table_render_markdown(&table, out);
    bool failed = table.failed;
    text_table_deinit(&table);
    return failed ? error_set(err, ERROR_NOMEM, "out of memory") : 0;
}

static void append_findings(const struct run *run, struct strbuf *out)
{
    bool is_first = true;
    for (size_t i = 0; i < run->finding_count; i++) {
        const struct finding *finding = &run->findings[i];
        if (content_is_limit(finding))
            continue;
        strbuf_append(out, is_first ? "\n### Findings\n\n" : "");
        is_first = false;
        strbuf_printf(out, "- **%s**: ", severity_name(finding->severity));
        append_plain(out, finding->sentence);
        if (finding->advice[0]) {
            strbuf_append(out, " → ");
            append_plain(out, finding->advice);
        }
        strbuf_putc(out, '\n');
    }
}

static int append_metrics(const struct run *run, struct strbuf *out, struct error *err)
{
    if (run->series_count == 0)
        return 0;
    struct text_table table;
    int rc = content_metrics_table(run, &table, err);
    strbuf_append(out, "\n<details><summary>Every metric</summary>\n\n");
    text_table_render_markdown(&table, out);
    strbuf_append(out, "\n</details>\n");
    text_table_deinit(&table);
    return rc;
}

int report_markdown(const struct run *run, struct strbuf *out, struct error *err)
{
    CLEANUP_FREE struct content *content = malloc(sizeof(*content));
    if (!content)
        return error_set(err, ERROR_NOMEM, "out of memory");
    int rc = content_make(run, content, err);
    if (rc < 0)
        return rc;
    append_head(content, out);
    rc = append_limits(run, out, err);
    if (rc == 0)
        rc = append_lines(content, out, err);
    if (rc == 0)
        rc = append_nodes(content, out, err);
    append_findings(run, out);
    if (rc == 0)
        rc = append_metrics(run, out, err);
    if (rc == 0 && out->failed)
        rc = error_set(err, ERROR_NOMEM, "out of memory");
    return rc;
}
