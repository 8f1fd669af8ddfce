/* nvml_library.h: NVIDIA's management library, bound once for everybody who needs it (the collector
 * `nvml` and the list of devices).
 *
 * What: nvml_load opens libnvidia-ml.so.1, or the file that the environment variable TACHO_NVML
 *       names, and looks the functions up; a missing optional one is NULL. Nothing is initialised:
 *       call init and, at the end, shutdown and nvml_unload. NVML's state does not survive fork(),
 *       and initialising it wakes the GPU.
 * Memory: none but the library's own. Threads: NVML's calls may come from any.
 * Errors: -ERROR_ABSENT without the library, -ERROR_UNSUPPORTED when it lacks what every driver
 *         has; calls return an enum nvml_return.
 */
#ifndef TACHO_COLLECT_NVML_LIBRARY_H
#define TACHO_COLLECT_NVML_LIBRARY_H

#include "base/file.h"
#include "collect/nvml_api.h"
#include "model/reason.h"

struct nvml_api {
    void *library;
    int (*init)(void);
    int (*shutdown)(void);
    int (*device_count)(unsigned *count);
    int (*device_by_index)(unsigned index, struct nvml_device **device);
    int (*device_name)(struct nvml_device *device, char *name, unsigned size);
    int (*device_uuid)(struct nvml_device *device, char *uuid, unsigned size);
    int (*driver_version)(char *version, unsigned size);
    int (*cuda_version)(int *version); /* 12040: CUDA 12.4 */
    int (*compute_capability)(struct nvml_device *device, int *major, int *minor);
    int (*power_limit)(struct nvml_device *device, unsigned *mw);
    int (*mig_mode)(struct nvml_device *device, unsigned *current, unsigned *pending);
    int (*utilization)(struct nvml_device *device, struct nvml_utilization *utilization);
    int (*memory_v2)(struct nvml_device *device, struct nvml_memory_v2 *memory);
    int (*memory)(struct nvml_device *device, struct nvml_memory *memory);
    int (*clock)(struct nvml_device *device, int type, unsigned *mhz);
    int (*temperature)(struct nvml_device *device, int sensor, unsigned *celsius);
    int (*temperature_threshold)(struct nvml_device *device, int threshold, unsigned *celsius);
    int (*power)(struct nvml_device *device, unsigned *mw);
    int (*energy)(struct nvml_device *device, unsigned long long *mj);
    int (*fields)(struct nvml_device *device, int count, struct nvml_field_value *values);
    int (*throttle)(struct nvml_device *device, unsigned long long *reasons);
    /* *count: room in, how many out. A NULL one: only the oldest ABI is there, or none. */
    int (*compute_processes)(struct nvml_device *device, unsigned *count,
                             struct nvml_process *processes);
    int (*graphics_processes)(struct nvml_device *device, unsigned *count,
                              struct nvml_process *processes);
};

int nvml_load(struct nvml_api *api, struct error *err);
void nvml_unload(struct nvml_api *api); /* accepts one that was never loaded */
/* True where NVML cannot answer for this root: a recorded tree, unless TACHO_NVML names a library
 * for it. */
bool nvml_is_other_machine(const struct root *root);
/* The library is installed in many containers and images that have no GPU. */
bool nvml_has_device_node(const struct root *root);
/* Fills err for an init or count that failed; returns the negative code. */
int nvml_init_failed(int rc, struct error *err);
enum reason nvml_reason(int rc);
/* Both calls for used and total memory, the newer first, without what the driver reserves where it
 * says so. *memory_v1 (in and out): the newer one was refused before. GPUs that share the machine's
 * memory answer with nothing, which is NVML_NOT_SUPPORTED. */
int nvml_read_memory(const struct nvml_api *api, struct nvml_device *device, bool *memory_v1,
                     struct nvml_memory *ret_memory);

#endif
