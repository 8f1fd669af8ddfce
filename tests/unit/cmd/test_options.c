/* The command line: every form of an option, what is refused and what is said then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "cmd/command.h"

struct parsed {
    struct command_context context;
    struct error err;
    int rc;
};

/* words: blank-separated; parsed in place. */
static void parse(struct parsed *parsed, const char *command, const char *words)
{
    static char copy[512];
    static char *argv[64];
    int argc = 0;
    memset(parsed, 0, sizeof(*parsed));
    parsed->context.command = command_find(command);
    assert_non_null(parsed->context.command);
    assert_int_equal(settings_init(&parsed->context.settings, NULL), 0);
    snprintf(copy, sizeof(copy), "tacho %s", words);
    for (char *rest = copy, *word; (word = strsep(&rest, " "));)
        if (*word)
            argv[argc++] = word;
    argv[argc] = NULL;
    parsed->rc = options_parse(&parsed->context, argc, argv, &parsed->err);
}

static void done(struct parsed *parsed)
{
    settings_deinit(&parsed->context.settings);
}

static void test_every_form_of_a_value(void **state)
{
    (void)state;
    static const char *const forms[] = {"-n5",       "-n 5", "--iterations 5", "--iterations=5",
                                        "-n 4 -n 5", "-qn5", "-vqn 5"};
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct parsed parsed;
        parse(&parsed, "run", forms[i]);
        assert_int_equal(parsed.rc, 0);
        assert_int_equal(settings_get_u64(&parsed.context.settings, SETTING_ITERATIONS), 5);
        assert_int_equal(parsed.context.settings.values[SETTING_ITERATIONS].source, SOURCE_FLAG);
        assert_int_equal(parsed.context.argument_count, 0);
        done(&parsed);
    }
}

static void test_origin_names_the_flag(void **state)
{
    (void)state;
    struct parsed parsed;
    parse(&parsed, "run", "--timeout 5 -n 3 --no-power");
    assert_int_equal(parsed.rc, 0);
    const struct setting_value *values = parsed.context.settings.values;
    assert_string_equal(values[SETTING_TIMEOUT].origin, "--timeout");
    assert_string_equal(values[SETTING_ITERATIONS].origin, "-n");
    assert_string_equal(values[SETTING_POWER_METRICS].origin, "--no-power");
    done(&parsed);
}

static void test_switches(void **state)
{
    (void)state;
    struct parsed parsed;
    parse(&parsed, "run", "--json --no-power -v --quiet --no-quiet --show-output=yes");
    assert_int_equal(parsed.rc, 0);
    const struct settings *settings = &parsed.context.settings;
    assert_true(settings_get_bool(settings, SETTING_JSON));
    assert_false(settings_get_bool(settings, SETTING_POWER_METRICS));
    assert_true(settings_get_bool(settings, SETTING_VERBOSE));
    assert_false(settings_get_bool(settings, SETTING_QUIET));
    assert_true(settings_get_bool(settings, SETTING_SHOW_OUTPUT));
    done(&parsed);
}

static void test_arguments_stand_anywhere(void **state)
{
    (void)state;
    struct parsed parsed;
    parse(&parsed, "runs", "show one --format json - two -q");
    assert_int_equal(parsed.rc, 0);
    static const char *const expected[] = {"show", "one", "-", "two"};
    assert_int_equal(parsed.context.argument_count, ARRAY_LEN(expected));
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        assert_string_equal(parsed.context.arguments[i], expected[i]);
    assert_null(parsed.context.arguments[ARRAY_LEN(expected)]);
    assert_true(settings_get_bool(&parsed.context.settings, SETTING_QUIET));
    done(&parsed);
}

static void test_lists_add_up(void **state)
{
    (void)state;
    struct parsed parsed;
    parse(&parsed, "run", "-l wall_ms<=3 --limit mean(user_ms)<=2 --limit=max(wall_ms)<=9");
    assert_int_equal(parsed.rc, 0);
    const struct setting_value *value = &parsed.context.settings.values[SETTING_LIMIT];
    assert_int_equal(value->list_count, 3);
    assert_string_equal(value->list[2], "max(wall_ms)<=9");
    done(&parsed);
}

struct refusal {
    const char *command, *words, *message;
};

static void test_refusals(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {"run", "--itertions 3", "unknown flag --itertions: did you mean --iterations?"},
        {"run", "--iter 3", "unknown flag --iter: did you mean --iterations?"},
        {"run", "--iteration=3", "unknown flag --iteration: did you mean --iterations?"},
        {"run", "--xyzzy", "unknown flag --xyzzy"},
        {"run", "-Z", "unknown flag -Z"},
        {"run", "--", NULL},
        {"run", "-n", "-n needs a value: N"},
        {"run", "--timeout", "--timeout needs a value: T"},
        {"run", "--no-power=1", "--no-power takes no value"},
        {"run", "--no-help", NULL},
        {"runs", "--iterations 3", "--iterations is no flag of this command"},
        {"doctor", "-n 3", "unknown flag -n"},
        {"run", "-n -1", NULL},
        {"run", "-n 0", NULL},
        {"run", "--format xml", NULL},
        {"run", "--json=perhaps", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        struct parsed parsed;
        parse(&parsed, refusals[i].command, refusals[i].words);
        if (strcmp(refusals[i].words, "--") == 0) {
            assert_int_equal(parsed.rc, 0); /* main cuts there; alone it ends the options */
        } else {
            assert_int_equal(error_exit_code(parsed.rc), 2);
            if (refusals[i].message)
                assert_string_equal(parsed.err.message, refusals[i].message);
        }
        done(&parsed);
    }
}

static void test_version_anywhere(void **state)
{
    (void)state;
    struct parsed parsed;
    parse(&parsed, "runs", "list --version");
    assert_int_equal(parsed.rc, 0);
    assert_true(parsed.context.wants_version);
    done(&parsed);
}

static void test_finding_the_command(void **state)
{
    (void)state;
    static const struct {
        const char *words[8];
        int at;
    } cases[] = {
        {{"tacho", "run", "-n", "5", NULL}, 1},
        {{"tacho", "--store", "run", "runs", NULL}, 3},
        {{"tacho", "--store=run", "runs", NULL}, 2},
        {{"tacho", "-q", "--json", "runs", NULL}, 3},
        {{"tacho", "-qo", "file", "runs", NULL}, 3},
        {{"tacho", "-ofile", "runs", NULL}, 2},
        {{"tacho", "--help", NULL}, 0},
        {{"tacho", "--", "run", NULL}, 0},
        {{"tacho", NULL}, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *argv[8];
        int argc = 0;
        for (; cases[i].words[argc]; argc++)
            argv[argc] = (char *)cases[i].words[argc];
        assert_int_equal(options_find_command(argc, argv), cases[i].at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form_of_a_value),
        cmocka_unit_test(test_origin_names_the_flag),
        cmocka_unit_test(test_switches),
        cmocka_unit_test(test_arguments_stand_anywhere),
        cmocka_unit_test(test_lists_add_up),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_version_anywhere),
        cmocka_unit_test(test_finding_the_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
