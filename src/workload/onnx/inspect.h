/* inspect.h: which ONNX Runtime is here, and what of it works now.
 *
 * What: one worker process opens the library, tries every provider that it names with the probe
 *       models (data/models/probe.*.onnx, built in) in each precision, and looks in the engine's
 * own profile who ran the nodes: "available" is not "usable". Used by: tacho devices, doctor, run
 * --auto. Memory: plain data. Errors: no library, or none that can be used: -ERROR_ABSENT or
 * -ERROR_UNSUPPORTED with every place that was looked at and how to get one. Takes about a second.
 */
#ifndef TACHO_WORKLOAD_ONNX_INSPECT_H
#define TACHO_WORKLOAD_ONNX_INSPECT_H

#include "base/settings.h"
#include "control/launcher.h"
#include "workload/onnx/shared.h"

int onnx_inspect(const struct settings *settings, struct launcher *launcher,
                 struct onnx_info *ret_info, struct error *err);

/* A provider by the user's name or the engine's: "cuda" and "CUDAExecutionProvider". */
struct onnx_provider {
    const char *name;   /* "cuda" */
    const char *engine; /* "CUDAExecutionProvider" */
    const char *device; /* the device type it belongs to: "cpu", "cuda", "dla", "npu" */
    const char *how;    /* how to get it: a hint */
};
extern const struct onnx_provider onnx_providers[];               /* ends with a NULL name */
const struct onnx_provider *onnx_provider_find(const char *name); /* NULL: unknown */

/* Is this the name of a device that a machine may have ("cuda", "nvidia_3", "jetson_0")? */
bool onnx_is_device(const char *name);

/* Where libraries were looked for, in the order of the search: TACHO_ORT alone if it is set; else
 * the loader's path, Python's site-packages, node_modules. Files are not opened as libraries. */
int onnx_find_libraries(const struct settings *settings, struct onnx_config *config,
                        struct error *err);

#endif
