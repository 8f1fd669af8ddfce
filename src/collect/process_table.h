/* process_table.h: the processes of the watched trees one by one, for a live screen.
 *
 * What: the sampler's columns are sums over the trees; this reads each process, about once a second
 *       and not in a loop of sampling. Rows stand as a tree: a process, then what it started.
 * Cost: stat, status and fd of each process; the command line, which alone takes the mmap lock of
 *       the process, only when it is first seen or has become another program.
 * Memory: fixed; about 100 KB. Threads: one. Errors: none; what cannot be read is NaN.
 */
#ifndef TACHO_COLLECT_PROCESS_TABLE_H
#define TACHO_COLLECT_PROCESS_TABLE_H

#include "base/file.h"
#include "collect/collector.h"

#define PROCESS_TABLE_MAX 256

struct process_row {
    pid_t pid;
    uint64_t start_ticks;
    unsigned depth; /* 0: a watched one, 1: started by it, ... */
    char comm[64];
    char name[96];  /* the command line without the program's folder, or [comm] */
    double cpu_pct; /* since the last reading; 100 is one core. NaN: first seen now */
    double rss_mb, anon_mb;
    double threads, fds;
    double cpu_ns; /* what it has used so far; NaN: unknown */
};

struct process_table {
    struct process_row rows[PROCESS_TABLE_MAX];
    size_t count;
    bool is_truncated; /* there are more */
    uint64_t read_ns;
};

/* A zeroed table is valid and empty. now_ns: CLOCK_MONOTONIC. */
void process_table_read(struct process_table *table, const struct root *root,
                        const struct collect_targets *targets, uint64_t now_ns);

#endif
