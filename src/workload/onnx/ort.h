/* ort.h: ONNX Runtime through its C interface, without its header (the worker only).
 *
 * What: the library is opened by path; its one symbol leads to a table of functions that has only
 *       ever been appended to since 1.0. ORT_FUNCTIONS below is the part that tacho uses: index,
 *       version that brought it, and signature. ort_NAME(ort) is that function, or NULL where the
 *       library is older.
 * Versions: 1.14 and newer. The table is asked for as of at most 1.16: a higher number than the
 *       library knows is answered with NULL and a line on stderr, and newer tables begin alike.
 * Memory: what the engine hands out is released by its own functions.
 * Threads: open and close by one; a session may be run by many.
 * Errors: an engine's status becomes a struct error with the engine's own sentence (ort_check).
 */
#ifndef TACHO_WORKLOAD_ONNX_ORT_H
#define TACHO_WORKLOAD_ONNX_ORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "workload/onnx/shared.h"

#define ORT_MINOR_OLDEST 14
#define ORT_MINOR_ASKED 16
#define ORT_LOG_ERROR 3

struct ort_status;
struct ort_env;
struct ort_session;
struct ort_session_options;
struct ort_type_info;
struct ort_shape_info;
struct ort_value;
struct ort_memory_info;
struct ort_allocator;
struct ort_cuda_options;
struct ort_tensorrt_options;

struct ort {
    void *handle;
    const void *const *api;
    unsigned minor; /* 30 of "1.30.0" */
    struct ort_env *env;
    struct ort_allocator *allocator; /* not owned */
};

#define ORT_STATUS struct ort_status *

/* X(index, since 1.x, returns, name, arguments) */
#define ORT_FUNCTIONS(X)                                                                           \
    X(1, 1, int, get_error_code, (const struct ort_status *status))                                \
    X(2, 1, const char *, get_error_message, (const struct ort_status *status))                    \
    X(3, 1, ORT_STATUS, create_env, (int severity, const char *id, struct ort_env **env))          \
    X(6, 1, ORT_STATUS, disable_telemetry_events, (const struct ort_env *env))                     \
    X(7, 1, ORT_STATUS, create_session,                                                            \
      (const struct ort_env *env, const char *path, const struct ort_session_options *options,     \
       struct ort_session **session))                                                              \
    X(8, 1, ORT_STATUS, create_session_from_array,                                                 \
      (const struct ort_env *env, const void *bytes, size_t size,                                  \
       const struct ort_session_options *options, struct ort_session **session))                   \
    X(9, 1, ORT_STATUS, run,                                                                       \
      (struct ort_session * session, const void *run_options, const char *const *input_names,      \
       const struct ort_value *const *inputs, size_t input_count, const char *const *output_names, \
       size_t output_count, struct ort_value **outputs))                                           \
    X(10, 1, ORT_STATUS, create_session_options, (struct ort_session_options * *options))          \
    X(14, 1, ORT_STATUS, enable_profiling,                                                         \
      (struct ort_session_options * options, const char *prefix))                                  \
    X(22, 1, ORT_STATUS, set_session_log_severity_level,                                           \
      (struct ort_session_options * options, int severity))                                        \
    X(23, 1, ORT_STATUS, set_session_graph_optimization_level,                                     \
      (struct ort_session_options * options, int level))                                           \
    X(24, 1, ORT_STATUS, set_intra_op_num_threads,                                                 \
      (struct ort_session_options * options, int threads))                                         \
    X(30, 1, ORT_STATUS, session_get_input_count,                                                  \
      (const struct ort_session *session, size_t *count))                                          \
    X(31, 1, ORT_STATUS, session_get_output_count,                                                 \
      (const struct ort_session *session, size_t *count))                                          \
    X(36, 1, ORT_STATUS, session_get_input_name,                                                   \
      (const struct ort_session *session, size_t index, struct ort_allocator *allocator,           \
       char **name))                                                                               \
    X(37, 1, ORT_STATUS, session_get_output_name,                                                  \
      (const struct ort_session *session, size_t index, struct ort_allocator *allocator,           \
       char **name))                                                                               \
    X(49, 1, ORT_STATUS, create_tensor_with_data,                                                  \
      (const struct ort_memory_info *info, void *data, size_t bytes, const int64_t *dims,          \
       size_t rank, int type, struct ort_value **value))                                           \
    X(50, 1, ORT_STATUS, is_tensor, (const struct ort_value *value, int *is_tensor))               \
    X(51, 1, ORT_STATUS, get_tensor_mutable_data, (struct ort_value * value, void **data))         \
    X(60, 1, ORT_STATUS, get_tensor_element_type, (const struct ort_shape_info *info, int *type))  \
    X(61, 1, ORT_STATUS, get_dimensions_count, (const struct ort_shape_info *info, size_t *rank))  \
    X(62, 1, ORT_STATUS, get_dimensions,                                                           \
      (const struct ort_shape_info *info, int64_t *dims, size_t rank))                             \
    X(65, 1, ORT_STATUS, get_tensor_type_and_shape,                                                \
      (const struct ort_value *value, struct ort_shape_info **info))                               \
    X(69, 1, ORT_STATUS, create_cpu_memory_info,                                                   \
      (int allocator_type, int memory_type, struct ort_memory_info **info))                        \
    X(76, 1, ORT_STATUS, allocator_free, (struct ort_allocator * allocator, void *memory))         \
    X(78, 1, ORT_STATUS, get_allocator_with_default_options, (struct ort_allocator * *allocator))  \
    X(92, 1, void, release_env, (struct ort_env * env))                                            \
    X(93, 1, void, release_status, (struct ort_status * status))                                   \
    X(94, 1, void, release_memory_info, (struct ort_memory_info * info))                           \
    X(95, 1, void, release_session, (struct ort_session * session))                                \
    X(96, 1, void, release_value, (struct ort_value * value))                                      \
    X(99, 1, void, release_shape_info, (struct ort_shape_info * info))                             \
    X(100, 1, void, release_session_options, (struct ort_session_options * options))               \
    X(110, 2, ORT_STATUS, session_end_profiling,                                                   \
      (struct ort_session * session, struct ort_allocator * allocator, char **path))               \
    X(125, 4, ORT_STATUS, get_available_providers, (char ***names, int *count))                    \
    X(126, 4, ORT_STATUS, release_available_providers, (char **names, int count))                  \
    X(130, 5, ORT_STATUS, add_session_config_entry,                                                \
      (struct ort_session_options * options, const char *key, const char *value))                  \
    X(170, 9, ORT_STATUS, append_tensorrt,                                                         \
      (struct ort_session_options * options, const struct ort_tensorrt_options *tensorrt))         \
    X(171, 9, ORT_STATUS, create_tensorrt_options, (struct ort_tensorrt_options * *tensorrt))      \
    X(172, 9, ORT_STATUS, update_tensorrt_options,                                                 \
      (struct ort_tensorrt_options * tensorrt, const char *const *keys, const char *const *values, \
       size_t count))                                                                              \
    X(174, 9, void, release_tensorrt_options, (struct ort_tensorrt_options * tensorrt))            \
    X(204, 11, ORT_STATUS, append_cuda,                                                            \
      (struct ort_session_options * options, const struct ort_cuda_options *cuda))                 \
    X(205, 11, ORT_STATUS, create_cuda_options, (struct ort_cuda_options * *cuda))                 \
    X(206, 11, ORT_STATUS, update_cuda_options,                                                    \
      (struct ort_cuda_options * cuda, const char *const *keys, const char *const *values,         \
       size_t count))                                                                              \
    X(208, 11, void, release_cuda_options, (struct ort_cuda_options * cuda))                       \
    X(216, 12, ORT_STATUS, append_provider,                                                        \
      (struct ort_session_options * options, const char *name, const char *const *keys,            \
       const char *const *values, size_t count))                                                   \
    X(254, 15, const char *, get_build_info_string, (void))

#define ORT_ACCESSOR(index, since, ret, name, args)                                                \
    typedef ret ort_##name##_fn args;                                                              \
    static inline ort_##name##_fn *ort_##name(const struct ort *ort)                               \
    {                                                                                              \
        return ort->minor >= (since) ? (ort_##name##_fn *)ort->api[index] : NULL;                  \
    }
ORT_FUNCTIONS(ORT_ACCESSOR)
#undef ORT_ACCESSOR

/* ---- ort.c: the library ---- */
/* Opens the first of config->libraries that is an ONNX Runtime for this machine and new enough, and
 * fills info->library, version, build and the names of its providers. None: -ERROR_ABSENT or, if
 * one was there that could not be used, -ERROR_UNSUPPORTED, with what was wrong with each. */
int ort_open(struct ort *ort, const struct onnx_config *config, struct onnx_info *info,
             struct error *err);
/* Accepts a zeroed one. The library itself stays: it may have threads that still run its code. */
void ort_close(struct ort *ort);
/* NULL: 0. Else releases the status and returns the negative code, with *err "WHAT: the engine's
 * sentence". What the engine says of the model or the arguments is -ERROR_INPUT, what it has no
 * implementation for -ERROR_UNSUPPORTED, all else -code. */
int ort_check(const struct ort *ort, struct ort_status *status, int code, struct error *err,
              const char *what);

/* ---- ort_provider.c: execution providers ---- */
/* Never falls back: what cannot be appended is -ERROR_ABSENT or -ERROR_UNSUPPORTED. Options whose
 * key begins with "session." are entries of the session, the others the provider's own. */
int ort_append(const struct ort *ort, struct ort_session_options *options,
               const struct onnx_config *config, const struct onnx_info *info, struct error *err);

/* How to get it; static. */
const char *ort_provider_hint(const char *provider);

/* ---- ort_session.c: a model ready to run ---- */
struct ort_model {
    const struct ort *ort;
    struct ort_session *session;
    char **input_names, **output_names; /* the engine's */
    size_t input_count, output_count;
};

struct ort_model_source {
    const char *path;  /* NULL: the bytes */
    const void *bytes; /* outlive the session */
    size_t size;
};

/* profile_prefix NULL or "": no profile. */
int ort_model_open(struct ort_model *model, const struct ort *ort, const struct onnx_config *config,
                   const struct onnx_info *info, const struct ort_model_source *source,
                   const char *profile_prefix, struct error *err);
/* Ends the profile; path: where it was written. */
int ort_model_end_profile(struct ort_model *model, char *path, size_t size, struct error *err);
void ort_model_close(struct ort_model *model); /* accepts a zeroed one */

#endif
