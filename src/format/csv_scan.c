/* csv_scan.c: rows of a chunk. Where separators and newlines stand is known (csv_marks.h): a row
 * has as many of them as the header, and the last one is a newline. Rows for which that holds are
 * taken many at once; any other line is looked at by itself.
 */
#include <string.h>

#include "base/util.h"
#include "format/csv_internal.h"

bool csv_is_passed_over(struct csv_scan *scan, const char *line, const char *end)
{
    const struct csv *csv = scan->csv;
    while (end > line && (end[-1] == '\r' || end[-1] == ' '))
        end--;
    while (line < end && *line == ' ')
        line++;
    if (line == end) {
        skips_add(&scan->skips, SKIP_BLANK, scan->line);
    } else if (*line == '#') {
        skips_add(&scan->skips, SKIP_COMMENT, scan->line);
    } else if ((size_t)(end - line) == csv->header_size &&
               memcmp(line, csv->header, csv->header_size) == 0) {
        if (scan->line != scan->header_line)
            skips_add(&scan->skips, SKIP_REPEATED_HEADER, scan->line);
    } else {
        return false;
    }
    return true;
}

/* A row of `count` fields, the last one empty perhaps, where the header has none for it. */
int csv_check_fields(struct csv_scan *scan, struct csv_field line, size_t count, bool last_is_empty,
                     bool is_cut, struct error *err)
{
    size_t expected = scan->csv->column_count;
    if (count == expected || (count == expected + 1 && last_is_empty))
        return 1;
    if (!is_cut && csv_header_again(scan->csv, line) == CSV_OTHER_HEADER)
        return csv_other_header(scan->csv, line, scan->line, err);
    skips_add(&scan->skips,
              count > expected ? SKIP_TOO_MANY_FIELDS
              : is_cut         ? SKIP_CUT_OFF
                               : SKIP_TOO_FEW_FIELDS,
              scan->line);
    return 0;
}

static inline bool may_be_passed_over(const struct csv *csv, char first)
{
    return csv->is_odd_first[(unsigned char)first];
}

/* How many rows there are, one behind the other, that have as many fields as the header. */
static size_t regular_rows(const struct csv_scan *scan)
{
    const struct csv *csv = scan->csv;
    const struct csv_marks *marks = &scan->marks;
    const uint32_t *any = marks->any + marks->any_at;
    const uint32_t *newline = marks->newline + marks->newline_at;
    size_t stride = csv->column_count, count = 0;
    size_t max = u64_min(CSV_BATCH - scan->rows.count, marks->newline_count - marks->newline_at);
    max = u64_min(max, (marks->any_count - marks->any_at) / stride);
    for (; count < max; count++, any += stride) {
        uint32_t begin = any[-1] + 1;
        if (any[stride - 1] != newline[count] || may_be_passed_over(csv, marks->text[begin]))
            break;
    }
    return count;
}

/* A line that is no row, or has not as many fields as the header. */
static int odd_line(struct csv_scan *scan, bool is_last, struct error *err)
{
    const struct csv *csv = scan->csv;
    struct csv_marks *marks = &scan->marks;
    const char *line = marks->text + (uint32_t)(marks->any[marks->any_at - 1] + 1);
    const char *at = line, *end, *last;
    struct csv_field fields[CSV_WANTS_MAX];
    size_t count = 0;
    bool is_open = false;
    do {
        if (marks->any_at == marks->any_count)
            csv_marks_more(marks); /* there is one: the end */
        last = at;
        end = marks->text + marks->any[marks->any_at++];
        int want = count < csv->column_count ? csv->want_of[count] : -1;
        for (; want >= 0; want = csv->next_want[want])
            fields[want] = (struct csv_field){at, end};
        at = end + 1;
        count++;
        is_open = end == marks->text + marks->size;
    } while (!is_open && *end != '\n');
    marks->newline_at++;
    int rc = 0;
    if (!may_be_passed_over(csv, *line) || !csv_is_passed_over(scan, line, end)) {
        bool last_is_empty = end == last || (end == last + 1 && *last == '\r');
        struct csv_field all = {line, end};
        rc = csv_check_fields(scan, all, count, last_is_empty, is_open && is_last, err);
        if (rc > 0)
            rc = csv_take_row(scan, all, fields, err);
    }
    scan->line++;
    return rc;
}

int csv_scan_plain(struct csv_scan *scan, const struct chunk *chunk, struct error *err)
{
    struct csv_marks *marks = &scan->marks;
    size_t size = chunk->size;
    if (chunk->is_cut) {
        const char *last = memrchr(chunk->text, '\n', size);
        size = last ? (size_t)(last - chunk->text) + 1 : 0;
    }
    csv_marks_begin(marks, chunk->text, size, scan->csv->delimiter);
    int rc = 0;
    while (rc == 0) {
        bool has_line = marks->newline_at < marks->newline_count || csv_marks_more(marks) ||
                        marks->any_at < marks->any_count;
        if (!has_line)
            break;
        size_t count = regular_rows(scan);
        rc = count > 0 ? csv_take_rows(scan, count, err) : odd_line(scan, chunk->is_last, err);
    }
    if (rc == 0 && size < chunk->size)
        skips_add(&scan->skips, SKIP_TOO_LONG, scan->line++);
    return rc == 0 ? csv_flush(scan, err) : rc;
}
