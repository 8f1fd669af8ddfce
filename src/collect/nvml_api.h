/* nvml_api.h: the few declarations of NVIDIA's management library that tacho uses, our own.
 *
 * Source: the documented ABI of NVML (LP64). Sizes are checked below; version words are
 * sizeof | version << 24. Functions are looked up by name at run time (nvml_library.c); a suffix
 * _v2 or _v3 is part of the name, and the bare name is the oldest ABI.
 */
#ifndef TACHO_COLLECT_NVML_API_H
#define TACHO_COLLECT_NVML_API_H

#include <stdint.h>

enum nvml_return {
    NVML_SUCCESS = 0,
    NVML_UNINITIALIZED = 1,
    NVML_INVALID_ARGUMENT = 2,
    NVML_NOT_SUPPORTED = 3,
    NVML_NO_PERMISSION = 4,
    NVML_NOT_FOUND = 6,
    NVML_INSUFFICIENT_SIZE = 7,
    NVML_DRIVER_NOT_LOADED = 9,
    NVML_FUNCTION_NOT_FOUND = 13,
    NVML_GPU_IS_LOST = 15,
    NVML_LIB_RM_VERSION_MISMATCH = 18,
    NVML_NO_DATA = 21,
    NVML_ARGUMENT_VERSION_MISMATCH = 25,
    NVML_UNKNOWN = 999,
};

enum { NVML_CLOCK_GRAPHICS = 0, NVML_CLOCK_MEM = 2 };
enum { NVML_TEMPERATURE_GPU = 0 };
enum { NVML_TEMPERATURE_THRESHOLD_SLOWDOWN = 1 };
enum { NVML_FIELD_POWER_INSTANT = 186 }; /* mW */
enum nvml_value_type {
    NVML_VALUE_DOUBLE = 0,
    NVML_VALUE_UINT = 1,
    NVML_VALUE_ULONG = 2,
    NVML_VALUE_ULONG_LONG = 3,
};

struct nvml_device; /* opaque */

struct nvml_utilization {
    uint32_t gpu;    /* % of the driver's window in which a kernel ran */
    uint32_t memory; /* % in which memory was read or written */
};

struct nvml_memory {
    uint64_t total, free, used; /* bytes; used includes what the driver reserves */
};

#define NVML_MEMORY_V2 0x02000028u
struct nvml_memory_v2 {
    uint32_t version;
    uint64_t total, reserved, free, used;
};

struct nvml_field_value {
    uint32_t field_id;
    uint32_t scope_id; /* power: 0 the GPU, 1 the module */
    int64_t timestamp_us;
    int64_t latency_us;
    uint32_t value_type;
    uint32_t nvml_return;
    union {
        double d;
        uint32_t ui;
        unsigned long ul;
        uint64_t ull;
    } value;
};

#define NVML_PROCESS_MEMORY_UNKNOWN UINT64_MAX
struct nvml_process {
    uint32_t pid;        /* as the machine counts, not the container */
    uint64_t used_bytes; /* NVML_PROCESS_MEMORY_UNKNOWN: the driver does not say */
    uint32_t gpu_instance_id, compute_instance_id;
};

_Static_assert(sizeof(struct nvml_process) == 24, "NVML ABI");
_Static_assert(sizeof(struct nvml_utilization) == 8, "NVML ABI");
_Static_assert(sizeof(struct nvml_memory) == 24, "NVML ABI");
_Static_assert(sizeof(struct nvml_memory_v2) == 40, "NVML ABI");
_Static_assert(sizeof(struct nvml_field_value) == 40, "NVML ABI");

#endif
