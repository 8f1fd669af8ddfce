/* kv_metrics.h: what a server of language models tells of its KV cache, from its metrics.
 *
 * vLLM:      vllm:kv_cache_usage_perc (before 0.10: vllm:gpu_cache_usage_perc), a share where 1 is
 *            all; vllm:num_requests_running and _waiting; each by model_name and, of several
 *            engines, engine. Its size stands in labels of vllm:cache_config_info:
 *            kv_cache_size_tokens of newer versions, else num_gpu_blocks times block_size.
 * llama.cpp: llamacpp:kv_cache_usage_ratio and llamacpp:kv_cache_tokens, removed in May 2025
 *            (ggml-org/llama.cpp#13660): newer servers do not tell it;
 *            llamacpp:requests_processing and _deferred.
 * Units: percent, tokens, requests; NaN: not told. Memory: plain data. Threads: any.
 */
#ifndef TACHO_FORMAT_KV_METRICS_H
#define TACHO_FORMAT_KV_METRICS_H

#include "format/prometheus_text.h"

#define KV_ENGINES_MAX 32

struct kv_engine {
    char instance[64]; /* "" for a server with one engine that has no name, else "model/0" */
    double use_pct;
    double tokens;          /* in the cache; of vLLM its share times its size */
    double capacity_tokens; /* of the cache */
    double running, waiting;
};

struct kv_metrics {
    const char *server;     /* "vLLM", "llama.cpp" */
    const char *use_metric; /* where use_pct comes from */
    struct kv_engine engines[KV_ENGINES_MAX];
    size_t count; /* at least 1 */
};

/* -ERROR_UNSUPPORTED: no metric of a KV cache among them, and what there is instead; or more
 * engines than fit. */
int kv_metrics_read(const struct prometheus_text *text, struct kv_metrics *ret_metrics,
                    struct error *err);

#endif
