/* The tables behind --help and completion hold together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "cmd/command.h"

static void test_commands_are_distinct_and_complete(void **state)
{
    (void)state;
    for (size_t i = 0; commands[i]; i++) {
        const struct command *command = commands[i];
        assert_non_null(command->summary);
        assert_non_null(command->usage);
        assert_non_null(command->run);
        assert_true(command->bit != 0);
        assert_ptr_equal(command_find(command->name), command);
        if (command->alias)
            assert_ptr_equal(command_find(command->alias), command);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(commands[j]->name, command->name);
    }
    assert_null(command_find("nosuch"));
    assert_null(command_find(""));
}

static void test_no_flag_means_two_things_in_one_command(void **state)
{
    (void)state;
    for (size_t c = 0; commands[c]; c++)
        for (int i = 0; i < SETTING_COUNT; i++)
            for (int j = 0; j < i; j++) {
                const struct setting *a = &settings_table[i], *b = &settings_table[j];
                if (!options_takes(a, commands[c]->bit) || !options_takes(b, commands[c]->bit))
                    continue;
                assert_string_not_equal(a->flag, b->flag);
                assert_false(a->short_flag && a->short_flag == b->short_flag);
            }
}

/* Where "no-x" is a setting of its own, "x" must not offer it as its opposite. */
static void test_a_flag_that_is_named_no_is_nobodys_opposite(void **state)
{
    int pairs = 0;
    for (size_t c = 0; commands[c]; c++) {
        struct strbuf out = {0};
        help_command(commands[c], &out, false);
        for (int i = 0; i < SETTING_COUNT; i++)
            for (int j = 0; j < SETTING_COUNT; j++) {
                const struct setting *a = &settings_table[i], *b = &settings_table[j];
                char negated[64];
                if (!options_takes(a, commands[c]->bit) || !options_takes(b, commands[c]->bit) ||
                    strncmp(a->flag, "no-", 3) != 0 || strcmp(a->flag + 3, b->flag) != 0)
                    continue;
                snprintf(negated, sizeof(negated), "--[no-]%s ", b->flag);
                assert_null(strstr(strbuf_get(&out), negated));
                pairs++;
            }
        strbuf_deinit(&out);
    }
    assert_true(pairs > 0); /* --no-auto and --auto */
}

static void test_help_shows_every_flag_within_80_columns(void **state)
{
    (void)state;
    for (size_t c = 0; commands[c]; c++) {
        struct strbuf out = {0};
        help_command(commands[c], &out, false);
        assert_null(strchr(strbuf_get(&out), '\033'));
        for (int i = 0; i < SETTING_COUNT; i++) {
            char flag[64], negated[64];
            if (!options_takes(&settings_table[i], commands[c]->bit))
                continue;
            snprintf(flag, sizeof(flag), "--%s", settings_table[i].flag);
            snprintf(negated, sizeof(negated), "--[no-]%s", settings_table[i].flag);
            assert_true(strstr(strbuf_get(&out), flag) || strstr(strbuf_get(&out), negated));
        }
        for (const char *line = strbuf_get(&out); *line;) {
            char buf[512];
            size_t length = strcspn(line, "\n");
            snprintf(buf, sizeof(buf), "%.*s", (int)length, line);
            if (str_width(buf) > 80)
                fail_msg("%s: %s", commands[c]->name, buf);
            line += length + (line[length] == '\n');
        }
        strbuf_deinit(&out);
    }
}

static void test_wrap_keeps_words_and_brackets(void **state)
{
    (void)state;
    struct strbuf out = {0};
    help_wrap(&out, "aaaa bbbb [default: 5m]", 66, 4);
    assert_string_equal(strbuf_get(&out), "aaaa bbbb\n    [default: 5m]\n");
    strbuf_deinit(&out);
}

static void test_unknown_command(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(command_unknown("docter", &err), -ERROR_USAGE);
    assert_string_equal(err.message, "unknown command 'docter': did you mean doctor?");
    command_unknown("ffmpeg", &err);
    assert_string_equal(err.message, "unknown command 'ffmpeg'");
    assert_non_null(strstr(err.hint, "tacho run -- ffmpeg"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands_are_distinct_and_complete),
        cmocka_unit_test(test_no_flag_means_two_things_in_one_command),
        cmocka_unit_test(test_a_flag_that_is_named_no_is_nobodys_opposite),
        cmocka_unit_test(test_help_shows_every_flag_within_80_columns),
        cmocka_unit_test(test_wrap_keeps_words_and_brackets),
        cmocka_unit_test(test_unknown_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
