/* settings.c: the table and the values of settings.h; tacho.yaml is settings_file.c. */
#include "base/settings.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "base/unit.h"
#include "base/util.h"

const struct setting settings_table[SETTING_COUNT] = {
#define SETTING_ROW(id, key, aliases, type, min, max, choices, default_text, env, flag,            \
                    short_flag, arg, commands, help)                                               \
    [SETTING_##id] = {key, aliases, SETTING_TYPE_##type, min, max,      choices, default_text,     \
                      env, flag,    short_flag,          arg, commands, help},
    SETTINGS_TABLE(SETTING_ROW)
#undef SETTING_ROW
};

#define CHOICES_MAX 16

static bool is_unbounded(const struct setting *setting)
{
    return setting->min == 0 && setting->max == 0;
}

static int parse_bool(const char *text, bool *ret, struct error *err)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"true", true}, {"false", false}, {"yes", true}, {"no", false},
                 {"on", true},   {"off", false},   {"1", true},   {"0", false}};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcasecmp(text, words[i].word) == 0) {
            *ret = words[i].value;
            return 0;
        }
    }
    return error_set(err, ERROR_INPUT, "'%s' is neither true nor false", text);
}

static int parse_double(const struct setting *setting, const char *text, double *ret,
                        struct error *err)
{
    double value;
    int code = unit_parse_double(text, &value, NULL);
    bool fits = is_unbounded(setting) ? value >= 0 : value >= setting->min && value <= setting->max;
    if (code == 0 && fits) {
        *ret = value;
        return 0;
    }
    if (is_unbounded(setting))
        return error_set(err, ERROR_INPUT, "'%s' is not a number of at least 0", text);
    return error_set(err, ERROR_INPUT, "'%s' is not a number between %g and %g", text, setting->min,
                     setting->max);
}

static int parse_duration(const struct setting *setting, const char *text, uint64_t *ret_ns,
                          struct error *err)
{
    uint64_t ns;
    int code = unit_parse_duration(text, &ns, err);
    if (code < 0)
        return code;
    double seconds = (double)ns / 1e9;
    if (!is_unbounded(setting) && (seconds < setting->min || seconds > setting->max)) {
        char low[32], high[32];
        return error_set(err, ERROR_INPUT, "'%s' is not a duration between %s and %s", text,
                         unit_format_ns(setting->min * 1e9, low, sizeof(low)),
                         unit_format_ns(setting->max * 1e9, high, sizeof(high)));
    }
    *ret_ns = ns;
    return 0;
}

static int parse_size(const struct setting *setting, const char *text, uint64_t *ret_bytes,
                      struct error *err)
{
    uint64_t bytes;
    int code = unit_parse_size(text, &bytes, err);
    if (code < 0)
        return code;
    if (!is_unbounded(setting) && ((double)bytes < setting->min || (double)bytes > setting->max)) {
        char low[32], high[32];
        return error_set(err, ERROR_INPUT, "'%s' is not a size between %s and %s", text,
                         unit_format_bytes(setting->min, low, sizeof(low)),
                         unit_format_bytes(setting->max, high, sizeof(high)));
    }
    *ret_bytes = bytes;
    return 0;
}

static int parse_choice(const struct setting *setting, const char *text, struct error *err)
{
    char copy[256];
    const char *names[CHOICES_MAX];
    size_t count = 0;
    str_copy(copy, sizeof(copy), setting->choices);
    char *rest = copy;
    for (char *name; count < CHOICES_MAX && (name = strsep(&rest, ",")) != NULL;) {
        if (strcmp(name, text) == 0)
            return 0;
        names[count++] = name;
    }
    int code = error_set(err, ERROR_INPUT, "'%s' is not one of %s", text, setting->choices);
    int nearest = str_nearest(text, names, count);
    if (nearest >= 0)
        error_hint(err, "did you mean '%s'?", names[nearest]);
    return code;
}

/* Reads text by the type of the setting; ret_value gets the value only, nothing about its source.
 */
static int parse_value(const struct setting *setting, const char *text,
                       struct setting_value *ret_value, struct error *err)
{
    switch (setting->type) {
    case SETTING_TYPE_BOOL:
        return parse_bool(text, &ret_value->boolean, err);
    case SETTING_TYPE_U64:
        return unit_parse_u64(text, (uint64_t)setting->min,
                              is_unbounded(setting) ? UINT64_MAX : (uint64_t)setting->max,
                              &ret_value->u64, err);
    case SETTING_TYPE_DOUBLE:
        return parse_double(setting, text, &ret_value->number, err);
    case SETTING_TYPE_DURATION:
        return parse_duration(setting, text, &ret_value->u64, err);
    case SETTING_TYPE_SIZE:
        return parse_size(setting, text, &ret_value->u64, err);
    case SETTING_TYPE_CHOICE:
        return parse_choice(setting, text, err);
    case SETTING_TYPE_STRING:
    case SETTING_TYPE_LIST:
        return 0;
    }
    return error_set(err, ERROR_INTERNAL, "setting of unknown type");
}

int settings_check(enum setting_id id, const char *text, struct error *err)
{
    struct setting_value value = {0};
    return parse_value(&settings_table[id], text, &value, err);
}

/* Appends one string to a list in the arena. The array has room for the next power of two of its
 * count, so n strings cost O(n). */
static int list_append(struct arena *arena, struct setting_value *value, const char *text)
{
    size_t count = value->list_count;
    if ((count & (count - 1)) == 0) {
        const char **list = arena_alloc(arena, (count ? count * 2 : 1) * sizeof(*list));
        if (!list)
            return -1;
        if (count > 0)
            memcpy(list, value->list, count * sizeof(*list));
        value->list = list;
    }
    /* The array is this function's own, only its readers see it as constant. */
    ((const char **)value->list)[count] = text;
    value->list_count = count + 1;
    return 0;
}

int settings_set(struct settings *settings, enum setting_id id, const char *text,
                 enum setting_source source, const char *origin, struct error *err)
{
    const struct setting *setting = &settings_table[id];
    struct setting_value *old = &settings->values[id];
    if (!text)
        text = "true";

    struct setting_value value = {.source = source, .is_set = source != SOURCE_DEFAULT};
    int code = parse_value(setting, text, &value, err);
    if (code < 0) {
        /* A file has a line and a column; a flag or variable only its name. */
        if (err && origin && *origin && (source == SOURCE_FLAG || source == SOURCE_ENV)) {
            struct error plain = *err;
            error_set(err, plain.code, "%s: %s", origin, plain.message);
            str_copy(err->hint, sizeof(err->hint), plain.hint);
        }
        return code;
    }
    if (source < old->source)
        return 0;

    value.text = arena_strdup(&settings->arena, text);
    if (!value.text)
        return error_set(err, ERROR_NOMEM, "out of memory");
    str_copy(value.origin, sizeof(value.origin), origin ? origin : "");
    if (setting->type == SETTING_TYPE_LIST) {
        if (source == old->source) {
            value.list = old->list;
            value.list_count = old->list_count;
        }
        if (list_append(&settings->arena, &value, value.text) < 0)
            return error_set(err, ERROR_NOMEM, "out of memory");
    }
    *old = value;
    return 0;
}

int settings_init(struct settings *settings, struct error *err)
{
    *settings = (struct settings){0};
    for (int id = 0; id < SETTING_COUNT; id++) {
        if (!settings_table[id].default_text)
            continue;
        int code = settings_set(settings, (enum setting_id)id, settings_table[id].default_text,
                                SOURCE_DEFAULT, "", err);
        if (code < 0) {
            settings_deinit(settings);
            return code;
        }
    }
    return 0;
}

/* The strings and the list of one value, in the arena of its new owner. */
static int copy_value(struct arena *arena, struct setting_value *value)
{
    const struct setting_value original = *value;
    value->text = original.text ? arena_strdup(arena, original.text) : NULL;
    value->list = NULL;
    value->list_count = 0;
    if (original.text && !value->text)
        return -1;
    for (size_t i = 0; i < original.list_count; i++) {
        const char *item = arena_strdup(arena, original.list[i]);
        if (!item || list_append(arena, value, item) < 0)
            return -1;
    }
    return 0;
}

int settings_copy(struct settings *copy, const struct settings *settings, struct error *err)
{
    *copy = (struct settings){0};
    for (int id = 0; id < SETTING_COUNT; id++) {
        copy->values[id] = settings->values[id];
        if (copy_value(&copy->arena, &copy->values[id]) < 0) {
            settings_deinit(copy);
            return error_set(err, ERROR_NOMEM, "out of memory for a copy of the settings");
        }
    }
    return 0;
}

int settings_unset(struct settings *settings, enum setting_id id, struct error *err)
{
    const char *text = settings_table[id].default_text;
    settings->values[id] = (struct setting_value){0};
    return text ? settings_set(settings, id, text, SOURCE_DEFAULT, "", err) : 0;
}

void settings_deinit(struct settings *settings)
{
    arena_deinit(&settings->arena);
    *settings = (struct settings){0};
}

int settings_load_env(struct settings *settings, struct error *err)
{
    for (int id = 0; id < SETTING_COUNT; id++) {
        const char *name = settings_table[id].env;
        const char *text = name ? getenv(name) : NULL;
        /* Empty is unset: that is how a variable is switched off for one command. */
        if (!text || !*text)
            continue;
        int code = settings_set(settings, (enum setting_id)id, text, SOURCE_ENV, name, err);
        if (code < 0)
            return code;
    }
    return 0;
}

bool settings_is_set(const struct settings *settings, enum setting_id id)
{
    return settings->values[id].is_set;
}

bool settings_get_bool(const struct settings *settings, enum setting_id id)
{
    return settings->values[id].boolean;
}

uint64_t settings_get_u64(const struct settings *settings, enum setting_id id)
{
    return settings->values[id].u64;
}

const char *settings_get_text(const struct settings *settings, enum setting_id id)
{
    return settings->values[id].text;
}

const char *settings_source_name(enum setting_source source)
{
    static const char *const names[] = {"default", "file", "environment", "flag"};
    return (size_t)source < ARRAY_LEN(names) ? names[source] : "unknown";
}
