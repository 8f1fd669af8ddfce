/* YAML: the tree, and true lines and columns of everything, errors above all. */
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
#include "base/yaml.h"

static int parse(const char *text, struct yaml_document *doc, struct error *err)
{
    return yaml_parse_text(text, strlen(text), "test.yaml", doc, err);
}

static void builds_a_tree_with_places(void **state)
{
    const char *text = "# settings\n"
                       "benchmark:\n"
                       "  duration: 60\n"
                       "  label: \"60\"\n"
                       "limits:\n"
                       "  - p99 <= 250\n"
                       "  - 'fps >= 30'\n"
                       "한국어: {a: 1, b: [x, y]}\n";
    struct yaml_document doc;
    assert_int_equal(parse(text, &doc, NULL), 0);
    assert_string_equal(doc.file, "test.yaml");
    assert_int_equal(doc.root->kind, YAML_MAPPING);
    assert_int_equal(doc.root->line, 2);

    const struct yaml_node *benchmark = yaml_get(doc.root, "benchmark");
    const struct yaml_node *duration = yaml_get(benchmark, "duration");
    assert_string_equal(duration->scalar, "60");
    assert_false(duration->quoted);
    assert_int_equal(duration->key_line, 3);
    assert_int_equal(duration->key_column, 3);
    assert_int_equal(duration->line, 3);
    assert_int_equal(duration->column, 13);
    assert_true(yaml_get(benchmark, "label")->quoted);
    assert_null(yaml_get(benchmark, "none"));
    assert_null(yaml_get(duration, "none"));
    assert_null(yaml_get(NULL, "none"));

    const struct yaml_node *limits = yaml_get(doc.root, "limits");
    assert_int_equal(limits->kind, YAML_SEQUENCE);
    assert_string_equal(limits->child->scalar, "p99 <= 250");
    assert_null(limits->child->key);
    assert_string_equal(limits->child->next->scalar, "fps >= 30");
    assert_true(limits->child->next->quoted);
    assert_int_equal(limits->child->next->line, 7);
    assert_int_equal(limits->child->next->column, 5);
    assert_null(limits->child->next->next);

    const struct yaml_node *flow = yaml_get(doc.root, "한국어");
    assert_int_equal(flow->column, 6); /* columns are characters, not bytes */
    assert_string_equal(yaml_get(flow, "b")->child->next->scalar, "y");
    yaml_deinit(&doc);
    assert_null(doc.root);
}

static void empty_documents_have_no_root(void **state)
{
    static const char *const texts[] = {"", "\n\n", "# nothing\n", "---\n", "---\n...\n"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct yaml_document doc;
        assert_int_equal(parse(texts[i], &doc, NULL), 0);
        assert_null(doc.root);
        yaml_deinit(&doc);
    }
}

static void refuses_with_line_and_column(void **state)
{
    static const struct {
        const char *text;
        int line, column;
        const char *message;
    } rows[] = {
        {"a: 1\nb: 2\na: 3\n", 3, 1, "'a' stands here a second time; the first is in line 1"},
        {"x:\n  a: 1\n  b: {c: 1, d: 2, c: 3}\n", 3, 19,
         "'c' stands here a second time; the first is in line 3"},
        {"a: &anchor 1\n", 1, 4, "anchors (&anchor) are not supported"},
        {"a: 1\nb: *other\n", 2, 4, "aliases (*other) are not supported"},
        {"a: !!str 1\n", 1, 4, "tags (tag:yaml.org,2002:str) are not supported"},
        {"a: !mine {b: 1}\n", 1, 4, "tags (!mine) are not supported"},
        {"a: 1\n---\nb: 2\n", 2, 1, "a second document starts here"},
        {"[a, b]: 1\n", 1, 1, "a key must be plain text"},
        {"? {a: 1}\n: 2\n", 1, 3, "a key must be plain text"},
        {"a: \"x\\0y\"\n", 1, 4, "text must not hold a NUL character"},
        {"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]\n", 1, 17, "more than 16 levels deep"},
        {"a: [1, 2\nb: 3\n", 2, 2, NULL},
        {"a:\n\t- 1\n", 2, 1, NULL},
        {"a: 'open\n", 2, 1, NULL},
        {"a: 1\n b: 2\n", 2, 3, NULL},
        {"ab: 1\nc: \x01\n", 2, 4, NULL},
        {"a: \xff\n", 1, 4, NULL},
        {"a: *missing_then_eof", 1, 4, "aliases (*missing_then_eof) are not supported"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct yaml_document doc = {.file = "untouched"};
        struct error err = {0};
        assert_int_equal(parse(rows[i].text, &doc, &err), -ERROR_INPUT);
        assert_string_equal(err.file, "test.yaml");
        assert_int_equal(err.line, rows[i].line);
        assert_int_equal(err.column, rows[i].column);
        assert_true(strlen(err.message) > 5);
        if (rows[i].message)
            assert_string_equal(err.message, rows[i].message);
        assert_string_equal(doc.file, "untouched");
        assert_int_equal(parse(rows[i].text, &doc, NULL), -ERROR_INPUT);
    }
    struct yaml_document doc;
    struct error err;
    parse("a:\n\t- 1\n", &doc, &err);
    assert_non_null(strstr(err.hint, "tabs"));
    parse("?\tx: {\n", &doc, &err);
    assert_int_equal(err.code, ERROR_INPUT);
}

static void holds_its_limits(void **state)
{
    struct yaml_document doc;
    struct error err;
    struct strbuf text = {0};
    /* Each pair is two of the 100,000 values; with the mapping itself 49,999 pairs fit. */
    for (int i = 0; i < 49999; i++)
        strbuf_printf(&text, "k%d: 1\n", i);
    assert_int_equal(yaml_parse_text(text.data, text.len, "f", &doc, &err), 0);
    yaml_deinit(&doc);
    strbuf_append(&text, "x: 1\n");
    assert_int_equal(yaml_parse_text(text.data, text.len, "f", &doc, &err), -ERROR_INPUT);
    assert_string_equal(err.message, "more than 100000 values");
    assert_int_equal(err.line, 50000);

    strbuf_clear(&text);
    strbuf_repeat(&text, '\n', 1024 * 1024);
    assert_int_equal(yaml_parse_text(text.data, text.len, "f", &doc, &err), 0);
    yaml_deinit(&doc);
    strbuf_putc(&text, '\n');
    assert_int_equal(yaml_parse_text(text.data, text.len, "f", &doc, &err), -ERROR_INPUT);
    assert_string_equal(err.message, "larger than 1048576 bytes");
    strbuf_deinit(&text);

    const char *deep = "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]\n"; /* exactly 16 */
    assert_int_equal(parse(deep, &doc, NULL), 0);
    yaml_deinit(&doc);
}

static void reads_files(void **state)
{
    char path[] = "/tmp/tacho-test-yaml-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "a: 1\r\nb: 2\r\n", 12), 12);
    close(fd);
    struct yaml_document doc;
    struct error err;
    assert_int_equal(yaml_parse_file(path, &doc, &err), 0);
    assert_string_equal(yaml_get(doc.root, "b")->scalar, "2");
    assert_int_equal(yaml_get(doc.root, "b")->line, 2);
    assert_string_equal(doc.file, path);
    yaml_deinit(&doc);
    unlink(path);
    assert_int_equal(yaml_parse_file(path, &doc, &err), -ERROR_ABSENT);
    assert_string_equal(err.file, path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds_a_tree_with_places),
        cmocka_unit_test(empty_documents_have_no_root),
        cmocka_unit_test(refuses_with_line_and_column),
        cmocka_unit_test(holds_its_limits),
        cmocka_unit_test(reads_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
