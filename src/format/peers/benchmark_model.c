/* benchmark_model.c: the text of TensorFlow Lite's benchmark_model. Of its two "count=" lines the
 * first is the warm-up; they are microseconds. */
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"
#include "format/peers/peer_lines.h"

extern const struct peer peer_benchmark_model;

static bool benchmark_model_accepts(const struct peer_input *input)
{
    return peer_holds(input, "Inference timings in us:", input->size) ||
           (peer_holds(input, "count=", input->size) && peer_holds(input, " curr=", input->size));
}

static const struct peer_field of_all[] = {
    {"Init:", "init_ms", "ms", DIRECTION_LOWER, 1e-3, "creating the interpreter"},
    {"First inference:", "first_ms", "ms", DIRECTION_LOWER, 1e-3, "the first inference"},
    {"Warmup (avg):", "warmup_mean_ms", "ms", DIRECTION_LOWER, 1e-3, "mean of the warm-up"},
    {"Inference (avg):", "mean_ms", "ms", DIRECTION_LOWER, 1e-3, "mean of an inference"},
    {"init=", "init_memory_mb", "MB", DIRECTION_LOWER, 0,
     "growth of the resident set by creating the interpreter; approximate"},
    {"overall=", "memory_mb", "MB", DIRECTION_LOWER, 0,
     "growth of the resident set over the whole run; approximate"},
};
static const struct peer_field of_line[] = {
    {"count=", "inferences", "", DIRECTION_NEITHER, 0, "how many, without the warm-up"},
    {"min=", "min_ms", "ms", DIRECTION_LOWER, 1e-3, "shortest inference"},
    {"max=", "max_ms", "ms", DIRECTION_LOWER, 1e-3, "longest inference"},
    {" std=", "std_ms", "ms", DIRECTION_LOWER, 1e-3,
     "standard deviation of the inferences (of a population)"},
    {" p5=", "p5_ms", "ms", DIRECTION_LOWER, 1e-3, "5th percentile of the inferences"},
    {" median=", "median_ms", "ms", DIRECTION_LOWER, 1e-3, "median of the inferences"},
    {" p95=", "p95_ms", "ms", DIRECTION_LOWER, 1e-3, "95th percentile of the inferences"},
};

static int benchmark_model_read(const struct peer_input *input, struct error *err)
{
    struct peer_run run;
    char line[1024], last[1024] = "";
    size_t at = 0;
    double value;
    peer_run_init(&run, &peer_benchmark_model, input, 0, "benchmark_model", err);
    facts_text(&run.workload, "engine", "tflite", input->file);
    while (peer_line(input, &at, line, sizeof(line))) {
        if (strstr(line, "count=") && strstr(line, " curr="))
            str_copy(last, sizeof(last), line);
    }
    peer_lines_values(&run, of_all, ARRAY_LEN(of_all));
    for (size_t i = 0; i < ARRAY_LEN(of_line); i++) {
        double scale = of_line[i].scale == 0 ? 1 : of_line[i].scale;
        if (peer_number_after(last, of_line[i].key, &value))
            peer_run_value(&run, of_line[i].name, of_line[i].unit, of_line[i].direction,
                           of_line[i].definition, value * scale);
    }
    return peer_run_end(&run);
}

const struct peer peer_benchmark_model = {.name = "benchmark_model",
                                          .files = "its text (TensorFlow Lite)",
                                          .is_text = true,
                                          .accepts = benchmark_model_accepts,
                                          .read = benchmark_model_read};
