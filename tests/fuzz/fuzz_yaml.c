/* fuzz_yaml.c: any bytes as YAML: no crash, and a tree whose every node has a place and what its
 * kind promises.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

static void check_node(const struct yaml_node *node, int in_mapping)
{
    require(node->line >= 1 && node->column >= 1);
    require((node->key != NULL) == in_mapping);
    require((node->scalar != NULL) == (node->kind == YAML_SCALAR));
    if (in_mapping)
        require(node->key_line >= 1 && node->key_column >= 1);
    for (const struct yaml_node *child = node->child; child; child = child->next) {
        require(node->kind != YAML_SCALAR);
        check_node(child, node->kind == YAML_MAPPING);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct yaml_document doc;
    struct error err = {0};
    int code = yaml_parse_text((const char *)data, size, "fuzz.yaml", &doc, &err);
    require((code == 0) == (err.code == 0));
    if (code < 0) {
        require(err.message[0] && strcmp(err.file, "fuzz.yaml") == 0);
        return 0;
    }
    if (doc.root)
        check_node(doc.root, 0);
    yaml_deinit(&doc);
    return 0;
}
