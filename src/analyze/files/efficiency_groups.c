/* efficiency_groups.c: rows of the same kind put together; power over time as energy. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/files/efficiency_internal.h"
#include "base/util.h"
#include "stats/stats.h"

/* A throughput that is within this of another is the same: columns are rounded. */
#define SAME 0.01

/* ---- the index ---- */

/* FNV-1a. */
static uint64_t hash_of(const char *key, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)key[i]) * 0x100000001b3u;
    return hash;
}

int efficiency_index_of(struct efficiency_index *index, const char *key, size_t size)
{
    uint64_t hash = hash_of(key, size);
    size_t slot = hash % EFFICIENCY_SLOTS;
    for (; index->slots[slot] > 0; slot = (slot + 1) % EFFICIENCY_SLOTS) {
        size_t i = index->slots[slot] - 1u;
        if (index->entries[i].hash == hash && index->entries[i].size == size &&
            memcmp(index->entries[i].key, key, size) == 0)
            return (int)i;
    }
    if (index->count == EFFICIENCY_GROUPS_MAX)
        return EFFICIENCY_GROUPS_MAX;
    char *copy = arena_strndup(&index->arena, key, size);
    if (!copy)
        return -1;
    index->entries[index->count].key = copy;
    index->entries[index->count].size = size;
    index->entries[index->count].hash = hash;
    index->slots[slot] = (uint16_t)++index->count;
    return (int)index->count - 1;
}

/* ---- energy over time ---- */

static void count_interval(struct energy_sum *sum, double seconds, double joules)
{
    if (seconds > sum->gap_s) {
        sum->gaps++;
        sum->gaps_s += seconds;
        return;
    }
    sum->intervals++;
    sum->seconds += seconds;
    sum->joules += joules;
}

/* What a gap is, by the median of the first intervals; these are counted now. */
int efficiency_energy_finish(struct energy_sum *sum)
{
    size_t n = sum->first_count;
    if (n == 0 || !isnan(sum->gap_s))
        return 0;
    CLEANUP_FREE double *seconds = calloc(n, sizeof(*seconds));
    if (!seconds)
        return -1;
    for (size_t i = 0; i < n; i++)
        seconds[i] = sum->first[2 * i];
    stats_sort(seconds, n);
    sum->gap_s = EFFICIENCY_GAP * quantile_sorted(seconds, n, 0.5);
    for (size_t i = 0; i < n; i++)
        count_interval(sum, sum->first[2 * i], sum->first[2 * i + 1]);
    free(sum->first);
    sum->first = NULL;
    sum->first_count = sum->first_capacity = 0;
    return 0;
}

void efficiency_energy_break(struct energy_sum *sum)
{
    sum->last_s = sum->last_w = NAN;
}

int efficiency_energy_add(struct energy_sum *sum, double time_s, double power_w,
                          bool *ret_backwards)
{
    double seconds = time_s - sum->last_s;
    double joules = seconds * (power_w + sum->last_w) / 2;
    *ret_backwards = seconds < 0;
    if (isnan(time_s))
        return 0;
    sum->last_s = time_s;
    sum->last_w = power_w;
    if (!(seconds > 0))
        return 0; /* the first one, one at the same time, or a step back */
    if (!isnan(sum->gap_s)) {
        count_interval(sum, seconds, joules);
        return 0;
    }
    if (array_reserve(&sum->first, &sum->first_capacity, 2 * sum->first_count + 2,
                      sizeof(*sum->first)) < 0)
        return -1;
    sum->first[2 * sum->first_count] = seconds;
    sum->first[2 * sum->first_count++ + 1] = joules;
    return sum->first_count == EFFICIENCY_FIRST_INTERVALS ? efficiency_energy_finish(sum) : 0;
}

/* ---- a group ---- */

static bool is_same(double a, double b)
{
    return fabs(a - b) <= SAME * b;
}

/* With a batch of one, items and calls are the same. */
static int add_column(struct efficiency_group *group, const struct efficiency_row *row)
{
    double value = row->throughput_per_s;
    if (!(value > 0))
        return 0;
    group->column.series = 1;
    if (is_same(value, row->batch * 1000 / row->latency_ms))
        group->column_items++;
    else if (is_same(value, 1000 / row->latency_ms))
        group->column_calls++;
    else
        group->column_other++;
    return means_add(&group->column, &value);
}

int efficiency_group_add(struct efficiency_group *group, const struct efficiency_row *row,
                         bool *ret_backwards)
{
    *ret_backwards = false;
    if (group->means.n == 0) {
        group->means.series = 3;
        group->first_line = row->line;
        group->batch_min = group->batch_max = row->batch;
        group->power_min = group->power_max = row->power_w;
        efficiency_energy_break(&group->energy);
        group->energy.gap_s = NAN;
        group->wall_item_j = NAN;
    }
    group->last_line = row->line;
    group->batch_min = fmin(group->batch_min, row->batch);
    group->batch_max = fmax(group->batch_max, row->batch);
    group->power_min = fmin(group->power_min, row->power_w);
    group->power_max = fmax(group->power_max, row->power_w);
    double values[] = {
        [OF_LATENCY] = row->latency_ms, [OF_POWER] = row->power_w, [OF_BATCH] = row->batch};
    if (means_add(&group->means, values) < 0 || add_column(group, row) < 0)
        return -1;
    return efficiency_energy_add(&group->energy, row->time_s, row->power_w, ret_backwards);
}

/* Definitions: items per second while a call is under way, batch / latency; energy of a call, mean
 * power x mean latency; of an item, that over the batch; per watt, throughput over mean power. */
int efficiency_group_finish(struct efficiency_group *group)
{
    struct efficiency_figures *figures = &group->figures;
    const struct means *means = &group->means;
    static const double throughput[] = {[OF_LATENCY] = -1, [OF_POWER] = 0, [OF_BATCH] = 1};
    static const double per_watt[] = {[OF_LATENCY] = -1, [OF_POWER] = -1, [OF_BATCH] = 1};
    static const double call[] = {[OF_LATENCY] = 1, [OF_POWER] = 1, [OF_BATCH] = 0};
    static const double item[] = {[OF_LATENCY] = 1, [OF_POWER] = 1, [OF_BATCH] = -1};
    if (efficiency_energy_finish(&group->energy) < 0 ||
        means_estimate(means, OF_LATENCY, &figures->latency_ms) < 0 ||
        means_estimate(means, OF_POWER, &figures->power_w) < 0 ||
        means_product(means, 1000, throughput, &figures->throughput_per_s) < 0 ||
        means_product(means, 1000, per_watt, &figures->per_watt) < 0 ||
        means_product(means, 1e-3, call, &figures->call_j) < 0 ||
        means_product(means, 1e-3, item, &figures->item_j) < 0)
        return -1;
    if (!(group->power_max > group->power_min)) /* a constant: its spread tells nothing */
        figures->power_w.lo = figures->power_w.hi = NAN;
    const struct energy_sum *energy = &group->energy;
    figures->n = means->n;
    figures->batch = means_of(means, OF_BATCH);
    figures->busy = figures->latency_ms.value / 1e3 * (double)energy->intervals / energy->seconds;
    figures->timed_call_j = energy->joules / (double)energy->intervals;
    return 0;
}

void efficiency_group_deinit(struct efficiency_group *group)
{
    means_deinit(&group->means);
    means_deinit(&group->column);
    free(group->energy.first);
    group->energy.first = NULL;
}
