/* dnn_pipeline_findings.c: where the time goes that need not go there. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/files/dnn_pipeline_internal.h"
#include "base/unit.h"
#include "base/util.h"

/* The bounds of the toolkit whose users come here. */
#define TRANSFERS_PCT 20.0
#define DLA_PCT 30.0
#define LAYER_PCT 30.0
/* Of fewer layers one has that share by itself. */
#define LAYERS_MIN 4
#define SWITCHES_MIN 3

void pipe_evidence(struct finding *finding, const struct pipeline *pipeline, uint64_t line)
{
    if (line > 0)
        finding_evidence(finding, "%s:%llu", pipeline->file, (unsigned long long)line);
    else
        finding_evidence(finding, "%s", pipeline->file);
    finding->n = pipeline->passes.n;
}

static const char *number(double value, char *buf, size_t size)
{
    return unit_format_number(value, 3, buf, size);
}

/* A share in percent against its bound. */
struct share {
    double pct, lo, hi;
    double bound_pct;
    bool is_below; /* below the bound is what is told */
};

/* " (95 %: 21 to 24 %)", and whether the bound lies in it. */
static const char *say_interval(const struct share *share, const struct pipeline *pipeline,
                                char *buf, size_t size)
{
    char lo[32], hi[32];
    bool is_open = share->is_below ? share->hi >= share->bound_pct : share->lo <= share->bound_pct;
    if (!isfinite(share->lo))
        snprintf(buf, size, "%s",
                 pipeline->passes.n < 2 ? " (one pass: no interval)" : " (no interval)");
    else
        snprintf(buf, size, " (95 %%: %s to %s %%%s)", number(share->lo, lo, sizeof(lo)),
                 number(share->hi, hi, sizeof(hi)), is_open ? ", not decided" : "");
    return buf;
}

static void set_share(struct finding *finding, const struct share *share)
{
    finding_value(finding, share->pct, "%");
    finding_interval(finding, share->lo, share->hi);
}

/* ---- transfers ---- */

static int find_transfers(struct pipe_set *set, const struct pipeline *pipeline, bool *ret_found,
                          struct error *err)
{
    static const double ratio[] = {0, 1, -1}; /* PASS_TRANSFERS over PASS_WHOLE */
    double pct = 100 * pipeline->transfers_ms.value / pipeline_whole_ms(pipeline);
    if (!(pct > TRANSFERS_PCT))
        return 0;
    struct estimate estimate;
    if (means_product(&pipeline->passes, 100, ratio, &estimate) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory");
    double scale = pct / estimate.value;
    struct share share = {.pct = pct,
                          .lo = estimate.lo * scale,
                          .hi = estimate.hi * scale,
                          .bound_pct = TRANSFERS_PCT};
    struct finding finding;
    char interval[96], of[32], ms[32], whole[32];
    finding_init(&finding, "transfer_overhead", SEVERITY_WARNING, "transfers_ms");
    finding_sentence(&finding, "%.80s: transfers are %s %% of the time%s: %s of %s ms",
                     pipeline->label, number(pct, of, sizeof(of)),
                     say_interval(&share, pipeline, interval, sizeof(interval)),
                     number(pipeline->transfers_ms.value, ms, sizeof(ms)),
                     number(pipeline_whole_ms(pipeline), whole, sizeof(whole)));
    set_share(&finding, &share);
    pipe_evidence(&finding, pipeline,
                  u64_max(pipeline->transfers[PIPE_H2D].line, pipeline->transfers[PIPE_D2H].line));
    finding_advice(&finding,
                   "use pinned (or, on a Jetson, mapped) memory, let a second stream copy "
                   "while the first computes, and pre- and post-process on the device");
    analysis_add_finding(set->analysis, &finding);
    *ret_found = true;
    return 0;
}

/* ---- layers ---- */

/* The slowest layer where it is over the bound, else NULL. */
static const struct pipe_layer *dominant_of(const struct pipeline *pipeline)
{
    const struct pipe_layer *top = NULL;
    if (pipeline->layer_count < LAYERS_MIN || pipeline->layers[0].is_whole)
        return NULL;
    for (size_t i = 0; i < pipeline->layer_count; i++) {
        const struct pipe_layer *layer = &pipeline->layers[i];
        if (!top || pipe_layer_ms(pipeline, layer) > pipe_layer_ms(pipeline, top))
            top = layer;
    }
    double share_pct = 100 * pipe_layer_ms(pipeline, top) / pipeline_whole_ms(pipeline);
    return share_pct > LAYER_PCT ? top : NULL;
}

/* How many profiles this layer dominates; 0: one of those before `at` does, and it was told. */
static size_t count_dominated(const struct pipe_set *set, size_t at, const struct pipe_layer *top)
{
    size_t count = 0;
    for (size_t i = 0; i < set->count; i++) {
        const struct pipe_layer *other = dominant_of(set->items[i]);
        bool is_same = other && strcmp(other->name, top->name) == 0;
        if (is_same && i < at)
            return 0;
        count += is_same;
    }
    return count;
}

static int find_dominant(struct pipe_set *set, size_t at, bool *ret_found, struct error *err)
{
    const struct pipeline *pipeline = set->items[at];
    const struct pipe_layer *top = dominant_of(pipeline);
    struct estimate estimate;
    *ret_found = *ret_found || top;
    size_t count = top ? count_dominated(set, at, top) : 0;
    if (count == 0)
        return 0;
    int rc = pipe_layer_share(pipeline, top, &estimate, err);
    if (rc < 0)
        return rc;
    struct share share = {.pct = 100 * estimate.value,
                          .lo = 100 * estimate.lo,
                          .hi = 100 * estimate.hi,
                          .bound_pct = LAYER_PCT};
    struct finding finding;
    char interval[96], of[32], ms[32], too[64] = "";
    if (count > 1)
        snprintf(too, sizeof(too), "; it is the slowest in %zu profiles", count);
    finding_init(&finding, "dominant_layer", SEVERITY_WARNING, "time_ms");
    finding_sentence(&finding, "%.60s: the layer %.80s%s%.30s%s takes %s ms, %s %% of the time%s%s",
                     pipeline->label, top->name, *top->type ? " (" : "", top->type,
                     *top->type ? ")" : "", number(pipe_layer_ms(pipeline, top), ms, sizeof(ms)),
                     number(share.pct, of, sizeof(of)),
                     say_interval(&share, pipeline, interval, sizeof(interval)), too);
    set_share(&finding, &share);
    pipe_evidence(&finding, pipeline, top->line);
    finding_advice(&finding, "begin there: a lower precision, another kernel or tactic, fusing it "
                             "with its neighbours, or a cheaper layer; nothing else can gain more");
    analysis_add_finding(set->analysis, &finding);
    return 0;
}

/* ---- the DLA ---- */

static void find_low_dla(struct pipe_set *set, const struct pipeline *pipeline, bool *ret_found)
{
    double pct = 100 * pipeline->device_ms[PIPE_DLA] / pipeline->layers_ms.value;
    if (!(pct > 0 && pct < DLA_PCT))
        return;
    struct finding finding;
    char of[32], ms[32];
    uint64_t all = 0;
    for (size_t i = 0; i < PIPE_DEVICES; i++)
        all += pipeline->device_layers[i];
    finding_init(&finding, "low_dla_use", SEVERITY_WARNING, "dla_share_pct");
    finding_sentence(&finding,
                     "%.80s: the DLA does %s %% of the compute time (%s ms, %llu of %llu "
                     "layers)",
                     pipeline->label, number(pct, of, sizeof(of)),
                     number(pipeline->device_ms[PIPE_DLA], ms, sizeof(ms)),
                     (unsigned long long)pipeline->device_layers[PIPE_DLA],
                     (unsigned long long)all);
    finding_value(&finding, pct, "%");
    pipe_evidence(&finding, pipeline, 0);
    finding_advice(&finding, "every way to the DLA and back costs a copy: move more layers there "
                             "(int8 or fp16, replace what it cannot run), or all back to the GPU");
    analysis_add_finding(set->analysis, &finding);
    *ret_found = true;
}

static void find_fallbacks(struct pipe_set *set, const struct pipeline *pipeline, bool *ret_found)
{
    if (pipeline->fallback_count == 0)
        return;
    struct finding finding;
    char names[160] = "";
    size_t length = 0, count = pipeline->fallback_count;
    for (size_t i = 0; i < count && i < 3; i++)
        length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%.40s",
                                   i > 0 ? ", " : "", pipeline->fallbacks[i].name);
    finding_init(&finding, "dla_fallback", SEVERITY_WARNING, "fallbacks");
    finding_sentence(&finding,
                     "%.80s: %zu layers that were asked for on the DLA run on the GPU: "
                     "%s%s",
                     pipeline->label, count, names, count > 3 ? ", …" : "");
    finding_value(&finding, (double)count, NULL);
    pipe_evidence(&finding, pipeline, pipeline->fallbacks[0].line);
    finding_advice(&finding, "replace them by what the DLA runs (see TensorRT's list of DLA layers "
                             "and their limits), or cut the network there");
    analysis_add_finding(set->analysis, &finding);
    *ret_found = true;
}

static void find_switches(struct pipe_set *set, const struct pipeline *pipeline)
{
    if (pipeline->switches < SWITCHES_MIN)
        return;
    struct finding finding;
    finding_init(&finding, "device_switches", SEVERITY_INFO, "device_switches");
    finding_sentence(&finding, "%.80s: a pass goes from one device to another %llu times",
                     pipeline->label, (unsigned long long)pipeline->switches);
    finding_value(&finding, (double)pipeline->switches, NULL);
    pipe_evidence(&finding, pipeline, 0);
    finding_advice(&finding, "each time costs a copy and a wait: put layers that follow each other "
                             "on the same device");
    analysis_add_finding(set->analysis, &finding);
}

/* ---- the total, and how it was measured ---- */

static void find_elsewhere(struct pipe_set *set, const struct pipeline *pipeline, bool *ret_found)
{
    double sum = pipeline->layers_ms.value + pipeline->transfers_ms.value;
    double total = pipeline->total_ms.value, pct = 100 * (total - sum) / total;
    if (!pipeline->is_total_told || pipeline->layer_count == 0 || !(total > 0) ||
        !(fabs(pct) > PIPE_UNACCOUNTED_PCT))
        return;
    *ret_found = *ret_found || pct > TRANSFERS_PCT;
    struct finding finding;
    char told[32], of[32], parts[32];
    finding_init(&finding, pct > 0 ? "time_elsewhere" : "layers_overlap", SEVERITY_INFO,
                 "unaccounted_ms");
    finding_sentence(&finding,
                     "%.80s: the total is %s ms, layers and transfers add up to %s ms: "
                     "%s %% of it %s",
                     pipeline->label, number(total, told, sizeof(told)),
                     number(sum, parts, sizeof(parts)), number(fabs(pct), of, sizeof(of)),
                     pct > 0 ? "lies elsewhere" : "too much");
    finding_value(&finding, total - sum, "ms");
    pipe_evidence(&finding, pipeline, 0);
    bool is_cpu_only = pipeline->device_layers[PIPE_CPU] == pipeline->layer_count;
    finding_advice(&finding, pct <= 0 ? "parts ran at the same time, or the profile slowed the "
                                        "layers down: shares are of their sum"
                             : is_cpu_only ? "that is the engine between its layers, and profiling "
                                             "itself: fewer and larger layers, or a larger batch "
                                             "shrink it"
                                           : "that is launching, waiting and the host: a CUDA "
                                             "graph, fewer and larger layers, or a larger batch "
                                             "shrink it");
    analysis_add_finding(set->analysis, &finding);
}

static void find_cold(struct pipe_set *set, const struct pipeline *pipeline)
{
    if (!pipeline->is_cold)
        return;
    struct finding finding;
    finding_init(&finding, "cold_profile", SEVERITY_WARNING, "total_ms");
    finding_sentence(&finding,
                     "%.100s: it holds one inference, the first of its process, which is "
                     "slower than those that follow",
                     pipeline->label);
    pipe_evidence(&finding, pipeline, 0);
    finding_advice(&finding, "profile at least ten inferences: the first one is then left out");
    analysis_add_finding(set->analysis, &finding);
}

static void find_cut(struct pipe_set *set, const struct pipeline *pipeline)
{
    if (!pipeline->last_is_cut)
        return;
    struct finding finding;
    finding_init(&finding, "last_pass_cut", SEVERITY_INFO, "n");
    finding_sentence(&finding,
                     "%.100s: the last pass has fewer rows than the first and is left out",
                     pipeline->label);
    pipe_evidence(&finding, pipeline, 0);
    finding_advice(&finding, "nothing, if the profile was stopped by hand");
    analysis_add_finding(set->analysis, &finding);
}

/* Of the first profile of a file, for all of them. */
static void find_assumed(struct pipe_set *set, size_t at)
{
    const struct pipeline *pipeline = set->items[at];
    uint64_t rows = 0;
    for (size_t i = 0; i < set->count; i++) {
        bool is_same = set->items[i]->file == pipeline->file;
        if (is_same && i < at)
            return;
        rows += is_same ? set->items[i]->defaulted : 0;
    }
    if (rows == 0)
        return;
    struct finding finding;
    finding_init(&finding, "device_assumed", SEVERITY_INFO, "device");
    finding_sentence(&finding, "%llu rows name no device and are taken as GPU",
                     (unsigned long long)rows);
    pipe_evidence(&finding, pipeline, 0);
    finding.n = rows;
    finding_advice(&finding, "add a column device (GPU, DLA0, CPU) for the split between them");
    analysis_add_finding(set->analysis, &finding);
}

static double largest_share(const struct pipeline *pipeline)
{
    double most = 0;
    for (size_t i = 0; i < pipeline->layer_count; i++)
        most = fmax(most, pipe_layer_ms(pipeline, &pipeline->layers[i]));
    return 100 * most / pipeline_whole_ms(pipeline);
}

/* Only where it is true: of few layers one always dominates. */
static void find_nothing(struct pipe_set *set, const struct pipeline *pipeline)
{
    if (pipeline->layer_count < LAYERS_MIN || pipeline->layers[0].is_whole)
        return;
    struct finding finding;
    char most[32], transfers[48] = "are not told", of[32];
    double pct = 100 * pipeline->transfers_ms.value / pipeline_whole_ms(pipeline);
    if (pipeline_has_transfers(pipeline))
        snprintf(transfers, sizeof(transfers), "are %s %% of the time",
                 number(pct, of, sizeof(of)));
    finding_init(&finding, "no_bottleneck", SEVERITY_INFO, "");
    finding_sentence(&finding,
                     "%.80s: no bottleneck: the slowest layer is %s %% of the time, "
                     "transfers %s",
                     pipeline->label, number(largest_share(pipeline), most, sizeof(most)),
                     transfers);
    pipe_evidence(&finding, pipeline, 0);
    finding_advice(&finding, "what is left to gain is spread over many layers: precision, a larger "
                             "batch, a smaller network");
    analysis_add_finding(set->analysis, &finding);
}

int pipe_findings(struct pipe_set *set, struct error *err)
{
    int rc = 0;
    const char *last = NULL; /* the file of which no bottleneck was told */
    for (size_t i = 0; i < set->count && rc == 0; i++) {
        const struct pipeline *pipeline = set->items[i];
        bool found = false;
        find_cold(set, pipeline);
        rc = find_transfers(set, pipeline, &found, err);
        if (rc == 0)
            rc = find_dominant(set, i, &found, err);
        find_fallbacks(set, pipeline, &found);
        find_low_dla(set, pipeline, &found);
        find_switches(set, pipeline);
        find_elsewhere(set, pipeline, &found);
        if (!found && pipeline->file != last)
            find_nothing(set, pipeline);
        last = found ? last : pipeline->file;
        find_assumed(set, i);
        find_cut(set, pipeline);
    }
    return rc;
}
