/* devices.h: the devices of this machine that can run a network: the CPU, NVIDIA GPUs, Jetsons.
 *
 * What: ids as users name them: cpu_0; nvidia_0, nvidia_1 … in NVML's order; jetson_0 with its
 *       dla_0, dla_1. Old names are aliases: nvidia_jetson_0, nvidia_drive_0. Facts of each: model,
 *       cores, clocks, governor, cgroup limits; memory, driver, power limit; board, release, power
 *       mode. What cannot be read is null with its reason. Engines are no business of this layer.
 * Memory: the list owns everything. Threads: any. Errors: only -ERROR_NOMEM.
 */
#ifndef TACHO_COLLECT_DEVICES_H
#define TACHO_COLLECT_DEVICES_H

#include "base/file.h"
#include "model/facts.h"

#define DEVICES_MAX 64

struct device {
    char id[32];
    char alias[32]; /* "" : none */
    char type[8];   /* "cpu", "cuda", "dla": what provider tables call it */
    uint32_t index; /* of its type, as engines count: device_id, dla core */
    char name[128]; /* "AMD EPYC 7B13", "Orin Nano", "NVIDIA H200" */
    struct facts facts;
    enum reason reason; /* not NONE: it is here but cannot be used, and why */
    char why[192];
};

struct device_list {
    struct device *items;
    size_t count;
    /* A kind of device that was looked for and not found, and why: "NVIDIA: libnvidia-ml.so.1 is
     * not installed". */
    struct facts absent;
};

int devices_read(const struct root *root, struct device_list *ret_list, struct error *err);
void devices_deinit(struct device_list *list);
/* By id, alias, or type ("cpu", "cuda", "dla": the first of it); NULL: none. */
const struct device *devices_find(const struct device_list *list, const char *name);

#endif
