/* metrics_csv_file.c: a file to which whole lines are appended for hours (metrics_csv_internal.h).
 *
 * What is in the file already was written by anybody: its header is read with a bound and compared
 * name by name. A pipe is opened without waiting, since a reader that stalls must not stall the
 * monitor; what is left of a line that it took in part goes out before the next line.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "format/metrics_csv_internal.h"

#define HEADER_MAX 65536

static int failed(const struct line_file *file, int sys_errno, const char *what, struct error *err)
{
    error_set_errno(err, error_code_from_errno(sys_errno), sys_errno, "%s", what);
    return error_at(err, file->path, 0, 0);
}

/* Writes as much as is taken; returns how much, and why not all in *ret_errno. */
static size_t write_some(int fd, const char *data, size_t length, int *ret_errno)
{
    size_t done = 0;
    *ret_errno = 0;
    while (done < length) {
        ssize_t wrote = write(fd, data + done, length - done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0) {
            *ret_errno = wrote < 0 ? errno : EIO;
            break;
        }
        done += (size_t)wrote;
    }
    return done;
}

/* ---- what is there already ---- */

/* The names of a header, one by one; NULL at the end. */
static const char *next_name(const char **rest, size_t *ret_length)
{
    const char *name = *rest;
    if (!name)
        return NULL;
    *ret_length = strcspn(name, ",");
    *rest = name[*ret_length] ? name + *ret_length + 1 : NULL;
    return name;
}

static int other_header(const struct line_file *file, const char *found, struct error *err)
{
    const char *wanted = file->header;
    for (int column = 1;; column++) {
        size_t want_length = 0, found_length = 0;
        const char *want = next_name(&wanted, &want_length);
        const char *have = next_name(&found, &found_length);
        if (want && have && want_length == found_length && !memcmp(want, have, want_length))
            continue;
        char have_text[64], want_text[64];
        snprintf(have_text, sizeof(have_text), "%.*s", have ? (int)u64_min(found_length, 63) : 0,
                 have ? have : "");
        snprintf(want_text, sizeof(want_text), "%.*s", want ? (int)u64_min(want_length, 63) : 0,
                 want ? want : "");
        str_make_printable(have_text);
        if (!have)
            error_set(err, ERROR_INPUT, "its header has no column %d '%s'", column, want_text);
        else if (!want)
            error_set(err, ERROR_INPUT, "its header has a column %d '%s' that is not asked for",
                      column, have_text);
        else
            error_set(err, ERROR_INPUT, "column %d of its header is '%s', not '%s'", column,
                      have_text, want_text);
        error_at(err, file->path, 1, 0);
        return error_hint(err, "write to another file, or ask for the columns that this one has");
    }
}

static int compare_header(const struct line_file *file, struct error *err)
{
    CLEANUP_FREE char *found = malloc(HEADER_MAX + 1);
    size_t length = 0;
    if (!found)
        return error_set(err, ERROR_NOMEM, "out of memory reading a header");
    while (length < HEADER_MAX) {
        ssize_t got = pread(file->fd, found + length, HEADER_MAX - length, (off_t)length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return failed(file, errno, "its header cannot be read", err);
        if (got == 0)
            break;
        length += (size_t)got;
    }
    found[length] = '\0';
    char *end = memchr(found, '\n', length);
    size_t line = end ? (size_t)(end - found) : length;
    found[line] = '\0';
    if (memchr(found, '\0', line)) {
        error_set(err, ERROR_INPUT, "its header holds a NUL: this is no CSV");
        error_at(err, file->path, 1, 0);
        return -ERROR_INPUT;
    }
    return strcmp(found, file->header) == 0 ? 0 : other_header(file, found, err);
}

/* A regular file: is it empty, ours, or something else? */
static int look_inside(struct line_file *file, off_t size, struct error *err)
{
    char last = '\n';
    if (size == 0)
        return 0;
    int rc = compare_header(file, err);
    if (rc < 0)
        return rc;
    if (pread(file->fd, &last, 1, size - 1) < 0)
        return failed(file, errno, "cannot be read", err);
    file->needs_newline = last != '\n';
    file->stats.was_cut |= file->needs_newline;
    file->stats.appended = true;
    return 1;
}

/* ---- opening ---- */

static int open_path(struct line_file *file, struct error *err)
{
    struct stat status;
    bool exists = stat(file->path, &status) == 0;
    int flags = O_CLOEXEC | O_APPEND | O_NOCTTY;
    /* Reading is for the header of what is there. */
    flags |= !exists || S_ISREG(status.st_mode) ? O_RDWR | O_CREAT : O_WRONLY | O_NONBLOCK;
    file->fd = open(file->path, flags, 0666);
    if (file->fd >= 0)
        return 0;
    int sys_errno = errno;
    failed(file, sys_errno, "cannot be opened for writing", err);
    if (sys_errno == ENXIO)
        return error_hint(err, "nobody reads this pipe yet: start the reader first");
    if (exists && sys_errno == EACCES)
        return error_hint(err, "it must be readable too: its header is compared");
    return err ? -err->code : -error_code_from_errno(sys_errno);
}

/* Allocates nothing: it may come between two rows. */
static int write_header(struct line_file *file, struct error *err)
{
    size_t length = strlen(file->header_line);
    int sys_errno;
    if (write_some(file->fd, file->header_line, length, &sys_errno) == length)
        return 0;
    if (file->is_regular && !file->is_stdout && ftruncate(file->fd, 0) < 0)
        return failed(file, errno, "cannot be written", err);
    return failed(file, sys_errno, "cannot be written", err);
}

/* Opens, looks and writes the header where there is none. On failure nothing is open. */
static int begin_file(struct line_file *file, struct error *err)
{
    struct stat status;
    int rc = 0;
    if (file->is_stdout)
        file->fd = STDOUT_FILENO;
    else
        rc = open_path(file, err);
    if (rc == 0 && fstat(file->fd, &status) < 0)
        rc = failed(file, errno, "cannot be looked at", err);
    if (rc == 0) {
        file->is_regular = S_ISREG(status.st_mode);
        if (file->is_regular && !file->is_stdout)
            rc = look_inside(file, status.st_size, err);
    }
    if (rc == 0)
        rc = write_header(file, err);
    if (rc >= 0)
        return 0;
    if (!file->is_stdout && file->fd >= 0)
        close(file->fd);
    file->fd = -1;
    return rc;
}

int line_file_open(struct line_file *file, const char *path, const char *header, size_t line_max,
                   struct error *err)
{
    *file = (struct line_file){.fd = -1, .tail_size = line_max + 1};
    file->is_stdout = strcmp(path, "-") == 0;
    file->path = strdup(file->is_stdout ? "stdout" : path);
    file->header = strdup(header);
    size_t header_size = strlen(header) + 2;
    file->header_line = malloc(header_size);
    if (file->header_line)
        snprintf(file->header_line, header_size, "%s\n", header);
    file->tail = malloc(file->tail_size);
    int rc = file->path && file->header && file->header_line && file->tail
                 ? begin_file(file, err)
                 : error_set(err, ERROR_NOMEM, "out of memory for a file of rows");
    if (rc < 0)
        line_file_close(file, NULL);
    return rc;
}

int line_file_reopen(struct line_file *file, struct error *err)
{
    if (file->is_stdout)
        return 0;
    struct line_file next = *file;
    next.fd = -1;
    next.needs_newline = false;
    next.tail_length = 0;
    int rc = begin_file(&next, err);
    if (rc < 0)
        return rc;
    close(file->fd);
    *file = next;
    return 0;
}

/* ---- lines ---- */

/* Takes back what a regular file got of a line. If that fails, the next line begins with a newline,
 * so that no row is ever glued to another. */
static void take_back(struct line_file *file, size_t done)
{
    struct stat status;
    if (done == 0)
        return;
    off_t at = lseek(file->fd, 0, SEEK_CUR);
    if (at < (off_t)done || fstat(file->fd, &status) < 0 || status.st_size != at ||
        ftruncate(file->fd, at - (off_t)done) < 0 ||
        lseek(file->fd, at - (off_t)done, SEEK_SET) < 0)
        file->needs_newline = true;
}

static void lose(struct line_file *file, int sys_errno)
{
    file->stats.lost++;
    file->stats.lost_errno = sys_errno;
}

/* Sends what a pipe did not take of an earlier line. */
static bool send_tail(struct line_file *file)
{
    int sys_errno;
    if (file->tail_length == 0)
        return true;
    size_t done = write_some(file->fd, file->tail, file->tail_length, &sys_errno);
    file->tail_length -= done;
    memmove(file->tail, file->tail + done, file->tail_length);
    return file->tail_length == 0;
}

/* Somebody emptied the file while it is open (logrotate's copytruncate): what follows needs its
 * header again, or nobody could read it. False: there is no room for it. */
static bool begin_again_if_emptied(struct line_file *file, int *ret_errno)
{
    struct stat status;
    struct error err = {0};
    if (!file->is_regular || file->is_stdout || fstat(file->fd, &status) < 0 || status.st_size > 0)
        return true;
    file->needs_newline = false;
    if (write_header(file, &err) == 0)
        return true;
    *ret_errno = err.sys_errno ? err.sys_errno : ENOSPC;
    return false;
}

void line_file_write(struct line_file *file, char *line, size_t length)
{
    int sys_errno;
    if (!send_tail(file)) {
        lose(file, EAGAIN);
        return;
    }
    if (!begin_again_if_emptied(file, &sys_errno)) {
        lose(file, sys_errno);
        return;
    }
    bool with_newline = file->needs_newline;
    char *data = line - with_newline;
    size_t size = length + with_newline;
    if (with_newline)
        data[0] = '\n';
    size_t done = write_some(file->fd, data, size, &sys_errno);
    if (done == size) {
        file->needs_newline = false;
        file->stats.rows++;
        return;
    }
    if (file->is_regular) {
        take_back(file, done);
        lose(file, sys_errno);
    } else if (done > 0) { /* the rest goes out first, so this row is not lost yet */
        file->tail_length = u64_min(size - done, file->tail_size);
        memcpy(file->tail, data + done, file->tail_length);
        file->stats.rows++;
    } else {
        lose(file, sys_errno);
    }
}

int line_file_close(struct line_file *file, struct error *err)
{
    int rc = 0;
    if (file->fd >= 0 && !send_tail(file)) {
        file->stats.rows--;
        lose(file, EAGAIN);
    }
    /* A network file system tells that it is full only at close. */
    if (file->fd >= 0 && !file->is_stdout && close(file->fd) < 0 && errno != EINTR)
        rc = failed(file, errno, "cannot be written", err);
    uint64_t lost = file->stats.lost, all = lost + file->stats.rows;
    if (rc == 0 && lost > 0) {
        rc = error_set_errno(err, ERROR_IO, file->stats.lost_errno,
                             "%llu of %llu rows could not be written", (unsigned long long)lost,
                             (unsigned long long)all);
        error_at(err, file->path, 0, 0);
    }
    free(file->path);
    free(file->header);
    free(file->header_line);
    free(file->tail);
    *file = (struct line_file){.fd = -1};
    return rc;
}
