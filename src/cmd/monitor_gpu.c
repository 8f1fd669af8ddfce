/* monitor_gpu.c: `tacho monitor gpu`: every GPU of this machine, a row each an interval. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyze/gpu_watch.h"
#include "base/clock.h"
#include "base/term.h"
#include "base/util.h"
#include "cmd/monitor_verbs.h"
#include "cmd/monitor_view.h"
#include "collect/collector.h"
#include "collect/devices.h"
#include "measure/watch.h"

#define STEP_MS 1000
#define GPUS_MAX 17 /* as many as the collector nvml reads, and a board's own */
#define DEFAULT_DURATION_NS (300 * NS_PER_S) /* as the toolkit that tacho replaces */

enum { UTIL, MEM_USED, MEM_TOTAL, TEMP, POWER, GPU_CLOCK, MEM_CLOCK, REASONS, COLUMNS };

static const struct monitor_column columns[COLUMNS] = {
    [UTIL] = {"gpu_util_pct", "util %", 0},
    [MEM_USED] = {"gpu_mem_used_mb", "used MB", 0},
    [MEM_TOTAL] = {"gpu_mem_total_mb", "of MB", 0},
    [TEMP] = {"gpu_temp_c", "\u00b0C", 0},
    [POWER] = {"gpu_power_w", "W", 1},
    [GPU_CLOCK] = {"gpu_mhz", "MHz", 0},
    [MEM_CLOCK] = {"gpu_mem_mhz", "mem MHz", 0},
    [REASONS] = {"gpu_throttle_reasons", "reasons", 0},
};

struct gpu {
    char name[64];
    int channels[COLUMNS]; /* -1: none */
    struct gpu_watch watch;
};

struct gpu_monitor {
    struct monitor_job job;
    struct watch_plan plan;
    struct watch *watch;
    struct device_list devices;
    const char *collectors[4];
    size_t collector_count;
    struct gpu gpus[GPUS_MAX];
    const struct gpu_watch *watches[GPUS_MAX]; /* of gpus */
    size_t gpu_count;
    const struct monitor_view *view; /* in place of lines; NULL: none */
    void *view_state;
    bool has_new_row;
    uint64_t rows;     /* with a value */
    uint64_t begin_ns; /* of the first row */
};

/* ---- what there is ---- */

static int add_collector(struct gpu_monitor *monitor, const char *name, char *why, size_t size,
                         enum reason *ret_reason)
{
    struct collect_env env = {.root = &monitor->job.run.root,
                              .interval_ns = monitor->plan.interval_ns};
    struct probe_result result = {0};
    collector_find(name)->probe(&env, &result);
    *ret_reason = result.reason;
    if (result.reason == REASON_NONE)
        monitor->collectors[monitor->collector_count++] = name;
    str_copy(why, size, result.detail);
    return result.reason == REASON_NONE;
}

/* The rails and zones of a board belong to its GPU where their name says so. */
static int choose_collectors(struct gpu_monitor *monitor, struct error *err)
{
    char nvml[192], tegra[192], ignored[192];
    enum reason nvml_reason, tegra_reason, other;
    bool has_nvml = add_collector(monitor, "nvml", nvml, sizeof(nvml), &nvml_reason);
    bool has_tegra = add_collector(monitor, "tegra", tegra, sizeof(tegra), &tegra_reason);
    if (has_tegra) {
        add_collector(monitor, "thermal", ignored, sizeof(ignored), &other);
        add_collector(monitor, "power", ignored, sizeof(ignored), &other);
    }
    if (has_nvml || has_tegra)
        return 0;
    bool is_denied = nvml_reason == REASON_DENIED || tegra_reason == REASON_DENIED;
    int code = is_denied ? ERROR_DENIED : ERROR_ABSENT;
    error_set(err, code, "there is no GPU to watch: %.150s; %.150s", nvml, tegra);
    error_hint(err, "tacho devices says what is here");
    return -code;
}

static int column_of(const struct channel *channel, bool *ret_is_boards)
{
    *ret_is_boards = false;
    for (int i = 0; i < COLUMNS; i++) {
        if (strcmp(channel->metric->name, columns[i].name) == 0)
            return i;
    }
    *ret_is_boards = strcasestr(channel->instance, "gpu") != NULL;
    if (*ret_is_boards && strcmp(channel->metric->name, "temp_c") == 0)
        return TEMP;
    return *ret_is_boards && strcmp(channel->metric->name, "power_w") == 0 ? POWER : -1;
}

static struct gpu *gpu_of(struct gpu_monitor *monitor, const char *name)
{
    for (size_t i = 0; i < monitor->gpu_count; i++) {
        if (strcmp(monitor->gpus[i].name, name) == 0)
            return &monitor->gpus[i];
    }
    if (monitor->gpu_count == GPUS_MAX)
        return NULL;
    struct gpu *gpu = &monitor->gpus[monitor->gpu_count++];
    str_copy(gpu->name, sizeof(gpu->name), name);
    for (size_t i = 0; i < COLUMNS; i++)
        gpu->channels[i] = -1;
    return gpu;
}

/* The board's own, which its collector names. */
static const char *boards_gpu(const struct channel *channels, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_starts_with(channels[i].instance, "jetson") &&
            strcmp(channels[i].metric->name, "gpu_util_pct") == 0)
            return channels[i].instance;
    }
    return NULL;
}

static double slowdown_of(const struct gpu_monitor *monitor, const char *name)
{
    const struct device *device = devices_find(&monitor->devices, name);
    const struct fact *fact = device ? facts_get(&device->facts, "gpu_slowdown_c") : NULL;
    return fact && fact->kind == FACT_INTEGER ? (double)fact->integer : NAN;
}

static int take_channels(struct gpu_monitor *monitor, const struct channel *channels, size_t count,
                         struct error *err)
{
    const struct settings *settings = monitor->job.run.settings;
    const char *board = boards_gpu(channels, count);
    for (size_t i = 0; i < count; i++) {
        bool is_boards;
        int column = column_of(&channels[i], &is_boards);
        if (column < 0 || channels[i].reason != REASON_NONE || (is_boards && !board))
            continue;
        struct gpu *gpu = gpu_of(monitor, is_boards ? board : channels[i].instance);
        if (gpu && gpu->channels[column] < 0)
            gpu->channels[column] = (int)i;
    }
    if (monitor->gpu_count == 0) {
        error_set(err, ERROR_UNSUPPORTED, "no GPU here tells anything about itself");
        return error_hint(err, "tacho doctor -v names the collectors and what they need");
    }
    for (size_t i = 0; i < monitor->gpu_count; i++) {
        struct gpu *gpu = &monitor->gpus[i];
        int rc = gpu_watch_init(&gpu->watch, gpu->name, settings_get_u64(settings, SETTING_WINDOW),
                                settings->values[SETTING_THRESHOLD].number,
                                slowdown_of(monitor, gpu->name), err);
        if (rc < 0)
            return rc;
        monitor->watches[i] = &gpu->watch;
    }
    return 0;
}

/* Where the terminal cannot place text, lines as without it. */
static int open_view(struct gpu_monitor *monitor, const struct channel *channels, size_t count,
                     struct error *err)
{
    struct error why = {0};
    struct monitor_view_options options = {
        .kind = WATCH_VIEW_GPUS,
        .label = monitor->plan.label,
        .interval_ns = monitor->plan.interval_ns,
        .colour = term_has_colour(STDOUT_FILENO),
        .root = monitor->plan.root,
        .memory_limit_mb = NAN,
        .channels = channels,
        .channel_count = count,
        .gpus = monitor->watches,
        .gpu_count = monitor->gpu_count,
    };
    int rc = monitor->view->init(&options, &monitor->view_state, &why);
    if (rc == 0)
        return 0;
    monitor->view = NULL;
    if (rc == -ERROR_UNSUPPORTED) {
        fprintf(stderr, "tacho monitor: %s: rows instead of the live screen\n", why.message);
        monitor->job.table.is_text = true;
        return 0;
    }
    if (err)
        *err = why;
    return rc;
}

static int open_all(const struct channel *channels, size_t count, void *context, struct error *err)
{
    struct gpu_monitor *monitor = context;
    int rc = take_channels(monitor, channels, count, err);
    if (rc == 0)
        rc = monitor_job_begin(&monitor->job, &monitor->plan.sink[0], err);
    /* Last: what is printed before would run through its picture. */
    if (rc == 0 && monitor->view)
        rc = open_view(monitor, channels, count, err);
    return rc;
}

/* ---- rows ---- */

static void take_row(const struct sample_row *row, double epoch_s, bool is_beginning, void *context)
{
    struct gpu_monitor *monitor = context;
    if (is_beginning || monitor->begin_ns == 0)
        monitor->begin_ns = row->t_ns;
    if (monitor->view_state)
        monitor->view->row(monitor->view_state, row);
    if (is_beginning)
        return;
    monitor->has_new_row = true;
    bool has_any = false;
    for (size_t i = 0; i < monitor->gpu_count; i++) {
        struct gpu *gpu = &monitor->gpus[i];
        double values[COLUMNS];
        bool is_due = false;
        for (size_t j = 0; j < COLUMNS; j++) {
            int channel = gpu->channels[j];
            values[j] = channel >= 0 && row->due[channel] ? row->values[channel] : NAN;
            is_due |= channel >= 0 && row->due[channel];
            has_any |= !isnan(values[j]);
        }
        if (!is_due) /* faster than the driver has news */
            continue;
        struct gpu_row one = {.t_s = (double)(row->t_ns - monitor->begin_ns) / (double)NS_PER_S,
                              .util_pct = values[UTIL],
                              .power_w = values[POWER],
                              .temp_c = values[TEMP],
                              .reasons = values[REASONS]};
        gpu_watch_add(&gpu->watch, &one);
        monitor_table_row(&monitor->job.table, epoch_s, gpu->name, values);
    }
    monitor->rows += has_any;
}

static int analyze(struct run_sink *sink, void *context, struct error *err)
{
    struct gpu_monitor *monitor = context;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < monitor->gpu_count; i++)
        rc = gpu_watch_tell(&monitor->gpus[i].watch, sink, err);
    return rc;
}

/* ---- the command ---- */

static int check_flags(const struct gpu_monitor *monitor, struct error *err)
{
    const struct command_context *context = monitor->job.run.context;
    if (context->argument_count > 0)
        return error_set(err, ERROR_USAGE, "monitor gpu watches every GPU and takes no '%s'",
                         context->arguments[0]);
    if (context->program)
        return error_set(err, ERROR_USAGE, "monitor gpu starts no program");
    if (monitor->plan.duration_ns > 0 && monitor->plan.duration_ns < monitor->plan.interval_ns)
        return error_set(err, ERROR_USAGE,
                         "--duration is shorter than one interval: there would be no row");
    return 0;
}

static void make_plan(struct gpu_monitor *monitor)
{
    struct monitor_pace pace = monitor_job_pace(&monitor->job, DEFAULT_DURATION_NS);
    monitor->plan = (struct watch_plan){
        .root = &monitor->job.run.root,
        .label = pace.label ? pace.label : "monitor gpu",
        .interval_ns = pace.interval_ns,
        .duration_ns = pace.duration_ns,
        .memory_limit_mb = NAN,
        .on_open = open_all,
        .on_row = take_row,
        .analyze = analyze,
        .context = monitor,
    };
}

static void choose_view(struct gpu_monitor *monitor)
{
    const struct monitor_view *view = monitor_view_choose();
    if (!monitor->job.table.is_text || view != &monitor_view_screen)
        return;
    monitor->view = view;
    monitor->job.table.is_text = false;
}

static int prepare(struct gpu_monitor *monitor, struct error *err)
{
    make_plan(monitor);
    int rc = monitor_job_open(&monitor->job, MONITOR_GPU, "gpu", columns, COLUMNS, false, err);
    if (rc == 0)
        rc = check_flags(monitor, err);
    if (rc == 0)
        rc = choose_collectors(monitor, err);
    if (rc == 0)
        rc = devices_read(&monitor->job.run.root, &monitor->devices, err);
    if (rc < 0)
        return rc;
    choose_view(monitor);
    monitor->plan.profile = monitor->job.run.profile.name;
    monitor->plan.limits = monitor->job.run.limits;
    monitor->plan.limit_count = monitor->job.run.limit_count;
    monitor->plan.collector_names = monitor->collectors;
    monitor->plan.collector_count = monitor->collector_count;
    return 0;
}

static void close_view(struct gpu_monitor *monitor)
{
    if (monitor->view_state)
        monitor->view->deinit(monitor->view_state);
    monitor->view_state = NULL;
}

static void update_view(struct gpu_monitor *monitor, bool *ret_quit)
{
    struct watch_status status;
    if (!monitor->view_state)
        return;
    watch_get_status(monitor->watch, &status);
    monitor->view->update(monitor->view_state, &status, monitor->has_new_row, ret_quit);
    monitor->has_new_row = false;
}

static int watch(struct gpu_monitor *monitor, struct error *err)
{
    bool more = true, quit = false;
    uint32_t step_ms = monitor->view ? monitor->view->step_ms : STEP_MS;
    int rc = 0;
    while (more && !quit && rc == 0 && !monitor->job.table.reader_is_gone) {
        rc = watch_step(monitor->watch, step_ms, &more, err);
        monitor_table_tend(&monitor->job.table);
        update_view(monitor, &quit);
    }
    close_view(monitor); /* what follows is printed */
    struct error step = {0};
    int step_rc = watch_close(monitor->watch, &step);
    run_command_settle(monitor->job.run.context, step_rc, &step, &rc, err);
    return rc;
}

static int run_prepared(struct gpu_monitor *monitor, struct error *err)
{
    char head[64];
    int rc = prepare(monitor, err);
    if (rc == 0)
        rc = watch_open(&monitor->plan, &monitor->watch, err);
    if (rc < 0)
        return rc;
    rc = watch(monitor, err);
    snprintf(head, sizeof(head), "%zu GPU%s", monitor->gpu_count,
             monitor->gpu_count == 1 ? "" : "s");
    struct monitor_outcome outcome = {.run = watch_run_get(monitor->watch),
                                      .head = head,
                                      .rows = monitor->rows,
                                      .sink_error = watch_sink_error(monitor->watch, 0)};
    return monitor_deliver(&monitor->job, &outcome, rc, err);
}

int monitor_gpu(struct command_context *context, struct error *err)
{
    CLEANUP_FREE struct gpu_monitor *monitor = calloc(1, sizeof(*monitor));
    if (!monitor)
        return error_set(err, ERROR_NOMEM, "out of memory");
    monitor_job_init(&monitor->job, context);
    int rc = run_prepared(monitor, err);
    close_view(monitor);
    watch_free(monitor->watch);
    for (size_t i = 0; i < monitor->gpu_count; i++)
        gpu_watch_deinit(&monitor->gpus[i].watch);
    devices_deinit(&monitor->devices);
    monitor_job_deinit(&monitor->job);
    return rc;
}
