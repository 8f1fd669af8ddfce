/* test_events_memory.c: every allocation of analyzing a log with its metrics fails once: an error
 * that says so, and nothing leaks. */
#include "events_fixture.h"

#include "malloc_countdown.h"

static void every_allocation_fails_once(void **state)
{
    struct fixture fixture = {0};
    for (int i = 0; i < 300; i++) {
        char local[16], master[16];
        snprintf(local, sizeof(local), "L%d", i / 5);
        snprintf(master, sizeof(master), "%d", i / 4);
        double at = i < 150 ? i : i - 4000; /* a jump */
        row(&fixture, at, i % 4 ? "A" : "B", local, master, i % 4 ? "TRACKING" : "MATCHED");
        if (i % 4 == 3)
            row(&fixture, at + 0.1, "", "", master, i % 8 == 3 ? "PICKUP" : "DISAPPEAR");
    }
    strbuf_append(&fixture.metrics, "timestamp,inference_ms_p99\n");
    for (int i = -4000; i < 160; i += 20)
        strbuf_printf(&fixture.metrics, "%.1f,%d\n", EVENTS_BEGIN + i, 20 + i % 7);
    char *path = write_file(&fixture.text), *metrics = write_file(&fixture.metrics);
    bool fired = true;
    long n = 1;
    for (; fired; n++) {
        struct fixture run = {0};
        malloc_countdown_start(n);
        int rc = analyze_paths(&run, path, metrics);
        analysis_deinit(&run.analysis);
        long live = malloc_countdown_live();
        fired = malloc_countdown_stop();
        if (rc < 0 && (rc != -ERROR_NOMEM || run.err.code != ERROR_NOMEM))
            fail_msg("allocation %ld: %d, \"%s\"", n, rc, run.err.message);
        assert_true(fired || rc == 0);
        if (MALLOC_COUNTDOWN_EXACT)
            assert_int_equal(live, 0);
    }
    assert_true(n > 50);
    unlink(path);
    unlink(metrics);
    free(path);
    free(metrics);
    strbuf_deinit(&fixture.text);
    strbuf_deinit(&fixture.metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
