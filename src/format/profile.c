/* profile.c: see profile.h. */
#include "format/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/unit.h"
#include "base/util.h"
#include "base/yaml.h"

struct reader {
    struct profile *profile;
    const struct metric *own;
    size_t own_count;
    double memory_limit_mb, headroom_pct; /* combined once both are known */
    const struct yaml_node *memory_node;
};

/* ---- values ------------------------------------------------------------------------------- */

static int bad_value(const struct yaml_node *node, struct error *err, const char *expected)
{
    return error_set(err, ERROR_INPUT, "%s: expected %s", node->key ? node->key : "list item",
                     expected);
}

static int node_number(const struct yaml_node *node, double min, double *ret, struct error *err)
{
    double value;
    if (node->kind != YAML_SCALAR || unit_parse_double(node->scalar, &value, NULL) < 0 ||
        value < min)
        return bad_value(node, err, min > 0 ? "a number above 0" : "a number of at least 0");
    *ret = value;
    return 0;
}

static int node_count(const struct yaml_node *node, uint64_t min, uint64_t *ret, struct error *err)
{
    if (node->kind != YAML_SCALAR || unit_parse_u64(node->scalar, min, 1000000000, ret, NULL) < 0)
        return bad_value(node, err, "a whole number");
    return 0;
}

/* ---- limits ------------------------------------------------------------------------------- */

static int add_limit(struct reader *reader, const char *name, const char *text, struct error *err)
{
    struct profile *profile = reader->profile;
    if (profile->limit_count == PROFILE_LIMITS_MAX)
        return error_set(err, ERROR_INPUT, "more than %d limits", PROFILE_LIMITS_MAX);
    struct limit *limit = &profile->limits[profile->limit_count];
    int rc = limit_parse(text, "profile", reader->own, reader->own_count, limit, err);
    if (rc < 0)
        return rc;
    if (name)
        str_copy(limit->name, sizeof(limit->name), name);
    profile->limit_count++;
    return 0;
}

static int add_named_limit(struct reader *reader, const struct yaml_node *node, const char *name,
                           const char *format, struct error *err)
{
    double bound = 0;
    char text[96], number[32];
    int rc = node_number(node, 0, &bound, err);
    if (rc < 0)
        return rc;
    snprintf(text, sizeof(text), "%s%s", format, unit_format_number(bound, 9, number, 32));
    return add_limit(reader, name, text, err);
}

static int read_limits(struct reader *reader, const struct yaml_node *list, struct error *err)
{
    if (list->kind != YAML_SEQUENCE)
        return bad_value(list, err, "a list of limits such as 'p99(wall_ms)<=250'");
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
            rc = bad_value(list, err, "limits as text, or {name: …, limit: …}");
        else
            rc = add_limit(reader, name ? name->scalar : NULL, text->scalar, err);
        if (rc < 0) {
            error_at(err, "", item->line, item->column);
            return rc;
        }
    }
    return 0;
}

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
    KEY_WARMUP,
    KEY_UNITS,
    KEY_INVOCATIONS,
    KEY_DURATION,
    KEY_INTERVAL,
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
    [KEY_WARMUP] = "warmup_iterations",
    [KEY_UNITS] = "test_iterations",
    [KEY_INVOCATIONS] = "num_runs",
    [KEY_DURATION] = "duration_seconds",
    [KEY_INTERVAL] = "sample_interval_ms",
};

static int read_text(struct reader *reader, const struct yaml_node *node, const char **ret,
                     struct error *err)
{
    if (node->kind != YAML_SCALAR)
        return bad_value(node, err, "text");
    *ret = arena_strdup(&reader->profile->arena, node->scalar);
    return *ret ? 0 : error_set(err, ERROR_NOMEM, "out of memory");
}

static int read_time(const struct yaml_node *node, double unit_ns, uint64_t *ret_ns,
                     struct error *err)
{
    double value = 0;
    int rc = node_number(node, 0, &value, err);
    if (rc < 0)
        return rc;
    if (value * unit_ns > 1e18 || value * unit_ns < 1)
        return bad_value(node, err, "a time between 1 ns and 30 years");
    *ret_ns = (uint64_t)(value * unit_ns);
    return 0;
}

static int read_key(struct reader *reader, const struct yaml_node *node, struct error *err)
{
    struct profile *profile = reader->profile;
    int key = 0;
    while (key < KEY_COUNT && strcmp(key_names[key], node->key) != 0)
        key++;
    switch ((enum key)key) {
    case KEY_NAME:
        return read_text(reader, node, &profile->name, err);
    case KEY_DESCRIPTION:
        return read_text(reader, node, &profile->description, err);
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
        return node_number(node, 0, &reader->memory_limit_mb, err);
    case KEY_HEADROOM:
        return node_number(node, 0, &reader->headroom_pct, err);
    case KEY_WARMUP:
        profile->has_warmup = true;
        return node_count(node, 0, &profile->warmup_units, err);
    case KEY_UNITS:
        return node_count(node, 1, &profile->units, err);
    case KEY_INVOCATIONS:
        return node_count(node, 1, &profile->invocations, err);
    case KEY_DURATION:
        return read_time(node, 1e9, &profile->duration_ns, err);
    case KEY_INTERVAL:
        return read_time(node, 1e6, &profile->interval_ns, err);
    case KEY_COUNT:
        break;
    }
    error_set(err, ERROR_INPUT, "unknown key '%s' in a profile", node->key);
    int nearest = str_nearest(node->key, key_names, KEY_COUNT);
    if (nearest >= 0)
        error_hint(err, "did you mean %s?", key_names[nearest]);
    return -ERROR_INPUT;
}

static int finish_memory(struct reader *reader, struct error *err)
{
    char text[96], number[32];
    if (!reader->memory_node)
        return 0;
    if (reader->headroom_pct >= 100)
        return error_set(err, ERROR_INPUT, "memory_headroom_percent must be below 100");
    double bound = reader->memory_limit_mb * (1 - reader->headroom_pct / 100);
    snprintf(text, sizeof(text), "max(peak_tree_rss_mb)<=%s",
             unit_format_number(bound, 9, number, sizeof(number)));
    return add_limit(reader, "memory", text, err);
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

int profile_read(const char *path, const struct metric *own, size_t own_count,
                 struct profile *ret_profile, struct error *err)
{
    struct profile profile = {0};
    struct reader reader = {.profile = &profile, .own = own, .own_count = own_count};
    struct yaml_document doc = {0};
    int rc = yaml_parse_file(path, &doc, err);
    if (rc < 0)
        return rc;
    if (!doc.root || doc.root->kind != YAML_MAPPING) {
        error_set(err, ERROR_INPUT, "a profile is a mapping of keys to values");
        rc = error_at(err, path, 1, 1);
    }
    for (const struct yaml_node *node = rc ? NULL : doc.root->child; node && rc == 0;
         node = node->next) {
        rc = read_key(&reader, node, err);
        if (rc < 0 && err)
            error_at(err, path, err->line ? err->line : node->line,
                     err->line ? err->column : node->column);
    }
    if (rc == 0 && (rc = finish_memory(&reader, err)) < 0)
        error_at(err, path, reader.memory_node->line, reader.memory_node->column);
    yaml_deinit(&doc);
    if (rc == 0 && !profile.name && !(profile.name = name_from_path(&profile.arena, path)))
        rc = error_set(err, ERROR_NOMEM, "out of memory");
    if (rc < 0) {
        profile_deinit(&profile);
        return rc;
    }
    *ret_profile = profile;
    return 0;
}

void profile_deinit(struct profile *profile)
{
    arena_deinit(&profile->arena);
}
