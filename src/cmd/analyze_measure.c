/* analyze_measure.c: a run of the default model for an analyzer that got no file. */
#include "cmd/analyze_measure.h"

#include "cmd/run_command.h"

#define STORE_SINK 0   /* of plan.sink */
#define DURATION "10s" /* as long as the old toolkit measured */

static int measure(struct run_command *run, struct error *err)
{
    struct measure_plan plan;
    int rc = run_command_prepare(run, &plan, err);
    if (rc == 0)
        rc = run_keep_begin_for(&run->keep, run->settings, run->workload, err);
    if (rc < 0)
        return rc;
    plan.sink[STORE_SINK] = run_keep_sink(&run->keep);
    rc = measure_run(&plan, &run->measure, err);
    if (!run->measure)
        return rc;
    const struct run *result = measure_run_get(run->measure);
    struct error step = {0};
    if (run_command_is_empty(rc, result))
        return run_keep_discard(&run->keep, result, &step) < 0 && rc == 0 ? -step.code : rc;
    int kept =
        run_keep_finish(&run->keep, result, measure_sink_error(run->measure, STORE_SINK), &step);
    if (kept < 0 && rc == 0 && err)
        *err = step;
    return rc < 0 ? rc : kept;
}

int analyze_measure(struct command_context *context, const struct file_analyzer *analyzer,
                    const struct analyze_options *options, struct analysis *analysis,
                    struct error *err)
{
    struct run_command run = {
        .context = context, .settings = &context->settings, .root = {.fd = -1}};
    static const char *const none[] = {NULL};
    const char *const *arguments = context->arguments;
    int argument_count = context->argument_count, rc = 0;
    if (!settings_is_set(&context->settings, SETTING_DURATION))
        rc = settings_set(&context->settings, SETTING_DURATION, DURATION, SOURCE_FLAG, "--duration",
                          err);
    context->arguments = none; /* the analyzer's name is no model */
    context->argument_count = 0;
    if (rc == 0)
        rc = measure(&run, err);
    context->arguments = arguments;
    context->argument_count = argument_count;
    if (rc == 0)
        rc = analyzer->run(measure_run_get(run.measure), options, analysis, err);
    run_command_deinit(&run);
    return rc;
}
