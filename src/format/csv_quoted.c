/* csv_quoted.c: rows of a chunk in which fields are quoted (RFC 4180): separators and newlines
 * within quotes belong to the field, and two quotes are one. A quote that is not the first byte of
 * its field is a byte like any other.
 */
#include <string.h>

#include "format/csv_internal.h"

/* What numbers are read with may look at bytes before them. */
static const char pad[SOURCE_PAD];

/* The text behind a field that begins with a quote; NULL: the quote is open at `end`. */
static const char *behind_quoted(const char *at, const char *end)
{
    const char *quote = at;
    while ((quote = memchr(quote + 1, '"', (size_t)(end - quote - 1))) != NULL) {
        if (quote + 1 == end || quote[1] != '"')
            return quote + 1;
        quote++;
    }
    return NULL;
}

static const char *behind_plain(const char *at, const char *end, char delimiter)
{
    while (at < end && *at != delimiter && *at != '\n')
        at++;
    return at;
}

/* What stands between quotes; doubled ones become one, in memory of the scan's. */
static struct csv_field unquote(struct csv_scan *scan, const char *text, size_t size)
{
    struct csv_field field = {text, text + size};
    if (!memchr(text, '"', size))
        return field;
    if (scan->unquoted.len == 0)
        strbuf_append_n(&scan->unquoted, pad, SOURCE_PAD);
    size_t from = scan->unquoted.len;
    for (const char *at = field.begin; at < field.end; at++) {
        strbuf_putc(&scan->unquoted, *at);
        at += *at == '"' && at + 1 < field.end && at[1] == '"';
    }
    /* The memory may move: as an offset until the row is complete. */
    return (struct csv_field){(const char *)(uintptr_t)from,
                              (const char *)(uintptr_t)scan->unquoted.len};
}

struct row {
    struct csv_field fields[CSV_WANTS_MAX];
    bool is_copy[CSV_WANTS_MAX]; /* its field is an offset into scan->unquoted */
    size_t count;                /* fields, wanted or not */
    bool last_is_empty;
};

static void keep_field(struct csv_scan *scan, struct row *row, const char *begin, const char *end)
{
    const struct csv *csv = scan->csv;
    int want = row->count < csv->column_count ? csv->want_of[row->count] : -1;
    row->count++;
    row->last_is_empty = begin == end;
    if (want < 0)
        return;
    bool is_quoted = end - begin >= 2 && *begin == '"';
    size_t before = scan->unquoted.len;
    struct csv_field field = {begin, end};
    if (is_quoted)
        field = unquote(scan, begin + 1, (size_t)(end - begin) - 2);
    for (; want >= 0; want = csv->next_want[want]) {
        row->fields[want] = field;
        row->is_copy[want] = scan->unquoted.len > before;
    }
}

/* Behind the row that begins at `at`; NULL: a quote is open at the end. */
static const char *read_row(struct csv_scan *scan, const char *at, const char *end, struct row *row)
{
    const char delimiter = scan->csv->delimiter;
    for (;;) {
        const char *begin = at;
        while (begin < end && *begin == ' ')
            begin++;
        if (begin < end && *begin == '"') {
            at = behind_quoted(begin, end);
            if (!at)
                return NULL;
            const char *closed = at;
            at = behind_plain(at, end, delimiter);
            keep_field(scan, row, begin, closed);
        } else {
            at = behind_plain(at, end, delimiter);
            const char *last = at > begin && at[-1] == '\r' ? at - 1 : at;
            keep_field(scan, row, begin, last);
        }
        if (at == end || *at == '\n')
            return at;
        at++;
    }
}

static int use_row(struct csv_scan *scan, struct row *row, struct csv_field line, bool is_cut,
                   struct error *err)
{
    const struct csv *csv = scan->csv;
    int rc = csv_check_fields(scan, line, row->count, row->last_is_empty, is_cut, err);
    if (rc <= 0)
        return rc;
    const char *copies = strbuf_get(&scan->unquoted);
    for (size_t want = 0; want < csv->want_count; want++) {
        if (!row->is_copy[want])
            continue;
        row->fields[want].begin = copies + (uintptr_t)row->fields[want].begin;
        row->fields[want].end = copies + (uintptr_t)row->fields[want].end;
    }
    return csv_take_row(scan, line, row->fields, err);
}

static uint32_t lines_in(const char *from, const char *to)
{
    uint32_t lines = 0;
    for (; from < to; from++)
        lines += *from == '\n';
    return lines;
}

/* One row or line that is none: *at moves behind it. False: its quote is open at the end. */
static bool scan_row(struct csv_scan *scan, const char **at, const char *end, bool is_last,
                     int *ret_rc, struct error *err)
{
    const char *line = *at;
    const char *newline = memchr(line, '\n', (size_t)(end - line));
    const char *line_end = newline ? newline : end;
    if (csv_is_passed_over(scan, line, line_end)) {
        *at = line_end;
        return true;
    }
    struct row row = {.count = 0};
    const char *behind = read_row(scan, line, end, &row);
    if (behind) {
        /* What was copied moves when the batch goes on, so that a batch with copies ends here. */
        bool has_copies = scan->unquoted.len > 0;
        struct csv_field all = {line, behind};
        *ret_rc = use_row(scan, &row, all, behind == end && is_last, err);
        if (*ret_rc == 0 && has_copies)
            *ret_rc = csv_flush(scan, err);
        *at = behind;
        return true;
    }
    if (!is_last && (size_t)(end - line) < SOURCE_LINE_MAX)
        return false;
    skips_add(&scan->skips, SKIP_OPEN_QUOTE, scan->line);
    *at = line_end;
    return true;
}

int csv_scan_quoted(struct csv_scan *scan, const struct chunk *chunk, struct error *err)
{
    const char *at = chunk->text, *end = at + chunk->size;
    int rc = 0;
    if (scan->carry.len > 0) { /* the row that the last chunk ended in, and what follows it */
        strbuf_append_n(&scan->carry, chunk->text, chunk->size);
        if (scan->carry.failed)
            return error_set(err, ERROR_NOMEM, "out of memory");
        at = scan->carry.data + SOURCE_PAD;
        end = scan->carry.data + scan->carry.len;
    }
    while (at < end && rc == 0) {
        const char *begin = at;
        if (!scan_row(scan, &at, end, chunk->is_last, &rc, err))
            break;
        scan->line += lines_in(begin, at < end ? at + 1 : at);
        at += at < end;
    }
    if (rc == 0)
        rc = csv_flush(scan, err);
    struct strbuf rest = {0};
    if (rc == 0 && at < end) {
        strbuf_append_n(&rest, pad, SOURCE_PAD);
        strbuf_append_n(&rest, at, (size_t)(end - at));
    }
    strbuf_deinit(&scan->carry);
    scan->carry = rest;
    if (rest.failed)
        return error_set(err, ERROR_NOMEM, "out of memory");
    return rc;
}
