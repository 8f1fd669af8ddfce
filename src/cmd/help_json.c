/* help_json.c: the same tables as --help shows, for programs: tacho.help/1. */
#include <string.h>

#include "cmd/command.h"
#include "format/json_writer.h"

static const char *type_name(enum setting_type type)
{
    switch (type) {
    case SETTING_TYPE_BOOL:
        return "boolean";
    case SETTING_TYPE_U64:
        return "whole_number";
    case SETTING_TYPE_DOUBLE:
        return "number";
    case SETTING_TYPE_DURATION:
        return "duration";
    case SETTING_TYPE_SIZE:
        return "size";
    case SETTING_TYPE_CHOICE:
        return "choice";
    case SETTING_TYPE_LIST:
        return "list";
    case SETTING_TYPE_STRING:
        break;
    }
    return "text";
}

static void write_option(struct json_writer *writer, const struct setting *setting)
{
    char letter[2] = {setting->short_flag, '\0'};
    json_write_object(writer, NULL);
    json_write_text(writer, "flag", setting->flag);
    json_write_text(writer, "letter", setting->short_flag ? letter : NULL);
    json_write_text(writer, "type", type_name(setting->type));
    json_write_text(writer, "argument", setting->arg);
    json_write_text(writer, "choices", setting->choices);
    json_write_text(writer, "default", setting->default_text);
    json_write_text(writer, "environment", setting->env);
    json_write_text(writer, "key", setting->key);
    json_write_text(writer, "help", setting->help);
    json_write_end(writer);
}

static void write_command(struct json_writer *writer, const struct command *command)
{
    json_write_object(writer, NULL);
    json_write_text(writer, "name", command->name);
    json_write_text(writer, "alias", command->alias);
    json_write_text(writer, "summary", command->summary);
    json_write_text(writer, "usage", command->usage);
    json_write_array(writer, "verbs");
    for (const struct command_verb *verb = command->verbs; verb && verb->name; verb++) {
        json_write_object(writer, NULL);
        json_write_text(writer, "name", verb->name);
        json_write_text(writer, "arguments", verb->arguments);
        json_write_text(writer, "summary", verb->summary);
        json_write_end(writer);
    }
    json_write_end(writer);
    json_write_array(writer, "options");
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (options_takes(&settings_table[i], command->bit))
            write_option(writer, &settings_table[i]);
    }
    json_write_end(writer);
    json_write_text(writer, "examples", command->examples);
    json_write_end(writer);
}

void help_json(const struct command *only, struct strbuf *out)
{
    struct json_writer writer = {.out = out};
    json_write_object(&writer, NULL);
    json_write_text(&writer, "schema", "tacho.help/1");
    json_write_text(&writer, "version", TACHO_VERSION);
    json_write_array(&writer, "commands");
    for (const struct command *const *it = commands; *it; it++) {
        if (only ? *it == only : !((*it)->flags & COMMAND_HIDDEN))
            write_command(&writer, *it);
    }
    json_write_end(&writer);
    json_write_end(&writer);
}
