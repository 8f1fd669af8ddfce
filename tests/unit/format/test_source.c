/* Lines and chunks of files: whole, once, in order, on any number of threads. */
#include <fcntl.h>
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
#include "format/source.h"
#include "stats/stats.h"

static char path[64];

static int make_path(void **state)
{
    snprintf(path, sizeof(path), "/tmp/tacho-source-XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
    return unlink(path);
}

static void write_file(const char *data, size_t size)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* What a job sees: all text, and where its chunks began. */
struct seen {
    struct strbuf text;
    uint64_t next_line;
    bool lines_agree;
};

struct part {
    struct strbuf text;
};

static void *part_new(void *context)
{
    return calloc(1, sizeof(struct part));
}

static void part_free(void *context, void *result)
{
    strbuf_deinit(&((struct part *)result)->text);
    free(result);
}

static int part_work(void *context, void *result, const struct chunk *chunk, struct error *err)
{
    strbuf_append_n(&((struct part *)result)->text, chunk->text, chunk->size);
    return 0;
}

static int part_merge(void *context, void *result, uint64_t first_line, struct error *err)
{
    struct seen *seen = context;
    struct part *part = result;
    bool agrees = part->text.len == 0 || first_line == seen->next_line;
    seen->lines_agree = seen->lines_agree && agrees;
    for (size_t i = 0; i < part->text.len; i++)
        seen->next_line += part->text.data[i] == '\n';
    strbuf_append_n(&seen->text, strbuf_get(&part->text), part->text.len);
    strbuf_clear(&part->text);
    return 0;
}

static void read_by(unsigned threads, const char *expected, size_t size)
{
    struct seen seen = {.next_line = 1, .lines_agree = true};
    struct source_job job = {&seen, part_new, part_free, part_work, part_merge, false};
    struct source *source;
    struct error err = {0};
    uint64_t lines;
    assert_int_equal(source_open(path, &source, &err), 0);
    assert_int_equal(source_each(source, threads, &job, &lines, &err), 0);
    uint64_t bytes = source_bytes_read(source);
    source_close(source);
    assert_int_equal(seen.text.len, size);
    assert_memory_equal(strbuf_get(&seen.text), expected, size);
    assert_true(seen.lines_agree);
    uint64_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += expected[i] == '\n';
    assert_int_equal(lines, count + (size > 0 && expected[size - 1] != '\n'));
    assert_int_equal(bytes, size);
    strbuf_deinit(&seen.text);
}

/* Lines of 0 to 200 bytes, and now and then one that is longer than a chunk. */
static void fill(struct strbuf *text, size_t size, uint64_t seed, bool has_long)
{
    while (text->len < size) {
        size_t length = random_next(&seed) % 200;
        if (has_long && random_next(&seed) % 5000 == 0)
            length = SOURCE_CHUNK + random_next(&seed) % (2 * SOURCE_CHUNK);
        strbuf_repeat(text, (char)('a' + random_next(&seed) % 26), length);
        strbuf_putc(text, '\n');
    }
    assert_false(text->failed);
}

static void test_chunks_are_the_file(void **state)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct strbuf text = {0};
        fill(&text, 3 << 20, seed, seed % 2 == 0);
        size_t size = seed == 3 ? text.len - 1 : text.len; /* without the last newline */
        write_file(text.data, size);
        read_by(1, text.data, size);
        read_by(2, text.data, size);
        read_by(7, text.data, size);
        strbuf_deinit(&text);
    }
}

/* A newline, or a line's end, exactly where a chunk begins. */
static void test_chunk_boundaries(void **state)
{
    for (size_t off = 0; off < 4; off++) {
        struct strbuf text = {0};
        strbuf_repeat(&text, 'x', SOURCE_CHUNK - 2 + off);
        strbuf_append(&text, "\nsecond\n");
        strbuf_repeat(&text, 'y', SOURCE_CHUNK);
        strbuf_append(&text, "\n");
        write_file(text.data, text.len);
        read_by(3, text.data, text.len);
        strbuf_deinit(&text);
    }
}

static void test_small_files(void **state)
{
    static const char *const texts[] = {"", "\n", "a", "a\n", "\n\n", "a\nb"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        write_file(texts[i], strlen(texts[i]));
        read_by(2, texts[i], strlen(texts[i]));
    }
}

static void test_lines(void **state)
{
    static const char text[] = "\xef\xbb\xbf"
                               "one\r\n\ntwo\nthree";
    struct source *source;
    struct line line;
    write_file(text, sizeof(text) - 1);
    assert_int_equal(source_open(path, &source, NULL), 0);
    static const char *const expected[] = {"one", "", "two", "three"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(source_next_line(source, &line, NULL), 1);
        assert_int_equal(line.size, strlen(expected[i]));
        assert_memory_equal(line.text, expected[i], line.size);
        assert_int_equal(line.number, i + 1);
        assert_int_equal(line.has_end, i < 3);
    }
    assert_int_equal(source_next_line(source, &line, NULL), 0);
    source_close(source);
}

/* A line of 40 MB among others: its beginning is given, and nothing else is lost. */
static void test_a_line_that_is_too_long(void **state)
{
    struct strbuf text = {0};
    strbuf_append(&text, "first\n");
    strbuf_repeat(&text, 'x', 40u << 20);
    strbuf_append(&text, "\nlast\n");
    write_file(text.data, text.len);
    strbuf_deinit(&text);
    struct source *source;
    struct line line;
    assert_int_equal(source_open(path, &source, NULL), 0);
    assert_int_equal(source_next_line(source, &line, NULL), 1);
    assert_int_equal(source_next_line(source, &line, NULL), 1);
    assert_true(line.is_cut);
    assert_true(line.size <= SOURCE_LINE_MAX);
    assert_int_equal(source_next_line(source, &line, NULL), 1);
    assert_int_equal(line.size, 4);
    assert_memory_equal(line.text, "last", 4);
    source_close(source);
    struct seen seen = {.next_line = 1, .lines_agree = true};
    struct source_job job = {&seen, part_new, part_free, part_work, part_merge, false};
    uint64_t lines;
    assert_int_equal(source_open(path, &source, NULL), 0);
    assert_int_equal(source_each(source, 2, &job, &lines, NULL), 0);
    source_close(source);
    assert_int_equal(lines, 3);
    assert_true(seen.text.len < 20u << 20);
    assert_memory_equal(seen.text.data + seen.text.len - 5, "last\n", 5);
    strbuf_deinit(&seen.text);
}

static void test_packed_files(void **state)
{
    char command[512], packed[80];
    struct strbuf text = {0};
    fill(&text, 1 << 20, 9, false);
    write_file(text.data, text.len);
    snprintf(packed, sizeof(packed), "%s.gz", path);
    snprintf(command, sizeof(command), "gzip -c %s > %s && mv %s %s", path, packed, packed, path);
    assert_int_equal(system(command), 0);
    read_by(2, text.data, text.len);
    strbuf_deinit(&text);
}

static void test_a_packed_file_that_is_cut(void **state)
{
    char command[512];
    struct strbuf text = {0};
    fill(&text, 1 << 20, 9, false);
    write_file(text.data, text.len);
    strbuf_deinit(&text);
    snprintf(command, sizeof(command), "gzip -c %s > %s.gz && head -c 5000 %s.gz > %s && rm %s.gz",
             path, path, path, path, path);
    assert_int_equal(system(command), 0);
    struct seen seen = {.next_line = 1, .lines_agree = true};
    struct source_job job = {&seen, part_new, part_free, part_work, part_merge, false};
    struct source *source;
    struct error err = {0};
    assert_int_equal(source_open(path, &source, &err), 0);
    assert_int_equal(source_each(source, 1, &job, NULL, &err), -ERROR_INPUT);
    assert_non_null(strstr(err.message, "gzip"));
    source_close(source);
    strbuf_deinit(&seen.text);
}

/* So small that nothing comes out of it: not an empty one. */
static void test_a_packed_file_that_is_damaged(void **state)
{
    struct source *source;
    struct error err = {0};
    write_file("\x1f\x8b\x08 damaged", 11);
    assert_int_equal(source_open(path, &source, &err), -ERROR_INPUT);
    assert_non_null(strstr(err.message, "gzip could not unpack"));
    assert_string_equal(err.file, path);
}

static void test_what_cannot_be_read(void **state)
{
    struct source *source;
    struct error err = {0};
    assert_int_equal(source_open("/nowhere/at/all", &source, &err), -ERROR_ABSENT);
    assert_string_equal(err.file, "/nowhere/at/all");
    assert_int_equal(source_open("/tmp", &source, &err), -ERROR_INPUT);
    write_file("\xff\xfe"
               "a\0",
               4);
    assert_int_equal(source_open(path, &source, &err), -ERROR_INPUT);
    assert_non_null(strstr(err.hint, "iconv"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_chunks_are_the_file, make_path, remove_path),
        cmocka_unit_test_setup_teardown(test_chunk_boundaries, make_path, remove_path),
        cmocka_unit_test_setup_teardown(test_small_files, make_path, remove_path),
        cmocka_unit_test_setup_teardown(test_lines, make_path, remove_path),
        cmocka_unit_test_setup_teardown(test_a_line_that_is_too_long, make_path, remove_path),
        cmocka_unit_test_setup_teardown(test_packed_files, make_path, remove_path),
        cmocka_unit_test_setup_teardown(test_a_packed_file_that_is_cut, make_path, remove_path),
        cmocka_unit_test_setup_teardown(test_a_packed_file_that_is_damaged, make_path, remove_path),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_read, make_path, remove_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
