/* benchmark_app.c: the text of OpenVINO's benchmark_app. With several requests at a time its
 * latency is that of a request among others, and throughput is no reciprocal of it. */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "format/peers/peer_lines.h"

extern const struct peer peer_benchmark_app;

static bool benchmark_app_accepts(const struct peer_input *input)
{
    return peer_holds(input, "[Step ", input->size) && peer_holds(input, "[ INFO ]", input->size) &&
           peer_holds(input, "Throughput:", input->size);
}

static const struct peer_field fields[] = {
    {"First inference took", "first_ms", "ms", DIRECTION_LOWER, 0, "the first inference"},
    {"Count:", "inferences", "", DIRECTION_NEITHER, 0, "how many"},
    {"Median:", "median_ms", "ms", DIRECTION_LOWER, 0,
     "median over the requests, from handing one over to its answer"},
    {"Average:", "mean_ms", "ms", DIRECTION_LOWER, 0,
     "mean over the requests, from handing one over to its answer"},
    {"Min:", "min_ms", "ms", DIRECTION_LOWER, 0, "shortest request"},
    {"Max:", "max_ms", "ms", DIRECTION_LOWER, 0, "longest request"},
    {"Throughput:", "frames_per_s", "1/s", DIRECTION_HIGHER, 0,
     "inferences times batch size over the duration"},
};

static int benchmark_app_read(const struct peer_input *input, struct error *err)
{
    struct peer_run run;
    char line[1024];
    size_t at = 0;
    double value;
    peer_run_init(&run, &peer_benchmark_app, input, 0, "benchmark_app", err);
    facts_text(&run.workload, "engine", "openvino", input->file);
    while (peer_line(input, &at, line, sizeof(line))) {
        const char *requests = strstr(line, " inference requests");
        if (requests && strstr(line, "Measuring performance")) {
            while (requests > line && requests[-1] >= '0' && requests[-1] <= '9')
                requests--;
            if (peer_number_after(requests, "", &value))
                facts_integer(&run.workload, "requests_at_a_time", (int64_t)value, input->file);
            facts_bool(&run.workload, "asynchronous", strstr(line, "asynchronously") != NULL,
                       input->file);
        }
        if (peer_number_after(line, "Duration:", &value) && value > 0 && value < 1e12)
            run.duration_ns = (uint64_t)(value * 1e6);
    }
    peer_lines_values(&run, fields, ARRAY_LEN(fields));
    return peer_run_end(&run);
}

const struct peer peer_benchmark_app = {.name = "benchmark_app",
                                        .files = "its text (OpenVINO)",
                                        .is_text = true,
                                        .accepts = benchmark_app_accepts,
                                        .read = benchmark_app_read};
