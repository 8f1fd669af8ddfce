/* sweep_command.c: see sweep_command.h. */
#include "cmd/sweep_command.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/term.h"
#include "base/unit.h"
#include "base/util.h"
#include "report/sweep.h"

/* ---- the configurations ------------------------------------------------------------------- */

/* What is measured, for the labels of its runs. */
static void name_subject(struct sweep_command *command)
{
    const struct command_context *context = command->context;
    struct strbuf text CLEANUP(strbuf_deinit) = {0};
    const char *label = settings_get_text(&context->settings, SETTING_LABEL);
    if (label && label[0])
        strbuf_append(&text, label);
    else if (context->argument_count > 0)
        strbuf_append(&text, context->arguments[0]);
    for (size_t i = 0; text.len == 0 && context->program && context->program[i]; i++) {
        for (size_t j = 0; context->program[j]; j++)
            strbuf_printf(&text, "%s%s", j ? " " : "", context->program[j]);
    }
    str_copy(command->subject, sizeof(command->subject),
             text.len ? strbuf_get(&text) : "the reference model");
    str_make_printable(command->subject);
}

int sweep_command_init(struct sweep_command *command, struct command_context *context,
                       enum sweep_kind kind, size_t capacity, struct error *err)
{
    *command = (struct sweep_command){.context = context, .capacity = capacity};
    command->result.kind = kind;
    command->items = calloc(capacity + 1, sizeof(*command->items));
    command->configs = calloc(capacity + 1, sizeof(*command->configs));
    command->rows = calloc(capacity + 1, sizeof(*command->rows));
    name_subject(command);
    if (!command->items || !command->configs || !command->rows)
        return error_set(err, ERROR_NOMEM, "out of memory for %zu configurations", capacity);
    return 0;
}

void sweep_command_drop(struct sweep_command *command)
{
    size_t last = --command->count;
    run_command_deinit(&command->items[last].run);
    settings_deinit(&command->items[last].settings);
    command->configs[last] = (struct sweep_config){0};
    command->rows[last] = (struct sweep_row){0};
}

void sweep_command_deinit(struct sweep_command *command)
{
    sweep_result_deinit(&command->result);
    sweep_deinit(&command->sweep);
    while (command->count > 0)
        sweep_command_drop(command);
    free(command->items);
    free(command->configs);
    free(command->rows);
    *command = (struct sweep_command){0};
}

int sweep_command_add(struct sweep_command *command, const char *name, double x,
                      struct sweep_item **ret_item, struct error *err)
{
    if (command->count == command->capacity)
        return error_set(err, ERROR_INTERNAL, "more than %zu configurations", command->capacity);
    struct sweep_item *item = &command->items[command->count];
    int rc = settings_copy(&item->settings, &command->context->settings, err);
    if (rc < 0)
        return rc;
    item->run = (struct run_command){
        .context = command->context, .settings = &item->settings, .root = {.fd = -1}};
    struct sweep_row *row = &command->rows[command->count];
    str_copy(row->name, sizeof(row->name), name);
    row->x = x;
    command->configs[command->count].name = row->name;
    command->count++;
    char label[256];
    snprintf(label, sizeof(label), "%s: %s", command->subject, name);
    rc = sweep_item_set(item, SETTING_LABEL, label, "--label", err);
    *ret_item = item;
    return rc;
}

int sweep_item_set(struct sweep_item *item, enum setting_id id, const char *text,
                   const char *origin, struct error *err)
{
    return settings_set(&item->settings, id, text, SOURCE_FLAG, origin, err);
}

int sweep_item_set_number(struct sweep_item *item, enum setting_id id, uint64_t number,
                          const char *origin, struct error *err)
{
    char text[24];
    snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    return sweep_item_set(item, id, text, origin, err);
}

int sweep_command_prepare(struct sweep_command *command, struct error *err)
{
    struct sweep_item *item = &command->items[command->count - 1];
    struct sweep_config *config = &command->configs[command->count - 1];
    struct error detail = {0};
    int rc = run_command_prepare(&item->run, &config->plan, &detail);
    if (rc == 0)
        return 0;
    bool is_mistake = error_exit_code(rc) == 2 || error_exit_code(rc) == 70;
    if ((is_mistake && !command->is_tolerant) || rc == -ERROR_NOMEM) {
        *err = detail;
        return rc;
    }
    config->error = detail;
    return 0;
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int parse_numbers(const char *text, const char *origin, uint64_t max, uint64_t *numbers,
                         size_t capacity, size_t *count, struct error *err)
{
    struct error detail = {0};
    size_t found = 0;
    if (unit_parse_list(text, max, numbers + *count, capacity - *count, &found, &detail) < 0) {
        error_set(err, ERROR_USAGE, "%s: %s", origin, detail.message);
        return detail.hint[0] ? error_hint(err, "%s", detail.hint)
                              : error_hint(err, "for example %s 1,2,4", origin);
    }
    for (size_t i = *count; i < *count + found; i++)
        if (numbers[i] == 0)
            return error_set(err, ERROR_USAGE, "%s %s: 0 makes no sense here", origin, text);
    *count += found;
    return 0;
}

int sweep_numbers(const struct settings *settings, enum setting_id id, const char *otherwise,
                  uint64_t max, uint64_t *ret_numbers, size_t capacity, size_t *ret_count,
                  struct error *err)
{
    const struct setting_value *value = &settings->values[id];
    size_t count = 0, kept = 0;
    int rc = 0;
    bool is_list = settings_table[id].type == SETTING_TYPE_LIST;
    for (size_t i = 0; rc == 0 && value->is_set && is_list && i < value->list_count; i++)
        rc = parse_numbers(value->list[i], value->origin, max, ret_numbers, capacity, &count, err);
    if (value->is_set && !is_list)
        rc = parse_numbers(value->text, value->origin, max, ret_numbers, capacity, &count, err);
    if (!value->is_set)
        rc = parse_numbers(otherwise, "default", max, ret_numbers, capacity, &count, err);
    if (rc < 0)
        return rc;
    qsort(ret_numbers, count, sizeof(*ret_numbers), compare_numbers);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || ret_numbers[kept - 1] != ret_numbers[i])
            ret_numbers[kept++] = ret_numbers[i];
    *ret_count = kept;
    return 0;
}

/* ---- what comes out ----------------------------------------------------------------------- */

static void comparison_members(struct json_writer *writer, const void *context)
{
    json_write_object(writer, "comparison");
    report_sweep_json_members(context, writer);
    json_write_end(writer);
}

static size_t collect_runs(const struct sweep_command *command, const struct run **runs)
{
    size_t count = 0;
    for (size_t i = 0; i < command->count; i++)
        if (command->rows[i].run)
            runs[count++] = command->rows[i].run;
    return count;
}

static int write_json(const struct sweep_command *command, bool with_samples, struct strbuf *out,
                      struct error *err)
{
    if (command->result.kind != SWEEP_CONFIGURATIONS)
        return report_sweep_json(&command->result, command->title, out, err);
    CLEANUP_FREE const struct run **runs = calloc(command->count + 1, sizeof(*runs));
    if (!runs)
        return error_set(err, ERROR_NOMEM, "out of memory");
    size_t count = collect_runs(command, runs);
    return runs_json_write_with(runs, count, with_samples, comparison_members, &command->result,
                                out, err);
}

static int write_csv(const struct sweep_command *command, struct strbuf *out, struct error *err)
{
    CLEANUP_FREE const struct run **runs = calloc(command->count + 1, sizeof(*runs));
    if (!runs)
        return error_set(err, ERROR_NOMEM, "out of memory");
    return run_keep_csv(command->context->command->name, runs, collect_runs(command, runs), out,
                        err);
}

/* --export and --export-csv. */
static int export_to(const struct sweep_command *command, enum setting_id id, struct error *err)
{
    const struct settings *settings = &command->context->settings;
    const char *name = settings_get_text(settings, id);
    struct strbuf text CLEANUP(strbuf_deinit) = {0};
    char path[PATH_MAX];
    if (!name)
        return 0;
    int rc = output_path(settings, name, path, sizeof(path), err);
    if (rc == 0)
        rc = id == SETTING_EXPORT ? write_json(command, true, &text, err)
                                  : write_csv(command, &text, err);
    return rc < 0 ? rc : file_write_atomic(path, strbuf_get(&text), text.len, err);
}

static const char *last_kept(const struct sweep_command *command)
{
    const char *kept = NULL;
    for (size_t i = 0; i < command->count; i++)
        if (command->rows[i].run && run_keep_where(&command->items[i].run.keep))
            kept = run_keep_where(&command->items[i].run.keep);
    return kept;
}

static int render(struct sweep_command *command, struct error *err)
{
    struct command_context *context = command->context;
    const struct settings *settings = &context->settings;
    const char *format = output_format(settings);
    char title[224];
    snprintf(title, sizeof(title), "%s of %s", command->title, command->subject);
    if (!strcmp(format, "json"))
        return write_json(command, false, &context->out, err);
    if (!strcmp(format, "markdown"))
        return report_sweep_markdown(&command->result, title, &context->out, err);
    if (!strcmp(format, "csv"))
        return write_csv(command, &context->out, err);
    struct report_options options = {.colour = !settings_get_text(settings, SETTING_OUTPUT) &&
                                               term_has_colour(STDOUT_FILENO),
                                     .width = term_width(STDOUT_FILENO),
                                     .verbose = settings_get_bool(settings, SETTING_VERBOSE),
                                     .quiet = settings_get_bool(settings, SETTING_QUIET),
                                     .stored_as = last_kept(command)};
    return report_sweep_text(&command->result, title, &options, &context->out, err);
}

static void settle(struct sweep_command *command, int step_rc, const struct error *step, int *rc,
                   struct error *err)
{
    run_command_settle(command->context, step_rc, step, rc, err);
}

/* None was measured: what kept the first of them from it is what the user must know. */
static int fail_all(const struct sweep_command *command, struct error *err)
{
    for (size_t i = 0; i < command->count; i++)
        if (command->rows[i].error.code) {
            *err = command->rows[i].error;
            return -err->code;
        }
    return error_set(err, ERROR_NOTHING, "nothing was measured");
}

static void finish_rows(struct sweep_command *command, int *rc, struct error *err)
{
    struct error step = {0};
    for (size_t i = 0; i < command->count; i++) {
        const struct sweep_config *config = &command->configs[i];
        struct sweep_row *row = &command->rows[i];
        row->error = config->error;
        if (!config->measure)
            continue;
        const struct run *run = measure_run_get(config->measure);
        /* Also one whose turn had not come when the user ended them all. */
        if (config->error.code && run->invocation_count == 0) {
            if (!measure_sink_error(config->measure, 0))
                settle(command, run_keep_discard(&command->items[i].run.keep, run, &step), &step,
                       rc, err);
            continue;
        }
        row->run = run;
        settle(command,
               run_keep_finish(&command->items[i].run.keep, row->run,
                               measure_sink_error(config->measure, 0), &step),
               &step, rc, err);
    }
}

/* Keeps, compares, exports and renders whatever was measured; rc is what measuring came to. */
static int deliver(struct sweep_command *command, int rc, struct error *err)
{
    struct sweep_result *result = &command->result;
    struct error step = {0};
    result->rows = command->rows;
    result->count = command->count;
    result->rounds = command->sweep.rounds;
    result->is_interrupted = rc == -ERROR_INTERRUPTED;
    finish_rows(command, &rc, err);
    int made = sweep_result_make(result, &step);
    settle(command, made, &step, &rc, err);
    if (made < 0)
        return rc;
    command->context->exit_code =
        output_exit_status(command->context->exit_code, verdict_exit_code(&result->verdict));
    if (result->measured == 0 && rc == 0)
        return fail_all(command, err);
    settle(command, export_to(command, SETTING_EXPORT, &step), &step, &rc, err);
    settle(command, export_to(command, SETTING_EXPORT_CSV, &step), &step, &rc, err);
    settle(command, render(command, &step), &step, &rc, err);
    return rc;
}

int sweep_command_run(struct sweep_command *command, struct error *err)
{
    const struct settings *settings = &command->context->settings;
    size_t ready = 0;
    for (size_t i = 0; i < command->count; i++) {
        struct sweep_config *config = &command->configs[i];
        if (config->error.code)
            continue;
        int rc =
            run_keep_begin_for(&command->items[i].run.keep, settings, config->plan.workload, err);
        if (rc < 0)
            return rc;
        config->plan.sink[0] = run_keep_sink(&command->items[i].run.keep);
        ready++;
    }
    command->sweep.configs = command->configs;
    command->sweep.count = command->count;
    command->sweep.seed = settings_get_u64(settings, SETTING_SEED);
    command->sweep.label = "measuring";
    command->sweep.quiet = settings_get_bool(settings, SETTING_QUIET) ||
                           settings_get_bool(settings, SETTING_SHOW_OUTPUT);
    int rc = ready > 0 ? sweep_run(&command->sweep, err) : 0;
    return deliver(command, rc, err);
}
