/* worker_output.c: the outputs of an inference as .npy files. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"
#include "format/npy.h"
#include "format/onnx_model.h"
#include "workload/onnx/worker_internal.h"

/* NumPy has no bfloat16; as float32 nothing is lost. */
static int widen_bfloat(struct npy *npy, size_t elements, void **ret_owned, struct error *err)
{
    const uint16_t *from = npy->data;
    uint32_t *to = calloc(elements ? elements : 1, sizeof(*to));
    if (to == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for an output");
    for (size_t i = 0; i < elements; i++)
        to[i] = (uint32_t)from[i] << 16;
    npy->data = *ret_owned = to;
    npy->element_bytes = sizeof(*to);
    return 0;
}

static int read_shape(const struct ort *ort, const struct ort_value *value, struct npy *npy,
                      int *ret_type, struct error *err)
{
    static const char what[] = "the engine does not tell the shape of an output";
    struct ort_shape_info *info;
    int rc = ort_check(ort, ort_get_tensor_type_and_shape(ort)(value, &info), ERROR_UNSUPPORTED,
                       err, what);
    if (rc < 0)
        return rc;
    size_t rank = 0;
    rc = ort_check(ort, ort_get_tensor_element_type(ort)(info, ret_type), ERROR_UNSUPPORTED, err,
                   what);
    if (rc == 0)
        rc = ort_check(ort, ort_get_dimensions_count(ort)(info, &rank), ERROR_UNSUPPORTED, err,
                       what);
    if (rc == 0 && rank > NPY_DIMS_MAX)
        rc = error_set(err, ERROR_UNSUPPORTED, "an output has %zu dimensions", rank);
    if (rc == 0)
        rc = ort_check(ort, ort_get_dimensions(ort)(info, npy->dims, rank), ERROR_UNSUPPORTED, err,
                       what);
    ort_release_shape_info(ort)(info);
    npy->rank = (uint32_t)rank;
    return rc;
}

static int write_one(const struct ort *ort, struct ort_value *value, const char *name,
                     const char *path, struct error *err)
{
    struct npy npy = {.rank = 0};
    int type = 0, is_tensor = 0;
    ort_check(ort, ort_is_tensor(ort)(value, &is_tensor), ERROR_UNSUPPORTED, NULL, "");
    if (!is_tensor)
        return error_set(err, ERROR_UNSUPPORTED, "output '%s' is no tensor", name);
    int rc = read_shape(ort, value, &npy, &type, err);
    if (rc == 0)
        rc = ort_check(ort, ort_get_tensor_mutable_data(ort)(value, &npy.data), ERROR_UNSUPPORTED,
                       err, "the engine does not hand out an output");
    const char *dtype = onnx_npy_dtype(type == ONNX_BFLOAT16 ? ONNX_FLOAT : type);
    if (rc == 0 && dtype == NULL)
        rc = error_set(err, ERROR_UNSUPPORTED, "output '%s' is of type %s, which no .npy can hold",
                       name, onnx_type_name(type));
    if (rc < 0)
        return rc;
    size_t elements = 1;
    for (uint32_t i = 0; i < npy.rank; i++)
        elements *= (size_t)npy.dims[i];
    CLEANUP_FREE void *owned = NULL;
    npy.element_bytes = onnx_type_bytes(type);
    if (type == ONNX_BFLOAT16)
        rc = widen_bfloat(&npy, elements, &owned, err);
    str_copy(npy.dtype, sizeof(npy.dtype), dtype);
    npy.data_bytes = elements * npy.element_bytes;
    return rc < 0 ? rc : npy_write(path, &npy, err);
}

int worker_write_outputs(struct worker *worker, struct error *err)
{
    struct worker_stream *stream = &worker->streams[0];
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < worker->model.output_count; i++) {
        char path[PATH_MAX + 32];
        snprintf(path, sizeof(path), "%s.%zu.npy", worker->config->output_path, i);
        rc = write_one(&worker->ort, stream->outputs[i], worker->model.output_names[i], path, err);
    }
    return rc;
}
