/* shape.c: what goes into the model: types, shapes, batch size, contents.
 *
 * A dimension is settled by the first of these that says something: the model itself,
 * --input-shape,
 * --batch-size, the shape of --input FILE.npy, a default. The batch dimension is the first free one
 * with a name like batch or N, else the outermost if it is free. One name is one value.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/unit.h"
#include "base/util.h"
#include "format/npy.h"
#include "workload/onnx/internal.h"

#define IMAGE_SIDE 224
#define ELEMENTS_MAX (INT64_C(1) << 40)

struct settling {
    const struct onnx_model *model;
    const struct settings *settings;
    struct onnx_config *config;
    struct onnx_shapes *shapes;
    uint64_t batch; /* 0: not asked for */
    bool batch_used;
    struct strbuf names; /* of the inputs, for messages */
};

const char *onnx_format_dims(const int64_t *dims, uint32_t rank, char *buf, size_t size)
{
    size_t used = 0;
    if (size > 0)
        snprintf(buf, size, "%s", rank == 0 ? "scalar" : "");
    for (uint32_t i = 0; i < rank && used < size; i++) {
        int n = dims[i] < 0 ? snprintf(buf + used, size - used, "%s?", i > 0 ? "x" : "")
                            : snprintf(buf + used, size - used, "%s%lld", i > 0 ? "x" : "",
                                       (long long)dims[i]);
        used += n > 0 ? (size_t)n : 0;
    }
    return buf;
}

static const char *model_dims(const struct onnx_value *value, char *buf, size_t size)
{
    int64_t dims[ONNX_DIMS_MAX];
    for (uint32_t i = 0; i < value->rank && i < ONNX_DIMS_MAX; i++)
        dims[i] = value->dims[i].value;
    return onnx_format_dims(dims, value->rank, buf, size);
}

/* ---- which input is meant ---- */

/* "NAME=TEXT" or, of a model with one input, "TEXT". Sets *ret_text. */
static int find_input(struct settling *settling, const struct setting_value *given,
                      const char *text, size_t *ret_index, const char **ret_text, struct error *err)
{
    const struct onnx_model *model = settling->model;
    const char *equals = strrchr(text, '=');
    if (equals == NULL && model->input_count == 1) {
        *ret_index = 0;
        *ret_text = text;
        return 0;
    }
    for (size_t i = 0; equals != NULL && i < model->input_count; i++) {
        const char *name = model->inputs[i].name;
        if (strlen(name) == (size_t)(equals - text) &&
            memcmp(name, text, (size_t)(equals - text)) == 0) {
            *ret_index = i;
            *ret_text = equals + 1;
            return 0;
        }
    }
    if (equals == NULL)
        error_set(err, ERROR_USAGE, "%s %s: the model has %zu inputs, and which one is not said",
                  given->origin, text, model->input_count);
    else
        error_set(err, ERROR_USAGE, "%s: the model has no input '%.*s'", given->origin,
                  (int)u64_min((uint64_t)(equals - text), 100), text);
    return error_hint(err, "its inputs: %s", strbuf_get(&settling->names));
}

/* ---- --input-shape ---- */

static int parse_dims(const struct setting_value *given, const char *text, int64_t *ret_dims,
                      uint32_t *ret_rank, struct error *err)
{
    uint32_t rank = 0;
    for (const char *at = text;; at++) {
        char number[24];
        size_t length = strcspn(at, "xX,");
        uint64_t value = 0;
        if (length >= sizeof(number) || rank == ONNX_DIMS_MAX)
            goto malformed;
        snprintf(number, sizeof(number), "%.*s", (int)length, at);
        if (unit_parse_u64(number, 0, INT32_MAX, &value, NULL) < 0)
            goto malformed;
        ret_dims[rank++] = (int64_t)value;
        at += length;
        if (*at == '\0')
            break;
    }
    *ret_rank = rank;
    return 0;
malformed:
    error_set(err, ERROR_USAGE, "%s: '%s' is no shape", given->origin, text);
    return error_hint(err, "whole numbers with x between them, at most %d: 1x3x640x640",
                      ONNX_DIMS_MAX);
}

/* A dimension that the model fixes and the user wants otherwise. */
static int fail_static(const struct onnx_value *value, uint32_t at, int64_t asked,
                       struct error *err)
{
    char dims[160];
    int64_t fixed = value->dims[at].value;
    if (at == 0)
        error_set(
            err, ERROR_INPUT,
            "the model has a static batch of %lld: input %.100s is %s, and %lld was asked for",
            (long long)fixed, value->name, model_dims(value, dims, sizeof(dims)), (long long)asked);
    else
        error_set(err, ERROR_INPUT,
                  "input %.100s is %s: its dimension %u is %lld and cannot be %lld", value->name,
                  model_dims(value, dims, sizeof(dims)), at, (long long)fixed, (long long)asked);
    return error_hint(err, at == 0 ? "leave --batch-size out, or export the model with a free "
                                     "batch dimension"
                                   : "leave it out, or export the model with that shape");
}

static int apply_shape(const struct setting_value *given, const struct onnx_value *value,
                       const int64_t *dims, uint32_t rank, struct onnx_input *input,
                       struct error *err)
{
    char own[160], asked[160];
    if (value->has_shape && value->rank != rank) {
        error_set(err, ERROR_INPUT, "%s: %s has %u dimensions, input %.100s has %u (%s)",
                  given->origin, onnx_format_dims(dims, rank, asked, sizeof(asked)), rank,
                  value->name, value->rank, model_dims(value, own, sizeof(own)));
        return error_hint(err, "? is a dimension that can be chosen");
    }
    for (uint32_t i = 0; i < rank; i++) {
        if (value->has_shape && value->dims[i].value >= 0 && value->dims[i].value != dims[i])
            return fail_static(value, i, dims[i], err);
        input->dims[i] = dims[i];
    }
    input->rank = rank;
    return 0;
}

static int apply_shapes(struct settling *settling, struct error *err)
{
    const struct setting_value *given = &settling->settings->values[SETTING_INPUT_SHAPE];
    for (size_t i = 0; given->is_set && i < given->list_count; i++) {
        size_t index = 0;
        const char *text = NULL;
        int64_t dims[ONNX_DIMS_MAX];
        uint32_t rank = 0;
        int rc = find_input(settling, given, given->list[i], &index, &text, err);
        if (rc == 0)
            rc = parse_dims(given, text, dims, &rank, err);
        if (rc == 0)
            rc = apply_shape(given, &settling->model->inputs[index], dims, rank,
                             &settling->config->inputs[index], err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- --input ---- */

static const char *dtype_of(int32_t type)
{
    switch (type) {
    case ONNX_FLOAT:
        return "f4";
    case ONNX_UINT8:
        return "u1";
    case ONNX_INT8:
        return "i1";
    case ONNX_UINT16:
        return "u2";
    case ONNX_INT16:
        return "i2";
    case ONNX_INT32:
        return "i4";
    case ONNX_INT64:
        return "i8";
    case ONNX_BOOL:
        return "b1";
    case ONNX_FLOAT16:
        return "f2";
    case ONNX_DOUBLE:
        return "f8";
    case ONNX_UINT32:
        return "u4";
    case ONNX_UINT64:
        return "u8";
    default:
        return "";
    }
}

/* What of the shape is still open a file may settle. Whether it fits the rest is looked at when
 * everything is settled. */
static int apply_file(const char *path, const struct onnx_value *value, struct onnx_input *input,
                      struct error *err)
{
    struct npy npy;
    int rc = npy_read(path, &npy, err);
    if (rc == -ERROR_ABSENT)
        return error_set(err, ERROR_INPUT, "--input %s: no such file", path);
    if (rc < 0)
        return rc;
    if (strcmp(npy.dtype, dtype_of(value->type)) != 0) {
        error_set(err, ERROR_INPUT, "%s holds %s, input %.100s wants %s (NumPy's %s)", path,
                  npy.dtype, value->name, onnx_type_name(value->type), dtype_of(value->type));
        error_hint(err, "convert it: numpy.save(file, array.astype(...))");
        npy_deinit(&npy);
        return -ERROR_INPUT;
    }
    bool is_open = !value->has_shape && input->rank == 0;
    if (is_open && npy.rank <= ONNX_DIMS_MAX) {
        input->rank = npy.rank;
        for (uint32_t i = 0; i < npy.rank; i++)
            input->dims[i] = npy.dims[i];
    }
    for (uint32_t i = 0; !is_open && npy.rank == input->rank && i < npy.rank; i++)
        if (input->dims[i] < 0)
            input->dims[i] = npy.dims[i];
    npy_deinit(&npy);
    input->fill = ONNX_FILL_FILE;
    if (!str_copy(input->file, sizeof(input->file), path))
        return error_set(err, ERROR_INPUT, "the path of --input is too long");
    return 0;
}

static bool parse_fill(const char *text, int32_t *ret_fill)
{
    bool is_random = strcmp(text, "random") == 0;
    if (!is_random && strcmp(text, "zeros") != 0)
        return false;
    *ret_fill = is_random ? ONNX_FILL_RANDOM : ONNX_FILL_ZEROS;
    return true;
}

static int apply_contents(struct settling *settling, struct error *err)
{
    const struct setting_value *given = &settling->settings->values[SETTING_INPUT];
    for (size_t i = 0; i < given->list_count; i++) {
        int32_t fill;
        if (parse_fill(given->list[i], &fill)) {
            for (size_t j = 0; j < settling->model->input_count; j++)
                settling->config->inputs[j].fill = fill;
            continue;
        }
        size_t index = 0;
        const char *text = NULL;
        int rc = find_input(settling, given, given->list[i], &index, &text, err);
        if (rc < 0)
            return rc;
        struct onnx_input *input = &settling->config->inputs[index];
        if (parse_fill(text, &input->fill))
            continue;
        if (!str_ends_with(text, ".npy")) {
            error_set(err, ERROR_USAGE, "%s: '%s' is neither random nor zeros nor a FILE.npy",
                      given->origin, text);
            return error_hint(err, "numpy.save writes such files");
        }
        rc = apply_file(text, &settling->model->inputs[index], input, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* The file must have the input's shape, or that of one item of it. */
static int check_file(const struct onnx_input *input, struct error *err)
{
    struct npy npy;
    int rc = npy_read(input->file, &npy, err);
    if (rc < 0)
        return rc;
    /* One item may have a leading 1 or lack that dimension. */
    uint32_t skip = npy.rank + 1 == input->rank ? 1 : 0;
    bool fits = npy.rank + skip == input->rank;
    for (uint32_t i = 0; fits && i < npy.rank; i++)
        fits = npy.dims[i] == input->dims[i + skip] || (i == 0 && skip == 0 && npy.dims[0] == 1);
    char own[160], wanted[160];
    if (!fits) {
        rc = error_set(err, ERROR_INPUT, "%s is %s, input %.100s is %s", input->file,
                       onnx_format_dims(npy.dims, (uint32_t)u64_min(npy.rank, ONNX_DIMS_MAX), own,
                                        sizeof(own)),
                       input->name,
                       onnx_format_dims(input->dims, input->rank, wanted, sizeof(wanted)));
        error_hint(err, "it must have that shape, or that of one item of the batch");
    }
    npy_deinit(&npy);
    return rc;
}

/* ---- free dimensions ---- */

static bool is_word(const char *symbol, const char *const *words, size_t count)
{
    for (size_t i = 0; symbol != NULL && i < count; i++)
        if (strcasecmp(symbol, words[i]) == 0)
            return true;
    return false;
}

static bool is_batch_symbol(const char *symbol)
{
    static const char *const words[] = {"N", "B", "bs", "bsz", "batch"};
    return symbol != NULL &&
           (is_word(symbol, words, ARRAY_LEN(words)) || strcasestr(symbol, "batch") != NULL);
}

/* Index of the batch dimension; rank if there is none that is free. */
static uint32_t batch_dimension(const struct onnx_value *value)
{
    if (!value->has_shape)
        return 0;
    for (uint32_t i = 0; i < value->rank; i++)
        if (value->dims[i].value < 0 && is_batch_symbol(value->dims[i].symbol))
            return i;
    return value->rank > 0 && value->dims[0].value < 0 ? 0 : value->rank;
}

/* Free dimensions of an image: 3 channels, 224 by 224; of anything else: 1. */
static int64_t default_of(const struct onnx_value *value, uint32_t at)
{
    static const char *const sides[] = {"height", "width", "h", "w", "image_height", "image_width"};
    static const char *const channels[] = {"channels", "channel", "c"};
    const char *symbol = value->dims[at].symbol;
    bool is_float = value->type == ONNX_FLOAT || value->type == ONNX_FLOAT16;
    bool channels_last = value->rank == 4 && value->dims[3].value >= 1 && value->dims[3].value <= 4;
    if (is_word(symbol, sides, ARRAY_LEN(sides)))
        return IMAGE_SIDE;
    if (is_word(symbol, channels, ARRAY_LEN(channels)))
        return 3;
    if (value->rank != 4 || !(is_float || value->type == ONNX_UINT8) || at == 0)
        return 1;
    if (channels_last)
        return IMAGE_SIDE;
    return at == 1 ? 3 : IMAGE_SIDE;
}

/* A dimension of the same name that is settled already, in any input; 0: none. */
static int64_t value_of_symbol(const struct settling *settling, const char *symbol)
{
    for (size_t i = 0; symbol != NULL && symbol[0] != '\0' && i < settling->model->input_count;
         i++) {
        const struct onnx_value *value = &settling->model->inputs[i];
        const struct onnx_input *input = &settling->config->inputs[i];
        for (uint32_t j = 0; value->has_shape && j < input->rank; j++)
            if (input->dims[j] >= 0 && value->dims[j].value < 0 && value->dims[j].symbol != NULL &&
                strcmp(value->dims[j].symbol, symbol) == 0)
                return input->dims[j];
    }
    return 0;
}

static int apply_batch(struct settling *settling, struct error *err)
{
    for (size_t i = 0; settling->batch > 0 && i < settling->model->input_count; i++) {
        const struct onnx_value *value = &settling->model->inputs[i];
        struct onnx_input *input = &settling->config->inputs[i];
        uint32_t at = batch_dimension(value);
        if (at >= input->rank)
            continue;
        if (input->dims[at] >= 0 && input->dims[at] != (int64_t)settling->batch) {
            error_set(err, ERROR_USAGE, "--batch-size %llu and --input-shape contradict each other",
                      (unsigned long long)settling->batch);
            return error_hint(err, "input %.100s would have %lld", value->name,
                              (long long)input->dims[at]);
        }
        input->dims[at] = (int64_t)settling->batch;
        settling->batch_used = true;
    }
    for (size_t i = 0; settling->batch > 0 && !settling->batch_used; i++) {
        if (i == settling->model->input_count) {
            error_set(err, ERROR_INPUT,
                      "the model has no batch dimension: --batch-size %llu does "
                      "not fit",
                      (unsigned long long)settling->batch);
            return error_hint(err, "leave --batch-size out");
        }
        const struct onnx_value *value = &settling->model->inputs[i];
        if (value->rank == 0)
            continue;
        if (value->dims[0].value != (int64_t)settling->batch)
            return fail_static(value, 0, (int64_t)settling->batch, err);
        settling->batch_used = true;
    }
    return 0;
}

static void apply_defaults(struct settling *settling, size_t index)
{
    const struct onnx_value *value = &settling->model->inputs[index];
    struct onnx_input *input = &settling->config->inputs[index];
    bool chosen = false;
    uint32_t batch_at = batch_dimension(value);
    for (uint32_t i = 0; i < input->rank; i++) {
        if (input->dims[i] >= 0)
            continue;
        int64_t same = value_of_symbol(settling, value->dims[i].symbol);
        input->dims[i] = same > 0 ? same : i == batch_at ? 1 : default_of(value, i);
        chosen = chosen || (same == 0 && i != batch_at);
    }
    char before[160], after[160];
    if (chosen)
        strbuf_printf(&settling->shapes->defaults, "%s%s %s (the model leaves it open: %s)",
                      settling->shapes->defaults.len > 0 ? ", " : "", value->name,
                      onnx_format_dims(input->dims, input->rank, after, sizeof(after)),
                      model_dims(value, before, sizeof(before)));
}

/* ---- all of it ---- */

static int begin_input(const struct onnx_value *value, struct onnx_input *input, struct error *err)
{
    if (!str_copy(input->name, sizeof(input->name), value->name) ||
        (value->has_shape && value->rank > ONNX_DIMS_MAX))
        return error_set(err, ERROR_UNSUPPORTED,
                         "input %.60s has a name of more than %d bytes or "
                         "more than %d dimensions",
                         value->name, ONNX_NAME_MAX - 1, ONNX_DIMS_MAX);
    if (value->type == ONNX_STRING || dtype_of(value->type)[0] == '\0') {
        if (value->type != ONNX_BFLOAT16)
            return error_set(err, ERROR_UNSUPPORTED,
                             "input %.100s is of type %s: tacho can make tensors of numbers only",
                             value->name, onnx_type_name(value->type));
    }
    input->type = value->type;
    input->fill = ONNX_FILL_RANDOM;
    input->rank = value->has_shape ? value->rank : 0;
    for (uint32_t i = 0; i < input->rank; i++)
        input->dims[i] = value->dims[i].value;
    return 0;
}

static int check_input(const struct onnx_value *value, const struct onnx_input *input,
                       struct error *err)
{
    char dims[160];
    int64_t elements = 1;
    if (!value->has_shape && input->rank == 0) {
        error_set(err, ERROR_INPUT, "the model does not say the shape of input %.100s",
                  input->name);
        return error_hint(err, "--input-shape %.60s=1x3x224x224", input->name);
    }
    onnx_format_dims(input->dims, input->rank, dims, sizeof(dims));
    for (uint32_t i = 0; i < input->rank; i++) {
        if (input->dims[i] == 0) {
            error_set(err, ERROR_INPUT, "input %.100s is %s: a tensor of size zero", input->name,
                      dims);
            return error_hint(err, "give every dimension at least 1");
        }
        if (elements > ELEMENTS_MAX / input->dims[i])
            return error_set(err, ERROR_INPUT, "input %.100s is %s: no machine holds that",
                             input->name, dims);
        elements *= input->dims[i];
    }
    return input->fill == ONNX_FILL_FILE ? check_file(input, err) : 0;
}

static uint64_t batch_of(const struct settling *settling)
{
    for (size_t i = 0; i < settling->model->input_count; i++) {
        const struct onnx_input *input = &settling->config->inputs[i];
        uint32_t at = batch_dimension(&settling->model->inputs[i]);
        if (at < input->rank)
            return (uint64_t)input->dims[at];
    }
    const struct onnx_input *first = &settling->config->inputs[0];
    return settling->model->input_count > 0 && first->rank >= 2 ? (uint64_t)first->dims[0] : 1;
}

static int settle(struct settling *settling, struct error *err)
{
    const struct onnx_model *model = settling->model;
    int rc = 0;
    if (model->input_count > ONNX_INPUTS_MAX)
        return error_set(err, ERROR_UNSUPPORTED, "the model has %zu inputs; tacho fills %d",
                         model->input_count, ONNX_INPUTS_MAX);
    settling->config->input_count = (uint32_t)model->input_count;
    for (size_t i = 0; rc == 0 && i < model->input_count; i++) {
        char dims[160];
        rc = begin_input(&model->inputs[i], &settling->config->inputs[i], err);
        strbuf_printf(&settling->names, "%s%s %s", i > 0 ? ", " : "", model->inputs[i].name,
                      model_dims(&model->inputs[i], dims, sizeof(dims)));
    }
    if (rc == 0)
        rc = apply_shapes(settling, err);
    if (rc == 0)
        rc = apply_batch(settling, err);
    if (rc == 0)
        rc = apply_contents(settling, err);
    for (size_t i = 0; rc == 0 && i < model->input_count; i++) {
        apply_defaults(settling, i);
        rc = check_input(&model->inputs[i], &settling->config->inputs[i], err);
    }
    if (rc == 0)
        settling->shapes->batch_size = batch_of(settling);
    if (rc == 0 && (settling->names.failed || settling->shapes->defaults.failed))
        rc = error_set(err, ERROR_NOMEM, "out of memory for the inputs");
    return rc;
}

int onnx_settle_inputs(const struct onnx_model *model, const struct settings *settings,
                       struct onnx_config *config, struct onnx_shapes *ret_shapes,
                       struct error *err)
{
    struct onnx_shapes shapes = {0};
    struct settling settling = {
        .model = model, .settings = settings, .config = config, .shapes = &shapes};
    if (settings_is_set(settings, SETTING_BATCH_SIZE))
        settling.batch = settings_get_u64(settings, SETTING_BATCH_SIZE);
    int rc = settle(&settling, err);
    strbuf_deinit(&settling.names);
    if (rc < 0) {
        strbuf_deinit(&shapes.defaults);
        return rc;
    }
    *ret_shapes = shapes;
    return 0;
}
