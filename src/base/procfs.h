/* procfs.h: /proc/PID as data: stat, statm, io, and the tree below a process.
 *
 * Source: proc(5). The command name in stat may hold blanks, brackets and newlines, so it ends at
 *         the LAST ')'. Ticks are USER_HZ. statm's resident pages are approximate by a few pages
 *         per CPU (kernel >= 6.2). Nothing here takes the mmap lock of the process (no smaps, no
 *         maps).
 * Memory: caller's buffers; no allocation.
 * Threads: any.
 * Errors: -ERROR_ABSENT: the process is gone. -ERROR_DENIED: not ours. -ERROR_INPUT: other text.
 */
#ifndef TACHO_BASE_PROCFS_H
#define TACHO_BASE_PROCFS_H

#include <stdint.h>
#include <sys/types.h>

#include "base/file.h"

struct proc_stat {
    pid_t pid;
    pid_t ppid;
    char comm[64];
    char state;
    uint64_t minor_faults, major_faults;
    uint64_t user_ticks, system_ticks;
    uint64_t child_user_ticks, child_system_ticks;
    uint64_t threads;
    uint64_t start_ticks; /* since boot; with pid it names a process for good */
    uint64_t rss_pages;
};

struct proc_io {
    uint64_t char_read_bytes, char_written_bytes; /* rchar, wchar: what read(2)/write(2) moved */
    /* read_bytes, write_bytes: what storage had to move; UINT64_MAX where the text lacks them */
    uint64_t read_bytes, written_bytes;
};

/* Of /proc/PID/status; UINT64_MAX: the kernel does not tell (RssAnon: before 4.5). */
struct proc_memory {
    uint64_t anon_bytes, swap_bytes;
};

int procfs_parse_stat(const char *text, struct proc_stat *ret_stat, struct error *err);
int procfs_parse_io(const char *text, struct proc_io *ret_io, struct error *err);
int procfs_read_stat(const struct root *root, pid_t pid, struct proc_stat *ret_stat,
                     struct error *err);
/* The same of a descriptor that stays open: it is bound to the process, whoever has its pid later.
 * -ERROR_ABSENT: the process is gone. */
int procfs_pread_stat(int fd, struct proc_stat *ret_stat);
int procfs_read_rss_pages(const struct root *root, pid_t pid, uint64_t *ret_pages,
                          struct error *err);

/* The number behind a key that begins a line ("VmSwap:"); false: there is none, or it is none. */
bool procfs_find_u64(const char *text, const char *key, uint64_t *ret_value);
int procfs_parse_memory(const char *text, struct proc_memory *ret_memory, struct error *err);
int procfs_read_memory(const struct root *root, pid_t pid, struct proc_memory *ret_memory,
                       struct error *err);
int procfs_pread_memory(int fd, struct proc_memory *ret_memory); /* as procfs_pread_stat */
int procfs_read_io(const struct root *root, pid_t pid, struct proc_io *ret_io, struct error *err);
/* Open descriptors: the size of /proc/PID/fd since Linux 6.2, else its entries are counted. */
int procfs_count_fds(const struct root *root, pid_t pid, uint64_t *ret_count, struct error *err);
/* Context switches of all threads that live now: each thread's status counts its own only. */
int procfs_read_switches(const struct root *root, pid_t pid, uint64_t *ret_voluntary,
                         uint64_t *ret_involuntary, struct error *err);

/* Calls fn for every entry of a directory whose name is a number, without allocating. Returns 0 or
 * -errno. */
int procfs_each_number(const struct root *root, const char *path,
                       void (*fn)(pid_t number, void *context), void *context);

/* A descriptor of /proc/loadavg whose last number, procfs_last_pid, changes whenever a process or
 * thread is born, so that a tree need not be searched while it does not. -1: it cannot be told here
 * (a recorded tree; a /proc that is not of our own pid namespace; a kernel that says 0). */
int procfs_open_last_pid(const struct root *root);
uint64_t procfs_last_pid(int fd); /* 0: unknown */

/* The descendants of `pid`, breadth first, itself first when include_self. Uses
 * task/TID/children, and a scan of /proc by parent pid where the kernel lacks that file
 * (CONFIG_PROC_CHILDREN). A racing tree is a snapshot with holes, never an error; only a `pid` that
 * is not there is one. At most `capacity` pids are written; *ret_count is how many were,
 * *ret_truncated (may be NULL) whether there were more. */
int procfs_tree(const struct root *root, pid_t pid, bool include_self, pid_t *ret_pids,
                size_t capacity, size_t *ret_count, bool *ret_truncated, struct error *err);

#endif
