/* groups_rows.c: rows of a chunk put into groups, by one of several threads. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "analyze/files/groups_internal.h"
#include "base/util.h"

#define SLOT_BITS_MIN 10 /* so that few groups do not meet there */
#define SLOTS_PER_GROUP 4
#define KEY_MAX 512

/* The last `size` bytes, up to eight, before `end`; eight may be read there (csv.h). */
static inline uint64_t word_before(const char *end, size_t size)
{
    uint64_t word;
    memcpy(&word, end - 8, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return size > 0 ? word >> (8 * (8 - size) & 63) : 0;
}

/* Multiplicative hashing (D. E. Knuth, TAOCP 6.4): the upper bits are those that count. */
static inline uint64_t mix(uint64_t hash, uint64_t word)
{
    return (hash ^ word) * 0x9e3779b97f4a7c15u;
}

static uint64_t key_hash(const char *key, size_t size)
{
    uint64_t hash = size;
    for (; size > 8; key += 8, size -= 8) {
        hash = mix(hash, word_before(key + 8, 8));
        hash ^= hash >> 32;
    }
    return mix(hash, word_before(key + size, size));
}

static inline uint64_t first_word(const char *key, size_t size)
{
    return size <= 8 ? word_before(key + size, size) : word_before(key + 8, 8);
}

void *local_groups_new(void *context)
{
    struct local_groups *local = calloc(1, sizeof(*local));
    if (!local)
        return NULL;
    local->slot_bits = SLOT_BITS_MIN;
    local->slots = calloc((size_t)1 << local->slot_bits, sizeof(*local->slots));
    local->first_s = local->last_s = local->min_s = local->max_s = NAN;
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

/* The upper bits of a product are those that all of the key's make. */
static inline size_t slot_of(const struct local_groups *local, uint64_t hash)
{
    return (size_t)(hash >> (64 - local->slot_bits));
}

static inline size_t next_slot(const struct local_groups *local, size_t slot)
{
    return (slot + 1) & (((size_t)1 << local->slot_bits) - 1);
}

static void enter_slot(struct local_groups *local, size_t index)
{
    const struct local_group *item = &local->items[index];
    size_t slot = slot_of(local, item->hash);
    while (local->slots[slot].group)
        slot = next_slot(local, slot);
    local->slots[slot] =
        (struct key_slot){item->word, (uint32_t)item->key_size, (uint32_t)index + 1};
}

static int grow_slots(struct local_groups *local)
{
    struct key_slot *slots = calloc((size_t)2 << local->slot_bits, sizeof(*slots));
    if (!slots)
        return -1;
    free(local->slots);
    local->slots = slots;
    local->slot_bits++;
    for (size_t i = 0; i < local->count; i++)
        enter_slot(local, i);
    return 0;
}

#define NO_GROUP UINT32_MAX /* out of memory */

static uint32_t add_group(struct local_groups *local, const char *key, size_t size, uint64_t hash)
{
    if (array_reserve(&local->items, &local->capacity, local->count + 1, sizeof(*local->items)) < 0)
        return NO_GROUP;
    char *copy = malloc(size + 1);
    if (!copy)
        return NO_GROUP;
    memcpy(copy, key, size);
    copy[size] = '\0';
    struct local_group *item = &local->items[local->count];
    *item = (struct local_group){
        .key = copy, .key_size = size, .word = first_word(key, size), .hash = hash};
    local->count++;
    if (SLOTS_PER_GROUP * local->count > (size_t)1 << local->slot_bits)
        return grow_slots(local) < 0 ? NO_GROUP : (uint32_t)local->count - 1;
    enter_slot(local, local->count - 1);
    return (uint32_t)local->count - 1;
}

/* Its index among local->items. */
static inline uint32_t find_group(struct local_groups *local, const char *key, uint32_t size)
{
    uint64_t word = first_word(key, size);
    uint64_t hash = size <= 8 ? mix(size, word) : key_hash(key, size);
    for (size_t at = slot_of(local, hash); local->slots[at].group; at = next_slot(local, at)) {
        const struct key_slot *slot = &local->slots[at];
        uint32_t index = slot->group - 1;
        if (slot->word == word && slot->size == size &&
            (size <= 8 || memcmp(local->items[index].key, key, size) == 0))
            return index;
    }
    return add_group(local, key, size, hash);
}

/* The texts that make the group, a NUL between them. */
static uint32_t make_key(const struct grouping *grouping, const struct csv_rows *rows, size_t row,
                         char *buf)
{
    uint32_t length = 0;
    for (size_t i = 0; i < grouping->key_count && length < KEY_MAX; i++) {
        const struct csv_text *text = &rows->text[WANT_KEYS + i][row];
        uint32_t room = KEY_MAX - length - 1;
        uint32_t size = text->size < room ? text->size : room;
        memcpy(buf + length, text->data, size);
        length += size;
        buf[length++] = '\0';
    }
    return length;
}

/* The group of each row. */
static int groups_of(const struct grouping *grouping, struct local_groups *local,
                     const struct csv_rows *rows, uint32_t *ret)
{
    char buf[8 + KEY_MAX] = {0}; /* as before any text, eight bytes may be read before a key */
    for (size_t row = 0; row < rows->count; row++) {
        if (grouping->key_count == 1) {
            const struct csv_text *text = &rows->text[WANT_KEYS][row];
            ret[row] = find_group(local, text->data, text->size);
        } else {
            ret[row] = find_group(local, buf + 8, make_key(grouping, rows, row, buf + 8));
        }
        if (ret[row] == NO_GROUP)
            return -1;
    }
    return 0;
}

static bool is_warmup(const struct csv_rows *rows, size_t row)
{
    if (!rows->text[WANT_WARMUP])
        return false;
    const struct csv_text *text = &rows->text[WANT_WARMUP][row];
    return text->size > 0 && strchr("1tTyY", text->data[0]) != NULL;
}

static int make_room(struct local_group *item, bool has_times)
{
    size_t need = item->count + 1;
    if (array_reserve(&item->values, &item->capacity, need, sizeof(*item->values)) < 0 ||
        array_reserve(&item->lines, &item->line_capacity, need, sizeof(*item->lines)) < 0 ||
        array_reserve(&item->times, &item->time_capacity, has_times ? need : 1,
                      sizeof(*item->times)) < 0)
        return -1;
    item->room = u64_min(item->capacity, item->line_capacity);
    if (has_times)
        item->room = u64_min(item->room, item->time_capacity);
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
    local->min_s = local->min_s < time_s ? local->min_s : time_s;
    local->max_s = local->max_s > time_s ? local->max_s : time_s;
}

/* NaN: the row does not say, or not so that it can be understood. */
static double time_of(const struct grouping *grouping, struct local_groups *local,
                      const struct csv_rows *rows, size_t row)
{
    if (!rows->text[WANT_TIME])
        return NAN;
    double time_s = csv_time(grouping->csv, &rows->text[WANT_TIME][row]);
    if (isnan(time_s) && rows->text[WANT_TIME][row].size > 0)
        skips_add(&local->skips, SKIP_NO_TIME, rows->line[row]);
    note_time(local, time_s, rows->line[row]);
    return time_s;
}

/* False: the row is a warm-up, and its value does not count. */
static bool keep_extras(struct local_group *item, const struct csv_rows *rows, size_t row)
{
    if (rows->number[WANT_POWER] && !isnan(rows->number[WANT_POWER][row])) {
        item->power_sum += rows->number[WANT_POWER][row];
        item->power_n++;
    }
    item->warmup += is_warmup(rows, row);
    return !is_warmup(rows, row);
}

int local_groups_rows(void *context, void *result, const struct csv_rows *rows, struct error *err)
{
    struct grouping *grouping = context;
    struct local_groups *local = result;
    bool is_hist = local->is_hist, is_latency = grouping->options->is_latency;
    bool has_extras = rows->number[WANT_POWER] || rows->text[WANT_WARMUP];
    const double *values = rows->number[WANT_VALUE], scale = grouping->scale;
    uint32_t group_of[CSV_BATCH];
    size_t timed = SIZE_MAX; /* the row whose time was read last */
    if (groups_of(grouping, local, rows, group_of) < 0)
        return error_set(err, ERROR_NOMEM, "out of memory");
    for (size_t row = 0; row < rows->count; row++) {
        double value = values[row] * scale;
        struct local_group *item = &local->items[group_of[row]];
        if (value < 0 && (is_hist || is_latency)) {
            if (!is_latency)
                return groups_negative(grouping, err);
            skips_add(&local->skips, SKIP_NEGATIVE, rows->line[row]);
            continue;
        }
        if (has_extras && !keep_extras(item, rows, row))
            continue;
        size_t n = item->count;
        if (n >= item->room && make_room(item, !is_hist) < 0)
            return error_set(err, ERROR_NOMEM, "out of memory");
        item->values[n] = value;
        item->lines[n] = rows->line[row];
        item->count = n + 1;
        /* Of a histogram's chunk only the times of its parts' ends are asked for: reading all of
         * them costs as much as everything else. */
        if (!is_hist || n == 0) {
            item->times[n] = time_of(grouping, local, rows, row);
            timed = row;
        }
    }
    if (is_hist && timed != rows->count - 1)
        time_of(grouping, local, rows, rows->count - 1);
    return 0;
}

int local_groups_chunk_end(void *context, void *result, struct error *err)
{
    const struct grouping *grouping = context;
    struct local_groups *local = result;
    double scale = grouping->groups->hist_scale;
    for (size_t i = 0; i < local->count && local->is_hist; i++) {
        struct local_group *item = &local->items[i];
        if (item->count > 0 && !item->hist && !(item->hist = hist_new()))
            return error_set(err, ERROR_NOMEM, "out of memory");
        for (size_t k = 0; k < item->count; k++) /* its moments are those of the group */
            hist_count_double(item->hist, item->values[k] * scale);
    }
    return 0;
}
