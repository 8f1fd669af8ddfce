/* facts.c: see facts.h. */
#include "model/facts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

/* The slot of a key, emptied: the one it has already, or a new one. NULL: out of memory. */
static struct fact *facts_slot(struct facts *facts, const char *key, const char *source)
{
    struct fact *slot = NULL;
    for (size_t i = 0; i < facts->count && !slot; i++) {
        if (strcmp(facts->items[i].key, key) == 0)
            slot = &facts->items[i];
    }
    const char *source_copy = source ? arena_strdup(&facts->arena, source) : NULL;
    const char *key_copy = slot ? slot->key : arena_strdup(&facts->arena, key);
    if ((source && !source_copy) || !key_copy) {
        facts->failed = true;
        return NULL;
    }
    if (!slot) {
        if (array_reserve(&facts->items, &facts->capacity, facts->count + 1,
                          sizeof(*facts->items)) < 0) {
            facts->failed = true;
            return NULL;
        }
        slot = &facts->items[facts->count++];
    }
    *slot = (struct fact){.key = key_copy, .kind = FACT_NULL, .source = source_copy};
    slot->reason = REASON_FAILED; /* until the caller fills it in */
    return slot;
}

void facts_text(struct facts *facts, const char *key, const char *text, const char *source)
{
    if (!text) {
        facts_null(facts, key, REASON_ABSENT, source);
        return;
    }
    char *copy = arena_strdup(&facts->arena, text);
    struct fact *fact = facts_slot(facts, key, source);
    if (!fact || !copy) {
        facts->failed = true;
        return;
    }
    fact->kind = FACT_TEXT;
    fact->text = copy;
    fact->reason = REASON_NONE;
}

void facts_number(struct facts *facts, const char *key, double number, const char *source)
{
    if (!isfinite(number)) {
        facts_null(facts, key, REASON_FAILED, source);
        return;
    }
    struct fact *fact = facts_slot(facts, key, source);
    if (!fact)
        return;
    fact->kind = FACT_NUMBER;
    fact->number = number;
    fact->reason = REASON_NONE;
}

static void facts_whole(struct facts *facts, const char *key, enum fact_kind kind, int64_t value,
                        const char *source)
{
    struct fact *fact = facts_slot(facts, key, source);
    if (!fact)
        return;
    fact->kind = kind;
    fact->integer = value;
    fact->reason = REASON_NONE;
}

void facts_integer(struct facts *facts, const char *key, int64_t integer, const char *source)
{
    facts_whole(facts, key, FACT_INTEGER, integer, source);
}

void facts_bool(struct facts *facts, const char *key, bool value, const char *source)
{
    facts_whole(facts, key, FACT_BOOL, value, source);
}

void facts_list(struct facts *facts, const char *key, const char *const *items, size_t count,
                const char *source)
{
    const char **copy = arena_alloc(&facts->arena, (count + 1) * sizeof(*copy));
    for (size_t i = 0; copy && i < count; i++) {
        copy[i] = arena_strdup(&facts->arena, items[i] ? items[i] : "");
        if (!copy[i])
            copy = NULL;
    }
    struct fact *fact = facts_slot(facts, key, source);
    if (!fact || !copy) {
        facts->failed = true;
        return;
    }
    fact->kind = FACT_LIST;
    fact->list = copy;
    fact->list_count = count;
    fact->reason = REASON_NONE;
}

void facts_null(struct facts *facts, const char *key, enum reason reason, const char *source)
{
    struct fact *fact = facts_slot(facts, key, source);
    if (fact)
        fact->reason = reason == REASON_NONE ? REASON_FAILED : reason;
}

const struct fact *facts_get(const struct facts *facts, const char *key)
{
    for (size_t i = 0; i < facts->count; i++) {
        if (strcmp(facts->items[i].key, key) == 0)
            return &facts->items[i];
    }
    return NULL;
}

const char *facts_get_text(const struct facts *facts, const char *key, const char *otherwise)
{
    const struct fact *fact = facts_get(facts, key);
    return fact && fact->kind == FACT_TEXT ? fact->text : otherwise;
}

int facts_copy(struct facts *dst, const struct facts *src)
{
    bool failed_before = dst->failed;
    dst->failed = false;
    for (size_t i = 0; i < src->count; i++) {
        const struct fact *fact = &src->items[i];
        switch (fact->kind) {
        case FACT_NULL:
            facts_null(dst, fact->key, fact->reason, fact->source);
            break;
        case FACT_TEXT:
            facts_text(dst, fact->key, fact->text, fact->source);
            break;
        case FACT_NUMBER:
            facts_number(dst, fact->key, fact->number, fact->source);
            break;
        case FACT_INTEGER:
        case FACT_BOOL:
            facts_whole(dst, fact->key, fact->kind, fact->integer, fact->source);
            break;
        case FACT_LIST:
            facts_list(dst, fact->key, fact->list, fact->list_count, fact->source);
            break;
        }
    }
    bool failed = dst->failed;
    dst->failed = failed || failed_before || src->failed;
    return failed ? -1 : 0;
}

void facts_deinit(struct facts *facts)
{
    free(facts->items);
    arena_deinit(&facts->arena);
    *facts = (struct facts){0};
}
