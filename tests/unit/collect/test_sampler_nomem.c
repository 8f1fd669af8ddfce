/* test_sampler_nomem.c: every allocation of opening the collectors fails once; nothing crashes or
 * leaks, and no column is silently lost: it either opens whole or says that memory ran out. */
#include "collect_test.h"

#include "collect/sampler.h"
#include "malloc_countdown.h"

static size_t channel_count(const struct sampler *sampler)
{
    size_t count;
    sampler_channels(sampler, &count);
    return count;
}

/* Returns how many allocations opening takes. */
static long open_with_failures(const char *tree, const char *const *names, size_t name_count)
{
    struct root root;
    struct sampler *sampler = NULL;
    test_root_open(&root, tree);
    struct collect_env env = {.root = &root, .interval_ns = NS_PER_S, .seed = 1};
    assert_int_equal(sampler_open(&env, names, name_count, &sampler, NULL), 0);
    size_t whole = channel_count(sampler);
    sampler_close(sampler);
    for (long n = 1;; n++) {
        struct error err = {0};
        sampler = NULL;
        malloc_countdown_start(n);
        int rc = sampler_open(&env, names, name_count, &sampler, &err);
        bool fired = malloc_countdown_stop();
        if (rc == 0) {
            if (channel_count(sampler) != whole)
                print_message("%s: the %ldth allocation lost columns\n", tree, n);
            assert_int_equal(channel_count(sampler), whole);
            sampler_close(sampler);
        } else {
            assert_null(sampler);
            assert_true(err.message[0]);
            if (rc != -ERROR_NOMEM)
                print_message("%s: the %ldth allocation: %s\n", tree, n, err.message);
            assert_int_equal(rc, -ERROR_NOMEM);
        }
        if (!fired) {
            root_close(&root);
            return n;
        }
    }
}

static void every_collector_of_every_tree(void **state)
{
    static const char *const trees[] = {"pc",        "pi5",      "jetson-nano", "xavier-nx",
                                        "orin-nano", "agx-orin", "hostile"};
    unsetenv("TACHO_NVML");
    for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++)
        assert_true(open_with_failures(trees[i], NULL, 0) > 10);
}

static void those_that_are_named(void **state)
{
    static const char *const names[] = {"proc", "thermal", "power", "synthetic"};
    assert_true(open_with_failures("pc", names, 4) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_collector_of_every_tree),
        cmocka_unit_test(those_that_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
