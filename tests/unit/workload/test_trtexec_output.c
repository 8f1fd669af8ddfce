/* test_trtexec_output.c: what is taken from the text of trtexec. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/util.h"
#include "workload/trtexec/internal.h"

static const char *reason_of(const char *text)
{
    static char line[TRTEXEC_LINE_MAX];
    trtexec_text_reason(text, line, sizeof(line));
    return line;
}

static void test_reason_is_the_first_error(void **state)
{
    assert_string_equal(reason_of("&&&& RUNNING TensorRT.trtexec [TensorRT v8601] # trtexec\n"
                                  "[12/31/2026-12:00:00] [I] === Model Options ===\n"
                                  "[12/31/2026-12:00:00] [E] Error[1]: version tag\n"
                                  "[12/31/2026-12:00:00] [E] Engine could not be created\n"
                                  "&&&& FAILED TensorRT.trtexec [TensorRT v8601] # trtexec\n"),
                        "[E] Error[1]: version tag");
}

static void test_reason_without_error_is_the_last_line(void **state)
{
    assert_string_equal(reason_of("[12/31/2026-12:00:00] [I] one\r\n"
                                  "trtexec: error while loading shared libraries: libx.so\r\n"
                                  "  \n\n&&&& FAILED TensorRT.trtexec\n"),
                        "trtexec: error while loading shared libraries: libx.so");
    assert_string_equal(reason_of("without a line end"), "without a line end");
    assert_string_equal(reason_of("&&&& FAILED only\n"), "");
    assert_string_equal(reason_of(""), "");
}

static void test_reason_is_fit_to_be_shown(void **state)
{
    char text[2 * TRTEXEC_LINE_MAX];
    assert_string_equal(reason_of("[E] \033[31mred\n"), "[E] ?[31mred");
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(strlen(reason_of(text)), TRTEXEC_LINE_MAX - 1);
    /* Brackets that are no time stamp, or have no end. */
    assert_string_equal(reason_of("[1"), "[1");
    assert_string_equal(reason_of("[E"), "[E");
}

static void test_line(void **state)
{
    char line[TRTEXEC_LINE_MAX] = "before";
    const char *text = "[12/31/2026-12:00:00] [I] Throughput: 787.4 qps\nThroughput: 2 qps\n";
    assert_true(trtexec_text_line(text, "Throughput: ", line, sizeof(line)));
    assert_string_equal(line, "Throughput: 787.4 qps");
    assert_false(trtexec_text_line(text, "Latency: ", line, sizeof(line)));
    assert_string_equal(line, "Throughput: 787.4 qps");
}

/* A long text keeps its beginning, where the version stands, and its end, where the error does. */
static void test_both_ends(void **state)
{
    char path[] = "/tmp/tacho-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    fputs("the first line\n", file);
    for (int i = 0; i < 20000; i++)
        fprintf(file, "line %d of the middle\n", i);
    fputs("NUL:", file);
    fputc('\0', file);
    fputs("\nthe last line", file);
    fclose(file);
    CLEANUP_FREE char *text = NULL;
    size_t size = 0;
    assert_int_equal(trtexec_text_read(path, &text, &size, NULL), 0);
    assert_int_equal(strlen(text), size);
    assert_int_equal(strncmp(text, "the first line\n", 15), 0);
    assert_string_equal(text + size - 13, "the last line");
    assert_null(strstr(text, "line 10000 of"));
    assert_string_equal(reason_of(text), "the last line");
    unlink(path);
}

static void test_file_that_is_not_there(void **state)
{
    struct error err = {0};
    char *text = NULL;
    size_t size = 0;
    int rc = trtexec_text_read("/nonexistent/output.txt", &text, &size, &err);
    assert_int_equal(rc, -ERROR_ABSENT);
    assert_null(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reason_is_the_first_error),
        cmocka_unit_test(test_reason_without_error_is_the_last_line),
        cmocka_unit_test(test_reason_is_fit_to_be_shown),
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_both_ends),
        cmocka_unit_test(test_file_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
