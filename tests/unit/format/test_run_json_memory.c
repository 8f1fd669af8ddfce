/* test_run_json_memory.c: every allocation of writing and reading a run fails once: an error that
 * says so, and nothing leaks. */
#include "sample_run.h"

#include "format/run_csv.h"
#include "malloc_countdown.h"

static struct run_sink *fresh_run(void *context)
{
    struct run *run = context;
    run_init(run);
    return run_sink_of(run);
}

/* There and back; *ret_text is set only when all went well. */
static int there_and_back(const struct run *run, char **ret_text, struct error *err)
{
    struct strbuf out = {0}, csv = {0}, second = {0};
    struct run again = {0};
    int rc = run_json_write(run, true, &out, err);
    if (rc == 0)
        rc = run_csv_write(&run, 1, true, &csv, err);
    if (rc == 0)
        rc = run_json_read(out.data, out.len, "x.json", fresh_run, &again, err);
    if (rc == 0)
        rc = run_json_write(&again, true, &second, err);
    if (rc == 0) {
        *ret_text = second.data;
        second = (struct strbuf){0};
    }
    run_deinit(&again);
    strbuf_deinit(&out);
    strbuf_deinit(&csv);
    strbuf_deinit(&second);
    return rc;
}

static void every_allocation_fails_once(void **state)
{
    struct run run;
    struct error err = {0};
    char *expected = NULL;
    run_init(&run);
    assert_int_equal(sample_run_play(run_sink_of(&run), &(struct sample_options){0}, &err), 0);
    assert_int_equal(there_and_back(&run, &expected, &err), 0);
    bool fired = true;
    long n = 1;
    for (; fired; n++) {
        char *text = NULL;
        err = (struct error){0};
        malloc_countdown_start(n);
        int rc = there_and_back(&run, &text, &err);
        long live = malloc_countdown_live();
        fired = malloc_countdown_stop();
        if (rc < 0 && (rc != -ERROR_NOMEM || err.code != ERROR_NOMEM || text))
            fail_msg("allocation %ld: %d, \"%s\"", n, rc, err.message);
        if (rc == 0)
            assert_string_equal(text, expected);
        if (MALLOC_COUNTDOWN_EXACT)
            assert_int_equal(live, rc == 0 ? 1 : 0); /* the text */
        free(text);
    }
    assert_true(n > 100); /* else the countdown counts nothing */
    free(expected);
    run_deinit(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
