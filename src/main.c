/* main.c: from argv to an exit status: splits argv at "--", finds the command, loads its settings,
 * runs it, prints once.
 *
 * Order matters: the launcher is forked before anything touches heap or libraries, because a
 * child's ru_maxrss starts at the size of the process that forked it (control/launcher.h).
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/term.h"
#include "cmd/command.h"

/* A file opened while stdin, stdout or stderr is closed would take its number, and what is printed
 * would land in that file. The placeholders refuse the use that the real one is for, so that a
 * closed stdout is still reported as an error. */
static void occupy_standard_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
            _exit(70);
}

static int find_separator(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--") == 0)
            return i;
    return argc;
}

static bool has_word(int count, char **words, const char *word)
{
    for (int i = 1; i < count; i++)
        if (strcmp(words[i], word) == 0)
            return true;
    return false;
}

static void print_version(struct command_context *context)
{
    if (settings_get_bool(&context->settings, SETTING_JSON))
        strbuf_append(&context->out,
                      "{\"schema\":\"tacho.version/1\",\"version\":\"" TACHO_VERSION "\"}\n");
    else
        strbuf_append(&context->out, "tacho " TACHO_VERSION "\n");
}

/* argv before "--" without the command's name; shifts in place. */
static int drop_word(char **argv, int count, int at)
{
    if (at == 0)
        return count;
    memmove(argv + at, argv + at + 1, (size_t)(count - at - 1) * sizeof(*argv));
    return count - 1;
}

static int dispatch(struct command_context *context, int count, char **argv, bool is_bare,
                    struct error *err)
{
    const struct command *command = context->command;
    int rc = settings_init(&context->settings, err);
    if (rc == 0)
        rc = options_parse(context, count, argv, err);
    if (rc < 0)
        return rc;
    if (context->wants_version) {
        print_version(context);
        return 0;
    }
    if (settings_get_bool(&context->settings, SETTING_HELP) && !is_bare) {
        help_print(command, context);
        return 0;
    }
    if (context->program && is_bare) {
        error_set(err, ERROR_USAGE, "there is no command before \"--\"");
        return error_hint(err, "to measure a program: tacho run -- %s",
                          context->program[0] ? context->program[0] : "CMD");
    }
    if (context->program && !(command->flags & COMMAND_TAKES_PROGRAM))
        return error_set(err, ERROR_USAGE, "this command takes nothing after \"--\"");
    rc = config_load(context, err);
    return rc < 0 ? rc : command->run(context, err);
}

/* What stands before an unknown command may be the real mistake: in `tacho --iteratons 3 run` the 3
 * is taken for a command only because the flag is unknown. */
static int fail_unknown_command(struct command_context *context, int at, char **argv,
                                struct error *err)
{
    context->command = command_find("help");
    int rc = settings_init(&context->settings, err);
    if (rc == 0)
        rc = options_parse(context, at, argv, err);
    return rc < 0 ? rc : command_unknown(argv[at], err);
}

int main(int argc, char **argv)
{
    occupy_standard_descriptors();
    struct command_context context = {.launcher.socket = -1};
    struct error err = {0};
    int at = options_find_command(argc, argv);
    const struct command *command = command_find(at ? argv[at] : "help");
    int rc = 0;
    if (command && command->flags & COMMAND_NEEDS_LAUNCHER)
        rc = launcher_start(&context.launcher, &err);
    /* After the fork: the measured programs keep the default. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* ulimit -f: then a write fails as on a full disk */

    int separator = find_separator(argc, argv);
    if (separator < argc)
        context.program = (const char *const *)argv + separator + 1;
    bool wants_json = has_word(separator, argv, "--json");
    context.command = command;
    if (rc == 0 && !command)
        rc = fail_unknown_command(&context, at, argv, &err);
    else if (rc == 0)
        rc = dispatch(&context, drop_word(argv, separator, at), argv, at == 0, &err);

    int status = context.exit_code;
    bool has_document = context.out.len > 0;
    if (rc < 0)
        status = output_exit_status(status, error_exit_code(rc));
    struct error write_err = {0};
    int rc_write = has_document || context.out.failed ? output_write(&context, &write_err) : 0;
    const char *name = command && at ? command->name : NULL;
    wants_json = wants_json || strcmp(output_format(&context.settings), "json") == 0;
    if (rc < 0) {
        /* One document on stdout, never two. */
        bool is_elsewhere = settings_get_text(&context.settings, SETTING_OUTPUT) != NULL;
        output_error(name, &err, wants_json && (!has_document || is_elsewhere));
    }
    if (rc_write < 0) {
        status = output_exit_status(status, error_exit_code(rc_write));
        output_error(name, &write_err, false);
    }
    launcher_stop(&context.launcher);
    strbuf_deinit(&context.out);
    settings_deinit(&context.settings);
    return status;
}
