/* peer_json.c: what the peers that write JSON share. */
#include "format/peers/peer_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

static const char *name_of(const struct peer_field *field)
{
    return field->name ? field->name : field->key;
}

static double scaled(const struct peer_field *field, double value)
{
    return field->scale == 0 ? value : value * field->scale;
}

void peer_json_values(struct peer_run *run, const json_t *object, const struct peer_field *fields,
                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_object_get(object, fields[i].key);
        if (json_is_number(value))
            peer_run_value(run, name_of(&fields[i]), fields[i].unit, fields[i].direction,
                           fields[i].definition, scaled(&fields[i], json_number_value(value)));
    }
}

static size_t count_numbers(const json_t *array)
{
    size_t count = 0, index;
    json_t *item;
    json_array_foreach(array, index, item)
    {
        count += json_is_array(item) ? count_numbers(item) : json_is_number(item);
    }
    return count;
}

static double *copy_numbers(const json_t *array, const struct peer_field *field, double *to)
{
    size_t index;
    json_t *item;
    json_array_foreach(array, index, item)
    {
        if (json_is_array(item))
            to = copy_numbers(item, field, to);
        else if (json_is_number(item))
            *to++ = scaled(field, json_number_value(item));
    }
    return to;
}

void peer_json_samples(struct peer_run *run, const json_t *object, const struct peer_field *field)
{
    const json_t *array = json_object_get(object, field->key);
    size_t count = json_is_array(array) ? count_numbers(array) : 0;
    if (count == 0)
        return;
    CLEANUP_FREE double *values = calloc(count, sizeof(*values));
    if (!values) {
        if (run->rc == 0)
            run->rc = error_set(run->err, ERROR_NOMEM, "out of memory");
        return;
    }
    copy_numbers(array, field, values);
    peer_run_samples(run, name_of(field), field->unit, field->direction, field->definition, values,
                     count);
}

void peer_json_facts(struct facts *facts, const json_t *object, const char *const *keys,
                     size_t count, const char *source)
{
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_object_get(object, keys[i]);
        if (json_is_string(value))
            facts_text(facts, keys[i], json_string_value(value), source);
        else if (json_is_boolean(value))
            facts_bool(facts, keys[i], json_is_true(value), source);
        else if (json_is_integer(value))
            facts_integer(facts, keys[i], json_integer_value(value), source);
        else if (json_is_real(value))
            facts_number(facts, keys[i], json_real_value(value), source);
    }
}

/* Where the document that begins at `at` ends: behind the bracket that closes it. */
static size_t document_end(const struct peer_input *input, size_t at)
{
    int depth = 0;
    bool in_string = false;
    for (; at < input->size; at++) {
        char c = input->text[at];
        if (in_string) {
            if (c == '\\')
                at++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth <= 0) {
            return at + 1;
        }
    }
    return input->size;
}

int peer_json_documents(const struct peer_input *input,
                        int (*each)(const struct peer_input *input, const json_t *root,
                                    size_t index, struct error *err),
                        struct error *err)
{
    int rc = 0;
    size_t at = 0, index = 0;
    while (rc == 0) {
        at += strspn(input->text + at, " \t\r\n");
        if (at >= input->size)
            break;
        size_t end = document_end(input, at);
        CLEANUP(json_reader_close) struct json_reader reader = {.file = input->file, .err = err};
        json_t *root = NULL;
        rc = json_reader_parse(&reader, input->text + at, end - at, &root);
        if (rc == 0)
            rc = each(input, root, index++, err);
        at = end;
    }
    return rc;
}
