/* outcome.c: how a launch ended, as a sentence for the user. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "base/unit.h"
#include "base/util.h"
#include "workload/command/internal.h"

/* Reads the start of a file; returns how much, 0 if it cannot be read. */
static size_t read_start(const char *path, void *data, size_t size)
{
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, data, size) : -1;
    return n > 0 ? (size_t)n : 0;
}

/* "#!/usr/bin/python3 -u": the interpreter's path, as the kernel takes it: with the "\r" that a
 * Windows line end leaves there. */
static bool read_interpreter(const char *path, char *interpreter, size_t size)
{
    char start[PATH_MAX];
    size_t n = read_start(path, start, sizeof(start) - 1);
    start[n] = '\0';
    if (n < 3 || start[0] != '#' || start[1] != '!')
        return false;
    const char *at = start + 2 + strspn(start + 2, " \t");
    size_t length = strcspn(at, " \t\n");
    if (length == 0)
        return false;
    snprintf(interpreter, size, "%.*s", (int)length, at);
    return true;
}

static bool is_elf(const char *path, unsigned char ident[EI_NIDENT], uint16_t *ret_machine)
{
    Elf32_Ehdr header; /* e_machine stands at the same place in both classes */
    if (read_start(path, &header, sizeof(header)) < sizeof(header) ||
        memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        return false;
    memcpy(ident, header.e_ident, EI_NIDENT);
    *ret_machine = header.e_machine;
    return true;
}

/* What a shell does itself, so that there is no program of that name. */
static bool is_shell_word(const char *name)
{
    static const char *const words[] = {
        "cd",   "source", "export", "alias",   "eval",  "exec",   "set",     "unset",
        "type", "ulimit", "umask",  "if",      "for",   "while",  "until",   "case",
        "{",    "(",      "!",      "[[",      "exit",  "trap",   "command", "shift",
        "read", "return", "wait",   "builtin", "local", "declare"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(name, words[i]) == 0)
            return true;
    return false;
}

/* "OMP_NUM_THREADS=4 ./program" */
static bool is_assignment(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    size_t length = strspn(name, letters);
    return length > 0 && name[length] == '=' && !(name[0] >= '0' && name[0] <= '9');
}

static void explain_not_found(const char *name, struct error *err)
{
    char nearest[NAME_MAX + 1];
    if (name[0] == '\0') {
        error_set(err, ERROR_PROGRAM, "command not found: its name is empty");
        error_hint(err, "is the shell variable behind -- unset?");
        return;
    }
    error_set(err, ERROR_PROGRAM, "command not found: %s", name);
    if (is_assignment(name))
        error_hint(err, "to set a variable for the program: -- env %s PROGRAM", name);
    else if (is_shell_word(name))
        error_hint(err, "%s is part of the shell, not a program: -- sh -c '%s …'", name, name);
    else if (name[strcspn(name, " \t;|&<>$")] != '\0')
        error_hint(err, "what follows -- is one command and its arguments, each a word of its own; "
                        "for a shell's syntax: -- sh -c '…'");
    else if (strchr(name, '/') != NULL)
        error_hint(err, "there is no such file");
    else if (program_nearest(name, nearest, sizeof(nearest)))
        error_hint(err, "did you mean %s?", nearest);
    else
        error_hint(err, "it is in no directory of PATH; give its path, such as ./%s", name);
}

/* The file is there, yet the kernel said ENOENT: something that it needs to start is not. */
static void explain_no_interpreter(const char *path, struct error *err)
{
    char interpreter[PATH_MAX];
    if (read_interpreter(path, interpreter, sizeof(interpreter))) {
        size_t length = strcspn(interpreter, "\r");
        if (interpreter[length] != '\0') {
            error_set(err, ERROR_PROGRAM, "%s has Windows line ends: its interpreter is not %.*s",
                      path, (int)length, interpreter);
            error_hint(err, "convert it: sed -i 's/\\r$//' %s", path);
            return;
        }
        error_set(err, ERROR_PROGRAM, "the interpreter of %s does not exist: %s", path,
                  interpreter);
        error_hint(err, "correct the first line of the script, or install the interpreter");
        return;
    }
    error_set(err, ERROR_PROGRAM, "the dynamic loader of %s does not exist", path);
    error_hint(err, "it was built for another system (see: file %s)", path);
}

static void explain_denied(const char *name, const char *path, struct error *err)
{
    struct stat status;
    char interpreter[PATH_MAX];
    const char *file = path[0] != '\0' ? path : name;
    if (stat(file, &status) == 0 && S_ISDIR(status.st_mode)) {
        error_set(err, ERROR_PROGRAM, "a directory, not a program: %s", file);
        return;
    }
    if (access(file, X_OK) == 0 && read_interpreter(file, interpreter, sizeof(interpreter))) {
        error_set(err, ERROR_PROGRAM, "the interpreter of %s is not executable: %s", file,
                  interpreter);
        return;
    }
    if (access(file, F_OK) == 0 && access(file, X_OK) != 0) {
        error_set(err, ERROR_PROGRAM, "not executable: %s", file);
        error_hint(err, "chmod +x %s", file);
        return;
    }
    error_set(err, ERROR_PROGRAM, "may not be executed: %s", file);
    error_hint(err, "look at the permissions of its directories, and whether its file system is "
                    "mounted noexec");
}

static void explain_format(const char *path, struct error *err)
{
    unsigned char own[EI_NIDENT], its[EI_NIDENT];
    uint16_t own_machine, its_machine;
    if (is_elf(path, its, &its_machine) && is_elf("/proc/self/exe", own, &own_machine) &&
        (its_machine != own_machine || its[EI_CLASS] != own[EI_CLASS] ||
         its[EI_DATA] != own[EI_DATA])) {
        error_set(err, ERROR_PROGRAM, "built for another kind of machine: %s", path);
        error_hint(err, "see: file %s; uname -m", path);
        return;
    }
    error_set(err, ERROR_PROGRAM, "neither a program nor a script with a #! line: %s", path);
    error_hint(err,
               "put #!/bin/sh (or its interpreter) on its first line, or start it by "
               "-- sh %s",
               path);
}

static void explain_exec(const char *name, int exec_errno, struct error *err)
{
    char path[PATH_MAX];
    int found = program_find(name, path, sizeof(path));
    switch (exec_errno) {
    case ENOENT:
    case ENOTDIR:
        if (found == 0)
            explain_no_interpreter(path, err);
        else
            explain_not_found(name, err);
        break;
    case EACCES:
        explain_denied(name, path, err);
        break;
    case ENOEXEC:
        explain_format(path, err);
        break;
    case E2BIG:
        error_set(err, ERROR_PROGRAM, "the arguments of %s are longer than this system allows",
                  name);
        error_hint(err, "see: getconf ARG_MAX; pass a file instead");
        break;
    default:
        error_set_errno(err, ERROR_PROGRAM, exec_errno, "cannot execute %s", name);
        break;
    }
}

static void explain_signal(const char *name, const struct launch_report *report, struct error *err)
{
    const char *meaning = strsignal(report->signal);
    error_set(err, ERROR_PROGRAM, "%s was ended by signal %d (%s%s)", name, report->signal,
              meaning != NULL ? meaning : "unknown", report->core_dumped ? ", core dumped" : "");
    if (report->signal == SIGKILL)
        error_hint(err, "if nobody killed it, memory ran out: see dmesg");
    else if (report->core_dumped)
        error_hint(err, "see the core: coredumpctl, or /proc/sys/kernel/core_pattern");
    else
        error_hint(err, "--show-output shows what it said before");
}

static void explain_timeout(const char *name, uint64_t timeout_ns,
                            const struct launch_report *report, struct error *err)
{
    char limit[32];
    error_set(err, ERROR_PROGRAM, "%s ran longer than %s and was ended%s", name,
              unit_format_ns((double)timeout_ns, limit, sizeof(limit)),
              report->signal == SIGKILL ? "; it did not end on SIGTERM and was killed" : "");
    error_hint(err, "give it more with --timeout, or see with --show-output where it hangs");
}

void program_settle_outcome(const struct program *program, const struct workload_io *io,
                            const struct launch_report *report, struct invocation *ret_invocation,
                            struct error *err)
{
    const char *name = program->args->command[0];
    *ret_invocation = (struct invocation){
        .index = io->invocation,
        .begin_ns = (int64_t)(report->begin_ns - io->run_begin_ns),
        .end_ns = (int64_t)(report->end_ns - io->run_begin_ns),
        .exit_status = report->exit_status,
        .signal = report->signal,
    };
    switch (report->outcome) {
    case LAUNCH_EXITED:
        ret_invocation->outcome = report->exit_status == 0 ? INVOCATION_OK : INVOCATION_EXIT;
        if (report->exit_status == 0)
            return;
        error_set(err, ERROR_PROGRAM, "%s ended with exit status %d", name, report->exit_status);
        error_hint(err, program->show_output
                            ? "--ignore-failure counts failed launches and goes on"
                            : "--show-output shows what it says; --ignore-failure goes on");
        return;
    case LAUNCH_SIGNALED:
        ret_invocation->outcome = INVOCATION_SIGNAL;
        explain_signal(name, report, err);
        return;
    case LAUNCH_TIMED_OUT:
        ret_invocation->outcome = INVOCATION_TIMEOUT;
        explain_timeout(name, program->timeout_ns, report, err);
        return;
    case LAUNCH_KILLED:
        ret_invocation->outcome = INVOCATION_INTERRUPTED;
        error_set(err, ERROR_INTERRUPTED, "%s was interrupted", name);
        return;
    case LAUNCH_EXEC_FAILED:
        ret_invocation->outcome = INVOCATION_NOT_STARTED;
        explain_exec(name, report->exec_errno, err);
        return;
    }
}
