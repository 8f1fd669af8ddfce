/* prose.c: sentences on a page. See prose.h. */
#include "report/prose.h"

#include <stdio.h>
#include <string.h>

#include "base/term.h"
#include "report/content.h"

size_t prose_words(const struct prose *prose, const char *text, size_t column, size_t indent)
{
    bool is_first = true;
    for (const char *word = text; *word; is_first = false) {
        char buf[512];
        size_t length = strcspn(word, " ");
        snprintf(buf, sizeof(buf), "%.*s", (int)length, word);
        size_t columns = str_width(buf);
        if (!is_first && prose->width > 0 && column + 1 + columns > prose->width) {
            strbuf_putc(prose->out, '\n');
            strbuf_repeat(prose->out, ' ', indent);
            column = indent;
        } else if (!is_first) {
            strbuf_putc(prose->out, ' ');
            column++;
        }
        strbuf_append(prose->out, buf);
        column += columns;
        word += length;
        word += strspn(word, " ");
    }
    return column;
}

void prose_wrapped(const struct prose *prose, const char *text, size_t column, size_t indent)
{
    prose_words(prose, text, column, indent);
    strbuf_putc(prose->out, '\n');
}

static void append_finding(const struct prose *prose, const struct finding *finding)
{
    bool is_warning = finding->severity == SEVERITY_WARNING;
    strbuf_append(prose->out, "  ");
    term_styled(prose->out, prose->colour, is_warning ? TERM_YELLOW : TERM_DIM,
                is_warning ? "!" : "i");
    strbuf_putc(prose->out, ' ');
    prose_wrapped(prose, finding->sentence, 4, 4);
    if (finding->advice[0]) {
        strbuf_append(prose->out, "    → ");
        prose_wrapped(prose, finding->advice, 6, 6);
    }
    if (prose->with_evidence && finding->evidence[0]) {
        strbuf_append(prose->out, "      seen in: ");
        prose_wrapped(prose, finding->evidence, 15, 6);
    }
}

/* How many of this rule and severity stand before it. */
static size_t alike_before(const struct finding *findings, size_t index)
{
    size_t count = 0;
    for (size_t i = 0; i < index; i++)
        count += findings[i].severity == findings[index].severity &&
                 strcmp(findings[i].rule, findings[index].rule) == 0;
    return count;
}

size_t prose_findings(const struct prose *prose, const struct finding *findings, size_t count)
{
    size_t shown = 0, left_out = 0;
    for (int severity = SEVERITY_WARNING; severity >= SEVERITY_INFO; severity--)
        for (size_t i = 0; i < count; i++) {
            if (content_is_limit(&findings[i]) || (int)findings[i].severity != severity)
                continue;
            if (prose->most_alike > 0 && alike_before(findings, i) >= prose->most_alike) {
                left_out++;
                continue;
            }
            if (shown++ == 0 && prose->out->len > 0)
                strbuf_putc(prose->out, '\n');
            append_finding(prose, &findings[i]);
        }
    if (left_out > 0)
        strbuf_printf(prose->out, "    … and %zu more like these (--verbose shows all)\n",
                      left_out);
    return shown;
}
