/* input.c: see input.h. */
#include "workload/onnx/input.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"
#include "format/npy.h"
#include "format/onnx_model.h"
#include "stats/stats.h"
#include "workload/onnx/internal.h"

/* ---- sizes ---- */

/* Elements and bytes; -ERROR_INPUT for what is no size. */
static int measure(const struct onnx_input *input, size_t *ret_elements, size_t *ret_bytes,
                   struct error *err)
{
    size_t element_bytes = onnx_type_bytes(input->type), elements = 1;
    if (element_bytes == 0 || input->type == ONNX_STRING || input->type == ONNX_COMPLEX64 ||
        input->type == ONNX_COMPLEX128)
        return error_set(err, ERROR_UNSUPPORTED, "input '%s' is of type %s, which cannot be filled",
                         input->name, onnx_type_name(input->type));
    if (input->rank > ONNX_DIMS_MAX)
        return error_set(err, ERROR_UNSUPPORTED,
                         "input '%s' has %" PRIu32 " dimensions, at most "
                         "%d can be filled",
                         input->name, input->rank, ONNX_DIMS_MAX);
    for (uint32_t i = 0; i < input->rank; i++) {
        if (input->dims[i] < 1)
            return error_set(err, ERROR_INPUT,
                             "input '%s': dimension %" PRIu32 " is %" PRId64
                             ", so there is nothing to compute",
                             input->name, i + 1, input->dims[i]);
        if (__builtin_mul_overflow(elements, (size_t)input->dims[i], &elements))
            return error_set(err, ERROR_INPUT, "input '%s' has more elements than any memory",
                             input->name);
    }
    *ret_elements = elements;
    if (__builtin_mul_overflow(elements, element_bytes, ret_bytes) || *ret_bytes > PTRDIFF_MAX)
        return error_set(err, ERROR_INPUT, "input '%s' has more elements than any memory",
                         input->name);
    return 0;
}

/* What may be allocated now, less the reserve; infinite: cannot be told. */
static double free_bytes(void)
{
    struct onnx_memory memory;
    onnx_memory_open(&memory);
    double bytes = memory.available_bytes - memory.reserve_bytes;
    onnx_memory_close(&memory);
    return isnan(bytes) ? INFINITY : bytes;
}

int onnx_input_check_memory(const struct onnx_config *config, struct error *err)
{
    size_t all = 0;
    for (uint32_t i = 0; i < config->input_count && i < ONNX_INPUTS_MAX; i++) {
        size_t elements = 0, bytes = 0;
        int rc = measure(&config->inputs[i], &elements, &bytes, err);
        if (rc < 0)
            return rc;
        if (__builtin_mul_overflow(bytes, (size_t)config->streams, &bytes) ||
            __builtin_add_overflow(all, bytes, &all))
            all = SIZE_MAX;
    }
    double available = free_bytes();
    if ((double)all <= available)
        return 0;
    error_set(err, ERROR_INPUT, "the inputs need %.1f MB, and %.1f MB of memory are free for them",
              (double)all / 1048576.0, fmax(available, 0) / 1048576.0);
    return error_hint(err, "a smaller --batch-size, or fewer --streams");
}

int onnx_input_check_names(const struct ort_model *model, const struct onnx_config *config,
                           struct error *err)
{
    for (size_t i = 0; i < model->input_count; i++) {
        uint32_t j = 0;
        while (j < config->input_count &&
               strcmp(config->inputs[j].name, model->input_names[i]) != 0)
            j++;
        if (j == config->input_count)
            return error_set(err, ERROR_INPUT,
                             "the engine wants an input '%s' that was not "
                             "prepared",
                             model->input_names[i]);
    }
    if (model->input_count != config->input_count)
        return error_set(err, ERROR_INPUT, "the engine wants %zu inputs, %" PRIu32 " were prepared",
                         model->input_count, config->input_count);
    return 0;
}

/* ---- values ---- */

/* Rounds the lowest `drop` bits of a magnitude away, ties to even. */
static uint32_t round_bits(uint32_t bits, unsigned drop)
{
    uint32_t half = 1u << (drop - 1), odd = bits >> drop & 1;
    return (bits + half - 1 + odd) >> drop;
}

uint16_t onnx_half_from_float(float value)
{
    enum { BIAS_DIFFERENCE = 127 - 15 };
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) /* NaN */
        return (uint16_t)(sign | 0x7e00);
    if (magnitude >= 0x477ff000) /* 65520: rounds to infinity */
        return (uint16_t)(sign | 0x7c00);
    uint32_t exponent = magnitude >> 23;
    if (exponent > BIAS_DIFFERENCE)
        return (uint16_t)(sign | round_bits(magnitude - ((uint32_t)BIAS_DIFFERENCE << 23), 13));
    /* Subnormal: units of 2^-24, with the leading one made visible. */
    unsigned drop = BIAS_DIFFERENCE + 14 - exponent;
    if (drop > 24)
        return (uint16_t)sign;
    return (uint16_t)(sign | round_bits((magnitude & 0x7fffff) | 0x800000, drop));
}

uint16_t onnx_bfloat_from_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40); /* stays a NaN */
    return (uint16_t)round_bits(bits, 16);
}

/* 24 random bits: exact in a float, and never rounded up to 1. */
static float random_float(uint64_t *state)
{
    return (float)(random_next(state) >> 40) * 0x1p-24f;
}

/* Gigabytes of it would take half a minute of one core before anything is measured: what is longer
 * than this repeats itself. A prime, so that the items of a batch still differ. */
#define RANDOM_PERIOD 1048573u

static void fill_random(int32_t type, void *data, size_t elements, size_t bytes, uint64_t seed)
{
    uint64_t state = seed;
    unsigned char *octets = data;
    size_t width = elements ? bytes / elements : 0;
    size_t drawn = elements < RANDOM_PERIOD ? elements : RANDOM_PERIOD;
    for (size_t i = 0; i < drawn; i++) {
        unsigned char *at = octets + i * width;
        float single;
        double real;
        uint16_t half;
        switch (type) {
        case ONNX_FLOAT:
            single = random_float(&state);
            memcpy(at, &single, sizeof(single));
            break;
        case ONNX_DOUBLE:
            real = random_uniform(&state);
            memcpy(at, &real, sizeof(real));
            break;
        case ONNX_FLOAT16:
            half = onnx_half_from_float(random_float(&state));
            memcpy(at, &half, sizeof(half));
            break;
        case ONNX_BFLOAT16:
            half = onnx_bfloat_from_float(random_float(&state));
            memcpy(at, &half, sizeof(half));
            break;
        case ONNX_UINT8:
        case ONNX_INT8:
            *at = (unsigned char)(random_next(&state) >> 56);
            break;
        default: /* little-endian, as every machine that ONNX Runtime is built for */
            memset(at, 0, width);
            *at = (unsigned char)(random_next(&state) >> 63);
        }
    }
    for (size_t i = drawn; i < elements; i += drawn)
        memcpy(octets + i * width, octets, width * (elements - i < drawn ? elements - i : drawn));
}

/* ---- files ---- */

const char *onnx_npy_dtype(int32_t type)
{
    static const char *const names[] = {
        [ONNX_FLOAT] = "f4",   [ONNX_UINT8] = "u1",  [ONNX_INT8] = "i1",   [ONNX_UINT16] = "u2",
        [ONNX_INT16] = "i2",   [ONNX_INT32] = "i4",  [ONNX_INT64] = "i8",  [ONNX_BOOL] = "b1",
        [ONNX_FLOAT16] = "f2", [ONNX_DOUBLE] = "f8", [ONNX_UINT32] = "u4", [ONNX_UINT64] = "u8",
    };
    return type >= 0 && (size_t)type < ARRAY_LEN(names) ? names[type] : NULL;
}

static void shape_text(const int64_t *dims, uint32_t rank, char *text, size_t size)
{
    size_t used = 0;
    str_copy(text, size, rank ? "" : "a scalar");
    for (uint32_t i = 0; i < rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%" PRId64, i ? "x" : "", dims[i]);
}

/* How often the file's values are to be repeated: 1, or the batch size if the file holds one item,
 * with or without its own first dimension of 1. 0: it does not fit. */
static int64_t repeats_of(const struct onnx_input *input, const struct npy *npy)
{
    uint32_t rank = input->rank, skip = rank - npy->rank;
    if (rank == npy->rank && memcmp(input->dims, npy->dims, rank * sizeof(int64_t)) == 0)
        return 1;
    if (rank == 0 || npy->rank > rank || skip > 1 || (skip == 0 && npy->dims[0] != 1))
        return 0;
    const int64_t *item = npy->dims + (skip == 0 ? 1 : 0);
    return memcmp(input->dims + 1, item, (rank - 1) * sizeof(int64_t)) == 0 ? input->dims[0] : 0;
}

static int check_npy(const struct onnx_input *input, const struct npy *npy, size_t bytes,
                     int64_t *ret_repeats, struct error *err)
{
    const char *dtype = onnx_npy_dtype(input->type);
    if (dtype == NULL || strcmp(dtype, npy->dtype) != 0) {
        error_set(err, ERROR_INPUT, "holds %s, input '%s' takes %s", npy->dtype, input->name,
                  onnx_type_name(input->type));
        if (dtype)
            error_hint(err, "in NumPy: array.astype('%s')", dtype);
        return -ERROR_INPUT;
    }
    *ret_repeats = repeats_of(input, npy);
    if (*ret_repeats > 0 && npy->data_bytes == bytes / (size_t)*ret_repeats)
        return 0;
    char have[128], want[128];
    shape_text(npy->dims, npy->rank, have, sizeof(have));
    shape_text(input->dims, input->rank, want, sizeof(want));
    error_set(err, ERROR_INPUT, "holds %s, input '%s' takes %s, or one item of it", have,
              input->name, want);
    return -ERROR_INPUT;
}

static int fill_from_file(const struct onnx_input *input, void *data, size_t bytes,
                          struct error *err)
{
    CLEANUP(npy_deinit) struct npy npy = {.rank = 0};
    int rc = npy_read(input->file, &npy, err);
    if (rc == -ERROR_ABSENT || rc == -ERROR_DENIED) {
        /* A file that the user named, not a part of the machine. */
        err->code = ERROR_INPUT;
        return -ERROR_INPUT;
    }
    if (rc < 0)
        return rc;
    int64_t repeats;
    rc = check_npy(input, &npy, bytes, &repeats, err);
    if (rc < 0)
        return error_at(err, input->file, 0, 0);
    for (int64_t i = 0; i < repeats; i++)
        memcpy((char *)data + (size_t)i * npy.data_bytes, npy.data, npy.data_bytes);
    return 0;
}

/* ---- tensors ---- */

static int fill(const struct onnx_input *input, uint64_t seed, const struct onnx_tensor *like,
                struct onnx_tensor *tensor, size_t elements, struct error *err)
{
    switch (input->fill) {
    case ONNX_FILL_FILE:
        if (like == NULL)
            return fill_from_file(input, tensor->data, tensor->bytes, err);
        memcpy(tensor->data, like->data, tensor->bytes);
        return 0;
    case ONNX_FILL_RANDOM:
        fill_random(input->type, tensor->data, elements, tensor->bytes, seed);
        return 0;
    default:
        memset(tensor->data, 0, tensor->bytes);
        return 0;
    }
}

static int wrap(const struct ort *ort, const struct onnx_input *input, struct onnx_tensor *tensor,
                struct error *err)
{
    enum { ARENA_ALLOCATOR = 1, MEMORY_DEFAULT = 0 };
    static const char what[] = "the engine refuses an input";
    struct ort_memory_info *info;
    int rc = ort_check(ort, ort_create_cpu_memory_info(ort)(ARENA_ALLOCATOR, MEMORY_DEFAULT, &info),
                       ERROR_UNSUPPORTED, err, what);
    if (rc < 0)
        return rc;
    rc = ort_check(ort,
                   ort_create_tensor_with_data(ort)(info, tensor->data, tensor->bytes, input->dims,
                                                    input->rank, input->type, &tensor->value),
                   ERROR_UNSUPPORTED, err, what);
    ort_release_memory_info(ort)(info);
    return rc;
}

int onnx_input_make(const struct ort *ort, const struct onnx_input *input, uint64_t seed,
                    const struct onnx_tensor *like, struct onnx_tensor *ret_tensor,
                    struct error *err)
{
    struct onnx_tensor tensor = {0};
    size_t elements = 0;
    int rc = measure(input, &elements, &tensor.bytes, err);
    if (rc < 0)
        return rc;
    /* As the engine aligns its own tensors; the size is a multiple of it. */
    size_t room = (tensor.bytes + 63) & ~(size_t)63;
    tensor.data = aligned_alloc(64, room);
    if (tensor.data == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for input '%s' (%zu bytes)", input->name,
                         tensor.bytes);
    rc = fill(input, seed, like, &tensor, elements, err);
    if (rc == 0)
        rc = wrap(ort, input, &tensor, err);
    if (rc < 0)
        onnx_input_free(ort, &tensor);
    else
        *ret_tensor = tensor;
    return rc;
}

void onnx_input_free(const struct ort *ort, struct onnx_tensor *tensor)
{
    if (tensor->value)
        ort_release_value(ort)(tensor->value);
    free(tensor->data);
    *tensor = (struct onnx_tensor){0};
}
