/* Results of other tools, written here in their forms, and what they have to come to. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/peers/peer.h"
#include "model/run.h"
#include "model/summary.h"

#define RUNS_MAX 4

static struct {
    struct run runs[RUNS_MAX];
    size_t count;
} got;

static struct run_sink *fresh(void *context)
{
    assert_true(got.count < RUNS_MAX);
    run_init(&got.runs[got.count]);
    return run_sink_of(&got.runs[got.count++]);
}

static int forget(void **state)
{
    for (size_t i = 0; i < got.count; i++)
        run_deinit(&got.runs[i]);
    got.count = 0;
    return 0;
}

static int read_bytes(const char *text, size_t size, struct error *err)
{
    struct peer_input input = {.text = text, .size = size, .file = "file", .fresh = fresh};
    return peer_read(&input, err);
}

static void read_text(const char *text, const char *peer, size_t runs)
{
    struct error err = {0};
    int rc = read_bytes(text, strlen(text), &err);
    if (rc < 0)
        fail_msg("%s", err.message);
    assert_int_equal(got.count, runs);
    for (size_t i = 0; i < runs; i++) {
        assert_string_equal(facts_get_text(&got.runs[i].workload, "tool", ""), peer);
        assert_string_equal(facts_get_text(&got.runs[i].workload, "kind", ""), "imported");
    }
}

static const struct run_series *series_of(size_t run, const char *metric, const char *instance)
{
    const struct run_series *series = run_find_series(&got.runs[run], metric, instance);
    if (!series)
        fail_msg("no %s %s", metric, instance ? instance : "");
    return series;
}

/* One value, and which way is better. */
static void is_value(size_t run, const char *metric, double value, const char *unit,
                     enum direction direction)
{
    const struct run_series *series = series_of(run, metric, NULL);
    assert_int_equal(series->count, 1);
    if (!(fabs(series->samples[0].value - value) <= 1e-9 * fabs(value)))
        fail_msg("%s: %.17g, wanted %.17g", metric, series->samples[0].value, value);
    assert_string_equal(series->series.metric->unit, unit);
    assert_int_equal(series->series.metric->direction, direction);
    assert_true(strlen(series->series.metric->definition) > 5);
}

static void is_mean(size_t run, const char *metric, size_t n, double mean)
{
    const struct run_series *series = series_of(run, metric, NULL);
    double sum = 0;
    for (size_t i = 0; i < series->count; i++)
        sum += series->samples[i].value;
    assert_int_equal(series->count, n);
    assert_true(fabs(sum / (double)n - mean) <= 1e-9 * fabs(mean));
}

static void has_none(size_t run, const char *metric)
{
    assert_null(run_find_series(&got.runs[run], metric, NULL));
}

static void hyperfine(void **state)
{
    read_text("{\"results\":[{\"command\":\"sort -n\",\"mean\":0.2,\"stddev\":0.1,\"median\":0.2,"
              "\"user\":0.15,\"system\":0.02,\"min\":0.1,\"max\":0.3,\"times\":[0.1,0.2,0.3],"
              "\"memory_usage_byte\":[1048576,3145728,2097152],\"exit_codes\":[0,1,0],"
              "\"parameters\":{\"size\":\"9\"}},"
              "{\"command\":\"old\",\"mean\":0.5,\"stddev\":null,\"median\":0.5,\"user\":0.1,"
              "\"system\":0.1,\"min\":0.5,\"max\":0.5}]}",
              "hyperfine", 2);
    is_mean(0, "hyperfine_time_ms", 3, 200);
    is_mean(0, "hyperfine_memory_mb", 3, 2);
    is_value(0, "hyperfine_user_ms", 150, "ms", DIRECTION_LOWER);
    assert_string_equal(got.runs[0].label, "sort -n");
    assert_string_equal(facts_get_text(&got.runs[0].workload, "size", ""), "9");
    assert_int_equal(facts_get(&got.runs[0].workload, "failed_launches")->integer, 1);
    is_value(1, "hyperfine_median_ms", 500, "ms", DIRECTION_LOWER);
    has_none(1, "hyperfine_stddev_ms");
    has_none(1, "hyperfine_time_ms");
}

static void google_benchmark(void **state)
{
    read_text(
        "{\"context\":{\"date\":\"2026-01-02T03:04:05+00:00\",\"num_cpus\":4},\"benchmarks\":["
        "{\"name\":\"BM_a\",\"run_name\":\"BM_a\",\"run_type\":\"iteration\",\"real_time\":2.0,"
        "\"cpu_time\":1.5,\"time_unit\":\"us\"},"
        "{\"name\":\"BM_a\",\"run_name\":\"BM_a\",\"run_type\":\"iteration\",\"real_time\":4.0,"
        "\"cpu_time\":2.5,\"time_unit\":\"us\"},"
        "{\"name\":\"BM_a_mean\",\"run_name\":\"BM_a\",\"run_type\":\"aggregate\","
        "\"aggregate_name\":\"mean\",\"real_time\":3.0,\"cpu_time\":2.0,\"time_unit\":\"us\"},"
        "{\"name\":\"BM_b_median\",\"run_name\":\"BM_b\",\"run_type\":\"aggregate\","
        "\"aggregate_name\":\"median\",\"real_time\":7.0,\"cpu_time\":2.0,\"time_unit\":\"ns\"}]}",
        "google_benchmark", 2);
    is_mean(0, "google_benchmark_real_time_ns", 2, 3000);
    is_mean(0, "google_benchmark_cpu_time_ns", 2, 2000);
    is_value(1, "google_benchmark_real_time_median_ns", 7, "ns", DIRECTION_LOWER);
    assert_true(fabs(got.runs[0].begin_epoch_s - 1767323045) < 0.5); /* date -u -d … +%s */
}

static void google_benchmark_that_failed(void **state)
{
    read_text(
        "{\"context\":{},\"benchmarks\":["
        "{\"name\":\"a\",\"run_type\":\"iteration\",\"error_occurred\":true,"
        "\"error_message\":\"no\\u001bfile\",\"real_time\":0,\"cpu_time\":0,\"time_unit\":\"ns\"},"
        "{\"name\":\"b\",\"run_type\":\"iteration\",\"real_time\":5,\"cpu_time\":4,"
        "\"time_unit\":\"ns\"},"
        "{\"name\":\"b\",\"run_type\":\"iteration\",\"error_occurred\":true,\"real_time\":0,"
        "\"cpu_time\":0,\"time_unit\":\"ns\"},"
        "{\"name\":\"c\",\"run_type\":\"iteration\",\"error_occurred\":false,\"real_time\":7,"
        "\"cpu_time\":7,\"time_unit\":\"ns\"}]}",
        "google_benchmark", 3);
    assert_int_equal(got.runs[0].state, RUN_INTERRUPTED);
    has_none(0, "google_benchmark_real_time_ns");
    is_value(0, "google_benchmark_failed_repetitions", 1, "", DIRECTION_LOWER);
    assert_int_equal(got.runs[0].finding_count, 1);
    assert_string_equal(got.runs[0].findings[0].rule, "benchmark_failed");
    assert_non_null(strstr(got.runs[0].findings[0].sentence, "1 of 1 repetition failed: no"));
    assert_null(strchr(got.runs[0].findings[0].sentence, 0x1b));
    assert_int_equal(got.runs[1].state, RUN_COMPLETE);
    is_value(1, "google_benchmark_real_time_ns", 5, "ns", DIRECTION_LOWER);
    assert_non_null(strstr(got.runs[1].findings[0].sentence, "1 of 2 repetitions failed"));
    is_value(2, "google_benchmark_real_time_ns", 7, "ns", DIRECTION_LOWER);
    assert_int_equal(got.runs[2].finding_count, 0);
}

static void llama_bench(void **state)
{
    read_text("[{\"build_commit\":\"abc\",\"n_prompt\":512,\"n_gen\":0,\"n_depth\":0,"
              "\"model_type\":\"7B\",\"test_time\":\"2025-04-24T11:58:50Z\",\"avg_ns\":2000000,"
              "\"avg_ts\":3,\"samples_ns\":[1000000,3000000],\"samples_ts\":[2,4],"
              "\"flash_attn\":-1},"
              "{\"build_commit\":\"abc\",\"n_prompt\":0,\"n_gen\":128,\"n_depth\":4096,"
              "\"avg_ns\":5000000,\"stddev_ns\":1000,\"avg_ts\":25.6,\"stddev_ts\":0.1}]",
              "llama_bench", 2);
    assert_string_equal(got.runs[0].label, "7B pp512");
    assert_string_equal(got.runs[1].label, "model tg128 @ d4096");
    is_mean(0, "llama_bench_tokens_per_s", 2, 3);
    is_mean(0, "llama_bench_test_ms", 2, 2);
    is_value(1, "llama_bench_mean_tokens_per_s", 25.6, "1/s", DIRECTION_HIGHER);
    assert_true(fabs(got.runs[0].begin_epoch_s - 1745495930) < 0.5);
}

static void vllm(void **state)
{
    read_text("{\"date\":\"20250530-203806\",\"model_id\":\"m\",\"request_rate\":\"inf\","
              "\"duration\":2.5,\"completed\":10,\"request_throughput\":4,"
              "\"request_goodput:\":null,\"p99.9_ttft_ms\":80,\"mean_ttft_ms\":50,"
              "\"itls\":[[0.01,0.03],[0.02]]}\n"
              "{\"date\":\"20250530-203807\",\"model_id\":\"m\",\"request_throughput\":5,"
              "\"median_ttft_ms\":51}\n",
              "vllm", 2);
    is_value(0, "vllm_request_per_s", 4, "1/s", DIRECTION_HIGHER);
    is_value(0, "vllm_p99_9_ttft_ms", 80, "ms", DIRECTION_LOWER);
    is_mean(0, "vllm_itl_ms", 3, 20);
    has_none(0, "vllm_goodput_per_s");
    assert_int_equal(got.runs[0].end_ns, 2500000000);
    is_value(1, "vllm_median_ttft_ms", 51, "ms", DIRECTION_LOWER);
}

static void genai_perf(void **state)
{
    read_text("Metric,avg,min,p99\r\n"
              "Time To First Token (ms),\"1,146.31\",249.48,\"3,485.23\"\r\n"
              "Output Sequence Length (tokens),174.45,164.00,187.00\r\n"
              "\r\n"
              "Metric,Value\r\n"
              "Request Throughput (per sec),1.50\r\n",
              "genai_perf", 1);
    is_value(0, "genai_perf_time_to_first_token_avg_ms", 1146.31, "ms", DIRECTION_LOWER);
    is_value(0, "genai_perf_time_to_first_token_p99_ms", 3485.23, "ms", DIRECTION_LOWER);
    is_value(0, "genai_perf_output_sequence_length_min", 164, "", DIRECTION_NEITHER);
    is_value(0, "genai_perf_request_throughput", 1.5, "1/s", DIRECTION_HIGHER);
    forget(NULL);
    read_text("{\"request_latency\":{\"unit\":\"ms\",\"avg\":12.5,\"p99\":20},"
              "\"output_token_throughput\":{\"unit\":\"tokens/sec\",\"avg\":99},"
              "\"was_cancelled\":true}",
              "genai_perf", 1);
    is_value(0, "genai_perf_request_latency_p99_ms", 20, "ms", DIRECTION_LOWER);
    is_value(0, "genai_perf_output_token_throughput_avg", 99, "1/s", DIRECTION_HIGHER);
    assert_int_equal(got.runs[0].state, RUN_INTERRUPTED);
}

static void toolkit(void **state)
{
    read_text("{\"tool_name\":\"autoperfpy\",\"tool_version\":\"1\",\"timestamp\":"
              "\"2026-01-02T03:04:05\",\"platform\":{\"os\":\"Linux\"},"
              "\"workload\":{\"name\":\"cpu_0_fp32_bs1\",\"batch_size\":4},\"metrics\":{"
              "\"throughput_samples_per_sec\":40,\"latency_p99_ms\":31,"
              "\"power_consumption_watts\":null}}",
              "toolkit", 1);
    is_value(0, "toolkit_throughput_per_s", 40, "1/s", DIRECTION_HIGHER);
    is_value(0, "toolkit_latency_p99_ms", 31, "ms", DIRECTION_LOWER);
    has_none(0, "toolkit_power_w");
    forget(NULL);
    read_text("{\"name\":\"base\",\"timestamp\":\"2026-01-02 03:04:05\",\"metrics\":"
              "{\"latency_p50_ms\":9,\"my_own\":1.5}}",
              "toolkit", 1);
    is_value(0, "toolkit_latency_p50_ms", 9, "ms", DIRECTION_LOWER);
    is_value(0, "toolkit_my_own", 1.5, "", DIRECTION_NEITHER);
}

static void trtexec(void **state)
{
    read_text("[\n  { \"startComputeMs\" : 1, \"h2dMs\" : 0.5, \"computeMs\" : 2, \"d2hMs\" : 0.5, "
              "\"latencyMs\" : 3 }\n, { \"h2dMs\" : 0.5, \"computeMs\" : 4, \"d2hMs\" : 0.5, "
              "\"latencyMs\" : 5 }\n]\n",
              "trtexec", 1);
    is_mean(0, "trtexec_latency_ms", 2, 4);
    is_mean(0, "trtexec_compute_ms", 2, 3);
    forget(NULL);
    read_text("&&&& RUNNING TensorRT.trtexec [TensorRT v100200] # trtexec --onnx=m.onnx\n"
              "[10/03/2024-10:47:59] [I] === Performance summary ===\n"
              "[10/03/2024-10:47:59] [I] Throughput: 130.298 qps\n"
              "[10/03/2024-10:47:59] [I] Latency: min = 5 ms, max = 13 ms, mean = 7 ms, median = "
              "6 ms, percentile(90%) = 8 ms, percentile(95%) = 9 ms, percentile(99%) = 12 ms\n"
              "[10/03/2024-10:47:59] [I] H2D Latency: min = 0.1 ms, max = 0.2 ms, mean = 0.15 ms\n"
              "[10/03/2024-10:47:59] [I] Total Host Walltime: 3.5 s\n",
              "trtexec", 1);
    is_value(0, "trtexec_queries_per_s", 130.298, "1/s", DIRECTION_HIGHER);
    is_value(0, "trtexec_latency_p99_ms", 12, "ms", DIRECTION_LOWER);
    is_value(0, "trtexec_latency_min_ms", 5, "ms", DIRECTION_LOWER);
    is_value(0, "trtexec_h2d_mean_ms", 0.15, "ms", DIRECTION_LOWER);
    assert_string_equal(facts_get_text(&got.runs[0].environment, "tensorrt_version", ""), "10.2.0");
    assert_string_equal(facts_get_text(&got.runs[0].workload, "command", ""),
                        "trtexec --onnx=m.onnx");
    assert_int_equal(got.runs[0].end_ns, 3500000000);
}

static void texts(void **state)
{
    read_text("Session creation time cost: 0.25 s\nFirst inference time cost: 2 ms\n"
              "Total inference requests: 100\nAverage inference time cost: 1.85 ms\n"
              "Peak working set size: 3145728 bytes\nP99 Latency: 0.00190 s\n",
              "perf_test", 1);
    is_value(0, "perf_test_session_ms", 250, "ms", DIRECTION_LOWER);
    is_value(0, "perf_test_mean_ms", 1.85, "ms", DIRECTION_LOWER);
    is_value(0, "perf_test_p99_ms", 1.9, "ms", DIRECTION_LOWER);
    is_value(0, "perf_test_peak_rss_mb", 3, "MB", DIRECTION_LOWER);
    forget(NULL);

    read_text("INFO: count=1 first=9 curr=9 min=9 max=9 avg=9 std=0\n"
              "INFO: count=50 first=4000 curr=5000 min=3000 max=6000 avg=4.5e3 std=700\n"
              "Inference timings in us: Init: 16000, First inference: 9000, Warmup (avg): 9000, "
              "Inference (avg): 4500\nPeak memory footprint (MB): init=4.5 overall=138.5\n",
              "benchmark_model", 1);
    is_value(0, "benchmark_model_mean_ms", 4.5, "ms", DIRECTION_LOWER);
    is_value(0, "benchmark_model_max_ms", 6, "ms", DIRECTION_LOWER);
    is_value(0, "benchmark_model_inferences", 50, "", DIRECTION_NEITHER);
    is_value(0, "benchmark_model_memory_mb", 138.5, "MB", DIRECTION_LOWER);
    forget(NULL);

    read_text("loop_count = 8\nnum_threads = 4\n"
              "      squeezenet  min =   37.02  max =   37.51  avg =   37.16\n"
              "       mobilenet  min =   50.18  max =   68.79  avg =   52.83\n",
              "benchncnn", 2);
    is_value(1, "benchncnn_max_ms", 68.79, "ms", DIRECTION_LOWER);
    assert_int_equal(facts_get(&got.runs[1].workload, "num_threads")->integer, 4);
    forget(NULL);

    read_text("[Step 10/11] Measuring performance (Start inference asynchronously, 12 inference "
              "requests, limits: 1 ms duration)\n[ INFO ] First inference took 29.38 ms\n"
              "[ INFO ] Count:  20 iterations\n[ INFO ] Duration:  1500.5 ms\n"
              "[ INFO ]    Median:  69.30 ms\n[ INFO ] Throughput:   165.88 FPS\n",
              "benchmark_app", 1);
    is_value(0, "benchmark_app_frames_per_s", 165.88, "1/s", DIRECTION_HIGHER);
    assert_int_equal(facts_get(&got.runs[0].workload, "requests_at_a_time")->integer, 12);
    assert_int_equal(got.runs[0].end_ns, 1500500000);
    forget(NULL);

    read_text("================================================\nMLPerf Results Summary\n"
              "================================================\nSUT name : x\n"
              "Scenario : SingleStream\nMode     : PerformanceOnly\n"
              "90th percentile latency (ns) : 5000000\nResult is : VALID\n"
              "QPS w/o loadgen overhead         : 210.5\n"
              "99.00 percentile latency (ns)   : 7000000\n"
              "Test Parameters Used\nsamples_per_query : 1\n",
              "loadgen", 1);
    is_value(0, "loadgen_p99_00_percentile_latency_ms", 7, "ms", DIRECTION_LOWER);
    assert_string_equal(facts_get_text(&got.runs[0].workload, "result_is", ""), "VALID");
    has_none(0, "loadgen_samples_per_query");
    assert_int_equal(got.runs[0].finding_count, 0);
}

/* Figures of a result that the tool itself calls invalid. */
static void loadgen_invalid(void **state)
{
    read_text("MLPerf Results Summary\nScenario : Offline\nSamples per second: 4.58\n"
              "Result is : INVALID\n  Min duration satisfied : NO\n"
              "  Min queries satisfied : Yes\n  Early stopping satisfied: NO\n"
              "Recommendations:\n * Increase expected QPS\n",
              "loadgen", 1);
    is_value(0, "loadgen_samples_per_second", 4.58, "1/s", DIRECTION_HIGHER);
    assert_int_equal(got.runs[0].finding_count, 1);
    assert_int_equal(got.runs[0].findings[0].severity, SEVERITY_WARNING);
    assert_string_equal(got.runs[0].findings[0].sentence,
                        "LoadGen calls this result INVALID: not so: min duration satisfied, "
                        "early stopping satisfied");
    assert_string_equal(got.runs[0].findings[0].evidence, "file");
}

static void perf_stat(void **state)
{
    read_text(" Performance counter stats for 'sort x' (5 runs):\n\n"
              "     1,234.50 msec task-clock   #  0.495 CPUs utilized  ( +-  5.96% )\n"
              "    2,000,000      cycles:u     #  1.2 GHz   ( +- 0.1% )  (75.01%)\n"
              "   <not supported>      branches\n\n"
              "     0.500 +- 0.1 seconds time elapsed  ( +- 12.06% )\n",
              "perf_stat", 1);
    is_value(0, "perf_stat_task_clock_ms", 1234.5, "ms", DIRECTION_LOWER);
    is_value(0, "perf_stat_cycles_u", 2e6, "", DIRECTION_NEITHER);
    assert_non_null(
        strstr(series_of(0, "perf_stat_cycles_u", NULL)->series.metric->definition, "scaled"));
    is_value(0, "perf_stat_elapsed_ms", 500, "ms", DIRECTION_LOWER);
    has_none(0, "perf_stat_branches");
    assert_string_equal(got.runs[0].label, "sort x");
    assert_int_equal(facts_get(&got.runs[0].workload, "repetitions")->integer, 5);
    forget(NULL);
    read_text("# started on Fri\n\n0.42,msec,task-clock,1.43%,422801,100.00,0.697,CPUs utilized\n"
              "49,,page-faults,0.76%,422801,50.00,112.303,K/sec\n"
              "<not supported>,,cycles,0.00%,0,100.00,,\n",
              "perf_stat", 1);
    is_value(0, "perf_stat_task_clock_ms", 0.42, "ms", DIRECTION_LOWER);
    assert_non_null(
        strstr(series_of(0, "perf_stat_page_faults", NULL)->series.metric->definition, "scaled"));
    has_none(0, "perf_stat_cycles");
    forget(NULL);
    read_text("{\"counter-value\" : \"12.5\", \"unit\" : \"msec\", \"event\" : \"task-clock\", "
              "\"pcnt-running\" : 100.0}\n"
              "{\"counter-value\" : \"<not counted>\", \"unit\" : \"\", \"event\" : \"cycles\"}\n",
              "perf_stat", 1);
    is_value(0, "perf_stat_task_clock_ms", 12.5, "ms", DIRECTION_LOWER);
    has_none(0, "perf_stat_cycles");
}

/* Each event has its own name, whatever its unit; what stands before the title is the program's. */
static void perf_stat_units(void **state)
{
    read_text("   5 apples\n\n Performance counter stats for process id '7':\n\n"
              "     12.34 Joules power/energy-pkg/\n"
              "      3.21 Joules power/energy-ram/      #  3 W\n"
              "1,002,345,678 ns   duration_time   ( +- 0.1% )\n"
              "     7.50 MiB  uncore_imc/cas_count_read/\n"
              "        12      page-faults\n"
              "     0.01 seconds user\n",
              "perf_stat", 1);
    is_value(0, "perf_stat_power_energy_pkg_j", 12.34, "J", DIRECTION_LOWER);
    is_value(0, "perf_stat_power_energy_ram_j", 3.21, "J", DIRECTION_LOWER);
    is_value(0, "perf_stat_duration_time_ns", 1002345678, "ns", DIRECTION_LOWER);
    is_value(0, "perf_stat_uncore_imc_cas_count_read_mib", 7.5, "MiB", DIRECTION_NEITHER);
    is_value(0, "perf_stat_page_faults", 12, "", DIRECTION_NEITHER);
    has_none(0, "perf_stat_apples");
    has_none(0, "perf_stat_user");
    assert_int_equal(got.runs[0].series_count, 5);
    forget(NULL);
    read_text("12.34,Joules,power/energy-pkg/,100,100.00,,\n7,,cycles,100,100.00,,\n", "perf_stat",
              1);
    is_value(0, "perf_stat_power_energy_pkg_j", 12.34, "J", DIRECTION_LOWER);
}

/* "1,23" read as 123, or "1.234" as 1.2, would be a wrong number, and nobody would see it. */
static void perf_stat_of_another_locale_is_refused(void **state)
{
    static const char *const numbers[] = {"1,23 msec task-clock", "1.234.567 instructions",
                                          "1.234,56 msec task-clock", "12,3456 cycles",
                                          "1,002345678 seconds time elapsed"};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        struct error err = {0};
        char text[200];
        snprintf(text, sizeof(text), " Performance counter stats for 'x':\n\n  500 cycles\n  %s\n",
                 numbers[i]);
        assert_int_equal(read_bytes(text, strlen(text), &err), -ERROR_INPUT);
        assert_non_null(strstr(err.message, "locale"));
        assert_non_null(strstr(err.hint, "LC_ALL=C"));
        forget(NULL);
    }
    struct error err = {0};
    static const char json[] =
        "{\"counter-value\":\"1,23\",\"unit\":\"msec\",\"event\":\"task-clock\"}";
    assert_int_equal(read_bytes(json, strlen(json), &err), -ERROR_INPUT);
    assert_non_null(strstr(err.hint, "LC_ALL=C"));
}

/* `time -v` and `perf stat` write to where the program that they start writes. */
static void texts_of_several_tools(void **state)
{
    char log[8192] = "";
    for (int i = 0; i < 100; i++) /* more than a look at the beginning would see */
        strcat(log, "loading sample, please wait, loading sample, please wait\n");
    strcat(log, "MLPerf Results Summary\nScenario : Offline\nSamples per second: 4.5\n"
                "Result is : VALID\n\n Performance counter stats for 'run':\n\n  7 cycles\n\n"
                "\tCommand being timed: \"run\"\n\tUser time (seconds): 1.50\n"
                "\tMaximum resident set size (kbytes): 2048\n");
    read_bytes(log, strlen(log), NULL);
    assert_int_equal(got.count, 3);
    is_value(0, "loadgen_samples_per_second", 4.5, "1/s", DIRECTION_HIGHER);
    assert_int_equal(got.runs[0].series_count, 1);
    is_value(1, "perf_stat_cycles", 7, "", DIRECTION_NEITHER);
    assert_int_equal(got.runs[1].series_count, 1);
    is_value(2, "time_user_ms", 1500, "ms", DIRECTION_LOWER);
    is_value(2, "time_peak_rss_mb", 2, "MB", DIRECTION_LOWER);
    assert_string_not_equal(got.runs[0].id, got.runs[2].id);
}

static void time_v(void **state)
{
    read_text("\tCommand being timed: \"sleep \"x\"\"\n\tUser time (seconds): 1.50\n"
              "\tElapsed (wall clock) time (h:mm:ss or m:ss): 1:02:03\n"
              "\tMaximum resident set size (kbytes): 2048\n"
              "\tVoluntary context switches: 3\n\tInvoluntary context switches: 7\n"
              "\tExit status: 0\n"
              "\tCommand being timed: \"true\"\n\tElapsed (wall clock) time (h:mm:ss or m:ss): "
              "0:01.25\n\tMaximum resident set size (kbytes): 1024\n",
              "time", 2);
    is_value(0, "time_elapsed_ms", 3723000, "ms", DIRECTION_LOWER);
    is_value(0, "time_peak_rss_mb", 2, "MB", DIRECTION_LOWER);
    is_value(0, "time_voluntary_switches", 3, "", DIRECTION_LOWER);
    is_value(0, "time_involuntary_switches", 7, "", DIRECTION_LOWER);
    assert_string_equal(got.runs[0].label, "sleep \"x\"");
    is_value(1, "time_elapsed_ms", 1250, "ms", DIRECTION_LOWER);
}

/* Of Python 3.11, with f = ('a/b.py', 7, 'f') and g = ('~', 0, 'g'): marshal.dumps({
 * f: (1, 2, 0.25, 0.5, {g: (1, 2, 0.25, 0.5)}), g: (3, 3, 1.0, 1.0, {f: (3, 3, 1.0, 1.0)})}).
 * The second key is a reference to the caller in the first value. */
static const uint8_t profile[] = {
    0x7b, 0xa9, 0x03, 0xfa, 0x06, 0x61, 0x2f, 0x62, 0x2e, 0x70, 0x79, 0xe9, 0x07, 0x00, 0x00,
    0x00, 0xda, 0x01, 0x66, 0x29, 0x05, 0xe9, 0x01, 0x00, 0x00, 0x00, 0xe9, 0x02, 0x00, 0x00,
    0x00, 0xe7, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xd0, 0x3f, 0xe7, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0xe0, 0x3f, 0x7b, 0xa9, 0x03, 0xfa, 0x01, 0x7e, 0xe9, 0x00, 0x00, 0x00, 0x00,
    0xda, 0x01, 0x67, 0xa9, 0x04, 0x72, 0x04, 0x00, 0x00, 0x00, 0x72, 0x05, 0x00, 0x00, 0x00,
    0x72, 0x06, 0x00, 0x00, 0x00, 0x72, 0x07, 0x00, 0x00, 0x00, 0x30, 0x72, 0x08, 0x00, 0x00,
    0x00, 0x29, 0x05, 0xe9, 0x03, 0x00, 0x00, 0x00, 0x72, 0x0d, 0x00, 0x00, 0x00, 0xe7, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0xf0, 0x3f, 0x72, 0x0e, 0x00, 0x00, 0x00, 0x7b, 0x72, 0x00,
    0x00, 0x00, 0x00, 0xa9, 0x04, 0x72, 0x0d, 0x00, 0x00, 0x00, 0x72, 0x0d, 0x00, 0x00, 0x00,
    0x72, 0x0e, 0x00, 0x00, 0x00, 0x72, 0x0e, 0x00, 0x00, 0x00, 0x30, 0x30};

static void cprofile(void **state)
{
    char text[sizeof(profile) + 1] = "";
    struct error err = {0};
    memcpy(text, profile, sizeof(profile));
    assert_int_equal(read_bytes(text, sizeof(profile), &err), 0);
    assert_int_equal(got.count, 1);
    is_value(0, "cprofile_functions", 2, "", DIRECTION_NEITHER);
    is_value(0, "cprofile_calls", 5, "", DIRECTION_LOWER);
    is_value(0, "cprofile_total_ms", 1250, "ms", DIRECTION_LOWER);
    const struct run_series *own = series_of(0, "cprofile_own_ms", "~:0(g)");
    assert_true(own->samples[0].value == 1000);
    assert_true(series_of(0, "cprofile_own_ms", "b.py:7(f)")->samples[0].value == 250);
    assert_true(series_of(0, "cprofile_cumulative_ms", "b.py:7(f)")->samples[0].value == 500);
    forget(NULL);
    /* Cut off anywhere: one line that says so, and never a run of half of it. */
    for (size_t size = 12; size < sizeof(profile); size++) {
        char *cut = malloc(size + 1);
        memcpy(cut, profile, size);
        cut[size] = '\0';
        assert_int_equal(read_bytes(cut, size, &err), -ERROR_INPUT);
        assert_int_equal(got.count, 0);
        free(cut);
    }
}

static void openai_stream(void **state)
{
    read_text("data: {\"model\":\"tiny\",\"choices\":[{\"delta\":{\"content\":\"ab\"}}]}\n\n"
              "data: {\"model\":\"tiny\",\"choices\":[{\"delta\":{\"content\":\"\"}}],"
              "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":7}}\n\ndata: [DONE]\n\n",
              "openai_stream", 1);
    is_value(0, "openai_stream_chunks", 2, "", DIRECTION_NEITHER);
    is_value(0, "openai_stream_content_bytes", 2, "", DIRECTION_NEITHER);
    is_value(0, "openai_stream_completion_tokens", 7, "", DIRECTION_NEITHER);
    assert_int_equal(got.runs[0].state, RUN_COMPLETE);
}

static void what_is_none_of_them(void **state)
{
    static const char *const none[] = {"", "\n", "hello", "{\"a\":1}", "[]", "time,cpu\n1,2\n"};
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
        struct error err = {0};
        assert_int_equal(read_bytes(none[i], strlen(none[i]), &err), -ERROR_INPUT);
        assert_non_null(strstr(err.hint, "hyperfine"));
        assert_int_equal(got.count, 0);
    }
}

static void the_same_file_is_the_same_run(void **state)
{
    static const char text[] = "loop_count = 1\n  a  min =  1  max =  3  avg =  2\n";
    read_text(text, "benchncnn", 1);
    char id[40];
    memcpy(id, got.runs[0].id, sizeof(id));
    forget(NULL);
    read_text(text, "benchncnn", 1);
    assert_string_equal(got.runs[0].id, id);
    forget(NULL);
    read_text("loop_count = 1\n  a  min =  1  max =  4  avg =  2\n", "benchncnn", 1);
    assert_string_not_equal(got.runs[0].id, id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(hyperfine, forget),
        cmocka_unit_test_teardown(google_benchmark, forget),
        cmocka_unit_test_teardown(google_benchmark_that_failed, forget),
        cmocka_unit_test_teardown(llama_bench, forget),
        cmocka_unit_test_teardown(vllm, forget),
        cmocka_unit_test_teardown(genai_perf, forget),
        cmocka_unit_test_teardown(toolkit, forget),
        cmocka_unit_test_teardown(trtexec, forget),
        cmocka_unit_test_teardown(texts, forget),
        cmocka_unit_test_teardown(loadgen_invalid, forget),
        cmocka_unit_test_teardown(perf_stat, forget),
        cmocka_unit_test_teardown(perf_stat_units, forget),
        cmocka_unit_test_teardown(perf_stat_of_another_locale_is_refused, forget),
        cmocka_unit_test_teardown(texts_of_several_tools, forget),
        cmocka_unit_test_teardown(time_v, forget),
        cmocka_unit_test_teardown(cprofile, forget),
        cmocka_unit_test_teardown(openai_stream, forget),
        cmocka_unit_test_teardown(what_is_none_of_them, forget),
        cmocka_unit_test_teardown(the_same_file_is_the_same_run, forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
