/* devices.c: see devices.h; the kinds of devices have files of their own. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "collect/devices_internal.h"
#include "collect/tegra_board.h"
#include "model/environment.h"

struct device *devices_add(struct device_search *search, const char *type, uint32_t index,
                           const char *id)
{
    if (search->list->count == DEVICES_MAX)
        return NULL;
    struct device *device = &search->list->items[search->list->count++];
    memset(device, 0, sizeof(*device));
    str_copy(device->id, sizeof(device->id), id);
    str_copy(device->type, sizeof(device->type), type);
    device->index = index;
    return device;
}

void devices_walk(struct device_search *search, const char *path,
                  int (*fn)(const char *name, void *context), void *context)
{
    search->failed |= root_list(search->root, path, fn, context, NULL) == -ERROR_NOMEM;
}

void devices_absent(struct device_search *search, const char *kind, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    str_make_printable(text);
    facts_text(&search->list->absent, kind, text, NULL);
}

/* ---- facts ---- */

static void copy_fact(const struct fact *fact, struct facts *facts)
{
    switch (fact->kind) {
    case FACT_NULL:
        facts_null(facts, fact->key, fact->reason, fact->source);
        break;
    case FACT_TEXT:
        facts_text(facts, fact->key, fact->text, fact->source);
        break;
    case FACT_NUMBER:
        facts_number(facts, fact->key, fact->number, fact->source);
        break;
    case FACT_INTEGER:
        facts_integer(facts, fact->key, fact->integer, fact->source);
        break;
    case FACT_BOOL:
        facts_bool(facts, fact->key, fact->integer != 0, fact->source);
        break;
    case FACT_LIST:
        facts_list(facts, fact->key, fact->list, fact->list_count, fact->source);
        break;
    }
}

void devices_copy_facts(const struct device_search *search, const char *const *keys,
                        struct facts *facts)
{
    for (; *keys; keys++) {
        const struct fact *fact = facts_get(&search->environment, *keys);
        if (fact)
            copy_fact(fact, facts);
    }
}

void devices_text_fact(struct facts *facts, const char *key, const char *text, const char *source)
{
    if (*text)
        facts_text(facts, key, text, source);
    else
        facts_null(facts, key, REASON_ABSENT, source);
}

static void null_of_code(struct facts *facts, const char *key, int code, const char *source)
{
    enum reason reason = reason_from_error(code);
    facts_null(facts, key, reason == REASON_NONE ? REASON_FAILED : reason, source);
}

void devices_number_fact(const struct root *root, struct facts *facts, const char *key,
                         const char *path, double scale)
{
    char source[404];
    int64_t value;
    snprintf(source, sizeof(source), "/%s", path);
    int rc = root_read_i64(root, path, &value, NULL);
    if (rc < 0)
        null_of_code(facts, key, rc, source);
    else
        facts_number(facts, key, (double)value * scale, source);
}

void devices_line_fact(const struct root *root, struct facts *facts, const char *key,
                       const char *path)
{
    char source[404], text[512];
    snprintf(source, sizeof(source), "/%s", path);
    ssize_t length = root_read_line(root, path, text, sizeof(text), NULL);
    if (length < 0) {
        null_of_code(facts, key, (int)length, source);
        return;
    }
    str_make_printable(text);
    devices_text_fact(facts, key, text, source);
}

/* ---- the list ---- */

int devices_read(const struct root *root, struct device_list *ret_list, struct error *err)
{
    struct device_list list = {.items = calloc(DEVICES_MAX, sizeof(*list.items))};
    if (!list.items)
        return error_set(err, ERROR_NOMEM, "out of memory for the list of devices");
    struct device_search search = {.root = root, .list = &list};
    environment_read(root, &search.environment);
    search.is_board = tegra_is_board(root);
    devices_find_cpu(&search);
    devices_find_jetson(&search);
    devices_find_nvidia(&search);
    bool failed = search.failed || search.environment.failed || list.absent.failed;
    for (size_t i = 0; i < list.count; i++)
        failed |= list.items[i].facts.failed;
    facts_deinit(&search.environment);
    if (failed) {
        devices_deinit(&list);
        return error_set(err, ERROR_NOMEM, "out of memory for the list of devices");
    }
    *ret_list = list;
    return 0;
}

void devices_deinit(struct device_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        facts_deinit(&list->items[i].facts);
    facts_deinit(&list->absent);
    free(list->items);
    *list = (struct device_list){.items = NULL};
}

const struct device *devices_find(const struct device_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct device *device = &list->items[i];
        if (strcmp(device->id, name) == 0 ||
            (device->alias[0] && strcmp(device->alias, name) == 0) ||
            strcmp(device->type, name) == 0)
            return device;
    }
    return NULL;
}
