/* run.c: `tacho run`: parse, measure, keep, render. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/term.h"
#include "base/unit.h"
#include "base/util.h"
#include "cmd/command.h"
#include "cmd/run_command.h"
#include "cmd/run_validate.h"
#include "format/profile.h"
#include "measure/measure.h"
#include "model/summary.h"
#include "report/report.h"
#include "workload/workload.h"

enum { SINK_STORE, SINK_CSV }; /* of plan.sink */

/* ---- what to run -------------------------------------------------------------------------- */

/* A word as a shell would take it back. */
static void append_quoted(struct strbuf *out, const char *word)
{
    bool is_plain = word[0] && !word[strspn(word, "abcdefghijklmnopqrstuvwxyz"
                                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                                  "_-+=./,:@%")];
    strbuf_append(out, out->len ? " " : "");
    strbuf_append(out, is_plain ? "" : "'");
    for (const char *at = word; *at; at++) {
        if (*at == '\'')
            strbuf_append(out, "'\\'");
        strbuf_putc(out, *at);
    }
    strbuf_append(out, is_plain ? "" : "'");
}

static int fail_before_separator(const struct command_context *context, struct error *err)
{
    CLEANUP(strbuf_deinit) struct strbuf words = {0};
    for (int i = 0; i < context->argument_count; i++)
        append_quoted(&words, context->arguments[i]);
    for (int i = 0; context->program && context->program[i]; i++)
        append_quoted(&words, context->program[i]);
    error_set(err, ERROR_USAGE, "'%s' stands before '--'", context->arguments[0]);
    static const char *const models[] = {"detector", "classifier"};
    int nearest = str_nearest(context->arguments[0], models, ARRAY_LEN(models));
    if (context->argument_count == 1 && !context->program && nearest >= 0)
        return error_hint(err, "did you mean the model %s? A program goes behind '--'",
                          models[nearest]);
    return error_hint(err,
                      "a model is FILE.onnx, detector or classifier; put a program behind it: "
                      "tacho run -- %s",
                      strbuf_get(&words));
}

/* A gate can be checked before there is a program or a model; --metric needs its program. */
static bool only_checks_a_gate(const struct run_command *run)
{
    return !run->args.file && !run->args.command &&
           settings_get_bool(run->settings, SETTING_VALIDATE_ONLY) &&
           !settings_is_set(run->settings, SETTING_METRIC);
}

static int choose_workload(struct run_command *run, struct error *err)
{
    struct command_context *context = run->context;
    run->args = (struct workload_args){.settings = run->settings,
                                       .launcher = &context->launcher,
                                       .command = context->program,
                                       .file = context->arguments ? context->arguments[0] : NULL};
    if (context->argument_count > 1 || (context->argument_count > 0 && context->program))
        return fail_before_separator(context, err);
    if (only_checks_a_gate(run))
        return 0;
    for (size_t i = 0; workloads[i]; i++) {
        if (workloads[i]->accepts(&run->args)) {
            run->workload = workloads[i];
            return run->workload->open(&run->args, &run->workload_state, err);
        }
    }
    if (context->argument_count > 0)
        return fail_before_separator(context, err);
    error_set(err, ERROR_USAGE, "nothing to measure");
    return error_hint(err, "put a program behind '--': tacho run -n 20 -- PROGRAM ARG...");
}

/* The metrics that the workload defines itself (--metric), so that limits may name them. */
static const struct metric *own_metrics(const struct run_command *run, struct arena *arena,
                                        size_t *ret_count)
{
    size_t count = 0;
    const struct series *series = NULL;
    if (run->workload)
        series = run->workload->series(run->workload_state, &count);
    struct metric *own = arena_alloc(arena, (count + 1) * sizeof(*own));
    *ret_count = 0;
    for (size_t i = 0; own && i < count; i++)
        own[(*ret_count)++] = *series[i].metric;
    return own;
}

/* ---- limits ------------------------------------------------------------------------------- */

bool run_next_name(const char **rest, const char **ret_name, size_t *ret_length)
{
    if (!*rest)
        return false;
    const char *name = *rest + strspn(*rest, " \t");
    size_t length = strcspn(name, ",");
    *rest = name[length] ? name + length + 1 : NULL;
    while (length > 0 && (name[length - 1] == ' ' || name[length - 1] == '\t'))
        length--;
    *ret_name = name;
    *ret_length = length;
    return true;
}

static bool is_text(const char *text, const char *name, size_t length)
{
    return strlen(text) == length && memcmp(text, name, length) == 0;
}

static int fail_no_such_limit(const struct run_command *run, const char *name, size_t length,
                              struct error *err)
{
    CLEANUP(strbuf_deinit) struct strbuf known = {0};
    for (size_t i = 0; i < run->limit_count; i++)
        strbuf_printf(&known, "%s%s", i ? ", " : "", run->limits[i].name);
    if (length == 0)
        error_set(err, ERROR_USAGE, "--waive: the name of a limit is missing");
    else
        error_set(err, ERROR_USAGE, "--waive %.*s: there is no such limit", (int)length, name);
    if (run->limit_count == 0)
        return error_hint(err, "this run has no limits");
    return error_hint(err, "there %s: %s", run->limit_count == 1 ? "is one" : "are",
                      strbuf_get(&known));
}

/* Sets the limits of --waive aside. Each name must name one: a typing error must not leave a gate
 * open or shut. */
static int waive_limits(struct run_command *run, struct error *err)
{
    const struct setting_value *waive = &run->settings->values[SETTING_WAIVE];
    for (size_t i = 0; i < waive->list_count; i++) {
        const char *rest = waive->list[i], *name;
        size_t length;
        while (run_next_name(&rest, &name, &length)) {
            bool is_known = false;
            for (size_t j = 0; j < run->limit_count; j++) {
                struct limit *limit = &run->limits[j];
                if (!is_text(limit->name, name, length) && !is_text(limit->metric, name, length))
                    continue;
                limit->waived = is_known = true;
            }
            if (!is_known)
                return fail_no_such_limit(run, name, length, err);
        }
    }
    return 0;
}

static int load_profile(struct run_command *run, const struct metric *own, size_t own_count,
                        struct error *err)
{
    const struct setting_value *value = &run->settings->values[SETTING_PROFILE];
    if (!value->text)
        return 0;
    return profile_load(value->text, settings_get_text(run->settings, SETTING_DATA), value->origin,
                        own, own_count, &run->profile, err);
}

int run_command_load_limits(struct run_command *run, struct error *err)
{
    CLEANUP(arena_deinit) struct arena arena = {0};
    size_t own_count = 0;
    const struct metric *own = own_metrics(run, &arena, &own_count);
    const struct setting_value *given = &run->settings->values[SETTING_LIMIT];
    int rc = load_profile(run, own, own_count, err);
    if (rc < 0)
        return rc;
    run->limits = calloc(given->list_count + run->profile.limit_count + 1, sizeof(*run->limits));
    if (!run->limits || !own)
        return error_set(err, ERROR_NOMEM, "out of memory for limits");
    for (size_t i = 0; i < given->list_count; i++) {
        rc = limit_parse(given->list[i], given->origin, own, own_count, &run->limits[i], err);
        if (rc < 0)
            return rc;
    }
    if (run->profile.limit_count)
        memcpy(run->limits + given->list_count, run->profile.limits,
               run->profile.limit_count * sizeof(*run->limits));
    run->limit_count = given->list_count + run->profile.limit_count;
    return waive_limits(run, err);
}

/* ---- collectors --------------------------------------------------------------------------- */

static int add_collector(struct run_command *run, const char *name, struct error *err)
{
    const char *known[RUN_COLLECTORS_MAX];
    size_t count = 0;
    for (; collectors[count] && count < RUN_COLLECTORS_MAX; count++)
        known[count] = collectors[count]->name;
    if (!collector_find(name)) {
        error_set(err, ERROR_USAGE, "%s: unknown collector '%s'",
                  run->settings->values[SETTING_COLLECTOR].origin, name);
        int nearest = str_nearest(name, known, count);
        return nearest >= 0 ? error_hint(err, "did you mean %s?", known[nearest])
                            : error_hint(err, "tacho doctor lists them");
    }
    if (run->collector_count == RUN_COLLECTORS_MAX)
        return error_set(err, ERROR_USAGE, "more than %d collectors", RUN_COLLECTORS_MAX);
    run->collectors[run->collector_count++] = name;
    return 0;
}

/* "proc,thermal" and repeated flags come to the same. */
int run_command_split_collectors(struct run_command *run, struct error *err)
{
    const struct setting_value *named = &run->settings->values[SETTING_COLLECTOR];
    for (size_t i = 0; i < named->list_count; i++) {
        char *rest = arena_strdup(&run->arena, named->list[i]), *name;
        if (!rest)
            return error_set(err, ERROR_NOMEM, "out of memory for collectors");
        while ((name = strsep(&rest, ","))) {
            int rc = add_collector(run, name, err);
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}

/* ---- the plan ----------------------------------------------------------------------------- */

static int plan_warmup(const struct run_command *run, struct measure_plan *plan, struct error *err)
{
    const char *warmup = settings_get_text(run->settings, SETTING_WARMUP);
    if (!settings_is_set(run->settings, SETTING_WARMUP) && run->profile.has_warmup) {
        plan->warmup_units = run->profile.warmup_units;
        return 0;
    }
    plan->warmup_auto = strcmp(warmup, "auto") == 0;
    if (plan->warmup_auto)
        return 0;
    if (unit_parse_u64(warmup, 0, 1000000000, &plan->warmup_units, NULL) < 0) {
        error_set(err, ERROR_USAGE, "%s: '%s' is neither a count nor auto",
                  run->settings->values[SETTING_WARMUP].origin, warmup);
        return error_hint(err, "for example --warmup 3");
    }
    return 0;
}

static int plan_units(const struct run_command *run, struct measure_plan *plan, struct error *err)
{
    const struct settings *settings = run->settings;
    uint64_t iterations = settings_get_u64(settings, SETTING_ITERATIONS);
    uint64_t invocations = settings_get_u64(settings, SETTING_INVOCATIONS);
    bool has_iterations = settings_is_set(settings, SETTING_ITERATIONS);
    bool has_invocations = settings_is_set(settings, SETTING_INVOCATIONS);
    bool is_unit_a_process = !run->workload || run->workload->one_unit_per_invocation;
    if (is_unit_a_process && has_iterations && has_invocations && iterations != invocations) {
        error_set(err, ERROR_USAGE, "-n %llu and --invocations %llu contradict each other",
                  (unsigned long long)iterations, (unsigned long long)invocations);
        return error_hint(err,
                          "each launch of a command is a process of its own: give one of them");
    }
    plan->units_explicit = has_iterations || (has_invocations && is_unit_a_process);
    plan->units = has_iterations ? iterations : run->profile.units;
    plan->invocations = has_invocations ? invocations : run->profile.invocations;
    if (is_unit_a_process && has_invocations && !has_iterations)
        plan->units = invocations;
    plan->duration_explicit = settings_is_set(settings, SETTING_DURATION);
    plan->duration_ns = plan->duration_explicit ? settings_get_u64(settings, SETTING_DURATION)
                                                : run->profile.duration_ns;
    bool by_rule = !plan->units_explicit && !plan->duration_explicit;
    if (by_rule || settings_is_set(settings, SETTING_MAX_DURATION))
        plan->max_duration_ns = settings_get_u64(settings, SETTING_MAX_DURATION);
    return 0;
}

static int make_plan(struct run_command *run, struct measure_plan *plan, struct error *err)
{
    const struct settings *settings = run->settings;
    const char *label = settings_get_text(settings, SETTING_LABEL);
    *plan = (struct measure_plan){
        .workload = run->workload,
        .workload_state = run->workload_state,
        .root = &run->root,
        .label = label && label[0] ? label : NULL,
        .profile = run->profile.name,
        .deadline_ms = isnan(run->profile.deadline_ms) ? 0 : run->profile.deadline_ms,
        .ignore_failure = settings_get_bool(settings, SETTING_IGNORE_FAILURE),
        .limits = run->limits,
        .limit_count = run->limit_count,
        .collector_names = run->collectors,
        .collector_count = run->collector_count,
        .skip_gpu = !settings_get_bool(settings, SETTING_GPU_METRICS),
        .skip_power = !settings_get_bool(settings, SETTING_POWER_METRICS),
        .interval_ns = settings_get_u64(settings, SETTING_INTERVAL),
        /* The program's output would run into the line of the progress. */
        .quiet = settings_get_bool(settings, SETTING_QUIET) ||
                 settings_get_bool(settings, SETTING_SHOW_OUTPUT),
    };
    if (settings_is_set(settings, SETTING_DEADLINE))
        plan->deadline_ms =
            (double)settings_get_u64(settings, SETTING_DEADLINE) / (double)NS_PER_MS;
    if (!settings_is_set(settings, SETTING_INTERVAL) && run->profile.interval_ns)
        plan->interval_ns = run->profile.interval_ns;
    int rc = plan_units(run, plan, err);
    return rc < 0 ? rc : plan_warmup(run, plan, err);
}

/* ---- what comes out ----------------------------------------------------------------------- */

static int render(struct run_command *run, const struct run *result, struct error *err)
{
    struct command_context *context = run->context;
    const struct settings *settings = run->settings;
    const char *format = output_format(settings);
    if (!strcmp(format, "json"))
        return run_json_write(result, false, &context->out, err);
    if (!strcmp(format, "markdown"))
        return report_markdown(result, &context->out, err);
    if (!strcmp(format, "csv"))
        return run_keep_csv(context->command->name, &result, 1, &context->out, err);
    struct report_options options = {.colour = !settings_get_text(settings, SETTING_OUTPUT) &&
                                               term_has_colour(STDOUT_FILENO),
                                     .width = term_width(STDOUT_FILENO),
                                     .verbose = settings_get_bool(settings, SETTING_VERBOSE),
                                     .quiet = settings_get_bool(settings, SETTING_QUIET),
                                     .stored_as = run_keep_where(&run->keep)};
    return report_text(result, &options, &context->out, err);
}

/* Whether a unit was measured: of a workload that hands over many, its latencies tell. */
static int has_measured(const struct run_command *run, const struct run *result, bool *ret_has,
                        struct error *err)
{
    *ret_has = false;
    if (run->workload->one_unit_per_invocation) {
        for (size_t i = 0; i < result->invocation_count && !*ret_has; i++)
            *ret_has = result->invocations[i].outcome == INVOCATION_OK &&
                       run_phase_of_unit(result, result->invocations[i].index, 0) == PHASE_STEADY;
        return 0;
    }
    const struct run_series *series = run_find_series(result, run->workload->latency_metric, NULL);
    struct summary summary;
    if (!series)
        return 0;
    int rc = summary_of(result, series, PHASE_STEADY, &summary, err);
    *ret_has = rc == 0 && summary.n > 0;
    return rc;
}

bool run_command_is_empty(int rc, const struct run *result)
{
    return rc < 0 && rc != -ERROR_INTERRUPTED && result->invocation_count == 0;
}

void run_command_settle(struct command_context *context, int step_rc, const struct error *step,
                        int *rc, struct error *err)
{
    if (step_rc == 0)
        return;
    if (*rc == 0) {
        *rc = step_rc;
        if (err)
            *err = *step;
        return;
    }
    context->exit_code = output_exit_status(context->exit_code, error_exit_code(step_rc));
    output_error(context->command->name, step, false);
}

static void settle(struct run_command *run, int step_rc, const struct error *step, int *rc,
                   struct error *err)
{
    run_command_settle(run->context, step_rc, step, rc, err);
}

/* The error says why nothing could be executed here. A report and a stored run beside it would look
 * as if something had been measured. */
static int discard(struct run_command *run, int rc, struct error *err)
{
    struct error step = {0};
    int step_rc = measure_sink_error(run->measure, SINK_STORE)
                      ? 0
                      : run_keep_discard(&run->keep, measure_run_get(run->measure), &step);
    settle(run, step_rc, &step, &rc, err);
    settle(run, run_metrics_csv_discard(&run->metrics_csv, &step), &step, &rc, err);
    return rc;
}

/* Keeps, exports and renders whatever was measured; rc is what measuring came to. No step is left
 * out because one before it failed. */
static int deliver(struct run_command *run, int rc, struct error *err)
{
    const struct run *result = measure_run_get(run->measure);
    if (run_command_is_empty(rc, result))
        return discard(run, rc, err);
    run->context->exit_code = verdict_exit_code(&result->verdict);
    struct error step = {0};
    const struct error *store = measure_sink_error(run->measure, SINK_STORE);
    const struct error *csv = measure_sink_error(run->measure, SINK_CSV);
    settle(run, run_keep_finish(&run->keep, result, store, &step), &step, &rc, err);
    settle(run, run_keep_export_json(result, run->settings, &step), &step, &rc, err);
    settle(run, run_keep_export_csv(result, run->settings, &step), &step, &rc, err);
    settle(run, run_metrics_csv_finish(&run->metrics_csv, csv, &step), &step, &rc, err);
    settle(run, render(run, result, &step), &step, &rc, err);
    bool has = false;
    if (rc == 0)
        rc = has_measured(run, result, &has, err);
    if (rc == 0 && !has)
        rc = error_set(err, result->invocation_count ? ERROR_PROGRAM : ERROR_NOTHING,
                       "nothing was measured: no %s succeeded", run->workload->unit);
    return rc;
}

int run_command_prepare(struct run_command *run, struct measure_plan *plan, struct error *err)
{
    int rc = root_open(&run->root, settings_get_text(run->settings, SETTING_ROOT), err);
    if (rc == 0)
        rc = interrupt_install(err);
    if (rc == 0)
        rc = choose_workload(run, err);
    if (rc == 0)
        rc = run_command_load_limits(run, err);
    if (rc == 0)
        rc = run_command_split_collectors(run, err);
    if (rc == 0)
        rc = make_plan(run, plan, err);
    if (rc == 0)
        rc = run_keep_check(run->settings, err);
    return rc;
}

/* Said at once, and not only as a finding when it is over. */
static void give_notice(const struct run_command *run)
{
    char line[240];
    if (run->workload->notice && !settings_get_bool(run->settings, SETTING_QUIET) &&
        run->workload->notice(run->workload_state, line, sizeof(line)))
        fprintf(stderr, "tacho run: %s\n", line);
}

static int run_prepared(struct run_command *run, struct error *err)
{
    struct measure_plan plan;
    int rc = run_command_prepare(run, &plan, err);
    if (rc == 0 && settings_get_bool(run->settings, SETTING_VALIDATE_ONLY))
        return run_validate(&plan, run->settings->values[SETTING_PROFILE].text, &run->profile,
                            run->context, err);
    /* Last, so that a typing error leaves no store behind. */
    if (rc == 0)
        rc = run_metrics_csv_begin(&run->metrics_csv, run->settings, plan.interval_ns, err);
    if (rc == 0)
        rc = run_keep_begin_for(&run->keep, run->settings, run->workload, err);
    if (rc < 0)
        return rc;
    give_notice(run);
    plan.sink[SINK_STORE] = run_keep_sink(&run->keep);
    plan.sink[SINK_CSV] = run->metrics_csv.sink;
    rc = measure_run(&plan, &run->measure, err);
    return run->measure ? deliver(run, rc, err) : rc;
}

void run_command_deinit(struct run_command *run)
{
    measure_free(run->measure);
    run_metrics_csv_end(&run->metrics_csv);
    run_keep_end(&run->keep);
    if (run->workload_state)
        run->workload->close(run->workload_state);
    free(run->limits);
    profile_deinit(&run->profile);
    arena_deinit(&run->arena);
    if (run->root.fd >= 0)
        root_close(&run->root);
    *run = (struct run_command){.root = {.fd = -1}};
}

static int run_run(struct command_context *context, struct error *err)
{
    struct run_command run = {
        .context = context, .settings = &context->settings, .root = {.fd = -1}};
    if (settings_get_bool(run.settings, SETTING_AUTO))
        return run_auto(context, err);
    int rc = run_auto_check(context, err);
    if (rc == 0)
        rc = run_prepared(&run, err);
    run_command_deinit(&run);
    return rc;
}

const struct command command_run = {
    .name = "run",
    .alias = "benchmark",
    .summary = "measure a model or a program, store the run, judge it against limits",
    .usage = "[OPTIONS] [MODEL.onnx | -- PROGRAM [ARG...]]",
    .examples = "  tacho run\n"
                "      the detector that comes with tacho, on ONNX Runtime\n"
                "  tacho run net.onnx --precision fp16 --batch-size 8 --threads 4\n"
                "      net.fp16.onnx beside it, eight items per inference\n"
                "  tacho run classifier --rate 50 --arrival poisson --limit 'p99(latency_ms)<=40'\n"
                "      an open loop: 50 inferences arrive per second, served or not\n"
                "  tacho run -n 20 -- sha256sum big.bin\n"
                "      20 launches: distribution, memory, faults, switches, counters\n"
                "  tacho run --limit 'p99(wall_ms)<=250' -- ./detect frame.png\n"
                "      measure until the limit is decided; exit 0 PASS, 1 FAIL, 3 UNDECIDED\n"
                "  tacho run --metric 'fps:higher=FPS: ([0-9.]+)' -- python3 main.py\n"
                "      take a metric from what the program prints\n"
                "  tacho run --cores 2,3 --threads 2 --timeout 30 -- ./bench\n"
                "      pinned, with two OpenMP threads, ended after 30 s\n"
                "  tacho run --profile ci_smoke --waive thermal,throughput -- ./detect\n"
                "      judged by a profile (tacho profiles), two of its limits set aside\n",
    .bit = COMMAND_RUN,
    .flags = COMMAND_NEEDS_LAUNCHER | COMMAND_TAKES_PROGRAM,
    .run = run_run,
};
