/* Tables in text: what is found, what is left out and why, on any number of threads. */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "base/util.h"
#include "format/csv.h"
#include "stats/stats.h"

static char path[64];

static int make_path(void **state)
{
    snprintf(path, sizeof(path), "/tmp/tacho-csv-XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
    return unlink(path);
}

/* ---- a job that keeps every row as text ---- */

static const char *const latency_synonyms[] = {"latency", "time_ms", NULL};
static const struct csv_want wants[] = {
    {"latency_ms", latency_synonyms, CSV_NUMBER, true},
    {"name", NULL, CSV_TEXT, false},
    {"timestamp", NULL, CSV_TIME, false},
    {"power_w", NULL, CSV_NUMBER, false},
};

struct kept {
    struct strbuf text;
    struct skips skips;
    uint64_t lines;
};

struct batch {
    struct strbuf text;
    uint64_t line_sum, rows;
};

static void *batch_new(void *context)
{
    return calloc(1, sizeof(struct batch));
}

static void batch_free(void *context, void *result)
{
    strbuf_deinit(&((struct batch *)result)->text);
    free(result);
}

static int take_rows(void *context, void *result, const struct csv_rows *rows, struct error *err)
{
    struct batch *batch = result;
    for (size_t i = 0; i < rows->count; i++) {
        strbuf_printf(&batch->text, "%.17g", rows->number[0][i]);
        if (rows->text[1])
            strbuf_printf(&batch->text, " <%.*s>", (int)rows->text[1][i].size,
                          rows->text[1][i].data);
        if (rows->number[2])
            strbuf_printf(&batch->text, " @%.3f", rows->number[2][i]);
        if (rows->number[3])
            strbuf_printf(&batch->text, " %gW", rows->number[3][i]);
        strbuf_putc(&batch->text, '\n');
    }
    return 0;
}

static int merge(void *context, void *result, uint64_t first_line, struct error *err)
{
    struct kept *kept = context;
    struct batch *batch = result;
    strbuf_append_n(&kept->text, strbuf_get(&batch->text), batch->text.len);
    strbuf_clear(&batch->text);
    return 0;
}

static int read_text(const char *text, size_t size, unsigned threads, struct kept *kept,
                     struct error *err)
{
    FILE *file = fopen(path, "w");
    assert_int_equal(fwrite(text, 1, size, file), size);
    fclose(file);
    struct csv_job job = {.context = kept,
                          .result_new = batch_new,
                          .result_free = batch_free,
                          .rows = take_rows,
                          .merge = merge};
    struct source *source = NULL;
    struct csv *csv = NULL;
    int rc = source_open(path, &source, err);
    if (rc == 0)
        rc = csv_open(source, wants, 4, &csv, err);
    if (rc == 0)
        rc = csv_each(csv, threads, &job, err);
    if (rc == 0) {
        kept->skips = *csv_skips(csv);
        kept->lines = csv_lines(csv);
    }
    csv_close(csv);
    source_close(source);
    return rc;
}

static void reads(const char *text, const char *expected)
{
    for (unsigned threads = 1; threads <= 2; threads++) {
        struct kept kept = {0};
        struct error err = {0};
        assert_int_equal(read_text(text, strlen(text), threads, &kept, &err), 0);
        assert_string_equal(strbuf_get(&kept.text), expected);
        strbuf_deinit(&kept.text);
    }
}

static void skips(const char *text, enum skip why, uint64_t count, uint64_t first_line)
{
    struct kept kept = {0};
    assert_int_equal(read_text(text, strlen(text), 2, &kept, NULL), 0);
    assert_int_equal(kept.skips.of[why].count, count);
    assert_int_equal(kept.skips.of[why].first_line, first_line);
    strbuf_deinit(&kept.text);
}

static void refuses(const char *text, const char *message, const char *hint)
{
    struct kept kept = {0};
    struct error err = {0};
    assert_int_equal(read_text(text, strlen(text), 2, &kept, &err), -ERROR_INPUT);
    assert_non_null(strstr(err.message, message));
    assert_non_null(strstr(err.hint, hint));
    assert_string_equal(err.file, path);
    strbuf_deinit(&kept.text);
}

/* ---- forms ---- */

static void test_columns_by_name(void **state)
{
    reads("latency_ms\n1.5\n2\n", "1.5\n2\n");
    reads("x,LATENCY_MS,name\n9,1.5,a\n9,2,b\n", "1.5 <a>\n2 <b>\n");
    reads("name, latency \na, 1.5 \n", "1.5 <a>\n");
    reads("time_ms;name\n1.5;a\n", "1.5 <a>\n");
    reads("latency_ms\tname\n1.5\ta b\n", "1.5 <a b>\n");
    reads("\"latency_ms\"|name\n1.5|a\n", "1.5 <a>\n");
}

static void test_times(void **state)
{
    reads("timestamp,latency_ms\n1706123456.5,1\n2024-01-24 19:10:57,2\n",
          "1 @1706123456.500\n2 @1706123457.000\n");
}

static void test_line_ends_and_marks(void **state)
{
    reads("\xef\xbb\xbflatency_ms,name\r\n1.5,a\r\n2,b\r\n", "1.5 <a>\n2 <b>\n");
    reads("latency_ms,name\n1.5,a\n2,b", "1.5 <a>\n2 <b>\n");
    reads("latency_ms,name,\n1.5,a,\n2,b,\n", "1.5 <a>\n2 <b>\n");
    reads("# made by x\n\nlatency_ms,name\n1.5,a\n", "1.5 <a>\n");
}

static void test_a_header_that_is_a_comment(void **state)
{
    reads("# Benchmark of today\n#\n# timestamp,name,lat\n# ency_ms,power_w\n\n"
          "1706123456,a,1.5,40\n1706123457,b,2,41\n",
          "1.5 <a> @1706123456.000 40W\n2 <b> @1706123457.000 41W\n");
}

static void test_many_comments(void **state)
{
    struct strbuf text = {0};
    while (text.len < 200000)
        strbuf_append(&text, "# told at length\n");
    strbuf_append(&text, "latency_ms,name\n1.5,a\n");
    reads(text.data, "1.5 <a>\n");
    strbuf_clear(&text);
    while (text.len < 300000)
        strbuf_append(&text, "# told at length\n");
    strbuf_append(&text, "latency_ms,name\n1.5,a\n");
    refuses(text.data, "hold only comments", "column names");
    strbuf_deinit(&text);
}

static void test_quotes(void **state)
{
    reads("name,latency_ms\n\"a, b\",1.5\n\"say \"\"hi\"\"\",2\nplain,\"3.5\"\n",
          "1.5 <a, b>\n2 <say \"hi\">\n3.5 <plain>\n");
    reads("name,latency_ms\r\n\"two\nlines\",1.5\r\nb,2\r\n", "1.5 <two\nlines>\n2 <b>\n");
    reads("name,latency_ms\n5\" screen,1.5\n\"x\" ,2\n", "1.5 <5\" screen>\n2 <x>\n");
    skips("name,latency_ms\n\"open,1.5\nb,2\n", SKIP_OPEN_QUOTE, 1, 2);
    reads("name,latency_ms\n\"open,1.5\nb,2\n", "2 <b>\n");
}

/* ---- what is left out ---- */

static void test_what_is_left_out(void **state)
{
    static const char head[] = "latency_ms,name,power_w\n";
    char text[256];
    static const struct {
        const char *row;
        enum skip why;
    } all[] = {
        {"1.5,a\n", SKIP_TOO_FEW_FIELDS},    {"1.5,a,2,3\n", SKIP_TOO_MANY_FIELDS},
        {",a,2\n", SKIP_EMPTY_VALUE},        {"abc,a,2\n", SKIP_NOT_A_NUMBER},
        {"nan,a,2\n", SKIP_NOT_FINITE},      {"1e999,a,2\n", SKIP_NOT_FINITE},
        {"# 1,a,2\n", SKIP_COMMENT},         {"\n", SKIP_BLANK},
        {"1.5,a,watt\n", SKIP_NOT_A_NUMBER}, {"latency_ms,name,power_w\n", SKIP_REPEATED_HEADER},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        snprintf(text, sizeof(text), "%s1,a,2\n%s%s2,b,3\n", head, all[i].row, all[i].row);
        skips(text, all[i].why, 2, 3);
        reads(text, "1 <a> 2W\n2 <b> 3W\n");
    }
    skips("latency_ms,name\n1,a\n2", SKIP_CUT_OFF, 1, 3);
    skips("latency_ms,timestamp\n1,2024-01-24 19:10:57\n2,yesterday\n", SKIP_BAD_TIME, 1, 3);
}

static void test_missing_where_it_may_be(void **state)
{
    reads("latency_ms,power_w\n1,\n2,n/a\n3,-\n4,NaN\n5,6\n",
          "1 nanW\n2 nanW\n3 nanW\n4 nanW\n5 6W\n");
}

static void test_what_is_refused(void **state)
{
    refuses("", "empty", "column names");
    refuses("# only a comment\n\n", "no header", "column names");
    refuses("1,2,3\n4,5,6\n", "no header", "column names");
    refuses("latncy_ms,name\n1,a\n", "no column latency_ms", "did you mean latncy_ms");
    refuses("a,b\n1,2\n", "no column latency_ms", "there are: a, b");
    refuses("latency_ms;name\n12,5;a\n", "decimal comma", "sed");
    struct kept kept = {0};
    struct error err = {0};
    assert_int_equal(read_text("a\0b\n", 4, 1, &kept, &err), -ERROR_INPUT);
    assert_non_null(strstr(err.message, "binary"));
}

static void refuses_line(const char *text, const char *message, int line)
{
    for (unsigned threads = 1; threads <= 2; threads++) {
        struct kept kept = {0};
        struct error err = {0};
        assert_int_equal(read_text(text, strlen(text), threads, &kept, &err), -ERROR_INPUT);
        assert_non_null(strstr(err.message, message));
        assert_int_equal(err.line, line);
        assert_string_equal(err.file, path);
        strbuf_deinit(&kept.text);
    }
}

/* A file to which another table was appended: its numbers belong to other columns. */
static void test_another_header_in_mid_file(void **state)
{
    static const char other[] = "another header";
    refuses_line("timestamp,latency_ms,name\n1,5,a\ntimestamp,name,latency_ms\n3,5,12\n", other, 3);
    refuses_line("timestamp,latency_ms\n1,5\n2,5\ntimestamp,latency_us\n3,5000\n", other, 4);
    refuses_line("latency_ms,name\n1,a\nTIME_MS , name\n", other, 3);
    refuses_line("latency_ms,name\n1,a\nname,x,latency_ms\nb,2,3\n", other, 3);
    refuses_line("latency_ms,name\n1,a\nlatency_ms\n5\n", other, 3);
    refuses_line("latency_ms,name\n1,\"a\nb\"\n\"name\",\"latency_ms\"\nb,2\n", other, 4);
    struct strbuf text = {0}; /* far behind the first chunk */
    strbuf_append(&text, "latency_ms,name\n");
    for (size_t i = 0; i < 100000; i++)
        strbuf_append(&text, "1.25,a\n");
    strbuf_append(&text, "name,latency_ms\nb,2\n");
    refuses_line(text.data, other, 100002);
    strbuf_deinit(&text);
}

static void test_commas_in_numbers(void **state)
{
    refuses_line("latency_ms;name\n1;a\n\n12,5;a\n", "12,5: a decimal comma", 4);
    refuses_line("name,latency_ms\na,1\nb,\"12,5\"\n", "12,5: a decimal comma", 3);
    refuses_line("name,latency_ms\na,1\nb,\"1,000\"\n", "1,000: a comma between thousands, or", 3);
    refuses_line("name,latency_ms\na,1\nb,\"1,000,000\"\n", "a comma between thousands", 3);
    skips("name,latency_ms\na,1\nb,\"1,2,3\"\n", SKIP_NOT_A_NUMBER, 1, 3);
    struct strbuf text = {0};
    strbuf_append(&text, "latency_ms;name\n");
    for (size_t i = 0; i < 100000; i++)
        strbuf_append(&text, "1.25;a\n");
    strbuf_append(&text, "1,25;a\n");
    refuses_line(text.data, "1,25: a decimal comma", 100002);
    strbuf_deinit(&text);
}

/* What is wanted stands where it does above. */
static void test_the_header_again_in_other_words(void **state)
{
    static const char *const headers[] = {"latency_ms,name,x", " Latency_ms , NAME,x",
                                          "\"latency_ms\",\"name\",\"x\"", "LATENCY_MS,name,y",
                                          "latency_ms,name,x,"};
    char text[256];
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        snprintf(text, sizeof(text), "latency_ms,name,x\n1,a,2\n%s\n2,b,3\n", headers[i]);
        reads(text, "1 <a>\n2 <b>\n");
        skips(text, SKIP_REPEATED_HEADER, 1, 3);
    }
    /* Texts where a number should be make no header. */
    skips("latency_ms,name\n1,a\noops,b\nfailed,x\n2,c\n", SKIP_NOT_A_NUMBER, 2, 3);
    skips("latency_ms,name,x\n1,a,2\nlatency_ms,7,x\n", SKIP_NOT_A_NUMBER, 1, 3);
}

static void test_a_header_alone_has_no_rows(void **state)
{
    reads("latency_ms,name\n", "");
    reads("latency_ms,name", "");
}

/* ---- large ---- */

/* Rows of all kinds, larger than many chunks: the same whatever the threads, and what was written.
 */
static void test_large(void **state)
{
    struct strbuf text = {0}, expected = {0};
    uint64_t seed = 7, bad = 0;
    strbuf_append(&text, "id,name,latency_ms,other\n");
    for (size_t i = 0; i < 60000; i++) {
        double value = (double)(random_next(&seed) % 1000000) / 1000;
        unsigned name = (unsigned)(random_next(&seed) % 50);
        if (random_next(&seed) % 100 == 0) {
            strbuf_printf(&text, "%zu,n%u,oops,x\n", i, name);
            bad++;
            continue;
        }
        strbuf_printf(&text, "%zu,n%u,%.3f,%0*d%s", i, name, value,
                      (int)(1 + random_next(&seed) % 40), 0,
                      random_next(&seed) % 2 ? "\n" : "\r\n");
        char number[32];
        snprintf(number, sizeof(number), "%.3f", value);
        strbuf_printf(&expected, "%.17g <n%u>\n", strtod(number, NULL), name);
    }
    for (unsigned threads = 1; threads <= 4; threads++) {
        struct kept kept = {0};
        assert_int_equal(read_text(text.data, text.len, threads, &kept, NULL), 0);
        assert_int_equal(kept.text.len, expected.len);
        assert_memory_equal(kept.text.data, expected.data, expected.len);
        assert_int_equal(kept.skips.of[SKIP_NOT_A_NUMBER].count, bad);
        assert_int_equal(kept.skips.rows + bad, 60000);
        assert_int_equal(kept.lines, 60001);
        strbuf_deinit(&kept.text);
    }
    strbuf_deinit(&text);
    strbuf_deinit(&expected);
}

/* The same with quotes, newlines within them among these, over many chunks. */
static void test_large_with_quotes(void **state)
{
    struct strbuf text = {0}, expected = {0};
    strbuf_append(&text, "name,latency_ms\n");
    for (size_t i = 0; i < 40000; i++) {
        strbuf_printf(&text, "\"row %zu,\nsaid \"\"%zu\"\"\",%zu\n", i, i, i);
        strbuf_printf(&expected, "%zu <row %zu,\nsaid \"%zu\">\n", i, i, i);
    }
    struct kept kept = {0};
    assert_int_equal(read_text(text.data, text.len, 2, &kept, NULL), 0);
    assert_int_equal(kept.text.len, expected.len);
    assert_memory_equal(kept.text.data, expected.data, expected.len);
    strbuf_deinit(&kept.text);
    strbuf_deinit(&text);
    strbuf_deinit(&expected);
}

/* Quotes that first appear far behind what is looked at for the header. */
static void test_quotes_that_come_late(void **state)
{
    for (size_t plain = 20000; plain <= 60000; plain += 20000) {
        struct strbuf text = {0}, expected = {0};
        strbuf_append(&text, "latency_ms,name\n");
        for (size_t i = 0; i < plain; i++) {
            strbuf_printf(&text, "%zu,plain and long enough\n", i);
            strbuf_printf(&expected, "%zu <plain and long enough>\n", i);
        }
        for (size_t i = 0; i < 30000; i++) {
            strbuf_printf(&text, "\"%zu\",\"retry,\n%zu\"\n%zu,w\n", i, i, i);
            strbuf_printf(&expected, "%zu <retry,\n%zu>\n%zu <w>\n", i, i, i);
        }
        strbuf_append(&text, "oops,w\n");
        for (unsigned threads = 1; threads <= 4; threads++) {
            struct kept kept = {0};
            assert_int_equal(read_text(text.data, text.len, threads, &kept, NULL), 0);
            assert_int_equal(kept.text.len, expected.len);
            assert_memory_equal(kept.text.data, expected.data, expected.len);
            assert_int_equal(kept.lines, 1 + plain + 90000 + 1);
            assert_int_equal(kept.skips.of[SKIP_NOT_A_NUMBER].first_line, kept.lines);
            strbuf_deinit(&kept.text);
        }
        strbuf_deinit(&text);
        strbuf_deinit(&expected);
    }
}

/* It costs its own line, whatever the threads, and not the rest of the file. */
static void test_a_quote_that_is_never_closed(void **state)
{
    for (unsigned threads = 1; threads <= 4; threads++) {
        struct strbuf text = {0};
        strbuf_append(&text, "latency_ms,name\n");
        for (size_t i = 0; i < 200000; i++)
            strbuf_append(&text, i == 50000 ? "1,\"open\n" : "1.25,name\n");
        struct kept kept = {0};
        assert_int_equal(read_text(text.data, text.len, threads, &kept, NULL), 0);
        assert_int_equal(kept.skips.rows, 199999);
        assert_int_equal(kept.skips.of[SKIP_OPEN_QUOTE].count, 1);
        assert_int_equal(kept.skips.of[SKIP_OPEN_QUOTE].first_line, 50002);
        assert_int_equal(kept.lines, 200001);
        strbuf_deinit(&kept.text);
        strbuf_deinit(&text);
    }
}

/* The first line of a reason, far into the file, where quotes make the lines hard to count. */
static void test_lines_are_counted_through_quotes(void **state)
{
    struct strbuf text = {0};
    strbuf_append(&text, "name,latency_ms\n");
    for (size_t i = 0; i < 30000; i++)
        strbuf_printf(&text, "\"a\nb\",%zu\n", i);
    strbuf_append(&text, "bad,oops\n");
    struct kept kept = {0};
    assert_int_equal(read_text(text.data, text.len, 2, &kept, NULL), 0);
    assert_int_equal(kept.skips.of[SKIP_NOT_A_NUMBER].first_line, 60002);
    strbuf_deinit(&kept.text);
    strbuf_deinit(&text);
}

/* ---- lines of all kinds, one after the other ---- */

/* A line that may be anything; the file's header may stand in it again. */
static void append_any_line(struct strbuf *text, const char *header, uint64_t *random)
{
    static const char *const fields[] = {"1.5", "-2",  "abc", " 7 ", "",     "nan", "12345678901",
                                         "1e3", "#no", "i",   "x y", "inf",  ".",   "0.25",
                                         "+3",  "7.",  "id",  "-",   "1..2", "8 8"};
    size_t count = 4;
    unsigned what = (unsigned)(random_next(random) % 40);
    if (what == 0)
        strbuf_append(text, random_next(random) % 2 ? "# a, comment" : "  ");
    else if (what == 1)
        strbuf_append(text, header);
    else if (what == 2)
        count = random_next(random) % 8;
    else if (what == 3 && random_next(random) % 20 == 0)
        count = 10000;
    for (size_t i = 0; i < count && what > 1; i++) {
        bool is_usual = random_next(random) % 8 != 0;
        strbuf_printf(text, "%s%s", i ? "," : "",
                      is_usual ? fields[0] : fields[random_next(random) % ARRAY_LEN(fields)]);
    }
    if (what == 4)
        strbuf_putc(text, ',');
    strbuf_append(text, random_next(random) % 5 ? "\n" : "\r\n");
}

static void read_lines(uint64_t seed, const char *header, unsigned threads, struct kept *ret)
{
    struct strbuf text = {0};
    uint64_t random = seed;
    strbuf_printf(&text, "%s\n", header);
    for (size_t i = 1 + random_next(&random) % 3000; i > 0; i--)
        append_any_line(&text, header, &random);
    if (random_next(&random) % 2)
        text.len -= random_next(&random) % 6;
    assert_int_equal(read_text(text.data, text.len, threads, ret, NULL), 0);
    strbuf_deinit(&text);
}

/* Rows without quotes are found in two ways: many at once by their separators, and byte by byte
 * where a quote stands in the header. */
static void test_both_ways_find_the_same(void **state)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct kept plain = {0}, quoted = {0};
        read_lines(seed, "id,name,latency_ms,power_w", 1 + seed % 2, &plain);
        read_lines(seed, "id,\"name\",latency_ms,power_w", 1, &quoted);
        assert_int_equal(plain.text.len, quoted.text.len);
        if (plain.text.len > 0)
            assert_memory_equal(plain.text.data, quoted.text.data, plain.text.len);
        assert_int_equal(plain.lines, quoted.lines);
        assert_memory_equal(&plain.skips, &quoted.skips, sizeof(plain.skips));
        strbuf_deinit(&plain.text);
        strbuf_deinit(&quoted.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_columns_by_name, make_path, remove_path),
        cmocka_unit_test_setup_teardown(test_times, make_path, remove_path),
        cmocka_unit_test_setup_teardown(test_line_ends_and_marks, make_path, remove_path),
        cmocka_unit_test_setup_teardown(test_a_header_that_is_a_comment, make_path, remove_path),
        cmocka_unit_test_setup_teardown(test_many_comments, make_path, remove_path),
        cmocka_unit_test_setup_teardown(test_quotes, make_path, remove_path),
        cmocka_unit_test_setup_teardown(test_what_is_left_out, make_path, remove_path),
        cmocka_unit_test_setup_teardown(test_missing_where_it_may_be, make_path, remove_path),
        cmocka_unit_test_setup_teardown(test_what_is_refused, make_path, remove_path),
        cmocka_unit_test_setup_teardown(test_another_header_in_mid_file, make_path, remove_path),
        cmocka_unit_test_setup_teardown(test_commas_in_numbers, make_path, remove_path),
        cmocka_unit_test_setup_teardown(test_the_header_again_in_other_words, make_path,
                                        remove_path),
        cmocka_unit_test_setup_teardown(test_a_header_alone_has_no_rows, make_path, remove_path),
        cmocka_unit_test_setup_teardown(test_large, make_path, remove_path),
        cmocka_unit_test_setup_teardown(test_large_with_quotes, make_path, remove_path),
        cmocka_unit_test_setup_teardown(test_quotes_that_come_late, make_path, remove_path),
        cmocka_unit_test_setup_teardown(test_a_quote_that_is_never_closed, make_path, remove_path),
        cmocka_unit_test_setup_teardown(test_lines_are_counted_through_quotes, make_path,
                                        remove_path),
        cmocka_unit_test_setup_teardown(test_both_ways_find_the_same, make_path, remove_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
