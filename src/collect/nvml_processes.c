/* nvml_processes.c: see nvml_processes.h. */
#include "collect/nvml_processes.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/procfs.h"

/* The number of the first pid namespace of a machine (PROC_PID_INIT_INO of the kernel). */
#define FIRST_PID_NAMESPACE "pid:[4026531836]"
#define ANCESTORS_MAX 64

bool nvml_processes_are_ours(const struct root *root)
{
    char name[64];
    if (!root->is_machine)
        return true;
    ssize_t length = readlinkat(root->fd, "proc/self/ns/pid", name, sizeof(name) - 1);
    if (length < 0)
        return false;
    name[length] = '\0';
    return strcmp(name, FIRST_PID_NAMESPACE) == 0;
}

static void add_process(struct nvml_process_list *list, const struct nvml_process *process)
{
    /* Some drivers of Tegra answer with pids of nothing. */
    if (process->pid == 0 || process->pid > INT32_MAX)
        return;
    for (unsigned i = 0; i < list->count; i++) {
        struct nvml_process *known = &list->items[i];
        if (known->pid != process->pid || known->gpu_instance_id != process->gpu_instance_id ||
            known->compute_instance_id != process->compute_instance_id)
            continue;
        if (known->used_bytes == NVML_PROCESS_MEMORY_UNKNOWN ||
            (process->used_bytes != NVML_PROCESS_MEMORY_UNKNOWN &&
             process->used_bytes > known->used_bytes))
            known->used_bytes = process->used_bytes;
        return;
    }
    if (list->count < NVML_PROCESSES_MAX)
        list->items[list->count++] = *process;
}

int nvml_processes_read(const struct nvml_api *api, struct nvml_device *device,
                        struct nvml_process_list *list)
{
    struct nvml_process found[NVML_PROCESSES_MAX];
    int (*const calls[])(struct nvml_device *, unsigned *,
                         struct nvml_process *) = {api->compute_processes, api->graphics_processes};
    int result = NVML_NOT_SUPPORTED;
    list->count = 0;
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        unsigned count = NVML_PROCESSES_MAX;
        int rc = calls[i] ? calls[i](device, &count, found) : NVML_NOT_SUPPORTED;
        /* Data-centre GPUs know no graphics: what computes is then all. */
        if (rc != NVML_SUCCESS && (i == 0 || rc != NVML_NOT_SUPPORTED))
            return rc;
        if (rc != NVML_SUCCESS)
            continue;
        result = NVML_SUCCESS;
        for (unsigned p = 0; p < count && p < NVML_PROCESSES_MAX; p++)
            add_process(list, &found[p]);
    }
    return result;
}

static bool is_target(const struct collect_targets *targets, pid_t pid)
{
    for (size_t i = 0; i < targets->count; i++) {
        if (targets->pids[i] == pid)
            return true;
    }
    return false;
}

static bool is_below(const struct root *root, pid_t pid, const struct collect_targets *targets)
{
    struct proc_stat stat;
    for (int i = 0; i < ANCESTORS_MAX && pid > 1; i++) {
        if (is_target(targets, pid))
            return true;
        if (targets->without_children || procfs_read_stat(root, pid, &stat, NULL) < 0)
            return false;
        pid = stat.ppid;
    }
    return false;
}

double nvml_processes_sum(const struct nvml_process_list *list, const struct root *root,
                          const struct collect_targets *targets)
{
    double bytes = 0;
    for (unsigned i = 0; i < list->count; i++) {
        const struct nvml_process *process = &list->items[i];
        if (!is_below(root, (pid_t)process->pid, targets))
            continue;
        if (process->used_bytes == NVML_PROCESS_MEMORY_UNKNOWN)
            return NAN;
        bytes += (double)process->used_bytes;
    }
    return bytes;
}
