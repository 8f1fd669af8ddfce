/* test_json_writer.c: JSON text against what RFC 8259 asks for. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "format/json_writer.h"

static void compact_document(void **state)
{
    struct strbuf out = {0};
    struct json_writer writer = {.out = &out, .compact = true};
    json_write_object(&writer, NULL);
    json_write_text(&writer, "a", "x");
    json_write_array(&writer, "b");
    json_write_i64(&writer, NULL, -1);
    json_write_object(&writer, NULL);
    json_write_end(&writer);
    json_write_bool(&writer, NULL, true);
    json_write_end(&writer);
    json_write_null(&writer, "c");
    json_write_end(&writer);
    assert_string_equal(out.data, "{\"a\":\"x\",\"b\":[-1,{},true],\"c\":null}");
    strbuf_deinit(&out);
}

static void indented_document(void **state)
{
    struct strbuf out = {0};
    struct json_writer writer = {.out = &out};
    json_write_object(&writer, NULL);
    json_write_array_line(&writer, "row");
    json_write_i64(&writer, NULL, 1);
    json_write_array(&writer, NULL);
    json_write_i64(&writer, NULL, 2);
    json_write_end(&writer);
    json_write_end(&writer);
    json_write_object(&writer, "empty");
    json_write_end(&writer);
    json_write_object(&writer, "o");
    json_write_u64(&writer, "k", UINT64_MAX);
    json_write_end(&writer);
    json_write_end(&writer);
    assert_string_equal(out.data, "{\n  \"row\": [1, [2]],\n  \"empty\": {},\n  \"o\": {\n"
                                  "    \"k\": 9223372036854775807\n  }\n}");
    strbuf_deinit(&out);
}

static void check_text(const char *text, const char *expected)
{
    struct strbuf out = {0};
    struct json_writer writer = {.out = &out, .compact = true};
    json_write_text(&writer, NULL, text);
    assert_string_equal(out.data, expected);
    strbuf_deinit(&out);
}

static void texts(void **state)
{
    check_text("", "\"\"");
    check_text("a\"b\\c/", "\"a\\\"b\\\\c/\"");
    check_text("\b\t\n\v\f\r\x1b\x7f", "\"\\b\\t\\n\\u000b\\f\\r\\u001b\\u007f\"");
    check_text("caf\xc3\xa9 \xed\x95\x9c \xf0\x9f\x98\x80", "\"caf\xc3\xa9 \xed\x95\x9c "
                                                            "\xf0\x9f\x98\x80\"");
    /* Not UTF-8: a stray byte, a cut character, an overlong slash, a surrogate, beyond U+10FFFF. */
    check_text("a\xff"
               "b",
               "\"a\xef\xbf\xbd"
               "b\"");
    check_text("\xc3", "\"\xef\xbf\xbd\"");
    check_text("\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"");
    check_text("\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    check_text("\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void check_number(double value, const char *expected)
{
    struct strbuf out = {0};
    struct json_writer writer = {.out = &out, .compact = true};
    json_write_number(&writer, NULL, value);
    assert_string_equal(out.data, expected);
    strbuf_deinit(&out);
}

static void numbers(void **state)
{
    check_number(0, "0");
    check_number(-0.0, "-0.0");
    check_number(5, "5");
    check_number(-12345678901234.0, "-12345678901234");
    check_number(0.1, "0.1");
    check_number(0.1 + 0.2, "0.30000000000000004");
    check_number(1e300, "1e+300");
    check_number(NAN, "null");
    check_number(-INFINITY, "null");
    const double awkward[] = {DBL_MAX, DBL_MIN, DBL_EPSILON, 1.0 / 3, 4.9e-324, 123456.789e-30};
    for (size_t i = 0; i < ARRAY_LEN(awkward); i++) {
        char text[32];
        assert_true(strtod(json_format_number(awkward[i], text), NULL) == awkward[i]);
    }
}

static void reals_and_seconds(void **state)
{
    struct strbuf out = {0};
    struct json_writer writer = {.out = &out, .compact = true};
    json_write_array(&writer, NULL);
    json_write_real(&writer, NULL, 5);
    json_write_real(&writer, NULL, 0.5);
    json_write_real(&writer, NULL, 1e300);
    json_write_real(&writer, NULL, NAN);
    json_write_seconds(&writer, NULL, 0);
    json_write_seconds(&writer, NULL, 1000000001);
    json_write_seconds(&writer, NULL, -1500000000);
    json_write_seconds(&writer, NULL, 30000000000);
    json_write_seconds(&writer, NULL, INT64_MIN);
    json_write_end(&writer);
    assert_string_equal(out.data,
                        "[5.0,0.5,1e+300,null,0,1.000000001,-1.5,30,-9223372036.854775808]");
    strbuf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compact_document),
        cmocka_unit_test(indented_document),
        cmocka_unit_test(texts),
        cmocka_unit_test(numbers),
        cmocka_unit_test(reals_and_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
