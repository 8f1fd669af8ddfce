/* commands.c: THE table of subcommands. To add one: one file here, one row, one line in
 * meson.build.
 */
#include "cmd/command.h"

#include <string.h>

extern const struct command command_run, command_runs, command_doctor, command_completion,
    command_devices, command_help, command_metrics, command_profiles, command_worker, command_bench,
    command_monitor, command_analyze;

/* In the order of `tacho --help`. */
const struct command *const commands[] = {&command_run,
                                          &command_bench,
                                          &command_monitor,
                                          &command_analyze,
                                          &command_runs,
                                          &command_profiles,
                                          &command_devices,
                                          &command_doctor,
                                          &command_completion,
                                          &command_help,
                                          &command_metrics,
                                          &command_worker,
                                          NULL};

#define NAMES_MAX 64

const struct command *command_find(const char *name)
{
    for (const struct command *const *row = commands; *row; row++)
        if (strcmp((*row)->name, name) == 0 || ((*row)->alias && strcmp((*row)->alias, name) == 0))
            return *row;
    return NULL;
}

int command_unknown(const char *name, struct error *err)
{
    const char *names[NAMES_MAX];
    size_t count = 0;
    for (const struct command *const *row = commands; *row && count + 2 <= NAMES_MAX; row++) {
        if ((*row)->flags & COMMAND_HIDDEN)
            continue;
        names[count++] = (*row)->name;
        if ((*row)->alias)
            names[count++] = (*row)->alias;
    }
    int nearest = str_nearest(name, names, count);
    if (nearest >= 0)
        error_set(err, ERROR_USAGE, "unknown command '%s': did you mean %s?", name, names[nearest]);
    else
        error_set(err, ERROR_USAGE, "unknown command '%s'", name);
    return error_hint(err, "to measure a program: tacho run -- %s; all commands: tacho --help",
                      name);
}
