/* settings.c: the settings of the ONNX workload that are neither model, input nor device. */
#include <stdlib.h>
#include <string.h>

#include "workload/cores.h"
#include "workload/onnx/internal.h"

static int32_t graph_level(const char *name)
{
    static const struct {
        const char *name;
        int32_t level;
    } levels[] = {{"none", 0}, {"basic", 1}, {"extended", 2}, {"all", 99}};
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
        if (name != NULL && strcmp(levels[i].name, name) == 0)
            return levels[i].level;
    return 99;
}

static int check_engine(const struct settings *settings, struct error *err)
{
    const char *engine = settings_get_text(settings, SETTING_ENGINE);
    if (engine == NULL || strcmp(engine, "onnxruntime") == 0)
        return 0;
    error_set(err, ERROR_USAGE, "--engine %s does not run this model", engine);
    return error_hint(err, "leave --engine out, or name a MODEL.engine");
}

int onnx_check_foreign(const struct workload_args *args, struct error *err)
{
    if (!settings_is_set(args->settings, SETTING_METRIC))
        return 0;
    if (args->file == NULL)
        error_set(err, ERROR_USAGE, "nothing to measure: --metric reads a program's output");
    else
        error_set(err, ERROR_USAGE, "--metric reads a program's output, and a model prints none");
    return error_hint(err, "put a program behind '--', or leave --metric out");
}

int onnx_load_settings(struct onnx *onnx, struct error *err)
{
    const struct settings *settings = onnx->args->settings;
    struct onnx_config *config = &onnx->config;
    const char *arrival = settings_get_text(settings, SETTING_ARRIVAL);
    int rc = check_engine(settings, err);
    if (rc == 0)
        rc = onnx_find_libraries(settings, config, err);
    if (rc == 0)
        rc = onnx_target_options(&onnx->target, settings, config, err);
    if (rc == 0)
        rc = cores_load(settings, &onnx->cores, &onnx->has_cores, err);
    if (rc < 0)
        return rc;
    config->mode = ONNX_MODE_MEASURE;
    str_copy(config->model, sizeof(config->model), onnx->choice.path);
    config->strict_provider = settings_get_bool(settings, SETTING_STRICT_PROVIDER);
    config->threads = settings_is_set(settings, SETTING_THREADS)
                          ? (uint32_t)settings_get_u64(settings, SETTING_THREADS)
                          : 0;
    rc = onnx_check_threads(onnx, settings, err);
    if (rc < 0)
        return rc;
    config->graph_optimization =
        graph_level(settings_get_text(settings, SETTING_GRAPH_OPTIMIZATION));
    config->streams = (uint32_t)settings_get_u64(settings, SETTING_STREAMS);
    config->seed = settings_get_u64(settings, SETTING_SEED);
    if (settings_is_set(settings, SETTING_RATE))
        config->rate_per_s = settings->values[SETTING_RATE].number;
    config->is_poisson = arrival != NULL && strcmp(arrival, "poisson") == 0;
    onnx->profile_ops = settings_get_bool(settings, SETTING_PROFILE_OPS);
    config->profiled_units = onnx->profile_ops ? ONNX_PROFILED_UNITS_OPS : ONNX_PROFILED_UNITS;
    onnx->show_output = settings_get_bool(settings, SETTING_SHOW_OUTPUT);
    if (settings_is_set(settings, SETTING_TIMEOUT))
        onnx->timeout_ns = settings_get_u64(settings, SETTING_TIMEOUT);
    if (settings_is_set(settings, SETTING_DEADLINE))
        onnx->deadline_ns = settings_get_u64(settings, SETTING_DEADLINE);
    onnx->sets_gpu_order =
        strcmp(onnx->target.type, "cuda") == 0 && getenv("CUDA_DEVICE_ORDER") == NULL;
    if (!(config->rate_per_s > 0) && settings_is_set(settings, SETTING_ARRIVAL)) {
        error_set(err, ERROR_USAGE, "--arrival says how inferences arrive, but not how many");
        return error_hint(err, "give the rate, too: --rate 50 --arrival %s", arrival);
    }
    return 0;
}
