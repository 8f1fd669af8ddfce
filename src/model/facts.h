/* facts.h: named values that describe something (an environment, a workload), in order.
 *
 * What: key, value (text, number, whole number, boolean, list of texts) or null with a reason, and
 *       the source the value was read from. One type for every "what was this run on" so that
 *       store, JSON, text and compare need no field of their own for a new fact.
 * Memory: owned by the facts (an arena). Setting a key again replaces its value.
 */
#ifndef TACHO_MODEL_FACTS_H
#define TACHO_MODEL_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "model/reason.h"

enum fact_kind { FACT_NULL, FACT_TEXT, FACT_NUMBER, FACT_INTEGER, FACT_BOOL, FACT_LIST };

struct fact {
    const char *key; /* snake_case, unit last: "mem_total_mb" */
    enum fact_kind kind;
    const char *text;        /* TEXT */
    double number;           /* NUMBER */
    int64_t integer;         /* INTEGER, BOOL */
    const char *const *list; /* LIST */
    size_t list_count;
    enum reason reason; /* NULL */
    const char *source; /* where it was read; NULL: not said */
};

struct facts {
    struct arena arena;
    struct fact *items;
    size_t count, capacity;
    bool failed; /* out of memory happened; checked once at the end */
};

/* (No pointer past the end is made: items of empty facts is NULL.) */
#define facts_foreach(facts, fact)                                                                 \
    for (const struct fact *fact = (facts)->items;                                                 \
         (size_t)(fact - (facts)->items) < (facts)->count; fact++)

void facts_text(struct facts *facts, const char *key, const char *text, const char *source);
void facts_number(struct facts *facts, const char *key, double number, const char *source);
void facts_integer(struct facts *facts, const char *key, int64_t integer, const char *source);
void facts_bool(struct facts *facts, const char *key, bool value, const char *source);
void facts_list(struct facts *facts, const char *key, const char *const *items, size_t count,
                const char *source);
void facts_null(struct facts *facts, const char *key, enum reason reason, const char *source);
const struct fact *facts_get(const struct facts *facts, const char *key); /* or NULL */
const char *facts_get_text(const struct facts *facts, const char *key, const char *otherwise);
int facts_copy(struct facts *dst,
               const struct facts *src); /* a key of both: src's; -1: no memory */
void facts_deinit(struct facts *facts);

#endif
