/* python_auto.h: whether a command runs a Python program, and how tacho's hooks get into it.
 *
 * What: a Python interpreter imports `sitecustomize` from PYTHONPATH before the program. The folder
 *       tacho/auto/sitecustomize of tacho's Python package, put in front of it, is all it takes
 *       (docs/auto-instrumentation.md). This finds the interpreter behind the command (python3,
 *       env python3, a script whose first line names it) and the package, by looking at files:
 *       nothing is executed.
 * Memory: the caller's struct. Threads: any. Errors: none; what cannot be done is said in `note`.
 */
#ifndef TACHO_WORKLOAD_COMMAND_PYTHON_AUTO_H
#define TACHO_WORKLOAD_COMMAND_PYTHON_AUTO_H

#include <limits.h>
#include <stdbool.h>

#include "base/settings.h"
#include "base/str.h"

enum python_auto_state {
    PYTHON_AUTO_NONE,    /* runs no Python, or was not asked for (--no-auto, TACHO_DISABLE) */
    PYTHON_AUTO_READY,   /* `variable` puts the hooks in */
    PYTHON_AUTO_REFUSED, /* the interpreter or the command would ignore them */
    PYTHON_AUTO_ABSENT,  /* the package, or its native module for this interpreter */
};

struct python_auto {
    enum python_auto_state state;
    char interpreter[PATH_MAX]; /* "": none */
    char version[16];           /* "3.11"; "": not known without running it */
    char package[PATH_MAX];     /* the folder that holds tacho/; "": not found */
    char native[128];           /* the native module's file name; "": none fits */
    char note[512];             /* REFUSED, ABSENT: one sentence why; a hint may follow in `hint` */
    char hint[256];
};

/* argv: the command, NULL-terminated. Which settings matter: NO_AUTO, DISABLE, DATA. */
void python_auto_find(struct python_auto *ret, const char *const *argv,
                      const struct settings *settings);
/* The package for this interpreter (NULL: any), as above, without a command. */
void python_auto_find_package(struct python_auto *ret, const char *interpreter,
                              const struct settings *settings);
/* Appends "PYTHONPATH=...", the caller's own behind ours. READY only. */
void python_auto_append_variable(const struct python_auto *python, struct strbuf *out);
/* Appends what would be hooked: "cv2, onnxruntime, ...". */
void python_auto_append_hooks(const struct python_auto *python, struct strbuf *out);

#endif
