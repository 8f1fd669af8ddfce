/* options.c: the command line of one command, from THE settings table, by getopt_long.
 *
 * getopt_long alone would accept abbreviated names (`--iter`), which would break the day a second
 * flag starts alike; and it permutes argv behind our back. So it runs in "+" mode, stops at each
 * positional argument, and the name of every long option is compared with what was typed.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cmd/command.h"

/* val of a long option: LONG_BASE + 2 * setting + (1 if --no-x); above every short flag. */
#define LONG_BASE 1024
#define LONG_VERSION 512

struct option_set {
    struct option longs[2 * SETTING_COUNT + 2];
    char negated[SETTING_COUNT][48];
    char shorts[3 * SETTING_COUNT + 3];
};

bool options_takes(const struct setting *setting, uint32_t bit)
{
    return setting->flag && (setting->commands & bit);
}

static bool has_negation(const struct setting *setting, uint32_t bit)
{
    if (setting->type != SETTING_TYPE_BOOL || strcmp(setting->flag, "help") == 0 ||
        str_starts_with(setting->flag, "no-"))
        return false;
    /* --no-auto is a setting of its own, and not the opposite of --auto. */
    for (int id = 0; id < SETTING_COUNT; id++)
        if (options_takes(&settings_table[id], bit) &&
            str_starts_with(settings_table[id].flag, "no-") &&
            strcmp(settings_table[id].flag + strlen("no-"), setting->flag) == 0)
            return false;
    return true;
}

static void option_set_init(struct option_set *set, uint32_t bit)
{
    memset(set, 0, sizeof(*set));
    char *shorts = set->shorts;
    *shorts++ = '+'; /* stop at the first positional argument */
    *shorts++ = ':'; /* tell a missing value from an unknown flag */
    struct option *out = set->longs;
    for (int id = 0; id < SETTING_COUNT; id++) {
        const struct setting *setting = &settings_table[id];
        if (!options_takes(setting, bit))
            continue;
        bool is_bool = setting->type == SETTING_TYPE_BOOL;
        *out++ = (struct option){setting->flag, is_bool ? optional_argument : required_argument,
                                 NULL, LONG_BASE + 2 * id};
        if (has_negation(setting, bit)) {
            snprintf(set->negated[id], sizeof(set->negated[id]), "no-%s", setting->flag);
            *out++ = (struct option){set->negated[id], no_argument, NULL, LONG_BASE + 2 * id + 1};
        }
        if (setting->short_flag) {
            *shorts++ = setting->short_flag;
            if (!is_bool)
                *shorts++ = ':';
        }
    }
    *out = (struct option){"version", no_argument, NULL, LONG_VERSION};
}

static const struct setting *setting_of_short(char flag, uint32_t bit, enum setting_id *ret_id)
{
    for (int id = 0; id < SETTING_COUNT; id++)
        if (options_takes(&settings_table[id], bit) && settings_table[id].short_flag == flag) {
            *ret_id = (enum setting_id)id;
            return &settings_table[id];
        }
    return NULL;
}

/* name: "iterations" of "--iterations=5"; length without "=…". */
static const struct setting *setting_of_long(const char *name, size_t length, uint32_t bit)
{
    for (int id = 0; id < SETTING_COUNT; id++) {
        const struct setting *setting = &settings_table[id];
        if (options_takes(setting, bit) && strlen(setting->flag) == length &&
            memcmp(setting->flag, name, length) == 0)
            return setting;
    }
    return NULL;
}

/* Which other command would take this flag; NULL: none. */
static const char *command_with_flag(const char *name)
{
    const struct setting *setting = setting_of_long(name, strlen(name), COMMAND_ALL);
    if (!setting)
        return NULL;
    for (const struct command *const *row = commands; *row; row++)
        if (options_takes(setting, (*row)->bit))
            return (*row)->name;
    return NULL;
}

static int hint_help(const struct command *command, struct error *err)
{
    /* Without a command's name it is `help` that parses. */
    if (command->flags & COMMAND_NO_CONFIG)
        return error_hint(err, "all flags: tacho COMMAND --help");
    return error_hint(err, "all flags: tacho %s --help", command->name);
}

static int fail_unknown_long(const struct command *command, const struct option_set *set,
                             const char *typed, struct error *err)
{
    char name[128];
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(typed + 2, "="), typed + 2);
    const char *candidates[2 * SETTING_COUNT + 2];
    size_t count = 0;
    for (const struct option *option = set->longs; option->name; option++)
        candidates[count++] = option->name;
    const char *owner = command_with_flag(name);
    int nearest = str_nearest(name, candidates, count);
    if (owner) {
        error_set(err, ERROR_USAGE, "--%s is no flag of this command", name);
        return error_hint(err, "it belongs to: tacho %s", owner);
    }
    if (nearest >= 0)
        return error_set(err, ERROR_USAGE, "unknown flag --%s: did you mean --%s?", name,
                         candidates[nearest]);
    /* An abbreviation is the other common slip. */
    for (size_t i = 0; i < count && name[0]; i++)
        if (str_starts_with(candidates[i], name))
            return error_set(err, ERROR_USAGE, "unknown flag --%s: did you mean --%s?", name,
                             candidates[i]);
    error_set(err, ERROR_USAGE, "unknown flag --%s", name);
    return hint_help(command, err);
}

static int fail_unknown(const struct command *command, const struct option_set *set,
                        const char *typed, struct error *err)
{
    if (str_starts_with(typed, "--") && optopt == 0)
        return fail_unknown_long(command, set, typed, err);
    if (str_starts_with(typed, "--"))
        return error_set(err, ERROR_USAGE, "%.*s takes no value", (int)strcspn(typed, "="), typed);
    error_set(err, ERROR_USAGE, "unknown flag -%c", optopt);
    return hint_help(command, err);
}

static int fail_missing_value(const struct command *command, const char *typed, struct error *err)
{
    enum setting_id id;
    const struct setting *setting;
    if (optopt >= LONG_BASE)
        setting = &settings_table[(optopt - LONG_BASE) / 2];
    else
        setting = setting_of_short((char)optopt, command->bit, &id);
    return error_set(err, ERROR_USAGE, "%s needs a value: %s", typed,
                     setting && setting->arg ? setting->arg : "VALUE");
}

/* One option as getopt_long returned it; typed is the argv element it stood in. */
static int apply(struct command_context *context, const struct option_set *set, int value,
                 const char *typed, const char *argument, struct error *err)
{
    enum setting_id id;
    const char *text = argument;
    char origin[64];
    if (value >= LONG_BASE || value == LONG_VERSION) {
        size_t length = strcspn(typed + 2, "=");
        const char *name = "version";
        if (value != LONG_VERSION) {
            id = (enum setting_id)((value - LONG_BASE) / 2);
            name = (value - LONG_BASE) % 2 ? set->negated[id] : settings_table[id].flag;
        }
        if (strlen(name) != length || memcmp(name, typed + 2, length) != 0)
            return fail_unknown_long(context->command, set, typed, err);
        if (value == LONG_VERSION) {
            context->wants_version = true;
            return 0;
        }
        if ((value - LONG_BASE) % 2)
            text = "false";
        snprintf(origin, sizeof(origin), "--%s", name);
    } else {
        if (!setting_of_short((char)value, context->command->bit, &id))
            return error_set(err, ERROR_INTERNAL, "flag -%c is in no table", value);
        snprintf(origin, sizeof(origin), "-%c", value);
    }
    return settings_set(&context->settings, id, text, SOURCE_FLAG, origin, err);
}

/* A word that can be no program: a model, or a verb of the command. */
static bool names_model(const struct command_context *context, const char *word)
{
    static const char *const models[] = {"detector", "classifier"};
    static const char *const endings[] = {".onnx", ".engine", ".plan", ".trt"};
    for (size_t i = 0; i < ARRAY_LEN(models); i++)
        if (strcmp(word, models[i]) == 0)
            return true;
    for (size_t i = 0; i < ARRAY_LEN(endings); i++)
        if (str_ends_with(word, endings[i]))
            return true;
    const struct command_verb *verb = context->command->verbs;
    for (; verb && verb->name; verb++)
        if (strcmp(word, verb->name) == 0)
            return true;
    return false;
}

/* In `tacho run ls -l` the -l was meant for ls. */
static void hint_program(const struct command_context *context, const char *const *arguments,
                         int count, struct error *err)
{
    if (count > 0 && !context->program && context->command->flags & COMMAND_TAKES_PROGRAM &&
        !names_model(context, arguments[0]))
        error_hint(err, "is %s the program? Then put -- before it: tacho %s -- %s …", arguments[0],
                   context->command->name, arguments[0]);
}

int options_parse(struct command_context *context, int argc, char **argv, struct error *err)
{
    struct option_set set;
    option_set_init(&set, context->command->bit);
    const char **arguments =
        arena_alloc(&context->settings.arena, ((size_t)argc + 1) * sizeof(*arguments));
    if (!arguments)
        return error_set(err, ERROR_NOMEM, "out of memory");
    int count = 0;
    opterr = 0;
    optind = 0; /* glibc: start over, and read the leading "+" again */
    for (;;) {
        int at = optind ? optind : 1;
        int value = getopt_long(argc, argv, set.shorts, set.longs, NULL);
        if (value == -1) {
            if (optind >= argc)
                break;
            arguments[count++] = argv[optind++];
            continue;
        }
        int rc;
        if (value == ':')
            rc = fail_missing_value(context->command, argv[at], err);
        else if (value == '?')
            rc = fail_unknown(context->command, &set, argv[at], err);
        else
            rc = apply(context, &set, value, argv[at], optarg, err);
        if (rc < 0) {
            hint_program(context, arguments, count, err);
            return rc;
        }
    }
    context->arguments = arguments;
    context->argument_count = count;
    return 0;
}

/* Whether the value of this option stands in the next word. */
static bool value_follows(const char *word)
{
    if (str_starts_with(word, "--")) {
        const struct setting *setting =
            setting_of_long(word + 2, strcspn(word + 2, "="), COMMAND_ALL);
        return setting && setting->type != SETTING_TYPE_BOOL && !strchr(word, '=');
    }
    for (const char *flag = word + 1; *flag; flag++) {
        enum setting_id id;
        const struct setting *setting = setting_of_short(*flag, COMMAND_ALL, &id);
        if (!setting)
            return false;
        if (setting->type != SETTING_TYPE_BOOL)
            return flag[1] == '\0';
    }
    return false;
}

int options_find_command(int argc, char *const *argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (argv[i][0] != '-' || argv[i][1] == '\0')
            return i;
        if (value_follows(argv[i]))
            i++;
    }
    return 0;
}
