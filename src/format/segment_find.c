/* segment_find.c: which segments are those of a process. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/procfs.h"
#include "base/str.h"
#include "base/util.h"
#include "format/segment_internal.h"

#define COPIES 10 /* the file without a suffix, ".1" to ".9" */
#define ENTRIES_MAX 4096
#define RUNS_MAX 16

bool segment_name_parse(const char *name, uint32_t *ret_uid, pid_t *ret_pid,
                        uint64_t *ret_start_ticks, unsigned *ret_copy)
{
    static const char prefix[] = "tacho.";
    uint64_t number[4] = {0};
    size_t count = 0;
    if (!str_starts_with(name, prefix))
        return false;
    for (const char *at = name + sizeof(prefix) - 1;; at++) {
        char *end;
        if (count == ARRAY_LEN(number) || !isdigit((unsigned char)*at))
            return false;
        errno = 0;
        number[count++] = strtoull(at, &end, 10);
        if (errno != 0 || (*end != '.' && *end != '\0'))
            return false;
        at = end;
        if (*at == '\0')
            break;
    }
    if (count < 3 || number[0] > UINT32_MAX || number[1] == 0 || number[1] > INT32_MAX ||
        number[3] >= COPIES)
        return false;
    *ret_uid = (uint32_t)number[0];
    *ret_pid = (pid_t)number[1];
    *ret_start_ticks = number[2];
    *ret_copy = (unsigned)number[3];
    return true;
}

/* ---- who the process is ---- */

/* The file has the effective user of when it was made. The program may have changed that since (a
 * daemon that gave root up, a setuid program), but hardly to a user that is none of its own now;
 * and root, whom such a one was, could write into any file anyhow. */
#define USERS 5
struct owner {
    uid_t uids[USERS]; /* as seen from here, each once; the effective one first, root last */
    size_t uid_count;
    pid_t own_pid; /* in its own pid namespace */
    uint64_t start_ticks;
};

static bool is_user(const struct owner *owner, uid_t uid)
{
    for (size_t i = 0; i < owner->uid_count; i++) {
        if (owner->uids[i] == uid)
            return true;
    }
    return false;
}

static void add_user(struct owner *owner, uid_t uid)
{
    if (!is_user(owner, uid))
        owner->uids[owner->uid_count++] = uid;
}

static const char *line_of(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    return at ? at + strlen(key) : NULL;
}

static bool read_owner(const struct root *root, pid_t pid, uint64_t start_ticks,
                       struct owner *ret_owner)
{
    char path[64], text[8192];
    unsigned real, effective, saved, file_system;
    snprintf(path, sizeof(path), "proc/%d/status", (int)pid);
    if (root_read(root, path, text, sizeof(text), NULL) <= 0)
        return false;
    const char *uids = line_of(text, "\nUid:"), *pids = line_of(text, "\nNSpid:");
    if (!uids || sscanf(uids, "%u %u %u %u", &real, &effective, &saved, &file_system) != 4)
        return false;
    *ret_owner = (struct owner){.own_pid = pid, .start_ticks = start_ticks};
    add_user(ret_owner, (uid_t)effective);
    add_user(ret_owner, (uid_t)real);
    add_user(ret_owner, (uid_t)saved);
    add_user(ret_owner, (uid_t)file_system);
    add_user(ret_owner, 0);
    /* One number for each namespace, the innermost last; kernels before 4.1 do not tell. */
    while (pids && *pids != '\n') {
        char *end;
        long number = strtol(pids, &end, 10);
        if (end == pids)
            break;
        ret_owner->own_pid = (pid_t)number;
        pids = end;
    }
    return true;
}

/* ---- its files ---- */

struct search {
    const struct owner *owner;
    const ino_t *known;
    size_t known_count;
    struct segment **found;
    size_t count;
};

static bool is_known(const struct search *search, ino_t inode)
{
    for (size_t i = 0; i < search->known_count; i++) {
        if (search->known[i] == inode)
            return true;
    }
    for (size_t i = 0; i < search->count; i++) {
        if (segment_inode(search->found[i]) == inode)
            return true;
    }
    return false;
}

/* Another user's file of that name is none of the process's; and the file must say so, too. */
static bool is_of(const struct owner *owner, const struct segment *segment)
{
    const struct segment_view *view = segment_view(segment);
    return is_user(owner, segment_owner(segment)) && (pid_t)view->pid == owner->own_pid &&
           view->start_ticks == owner->start_ticks;
}

static void look_at(struct search *search, int directory_fd, const char *name)
{
    struct segment *segment;
    struct stat status;
    if (search->count == SEGMENT_FOUND_MAX ||
        fstatat(directory_fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(status.st_mode) || !is_user(search->owner, status.st_uid) ||
        is_known(search, status.st_ino) || segment_open_at(directory_fd, name, &segment, NULL) < 0)
        return;
    if (is_of(search->owner, segment))
        search->found[search->count++] = segment;
    else
        segment_close(segment);
}

/* The names are known, so the directory is not walked. The user in the name is as
 * the process sees itself: in a container it may be root, and somebody here. */
static void look_in(struct search *search, int directory_fd)
{
    char name[96];
    for (size_t i = 0; i < search->owner->uid_count; i++) {
        int length =
            snprintf(name, sizeof(name), "tacho.%u.%d.%llu", (unsigned)search->owner->uids[i],
                     (int)search->owner->own_pid, (unsigned long long)search->owner->start_ticks);
        look_at(search, directory_fd, name);
        for (unsigned copy = 1; copy < COPIES; copy++) {
            snprintf(name + length, sizeof(name) - (size_t)length, ".%u", copy);
            look_at(search, directory_fd, name);
        }
    }
}

/* Whoever watches beside a run sees its program, too. Bounded: anybody may make folders there. */
static void look_in_runs(struct search *search, int directory_fd)
{
    struct stat status;
    int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    if (!directory) {
        close_cleanup(&fd);
        return;
    }
    const struct dirent *entry;
    for (int looked = 0, runs = 0; looked < ENTRIES_MAX && runs < RUNS_MAX; looked++) {
        if (!(entry = readdir(directory)))
            break;
        if (!str_starts_with(entry->d_name, SEGMENT_RUN_PREFIX))
            continue;
        CLEANUP_CLOSE int run_fd =
            openat(fd, entry->d_name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (run_fd < 0 || fstat(run_fd, &status) != 0 || !is_user(search->owner, status.st_uid))
            continue;
        look_in(search, run_fd);
        runs++;
    }
    closedir(directory);
}

/* A container has a /dev/shm of its own. */
static void look_in_container(struct search *search, const struct root *root, pid_t pid,
                              int here_fd)
{
    char path[64];
    struct stat here, there;
    snprintf(path, sizeof(path), "proc/%d/root/dev/shm", (int)pid);
    CLEANUP_CLOSE int fd = openat(root->fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &there) != 0)
        return;
    if (here_fd >= 0 && fstat(here_fd, &here) == 0 && here.st_dev == there.st_dev &&
        here.st_ino == there.st_ino)
        return;
    look_in(search, fd);
}

size_t segment_find(const struct root *root, pid_t pid, uint64_t start_ticks, const char *directory,
                    const ino_t *known, size_t known_count,
                    struct segment *ret_segments[SEGMENT_FOUND_MAX])
{
    struct owner owner;
    struct proc_stat stat;
    if (start_ticks == 0) {
        if (procfs_read_stat(root, pid, &stat, NULL) < 0)
            return 0;
        start_ticks = stat.start_ticks;
    }
    if (!read_owner(root, pid, start_ticks, &owner))
        return 0;
    struct search search = {
        .owner = &owner, .known = known, .known_count = known_count, .found = ret_segments};
    bool has_directory = directory && directory[0];
    CLEANUP_CLOSE int fd = has_directory
                               ? open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC)
                               : openat(root->fd, "dev/shm", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        look_in(&search, fd);
        look_in_runs(&search, fd);
    }
    look_in_container(&search, root, pid, fd);
    return search.count;
}
