/* csv_values.c: what the fields of rows hold, column by column: the usual numbers, times and texts
 * at once, the others by a longer way. Rows that cannot be used are taken out before the job sees
 * them.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "format/csv_internal.h"
#include "format/number.h"
#include "format/number_field.h"
#include "format/timestamp.h"

/* ---- the longer ways ---- */

static struct csv_field trimmed(struct csv_field field)
{
    while (field.begin < field.end && (*field.begin == ' ' || *field.begin == '\t'))
        field.begin++;
    while (field.begin < field.end &&
           (field.end[-1] == ' ' || field.end[-1] == '\t' || field.end[-1] == '\r'))
        field.end--;
    return field;
}

static bool is_missing(struct csv_field field)
{
    static const char *const words[] = {"nan", "null", "none", "n/a", "na", "-", "unknown"};
    size_t size = (size_t)(field.end - field.begin);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strlen(words[i]) == size && strncasecmp(words[i], field.begin, size) == 0)
            return true;
    }
    return size == 0;
}

/* 12,5: a point would have been expected. Where three digits follow, it may as well stand between
 * thousands. */
static bool has_comma(struct csv_field field, bool *ret_is_decimal)
{
    size_t commas = 0, digits = 0, behind = 0;
    for (const char *at = field.begin; at < field.end; at++) {
        bool is_sign = at == field.begin && (*at == '-' || *at == '+');
        commas += *at == ',';
        digits += (unsigned)(*at - '0') <= 9;
        behind = *at == ',' ? 0 : behind + 1;
        if (!is_sign && *at != ',' && (unsigned)(*at - '0') > 9)
            return false;
    }
    *ret_is_decimal = commas == 1 && behind != 3;
    return digits >= 2 && (*ret_is_decimal || (commas > 0 && behind == 3));
}

/* What became of a value: OK, SKIP(why), or a negative code. */
#define OK 0
#define SKIP(why) (1 + (why))

static int no_number(const struct csv_scan *scan, size_t want, size_t row, struct csv_field field,
                     struct error *err)
{
    bool is_decimal;
    if (!has_comma(field, &is_decimal))
        return SKIP(SKIP_NOT_A_NUMBER);
    error_set(err, ERROR_INPUT, "%s is %.*s: %s", scan->csv->wants[want].name,
              (int)(field.end - field.begin), field.begin,
              is_decimal ? "a decimal comma" : "a comma between thousands, or a decimal comma");
    error_at(err, source_name(scan->csv->source), (int)scan->lines[row] + 1, 0);
    if (!is_decimal)
        return error_hint(err, "numbers need a decimal point, and nothing between thousands");
    return error_hint(err, "numbers need a decimal point; where the fields are separated by ';': "
                           "sed 's/,/./g' FILE | tacho ... -");
}

/* What the short way does not know: blanks, exponents, words, and what is no number at all. */
static int odd_number(const struct csv_scan *scan, size_t want, size_t row, struct csv_field field,
                      double *ret, struct error *err)
{
    double value;
    if (number_parse(field.begin, field.end, &value) != field.end) {
        field = trimmed(field);
        if (is_missing(field))
            value = NAN;
        else if (number_parse(field.begin, field.end, &value) != field.end)
            return no_number(scan, want, row, field, err);
    }
    *ret = isfinite(value) ? value : NAN;
    if (isfinite(value) || !scan->csv->wants[want].is_required)
        return OK;
    field = trimmed(field);
    return SKIP(field.begin == field.end ? SKIP_EMPTY_VALUE : SKIP_NOT_FINITE);
}

/* NaN: it is none. */
static double any_time(const struct csv *csv, struct csv_field field)
{
    double value;
    struct timestamp time = {.kind = TIMESTAMP_NONE, .s = NAN};
    if (number_parse_field(field.begin, field.end, &value) ||
        number_parse(field.begin, field.end, &value) == field.end)
        time = timestamp_of_number(value);
    else if (timestamp_parse(field.begin, field.end, &time) != (size_t)(field.end - field.begin))
        time.kind = TIMESTAMP_NONE;
    if (time.kind == TIMESTAMP_NONE || !isfinite(time.s))
        return NAN;
    return time.kind == TIMESTAMP_RELATIVE ? time.s * csv->relative_scale : time.s;
}

double csv_time(const struct csv *csv, const struct csv_text *text)
{
    return any_time(csv, trimmed((struct csv_field){text->data, text->data + text->size}));
}

/* What is no plain number of seconds: other units, dates, seconds since the log began. */
static int odd_time(const struct csv_scan *scan, size_t want, struct csv_field field, double *ret)
{
    field = trimmed(field);
    *ret = any_time(scan->csv, field);
    bool may_be_missing = is_missing(field) && !scan->csv->wants[want].is_required;
    return isnan(*ret) && !may_be_missing ? SKIP(SKIP_BAD_TIME) : OK;
}

/* With blanks around it, or none at all. */
static int odd_text(const struct csv_scan *scan, size_t want, struct csv_text *text)
{
    struct csv_field field = trimmed((struct csv_field){text->data, text->data + text->size});
    *text = (struct csv_text){field.begin, (uint32_t)(field.end - field.begin)};
    return text->size == 0 && scan->csv->wants[want].is_required ? SKIP(SKIP_EMPTY_VALUE) : OK;
}

/* A row that cannot be used is marked, with the first reason. Negative: an error. */
static int mark(struct csv_scan *scan, size_t row, int rc)
{
    if (rc <= OK)
        return rc;
    if (scan->why[row] == OK) {
        scan->bad++;
        scan->why[row] = rc;
    }
    return OK;
}

/* ---- a field ---- */

static __attribute__((noinline)) int other_number(struct csv_scan *scan, size_t want, size_t row,
                                                  struct csv_field field, struct error *err)
{
    double *number = &scan->numbers[want * CSV_BATCH + row];
    if (number_parse_field(field.begin, field.end, number))
        return OK;
    return mark(scan, row, odd_number(scan, want, row, field, number, err));
}

static inline __attribute__((always_inline)) int take_number(struct csv_scan *scan, size_t want,
                                                             size_t row, struct csv_field field,
                                                             struct error *err)
{
    if (number_parse_positive(field.begin, field.end, &scan->numbers[want * CSV_BATCH + row]))
        return OK;
    return other_number(scan, want, row, field, err);
}

static inline int take_time(struct csv_scan *scan, size_t want, size_t row, struct csv_field field)
{
    double *number = &scan->numbers[want * CSV_BATCH + row];
    if (number_parse_field(field.begin, field.end, number) && timestamp_is_epoch_s(*number))
        return OK;
    return mark(scan, row, odd_time(scan, want, field, number));
}

static inline int take_text(struct csv_scan *scan, size_t want, size_t row, struct csv_field field)
{
    struct csv_text *text = &scan->texts[want * CSV_BATCH + row];
    *text = (struct csv_text){field.begin, (uint32_t)(field.end - field.begin)};
    if (field.begin < field.end && (unsigned char)field.begin[0] > ' ' &&
        (unsigned char)field.end[-1] > ' ')
        return OK;
    return mark(scan, row, odd_text(scan, want, text));
}

static inline void take_lazily(struct csv_scan *scan, size_t want, size_t row,
                               struct csv_field field)
{
    scan->texts[want * CSV_BATCH + row] =
        (struct csv_text){field.begin, (uint32_t)(field.end - field.begin)};
}

static int take_field(struct csv_scan *scan, size_t want, size_t row, struct csv_field field,
                      struct error *err)
{
    switch (scan->csv->wants[want].kind) {
    case CSV_NUMBER:
        return take_number(scan, want, row, field, err);
    case CSV_TIME:
        return take_time(scan, want, row, field);
    case CSV_TEXT:
        return take_text(scan, want, row, field);
    case CSV_LAZY_TIME:
        take_lazily(scan, want, row, field);
    }
    return OK;
}

/* ---- rows ---- */

/* A row that cannot be used may be a header. */
static int look_at_bad(struct csv_scan *scan, size_t row, struct csv_field line, struct error *err)
{
    enum csv_header header = csv_header_again(scan->csv, line);
    if (header == CSV_OTHER_HEADER)
        return csv_other_header(scan->csv, line, scan->lines[row], err);
    if (header == CSV_SAME_HEADER)
        scan->why[row] = SKIP(SKIP_REPEATED_HEADER);
    return OK;
}

int csv_take_row(struct csv_scan *scan, struct csv_field line, const struct csv_field *fields,
                 struct error *err)
{
    int rc = OK;
    size_t row = scan->rows.count++;
    scan->lines[row] = scan->line;
    for (size_t want = 0; want < scan->csv->want_count && rc == OK; want++) {
        if (scan->csv->column_of[want] >= 0)
            rc = take_field(scan, want, row, fields[want], err);
    }
    if (rc == OK && scan->why[row] != OK)
        rc = look_at_bad(scan, row, line, err);
    return rc == OK && scan->rows.count == CSV_BATCH ? csv_flush(scan, err) : rc;
}

/* The field that ends at *mark; the last one of a line may have a CR behind it. */
static inline struct csv_field field_at(const char *text, const uint32_t *mark, bool is_last)
{
    struct csv_field field = {text + (uint32_t)(mark[-1] + 1), text + mark[0]};
    field.end -= is_last && field.begin < field.end && field.end[-1] == '\r';
    return field;
}

static inline __attribute__((always_inline)) int take_column_of(struct csv_scan *scan, size_t want,
                                                                size_t count, enum csv_kind kind,
                                                                bool is_last, struct error *err)
{
    const char *text = scan->marks.text;
    const uint32_t *mark =
        scan->marks.any + scan->marks.any_at + (size_t)scan->csv->column_of[want];
    size_t stride = scan->csv->column_count, row = scan->rows.count, end = row + count;
    int rc = OK;
    for (; row < end && rc == OK; row++, mark += stride) {
        struct csv_field field = field_at(text, mark, is_last);
        if (kind == CSV_NUMBER)
            rc = take_number(scan, want, row, field, err);
        else if (kind == CSV_TIME)
            rc = take_time(scan, want, row, field);
        else if (kind == CSV_TEXT)
            rc = take_text(scan, want, row, field);
        else
            take_lazily(scan, want, row, field);
    }
    return rc;
}

/* A loop of its own for each kind: it is known where they are compiled. */
static int take_column(struct csv_scan *scan, size_t want, size_t count, struct error *err)
{
    const struct csv *csv = scan->csv;
    bool is_last = (size_t)csv->column_of[want] + 1 == csv->column_count;
    switch (csv->wants[want].kind) {
    case CSV_NUMBER:
        return is_last ? take_column_of(scan, want, count, CSV_NUMBER, true, err)
                       : take_column_of(scan, want, count, CSV_NUMBER, false, err);
    case CSV_TIME:
        return take_column_of(scan, want, count, CSV_TIME, is_last, err);
    case CSV_TEXT:
        return is_last ? take_column_of(scan, want, count, CSV_TEXT, true, err)
                       : take_column_of(scan, want, count, CSV_TEXT, false, err);
    case CSV_LAZY_TIME:
        return is_last ? take_column_of(scan, want, count, CSV_LAZY_TIME, true, err)
                       : take_column_of(scan, want, count, CSV_LAZY_TIME, false, err);
    }
    return OK;
}

static int look_at_all_bad(struct csv_scan *scan, size_t count, struct error *err)
{
    const struct csv_marks *marks = &scan->marks;
    const uint32_t *mark = marks->any + marks->any_at;
    size_t stride = scan->csv->column_count, row = scan->rows.count, end = row + count;
    int rc = OK;
    for (; row < end && rc == OK; row++, mark += stride) {
        struct csv_field line = {marks->text + (uint32_t)(mark[-1] + 1),
                                 marks->text + mark[stride - 1]};
        if (scan->why[row] != OK)
            rc = look_at_bad(scan, row, line, err);
    }
    return rc;
}

int csv_take_rows(struct csv_scan *scan, size_t count, struct error *err)
{
    int rc = OK;
    size_t bad = scan->bad;
    for (size_t i = 0; i < count; i++)
        scan->lines[scan->rows.count + i] = scan->line + (uint32_t)i;
    for (size_t want = 0; want < scan->csv->want_count && rc == OK; want++) {
        if (scan->csv->column_of[want] >= 0)
            rc = take_column(scan, want, count, err);
    }
    if (rc == OK && scan->bad > bad)
        rc = look_at_all_bad(scan, count, err);
    scan->rows.count += count;
    scan->line += (uint32_t)count;
    scan->marks.any_at += count * scan->csv->column_count;
    scan->marks.newline_at += count;
    return rc == OK && scan->rows.count == CSV_BATCH ? csv_flush(scan, err) : rc;
}

/* ---- a batch ---- */

/* Takes the rows out that cannot be used. */
static void leave_out(struct csv_scan *scan)
{
    const struct csv *csv = scan->csv;
    size_t to = 0;
    for (size_t i = 0; i < scan->rows.count; i++) {
        if (scan->why[i] != OK) {
            skips_add(&scan->skips, (enum skip)(scan->why[i] - 1), scan->lines[i]);
            scan->why[i] = OK;
            continue;
        }
        for (size_t want = 0; want < csv->want_count; want++) {
            scan->numbers[want * CSV_BATCH + to] = scan->numbers[want * CSV_BATCH + i];
            scan->texts[want * CSV_BATCH + to] = scan->texts[want * CSV_BATCH + i];
        }
        scan->lines[to++] = scan->lines[i];
    }
    scan->rows.count = to;
}

int csv_flush(struct csv_scan *scan, struct error *err)
{
    int rc = 0;
    if (scan->bad > 0)
        leave_out(scan);
    scan->bad = 0;
    scan->skips.rows += scan->rows.count;
    if (scan->rows.count > 0)
        rc = scan->job->rows(scan->job->context, scan->result, &scan->rows, err);
    scan->rows.count = 0;
    strbuf_clear(&scan->unquoted);
    return rc;
}
