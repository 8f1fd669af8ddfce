/* monitor_kv_url.c: `tacho monitor kv-cache --url`: the KV cache of a server that runs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/util.h"
#include "cmd/monitor_verbs.h"
#include "measure/kv_watch.h"

#define DEFAULT_INTERVAL_NS NS_PER_S

enum { USE, TOKENS, SIZE, RUNNING, WAITING, COLUMNS };

static const struct monitor_column columns[COLUMNS] = {
    [USE] = {"kv_cache_use_pct", "used %", 2},
    [TOKENS] = {"kv_cache_tokens", "tokens", 0},
    [SIZE] = {"kv_cache_size_tokens", "of", 0},
    [RUNNING] = {"llm_requests_running", "running", 0},
    [WAITING] = {"llm_requests_waiting", "waiting", 0},
};

struct kv_monitor {
    struct run_command run;
    struct monitor_table table;
    struct kv_watch_plan plan;
    struct kv_watch_result result;
};

/* The server has answered: now there is something to keep. */
static int begin_keeping(const struct kv_metrics *metrics, void *context, struct error *err)
{
    struct kv_monitor *monitor = context;
    (void)metrics;
    int rc = monitor_table_open(&monitor->table, err);
    if (rc == 0)
        rc = run_keep_begin(&monitor->run.keep, monitor->run.settings, err);
    monitor->plan.sink = run_keep_sink(&monitor->run.keep);
    return rc;
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
        monitor_table_row(&monitor->table, epoch_s, engine->instance, values);
    }
    monitor_table_tend(&monitor->table);
    *ret_quit = monitor->table.reader_is_gone;
}

static void make_plan(struct kv_monitor *monitor)
{
    const struct settings *settings = monitor->run.settings;
    const char *label = settings_get_text(settings, SETTING_LABEL);
    monitor->plan = (struct kv_watch_plan){
        .root = &monitor->run.root,
        .url = settings_get_text(settings, SETTING_URL),
        .label = label && label[0] ? label : NULL,
        .interval_ns = settings_is_set(settings, SETTING_INTERVAL)
                           ? settings_get_u64(settings, SETTING_INTERVAL)
                           : DEFAULT_INTERVAL_NS,
        .duration_ns = settings_get_u64(settings, SETTING_DURATION),
        .is_once = settings_get_bool(settings, SETTING_ONCE),
        .timeout_ns = settings_get_u64(settings, SETTING_URL_TIMEOUT),
        .on_open = begin_keeping,
        .on_reading = take_reading,
        .context = monitor,
    };
}

static int prepare(struct kv_monitor *monitor, struct error *err)
{
    struct settings *settings = &monitor->run.context->settings;
    make_plan(monitor);
    int rc = monitor_verb_check(settings, MONITOR_KV_URL, err);
    if (rc == 0 && !settings_is_set(settings, SETTING_DURATION))
        monitor->plan.duration_ns = 0;
    if (rc == 0)
        rc = root_open(&monitor->run.root, settings_get_text(settings, SETTING_ROOT), err);
    if (rc == 0)
        rc = interrupt_install(err);
    if (rc == 0)
        rc = run_command_load_limits(&monitor->run, err);
    if (rc == 0)
        rc = monitor_table_init(&monitor->table, monitor->run.context, "engine", columns, COLUMNS,
                                err);
    /* A look leaves nothing behind. */
    if (rc == 0 && (settings_get_bool(settings, SETTING_NO_STORE) || monitor->plan.is_once))
        rc = settings_set(settings, SETTING_STORE_RUN, "false", SOURCE_FLAG, "--no-store", err);
    monitor->plan.profile = monitor->run.profile.name;
    monitor->plan.limits = monitor->run.limits;
    monitor->plan.limit_count = monitor->run.limit_count;
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
    return monitor_deliver(&monitor->run, &monitor->table, &outcome, rc, err);
}

int monitor_kv_url(struct command_context *context, struct error *err)
{
    CLEANUP_FREE struct kv_monitor *monitor = calloc(1, sizeof(*monitor));
    if (!monitor)
        return error_set(err, ERROR_NOMEM, "out of memory");
    monitor->run = (struct run_command){
        .context = context, .settings = &context->settings, .root = {.fd = -1}};
    int rc = run_prepared(monitor, err);
    monitor_table_close(&monitor->table, NULL);
    kv_watch_result_deinit(&monitor->result);
    run_command_deinit(&monitor->run);
    return rc;
}
