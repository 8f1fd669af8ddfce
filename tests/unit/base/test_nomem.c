/* Every allocation fails once: the error says so, nothing is lost and (under ASan) nothing leaks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/settings.h"
#include "base/text_table.h"
#include "base/yaml.h"
#include "malloc_countdown.h"

static char path[] = "/tmp/tacho-test-nomem-XXXXXX";

/* Runs action with its 1st, 2nd, … allocation failing until it succeeds; returns how many failed.
 */
static int each_failure(int (*action)(struct error *err))
{
    for (int i = 0; i < 10000; i++) {
        struct error err = {0};
        malloc_countdown_start(i + 1);
        int code = action(&err);
        if (!malloc_countdown_stop()) {
            assert_int_equal(code, 0);
            return i;
        }
        assert_int_equal(code, -ERROR_NOMEM);
        assert_string_equal(err.message, "out of memory");
    }
    fail_msg("it never succeeds");
    return 0;
}

static int load_settings(struct error *err)
{
    struct settings settings;
    int code = settings_init(&settings, err);
    if (code < 0)
        return code;
    code = settings_load_file(&settings, path, err);
    if (code == 0) {
        assert_int_equal(settings.values[SETTING_LIMIT].list_count, 300);
        assert_int_equal(settings_get_u64(&settings, SETTING_ITERATIONS), 7);
    }
    settings_deinit(&settings);
    return code;
}

static void settings_and_yaml(void **state)
{
    struct strbuf text = {0};
    strbuf_append(&text, "benchmark:\n  iterations: 7\n  duration: 3\nlimits:\n");
    for (int i = 0; i < 300; i++)
        strbuf_printf(&text, "  - some_metric_with_a_long_name_%d <= %d\n", i, i);
    assert_int_equal(file_write_atomic(path, text.data, text.len, NULL), 0);
    strbuf_deinit(&text);
    assert_in_range(each_failure(load_settings), 5, 9999);
}

static int read_all(struct error *err)
{
    char *data = NULL;
    size_t size;
    int code = file_read_all("/proc/self/status", 1 << 20, &data, &size, err);
    free(data);
    return code;
}

static void whole_files(void **state)
{
    assert_in_range(each_failure(read_all), 1, 9999);
}

static int render_table(struct error *err)
{
    struct text_table table;
    struct strbuf out = {0};
    text_table_init(&table, 3);
    for (int i = 0; i < 300; i++)
        text_table_row(&table, "a cell that takes some room", NULL, "another one");
    text_table_render(&table, 0, &out);
    bool failed = out.failed;
    text_table_deinit(&table);
    strbuf_deinit(&out);
    return failed ? error_set(err, ERROR_NOMEM, "out of memory") : 0;
}

static void tables_remember(void **state)
{
    assert_in_range(each_failure(render_table), 5, 9999);
}

static int set_up(void **state)
{
    int fd = mkstemp(path);
    close(fd);
    return fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_and_yaml),
        cmocka_unit_test(whole_files),
        cmocka_unit_test(tables_remember),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
