/* devices_nvidia.c: nvidia_0, nvidia_1, … in the order of NVML, which is that of the PCI bus. CUDA
 * counts so only with CUDA_DEVICE_ORDER=PCI_BUS_ID.
 *
 * A Jetson's own GPU answers to NVML too; it is jetson_0, and only its name is taken from there.
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "collect/devices_internal.h"
#include "collect/nvml_library.h"

#define MB (1024.0 * 1024.0)

/* ---- one GPU ---- */

static void read_text(struct facts *facts, const char *key, int rc, const char *text,
                      const char *source)
{
    char printable[128];
    str_copy(printable, sizeof(printable), text);
    str_make_printable(printable);
    if (rc == NVML_SUCCESS && printable[0])
        facts_text(facts, key, printable, source);
    else
        facts_null(facts, key, rc == NVML_SUCCESS ? REASON_ABSENT : nvml_reason(rc), source);
}

static void read_versions(const struct nvml_api *api, struct nvml_device *gpu, struct facts *facts)
{
    char text[96] = "";
    int cuda = 0, major = 0, minor = 0;
    int rc = api->driver_version ? api->driver_version(text, sizeof(text)) : NVML_NOT_SUPPORTED;
    read_text(facts, "driver_version", rc, text, "nvmlSystemGetDriverVersion");
    rc = api->cuda_version ? api->cuda_version(&cuda) : NVML_NOT_SUPPORTED;
    snprintf(text, sizeof(text), "%d.%d", cuda / 1000, cuda % 1000 / 10);
    read_text(facts, "cuda_driver_version", rc, text, "nvmlSystemGetCudaDriverVersion");
    rc =
        api->compute_capability ? api->compute_capability(gpu, &major, &minor) : NVML_NOT_SUPPORTED;
    snprintf(text, sizeof(text), "%d.%d", major, minor);
    read_text(facts, "compute_capability", rc, text, "nvmlDeviceGetCudaComputeCapability");
}

static void read_memory(const struct nvml_api *api, struct nvml_device *gpu, struct facts *facts)
{
    struct nvml_memory memory = {0};
    bool memory_v1 = false;
    static const char source[] = "nvmlDeviceGetMemoryInfo";
    int rc = nvml_read_memory(api, gpu, &memory_v1, &memory);
    if (rc != NVML_SUCCESS) {
        facts_null(facts, "gpu_mem_total_mb", nvml_reason(rc), source);
        facts_null(facts, "gpu_mem_used_mb", nvml_reason(rc), source);
        return;
    }
    facts_number(facts, "gpu_mem_total_mb", (double)memory.total / MB, source);
    facts_number(facts, "gpu_mem_used_mb", (double)memory.used / MB, source);
}

/* The temperature at which the driver slows the GPU down. Since Ada drivers may tell it only
 * relative to the temperature of the moment, which is no threshold. */
static int read_slowdown(const struct nvml_api *api, struct nvml_device *gpu, unsigned *ret_celsius)
{
    if (!api->temperature_threshold)
        return NVML_NOT_SUPPORTED;
    int rc = api->temperature_threshold(gpu, NVML_TEMPERATURE_THRESHOLD_SLOWDOWN, ret_celsius);
    bool is_plausible = *ret_celsius >= 40 && *ret_celsius <= 150;
    return rc == NVML_SUCCESS && !is_plausible ? NVML_NOT_SUPPORTED : rc;
}

static void read_limits(const struct nvml_api *api, struct nvml_device *gpu, struct facts *facts)
{
    unsigned mw = 0, current = 0, pending = 0, celsius = 0;
    int rc = api->power_limit ? api->power_limit(gpu, &mw) : NVML_NOT_SUPPORTED;
    if (rc == NVML_SUCCESS && mw > 0)
        facts_number(facts, "power_limit_w", mw / 1e3, "nvmlDeviceGetEnforcedPowerLimit");
    else
        facts_null(facts, "power_limit_w",
                   rc == NVML_SUCCESS ? REASON_UNSUPPORTED : nvml_reason(rc),
                   "nvmlDeviceGetEnforcedPowerLimit");
    rc = read_slowdown(api, gpu, &celsius);
    if (rc == NVML_SUCCESS)
        facts_integer(facts, "gpu_slowdown_c", celsius, "nvmlDeviceGetTemperatureThreshold");
    else
        facts_null(facts, "gpu_slowdown_c", nvml_reason(rc), "nvmlDeviceGetTemperatureThreshold");
    rc = api->mig_mode ? api->mig_mode(gpu, &current, &pending) : NVML_NOT_SUPPORTED;
    read_text(facts, "mig_mode", rc, current ? "enabled" : "disabled", "nvmlDeviceGetMigMode");
}

static void cannot_use(struct device *device, int rc)
{
    device->reason = nvml_reason(rc);
    snprintf(device->why, sizeof(device->why),
             rc == NVML_GPU_IS_LOST ? "the GPU is lost: reset it or reboot (NVML code %d)"
                                    : "NVML does not open it (code %d)",
             rc);
}

static void add_gpu(struct device_search *search, const struct nvml_api *api, unsigned index)
{
    char name[96] = "", uuid[96] = "", id[32];
    struct nvml_device *gpu = NULL;
    int rc = api->device_by_index(index, &gpu);
    int name_rc = rc;
    if (rc == NVML_SUCCESS)
        name_rc = api->device_name ? api->device_name(gpu, name, sizeof(name)) : NVML_NOT_SUPPORTED;
    str_make_printable(name);
    bool is_own = strstr(name, "nvgpu") || strcasestr(name, "Thor") || strcasestr(name, "Orin");
    if (search->is_board && is_own)
        return;
    snprintf(id, sizeof(id), "nvidia_%u", index);
    struct device *device = devices_add(search, "cuda", index, id);
    if (!device)
        return;
    str_copy(device->name, sizeof(device->name),
             name_rc == NVML_SUCCESS && name[0] ? name : "NVIDIA GPU");
    if (rc != NVML_SUCCESS) {
        cannot_use(device, rc);
        return;
    }
    rc = api->device_uuid ? api->device_uuid(gpu, uuid, sizeof(uuid)) : NVML_NOT_SUPPORTED;
    read_text(&device->facts, "uuid", rc, uuid, "nvmlDeviceGetUUID");
    if (rc == NVML_GPU_IS_LOST)
        cannot_use(device, rc);
    read_versions(api, gpu, &device->facts);
    read_memory(api, gpu, &device->facts);
    read_limits(api, gpu, &device->facts);
}

/* ---- all of them ---- */

static void add_gpus(struct device_search *search, const struct nvml_api *api)
{
    struct error err = {0};
    unsigned count = 0;
    int rc = api->init();
    if (rc != NVML_SUCCESS) {
        nvml_init_failed(rc, &err);
        devices_absent(search, "nvidia", "%s%s%s", err.message, err.hint[0] ? "; " : "", err.hint);
        return;
    }
    rc = api->device_count(&count);
    size_t before = search->list->count;
    for (unsigned i = 0; rc == NVML_SUCCESS && i < count; i++)
        add_gpu(search, api, i);
    if (rc != NVML_SUCCESS)
        devices_absent(search, "nvidia", "NVML does not count its devices (code %d)", rc);
    else if (search->list->count == before)
        devices_absent(search, "nvidia",
                       search->is_board ? "no GPU beside the board's own"
                                        : "the NVIDIA driver is loaded, but it has no GPU");
    api->shutdown();
}

void devices_find_nvidia(struct device_search *search)
{
    struct nvml_api api;
    struct error err = {0};
    if (nvml_is_other_machine(search->root)) {
        devices_absent(search, "nvidia", "NVML cannot read a recorded tree");
        return;
    }
    if (nvml_load(&api, &err) < 0) {
        devices_absent(search, "nvidia", "no NVIDIA driver library: %s", err.message);
        return;
    }
    if (nvml_has_device_node(search->root))
        add_gpus(search, &api);
    else
        devices_absent(search, "nvidia",
                       "libnvidia-ml.so.1 is here, but no NVIDIA GPU (/dev/nvidiactl)");
    nvml_unload(&api);
}
