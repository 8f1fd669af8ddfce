/* test_variability.c: which groups of two files are compared, and values of which most are equal.
 */
#include "file_analysis.h"

extern const struct file_analyzer file_analyzer_variability;

static int analyze_files(struct file_analysis *test)
{
    return file_analyzer_variability.files(&test->options, &test->analysis, &test->err);
}

static size_t changes(const struct file_analysis *test)
{
    return file_analysis_table(test, "changes")->row_count;
}

/* 20 rows a group, off by `spread` to both sides. */
static void add_file(struct file_analysis *test, const char *name, const char *const *groups,
                     size_t count, double spread)
{
    struct strbuf text = {0};
    strbuf_append(&text, "run_label,latency_ms\n");
    for (size_t i = 0; i < 20; i++) {
        for (size_t k = 0; k < count; k++)
            strbuf_printf(&text, "%s,%.2f\n", groups[k], 10 + (i % 2 ? spread : -spread));
    }
    file_analysis_add(test, name, strbuf_get(&text));
    strbuf_deinit(&text);
}

static void two_files_of_one_group_each_are_compared(void **state)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    add_file(&test, "a.csv", (const char *const[]){"old"}, 1, 2);
    add_file(&test, "b.csv", (const char *const[]){"new"}, 1, 1);
    assert_int_equal(analyze_files(&test), 0);
    assert_int_equal(changes(&test), 1);
    assert_string_equal(file_analysis_cell(&test, "changes", 0, "group")->text, "old → new");
    assert_non_null(file_analysis_finding(&test, "steadiness_changed"));
    assert_null(file_analysis_finding(&test, "no_group_in_both"));
}

static void groups_of_the_same_name_are_compared(void **state)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    add_file(&test, "a.csv", (const char *const[]){"x", "y"}, 2, 2);
    add_file(&test, "b.csv", (const char *const[]){"y"}, 1, 1);
    assert_int_equal(analyze_files(&test), 0);
    assert_int_equal(changes(&test), 1);
    assert_string_equal(file_analysis_cell(&test, "changes", 0, "group")->text, "y");
    assert_string_equal(file_analysis_table(&test, "changes")->note,
                        "1 group stands in one of the files only");
}

static void that_nothing_is_in_both_is_said(void **state)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    add_file(&test, "a.csv", (const char *const[]){"x", "y"}, 2, 2);
    add_file(&test, "b.csv", (const char *const[]){"z"}, 1, 1);
    assert_int_equal(analyze_files(&test), 0);
    assert_int_equal(changes(&test), 0);
    const struct finding *finding = file_analysis_finding(&test, "no_group_in_both");
    assert_non_null(finding);
    assert_non_null(strstr(finding->advice, "run_label"));
}

/* 18 times 10 and two of 100: the median absolute deviation is 0. */
static void values_that_are_mostly_equal_have_no_far_ones(void **state)
{
    CLEANUP(file_analysis_deinit) struct file_analysis test;
    file_analysis_init(&test);
    file_analysis_add(&test, "a.csv",
                      "latency_ms\n10\n10\n10\n10\n10\n10\n10\n10\n10\n10\n10\n10\n10\n10\n10\n10\n"
                      "10\n10\n100\n100\n");
    assert_int_equal(analyze_files(&test), 0);
    const struct finding *finding = file_analysis_finding(&test, "high_variability");
    assert_non_null(finding);
    assert_null(strstr(finding->sentence, "nan"));
    assert_non_null(strstr(finding->sentence, "at least half of them are 10"));
    assert_true(isnan(file_analysis_cell(&test, "groups", 0, "outliers_mad")->value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_files_of_one_group_each_are_compared),
        cmocka_unit_test(groups_of_the_same_name_are_compared),
        cmocka_unit_test(that_nothing_is_in_both_is_said),
        cmocka_unit_test(values_that_are_mostly_equal_have_no_far_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
