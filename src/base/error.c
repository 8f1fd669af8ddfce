/* error.c: see error.h. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

static const struct {
    const char *name;
    int exit_status;
} error_rows[ERROR_COUNT] = {[ERROR_NONE] = {"none", 0},
#define ERROR_ROW(id, name, exit_status, meaning) [ERROR_##id] = {name, exit_status},
                             ERROR_MAP(ERROR_ROW)
#undef ERROR_ROW
};

static int code_of(int code)
{
    code = code < 0 ? -code : code;
    return code < ERROR_COUNT ? code : ERROR_INTERNAL;
}

__attribute__((format(printf, 4, 0))) static void
error_fill(struct error *err, int code, int sys_errno, const char *fmt, va_list args)
{
    memset(err, 0, sizeof(*err));
    err->code = code_of(code);
    err->sys_errno = sys_errno;
    vsnprintf(err->message, sizeof(err->message), fmt, args);
    str_make_printable(err->message);
}

int error_set(struct error *err, int code, const char *fmt, ...)
{
    if (err) {
        va_list args;
        va_start(args, fmt);
        error_fill(err, code, 0, fmt, args);
        va_end(args);
    }
    return -code_of(code);
}

int error_set_errno(struct error *err, int code, int sys_errno, const char *fmt, ...)
{
    if (err) {
        va_list args;
        va_start(args, fmt);
        error_fill(err, code, sys_errno, fmt, args);
        va_end(args);
        size_t used = strlen(err->message);
        snprintf(err->message + used, sizeof(err->message) - used, ": %s", strerror(sys_errno));
    }
    return -code_of(code);
}

int error_at(struct error *err, const char *file, int line, int column)
{
    if (!err)
        return -ERROR_INPUT;
    str_copy(err->file, sizeof(err->file), file ? file : "");
    str_make_printable(err->file);
    err->line = line;
    err->column = column;
    return -err->code;
}

int error_hint(struct error *err, const char *fmt, ...)
{
    if (!err)
        return -ERROR_INPUT;
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->hint, sizeof(err->hint), fmt, args);
    va_end(args);
    str_make_printable(err->hint);
    return -err->code;
}

int error_code_from_errno(int sys_errno)
{
    switch (sys_errno) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
    case ENOTDIR:
    case ESRCH:
        return ERROR_ABSENT;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERROR_DENIED;
    case ENOMEM:
        return ERROR_NOMEM;
    case EOPNOTSUPP:
    case ENOSYS:
        return ERROR_UNSUPPORTED;
    default:
        return ERROR_IO;
    }
}

const char *error_code_name(int code)
{
    return error_rows[code_of(code)].name;
}

int error_exit_code(int code)
{
    return error_rows[code_of(code)].exit_status;
}
