/* Findings and the verdict over them. */
#include "model_support.h"

#include "model/finding.h"

static enum outcome verdict_over(const char *outcomes, int *ret_exit, struct verdict *ret)
{
    struct finding findings[8] = {0};
    size_t count = strlen(outcomes);
    for (size_t i = 0; i < count; i++) {
        findings[i].outcome = outcomes[i] == 'p'   ? OUTCOME_PASS
                              : outcomes[i] == 'f' ? OUTCOME_FAIL
                              : outcomes[i] == 'u' ? OUTCOME_UNDECIDED
                              : outcomes[i] == 'w' ? OUTCOME_WAIVED
                                                   : OUTCOME_NOT_JUDGED;
    }
    *ret = verdict_of(findings, count);
    *ret_exit = verdict_exit_code(ret);
    return ret->outcome;
}

static void the_verdict_is_the_worst_limit(void **state)
{
    static const struct {
        const char *outcomes;
        enum outcome expected;
        int exit_code;
    } rows[] = {
        {"", OUTCOME_NOT_JUDGED, 0},  {"---", OUTCOME_NOT_JUDGED, 0}, {"p", OUTCOME_PASS, 0},
        {"pp-", OUTCOME_PASS, 0},     {"pfu", OUTCOME_FAIL, 1},       {"puw", OUTCOME_UNDECIDED, 3},
        {"w", OUTCOME_NOT_JUDGED, 0}, {"wp", OUTCOME_PASS, 0},        {"f", OUTCOME_FAIL, 1},
        {"-u", OUTCOME_UNDECIDED, 3},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int exit_code;
        struct verdict verdict;
        assert_int_equal(verdict_over(rows[i].outcomes, &exit_code, &verdict), rows[i].expected);
        assert_int_equal(exit_code, rows[i].exit_code);
    }
    int exit_code;
    struct verdict verdict;
    verdict_over("ppfuw-", &exit_code, &verdict);
    assert_int_equal(verdict.passed, 2);
    assert_int_equal(verdict.failed, 1);
    assert_int_equal(verdict.undecided, 1);
    assert_int_equal(verdict.waived, 1);
}

static void names(void **state)
{
    for (int i = OUTCOME_NOT_JUDGED; i <= OUTCOME_WAIVED; i++)
        assert_int_equal(outcome_parse(outcome_name((enum outcome)i)), i);
    assert_string_equal(outcome_name(OUTCOME_UNDECIDED), "undecided");
    assert_string_equal(outcome_name((enum outcome)77), "none");
    assert_int_equal(outcome_parse("PASS"), -1);
    assert_string_equal(severity_name(SEVERITY_INFO), "info");
    assert_string_equal(severity_name(SEVERITY_WARNING), "warning");
}

static void text_is_cut_between_characters_and_printable(void **state)
{
    struct finding finding;
    finding_init(&finding, "a_rule_whose_name_is_far_too_long_for_it", SEVERITY_INFO, NULL);
    assert_int_equal(strlen(finding.rule), sizeof(finding.rule) - 1);
    assert_string_equal(finding.metric, "");
    char text[1200] = "x";
    while (strlen(text) + 2 < sizeof(text))
        strcat(text, "\u00e9"); /* two bytes */
    finding_sentence(&finding, "%s", text);
    size_t length = strlen(finding.sentence);
    assert_int_equal(length, 383);
    finding_sentence(&finding, "x%s", text);
    assert_int_equal(strlen(finding.sentence), 382); /* 383 would split a character */
    finding_advice(&finding, "a%cb\n%s", 27, "c");
    assert_null(strchr(finding.advice, 27));
    assert_null(strchr(finding.advice, '\n'));
    finding_evidence(&finding, "%s:%d", "file", 7);
    assert_string_equal(finding.evidence, "file:7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_verdict_is_the_worst_limit),
        cmocka_unit_test(names),
        cmocka_unit_test(text_is_cut_between_characters_and_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
