/* ort_profile_nested.c: the time of a node that holds others, less theirs.
 *
 * If, Loop and Scan (and searches such as BeamSearch) run graphs of their own, whose nodes have
 * events like all others. An event lies within another when it began in it and ended with it, on
 * the same thread; what is left of the outer one is its own.
 *
 * The engine cuts start and duration down to whole microseconds, each for itself. So an inner end
 * may seem to lie a microsecond behind the outer one; but what comes next on a thread never seems
 * to begin before the end of what came before.
 */
#include <stdlib.h>

#include "format/ort_profile_internal.h"

#define ROUNDING_NS 1000u

static int compare(uint64_t left, uint64_t right)
{
    return (left > right) - (left < right);
}

/* Outer ones before inner ones. Of two that seem to be the same, the outer one was written later:
 * events are written at their ends. */
static int outer_first(const void *a, const void *b)
{
    const struct ort_span *left = *(struct ort_span *const *)a;
    const struct ort_span *right = *(struct ort_span *const *)b;
    int order = compare(left->thread, right->thread);
    if (order == 0)
        order = compare(left->start_ns, right->start_ns);
    if (order == 0)
        order = compare(right->duration_ns, left->duration_ns);
    return order != 0 ? order : compare(right->order, left->order);
}

static bool is_within(const struct ort_span *inner, const struct ort_span *outer)
{
    uint64_t outer_end = outer->start_ns + outer->duration_ns;
    return inner->thread == outer->thread && inner->start_ns < outer_end &&
           inner->start_ns + inner->duration_ns <= outer_end + ROUNDING_NS;
}

static void take_from(struct ort_span *outer, uint64_t ns)
{
    outer->own_ns -= ns < outer->own_ns ? ns : outer->own_ns;
}

int ort_profile_unnest(struct ort_builder_node *nodes, size_t count, struct error *err)
{
    size_t total = 0, depth = 0, at = 0;
    for (size_t i = 0; i < count; i++)
        total += nodes[i].calls.count;
    struct ort_span **spans = calloc(total + 1, sizeof(struct ort_span *));
    if (!spans)
        return error_set(err, ERROR_NOMEM, "out of memory");
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < nodes[i].calls.count; j++)
            spans[at++] = &nodes[i].calls.items[j];
    qsort(spans, total, sizeof(*spans), outer_first);
    /* Those that are still open stand at the front: there are never more of them than were seen. */
    for (at = 0; at < total; at++) {
        struct ort_span *span = spans[at];
        while (depth > 0 && !is_within(span, spans[depth - 1]))
            depth--;
        if (depth > 0)
            take_from(spans[depth - 1], span->duration_ns);
        spans[depth++] = span;
    }
    free(spans);
    return 0;
}
