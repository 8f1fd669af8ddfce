/* command.h: what a subcommand is. THE table is commands.c; one file per command: parse, call,
 * render.
 *
 * Flags of the row drive the set-up (launcher, settings), so commands start with it done. Only cmd/
 * prints. A command returns 0 or a negative error code with err filled, and sets ctx->exit_code for
 * verdicts; main prints the error once and exits by the precedence of docs/exit-codes.md.
 */
#ifndef TACHO_CMD_COMMAND_H
#define TACHO_CMD_COMMAND_H

#include <stdbool.h>

#include "base/error.h"
#include "base/settings.h"
#include "base/str.h"
#include "control/launcher.h"

#define COMMAND_NEEDS_LAUNCHER (1u << 0) /* fork the launcher first in main */
#define COMMAND_TAKES_PROGRAM (1u << 1)  /* "-- CMD ARG…" is allowed */
#define COMMAND_HIDDEN (1u << 2)         /* not in the list of --help */

struct command_context {
    const struct command *command;
    struct settings settings;
    struct launcher launcher;
    const char *const *arguments; /* positional ones, NULL-terminated */
    int argument_count;
    const char *const *program; /* after "--", NULL-terminated; NULL: no "--" given */
    struct strbuf out;          /* what goes to stdout or --output, written once at the end */
    int exit_code;              /* verdict: 0, 1, 3, 5 or 130 */
};

struct command_verb { /* second word: "list" of `runs list` */
    const char *name;
    const char *arguments;
    const char *summary;
};

struct command {
    const char *name;
    const char *alias;                /* older name, or NULL */
    const char *summary;              /* one sentence, as in the list */
    const char *usage;                /* "[OPTIONS] -- CMD [ARG...]" */
    const struct command_verb *verbs; /* NULL, or ended by a NULL name */
    const char *examples;             /* lines for --help */
    uint32_t bit;                     /* COMMAND_… of settings_table.h: which flags it takes */
    uint32_t flags;
    int (*run)(struct command_context *context, struct error *err);
};

extern const struct command *const commands[];        /* NULL-terminated */
const struct command *command_find(const char *name); /* by name or alias; NULL: unknown */

/* options.c: flags of one command from the settings table, by getopt_long. Fills settings (source
 * FLAG), arguments. */
int options_parse(struct command_context *context, int argc, char **argv, struct error *err);
/* help.c */
void help_overview(struct strbuf *out, bool colour);
void help_command(const struct command *command, struct strbuf *out, bool colour);

#endif
