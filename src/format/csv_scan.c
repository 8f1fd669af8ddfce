/* csv_scan.c: rows of a chunk. Separators and newlines are found 64 bytes at a time, as bits of two
 * masks; only wanted fields are looked at, and of the rest the separators are counted.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#include "base/util.h"
#include "format/csv_internal.h"
#include "format/number.h"
#include "format/number_field.h"
#include "format/timestamp.h"

#define BLOCK 64

/* ---- masks ---- */

struct marks {
    const char *block, *end; /* end of the chunk: a last line without newline ends there, too */
    uint64_t any, newline;   /* what is left of the block */
    char delimiter;
};

static inline void masks_of(const char *block, char delimiter, uint64_t *ret_any,
                            uint64_t *ret_newline)
{
    uint64_t separators = 0, newlines = 0;
#if defined(__SSE2__)
    __m128i separator = _mm_set1_epi8(delimiter), newline = _mm_set1_epi8('\n');
    for (int i = 0; i < BLOCK / 16; i++) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(block + 16 * i));
        uint64_t s = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, separator));
        uint64_t n = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, newline));
        separators |= s << (16 * i);
        newlines |= n << (16 * i);
    }
#elif defined(__ARM_NEON) && defined(__aarch64__)
    static const uint8_t weights[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t weight = vld1q_u8(weights);
    uint8x16_t separator = vdupq_n_u8((uint8_t)delimiter), newline = vdupq_n_u8('\n');
    uint8x16_t s[4], n[4];
    for (int i = 0; i < BLOCK / 16; i++) {
        uint8x16_t bytes = vld1q_u8((const uint8_t *)block + 16 * i);
        s[i] = vandq_u8(vceqq_u8(bytes, separator), weight);
        n[i] = vandq_u8(vceqq_u8(bytes, newline), weight);
    }
    uint8x16_t both = vpaddq_u8(vpaddq_u8(s[0], s[1]), vpaddq_u8(s[2], s[3]));
    separators = vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(both, both)), 0);
    both = vpaddq_u8(vpaddq_u8(n[0], n[1]), vpaddq_u8(n[2], n[3]));
    newlines = vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(both, both)), 0);
#else
    for (int i = 0; i < BLOCK; i++) {
        separators |= (uint64_t)(block[i] == delimiter) << i;
        newlines |= (uint64_t)(block[i] == '\n') << i;
    }
#endif
    *ret_any = separators | newlines;
    *ret_newline = newlines;
}

static void load(struct marks *marks)
{
    size_t left = (size_t)(marks->end - marks->block);
    if (left >= BLOCK) {
        masks_of(marks->block, marks->delimiter, &marks->any, &marks->newline);
        return;
    }
    /* The rest of the chunk, without reading behind it; its end is a newline, if none stands there.
     */
    char rest[BLOCK] = {0};
    memcpy(rest, marks->block, left);
    masks_of(rest, marks->delimiter, &marks->any, &marks->newline);
    uint64_t inside = left > 0 ? ~(uint64_t)0 >> (BLOCK - left) : 0;
    marks->any = (marks->any & inside) | (uint64_t)1 << left;
    marks->newline = (marks->newline & inside) | (uint64_t)1 << left;
}

static inline void refill(struct marks *marks)
{
    while (marks->any == 0) {
        marks->block += BLOCK;
        load(marks);
    }
}

/* The next separator or newline. There is always one: the end of the chunk. */
static inline const char *next_mark(struct marks *marks, bool *ret_is_newline)
{
    refill(marks);
    int bit = __builtin_ctzll(marks->any);
    *ret_is_newline = marks->newline >> bit & 1;
    marks->any &= marks->any - 1;
    return marks->block + bit;
}

/* Few bits are set, and not every processor that tacho runs on can count them. */
static inline size_t count_bits(uint64_t bits)
{
    size_t count = 0;
    for (; bits; bits &= bits - 1)
        count++;
    return count;
}

/* The next newline; *separators grows by those that stand before it. */
static inline const char *next_newline(struct marks *marks, size_t *separators)
{
    uint64_t newlines;
    refill(marks);
    while ((newlines = marks->newline & marks->any) == 0) {
        *separators += count_bits(marks->any);
        marks->any = 0;
        refill(marks);
    }
    uint64_t upto = newlines ^ (newlines - 1); /* all bits up to the newline, itself too */
    *separators += count_bits(marks->any & upto) - 1;
    marks->any &= ~upto;
    return marks->block + __builtin_ctzll(newlines);
}

/* ---- values ---- */

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

/* 12,5: a point would have been expected. */
static bool has_decimal_comma(struct csv_field field)
{
    size_t commas = 0, digits = 0;
    for (const char *at = field.begin; at < field.end; at++) {
        bool is_sign = at == field.begin && (*at == '-' || *at == '+');
        commas += *at == ',';
        digits += (unsigned)(*at - '0') <= 9;
        if (!is_sign && *at != ',' && (unsigned)(*at - '0') > 9)
            return false;
    }
    return commas == 1 && digits >= 2;
}

/* What became of a value: OK, SKIP(why), or a negative code. */
#define OK 0
#define SKIP(why) (1 + (why))

static int no_number(const struct csv_scan *scan, size_t want, struct csv_field field,
                     struct error *err)
{
    if (!has_decimal_comma(field))
        return SKIP(SKIP_NOT_A_NUMBER);
    error_set(err, ERROR_INPUT, "%s is %.*s: a decimal comma", scan->csv->wants[want].name,
              (int)(field.end - field.begin), field.begin);
    error_at(err, source_name(scan->csv->source), 0, 0);
    return error_hint(err, "numbers need a decimal point; where the fields are separated by ';': "
                           "sed 's/,/./g' FILE | tacho ... -");
}

/* What the short way does not know: blanks, exponents, words, and what is no number at all. */
static int odd_number(const struct csv_scan *scan, size_t want, struct csv_field field, double *ret,
                      struct error *err)
{
    double value;
    if (number_parse(field.begin, field.end, &value) != field.end) {
        field = trimmed(field);
        if (is_missing(field))
            value = NAN;
        else if (number_parse(field.begin, field.end, &value) != field.end)
            return no_number(scan, want, field, err);
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
    if (number_parse(field.begin, field.end, &value) == field.end)
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

static struct csv_field field_of(const struct csv_text *text)
{
    return (struct csv_field){text->data, text->data + text->size};
}

/* With blanks around it, or none at all. */
static int odd_text(const struct csv_scan *scan, size_t want, struct csv_text *text)
{
    struct csv_field field = trimmed(field_of(text));
    *text = (struct csv_text){field.begin, (uint32_t)(field.end - field.begin)};
    return text->size == 0 && scan->csv->wants[want].is_required ? SKIP(SKIP_EMPTY_VALUE) : OK;
}

/* ---- a batch ---- */

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

/* The values of one column: the usual ones at once, the others by a longer way. */
static int numbers_of(struct csv_scan *scan, size_t want, struct error *err)
{
    const struct csv_text *fields = scan->fields + want * CSV_BATCH;
    double *numbers = scan->numbers + want * CSV_BATCH;
    int rc = OK;
    for (size_t i = 0; i < scan->rows.count && rc == OK; i++) {
        const char *begin = fields[i].data, *end = begin + fields[i].size;
        if (!number_parse_field(begin, end, scan->floor, &numbers[i]))
            rc = mark(scan, i, odd_number(scan, want, field_of(&fields[i]), &numbers[i], err));
    }
    return rc;
}

static int times_of(struct csv_scan *scan, size_t want)
{
    const struct csv_text *fields = scan->fields + want * CSV_BATCH;
    double *numbers = scan->numbers + want * CSV_BATCH;
    int rc = OK;
    for (size_t i = 0; i < scan->rows.count && rc == OK; i++) {
        const char *begin = fields[i].data, *end = begin + fields[i].size;
        bool is_number = number_parse_field(begin, end, scan->floor, &numbers[i]);
        if (!is_number || !timestamp_is_epoch_s(numbers[i]))
            rc = mark(scan, i, odd_time(scan, want, field_of(&fields[i]), &numbers[i]));
    }
    return rc;
}

static int texts_of(struct csv_scan *scan, size_t want)
{
    struct csv_text *texts = scan->fields + want * CSV_BATCH;
    int rc = OK;
    for (size_t i = 0; i < scan->rows.count && rc == OK; i++) {
        const unsigned char *data = (const unsigned char *)texts[i].data;
        uint32_t size = texts[i].size;
        if (size == 0 || data[0] <= ' ' || data[size - 1] <= ' ')
            rc = mark(scan, i, odd_text(scan, want, &texts[i]));
    }
    return rc;
}

static int column_of(struct csv_scan *scan, size_t want, struct error *err)
{
    enum csv_kind kind = scan->csv->wants[want].kind;
    return kind == CSV_NUMBER      ? numbers_of(scan, want, err)
           : kind == CSV_TIME      ? times_of(scan, want)
           : kind == CSV_LAZY_TIME ? OK
                                   : texts_of(scan, want);
}

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
            scan->fields[want * CSV_BATCH + to] = scan->fields[want * CSV_BATCH + i];
        }
        scan->lines[to++] = scan->lines[i];
    }
    scan->rows.count = to;
}

int csv_flush(struct csv_scan *scan, struct error *err)
{
    int rc = 0;
    for (size_t want = 0; want < scan->csv->want_count && rc == 0; want++) {
        if (scan->csv->column_of[want] >= 0)
            rc = column_of(scan, want, err);
    }
    if (scan->bad > 0)
        leave_out(scan);
    scan->bad = 0;
    scan->skips.rows += scan->rows.count;
    if (rc == 0 && scan->rows.count > 0)
        rc = scan->job->rows(scan->job->context, scan->result, &scan->rows, err);
    scan->rows.count = 0;
    strbuf_clear(&scan->unquoted);
    return rc;
}

/* ---- rows ---- */

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
int csv_check_fields(struct csv_scan *scan, size_t count, bool last_is_empty, bool is_cut)
{
    size_t expected = scan->csv->column_count;
    if (count == expected || (count == expected + 1 && last_is_empty))
        return 1;
    skips_add(&scan->skips,
              count > expected ? SKIP_TOO_MANY_FIELDS
              : is_cut         ? SKIP_CUT_OFF
                               : SKIP_TOO_FEW_FIELDS,
              scan->line);
    return 0;
}

static bool may_be_passed_over(const struct csv *csv, char first)
{
    return first == '\n' || first == '\r' || first == '#' || first == ' ' ||
           (csv->header_size > 0 && first == csv->header[0]);
}

/* One line: *line moves behind it. */
static inline int scan_line(struct csv_scan *scan, struct marks *marks, const char **line,
                            bool is_last, struct error *err)
{
    const struct csv *csv = scan->csv;
    struct csv_text *fields = scan->fields + scan->rows.count;
    const char *begin = *line, *at = begin, *mark = begin;
    size_t separators = 0;
    bool is_newline = false;
    if (may_be_passed_over(csv, *begin)) {
        struct marks behind = *marks;
        const char *end = next_newline(&behind, &separators);
        if (csv_is_passed_over(scan, begin, end)) {
            *marks = behind;
            *line = end + 1;
            return 0;
        }
        separators = 0;
    }
    for (size_t column = 0; column <= csv->last_wanted && !is_newline; column++) {
        mark = next_mark(marks, &is_newline);
        int want = csv->want_of[column];
        if (want >= 0)
            fields[(size_t)want * CSV_BATCH] = (struct csv_text){at, (uint32_t)(mark - at)};
        separators += !is_newline;
        at = mark + 1;
    }
    if (!is_newline)
        mark = next_newline(marks, &separators);
    *line = mark + 1;
    /* A chunk that is cut, and a last line, may end within a field. */
    bool is_open = mark == marks->end;
    const char *last = mark > begin && mark[-1] == '\r' ? mark - 1 : mark;
    bool last_is_empty = last > begin && last[-1] == csv->delimiter;
    if (separators + 1 != csv->column_count &&
        !csv_check_fields(scan, separators + 1, last_is_empty, is_open && is_last))
        return 0;
    /* All that are wanted stand in it: it has as many fields as the header. */
    scan->lines[scan->rows.count++] = scan->line;
    return scan->rows.count == CSV_BATCH ? csv_flush(scan, err) : 0;
}

int csv_scan_plain(struct csv_scan *scan, const struct chunk *chunk, struct error *err)
{
    struct marks marks = {
        .block = chunk->text, .end = chunk->text + chunk->size, .delimiter = scan->csv->delimiter};
    const char *line = chunk->text;
    int rc = 0;
    scan->floor = chunk->text;
    load(&marks);
    for (; line < marks.end && rc == 0; scan->line++) {
        if (chunk->is_cut && !memchr(line, '\n', (size_t)(marks.end - line))) {
            skips_add(&scan->skips, SKIP_TOO_LONG, scan->line);
            break;
        }
        rc = scan_line(scan, &marks, &line, chunk->is_last, err);
    }
    return rc == 0 ? csv_flush(scan, err) : rc;
}
