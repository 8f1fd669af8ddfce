/* test_traces_memory.c: every allocation of analyzing a log of tegrastats, and tables and logs of
 * memory, fails once: an error that says so, and nothing leaks. */
#include "test_tree.h"

#include <math.h>
#include <stdio.h>

#include "analyze/file_analyzer.h"
#include "base/str.h"
#include "malloc_countdown.h"

extern const struct file_analyzer file_analyzer_memory, file_analyzer_tegrastats;

static int analyze(const struct file_analyzer *analyzer, const char *const *paths, size_t count,
                   struct error *err)
{
    struct analyze_options options = {.paths = paths,
                                      .path_count = count,
                                      .throttle_threshold_c = 85,
                                      .memory_limit_mb = 4096,
                                      .threads = 1};
    struct analysis analysis;
    analysis_init(&analysis, analyzer->name);
    int rc = analyzer->files(&options, &analysis, err);
    analysis_deinit(&analysis);
    return rc;
}

static void fail_each_once(const struct file_analyzer *analyzer, const char *const *paths,
                           size_t count)
{
    bool fired = true;
    long n = 1;
    /* What the C library takes once for itself. */
    assert_int_equal(analyze(analyzer, paths, count, NULL), 0);
    for (; fired; n++) {
        struct error err = {0};
        malloc_countdown_start(n);
        int rc = analyze(analyzer, paths, count, &err);
        long live = malloc_countdown_live();
        fired = malloc_countdown_stop();
        if (rc < 0 && (rc != -ERROR_NOMEM || err.code != ERROR_NOMEM))
            fail_msg("allocation %ld: %d, \"%s\"", n, rc, err.message);
        assert_true(fired || rc == 0);
        /* An allocation whose failure costs something is no success. */
        if (fired && rc == 0)
            fail_msg("allocation %ld failed, and nobody said so", n);
        if (MALLOC_COUNTDOWN_EXACT && live != 0)
            fail_msg("allocation %ld: %ld blocks are not freed", n, live);
    }
    assert_true(n > 40);
}

static void a_board_that_throttles(void **state)
{
    struct strbuf log = {0};
    struct test_tree tree;
    char path[96];
    const char *paths[] = {path};
    test_tree_init(&tree);
    for (unsigned s = 0; s < 240; s++)
        strbuf_printf(&log,
                      "11-20-2026 08:%02u:%02u RAM %u/8000MB (lfb 2x4MB) SWAP %u/4000MB (cached "
                      "0MB) CPU [60%%@%u,off] GR3D_FREQ 97%%@[%u] cpu@%uC VDD_IN 9000mW/1mW\n",
                      s / 60, s % 60, 7000 + s, s, s < 120 ? 1500 : 800, s < 120 ? 1000 : 600,
                      s < 120 ? 50 : 90);
    strbuf_append(&log, "RAM 900/3964MB (lfb 2x4MB) CPU [5%@729] CPU@60C POM_5V_IN 2000/1\n");
    test_tree_write(&tree, "a.log", strbuf_get(&log));
    snprintf(path, sizeof(path), "%s/a.log", tree.path);
    fail_each_once(&file_analyzer_tegrastats, paths, 1);
    test_tree_deinit(&tree);
    strbuf_deinit(&log);
}

static void two_tables_and_a_log(void **state)
{
    struct strbuf table = {0}, log = {0};
    struct test_tree tree;
    char path[3][96];
    const char *paths[] = {path[0], path[1], path[2]};
    test_tree_init(&tree);
    strbuf_append(&table, "timestamp,messages,rss_mb\n");
    for (int i = 0; i < 240; i++) {
        strbuf_printf(&table, "%d,%d,%d\n", 1762000000 + i, 3 * i, 200 + 2 * i);
        strbuf_printf(&log, "  PID   RSS COMMAND\n  77 %d leaky\n", 204800 + 512 * i);
    }
    test_tree_write(&tree, "a.csv", strbuf_get(&table));
    test_tree_write(&tree, "b.csv", strbuf_get(&table));
    test_tree_write(&tree, "c.log", strbuf_get(&log));
    snprintf(path[0], sizeof(path[0]), "%s/a.csv", tree.path);
    snprintf(path[1], sizeof(path[1]), "%s/b.csv", tree.path);
    snprintf(path[2], sizeof(path[2]), "%s/c.log", tree.path);
    fail_each_once(&file_analyzer_memory, paths, 3);
    test_tree_deinit(&tree);
    strbuf_deinit(&table);
    strbuf_deinit(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_board_that_throttles),
        cmocka_unit_test(two_tables_and_a_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
