/* run_validate.c: see run_validate.h. */
#include "cmd/run_validate.h"

#include <string.h>

#include "base/text_table.h"
#include "base/unit.h"
#include "base/util.h"
#include "format/json_writer.h"
#include "model/facts.h"

/* A program that cannot be found fails here as it would when it is launched. */
static int check_program(const struct measure_plan *plan, const char *const *program,
                         struct error *err)
{
    if (!plan->workload)
        return 0;
    struct facts facts = {0};
    plan->workload->describe(plan->workload_state, &facts);
    const struct fact *executable = facts_get(&facts, "executable");
    bool is_absent = executable && executable->kind == FACT_NULL;
    facts_deinit(&facts);
    if (!is_absent)
        return 0;
    error_set(err, ERROR_PROGRAM, "%s: not found, or not executable", program[0]);
    return error_hint(err, "checked as it would be launched: nothing was measured");
}

/* ---- JSON --------------------------------------------------------------------------------- */

static void write_duration(struct json_writer *writer, const char *key, uint64_t ns)
{
    if (ns)
        json_write_seconds(writer, key, (int64_t)ns);
    else
        json_write_null(writer, key);
}

static void write_count(struct json_writer *writer, const char *key, bool is_said, uint64_t count)
{
    if (is_said)
        json_write_u64(writer, key, count);
    else
        json_write_null(writer, key);
}

static void render_json(const struct measure_plan *plan, const char *profile_name,
                        const struct profile *profile, const char *const *program,
                        struct strbuf *out)
{
    struct json_writer writer = {.out = out};
    json_write_object(&writer, NULL);
    json_write_text(&writer, "schema", "tacho.validated/1");
    json_write_array_line(&writer, "program");
    for (size_t i = 0; program && program[i]; i++)
        json_write_text(&writer, NULL, program[i]);
    json_write_end(&writer);
    if (profile_name) {
        json_write_object_line(&writer, "profile");
        json_write_text(&writer, "name", profile->name);
        json_write_text(&writer, "file", profile->path);
        json_write_end(&writer);
    } else {
        json_write_null(&writer, "profile");
    }
    json_write_object(&writer, "plan");
    write_count(&writer, "iterations", plan->units > 0, plan->units);
    json_write_bool(&writer, "iterations_exact", plan->units_explicit);
    write_count(&writer, "invocations", plan->invocations > 0, plan->invocations);
    write_count(&writer, "warmup", !plan->warmup_auto, plan->warmup_units);
    write_duration(&writer, "duration_s", plan->duration_ns);
    write_duration(&writer, "max_duration_s", plan->max_duration_ns);
    write_duration(&writer, "interval_s", plan->interval_ns);
    json_write_end(&writer);
    json_write_array(&writer, "limits");
    for (size_t i = 0; i < plan->limit_count; i++) {
        char bound[256];
        json_write_object_line(&writer, NULL);
        json_write_text(&writer, "name", plan->limits[i].name);
        json_write_text(&writer, "bound", limit_format(&plan->limits[i], bound, sizeof(bound)));
        json_write_bool(&writer, "waived", plan->limits[i].waived);
        json_write_end(&writer);
    }
    json_write_end(&writer);
    json_write_end(&writer);
    strbuf_putc(out, '\n');
}

/* ---- text --------------------------------------------------------------------------------- */

static void append_ns(struct strbuf *out, const char *before, uint64_t ns)
{
    char text[32];
    if (ns)
        strbuf_printf(out, "%s%s", before, unit_format_ns((double)ns, text, sizeof(text)));
}

static void describe_plan(const struct measure_plan *plan, struct strbuf *out)
{
    const char *units = plan->workload ? plan->workload->units : "launches or inferences";
    if (plan->units)
        strbuf_printf(out, "%s%llu %s", plan->units_explicit ? "" : "at least ",
                      (unsigned long long)plan->units, units);
    else
        strbuf_printf(out, "%s until the stop rule is met", units);
    bool is_many = plan->workload && !plan->workload->one_unit_per_invocation;
    if (is_many && plan->invocations > 1)
        strbuf_printf(out, " in each of %llu processes", (unsigned long long)plan->invocations);
    append_ns(out, ", for at least ", plan->duration_ns);
    append_ns(out, ", for at most ", plan->max_duration_ns);
    strbuf_append(out, "; warm-up: ");
    if (plan->warmup_auto)
        strbuf_append(out, "found afterwards");
    else
        strbuf_printf(out, "%llu before them", (unsigned long long)plan->warmup_units);
    append_ns(out, "; sensors every ", plan->interval_ns);
}

static int render_text(const struct measure_plan *plan, const char *profile_name,
                       const struct profile *profile, struct strbuf *out, struct error *err)
{
    CLEANUP(strbuf_deinit) struct strbuf measures = {0};
    describe_plan(plan, &measures);
    strbuf_append(out, "valid; nothing was measured\n");
    if (profile_name)
        strbuf_printf(out, "  profile   %s (%s)\n", profile->name,
                      profile->path ? profile->path : "built-in");
    strbuf_append(out, "  measures  ");
    help_wrap(out, strbuf_get(&measures), 12, 12);
    if (plan->limit_count == 0)
        strbuf_append(out, "  limits    none: the run will not be judged\n");
    struct text_table table;
    text_table_init(&table, 4);
    for (size_t i = 0; i < plan->limit_count; i++) {
        char bound[256];
        limit_format(&plan->limits[i], bound, sizeof(bound));
        text_table_row(&table, i == 0 ? "limits  " : "", plan->limits[i].name, bound,
                       plan->limits[i].waived ? "waived" : "");
    }
    text_table_render(&table, 2, out);
    bool failed = table.failed || measures.failed;
    text_table_deinit(&table);
    return failed ? error_set(err, ERROR_NOMEM, "out of memory") : 0;
}

int run_validate(const struct measure_plan *plan, const char *profile_name,
                 const struct profile *profile, struct command_context *context, struct error *err)
{
    int rc = check_program(plan, context->program, err);
    if (rc < 0)
        return rc;
    if (strcmp(output_format(&context->settings), "json") == 0) {
        render_json(plan, profile_name, profile, context->program, &context->out);
        return 0;
    }
    return render_text(plan, profile_name, profile, &context->out, err);
}
