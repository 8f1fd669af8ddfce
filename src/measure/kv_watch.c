/* kv_watch.c: see kv_watch.h. */
#include "measure/kv_watch.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/kv_use.h"
#include "base/clock.h"
#include "base/interrupt.h"
#include "base/util.h"
#include "model/environment.h"
#include "net/http.h"

#define SERIES_EACH 5 /* of one engine */

struct kv_watch {
    const struct kv_watch_plan *plan;
    struct kv_watch_result *result;
    struct net_http *http;
    struct sink_tee tee;
    char url[2048];
    struct kv_metrics metrics; /* of the newest reading */
    struct kv_use uses[KV_ENGINES_MAX];
    size_t use_count;                          /* engines seen so far */
    bool is_told[KV_ENGINES_MAX][SERIES_EACH]; /* a value of this series was */
    uint64_t begin_ns;
    uint64_t own_cpu_begin_ns;
    bool is_gone;        /* the newest reading failed */
    struct error failed; /* why the newest one that failed did */
};

/* ---- one reading ---- */

static bool is_cancelled(void)
{
    return interrupt_count() > 0;
}

/* "http://host:8000" and "http://host:8000/" mean its /metrics. */
static int complete_url(const char *given, char *buf, size_t size, struct error *err)
{
    const char *host = strstr(given, "://");
    const char *path = host ? host + 3 + strcspn(host + 3, "/?#") : given + strlen(given);
    bool is_bare = host && path > host + 3 && (!*path || strcmp(path, "/") == 0);
    int length = snprintf(buf, size, "%.*s%s", (int)(is_bare ? path - given : (long)strlen(given)),
                          given, is_bare ? "/metrics" : "");
    if (length < 0 || (size_t)length >= size)
        return error_set(err, ERROR_USAGE, "the address is longer than %zu bytes", size - 1);
    return 0;
}

static int check_status(const struct net_http_response *response, struct error *err)
{
    if (response->status == 200)
        return 0;
    bool is_denied = response->status == 401 || response->status == 403;
    int code = is_denied ? ERROR_DENIED : ERROR_UNSUPPORTED;
    error_set(err, code, "%s answers with HTTP status %d", response->url, response->status);
    if (response->status == 404 || response->status == 501)
        error_hint(err, "metrics usually stand at /metrics; llama.cpp has them with --metrics");
    else if (is_denied)
        error_hint(err, "http://NAME:PASSWORD@HOST/ sends a name and a password");
    return -code;
}

static int read_metrics(struct kv_watch *watch, struct kv_metrics *ret_metrics, struct error *err)
{
    static const char *const headers[] = {"Accept: text/plain;version=0.0.4", NULL};
    struct net_http_request request = {.url = watch->url,
                                       .headers = headers,
                                       .timeout_ns = watch->plan->timeout_ns,
                                       .body_max = KV_WATCH_ANSWER_MAX,
                                       .is_cancelled = is_cancelled};
    struct net_http_response response = {0};
    struct prometheus_text text = {0};
    int rc = net_http_get(watch->http, &request, &response, err);
    if (rc < 0)
        return rc;
    str_copy(watch->result->url, sizeof(watch->result->url), response.url);
    rc = check_status(&response, err);
    if (rc == 0)
        rc = prometheus_text_read(strbuf_get(&response.body), response.body.len, response.url,
                                  &text, err);
    if (rc == -ERROR_INPUT)
        error_hint(err, "this is no text of metrics (%s)",
                   response.content_type[0] ? response.content_type : "no content type");
    if (rc == 0)
        rc = kv_metrics_read(&text, ret_metrics, err);
    prometheus_text_deinit(&text);
    net_http_response_deinit(&response);
    return rc;
}

/* ---- into the run ---- */

static int64_t now_ns(const struct kv_watch *watch)
{
    return (int64_t)(clock_mono_ns() - watch->begin_ns);
}

static int tell_event(struct kv_watch *watch, const char *name, const char *text, struct error *err)
{
    struct event event = {.t_ns = now_ns(watch), .name = name, .text = text};
    return sink_event(&watch->tee.sink, &event, err);
}

static const char *const series_metrics[SERIES_EACH] = {
    "kv_cache_use_pct", "kv_cache_tokens", "kv_cache_size_tokens", "llm_requests_running",
    "llm_requests_waiting"};

static struct series series_of(const struct kv_watch *watch, size_t engine, size_t column)
{
    return (struct series){.id = (uint32_t)(engine * SERIES_EACH + column),
                           .kind = SERIES_TIME,
                           .metric = metric_find(series_metrics[column]),
                           .instance = watch->uses[engine].name,
                           .source = watch->metrics.use_metric};
}

static int add_values(struct kv_watch *watch, size_t index, const struct kv_engine *engine,
                      int64_t t_ns, struct error *err)
{
    const double values[SERIES_EACH] = {engine->use_pct, engine->tokens, engine->capacity_tokens,
                                        engine->running, engine->waiting};
    for (size_t i = 0; i < SERIES_EACH; i++) {
        struct series series = series_of(watch, index, i);
        struct sample_block block = {.series = &series, .n = 1, .t_ns = &t_ns, .value = &values[i]};
        /* One that never comes is declared as missing in the end. */
        if (isnan(values[i]) && !watch->is_told[index][i])
            continue;
        int rc = sink_samples(&watch->tee.sink, &block, err);
        if (rc < 0)
            return rc;
        watch->is_told[index][i] = true;
    }
    return 0;
}

static int declare_missing(struct kv_watch *watch, size_t engine, struct error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < SERIES_EACH; i++) {
        struct series series = series_of(watch, engine, i);
        struct sample_block block = {.series = &series};
        series.reason = REASON_UNSUPPORTED;
        series.why = "the server does not tell it";
        if (!watch->is_told[engine][i])
            rc = sink_samples(&watch->tee.sink, &block, err);
    }
    return rc;
}

static size_t use_of(struct kv_watch *watch, const char *instance)
{
    for (size_t i = 0; i < watch->use_count; i++) {
        if (strcmp(watch->uses[i].name, instance) == 0)
            return i;
    }
    if (watch->use_count == KV_ENGINES_MAX)
        return KV_ENGINES_MAX;
    kv_use_init(&watch->uses[watch->use_count], instance);
    return watch->use_count++;
}

static int take_reading(struct kv_watch *watch, struct error *err)
{
    int64_t t_ns = now_ns(watch);
    watch->result->readings++;
    for (size_t i = 0; i < watch->metrics.count; i++) {
        const struct kv_engine *engine = &watch->metrics.engines[i];
        size_t index = use_of(watch, engine->instance);
        if (index == KV_ENGINES_MAX) /* engines that come and go under ever new names */
            continue;
        kv_use_add(&watch->uses[index], (double)t_ns / (double)NS_PER_S, engine->use_pct,
                   engine->waiting);
        int rc = add_values(watch, index, engine, t_ns, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* A reading that failed is a gap; only the first of a row is told. */
static int take_failure(struct kv_watch *watch, struct error *err)
{
    watch->result->failed++;
    if (watch->is_gone)
        return 0;
    watch->is_gone = true;
    return tell_event(watch, "unreachable", watch->failed.message, err);
}

/* ---- the watch ---- */

static int begin_run(struct kv_watch *watch, struct error *err)
{
    const struct kv_watch_plan *plan = watch->plan;
    struct facts environment = {0}, workload = {0};
    char label[300];
    int rc = 0;
    snprintf(label, sizeof(label), "kv-cache %s", watch->result->url);
    environment_read(plan->root, &environment);
    facts_text(&workload, "kind", "monitor", NULL);
    facts_text(&workload, "url", watch->result->url, "--url");
    facts_text(&workload, "server", watch->metrics.server, watch->metrics.use_metric);
    facts_number(&workload, "interval_s", (double)plan->interval_ns / (double)NS_PER_S,
                 "--interval");
    if (plan->profile)
        facts_text(&workload, "profile", plan->profile, "--profile");
    if (environment.failed || workload.failed)
        rc = error_set(err, ERROR_NOMEM, "out of memory describing the run");
    struct run_info info = {.label = plan->label ? plan->label : label,
                            .environment = &environment,
                            .workload = &workload};
    run_make_id(info.id);
    info.begin_epoch_s = clock_epoch_s();
    info.begin_mono_ns = watch->begin_ns = clock_mono_ns();
    if (rc == 0)
        rc = sink_begin(&watch->tee.sink, &info, err);
    watch->result->has_begun = rc == 0;
    facts_deinit(&environment);
    facts_deinit(&workload);
    return rc;
}

/* Until that time of the run, or the user says so. */
static void wait_until(const struct kv_watch *watch, uint64_t at_ns)
{
    while (interrupt_count() == 0) {
        int64_t left_ns = (int64_t)at_ns - now_ns(watch);
        struct pollfd wake = {.fd = interrupt_fd(), .events = POLLIN};
        if (left_ns <= 0)
            return;
        int ms = (int)u64_min(((uint64_t)left_ns + NS_PER_MS - 1) / NS_PER_MS, 60000);
        if (poll(&wake, 1, ms) < 0)
            return; /* SIGHUP: the caller's files */
    }
}

static int read_once_more(struct kv_watch *watch, struct error *err)
{
    int rc = read_metrics(watch, &watch->metrics, &watch->failed);
    if (rc == -ERROR_NOMEM) {
        if (err)
            *err = watch->failed;
        return rc;
    }
    if (rc == -ERROR_INTERRUPTED)
        return 0;
    if (rc < 0)
        return take_failure(watch, err);
    if (watch->is_gone)
        rc = tell_event(watch, "reachable", "the server answers again", err);
    watch->is_gone = false;
    return rc < 0 ? rc : take_reading(watch, err);
}

static int go_on(struct kv_watch *watch, struct error *err)
{
    const struct kv_watch_plan *plan = watch->plan;
    bool quit = false;
    int rc = take_reading(watch, err);
    if (rc == 0 && plan->on_reading)
        plan->on_reading(&watch->metrics, clock_epoch_s(), &quit, plan->context);
    uint64_t next_ns = plan->interval_ns;
    while (rc == 0 && !quit && !plan->is_once && interrupt_count() == 0 &&
           (plan->duration_ns == 0 || next_ns <= plan->duration_ns)) {
        wait_until(watch, next_ns);
        if (interrupt_count() > 0)
            break;
        if ((int64_t)next_ns > now_ns(watch))
            continue;
        uint64_t before = watch->result->readings;
        rc = read_once_more(watch, err);
        if (rc == 0 && plan->on_reading && watch->result->readings > before)
            plan->on_reading(&watch->metrics, clock_epoch_s(), &quit, plan->context);
        /* A reading that took longer than the interval has cost its successors. */
        uint64_t passed_ns = (uint64_t)now_ns(watch);
        next_ns += plan->interval_ns;
        if (next_ns < passed_ns)
            next_ns += (passed_ns - next_ns) / plan->interval_ns * plan->interval_ns;
    }
    return rc;
}

/* ---- findings ---- */

static int tell_use(struct kv_watch *watch, const struct kv_use *use, struct error *err)
{
    const struct run_series *series =
        run_find_series(&watch->result->run, "kv_cache_use_pct", use->name);
    size_t count = series ? series->count : 0, n = 0;
    CLEANUP_FREE double *t_s = calloc(count + 1, sizeof(*t_s));
    CLEANUP_FREE double *values = calloc(count + 1, sizeof(*values));
    if (!t_s || !values)
        return error_set(err, ERROR_NOMEM, "out of memory for %zu readings", count);
    for (size_t i = 0; i < count; i++) {
        if (isnan(series->samples[i].value))
            continue;
        t_s[n] = (double)series->samples[i].t_ns / (double)NS_PER_S;
        values[n++] = series->samples[i].value;
    }
    return kv_use_tell(use, t_s, values, n, &watch->tee.sink, err);
}

static int tell_gaps(struct kv_watch *watch, struct error *err)
{
    struct finding finding;
    const struct kv_watch_result *result = watch->result;
    uint64_t all = result->failed + result->readings;
    if (result->failed == 0)
        return 0;
    finding_init(&finding, "server_unreachable", SEVERITY_WARNING, "");
    finding_sentence(&finding, "%llu of %llu readings failed: %.200s",
                     (unsigned long long)result->failed, (unsigned long long)all,
                     watch->failed.message);
    finding_value(&finding, (double)result->failed, NULL);
    finding.n = all;
    finding_evidence(&finding, "events unreachable and reachable of the run; %s in the end",
                     watch->is_gone ? "it was gone" : "it was there");
    finding_advice(&finding,
                   "the server's own log tells whether it ended, was restarted or was too "
                   "busy to answer");
    return sink_finding(&watch->tee.sink, &finding, err);
}

static int end_run(struct kv_watch *watch, struct error *err)
{
    const struct kv_watch_plan *plan = watch->plan;
    struct run *run = &watch->result->run;
    struct facts after = {0};
    int64_t end_ns = now_ns(watch);
    environment_read_changing(plan->root, &after);
    struct phase steady = {.kind = PHASE_STEADY, .unit_count = 1, .end_ns = end_ns + 1};
    int rc = sink_phase(&watch->tee.sink, &steady, err);
    for (size_t i = 0; rc == 0 && i < watch->use_count; i++)
        rc = tell_use(watch, &watch->uses[i], err);
    for (size_t i = 0; rc == 0 && i < watch->use_count; i++)
        rc = declare_missing(watch, i, err);
    if (rc == 0)
        rc = tell_gaps(watch, err);
    for (size_t i = 0; rc == 0 && i < plan->limit_count; i++) {
        struct finding finding;
        rc = limit_judge(run, &plan->limits[i], &finding, err);
        if (rc == 0)
            rc = sink_finding(&watch->tee.sink, &finding, err);
    }
    struct run_end end = {.state = RUN_COMPLETE,
                          .end_ns = end_ns,
                          .own_cpu_ns = clock_process_ns() - watch->own_cpu_begin_ns,
                          .verdict = verdict_of(run->findings, run->finding_count),
                          .environment_after = &after};
    int end_rc = sink_end(&watch->tee.sink, &end, rc == 0 ? err : NULL);
    facts_deinit(&after);
    return rc < 0 ? rc : end_rc;
}

static int run_watch(struct kv_watch *watch, struct error *err)
{
    const struct kv_watch_plan *plan = watch->plan;
    struct kv_watch_result *result = watch->result;
    int rc = complete_url(plan->url, watch->url, sizeof(watch->url), err);
    if (rc == 0)
        rc = net_http_open(&watch->http, err);
    if (rc == 0)
        rc = read_metrics(watch, &watch->metrics, err);
    if (rc < 0)
        return rc;
    str_copy(result->server, sizeof(result->server), watch->metrics.server);
    if (plan->on_open)
        rc = plan->on_open(&watch->metrics, plan->context, err);
    if (plan->sink)
        sink_tee_add(&watch->tee, plan->sink);
    if (rc == 0)
        rc = begin_run(watch, err);
    if (rc < 0)
        return rc;
    rc = go_on(watch, err);
    int end_rc = end_run(watch, rc == 0 ? err : NULL);
    if (watch->tee.count > 1)
        result->sink_error = watch->tee.errors[1];
    return rc < 0 ? rc : end_rc;
}

int kv_watch_run(const struct kv_watch_plan *plan, struct kv_watch_result *ret_result,
                 struct error *err)
{
    *ret_result = (struct kv_watch_result){0};
    run_init(&ret_result->run);
    ret_result->run.time_samples_each = KV_WATCH_SAMPLES_EACH;
    CLEANUP_FREE struct kv_watch *watch = calloc(1, sizeof(*watch));
    if (!watch)
        return error_set(err, ERROR_NOMEM, "out of memory");
    watch->plan = plan;
    watch->result = ret_result;
    watch->own_cpu_begin_ns = clock_process_ns();
    sink_tee_init(&watch->tee);
    sink_tee_add(&watch->tee, run_sink_of(&ret_result->run));
    int rc = run_watch(watch, err);
    net_http_close(watch->http);
    return rc;
}

void kv_watch_result_deinit(struct kv_watch_result *result)
{
    run_deinit(&result->run);
}
