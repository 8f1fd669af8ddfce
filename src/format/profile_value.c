/* profile_value.c: the values of a profile's keys: numbers, texts, lists and mappings. */
#include "format/profile_internal.h"

#include <math.h>
#include <string.h>

#include "base/str.h"
#include "base/unit.h"
#include "base/util.h"

/* ---- values ------------------------------------------------------------------------------- */

int profile_bad_value(const struct yaml_node *node, struct error *err, const char *expected)
{
    return error_set(err, ERROR_INPUT, "%s: expected %s", node->key ? node->key : "list item",
                     expected);
}

int profile_number(const struct yaml_node *node, double min, double *ret, struct error *err)
{
    double value;
    if (node->kind != YAML_SCALAR || unit_parse_double(node->scalar, &value, NULL) < 0 ||
        value < min)
        return profile_bad_value(node, err,
                                 min > 0 ? "a number above 0" : "a number of at least 0");
    *ret = value;
    return 0;
}

int profile_count(const struct yaml_node *node, uint64_t min, uint64_t *ret, struct error *err)
{
    if (node->kind != YAML_SCALAR || unit_parse_u64(node->scalar, min, 1000000000, ret, NULL) < 0)
        return profile_bad_value(node, err, "a whole number");
    return 0;
}

/* Items tell their own place: profile_bad_value knows only names. */
int profile_at_node(const struct yaml_node *node, int rc, struct error *err)
{
    if (rc < 0)
        error_at(err, "", node->line, node->column);
    return rc;
}

int profile_text(struct profile_reader *reader, const struct yaml_node *node, const char **ret,
                 struct error *err)
{
    if (node->kind != YAML_SCALAR)
        return profile_bad_value(node, err, "text");
    char *text = arena_strdup(&reader->profile->arena, node->scalar);
    if (!text)
        return error_set(err, ERROR_NOMEM, "out of memory");
    str_make_printable(text);
    *ret = text;
    return 0;
}

int profile_bool(const struct yaml_node *node, bool *ret, struct error *err)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
    for (size_t i = 0; node->kind == YAML_SCALAR && i < ARRAY_LEN(words); i++) {
        if (strcmp(node->scalar, words[i]) == 0) {
            *ret = i % 2 == 1;
            return 0;
        }
    }
    return profile_bad_value(node, err, "true or false");
}

/* ---- lists, and mappings of details ------------------------------------------------------- */

static size_t count_items(const struct yaml_node *list)
{
    size_t count = 0;
    for (const struct yaml_node *item = list->child; item; item = item->next)
        count++;
    return count;
}

int profile_texts_read(struct profile_reader *reader, const struct yaml_node *list,
                       struct profile_texts *ret, struct error *err)
{
    if (list->kind != YAML_SEQUENCE)
        return profile_bad_value(list, err, "a list of words such as [one, two]");
    size_t count = count_items(list);
    ret->items = arena_alloc(&reader->profile->arena, (count + 1) * sizeof(*ret->items));
    if (!ret->items)
        return error_set(err, ERROR_NOMEM, "out of memory");
    for (const struct yaml_node *item = list->child; item; item = item->next) {
        int rc =
            profile_at_node(item, profile_text(reader, item, &ret->items[ret->count], err), err);
        if (rc < 0)
            return rc;
        ret->count++;
    }
    return 0;
}

/* Of percentiles and batch sizes. */
int profile_numbers_read(struct profile_reader *reader, const struct yaml_node *list, bool whole,
                         double max, struct profile_numbers *ret, struct error *err)
{
    if (list->kind != YAML_SEQUENCE)
        return profile_bad_value(list, err, "a list of numbers such as [1, 4, 8]");
    size_t count = count_items(list);
    ret->items = arena_alloc(&reader->profile->arena, (count + 1) * sizeof(*ret->items));
    if (!ret->items)
        return error_set(err, ERROR_NOMEM, "out of memory");
    for (const struct yaml_node *item = list->child; item; item = item->next) {
        double value = 0;
        int rc = profile_number(item, 0, &value, err);
        if (rc == 0 && (value <= 0 || value > max || (whole && value != floor(value))))
            rc = profile_bad_value(item, err,
                                   whole ? "a whole number from 1 to 65536"
                                         : "a percentile above 0, at most 100");
        if (profile_at_node(item, rc, err) < 0)
            return rc;
        ret->items[ret->count++] = value;
    }
    return 0;
}

#define DETAIL_KEYS_MAX 16

static int fail_unknown_detail(const struct yaml_node *node, const char *mapping,
                               const struct profile_detail_key *known, struct error *err)
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

int profile_details_read(struct profile_reader *reader, const struct yaml_node *mapping,
                         const struct profile_detail_key *known, struct profile_details *ret,
                         struct error *err)
{
    if (mapping->kind != YAML_MAPPING)
        return profile_bad_value(mapping, err, "a mapping of keys to values");
    size_t count = count_items(mapping);
    ret->items = arena_alloc(&reader->profile->arena, (count + 1) * sizeof(*ret->items));
    if (!ret->items)
        return error_set(err, ERROR_NOMEM, "out of memory");
    for (const struct yaml_node *node = mapping->child; node; node = node->next) {
        const struct profile_detail_key *key = known;
        while (key->name && strcmp(key->name, node->key) != 0)
            key++;
        if (!key->name)
            return fail_unknown_detail(node, mapping->key, known, err);
        struct profile_detail *detail = &ret->items[ret->count];
        detail->key = key->name;
        detail->kind = key->kind;
        int rc = profile_text(reader, node, &detail->text, err);
        if (rc == 0 && key->kind == PROFILE_NUMBER)
            rc = profile_number(node, 0, &detail->number, err);
        else if (rc == 0 && key->kind == PROFILE_BOOL)
            rc = profile_bool(node, &detail->boolean, err);
        if (profile_at_node(node, rc, err) < 0)
            return rc;
        ret->count++;
    }
    return 0;
}
