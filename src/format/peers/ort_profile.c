/* ort_profile.c: the per-node profile of ONNX Runtime (../ort_profile.h): every call of the nodes
 * that took most of the time. */
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "format/ort_profile.h"
#include "format/peers/peer.h"

extern const struct peer peer_ort_profile;

#define NODES_MAX 20

static bool ort_profile_accepts(const struct peer_input *input)
{
    return peer_holds(input, "\"cat\"", 4096) && peer_holds(input, "\"Session\"", 65536) &&
           peer_holds(input, "_kernel_time", input->size);
}

static int by_falling_time(const void *a, const void *b)
{
    const struct ort_node *const *x = a, *const *y = b;
    return (*x)->total_ns < (*y)->total_ns ? 1 : (*x)->total_ns > (*y)->total_ns ? -1 : 0;
}

static void add_node(struct peer_run *run, const struct ort_node *node, double *values)
{
    char instance[160];
    for (uint64_t i = 0; i < node->calls; i++)
        values[i] = (double)node->call_ns[i] / 1e3;
    snprintf(instance, sizeof(instance), "%.100s (%.40s)", node->name, node->op);
    run->instance = instance;
    peer_run_samples(run, "node_us", "us", DIRECTION_LOWER,
                     "one call of a node, by the engine's own profiler; the first call is cold",
                     values, node->calls);
    run->instance = "";
}

static int add_nodes(struct peer_run *run, const struct ort_profile *profile)
{
    uint64_t calls = 1;
    for (size_t i = 0; i < profile->node_count; i++)
        calls = u64_max(calls, profile->nodes[i].calls);
    CLEANUP_FREE double *values = calloc(calls, sizeof(*values));
    CLEANUP_FREE const struct ort_node **order =
        calloc(profile->node_count ? profile->node_count : 1, sizeof(*order));
    if (!values || !order)
        return error_set(run->err, ERROR_NOMEM, "out of memory");
    for (size_t i = 0; i < profile->node_count; i++)
        order[i] = &profile->nodes[i];
    qsort(order, profile->node_count, sizeof(*order), by_falling_time);
    for (size_t i = 0; i < profile->node_count && i < NODES_MAX; i++)
        add_node(run, order[i], values);
    return 0;
}

static int ort_profile_import(const struct peer_input *input, struct error *err)
{
    CLEANUP(ort_profile_deinit) struct ort_profile profile = {0};
    int rc = ort_profile_read_text(input->text, input->size, input->file, &profile, err);
    if (rc < 0)
        return rc == -ERROR_NOTHING ? -ERROR_INPUT : rc;
    struct peer_run run;
    peer_run_init(&run, &peer_ort_profile, input, 0, "ONNX Runtime profile", err);
    facts_text(&run.workload, "engine", "onnxruntime", input->file);
    facts_integer(&run.workload, "runs", (int64_t)profile.runs, input->file);
    facts_integer(&run.workload, "nodes", (int64_t)profile.node_count, input->file);
    const char *precision = ort_profile_precision(&profile);
    if (precision)
        facts_text(&run.workload, "computed_in", precision, input->file);
    for (size_t i = 0; i < profile.share_count; i++) {
        run.instance = profile.shares[i].provider;
        peer_run_value(&run, "provider_pct", "%", DIRECTION_NEITHER,
                       "share of the nodes' time, without the first run",
                       profile.shares[i].share * 100);
    }
    run.instance = "";
    if (profile.session_ns > 0)
        peer_run_value(&run, "session_ms", "ms", DIRECTION_LOWER, "creating the session",
                       (double)profile.session_ns / 1e6);
    if (run.rc == 0)
        run.rc = add_nodes(&run, &profile);
    return peer_run_end(&run);
}

const struct peer peer_ort_profile = {.name = "ort_profile",
                                      .files = "ONNX Runtime's profile, JSON",
                                      .accepts = ort_profile_accepts,
                                      .read = ort_profile_import};
