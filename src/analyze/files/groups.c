/* groups.c: a table's values by group: columns by name, threads put together in the order of the
 * file, and from values that are kept to histograms where there are too many.
 */
#include "analyze/files/groups_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"

#define PART_MIN 4096    /* values of a part where values were kept before */
#define PARTS_MAX 4096   /* then two of them become one */
#define HIST_MAX_BITS 40 /* of the largest value so far, in histograms */

/* ---- a group ---- */

static struct group *group_new(struct groups *groups, const char *name, const char *key,
                               size_t key_size)
{
    struct group *group = calloc(1, sizeof(*group));
    if (!group || array_reserve(&groups->items, &groups->capacity, groups->count + 1,
                                sizeof(struct group *)) < 0) {
        free(group);
        return NULL;
    }
    group->name = strdup(name);
    group->key = malloc(key_size + 1);
    if (!group->name || !group->key) {
        free(group->name);
        free(group->key);
        free(group);
        return NULL;
    }
    memcpy(group->key, key, key_size);
    group->key_size = key_size;
    group->batch = NAN;
    groups->items[groups->count++] = group;
    return group;
}

void groups_deinit(struct groups *groups)
{
    for (size_t i = 0; i < groups->count; i++) {
        struct group *group = groups->items[i];
        free(group->name);
        free(group->key);
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

/* ---- positions ---- */

/* Seconds since the beginning, or lines; NaN: the row does not say. */
static double position_of(const struct groups *groups, double time_s, uint64_t line)
{
    return groups->has_time ? time_s - groups->begin_s : (double)line;
}

static double seconds_or_lines(const struct groups *groups, double position)
{
    return groups->has_time ? groups->begin_s + position : position;
}

/* Makes room for positions as far away as that one: a unit is a millisecond in the first 24 days
 * (or a line), and twice as much each time that they do not suffice. */
static void reach(struct groups *groups, double position)
{
    while (fabs(position) / groups->at_unit > INT32_MAX - 1) {
        for (size_t i = 0; i < groups->count; i++) {
            for (size_t k = 0; k < groups->items[i]->n && groups->items[i]->at; k++)
                groups->items[i]->at[k] /= 2;
        }
        groups->at_unit *= 2;
    }
}

static int32_t rounded(double value)
{
    return (int32_t)(value < 0 ? value - 0.5 : value + 0.5);
}

/* A row that does not say when it was stands where the one before it does. */
static void keep_positions(struct groups *groups, struct group *group,
                           const struct local_group *item, uint64_t first_line)
{
    double farthest = 0;
    for (size_t i = 0; i < item->count; i++)
        farthest =
            fmax(farthest, fabs(position_of(groups, item->times[i], first_line + item->lines[i])));
    reach(groups, farthest);
    int32_t before = group->n > 0 ? group->at[group->n - 1] : 0;
    for (size_t i = 0; i < item->count; i++) {
        double position = position_of(groups, item->times[i], first_line + item->lines[i]);
        before = isnan(position) ? before : rounded(position / groups->at_unit);
        group->at[group->n + i] = before;
    }
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
    group->hist_scale = groups->hist_scale;
    group->hist = hist_new();
    if (!group->hist)
        return -1;
    for (size_t i = 0; i < group->n; i++) {
        double value = group->values[i], at = group_position(groups, group, i);
        if (add_part(group, (struct group_part){1, at, at, value, value}) < 0)
            return -1;
        hist_count_double(group->hist, value * group->hist_scale);
    }
    free(group->values);
    free(group->at);
    group->values = NULL;
    group->at = NULL;
    group->capacity = group->at_capacity = 0;
    return 0;
}

int groups_negative(const struct grouping *grouping, struct error *err)
{
    error_set(err, ERROR_INPUT, "%s has more than 4 million values, some of them negative",
              grouping->groups->column);
    return error_hint(err, "--exact keeps all of them in memory");
}

static int to_hist(struct grouping *grouping, struct error *err)
{
    struct groups *groups = grouping->groups;
    double max = 0;
    int exponent = 0;
    for (size_t i = 0; i < groups->count; i++) {
        max = fmax(max, groups->items[i]->moments.max);
        if (groups->items[i]->moments.min < 0)
            return groups_negative(grouping, err);
    }
    frexp(max, &exponent);
    groups->hist_scale = ldexp(1, HIST_MAX_BITS - exponent);
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
        const struct group *group = groups->items[i];
        if (group->key_size == item->key_size && memcmp(group->key, item->key, item->key_size) == 0)
            item->group = groups->items[i];
    }
    if (item->group)
        return 0;
    if (groups->count == GROUPS_MAX) {
        error_set(err, ERROR_INPUT, "%s makes more than %d groups", groups->keys, GROUPS_MAX);
        return error_hint(err, "--group-by names the columns that tell groups apart");
    }
    item->group = group_new(groups, name, item->key, item->key_size);
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
    keep_positions(groups, group, item, first_line);
    return 0;
}

/* A time of the chunk; where the value's own is not known, that of the chunk's end. */
static double part_at(const struct groups *groups, double time_s, double chunk_s, uint64_t line)
{
    double known_s = isnan(time_s) ? chunk_s : time_s;
    return seconds_or_lines(groups,
                            position_of(groups, isnan(known_s) ? groups->end_s : known_s, line));
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
        hist_count_double(group->hist, item->values[i] * group->hist_scale);
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
        if (!groups->is_exact && group->moments.min < 0)
            return groups_negative(grouping, err);
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
    bool is_large = grouping->may_guess && first_line == 1 &&
                    grouping->size / SOURCE_CHUNK * n > 2 * GROUPS_EXACT;
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
        groups->end_s = fmax(groups->end_s, local->max_s); /* of a NaN, the other one */
        grouping->min_s = fmin(grouping->min_s, local->min_s);
    }
    if (groups->n == 0)
        groups->at_unit = groups->has_time ? 1e-3 : 1;
    skips_merge(&grouping->input->skips, &local->skips, first_line);
    int rc = 0;
    for (size_t i = 0; i < local->count && rc == 0; i++)
        rc = merge_group(grouping, local, &local->items[i], first_line, err);
    if (rc == 0 && groups->is_exact && is_too_much(grouping, first_line))
        rc = to_hist(grouping, err);
    memset(&local->skips, 0, sizeof(local->skips));
    local->first_s = local->last_s = local->min_s = local->max_s = NAN;
    local->is_hist = atomic_load(&grouping->is_hist);
    return rc;
}

/* ---- reading ---- */

/* The threads counted buckets alone. */
static void complete_hist(struct group *group)
{
    double n = (double)group->n, scale = group->hist_scale, mean = group->moments.mean * scale;
    struct hist *hist = group->hist;
    hist->min = hist_rounded(group->moments.min * scale);
    hist->max = hist_rounded(group->moments.max * scale);
    hist->sum = mean * n;
    hist->sum_sq = group->moments.m2 * scale * scale + n * mean * mean;
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
    input->begin_s = grouping->min_s;
    input->end_s = groups->end_s;
    return rc;
}

/* Why no row could be used: what was left out most often. */
static int nothing(const struct groups *groups, const struct skips *skips, const char *path,
                   struct error *err)
{
    enum skip most = SKIP_COUNT;
    for (size_t i = 0; i < SKIP_COUNT; i++) {
        bool is_more = most == SKIP_COUNT || skips->of[i].count > skips->of[most].count;
        if (skip_kind((enum skip)i) == SKIP_LOST && skips->of[i].count > 0 && is_more)
            most = (enum skip)i;
    }
    error_set(err, ERROR_NOTHING, "no row has a value of %s that can be used", groups->column);
    error_at(err, path, 0, 0);
    if (most == SKIP_COUNT)
        return error_hint(err, "there are no rows behind the header");
    return error_hint(err, "%s: %" PRIu64 ", first in line %" PRIu64 "; --column names another one",
                      skip_meaning(most), skips->of[most].count, skips->of[most].first_line);
}

static int read_groups(const char *path, struct grouping *grouping, struct error *err)
{
    struct analysis_input *input = grouping->input;
    struct group_columns columns;
    struct source *source = NULL;
    struct csv *csv = NULL;
    group_columns_choose(grouping->options, &columns);
    int rc = source_open(path, &source, err);
    if (rc == 0)
        rc = csv_open(source, columns.wants, columns.count, &csv, err);
    if (rc == 0 && group_columns_drop_absent(csv, &columns)) {
        csv_close(csv);
        csv = NULL;
        rc = csv_open(source, columns.wants, columns.count, &csv, err);
    }
    if (rc == 0) {
        grouping->csv = csv;
        grouping->size = source_size(source);
        group_columns_describe(csv, &columns, grouping);
        rc = read_table(csv, grouping, err);
    }
    if (source)
        input->bytes = source_bytes_read(source);
    if (rc == 0 && grouping->groups->n == 0)
        rc = nothing(grouping->groups, &input->skips, path, err);
    csv_close(csv);
    source_close(source);
    return rc;
}

static struct groups no_groups(void)
{
    return (struct groups){.is_exact = true,
                           .begin_s = NAN,
                           .end_s = NAN,
                           .at_unit = 1e-3,
                           .unit = "ms",
                           .column = "latency_ms"};
}

int groups_read(const char *path, const struct groups_options *options,
                struct analysis_input *input, struct groups *ret, struct error *err)
{
    struct groups groups = no_groups();
    const struct analysis_input before = *input;
    struct grouping grouping = {.groups = &groups,
                                .options = options,
                                .input = input,
                                .last_s = NAN,
                                .min_s = NAN,
                                .may_guess = true};
    if (options->key_count > GROUP_KEYS_MAX)
        return error_set(err, ERROR_USAGE, "more than %d columns of --group-by", GROUP_KEYS_MAX);
    int rc = read_groups(path, &grouping, err);
    if (rc == 0 && !groups.is_exact && groups.n <= GROUPS_EXACT) {
        /* The beginning has much shorter rows than the rest: the guess was wrong. */
        groups_deinit(&groups);
        groups = no_groups();
        *input = before;
        grouping = (struct grouping){
            .groups = &groups, .options = options, .input = input, .last_s = NAN, .min_s = NAN};
        rc = read_groups(path, &grouping, err);
    }
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
    struct groups groups = no_groups();
    struct local_group item = {.count = n};
    item.values = malloc((n + 1) * sizeof(*item.values));
    item.times = malloc((n + 1) * sizeof(*item.times));
    item.lines = calloc(n + 1, sizeof(*item.lines));
    struct group *group = group_new(&groups, name, "", 0);
    int rc = item.values && item.times && item.lines && group ? 0 : -1;
    for (size_t i = 0; i < n && rc == 0; i++) {
        item.values[i] = values[i];
        item.times[i] = at_s ? at_s[i] : NAN;
        item.lines[i] = (uint32_t)i;
    }
    if (rc == 0 && n > 0) {
        groups.has_time = at_s != NULL;
        groups.at_unit = at_s ? 1e-3 : 1;
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
    return seconds_or_lines(groups, group->at[i] * groups->at_unit);
}
