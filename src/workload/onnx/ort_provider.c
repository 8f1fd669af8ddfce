/* ort_provider.c: execution providers, by the names that the engine gives them.
 *
 * CUDA and TensorRT have functions of their own; the others go through the one that takes a name,
 * which for most is another than the provider's.
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"
#include "workload/onnx/inspect.h"
#include "workload/onnx/ort.h"

#define PROVIDER_SUFFIX "ExecutionProvider"

struct provider_options {
    const char *keys[ONNX_OPTIONS_MAX], *values[ONNX_OPTIONS_MAX];
    size_t count;
};

/* Options are handed to the provider's own library, so that this is the first thing that fails
 * where that library is missing: then no option is to blame. */
static int settle_options(int rc, struct error *detail, const char *what, struct error *err)
{
    if (rc == -ERROR_INPUT && strstr(detail->message, "Failed to load")) {
        const char *sentence = strchr(detail->message, ':');
        struct error named = {0};
        rc = error_set(&named, ERROR_ABSENT, "%s%s", what, sentence ? sentence : "");
        *detail = named;
    }
    if (rc < 0 && err)
        *err = *detail;
    return rc;
}

static int append_cuda(const struct ort *ort, struct ort_session_options *options,
                       const struct provider_options *own, struct error *err)
{
    static const char what[] = "the CUDA provider cannot be used";
    struct ort_cuda_options *cuda;
    int rc = ort_check(ort, ort_create_cuda_options(ort)(&cuda), ERROR_ABSENT, err, what);
    if (rc < 0)
        return rc;
    if (own->count > 0) {
        struct error detail = {0};
        rc = ort_check(ort, ort_update_cuda_options(ort)(cuda, own->keys, own->values, own->count),
                       ERROR_INPUT, &detail, "the CUDA provider refuses an option");
        rc = settle_options(rc, &detail, what, err);
    }
    if (rc == 0)
        rc = ort_check(ort, ort_append_cuda(ort)(options, cuda), ERROR_ABSENT, err, what);
    ort_release_cuda_options(ort)(cuda);
    return rc;
}

static int append_tensorrt(const struct ort *ort, struct ort_session_options *options,
                           const struct provider_options *own, struct error *err)
{
    static const char what[] = "the TensorRT provider cannot be used";
    struct ort_tensorrt_options *tensorrt;
    int rc = ort_check(ort, ort_create_tensorrt_options(ort)(&tensorrt), ERROR_ABSENT, err, what);
    if (rc < 0)
        return rc;
    if (own->count > 0) {
        struct error detail = {0};
        rc = ort_check(
            ort, ort_update_tensorrt_options(ort)(tensorrt, own->keys, own->values, own->count),
            ERROR_INPUT, &detail, "the TensorRT provider refuses an option");
        rc = settle_options(rc, &detail, what, err);
    }
    if (rc == 0)
        rc = ort_check(ort, ort_append_tensorrt(ort)(options, tensorrt), ERROR_ABSENT, err, what);
    ort_release_tensorrt_options(ort)(tensorrt);
    return rc;
}

/* What function 216 calls it: in 1.14 these words only, later also the full name. */
static void generic_name(const char *provider, char *name, size_t size)
{
    static const char *const others[][2] = {
        {"XnnpackExecutionProvider", "XNNPACK"},
        {"AzureExecutionProvider", "AZURE"},
        {"WebGpuExecutionProvider", "WebGPU"},
    };
    str_copy(name, size, provider);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (strcmp(provider, others[i][0]) == 0)
            str_copy(name, size, others[i][1]);
    if (str_ends_with(name, PROVIDER_SUFFIX))
        name[strlen(name) - strlen(PROVIDER_SUFFIX)] = '\0';
}

static int append_generic(const struct ort *ort, struct ort_session_options *options,
                          const char *provider, const struct provider_options *own,
                          struct error *err)
{
    char name[64], what[128];
    generic_name(provider, name, sizeof(name));
    snprintf(what, sizeof(what), "the provider %s cannot be used", provider);
    struct ort_status *status =
        ort_append_provider(ort)(options, name, own->keys, own->values, own->count);
    return ort_check(ort, status, ERROR_ABSENT, err, what);
}

const char *ort_provider_hint(const char *provider)
{
    const struct onnx_provider *known = onnx_provider_find(provider);
    return known && known->how ? known->how : "run on the CPU: --provider cpu";
}

/* Which ones a library was built with it tells itself; that they also work here is another thing.
 */
static int check_built(const char *provider, const struct onnx_info *info, struct error *err)
{
    char names[256] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < info->provider_count && used < sizeof(names); i++) {
        if (strcmp(info->providers[i].name, provider) == 0)
            return 0;
        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "",
                                 info->providers[i].name);
    }
    error_set(err, ERROR_ABSENT, "ONNX Runtime %s was built without %s; it has %s", info->version,
              provider, names[0] ? names : "none");
    return error_hint(err, "%s", ort_provider_hint(provider));
}

static int append_one(const struct ort *ort, struct ort_session_options *options,
                      const char *provider, const struct provider_options *own, struct error *err)
{
    if (strcmp(provider, "CUDAExecutionProvider") == 0)
        return append_cuda(ort, options, own, err);
    if (strcmp(provider, "TensorrtExecutionProvider") == 0)
        return append_tensorrt(ort, options, own, err);
    return append_generic(ort, options, provider, own, err);
}

/* The CPU's provider is always there and takes no options. */
static int check_cpu_options(const struct provider_options *own, struct error *err)
{
    if (own->count == 0)
        return 0;
    error_set(err, ERROR_USAGE, "CPUExecutionProvider has no option '%s'", own->keys[0]);
    return error_hint(err, "options of the session begin with \"session.\"");
}

int ort_append(const struct ort *ort, struct ort_session_options *options,
               const struct onnx_config *config, const struct onnx_info *info, struct error *err)
{
    struct provider_options own = {.count = 0};
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < config->option_count && i < ONNX_OPTIONS_MAX; i++) {
        const struct onnx_option *option = &config->options[i];
        if (str_starts_with(option->key, "session.")) {
            rc = ort_check(ort,
                           ort_add_session_config_entry(ort)(options, option->key, option->value),
                           ERROR_INPUT, err, "the engine refuses an option of the session");
        } else {
            own.keys[own.count] = option->key;
            own.values[own.count++] = option->value;
        }
    }
    if (rc < 0)
        return rc;
    if (strcmp(config->provider, "CPUExecutionProvider") == 0)
        return check_cpu_options(&own, err);
    rc = check_built(config->provider, info, err);
    if (rc < 0)
        return rc;
    rc = append_one(ort, options, config->provider, &own, err);
    if (rc == -ERROR_INPUT && own.count == 0) {
        /* No argument of the user's can be wrong: the provider is not to be had. */
        rc = -ERROR_ABSENT;
        if (err)
            err->code = ERROR_ABSENT;
    }
    if (rc < 0 && rc != -ERROR_INPUT)
        error_hint(err, "%s", ort_provider_hint(config->provider));
    return rc;
}
