/* vllm.c: vLLM's and SGLang's benchmark_serving (--save-result, also appended line by line): a run
 * per document. Where --save-detailed wrote single values they become samples; else each statistic
 * is a metric of its own, because it cannot be computed anew. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"
#include "format/peers/peer_json.h"

extern const struct peer peer_vllm;

static bool vllm_accepts(const struct peer_input *input)
{
    return peer_holds(input, "_ttft_ms\"", input->size) &&
           peer_holds(input, "\"request_throughput\"", input->size);
}

static const struct peer_field totals[] = {
    {"duration", "duration_s", "s", DIRECTION_NEITHER, 0,
     "from the first request to the last answer"},
    {"completed", "completed", "", DIRECTION_HIGHER, 0, "requests answered"},
    {"failed", "failed", "", DIRECTION_LOWER, 0, "requests that were not"},
    {"total_input_tokens", NULL, "", DIRECTION_NEITHER, 0, "tokens of all prompts"},
    {"total_output_tokens", NULL, "", DIRECTION_NEITHER, 0, "tokens of all answers"},
    {"request_throughput", "request_per_s", "1/s", DIRECTION_HIGHER, 0, "completed / duration"},
    {"request_goodput", "goodput_per_s", "1/s", DIRECTION_HIGHER, 0,
     "requests within the objectives that were given, per second"},
    {"request_goodput:", "goodput_per_s", "1/s", DIRECTION_HIGHER, 0,
     "requests within the objectives that were given, per second"},
    {"output_throughput", "output_tokens_per_s", "1/s", DIRECTION_HIGHER, 0,
     "tokens of all answers / duration"},
    {"total_token_throughput", "total_tokens_per_s", "1/s", DIRECTION_HIGHER, 0,
     "tokens of prompts and answers / duration"},
    {"total_throughput", "total_tokens_per_s", "1/s", DIRECTION_HIGHER, 0,
     "tokens of prompts and answers / duration"},
};
static const struct peer_field details[] = {
    {"ttfts", "ttft_ms", "ms", DIRECTION_LOWER, 1e3,
     "from sending a request to its first token, on the client"},
    {"itls", "itl_ms", "ms", DIRECTION_LOWER, 1e3, "between one chunk and the next of an answer"},
    {"latencies", "e2el_ms", "ms", DIRECTION_LOWER, 1e3,
     "from sending a request to its last token"},
};
static const struct {
    const char *word, *definition;
} quantities[] = {
    {"ttft", "from sending a request to its first token, on the client"},
    {"tpot", "(whole time - time to first token) / (tokens of the answer - 1), per request"},
    {"itl", "between one chunk and the next of an answer"},
    {"e2el", "from sending a request to its last token"},
    {"e2e_latency", "from sending a request to its last token"},
};

/* "p99_ttft_ms", "mean_itl_ms": the statistic and the quantity are both in the key. */
static void add_statistics(struct peer_run *run, const json_t *root)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)root, key, value)
    {
        const char *quantity = strchr(key, '_');
        if (!quantity || !json_is_number(value) || strlen(key) > 60)
            continue;
        for (size_t i = 0; i < ARRAY_LEN(quantities); i++) {
            char wanted[32], name[64], definition[200];
            snprintf(wanted, sizeof(wanted), "_%s_ms", quantities[i].word);
            if (strcmp(quantity, wanted) != 0)
                continue;
            str_copy(name, sizeof(name), key);
            for (char *dot = name; (dot = strchr(dot, '.'));)
                *dot = '_';
            snprintf(definition, sizeof(definition), "%.*s, over the requests, of: %s",
                     (int)(quantity - key), key, quantities[i].definition);
            peer_run_value(run, name, "ms", DIRECTION_LOWER, definition, json_number_value(value));
        }
    }
}

static int read_document(const struct peer_input *input, const json_t *root, size_t index,
                         struct error *err)
{
    static const char *const workload[] = {
        "backend",    "model_id",        "tokenizer_id", "num_prompts", "request_rate",
        "burstiness", "max_concurrency", "input_len",    "output_len",  "dataset_name"};
    struct peer_run run;
    peer_run_init(&run, &peer_vllm, input, index,
                  json_string_value(json_object_get(root, "model_id")), err);
    run.begin_epoch_s = peer_epoch_s(json_string_value(json_object_get(root, "date")));
    double duration_s = json_number_value(json_object_get(root, "duration"));
    if (duration_s > 0 && duration_s < 1e9)
        run.duration_ns = (uint64_t)(duration_s * 1e9);
    peer_json_facts(&run.workload, root, workload, ARRAY_LEN(workload), input->file);
    static const char *const environment[] = {"gpu"};
    peer_json_facts(&run.environment, root, environment, 1, input->file);
    peer_json_values(&run, root, totals, ARRAY_LEN(totals));
    for (size_t i = 0; i < ARRAY_LEN(details); i++)
        peer_json_samples(&run, root, &details[i]);
    add_statistics(&run, root);
    return peer_run_end(&run);
}

static int vllm_read(const struct peer_input *input, struct error *err)
{
    return peer_json_documents(input, read_document, err);
}

const struct peer peer_vllm = {.name = "vllm",
                               .files = "benchmark_serving --save-result (also SGLang's)",
                               .accepts = vllm_accepts,
                               .read = vllm_read};
