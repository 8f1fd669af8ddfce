/* process_table.c: see process_table.h. */
#include "collect/process_table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/procfs.h"
#include "base/str.h"
#include "base/util.h"

#define DEPTH_MAX 32

/* ---- one process ---- */

/* "python3 main.py" of "/usr/bin/python3\0main.py\0": the program's folder says little and takes
 * the room of what follows. */
static void read_name(const struct root *root, const struct proc_stat *stat, char *name,
                      size_t size)
{
    char path[64], text[1024];
    snprintf(path, sizeof(path), "proc/%d/cmdline", (int)stat->pid);
    int fd = root_open_file(root, path, NULL);
    ssize_t length = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);
    if (fd >= 0)
        close(fd);
    while (length > 0 && text[length - 1] == '\0')
        length--;
    if (length <= 0) {
        snprintf(name, size, "[%s]", stat->comm);
        str_make_printable(name);
        return;
    }
    text[length] = '\0';
    const char *slash = strrchr(text, '/');
    const char *begin = slash && slash[1] ? slash + 1 : text;
    for (ssize_t i = begin - text; i < length; i++) {
        if (text[i] == '\0')
            text[i] = ' ';
    }
    str_copy(name, size, begin);
    str_make_printable(name);
}

/* In ns from the process' own clock, else in ticks (USER_HZ) from stat. */
static double read_cpu_ns(const struct root *root, const struct proc_stat *stat)
{
    clockid_t clock;
    struct timespec spent;
    if (root->is_machine && clock_getcpuclockid(stat->pid, &clock) == 0 &&
        clock_gettime(clock, &spent) == 0)
        return (double)spent.tv_sec * (double)NS_PER_S + (double)spent.tv_nsec;
    return (double)(stat->user_ticks + stat->system_ticks) * (double)NS_PER_S /
           (double)sysconf(_SC_CLK_TCK);
}

static const struct process_row *find_row(const struct process_row *rows, size_t count, pid_t pid,
                                          uint64_t start_ticks)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].pid == pid && rows[i].start_ticks == start_ticks)
            return &rows[i];
    }
    return NULL;
}

static void fill_row(struct process_row *row, const struct root *root, const struct proc_stat *stat,
                     const struct process_row *before, double past_ns)
{
    struct proc_memory memory;
    uint64_t fds;
    row->start_ticks = stat->start_ticks;
    str_copy(row->comm, sizeof(row->comm), stat->comm);
    if (before && strcmp(before->comm, row->comm) == 0) /* exec changes it */
        str_copy(row->name, sizeof(row->name), before->name);
    else
        read_name(root, stat, row->name, sizeof(row->name));
    row->cpu_ns = read_cpu_ns(root, stat);
    row->cpu_pct = before && past_ns > 0 ? (row->cpu_ns - before->cpu_ns) / past_ns * 100 : NAN;
    row->threads = (double)stat->threads;
    row->rss_mb = (double)stat->rss_pages * (double)sysconf(_SC_PAGESIZE) / 0x1p20;
    if (procfs_read_memory(root, stat->pid, &memory, NULL) == 0 && memory.anon_bytes != UINT64_MAX)
        row->anon_mb = (double)memory.anon_bytes / 0x1p20;
    if (procfs_count_fds(root, stat->pid, &fds, NULL) == 0)
        row->fds = (double)fds;
}

/* ---- the trees ---- */

struct reading {
    const struct root *root;
    const struct process_table *before;
    struct process_row *rows;
    pid_t parents[PROCESS_TABLE_MAX];
    size_t count;
    double past_ns;
};

/* start_ticks 0: whoever has the pid. */
static bool add_process(struct reading *reading, pid_t pid, uint64_t start_ticks)
{
    struct proc_stat stat;
    if (procfs_read_stat(reading->root, pid, &stat, NULL) < 0 || stat.state == 'Z' ||
        (start_ticks && stat.start_ticks != start_ticks))
        return false;
    struct process_row *row = &reading->rows[reading->count];
    *row = (struct process_row){.pid = pid, .anon_mb = NAN, .fds = NAN};
    fill_row(row, reading->root, &stat,
             find_row(reading->before->rows, reading->before->count, pid, stat.start_ticks),
             reading->past_ns);
    reading->parents[reading->count++] = stat.ppid;
    return true;
}

static bool has_pid(const struct reading *reading, pid_t pid)
{
    for (size_t i = 0; i < reading->count; i++) {
        if (reading->rows[i].pid == pid)
            return true;
    }
    return false;
}

/* Appends the rows of the tree with this root, which stand breadth first from `first` on, depth
 * first. */
static void append_tree(struct process_table *table, const struct reading *reading, size_t first,
                        size_t at, unsigned depth)
{
    struct process_row *row = &table->rows[table->count++];
    *row = reading->rows[at];
    row->depth = depth;
    for (size_t i = at + 1; i < reading->count && depth < DEPTH_MAX; i++) {
        if (i > first && reading->parents[i] == reading->rows[at].pid)
            append_tree(table, reading, first, i, depth + 1);
    }
}

/* Those whose parent ended in between, or that lie very deep. */
static void append_orphans(struct process_table *table, const struct reading *reading, size_t first,
                           size_t table_first)
{
    for (size_t i = first; i < reading->count; i++) {
        const struct process_row *row = &reading->rows[i];
        if (find_row(table->rows + table_first, table->count - table_first, row->pid,
                     row->start_ticks))
            continue;
        table->rows[table->count] = *row;
        table->rows[table->count++].depth = 1;
    }
}

static void read_tree(struct process_table *table, struct reading *reading, pid_t pid,
                      uint64_t start_ticks, bool without_children)
{
    size_t first = reading->count, table_first = table->count, count = 0;
    pid_t pids[PROCESS_TABLE_MAX];
    bool is_truncated = false;
    if (first == PROCESS_TABLE_MAX) {
        table->is_truncated = true;
        return;
    }
    /* A tree below one that was read before is part of it. */
    if (has_pid(reading, pid) || !add_process(reading, pid, start_ticks))
        return;
    if (!without_children)
        procfs_tree(reading->root, pid, false, pids, PROCESS_TABLE_MAX, &count, &is_truncated,
                    NULL);
    for (size_t i = 0; i < count; i++) {
        if (reading->count == PROCESS_TABLE_MAX)
            is_truncated = true;
        else if (!has_pid(reading, pids[i]))
            add_process(reading, pids[i], 0);
    }
    table->is_truncated = table->is_truncated || is_truncated;
    append_tree(table, reading, first, first, 0);
    append_orphans(table, reading, first, table_first);
}

void process_table_read(struct process_table *table, const struct root *root,
                        const struct collect_targets *targets, uint64_t now_ns)
{
    struct process_table before = *table;
    struct process_row rows[PROCESS_TABLE_MAX];
    struct reading reading = {
        .root = root,
        .before = &before,
        .rows = rows,
        .past_ns =
            before.read_ns && now_ns > before.read_ns ? (double)(now_ns - before.read_ns) : 0,
    };
    table->count = 0;
    table->is_truncated = false;
    table->read_ns = now_ns;
    for (size_t i = 0; i < targets->count; i++)
        read_tree(table, &reading, targets->pids[i], targets->start_ticks[i],
                  targets->without_children);
}
