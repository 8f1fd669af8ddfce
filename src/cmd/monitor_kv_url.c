/* monitor_kv_url.c: `tacho monitor kv-cache --url`: the KV cache of a server that runs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cmd/monitor_verbs.h"
#include "measure/kv_watch.h"

enum { USE, TOKENS, SIZE, RUNNING, WAITING, COLUMNS };

static const struct monitor_column columns[COLUMNS] = {
    [USE] = {"kv_cache_use_pct", "used %", 2},
    [TOKENS] = {"kv_cache_tokens", "tokens", 0},
    [SIZE] = {"kv_cache_size_tokens", "of", 0},
    [RUNNING] = {"llm_requests_running", "running", 0},
    [WAITING] = {"llm_requests_waiting", "waiting", 0},
};

struct kv_monitor {
    struct monitor_job job;
    struct kv_watch_plan plan;
    struct kv_watch_result result;
};

/* The server has answered: now there is something to keep. */
static int begin_keeping(const struct kv_metrics *metrics, void *context, struct error *err)
{
    struct kv_monitor *monitor = context;
    (void)metrics;
    return monitor_job_begin(&monitor->job, &monitor->plan.sink, err);
}

static void take_reading(const struct kv_metrics *metrics, double epoch_s, bool *ret_quit,
                         void *context)
{
    struct kv_monitor *monitor = context;
    for (size_t i = 0; i < metrics->count; i++) {
        const struct kv_engine *engine = &metrics->engines[i];
        const double values[COLUMNS] = {[USE] = engine->use_pct,
                                        [TOKENS] = engine->tokens,
                                        [SIZE] = engine->capacity_tokens,
                                        [RUNNING] = engine->running,
                                        [WAITING] = engine->waiting};
        monitor_table_row(&monitor->job.table, epoch_s, engine->instance, values);
    }
    monitor_table_tend(&monitor->job.table);
    *ret_quit = monitor->job.table.reader_is_gone;
}

static void make_plan(struct kv_monitor *monitor)
{
    const struct settings *settings = monitor->job.run.settings;
    struct monitor_pace pace = monitor_job_pace(&monitor->job, 0);
    monitor->plan = (struct kv_watch_plan){
        .root = &monitor->job.run.root,
        .url = settings_get_text(settings, SETTING_URL),
        .label = pace.label,
        .interval_ns = pace.interval_ns,
        .duration_ns = pace.duration_ns,
        .is_once = settings_get_bool(settings, SETTING_ONCE),
        .timeout_ns = settings_get_u64(settings, SETTING_URL_TIMEOUT),
        .on_open = begin_keeping,
        .on_reading = take_reading,
        .context = monitor,
    };
}

static int prepare(struct kv_monitor *monitor, struct error *err)
{
    make_plan(monitor);
    /* A look leaves nothing behind. */
    int rc = monitor_job_open(&monitor->job, MONITOR_KV_URL, "engine", columns, COLUMNS,
                              monitor->plan.is_once, err);
    monitor->plan.profile = monitor->job.run.profile.name;
    monitor->plan.limits = monitor->job.run.limits;
    monitor->plan.limit_count = monitor->job.run.limit_count;
    return rc;
}

static int run_prepared(struct kv_monitor *monitor, struct error *err)
{
    char head[300];
    int rc = prepare(monitor, err);
    if (rc == 0)
        rc = kv_watch_run(&monitor->plan, &monitor->result, err);
    if (!monitor->result.has_begun)
        return rc;
    const struct kv_watch_result *result = &monitor->result;
    snprintf(head, sizeof(head), "%s at %s", result->server, result->url);
    struct monitor_outcome outcome = {.run = &result->run,
                                      .head = head,
                                      .rows = result->readings,
                                      .sink_error =
                                          result->sink_error.code ? &result->sink_error : NULL};
    return monitor_deliver(&monitor->job, &outcome, rc, err);
}

int monitor_kv_url(struct command_context *context, struct error *err)
{
    CLEANUP_FREE struct kv_monitor *monitor = calloc(1, sizeof(*monitor));
    if (!monitor)
        return error_set(err, ERROR_NOMEM, "out of memory");
    monitor_job_init(&monitor->job, context);
    int rc = run_prepared(monitor, err);
    kv_watch_result_deinit(&monitor->result);
    monitor_job_deinit(&monitor->job);
    return rc;
}
