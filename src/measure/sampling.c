/* sampling.c: the sampler's rows become blocks of the run.
 *
 * The sampler's thread never calls a sink. The measuring thread drains its ring while it waits for
 * the program, turns rows into columns and hands each series over in one block.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "measure/gaps.h"
#include "measure/measure_internal.h"

static void flush_channel(struct measure *measure, struct channel_buffer *channel)
{
    struct sample_block block = {.series = &channel->series,
                                 .invocation = measure->invocations ? measure->invocations - 1 : 0,
                                 .n = channel->count,
                                 .t_ns = channel->t_ns,
                                 .value = channel->value};
    struct error err = {0};
    if (sink_samples(measure->sink, &block, &err) < 0 && !measure->late_error.code)
        measure->late_error = err;
    channel->count = 0;
}

static void take_row(const struct sample_row *row, void *context)
{
    struct measure *measure = context;
    /* A row from before the run began (the sampler warms up first) belongs to nobody. */
    if (row->t_ns < measure->begin_ns)
        return;
    for (size_t i = 0; i < measure->channel_count; i++) {
        struct channel_buffer *channel = &measure->channels[i];
        if (!row->due[i] || channel->series.reason != REASON_NONE)
            continue;
        channel->t_ns[channel->count] = (int64_t)(row->t_ns - measure->begin_ns);
        channel->value[channel->count++] = row->values[i];
        if (channel->count == MEASURE_DRAIN_ROWS)
            flush_channel(measure, channel);
    }
}

void sampling_drain(struct measure *measure)
{
    if (!measure->sampler)
        return;
    sampler_drain(measure->sampler, take_row, measure);
    for (size_t i = 0; i < measure->channel_count; i++) {
        if (measure->channels[i].count > 0)
            flush_channel(measure, &measure->channels[i]);
    }
}

/* Ids of the sampler's series follow those of the workload. */
static int channel_buffers_new(struct measure *measure, struct error *err)
{
    size_t workload_series = 0;
    measure->plan.workload->series(measure->plan.workload_state, &workload_series);
    const struct channel *channels = sampler_channels(measure->sampler, &measure->channel_count);
    measure->channels = calloc(measure->channel_count + 1, sizeof(*measure->channels));
    if (!measure->channels)
        return error_set(err, ERROR_NOMEM, "out of memory for %zu channels",
                         measure->channel_count);
    for (size_t i = 0; i < measure->channel_count; i++) {
        struct channel_buffer *channel = &measure->channels[i];
        channel->series = (struct series){.id = (uint32_t)(workload_series + i),
                                          .kind = SERIES_TIME,
                                          .metric = channels[i].metric,
                                          .instance = channels[i].instance,
                                          .source = channels[i].source,
                                          .reason = channels[i].reason,
                                          .why = channels[i].why};
        channel->t_ns = calloc(MEASURE_DRAIN_ROWS, sizeof(*channel->t_ns));
        channel->value = calloc(MEASURE_DRAIN_ROWS, sizeof(*channel->value));
        if (!channel->t_ns || !channel->value)
            return error_set(err, ERROR_NOMEM, "out of memory for channel buffers");
    }
    return 0;
}

/* Every collector that works here, less what the settings switch off. */
static size_t choose_collectors(const struct measure_plan *plan, const struct collect_env *env,
                                const char **names, size_t capacity)
{
    size_t count = 0;
    for (size_t i = 0; collectors[i] && count < capacity; i++) {
        struct probe_result result = {0};
        if (collectors[i]->synthetic || (plan->skip_gpu && !strcmp(collectors[i]->name, "nvml")) ||
            (plan->skip_power && !strcmp(collectors[i]->name, "power")))
            continue;
        collectors[i]->probe(env, &result);
        if (result.reason == REASON_NONE)
            names[count++] = collectors[i]->name;
    }
    return count;
}

int sampling_open(struct measure *measure, struct error *err)
{
    const struct measure_plan *plan = &measure->plan;
    struct collect_env env = {
        .root = plan->root, .interval_ns = plan->interval_ns, .seed = 1, .without_probe = true};
    const char *chosen[32];
    const char *const *names = plan->collector_names;
    size_t count = plan->collector_count;
    if (count == 0 && (plan->skip_gpu || plan->skip_power)) {
        count = choose_collectors(plan, &env, chosen, ARRAY_LEN(chosen));
        names = chosen;
    }
    int rc = sampler_open(&env, names, count, &measure->sampler, err);
    if (rc < 0)
        return rc;
    rc = channel_buffers_new(measure, err);
    return rc < 0 ? rc : sampler_start(measure->sampler, err);
}

int sampling_find_gaps(struct measure *measure, struct error *err)
{
    static const struct gaps_words words = {
        .what = "readings of the sensors",
        .advice = "sample less often (--interval), or leave tacho a core: pin the program with "
                  "--cores"};
    return gaps_tell(measure->sampler, &words, measure->sink, err);
}

void sampling_close(struct measure *measure)
{
    sampler_close(measure->sampler);
    measure->sampler = NULL;
    for (size_t i = 0; measure->channels && i < measure->channel_count; i++) {
        free(measure->channels[i].t_ns);
        free(measure->channels[i].value);
    }
    free(measure->channels);
    measure->channels = NULL;
    measure->channel_count = 0;
}
