/* program_settings.c: the settings of the command workload: cores, threads, time-out, output. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/unit.h"
#include "base/util.h"
#include "workload/program_internal.h"

/* What the usual libraries for parallel arithmetic read at start-up. */
static const char *const thread_variables[] = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
                                               "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"};

const char *program_format_cores(const cpu_set_t *cores, char *buf, size_t size)
{
    uint64_t numbers[CPU_SETSIZE];
    size_t count = 0;
    for (uint64_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, cores))
            numbers[count++] = cpu;
    return unit_format_list(numbers, count, buf, size);
}

static bool core_exists(uint64_t cpu)
{
    char path[64];
    struct root root;
    if (root_open(&root, "/", NULL) != 0)
        return true; /* then the other message is the true one */
    snprintf(path, sizeof(path), "sys/devices/system/cpu/cpu%u", (unsigned)cpu);
    bool exists = !root_exists(&root, "sys/devices/system/cpu") || root_exists(&root, path);
    root_close(&root);
    return exists;
}

static int load_cores(struct program *program, const struct settings *settings, struct error *err)
{
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
        return error_set_errno(err, ERROR_SYSTEM, errno, "cannot read tacho's own cores");
    program->cores = allowed;
    const char *text = settings_get_text(settings, SETTING_CORES);
    if (text == NULL)
        return 0;
    uint64_t cores[CPU_SETSIZE];
    size_t count = 0;
    struct error detail = {0};
    int rc = unit_parse_list(text, CPU_SETSIZE - 1, cores, ARRAY_LEN(cores), &count, &detail);
    if (rc != 0) {
        error_set(err, ERROR_USAGE, "--cores: %s", detail.message);
        error_hint(err, "%s", detail.hint);
        return -ERROR_USAGE;
    }
    CPU_ZERO(&program->cores);
    for (size_t i = 0; i < count; i++) {
        if (!CPU_ISSET(cores[i], &allowed)) {
            char list[256];
            error_set(err, ERROR_ABSENT, "--cores %s: core %u %s", text, (unsigned)cores[i],
                      core_exists(cores[i]) ? "is offline, or not allowed to this process"
                                            : "does not exist here");
            error_hint(err, "these can be used: %s",
                       program_format_cores(&allowed, list, sizeof(list)));
            return -ERROR_ABSENT;
        }
        CPU_SET(cores[i], &program->cores);
    }
    program->has_cores = true;
    return 0;
}

static int load_threads(struct program *program, const struct settings *settings, struct error *err)
{
    if (!settings_is_set(settings, SETTING_THREADS))
        return 0;
    program->threads = settings_get_u64(settings, SETTING_THREADS);
    const char **variables =
        arena_alloc(&program->arena, (ARRAY_LEN(thread_variables) + 1) * sizeof(*variables));
    for (size_t i = 0; variables != NULL && i < ARRAY_LEN(thread_variables); i++) {
        variables[i] = arena_printf(&program->arena, "%s=%llu", thread_variables[i],
                                    (unsigned long long)program->threads);
        if (variables[i] == NULL)
            variables = NULL;
    }
    if (variables == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the environment");
    program->setenv = variables;
    return 0;
}

int program_load_settings(struct program *program, struct error *err)
{
    const struct settings *settings = program->args->settings;
    const struct setting_value *metrics = &settings->values[SETTING_METRIC];
    program->show_output = settings_get_bool(settings, SETTING_SHOW_OUTPUT);
    if (settings_is_set(settings, SETTING_TIMEOUT))
        program->timeout_ns = settings_get_u64(settings, SETTING_TIMEOUT);
    int rc = load_cores(program, settings, err);
    if (rc == 0)
        rc = load_threads(program, settings, err);
    if (rc == 0)
        rc = output_metrics_open(&program->metrics, metrics->list,
                                 metrics->is_set ? metrics->list_count : 0, program_measures,
                                 PROGRAM_SERIES_COUNT, err);
    return rc;
}
