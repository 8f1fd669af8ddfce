/* prose.c: sentences on a page. See prose.h. */
#include "report/prose.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/term.h"
#include "base/unit.h"
#include "report/content.h"

#define DIGITS 4

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

/* Whether the number stands in the sentence, rounded to however many digits. */
static bool says(const char *sentence, double number)
{
    char text[40];
    for (int digits = 2; digits <= 6; digits++) {
        unit_format_number(number, digits, text, sizeof(text));
        size_t length = strlen(text);
        for (const char *at = sentence; (at = strstr(at, text)) != NULL; at++) {
            const char *end = at + length;
            bool begins = at == sentence || !strchr("0123456789.-", at[-1]);
            bool ends =
                !isdigit((unsigned char)*end) && !(*end == '.' && isdigit((unsigned char)end[1]));
            if (begins && ends)
                return true;
        }
    }
    return false;
}

void prose_numbers(const struct finding *finding, struct strbuf *out)
{
    char value[40], lo[40], hi[40];
    if (finding->n > 0)
        strbuf_printf(out, "n=%" PRIu64, finding->n);
    if (!finding->has_value || !finding->has_interval ||
        (says(finding->sentence, finding->lo) && says(finding->sentence, finding->hi)))
        return;
    strbuf_printf(out, "%s%s (95 %%: %s to %s)%s%s", finding->n > 0 ? ", " : "",
                  unit_format_number(finding->value, DIGITS, value, sizeof(value)),
                  unit_format_number(finding->lo, DIGITS, lo, sizeof(lo)),
                  unit_format_number(finding->hi, DIGITS, hi, sizeof(hi)),
                  finding->unit[0] ? " " : "", finding->unit);
}

/* "seen in: log.csv:17; n=20": what it rests on. */
static void append_grounds(const struct prose *prose, const struct finding *finding)
{
    struct strbuf text = {0}, numbers = {0};
    prose_numbers(finding, &numbers);
    if (finding->evidence[0])
        strbuf_printf(&text, "seen in: %s%s", finding->evidence, numbers.len > 0 ? "; " : "");
    strbuf_append(&text, strbuf_get(&numbers));
    if (text.len > 0) {
        strbuf_append(prose->out, "      ");
        prose_wrapped(prose, strbuf_get(&text), 6, 6);
    }
    prose->out->failed = prose->out->failed || text.failed || numbers.failed;
    strbuf_deinit(&text);
    strbuf_deinit(&numbers);
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
    if (prose->with_evidence)
        append_grounds(prose, finding);
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
