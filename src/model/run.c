/* run.c: the in-memory run as a sink: how it grows. What is asked of it stands in run_query.c. */
#include "model/run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"

/* A TIME series may always hold this many samples, also when raw UNIT values used up the rest. */
#define TIME_SAMPLES_MIN 4096u

#define MICRO 1e6

static int no_memory(struct error *err)
{
    return error_set(err, ERROR_NOMEM, "out of memory while recording the run");
}

/* ---- beginning and end ---- */

static int run_on_begin(struct run_sink *sink, const struct run_info *info, struct error *err)
{
    struct run *run = (struct run *)sink;
    char *label = arena_strdup(&run->arena, info->label ? info->label : "");
    if (!label)
        return no_memory(err);
    if ((info->environment && facts_copy(&run->environment, info->environment) < 0) ||
        (info->workload && facts_copy(&run->workload, info->workload) < 0))
        return no_memory(err);
    str_copy(run->id, sizeof(run->id), info->id);
    run->label = label;
    run->synthetic = info->synthetic;
    run->begin_epoch_s = info->begin_epoch_s;
    run->state = RUN_RECORDING;
    return 0;
}

static int run_on_end(struct run_sink *sink, const struct run_end *end, struct error *err)
{
    struct run *run = (struct run *)sink;
    run->state = end->state;
    run->end_ns = end->end_ns;
    run->own_cpu_ns = end->own_cpu_ns;
    run->verdict = end->verdict;
    if ((end->environment_after &&
         facts_copy(&run->environment_after, end->environment_after) < 0) ||
        (end->workload_after && facts_copy(&run->workload, end->workload_after) < 0))
        return no_memory(err);
    return 0;
}

/* ---- phases, invocations, events, findings ---- */

static int run_on_phase(struct run_sink *sink, const struct phase *phase, struct error *err)
{
    struct run *run = (struct run *)sink;
    size_t need = run->phase_count + 1;
    if (array_reserve(&run->phases, &run->phase_capacity, need, sizeof(*run->phases)) < 0 ||
        array_reserve(&run->phase_order, &run->phase_order_capacity, need,
                      sizeof(*run->phase_order)) < 0)
        return no_memory(err);
    size_t at = run_phase_order_end(run, phase->invocation);
    memmove(run->phase_order + at + 1, run->phase_order + at,
            (run->phase_count - at) * sizeof(*run->phase_order));
    run->phase_order[at] = (uint32_t)run->phase_count;
    run->phases[run->phase_count++] = *phase;
    return 0;
}

static int run_on_invocation(struct run_sink *sink, const struct invocation *invocation,
                             struct error *err)
{
    struct run *run = (struct run *)sink;
    bool may_be_known = run->invocation_count > 0 && invocation->index <= run->invocation_last;
    for (size_t i = run->invocation_count; may_be_known && i-- > 0;) {
        if (run->invocations[i].index == invocation->index) { /* told again: the newer holds */
            run->invocations[i] = *invocation;
            return 0;
        }
    }
    if (array_reserve(&run->invocations, &run->invocation_capacity, run->invocation_count + 1,
                      sizeof(*run->invocations)) < 0)
        return no_memory(err);
    run->invocations[run->invocation_count++] = *invocation;
    if (invocation->index > run->invocation_last)
        run->invocation_last = invocation->index;
    return 0;
}

static int run_on_event(struct run_sink *sink, const struct event *event, struct error *err)
{
    struct run *run = (struct run *)sink;
    struct event copy = *event;
    copy.name = arena_strdup(&run->arena, event->name ? event->name : "");
    copy.text = arena_strdup(&run->arena, event->text ? event->text : "");
    if (!copy.name || !copy.text ||
        array_reserve(&run->events, &run->event_capacity, run->event_count + 1,
                      sizeof(*run->events)) < 0)
        return no_memory(err);
    run->events[run->event_count++] = copy;
    return 0;
}

static int run_on_finding(struct run_sink *sink, const struct finding *finding, struct error *err)
{
    struct run *run = (struct run *)sink;
    if (array_reserve(&run->findings, &run->finding_capacity, run->finding_count + 1,
                      sizeof(*run->findings)) < 0)
        return no_memory(err);
    run->findings[run->finding_count++] = *finding;
    return 0;
}

/* ---- series ---- */

static bool in_registry(const struct metric *metric)
{
    return metric >= metrics_table && metric < metrics_table + metrics_table_count;
}

/* Makes room for one more own metric. The array moves, so series that point into it follow. */
static int own_metrics_grow(struct run *run)
{
    if (run->own_metric_count < run->own_metric_capacity)
        return 0;
    size_t capacity = run->own_metric_capacity ? 2 * run->own_metric_capacity : 8;
    struct metric *moved = arena_alloc(&run->arena, capacity * sizeof(*moved));
    if (!moved)
        return -1;
    if (run->own_metric_count > 0)
        memcpy(moved, run->own_metrics, run->own_metric_count * sizeof(*moved));
    for (size_t i = 0; i < run->series_count; i++) {
        struct series *series = &run->series[i].series;
        if (!in_registry(series->metric))
            series->metric = moved + (series->metric - run->own_metrics);
    }
    run->own_metrics = moved;
    run->own_metric_capacity = capacity;
    return 0;
}

/* The metric as the run will hold it: the registry's row itself, or a copy of one defined by the
 * user. NULL: out of memory. */
static const struct metric *hold_metric(struct run *run, const struct metric *metric)
{
    if (in_registry(metric))
        return metric;
    for (size_t i = 0; i < run->own_metric_count; i++) {
        const struct metric *own = &run->own_metrics[i];
        if (strcmp(own->name, metric->name) == 0 && own->kind == metric->kind &&
            strcmp(own->unit, metric->unit ? metric->unit : "") == 0)
            return own;
    }
    if (own_metrics_grow(run) < 0)
        return NULL;
    struct metric copy = *metric;
    copy.name = arena_strdup(&run->arena, metric->name);
    copy.unit = arena_strdup(&run->arena, metric->unit ? metric->unit : "");
    copy.limit_stat = arena_strdup(&run->arena, metric->limit_stat ? metric->limit_stat : "mean");
    copy.definition = arena_strdup(&run->arena, metric->definition ? metric->definition : "");
    if (!copy.name || !copy.unit || !copy.limit_stat || !copy.definition)
        return NULL;
    run->own_metrics[run->own_metric_count] = copy;
    return &run->own_metrics[run->own_metric_count++];
}

static struct run_series *known_series(const struct run *run, uint32_t id)
{
    if (id < run->series_count && run->series[id].series.id == id)
        return &run->series[id];
    for (size_t i = 0; i < run->series_count; i++) {
        if (run->series[i].series.id == id)
            return &run->series[i];
    }
    return NULL;
}

/* The run's series for this one, created when it is new. NULL: out of memory. */
static struct run_series *hold_series(struct run *run, const struct series *series)
{
    struct run_series *known = known_series(run, series->id);
    if (known) {
        /* A reason may become known late, as when a counter got no time on the hardware. */
        const char *why = series->why ? arena_strdup(&run->arena, series->why) : NULL;
        if (series->reason != known->series.reason && (!series->why || why)) {
            known->series.reason = series->reason;
            known->series.why = why;
        }
        return known;
    }
    struct run_series fresh = {.series = *series};
    fresh.series.metric = hold_metric(run, series->metric);
    fresh.series.instance = arena_strdup(&run->arena, series->instance ? series->instance : "");
    fresh.series.source = arena_strdup(&run->arena, series->source ? series->source : "");
    fresh.series.why = series->why ? arena_strdup(&run->arena, series->why) : NULL;
    bool is_bounded = series->kind == SERIES_TIME && run->time_samples_each > 0;
    if (!fresh.series.metric || !fresh.series.instance || !fresh.series.source ||
        (series->why && !fresh.series.why) ||
        array_reserve(&run->series, &run->series_capacity, run->series_count + 1,
                      sizeof(*run->series)) < 0 ||
        (is_bounded && series->reason == REASON_NONE &&
         array_reserve(&fresh.samples, &fresh.capacity, run->time_samples_each,
                       sizeof(*fresh.samples)) < 0))
        return NULL;
    run->series[run->series_count] = fresh;
    return &run->series[run->series_count++];
}

/* ---- samples ---- */

double run_hist_to_shown(const struct metric *metric, double value)
{
    return metric->kind == METRIC_NS ? metric_to_shown(metric, value) : value / MICRO;
}

bool run_shown_to_hist(const struct metric *metric, double shown, uint64_t *ret_value)
{
    double value = metric->kind == METRIC_NS ? metric_to_inside(metric, shown) : shown * MICRO;
    if (!(value > -0.5) || value >= 18446744073709549568.0) /* the largest double below 2^64 */
        return false;
    *ret_value = (uint64_t)(value + 0.5);
    return true;
}

static struct run_sample sample_at(const struct sample_block *block, size_t i)
{
    const struct series *series = block->series;
    struct run_sample sample = {
        .t_ns = block->t_ns ? block->t_ns[i] : INT64_MIN,
        .invocation = block->invocation,
        .unit = series->kind == SERIES_UNIT ? block->first_unit + i : 0,
    };
    if (block->value_ns)
        sample.value = metric_to_shown(series->metric, (double)block->value_ns[i]);
    else
        sample.value = block->value ? block->value[i] : NAN;
    return sample;
}

/* Creates the histogram with all raw values so far in it. */
static int series_start_hist(struct run_series *series)
{
    series->hist = hist_new();
    if (!series->hist)
        return -1;
    for (size_t i = 0; i < series->count; i++) {
        uint64_t value;
        if (run_shown_to_hist(series->series.metric, series->samples[i].value, &value))
            hist_record(series->hist, value);
    }
    return 0;
}

static void series_record_hist(struct run_series *series, const struct sample_block *block,
                               size_t from)
{
    for (size_t i = from; i < block->n; i++) {
        uint64_t value;
        if (run_shown_to_hist(series->series.metric, sample_at(block, i).value, &value)) {
            hist_record(series->hist, value);
            series->raw_dropped++;
        } else {
            series->lost++;
        }
    }
}

static bool less(const struct run_sample *a, const struct run_sample *b)
{
    return a->value < b->value || isnan(b->value);
}

/* Of four neighbours of a TIME series only the smallest and the largest stay, in their order. */
static void series_thin(struct run *run, struct run_series *series)
{
    size_t kept = 0, before = series->count;
    for (size_t i = 0; i < before; i += 4) {
        size_t end = i + 4 < before ? i + 4 : before;
        size_t smallest = i, largest = i;
        for (size_t j = i + 1; j < end; j++) {
            if (isnan(series->samples[j].value))
                continue;
            if (less(&series->samples[j], &series->samples[smallest]))
                smallest = j;
            if (isnan(series->samples[largest].value) ||
                series->samples[j].value >= series->samples[largest].value)
                largest = j;
        }
        size_t first = smallest < largest ? smallest : largest;
        size_t second = smallest < largest ? largest : smallest;
        series->samples[kept++] = series->samples[first];
        if (second != first)
            series->samples[kept++] = series->samples[second];
    }
    series->count = kept;
    series->raw_dropped += before - kept;
    run->samples_total -= before - kept;
}

/* Of a bounded series, every group of 2 << thin_level values leaves two, its smallest and its
 * largest, so that all of the run is kept at one density. The open group stands at the end. */
static void bounded_add(struct run *run, struct run_series *series, const struct run_sample *sample)
{
    if (!isnan(sample->value))
        moments_add(&series->moments, sample->value);
    if (series->group_count >= UINT64_C(2) << series->thin_level)
        series->group_count = 0;
    if (series->group_count == 0 && series->count + 2 > run->time_samples_each) {
        series_thin(run, series);
        series->thin_level++;
    }
    if (series->group_count++ < 2) {
        series->samples[series->count++] = *sample;
        run->samples_total++;
        return;
    }
    struct run_sample *first = &series->samples[series->count - 2], *second = first + 1;
    series->raw_dropped++;
    if (isnan(sample->value))
        return;
    const struct run_sample *smaller = less(second, first) ? second : first;
    const struct run_sample *larger = smaller == first ? second : first;
    if (less(sample, smaller)) { /* it and the larger stay */
        *first = *larger;
        *second = *sample;
    } else if (isnan(larger->value) || sample->value >= larger->value) {
        *first = *smaller;
        *second = *sample;
    }
}

static void bounded_add_block(struct run *run, struct run_series *series,
                              const struct sample_block *block)
{
    for (size_t i = 0; i < block->n; i++) {
        struct run_sample sample = sample_at(block, i);
        bounded_add(run, series, &sample);
    }
}

/* How many of n more values of this series may be kept raw. */
static size_t room_for(struct run *run, struct run_series *series, size_t n)
{
    if (series->series.kind == SERIES_TIME) {
        if (run->samples_total + n > run->samples_max && series->count >= TIME_SAMPLES_MIN)
            series_thin(run, series);
        return n;
    }
    size_t room = run->samples_max -
                  (run->samples_total < run->samples_max ? run->samples_total : run->samples_max);
    return n < room ? n : room;
}

static int run_on_samples(struct run_sink *sink, const struct sample_block *block,
                          struct error *err)
{
    struct run *run = (struct run *)sink;
    struct run_series *series = hold_series(run, block->series);
    if (!series || (block->hist && !series->hist && series_start_hist(series) < 0))
        return no_memory(err);
    if (block->hist) {
        hist_merge(series->hist, block->hist);
        series->raw_dropped += block->hist->count;
    }
    if (block->n == 0)
        return 0;
    if (series->capacity > 0 && series->series.kind == SERIES_TIME && run->time_samples_each > 0) {
        bounded_add_block(run, series, block);
        return 0;
    }
    size_t raw = room_for(run, series, block->n);
    if (array_reserve(&series->samples, &series->capacity, series->count + raw,
                      sizeof(*series->samples)) < 0)
        return no_memory(err);
    if (raw < block->n && !series->hist && series_start_hist(series) < 0)
        return no_memory(err);
    for (size_t i = 0; i < raw; i++) {
        struct run_sample sample = sample_at(block, i);
        series->samples[series->count++] = sample;
        uint64_t value;
        if (series->hist && run_shown_to_hist(series->series.metric, sample.value, &value))
            hist_record(series->hist, value);
    }
    run->samples_total += raw;
    if (raw < block->n)
        series_record_hist(series, block, raw);
    return 0;
}

/* ---- life ---- */

static const struct run_sink_ops run_ops = {
    .name = "memory",
    .begin = run_on_begin,
    .phase = run_on_phase,
    .invocation = run_on_invocation,
    .samples = run_on_samples,
    .event = run_on_event,
    .finding = run_on_finding,
    .end = run_on_end,
};

void run_init(struct run *run)
{
    *run = (struct run){.sink.ops = &run_ops, .samples_max = RUN_SAMPLES_MAX};
}

void run_deinit(struct run *run)
{
    for (size_t i = 0; i < run->series_count; i++) {
        free(run->series[i].samples);
        hist_free(run->series[i].hist);
    }
    free(run->series);
    free(run->phases);
    free(run->phase_order);
    free(run->invocations);
    free(run->events);
    free(run->findings);
    facts_deinit(&run->environment);
    facts_deinit(&run->environment_after);
    facts_deinit(&run->workload);
    arena_deinit(&run->arena);
    *run = (struct run){0};
}

struct run_sink *run_sink_of(struct run *run)
{
    return &run->sink;
}
