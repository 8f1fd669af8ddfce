/* perf_test.c: the text of onnxruntime_perf_test, in its three generations. Latencies are seconds
 * there, the mean is milliseconds. */
#include "base/util.h"
#include "format/peers/peer_lines.h"

extern const struct peer peer_perf_test;

static bool perf_test_accepts(const struct peer_input *input)
{
    return peer_holds(input, "inference time cost", input->size) &&
           (peer_holds(input, "Session creation time cost", input->size) ||
            peer_holds(input, "Total inference requests", input->size) ||
            peer_holds(input, "P99 Latency", input->size));
}

static const struct peer_field fields[] = {
    {"Session creation time cost:", "session_ms", "ms", DIRECTION_LOWER, 1e3,
     "creating the session"},
    {"First inference time cost:", "first_ms", "ms", DIRECTION_LOWER, 0,
     "the first inference, in whole milliseconds"},
    {"Average inference time cost:", "mean_ms", "ms", DIRECTION_LOWER, 0, "mean of an inference"},
    {"Average inference time cost total:", "mean_ms", "ms", DIRECTION_LOWER, 0,
     "mean of an inference"},
    {"Number of inferences per second:", "inference_per_s", "1/s", DIRECTION_HIGHER, 0,
     "inferences over the time of the run"},
    {"Avg CPU usage:", "cpu_pct", "%", DIRECTION_NEITHER, 0, "of the whole machine"},
    {"Peak working set size:", "peak_rss_mb", "MB", DIRECTION_LOWER, 0x1p-20,
     "largest resident set of the process"},
    {"Total inference requests:", "inferences", "", DIRECTION_NEITHER, 0, "how many"},
    {"Min Latency:", "min_ms", "ms", DIRECTION_LOWER, 1e3, "shortest inference"},
    {"Max Latency:", "max_ms", "ms", DIRECTION_LOWER, 1e3, "longest inference"},
    {"P50 Latency:", "p50_ms", "ms", DIRECTION_LOWER, 1e3, "50th percentile of the inferences"},
    {"P90 Latency:", "p90_ms", "ms", DIRECTION_LOWER, 1e3, "90th percentile of the inferences"},
    {"P95 Latency:", "p95_ms", "ms", DIRECTION_LOWER, 1e3, "95th percentile of the inferences"},
    {"P99 Latency:", "p99_ms", "ms", DIRECTION_LOWER, 1e3, "99th percentile of the inferences"},
    {"P999 Latency:", "p99_9_ms", "ms", DIRECTION_LOWER, 1e3,
     "99.9th percentile of the inferences"},
};

static int perf_test_read(const struct peer_input *input, struct error *err)
{
    struct peer_run run;
    peer_run_init(&run, &peer_perf_test, input, 0, "onnxruntime_perf_test", err);
    facts_text(&run.workload, "engine", "onnxruntime", input->file);
    peer_lines_values(&run, fields, ARRAY_LEN(fields));
    return peer_run_end(&run);
}

const struct peer peer_perf_test = {.name = "perf_test",
                                    .files = "onnxruntime_perf_test's text",
                                    .is_text = true,
                                    .accepts = perf_test_accepts,
                                    .read = perf_test_read};
