/* help.c: --help, generated from THE tables, so that it cannot differ from what the parser does. */
#include <stdio.h>
#include <string.h>

#include "base/term.h"
#include "base/util.h"
#include "cmd/command.h"

#define HELP_WIDTH 80
#define HELP_LEFT_MAX 27 /* longer flags put their text on the next line */

static void heading(struct strbuf *out, bool colour, const char *text)
{
    strbuf_putc(out, '\n');
    term_styled(out, colour, TERM_BOLD, text);
    strbuf_putc(out, '\n');
}

void help_wrap(struct strbuf *out, const char *text, size_t column, size_t indent)
{
    const char *word = text;
    bool is_first = true;
    while (*word) {
        size_t length = strcspn(word, " ");
        if (word[0] == '[' && strchr(word, ']')) /* "[default: 5m]" stays together */
            length = strcspn(word, "]") + 1;
        size_t need = length + (is_first ? 0 : 1);
        if (!is_first && column + need > HELP_WIDTH) {
            strbuf_putc(out, '\n');
            strbuf_repeat(out, ' ', indent);
            column = indent;
        } else if (!is_first) {
            strbuf_putc(out, ' ');
            column++;
        }
        strbuf_append_n(out, word, length);
        column += length;
        word += length;
        word += strspn(word, " ");
        is_first = false;
    }
    strbuf_putc(out, '\n');
}

/* "  LEFT   TEXT", with the text on the next line when LEFT is too long. */
static void row(struct strbuf *out, const char *left, size_t width, const char *text)
{
    strbuf_printf(out, "  %s", left);
    size_t column = 2 + str_width(left);
    size_t indent = width + 4;
    if (column + 2 > indent) {
        strbuf_putc(out, '\n');
        column = 0;
    }
    strbuf_repeat(out, ' ', indent - column);
    help_wrap(out, text, indent, indent);
}

static bool is_on_by_default(const struct setting *setting)
{
    return setting->type == SETTING_TYPE_BOOL && setting->default_text &&
           strcmp(setting->default_text, "true") == 0;
}

static void option_left(const struct setting *setting, char *buf, size_t size)
{
    char name[64];
    bool is_on = is_on_by_default(setting);
    snprintf(name, sizeof(name), "--%s%s", is_on ? "[no-]" : "", setting->flag);
    char letter[5] = "    ";
    if (setting->short_flag)
        snprintf(letter, sizeof(letter), "-%c, ", setting->short_flag);
    snprintf(buf, size, "%s%s%s%s", letter, name, setting->arg ? " " : "",
             setting->arg ? setting->arg : "");
}

static void option_text(const struct setting *setting, char *buf, size_t size)
{
    char note[128] = "";
    const char *fixed = setting->type == SETTING_TYPE_BOOL
                            ? (is_on_by_default(setting) ? "on" : NULL)
                            : setting->default_text;
    if (fixed)
        snprintf(note, sizeof(note), " [default: %s]", fixed);
    if (setting->env)
        snprintf(note + strlen(note), sizeof(note) - strlen(note), " [env: %s]", setting->env);
    snprintf(buf, size, "%s%s", setting->help, note);
}

static void options(const struct command *command, struct strbuf *out, bool common)
{
    char left[96], text[320];
    size_t width = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int id = 0; id < SETTING_COUNT; id++) {
            const struct setting *setting = &settings_table[id];
            if (!options_takes(setting, command->bit) ||
                (setting->commands == COMMAND_ALL) != common)
                continue;
            option_left(setting, left, sizeof(left));
            if (pass == 0) {
                if (strlen(left) <= HELP_LEFT_MAX && strlen(left) > width)
                    width = strlen(left);
                continue;
            }
            option_text(setting, text, sizeof(text));
            row(out, left, width, text);
        }
}

static bool has_own_options(const struct command *command)
{
    for (int id = 0; id < SETTING_COUNT; id++)
        if (options_takes(&settings_table[id], command->bit) &&
            settings_table[id].commands != COMMAND_ALL)
            return true;
    return false;
}

static void exit_statuses(struct strbuf *out, bool colour)
{
    heading(out, colour, "Exit status:");
    strbuf_append(out,
                  "  0 done or PASS · 1 FAIL · 2 usage or bad input · 3 UNDECIDED or nothing\n"
                  "  measured · 4 something is missing here · 5 the measured program failed ·\n"
                  "  70 internal · 130 interrupted\n");
}

void help_command(const struct command *command, struct strbuf *out, bool colour)
{
    term_styled(out, colour, TERM_BOLD, "tacho ");
    term_styled(out, colour, TERM_BOLD, command->name);
    strbuf_append(out, ": ");
    help_wrap(out, command->summary, strlen(command->name) + 8, 2);
    heading(out, colour, "Usage:");
    bool is_optional = command->flags & COMMAND_VERB_OPTIONAL;
    if (!command->verbs || is_optional)
        strbuf_printf(out, "  tacho %s %s\n", command->name, command->usage);
    for (const struct command_verb *verb = command->verbs; verb && verb->name; verb++)
        strbuf_printf(out, "  tacho %s %s%s%s %s\n", command->name, verb->name,
                      verb->arguments[0] ? " " : "", verb->arguments,
                      is_optional ? "[OPTIONS]" : command->usage);
    if (command->alias)
        strbuf_printf(out, "  (also: tacho %s)\n", command->alias);
    if (command->verbs) {
        heading(out, colour, "Verbs:");
        size_t width = 0;
        for (const struct command_verb *verb = command->verbs; verb->name; verb++)
            width = strlen(verb->name) > width ? strlen(verb->name) : width;
        for (const struct command_verb *verb = command->verbs; verb->name; verb++)
            row(out, verb->name, width, verb->summary);
    }
    if (has_own_options(command)) {
        heading(out, colour, "Options:");
        options(command, out, false);
    }
    heading(out, colour, "Options of every command:");
    options(command, out, true);
    if (command->examples) {
        heading(out, colour, "Examples:");
        strbuf_append(out, command->examples);
    }
    exit_statuses(out, colour);
}

static void help_overview(struct strbuf *out, bool colour)
{
    term_styled(out, colour, TERM_BOLD, "tacho " TACHO_VERSION);
    strbuf_append(out, ": measure, watch and gate the performance of programs\n");
    heading(out, colour, "Usage:");
    strbuf_append(out, "  tacho COMMAND [OPTIONS] [-- CMD [ARG...]]\n");
    heading(out, colour, "Commands:");
    size_t width = 0;
    for (const struct command *const *it = commands; *it; it++)
        if (!((*it)->flags & COMMAND_HIDDEN) && strlen((*it)->name) > width)
            width = strlen((*it)->name);
    for (const struct command *const *it = commands; *it; it++)
        if (!((*it)->flags & COMMAND_HIDDEN))
            row(out, (*it)->name, width, (*it)->summary);
    heading(out, colour, "Examples:");
    strbuf_append(out,
                  "  tacho run -n 20 -- ./program        measure 20 launches and store the run\n"
                  "  tacho run -l 'p99(wall_ms)<=250' -- ./program     and judge it\n"
                  "  tacho runs show last                the newest run again\n"
                  "  tacho doctor                        what this machine can measure\n");
    strbuf_append(out, "\ntacho COMMAND --help shows the options of a command; tacho --version the "
                       "version.\n");
}

void help_print(const struct command *command, struct command_context *context)
{
    bool colour = term_has_colour(STDOUT_FILENO);
    if (strcmp(output_format(&context->settings), "json") == 0)
        help_json(command, &context->out);
    else if (command)
        help_command(command, &context->out, colour);
    else
        help_overview(&context->out, colour);
}

static int help_run(struct command_context *context, struct error *err)
{
    const struct command *command = NULL;
    if (context->argument_count > 1)
        return error_set(err, ERROR_USAGE, "help takes one command, not %d",
                         context->argument_count);
    if (context->argument_count == 1 && !(command = command_find(context->arguments[0])))
        return command_unknown(context->arguments[0], err);
    help_print(command, context);
    return 0;
}

extern const struct command command_help;
const struct command command_help = {
    .name = "help",
    .summary = "show how a command is used",
    .usage = "[COMMAND]",
    .examples = "  tacho help run\n",
    .bit = COMMAND_COMMON,
    .flags = COMMAND_NO_CONFIG,
    .run = help_run,
};
