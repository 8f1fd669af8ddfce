/* events_names.c: names and ids as numbers. */
#include <stdlib.h>
#include <string.h>

#include "analyze/files/events_internal.h"
#include "base/util.h"

/* ---- a few names ---- */

int event_names_init(struct event_names *names, size_t max)
{
    names->max = max;
    names->name = calloc(max, sizeof(*names->name));
    return names->name ? 0 : -ERROR_NOMEM;
}

void event_names_deinit(struct event_names *names)
{
    free(names->name);
    names->name = NULL;
}

static bool is_name(const char *name, const char *text, size_t size)
{
    return memcmp(name, text, size) == 0 && name[size] == '\0';
}

size_t event_names_add(struct event_names *names, const char *text, size_t size)
{
    size = u64_min(size, EVENTS_NAME_MAX - 1);
    if (names->last < names->count && is_name(names->name[names->last], text, size))
        return names->last;
    for (size_t i = 0; i < names->count; i++) {
        if (is_name(names->name[i], text, size))
            return names->last = i;
    }
    if (names->count + 1 >= names->max) {
        if (names->count < names->max)
            str_copy(names->name[names->count++], EVENTS_NAME_MAX, "(others)");
        names->has_other = true;
        return names->max - 1;
    }
    memcpy(names->name[names->count], text, size);
    return names->last = names->count++;
}

/* ---- many ids ---- */

/* FNV-1a, and the finaliser of MurmurHash3 (A. Appleby), because the low bits choose the slot. */
uint64_t event_hash(const char *text, size_t size, uint64_t seed)
{
    uint64_t hash = 0xcbf29ce484222325u ^ (seed * 0x9e3779b97f4a7c15u);
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
    hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdu;
    hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53u;
    hash ^= hash >> 33;
    return hash ? hash : 1;
}

static int grow_ids(struct event_ids *ids)
{
    size_t count = ids->slot_count ? 2 * ids->slot_count : 256;
    uint32_t *slots = calloc(count, sizeof(*slots));
    if (!slots)
        return -ERROR_NOMEM;
    for (size_t i = 0; i < ids->count; i++) {
        size_t slot = ids->items[i].hash & (count - 1);
        while (slots[slot])
            slot = (slot + 1) & (count - 1);
        slots[slot] = (uint32_t)i + 1;
    }
    free(ids->slots);
    ids->slots = slots;
    ids->slot_count = count;
    return 0;
}

int64_t event_ids_add(struct event_ids *ids, const char *text, size_t size, uint64_t hash)
{
    if (4 * (ids->count + 1) > 3 * ids->slot_count && grow_ids(ids) < 0)
        return -1;
    size_t slot = hash & (ids->slot_count - 1);
    for (; ids->slots[slot]; slot = (slot + 1) & (ids->slot_count - 1)) {
        const struct event_id *item = &ids->items[ids->slots[slot] - 1];
        if (item->hash == hash && is_name(ids->text + item->text, text, size))
            return ids->slots[slot] - 1;
    }
    if (ids->count >= UINT32_MAX - 1 ||
        array_reserve(&ids->items, &ids->capacity, ids->count + 1, sizeof(*ids->items)) < 0 ||
        array_reserve(&ids->text, &ids->text_capacity, ids->text_size + size + 1, 1) < 0)
        return -1;
    memcpy(ids->text + ids->text_size, text, size);
    ids->text[ids->text_size + size] = '\0';
    ids->items[ids->count] = (struct event_id){hash, ids->text_size, EVENTS_NO_PARCEL};
    ids->text_size += size + 1;
    ids->slots[slot] = (uint32_t)++ids->count;
    return (int64_t)ids->count - 1;
}

void event_ids_deinit(struct event_ids *ids)
{
    free(ids->slots);
    free(ids->items);
    free(ids->text);
}

/* ---- tracks ---- */

static int grow_tracks(struct event_tracks *tracks)
{
    size_t count = tracks->slot_count ? 2 * tracks->slot_count : 256;
    struct event_track *slots = calloc(count, sizeof(*slots));
    if (!slots)
        return -ERROR_NOMEM;
    for (size_t i = 0; i < tracks->slot_count; i++) {
        if (!tracks->slots[i].key)
            continue;
        size_t slot = tracks->slots[i].key & (count - 1);
        while (slots[slot].key)
            slot = (slot + 1) & (count - 1);
        slots[slot] = tracks->slots[i];
    }
    free(tracks->slots);
    tracks->slots = slots;
    tracks->slot_count = count;
    return 0;
}

struct event_track *event_tracks_get(struct event_tracks *tracks, uint64_t key)
{
    if (4 * (tracks->count + 1) > 3 * tracks->slot_count && grow_tracks(tracks) < 0)
        return NULL;
    size_t slot = key & (tracks->slot_count - 1);
    while (tracks->slots[slot].key && tracks->slots[slot].key != key)
        slot = (slot + 1) & (tracks->slot_count - 1);
    tracks->count += !tracks->slots[slot].key;
    return &tracks->slots[slot];
}
