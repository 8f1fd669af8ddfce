/* runs.c: `tacho runs`: the stored runs: list, show, export, import, rm.
 *
 * What only reads creates nothing: without a store, `list` says that there are no runs yet, and
 * what names a run is a wrong argument.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/term.h"
#include "base/text_table.h"
#include "base/unit.h"
#include "base/util.h"
#include "cmd/command.h"
#include "cmd/run_keep.h"
#include "cmd/runs_io.h"
#include "format/json_writer.h"
#include "format/run_csv.h"
#include "format/run_json.h"
#include "report/report.h"
#include "store/store.h"

#define LIST_DEFAULT 20
#define COLUMNS_BEFORE_LABEL 63
#define LABEL_COLUMNS_MIN 17

/* ---- list ---- */

struct list_output {
    struct strbuf *out;
    struct text_table table;
    struct json_writer writer;
    size_t label_columns;
};

static const char *verdict_word(enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_PASS:
        return "PASS";
    case OUTCOME_FAIL:
        return "FAIL";
    case OUTCOME_UNDECIDED:
        return "UNDECIDED";
    default:
        return "-";
    }
}

/* Never cuts within a character. */
static void cut_label(const char *label, size_t columns, char *buf, size_t size)
{
    str_copy(buf, size, label);
    str_make_printable(buf);
    if (str_width(buf) <= columns)
        return;
    size_t length = strlen(buf);
    while (length > 0 && str_width(buf) > columns - 1) {
        do
            length--;
        while (length > 0 && ((unsigned char)buf[length] & 0xc0) == 0x80);
        buf[length] = '\0';
    }
    str_copy(buf + length, size - length, "…");
}

static int list_text_row(const struct store_entry *entry, void *context)
{
    struct list_output *list = context;
    char shown[160], units[24], duration[32] = "-";
    char named[192];
    snprintf(named, sizeof(named), "%s%s", entry->synthetic ? "SYNTHETIC " : "", entry->label);
    cut_label(named, list->label_columns, shown, sizeof(shown));
    snprintf(units, sizeof(units), "%llu", (unsigned long long)entry->units);
    if (!isnan(entry->duration_s))
        unit_format_ns(entry->duration_s * 1e9, duration, sizeof(duration));
    text_table_row(&list->table, entry->id, verdict_word(entry->outcome),
                   run_state_name(entry->state), units, duration, shown);
    return 0;
}

static int list_id_row(const struct store_entry *entry, void *context)
{
    struct list_output *list = context;
    strbuf_printf(list->out, "%s\n", entry->id);
    return 0;
}

static int list_json_row(const struct store_entry *entry, void *context)
{
    struct list_output *list = context;
    struct json_writer *writer = &list->writer;
    json_write_object(writer, NULL);
    json_write_text(writer, "id", entry->id);
    json_write_text(writer, "label", entry->label);
    json_write_text(writer, "kind", entry->kind);
    json_write_text(writer, "state", run_state_name(entry->state));
    json_write_bool(writer, "synthetic", entry->synthetic);
    json_write_number(writer, "begin_epoch_s", entry->begin_epoch_s);
    json_write_number(writer, "duration_s", entry->duration_s);
    json_write_u64(writer, "invocations", entry->invocations);
    json_write_u64(writer, "units", entry->units);
    if (entry->outcome == OUTCOME_NOT_JUDGED)
        json_write_null(writer, "verdict");
    else
        json_write_text(writer, "verdict", outcome_name(entry->outcome));
    json_write_end(writer);
    return 0;
}

static int list_json(struct store *store, const char *path, size_t limit, struct strbuf *out,
                     struct error *err)
{
    struct list_output list = {.out = out, .writer = {.out = out}};
    json_write_object(&list.writer, NULL);
    json_write_text(&list.writer, "schema", "tacho.run_list/1");
    json_write_text(&list.writer, "store", store ? path : NULL);
    json_write_array(&list.writer, "runs");
    int rc = store ? store_list(store, limit, list_json_row, &list, err) : 0;
    json_write_end(&list.writer);
    json_write_end(&list.writer);
    strbuf_putc(out, '\n');
    return rc;
}

static int list_table(struct store *store, size_t limit, bool markdown, struct strbuf *out,
                      struct error *err)
{
    struct list_output list = {.out = out, .label_columns = LABEL_COLUMNS_MIN};
    if (term_width(STDOUT_FILENO) > COLUMNS_BEFORE_LABEL + LABEL_COLUMNS_MIN)
        list.label_columns = (size_t)term_width(STDOUT_FILENO) - COLUMNS_BEFORE_LABEL;
    text_table_init(&list.table, 6);
    list.table.align[3] = list.table.align[4] = TEXT_RIGHT;
    text_table_row(&list.table, "run", "verdict", "state", "units", "took", "label");
    int rc = store_list(store, limit, list_text_row, &list, err);
    if (rc == 0 && list.table.failed)
        rc = error_set(err, ERROR_NOMEM, "out of memory");
    if (rc == 0 && list.table.rows == 1)
        strbuf_append(out, "no runs yet\n");
    else if (rc == 0 && markdown)
        text_table_render_markdown(&list.table, out);
    else if (rc == 0)
        text_table_render(&list.table, 0, out);
    text_table_deinit(&list.table);
    return rc;
}

static int runs_list(struct command_context *context, struct error *err)
{
    const struct settings *settings = &context->settings;
    if (context->argument_count > 1)
        return error_set(err, ERROR_USAGE, "runs list takes no argument '%s'",
                         context->arguments[1]);
    const char *format = output_format(settings);
    if (strcmp(format, "csv") == 0 && settings->values[SETTING_FORMAT].source == SOURCE_FLAG)
        return error_set(err, ERROR_USAGE, "a list of runs has no CSV form: use --json");
    CLEANUP(runs_store_cleanup) struct store *store = NULL;
    char path[PATH_MAX];
    int rc = runs_store_open_if_any(context, &store, path, sizeof(path), err);
    if (rc < 0)
        return rc;
    size_t limit = settings_get_bool(settings, SETTING_ALL) ? 0 : LIST_DEFAULT;
    if (strcmp(format, "json") == 0)
        return list_json(store, path, limit, &context->out, err);
    if (settings_get_bool(settings, SETTING_QUIET)) {
        struct list_output list = {.out = &context->out};
        return store ? store_list(store, limit, list_id_row, &list, err) : 0;
    }
    if (!store) {
        strbuf_append(&context->out, "no runs yet (measure one: tacho run -- CMD)\n");
        return 0;
    }
    return list_table(store, limit, strcmp(format, "markdown") == 0, &context->out, err);
}

/* ---- show, export ---- */

static int render_text(struct command_context *context, const struct run_list *list,
                       struct error *err)
{
    const struct settings *settings = &context->settings;
    bool to_file = settings_get_text(settings, SETTING_OUTPUT) != NULL;
    struct report_options options = {
        .colour = !to_file && term_has_colour(STDOUT_FILENO),
        .width = to_file ? 80 : term_width(STDOUT_FILENO),
        .verbose = settings_get_bool(settings, SETTING_VERBOSE),
        .quiet = settings_get_bool(settings, SETTING_QUIET),
    };
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0 && !options.quiet)
            strbuf_putc(&context->out, '\n');
        options.stored_as = list->items[i]->id;
        int rc = report_text(list->items[i], &options, &context->out, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int render(struct command_context *context, const struct run_list *list, const char *format,
                  bool with_samples, struct error *err)
{
    const struct run *const *runs = (const struct run *const *)list->items;
    if (strcmp(format, "json") == 0 && list->count == 1)
        return run_json_write(runs[0], with_samples, &context->out, err);
    if (strcmp(format, "json") == 0)
        return runs_json_write(runs, list->count, with_samples, &context->out, err);
    if (strcmp(format, "csv") == 0)
        return run_keep_csv(context->command->name, runs, list->count, &context->out, err);
    if (strcmp(format, "text") == 0)
        return render_text(context, list, err);
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0)
            strbuf_putc(&context->out, '\n');
        int rc = report_markdown(list->items[i], &context->out, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int load_and_render(struct command_context *context, const char *format, bool with_samples,
                           struct error *err)
{
    static const char *const last[] = {"last", NULL};
    const char *const *names = context->argument_count > 1 ? context->arguments + 1 : last;
    CLEANUP(runs_store_cleanup) struct store *store = NULL;
    char path[PATH_MAX];
    int rc = runs_store_open(context, &store, path, sizeof(path), err);
    CLEANUP(run_list_deinit) struct run_list list = {0};
    for (; rc == 0 && *names; names++) {
        char id[40];
        struct run *run = NULL;
        rc = store_resolve(store, *names, id, err);
        if (rc == 0)
            rc = run_list_add(&list, &run, err);
        if (rc == 0)
            rc = store_load(store, id, run_sink_of(run), err);
    }
    return rc < 0 ? rc : render(context, &list, format, with_samples, err);
}

static int runs_show(struct command_context *context, struct error *err)
{
    return load_and_render(context, output_format(&context->settings), false, err);
}

static int runs_export(struct command_context *context, struct error *err)
{
    if (context->argument_count < 2) {
        error_set(err, ERROR_USAGE, "which run is to be exported?");
        return error_hint(err, "tacho runs export last -o FILE.json");
    }
    const struct settings *settings = &context->settings;
    const char *file = settings_get_text(settings, SETTING_OUTPUT);
    const char *format = file && str_ends_with(file, ".csv") ? "csv" : "json";
    if (settings_get_bool(settings, SETTING_JSON))
        format = "json";
    else if (settings->values[SETTING_FORMAT].source == SOURCE_FLAG)
        format = settings_get_text(settings, SETTING_FORMAT);
    if (strcmp(format, "json") != 0 && strcmp(format, "csv") != 0) {
        error_set(err, ERROR_USAGE, "runs are exported as json or csv, not as %s", format);
        return error_hint(err, "to read one: tacho runs show %s --format %s", context->arguments[1],
                          format);
    }
    return load_and_render(context, format, true, err);
}

/* ---- rm ---- */

struct id_list {
    char (*items)[40];
    size_t count, capacity;
};

static void id_list_deinit(struct id_list *list)
{
    free(list->items);
}

static int id_list_add(const struct store_entry *entry, void *context)
{
    struct id_list *list = context;
    if (array_reserve(&list->items, &list->capacity, list->count + 1, sizeof(*list->items)) < 0)
        return -ERROR_NOMEM;
    str_copy(list->items[list->count++], sizeof(*list->items), entry->id);
    return 0;
}

static bool id_list_has(const struct id_list *list, const char *id)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], id) == 0)
            return true;
    return false;
}

/* Every name is looked up before the first run goes, so that a typing error removes nothing. */
static int collect_ids(struct command_context *context, struct store *store, struct id_list *ids,
                       struct error *err)
{
    if (settings_get_bool(&context->settings, SETTING_ALL)) {
        int rc = store_list(store, 0, id_list_add, ids, err);
        return rc == -ERROR_NOMEM ? error_set(err, ERROR_NOMEM, "out of memory") : rc;
    }
    for (int i = 1; i < context->argument_count; i++) {
        struct store_entry entry = {0};
        int rc = store_resolve(store, context->arguments[i], entry.id, err);
        if (rc < 0)
            return rc;
        if (!id_list_has(ids, entry.id) && id_list_add(&entry, ids) < 0)
            return error_set(err, ERROR_NOMEM, "out of memory");
    }
    return 0;
}

static int runs_rm(struct command_context *context, struct error *err)
{
    bool all = settings_get_bool(&context->settings, SETTING_ALL);
    if (all == (context->argument_count > 1)) {
        error_set(err, ERROR_USAGE,
                  all ? "either name the runs to remove or say --all, not both"
                      : "which run is to be removed?");
        return error_hint(err, "tacho runs rm ID...; every run: tacho runs rm --all");
    }
    CLEANUP(runs_store_cleanup) struct store *store = NULL;
    CLEANUP(id_list_deinit) struct id_list ids = {0};
    int rc = runs_store_open_writable(context, false, &store, err);
    if (rc == 0)
        rc = collect_ids(context, store, &ids, err);
    size_t removed = 0;
    for (; rc == 0 && removed < ids.count; removed++) {
        rc = store_remove(store, ids.items[removed], err);
        if (rc < 0)
            break;
    }
    if (rc < 0 && removed == 0)
        return rc;
    struct strbuf *out = &context->out;
    if (strcmp(output_format(&context->settings), "json") == 0) {
        struct json_writer writer = {.out = out};
        json_write_object(&writer, NULL);
        json_write_text(&writer, "schema", "tacho.removed/1");
        json_write_array(&writer, "removed");
        for (size_t i = 0; i < removed; i++)
            json_write_text(&writer, NULL, ids.items[i]);
        json_write_end(&writer);
        json_write_end(&writer);
        strbuf_putc(out, '\n');
    } else if (!settings_get_bool(&context->settings, SETTING_QUIET)) {
        for (size_t i = 0; i < removed; i++)
            strbuf_printf(out, "removed %s\n", ids.items[i]);
        if (removed == 0 && rc == 0)
            strbuf_append(out, "no runs to remove\n");
    }
    return rc;
}

/* ---- the command ---- */

static const struct command_verb verbs[] = {
    {"list", "", "the newest 20 runs, or --all; -q: their ids alone"},
    {"show", "[ID...]", "one screen about a run (default: last); --format json, markdown, csv"},
    {"export", "ID...", "runs with every sample, as JSON that can be imported, or as CSV"},
    {"import", "FILE...",
     "put exported runs, or results of other tools, into the store; - is stdin"},
    {"rm", "ID...|--all", "remove runs"},
    {NULL, NULL, NULL},
};

static int runs_run(struct command_context *context, struct error *err)
{
    static int (*const functions[])(struct command_context * context, struct error * err) = {
        runs_list, runs_show, runs_export, runs_import, runs_rm};
    const char *names[ARRAY_LEN(functions)];
    const char *name = context->argument_count > 0 ? context->arguments[0] : "list";
    for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
        names[i] = verbs[i].name;
        if (strcmp(name, names[i]) == 0)
            return functions[i](context, err);
    }
    int nearest = str_nearest(name, names, ARRAY_LEN(functions));
    if (nearest >= 0)
        return error_set(err, ERROR_USAGE, "unknown verb '%s': did you mean %s?", name,
                         names[nearest]);
    error_set(err, ERROR_USAGE, "unknown verb '%s'", name);
    return error_hint(err, "list, show, export, import or rm");
}

extern const struct command command_runs;
const struct command command_runs = {
    .name = "runs",
    .summary = "the stored runs: list, show, export, import, rm",
    .usage = "[OPTIONS]",
    .verbs = verbs,
    .examples = "  tacho runs list\n"
                "  tacho runs show last           or last-2, an id, its end, a label\n"
                "  tacho runs show last --format markdown\n"
                "  tacho runs export last last-1 -o two.json\n"
                "  tacho runs import two.json --store other/.tacho\n"
                "  tacho runs import hyperfine.json app.prof\n",
    .bit = COMMAND_COMMON | COMMAND_RUNS,
    .flags = 0,
    .run = runs_run,
};
