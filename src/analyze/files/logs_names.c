/* logs_names.c: the labels and messages that a thread has met, each once. */
#include <stdlib.h>
#include <string.h>

#include "analyze/files/logs_internal.h"
#include "base/util.h"

/* Eight bytes at a time; 2^64 by the golden ratio is odd, and has bits everywhere. */
static uint64_t hash_of(const char *at, size_t size)
{
    const uint64_t odd = 0x9e3779b97f4a7c15u;
    uint64_t hash = size * odd, word = 0;
    for (; size >= sizeof(word); at += sizeof(word), size -= sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        hash = (hash ^ word) * odd;
        hash ^= hash >> 32;
    }
    word = 0;
    memcpy(&word, at, size);
    hash = (hash ^ word) * odd;
    return hash ^ hash >> 32;
}

void logs_names_deinit(struct logs_names *names)
{
    free(names->items);
    free(names->slots);
    free(names->pool);
}

void logs_names_clear(struct logs_names *names)
{
    names->count = names->pool_size = 0;
    if (names->slots)
        memset(names->slots, 0, names->slot_count * sizeof(*names->slots));
}

static int grow(struct logs_names *names)
{
    size_t count = names->slot_count ? names->slot_count * 2 : 256;
    uint32_t *slots = calloc(count, sizeof(*slots));
    if (!slots)
        return -ERROR_NOMEM;
    for (size_t i = 0; i < names->count; i++) {
        size_t slot = names->items[i].hash & (count - 1);
        while (slots[slot])
            slot = (slot + 1) & (count - 1);
        slots[slot] = (uint32_t)i + 1;
    }
    free(names->slots);
    names->slots = slots;
    names->slot_count = count;
    return 0;
}

static int add(struct logs_names *names, const char *key, size_t size, uint64_t hash, size_t slot)
{
    if (array_reserve(&names->pool, &names->pool_capacity, names->pool_size + size + 1, 1) < 0 ||
        array_reserve(&names->items, &names->capacity, names->count + 1, sizeof(*names->items)) < 0)
        return -ERROR_NOMEM;
    memcpy(names->pool + names->pool_size, key, size);
    names->items[names->count++] =
        (struct logs_name){.hash = hash, .at = (uint32_t)names->pool_size, .size = (uint32_t)size};
    names->pool_size += size;
    names->slots[slot] = (uint32_t)names->count;
    return 0;
}

uint32_t logs_name_of(struct logs_chunk *chunk, struct logs_names *names, const char *key,
                      size_t size, uint64_t salt)
{
    uint64_t hash = hash_of(key, size) + salt;
    if (2 * (names->count + 1) > names->slot_count && grow(names) < 0) {
        chunk->failed = true;
        return 0;
    }
    size_t slot = hash & (names->slot_count - 1);
    for (; names->slots[slot]; slot = (slot + 1) & (names->slot_count - 1)) {
        struct logs_name *name = &names->items[names->slots[slot] - 1];
        if (name->hash == hash && name->size == size &&
            memcmp(names->pool + name->at, key, size) == 0)
            return names->slots[slot];
    }
    if (add(names, key, size, hash, slot) < 0) {
        chunk->failed = true;
        return 0;
    }
    return names->slots[slot];
}

uint32_t logs_label_of(struct logs_chunk *chunk, const char *key, size_t size, size_t unit,
                       bool is_duration, bool is_pattern)
{
    uint64_t salt = (uint64_t)is_duration + 2 * (uint64_t)is_pattern + 4 * unit;
    uint32_t label = logs_name_of(chunk, &chunk->labels, key, size, salt);
    if (label == 0)
        return 0;
    struct logs_name *name = &chunk->labels.items[label - 1];
    name->unit = (uint32_t)unit;
    name->is_duration = is_duration;
    name->is_pattern = is_pattern;
    return label;
}
