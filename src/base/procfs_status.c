/* procfs_status.c: memory, descriptors, I/O and context switches of a process (procfs.h). */
#include "base/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"
#include "base/util.h"

bool procfs_find_u64(const char *text, const char *key, uint64_t *ret_value)
{
    for (const char *line = text; *line; line = strchrnul(line, '\n'), line += *line == '\n') {
        if (!str_starts_with(line, key))
            continue;
        const char *at = line + strlen(key) + strspn(line + strlen(key), " \t");
        uint64_t value = 0;
        if (*at < '0' || *at > '9')
            return false;
        for (; *at >= '0' && *at <= '9'; at++) {
            if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
                __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
                return false;
        }
        *ret_value = value;
        return true;
    }
    return false;
}

static uint64_t bytes_of_kb(const char *text, const char *key)
{
    uint64_t kb;
    return procfs_find_u64(text, key, &kb) && kb < UINT64_MAX / 1024 ? kb * 1024 : UINT64_MAX;
}

int procfs_parse_memory(const char *text, struct proc_memory *ret_memory, struct error *err)
{
    /* A kernel thread or zombie has no memory, and so none of these lines. */
    if (!str_starts_with(text, "Name:") && !strstr(text, "\nPid:"))
        return error_set(err, ERROR_INPUT, "not the text of /proc/PID/status");
    ret_memory->anon_bytes = bytes_of_kb(text, "RssAnon:");
    ret_memory->swap_bytes = bytes_of_kb(text, "VmSwap:");
    return 0;
}

static int read_status(const struct root *root, const char *path, char *text, size_t size,
                       struct error *err)
{
    ssize_t length = root_read(root, path, text, size, err);
    return length < 0 ? (int)length : 0;
}

int procfs_read_memory(const struct root *root, pid_t pid, struct proc_memory *ret_memory,
                       struct error *err)
{
    char path[64], text[8192];
    snprintf(path, sizeof(path), "proc/%d/status", pid);
    int rc = read_status(root, path, text, sizeof(text), err);
    return rc < 0 ? rc : procfs_parse_memory(text, ret_memory, err);
}

int procfs_pread_memory(int fd, struct proc_memory *ret_memory)
{
    char text[8192];
    ssize_t length = file_pread(fd, text, sizeof(text));
    if (length <= 0)
        return length < 0 ? (int)length : -ERROR_ABSENT;
    return procfs_parse_memory(text, ret_memory, NULL);
}

int procfs_read_io(const struct root *root, pid_t pid, struct proc_io *ret_io, struct error *err)
{
    char path[64], text[1024];
    snprintf(path, sizeof(path), "proc/%d/io", pid);
    int rc = read_status(root, path, text, sizeof(text), err);
    return rc < 0 ? rc : procfs_parse_io(text, ret_io, err);
}

static void count_one(pid_t number, void *context)
{
    ++*(uint64_t *)context;
}

int procfs_count_fds(const struct root *root, pid_t pid, uint64_t *ret_count, struct error *err)
{
    char path[64];
    struct stat status;
    uint64_t count = 0;
    snprintf(path, sizeof(path), "proc/%d/fd", pid);
    /* A folder of a recorded tree has a size as well, but of another kind. */
    if (root->is_machine && fstatat(root->fd, path, &status, 0) == 0 && status.st_size > 0) {
        *ret_count = (uint64_t)status.st_size;
        return 0;
    }
    /* pids begin at 1 and descriptors at 0, which is no "number" of procfs_each_number. */
    snprintf(path, sizeof(path), "proc/%d/fd/0", pid);
    count += faccessat(root->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    snprintf(path, sizeof(path), "proc/%d/fd", pid);
    int rc = procfs_each_number(root, path, count_one, &count);
    if (rc < 0) {
        error_set_errno(err, error_code_from_errno(-rc), -rc, "cannot be listed");
        error_at(err, path, 0, 0);
        return -error_code_from_errno(-rc);
    }
    *ret_count = count;
    return 0;
}

struct switches {
    const struct root *root;
    pid_t pid;
    uint64_t voluntary, involuntary, threads;
};

static void add_switches(pid_t tid, void *context)
{
    struct switches *sum = context;
    char path[80], text[8192];
    uint64_t voluntary, involuntary;
    snprintf(path, sizeof(path), "proc/%d/task/%d/status", sum->pid, tid);
    if (read_status(sum->root, path, text, sizeof(text), NULL) < 0 ||
        !procfs_find_u64(text, "voluntary_ctxt_switches:", &voluntary) ||
        !procfs_find_u64(text, "nonvoluntary_ctxt_switches:", &involuntary))
        return;
    sum->voluntary += voluntary;
    sum->involuntary += involuntary;
    sum->threads++;
}

int procfs_read_switches(const struct root *root, pid_t pid, uint64_t *ret_voluntary,
                         uint64_t *ret_involuntary, struct error *err)
{
    char path[64];
    struct switches sum = {.root = root, .pid = pid};
    snprintf(path, sizeof(path), "proc/%d/task", pid);
    int rc = procfs_each_number(root, path, add_switches, &sum);
    if (rc == 0 && sum.threads > 0) {
        *ret_voluntary = sum.voluntary;
        *ret_involuntary = sum.involuntary;
        return 0;
    }
    int code = rc < 0 ? error_code_from_errno(-rc) : ERROR_ABSENT;
    error_set_errno(err, code, rc < 0 ? -rc : ENOENT, "cannot be read");
    error_at(err, path, 0, 0);
    return -code;
}
