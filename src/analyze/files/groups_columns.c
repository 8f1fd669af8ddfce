/* groups_columns.c: which columns of a table are the values, their time and what groups them, and
 * in which unit they are.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "analyze/files/groups_internal.h"
#include "base/util.h"

static const char *const latency_names[] = {"latency",
                                            "latency (ms)",
                                            "inference_ms",
                                            "inference_time_ms",
                                            "time_ms",
                                            "duration_ms",
                                            "elapsed_ms",
                                            "wall_ms",
                                            "response_ms",
                                            "latency_us",
                                            "latency_ns",
                                            "latency_s",
                                            "latency_sec",
                                            "inference_us",
                                            "inference_time",
                                            "duration_us",
                                            "duration_ns",
                                            "duration_s",
                                            "elapsed_us",
                                            "elapsed_ns",
                                            "elapsed_s",
                                            "wall_s",
                                            "e2e_ms",
                                            "total_ms",
                                            "latency (us)",
                                            "latency (ns)",
                                            "latency (s)",
                                            "latency_usec",
                                            "latency_msec",
                                            "latency_seconds",
                                            NULL};
static const char *const time_names[] = {
    "time", "ts",   "datetime", "date", "timestamp_ns", "ts_ns", "timestamp_ms", "ts_ms",
    "t_s",  "t_ms", "elapsed",  "t",    "epoch",        NULL};
static const char *const power_names[] = {"power", "power_watts", "watts", NULL};
static const char *const label_names[] = {"run", NULL};
static const char *const workload_names[] = {"model", "name", NULL};
static const char *const batch_names[] = {"batch", "bs", "batchsize", NULL};

/* How many ms one unit of a column is, by the end of its name ("latency_us", "Latency (us)",
 * "wall [s]"); NaN: it does not say, or it is no time. */
static double unit_of(const char *name, const char **ret_unit)
{
    static const struct {
        const char *word;
        double scale;
        const char *unit;
    } units[] = {
        {"ms", 1, "ms"},       {"msec", 1, "ms"},     {"millis", 1, "ms"},    {"us", 1e-3, "us"},
        {"usec", 1e-3, "us"},  {"µs", 1e-3, "us"},    {"micros", 1e-3, "us"}, {"ns", 1e-6, "ns"},
        {"nsec", 1e-6, "ns"},  {"nanos", 1e-6, "ns"}, {"s", 1e3, "s"},        {"sec", 1e3, "s"},
        {"seconds", 1e3, "s"}, {"min", 6e4, "min"},   {"w", NAN, "W"},        {"mb", NAN, "MB"},
        {"pct", NAN, "%"},     {"percent", NAN, "%"}, {"c", NAN, "°C"},       {"fps", NAN, "1/s"},
    };
    size_t end = strlen(name);
    while (end > 0 && strchr(" )]", name[end - 1]))
        end--;
    size_t begin = end;
    while (begin > 0 && !strchr("_ ([./", name[begin - 1]))
        begin--;
    bool is_old_time = strcasecmp(name, "inference_time") == 0; /* of the old toolkit */
    *ret_unit = is_old_time ? "s" : "";
    for (size_t i = 0; i < ARRAY_LEN(units) && begin > 0; i++) {
        if (strlen(units[i].word) != end - begin ||
            strncasecmp(name + begin, units[i].word, end - begin) != 0)
            continue;
        *ret_unit = units[i].unit;
        return units[i].scale;
    }
    return is_old_time ? 1e3 : NAN;
}

void group_columns_choose(const struct groups_options *options, struct group_columns *columns)
{
    bool is_named = options->column != NULL;
    columns->wants[WANT_VALUE] =
        (struct csv_want){.name = is_named ? options->column : "latency_ms",
                          .synonyms = is_named ? NULL : latency_names,
                          .kind = CSV_NUMBER,
                          .is_required = true};
    columns->wants[WANT_TIME] =
        (struct csv_want){.name = "timestamp", .synonyms = time_names, .kind = CSV_LAZY_TIME};
    columns->wants[WANT_POWER] =
        (struct csv_want){.name = "power_w", .synonyms = power_names, .kind = CSV_NUMBER};
    columns->wants[WANT_WARMUP] = (struct csv_want){.name = "is_warmup", .kind = CSV_TEXT};
    columns->count = WANT_KEYS;
    static const struct csv_want usual[] = {
        {.name = "run_label", .synonyms = label_names, .kind = CSV_TEXT},
        {.name = "workload", .synonyms = workload_names, .kind = CSV_TEXT},
        {.name = "batch_size", .synonyms = batch_names, .kind = CSV_TEXT},
    };
    for (size_t i = 0; options->key_count == 0 && i < ARRAY_LEN(usual); i++)
        columns->wants[columns->count++] = usual[i];
    for (size_t i = 0; i < options->key_count; i++)
        columns->wants[columns->count++] =
            (struct csv_want){.name = options->keys[i], .kind = CSV_TEXT, .is_required = true};
}

bool group_columns_drop_absent(const struct csv *csv, struct group_columns *columns)
{
    size_t to = WANT_KEYS;
    for (size_t i = WANT_KEYS; i < columns->count; i++) {
        if (csv_column_of(csv, i) >= 0)
            columns->wants[to++] = columns->wants[i];
    }
    bool changed = to != columns->count;
    columns->count = to;
    return changed;
}

void group_columns_describe(const struct csv *csv, const struct group_columns *columns,
                            struct grouping *grouping)
{
    struct groups *groups = grouping->groups;
    groups->column =
        arena_strdup(&groups->arena, csv_column_name(csv, (size_t)csv_column_of(csv, WANT_VALUE)));
    double scale = groups->column ? unit_of(groups->column, &groups->unit) : NAN;
    grouping->scale = grouping->options->is_latency && !isnan(scale) ? scale : 1;
    if (grouping->options->is_latency)
        groups->unit = "ms";
    for (size_t i = WANT_KEYS; i < columns->count; i++) {
        const char *name = csv_column_name(csv, (size_t)csv_column_of(csv, i));
        size_t length = strlen(groups->keys);
        snprintf(groups->keys + length, sizeof(groups->keys) - length, "%s%s", length ? ", " : "",
                 name);
        grouping->key_is_batch[i - WANT_KEYS] =
            strcasecmp(columns->wants[i].name, "batch_size") == 0;
    }
    grouping->key_count = columns->count - WANT_KEYS;
}
