/* groups.c: a table's values by group: columns by name, threads put together in the order of the
 * file, and from values that are kept to histograms where there are too many.
 */
#include "analyze/files/groups_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"

#define PART_MIN 4096  /* values of a part where values were kept before */
#define PARTS_MAX 4096 /* then two of them become one */

/* ---- a group ---- */

static struct group *group_new(struct groups *groups, const char *name)
{
    struct group *group = calloc(1, sizeof(*group));
    if (!group || array_reserve(&groups->items, &groups->capacity, groups->count + 1,
                                sizeof(struct group *)) < 0) {
        free(group);
        return NULL;
    }
    group->name = strdup(name);
    if (!group->name) {
        free(group);
        return NULL;
    }
    group->batch = NAN;
    groups->items[groups->count++] = group;
    return group;
}

void groups_deinit(struct groups *groups)
{
    for (size_t i = 0; i < groups->count; i++) {
        struct group *group = groups->items[i];
        free(group->name);
        free(group->values);
        free(group->at);
        hist_free(group->hist);
        free(group->parts);
        free(group);
    }
    free(groups->items);
    arena_deinit(&groups->arena);
    *groups = (struct groups){.count = 0};
}

/* Position as it is kept: ms since the beginning, or lines. Times before it, or further than 49
 * days behind it, stand at the ends. */
static uint32_t position_of(const struct groups *groups, double time_s, uint64_t line)
{
    double position = groups->has_time ? (time_s - groups->begin_s) * 1e3 : (double)line;
    return position > 0 ? (uint32_t)fmin(position, UINT32_MAX) : 0;
}

static double seconds_or_lines(const struct groups *groups, uint32_t at)
{
    return groups->has_time ? groups->begin_s + at * 1e-3 : at;
}

/* ---- parts ---- */

static void join_parts(struct group *group)
{
    size_t to = 0;
    for (size_t i = 0; i + 1 < group->part_count; i += 2, to++) {
        struct group_part *a = &group->parts[i], *b = &group->parts[i + 1];
        struct group_part both = {a->n + b->n, a->first_at, b->last_at, a->sum + b->sum,
                                  fmax(a->max, b->max)};
        group->parts[to] = both;
    }
    if (group->part_count % 2)
        group->parts[to++] = group->parts[group->part_count - 1];
    group->part_count = to;
    group->part_size *= 2;
}

static int add_part(struct group *group, struct group_part part)
{
    struct group_part *last = group->part_count ? &group->parts[group->part_count - 1] : NULL;
    if (last && last->n < group->part_size) {
        last->n += part.n;
        last->last_at = part.last_at;
        last->sum += part.sum;
        last->max = fmax(last->max, part.max);
        return 0;
    }
    if (group->part_count == PARTS_MAX)
        join_parts(group);
    if (array_reserve(&group->parts, &group->part_capacity, group->part_count + 1,
                      sizeof(*group->parts)) < 0)
        return -1;
    group->parts[group->part_count++] = part;
    return 0;
}

/* From values that are kept to a histogram and parts. */
static int group_to_hist(struct groups *groups, struct group *group)
{
    group->part_size = PART_MIN;
    group->hist = hist_new();
    if (!group->hist)
        return -1;
    for (size_t i = 0; i < group->n; i++) {
        double value = group->values[i], at = seconds_or_lines(groups, group->at[i]);
        if (add_part(group, (struct group_part){1, at, at, value, value}) < 0)
            return -1;
        hist_count_double(group->hist, value * GROUP_HIST_SCALE);
    }
    free(group->values);
    free(group->at);
    group->values = NULL;
    group->at = NULL;
    group->capacity = group->at_capacity = 0;
    return 0;
}

static int to_hist(struct grouping *grouping, struct error *err)
{
    struct groups *groups = grouping->groups;
    for (size_t i = 0; i < groups->count; i++) {
        if (groups->items[i]->moments.min < 0) {
            error_set(err, ERROR_INPUT, "%s has more than 4 million values, some of them negative",
                      groups->column);
            return error_hint(err, "--exact keeps all of them in memory");
        }
    }
    groups->is_exact = false;
    atomic_store(&grouping->is_hist, true);
    for (size_t i = 0; i < groups->count; i++) {
        if (!groups->items[i]->hist && group_to_hist(groups, groups->items[i]) < 0)
            return error_set(err, ERROR_NOMEM, "out of memory");
    }
    return 0;
}

/* ---- merging a chunk ---- */

/* "default_batch4": as the old toolkit names workload and batch size; other keys with a slash. */
static void name_of(const struct grouping *grouping, const struct local_group *item, char *buf,
                    size_t size, double *ret_batch)
{
    const char *at = item->key, *end = item->key + item->key_size;
    size_t length = 0;
    *ret_batch = NAN;
    buf[0] = '\0';
    for (size_t i = 0; i < grouping->key_count && at <= end; i++) {
        size_t part = strnlen(at, (size_t)(end - at));
        const char *between = i == 0 ? "" : grouping->key_is_batch[i] ? "_batch" : " / ";
        if (i == 0 && grouping->key_is_batch[i])
            between = "batch";
        int written =
            snprintf(buf + length, size - length, "%s%.*s", between, (int)part, part > 0 ? at : "");
        length += written > 0 ? (size_t)written : 0;
        length = length < size ? length : size - 1;
        if (grouping->key_is_batch[i])
            *ret_batch = strtod(at, NULL);
        at += part + 1;
    }
    if (grouping->key_count == 0)
        snprintf(buf, size, "all");
    str_make_printable(buf);
}

static int find_global(struct grouping *grouping, struct local_group *item, struct error *err)
{
    struct groups *groups = grouping->groups;
    char name[256];
    double batch;
    name_of(grouping, item, name, sizeof(name), &batch);
    for (size_t i = 0; i < groups->count && !item->group; i++) {
        if (strcmp(groups->items[i]->name, name) == 0)
            item->group = groups->items[i];
    }
    if (item->group)
        return 0;
    if (groups->count == GROUPS_MAX) {
        error_set(err, ERROR_INPUT, "%s makes more than %d groups", groups->keys, GROUPS_MAX);
        return error_hint(err, "--group-by names the columns that tell groups apart");
    }
    item->group = group_new(groups, name);
    if (item->group)
        item->group->batch = batch;
    bool is_ready = item->group && (groups->is_exact || group_to_hist(groups, item->group) == 0);
    return is_ready ? 0 : error_set(err, ERROR_NOMEM, "out of memory");
}

/* Everything that depends on the order. Sums go on value by value, whatever the chunks: the same
 * file gives the same bits. *ret: n, sum and max of the chunk. */
static void add_ordered(struct group *group, const struct local_group *item, uint64_t first_line,
                        struct group_part *ret)
{
    if (group->n == 0) {
        group->shift = group->last = group->first = item->values[0];
        group->first_line = group->max_line = first_line + item->lines[0];
        group->moments.min = group->moments.max = item->values[0];
    }
    double shift = group->shift, sum = group->sum, squares = group->squares;
    double jitter = group->jitter_sum, lag = group->lag_sum, before = group->last;
    double min = group->moments.min, max = item->values[0], off_before = before - shift;
    size_t max_at = 0;
    for (size_t i = 0; i < item->count; i++) {
        double value = item->values[i], off = value - shift;
        sum += off;
        squares += off * off;
        jitter += fabs(value - before);
        lag += off * off_before;
        before = value;
        off_before = off;
        min = value < min ? value : min;
        if (value > max) {
            max = value;
            max_at = i;
        }
    }
    if (max > group->moments.max)
        group->max_line = first_line + item->lines[max_at];
    *ret = (struct group_part){
        .n = item->count, .sum = (sum - group->sum) + shift * (double)item->count, .max = max};
    group->sum = sum;
    group->squares = squares;
    group->jitter_sum = jitter;
    group->lag_sum = lag;
    group->last = before;
    group->moments.min = min;
    group->moments.max = fmax(max, group->moments.max);
    group->n += item->count;
    group->moments.n = group->n;
    group->moments.mean = shift + sum / (double)group->n;
    group->moments.m2 = fmax(squares - sum * (sum / (double)group->n), 0);
}

static int keep_values(struct groups *groups, struct group *group, const struct local_group *item,
                       uint64_t first_line)
{
    size_t n = group->n, need = n + item->count;
    if (array_reserve(&group->values, &group->capacity, need, sizeof(*group->values)) < 0 ||
        array_reserve(&group->at, &group->at_capacity, need, sizeof(*group->at)) < 0)
        return -1;
    memcpy(group->values + n, item->values, item->count * sizeof(*group->values));
    for (size_t i = 0; i < item->count; i++)
        group->at[n + i] = position_of(groups, item->times[i], first_line + item->lines[i]);
    return 0;
}

/* A time of the chunk; where the value's own is not known, that of the chunk's end. */
static double part_at(const struct groups *groups, double time_s, double chunk_s, uint64_t line)
{
    double known_s = isnan(time_s) ? chunk_s : time_s;
    return seconds_or_lines(groups, position_of(groups, known_s, line));
}

/* A chunk's values as one part; their histogram is that of the thread, unless they came before it
 * was known that there are too many. */
static int keep_part(struct groups *groups, struct group *group, const struct local_groups *local,
                     const struct local_group *item, uint64_t first_line, struct group_part part)
{
    size_t last = item->count - 1;
    double last_s = local->is_hist ? NAN : item->times[last];
    part.first_at = part_at(groups, item->times[0], local->first_s, first_line + item->lines[0]);
    part.last_at = part_at(groups, last_s, local->last_s, first_line + item->lines[last]);
    for (size_t i = 0; i < item->count && !local->is_hist; i++)
        hist_count_double(group->hist, item->values[i] * GROUP_HIST_SCALE);
    return add_part(group, part);
}

static int merge_group(struct grouping *grouping, struct local_groups *local,
                       struct local_group *item, uint64_t first_line, struct error *err)
{
    struct groups *groups = grouping->groups;
    if (item->count == 0 && item->warmup == 0 && item->power_n == 0)
        return 0;
    int rc = item->group ? 0 : find_global(grouping, item, err);
    if (rc < 0)
        return rc;
    struct group *group = item->group;
    group->power_sum += item->power_sum;
    group->power_n += item->power_n;
    group->warmup += item->warmup;
    if (item->count > 0) {
        struct group_part part;
        rc = groups->is_exact ? keep_values(groups, group, item, first_line) : 0;
        add_ordered(group, item, first_line, &part);
        if (!groups->is_exact)
            rc = keep_part(groups, group, local, item, first_line, part);
        groups->n += item->count;
    }
    item->count = 0;
    item->warmup = item->power_n = 0;
    item->power_sum = 0;
    return rc < 0 ? error_set(err, ERROR_NOMEM, "out of memory") : 0;
}

/* More than can be kept, or surely going to be: the first chunk tells how many rows a file of this
 * size has, and of twice too many none need to be kept first. */
static bool is_too_much(const struct grouping *grouping, uint64_t first_line)
{
    uint64_t n = grouping->groups->n;
    bool is_large = first_line == 1 && grouping->size / SOURCE_CHUNK * n > 2 * GROUPS_EXACT;
    return !grouping->options->is_exact && (n > GROUPS_EXACT || is_large);
}

static int merge(void *context, void *result, uint64_t first_line, struct error *err)
{
    struct grouping *grouping = context;
    struct groups *groups = grouping->groups;
    struct local_groups *local = result;
    if (!isnan(local->first_s)) {
        if (isnan(groups->begin_s))
            groups->begin_s = local->first_s;
        groups->has_time = true;
        if (local->first_s < grouping->last_s)
            skips_add(&grouping->input->skips, SKIP_TIME_BACKWARDS, first_line);
        grouping->last_s = local->last_s;
        groups->end_s = isnan(groups->end_s) ? local->last_s : fmax(groups->end_s, local->last_s);
    }
    skips_merge(&grouping->input->skips, &local->skips, first_line);
    int rc = 0;
    for (size_t i = 0; i < local->count && rc == 0; i++)
        rc = merge_group(grouping, local, &local->items[i], first_line, err);
    if (rc == 0 && groups->is_exact && is_too_much(grouping, first_line))
        rc = to_hist(grouping, err);
    memset(&local->skips, 0, sizeof(local->skips));
    local->first_s = local->last_s = NAN;
    local->is_hist = atomic_load(&grouping->is_hist);
    return rc;
}

/* ---- columns ---- */

static const char *const latency_names[] = {
    "latency",     "latency (ms)", "inference_ms", "inference_time_ms", "time_ms",
    "duration_ms", "elapsed_ms",   "wall_ms",      "response_ms",       "latency_us",
    "latency_ns",  "latency_s",    "latency_sec",  "inference_us",      "inference_time",
    "duration_us", "duration_ns",  "duration_s",   "elapsed_us",        "elapsed_ns",
    "elapsed_s",   "wall_s",       "e2e_ms",       "total_ms",          NULL};
static const char *const time_names[] = {
    "time", "ts",   "datetime", "date", "timestamp_ns", "ts_ns", "timestamp_ms", "ts_ms",
    "t_s",  "t_ms", "elapsed",  "t",    "epoch",        NULL};
static const char *const power_names[] = {"power", "power_watts", "watts", NULL};
static const char *const label_names[] = {"run", NULL};
static const char *const workload_names[] = {"model", "name", NULL};
static const char *const batch_names[] = {"batch", "bs", "batchsize", NULL};

/* How many ms one unit of a column is, by the end of its name; NaN: it does not say. */
static double unit_of(const char *name, const char **ret_unit)
{
    static const struct {
        const char *suffix;
        double scale;
        const char *unit;
    } units[] = {
        {"_ms", 1, "ms"},       {"(ms)", 1, "ms"},
        {"_us", 1e-3, "us"},    {"_ns", 1e-6, "ns"},
        {"_s", 1e3, "s"},       {"_sec", 1e3, "s"},
        {"_seconds", 1e3, "s"}, {"inference_time", 1e3, "s"},
        {"_w", NAN, "W"},       {"_mb", NAN, "MB"},
        {"_pct", NAN, "%"},     {"_percent", NAN, "%"},
        {"_c", NAN, "°C"},      {"_fps", NAN, "1/s"},
    };
    *ret_unit = "";
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        size_t length = strlen(name), suffix = strlen(units[i].suffix);
        if (length >= suffix && strcasecmp(name + length - suffix, units[i].suffix) == 0) {
            *ret_unit = units[i].unit;
            return units[i].scale;
        }
    }
    return NAN;
}

struct columns {
    struct csv_want wants[WANT_KEYS + GROUP_KEYS_MAX];
    size_t count;
};

static void choose_wants(const struct groups_options *options, struct columns *columns)
{
    bool is_named = options->column != NULL;
    columns->wants[WANT_VALUE] =
        (struct csv_want){.name = is_named ? options->column : "latency_ms",
                          .synonyms = is_named ? NULL : latency_names,
                          .kind = CSV_NUMBER,
                          .is_required = true};
    columns->wants[WANT_TIME] =
        (struct csv_want){.name = "timestamp", .synonyms = time_names, .kind = CSV_LAZY_TIME};
    columns->wants[WANT_POWER] =
        (struct csv_want){.name = "power_w", .synonyms = power_names, .kind = CSV_NUMBER};
    columns->wants[WANT_WARMUP] = (struct csv_want){.name = "is_warmup", .kind = CSV_TEXT};
    columns->count = WANT_KEYS;
    static const struct csv_want usual[] = {
        {.name = "run_label", .synonyms = label_names, .kind = CSV_TEXT},
        {.name = "workload", .synonyms = workload_names, .kind = CSV_TEXT},
        {.name = "batch_size", .synonyms = batch_names, .kind = CSV_TEXT},
    };
    for (size_t i = 0; options->key_count == 0 && i < ARRAY_LEN(usual); i++)
        columns->wants[columns->count++] = usual[i];
    for (size_t i = 0; i < options->key_count; i++)
        columns->wants[columns->count++] =
            (struct csv_want){.name = options->keys[i], .kind = CSV_TEXT, .is_required = true};
}

/* Of the usual keys only those count that the table has; they stand first then. */
static size_t drop_absent_keys(struct csv *csv, struct columns *columns)
{
    size_t to = WANT_KEYS;
    for (size_t i = WANT_KEYS; i < columns->count; i++) {
        if (csv_column_of(csv, i) >= 0)
            columns->wants[to++] = columns->wants[i];
    }
    bool changed = to != columns->count;
    columns->count = to;
    return changed;
}

static void describe(const struct csv *csv, const struct columns *columns,
                     struct grouping *grouping)
{
    struct groups *groups = grouping->groups;
    groups->column =
        arena_strdup(&groups->arena, csv_column_name(csv, (size_t)csv_column_of(csv, WANT_VALUE)));
    double scale = groups->column ? unit_of(groups->column, &groups->unit) : NAN;
    grouping->scale = grouping->options->is_latency && !isnan(scale) ? scale : 1;
    if (grouping->options->is_latency)
        groups->unit = "ms";
    for (size_t i = WANT_KEYS; i < columns->count; i++) {
        const char *name = csv_column_name(csv, (size_t)csv_column_of(csv, i));
        size_t length = strlen(groups->keys);
        snprintf(groups->keys + length, sizeof(groups->keys) - length, "%s%s", length ? ", " : "",
                 name);
        grouping->key_is_batch[i - WANT_KEYS] =
            strcasecmp(columns->wants[i].name, "batch_size") == 0;
    }
    grouping->key_count = columns->count - WANT_KEYS;
}

/* The threads counted buckets alone. */
static void complete_hist(struct group *group)
{
    double n = (double)group->n, mean = group->moments.mean * GROUP_HIST_SCALE;
    struct hist *hist = group->hist;
    hist->min = hist_rounded(group->moments.min * GROUP_HIST_SCALE);
    hist->max = hist_rounded(group->moments.max * GROUP_HIST_SCALE);
    hist->sum = mean * n;
    hist->sum_sq = group->moments.m2 * GROUP_HIST_SCALE * GROUP_HIST_SCALE + n * mean * mean;
}

static int read_table(struct csv *csv, struct grouping *grouping, struct error *err)
{
    struct csv_job job = {.context = grouping,
                          .result_new = local_groups_new,
                          .result_free = local_groups_free,
                          .rows = local_groups_rows,
                          .chunk_end = local_groups_chunk_end,
                          .merge = merge};
    int rc = csv_each(csv, grouping->options->threads, &job, err);
    struct analysis_input *input = grouping->input;
    struct groups *groups = grouping->groups;
    for (size_t i = 0; i < groups->count && rc == 0; i++) {
        if (groups->items[i]->hist)
            complete_hist(groups->items[i]);
    }
    skips_merge(&input->skips, csv_skips(csv), 0);
    input->lines = csv_lines(csv);
    input->skips.rows -= input->skips.of[SKIP_NEGATIVE].count;
    input->begin_s = groups->begin_s;
    input->end_s = groups->end_s;
    return rc;
}

static int nothing(const struct groups *groups, const char *path, struct error *err)
{
    error_set(err, ERROR_NOTHING, "no row has a value of %s that can be used", groups->column);
    error_at(err, path, 0, 0);
    return error_hint(err, "--column names another one");
}

int groups_read(const char *path, const struct groups_options *options,
                struct analysis_input *input, struct groups *ret, struct error *err)
{
    struct groups groups = {.is_exact = true, .begin_s = NAN, .end_s = NAN, .unit = ""};
    struct grouping grouping = {
        .groups = &groups, .options = options, .input = input, .last_s = NAN};
    struct columns columns;
    struct source *source = NULL;
    struct csv *csv = NULL;
    if (options->key_count > GROUP_KEYS_MAX)
        return error_set(err, ERROR_USAGE, "more than %d columns of --group-by", GROUP_KEYS_MAX);
    choose_wants(options, &columns);
    int rc = source_open(path, &source, err);
    if (rc == 0)
        rc = csv_open(source, columns.wants, columns.count, &csv, err);
    if (rc == 0 && drop_absent_keys(csv, &columns)) {
        csv_close(csv);
        csv = NULL;
        rc = csv_open(source, columns.wants, columns.count, &csv, err);
    }
    if (rc == 0) {
        grouping.csv = csv;
        grouping.size = source_size(source);
        describe(csv, &columns, &grouping);
        rc = read_table(csv, &grouping, err);
    }
    if (source)
        input->bytes = source_bytes_read(source);
    if (rc == 0 && groups.n == 0)
        rc = nothing(&groups, path, err);
    csv_close(csv);
    source_close(source);
    if (rc < 0) {
        groups_deinit(&groups);
        return rc;
    }
    *ret = groups;
    return 0;
}

int groups_of_values(const double *values, const double *at_s, size_t n, const char *name,
                     struct groups *ret, struct error *err)
{
    struct groups groups = {
        .is_exact = true, .begin_s = NAN, .end_s = NAN, .unit = "ms", .column = "latency_ms"};
    struct local_group item = {.count = n};
    item.values = malloc((n + 1) * sizeof(*item.values));
    item.times = malloc((n + 1) * sizeof(*item.times));
    item.lines = calloc(n + 1, sizeof(*item.lines));
    struct group *group = group_new(&groups, name);
    int rc = item.values && item.times && item.lines && group ? 0 : -1;
    for (size_t i = 0; i < n && rc == 0; i++) {
        item.values[i] = values[i];
        item.times[i] = at_s ? at_s[i] : NAN;
        item.lines[i] = (uint32_t)i;
    }
    if (rc == 0 && n > 0) {
        groups.has_time = at_s != NULL;
        groups.begin_s = at_s ? at_s[0] : NAN;
        groups.end_s = at_s ? at_s[n - 1] : NAN;
        struct group_part part;
        rc = keep_values(&groups, group, &item, 1);
        add_ordered(group, &item, 1, &part);
        groups.n = n;
    }
    free(item.values);
    free(item.times);
    free(item.lines);
    if (rc < 0) {
        groups_deinit(&groups);
        return error_set(err, ERROR_NOMEM, "out of memory");
    }
    *ret = groups;
    return 0;
}

double group_position(const struct groups *groups, const struct group *group, size_t i)
{
    return seconds_or_lines(groups, group->at[i]);
}
