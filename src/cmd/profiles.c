/* profiles.c: `tacho profiles`: which profiles there are, and all of one. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text_table.h"
#include "base/unit.h"
#include "base/util.h"
#include "cmd/command.h"
#include "format/json_writer.h"
#include "format/profile.h"

#define BOUND_SIZE 256

/* ---- JSON --------------------------------------------------------------------------------- */

static void write_texts(struct json_writer *writer, const char *key,
                        const struct profile_texts *texts)
{
    json_write_array_line(writer, key);
    for (size_t i = 0; i < texts->count; i++)
        json_write_text(writer, NULL, texts->items[i]);
    json_write_end(writer);
}

static void write_numbers(struct json_writer *writer, const char *key,
                          const struct profile_numbers *numbers)
{
    json_write_array_line(writer, key);
    for (size_t i = 0; i < numbers->count; i++)
        json_write_number(writer, NULL, numbers->items[i]);
    json_write_end(writer);
}

static void write_details(struct json_writer *writer, const char *key,
                          const struct profile_details *details)
{
    json_write_object_line(writer, key);
    for (size_t i = 0; i < details->count; i++) {
        const struct profile_detail *detail = &details->items[i];
        if (detail->kind == PROFILE_NUMBER)
            json_write_number(writer, detail->key, detail->number);
        else if (detail->kind == PROFILE_BOOL)
            json_write_bool(writer, detail->key, detail->boolean);
        else
            json_write_text(writer, detail->key, detail->text);
    }
    json_write_end(writer);
}

static void write_count(struct json_writer *writer, const char *key, bool is_said, uint64_t count)
{
    if (is_said)
        json_write_u64(writer, key, count);
    else
        json_write_null(writer, key);
}

static void write_duration(struct json_writer *writer, const char *key, uint64_t ns)
{
    if (ns)
        json_write_seconds(writer, key, (int64_t)ns);
    else
        json_write_null(writer, key);
}

static void write_profile(struct json_writer *writer, const char *name,
                          const struct profile *profile)
{
    json_write_object(writer, NULL);
    json_write_text(writer, "name", name);
    json_write_text(writer, "file", profile->path);
    json_write_text(writer, "description", profile->description);
    write_texts(writer, "tags", &profile->tags);
    json_write_array(writer, "limits");
    for (size_t i = 0; i < profile->limit_count; i++) {
        char bound[BOUND_SIZE];
        json_write_object_line(writer, NULL);
        json_write_text(writer, "name", profile->limits[i].name);
        json_write_text(writer, "bound", limit_format(&profile->limits[i], bound, sizeof(bound)));
        json_write_end(writer);
    }
    json_write_end(writer);
    json_write_number(writer, "memory_limit_mb", profile->memory_limit_mb);
    json_write_number(writer, "memory_headroom_percent", profile->memory_headroom_percent);
    json_write_number(writer, "deadline_ms", profile->deadline_ms);
    json_write_number(writer, "max_missed_pct", profile->max_missed_pct);
    write_count(writer, "warmup_iterations", profile->has_warmup, profile->warmup_units);
    write_count(writer, "test_iterations", profile->units > 0, profile->units);
    write_count(writer, "num_runs", profile->invocations > 0, profile->invocations);
    write_duration(writer, "duration_s", profile->duration_ns);
    write_duration(writer, "interval_s", profile->interval_ns);
    json_write_number(writer, "latency_target_ms", profile->latency_target_ms);
    json_write_number(writer, "throughput_target_fps", profile->throughput_target_fps);
    write_numbers(writer, "percentiles", &profile->percentiles);
    write_numbers(writer, "batch_sizes", &profile->batch_sizes);
    write_texts(writer, "collectors", &profile->collectors);
    if (profile->has_continuous_monitoring)
        json_write_bool(writer, "continuous_monitoring", profile->continuous_monitoring);
    else
        json_write_null(writer, "continuous_monitoring");
    write_details(writer, "synthetic", &profile->synthetic);
    write_details(writer, "analysis", &profile->analysis);
    json_write_end(writer);
}

static void begin_document(struct json_writer *writer)
{
    json_write_object(writer, NULL);
    json_write_text(writer, "schema", "tacho.profiles/1");
    json_write_array(writer, "profiles");
}

static void end_document(struct json_writer *writer)
{
    json_write_end(writer);
    strbuf_putc(writer->out, '\n');
}

/* ---- the list ----------------------------------------------------------------------------- */

static const char *bound_of(const struct profile *profile, const char *name, char *buf, size_t size)
{
    for (size_t i = 0; i < profile->limit_count; i++) {
        const struct limit *limit = &profile->limits[i];
        if (strcmp(limit->name, name) != 0)
            continue;
        char number[32];
        /* "30 /s" */
        const char *unit = limit->unit + (str_starts_with(limit->unit, "1/") ? 1 : 0);
        snprintf(buf, size, "%s %s", unit_format_number(limit->bound, 6, number, sizeof(number)),
                 unit);
        return buf;
    }
    return "-";
}

static void list_row(struct text_table *table, const char *name, const struct profile *profile)
{
    static const char *const columns[] = {"latency", "throughput", "power", "thermal", "memory"};
    char bounds[ARRAY_LEN(columns)][64], others[32];
    const char *shown[ARRAY_LEN(columns)];
    size_t named = 0;
    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        shown[i] = bound_of(profile, columns[i], bounds[i], sizeof(bounds[i]));
        named += strcmp(shown[i], "-") != 0;
    }
    snprintf(others, sizeof(others), "%zu", profile->limit_count - named);
    text_table_row(table, name, shown[0], shown[1], shown[2], shown[3], shown[4],
                   profile->limit_count > named ? others : "-", profile->path ? "own" : "built-in");
}

static void list_begin(struct text_table *table)
{
    text_table_init(table, 8);
    for (size_t i = 1; i < 7; i++)
        table->align[i] = TEXT_RIGHT;
    text_table_row(table, "profile", "p99", "rate", "power", "thermal", "memory", "other", "from");
}

struct listing {
    const struct profile_list *list;
    struct error *mistakes; /* of every entry; code 0: it can be read */
    struct text_table table;
    struct json_writer writer;
};

/* One that cannot be read hides no other: it is told of below them. */
static int list_entries(struct listing *listing, bool as_json, bool *ret_broken, struct error *err)
{
    for (size_t i = 0; i < listing->list->count; i++) {
        const struct profile_entry *entry = &listing->list->entries[i];
        struct profile profile = {0};
        int rc = profile_list_load(entry, NULL, 0, &profile, &listing->mistakes[i]);
        if (rc == -ERROR_NOMEM)
            return error_set(err, ERROR_NOMEM, "out of memory");
        if (rc < 0)
            *ret_broken = true;
        else if (as_json)
            write_profile(&listing->writer, entry->name, &profile);
        else
            list_row(&listing->table, entry->name, &profile);
        profile_deinit(&profile);
    }
    return 0;
}

static int list_json(struct listing *listing, struct strbuf *out, bool *ret_broken,
                     struct error *err)
{
    struct json_writer *writer = &listing->writer;
    writer->out = out;
    begin_document(writer);
    int rc = list_entries(listing, true, ret_broken, err);
    json_write_end(writer);
    json_write_array(writer, "broken");
    for (size_t i = 0; i < listing->list->count; i++) {
        const struct error *mistake = &listing->mistakes[i];
        if (!mistake->code)
            continue;
        json_write_object_line(writer, NULL);
        json_write_text(writer, "name", listing->list->entries[i].name);
        json_write_text(writer, "file", listing->list->entries[i].path);
        write_count(writer, "line", mistake->line > 0, (uint64_t)mistake->line);
        write_count(writer, "column", mistake->column > 0, (uint64_t)mistake->column);
        json_write_text(writer, "message", mistake->message);
        json_write_end(writer);
    }
    json_write_end(writer);
    end_document(writer);
    return rc;
}

/* "! FILE:LINE:COLUMN: message (hint)" */
static void append_mistake(struct strbuf *out, const struct error *mistake)
{
    strbuf_printf(out, "! %s:", mistake->file);
    if (mistake->line > 0)
        strbuf_printf(out, "%d:%d:", mistake->line, mistake->column);
    strbuf_printf(out, " %s", mistake->message);
    if (mistake->hint[0])
        strbuf_printf(out, " (%s)", mistake->hint);
    strbuf_putc(out, '\n');
}

static int list_text(struct listing *listing, struct strbuf *out, bool *ret_broken,
                     struct error *err)
{
    list_begin(&listing->table);
    int rc = list_entries(listing, false, ret_broken, err);
    text_table_render(&listing->table, 0, out);
    for (size_t i = 0; i < listing->list->count; i++)
        if (listing->mistakes[i].code)
            append_mistake(out, &listing->mistakes[i]);
    if (rc == 0 && listing->table.failed)
        rc = error_set(err, ERROR_NOMEM, "out of memory");
    text_table_deinit(&listing->table);
    return rc;
}

static int list_profiles(struct command_context *context, const struct profile_list *list,
                         struct error *err)
{
    const struct settings *settings = &context->settings;
    bool as_json = strcmp(output_format(settings), "json") == 0;
    if (!as_json && settings_get_bool(settings, SETTING_QUIET)) {
        for (size_t i = 0; i < list->count; i++)
            strbuf_printf(&context->out, "%s\n", list->entries[i].name);
        return 0;
    }
    CLEANUP_FREE struct error *mistakes = calloc(list->count + 1, sizeof(*mistakes));
    if (!mistakes)
        return error_set(err, ERROR_NOMEM, "out of memory");
    struct listing listing = {.list = list, .mistakes = mistakes};
    bool is_broken = false;
    int rc = as_json ? list_json(&listing, &context->out, &is_broken, err)
                     : list_text(&listing, &context->out, &is_broken, err);
    if (is_broken)
        context->exit_code = error_exit_code(ERROR_INPUT);
    return rc;
}

/* ---- one profile -------------------------------------------------------------------------- */

static void append_texts(struct strbuf *out, const struct profile_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        strbuf_printf(out, "%s%s", i ? ", " : "", texts->items[i]);
}

static void append_numbers(struct strbuf *out, const struct profile_numbers *numbers)
{
    char text[32];
    for (size_t i = 0; i < numbers->count; i++)
        strbuf_printf(out, "%s%s", i ? ", " : "",
                      unit_format_number(numbers->items[i], 9, text, sizeof(text)));
}

static void append_details(struct strbuf *out, const struct profile_details *details)
{
    for (size_t i = 0; i < details->count; i++)
        strbuf_printf(out, "%s%s %s", i ? ", " : "", details->items[i].key, details->items[i].text);
}

/* "  KEY   what was appended to text", which is emptied; nothing when that is empty. */
static void info_line(struct strbuf *out, const char *key, struct strbuf *text)
{
    if (text->len > 0) {
        strbuf_printf(out, "  %-16s", key);
        help_wrap(out, strbuf_get(text), 18, 18);
    }
    strbuf_clear(text);
}

static void info_number(struct strbuf *out, const char *key, double value, const char *unit)
{
    char text[32];
    if (!isnan(value))
        strbuf_printf(out, "  %-16s%s%s\n", key, unit_format_number(value, 9, text, sizeof(text)),
                      unit);
}

static void info_limits(const struct profile *profile, struct strbuf *out)
{
    strbuf_append(out, profile->limit_count ? "judged\n" : "judged: nothing\n");
    for (size_t i = 0; i < profile->limit_count; i++) {
        const struct limit *limit = &profile->limits[i];
        char bound[BOUND_SIZE], total[32], headroom[32];
        limit_format(limit, bound, sizeof(bound));
        /* A limit without a name of its own is called as it is written. */
        if (strchr(limit->name, '(') || strlen(limit->name) > 14)
            strbuf_printf(out, "  %s", bound);
        else
            strbuf_printf(out, "  %-16s%s", limit->name, bound);
        if (strcmp(limit->name, "memory") == 0 && !isnan(profile->memory_limit_mb) &&
            !isnan(profile->memory_headroom_percent))
            strbuf_printf(out, " (%s MB less %s %%)",
                          unit_format_number(profile->memory_limit_mb, 9, total, sizeof(total)),
                          unit_format_number(profile->memory_headroom_percent, 9, headroom,
                                             sizeof(headroom)));
        strbuf_putc(out, '\n');
    }
}

static void info_counts(const struct profile *profile, struct strbuf *out)
{
    strbuf_append(out, "measured\n");
    if (profile->has_warmup)
        info_number(out, "warm-up", (double)profile->warmup_units, "");
    if (profile->units)
        info_number(out, "iterations", (double)profile->units, "");
    if (profile->invocations)
        info_number(out, "runs", (double)profile->invocations, "");
    if (profile->duration_ns)
        info_number(out, "duration", (double)profile->duration_ns / 1e9, " s");
    if (profile->interval_ns)
        info_number(out, "interval", (double)profile->interval_ns / 1e6, " ms");
}

static void info_rest(const struct profile *profile, struct strbuf *text, struct strbuf *out)
{
    strbuf_append(out, "for information\n");
    if (isnan(profile->max_missed_pct)) /* else it is a limit */
        info_number(out, "deadline", profile->deadline_ms, " ms");
    info_number(out, "latency target", profile->latency_target_ms, " ms");
    info_number(out, "rate target", profile->throughput_target_fps, " /s");
    append_numbers(text, &profile->percentiles);
    info_line(out, "percentiles", text);
    append_numbers(text, &profile->batch_sizes);
    info_line(out, "batch sizes", text);
    if (profile->has_continuous_monitoring)
        strbuf_append(text, profile->continuous_monitoring ? "continuous" : "not continuous");
    info_line(out, "monitoring", text);
    append_texts(text, &profile->collectors);
    info_line(out, "collectors", text);
    append_details(text, &profile->synthetic);
    info_line(out, "synthetic", text);
    append_details(text, &profile->analysis);
    info_line(out, "analysis", text);
    append_texts(text, &profile->tags);
    info_line(out, "tags", text);
}

static int info_text(const struct profile *profile, struct strbuf *out, struct error *err)
{
    CLEANUP(strbuf_deinit) struct strbuf text = {0};
    strbuf_printf(out, "%s (%s)\n", profile->name, profile->path ? profile->path : "built-in");
    if (profile->description)
        help_wrap(out, profile->description, 0, 0);
    strbuf_putc(out, '\n');
    info_limits(profile, out);
    info_counts(profile, out);
    info_rest(profile, &text, out);
    return text.failed ? error_set(err, ERROR_NOMEM, "out of memory") : 0;
}

static int show_profile(struct command_context *context, const char *name, const char *asked_by,
                        struct error *err)
{
    const struct settings *settings = &context->settings;
    struct profile profile = {0};
    int rc = profile_load(name, settings_get_text(settings, SETTING_DATA), asked_by, NULL, 0,
                          &profile, err);
    if (rc < 0)
        return rc;
    if (strcmp(output_format(settings), "json") == 0) {
        struct json_writer writer = {.out = &context->out};
        begin_document(&writer);
        write_profile(&writer, profile.name, &profile);
        json_write_end(&writer);
        json_write_array(&writer, "broken");
        json_write_end(&writer);
        end_document(&writer);
    } else {
        rc = info_text(&profile, &context->out, err);
    }
    profile_deinit(&profile);
    return rc;
}

/* ---- the command -------------------------------------------------------------------------- */

static int profiles_run(struct command_context *context, struct error *err)
{
    const struct settings *settings = &context->settings;
    const struct setting_value *info = &settings->values[SETTING_INFO];
    int named = context->argument_count + (info->text ? 1 : 0);
    if (named > 1)
        return error_set(err, ERROR_USAGE, "profiles shows one profile, not %d", named);
    if (named == 1 && settings_get_bool(settings, SETTING_LIST)) {
        error_set(err, ERROR_USAGE, "--list and one profile contradict each other");
        return error_hint(err, "leave one of them out");
    }
    if (named == 1)
        return info->text ? show_profile(context, info->text, info->origin, err)
                          : show_profile(context, context->arguments[0], NULL, err);
    struct profile_list list = {0};
    int rc = profile_list_read(settings_get_text(settings, SETTING_DATA), &list, err);
    if (rc < 0)
        return rc;
    rc = list_profiles(context, &list, err);
    profile_list_deinit(&list);
    return rc;
}

extern const struct command command_profiles;
const struct command command_profiles = {
    .name = "profiles",
    .summary = "the profiles that tacho run --profile knows: limits, and how much to measure",
    .usage = "[OPTIONS] [NAME]",
    .examples = "  tacho profiles                   every one with its limits\n"
                "  tacho profiles ci_smoke          all of one\n"
                "  tacho run --profile ci_smoke --validate-only -- ./program\n",
    .bit = COMMAND_COMMON | COMMAND_PROFILES,
    .run = profiles_run,
};
