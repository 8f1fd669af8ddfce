/* kv_use.c: see kv_use.h. */
#include "analyze/kv_use.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"
#include "stats/stats.h"

#define GROWTH_READINGS_MIN 20
#define GROWTH_RISE_PCT 10.0
#define WAITING_READINGS_MIN 3
#define WAITING_SHARE 0.1

void kv_use_init(struct kv_use *use, const char *name)
{
    *use = (struct kv_use){.use_max_pct = NAN, .waiting_max = NAN};
    str_copy(use->name, sizeof(use->name), name);
}

static void add_episode(struct kv_use *use, double t_s)
{
    if (!use->is_full) {
        if (use->episodes < KV_USE_RANGES_MAX)
            use->ranges[use->episodes].begin_s = t_s;
        use->episodes++;
    }
    if (use->episodes <= KV_USE_RANGES_MAX)
        use->ranges[use->episodes - 1].end_s = t_s;
}

void kv_use_add(struct kv_use *use, double t_s, double use_pct, double waiting)
{
    bool is_full = use_pct > KV_USE_FULL_PCT;
    if (!isnan(use_pct)) {
        use->rows++;
        if (!(use_pct <= use->use_max_pct)) {
            use->use_max_pct = use_pct;
            use->use_max_s = t_s;
        }
        if (is_full)
            add_episode(use, t_s);
        use->full += is_full;
        use->is_full = is_full;
    }
    if (!isnan(waiting)) {
        use->request_rows++;
        use->waiting += waiting > 0;
        use->waiting_full += waiting > 0 && is_full;
        use->waiting_max = fmax(use->waiting_max, waiting);
    }
}

/* " of m/0", or nothing for a server with one engine without a name. */
static const char *of_name(const struct kv_use *use, char *buf, size_t size)
{
    snprintf(buf, size, "%s%s", use->name[0] ? " of " : "", use->name);
    return buf;
}

static int tell_full(const struct kv_use *use, struct run_sink *sink, struct error *err)
{
    struct finding finding;
    char name[80], text[160] = "";
    size_t used = 0;
    if (use->full == 0)
        return 0;
    for (size_t i = 0; i < u64_min(use->episodes, KV_USE_RANGES_MAX); i++) {
        int length = snprintf(text + used, sizeof(text) - used, "%s%.1f to %.1f s", i ? ", " : "",
                              use->ranges[i].begin_s, use->ranges[i].end_s);
        used = u64_min(used + (size_t)length, sizeof(text) - 1);
    }
    finding_init(&finding, "kv_cache_full", SEVERITY_WARNING, "kv_cache_use_pct");
    finding_sentence(&finding,
                     "the KV cache%s was more than %.0f %% full in %llu of %llu readings, at most "
                     "%.1f %% at %.1f s",
                     of_name(use, name, sizeof(name)), KV_USE_FULL_PCT,
                     (unsigned long long)use->full, (unsigned long long)use->rows, use->use_max_pct,
                     use->use_max_s);
    finding_value(&finding, use->use_max_pct, "%");
    finding.n = use->rows;
    finding_evidence(&finding, "readings above %.0f %%: %s%s", KV_USE_FULL_PCT, text,
                     use->episodes > KV_USE_RANGES_MAX ? ", ..." : "");
    finding_advice(&finding, "admit fewer or shorter requests, keep the cache in fp8 or q8_0, or "
                             "give it more memory; tacho monitor kv-cache computes what fits");
    return sink_finding(sink, &finding, err);
}

static int tell_waiting(const struct kv_use *use, struct run_sink *sink, struct error *err)
{
    struct finding finding;
    char name[80];
    if (use->waiting < WAITING_READINGS_MIN ||
        (double)use->waiting < WAITING_SHARE * (double)use->request_rows)
        return 0;
    bool by_cache = 2 * use->waiting_full >= use->waiting;
    finding_init(&finding, "requests_waiting", SEVERITY_WARNING, "llm_requests_waiting");
    finding_sentence(&finding, "requests%s waited in %llu of %llu readings, at most %.0f at once",
                     of_name(use, name, sizeof(name)), (unsigned long long)use->waiting,
                     (unsigned long long)use->request_rows, use->waiting_max);
    finding_value(&finding, use->waiting_max, NULL);
    finding.n = use->request_rows;
    finding_evidence(&finding, "the cache was more than %.0f %% full in %llu of those readings",
                     KV_USE_FULL_PCT, (unsigned long long)use->waiting_full);
    finding_advice(&finding, "%s",
                   by_cache ? "the KV cache is what they wait for"
                            : "the cache had room: raise how many requests run at once "
                              "(--max-num-seqs of vLLM, --parallel of llama.cpp), or the machine "
                              "is too slow for what arrives");
    return sink_finding(sink, &finding, err);
}

static int tell_growth(const struct kv_use *use, const double *t_s, const double *use_pct, size_t n,
                       struct run_sink *sink, struct error *err)
{
    struct trend trend;
    struct finding finding;
    char name[80], when[96] = "";
    if (n < GROWTH_READINGS_MIN)
        return 0;
    if (trend_theil_sen(t_s, use_pct, n, 0.95, &trend) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory for the trend of %zu readings", n);
    double span_s = t_s[n - 1] - t_s[0];
    if (!(trend.lo * span_s >= GROWTH_RISE_PCT))
        return 0;
    double now_pct = trend.intercept + trend.slope * t_s[n - 1];
    double left_s = (100 - now_pct) / trend.slope;
    if (left_s >= 1)
        snprintf(when, sizeof(when), "; at this pace it is full in %.0f s", left_s);
    finding_init(&finding, "kv_cache_growth", SEVERITY_INFO, "kv_cache_use_pct");
    finding_sentence(&finding, "the use of the KV cache%s rose by %.1f points in %.0f s%s",
                     of_name(use, name, sizeof(name)), trend.slope * span_s, span_s, when);
    finding.has_value = finding.has_interval = true;
    finding.value = trend.slope * 60;
    finding.lo = trend.lo * 60;
    finding.hi = trend.hi * 60;
    snprintf(finding.unit, sizeof(finding.unit), "%%/min");
    finding.n = n;
    finding_evidence(&finding, "%.1f to %.1f s", t_s[0], t_s[n - 1]);
    finding_advice(&finding, "a cache that fills up under load is no leak; see whether it falls "
                             "when the requests end");
    return sink_finding(sink, &finding, err);
}

int kv_use_tell(const struct kv_use *use, const double *t_s, const double *use_pct, size_t n,
                struct run_sink *sink, struct error *err)
{
    int rc = tell_full(use, sink, err);
    if (rc == 0)
        rc = tell_waiting(use, sink, err);
    if (rc == 0)
        rc = tell_growth(use, t_s, use_pct, n, sink, err);
    return rc;
}
