/* worker.c: `tacho worker` (hidden): the process in which a model is measured. tacho starts it
 * itself, with the memory that both share as descriptor LAUNCH_PASS_FD.
 */
#include "cmd/command.h"
#include "workload/onnx/shared.h"

static int worker_run(struct command_context *context, struct error *err)
{
    struct onnx_shared *shared;
    int rc = onnx_shared_attach(LAUNCH_PASS_FD, &shared, err);
    if (rc < 0)
        return rc;
    onnx_shared_free(shared);
    context->exit_code = onnx_worker_main(LAUNCH_PASS_FD);
    return 0;
}

extern const struct command command_worker;
const struct command command_worker = {
    .name = "worker",
    .summary = "measure a model for another tacho",
    .usage = "",
    .examples = NULL,
    .bit = COMMAND_COMMON,
    .flags = COMMAND_HIDDEN | COMMAND_NO_CONFIG,
    .run = worker_run,
};
