/* test_growth_finding.c: the memory verdict as a sentence with numbers, evidence and an advice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "analyze/growth.h"

#define N 601

static double times[N], mb[N], work[N];

static void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in '%s'", part, text);
}

/* Ten minutes, a sample a second: level, and a growth that follows the work. */
static struct growth_verdict judge(double mb_per_unit, double limit_mb)
{
    const double *const counters[] = {work};
    struct growth_options options = {.limit_mb = limit_mb};
    struct growth_verdict verdict;
    for (size_t i = 0; i < N; i++) {
        times[i] = (double)i;
        work[i] = (double)i / 6 + 4 * sin((double)i / 30); /* never back: 1/6 > 4/30 */
        mb[i] = 1000 + mb_per_unit * work[i];
    }
    assert_int_equal(growth_of(times, mb, N, counters, 1, &options, &verdict), 0);
    return verdict;
}

static void a_leak_is_a_warning_with_everything(void **state)
{
    static const char *const names[] = {"point clouds"};
    struct growth_hints hints = {.subject = "recorder",
                                 .work_name = names,
                                 .limit_name = "the cgroup's limit",
                                 .arena_count = 12,
                                 .is_python = true};
    struct growth_verdict verdict = judge(13.5, 8192);
    struct finding finding;
    assert_true(growth_is_leak(verdict.class));
    growth_finding(&verdict, &hints, &finding);
    assert_string_equal(finding.rule, "memory_growth");
    assert_string_equal(finding.metric, "mem_track_anon_mb");
    assert_int_equal(finding.severity, SEVERITY_WARNING);
    assert_int_equal(finding.outcome, OUTCOME_NOT_JUDGED);
    assert_contains(finding.sentence, "memory of recorder grows steadily: 13");
    assert_contains(finding.sentence, "it follows point clouds: 13.5 MB for each");
    assert_contains(finding.sentence, "the cgroup's limit is reached in ");
    assert_true(finding.has_value && finding.has_interval);
    assert_true(finding.lo <= finding.value && finding.value <= finding.hi);
    assert_true(fabs(finding.value - 135) < 5);
    assert_string_equal(finding.unit, "MB/min");
    assert_int_equal(finding.n, N);
    assert_contains(finding.evidence, "windows of");
    assert_contains(finding.advice, "12 arenas");
    assert_contains(finding.advice, "memray");
    hints = (struct growth_hints){.shmem_mb = 5000};
    growth_finding(&verdict, &hints, &finding);
    assert_contains(finding.advice, "/dev/shm");
    assert_contains(finding.advice, "heaptrack");
    hints = (struct growth_hints){.is_rss = true, .file_mb = 5000};
    growth_finding(&verdict, &hints, &finding);
    assert_contains(finding.advice, "RssAnon");
}

static void no_growth_says_what_would_have_been_seen(void **state)
{
    struct growth_verdict verdict = judge(0, 0);
    struct finding finding;
    growth_finding(&verdict, NULL, &finding);
    assert_int_equal(finding.severity, SEVERITY_INFO);
    assert_contains(finding.sentence, "does not grow; a leak of 0.1");
    assert_true(finding.has_value);
    assert_true(strlen(finding.advice) > 0 && strlen(finding.evidence) > 0);
}

static void too_short_says_how_much_longer(void **state)
{
    struct growth_verdict verdict;
    struct finding finding;
    judge(1, 0);
    assert_int_equal(growth_of(times, mb, 61, NULL, 0, NULL, &verdict), 0);
    growth_finding(&verdict, NULL, &finding);
    assert_int_equal(finding.severity, SEVERITY_INFO);
    assert_contains(finding.sentence, "cannot be told yet: 2 min more");
    assert_false(finding.has_value);
    assert_int_equal(finding.n, 61);
}

/* A leak in bursts of a quarter of an hour: without its counter no leak for sure, and not level. */
static void bursts_are_never_called_level(void **state)
{
    static const char *const names[] = {"messages"};
    struct growth_hints hints = {.work_name = names};
    const double *const counters[] = {work};
    struct growth_verdict verdict;
    struct finding finding;
    for (size_t i = 0; i < N; i++) {
        bool is_busy = i / 100 % 2 == 0;
        times[i] = 6 * (double)i;
        work[i] = i == 0 ? 0 : work[i - 1] + (is_busy ? 20 : 0);
        mb[i] = 200 + 0.05 * work[i];
    }
    assert_int_equal(growth_of(times, mb, N, NULL, 0, NULL, &verdict), 0);
    growth_finding(&verdict, &hints, &finding);
    assert_int_equal(finding.severity, SEVERITY_INFO);
    assert_true(finding.has_interval && finding.lo > 0);
    assert_contains(finding.sentence, "memory of the program may grow: ");
    assert_contains(finding.advice, "--work-file");
    assert_int_equal(growth_of(times, mb, N, counters, 1, NULL, &verdict), 0);
    growth_finding(&verdict, &hints, &finding);
    assert_int_equal(finding.severity, SEVERITY_WARNING);
    assert_contains(finding.sentence, "grows with its work: ");
    assert_contains(finding.sentence, "; it follows messages: 0.05 MB for each");
    assert_null(strstr(finding.advice, "guard")); /* no command yet */
}

/* Every class has its own words, and none overflows, however long the names are. */
static void every_class_has_its_sentence(void **state)
{
    char name[400];
    const char *names[] = {name};
    struct growth_verdict verdict = judge(13.5, 8192);
    struct growth_hints hints = {.subject = name, .limit_name = name, .work_name = names};
    char sentences[GROWTH_CLASS_COUNT][384];
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    verdict.step_count = 2;
    verdict.step_mb = 40;
    verdict.step_at_s = 100;
    for (int class = 0; class < GROWTH_CLASS_COUNT; class ++) {
        struct finding finding;
        verdict.class = (enum growth_class) class;
        growth_finding(&verdict, &hints, &finding);
        assert_true(strlen(finding.sentence) > 20 && strlen(finding.advice) > 10);
        assert_int_equal(finding.severity,
                         growth_is_leak(verdict.class) ? SEVERITY_WARNING : SEVERITY_INFO);
        memcpy(sentences[class], finding.sentence, sizeof(finding.sentence));
        for (int other = 0; other < class; other++)
            assert_string_not_equal(sentences[class], sentences[other]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_leak_is_a_warning_with_everything),
        cmocka_unit_test(no_growth_says_what_would_have_been_seen),
        cmocka_unit_test(too_short_says_how_much_longer),
        cmocka_unit_test(bursts_are_never_called_level),
        cmocka_unit_test(every_class_has_its_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
