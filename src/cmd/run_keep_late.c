/* run_keep_late.c: see run_keep_late.h. */
#include "cmd/run_keep_late.h"

#include <string.h>

#include "base/clock.h"

#define BLOCK_MAX 512

/* ---- what was held, into the store ---- */

struct column {
    int64_t t_ns[BLOCK_MAX];
    uint64_t value_ns[BLOCK_MAX];
    double value[BLOCK_MAX];
};

/* Samples that fit into one block: of one invocation, units one after the other. */
static size_t fill_column(const struct run_series *series, size_t at, struct column *column)
{
    const struct run_sample *first = &series->samples[at];
    bool is_unit = series->series.kind == SERIES_UNIT;
    bool is_time = series->series.metric->kind == METRIC_NS;
    size_t n = 0;
    for (; n < BLOCK_MAX && at + n < series->count; n++) {
        const struct run_sample *sample = first + n;
        if (sample->invocation != first->invocation ||
            (is_unit && sample->unit != first->unit + n) ||
            (sample->t_ns == INT64_MIN) != (first->t_ns == INT64_MIN))
            break;
        column->t_ns[n] = sample->t_ns;
        column->value[n] = sample->value;
        column->value_ns[n] = 0;
        if (is_time)
            run_shown_to_hist(series->series.metric, sample->value, &column->value_ns[n]);
    }
    return n;
}

static int pass_samples(const struct run_series *series, struct run_sink *sink, struct error *err)
{
    struct column column;
    struct sample_block declared = {.series = &series->series};
    bool is_time = series->series.metric->kind == METRIC_NS;
    int rc = sink_samples(sink, &declared, err);
    for (size_t at = 0, n; rc == 0 && at < series->count; at += n) {
        const struct run_sample *first = &series->samples[at];
        n = fill_column(series, at, &column);
        struct sample_block block = {.series = &series->series,
                                     .invocation = first->invocation,
                                     .first_unit = first->unit,
                                     .n = n,
                                     .t_ns = first->t_ns == INT64_MIN ? NULL : column.t_ns,
                                     .value_ns = is_time ? column.value_ns : NULL,
                                     .value = is_time ? NULL : column.value};
        rc = sink_samples(sink, &block, err);
    }
    return rc;
}

static int pass_on(const struct run_keep_late *late, struct error *err)
{
    const struct run *held = &late->held;
    struct run_sink *sink = late->stored;
    struct run_info info = {.label = held->label,
                            .synthetic = held->synthetic,
                            .begin_epoch_s = held->begin_epoch_s,
                            .begin_mono_ns = late->begin_mono_ns,
                            .environment = &held->environment,
                            .workload = &held->workload};
    memcpy(info.id, held->id, sizeof(info.id));
    int rc = sink_begin(sink, &info, err);
    for (size_t i = 0; rc == 0 && i < held->series_count; i++)
        rc = pass_samples(&held->series[i], sink, err);
    for (size_t i = 0; rc == 0 && i < held->phase_count; i++)
        rc = sink_phase(sink, &held->phases[i], err);
    for (size_t i = 0; rc == 0 && i < held->event_count; i++)
        rc = sink_event(sink, &held->events[i], err);
    for (size_t i = 0; rc == 0 && i < held->finding_count; i++)
        rc = sink_finding(sink, &held->findings[i], err);
    return rc;
}

int run_keep_late_open(struct run_keep_late *late, struct error *err)
{
    int rc = store_open_writable(late->directory, late->store, err);
    if (rc == 0)
        rc = store_sink(*late->store, &late->stored, err);
    return rc;
}

static int begin_store(struct run_keep_late *late, struct error *err)
{
    int rc = run_keep_late_open(late, err);
    return rc < 0 ? rc : pass_on(late, err);
}

/* ---- the sink ---- */

/* Where the stream goes now. */
static struct run_sink *target(struct run_keep_late *late)
{
    return late->stored ? late->stored : run_sink_of(&late->held);
}

/* Makes the store if it is time. */
static int settle(struct run_keep_late *late, bool is_time, struct error *err)
{
    bool is_late = clock_mono_ns() - late->begin_mono_ns >= RUN_KEEP_LATE_NS;
    return late->stored || !(is_time || is_late) ? 0 : begin_store(late, err);
}

static int late_begin(struct run_sink *sink, const struct run_info *info, struct error *err)
{
    struct run_keep_late *late = (struct run_keep_late *)sink;
    late->begin_mono_ns = info->begin_mono_ns;
    return sink_begin(target(late), info, err);
}

static int late_phase(struct run_sink *sink, const struct phase *phase, struct error *err)
{
    struct run_keep_late *late = (struct run_keep_late *)sink;
    int rc = settle(late, false, err);
    return rc < 0 ? rc : sink_phase(target(late), phase, err);
}

static int late_invocation(struct run_sink *sink, const struct invocation *invocation,
                           struct error *err)
{
    struct run_keep_late *late = (struct run_keep_late *)sink;
    int rc = settle(late, true, err);
    return rc < 0 ? rc : sink_invocation(target(late), invocation, err);
}

static int late_samples(struct run_sink *sink, const struct sample_block *block, struct error *err)
{
    struct run_keep_late *late = (struct run_keep_late *)sink;
    int rc = settle(late, block->hist != NULL, err);
    return rc < 0 ? rc : sink_samples(target(late), block, err);
}

static int late_event(struct run_sink *sink, const struct event *event, struct error *err)
{
    struct run_keep_late *late = (struct run_keep_late *)sink;
    int rc = settle(late, false, err);
    return rc < 0 ? rc : sink_event(target(late), event, err);
}

static int late_finding(struct run_sink *sink, const struct finding *finding, struct error *err)
{
    struct run_keep_late *late = (struct run_keep_late *)sink;
    return sink_finding(target(late), finding, err);
}

/* One that nothing came of stays held: whether it is kept, the caller knows. */
static int late_end(struct run_sink *sink, const struct run_end *end, struct error *err)
{
    struct run_keep_late *late = (struct run_keep_late *)sink;
    return late->stored ? sink_end(late->stored, end, err) : 0;
}

void run_keep_late_init(struct run_keep_late *late, const char *directory, struct store **store)
{
    static const struct run_sink_ops ops = {.name = "late store",
                                            .begin = late_begin,
                                            .phase = late_phase,
                                            .invocation = late_invocation,
                                            .samples = late_samples,
                                            .event = late_event,
                                            .finding = late_finding,
                                            .end = late_end};
    *late = (struct run_keep_late){.sink.ops = &ops, .directory = directory, .store = store};
    run_init(&late->held);
}

void run_keep_late_deinit(struct run_keep_late *late)
{
    if (late->sink.ops)
        run_deinit(&late->held);
}
