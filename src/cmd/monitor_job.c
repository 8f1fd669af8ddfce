/* monitor_job.c: how the verbs of `tacho monitor` begin (monitor_verbs.h). */
#include "base/clock.h"
#include "base/interrupt.h"
#include "base/util.h"
#include "cmd/monitor_verbs.h"

#define DEFAULT_INTERVAL_NS NS_PER_S

/* ---- flags ---- */

static const struct {
    enum setting_id id;
    unsigned verbs;
} owners[] = {
    {SETTING_PID, MONITOR_WATCH},
    {SETTING_TRACK_PATTERN, MONITOR_WATCH},
    {SETTING_WAIT, MONITOR_WATCH},
    {SETTING_ALL, MONITOR_WATCH},
    {SETTING_CHILDREN, MONITOR_WATCH},
    {SETTING_COLUMNS, MONITOR_WATCH},
    {SETTING_WORK_FILE, MONITOR_WATCH},
    {SETTING_WORK_LINES, MONITOR_WATCH},
    {SETTING_STREAM, MONITOR_WATCH},
    {SETTING_SHOW_OUTPUT, MONITOR_WATCH},
    {SETTING_COLLECTOR, MONITOR_WATCH},
    {SETTING_ONCE, MONITOR_WATCH | MONITOR_KV_URL},
    {SETTING_MEMORY_LIMIT, MONITOR_WATCH | MONITOR_KV_SIZE},
    {SETTING_DURATION, MONITOR_WATCH | MONITOR_GPU | MONITOR_KV_URL},
    {SETTING_INTERVAL, MONITOR_WATCH | MONITOR_GPU | MONITOR_KV_URL},
    {SETTING_LIMIT, MONITOR_WATCH | MONITOR_GPU | MONITOR_KV_URL},
    {SETTING_PROFILE, MONITOR_WATCH | MONITOR_GPU | MONITOR_KV_URL},
    {SETTING_WAIVE, MONITOR_WATCH | MONITOR_GPU | MONITOR_KV_URL},
    {SETTING_LABEL, MONITOR_WATCH | MONITOR_GPU | MONITOR_KV_URL},
    {SETTING_STORE_RUN, MONITOR_WATCH | MONITOR_GPU | MONITOR_KV_URL},
    {SETTING_NO_STORE, MONITOR_WATCH | MONITOR_GPU | MONITOR_KV_URL},
    {SETTING_WINDOW, MONITOR_GPU},
    {SETTING_THRESHOLD, MONITOR_GPU},
    {SETTING_URL, MONITOR_KV_SIZE | MONITOR_KV_URL},
    {SETTING_URL_TIMEOUT, MONITOR_KV_URL},
    {SETTING_MAX_LENGTH, MONITOR_KV_SIZE},
    {SETTING_NUM_LAYERS, MONITOR_KV_SIZE},
    {SETTING_NUM_HEADS, MONITOR_KV_SIZE},
    {SETTING_NUM_KV_HEADS, MONITOR_KV_SIZE},
    {SETTING_HEAD_SIZE, MONITOR_KV_SIZE},
    {SETTING_KV_PRECISION, MONITOR_KV_SIZE},
    {SETTING_BATCH_SIZE, MONITOR_KV_SIZE},
};

static const char *verb_name(unsigned verbs)
{
    const unsigned kv = MONITOR_KV_SIZE | MONITOR_KV_URL;
    return verbs & MONITOR_WATCH     ? "tacho monitor"
           : verbs & MONITOR_GPU     ? "tacho monitor gpu"
           : (verbs & kv) == kv      ? "tacho monitor kv-cache"
           : verbs & MONITOR_KV_SIZE ? "tacho monitor kv-cache without --url"
                                     : "tacho monitor kv-cache --url";
}

int monitor_verb_check(const struct settings *settings, enum monitor_verb verb, struct error *err)
{
    for (size_t i = 0; i < ARRAY_LEN(owners); i++) {
        const struct setting_value *value = &settings->values[owners[i].id];
        /* What tacho.yaml and the environment say is for those who take it. */
        if (value->source != SOURCE_FLAG || (owners[i].verbs & verb))
            continue;
        return error_set(err, ERROR_USAGE, "--%s is for %s", settings_table[owners[i].id].flag,
                         verb_name(owners[i].verbs));
    }
    return 0;
}

/* ---- from the flags to what is open ---- */

void monitor_job_init(struct monitor_job *job, struct command_context *context)
{
    job->run = (struct run_command){
        .context = context, .settings = &context->settings, .root = {.fd = -1}};
}

struct monitor_pace monitor_job_pace(const struct monitor_job *job, uint64_t duration_ns)
{
    const struct settings *settings = job->run.settings;
    const char *label = settings_get_text(settings, SETTING_LABEL);
    return (struct monitor_pace){
        .label = label && label[0] ? label : NULL,
        .interval_ns = settings_is_set(settings, SETTING_INTERVAL)
                           ? settings_get_u64(settings, SETTING_INTERVAL)
                           : DEFAULT_INTERVAL_NS,
        .duration_ns = settings_is_set(settings, SETTING_DURATION)
                           ? settings_get_u64(settings, SETTING_DURATION)
                           : duration_ns,
    };
}

int monitor_job_open(struct monitor_job *job, enum monitor_verb verb, const char *instance_name,
                     const struct monitor_column *columns, size_t count, bool without_store,
                     struct error *err)
{
    struct settings *settings = &job->run.context->settings;
    int rc = monitor_verb_check(settings, verb, err);
    if (rc == 0)
        rc = root_open(&job->run.root, settings_get_text(settings, SETTING_ROOT), err);
    if (rc == 0)
        rc = interrupt_install(err);
    if (rc == 0)
        rc = run_command_load_limits(&job->run, err);
    if (rc == 0)
        rc = monitor_table_init(&job->table, job->run.context, instance_name, columns, count, err);
    if (rc == 0 && (without_store || settings_get_bool(settings, SETTING_NO_STORE)))
        rc = settings_set(settings, SETTING_STORE_RUN, "false", SOURCE_FLAG, "--no-store", err);
    return rc;
}

int monitor_job_begin(struct monitor_job *job, struct run_sink **ret_sink, struct error *err)
{
    int rc = monitor_table_open(&job->table, err);
    if (rc == 0)
        rc = run_keep_begin(&job->run.keep, job->run.settings, err);
    if (rc == 0)
        *ret_sink = run_keep_sink(&job->run.keep);
    return rc;
}

void monitor_job_deinit(struct monitor_job *job)
{
    monitor_table_close(&job->table, NULL);
    run_command_deinit(&job->run);
}
