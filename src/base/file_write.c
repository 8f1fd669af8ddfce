/* file_write.c: the writing half of file.h. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "base/util.h"

static int write_failed(struct error *err, int sys_errno, const char *path, const char *what)
{
    int code;
    switch (sys_errno) {
    case ENOSPC:
    case EDQUOT:
        code = error_set(err, ERROR_IO, "disk full");
        error_hint(err, "free some space or write to another disk; the old content is untouched");
        break;
    case EPIPE:
        code = error_set(err, ERROR_IO, "the reader of the output has gone");
        break;
    default:
        code = error_set_errno(err, error_code_from_errno(sys_errno), sys_errno, "cannot %s", what);
    }
    if (err)
        err->sys_errno = sys_errno;
    error_at(err, path, 0, 0);
    return code;
}

/* Writes everything. Returns 0 or -errno. */
static int write_bytes(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t put = write(fd, data, size);
        if (put >= 0) {
            data += put;
            size -= (size_t)put;
        } else if (errno == EAGAIN) {
            /* Somebody made the shared terminal or pipe non-blocking. */
            struct pollfd ready = {.fd = fd, .events = POLLOUT};
            if (poll(&ready, 1, -1) < 0 && errno != EINTR)
                return -errno;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

/* As write_bytes, and a reader that has gone is EPIPE instead of the end of the process: SIGPIPE is
 * kept back for this thread while it writes, and taken away if it came from here. */
static int write_stream(int fd, const char *data, size_t size)
{
    sigset_t sigpipe, pending, before;
    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
    int result = write_bytes(fd, data, size);
    if (result == -EPIPE && !sigismember(&pending, SIGPIPE)) {
        const struct timespec at_once = {0};
        while (sigtimedwait(&sigpipe, NULL, &at_once) < 0 && errno == EINTR)
            ;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

/* The fd that path means, -1 if it means a file. Such names are not opened: opening them anew would
 * start at offset 0 and write over what `>>` wanted kept. */
static int standard_fd(const char *path)
{
    if (strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0)
        return STDOUT_FILENO;
    if (strcmp(path, "/dev/stderr") == 0)
        return STDERR_FILENO;
    const char *digits = str_starts_with(path, "/dev/fd/")         ? path + 8
                         : str_starts_with(path, "/proc/self/fd/") ? path + 14
                                                                   : "";
    size_t length = strspn(digits, "0123456789");
    return length > 0 && length < 6 && digits[length] == '\0' ? (int)strtol(digits, NULL, 10) : -1;
}

static int write_direct(const char *path, const char *data, size_t size, struct error *err)
{
    CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return write_failed(err, errno, path, "open");
    int result = write_stream(fd, data, size);
    return result < 0 ? write_failed(err, -result, path, "write") : 0;
}

/* Creates a file with a fresh name beside path (so that rename stays on one file system). The mode
 * is left to the kernel, which applies the umask; mkstemp(3) would make it 0600. */
static int open_temporary(const char *path, char *name, size_t size)
{
    const char *slash = strrchr(path, '/');
    int directory_length = slash ? (int)(slash - path + 1) : 0;
    for (int attempt = 0; attempt < 100; attempt++) {
        uint64_t random;
        if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
            return -errno;
        int length = snprintf(name, size, "%.*s.tacho-%016llx.tmp", directory_length, path,
                              (unsigned long long)random);
        if (length < 0 || (size_t)length >= size)
            return -ENAMETOOLONG;
        int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (fd >= 0 || errno != EEXIST)
            return fd >= 0 ? fd : -errno;
    }
    return -EEXIST;
}

/* Makes the rename itself survive a power cut. File systems that cannot say EINVAL. */
static int sync_directory(const char *path)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path + 1) : 0;
    memcpy(directory, path, length);
    snprintf(directory + length, sizeof(directory) - length, "%s", length ? "" : ".");
    CLEANUP_CLOSE int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == EACCES ? 0 : -errno; /* a directory may be writable and not readable */
    return fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP ? 0 : -errno;
}

/* old: what the file is now, NULL: there is none. Returns 0 or -errno, *ret_what says at what. */
static int replace_file(const char *path, const struct stat *old, const char *data, size_t size,
                        const char **ret_what)
{
    char temporary[PATH_MAX];
    *ret_what = "create a file in its directory";
    int fd = open_temporary(path, temporary, sizeof(temporary));
    if (fd < 0)
        return fd;

    *ret_what = "write";
    int result = write_bytes(fd, data, size);
    if (result == 0 && old) {
        /* The owner first: changing it takes set-id bits away. Only root may, others keep theirs.
         */
        if (fchown(fd, old->st_uid, old->st_gid) < 0 && errno != EPERM)
            result = -errno;
        if (result == 0 && fchmod(fd, old->st_mode & 07777) < 0)
            result = -errno;
    }
    if (result == 0 && fsync(fd) < 0)
        result = -errno;
    if (close(fd) < 0 && result == 0)
        result = -errno;
    if (result == 0) {
        *ret_what = "put the new file into its place";
        if (rename(temporary, path) < 0)
            result = -errno;
    }
    if (result < 0) {
        unlink(temporary);
        return result;
    }
    *ret_what = "sync the directory";
    return sync_directory(path);
}

int file_write_atomic(const char *path, const char *data, size_t size, struct error *err)
{
    int standard = standard_fd(path);
    if (standard >= 0) {
        int result = write_stream(standard, data, size);
        const char *name = standard == STDOUT_FILENO ? "stdout" : path;
        return result < 0 ? write_failed(err, -result, name, "write") : 0;
    }

    struct stat old;
    bool exists = stat(path, &old) == 0;
    if (!exists && (errno != ENOENT || !*path))
        return write_failed(err, errno, path, "open");
    if (exists && S_ISDIR(old.st_mode))
        return write_failed(err, EISDIR, path, "write");
    if (exists && !S_ISREG(old.st_mode))
        return write_direct(path, data, size, err);
    /* A rename needs no permission on the file itself: read-only files are respected all the same.
     */
    if (exists && faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) < 0)
        return write_failed(err, errno, path, "write");

    /* Through a symbolic link the file it leads to is replaced, not the link. */
    CLEANUP_FREE char *resolved = exists ? realpath(path, NULL) : NULL;
    if (exists && !resolved)
        return write_failed(err, errno, path, "open");
    const char *target = exists ? resolved : path;
    if (strlen(target) >= PATH_MAX)
        return write_failed(err, ENAMETOOLONG, path, "create");
    const char *what = "";
    int result = replace_file(target, exists ? &old : NULL, data, size, &what);
    return result < 0 ? write_failed(err, -result, path, what) : 0;
}
