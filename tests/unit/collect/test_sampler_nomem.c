/* test_sampler_nomem.c: every allocation of opening the collectors, or of listing the devices,
 * fails once; nothing crashes or leaks, and nothing is silently lost: it is whole, or says that
 * memory ran out. */
#include "collect_test.h"

#include "collect/devices.h"
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

/* What is found beyond the facts of the environment. */
static size_t known_facts(const struct device_list *list)
{
    static const char *const own[] = {"cpus_present", "cores_online", "features", "clusters",
                                      "gpu_name",     "gpu_mhz_max",  "soc",      "node"};
    size_t known = list->absent.count + 100 * list->count;
    for (size_t i = 0; i < list->count; i++) {
        for (size_t k = 0; k < sizeof(own) / sizeof(own[0]); k++) {
            const struct fact *fact = facts_get(&list->items[i].facts, own[k]);
            known += fact && fact->kind != FACT_NULL;
        }
    }
    return known;
}

static void the_list_of_devices(void **state)
{
    static const char *const trees[] = {"pc", "xavier-nx", "orin-nano"};
    unsetenv("TACHO_NVML");
    for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++) {
        struct root root;
        struct device_list list;
        test_root_open(&root, trees[i]);
        assert_int_equal(devices_read(&root, &list, NULL), 0);
        size_t whole = known_facts(&list);
        devices_deinit(&list);
        bool fired = true;
        for (long n = 1; fired; n++) {
            malloc_countdown_start(n);
            int rc = devices_read(&root, &list, NULL);
            fired = malloc_countdown_stop();
            if (rc < 0) {
                assert_int_equal(rc, -ERROR_NOMEM);
                continue;
            }
            if (known_facts(&list) != whole)
                print_message("%s: the %ldth allocation lost facts\n", trees[i], n);
            assert_int_equal(known_facts(&list), whole);
            devices_deinit(&list);
        }
        root_close(&root);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_collector_of_every_tree),
        cmocka_unit_test(those_that_are_named),
        cmocka_unit_test(the_list_of_devices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
