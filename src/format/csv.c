/* csv.c: the header of a table in text, and reading it on several cores. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "format/csv_internal.h"
#include "format/number.h"
#include "format/timestamp.h"

#define BINARY_MAX (64u << 10) /* a byte 0 is looked for so far; behind it a write was torn */

/* ---- the header ---- */

/* Lines of the part of the file that was looked at. */
struct head {
    const char *at, *end;
    uint64_t line;
};

static bool next_line(struct head *head, struct csv_field *ret)
{
    if (head->at >= head->end)
        return false;
    const char *newline = memchr(head->at, '\n', (size_t)(head->end - head->at));
    ret->begin = head->at;
    ret->end = newline ? newline : head->end;
    head->at = newline ? newline + 1 : head->end;
    head->line++;
    while (ret->end > ret->begin && (ret->end[-1] == '\r' || ret->end[-1] == ' '))
        ret->end--;
    while (ret->begin < ret->end && *ret->begin == ' ')
        ret->begin++;
    return true;
}

static size_t count_byte(struct csv_field text, char byte)
{
    size_t count = 0;
    bool is_quoted = false;
    for (const char *at = text.begin; at < text.end; at++) {
        is_quoted ^= *at == '"';
        count += !is_quoted && *at == byte;
    }
    return count;
}

/* The separator of which there are most; a comma where there is none. */
static char delimiter_of(struct csv_field text)
{
    static const char candidates[] = ",;\t|";
    char best = ',';
    size_t most = 0;
    for (const char *candidate = candidates; *candidate; candidate++) {
        size_t count = count_byte(text, *candidate);
        if (count > most)
            best = *candidate;
        most = count > most ? count : most;
    }
    return best;
}

/* The next field's text, without blanks and quotes; false: there is none. */
static bool next_field(const char **at, const char *end, char delimiter, struct csv_field *ret)
{
    if (*at > end)
        return false;
    const char *stop = *at;
    bool is_quoted = false;
    for (; stop < end && (is_quoted || *stop != delimiter); stop++)
        is_quoted ^= *stop == '"';
    *ret = (struct csv_field){*at, stop};
    *at = stop + 1;
    while (ret->begin < ret->end && strchr(" \t\"'", *ret->begin))
        ret->begin++;
    while (ret->end > ret->begin && strchr(" \t\r\"'", ret->end[-1]))
        ret->end--;
    return true;
}

/* A number or a date, and no name of a column. */
static bool is_value(struct csv_field field)
{
    double value;
    struct timestamp time;
    return number_parse_all(field.begin, field.end, &value) ||
           (timestamp_parse(field.begin, field.end, &time) > 0 && time.kind == TIMESTAMP_DATE);
}

static bool looks_like_data(struct csv_field line, char delimiter)
{
    size_t numbers = 0, names = 0;
    const char *at = line.begin;
    struct csv_field field;
    while (next_field(&at, line.end, delimiter, &field)) {
        if (field.begin == field.end)
            continue;
        bool is_number = is_value(field);
        numbers += is_number;
        names += !is_number;
    }
    return numbers > 0 && numbers >= names;
}

/* Comments before the first row, put together, the marks and newlines left out: a header that is a
 * comment may be broken over two lines. Only the last lines of the comments belong to it: as many
 * as make the number of fields of the first row. */
static bool header_of_comments(struct strbuf *comments, size_t lines, struct csv_field row,
                               char delimiter, struct strbuf *ret)
{
    size_t expected = count_byte(row, delimiter);
    const char *all = strbuf_get(comments);
    for (size_t last = 1; last <= lines && expected > 0; last++) {
        const char *at = all + comments->len;
        for (size_t i = 0; i < last; i++) {
            for (at--; at > all && at[-1] != '\n';)
                at--;
        }
        strbuf_clear(ret);
        for (; *at; at++) {
            if (*at != '\n')
                strbuf_putc(ret, *at);
        }
        struct csv_field text = {strbuf_get(ret), strbuf_get(ret) + ret->len};
        if (count_byte(text, delimiter) == expected)
            return !ret->failed;
    }
    return false;
}

static int no_header(const struct csv *csv, const char *why, struct error *err)
{
    error_set(err, ERROR_INPUT, "%s", why);
    error_at(err, source_name(csv->source), 0, 0);
    return error_hint(err, "a table with a line of column names, separated by commas, semicolons, "
                           "tabs or bars, is expected");
}

/* A comment without its marks, for header_of_comments. */
static void keep_comment(struct strbuf *comments, struct csv_field line)
{
    while (line.begin < line.end && (*line.begin == '#' || *line.begin == ' '))
        line.begin++;
    strbuf_append_n(comments, line.begin, (size_t)(line.end - line.begin));
    strbuf_putc(comments, '\n');
}

/* Finds the header: the first line that is neither blank nor a comment, unless that is data: then
 * the comments before it. */
static int find_header(struct csv *csv, const char *text, size_t size, struct strbuf *ret,
                       struct csv_field *ret_first_row, struct error *err)
{
    struct head head = {text, text + size, 0};
    struct csv_field line;
    struct strbuf comments = {0};
    size_t comment_lines = 0;
    bool found = false;
    while (!found && next_line(&head, &line)) {
        if (line.begin < line.end && *line.begin == '#') {
            keep_comment(&comments, line);
            comment_lines++;
        }
        found = line.begin < line.end && *line.begin != '#';
    }
    int rc = 0;
    *ret_first_row = (struct csv_field){NULL, NULL};
    if (!found) {
        rc = no_header(csv,
                       size == 0             ? "it is empty"
                       : size < SOURCE_CHUNK ? "it holds no header and no rows"
                                             : "its first 256 KiB hold only comments, no header",
                       err);
    } else {
        csv->delimiter = delimiter_of(line);
        if (looks_like_data(line, csv->delimiter)) {
            *ret_first_row = line;
            if (!header_of_comments(&comments, comment_lines, line, csv->delimiter, ret))
                rc = no_header(csv, "it has no header: its first line holds values", err);
        } else {
            strbuf_append_n(ret, line.begin, (size_t)(line.end - line.begin));
            csv->header_line = head.line;
            do {
                if (!next_line(&head, ret_first_row))
                    *ret_first_row = (struct csv_field){NULL, NULL};
            } while (ret_first_row->begin &&
                     (ret_first_row->begin == ret_first_row->end || *ret_first_row->begin == '#'));
        }
    }
    strbuf_deinit(&comments);
    return rc < 0 ? rc : ret->failed ? error_set(err, ERROR_NOMEM, "out of memory") : 0;
}

static int split_header(struct csv *csv, struct error *err)
{
    const char *at = csv->text, *end = at + csv->header_size;
    struct csv_field field;
    csv->text = malloc(csv->header_size + 1);
    csv->names = calloc(CSV_COLUMNS_MAX, sizeof(*csv->names));
    if (!csv->text || !csv->names)
        return error_set(err, ERROR_NOMEM, "out of memory");
    char *to = csv->text;
    while (next_field(&at, end, csv->delimiter, &field)) {
        if (csv->column_count == CSV_COLUMNS_MAX)
            return no_header(csv, "it has more than 1024 columns", err);
        size_t length = (size_t)(field.end - field.begin);
        memcpy(to, field.begin, length);
        to[length] = '\0';
        str_make_printable(to);
        csv->names[csv->column_count++] = to;
        to += length + 1;
    }
    /* A separator at the end of every line is not a column. */
    if (csv->column_count > 1 && csv->names[csv->column_count - 1][0] == '\0')
        csv->column_count--;
    return 0;
}

/* ---- columns ---- */

static int column_named(const struct csv *csv, const char *name)
{
    for (size_t i = 0; i < csv->column_count; i++) {
        if (strcasecmp(csv->names[i], name) == 0)
            return (int)i;
    }
    return -1;
}

static int no_column(const struct csv *csv, const struct csv_want *want, struct error *err)
{
    struct strbuf names = {0};
    size_t shown = csv->column_count < 12 ? csv->column_count : 12;
    for (size_t i = 0; i < shown; i++)
        strbuf_printf(&names, "%s%s", i ? ", " : "", csv->names[i]);
    if (shown < csv->column_count)
        strbuf_printf(&names, " and %zu more", csv->column_count - shown);
    error_set(err, ERROR_INPUT, "no column %s", want->name);
    error_at(err, source_name(csv->source), (int)csv->header_line, 0);
    int near = str_nearest(want->name, (const char *const *)csv->names, csv->column_count);
    int rc = near >= 0 ? error_hint(err, "did you mean %s? there are: %s", csv->names[near],
                                    strbuf_get(&names))
                       : error_hint(err, "there are: %s", strbuf_get(&names));
    strbuf_deinit(&names);
    return rc;
}

static int find_columns(struct csv *csv, struct error *err)
{
    for (size_t i = 0; i < CSV_COLUMNS_MAX; i++)
        csv->want_of[i] = -1;
    for (size_t i = 0; i < csv->want_count; i++) {
        const struct csv_want *want = &csv->wants[i];
        int column = column_named(csv, want->name);
        for (size_t k = 0; column < 0 && want->synonyms && want->synonyms[k]; k++)
            column = column_named(csv, want->synonyms[k]);
        /* What somebody else has, too, goes to those who need it: "--group-by power_w". */
        if (column >= 0 && csv->want_of[column] >= 0 && !want->is_required)
            column = -1;
        if (column < 0 && want->is_required)
            return no_column(csv, want, err);
        csv->column_of[i] = column;
        if (column < 0)
            continue;
        csv->next_want[i] = csv->want_of[column];
        csv->want_of[column] = (int)i;
    }
    return 0;
}

/* ---- headers in mid-file ---- */

static bool is_name(struct csv_field field, const char *name)
{
    size_t size = (size_t)(field.end - field.begin);
    return strlen(name) == size && strncasecmp(name, field.begin, size) == 0;
}

static bool is_column(const struct csv *csv, struct csv_field field)
{
    bool found = false;
    for (size_t i = 0; i < csv->column_count && !found; i++)
        found = is_name(field, csv->names[i]);
    return found;
}

/* One of the file's own, or what somebody would have taken instead. */
static bool may_be_column(const struct csv *csv, struct csv_field field)
{
    bool found = is_column(csv, field);
    for (size_t i = 0; i < csv->want_count && !found; i++) {
        const struct csv_want *want = &csv->wants[i];
        found = is_name(field, want->name);
        for (size_t k = 0; want->synonyms && want->synonyms[k] && !found; k++)
            found = is_name(field, want->synonyms[k]);
    }
    return found;
}

enum csv_header csv_header_again(const struct csv *csv, struct csv_field line)
{
    const char *at = line.begin;
    struct csv_field field;
    size_t count = 0, own = 0, known = 0;
    bool is_same = true;
    for (; next_field(&at, line.end, csv->delimiter, &field); count++) {
        if (count > 0 && at > line.end && field.begin == field.end)
            break; /* a separator at the end */
        if (is_value(field))
            return CSV_NO_HEADER;
        own += is_column(csv, field);
        known += may_be_column(csv, field);
        bool is_wanted = count < csv->column_count && csv->want_of[count] >= 0;
        is_same = is_same && (!is_wanted || is_name(field, csv->names[count]));
    }
    if (2 * own < count && known < count)
        return CSV_NO_HEADER;
    return is_same && count == csv->column_count ? CSV_SAME_HEADER : CSV_OTHER_HEADER;
}

int csv_other_header(const struct csv *csv, struct csv_field line, uint32_t number,
                     struct error *err)
{
    int size = line.end - line.begin < 160 ? (int)(line.end - line.begin) : 160;
    while (size > 0 && (line.begin[size - 1] == '\r' || line.begin[size - 1] == ' '))
        size--;
    error_set(err, ERROR_INPUT, "another header, with other columns: %.*s", size, line.begin);
    error_at(err, source_name(csv->source), (int)number + 1, 0);
    return error_hint(err, "what follows is another table: split the file before this line");
}

/* Relative times are seconds, unless the column's name says otherwise: "t_ms". */
static double scale_of(const char *name)
{
    static const struct {
        const char *suffix;
        double scale;
    } units[] = {{"_ms", 1e-3}, {"(ms)", 1e-3}, {"_us", 1e-6}, {"_ns", 1e-9}, {"_min", 60}};
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (str_ends_with(name, units[i].suffix))
            return units[i].scale;
    }
    return 1;
}

static void look_at_times(struct csv *csv, struct csv_field first_row)
{
    csv->relative_scale = 1;
    for (size_t i = 0; i < csv->want_count; i++) {
        bool is_time = csv->wants[i].kind == CSV_TIME || csv->wants[i].kind == CSV_LAZY_TIME;
        if (!is_time || csv->column_of[i] < 0)
            continue;
        csv->relative_scale = scale_of(csv->names[csv->column_of[i]]);
        const char *at = first_row.begin;
        struct csv_field field;
        bool found = at != NULL;
        for (int column = 0; found && column <= csv->column_of[i]; column++)
            found = next_field(&at, first_row.end, csv->delimiter, &field);
        struct timestamp time;
        csv->is_relative = found && timestamp_parse(field.begin, field.end, &time) > 0 &&
                           time.kind == TIMESTAMP_RELATIVE;
    }
}

/* Two whole lines that are no comments: a header, and what may be a row. */
static bool holds_row(const char *text, size_t size)
{
    struct head head = {text, text + size, 0};
    struct csv_field line;
    size_t count = 0;
    while (count < 2 && next_line(&head, &line))
        count += line.begin < line.end && *line.begin != '#' && head.at[-1] == '\n';
    return count == 2;
}

/* As much of the beginning as is needed; a pipe has only a line at first. */
static const char *read_head(struct csv *csv, size_t *ret_size, struct error *err)
{
    size_t before = 0;
    const char *text = source_head(csv->source, ret_size, err);
    while (text && *ret_size > before && !holds_row(text, *ret_size)) {
        before = *ret_size;
        text = source_head(csv->source, ret_size, err);
    }
    return text;
}

int csv_open(struct source *source, const struct csv_want *wants, size_t want_count,
             struct csv **ret_csv, struct error *err)
{
    struct csv *csv = calloc(1, sizeof(*csv));
    struct strbuf header = {0};
    struct csv_field first_row;
    size_t size = 0;
    if (!csv)
        return error_set(err, ERROR_NOMEM, "out of memory");
    csv->source = source;
    csv->wants = wants;
    csv->want_count = want_count;
    const char *text = read_head(csv, &size, err);
    int rc = text ? 0 : err ? -err->code : -ERROR_IO;
    if (rc == 0 && memchr(text, '\0', u64_min(size, BINARY_MAX)))
        rc = no_header(csv, "it is a binary file, and not a table in text", err);
    if (rc == 0)
        rc = find_header(csv, text, size, &header, &first_row, err);
    if (rc == 0) {
        csv->header = header.data;
        csv->header_size = header.len;
        csv->text = header.data;
        header.data = NULL;
        rc = split_header(csv, err);
    }
    if (rc == 0)
        rc = find_columns(csv, err);
    if (rc < 0) {
        strbuf_deinit(&header);
        csv_close(csv);
        return rc;
    }
    for (const char *first = "\n\r# "; *first; first++)
        csv->is_odd_first[(unsigned char)*first] = true;
    if (csv->header_size > 0)
        csv->is_odd_first[(unsigned char)csv->header[0]] = true;
    look_at_times(csv, first_row);
    *ret_csv = csv;
    return 0;
}

void csv_close(struct csv *csv)
{
    if (!csv)
        return;
    if (csv->text != csv->header)
        free(csv->text);
    free(csv->header);
    free(csv->names);
    free(csv);
}

size_t csv_column_count(const struct csv *csv)
{
    return csv->column_count;
}

const char *csv_column_name(const struct csv *csv, size_t column)
{
    return csv->names[column];
}

uint64_t csv_header_line(const struct csv *csv)
{
    return csv->header_line;
}

int csv_column_of(const struct csv *csv, size_t want)
{
    return csv->column_of[want];
}

bool csv_time_is_relative(const struct csv *csv)
{
    return csv->is_relative;
}

uint64_t csv_lines(const struct csv *csv)
{
    return csv->lines;
}

const struct skips *csv_skips(const struct csv *csv)
{
    return &csv->skips;
}
