/* test_logs_memory.c: every allocation of analyzing a log fails once: an error that says so, and
 * nothing leaks. (Without --pattern: glibc's regcomp leaks where memory runs out inside of it.) */
#include "test_tree.h"

#include "analyze/file_analyzer.h"
#include "malloc_countdown.h"

extern const struct file_analyzer file_analyzer_logs;

static const char log_text[] =
    "2026-11-20 08:15:24 [WARN] hot\n"
    "2026-11-20 08:15:24 \033[1mlatency: 10ms\033[0m, queue: 3\n"
    "2026-11-20 08:15:25 latency: 90ms, queue: 4\n"
    "2026-11-20 08:15:26 latency: 11ms, queue: 5\n"
    "Out of memory: Killed process 12 (python) total-vm:3072kB, anon-rss:2048kB\n";

static int analyze(const char *path, struct error *err)
{
    struct analyze_options options = {
        .paths = &path,
        .path_count = 1,
        .threshold_ms = 4,
        .threads = 1,
    };
    struct analysis analysis;
    analysis_init(&analysis, "logs");
    int rc = file_analyzer_logs.files(&options, &analysis, err);
    analysis_deinit(&analysis);
    return rc;
}

static void every_allocation_fails_once(void **state)
{
    struct test_tree tree;
    char path[96];
    test_tree_init(&tree);
    test_tree_write(&tree, "a.log", log_text);
    snprintf(path, sizeof(path), "%s/a.log", tree.path);
    /* What the C library takes once for itself. */
    assert_int_equal(analyze(path, NULL), 0);
    bool fired = true;
    long n = 1;
    for (; fired; n++) {
        struct error err = {0};
        malloc_countdown_start(n);
        int rc = analyze(path, &err);
        long live = malloc_countdown_live();
        fired = malloc_countdown_stop();
        if (rc < 0 && (rc != -ERROR_NOMEM || err.code != ERROR_NOMEM))
            fail_msg("allocation %ld: %d, \"%s\"", n, rc, err.message);
        assert_true(fired || rc == 0);
        if (MALLOC_COUNTDOWN_EXACT && live != 0)
            fail_msg("allocation %ld: %ld blocks are not freed", n, live);
    }
    assert_true(n > 40);
    test_tree_deinit(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
