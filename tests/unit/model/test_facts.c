/* Facts: every kind, replacing, copying, and what is not a value. */
#include "model_support.h"

#include "model/facts.h"

static void every_kind(void **state)
{
    struct facts facts = {0};
    const char *items[] = {"a", "b"};
    facts_text(&facts, "os", "Debian", "/etc/os-release");
    facts_number(&facts, "mem_total_mb", 3956.5, NULL);
    facts_integer(&facts, "cpus_online", 4, NULL);
    facts_bool(&facts, "ok", true, NULL);
    facts_list(&facts, "zones", items, 2, NULL);
    facts_list(&facts, "empty", NULL, 0, NULL);
    facts_null(&facts, "governor", REASON_DENIED, "/sys");
    assert_int_equal(facts.count, 7);
    assert_false(facts.failed);
    assert_string_equal(facts_get_text(&facts, "os", "?"), "Debian");
    assert_string_equal(facts_get(&facts, "os")->source, "/etc/os-release");
    assert_null(facts_get(&facts, "ok")->source);
    assert_true(facts_get(&facts, "mem_total_mb")->number == 3956.5);
    assert_int_equal(facts_get(&facts, "cpus_online")->integer, 4);
    assert_int_equal(facts_get(&facts, "ok")->kind, FACT_BOOL);
    assert_string_equal(facts_get(&facts, "zones")->list[1], "b");
    assert_int_equal(facts_get(&facts, "empty")->list_count, 0);
    assert_int_equal(facts_get(&facts, "governor")->reason, REASON_DENIED);
    assert_string_equal(facts_get_text(&facts, "governor", "?"), "?");
    assert_string_equal(facts_get_text(&facts, "none", "?"), "?");
    assert_null(facts_get(&facts, "none"));
    facts_deinit(&facts);
    assert_int_equal(facts.count, 0);
}

static void setting_again_replaces_in_place(void **state)
{
    struct facts facts = {0};
    facts_text(&facts, "a", "1", NULL);
    facts_text(&facts, "b", "2", NULL);
    facts_integer(&facts, "a", 3, "x");
    assert_int_equal(facts.count, 2);
    assert_string_equal(facts.items[0].key, "a");
    assert_int_equal(facts.items[0].kind, FACT_INTEGER);
    assert_int_equal(facts.items[0].integer, 3);
    facts_deinit(&facts);
}

static void no_value_is_null_with_a_reason(void **state)
{
    struct facts facts = {0};
    facts_number(&facts, "nan", NAN, NULL);
    facts_number(&facts, "inf", INFINITY, NULL);
    facts_text(&facts, "text", NULL, NULL);
    facts_null(&facts, "none", REASON_NONE, NULL);
    facts_foreach (&facts, fact) {
        assert_int_equal(fact->kind, FACT_NULL);
        assert_int_not_equal(fact->reason, REASON_NONE);
    }
    facts_deinit(&facts);
}

static void a_copy_owns_its_strings(void **state)
{
    struct facts source = {0}, copy = {0};
    const char *items[] = {"cpu: 1"};
    facts_text(&copy, "os", "old", NULL);
    facts_text(&copy, "kept", "yes", NULL);
    facts_text(&source, "os", "new", "somewhere");
    facts_list(&source, "list", items, 1, NULL);
    facts_null(&source, "nothing", REASON_ABSENT, NULL);
    facts_bool(&source, "bool", false, NULL);
    assert_int_equal(facts_copy(&copy, &source), 0);
    facts_deinit(&source);
    assert_int_equal(copy.count, 5);
    assert_string_equal(facts_get_text(&copy, "os", ""), "new");
    assert_string_equal(facts_get(&copy, "os")->source, "somewhere");
    assert_string_equal(facts_get_text(&copy, "kept", ""), "yes");
    assert_string_equal(facts_get(&copy, "list")->list[0], "cpu: 1");
    assert_int_equal(facts_get(&copy, "nothing")->reason, REASON_ABSENT);
    assert_int_equal(facts_get(&copy, "bool")->kind, FACT_BOOL);
    facts_deinit(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind),
        cmocka_unit_test(setting_again_replaces_in_place),
        cmocka_unit_test(no_value_is_null_with_a_reason),
        cmocka_unit_test(a_copy_owns_its_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
