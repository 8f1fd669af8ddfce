/* test_profile_memory.c: every allocation of finding and reading a profile fails once: an error
 * that says so, and nothing leaks. */
#include "test_tree.h"

#include "format/profile.h"
#include "malloc_countdown.h"

static int load_both(const char *directory, struct error *err)
{
    struct profile builtin = {0}, own = {0};
    int rc = profile_load("automotive_safety", directory, "-p", NULL, 0, &builtin, err);
    if (rc == 0)
        rc = profile_load("night", directory, "-p", NULL, 0, &own, err);
    profile_deinit(&builtin);
    profile_deinit(&own);
    return rc;
}

static void every_allocation_fails_once(void **state)
{
    struct test_tree tree;
    test_tree_init(&tree);
    test_tree_write(&tree, "profiles/night.yaml", "limits: [wall_ms<=5]\ntags: [a]\n");
    bool fired = true;
    long n = 1;
    for (; fired; n++) {
        struct error err = {0};
        malloc_countdown_start(n);
        int rc = load_both(tree.path, &err);
        long live = malloc_countdown_live();
        fired = malloc_countdown_stop();
        if (rc < 0 && (rc != -ERROR_NOMEM || err.code != ERROR_NOMEM))
            fail_msg("allocation %ld: %d, \"%s\"", n, rc, err.message);
        assert_true(fired || rc == 0);
        if (MALLOC_COUNTDOWN_EXACT)
            assert_int_equal(live, 0);
    }
    assert_true(n > 20);
    test_tree_deinit(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
