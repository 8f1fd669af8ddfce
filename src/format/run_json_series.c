/* run_json_series.c: see run_json_series.h. */
#include "format/run_json_series.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "stats/hist.h"

#define BLOCK_MAX 4096

/* One series on its way into the sink: columns as they stand in the file, and the block that is
 * being gathered. */
struct replay {
    struct json_reader *reader;
    struct run_sink *sink;
    struct metric *own; /* room for a metric that the registry does not hold */
    struct series series;
    const json_t *invocations, *units, *times, *values;
    struct sample_block block;
    int64_t t_ns[BLOCK_MAX];
    uint64_t value_ns[BLOCK_MAX];
    double value[BLOCK_MAX];
};

/* The registry's metric if it means the same, else one made of what the file says. */
static int read_metric(struct replay *replay, const json_t *row)
{
    struct json_reader *reader = replay->reader;
    const char *name = json_get_text(reader, row, "metric", "");
    const char *unit = json_get_text(reader, row, "unit", "");
    if (!name[0] || strlen(name) >= 64 || strlen(unit) >= 16)
        return json_reader_fail(reader, ERROR_INPUT,
                                "\"metric\" must be a name of 1 to 63 bytes, \"unit\" at most 15");
    const struct metric *known = metric_find(name);
    if (known && strcmp(known->name, name) == 0) {
        if (strcmp(known->unit, unit) != 0)
            return json_reader_fail(reader, ERROR_INPUT, "%s is in \"%s\" here, in the file \"%s\"",
                                    name, known->unit, unit);
        replay->series.metric = known;
        return reader->rc;
    }
    const char *direction = json_get_text(reader, row, "direction", "neither");
    struct metric *own = replay->own;
    *own = (struct metric){.name = name,
                           .unit = unit,
                           .kind = METRIC_VALUE,
                           .scale = 1,
                           .limit_stat = json_get_text(reader, row, "limit_stat", NULL),
                           .definition = json_get_text(reader, row, "definition", NULL)};
    while (own->direction < DIRECTION_HIGHER &&
           strcmp(direction_name(own->direction), direction) != 0)
        own->direction++;
    if (strcmp(direction_name(own->direction), direction) != 0)
        return json_reader_fail(reader, ERROR_INPUT, "\"direction\" cannot be \"%.32s\"",
                                direction);
    replay->series.metric = own;
    return reader->rc;
}

static int read_declaration(struct replay *replay, const json_t *row)
{
    struct json_reader *reader = replay->reader;
    struct series *series = &replay->series;
    series->id = (uint32_t)json_get_i64(reader, row, "id", 0, RUN_JSON_SERIES_MAX - 1, 0);
    int kind = series_kind_parse(json_get_text(reader, row, "kind", ""));
    const char *reason_text = json_get_text(reader, row, "reason", "none");
    int reason = reason_parse(reason_text);
    if (kind < 0 || reason < 0)
        return json_reader_fail(reader, ERROR_INPUT, "\"kind\" or \"reason\" is not known");
    series->kind = (enum series_kind)kind;
    series->reason = (enum reason)reason;
    series->instance = json_get_text(reader, row, "instance", "");
    series->source = json_get_text(reader, row, "source", "");
    series->why = json_get_text(reader, row, "why", NULL);
    return read_metric(replay, row);
}

static int read_columns(struct replay *replay, const json_t *row)
{
    struct json_reader *reader = replay->reader;
    replay->values = json_get_array(reader, row, "values");
    replay->invocations = json_get_array(reader, row, "invocation");
    replay->units = json_get_array(reader, row, "unit_index");
    replay->times = json_get_array(reader, row, "t_s");
    size_t n = json_array_size(replay->values);
    bool fits = json_array_size(replay->invocations) == n &&
                (!replay->times || json_array_size(replay->times) == n) &&
                (!replay->units || json_array_size(replay->units) == n);
    if (replay->series.kind == SERIES_UNIT && n > 0 && !replay->units)
        fits = false;
    if (reader->rc == 0 && !fits)
        json_reader_fail(reader, ERROR_INPUT, "the columns are not equally long");
    return reader->rc;
}

static int flush(struct replay *replay)
{
    struct sample_block *block = &replay->block;
    if (block->n == 0 || replay->reader->rc < 0)
        return replay->reader->rc;
    replay->reader->rc = sink_samples(replay->sink, block, replay->reader->err);
    block->n = 0;
    return replay->reader->rc;
}

/* Whether sample (invocation, unit, has_t) may join the block that is being gathered. */
static bool continues(const struct replay *replay, uint32_t invocation, uint64_t unit, bool has_t)
{
    const struct sample_block *block = &replay->block;
    return block->n < BLOCK_MAX && block->invocation == invocation &&
           (block->t_ns != NULL) == has_t &&
           (replay->series.kind != SERIES_UNIT || unit == block->first_unit + block->n);
}

static int read_value(struct replay *replay, const json_t *value, size_t i)
{
    struct json_reader *reader = replay->reader;
    const struct metric *metric = replay->series.metric;
    size_t n = replay->block.n;
    if (!json_is_number(value) && !(json_is_null(value) && metric->kind == METRIC_VALUE))
        return json_reader_fail(reader, ERROR_INPUT, "values[%zu] must be a number", i);
    double shown = json_is_null(value) ? NAN : json_number_value(value);
    if (metric->kind == METRIC_VALUE) {
        replay->value[n] = shown;
        return 0;
    }
    double ns = metric_to_inside(metric, shown);
    if (!(ns > -0.5 && ns < 9.2e18))
        return json_reader_fail(reader, ERROR_INPUT, "values[%zu] is no duration", i);
    replay->value_ns[n] = (uint64_t)llround(ns);
    return 0;
}

static int read_sample(struct replay *replay, size_t i)
{
    struct json_reader *reader = replay->reader;
    const json_t *invocation = json_array_get(replay->invocations, i);
    const json_t *unit = json_array_get(replay->units, i);
    const json_t *time = json_array_get(replay->times, i);
    int64_t index = json_integer_value(invocation), unit_index = json_integer_value(unit);
    if (!json_is_integer(invocation) || index < 0 || index > UINT32_MAX || unit_index < 0 ||
        (unit && !json_is_integer(unit)))
        return json_reader_fail(reader, ERROR_INPUT,
                                "invocation[%zu] and unit_index[%zu] must be whole numbers", i, i);
    bool has_t = time && !json_is_null(time);
    int64_t t_ns = INT64_MIN;
    if (has_t && !json_seconds_to_ns(time, &t_ns))
        return json_reader_fail(reader, ERROR_INPUT, "t_s[%zu] must be seconds", i);
    struct sample_block *block = &replay->block;
    if (!continues(replay, (uint32_t)index, (uint64_t)unit_index, has_t) && flush(replay) < 0)
        return reader->rc;
    if (block->n == 0) {
        block->invocation = (uint32_t)index;
        block->first_unit = replay->series.kind == SERIES_UNIT ? (uint64_t)unit_index : 0;
        block->t_ns = has_t ? replay->t_ns : NULL;
    }
    if (read_value(replay, json_array_get(replay->values, i), i) < 0)
        return reader->rc;
    replay->t_ns[block->n++] = t_ns;
    return 0;
}

static uint64_t get_u64(struct json_reader *reader, const json_t *object, const char *key)
{
    return (uint64_t)json_get_i64(reader, object, key, 0, INT64_MAX, 0);
}

static int read_buckets(struct json_reader *reader, const json_t *buckets, struct hist *hist)
{
    size_t n = json_array_size(buckets);
    int64_t last = -1;
    for (size_t i = 0; i + 1 < n; i += 2) {
        const json_t *bucket = json_array_get(buckets, i), *value = json_array_get(buckets, i + 1);
        int64_t index = json_integer_value(bucket), count = json_integer_value(value);
        if (!json_is_integer(bucket) || !json_is_integer(value) || index <= last ||
            index >= HIST_BUCKETS || count <= 0 || (uint64_t)count > INT64_MAX - hist->count)
            return json_reader_fail(
                reader, ERROR_INPUT,
                "\"buckets\" must be pairs of a bucket, ascending, and a count");
        hist->buckets[index] = (uint64_t)count;
        hist->count += (uint64_t)count;
        last = index;
    }
    return reader->rc;
}

static int read_histogram(struct replay *replay, const json_t *row)
{
    struct json_reader *reader = replay->reader;
    const json_t *object = json_object_get(row, "histogram");
    if (reader->rc < 0 || !object)
        return reader->rc;
    CLEANUP_FREE struct hist *hist = hist_new();
    if (!hist)
        return json_reader_fail_memory(reader);
    if (!json_is_object(object) || replay->series.kind == SERIES_TIME)
        return json_reader_fail(reader, ERROR_INPUT,
                                "\"histogram\" must be an object, and not of "
                                "values over time");
    read_buckets(reader, json_get_array(reader, object, "buckets"), hist);
    hist->min = get_u64(reader, object, "min");
    hist->max = get_u64(reader, object, "max");
    hist->sum = json_number_value(json_object_get(object, "sum"));
    hist->sum_sq = json_number_value(json_object_get(object, "sum_sq"));
    if (reader->rc == 0 &&
        (hist->count != get_u64(reader, object, "n") || hist->count == 0 || hist->min > hist->max))
        json_reader_fail(reader, ERROR_INPUT, "\"histogram\" contradicts itself");
    struct sample_block block = {.series = &replay->series, .hist = hist};
    if (reader->rc == 0)
        reader->rc = sink_samples(replay->sink, &block, reader->err);
    return reader->rc;
}

static int tell_dropped(struct replay *replay, const json_t *row)
{
    struct json_reader *reader = replay->reader;
    int64_t dropped = json_get_i64(reader, row, "dropped", 0, INT64_MAX, 0);
    if (reader->rc < 0 || dropped == 0)
        return reader->rc;
    char text[200];
    snprintf(text, sizeof(text), "%lld values of %s were not in the file", (long long)dropped,
             replay->series.metric->name);
    struct event event = {.t_ns = INT64_MIN, .name = "samples_dropped", .text = text};
    reader->rc = sink_event(replay->sink, &event, reader->err);
    return reader->rc;
}

static int replay_one(struct replay *replay, const json_t *row)
{
    if (read_declaration(replay, row) < 0 || read_columns(replay, row) < 0)
        return replay->reader->rc;
    struct sample_block declaration = {.series = &replay->series};
    replay->reader->rc = sink_samples(replay->sink, &declaration, replay->reader->err);
    bool whole = replay->series.metric->kind == METRIC_NS;
    replay->block = (struct sample_block){.series = &replay->series,
                                          .value_ns = whole ? replay->value_ns : NULL,
                                          .value = whole ? NULL : replay->value};
    size_t n = json_array_size(replay->values);
    for (size_t i = 0; replay->reader->rc == 0 && i < n; i++)
        read_sample(replay, i);
    flush(replay);
    read_histogram(replay, row);
    return tell_dropped(replay, row);
}

int run_json_replay_series(struct json_reader *reader, const json_t *object, struct metric *own,
                           struct run_sink *sink)
{
    const json_t *rows = json_get_array(reader, object, "series");
    size_t count = json_array_size(rows);
    CLEANUP_FREE struct replay *replay = calloc(1, sizeof(*replay));
    CLEANUP_FREE bool *seen = calloc(RUN_JSON_SERIES_MAX, sizeof(*seen));
    if (!replay || !seen)
        return json_reader_fail_memory(reader);
    replay->reader = reader;
    replay->sink = sink;
    for (size_t i = 0; reader->rc == 0 && i < count; i++) {
        const json_t *row = json_array_get(rows, i);
        json_reader_at(reader, "series[%zu]", i);
        if (!json_is_object(row))
            return json_reader_fail(reader, ERROR_INPUT, "must be an object");
        replay->own = &own[i];
        replay->series = (struct series){0};
        int64_t id = json_get_i64(reader, row, "id", 0, RUN_JSON_SERIES_MAX - 1, 0);
        if (seen[id])
            return json_reader_fail(reader, ERROR_INPUT, "\"id\" %d appears twice", (int)id);
        seen[id] = true;
        replay_one(replay, row);
    }
    reader->where[0] = '\0';
    return reader->rc;
}
