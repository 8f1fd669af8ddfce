/* profile.c: see profile.h. */
#include "format/profile.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/unit.h"
#include "base/util.h"
#include "format/profile_internal.h"

/* ---- limits ------------------------------------------------------------------------------- */

static int add_limit(struct profile_reader *reader, const char *name, const char *text,
                     struct error *err)
{
    struct profile *profile = reader->profile;
    if (profile->limit_count == PROFILE_LIMITS_MAX)
        return error_set(err, ERROR_INPUT, "more than %d limits", PROFILE_LIMITS_MAX);
    struct limit *limit = &profile->limits[profile->limit_count];
    int rc = limit_parse(text, "profile", reader->own, reader->own_count, limit, err);
    if (rc < 0)
        return rc;
    if (name) {
        str_copy(limit->name, sizeof(limit->name), name);
        str_make_printable(limit->name);
    }
    profile->limit_count++;
    return 0;
}

static int add_named_limit(struct profile_reader *reader, const struct yaml_node *node,
                           const char *name, const char *format, struct error *err)
{
    double bound = 0;
    char text[96], number[32];
    int rc = profile_number(node, 0, &bound, err);
    if (rc < 0)
        return rc;
    snprintf(text, sizeof(text), "%s%s", format, unit_format_number(bound, 9, number, 32));
    return add_limit(reader, name, text, err);
}

static int read_limits(struct profile_reader *reader, const struct yaml_node *list,
                       struct error *err)
{
    if (list->kind != YAML_SEQUENCE)
        return profile_bad_value(list, err, "a list of limits such as 'p99(wall_ms)<=250'");
    for (const struct yaml_node *item = list->child; item; item = item->next) {
        const struct yaml_node *name = NULL, *text = item;
        const struct yaml_node *unknown = NULL;
        if (item->kind == YAML_MAPPING) {
            name = yaml_get(item, "name");
            text = yaml_get(item, "limit");
            for (unknown = item->child; unknown; unknown = unknown->next)
                if (unknown != name && unknown != text)
                    break;
        }
        int rc = 0;
        if (unknown) {
            rc = error_set(err, ERROR_INPUT, "a limit has a name and a limit, not '%s'",
                           unknown->key);
            error_at(err, "", unknown->key_line, unknown->key_column);
            return rc;
        }
        if (!text || text->kind != YAML_SCALAR || (name && name->kind != YAML_SCALAR))
            rc = profile_bad_value(list, err, "limits as text, or {name: …, limit: …}");
        else
            rc = add_limit(reader, name ? name->scalar : NULL, text->scalar, err);
        if (rc < 0) {
            error_at(err, "", item->line, item->column);
            return rc;
        }
    }
    return 0;
}

/* What the old toolkit's profiles say of details. */
static const struct profile_detail_key synthetic_keys[] = {
    {"jitter_percent", PROFILE_NUMBER}, {"spike_probability", PROFILE_NUMBER},
    {"gpu_percent", PROFILE_NUMBER},    {"power_idle_w", PROFILE_NUMBER},
    {"power_max_w", PROFILE_NUMBER},    {"warmup_samples", PROFILE_NUMBER},
    {"pattern", PROFILE_TEXT},          {NULL, PROFILE_TEXT},
};
static const struct profile_detail_key analysis_keys[] = {
    {"zscore_threshold", PROFILE_NUMBER},
    {"cv_threshold_low", PROFILE_NUMBER},
    {"cv_threshold_moderate", PROFILE_NUMBER},
    {"cv_threshold_high", PROFILE_NUMBER},
    {"outlier_method", PROFILE_TEXT},
    {"power_column", PROFILE_TEXT},
    {"latency_column", PROFILE_TEXT},
    {"throughput_column", PROFILE_TEXT},
    {"group_by", PROFILE_TEXT},
    {"include_pareto_analysis", PROFILE_BOOL},
    {NULL, PROFILE_TEXT},
};

/* ---- keys --------------------------------------------------------------------------------- */

enum key {
    KEY_NAME,
    KEY_DESCRIPTION,
    KEY_LIMITS,
    KEY_LATENCY,
    KEY_THROUGHPUT,
    KEY_POWER,
    KEY_THERMAL,
    KEY_MEMORY,
    KEY_HEADROOM,
    KEY_DEADLINE,
    KEY_MISSED,
    KEY_WARMUP,
    KEY_UNITS,
    KEY_INVOCATIONS,
    KEY_DURATION,
    KEY_INTERVAL,
    KEY_LATENCY_TARGET,
    KEY_THROUGHPUT_TARGET,
    KEY_PERCENTILES,
    KEY_BATCH_SIZES,
    KEY_COLLECTORS,
    KEY_TAGS,
    KEY_CONTINUOUS,
    KEY_SYNTHETIC,
    KEY_ANALYSIS,
    KEY_COUNT
};

static const char *const key_names[KEY_COUNT] = {
    [KEY_NAME] = "name",
    [KEY_DESCRIPTION] = "description",
    [KEY_LIMITS] = "limits",
    [KEY_LATENCY] = "latency_threshold_ms",
    [KEY_THROUGHPUT] = "throughput_min_fps",
    [KEY_POWER] = "power_budget_w",
    [KEY_THERMAL] = "thermal_limit_c",
    [KEY_MEMORY] = "memory_limit_mb",
    [KEY_HEADROOM] = "memory_headroom_percent",
    [KEY_DEADLINE] = "deadline_ms",
    [KEY_MISSED] = "max_missed_pct",
    [KEY_WARMUP] = "warmup_iterations",
    [KEY_UNITS] = "test_iterations",
    [KEY_INVOCATIONS] = "num_runs",
    [KEY_DURATION] = "duration_seconds",
    [KEY_INTERVAL] = "sample_interval_ms",
    [KEY_LATENCY_TARGET] = "latency_target_ms",
    [KEY_THROUGHPUT_TARGET] = "throughput_target_fps",
    [KEY_PERCENTILES] = "percentiles",
    [KEY_BATCH_SIZES] = "batch_sizes",
    [KEY_COLLECTORS] = "collectors",
    [KEY_TAGS] = "tags",
    [KEY_CONTINUOUS] = "continuous_monitoring",
    [KEY_SYNTHETIC] = "synthetic",
    [KEY_ANALYSIS] = "analysis",
};

static int read_time(const struct yaml_node *node, double unit_ns, uint64_t *ret_ns,
                     struct error *err)
{
    double value = 0;
    int rc = profile_number(node, 0, &value, err);
    if (rc < 0)
        return rc;
    if (value * unit_ns > 1e18 || value * unit_ns < 1)
        return profile_bad_value(node, err, "a time between 1 ns and 30 years");
    *ret_ns = (uint64_t)(value * unit_ns);
    return 0;
}

static int read_deadline(const struct yaml_node *node, double *ret_ms, struct error *err)
{
    int rc = profile_number(node, 0, ret_ms, err);
    return rc == 0 && *ret_ms <= 0 ? profile_bad_value(node, err, "a number above 0") : rc;
}

static int read_missed(const struct yaml_node *node, double *ret_pct, struct error *err)
{
    int rc = profile_number(node, 0, ret_pct, err);
    return rc == 0 && *ret_pct >= 100
               ? profile_bad_value(node, err, "a share of at least 0 and below 100 percent")
               : rc;
}

static int fail_unknown_key(const struct yaml_node *node, struct error *err)
{
    error_set(err, ERROR_INPUT, "unknown key '%s' in a profile", node->key);
    int nearest = str_nearest(node->key, key_names, KEY_COUNT);
    if (nearest >= 0)
        error_hint(err, "did you mean %s?", key_names[nearest]);
    return error_at(err, "", node->key_line, node->key_column);
}

static int read_informative(struct profile_reader *reader, enum key key,
                            const struct yaml_node *node, struct error *err)
{
    struct profile *profile = reader->profile;
    switch (key) {
    case KEY_LATENCY_TARGET:
        return profile_number(node, 0, &profile->latency_target_ms, err);
    case KEY_THROUGHPUT_TARGET:
        return profile_number(node, 0, &profile->throughput_target_fps, err);
    case KEY_PERCENTILES:
        return profile_numbers_read(reader, node, false, 100, &profile->percentiles, err);
    case KEY_BATCH_SIZES:
        return profile_numbers_read(reader, node, true, 65536, &profile->batch_sizes, err);
    case KEY_COLLECTORS:
        return profile_texts_read(reader, node, &profile->collectors, err);
    case KEY_TAGS:
        return profile_texts_read(reader, node, &profile->tags, err);
    case KEY_CONTINUOUS:
        profile->has_continuous_monitoring = true;
        return profile_bool(node, &profile->continuous_monitoring, err);
    case KEY_SYNTHETIC:
        return profile_details_read(reader, node, synthetic_keys, &profile->synthetic, err);
    case KEY_ANALYSIS:
        return profile_details_read(reader, node, analysis_keys, &profile->analysis, err);
    default:
        return fail_unknown_key(node, err);
    }
}

static int read_key(struct profile_reader *reader, const struct yaml_node *node, struct error *err)
{
    struct profile *profile = reader->profile;
    int key = 0;
    while (key < KEY_COUNT && strcmp(key_names[key], node->key) != 0)
        key++;
    switch ((enum key)key) {
    case KEY_NAME:
        return profile_text(reader, node, &profile->name, err);
    case KEY_DESCRIPTION:
        return profile_text(reader, node, &profile->description, err);
    case KEY_LIMITS:
        return read_limits(reader, node, err);
    case KEY_LATENCY:
        return add_named_limit(reader, node, "latency", "p99(latency_ms)<=", err);
    case KEY_THROUGHPUT:
        return add_named_limit(reader, node, "throughput", "mean(throughput_per_s)>=", err);
    case KEY_POWER:
        return add_named_limit(reader, node, "power", "mean(power_w)<=", err);
    case KEY_THERMAL:
        return add_named_limit(reader, node, "thermal", "max(temp_c)<=", err);
    case KEY_MEMORY:
        reader->memory_node = node;
        return profile_number(node, 0, &profile->memory_limit_mb, err);
    case KEY_HEADROOM:
        return profile_number(node, 0, &profile->memory_headroom_percent, err);
    case KEY_DEADLINE:
        reader->deadline_node = node;
        return read_deadline(node, &profile->deadline_ms, err);
    case KEY_MISSED:
        reader->missed_node = node;
        return read_missed(node, &profile->max_missed_pct, err);
    case KEY_WARMUP:
        profile->has_warmup = true;
        return profile_count(node, 0, &profile->warmup_units, err);
    case KEY_UNITS:
        return profile_count(node, 1, &profile->units, err);
    case KEY_INVOCATIONS:
        return profile_count(node, 1, &profile->invocations, err);
    case KEY_DURATION:
        return read_time(node, 1e9, &profile->duration_ns, err);
    case KEY_INTERVAL:
        return read_time(node, 1e6, &profile->interval_ns, err);
    default:
        return read_informative(reader, (enum key)key, node, err);
    }
}

static int finish_memory(struct profile_reader *reader, struct error *err)
{
    const struct profile *profile = reader->profile;
    double headroom = profile->memory_headroom_percent;
    char text[96], number[32];
    if (!reader->memory_node)
        return 0;
    if (headroom >= 100)
        return error_set(err, ERROR_INPUT, "memory_headroom_percent must be below 100");
    double bound = profile->memory_limit_mb * (1 - (isnan(headroom) ? 0 : headroom) / 100);
    snprintf(text, sizeof(text), "max(peak_tree_rss_mb)<=%s",
             unit_format_number(bound, 9, number, sizeof(number)));
    return add_limit(reader, "memory", text, err);
}

/* At most Y percent may take longer: the (100-Y)th percentile lies within the deadline. */
static int finish_missed(struct profile_reader *reader, struct error *err)
{
    const struct profile *profile = reader->profile;
    char text[96], percentile[32], bound[32];
    if (!reader->missed_node)
        return 0;
    if (!reader->deadline_node)
        return error_set(err, ERROR_INPUT, "max_missed_pct needs deadline_ms");
    unit_format_number(profile->deadline_ms, 9, bound, sizeof(bound));
    unit_format_number(100 - profile->max_missed_pct, 9, percentile, sizeof(percentile));
    if (strcmp(percentile, "100") == 0)
        snprintf(text, sizeof(text), "max(latency_ms)<=%s", bound);
    else
        snprintf(text, sizeof(text), "p%s(latency_ms)<=%s", percentile, bound);
    return add_limit(reader, "missed", text, err);
}

/* "profiles/night.yaml" -> "night" */
static const char *name_from_path(struct arena *arena, const char *path)
{
    const char *base = strrchr(path, '/');
    base = base ? base + 1 : path;
    size_t length = strlen(base);
    if (str_ends_with(base, ".yaml"))
        length -= strlen(".yaml");
    return arena_strndup(arena, base, length);
}

static int read_document(const struct yaml_document *doc, struct profile_reader *reader,
                         const char *path, struct error *err)
{
    if (!doc->root || doc->root->kind != YAML_MAPPING) {
        error_set(err, ERROR_INPUT, "a profile is a mapping of keys to values");
        return error_at(err, path, 1, 1);
    }
    for (const struct yaml_node *node = doc->root->child; node; node = node->next) {
        struct error mistake = {0};
        int rc = read_key(reader, node, &mistake);
        if (rc < 0) {
            error_at(&mistake, path, mistake.line ? mistake.line : node->line,
                     mistake.line ? mistake.column : node->column);
            if (err)
                *err = mistake;
            return rc;
        }
    }
    int rc = finish_memory(reader, err);
    if (rc < 0)
        return error_at(err, path, reader->memory_node->line, reader->memory_node->column), rc;
    rc = finish_missed(reader, err);
    if (rc < 0)
        error_at(err, path, reader->missed_node->line, reader->missed_node->column);
    return rc;
}

static int read_profile(struct yaml_document *doc, const char *path, const struct metric *own,
                        size_t own_count, struct profile *ret_profile, struct error *err)
{
    struct profile profile = {.memory_limit_mb = NAN,
                              .memory_headroom_percent = NAN,
                              .deadline_ms = NAN,
                              .max_missed_pct = NAN,
                              .latency_target_ms = NAN,
                              .throughput_target_fps = NAN};
    struct profile_reader reader = {.profile = &profile, .own = own, .own_count = own_count};
    int rc = read_document(doc, &reader, path, err);
    yaml_deinit(doc);
    if (rc == 0 && !profile.name && !(profile.name = name_from_path(&profile.arena, path)))
        rc = error_set(err, ERROR_NOMEM, "out of memory");
    if (rc < 0) {
        profile_deinit(&profile);
        return rc;
    }
    *ret_profile = profile;
    return 0;
}

int profile_read_text(const char *text, size_t size, const char *path, const struct metric *own,
                      size_t own_count, struct profile *ret_profile, struct error *err)
{
    struct yaml_document doc = {0};
    int rc = yaml_parse_text(text, size, path, &doc, err);
    return rc < 0 ? rc : read_profile(&doc, path, own, own_count, ret_profile, err);
}

int profile_read(const char *path, const struct metric *own, size_t own_count,
                 struct profile *ret_profile, struct error *err)
{
    struct yaml_document doc = {0};
    int rc = yaml_parse_file(path, &doc, err);
    if (rc == 0)
        rc = read_profile(&doc, path, own, own_count, ret_profile, err);
    if (rc < 0)
        return rc;
    ret_profile->path = arena_strdup(&ret_profile->arena, path);
    if (ret_profile->path)
        return 0;
    profile_deinit(ret_profile);
    *ret_profile = (struct profile){0};
    return error_set(err, ERROR_NOMEM, "out of memory");
}

void profile_deinit(struct profile *profile)
{
    arena_deinit(&profile->arena);
}
