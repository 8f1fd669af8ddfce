/* nvml_standin.c: a libnvidia-ml.so.1 that answers as the documentation of NVML says, for machines
 * without a GPU. It declares everything anew, so that a mistake in tacho's declarations shows.
 *
 * Environment, read at every call: NVML_STANDIN_DEVICES (default 1), NVML_STANDIN_NAME, and
 * NVML_STANDIN_FAULT, any of these words:
 *   driver, permission, mismatch   nvmlInit fails so
 *   unsupported                    every reading is NOT_SUPPORTED
 *   lost                           every reading is GPU_IS_LOST; lost1: of device 1 only
 *   zero                           readings succeed with 0 (nvgpu)
 *   garbage                        readings succeed with impossible values
 *   nofield                        no instantaneous power
 *   mig                            the GPU is split (MIG)
 * NVML_STANDIN_COMPUTE and NVML_STANDIN_GRAPHICS, "PID:MB,PID:MB": the processes on device 0, "?"
 * for a size that the driver does not know.
 * Built with NVML_STANDIN_OLD it lacks what a driver of 2018 lacks: init_v2, memory v2, fields, the
 * new name of the throttle reasons.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, UNINITIALIZED = 1, INVALID = 2, UNSUPPORTED = 3, VERSION_MISMATCH = 25 };

struct device {
    unsigned index;
};

static struct device devices[4] = {{0}, {1}, {2}, {3}};
static int initialised;
static unsigned long long energy_mj = 1000000;

static int has_fault(const char *word)
{
    const char *fault = getenv("NVML_STANDIN_FAULT");
    size_t length = strlen(word);
    for (; fault && *fault; fault += strcspn(fault, ","), fault += *fault == ',') {
        if (strncmp(fault, word, length) == 0 && (fault[length] == ',' || !fault[length]))
            return 1;
    }
    return 0;
}

static unsigned device_count(void)
{
    const char *count = getenv("NVML_STANDIN_DEVICES");
    unsigned wanted = count ? (unsigned)atoi(count) : 1;
    return wanted < 4 ? wanted : 4;
}

static int state(const struct device *device)
{
    if (!initialised)
        return UNINITIALIZED;
    if (!device || device->index >= device_count())
        return INVALID;
    if (has_fault("lost") || (has_fault("lost1") && device->index == 1))
        return 15;
    return has_fault("unsupported") ? UNSUPPORTED : OK;
}

/* The value, or what a faulty driver says in its place. */
static uint64_t say(uint64_t value)
{
    return has_fault("zero") ? 0 : has_fault("garbage") ? 0xfffffff0u : value;
}

static int init(void)
{
    if (has_fault("driver"))
        return 9;
    if (has_fault("permission"))
        return 4;
    if (has_fault("mismatch"))
        return 18;
    initialised++;
    return OK;
}

static int throttle(struct device *device, unsigned long long *reasons)
{
    int rc = state(device);
    if (rc == OK)
        *reasons = 0x4;
    return rc;
}

#define EXPORT(name, ...)                                                                          \
    int name(__VA_ARGS__);                                                                         \
    int name(__VA_ARGS__)

#ifdef NVML_STANDIN_OLD
EXPORT(nvmlInit, void)
{
    return init();
}

EXPORT(nvmlDeviceGetCurrentClocksThrottleReasons, struct device *device,
       unsigned long long *reasons)
{
    return throttle(device, reasons);
}

EXPORT(nvmlDeviceGetCount, unsigned *count)
#else
EXPORT(nvmlInit_v2, void)
{
    return init();
}

EXPORT(nvmlDeviceGetCurrentClocksEventReasons, struct device *device, unsigned long long *reasons)
{
    return throttle(device, reasons);
}

EXPORT(nvmlDeviceGetMemoryInfo_v2, struct device *device, unsigned char *info)
{
    uint32_t version;
    int rc = state(device);
    memcpy(&version, info, sizeof(version));
    if (rc != OK)
        return rc;
    if (version != (40u | 2u << 24))
        return VERSION_MISMATCH;
    const uint64_t values[4] = {say(8589934592u), say(268435456u), say(6174015488u),
                                say(2147483648u)};
    memcpy(info + 8, values, sizeof(values)); /* total, reserved, free, used */
    return OK;
}

/* id@0 scope@4 timestamp@8 latency@16 type@24 return@28 value@32 */
EXPORT(nvmlDeviceGetFieldValues, struct device *device, int count, unsigned char *values)
{
    int rc = state(device);
    for (int i = 0; rc == OK && i < count; i++) {
        unsigned char *value = values + (size_t)i * 40;
        uint32_t id, type = 1, status = OK, mw = (uint32_t)say(75500);
        memcpy(&id, value, sizeof(id));
        if (id != 186 || has_fault("nofield"))
            status = UNSUPPORTED;
        memcpy(value + 24, &type, sizeof(type));
        memcpy(value + 28, &status, sizeof(status));
        memcpy(value + 32, &mw, sizeof(mw));
    }
    return rc;
}

EXPORT(nvmlDeviceGetMigMode, struct device *device, unsigned *current, unsigned *pending)
{
    int rc = state(device);
    if (rc == OK)
        *current = *pending = (unsigned)has_fault("mig");
    return rc;
}

/* pid@0 used@8 instances@16 */
static int processes(const struct device *device, const char *variable, unsigned *count,
                     unsigned char *list)
{
    int rc = state(device);
    const char *text = getenv(variable);
    unsigned found = 0;
    while (rc == OK && device->index == 0 && text && *text) {
        char *end;
        uint32_t pid = (uint32_t)strtoul(text, &end, 10);
        int is_known = *end == ':' && end[1] != '?';
        uint64_t used = is_known ? strtoull(end + 1, NULL, 10) << 20 : UINT64_MAX;
        if (found < *count) {
            memset(list + (size_t)found * 24, 0xff, 24);
            memcpy(list + (size_t)found * 24, &pid, sizeof(pid));
            memcpy(list + (size_t)found * 24 + 8, &used, sizeof(used));
        }
        found++;
        text += strcspn(text, ",");
        text += *text == ',';
    }
    if (rc == OK && found > *count)
        rc = 7;
    *count = found;
    return rc;
}

EXPORT(nvmlDeviceGetComputeRunningProcesses_v3, struct device *device, unsigned *count,
       unsigned char *list)
{
    return processes(device, "NVML_STANDIN_COMPUTE", count, list);
}

EXPORT(nvmlDeviceGetGraphicsRunningProcesses_v3, struct device *device, unsigned *count,
       unsigned char *list)
{
    return processes(device, "NVML_STANDIN_GRAPHICS", count, list);
}

EXPORT(nvmlDeviceGetCount_v2, unsigned *count)
#endif
{
    *count = device_count();
    return initialised ? OK : UNINITIALIZED;
}

EXPORT(nvmlShutdown, void)
{
    initialised--;
    return OK;
}

#ifdef NVML_STANDIN_OLD
EXPORT(nvmlDeviceGetHandleByIndex, unsigned index, struct device **device)
#else
EXPORT(nvmlDeviceGetHandleByIndex_v2, unsigned index, struct device **device)
#endif
{
    if (!initialised || index >= device_count())
        return INVALID;
    *device = &devices[index];
    return OK;
}

EXPORT(nvmlDeviceGetName, struct device *device, char *name, unsigned size)
{
    const char *wanted = getenv("NVML_STANDIN_NAME");
    snprintf(name, size, "%s", wanted ? wanted : "Stand-in GPU");
    return OK;
}

EXPORT(nvmlDeviceGetUUID, struct device *device, char *uuid, unsigned size)
{
    int rc = state(device);
    if (rc == OK)
        snprintf(uuid, size, "GPU-00000000-0000-0000-0000-00000000000%u", device->index);
    return rc;
}

EXPORT(nvmlSystemGetDriverVersion, char *version, unsigned size)
{
    snprintf(version, size, "550.54.15");
    return OK;
}

EXPORT(nvmlSystemGetCudaDriverVersion, int *version)
{
    *version = 12040;
    return OK;
}

EXPORT(nvmlDeviceGetCudaComputeCapability, struct device *device, int *major, int *minor)
{
    int rc = state(device);
    if (rc == OK) {
        *major = 8;
        *minor = 6;
    }
    return rc;
}

EXPORT(nvmlDeviceGetPowerManagementLimit, struct device *device, unsigned *mw)
{
    int rc = state(device);
    if (rc == OK)
        *mw = (unsigned)say(170000);
    return rc;
}

EXPORT(nvmlDeviceGetUtilizationRates, struct device *device, uint32_t *rates)
{
    int rc = state(device);
    if (rc != OK)
        return rc;
    rates[0] = (uint32_t)say(40 + device->index);
    rates[1] = (uint32_t)say(20);
    return OK;
}

/* total, free, used; used includes what the driver reserves */
EXPORT(nvmlDeviceGetMemoryInfo, struct device *device, uint64_t *memory)
{
    int rc = state(device);
    if (rc != OK)
        return rc;
    memory[0] = say(8589934592u);
    memory[1] = say(6174015488u);
    memory[2] = say(2147483648u + 268435456u);
    return OK;
}

EXPORT(nvmlDeviceGetClockInfo, struct device *device, int type, unsigned *mhz)
{
    int rc = state(device);
    if (rc == OK)
        *mhz = (unsigned)say(type == 0 ? 1800 : type == 2 ? 5000 : 1);
    return rc;
}

EXPORT(nvmlDeviceGetTemperature, struct device *device, int sensor, unsigned *celsius)
{
    int rc = sensor == 0 ? state(device) : INVALID;
    if (rc == OK)
        *celsius = (unsigned)say(55);
    return rc;
}

EXPORT(nvmlDeviceGetTemperatureThreshold, struct device *device, int threshold, unsigned *celsius)
{
    int rc = threshold == 1 ? state(device) : INVALID;
    if (rc == OK)
        *celsius = (unsigned)say(93);
    return rc;
}

EXPORT(nvmlDeviceGetPowerUsage, struct device *device, unsigned *mw)
{
    int rc = state(device);
    if (rc == OK)
        *mw = (unsigned)say(70000);
    return rc;
}

EXPORT(nvmlDeviceGetTotalEnergyConsumption, struct device *device, unsigned long long *mj)
{
    int rc = state(device);
    if (rc == OK)
        *mj = say(energy_mj += 500);
    return rc;
}
