/* doctor.c: `tacho doctor`: what is built in, what this machine offers, what is missing and how to
 * get it.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/term.h"
#include "base/text_table.h"
#include "base/util.h"
#include "cmd/doctor_checks.h"
#include "format/json_writer.h"
#include "model/environment.h"

static const char *state_name(enum check_state state)
{
    static const char *const names[] = {"ok", "note", "missing", "blocked"};
    return names[state];
}

static void render_check(const struct check *check, size_t width, bool colour, struct strbuf *out)
{
    static const enum term_style styles[] = {TERM_GREEN, TERM_YELLOW, TERM_YELLOW, TERM_RED};
    const char *state = state_name(check->state);
    strbuf_append(out, "  ");
    term_styled(out, colour, styles[check->state], state);
    strbuf_repeat(out, ' ', 9 - strlen(state));
    strbuf_append(out, check->name);
    strbuf_repeat(out, ' ', width - str_width(check->name) + 2);
    size_t indent = 2 + 9 + width + 2;
    help_wrap(out, check->detail, indent, indent);
    if (check->advice[0]) {
        strbuf_repeat(out, ' ', indent);
        help_wrap(out, check->advice, indent, indent);
    }
}

static bool is_blocked(const struct checks *checks)
{
    for (size_t i = 0; i < checks->count; i++)
        if (checks->items[i].state == CHECK_BLOCKED)
            return true;
    return false;
}

static void render_text(const struct checks *checks, bool colour, struct strbuf *out)
{
    bool blocked = is_blocked(checks);
    term_styled(out, colour, blocked ? TERM_RED : TERM_GREEN,
                blocked ? "tacho run cannot work here yet"
                        : "everything that tacho run needs is here");
    strbuf_putc(out, '\n');
    size_t width = 0;
    for (size_t i = 0; i < checks->count; i++)
        width = str_width(checks->items[i].name) > width ? str_width(checks->items[i].name) : width;
    const char *group = "";
    for (size_t i = 0; i < checks->count; i++) {
        const struct check *check = &checks->items[i];
        if (strcmp(check->group, group) != 0) {
            group = check->group;
            strbuf_putc(out, '\n');
            term_styled(out, colour, TERM_BOLD, group);
            strbuf_putc(out, '\n');
        }
        render_check(check, width, colour, out);
    }
}

static void render_quiet(const struct checks *checks, struct strbuf *out)
{
    for (size_t i = 0; i < checks->count; i++)
        if (checks->items[i].state == CHECK_BLOCKED)
            strbuf_printf(out, "%s: %s\n", checks->items[i].name, checks->items[i].detail);
}

static void render_json_checks(const struct checks *checks, struct json_writer *writer)
{
    json_write_bool(writer, "usable", !is_blocked(checks));
    json_write_array(writer, "checks");
    for (size_t i = 0; i < checks->count; i++) {
        const struct check *check = &checks->items[i];
        json_write_object_line(writer, NULL);
        json_write_text(writer, "group", check->group);
        json_write_text(writer, "name", check->name);
        json_write_text(writer, "state", state_name(check->state));
        json_write_text(writer, "detail", check->detail);
        json_write_text(writer, "advice", check->advice[0] ? check->advice : NULL);
        json_write_end(writer);
    }
    json_write_end(writer);
}

/* ---- --config-values ---- */

/* The value as a person would type it; NULL: unset. */
static const char *value_text(const struct settings *settings, enum setting_id id,
                              struct strbuf *buf)
{
    const struct setting_value *value = &settings->values[id];
    if (settings_table[id].type != SETTING_TYPE_LIST)
        return value->text;
    strbuf_clear(buf);
    for (size_t i = 0; i < value->list_count; i++)
        strbuf_printf(buf, "%s%s", i ? ", " : "", value->list[i]);
    return value->list_count ? strbuf_get(buf) : NULL;
}

static const char *origin_of(const struct setting_value *value)
{
    return value->origin[0] ? value->origin : settings_source_name(value->source);
}

static int values_text(const struct settings *settings, struct strbuf *out, struct error *err)
{
    struct text_table table;
    struct strbuf buf = {0};
    char flag[64];
    text_table_init(&table, 5);
    text_table_row(&table, "key in tacho.yaml", "value", "from", "environment", "flag");
    for (int id = 0; id < SETTING_COUNT; id++) {
        const struct setting *setting = &settings_table[id];
        const char *value = value_text(settings, (enum setting_id)id, &buf);
        snprintf(flag, sizeof(flag), "%s%s", setting->flag ? "--" : "",
                 setting->flag ? setting->flag : "");
        text_table_row(&table, setting->key ? setting->key : "-", value ? value : "-",
                       value ? origin_of(&settings->values[id]) : "-",
                       setting->env ? setting->env : "-", flag[0] ? flag : "-");
    }
    text_table_render(&table, 0, out);
    bool failed = table.failed || buf.failed;
    text_table_deinit(&table);
    strbuf_deinit(&buf);
    return failed ? error_set(err, ERROR_NOMEM, "out of memory") : 0;
}

static void values_json(const struct settings *settings, struct json_writer *writer)
{
    struct strbuf buf = {0};
    json_write_array(writer, "settings");
    for (int id = 0; id < SETTING_COUNT; id++) {
        const struct setting *setting = &settings_table[id];
        const struct setting_value *value = &settings->values[id];
        json_write_object_line(writer, NULL);
        json_write_text(writer, "key", setting->key);
        json_write_text(writer, "env", setting->env);
        json_write_text(writer, "flag", setting->flag);
        json_write_text(writer, "value", value_text(settings, (enum setting_id)id, &buf));
        json_write_text(writer, "source", settings_source_name(value->source));
        json_write_text(writer, "origin", value->origin[0] ? value->origin : NULL);
        json_write_text(writer, "help", setting->help);
        json_write_end(writer);
    }
    json_write_end(writer);
    strbuf_deinit(&buf);
}

/* ---- the command ---- */

static int run_checks(struct command_context *context, struct checks *checks, struct error *err)
{
    struct root root;
    int rc = root_open(&root, settings_get_text(&context->settings, SETTING_ROOT), err);
    if (rc < 0)
        return rc;
    struct facts environment = {0};
    environment_read(&root, &environment);
    *checks = (struct checks){.context = context, .root = &root, .environment = &environment};
    check_built_in(checks);
    check_modules(checks);
    check_python(checks);
    check_settings(checks);
    check_store(checks);
    check_launcher(checks);
    check_counters(checks);
    check_instances(checks);
    check_collectors(checks);
    check_machine(checks);
    check_limits(checks);
    facts_deinit(&environment);
    root_close(&root);
    checks->root = NULL;
    checks->environment = NULL;
    return 0;
}

static int doctor_run(struct command_context *context, struct error *err)
{
    if (context->argument_count > 0)
        return error_set(err, ERROR_USAGE, "doctor takes no argument '%s'", context->arguments[0]);
    const struct settings *settings = &context->settings;
    bool as_json = settings_get_bool(settings, SETTING_JSON);
    bool wants_values = settings_get_bool(settings, SETTING_CONFIG_VALUES);
    if (wants_values && context->config_error.code) {
        /* Values of a file that was read in part would be half the truth. */
        if (err)
            *err = context->config_error;
        return -context->config_error.code;
    }
    if (wants_values && !as_json)
        return values_text(settings, &context->out, err);
    CLEANUP_FREE struct checks *checks = malloc(sizeof(*checks));
    if (!checks)
        return error_set(err, ERROR_NOMEM, "out of memory");
    int rc = run_checks(context, checks, err);
    if (rc < 0)
        return rc;
    if (as_json) {
        struct json_writer writer = {.out = &context->out};
        json_write_object(&writer, NULL);
        json_write_text(&writer, "schema", "tacho.doctor/1");
        json_write_text(&writer, "version", TACHO_VERSION);
        render_json_checks(checks, &writer);
        if (wants_values)
            values_json(settings, &writer);
        json_write_end(&writer);
        strbuf_putc(&context->out, '\n');
    } else if (settings_get_bool(settings, SETTING_QUIET)) {
        render_quiet(checks, &context->out);
    } else {
        render_text(checks, term_has_colour(STDOUT_FILENO), &context->out);
    }
    if (context->config_error.code)
        context->exit_code = error_exit_code(context->config_error.code);
    else if (is_blocked(checks))
        context->exit_code = error_exit_code(ERROR_ABSENT);
    return 0;
}

extern const struct command command_doctor;
const struct command command_doctor = {
    .name = "doctor",
    .summary = "what this machine can measure, what is missing and how to get it",
    .usage = "[OPTIONS]",
    .examples = "  tacho doctor\n"
                "  tacho doctor --config-values   every setting, its value and its source\n"
                "  tacho doctor --json\n",
    .bit = COMMAND_COMMON | COMMAND_DOCTOR,
    .flags = COMMAND_TOLERATES_CONFIG,
    .run = doctor_run,
};
