/* ort_session.c: a session of the engine with one model, and the names of what goes in and
 * out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "workload/onnx/ort.h"

/* Sessions of older versions take any entry and do nothing about it. */
#define ORT_MINOR_STRICT 16

static int set_strict(const struct ort *ort, struct ort_session_options *options,
                      const struct onnx_config *config, struct error *err)
{
    /* With the CPU as the provider that was asked for there is nothing to fall back from. */
    if (!config->strict_provider || strcmp(config->provider, "CPUExecutionProvider") == 0 ||
        ort->minor < ORT_MINOR_STRICT)
        return 0;
    struct ort_status *status =
        ort_add_session_config_entry(ort)(options, "session.disable_cpu_ep_fallback", "1");
    return ort_check(ort, status, ERROR_UNSUPPORTED, err, "cannot forbid nodes on the CPU");
}

static int set_options(const struct ort *ort, struct ort_session_options *options,
                       const struct onnx_config *config, const char *profile_prefix,
                       struct error *err)
{
    static const char what[] = "the engine refuses a setting of the session";
    int rc = ort_check(ort, ort_set_session_log_severity_level(ort)(options, ORT_LOG_ERROR),
                       ERROR_UNSUPPORTED, err, what);
    if (rc == 0 && config->threads > 0)
        rc = ort_check(ort, ort_set_intra_op_num_threads(ort)(options, (int)config->threads),
                       ERROR_UNSUPPORTED, err, what);
    if (rc == 0)
        rc = ort_check(
            ort, ort_set_session_graph_optimization_level(ort)(options, config->graph_optimization),
            ERROR_UNSUPPORTED, err, what);
    if (rc == 0 && profile_prefix && profile_prefix[0])
        rc = ort_check(ort, ort_enable_profiling(ort)(options, profile_prefix), ERROR_UNSUPPORTED,
                       err, what);
    return rc == 0 ? set_strict(ort, options, config, err) : rc;
}

/* What most of the engine's sentences about a model leave open is what to do about it. */
static void hint_at_model(struct error *err)
{
    if (err == NULL)
        return;
    if (strstr(err->message, "IR version"))
        error_hint(err, "a newer ONNX Runtime reads it, or write the model with an older IR "
                        "version");
    else if (strstr(err->message, "opset"))
        error_hint(err, "a newer ONNX Runtime knows this opset, or export the model with an older "
                        "one");
    else if (strstr(err->message, "CPU EP"))
        error_hint(err, "without --strict-provider those nodes run on the CPU, and the run says "
                        "so");
    else if (strstr(err->message, "is not a registered function/op") ||
             strstr(err->message, "No Op registered for") ||
             strstr(err->message, "Could not find an implementation"))
        error_hint(err, "the model has an operator that this ONNX Runtime lacks; a newer one or "
                        "another provider may have it");
}

/* CUDA and its like begin only when the session is made: what fails then and is not about reading
 * the model is that the provider does not work here, or may not leave nodes to the CPU. */
static bool is_about_provider(const struct ort *ort, const struct ort_status *status,
                              const struct onnx_config *config)
{
    return status != NULL && strcmp(config->provider, "CPUExecutionProvider") != 0 &&
           !str_starts_with(ort_get_error_message(ort)(status), "Load model from ");
}

static int create_session(struct ort_model *model, const struct ort_session_options *options,
                          const struct onnx_config *config, const struct ort_model_source *source,
                          struct error *err)
{
    const struct ort *ort = model->ort;
    struct ort_status *status =
        source->path ? ort_create_session(ort)(ort->env, source->path, options, &model->session)
                     : ort_create_session_from_array(ort)(ort->env, source->bytes, source->size,
                                                          options, &model->session);
    char what[128] = "cannot load the model";
    bool is_provider = is_about_provider(ort, status, config);
    if (is_provider)
        snprintf(what, sizeof(what), "no session with %s", config->provider);
    int rc = ort_check(ort, status, is_provider ? ERROR_UNSUPPORTED : ERROR_INPUT, err, what);
    if (rc == 0)
        return 0;
    model->session = NULL;
    if (is_provider)
        error_hint(err, "%s", ort_provider_hint(config->provider));
    hint_at_model(err);
    if (source->path && !is_provider)
        error_at(err, source->path, 0, 0);
    return rc;
}

static int read_names(struct ort_model *model, bool is_input, struct error *err)
{
    static const char what[] = "cannot ask the engine for the model's inputs and outputs";
    const struct ort *ort = model->ort;
    size_t count = 0;
    int rc = ort_check(ort,
                       is_input ? ort_session_get_input_count(ort)(model->session, &count)
                                : ort_session_get_output_count(ort)(model->session, &count),
                       ERROR_UNSUPPORTED, err, what);
    if (rc < 0)
        return rc;
    char **names = calloc(count + 1, sizeof(*names));
    if (names == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the model's names");
    *(is_input ? &model->input_names : &model->output_names) = names;
    *(is_input ? &model->input_count : &model->output_count) = count;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = ort_check(
            ort,
            is_input
                ? ort_session_get_input_name(ort)(model->session, i, ort->allocator, &names[i])
                : ort_session_get_output_name(ort)(model->session, i, ort->allocator, &names[i]),
            ERROR_UNSUPPORTED, err, what);
    return rc;
}

int ort_model_open(struct ort_model *model, const struct ort *ort, const struct onnx_config *config,
                   const struct onnx_info *info, const struct ort_model_source *source,
                   const char *profile_prefix, struct error *err)
{
    *model = (struct ort_model){.ort = ort};
    struct ort_session_options *options;
    int rc = ort_check(ort, ort_create_session_options(ort)(&options), ERROR_UNSUPPORTED, err,
                       "the engine makes no session");
    if (rc < 0)
        return rc;
    rc = set_options(ort, options, config, profile_prefix, err);
    if (rc == 0)
        rc = ort_append(ort, options, config, info, err);
    if (rc == 0)
        rc = create_session(model, options, config, source, err);
    ort_release_session_options(ort)(options);
    if (rc == 0)
        rc = read_names(model, true, err);
    if (rc == 0)
        rc = read_names(model, false, err);
    if (rc < 0)
        ort_model_close(model);
    return rc;
}

int ort_model_end_profile(struct ort_model *model, char *path, size_t size, struct error *err)
{
    const struct ort *ort = model->ort;
    char *written = NULL;
    int rc =
        ort_check(ort, ort_session_end_profiling(ort)(model->session, ort->allocator, &written),
                  ERROR_IO, err, "the engine cannot write its profile");
    if (rc < 0)
        return rc;
    str_copy(path, size, written ? written : "");
    if (written)
        rc = ort_check(ort, ort_allocator_free(ort)(ort->allocator, written), ERROR_IO, err,
                       "the engine cannot write its profile");
    return rc;
}

static void free_names(const struct ort *ort, char **names, size_t count)
{
    for (size_t i = 0; names && i < count; i++)
        if (names[i])
            ort_check(ort, ort_allocator_free(ort)(ort->allocator, names[i]), ERROR_SYSTEM, NULL,
                      "");
    free(names);
}

void ort_model_close(struct ort_model *model)
{
    if (model->ort == NULL)
        return;
    free_names(model->ort, model->input_names, model->input_count);
    free_names(model->ort, model->output_names, model->output_count);
    if (model->session)
        ort_release_session(model->ort)(model->session);
    *model = (struct ort_model){0};
}
