/* groups_rows.c: rows of a chunk put into groups, by one of several threads. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "analyze/files/groups_internal.h"
#include "base/util.h"

#define SLOTS_MIN 64
#define KEY_MAX 512

static inline uint64_t load64(const char *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof(word));
    return word;
}

/* All bytes of up to eight, by two loads that may overlap: with the size they are the text. */
static inline uint64_t word_of(const char *text, size_t size)
{
    uint32_t first = 0, last = 0;
    if (size == 8)
        return load64(text);
    if (size >= 4) {
        memcpy(&first, text, sizeof(first));
        memcpy(&last, text + size - 4, sizeof(last));
    } else if (size > 0) {
        first = (uint32_t)(unsigned char)text[0] | (uint32_t)(unsigned char)text[size / 2] << 8;
        last = (unsigned char)text[size - 1];
    }
    return (uint64_t)last << 32 | first;
}

/* Multiply and fold, as in wyhash (Wang Yi): short keys in one step. */
static inline uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 32;
}

uint64_t key_hash(const char *key, size_t size)
{
    uint64_t hash = size;
    for (; size > 8; key += 8, size -= 8)
        hash = mix(hash, load64(key));
    return mix(hash, word_of(key, size));
}

static inline bool is_same(const struct local_group *item, const char *key, size_t size,
                           uint64_t word)
{
    if (item->key_size != size || item->word != word)
        return false;
    return size <= 8 || memcmp(item->key, key, size) == 0;
}

void *local_groups_new(void *context)
{
    struct local_groups *local = calloc(1, sizeof(*local));
    if (!local)
        return NULL;
    local->slot_count = SLOTS_MIN;
    local->slots = calloc(local->slot_count, sizeof(*local->slots));
    local->first_s = local->last_s = NAN;
    if (!local->slots) {
        free(local);
        return NULL;
    }
    return local;
}

/* The histograms of all threads make those of the groups. Called by one thread at a time. */
void local_groups_free(void *context, void *result)
{
    struct local_groups *local = result;
    for (size_t i = 0; i < local->count; i++) {
        struct local_group *item = &local->items[i];
        if (item->hist && item->group && item->group->hist)
            hist_merge(item->group->hist, item->hist);
        hist_free(item->hist);
        free(item->key);
        free(item->values);
        free(item->times);
        free(item->lines);
    }
    free(local->items);
    free(local->slots);
    free(local);
}

static int grow_slots(struct local_groups *local)
{
    size_t count = local->slot_count * 2;
    uint32_t *slots = calloc(count, sizeof(*slots));
    if (!slots)
        return -1;
    for (size_t i = 0; i < local->count; i++) {
        size_t slot = local->items[i].hash & (count - 1);
        while (slots[slot])
            slot = (slot + 1) & (count - 1);
        slots[slot] = (uint32_t)i + 1;
    }
    free(local->slots);
    local->slots = slots;
    local->slot_count = count;
    return 0;
}

static struct local_group *add_group(struct local_groups *local, const char *key, size_t size,
                                     uint64_t hash)
{
    if (array_reserve(&local->items, &local->capacity, local->count + 1, sizeof(*local->items)) < 0)
        return NULL;
    char *copy = malloc(size + 1);
    if (!copy)
        return NULL;
    memcpy(copy, key, size);
    copy[size] = '\0';
    struct local_group *item = &local->items[local->count];
    *item = (struct local_group){
        .key = copy, .key_size = size, .word = word_of(key, size < 8 ? size : 8), .hash = hash};
    local->count++;
    if (2 * local->count > local->slot_count)
        return grow_slots(local) < 0 ? NULL : item;
    size_t slot = hash & (local->slot_count - 1);
    while (local->slots[slot])
        slot = (slot + 1) & (local->slot_count - 1);
    local->slots[slot] = (uint32_t)local->count;
    return item;
}

static inline struct local_group *find_group(struct local_groups *local, const char *key,
                                             size_t size)
{
    uint64_t word = word_of(key, size < 8 ? size : 8);
    uint64_t hash = size <= 8 ? mix(size, word) : key_hash(key, size);
    size_t slot = hash & (local->slot_count - 1);
    for (; local->slots[slot]; slot = (slot + 1) & (local->slot_count - 1)) {
        struct local_group *item = &local->items[local->slots[slot] - 1];
        if (is_same(item, key, size, word))
            return item;
    }
    return add_group(local, key, size, hash);
}

/* The texts that make the group, a NUL between them. With one of them it is not copied. */
static const char *key_of(const struct grouping *grouping, const struct csv_rows *rows, size_t row,
                          char *buf, size_t *ret_size)
{
    *ret_size = 0;
    if (grouping->key_count == 1) {
        const struct csv_text *text = &rows->text[WANT_KEYS][row];
        *ret_size = text->size;
        return text->data;
    }
    for (size_t i = 0; i < grouping->key_count; i++) {
        const struct csv_text *text = &rows->text[WANT_KEYS + i][row];
        size_t room = KEY_MAX - *ret_size - 1;
        size_t size = text->size < room ? text->size : room;
        memcpy(buf + *ret_size, text->data, size);
        *ret_size += size;
        buf[(*ret_size)++] = '\0';
        if (*ret_size == KEY_MAX)
            break;
    }
    return buf;
}

static bool is_warmup(const struct csv_rows *rows, size_t row)
{
    if (!rows->text[WANT_WARMUP])
        return false;
    const struct csv_text *text = &rows->text[WANT_WARMUP][row];
    return text->size > 0 && strchr("1tTyY", text->data[0]) != NULL;
}

static int make_room(struct local_group *item)
{
    size_t need = item->count + 1;
    if (array_reserve(&item->values, &item->capacity, need, sizeof(*item->values)) < 0 ||
        array_reserve(&item->times, &item->time_capacity, need, sizeof(*item->times)) < 0 ||
        array_reserve(&item->lines, &item->line_capacity, need, sizeof(*item->lines)) < 0)
        return -1;
    item->room = u64_min(u64_min(item->capacity, item->time_capacity), item->line_capacity);
    return 0;
}

static inline int keep_value(struct local_groups *local, struct local_group *item, double value,
                             uint32_t line)
{
    if (item->count == item->room && make_room(item) < 0)
        return -1;
    item->values[item->count] = value;
    item->lines[item->count] = line;
    item->count++;
    if (!local->is_hist)
        return 0;
    if (!item->hist && !(item->hist = hist_new()))
        return -1;
    /* Its moments are those of the group. */
    item->hist->buckets[hist_bucket_of((uint64_t)(value * GROUP_HIST_SCALE + 0.5))]++;
    item->hist->count++;
    return 0;
}

static void note_time(struct local_groups *local, double time_s, uint32_t line)
{
    if (isnan(time_s))
        return;
    if (time_s < local->last_s)
        skips_add(&local->skips, SKIP_TIME_BACKWARDS, line);
    if (isnan(local->first_s))
        local->first_s = time_s;
    local->last_s = time_s;
}

/* What time it was, of the value that was kept last. Of parts only the times of their ends are
 * asked for, so that of a batch those of a group's first and last value do: reading times costs as
 * much as all else. */
static void keep_time(const struct grouping *grouping, struct local_groups *local,
                      struct local_group *item, const struct csv_rows *rows, size_t row)
{
    double time_s = csv_time(grouping->csv, &rows->text[WANT_TIME][row]);
    if (isnan(time_s) && rows->text[WANT_TIME][row].size > 0)
        skips_add(&local->skips, SKIP_BAD_TIME, rows->line[row]);
    item->times[item->count - 1] = time_s;
    note_time(local, time_s, rows->line[row]);
}

static void keep_extras(struct local_group *item, const struct csv_rows *rows, size_t row)
{
    if (rows->number[WANT_POWER] && !isnan(rows->number[WANT_POWER][row])) {
        item->power_sum += rows->number[WANT_POWER][row];
        item->power_n++;
    }
}

int local_groups_rows(void *context, void *result, const struct csv_rows *rows, struct error *err)
{
    struct grouping *grouping = context;
    struct local_groups *local = result;
    char buf[KEY_MAX];
    size_t size;
    bool must_be_positive = grouping->options->is_latency || local->is_hist;
    bool has_time = rows->text[WANT_TIME] != NULL;
    bool has_extras = rows->number[WANT_POWER] || rows->text[WANT_WARMUP];
    for (size_t row = 0; row < rows->count; row++) {
        double value = rows->number[WANT_VALUE][row] * grouping->scale;
        if (value < 0 && must_be_positive) {
            skips_add(&local->skips, SKIP_NEGATIVE, rows->line[row]);
            continue;
        }
        const char *key = key_of(grouping, rows, row, buf, &size);
        struct local_group *item = find_group(local, key, size);
        if (!item)
            return error_set(err, ERROR_NOMEM, "out of memory");
        if (has_extras)
            keep_extras(item, rows, row);
        if (has_extras && is_warmup(rows, row)) {
            item->warmup++;
            continue;
        }
        if (keep_value(local, item, value, rows->line[row]) < 0)
            return error_set(err, ERROR_NOMEM, "out of memory");
        /* In a histogram's chunk the last row of a batch stands for the later ones of each group.
         */
        if (has_time && (!local->is_hist || item->count == 1 || row + 1 == rows->count))
            keep_time(grouping, local, item, rows, row);
        else
            item->times[item->count - 1] = NAN;
    }
    return 0;
}
