/* monitor.c: `tacho monitor`: hold the targets, watch, keep, sum up. */
#include "cmd/monitor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/term.h"
#include "base/trim.h"
#include "base/util.h"
#include "cmd/monitor_verbs.h"
#include "format/run_json.h"

#define JUDGE_EVERY_NS (10 * NS_PER_S)
#define STEP_MS 60000 /* whatever happens ends a step before */
#define INTERVAL_FILE_NS (5 * NS_PER_S)
#define INTERVAL_NS (1 * NS_PER_S)

/* ---- flags ---- */

static int check_flags(const struct monitor *monitor, struct error *err)
{
    const struct settings *settings = monitor->settings;
    const struct command_context *context = monitor->context;
    if (context->argument_count > 0) {
        error_set(err, ERROR_USAGE, "'%s' stands before '--'", context->arguments[0]);
        return error_hint(err,
                          "a running program: --pid N or --track-pattern %s; to start one: "
                          "tacho monitor -- %s",
                          context->arguments[0], context->arguments[0]);
    }
    if (context->program && !context->program[0])
        return error_set(err, ERROR_USAGE, "no program stands behind '--'");
    if (settings_get_bool(settings, SETTING_WORK_LINES) &&
        !settings_get_text(settings, SETTING_WORK_FILE))
        return error_set(err, ERROR_USAGE, "--work-lines needs --work-file PATH");
    if (monitor->is_once && monitor->is_stream)
        return error_set(err, ERROR_USAGE, "--once and --stream contradict each other");
    if (monitor->is_stream && monitor->wants_json) {
        error_set(err, ERROR_USAGE, "--stream and --json contradict each other");
        return error_hint(err, "--stream prints lines while it goes on, --json one document at "
                               "the end");
    }
    if (monitor->is_once && settings_is_set(settings, SETTING_OUTPUT))
        return error_set(err, ERROR_USAGE, "--once writes no CSV: --output contradicts it");
    if (settings_is_set(settings, SETTING_DURATION) &&
        settings_get_u64(settings, SETTING_DURATION) < monitor->plan.interval_ns)
        return error_set(err, ERROR_USAGE,
                         "--duration is shorter than one interval: there would be no row");
    return 0;
}

/* `--columns +A --columns +B` and `--columns +A,B` come to the same. */
static int join_columns(struct monitor *monitor, struct error *err)
{
    const struct setting_value *given = &monitor->settings->values[SETTING_COLUMNS];
    CLEANUP(strbuf_deinit) struct strbuf joined = {0};
    if (given->list_count == 0)
        return 0;
    for (size_t i = 0; i < given->list_count; i++)
        strbuf_printf(&joined, "%s%s", i ? "," : "", given->list[i]);
    monitor->columns = joined.failed ? NULL : strdup(strbuf_get(&joined));
    return monitor->columns ? 0 : error_set(err, ERROR_NOMEM, "out of memory for columns");
}

/* Of this command --output is the CSV, and nothing else may write there. */
static int choose_rows(struct monitor *monitor, struct error *err)
{
    struct settings *settings = &monitor->context->settings;
    const char *output = settings_get_text(settings, SETTING_OUTPUT);
    bool is_terminal = term_is_terminal(STDOUT_FILENO);
    int rc = 0;
    if (output && !output[0])
        return error_set(err, ERROR_USAGE, "--output: the name of the file is empty");
    if (output)
        rc = output_path(settings, output, monitor->csv_path, sizeof(monitor->csv_path), err);
    else if (!monitor->is_once && !monitor->is_stream && !monitor->wants_json && !is_terminal)
        snprintf(monitor->csv_path, sizeof(monitor->csv_path), "-");
    else if (is_terminal && !monitor->is_once && !monitor->is_stream && !monitor->wants_json)
        /* What the program prints would run through the screen's picture. */
        monitor->view = settings_get_bool(monitor->settings, SETTING_SHOW_OUTPUT)
                            ? &monitor_view_text
                            : monitor_view_choose();
    if (monitor->csv_path[0] && strcmp(monitor->csv_path, "-") == 0 &&
        (monitor->is_stream || monitor->wants_json))
        return error_set(err, ERROR_USAGE, "the CSV on stdout contradicts %s",
                         monitor->wants_json ? "--json" : "--stream");
    if (rc == 0 && output)
        rc = settings_unset(settings, SETTING_OUTPUT, err);
    return rc;
}

static void note_slow_collectors(const struct monitor *monitor)
{
    for (size_t i = 0; i < monitor->run.collector_count; i++) {
        const struct collector *collector = collector_find(monitor->run.collectors[i]);
        if (collector->min_interval_ns > monitor->plan.interval_ns &&
            !settings_get_bool(monitor->settings, SETTING_QUIET))
            fprintf(stderr, "tacho monitor: the collector '%s' has a new value only every %g ms\n",
                    collector->name, (double)collector->min_interval_ns / 1e6);
    }
}

/* A Python program is timed as `tacho run` does it. What keeps the hooks out is said once, on
 * stderr. */
static void hook_python(struct monitor *monitor)
{
    if (!monitor->context->program)
        return;
    struct python_auto *python = calloc(1, sizeof(*python));
    if (!python)
        return; /* it runs all the same */
    python_auto_find(python, monitor->context->program, monitor->settings);
    if (python->state == PYTHON_AUTO_READY) {
        python_auto_append_variable(python, &monitor->python_path);
        monitor->command_env[0] = strbuf_get(&monitor->python_path);
        monitor->plan.setenv = monitor->python_path.failed ? NULL : monitor->command_env;
    } else if (python->note[0] && settings_get_bool(monitor->settings, SETTING_VERBOSE)) {
        fprintf(stderr, "tacho monitor: %s\n", python->note);
    }
    free(python);
}

static void make_plan(struct monitor *monitor)
{
    const struct settings *settings = monitor->settings;
    struct watch_plan *plan = &monitor->plan;
    const char *label = settings_get_text(settings, SETTING_LABEL);
    bool is_to_file = settings_is_set(settings, SETTING_OUTPUT);
    *plan = (struct watch_plan){
        .root = &monitor->run.root,
        .label = label && label[0] ? label : NULL,
        .targets = monitor->targets,
        .without_children = !settings_get_bool(settings, SETTING_CHILDREN),
        .launcher = &monitor->context->launcher,
        .command = monitor->context->program,
        .show_output = settings_get_bool(settings, SETTING_SHOW_OUTPUT),
        .interval_ns = is_to_file && !monitor->is_once ? INTERVAL_FILE_NS : INTERVAL_NS,
        .duration_ns = settings_get_u64(settings, SETTING_DURATION),
        .work_file = settings_get_text(settings, SETTING_WORK_FILE),
        .work_lines = settings_get_bool(settings, SETTING_WORK_LINES),
        .shm_dir = settings_get_text(settings, SETTING_SHM_DIR),
        .inference_channel = settings_get_text(settings, SETTING_INFERENCE_CHANNEL),
        .fps_channel = settings_get_text(settings, SETTING_FPS_CHANNEL),
        .memory_limit_mb = NAN,
        .on_open = monitor_rows_open,
        .on_row = monitor_rows_take,
        .context = monitor,
    };
    if (settings_is_set(settings, SETTING_INTERVAL))
        plan->interval_ns = settings_get_u64(settings, SETTING_INTERVAL);
    if (settings_is_set(settings, SETTING_MEMORY_LIMIT))
        plan->memory_limit_mb = (double)settings_get_u64(settings, SETTING_MEMORY_LIMIT) / 1048576;
    hook_python(monitor);
}

/* From the flags to a plan; nothing is watched, stored or written yet. */
static int prepare(struct monitor *monitor, struct error *err)
{
    struct settings *settings = &monitor->context->settings;
    make_plan(monitor);
    int rc = check_flags(monitor, err);
    if (rc == 0)
        rc = join_columns(monitor, err);
    if (rc == 0)
        rc = root_open(&monitor->run.root, settings_get_text(settings, SETTING_ROOT), err);
    if (rc == 0)
        rc = interrupt_install(err);
    if (rc == 0)
        rc = run_command_load_limits(&monitor->run, err);
    if (rc == 0)
        rc = run_command_split_collectors(&monitor->run, err);
    if (rc == 0)
        rc = run_keep_check(settings, err);
    if (rc == 0)
        rc = choose_rows(monitor, err);
    if (rc == 0)
        rc = monitor_find_targets(monitor, err);
    if (rc < 0)
        return rc;
    struct watch_plan *plan = &monitor->plan;
    if (!settings_is_set(settings, SETTING_INTERVAL) && monitor->run.profile.interval_ns)
        plan->interval_ns = monitor->run.profile.interval_ns;
    /* A screen, and what a script reads, show everything. */
    if (monitor->csv_path[0] && !monitor->is_stream && !monitor->wants_json)
        plan->is_wanted = monitor_rows_want;
    plan->target_count = monitor->target_count;
    plan->profile = monitor->run.profile.name;
    plan->limits = monitor->run.limits;
    plan->limit_count = monitor->run.limit_count;
    plan->collector_names = monitor->run.collectors;
    plan->collector_count = monitor->run.collector_count;
    note_slow_collectors(monitor);
    return 0;
}

/* ---- watching ---- */

static int watch(struct monitor *monitor, struct error *err)
{
    bool more = true, quit = false, is_trimmed = false;
    int rc = 0;
    uint64_t judged_ns = clock_mono_ns();
    while (more && !quit && rc == 0) {
        uint32_t step_ms =
            monitor->view && monitor->view->step_ms ? monitor->view->step_ms : STEP_MS;
        rc = watch_step(monitor->watch, step_ms, &more, err);
        /* The screen shows the verdict as of now; without one, the end is early enough. */
        if (rc == 0 && monitor->view && clock_mono_ns() - judged_ns >= JUDGE_EVERY_NS) {
            judged_ns = clock_mono_ns();
            /* Scratch memory that cannot be had now is no reason to end a watch of hours. */
            watch_judge_growth(monitor->watch, NULL);
        }
        monitor_rows_tend(monitor, &quit);
        if (!is_trimmed)
            memory_trim(); /* the start is over; what follows needs little of it */
        is_trimmed = true;
    }
    return rc;
}

static void settle(struct monitor *monitor, int step_rc, const struct error *step, int *rc,
                   struct error *err)
{
    run_command_settle(monitor->context, step_rc, step, rc, err);
}

/* stdout belongs to the rows: then the summary goes to stderr. */
static int print_summary(struct monitor *monitor, bool is_stdout_taken, struct error *err)
{
    if (monitor->wants_json)
        return run_json_write(watch_run_get(monitor->watch), false, &monitor->context->out, err);
    CLEANUP(strbuf_deinit) struct strbuf text = {0};
    int rc = monitor_summary(monitor, &text, err);
    if (rc == 0 && text.failed)
        rc = error_set(err, ERROR_NOMEM, "out of memory for the summary");
    if (rc == 0 && is_stdout_taken)
        fputs(strbuf_get(&text), stderr);
    else if (rc == 0)
        strbuf_append(&monitor->context->out, strbuf_get(&text));
    return rc;
}

static int check_outcome(struct monitor *monitor, struct error *err)
{
    struct watch_status status;
    watch_get_status(monitor->watch, &status);
    const struct watch_end *end = status.end_count > 0 ? &status.ends[0] : NULL;
    bool has_failed = end && end->has_ended && monitor->plan.command &&
                      (end->kind == TARGET_END_SIGNAL || end->value != 0) &&
                      strcmp(end->text, "ended by tacho") != 0;
    if (has_failed)
        return error_set(err, ERROR_PROGRAM, "%s failed: %s", end->name, end->text);
    if (status.rows > 0 || monitor->reader_is_gone)
        return 0;
    error_set(err, ERROR_NOTHING, "nothing was measured: it ended before one interval was over");
    return error_hint(err, "a shorter --interval sees programs that end soon");
}

/* Keeps and shows whatever was watched; rc is what watching came to. */
static int deliver(struct monitor *monitor, int rc, struct error *err)
{
    struct error step = {0};
    settle(monitor, watch_close(monitor->watch, &step), &step, &rc, err);
    bool is_stdout_taken = monitor->is_stream || !strcmp(monitor->csv_path, "-");
    const struct run *result = watch_run_get(monitor->watch);
    int csv_rc = monitor_rows_close(monitor, &step);
    settle(monitor, csv_rc, &step, &rc, err);
    monitor->context->exit_code =
        output_exit_status(monitor->context->exit_code, verdict_exit_code(&result->verdict));
    settle(monitor,
           run_keep_finish(&monitor->run.keep, result, watch_sink_error(monitor->watch, 0), &step),
           &step, &rc, err);
    settle(monitor, print_summary(monitor, is_stdout_taken, &step), &step, &rc, err);
    settle(monitor, check_outcome(monitor, &step), &step, &rc, err);
    return rc;
}

static int show_once(struct monitor *monitor, int rc, struct error *err)
{
    if (rc == 0 && !monitor->has_new_row)
        rc = error_set(err, ERROR_NOTHING,
                       "nothing was measured: it ended before one interval was over");
    if (rc == 0 && monitor->wants_json)
        monitor_sample_json(monitor, false, &monitor->context->out);
    else if (rc == 0)
        monitor_sample_text(monitor, &monitor->context->out);
    struct error ignored = {0};
    watch_close(monitor->watch, &ignored);
    return rc;
}

static int run_prepared(struct monitor *monitor, struct error *err)
{
    struct settings *settings = &monitor->context->settings;
    int rc = prepare(monitor, err);
    if (rc == 0 && (settings_get_bool(settings, SETTING_NO_STORE) || monitor->is_once))
        rc = settings_set(settings, SETTING_STORE_RUN, "false", SOURCE_FLAG, "--no-store", err);
    if (rc == 0 && monitor->csv_path[0] && strcmp(monitor->csv_path, "-") != 0)
        rc = interrupt_use_hangup(err);
    if (rc < 0)
        return rc;
    rc = watch_open(&monitor->plan, &monitor->watch, err);
    if (rc < 0)
        return rc;
    rc = watch(monitor, err);
    return monitor->is_once ? show_once(monitor, rc, err) : deliver(monitor, rc, err);
}

static void monitor_deinit(struct monitor *monitor)
{
    monitor_rows_close(monitor, NULL);
    watch_free(monitor->watch);
    for (size_t i = 0; i < monitor->target_count; i++)
        target_release(&monitor->targets[i]);
    free(monitor->held);
    free(monitor->columns);
    strbuf_deinit(&monitor->python_path);
    run_command_deinit(&monitor->run);
}

/* The first argument, where it is one of the verbs, which it then no longer counts among. */
static bool take_verb(struct command_context *context, const char *name)
{
    if (context->argument_count == 0 || strcmp(context->arguments[0], name) != 0)
        return false;
    context->arguments++;
    context->argument_count--;
    return true;
}

static int monitor_run(struct command_context *context, struct error *err)
{
    if (take_verb(context, "gpu"))
        return monitor_gpu(context, err);
    if (take_verb(context, "kv-cache"))
        return monitor_kv_cache(context, err);
    int verb_rc = monitor_verb_check(&context->settings, MONITOR_WATCH, err);
    if (verb_rc < 0)
        return verb_rc;
    const struct setting_value *columns = &context->settings.values[SETTING_COLUMNS];
    if (columns->list_count == 1 && strcmp(columns->list[0], "help") == 0) {
        metrics_csv_columns_help(&context->out);
        return 0;
    }
    memory_save();
    CLEANUP_FREE struct monitor *monitor = calloc(1, sizeof(*monitor));
    if (!monitor)
        return error_set(err, ERROR_NOMEM, "out of memory");
    monitor->run = (struct run_command){
        .context = context, .settings = &context->settings, .root = {.fd = -1}};
    monitor->context = context;
    monitor->settings = &context->settings;
    monitor->is_once = settings_get_bool(&context->settings, SETTING_ONCE);
    monitor->is_stream = settings_get_bool(&context->settings, SETTING_STREAM);
    monitor->wants_json = settings_get_bool(&context->settings, SETTING_JSON);
    int rc = run_prepared(monitor, err);
    monitor_deinit(monitor);
    return rc;
}

static const struct command_verb verbs[] = {
    {"gpu", "", "GPUs: falls of utilisation and power, heat, throttling and its reasons"},
    {"kv-cache", "", "the size of a KV cache; with --url its use in a vLLM or llama.cpp server"},
    {NULL, NULL, NULL},
};

const struct command command_monitor = {
    .name = "monitor",
    .summary = "watch processes and the machine: a row an interval, memory verdict, limits",
    .usage = "[OPTIONS] [-- PROGRAM [ARG...]]",
    .verbs = verbs,
    .examples = "  tacho monitor --track-pattern 'python.*main.py' --interval 5 --output m.csv\n"
                "      for hours: one row every 5 s, a verdict on its memory at the end (Ctrl-C)\n"
                "  tacho monitor --pid 1234 --duration 10m --limit 'max(mem_track_rss_mb)<=2048'\n"
                "      exit 0 PASS, 1 FAIL, 3 UNDECIDED\n"
                "  tacho monitor --track-pattern recorder --work-file out.mcap --profile recorder\n"
                "      memory per byte written; a file that stops growing is a finding\n"
                "  tacho monitor --once --json\n"
                "      one sample of the machine, for a script\n"
                "  tacho monitor --interval 100ms -- ./pipeline\n"
                "      start it, watch it and all it starts until it ends\n",
    .bit = COMMAND_MONITOR,
    .flags = COMMAND_NEEDS_LAUNCHER | COMMAND_TAKES_PROGRAM | COMMAND_VERB_OPTIONAL,
    .run = monitor_run,
};
