/* output.c: everything that tacho prints leaves through here, once, at the end. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/util.h"
#include "cmd/command.h"
#include "format/run_json.h"

const char *output_format(const struct settings *settings)
{
    if (settings_get_bool(settings, SETTING_JSON))
        return "json";
    const char *format = settings_get_text(settings, SETTING_FORMAT);
    return format ? format : "text";
}

int output_path(const struct settings *settings, const char *name, char *ret_path, size_t size,
                struct error *err)
{
    const char *directory = settings_get_text(settings, SETTING_OUTPUT_DIRECTORY);
    int length;
    if (directory && directory[0] && name[0] != '/' && strcmp(name, "-") != 0) {
        int rc = file_make_directories(directory, err);
        if (rc < 0)
            return rc;
        length = snprintf(ret_path, size, "%s/%s", directory, name);
    } else {
        length = snprintf(ret_path, size, "%s", name);
    }
    if (length < 0 || (size_t)length >= size)
        return error_set(err, ERROR_USAGE, "the path of the output file is too long");
    return 0;
}

/* Returns 0 or errno. */
static int write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return errno;
        data += written;
        size -= (size_t)written;
    }
    return 0;
}

int output_write(struct command_context *context, struct error *err)
{
    if (context->out.failed)
        return error_set(err, ERROR_NOMEM, "out of memory while writing the output");
    const char *name = settings_get_text(&context->settings, SETTING_OUTPUT);
    if (name && name[0] && strcmp(name, "-") != 0) {
        char path[PATH_MAX];
        int rc = output_path(&context->settings, name, path, sizeof(path), err);
        if (rc < 0)
            return rc;
        return file_write_atomic(path, strbuf_get(&context->out), context->out.len, err);
    }
    int sys_errno = write_all(STDOUT_FILENO, strbuf_get(&context->out), context->out.len);
    /* A network file system tells that it is full only at close. */
    int copy = sys_errno == 0 ? dup(STDOUT_FILENO) : -1;
    if (copy >= 0 && close(copy) < 0 && errno != EINTR)
        sys_errno = errno;
    if (sys_errno == 0 || sys_errno == EPIPE)
        return 0;
    return error_set_errno(err, ERROR_IO, sys_errno, "cannot write to stdout");
}

void output_error(const char *command, const struct error *error, bool as_json)
{
    struct strbuf line = {0};
    strbuf_append(&line, "tacho");
    if (command)
        strbuf_printf(&line, " %s", command);
    strbuf_append(&line, ": ");
    if (error->file[0]) {
        strbuf_append(&line, error->file);
        if (error->line > 0)
            strbuf_printf(&line, ":%d", error->line);
        if (error->line > 0 && error->column > 0)
            strbuf_printf(&line, ":%d", error->column);
        strbuf_append(&line, ": ");
    }
    strbuf_append(&line, error->message[0] ? error->message : error_code_name(error->code));
    if (error->hint[0])
        strbuf_printf(&line, " (%s)", error->hint);
    strbuf_putc(&line, '\n');
    if (line.failed) {
        /* No memory even for the line: the message itself needs none. */
        write_all(STDERR_FILENO, error->message, strlen(error->message));
        write_all(STDERR_FILENO, "\n", 1);
    } else {
        write_all(STDERR_FILENO, strbuf_get(&line), line.len);
    }
    strbuf_clear(&line);
    if (as_json && error_json_write(error, &line) == 0 && !line.failed) {
        if (line.len > 0 && line.data[line.len - 1] != '\n')
            strbuf_putc(&line, '\n');
        write_all(STDOUT_FILENO, strbuf_get(&line), line.len);
    }
    strbuf_deinit(&line);
}

int output_exit_status(int a, int b)
{
    static const int order[] = {70, 130, 2, 4, 5, 1, 3, 0};
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        if (a == order[i] || b == order[i])
            return order[i];
    return 70;
}
