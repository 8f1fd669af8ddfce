/* findings.c: what was noticed over all invocations of a model. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "base/unit.h"
#include "base/util.h"
#include "stats/stats.h"
#include "workload/onnx/internal.h"

#define LAG_POINTS_MIN 20
#define LAG_Z 1.5

/* ---- the open loop's queue ---- */

void onnx_lag_add(struct onnx_lag *lag, double t_s, double lag_s, double service_s)
{
    if (lag->seen == 0) {
        lag->stride = 1;
        lag->service_s = (struct moments){0};
    }
    moments_add(&lag->service_s, service_s);
    if (lag->seen++ % lag->stride != 0)
        return;
    if (lag->count == ONNX_LAG_POINTS) { /* every second one goes */
        for (size_t i = 0; i < ONNX_LAG_POINTS / 2; i++) {
            lag->t_s[i] = lag->t_s[2 * i];
            lag->lag_s[i] = lag->lag_s[2 * i];
        }
        lag->count = ONNX_LAG_POINTS / 2;
        lag->stride *= 2;
        if ((lag->seen - 1) % lag->stride != 0)
            return;
    }
    lag->t_s[lag->count] = t_s;
    lag->lag_s[lag->count++] = lag_s;
}

static double median_of(const double *values, size_t n, double *scratch)
{
    memcpy(scratch, values, n * sizeof(*values));
    stats_sort(scratch, n);
    return quantile_sorted(scratch, n, 0.5);
}

/* Where exactly as much is offered as can be served, the queue after n units is a reflected random
 * walk: it grows to about sqrt(n (ca² + cs²)), with the squared coefficients of variation of gaps
 * and service (heavy traffic: Kingman 1961). Growth beyond LAG_Z times that is more than chance.
 * Simulated, M/D/1 to M/G/4 with a service CV of 0 to 2, 90 to 9,000 units: at 80 % of the capacity
 * 0.3 % at most of the runs are called saturated, at 90 % 3 % of those with 90 units and none of
 * those with 900; at 110 %, 91 % and more of those with 1,100 units (CV up to 0.5), at 150 % 98 %
 * of those with 150. Medians, and the whole second half: a stall near the end is a queue for a
 * while, but no saturation. */
bool onnx_lag_grows(const struct onnx_lag *lag, uint32_t streams, bool is_poisson)
{
    double scratch[ONNX_LAG_POINTS];
    if (lag->count < LAG_POINTS_MIN)
        return false;
    double service_s = lag->service_s.mean;
    size_t tenth = lag->count / 10, half = lag->count / 2;
    double first_s = median_of(lag->lag_s, tenth, scratch);
    double last_s = median_of(lag->lag_s + lag->count - tenth, tenth, scratch);
    double late_s = median_of(lag->lag_s + half, lag->count - half, scratch);
    /* A lag below one service time is no queue, however it moves. */
    if (!(last_s - first_s > service_s) || !(late_s > service_s))
        return false;
    double service_cv = moments_std(&lag->service_s) / service_s;
    double grown = (last_s - first_s) / service_s * streams;
    return grown >
           LAG_Z * sqrt((double)lag->seen * ((is_poisson ? 1 : 0) + service_cv * service_cv));
}

static int find_saturated(const struct onnx *onnx, struct run_sink *sink, struct error *err)
{
    const struct onnx_tally *tally = &onnx->tally;
    double served_per_s = (double)tally->served / tally->offered_s;
    double growth_per_s = onnx->config.rate_per_s - served_per_s;
    char served[32], offered[32], growth[32];
    struct finding finding;
    finding_init(&finding, "saturated", SEVERITY_WARNING, "latency_ms");
    finding_sentence(&finding,
                     "it cannot keep up with the load: %s inferences arrived per second, %s were "
                     "served, and the queue grew by %s per second; the latencies tell how long it "
                     "was measured, not how fast it is",
                     unit_format_number(onnx->config.rate_per_s, 3, offered, sizeof(offered)),
                     unit_format_number(served_per_s, 3, served, sizeof(served)),
                     unit_format_number(fmax(0, growth_per_s), 3, growth, sizeof(growth)));
    finding_value(&finding, served_per_s, "1/s");
    finding.n = tally->served;
    finding_evidence(&finding,
                     "%" PRIu64 " of %" PRIu64 " that had arrived were not begun when the time was "
                     "over; --rate %s",
                     tally->unserved, tally->served + tally->unserved,
                     unit_format_number(onnx->config.rate_per_s, 6, growth, sizeof(growth)));
    finding_advice(&finding,
                   "offer less than %s per second, or serve more: --streams, --threads, "
                   "another device or precision",
                   served);
    return sink_finding(sink, &finding, err);
}

/* ---- shapes and names ---- */

static int find_default_shapes(const struct onnx *onnx, struct run_sink *sink, struct error *err)
{
    struct finding finding;
    finding_init(&finding, "default_shapes", SEVERITY_INFO, "");
    finding_sentence(&finding, "shapes were chosen by tacho: %s",
                     strbuf_get(&onnx->shapes.defaults));
    finding_advice(&finding, "say what it runs with in earnest: --input-shape NAME=1x3x640x640");
    return sink_finding(sink, &finding, err);
}

static int find_misnamed(const struct onnx *onnx, struct run_sink *sink, struct error *err)
{
    struct finding finding;
    finding_init(&finding, "misnamed_precision", SEVERITY_WARNING, "");
    finding_sentence(&finding, "the file's name says %s, its tensors are %s",
                     onnx->choice.named_precision, onnx->choice.model.precision);
    finding_evidence(&finding, "%.250s", onnx->choice.path);
    finding_advice(&finding, "figures are filed under what the tensors are; rename the file");
    return sink_finding(sink, &finding, err);
}

/* ---- who ran it, and in what ---- */

static int find_unconfirmed(const struct onnx *onnx, struct run_sink *sink, struct error *err)
{
    struct finding finding;
    finding_init(&finding, "provider_unconfirmed", SEVERITY_WARNING, "");
    finding_sentence(&finding,
                     "which provider ran the nodes is not confirmed: the engine's profile cannot "
                     "be read (%s)",
                     onnx->truth.why);
    return sink_finding(sink, &finding, err);
}

static int find_partial_provider(const struct onnx *onnx, struct run_sink *sink, struct error *err)
{
    const struct onnx_truth *truth = &onnx->truth;
    double share = 0;
    uint64_t nodes = 0;
    for (size_t i = 0; i < truth->share_count; i++) {
        if (strcmp(truth->shares[i].provider, onnx->config.provider) == 0)
            continue;
        share += truth->shares[i].share;
        nodes += truth->shares[i].nodes;
    }
    if (nodes == 0)
        return 0;
    struct finding finding;
    finding_init(&finding, "partial_provider", SEVERITY_INFO, "");
    finding_sentence(&finding,
                     "%" PRIu64 " nodes, %.1f %% of the node time, ran elsewhere than on "
                     "%s%s%s",
                     nodes, 100 * share, onnx_provider_short(onnx->config.provider),
                     truth->other_ops[0] != '\0' ? ": on the CPU " : "", truth->other_ops);
    finding_value(&finding, 100 * share, "%");
    finding.n = nodes;
    finding_evidence(&finding, "the engine's profile of %" PRIu32 " inferences",
                     onnx->config.profiled_units);
    finding_advice(&finding,
                   "--strict-provider refuses that; --profile-ops tells each node's time");
    return sink_finding(sink, &finding, err);
}

static int find_compute_precision(const struct onnx *onnx, struct run_sink *sink, struct error *err)
{
    const char *own = onnx->choice.model.precision, *done_in = onnx->truth.precision;
    if (own == NULL || done_in[0] == '\0' || strcmp(own, done_in) == 0)
        return 0;
    struct finding finding;
    finding_init(&finding, "compute_precision", SEVERITY_WARNING, "");
    finding_sentence(&finding,
                     "the model is %s, but %s did the arithmetic in %s: this is no measurement of "
                     "%s arithmetic",
                     own, onnx_provider_short(onnx->config.provider), done_in, own);
    finding_evidence(&finding, "element types of the nodes in the engine's profile");
    finding_advice(&finding, "take the %s model here, or a provider that computes in %s", done_in,
                   own);
    return sink_finding(sink, &finding, err);
}

/* ---- the measurement itself ---- */

static int find_ring_waits(const struct onnx *onnx, struct run_sink *sink, struct error *err)
{
    struct finding finding;
    finding_init(&finding, "ring_waits", SEVERITY_WARNING, "latency_ms");
    finding_sentence(&finding,
                     "tacho did not take the times fast enough: the model waited %" PRIu64
                     " times for room to report one",
                     onnx->tally.ring_waits);
    finding_value(&finding, (double)onnx->tally.ring_waits, NULL);
    finding_advice(&finding, "no time is lost, but the throughput is too low: leave tacho a core, "
                             "or take a larger --batch-size");
    return sink_finding(sink, &finding, err);
}

int onnx_findings(void *state, struct run_sink *sink, struct error *err)
{
    struct onnx *onnx = state;
    const struct onnx_tally *tally = &onnx->tally;
    const char *precision = onnx->choice.model.precision;
    int rc = 0;
    if (tally->is_saturated && tally->offered_s > 0)
        rc = find_saturated(onnx, sink, err);
    if (rc == 0)
        rc = onnx_find_threads(onnx, sink, err);
    if (rc == 0 && onnx->shapes.defaults.len > 0)
        rc = find_default_shapes(onnx, sink, err);
    if (rc == 0 && onnx->choice.named_precision[0] != '\0' && precision != NULL &&
        strcmp(onnx->choice.named_precision, precision) != 0)
        rc = find_misnamed(onnx, sink, err);
    if (rc == 0 && onnx->has_info && !onnx->truth.is_known && onnx->truth.why[0] != '\0')
        rc = find_unconfirmed(onnx, sink, err);
    if (rc == 0 && onnx->truth.is_known)
        rc = find_partial_provider(onnx, sink, err);
    if (rc == 0 && onnx->truth.is_known)
        rc = find_compute_precision(onnx, sink, err);
    if (rc == 0 && tally->ring_waits > 0)
        rc = find_ring_waits(onnx, sink, err);
    if (rc == 0 && onnx->truth.is_known && !tally->was_interrupted)
        rc = onnx_compare_outputs(onnx, sink, err);
    return rc;
}
