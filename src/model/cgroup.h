/* cgroup.h: the control groups that tacho or a process is in, and their limits; for the environment
 * of a run, the collector `cgroup` and how a watched process ended.
 *
 * What: a process is in one group of version 2, and in one per controller of version 1; a hybrid
 *       has both. cgroup_find says for each controller which directory is its group's, or why there
 *       is none. Memory: none but the caller's. Threads: any. Errors: as file.h.
 */
#ifndef TACHO_MODEL_CGROUP_H
#define TACHO_MODEL_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/file.h"
#include "model/reason.h"

enum cgroup_part { CGROUP_CPU, CGROUP_CPUACCT, CGROUP_MEMORY, CGROUP_PIDS, CGROUP_PARTS };

struct cgroup_group {
    enum reason reason;  /* NONE: it is in a group that can be read */
    const char *why;     /* else: static */
    bool unified;        /* version 2 */
    char mount[64];      /* "sys/fs/cgroup/memory" */
    char path[PATH_MAX]; /* of the group, mount included; relative to the root */
};

struct cgroup_groups {
    /* CPU and CPUACCT: where an ancestor sets the smallest quota, that ancestor. It is there that
     * the kernel counts the periods, and it is its CPU time that the quota is about. */
    struct cgroup_group part[CGROUP_PARTS];
    double quota_cores;        /* the smallest of the group and its ancestors; INFINITY: none */
    double memory_limit_bytes; /* likewise */
};

/* The groups of tacho itself, in which what it starts runs too. */
int cgroup_find(const struct root *root, struct cgroup_groups *ret_groups, struct error *err);
/* Those of a process. */
int cgroup_find_of(const struct root *root, pid_t pid, struct cgroup_groups *ret_groups,
                   struct error *err);

#endif
