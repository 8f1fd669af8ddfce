/* procfs_tree.c: the processes below a process (procfs.h), without allocating. */
#include "base/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"

/* What getdents64(2) fills in. opendir(3) would allocate, and this runs in the sampling loop. */
struct kernel_dirent {
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
};

struct tree {
    const struct root *root;
    pid_t *pids;
    size_t count, capacity;
    bool truncated;
};

/* Adds a process once: a child that changes its parent while we look would be met twice. */
static void tree_add(struct tree *tree, pid_t pid)
{
    for (size_t i = 0; i < tree->count; i++) {
        if (tree->pids[i] == pid)
            return;
    }
    if (tree->count == tree->capacity) {
        tree->truncated = true;
        return;
    }
    tree->pids[tree->count++] = pid;
}

/* The number that is the whole of name, 0: it is none. */
static pid_t pid_of_name(const char *name)
{
    if (*name < '1' || *name > '9')
        return 0;
    char *end;
    long value = strtol(name, &end, 10);
    return *end == '\0' && value <= INT32_MAX ? (pid_t)value : 0;
}

int procfs_each_number(const struct root *root, const char *path,
                       void (*fn)(pid_t number, void *context), void *context)
{
    CLEANUP_CLOSE int fd = openat(root->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    _Alignas(struct kernel_dirent) char entries[8192];
    for (;;) {
        long got = syscall(SYS_getdents64, fd, entries, sizeof(entries));
        if (got <= 0)
            return got < 0 ? -errno : 0;
        for (long at = 0; at < got;) {
            const struct kernel_dirent *entry = (const struct kernel_dirent *)(entries + at);
            pid_t number = pid_of_name(entry->name);
            if (number > 0)
                fn(number, context);
            at += entry->length;
        }
    }
}

/* ---- by task/TID/children ---- */

struct threads {
    struct tree *tree;
    pid_t pid; /* whose threads they are */
};

static void add_children_of_thread(pid_t tid, void *context)
{
    const struct threads *threads = context;
    struct tree *tree = threads->tree;
    char path[80], text[4096];
    snprintf(path, sizeof(path), "proc/%d/task/%d/children", threads->pid, tid);
    CLEANUP_CLOSE int fd = openat(tree->root->fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    /* The list may be longer than any buffer, so numbers are put together across reads. */
    int64_t pid = 0;
    for (;;) {
        ssize_t got = read(fd, text, sizeof(text));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        for (ssize_t i = 0; i < got; i++) {
            bool digit = text[i] >= '0' && text[i] <= '9';
            if (digit && pid <= INT32_MAX)
                pid = pid * 10 + (text[i] - '0');
            else if (!digit && pid > 0 && pid <= INT32_MAX)
                tree_add(tree, (pid_t)pid);
            if (!digit)
                pid = 0;
        }
    }
    if (pid > 0 && pid <= INT32_MAX)
        tree_add(tree, (pid_t)pid);
}

static void tree_by_children(struct tree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        char path[64];
        struct threads threads = {tree, tree->pids[i]};
        snprintf(path, sizeof(path), "proc/%d/task", threads.pid);
        procfs_each_number(tree->root, path, add_children_of_thread, &threads);
    }
}

/* ---- by parent pid ---- */

struct level {
    struct tree *tree;
    size_t first, end; /* the part of tree->pids whose children are looked for */
};

static void add_if_child(pid_t pid, void *context)
{
    const struct level *level = context;
    struct tree *tree = level->tree;
    struct proc_stat stat;
    if (procfs_read_stat(tree->root, pid, &stat, NULL) < 0)
        return;
    for (size_t i = level->first; i < level->end; i++) {
        if (tree->pids[i] == stat.ppid) {
            tree_add(tree, pid);
            return;
        }
    }
}

/* One walk over /proc per level of the tree: trees are flat, and remembering the parents of all
 * processes would need memory. */
static void tree_by_scan(struct tree *tree)
{
    struct level level = {tree, 0, tree->count};
    while (level.first < level.end) {
        if (procfs_each_number(tree->root, "proc", add_if_child, &level) < 0)
            return;
        level = (struct level){tree, level.end, tree->count};
    }
}

/* ---- whether anything was born ---- */

int procfs_open_last_pid(const struct root *root)
{
    char link[16];
    if (!root->is_machine)
        return -1;
    /* loadavg tells of the reader's pid namespace, and so must the tree. */
    ssize_t length = readlinkat(root->fd, "proc/self", link, sizeof(link) - 1);
    link[length > 0 ? length : 0] = '\0';
    int fd = pid_of_name(link) == getpid() ? root_open_file(root, "proc/loadavg", NULL) : -1;
    if (fd >= 0 && procfs_last_pid(fd) == 0) {
        close(fd);
        return -1;
    }
    return fd >= 0 ? fd : -1;
}

uint64_t procfs_last_pid(int fd)
{
    char text[128];
    if (fd < 0 || file_pread(fd, text, sizeof(text)) <= 0)
        return 0;
    const char *last = strrchr(text, ' ');
    return last ? strtoull(last + 1, NULL, 10) : 0;
}

int procfs_tree(const struct root *root, pid_t pid, bool include_self, pid_t *ret_pids,
                size_t capacity, size_t *ret_count, bool *ret_truncated, struct error *err)
{
    char path[80];
    snprintf(path, sizeof(path), "proc/%d", pid);
    if (pid <= 0 || !root_exists(root, path)) {
        error_set(err, ERROR_ABSENT, "no process %d", pid);
        error_at(err, path, 0, 0);
        return -ERROR_ABSENT;
    }
    if (capacity == 0)
        return error_set(err, ERROR_INTERNAL, "no room for a single pid");

    struct tree tree = {.root = root, .pids = ret_pids, .count = 1, .capacity = capacity};
    ret_pids[0] = pid;
    snprintf(path, sizeof(path), "proc/%d/task/%d/children", pid, pid);
    if (root_exists(root, path))
        tree_by_children(&tree);
    else
        tree_by_scan(&tree);

    if (!include_self) {
        tree.count--;
        memmove(ret_pids, ret_pids + 1, tree.count * sizeof(*ret_pids));
    }
    *ret_count = tree.count;
    if (ret_truncated)
        *ret_truncated = tree.truncated;
    return 0;
}
