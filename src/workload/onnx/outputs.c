/* outputs.c: how far the outputs of a variant are from those of the fp32 model.
 *
 * Both run once on the same inputs (same seed). The relative RMS is the root of the sum of squared
 * differences over the root of the sum of squared fp32 values, over all elements of all outputs;
 * the top-1 agreement is that of the largest element per row of outputs with two dimensions.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "format/npy.h"
#include "workload/onnx/internal.h"

#define TIMEOUT_NS (60 * NS_PER_S)

struct difference {
    double max_abs, sum_squares, sum_reference;
    uint64_t elements, rows, agreeing_rows;
    uint64_t not_finite; /* in one and not in the other */
};

/* ---- elements ---- */

/* IEEE 754 binary16. */
static double from_half(uint16_t bits)
{
    int exponent = (bits >> 10) & 0x1f, fraction = bits & 0x3ff;
    double value = exponent == 0    ? ldexp(fraction, -24)
                   : exponent == 31 ? (fraction != 0 ? (double)NAN : (double)INFINITY)
                                    : ldexp(fraction + 1024, exponent - 25);
    return bits & 0x8000 ? -value : value;
}

static double element(const struct npy *npy, size_t i)
{
    const unsigned char *at = (const unsigned char *)npy->data + i * npy->element_bytes;
    union {
        float f4;
        double f8;
        int8_t i1;
        int16_t i2;
        int32_t i4;
        int64_t i8;
        uint16_t u2;
        uint32_t u4;
        uint64_t u8;
    } value = {.u8 = 0};
    memcpy(&value, at, npy->element_bytes <= sizeof(value) ? npy->element_bytes : sizeof(value));
    switch (npy->dtype[0] << 8 | npy->dtype[1]) {
    case 'f' << 8 | '4':
        return value.f4;
    case 'f' << 8 | '8':
        return value.f8;
    case 'f' << 8 | '2':
        return from_half(value.u2);
    case 'i' << 8 | '1':
        return value.i1;
    case 'i' << 8 | '2':
        return value.i2;
    case 'i' << 8 | '4':
        return value.i4;
    case 'i' << 8 | '8':
        return (double)value.i8;
    case 'u' << 8 | '2':
        return value.u2;
    case 'u' << 8 | '4':
        return value.u4;
    case 'u' << 8 | '8':
        return (double)value.u8;
    default:
        return *at; /* u1, b1 */
    }
}

static size_t largest(const struct npy *npy, size_t from, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (element(npy, from + i) > element(npy, from + best))
            best = i;
    return best;
}

static bool has_same_shape(const struct npy *a, const struct npy *b)
{
    return a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof(a->dims[0])) == 0;
}

static void add_output(struct difference *difference, const struct npy *reference,
                       const struct npy *variant)
{
    size_t count =
        reference->data_bytes / (reference->element_bytes ? reference->element_bytes : 1);
    for (size_t i = 0; i < count; i++) {
        double a = element(reference, i), b = element(variant, i), d = b - a;
        difference->elements++;
        if (!isfinite(a) || !isfinite(b)) {
            difference->not_finite += !(a == b || (isnan(a) && isnan(b)));
            continue;
        }
        difference->max_abs = fmax(difference->max_abs, fabs(d));
        difference->sum_squares += d * d;
        difference->sum_reference += a * a;
    }
    if (reference->rank != 2 || reference->dims[1] < 2)
        return;
    size_t width = (size_t)reference->dims[1];
    for (size_t row = 0; row < count / width; row++) {
        difference->rows++;
        difference->agreeing_rows +=
            largest(reference, row * width, width) == largest(variant, row * width, width);
    }
}

/* ---- two workers ---- */

/* The variant's inputs, in the types of the fp32 model: fp16 models often take fp16. */
static bool adapt_inputs(struct onnx_config *config, const char *path)
{
    struct onnx_model model = {0};
    if (onnx_model_read(path, &model, NULL) < 0)
        return false;
    bool fits = model.input_count == config->input_count;
    for (uint32_t i = 0; fits && i < config->input_count; i++) {
        struct onnx_input *input = &config->inputs[i];
        fits = strcmp(input->name, model.inputs[i].name) == 0 &&
               (input->fill != ONNX_FILL_FILE || input->type == model.inputs[i].type);
        input->type = model.inputs[i].type;
    }
    onnx_model_deinit(&model);
    return fits;
}

/* name: of its outputs, "NAME.0.npy" and on. */
static int run_once(struct onnx *onnx, const char *model, const struct onnx_scratch *scratch,
                    const char *name, uint32_t *ret_outputs, struct error *err)
{
    CLEANUP_FREE struct onnx_config *config = malloc(sizeof(*config));
    if (config == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for comparing outputs");
    *config = onnx->config;
    config->mode = ONNX_MODE_OUTPUTS;
    config->streams = 1;
    config->rate_per_s = 0;
    config->profiled_units = 1;
    config->profile_prefix[0] = '\0';
    str_copy(config->model, sizeof(config->model), model);
    snprintf(config->output_path, sizeof(config->output_path), "%s/%s", scratch->path, name);
    if (!adapt_inputs(config, model))
        return error_set(err, ERROR_UNSUPPORTED, "its inputs are others");
    struct onnx_start start = {.timeout_ns = TIMEOUT_NS,
                               .has_cores = onnx->has_cores,
                               .cores = onnx->cores,
                               .scratch = scratch,
                               .sets_gpu_order = onnx->sets_gpu_order};
    struct onnx_worker worker;
    int rc = onnx_worker_start(&worker, onnx->args->launcher, config, 1, &start, err);
    if (rc == 0)
        rc = onnx_worker_finish(&worker, err);
    if (rc == 0)
        *ret_outputs = worker.shared->info.output_count;
    onnx_worker_end(&worker);
    return rc;
}

static int compare_files(const struct onnx_scratch *scratch, uint32_t outputs,
                         struct difference *difference, struct error *err)
{
    for (uint32_t i = 0; i < outputs; i++) {
        char path[PATH_MAX];
        struct npy reference, variant;
        snprintf(path, sizeof(path), "%s/fp32.%u.npy", scratch->path, i);
        int rc = npy_read(path, &reference, err);
        if (rc < 0)
            return rc;
        snprintf(path, sizeof(path), "%s/variant.%u.npy", scratch->path, i);
        rc = npy_read(path, &variant, err);
        if (rc == 0 && has_same_shape(&reference, &variant))
            add_output(difference, &reference, &variant);
        else if (rc == 0)
            rc = error_set(err, ERROR_UNSUPPORTED, "output %u has another shape", i);
        npy_deinit(&reference);
        if (rc < 0)
            return rc;
        npy_deinit(&variant);
    }
    return 0;
}

static int run_both(struct onnx *onnx, struct difference *difference, struct error *err)
{
    struct onnx_scratch scratch;
    uint32_t outputs = 0, others = 0;
    int rc = onnx_scratch_make(&scratch, err);
    if (rc < 0)
        return rc;
    rc = run_once(onnx, onnx->choice.fp32_path, &scratch, "fp32", &outputs, err);
    if (rc == 0)
        rc = run_once(onnx, onnx->choice.path, &scratch, "variant", &others, err);
    if (rc == 0 && outputs != others)
        rc = error_set(err, ERROR_UNSUPPORTED, "it has %u outputs and not %u", others, outputs);
    if (rc == 0)
        rc = compare_files(&scratch, outputs, difference, err);
    onnx_scratch_remove(&scratch);
    return rc;
}

/* ---- the finding ---- */

static int tell_difference(const struct onnx *onnx, const struct difference *difference,
                           struct run_sink *sink, struct error *err)
{
    double relative = difference->sum_reference > 0
                          ? sqrt(difference->sum_squares / difference->sum_reference)
                          : NAN;
    CLEANUP(strbuf_deinit) struct strbuf rest = {0};
    struct finding finding;
    if (difference->rows > 0)
        strbuf_printf(&rest, "; the largest class is the same in %llu of %llu rows",
                      (unsigned long long)difference->agreeing_rows,
                      (unsigned long long)difference->rows);
    if (difference->not_finite > 0)
        strbuf_printf(&rest, "; %llu are not finite in only one of them",
                      (unsigned long long)difference->not_finite);
    finding_init(&finding, "output_difference", SEVERITY_INFO, "");
    finding_sentence(&finding,
                     "on the same input its outputs differ from those of the fp32 model by %.3g %% "
                     "(relative RMS), %.3g at most%s",
                     100 * relative, difference->max_abs, strbuf_get(&rest));
    finding.has_value = isfinite(relative);
    finding.value = 100 * relative;
    str_copy(finding.unit, sizeof(finding.unit), "%");
    finding.n = difference->elements;
    finding_evidence(&finding, "one inference of each, seed %llu; fp32: %.180s",
                     (unsigned long long)onnx->config.seed, onnx->choice.fp32_path);
    return sink_finding(sink, &finding, err);
}

static int tell_failure(const struct error *why, struct run_sink *sink, struct error *err)
{
    struct finding finding;
    finding_init(&finding, "output_difference", SEVERITY_INFO, "");
    finding_sentence(&finding, "its outputs could not be compared with those of the fp32 model: %s",
                     why->message);
    return sink_finding(sink, &finding, err);
}

int onnx_compare_outputs(struct onnx *onnx, struct run_sink *sink, struct error *err)
{
    struct difference difference = {0};
    struct error why = {0};
    if (onnx->choice.fp32_path[0] == '\0')
        return 0;
    /* It is an extra: that it cannot be had says nothing against the measurement. */
    int rc = run_both(onnx, &difference, &why);
    return rc < 0 ? tell_failure(&why, sink, err) : tell_difference(onnx, &difference, sink, err);
}
