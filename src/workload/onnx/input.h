/* input.h: the values that go into a model (the worker only).
 *
 * What: one tensor per input and stream, filled from the seed, with zeros, or from an .npy file.
 *       Random: floats uniform in [0, 1) (float16 and bfloat16 are the float32 values rounded, so
 *       that the variants of a model get the same input), 8-bit types over their whole range, wider
 *       integers and booleans 0 or 1, which fits what they mostly are: masks, flags, small indices.
 * Memory: onnx_input_make allocates, onnx_input_free frees.
 * Errors: -ERROR_INPUT: a file or shape that does not fit, and more than the machine's memory;
 *         -ERROR_UNSUPPORTED: an element type that cannot be filled.
 */
#ifndef TACHO_WORKLOAD_ONNX_INPUT_H
#define TACHO_WORKLOAD_ONNX_INPUT_H

#include "workload/onnx/ort.h"

struct onnx_tensor {
    void *data;
    size_t bytes;
    struct ort_value *value; /* the engine's view of data */
};

/* All inputs of all streams: do they fit into what is free, less a reserve for the machine? Said
 * before anything is allocated, as it would be the machine that fails otherwise. */
int onnx_input_check_memory(const struct onnx_config *config, struct error *err);
/* That the model's inputs and the ones in config are the same. */
int onnx_input_check_names(const struct ort_model *model, const struct onnx_config *config,
                           struct error *err);
/* like: the same input of another stream, whose file's values are taken over; or NULL. */
int onnx_input_make(const struct ort *ort, const struct onnx_input *input, uint64_t seed,
                    const struct onnx_tensor *like, struct onnx_tensor *ret_tensor,
                    struct error *err);
void onnx_input_free(const struct ort *ort, struct onnx_tensor *tensor); /* accepts a zeroed one */

/* IEEE 754 binary16 and bfloat16, rounded to nearest, ties to even. */
uint16_t onnx_half_from_float(float value);
uint16_t onnx_bfloat_from_float(float value);
/* "f4" of ONNX_FLOAT; NULL: NumPy has none. */
const char *onnx_npy_dtype(int32_t type);

#endif
