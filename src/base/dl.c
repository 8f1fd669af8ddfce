/* dl.c: see dl.h. */
#include "base/dl.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/util.h"

int dl_open(const char *const *names, void **ret_handle, const char **ret_name, struct error *err)
{
    char tried[160] = "", reason[200] = "";
    size_t used = 0;
    for (size_t i = 0; names[i]; i++) {
        void *handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (handle) {
            *ret_handle = handle;
            if (ret_name)
                *ret_name = names[i];
            return 0;
        }
        /* The loader's words for the first name: a library that is there but does not fit says so
         * (wrong machine, missing dependency). */
        const char *text = dlerror();
        if (i == 0)
            str_copy(reason, sizeof(reason), text ? text : "unknown reason");
        if (used < sizeof(tried))
            used += (size_t)snprintf(tried + used, sizeof(tried) - used, "%s%s", i ? ", " : "",
                                     names[i]);
    }
    return error_set(err, ERROR_ABSENT, "cannot load %s (%s)", tried, reason);
}

int dl_bind(void *handle, const struct dl_symbol *symbols, size_t count, struct error *err)
{
    const char *missing = NULL;
    for (size_t i = 0; i < count; i++) {
        void *address = NULL;
        for (size_t j = 0; j < ARRAY_LEN(symbols[i].names) && symbols[i].names[j] && !address; j++)
            address = dlsym(handle, symbols[i].names[j]);
        *symbols[i].slot = address;
        if (!address && symbols[i].required && !missing)
            missing = symbols[i].names[0];
    }
    if (missing)
        return error_set(err, ERROR_UNSUPPORTED, "the library lacks the function %s", missing);
    return 0;
}

void dl_close(void *handle)
{
    if (handle)
        dlclose(handle);
}
