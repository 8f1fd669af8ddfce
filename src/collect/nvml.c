/* nvml.c: the collector `nvml`: utilisation, memory, clocks, temperature, power, energy and
 * throttling of NVIDIA GPUs, one instance per device ("nvidia_0").
 *
 * The library is opened at run time and initialised in open(): its state does not survive fork(),
 * and it keeps the GPU awake. Each reading is tried once at open; one that is refused there becomes
 * a column without values that says why and is never called again. On Jetson (nvgpu) many calls
 * succeed with zeros: such a value is refused, tegra sysfs knows it better. Utilisation is the
 * driver's own window of 166 ms to 1 s, power of boards without an instantaneous reading a mean of
 * 1 s: sampling faster than every 100 ms gives the same number again. Which processes of a GPU
 * belong to the measured tree is asked of /proc each time (nvml_processes.c): they are few, and
 * come and go.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/util.h"
#include "collect/collector.h"
#include "collect/nvml_library.h"
#include "collect/nvml_processes.h"
#include "collect/tegra_board.h"

#define GPUS_MAX 16 /* the largest machines hold 16; more are not sampled */
#define MB (1024.0 * 1024.0)

struct gpu {
    struct nvml_device *device;
    bool is_tegra;               /* zeros are no values */
    bool is_nvgpu;               /* Orin and older: utilisation is zeros or noise */
    bool memory_v1;              /* the driver refused the newer call */
    bool no_instant;             /* no field for instantaneous power */
    struct nvml_memory memory;   /* last reading, shared by two columns */
    unsigned long long first_mj; /* the counter when the GPU was opened */
    bool has_first_mj;
};

/* ---- readings: each returns an nvml_return and a value in the metric's unit ---- */

static int read_utilization(const struct nvml_api *api, struct gpu *gpu, double *ret)
{
    struct nvml_utilization utilization = {0};
    if (gpu->is_nvgpu || !api->utilization)
        return NVML_NOT_SUPPORTED;
    int rc = api->utilization(gpu->device, &utilization);
    if (rc == NVML_SUCCESS && utilization.gpu > 100)
        return NVML_UNKNOWN;
    *ret = utilization.gpu;
    return rc;
}

static int read_memory_used(const struct nvml_api *api, struct gpu *gpu, double *ret)
{
    gpu->memory = (struct nvml_memory){0};
    int rc = nvml_read_memory(api, gpu->device, &gpu->memory_v1, &gpu->memory);
    if (rc != NVML_SUCCESS)
        return rc;
    *ret = (double)gpu->memory.used / MB;
    return gpu->memory.used <= gpu->memory.total ? NVML_SUCCESS : NVML_UNKNOWN;
}

/* Always right after read_memory_used: one call serves both. */
static int read_memory_total(const struct nvml_api *api, struct gpu *gpu, double *ret)
{
    if (gpu->memory.total == 0)
        return NVML_NOT_SUPPORTED;
    *ret = (double)gpu->memory.total / MB;
    return NVML_SUCCESS;
}

static int read_clock(const struct nvml_api *api, struct gpu *gpu, int type, double *ret)
{
    unsigned mhz = 0;
    int rc = api->clock ? api->clock(gpu->device, type, &mhz) : NVML_NOT_SUPPORTED;
    *ret = mhz;
    if (rc == NVML_SUCCESS && gpu->is_tegra && mhz == 0)
        return NVML_NOT_SUPPORTED;
    return rc == NVML_SUCCESS && mhz > 100000 ? NVML_UNKNOWN : rc;
}

static int read_gpu_clock(const struct nvml_api *api, struct gpu *gpu, double *ret)
{
    return read_clock(api, gpu, NVML_CLOCK_GRAPHICS, ret);
}

static int read_memory_clock(const struct nvml_api *api, struct gpu *gpu, double *ret)
{
    return read_clock(api, gpu, NVML_CLOCK_MEM, ret);
}

static int read_temperature(const struct nvml_api *api, struct gpu *gpu, double *ret)
{
    unsigned celsius = 0;
    int rc = api->temperature ? api->temperature(gpu->device, NVML_TEMPERATURE_GPU, &celsius)
                              : NVML_NOT_SUPPORTED;
    *ret = celsius;
    if (rc == NVML_SUCCESS && gpu->is_tegra && celsius == 0)
        return NVML_NOT_SUPPORTED;
    return rc == NVML_SUCCESS && celsius > 200 ? NVML_UNKNOWN : rc;
}

static int read_power_instant(const struct nvml_api *api, struct gpu *gpu, double *ret_mw)
{
    struct nvml_field_value field = {.field_id = NVML_FIELD_POWER_INSTANT};
    int rc = api->fields(gpu->device, 1, &field);
    if (rc != NVML_SUCCESS || field.nvml_return != NVML_SUCCESS)
        return rc != NVML_SUCCESS ? rc : (int)field.nvml_return;
    switch (field.value_type) {
    case NVML_VALUE_UINT:
        *ret_mw = field.value.ui;
        return NVML_SUCCESS;
    case NVML_VALUE_ULONG:
        *ret_mw = (double)field.value.ul;
        return NVML_SUCCESS;
    case NVML_VALUE_ULONG_LONG:
        *ret_mw = (double)field.value.ull;
        return NVML_SUCCESS;
    default:
        return NVML_NOT_SUPPORTED;
    }
}

/* No GPU runs on nothing: 0 mW is a driver without the sensor. */
static int read_power(const struct nvml_api *api, struct gpu *gpu, double *ret)
{
    double mw = 0;
    unsigned average_mw = 0;
    int rc = NVML_NOT_SUPPORTED;
    if (!gpu->no_instant) {
        rc = read_power_instant(api, gpu, &mw);
    } else if (api->power) {
        rc = api->power(gpu->device, &average_mw);
        mw = average_mw;
    }
    *ret = mw / 1e3;
    if (rc == NVML_SUCCESS && mw <= 0)
        return NVML_NOT_SUPPORTED;
    return rc == NVML_SUCCESS && mw > 1e7 ? NVML_UNKNOWN : rc;
}

/* Since open(): the driver counts from when it was loaded. */
static int read_energy(const struct nvml_api *api, struct gpu *gpu, double *ret)
{
    unsigned long long mj = 0;
    int rc = api->energy ? api->energy(gpu->device, &mj) : NVML_NOT_SUPPORTED;
    if (rc != NVML_SUCCESS)
        return rc;
    if (gpu->is_tegra && mj == 0)
        return NVML_NOT_SUPPORTED;
    if (!gpu->has_first_mj)
        gpu->first_mj = mj;
    gpu->has_first_mj = true;
    *ret = (double)(mj - gpu->first_mj) / 1e3;
    return mj >= gpu->first_mj ? NVML_SUCCESS : NVML_UNKNOWN;
}

static int read_throttle(const struct nvml_api *api, struct gpu *gpu, double *ret)
{
    unsigned long long reasons = 0;
    int rc = api->throttle ? api->throttle(gpu->device, &reasons) : NVML_NOT_SUPPORTED;
    *ret = (double)reasons;
    return rc;
}

/* Order matters for the two memory rows. */
static const struct reading {
    const char *metric;
    const char *source;
    int (*read)(const struct nvml_api *api, struct gpu *gpu, double *ret);
} readings[] = {
    {"gpu_util_pct", "nvmlDeviceGetUtilizationRates", read_utilization},
    {"gpu_mem_used_mb", "nvmlDeviceGetMemoryInfo", read_memory_used},
    {"gpu_mem_total_mb", "nvmlDeviceGetMemoryInfo", read_memory_total},
    {"gpu_mhz", "nvmlDeviceGetClockInfo(graphics)", read_gpu_clock},
    {"gpu_mem_mhz", "nvmlDeviceGetClockInfo(memory)", read_memory_clock},
    {"gpu_temp_c", "nvmlDeviceGetTemperature", read_temperature},
    {"gpu_power_w", "NVML field 186 (instantaneous)", read_power},
    {"gpu_energy_j", "nvmlDeviceGetTotalEnergyConsumption", read_energy},
    {"gpu_throttle_reasons", "nvmlDeviceGetCurrentClocksEventReasons", read_throttle},
};
#define READINGS ARRAY_LEN(readings)

struct nvml_state {
    struct nvml_api api;
    bool initialised;
    unsigned gpu_count;
    struct gpu gpus[GPUS_MAX];
    int channels[GPUS_MAX][READINGS]; /* -1: no values */
    int track_channels[GPUS_MAX];     /* memory of the measured processes; -1: no values */
    struct root root;                 /* borrowed: whose children a process is */
    struct nvml_process_list processes;
};

/* ---- probing ---- */

static void nvml_probe(const struct collect_env *env, struct probe_result *ret)
{
    struct nvml_api api;
    struct error err = {0};
    *ret = (struct probe_result){.reason = REASON_ABSENT};
    if (nvml_is_other_machine(env->root)) {
        snprintf(ret->detail, sizeof(ret->detail), "NVML cannot read a recorded tree");
    } else if (nvml_load(&api, &err) < 0) {
        ret->reason = reason_from_error(err.code);
        snprintf(ret->detail, sizeof(ret->detail), "no NVIDIA driver library: %.150s", err.message);
    } else {
        nvml_unload(&api);
        if (!nvml_has_device_node(env->root)) {
            snprintf(ret->detail, sizeof(ret->detail),
                     "libnvidia-ml.so.1 is here, but no NVIDIA GPU (/dev/nvidiactl)");
            return;
        }
        ret->reason = REASON_NONE;
        snprintf(ret->detail, sizeof(ret->detail), "libnvidia-ml.so.1");
    }
}

/* ---- opening ---- */

static const char *why_of(int rc, char *buf, size_t size)
{
    switch (nvml_reason(rc)) {
    case REASON_UNSUPPORTED:
        return "the driver does not offer it for this GPU";
    case REASON_DENIED:
        return "the driver denies it to this user";
    default:
        snprintf(buf, size, rc == NVML_GPU_IS_LOST ? "the GPU is lost (code %d)" : "NVML code %d",
                 rc);
        return buf;
    }
}

static const char *source_of(const struct nvml_api *api, const struct gpu *gpu, size_t reading)
{
    if (readings[reading].read == read_power && gpu->no_instant)
        return "nvmlDeviceGetPowerUsage (mean of 1 s on Ampere and later)";
    if (readings[reading].read == read_memory_used && (gpu->memory_v1 || !api->memory_v2))
        return "nvmlDeviceGetMemoryInfo (v1: with what the driver reserves)";
    return readings[reading].source;
}

/* Tries every reading once and declares its column, with or without values. */
static int open_gpu(struct nvml_state *nvml, unsigned index, int handle_rc,
                    struct channel_set *channels)
{
    struct gpu *gpu = &nvml->gpus[index];
    char instance[24], why[64];
    double ignored;
    snprintf(instance, sizeof(instance), "nvidia_%u", index);
    gpu->no_instant = !nvml->api.fields;
    if (handle_rc == NVML_SUCCESS && !gpu->no_instant)
        gpu->no_instant = read_power(&nvml->api, gpu, &ignored) != NVML_SUCCESS;
    for (size_t i = 0; i < READINGS; i++) {
        int rc = handle_rc;
        if (rc == NVML_SUCCESS)
            rc = readings[i].read(&nvml->api, gpu, &ignored);
        const char *source = source_of(&nvml->api, gpu, i);
        /* Unknown: it answered, with nonsense this time. */
        bool has_values = rc == NVML_SUCCESS || rc == NVML_UNKNOWN || rc == NVML_NO_DATA;
        int channel = has_values
                          ? channel_declare(channels, readings[i].metric, instance, source)
                          : channel_declare_missing(channels, readings[i].metric, instance, source,
                                                    nvml_reason(rc), why_of(rc, why, sizeof(why)));
        if (channel < 0)
            return channel;
        nvml->channels[index][i] = has_values ? channel : -1;
    }
    return 0;
}

/* The column for the measured processes. nvgpu answers with nonsense, and a container with pids of
 * another world. */
static int open_processes(struct nvml_state *nvml, unsigned index, int handle_rc, bool is_ours,
                          struct channel_set *channels)
{
    struct gpu *gpu = &nvml->gpus[index];
    static const char source[] = "nvmlDeviceGetComputeRunningProcesses";
    char instance[24], buf[64];
    snprintf(instance, sizeof(instance), "nvidia_%u", index);
    int rc = handle_rc == NVML_SUCCESS && gpu->is_nvgpu ? NVML_NOT_SUPPORTED : handle_rc;
    if (rc == NVML_SUCCESS)
        rc = nvml_processes_read(&nvml->api, gpu->device, &nvml->processes);
    const char *why = is_ours || rc != NVML_SUCCESS
                          ? why_of(rc, buf, sizeof(buf))
                          : "in a container NVML tells other pids than those seen here";
    enum reason reason = rc == NVML_SUCCESS && !is_ours ? REASON_UNSUPPORTED : nvml_reason(rc);
    int channel =
        reason == REASON_NONE
            ? channel_declare(channels, "gpu_mem_track_mb", instance, source)
            : channel_declare_missing(channels, "gpu_mem_track_mb", instance, source, reason, why);
    if (channel < 0)
        return channel;
    channels->items[channel].per_target = true;
    nvml->track_channels[index] = reason == REASON_NONE ? channel : -1;
    return 0;
}

/* nvgpu, the driver of Orin and older, names its device "Orin (nvgpu)". */
static void identify(const struct nvml_api *api, const struct collect_env *env, struct gpu *gpu)
{
    char name[128] = "";
    gpu->is_nvgpu = api->device_name &&
                    api->device_name(gpu->device, name, sizeof(name)) == NVML_SUCCESS &&
                    strstr(name, "nvgpu") != NULL;
    gpu->is_tegra = gpu->is_nvgpu || tegra_is_board(env->root);
}

static int open_gpus(struct nvml_state *nvml, const struct collect_env *env,
                     struct channel_set *channels, struct error *err)
{
    int rc = nvml->api.init();
    if (rc != NVML_SUCCESS)
        return nvml_init_failed(rc, err);
    nvml->initialised = true;
    unsigned count = 0;
    rc = nvml->api.device_count(&count);
    if (rc != NVML_SUCCESS)
        return nvml_init_failed(rc, err);
    if (count == 0)
        return error_set(err, ERROR_ABSENT, "the NVIDIA driver is loaded, but it has no GPU");
    nvml->gpu_count = count < GPUS_MAX ? count : GPUS_MAX;
    bool is_ours = nvml_processes_are_ours(env->root);
    for (unsigned i = 0; i < nvml->gpu_count; i++) {
        struct gpu *gpu = &nvml->gpus[i];
        rc = nvml->api.device_by_index(i, &gpu->device);
        if (rc == NVML_SUCCESS)
            identify(&nvml->api, env, gpu);
        int handle_rc = rc;
        rc = open_gpu(nvml, i, handle_rc, channels);
        if (rc == 0)
            rc = open_processes(nvml, i, handle_rc, is_ours, channels);
        if (rc < 0)
            return error_set(err, rc, "cannot declare the columns of the collector 'nvml'");
    }
    return 0;
}

static void nvml_close(void *state)
{
    struct nvml_state *nvml = state;
    if (!nvml)
        return;
    if (nvml->initialised)
        nvml->api.shutdown();
    nvml_unload(&nvml->api);
    free(nvml);
}

static int nvml_open(const struct collect_env *env, struct channel_set *channels, void **ret_state,
                     struct error *err)
{
    if (nvml_is_other_machine(env->root))
        return error_set(err, ERROR_ABSENT, "NVML cannot read a recorded tree");
    struct nvml_state *nvml = calloc(1, sizeof(*nvml));
    if (!nvml)
        return error_set(err, ERROR_NOMEM, "out of memory for the collector 'nvml'");
    nvml->root = *env->root;
    int rc = nvml_load(&nvml->api, err);
    if (rc == 0)
        rc = open_gpus(nvml, env, channels, err);
    if (rc < 0) {
        nvml_close(nvml);
        return rc;
    }
    *ret_state = nvml;
    return 0;
}

static void sample_processes(struct nvml_state *nvml, unsigned index,
                             const struct collect_tick *tick, double *values)
{
    int channel = nvml->track_channels[index];
    struct collect_targets one = {.count = 1, .pids = {tick->target}};
    const struct collect_targets *targets = tick->targets ? tick->targets : &one;
    if (channel < 0 || tick->target == 0)
        return;
    if (nvml_processes_read(&nvml->api, nvml->gpus[index].device, &nvml->processes) == NVML_SUCCESS)
        values[channel] = nvml_processes_sum(&nvml->processes, &nvml->root, targets) / MB;
}

static int nvml_sample(void *state, const struct collect_tick *tick, double *values)
{
    struct nvml_state *nvml = state;
    size_t tried = 0, failed = 0;
    for (unsigned g = 0; g < nvml->gpu_count; g++) {
        for (size_t i = 0; i < READINGS; i++) {
            double value = NAN;
            if (nvml->channels[g][i] < 0)
                continue;
            int rc = readings[i].read(&nvml->api, &nvml->gpus[g], &value);
            tried++;
            failed += rc != NVML_SUCCESS;
            if (rc == NVML_SUCCESS)
                values[nvml->channels[g][i]] = value;
        }
        sample_processes(nvml, g, tick, values);
    }
    return tried > 0 && failed == tried ? -ERROR_IO : 0;
}

const struct collector collector_nvml = {
    .name = "nvml",
    .summary = "NVIDIA GPUs: utilisation, memory, clocks, temperature, power, throttling",
    .cost_ns = 3000000, /* eight calls of up to 0.4 ms (365 us are published for a K40m) */
    .min_interval_ns = 100 * NS_PER_MS,
    .probe = nvml_probe,
    .open = nvml_open,
    .sample = nvml_sample,
    .close = nvml_close,
};
