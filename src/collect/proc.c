/* proc.c: the collector `proc`: CPU, memory, load and pressure of the machine, and CPU, memory and
 * threads of the measured process tree, from /proc and the processes' CPU clocks. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "collect/proc_internal.h"

struct proc_state {
    struct proc_machine *machine;
    struct proc_tree *tree;
    size_t channel_count;
};

static void proc_probe(const struct collect_env *env, struct probe_result *ret)
{
    char line[256];
    struct error err = {0};
    *ret = (struct probe_result){REASON_NONE, "/proc"};
    ssize_t length = root_read_line(env->root, "proc/loadavg", line, sizeof(line), &err);
    if (length < 0 || !root_exists(env->root, "proc/stat")) {
        ret->reason = length < 0 ? reason_from_error(err.code) : REASON_ABSENT;
        snprintf(ret->detail, sizeof(ret->detail), "/proc is not mounted here or cannot be read");
    }
}

static void proc_close(void *state)
{
    struct proc_state *proc = state;
    if (!proc)
        return;
    proc_machine_close(proc->machine);
    proc_tree_close(proc->tree);
    free(proc);
}

static int proc_open(const struct collect_env *env, struct channel_set *channels, void **ret_state,
                     struct error *err)
{
    struct proc_state *proc = calloc(1, sizeof(*proc));
    if (!proc)
        return error_set(err, ERROR_NOMEM, "out of memory for the collector 'proc'");
    int rc = proc_machine_open(env, channels, &proc->machine, err);
    if (rc == 0)
        rc = proc_tree_open(env, channels, &proc->tree, err);
    if (rc < 0) {
        proc_close(proc);
        return rc;
    }
    proc->channel_count = channels->count;
    *ret_state = proc;
    return 0;
}

static int proc_sample(void *state, const struct collect_tick *tick, double *values)
{
    struct proc_state *proc = state;
    int rc = proc_machine_sample(proc->machine, tick->grid_ns, values);
    proc_tree_sample(proc->tree, tick, values);
    for (size_t i = 0; rc < 0 && i < proc->channel_count; i++) {
        if (!isnan(values[i]))
            return 0;
    }
    return rc;
}

const struct collector collector_proc = {
    .name = "proc",
    .alias = "psutil",
    .summary = "CPU, memory, load, clock and pressure of the machine and of the measured tree",
    .cost_ns = 47000, /* with one process followed, every 100 ms; at 1 kHz 3 us on average */
    .min_interval_ns = 0,
    .probe = proc_probe,
    .open = proc_open,
    .sample = proc_sample,
    .close = proc_close,
};
