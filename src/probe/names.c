/* names.c: names are interned: each stands once in the segment, and an id takes its place. */
#include "probe/probe.h"

#include <string.h>

static struct tacho_segment_name *name_at(uint32_t index)
{
    return (struct tacho_segment_name *)(probe.base + probe.layout.names) + index;
}

/* Cuts to what an entry holds, at the beginning of a character. */
static size_t cut_length(const char *text)
{
    size_t length = strnlen(text, TACHO_SEGMENT_NAME_BYTES);
    if (length < TACHO_SEGMENT_NAME_BYTES)
        return length;
    length = TACHO_SEGMENT_NAME_BYTES - 1;
    size_t begin = length;
    while (begin > 0 && ((unsigned char)text[begin] & 0xc0) == 0x80)
        begin--;
    return length - begin < 4 ? begin : length; /* else it is no UTF-8 */
}

/* The slot that a new name of this kind needs; false: there is none left. */
static bool slot_take(enum tacho_name_kind kind, uint32_t *ret_slot)
{
    *ret_slot = 0;
    if (kind == TACHO_NAME_COUNTER || kind == TACHO_NAME_FRAME) {
        if (probe.counters_used == probe.sizes.counters)
            return false;
        *ret_slot = probe.counters_used++;
    } else if (kind == TACHO_NAME_GAUGE) {
        if (probe.gauges_used == probe.sizes.gauges)
            return false;
        *ret_slot = probe.gauges_used++;
    }
    return true;
}

static uint32_t name_add(const char *text, size_t length, enum tacho_name_kind kind, unsigned flags)
{
    uint32_t slot;
    if (probe.names_used == probe.sizes.names || !slot_take(kind, &slot)) {
        __atomic_fetch_add(&probe.header->dropped_names, 1, __ATOMIC_RELAXED);
        return 0;
    }
    uint32_t index = probe.names_used++;
    struct tacho_segment_name *name = name_at(index);
    name->kind = (uint8_t)kind;
    name->flags = (uint16_t)flags;
    name->slot = (uint16_t)slot;
    memcpy(name->text, text, length);
    name->text[length] = 0;
    PROBE_STORE(&probe.header->names_used, probe.names_used);
    PROBE_STORE_RELEASE(&name->ready, 1);
    return probe_id_make(index, slot, kind);
}

static uint32_t name_intern(const char *text, enum tacho_name_kind kind, unsigned flags)
{
    size_t length = cut_length(text);
    for (uint32_t i = 0; i < probe.names_used; i++) {
        const struct tacho_segment_name *name = name_at(i);
        if (memcmp(name->text, text, length) == 0 && name->text[length] == 0)
            return name->kind == kind ? probe_id_make(i, name->slot, kind) : 0;
    }
    return name_add(text, length, kind, flags);
}

/* *ret_id: 0 if this name records nothing. False if that may be otherwise next time: the call came
 * from inside another. */
static bool name_id(const char *text, enum tacho_name_kind kind, unsigned flags, uint32_t *ret_id)
{
    struct probe_visit visit;
    *ret_id = 0;
    if (!text || !*text || kind < TACHO_NAME_SPAN || kind > TACHO_NAME_MARK)
        return true;
    if (probe_self == &probe_is_busy)
        return false;
    if (!probe_is_live() || !probe_visit_begin(&visit))
        return true;
    *ret_id = name_intern(text, kind, flags);
    probe_visit_end(&visit);
    return true;
}

uint32_t tacho_id(const char *name, enum tacho_name_kind kind, unsigned flags)
{
    uint32_t id;
    name_id(name, kind, flags, &id);
    return id;
}

uint32_t tacho_id_here_(uint32_t *here, const char *name, enum tacho_name_kind kind, unsigned flags)
{
    uint32_t id;
    if (name_id(name, kind, flags, &id))
        PROBE_STORE(here, id ? id : UINT32_MAX);
    return id;
}
