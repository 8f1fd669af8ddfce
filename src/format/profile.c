/* profile.c: see profile.h. */
#include "format/profile.h"

#include <math.h>
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
    const struct yaml_node *memory_node; /* its limit is made once the headroom is known */
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

/* Items tell their own place: bad_value knows only names. */
static int at_node(const struct yaml_node *node, int rc, struct error *err)
{
    if (rc < 0)
        error_at(err, "", node->line, node->column);
    return rc;
}

static int read_text(struct reader *reader, const struct yaml_node *node, const char **ret,
                     struct error *err)
{
    if (node->kind != YAML_SCALAR)
        return bad_value(node, err, "text");
    char *text = arena_strdup(&reader->profile->arena, node->scalar);
    if (!text)
        return error_set(err, ERROR_NOMEM, "out of memory");
    str_make_printable(text);
    *ret = text;
    return 0;
}

static int read_bool(const struct yaml_node *node, bool *ret, struct error *err)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
    for (size_t i = 0; node->kind == YAML_SCALAR && i < ARRAY_LEN(words); i++) {
        if (strcmp(node->scalar, words[i]) == 0) {
            *ret = i % 2 == 1;
            return 0;
        }
    }
    return bad_value(node, err, "true or false");
}

/* ---- lists, and mappings of details ------------------------------------------------------- */

static size_t count_items(const struct yaml_node *list)
{
    size_t count = 0;
    for (const struct yaml_node *item = list->child; item; item = item->next)
        count++;
    return count;
}

static int read_texts(struct reader *reader, const struct yaml_node *list,
                      struct profile_texts *ret, struct error *err)
{
    if (list->kind != YAML_SEQUENCE)
        return bad_value(list, err, "a list of words such as [one, two]");
    size_t count = count_items(list);
    ret->items = arena_alloc(&reader->profile->arena, (count + 1) * sizeof(*ret->items));
    if (!ret->items)
        return error_set(err, ERROR_NOMEM, "out of memory");
    for (const struct yaml_node *item = list->child; item; item = item->next) {
        int rc = at_node(item, read_text(reader, item, &ret->items[ret->count], err), err);
        if (rc < 0)
            return rc;
        ret->count++;
    }
    return 0;
}

/* Of percentiles and batch sizes. */
static int read_numbers(struct reader *reader, const struct yaml_node *list, bool whole, double max,
                        struct profile_numbers *ret, struct error *err)
{
    if (list->kind != YAML_SEQUENCE)
        return bad_value(list, err, "a list of numbers such as [1, 4, 8]");
    size_t count = count_items(list);
    ret->items = arena_alloc(&reader->profile->arena, (count + 1) * sizeof(*ret->items));
    if (!ret->items)
        return error_set(err, ERROR_NOMEM, "out of memory");
    for (const struct yaml_node *item = list->child; item; item = item->next) {
        double value = 0;
        int rc = node_number(item, 0, &value, err);
        if (rc == 0 && (value <= 0 || value > max || (whole && value != floor(value))))
            rc = bad_value(item, err,
                           whole ? "a whole number from 1 to 65536"
                                 : "a percentile above 0, at most 100");
        if (at_node(item, rc, err) < 0)
            return rc;
        ret->items[ret->count++] = value;
    }
    return 0;
}

struct detail_key {
    const char *name;
    enum profile_kind kind;
};

/* What the old toolkit's profiles say there. */
static const struct detail_key synthetic_keys[] = {
    {"jitter_percent", PROFILE_NUMBER}, {"spike_probability", PROFILE_NUMBER},
    {"gpu_percent", PROFILE_NUMBER},    {"power_idle_w", PROFILE_NUMBER},
    {"power_max_w", PROFILE_NUMBER},    {"warmup_samples", PROFILE_NUMBER},
    {"pattern", PROFILE_TEXT},          {NULL, PROFILE_TEXT},
};
static const struct detail_key analysis_keys[] = {
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

#define DETAIL_KEYS_MAX 16

static int fail_unknown_detail(const struct yaml_node *node, const char *mapping,
                               const struct detail_key *known, struct error *err)
{
    const char *names[DETAIL_KEYS_MAX];
    size_t count = 0;
    for (; known[count].name && count < DETAIL_KEYS_MAX; count++)
        names[count] = known[count].name;
    error_set(err, ERROR_INPUT, "unknown key '%s' in %s of a profile", node->key, mapping);
    int nearest = str_nearest(node->key, names, count);
    if (nearest >= 0)
        error_hint(err, "did you mean %s?", names[nearest]);
    return error_at(err, "", node->key_line, node->key_column);
}

static int read_details(struct reader *reader, const struct yaml_node *mapping,
                        const struct detail_key *known, struct profile_details *ret,
                        struct error *err)
{
    if (mapping->kind != YAML_MAPPING)
        return bad_value(mapping, err, "a mapping of keys to values");
    size_t count = count_items(mapping);
    ret->items = arena_alloc(&reader->profile->arena, (count + 1) * sizeof(*ret->items));
    if (!ret->items)
        return error_set(err, ERROR_NOMEM, "out of memory");
    for (const struct yaml_node *node = mapping->child; node; node = node->next) {
        const struct detail_key *key = known;
        while (key->name && strcmp(key->name, node->key) != 0)
            key++;
        if (!key->name)
            return fail_unknown_detail(node, mapping->key, known, err);
        struct profile_detail *detail = &ret->items[ret->count];
        detail->key = key->name;
        detail->kind = key->kind;
        int rc = read_text(reader, node, &detail->text, err);
        if (rc == 0 && key->kind == PROFILE_NUMBER)
            rc = node_number(node, 0, &detail->number, err);
        else if (rc == 0 && key->kind == PROFILE_BOOL)
            rc = read_bool(node, &detail->boolean, err);
        if (at_node(node, rc, err) < 0)
            return rc;
        ret->count++;
    }
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
    if (name) {
        str_copy(limit->name, sizeof(limit->name), name);
        str_make_printable(limit->name);
    }
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
    int rc = node_number(node, 0, &value, err);
    if (rc < 0)
        return rc;
    if (value * unit_ns > 1e18 || value * unit_ns < 1)
        return bad_value(node, err, "a time between 1 ns and 30 years");
    *ret_ns = (uint64_t)(value * unit_ns);
    return 0;
}

static int fail_unknown_key(const struct yaml_node *node, struct error *err)
{
    error_set(err, ERROR_INPUT, "unknown key '%s' in a profile", node->key);
    int nearest = str_nearest(node->key, key_names, KEY_COUNT);
    if (nearest >= 0)
        error_hint(err, "did you mean %s?", key_names[nearest]);
    return error_at(err, "", node->key_line, node->key_column);
}

static int read_informative(struct reader *reader, enum key key, const struct yaml_node *node,
                            struct error *err)
{
    struct profile *profile = reader->profile;
    switch (key) {
    case KEY_LATENCY_TARGET:
        return node_number(node, 0, &profile->latency_target_ms, err);
    case KEY_THROUGHPUT_TARGET:
        return node_number(node, 0, &profile->throughput_target_fps, err);
    case KEY_PERCENTILES:
        return read_numbers(reader, node, false, 100, &profile->percentiles, err);
    case KEY_BATCH_SIZES:
        return read_numbers(reader, node, true, 65536, &profile->batch_sizes, err);
    case KEY_COLLECTORS:
        return read_texts(reader, node, &profile->collectors, err);
    case KEY_TAGS:
        return read_texts(reader, node, &profile->tags, err);
    case KEY_CONTINUOUS:
        profile->has_continuous_monitoring = true;
        return read_bool(node, &profile->continuous_monitoring, err);
    case KEY_SYNTHETIC:
        return read_details(reader, node, synthetic_keys, &profile->synthetic, err);
    case KEY_ANALYSIS:
        return read_details(reader, node, analysis_keys, &profile->analysis, err);
    default:
        return fail_unknown_key(node, err);
    }
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
        return node_number(node, 0, &profile->memory_limit_mb, err);
    case KEY_HEADROOM:
        return node_number(node, 0, &profile->memory_headroom_percent, err);
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
    default:
        return read_informative(reader, (enum key)key, node, err);
    }
}

static int finish_memory(struct reader *reader, struct error *err)
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

static int read_document(const struct yaml_document *doc, struct reader *reader, const char *path,
                         struct error *err)
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
        error_at(err, path, reader->memory_node->line, reader->memory_node->column);
    return rc;
}

static int read_profile(struct yaml_document *doc, const char *path, const struct metric *own,
                        size_t own_count, struct profile *ret_profile, struct error *err)
{
    struct profile profile = {.memory_limit_mb = NAN,
                              .memory_headroom_percent = NAN,
                              .latency_target_ms = NAN,
                              .throughput_target_fps = NAN};
    struct reader reader = {.profile = &profile, .own = own, .own_count = own_count};
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
