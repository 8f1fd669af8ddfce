/* ort_standin: a library that looks like ONNX Runtime from outside, for what no real one does.
 *
 * It is of version ORT_STANDIN_VERSION, and has one provider, "CrashExecutionProvider", which
 * crashes when it is appended, and a second one for as long as its telemetry was not switched off.
 * All else that is called in between comes to nothing, successfully.
 */
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FUNCTIONS 300

static char thing[64]; /* what every handle points to */
static char provider[] = "CrashExecutionProvider";
static char telling[] = "TelemetryExecutionProvider";
static char *providers[] = {provider, telling};
static bool is_telling = true;

static void *nothing(void)
{
    return NULL;
}

static void *make_env(int severity, const char *id, void **ret)
{
    *ret = thing;
    return NULL;
}

static void *make_one(void **ret)
{
    *ret = thing;
    return NULL;
}

static void *disable_telemetry(const void *env)
{
    is_telling = is_telling && env != thing;
    return NULL;
}

static void *list_providers(char ***ret_names, int *ret_count)
{
    *ret_names = providers;
    *ret_count = is_telling ? 2 : 1;
    return NULL;
}

static void *crash(void)
{
    raise(SIGSEGV);
    return NULL;
}

static const char *build_info(void)
{
    return "stand-in";
}

static const void *functions[FUNCTIONS];

static const void *const *get_api(uint32_t version)
{
    for (size_t i = 0; i < FUNCTIONS; i++)
        functions[i] = (const void *)nothing;
    functions[3] = (const void *)make_env;          /* CreateEnv */
    functions[6] = (const void *)disable_telemetry; /* DisableTelemetryEvents */
    functions[10] = (const void *)make_one;         /* CreateSessionOptions */
    functions[78] = (const void *)make_one;         /* GetAllocatorWithDefaultOptions */
    functions[125] = (const void *)list_providers;  /* GetAvailableProviders */
    functions[216] = (const void *)crash;           /* SessionOptionsAppendExecutionProvider */
    functions[254] = (const void *)build_info;      /* GetBuildInfoString */
    return functions;
}

static const char *get_version_string(void)
{
    return ORT_STANDIN_VERSION;
}

struct api_base {
    const void *const *(*get_api)(uint32_t version);
    const char *(*get_version_string)(void);
};

const struct api_base *OrtGetApiBase(void); // NOLINT(readability-identifier-naming)

const struct api_base *OrtGetApiBase(void) // NOLINT(readability-identifier-naming)
{
    static const struct api_base base = {get_api, get_version_string};
    return &base;
}
