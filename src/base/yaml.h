/* yaml.h: a YAML file as a tree whose every node knows its line and column.
 *
 * What: the one door to libyaml. Mappings, sequences and plain scalars; anchors, tags and several
 *       documents are refused by name, duplicate keys are errors.
 * Memory: the document owns all nodes and strings (an arena); yaml_deinit frees them.
 * Errors: -ERROR_INPUT with the true line and column (1-based).
 * Limits: 1 MiB, depth 16, 100,000 nodes.
 */
#ifndef TACHO_BASE_YAML_H
#define TACHO_BASE_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

struct yaml_node {
    enum yaml_kind kind;
    int line, column;
    const char *key; /* the key, when this node is a value of a mapping, else NULL */
    int key_line, key_column;
    const char *scalar;      /* the text, when scalar, else NULL */
    bool quoted;             /* scalar stood in quotes: never a number, a boolean or null */
    struct yaml_node *child; /* first element of a sequence or mapping */
    struct yaml_node *next;  /* next sibling */
};

struct yaml_document {
    struct arena arena;
    const char *file;
    struct yaml_node *root; /* NULL: the document is empty */
};

int yaml_parse_file(const char *path, struct yaml_document *ret_doc, struct error *err);
int yaml_parse_text(const char *text, size_t size, const char *file, struct yaml_document *ret_doc,
                    struct error *err);
void yaml_deinit(struct yaml_document *doc);
const struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key); /* or NULL */

#endif
