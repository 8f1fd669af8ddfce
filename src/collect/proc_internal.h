/* proc_internal.h: the two halves of the proc collector: the machine, and the followed tree. */
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

#endif
