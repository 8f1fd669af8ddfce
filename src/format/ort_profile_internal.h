/* ort_profile_internal.h: between ort_profile.c, which reads events, and ort_profile_result.c,
 * which makes nodes, shares and a precision of them. */
#ifndef TACHO_FORMAT_ORT_PROFILE_INTERNAL_H
#define TACHO_FORMAT_ORT_PROFILE_INTERNAL_H

#include <stddef.h>

#include "format/ort_profile.h"

struct ort_span {
    uint64_t start_ns, duration_ns;
    uint64_t own_ns; /* without that of nodes inside it */
    uint64_t thread;
    uint64_t order; /* in the file */
};

struct ort_spans {
    struct ort_span *items;
    size_t count, capacity;
};

struct ort_builder_node {
    const char *name, *op, *provider, *types, *index; /* the arena's */
    uint64_t hash;
    struct ort_spans calls;
};

/* ort_profile_nested.c: takes from each call's own_ns what nodes inside it took. */
int ort_profile_unnest(struct ort_builder_node *nodes, size_t count, struct error *err);
/* Sorts the runs, and the calls of the nodes, by time. */
int ort_profile_assemble(struct ort_profile *profile, struct ort_builder_node *nodes, size_t count,
                         struct ort_spans *runs, struct error *err);

#endif
