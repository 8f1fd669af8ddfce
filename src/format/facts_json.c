/* facts_json.c: facts as JSON, plain within a run (facts_json.h) and lossless for the store. */
#include "format/facts_json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "format/run_json.h"

/* Adding a fact looks for its key among all others; more than this many are no description. */
#define FACTS_MAX 4096

static enum reason reason_of(const struct fact *fact)
{
    if (fact->kind == FACT_NUMBER && !isfinite(fact->number))
        return REASON_FAILED;
    return fact->kind == FACT_NULL ? fact->reason : REASON_NONE;
}

static void write_value(struct json_writer *writer, const char *key, const struct fact *fact)
{
    switch (fact->kind) {
    case FACT_NULL:
        json_write_null(writer, key);
        break;
    case FACT_TEXT:
        json_write_text(writer, key, fact->text);
        break;
    case FACT_NUMBER:
        json_write_real(writer, key, fact->number);
        break;
    case FACT_INTEGER:
        json_write_i64(writer, key, fact->integer);
        break;
    case FACT_BOOL:
        json_write_bool(writer, key, fact->integer != 0);
        break;
    case FACT_LIST:
        json_write_array_line(writer, key);
        for (size_t i = 0; i < fact->list_count; i++)
            json_write_text(writer, NULL, fact->list[i]);
        json_write_end(writer);
        break;
    }
}

static void write_reasons(struct json_writer *writer, const char *key, const struct facts *facts)
{
    bool open = false;
    facts_foreach (facts, fact) {
        if (reason_of(fact) == REASON_NONE)
            continue;
        if (!open)
            json_write_object(writer, key);
        open = true;
        json_write_text(writer, fact->key, reason_name(reason_of(fact)));
    }
    if (open)
        json_write_end(writer);
}

static void write_sources(struct json_writer *writer, const char *key, const struct facts *facts)
{
    bool open = false;
    facts_foreach (facts, fact) {
        if (!fact->source)
            continue;
        if (!open)
            json_write_object(writer, key);
        open = true;
        json_write_text(writer, fact->key, fact->source);
    }
    if (open)
        json_write_end(writer);
}

void facts_json_write_members(struct json_writer *writer, const char *key,
                              const struct facts *facts, bool with_sources)
{
    char name[64];
    json_write_object(writer, key);
    facts_foreach (facts, fact) {
        write_value(writer, fact->key, fact);
    }
    json_write_end(writer);
    snprintf(name, sizeof(name), "%s_reasons", key);
    write_reasons(writer, name, facts);
    snprintf(name, sizeof(name), "%s_sources", key);
    if (with_sources)
        write_sources(writer, name, facts);
}

static int read_list(struct json_reader *reader, const char *key, const json_t *value,
                     const char *source, struct facts *facts)
{
    size_t count = json_array_size(value);
    CLEANUP_FREE const char **items = calloc(count + 1, sizeof(*items));
    if (!items)
        return json_reader_fail_memory(reader);
    for (size_t i = 0; i < count; i++) {
        items[i] = json_string_value(json_array_get(value, i));
        if (!items[i])
            return json_reader_fail(reader, ERROR_INPUT, "\"%s\" must be a list of texts", key);
    }
    facts_list(facts, key, items, count, source);
    return reader->rc;
}

static int read_value(struct json_reader *reader, const char *key, const json_t *value,
                      const char *reason, const char *source, struct facts *facts)
{
    int known = reason ? reason_parse(reason) : REASON_FAILED;
    switch (json_typeof(value)) {
    case JSON_NULL:
        facts_null(facts, key, known < 0 ? REASON_FAILED : (enum reason)known, source);
        break;
    case JSON_STRING:
        facts_text(facts, key, json_string_value(value), source);
        break;
    case JSON_REAL:
        facts_number(facts, key, json_real_value(value), source);
        break;
    case JSON_INTEGER:
        facts_integer(facts, key, json_integer_value(value), source);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        facts_bool(facts, key, json_is_true(value), source);
        break;
    case JSON_ARRAY:
        return read_list(reader, key, value, source, facts);
    case JSON_OBJECT:
        return json_reader_fail(reader, ERROR_INPUT, "\"%s\" must not be an object", key);
    }
    if (facts->failed)
        return json_reader_fail_memory(reader);
    return reader->rc;
}

int facts_json_read_members(struct json_reader *reader, const json_t *object, const char *key,
                            struct facts *facts)
{
    char name[64];
    const json_t *values = json_get_object(reader, object, key);
    snprintf(name, sizeof(name), "%s_reasons", key);
    const json_t *reasons = json_get_object(reader, object, name);
    snprintf(name, sizeof(name), "%s_sources", key);
    const json_t *sources = json_get_object(reader, object, name);
    if (json_object_size(values) > FACTS_MAX)
        return json_reader_fail(reader, ERROR_INPUT, "\"%s\" holds more than %d facts", key,
                                FACTS_MAX);
    const char *fact_key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)values, fact_key, value)
    {
        const char *reason = json_get_text(reader, reasons, fact_key, NULL);
        const char *source = json_get_text(reader, sources, fact_key, NULL);
        if (reader->rc < 0 || read_value(reader, fact_key, value, reason, source, facts) < 0)
            return reader->rc;
    }
    if (facts->failed)
        return json_reader_fail_memory(reader);
    return reader->rc;
}

int facts_json_write(const struct facts *facts, struct strbuf *out, struct error *err)
{
    struct json_writer writer = {.out = out, .compact = true};
    json_write_object(&writer, NULL);
    facts_foreach (facts, fact) {
        json_write_object(&writer, fact->key);
        write_value(&writer, "value", fact);
        if (reason_of(fact) != REASON_NONE)
            json_write_text(&writer, "reason", reason_name(reason_of(fact)));
        if (fact->source)
            json_write_text(&writer, "source", fact->source);
        json_write_end(&writer);
    }
    json_write_end(&writer);
    if (out->failed || facts->failed)
        return error_set(err, ERROR_NOMEM, "out of memory writing facts");
    return 0;
}

int facts_json_read(const char *text, struct facts *facts, struct error *err)
{
    CLEANUP(json_reader_close) struct json_reader reader = {.err = err};
    json_t *root = NULL;
    if (json_reader_parse(&reader, text, strlen(text), &root) < 0)
        return reader.rc;
    if (!json_is_object(root) || json_object_size(root) > FACTS_MAX)
        return json_reader_fail(&reader, ERROR_INPUT, "facts must be an object of at most %d",
                                FACTS_MAX);
    const char *key = NULL;
    json_t *entry = NULL;
    json_object_foreach(root, key, entry)
    {
        const json_t *value = json_object_get(entry, "value");
        if (!value)
            return json_reader_fail(&reader, ERROR_INPUT, "fact \"%s\" has no value", key);
        const char *reason = json_get_text(&reader, entry, "reason", NULL);
        const char *source = json_get_text(&reader, entry, "source", NULL);
        if (reader.rc < 0 || read_value(&reader, key, value, reason, source, facts) < 0)
            return reader.rc;
    }
    return facts->failed ? json_reader_fail_memory(&reader) : reader.rc;
}
