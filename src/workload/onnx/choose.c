/* choose.c: which model file it is, and which of its variants.
 *
 * Precision is what the tensors are (format/onnx_model), never what a name says. NAME.fp16.onnx
 * beside NAME.onnx is a variant: it is looked for when another precision was asked for than the
 * file's own, and then it must be what its name says.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "workload/onnx/internal.h"
#include "workload/reference.h"

#define SUFFIX ".onnx"

static const char *const precisions[] = {"fp32", "fp16", "bf16", "int8", "int4", "mixed"};

void onnx_choice_deinit(struct onnx_choice *choice)
{
    onnx_model_deinit(&choice->model);
}

/* ---- names ---- */

/* "models/net.fp16.onnx": base "models/net", precision "fp16". */
static void split_name(const char *path, char *base, size_t size, char *precision,
                       size_t precision_size)
{
    str_copy(base, size, path);
    precision[0] = '\0';
    size_t length = strlen(base);
    if (length >= strlen(SUFFIX) && strcasecmp(base + length - strlen(SUFFIX), SUFFIX) == 0)
        base[length - strlen(SUFFIX)] = '\0';
    char *dot = strrchr(base, '.');
    for (size_t i = 0; dot != NULL && i < ARRAY_LEN(precisions); i++) {
        if (strcmp(dot + 1, precisions[i]) == 0) {
            str_copy(precision, precision_size, precisions[i]);
            *dot = '\0';
            return;
        }
    }
}

/* precision NULL: the one without. False: too long, or there is no such file. */
static bool find_variant(const char *base, const char *precision, char *path, size_t size)
{
    int length = precision != NULL ? snprintf(path, size, "%s.%s" SUFFIX, base, precision)
                                   : snprintf(path, size, "%s" SUFFIX, base);
    return length > 0 && (size_t)length < size && access(path, F_OK) == 0;
}

static bool has_precision(const struct onnx_model *model, const char *precision)
{
    return model->precision != NULL && strcmp(model->precision, precision) == 0;
}

/* ---- variants ---- */

static int fail_no_variant(const struct onnx_choice *choice, const char *base,
                           const char *precision, struct error *err)
{
    CLEANUP(strbuf_deinit) struct strbuf known = {0};
    char path[PATH_MAX];
    for (size_t i = 0; i < ARRAY_LEN(precisions); i++)
        if (find_variant(base, precisions[i], path, sizeof(path)))
            strbuf_printf(&known, "%s%s", known.len > 0 ? ", " : "", precisions[i]);
    error_set(err, ERROR_UNSUPPORTED, "%s is %s, and there is no %s.%s" SUFFIX " beside it",
              choice->path,
              choice->model.precision != NULL ? choice->model.precision : "without weights",
              choice->name, precision);
    if (known.len > 0)
        return error_hint(err, "there are variants for %s", strbuf_get(&known));
    return error_hint(err, "convert the model, and name the file %s.%s" SUFFIX, choice->name,
                      precision);
}

static int fail_mismatch(const char *path, const char *named, const struct onnx_model *model,
                         struct error *err)
{
    error_set(err, ERROR_INPUT, "%s is not %s: its tensors are %s", path, named,
              model->precision != NULL ? model->precision : "without weights");
    return error_hint(err, "a name does not make a precision: convert the model, or rename it");
}

/* Takes the variant of that precision in place of the model that was read. */
static int take_variant(struct onnx_choice *choice, const char *base, const char *precision,
                        struct error *err)
{
    char path[PATH_MAX];
    if (strcmp(choice->named_precision, precision) == 0)
        return fail_mismatch(choice->path, precision, &choice->model, err);
    bool is_there =
        find_variant(base, precision, path, sizeof(path)) ||
        (strcmp(precision, "fp32") == 0 && find_variant(base, NULL, path, sizeof(path)));
    if (!is_there || strcmp(path, choice->path) == 0)
        return fail_no_variant(choice, base, precision, err);
    struct onnx_model model = {0};
    int rc = onnx_model_read(path, &model, err);
    if (rc < 0)
        return rc;
    if (!has_precision(&model, precision)) {
        rc = fail_mismatch(path, precision, &model, err);
        onnx_model_deinit(&model);
        return rc;
    }
    onnx_model_deinit(&choice->model);
    choice->model = model;
    str_copy(choice->path, sizeof(choice->path), path);
    str_copy(choice->named_precision, sizeof(choice->named_precision), precision);
    return 0;
}

/* The fp32 model that a variant was made from, to compare outputs with. */
static void find_fp32(struct onnx_choice *choice, const char *base)
{
    char path[PATH_MAX];
    struct onnx_model model = {0};
    if (choice->model.precision == NULL || has_precision(&choice->model, "fp32"))
        return;
    if (!find_variant(base, "fp32", path, sizeof(path)) &&
        !find_variant(base, NULL, path, sizeof(path)))
        return;
    if (strcmp(path, choice->path) == 0 || onnx_model_read(path, &model, NULL) < 0)
        return;
    if (has_precision(&model, "fp32"))
        str_copy(choice->fp32_path, sizeof(choice->fp32_path), path);
    onnx_model_deinit(&model);
}

static int read_model(const char *path, struct onnx_model *ret_model, struct error *err)
{
    if (access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
        error_set(err, ERROR_INPUT, "%s: no such file", path);
        return error_hint(err, "name a MODEL.onnx, " REFERENCE_NAMES);
    }
    return onnx_model_read(path, ret_model, err);
}

int onnx_choose(const char *file, const char *precision, const char *data_directory,
                const char *exe_directory, struct onnx_choice *ret_choice, struct error *err)
{
    struct onnx_choice choice = {0};
    char base[PATH_MAX];
    int rc = 0;
    if (file == NULL || reference_is(file))
        rc = reference_find(file != NULL ? file : REFERENCE_DEFAULT, precision, data_directory,
                            exe_directory, choice.path, sizeof(choice.path), err);
    else if (!str_copy(choice.path, sizeof(choice.path), file))
        rc = error_set(err, ERROR_INPUT, "the path of the model is too long");
    if (rc == 0)
        rc = read_model(choice.path, &choice.model, err);
    if (rc < 0)
        return rc;
    split_name(choice.path, base, sizeof(base), choice.named_precision,
               sizeof(choice.named_precision));
    const char *slash = strrchr(base, '/');
    str_copy(choice.name, sizeof(choice.name), slash != NULL ? slash + 1 : base);
    if (precision != NULL && !has_precision(&choice.model, precision))
        rc = take_variant(&choice, base, precision, err);
    if (rc < 0) {
        onnx_choice_deinit(&choice);
        return rc;
    }
    find_fp32(&choice, base);
    *ret_choice = choice;
    return 0;
}
