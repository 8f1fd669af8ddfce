/* ort_profile_result.c: from the events of a profile to the answers of ort_profile.h. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"
#include "format/ort_profile_internal.h"

/* A precision counts with more than this share of the time. */
#define SHARE_MIN 0.05
#define PROVIDERS_MAX 64

static bool is_one_of(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    return false;
}

/* The types of their inputs do not say what happens inside. */
static bool holds_others(const char *op)
{
    static const char *const ops[] = {"If", "Loop", "Scan", "SequenceMap"};
    return is_one_of(op, ops, ARRAY_LEN(ops));
}

/* ---- nodes and runs ----------------------------------------------------------------------- */

static int by_start(const void *a, const void *b)
{
    const struct ort_span *left = a, *right = b;
    return (left->start_ns > right->start_ns) - (left->start_ns < right->start_ns);
}

/* When the first run was over; 0: it is not told apart, being the only one. */
static uint64_t end_of_first_run(const struct ort_spans *runs)
{
    if (runs->count < 2)
        return 0;
    const struct ort_span *first = &runs->items[0];
    for (size_t i = 1; i < runs->count; i++)
        if (runs->items[i].start_ns < first->start_ns)
            first = &runs->items[i];
    return first->start_ns + first->duration_ns;
}

/* The end of the last run, behind which calls are those of a run that the end of the file came
 * before: it has no time, and they are a part of it only. UINT64_MAX where there are no others. */
static uint64_t end_of_runs(const struct ort_spans *runs, const struct ort_builder_node *nodes,
                            size_t count)
{
    uint64_t last_ns = 0;
    bool has_calls = false;
    for (size_t i = 0; i < runs->count; i++)
        last_ns = u64_max(last_ns, runs->items[i].start_ns + runs->items[i].duration_ns);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < nodes[i].calls.count && runs->count > 0; k++)
            has_calls = has_calls || nodes[i].calls.items[k].start_ns <= last_ns;
    }
    return has_calls ? last_ns : UINT64_MAX;
}

static int list_runs(struct ort_profile *profile, struct ort_spans *runs)
{
    profile->runs = runs->count;
    profile->run_ns = arena_alloc(&profile->arena, (runs->count + 1) * sizeof(*profile->run_ns));
    if (!profile->run_ns)
        return -ERROR_NOMEM;
    if (runs->count > 0)
        qsort(runs->items, runs->count, sizeof(*runs->items), by_start);
    for (size_t i = 0; i < runs->count; i++)
        profile->run_ns[i] = runs->items[i].own_ns;
    return 0;
}

static int fill_node(struct arena *arena, struct ort_builder_node *from, uint64_t after_ns,
                     struct ort_node *node)
{
    uint64_t *call_ns = arena_alloc(arena, from->calls.count * sizeof(*call_ns));
    if (!call_ns)
        return -ERROR_NOMEM;
    *node = (struct ort_node){
        .name = from->name,
        .op = from->op,
        .provider = from->provider,
        .types = from->types,
        .calls = from->calls.count,
        .call_ns = call_ns,
        .is_cast_inserted =
            strcmp(from->op, "Cast") == 0 && (str_starts_with(from->name, "InsertedPrecision") ||
                                              str_starts_with(from->name, "InsertedCast")),
    };
    for (size_t i = 0; i < from->calls.count; i++) {
        call_ns[i] = from->calls.items[i].own_ns;
        node->total_ns += call_ns[i];
        node->first_run_calls += from->calls.items[i].start_ns < after_ns;
    }
    return 0;
}

/* Time after the first run. */
static uint64_t later_ns(const struct ort_spans *spans, uint64_t after_ns)
{
    uint64_t total = 0;
    for (size_t i = 0; i < spans->count; i++)
        if (spans->items[i].start_ns >= after_ns)
            total += spans->items[i].own_ns;
    return total;
}

/* ---- providers ---------------------------------------------------------------------------- */

/* NULL: more of them than there are in the world. */
static struct ort_provider_share *share_of(struct ort_profile *profile, const char *provider)
{
    for (size_t i = 0; i < profile->share_count; i++)
        if (strcmp(profile->shares[i].provider, provider) == 0)
            return &profile->shares[i];
    if (profile->share_count == PROVIDERS_MAX)
        return NULL;
    struct ort_provider_share *share = &profile->shares[profile->share_count++];
    share->provider = provider;
    return share;
}

static int by_falling_time(const void *a, const void *b)
{
    const struct ort_provider_share *left = a, *right = b;
    if (left->total_ns != right->total_ns)
        return left->total_ns < right->total_ns ? 1 : -1;
    return strcmp(left->provider, right->provider);
}

int ort_profile_assemble(struct ort_profile *profile, struct ort_builder_node *nodes, size_t count,
                         struct ort_spans *runs, struct error *err)
{
    struct arena *arena = &profile->arena;
    uint64_t after_ns = end_of_first_run(runs), end_ns = end_of_runs(runs, nodes, count);
    profile->nodes = arena_alloc(arena, count * sizeof(*profile->nodes));
    profile->shares = arena_alloc(arena, PROVIDERS_MAX * sizeof(*profile->shares));
    if (!profile->nodes || !profile->shares || list_runs(profile, runs) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory");
    for (size_t i = 0; i < count; i++) {
        struct ort_spans *calls = &nodes[i].calls;
        qsort(calls->items, calls->count, sizeof(*calls->items), by_start);
        while (calls->count > 0 && calls->items[calls->count - 1].start_ns > end_ns)
            calls->count--;
        if (calls->count == 0)
            continue;
        if (fill_node(arena, &nodes[i], after_ns, &profile->nodes[profile->node_count++]) < 0)
            return error_set(err, ERROR_NOMEM, "out of memory");
        struct ort_provider_share *share = share_of(profile, nodes[i].provider);
        if (!share)
            return error_set(err, ERROR_INPUT, "more than %d providers", PROVIDERS_MAX);
        share->nodes++;
        uint64_t ns = later_ns(&nodes[i].calls, after_ns);
        share->total_ns += ns;
        profile->node_total_ns += ns;
    }
    profile->run_total_ns = later_ns(runs, after_ns);
    for (size_t i = 0; i < profile->share_count; i++)
        if (profile->node_total_ns > 0)
            profile->shares[i].share =
                (double)profile->shares[i].total_ns / (double)profile->node_total_ns;
    qsort(profile->shares, profile->share_count, sizeof(*profile->shares), by_falling_time);
    return 0;
}

double ort_profile_share(const struct ort_profile *profile, const char *provider)
{
    for (size_t i = 0; i < profile->share_count; i++)
        if (strcmp(profile->shares[i].provider, provider) == 0)
            return profile->shares[i].share;
    return 0;
}

/* ---- precision ---------------------------------------------------------------------------- */

enum kind { FP32, FP16, BF16, INT8, KINDS };

static const char *const kind_names[KINDS] = {"fp32", "fp16", "bf16", "int8"};

static bool is_heavy(const char *op)
{
    static const char *const ops[] = {
        "Conv",          "ConvTranspose",
        "FusedConv",     "NhwcConv",
        "NhwcFusedConv", "Gemm",
        "FusedGemm",     "MatMul",
        "FusedMatMul",   "TransposeMatMul",
        "GroupConv",     "Attention",
        "LSTM",          "GRU",
        "RNN",           "FusedMatMulActivation",
    };
    return is_one_of(op, ops, ARRAY_LEN(ops));
}

/* QLinearConv, QLinearMatMul, QLinearAdd, ConvInteger, MatMulInteger, QGemm, … */
static bool is_quantised(const char *op)
{
    static const char *const ops[] = {
        "ConvInteger",           "MatMulInteger", "MatMulIntegerToFloat", "QGemm",
        "DynamicQuantizeMatMul", "QAttention",    "NhwcMaxPool",          "DynamicQuantizeLSTM"};
    return str_starts_with(op, "QLinear") || is_one_of(op, ops, ARRAY_LEN(ops));
}

/* They move or convert, and compute nothing. */
static bool only_moves(const char *op)
{
    static const char *const ops[] = {
        "Cast",
        "Shape",
        "Reshape",
        "Flatten",
        "Squeeze",
        "Unsqueeze",
        "Concat",
        "Split",
        "Slice",
        "Gather",
        "Transpose",
        "Identity",
        "Expand",
        "Tile",
        "Pad",
        "ReorderInput",
        "ReorderOutput",
        "MemcpyToHost",
        "Constant",
        "MemcpyFromHost",
        "ConstantOfShape",
        "Size",
        "Range",
        "QuantizeLinear",
        "DequantizeLinear",
    };
    return is_one_of(op, ops, ARRAY_LEN(ops));
}

/* They turn a part of the graph into one node of their own, whose inputs do not say what happens
 * inside. */
static bool hides_its_work(const struct ort_node *node)
{
    static const char *const providers[] = {
        "TensorrtExecutionProvider", "NvTensorRTRTXExecutionProvider", "OpenVINOExecutionProvider",
        "QNNExecutionProvider",      "NnapiExecutionProvider",         "CoreMLExecutionProvider",
        "VitisAIExecutionProvider",  "MIGraphXExecutionProvider",      "SNPEExecutionProvider",
    };
    return !is_heavy(node->op) && is_one_of(node->provider, providers, ARRAY_LEN(providers));
}

/* By the first of the input types that tells one; KINDS: none does. */
static enum kind kind_of_types(const char *types)
{
    static const struct {
        const char *type;
        enum kind kind;
    } rows[] = {{"float", FP32}, {"float16", FP16}, {"bfloat16", BF16}};
    while (*types) {
        size_t length = strcspn(types, ",");
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
            if (strlen(rows[i].type) == length && strncmp(types, rows[i].type, length) == 0)
                return rows[i].kind;
        types += length + (types[length] == ',');
    }
    return KINDS;
}

static enum kind kind_of(const struct ort_node *node)
{
    return is_quantised(node->op) ? INT8 : kind_of_types(node->types);
}

/* Time (or calls, where every one took less than a microsecond) by precision. */
static double add_up(const struct ort_profile *profile, bool heavy, bool by_calls,
                     double weights[KINDS])
{
    double total = 0;
    memset(weights, 0, KINDS * sizeof(*weights));
    for (size_t i = 0; i < profile->node_count; i++) {
        const struct ort_node *node = &profile->nodes[i];
        bool counts = heavy ? is_heavy(node->op) || is_quantised(node->op) : !only_moves(node->op);
        enum kind kind = kind_of(node);
        if (!counts || kind == KINDS || hides_its_work(node) || holds_others(node->op))
            continue;
        double weight = by_calls ? (double)node->calls : (double)node->total_ns;
        weights[kind] += weight;
        total += weight;
    }
    return total;
}

const char *ort_profile_precision(const struct ort_profile *profile)
{
    double weights[KINDS] = {0}, total = 0;
    /* The heavy nodes decide; without them, whatever computes. */
    for (int i = 0; i < 4 && total == 0; i++)
        total = add_up(profile, i < 2, i % 2 == 1, weights);
    const char *found = NULL;
    int count = 0;
    for (int kind = 0; kind < KINDS; kind++) {
        if (weights[kind] > SHARE_MIN * total) {
            found = kind_names[kind];
            count++;
        }
    }
    return count > 1 ? "mixed" : found;
}
