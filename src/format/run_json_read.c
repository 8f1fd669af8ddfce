/* run_json_read.c: "tacho.run/1" and "tacho.runs/1" replayed into sinks. The text may come from
 * anywhere: every type, range and length is checked, and nothing is taken on trust. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "format/facts_json.h"
#include "format/run_json.h"
#include "format/run_json_series.h"

#define RUNS_MAX 100000
#define PHASES_PER_INVOCATION_MAX 1000

/* The member `key` as one of a family of names. */
static int get_name(struct json_reader *reader, const json_t *object, const char *key,
                    int (*parse)(const char *), int otherwise)
{
    const char *name = json_get_text(reader, object, key, NULL);
    if (!name)
        return otherwise;
    int value = parse(name);
    if (value < 0) {
        json_reader_fail(reader, ERROR_INPUT, "\"%s\" cannot be \"%s\"", key, name);
        return otherwise;
    }
    return value;
}

static uint32_t get_u32(struct json_reader *reader, const json_t *object, const char *key)
{
    return (uint32_t)json_get_i64(reader, object, key, 0, UINT32_MAX, 0);
}

/* ---- begin and end ---- */

static int read_id(struct json_reader *reader, const json_t *object, char id[40])
{
    const char *text = json_get_text(reader, object, "id", "");
    size_t length = strlen(text);
    static const char allowed[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.";
    /* Ids become file names and arguments, so nothing else is let in. */
    if (length == 0 || length >= 40 || strspn(text, allowed) != length || text[0] == '-' ||
        text[0] == '.')
        return json_reader_fail(reader, ERROR_INPUT,
                                "\"id\" must be 1 to 39 letters, digits, '-', '_' or '.'");
    memcpy(id, text, length + 1);
    return reader->rc;
}

static int replay_begin(struct json_reader *reader, const json_t *object, struct run_sink *sink)
{
    CLEANUP(facts_deinit) struct facts environment = {0};
    CLEANUP(facts_deinit) struct facts workload = {0};
    struct run_info info = {.environment = &environment, .workload = &workload};
    read_id(reader, object, info.id);
    info.label = json_get_text(reader, object, "label", "");
    info.synthetic = json_get_flag(reader, object, "synthetic");
    info.begin_epoch_s = json_get_double(reader, object, "begin_epoch_s", 0);
    facts_json_read_members(reader, object, "environment", &environment);
    facts_json_read_members(reader, object, "workload", &workload);
    if (reader->rc == 0)
        reader->rc = sink_begin(sink, &info, reader->err);
    return reader->rc;
}

static int severity_parse(const char *name)
{
    for (int i = SEVERITY_INFO; i <= SEVERITY_WARNING; i++) {
        if (strcmp(severity_name((enum severity)i), name) == 0)
            return i;
    }
    return -1;
}

static size_t get_count(struct json_reader *reader, const json_t *object, const char *key)
{
    return (size_t)json_get_i64(reader, object, key, 0, INT64_MAX, 0);
}

static int replay_end(struct json_reader *reader, const json_t *object, struct run_sink *sink)
{
    CLEANUP(facts_deinit) struct facts after = {0};
    struct run_end end = {.environment_after = &after};
    end.state = (enum run_state)get_name(reader, object, "state", run_state_parse, RUN_INTERRUPTED);
    end.end_ns = json_get_ns(reader, object, "duration_s", 0);
    int64_t own_cpu_ns = json_get_ns(reader, object, "own_cpu_s", 0);
    end.own_cpu_ns = own_cpu_ns > 0 ? (uint64_t)own_cpu_ns : 0;
    facts_json_read_members(reader, object, "environment_after", &after);
    const json_t *verdict = json_get_object(reader, object, "verdict");
    end.verdict.outcome =
        (enum outcome)get_name(reader, verdict, "outcome", outcome_parse, OUTCOME_NOT_JUDGED);
    end.verdict.passed = get_count(reader, verdict, "passed");
    end.verdict.failed = get_count(reader, verdict, "failed");
    end.verdict.undecided = get_count(reader, verdict, "undecided");
    end.verdict.waived = get_count(reader, verdict, "waived");
    if (reader->rc == 0)
        reader->rc = sink_end(sink, &end, reader->err);
    return reader->rc;
}

/* ---- rows ---- */

static int replay_invocation(struct json_reader *reader, const json_t *row, struct run_sink *sink)
{
    struct invocation invocation = {
        .index = get_u32(reader, row, "index"),
        .outcome = (enum invocation_outcome)get_name(reader, row, "outcome",
                                                     invocation_outcome_parse, INVOCATION_OK),
        .exit_status = (int)json_get_i64(reader, row, "exit_status", INT32_MIN, INT32_MAX, 0),
        .signal = (int)json_get_i64(reader, row, "signal", 0, 128, 0),
        .begin_ns = json_get_ns(reader, row, "begin_s", INT64_MIN),
        .end_ns = json_get_ns(reader, row, "end_s", INT64_MIN)};
    if (reader->rc == 0)
        reader->rc = sink_invocation(sink, &invocation, reader->err);
    return reader->rc;
}

static int replay_phase(struct json_reader *reader, const json_t *row, struct run_sink *sink)
{
    struct phase phase = {
        .kind = (enum phase_kind)get_name(reader, row, "phase", phase_kind_parse, PHASE_STEADY),
        .invocation = get_u32(reader, row, "invocation"),
        .first_unit = (uint64_t)json_get_i64(reader, row, "first_unit", 0, INT64_MAX, 0),
        .unit_count = (uint64_t)json_get_i64(reader, row, "units", 0, INT64_MAX, 0),
        .begin_ns = json_get_ns(reader, row, "begin_s", INT64_MIN),
        .end_ns = json_get_ns(reader, row, "end_s", INT64_MIN),
        .found = json_get_flag(reader, row, "found")};
    if (reader->rc == 0)
        reader->rc = sink_phase(sink, &phase, reader->err);
    return reader->rc;
}

static int replay_event(struct json_reader *reader, const json_t *row, struct run_sink *sink)
{
    struct event event = {.t_ns = json_get_ns(reader, row, "t_s", INT64_MIN),
                          .invocation = get_u32(reader, row, "invocation"),
                          .name = json_get_text(reader, row, "name", ""),
                          .text = json_get_text(reader, row, "text", "")};
    if (reader->rc == 0)
        reader->rc = sink_event(sink, &event, reader->err);
    return reader->rc;
}

static void copy_text(struct json_reader *reader, const json_t *object, const char *key, char *dst,
                      size_t size)
{
    str_copy(dst, size, json_get_text(reader, object, key, ""));
}

/* [lo, hi]; an end that is null is open. */
static void read_interval(struct json_reader *reader, const json_t *row, struct finding *finding)
{
    const json_t *interval = json_get_array(reader, row, "interval");
    if (!interval)
        return;
    const json_t *lo = json_array_get(interval, 0), *hi = json_array_get(interval, 1);
    if (json_array_size(interval) != 2 || !(json_is_number(lo) || json_is_null(lo)) ||
        !(json_is_number(hi) || json_is_null(hi))) {
        json_reader_fail(reader, ERROR_INPUT, "\"interval\" must be two numbers");
        return;
    }
    finding->has_interval = true;
    finding->lo = json_is_null(lo) ? -INFINITY : json_number_value(lo);
    finding->hi = json_is_null(hi) ? INFINITY : json_number_value(hi);
}

static int replay_finding(struct json_reader *reader, const json_t *row, struct run_sink *sink)
{
    struct finding finding = {0};
    copy_text(reader, row, "rule", finding.rule, sizeof(finding.rule));
    copy_text(reader, row, "metric", finding.metric, sizeof(finding.metric));
    copy_text(reader, row, "sentence", finding.sentence, sizeof(finding.sentence));
    copy_text(reader, row, "unit", finding.unit, sizeof(finding.unit));
    copy_text(reader, row, "evidence", finding.evidence, sizeof(finding.evidence));
    copy_text(reader, row, "advice", finding.advice, sizeof(finding.advice));
    finding.severity =
        (enum severity)get_name(reader, row, "severity", severity_parse, SEVERITY_INFO);
    finding.value = json_get_double(reader, row, "value", NAN);
    finding.has_value = !isnan(finding.value);
    finding.value = finding.has_value ? finding.value : 0;
    finding.n = (uint64_t)json_get_i64(reader, row, "n", 0, INT64_MAX, 0);
    read_interval(reader, row, &finding);
    const json_t *limit = json_get_object(reader, row, "limit");
    copy_text(reader, limit, "name", finding.limit_name, sizeof(finding.limit_name));
    copy_text(reader, limit, "bound", finding.limit_bound, sizeof(finding.limit_bound));
    finding.outcome =
        (enum outcome)get_name(reader, limit, "outcome", outcome_parse, OUTCOME_NOT_JUDGED);
    finding.n_needed = (uint64_t)json_get_i64(reader, limit, "n_needed", 0, INT64_MAX, 0);
    if (reader->rc == 0)
        reader->rc = sink_finding(sink, &finding, reader->err);
    return reader->rc;
}

static int replay_rows(struct json_reader *reader, const json_t *object, const char *key,
                       int (*replay)(struct json_reader *, const json_t *, struct run_sink *),
                       struct run_sink *sink)
{
    const json_t *rows = json_get_array(reader, object, key);
    for (size_t i = 0; reader->rc == 0 && i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        json_reader_at(reader, "%s[%zu]", key, i);
        if (!json_is_object(row))
            return json_reader_fail(reader, ERROR_INPUT, "must be an object");
        replay(reader, row, sink);
    }
    reader->where[0] = '\0';
    return reader->rc;
}

/* Summing phases up costs the square of how many one invocation has, which is a handful. */
static int check_phases(struct json_reader *reader, const json_t *object)
{
    const json_t *rows = json_get_array(reader, object, "phase_list");
    size_t same = 0;
    int64_t previous = -1;
    for (size_t i = 0; reader->rc == 0 && i < json_array_size(rows); i++) {
        int64_t invocation =
            json_integer_value(json_object_get(json_array_get(rows, i), "invocation"));
        same = invocation == previous ? same + 1 : 1;
        previous = invocation;
        if (same > PHASES_PER_INVOCATION_MAX)
            return json_reader_fail(reader, ERROR_INPUT, "an invocation has more than %d phases",
                                    PHASES_PER_INVOCATION_MAX);
    }
    return reader->rc;
}

/* ---- documents ---- */

/* "tacho.run/1" against "tacho.run": 0, or why not. */
static int check_schema(struct json_reader *reader, const char *schema, const char *name)
{
    size_t length = strlen(name);
    if (strncmp(schema, name, length) != 0 || schema[length] != '/')
        return json_reader_fail(reader, ERROR_INPUT, "\"schema\" is \"%.40s\", not %s/1", schema,
                                name);
    char *end = NULL;
    unsigned long major = strtoul(schema + length + 1, &end, 10);
    if (major == 1 && (*end == '\0' || *end == '.'))
        return 0;
    json_reader_fail(reader, ERROR_VERSION, "the file is %.40s; this tacho reads %s/1", schema,
                     name);
    if (reader->err)
        error_hint(reader->err, "read it with the tacho that wrote it, or a newer one");
    return reader->rc;
}

/* Whether the run can be replayed at all; nothing reaches the sink before that is known. */
static int check_run(struct json_reader *reader, const json_t *object)
{
    if (!json_is_object(object))
        return json_reader_fail(reader, ERROR_INPUT, "a run must be an object");
    if (check_schema(reader, json_get_text(reader, object, "schema", ""), "tacho.run") < 0)
        return reader->rc;
    const json_t *series = json_get_array(reader, object, "series");
    if (!series) {
        json_reader_fail(reader, ERROR_INPUT, "the run holds no samples, only what they came to");
        if (reader->err)
            error_hint(reader->err, "export it again with its samples");
        return reader->rc;
    }
    if (json_array_size(series) > RUN_JSON_SERIES_MAX)
        return json_reader_fail(reader, ERROR_INPUT, "more than %d series", RUN_JSON_SERIES_MAX);
    return check_phases(reader, object);
}

static int replay_run(struct json_reader *reader, const json_t *object, struct run_sink *sink)
{
    if (check_run(reader, object) < 0)
        return reader->rc;
    size_t series_count = json_array_size(json_object_get(object, "series"));
    CLEANUP_FREE struct metric *own = calloc(series_count + 1, sizeof(*own));
    if (!own)
        return json_reader_fail_memory(reader);
    if (replay_begin(reader, object, sink) < 0)
        return reader->rc;
    replay_rows(reader, object, "invocations", replay_invocation, sink);
    replay_rows(reader, object, "phase_list", replay_phase, sink);
    if (reader->rc == 0)
        run_json_replay_series(reader, object, own, sink);
    replay_rows(reader, object, "events", replay_event, sink);
    replay_rows(reader, object, "findings", replay_finding, sink);
    if (reader->rc == 0)
        return replay_end(reader, object, sink);
    return reader->rc;
}

static int replay_next(struct json_reader *reader, const json_t *object,
                       struct run_sink *(*fresh)(void *context), void *context)
{
    struct run_sink *sink = fresh(context);
    return sink ? replay_run(reader, object, sink) : json_reader_fail_memory(reader);
}

int run_json_read(const char *text, size_t size, const char *file,
                  struct run_sink *(*fresh)(void *context), void *context, struct error *err)
{
    CLEANUP(json_reader_close) struct json_reader reader = {.file = file, .err = err};
    json_t *root = NULL;
    if (json_reader_parse(&reader, text, size, &root) < 0)
        return reader.rc;
    if (!json_is_object(root))
        return json_reader_fail(&reader, ERROR_INPUT, "not a tacho run: no object");
    const char *schema = json_get_text(&reader, root, "schema", "");
    if (strncmp(schema, "tacho.runs/", 11) != 0)
        return reader.rc < 0 ? reader.rc : replay_next(&reader, root, fresh, context);
    if (check_schema(&reader, schema, "tacho.runs") < 0)
        return reader.rc;
    const json_t *runs = json_get_array(&reader, root, "runs");
    if (json_array_size(runs) > RUNS_MAX)
        return json_reader_fail(&reader, ERROR_INPUT, "more than %d runs", RUNS_MAX);
    for (size_t i = 0; reader.rc == 0 && i < json_array_size(runs); i++)
        replay_next(&reader, json_array_get(runs, i), fresh, context);
    return reader.rc;
}
