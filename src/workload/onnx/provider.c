/* provider.c: which execution provider on which device was asked for.
 *
 * Source of the names: ONNX Runtime's GetAvailableProviders; of the options: its documentation of
 * the CUDA (device_id) and TensorRT providers (device_id, trt_dla_enable, trt_dla_core).
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "base/unit.h"
#include "base/util.h"
#include "workload/onnx/internal.h"

const struct onnx_provider onnx_providers[] = {
    {"cpu", "CPUExecutionProvider", "cpu", "part of every ONNX Runtime"},
    {"cuda", "CUDAExecutionProvider", "cuda",
     "the GPU build of ONNX Runtime (pip install onnxruntime-gpu), CUDA and cuDNN"},
    {"tensorrt", "TensorrtExecutionProvider", "cuda",
     "the GPU build of ONNX Runtime (pip install onnxruntime-gpu) and TensorRT"},
    {"tensorrt_rtx", "NvTensorRTRTXExecutionProvider", "cuda",
     "a build of ONNX Runtime with TensorRT for RTX"},
    {"xnnpack", "XnnpackExecutionProvider", "cpu", "a build of ONNX Runtime with --use_xnnpack"},
    {"openvino", "OpenVINOExecutionProvider", "cpu",
     "the OpenVINO build of ONNX Runtime (pip install onnxruntime-openvino)"},
    {"dnnl", "DnnlExecutionProvider", "cpu", "a build of ONNX Runtime with --use_dnnl"},
    {"acl", "ACLExecutionProvider", "cpu", "a build of ONNX Runtime with --use_acl"},
    {"armnn", "ArmNNExecutionProvider", "cpu", "a build of ONNX Runtime with --use_armnn"},
    {"qnn", "QNNExecutionProvider", "npu",
     "the QNN build of ONNX Runtime (pip install onnxruntime-qnn) on a Qualcomm board"},
    {"snpe", "SNPEExecutionProvider", "npu", "a build of ONNX Runtime with --use_snpe"},
    {"rknpu", "RknpuExecutionProvider", "npu", "a build of ONNX Runtime with --use_rknpu"},
    {"vitisai", "VitisAIExecutionProvider", "npu", "AMD's build of ONNX Runtime with Vitis AI"},
    {"nnapi", "NnapiExecutionProvider", "npu", "ONNX Runtime on Android"},
    {"cann", "CANNExecutionProvider", "npu", "a build of ONNX Runtime with --use_cann"},
    {"rocm", "ROCMExecutionProvider", "gpu", "AMD's ROCm build of ONNX Runtime"},
    {"migraphx", "MIGraphXExecutionProvider", "gpu", "AMD's MIGraphX build of ONNX Runtime"},
    {"webgpu", "WebGpuExecutionProvider", "gpu", "a build of ONNX Runtime with --use_webgpu"},
    {NULL, NULL, NULL, NULL},
};

/* Ids as `tacho devices` shows them, and older names of the same. */
static const struct {
    const char *name, *type;
    bool has_index;
    const char *id; /* what it is called in the run; NULL: by its own name */
} devices[] = {
    {"cpu", "cpu", false, NULL},
    {"cpu_", "cpu", true, "cpu"},
    {"cuda", "cuda", false, NULL},
    {"cuda_", "cuda", true, "cuda_"},
    {"gpu", "gpu", false, NULL},
    {"nvidia_", "cuda", true, "nvidia_"},
    {"jetson_", "cuda", true, "jetson_"},
    {"nvidia_jetson_", "cuda", true, "jetson_"},
    {"nvidia_drive_", "cuda", true, "jetson_"},
    {"dla", "dla", false, NULL},
    {"dla_", "dla", true, "dla_"},
    {"npu", "npu", false, NULL},
};

const struct onnx_provider *onnx_provider_find(const char *name)
{
    for (const struct onnx_provider *at = onnx_providers; at->name != NULL; at++)
        if (strcasecmp(at->name, name) == 0 || strcasecmp(at->engine, name) == 0)
            return at;
    return NULL;
}

const char *onnx_provider_short(const char *engine)
{
    const struct onnx_provider *known = onnx_provider_find(engine);
    return known != NULL ? known->name : engine;
}

/* ---- the device ---- */

static int fail_unknown_device(const char *origin, const char *text, struct error *err)
{
    static const char *const examples[] = {"cpu",   "cuda",     "dla",      "npu",   "gpu",
                                           "cpu_0", "nvidia_0", "jetson_0", "dla_0", "dla_1"};
    error_set(err, ERROR_USAGE, "%s: unknown device '%s'", origin, text);
    int nearest = str_nearest(text, examples, ARRAY_LEN(examples));
    CLEANUP(strbuf_deinit) struct strbuf meant = {0};
    if (nearest >= 0)
        strbuf_printf(&meant, "did you mean %s? ", examples[nearest]);
    return error_hint(err,
                      "%sthere are cpu, cuda, dla, npu, gpu and ids such as nvidia_0, jetson_0, "
                      "dla_0; tacho devices lists those of this machine",
                      strbuf_get(&meant));
}

static bool parse_device(const char *text, struct onnx_target *target)
{
    for (size_t i = 0; i < ARRAY_LEN(devices); i++) {
        size_t length = strlen(devices[i].name);
        uint64_t index = 0;
        if (strncasecmp(text, devices[i].name, length) != 0)
            continue;
        if (!devices[i].has_index && text[length] != '\0')
            continue;
        if (devices[i].has_index && unit_parse_u64(text + length, 0, 1024, &index, NULL) < 0)
            continue;
        if (strcmp(devices[i].type, "cpu") == 0 && index > 0)
            return false; /* all cores are one device */
        const char *id = devices[i].id != NULL ? devices[i].id : devices[i].name;
        target->type = devices[i].type;
        target->index = (uint32_t)index;
        if (str_ends_with(id, "_"))
            snprintf(target->device, sizeof(target->device), "%s%u", id, (unsigned)index);
        else
            str_copy(target->device, sizeof(target->device), id);
        return true;
    }
    return false;
}

bool onnx_is_device(const char *name)
{
    struct onnx_target target = {.index = 0};
    return parse_device(name, &target);
}

static int load_device(const struct settings *settings, struct onnx_target *target,
                       struct error *err)
{
    const struct setting_value *device = &settings->values[SETTING_DEVICE];
    const struct setting_value *type = &settings->values[SETTING_DEVICE_TYPE];
    const struct setting_value *id = &settings->values[SETTING_DEVICE_ID];
    if (device->is_set) {
        str_copy(target->origin, sizeof(target->origin), device->origin);
        return parse_device(device->text, target)
                   ? 0
                   : fail_unknown_device(device->origin, device->text, err);
    }
    if (!type->is_set) {
        target->index = id->is_set ? (uint32_t)id->u64 : 0;
        return 0;
    }
    char name[32];
    snprintf(name, sizeof(name), id->is_set && strcmp(type->text, "npu") != 0 ? "%s_%u" : "%s",
             type->text, (unsigned)id->u64);
    str_copy(target->origin, sizeof(target->origin), type->origin);
    return parse_device(name, target) ? 0 : fail_unknown_device(type->origin, name, err);
}

/* ---- the provider ---- */

static int fail_unknown_provider(const char *origin, const char *text, struct error *err)
{
    const char *names[ARRAY_LEN(onnx_providers)];
    size_t count = 0;
    CLEANUP(strbuf_deinit) struct strbuf list = {0};
    for (; onnx_providers[count].name != NULL; count++) {
        names[count] = onnx_providers[count].name;
        strbuf_printf(&list, "%s%s", count > 0 ? ", " : "", names[count]);
    }
    error_set(err, ERROR_USAGE, "%s: unknown provider '%s'", origin, text);
    int nearest = str_nearest(text, names, count);
    if (nearest >= 0)
        return error_hint(err, "did you mean %s?", names[nearest]);
    return error_hint(err,
                      "there are %s, or a name of the engine's own that ends in "
                      "ExecutionProvider",
                      strbuf_get(&list));
}

static bool is_device_of(const struct onnx_provider *provider, const char *type)
{
    if (strcmp(type, "dla") == 0)
        return strcmp(provider->name, "tensorrt") == 0;
    if (strcmp(type, "gpu") == 0 && strcmp(provider->device, "cuda") == 0)
        return true;
    return strcmp(provider->device, type) == 0;
}

static int load_provider(const struct settings *settings, struct onnx_target *target,
                         struct error *err)
{
    const struct setting_value *value = &settings->values[SETTING_PROVIDER];
    if (!value->is_set)
        return 0;
    const struct onnx_provider *provider = onnx_provider_find(value->text);
    target->provider_asked = true;
    if (provider == NULL) {
        if (!str_ends_with(value->text, "ExecutionProvider") ||
            strlen(value->text) >= sizeof(target->provider))
            return fail_unknown_provider(value->origin, value->text, err);
        str_copy(target->provider, sizeof(target->provider), value->text);
        return 0;
    }
    str_copy(target->provider, sizeof(target->provider), provider->engine);
    if (target->type != NULL && !is_device_of(provider, target->type)) {
        error_set(err, ERROR_USAGE, "%s %s and %s %s contradict each other", target->origin,
                  target->device, value->origin, value->text);
        return error_hint(err, "the provider %s is for the device %s: give one of the two",
                          provider->name, provider->device);
    }
    if (target->type == NULL) {
        target->type = provider->device; /* and the index of device.id */
        str_copy(target->device, sizeof(target->device), provider->device);
    }
    return 0;
}

int onnx_target_choose(const struct settings *settings, struct onnx_target *ret_target,
                       struct error *err)
{
    struct onnx_target target = {0};
    int rc = load_device(settings, &target, err);
    if (rc == 0)
        rc = load_provider(settings, &target, err);
    if (rc < 0)
        return rc;
    if (target.type == NULL) {
        target.type = "cpu";
        str_copy(target.device, sizeof(target.device), "cpu");
    }
    if (target.provider[0] == '\0') {
        bool is_npu = strcmp(target.type, "npu") == 0;
        if (is_npu || strcmp(target.type, "gpu") == 0) {
            error_set(err, ERROR_USAGE, "%s %s: which provider drives it is not said",
                      target.origin, target.type);
            return error_hint(err, "name it: --provider %s",
                              is_npu ? "qnn, rknpu, vitisai, nnapi or cann"
                                     : "cuda, tensorrt, rocm, migraphx or webgpu");
        }
        const char *name = strcmp(target.type, "dla") == 0 ? "tensorrt" : target.type;
        str_copy(target.provider, sizeof(target.provider), onnx_provider_find(name)->engine);
    }
    *ret_target = target;
    return 0;
}

/* ---- its options ---- */

static int add_option(struct onnx_config *config, const char *key, size_t key_length,
                      const char *value, struct error *err)
{
    struct onnx_option *option = NULL;
    for (uint32_t i = 0; i < config->option_count; i++)
        if (strlen(config->options[i].key) == key_length &&
            memcmp(config->options[i].key, key, key_length) == 0)
            option = &config->options[i]; /* what the user says replaces ours */
    if (option == NULL) {
        if (config->option_count == ONNX_OPTIONS_MAX)
            return error_set(err, ERROR_USAGE, "more than %d options for the provider",
                             ONNX_OPTIONS_MAX);
        option = &config->options[config->option_count++];
    }
    if (key_length >= sizeof(option->key) || strlen(value) >= sizeof(option->value))
        return error_set(err, ERROR_USAGE, "--provider-option %.*s: longer than %zu bytes",
                         (int)u64_min(key_length, 40), key, sizeof(option->value) - 1);
    snprintf(option->key, sizeof(option->key), "%.*s", (int)key_length, key);
    str_copy(option->value, sizeof(option->value), value);
    return 0;
}

static int add_number(struct onnx_config *config, const char *key, uint32_t number,
                      struct error *err)
{
    char text[16];
    snprintf(text, sizeof(text), "%u", (unsigned)number);
    return add_option(config, key, strlen(key), text, err);
}

int onnx_target_options(const struct onnx_target *target, const struct settings *settings,
                        struct onnx_config *config, struct error *err)
{
    int rc = 0;
    str_copy(config->provider, sizeof(config->provider), target->provider);
    /* Options are only given where they change something: they need the provider's library. */
    if (strcmp(target->type, "cuda") == 0 && target->index > 0)
        rc = add_number(config, "device_id", target->index, err);
    if (rc == 0 && strcmp(target->type, "dla") == 0) {
        rc = add_number(config, "trt_dla_enable", 1, err);
        if (rc == 0)
            rc = add_number(config, "trt_dla_core", target->index, err);
    }
    const struct setting_value *given = &settings->values[SETTING_PROVIDER_OPTION];
    for (size_t i = 0; rc == 0 && given->is_set && i < given->list_count; i++) {
        const char *equals = strchr(given->list[i], '=');
        if (equals == NULL || equals == given->list[i]) {
            error_set(err, ERROR_USAGE, "%s: '%s' is not KEY=VALUE", given->origin, given->list[i]);
            return error_hint(err, "for example --provider-option trt_fp16_enable=1");
        }
        rc = add_option(config, given->list[i], (size_t)(equals - given->list[i]), equals + 1, err);
    }
    return rc;
}
