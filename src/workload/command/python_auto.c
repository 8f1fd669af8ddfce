/* python_auto.c: see python_auto.h. */
#include "workload/command/python_auto.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "workload/program_find.h"

#define AUTO_FOLDER "tacho/auto/sitecustomize"
#define HOOKS_FOLDER "tacho/auto/hooks"
#define LINE_BYTES 256 /* of a script's first line, as much as the kernel reads of it */

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* "python", "python3", "python3.11", "python3.13t"; not "python3-config", not other Pythons: the
 * native module is CPython's. */
static bool is_python(const char *path)
{
    const char *name = last_part(path);
    if (!str_starts_with(name, "python"))
        return false;
    name += strlen("python");
    name += strspn(name, "0123456789.");
    if (*name == 't' || *name == 'd')
        name++;
    return *name == '\0';
}

__attribute__((format(printf, 3, 4))) static void
give_up(struct python_auto *python, enum python_auto_state state, const char *fmt, ...)
{
    va_list args;
    python->state = state;
    va_start(args, fmt);
    vsnprintf(python->note, sizeof(python->note), fmt, args);
    va_end(args);
    str_make_printable(python->note);
}

/* ---- the interpreter ---- */

/* Does this option make the interpreter ignore PYTHONPATH or skip `site`? Sets *ret_is_last for the
 * one after which the program's own arguments follow, *ret_takes_next for one with a value. */
static bool option_refuses(const char *option, bool *ret_is_last, bool *ret_takes_next)
{
    *ret_is_last = *ret_takes_next = false;
    if (option[1] == '-') {
        *ret_takes_next = strcmp(option, "--check-hash-based-pycs") == 0;
        return false;
    }
    for (const char *c = option + 1; *c; c++) {
        if (*c == 'S' || *c == 'E' || *c == 'I')
            return true;
        if (*c == 'c' || *c == 'm') {
            *ret_is_last = true;
            return false;
        }
        if (*c == 'W' || *c == 'X') {
            *ret_takes_next = c[1] == '\0';
            return false;
        }
    }
    return false;
}

/* argv: what follows the interpreter's name. */
static void check_options(struct python_auto *python, const char *const *argv)
{
    for (; *argv && (*argv)[0] == '-' && (*argv)[1] != '\0'; argv++) {
        bool is_last, takes_next;
        if (option_refuses(*argv, &is_last, &takes_next)) {
            give_up(python, PYTHON_AUTO_REFUSED,
                    "its libraries are not hooked: '%s %s' ignores what is put in front of it",
                    last_part(python->interpreter), *argv);
            str_copy(python->hint, sizeof(python->hint),
                     "leave -S, -E and -I away, or run it as python3 -m tacho");
            return;
        }
        if (is_last)
            return;
        if (takes_next && argv[1])
            argv++;
    }
}

static void set_interpreter(struct python_auto *python, const char *name)
{
    char path[PATH_MAX];
    python->state = PYTHON_AUTO_READY;
    str_copy(python->interpreter, sizeof(python->interpreter),
             program_find(name, path, sizeof(path)) == 0 ? path : name);
}

/* env [-u NAME] [NAME=VALUE ...] COMMAND: what stands behind it; NULL: it is not followed (an empty
 * environment, options that are not known here). */
static const char *const *skip_env(struct python_auto *python, const char *const *argv)
{
    bool sets_path = false;
    for (argv++; *argv; argv++) {
        if (strcmp(*argv, "-u") == 0 && argv[1])
            argv++;
        else if (str_starts_with(*argv, "PYTHONPATH="))
            sets_path = true;
        else if (!strchr(*argv, '=') || (*argv)[0] == '-')
            break;
    }
    if (!*argv || (*argv)[0] == '-')
        return NULL;
    if (sets_path && is_python(*argv))
        give_up(python, PYTHON_AUTO_REFUSED,
                "its libraries are not hooked: the command sets PYTHONPATH itself");
    return argv;
}

/* "#!/usr/bin/env python3", "#!/usr/bin/python3 -I": the kernel hands the rest of the line over as
 * one argument. */
static void read_script(struct python_auto *python, const char *path)
{
    char line[LINE_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t length = fd >= 0 ? read(fd, line, sizeof(line) - 1) : -1;
    close_cleanup(&fd);
    if (length < 3)
        return;
    line[length] = '\0';
    line[strcspn(line, "\n")] = '\0';
    if (!str_starts_with(line, "#!"))
        return;
    const char *words[8];
    size_t count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(line + 2, " \t\r", &rest); word && count < ARRAY_LEN(words) - 1;
         word = strtok_r(NULL, " \t\r", &rest))
        words[count++] = word;
    words[count] = NULL;
    size_t at = 0;
    if (count > 0 && strcmp(last_part(words[0]), "env") == 0)
        at = count > 1 && strcmp(words[1], "-S") == 0 ? 2 : 1;
    if (at >= count || !is_python(words[at]))
        return;
    set_interpreter(python, words[at]);
    check_options(python, words + at + 1);
}

static void find_interpreter(struct python_auto *python, const char *const *argv)
{
    char path[PATH_MAX];
    if (strcmp(last_part(argv[0]), "env") == 0)
        argv = skip_env(python, argv);
    if (!argv || python->state == PYTHON_AUTO_REFUSED)
        return;
    if (is_python(argv[0])) {
        set_interpreter(python, argv[0]);
        check_options(python, argv + 1);
    } else if (program_find(argv[0], path, sizeof(path)) == 0) {
        read_script(python, path);
    }
}

/* ---- its version ---- */

static bool take_version(const char *text, char *version, size_t size)
{
    size_t major = strspn(text, "0123456789");
    if (major == 0 || text[major] != '.')
        return false;
    size_t minor = strspn(text + major + 1, "0123456789");
    if (minor == 0 || major + minor + 2 > size)
        return false;
    memcpy(version, text, major + 1 + minor);
    version[major + 1 + minor] = '\0';
    return true;
}

/* "version = 3.11.2" (venv), "version_info = 3.11.2.final.0" (virtualenv, uv). */
static void read_venv(struct python_auto *python)
{
    char path[PATH_MAX], line[LINE_BYTES];
    int folder = (int)(last_part(python->interpreter) - python->interpreter);
    int length = snprintf(path, sizeof(path), "%.*s../pyvenv.cfg", folder, python->interpreter);
    FILE *file = length > 0 && (size_t)length < sizeof(path) ? fopen(path, "re") : NULL;
    if (!file)
        return;
    while (python->version[0] == '\0' && fgets(line, sizeof(line), file)) {
        char *equals = strchr(line, '=');
        if (equals && str_starts_with(line, "version"))
            take_version(equals + 1 + strspn(equals + 1, " "), python->version,
                         sizeof(python->version));
    }
    fclose(file);
}

static void find_version(struct python_auto *python)
{
    char path[PATH_MAX];
    const char *name = last_part(python->interpreter);
    if (realpath(python->interpreter, path))
        name = last_part(path);
    if (is_python(name))
        take_version(name + strlen("python"), python->version, sizeof(python->version));
    if (python->version[0] == '\0')
        read_venv(python);
}

/* ---- the package ---- */

/* "_native.cpython-311-x86_64-linux-gnu.so" for "3.11"; of any version where none is known. */
static bool is_native(const char *name, const char *version)
{
    char tag[32];
    size_t major = strcspn(version, ".");
    if (!str_starts_with(name, "_native.") || !str_ends_with(name, ".so"))
        return false;
    if (version[0] == '\0' || strstr(name, ".abi3.") != NULL)
        return true;
    snprintf(tag, sizeof(tag), ".cpython-%.*s%s", (int)major, version, version + major + 1);
    const char *at = strstr(name, tag);
    return at && !isdigit((unsigned char)at[strlen(tag)]);
}

static bool find_native(const char *package, const char *version, char *native, size_t size)
{
    char folder[PATH_MAX];
    int length = snprintf(folder, sizeof(folder), "%s/tacho", package);
    DIR *dir = length > 0 && (size_t)length < sizeof(folder) ? opendir(folder) : NULL;
    bool found = false;
    struct dirent *entry;
    while (dir && !found && (entry = readdir(dir)) != NULL)
        found = is_native(entry->d_name, version) && str_copy(native, size, entry->d_name);
    if (dir)
        closedir(dir);
    return found;
}

/* Looks at one place. True: it is all that is needed. The first package without a native module is
 * remembered, so that the note can say where it is. */
__attribute__((format(printf, 2, 3))) static bool look(struct python_auto *python, const char *fmt,
                                                       ...)
{
    char package[PATH_MAX], file[PATH_MAX], resolved[PATH_MAX];
    va_list args;
    va_start(args, fmt);
    int length = vsnprintf(package, sizeof(package), fmt, args);
    va_end(args);
    if (length <= 0 || (size_t)length >= sizeof(package))
        return false;
    length = snprintf(file, sizeof(file), "%s/" AUTO_FOLDER "/sitecustomize.py", package);
    if (length <= 0 || (size_t)length >= sizeof(file) || access(file, R_OK) != 0 ||
        !realpath(package, resolved))
        return false;
    if (!find_native(resolved, python->version, python->native, sizeof(python->native))) {
        if (python->package[0] == '\0')
            str_copy(python->package, sizeof(python->package), resolved);
        return false;
    }
    return str_copy(python->package, sizeof(python->package), resolved);
}

/* Where pip and Debian put packages for this interpreter: beside it, and for this user. */
static bool look_at_site(struct python_auto *python)
{
    const char *home = getenv("HOME"), *version = python->version;
    int folder = (int)(last_part(python->interpreter) - python->interpreter);
    const char *path = python->interpreter;
    if (folder == 0 || version[0] == '\0')
        return false;
    return look(python, "%.*s../lib/python%s/site-packages", folder, path, version) ||
           look(python, "%.*s../local/lib/python%s/dist-packages", folder, path, version) ||
           look(python, "%.*s../lib/python3/dist-packages", folder, path) ||
           (home && look(python, "%s/.local/lib/python%s/site-packages", home, version));
}

static bool look_everywhere(struct python_auto *python, const char *data)
{
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = '\0';
    if (data && look(python, "%s/python", data))
        return true;
    /* Installed; as it was built, and beside the sources (build/tacho). */
    if (slash && (look(python, "%s/../lib/tacho/python", self) ||
                  look(python, "%s/../lib/python3/dist-packages", self) ||
                  look(python, "%s/python", self) || look(python, "%s/../python", self)))
        return true;
    return look_at_site(python);
}

static void choose_package(struct python_auto *python, const char *data)
{
    if (look_everywhere(python, data))
        return;
    python->native[0] = '\0';
    if (python->package[0] == '\0') {
        give_up(python, PYTHON_AUTO_ABSENT,
                "its libraries are not hooked: tacho's Python package is not here");
        str_copy(python->hint, sizeof(python->hint),
                 "pip install ./python from tacho's sources, for this interpreter");
        return;
    }
    give_up(python, PYTHON_AUTO_ABSENT,
            "its libraries are not hooked: %s has no native module for %s%s", python->package,
            python->version[0] ? "python" : "this interpreter", python->version);
    snprintf(python->hint, sizeof(python->hint),
             "python%s -m pip install ./python from tacho's "
             "sources",
             python->version[0] ? python->version : "3");
}

/* ---- doors ---- */

void python_auto_find(struct python_auto *ret, const char *const *argv,
                      const struct settings *settings)
{
    *ret = (struct python_auto){.state = PYTHON_AUTO_NONE};
    if (!argv || !argv[0] || settings_get_bool(settings, SETTING_NO_AUTO) ||
        settings_get_bool(settings, SETTING_DISABLE))
        return;
    find_interpreter(ret, argv);
    if (ret->state != PYTHON_AUTO_READY)
        return;
    find_version(ret);
    choose_package(ret, settings_get_text(settings, SETTING_DATA));
}

void python_auto_find_package(struct python_auto *ret, const char *interpreter,
                              const struct settings *settings)
{
    *ret = (struct python_auto){.state = PYTHON_AUTO_READY};
    if (interpreter) {
        set_interpreter(ret, interpreter);
        find_version(ret);
    }
    choose_package(ret, settings_get_text(settings, SETTING_DATA));
}

void python_auto_append_variable(const struct python_auto *python, struct strbuf *out)
{
    const char *own = getenv("PYTHONPATH");
    strbuf_printf(out, "PYTHONPATH=%s/" AUTO_FOLDER, python->package);
    /* An empty entry would be the current folder. */
    if (own && own[0])
        strbuf_printf(out, ":%s", own);
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

void python_auto_append_hooks(const struct python_auto *python, struct strbuf *out)
{
    char folder[PATH_MAX];
    struct dirent **entries = NULL;
    int length = snprintf(folder, sizeof(folder), "%s/" HOOKS_FOLDER, python->package);
    if (length <= 0 || (size_t)length >= sizeof(folder))
        return;
    int count = scandir(folder, &entries, NULL, compare_names);
    size_t before = out->len;
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        if (name[0] != '_' && str_ends_with(name, ".py"))
            strbuf_printf(out, "%s%.*s", out->len > before ? ", " : "", (int)strlen(name) - 3,
                          name);
        free(entries[i]);
    }
    free(entries);
}
