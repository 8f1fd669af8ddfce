/* The Markdown form: the same content, and nothing from outside becomes markup. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report_fixture.h"

static void check(struct fixture *fixture, const char *golden)
{
    struct strbuf out = {0};
    struct error err = {0};
    if (report_markdown(&fixture->run, &out, &err) < 0)
        fail_msg("%s", err.message);
    assert_golden(golden, strbuf_get(&out));
    strbuf_deinit(&out);
    fixture_deinit(fixture);
}

static void test_usual(void **state)
{
    (void)state;
    static const char *const command[] = {"sort", "words.txt", NULL};
    struct fixture fixture;
    struct finding finding;
    fixture_begin(&fixture, "야간", command, false);
    fixture_usual(&fixture, 22, 2);
    fixture_limit(&fixture, OUTCOME_PASS, "p50(wall_ms) <= 250 ms", 12.39, "ms", 20, 0,
                  "The median held.");
    finding_init(&finding, "drift", SEVERITY_WARNING, "wall_ms");
    finding_sentence(&finding, "Times drift.");
    finding_advice(&finding, "let the board cool");
    sink_finding(run_sink_of(&fixture.run), &finding, NULL);
    fixture_end(&fixture, RUN_COMPLETE);
    check(&fixture, "usual.md");
}

static void test_model(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_model(&fixture, 2, 12, true);
    fixture_end(&fixture, RUN_COMPLETE);
    check(&fixture, "model.md");
}

static void test_hostile_text(void **state)
{
    (void)state;
    static const char *const command[] = {"echo", "`rm`", "a|b", "<script>", NULL};
    struct fixture fixture;
    struct strbuf out = {0};
    fixture_begin(&fixture, "<b>*x*</b>", command, true);
    fixture_launches(&fixture, 3, 0);
    fixture_end(&fixture, RUN_INTERRUPTED);
    assert_int_equal(report_markdown(&fixture.run, &out, NULL), 0);
    assert_null(strstr(strbuf_get(&out), "\n<b>"));
    assert_non_null(strstr(strbuf_get(&out), "SYNTHETIC"));
    strbuf_deinit(&out);
    check(&fixture, "hostile.md");
}

static void test_empty(void **state)
{
    (void)state;
    static const char *const command[] = {"true", NULL};
    struct fixture fixture;
    fixture_begin(&fixture, NULL, command, false);
    fixture_end(&fixture, RUN_COMPLETE);
    check(&fixture, "empty.md");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usual),
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
