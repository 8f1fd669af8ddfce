/* arguments.c: from settings to arguments.
 *
 * A setting that trtexec cannot honour is refused, and nothing is replaced by something similar.
 * What tacho does not know can be handed over: --provider-option KEY=VALUE becomes --KEY=VALUE.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "format/onnx_model.h"
#include "workload/trtexec/internal.h"

static const struct {
    enum setting_id id;
    const char *why;
} refused[] = {
    {SETTING_RATE, "trtexec has no open loop"},
    {SETTING_ARRIVAL, "trtexec has no open loop"},
    {SETTING_DEADLINE, "trtexec has none"},
    {SETTING_INPUT, "trtexec makes its own random inputs; hand files to it by "
                    "--provider-option loadInputs=NAME:FILE"},
    {SETTING_THREADS, "a TensorRT engine runs on a GPU or DLA"},
    {SETTING_GRAPH_OPTIMIZATION, "TensorRT decides when it builds the engine"},
    {SETTING_METRIC, "it is for commands"},
};

static int refuse_settings(const struct settings *settings, struct error *err)
{
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        const struct setting_value *value = &settings->values[refused[i].id];
        if (!settings_is_set(settings, refused[i].id))
            continue;
        error_set(err, ERROR_USAGE, "%s does not go with trtexec", value->origin);
        return error_hint(err, "%s", refused[i].why);
    }
    const char *provider = settings_get_text(settings, SETTING_PROVIDER);
    if (provider != NULL && strcmp(provider, "tensorrt") != 0) {
        error_set(err, ERROR_USAGE, "--provider %s contradicts trtexec, which is TensorRT",
                  provider);
        return error_hint(err, "leave it out, or measure an .onnx model by --engine onnxruntime");
    }
    return 0;
}

int trtexec_add(struct trtexec *trtexec, const char *fmt, ...)
{
    if (trtexec->argument_count + 1 >= TRTEXEC_ARGUMENTS_MAX)
        return -ERROR_USAGE;
    va_list args;
    CLEANUP_FREE char *text = NULL;
    va_start(args, fmt);
    int length = vasprintf(&text, fmt, args);
    va_end(args);
    if (length < 0) {
        text = NULL; /* vasprintf leaves it undefined */
        return -ERROR_NOMEM;
    }
    const char *copy = arena_strdup(&trtexec->arena, text);
    if (copy == NULL)
        return -ERROR_NOMEM;
    trtexec->arguments[trtexec->argument_count++] = copy;
    trtexec->arguments[trtexec->argument_count] = NULL;
    return 0;
}

static int add_precision(struct trtexec *trtexec, const char *precision, struct error *err)
{
    if (precision == NULL)
        return 0;
    if (!trtexec->is_onnx) {
        error_set(err, ERROR_USAGE,
                  "--precision %s: that of an engine was decided when it was "
                  "built",
                  precision);
        return error_hint(err, "build one from the .onnx model: --engine trtexec MODEL.onnx");
    }
    /* Without it TensorRT computes fp32 as TF32 where the GPU can. */
    if (strcmp(precision, "fp32") == 0)
        return trtexec->program.has_no_tf32 ? trtexec_add(trtexec, "--noTF32") : 0;
    if (strcmp(precision, "mixed") == 0)
        return trtexec_add(trtexec, "--best");
    return trtexec_add(trtexec, "--%s", precision);
}

/* "dla", "dla_1": a core; "cuda", "gpu", "cuda_1", "nvidia_0": a GPU; a Jetson has one. */
static int add_device(struct trtexec *trtexec, const char *device, struct error *err)
{
    unsigned index = 0;
    char rest = '\0';
    if (device == NULL)
        return 0;
    bool is_dla = strcmp(device, "dla") == 0 || sscanf(device, "dla_%u%c", &index, &rest) == 1;
    bool is_gpu = strcmp(device, "cuda") == 0 || strcmp(device, "gpu") == 0 ||
                  sscanf(device, "cuda_%u%c", &index, &rest) == 1 ||
                  sscanf(device, "nvidia_%u%c", &index, &rest) == 1;
    bool is_board = strncmp(device, "jetson_", 7) == 0 ||
                    strncmp(device, "nvidia_jetson_", 14) == 0 ||
                    strncmp(device, "nvidia_drive_", 13) == 0;
    if (!is_dla && !is_gpu && !is_board) {
        error_set(err, ERROR_UNSUPPORTED, "--device %s: TensorRT does not run there", device);
        return error_hint(err, "cuda, nvidia_N or dla_N; tacho devices shows what is here");
    }
    trtexec->device =
        arena_printf(&trtexec->arena, "%s_%u", is_dla ? "dla" : "nvidia", is_board ? 0 : index);
    if (trtexec->device == NULL)
        return -ERROR_NOMEM;
    if (is_board)
        return 0;
    /* No --allowGPUFallback: layers that the DLA cannot run are an error, not a silent detour. */
    return trtexec_add(trtexec, is_dla ? "--useDLACore=%u" : "--device=%u", index);
}

/* "1x3x224x224" of --input-shape NAME=…: whether its first dimension is the batch size. */
static int check_batch(struct trtexec *trtexec, const char *shape, bool batch_asked,
                       struct error *err)
{
    unsigned long long first = 0;
    if (sscanf(shape, "%llu", &first) != 1 || first == 0 ||
        shape[strspn(shape, "0123456789x")] != '\0') {
        error_set(err, ERROR_USAGE, "--input-shape: '%s' is no shape", shape);
        return error_hint(err, "as in --input-shape images=1x3x224x224");
    }
    if (batch_asked && first != trtexec->batch_size)
        return error_set(err, ERROR_USAGE, "--input-shape %s contradicts --batch-size %llu", shape,
                         (unsigned long long)trtexec->batch_size);
    trtexec->batch_size = first;
    return 0;
}

/* The inputs of an .onnx model in trtexec's words, with the batch size as their free first
 * dimension. */
static int shapes_of_model(struct trtexec *trtexec, struct strbuf *shapes, struct error *err)
{
    struct onnx_model model = {0};
    int rc = onnx_model_read(trtexec->file, &model, err);
    for (size_t i = 0; rc == 0 && i < model.input_count; i++) {
        const struct onnx_value *input = &model.inputs[i];
        if (!input->has_shape || input->rank == 0 || input->dims[0].value >= 0)
            rc =
                error_set(err, ERROR_USAGE,
                          "--batch-size: the first dimension of input %s is not free", input->name);
        strbuf_printf(shapes, "%s%s:", i > 0 ? "," : "", input->name);
        for (uint32_t d = 0; rc == 0 && d < input->rank; d++) {
            if (d > 0 && input->dims[d].value < 0) {
                error_set(err, ERROR_USAGE, "input %s has more than one free dimension",
                          input->name);
                rc = error_hint(err, "give its shape: --input-shape %s=%llux…", input->name,
                                (unsigned long long)trtexec->batch_size);
            }
            strbuf_printf(shapes, "%s%lld", d > 0 ? "x" : "",
                          d > 0 ? (long long)input->dims[d].value : (long long)trtexec->batch_size);
        }
    }
    onnx_model_deinit(&model);
    return rc;
}

static int add_shapes(struct trtexec *trtexec, const struct settings *settings, struct error *err)
{
    CLEANUP(strbuf_deinit) struct strbuf shapes = {0};
    const struct setting_value *list = &settings->values[SETTING_INPUT_SHAPE];
    bool batch_asked = settings_is_set(settings, SETTING_BATCH_SIZE);
    int rc = 0;
    if (batch_asked)
        trtexec->batch_size = settings_get_u64(settings, SETTING_BATCH_SIZE);
    for (size_t i = 0; rc == 0 && list->is_set && i < list->list_count; i++) {
        /* Names of inputs may hold '=' and ':'; a shape holds neither. */
        const char *equals = strrchr(list->list[i], '=');
        if (equals == NULL || equals == list->list[i])
            return error_set(err, ERROR_USAGE, "--input-shape %s: NAME=SHAPE is meant",
                             list->list[i]);
        rc = check_batch(trtexec, equals + 1, batch_asked, err);
        strbuf_printf(&shapes, "%s%.*s:%s", i > 0 ? "," : "", (int)(equals - list->list[i]),
                      list->list[i], equals + 1);
    }
    if (rc == 0 && shapes.len == 0 && batch_asked && trtexec->is_onnx)
        rc = shapes_of_model(trtexec, &shapes, err);
    if (rc == 0 && shapes.len == 0 && batch_asked) {
        error_set(err, ERROR_USAGE, "--batch-size: the inputs of an engine are not known to tacho");
        rc = error_hint(err, "give their shapes: --input-shape NAME=%llux3x224x224",
                        (unsigned long long)trtexec->batch_size);
    }
    if (rc == 0 && shapes.failed)
        rc = -ERROR_NOMEM;
    return rc == 0 && shapes.len > 0 ? trtexec_add(trtexec, "--shapes=%s", shapes.data) : rc;
}

static int add_options(struct trtexec *trtexec, const struct settings *settings)
{
    const struct setting_value *list = &settings->values[SETTING_PROVIDER_OPTION];
    int rc = 0;
    for (size_t i = 0; rc == 0 && list->is_set && i < list->list_count; i++)
        rc = trtexec_add(trtexec, "--%s", list->list[i]);
    return rc;
}

int trtexec_make_arguments(struct trtexec *trtexec, struct error *err)
{
    const struct settings *settings = trtexec->args->settings;
    struct error detail = {0};
    int rc = refuse_settings(settings, err);
    if (rc != 0)
        return rc;
    const char *precision = settings_get_text(settings, SETTING_PRECISION);
    trtexec->streams = settings_get_u64(settings, SETTING_STREAMS);
    trtexec->has_profile = settings_get_bool(settings, SETTING_PROFILE_OPS);
    rc = trtexec_add(trtexec, "%s", trtexec->program.path);
    if (rc == 0)
        rc =
            trtexec_add(trtexec, trtexec->is_onnx ? "--onnx=%s" : "--loadEngine=%s", trtexec->file);
    if (rc == 0)
        rc = add_precision(trtexec, precision, &detail);
    if (rc == 0)
        rc = add_device(trtexec, settings_get_text(settings, SETTING_DEVICE), &detail);
    if (rc == 0)
        rc = add_shapes(trtexec, settings, &detail);
    if (rc == 0 && trtexec->streams > 1)
        rc = trtexec_add(trtexec,
                         trtexec->program.has_inf_streams ? "--infStreams=%llu" : "--streams=%llu",
                         (unsigned long long)trtexec->streams);
    if (rc == 0)
        rc = add_options(trtexec, settings);
    if (rc != 0 && detail.code != 0) {
        if (err != NULL)
            *err = detail;
        return rc;
    }
    if (rc == -ERROR_USAGE)
        return error_set(err, ERROR_USAGE, "more than %d arguments for trtexec",
                         TRTEXEC_ARGUMENTS_MAX);
    return rc != 0 ? error_set(err, ERROR_NOMEM, "out of memory for trtexec's arguments") : 0;
}
