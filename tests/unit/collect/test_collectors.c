/* test_collectors.c: THE table. */
#include "collect_test.h"

static void rows_are_complete_and_names_unique(void **state)
{
    for (size_t i = 0; collectors[i]; i++) {
        const struct collector *row = collectors[i];
        assert_non_null(row->name);
        assert_non_null(row->summary);
        assert_true(row->cost_ns > 0);
        assert_true(row->probe && row->open && row->sample && row->close);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(row->name, collectors[j]->name);
    }
}

static void finds_by_name_and_alias(void **state)
{
    for (size_t i = 0; collectors[i]; i++)
        assert_ptr_equal(collector_find(collectors[i]->name), collectors[i]);
    assert_ptr_equal(collector_find("psutil"), collector_find("proc"));
    assert_ptr_equal(collector_find("tegrastats"), collector_find("tegra"));
    assert_null(collector_find("prc"));
    assert_null(collector_find(""));
}

static void only_synthetic_invents(void **state)
{
    for (size_t i = 0; collectors[i]; i++)
        assert_int_equal(collectors[i]->synthetic, strcmp(collectors[i]->name, "synthetic") == 0);
}

/* Whatever a tree holds: probing, opening and sampling survive it, and what opens has either a
 * value that can be or none. */
static void every_collector_survives_every_tree(void **state)
{
    static const char *const trees[] = {"pc",        "pi5",      "jetson-nano", "xavier-nx",
                                        "orin-nano", "agx-orin", "hostile"};
    for (size_t t = 0; t < sizeof(trees) / sizeof(trees[0]); t++) {
        struct root root;
        test_root_open(&root, trees[t]);
        for (size_t i = 0; collectors[i]; i++) {
            struct collect_env env = {.root = &root, .interval_ns = NS_PER_S, .seed = 1};
            struct probe_result probe;
            struct test_collector test;
            collectors[i]->probe(&env, &probe);
            assert_true(memchr(probe.detail, '\0', sizeof(probe.detail)) && probe.detail[0]);
            int rc = test_try_open(&test, collectors[i]->name, &root, NULL);
            if (probe.reason == REASON_NONE)
                assert_int_equal(rc, 0);
            for (int round = 0; rc == 0 && round < 3; round++) {
                test_sample_target(&test, 77, 1);
                for (size_t c = 0; c < test.channels.count; c++) {
                    if (test.channels.items[c].reason != REASON_NONE)
                        ASSERT_NAN(test.values[c]);
                    else
                        assert_false(isinf(test.values[c]));
                }
            }
            test_close(&test);
        }
        root_close(&root);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_complete_and_names_unique),
        cmocka_unit_test(finds_by_name_and_alias),
        cmocka_unit_test(only_synthetic_invents),
        cmocka_unit_test(every_collector_survives_every_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
