/* describe.c: the facts of a model's run: what was asked for, and what it really was. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "workload/cores.h"
#include "workload/onnx/internal.h"

#define TOP_OPS 5
#define VALUES_MAX ONNX_INPUTS_MAX
#define SOURCE_MODEL "the model"
#define SOURCE_ENGINE "ONNX Runtime"
#define SOURCE_PROFILE "ONNX Runtime's profiler"

static void text_or_null(struct facts *facts, const char *key, const char *text, enum reason reason,
                         const char *source)
{
    if (text != NULL && text[0] != '\0')
        facts_text(facts, key, text, source);
    else
        facts_null(facts, key, reason, source);
}

/* ---- the model ---- */

/* "images float32 1x3x320x320": inputs as they are settled, outputs as the model leaves them. */
static void describe_values(struct facts *facts, const char *key, const struct onnx_value *values,
                            size_t count, const struct onnx_input *settled)
{
    char text[VALUES_MAX][240], dims[160];
    const char *list[VALUES_MAX];
    size_t listed = (size_t)u64_min(count, VALUES_MAX);
    for (size_t i = 0; i < listed; i++) {
        const struct onnx_value *value = &values[i];
        int64_t own[ONNX_DIMS_MAX];
        uint32_t rank = (uint32_t)u64_min(value->rank, ONNX_DIMS_MAX);
        for (uint32_t j = 0; j < rank; j++)
            own[j] = value->dims[j].value;
        bool is_known = settled != NULL || value->has_shape;
        const char *shape =
            settled != NULL ? onnx_format_dims(settled[i].dims, settled[i].rank, dims, sizeof(dims))
                            : onnx_format_dims(own, rank, dims, sizeof(dims));
        snprintf(text[i], sizeof(text[i]), "%.60s %s %s", value->name, onnx_type_name(value->type),
                 is_known ? shape : "of unknown shape");
        str_make_printable(text[i]);
        list[i] = text[i];
    }
    facts_list(facts, key, list, listed, SOURCE_MODEL);
}

static void describe_ops(struct facts *facts, const struct onnx_model *model)
{
    char text[TOP_OPS][96];
    const char *list[TOP_OPS];
    size_t listed = (size_t)u64_min(model->op_count, TOP_OPS);
    for (size_t i = 0; i < listed; i++) {
        snprintf(text[i], sizeof(text[i]), "%.60s %llu", model->ops[i].name,
                 (unsigned long long)model->ops[i].count);
        str_make_printable(text[i]);
        list[i] = text[i];
    }
    facts_integer(facts, "nodes", (int64_t)model->node_count, SOURCE_MODEL);
    facts_list(facts, "top_ops", list, listed, SOURCE_MODEL);
}

static void describe_model(const struct onnx *onnx, struct facts *facts)
{
    const struct onnx_model *model = &onnx->choice.model;
    char producer[160];
    snprintf(producer, sizeof(producer), "%.100s%s%.40s", model->producer_name,
             model->producer_version[0] != '\0' ? " " : "", model->producer_version);
    str_make_printable(producer);
    facts_text(facts, "model", onnx->choice.path, NULL);
    facts_text(facts, "model_sha256", model->sha256, NULL);
    facts_integer(facts, "model_bytes", (int64_t)model->file_bytes, NULL);
    text_or_null(facts, "graph", model->graph_name, REASON_ABSENT, SOURCE_MODEL);
    text_or_null(facts, "producer", producer, REASON_ABSENT, SOURCE_MODEL);
    if (model->opset > 0)
        facts_integer(facts, "opset", model->opset, SOURCE_MODEL);
    else
        facts_null(facts, "opset", REASON_ABSENT, SOURCE_MODEL);
    facts_integer(facts, "ir_version", model->ir_version, SOURCE_MODEL);
    facts_integer(facts, "parameters", (int64_t)model->parameter_count, SOURCE_MODEL);
    facts_number(facts, "parameter_mb", (double)model->parameter_bytes / 1048576.0, SOURCE_MODEL);
    describe_ops(facts, model);
    describe_values(facts, "inputs", model->inputs, model->input_count, onnx->config.inputs);
    describe_values(facts, "outputs", model->outputs, model->output_count, NULL);
    text_or_null(facts, "precision", model->precision, REASON_ABSENT, "the model's tensors");
}

/* ---- how it is run ---- */

static const char *fill_of(const struct onnx_config *config)
{
    static const char *const names[] = {
        [ONNX_FILL_RANDOM] = "random", [ONNX_FILL_ZEROS] = "zeros", [ONNX_FILL_FILE] = "file"};
    for (uint32_t i = 1; i < config->input_count; i++)
        if (config->inputs[i].fill != config->inputs[0].fill)
            return "mixed";
    return config->input_count > 0 ? names[config->inputs[0].fill] : "none";
}

static const char *level_of(int32_t level)
{
    return level == 0 ? "none" : level == 1 ? "basic" : level == 2 ? "extended" : "all";
}

static void describe_loop(const struct onnx *onnx, struct facts *facts)
{
    const struct onnx_config *config = &onnx->config;
    bool is_open = config->rate_per_s > 0;
    facts_text(facts, "loop", is_open ? "open" : "closed", NULL);
    if (is_open) {
        facts_number(facts, "rate_per_s", config->rate_per_s, "--rate");
        facts_text(facts, "arrival", config->is_poisson ? "poisson" : "constant", "--arrival");
    } else {
        facts_null(facts, "rate_per_s", REASON_NOT_ASKED, "--rate");
    }
    facts_integer(facts, "seed", (int64_t)config->seed, "--seed");
    facts_text(facts, "input_fill", fill_of(config), "--input");
    if (onnx->deadline_ns > 0)
        facts_number(facts, "deadline_ms", (double)onnx->deadline_ns / (double)NS_PER_MS,
                     "--deadline");
    else
        facts_null(facts, "deadline_ms", REASON_NOT_ASKED, "--deadline");
    if (onnx->timeout_ns > 0)
        facts_number(facts, "timeout_s", (double)onnx->timeout_ns / (double)NS_PER_S, "--timeout");
}

static void describe_options(const struct onnx_config *config, struct facts *facts)
{
    char text[ONNX_OPTIONS_MAX][260];
    const char *list[ONNX_OPTIONS_MAX];
    for (uint32_t i = 0; i < config->option_count; i++) {
        snprintf(text[i], sizeof(text[i]), "%s=%s", config->options[i].key,
                 config->options[i].value);
        list[i] = text[i];
    }
    if (config->option_count > 0)
        facts_list(facts, "provider_options", list, config->option_count, NULL);
}

void onnx_describe(void *state, struct facts *facts)
{
    const struct onnx *onnx = state;
    const struct onnx_config *config = &onnx->config;
    char cores[512], label[256];
    const char *precision = onnx->choice.model.precision;
    snprintf(label, sizeof(label), "%.100s%s%s batch %llu %s", onnx->choice.name,
             precision != NULL ? " " : "", precision != NULL ? precision : "",
             (unsigned long long)onnx->shapes.batch_size, onnx->target.device);
    facts_text(facts, "kind", "onnx", NULL);
    facts_text(facts, "name", onnx->choice.name, NULL);
    facts_text(facts, "label", label, NULL);
    describe_model(onnx, facts);
    facts_integer(facts, "batch_size", (int64_t)onnx->shapes.batch_size, NULL);
    if (onnx->shapes.defaults.len > 0)
        facts_text(facts, "default_shapes", strbuf_get(&onnx->shapes.defaults), NULL);
    facts_integer(facts, "streams", config->streams, "--streams");
    if (config->threads > 0)
        facts_integer(facts, "threads", config->threads, "--threads");
    else
        facts_null(facts, "threads", REASON_NOT_ASKED, "--threads");
    facts_text(facts, "cores", cores_format(&onnx->cores, cores, sizeof(cores)),
               "sched_getaffinity");
    facts_integer(facts, "cores_count", CPU_COUNT(&onnx->cores), "sched_getaffinity");
    facts_text(facts, "device", onnx->target.device, "--device");
    facts_text(facts, "provider_asked", onnx_provider_short(config->provider), "--provider");
    facts_bool(facts, "strict_provider", config->strict_provider, "--strict-provider");
    describe_options(config, facts);
    facts_text(facts, "engine", "onnxruntime", NULL);
    facts_text(facts, "graph_optimization", level_of(config->graph_optimization),
               "--graph-optimization");
    facts_integer(facts, "profiled_units", config->profiled_units, NULL);
    describe_loop(onnx, facts);
}

/* ---- afterwards ---- */

static void describe_engine(const struct onnx_info *info, struct facts *facts)
{
    const char *list[ONNX_PROVIDERS_MAX];
    size_t count = (size_t)u64_min(info->provider_count, ONNX_PROVIDERS_MAX);
    for (size_t i = 0; i < count; i++)
        list[i] = onnx_provider_short(info->providers[i].name);
    text_or_null(facts, "engine_version", info->version, REASON_FAILED, SOURCE_ENGINE);
    text_or_null(facts, "engine_library", info->library, REASON_FAILED, NULL);
    if (info->build[0] != '\0')
        facts_text(facts, "engine_build", info->build, SOURCE_ENGINE);
    if (count > 0)
        facts_list(facts, "providers_available", list, count, SOURCE_ENGINE);
    else
        facts_null(facts, "providers_available", REASON_FAILED, SOURCE_ENGINE);
}

static void describe_truth(const struct onnx_truth *truth, struct facts *facts)
{
    char text[ONNX_SHARES_MAX][96];
    const char *list[ONNX_SHARES_MAX];
    if (!truth->is_known) {
        facts_null(facts, "provider", REASON_FAILED, SOURCE_PROFILE);
        facts_null(facts, "compute_precision", REASON_FAILED, SOURCE_PROFILE);
        return;
    }
    for (size_t i = 0; i < truth->share_count; i++) {
        snprintf(text[i], sizeof(text[i]), "%s %.1f %%",
                 onnx_provider_short(truth->shares[i].provider), 100 * truth->shares[i].share);
        list[i] = text[i];
    }
    facts_text(facts, "provider",
               truth->share_count > 0 ? onnx_provider_short(truth->shares[0].provider) : "",
               SOURCE_PROFILE);
    facts_list(facts, "provider_shares", list, truth->share_count, SOURCE_PROFILE);
    text_or_null(facts, "compute_precision", truth->precision, REASON_UNSUPPORTED, SOURCE_PROFILE);
}

void onnx_describe_after(void *state, struct facts *facts)
{
    const struct onnx *onnx = state;
    if (!onnx->has_info)
        return;
    describe_engine(&onnx->info, facts);
    describe_truth(&onnx->truth, facts);
}
