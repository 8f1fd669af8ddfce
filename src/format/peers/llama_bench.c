/* llama_bench.c: llama-bench -o json (or jsonl): one run per test (pp512, tg128, …), one sample per
 * repetition. Members come and go from version to version and are read by name. */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "format/peers/peer_json.h"

extern const struct peer peer_llama_bench;

static bool llama_bench_accepts(const struct peer_input *input)
{
    return peer_holds(input, "\"build_commit\"", 65536) &&
           peer_holds(input, "\"n_prompt\"", 65536) && peer_holds(input, "\"avg_ts\"", 65536);
}

static long long integer_of(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

/* As llama-bench itself names its tests: "pp512", "tg128", "pp512+tg128", "tg128 @ d4096". */
static void make_label(const json_t *test, char *label, size_t size)
{
    long long prompt = integer_of(test, "n_prompt"), gen = integer_of(test, "n_gen");
    long long depth = integer_of(test, "n_depth");
    const char *model = json_string_value(json_object_get(test, "model_type"));
    char parts[2][32] = {"", ""}, behind[32] = "";
    if (prompt > 0)
        snprintf(parts[0], sizeof(parts[0]), "pp%lld", prompt);
    if (gen > 0)
        snprintf(parts[1], sizeof(parts[1]), "tg%lld", gen);
    if (depth > 0)
        snprintf(behind, sizeof(behind), " @ d%lld", depth);
    snprintf(label, size, "%.100s %s%s%s%s", model ? model : "model", parts[0],
             prompt > 0 && gen > 0 ? "+" : "", parts[1], behind);
}

static const struct peer_field samples[] = {
    {"samples_ns", "test_ms", "ms", DIRECTION_LOWER, 1e-6,
     "time of one repetition of the whole test (all its tokens)"},
    {"samples_ts", "tokens_per_s", "1/s", DIRECTION_HIGHER, 0,
     "tokens of the test over its time, of one repetition; its mean is the mean of these rates"},
};
/* What a CSV-like or cut output has instead of the samples. */
static const struct peer_field summaries[] = {
    {"avg_ns", "mean_test_ms", "ms", DIRECTION_LOWER, 1e-6, "mean time of a repetition"},
    {"stddev_ns", "stddev_test_ms", "ms", DIRECTION_LOWER, 1e-6, "its standard deviation (n-1)"},
    {"avg_ts", "mean_tokens_per_s", "1/s", DIRECTION_HIGHER, 0, "mean of the repetitions' rates"},
    {"stddev_ts", "stddev_tokens_per_s", "1/s", DIRECTION_LOWER, 0,
     "standard deviation of the repetitions' rates (n-1)"},
};

static int read_test(const struct peer_input *input, const json_t *test, size_t index,
                     struct error *err)
{
    static const char *const workload[] = {
        "model_filename", "model_type", "model_size",   "model_n_params", "n_batch",
        "n_ubatch",       "n_threads",  "n_gpu_layers", "type_k",         "type_v",
        "flash_attn",     "use_mmap",   "n_prompt",     "n_gen",          "n_depth"};
    static const char *const environment[] = {"cpu_info", "gpu_info", "backends", "build_commit",
                                              "build_number"};
    char label[200];
    struct peer_run run;
    make_label(test, label, sizeof(label));
    peer_run_init(&run, &peer_llama_bench, input, index, label, err);
    run.begin_epoch_s = peer_epoch_s(json_string_value(json_object_get(test, "test_time")));
    peer_json_facts(&run.workload, test, workload, ARRAY_LEN(workload), input->file);
    peer_json_facts(&run.environment, test, environment, ARRAY_LEN(environment), input->file);
    for (size_t i = 0; i < ARRAY_LEN(samples); i++)
        peer_json_samples(&run, test, &samples[i]);
    if (!run.sink)
        peer_json_values(&run, test, summaries, ARRAY_LEN(summaries));
    return peer_run_end(&run);
}

static int read_document(const struct peer_input *input, const json_t *root, size_t index,
                         struct error *err)
{
    if (!json_is_array(root))
        return read_test(input, root, index, err);
    int rc = 0;
    json_t *test;
    json_array_foreach(root, index, test)
    {
        if (rc == 0)
            rc = read_test(input, test, index, err);
    }
    return rc;
}

static int llama_bench_read(const struct peer_input *input, struct error *err)
{
    return peer_json_documents(input, read_document, err);
}

const struct peer peer_llama_bench = {.name = "llama_bench",
                                      .files = "-o json",
                                      .accepts = llama_bench_accepts,
                                      .read = llama_bench_read};
