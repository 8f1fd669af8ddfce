/* proc_internal.h: the parts of the proc collector: the machine, the followed tree, and its
 * slow tier. */
#ifndef TACHO_COLLECT_PROC_INTERNAL_H
#define TACHO_COLLECT_PROC_INTERNAL_H

#include <stdbool.h>

#include "collect/collector.h"

/* /proc/stat counts ticks of 10 ms, so a share of it over less time than this is noise; and at
 * 1 kHz the machine's files would cost more than everything else. Sampled faster, the machine's
 * columns have values only this often. */
#define PROC_MACHINE_INTERVAL_NS (100 * 1000000ULL)

/* Something that is done less often than every tick. By the ticks' grid, so that it comes due in
 * the very tick in which the sampler expects a column of that min_interval_ns. */
struct pace {
    uint64_t last_ns;
    bool begun;
};

static inline bool pace_is_due(struct pace *pace, uint64_t grid_ns, uint64_t interval_ns)
{
    if (pace->begun && grid_ns - pace->last_ns < interval_ns)
        return false;
    *pace = (struct pace){grid_ns, true};
    return true;
}

/* The same of what is read seldom. */
struct seldom {
    struct pace pace;
    uint64_t begin_ns;
    bool is_wanted; /* then at the interval given, not seldom */
};

static inline bool seldom_is_due(struct seldom *seldom, uint64_t grid_ns, uint64_t wanted_ns)
{
    if (!seldom->pace.begun)
        seldom->begin_ns = grid_ns;
    uint64_t interval_ns = collect_seldom_ns(grid_ns - seldom->begin_ns);
    return pace_is_due(&seldom->pace, grid_ns, seldom->is_wanted ? wanted_ns : interval_ns);
}

/* What needs several files of every process is read only this often. */
#define PROC_DETAIL_INTERVAL_NS (1000 * 1000000ULL)

struct proc_machine;
struct proc_tree;

int proc_machine_open(const struct collect_env *env, struct channel_set *channels,
                      struct proc_machine **ret_machine, struct error *err);
/* -ERROR_IO: it was time to read, and /proc/stat or /proc/meminfo could not be used. */
int proc_machine_sample(struct proc_machine *machine, uint64_t grid_ns, double *values);
void proc_machine_close(struct proc_machine *machine); /* accepts NULL */

int proc_tree_open(const struct collect_env *env, struct channel_set *channels,
                   struct proc_tree **ret_tree, struct error *err);
void proc_tree_sample(struct proc_tree *tree, const struct collect_tick *tick, double *values);
void proc_tree_close(struct proc_tree *tree); /* accepts NULL */

/* ---- the slow tier of the tree: proc_detail.c ---- */

struct proc_counter {
    uint64_t value;
    bool is_known;
};

/* The last readings of one process; zeroed for one that is new. */
struct proc_counters {
    struct proc_counter minor, major, read, written, voluntary, involuntary;
};

struct proc_detail_of {
    pid_t pid;
    int status_fd; /* open, or -1 */
    bool has_anon; /* anon_bytes is known without status */
    uint64_t anon_bytes;
    bool is_young; /* was born while its tree was followed: all that it did counts */
    uint64_t minor_faults, major_faults;
    struct proc_counters *counters;
};

struct proc_detail;

int proc_detail_open(const struct collect_env *env, struct channel_set *channels,
                     struct proc_detail **ret_detail, struct error *err);
bool proc_detail_is_due(struct proc_detail *detail, uint64_t grid_ns);
/* next hands over one live process after the other, and false at the end. */
void proc_detail_sample(struct proc_detail *detail, uint64_t grid_ns, uint64_t now_ns,
                        bool (*next)(void *context, struct proc_detail_of *ret), void *context,
                        double *values);
void proc_detail_forget(struct proc_detail *detail); /* another target */
void proc_detail_close(struct proc_detail *detail);  /* accepts NULL */

#endif
