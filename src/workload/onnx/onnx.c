/* onnx.c: the workload "onnx": a model on ONNX Runtime, one worker process per invocation, one unit
 * per inference.
 *
 * Design: section 3; the worker is the other side of shared.h. What is where: internal.h.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "workload/onnx/internal.h"
#include "workload/program_find.h"
#include "workload/reference.h"

static void close_onnx(void *state)
{
    struct onnx *onnx = state;
    onnx_choice_deinit(&onnx->choice);
    strbuf_deinit(&onnx->shapes.defaults);
    arena_deinit(&onnx->arena);
    free(onnx);
}

static bool is_onnx_file(const char *file)
{
    size_t length = strlen(file);
    return length > 5 && strcasecmp(file + length - 5, ".onnx") == 0;
}

static bool accepts(const struct workload_args *args)
{
    if (args->command != NULL)
        return false;
    return args->file == NULL || is_onnx_file(args->file) || reference_is(args->file);
}

static int open_onnx(const struct workload_args *args, void **ret_state, struct error *err)
{
    struct onnx *onnx = calloc(1, sizeof(*onnx));
    char exe[PATH_MAX];
    if (onnx == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for a model");
    onnx->args = args;
    const struct settings *settings = args->settings;
    int rc = onnx_check_foreign(args, err);
    if (rc == 0)
        rc = onnx_target_choose(settings, &onnx->target, err);
    if (rc == 0)
        rc = onnx_choose(args->file, settings_get_text(settings, SETTING_PRECISION),
                         settings_get_text(settings, SETTING_DATA),
                         program_own_directory(exe, sizeof(exe)) ? exe : NULL, &onnx->choice, err);
    if (rc == 0)
        rc = onnx_settle_inputs(&onnx->choice.model, settings, &onnx->config, &onnx->shapes, err);
    if (rc < 0 && rc != -ERROR_NOMEM && err != NULL && err->file[0] == '\0' &&
        onnx->choice.path[0] != '\0')
        str_copy(err->file, sizeof(err->file), onnx->choice.path);
    if (rc == 0)
        rc = onnx_load_settings(onnx, err);
    if (rc == 0)
        rc = onnx_declare_series(onnx, err);
    if (rc < 0) {
        close_onnx(onnx);
        return rc;
    }
    *ret_state = onnx;
    return 0;
}

static const struct series *get_series(void *state, size_t *ret_count)
{
    struct onnx *onnx = state;
    *ret_count = ONNX_SERIES_COUNT;
    return onnx->series;
}

extern const struct workload workload_onnx;

const struct workload workload_onnx = {
    .name = "onnx",
    .summary = "a model on ONNX Runtime: latency, throughput, phases, memory",
    .unit = "inference",
    .units = "inferences",
    .latency_metric = "latency_ms",
    .first_unit_apart = true,
    .accepts = accepts,
    .open = open_onnx,
    .notice = onnx_threads_notice,
    .describe = onnx_describe,
    .describe_after = onnx_describe_after,
    .series = get_series,
    .invoke = onnx_invoke,
    .findings = onnx_findings,
    .close = close_onnx,
};
