/* nvml_processes.h: how much GPU memory the measured processes hold; inside the collector `nvml`.
 *
 * NVML lists the processes of a GPU by the pids of the machine. In a container they are other
 * numbers than those that tacho sees, so there is no value there. Memory: the struct's own.
 * Threads: the sampler's. Errors: an nvml_return.
 */
#ifndef TACHO_COLLECT_NVML_PROCESSES_H
#define TACHO_COLLECT_NVML_PROCESSES_H

#include <sys/types.h>

#include "collect/collector.h"
#include "collect/nvml_library.h"

#define NVML_PROCESSES_MAX 128

struct nvml_process_list {
    unsigned count;
    struct nvml_process items[NVML_PROCESSES_MAX];
};

/* True: the pids that NVML tells are those of this /proc. */
bool nvml_processes_are_ours(const struct root *root);
/* Those that compute and those that draw; one that does both counts once, with its larger size. */
int nvml_processes_read(const struct nvml_api *api, struct nvml_device *device,
                        struct nvml_process_list *list);
/* Bytes of the targets and their descendants; NAN where the driver does not say. */
double nvml_processes_sum(const struct nvml_process_list *list, const struct root *root,
                          const struct collect_targets *targets);

#endif
