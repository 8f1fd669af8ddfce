/* metrics_columns.c: see metrics_columns.h. To add a column: one row here, then the table in
 * docs/monitor-columns.md. */
#include "format/metrics_columns.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define FIXED(name, rule)                                                                          \
    {                                                                                              \
        name, name, COLUMNS_FIXED, COLUMN_##rule, NULL, 1                                          \
    }
#define INSTRUMENTED(name, metric, decimals)                                                       \
    {                                                                                              \
        name, metric, COLUMNS_INSTRUMENTED, COLUMN_MAX, NULL, decimals                             \
    }
#define MORE(name, rule, decimals)                                                                 \
    {                                                                                              \
        name, name, COLUMNS_MORE, COLUMN_##rule, NULL, decimals                                    \
    }
#define EACH(name, pattern, decimals)                                                              \
    {                                                                                              \
        name, name, COLUMNS_MORE, COLUMN_EACH, pattern, decimals                                   \
    }
#define CHANNEL(name, decimals)                                                                    \
    {                                                                                              \
        name, name, COLUMNS_MORE, COLUMN_CHANNEL, name "_*", decimals                              \
    }

const struct metrics_column metrics_columns[] = {
    FIXED("cpu_total_pct", MAX),
    FIXED("cpu_track_pct", MAX),
    FIXED("mem_total_mb", MAX),
    FIXED("mem_used_mb", MAX),
    FIXED("mem_track_rss_mb", MAX),
    FIXED("gpu_util_pct", MAX),
    FIXED("gpu_mem_used_mb", SUM),

    INSTRUMENTED("inference_ms_avg", "inference_avg_ms", 3),
    INSTRUMENTED("inference_ms_p99", "inference_p99_ms", 3),
    INSTRUMENTED("pipeline_fps", "pipeline_fps", 2),

    {"inference_ms_max", "inference_max_ms", COLUMNS_MORE, COLUMN_MAX, NULL, 3},
    {"inference_n", "inference_count", COLUMNS_MORE, COLUMN_MAX, NULL, 0},
    MORE("pipeline_queue_depth", MAX, 1),
    MORE("pipeline_drops", MAX, 0),
    MORE("pipeline_write_ms", MAX, 3),
    MORE("work_done", MAX, 0),
    CHANNEL("span_avg_ms", 3),
    CHANNEL("span_p99_ms", 3),
    CHANNEL("span_max_ms", 3),
    CHANNEL("span_rate_per_s", 2),
    CHANNEL("span_open_s", 3),
    CHANNEL("frame_fps", 2),
    CHANNEL("frames_total", 0),
    CHANNEL("counter_total", 0),
    CHANNEL("gauge_value", 3),
    CHANNEL("gauge_max", 3),
    EACH("core_pct", "*_pct", 1),
    EACH("cpu_mhz", "cpu_mhz_*", 0),
    MORE("load1", MAX, 2),
    MORE("psi_cpu_some_pct", MAX, 2),
    MORE("psi_memory_some_pct", MAX, 2),
    MORE("psi_io_some_pct", MAX, 2),
    MORE("mem_track_anon_mb", MAX, 1),
    MORE("mem_track_swap_mb", MAX, 1),
    MORE("threads", MAX, 0),
    MORE("track_processes", MAX, 0),
    MORE("track_fds", MAX, 0),
    MORE("track_voluntary_switches_per_s", MAX, 1),
    MORE("track_involuntary_switches_per_s", MAX, 1),
    MORE("track_minor_faults_per_s", MAX, 1),
    MORE("track_major_faults_per_s", MAX, 1),
    MORE("track_read_mb_per_s", MAX, 3),
    MORE("track_written_mb_per_s", MAX, 3),
    MORE("cgroup_mem_mb", MAX, 1),
    MORE("cgroup_mem_anon_mb", MAX, 1),
    MORE("cgroup_cpu_pct", MAX, 1),
    MORE("cgroup_periods", MAX, 0),
    MORE("cgroup_throttled_pct", MAX, 1),
    MORE("cgroup_throttled_time_pct", MAX, 1),
    MORE("cgroup_oom_kills", MAX, 0),
    MORE("cgroup_pids", MAX, 0),
    EACH("temp_c", "temp_c_*", 1),
    EACH("power_w", "power_w_*", 3),
    EACH("energy_j", "energy_j_*", 1),
    MORE("gpu_mem_total_mb", SUM, 1),
    MORE("gpu_mem_track_mb", SUM, 1),
    MORE("gpu_mhz", MAX, 0),
    MORE("gpu_mem_mhz", MAX, 0),
    MORE("gpu_temp_c", MAX, 1),
    MORE("gpu_power_w", SUM, 1),
    MORE("gpu_energy_j", SUM, 1),
    MORE("gpu_throttle_reasons", BITS, 0),
    MORE("emc_mhz", MAX, 0),
    MORE("emc_util_pct", MAX, 1),
    EACH("engine_mhz", "engine_mhz_*", 0),
    EACH("fan_pct", "fan_pct_*", 1),
    MORE("under_voltage", MAX, 0),
    MORE("soc_throttle_flags", BITS, 0),
};

const size_t metrics_columns_count = ARRAY_LEN(metrics_columns);

/* ---- names ---- */

/* The instance as it may stand in a header: no comma, quote, blank or control character. */
static void append_instance(char *buf, size_t size, const char *instance)
{
    size_t used = strlen(buf);
    for (const char *at = instance; *at && used + 1 < size; at++)
        buf[used++] = isalnum((unsigned char)*at) || strchr("._-#", *at) ? *at : '_';
    buf[used] = '\0';
}

/* The name of a column for one instance: by its pattern, else NAME_INSTANCE. */
static void name_of_instance(const struct metrics_column *column, const char *instance, char *buf,
                             size_t size)
{
    const char *star = column->each ? strchr(column->each, '*') : NULL;
    if (star && !instance[0]) { /* the one that has no instance is the bare name */
        str_copy(buf, size, column->name);
    } else if (star) {
        snprintf(buf, size, "%.*s", (int)(star - column->each), column->each);
        append_instance(buf, size, instance);
        size_t used = strlen(buf);
        str_copy(buf + used, size - used, star + 1);
    } else {
        snprintf(buf, size, "%s_", column->name);
        append_instance(buf, size, instance);
    }
}

bool metrics_output_takes(const struct metrics_output *output, const struct metric *metric,
                          const char *instance)
{
    return strcmp(output->column->metric, metric->name) == 0 &&
           (!output->instance || strcmp(output->instance, instance) == 0);
}

bool metrics_output_is_channel(const struct metrics_output *output, const char *instance)
{
    char candidate[sizeof(output->name)];
    if (output->channel_at == 0 || strcmp(output->name + output->channel_at, instance) == 0)
        return true;
    name_of_instance(output->column, instance, candidate, sizeof(candidate));
    return instance[0] && strcmp(candidate, output->name) == 0;
}

/* ---- a plan ---- */

static bool has_output(const struct metrics_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (strcmp(plan->items[i].name, name) == 0)
            return true;
    }
    return false;
}

/* What "span_avg_ms_decode" names, if that is a channel's. */
static const struct metrics_column *find_channel(const char *name, size_t *ret_channel_at)
{
    for (size_t i = 0; i < metrics_columns_count; i++) {
        const struct metrics_column *column = &metrics_columns[i];
        size_t length = strlen(column->name);
        if (column->rule != COLUMN_CHANNEL || strncmp(name, column->name, length) != 0 ||
            name[length] != '_' || name[length + 1] == '\0')
            continue;
        *ret_channel_at = length + 1;
        return column;
    }
    return NULL;
}

static int add_channel(struct metrics_plan *plan, const struct metrics_column *column,
                       const char *name, size_t channel_at)
{
    if (has_output(plan, name))
        return 0;
    if (array_reserve(&plan->items, &plan->capacity, plan->count + 1, sizeof(*plan->items)) < 0)
        return -ERROR_NOMEM;
    struct metrics_output *output = &plan->items[plan->count++];
    *output = (struct metrics_output){.column = column, .channel_at = channel_at};
    str_copy(output->name, sizeof(output->name), name);
    return 0;
}

/* Adds a column once. Two instances whose names come to the same in a header are told apart. */
static int add_output(struct metrics_plan *plan, const struct metrics_column *column,
                      const char *name, const char *instance)
{
    if (array_reserve(&plan->items, &plan->capacity, plan->count + 1, sizeof(*plan->items)) < 0)
        return -ERROR_NOMEM;
    for (size_t i = 0; i < plan->count; i++) {
        const struct metrics_output *other = &plan->items[i];
        bool is_same_instance = !other->instance || !instance
                                    ? other->instance == instance
                                    : strcmp(other->instance, instance) == 0;
        if (other->column == column && is_same_instance)
            return 0;
    }
    struct metrics_output *output = &plan->items[plan->count];
    *output = (struct metrics_output){.column = column, .instance = instance};
    str_copy(output->name, sizeof(output->name), name);
    for (unsigned number = 2; has_output(plan, output->name); number++) {
        char base[80];
        str_copy(base, sizeof(base), name);
        snprintf(output->name, sizeof(output->name), "%s#%u", base, number);
    }
    plan->count++;
    return 0;
}

static int add_each(struct metrics_plan *plan, const struct metrics_column *column,
                    const struct metrics_source *sources, size_t source_count)
{
    char name[96];
    for (size_t i = 0; i < source_count; i++) {
        if (strcmp(sources[i].metric->name, column->metric) != 0)
            continue;
        name_of_instance(column, sources[i].instance, name, sizeof(name));
        int rc = add_output(plan, column, name, sources[i].instance);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int add_set(struct metrics_plan *plan, enum column_set set)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < metrics_columns_count; i++) {
        if (metrics_columns[i].set == set)
            rc = add_output(plan, &metrics_columns[i], metrics_columns[i].name, NULL);
    }
    return rc;
}

/* ---- --columns ---- */

static const struct metrics_column *find_column(const char *name)
{
    for (size_t i = 0; i < metrics_columns_count; i++) {
        if (strcmp(metrics_columns[i].name, name) == 0)
            return &metrics_columns[i];
    }
    return NULL;
}

/* The column and instance that a name like "temp_c_CPU" means; NULL: none of these sources. */
static const struct metrics_column *find_instance(const char *name,
                                                  const struct metrics_source *sources,
                                                  size_t source_count, const char **ret_instance)
{
    char candidate[96];
    for (size_t i = 0; i < metrics_columns_count; i++) {
        const struct metrics_column *column = &metrics_columns[i];
        for (size_t j = 0; j < source_count; j++) {
            if (!sources[j].instance[0] || strcmp(sources[j].metric->name, column->metric) != 0)
                continue;
            name_of_instance(column, sources[j].instance, candidate, sizeof(candidate));
            if (strcmp(candidate, name) == 0) {
                *ret_instance = sources[j].instance;
                return column;
            }
        }
    }
    return NULL;
}

static int not_delivered(const char *name, struct error *err)
{
    error_set(err, ERROR_ABSENT, "--columns: nothing on this machine delivers '%s'", name);
    return error_hint(err, "`tacho doctor` says which collectors work here and what the others "
                           "lack");
}

/* A name like temp_c_X of a column that has instances, but not this one. */
static const struct metrics_column *instance_like(const char *name)
{
    for (size_t i = 0; i < metrics_columns_count; i++) {
        const struct metrics_column *column = &metrics_columns[i];
        size_t length = strlen(column->name);
        if (strncmp(name, column->name, length) == 0 && name[length] == '_')
            return column;
    }
    return NULL;
}

static int unknown_column(const char *name, const struct metrics_source *sources,
                          size_t source_count, struct error *err)
{
    const char *names[ARRAY_LEN(metrics_columns)];
    const struct metrics_column *column = instance_like(name);
    if (column) {
        CLEANUP(strbuf_deinit) struct strbuf known = {0};
        for (size_t i = 0; i < source_count; i++) {
            char candidate[96];
            if (!sources[i].instance[0] || strcmp(sources[i].metric->name, column->metric) != 0)
                continue;
            name_of_instance(column, sources[i].instance, candidate, sizeof(candidate));
            strbuf_printf(&known, "%s%s", known.len ? ", " : "", candidate);
        }
        not_delivered(name, err);
        return known.len ? error_hint(err, "here are: %s", strbuf_get(&known)) : -ERROR_ABSENT;
    }
    for (size_t i = 0; i < metrics_columns_count; i++)
        names[i] = metrics_columns[i].name;
    int nearest = str_nearest(name, names, metrics_columns_count);
    error_set(err, ERROR_USAGE, "--columns: there is no column '%s'", name);
    if (nearest >= 0)
        return error_hint(err, "did you mean '%s'?", names[nearest]);
    return error_hint(err, "--columns help lists them");
}

static bool is_delivered(const struct metrics_column *column, const struct metrics_source *sources,
                         size_t source_count)
{
    for (size_t i = 0; i < source_count; i++) {
        if (strcmp(sources[i].metric->name, column->metric) == 0)
            return true;
    }
    return false;
}

static int add_named(struct metrics_plan *plan, const char *name,
                     const struct metrics_source *sources, size_t source_count, struct error *err)
{
    const char *instance = NULL;
    size_t channel_at = 0;
    const struct metrics_column *column = find_channel(name, &channel_at);
    if (column && is_delivered(column, sources, source_count))
        return add_channel(plan, column, name, channel_at);
    column = find_column(name);
    if (!column) {
        column = find_instance(name, sources, source_count, &instance);
        return column ? add_output(plan, column, name, instance)
                      : unknown_column(name, sources, source_count, err);
    }
    if (column->set == COLUMNS_MORE && !is_delivered(column, sources, source_count))
        return not_delivered(name, err);
    if (column->rule == COLUMN_CHANNEL) {
        error_set(err, ERROR_USAGE, "--columns: '%s' needs a name of the program's", name);
        return error_hint(err, "of its span 'decode', say: span_avg_ms_decode");
    }
    return column->rule == COLUMN_EACH ? add_each(plan, column, sources, source_count)
                                       : add_output(plan, column, name, NULL);
}

static int add_spec(struct metrics_plan *plan, const char *spec,
                    const struct metrics_source *sources, size_t source_count, struct error *err)
{
    char name[96];
    for (const char *at = spec; at && *at;) {
        at += strspn(at, "+, \t");
        size_t length = strcspn(at, "+, \t");
        if (length == 0)
            continue;
        snprintf(name, sizeof(name), "%.*s", (int)u64_min(length, sizeof(name) - 1), at);
        at += length;
        str_make_printable(name);
        int rc = add_named(plan, name, sources, source_count, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int metrics_plan_make(const char *spec, bool instrumented, const struct metrics_source *sources,
                      size_t source_count, struct metrics_plan *ret_plan, struct error *err)
{
    struct metrics_plan plan = {0};
    int rc = add_set(&plan, COLUMNS_FIXED);
    if (rc == 0 && instrumented)
        rc = add_set(&plan, COLUMNS_INSTRUMENTED);
    if (rc == 0)
        rc = add_spec(&plan, spec, sources, source_count, err);
    if (rc < 0) {
        metrics_plan_deinit(&plan);
        return rc == -ERROR_NOMEM ? error_set(err, ERROR_NOMEM, "out of memory for columns") : rc;
    }
    *ret_plan = plan;
    return 0;
}

void metrics_plan_deinit(struct metrics_plan *plan)
{
    free(plan->items);
    *plan = (struct metrics_plan){0};
}

/* ---- help ---- */

static const char *rule_text(const struct metrics_column *column)
{
    switch (column->rule) {
    case COLUMN_SUM:
        return "sum of all";
    case COLUMN_BITS:
        return "all of them";
    case COLUMN_EACH:
    case COLUMN_CHANNEL:
        return column->each;
    default:
        return "largest";
    }
}

void metrics_csv_columns_help(struct strbuf *out)
{
    static const char *const titles[] = {"always", "of an instrumented program",
                                         "with --columns +NAME,..."};
    for (int set = COLUMNS_FIXED; set <= COLUMNS_MORE; set++) {
        strbuf_printf(out, "%s%s:\n", set ? "\n" : "", titles[set]);
        for (size_t i = 0; i < metrics_columns_count; i++) {
            const struct metrics_column *column = &metrics_columns[i];
            const struct metric *metric = metric_find(column->metric);
            if ((int)column->set != set || !metric)
                continue;
            const char *name = column->each ? column->each : column->name;
            strbuf_printf(out, "  %s", column->name);
            strbuf_repeat(out, ' ', strlen(column->name) < 34 ? 34 - strlen(column->name) : 1);
            if (column->each)
                strbuf_printf(out, "(%s) ", name);
            strbuf_printf(out, "%s\n", metric->definition);
        }
    }
}

void metrics_csv_columns_markdown(struct strbuf *out)
{
    static const char *const sets[] = {"always", "instrumented", "`--columns`"};
    strbuf_append(out, "| column | when | unit | of several instances | definition |\n"
                       "| --- | --- | --- | --- | --- |\n"
                       "| timestamp | always | s | | Wall-clock time of the row, seconds since "
                       "1970 with milliseconds. |\n");
    for (size_t i = 0; i < metrics_columns_count; i++) {
        const struct metrics_column *column = &metrics_columns[i];
        const struct metric *metric = metric_find(column->metric);
        strbuf_printf(out, "| %s | %s | %s | %s%s%s | %s |\n", column->name, sets[column->set],
                      metric ? metric->unit : "", column->each ? "`" : "", rule_text(column),
                      column->each ? "`" : "", metric ? metric->definition : "");
    }
}
