/* embedded.c: see embedded.h. */
#include "format/embedded.h"

#include <string.h>

#include "base/str.h"
#include "base/util.h"

const struct embedded_file *embedded_find(const char *path)
{
    static const struct {
        const char *folder, *extension;
        const struct embedded_file *files;
    } tables[] = {
        {"profiles/", ".yaml", embedded_profiles},
        {"models/", ".onnx", embedded_models},
    };
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        if (!str_starts_with(path, tables[i].folder) || !str_ends_with(path, tables[i].extension))
            continue;
        const char *name = path + strlen(tables[i].folder);
        size_t length = strlen(name) - strlen(tables[i].extension);
        for (const struct embedded_file *file = tables[i].files; file->name; file++)
            if (strlen(file->name) == length && strncmp(file->name, name, length) == 0)
                return file;
    }
    return NULL;
}
