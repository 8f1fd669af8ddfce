/* error.h: how every module of tacho says that something went wrong.
 *
 * What: functions return 0 or a negative code (-ERROR_…) and fill an optional `struct error` where
 *       the error happened: what, which file, line and column, errno, and a hint what to do.
 *       Only cmd/ prints errors; nothing below it writes to stderr.
 * Use:  return error_set(err, ERROR_INPUT, "no such metric: %s", name);
 *       err may be NULL; the code is returned all the same.
 * Exit: error_exit_code() maps a code to the exit status promised in docs/exit-codes.md.
 * Memory: no allocation, fixed buffers; over-long text is cut.
 */
#ifndef TACHO_BASE_ERROR_H
#define TACHO_BASE_ERROR_H

/* X(NAME, name, exit status, meaning). To add a code: one row here, one row in docs/exit-codes.md.
 */
#define ERROR_MAP(X)                                                                               \
    X(USAGE, "usage", 2, "wrong flag, argument or combination")                                    \
    X(INPUT, "input", 2, "a file or value that cannot be used")                                    \
    X(VERSION, "version", 2, "written by an incompatible version")                                 \
    X(ABSENT, "absent", 4, "not present on this machine")                                          \
    X(DENIED, "denied", 4, "permission missing")                                                   \
    X(UNSUPPORTED, "unsupported", 4, "present, but it cannot do this")                             \
    X(IO, "io", 4, "reading or writing failed")                                                    \
    X(BUSY, "busy", 4, "locked by somebody else")                                                  \
    X(PROGRAM, "program", 5, "the measured program failed")                                        \
    X(NOTHING, "nothing", 3, "nothing was measured")                                               \
    X(NOMEM, "out_of_memory", 70, "out of memory")                                                 \
    X(SYSTEM, "system", 70, "a system call failed")                                                \
    X(INTERNAL, "internal", 70, "a mistake in tacho itself")                                       \
    X(INTERRUPTED, "interrupted", 130, "interrupted")

enum error_code {
    ERROR_NONE = 0,
#define ERROR_ENUM(id, name, exit_status, meaning) ERROR_##id,
    ERROR_MAP(ERROR_ENUM)
#undef ERROR_ENUM
        ERROR_COUNT
};

struct error {
    int code;      /* enum error_code, 0: no error */
    int sys_errno; /* errno where the error happened, 0: none */
    int line;      /* 1-based, 0: unknown */
    int column;    /* 1-based, 0: unknown */
    char file[256];
    char message[384]; /* one sentence, no newline, without file and line */
    char hint[256];    /* what to do about it; empty: nothing to say */
};

/* Fills *err (if not NULL), clearing what it held, and returns -code. */
__attribute__((format(printf, 3, 4))) int error_set(struct error *err, int code, const char *fmt,
                                                    ...);
/* As error_set, and appends ": " and the text of sys_errno. */
__attribute__((format(printf, 4, 5))) int error_set_errno(struct error *err, int code,
                                                          int sys_errno, const char *fmt, ...);
/* Adds where in which input it happened; line and column 0 mean unknown. Returns -err->code. */
int error_at(struct error *err, const char *file, int line, int column);
/* Adds what to do about it. Returns -err->code. */
__attribute__((format(printf, 2, 3))) int error_hint(struct error *err, const char *fmt, ...);
/* Maps the errno of a failed open/read/write to ABSENT, DENIED, NOMEM or IO. */
int error_code_from_errno(int sys_errno);

const char *error_code_name(int code); /* "usage", "input", … (lower case) */
int error_exit_code(int code);         /* accepts code or -code */

#endif
