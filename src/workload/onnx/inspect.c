/* inspect.c: tacho's own side of inspect.h; the worker does the looking. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "workload/onnx/internal.h"

/* A provider that hangs in a driver must not hang `tacho devices`. */
#define TIMEOUT_NS (60 * NS_PER_S)

int onnx_inspect(const struct settings *settings, struct launcher *launcher,
                 struct onnx_info *ret_info, struct error *err)
{
    CLEANUP_FREE struct onnx_config *config = calloc(1, sizeof(*config));
    if (config == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for looking at the engine");
    int rc = onnx_find_libraries(settings, config, err);
    if (rc < 0)
        return rc;
    config->mode = ONNX_MODE_INSPECT;
    config->streams = 1;
    config->profiled_units = 1;
    config->seed = 1;
    config->graph_optimization = 99;
    struct onnx_scratch scratch;
    rc = onnx_scratch_make(&scratch, err);
    if (rc < 0)
        return rc;
    struct onnx_start start = {.timeout_ns = TIMEOUT_NS, .scratch = &scratch};
    struct onnx_worker worker;
    rc = onnx_worker_start(&worker, launcher, config, UINT64_MAX, &start, err);
    if (rc == 0)
        rc = onnx_worker_finish(&worker, err);
    if (rc == 0)
        onnx_shared_read_info(worker.shared, ret_info);
    onnx_worker_end(&worker);
    onnx_scratch_remove(&scratch);
    return rc;
}
