/* test_store_memory.c: every allocation between opening a store and loading from it fails once.
 *
 * For N = 1, 2, … a child opens a store, records a run, closes it and loads it, and its Nth
 * allocation fails. It must end well or with an error code; then the store must open, and the run
 * must be whole or not called complete, and every block must have been freed. Ends when N is larger
 * than the number of allocations. Where a fork costs a lot only every 16th N.
 */
#include "store_support.h"

#include "malloc_countdown.h"

#define STEP (MALLOC_COUNTDOWN_EXACT ? 1 : 16)
#define CHILD_FIRED 64 /* added to the exit status */

static int work(const char *directory)
{
    struct store *store = NULL;
    struct error err = {0};
    struct run run;
    run_init(&run);
    int rc = store_open_writable(directory, &store, &err);
    if (rc == 0)
        rc = record(store, &(struct sample_options){0}, &err);
    store_close(store);
    store = NULL;
    if (rc == 0)
        rc = store_open(directory, &store, &err);
    if (rc == 0)
        rc = store_load(store, SAMPLE_ID, run_sink_of(&run), &err);
    if (rc == 0 && (run.invocation_count != 5 || run.finding_count != 2))
        rc = -ERROR_INTERNAL;
    store_close(store);
    run_deinit(&run);
    if (rc < 0 && rc != -ERROR_NOMEM)
        fprintf(stderr, "%s: %s\n", err.file, err.message);
    return rc;
}

static int in_child(const char *directory, long n)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        malloc_countdown_start(n);
        int rc = work(directory);
        bool fired = malloc_countdown_stop();
        if (MALLOC_COUNTDOWN_EXACT && malloc_countdown_live() != 0)
            abort();
        _exit(-rc + (fired ? CHILD_FIRED : 0));
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFEXITED(status))
        fail_msg("allocation %ld: ended by signal %d", n, WTERMSIG(status));
    return WEXITSTATUS(status);
}

/* The store that the child left: absent, empty, or in order. */
static void check_left(const struct place *place, long n, const char *expected)
{
    struct store *store = NULL;
    struct error err = {0};
    int rc = store_open(place->store, &store, &err);
    if (rc == -ERROR_ABSENT)
        return;
    if (rc < 0)
        fail_msg("allocation %ld: %s", n, err.message);
    if (newest_state(store) == RUN_COMPLETE) {
        char *text = load_text(store, SAMPLE_ID);
        assert_string_equal(text, expected);
        free(text);
    }
    store_close(store);
    store = open_writable(place); /* and it can be written again */
    store_close(store);
}

static void every_allocation_fails_once(void **state)
{
    void *whole = NULL;
    assert_int_equal(place_setup(&whole), 0);
    struct store *store = open_writable(whole);
    record_well(store, SAMPLE_ID, NULL, 0);
    char *expected = load_text(store, SAMPLE_ID);
    store_close(store);
    place_teardown(&whole);

    long n = 1, tried = 0, survived = 0;
    bool fired = true;
    for (; fired; n += STEP, tried++) {
        void *place = NULL;
        assert_int_equal(place_setup(&place), 0);
        int status = in_child(((struct place *)place)->store, n);
        fired = status & CHILD_FIRED;
        int code = status & ~CHILD_FIRED;
        if (code == 0)
            survived++;
        else if (code != ERROR_NOMEM)
            fail_msg("allocation %ld: code %s", n, error_code_name(code));
        check_left(place, n, expected);
        place_teardown(&place);
    }
    print_message("%ld allocations refused, %ld of them not needed\n", tried - 1, survived - 1);
    assert_true(tried > 100); /* else the countdown counts nothing */
    assert_true(survived < tried / 2);
    free(expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
