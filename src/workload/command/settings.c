/* settings.c: the settings of the command workload: cores, threads, time-out, output. */
#include <string.h>

#include "base/util.h"
#include "workload/command/internal.h"
#include "workload/cores.h"

/* What the usual libraries for parallel arithmetic read at start-up. */
static const char *const thread_variables[] = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
                                               "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"};

int program_set_variable(struct program *program, const char *variable, struct error *err)
{
    if (variable == NULL || program->variables_count >= PROGRAM_VARIABLES_MAX)
        return error_set(err, ERROR_NOMEM, "out of memory for the environment");
    program->variables[program->variables_count++] = variable;
    return 0;
}

static int load_threads(struct program *program, const struct settings *settings, struct error *err)
{
    if (!settings_is_set(settings, SETTING_THREADS))
        return 0;
    program->threads = settings_get_u64(settings, SETTING_THREADS);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(thread_variables); i++)
        rc = program_set_variable(program,
                                  arena_printf(&program->arena, "%s=%llu", thread_variables[i],
                                               (unsigned long long)program->threads),
                                  err);
    return rc;
}

static int load_python(struct program *program, const struct settings *settings, struct error *err)
{
    struct strbuf variable = {0};
    python_auto_find(&program->python, program->args->command, settings);
    if (program->python.state != PYTHON_AUTO_READY)
        return 0;
    python_auto_append_variable(&program->python, &variable);
    const char *copy =
        variable.failed ? NULL : arena_strdup(&program->arena, strbuf_get(&variable));
    int rc = program_set_variable(program, copy, err);
    strbuf_deinit(&variable);
    return rc;
}

int program_load_settings(struct program *program, struct error *err)
{
    const struct settings *settings = program->args->settings;
    const struct setting_value *metrics = &settings->values[SETTING_METRIC];
    program->show_output = settings_get_bool(settings, SETTING_SHOW_OUTPUT);
    if (settings_is_set(settings, SETTING_TIMEOUT))
        program->timeout_ns = settings_get_u64(settings, SETTING_TIMEOUT);
    int rc = cores_load(settings, &program->cores, &program->has_cores, err);
    if (rc == 0)
        rc = load_threads(program, settings, err);
    if (rc == 0)
        rc = load_python(program, settings, err);
    if (rc == 0)
        rc = output_metrics_open(&program->metrics, metrics->list,
                                 metrics->is_set ? metrics->list_count : 0, program_measures,
                                 PROGRAM_SERIES_COUNT, err);
    return rc;
}
