/* settings_file.c: tacho.yaml into settings (settings.h).
 *
 * A key of the table and its aliases may stand in one file (the README of the toolkit that tacho
 * succeeds sets benchmark.sample_interval and monitoring.sample_interval_ms): the key itself wins,
 * then the aliases in the order of the table, wherever they stand in the file.
 */
#include "base/settings.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/unit.h"
#include "base/util.h"
#include "base/yaml.h"

#define KEY_LENGTH_MAX 160
#define CANDIDATES_MAX (SETTING_COUNT * 4)

/* One name under which a setting may stand in the file. */
struct file_key {
    char name[KEY_LENGTH_MAX];
    enum setting_id id;
    unsigned rank; /* 1: the key itself, 2: its first alias, … */
    bool in_ms;    /* bare numbers are ms */
};

struct reader {
    struct settings *settings;
    const char *file;
    struct error *err;
    unsigned ranks[SETTING_COUNT]; /* of the name that set it from this file, 0: none yet */
};

/* Steps through all names of the table; a zeroed cursor starts. */
struct key_cursor {
    int id;
    unsigned rank;
    const char *rest; /* of the aliases */
};

static bool next_key(struct key_cursor *cursor, struct file_key *ret_key)
{
    for (; cursor->id < SETTING_COUNT; *cursor = (struct key_cursor){.id = cursor->id + 1}) {
        const struct setting *setting = &settings_table[cursor->id];
        struct file_key key = {.id = (enum setting_id)cursor->id};
        if (!setting->key)
            continue;
        if (cursor->rank == 0) {
            str_copy(key.name, sizeof(key.name), setting->key);
            cursor->rest = setting->aliases ? setting->aliases : "";
        } else {
            cursor->rest += strspn(cursor->rest, " ");
            size_t length = strcspn(cursor->rest, " ");
            if (length == 0)
                continue;
            snprintf(key.name, sizeof(key.name), "%.*s", (int)length, cursor->rest);
            cursor->rest += length;
            key.in_ms = str_ends_with(key.name, ":ms");
            if (key.in_ms)
                key.name[strlen(key.name) - 3] = '\0';
        }
        key.rank = ++cursor->rank;
        *ret_key = key;
        return true;
    }
    return false;
}

static bool find_key(const char *name, struct file_key *ret_key)
{
    struct key_cursor cursor = {0};
    while (next_key(&cursor, ret_key)) {
        if (strcmp(ret_key->name, name) == 0)
            return true;
    }
    return false;
}

static bool is_section(const char *name)
{
    size_t length = strlen(name);
    struct key_cursor cursor = {0};
    struct file_key key;
    while (next_key(&cursor, &key)) {
        if (strncmp(key.name, name, length) == 0 && key.name[length] == '.')
            return true;
    }
    return false;
}

/* Where the part of a dotted name starts that stands behind its section. */
static size_t section_length(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? (size_t)(dot - name + 1) : 0;
}

static int unknown_key(const struct reader *reader, const struct yaml_node *node, const char *name)
{
    error_set(reader->err, ERROR_INPUT, "unknown setting '%s'", name);
    error_at(reader->err, reader->file, node->key_line, node->key_column);

    /* What could stand in the same section: keys, and sections within it, each cut to one part. */
    struct arena arena = {0};
    const char *parts[CANDIDATES_MAX];
    size_t count = 0, prefix = section_length(name);
    const char *elsewhere = NULL;
    struct key_cursor cursor = {0};
    struct file_key key;
    while (count < CANDIDATES_MAX && next_key(&cursor, &key)) {
        if (strncmp(key.name, name, prefix) == 0) {
            const char *part = key.name + prefix;
            parts[count] = arena_strndup(&arena, part, strcspn(part, "."));
            count += parts[count] != NULL;
        }
        if (!elsewhere && strcmp(key.name + section_length(key.name), name + prefix) == 0)
            elsewhere = arena_strdup(&arena, key.name);
    }
    int nearest = str_nearest(name + prefix, parts, count);
    if (nearest >= 0)
        error_hint(reader->err, "did you mean '%.*s%s'?", (int)prefix, name, parts[nearest]);
    else if (elsewhere)
        error_hint(reader->err, "did you mean '%s'?", elsewhere);
    else
        error_hint(reader->err, "`tacho doctor --config-values` lists every setting");
    arena_deinit(&arena);
    return -ERROR_INPUT;
}

static int refuse(const struct reader *reader, const struct yaml_node *node, const char *name,
                  const char *reason)
{
    error_set(reader->err, ERROR_INPUT, "'%s' %s", name, reason);
    error_at(reader->err, reader->file, node->line, node->column);
    return -ERROR_INPUT;
}

static bool is_null(const struct yaml_node *node)
{
    const char *text = node->scalar;
    return !node->quoted && (!*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0 ||
                             strcmp(text, "Null") == 0 || strcmp(text, "NULL") == 0);
}

static int read_scalar(struct reader *reader, const struct yaml_node *node,
                       const struct file_key *key)
{
    if (node->kind != YAML_SCALAR)
        return refuse(reader, node, key->name, "takes a plain value here");
    if (is_null(node)) {
        refuse(reader, node, key->name, "has no value");
        return error_hint(reader->err, "give it one, or leave the line out for the default");
    }
    const char *text = node->scalar;
    char in_ms[80];
    double number;
    if (key->in_ms && strlen(text) < sizeof(in_ms) - 3 &&
        unit_parse_double(text, &number, NULL) == 0) {
        snprintf(in_ms, sizeof(in_ms), "%sms", text);
        text = in_ms;
    }

    char origin[sizeof(((struct setting_value *)0)->origin)];
    snprintf(origin, sizeof(origin), "%s:%d:%d", reader->file, node->line, node->column);
    unsigned rank = reader->ranks[key->id];
    bool outranked = rank != 0 && rank < key->rank;
    int code =
        outranked ? settings_check(key->id, text, reader->err)
                  : settings_set(reader->settings, key->id, text, SOURCE_FILE, origin, reader->err);
    if (code < 0)
        error_at(reader->err, reader->file, node->line, node->column);
    else if (!outranked)
        reader->ranks[key->id] = key->rank;
    return code;
}

static int read_value(struct reader *reader, const struct yaml_node *node,
                      const struct file_key *key)
{
    if (node->kind != YAML_SEQUENCE)
        return read_scalar(reader, node, key);
    if (settings_table[key->id].type != SETTING_TYPE_LIST)
        return refuse(reader, node, key->name, "takes one value, not a list");
    for (const struct yaml_node *item = node->child; item; item = item->next) {
        int code = read_scalar(reader, item, key);
        if (code < 0)
            return code;
    }
    return 0;
}

/* prefix: the dotted name of the section, "" at the top. */
static int read_section(struct reader *reader, const struct yaml_node *section, const char *prefix)
{
    for (const struct yaml_node *node = section->child; node; node = node->next) {
        char name[KEY_LENGTH_MAX];
        struct file_key key;
        /* A name that is cut is longer than any of the table and so unknown. */
        snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", node->key);
        int code;
        if (find_key(name, &key))
            code = read_value(reader, node, &key);
        else if (!is_section(name))
            code = unknown_key(reader, node, name);
        else if (node->kind == YAML_MAPPING)
            code = read_section(reader, node, name); /* as deep as the names of the table */
        else if (node->kind == YAML_SCALAR && is_null(node))
            code = 0; /* a section whose lines are all commented out */
        else
            code =
                refuse(reader, node, name, "is a section: its settings stand below it, indented");
        if (code < 0)
            return code;
    }
    return 0;
}

int settings_load_file(struct settings *settings, const char *path, struct error *err)
{
    struct yaml_document doc;
    int code = yaml_parse_file(path, &doc, err);
    if (code < 0)
        return code;
    struct reader reader = {.settings = settings, .file = path, .err = err};
    if (doc.root && doc.root->kind == YAML_MAPPING)
        code = read_section(&reader, doc.root, "");
    else if (doc.root && !(doc.root->kind == YAML_SCALAR && is_null(doc.root)))
        code = refuse(&reader, doc.root, doc.root->scalar ? doc.root->scalar : "-",
                      "is no setting: they stand in lines of the form 'key: value'");
    yaml_deinit(&doc);
    return code;
}
