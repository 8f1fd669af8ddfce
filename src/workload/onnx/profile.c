/* profile.c: who really ran the nodes, from the engine's own profile of the measured session.
 *
 * That a provider was accepted says little: nodes that it cannot run go to the CPU without a word.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "workload/onnx/internal.h"

#define CPU_PROVIDER "CPUExecutionProvider"
#define NODES_NAMED 4 /* in one line */

/* ---- what it tells ---- */

struct op_count {
    const char *op;
    uint64_t count;
};

static int compare_counts(const void *a, const void *b)
{
    const struct op_count *one = a, *other = b;
    return one->count != other->count ? (one->count < other->count ? 1 : -1)
                                      : strcmp(one->op, other->op);
}

/* "Resize 2, TopK 1": the operators that the CPU ran instead. */
static void list_other_ops(const struct ort_profile *profile, const char *provider,
                           struct onnx_truth *truth)
{
    struct op_count counts[64];
    size_t count = 0;
    for (size_t i = 0; i < profile->node_count; i++) {
        const struct ort_node *node = &profile->nodes[i];
        size_t at = 0;
        if (strcmp(node->provider, CPU_PROVIDER) != 0 || strcmp(provider, CPU_PROVIDER) == 0)
            continue;
        while (at < count && strcmp(counts[at].op, node->op) != 0)
            at++;
        if (at == count && count < ARRAY_LEN(counts))
            counts[count++] = (struct op_count){.op = node->op};
        if (at < count)
            counts[at].count++;
    }
    qsort(counts, count, sizeof(counts[0]), compare_counts);
    CLEANUP(strbuf_deinit) struct strbuf list = {0};
    for (size_t i = 0; i < count; i++)
        strbuf_printf(&list, "%s%.40s %llu", i > 0 ? ", " : "", counts[i].op,
                      (unsigned long long)counts[i].count);
    str_copy(truth->other_ops, sizeof(truth->other_ops), strbuf_get(&list));
}

static void take_truth(struct onnx *onnx, const struct ort_profile *profile)
{
    struct onnx_truth *truth = &onnx->truth;
    const char *precision = ort_profile_precision(profile);
    *truth = (struct onnx_truth){.is_known = true};
    truth->share_count = (size_t)u64_min(profile->share_count, ONNX_SHARES_MAX);
    for (size_t i = 0; i < truth->share_count; i++) {
        struct onnx_share *share = &truth->shares[i];
        str_copy(share->provider, sizeof(share->provider), profile->shares[i].provider);
        share->share = profile->shares[i].share;
        share->nodes = profile->shares[i].nodes;
    }
    if (precision != NULL)
        str_copy(truth->precision, sizeof(truth->precision), precision);
    list_other_ops(profile, onnx->config.provider, truth);
}

static int check_provider(struct onnx *onnx, const struct ort_profile *profile, struct error *err)
{
    const char *asked = onnx->config.provider;
    const struct onnx_provider *known = onnx_provider_find(asked);
    for (size_t i = 0; i < profile->share_count; i++)
        if (strcmp(profile->shares[i].provider, asked) == 0 && profile->shares[i].nodes > 0)
            return 0;
    error_set(err, ERROR_UNSUPPORTED,
              "%s was asked for, but not one node of %s ran on it: %s ran %.0f %% of the node time",
              onnx_provider_short(asked), onnx->choice.name,
              onnx_provider_short(profile->shares[0].provider), 100 * profile->shares[0].share);
    return error_hint(err, "it needs %s; tacho devices shows what works here",
                      known != NULL ? known->how : "an engine that can run this model on it");
}

/* Engines before 1.16 take the wish and do nothing about it; and what a newer one promises is
 * confirmed like all else. */
static int check_strict(const struct onnx *onnx, const struct ort_profile *profile,
                        struct error *err)
{
    CLEANUP(strbuf_deinit) struct strbuf names = {0};
    size_t count = 0;
    if (!onnx->config.strict_provider || strcmp(onnx->config.provider, CPU_PROVIDER) == 0)
        return 0;
    for (size_t i = 0; i < profile->node_count; i++) {
        const struct ort_node *node = &profile->nodes[i];
        if (strcmp(node->provider, CPU_PROVIDER) != 0)
            continue;
        if (count++ < NODES_NAMED)
            strbuf_printf(&names, "%s%.60s (%.30s)", count > 1 ? ", " : "", node->name, node->op);
    }
    if (count == 0)
        return 0;
    error_set(err, ERROR_UNSUPPORTED,
              "--strict-provider: %zu of the %zu nodes of %s ran on the CPU and not on %s: %s%s",
              count, profile->node_count, onnx->choice.name,
              onnx_provider_short(onnx->config.provider), strbuf_get(&names),
              count > NODES_NAMED ? ", …" : "");
    return error_hint(err, "without --strict-provider they do, and the run says so");
}

/* ---- time per node ---- */

static int compare_nodes(const void *a, const void *b)
{
    const struct ort_node *one = *(const struct ort_node *const *)a;
    const struct ort_node *other = *(const struct ort_node *const *)b;
    return one->total_ns != other->total_ns ? (one->total_ns < other->total_ns ? 1 : -1) : 0;
}

/* The series of this node; later invocations find that of the first. NULL: no room or memory. */
static const struct series *node_series(struct onnx *onnx, const struct ort_node *node)
{
    char *instance = arena_printf(&onnx->arena, "%s (%s, %s)", node->name, node->op,
                                  onnx_provider_short(node->provider));
    if (instance == NULL)
        return NULL;
    str_make_printable(instance);
    for (size_t i = 0; i < onnx->node_count; i++)
        if (strcmp(onnx->nodes[i].instance, instance) == 0)
            return &onnx->nodes[i];
    if (onnx->node_count == ONNX_NODES_MAX)
        return NULL;
    struct series *series = &onnx->nodes[onnx->node_count];
    *series = (struct series){.id = ONNX_NODE_SERIES_FIRST + (uint32_t)onnx->node_count,
                              .kind = SERIES_VALUE,
                              .metric = metric_find("node_ms"),
                              .instance = instance,
                              .source = "ONNX Runtime's profiler"};
    onnx->node_count++;
    return series;
}

/* The calls of the first inference are kept apart; within a loop there are several. */
static int hand_over_node(struct onnx_session *session, const struct ort_node *node,
                          struct error *err)
{
    const struct series *series = node_series(session->onnx, node);
    uint64_t first = node->first_run_calls;
    if (series == NULL || series->metric == NULL || node->calls <= first)
        return 0;
    struct sample_block block = {.series = series,
                                 .invocation = session->io->invocation,
                                 .n = (size_t)(node->calls - first),
                                 .value_ns = node->call_ns + first};
    return session->io->samples(session->io, &block, err);
}

static int hand_over_nodes(struct onnx_session *session, const struct ort_profile *profile,
                           struct error *err)
{
    struct onnx *onnx = session->onnx;
    if (onnx->nodes == NULL)
        onnx->nodes = arena_alloc(&onnx->arena, ONNX_NODES_MAX * sizeof(*onnx->nodes));
    CLEANUP_FREE const struct ort_node **order = calloc(profile->node_count + 1, sizeof(*order));
    if (onnx->nodes == NULL || order == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the nodes of the model");
    for (size_t i = 0; i < profile->node_count; i++)
        order[i] = &profile->nodes[i];
    qsort(order, profile->node_count, sizeof(*order), compare_nodes);
    int rc = 0;
    for (size_t i = 0; i < profile->node_count && i < ONNX_NODES_MAX && rc == 0; i++)
        rc = hand_over_node(session, order[i], err);
    return rc;
}

int onnx_check_profile(struct onnx_session *session, struct error *err)
{
    struct onnx *onnx = session->onnx;
    struct ort_profile profile = {0};
    struct error why = {0};
    onnx_shared_read_info(session->worker.shared, &onnx->info);
    int rc = ort_profile_read(onnx->info.profile_path, &profile, &why);
    if (rc == -ERROR_NOMEM) {
        if (err != NULL)
            *err = why;
        return rc;
    }
    if (rc < 0) { /* not told is no reason to stop: a finding says so */
        onnx->truth = (struct onnx_truth){.is_known = false};
        str_copy(onnx->truth.why, sizeof(onnx->truth.why), why.message);
        return 0;
    }
    take_truth(onnx, &profile);
    rc = check_provider(onnx, &profile, err);
    if (rc == 0)
        rc = check_strict(onnx, &profile, err);
    if (rc == 0 && onnx->profile_ops)
        rc = hand_over_nodes(session, &profile, err);
    ort_profile_deinit(&profile);
    return rc;
}
