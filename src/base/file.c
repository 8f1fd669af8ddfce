/* file.c: the reading half of file.h; writing is file_write.c. */
#include "base/file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"

/* Fills err for a system call that failed on path. */
static int file_failed(struct error *err, int sys_errno, const char *path, const char *what)
{
    int code = error_set_errno(err, error_code_from_errno(sys_errno), sys_errno, "cannot %s", what);
    error_at(err, path, 0, 0);
    return code;
}

static int file_longer(struct error *err, const char *path)
{
    int code = error_set(err, ERROR_IO, "longer than expected");
    error_at(err, path, 0, 0);
    return code;
}

/* ---- the root ---- */

int root_open(struct root *root, const char *path, struct error *err)
{
    if (!path || !*path)
        path = getenv("TACHO_ROOT");
    if (!path || !*path)
        path = "/";

    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        int code = file_failed(err, errno, path, "open the root of /proc and /sys");
        error_hint(err, "TACHO_ROOT names the directory that holds proc/ and sys/");
        return code;
    }
    struct stat here, machine;
    bool is_machine = fstat(fd, &here) == 0 && stat("/", &machine) == 0 &&
                      here.st_dev == machine.st_dev && here.st_ino == machine.st_ino;
    *root = (struct root){.fd = fd, .is_machine = is_machine};
    return 0;
}

void root_close(struct root *root)
{
    if (root->fd >= 0)
        close(root->fd);
    root->fd = -1;
}

int root_open_file(const struct root *root, const char *path, struct error *err)
{
    int fd = openat(root->fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    return fd >= 0 ? fd : file_failed(err, errno, path, "open");
}

/* Reads until the end or until the buffer is full; returns the number of bytes or -errno. */
static ssize_t read_to_end(int fd, char *buf, size_t size)
{
    size_t used = 0;
    while (used < size) {
        ssize_t got = read(fd, buf + used, size - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        used += (size_t)got;
    }
    return (ssize_t)used;
}

ssize_t root_read(const struct root *root, const char *path, char *buf, size_t size,
                  struct error *err)
{
    if (size < 2)
        return error_set(err, ERROR_INTERNAL, "no room to read into");
    CLEANUP_CLOSE int fd = root_open_file(root, path, err);
    if (fd < 0)
        return fd;
    ssize_t got = read_to_end(fd, buf, size - 1);
    if (got < 0)
        return file_failed(err, (int)-got, path, "read");
    if ((size_t)got == size - 1)
        return file_longer(err, path);
    buf[got] = '\0';
    return got;
}

ssize_t root_read_line(const struct root *root, const char *path, char *buf, size_t size,
                       struct error *err)
{
    ssize_t length = root_read(root, path, buf, size, err);
    while (length > 0 && isspace((unsigned char)buf[length - 1]))
        buf[--length] = '\0';
    return length;
}

int root_read_i64(const struct root *root, const char *path, int64_t *ret_value, struct error *err)
{
    char text[64];
    ssize_t length = root_read_line(root, path, text, sizeof(text), err);
    if (length < 0)
        return (int)length;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end || errno) {
        error_set(err, ERROR_INPUT, "'%s' is not a whole number", text);
        error_at(err, path, 0, 0);
        return -ERROR_INPUT;
    }
    *ret_value = value;
    return 0;
}

bool root_exists(const struct root *root, const char *path)
{
    return faccessat(root->fd, path, F_OK, 0) == 0;
}

static int is_entry(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

int root_list(const struct root *root, const char *path, int (*fn)(const char *name, void *context),
              void *context, struct error *err)
{
    struct dirent **entries;
    int count = scandirat(root->fd, path, &entries, is_entry, versionsort);
    if (count < 0)
        return file_failed(err, errno, path, "list the directory");
    int result = 0;
    for (int i = 0; i < count; i++) {
        if (result == 0)
            result = fn(entries[i]->d_name, context);
        free(entries[i]);
    }
    free(entries);
    return result;
}

ssize_t file_pread(int fd, char *buf, size_t size)
{
    /* Kernel files are made page by page and a page ends where the next record does not fit, so
     * what is much shorter than a page is the end. Asking again would have the kernel make the
     * whole text once more: half of the cost of a sample. */
    const ssize_t surely_all = 2048;
    if (size < 2)
        return -ERROR_INTERNAL;
    size_t used = 0;
    while (used < size - 1) {
        ssize_t got = pread(fd, buf + used, size - 1 - used, (off_t)used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -error_code_from_errno(errno);
        used += (size_t)got;
        if (got == 0 || (used == (size_t)got && got < surely_all && used < size - 1))
            break;
    }
    if (used == size - 1)
        return -ERROR_IO;
    buf[used] = '\0';
    return (ssize_t)used;
}

/* ---- whole files ---- */

static int file_too_large(struct error *err, const char *path, size_t limit)
{
    error_set(err, ERROR_INPUT, "larger than %zu bytes", limit);
    error_at(err, path, 0, 0);
    return -ERROR_INPUT;
}

int file_read_all(const char *path, size_t limit, char **ret_data, size_t *ret_size,
                  struct error *err)
{
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return file_failed(err, errno, path, "open");
    struct stat about;
    if (fstat(fd, &about) < 0)
        return file_failed(err, errno, path, "read");
    if (S_ISREG(about.st_mode) && (uintmax_t)about.st_size > limit)
        return file_too_large(err, path, limit);

    /* The size is a hint only: pipes and /proc say 0, and a file may grow meanwhile. */
    size_t capacity = 0, used = 0;
    CLEANUP_FREE char *data = NULL;
    size_t want = S_ISREG(about.st_mode) ? (size_t)about.st_size + 2 : 4096;
    for (;;) {
        if (array_reserve(&data, &capacity, u64_max(want, used + 2), 1) < 0)
            return error_set(err, ERROR_NOMEM, "out of memory");
        ssize_t got = read_to_end(fd, data + used, capacity - 1 - used);
        if (got < 0)
            return file_failed(err, (int)-got, path, "read");
        used += (size_t)got;
        if (used > limit)
            return file_too_large(err, path, limit);
        if (used < capacity - 1)
            break;
        want = capacity + 1;
    }
    data[used] = '\0';
    *ret_data = data;
    *ret_size = used;
    data = NULL;
    return 0;
}

int file_make_directories(const char *path, struct error *err)
{
    char part[PATH_MAX];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof(part))
        return file_failed(err, length ? ENAMETOOLONG : ENOENT, path, "create the directory");
    memcpy(part, path, length + 1);
    for (char *at = part + 1;; at++) {
        if (*at && *at != '/')
            continue;
        char separator = *at;
        *at = '\0';
        struct stat about;
        /* mkdir first and stat only on failure: two processes may create it at the same time. */
        if (mkdir(part, 0777) < 0) {
            int failure = errno;
            if (stat(part, &about) < 0)
                return file_failed(err, failure, part, "create the directory");
            if (!S_ISDIR(about.st_mode))
                return file_failed(err, ENOTDIR, part, "create the directory");
        }
        if (!separator)
            return 0;
        *at = separator;
    }
}
