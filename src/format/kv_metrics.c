/* kv_metrics.c: see kv_metrics.h. */
#include "format/kv_metrics.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/unit.h"
#include "base/util.h"

static const struct server {
    const char *name;
    const char *prefix;
    const char *use[2]; /* newest first */
    const char *tokens; /* NULL: from the use and the size */
    const char *running, *waiting;
} servers[] = {
    {"vLLM",
     "vllm:",
     {"vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"},
     NULL,
     "vllm:num_requests_running",
     "vllm:num_requests_waiting"},
    {"llama.cpp",
     "llamacpp:",
     {"llamacpp:kv_cache_usage_ratio"},
     "llamacpp:kv_cache_tokens",
     "llamacpp:requests_processing",
     "llamacpp:requests_deferred"},
};

/* ---- engines ---- */

/* "model/engine"; what a name from outside may hold must not steer a terminal. */
static void name_of(const struct prometheus_sample *sample, char *buf, size_t size)
{
    const char *model = prometheus_label_get(sample, "model_name");
    const char *engine = prometheus_label_get(sample, "engine");
    snprintf(buf, size, "%s%s%s", model ? model : "", model && engine ? "/" : "",
             engine ? engine : "");
    str_make_printable(buf);
}

static struct kv_engine *engine_of(struct kv_metrics *metrics,
                                   const struct prometheus_sample *sample, bool may_add)
{
    char name[sizeof(metrics->engines[0].instance)];
    name_of(sample, name, sizeof(name));
    for (size_t i = 0; i < metrics->count; i++) {
        if (strcmp(metrics->engines[i].instance, name) == 0)
            return &metrics->engines[i];
    }
    if (!may_add || metrics->count == KV_ENGINES_MAX)
        return NULL;
    struct kv_engine *engine = &metrics->engines[metrics->count++];
    *engine = (struct kv_engine){
        .use_pct = NAN, .tokens = NAN, .capacity_tokens = NAN, .running = NAN, .waiting = NAN};
    str_copy(engine->instance, sizeof(engine->instance), name);
    return engine;
}

static double not_negative(double value)
{
    return isfinite(value) && value >= 0 ? value : NAN;
}

static int read_use(const struct prometheus_text *text, const char *metric,
                    struct kv_metrics *metrics, struct error *err)
{
    for (const struct prometheus_sample *sample = prometheus_find(text, metric, NULL); sample;
         sample = prometheus_find(text, metric, sample + 1)) {
        struct kv_engine *engine = engine_of(metrics, sample, true);
        if (!engine)
            return error_set(err, ERROR_UNSUPPORTED, "more than %d engines behind one address",
                             KV_ENGINES_MAX);
        engine->use_pct = fmax(engine->use_pct, 100 * not_negative(sample->value));
    }
    return 0;
}

/* Adds up over what else tells samples of one engine apart (its processes). */
static void read_requests(const struct prometheus_text *text, const char *metric,
                          struct kv_metrics *metrics, size_t offset)
{
    for (const struct prometheus_sample *sample = prometheus_find(text, metric, NULL); sample;
         sample = prometheus_find(text, metric, sample + 1)) {
        struct kv_engine *engine = engine_of(metrics, sample, false);
        double value = not_negative(sample->value);
        if (!engine || isnan(value))
            continue;
        double *slot = (double *)((char *)engine + offset);
        *slot = isnan(*slot) ? value : *slot + value;
    }
}

/* ---- its size ---- */

/* "None" while an engine starts. */
static double label_number(const struct prometheus_sample *sample, const char *label)
{
    const char *text = prometheus_label_get(sample, label);
    uint64_t value;
    if (!text || unit_parse_u64(text, 1, 1000000000000, &value, NULL) < 0)
        return NAN;
    return (double)value;
}

static void read_capacity(const struct prometheus_text *text, struct kv_metrics *metrics)
{
    static const char name[] = "vllm:cache_config_info";
    for (const struct prometheus_sample *sample = prometheus_find(text, name, NULL); sample;
         sample = prometheus_find(text, name, sample + 1)) {
        const char *number = prometheus_label_get(sample, "engine");
        double tokens = label_number(sample, "kv_cache_size_tokens");
        if (isnan(tokens))
            tokens = label_number(sample, "num_gpu_blocks") * label_number(sample, "block_size");
        /* It has no model_name: the engine's number decides, where there are several. */
        for (size_t i = 0; i < metrics->count; i++) {
            const char *slash = strrchr(metrics->engines[i].instance, '/');
            const char *own = slash ? slash + 1 : metrics->engines[i].instance;
            if (metrics->count == 1 || (number && strcmp(own, number) == 0))
                metrics->engines[i].capacity_tokens = tokens;
        }
    }
    for (size_t i = 0; i < metrics->count; i++) {
        struct kv_engine *engine = &metrics->engines[i];
        engine->tokens = engine->use_pct / 100 * engine->capacity_tokens;
    }
}

/* ---- which server ---- */

/* Up to three names, to say what there is. */
static void list_names(const struct prometheus_text *text, const char *prefix, char *buf,
                       size_t size)
{
    const char *last = "";
    size_t used = 0, listed = 0;
    buf[0] = '\0';
    for (size_t i = 0; i < text->count && listed < 3; i++) {
        const char *name = text->samples[i].name;
        if (strcmp(name, last) == 0 || !str_starts_with(name, prefix))
            continue;
        last = name;
        int length = snprintf(buf + used, size - used, "%s%.48s", listed++ ? ", " : "", name);
        used = u64_min(used + (size_t)length, size - 1);
    }
    str_make_printable(buf);
}

static int fail_without(const struct prometheus_text *text, struct error *err)
{
    char names[180];
    for (size_t i = 0; i < ARRAY_LEN(servers); i++) {
        list_names(text, servers[i].prefix, names, sizeof(names));
        if (!names[0])
            continue;
        error_set(err, ERROR_UNSUPPORTED,
                  "this %s does not tell the use of its KV cache (%s is missing; there are %s ...)",
                  servers[i].name, servers[i].use[0], names);
        return error_hint(err, "%s",
                          servers[i].tokens
                              ? "llama.cpp told it until May 2025; later versions have GET /slots"
                              : "is it started with --disable-log-stats?");
    }
    if (text->count == 0)
        return error_set(err, ERROR_UNSUPPORTED, "there are no metrics at all");
    list_names(text, "", names, sizeof(names));
    error_set(err, ERROR_UNSUPPORTED,
              "neither vllm:kv_cache_usage_perc nor llamacpp:kv_cache_usage_ratio is among the %zu "
              "samples there (%s ...)",
              text->count, names);
    return error_hint(err, "--url is the address of a vLLM or llama.cpp server; that of "
                           "llama.cpp needs --metrics");
}

int kv_metrics_read(const struct prometheus_text *text, struct kv_metrics *ret_metrics,
                    struct error *err)
{
    const struct server *server = NULL;
    struct kv_metrics metrics = {0};
    for (size_t i = 0; i < ARRAY_LEN(servers) && !server; i++) {
        for (size_t j = 0; j < ARRAY_LEN(servers[i].use) && servers[i].use[j] && !server; j++) {
            if (prometheus_find(text, servers[i].use[j], NULL)) {
                server = &servers[i];
                metrics.use_metric = server->use[j];
            }
        }
    }
    if (!server)
        return fail_without(text, err);
    metrics.server = server->name;
    int rc = read_use(text, metrics.use_metric, &metrics, err);
    if (rc < 0)
        return rc;
    read_requests(text, server->running, &metrics, offsetof(struct kv_engine, running));
    read_requests(text, server->waiting, &metrics, offsetof(struct kv_engine, waiting));
    if (server->tokens)
        read_requests(text, server->tokens, &metrics, offsetof(struct kv_engine, tokens));
    else
        read_capacity(text, &metrics);
    *ret_metrics = metrics;
    return 0;
}
