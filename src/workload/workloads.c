/* workloads.c: THE table of workloads. To add one: its file here, one row, one line in meson.build.
 * The order is the order in which they are asked whether they accept what the user gave. */
#include "workload/workload.h"

extern const struct workload workload_command;
extern const struct workload workload_onnx;
extern const struct workload workload_trtexec;

const struct workload *const workloads[] = {
    &workload_command,
    &workload_trtexec,
    &workload_onnx,
    NULL,
};
