/* command.h: what a subcommand is. THE table is commands.c; one file per command: parse, call,
 * render.
 *
 * Flags of the row drive the set-up (launcher, settings), so commands start with it done. Only cmd/
 * prints. A command returns 0 or a negative error code with err filled, and sets ctx->exit_code for
 * verdicts; main prints the error once and exits by the precedence of docs/exit-codes.md.
 * Units: none. Threads: one. Memory: the context owns everything; positional arguments and the
 * program point into argv.
 */
#ifndef TACHO_CMD_COMMAND_H
#define TACHO_CMD_COMMAND_H

#include <limits.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/settings.h"
#include "base/str.h"
#include "control/launcher.h"

#define COMMAND_NEEDS_LAUNCHER (1u << 0) /* fork the launcher first in main */
#define COMMAND_TAKES_PROGRAM (1u << 1)  /* "-- CMD ARG…" is allowed */
#define COMMAND_HIDDEN (1u << 2)         /* not in the list of --help */
#define COMMAND_TOLERATES_CONFIG                                                                   \
    (1u << 3)                           /* runs although the settings are broken, and says so      \
                                         */
#define COMMAND_VERB_OPTIONAL (1u << 5) /* has verbs, and does something of its own without one */
#define COMMAND_NO_CONFIG (1u << 4)     /* reads neither environment nor tacho.yaml */

/* Bit of a command that takes only the options that all commands share. */
#define COMMAND_COMMON (1u << 31)

struct command_context {
    const struct command *command;
    struct settings settings;
    struct launcher launcher;
    const char *const *arguments; /* positional ones, NULL-terminated */
    int argument_count;
    const char *const *program; /* after "--", NULL-terminated; NULL: no "--" given */
    struct strbuf out;          /* what goes to stdout or --output, written once at the end */
    int exit_code;              /* verdict: 0, 1, 3, 5 or 130 */
    bool wants_version;         /* --version stood among the options */
    char config_path[PATH_MAX]; /* the tacho.yaml that was read; empty: none */
    struct error config_error;  /* TOLERATES_CONFIG: what is wrong with it, code 0: nothing */
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
/* -ERROR_USAGE "unknown command …" with the nearest name, or how to measure a program. */
int command_unknown(const char *name, struct error *err);

/* options.c: flags of one command from the settings table, by getopt_long. Fills settings (source
 * FLAG), arguments. argv holds what stands before "--", without the command's name; names in full
 * only, arguments may stand between options. */
int options_parse(struct command_context *context, int argc, char **argv, struct error *err);
/* Index of the command's name in argv (the first word before "--" that is neither an option nor an
 * option's value), 0: none. Touches neither heap nor libraries: main calls it before it forks the
 * launcher. */
int options_find_command(int argc, char *const *argv);
/* True if any option of this bit mask has this flag; for help and completion. */
bool options_takes(const struct setting *setting, uint32_t bit);

/* config.c: environment and tacho.yaml into context->settings, after the flags, which stay on top.
 */
int config_load(struct command_context *context, struct error *err);

/* output.c: the only writer to stdout and stderr. */
/* "text", "json", "markdown" or "csv": --json, else --format. */
const char *output_format(const struct settings *settings);
/* Where a file that the user named goes: below output.directory when that is set and the name is
 * relative; the directory is made. */
int output_path(const struct settings *settings, const char *name, char *ret_path, size_t size,
                struct error *err);
/* Writes context->out to stdout or --output. A reader that went away (EPIPE) is no error. */
int output_write(struct command_context *context, struct error *err);
/* One line on stderr, and the tacho.error/1 object on stdout if as_json. */
void output_error(const char *command, const struct error *error, bool as_json);
/* The exit status that wins: 70, 130, 2, 4, 5, 1, 3, 0. */
int output_exit_status(int a, int b);

/* help.c, help_json.c: in the format that the settings ask for; command NULL: the overview. */
void help_print(const struct command *command, struct command_context *context);
void help_command(const struct command *command, struct strbuf *out, bool colour);
void help_json(const struct command *only, struct strbuf *out);
/* Appends text and a newline, wrapped at 80 columns; the cursor stands at `column`, further lines
 * begin at `indent`. */
void help_wrap(struct strbuf *out, const char *text, size_t column, size_t indent);

#endif
