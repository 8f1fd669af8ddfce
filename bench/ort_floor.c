/* ort_floor.c: the least that measuring a model can cost: ONNX Runtime's Run in a loop between two
 * clock reads, and nothing else. No header of ONNX Runtime, no code of tacho.
 *
 * usage: ort_floor LIBRARY MODEL N WARMUP THREADS [PROFILE_PREFIX]
 *
 * Loads LIBRARY (libonnxruntime.so), runs MODEL WARMUP + N times with THREADS threads (0: the
 * engine's choice) and prints one JSON object about the last N. Free dimensions become 1; inputs
 * are random numbers from 0 to 1 (whole ones: 0). With PROFILE_PREFIX the engine's own profiler is
 * on. The numbers in api_index are places in the engine's table of functions; the table only ever
 * grows at its end, so they hold for every version since 1.5.
 */
#include <dlfcn.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define INPUTS_MAX 16
#define DIMS_MAX 16
#define API_VERSION 14

enum api_index {
    GET_ERROR_MESSAGE = 2,
    CREATE_ENV = 3,
    CREATE_SESSION = 7,
    RUN = 9,
    CREATE_SESSION_OPTIONS = 10,
    ENABLE_PROFILING = 14,
    SET_GRAPH_OPTIMIZATION = 23,
    SET_INTRA_OP_THREADS = 24,
    INPUT_COUNT = 30,
    OUTPUT_COUNT = 31,
    INPUT_TYPE_INFO = 33,
    INPUT_NAME = 36,
    OUTPUT_NAME = 37,
    CREATE_TENSOR_WITH_DATA = 49,
    CAST_TO_TENSOR_INFO = 55,
    ELEMENT_TYPE = 60,
    DIMENSIONS_COUNT = 61,
    DIMENSIONS = 62,
    CREATE_CPU_MEMORY_INFO = 69,
    DEFAULT_ALLOCATOR = 78,
    RELEASE_SESSION = 95,
    RELEASE_VALUE = 96,
    END_PROFILING = 110,
};

enum { TYPE_FLOAT = 1, TYPE_INT64 = 7, TYPE_FLOAT16 = 10 };

struct api_base {
    void *const *(*get_api)(uint32_t version);
    const char *(*get_version)(void);
};

static void *const *api;

/* Every function that can fail returns NULL or a status. */
#define CALL(index, types, ...) check(((void *(*)types)api[index])(__VA_ARGS__), #index)

static void die(const char *what, const char *why)
{
    fprintf(stderr, "ort_floor: %s: %s\n", what, why);
    exit(1);
}

static void check(const void *status, const char *what)
{
    if (status != NULL)
        die(what, ((const char *(*)(const void *))api[GET_ERROR_MESSAGE])(status));
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint32_t next_random(void)
{
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33);
}

struct session {
    void *session, *allocator, *memory_info;
    size_t input_count, output_count;
    char *input_names[INPUTS_MAX], *output_names[INPUTS_MAX];
    void *inputs[INPUTS_MAX], *outputs[INPUTS_MAX];
};

static void open_library(const char *path, const char **ret_version)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        die(path, dlerror());
    const struct api_base *(*get_base)(void);
    *(void **)&get_base = dlsym(library, "OrtGetApiBase");
    if (get_base == NULL)
        die(path, "not ONNX Runtime");
    api = get_base()->get_api(API_VERSION);
    if (api == NULL)
        die(path, "too old");
    *ret_version = get_base()->get_version();
}

static void open_session(struct session *s, const char *model, int threads, const char *profile)
{
    void *env, *options;
    CALL(CREATE_ENV, (int, const char *, void **), 3, "ort_floor", &env);
    CALL(CREATE_SESSION_OPTIONS, (void **), &options);
    CALL(SET_GRAPH_OPTIMIZATION, (void *, int), options, 99);
    if (threads > 0)
        CALL(SET_INTRA_OP_THREADS, (void *, int), options, threads);
    if (profile != NULL)
        CALL(ENABLE_PROFILING, (void *, const char *), options, profile);
    CALL(CREATE_SESSION, (void *, const char *, void *, void **), env, model, options, &s->session);
    CALL(DEFAULT_ALLOCATOR, (void **), &s->allocator);
    CALL(CREATE_CPU_MEMORY_INFO, (int, int, void **), 1, 0, &s->memory_info);
    CALL(INPUT_COUNT, (void *, size_t *), s->session, &s->input_count);
    CALL(OUTPUT_COUNT, (void *, size_t *), s->session, &s->output_count);
    if (s->input_count > INPUTS_MAX || s->output_count > INPUTS_MAX)
        die(model, "too many inputs or outputs");
    for (size_t i = 0; i < s->input_count; i++)
        CALL(INPUT_NAME, (void *, size_t, void *, char **), s->session, i, s->allocator,
             &s->input_names[i]);
    for (size_t i = 0; i < s->output_count; i++)
        CALL(OUTPUT_NAME, (void *, size_t, void *, char **), s->session, i, s->allocator,
             &s->output_names[i]);
}

static void make_input(struct session *s, size_t index)
{
    void *info;
    const void *tensor;
    int type;
    size_t rank, elements = 1;
    int64_t dims[DIMS_MAX];
    CALL(INPUT_TYPE_INFO, (void *, size_t, void **), s->session, index, &info);
    CALL(CAST_TO_TENSOR_INFO, (void *, const void **), info, &tensor);
    CALL(ELEMENT_TYPE, (const void *, int *), tensor, &type);
    CALL(DIMENSIONS_COUNT, (const void *, size_t *), tensor, &rank);
    if (rank > DIMS_MAX)
        die(s->input_names[index], "too many dimensions");
    CALL(DIMENSIONS, (const void *, int64_t *, size_t), tensor, dims, rank);
    for (size_t d = 0; d < rank; d++) {
        dims[d] = dims[d] < 1 ? 1 : dims[d];
        elements *= (size_t)dims[d];
    }
    size_t size = elements * (type == TYPE_FLOAT ? 4 : type == TYPE_FLOAT16 ? 2 : 8);
    void *data = calloc(1, size);
    if (data == NULL)
        die(s->input_names[index], "out of memory");
    for (size_t i = 0; i < elements; i++) {
        if (type == TYPE_FLOAT)
            ((float *)data)[i] = (float)(next_random() >> 7) / 16777216.0f;
        else if (type == TYPE_FLOAT16) /* the bits of 0.5 to 1 */
            ((uint16_t *)data)[i] = (uint16_t)(0x3800 | (next_random() & 0x3ff));
    }
    if (type != TYPE_FLOAT && type != TYPE_FLOAT16)
        size = elements * (type == TYPE_INT64 ? 8 : 1);
    CALL(CREATE_TENSOR_WITH_DATA, (void *, void *, size_t, const int64_t *, size_t, int, void **),
         s->memory_info, data, size, dims, rank, type, &s->inputs[index]);
}

static uint64_t run_once(struct session *s)
{
    void *(*run)(void *, void *, char *const *, void *const *, size_t, char *const *, size_t,
                 void **);
    memcpy(&run, &api[RUN], sizeof(run));
    uint64_t begin = now_ns();
    void *status = run(s->session, NULL, s->input_names, s->inputs, s->input_count, s->output_names,
                       s->output_count, s->outputs);
    uint64_t end = now_ns();
    check(status, "RUN");
    for (size_t i = 0; i < s->output_count; i++) {
        ((void (*)(void *))api[RELEASE_VALUE])(s->outputs[i]);
        s->outputs[i] = NULL;
    }
    return end - begin;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void print_result(const char *version, uint64_t *ns, size_t n, const char *profile)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)ns[i];
    double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += ((double)ns[i] - mean) * ((double)ns[i] - mean);
    qsort(ns, n, sizeof(*ns), compare);
    double median = ((double)ns[(n - 1) / 2] + (double)ns[n / 2]) / 2;
    printf("{\"version\": \"%s\", \"n\": %zu, \"mean_ms\": %.6f, \"median_ms\": %.6f, "
           "\"sd_ms\": %.6f, \"min_ms\": %.6f, \"max_ms\": %.6f, \"profile\": \"%s\"}\n",
           version, n, mean / 1e6, median / 1e6, sqrt(squares / (double)(n > 1 ? n - 1 : 1)) / 1e6,
           (double)ns[0] / 1e6, (double)ns[n - 1] / 1e6, profile);
}

int main(int argc, char **argv)
{
    struct session session = {0};
    const char *version;
    char *profile = "";
    if (argc < 6 || argc > 7 || strtol(argv[3], NULL, 10) < 1) {
        fprintf(stderr, "usage: ort_floor LIBRARY MODEL N WARMUP THREADS [PROFILE_PREFIX]\n");
        return 2;
    }
    size_t n = (size_t)strtol(argv[3], NULL, 10), warmup = (size_t)strtol(argv[4], NULL, 10);
    uint64_t *ns = malloc(n * sizeof(*ns));
    if (ns == NULL)
        die("latencies", "out of memory");
    open_library(argv[1], &version);
    open_session(&session, argv[2], (int)strtol(argv[5], NULL, 10), argc > 6 ? argv[6] : NULL);
    for (size_t i = 0; i < session.input_count; i++)
        make_input(&session, i);
    for (size_t i = 0; i < warmup; i++)
        run_once(&session);
    for (size_t i = 0; i < n; i++)
        ns[i] = run_once(&session);
    if (argc > 6)
        CALL(END_PROFILING, (void *, void *, char **), session.session, session.allocator,
             &profile);
    print_result(version, ns, n, profile);
    ((void (*)(void *))api[RELEASE_SESSION])(session.session);
    free(ns);
    return 0;
}
