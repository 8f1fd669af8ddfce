/* fuzz_onnx_model.c: any bytes as a model: refused with a text, or a model whose parts fit
 * together; and cut short it is refused or the same kind of thing. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "format/onnx_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

static void check_values(const struct onnx_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        require(values[i].name && values[i].rank <= ONNX_MODEL_DIMS_MAX);
        for (uint32_t d = 0; d < values[i].rank; d++) {
            require(values[i].dims[d].value >= -1);
            require(values[i].dims[d].value == -1 || !values[i].dims[d].symbol);
        }
    }
}

static void check(const struct onnx_model *model)
{
    uint64_t nodes = 0, parameters = 0;
    require(model->producer_name && model->producer_version && model->graph_name);
    for (size_t i = 0; i < model->op_count; i++) {
        require(model->ops[i].name[0] && model->ops[i].count > 0);
        require(i == 0 || model->ops[i].count <= model->ops[i - 1].count);
        nodes += model->ops[i].count;
    }
    require(nodes == model->node_count);
    for (size_t i = 0; i < 32; i++)
        parameters += model->parameters_of_type[i];
    require(parameters == model->parameter_count);
    check_values(model->inputs, model->input_count);
    check_values(model->outputs, model->output_count);
}

static int read_bytes(const uint8_t *data, size_t size)
{
    struct onnx_model model;
    struct error err = {0};
    int rc = onnx_model_read_bytes(data, size, "fuzz.onnx", &model, &err);
    require(rc == 0 || (rc == -ERROR_INPUT && err.message[0] && err.hint[0] && err.file[0]));
    if (rc == 0) {
        check(&model);
        onnx_model_deinit(&model);
    }
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (read_bytes(data, size) == 0 && size > 0)
        read_bytes(data, size - 1);
    return 0;
}
