/* watch_rows.c: the sampler's rows on their way into the run, the memory verdict and the CSV.
 *
 * To the sampler's columns one may be added here: the work, which the watching thread reads itself,
 * once for all rows that are waiting.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/util.h"
#include "measure/watch_internal.h"

#define ROWS_FOR_ANON 10             /* without any, resident memory has to do */
#define RING_SPARE_NS (5 * NS_PER_S) /* the sampler's ring holds about 10 s */

static void keep_error(struct watch *watch, const struct error *err)
{
    if (!watch->late_error.code)
        watch->late_error = *err;
}

void watch_tell(struct watch *watch, uint64_t mono_ns, const char *name, const char *fmt, ...)
{
    char text[384];
    struct error err = {0};
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    struct event event = {.t_ns = (int64_t)(mono_ns - watch->begin_ns), .name = name, .text = text};
    if (sink_event(watch->sink, &event, &err) < 0)
        keep_error(watch, &err);
}

/* ---- one row ---- */

static void flush_channel(struct watch *watch, struct watch_channel *channel)
{
    struct sample_block block = {.series = &channel->series,
                                 .n = channel->count,
                                 .t_ns = channel->t_ns,
                                 .value = channel->value};
    struct error err = {0};
    if (sink_samples(watch->sink, &block, &err) < 0)
        keep_error(watch, &err);
    channel->count = 0;
}

static void buffer_row(struct watch *watch)
{
    for (size_t i = 0; i < watch->channel_count; i++) {
        struct watch_channel *channel = &watch->channels[i];
        if (!watch->due[i] || channel->series.reason != REASON_NONE)
            continue;
        channel->t_ns[channel->count] = (int64_t)(watch->row.t_ns - watch->begin_ns);
        channel->value[channel->count++] = watch->values[i];
        if (channel->count == WATCH_DRAIN_ROWS)
            flush_channel(watch, channel);
    }
}

static double value_of(const struct watch *watch, int column)
{
    return column >= 0 && watch->due[column] ? watch->values[column] : NAN;
}

static void feed_growth(struct watch *watch)
{
    double anon_mb = value_of(watch, watch->anon_column);
    double swap_mb = value_of(watch, watch->swap_column);
    double memory_mb = watch->by_rss ? value_of(watch, watch->rss_column) : anon_mb;
    if (!watch->has_growth || watch->alive == 0)
        return;
    if (!isnan(swap_mb))
        watch->last_swap_mb = swap_mb;
    /* Some tell it of no process at all (another user's, a hardened kernel). */
    if (!watch->by_rss && isnan(anon_mb) && watch->growth.samples == 0 &&
        ++watch->rows_without_anon >= ROWS_FOR_ANON &&
        watch->rows_without_anon * watch->plan.interval_ns >= RING_SPARE_NS)
        watch->by_rss = true;
    if (isnan(memory_mb))
        return;
    if (!watch->by_rss)
        memory_mb += watch->last_swap_mb;
    double t_s = (double)(watch->row.t_ns - watch->begin_ns) / (double)NS_PER_S;
    if (watch->growth.samples == 0)
        watch->growth_begin_s = t_s;
    growth_tracker_add(&watch->growth, t_s, memory_mb,
                       watch->work_column >= 0 ? &watch->pulse.last : NULL);
}

static void count_cpu(struct watch *watch)
{
    double pct = value_of(watch, watch->cpu_column);
    if (!isnan(pct) && watch->last_cpu_ns > 0 && watch->row.t_ns > watch->last_cpu_ns)
        watch->cpu_s +=
            pct / 100 * (double)(watch->row.t_ns - watch->last_cpu_ns) / (double)NS_PER_S;
    watch->last_cpu_ns = watch->row.t_ns;
}

static void check_pulse(struct watch *watch, int column, struct watch_pulse *pulse)
{
    bool is_silent = watch_pulse_check(pulse, value_of(watch, column),
                                       (int64_t)(watch->row.t_ns - watch->begin_ns));
    if (is_silent && watch->alive > 0)
        watch_tell_silence(watch, column, pulse);
}

static void put_work(struct watch *watch)
{
    int column = watch->work_column;
    if (watch->plan.work_file) {
        watch->values[column] = watch->work_pending;
        watch->due[column] = !isnan(watch->work_pending);
        watch->work_pending = NAN;
    }
    if (column >= 0)
        check_pulse(watch, column, &watch->pulse);
    for (size_t i = 0; i < watch->counter_count; i++)
        check_pulse(watch, (int)watch->counters[i].column, &watch->counters[i].pulse);
}

/* The wall clock as it is now, less the age of the row: so rows agree with other logs, also after
 * the clock was set. */
static double epoch_of(const struct watch *watch)
{
    return clock_epoch_s() - (double)(clock_mono_ns() - watch->row.t_ns) / (double)NS_PER_S;
}

static void take_row(const struct sample_row *row, void *context)
{
    struct watch *watch = context;
    /* By order and not by time: opening the store may take longer than a short interval. */
    bool is_beginning = !watch->has_begun;
    watch->has_begun = true;
    if (row->t_ns < watch->begin_ns)
        return;
    memcpy(watch->values, row->values, watch->sampler_count * sizeof(*watch->values));
    memcpy(watch->due, row->due, watch->sampler_count);
    watch->row = *row;
    watch->row.values = watch->values;
    watch->row.due = watch->due;
    put_work(watch);
    buffer_row(watch);
    count_cpu(watch);
    feed_growth(watch);
    watch->rows += !is_beginning;
    if (watch->plan.on_row)
        watch->plan.on_row(&watch->row, epoch_of(watch), is_beginning, watch->plan.context);
}

void watch_rows_drain(struct watch *watch)
{
    if (!watch->sampler)
        return;
    if (watch->plan.work_file && sampler_has_rows(watch->sampler))
        watch->work_pending = watch_work_read(&watch->work);
    if (sampler_drain(watch->sampler, take_row, watch) == 0)
        return;
    for (size_t i = 0; i < watch->channel_count; i++) {
        if (watch->channels[i].count > 0)
            flush_channel(watch, &watch->channels[i]);
    }
}

/* ---- opening ---- */

static int find_column(const struct watch *watch, const char *metric)
{
    for (size_t i = 0; i < watch->channel_count; i++) {
        if (watch->columns[i].reason == REASON_NONE &&
            strcmp(watch->columns[i].metric->name, metric) == 0)
            return (int)i;
    }
    return -1;
}

static int open_columns(struct watch *watch, struct error *err)
{
    const struct channel *channels = sampler_channels(watch->sampler, &watch->sampler_count);
    size_t count = watch->sampler_count + (watch->plan.work_file ? 1 : 0);
    watch->columns = calloc(count + 1, sizeof(*watch->columns));
    watch->channels = calloc(count + 1, sizeof(*watch->channels));
    watch->values = calloc(count + 1, sizeof(*watch->values));
    watch->due = calloc(count + 1, sizeof(*watch->due));
    if (!watch->columns || !watch->channels || !watch->values || !watch->due)
        return error_set(err, ERROR_NOMEM, "out of memory for %zu channels", count);
    if (watch->sampler_count > 0)
        memcpy(watch->columns, channels, watch->sampler_count * sizeof(*channels));
    bool has_target = watch->plan.target_count > 0 || watch->plan.command;
    for (size_t i = 0; i < watch->sampler_count && !has_target; i++) {
        struct channel *column = &watch->columns[i];
        if (!column->per_target || column->is_late || column->reason != REASON_NONE)
            continue;
        column->reason = REASON_NOT_ASKED;
        column->why = "no process is watched";
    }
    if (watch->plan.work_file)
        watch->columns[watch->sampler_count] = (struct channel){.metric = metric_find("work_done"),
                                                                .instance = "",
                                                                .source = watch->plan.work_file,
                                                                .per_target = true};
    watch->channel_count = count;
    /* The user's file goes before what the program counts as its work. */
    int counted = find_column(watch, "work_done");
    watch->work_column = watch->plan.work_file ? (int)watch->sampler_count : counted;
    if (watch->plan.work_file && counted >= 0 && counted < (int)watch->sampler_count)
        watch->columns[counted].reason = REASON_NOT_ASKED;
    return 0;
}

/* Cameras that stop are told; whatever else a program counts may rest. */
static int open_counters(struct watch *watch, struct error *err)
{
    watch->counters = calloc(watch->channel_count + 1, sizeof(*watch->counters));
    if (!watch->counters)
        return error_set(err, ERROR_NOMEM, "out of memory for %zu channels", watch->channel_count);
    for (size_t i = 0; i < watch->channel_count; i++) {
        if (watch->columns[i].reason == REASON_NONE &&
            strcmp(watch->columns[i].metric->name, "frames_total") == 0)
            watch->counters[watch->counter_count++] =
                (struct watch_counter){.column = i, .pulse = {.last = NAN}};
    }
    return 0;
}

/* In two blocks, so that the kernel only gives the pages of columns that have values: most of those
 * for what a program may record never do. */
static int open_buffers(struct watch *watch, struct error *err)
{
    size_t room = (watch->channel_count + 1) * WATCH_DRAIN_ROWS;
    watch->drain_t_ns = calloc(room, sizeof(*watch->drain_t_ns));
    watch->drain_value = calloc(room, sizeof(*watch->drain_value));
    if (!watch->drain_t_ns || !watch->drain_value)
        return error_set(err, ERROR_NOMEM, "out of memory for channel buffers");
    for (size_t i = 0; i < watch->channel_count; i++) {
        const struct channel *column = &watch->columns[i];
        struct watch_channel *channel = &watch->channels[i];
        channel->series = (struct series){.id = (uint32_t)i,
                                          .kind = SERIES_TIME,
                                          .metric = column->metric,
                                          .instance = column->instance,
                                          .source = column->source,
                                          .reason = column->reason,
                                          .why = column->why};
        channel->t_ns = watch->drain_t_ns + i * WATCH_DRAIN_ROWS;
        channel->value = watch->drain_value + i * WATCH_DRAIN_ROWS;
    }
    return 0;
}

static int open_growth(struct watch *watch, struct error *err)
{
    double window_s = 1;
    if (watch->plan.target_count == 0 && !watch->plan.command)
        return 0;
    /* As many windows as the usual minimum has. */
    if (watch->plan.growth_min_duration_s > 0)
        window_s = fmin(1, watch->plan.growth_min_duration_s / 180);
    if (growth_tracker_init(&watch->growth, window_s, watch->work_column >= 0 ? 1 : 0) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory for the memory verdict");
    watch->has_growth = true;
    return 0;
}

/* What the rows show, and what is judged. */
static bool is_wanted(const char *metric, void *context)
{
    /* Swap is read in time where there is space for it. */
    static const char *const needed[] = {"cpu_track_pct", "mem_track_rss_mb", "mem_track_anon_mb"};
    const struct watch *watch = context;
    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        if (strcmp(metric, needed[i]) == 0)
            return true;
    }
    for (size_t i = 0; i < watch->plan.limit_count; i++) {
        if (strcmp(metric, watch->plan.limits[i].metric) == 0)
            return true;
    }
    return watch->plan.is_wanted(metric, watch->plan.context);
}

int watch_rows_open(struct watch *watch, struct error *err)
{
    struct collect_env env = {.root = watch->plan.root,
                              .interval_ns = watch->plan.interval_ns,
                              .seed = 1,
                              .shm_dir = watch->plan.shm_dir,
                              .inference_channel = watch->plan.inference_channel,
                              .fps_channel = watch->plan.fps_channel,
                              .is_wanted = watch->plan.is_wanted ? is_wanted : NULL,
                              .wanted_context = watch};
    int rc = sampler_open(&env, watch->plan.collector_names, watch->plan.collector_count,
                          &watch->sampler, err);
    if (rc == 0)
        rc = open_columns(watch, err);
    if (rc == 0)
        rc = open_buffers(watch, err);
    if (rc == 0)
        rc = open_counters(watch, err);
    if (rc == 0)
        rc = open_growth(watch, err);
    if (rc < 0)
        return rc;
    watch->cpu_column = find_column(watch, "cpu_track_pct");
    watch->rss_column = find_column(watch, "mem_track_rss_mb");
    watch->anon_column = find_column(watch, "mem_track_anon_mb");
    watch->swap_column = find_column(watch, "mem_track_swap_mb");
    watch->by_rss = watch->plan.growth_by_rss || watch->anon_column < 0;
    watch_work_open(&watch->work, watch->plan.work_file, watch->plan.work_lines);
    watch->work_pending = NAN;
    watch->pulse.last = NAN;
    return 0;
}

int watch_rows_declare(struct watch *watch, struct error *err)
{
    for (size_t i = 0; i < watch->channel_count; i++) {
        struct sample_block block = {.series = &watch->channels[i].series};
        if (watch->columns[i].is_late) /* the first block with values tells of it */
            continue;
        int rc = sink_samples(watch->sink, &block, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

void watch_rows_close(struct watch *watch)
{
    sampler_close(watch->sampler);
    watch->sampler = NULL;
    free(watch->drain_t_ns);
    free(watch->drain_value);
    free(watch->channels);
    free(watch->columns);
    free(watch->counters);
    free(watch->values);
    free(watch->due);
    growth_tracker_deinit(&watch->growth);
    watch_work_close(&watch->work);
    watch->drain_t_ns = NULL;
    watch->drain_value = NULL;
    watch->channels = NULL;
    watch->columns = NULL;
    watch->counters = NULL;
    watch->counter_count = 0;
    watch->values = NULL;
    watch->due = NULL;
}
