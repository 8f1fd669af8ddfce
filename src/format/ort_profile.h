/* ort_profile.h: the per-node profile that ONNX Runtime writes (Chrome trace events).
 *
 * What: which node ran on which provider for how long, call by call. Versions 1.14 to 1.30: the
 *       order of keys differs, older ones have …_fence_before/after events, numbers in args may be
 *       texts. One that was cut off has no closing bracket: calls of a run that never ended are
 *       left out, unless there is no other.
 * Units: ns inside (the file has whole µs).
 * Memory: the arena owns everything; a file of any size (nodes and calls count, not bytes).
 * Errors: -ERROR_INPUT with line and column; -ERROR_NOTHING: no node event in it.
 */
#ifndef TACHO_FORMAT_ORT_PROFILE_H
#define TACHO_FORMAT_ORT_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

struct ort_node {
    const char *name;     /* "/model/conv1", as the optimiser left it */
    const char *op;       /* "Conv" */
    const char *provider; /* "CPUExecutionProvider" */
    const char *types;    /* element types of its inputs: "float,float,float"; "" if not said */
    uint64_t calls;
    uint64_t first_run_calls; /* of them: in the first of several runs; they stand first */
    uint64_t total_ns;        /* without the time of nodes inside it (If, Loop, Scan) */
    uint64_t *call_ns;        /* calls of them, in order of time; likewise */
    bool is_cast_inserted;    /* a Cast that the engine put in (InsertedPrecisionFreeCast…) */
};

struct ort_provider_share {
    const char *provider;
    uint64_t nodes;
    uint64_t total_ns; /* without the first run */
    double share;      /* of the time of all nodes, 0 to 1 */
};

struct ort_profile {
    struct arena arena;
    struct ort_node *nodes; /* in the order of their first call */
    size_t node_count;
    uint64_t runs;                        /* model_run events */
    uint64_t *run_ns;                     /* each of them, in order of time */
    uint64_t run_total_ns, node_total_ns; /* without the first run, if there are more */
    struct ort_provider_share *shares;    /* by falling time */
    size_t share_count;
    uint64_t session_ns, load_ns; /* session_initialization, model_loading…; 0: not in it */
    uint64_t cut_line;            /* the last one, where the end is missing; 0: it is there */
};

int ort_profile_read(const char *path, struct ort_profile *ret_profile, struct error *err);
int ort_profile_read_text(const char *text, size_t size, const char *path,
                          struct ort_profile *ret_profile, struct error *err);
void ort_profile_deinit(struct ort_profile *profile);
/* Share of node time on this provider, 0 if it ran nothing. */
double ort_profile_share(const struct ort_profile *profile, const char *provider);
/* What the arithmetic was done in, by node time (Cast nodes and shapes left out): "fp32", "fp16",
 * "int8", "mixed"; NULL: not told by the profile. A model of fp16 tensors whose nodes the CPU runs
 * between inserted casts comes to "fp32". */
const char *ort_profile_precision(const struct ort_profile *profile);

#endif
