/* reference.c: see reference.h. */
#include "workload/reference.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"

static const char *const names[] = {"detector", "classifier"};

bool reference_is(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool is_there(const char *base, const char *precision, char *path, size_t size)
{
    int length = snprintf(path, size, "%s%s%s.onnx", base, precision[0] ? "." : "", precision);
    return length > 0 && (size_t)length < size && access(path, F_OK) == 0;
}

static bool find_in(const char *directory, const char *below, const char *name,
                    const char *precision, char *path, size_t size)
{
    char base[PATH_MAX];
    if (directory == NULL || directory[0] == '\0' ||
        snprintf(base, sizeof(base), "%s%s/%s", directory, below, name) >= (int)sizeof(base))
        return false;
    return (precision != NULL && is_there(base, precision, path, size)) ||
           is_there(base, "", path, size);
}

int reference_find(const char *name, const char *precision, const char *data_directory,
                   const char *exe_directory, char *path, size_t size, struct error *err)
{
    if (find_in(data_directory, "/models", name, precision, path, size) ||
        find_in(exe_directory, "/models", name, precision, path, size) ||
        find_in(exe_directory, "/../share/tacho/models", name, precision, path, size))
        return 0;
    error_set(err, ERROR_ABSENT, "the reference model %s is not installed", name);
    return error_hint(
        err, "script/build makes it into build/models; or: tools/make_models.py "
             "--output DIR and TACHO_DATA set to the folder above DIR, named models; or name a "
             "MODEL.onnx of your own");
}
