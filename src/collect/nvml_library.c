/* nvml_library.c: see nvml_library.h. */
#include "collect/nvml_library.h"

#include <stdlib.h>
#include <string.h>

#include "base/dl.h"
#include "base/util.h"
#include "collect/tegra_board.h"

/* A library that was named on purpose; NULL: none. */
static const char *chosen_library(void)
{
    const char *chosen = getenv("TACHO_NVML");
    return chosen && *chosen ? chosen : NULL;
}

int nvml_load(struct nvml_api *api, struct error *err)
{
    const char *const usual[] = {"libnvidia-ml.so.1", NULL};
    const char *const chosen[] = {chosen_library(), NULL};
    memset(api, 0, sizeof(*api));
    int rc = dl_open(chosen[0] ? chosen : usual, &api->library, NULL, err);
    if (rc < 0)
        return rc;
#define SLOT(member) ((void **)&api->member)
    const struct dl_symbol symbols[] = {
        {SLOT(init), {"nvmlInit_v2", "nvmlInit"}, true},
        {SLOT(shutdown), {"nvmlShutdown"}, true},
        {SLOT(device_count), {"nvmlDeviceGetCount_v2", "nvmlDeviceGetCount"}, true},
        {SLOT(device_by_index),
         {"nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex"},
         true},
        {SLOT(device_name), {"nvmlDeviceGetName"}, false},
        {SLOT(device_uuid), {"nvmlDeviceGetUUID"}, false},
        {SLOT(driver_version), {"nvmlSystemGetDriverVersion"}, false},
        {SLOT(cuda_version),
         {"nvmlSystemGetCudaDriverVersion_v2", "nvmlSystemGetCudaDriverVersion"},
         false},
        {SLOT(compute_capability), {"nvmlDeviceGetCudaComputeCapability"}, false},
        {SLOT(power_limit),
         {"nvmlDeviceGetEnforcedPowerLimit", "nvmlDeviceGetPowerManagementLimit"},
         false},
        {SLOT(mig_mode), {"nvmlDeviceGetMigMode"}, false},
        {SLOT(utilization), {"nvmlDeviceGetUtilizationRates"}, false},
        {SLOT(memory_v2), {"nvmlDeviceGetMemoryInfo_v2"}, false},
        {SLOT(memory), {"nvmlDeviceGetMemoryInfo"}, false},
        {SLOT(clock), {"nvmlDeviceGetClockInfo"}, false},
        {SLOT(temperature), {"nvmlDeviceGetTemperature"}, false},
        {SLOT(temperature_threshold), {"nvmlDeviceGetTemperatureThreshold"}, false},
        {SLOT(power), {"nvmlDeviceGetPowerUsage"}, false},
        {SLOT(energy), {"nvmlDeviceGetTotalEnergyConsumption"}, false},
        {SLOT(fields), {"nvmlDeviceGetFieldValues"}, false},
        {SLOT(throttle),
         {"nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"},
         false},
        /* Versions 2 and 3 share their layout; the oldest has a smaller one. */
        {SLOT(compute_processes),
         {"nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2"},
         false},
        {SLOT(graphics_processes),
         {"nvmlDeviceGetGraphicsRunningProcesses_v3", "nvmlDeviceGetGraphicsRunningProcesses_v2"},
         false},
    };
#undef SLOT
    rc = dl_bind(api->library, symbols, ARRAY_LEN(symbols), err);
    if (rc < 0)
        nvml_unload(api);
    return rc;
}

void nvml_unload(struct nvml_api *api)
{
    dl_close(api->library);
    api->library = NULL;
}

bool nvml_is_other_machine(const struct root *root)
{
    return !root->is_machine && !chosen_library();
}

bool nvml_has_device_node(const struct root *root)
{
    return chosen_library() || root_exists(root, "dev/nvidiactl") || root_exists(root, "dev/dxg") ||
           tegra_is_board(root);
}

int nvml_init_failed(int rc, struct error *err)
{
    switch (rc) {
    case NVML_DRIVER_NOT_LOADED:
        return error_set(err, ERROR_ABSENT, "the NVIDIA driver is not loaded");
    case NVML_NO_PERMISSION:
        error_set(err, ERROR_DENIED, "no permission to talk to the NVIDIA driver");
        error_hint(err, "join the group that owns /dev/nvidiactl (often 'video')");
        return -ERROR_DENIED;
    case NVML_LIB_RM_VERSION_MISMATCH:
        error_set(err, ERROR_UNSUPPORTED, "the NVIDIA driver and its library differ in version");
        error_hint(err, "reboot: the driver was upgraded while it was loaded");
        return -ERROR_UNSUPPORTED;
    default:
        return error_set(err, ERROR_UNSUPPORTED, "NVML refuses to start (code %d)", rc);
    }
}

enum reason nvml_reason(int rc)
{
    switch (rc) {
    case NVML_SUCCESS:
        return REASON_NONE;
    case NVML_NOT_SUPPORTED:
    case NVML_FUNCTION_NOT_FOUND:
    case NVML_ARGUMENT_VERSION_MISMATCH:
        return REASON_UNSUPPORTED;
    case NVML_NO_PERMISSION:
        return REASON_DENIED;
    default:
        return REASON_FAILED;
    }
}

int nvml_read_memory(const struct nvml_api *api, struct nvml_device *device, bool *memory_v1,
                     struct nvml_memory *ret_memory)
{
    int rc = NVML_NOT_SUPPORTED;
    struct nvml_memory memory = {0};
    if (api->memory_v2 && !*memory_v1) {
        struct nvml_memory_v2 newer = {.version = NVML_MEMORY_V2};
        rc = api->memory_v2(device, &newer);
        memory = (struct nvml_memory){newer.total, newer.free, newer.used};
        *memory_v1 = rc == NVML_FUNCTION_NOT_FOUND || rc == NVML_ARGUMENT_VERSION_MISMATCH ||
                     rc == NVML_NOT_SUPPORTED;
    }
    if (api->memory && (*memory_v1 || !api->memory_v2))
        rc = api->memory(device, &memory);
    if (rc != NVML_SUCCESS)
        return rc;
    if (memory.total == 0)
        return NVML_NOT_SUPPORTED;
    *ret_memory = memory;
    return NVML_SUCCESS;
}
